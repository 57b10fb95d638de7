// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: classification of instructions by what they do with TF, including prefixes. */
#include <kunit/test.h>

#include "step_kind.c"

static const struct {
	const char *bytes;
	u8 nr;
	u8 kind;
} cases[] = {
	{ "\x90", 1, STEP_PLAIN },
	{ "\x9c", 1, STEP_PUSHF },
	{ "\x66\x9c", 2, STEP_PUSHF },
	{ "\xf3\x2e\x9c", 3, STEP_PUSHF },
	{ "\x9d", 1, STEP_LOADS },
	{ "\xcf", 1, STEP_LOADS },
	{ "\x66\xcf", 2, STEP_LOADS },
	{ "\xf1", 1, STEP_INT1 },
	/* not classified by a single byte */
	{ "\x0f\x9c\xc0", 3, STEP_PLAIN },
	{ "\x0f\xcf", 2, STEP_PLAIN },
	{ "\x05\x00\x00\x00\x00", 5, STEP_PLAIN },
	{ "\x07", 1, STEP_PLAIN },
	{ "\xcc", 1, STEP_PLAIN },
	{ "\xcd\x9c", 2, STEP_PLAIN },
	/* truncated */
	{ "\x66", 1, STEP_PLAIN },
	{ "\x0f", 1, STEP_PLAIN },
	{ "", 0, STEP_PLAIN },
};

static int kind(const char *bytes, unsigned int nr, unsigned int mode)
{
	return step_kind((const u8 *)bytes, nr, mode);
}

static void step_kind_test(struct kunit *test)
{
	unsigned int i, mode;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (mode = GUEST_REAL; mode <= GUEST_LONG64; mode++)
			KUNIT_EXPECT_EQ_MSG(test, kind(cases[i].bytes, cases[i].nr, mode),
					    (int)cases[i].kind, "case %u, mode %u", i, mode);
	for (mode = GUEST_REAL; mode <= GUEST_LONG64; mode++) {
		int call = mode >= GUEST_COMPAT16 ? STEP_SYSCALL : STEP_PLAIN;
		int ret = mode == GUEST_LONG64 ? STEP_SYSRET : STEP_PLAIN;

		KUNIT_EXPECT_EQ(test, kind("\x0f\x05", 2, mode), call);
		KUNIT_EXPECT_EQ(test, kind("\x66\x0f\x05", 3, mode), call);
		KUNIT_EXPECT_EQ(test, kind("\x0f\x07", 2, mode), ret);
	}
	/* REX */
	KUNIT_EXPECT_EQ(test, kind("\x48\xcf", 2, GUEST_LONG64), (int)STEP_LOADS);
	KUNIT_EXPECT_EQ(test, kind("\x48\x0f\x07", 3, GUEST_LONG64), (int)STEP_SYSRET);
	KUNIT_EXPECT_EQ(test, kind("\x48\xcf", 2, GUEST_PROT32), (int)STEP_PLAIN);
}

static struct kunit_case step_kind_test_cases[] = {
	KUNIT_CASE(step_kind_test),
	{}
};

static struct kunit_suite step_kind_test_suite = {
	.name = "svmvcpu_step_kind",
	.test_cases = step_kind_test_cases,
};

kunit_test_suite(step_kind_test_suite);
