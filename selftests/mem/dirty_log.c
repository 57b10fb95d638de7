// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 * cost: 10
 *
 * The log of dirty pages, as list and as bitmap: each written page is reported once,
 * whoever wrote it, in any range, and none is lost when the list is full, when two
 * guests write at the same time, or when the VMM's memory changes.
 */
#include "snap.h"

#define COUNT	8U
#define ALL	0ULL, TEST_MEM

FIXTURE(dirty) {
	struct test_vm vm;
	const __u64 *list;
	struct svmvcpu_dirty_collect got;
	unsigned char bitmap[TEST_MEM / PAGE / 8];
};

FIXTURE_SETUP(dirty)
{
	snap_open(&self->vm, COUNT);
	self->list = svmvcpu_vm_dirty_list(self->vm.vm);
	ASSERT_NE(NULL, self->list);
}

FIXTURE_TEARDOWN(dirty)
{
	svmvcpu_vm_dirty_list_free(self->list);
	vm_close(&self->vm);
}

static int log_start(struct test_vm *vm, __u64 gpa, __u64 bytes)
{
	return svmvcpu_vm_dirty_log(vm->vm, SVMVCPU_LOG_START, gpa, bytes);
}

static int log_stop(struct test_vm *vm, __u64 gpa, __u64 bytes)
{
	return svmvcpu_vm_dirty_log(vm->vm, SVMVCPU_LOG_STOP, gpa, bytes);
}

/*
 * Collects into the list, from element @first on; the number of pages, or a negative
 * errno
 */
static int collect(struct _test_data_dirty *self, __u64 gpa, __u64 bytes, unsigned int first,
		   unsigned int max)
{
	int ret;

	self->got = (struct svmvcpu_dirty_collect) {
		.gpa = gpa, .bytes = bytes, .first = first, .max = max,
	};
	ret = svmvcpu_vm_dirty_collect(self->vm.vm, &self->got);
	return ret ? ret : (int)self->got.nr;
}

static int collect_bits(struct _test_data_dirty *self, __u64 gpa, __u64 bytes)
{
	int ret;

	memset(self->bitmap, 0xff, sizeof(self->bitmap));
	self->got = (struct svmvcpu_dirty_collect) {
		.flags = SVMVCPU_COLLECT_BITMAP, .gpa = gpa, .bytes = bytes,
		.bitmap = (uintptr_t)self->bitmap,
	};
	ret = svmvcpu_vm_dirty_collect(self->vm.vm, &self->got);
	return ret ? ret : (int)self->got.nr;
}

/* How often is the page in the list? */
static unsigned int listed(struct _test_data_dirty *self, __u64 gpa)
{
	unsigned int i, times = 0;

	for (i = 0; i < self->got.nr; i++)
		times += self->list[self->got.first + i] == gpa;
	return times;
}

static bool bit(struct _test_data_dirty *self, unsigned int i)
{
	return self->bitmap[i / 8] >> i % 8 & 1;
}

#define MAX	SVMVCPU_DIRTY_LIST_MAX

