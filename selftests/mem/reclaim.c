// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory management under a guest: paging out to zram and in again, huge pages
 * collapsed and split, hugetlbfs, KSM, compaction, mlock; and userfaultfd, where a
 * thread of the VMM provides the page. The guest's data must survive.
 */
#include <sys/syscall.h>

#include "guest_area.h"
#include "host_state.h"

#define HUGE		(2UL << 20)
#define SWAP_PAGES	64U

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

FIXTURE(reclaim) {
	struct test_vm vm;
	struct guest_thread gt;
	volatile __u32 *page;	/* behind TEST_FREE, which is 2 MiB aligned */
};

/* Memory aligned like the guest's second 2 MiB */
static void put_aligned(struct test_vm *vm, void *hva)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = TEST_MEM - TEST_FREE };
	struct svmvcpu_region region = {
		.gpa = TEST_FREE,
		.bytes = HUGE,
		.hva = (uintptr_t)hva,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	if (svmvcpu_vm_unmap(vm->vm, &range, 1) || svmvcpu_vm_map(vm->vm, &region, 1))
		vm_die("memory for the test");
}

static void *aligned_memory(int flags)
{
	char *mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	return (void *)(((uintptr_t)mem + HUGE - 1) & ~(HUGE - 1));
}

FIXTURE_SETUP(reclaim)
{
	vm_open(&self->vm);
	self->page = aligned_memory(0);
	ASSERT_NE(NULL, (void *)self->page);
	put_aligned(&self->vm, (void *)self->page);
}

VM_TEARDOWN(reclaim)

static unsigned long read_number(const char *path)
{
	unsigned long value = 0;
	FILE *f = fopen(path, "r");

	if (f && fscanf(f, "%lu", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* Sets up swap in compressed memory, unless there is some. */
static int have_swap(void)
{
	if (!system("grep -q zram /proc/swaps"))
		return 0;
	if (system("[ -e /dev/zram0 ] || modprobe zram") ||
	    write_file("/sys/block/zram0/disksize", "64M") ||
	    system("mkswap /dev/zram0 >/dev/null") || system("swapon /dev/zram0"))
		return -1;
	/* no readahead: a page stays in swap until it is accessed */
	return write_file("/proc/sys/vm/page-cluster", "0");
}

#define NO_SWAP	"this kernel has no swap"

static bool can_swap(void)
{
	return !access("/proc/swaps", F_OK);
}

static bool swapped_out(volatile void *where)
{
	__u64 entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)where / PAGE * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 62 & 1;
}

/* EDI: value to add to each page's first word; reports the sum and halts */
GUEST32(add,
	"mov $0x200000, %esi\n"
	"mov $64, %ecx\n"
	"xor %eax, %eax\n"
	"1: add %edi, (%esi)\n"
	"add (%esi), %eax\n"
	"add $0x1000, %esi\n"
	"loop 1b\n"
	"hlt");

static void setup_add(struct test_vm *vm, __u32 what)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = what,
	};

	load_guest(vm, add);
	if (svmvcpu_vcpu_setup(&vm->vcpu, &setup))
		vm_die("SETUP");
}

/*
 * Pages out what was not used since the last call. Pages that the guest has used need
 * one more call: the first finds and clears their accessed bits.
 */
static int pages_out(volatile __u32 *page, size_t bytes)
{
	return madvise((void *)page, bytes, MADV_PAGEOUT) ||
	       madvise((void *)page, bytes, MADV_PAGEOUT) ? errno : 0;
}

static unsigned int count_swapped_out(volatile __u32 *page, unsigned int pages)
{
	unsigned int out = 0, i;

	for (i = 0; i < pages; i++)
		out += swapped_out(&page[i * PAGE / 4]);
	return out;
}

/*
 * Reclaim asks whether a page is young. The guest's accesses set no bit in the VMM's
 * page tables, only in the nested ones.
 */
