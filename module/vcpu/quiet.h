/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is there anything to be done before a vCPU enters its guest?
 *
 * Pure, for run.c; quiet_test.c holds it exact: whatever a guest's events, the
 * VMM's wishes or a new state add to struct vcpu belongs into both, or into
 * neither.
 */
#ifndef SVMVCPU_QUIET_H
#define SVMVCPU_QUIET_H

#include "vcpu/apic.h"
#include "vcpu/vcpu.h"

/**
 * vcpu_is_quiet() - would what precedes an entry find nothing to do?
 * @vcpu: its mutex held
 *
 * Nothing waits for the guest, no policy differs from the usual, no state is
 * new. Computed each time, so that nobody can forget to say so; bitwise, for
 * one branch.
 */
static inline bool vcpu_is_quiet(const struct vcpu *vcpu)
{
	if (vcpu->apic && vcpu->apic->look)
		return false;
	return !(vcpu->event | vcpu->irq | vcpu->held | vcpu->injected | vcpu->pending |
		 vcpu->debug.any | vcpu->watched | vcpu->chain.told.nr |
		 vcpu->policy.for_events);
}

#endif /* SVMVCPU_QUIET_H */
