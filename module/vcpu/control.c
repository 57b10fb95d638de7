// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers and EFER: the guest's view of them, and the VMCB.
 *
 * Four things a guest sets are not in its VMCB as it set them: CR0.CD and NW
 * (they would turn the host's caches off for it), CR4.MCE (machine checks are
 * the host's), EFER.SVME (VMRUN demands it), and EFER.LME while paging is off,
 * when it has no effect (QEMU 7.2 takes it for its own at the exit and does not
 * find the host's page tables again). guest_cr0() and its like give the
 * guest's view, guest_put_cr0() and its like take it.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "svm/cpu.h"
#include "vcpu/apic.h"

#define CR0_HIDDEN	(X86_CR0_CD | X86_CR0_NW)

static void put_policy(struct vcpu *vcpu)
{
	vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, &vcpu->policy);
}

/**
 * guest_put_cr0() - CR0 into the VMCB, the hidden bits beside it
 * @vcpu: .
 * @cr0: the guest's view; checked, if at all, before the next entry
 */
void guest_put_cr0(struct vcpu *vcpu, u64 cr0)
{
	bool read;

	vcpu->cr0_hidden = cr0 & CR0_HIDDEN;
	vmcb_set_cr0(vcpu->vmcb, cr0 & ~CR0_HIDDEN);
	vcpu->unchecked = true;
	vcpu->want_flush = true;
	read = vcpu->cr0_hidden;
	if (vcpu->policy.cr0_read != read) {
		vcpu->policy.cr0_read = read;
		put_policy(vcpu);
	}
}

void guest_put_cr4(struct vcpu *vcpu, u64 cr4)
{
	u64 mce = __read_cr4() & X86_CR4_MCE;
	bool read;

	vcpu->cr4_hidden = cr4 & X86_CR4_MCE;
	vmcb_set_cr4(vcpu->vmcb, (cr4 & ~X86_CR4_MCE) | mce);
	vcpu->unchecked = true;
	vcpu->want_flush = true;
	read = vcpu->cr4_hidden != mce;
	if (vcpu->policy.cr4_read != read) {
		vcpu->policy.cr4_read = read;
		put_policy(vcpu);
	}
}

void guest_put_efer(struct vcpu *vcpu, u64 efer)
{
	vcpu->efer_hidden = 0;
	if (!(vcpu->vmcb->save.cr0 & X86_CR0_PG))
		vcpu->efer_hidden = efer & EFER_LME;
	vmcb_set_efer(vcpu->vmcb, (efer & ~vcpu->efer_hidden) | EFER_SVME);
	vcpu->unchecked = true;
	vcpu->want_flush = true;
}

/*
 * WRMSR of EFER; false for #GP(0). The CPU sets LMA: a value in which LMA is not what it
 * is, or becomes, is refused (APM volume 2, 3.1.7).
 */
bool guest_set_efer(struct vcpu *vcpu, u64 efer)
{
	u64 old = guest_efer(vcpu), cr0 = vcpu->vmcb->save.cr0;

	if ((((old ^ efer) & EFER_LME) && (cr0 & X86_CR0_PG)) || efer != efer_with_lma(efer, cr0))
		return false;
	guest_put_efer(vcpu, efer);
	return true;
}

u64 guest_cr8(const struct vcpu *vcpu)
{
	return vcpu->apic ? lapic_cr8(&vcpu->apic->lapic) :
			    vcpu->vmcb->control.int_ctl & V_TPR_MASK;
}

/* With a local APIC this clears the lower half of its TPR. */
void guest_put_cr8(struct vcpu *vcpu, u64 cr8)
{
	struct vmcb *vmcb = vcpu->vmcb;

	if (vcpu->apic)
		apic_set_cr8(vcpu, cr8);
	else
		vmcb_set_int_ctl(vmcb, (vmcb->control.int_ctl & ~0xffULL) | cr8);
}