TEST_F(dirty, list)
{
	struct test_vm *vm = &self->vm;
	unsigned int round, i;

	EXPECT_EQ(-ENOENT, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, log_start(vm, ALL));
	EXPECT_EQ(0, collect(self, ALL, 0, MAX));
	for (round = 0; round < 40; round++) {
		RUN_EXPECT(vm, IO);
		ASSERT_EQ(COUNT, collect(self, ALL, 0, MAX));
		EXPECT_EQ(0U, self->got.more);
		for (i = 0; i < COUNT; i++)
			ASSERT_EQ(1U, listed(self, TEST_FREE + i * PAGE));
		/* Reported once; reading is no write. */
		ASSERT_EQ(0, collect(self, ALL, 0, MAX));
	}
	/* Pages that were not written for long are noticed when they are. */
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	ASSERT_EQ(0, log_stop(vm, ALL));
	EXPECT_EQ(-ENOENT, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
}

TEST_F(dirty, bitmap)
{
	struct test_vm *vm = &self->vm;
	unsigned int round, i;

	ASSERT_EQ(0, log_start(vm, ALL));
	for (round = 0; round < 3; round++) {
		RUN_EXPECT(vm, IO);
		ASSERT_EQ(COUNT, collect_bits(self, ALL));
		for (i = 0; i < TEST_MEM / PAGE; i++)
			ASSERT_EQ(i >= TEST_FREE / PAGE && i < TEST_FREE / PAGE + COUNT,
				  bit(self, i)) {
				TH_LOG("page %u", i);
			}
		ASSERT_EQ(0, collect_bits(self, ALL));
	}
	/* Bits of a range that begins and ends within a word; the rest of the word is 0. */
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(3, collect_bits(self, TEST_FREE + 2 * PAGE, 3 * PAGE));
	EXPECT_EQ(7, self->bitmap[0]);
	EXPECT_EQ(0, self->bitmap[7]);
	EXPECT_EQ(0xff, self->bitmap[8]);
	EXPECT_EQ(5, collect_bits(self, ALL));
}

#define WIDE_BYTES	(16ULL << 30)
#define WIDE_BITMAP	(WIDE_BYTES / PAGE / 8)

/* A bitmap that is cleared in pieces is either cleared as a whole, or nothing is reported. */
TEST_F(dirty, wide_bitmap)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_dirty_collect c = {
		.flags = SVMVCPU_COLLECT_BITMAP, .bytes = WIDE_BYTES,
	};
	unsigned char *bitmap = mmap(NULL, WIDE_BITMAP, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, others = 0;

	ASSERT_NE(MAP_FAILED, (void *)bitmap);
	c.bitmap = (uintptr_t)bitmap;
	ASSERT_EQ(0, log_start(vm, 0, WIDE_BYTES));
	RUN_EXPECT(vm, IO);
	memset(bitmap, 0xff, WIDE_BITMAP);
	ASSERT_EQ(0, mprotect(bitmap + WIDE_BITMAP - PAGE, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, svmvcpu_vm_dirty_collect(vm->vm, &c));
	ASSERT_EQ(0, mprotect(bitmap + WIDE_BITMAP - PAGE, PAGE, PROT_READ | PROT_WRITE));
	memset(bitmap, 0xff, WIDE_BITMAP);
	ASSERT_EQ(0, svmvcpu_vm_dirty_collect(vm->vm, &c));
	EXPECT_EQ(COUNT, c.nr);
	EXPECT_EQ(0xff, bitmap[TEST_FREE / PAGE / 8]);
	for (i = 0; i < WIDE_BITMAP; i++)
		others += i != TEST_FREE / PAGE / 8 && bitmap[i];
	EXPECT_EQ(0U, others);
	munmap(bitmap, WIDE_BITMAP);
}

/* Only ranges that are logged and asked for */
TEST_F(dirty, ranges)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, log_start(vm, TEST_FREE + 2 * PAGE, 2 * PAGE));
	ASSERT_EQ(0, log_start(vm, TEST_FREE + 6 * PAGE, 100 * PAGE));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(1, collect(self, TEST_FREE, 3 * PAGE, 0, MAX));
	EXPECT_EQ(1U, listed(self, TEST_FREE + 2 * PAGE));
	EXPECT_EQ(0, collect(self, TEST_FREE, 3 * PAGE, 0, MAX));
	EXPECT_EQ(3, collect(self, ALL, 0, MAX));
	EXPECT_EQ(1U, listed(self, TEST_FREE + 3 * PAGE));
	EXPECT_EQ(1U, listed(self, TEST_FREE + 6 * PAGE));
	EXPECT_EQ(1U, listed(self, TEST_FREE + 7 * PAGE));
	/* Logging more, logging less; dirty pages that are not logged any more are forgotten. */
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, log_stop(vm, TEST_FREE + 3 * PAGE, 4 * PAGE));
	ASSERT_EQ(0, log_start(vm, TEST_FREE, PAGE));
	EXPECT_EQ(2, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(3, collect(self, ALL, 0, MAX));
	/* Starting a log that is active loses nothing. */
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, log_start(vm, TEST_FREE, PAGE));
	EXPECT_EQ(3, collect(self, ALL, 0, MAX));
}

/* Pages that do not fit into the list stay dirty, and elements outside of it do not change. */
TEST_F(dirty, full_list)
{
	struct test_vm *vm = &self->vm;
	unsigned int found = 0, rounds = 0;
	bool seen[SNAP_PAGES] = { };
	int nr;

	*guest_word(vm, COUNT_GPA) = SNAP_PAGES;
	ASSERT_EQ(0, log_start(vm, ALL));
	RUN_EXPECT(vm, IO);
	do {
		nr = collect(self, ALL, MAX - 7, 7);
		ASSERT_LE(0, nr);
		ASSERT_GE(7, nr);
		rounds++;
		while (nr--) {
			__u64 i = (self->list[MAX - 7 + nr] - TEST_FREE) / PAGE;

			ASSERT_GT(SNAP_PAGES, i);
			ASSERT_FALSE(seen[i]);
			seen[i] = true;
			found++;
		}
	} while (self->got.more);
	EXPECT_EQ(SNAP_PAGES, found);
	EXPECT_LE(SNAP_PAGES / 7, rounds);
	EXPECT_EQ(0U, self->list[0]);
}