TEST_F_TIMEOUT(reclaim, used_by_the_guest, 120)
{
	struct test_vm *vm = &self->vm;
	__u32 i;

	if (!can_swap())
		SKIP(return, NO_SWAP);
	ASSERT_EQ(0, have_swap());
	/* Splitting a huge page would zap the leaf, and its accessed bit with it. */
	ASSERT_EQ(0, madvise((void *)self->page, 2 * SWAP_PAGES * PAGE, MADV_NOHUGEPAGE));
	for (i = 0; i < 2 * SWAP_PAGES; i++)
		self->page[i * PAGE / 4] = i + 1;
	/* Writes the first half. Neighbors are mapped, but not used. */
	setup_add(vm, 1);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0, madvise((void *)self->page, 2 * SWAP_PAGES * PAGE, MADV_PAGEOUT));
	EXPECT_EQ(0, count_swapped_out(self->page, SWAP_PAGES));
	/* Pages on another CPU's list may be skipped. */
	EXPECT_LT(SWAP_PAGES / 2,
		  count_swapped_out(self->page + SWAP_PAGES * PAGE / 4, SWAP_PAGES));
	/* Not used since then */
	EXPECT_TRUE(WAIT_UNTIL(!pages_out(self->page, SWAP_PAGES * PAGE) &&
			       count_swapped_out(self->page, SWAP_PAGES) == SWAP_PAGES));
}

/* Out and in again, several times; only the guest writes. */

TEST_F_TIMEOUT(reclaim, swap, 120)
{
	struct test_vm *vm = &self->vm;
	__u32 round, i, out = 0;

	if (!can_swap())
		SKIP(return, NO_SWAP);
	ASSERT_EQ(0, have_swap());
	for (i = 0; i < SWAP_PAGES; i++)
		self->page[i * PAGE / 4] = i;
	for (round = 1; round <= 5; round++) {
		setup_add(vm, 1000);
		RUN_EXPECT(vm, HALT);
		EXPECT_EQ(round * 1000 * SWAP_PAGES + SWAP_PAGES * (SWAP_PAGES - 1) / 2,
			  vm->run->gprs.rax);
		ASSERT_EQ(0, pages_out(self->page, SWAP_PAGES * PAGE));
		out += count_swapped_out(self->page, SWAP_PAGES);
	}
	EXPECT_LT(SWAP_PAGES, out);
	for (i = 0; i < SWAP_PAGES; i++)
		ASSERT_EQ(5 * 1000 + i, self->page[i * PAGE / 4]) {
			TH_LOG("page %u lost what the guest wrote", i);
		}
}

/*
 * MADV_FREE frees pages unless they are written again. Only the dirty bits of the
 * nested tables show that the guest wrote.
 */
TEST_F_TIMEOUT(reclaim, lazily_freed, 120)
{
	struct test_vm *vm = &self->vm;
	__u32 i;

	if (!can_swap())
		SKIP(return, NO_SWAP);
	ASSERT_EQ(0, have_swap());
	for (i = 0; i < SWAP_PAGES; i++)
		self->page[i * PAGE / 4] = 1;
	ASSERT_EQ(0, madvise((void *)self->page, SWAP_PAGES * PAGE, MADV_FREE));
	setup_add(vm, 4);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(5 * SWAP_PAGES, vm->run->gprs.rax);
	ASSERT_EQ(0, pages_out(self->page, SWAP_PAGES * PAGE));
	setup_add(vm, 0);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(5 * SWAP_PAGES, vm->run->gprs.rax);
}

/*
 * Pages of a shmem file are swapped, too. Swapped in, they are writable and clean in
 * the VMM's page tables; again only the nested dirty bits show writes.
 */
