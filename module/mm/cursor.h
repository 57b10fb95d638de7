/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A few reads of guest-physical memory in a row, as a page walk and a fetch make
 * them: the region is looked up once for reads that are in the same one.
 *
 * For callers with interrupts off and page faults disabled. A cursor, which is a copy
 * of a region, starts as { } and holds as long as interrupts are off: see
 * guest_memory_access_begin().
 */
#ifndef SVMVCPU_MEMORY_CURSOR_H
#define SVMVCPU_MEMORY_CURSOR_H

#include <linux/uaccess.h>

#include "mm/memory.h"

/* Has the VM @len bytes at @gpa, in one region, that it may access so? */
static __always_inline bool guest_cursor_move(struct guest_memory *mem,
					      struct mem_region *cursor, u64 gpa,
					      unsigned int len, u32 access)
{
	if (gpa < cursor->gpa || gpa + len > cursor->end) {
		if (!region_lookup_atomic(mem, gpa, cursor) || gpa + len > cursor->end)
			return false;
	}
	return (cursor->prot & access) == access;
}

/**
 * guest_cursor_read() - read aligned quadwords of a page, each by one access
 * @mem: a VM's memory
 * @cursor: .
 * @gpa: aligned to 8
 * @words: out
 * @nr: how many, at least one
 * @access: SVMVCPU_MEM_* the region must allow
 *
 * Return: false when there is no such memory, or it is not resident.
 */
static __always_inline bool guest_cursor_read(struct guest_memory *mem,
					      struct mem_region *cursor, u64 gpa, u64 *words,
					      unsigned int nr, u32 access)
{
	const u64 __user *at;
	unsigned int i;

	if (!guest_cursor_move(mem, cursor, gpa, nr * sizeof(u64), access))
		return false;
	at = region_user_ptr(cursor, gpa);
	if (!user_read_access_begin(at, nr * sizeof(u64)))
		return false;
	for (i = 0; i < nr; i++)
		unsafe_get_user(words[i], &at[i], fault);
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

#endif /* SVMVCPU_MEMORY_CURSOR_H */
