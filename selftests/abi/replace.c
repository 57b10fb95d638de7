// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP with REPLACE: what replaces what, holes and moves, each error and that it changes
 * nothing, the dirty log, and snapshots. mem_replace does it under running vCPUs.
 *
 * timeout: 120
 */
#include "abi_args.h"

#define R	SVMVCPU_MEM_READ
#define RW	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)
#define RWX	(RW | SVMVCPU_MEM_EXEC)

/* where the tests put regions, and their number of pages */
#define AREA	0x1000000UL
#define PAGES	16

/* Both use the address in EDI. */
GUEST32(touch, "mov (%edi), %eax\n hlt");
GUEST32(store, "mov $0x600dcafe, %eax\n mov %eax, (%edi)\n hlt");

FIXTURE(replace) {
	struct test_vm vm;
	unsigned char *a;	/* page i starts with 0xa00 + i */
	unsigned char *b;	/* page i starts with 0xb00 + i */
};

/* AREA is one region of @a. */
FIXTURE_SETUP(replace)
{
	struct svmvcpu_region region = { .gpa = AREA, .bytes = PAGES * PAGE, .prot = RW };

	vm_open(&self->vm);
	self->a = svmvcpu_alloc(PAGES * PAGE);
	self->b = svmvcpu_alloc(PAGES * PAGE);
	for (int i = 0; i < PAGES; i++) {
		*(__u32 *)(self->a + i * PAGE) = 0xa00 + i;
		*(__u32 *)(self->b + i * PAGE) = 0xb00 + i;
	}
	region.hva = (uintptr_t)self->a;
	ASSERT_EQ(0, svmvcpu_vm_map(self->vm.vm, &region, 1));
}

FIXTURE_TEARDOWN(replace)
{
	vm_close(&self->vm);
	svmvcpu_free(self->a, PAGES * PAGE);
	svmvcpu_free(self->b, PAGES * PAGE);
}

static struct svmvcpu_region pages(int first, int nr, void *hva, __u32 prot)
{
	return (struct svmvcpu_region) {
		.gpa = AREA + first * PAGE, .bytes = nr * PAGE, .hva = (uintptr_t)hva,
		.prot = prot,
	};
}

static struct svmvcpu_region hole(int first, int nr)
{
	return pages(first, nr, NULL, 0);
}

static int replace(struct test_vm *vm, const struct svmvcpu_region *regions, unsigned int nr)
{
	return svmvcpu_vm_replace(vm->vm, regions, nr);
}

/* What the guest reads in a page of AREA, 0 if that is no memory */
static unsigned int guest_sees(struct test_vm *vm, int page)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = AREA + page * PAGE,
	};

	if (svmvcpu_vcpu_setup(&vm->vcpu, &setup) || vm_run(vm))
		return 0xbad;
	if (vm->run->reason == SVMVCPU_EXIT_MEMORY_FAULT &&
	    !(vm->run->memory.flags & SVMVCPU_FAULT_USER_MEM))
		return 0;
	return vm->run->reason == SVMVCPU_EXIT_HALT ? vm->run->gprs.rax : 0xbad;
}

static bool guest_writes(struct test_vm *vm, int page)
{
	load_guest(vm, store);
	return guest_sees(vm, page) != 0;
}

#define A(page)	(0xa00U + (page))
#define B(page)	(0xb00U + (page))

/* Compares all pages of AREA with 16 values. */
#define EXPECT_AREA(vm, ...)						\
do {									\
	const unsigned int area_[PAGES] = { __VA_ARGS__ };		\
									\
	load_guest(vm, touch);						\
	for (int page_ = 0; page_ < PAGES; page_++)			\
		EXPECT_IN(area_[page_], guest_sees(vm, page_), "page %d", page_);	\
} while (0)

#define EXPECT_ALL_A(vm)						\
	EXPECT_AREA(vm, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7), A(8), A(9), A(10),	\
		    A(11), A(12), A(13), A(14), A(15))