/* Pages that guests write each time do not displace those that do not fit. */
TEST_F(dirty, every_page_gets_its_turn)
{
	struct test_vm *vm = &self->vm;
	unsigned int found = 0, round;
	bool seen[SNAP_PAGES] = { };

	*guest_word(vm, COUNT_GPA) = SNAP_PAGES;
	ASSERT_EQ(0, log_start(vm, ALL));
	for (round = 0; round < SNAP_PAGES / 8; round++) {
		RUN_EXPECT(vm, IO);
		ASSERT_EQ(8, collect(self, ALL, 0, 8));
		EXPECT_EQ(1U, self->got.more);
		for (__u32 i = 0; i < 8; i++) {
			__u64 page = (self->list[i] - TEST_FREE) / PAGE;

			found += !seen[page];
			seen[page] = true;
		}
	}
	EXPECT_EQ(SNAP_PAGES, found);
}

#define MANY		(2 * (TEST_MEM - TEST_FREE) / PAGE)
#define MANY_BYTES	(TEST_MEM + MANY / 2 * PAGE)

static __u64 flushes(struct test_vm *vm)
{
	struct svmvcpu_stats stats;

	return svmvcpu_vm_get_stats(vm->vm, &stats) ? 0 : stats.flushes;
}

/* More pages than one batch holds: their cleared bits are flushed before the next batch. */
TEST_F(dirty, several_looks)
{
	struct test_vm *vm = &self->vm;
	unsigned char *more = svmvcpu_alloc(MANY / 2 * PAGE);
	struct svmvcpu_region region = {
		.gpa = TEST_MEM, .bytes = MANY / 2 * PAGE, .hva = (uintptr_t)more,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	unsigned char bitmap[MANY_BYTES / PAGE / 8];
	struct svmvcpu_dirty_collect c = {
		.flags = SVMVCPU_COLLECT_BITMAP, .bytes = MANY_BYTES, .bitmap = (uintptr_t)bitmap,
	};
	unsigned int round;
	__u64 before;

	ASSERT_NE(NULL, more);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	*guest_word(vm, COUNT_GPA) = MANY;
	ASSERT_EQ(0, log_start(vm, 0, MANY_BYTES));
	for (round = 0; round < 3; round++) {
		RUN_EXPECT(vm, IO);
		before = flushes(vm);
		ASSERT_EQ(0, svmvcpu_vm_dirty_collect(vm->vm, &c));
		EXPECT_EQ(MANY, c.nr);
		EXPECT_EQ(0U, c.more);
		EXPECT_LE(before + 2, flushes(vm));
		/* all but the first 512 pages of memory */
		EXPECT_EQ(0, bitmap[TEST_FREE / PAGE / 8 - 1]);
		EXPECT_EQ(0xff, bitmap[TEST_FREE / PAGE / 8]);
		EXPECT_EQ(0xff, bitmap[sizeof(bitmap) - 1]);
	}
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &(struct svmvcpu_range) {
		TEST_MEM, region.bytes }, 1));
	svmvcpu_free(more, region.bytes);
}

/* Writes by the module: INS into the second page */
GUEST32(ins,
	"mov $0x201000, %edi\n"
	"mov $0x60, %dx\n"
	"insb\n"
	"out %al, $0x10");

TEST_F(dirty, module_writes)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, ins);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, log_start(vm, ALL));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(1, collect(self, ALL, 0, MAX));
	EXPECT_EQ(TEST_FREE + PAGE, self->list[0]);
}

/* Pages that PREFAULT maps are clean, and noticed when they are written. */
TEST_F(dirty, prefault)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_prefault prefault = {
		.size = sizeof(prefault), .gpa = TEST_FREE, .bytes = SNAP_PAGES * PAGE,
		.flags = SVMVCPU_PREFAULT_WRITE,
	};

	ASSERT_EQ(0, log_start(vm, ALL));
	ASSERT_EQ(0, ioctl_errno(vm->vm, SVMVCPU_PREFAULT, &prefault));
	EXPECT_EQ(0, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	prefault.done = 0;
	ASSERT_EQ(0, ioctl_errno(vm->vm, SVMVCPU_PREFAULT, &prefault));
	EXPECT_EQ(0, collect(self, ALL, 0, MAX));
}

