// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: exits before which host interrupts are enabled.
 */
#include <kunit/test.h>

#include "vcpu/inject.h"

/* Interrupts, NMIs, SMIs and INIT open the window; a machine check never does. */
static void irq_window_test_codes(struct kunit *test)
{
	u64 code;

	for (code = 0; code < VMEXIT_MAX; code++) {
		bool host = code == 0x60 || code == 0x61 || code == 0x62 || code == 0x63;
		bool mc = code == 0x52;

		KUNIT_EXPECT_EQ_MSG(test, irq_window_due(code, 1), host, "%#llx", code);
		KUNIT_EXPECT_EQ_MSG(test, irq_window_due(code, 64), !mc, "%#llx", code);
	}
}

/* Every 64th exit opens the window, whatever its cause. */
static void irq_window_test_rate(struct kunit *test)
{
	unsigned int due = 0;
	u64 exits;

	for (exits = 1; exits <= 6400; exits++)
		due += irq_window_due(VMEXIT_NPF, exits);
	KUNIT_EXPECT_EQ(test, due, 100);
}

static struct kunit_case irq_window_test_cases[] = {
	KUNIT_CASE(irq_window_test_codes),
	KUNIT_CASE(irq_window_test_rate),
	{}
};

static struct kunit_suite irq_window_test_suite = {
	.name = "svmvcpu_irq_window",
	.test_cases = irq_window_test_cases,
};

kunit_test_suite(irq_window_test_suite);
