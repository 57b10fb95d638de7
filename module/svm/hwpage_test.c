// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: no page for the CPU's own state lies at a multiple of 2 MiB.
 */
#include <kunit/test.h>

#include "hwpage.c"

/* 16 MiB: the allocator hands out whole blocks of 2 MiB and more on the way. */
#define MANY	4096

static void hwpage_free_all(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

static void expect_good(struct kunit *test, const struct page *page)
{
	KUNIT_EXPECT_NE(test, page_to_pfn(page) % 512, 0UL);
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, PAGE_SIZE));
}

static void hwpage_test_alloc(struct kunit *test)
{
	LIST_HEAD(pages);
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		struct page *page = hwpage_alloc(GFP_KERNEL);

		if (!page)
			break;
		expect_good(test, page);
		list_add(&page->lru, &pages);
	}
	hwpage_free_all(&pages);
	KUNIT_EXPECT_EQ(test, i, MANY);
}

/* The pairs on both sides of a multiple of 2 MiB, and the one at it */
static void hwpage_test_keep_one(struct kunit *test)
{
	static const struct {
		unsigned int pair;
		unsigned int kept;
	} cases[] = {
		{ 510, 510 },
		{ 511, 511 },
		{ 512, 513 },
		{ 513, 513 },
	};
	struct page *block = alloc_pages(GFP_KERNEL, 10);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, block);
	split_page(block, 10);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct page *pair = block + cases[i].pair;

		/* So that the one that is freed stays here */
		get_page(pair);
		get_page(pair + 1);
		KUNIT_EXPECT_PTR_EQ(test, keep_one(pair), block + cases[i].kept);
		for (j = 0; j < 2; j++) {
			bool kept = cases[i].pair + j == cases[i].kept;

			KUNIT_EXPECT_EQ(test, page_count(pair + j), kept ? 2 : 1);
			if (kept)
				put_page(pair + j);
		}
	}
	for (i = 0; i < 1024; i++)
		__free_page(block + i);
}

static struct kunit_case hwpage_test_cases[] = {
	KUNIT_CASE(hwpage_test_alloc),
	KUNIT_CASE(hwpage_test_keep_one),
	{}
};

static struct kunit_suite hwpage_test_suite = {
	.name = "svmvcpu_hwpage",
	.test_cases = hwpage_test_cases,
};

kunit_test_suite(hwpage_test_suite);
