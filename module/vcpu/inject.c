// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery of interrupts and NMIs.
 *
 * At most one interrupt and one NMI wait here until the guest can take them. The NMI is
 * a latch, as in hardware: any number of NMIs that arrive while it is set are delivered
 * once. Before each entry inject_prepare() injects the event with the highest priority,
 * or arranges for an exit at the moment at which it becomes possible:
 *
 *   what waits                       for what              exit by
 *   interrupt (VMM or local APIC)    IF set, no shadow     V_IRQ and VINTR intercept
 *   NMI                              the handler's IRET    IRET intercept, then a step
 *   NMI                              end of a shadow       a step (step.c)
 *   NMI                              another event         exit after its delivery (step.c)
 *
 * V_IRQ only requests an exit. It is set only if the CPU cannot take the interrupt yet,
 * and always together with the VINTR intercept, so the guest never gets vector 0.
 *
 * Owns vcpu.irq and the nmi members. The functions expect vcpu.mutex held.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/event.h"
#include "vcpu/inject.h"
#include "vcpu/vcpu.h"

/* The VMM injects this exception, so it is not reported to the VMM first. */
static void inject_exception(struct vcpu *vcpu, unsigned int vector, u32 error, u64 address)
{
	if (vector == VEC_DB)
		address = vcpu->vmcb->save.dr6 | (address & 0xe00f);
	/* VMRUN refuses #BR in 64-bit mode: have check_state() report it. */
	if (vector == VEC_BR)
		vcpu->unchecked = true;
	/* No instruction raised a #BP or #OF of the VMM: there is none to return to. */
	vcpu->soft_rip = vcpu->soft_next;
	event_deliver(vcpu, event_exception(vector, event_has_error(vector) ? error : NO_ERROR),
		      address);
}

/**
 * inject_room() - whether another event of this kind can wait
 * @vcpu: the vCPU
 * @inject: passed inject_valid()
 */
bool inject_room(const struct vcpu *vcpu, u32 inject)
{
	u32 type = inject & GENMASK(10, 8);

	/* An NMI merges with a latched one. An exception must wait for the pending one. */
	return type == SVMVCPU_INJECT_IRQ ? !vcpu->irq :
	       type == SVMVCPU_INJECT_NMI || !vcpu->pending_exception;
}

/**
 * inject_request() - inject an event for the VMM
 * @vcpu: the vCPU; inject_room() returned true
 * @inject: event; passed inject_valid() with the other arguments
 * @error: error code, if the event has one
 * @address: new CR2 or DR6, if the event has one
 */
void inject_request(struct vcpu *vcpu, u32 inject, u32 error, u64 address)
{
	unsigned int vector = inject & SVMVCPU_INJECT_VECTOR;

	switch (inject & GENMASK(10, 8)) {
	case SVMVCPU_INJECT_IRQ:
		vcpu->irq = EVENT_V | EVENT_TYPE_INTR | vector;
		break;
	case SVMVCPU_INJECT_NMI:
		vcpu->nmi_latched = true;
		break;
	default:
		inject_exception(vcpu, vector, error, address);
	}
}

static void set_virq(struct vcpu *vcpu, bool on)
{
	struct vmcb *vmcb = vcpu->vmcb;
	u64 ctl = vmcb->control.int_ctl & ~(V_IRQ | V_IGN_TPR);

	if (on)
		ctl |= V_IRQ | V_IGN_TPR;
	if (ctl != vmcb->control.int_ctl)
		vmcb_set_int_ctl(vmcb, ctl);
}

/* Unmask NMIs after an exit if the NMI handler's IRET has completed: RIP has changed. */
void inject_collect(struct vcpu *vcpu)
{
	if (unlikely(vcpu->nmi_iret) && vcpu_rip(vcpu) != vcpu->nmi_iret_rip) {
		vcpu->nmi_iret = false;
		vcpu->nmi_masked = false;
	}
}

/* An interrupt of the PIC has no priority to compare, so it comes first. */
static void let_irq_in(struct vcpu *vcpu)
{
	if (!inject_extint_waits(vcpu)) {
		vcpu->event = apic_take(vcpu);
		return;
	}
	vcpu->event = vcpu->irq;
	vcpu->irq = 0;
}

/**
 * inject_prepare() - select the event to inject, and arm exits for the rest
 * @vcpu: the vCPU
 * @policy: intercepts of the next entry; vintr and iret are set
 *
 * Context: any.
 */
void inject_prepare(struct vcpu *vcpu, struct vmcb_policy *policy)
{
	bool irq = inject_irq_waits(vcpu), window;

	if (vcpu->nmi_latched && !vcpu->nmi_masked && !inject_in_shadow(vcpu) && !vcpu->event) {
		vcpu->nmi_latched = false;
		vcpu->nmi_masked = true;
		vcpu->event = EVENT_V | EVENT_TYPE_NMI | VEC_NMI;
		vcpu_count(vcpu, SVMVCPU_STAT_NMIS);
	} else if (irq && inject_irq_ready(vcpu)) {
		let_irq_in(vcpu);
		vcpu_count(vcpu, SVMVCPU_STAT_IRQS);
		irq = inject_irq_waits(vcpu);
	}

	/*
	 * Step over the IRET after its intercept, or over the event or shadow that
	 * blocks the NMI.
	 */
	vcpu->nmi_step = vcpu->nmi_latched &&
			 (vcpu->nmi_iret ||
			  (!vcpu->nmi_masked && (vcpu->event || inject_in_shadow(vcpu))));
	window = irq || vcpu->want_window;
	set_virq(vcpu, window);
	policy->vintr = window;
	policy->iret = vcpu->nmi_masked && !vcpu->nmi_iret;
}

