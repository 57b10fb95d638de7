// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks of the host while a guest runs.
 *
 * #MC is intercepted, so the module calls the host's handler. An exception is erratum
 * 383 of family 10h: a guest whose page tables map an address in two sizes can make two
 * TLB entries match (multi-match). The CPU reports this as an uncorrectable error, for
 * which the host's handler would panic, although only the guest's state is lost. The
 * module recognizes the error by MC0_STATUS, like svm_handle_mce() of KVM.
 *
 * All functions run with interrupts off on the CPU that took the machine check.
 */
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>

#include "svm/cpu.h"

/* MC0_STATUS of a multi-match, without MCI_STATUS_OVER */
#define MC0_MULTI_MATCH		0xb600000000010015ULL

/* DC_CFG: report a multi-match as a machine check (revision guide, erratum 383) */
#define DC_CFG_MULTI_MATCH_MCE	BIT_ULL(47)

/* Number of banks of family 10h */
#define MC_BANKS		6

static bool is_multi_match(u64 mc0_status)
{
	return (mc0_status & ~MCI_STATUS_OVER) == MC0_MULTI_MATCH;
}

/*
 * Called before this CPU runs guests. The _safe accessors are needed because hypervisors
 * may not implement the MSR.
 */
void machine_check_enable(void)
{
	u64 dc_cfg;

	if (boot_cpu_has_bug(X86_BUG_AMD_TLB_MMATCH) && !rdmsrl_safe(MSR_AMD64_DC_CFG, &dc_cfg))
		wrmsrl_safe(MSR_AMD64_DC_CFG, dc_cfg | DC_CFG_MULTI_MATCH_MCE);
}

/**
 * machine_check_by_guest() - handle a machine check due to erratum 383
 *
 * Return: true if the intercepted #MC was due to the erratum and has been handled. The
 * matching TLB entries are tagged with the guest's ASID, so the caller must flush it
 * before it is used again.
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

/* Passes the intercepted #MC to the host's handler. */
void machine_check_report(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = {
		.cs = 3,	/* user mode, since the kernel was not interrupted */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
#endif
}
