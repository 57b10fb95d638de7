// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single steps, for a debugger in the VMM or for an NMI that waits for an instruction
 * to end; and the VMM's breakpoints.
 *
 * A step is an entry with TF set. TF and the other guest state that a step needs are
 * changed right before VMRUN and restored right after it, so neither the VMM nor the
 * rest of the module ever sees the change. To hide it from the guest as well,
 *
 *   - exceptions and INT n are intercepted, and a later entry delivers them with the
 *     guest's TF;
 *   - the flags that PUSHF and SYSCALL store are corrected;
 *   - POPF, IRET and SYSRET determine the new TF.
 *
 * An entry that injects an event is a step of its own: TF would be saved in the
 * handler's stack frame and not trap in the handler. A host interrupt that is pending
 * at VMRUN ends the step after the delivery and before the handler's first instruction.
 *
 * Owns vcpu.step and vcpu.debug. The functions expect vcpu.mutex held; step_enter() and
 * step_leave() also expect interrupts off.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/svmvcpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "insn/insn.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/step.h"
#include "vcpu/vcpu.h"

/* DR7: enables, R/W and LEN, but not GD */
#define DR7_VALID	0xffff07ffULL
#define DR7_FIXED	0x00000400ULL
#define DR7_RW(dr7, i)	((dr7) >> (16 + 4 * (i)) & 3)
#define DR7_LEN(dr7, i)	((dr7) >> (18 + 4 * (i)) & 3)
#define DR7_RW_EXEC	0
#define DR7_RW_PORT	2

#define TF		((u64)X86_EFLAGS_TF)
#define DR6_HIT		(DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3)
#define DR6_CAUSES	(DR6_HIT | DR_STEP | BIT(13) | BIT(15))
#define R11		11

/* For vcpu_step.irq. Only the interrupt itself matters: it causes an exit. */
void step_interrupted(struct irq_work *irq)
{
}

static bool breakpoints_valid(const struct svmvcpu_set_debug *set)
{
	unsigned int i;

	if (!(set->flags & SVMVCPU_DEBUG_BREAKPOINTS))
		return !set->dr7 && !memchr_inv(set->db, 0, sizeof(set->db));
	if (set->dr7 & ~DR7_VALID)
		return false;
	/* I/O breakpoints depend on the guest's CR4.DE, which the VMM does not control. */
	for (i = 0; i < ARRAY_SIZE(set->db); i++)
		if (DR7_RW(set->dr7, i) == DR7_RW_PORT ||
		    (DR7_RW(set->dr7, i) == DR7_RW_EXEC && DR7_LEN(set->dr7, i)))
			return false;
	return true;
}

/**
 * step_set_debug() - SVMVCPU_SET_DEBUG
 * @vcpu: the vCPU
 * @arg: argument of the ioctl
 *
 * Return: 0, -EINVAL, -E2BIG or -EFAULT.
 */
