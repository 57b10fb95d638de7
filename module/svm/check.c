// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consistency checks of VMRUN (APM volume 2, 15.5.1 and 15.20). The first broken rule
 * is reported.
 *
 * PG_NO_PE and RIP_RANGE are stricter than the hardware, for states that a guest cannot
 * reach: VMRUN accepts paged real mode, and a RIP above 32 bits outside of 64-bit mode,
 * where the guest takes #GP. A non-canonical RIP is allowed: guests reach it at the end
 * of the lower half and by SYSRET, and the next fetch raises #GP. INTR_OPEN is not a
 * rule of the hardware: without V_INTR_MASKING, the guest's IF would block the host's
 * interrupts.
 *
 * Two checks of the manual are not needed: long mode on a CPU without long mode, and
 * S_CET, which the module never writes, because check_limits.cr4 excludes CR4.CET.
 */
#include <linux/mem_encrypt.h>
#include <linux/svmvcpu.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "svm/cpu.h"

#define EVENT_RESERVED	GENMASK_ULL(30, 12)

/* Clear the encryption bit, which lies above check_limits.phys_bits. */
static bool beyond(u64 pa, u64 bytes, unsigned int bits)
{
	u64 end;

	return check_add_overflow(__sme_clr(pa), bytes, &end) || end > 1ULL << bits;
}

/* Exception vector 31 is reserved, and some CPUs refuse it. */
static bool event_valid(u64 event_inj)
{
	unsigned int vector = event_inj & EVENT_VECTOR_MASK;

	if (!(event_inj & EVENT_V))
		return true;
	if (event_inj & EVENT_RESERVED)
		return false;
	switch (event_inj & EVENT_TYPE_MASK) {
	case EVENT_TYPE_INTR:
	case EVENT_TYPE_NMI:
	case EVENT_TYPE_SOFT:
		return true;
	case EVENT_TYPE_EXCEPTION:
		return vector != VEC_NMI && vector < 31;
	default:
		return false;
	}
}

static bool is_long64(const struct vmcb_save_area *save)
{
	return (save->efer & EFER_LMA) && (save->cs.attrib & SEG_L);
}

/* #BR cannot happen in 64-bit mode, which has no BOUND instruction. */
static bool br_in_long64(const struct vmcb *vmcb)
{
	const u64 kind = EVENT_V | EVENT_TYPE_MASK | EVENT_VECTOR_MASK;
	const u64 br = EVENT_V | EVENT_TYPE_EXCEPTION | VEC_BR;

	return is_long64(&vmcb->save) && (vmcb->control.event_inj & kind) == br;
}

static bool pat_valid(u64 pat)
{
	for (; pat; pat >>= 8)
		if ((u8)pat > 7 || (u8)pat == 2 || (u8)pat == 3)
			return false;
	return true;
}

static int check_long_mode(const struct vmcb_save_area *save)
{
	const u16 both = SEG_L | SEG_DB;

	if (!(save->cr4 & X86_CR4_PAE))
		return SVMVCPU_RULE_LONG_NO_PAE;
	if (!(save->cr0 & X86_CR0_PE))
		return SVMVCPU_RULE_LONG_NO_PE;
	return (save->cs.attrib & both) == both ? SVMVCPU_RULE_LONG_CS_L_D : CHECK_OK;
}

static int check_registers(const struct vmcb_save_area *save, const struct check_limits *lim)
{
	if (!(save->efer & EFER_SVME))
		return SVMVCPU_RULE_EFER_SVME;
	if ((save->cr0 & (X86_CR0_CD | X86_CR0_NW)) == X86_CR0_NW)
		return SVMVCPU_RULE_CR0_CD_NW;
	if (upper_32_bits(save->cr0))
		return SVMVCPU_RULE_CR0_HIGH;
	if (save->cr3 >> lim->phys_bits)
		return SVMVCPU_RULE_CR3_MBZ;
	if (save->cr4 & ~lim->cr4)
		return SVMVCPU_RULE_CR4_MBZ;
	if (upper_32_bits(save->dr6))
		return SVMVCPU_RULE_DR6_HIGH;
	if (upper_32_bits(save->dr7))
		return SVMVCPU_RULE_DR7_HIGH;
	if (save->efer & ~lim->efer)
		return SVMVCPU_RULE_EFER_MBZ;
	return CHECK_OK;
}

static int check_mode(const struct vmcb_save_area *save)
{
	/* Long mode is active, or would be with valid CR0.PE and CR4.PAE. */
	const bool long_mode = (save->efer & EFER_LME) && (save->cr0 & X86_CR0_PG);
	int rule = long_mode ? check_long_mode(save) : CHECK_OK;

	if (rule != CHECK_OK)
		return rule;
	if ((save->cr0 & (X86_CR0_PG | X86_CR0_PE)) == X86_CR0_PG)
		return SVMVCPU_RULE_PG_NO_PE;
	if (!is_long64(save) && upper_32_bits(save->rip))
		return SVMVCPU_RULE_RIP_RANGE;
	if ((save->rflags & ~RFLAGS_VALID) || !(save->rflags & RFLAGS_FIXED))
		return SVMVCPU_RULE_RFLAGS_MBZ;
	return !!(save->efer & EFER_LMA) != long_mode ? SVMVCPU_RULE_LMA_MISMATCH : CHECK_OK;
}

static int check_control(const struct vmcb *vmcb, const struct check_limits *lim)
{
	const struct vmcb_control_area *control = &vmcb->control;

	if (!vmcb_intercepts(vmcb, VMEXIT_VMRUN))
		return SVMVCPU_RULE_VMRUN_OPEN;
	if (!control->asid)
		return SVMVCPU_RULE_ASID_ZERO;
	if (beyond(control->iopm_base_pa, IOPM_BYTES, lim->phys_bits) ||
	    beyond(control->msrpm_base_pa, MSRPM_BYTES, lim->phys_bits))
		return SVMVCPU_RULE_MAP_ADDRESS;
	if (!event_valid(control->event_inj) || br_in_long64(vmcb))
		return SVMVCPU_RULE_EVENTINJ;
	if (!(control->int_ctl & V_INTR_MASKING))
		return SVMVCPU_RULE_INTR_OPEN;
	if (!(control->nested_ctl & NP_ENABLE))
		return CHECK_OK;
	if ((control->nested_cr3 & ~PAGE_MASK) ||
	    beyond(control->nested_cr3, PAGE_SIZE, lim->phys_bits))
		return SVMVCPU_RULE_NCR3_MBZ;
	return pat_valid(vmcb->save.g_pat) ? CHECK_OK : SVMVCPU_RULE_G_PAT;
}

/**
 * check_vmcb() - does VMRUN accept this VMCB?
 * @vmcb: all fields are set for VMRUN
 * @lim: limits of this host
 *
 * Return: CHECK_OK, or the first broken &enum svmvcpu_rule
 */
int check_vmcb(const struct vmcb *vmcb, const struct check_limits *lim)
{
	int rule = check_registers(&vmcb->save, lim);

	if (rule == CHECK_OK)
		rule = check_mode(&vmcb->save);
	return rule == CHECK_OK ? check_control(vmcb, lim) : rule;
}
