// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of track.c. Leaves are words of an array here, and a model of a
 * guest writes to them as a CPU does: the write bit must be there, the dirty bit
 * is left behind.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/prandom.h>

#include "track.c"

#define PAGES	64
#define LEAF	(NPT_PRESENT | NPT_WRITE)

struct track_world {
	struct kunit *test;
	struct guest_track track;
	struct rnd_state rnd;
	u64 leaf[PAGES];
};

static u32 track_roll(struct track_world *w, u32 below)
{
	return prandom_u32_state(&w->rnd) % below;
}

static int track_test_init(struct kunit *test)
{
	struct track_world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	if (!w)
		return -ENOMEM;
	w->test = test;
	prandom_seed_state(&w->rnd, 27);
	track_init(&w->track);
	test->priv = w;
	return 0;
}

static void track_test_exit(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry;
	unsigned long gfn;

	xa_for_each(&w->track.entries, gfn, entry) {
		track_remove(&w->track, entry);
		track_entry_free(entry);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.hot));
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.undo));
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.log));
	KUNIT_EXPECT_EQ(test, w->track.saved, 0ULL);
	xa_destroy(&w->track.entries);
	kfree(w->track.ranges);
}

static void log_pages(struct track_world *w, u64 start, u64 end)
{
	struct track_ranges *ranges;

	ranges = track_ranges_with(w->track.ranges, (struct track_range) { start, end });
	KUNIT_ASSERT_FALSE(w->test, IS_ERR(ranges));
	kfree(w->track.ranges);
	w->track.ranges = ranges;
}

/* A page as the write fault leaves it */
static struct track_entry *hot_page(struct track_world *w, u64 gfn, bool saved)
{
	struct track_entry *entry = track_find(&w->track, gfn);

	if (!entry) {
		entry = track_entry_alloc(gfn);
		KUNIT_ASSERT_NOT_NULL(w->test, entry);
		KUNIT_ASSERT_EQ(w->test, xa_reserve(&w->track.entries, gfn, GFP_KERNEL), 0);
		KUNIT_ASSERT_EQ(w->test, track_add(&w->track, entry), 0);
	}
	if (saved && !entry->saved) {
		entry->saved = (void *)__get_free_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(w->test, entry->saved);
		w->track.saved++;
	}
	w->leaf[gfn] = LEAF | (w->leaf[gfn] & NPT_DIRTY);
	track_heat(&w->track, entry, &w->leaf[gfn]);
	return entry;
}

/* Ranges come and go at random; a bitmap says what they should be. */
static void track_ranges_model(struct kunit *test)
{
	struct track_world *w = test->priv;
	DECLARE_BITMAP(model, PAGES);
	unsigned int round, i;

	bitmap_zero(model, PAGES);
	for (round = 0; round < 2000; round++) {
		u64 start = track_roll(w, PAGES), end = start + 1 + track_roll(w, PAGES - start);
		struct track_range range = { start, end };
		bool add = track_roll(w, 2);
		struct track_ranges *new;

		new = add ? track_ranges_with(w->track.ranges, range) :
			    track_ranges_without(w->track.ranges, range);
		KUNIT_ASSERT_FALSE(test, IS_ERR(new));
		kfree(w->track.ranges);
		w->track.ranges = new;
		if (add)
			bitmap_set(model, start, end - start);
		else
			bitmap_clear(model, start, end - start);
		for (i = 0; i < PAGES; i++)
			KUNIT_ASSERT_EQ(test, track_logs(&w->track, i), test_bit(i, model));
		/* Neighbors are one, so there are as few as there can be. */
		for (i = 1; i < new->nr; i++)
			KUNIT_ASSERT_LT(test, new->range[i - 1].end, new->range[i].start);
		KUNIT_EXPECT_EQ(test, track_overlaps(&w->track, start, end),
				find_next_bit(model, end, start) < end);
	}
}

