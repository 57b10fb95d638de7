// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts and NMIs on their way into the guest.
 *
 * One interrupt and one NMI can wait here for the guest to be ready. The NMI is a
 * latch, as in hardware: however many arrive while it is set, the guest gets one.
 * Before each entry inject_prepare() lets the most urgent in, or arranges for
 * an exit at the moment it could be:
 *
 *   an interrupt waits for IF, no shadow      V_IRQ with the VINTR intercept
 *   (the VMM's, or the local APIC's)
 *   an NMI waits for the handler's IRET       the IRET intercept, then a step
 *   an NMI waits for the end of a shadow      a step (step.c)
 *   an NMI waits for another event            an exit behind its delivery (step.c)
 *
 * V_IRQ serves as an alarm only: it is never set when the CPU could take it,
 * and always behind its intercept, so vector 0 never reaches the guest.
 *
 * Owns vcpu.irq and the nmi members. run.c calls prepare with interrupts off.
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

/* By the VMM: it need not be shown to the VMM first. */
static void inject_exception(struct vcpu *vcpu, unsigned int vector, u32 error, u64 address)
{
	if (vector == VEC_DB)
		address = vcpu->vmcb->save.dr6 | (address & 0xe00f);
	/* VMRUN refuses #BR in 64-bit mode: have check_state() look. */
	if (vector == VEC_BR)
		vcpu->unchecked = true;
	/* A #BP or #OF comes from no instruction that RIP could go back to. */
	vcpu->soft_rip = vcpu->soft_next;
	event_deliver(vcpu, event_exception(vector, event_has_error(vector) ? error : NO_ERROR),
		      address);
}

/**
 * inject_room() - can one more event of this kind wait?
 * @vcpu: its mutex held
 * @inject: passed inject_valid()
 */
bool inject_room(const struct vcpu *vcpu, u32 inject)
{
	switch (inject & GENMASK(10, 8)) {
	case SVMVCPU_INJECT_IRQ:
		return !vcpu->irq;
	case SVMVCPU_INJECT_NMI:
		/* It merges with one that is latched. */
		return true;
	default:
		/* The VMM has one to be shown, and answered, first. */
		return !vcpu->held;
	}
}

/**
 * inject_request() - the VMM injects an event
 * @vcpu: its mutex held; has room for it
 * @inject: passed inject_valid(), like the following
 * @error: .
 * @address: .
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

static void set_policy(struct vcpu *vcpu, bool vintr, bool iret)
{
	if (vcpu->policy.vintr == vintr && vcpu->policy.iret == iret)
		return;
	vcpu->policy.vintr = vintr;
	vcpu->policy.iret = iret;
	vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, &vcpu->policy);
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

/**
 * inject_collect() - after an exit: did the NMI handler's IRET complete?
 * @vcpu: its mutex held
 *
 * It has once the guest is elsewhere.
 */
void inject_collect(struct vcpu *vcpu)
{
	if (unlikely(vcpu->nmi_iret) && vcpu_rip(vcpu) != vcpu->nmi_iret_rip) {
		vcpu->nmi_iret = false;
		vcpu->nmi_masked = false;
	}
}

static bool nmi_ready(const struct vcpu *vcpu)
{
	return !vcpu->nmi_masked && !inject_in_shadow(vcpu) && !vcpu->event;
}

static void let_nmi_in(struct vcpu *vcpu)
{
	vcpu->nmi_latched = false;
	vcpu->nmi_masked = true;
	vcpu->event = EVENT_V | EVENT_TYPE_NMI | VEC_NMI;
}

/* A PIC's comes first, as it knows no priority that could be compared. */
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
 * inject_prepare() - before an entry: who goes in, who gets an alarm
 * @vcpu: its mutex held
 *
 * Context: any.
 */
