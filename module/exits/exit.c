// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit handlers by EXITCODE, those of events and of simple instructions, and the
 * completion of exits at the next RUN.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "exits/exit.h"
#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/inject.h"
#include "vcpu/step.h"
#include "vcpu/vcpu.h"

/* No payload is larger than the space reserved for it, so none moves what follows. */
static_assert(offsetof(struct svmvcpu_run, gprs) ==
	      offsetofend(struct svmvcpu_run, exit_bytes));

/*
 * INVD and WBINVD do nothing: no device of the guest bypasses the caches, and INVD would
 * drop dirty lines of the host.
 */
static enum exit_result exit_cache(struct vcpu *vcpu, bool atomic)
{
	enum exit_result ret = guest_step(vcpu, BIT_ULL(INSN_INVD) | BIT_ULL(INSN_WBINVD) |
			     BIT_ULL(INSN_WBNOINVD), atomic);

	return ret ? ret : EXIT_RESUME;
}

/* VMEXIT_PAUSE: the guest spins, probably for another vCPU. Let other threads run. */
static enum exit_result exit_pause(struct vcpu *vcpu, bool atomic)
{
	enum exit_result ret = atomic ? EXIT_SLEEP : guest_step(vcpu, BIT_ULL(INSN_PAUSE), false);

	if (ret)
		return ret;
	yield();
	return EXIT_RESUME;
}

/* VMEXIT_HLT */
static enum exit_result exit_hlt(struct vcpu *vcpu, bool atomic)
{
	enum exit_result ret = guest_step(vcpu, BIT_ULL(INSN_HLT), atomic);

	if (ret)
		return ret;
	apic_sync(vcpu);
	if (inject_wakes(vcpu))
		return EXIT_RESUME;
	if (!vcpu->apic || !(vcpu->vmcb->save.rflags & X86_EFLAGS_IF))
		return exit_to_user(vcpu, SVMVCPU_EXIT_HALT);
	vcpu->activity = SVMVCPU_ACTIVITY_HALTED;
	vcpu_count(vcpu, SVMVCPU_STAT_HALTS);
	return EXIT_RESUME;
}

static enum exit_result complete_vmmcall(struct vcpu *vcpu, u64 answer, u32 flags)
{
	vcpu->gprs[INSN_RAX] = answer;
	guest_skip_to(vcpu, vcpu->pending_exit.next_rip);
	return EXIT_CONTINUE;
}

static enum exit_result exit_vmmcall(struct vcpu *vcpu, bool atomic)
{
	const u64 *gprs = vcpu->gprs;
	enum exit_result ret;

	ret = guest_next_rip(vcpu, BIT_ULL(INSN_VMMCALL), atomic);
	if (ret)
		return ret;
	exit_set_pending(vcpu, complete_vmmcall, 0, vcpu->next_rip);
	vcpu->run->hypercall = (struct svmvcpu_exit_hypercall) {
		.nr = gprs[INSN_RAX],
		.args = { gprs[INSN_RDI], gprs[INSN_RSI], gprs[INSN_RDX],
			  gprs[INSN_RCX], gprs[8], gprs[9] },
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_HYPERCALL);
}

static enum exit_result exit_shutdown(struct vcpu *vcpu)
{
	struct svmvcpu_exit_shutdown *reported = &vcpu->fault_history.reported;

	vcpu->dead = true;
	memset(&reported->faults[reported->nr], 0,
	       (SVMVCPU_FAULTS_MAX - reported->nr) * sizeof(*reported->faults));
	vcpu->run->shutdown = *reported;
	return exit_to_user(vcpu, SVMVCPU_EXIT_SHUTDOWN);
}

/* A fault came on top of a double fault. */
enum exit_result exit_third_fault(struct vcpu *vcpu)
{
	vcpu->shutdown = false;
	return exit_shutdown(vcpu);
}

/* Report only the #MC, because the faults before it are not known. */
static enum exit_result shutdown_by_machine_check(struct vcpu *vcpu)
{
	const struct svmvcpu_fault where = {
		.rip = vcpu_rip(vcpu),
		.rsp = vcpu->gprs[INSN_RSP],
	};

	pr_err_ratelimited("vCPU %u: TLB multi-match (AMD erratum 383) caused by the guest\n",
			   vcpu->id);
	fault_history_reset(&vcpu->fault_history);
	fault_history_add(&vcpu->fault_history, event_exception(VEC_MC, NO_ERROR), &where);
	return exit_shutdown(vcpu);
}

/*
 * A machine check of the host while the guest ran. Interrupts have been off since: see
 * irq_window_due().
 */
