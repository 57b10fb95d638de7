/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Architectural state in and out of a vCPU.
 */
#ifndef SVMVCPU_STATE_H
#define SVMVCPU_STATE_H

#include <linux/svmvcpu.h>
#include <linux/types.h>

struct vcpu;

void state_get(struct vcpu *vcpu, struct svmvcpu_state *state);
void state_put(struct vcpu *vcpu, const struct svmvcpu_state *state);
int state_setup(struct vcpu *vcpu, const struct svmvcpu_setup *setup);

void state_put_gprs(struct vcpu *vcpu, const struct svmvcpu_gprs *gprs, u64 rip, u64 rflags);
void state_publish(struct vcpu *vcpu);

#endif /* SVMVCPU_STATE_H */
