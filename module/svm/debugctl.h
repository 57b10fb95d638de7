/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's DEBUGCTL while a vCPU is loaded. Without LBR virtualization neither
 * VMRUN nor #VMEXIT changes it, and the guest would run with what the host set:
 *
 * BTF		a debugger steps the VMM by branches: the guest's own single steps
 *		would stop at branches only
 * bus locks	(Zen 5, set for all of the host by kernels that know it) a #DB in
 *		the guest's user mode, which no guest expects
 *
 * Reading the MSR each time would cost every RUN what next to none needs. The trap for
 * bus locks needs a CPU that has it. BTF is on just for tasks with TIF_BLOCKSTEP, which
 * the run loop finds among the flags it tests before each entry; it only changes while
 * the task is stopped. LBR is taken away along with them, but not looked for: Linux
 * does not set it on AMD's CPUs, and it records, but stops nobody.
 */
#ifndef SVMVCPU_DEBUGCTL_H
#define SVMVCPU_DEBUGCTL_H

#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "svm/cpu.h"

#define DEBUGCTL_ACTS_ON_GUEST						\
	(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF | DEBUGCTLMSR_BUS_LOCK_DETECT)

/* Bits that a guest must not run with, of what the host has set */
static inline u64 debugctl_to_clear(u64 host)
{
	return host & DEBUGCTL_ACTS_ON_GUEST;
}

void debugctl_clear(void);
void debugctl_restore(void);

/**
 * debugctl_enter() - a vCPU is being loaded
 *
 * Context: interrupts off until debugctl_leave(), but for moments in which the task
 * stays where it is.
 */
static __always_inline void debugctl_enter(void)
{
	if (static_cpu_has(X86_FEATURE_BUS_LOCK_DETECT))
		debugctl_clear();
}

/**
 * debugctl_leave() - undo debugctl_enter() and debugctl_clear()
 * @cpu: this CPU's
 */
static __always_inline void debugctl_leave(const struct svm_cpu *cpu)
{
	if (unlikely(cpu->debugctl))
		debugctl_restore();
}

#endif /* SVMVCPU_DEBUGCTL_H */
