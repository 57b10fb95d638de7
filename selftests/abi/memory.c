// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP and UNMAP: each error, atomicity of a batch, and regions that are split. A guest
 * touches the pages afterwards, to see what is mapped.
 *
 * timeout: 120
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "abi_args.h"

#define R	SVMVCPU_MEM_READ
#define RW	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)
#define RWX	(RW | SVMVCPU_MEM_EXEC)

/* where the tests put regions, and their number of pages */
#define AREA	0x1000000UL
#define PAGES	16

GUEST32(touch, "mov (%edi), %eax\n hlt");
GUEST32(store, "movl $0x600dcafe, (%edi)\n hlt");
GUEST32(leap, "jmp *%edi");

FIXTURE(memory) {
	struct test_vm vm;
	unsigned char *area;
	unsigned char *fence;
};

/* Each page starts with its number, followed by HLT. */
FIXTURE_SETUP(memory)
{
	vm_open(&self->vm);
	self->fence = fence_alloc();
	self->area = svmvcpu_alloc(PAGES * PAGE);
	for (int i = 0; i < PAGES; i++)
		*(__u32 *)(self->area + i * PAGE) = 0xabcd00f4 | i << 8;
}

FIXTURE_TEARDOWN(memory)
{
	svmvcpu_free(self->area, PAGES * PAGE);
	svmvcpu_free(self->fence, 3 * PAGE);
	vm_close(&self->vm);
}

static int map(struct test_vm *vm, const struct svmvcpu_region *regions, __u32 nr)
{
	struct svmvcpu_map arg = {
		.size = sizeof(arg), .nr = nr, .regions = (uintptr_t)regions,
	};

	return ioctl_errno(vm->vm, SVMVCPU_MAP, &arg);
}

static int unmap(struct test_vm *vm, const struct svmvcpu_range *ranges, __u32 nr)
{
	struct svmvcpu_unmap arg = {
		.size = sizeof(arg), .nr = nr, .ranges = (uintptr_t)ranges,
	};

	return ioctl_errno(vm->vm, SVMVCPU_UNMAP, &arg);
}

static int map_one(struct test_vm *vm, __u64 gpa, __u64 bytes, void *hva, __u32 prot)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)hva, .prot = prot,
	};

	return map(vm, &region, 1);
}

static int unmap_one(struct test_vm *vm, __u64 gpa, __u64 bytes)
{
	struct svmvcpu_range range = { .gpa = gpa, .bytes = bytes };

	return unmap(vm, &range, 1);
}

/* The value that the guest reads at @gpa, or FAULT */
#define FAULT	0xdeadUL
#define STRANGE	0xbadUL

static unsigned long guest_result(struct test_vm *vm, __u64 gpa)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE,
		.stack = TEST_STACK, .arg = gpa,
	};

	if (svmvcpu_vcpu_setup(&vm->vcpu, &setup) || vm_run(vm))
		return STRANGE;
	if (vm->run->reason == SVMVCPU_EXIT_HALT)
		return vm->run->gprs.rax;
	if (vm->run->reason != SVMVCPU_EXIT_MEMORY_FAULT || vm->run->memory.gpa != gpa ||
	    vm->run->memory.flags & SVMVCPU_FAULT_USER_MEM)
		return STRANGE;
	return FAULT;
}

static unsigned long guest_reads(struct test_vm *vm, __u64 gpa)
{
	load_guest(vm, touch);
	return guest_result(vm, gpa);
}

static unsigned long page_word(int page)
{
	return 0xabcd00f4UL | page << 8;
}

/* The guest must find the pages of AREA that are set in the bitmap, with the right contents. */
static void check_pages(struct __test_metadata *_metadata, struct test_vm *vm, __u32 there)
{
	for (int i = 0; i < PAGES; i++) {
		unsigned long want = there & (1U << i) ? page_word(i) : FAULT;

		EXPECT_IN(want, guest_reads(vm, AREA + i * PAGE), "page %d", i);
	}
}

