// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of npt.c. Random operations are compared with a model: a part of
 * the guest-physical addresses as an array of pages. Counting replacements of the
 * page allocator detect leaks and double frees of tables.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/prandom.h>

static long test_pages;

static unsigned long counted_get_page(gfp_t gfp)
{
	unsigned long page = get_zeroed_page(gfp);

	test_pages += !!page;
	return page;
}

static void counted_free_page(unsigned long page)
{
	free_page(page);
	test_pages--;
}

#undef get_zeroed_page
#define get_zeroed_page(gfp)	counted_get_page(gfp)
#undef free_page
#define free_page(page)		counted_free_page(page)

#include "npt.c"
#include "npt_test.h"

/* The model has eight slots of 2 MiB. */
#define WIN_SLOTS	8
#define SLOT_PAGES	512
#define WIN_PAGES	(WIN_SLOTS * SLOT_PAGES)
#define WIN_BYTES	((u64)WIN_PAGES << 12)

struct model_page {
	u64 pfn;
	unsigned int prot;
	unsigned int level;	/* 0: not mapped */
};

struct world {
	struct kunit *test;
	struct npt npt;
	struct npt_cache cache;
	struct rnd_state rnd;
	u64 base;
	bool has_table[WIN_SLOTS];	/* a level-1 table is linked */
	struct model_page page[WIN_PAGES];
	unsigned long zapped;		/* leaves reported by npt_zap() */
	unsigned long expected;		/* leaves the model lost */
};

static u32 roll(struct world *w, u32 below)
{
	return prandom_u32_state(&w->rnd) % below;
}

static unsigned long count_tables(const u64 *table, unsigned int level)
{
	unsigned long n = 1;
	unsigned int i;

	for (i = 0; level > NPT_4K && i < NPT_ENTRIES; i++)
		if ((table[i] & NPT_PRESENT) && !is_leaf(table[i], level))
			n += count_tables(child_table(table[i]), level - 1);
	return n;
}

static void check_tables(struct world *w)
{
	unsigned long n = count_tables(w->npt.root, w->npt.levels);

	KUNIT_EXPECT_EQ(w->test, n, w->npt.tables);
	KUNIT_EXPECT_EQ(w->test, (long)(n + w->cache.nr), test_pages);
}

static bool pte_as_modeled(const struct model_page *m, u64 pte, unsigned int level)
{
	u64 want = NPT_PRESENT | NPT_USER | (m->prot & NPT_W ? NPT_WRITE : 0) |
		   (m->prot & NPT_X ? 0 : NPT_NX) | (m->level > 1 ? NPT_PSE : 0);

	if (!m->level)
		return !pte;
	return level == m->level && npt_pte_pfn(pte) == m->pfn &&
	       (pte & ~NPT_ADDR_MASK) == want;
}

static void check_window(struct world *w)
{
	unsigned int i, level;
	u64 gpa, pte;

	for (i = 0; i < WIN_PAGES; i++) {
		gpa = w->base + ((u64)i << 12);
		level = 0;
		pte = npt_leaf(&w->npt, gpa, &level);
		if (pte_as_modeled(&w->page[i], pte, level))
			continue;
		KUNIT_FAIL(w->test, "gpa %llx: entry %llx level %u, model pfn %llx level %u",
			   gpa, pte, level, w->page[i].pfn, w->page[i].level);
		return;
	}
}

static void model_set(struct world *w, unsigned int first, unsigned int pages,
		      u64 pfn, unsigned int prot, unsigned int level)
{
	unsigned int i;

	for (i = first; i < first + pages; i++) {
		w->page[i].pfn = pfn;
		w->page[i].prot |= prot;
		w->page[i].level = level;
	}
}

static int model_map(struct world *w, unsigned int i, u64 pfn, unsigned int prot,
		     unsigned int level)
{
	unsigned int pages = level == NPT_2M ? SLOT_PAGES : 1;
	struct model_page *m = &w->page[i];

	if (level == NPT_2M && w->has_table[i / SLOT_PAGES])
		return -EEXIST;
	if (m->level && (m->level != level || m->pfn != pfn))
		return -EBUSY;
	if (level == NPT_4K)
		w->has_table[i / SLOT_PAGES] = true;
	model_set(w, i, pages, pfn, prot, level);
	return 0;
}

