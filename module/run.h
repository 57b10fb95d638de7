/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop.
 */
#ifndef SVMVCPU_RUN_H
#define SVMVCPU_RUN_H

#include <linux/linkage.h>
#include <linux/types.h>

struct vcpu;

/* enter.S */
asmlinkage void svmvcpu_enter(u64 *gprs, u64 vmcb_pa, u64 host_pa);

long vcpu_run(struct vcpu *vcpu);
void vcpu_poke(struct vcpu *vcpu);
void vcpu_deadline_init(struct vcpu *vcpu);
void vcpu_deadline_start(struct vcpu *vcpu, u64 ns);
void vcpu_deadline_stop(struct vcpu *vcpu);
u32 vcpu_interruptions(struct vcpu *vcpu);

#endif /* SVMVCPU_RUN_H */
