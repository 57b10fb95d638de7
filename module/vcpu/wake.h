/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stops a RUN from outside.
 */
#ifndef SVMVCPU_WAKE_H
#define SVMVCPU_WAKE_H

#include <linux/types.h>

struct vcpu;

void vcpu_poke(struct vcpu *vcpu);
void vcpu_deadline_init(struct vcpu *vcpu);
void vcpu_deadline_start(struct vcpu *vcpu, u64 ns);
void vcpu_deadline_stop(struct vcpu *vcpu);
u32 vcpu_interruptions(struct vcpu *vcpu);

#endif /* SVMVCPU_WAKE_H */