/* Few different frames, so that both upgrades and conflicts happen */
static void random_map(struct world *w)
{
	unsigned int level = roll(w, 4) ? NPT_4K : NPT_2M;
	unsigned int prot = roll(w, 4);
	unsigned int i = roll(w, WIN_PAGES);
	u64 pfn = (u64)(1 + roll(w, 2)) << 20;
	int want, ret;

	if (level == NPT_2M)
		i &= ~(SLOT_PAGES - 1);
	KUNIT_ASSERT_EQ(w->test, npt_cache_fill(&w->cache, NPT_MAP_MAX), 0);
	want = model_map(w, i, pfn, prot, level);
	ret = npt_map(&w->npt, &w->cache, w->base + ((u64)i << 12), pfn, prot, level);
	KUNIT_EXPECT_EQ(w->test, ret, want);
}

#define RUN_PAGES	32

/* The same for several pages. Returns the number of new ones, or the first error. */
static int model_map_pages(struct world *w, unsigned int first, const u64 *leaf,
			   const unsigned int *prot, unsigned int nr)
{
	int fresh = 0, ret;
	unsigned int i;

	if (w->page[first & ~(SLOT_PAGES - 1)].level == NPT_2M)
		return -EBUSY;
	w->has_table[first / SLOT_PAGES] = true;
	for (i = 0; i < nr; i++) {
		if (!leaf[i])
			continue;
		fresh += !w->page[first + i].level;
		ret = model_map(w, first + i, npt_pte_pfn(leaf[i]), prot[i], NPT_4K);
		if (ret)
			return ret;
	}
	return fresh;
}

/* Usually uses the first frame of random_map(), so conflicts are rare. */
static void random_map_pages(struct world *w)
{
	unsigned int prot[RUN_PAGES], nr = 1 + roll(w, RUN_PAGES), i;
	unsigned int first = roll(w, WIN_PAGES);
	u64 leaf[RUN_PAGES];
	int want, ret;

	nr = min(nr, SLOT_PAGES - first % SLOT_PAGES);
	for (i = 0; i < nr; i++) {
		prot[i] = roll(w, 4);
		leaf[i] = roll(w, 4) ?
			npt_make_leaf((u64)(1 + !roll(w, 200)) << 20, prot[i], NPT_4K) : 0;
	}
	KUNIT_ASSERT_EQ(w->test, npt_cache_fill(&w->cache, NPT_MAP_MAX), 0);
	want = model_map_pages(w, first, leaf, prot, nr);
	ret = npt_map_cached(&w->npt, &w->cache, w->base + ((u64)first << 12), leaf, nr, NPT_4K,
			     true);
	KUNIT_EXPECT_EQ(w->test, ret, want);
}

static void model_zap(struct world *w, unsigned int first, unsigned int end)
{
	unsigned int i;

	for (i = first; i < end; i++) {
		unsigned int slot = i & ~(SLOT_PAGES - 1);

		if (!w->page[i].level)
			continue;
		w->expected++;
		if (w->page[i].level == NPT_2M)
			memset(&w->page[slot], 0, SLOT_PAGES * sizeof(w->page[0]));
		else
			memset(&w->page[i], 0, sizeof(w->page[0]));
	}
}

static void count_leaf(void *ctx, u64 gpa, u64 old_pte, unsigned int level)
{
	struct world *w = ctx;

	KUNIT_EXPECT_EQ(w->test, gpa & (npt_span(level) - 1), 0);
	KUNIT_EXPECT_TRUE(w->test, old_pte & NPT_PRESENT);
	KUNIT_EXPECT_GE(w->test, gpa, w->base);
	KUNIT_EXPECT_LT(w->test, gpa, w->base + WIN_BYTES);
	w->zapped++;
}

