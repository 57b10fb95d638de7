// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM changes its memory while the guest uses it: munmap, mmap, mprotect, madvise,
 * mremap. Accesses to missing memory fail with USER_MEM and succeed once there is
 * memory again; the guest always sees the VMM's current memory.
 */
#include "guest_area.h"

#define READ_FAULT	SVMVCPU_FAULT_USER_MEM
#define WRITE_FAULT	(SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE)

FIXTURE(change) {
	struct test_vm vm;
	struct guest_thread gt;
	volatile __u32 *page;	/* behind TEST_FREE */
};

FIXTURE_SETUP(change)
{
	vm_open(&self->vm);
	self->page = guest_word(&self->vm, TEST_FREE);
}

VM_TEARDOWN(change)

static bool reader_sees(struct test_vm *vm, __u32 value)
{
	return WAIT_UNTIL(*guest_word(vm, SEEN) == value);
}

/* The guest completes two rounds and does not read that value. */
static bool reader_does_not_see(struct test_vm *vm, __u32 value)
{
	return guest_beats(vm) && *guest_word(vm, SEEN) != value;
}

TEST_F_TIMEOUT(change, munmap_while_reading, 90)
{
	struct test_vm *vm = &self->vm;

	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 1));
	ASSERT_EQ(0, munmap((void *)self->page, PAGE));
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);

	/* Without memory the same fault repeats. */
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);

	ASSERT_EQ(0, fresh_page(self->page));
	*self->page = 2;
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(reader_sees(vm, 2));
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(change, munmap_while_writing, 90)
{
	struct test_vm *vm = &self->vm;

	*guest_word(vm, TO_WRITE) = 1;
	START_GUEST(&self->gt, vm, writer);
	ASSERT_TRUE(WAIT_UNTIL(*self->page == 1));
	ASSERT_EQ(0, munmap((void *)self->page, PAGE));
	EXPECT_FAULT(&self->gt, TEST_FREE, WRITE_FAULT);
	EXPECT_LT(0, vm->run->memory.insn_len);
	EXPECT_EQ(0xa3, vm->run->memory.insn[0]);

	ASSERT_EQ(0, fresh_page(self->page));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 1));
	guest_thread_stop(&self->gt);
}

/* The page with the guest's code is unmapped. */
TEST_F_TIMEOUT(change, munmap_code, 90)
{
	struct test_vm *vm = &self->vm;
	void *code = vm->mem + TEST_CODE;

	START_GUEST(&self->gt, vm, spin);
	ASSERT_TRUE(guest_beats(vm));
	ASSERT_EQ(0, munmap(code, PAGE));
	EXPECT_FAULT(&self->gt, vm->run->gprs.rip,
		     SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_EXEC);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip & ~(PAGE - 1));

	ASSERT_EQ(0, fresh_page(code));
	load_guest(vm, spin);
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
}

/* mmap replaces it: the guest must not see the old page once mmap has returned. */
TEST_F_TIMEOUT(change, replace, 90)
{
	struct test_vm *vm = &self->vm;
	__u32 i;

	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 1));
	for (i = 2; i < 20; i++) {
		ASSERT_EQ(0, fresh_page(self->page));
		ASSERT_TRUE(reader_does_not_see(vm, i - 1));
		*self->page = i;
		ASSERT_TRUE(reader_sees(vm, i));
	}
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(change, mprotect_read_only, 90)
{
	struct test_vm *vm = &self->vm;

	*guest_word(vm, TO_WRITE) = 1;
	START_GUEST(&self->gt, vm, writer);
	ASSERT_TRUE(WAIT_UNTIL(*self->page == 1));
	ASSERT_EQ(0, mprotect((void *)self->page, PAGE, PROT_READ));
	EXPECT_FAULT(&self->gt, TEST_FREE, WRITE_FAULT);
	*guest_word(vm, TO_WRITE) = 2;
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_FAULT(&self->gt, TEST_FREE, WRITE_FAULT);
	EXPECT_EQ(1U, *self->page);

	ASSERT_EQ(0, mprotect((void *)self->page, PAGE, PROT_READ | PROT_WRITE));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 2));
	guest_thread_stop(&self->gt);
}

/* The guest still reads meanwhile, and toggling it does no harm. */
TEST_F_TIMEOUT(change, mprotect_while_reading, 90)
{
	struct test_vm *vm = &self->vm;
	__u32 i;

	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	for (i = 1; i < 10; i++) {
		*self->page = i;
		ASSERT_EQ(0, mprotect((void *)self->page, PAGE, PROT_READ));
		ASSERT_TRUE(reader_sees(vm, i));
		ASSERT_EQ(0, mprotect((void *)self->page, PAGE, PROT_READ | PROT_WRITE));
		ASSERT_TRUE(guest_beats(vm));
	}
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(change, mprotect_none, 90)
{
	struct test_vm *vm = &self->vm;

	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 1));
	ASSERT_EQ(0, mprotect((void *)self->page, PAGE, PROT_NONE));
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	ASSERT_EQ(0, mprotect((void *)self->page, PAGE, PROT_READ | PROT_WRITE));
	*self->page = 2;
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(reader_sees(vm, 2));
	guest_thread_stop(&self->gt);
}

