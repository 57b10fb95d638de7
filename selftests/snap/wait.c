// SPDX-License-Identifier: GPL-2.0-only
/*
 * RESTORE, GET_CPUID and RUN wait for the VMM's memory as long as necessary. Meanwhile
 * files can be closed, no vCPU is added, UNMAP waits for calls in progress, and a
 * process that is killed ends.
 */
#include <sys/wait.h>

#include "guest_area.h"
#include "host_state.h"
#include "snap.h"

#define COUNT	8U
#define SLOW	3U	/* the page that its monitor does not serve for a while */

/**
 * struct call - something that another thread does
 * @what: .
 * @vm: .
 * @vcpu: of CLOSE, CREATE and RUN_OTHER
 * @entries: of GET_CPUID
 * @ret: what came of it
 * @done: it has
 */
struct call {
	enum {
		CALL_RESTORE, CALL_CLOSE, CALL_CREATE, CALL_GET_CPUID, CALL_RUN, CALL_RUN_OTHER,
		CALL_UNMAP,
	} what;
	struct test_vm *vm;
	struct svmvcpu_vcpu *vcpu;
	void *entries;
	pthread_t thread;
	int ret;
	volatile bool done;
};

static void *call_main(void *arg)
{
	struct call *call = arg;
	struct svmvcpu_cpuid cpuid = {
		.size = sizeof(cpuid), .nr = call->vm->info.max_cpuid,
		.entries = (uintptr_t)call->entries,
	};

	switch (call->what) {
	case CALL_RESTORE:
		call->ret = svmvcpu_vm_restore(call->vm->vm, NULL);
		break;
	case CALL_CLOSE:
		svmvcpu_vcpu_close(call->vcpu);
		break;
	case CALL_CREATE:
		call->ret = svmvcpu_vcpu_create(call->vm->vm, 1, &call->vm->info, call->vcpu);
		break;
	case CALL_RUN:
		call->ret = vm_run(call->vm);
		break;
	case CALL_RUN_OTHER:
		call->ret = ioctl_errno(call->vcpu->fd, SVMVCPU_RUN, 0);
		break;
	case CALL_UNMAP:
		call->ret = svmvcpu_vm_unmap(call->vm->vm, &(struct svmvcpu_range) {
			TEST_MEM, PAGE }, 1);
		break;
	case CALL_GET_CPUID:
		call->ret = ioctl_errno(call->vm->vm, SVMVCPU_GET_CPUID, &cpuid);
		break;
	}
	call->done = true;
	return NULL;
}

static void call_start(struct call *call)
{
	call->done = false;
	if (pthread_create(&call->thread, NULL, call_main, call))
		vm_die("pthread_create");
}

/* The result if the call has returned, otherwise -1000 */
static int call_ends(struct call *call)
{
	if (!WAIT_UNTIL(call->done))
		return -1000;
	pthread_join(call->thread, NULL);
	return call->ret;
}

/* Closing a vCPU waits for nothing: 0. */
static int close_now(struct test_vm *vm, struct svmvcpu_vcpu *vcpu)
{
	struct call closing = { .what = CALL_CLOSE, .vm = vm, .vcpu = vcpu };

	call_start(&closing);
	return call_ends(&closing);
}

/* Does a thread wait for the page? */
static bool waits(int monitor)
{
	struct uffd_msg msg;

	return read(monitor, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

static int serve(int monitor, volatile void *page)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, PAGE } };

	return ioctl(monitor, UFFDIO_ZEROPAGE, &zero) ? errno : 0;
}

/* A snapshot whose RESTORE has to wait for a page, and the page's monitor */
static int snapshot_to_wait_for(struct test_vm *vm)
{
	volatile void *page = snap_page(vm, SLOW);

	if (svmvcpu_vm_snapshot(vm->vm, 0) || vm_run(vm) ||
	    madvise((void *)page, PAGE, MADV_DONTNEED))
		return -1;
	return page_monitor(page, UFFDIO_REGISTER_MODE_MISSING, 0);
}