/* A dirty bit survives the mapping it was found in. */
TEST_F(dirty, memory_moves)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, log_start(vm, ALL));
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, madvise((void *)snap_page(vm, 0), 4 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, mprotect((void *)snap_page(vm, 0), PAGE, PROT_READ));
	ASSERT_EQ(0, mprotect((void *)snap_page(vm, 0), PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	/* Unmapped pages are not reported. */
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &(struct svmvcpu_range) { TEST_FREE, 2 * PAGE }, 1));
	EXPECT_EQ(COUNT - 2, collect(self, ALL, 0, MAX));
}

/* each delay of zapped_meanwhile once, or several times */
#define DELAYS	40U
#define ROUNDS	(slow_machine() ? DELAYS : 3 * DELAYS)

/**
 * struct protecter - a thread that zaps what write_pages has written
 * @asked: how often it has to
 * @begun: how often it has begun
 * @done: and ended
 */
struct protecter {
	char *pages;
	volatile unsigned int asked;
	volatile unsigned int begun;
	volatile unsigned int done;
	volatile bool stop;
};

static void *protecter_main(void *arg)
{
	struct protecter *p = arg;

	while (!p->stop) {
		if (p->done == p->asked) {
			sched_yield();
			continue;
		}
		p->begun++;
		mprotect(p->pages, SNAP_PAGES * PAGE, PROT_READ);
		mprotect(p->pages, SNAP_PAGES * PAGE, PROT_READ | PROT_WRITE);
		p->done++;
	}
	return NULL;
}

/*
 * A guest that has stopped: one COLLECT reports all that it wrote, whatever is zapped
 * meanwhile.
 */
TEST_F_TIMEOUT(dirty, zapped_meanwhile, 100)
{
	struct test_vm *vm = &self->vm;
	struct protecter p = { .pages = (char *)vm->mem + TEST_FREE };
	unsigned int round, delay;
	pthread_t thread;

	*guest_word(vm, COUNT_GPA) = SNAP_PAGES;
	ASSERT_EQ(0, log_start(vm, ALL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, protecter_main, &p));
	for (round = 0; round < ROUNDS; round++) {
		RUN_EXPECT(vm, IO);
		p.asked++;
		while (p.begun != p.asked)
			;
		for (delay = round % DELAYS * 100; delay; delay--)
			asm volatile("");
		ASSERT_EQ((int)SNAP_PAGES, collect(self, ALL, 0, MAX)) TH_LOG("round %u", round);
		ASSERT_EQ(0U, self->got.more);
		ASSERT_TRUE(WAIT_UNTIL(p.done == p.asked));
	}
	p.stop = true;
	pthread_join(thread, NULL);
}

/* A page at two addresses is reported at the address it was written at. */
TEST_F(dirty, aliases_of_a_file)
{
	struct test_vm *vm = &self->vm;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	for (i = 0; i < 2; i++)
		ASSERT_NE(MAP_FAILED, mmap((void *)snap_page(vm, i), PAGE, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, fd, 0));
	*guest_word(vm, COUNT_GPA) = 1;
	ASSERT_EQ(0, log_start(vm, ALL));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x5000U, *snap_page(vm, 1));
	ASSERT_EQ(1, collect(self, ALL, 0, MAX));
	EXPECT_EQ(TEST_FREE, self->list[0]);
	*guest_word(vm, COUNT_GPA) = 2;
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(2, collect(self, ALL, 0, MAX));
	close(fd);
}

/*
 * Log and snapshot together: the log reports writes of the guest and of RESTORE, and
 * RESTORE restores all.
 */
TEST_F(dirty, with_snapshot)
{
	struct test_vm *vm = &self->vm;
	unsigned char *copy = malloc(TEST_MEM);
	unsigned int round;

	ASSERT_EQ(0, log_start(vm, ALL));
	RUN_EXPECT(vm, IO);
	SNAPSHOT(vm, copy);
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	*guest_word(vm, VALUE_GPA) = 0x9000;
	memcpy(copy + VALUE_GPA, "\0\x90", 2);
	for (round = 0; round < 30; round++) {
		RUN_EXPECT(vm, IO);
		if (round % 3)
			ASSERT_EQ(COUNT, collect(self, ALL, 0, MAX));
		RESTORE(vm, copy, COUNT);
		ASSERT_EQ(COUNT, collect(self, ALL, 0, MAX));
		ASSERT_EQ(0, collect(self, ALL, 0, MAX));
	}
	/* Each ends without the other. */
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
	SNAPSHOT(vm, copy);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, log_stop(vm, ALL));
	RESTORE(vm, copy, COUNT);
	free(copy);
}

