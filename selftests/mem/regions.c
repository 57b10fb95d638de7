// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many memory regions: a thousand scattered pages used by one guest, and the limit on
 * regions, at which calls must be atomic.
 */
#include "guest_area.h"

#define SCATTERED	1000U
#define SCATTER_GPA	0x10000000UL	/* one region every second page */
#define BATCH		100U

FIXTURE(regions) {
	struct test_vm vm;
	char *mem;
};

FIXTURE_SETUP(regions)
{
	vm_open(&self->vm);
	self->mem = mmap(NULL, SCATTERED * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(regions)
{
	munmap(self->mem, SCATTERED * PAGE);
	vm_close(&self->vm);
}

static struct svmvcpu_region one_page(unsigned long gpa, void *hva)
{
	return (struct svmvcpu_region) {
		.gpa = gpa,
		.bytes = PAGE,
		.hva = (uintptr_t)hva,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
}

/* Page i lies at the other end of the VMM's memory. */
static char *scattered_hva(char *mem, unsigned int i)
{
	return mem + (SCATTERED - 1 - i) * PAGE;
}

static int map_scattered(struct test_vm *vm, char *mem)
{
	struct svmvcpu_region batch[BATCH];
	unsigned int i, j;
	int ret = 0;

	for (i = 0; !ret && i < SCATTERED; i += BATCH) {
		for (j = 0; j < BATCH; j++)
			batch[j] = one_page(SCATTER_GPA + (i + j) * 2 * PAGE,
					    scattered_hva(mem, i + j));
		ret = svmvcpu_vm_map(vm->vm, batch, BATCH);
	}
	return ret;
}

/* Adds up the first word of each page and doubles it in place; EDI: number of pages */
GUEST32(sum,
	"mov $0x10000000, %esi\n"
	"xor %eax, %eax\n"
	"1: mov (%esi), %edx\n"
	"add %edx, %eax\n"
	"add %edx, (%esi)\n"
	"add $0x2000, %esi\n"
	"dec %edi\n"
	"jnz 1b\n"
	"hlt");

TEST_F_TIMEOUT(regions, scattered, 90)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32,
		.entry = TEST_CODE,
		.arg = SCATTERED,
	};
	__u32 want = 0, i;

	ASSERT_EQ(0, map_scattered(vm, self->mem));
	for (i = 0; i < SCATTERED; i++) {
		*(__u32 *)scattered_hva(self->mem, i) = i * i;
		want += i * i;
	}
	load_guest(vm, sum);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(want, vm->run->gprs.rax);
	for (i = 0; i < SCATTERED; i++)
		ASSERT_EQ(2 * i * i, *(__u32 *)scattered_hva(self->mem, i));
}

/* One UNMAP removes all, including the gaps between them. */
TEST_F_TIMEOUT(regions, gaps_and_one_unmap, 90)
{
	struct svmvcpu_range all = { SCATTER_GPA, SCATTERED * 2 * PAGE };
	struct svmvcpu_range gap = { SCATTER_GPA + PAGE, PAGE };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = SCATTERED,
	};

	ASSERT_EQ(0, map_scattered(vm, self->mem));
	EXPECT_EQ(-ENOENT, svmvcpu_vm_unmap(vm->vm, &gap, 1));
	load_guest(vm, sum);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	RUN_EXPECT(vm, HALT);

	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &all, 1));
	EXPECT_EQ(-ENOENT, svmvcpu_vm_unmap(vm->vm, &all, 1));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(SCATTER_GPA, vm->run->memory.gpa);

	ASSERT_EQ(0, map_scattered(vm, self->mem));
	RUN_EXPECT(vm, HALT);
}

/*
 * One page at many addresses: a change of it interrupts the VM's CPUs once per address
 * that is mapped in the nested tables, and not for other addresses.
 */
TEST_F(regions, flushes_where_something_went)
{
	struct svmvcpu_region region = one_page(SCATTER_GPA, self->mem);
	struct test_vm *vm = &self->vm;
	__u64 flushes;

	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	self->mem[0] = 1;
	flushes = vm_stats(vm).flushes;
	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ));
	EXPECT_EQ(flushes, vm_stats(vm).flushes);
	EXPECT_EQ(0U, vm_stats(vm).mapped_4k);
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, SCATTER_GPA, PAGE, 0, NULL));
	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(flushes + 1, vm_stats(vm).flushes);
	EXPECT_EQ(1U, vm_stats(vm).zapped);
}

