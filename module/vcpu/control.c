// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers and EFER: the guest's view, and the VMCB.
 *
 * Four values of the guest are not in its VMCB: CR0.CD and NW, which would disable the
 * host's caches; CR4.MCE, because machine checks belong to the host; EFER.SVME, which
 * VMRUN requires to be set; and EFER.LME while paging is off, where it has no effect
 * (QEMU 7.2 confuses it with the host's LME at the exit). guest_cr0() and the like
 * return the guest's view, guest_put_cr0() and the like set it.
 */
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "svm/cpu.h"
#include "vcpu/apic.h"

#define CR0_HIDDEN	(X86_CR0_CD | X86_CR0_NW)

/* Set the variable intercepts. */
void vcpu_set_policy(struct vcpu *vcpu, const struct vmcb_policy *policy)
{
	if (!memcmp(&vcpu->policy, policy, sizeof(*policy)))
		return;
	vcpu->policy = *policy;
	vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, policy);
}

/* @cr0 is checked before the next entry. */
void guest_put_cr0(struct vcpu *vcpu, u64 cr0)
{
	struct vmcb_policy policy = vcpu->policy;

	vcpu->cr0_hidden = cr0 & CR0_HIDDEN;
	vmcb_set_cr0(vcpu->vmcb, cr0 & ~CR0_HIDDEN);
	vcpu->unchecked = true;
	vcpu->want_flush = true;
	policy.cr0_read = vcpu->cr0_hidden;
	vcpu_set_policy(vcpu, &policy);
}

void guest_put_cr4(struct vcpu *vcpu, u64 cr4)
{
	struct vmcb_policy policy = vcpu->policy;
	u64 mce = __read_cr4() & X86_CR4_MCE;

	vcpu->cr4_hidden = cr4 & X86_CR4_MCE;
	vmcb_set_cr4(vcpu->vmcb, (cr4 & ~X86_CR4_MCE) | mce);
	vcpu->unchecked = true;
	vcpu->want_flush = true;
	policy.cr4_read = vcpu->cr4_hidden != mce;
	vcpu_set_policy(vcpu, &policy);
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
 * WRMSR of EFER. Returns false for #GP(0): LME must not change while paging is on, and
 * LMA is read-only (APM volume 2, 3.1.7).
 */
bool guest_set_efer(struct vcpu *vcpu, u64 efer)
{
	u64 old = guest_efer(vcpu), cr0 = vcpu->vmcb->save.cr0;

	if ((((old ^ efer) & EFER_LME) && (cr0 & X86_CR0_PG)) || efer != efer_with_lma(efer, cr0))
		return false;
	guest_put_efer(vcpu, efer);
	return true;
}

/* With a local APIC this clears the lower half of its TPR. */
void guest_put_cr8(struct vcpu *vcpu, u64 cr8)
{
	if (vcpu->apic)
		apic_set_cr8(vcpu, cr8);
	else
		vmcb_set_tpr(vcpu->vmcb, cr8);
}
