/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control registers and EFER as the guest sees and sets them.
 */
#ifndef SVMVCPU_CONTROL_H
#define SVMVCPU_CONTROL_H

#include <linux/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "vcpu/vcpu.h"

static inline u64 guest_cr0(const struct vcpu *vcpu)
{
	return vcpu->vmcb->save.cr0 | vcpu->cr0_hidden;
}

static inline u64 guest_cr4(const struct vcpu *vcpu)
{
	return (vcpu->vmcb->save.cr4 & ~(u64)X86_CR4_MCE) | vcpu->cr4_hidden;
}

static inline u64 guest_efer(const struct vcpu *vcpu)
{
	return (vcpu->vmcb->save.efer & ~(u64)EFER_SVME) | vcpu->efer_hidden;
}

/* LMA follows LME and PG (APM volume 2, 14.6). */
static inline u64 efer_with_lma(u64 efer, u64 cr0)
{
	if ((efer & EFER_LME) && (cr0 & X86_CR0_PG))
		return efer | EFER_LMA;
	return efer & ~(u64)EFER_LMA;
}

u64 guest_cr8(const struct vcpu *vcpu);

void guest_put_cr0(struct vcpu *vcpu, u64 cr0);
void guest_put_cr4(struct vcpu *vcpu, u64 cr4);
void guest_put_efer(struct vcpu *vcpu, u64 efer);
bool guest_set_efer(struct vcpu *vcpu, u64 efer);
void guest_put_cr8(struct vcpu *vcpu, u64 cr8);

#endif /* SVMVCPU_CONTROL_H */
