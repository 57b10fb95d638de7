// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: see npt.h for who may call what under which lock.
 *
 * Tables are ordinary pages, entries as in long mode (APM volume 2, 15.25).
 * Entries above a leaf grant everything, the leaf alone decides. A table that
 * became empty stays linked until npt_detach() takes it out, and its page is
 * freed by npt_free_dead() only when no CPU can still be walking it.
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

/* Accessed is set right away to spare the table walker the store. */
static u64 table_pte(const u64 *table)
{
	return __sme_set((u64)__pa(table)) |
	       NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED;
}

/**
 * npt_init() - make an empty tree
 * @npt: to fill in
 * @levels: 4 or 5
 *
 * Return: 0, -EINVAL, or -ENOMEM
 */
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

/* Depth is bounded by the number of levels. */
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

/**
 * npt_destroy() - free all tables, whatever they still map
 * @npt: no CPU uses it any more; one that was never initialized but is zeroed
 *	is fine
 *
 * Context: may sleep.
 */
void npt_destroy(struct npt *npt)
{
	if (!npt->root)
		return;
	free_tables(npt, npt->root, npt->levels);
	npt->root = NULL;
	npt->root_pa = 0;
}

/**
 * npt_cache_fill() - top a cache up
 * @cache: not shared with anybody while this runs; may sleep
 * @nr: pages it shall have at least; NPT_MAP_MAX do for one npt_map()
 *
 * Return: 0, -EINVAL when there is no room for @nr, or -ENOMEM. What was
 * allocated stays in the cache.
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

/**
 * npt_cache_drain() - free what a cache holds
 * @cache: empty afterwards
 */
void npt_cache_drain(struct npt_cache *cache)
{
	while (cache->nr)
		table_free(cache->page[--cache->nr]);
}

/* The table below @slot, an entry at @level; a new one when there is none */
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
	/* a walker that sees the entry must see a zeroed table */
	smp_store_release(slot, table_pte(table));
	return table;
}

/*
 * What an entry becomes when @fresh is mapped over @old. Rights are only ever
 * added, so that a fault that raced with a stronger one takes nothing away and
 * the TLB needs no flush.
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

static bool map_args_valid(const struct npt *npt, u64 gpa, u64 pfn,
			   unsigned int prot, unsigned int level)
{
	u64 span;

	if (level < NPT_4K || level > NPT_1G || (prot & ~(NPT_W | NPT_X)))
		return false;
	span = npt_span(level);
	if ((gpa | pfn << 12) & (span - 1))
		return false;
	return gpa < npt_gpa_limit(npt) && !((pfn << 12) & ~NPT_ADDR_MASK) &&
	       !(pfn >> 52);
}

/**
 * npt_map() - map one page
 * @npt: the tree; the caller holds its lock
 * @cache: where missing tables come from; never allocates
 * @gpa: aligned to the size @level has
 * @pfn: the host's page frame, aligned likewise
 * @prot: NPT_W, NPT_X; reading is implied
 * @level: NPT_4K, NPT_2M, NPT_1G
 *
 * Where the same frame is mapped already, rights are added to it, never taken
 * away. No TLB flush is needed.
 *
 * Return: 0; -ENOSPC when the cache ran dry (fill it, try again); -EBUSY when
 * another frame or a larger page is mapped there (zap and flush first);
 * -EEXIST when a table of smaller pages is (zap, detach and flush first);
 * -EINVAL for misaligned or impossible arguments
 */
int npt_map(struct npt *npt, struct npt_cache *cache, u64 gpa, u64 pfn,
	    unsigned int prot, unsigned int level)
{
	u64 *table;

	if (!map_args_valid(npt, gpa, pfn, prot, level))
		return -EINVAL;
	table = walk_down(npt, cache, gpa, level);
	if (IS_ERR(table))
		return PTR_ERR(table);
	return set_leaf(&table[table_index(gpa, level)],
			npt_make_leaf(pfn, prot, level), level);
}

/**
 * npt_map_run() - map pages that lie one behind the other
 * @npt: the tree; the caller holds its lock
 * @cache: where missing tables come from; never allocates
 * @gpa: of the first, aligned to the size @level has
 * @leaf: their entries, by npt_make_leaf(); 0 for one to leave alone
 * @nr: how many; all in the same table
 * @level: NPT_4K, NPT_2M, NPT_1G
 * @strict: end with an error where something is in the way, instead of leaving
 *	that as it is
 *
 * Rights are added as by npt_map().
 *
 * Return: how many of them were not mapped before; or an error as npt_map()'s.
 * In that case those in front of the one in question are mapped.
 */
