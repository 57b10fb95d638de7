// SPDX-License-Identifier: GPL-2.0-only
/*
 * cost: 4
 *
 * MAP with REPLACE while the guest uses the memory all the time: it never finds the memory
 * missing, and it never uses the old memory once the call has returned.
 */
#include "guest_area.h"

#define ROUNDS	(slow_machine() ? 100U : 500U)
#define RW	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)

/* Reads and writes the page at TEST_FREE: adds what is in its second word to its first */
GUEST32(reads_and_writes,
	"sti\n"
	"1: mov 0x200004, %eax\n"
	"add %eax, 0x200000\n"
	"mov %eax, 0x8004\n"
	"incl 0x8000\n"
	"jmp 1b");

FIXTURE(replace) {
	struct test_vm vm;
	struct guest_thread gt;
	struct guest_thread gt2;
	struct svmvcpu_vcpu vcpu2;
	volatile __u32 *page[2];	/* memory for the page at TEST_FREE */
};

FIXTURE_SETUP(replace)
{
	char *mem;

	vm_open(&self->vm);
	mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	self->page[0] = (__u32 *)mem;
	self->page[1] = (__u32 *)(mem + PAGE);
}

VM_TEARDOWN(replace)

static int put_page(struct test_vm *vm, volatile void *hva, __u32 prot)
{
	struct svmvcpu_region region = {
		.gpa = TEST_FREE, .bytes = PAGE, .hva = (uintptr_t)hva, .prot = prot,
	};

	return svmvcpu_vm_replace(vm->vm, &region, 1);
}

/* Ends the guest, which must still run. */
#define STOP_GUEST(gt)							\
do {									\
	EXPECT_FALSE((gt)->done);					\
	guest_thread_stop(gt);						\
	ASSERT_EQ(0, (gt)->err);					\
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, (gt)->vcpu->run->reason);	\
} while (0)

/* The guest's writes arrive in the new page, and none in the old one. */
TEST_F_TIMEOUT(replace, backing, 120)
{
	struct test_vm *vm = &self->vm;
	__u32 left;

	self->page[0][1] = 1;
	self->page[1][1] = 2;
	ASSERT_EQ(0, put_page(vm, self->page[0], RW));
	START_GUEST(&self->gt, vm, reads_and_writes);
	for (unsigned int i = 1; i < ROUNDS; i++) {
		volatile __u32 *page = self->page[i & 1], *old = self->page[~i & 1];

		ASSERT_EQ(0, put_page(vm, page, RW));
		left = *old;
		ASSERT_TRUE(WAIT_UNTIL(self->gt.done || *guest_word(vm, SEEN) == page[1]));
		ASSERT_EQ(left, *old) {
			TH_LOG("round %u: the guest wrote to the old page", i);
		}
		ASSERT_FALSE(self->gt.done);
	}
	STOP_GUEST(&self->gt);
}

/* A guest that only reads does not notice that the right to write or execute comes and goes. */
TEST_F_TIMEOUT(replace, rights, 120)
{
	static const __u32 prots[] = {
		SVMVCPU_MEM_READ, RW, RW | SVMVCPU_MEM_EXEC, SVMVCPU_MEM_READ | SVMVCPU_MEM_EXEC,
	};
	struct test_vm *vm = &self->vm;

	*self->page[0] = 5;
	ASSERT_EQ(0, put_page(vm, self->page[0], RW));
	START_GUEST(&self->gt, vm, reader);
	for (unsigned int i = 0; i < ROUNDS && !self->gt.done; i++)
		ASSERT_EQ(0, put_page(vm, self->page[0], prots[i % 4]));
	ASSERT_TRUE(guest_beats(vm));
	STOP_GUEST(&self->gt);
	EXPECT_EQ(5U, *guest_word(vm, SEEN));
}

/* The page with the guest's code, data and stack, in one region with the rest */
TEST_F_TIMEOUT(replace, all_of_it, 120)
{
	struct svmvcpu_region all = {
		.bytes = TEST_MEM, .prot = RW | SVMVCPU_MEM_EXEC,
	};
	struct test_vm *vm = &self->vm;
	__u32 before;

	all.hva = (uintptr_t)vm->mem;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(guest_beats(vm));
	before = *guest_word(vm, BEATS);
	for (unsigned int i = 0; i < ROUNDS && !self->gt.done; i++)
		ASSERT_EQ(0, svmvcpu_vm_replace(vm->vm, &all, 1));
	EXPECT_NE(before, *guest_word(vm, BEATS));
	ASSERT_TRUE(guest_beats(vm));
	STOP_GUEST(&self->gt);
}

