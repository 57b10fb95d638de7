// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: which bits of a guest's get into the CPU and into the VMCB, that the host's
 * come back, and when an IBPB is due. The MSRs are fakes.
 */
#include <kunit/test.h>
#include <asm/msr.h>

#include "compat.h"
#include "svm/cpu.h"
#include "vcpu/vcpu.h"

/* What a test sees of the CPU */
static struct {
	u64 spec_ctrl;
	unsigned int reads, writes;
	u64 virt;		/* the last one that the kernel was asked to switch */
	unsigned int virt_enters, virt_leaves;
} fake;

static u64 fake_rdmsr(u32 msr)
{
	fake.reads++;
	return msr == MSR_IA32_SPEC_CTRL ? fake.spec_ctrl : 0;
}

static void fake_wrmsr(u32 msr, u64 value)
{
	fake.writes++;
	if (msr == MSR_IA32_SPEC_CTRL)
		fake.spec_ctrl = value;
}

static void fake_virt_spec_ctrl(u64 guest, bool enter)
{
	fake.virt = guest;
	if (enter)
		fake.virt_enters++;
	else
		fake.virt_leaves++;
}

#undef rdmsrl
#define rdmsrl(msr, value)			((value) = fake_rdmsr(msr))
#define wrmsrl(msr, value)			fake_wrmsr(msr, value)
#define compat_virt_spec_ctrl(guest, enter)	fake_virt_spec_ctrl(guest, enter)
#include "spec_ctrl.c"

struct svm_caps svm_caps;
struct state_limits svm_limits;
static u64 last_serial;

u64 vcpu_new_serial(void)
{
	return ++last_serial;
}

#define SPEC_ALL	(SPEC_CTRL_IBRS | SPEC_CTRL_STIBP | SPEC_CTRL_SSBD | BIT(7))

/* A vCPU on a host whose guests have @spec_ctrl, and @features */
static struct vcpu *make_vcpu(struct kunit *test, u64 spec_ctrl, u64 features)
{
	struct vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->vmcb = kunit_kzalloc(test, sizeof(*vcpu->vmcb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->vmcb);
	svm_limits.spec_ctrl = spec_ctrl;
	svm_caps.features = features;
	memset(&fake, 0, sizeof(fake));
	return vcpu;
}

/* Bits that the host has not: each alone, all, none */
static void spec_ctrl_put(struct vcpu *vcpu, u32 spec_ctrl, u32 virt_spec_ctrl)
{
	vcpu->spec_ctrl = spec_ctrl;
	vcpu->virt_spec_ctrl = virt_spec_ctrl;
	spec_ctrl_changed(vcpu);
}

static void spec_ctrl_test_added(struct kunit *test)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		KUNIT_EXPECT_EQ(test, spec_ctrl_added(BIT_ULL(bit), 0), BIT_ULL(bit));
		KUNIT_EXPECT_EQ(test, spec_ctrl_added(BIT_ULL(bit), BIT_ULL(bit)), 0ULL);
		KUNIT_EXPECT_EQ(test, spec_ctrl_added(BIT_ULL(bit), ~BIT_ULL(bit)), BIT_ULL(bit));
		KUNIT_EXPECT_EQ(test, spec_ctrl_added(0, BIT_ULL(bit)), 0ULL);
	}
}

