/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's time stamp counter.
 */
#ifndef SVMVCPU_TSC_H
#define SVMVCPU_TSC_H

#include <asm/msr.h>

#include "svm/cpu.h"
#include "vcpu/vcpu.h"

/**
 * guest_tsc() - the guest's time stamp counter
 * @vcpu: loaded or not
 */
static inline u64 guest_tsc(const struct vcpu *vcpu)
{
	return rdtsc() + vcpu->vmcb->control.tsc_offset + svm_tsc_lost - vcpu->tsc_lost;
}

/**
 * guest_put_tsc() - set the guest's time stamp counter
 * @vcpu: its mutex held
 * @tsc: its value now
 */
static inline void guest_put_tsc(struct vcpu *vcpu, u64 tsc)
{
	vmcb_set_tsc_offset(vcpu->vmcb, tsc - rdtsc());
	vcpu->tsc_lost = svm_tsc_lost;
}

#endif /* SVMVCPU_TSC_H */