TEST_F_TIMEOUT(reclaim, swap_shared_file, 120)
{
	struct test_vm *vm = &self->vm;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	__u32 value, round, i;

	if (!can_swap())
		SKIP(return, NO_SWAP);
	ASSERT_EQ(0, have_swap());
	ASSERT_EQ(0, ftruncate(fd, SWAP_PAGES * PAGE));
	ASSERT_NE(MAP_FAILED, mmap((void *)self->page, SWAP_PAGES * PAGE,
				   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
	for (round = 1; round <= 5; round++) {
		setup_add(vm, 3);
		RUN_EXPECT(vm, HALT);
		EXPECT_EQ(round * 3 * SWAP_PAGES, vm->run->gprs.rax);
		ASSERT_EQ(0, pages_out(self->page, SWAP_PAGES * PAGE));
	}
	for (i = 0; i < SWAP_PAGES; i++) {
		ASSERT_EQ(4, pread(fd, &value, 4, i * PAGE));
		ASSERT_EQ(15U, value);
	}
	close(fd);
}

/* While the guest runs, its counter never goes back. STI: see guest_thread.h */
GUEST32(counter,
	"sti\n"
	"mov $0x200000, %esi\n"
	"1: incl 0x8000\n"
	"incl (%esi)\n"
	"mov 0x8000, %eax\n"
	"cmp %eax, (%esi)\n"
	"je 1b\n"
	"out %eax, $0x10\n");

TEST_F_TIMEOUT(reclaim, swap_under_a_running_guest, 120)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	if (!can_swap())
		SKIP(return, NO_SWAP);
	ASSERT_EQ(0, have_swap());
	START_GUEST(&self->gt, vm, counter);
	for (i = 0; i < 100 && !self->gt.done; i++) {
		ASSERT_EQ(0, pages_out(self->page, PAGE));
		usleep(1000);
	}
	EXPECT_TRUE(guest_beats(vm));
	EXPECT_FALSE(self->gt.done);
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

TEST_F_TIMEOUT(reclaim, mlock, 90)
{
	struct test_vm *vm = &self->vm;

	START_GUEST(&self->gt, vm, counter);
	ASSERT_TRUE(guest_beats(vm));
	ASSERT_EQ(0, mlock((void *)self->page, HUGE));
	ASSERT_TRUE(guest_beats(vm));
	ASSERT_EQ(0, munlock((void *)self->page, HUGE));
	ASSERT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

static const char *guest_says(const struct guest_thread *gt)
{
	static char text[256];

	if (!gt->done)
		return "the guest runs";
	if (gt->err)
		return strerror(gt->err);
	return svmvcpu_describe_exit(gt->vcpu->run, NULL, text, sizeof(text));
}

/* A huge page is split, holes are punched, and it is collapsed, while the guest uses it. */
TEST_F_TIMEOUT(reclaim, transparent_huge_pages, 120)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	ASSERT_EQ(0, madvise((void *)self->page, HUGE, MADV_HUGEPAGE));
	self->page[HUGE / 4 - 1] = 17;
	START_GUEST(&self->gt, vm, counter);
	ASSERT_TRUE(guest_beats(vm)) TH_LOG("%s", guest_says(&self->gt));
	for (i = 0; i < 10 && !self->gt.done; i++) {
		ASSERT_EQ(0, madvise((char *)self->page + PAGE, PAGE, MADV_DONTNEED));
		ASSERT_TRUE(guest_beats(vm)) TH_LOG("%s", guest_says(&self->gt));
		EXPECT_EQ(0U, self->page[PAGE / 4]);
		self->page[PAGE / 4] = i;
		/* EAGAIN: someone holds a page at the moment */
		if (madvise((void *)self->page, HUGE, MADV_COLLAPSE))
			ASSERT_TRUE(errno == EAGAIN || errno == EBUSY || errno == ENOMEM);
		ASSERT_TRUE(guest_beats(vm)) TH_LOG("%s", guest_says(&self->gt));
		EXPECT_EQ(i, self->page[PAGE / 4]);
	}
	EXPECT_EQ(17U, self->page[HUGE / 4 - 1]);
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

TEST_F_TIMEOUT(reclaim, hugetlbfs, 90)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 *huge;

	ASSERT_EQ(0, write_file("/proc/sys/vm/nr_hugepages", "1"));
	huge = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)huge);
	put_aligned(vm, (void *)huge);
	*guest_word(vm, TO_WRITE) = 3;
	START_GUEST(&self->gt, vm, writer);
	ASSERT_TRUE(WAIT_UNTIL(huge[0] == 3));
	ASSERT_EQ(0, munmap((void *)huge, HUGE));
	EXPECT_FAULT(&self->gt, TEST_FREE, SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE);
	EXPECT_EQ(0, write_file("/proc/sys/vm/nr_hugepages", "0"));
}

