// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into the guest: exceptions that the module raises, and events
 * whose delivery an exit interrupted (EXITINTINFO), which must be injected again first.
 *
 * Owns vcpu.event and vcpu.fault_history. Exit handlers raise events; run.c copies
 * vcpu.event to EVENTINJ and calls event_collect() after each exit.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "svm/cpu.h"
#include "vcpu/event.h"
#include "vcpu/vcpu.h"

/* Result of event_merge(): the exception causes a shutdown */
#define EVENT_SHUTDOWN	(~0ULL)

/* Whether the exception @vector pushes an error code */
bool event_has_error(unsigned int vector)
{
	const u32 with_error = BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) |
			       BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_AC) | BIT(VEC_CP);

	return vector < 32 && (with_error & BIT(vector));
}

/**
 * event_exception() - an exception in EVENTINJ layout
 * @vector: exception vector
 * @error: error code, or NO_ERROR
 */
u64 event_exception(unsigned int vector, s64 error)
{
	u64 event = EVENT_V | EVENT_TYPE_EXCEPTION | vector;

	if (error != NO_ERROR)
		event |= EVENT_EV | (u64)(u32)error << EVENT_ERROR_SHIFT;
	return event;
}

static bool is_contributory(unsigned int vector)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP) || vector == VEC_CP;
}

/*
 * Combine @old, which was being delivered (0 for none), and the exception @new that
 * occurred meanwhile (APM volume 2, 8.2.9).
 *
 * If @old is an interrupt, an NMI or a software interrupt, hardware drops it and
 * delivers @new; the saved RIP is that of the interrupted code.
 *
 * Returns @new or a double fault in EVENTINJ layout, or EVENT_SHUTDOWN.
 */
static u64 event_merge(u64 old, u64 new)
{
	unsigned int first = old & EVENT_VECTOR_MASK, second = new & EVENT_VECTOR_MASK;

	if (!(old & EVENT_V) || (old & EVENT_TYPE_MASK) != EVENT_TYPE_EXCEPTION)
		return new;
	if (first == VEC_DF && (is_contributory(second) || second == VEC_PF))
		return EVENT_SHUTDOWN;
	if ((is_contributory(first) && is_contributory(second)) ||
	    (first == VEC_PF && (is_contributory(second) || second == VEC_PF)))
		return event_exception(VEC_DF, 0);
	return new;
}

/* Faults save the RIP of the instruction that caused them. */
static bool is_fault(unsigned int vector)
{
	return vector != VEC_DB && vector != VEC_BP && vector != VEC_OF && vector != VEC_DF &&
	       vector != VEC_MC;
}

/* Set the registers that an exception changes besides its stack frame. */
static void set_address(struct vcpu *vcpu, unsigned int vector, u64 address)
{
	struct vmcb *vmcb = vcpu->vmcb;

	if (vector == VEC_PF)
		vmcb_set_cr2(vmcb, address);
	if (vector != VEC_DB)
		return;
	vmcb_set_dr6(vmcb, address);
	/* Delivery clears GD, so that the handler can read the registers. */
	vmcb_set_dr7(vmcb, vmcb->save.dr7 & ~BIT_ULL(13));
}

/**
 * event_describe() - describe an event to the VMM
 * @event: in EVENTINJ layout
 * @fault: out: everything except RIP and RSP; @fault->address is zeroed unless
 *	the event has one
 */
void event_describe(u64 event, struct svmvcpu_fault *fault)
{
	fault->vector = event & EVENT_VECTOR_MASK;
	fault->mbz = 0;
	fault->flags = 0;
	fault->error_code = 0;
	if (event & EVENT_EV) {
		fault->flags |= SVMVCPU_EXC_ERROR_CODE;
		fault->error_code = event >> EVENT_ERROR_SHIFT;
	}
	if ((event & EVENT_TYPE_MASK) != EVENT_TYPE_EXCEPTION)
		fault->flags |= SVMVCPU_EXC_INTERRUPT;
	else if (fault->vector == VEC_PF || fault->vector == VEC_DB)
		fault->flags |= SVMVCPU_EXC_ADDRESS;
	if (!(fault->flags & SVMVCPU_EXC_ADDRESS))
		fault->address = 0;
}

