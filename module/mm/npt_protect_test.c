// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of npt_protect() and npt_slot(), linked with npt.c from npt_test.c.
 */
#include <kunit/test.h>

#include "npt_test.h"

#define BASE	(5ULL << 30)

struct protect_world {
	struct npt npt;
	struct npt_cache cache;
	unsigned int told;
	unsigned int dirty;
	u64 last;
	unsigned int level;
};

static int npt_protect_test_init(struct kunit *test)
{
	struct protect_world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	if (!w)
		return -ENOMEM;
	test->priv = w;
	return npt_init(&w->npt, 4);
}

static void npt_protect_test_exit(struct kunit *test)
{
	struct protect_world *w = test->priv;

	npt_cache_drain(&w->cache);
	npt_destroy(&w->npt);
}

static void map(struct kunit *test, u64 gpa, unsigned int prot, unsigned int level)
{
	struct protect_world *w = test->priv;

	KUNIT_ASSERT_EQ(test, npt_cache_fill(&w->cache, NPT_MAP_MAX), 0);
	KUNIT_ASSERT_EQ(test, npt_map(&w->npt, &w->cache, gpa, 0x80000 + (gpa >> 12), prot,
				      level), 0);
}

static void note(void *ctx, u64 gpa, u64 old, unsigned int level)
{
	struct protect_world *w = ctx;

	w->told++;
	w->dirty += !!(old & NPT_DIRTY);
	w->last = gpa;
	w->level = level;
}

static void npt_slot_finds(struct kunit *test)
{
	struct protect_world *w = test->priv;
	unsigned int level;

	KUNIT_EXPECT_NULL(test, npt_slot(&w->npt, BASE, &level));
	map(test, BASE + 0x5000, NPT_W, NPT_4K);
	KUNIT_EXPECT_EQ(test, *npt_slot(&w->npt, BASE + 0x5fff, &level),
			npt_leaf(&w->npt, BASE + 0x5000, NULL));
	KUNIT_EXPECT_EQ(test, level, NPT_4K);
	/* There is a table, but no leaf. */
	KUNIT_EXPECT_EQ(test, *npt_slot(&w->npt, BASE + 0x6000, &level), 0ULL);
	map(test, BASE + (4 << 20), NPT_W, NPT_2M);
	KUNIT_EXPECT_TRUE(test, *npt_slot(&w->npt, BASE + (5 << 20), &level) & NPT_PSE);
	KUNIT_EXPECT_EQ(test, level, NPT_2M);
}

/* Changes only leaves in the range that are writable or dirty. */
static void npt_protect_pages(struct kunit *test)
{
	struct protect_world *w = test->priv;
	unsigned int level;
	u64 i, pte;

	for (i = 0; i < 8; i++)
		map(test, BASE + (i << 12), i % 2 ? NPT_W | NPT_X : NPT_X, NPT_4K);
	*npt_slot(&w->npt, BASE + 0x3000, &level) |= NPT_DIRTY | NPT_ACCESSED;
	KUNIT_EXPECT_TRUE(test, npt_change_all(&w->npt, BASE + 0x2000, BASE + 0x6000, true, note,
					       w));
	KUNIT_EXPECT_EQ(test, w->told, 2);
	KUNIT_EXPECT_EQ(test, w->dirty, 1);
	KUNIT_EXPECT_EQ(test, w->last, BASE + 0x5000);
	for (i = 0; i < 8; i++) {
		pte = npt_leaf(&w->npt, BASE + (i << 12), &level);
		KUNIT_EXPECT_EQ(test, npt_pte_writable(pte), i == 1 || i == 7);
		KUNIT_EXPECT_EQ(test, npt_pte_pfn(pte), 0x80000 + (BASE >> 12) + i);
		KUNIT_EXPECT_FALSE(test, pte & (NPT_DIRTY | NPT_NX));
	}
	KUNIT_EXPECT_TRUE(test, npt_leaf(&w->npt, BASE + 0x3000, NULL) & NPT_ACCESSED);
	/* A second call changes nothing. */
	KUNIT_EXPECT_FALSE(test, npt_change_all(&w->npt, BASE + 0x2000, BASE + 0x6000, true, note,
						w));
	KUNIT_EXPECT_EQ(test, w->told, 2);
	/* A CPU may set the dirty bit after the write bit was cleared. */
	*npt_slot(&w->npt, BASE + 0x3000, &level) |= NPT_DIRTY;
	KUNIT_EXPECT_TRUE(test, npt_change_all(&w->npt, BASE, BASE + 0x4000, true, note, w));
	KUNIT_EXPECT_EQ(test, w->dirty, 2);
	/* A write fault makes the page writable again. */
	map(test, BASE + 0x3000, NPT_W | NPT_X, NPT_4K);
	KUNIT_EXPECT_TRUE(test, npt_pte_writable(npt_leaf(&w->npt, BASE + 0x3000, NULL)));
}

/* Across tables, gaps and levels */
static void npt_protect_far(struct kunit *test)
{
	struct protect_world *w = test->priv;

	map(test, BASE + (1 << 21) - 0x1000, NPT_W, NPT_4K);
	map(test, BASE + (1 << 21), NPT_W, NPT_4K);
	map(test, BASE + (4 << 20), NPT_W, NPT_2M);
	map(test, BASE + (6 << 20), 0, NPT_2M);
	map(test, BASE + (1ULL << 36), NPT_W, NPT_4K);
	KUNIT_EXPECT_TRUE(test, npt_change_all(&w->npt, 0, 1ULL << 47, true, note, w));
	KUNIT_EXPECT_EQ(test, w->told, 4);
	/* A writable large leaf is zapped; a read-only one stays. */
	KUNIT_EXPECT_EQ(test, npt_leaf(&w->npt, BASE + (4 << 20), NULL), 0ULL);
	KUNIT_EXPECT_NE(test, npt_leaf(&w->npt, BASE + (6 << 20), NULL), 0ULL);
	KUNIT_EXPECT_FALSE(test, npt_change_all(&w->npt, 0, 1ULL << 47, true, note, w));
}

/* A large leaf is zapped even if only half of it is in the range. */
static void npt_protect_half(struct kunit *test)
{
	struct protect_world *w = test->priv;

	map(test, BASE + (4 << 20), NPT_W, NPT_2M);
	KUNIT_EXPECT_TRUE(test, npt_change_all(&w->npt, BASE + (5 << 20),
					       BASE + (5 << 20) + 0x1000, true, note, w));
	KUNIT_EXPECT_EQ(test, w->last, BASE + (4 << 20));
	KUNIT_EXPECT_EQ(test, w->level, NPT_2M);
	KUNIT_EXPECT_EQ(test, npt_leaf(&w->npt, BASE + (4 << 20), NULL), 0ULL);
}

static struct kunit_case npt_protect_cases[] = {
	KUNIT_CASE(npt_slot_finds),
	KUNIT_CASE(npt_protect_pages),
	KUNIT_CASE(npt_protect_far),
	KUNIT_CASE(npt_protect_half),
	{}
};

static struct kunit_suite npt_protect_suite = {
	.name = "svmvcpu_npt_protect",
	.init = npt_protect_test_init,
	.exit = npt_protect_test_exit,
	.test_cases = npt_protect_cases,
};

kunit_test_suite(npt_protect_suite);
