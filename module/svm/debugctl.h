/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's DEBUGCTL while a vCPU is loaded. Without LBR virtualization, VMRUN and
 * #VMEXIT do not switch it, so these bits of the host would affect the guest:
 *
 * BTF		set while a debugger steps the VMM by branches. Single steps of the
 *		guest would stop only at branches.
 * bus locks	set on Zen 5 by kernels that support it. The guest would get an
 *		unexpected #DB in user mode.
 *
 * Reading the MSR is slow, so RUN reads it only if one of the bits may be set: if the
 * CPU can trap bus locks, or if the task has TIF_BLOCKSTEP. The run loop tests this flag
 * before each entry; it changes only while the task is stopped. LBR is cleared together
 * with the other bits, but not checked for, because Linux does not set it on AMD CPUs
 * and it only records branches.
 */
#ifndef SVMVCPU_DEBUGCTL_H
#define SVMVCPU_DEBUGCTL_H

#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "svm/cpu.h"

#define DEBUGCTL_ACTS_ON_GUEST						\
	(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF | DEBUGCTLMSR_BUS_LOCK_DETECT)

/* The bits of the host value that must be clear while a guest runs */
static inline u64 debugctl_to_clear(u64 host)
{
	return host & DEBUGCTL_ACTS_ON_GUEST;
}

void debugctl_clear(void);
void debugctl_restore(void);

/**
 * debugctl_enter() - called when a vCPU is loaded
 *
 * Context: interrupts off. The task stays on this CPU until debugctl_leave().
 */
static __always_inline void debugctl_enter(void)
{
	if (static_cpu_has(X86_FEATURE_BUS_LOCK_DETECT))
		debugctl_clear();
}

/* Undoes debugctl_enter() and debugctl_clear() on this CPU. */
static __always_inline void debugctl_leave(const struct svm_cpu *cpu)
{
	if (unlikely(cpu->debugctl))
		debugctl_restore();
}

#endif /* SVMVCPU_DEBUGCTL_H */
