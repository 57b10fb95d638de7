// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: vcpu_has_entry_work() tests exactly the members that prepare_entry() acts
 * on. Each byte of a vCPU is set in turn.
 */
#include <kunit/test.h>
#include <linux/stddef.h>

#include "vcpu/inject.h"

/* Set every member that prepare_entry() in run.c and its callees act on. */
static void set_all(struct vcpu *vcpu)
{
	vcpu->event = ~0ULL;
	vcpu->irq = ~0ULL;
	vcpu->pending_exception = ~0ULL;
	vcpu->injected = ~0ULL;
	vcpu->fault_history.reported.nr = ~0U;
	vcpu->nmi_latched = true;
	vcpu->nmi_masked = true;
	vcpu->nmi_iret = true;
	vcpu->nmi_step = true;
	vcpu->want_window = true;
	vcpu->activity = ~0;
	vcpu->unchecked = true;
	vcpu->init_reported = true;
	vcpu->debug.flags = ~0U;
	vcpu->debug.hit = ~0U;
	vcpu->exceptions = ~0U;
	vcpu->followed = ~0U;
	vcpu->policy.exceptions = ~0U;
	vcpu->policy.vintr = true;
	vcpu->policy.iret = true;
	vcpu->policy.intn = true;
}

/* The last byte of a union belongs to none of its members. */
static bool is_padding(size_t at)
{
	return at == offsetofend(struct vcpu, policy.intn);
}

static struct vcpu *new_vcpu(struct kunit *test)
{
	struct vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	return vcpu;
}

static void entry_work_test_bytes(struct kunit *test)
{
	struct vcpu *vcpu = new_vcpu(test), *all = new_vcpu(test);
	const u8 *acted_on = (const u8 *)all;
	u8 *bytes = (u8 *)vcpu;
	size_t at;

	set_all(all);
	KUNIT_EXPECT_FALSE(test, vcpu_has_entry_work(vcpu));
	for (at = 0; at < sizeof(*vcpu); at++) {
		/* vcpu.apic is dereferenced; entry_work_test_apic() tests it. */
		if (at - offsetof(struct vcpu, apic) < sizeof(vcpu->apic) || is_padding(at))
			continue;
		bytes[at] = 1;
		KUNIT_EXPECT_EQ_MSG(test, !!acted_on[at], vcpu_has_entry_work(vcpu),
				    "byte %zu of struct vcpu", at);
		bytes[at] = 0;
	}
}

static void entry_work_test_apic(struct kunit *test)
{
	struct vcpu_apic *apic = kunit_kzalloc(test, sizeof(*apic), GFP_KERNEL);
	struct vcpu *vcpu = new_vcpu(test);

	KUNIT_ASSERT_NOT_NULL(test, apic);
	vcpu->apic = apic;
	KUNIT_EXPECT_FALSE(test, vcpu_has_entry_work(vcpu));
	apic->maybe_pending = true;
	KUNIT_EXPECT_TRUE(test, vcpu_has_entry_work(vcpu));
}

static struct kunit_case entry_work_test_cases[] = {
	KUNIT_CASE(entry_work_test_bytes),
	KUNIT_CASE(entry_work_test_apic),
	{}
};

static struct kunit_suite entry_work_test_suite = {
	.name = "svmvcpu_entry_work",
	.test_cases = entry_work_test_cases,
};

kunit_test_suite(entry_work_test_suite);