FIXTURE(wait) {
	struct test_vm vm;
	struct svmvcpu_vcpu other;
	struct svmvcpu_vcpu fresh;
	unsigned char *copy;
	int monitor;
};

FIXTURE_SETUP(wait)
{
	struct test_vm *vm = &self->vm;

	snap_open(vm, COUNT);
	self->copy = malloc(TEST_MEM);
	ASSERT_NE(NULL, self->copy);
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &self->other));
}

FIXTURE_TEARDOWN(wait)
{
	free(self->copy);
	svmvcpu_vcpu_close(&self->other);
	vm_close(&self->vm);
	EXPECT_TRUE(WAIT_UNTIL(!module_refs()));
}

/* Closing a vCPU does not wait, creating one does. */
TEST_F(wait, restore)
{
	struct test_vm *vm = &self->vm;
	struct call restore = { .what = CALL_RESTORE, .vm = vm };
	struct call create = { .what = CALL_CREATE, .vm = vm, .vcpu = &self->fresh };

	memcpy(self->copy, vm->mem, TEST_MEM);
	self->monitor = snapshot_to_wait_for(vm);
	ASSERT_LE(0, self->monitor);
	call_start(&restore);
	ASSERT_TRUE(waits(self->monitor));
	EXPECT_EQ(0, close_now(vm, &self->other));
	EXPECT_FALSE(restore.done);
	call_start(&create);
	usleep(100000);
	EXPECT_FALSE(create.done);
	ASSERT_EQ(0, serve(self->monitor, snap_page(vm, SLOW)));
	EXPECT_EQ(0, call_ends(&restore));
	ASSERT_EQ(0, memcmp(self->copy, vm->mem, TEST_MEM));
	/* The ID of the closed vCPU is free. */
	EXPECT_EQ(0, call_ends(&create));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	ASSERT_EQ(0, memcmp(self->copy, vm->mem, TEST_MEM));
	svmvcpu_vcpu_close(&self->fresh);
	close(self->monitor);
}

/* All vCPUs are closed during RESTORE, which holds the last references. */
TEST_F(wait, restore_of_nobody)
{
	struct test_vm *vm = &self->vm;
	struct call restore = { .what = CALL_RESTORE, .vm = vm };

	self->monitor = snapshot_to_wait_for(vm);
	ASSERT_LE(0, self->monitor);
	call_start(&restore);
	ASSERT_TRUE(waits(self->monitor));
	EXPECT_EQ(0, close_now(vm, &self->other));
	EXPECT_EQ(0, close_now(vm, &vm->vcpu));
	vm->run = NULL;
	ASSERT_EQ(0, serve(self->monitor, snap_page(vm, SLOW)));
	EXPECT_EQ(0, call_ends(&restore));
	EXPECT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	close(self->monitor);
}

TEST_F(wait, get_cpuid)
{
	struct test_vm *vm = &self->vm;
	struct call get = { .what = CALL_GET_CPUID, .vm = vm };
	size_t bytes = vm->info.max_cpuid * sizeof(struct svmvcpu_cpuid_entry);

	bytes = (bytes + PAGE - 1) & ~(PAGE - 1);
	get.entries = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, get.entries);
	self->monitor = page_monitor(get.entries, UFFDIO_REGISTER_MODE_MISSING, 0);
	ASSERT_LE(0, self->monitor);
	call_start(&get);
	ASSERT_TRUE(waits(self->monitor));
	EXPECT_EQ(0, close_now(vm, &self->other));
	EXPECT_FALSE(get.done);
	ASSERT_EQ(0, serve(self->monitor, get.entries));
	EXPECT_EQ(0, call_ends(&get));
	munmap(get.entries, bytes);
	close(self->monitor);
}

GUEST32(ins,
	"mov $0x400000, %edi\n"
	"mov $0x60, %dx\n"
	"insb\n"
	"out %al, $0x10");

