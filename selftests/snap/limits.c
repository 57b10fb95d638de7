// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 *
 * Limits of a snapshot, invalid arguments, and each allocation of SNAPSHOT, RESTORE,
 * PRESERVE, DIRTY_LOG, DIRTY_COLLECT and of the guest's writes failing once: the call
 * returns an error, nothing is lost, and the VM works as before.
 */
#include "fault_injection.h"
#include "snap.h"

#define COUNT	8U

FIXTURE(limits) {
	struct test_vm vm;
	unsigned char *copy;
	int nth;
};

FIXTURE_SETUP(limits)
{
	snap_open(&self->vm, COUNT);
	self->copy = malloc(TEST_MEM);
	ASSERT_NE(NULL, self->copy);
	self->nth = injection_open();
}

FIXTURE_TEARDOWN(limits)
{
	if (self->nth >= 0)
		close(self->nth);
	free(self->copy);
	vm_close(&self->vm);
	EXPECT_TRUE(WAIT_UNTIL(!module_refs()));
}

/* The write that exceeds the limit exits, repeatedly, and nothing is lost. */
TEST_F(limits, max_bytes)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	memcpy(self->copy, vm->mem, TEST_MEM);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 5 * PAGE));
	for (i = 0; i < 5; i++) {
		RUN_EXPECT(vm, MEMORY_FAULT);
		EXPECT_EQ(TEST_FREE + 5 * PAGE, vm->run->memory.gpa);
		EXPECT_EQ(SVMVCPU_FAULT_LIMIT | SVMVCPU_FAULT_WRITE,
			  vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
		EXPECT_EQ(0x1005U, *snap_page(vm, 5));
		if (i % 2)
			RESTORE(vm, self->copy, 5);
	}
	/* Pages that are saved already can still be written. */
	EXPECT_EQ(-ENOSPC, svmvcpu_vm_preserve(vm->vm, &(struct svmvcpu_range) { 0, PAGE }, 1));
	EXPECT_EQ(0, svmvcpu_vm_preserve(vm->vm, &(struct svmvcpu_range) { TEST_FREE, PAGE }, 1));
	RESTORE(vm, self->copy, 5);
	/* A larger snapshot replaces it, and the guest continues. */
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, COUNT * PAGE));
	RUN_EXPECT(vm, IO);
	RESTORE(vm, self->copy, COUNT);
	/* The same with no snapshot */
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, PAGE));
	RUN_EXPECT(vm, MEMORY_FAULT);
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	RUN_EXPECT(vm, IO);
}

/* A write by the module for the guest: an INS, which is not read twice */
GUEST32(ins,
	"mov $0x200000, %edi\n"
	"mov $0x60, %dx\n"
	"1: movl $1, 0x9000\n"
	"insb\n"
	"out %al, $0x10\n"
	"jmp 1b");

TEST_F(limits, module_writes)
{
	struct test_vm *vm = &self->vm;
	size_t bytes;
	char *window;

	load_guest(vm, ins);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	memcpy(self->copy, vm->mem, TEST_MEM);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, PAGE));
	RUN_EXPECT(vm, IO);
	window = svmvcpu_vcpu_window(&vm->vcpu, &bytes);
	*window = 0x5a;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(TEST_FREE, vm->run->memory.gpa);
	EXPECT_EQ(SVMVCPU_FAULT_LIMIT | SVMVCPU_FAULT_WRITE | SVMVCPU_FAULT_KERNEL,
		  vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
	/* Once there is room, the value that was read is stored. */
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
	EXPECT_EQ(0x5a, vm->mem[TEST_FREE]);
}

/* Bits that the module would set in the guest's page tables are refused too. */
TEST_F(limits, translate)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation out;
	const __u32 access = SVMVCPU_ACCESS_WRITE | SVMVCPU_ACCESS_MARK;

	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, PAGE));
	EXPECT_EQ(-ENOSPC, svmvcpu_vcpu_translate(&vm->vcpu, TEST_FREE, access, &out));
	EXPECT_EQ(0, svmvcpu_vcpu_translate(&vm->vcpu, TEST_FREE, SVMVCPU_ACCESS_WRITE, &out));
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(0, svmvcpu_vcpu_translate(&vm->vcpu, TEST_FREE, access, &out));
}