/*
 * The page belongs to a new region in each round, of which the VM has hundreds: the tree of
 * regions changes under the lookups of two vCPUs.
 */
TEST_F_TIMEOUT(replace, tree, 180)
{
	enum { AROUND = 255 };
	struct svmvcpu_region regions[AROUND + 1];
	struct test_vm *vm = &self->vm;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .stack = TEST_STACK,
	};

	*self->page[0] = 7;
	ASSERT_EQ(0, put_page(vm, self->page[0], RW));
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &self->vcpu2));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&self->vcpu2, &setup));
	START_GUEST(&self->gt, vm, reader);
	guest_thread_start(&self->gt2, &self->vcpu2);
	for (unsigned int i = 0; i < ROUNDS && !self->gt.done && !self->gt2.done; i++) {
		/* Odd rounds: one region; even rounds: many, with the page somewhere among them */
		unsigned int nr = i & 1 ? 1 : AROUND + 1;

		for (unsigned int j = 0; j < nr; j++)
			regions[j] = (struct svmvcpu_region) {
				.gpa = TEST_FREE + (j * 7 % nr) * PAGE,
				.bytes = i & 1 ? (AROUND + 1) * PAGE : PAGE,
				.hva = (uintptr_t)vm->mem + TEST_FREE + (j * 7 % nr) * PAGE,
				.prot = RW,
			};
		*(__u32 *)(vm->mem + TEST_FREE) = 7;
		ASSERT_EQ(0, svmvcpu_vm_replace(vm->vm, regions, nr));
	}
	ASSERT_TRUE(guest_beats(vm));
	STOP_GUEST(&self->gt);
	STOP_GUEST(&self->gt2);
	EXPECT_EQ(7U, *guest_word(vm, SEEN));
	svmvcpu_vcpu_close(&self->vcpu2);
}

/* The guest's writes are logged whichever memory they go to: the last one is never missed. */
TEST_F_TIMEOUT(replace, logged, 120)
{
	struct svmvcpu_dirty_log log = {
		.size = sizeof(log), .flags = SVMVCPU_LOG_START, .gpa = TEST_FREE,
		.bytes = PAGE,
	};
	struct test_vm *vm = &self->vm;
	__u64 bits;
	struct svmvcpu_dirty_collect collect = {
		.size = sizeof(collect), .flags = SVMVCPU_COLLECT_BITMAP, .gpa = TEST_FREE,
		.bytes = PAGE, .bitmap = (uintptr_t)&bits,
	};

	ASSERT_EQ(0, ioctl_errno(vm->vm, SVMVCPU_DIRTY_LOG, &log));
	for (unsigned int i = 1; i < ROUNDS / 2; i++) {
		volatile __u32 *page = self->page[i & 1];

		*guest_word(vm, TO_WRITE) = i;
		ASSERT_EQ(0, put_page(vm, page, RW));
		START_GUEST(&self->gt, vm, writer);
		ASSERT_TRUE(WAIT_UNTIL(self->gt.done || *page == i));
		/* Written before the change or after it: in any case it is dirty. */
		ASSERT_EQ(0, put_page(vm, self->page[~i & 1], RW));
		STOP_GUEST(&self->gt);
		ASSERT_EQ(0, ioctl_errno(vm->vm, SVMVCPU_DIRTY_COLLECT, &collect));
		ASSERT_EQ(1ULL, bits) {
			TH_LOG("round %u: the page is not dirty", i);
		}
	}
}

/* Reads the last page of COLD bytes from AREA on */
GUEST32(reads_last,
	"sti\n"
	"1: mov 0x43fff000, %eax\n"
	"mov %eax, 0x8004\n"
	"incl 0x8000\n"
	"jmp 1b");

#define COLD	(64UL << 20)

/**
 * struct drops - a thread that fills and drops memory, and one that runs the guest
 * @cold: COLD bytes. The last page is dropped, but not filled
 * @runner: TID of the thread that runs the guest
 * @dropping: a drop is going on
 */
struct drops {
	struct test_vm *vm;
	char *cold;
	pthread_t threads[2];
	volatile pid_t runner;
	volatile bool dropping;
	volatile bool stop;
};

