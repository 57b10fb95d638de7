// SPDX-License-Identifier: GPL-2.0-only
/*
 * One instruction at a time, for a debugger in the VMM or for an NMI that
 * waits for the end of one; and the VMM's breakpoints.
 *
 * A step is an entry with TF set. TF, and whatever else of the guest's it takes,
 * is changed right before VMRUN and put back right after: nobody else in the
 * module, and not the VMM, ever sees it. For the guest not to see it either
 *
 *   - exceptions and INT n are intercepted and delivered by a later entry,
 *     with TF as it was;
 *   - PUSHF and SYSCALL have what they stored put right;
 *   - POPF, IRET and SYSRET have the last word on what TF is.
 *
 * An entry that injects an event is a step of its own: TF would go to the
 * handler's frame, and not trap in the handler. An interrupt of the host's that
 * is pending at VMRUN ends it, behind the delivery and before the handler.
 *
 * Owns vcpu.step and vcpu.debug.hit.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "insn/step_kind.h"
#include "svm/cpu.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/step.h"
#include "vcpu/vcpu.h"

#define TF		((u64)X86_EFLAGS_TF)
#define DR6_HIT		(DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3)
#define DR6_CAUSES	(DR6_HIT | DR_STEP | BIT(13) | BIT(15))
#define R11		11

/* For the interrupt alone */
static void step_interrupted(struct irq_work *irq)
{
}

void step_init(struct vcpu *vcpu)
{
	init_irq_work(&vcpu->step.irq, step_interrupted);
}

void step_destroy(struct vcpu *vcpu)
{
	irq_work_sync(&vcpu->step.irq);
}

static bool stepping(const struct vcpu *vcpu)
{
	return (vcpu->debug.flags & SVMVCPU_DEBUG_STEP) || vcpu->nmi_step;
}

static bool breaking(const struct vcpu *vcpu)
{
	return vcpu->debug.flags & SVMVCPU_DEBUG_BREAKPOINTS;
}

/**
 * step_policy() - before an entry: which exceptions are intercepted
 * @vcpu: its mutex held
 *
 * Those that the VMM asked to see or to have followed. In a step all of them,
 * and behind INT n too: its faults return to the INT, which is where the guest
 * was when the module took over.
 */
void step_policy(struct vcpu *vcpu)
{
	const u32 traps = BIT(VEC_BP) | BIT(VEC_OF);
	u32 exceptions = vcpu->exceptions | vcpu->followed;
	bool intn;

	if (vcpu->debug.flags & SVMVCPU_DEBUG_INT3)
		exceptions |= BIT(VEC_BP);
	/* Real CPUs honor the exception intercept for INT3; emulators do not. */
	intn = (exceptions & traps & ~vcpu->followed) && !svm_has(SVMVCPU_FEAT_DECODE_ASSISTS);
	if (unlikely(stepping(vcpu) || event_is_software(vcpu->event)))
		exceptions |= EXITABLE_EXCEPTIONS;
	intn |= stepping(vcpu);
	if (likely(vcpu->policy.exceptions == exceptions && vcpu->policy.intn == intn))
		return;
	vcpu->policy.exceptions = exceptions;
	vcpu->policy.intn = intn;
	vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, &vcpu->policy);
}

/**
 * step_breakpoints() - DR0 to DR3 for the next entry
 * @vcpu: its mutex held
 */
const u64 *step_breakpoints(const struct vcpu *vcpu)
{
	return breaking(vcpu) ? vcpu->debug.db : vcpu->db;
}

static enum step_kind kind_at_rip(struct vcpu *vcpu)
{
	u8 bytes[INSN_MAX_LEN];

	return step_kind(bytes, guest_peek_code(vcpu, bytes, sizeof(bytes)), vcpu_mode(vcpu));
}

static void arm(struct vcpu *vcpu)
{
	struct vmcb_save_area *save = &vcpu->vmcb->save;
	struct vcpu_step *step = &vcpu->step;

	step->armed = true;
	step->kind = kind_at_rip(vcpu);
	step->tf = save->rflags & TF;
	save->rflags |= TF;
	switch (step->kind) {
	case STEP_SYSCALL:
		step->sfmask = save->sfmask;
		save->sfmask &= ~TF;
		break;
	case STEP_SYSRET:
		step->r11_tf = vcpu->gprs[R11] & TF;
		vcpu->gprs[R11] |= TF;
		break;
	}
}

/**
 * step_enter() - right before VMRUN
 * @vcpu: its mutex held; interrupts off
 */
void step_enter(struct vcpu *vcpu)
{
	struct vcpu_step *step = &vcpu->step;
	struct vmcb *vmcb = vcpu->vmcb;

	step->done = false;
	step->pushed = false;
	if (likely(!stepping(vcpu) && !breaking(vcpu)))
		return;
	step->dr6 = vmcb->save.dr6;
	step->dr7 = vmcb->save.dr7;
	vmcb_set_dr6(vmcb, DR6_RESERVED);
	if (breaking(vcpu))
		vmcb_set_dr7(vmcb, vcpu->debug.dr7);
	if (!vcpu->event && stepping(vcpu))
		arm(vcpu);
	step->injecting = vcpu->event && stepping(vcpu);
	if (step->injecting)
		irq_work_queue(&step->irq);
}

static void put_tf(u64 *where, bool tf)
{
	*where = tf ? *where | TF : *where & ~TF;
}

