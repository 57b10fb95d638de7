/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others need of a guest's MSRs.
 */
#ifndef SVMVCPU_MSR_H
#define SVMVCPU_MSR_H

#include <linux/types.h>

struct vcpu;

u64 guest_tsc(const struct vcpu *vcpu);
void guest_put_tsc(struct vcpu *vcpu, u64 tsc);

u64 guest_edx_eax(const struct vcpu *vcpu);
void guest_put_edx_eax(struct vcpu *vcpu, u64 value);

#endif /* SVMVCPU_MSR_H */
