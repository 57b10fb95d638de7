/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of snapshots: a guest that writes a given number of pages, and comparison
 * of all memory with a copy
 */
#ifndef SNAP_H
#define SNAP_H

#include "guest_thread.h"

#define SNAP_PAGES	256U		/* from TEST_FREE on, each with contents */
#define COUNT_GPA	TEST_DATA	/* number of pages that write_pages writes */
#define VALUE_GPA	(TEST_DATA + 4)	/* value for the first page; the next page gets one more */

/* Writes the pages, then OUT, repeatedly */
GUEST32(write_pages,
	"1: mov 0x8000, %ecx\n"
	"mov 0x8004, %eax\n"
	"mov $0x200000, %edi\n"
	"2: mov %eax, (%edi)\n"
	"inc %eax\n"
	"add $0x1000, %edi\n"
	"loop 2b\n"
	"out %al, $0x10\n"
	"jmp 1b");

static inline volatile __u32 *snap_page(struct test_vm *vm, unsigned int i)
{
	return guest_word(vm, TEST_FREE + i * PAGE);
}

/* A VM whose guest is ready to write @count pages */
static inline void snap_open(struct test_vm *vm, unsigned int count)
{
	unsigned int i;

	vm_open(vm);
	load_guest(vm, write_pages);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	for (i = 0; i < SNAP_PAGES; i++)
		*snap_page(vm, i) = 0x1000 + i;
	*guest_word(vm, COUNT_GPA) = count;
	*guest_word(vm, VALUE_GPA) = 0x5000;
}

/* errno of RESTORE, or 0 */
static inline int snap_restore(struct test_vm *vm, __u64 *pages)
{
	return -svmvcpu_vm_restore(vm->vm, pages);
}

/* Takes a snapshot, and a copy of all memory to compare with. */
#define SNAPSHOT(vm_, copy)						\
do {									\
	memcpy(copy, (vm_)->mem, TEST_MEM);				\
	ASSERT_EQ(0, svmvcpu_vm_snapshot((vm_)->vm, 0)) {		\
		TH_LOG("%s", svmvcpu_last_error());			\
	}								\
} while (0)

/* RESTORE; expects @want pages, and memory equal to the copy. */
#define RESTORE(vm_, copy, want)					\
do {									\
	__u64 pages_ = 0;						\
									\
	ASSERT_EQ(0, svmvcpu_vm_restore((vm_)->vm, &pages_)) {		\
		TH_LOG("%s", svmvcpu_last_error());			\
	}								\
	EXPECT_EQ((__u64)(want), pages_);				\
	ASSERT_EQ(0, memcmp(copy, (vm_)->mem, TEST_MEM));		\
} while (0)

#endif /* SNAP_H */
