// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 *
 * RESTORE and the guest's memory: whoever wrote to it, and whatever happened to the
 * VMM's memory behind it, its contents are those at the SNAPSHOT.
 */
#include <sys/wait.h>

#include "snap.h"

#define COUNT	8U

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

FIXTURE(snap) {
	struct test_vm vm;
	unsigned char *copy;
};

FIXTURE_SETUP(snap)
{
	snap_open(&self->vm, COUNT);
	self->copy = malloc(TEST_MEM);
	ASSERT_NE(NULL, self->copy);
}

FIXTURE_TEARDOWN(snap)
{
	free(self->copy);
	vm_close(&self->vm);
}

/* The guest has written its pages. */
#define WRITTEN(vm)							\
do {									\
	unsigned int i_;						\
									\
	RUN_EXPECT(vm, IO);						\
	for (i_ = 0; i_ < *guest_word(vm, COUNT_GPA); i_++)		\
		ASSERT_EQ(*guest_word(vm, VALUE_GPA) + i_, *snap_page(vm, i_));	\
} while (0)

TEST_F(snap, guest_writes)
{
	struct test_vm *vm = &self->vm;
	unsigned int round;

	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 40; round++) {
		WRITTEN(vm);
		RESTORE(vm, self->copy, COUNT);
	}
	/* No write since: nothing to restore */
	RESTORE(vm, self->copy, 0);
	/* Several RUNs are one round as well. */
	WRITTEN(vm);
	WRITTEN(vm);
	RESTORE(vm, self->copy, COUNT);
}

/* Pages that are not written any more are write-protected, and noticed when they are. */
TEST_F(snap, pages_come_and_go)
{
	struct test_vm *vm = &self->vm;
	unsigned int round;

	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 100; round++) {
		unsigned int count = round % 40 < 36 ? 1 : SNAP_PAGES;

		ASSERT_EQ(0, svmvcpu_vm_preserve(vm->vm, &(struct svmvcpu_range) {
			TEST_DATA, PAGE }, 1));
		*guest_word(vm, COUNT_GPA) = count;
		WRITTEN(vm);
		/* and the one with the count */
		RESTORE(vm, self->copy, count + 1);
	}
}

/* RESTORE goes back to the last SNAPSHOT. */
TEST_F(snap, replaced)
{
	struct test_vm *vm = &self->vm;

	SNAPSHOT(vm, self->copy);
	WRITTEN(vm);
	*guest_word(vm, VALUE_GPA) = 0x7000;
	SNAPSHOT(vm, self->copy);
	WRITTEN(vm);
	RESTORE(vm, self->copy, COUNT);
	EXPECT_EQ(0x5000U, *snap_page(vm, 0));
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(ENOENT, snap_restore(vm, NULL));
	WRITTEN(vm);
	WRITTEN(vm);
	EXPECT_EQ(-ENOENT, svmvcpu_vm_drop_snapshot(vm->vm));
}

/* INS to the page at TEST_FREE + 0xff0, across into the next */
GUEST32(ins,
	"1: mov $0x200ff0, %edi\n"
	"mov $32, %ecx\n"
	"mov $0x60, %dx\n"
	"cld\n"
	"rep insb\n"
	"out %al, $0x10\n"
	"jmp 1b");

TEST_F(snap, module_writes)
{
	struct test_vm *vm = &self->vm;
	unsigned int round;
	size_t bytes;
	void *window;

	load_guest(vm, ins);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 20; round++) {
		RUN_EXPECT(vm, IO);
		while (vm->run->io.flags & SVMVCPU_IO_IN) {
			window = svmvcpu_vcpu_window(&vm->vcpu, &bytes);
			memset(window, 0x5a, bytes);
			RUN_EXPECT(vm, IO);
		}
		ASSERT_EQ(0x5a, vm->mem[TEST_FREE + 0xff0]);
		ASSERT_EQ(0x5a, vm->mem[TEST_FREE + 0x100f]);
		RESTORE(vm, self->copy, 2);
	}
}

/* Accessed and dirty bits that the module sets in the guest's page tables */
TEST_F(snap, page_table_bits)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation out;
	unsigned int round;

	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, svmvcpu_vcpu_translate(&vm->vcpu, TEST_FREE, SVMVCPU_ACCESS_WRITE |
						    SVMVCPU_ACCESS_MARK, &out));
		ASSERT_EQ(SVMVCPU_TRANSLATE_DONE, out.result);
		ASSERT_NE(0, memcmp(self->copy, vm->mem, TEST_MEM));
		/* PML4, PDPT, PD */
		RESTORE(vm, self->copy, 3);
	}
}

