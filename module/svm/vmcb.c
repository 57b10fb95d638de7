// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intercepts, and the control area of a new vCPU: see vmcb_init.h.
 *
 * Two tables cover all bits of the six intercept words: bits that are set, with what
 * would happen otherwise, and bits that are clear, with the reason why this is safe.
 * KUnit checks that each bit is in one of the tables.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "svm/vmcb_init.h"

#define RULE(nr, when, needs, name, why) \
	{ INTERCEPT_##nr, 1, VMCB_WHEN_##when, needs, name, why }
#define ALWAYS(nr, why)		RULE(nr, ALWAYS, 0, #nr, why)
#define IF_CPU(nr, needs, why)	RULE(nr, ALWAYS, needs, #nr, why)
#define IF_ASKED(nr, when, why)	RULE(nr, when, 0, #nr, why)
#define RUN_OF(nr, count, name, why) \
	{ nr, count, VMCB_WHEN_ALWAYS, 0, name, why }

const struct vmcb_intercept_rule vmcb_intercept_rules[] = {
	/* control and debug registers */
	RUN_OF(INTERCEPT_CR0_WRITE, 1, "CR0_WRITE",
	       "checks mode changes; keeps CD and NW away from the host's caches"),
	RUN_OF(INTERCEPT_CR0_WRITE + 4, 1, "CR4_WRITE",
	       "allows only bits that the CPUID table shows"),
	RUN_OF(INTERCEPT_CR0_READ + 8, 1, "CR8_READ",
	       "the task priority is kept in one place"),
	RUN_OF(INTERCEPT_CR0_WRITE + 8, 1, "CR8_WRITE",
	       "the task priority is kept in one place"),
	RUN_OF(INTERCEPT_DR0_READ, 16, "DR_READ",
	       "VMRUN does not switch DR0 to DR3, which hold the host's values"),
	RUN_OF(INTERCEPT_DR0_WRITE, 16, "DR_WRITE",
	       "VMRUN does not switch DR0 to DR3, which hold the host's values"),

	/* exceptions */
	RUN_OF(INTERCEPT_EXCEPTION + 1, 1, "DB",
	       "a #DB that raises #DB locks the CPU up in microcode"),
	RUN_OF(INTERCEPT_EXCEPTION + 17, 1, "AC",
	       "an #AC that raises #AC locks the CPU up in microcode"),
	RUN_OF(INTERCEPT_EXCEPTION + 18, 1, "MC",
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
	RULE(CR0_READ, CR0_READ, 0, "CR0_READ",
	     "the guest's CR0 differs from the one in the VMCB"),
	{ INTERCEPT_CR0_READ + 4, 1, VMCB_WHEN_CR4_READ, 0, "CR4_READ",
	  "the guest's CR4 differs from the one in the VMCB" },
	IF_ASKED(RDTSCP, RDTSCP, "the guest's CPUID has no RDTSCP"),
	IF_ASKED(VINTR,	VINTR, "reports that the guest can take an interrupt"),
	IF_ASKED(IRET,	IRET, "reports that the guest leaves its NMI handler"),
	IF_ASKED(INTN,	INTN, "catches INT3 on emulators; hides the TF of a step"),
};

const unsigned int vmcb_nr_intercept_rules = ARRAY_SIZE(vmcb_intercept_rules);

const struct vmcb_intercept_open vmcb_intercepts_open[] = {
	{ INTERCEPT_CR0_READ + 1, INTERCEPT_CR0_READ + 1, "no such register: #UD" },
	{ INTERCEPT_CR0_READ + 2, INTERCEPT_CR0_READ + 3, "in the VMCB" },
	{ INTERCEPT_CR0_READ + 5, INTERCEPT_CR0_READ + 7, "no such register: #UD" },
	{ INTERCEPT_CR0_READ + 9, INTERCEPT_CR0_READ + 15, "no such register: #UD" },
	{ INTERCEPT_CR0_WRITE + 1, INTERCEPT_CR0_WRITE + 1, "no such register: #UD" },
	{ INTERCEPT_CR0_WRITE + 2, INTERCEPT_CR0_WRITE + 2, "in the VMCB" },
	{ INTERCEPT_CR0_WRITE + 3, INTERCEPT_CR0_WRITE + 3,
	  "in the VMCB; nested paging makes any value harmless" },
	{ INTERCEPT_CR0_WRITE + 5, INTERCEPT_CR0_WRITE + 7, "no such register: #UD" },
	{ INTERCEPT_CR0_WRITE + 9, INTERCEPT_CR0_WRITE + 15, "no such register: #UD" },
	{ INTERCEPT_EXCEPTION + 0, INTERCEPT_EXCEPTION + 0,
	  "the guest's own affair, unless policy.exceptions has it" },
	{ INTERCEPT_EXCEPTION + 2, INTERCEPT_EXCEPTION + 2,
	  "never raised: NMIs have their own intercept" },
	{ INTERCEPT_EXCEPTION + 3, INTERCEPT_EXCEPTION + 16,
	  "the guest's own affair, unless policy.exceptions has it" },
	{ INTERCEPT_EXCEPTION + 19, INTERCEPT_EXCEPTION + 31,
	  "the guest's own affair, unless policy.exceptions has it" },
	{ INTERCEPT_CR0_SEL_WRITE, INTERCEPT_CR0_SEL_WRITE, "CR0_WRITE covers it" },
	{ INTERCEPT_IDTR_READ, INTERCEPT_TR_WRITE,
	  "switched by VMRUN and VMLOAD" },
	{ INTERCEPT_RDTSC, INTERCEPT_RDTSC, "reads through tsc_offset" },
	{ INTERCEPT_PUSHF, INTERCEPT_POPF, "RFLAGS is in the VMCB" },
	{ INTERCEPT_PAUSE, INTERCEPT_PAUSE,
	  "a spinning guest is preempted by the host's interrupts" },
	{ INTERCEPT_INVLPG, INTERCEPT_INVLPG, "works on the guest's own ASID" },
	{ INTERCEPT_ICEBP, INTERCEPT_ICEBP, "raises a #DB, which is intercepted" },
	{ INTERCEPT_EFER_WRITE_TRAP, INTERCEPT_EFER_WRITE_TRAP,
	  "the MSR intercept comes before the write" },
	{ 4 * 32 + 16, 4 * 32 + 31,
	  "traps behind a CR write; the CR intercepts come before it" },
	{ 5 * 32 + 5, 5 * 32 + 5, "bus lock threshold: not used" },
	{ 5 * 32 + 6, 5 * 32 + 6, "idle HLT: the HLT intercept is stricter" },
	{ 5 * 32 + 7, 5 * 32 + 31, "reserved" },
};

const unsigned int vmcb_nr_intercepts_open = ARRAY_SIZE(vmcb_intercepts_open);

static bool policy_asks(const struct vmcb_policy *policy, u8 when)
{
	switch (when) {
	case VMCB_WHEN_ALWAYS:
		return true;
	case VMCB_WHEN_CR0_READ:
		return policy->cr0_read;
	case VMCB_WHEN_CR4_READ:
		return policy->cr4_read;
	case VMCB_WHEN_RDTSCP:
		return policy->rdtscp;
	case VMCB_WHEN_VINTR:
		return policy->vintr;
	case VMCB_WHEN_IRET:
		return policy->iret;
	case VMCB_WHEN_INTN:
		return policy->intn;
	}
	return false;
}

static void apply_rule(u32 *words, const struct vmcb_intercept_rule *rule)
{
	unsigned int nr;

	for (nr = rule->nr; nr < rule->nr + rule->count; nr++)
		words[nr / 32] |= BIT(nr % 32);
}

/* Computes @caps->intercepts, which are set in all VMCBs, from the other fields. */
void vmcb_fix_intercepts(struct svm_caps *caps)
{
	const struct vmcb_intercept_rule *rule;

	memset(caps->intercepts, 0, sizeof(caps->intercepts));
	for (rule = vmcb_intercept_rules; rule->when == VMCB_WHEN_ALWAYS; rule++)
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
	const struct vmcb_intercept_rule *rule = vmcb_intercept_rules + vmcb_nr_intercept_rules;
	u32 words[VMCB_INTERCEPT_WORDS];

	memcpy(words, caps->intercepts, sizeof(words));
	words[INTERCEPT_EXCEPTION / 32] |= policy->exceptions;
	while ((--rule)->when != VMCB_WHEN_ALWAYS)
		if (policy_asks(policy, rule->when))
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
 * @iopm_pa: address of the I/O permission map, with the encryption bit
 * @msrpm_pa: address of the MSR permission map, with the encryption bit
 * @ncr3: &npt.root_pa
 *
 * The ASID remains 0, which VMRUN refuses, until asid_assign().
 */
void vmcb_init_control(struct vmcb *vmcb, const struct svm_caps *caps,
		       u64 iopm_pa, u64 msrpm_pa, u64 ncr3)
{
	static const struct vmcb_policy no_policy;

	memset(&vmcb->control, 0, sizeof(vmcb->control));
	vmcb_recalc_intercepts(vmcb, caps, &no_policy);
	vmcb_set_iopm_base_pa(vmcb, iopm_pa);
	vmcb_set_msrpm_base_pa(vmcb, msrpm_pa);
	vmcb_set_int_ctl(vmcb, V_INTR_MASKING);
	vmcb_set_nested_ctl(vmcb, NP_ENABLE);
	vmcb_set_nested_cr3(vmcb, ncr3);
	vmcb_set_g_pat(vmcb, PAT_RESET);
}