/* UNMAP of a few regions keeps the others mapped. */
TEST_F_TIMEOUT(regions, unmap_leaves_the_others, 90)
{
	struct svmvcpu_range ranges[] = {
		{ SCATTER_GPA + 2 * PAGE * (SCATTERED - 1), PAGE },
		{ SCATTER_GPA + 2 * PAGE * (SCATTERED - 3), 4 * PAGE },
	};
	struct test_vm *vm = &self->vm;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = SCATTERED,
	};
	struct svmvcpu_stats before, after;

	ASSERT_EQ(0, map_scattered(vm, self->mem));
	memset(self->mem, 1, SCATTERED * PAGE);
	load_guest(vm, sum);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	RUN_EXPECT(vm, HALT);
	before = vm_stats(vm);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, ranges, 2));
	after = vm_stats(vm);
	EXPECT_EQ(before.zapped + 3, after.zapped);
	EXPECT_EQ(before.flushes + 1, after.flushes);
	/* no fault before the first page that was removed */
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ranges[1].gpa, vm->run->memory.gpa);
	EXPECT_EQ(after.faults, vm_stats(vm).faults);
	EXPECT_EQ(after.mapped_4k, vm_stats(vm).mapped_4k);
}

/*
 * The largest batches, with the maximum of other regions. The middle of each region is
 * removed, which splits it in two.
 */
TEST_F_TIMEOUT(regions, largest_batch, 90)
{
	unsigned int nr = self->vm.info.max_batch, i;
	struct svmvcpu_region *regions = calloc(nr, sizeof(*regions));
	struct svmvcpu_range *ranges = calloc(nr, sizeof(*ranges));
	struct test_vm *vm = &self->vm;
	__u64 start = now_ns();

	ASSERT_LE(3 * PAGE, SCATTERED * PAGE);
	for (i = 0; i < nr; i++) {
		/* in descending order, the worst case for the kernel's sort */
		regions[i] = one_page(SCATTER_GPA + (nr - i) * 4 * PAGE, self->mem);
		regions[i].bytes = 3 * PAGE;
		ranges[i] = (struct svmvcpu_range) { regions[i].gpa + PAGE, PAGE };
	}
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, regions, nr));
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, ranges, nr));
	/* atomic: the last range of the batch covers nothing */
	for (i = 0; i < nr; i++)
		ranges[i].gpa -= PAGE;
	ranges[nr - 1].gpa += PAGE;
	EXPECT_EQ(-ENOENT, svmvcpu_vm_unmap(vm->vm, ranges, nr));
	EXPECT_EQ(-EEXIST, svmvcpu_vm_map(vm->vm, regions, nr));
	ranges[nr - 1].gpa -= PAGE;
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, ranges, nr));
	/* the last pages remain, each with its own memory */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, regions[i].gpa + 2 * PAGE, PAGE,
						 SVMVCPU_PREFAULT_WRITE, NULL));
		EXPECT_EQ(-ENOENT, svmvcpu_vm_prefault(vm->vm, regions[i].gpa + PAGE, PAGE, 0,
						       NULL));
	}
	TH_LOG("%llu ms", (now_ns() - start) / 1000000ULL);
	free(regions);
	free(ranges);
}

#define FAR_PAGES	200U
#define FAR_GPA(i)	((1UL << 39) + (i) * (1UL << 30))

/*
 * One page per GiB, each with its own tables. Removed one by one they leave empty
 * tables; UNMAP of the whole range frees these.
 */
TEST_F_TIMEOUT(regions, far_apart, 90)
{
	struct svmvcpu_range all = { FAR_GPA(0), 1UL << 39 };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region;
	__u64 before = vm_stats(vm).tables;
	unsigned int i;

	for (i = 0; i < FAR_PAGES; i++) {
		struct svmvcpu_range range = { FAR_GPA(i), PAGE };

		region = one_page(FAR_GPA(i), self->mem);
		ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
		ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, FAR_GPA(i), PAGE, SVMVCPU_PREFAULT_WRITE,
						 NULL));
		ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	}
	region = one_page(FAR_GPA(i), self->mem);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, FAR_GPA(i), PAGE, SVMVCPU_PREFAULT_WRITE, NULL));
	EXPECT_LE(before + 2 * FAR_PAGES, vm_stats(vm).tables);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &all, 1));
	EXPECT_EQ(before, vm_stats(vm).tables);
	/* And all addresses can be used again. */
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, FAR_GPA(i), PAGE, SVMVCPU_PREFAULT_WRITE, NULL));
}

