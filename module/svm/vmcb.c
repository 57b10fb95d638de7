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
#include <linux/svmvcpu.h>

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
	       "the module checks mode changes, and CD and NW must not affect host caches"),
	ALWAYS(CR4_WRITE, "the guest may set only the bits that its CPUID table shows"),
	ALWAYS(CR8_READ, "the module keeps the task priority in one place"),
	ALWAYS(CR8_WRITE, "the module keeps the task priority in one place"),
	RANGE(VMEXIT_DR0_READ, 16, "DR_READ",
	      "VMRUN does not switch DR0 to DR3, which hold host values"),
	RANGE(VMEXIT_DR0_WRITE, 16, "DR_WRITE",
	      "VMRUN does not switch DR0 to DR3, which hold host values"),

	/* exceptions */
	RANGE(VMEXIT_EXCEPTION + VEC_DB, 1, "DB",
	      "a #DB that raises #DB locks the CPU up in microcode"),
	RANGE(VMEXIT_EXCEPTION + VEC_AC, 1, "AC",
	      "an #AC that raises #AC locks the CPU up in microcode"),
	RANGE(VMEXIT_EXCEPTION + VEC_MC, 1, "MC",
	      "the host handles machine checks"),

	/* events of the host */
	ALWAYS(INTR,	"the host handles interrupts"),
	ALWAYS(NMI,	"the host handles NMIs"),
	ALWAYS(SMI,	"SMM runs in host context"),
	ALWAYS(INIT,	"an INIT would be lost"),
	ALWAYS(SHUTDOWN, "a triple fault would reset the machine"),
	ALWAYS(FERR_FREEZE, "legacy FPU errors would raise IRQ 13 of the host"),

	/* instructions whose result is policy */
	ALWAYS(CPUID,	"the guest sees its own CPUID table"),
	ALWAYS(HLT,	"the core would idle until the next host interrupt"),
	ALWAYS(IOIO,	"all ports exit; without it no port would be checked"),
	ALWAYS(MSR,	"MSRs exit by default; without it none would be checked"),
	ALWAYS(RDPMC,	"would read performance counters of the host"),
	ALWAYS(XSETBV,	"VMRUN does not switch XCR0"),
	ALWAYS(TASK_SWITCH, "the hardware does not complete it under nested paging"),
	ALWAYS(RSM,	"the guest is never in SMM"),

	/* instructions that reach caches and cores of the host */
	ALWAYS(INVD,	"would drop dirty cache lines of the host"),
	ALWAYS(WBINVD,	"would flush the caches of the host"),
	ALWAYS(MONITOR,	"would watch host memory"),
	ALWAYS(MWAIT,	"would idle a host core"),
	ALWAYS(MWAIT_ARMED, "would idle a host core"),
	ALWAYS(INVLPGA,	"would flush translations of other guests"),

	/* SVM itself: the guest sees EFER.SVME as clear, so these raise #UD */
	ALWAYS(VMRUN,	"VMRUN fails without this intercept; no nesting"),
	ALWAYS(VMMCALL,	"the hypercall"),
	ALWAYS(VMLOAD,	"would read host-physical memory"),
	ALWAYS(VMSAVE,	"would write host-physical memory"),
	ALWAYS(STGI,	"would change GIF of the host"),
	ALWAYS(CLGI,	"would block interrupts of the host"),
	ALWAYS(SKINIT,	"would start a measured launch of the host"),

	/* instructions newer than SVM; the bits are reserved on older CPUs */
	IF_CPU(RDPRU,	SVM_INTERCEPT_RDPRU, "would read MPERF and APERF of the host"),
	IF_CPU(INVPCID,	SVM_INTERCEPT_INVPCID, "hidden from the guest"),
	IF_CPU(MCOMMIT,	SVM_INTERCEPT_MCOMMIT, "waits for stores of the host"),
	IF_CPU(INVLPGB,	SVM_INTERCEPT_INVLPGB, "would flush on all host CPUs"),
	IF_CPU(INVLPGB_ILLEGAL, SVM_INTERCEPT_INVLPGB, "would flush on all host CPUs"),
	IF_CPU(TLBSYNC,	SVM_INTERCEPT_INVLPGB, "would wait for all host CPUs"),

	/* set if the policy asks for it; must be last, see vmcb_fix_intercepts() */
	IF_ASKED(CR0_READ, cr0_read,
		 "CR0 of the guest differs from CR0 in the VMCB"),
	IF_ASKED(CR4_READ, cr4_read,
		 "CR4 of the guest differs from CR4 in the VMCB"),
	IF_ASKED(RDTSCP, rdtscp, "the CPUID table of the guest lacks RDTSCP"),
	IF_ASKED(PAUSE,	pause, "a vCPU that spins would keep the CPU from the one it waits for"),
	IF_ASKED(VINTR,	vintr, "reports that the guest can take an interrupt"),
	IF_ASKED(IRET,	iret, "the guest returns from its NMI handler"),
	IF_ASKED(INTN,	intn, "detects INT3 on some hosts; in a step, the module delivers INT n"),
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
	/* Reserved without the feature. Used only with the intercept. */
	if (caps->features & SVMVCPU_FEAT_PAUSE_FILTER) {
		vmcb->control.pause_filter_count = PAUSE_FILTER_COUNT;
		if (caps->pause_threshold)
			vmcb->control.pause_filter_threshold = PAUSE_FILTER_THRESHOLD;
	}
	vmcb->control.int_ctl = V_INTR_MASKING;
	vmcb->control.nested_ctl = NP_ENABLE;
	vmcb->control.nested_cr3 = ncr3;
	vmcb->save.g_pat = PAT_RESET;
}
