/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * WRMSR of EFER, which goes with the control registers.
 */
#ifndef SVMVCPU_CR_H
#define SVMVCPU_CR_H

#include <linux/types.h>

struct vcpu;

bool guest_set_efer(struct vcpu *vcpu, u64 efer);

#endif /* SVMVCPU_CR_H */