int npt_map_run(struct npt *npt, struct npt_cache *cache, u64 gpa, const u64 *leaf,
		unsigned int nr, unsigned int level, bool strict)
{
	unsigned int first, i;
	int fresh = 0, ret;
	u64 *table;

	if (!map_args_valid(npt, gpa, 0, 0, level))
		return -EINVAL;
	first = table_index(gpa, level);
	if (nr > NPT_ENTRIES - first)
		return -EINVAL;
	table = walk_down(npt, cache, gpa, level);
	if (IS_ERR(table))
		return PTR_ERR(table);
	for (i = 0; i < nr; i++) {
		u64 *slot = &table[first + i];

		if (!leaf[i])
			continue;
		/* Only present entries are changed by the hardware. */
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
 * npt_leaf() - what maps an address
 * @npt: the tree; the caller holds its lock
 * @gpa: any address
 * @level: set to the leaf's level; may be NULL
 *
 * Return: the leaf entry, 0 when nothing maps @gpa
 */
u64 npt_leaf(const struct npt *npt, u64 gpa, unsigned int *level)
{
	const u64 *table = npt->root;
	unsigned int at;

	if (gpa >= npt_gpa_limit(npt))
		return 0;
	for (at = npt->levels; at >= NPT_4K; at--) {
		u64 pte = READ_ONCE(table[table_index(gpa, at)]);

		if (!(pte & NPT_PRESENT))
			return 0;
		if (is_leaf(pte, at)) {
			if (level)
				*level = at;
			return pte;
		}
		table = child_table(pte);
	}
	return 0;
}

/**
 * npt_slot() - where the leaf for an address is, or would be
 * @npt: the tree; the caller holds its lock
 * @gpa: below what the tables can map
 * @level: out: of the slot; NPT_4K unless a larger leaf is there
 *
 * Valid until the leaf goes; a table is not taken apart while it has one.
 *
 * Return: the entry's address, NULL when there is no table for it
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

/* Index of the first entry of a table starting at @base that reaches @start */
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

/* @table covers addresses from @base and overlaps the range. */
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

/* The lowest table on the way to @gpa, with @gpa's entry in it no table. */
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
 * npt_next() - skip what is not mapped
 * @npt: the tree; the caller holds its lock
 * @start: first address
 * @end: first address behind
 *
 * Looks at so many tables and no more: where there are only empty ones it may
 * stop in the middle of nowhere, but never at @start.
 *
 * Return: the first address from @start on for which there is a table of
 * leaves, or a large leaf, or one before that; @end when there is none before it
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
 * @npt: the tree; the caller holds its lock
 * @start: first address
 * @end: first address behind
 * @fn: called for every leaf that went, may be NULL
 * @ctx: passed to @fn
 *
 * A large page partly in the range goes as a whole. The time taken is bounded
 * by the tables present, not by the size of the range; a caller that must not
 * hold its lock for that long splits the range.
 *
 * Return: true when a leaf went: the TLB must be flushed before the memory
 * behind it is given back
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

static bool table_empty(const u64 *table)
{
	unsigned int i;

	for (i = 0; i < NPT_ENTRIES; i++)
		if (READ_ONCE(table[i]))
			return false;
	return true;
}

/**
 * struct npt_detach_walk - a part of an npt_detach()
 * @npt: .
 * @start: tables are looked at that lie between @start and @end
 * @end: .
 * @at: what lies before was dealt with
 * @tables: how many may still be looked at; 0: the walk ended at @at
 * @dead: .
 */
struct npt_detach_walk {
	struct npt *npt;
	u64 start;
	u64 end;
	u64 at;
	unsigned int tables;
	struct list_head *dead;
};

static void detach_slot(struct npt_detach_walk *walk, u64 *slot)
{
	u64 pte = xchg(slot, 0);

	list_add(&virt_to_page(child_table(pte))->lru, walk->dead);
	walk->npt->tables--;
}

/* Bottom up: a table whose last child goes is empty itself. */
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
 * @npt: the tree; the caller holds its lock
 * @start: first address
 * @end: first address behind; only tables wholly in between are looked at
 * @at: @start, or what an earlier call returned
 * @dead: their pages are added here
 *
 * CPUs may have the tables cached. Flush the TLB as after npt_zap(), then call
 * npt_free_dead().
 *
 * Return: @end; or where to go on, since a call looks at so many tables and no
 * more
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

/**
 * npt_free_dead() - free what npt_detach() unlinked
 * @dead: its list; empty afterwards. Every CPU has been flushed since
 *
 * Context: may sleep.
 */
void npt_free_dead(struct list_head *dead)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, dead, lru) {
		list_del(&page->lru);
		table_free(page_address(page));
		cond_resched();
	}
}
