// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel: stock
 * emulator: qemu, no memory for it
 * mem: 5G
 * append: hugepagesz=1G hugepages=1 numa=fake=2
 *
 * A leaf of 1 GiB, from hugetlbfs: mapped, split by UNMAP, removed, and in the place of
 * smaller leaves.
 */
#include "guest_area.h"

#define HUGE		(2UL << 20)
#define GIGA		(1UL << 30)

#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB	(30U << 26)
#endif

/* Adds 1 to the first word of EDI pages from AREA on */
GUEST32(add_pages, FOR_PAGES("incl (%esi)"));

FIXTURE(giga) {
	struct test_vm vm;
	char *mem;
};

FIXTURE_SETUP(giga)
{
	vm_open(&self->vm);
	/* counts only leaves for AREA */
	madvise(self->vm.mem, TEST_MEM, MADV_NOHUGEPAGE);
	self->mem = mmap(NULL, GIGA, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	/* and its page is not copied after the first access */
	load_guest(&self->vm, add_pages);
}

FIXTURE_TEARDOWN(giga)
{
	munmap(self->mem, GIGA);
	vm_close(&self->vm);
}

static int map_at(struct test_vm *vm, unsigned long gpa, void *mem, size_t bytes)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)mem,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

TEST_F_TIMEOUT(giga, one_leaf, 120)
{
	struct svmvcpu_range page = { AREA + 100 * HUGE, PAGE };
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map_at(vm, AREA, self->mem, GIGA));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA, GIGA, SVMVCPU_PREFAULT_WRITE, NULL));
	EXPECT_EQ(1U, vm_stats(vm).mapped_1g);
	EXPECT_EQ(0U, vm_stats(vm).mapped_2m + vm_stats(vm).mapped_4k);
	SETUP_GUEST(vm, add_pages, 4 * HUGE / PAGE);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0U, vm_stats(vm).mapped_2m);
	EXPECT_EQ(1, self->mem[4 * HUGE - PAGE]);
	EXPECT_EQ(0, self->mem[4 * HUGE]);

	/* The region is split: the largest leaves that fit are 2 MiB, with neighbors. */
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &page, 1));
	EXPECT_EQ(1U, vm_stats(vm).zapped);
	SETUP_GUEST(vm, add_pages, 4 * HUGE / PAGE);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1U, vm_stats(vm).mapped_1g);
	EXPECT_EQ(16U, vm_stats(vm).mapped_2m);
	EXPECT_EQ(2, self->mem[4 * HUGE - PAGE]);

	ASSERT_EQ(0, munmap(self->mem, GIGA));
	SETUP_GUEST(vm, add_pages, 1);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA, vm->run->memory.gpa);
}

/* Small leaves first, as the region was too small; then the large one replaces the tables. */
TEST_F_TIMEOUT(giga, in_place_of_small_ones, 120)
{
	struct svmvcpu_range part = { AREA, HUGE + PAGE };
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map_at(vm, AREA, self->mem, HUGE + PAGE));
	SETUP_GUEST(vm, add_pages, HUGE / PAGE + 1);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	EXPECT_EQ(0U, vm_stats(vm).mapped_1g);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &part, 1));
	/* UNMAP keeps tables that it does not cover completely */
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, GIGA));
	SETUP_GUEST(vm, add_pages, HUGE / PAGE + 1);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1U, vm_stats(vm).mapped_1g);
	EXPECT_EQ(2, self->mem[HUGE]);
}

TEST_HARNESS_MAIN
