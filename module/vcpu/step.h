/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single steps and breakpoints of the VMM, and steps that an NMI waits for.
 */
#ifndef SVMVCPU_STEP_H
#define SVMVCPU_STEP_H

#include <linux/irq_work.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

struct vcpu;

/**
 * struct vcpu_step - what an entry for one step changes in the guest
 * @armed: RFLAGS.TF is set, for an exit after one instruction
 * @injecting: an event goes in, and an exit shall come right behind it
 * @done: the entry ended behind its instruction
 * @pushed: and that was a PUSHF: TF on the stack is not the guest's
 * @tf: the guest had TF set anyway; after a SYSCALL or SYSRET, it has TF set now
 * @r11_tf: TF in R11 of a SYSRET
 * @kind: &enum step_kind
 * @sfmask: SYSCALL: the guest's SFMASK
 * @dr6: the guest's DR6
 * @dr7: the guest's DR7
 * @causes: what the entry left in DR6
 * @irq: the exit behind an event
 */
struct vcpu_step {
	bool armed;
	bool injecting;
	bool done;
	bool pushed;
	bool tf;
	bool r11_tf;
	u8 kind;
	u64 sfmask;
	u64 dr6;
	u64 dr7;
	u64 causes;
	struct irq_work irq;
};

/**
 * struct vcpu_debug - what SVMVCPU_SET_DEBUG chose
 * @flags: SVMVCPU_DEBUG_*
 * @hit: bits of DR6 that DEBUG has yet to tell the VMM
 * @any: both, for one look at them
 * @db: DR0 to DR3 with BREAKPOINTS
 * @dr7: and DR7
 */
struct vcpu_debug {
	union {
		struct {
			u32 flags;
			u32 hit;
		};
		u64 any;
	};
	u64 db[4];
	u64 dr7;
};

void step_init(struct vcpu *vcpu);
void step_destroy(struct vcpu *vcpu);
void step_policy(struct vcpu *vcpu);
const u64 *step_breakpoints(const struct vcpu *vcpu);
void step_enter(struct vcpu *vcpu);
void step_leave(struct vcpu *vcpu);
void step_completed(struct vcpu *vcpu);
enum exit_result step_took_db(struct vcpu *vcpu, bool atomic, u64 *guest_dr6);
enum exit_result step_report(struct vcpu *vcpu);

#endif /* SVMVCPU_STEP_H */
