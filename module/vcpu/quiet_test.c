// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: vcpu_is_quiet() looks at every member that an entry has to act on,
 * and at no other: each byte of a vCPU is set in turn.
 */
#include <kunit/test.h>
#include <linux/stddef.h>

#include "vcpu/quiet.h"

/* What prepare() of run.c, and what it calls, may find something to do with */
static void set_all(struct vcpu *vcpu)
{
	vcpu->event = ~0ULL;
	vcpu->irq = ~0ULL;
	vcpu->held = ~0ULL;
	vcpu->injected = ~0ULL;
	vcpu->chain.told.nr = ~0U;
	vcpu->nmi_latched = true;
	vcpu->nmi_masked = true;
	vcpu->nmi_iret = true;
	vcpu->nmi_step = true;
	vcpu->want_window = true;
	vcpu->halted = true;
	vcpu->unchecked = true;
	vcpu->debug.flags = ~0U;
	vcpu->debug.hit = ~0U;
	vcpu->exceptions = ~0U;
	vcpu->followed = ~0U;
	vcpu->policy.exceptions = ~0U;
	vcpu->policy.vintr = true;
	vcpu->policy.iret = true;
	vcpu->policy.intn = true;
}

/* The last byte of a union is nobody's. */
static bool is_padding(size_t at)
{
	return at == offsetofend(struct vcpu, unchecked) ||
	       at == offsetofend(struct vcpu, policy.intn);
}

static struct vcpu *new_vcpu(struct kunit *test)
{
	struct vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	return vcpu;
}

static void quiet_test_bytes(struct kunit *test)
{
	struct vcpu *vcpu = new_vcpu(test), *all = new_vcpu(test);
	const u8 *acted_on = (const u8 *)all;
	u8 *bytes = (u8 *)vcpu;
	size_t at;

	set_all(all);
	KUNIT_EXPECT_TRUE(test, vcpu_is_quiet(vcpu));
	for (at = 0; at < sizeof(*vcpu); at++) {
		/* no pointer to be followed */
		if (at - offsetof(struct vcpu, apic) < sizeof(vcpu->apic) || is_padding(at))
			continue;
		bytes[at] = 1;
		KUNIT_EXPECT_EQ_MSG(test, !acted_on[at], vcpu_is_quiet(vcpu),
				    "byte %zu of struct vcpu", at);
		bytes[at] = 0;
	}
}

static void quiet_test_apic(struct kunit *test)
{
	struct vcpu_apic *apic = kunit_kzalloc(test, sizeof(*apic), GFP_KERNEL);
	struct vcpu *vcpu = new_vcpu(test);

	KUNIT_ASSERT_NOT_NULL(test, apic);
	vcpu->apic = apic;
	KUNIT_EXPECT_TRUE(test, vcpu_is_quiet(vcpu));
	apic->look = true;
	KUNIT_EXPECT_FALSE(test, vcpu_is_quiet(vcpu));
}

static struct kunit_case quiet_test_cases[] = {
	KUNIT_CASE(quiet_test_bytes),
	KUNIT_CASE(quiet_test_apic),
	{}
};

static struct kunit_suite quiet_test_suite = {
	.name = "svmvcpu_quiet",
	.test_cases = quiet_test_cases,
};

kunit_test_suite(quiet_test_suite);