TEST_F(limits, bad_arguments)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_preserve preserve = { .size = sizeof(preserve) };
	struct svmvcpu_range range = { 0, PAGE };
	struct svmvcpu_restore *there;

	EXPECT_EQ(-EINVAL, svmvcpu_vm_snapshot(vm->vm, 1));
	EXPECT_EQ(ENOENT, snap_restore(vm, NULL));
	EXPECT_EQ(-ENOENT, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(-ENOENT, svmvcpu_vm_preserve(vm->vm, &range, 1));
	EXPECT_EQ(-1, ioctl(vm->vm, SVMVCPU_DROP_SNAPSHOT, 1));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));

	EXPECT_EQ(EINVAL, ioctl_errno(vm->vm, SVMVCPU_PRESERVE, &preserve));
	preserve.nr = 1;
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vm, SVMVCPU_PRESERVE, &preserve));
	preserve.nr = vm->info.max_batch + 1;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vm, SVMVCPU_PRESERVE, &preserve));
	range.bytes = 0;
	EXPECT_EQ(-EINVAL, svmvcpu_vm_preserve(vm->vm, &range, 1));
	range.bytes = PAGE + 1;
	EXPECT_EQ(-EINVAL, svmvcpu_vm_preserve(vm->vm, &range, 1));
	range = (struct svmvcpu_range) { -PAGE, 2 * PAGE };
	EXPECT_EQ(-EINVAL, svmvcpu_vm_preserve(vm->vm, &range, 1));
	/* No memory, or not in the whole range */
	range = (struct svmvcpu_range) { TEST_MEM, PAGE };
	EXPECT_EQ(-ENOENT, svmvcpu_vm_preserve(vm->vm, &range, 1));
	range = (struct svmvcpu_range) { TEST_MEM - PAGE, 2 * PAGE };
	EXPECT_EQ(-ENOENT, svmvcpu_vm_preserve(vm->vm, &range, 1));
	/* A region without memory of the VMM behind it */
	ASSERT_EQ(0, munmap((void *)snap_page(vm, 9), PAGE));
	range = (struct svmvcpu_range) { TEST_FREE + 9 * PAGE, PAGE };
	EXPECT_EQ(-EFAULT, svmvcpu_vm_preserve(vm->vm, &range, 1));
	/* None of these calls has restored anything. */
	EXPECT_EQ(0, snap_restore(vm, NULL));
	/* If the result cannot be stored, RESTORE has done its work all the same. */
	there = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)there);
	there->size = sizeof(*there);
	ASSERT_EQ(0, mprotect(there, PAGE, PROT_READ));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vm, SVMVCPU_RESTORE, there));
	EXPECT_EQ(0x1000U, *snap_page(vm, 0));
	munmap(there, PAGE);
}

/* Files are closed in any order, with a snapshot and a log active. */
TEST_F(limits, close)
{
	struct test_vm *vm = &self->vm;
	const __u64 *list;

	ASSERT_EQ(0, svmvcpu_vm_dirty_log(vm->vm, SVMVCPU_LOG_START, 0, TEST_MEM));
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	RUN_EXPECT(vm, IO);
	list = svmvcpu_vm_dirty_list(vm->vm);
	ASSERT_NE(NULL, list);
	close(vm->vm);
	RUN_EXPECT(vm, IO);
	vm->vm = -1;
	svmvcpu_vcpu_close(&vm->vcpu);
	vm->vcpu.fd = -1;
	vm->vcpu.run = NULL;
	/* The mapping holds the VM. */
	EXPECT_EQ(0U, list[0]);
	svmvcpu_vm_dirty_list_free(list);
}

static int snapshot_errno(struct test_vm *vm)
{
	return -svmvcpu_vm_snapshot(vm->vm, 0);
}

static int preserve_errno(struct test_vm *vm)
{
	const struct svmvcpu_range range = { TEST_FREE + 64 * PAGE, 4 * PAGE };

	return -svmvcpu_vm_preserve(vm->vm, &range, 1);
}

static int log_errno(struct test_vm *vm, __u32 flags)
{
	return -svmvcpu_vm_dirty_log(vm->vm, flags, TEST_FREE, SNAP_PAGES * PAGE);
}