TEST_F(replace, backing_of_a_part)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region = pages(4, 3, self->b, RW);

	EXPECT_ALL_A(vm);
	ASSERT_EQ(0, replace(vm, &region, 1));
	EXPECT_AREA(vm, A(0), A(1), A(2), A(3), B(0), B(1), B(2), A(7), A(8), A(9), A(10),
		    A(11), A(12), A(13), A(14), A(15));
	/* the old memory at another place, over parts of three regions */
	region = pages(3, 5, self->a, RW);
	ASSERT_EQ(0, replace(vm, &region, 1));
	EXPECT_AREA(vm, A(0), A(1), A(2), A(0), A(1), A(2), A(3), A(4), A(8), A(9), A(10),
		    A(11), A(12), A(13), A(14), A(15));
	region = pages(0, 16, self->a, RW);
	ASSERT_EQ(0, replace(vm, &region, 1));
	EXPECT_ALL_A(vm);
}

/* Each direction: rights that are taken away, and rights that are granted */
TEST_F(replace, rights)
{
	struct svmvcpu_region rom = pages(2, 2, self->a + 2 * PAGE, R);
	struct svmvcpu_region ram = pages(2, 2, self->a + 2 * PAGE, RWX);
	struct test_vm *vm = &self->vm;

	for (int round = 0; round < 3; round++) {
		*(__u32 *)(self->a + 2 * PAGE) = A(2);
		EXPECT_TRUE(guest_writes(vm, 2));
		EXPECT_EQ(0x600dcafeU, *(__u32 *)(self->a + 2 * PAGE));
		*(__u32 *)(self->a + 2 * PAGE) = A(2);
		ASSERT_EQ(0, replace(vm, &rom, 1));
		EXPECT_FALSE(guest_writes(vm, 2));
		EXPECT_EQ(SVMVCPU_FAULT_WRITE, vm->run->memory.flags & SVMVCPU_FAULT_WRITE);
		EXPECT_EQ(A(2), *(__u32 *)(self->a + 2 * PAGE));
		EXPECT_ALL_A(vm);
		ASSERT_EQ(0, replace(vm, &ram, 1));
	}
}

/* A region moves by less than its length: one call with two entries, in any order. */
TEST_F(replace, move)
{
	struct svmvcpu_region moved[2] = {
		pages(3, 8, self->a, RW), hole(0, 3),
	};
	struct svmvcpu_region back[2] = {
		hole(8, 3), pages(0, 8, self->a, RW),
	};
	struct svmvcpu_region upper = hole(8, 8);
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, replace(vm, &upper, 1));
	EXPECT_AREA(vm, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7));
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, replace(vm, moved, 2));
		EXPECT_AREA(vm, 0, 0, 0, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7));
		ASSERT_EQ(0, replace(vm, back, 2));
		EXPECT_AREA(vm, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7));
	}
}

/* A hole need not cover memory, and a region may be new. */
TEST_F(replace, nothing_there)
{
	struct svmvcpu_region region = hole(20, 4);
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, replace(vm, &region, 1));
	EXPECT_EQ(0U, guest_sees(vm, 20));
	region = pages(14, 10, self->b, R);
	ASSERT_EQ(0, replace(vm, &region, 1));
	load_guest(vm, touch);
	EXPECT_EQ(A(13), guest_sees(vm, 13));
	EXPECT_EQ(B(0), guest_sees(vm, 14));
	EXPECT_EQ(B(9), guest_sees(vm, 23));
}

