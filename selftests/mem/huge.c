// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large leaves in the nested page tables where the VMM has huge pages (transparent,
 * hugetlbfs, memfd) and addresses and regions allow them, small leaves elsewhere, and
 * the change from one to the other when the VMM's memory changes. GET_STATS counts each
 * size. mem_giga.c has leaves of 1 GiB.
 *
 * cost: 4
 */
#include <sys/wait.h>

#include "guest_area.h"
#include "host_state.h"

#define HUGE		(2UL << 20)
#define READ_WRITE	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB	(21U << 26)
#endif

FIXTURE(huge) {
	struct test_vm vm;
	char *raw;
	char *mem;	/* 8 MiB, aligned */
};

FIXTURE_SETUP(huge)
{
	vm_open(&self->vm);
	/* counts only leaves for AREA */
	madvise(self->vm.mem, TEST_MEM, MADV_NOHUGEPAGE);
	self->raw = mmap(NULL, 5 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	ASSERT_NE(MAP_FAILED, self->raw);
	self->mem = (char *)(((uintptr_t)self->raw + HUGE - 1) & ~(HUGE - 1));
}

FIXTURE_TEARDOWN(huge)
{
	munmap(self->raw, 5 * HUGE);
	vm_close(&self->vm);
}

static int map_at(struct test_vm *vm, unsigned long gpa, void *mem, size_t bytes, __u32 prot)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)mem, .prot = prot,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

/* Adds 1 to the first word of EDI pages from AREA on */
GUEST32(add_pages, FOR_PAGES("incl (%esi)"));

/* Reads them instead */
GUEST32(read_pages, FOR_PAGES("mov (%esi), %eax"));

#define RUN_GUEST(vm, name, what)					\
do {									\
	SETUP_GUEST(vm, name, what);					\
	RUN_EXPECT(vm, HALT);						\
} while (0)

/* The guest reads the contents of the VMM's first and last page. */
static bool all_are(char *mem, size_t bytes, __u32 value)
{
	size_t at;

	for (at = 0; at < bytes; at += PAGE)
		if (*(__u32 *)(mem + at) != value)
			return false;
	return true;
}

/* Did the kernel provide a huge page? It need not when memory is short. */
static bool is_huge(const char *mem)
{
	unsigned long start, end, kib = 0;
	bool here = false;
	char line[256];
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2 && strchr(line, '-') < line + 20)
			here = start <= (uintptr_t)mem && (uintptr_t)mem < end;
		else if (here && (sscanf(line, "AnonHugePages: %lu", &kib) == 1 ||
				  sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1) && kib)
			break;
	}
	if (f)
		fclose(f);
	return kib;
}

static bool make_huge(char *mem, size_t bytes)
{
	size_t at;

	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	if (madvise(mem, bytes, MADV_HUGEPAGE))
		return false;
	for (at = 0; at < bytes; at += HUGE)
		mem[at] = 0;
	return is_huge(mem);
}

#define NO_THP	"the kernel has no transparent huge page to give"

TEST_F(huge, transparent)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_stats stats;

	if (!make_huge(self->mem, 2 * HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, 2 * HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, 2 * HUGE / PAGE);
	stats = vm_stats(vm);
	EXPECT_EQ(2U, stats.mapped_2m);
	/* the guest's code is mapped by small leaves */
	EXPECT_GT(2 * HUGE / PAGE, stats.mapped_4k);
	EXPECT_TRUE(all_are(self->mem, 2 * HUGE, 1));
}

