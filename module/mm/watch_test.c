// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of watch.c: sets that store each range, sets with too many ranges, watches.
 */
#include <kunit/test.h>

#include "watch.c"

#define SPAN(from, to)	((struct span) { from, to })

static void expect_span(struct kunit *test, struct span want, struct span got)
{
	KUNIT_EXPECT_EQ(test, want.start, got.start);
	KUNIT_EXPECT_EQ(test, want.end, got.end);
}

/* Too large for the stack */
static struct span_set *new_set(struct kunit *test)
{
	struct span_set *set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, set);
	return set;
}

static void span_test_overlaps(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, span_overlaps(SPAN(0x1000, 0x3000), SPAN(0x2000, 0x4000)));
	KUNIT_EXPECT_TRUE(test, span_overlaps(SPAN(0x1000, 0x4000), SPAN(0x2000, 0x3000)));
	KUNIT_EXPECT_FALSE(test, span_overlaps(SPAN(0x1000, 0x2000), SPAN(0x2000, 0x3000)));
	KUNIT_EXPECT_FALSE(test, span_overlaps(SPAN(0x2000, 0x3000), SPAN(0x1000, 0x2000)));
	KUNIT_EXPECT_FALSE(test, span_overlaps(SPAN(0x1000, 0x4000), SPAN(0x2000, 0x2000)));
	KUNIT_EXPECT_FALSE(test, span_overlaps(SPAN(0, 0), SPAN(0, U64_MAX)));
}

static void span_test_unions(struct kunit *test)
{
	expect_span(test, SPAN(1, 9), span_union(SPAN(1, 3), SPAN(7, 9)));
	expect_span(test, SPAN(1, 9), span_union(SPAN(7, 9), SPAN(1, 3)));
	expect_span(test, SPAN(7, 9), span_union(SPAN(0, 0), SPAN(7, 9)));
	expect_span(test, SPAN(7, 9), span_union(SPAN(7, 9), SPAN(20, 10)));
}

/* The gap between two ranges is not in the set. */
static void span_test_one_by_one(struct kunit *test)
{
	struct span_set *set = new_set(test);

	KUNIT_EXPECT_FALSE(test, span_set_overlaps(set, SPAN(0, U64_MAX)));
	span_set_add(set, SPAN(0x1000, 0x2000));
	span_set_add(set, SPAN(0x8000, 0x9000));
	KUNIT_EXPECT_FALSE(test, span_set_overlaps(set, SPAN(0x2000, 0x8000)));
	KUNIT_EXPECT_TRUE(test, span_set_overlaps(set, SPAN(0x8fff, 0xa000)));
	expect_span(test, SPAN(0x1800, 0x8800), span_set_within(set, SPAN(0x1800, 0x8800)));
	span_set_remove(set, SPAN(0x1000, 0x2000));
	KUNIT_EXPECT_FALSE(test, span_set_overlaps(set, SPAN(0, 0x8000)));
	expect_span(test, SPAN(0x8000, 0x8800), span_set_within(set, SPAN(0x1800, 0x8800)));
	span_set_remove(set, SPAN(0x8000, 0x9000));
	KUNIT_EXPECT_FALSE(test, span_set_overlaps(set, SPAN(0, U64_MAX)));
}

static void span_test_equal_ones(struct kunit *test)
{
	struct span_set *set = new_set(test);

	span_set_add(set, SPAN(1, 2));
	span_set_add(set, SPAN(1, 2));
	span_set_remove(set, SPAN(1, 2));
	KUNIT_EXPECT_TRUE(test, span_set_overlaps(set, SPAN(0, 10)));
	span_set_remove(set, SPAN(1, 2));
	KUNIT_EXPECT_FALSE(test, span_set_overlaps(set, SPAN(0, 10)));
}

/* Each range is found until it is removed, in any order; the set ends up empty. */
static void span_test_too_many(struct kunit *test)
{
	const unsigned int nr = SPAN_SET_MAX + 5;
	unsigned int first, i, gone;

	for (first = 0; first < nr; first += 11) {
		struct span_set *set = new_set(test);

		for (i = 0; i < nr; i++)
			span_set_add(set, SPAN(100 * i + 10, 100 * i + 20));
		for (gone = 0; gone < nr; gone++) {
			for (i = gone; i < nr; i++) {
				unsigned int at = 100 * ((first + i) % nr);
				struct span inside = SPAN(at + 15, at + 16);

				KUNIT_EXPECT_TRUE(test, span_set_overlaps(set, inside));
			}
			i = (first + gone) % nr;
			span_set_remove(set, SPAN(100 * i + 10, 100 * i + 20));
		}
		KUNIT_EXPECT_FALSE(test, span_set_overlaps(set, SPAN(0, U64_MAX)));
	}
}

/* A watch reports what was being invalidated when it began, or is since. */
static void watch_test_marks(struct kunit *test)
{
	struct vmm_mm *vmm = kunit_kzalloc(test, sizeof(*vmm), GFP_KERNEL);
	struct hva_watch watch = { .span = SPAN(0x1000, 0x9000) };

	KUNIT_ASSERT_NOT_NULL(test, vmm);
	spin_lock_init(&vmm->lock);
	INIT_LIST_HEAD(&vmm->watches);
	init_waitqueue_head(&vmm->invalidate_wait);

	invalidate_begin(vmm, SPAN(0x2000, 0x3000));
	KUNIT_EXPECT_FALSE(test, hva_watch_begin(vmm, &watch, SPAN(0x2000, 0x3000)));
	KUNIT_EXPECT_TRUE(test, list_empty(&vmm->watches));
	KUNIT_EXPECT_TRUE(test, hva_watch_begin(vmm, &watch, SPAN(0x4000, 0x5000)));
	expect_span(test, SPAN(0x2000, 0x3000), watch.invalidated);
	invalidate_begin(vmm, SPAN(0x9000, 0xa000));
	expect_span(test, SPAN(0x2000, 0x3000), watch.invalidated);
	invalidate_begin(vmm, SPAN(0x6000, 0x7000));
	invalidate_end(vmm, SPAN(0x2000, 0x3000));
	expect_span(test, SPAN(0x2000, 0x7000), watch.invalidated);
	hva_watch_end(vmm, &watch);
	invalidate_end(vmm, SPAN(0x6000, 0x7000));
	invalidate_end(vmm, SPAN(0x9000, 0xa000));
	KUNIT_EXPECT_TRUE(test, hva_watch_begin(vmm, &watch, SPAN(0x2000, 0x3000)));
	KUNIT_EXPECT_TRUE(test, span_empty(watch.invalidated));
	hva_watch_end(vmm, &watch);
}

static struct kunit_case watch_cases[] = {
	KUNIT_CASE(span_test_overlaps),
	KUNIT_CASE(span_test_unions),
	KUNIT_CASE(span_test_one_by_one),
	KUNIT_CASE(span_test_equal_ones),
	KUNIT_CASE(span_test_too_many),
	KUNIT_CASE(watch_test_marks),
	{}
};

static struct kunit_suite watch_suite = {
	.name = "svmvcpu_watch",
	.test_cases = watch_cases,
};

kunit_test_suite(watch_suite);