/* A child of the VMM does not see the restored contents in its copy. */
TEST_F(snap, fork)
{
	struct test_vm *vm = &self->vm;
	unsigned int round;
	int status;

	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 5; round++) {
		int go[2];
		pid_t pid;

		WRITTEN(vm);
		ASSERT_EQ(0, pipe(go));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			char c;

			_exit(read(go[0], &c, 1) != 1 || *snap_page(vm, 3) != 0x5003);
		}
		RESTORE(vm, self->copy, COUNT);
		ASSERT_EQ(1, write(go[1], "", 1));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		close(go[0]);
		close(go[1]);
	}
}

TEST_F(snap, madvise)
{
	struct test_vm *vm = &self->vm;
	unsigned int round;

	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 5; round++) {
		WRITTEN(vm);
		ASSERT_EQ(0, madvise((void *)snap_page(vm, 2), 2 * PAGE, MADV_DONTNEED));
		ASSERT_EQ(0, madvise((void *)snap_page(vm, 5), PAGE, MADV_FREE));
		madvise((void *)snap_page(vm, 6), PAGE, MADV_PAGEOUT);
		RESTORE(vm, self->copy, COUNT);
	}
}

static void compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);

	if (fd >= 0 && write(fd, "1", 1) < 0)
		perror("# compact_memory");
	close(fd);
}

/* Page frames change places between SNAPSHOT, RUN and RESTORE. */
TEST_F(snap, migration)
{
	struct test_vm *vm = &self->vm;
	unsigned int round;

	SNAPSHOT(vm, self->copy);
	for (round = 0; round < 5; round++) {
		compact();
		WRITTEN(vm);
		compact();
		RESTORE(vm, self->copy, COUNT);
	}
}

/*
 * The VMM's memory is missing: RESTORE returns an error, and succeeds once there is
 * memory again.
 */
TEST_F(snap, memory_gone)
{
	struct test_vm *vm = &self->vm;
	void *page = (void *)snap_page(vm, 4);

	SNAPSHOT(vm, self->copy);
	WRITTEN(vm);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, snap_restore(vm, NULL));
	EXPECT_EQ(EFAULT, snap_restore(vm, NULL));
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, snap_restore(vm, NULL));
	ASSERT_EQ(0, memcmp(self->copy, vm->mem, TEST_MEM));
	RESTORE(vm, self->copy, 0);

	WRITTEN(vm);
	ASSERT_EQ(0, munmap(page, PAGE));
	EXPECT_EQ(EFAULT, snap_restore(vm, NULL));
	ASSERT_EQ(page, mmap(page, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(0, snap_restore(vm, NULL));
	ASSERT_EQ(0, memcmp(self->copy, vm->mem, TEST_MEM));
	WRITTEN(vm);
	RESTORE(vm, self->copy, COUNT);
}

/* A page that is first read, then written; and a page of a file */
TEST_F(snap, shared_file)
{
	struct test_vm *vm = &self->vm;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	__u32 word = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)PAGE, pwrite(fd, (void *)snap_page(vm, 1), PAGE, 0));
	ASSERT_NE(MAP_FAILED, mmap((void *)snap_page(vm, 1), PAGE, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, fd, 0));
	SNAPSHOT(vm, self->copy);
	WRITTEN(vm);
	ASSERT_EQ(4, pread(fd, &word, 4, 0));
	EXPECT_EQ(0x5001U, word);
	RESTORE(vm, self->copy, COUNT);
	ASSERT_EQ(4, pread(fd, &word, 4, 0));
	EXPECT_EQ(0x1001U, word);
	close(fd);
}

/* PRESERVE declares writes of the VMM; other pages keep what the VMM wrote. */
TEST_F(snap, preserve)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range ranges[] = {
		{ TEST_FREE + 100 * PAGE, 2 * PAGE }, { TEST_FREE + 2 * PAGE, PAGE },
	};
	unsigned int round;

	SNAPSHOT(vm, self->copy);
	EXPECT_EQ(0, svmvcpu_vm_preserve(vm->vm, ranges, 2));
	for (round = 0; round < 20; round++) {
		*snap_page(vm, 100) = round + 1;
		*snap_page(vm, 101) = round + 2;
		*snap_page(vm, 2) = round + 3;
		WRITTEN(vm);
		/* eight, of which the three contain one */
		RESTORE(vm, self->copy, COUNT + 2);
	}
	/* Twice is like once, and also if the guest wrote there first. */
	WRITTEN(vm);
	EXPECT_EQ(0, svmvcpu_vm_preserve(vm->vm, ranges, 2));
	*snap_page(vm, 2) = 1;
	RESTORE(vm, self->copy, COUNT + 2);

	*snap_page(vm, 102) = 5;
	EXPECT_EQ(0, snap_restore(vm, NULL));
	EXPECT_EQ(5U, *snap_page(vm, 102));
	/* The next snapshot starts without it. */
	SNAPSHOT(vm, self->copy);
	RESTORE(vm, self->copy, 0);
}

