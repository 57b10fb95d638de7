// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: what of the host's DEBUGCTL a guest does not run with, and that it comes back.
 * The MSR is a fake.
 */
#include <kunit/test.h>
#include <asm/processor.h>
#include <asm/debugreg.h>

static u64 fake_debugctl;
static unsigned int fake_writes;

static void fake_update(u64 value)
{
	fake_debugctl = value;
	fake_writes++;
}

#define get_debugctlmsr()		fake_debugctl
#define update_debugctlmsr(value)	fake_update(value)
#include "debugctl.c"

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

/* Of each set of the low bits a guest runs without those, and the host gets them back. */
static void debugctl_test_pairs(struct kunit *test)
{
	u64 host;

	local_irq_disable();
	for (host = 0; host < 32; host++) {
		const unsigned int writes = host & 7 ? 1 : 0;

		fake_debugctl = host;
		fake_writes = 0;
		debugctl_clear();
		KUNIT_EXPECT_EQ(test, fake_debugctl, host & ~7ULL);
		KUNIT_EXPECT_EQ(test, fake_writes, writes);
		/* The debugger's wish comes in the middle: what was cleared is not lost. */
		fake_debugctl |= DEBUGCTLMSR_BTF;
		debugctl_clear();
		KUNIT_EXPECT_EQ(test, fake_debugctl, host & ~7ULL);
		debugctl_restore();
		KUNIT_EXPECT_EQ(test, fake_debugctl, host | DEBUGCTLMSR_BTF);
		KUNIT_EXPECT_EQ(test, this_cpu_read(svm_cpu.debugctl), 0ULL);
	}
	local_irq_enable();
}

static struct kunit_case debugctl_test_cases[] = {
	KUNIT_CASE(debugctl_test_pairs),
	{}
};

static struct kunit_suite debugctl_test_suite = {
	.name = "svmvcpu_debugctl",
	.test_cases = debugctl_test_cases,
};

kunit_test_suite(debugctl_test_suite);
