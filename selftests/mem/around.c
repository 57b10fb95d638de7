// SPDX-License-Identifier: GPL-2.0-only
/*
 * A nested page fault maps resident neighbors of the page, too. Tested: that it does,
 * and that it maps no neighbor that the guest must not access, nor with rights that the
 * VMM's mapping or the region lacks.
 */
#include <sys/wait.h>

#include "guest_area.h"

#define WINDOW		64U		/* pages that a fault maps at a time */
#define FIRST		16U		/* of the first fault in 2 MiB */
#define PAGES		(2 * WINDOW)
#define WRITE_FAULT	(SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE)

FIXTURE(around) {
	struct test_vm vm;
	char *mem;	/* behind AREA */
};

FIXTURE_SETUP(around)
{
	vm_open(&self->vm);
	self->mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	/* a huge page would be mapped as one */
	madvise(self->mem, PAGES * PAGE, MADV_NOHUGEPAGE);
}

FIXTURE_TEARDOWN(around)
{
	munmap(self->mem, PAGES * PAGE);
	vm_close(&self->vm);
}

static void map_area(struct test_vm *vm, char *mem, unsigned int first, unsigned int pages,
		     __u32 prot)
{
	struct svmvcpu_region region = {
		.gpa = AREA + first * PAGE,
		.bytes = pages * PAGE,
		.hva = (uintptr_t)mem + first * PAGE,
		.prot = prot,
	};

	if (svmvcpu_vm_map(vm->vm, &region, 1))
		vm_die("MAP");
}

#define READ_WRITE	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)

/* ESI: address, EDI: number of pages; adds up the first word of each */
GUEST32(read_pages,
	"mov $0x40000000, %esi\n"
	"xor %eax, %eax\n"
	"1: add (%esi), %eax\n"
	"add $0x1000, %esi\n"
	"dec %edi\n"
	"jnz 1b\n"
	"hlt");

/* EDI: a page's number; reads it, OUT, then writes to the next one, HLT */
GUEST32(read_write_next,
	"mov %edi, %esi\n"
	"shl $12, %esi\n"
	"add $0x40000000, %esi\n"
	"mov (%esi), %eax\n"
	"out %al, $0x10\n"
	"movl $0x900d, 0x1000(%esi)\n"
	"hlt");

static bool resident(const void *where)
{
	__u64 entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)where / PAGE * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 63;
}

static __u32 *word(char *mem, unsigned int page)
{
	return (__u32 *)(mem + page * PAGE);
}

/* The first fault in a table maps fewer pages, later ones all. */
TEST_F(around, window_grows)
{
	struct test_vm *vm = &self->vm;
	unsigned int page;
	__u64 pages;

	memset(self->mem, 1, PAGES * PAGE);
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	/* only the page with the guest's code */
	SETUP_GUEST(vm, read_pages, 1);
	ASSERT_EQ(0, svmvcpu_vm_prefault(vm->vm, 0, TEST_MEM, 0, NULL));
	for (page = 1; page <= PAGES; page <<= 1) {
		pages = vm_stats(vm).mapped_4k;
		SETUP_GUEST(vm, read_pages, page);
		RUN_EXPECT(vm, HALT);
		pages = vm_stats(vm).mapped_4k - pages;
		EXPECT_EQ(page == 1 ? FIRST : page == 2 * FIRST ? WINDOW - FIRST :
			  page == 2 * WINDOW ? WINDOW : 0, pages);
	}
}

/* Far fewer faults than pages */
TEST_F(around, resident_neighbors_come_along)
{
	struct test_vm *vm = &self->vm;
	__u64 faults;
	__u32 i;

	for (i = 0; i < PAGES; i++)
		*word(self->mem, i) = i;
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	SETUP_GUEST(vm, read_pages, PAGES);
	RUN_EXPECT(vm, HALT);
	faults = vm_stats(vm).faults;
	EXPECT_EQ(PAGES * (PAGES - 1) / 2, vm->run->gprs.rax);
	/* one for each range, for the first pages, and for the code */
	EXPECT_GE(PAGES / WINDOW + 2, faults) {
		TH_LOG("%llu faults for %u pages", faults, PAGES);
	}
}

/* Every other page is resident; the fault must not allocate the others. */
TEST_F(around, nothing_is_faulted_in_for_neighbors)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < PAGES; i += 2)
		*word(self->mem, i) = 1;
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	/* a resident one, and an absent one */
	SETUP_GUEST(vm, read_pages, 2);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1, vm->run->gprs.rax);
	for (i = 2; i < PAGES; i++)
		ASSERT_EQ(i % 2 == 0, resident(word(self->mem, i))) {
			TH_LOG("page %u", i);
		}
}