TEST_F(replace, errors_change_nothing)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	struct svmvcpu_region bad[][2] = {
		{ pages(0, 8, self->b, RW), { AREA + 8 * PAGE, PAGE, 0, 0, 1 } },
		{ pages(0, 8, self->b, RW), { AREA + 8 * PAGE, PAGE, PAGE, 0, 0 } },
		{ pages(0, 8, self->b, RW), { AREA + 8 * PAGE, 0, 0, 0, 0 } },
		{ pages(0, 8, self->b, RW), { AREA + 8 * PAGE + 1, PAGE, 0, 0, 0 } },
		{ pages(0, 8, self->b, RW), { top, PAGE, 0, 0, 0 } },
		{ pages(0, 8, self->b, RW), pages(8, 1, self->b, SVMVCPU_MEM_WRITE) },
		{ pages(0, 8, self->b, RW), pages(8, 1, self->b, R | 8) },
		{ pages(0, 8, self->b, RW), pages(8, 1, (void *)(1UL << 63), R) },
		{ pages(0, 8, self->b, RW), pages(7, 1, self->b, R) },
		{ pages(0, 8, self->b, RW), hole(7, 2) },
		{ hole(4, 8), hole(3, 2) },
		{ hole(4, 8), hole(11, 1) },
	};
	const int want[] = {
		-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT,
		-EEXIST, -EEXIST, -EEXIST, -EEXIST,
	};
	struct svmvcpu_region gap = hole(4, 1);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_IN(want[i], replace(&self->vm, bad[i], 2), "row %u", i);
		EXPECT_ALL_A(&self->vm);
	}
	/* Without REPLACE there are no holes, and nothing is replaced. */
	EXPECT_EQ(-EINVAL, svmvcpu_vm_map(self->vm.vm, &gap, 1));
	EXPECT_EQ(-EEXIST, svmvcpu_vm_map(self->vm.vm, bad[0], 1));
	EXPECT_ALL_A(&self->vm);
}

/* Fills the VM with regions of @bytes at every second page from @gpa on. */
static int fill(struct test_vm *vm, __u64 gpa, unsigned int nr, void *hva)
{
	unsigned int batch = vm->info.max_batch, i, n;
	struct svmvcpu_region *regions = calloc(batch, sizeof(*regions));
	int ret = regions ? 0 : -ENOMEM;

	for (; !ret && nr; nr -= n) {
		n = nr < batch ? nr : batch;
		for (i = 0; i < n; i++, gpa += 2 * PAGE)
			regions[i] = (struct svmvcpu_region) {
				.gpa = gpa, .bytes = PAGE, .hva = (uintptr_t)hva, .prot = R,
			};
		ret = svmvcpu_vm_map(vm->vm, regions, n);
	}
	free(regions);
	return ret;
}

/* The limits: regions in the VM, and regions that one call replaces */
TEST_F(replace, limits)
{
	unsigned int max = self->vm.info.max_regions, batch = self->vm.info.max_batch;
	const __u64 gpa = AREA + 64 * PAGE;
	struct svmvcpu_region region = { .gpa = gpa, .hva = (uintptr_t)self->b, .prot = R };
	struct svmvcpu_region split = pages(4, 1, self->b, R);
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, fill(vm, gpa, max - 2, self->a));
	/* One region becomes three; there is room for none. */
	EXPECT_EQ(-ENOSPC, replace(vm, &split, 1));
	EXPECT_ALL_A(vm);
	/* As many as before */
	split = pages(0, 16, self->b, R);
	EXPECT_EQ(0, replace(vm, &split, 1));
	load_guest(vm, touch);
	EXPECT_EQ(B(4), guest_sees(vm, 4));

	region.bytes = (2 * batch + 1) * PAGE;
	EXPECT_EQ(-E2BIG, replace(vm, &region, 1));
	EXPECT_EQ(A(0), guest_sees(vm, 64 + 2 * batch));
	EXPECT_EQ(0U, guest_sees(vm, 65));
	region = (struct svmvcpu_region) { .gpa = gpa, .bytes = 2 * batch * PAGE };
	EXPECT_EQ(0, replace(vm, &region, 1));
	EXPECT_EQ(0U, guest_sees(vm, 64));
	EXPECT_EQ(0U, guest_sees(vm, 62 + 2 * batch));
	EXPECT_EQ(A(0), guest_sees(vm, 64 + 2 * batch));
	/* Places for 512 regions are free now. */
	EXPECT_EQ(0, fill(vm, gpa, batch, self->b));
	split = pages(30, 1, self->b, R);
	EXPECT_EQ(-ENOSPC, svmvcpu_vm_map(vm->vm, &split, 1));
}