static void random_zap(struct world *w)
{
	unsigned int first = roll(w, WIN_PAGES);
	unsigned int end = min_t(unsigned int, WIN_PAGES,
				 first + roll(w, roll(w, 8) ? 32 : WIN_PAGES));
	unsigned long before = w->expected;
	bool hit;

	model_zap(w, first, end);
	hit = npt_change_all(&w->npt, w->base + ((u64)first << 12),
			     w->base + ((u64)end << 12), false, count_leaf, w);
	KUNIT_EXPECT_EQ(w->test, hit, w->expected != before);
	KUNIT_EXPECT_EQ(w->test, w->zapped, w->expected);
}

static bool model_slot_empty(const struct world *w, unsigned int slot)
{
	unsigned int i;

	for (i = slot * SLOT_PAGES; i < (slot + 1) * SLOT_PAGES; i++)
		if (w->page[i].level)
			return false;
	return true;
}

static void random_detach(struct world *w)
{
	unsigned int first = roll(w, WIN_PAGES);
	unsigned int end = first + roll(w, WIN_PAGES - first + 1);
	unsigned int slot;
	LIST_HEAD(dead);

	model_zap(w, first, end);
	for (slot = 0; slot < WIN_SLOTS; slot++)
		if (slot * SLOT_PAGES >= first && (slot + 1) * SLOT_PAGES <= end &&
		    model_slot_empty(w, slot))
			w->has_table[slot] = false;
	npt_zap(&w->npt, w->base + ((u64)first << 12), w->base + ((u64)end << 12),
		w->base + ((u64)first << 12), &dead, count_leaf, w);
	KUNIT_EXPECT_EQ(w->test, w->zapped, w->expected);
	npt_free_dead(&dead);
	KUNIT_EXPECT_TRUE(w->test, list_empty(&dead));
}

static struct world *world_create(struct kunit *test, unsigned int levels, u64 base)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->base = base;
	prandom_seed_state(&w->rnd, base + levels);
	KUNIT_ASSERT_EQ(test, test_pages, 0);
	KUNIT_ASSERT_EQ(test, npt_init(&w->npt, levels), 0);
	return w;
}

static void world_destroy(struct world *w)
{
	check_tables(w);
	npt_cache_drain(&w->cache);
	npt_destroy(&w->npt);
	KUNIT_EXPECT_EQ(w->test, w->npt.tables, 0);
	KUNIT_EXPECT_EQ(w->test, test_pages, 0);
}

static void random_ops(struct kunit *test, unsigned int levels, u64 base)
{
	struct world *w = world_create(test, levels, base);
	unsigned int i;

	for (i = 0; i < 1200 && test->status != KUNIT_FAILURE; i++) {
		switch (roll(w, 10)) {
		case 0:
			random_zap(w);
			break;
		case 1:
			random_detach(w);
			break;
		case 2:
			random_map_pages(w);
			break;
		default:
			random_map(w);
		}
		if (i % 200 == 199) {
			check_window(w);
			check_tables(w);
		}
	}
	world_destroy(w);
}

/* At address 0, across a boundary of each level, and at the last addresses */
static void npt_test_random(struct kunit *test)
{
	u64 half = WIN_BYTES / 2;

	random_ops(test, 4, 0);
	random_ops(test, 4, npt_span(3) - half);
	random_ops(test, 4, npt_span(4) - half);
	random_ops(test, 4, (1ULL << 48) - WIN_BYTES);
	random_ops(test, 5, 0);
	random_ops(test, 5, npt_span(5) - half);
	random_ops(test, 5, (1ULL << 52) - WIN_BYTES);
}