static void *drops_main(void *arg)
{
	struct drops *d = arg;

	while (!d->stop) {
		memset(d->cold, 1, COLD - PAGE);
		d->dropping = true;
		if (madvise(d->cold, COLD, MADV_DONTNEED))
			vm_die("MADV_DONTNEED");
		d->dropping = false;
	}
	return NULL;
}

/* Ends with the first exit other than INTERRUPTED. */
static void *drops_runner(void *arg)
{
	struct drops *d = arg;

	d->runner = syscall(__NR_gettid);
	do {
		if (vm_run(d->vm))
			break;
	} while (d->vm->run->reason == SVMVCPU_EXIT_INTERRUPTED && !d->stop);
	d->runner = 0;
	return NULL;
}

/* Does a fault of the guest wait for a drop of its page to end? */
static bool fault_waits(struct drops *d)
{
	return d->dropping && thread_sleeps(d->runner) && d->dropping;
}

/*
 * A fault waits while the old memory is being dropped. Meanwhile the VMM replaces this
 * memory, and then takes it away: mprotect() has to wait for the drop, but not for the fault.
 * The fault must not report that the old memory is missing.
 */
TEST_F_TIMEOUT(replace, fault_waits, 180)
{
	struct drops d = { .vm = &self->vm };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region = { .gpa = AREA, .bytes = COLD, .prot = RW };
	struct svmvcpu_region last = {
		.gpa = AREA + COLD - PAGE, .bytes = PAGE, .prot = RW,
		.hva = (uintptr_t)self->page[0],
	};
	unsigned int seen = 0;

	d.cold = mmap(NULL, COLD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)d.cold);
	ASSERT_EQ(0, madvise(d.cold, COLD, MADV_NOHUGEPAGE));
	region.hva = (uintptr_t)d.cold;
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	*self->page[0] = 9;
	load_guest(vm, reads_last);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, pthread_create(&d.threads[0], NULL, drops_main, &d));
	ASSERT_EQ(0, pthread_create(&d.threads[1], NULL, drops_runner, &d));
	ASSERT_TRUE(WAIT_UNTIL(d.runner && guest_beats(vm)));
	/* On a slow machine, this thread may never run while a fault waits. */
	while (seen < 5 && WAIT_UNTIL(fault_waits(&d))) {
		ASSERT_EQ(0, svmvcpu_vm_replace(vm->vm, &last, 1));
		seen += d.dropping;
		ASSERT_EQ(0, mprotect(d.cold + COLD - PAGE, PAGE, PROT_NONE));
		ASSERT_TRUE(WAIT_UNTIL(!d.runner || *guest_word(vm, SEEN) == 9));
		ASSERT_NE(0, d.runner) {
			TH_LOG("exit %u", vm->run->reason);
		}
		ASSERT_EQ(0, mprotect(d.cold + COLD - PAGE, PAGE, PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, svmvcpu_vm_replace(vm->vm, &region, 1));
		ASSERT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 0));
	}
	ASSERT_NE(0, d.runner) {
		TH_LOG("exit %u", vm->run->reason);
	}
	d.stop = true;
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	pthread_join(d.threads[0], NULL);
	pthread_join(d.threads[1], NULL);
	munmap(d.cold, COLD);
	TH_LOG("%u faults waited", seen);
	if (!seen)
		SKIP(return, "no fault was seen to wait for a drop");
}

/*
 * A fault waits for the monitor of the old memory. Meanwhile the VMM replaces and unmaps
 * that memory: the fault must not report that it is missing.
 */
TEST_F_TIMEOUT(replace, fault_in_progress, 120)
{
	struct test_vm *vm = &self->vm;
	struct uffd_msg msg;
	int monitor = page_monitor(self->page[0], UFFDIO_REGISTER_MODE_MISSING, 0);

	if (monitor < 0)
		SKIP(return, "no userfaultfd");
	*self->page[1] = 9;
	ASSERT_EQ(0, put_page(vm, self->page[0], RW));
	START_GUEST(&self->gt, vm, reader);
	ASSERT_EQ((ssize_t)sizeof(msg), read(monitor, &msg, sizeof(msg)));
	ASSERT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	ASSERT_EQ(0, put_page(vm, self->page[1], RW));
	ASSERT_EQ(0, munmap((void *)self->page[0], PAGE));
	close(monitor);
	ASSERT_TRUE(WAIT_UNTIL(self->gt.done || *guest_word(vm, SEEN) == 9));
	STOP_GUEST(&self->gt);
}

TEST_HARNESS_MAIN