/* If the bitmap cannot be written, all pages stay dirty. */
TEST_F(dirty, bad_bitmap)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_dirty_collect c = {
		.size = sizeof(c), .flags = SVMVCPU_COLLECT_BITMAP, .bytes = TEST_MEM,
		.bitmap = 8,
	};
	struct svmvcpu_dirty_collect *there;

	ASSERT_EQ(0, log_start(vm, ALL));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vm, SVMVCPU_DIRTY_COLLECT, &c));
	/* The same if the argument cannot be written. */
	there = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)there);
	*there = (struct svmvcpu_dirty_collect) {
		.size = sizeof(c), .bytes = TEST_MEM, .max = MAX,
	};
	ASSERT_EQ(0, mprotect(there, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vm, SVMVCPU_DIRTY_COLLECT, there));
	EXPECT_EQ(COUNT, collect(self, ALL, 0, MAX));
}

TEST_F(dirty, bad_arguments)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_dirty_log log = { .size = sizeof(log), .bytes = PAGE };
	unsigned int i;

	EXPECT_EQ(EINVAL, ioctl_errno(vm->vm, SVMVCPU_DIRTY_LOG, &log));
	log.flags = SVMVCPU_LOG_START | SVMVCPU_LOG_STOP;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vm, SVMVCPU_DIRTY_LOG, &log));
	EXPECT_EQ(-EINVAL, log_start(vm, 0, 0));
	EXPECT_EQ(-EINVAL, log_start(vm, 1, PAGE));
	EXPECT_EQ(-EINVAL, log_start(vm, 0, PAGE + 1));
	EXPECT_EQ(-EINVAL, log_start(vm, -PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, log_start(vm, 0, (1ULL << vm->info.gpa_bits) + PAGE));
	EXPECT_EQ(0, log_start(vm, 0, 1ULL << vm->info.gpa_bits));
	EXPECT_EQ(0, log_stop(vm, 0, 1ULL << vm->info.gpa_bits));
	for (i = 0; i < vm->info.max_regions; i++)
		ASSERT_EQ(0, log_start(vm, i * 2 * PAGE, PAGE));
	EXPECT_EQ(-ENOSPC, log_start(vm, i * 2 * PAGE, PAGE));

	EXPECT_EQ(-EINVAL, collect(self, ALL, 0, 0));
	EXPECT_EQ(-EINVAL, collect(self, ALL, 0, MAX + 1));
	EXPECT_EQ(-EINVAL, collect(self, ALL, 1, MAX));
	EXPECT_EQ(-EINVAL, collect(self, ALL, MAX, 1));
	EXPECT_EQ(-EINVAL, collect(self, ALL, -1U, 2));
	EXPECT_EQ(-EINVAL, collect(self, 0, 0, 0, MAX));
	EXPECT_EQ(-EINVAL, collect(self, 5, PAGE, 0, MAX));
	self->got = (struct svmvcpu_dirty_collect) {
		.flags = SVMVCPU_COLLECT_BITMAP, .bytes = PAGE, .max = 1,
		.bitmap = (uintptr_t)self->bitmap,
	};
	EXPECT_EQ(-EINVAL, svmvcpu_vm_dirty_collect(vm->vm, &self->got));
	self->got = (struct svmvcpu_dirty_collect) {
		.bytes = PAGE, .max = 1, .bitmap = (uintptr_t)self->bitmap,
	};
	EXPECT_EQ(-EINVAL, svmvcpu_vm_dirty_collect(vm->vm, &self->got));
}