static void npt_test_init(struct kunit *test)
{
	struct npt npt = {};

	KUNIT_EXPECT_EQ(test, npt_init(&npt, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, npt_init(&npt, 6), -EINVAL);
	npt_destroy(&npt);
	KUNIT_ASSERT_EQ(test, npt_init(&npt, 4), 0);
	KUNIT_EXPECT_EQ(test, npt.root_pa, __sme_set(__pa(npt.root)));
	KUNIT_EXPECT_EQ(test, npt.tables, 1);
	npt_destroy(&npt);
	KUNIT_EXPECT_EQ(test, test_pages, 0);
}

static void npt_test_bad_args(struct kunit *test)
{
	static const struct {
		unsigned int levels;
		u64 gpa;
		unsigned int level;
	} bad[] = {
		{ 4, 0, 0 },
		{ 4, 0, 4 },
		{ 4, 0x800, 1 },
		{ 4, 0x1000, 2 },
		{ 4, 0x200000, 3 },
		{ 4, 1ULL << 48, 1 },
		{ 5, 1ULL << 52, 1 },
	};
	struct npt_cache cache = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct npt npt;

		KUNIT_ASSERT_EQ(test, npt_init(&npt, bad[i].levels), 0);
		KUNIT_ASSERT_EQ(test, npt_cache_fill(&cache, NPT_MAP_MAX), 0);
		KUNIT_EXPECT_EQ_MSG(test, npt_map(&npt, &cache, bad[i].gpa, 0, 0,
						  bad[i].level),
				    -EINVAL, "case %u", i);
		KUNIT_EXPECT_EQ(test, npt.tables, 1);
		npt_destroy(&npt);
	}
	npt_cache_drain(&cache);
	KUNIT_EXPECT_EQ(test, test_pages, 0);
}

/* Each attempt adds one table, and keeps those of earlier attempts. */
static void npt_test_cache_dry(struct kunit *test)
{
	struct npt_cache cache = {};
	unsigned int levels, i;

	for (levels = 4; levels <= 5; levels++) {
		struct npt npt;

		KUNIT_ASSERT_EQ(test, npt_init(&npt, levels), 0);
		for (i = 1; i < levels; i++) {
			KUNIT_EXPECT_EQ(test, npt_map(&npt, &cache, 0x5000, 7, NPT_W, 1),
					-ENOSPC);
			KUNIT_EXPECT_EQ(test, npt_leaf(&npt, 0x5000, NULL), 0);
			KUNIT_EXPECT_EQ(test, npt.tables, i);
			KUNIT_ASSERT_EQ(test, npt_cache_fill(&cache, 1), 0);
		}
		KUNIT_EXPECT_EQ(test, npt_map(&npt, &cache, 0x5000, 7, NPT_W, 1), 0);
		KUNIT_EXPECT_EQ(test, cache.nr, 0);
		KUNIT_EXPECT_EQ(test, npt_pte_pfn(npt_leaf(&npt, 0x5000, NULL)), 7);
		npt_destroy(&npt);
	}
	KUNIT_EXPECT_EQ(test, test_pages, 0);
}

/* Accessed and dirty bits survive an upgrade and reach npt_zap(). */
static void npt_test_accessed_dirty(struct kunit *test)
{
	struct world *w = world_create(test, 4, 0);
	u64 *table, pte;

	npt_cache_fill(&w->cache, NPT_MAP_MAX);
	KUNIT_ASSERT_EQ(test, npt_map(&w->npt, &w->cache, 0, 9, 0, 1), 0);
	table = child_table(w->npt.root[0]);
	table = child_table(table[0]);
	table = child_table(table[0]);
	table[0] |= NPT_ACCESSED | NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, npt_map(&w->npt, &w->cache, 0, 9, NPT_W | NPT_X, 1), 0);
	pte = npt_leaf(&w->npt, 0, NULL);
	KUNIT_EXPECT_TRUE(test, npt_pte_writable(pte));
	KUNIT_EXPECT_FALSE(test, pte & NPT_NX);
	KUNIT_EXPECT_TRUE(test, pte & NPT_ACCESSED);
	KUNIT_EXPECT_TRUE(test, pte & NPT_DIRTY);
	/* A mapping with fewer rights removes none. */
	KUNIT_EXPECT_EQ(test, npt_map(&w->npt, &w->cache, 0, 9, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, npt_leaf(&w->npt, 0, NULL), pte);
	world_destroy(w);
}

static void keep_pte(void *ctx, u64 gpa, u64 old_pte, unsigned int level)
{
	*(u64 *)ctx = old_pte;
}