/* Mappings at the snapshot must stay; other memory can be mapped and unmapped. */
TEST_F(snap, map_and_unmap)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range old = { TEST_FREE, PAGE }, new = { TEST_MEM, 4 * PAGE };
	char *mem = svmvcpu_alloc(4 * PAGE);
	struct svmvcpu_region region = {
		.gpa = TEST_MEM, .bytes = 4 * PAGE, .hva = (uintptr_t)mem,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	unsigned int i;

	*guest_word(vm, COUNT_GPA) = (TEST_MEM - TEST_FREE) / PAGE + 4;
	SNAPSHOT(vm, self->copy);
	EXPECT_EQ(-EBUSY, svmvcpu_vm_unmap(vm->vm, &old, 1));
	RUN_EXPECT(vm, MEMORY_FAULT);
	for (i = 0; i < 3; i++) {
		memset(mem, 0x77, 4 * PAGE);
		ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
		RUN_EXPECT(vm, IO);
		RESTORE(vm, self->copy, (TEST_MEM - TEST_FREE) / PAGE + 4);
		EXPECT_EQ(0x77, mem[0]);
		EXPECT_EQ(0x77, mem[3 * PAGE]);
		ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &new, 1));
		RUN_EXPECT(vm, MEMORY_FAULT);
		EXPECT_EQ(TEST_MEM, vm->run->memory.gpa);
	}
	/* A range that covers both is refused as a whole. */
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	new.gpa -= PAGE;
	EXPECT_EQ(-EBUSY, svmvcpu_vm_unmap(vm->vm, &new, 1));
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(0, svmvcpu_vm_unmap(vm->vm, &new, 1));
	svmvcpu_free(mem, 4 * PAGE);
}

/* Two copies of one page could contradict each other. */
TEST_F(snap, no_aliases)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region alias = {
		.gpa = TEST_MEM, .bytes = PAGE, .hva = (uintptr_t)snap_page(vm, 3),
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	struct svmvcpu_range range = { TEST_MEM, PAGE };

	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &alias, 1));
	EXPECT_EQ(-ENOTUNIQ, svmvcpu_vm_snapshot(vm->vm, 0));
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	SNAPSHOT(vm, self->copy);
	EXPECT_EQ(-ENOTUNIQ, svmvcpu_vm_map(vm->vm, &alias, 1));
	/* A second mapping that is read-only is allowed. */
	alias.prot = SVMVCPU_MEM_READ;
	EXPECT_EQ(0, svmvcpu_vm_map(vm->vm, &alias, 1));
	WRITTEN(vm);
	RESTORE(vm, self->copy, COUNT);
}

/*
 * The kernel does not notice the same page at two user addresses. Written at one
 * address it is restored; written at both, each has a copy, and the second one's
 * remains.
 */
TEST_F(snap, aliases_of_a_file)
{
	struct test_vm *vm = &self->vm;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	unsigned int i, round;
	__u64 pages;

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)PAGE, pwrite(fd, (void *)snap_page(vm, 0), PAGE, 0));
	for (i = 0; i < 2; i++)
		ASSERT_NE(MAP_FAILED, mmap((void *)snap_page(vm, i), PAGE, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, fd, 0));
	*guest_word(vm, COUNT_GPA) = 1;
	SNAPSHOT(vm, self->copy);
	WRITTEN(vm);
	EXPECT_EQ(0x5000U, *snap_page(vm, 1));
	RESTORE(vm, self->copy, 1);

	*guest_word(vm, COUNT_GPA) = 2;
	for (round = 0; round < 3; round++) {
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(0x5001U, *snap_page(vm, 0));
		EXPECT_EQ(0, snap_restore(vm, &pages));
		EXPECT_EQ(2U, pages);
		EXPECT_EQ(0x5000U, *snap_page(vm, 0));
	}
	close(fd);
}

/* The VMM's huge page is written in small pages. */
TEST_F(snap, large_pages)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_range range = { TEST_FREE, TEST_MEM - TEST_FREE };
	const unsigned long huge = 2UL << 20;
	char *area = svmvcpu_alloc(2 * huge), *mem;
	struct svmvcpu_region region = {
		.gpa = TEST_FREE, .bytes = huge, .prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	unsigned int round;

	ASSERT_NE(NULL, area);
	mem = (char *)(((uintptr_t)area + huge - 1) & ~(huge - 1));
	madvise(mem, huge, MADV_HUGEPAGE);
	memset(mem, 0x33, huge);
	memcpy(self->copy, mem, huge);
	region.hva = (uintptr_t)mem;
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	RUN_EXPECT(vm, IO);
	memset(mem, 0x33, huge);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	for (round = 0; round < 5; round++) {
		__u64 pages;

		RUN_EXPECT(vm, IO);
		EXPECT_NE(0, memcmp(mem, self->copy, huge));
		EXPECT_EQ(0, snap_restore(vm, &pages));
		EXPECT_EQ(COUNT, pages);
		ASSERT_EQ(0, memcmp(mem, self->copy, huge));
	}
	svmvcpu_free(area, 2 * huge);
}

TEST_HARNESS_MAIN
