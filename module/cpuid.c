// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID tells a guest.
 *
 * A table made once at load from the host's own leaves and the rules below:
 * every leaf a guest can see is named with the bits it may have, everything
 * else reads zero. A feature shows only if the guest can use it: what needs an
 * MSR, an instruction or a CR4 bit that we refuse is hidden.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <asm/processor.h>

#include "cpu.h"
#include "cpuid.h"
#include "exit.h"
#include "guest.h"
#include "vcpu.h"

#define LEAF_HYPERVISOR		0x40000000
#define LEAF_HYPERVISOR_MAX	0x40000001
#define LEAF_EXTENDED		0x80000000
#define LEAF_ADDRESSES		0x80000008

/* Highest leaves shown, if the host has them */
#define LEAF_BASIC_MAX		0x16
#define LEAF_EXTENDED_MAX	0x80000008

/* When the host does not say: a frequency guests take for the TSC's */
#define FREQUENCY_MHZ		3000

#define ALL			(~0U)

/* One leaf: out = (host & mask) | set, per register. */
struct cpuid_rule {
	u32 leaf;
	u32 subleaf;
	struct cpuid_regs_out mask;
	struct cpuid_regs_out set;
};

/*
 * Leaf 1: no VMX; no MONITOR, PCID, x2APIC, TSC-deadline (no APIC yet); no
 * XSAVE and with it OSXSAVE, AVX, FMA, F16C; HYPERVISOR set. No MCE, MCA, MTRR
 * (no such MSRs), APIC, HTT (one thread, topology not shared with the host).
 */
#define LEAF1_ECX	(BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) |	\
			 BIT(22) | BIT(23) | BIT(25) | BIT(30))
#define LEAF1_EDX	(BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) |	\
			 BIT(8) | BIT(11) | BIT(13) | BIT(15) | BIT(16) | BIT(17) |	\
			 BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26))

/* Leaf 7: FSGSBASE, BMI1, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA */
#define LEAF7_EBX	(BIT(0) | BIT(3) | BIT(7) | BIT(8) | BIT(9) | BIT(18) | BIT(19) |	\
			 BIT(20) | BIT(23) | BIT(24) | BIT(29))
#define LEAF7_ECX	BIT(2)		/* UMIP; neither WAITPKG nor LA57 */
#define LEAF7_EDX	BIT(4)		/* fast short REP MOV */

/* 80000001: no SVM, OSVW, IBS, XOP, SKINIT, WDT, LWP, FMA4, TCE, perfctr, MONITORX */
#define LEAFE1_ECX	(BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* as leaf 1, plus SYSCALL, NX, MMXEXT, 1G pages, LM, 3DNow!; neither FFXSR nor RDTSCP */
#define LEAFE1_EDX	((LEAF1_EDX & 0x0183f3ff & ~BIT(11)) | BIT(11) | BIT(20) |	\
			 BIT(22) | BIT(26) | BIT(29) | BIT(30) | BIT(31))

static const struct cpuid_rule cpuid_rules[] = {
	{ 0x00000000, 0, { ALL, ALL, ALL, ALL } },
	{ 0x00000001, 0, { ALL, 0x0000ff00, LEAF1_ECX, LEAF1_EDX },
			 { .ecx = BIT(31) } },
	{ 0x00000007, 0, { 0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX } },
	{ 0x00000016, 0, { ALL, ALL, ALL, 0 } },
	{ LEAF_HYPERVISOR, 0, { }, { LEAF_HYPERVISOR_MAX,
				     /* "RVMRVMRVMRVM" */
				     0x524d5652, 0x56524d56, 0x4d56524d } },
	{ LEAF_HYPERVISOR_MAX, 0, { } },
	{ 0x80000000, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000001, 0, { ALL, ALL, LEAFE1_ECX, LEAFE1_EDX } },
	{ 0x80000002, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000003, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000005, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000007, 0, { .edx = BIT(8) } },		/* invariant TSC */
	{ 0x80000008, 0, { .eax = 0x0000ffff, .ebx = BIT(0) } },
};

struct cpuid_entry {
	u32 leaf;
	u32 subleaf;
	struct cpuid_regs_out out;
};

static struct cpuid_entry *cpuid_table;