TEST_F(memory, bad_regions)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	const __u64 hva = (uintptr_t)self->area;
	const struct {
		const char *what;
		struct svmvcpu_region region;
		int want;
	} bad[] = {
		{ "no bytes", { AREA, 0, hva, R, 0 }, EINVAL },
		{ "odd gpa", { AREA + 1, PAGE, hva, R, 0 }, EINVAL },
		{ "half-page gpa", { AREA + 2048, PAGE, hva, R, 0 }, EINVAL },
		{ "odd bytes", { AREA, PAGE + 1, hva, R, 0 }, EINVAL },
		{ "a few bytes", { AREA, 1, hva, R, 0 }, EINVAL },
		{ "odd hva", { AREA, PAGE, hva + 1, R, 0 }, EINVAL },
		{ "mbz", { AREA, PAGE, hva, R, 1 }, EINVAL },
		{ "high mbz", { AREA, PAGE, hva, R, 1U << 31 }, EINVAL },
		{ "no prot", { AREA, PAGE, hva, 0, 0 }, EINVAL },
		{ "write only", { AREA, PAGE, hva, SVMVCPU_MEM_WRITE, 0 }, EINVAL },
		{ "exec only", { AREA, PAGE, hva, SVMVCPU_MEM_EXEC, 0 }, EINVAL },
		{ "unknown prot", { AREA, PAGE, hva, R | 8, 0 }, EINVAL },
		{ "unknown high prot", { AREA, PAGE, hva, R | 1U << 31, 0 }, EINVAL },
		{ "gpa wraps", { -PAGE, 2 * PAGE, hva, R, 0 }, EINVAL },
		{ "gpa wraps to 0", { -PAGE, PAGE, hva, R, 0 }, EINVAL },
		{ "all", { 0, -PAGE, hva, R, 0 }, EINVAL },
		{ "gpa too high", { top, PAGE, hva, R, 0 }, EINVAL },
		{ "end too high", { top - PAGE, 2 * PAGE, hva, R, 0 }, EINVAL },
		{ "kernel hva", { AREA, PAGE, 0xffff888000000000ULL, R, 0 }, EFAULT },
		{ "hva not canonical", { AREA, PAGE, 1ULL << 62, R, 0 }, EFAULT },
		{ "hva wraps", { AREA, 2 * PAGE, -PAGE, R, 0 }, EFAULT },
		{ "end beyond user space", { AREA, 1ULL << 38, 0x7ffffffff000ULL, R, 0 }, EFAULT },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_IN(bad[i].want, map(&self->vm, &bad[i].region, 1), "%s", bad[i].what);
	/* The last page of the address space */
	EXPECT_EQ(0, map_one(&self->vm, top - PAGE, PAGE, self->area, R));
	EXPECT_EQ(0, unmap_one(&self->vm, top - PAGE, PAGE));
}

TEST_F(memory, bad_ranges)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	const struct {
		const char *what;
		struct svmvcpu_range range;
		int want;
	} bad[] = {
		{ "no bytes", { 0, 0 }, EINVAL },
		{ "odd gpa", { 1, PAGE }, EINVAL },
		{ "odd bytes", { 0, PAGE + 8 }, EINVAL },
		{ "wraps", { -PAGE, 2 * PAGE }, EINVAL },
		{ "wraps to 0", { -PAGE, PAGE }, EINVAL },
		{ "too high", { top, PAGE }, EINVAL },
		{ "end too high", { 0, top + PAGE }, EINVAL },
		{ "nothing there", { AREA, PAGE }, ENOENT },
		{ "right behind a region", { TEST_MEM, PAGE }, ENOENT },
		{ "up to the top", { TEST_MEM, top - TEST_MEM }, ENOENT },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_IN(bad[i].want, unmap(&self->vm, &bad[i].range, 1), "%s", bad[i].what);
	EXPECT_EQ(0, unmap_one(&self->vm, 0, top));
	EXPECT_EQ(ENOENT, unmap_one(&self->vm, 0, top));
}

TEST_F(memory, counts_and_arrays)
{
	__u32 max = self->vm.info.max_batch;
	const __u32 bad[] = { 0, max + 1, 0x10000, 0x7fffffff, 0xffffffff };
	unsigned char *end = self->fence + 2 * PAGE;
	struct svmvcpu_region region = {
		.gpa = AREA, .bytes = PAGE, .hva = (uintptr_t)self->area, .prot = R,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_IN(EINVAL, map(&self->vm, &region, bad[i]), "nr %u", bad[i]);
		EXPECT_IN(EINVAL, unmap(&self->vm, (void *)&region, bad[i]), "nr %u", bad[i]);
	}
	EXPECT_EQ(EFAULT, map(&self->vm, NULL, 1));
	EXPECT_EQ(EFAULT, unmap(&self->vm, NULL, 1));
	EXPECT_EQ(EFAULT, map(&self->vm, (void *)(1UL << 63), 1));
	EXPECT_EQ(EFAULT, unmap(&self->vm, (void *)(1UL << 63), 1));
	/* The second region of the array is in the inaccessible page. */
	memcpy(end - 2 * sizeof(region) + 1, &region, sizeof(region));
	EXPECT_EQ(EFAULT, map(&self->vm, (void *)(end - 2 * sizeof(region) + 1), 2));
	EXPECT_EQ(EFAULT, unmap(&self->vm, (void *)(end - 31), 2));
	check_pages(_metadata, &self->vm, 0);
}

