// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: taking the right to write away. See npt.h for who may
 * call what under which lock.
 */
#include <linux/atomic.h>
#include <linux/math.h>
#include <linux/minmax.h>

#include "mm/npt.h"

/* Write and dirty bit go at once. False when there was neither. */
static bool protect_leaf(u64 *slot, u64 *old)
{
	u64 pte = READ_ONCE(*slot);

	do {
		if (!(pte & NPT_PRESENT) || !(pte & (NPT_WRITE | NPT_DIRTY)))
			return false;
	} while (!try_cmpxchg(slot, &pte, pte & ~(NPT_WRITE | NPT_DIRTY)));
	*old = pte;
	return true;
}

/* A large leaf would have to be split to be written page by page: it goes. */
static bool take_large(u64 *slot, u64 *old)
{
	u64 pte = READ_ONCE(*slot);

	if (!(pte & (NPT_WRITE | NPT_DIRTY)))
		return false;
	*old = xchg(slot, 0);
	return true;
}

/**
 * npt_protect() - make a range read-only
 * @npt: the tree; the caller holds its lock
 * @start: first address
 * @end: first address behind
 * @fn: called for every leaf that could be written, or has been
 * @ctx: passed to @fn
 *
 * Leaves of 4 KiB stay, without write and dirty bit; larger ones go. The time
 * taken is bounded by the tables present.
 *
 * A CPU that has the old leaf cached can still write, and may set the dirty bit
 * of one that has lost its write bit, until the TLB is flushed.
 *
 * Return: true when a leaf changed: the TLB must be flushed
 */
bool npt_protect(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx)
{
	bool hit = false;
	u64 gpa, old;

	for (gpa = npt_next(npt, start, end); gpa < end; gpa = npt_next(npt, gpa, end)) {
		unsigned int level;
		u64 *slot = npt_slot(npt, gpa, &level);
		u64 stop = min(end, round_down(gpa, npt_span(level + 1)) + npt_span(level + 1));

		/* as far as npt_next() looked at a time */
		if (!slot)
			continue;
		if (level > NPT_4K) {
			gpa = round_down(gpa, npt_span(level));
			stop = gpa + npt_span(level);
		}
		for (; gpa < stop; gpa += npt_span(level), slot++) {
			if (level > NPT_4K ? !take_large(slot, &old) : !protect_leaf(slot, &old))
				continue;
			hit = true;
			fn(ctx, gpa, old, level);
		}
	}
	return hit;
}
