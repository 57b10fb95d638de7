/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers for the KUnit tests of nested page tables.
 */
#ifndef SVMVCPU_NPT_TEST_H
#define SVMVCPU_NPT_TEST_H

#include <linux/io.h>
#include <linux/minmax.h>

#include "mm/npt.h"

/* Maximum number of tables that npt_map_leaves() adds for one leaf */
#define NPT_MAP_MAX	4

/* Tables for npt_map_cached() */
struct npt_cache {
	unsigned int nr;
	void *table[NPT_MAP_MAX];
};

static inline int npt_cache_fill(struct npt_cache *cache, unsigned int nr)
{
	while (cache->nr < nr) {
		cache->table[cache->nr] = npt_table_alloc();
		if (!cache->table[cache->nr++])
			return -ENOMEM;
	}
	return 0;
}

static inline void npt_cache_drain(struct npt_cache *cache)
{
	while (cache->nr)
		npt_table_free(cache->table[--cache->nr]);
}

static inline int npt_map_cached(struct npt *npt, struct npt_cache *cache, u64 gpa,
				 const u64 *leaf, unsigned int nr, unsigned int level, bool strict)
{
	void *spare = NULL;
	int ret;

	while ((ret = npt_map_leaves(npt, &spare, gpa, leaf, nr, level, strict)) == -ENOSPC) {
		if (!cache->nr)
			break;
		spare = cache->table[--cache->nr];
	}
	return ret;
}

/* Maps one page. Returns 0 or an error of npt_map_leaves(). */
static inline int npt_map(struct npt *npt, struct npt_cache *cache, u64 gpa, u64 pfn,
			  unsigned int prot, unsigned int level)
{
	u64 leaf = npt_make_leaf(pfn, prot, level);

	return min(npt_map_cached(npt, cache, gpa, &leaf, 1, level, true), 0);
}

/* The leaf that maps @gpa, or 0. Does not use npt_slot(), which it serves to check. */
static inline u64 npt_leaf(const struct npt *npt, u64 gpa, unsigned int *level)
{
	const u64 *table = npt->root;
	unsigned int at;

	for (at = npt->levels; gpa < npt_gpa_limit(npt); at--) {
		u64 pte = READ_ONCE(table[(gpa >> (12 + 9 * (at - 1))) & 511]);

		if (!(pte & NPT_PRESENT))
			break;
		if (at == NPT_4K || (pte & NPT_PSE)) {
			if (level)
				*level = at;
			return pte;
		}
		table = __va(__sme_clr(pte & NPT_ADDR_MASK));
	}
	return 0;
}

struct npt_leaf_note {
	npt_leaf_fn fn;
	void *ctx;
	bool hit;
};

static inline void npt_note_leaf(void *ctx, u64 gpa, u64 old_pte, unsigned int level)
{
	struct npt_leaf_note *note = ctx;

	note->hit = true;
	if (note->fn)
		note->fn(note->ctx, gpa, old_pte, level);
}

/* Zaps or protects all of a range; empty tables stay. Returns true if a leaf was changed. */
static inline bool npt_change_all(struct npt *npt, u64 start, u64 end, bool protect,
				  npt_leaf_fn fn, void *ctx)
{
	struct npt_leaf_note note = { .fn = fn, .ctx = ctx };
	u64 at = start;

	do {
		at = protect ? npt_protect(npt, at, end, npt_note_leaf, &note) :
			       npt_zap(npt, start, end, at, NULL, npt_note_leaf, &note);
	} while (at < end);
	return note.hit;
}

#endif /* SVMVCPU_NPT_TEST_H */