/* Large leaves conflict with small ones, and are zapped as a whole. */
static void npt_test_huge(struct kunit *test)
{
	u64 gpa = 3 * npt_span(3), pfn = 5ULL << 18, old = 0;
	struct world *w = world_create(test, 4, 0);
	struct npt_cache *cache = &w->cache;
	struct npt *npt = &w->npt;
	unsigned int level = 0;

	npt_cache_fill(cache, NPT_MAP_MAX);
	KUNIT_ASSERT_EQ(test, npt_map(npt, cache, gpa, pfn, NPT_W, NPT_1G), 0);
	KUNIT_EXPECT_EQ(test, npt->tables, 2);
	KUNIT_EXPECT_NE(test, npt_leaf(npt, gpa + npt_span(3) - 1, &level), 0);
	KUNIT_EXPECT_EQ(test, level, NPT_1G);
	KUNIT_EXPECT_EQ(test, npt_leaf(npt, gpa + npt_span(3), NULL), 0);
	KUNIT_EXPECT_EQ(test, npt_leaf(npt, gpa - 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, npt_map(npt, cache, gpa, pfn, 0, NPT_2M), -EBUSY);
	KUNIT_EXPECT_EQ(test, npt_map(npt, cache, gpa, pfn, 0, NPT_4K), -EBUSY);
	/* Zapping the page before it has no effect, zapping its last page does. */
	KUNIT_EXPECT_FALSE(test, npt_change_all(npt, gpa - 4096, gpa, false, NULL, NULL));
	KUNIT_EXPECT_FALSE(test, npt_change_all(npt, gpa, gpa, false, NULL, NULL));
	KUNIT_EXPECT_TRUE(test, npt_change_all(npt, gpa + 4096, gpa + 8192, false, keep_pte,
					       &old));
	KUNIT_EXPECT_EQ(test, npt_pte_pfn(old), pfn);
	KUNIT_EXPECT_EQ(test, npt_leaf(npt, gpa, NULL), 0);
	KUNIT_EXPECT_EQ(test, npt_map(npt, cache, gpa, pfn, 0, NPT_4K), 0);
	KUNIT_EXPECT_EQ(test, npt_map(npt, cache, gpa, pfn, 0, NPT_1G), -EEXIST);
	KUNIT_EXPECT_EQ(test, npt_map(npt, cache, gpa, pfn, 0, NPT_2M), -EEXIST);
	world_destroy(w);
}

/* npt_map_leaves() skips, adds rights, and stops at conflicts. */
static void npt_test_pages(struct kunit *test)
{
	u64 leaf[4] = { npt_make_leaf(7, NPT_W, NPT_4K), 0, npt_make_leaf(9, 0, NPT_4K),
			npt_make_leaf(10, NPT_X, NPT_4K) };
	struct world *w = world_create(test, 4, 0);
	struct npt *npt = &w->npt;
	u64 gpa = 0x1fc000, pte;

	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_4K, true), -ENOSPC);
	npt_cache_fill(&w->cache, NPT_MAP_MAX);
	/* These four pages are the last of their table. */
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 5, NPT_4K, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa + 1, leaf, 1, NPT_4K, true),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, 1ULL << 48, leaf, 1, NPT_4K, true),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_4K, true), 3);
	KUNIT_EXPECT_EQ(test, npt_leaf(npt, gpa, NULL), leaf[0]);
	KUNIT_EXPECT_EQ(test, npt_leaf(npt, gpa + 0x1000, NULL), 0);
	KUNIT_EXPECT_EQ(test, npt_leaf(npt, gpa + 0x3000, NULL), leaf[3]);

	/* Rights are added, but not removed. */
	leaf[0] = npt_make_leaf(7, NPT_X, NPT_4K);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_4K, true), 0);
	pte = npt_leaf(npt, gpa, NULL);
	KUNIT_EXPECT_TRUE(test, npt_pte_writable(pte));
	KUNIT_EXPECT_FALSE(test, pte & NPT_NX);

	leaf[2] = npt_make_leaf(11, 0, NPT_4K);
	leaf[1] = npt_make_leaf(8, 0, NPT_4K);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_4K, true), -EBUSY);
	KUNIT_EXPECT_EQ(test, npt_pte_pfn(npt_leaf(npt, gpa + 0x1000, NULL)), 8);
	KUNIT_EXPECT_EQ(test, npt_pte_pfn(npt_leaf(npt, gpa + 0x2000, NULL)), 9);

	/* Without @strict, conflicting entries are skipped. */
	leaf[3] = npt_make_leaf(10, NPT_W, NPT_4K);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_4K, false), 0);
	KUNIT_EXPECT_EQ(test, npt_pte_pfn(npt_leaf(npt, gpa + 0x2000, NULL)), 9);
	KUNIT_EXPECT_TRUE(test, npt_pte_writable(npt_leaf(npt, gpa + 0x3000, NULL)));

	KUNIT_ASSERT_EQ(test, npt_map(npt, &w->cache, 0x200000, 512, 0, NPT_2M), 0);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, 0x200000, leaf, 4, NPT_4K, true),
			-EBUSY);
	world_destroy(w);
}

