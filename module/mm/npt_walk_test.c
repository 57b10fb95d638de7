// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of npt_next() and npt_zap() on large ranges, linked with npt.c from
 * npt_test.c.
 */
#include <kunit/test.h>
#include <linux/list.h>

#include "npt_test.h"

struct walk_world {
	struct npt npt;
	struct npt_cache cache;
	struct list_head dead;
};

static int npt_walk_init(struct kunit *test)
{
	struct walk_world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	if (!w)
		return -ENOMEM;
	test->priv = w;
	INIT_LIST_HEAD(&w->dead);
	return npt_init(&w->npt, 4);
}

static void npt_walk_exit(struct kunit *test)
{
	struct walk_world *w = test->priv;

	npt_free_dead(&w->dead);
	npt_cache_drain(&w->cache);
	npt_destroy(&w->npt);
	KUNIT_EXPECT_EQ(test, w->npt.tables, 0UL);
}

static void map(struct kunit *test, u64 gpa)
{
	struct walk_world *w = test->priv;

	KUNIT_ASSERT_EQ(test, npt_cache_fill(&w->cache, NPT_MAP_MAX), 0);
	KUNIT_ASSERT_EQ(test, npt_map(&w->npt, &w->cache, gpa, 0x1234, NPT_W, NPT_4K), 0);
}

/* Returns the number of calls. */
static unsigned int detach(struct walk_world *w, u64 start, u64 end)
{
	unsigned int calls = 0;
	u64 at = start;

	do {
		at = npt_zap(&w->npt, start, end, at, &w->dead, NULL, NULL);
		calls++;
	} while (at < end);
	return calls;
}

/* npt_next() finds each mapping, and skips the gaps. */
static void npt_walk_next(struct kunit *test)
{
	static const u64 at[] = { 0x3000, 0x40000000, 0x7fc0200000, 0xfffffff000 };
	struct walk_world *w = test->priv;
	struct npt *npt = &w->npt;
	u64 gpa = 0;
	int i;

	KUNIT_EXPECT_EQ(test, 1ULL << 48, npt_next(npt, 0, 1ULL << 48));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		map(test, at[i]);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		u64 table = round_down(at[i], npt_span(NPT_2M));

		gpa = npt_next(npt, gpa, 1ULL << 48);
		KUNIT_EXPECT_EQ_MSG(test, table, gpa, "mapping %d", i);
		/* It does not skip addresses for which a table of leaves exists. */
		KUNIT_EXPECT_EQ(test, table + 0x1000, npt_next(npt, table + 0x1000, 1ULL << 48));
		gpa = table + npt_span(NPT_2M);
	}
	KUNIT_EXPECT_EQ(test, 1ULL << 48, npt_next(npt, gpa, 1ULL << 48));
	KUNIT_EXPECT_EQ(test, 0x40000000ULL, npt_next(npt, 0x200000, 0x40000000));
	KUNIT_EXPECT_EQ(test, 0x50000ULL, npt_next(npt, 0x50000, 0x50000));
}

/* Creates an empty table for each of @nr GiB. */
static void map_empty(struct kunit *test, unsigned int nr)
{
	struct walk_world *w = test->priv;
	unsigned int i;
	u64 gpa;

	for (i = 0; i < nr; i++) {
		gpa = i * npt_span(NPT_1G);
		map(test, gpa);
		KUNIT_EXPECT_TRUE(test, npt_change_all(&w->npt, gpa, gpa + 0x1000, false, NULL,
						       NULL));
		KUNIT_EXPECT_EQ(test, detach(w, gpa, gpa + npt_span(NPT_2M)), 1);
	}
	npt_free_dead(&w->dead);
}

/* A call visits a limited number of empty tables. */
static void npt_walk_pieces(struct kunit *test)
{
	const unsigned int nr = 6 * NPT_TABLES_MAX;
	u64 last = nr * npt_span(NPT_1G), end = 1ULL << 47, at, next;
	struct walk_world *w = test->priv;
	struct npt *npt = &w->npt;
	unsigned int calls = 0;
	unsigned long tables;

	map_empty(test, nr);
	KUNIT_EXPECT_EQ(test, npt->tables, nr + 2UL);
	map(test, last);
	for (at = 0; at < last; at = next, calls++) {
		next = npt_next(npt, at, end);
		KUNIT_ASSERT_GT(test, next, at);
		KUNIT_EXPECT_LE(test, next - at, NPT_TABLES_MAX * npt_span(NPT_1G));
	}
	KUNIT_EXPECT_EQ(test, at, last);
	KUNIT_EXPECT_GE(test, calls, 6);
	KUNIT_EXPECT_EQ(test, npt_next(npt, last + npt_span(NPT_2M), end), end);

	/* Each call detaches some; tables of addresses after the range stay. */
	tables = npt->tables;
	at = npt_zap(npt, 0, last, 0, &w->dead, NULL, NULL);
	KUNIT_EXPECT_LT(test, at, last);
	KUNIT_EXPECT_LT(test, npt->tables, tables);
	KUNIT_EXPECT_GE(test, npt->tables, tables - NPT_TABLES_MAX);
	KUNIT_EXPECT_GE(test, detach(w, 0, last), 5);
	KUNIT_EXPECT_EQ(test, npt->tables, 4UL);
	KUNIT_EXPECT_NE(test, npt_leaf(npt, last, NULL), 0ULL);
	KUNIT_EXPECT_TRUE(test, npt_change_all(npt, last, end, false, NULL, NULL));
	KUNIT_EXPECT_EQ(test, detach(w, 0, end), 1);
	KUNIT_EXPECT_EQ(test, npt->tables, 1UL);
}

/* A walk that continues in the middle of a table detaches this table, too. */
static void npt_walk_resume(struct kunit *test)
{
	const unsigned int nr = 3 * NPT_TABLES_MAX;
	struct walk_world *w = test->priv;
	struct npt *npt = &w->npt;
	unsigned int i;

	for (i = 0; i < nr; i++)
		map(test, i * npt_span(NPT_2M));
	KUNIT_EXPECT_TRUE(test, npt_change_all(npt, 0, npt_span(NPT_1G), false, NULL, NULL));
	KUNIT_EXPECT_EQ(test, npt->tables, nr + 3UL);
	/* All tables but the first, and none of the upper levels, lie in the range. */
	KUNIT_EXPECT_GE(test, detach(w, 1, ~0ULL), 4);
	KUNIT_EXPECT_EQ(test, npt->tables, 4UL);
	KUNIT_EXPECT_EQ(test, detach(w, 0, ~0ULL), 1);
	KUNIT_EXPECT_EQ(test, npt->tables, 1UL);

	for (i = 0; i < nr; i++)
		map(test, i * npt_span(NPT_2M));
	KUNIT_EXPECT_TRUE(test, npt_change_all(npt, 0, npt_span(NPT_1G), false, NULL, NULL));
	KUNIT_EXPECT_GE(test, detach(w, 0, ~0ULL), 4);
	KUNIT_EXPECT_EQ(test, npt->tables, 1UL);
}

static struct kunit_case npt_walk_cases[] = {
	KUNIT_CASE(npt_walk_next),
	KUNIT_CASE(npt_walk_pieces),
	KUNIT_CASE(npt_walk_resume),
	{}
};

static struct kunit_suite npt_walk_suite = {
	.name = "svmvcpu_npt_walk",
	.init = npt_walk_init,
	.exit = npt_walk_exit,
	.test_cases = npt_walk_cases,
};

kunit_test_suite(npt_walk_suite);