/* One fault maps four resident huge pages. */
TEST_F(huge, neighbors)
{
	struct test_vm *vm = &self->vm;

	if (!make_huge(self->mem, 4 * HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, 4 * HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, 4 * HUGE / PAGE);
	EXPECT_EQ(4U, vm_stats(vm).mapped_2m);
	/* and one for the guest's code */
	EXPECT_GE(2U, vm_stats(vm).faults);
	EXPECT_TRUE(all_are(self->mem, 4 * HUGE, 1));
}

/* Each with its rights in the VMM's mapping, and none of another mapping */
TEST_F(huge, rights_of_neighbors)
{
	struct test_vm *vm = &self->vm;

	if (!make_huge(self->mem, 4 * HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, mprotect(self->mem + HUGE, HUGE, PROT_READ));
	ASSERT_EQ(0, mprotect(self->mem + 2 * HUGE, HUGE, PROT_NONE));
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, 4 * HUGE, READ_WRITE));
	RUN_GUEST(vm, read_pages, 2 * HUGE / PAGE);
	SETUP_GUEST(vm, read_pages, 3 * HUGE / PAGE);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 2 * HUGE, vm->run->memory.gpa);
	SETUP_GUEST(vm, add_pages, 2 * HUGE / PAGE);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + HUGE, vm->run->memory.gpa);
	EXPECT_TRUE(all_are(self->mem, HUGE, 1));
	EXPECT_TRUE(all_are(self->mem + HUGE, HUGE, 0));
}

/* Shared with a child since fork: mapped read-only, and copied by a write */
TEST_F(huge, neighbors_to_be_copied)
{
	struct test_vm *vm = &self->vm;
	int go[2], status;
	pid_t pid;
	char c;

	if (!make_huge(self->mem, 2 * HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, 2 * HUGE, READ_WRITE));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) != 1 || !all_are(self->mem, 2 * HUGE, 0));
	}
	RUN_GUEST(vm, read_pages, 1);
	RUN_GUEST(vm, add_pages, 2 * HUGE / PAGE);
	EXPECT_TRUE(all_are(self->mem, 2 * HUGE, 1));
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("the guest wrote into the child's memory");
	}
}

/* The same by PREFAULT: two leaves, and no more faults of the guest on them */
TEST_F(huge, prefault)
{
	struct test_vm *vm = &self->vm;

	if (!make_huge(self->mem, HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, madvise(self->mem, 2 * HUGE, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(self->mem, 2 * HUGE, MADV_HUGEPAGE));
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, 2 * HUGE, READ_WRITE));
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA + PAGE, 2 * HUGE - PAGE,
					 SVMVCPU_PREFAULT_WRITE, NULL));
	if (!is_huge(self->mem))
		SKIP(return, NO_THP);
	EXPECT_LE(1U, vm_stats(vm).mapped_2m);
	SETUP_GUEST(vm, add_pages, 2 * HUGE / PAGE);
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, TEST_CODE, PAGE, 0, NULL));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0U, vm_stats(vm).faults);
}

/* Leaves that would cross the end of the region, or are misaligned */
TEST_F(huge, does_not_fit)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range all = { AREA, 2 * HUGE };
	const struct {
		unsigned long gpa, at, bytes;
	} odd[] = {
		{ 0, PAGE, HUGE },			/* askew */
		{ PAGE, PAGE, HUGE - PAGE },		/* without its first page */
		{ 0, 0, HUGE - PAGE },			/* without its last */
	};
	unsigned int i;

	if (!make_huge(self->mem, 2 * HUGE))
		SKIP(return, NO_THP);
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		ASSERT_EQ(0, map_at(vm, AREA + odd[i].gpa, self->mem + odd[i].at, odd[i].bytes,
				    READ_WRITE));
		ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, AREA + odd[i].gpa, odd[i].bytes,
						 SVMVCPU_PREFAULT_WRITE, NULL));
		EXPECT_EQ(0U, vm_stats(vm).mapped_2m);
		EXPECT_LE((i + 1) * (HUGE / PAGE - 1), vm_stats(vm).mapped_4k);
		ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &all, 1));
	}
}

/*
 * A hole splits the VMM's page; after a collapse it is one leaf again. The guest's data
 * survives both.
 */