/* A neighbor that is read-only for the VMM */
TEST_F(around, read_only_neighbor)
{
	struct test_vm *vm = &self->vm;

	memset(self->mem, 1, PAGES * PAGE);
	ASSERT_EQ(0, mprotect(self->mem + 5 * PAGE, PAGE, PROT_READ));
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	SETUP_GUEST(vm, read_write_next, 4);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 5 * PAGE, vm->run->memory.gpa);
	EXPECT_EQ(WRITE_FAULT, vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
	EXPECT_EQ(0x01010101U, *word(self->mem, 5));
}

/* A neighbor without any rights for the VMM: resident, but not mapped */
TEST_F(around, forbidden_neighbor)
{
	struct test_vm *vm = &self->vm;

	memset(self->mem, 1, PAGES * PAGE);
	ASSERT_EQ(0, mprotect(self->mem + PAGE, PAGE, PROT_NONE));
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	SETUP_GUEST(vm, read_pages, 2);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + PAGE, vm->run->memory.gpa);
	EXPECT_EQ(SVMVCPU_FAULT_USER_MEM, vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
}

/* Shared with a child since fork: a write must copy the page. */
TEST_F(around, neighbor_to_be_copied)
{
	struct test_vm *vm = &self->vm;
	int go[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	memset(self->mem, 1, PAGES * PAGE);
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) != 1 || *word(self->mem, 5) != 0x01010101);
	}
	SETUP_GUEST(vm, read_write_next, 4);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x900dU, *word(self->mem, 5));
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("the guest wrote into the child's memory");
	}
}

/* The zero page in the whole range must never be written to. */
TEST_F(around, neighbor_is_the_zero_page)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 sum = 0;
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		sum += *(volatile __u32 *)word(self->mem, i);
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	SETUP_GUEST(vm, read_write_next, 4);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, HALT);
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(i == 5 ? 0x900dU : 0, *word(self->mem, i));
}

/* The range ends where the region does, on both sides. */
TEST_F(around, region_ends)
{
	struct test_vm *vm = &self->vm;

	memset(self->mem, 1, PAGES * PAGE);
	map_area(vm, self->mem, 3, 2, READ_WRITE);
	SETUP_GUEST(vm, read_write_next, 4);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 5 * PAGE, vm->run->memory.gpa);
	EXPECT_EQ(0x01010101U, *word(self->mem, 5));
	SETUP_GUEST(vm, read_write_next, 2);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 2 * PAGE, vm->run->memory.gpa);
}

/* Regions with different rights in one range */
TEST_F(around, region_rights)
{
	struct test_vm *vm = &self->vm;

	memset(self->mem, 1, PAGES * PAGE);
	map_area(vm, self->mem, 0, 5, READ_WRITE);
	map_area(vm, self->mem, 5, PAGES - 5, SVMVCPU_MEM_READ);
	SETUP_GUEST(vm, read_write_next, 4);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 5 * PAGE, vm->run->memory.gpa);
	SETUP_GUEST(vm, read_write_next, 5);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 6 * PAGE, vm->run->memory.gpa);
	EXPECT_EQ(0x01010101U, *word(self->mem, 6));
}

/* Unmapped memory behind a neighbor: the guest faults only when it touches it. */
TEST_F(around, hole_beside)
{
	struct test_vm *vm = &self->vm;

	memset(self->mem, 1, PAGES * PAGE);
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	SETUP_GUEST(vm, read_pages, 2);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + PAGE, vm->run->memory.gpa);
	EXPECT_EQ(SVMVCPU_FAULT_USER_MEM, vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
}

/* One page of the range is removed: the others stay mapped. */
TEST_F(around, one_of_the_window_goes)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range range = { AREA + 7 * PAGE, PAGE };
	__u64 faults;

	memset(self->mem, 1, PAGES * PAGE);
	map_area(vm, self->mem, 0, PAGES, READ_WRITE);
	SETUP_GUEST(vm, read_pages, WINDOW);
	RUN_EXPECT(vm, HALT);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	SETUP_GUEST(vm, read_pages, 7);
	faults = vm_stats(vm).faults;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(faults, vm_stats(vm).faults);
	SETUP_GUEST(vm, read_pages, 8);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA + 7 * PAGE, vm->run->memory.gpa);
}

TEST_HARNESS_MAIN
