/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's time stamp counter.
 */
#ifndef SVMVCPU_TSC_H
#define SVMVCPU_TSC_H

#include <asm/msr.h>

#include "svm/cpu.h"
#include "vcpu/vcpu.h"

static inline u64 guest_tsc(const struct vcpu *vcpu)
{
	return rdtsc() + vcpu->vmcb->control.tsc_offset + svm_tsc_lost - vcpu->tsc_lost;
}

#endif /* SVMVCPU_TSC_H */