/* Adds regions of one page, all of the same memory, until there are @nr. */
static int fill_to(struct test_vm *vm, void *mem, unsigned int nr)
{
	struct svmvcpu_region batch[BATCH];
	unsigned int have = 1;	/* the fixture's */
	unsigned int i;

	while (have < nr) {
		for (i = 0; i < BATCH && have < nr; i++, have++)
			batch[i] = one_page(SCATTER_GPA + have * 2 * PAGE, mem);
		if (svmvcpu_vm_map(vm->vm, batch, i))
			return -1;
	}
	return 0;
}

TEST_F_TIMEOUT(regions, limit, 120)
{
	struct test_vm *vm = &self->vm;
	unsigned int max = vm->info.max_regions;
	struct svmvcpu_region two[2] = {
		one_page(SCATTER_GPA, self->mem), one_page(SCATTER_GPA + PAGE, self->mem),
	};
	struct svmvcpu_range hole = { TEST_FREE, PAGE };
	struct svmvcpu_range last = { SCATTER_GPA + (max - 1) * 2 * PAGE, PAGE };

	ASSERT_LT(SCATTERED, max);
	ASSERT_EQ(0, fill_to(vm, self->mem, max - 1));
	/* A batch of two that does not fit maps neither. */
	EXPECT_EQ(-ENOSPC, svmvcpu_vm_map(vm->vm, two, 2));
	EXPECT_EQ(0, svmvcpu_vm_map(vm->vm, &two[1], 1));
	EXPECT_EQ(-ENOSPC, svmvcpu_vm_map(vm->vm, &two[0], 1));
	/* A hole in the middle splits one region in two. */
	EXPECT_EQ(-ENOSPC, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	EXPECT_EQ(-ENOENT, svmvcpu_vm_unmap(vm->vm, &last, 1));
	last.gpa -= 2 * PAGE;
	EXPECT_EQ(0, svmvcpu_vm_unmap(vm->vm, &last, 1));
	EXPECT_EQ(0, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	EXPECT_EQ(-ENOSPC, svmvcpu_vm_map(vm->vm, &two[0], 1));

	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(vm, 500));
	EXPECT_LT(0U, *guest_word(vm, BEATS));
}

static unsigned long free_kib(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

#define FLOOD_REGIONS	4000U
#define FLOOD_CALLS	(slow_machine() ? 2000U : 20000U)
#define FLOOD_KIB	(24U << 10)	/* far less than a table of all regions for each call */

/* Mapping and unmapping one region leaves no garbage in proportion to the number of regions. */
TEST_F_TIMEOUT(regions, flood, 120)
{
	struct svmvcpu_range range = { 0x80000000UL, PAGE };
	struct svmvcpu_region batch[BATCH], one = one_page(range.gpa, self->mem);
	unsigned long before, least;
	unsigned int i, j;

	for (i = 0; i < FLOOD_REGIONS; i += BATCH) {
		for (j = 0; j < BATCH; j++)
			batch[j] = one_page(AREA + (i + j) * 2 * PAGE, self->mem);
		ASSERT_EQ(0, svmvcpu_vm_map(self->vm.vm, batch, BATCH));
	}
	before = free_kib();
	least = before;
	for (i = 0; i < FLOOD_CALLS; i++) {
		ASSERT_EQ(0, svmvcpu_vm_map(self->vm.vm, &one, 1));
		ASSERT_EQ(0, svmvcpu_vm_unmap(self->vm.vm, &range, 1));
		if (!(i % 64) && free_kib() < least)
			least = free_kib();
	}
	TH_LOG("%u calls, MemFree from %lu KiB to %lu KiB at least", 2 * i, before, least);
	EXPECT_LT(before, least + FLOOD_KIB);
}

TEST_HARNESS_MAIN