static void track_ranges_limit(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_ranges *ranges;
	unsigned int i;

	for (i = 0; i < TRACK_MAX_RANGES; i++)
		log_pages(w, 10 * i, 10 * i + 5);
	ranges = track_ranges_with(w->track.ranges, (struct track_range) { 7, 8 });
	KUNIT_EXPECT_PTR_EQ(test, ranges, ERR_PTR(-ENOSPC));
	/* A hole makes two of one. */
	ranges = track_ranges_without(w->track.ranges, (struct track_range) { 1, 2 });
	KUNIT_EXPECT_PTR_EQ(test, ranges, ERR_PTR(-ENOSPC));
	/* What closes a gap makes one of two. */
	log_pages(w, 5, 10);
	KUNIT_EXPECT_EQ(test, w->track.ranges->nr, TRACK_MAX_RANGES - 1);
}

/* Written once, it is dirty once, for each of the two who ask. */
static void track_dirty_once(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry;
	u64 pte;

	log_pages(w, 0, 8);
	entry = hot_page(w, 3, true);
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_CLEAN);
	w->leaf[3] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_DIRTY);
	KUNIT_EXPECT_TRUE(test, pte & NPT_DIRTY);
	KUNIT_EXPECT_EQ(test, w->leaf[3], LEAF);
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_CLEAN);

	track_dirty(&w->track, entry);
	track_dirty(&w->track, entry);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&w->track.undo));
	KUNIT_EXPECT_TRUE(test, list_is_singular(&w->track.log));
	/* Without a copy there is nothing to undo, without a log nothing to tell. */
	entry = hot_page(w, 9, false);
	track_dirty(&w->track, entry);
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->undo));
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->log));
}

/* Clean for long enough it becomes read-only, then leaves; writing brings it back. */
static void track_cools_down(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry = hot_page(w, 5, true);
	unsigned int i;
	u64 pte;

	for (i = 1; i < TRACK_IDLE_MAX; i++)
		KUNIT_ASSERT_EQ(test, track_harvest(entry, &pte), TRACK_CLEAN);
	w->leaf[5] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_DIRTY);
	for (i = 1; i < TRACK_IDLE_MAX; i++)
		KUNIT_ASSERT_EQ(test, track_harvest(entry, &pte), TRACK_CLEAN);
	KUNIT_EXPECT_EQ(test, w->leaf[5], LEAF);
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_RESTED);
	KUNIT_EXPECT_EQ(test, w->leaf[5], NPT_PRESENT);
	KUNIT_EXPECT_FALSE(test, list_empty(&entry->hot));

	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_CLEAN);
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->hot));
	KUNIT_EXPECT_NOT_NULL(test, entry->saved);
	hot_page(w, 5, true);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&w->track.hot));
}

/* A CPU that was just about to write when the write bit went */
static void track_late_write(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry = hot_page(w, 5, true);
	u64 pte;

	while (track_harvest(entry, &pte) != TRACK_RESTED)
		;
	w->leaf[5] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_DIRTY);
	KUNIT_EXPECT_FALSE(test, pte & NPT_WRITE);
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_CLEAN);
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->hot));
}

/* A zap takes the dirty bit along, but nothing else. */
static void track_zap(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *clean = hot_page(w, 1, true), *dirty = hot_page(w, 2, true);

	track_leaf_changed(&w->track, clean, LEAF, true);
	track_leaf_changed(&w->track, dirty, LEAF | NPT_DIRTY, true);
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.hot));
	KUNIT_EXPECT_TRUE(test, list_empty(&clean->undo));
	KUNIT_EXPECT_FALSE(test, list_empty(&dirty->undo));
	KUNIT_EXPECT_NULL(test, clean->slot);
	/* Made read-only it stays for one more harvest. */
	clean = hot_page(w, 1, true);
	track_leaf_changed(&w->track, clean, LEAF | NPT_DIRTY, false);
	KUNIT_EXPECT_FALSE(test, list_empty(&clean->hot));
	KUNIT_EXPECT_FALSE(test, list_empty(&clean->undo));
}

