// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consistency checks of VMRUN (APM volume 2, 15.5.1 and 15.20): one predicate per
 * rule of the ABI. If a VMCB breaks several rules, the first in the table is reported.
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
#include <linux/kernel.h>
#include <linux/mem_encrypt.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "svm/check.h"
#include "svm/permmap.h"
#include "svm/vector.h"
#include "svm/vmcb.h"

#define EVENT_RESERVED	GENMASK_ULL(30, 12)

static bool high_half(u64 val)
{
	return val >> 32;
}

/* Long mode is active, or would be with valid CR0.PE and CR4.PAE. */
static bool long_paging(const struct vmcb_save_area *save)
{
	return (save->efer & EFER_LME) && (save->cr0 & X86_CR0_PG);
}

static bool efer_svme(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !(vmcb->save.efer & EFER_SVME);
}

static bool cr0_cd_nw(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return (vmcb->save.cr0 & (X86_CR0_CD | X86_CR0_NW)) == X86_CR0_NW;
}

static bool cr0_high(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return high_half(vmcb->save.cr0);
}

static bool cr3_mbz(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return vmcb->save.cr3 >> lim->gpa_bits;
}

static bool cr4_mbz(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return vmcb->save.cr4 & ~lim->cr4;
}

static bool dr6_high(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return high_half(vmcb->save.dr6);
}

static bool dr7_high(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return high_half(vmcb->save.dr7);
}

static bool efer_mbz(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return vmcb->save.efer & ~lim->efer;
}

static bool long_no_pae(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return long_paging(&vmcb->save) && !(vmcb->save.cr4 & X86_CR4_PAE);
}

static bool long_no_pe(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return long_paging(&vmcb->save) && !(vmcb->save.cr0 & X86_CR0_PE);
}

static bool long_cs_l_d(const struct vmcb *vmcb, const struct check_limits *lim)
{
	u16 both = SEG_L | SEG_DB;

	return long_paging(&vmcb->save) && (vmcb->save.cr4 & X86_CR4_PAE) &&
	       (vmcb->save.cs.attrib & both) == both;
}

static bool pg_no_pe(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return (vmcb->save.cr0 & (X86_CR0_PG | X86_CR0_PE)) == X86_CR0_PG;
}

static bool vmrun_open(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !vmcb_intercepts(vmcb, INTERCEPT_VMRUN);
}

static bool intr_open(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !(vmcb->control.int_ctl & V_INTR_MASKING);
}

static bool asid_zero(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !vmcb->control.asid;
}

/* Clear the encryption bit, which lies above check_limits.phys_bits. */
static bool beyond(u64 pa, u64 bytes, unsigned int bits)
{
	u64 end;

	return check_add_overflow(__sme_clr(pa), bytes, &end) ||
	       end > 1ULL << bits;
}

static bool map_address(const struct vmcb *vmcb, const struct check_limits *lim)
{
	const struct vmcb_control_area *control = &vmcb->control;

	return beyond(control->iopm_base_pa, IOPM_BYTES, lim->phys_bits) ||
	       beyond(control->msrpm_base_pa, MSRPM_BYTES, lim->phys_bits);
}

/**
 * check_event_valid() - does VMRUN accept this EVENTINJ?
 * @event_inj: the whole field
 *
 * Refuses exception vector 31, which is reserved, and which some CPUs refuse.
 *
 * Return: true if the field is valid or injects nothing
 */
bool check_event_valid(u64 event_inj)
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
		return vector != 2 && vector < 31;
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

static bool eventinj(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !check_event_valid(vmcb->control.event_inj) || br_in_long64(vmcb);
}

static bool ncr3_mbz(const struct vmcb *vmcb, const struct check_limits *lim)
{
	u64 ncr3 = vmcb->control.nested_cr3;

	return (vmcb->control.nested_ctl & NP_ENABLE) &&
	       ((ncr3 & GENMASK_ULL(11, 0)) || beyond(ncr3, 4096, lim->phys_bits));
}

