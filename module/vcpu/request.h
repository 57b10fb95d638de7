/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests from outside that make RUN return: kicks, deadlines and signals.
 */
#ifndef SVMVCPU_REQUEST_H
#define SVMVCPU_REQUEST_H

#include <linux/types.h>

struct vcpu;

void vcpu_kick(struct vcpu *vcpu);
void vcpu_deadline_init(struct vcpu *vcpu);
void vcpu_deadline_start(struct vcpu *vcpu, u64 ns);
void vcpu_deadline_stop(struct vcpu *vcpu);
u32 vcpu_take_interruptions(struct vcpu *vcpu);

#endif /* SVMVCPU_REQUEST_H */
