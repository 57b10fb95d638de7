// SPDX-License-Identifier: GPL-2.0-only
/*
 * No stale translations: once UNMAP, munmap, mmap or mremap has returned, no vCPU on
 * any CPU accesses the old page. (Emulators flush the TLB at each entry, so there this
 * tests the waiting, not the flushing; on hardware it tests both.)
 *
 * cost: 4
 */
#include "guest_thread.h"

#define ROUNDS		(slow_machine() ? 30 : 100)
#define STRESS_NS	3000000000ULL
#define LEAST_CHANGES	(3 * PAGES)

/* stress: for each page at TEST_FREE, the minimum that the guest may read */
#define PAGES		16U
#define FLOORS		(TEST_DATA + 0x1000)

FIXTURE(stale) {
	struct test_vm vm;
	struct guest_thread gt;
	struct guest_thread gt2;
	struct svmvcpu_vcpu vcpu2;
	volatile __u32 *page;	/* behind TEST_FREE */
	char *aside;			/* a place to prepare pages */
};

FIXTURE_SETUP(stale)
{
	vm_open(&self->vm);
	self->page = guest_word(&self->vm, TEST_FREE);
	self->aside = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_NE(MAP_FAILED, self->aside);
}

VM_TEARDOWN(stale)

static int move_page(volatile void *from, volatile void *to)
{
	void *mem = mremap((void *)from, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	return mem == MAP_FAILED ? errno : 0;
}

static int fresh_page(volatile void *where)
{
	void *mem = mmap((void *)where, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return mem == MAP_FAILED ? errno : 0;
}

/* The memory as three regions: one page at TEST_FREE, and the parts around it */
static void split_regions(struct test_vm *vm, struct svmvcpu_region *page)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };

	*page = (struct svmvcpu_region) {
		.gpa = TEST_FREE,
		.bytes = PAGE,
		.hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	if (svmvcpu_vm_unmap(vm->vm, &range, 1) || svmvcpu_vm_map(vm->vm, page, 1))
		vm_die("splitting the region");
}

TEST_F_TIMEOUT(stale, unmap, 120)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region;
	__u32 i;

	split_regions(vm, &region);
	load_guest(vm, reader);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, pin_to_cpu(0));
	for (i = 1; i <= ROUNDS; i++) {
		*self->page = i;
		guest_thread_start(&self->gt, &vm->vcpu);
		ASSERT_EQ(0, pin_thread(&self->gt, 1));
		ASSERT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == i));
		ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
		*self->page = 0xbad;
		/* no region, rather than missing memory of the VMM */
		EXPECT_FAULT(&self->gt, TEST_FREE, 0);
		ASSERT_EQ(i, *guest_word(vm, SEEN)) {
			TH_LOG("round %u: the guest saw it after UNMAP", i);
		}
		ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	}
}

/* The reverse: the guest's writes must not arrive after UNMAP. */
TEST_F_TIMEOUT(stale, unmap_while_writing, 120)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region;
	__u32 i;

	split_regions(vm, &region);
	load_guest(vm, writer);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, pin_to_cpu(0));
	for (i = 1; i <= ROUNDS; i++) {
		*guest_word(vm, TO_WRITE) = i;
		guest_thread_start(&self->gt, &vm->vcpu);
		ASSERT_EQ(0, pin_thread(&self->gt, 1));
		ASSERT_TRUE(WAIT_UNTIL(*self->page == i));
		ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
		*self->page = 0x900d;
		EXPECT_FAULT(&self->gt, TEST_FREE, SVMVCPU_FAULT_WRITE);
		ASSERT_EQ(0x900dU, *self->page) {
			TH_LOG("round %u: the guest wrote after UNMAP", i);
		}
		ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	}
}

TEST_F_TIMEOUT(stale, mremap, 120)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 *aside = (__u32 *)self->aside;
	__u32 i;

	load_guest(vm, reader);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, pin_to_cpu(0));
	for (i = 1; i <= ROUNDS; i++) {
		*self->page = i;
		guest_thread_start(&self->gt, &vm->vcpu);
		ASSERT_EQ(0, pin_thread(&self->gt, 1));
		ASSERT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == i));
		ASSERT_EQ(0, move_page(self->page, aside));
		*aside = 0xbad;
		EXPECT_FAULT(&self->gt, TEST_FREE, SVMVCPU_FAULT_USER_MEM);
		ASSERT_EQ(i, *guest_word(vm, SEEN)) {
			TH_LOG("round %u: the guest saw the page that was moved", i);
		}
		ASSERT_EQ(0, move_page(aside, self->page));
	}
}

/*
 * Checks each page against its floor, which it reads first: a guest that has read the
 * floor must read that generation of the page or a later one. Values are index << 24 |
 * generation. EDI: which word counts the rounds. STI: see guest_thread.h
 */
