// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: each row of the emulated MSRs through WRMSR, GET_STATE, SET_STATE and SETUP, with
 * the real control.c behind EFER. Local APICs and the host's lost TSC are fakes.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "control.c"
#include "emulated_msr.c"

u64 svm_tsc_lost;
static unsigned int tsc_changes;

void apic_tsc_changed(struct vcpu *vcpu)
{
	tsc_changes++;
}

u64 apic_cr8(const struct vcpu *vcpu)
{
	return 0;
}

void apic_set_cr8(struct vcpu *vcpu, u64 cr8)
{
}

#define for_each_row(msr)	for (msr = emulated_msrs; msr < emulated_msrs_end; msr++)

/* The TSC runs: a value read back is as much later as the test may take. */
#define TSC_SLACK	BIT_ULL(40)

static bool reads(const struct emulated_msr *msr, u64 now, u64 value)
{
	return now == value || (msr->index == MSR_IA32_TSC && now - value < TSC_SLACK);
}

/* A vCPU with everything that a row may ask for, or without @lacks of it */
static struct vcpu *make_vcpu(struct kunit *test, u32 lacks)
{
	struct cpuid_table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	struct vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->vmcb = kunit_kzalloc(test, sizeof(*vcpu->vmcb), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->vmcb);
	table->limits.efer_guest = EFER_SCE | EFER_NX;
	table->limits.spec_ctrl = SPEC_CTRL_IBRS | SPEC_CTRL_SSBD;
	table->limits.has = ~lacks;
	vcpu->cpuid = table;
	tsc_changes = 0;
	return vcpu;
}

static struct svmvcpu_state *make_state(struct kunit *test)
{
	struct svmvcpu_state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, state);
	state->size = sizeof(*state);
	return state;
}

/* A state in which each MSR has its reset value */
static struct svmvcpu_state *reset_state(struct kunit *test, struct vcpu *vcpu)
{
	struct svmvcpu_state *state = make_state(test);

	emulated_msrs_reset(vcpu);
	emulated_msrs_get_state(vcpu, state);
	return state;
}

/* The manual's bits of each MSR, on a CPU with IBRS and SSBD and a guest without LM */
static const struct {
	u32 index;
	u64 value;		/* not the reset value */
	u64 valid;
} known[] = {
	{ 0xc0000080, 0x801, 0x801 },
	{ 0x10, 0x123456789abcULL, ~0ULL },
	{ 0xc0000103, 0xfedcba98, 0xffffffff },
	{ 0x277, 0x0001040506070606ULL, 0x0707070707070707ULL },
	{ 0x48, 0x5, 0x5 },
	{ 0x49, 0x1, 0x1 },
	{ 0xc001011f, 0x4, 0x4 },
};

static void emulated_msr_test_table(struct kunit *test)
{
	const struct emulated_msr *msr;
	unsigned int i = 0;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(known), ARRAY_SIZE(emulated_msrs));
	for_each_row(msr) {
		KUNIT_EXPECT_EQ_MSG(test, msr->index, known[i].index, "%s", msr->name);
		KUNIT_EXPECT_PTR_EQ_MSG(test, emulated_msr_find(known[i].index), msr, "%s",
					msr->name);
		KUNIT_EXPECT_TRUE_MSG(test, msr->name && msr->why && msr->set, "row %u", i);
		/* What is in a state can be read, and only one of the masks is used. */
		KUNIT_EXPECT_TRUE_MSG(test, msr->get || !msr->state, "%s", msr->name);
		KUNIT_EXPECT_TRUE_MSG(test, !msr->limit != !msr->valid, "%s", msr->name);
		i++;
	}
	KUNIT_EXPECT_NULL(test, emulated_msr_find(0));
	KUNIT_EXPECT_NULL(test, emulated_msr_find(0xc0000200));
}

