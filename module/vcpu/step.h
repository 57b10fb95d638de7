/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single steps for the VMM and for waiting NMIs, and the breakpoints of the VMM.
 */
#ifndef SVMVCPU_STEP_H
#define SVMVCPU_STEP_H

#include <linux/compiler.h>
#include <linux/irq_work.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

struct vcpu;
struct vmcb_policy;

/* What one entry changes in the guest for a step. Valid around VMRUN only. */
struct vcpu_step {
	bool armed;		/* RFLAGS.TF is set to exit after one instruction */
	bool injecting;		/* an event is injected; exit right after its delivery */
	bool done;		/* the entry completed its instruction */
	bool pushed;		/* that was a PUSHF: TF on the guest's stack is wrong */
	bool tf;		/* the guest's TF; after SYSCALL or SYSRET, the new one */
	bool r11_tf;		/* SYSRET: the guest's TF in R11 */
	u8 kind;		/* enum step_kind */
	u64 sfmask;		/* SYSCALL: the guest's SFMASK */
	u64 dr6;		/* the guest's DR6 and DR7 */
	u64 dr7;
	u64 causes;		/* what the entry added to DR6 */
	struct irq_work irq;	/* causes the exit after an event */
};

/* What SVMVCPU_SET_DEBUG chose */
struct vcpu_debug {
	union {
		struct {
			u32 flags;	/* SVMVCPU_DEBUG_* */
			u32 hit;	/* bits of DR6 to report with SVMVCPU_EXIT_DEBUG */
		};
		u64 any;		/* both, for a single test */
	};
	u64 db[4];			/* DR0-DR3 and DR7 for SVMVCPU_DEBUG_BREAKPOINTS */
	u64 dr7;
};

void step_interrupted(struct irq_work *irq);
int step_set_debug(struct vcpu *vcpu, const void __user *arg);
void step_policy(const struct vcpu *vcpu, struct vmcb_policy *policy);
const u64 *step_breakpoints(const struct vcpu *vcpu);
void step_enter(struct vcpu *vcpu);
void step_leave(struct vcpu *vcpu);
void step_completed(struct vcpu *vcpu);
enum exit_result step_took_db(struct vcpu *vcpu, bool atomic, u64 *guest_dr6);
enum exit_result step_report(struct vcpu *vcpu);

#endif /* SVMVCPU_STEP_H */
