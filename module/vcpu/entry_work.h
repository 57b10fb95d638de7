/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decides whether the run loop may skip the preparation of an entry. A pure function:
 * entry_work_test.c checks it against every byte of struct vcpu.
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

#endif /* SVMVCPU_ENTRY_WORK_H */