/* @done: behind the instruction, otherwise it has not happened */
static void disarm(struct vcpu *vcpu, bool done)
{
	struct vmcb_save_area *save = &vcpu->vmcb->save;
	struct vcpu_step *step = &vcpu->step;
	bool tf = step->tf;

	step->armed = false;
	step->done = done;
	step->pushed = done && !tf && step->kind == STEP_PUSHF;
	switch (step->kind) {
	case STEP_LOADS:
		if (done)
			return;
		break;
	case STEP_SYSCALL:
		save->sfmask = step->sfmask;
		if (done) {
			put_tf(&vcpu->gprs[R11], tf);
			tf = tf && !(step->sfmask & TF);
		}
		break;
	case STEP_SYSRET:
		put_tf(&vcpu->gprs[R11], step->r11_tf);
		if (done)
			tf = step->r11_tf;
		break;
	}
	put_tf(&save->rflags, tf);
	/* SYSCALL and SYSRET trap if TF is set after them, not before. */
	step->tf = tf;
}

/**
 * step_completed() - the module has done an instruction for the guest
 * @vcpu: its mutex held
 *
 * Or an entry has delivered an event.
 */
void step_completed(struct vcpu *vcpu)
{
	if (unlikely(vcpu->debug.flags & SVMVCPU_DEBUG_STEP))
		vcpu->debug.hit |= DR_STEP;
}

/* Bits 0-3: the breakpoints that stop in front of an instruction */
static u32 code_breakpoints(u64 dr7)
{
	u32 code = 0;
	int i;

	for (i = 0; i < 4; i++)
		if (!(dr7 >> (16 + 4 * i) & 3))
			code |= BIT(i);
	return code;
}

/**
 * step_leave() - right after VMRUN
 * @vcpu: its mutex held; interrupts off
 *
 * DR6 is the guest's again, without what this entry left in it: that is in
 * step.causes. A #DB that the guest is to have brings its own.
 */
void step_leave(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;
	struct vcpu_step *step = &vcpu->step;
	bool db = vmcb->control.exit_code == VMEXIT_EXCEPTION + VEC_DB;
	bool fault;

	if (likely(!stepping(vcpu) && !breaking(vcpu)))
		return;
	step->causes = vmcb->save.dr6 & DR6_CAUSES;
	/*
	 * A step that ends in front of one has not hit it yet, and will not if RF
	 * is set. QEMU says it has.
	 */
	if (step->causes & DR_STEP)
		step->causes &= ~code_breakpoints(vmcb->save.dr7);
	vmcb_set_dr6(vmcb, step->dr6);
	vmcb_set_dr7(vmcb, step->dr7);
	/* An instruction breakpoint and DR7.GD come before the instruction. */
	fault = (step->causes & (DR6_HIT | BIT(13))) && !(step->causes & DR_STEP);
	if (step->armed)
		disarm(vcpu, db && !fault && step->kind != STEP_INT1);
	if (step->injecting && !(vmcb->control.exit_int_info & EVENT_V))
		step_completed(vcpu);
	step->injecting = false;
}

/* Which of the VMM's breakpoints were hit */
static u32 breakpoints_hit(const struct vcpu *vcpu)
{
	u32 hit = 0;
	int i;

	/* A step may show those that are not enabled, too. */
	for (i = 0; breaking(vcpu) && i < 4; i++)
		if (vcpu->debug.dr7 & (3ULL << 2 * i))
			hit |= vcpu->step.causes & BIT(i);
	return hit;
}

/* An instruction breakpoint comes before its instruction: RF lets that pass. */
static void pass_instruction(struct vcpu *vcpu, u32 hit)
{
	if (hit & code_breakpoints(vcpu->debug.dr7))
		vcpu->vmcb->save.rflags |= X86_EFLAGS_RF;
}

/**
 * step_took_db() - a #DB exit: whose is it?
 * @vcpu: its mutex held
 * @atomic: see exit.h
 * @guest_dr6: out: DR6 that goes with the guest's part of it
 *
 * Return: EXIT_CONTINUE when the guest has a part in it, EXIT_RESUME when not;
 * EXIT_SLEEP.
 */
enum exit_result step_took_db(struct vcpu *vcpu, bool atomic, u64 *guest_dr6)
{
	struct vcpu_step *step = &vcpu->step;
	u32 guest = step->causes, hit = breakpoints_hit(vcpu);

	*guest_dr6 = vcpu->vmcb->save.dr6;
	if (likely(!stepping(vcpu) && !breaking(vcpu)))
		return EXIT_CONTINUE;
	if (step->pushed && guest_clear_pushed(vcpu, TF, atomic) == EXIT_SLEEP)
		return EXIT_SLEEP;
	step->pushed = false;
	if (breaking(vcpu))
		guest &= ~DR6_HIT;
	if (step->done && !step->tf)
		guest &= ~DR_STEP;
	else if (step->done)
		guest |= DR_STEP;
	vcpu->debug.hit |= hit;
	pass_instruction(vcpu, hit);
	if (step->done)
		step_completed(vcpu);
	*guest_dr6 |= guest;
	return guest || (!step->done && !hit) ? EXIT_CONTINUE : EXIT_RESUME;
}

/**
 * step_report() - DEBUG
 * @vcpu: vcpu->debug.hit is not 0
 *
 * Return: EXIT_USER.
 */
enum exit_result step_report(struct vcpu *vcpu)
{
	u32 hit = vcpu->debug.hit;

	vcpu->debug.hit = 0;
	vcpu->run->debug = (struct svmvcpu_exit_debug) {
		.cause = (hit & DR_STEP ? SVMVCPU_DEBUG_STEP : 0) |
			 (hit & DR6_HIT ? SVMVCPU_DEBUG_BREAKPOINTS : 0),
		.dr6 = hit,
		.rip = guest_linear_rip(vcpu),
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_DEBUG);
}