/*
 * Append an event. @where has the address, RIP and RSP. A full history drops the second
 * oldest entry: the oldest is the cause of all others.
 */
void fault_history_add(struct fault_history *history, u64 event, const struct svmvcpu_fault *where)
{
	struct svmvcpu_exit_shutdown *reported = &history->reported;

	if (!reported->nr)
		reported->left_out = 0;
	if (reported->nr == SVMVCPU_FAULTS_MAX) {
		memmove(&reported->faults[1], &reported->faults[2],
			(SVMVCPU_FAULTS_MAX - 2) * sizeof(*reported->faults));
		reported->nr--;
		reported->left_out++;
	}
	reported->faults[reported->nr] = *where;
	event_describe(event, &reported->faults[reported->nr++]);
	history->last = event;
}

/* Record an event, so that a shutdown can report it. */
static void note(struct vcpu *vcpu, u64 event)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const struct svmvcpu_fault where = {
		.address = (event & EVENT_VECTOR_MASK) == VEC_DB ? save->dr6 : save->cr2,
		.rip = save->rip,
		.rsp = vcpu->gprs[INSN_RSP],
	};

	fault_history_add(&vcpu->fault_history, event, &where);
}

/* Real mode pushes no error code. */
static u64 as_pushed(const struct vcpu *vcpu, u64 event)
{
	if (vcpu->vmcb->save.cr0 & X86_CR0_PE)
		return event;
	return event & GENMASK_ULL(31, 0) & ~EVENT_EV;
}

/**
 * event_deliver() - deliver an exception before the guest's next instruction
 * @vcpu: the vCPU
 * @event: exception in EVENTINJ layout
 * @address: #PF: the new CR2; #DB: the new DR6
 */
void event_deliver(struct vcpu *vcpu, u64 event, u64 address)
{
	u64 merged;

	set_address(vcpu, event & EVENT_VECTOR_MASK, address);
	event = as_pushed(vcpu, event);
	note(vcpu, event);
	merged = event_merge(vcpu->event, event);
	if (merged == EVENT_SHUTDOWN) {
		vcpu->shutdown = true;
		return;
	}
	if (merged != event) {
		event = as_pushed(vcpu, merged);
		note(vcpu, event);
	}
	/* RF keeps an instruction breakpoint from hitting twice (APM volume 2, 3.1.6). */
	if (is_fault(event & EVENT_VECTOR_MASK))
		vcpu->vmcb->save.rflags |= X86_EFLAGS_RF;
	vcpu->event = event;
}

/*
 * An exception that the VMM has selected waits in vcpu.pending_exception. run.c reports
 * it instead of entering the guest.
 */
static void raise(struct vcpu *vcpu, u64 event, u64 address)
{
	if (likely(!(vcpu->exceptions & BIT(event & EVENT_VECTOR_MASK)))) {
		event_deliver(vcpu, event, address);
		return;
	}
	vcpu->pending_exception = event;
	vcpu->pending_address = address;
}

/**
 * event_raise() - raise an exception, or report it if the VMM has selected it
 * @vcpu: the vCPU
 * @event: exception in EVENTINJ layout; neither #PF nor #DB
 */
void event_raise(struct vcpu *vcpu, u64 event)
{
	raise(vcpu, event, 0);
}

void event_raise_gp(struct vcpu *vcpu)
{
	event_raise(vcpu, event_exception(VEC_GP, 0));
}

void event_raise_ud(struct vcpu *vcpu)
{
	event_raise(vcpu, event_exception(VEC_UD, NO_ERROR));
}

void event_raise_pf(struct vcpu *vcpu, u64 address, u32 error)
{
	raise(vcpu, event_exception(VEC_PF, error), address);
}

/**
 * event_raise_db() - raise a debug exception
 * @vcpu: the vCPU
 * @dr6_bits: causes, as in DR6
 */