static void emulated_msr_test_write(struct kunit *test)
{
	const struct emulated_msr *msr = emulated_msrs;
	struct vcpu *vcpu = make_vcpu(test, 0);
	unsigned int i, bit;

	emulated_msrs_reset(vcpu);
	for (i = 0; i < ARRAY_SIZE(known); i++, msr++) {
		KUNIT_EXPECT_TRUE_MSG(test, emulated_msr_exists(msr, &vcpu->cpuid->limits),
				      "%s", msr->name);
		KUNIT_EXPECT_TRUE_MSG(test, emulated_msr_write(vcpu, msr, known[i].value), "%s",
				      msr->name);
		if (msr->get)
			KUNIT_EXPECT_TRUE_MSG(test, reads(msr, msr->get(vcpu), known[i].value),
					      "%s", msr->name);
		/* Each reserved bit is refused, and the value stays. */
		for (bit = 0; bit < 64; bit++) {
			if (known[i].valid & BIT_ULL(bit))
				continue;
			KUNIT_EXPECT_FALSE_MSG(test, emulated_msr_write(vcpu, msr, known[i].value |
									BIT_ULL(bit)),
					       "%s bit %u", msr->name, bit);
		}
		if (msr->get)
			KUNIT_EXPECT_TRUE_MSG(test, reads(msr, msr->get(vcpu), known[i].value),
					      "%s", msr->name);
	}
	/* No row writes another one's value. */
	for (i = 0, msr = emulated_msrs; i < ARRAY_SIZE(known); i++, msr++)
		if (msr->get)
			KUNIT_EXPECT_TRUE_MSG(test, reads(msr, msr->get(vcpu), known[i].value),
					      "%s", msr->name);
}

static void emulated_msr_test_missing(struct kunit *test)
{
	const struct emulated_msr *msr, *other;

	for_each_row(msr) {
		struct vcpu *vcpu = make_vcpu(test, msr->needs);

		for_each_row(other)
			KUNIT_EXPECT_EQ_MSG(test,
					    emulated_msr_exists(other, &vcpu->cpuid->limits),
					    other != msr || !msr->needs, "%s without that of %s",
					    other->name, msr->name);
	}
}

static void emulated_msr_test_state(struct kunit *test)
{
	const struct emulated_msr *msr = emulated_msrs;
	struct vcpu *vcpu = make_vcpu(test, 0);
	const struct state_limits *all = &vcpu->cpuid->limits;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++, msr++) {
		struct svmvcpu_state *state = reset_state(test, vcpu), *then = make_state(test);
		struct state_limits less = *all, used = { };

		if (!msr->state)
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, reads(msr, *member(msr, state), msr->reset), "%s",
				      msr->name);
		*member(msr, state) = known[i].value;
		KUNIT_EXPECT_TRUE_MSG(test, emulated_msrs_valid(state, all), "%s", msr->name);
		emulated_msrs_put_state(vcpu, state);
		KUNIT_EXPECT_TRUE_MSG(test, reads(msr, msr->get(vcpu), known[i].value), "%s",
				      msr->name);
		emulated_msrs_get_state(vcpu, then);
		KUNIT_EXPECT_TRUE_MSG(test, reads(msr, *member(msr, then), known[i].value),
				      "%s", msr->name);

		/* A CPU without it has it at its reset value. */
		less.has &= ~msr->needs;
		KUNIT_EXPECT_EQ_MSG(test, emulated_msrs_valid(state, &less), !msr->needs, "%s",
				    msr->name);
		emulated_msrs_used(state, &used);
		KUNIT_EXPECT_EQ_MSG(test, used.has, msr->limit ? 0 : msr->needs, "%s", msr->name);
		KUNIT_EXPECT_EQ_MSG(test, used.spec_ctrl,
				    msr->index == MSR_IA32_SPEC_CTRL ? known[i].value : 0, "%s",
				    msr->name);
		*member(msr, state) = msr->reset;
		KUNIT_EXPECT_TRUE_MSG(test, emulated_msrs_valid(state, &less), "%s", msr->name);
		if (~known[i].valid) {
			*member(msr, state) = ~0ULL;
			KUNIT_EXPECT_FALSE_MSG(test, emulated_msrs_valid(state, all), "%s",
					       msr->name);
		}
	}
}

/* The MSRs of members beyond the size stay. */
static void emulated_msr_test_short_state(struct kunit *test)
{
	struct vcpu *vcpu = make_vcpu(test, 0);
	struct svmvcpu_state *state = reset_state(test, vcpu);

	/* Copied from a shorter structure, a member is 0: nothing that needs a check. */
	for_each_msr(msr)
		KUNIT_EXPECT_TRUE(test, !msr->reset ||
				  msr->state < offsetof(struct svmvcpu_state, lapic));
	vcpu->spec_ctrl = SPEC_CTRL_IBRS;
	vcpu->virt_spec_ctrl = SPEC_CTRL_SSBD;
	state->size = offsetof(struct svmvcpu_state, spec_ctrl);
	state->msrs.tsc_aux = 7;
	emulated_msrs_put_state(vcpu, state);
	KUNIT_EXPECT_EQ(test, vcpu->tsc_aux, 7U);
	KUNIT_EXPECT_EQ(test, vcpu->spec_ctrl, (u32)SPEC_CTRL_IBRS);
	KUNIT_EXPECT_EQ(test, vcpu->virt_spec_ctrl, (u32)SPEC_CTRL_SSBD);
}