int step_set_debug(struct vcpu *vcpu, const void __user *arg)
{
	const u32 known = SVMVCPU_DEBUG_STEP | SVMVCPU_DEBUG_BREAKPOINTS | SVMVCPU_DEBUG_INT3;
	struct svmvcpu_set_debug set;
	int ret;

	ret = svmvcpu_copy_arg_flags(&set, sizeof(set), sizeof(set), known, arg);
	if (ret)
		return ret;
	if (!breakpoints_valid(&set))
		return -EINVAL;
	vcpu->debug.flags = set.flags;
	memcpy(vcpu->debug.db, set.db, sizeof(set.db));
	vcpu->debug.dr7 = set.dr7 | DR7_FIXED;
	/* Do not report what the VMM no longer asks for. */
	if (!(set.flags & SVMVCPU_DEBUG_STEP))
		vcpu->debug.hit &= ~(u32)DR_STEP;
	if (!(set.flags & SVMVCPU_DEBUG_BREAKPOINTS))
		vcpu->debug.hit &= DR_STEP;
	return 0;
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
 * step_policy() - choose the exceptions to intercept for the next entry
 * @vcpu: the vCPU
 * @policy: intercepts of the next entry; exceptions and intn are set
 *
 * These are the exceptions that the VMM has selected and those of the fault history. A
 * step intercepts all of them. So does an entry that injects a software interrupt: its
 * faults return to the INT instruction, which is where the guest was before the
 * injection.
 */
void step_policy(const struct vcpu *vcpu, struct vmcb_policy *policy)
{
	u32 exceptions = vcpu->exceptions;

	if (vcpu->debug.flags & SVMVCPU_DEBUG_INT3)
		exceptions |= BIT(VEC_BP);
	/* Real CPUs honor the exception intercept for INT3; emulators do not. */
	policy->intn = stepping(vcpu) || ((exceptions & (BIT(VEC_BP) | BIT(VEC_OF))) &&
					  !svm_has(SVMVCPU_FEAT_DECODE_ASSISTS));
	exceptions |= vcpu->followed;
	if (unlikely(stepping(vcpu) || event_is_software(vcpu->event)))
		exceptions |= EXITABLE_EXCEPTIONS;
	policy->exceptions = exceptions;
}

/* DR0 to DR3 for the next entry */
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

/* Change the guest's state for a step or for the VMM's breakpoints, right before VMRUN. */
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

/* Restore the guest's TF. @done: the instruction has completed. */
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
 * step_completed() - the module has completed an instruction for the guest
 * @vcpu: the vCPU
 *
 * Also called when an entry has delivered an event.
 */
void step_completed(struct vcpu *vcpu)
{
	if (unlikely(vcpu->debug.flags & SVMVCPU_DEBUG_STEP))
		vcpu->debug.hit |= DR_STEP;
}

/* Bits 0-3: instruction breakpoints, which hit before the instruction */
static u32 code_breakpoints(u64 dr7)
{
	u32 code = 0;
	int i;

	for (i = 0; i < 4; i++)
		if (DR7_RW(dr7, i) == DR7_RW_EXEC)
			code |= BIT(i);
	return code;
}

/*
 * Restore the guest's state right after VMRUN. DR6 is the guest's again; the causes
 * that this entry added are in step.causes. A #DB for the guest supplies its own.
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
	 * A step that ends in front of an instruction breakpoint has not hit it yet,
	 * and will not if RF is set. QEMU reports a hit.
	 */
	if (step->causes & DR_STEP)
		step->causes &= ~code_breakpoints(vmcb->save.dr7);
	vmcb_set_dr6(vmcb, step->dr6);
	vmcb_set_dr7(vmcb, step->dr7);
	/* Instruction breakpoints and DR7.GD trap before the instruction. */
	fault = (step->causes & (DR6_HIT | BIT(13))) && !(step->causes & DR_STEP);
	if (step->armed)
		disarm(vcpu, db && !fault && step->kind != STEP_INT1);
	if (step->injecting && !(vmcb->control.exit_int_info & EVENT_V))
		step_completed(vcpu);
	step->injecting = false;
}

/* The VMM's breakpoints that were hit. After a step DR6 may also show disabled ones. */
static u32 breakpoints_hit(const struct vcpu *vcpu)
{
	u32 hit = 0;
	int i;

	for (i = 0; breaking(vcpu) && i < 4; i++)
		if (vcpu->debug.dr7 & (3ULL << 2 * i))
			hit |= vcpu->step.causes & BIT(i);
	return hit;
}

/**
 * step_took_db() - split a #DB exit between the VMM and the guest
 * @vcpu: the vCPU
 * @atomic: see exit.h
 * @guest_dr6: out: DR6 of the #DB that the guest gets
 *
 * Return: EXIT_CONTINUE to deliver a #DB to the guest, EXIT_RESUME otherwise;
 * EXIT_SLEEP.
 */
enum exit_result step_took_db(struct vcpu *vcpu, bool atomic, u64 *guest_dr6)
{
	struct vcpu_step *step = &vcpu->step;
	u32 guest = step->causes, hit = breakpoints_hit(vcpu);

	*guest_dr6 = vcpu->vmcb->save.dr6;
	if (likely(!stepping(vcpu) && !breaking(vcpu)))
		return EXIT_CONTINUE;
	if (step->pushed && guest_clear_pushed_tf(vcpu, atomic) == EXIT_SLEEP)
		return EXIT_SLEEP;
	step->pushed = false;
	if (breaking(vcpu))
		guest &= ~DR6_HIT;
	if (step->done)
		guest = step->tf ? guest | DR_STEP : guest & ~DR_STEP;
	vcpu->debug.hit |= hit;
	/* An instruction breakpoint hits before its instruction: set RF to continue past it. */
	if (hit & code_breakpoints(vcpu->debug.dr7))
		vcpu->vmcb->save.rflags |= X86_EFLAGS_RF;
	if (step->done)
		step_completed(vcpu);
	*guest_dr6 |= guest;
	return guest || (!step->done && !hit) ? EXIT_CONTINUE : EXIT_RESUME;
}

/* Exit with SVMVCPU_EXIT_DEBUG. vcpu.debug.hit is not 0. */
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
