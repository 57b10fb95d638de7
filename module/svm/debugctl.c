// SPDX-License-Identifier: GPL-2.0-only
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
 *
 * An NMI between the read and the write of the register is harmless: perf's NMI handler
 * restores the register.
 */
#include <linux/percpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>
#include <asm/msr.h>

#include "svm/cpu.h"

#define DEBUGCTL_ACTS_ON_GUEST \
	(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF | DEBUGCTLMSR_BUS_LOCK_DETECT)

/**
 * debugctl_clear() - clear the bits that affect guests
 *
 * May be called repeatedly.
 *
 * Context: interrupts off, a vCPU is loaded.
 */
void debugctl_clear(void)
{
	const u64 host = get_debugctlmsr();
	const u64 clear = host & DEBUGCTL_ACTS_ON_GUEST;

	if (!clear)
		return;
	update_debugctlmsr(host & ~clear);
	this_cpu_or(svm_cpu.debugctl, clear);
}

/* Restores the bits that debugctl_clear() has cleared. */
void debugctl_restore(void)
{
	update_debugctlmsr(get_debugctlmsr() | this_cpu_read(svm_cpu.debugctl));
	this_cpu_write(svm_cpu.debugctl, 0);
}
