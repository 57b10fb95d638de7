// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of track.c. Leaves are words of an array, and a model of a guest
 * writes like a CPU: it needs the write bit and sets the dirty bit.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/prandom.h>

#include "track.c"

#define PAGES	64
#define LEAF	(NPT_PRESENT | NPT_WRITE)

struct track_world {
	struct kunit *test;
	struct dirty_track track;
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

static int change_log(struct track_world *w, u64 start, u64 end, bool log)
{
	struct interval_tree_node *spare = kmalloc(sizeof(*spare), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(w->test, spare);
	ret = log ? track_log_start(&w->track, start, end, &spare) :
		    track_log_stop(&w->track, start, end, &spare);
	kfree(spare);
	return ret;
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
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.writable));
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.undo));
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.log));
	KUNIT_EXPECT_EQ(test, w->track.saved, 0ULL);
	xa_destroy(&w->track.entries);
	change_log(w, 0, PAGES * 1000, false);
	KUNIT_EXPECT_EQ(test, w->track.nr_ranges, 0);
}

/* The state of a page after its write fault */
static struct track_entry *writable_page(struct track_world *w, u64 gfn, bool saved)
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
	track_set_writable(&w->track, entry, &w->leaf[gfn]);
	return entry;
}

/* Adds and removes random ranges, and compares with a bitmap. */
static void track_ranges_model(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct interval_tree_node *range;
	DECLARE_BITMAP(model, PAGES);
	unsigned int round, i, nr;

	bitmap_zero(model, PAGES);
	for (round = 0; round < 2000; round++) {
		u64 start = track_roll(w, PAGES), end = start + 1 + track_roll(w, PAGES - start);
		bool log = track_roll(w, 2);
		u64 next = 0;

		KUNIT_ASSERT_EQ(test, change_log(w, start, end, log), 0);
		if (log)
			bitmap_set(model, start, end - start);
		else
			bitmap_clear(model, start, end - start);
		for (i = 0; i < PAGES; i++)
			KUNIT_ASSERT_EQ(test, track_covers(&w->track, i, i + 1),
					test_bit(i, model));
		nr = 0;
		for (range = interval_tree_iter_first(&w->track.ranges, 0, ULONG_MAX); range;
		     range = interval_tree_iter_next(range, 0, ULONG_MAX), nr++) {
			/* Adjacent ranges are merged. */
			KUNIT_ASSERT_TRUE(test, !nr || range->start > next);
			next = range->last + 1;
		}
		KUNIT_ASSERT_EQ(test, nr, w->track.nr_ranges);
		KUNIT_EXPECT_EQ(test, track_covers(&w->track, start, end),
				find_next_bit(model, end, start) < end);
	}
}

static void track_ranges_limit(struct kunit *test)
{
	struct track_world *w = test->priv;
	unsigned int i;

	for (i = 0; i < TRACK_MAX_RANGES; i++)
		KUNIT_EXPECT_EQ(test, change_log(w, 10 * i, 10 * i + 5, true), 0);
	KUNIT_EXPECT_EQ(test, change_log(w, 7, 8, true), -ENOSPC);
	/* A hole splits a range in two. */
	KUNIT_EXPECT_EQ(test, change_log(w, 1, 2, false), -ENOSPC);
	KUNIT_EXPECT_EQ(test, w->track.nr_ranges, TRACK_MAX_RANGES);
	KUNIT_EXPECT_TRUE(test, track_covers(&w->track, 1, 2));
	KUNIT_EXPECT_FALSE(test, track_covers(&w->track, 7, 8));
	/* A range that closes a gap merges its neighbors. */
	KUNIT_EXPECT_EQ(test, change_log(w, 5, 10, true), 0);
	KUNIT_EXPECT_EQ(test, w->track.nr_ranges, TRACK_MAX_RANGES - 1);
}

/* One write is reported once to each consumer. */
static void track_dirty_once(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry;
	u64 pte;

	KUNIT_ASSERT_EQ(test, change_log(w, 0, 8, true), 0);
	entry = writable_page(w, 3, true);
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_CLEAN);
	w->leaf[3] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_DIRTY);
	KUNIT_EXPECT_TRUE(test, pte & NPT_DIRTY);
	KUNIT_EXPECT_EQ(test, w->leaf[3], LEAF);
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_CLEAN);

	track_dirty(&w->track, entry);
	track_dirty(&w->track, entry);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&w->track.undo));
	KUNIT_EXPECT_TRUE(test, list_is_singular(&w->track.log));
	/* Not on the undo list without a copy, nor on the log outside of logged ranges. */
	entry = writable_page(w, 9, false);
	track_dirty(&w->track, entry);
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->undo));
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->log));
}

