// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated MSRs: see emulated_msr.h. permmap.c has the MSRs that a guest accesses without
 * an exit; all others exit to the VMM.
 */
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <asm/msr-index.h>

#include "svm/vmcb.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/emulated_msr.h"
#include "vcpu/spec_ctrl.h"

static bool set_tsc(struct vcpu *vcpu, u64 tsc)
{
	vmcb_set_tsc_offset(vcpu->vmcb, tsc - rdtsc());
	vcpu->tsc_lost = svm_tsc_lost;
	/* The deadline of the local APIC is a value of the guest's TSC. */
	if (vcpu->apic && vcpu->apic->lapic.timer_due)
		apic_tsc_changed(vcpu);
	return true;
}

/* Of the memory types 0 to 7, 2 and 3 are reserved: bit 1 of a byte needs bit 2. */
static bool pat_valid(u64 pat)
{
	return !((pat & 0x0202020202020202ULL) << 1 & ~pat);
}

static u64 get_pat(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.g_pat;
}

static bool set_pat(struct vcpu *vcpu, u64 pat)
{
	vmcb_set_g_pat(vcpu->vmcb, pat);
	return true;
}

#define U32_MSR(field, changed)					\
static u64 get_##field(const struct vcpu *vcpu)			\
{								\
	return vcpu->field;					\
}								\
								\
static bool set_##field(struct vcpu *vcpu, u64 value)		\
{								\
	vcpu->field = value;					\
	changed;						\
	return true;						\
}

U32_MSR(tsc_aux, (void)0)
U32_MSR(spec_ctrl, spec_ctrl_changed(vcpu))
U32_MSR(virt_spec_ctrl, spec_ctrl_changed(vcpu))

#define LIMIT(member)	.limit = offsetof(struct state_limits, member)
#define STATE(member)	.state = offsetof(struct svmvcpu_state, member)

/*
 * The most frequent first. EFER belongs to the CONTROL component, and SETUP's presets
 * choose it.
 */
const struct emulated_msr emulated_msrs[] = {
	{ MSR_EFER, 0, guest_efer, guest_set_efer, LIMIT(efer_guest), .name = "EFER",
	  .why = "the VMCB holds the guest's value, with SVME set; LMA follows CR0.PG" },
	{ MSR_IA32_TSC, 0, guest_tsc, set_tsc, .valid = ~0ULL, STATE(msrs.tsc), .name = "TSC",
	  .why = "the VMCB holds the guest's TSC as an offset; WRMSR would set the host's TSC" },
	{ MSR_TSC_AUX, CPU_HAS_TSC_AUX, get_tsc_aux, set_tsc_aux, .valid = U32_MAX,
	  STATE(msrs.tsc_aux), .loaded = true, .name = "TSC_AUX",
	  .why = "VMRUN does not switch it; the host's value is restored at unload" },
	{ MSR_IA32_CR_PAT, CPU_HAS_PAT, get_pat, set_pat, .valid = 0x0707070707070707ULL,
	  .check = pat_valid, STATE(msrs.pat), .reset = PAT_RESET, .name = "PAT",
	  .why = "the VMCB holds the guest's value; reserved memory types raise #GP" },
	{ MSR_IA32_SPEC_CTRL, CPU_HAS_SPEC_CTRL, get_spec_ctrl, set_spec_ctrl, LIMIT(spec_ctrl),
	  STATE(spec_ctrl), .loaded = true, .name = "SPEC_CTRL",
	  .why = "a guest may set bits, but not clear those that the host has set" },
	{ MSR_IA32_PRED_CMD, CPU_HAS_PRED_CMD, NULL, pred_cmd_put, .valid = PRED_CMD_IBPB,
	  .loaded = true, .name = "PRED_CMD",
	  .why = "the barrier is issued on each CPU that the guest has run on" },
	{ MSR_AMD64_VIRT_SPEC_CTRL, CPU_HAS_VIRT_SSBD, get_virt_spec_ctrl, set_virt_spec_ctrl,
	  .valid = SPEC_CTRL_SSBD, STATE(virt_spec_ctrl), .loaded = true,
	  .name = "VIRT_SPEC_CTRL",
	  .why = "few CPUs have this register; the kernel sets SSBD where the CPU has it" },
};

const struct emulated_msr *const emulated_msrs_end = emulated_msrs + ARRAY_SIZE(emulated_msrs);

/* Below "#pragma GCC unroll" each row is a constant: no indirect call is left. */
#define for_each_msr(msr)	\
	for (const struct emulated_msr *msr = emulated_msrs; \
	     msr < emulated_msrs + ARRAY_SIZE(emulated_msrs); msr++)

static bool value_valid(const struct emulated_msr *msr, const struct state_limits *limits,
			u64 value)
{
	u64 valid = msr->limit ? *(const u64 *)((const u8 *)limits + msr->limit) : msr->valid;

	return !(value & ~valid) && (!msr->check || msr->check(value));
}

/* WRMSR of an MSR that exists. Returns false for #GP(0). */
bool emulated_msr_write(struct vcpu *vcpu, const struct emulated_msr *msr, u64 value)
{
	return value_valid(msr, &vcpu->cpuid->limits, value) && msr->set(vcpu, value);
}

static u64 *member(const struct emulated_msr *msr, const struct svmvcpu_state *state)
{
	return (u64 *)((u8 *)state + msr->state);
}

/* The MSRS component: GET_STATE */
void emulated_msrs_get_state(const struct vcpu *vcpu, struct svmvcpu_state *state)
{
#pragma GCC unroll 32
	for_each_msr(msr)
		if (msr->state)
			*member(msr, state) = msr->get(vcpu);
}

/* SET_STATE of a valid state. Members beyond its size are unknown to the VMM. */
void emulated_msrs_put_state(struct vcpu *vcpu, const struct svmvcpu_state *state)
{
#pragma GCC unroll 32
	for_each_msr(msr)
		if (msr->state && state->size >= msr->state + sizeof(u64))
			msr->set(vcpu, *member(msr, state));
}

void emulated_msrs_reset(struct vcpu *vcpu)
{
#pragma GCC unroll 32
	for_each_msr(msr)
		if (msr->state)
			msr->set(vcpu, msr->reset);
}

/* An MSR that guests of this host do not have must have its reset value. */
bool emulated_msrs_valid(const struct svmvcpu_state *state, const struct state_limits *limits)
{
#pragma GCC unroll 32
	for_each_msr(msr)
		if (msr->state && (emulated_msr_exists(msr, limits) ?
				   !value_valid(msr, limits, *member(msr, state)) :
				   *member(msr, state) != msr->reset))
			return false;
	return true;
}

/* Add what a vCPU must have for these values to @used. */
void emulated_msrs_used(const struct svmvcpu_state *state, struct state_limits *used)
{
#pragma GCC unroll 32
	for_each_msr(msr)
		if (msr->state && msr->limit)
			*(u64 *)((u8 *)used + msr->limit) |= *member(msr, state);
		else if (msr->state && *member(msr, state) != msr->reset)
			used->has |= msr->needs;
}