#define OTHER_CODE	(TEST_CODE + 0x800)

GUEST32(ins_elsewhere,
	"mov $0x200000, %edi\n"
	"mov $0x60, %dx\n"
	"insb\n"
	"out %al, $0x10");

/* The next RUN of @vcpu completes an INS: the kernel writes to a missing page. */
static int ins_to_missing_page(struct test_vm *vm, struct svmvcpu_vcpu *vcpu)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = OTHER_CODE, .stack = TEST_STACK,
	};

	vm_load(vm, OTHER_CODE, guest_ins_elsewhere,
		guest_ins_elsewhere_end - guest_ins_elsewhere);
	return svmvcpu_vcpu_setup(vcpu, &setup) || ioctl(vcpu->fd, SVMVCPU_RUN, 0) ||
	       vcpu->run->reason != SVMVCPU_EXIT_IO || vcpu->run->io.port != 0x60 ||
	       madvise((char *)vm->mem + TEST_FREE, PAGE, MADV_DONTNEED);
}

/*
 * UNMAP during a write of the module: it waits for the write, and removes what the
 * module has recorded about it. Other vCPUs do not wait for UNMAP.
 */
TEST_F(wait, unmap)
{
	struct test_vm *vm = &self->vm;
	struct call run = { .what = CALL_RUN, .vm = vm };
	struct call unmap = { .what = CALL_UNMAP, .vm = vm };
	struct call other = { .what = CALL_RUN_OTHER, .vm = vm, .vcpu = &self->other };
	unsigned char *page = svmvcpu_alloc(PAGE);
	struct svmvcpu_region region = {
		.gpa = TEST_MEM, .bytes = PAGE, .hva = (uintptr_t)page,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	ASSERT_NE(NULL, page);
	load_guest(vm, ins);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, ins_to_missing_page(vm, &self->other));
	ASSERT_EQ(0, madvise(page, PAGE, MADV_DONTNEED));
	self->monitor = page_monitor(page, UFFDIO_REGISTER_MODE_MISSING, 0);
	ASSERT_LE(0, self->monitor);
	call_start(&run);
	ASSERT_TRUE(waits(self->monitor));
	call_start(&unmap);
	usleep(100000);
	EXPECT_FALSE(unmap.done);
	call_start(&other);
	EXPECT_EQ(0, call_ends(&other));
	EXPECT_EQ(0x10, self->other.run->io.port);
	EXPECT_FALSE(unmap.done);
	ASSERT_EQ(0, serve(self->monitor, page));
	EXPECT_EQ(0, call_ends(&unmap));
	EXPECT_EQ(0, call_ends(&run));
	EXPECT_EQ(SVMVCPU_EXIT_IO, vm->run->reason);
	EXPECT_EQ(0x10, vm->run->io.port);
	/* A range without memory needs no restoring. */
	EXPECT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	close(self->monitor);
	svmvcpu_free(page, PAGE);
}

/* The child restores a page that is never served, and reports if RESTORE returns. */
static void wait_for_ever(int ready)
{
	struct test_vm vm;
	struct call restore = { .what = CALL_RESTORE, .vm = &vm };
	int monitor;

	snap_open(&vm, COUNT);
	monitor = snapshot_to_wait_for(&vm);
	if (monitor < 0)
		_exit(1);
	call_start(&restore);
	if (!waits(monitor) || write(ready, "", 1) != 1)
		_exit(2);
	call_ends(&restore);
	_exit(3);
}

TEST(killed)
{
	int status = 0, i, ready[2];
	pid_t pid;
	char c;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			wait_for_ever(ready[1]);
		close(ready[1]);
		EXPECT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_TRUE(WAIT_UNTIL(waitpid(pid, &status, WNOHANG) == pid));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_TRUE(WAIT_UNTIL(!module_refs()));
	}
}

TEST_HARNESS_MAIN
