// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's DEBUGCTL while a vCPU is loaded: see debugctl.h.
 *
 * perf's NMI handler changes the register, too, but leaves it as it found it: an NMI
 * between a read and a write here is not undone.
 */
#include <linux/percpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>

#include "svm/debugctl.h"

/**
 * debugctl_clear() - clear what would act on guests
 *
 * Context: interrupts off, a vCPU is loaded. Calling it again does no harm.
 */
void debugctl_clear(void)
{
	const u64 host = get_debugctlmsr();
	const u64 clear = debugctl_to_clear(host);

	if (!clear)
		return;
	update_debugctlmsr(host & ~clear);
	this_cpu_or(svm_cpu.debugctl, clear);
}

/* What debugctl_leave() does if something was cleared */
void debugctl_restore(void)
{
	update_debugctlmsr(get_debugctlmsr() | this_cpu_read(svm_cpu.debugctl));
	this_cpu_write(svm_cpu.debugctl, 0);
}