/* Large pages, with a table of small pages and an existing large page among them */
static void npt_test_large_run(struct kunit *test)
{
	struct world *w = world_create(test, 5, 0);
	u64 span = npt_span(NPT_2M), gpa = npt_span(NPT_1G) - 4 * span, leaf[4];
	struct npt *npt = &w->npt;
	unsigned int i, level;

	npt_cache_fill(&w->cache, NPT_MAP_MAX);
	for (i = 0; i < 4; i++)
		leaf[i] = npt_make_leaf(512 * (i + 1), NPT_W, NPT_2M);
	KUNIT_ASSERT_EQ(test, npt_map(npt, &w->cache, gpa + span, 512 * 2, 0, NPT_2M), 0);
	KUNIT_ASSERT_EQ(test, npt_map(npt, &w->cache, gpa + 2 * span, 3, 0, NPT_4K), 0);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 5, NPT_2M, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa + 4096, leaf, 1, NPT_2M, false),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_2M, true), -EEXIST);
	KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, leaf, 4, NPT_2M, false), 1);
	for (i = 0; i < 4; i++) {
		level = 0;
		npt_leaf(npt, gpa + i * span, &level);
		KUNIT_EXPECT_EQ(test, level, i == 2 ? NPT_4K : NPT_2M);
	}
	KUNIT_EXPECT_TRUE(test, npt_pte_writable(npt_leaf(npt, gpa + span, NULL)));
	world_destroy(w);
}

/* Replaces small leaves by a large one, and the reverse. */
static void npt_test_rebuild(struct kunit *test)
{
	u64 gpa = npt_span(NPT_1G), leaf = npt_make_leaf(512, NPT_W, NPT_4K);
	struct world *w = world_create(test, 4, 0);
	struct npt *npt = &w->npt;
	unsigned int level = 0, round;
	LIST_HEAD(dead);

	for (round = 0; round < 3; round++) {
		npt_cache_fill(&w->cache, NPT_MAP_MAX);
		KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, &leaf, 1, NPT_4K, true),
				1);
		KUNIT_EXPECT_EQ(test, npt_map(npt, &w->cache, gpa, 512, NPT_W, NPT_2M), -EEXIST);
		KUNIT_EXPECT_TRUE(test, npt_change_all(npt, gpa, gpa + npt_span(NPT_2M), false,
						       NULL, NULL));
		/* The empty table still conflicts. */
		KUNIT_EXPECT_EQ(test, npt_map(npt, &w->cache, gpa, 512, NPT_W, NPT_2M), -EEXIST);
		npt_zap(npt, gpa, gpa + npt_span(NPT_2M), gpa, &dead, NULL, NULL);
		npt_free_dead(&dead);
		KUNIT_EXPECT_EQ(test, npt_map(npt, &w->cache, gpa, 512, NPT_W, NPT_2M), 0);
		KUNIT_EXPECT_NE(test, npt_leaf(npt, gpa + 0x5000, &level), 0);
		KUNIT_EXPECT_EQ(test, level, NPT_2M);
		KUNIT_EXPECT_EQ(test, npt_map_cached(npt, &w->cache, gpa, &leaf, 1, NPT_4K, true),
				-EBUSY);
		KUNIT_EXPECT_TRUE(test, npt_change_all(npt, gpa + 0x5000, gpa + 0x6000, false, NULL,
						       NULL));
		check_tables(w);
	}
	world_destroy(w);
}