/* With V_SPEC_CTRL the bits of both go into the VMCB, without it stays 0. */
static void spec_ctrl_test_put(struct kunit *test)
{
	struct vcpu *vcpu = make_vcpu(test, SPEC_ALL, ~(u64)SVMVCPU_FEAT_V_SPEC_CTRL);

	spec_ctrl_put(vcpu, SPEC_ALL, SPEC_CTRL_SSBD);
	KUNIT_EXPECT_EQ(test, vcpu->spec_ctrl, (u32)SPEC_ALL);
	KUNIT_EXPECT_EQ(test, vcpu->virt_spec_ctrl, (u32)SPEC_CTRL_SSBD);
	KUNIT_EXPECT_EQ(test, vcpu->vmcb->save.spec_ctrl, 0ULL);

	svm_caps.features = SVMVCPU_FEAT_V_SPEC_CTRL;
	spec_ctrl_put(vcpu, SPEC_CTRL_STIBP, SPEC_CTRL_SSBD);
	KUNIT_EXPECT_EQ(test, vcpu->spec_ctrl, (u32)SPEC_CTRL_STIBP);
	KUNIT_EXPECT_EQ(test, vcpu->virt_spec_ctrl, (u32)SPEC_CTRL_SSBD);
	KUNIT_EXPECT_EQ(test, vcpu->vmcb->save.spec_ctrl,
			(u64)(SPEC_CTRL_STIBP | SPEC_CTRL_SSBD));
	spec_ctrl_put(vcpu, 0, 0);
	KUNIT_EXPECT_EQ(test, vcpu->spec_ctrl_any, 0ULL);
	KUNIT_EXPECT_EQ(test, vcpu->vmcb->save.spec_ctrl, 0ULL);

	/* SSBD is reserved in a SPEC_CTRL that has not got it. */
	svm_limits.spec_ctrl = SPEC_CTRL_IBRS;
	spec_ctrl_put(vcpu, SPEC_CTRL_IBRS, SPEC_CTRL_SSBD);
	KUNIT_EXPECT_EQ(test, vcpu->vmcb->save.spec_ctrl, (u64)SPEC_CTRL_IBRS);
}

/* Interrupts off: what the guest does to this CPU's MSR, and that it is undone */
static void expect_loaded(struct kunit *test, const struct vcpu *vcpu, u64 host, u64 loaded)
{
	u64 with;

	fake.spec_ctrl = host;
	fake.writes = 0;
	local_irq_disable();
	spec_ctrl_enter(vcpu);
	with = fake.spec_ctrl;
	spec_ctrl_leave(vcpu);
	local_irq_enable();
	KUNIT_EXPECT_EQ_MSG(test, with, loaded, "host %llx", host);
	KUNIT_EXPECT_EQ_MSG(test, fake.spec_ctrl, host, "host %llx", host);
	/* not written in vain */
	KUNIT_EXPECT_EQ_MSG(test, fake.writes, loaded == host ? 0 : 2, "host %llx", host);
}

/* Each bit from either register, on hosts with each bit: the guest runs with both. */
static void spec_ctrl_test_switched(struct kunit *test)
{
	struct vcpu *vcpu = make_vcpu(test, SPEC_ALL, 0);
	unsigned int bit, hosts;

	for (bit = 0; bit < 8; bit++) {
		if (!(SPEC_ALL & BIT(bit)))
			continue;
		spec_ctrl_put(vcpu, BIT(bit), 0);
		for (hosts = 0; hosts < 8; hosts++)
			expect_loaded(test, vcpu, BIT_ULL(hosts), BIT_ULL(hosts) | BIT_ULL(bit));
		expect_loaded(test, vcpu, 0, BIT_ULL(bit));
		expect_loaded(test, vcpu, ~0ULL, ~0ULL);
	}
	spec_ctrl_put(vcpu, 0, SPEC_CTRL_SSBD);
	expect_loaded(test, vcpu, SPEC_CTRL_IBRS, SPEC_CTRL_IBRS | SPEC_CTRL_SSBD);
}

/* VMRUN switches, or there is nothing to switch: the MSR is not even read. */
static void spec_ctrl_test_not_touched(struct kunit *test)
{
	struct vcpu *vcpu = make_vcpu(test, SPEC_ALL, SVMVCPU_FEAT_V_SPEC_CTRL);

	spec_ctrl_put(vcpu, SPEC_ALL, SPEC_CTRL_SSBD);
	expect_loaded(test, vcpu, SPEC_CTRL_IBRS, SPEC_CTRL_IBRS);
	svm_caps.features = 0;
	spec_ctrl_put(vcpu, 0, 0);
	expect_loaded(test, vcpu, SPEC_CTRL_IBRS, SPEC_CTRL_IBRS);
	KUNIT_EXPECT_EQ(test, fake.reads, 0U);
}