static void cpuid_apply(const struct cpuid_rule *rule, struct cpuid_entry *entry)
{
	struct cpuid_regs_out *out = &entry->out;

	entry->leaf = rule->leaf;
	entry->subleaf = rule->subleaf;
	if ((rule->leaf & 0xf0000000) != LEAF_HYPERVISOR)
		cpuid_count(rule->leaf, rule->subleaf, &out->eax, &out->ebx, &out->ecx,
			    &out->edx);
	out->eax = (out->eax & rule->mask.eax) | rule->set.eax;
	out->ebx = (out->ebx & rule->mask.ebx) | rule->set.ebx;
	out->ecx = (out->ecx & rule->mask.ecx) | rule->set.ecx;
	out->edx = (out->edx & rule->mask.edx) | rule->set.edx;
}

/* What a mask cannot say. */
static void cpuid_fix(struct cpuid_entry *entry, u32 host_max_basic)
{
	switch (entry->leaf) {
	case 0:
		entry->out.eax = LEAF_BASIC_MAX;
		break;
	case 0x16:
		if (host_max_basic < 0x16)
			entry->out = (struct cpuid_regs_out) { };
		if (!entry->out.eax)
			entry->out.eax = FREQUENCY_MHZ;
		break;
	case 7:
		if (host_max_basic < 7)
			entry->out = (struct cpuid_regs_out) { };
		break;
	case LEAF_EXTENDED:
		entry->out.eax = min_t(u32, entry->out.eax, LEAF_EXTENDED_MAX);
		break;
	case LEAF_ADDRESSES:
		entry->out.eax = (entry->out.eax & 0xff00) | svm_limits.gpa_bits;
		break;
	}
}

/**
 * cpuid_init() - make the table from this host's CPUID
 *
 * Return: 0 or -ENOMEM.
 */
int cpuid_init(void)
{
	u32 max_basic = cpuid_eax(0), max_extended = cpuid_eax(LEAF_EXTENDED);
	int i;

	cpuid_table = kcalloc(ARRAY_SIZE(cpuid_rules), sizeof(*cpuid_table), GFP_KERNEL);
	if (!cpuid_table)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(cpuid_rules); i++) {
		const struct cpuid_rule *rule = &cpuid_rules[i];
		struct cpuid_entry *entry = &cpuid_table[i];

		/* Beyond its last leaf a CPU may answer anything. */
		if (rule->leaf >= LEAF_EXTENDED && rule->leaf > max_extended)
			entry->leaf = rule->leaf;
		else
			cpuid_apply(rule, entry);
		cpuid_fix(entry, max_basic);
	}
	return 0;
}

void cpuid_exit(void)
{
	kfree(cpuid_table);
}

/* Leaf 1 EAX, which is also in EDX after RESET. */
u32 cpuid_signature(void)
{
	struct cpuid_regs_out out;

	cpuid_lookup(1, 0, 0, &out);
	return out.eax;
}

/**
 * cpuid_lookup() - the answer to one CPUID
 * @leaf: EAX
 * @subleaf: ECX; ignored by leaves that have none
 * @apic_id: of the vCPU
 * @out: zero for a leaf that is not shown
 */
void cpuid_lookup(u32 leaf, u32 subleaf, u32 apic_id, struct cpuid_regs_out *out)
{
	int i;

	*out = (struct cpuid_regs_out) { };
	for (i = 0; i < ARRAY_SIZE(cpuid_rules); i++) {
		const struct cpuid_entry *entry = &cpuid_table[i];

		if (entry->leaf != leaf || (leaf == 7 && entry->subleaf != subleaf))
			continue;
		*out = entry->out;
		if (leaf == 1)
			out->ebx |= apic_id << 24 | 1 << 16;
		return;
	}
}

/* VMEXIT_CPUID */
int exit_cpuid(struct vcpu *vcpu, bool atomic)
{
	struct cpuid_regs_out out;
	int ret;

	ret = guest_step(vcpu, BIT_ULL(INSN_CPUID), atomic);
	if (ret)
		return ret;
	cpuid_lookup(vcpu->gprs[INSN_RAX], vcpu->gprs[INSN_RCX], vcpu->id, &out);
	/* 32-bit writes: the upper halves are cleared. */
	vcpu->gprs[INSN_RAX] = out.eax;
	vcpu->gprs[INSN_RBX] = out.ebx;
	vcpu->gprs[INSN_RCX] = out.ecx;
	vcpu->gprs[INSN_RDX] = out.edx;
	return EXIT_RESUME;
}
