// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR. The permission map lets through only what VMLOAD and
 * VMSAVE switch (permmap.c); of the rest the kernel answers what belongs to
 * the virtual CPU itself, and the VMM all others.
 */
#include <linux/kernel.h>
#include <asm/msr.h>
#include <asm/msr-index.h>

#include "exits/cr.h"
#include "exits/exit.h"
#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/control.h"
#include "vcpu/cpuid_table.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/spec_ctrl.h"
#include "vcpu/tsc.h"
#include "vcpu/vcpu.h"

static bool set_pat(struct vcpu *vcpu, u64 pat)
{
	if (!pat_valid(pat))
		return false;
	vmcb_set_g_pat(vcpu->vmcb, pat);
	return true;
}

static bool set_tsc(struct vcpu *vcpu, u64 tsc)
{
	guest_put_tsc(vcpu, tsc);
	apic_tsc_changed(vcpu);
	return true;
}

/* Loaded while the vCPU is: the host's comes back at the end of the stretch. */
static bool set_tsc_aux(struct vcpu *vcpu, u64 value)
{
	if (value >> 32)
		return false;
	vcpu->tsc_aux = value;
	return true;
}

static u64 get_tsc_aux(const struct vcpu *vcpu)
{
	return vcpu->tsc_aux;
}

static bool set_spec_ctrl(struct vcpu *vcpu, u64 value)
{
	if (!spec_ctrl_valid(&vcpu->cpuid->limits, value))
		return false;
	spec_ctrl_put(vcpu, value, vcpu->virt_spec_ctrl);
	return true;
}

static u64 get_spec_ctrl(const struct vcpu *vcpu)
{
	return vcpu->spec_ctrl;
}

static bool set_virt_spec_ctrl(struct vcpu *vcpu, u64 value)
{
	if (!virt_spec_ctrl_valid(&vcpu->cpuid->limits, value))
		return false;
	spec_ctrl_put(vcpu, vcpu->spec_ctrl, value);
	return true;
}

static u64 get_virt_spec_ctrl(const struct vcpu *vcpu)
{
	return vcpu->virt_spec_ctrl;
}

static u64 get_pat(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.g_pat;
}

/*
 * What the kernel answers. set() returns false for #GP(0); so does any access
 * when the vCPU has none of the features in @needs (CPU_HAS_*), and reading what
 * has no get(). What vcpu_load() puts into the CPU (@loaded) changes only between
 * stretches.
 */
static const struct own_msr {
	u32 index;
	u64 (*get)(const struct vcpu *vcpu);
	bool (*set)(struct vcpu *vcpu, u64 value);
	u32 needs;
	bool loaded;
} own_msrs[] = {
	{ MSR_EFER,		guest_efer,	guest_set_efer },
	{ MSR_IA32_TSC,		guest_tsc,	set_tsc },
	{ MSR_TSC_AUX,		get_tsc_aux,	set_tsc_aux,	CPU_HAS_TSC_AUX, true },
	{ MSR_IA32_CR_PAT,	get_pat,	set_pat,	CPU_HAS_PAT },
	{ MSR_IA32_SPEC_CTRL,	get_spec_ctrl,	set_spec_ctrl,	CPU_HAS_SPEC_CTRL, true },
	{ MSR_IA32_PRED_CMD,	NULL,		pred_cmd_put,	CPU_HAS_PRED_CMD, true },
	{ MSR_AMD64_VIRT_SPEC_CTRL, get_virt_spec_ctrl, set_virt_spec_ctrl,
	  CPU_HAS_VIRT_SSBD, true },
};

static const struct own_msr *find_own(u32 index)
{
	const struct own_msr *msr;

	for (msr = own_msrs; msr < own_msrs + ARRAY_SIZE(own_msrs); msr++)
		if (msr->index == index)
			return msr;
	return NULL;
}

/* The instruction has to be stepped over first: that is what may fail. */
static enum exit_result access_own(struct vcpu *vcpu, const struct own_msr *msr, bool write,
				   bool atomic)
{
	enum exit_result ret;

	if ((msr->needs && !(vcpu->cpuid->limits.has & msr->needs)) || (!write && !msr->get)) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	ret = guest_next_rip(vcpu, BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR), atomic);
	if (ret)
		return ret;
	if (write && msr->loaded && atomic)
		return EXIT_SLEEP;
	if (!write) {
		vcpu_put_edx_eax(vcpu, msr->get(vcpu));
	} else if (!msr->set(vcpu, vcpu_edx_eax(vcpu))) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	guest_skip_to(vcpu, vcpu->next_rip);
	return EXIT_RESUME;
}

static enum exit_result ask_vmm(struct vcpu *vcpu, u32 index, bool write)
{
	vcpu->ask = (struct vcpu_ask) {
		.what = write ? ASK_WRMSR : ASK_RDMSR,
		.rip = vcpu_rip(vcpu),
		.next_rip = vcpu->next_rip,
	};
	vcpu->run->msr = (struct svmvcpu_exit_msr) {
		.index = index,
		.value = write ? vcpu_edx_eax(vcpu) : 0,
	};
	return exit_to_user(vcpu, write ? SVMVCPU_EXIT_MSR_WRITE : SVMVCPU_EXIT_MSR_READ);
}

/* VMEXIT_MSR */
enum exit_result exit_msr(struct vcpu *vcpu, bool atomic)
{
	bool write = vcpu->vmcb->control.exit_info_1 & 1;
	u32 index = vcpu->gprs[INSN_RCX];
	const struct own_msr *msr;
	enum exit_result ret;

	/* First: guests use these most. */
	if (vcpu->apic && lapic_owns_msr(index))
		return exit_apic_msr(vcpu, index, write, atomic);
	msr = find_own(index);
	if (msr)
		return access_own(vcpu, msr, write, atomic);
	ret = guest_next_rip(vcpu, BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR), atomic);
	return ret ? ret : ask_vmm(vcpu, index, write);
}

/**
 * exit_msr_answer() - the VMM answered an MSR exit
 * @vcpu: .
 * @answer: value of an RDMSR
 * @fail: the guest gets #GP(0)
 *
 * Return: EXIT_CONTINUE.
 */
enum exit_result exit_msr_answer(struct vcpu *vcpu, u64 answer, bool fail)
{
	if (fail) {
		event_raise_gp(vcpu);
		return EXIT_CONTINUE;
	}
	if (vcpu->ask.what == ASK_RDMSR)
		vcpu_put_edx_eax(vcpu, answer);
	guest_skip_to(vcpu, vcpu->ask.next_rip);
	return EXIT_CONTINUE;
}