/* SSBD outside SPEC_CTRL: the kernel's to switch, and the MSR may not exist. */
static void spec_ctrl_test_outside(struct kunit *test)
{
	struct vcpu *vcpu = make_vcpu(test, 0, 0);

	spec_ctrl_put(vcpu, 0, SPEC_CTRL_SSBD);
	spec_ctrl_switch(vcpu, true);
	KUNIT_EXPECT_EQ(test, fake.virt_enters, 1U);
	KUNIT_EXPECT_EQ(test, fake.virt_leaves, 0U);
	KUNIT_EXPECT_EQ(test, fake.virt, (u64)SPEC_CTRL_SSBD);
	fake.virt = 0;
	spec_ctrl_switch(vcpu, false);
	KUNIT_EXPECT_EQ(test, fake.virt_enters, 1U);
	KUNIT_EXPECT_EQ(test, fake.virt_leaves, 1U);
	KUNIT_EXPECT_EQ(test, fake.virt, (u64)SPEC_CTRL_SSBD);
	KUNIT_EXPECT_EQ(test, fake.reads + fake.writes, 0U);

	/* A guest without SSBD does not take away the host's. */
	svm_limits.spec_ctrl = SPEC_CTRL_IBRS;
	spec_ctrl_put(vcpu, SPEC_CTRL_IBRS, 0);
	expect_loaded(test, vcpu, 0, SPEC_CTRL_IBRS);
	KUNIT_EXPECT_EQ(test, fake.virt_enters + fake.virt_leaves, 2U);
}

static void spec_ctrl_test_virt_ssbd(struct kunit *test)
{
	/* in SPEC_CTRL: STIBP or not */
	KUNIT_EXPECT_TRUE(test, virt_ssbd_possible(true, false, true));
	KUNIT_EXPECT_TRUE(test, virt_ssbd_possible(true, false, false));
	/* elsewhere */
	KUNIT_EXPECT_TRUE(test, virt_ssbd_possible(false, true, false));
	KUNIT_EXPECT_FALSE(test, virt_ssbd_possible(false, true, true));
	/* nowhere */
	KUNIT_EXPECT_FALSE(test, virt_ssbd_possible(false, false, false));
	KUNIT_EXPECT_FALSE(test, virt_ssbd_possible(false, false, true));
}

static void spec_ctrl_test_ibpb_due(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		const bool other = i & 1, on_exit = i & 2, on_switch = i & 4, wanted = i & 8;

		KUNIT_EXPECT_EQ_MSG(test, ibpb_due(7, 7 + other, on_exit, on_switch, wanted),
				    i == 5 || i == 9 || i == 13, "case %u", i);
	}
	/* a CPU that no vCPU has run on */
	KUNIT_EXPECT_TRUE(test, ibpb_due(0, 1, false, true, false));
}

/* After a guest's IBPB every CPU takes the vCPU for another one, whatever the host wants. */
static void spec_ctrl_test_pred_cmd(struct kunit *test)
{
	struct vcpu *vcpu = make_vcpu(test, 0, 0);
	u64 before;

	vcpu->serial = vcpu_new_serial();
	before = vcpu->serial;
	KUNIT_EXPECT_TRUE(test, pred_cmd_put(vcpu, 0));
	KUNIT_EXPECT_EQ(test, vcpu->serial, before);
	KUNIT_EXPECT_FALSE(test, vcpu->wants_ibpb);
	KUNIT_EXPECT_TRUE(test, pred_cmd_put(vcpu, PRED_CMD_IBPB));
	KUNIT_EXPECT_NE(test, vcpu->serial, before);
	KUNIT_EXPECT_TRUE(test, ibpb_due(before, vcpu->serial, false, false, vcpu->wants_ibpb));
	before = vcpu->serial;
	KUNIT_EXPECT_TRUE(test, pred_cmd_put(vcpu, PRED_CMD_IBPB));
	KUNIT_EXPECT_NE(test, vcpu->serial, before);
}

static struct kunit_case spec_ctrl_test_cases[] = {
	KUNIT_CASE(spec_ctrl_test_added),
	KUNIT_CASE(spec_ctrl_test_put),
	KUNIT_CASE(spec_ctrl_test_switched),
	KUNIT_CASE(spec_ctrl_test_not_touched),
	KUNIT_CASE(spec_ctrl_test_outside),
	KUNIT_CASE(spec_ctrl_test_virt_ssbd),
	KUNIT_CASE(spec_ctrl_test_ibpb_due),
	KUNIT_CASE(spec_ctrl_test_pred_cmd),
	{}
};

static struct kunit_suite spec_ctrl_test_suite = {
	.name = "svmvcpu_spec_ctrl",
	.test_cases = spec_ctrl_test_cases,
};

kunit_test_suite(spec_ctrl_test_suite);
