// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intercepts, and the control area of a new vCPU. One function computes all intercepts from
 * a constant table, the capabilities of the host, and a policy; no other code changes them.
 *
 * The table has all intercepts that are ever set, and what would happen without them.
 * vmcb_test.c lists those that are never set, with the reason why this is safe, and checks
 * that each bit of the six words is in one of the tables.
 */
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "svm/vmcb.h"

/* One or more consecutive intercepts */
struct intercept_rule {
	u16 nr;			/* first &enum vmcb_exit */
	u8 count;
	u8 when;		/* offset of a bool in struct vmcb_policy, or 0: always */
	u64 needs;		/* required bits of svm_caps.cpuid_intercepts */
	const char *name;	/* for security.rst and tests */
	const char *why;	/* what would happen without the intercept */
};

#define RANGE(nr, count, name, why)	{ nr, count, 0, 0, name, why }
#define ALWAYS(nr, why)			RANGE(VMEXIT_##nr, 1, #nr, why)
#define IF_CPU(nr, needs, why)		{ VMEXIT_##nr, 1, 0, needs, #nr, why }
#define IF_ASKED(nr, member, why) \
	{ VMEXIT_##nr, 1, offsetof(struct vmcb_policy, member), 0, #nr, why }

static const struct intercept_rule intercept_rules[] = {
	/* control and debug registers */
	ALWAYS(CR0_WRITE,
	      "checks mode changes; keeps CD and NW away from the host's caches"),
	ALWAYS(CR4_WRITE, "allows only bits that the CPUID table shows"),
	ALWAYS(CR8_READ, "the task priority is kept in one place"),
	ALWAYS(CR8_WRITE, "the task priority is kept in one place"),
	RANGE(VMEXIT_DR0_READ, 16, "DR_READ",
	      "VMRUN does not switch DR0 to DR3, which hold the host's values"),
	RANGE(VMEXIT_DR0_WRITE, 16, "DR_WRITE",
	      "VMRUN does not switch DR0 to DR3, which hold the host's values"),

	/* exceptions */
	RANGE(VMEXIT_EXCEPTION + VEC_DB, 1, "DB",
	      "a #DB that raises #DB locks the CPU up in microcode"),
	RANGE(VMEXIT_EXCEPTION + VEC_AC, 1, "AC",
	      "an #AC that raises #AC locks the CPU up in microcode"),
	RANGE(VMEXIT_EXCEPTION + VEC_MC, 1, "MC",
	      "machine checks belong to the host"),

	/* events of the host */
	ALWAYS(INTR,	"interrupts belong to the host"),
	ALWAYS(NMI,	"NMIs belong to the host"),
	ALWAYS(SMI,	"SMM runs in host context"),
	ALWAYS(INIT,	"an INIT would be lost"),
	ALWAYS(SHUTDOWN, "a triple fault would reset the machine"),
	ALWAYS(FERR_FREEZE, "legacy FPU errors would raise the host's IRQ 13"),

	/* instructions whose result is policy */
	ALWAYS(CPUID,	"would show the host's CPU"),
	ALWAYS(HLT,	"the core would idle until the next host interrupt"),
	ALWAYS(IOIO,	"all ports exit; without it no port would be checked"),
	ALWAYS(MSR,	"MSRs exit by default; without it none would be checked"),
	ALWAYS(RDPMC,	"the counters belong to the host"),
	ALWAYS(XSETBV,	"VMRUN does not switch XCR0"),
	ALWAYS(TASK_SWITCH, "hardware does not complete it under nested paging"),
	ALWAYS(RSM,	"would leave SMM, which the guest is not in"),

	/* instructions that reach the host's caches and cores */
	ALWAYS(INVD,	"would drop the host's dirty cache lines"),
	ALWAYS(WBINVD,	"would flush the host's caches"),
	ALWAYS(MONITOR,	"would watch host memory"),
	ALWAYS(MWAIT,	"would idle a host core"),
	ALWAYS(MWAIT_ARMED, "would idle a host core"),
	ALWAYS(INVLPGA,	"would flush other guests' translations"),

	/* SVM itself; without EFER.SVME as the guest sees it, all are #UD */
	ALWAYS(VMRUN,	"VMRUN fails if it is clear; no nesting"),
	ALWAYS(VMMCALL,	"the hypercall"),
	ALWAYS(VMLOAD,	"would read host-physical memory"),
	ALWAYS(VMSAVE,	"would write host-physical memory"),
	ALWAYS(STGI,	"would change the host's GIF"),
	ALWAYS(CLGI,	"would block the host's interrupts"),
	ALWAYS(SKINIT,	"would start a measured launch of the host"),

	/* instructions newer than SVM; the bits are reserved on older CPUs */
	IF_CPU(RDPRU,	SVM_INTERCEPT_RDPRU, "MPERF and APERF belong to the host"),
	IF_CPU(INVPCID,	SVM_INTERCEPT_INVPCID, "hidden from the guest"),
	IF_CPU(MCOMMIT,	SVM_INTERCEPT_MCOMMIT, "would wait for the host's stores"),
	IF_CPU(INVLPGB,	SVM_INTERCEPT_INVLPGB, "would flush on all host CPUs"),
	IF_CPU(INVLPGB_ILLEGAL, SVM_INTERCEPT_INVLPGB, "would flush on all host CPUs"),
	IF_CPU(TLBSYNC,	SVM_INTERCEPT_INVLPGB, "would wait for all host CPUs"),

	/* depend on the policy; must be last, see vmcb_fix_intercepts() */
	IF_ASKED(CR0_READ, cr0_read,
		 "the guest's CR0 differs from the one in the VMCB"),
	IF_ASKED(CR4_READ, cr4_read,
		 "the guest's CR4 differs from the one in the VMCB"),
	IF_ASKED(RDTSCP, rdtscp, "the guest's CPUID has no RDTSCP"),
	IF_ASKED(VINTR,	vintr, "reports that the guest can take an interrupt"),
	IF_ASKED(IRET,	iret, "reports that the guest leaves its NMI handler"),
	IF_ASKED(INTN,	intn, "catches INT3 on emulators; hides the TF of a step"),
};

static void apply_rule(u32 *words, const struct intercept_rule *rule)
{
	unsigned int nr;

	for (nr = rule->nr; nr < rule->nr + rule->count; nr++)
		words[nr / 32] |= BIT(nr % 32);
}

/* Computes @caps->intercepts, which are set in all VMCBs, from the other fields. */
void vmcb_fix_intercepts(struct svm_caps *caps)
{
	const struct intercept_rule *rule;

	memset(caps->intercepts, 0, sizeof(caps->intercepts));
	for (rule = intercept_rules; !rule->when; rule++)
		if ((rule->needs & caps->cpuid_intercepts) == rule->needs)
			apply_rule(caps->intercepts, rule);
}

/**
 * vmcb_recalc_intercepts() - set all intercepts of a VMCB
 * @vmcb: VMCB of a vCPU that does not run
 * @caps: capabilities of the host, after vmcb_fix_intercepts()
 * @policy: additional intercepts
 *
 * Clears the clean bit only if an intercept has changed.
 */
void vmcb_recalc_intercepts(struct vmcb *vmcb, const struct svm_caps *caps,
			    const struct vmcb_policy *policy)
{
	const struct intercept_rule *rule = intercept_rules + ARRAY_SIZE(intercept_rules);
	u32 words[VMCB_INTERCEPT_WORDS];

	memcpy(words, caps->intercepts, sizeof(words));
	words[VMEXIT_EXCEPTION / 32] |= policy->exceptions;
	while ((--rule)->when)
		if (*((const bool *)policy + rule->when))
			apply_rule(words, rule);
	if (!memcmp(vmcb->control.intercepts, words, sizeof(words)))
		return;
	memcpy(vmcb->control.intercepts, words, sizeof(words));
	vmcb_dirty(vmcb, VMCB_CLEAN_INTERCEPTS);
}

/**
 * vmcb_init_control() - initialize the control area of a new vCPU
 * @vmcb: VMCB; of the save area, only the PAT is initialized
 * @caps: capabilities of the host
 * @ncr3: &npt.root_pa
 *
 * The ASID remains 0, which VMRUN refuses, until asid_assign(). No clean bit is set.
 */
void vmcb_init_control(struct vmcb *vmcb, const struct svm_caps *caps, u64 ncr3)
{
	static const struct vmcb_policy no_policy;

	memset(&vmcb->control, 0, sizeof(vmcb->control));
	vmcb_recalc_intercepts(vmcb, caps, &no_policy);
	vmcb->control.iopm_base_pa = caps->iopm_pa;
	vmcb->control.msrpm_base_pa = caps->msrpm_pa;
	vmcb->control.int_ctl = V_INTR_MASKING;
	vmcb->control.nested_ctl = NP_ENABLE;
	vmcb->control.nested_cr3 = ncr3;
	vmcb->save.g_pat = PAT_RESET;
}