/**
 * inject_window_in_halt() - whether a halted guest has reached the VMM's interrupt
 * window
 * @vcpu: the vCPU; its activity is HALTED
 *
 * Return: true once after the VMM has asked for the window.
 */
bool inject_window_in_halt(struct vcpu *vcpu)
{
	if (!vcpu->want_window || !(vcpu->vmcb->save.rflags & X86_EFLAGS_IF) ||
	    inject_wakes(vcpu))
		return false;
	vcpu->want_window = false;
	return true;
}

/* VMEXIT_VINTR: the guest can take interrupts now. */
enum exit_result exit_vintr(struct vcpu *vcpu, bool atomic)
{
	set_virq(vcpu, false);
	if (!vcpu->want_window || inject_irq_waits(vcpu))
		return EXIT_RESUME;
	vcpu->want_window = false;
	return exit_to_user(vcpu, SVMVCPU_EXIT_IRQ_WINDOW);
}

/* VMEXIT_IRET, before the IRET executes. NMIs stay masked until it completes. */
enum exit_result exit_iret(struct vcpu *vcpu, bool atomic)
{
	vcpu->nmi_iret = true;
	vcpu->nmi_iret_rip = vcpu_rip(vcpu);
	return EXIT_RESUME;
}

/**
 * inject_reported() - find the exception that only the VMM knows of
 * @vcpu: the vCPU
 * @address: out: its CR2 or DR6
 *
 * This is the pending exception, or a #DB that the VMM has seen but not answered yet:
 * most #DBs are traps, so the instruction at RIP will not raise it again. Delivering
 * one that was a fault does no harm. Every other exception is either in vcpu.event or
 * raised again by the guest.
 *
 * Return: the exception in EVENTINJ layout, or 0.
 */
u64 inject_reported(const struct vcpu *vcpu, u64 *address)
{
	const struct vcpu_pending *pending = &vcpu->pending_exit;

	*address = vcpu->pending_address;
	if (vcpu->pending_exception)
		return vcpu->pending_exception;
	if (!(pending->flags & SVMVCPU_RUN_INJECT) || pending->rip != vcpu_rip(vcpu) ||
	    (pending->event & EVENT_VECTOR_MASK) != VEC_DB)
		return 0;
	*address = pending->address;
	return pending->event;
}

void inject_get_events(const struct vcpu *vcpu, struct svmvcpu_events *events)
{
	const u64 kind = EVENT_TYPE_MASK | EVENT_VECTOR_MASK;
	u64 address, event = vcpu->event ?: inject_reported(vcpu, &address);

	memset(events, 0, sizeof(*events));
	if (event) {
		events->exception = (event & kind) | SVMVCPU_INJECT_VALID;
		if (event & EVENT_EV)
			events->exception_error = event >> EVENT_ERROR_SHIFT;
	}
	if (vcpu->irq)
		events->irq = (vcpu->irq & EVENT_VECTOR_MASK) | SVMVCPU_INJECT_VALID;
	events->nmis = vcpu->nmi_latched;
	events->nmi_masked = vcpu->nmi_masked;
	events->shadow = inject_in_shadow(vcpu);
	events->activity = vcpu->activity;
}

/* The event alone: what it has changed in CR2, DR6 and RFLAGS belongs to other components. */
static u64 events_exception(const struct vcpu *vcpu, const struct svmvcpu_events *events)
{
	u64 event = events->exception;

	/* Real mode pushes no error code. */
	if ((event & EVENT_TYPE_MASK) == EVENT_TYPE_EXCEPTION &&
	    event_has_error(event & EVENT_VECTOR_MASK) && (vcpu->vmcb->save.cr0 & X86_CR0_PE))
		event |= EVENT_EV | (u64)events->exception_error << EVENT_ERROR_SHIFT;
	return event;
}

void inject_put_events(struct vcpu *vcpu, const struct svmvcpu_events *events)
{
	inject_reset(vcpu);
	vcpu->event = events_exception(vcpu, events);
	if (events->irq)
		vcpu->irq = EVENT_V | EVENT_TYPE_INTR | (events->irq & SVMVCPU_INJECT_VECTOR);
	vcpu->nmi_latched = events->nmis;
	vcpu->nmi_masked = events->nmi_masked;
	vcpu->activity = events->activity;
	if (events->shadow)
		vcpu->vmcb->control.int_state |= INT_SHADOW;
	else
		vcpu->vmcb->control.int_state &= ~INT_SHADOW;
}

/* Drop all waiting events and unmask NMIs. */
void inject_reset(struct vcpu *vcpu)
{
	vcpu->event = 0;
	/* The next event is not raised by the instruction that was recorded. */
	vcpu->soft_rip = vcpu->soft_next;
	vcpu->pending_exception = 0;
	vcpu->irq = 0;
	vcpu->event_flags = 0;
	vcpu->unchecked = true;
}