/* Who forgets a page leaves a leaf that still says that it may be dirty. */
static void track_forget(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry = hot_page(w, 4, true);
	void *saved;
	u64 pte;

	w->leaf[4] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_harvest(entry, &pte), TRACK_DIRTY);
	track_dirty(&w->track, entry);
	saved = track_drop_saved(&w->track, entry);
	KUNIT_EXPECT_NOT_NULL(test, saved);
	free_page((unsigned long)saved);
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.undo));
	KUNIT_EXPECT_EQ(test, w->track.saved, 0ULL);
	track_remove(&w->track, entry);
	track_entry_free(entry);
	KUNIT_EXPECT_EQ(test, w->leaf[4], LEAF | NPT_DIRTY);
	KUNIT_EXPECT_NULL(test, track_find(&w->track, 4));
}

/* The guest writes one page, if need be by a fault. */
static void model_write(struct track_world *w, u64 gfn, unsigned long *undo, unsigned long *log)
{
	if (!(w->leaf[gfn] & NPT_WRITE))
		hot_page(w, gfn, true);
	w->leaf[gfn] |= NPT_DIRTY;
	set_bit(gfn, undo);
	set_bit(gfn, log);
}

static void model_zap(struct track_world *w, u64 gfn)
{
	struct track_entry *entry = track_find(&w->track, gfn);

	if (entry)
		track_leaf_changed(&w->track, entry, w->leaf[gfn], true);
	w->leaf[gfn] = 0;
}

/* What both consumers do: the hot ones first, then their own list */
static void model_harvest(struct track_world *w, bool undo, unsigned long *found)
{
	struct list_head *list = undo ? &w->track.undo : &w->track.log;
	struct track_entry *entry, *next;
	u64 pte;

	list_for_each_entry_safe(entry, next, &w->track.hot, hot)
		if (track_harvest(entry, &pte) == TRACK_DIRTY)
			track_dirty(&w->track, entry);
	while (!list_empty(list)) {
		entry = undo ? list_first_entry(list, struct track_entry, undo) :
			       list_first_entry(list, struct track_entry, log);
		list_del_init(undo ? &entry->undo : &entry->log);
		set_bit(entry->gfn, found);
	}
}

/* Neither loses a page, nor hears of one twice, whatever the other does. */
static void track_model(struct kunit *test)
{
	DECLARE_BITMAP(undo, PAGES) = { };
	DECLARE_BITMAP(found, PAGES);
	DECLARE_BITMAP(log, PAGES) = { };
	struct track_world *w = test->priv;
	unsigned int round;

	log_pages(w, 0, PAGES);
	for (round = 0; round < 20000; round++) {
		u32 what = track_roll(w, 16);
		unsigned long *model = what == 15 ? undo : log;

		if (what < 12) {
			model_write(w, track_roll(w, PAGES / (1 + what % 4)), undo, log);
		} else if (what < 14) {
			model_zap(w, track_roll(w, PAGES));
		} else {
			bitmap_zero(found, PAGES);
			model_harvest(w, what == 15, found);
			KUNIT_ASSERT_TRUE(test, bitmap_equal(found, model, PAGES));
			bitmap_zero(model, PAGES);
		}
	}
}

static struct kunit_case track_cases[] = {
	KUNIT_CASE(track_ranges_model),
	KUNIT_CASE(track_ranges_limit),
	KUNIT_CASE(track_dirty_once),
	KUNIT_CASE(track_cools_down),
	KUNIT_CASE(track_late_write),
	KUNIT_CASE(track_zap),
	KUNIT_CASE(track_forget),
	KUNIT_CASE(track_model),
	{}
};

static struct kunit_suite track_suite = {
	.name = "svmvcpu_track",
	.init = track_test_init,
	.exit = track_test_exit,
	.test_cases = track_cases,
};

kunit_test_suite(track_suite);
