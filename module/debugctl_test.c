// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: what of the host's DEBUGCTL a guest does not run with.
 */
#include <kunit/test.h>

#include "debugctl.h"

/* LBR, BTF and the trap for bus locks; perf's FREEZE_LBRS_ON_PMI is not touched. */
static void debugctl_test_bits(struct kunit *test)
{
	unsigned int bit;

	KUNIT_EXPECT_EQ(test, debugctl_to_clear(0), 0ULL);
	for (bit = 0; bit < 64; bit++)
		KUNIT_EXPECT_EQ_MSG(test, debugctl_to_clear(BIT_ULL(bit)),
				    bit < 3 ? BIT_ULL(bit) : 0, "bit %u", bit);
	KUNIT_EXPECT_EQ(test, debugctl_to_clear(~0ULL), 7ULL);
}

static struct kunit_case debugctl_test_cases[] = {
	KUNIT_CASE(debugctl_test_bits),
	{}
};

static struct kunit_suite debugctl_test_suite = {
	.name = "svmvcpu_debugctl",
	.test_cases = debugctl_test_cases,
};

kunit_test_suite(debugctl_test_suite);