TEST_F_TIMEOUT(huge, split_and_rebuilt, 120)
{
	struct test_vm *vm = &self->vm;
	__u64 large;
	unsigned int i, rebuilt = 0;
	int err;

	if (!make_huge(self->mem, HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	for (i = 1; i <= 5; i++) {
		/* the last page: the others keep what the guest wrote */
		ASSERT_EQ(0, madvise(self->mem + HUGE - PAGE, PAGE, MADV_DONTNEED));
		large = vm_stats(vm).mapped_2m;
		RUN_GUEST(vm, add_pages, HUGE / PAGE);
		EXPECT_EQ(large, vm_stats(vm).mapped_2m);
		ASSERT_TRUE(all_are(self->mem, HUGE - PAGE, 2 * i));
		EXPECT_EQ(1U, *(__u32 *)(self->mem + HUGE - PAGE));
		/* EAGAIN: someone holds a page at the moment */
		err = madvise(self->mem, HUGE, MADV_COLLAPSE) ? errno : 0;
		ASSERT_TRUE(!err || err == EAGAIN || err == EBUSY || err == ENOMEM);
		rebuilt += !err;
		RUN_GUEST(vm, add_pages, HUGE / PAGE);
		ASSERT_TRUE(all_are(self->mem, HUGE - PAGE, 2 * i + 1));
	}
	EXPECT_EQ(1 + rebuilt, vm_stats(vm).mapped_2m);
	EXPECT_LT(0U, rebuilt);
}

/* UNMAP of a page in the middle leaves small leaves around the hole. */
TEST_F(huge, unmap_a_part)
{
	struct svmvcpu_range page = { AREA + 100 * PAGE, PAGE };
	struct test_vm *vm = &self->vm;

	if (!make_huge(self->mem, HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	ASSERT_EQ(1U, vm_stats(vm).mapped_2m);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &page, 1));
	SETUP_GUEST(vm, add_pages, HUGE / PAGE);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(page.gpa, vm->run->memory.gpa);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	EXPECT_EQ(2U, *(__u32 *)(self->mem + 99 * PAGE));
	EXPECT_EQ(1U, *(__u32 *)(self->mem + 100 * PAGE));
}

/* Read-only for the VMM: a large leaf without write access */
TEST_F(huge, read_only)
{
	struct test_vm *vm = &self->vm;

	if (!make_huge(self->mem, HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, mprotect(self->mem, HUGE, PROT_READ));
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, read_pages, HUGE / PAGE);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	SETUP_GUEST(vm, add_pages, 1);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE,
		  vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
	/* writable again: the leaf gets the right */
	ASSERT_EQ(0, mprotect(self->mem, HUGE, PROT_READ | PROT_WRITE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	EXPECT_TRUE(all_are(self->mem, HUGE, 1));
}

/* The huge zero page is mapped as one leaf for reading, and never written to. */
TEST_F(huge, zero_page)
{
	struct test_vm *vm = &self->vm;

	if (!make_huge(self->mem + HUGE, HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, madvise(self->mem, HUGE, MADV_HUGEPAGE));
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, read_pages, HUGE / PAGE);
	RUN_GUEST(vm, add_pages, 2);
	EXPECT_TRUE(all_are(self->mem, 2 * PAGE, 1));
	EXPECT_TRUE(all_are(self->mem + 2 * PAGE, HUGE - 2 * PAGE, 0));
}

/* hugetlbfs, private and as a file; freeing the memory removes the leaf. */
static void *hugetlb(int memfd)
{
	int flags = memfd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB : MAP_SHARED;

	if (write_file("/proc/sys/vm/nr_hugepages", "2"))
		return MAP_FAILED;
	return mmap(NULL, HUGE, PROT_READ | PROT_WRITE, flags, memfd, 0);
}

TEST_F(huge, hugetlbfs)
{
	struct test_vm *vm = &self->vm;
	char *mem = hugetlb(-1);

	if (mem == MAP_FAILED)
		SKIP(return, "no memory for a huge page");
	ASSERT_EQ(0, map_at(vm, AREA, mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	EXPECT_TRUE(all_are(mem, HUGE, 1));
	ASSERT_EQ(0, munmap(mem, HUGE));
	SETUP_GUEST(vm, add_pages, 1);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(0, write_file("/proc/sys/vm/nr_hugepages", "0"));
}

TEST_F(huge, memfd)
{
	struct test_vm *vm = &self->vm;
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	__u32 value = 0;
	char *mem;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, HUGE));
	mem = hugetlb(fd);
	if (mem == MAP_FAILED)
		SKIP(return, "no memory for a huge page");
	ASSERT_EQ(0, map_at(vm, AREA, mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	EXPECT_EQ(sizeof(value), pread(fd, &value, sizeof(value), HUGE - PAGE));
	EXPECT_EQ(1U, value);
	/* truncated: the leaf is removed, and new memory is all zeros */
	ASSERT_EQ(0, ftruncate(fd, 0));
	SETUP_GUEST(vm, add_pages, 1);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_TRUE(vm->run->memory.flags & SVMVCPU_FAULT_USER_MEM);
	ASSERT_EQ(0, ftruncate(fd, HUGE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	EXPECT_TRUE(all_are(mem, HUGE, 1));
	munmap(mem, HUGE);
	close(fd);
	EXPECT_EQ(0, write_file("/proc/sys/vm/nr_hugepages", "0"));
}

/* A file in memory, of huge pages */
TEST_F(huge, shmem)
{
	struct test_vm *vm = &self->vm;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	char *mem;

	if (write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise"))
		SKIP(return, "no huge pages for shmem in this kernel");
	ASSERT_EQ(0, ftruncate(fd, HUGE));
	mem = mmap(self->mem, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	ASSERT_EQ(self->mem, mem);
	if (!make_huge(mem, HUGE))
		SKIP(return, NO_THP);
	ASSERT_EQ(0, map_at(vm, AREA, mem, HUGE, READ_WRITE));
	RUN_GUEST(vm, add_pages, HUGE / PAGE);
	EXPECT_EQ(1U, vm_stats(vm).mapped_2m);
	EXPECT_TRUE(all_are(mem, HUGE, 1));
	close(fd);
	write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "never");
}

/*
 * The first word of each page is its number; the second is written. Ends at a page with
 * another number.
 */
GUEST32(numbered,
	"sti\n"
	"1: mov $0x40000000, %esi\n"
	"xor %ecx, %ecx\n"
	"2: cmp %ecx, (%esi)\n"
	"jne 3f\n"
	"mov %ecx, 4(%esi)\n"
	"add $0x1000, %esi\n"
	"inc %ecx\n"
	"cmp $1024, %ecx\n"
	"jb 2b\n"
	"incl 0x8000\n"
	"jmp 1b\n"
	"3: out %al, $0x10");

#define LOG_NS		3000000000ULL

/*
 * The log starts and stops while the guest faults: the size of a leaf follows from one
 * decision, whatever happens while the leaf is made.
 */
TEST_F_TIMEOUT(huge, log_comes_and_goes, 90)
{
	struct test_vm *vm = &self->vm;
	unsigned int rounds = 0, i;
	struct guest_thread gt;
	__u64 end;

	if (!make_huge(self->mem, 2 * HUGE))
		SKIP(return, NO_THP);
	for (i = 0; i < 1024; i++)
		*(__u32 *)(self->mem + i * PAGE) = i;
	ASSERT_EQ(0, map_at(vm, AREA, self->mem, 2 * HUGE, READ_WRITE));
	START_GUEST(&gt, vm, numbered);
	ASSERT_EQ(0, pin_thread(&gt, 1));
	ASSERT_EQ(0, pin_to_cpu(0));
	for (end = now_ns() + LOG_NS; now_ns() < end && !gt.done; rounds++) {
		ASSERT_EQ(0, svmvcpu_vm_dirty_log(vm->vm, rounds % 2 ? SVMVCPU_LOG_STOP :
						  SVMVCPU_LOG_START, AREA, 2 * HUGE));
		usleep(rounds % 61);
	}
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&gt);
	EXPECT_EQ(0, gt.err);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	TH_LOG("%u rounds, %u of the guest, %llu large leaves", rounds, *guest_word(vm, BEATS),
	       vm_stats(vm).mapped_2m);
	EXPECT_LT(0U, vm_stats(vm).mapped_2m);
}

TEST_HARNESS_MAIN