static enum exit_result exit_machine_check(struct vcpu *vcpu)
{
	if (machine_check_by_guest()) {
		svm_cpu_retire_asids();
		return shutdown_by_machine_check(vcpu);
	}
	machine_check_report();
	return EXIT_RESUME;
}

/* The instruction at RIP raises the next event, whose handler returns to @next_rip. */
static void soft_leave(struct vcpu *vcpu, u64 next_rip)
{
	vcpu->soft_rip = vcpu_rip(vcpu);
	vcpu->soft_next = next_rip;
	vcpu->vmcb->save.rip = next_rip;
}

/* @next_rip: RIP after the instruction that raised it, or 0 for a fault */
static void deliver(struct vcpu *vcpu, u64 event, u64 address, u64 next_rip)
{
	if (next_rip)
		soft_leave(vcpu, next_rip);
	event_deliver(vcpu, event, address);
}

static enum exit_result complete_exception(struct vcpu *vcpu, u64 answer, u32 flags)
{
	const struct vcpu_pending *pending = &vcpu->pending_exit;

	if (flags & SVMVCPU_RUN_INJECT)
		deliver(vcpu, pending->event, pending->address, pending->next_rip);
	return EXIT_CONTINUE;
}

static enum exit_result report_exception(struct vcpu *vcpu, u64 event, u64 address, u64 next_rip)
{
	struct svmvcpu_fault fault = { .address = address };

	exit_set_pending(vcpu, complete_exception, SVMVCPU_RUN_INJECT, next_rip);
	vcpu->pending_exit.event = event;
	vcpu->pending_exit.address = address;
	event_describe(event, &fault);
	vcpu->run->exception = (struct svmvcpu_exit_exception) {
		.vector = fault.vector,
		.error_code = fault.error_code,
		.flags = fault.flags,
		.address = fault.address,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_EXCEPTION);
}

/* Report the pending exception, which the VMM asked to see. */
enum exit_result exit_pending_exception(struct vcpu *vcpu)
{
	u64 event = vcpu->pending_exception;

	vcpu->pending_exception = 0;
	return report_exception(vcpu, event, vcpu->pending_address, 0);
}

/* INT3 and INTO exit with RIP at the instruction, but their handlers return after it. */
static enum exit_result trap_next_rip(struct vcpu *vcpu, unsigned int vector, bool atomic)
{
	vcpu->next_rip = 0;
	if (vector == VEC_BP)
		return guest_next_rip(vcpu, BIT_ULL(INSN_INT3) | BIT_ULL(INSN_INT), atomic);
	if (vector == VEC_OF)
		return guest_next_rip(vcpu, BIT_ULL(INSN_INTO) | BIT_ULL(INSN_INT), atomic);
	return EXIT_CONTINUE;
}

/* Delivery of a software interrupt has faulted: RIP is that of its instruction again. */
static void soft_return(struct vcpu *vcpu)
{
	if (!event_is_software(vcpu->event) || vcpu_rip(vcpu) != vcpu->soft_next ||
	    vcpu->soft_rip == vcpu->soft_next)
		return;
	vcpu->vmcb->save.rip = vcpu->soft_rip;
	/* The guest executes the instruction again. */
	vcpu->event = 0;
}

static bool is_debug_trap(const struct vcpu *vcpu, unsigned int vector)
{
	return vector == VEC_BP && (vcpu->debug.flags & SVMVCPU_DEBUG_INT3);
}

/* Like EXCEPTION, but with another reason and payload */
static enum exit_result report_int3(struct vcpu *vcpu, u64 event, u64 next_rip)
{
	report_exception(vcpu, event, 0, next_rip);
	vcpu->run->debug = (struct svmvcpu_exit_debug) {
		.cause = SVMVCPU_DEBUG_INT3,
		.rip = guest_linear_rip(vcpu),
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_DEBUG);
}

/* VMEXIT_EXCEPTION + vector */
static enum exit_result exit_exception(struct vcpu *vcpu, bool atomic)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;
	unsigned int vector = control->exit_code - VMEXIT_EXCEPTION;
	u64 address = vector == VEC_PF ? control->exit_info_2 : vcpu->vmcb->save.dr6;
	u64 event, next_rip;
	enum exit_result ret;

	if (vector == VEC_MC)
		return exit_machine_check(vcpu);
	if (vector == VEC_DB) {
		ret = step_took_db(vcpu, atomic, &address);
		if (ret)
			return ret;
	}
	ret = trap_next_rip(vcpu, vector, atomic);
	if (ret)
		return ret;
	next_rip = vcpu->next_rip;
	soft_return(vcpu);
	event = event_exception(vector, event_has_error(vector) ? (u32)control->exit_info_1 :
				NO_ERROR);
	if (is_debug_trap(vcpu, vector))
		return report_int3(vcpu, event, next_rip);
	if (vcpu->exceptions & BIT(vector))
		return report_exception(vcpu, event, address, next_rip);
	deliver(vcpu, event, address, next_rip);
	return EXIT_RESUME;
}