TEST_F(memory, overlap)
{
	const __u64 p = PAGE;
	const struct svmvcpu_range bad[] = {
		{ AREA + 4 * p, 4 * p }, { AREA + 4 * p, p }, { AREA + 7 * p, p },
		{ AREA + 5 * p, p }, { AREA + 3 * p, 2 * p }, { AREA + 7 * p, 2 * p },
		{ AREA, 16 * p }, { AREA, 5 * p },
	};
	struct svmvcpu_region pair[2] = {
		{ .gpa = AREA + 12 * p, .bytes = p, .hva = (uintptr_t)self->area, .prot = R },
		{ .gpa = AREA + 10 * p, .bytes = 3 * p, .hva = (uintptr_t)self->area, .prot = R },
	};

	ASSERT_EQ(0, map_one(&self->vm, AREA + 4 * p, 4 * p, self->area + 4 * p, R));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_IN(EEXIST, map_one(&self->vm, bad[i].gpa, bad[i].bytes, self->area, R),
			  "overlap %u", i);
	/* two regions of one batch, in either order */
	EXPECT_EQ(EEXIST, map(&self->vm, pair, 2));
	pair[0].gpa = AREA + 10 * p;
	EXPECT_EQ(EEXIST, map(&self->vm, pair, 2));
	check_pages(_metadata, &self->vm, 0xf0);
	/* Adjacent regions and regions with the same user memory are allowed. */
	EXPECT_EQ(0, map_one(&self->vm, AREA + 3 * p, p, self->area + 3 * p, R));
	EXPECT_EQ(0, map_one(&self->vm, AREA + 8 * p, p, self->area + 8 * p, R));
	check_pages(_metadata, &self->vm, 0x1f8);
}

/* One invalid region, at any place in the batch: none is mapped. */
TEST_F(memory, map_all_or_nothing)
{
	struct svmvcpu_region regions[8];

	for (int bad = 0; bad < 8; bad++) {
		for (int i = 0; i < 8; i++)
			regions[i] = (struct svmvcpu_region) {
				.gpa = AREA + (7 - i) * PAGE, .bytes = PAGE,
				.hva = (uintptr_t)self->area + (7 - i) * PAGE, .prot = R,
			};
		regions[bad].mbz = 1;
		EXPECT_EQ(EINVAL, map(&self->vm, regions, 8));
		regions[bad].mbz = 0;
		regions[bad].hva = 1ULL << 63;
		EXPECT_EQ(EFAULT, map(&self->vm, regions, 8));
		regions[bad].hva = (uintptr_t)self->area;
		regions[bad].gpa = 0;
		EXPECT_EQ(EEXIST, map(&self->vm, regions, 8));
		check_pages(_metadata, &self->vm, 0);
	}
	regions[7].gpa = AREA;
	EXPECT_EQ(0, map(&self->vm, regions, 8));
	check_pages(_metadata, &self->vm, 0xff);
}

TEST_F(memory, unmap_all_or_nothing)
{
	struct svmvcpu_range ranges[3] = {
		{ AREA, PAGE }, { AREA + 4 * PAGE, 2 * PAGE }, { AREA + 20 * PAGE, PAGE },
	};

	ASSERT_EQ(0, map_one(&self->vm, AREA, 8 * PAGE, self->area, R));
	check_pages(_metadata, &self->vm, 0xff);
	EXPECT_EQ(ENOENT, unmap(&self->vm, ranges, 3));
	check_pages(_metadata, &self->vm, 0xff);
	/* A range of the batch finds no region if an earlier one removed it. */
	ranges[2] = ranges[1];
	EXPECT_EQ(ENOENT, unmap(&self->vm, ranges, 3));
	ranges[2].gpa += 1;
	EXPECT_EQ(EINVAL, unmap(&self->vm, ranges, 3));
	check_pages(_metadata, &self->vm, 0xff);
	EXPECT_EQ(0, unmap(&self->vm, ranges, 2));
	check_pages(_metadata, &self->vm, 0xce);
}

