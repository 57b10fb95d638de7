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

static enum exit_result access_emulated(struct vcpu *vcpu, const struct emulated_msr *msr,
					bool write, bool atomic)
{
	enum exit_result ret;

	if ((!write && !msr->get) || !emulated_msr_exists(msr, &vcpu->cpuid->limits))
		goto fault;
	if (write && msr->loaded && atomic)
		return EXIT_SLEEP;
	/* Before the write: a fetch may fail. */
	ret = guest_next_rip(vcpu, BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR), atomic);
	if (ret)
		return ret;
	if (!write)
		vcpu_put_edx_eax(vcpu, msr->get(vcpu));
	else if (!emulated_msr_write(vcpu, msr, vcpu_edx_eax(vcpu)))
		goto fault;
	guest_skip_to(vcpu, vcpu->next_rip);
	return EXIT_RESUME;
fault:
	event_raise_gp(vcpu);
	return EXIT_RESUME;
}

static enum exit_result ask_vmm(struct vcpu *vcpu, u32 index, bool write, bool atomic)
{
	u64 class = BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR);
	enum exit_result ret = guest_next_rip(vcpu, class, atomic);

	if (ret)
		return ret;
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
	const struct emulated_msr *msr;

	/* First: guests use these most. */
	if (vcpu->apic && lapic_owns_msr(index))
		return exit_apic_msr(vcpu, index, write, atomic);
	msr = emulated_msr_find(index);
	return msr ? access_emulated(vcpu, msr, write, atomic) :
		     ask_vmm(vcpu, index, write, atomic);
}

/* The VMM answered an MSR exit: with the value of an RDMSR, or with #GP(0). */
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
