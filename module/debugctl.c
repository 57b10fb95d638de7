// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's DEBUGCTL while a vCPU is loaded: see debugctl.h.
 *
 * Only bits that are to be cleared are written back: perf's NMI handler changes
 * others at any time.
 */
#include <asm/processor.h>

#include "debugctl.h"

/**
 * debugctl_clear() - there may be something that acts on guests
 *
 * Context: interrupts off, a vCPU is loaded. More than once is as good as once.
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
