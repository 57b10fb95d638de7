/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control registers and EFER as the guest sees and sets them.
 */
#ifndef SVMVCPU_CR_H
#define SVMVCPU_CR_H

#include <linux/types.h>

struct vcpu;

u64 guest_cr0(const struct vcpu *vcpu);
u64 guest_cr4(const struct vcpu *vcpu);
u64 guest_efer(const struct vcpu *vcpu);
u64 guest_cr8(const struct vcpu *vcpu);

void guest_put_cr0(struct vcpu *vcpu, u64 cr0);
void guest_put_cr4(struct vcpu *vcpu, u64 cr4);
void guest_put_efer(struct vcpu *vcpu, u64 efer);
void guest_put_cr8(struct vcpu *vcpu, u64 cr8);

bool guest_set_efer(struct vcpu *vcpu, u64 efer);

#endif /* SVMVCPU_CR_H */