GUEST32(checker,
	"sti\n"
	"again: xor %esi, %esi\n"
	"1: mov 0x9000(,%esi,4), %ebx\n"
	"mov %esi, %edx\n"
	"shl $12, %edx\n"
	"mov 0x200000(%edx), %eax\n"
	"cmp %ebx, %eax\n"
	"jb 2f\n"
	"mov %eax, %ecx\n"
	"shr $24, %ecx\n"
	"cmp %esi, %ecx\n"
	"jne 2f\n"
	"inc %esi\n"
	"cmp $16, %esi\n"
	"jb 1b\n"
	"incl 0x8000(,%edi,4)\n"
	"jmp again\n"
	"2: out %eax, $0x10\n"
	"jmp again");

static void start_checker(struct test_vm *vm, struct svmvcpu_vcpu *vcpu, unsigned int id,
			  struct guest_thread *gt)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32,
		.entry = TEST_CODE,
		.stack = TEST_STACK,
		.arg = id,
	};

	load_guest(vm, checker);
	if (svmvcpu_vcpu_setup(vcpu, &setup))
		vm_die("SETUP");
	guest_thread_start(gt, vcpu);
}

/* Replaces a page in one of three ways; its contents are valid at any time. */
static int replace_page(char *aside, volatile __u32 *page, __u32 value)
{
	int ret = fresh_page(aside);
	unsigned int i;

	/* The whole page: stale data shows wherever the guest reads. */
	for (i = 0; !ret && i < PAGE / 4; i++)
		((volatile __u32 *)aside)[i] = value;
	if (ret)
		return ret;
	switch (value % 3) {
	case 0:		/* another frame */
		return move_page(aside, page);
	case 1:		/* the same frame, write-protected for a while */
		if (mprotect((void *)page, PAGE, PROT_READ) ||
		    mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE))
			return errno;
		*page = value;
		return 0;
	default:
		*page = value;
		return 0;
	}
}

TEST_F_TIMEOUT(stale, two_vcpus_and_a_remapper, 120)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 *floors = guest_word(vm, FLOORS);
	volatile __u32 *rounds = guest_word(vm, BEATS);
	__u64 start = now_ns();
	__u32 gen = 0, i;

	for (i = 0; i < PAGES; i++) {
		self->page[i * PAGE / 4] = i << 24;
		floors[i] = i << 24;
	}
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &self->vcpu2));
	start_checker(vm, &vm->vcpu, 0, &self->gt);
	start_checker(vm, &self->vcpu2, 1, &self->gt2);
	ASSERT_EQ(0, pin_thread(&self->gt, 0));
	ASSERT_EQ(0, pin_thread(&self->gt2, 1));
	while ((now_ns() - start < STRESS_NS || gen < LEAST_CHANGES) &&
	       !self->gt.done && !self->gt2.done) {
		i = gen++ % PAGES;
		ASSERT_EQ(0, replace_page(self->aside, self->page + i * PAGE / 4,
					  i << 24 | gen));
		floors[i] = i << 24 | gen;
		/* Overwrites what the guest must not see any more: old frames are reused. */
		if (gen % 8 == 0)
			memset(self->aside, 0xee, fresh_page(self->aside) ? 0 : PAGE);
	}
	EXPECT_FALSE(self->gt.done);
	EXPECT_FALSE(self->gt2.done);
	EXPECT_TRUE(WAIT_UNTIL(rounds[0] > 10 && rounds[1] > 10));
	guest_thread_stop(&self->gt);
	guest_thread_stop(&self->gt2);
	EXPECT_EQ(0, self->gt.err);
	EXPECT_EQ(0, self->gt2.err);
	/* any other exit is the guest's complaint, or an unexpected fault */
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, self->vcpu2.run->reason);
	TH_LOG("%u changes, %u and %u rounds", gen, rounds[0], rounds[1]);
	svmvcpu_vcpu_close(&self->vcpu2);
}

/* UNMAP and MAP in a loop: the guest takes a clean fault or reads current data. */
TEST_F_TIMEOUT(stale, map_and_unmap_under_load, 120)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region;
	unsigned int i, faults = 0;
	__u32 beats;

	split_regions(vm, &region);
	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	for (i = 0; i < 5 * ROUNDS; i++) {
		ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
		ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
		if (!self->gt.done)
			continue;
		EXPECT_FAULT(&self->gt, TEST_FREE, 0);
		faults++;
		guest_thread_start(&self->gt, &vm->vcpu);
	}
	/* The last UNMAP's fault may still be coming. */
	beats = *guest_word(vm, BEATS);
	EXPECT_TRUE(WAIT_UNTIL(self->gt.done || *guest_word(vm, BEATS) != beats));
	if (self->gt.done) {
		EXPECT_FAULT(&self->gt, TEST_FREE, 0);
		guest_thread_start(&self->gt, &vm->vcpu);
	}
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(1U, *guest_word(vm, SEEN));
	TH_LOG("%u faults", faults);
}

TEST_HARNESS_MAIN