/* Front, middle, back: the remaining parts keep their user memory. */
TEST_F(memory, cut)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map_one(vm, AREA, PAGES * PAGE, self->area, RWX));
	check_pages(_metadata, vm, 0xffff);
	EXPECT_EQ(0, unmap_one(vm, AREA, PAGE));
	check_pages(_metadata, vm, 0xfffe);
	EXPECT_EQ(0, unmap_one(vm, AREA + 15 * PAGE, PAGE));
	check_pages(_metadata, vm, 0x7ffe);
	EXPECT_EQ(0, unmap_one(vm, AREA + 4 * PAGE, 2 * PAGE));
	check_pages(_metadata, vm, 0x7fce);
	/* across a hole, from one part into the other */
	EXPECT_EQ(0, unmap_one(vm, AREA + 3 * PAGE, 6 * PAGE));
	check_pages(_metadata, vm, 0x7e06);
	/* larger than what is left */
	EXPECT_EQ(0, unmap_one(vm, AREA + 2 * PAGE, 9 * PAGE));
	check_pages(_metadata, vm, 0x7802);
	/* A hole can be filled again, also with other memory. */
	EXPECT_EQ(0, map_one(vm, AREA + 2 * PAGE, PAGE, self->area + 9 * PAGE, R));
	EXPECT_EQ(page_word(9), guest_reads(vm, AREA + 2 * PAGE));
	EXPECT_EQ(page_word(11), guest_reads(vm, AREA + 11 * PAGE));
}

/* The same without pages in the nested tables, which could hide a wrong address */
TEST_F(memory, cut_untouched)
{
	struct svmvcpu_range ranges[] = {
		{ AREA, PAGE }, { AREA + 15 * PAGE, PAGE }, { AREA + 4 * PAGE, 2 * PAGE },
		{ AREA + 8 * PAGE, PAGE }, { AREA + 5 * PAGE, 4 * PAGE },
	};
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map_one(vm, AREA, PAGES * PAGE, self->area, RWX));
	EXPECT_EQ(0, unmap(vm, ranges, ARRAY_SIZE(ranges)));
	check_pages(_metadata, vm, 0x7e0e);
}

/* One range covers parts of three regions, whose user memory is in another order. */
TEST_F(memory, cut_several)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region regions[3];

	for (int i = 0; i < 3; i++)
		regions[i] = (struct svmvcpu_region) {
			.gpa = AREA + i * 4 * PAGE, .bytes = 4 * PAGE,
			.hva = (uintptr_t)self->area + (2 - i) * 4 * PAGE, .prot = R,
		};
	ASSERT_EQ(0, map(vm, regions, 3));
	EXPECT_EQ(page_word(8), guest_reads(vm, AREA));
	EXPECT_EQ(page_word(4), guest_reads(vm, AREA + 4 * PAGE));
	EXPECT_EQ(page_word(3), guest_reads(vm, AREA + 11 * PAGE));
	EXPECT_EQ(0, unmap_one(vm, AREA + 2 * PAGE, 8 * PAGE));
	EXPECT_EQ(page_word(8), guest_reads(vm, AREA));
	EXPECT_EQ(page_word(9), guest_reads(vm, AREA + PAGE));
	for (int i = 2; i < 10; i++)
		EXPECT_EQ(FAULT, guest_reads(vm, AREA + i * PAGE));
	EXPECT_EQ(page_word(2), guest_reads(vm, AREA + 10 * PAGE));
	EXPECT_EQ(page_word(3), guest_reads(vm, AREA + 11 * PAGE));
}

TEST_F(memory, permissions)
{
	const __u32 prots[] = { R, RW, R | SVMVCPU_MEM_EXEC, RWX };
	struct test_vm *vm = &self->vm;

	for (int i = 0; i < 4; i++) {
		__u64 gpa = AREA + i * PAGE;

		ASSERT_EQ(0, map_one(vm, gpa, PAGE, self->area + i * PAGE, prots[i]));
		EXPECT_EQ(page_word(i), guest_reads(vm, gpa));
		load_guest(vm, leap);
		EXPECT_EQ(prots[i] & SVMVCPU_MEM_EXEC ? 0 : FAULT, guest_result(vm, gpa));
		if (!(prots[i] & SVMVCPU_MEM_EXEC))
			EXPECT_EQ(SVMVCPU_FAULT_EXEC, vm->run->memory.flags & 3);
		load_guest(vm, store);
		EXPECT_EQ(prots[i] & SVMVCPU_MEM_WRITE ? 0 : FAULT, guest_result(vm, gpa));
		if (!(prots[i] & SVMVCPU_MEM_WRITE))
			EXPECT_EQ(SVMVCPU_FAULT_WRITE, vm->run->memory.flags & 3);
		EXPECT_EQ(prots[i] & SVMVCPU_MEM_WRITE ? 0x600dcafe : page_word(i),
			  *(__u32 *)(self->area + i * PAGE));
	}
}

