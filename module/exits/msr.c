// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR. The permission map lets a guest reach only the MSRs that VMLOAD and
 * VMSAVE switch (permmap.c). The kernel emulates those of the virtual CPU itself
 * (emulated_msr.c); the VMM answers all others.
 */
#include <linux/bits.h>

#include "exits/exit.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/emulated_msr.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"

static u64 class_of(bool write)
{
	return BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR);
}

static enum exit_result access_emulated(struct vcpu *vcpu, const struct emulated_msr *msr,
					bool write, bool atomic)
{
	enum exit_result ret;

	if ((!write && !msr->get) || !emulated_msr_exists(msr, &vcpu->cpuid->limits))
		return guest_raise(vcpu, VEC_GP, 0);
	if (write && msr->loaded && atomic)
		return EXIT_SLEEP;
	/* Before the write, because the fetch may fail */
	ret = guest_next_rip(vcpu, class_of(write), atomic);
	if (ret)
		return ret;
	if (!write)
		vcpu_put_edx_eax(vcpu, msr->get(vcpu));
	else if (!emulated_msr_write(vcpu, msr, vcpu_edx_eax(vcpu)))
		return guest_raise(vcpu, VEC_GP, 0);
	guest_skip_to(vcpu, vcpu->next_rip);
	return EXIT_RESUME;
}

static enum exit_result complete_wrmsr(struct vcpu *vcpu, u64 answer, u32 flags)
{
	if (flags & SVMVCPU_RUN_FAIL)
		event_raise_gp(vcpu);
	else
		guest_skip_to(vcpu, vcpu->pending_exit.next_rip);
	return EXIT_CONTINUE;
}

static enum exit_result complete_rdmsr(struct vcpu *vcpu, u64 answer, u32 flags)
{
	if (!(flags & SVMVCPU_RUN_FAIL))
		vcpu_put_edx_eax(vcpu, answer);
	return complete_wrmsr(vcpu, answer, flags);
}

static enum exit_result exit_msr_to_user(struct vcpu *vcpu, u32 index, bool write, bool atomic)
{
	enum exit_result ret = guest_next_rip(vcpu, class_of(write), atomic);

	if (ret)
		return ret;
	exit_set_pending(vcpu, write ? complete_wrmsr : complete_rdmsr, SVMVCPU_RUN_FAIL,
			 vcpu->next_rip);
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
	const struct emulated_msr *msr;

	/* First, because guests use these most. */
	if (vcpu->apic && lapic_owns_msr(index))
		return exit_apic_msr(vcpu, index, write, atomic);
	msr = emulated_msr_find(index);
	return msr ? access_emulated(vcpu, msr, write, atomic) :
		     exit_msr_to_user(vcpu, index, write, atomic);
}
