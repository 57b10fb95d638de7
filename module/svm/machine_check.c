// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks of the host that are taken while a guest runs.
 *
 * #MC is intercepted, so the host's handler has to be called by hand. One
 * machine check must not reach it: erratum 383 of family 10h. A guest whose page
 * tables map one address in two sizes can make two entries of the TLB match
 * (multi-match), which the CPU reports as an uncorrectable error, and the host
 * would panic. It is told by its MC0_STATUS; the guest's state is lost, nothing
 * of the host's is. As KVM does it (svm_handle_mce()).
 *
 * All functions run on the CPU in question with interrupts off.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>

#include "svm/machine_check.h"

/* MC0_STATUS of a multi-match; whether an earlier error was overwritten varies. */
#define MC0_MULTI_MATCH		0xb600000000010015ULL

/* DC_CFG: have a multi-match reported as a machine check (revision guide, 383) */
#define DC_CFG_MULTI_MATCH_MCE	BIT_ULL(47)

/* Banks that family 10h has */
#define MC_BANKS		6

static bool is_multi_match(u64 mc0_status)
{
	return (mc0_status & ~MCI_STATUS_OVER) == MC0_MULTI_MATCH;
}

/**
 * machine_check_enable() - this CPU is about to run guests
 *
 * The _safe accessors are for hypervisors that do not know the MSR.
 */
void machine_check_enable(void)
{
	u64 dc_cfg;

	if (boot_cpu_has_bug(X86_BUG_AMD_TLB_MMATCH) && !rdmsrl_safe(MSR_AMD64_DC_CFG, &dc_cfg))
		wrmsrl_safe(MSR_AMD64_DC_CFG, dc_cfg | DC_CFG_MULTI_MATCH_MCE);
}

/**
 * machine_check_by_guest() - was the intercepted #MC an erratum 383?
 *
 * If so the machine check is over when this returns. The entries of the TLB that
 * match are tagged with the guest's ASID, and the caller must not use that again
 * before it has been flushed.
 */
bool machine_check_by_guest(void)
{
	u64 status;
	int bank;

	if (!boot_cpu_has_bug(X86_BUG_AMD_TLB_MMATCH))
		return false;
	if (rdmsrl_safe(MSR_IA32_MC0_STATUS, &status) || !is_multi_match(status))
		return false;
	for (bank = 0; bank < MC_BANKS; bank++)
		wrmsrl_safe(MSR_IA32_MC0_STATUS + 4 * bank, 0);
	if (!rdmsrl_safe(MSR_IA32_MCG_STATUS, &status))
		wrmsrl_safe(MSR_IA32_MCG_STATUS, status & ~MCG_STATUS_MCIP);
	return true;
}

/**
 * machine_check_report() - hand the intercepted #MC to the host's handler
 */
void machine_check_report(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = {
		.cs = 3,	/* as if in user mode: the kernel was not hit */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
#endif
}