/* A region whose user memory is missing, or lacks the access rights */
TEST_F(memory, user_memory_missing)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map_one(vm, AREA, 3 * PAGE, self->fence, RW));
	EXPECT_EQ(0UL, guest_reads(vm, AREA + PAGE));
	EXPECT_EQ(STRANGE, guest_reads(vm, AREA + 2 * PAGE));
	EXPECT_EQ((__u32)SVMVCPU_FAULT_USER_MEM, vm->run->memory.flags);
	ASSERT_EQ(0, mprotect(self->fence, PAGE, PROT_READ));
	EXPECT_EQ(0UL, guest_reads(vm, AREA));
	load_guest(vm, store);
	EXPECT_EQ(STRANGE, guest_result(vm, AREA));
	EXPECT_EQ((__u32)(SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE),
		  vm->run->memory.flags);
	/* With the memory mapped, the next RUN completes the instruction. */
	ASSERT_EQ(0, mprotect(self->fence, PAGE, PROT_READ | PROT_WRITE));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x600dcafeU, *(__u32 *)self->fence);
}

/* As many regions as GET_INFO allows; no region can be split when one place is left. */
TEST_F(memory, no_space)
{
	__u32 max = self->vm.info.max_regions, batch = self->vm.info.max_batch;
	struct svmvcpu_region *regions = calloc(batch, sizeof(*regions));
	__u32 have = 1, nr;
	__u64 gpa = AREA;

	ASSERT_NE(NULL, regions);
	for (; have < max; have += nr) {
		nr = max - have < batch ? max - have : batch;
		for (__u32 i = 0; i < nr; i++, gpa += 4 * PAGE)
			regions[i] = (struct svmvcpu_region) {
				.gpa = gpa, .bytes = 3 * PAGE,
				.hva = (uintptr_t)self->area, .prot = R,
			};
		ASSERT_EQ(0, map(&self->vm, regions, nr));
	}
	EXPECT_EQ(ENOSPC, map_one(&self->vm, gpa, PAGE, self->area, R));
	EXPECT_EQ(FAULT, guest_reads(&self->vm, gpa));
	EXPECT_EQ(ENOSPC, unmap_one(&self->vm, AREA + PAGE, PAGE));
	EXPECT_EQ(page_word(1), guest_reads(&self->vm, AREA + PAGE));
	/* Removing the front of a region does not split it; removing a region frees a place. */
	EXPECT_EQ(0, unmap_one(&self->vm, AREA, PAGE));
	EXPECT_EQ(0, unmap_one(&self->vm, AREA + 4 * PAGE, 3 * PAGE));
	EXPECT_EQ(0, map_one(&self->vm, gpa, PAGE, self->area, R));
	EXPECT_EQ(page_word(0), guest_reads(&self->vm, gpa));
	free(regions);
}

#define PIECES	500

struct pesterer {
	pthread_t thread, target;
	volatile bool stop;
};

static void ignore(int signal)
{
	(void)signal;
}

static void *pester(void *arg)
{
	struct pesterer *pesterer = arg;

	while (!pesterer->stop)
		pthread_kill(pesterer->target, SIGUSR1);
	return NULL;
}

/*
 * CREATE_VM registers an MMU notifier, which takes long in an address space with many
 * mappings. A signal meanwhile makes it return EINTR; the next call succeeds.
 */
static int create_pestered(int dev)
{
	struct svmvcpu_create_vm create = { .size = sizeof(create) };
	struct pesterer pesterer = { .target = pthread_self() };
	unsigned char *mem = svmvcpu_alloc(PIECES * PAGE);
	int err;

	for (int i = 0; i < PIECES; i += 2)
		mprotect(mem + i * PAGE, PAGE, PROT_READ);
	signal(SIGUSR1, ignore);
	pthread_create(&pesterer.thread, NULL, pester, &pesterer);
	sleep_ms(1);
	err = ioctl_errno(dev, SVMVCPU_CREATE_VM, &create);
	pesterer.stop = true;
	pthread_join(pesterer.thread, NULL);
	if (err == EINTR && ioctl_errno(dev, SVMVCPU_CREATE_VM, &create))
		return 255;
	return err;
}

TEST_F_TIMEOUT(memory, interrupted, 240)
{
	int status = 0;

	if (host_is_bochs())
		SKIP(return, "Bochs: takes minutes, and no guest has a part in it");
	for (int i = 0; i < 100 && !status; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(create_pestered(self->vm.dev));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
	}
	EXPECT_EQ(EINTR, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