static void emulated_msr_test_reset(struct kunit *test)
{
	const struct emulated_msr *msr = emulated_msrs;
	struct vcpu *vcpu = make_vcpu(test, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++, msr++)
		KUNIT_EXPECT_TRUE(test, emulated_msr_write(vcpu, msr, known[i].value));
	emulated_msrs_reset(vcpu);
	for_each_row(msr)
		if (msr->state)
			KUNIT_EXPECT_TRUE_MSG(test, reads(msr, msr->get(vcpu), msr->reset), "%s",
					      msr->name);
	KUNIT_EXPECT_EQ(test, vcpu->vmcb->save.g_pat, 0x0007040600070406ULL);
}

/* The rules that a mask does not express */
static void emulated_msr_test_rules(struct kunit *test)
{
	const struct emulated_msr *efer = emulated_msr_find(MSR_EFER);
	const struct emulated_msr *pat = emulated_msr_find(MSR_IA32_CR_PAT);
	struct vcpu *vcpu = make_vcpu(test, 0);
	struct cpuid_table *table = (struct cpuid_table *)vcpu->cpuid;
	unsigned int byte, type;

	for (byte = 0; byte < 8; byte++)
		for (type = 0; type < 256; type++)
			KUNIT_EXPECT_EQ_MSG(test,
					    emulated_msr_write(vcpu, pat, (u64)type << 8 * byte),
					    type < 2 || (type > 3 && type < 8),
					    "byte %u type %u", byte, type);

	table->limits.efer_guest |= EFER_LME | EFER_LMA;
	KUNIT_EXPECT_TRUE(test, emulated_msr_write(vcpu, efer, EFER_LME));
	KUNIT_EXPECT_EQ(test, efer->get(vcpu), (u64)EFER_LME);
	/* without paging there is no LMA */
	KUNIT_EXPECT_FALSE(test, emulated_msr_write(vcpu, efer, EFER_LME | EFER_LMA));
	vcpu->vmcb->save.cr0 = X86_CR0_PG | X86_CR0_PE;
	guest_put_efer(vcpu, EFER_LME | EFER_LMA);
	/* with paging neither changes */
	KUNIT_EXPECT_FALSE(test, emulated_msr_write(vcpu, efer, 0));
	KUNIT_EXPECT_FALSE(test, emulated_msr_write(vcpu, efer, EFER_LME));
	KUNIT_EXPECT_FALSE(test, emulated_msr_write(vcpu, efer, EFER_LMA));
	KUNIT_EXPECT_TRUE(test, emulated_msr_write(vcpu, efer, EFER_LME | EFER_LMA | EFER_SCE));
	KUNIT_EXPECT_EQ(test, efer->get(vcpu), (u64)(EFER_LME | EFER_LMA | EFER_SCE));
}

/* The local APIC's deadline is in the guest's TSC. */
static void emulated_msr_test_tsc(struct kunit *test)
{
	const struct emulated_msr *tsc = emulated_msr_find(MSR_IA32_TSC);
	struct vcpu *vcpu = make_vcpu(test, 0);

	vcpu->apic = kunit_kzalloc(test, sizeof(*vcpu->apic), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->apic);
	KUNIT_EXPECT_TRUE(test, emulated_msr_write(vcpu, tsc, 0));
	KUNIT_EXPECT_EQ(test, tsc_changes, 0U);
	vcpu->apic->lapic.timer_due = 1;
	KUNIT_EXPECT_TRUE(test, emulated_msr_write(vcpu, tsc, ~0ULL));
	KUNIT_EXPECT_EQ(test, tsc_changes, 1U);
}

static struct kunit_case emulated_msr_test_cases[] = {
	KUNIT_CASE(emulated_msr_test_table),
	KUNIT_CASE(emulated_msr_test_write),
	KUNIT_CASE(emulated_msr_test_missing),
	KUNIT_CASE(emulated_msr_test_state),
	KUNIT_CASE(emulated_msr_test_short_state),
	KUNIT_CASE(emulated_msr_test_reset),
	KUNIT_CASE(emulated_msr_test_rules),
	KUNIT_CASE(emulated_msr_test_tsc),
	{ }
};

static struct kunit_suite emulated_msr_test_suite = {
	.name = "svmvcpu_emulated_msr",
	.test_cases = emulated_msr_test_cases,
};

kunit_test_suite(emulated_msr_test_suite);
