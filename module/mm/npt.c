// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: see npt.h for the locking rules.
 *
 * Entries have the format of long mode (APM volume 2, 15.25). Entries above the
 * leaf grant all rights, so only the leaf restricts access. An empty table stays
 * linked until npt_detach() unlinks it; npt_free_dead() frees it after a flush,
 * when no CPU can be walking it any more.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "mm/npt.h"

#define NPT_ENTRIES	512

static u64 *table_alloc(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static void table_free(void *table)
{
	free_page((unsigned long)table);
}

static unsigned int table_index(u64 gpa, unsigned int level)
{
	return (gpa >> (12 + 9 * (level - 1))) & (NPT_ENTRIES - 1);
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
	npt->root = table_alloc();
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
	table_free(table);
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
 * Fills the cache with at least @nr pages. Sleeps. Returns 0, -EINVAL if @nr exceeds
 * NPT_CACHE, or -ENOMEM, after which the cache keeps what was allocated.
 */
int npt_cache_fill(struct npt_cache *cache, unsigned int nr)
{
	if (nr > NPT_CACHE)
		return -EINVAL;
	while (cache->nr < nr) {
		void *page = table_alloc();

		if (!page)
			return -ENOMEM;
		cache->page[cache->nr++] = page;
	}
	return 0;
}

void npt_cache_drain(struct npt_cache *cache)
{
	while (cache->nr)
		table_free(cache->page[--cache->nr]);
}

/* Returns the table below @slot, an entry at @level. Adds one if there is none. */
static u64 *descend(struct npt *npt, struct npt_cache *cache, u64 *slot,
		    unsigned int level)
{
	u64 pte = READ_ONCE(*slot);
	u64 *table;

	if (pte & NPT_PRESENT)
		return is_leaf(pte, level) ? ERR_PTR(-EBUSY) : child_table(pte);
	if (!cache->nr)
		return ERR_PTR(-ENOSPC);
	table = cache->page[--cache->nr];
	npt->tables++;
	/* A walker that sees the entry must see a zeroed table. */
	smp_store_release(slot, table_pte(table));
	return table;
}

/*
 * Combines the existing entry with a new leaf for the same page. This only adds
 * rights, so no TLB flush is needed, and a fault cannot undo the work of another
 * fault that raced with it.
 */
static int merge_leaf(u64 old, u64 fresh, unsigned int level, u64 *pte)
{
	*pte = fresh;
	if (!(old & NPT_PRESENT))
		return 0;
	if (!is_leaf(old, level))
		return -EEXIST;
	if (npt_pte_pfn(old) != npt_pte_pfn(fresh))
		return -EBUSY;
	*pte = (old | (fresh & NPT_WRITE)) & ~(~fresh & NPT_NX);
	return 0;
}

static int set_leaf(u64 *slot, u64 fresh, unsigned int level)
{
	u64 old = READ_ONCE(*slot);
	u64 pte;
	int ret;

	do {
		ret = merge_leaf(old, fresh, level, &pte);
		if (ret)
			return ret;
	} while (!try_cmpxchg(slot, &old, pte));
	return 0;
}

/* The table at @level that maps @gpa */
static u64 *walk_down(struct npt *npt, struct npt_cache *cache, u64 gpa, unsigned int level)
{
	u64 *table = npt->root;
	unsigned int at;

	for (at = npt->levels; at > level && !IS_ERR(table); at--)
		table = descend(npt, cache, &table[table_index(gpa, at)], at);
	return table;
}

static bool map_args_valid(const struct npt *npt, u64 gpa, unsigned int nr, unsigned int level)
{
	return level >= NPT_4K && level <= NPT_1G && !(gpa & (npt_span(level) - 1)) &&
	       gpa < npt_gpa_limit(npt) && nr <= NPT_ENTRIES - table_index(gpa, level);
}

/**
 * npt_map_leaves() - map consecutive pages
 * @npt: the tables
 * @cache: source of new tables
 * @gpa: first address, aligned to the size of a leaf at @level
 * @leaf: entries from npt_make_leaf(), or 0 for those to skip
 * @nr: number of @leaf; all of them must lie in one table
 * @level: NPT_4K, NPT_2M or NPT_1G
 * @strict: return an error for an entry that conflicts, instead of skipping it
 *
 * If a page is already mapped, rights are added, but never removed. No TLB flush is
 * needed.
 *
 * Return: number of pages that were not mapped before. -ENOSPC if @cache is empty:
 * fill it and try again. -EBUSY if another page, or a larger one, is mapped: zap and
 * flush first. -EEXIST if a table of smaller pages exists: also detach it. -EINVAL for
 * invalid arguments. On -EBUSY and -EEXIST, pages before the conflict are mapped.
 */
int npt_map_leaves(struct npt *npt, struct npt_cache *cache, u64 gpa, const u64 *leaf,
		   unsigned int nr, unsigned int level, bool strict)
{
	unsigned int first, i;
	int fresh = 0, ret;
	u64 *table;

	if (!map_args_valid(npt, gpa, nr, level))
		return -EINVAL;
	first = table_index(gpa, level);
	table = walk_down(npt, cache, gpa, level);
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

/**
 * npt_slot() - find the entry for the leaf of an address
 * @npt: the tables
 * @gpa: below npt_gpa_limit()
 * @level: out: level of the entry; NPT_4K unless a larger leaf maps @gpa
 *
 * The pointer remains valid while the entry is a leaf, because only empty tables are
 * freed.
 *
 * Return: the entry, which may be empty, or NULL if there is no table for it
 */
u64 *npt_slot(const struct npt *npt, u64 gpa, unsigned int *level)
{
	u64 *table = npt->root;

	for (*level = npt->levels; ; (*level)--) {
		u64 *slot = &table[table_index(gpa, *level)];
		u64 pte = READ_ONCE(*slot);

		if (*level == NPT_4K || ((pte & NPT_PRESENT) && is_leaf(pte, *level)))
			return slot;
		if (!(pte & NPT_PRESENT))
			return NULL;
		table = child_table(pte);
	}
}

/* Index of the first entry that maps addresses from @start on, in a table for @base */
static unsigned int first_index(u64 start, u64 base, unsigned int level)
{
	return start > base ? table_index(start, level) : 0;
}

struct npt_zap_walk {
	u64 start;
	u64 end;
	npt_leaf_fn fn;
	void *ctx;
	bool hit;
};

static void zap_leaf(struct npt_zap_walk *walk, u64 *slot, u64 gpa,
		     unsigned int level)
{
	u64 old = xchg(slot, 0);

	walk->hit = true;
	if (walk->fn)
		walk->fn(walk->ctx, gpa, old, level);
}

/* @table maps addresses from @base on and overlaps the range. */
static void zap_table(struct npt_zap_walk *walk, u64 *table, unsigned int level,
		      u64 base)
{
	unsigned int i = first_index(walk->start, base, level);
	u64 gpa = base + i * npt_span(level);

	for (; i < NPT_ENTRIES && gpa < walk->end; i++, gpa += npt_span(level)) {
		u64 pte = READ_ONCE(table[i]);

		if (!(pte & NPT_PRESENT))
			continue;
		if (is_leaf(pte, level))
			zap_leaf(walk, &table[i], gpa, level);
		else
			zap_table(walk, child_table(pte), level - 1, gpa);
	}
}

/* The lowest table for @gpa; its entry for @gpa is not a table. */
static const u64 *lowest_table(const struct npt *npt, u64 gpa, unsigned int *level)
{
	const u64 *table = npt->root;
	u64 pte;

	for (*level = npt->levels; *level > NPT_4K; (*level)--) {
		pte = READ_ONCE(table[table_index(gpa, *level)]);
		if (!(pte & NPT_PRESENT) || is_leaf(pte, *level))
			break;
		table = child_table(pte);
	}
	return table;
}

/**
 * npt_next() - skip unmapped addresses
 * @npt: the tables
 * @start: first address
 * @end: last address + 1
 *
 * A call visits a limited number of tables, so it may stop at an address that is not
 * mapped. It makes progress: it returns @start only if that may be mapped.
 *
 * Return: an address, or @end; no address before it is mapped
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

/**
 * npt_zap() - unmap a range
 * @npt: the tables
 * @start: first address
 * @end: last address + 1
 * @fn: called for each removed leaf; may be NULL
 * @ctx: passed to @fn
 *
 * Removes a large leaf even if only part of it lies in the range. The time depends on
 * the number of tables in the range, which the caller splits to bound the time.
 *
 * Return: true if a leaf was removed: flush the TLB before the memory is freed
 */
bool npt_zap(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx)
{
	struct npt_zap_walk walk = {
		.start = start,
		.end = min(end, npt_gpa_limit(npt)),
		.fn = fn,
		.ctx = ctx,
	};

	if (walk.start < walk.end)
		zap_table(&walk, npt->root, npt->levels, 0);
	return walk.hit;
}

/* Clears the write and dirty bits. Returns false if both were clear. */
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

/* Zaps a large leaf instead of splitting it, since writes are tracked by small pages. */
static bool zap_large(u64 *slot, u64 *old)
{
	u64 pte = READ_ONCE(*slot);

	if (!(pte & (NPT_WRITE | NPT_DIRTY)))
		return false;
	*old = xchg(slot, 0);
	return true;
}

/**
 * npt_protect() - write-protect a range
 * @npt: the tables
 * @start: first address
 * @end: last address + 1
 * @fn: called for each leaf that was writable or dirty
 * @ctx: passed to @fn
 *
 * Leaves of 4 KiB lose the write and dirty bits; larger leaves are zapped. The time
 * depends on the number of tables in the range.
 *
 * Until the TLB is flushed, a CPU that has the old leaf cached can still write, and may
 * set the dirty bit of the write-protected leaf.
 *
 * Return: true if a leaf was changed: flush the TLB
 */
bool npt_protect(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx)
{
	bool hit = false;
	u64 gpa, old;

	for (gpa = npt_next(npt, start, end); gpa < end; gpa = npt_next(npt, gpa, end)) {
		unsigned int level;
		u64 *slot = npt_slot(npt, gpa, &level);
		u64 stop = min(end, round_down(gpa, npt_span(level + 1)) + npt_span(level + 1));

		/* npt_next() may stop at an address without table. */
		if (!slot)
			continue;
		if (level > NPT_4K) {
			gpa = round_down(gpa, npt_span(level));
			stop = gpa + npt_span(level);
		}
		for (; gpa < stop; gpa += npt_span(level), slot++) {
			if (level > NPT_4K ? !zap_large(slot, &old) : !protect_leaf(slot, &old))
				continue;
			hit = true;
			fn(ctx, gpa, old, level);
		}
	}
	return hit;
}

static bool table_empty(const u64 *table)
{
	unsigned int i;

	for (i = 0; i < NPT_ENTRIES; i++)
		if (READ_ONCE(table[i]))
			return false;
	return true;
}

struct npt_detach_walk {
	struct npt *npt;
	u64 start;		/* detach tables within [start, end) */
	u64 end;
	u64 at;			/* lower addresses are done */
	unsigned int tables;	/* tables to visit; 0: the walk has stopped at @at */
	struct list_head *dead;
};

static void detach_slot(struct npt_detach_walk *walk, u64 *slot)
{
	u64 pte = xchg(slot, 0);

	list_add(&virt_to_page(child_table(pte))->lru, walk->dead);
	walk->npt->tables--;
}

/* Works bottom up, since detaching its last child makes a table empty. */
static void detach_below(struct npt_detach_walk *walk, u64 *table,
			 unsigned int level, u64 base)
{
	unsigned int i = first_index(walk->at, base, level);
	u64 span = npt_span(level);
	u64 gpa = base + i * span;

	for (; i < NPT_ENTRIES && gpa < walk->end; i++, gpa += span) {
		u64 pte = READ_ONCE(table[i]);

		if (!(pte & NPT_PRESENT) || is_leaf(pte, level))
			continue;
		if (!--walk->tables) {
			walk->at = max(walk->at, gpa);
			return;
		}
		if (level - 1 > NPT_4K)
			detach_below(walk, child_table(pte), level - 1, gpa);
		if (!walk->tables)
			return;
		if (gpa >= walk->start && gpa + span <= walk->end &&
		    table_empty(child_table(pte)))
			detach_slot(walk, &table[i]);
	}
}

/**
 * npt_detach() - unlink empty tables
 * @npt: the tables
 * @start: first address
 * @end: last address + 1; only tables entirely within the range are unlinked
 * @at: @start, or the return value of the previous call
 * @dead: the pages of the tables are added here
 *
 * CPUs may have the tables cached: flush the TLB before npt_free_dead().
 *
 * Return: @end, or the address at which to continue, since a call visits a limited
 * number of tables
 */
u64 npt_detach(struct npt *npt, u64 start, u64 end, u64 at, struct list_head *dead)
{
	struct npt_detach_walk walk = {
		.npt = npt,
		.start = start,
		.end = min(end, npt_gpa_limit(npt)),
		.at = at,
		.tables = NPT_TABLES_MAX,
		.dead = dead,
	};

	if (walk.at < walk.end)
		detach_below(&walk, npt->root, npt->levels, 0);
	return walk.tables ? end : walk.at;
}

/* Frees tables from npt_detach() after a flush of all CPUs. Sleeps. */
void npt_free_dead(struct list_head *dead)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, dead, lru) {
		list_del(&page->lru);
		table_free(page_address(page));
		cond_resched();
	}
}