void event_raise_db(struct vcpu *vcpu, u64 dr6_bits)
{
	raise(vcpu, event_exception(VEC_DB, NO_ERROR), vcpu->vmcb->save.dr6 | dr6_bits);
}

/**
 * event_is_software() - whether an INT n, INT3 or INTO instruction raised the event
 * @event: in EVENTINJ layout
 */
bool event_is_software(u64 event)
{
	unsigned int vector = event & EVENT_VECTOR_MASK;

	switch (event & EVENT_TYPE_MASK) {
	case EVENT_TYPE_SOFT:
		return true;
	case EVENT_TYPE_EXCEPTION:
		return vector == VEC_BP || vector == VEC_OF;
	default:
		return false;
	}
}

/**
 * event_injected_as() - translate vcpu.event for EVENTINJ
 * @event: vcpu.event
 * @saves_next_rip: the CPU saves the next RIP
 *
 * INT3 and INTO require a gate whose DPL admits the CPL. A CPU that injects exception 3
 * or 4 checks this (APM volume 2, 15.20). QEMU checks it only for software interrupts,
 * and it never saves the next RIP, so inject a software interrupt if the next RIP is
 * not saved. The few old CPUs that do not save it either treat both types alike outside
 * virtual-8086 mode.
 */
u64 event_injected_as(u64 event, bool saves_next_rip)
{
	if (saves_next_rip || !event_is_software(event))
		return event;
	return (event & ~EVENT_TYPE_MASK) | EVENT_TYPE_SOFT;
}

/* Add the event that the next entry injects to the fault history. */
void event_entering(struct vcpu *vcpu)
{
	if (!vcpu->fault_history.reported.nr || vcpu->fault_history.last != vcpu->event)
		note(vcpu, vcpu->event);
}

/*
 * Keep the history only while the injected event is still being delivered. For a
 * shutdown an emulator reports the first event that could not be delivered, other CPUs
 * the last.
 */
static void follow_history(struct vcpu *vcpu, u64 event)
{
	if ((event & EVENT_V) && event != vcpu->injected) {
		fault_history_reset(&vcpu->fault_history);
		note(vcpu, event);
	} else if (!(event & EVENT_V) && !(vcpu->injected && vcpu->vmcb->control.exit_code ==
					   VMEXIT_SHUTDOWN)) {
		fault_history_reset(&vcpu->fault_history);
	}
}

/**
 * event_collect() - after an exit, take back an event that was not delivered
 * @vcpu: the vCPU
 *
 * Drop an event that a software interrupt instruction raised: RIP is still at the
 * instruction, so the guest executes it again. This works with and without a saved next
 * RIP.
 *
 * QEMU reports an interrupt whose delivery was interrupted as an exception with a
 * vector above 31. EVENTINJ refuses that, so turn it back into an interrupt.
 */
void event_collect(struct vcpu *vcpu)
{
	u64 event = vcpu->vmcb->control.exit_int_info;

	vcpu->event = 0;
	if (likely(!(event & EVENT_V))) {
		follow_history(vcpu, 0);
		return;
	}
	event &= EVENT_VECTOR_MASK | EVENT_TYPE_MASK | EVENT_EV | EVENT_V |
		 GENMASK_ULL(63, EVENT_ERROR_SHIFT);
	if (!(event & EVENT_EV))
		event &= GENMASK_ULL(31, 0);
	/* Undo event_injected_as(). */
	if (event == event_injected_as(vcpu->injected, false))
		event = vcpu->injected;
	follow_history(vcpu, event);
	/* Keep it if the last entry injected it: RIP is already behind the instruction. */
	if (event_is_software(event) &&
	    (event != vcpu->injected || vcpu_rip(vcpu) != vcpu->injected_rip))
		return;
	if ((event & EVENT_TYPE_MASK) == EVENT_TYPE_EXCEPTION &&
	    (event & EVENT_VECTOR_MASK) >= 32)
		event = EVENT_V | EVENT_TYPE_INTR | (event & EVENT_VECTOR_MASK);
	vcpu->event = event;
}