/* KSM merges two equal pages until the guest writes to one of them. */
TEST_F_TIMEOUT(reclaim, same_page_merging, 120)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 *twin = self->page + PAGE / 4;
	unsigned int i;

	for (i = 0; i < 2 * PAGE / 4; i++)
		self->page[i] = 0x4b534d;
	ASSERT_EQ(0, madvise((void *)self->page, 2 * PAGE, MADV_MERGEABLE));
	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 0x4b534d));
	ASSERT_EQ(0, write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1"));
	ASSERT_EQ(0, write_file("/sys/kernel/mm/ksm/run", "1"));
	EXPECT_TRUE(WAIT_UNTIL(read_number("/sys/kernel/mm/ksm/pages_sharing") > 0));
	ASSERT_EQ(0, write_file("/sys/kernel/mm/ksm/run", "0"));
	EXPECT_TRUE(guest_beats(vm));
	EXPECT_EQ(0x4b534dU, *guest_word(vm, SEEN));
	guest_thread_stop(&self->gt);

	*guest_word(vm, TO_WRITE) = 5;
	START_GUEST(&self->gt, vm, writer);
	EXPECT_TRUE(WAIT_UNTIL(*self->page == 5));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(0x4b534dU, *twin);
	EXPECT_EQ(0, write_file("/sys/kernel/mm/ksm/run", "2"));
	EXPECT_EQ(0, write_file("/sys/kernel/mm/ksm/run", "0"));
}

TEST_F_TIMEOUT(reclaim, compaction, 120)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	START_GUEST(&self->gt, vm, counter);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, write_file("/proc/sys/vm/compact_memory", "1"));
		ASSERT_TRUE(guest_beats(vm));
	}
	EXPECT_FALSE(self->gt.done);
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

static int provide(int fd, volatile void *where, __u32 value)
{
	__u32 page[PAGE / 4] = { value };
	struct uffdio_copy copy = {
		.dst = (uintptr_t)where, .src = (uintptr_t)page, .len = PAGE,
	};

	return ioctl(fd, UFFDIO_COPY, &copy) ? errno : 0;
}

/* The guest waits for the page as the VMM would. */
TEST_F_TIMEOUT(reclaim, userfaultfd, 90)
{
	struct test_vm *vm = &self->vm;
	struct uffd_msg msg = { };
	__u32 before;
	int fd;

	fd = page_monitor(self->page, UFFDIO_REGISTER_MODE_MISSING, 0);
	ASSERT_LE(0, fd);
	START_GUEST(&self->gt, vm, reader);
	ASSERT_EQ(sizeof(msg), read(fd, &msg, sizeof(msg)));
	EXPECT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
	EXPECT_EQ((uintptr_t)self->page, msg.arg.pagefault.address & ~(PAGE - 1));
	before = *guest_word(vm, BEATS);
	usleep(50000);
	EXPECT_FALSE(self->gt.done);
	EXPECT_EQ(before, *guest_word(vm, BEATS));
	ASSERT_EQ(0, provide(fd, self->page, 99));
	EXPECT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 99));
	guest_thread_stop(&self->gt);
	close(fd);
}

static void nothing([[gnu::unused]] int sig)
{
}

/* A signal ends the wait of the VMM's thread. */
TEST_F_TIMEOUT(reclaim, userfaultfd_interrupted, 90)
{
	struct sigaction action = { .sa_handler = nothing };
	struct test_vm *vm = &self->vm;
	struct uffd_msg msg;
	int fd;

	fd = page_monitor(self->page, UFFDIO_REGISTER_MODE_MISSING, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	load_guest(vm, reader);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	guest_thread_start(&self->gt, &vm->vcpu);
	self->gt.stop = true;
	ASSERT_EQ(sizeof(msg), read(fd, &msg, sizeof(msg)));
	EXPECT_FALSE(self->gt.done);
	ASSERT_EQ(0, pthread_kill(self->gt.thread, SIGUSR1));
	ASSERT_TRUE(WAIT_UNTIL(self->gt.done));
	guest_thread_join(&self->gt);
	EXPECT_EQ(0, self->gt.err);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_EQ(SVMVCPU_BY_SIGNAL, vm->run->interrupted.by);

	ASSERT_EQ(0, provide(fd, self->page, 98));
	guest_thread_start(&self->gt, &vm->vcpu);
	EXPECT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 98));
	guest_thread_stop(&self->gt);
	close(fd);
}

TEST_HARNESS_MAIN