static int log_pages(struct test_vm *vm, int first, int nr, __u32 flags)
{
	struct svmvcpu_dirty_log log = {
		.size = sizeof(log), .flags = flags, .gpa = AREA + first * PAGE,
		.bytes = nr * PAGE,
	};

	return ioctl_errno(vm->vm, SVMVCPU_DIRTY_LOG, &log);
}

/* Bitmap of the dirty pages of AREA */
static __u64 dirty(struct test_vm *vm)
{
	__u64 bits = 0;
	struct svmvcpu_dirty_collect collect = {
		.size = sizeof(collect), .flags = SVMVCPU_COLLECT_BITMAP, .gpa = AREA,
		.bytes = PAGES * PAGE, .bitmap = (uintptr_t)&bits,
	};

	return ioctl_errno(vm->vm, SVMVCPU_DIRTY_COLLECT, &collect) ? ~0ULL : bits;
}

/*
 * The log covers addresses: it keeps pages that were written before, and logs writes to
 * the new memory. It forgets what becomes a hole.
 */
TEST_F(replace, dirty_log)
{
	struct svmvcpu_region regions[2] = { pages(1, 2, self->b, RW), hole(4, 1) };
	struct svmvcpu_region back = pages(0, 16, self->a, RW);
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, log_pages(vm, 0, PAGES, SVMVCPU_LOG_START));
	for (int page = 0; page < 5; page++)
		EXPECT_TRUE(guest_writes(vm, page));
	ASSERT_EQ(0, replace(vm, regions, 2));
	EXPECT_EQ(0x0fULL, dirty(vm));
	EXPECT_EQ(0ULL, dirty(vm));
	EXPECT_TRUE(guest_writes(vm, 0));
	EXPECT_TRUE(guest_writes(vm, 2));
	EXPECT_FALSE(guest_writes(vm, 4));
	EXPECT_EQ(0x05ULL, dirty(vm));
	EXPECT_TRUE(guest_writes(vm, 2));
	ASSERT_EQ(0, replace(vm, &back, 1));
	EXPECT_TRUE(guest_writes(vm, 4));
	EXPECT_EQ(0x14ULL, dirty(vm));
	EXPECT_TRUE(guest_writes(vm, 2));
	EXPECT_EQ(0x04ULL, dirty(vm));
	EXPECT_EQ(0x600dcafeU, *(__u32 *)(self->a + 2 * PAGE));
	ASSERT_EQ(0, log_pages(vm, 0, PAGES, SVMVCPU_LOG_STOP));
}

/* Memory stays where it is as long as there is a snapshot, also if it was mapped later. */
TEST_F(replace, snapshot)
{
	struct svmvcpu_region old = pages(2, 1, self->b, RW);
	struct svmvcpu_region later = pages(20, 2, self->b, R);
	struct svmvcpu_region alias = pages(30, 1, self->a, RW);
	struct svmvcpu_region none = hole(40, 1);
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	EXPECT_EQ(-EBUSY, replace(vm, &old, 1));
	EXPECT_EQ(0, replace(vm, &later, 1));
	EXPECT_EQ(-EBUSY, replace(vm, &later, 1));
	EXPECT_EQ(-ENOTUNIQ, replace(vm, &alias, 1));
	EXPECT_EQ(0, replace(vm, &none, 1));
	EXPECT_ALL_A(vm);
	EXPECT_EQ(B(1), guest_sees(vm, 21));
	EXPECT_EQ(0U, guest_sees(vm, 30));
	EXPECT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(0, replace(vm, &old, 1));
	EXPECT_EQ(0, replace(vm, &alias, 1));
	load_guest(vm, touch);
	EXPECT_EQ(B(0), guest_sees(vm, 2));
	EXPECT_EQ(A(0), guest_sees(vm, 30));
}

TEST_HARNESS_MAIN