TEST_F_TIMEOUT(change, madvise_dontneed, 90)
{
	struct test_vm *vm = &self->vm;

	*self->page = 5;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 5));
	ASSERT_EQ(0, madvise((void *)self->page, PAGE, MADV_DONTNEED));
	EXPECT_TRUE(reader_sees(vm, 0));
	/* The guest has the zero page; the VMM's write allocates a new one. */
	*self->page = 6;
	EXPECT_TRUE(reader_sees(vm, 6));
	guest_thread_stop(&self->gt);
}

/* A guest's write to a page that it has only read allocates a page. */
TEST_F_TIMEOUT(change, write_after_zero_page, 90)
{
	struct test_vm *vm = &self->vm;

	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(guest_beats(vm));
	EXPECT_EQ(0U, *guest_word(vm, SEEN));
	guest_thread_stop(&self->gt);

	*guest_word(vm, TO_WRITE) = 7;
	START_GUEST(&self->gt, vm, writer);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 7));
	guest_thread_stop(&self->gt);
	/* If it had written to the zero page, all fresh memory would show it. */
	EXPECT_EQ(0U, *guest_word(vm, TEST_FREE + PAGE));
}

TEST_F_TIMEOUT(change, mremap_away_and_back, 90)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 *aside;

	aside = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)aside);
	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 1));
	ASSERT_NE(MAP_FAILED, mremap((void *)self->page, PAGE, PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, (void *)aside));
	*aside = 2;
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	EXPECT_EQ(1U, *guest_word(vm, SEEN));

	ASSERT_NE(MAP_FAILED, mremap((void *)aside, PAGE, PAGE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, (void *)self->page));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(reader_sees(vm, 2));
	guest_thread_stop(&self->gt);
}

/* MAP_FIXED and MADV of a large range around the page */
TEST_F_TIMEOUT(change, larger_ranges, 90)
{
	struct test_vm *vm = &self->vm;
	void *start = vm->mem + TEST_FREE - (1 << 20);

	*self->page = 1;
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(reader_sees(vm, 1));
	ASSERT_EQ(0, madvise(start, 2 << 20, MADV_DONTNEED));
	EXPECT_TRUE(reader_sees(vm, 0));
	*self->page = 2;
	EXPECT_TRUE(reader_sees(vm, 2));
	ASSERT_EQ(0, munmap(start, 2 << 20));
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
}

/* A region may be created before its memory is mapped. */
TEST_F_TIMEOUT(change, memory_comes_late, 90)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct svmvcpu_region region = {
		.gpa = TEST_FREE, .bytes = PAGE, .prot = SVMVCPU_MEM_READ,
	};
	volatile __u32 *late;
	char *around;

	/* A hole so small that no other mapping ends up in it */
	around = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)around);
	late = (__u32 *)(around + PAGE);
	ASSERT_EQ(0, munmap((void *)late, PAGE));
	region.hva = (uintptr_t)late;
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));

	START_GUEST(&self->gt, vm, reader);
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	ASSERT_EQ(0, fresh_page(late));
	*late = 9;
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(reader_sees(vm, 9));
	guest_thread_stop(&self->gt);
	munmap(around, 3 * PAGE);
}

static unsigned long find_mapping(const char *name)
{
	unsigned long start, found = 0;
	char line[256];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, name) && sscanf(line, "%lx-", &start) == 1)
			found = start;
	if (maps)
		fclose(maps);
	return found;
}

/* Page frames without a struct page that the module could hold: the kernel's own */
TEST_F_TIMEOUT(change, special_mappings, 90)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct svmvcpu_region region = {
		.gpa = TEST_FREE, .bytes = PAGE, .prot = SVMVCPU_MEM_READ,
	};

	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	region.hva = 0xffffffffff600000;	/* vsyscall, which is no user memory */
	EXPECT_EQ(-EFAULT, svmvcpu_vm_map(vm->vm, &region, 1));

	region.hva = find_mapping("[vvar]");
	ASSERT_NE(0UL, region.hva);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	START_GUEST(&self->gt, vm, reader);
	EXPECT_FAULT(&self->gt, TEST_FREE, READ_FAULT);
	EXPECT_EQ(0U, *guest_word(vm, SEEN));
}

TEST_HARNESS_MAIN
