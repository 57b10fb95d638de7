// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: what of a chain of faults is kept, and how an event is described.
 */
#include <kunit/test.h>

#include "chain.c"

static void chain_test_describe(struct kunit *test)
{
	static const struct {
		u64 event;
		struct svmvcpu_fault fault;
	} cases[] = {
		{ EVENT_V | EVENT_TYPE_EXCEPTION | VEC_UD, { .vector = VEC_UD } },
		{ 0x0000000680000b0eULL, { .vector = VEC_PF, .error_code = 6, .address = 0x77,
		  .flags = SVMVCPU_EXC_ERROR_CODE | SVMVCPU_EXC_ADDRESS } },
		{ EVENT_V | EVENT_TYPE_EXCEPTION | VEC_DB, { .vector = VEC_DB, .address = 0x77,
		  .flags = SVMVCPU_EXC_ADDRESS } },
		{ 0x0000000080000b08ULL, { .vector = VEC_DF, .flags = SVMVCPU_EXC_ERROR_CODE } },
		{ EVENT_V | EVENT_TYPE_INTR | 0x30, { .vector = 0x30,
		  .flags = SVMVCPU_EXC_INTERRUPT } },
		/* INT $14 is no page fault. */
		{ EVENT_V | EVENT_TYPE_SOFT | VEC_PF, { .vector = VEC_PF,
		  .flags = SVMVCPU_EXC_INTERRUPT } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct svmvcpu_fault fault = { .address = 0x77, .rip = 1, .rsp = 2 };
		struct svmvcpu_fault want = cases[i].fault;

		want.rip = 1;
		want.rsp = 2;
		chain_describe(cases[i].event, &fault);
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(&want, &fault, sizeof(want)), "case %u", i);
	}
}

static void add(struct fault_chain *chain, unsigned int vector)
{
	const struct svmvcpu_fault where = { .rip = 0x100 + vector };

	chain_add(chain, EVENT_V | EVENT_TYPE_EXCEPTION | vector, &where);
}

/* The cause and the newest stay. */
static void chain_test_too_long(struct kunit *test)
{
	static const u8 left[] = { 1, 7, 8, 9, 10 };
	struct fault_chain chain = { };
	unsigned int i;

	for (i = 1; i <= 10; i++) {
		add(&chain, i);
		KUNIT_EXPECT_EQ(test, chain.told.nr, min(i, 5U));
		KUNIT_EXPECT_EQ(test, chain.told.left_out, i > 5 ? i - 5 : 0);
		KUNIT_EXPECT_EQ(test, chain.last & EVENT_VECTOR_MASK, (u64)i);
	}
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		KUNIT_EXPECT_EQ(test, chain.told.faults[i].vector, left[i]);
		KUNIT_EXPECT_EQ(test, chain.told.faults[i].rip, 0x100ULL + left[i]);
	}
	chain_reset(&chain);
	add(&chain, 3);
	KUNIT_EXPECT_EQ(test, chain.told.nr, 1U);
	KUNIT_EXPECT_EQ(test, chain.told.left_out, 0U);
}

static struct kunit_case chain_test_cases[] = {
	KUNIT_CASE(chain_test_describe),
	KUNIT_CASE(chain_test_too_long),
	{}
};

static struct kunit_suite chain_test_suite = {
	.name = "svmvcpu_chain",
	.test_cases = chain_test_cases,
};

kunit_test_suite(chain_test_suite);