void inject_prepare(struct vcpu *vcpu)
{
	bool irq = inject_irq_waits(vcpu), window;

	if (vcpu->nmi_latched && nmi_ready(vcpu)) {
		let_nmi_in(vcpu);
	} else if (irq && inject_irq_ready(vcpu)) {
		let_irq_in(vcpu);
		irq = inject_irq_waits(vcpu);
	}

	/* Past the intercept of the IRET, for its end; behind an event or a shadow. */
	vcpu->nmi_step = vcpu->nmi_latched &&
			 (vcpu->nmi_iret ||
			  (!vcpu->nmi_masked && (vcpu->event || inject_in_shadow(vcpu))));
	window = irq || vcpu->want_window;
	set_policy(vcpu, window, vcpu->nmi_masked && !vcpu->nmi_iret);
	set_virq(vcpu, window);
}

/**
 * inject_window_in_halt() - a halted guest could take the VMM's interrupt
 * @vcpu: its mutex held; halted
 *
 * Return: true when the VMM asked to be told; once.
 */
bool inject_window_in_halt(struct vcpu *vcpu)
{
	bool tell = vcpu->want_window && (vcpu->vmcb->save.rflags & X86_EFLAGS_IF) &&
		    !inject_wakes(vcpu);

	if (tell)
		vcpu->want_window = false;
	return tell;
}

/* VMEXIT_VINTR: interrupts are possible from here on. */
enum exit_result exit_vintr(struct vcpu *vcpu, bool atomic)
{
	set_virq(vcpu, false);
	if (!vcpu->want_window || inject_irq_waits(vcpu))
		return EXIT_RESUME;
	vcpu->want_window = false;
	return exit_to_user(vcpu, SVMVCPU_EXIT_IRQ_WINDOW);
}

/* VMEXIT_IRET, before it executes: NMIs stay masked until it has. */
enum exit_result exit_iret(struct vcpu *vcpu, bool atomic)
{
	vcpu->nmi_iret = true;
	vcpu->nmi_iret_rip = vcpu_rip(vcpu);
	return EXIT_RESUME;
}

/**
 * inject_reported() - the exception of the guest's that the VMM has in its hands
 * @vcpu: its mutex held
 * @address: out: its CR2 or DR6
 *
 * In any other place it is the guest's. One that the VMM has seen is so too if
 * the instruction that RIP is at will not raise it again: a #DB is a trap as a
 * rule, and one that is not does no harm.
 *
 * Return: it, or 0.
 */
u64 inject_reported(const struct vcpu *vcpu, u64 *address)
{
	const struct vcpu_ask *ask = &vcpu->ask;

	*address = vcpu->held_address;
	if (vcpu->held)
		return vcpu->held;
	if (ask->what != ASK_EXCEPTION || ask->rip != vcpu_rip(vcpu) ||
	    (ask->event & EVENT_VECTOR_MASK) != VEC_DB)
		return 0;
	*address = ask->address;
	return ask->event;
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
	events->halted = vcpu->halted;
}

/*
 * As it is, without what raising it leaves in CR2, DR6 and RFLAGS: that is in
 * the other components.
 */
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
	vcpu->unchecked = true;
	if (events->irq)
		vcpu->irq = EVENT_V | EVENT_TYPE_INTR | (events->irq & SVMVCPU_INJECT_VECTOR);
	vcpu->nmi_latched = events->nmis;
	vcpu->nmi_masked = events->nmi_masked;
	vcpu->halted = events->halted;
	if (events->shadow)
		vcpu->vmcb->control.int_state |= INT_SHADOW;
	else
		vcpu->vmcb->control.int_state &= ~INT_SHADOW;
}

/* Nothing waits, nothing is masked. */
void inject_reset(struct vcpu *vcpu)
{
	vcpu->event = 0;
	/* The event that comes next is not of the instruction that was remembered. */
	vcpu->soft_rip = vcpu->soft_next;
	vcpu->held = 0;
	vcpu->irq = 0;
	vcpu->nmi_latched = false;
	vcpu->nmi_masked = false;
	vcpu->nmi_iret = false;
	vcpu->want_window = false;
	vcpu->halted = false;
}
