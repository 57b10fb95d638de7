/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delivery of interrupts and NMIs, and the events that the VMM injects. The functions
 * expect vcpu.mutex held.
 */
#ifndef SVMVCPU_INJECT_H
#define SVMVCPU_INJECT_H

#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <asm/processor-flags.h>

#include "vcpu/apic.h"
#include "vcpu/vcpu.h"

bool inject_room(const struct vcpu *vcpu, u32 inject);
void inject_request(struct vcpu *vcpu, u32 inject, u32 error, u64 address);
void inject_prepare(struct vcpu *vcpu, struct vmcb_policy *policy);
void inject_collect(struct vcpu *vcpu);
bool inject_window_in_halt(struct vcpu *vcpu);

u64 inject_reported(const struct vcpu *vcpu, u64 *address);
void inject_get_events(const struct vcpu *vcpu, struct svmvcpu_events *events);
void inject_put_events(struct vcpu *vcpu, const struct svmvcpu_events *events);
void inject_reset(struct vcpu *vcpu);

enum exit_result exit_vintr(struct vcpu *vcpu, bool atomic);
enum exit_result exit_iret(struct vcpu *vcpu, bool atomic);

static inline bool inject_in_shadow(const struct vcpu *vcpu)
{
	return vcpu->vmcb->control.int_state & INT_SHADOW;
}

static inline bool inject_irq_ready(const struct vcpu *vcpu)
{
	return (vcpu->vmcb->save.rflags & X86_EFLAGS_IF) && !inject_in_shadow(vcpu) && !vcpu->event;
}

/* The VMM's interrupt waits and passes the local APIC. */
static inline bool inject_extint_waits(const struct vcpu *vcpu)
{
	return vcpu->irq && apic_takes_extint(vcpu);
}

static inline bool inject_irq_waits(const struct vcpu *vcpu)
{
	return inject_extint_waits(vcpu) || apic_pending(vcpu) >= 0;
}

/* Is there an event that ends a HLT? */
static inline bool inject_wakes(const struct vcpu *vcpu)
{
	if (vcpu->event || vcpu->pending_exception || (vcpu->nmi_latched && !vcpu->nmi_masked))
		return true;
	return (vcpu->vmcb->save.rflags & X86_EFLAGS_IF) && inject_irq_waits(vcpu);
}

/*
 * Whether prepare_entry() in run.c has anything to do: an event waits, an intercept
 * differs from the default, or state has changed since it was checked.
 *
 * Computed for each entry instead of kept in a flag, which some writer would forget to
 * set. The OR compiles to a single branch. entry_work_test.c checks it against every
 * byte of struct vcpu.
 */
static inline bool vcpu_has_entry_work(const struct vcpu *vcpu)
{
	if (vcpu->apic && vcpu->apic->maybe_pending)
		return true;
	return vcpu->event | vcpu->irq | vcpu->pending_exception | vcpu->injected |
	       vcpu->event_flags | vcpu->debug.any | vcpu->watched |
	       vcpu->fault_history.reported.nr | vcpu->policy.for_events;
}

/* Returns SVMVCPU_EV_* for the run page. */
static inline u8 inject_describe(const struct vcpu *vcpu)
{
	u8 events = 0;

	if (inject_irq_ready(vcpu) && !inject_irq_waits(vcpu))
		events |= SVMVCPU_EV_IRQ_READY;
	if (likely(!(vcpu->irq | vcpu->event_flags)))
		return events;
	if (vcpu->irq)
		events |= SVMVCPU_EV_IRQ_WAITS;
	if (vcpu->nmi_latched)
		events |= SVMVCPU_EV_NMI_WAITS;
	if (vcpu->nmi_masked)
		events |= SVMVCPU_EV_NMI_MASKED;
	return events;
}

/*
 * A pending host interrupt normally causes an exit right after the entry. A guest that
 * exits during the delivery of each injected event can delay it, so enable interrupts
 * at least once in this many exits.
 */
#define EXITS_PER_WINDOW	64

/*
 * Should interrupts be enabled before this exit is handled? @code is EXITCODE, @exits
 * the number of this exit.
 *
 * Never before a machine check has been handled: an interrupt handler may use the
 * failed memory, and a second #MC, this time in the kernel, is fatal.
 */
static inline bool irq_window_due(u64 code, u64 exits)
{
	if (likely((code < VMEXIT_INTR || code > VMEXIT_INIT) && exits % EXITS_PER_WINDOW))
		return false;
	return code != VMEXIT_EXCEPTION + VEC_MC;
}

#endif /* SVMVCPU_INJECT_H */
