// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: see npt.h for the locking rules.
 *
 * Entries have the format of long mode (APM volume 2, 15.25). Entries above the
 * leaf grant all rights, so only the leaf restricts access. An empty table stays
 * linked until npt_zap() unlinks it; npt_free_dead() frees it after a flush,
 * when no CPU can be walking it any more.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "mm/npt.h"

#define NPT_ENTRIES	512

/* Sleeps. Returns a zeroed table, or NULL. */
void *npt_table_alloc(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

void npt_table_free(void *table)
{
	free_page((unsigned long)table);
}

static unsigned int table_index(u64 gpa, unsigned int level)
{
	return (gpa >> npt_shift(level)) & (NPT_ENTRIES - 1);
}

static bool is_leaf(u64 pte, unsigned int level)
{
	return level == NPT_4K || (pte & NPT_PSE);
}

static u64 *child_table(u64 pte)
{
	return __va(__sme_clr(pte & NPT_ADDR_MASK));
}

/* Setting the accessed bit saves the hardware walker a store. */
static u64 table_pte(const u64 *table)
{
	return __sme_set((u64)__pa(table)) |
	       NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED;
}

/* @levels is 4 or 5. Returns 0, -EINVAL or -ENOMEM. */
int npt_init(struct npt *npt, unsigned int levels)
{
	if (levels != 4 && levels != 5)
		return -EINVAL;
	npt->root = npt_table_alloc();
	if (!npt->root)
		return -ENOMEM;
	npt->root_pa = __sme_set(__pa(npt->root));
	npt->levels = levels;
	npt->tables = 1;
	return 0;
}

/* Recursion is bounded by the number of levels. */
static void free_tables(struct npt *npt, u64 *table, unsigned int level)
{
	unsigned int i;

	cond_resched();
	for (i = 0; level > NPT_4K && i < NPT_ENTRIES; i++) {
		u64 pte = READ_ONCE(table[i]);

		if ((pte & NPT_PRESENT) && !is_leaf(pte, level))
			free_tables(npt, child_table(pte), level - 1);
	}
	npt_table_free(table);
	npt->tables--;
}

/* Frees all tables; no CPU uses them any more. @npt may be zeroed. Sleeps. */
void npt_destroy(struct npt *npt)
{
	if (!npt->root)
		return;
	free_tables(npt, npt->root, npt->levels);
	npt->root = NULL;
	npt->root_pa = 0;
}

/*
 * Adds a leaf, or combines it with the existing entry for the same page. This only adds
 * rights, so no TLB flush is needed, and a fault cannot undo the work of another fault
 * that raced with it.
 */
static int set_leaf(u64 *slot, u64 fresh, unsigned int level)
{
	u64 old = READ_ONCE(*slot), pte;

	do {
		pte = fresh;
		if (!(old & NPT_PRESENT))
			continue;
		if (!is_leaf(old, level))
			return -EEXIST;
		if (npt_pte_pfn(old) != npt_pte_pfn(fresh))
			return -EBUSY;
		pte = (old | (fresh & NPT_WRITE)) & ~(~fresh & NPT_NX);
	} while (!try_cmpxchg(slot, &old, pte));
	return 0;
}

/* Returns the table at @level that maps @gpa. Adds @spare if a table is missing. */
static u64 *walk_down(struct npt *npt, void **spare, u64 gpa, unsigned int level)
{
	u64 *table = npt->root;
	unsigned int at;

	for (at = npt->levels; at > level; at--) {
		u64 *slot = &table[table_index(gpa, at)];
		u64 pte = READ_ONCE(*slot);

		if (pte & NPT_PRESENT) {
			if (is_leaf(pte, at))
				return ERR_PTR(-EBUSY);
			table = child_table(pte);
			continue;
		}
		if (!*spare)
			return ERR_PTR(-ENOSPC);
		table = *spare;
		*spare = NULL;
		npt->tables++;
		/* A walker that sees the entry must see a zeroed table. */
		smp_store_release(slot, table_pte(table));
	}
	return table;
}

static bool map_args_valid(const struct npt *npt, u64 gpa, unsigned int nr, unsigned int level)
{
	return level >= NPT_4K && level <= NPT_1G && !(gpa & (npt_span(level) - 1)) &&
	       gpa < npt_gpa_limit(npt) && nr <= NPT_ENTRIES - table_index(gpa, level);
}

/*
 * Maps consecutive pages: @leaf[i] from npt_make_leaf() at @gpa + i * npt_span(@level), or
 * 0 to skip the page. All of them must lie in one table. If a page is already mapped, rights
 * are added, but never removed, so no TLB flush is needed. A table that is missing is taken
 * from @spare, which is then set to NULL.
 *
 * Returns the number of pages that were not mapped before.
 * -ENOSPC: a table is missing and @spare is NULL: allocate one and try again.
 * -EBUSY: another page, or a larger one, is mapped: zap and flush first.
 * -EEXIST: there is a table of smaller pages: also detach it.
 * -EINVAL: invalid arguments.
 * On -EBUSY and -EEXIST, pages before the conflict are mapped. Without @strict, conflicting
 * pages are skipped instead.
 */
int npt_map_leaves(struct npt *npt, void **spare, u64 gpa, const u64 *leaf,
		   unsigned int nr, unsigned int level, bool strict)
{
	unsigned int first, i;
	int fresh = 0, ret;
	u64 *table;

	if (!map_args_valid(npt, gpa, nr, level))
		return -EINVAL;
	first = table_index(gpa, level);
	table = walk_down(npt, spare, gpa, level);
	if (IS_ERR(table))
		return PTR_ERR(table);
	for (i = 0; i < nr; i++) {
		u64 *slot = &table[first + i];

		if (!leaf[i])
			continue;
		/* A plain store suffices: hardware changes only present entries. */
		if (!READ_ONCE(*slot)) {
			WRITE_ONCE(*slot, leaf[i]);
			fresh++;
			continue;
		}
		ret = set_leaf(slot, leaf[i], level);
		if (ret && strict)
			return ret;
	}
	return fresh;
}

/* The lowest table for @gpa; its entry for @gpa is not a table. */
static u64 *lowest_table(const struct npt *npt, u64 gpa, unsigned int *level)
{
	u64 *table = npt->root;
	u64 pte;

	for (*level = npt->levels; *level > NPT_4K; (*level)--) {
		pte = READ_ONCE(table[table_index(gpa, *level)]);
		if (!(pte & NPT_PRESENT) || is_leaf(pte, *level))
			break;
		table = child_table(pte);
	}
	return table;
}

/*
 * Returns the entry for the leaf of @gpa, which may be empty, or NULL if there is no table
 * for it. @level is set to NPT_4K, or the level of a larger leaf that maps @gpa.
 *
 * The pointer remains valid while the entry is a leaf, because only empty tables are
 * freed.
 */
u64 *npt_slot(const struct npt *npt, u64 gpa, unsigned int *level)
{
	u64 *table = lowest_table(npt, gpa, level);
	u64 *slot = &table[table_index(gpa, *level)];

	return *level == NPT_4K || (READ_ONCE(*slot) & NPT_PRESENT) ? slot : NULL;
}

/*
 * Returns the first address in [start, end) that may be mapped, or @end. A call visits a
 * limited number of tables, so it may stop at an address that is not mapped, but it makes
 * progress: it returns @start only if that may be mapped.
 */
u64 npt_next(const struct npt *npt, u64 start, u64 end)
{
	u64 limit = min(end, npt_gpa_limit(npt)), span;
	unsigned int tables = NPT_TABLES_MAX, level, i;
	const u64 *table;

	while (start < limit && tables--) {
		table = lowest_table(npt, start, &level);
		i = table_index(start, level);
		if (level == NPT_4K || (READ_ONCE(table[i]) & NPT_PRESENT))
			return start;
		span = npt_span(level);
		start = round_down(start, span);
		do {
			start += span;
		} while (++i < NPT_ENTRIES && !(READ_ONCE(table[i]) & NPT_PRESENT));
	}
	return start < limit ? start : end;
}

/* State of npt_zap() and npt_protect() */
struct npt_walk {
	struct npt *npt;
	u64 start;
	u64 end;
	u64 at;			/* lower addresses are done */
	unsigned int tables;	/* tables to visit; 0: the walk has stopped at @at */
	bool protect;		/* write-protect leaves instead of zapping them */
	struct list_head *dead;	/* detached tables; NULL: empty tables stay */
	npt_leaf_fn fn;
	void *ctx;
};

/* Clears the write and dirty bits. Returns false if both were clear. */
static bool protect_leaf(u64 *slot, u64 *pte)
{
	do {
		if (!(*pte & (NPT_WRITE | NPT_DIRTY)))
			return false;
	} while (!try_cmpxchg(slot, pte, *pte & ~(NPT_WRITE | NPT_DIRTY)));
	return true;
}

static void change_leaf(const struct npt_walk *walk, u64 *slot, u64 gpa, unsigned int level)
{
	u64 pte = READ_ONCE(*slot);

	if (walk->protect && level == NPT_4K) {
		if (!protect_leaf(slot, &pte))
			return;
	} else {
		if (walk->protect && !(pte & (NPT_WRITE | NPT_DIRTY)))
			return;
		pte = xchg(slot, 0);
	}
	if (walk->fn)
		walk->fn(walk->ctx, gpa, pte, level);
}

/* Unlinks the table below @slot if it is empty. */
static void detach_empty(const struct npt_walk *walk, u64 *slot)
{
	u64 *table = child_table(READ_ONCE(*slot));

	if (memchr_inv(table, 0, PAGE_SIZE))
		return;
	xchg(slot, 0);
	list_add(&virt_to_page(table)->lru, walk->dead);
	walk->npt->tables--;
}

/*
 * @table maps addresses from @base on and overlaps the range. Works bottom up, since
 * detaching its last child makes a table empty.
 */
static void walk_table(struct npt_walk *walk, u64 *table, unsigned int level, u64 base)
{
	unsigned int i = walk->at > base ? table_index(walk->at, level) : 0;
	u64 span = npt_span(level), gpa = base + i * span;

	for (; i < NPT_ENTRIES && gpa < walk->end; i++, gpa += span) {
		u64 pte = READ_ONCE(table[i]);

		if (!(pte & NPT_PRESENT))
			continue;
		if (is_leaf(pte, level)) {
			change_leaf(walk, &table[i], gpa, level);
			continue;
		}
		if (!--walk->tables) {
			walk->at = max(walk->at, gpa);
			return;
		}
		walk_table(walk, child_table(pte), level - 1, gpa);
		if (!walk->tables)
			return;
		if (walk->dead && gpa >= walk->start && gpa + span <= walk->end)
			detach_empty(walk, &table[i]);
	}
}

/* Returns the address at which to continue. */
static u64 walk_range(struct npt_walk *walk)
{
	u64 end = walk->end;

	walk->end = min(end, npt_gpa_limit(walk->npt));
	walk->tables = NPT_TABLES_MAX;
	if (walk->at < walk->end)
		walk_table(walk, walk->npt->root, walk->npt->levels, 0);
	return walk->tables ? end : walk->at;
}

/*
 * Unmaps [start, end), and a large leaf even if only part of it lies in the range. Calls @fn,
 * which may be NULL, for each removed leaf. @at is @start or the return value of the previous
 * call. Empty tables that lie entirely within the range are unlinked and added to @dead
 * unless that is NULL.
 *
 * Flush the TLB before the memory is freed, and before npt_free_dead(): CPUs may have tables
 * cached, too.
 *
 * Returns @end, or the address at which to continue, since a call visits a limited number of
 * tables.
 */
u64 npt_zap(struct npt *npt, u64 start, u64 end, u64 at, struct list_head *dead,
	    npt_leaf_fn fn, void *ctx)
{
	struct npt_walk walk = {
		.npt = npt, .start = start, .end = end, .at = at, .dead = dead,
		.fn = fn, .ctx = ctx,
	};

	return walk_range(&walk);
}

/*
 * Write-protects [start, end), and calls @fn for each leaf that was writable or dirty. Leaves
 * of 4 KiB lose the write and dirty bits. Larger ones that have these are zapped, since
 * writes are tracked by small pages. Returns the new @start, as npt_zap().
 *
 * Until the TLB is flushed, a CPU that has the old leaf cached can still write, and may
 * set the dirty bit of the write-protected leaf.
 */
u64 npt_protect(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx)
{
	struct npt_walk walk = {
		.npt = npt, .end = end, .at = start, .protect = true, .fn = fn, .ctx = ctx,
	};

	return walk_range(&walk);
}

/* Frees tables from npt_zap() after a flush of all CPUs. Sleeps. */
void npt_free_dead(struct list_head *dead)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, dead, lru) {
		list_del(&page->lru);
		npt_table_free(page_address(page));
		cond_resched();
	}
}