static unsigned int list_length(const struct list_head *list)
{
	const struct list_head *at;
	unsigned int n = 0;

	list_for_each(at, list)
		n++;
	return n;
}

static void npt_test_detach(struct kunit *test)
{
	struct world *w = world_create(test, 5, 0);
	struct npt *npt = &w->npt;
	LIST_HEAD(dead);

	npt_cache_fill(&w->cache, NPT_MAP_MAX);
	KUNIT_ASSERT_EQ(test, npt_map(npt, &w->cache, 0x1000, 1, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, npt->tables, 5);
	KUNIT_EXPECT_TRUE(test, npt_change_all(npt, 0, ~0ULL, false, NULL, NULL));
	/* empty, but not entirely within the range */
	npt_zap(npt, 0, npt_span(2) - 1, 0, &dead, NULL, NULL);
	npt_zap(npt, 1, ~0ULL, 1, &dead, NULL, NULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&dead));
	KUNIT_EXPECT_EQ(test, npt->tables, 5);
	npt_zap(npt, 0, npt_span(2), 0, &dead, NULL, NULL);
	KUNIT_EXPECT_EQ(test, list_length(&dead), 1);
	npt_zap(npt, 0, ~0ULL, 0, &dead, NULL, NULL);
	KUNIT_EXPECT_EQ(test, list_length(&dead), 4);
	/* Only the root remains linked, and no page has been freed. */
	KUNIT_EXPECT_EQ(test, npt->tables, 1);
	KUNIT_EXPECT_EQ(test, test_pages, 5 + (long)w->cache.nr);
	npt_free_dead(&dead);
	KUNIT_EXPECT_EQ(test, test_pages, 1 + (long)w->cache.nr);
	world_destroy(w);
}

/* Entries above a leaf must not restrict it. */
static void npt_test_table_rights(struct kunit *test)
{
	u64 want = NPT_PRESENT | NPT_WRITE | NPT_USER;
	struct world *w = world_create(test, 5, 0);
	u64 *table = w->npt.root;
	unsigned int level;

	npt_cache_fill(&w->cache, NPT_MAP_MAX);
	KUNIT_ASSERT_EQ(test, npt_map(&w->npt, &w->cache, 0, 3, 0, 1), 0);
	for (level = 5; level > NPT_4K; level--) {
		KUNIT_EXPECT_EQ(test, table[0] & want, want);
		KUNIT_EXPECT_EQ(test, table[0] & (NPT_NX | NPT_PSE), 0);
		table = child_table(table[0]);
	}
	KUNIT_EXPECT_EQ(test, table[0] & (NPT_WRITE | NPT_NX), NPT_NX);
	world_destroy(w);
}

static struct kunit_case npt_test_cases[] = {
	KUNIT_CASE(npt_test_init),
	KUNIT_CASE(npt_test_bad_args),
	KUNIT_CASE(npt_test_cache_dry),
	KUNIT_CASE(npt_test_accessed_dirty),
	KUNIT_CASE(npt_test_huge),
	KUNIT_CASE(npt_test_pages),
	KUNIT_CASE(npt_test_large_run),
	KUNIT_CASE(npt_test_rebuild),
	KUNIT_CASE(npt_test_detach),
	KUNIT_CASE(npt_test_table_rights),
	KUNIT_CASE(npt_test_random),
	{}
};

static struct kunit_suite npt_test_suite = {
	.name = "svmvcpu_npt",
	.test_cases = npt_test_cases,
};

kunit_test_suite(npt_test_suite);