/* A page that stays clean is write-protected, then removed; a write adds it again. */
static void track_idle(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry = writable_page(w, 5, true);
	unsigned int i;
	u64 pte;

	for (i = 1; i < TRACK_IDLE_MAX; i++)
		KUNIT_ASSERT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_CLEAN);
	w->leaf[5] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_DIRTY);
	for (i = 1; i < TRACK_IDLE_MAX; i++)
		KUNIT_ASSERT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_CLEAN);
	KUNIT_EXPECT_EQ(test, w->leaf[5], LEAF);
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_PROTECTED);
	KUNIT_EXPECT_EQ(test, w->leaf[5], NPT_PRESENT);
	KUNIT_EXPECT_FALSE(test, list_empty(&entry->writable));

	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_CLEAN);
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->writable));
	KUNIT_EXPECT_NOT_NULL(test, entry->saved);
	writable_page(w, 5, true);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&w->track.writable));
}

/* A CPU sets the dirty bit just after the write bit was cleared. */
static void track_late_write(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry = writable_page(w, 5, true);
	u64 pte;

	while (track_test_and_clear_dirty(entry, &pte) != TRACK_PROTECTED)
		;
	w->leaf[5] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_DIRTY);
	KUNIT_EXPECT_FALSE(test, pte & NPT_WRITE);
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_CLEAN);
	KUNIT_EXPECT_TRUE(test, list_empty(&entry->writable));
}

/* A zap preserves the dirty bit. */
static void track_zap(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *clean = writable_page(w, 1, true), *dirty = writable_page(w, 2, true);

	track_leaf_changed(&w->track, clean, LEAF, true);
	track_leaf_changed(&w->track, dirty, LEAF | NPT_DIRTY, true);
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.writable));
	KUNIT_EXPECT_TRUE(test, list_empty(&clean->undo));
	KUNIT_EXPECT_FALSE(test, list_empty(&dirty->undo));
	KUNIT_EXPECT_NULL(test, clean->slot);
	/* A write-protected page stays on the list for one more pass. */
	clean = writable_page(w, 1, true);
	track_leaf_changed(&w->track, clean, LEAF | NPT_DIRTY, false);
	KUNIT_EXPECT_FALSE(test, list_empty(&clean->writable));
	KUNIT_EXPECT_FALSE(test, list_empty(&clean->undo));
}

/* Removing an entry sets the dirty bit of its leaf, since the page may be dirty. */
static void track_forget(struct kunit *test)
{
	struct track_world *w = test->priv;
	struct track_entry *entry = writable_page(w, 4, true);
	u64 pte;

	w->leaf[4] |= NPT_DIRTY;
	KUNIT_EXPECT_EQ(test, track_test_and_clear_dirty(entry, &pte), TRACK_DIRTY);
	track_dirty(&w->track, entry);
	track_drop_saved(&w->track, entry);
	KUNIT_EXPECT_NULL(test, entry->saved);
	KUNIT_EXPECT_TRUE(test, list_empty(&w->track.undo));
	KUNIT_EXPECT_EQ(test, w->track.saved, 0ULL);
	track_remove(&w->track, entry);
	track_entry_free(entry);
	KUNIT_EXPECT_EQ(test, w->leaf[4], LEAF | NPT_DIRTY);
	KUNIT_EXPECT_NULL(test, track_find(&w->track, 4));
}

/* The guest writes a page, which may fault. */
static void model_write(struct track_world *w, u64 gfn, unsigned long *undo, unsigned long *log)
{
	if (!(w->leaf[gfn] & NPT_WRITE))
		writable_page(w, gfn, true);
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

/* Both consumers visit the writable pages first, then their own list. */
static void model_collect(struct track_world *w, bool undo, unsigned long *found)
{
	struct list_head *list = undo ? &w->track.undo : &w->track.log;
	struct track_entry *entry, *next;
	u64 pte;

	list_for_each_entry_safe(entry, next, &w->track.writable, writable)
		if (track_test_and_clear_dirty(entry, &pte) == TRACK_DIRTY)
			track_dirty(&w->track, entry);
	while (!list_empty(list)) {
		entry = undo ? list_first_entry(list, struct track_entry, undo) :
			       list_first_entry(list, struct track_entry, log);
		list_del_init(undo ? &entry->undo : &entry->log);
		set_bit(entry->gfn, found);
	}
}

/* Each consumer gets each written page exactly once. */
static void track_model(struct kunit *test)
{
	DECLARE_BITMAP(undo, PAGES) = { };
	DECLARE_BITMAP(found, PAGES);
	DECLARE_BITMAP(log, PAGES) = { };
	struct track_world *w = test->priv;
	unsigned int round;

	KUNIT_ASSERT_EQ(test, change_log(w, 0, PAGES, true), 0);
	for (round = 0; round < 20000; round++) {
		u32 what = track_roll(w, 16);
		unsigned long *model = what == 15 ? undo : log;

		if (what < 12) {
			model_write(w, track_roll(w, PAGES / (1 + what % 4)), undo, log);
		} else if (what < 14) {
			model_zap(w, track_roll(w, PAGES));
		} else {
			bitmap_zero(found, PAGES);
			model_collect(w, what == 15, found);
			KUNIT_ASSERT_TRUE(test, bitmap_equal(found, model, PAGES));
			bitmap_zero(model, PAGES);
		}
	}
}

static struct kunit_case track_cases[] = {
	KUNIT_CASE(track_ranges_model),
	KUNIT_CASE(track_ranges_limit),
	KUNIT_CASE(track_dirty_once),
	KUNIT_CASE(track_idle),
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
