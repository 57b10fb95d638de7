// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's DEBUGCTL while a vCPU is loaded: see debugctl.h.
 *
 * An NMI between the read and the write of the register is harmless: perf's NMI handler
 * restores the register.
 */
#include <linux/percpu.h>
#include <asm/processor.h>
#include <asm/debugreg.h>

#include "svm/debugctl.h"

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
	const u64 clear = debugctl_to_clear(host);

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
