/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decisions of the run loop: whether it may skip the preparation of an entry, and when it
 * enables host interrupts between two entries. Pure functions.
 */
#ifndef SVMVCPU_ENTRY_WORK_H
#define SVMVCPU_ENTRY_WORK_H

#include "vcpu/apic.h"
#include "vcpu/vcpu.h"

/*
 * True if prepare_entry() in run.c has anything to do: an event waits, an intercept
 * differs from the default, or state has been changed since it was checked.
 *
 * Computed for each entry instead of kept in a flag, which some writer would forget to
 * set. The OR compiles to a single branch.
 */
static inline bool vcpu_has_entry_work(const struct vcpu *vcpu)
{
	if (vcpu->apic && vcpu->apic->maybe_pending)
		return true;
	return vcpu->event | vcpu->irq | vcpu->held | vcpu->injected | vcpu->pending |
	       vcpu->debug.any | vcpu->watched | vcpu->fault_history.reported.nr |
	       vcpu->policy.for_events;
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

#endif /* SVMVCPU_ENTRY_WORK_H */
