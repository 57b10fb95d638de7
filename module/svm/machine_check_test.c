// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: which machine check a guest is to blame for. All others are the host's.
 */
#include <kunit/test.h>

#include "machine_check.c"

static void machine_check_test_multi_match(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, is_multi_match(0xb600000000010015ULL));
	/* An earlier error was overwritten. */
	KUNIT_EXPECT_TRUE(test, is_multi_match(0xf600000000010015ULL));
	KUNIT_EXPECT_FALSE(test, is_multi_match(0));
}

/* Any other bit that differs makes it an error of the host's. */
static void machine_check_test_others(struct kunit *test)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		bool same = is_multi_match(0xb600000000010015ULL ^ BIT_ULL(bit));

		KUNIT_EXPECT_EQ_MSG(test, same, bit == 62, "bit %u", bit);
	}
}

static struct kunit_case machine_check_test_cases[] = {
	KUNIT_CASE(machine_check_test_multi_match),
	KUNIT_CASE(machine_check_test_others),
	{}
};

static struct kunit_suite machine_check_test_suite = {
	.name = "svmvcpu_machine_check",
	.test_cases = machine_check_test_cases,
};

kunit_test_suite(machine_check_test_suite);