static bool pat_type_valid(u8 type)
{
	return type < 8 && type != 2 && type != 3;
}

static bool g_pat(const struct vmcb *vmcb, const struct check_limits *lim)
{
	u64 pat = vmcb->save.g_pat;
	unsigned int i;

	if (!(vmcb->control.nested_ctl & NP_ENABLE))
		return false;
	for (i = 0; i < 8; i++)
		if (!pat_type_valid(pat >> (i * 8)))
			return true;
	return false;
}

static bool rip_range(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !is_long64(&vmcb->save) && high_half(vmcb->save.rip);
}

static bool rflags_mbz(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return (vmcb->save.rflags & ~RFLAGS_VALID) ||
	       !(vmcb->save.rflags & RFLAGS_FIXED);
}

static bool lma_mismatch(const struct vmcb *vmcb, const struct check_limits *lim)
{
	return !!(vmcb->save.efer & EFER_LMA) != long_paging(&vmcb->save);
}

static const struct {
	enum svmvcpu_rule rule;
	bool (*broken)(const struct vmcb *vmcb, const struct check_limits *lim);
} rules[] = {
	{ SVMVCPU_RULE_EFER_SVME,	efer_svme },
	{ SVMVCPU_RULE_CR0_CD_NW,	cr0_cd_nw },
	{ SVMVCPU_RULE_CR0_HIGH,	cr0_high },
	{ SVMVCPU_RULE_CR3_MBZ,		cr3_mbz },
	{ SVMVCPU_RULE_CR4_MBZ,		cr4_mbz },
	{ SVMVCPU_RULE_DR6_HIGH,	dr6_high },
	{ SVMVCPU_RULE_DR7_HIGH,	dr7_high },
	{ SVMVCPU_RULE_EFER_MBZ,	efer_mbz },
	{ SVMVCPU_RULE_LONG_NO_PAE,	long_no_pae },
	{ SVMVCPU_RULE_LONG_NO_PE,	long_no_pe },
	{ SVMVCPU_RULE_LONG_CS_L_D,	long_cs_l_d },
	{ SVMVCPU_RULE_PG_NO_PE,	pg_no_pe },
	{ SVMVCPU_RULE_VMRUN_OPEN,	vmrun_open },
	{ SVMVCPU_RULE_ASID_ZERO,	asid_zero },
	{ SVMVCPU_RULE_MAP_ADDRESS,	map_address },
	{ SVMVCPU_RULE_EVENTINJ,	eventinj },
	{ SVMVCPU_RULE_NCR3_MBZ,	ncr3_mbz },
	{ SVMVCPU_RULE_G_PAT,		g_pat },
	{ SVMVCPU_RULE_RIP_RANGE,	rip_range },
	{ SVMVCPU_RULE_RFLAGS_MBZ,	rflags_mbz },
	{ SVMVCPU_RULE_LMA_MISMATCH,	lma_mismatch },
	{ SVMVCPU_RULE_INTR_OPEN,	intr_open },
};

/**
 * check_vmcb() - does VMRUN accept this VMCB?
 * @vmcb: all fields are set for VMRUN
 * @lim: limits of this host
 *
 * Return: CHECK_OK, or the first broken &enum svmvcpu_rule
 */
int check_vmcb(const struct vmcb *vmcb, const struct check_limits *lim)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].broken(vmcb, lim))
			return rules[i].rule;
	return CHECK_OK;
}

static const char * const rule_texts[] = {
#define RULE_TEXT(nr, name, str)	\
	[nr] = str,
	SVMVCPU_RULES(RULE_TEXT)
#undef RULE_TEXT
};

/* Returns the text of an &enum svmvcpu_rule; never NULL. */
const char *check_rule_text(unsigned int rule)
{
	if (rule >= ARRAY_SIZE(rule_texts))
		rule = SVMVCPU_RULE_UNKNOWN;
	return rule_texts[rule];
}