/* Into a bitmap, and into a list that may have to be allocated */
static int collect_errno(struct test_vm *vm, bool bits)
{
	unsigned char bitmap[TEST_MEM / PAGE / 8];
	struct svmvcpu_dirty_collect c = {
		.bytes = TEST_MEM,
		.flags = bits ? SVMVCPU_COLLECT_BITMAP : 0,
		.max = bits ? 0 : SVMVCPU_DIRTY_LIST_MAX,
		.bitmap = bits ? (uintptr_t)bitmap : 0,
	};

	return -svmvcpu_vm_dirty_collect(vm->vm, &c);
}

/* A round of the guest; a failure gives an error or a memory fault exit. */
static int run_errno(struct test_vm *vm)
{
	int err = vm_run(vm);

	if (err || vm->run->reason == SVMVCPU_EXIT_IO)
		return err;
	return vm->run->reason == SVMVCPU_EXIT_MEMORY_FAULT &&
	       (vm->run->memory.flags & SVMVCPU_FAULT_USER_MEM) ? ENOMEM : 1000;
}

static bool usable(struct test_vm *vm)
{
	return !vm_run(vm) && vm->run->reason == SVMVCPU_EXIT_IO;
}

/* A SNAPSHOT that fails half-way keeps no saved state of vCPUs that are new. */
static void new_vcpus_untouched(struct __test_metadata *const _metadata, struct test_vm *vm,
				int nth)
{
	struct svmvcpu_setup setup = { .preset = SVMVCPU_PRESET_PROT32, .entry = 0x1234000 };
	struct svmvcpu_vcpu vcpus[2];
	struct svmvcpu_state state;
	bool hit = true;
	__u64 pages;
	int n, i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, i + 1, &vm->info, &vcpus[i]));
		ASSERT_EQ(0, svmvcpu_vcpu_setup(&vcpus[i], &setup));
	}
	for (n = 1; hit && n < MOST; n++) {
		fail_nth(nth, n);
		snapshot_errno(vm);
		hit = injected(nth);
		fail_nth(nth, 0);
		ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, &pages));
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vcpus[i], SVMVCPU_STATE_GPRS, &state));
			EXPECT_EQ(0x1234000ULL, state.gprs.rip);
		}
	}
	/* each needs saved state and its xstate */
	EXPECT_LE(5, n);
	for (i = 0; i < 2; i++)
		svmvcpu_vcpu_close(&vcpus[i]);
}

TEST_F_TIMEOUT(limits, out_of_memory, 300)
{
	struct test_vm *vm = &self->vm;

	if (self->nth < 0)
		SKIP(return, NO_INJECTION);
	/* saved state and its xstate */
	WALK_FAILURES(self->nth, 2, snapshot_errno(vm), svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_TRUE(usable(vm));
	memcpy(self->copy, vm->mem, TEST_MEM);
	ASSERT_EQ(0, snapshot_errno(vm));
	/* an entry, its slot, and the copy, of each page; they are kept */
	WALK_FAILURES(self->nth, 3, run_errno(vm), {
		RESTORE(vm, self->copy, COUNT);
		ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
		ASSERT_EQ(0, snapshot_errno(vm));
	});
	ASSERT_EQ(0, run_errno(vm));
	WALK_FAILURES(self->nth, 3, preserve_errno(vm), (void)0);
	RESTORE(vm, self->copy, COUNT + 4);
	/* A SNAPSHOT that fails for new vCPUs does not replace the existing snapshot. */
	new_vcpus_untouched(_metadata, vm, self->nth);

	WALK_FAILURES(self->nth, 1, log_errno(vm, SVMVCPU_LOG_START),
		      log_errno(vm, SVMVCPU_LOG_STOP));
	ASSERT_EQ(0, log_errno(vm, SVMVCPU_LOG_START));
	WALK_FAILURES(self->nth, 1, collect_errno(vm, true), (void)0);
	WALK_FAILURES(self->nth, 1, collect_errno(vm, false), (void)0);
	WALK_FAILURES(self->nth, 1, log_errno(vm, SVMVCPU_LOG_STOP),
		      log_errno(vm, SVMVCPU_LOG_START));
	EXPECT_TRUE(usable(vm));
	/* The SNAPSHOT that succeeds in the end starts without PRESERVE. */
	RESTORE(vm, self->copy, COUNT);
}

TEST_HARNESS_MAIN