/*
 * INT n, intercepted in a step, and while the VMM wants to see #BP or #OF: emulators do not
 * honor the exception intercept for INT3 and INTO.
 */
static enum exit_result exit_intn(struct vcpu *vcpu, bool atomic)
{
	const u64 classes = BIT_ULL(INSN_INT3) | BIT_ULL(INSN_INTO) | BIT_ULL(INSN_INT);
	struct ginsn insn;
	unsigned int vector;
	u64 event, next_rip;
	enum exit_result ret;

	ret = guest_decode_as(vcpu, &insn, classes, atomic);
	if (ret)
		return ret;
	next_rip = ginsn_next_rip(vcpu_mode(vcpu), vcpu_rip(vcpu), insn.len);
	vector = insn.class == INSN_INT3 ? VEC_BP : insn.class == INSN_INTO ? VEC_OF : insn.imm;
	event = event_exception(vector, NO_ERROR);
	if (insn.class != INSN_INT && is_debug_trap(vcpu, vector))
		return report_int3(vcpu, event, next_rip);
	if (insn.class != INSN_INT && (vcpu->exceptions & BIT(vector)))
		return report_exception(vcpu, event, 0, next_rip);

	if (insn.class == INSN_INT)
		event = EVENT_V | EVENT_TYPE_SOFT | vector;
	soft_leave(vcpu, next_rip);
	vcpu->event = event;
	return EXIT_RESUME;
}

/* The VMM sees every other exit as UNKNOWN. */
enum exit_result exit_by_code(struct vcpu *vcpu, u64 code, bool atomic)
{
	switch (code) {
	case VMEXIT_MSR:
		return exit_msr(vcpu, atomic);
	case VMEXIT_HLT:
		return exit_hlt(vcpu, atomic);
	case VMEXIT_VMMCALL:
		return exit_vmmcall(vcpu, atomic);
	case VMEXIT_CR0_READ ... VMEXIT_CR0_WRITE + 15:
		return exit_cr(vcpu, atomic);
	case VMEXIT_DR0_READ ... VMEXIT_DR0_WRITE + 15:
		return exit_dr(vcpu, atomic);
	case VMEXIT_EXCEPTION ... VMEXIT_EXCEPTION + 31:
		return exit_exception(vcpu, atomic);
	case VMEXIT_INTR ... VMEXIT_INIT:
		/* An event of the host, which open_irq_window() has let in */
		return EXIT_RESUME;
	case VMEXIT_VINTR:
		return exit_vintr(vcpu, atomic);
	case VMEXIT_IRET:
		return exit_iret(vcpu, atomic);
	case VMEXIT_INTN:
		return exit_intn(vcpu, atomic);
	case VMEXIT_INVD:
	case VMEXIT_WBINVD:
		return exit_cache(vcpu, atomic);
	case VMEXIT_PAUSE:
		return exit_pause(vcpu, atomic);
	case VMEXIT_XSETBV:
		return exit_xsetbv(vcpu, atomic);
	case VMEXIT_SHUTDOWN:
		return exit_shutdown(vcpu);
	case VMEXIT_RDPMC:
		/* Every index is invalid: the guest has no performance counters. */
		return guest_raise(vcpu, VEC_GP, 0);
	case VMEXIT_RSM:
	case VMEXIT_INVLPGA:
	case VMEXIT_VMRUN:
	case VMEXIT_VMLOAD ... VMEXIT_RDTSCP:
	case VMEXIT_MONITOR ... VMEXIT_MWAIT_ARMED:
	case VMEXIT_RDPRU:
	case VMEXIT_INVLPGB ... VMEXIT_TLBSYNC:
		/* As on a CPU that does not have the instruction */
		return guest_raise(vcpu, VEC_UD, NO_ERROR);
	default:
		return guest_unknown_exit(vcpu);
	}
}

/* Complete the last exit. Returns EXIT_CONTINUE, EXIT_RESUME, EXIT_USER or EXIT_ERROR. */
enum exit_result exit_complete(struct vcpu *vcpu, u64 answer, u32 flags)
{
	struct vcpu_pending *pending = &vcpu->pending_exit;
	enum exit_result ret = EXIT_CONTINUE;

	/* Unless the VMM has moved RIP */
	if (pending->rip == vcpu_rip(vcpu))
		ret = pending->complete(vcpu, answer, flags);
	/* Keep the data of INS and MOVS while there is no memory for it. */
	if (ret != EXIT_USER && ret != EXIT_ERROR) {
		pending->complete = NULL;
		pending->flags = 0;
	}
	return ret;
}
