// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into the guest: faults the module raises, and events
 * whose delivery an exit interrupted (EXITINTINFO), which must go in first.
 *
 * Owns vcpu.event. Exit handlers raise, run.c puts it into EVENTINJ and calls
 * event_collect() after each exit.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "svm/cpu.h"
#include "vcpu/event.h"
#include "vcpu/vcpu.h"

/* event_merge(): a fault too many */
#define EVENT_SHUTDOWN	(~0ULL)

/**
 * event_has_error() - does this exception push an error code?
 * @vector: exception vector
 */
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

/**
 * event_merge() - two events at once (APM volume 2, 8.2.9)
 * @old: the event that was being delivered, 0 for none
 * @new: the exception that came while it was
 *
 * Return: what the guest gets, in EVENTINJ layout: @new, a double fault, or
 * ~0 for a shutdown. An interrupt, NMI or software interrupt whose delivery
 * faulted gives way: like hardware, @new is delivered and returns to where
 * the guest was.
 */
u64 event_merge(u64 old, u64 new)
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

/* Is the saved RIP that of the instruction that caused it? */
static bool is_fault(unsigned int vector)
{
	return vector != VEC_DB && vector != VEC_BP && vector != VEC_OF && vector != VEC_DF &&
	       vector != VEC_MC;
}

/* What an exception leaves in registers besides its frame. */
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

/* What is under way into the guest, for the VMM to see after a shutdown */
static void note(struct vcpu *vcpu, u64 event)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const struct svmvcpu_fault where = {
		.address = (event & EVENT_VECTOR_MASK) == VEC_DB ? save->dr6 : save->cr2,
		.rip = save->rip,
		.rsp = vcpu->gprs[INSN_RSP],
	};

	chain_add(&vcpu->chain, event, &where);
}

/* Real mode pushes no error code. */
static u64 as_pushed(const struct vcpu *vcpu, u64 event)
{
	if (vcpu->vmcb->save.cr0 & X86_CR0_PE)
		return event;
	return event & GENMASK_ULL(31, 0) & ~EVENT_EV;
}

/**
 * event_deliver() - have the guest take an exception at its next instruction
 * @vcpu: .
 * @event: exception in EVENTINJ layout
 * @address: #PF: for CR2; #DB: for DR6
 *
 * Context: vcpu->mutex held.
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
	/* So that an instruction breakpoint does not come twice (APM 3.1.6). */
	if (is_fault(event & EVENT_VECTOR_MASK))
		vcpu->vmcb->save.rflags |= X86_EFLAGS_RF;
	vcpu->event = event;
}

/* One that the VMM asked to see is held: run.c tells instead of entering. */
static void raise(struct vcpu *vcpu, u64 event, u64 address)
{
	if (likely(!(vcpu->exceptions & BIT(event & EVENT_VECTOR_MASK)))) {
		event_deliver(vcpu, event, address);
		return;
	}
	vcpu->held = event;
	vcpu->held_address = address;
}

/**
 * event_raise() - an exception the module found for the guest
 * @vcpu: .
 * @event: exception in EVENTINJ layout; neither #PF nor #DB
 *
 * Context: vcpu->mutex held.
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
 * event_raise_db() - a debug exception
 * @vcpu: .
 * @dr6_bits: causes, as they are set in DR6
 */
void event_raise_db(struct vcpu *vcpu, u64 dr6_bits)
{
	raise(vcpu, event_exception(VEC_DB, NO_ERROR), vcpu->vmcb->save.dr6 | dr6_bits);
}

/**
 * event_is_software() - INT n, INT3, INTO: raised by the instruction at RIP
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
 * event_injected_as() - what EVENTINJ gets for an event
 * @event: vcpu.event
 * @saves_next_rip: the CPU has that feature
 *
 * INT3 and INTO need a gate whose DPL admits the CPL. When VMRUN injects exception
 * 3 or 4 it checks that (APM volume 2, 15.20); QEMU checks it for software
 * interrupts only. QEMU never saves the next RIP, so where that is not saved, inject
 * a software interrupt. On the few old CPUs that do not save it either, both types
 * behave the same outside virtual-8086 mode.
 */
u64 event_injected_as(u64 event, bool saves_next_rip)
{
	if (saves_next_rip || !event_is_software(event))
		return event;
	return (event & ~EVENT_TYPE_MASK) | EVENT_TYPE_SOFT;
}

/**
 * event_entering() - before an entry that injects vcpu->event
 * @vcpu: .
 */
void event_entering(struct vcpu *vcpu)
{
	if (!vcpu->chain.told.nr || vcpu->chain.last != vcpu->event)
		note(vcpu, vcpu->event);
}

/*
 * Is what the last entry injected still under way? Of a shutdown an emulator
 * tells the first event that could not be delivered, others the last.
 */
static void follow_chain(struct vcpu *vcpu, u64 event)
{
	if ((event & EVENT_V) && event != vcpu->injected) {
		chain_reset(&vcpu->chain);
		note(vcpu, event);
	} else if (!(event & EVENT_V) && !(vcpu->injected && vcpu->vmcb->control.exit_code ==
					   VMEXIT_SHUTDOWN)) {
		chain_reset(&vcpu->chain);
	}
}

/**
 * event_collect() - after an exit: what was not delivered is pending again
 * @vcpu: .
 *
 * An event that a software interrupt instruction caused is dropped: with RIP
 * still at the instruction the guest executes it again, which is right with
 * and without a saved next RIP.
 *
 * QEMU reports an interrupt that was being delivered as an exception with a
 * vector above 31, which EVENTINJ refuses: it goes back as an interrupt.
 */
void event_collect(struct vcpu *vcpu)
{
	u64 event = vcpu->vmcb->control.exit_int_info;

	vcpu->event = 0;
	if (likely(!(event & EVENT_V))) {
		follow_chain(vcpu, 0);
		return;
	}
	event &= EVENT_VECTOR_MASK | EVENT_TYPE_MASK | EVENT_EV | EVENT_V |
		 GENMASK_ULL(63, EVENT_ERROR_SHIFT);
	if (!(event & EVENT_EV))
		event &= GENMASK_ULL(31, 0);
	/* Undo event_injected_as(). */
	if (event == event_injected_as(vcpu->injected, false))
		event = vcpu->injected;
	follow_chain(vcpu, event);
	/* Unless we had injected it, with RIP behind the instruction. */
	if (event_is_software(event) &&
	    (event != vcpu->injected || vcpu_rip(vcpu) != vcpu->injected_rip))
		return;
	if ((event & EVENT_TYPE_MASK) == EVENT_TYPE_EXCEPTION &&
	    (event & EVENT_VECTOR_MASK) >= 32)
		event = EVENT_V | EVENT_TYPE_INTR | (event & EVENT_VECTOR_MASK);
	vcpu->event = event;
}