/* The list belongs to the kernel: it can only be mapped read-only, and as a whole. */
TEST_F(dirty, mapping)
{
	const size_t bytes = SVMVCPU_DIRTY_LIST_BYTES;
	int vm = self->vm.vm;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, vm, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_SHARED, vm, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, bytes / 2, PROT_READ, MAP_SHARED, vm, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, bytes * 2, PROT_READ, MAP_SHARED, vm, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, bytes, PROT_READ, MAP_SHARED, vm, PAGE));
	EXPECT_EQ(-1, mprotect((void *)self->list, bytes, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
}

/* EDI: first page. Increments the counter of each of 64 pages, repeatedly. */
GUEST32(counter,
	"sti\n"
	"1: mov %edi, %esi\n"
	"mov $64, %ecx\n"
	"2: incl (%esi)\n"
	"add $0x1000, %esi\n"
	"loop 2b\n"
	"jmp 1b");

/* ns: duration of the concurrent tests, and their maximum */
#define WHILE	(host_is_bochs() ? 500000000ULL : 3000000000ULL)
#define LONG	20000000000ULL

/*
 * Two guests write while the log is read. A copy of the pages that each call reports
 * equals the memory in the end: no write was lost.
 */
TEST_F_TIMEOUT(dirty, concurrent_writers, 100)
{
	struct test_vm *vm = &self->vm;
	unsigned char *mirror = malloc(TEST_MEM);
	struct guest_thread a, b;
	struct svmvcpu_vcpu other;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = TEST_FREE,
	};
	unsigned int rounds = 0, i;
	__u64 reported = 0, end;

	load_guest(vm, counter);
	ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, 1, &vm->info, &other));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	setup.arg = TEST_FREE + 64 * PAGE;
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&other, &setup));
	memcpy(mirror, vm->mem, TEST_MEM);
	ASSERT_EQ(0, log_start(vm, ALL));
	guest_thread_start(&a, &vm->vcpu);
	guest_thread_start(&b, &other);
	pin_thread(&a, 0);
	pin_thread(&b, 1);
	/* for that time, and until each guest has completed a round */
	for (end = now_ns() + WHILE; now_ns() < end || (reported <= 128 && now_ns() < end + LONG);
	     rounds++) {
		int nr = collect(self, ALL, 0, MAX);

		ASSERT_LE(0, nr);
		reported += nr;
		while (nr--)
			memcpy(mirror + self->list[nr], vm->mem + self->list[nr], PAGE);
		usleep(rounds % 8 * 1000);
	}
	guest_thread_stop(&a);
	guest_thread_stop(&b);
	for (i = collect(self, ALL, 0, MAX); i--;)
		memcpy(mirror + self->list[i], vm->mem + self->list[i], PAGE);
	EXPECT_EQ(0, memcmp(mirror, vm->mem, TEST_MEM));
	TH_LOG("%u rounds, %llu pages", rounds, reported);
	EXPECT_LT(128U, reported);
	free(mirror);
	svmvcpu_vcpu_close(&other);
}

struct zapper {
	struct test_vm *vm;
	pthread_t thread;
	volatile bool stop;
};

/* Unmaps the guest's pages one after the other; their contents stay. */
static void *zap(void *arg)
{
	struct zapper *z = arg;
	unsigned int i;

	for (i = 0; !z->stop; i = (i + 7) % 64) {
		void *page = (void *)snap_page(z->vm, i);

		mprotect(page, PAGE, PROT_READ);
		mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* The log is started and stopped while a guest writes and the VMM unmaps pages. */
TEST_F_TIMEOUT(dirty, comes_and_goes, 100)
{
	struct test_vm *vm = &self->vm;
	struct zapper z = { .vm = vm };
	struct guest_thread gt;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = TEST_FREE,
	};
	unsigned int rounds = 0;
	__u32 before = *snap_page(vm, 63), fault = 0;
	__u64 end;

	load_guest(vm, counter);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	guest_thread_start(&gt, &vm->vcpu);
	ASSERT_EQ(0, pthread_create(&z.thread, NULL, zap, &z));
	for (end = now_ns() + WHILE;
	     now_ns() < end || (*snap_page(vm, 63) == before && now_ns() < end + LONG);
	     rounds++) {
		ASSERT_EQ(0, log_start(vm, ALL));
		usleep(rounds % 4 * 1000);
		ASSERT_LE(0, collect(self, ALL, 0, MAX));
		ASSERT_EQ(0, log_stop(vm, ALL));
		/* It met a page at a moment when it was read-only. */
		if (gt.done) {
			guest_thread_join(&gt);
			ASSERT_EQ(0, gt.err);
			ASSERT_EQ(SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
			fault++;
			guest_thread_start(&gt, &vm->vcpu);
		}
	}
	z.stop = true;
	pthread_join(z.thread, NULL);
	guest_thread_stop(&gt);
	TH_LOG("%u rounds, %u faults", rounds, fault);
	EXPECT_NE(before, *snap_page(vm, 63));
}

TEST_HARNESS_MAIN
