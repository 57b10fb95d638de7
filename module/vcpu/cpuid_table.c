// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID tables: validation, lookup, and the limits that follow from the features that a
 * table shows. Pure functions.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sort.h>
#include <asm/cpufeatures.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "vcpu/cpuid.h"

/* Predictive store forwarding disable. Not every kernel has names for it. */
#define AMD_SPEC_CTRL_PSFD	BIT(7)
#define FEATURE_AMD_PSFD	(13 * 32 + 28)

#define GATE_CR4(bits)	{ .cr4_guest = (bits) }
#define GATE_EFER(bits)	{ .efer_guest = (bits) }
#define GATE_HAS(bits)	{ .has = (bits) }
#define GATE_SPEC(bits)	{ .spec_ctrl = (bits), .has = CPU_HAS_SPEC_CTRL }

/*
 * A vCPU does not have a feature whose bit is clear: its control bits are reserved and
 * its MSRs raise #GP(0). Features that neither a control bit nor an intercept can
 * disable have no row: most instructions, SYSENTER and its MSRs, RDTSC, and page table
 * attributes (1 GiB pages, PSE-36).
 */
const struct cpuid_gate cpuid_gates[] = {
	{ 1, CPUID_EDX, 1, X86_FEATURE_VME, "VME", GATE_CR4(X86_CR4_VME | X86_CR4_PVI) },
	{ 1, CPUID_EDX, 2, X86_FEATURE_DE, "DE", GATE_CR4(X86_CR4_DE) },
	{ 1, CPUID_EDX, 3, X86_FEATURE_PSE, "PSE", GATE_CR4(X86_CR4_PSE) },
	{ 1, CPUID_EDX, 4, X86_FEATURE_TSC, "TSC", GATE_CR4(X86_CR4_TSD) },
	{ 1, CPUID_EDX, 6, X86_FEATURE_PAE, "PAE", GATE_CR4(X86_CR4_PAE) },
	{ 1, CPUID_EDX, 9, CPUID_HOST_ANY, "APIC", GATE_HAS(CPU_HAS_APIC) },
	{ 1, CPUID_EDX, 13, X86_FEATURE_PGE, "PGE", GATE_CR4(X86_CR4_PGE) },
	{ 1, CPUID_EDX, 16, X86_FEATURE_PAT, "PAT", GATE_HAS(CPU_HAS_PAT) },
	{ 1, CPUID_EDX, 24, X86_FEATURE_FXSR, "FXSR", GATE_CR4(X86_CR4_OSFXSR) },
	{ 1, CPUID_EDX, 25, X86_FEATURE_XMM, "SSE", GATE_CR4(X86_CR4_OSXMMEXCPT) },
	{ 1, CPUID_ECX, 21, CPUID_HOST_ANY, "x2APIC", GATE_HAS(CPU_HAS_X2APIC) },
	{ 1, CPUID_ECX, 24, CPUID_HOST_ANY, "TSC-deadline", GATE_HAS(CPU_HAS_DEADLINE) },
	{ 1, CPUID_ECX, 26, X86_FEATURE_XSAVE, "XSAVE",
	  { .cr4_guest = X86_CR4_OSXSAVE, .xcr0 = XFEATURE_MASK_SSE } },
	{ 1, CPUID_ECX, 28, X86_FEATURE_AVX, "AVX", { .xcr0 = XFEATURE_MASK_YMM } },

	{ 7, CPUID_EBX, 0, X86_FEATURE_FSGSBASE, "FSGSBASE", GATE_CR4(X86_CR4_FSGSBASE) },
	{ 7, CPUID_EBX, 7, X86_FEATURE_SMEP, "SMEP", GATE_CR4(X86_CR4_SMEP) },
	{ 7, CPUID_EBX, 20, X86_FEATURE_SMAP, "SMAP", GATE_CR4(X86_CR4_SMAP) },
	{ 7, CPUID_ECX, 2, X86_FEATURE_UMIP, "UMIP", GATE_CR4(X86_CR4_UMIP) },
	{ 7, CPUID_ECX, 22, X86_FEATURE_RDPID, "RDPID", GATE_HAS(CPU_HAS_TSC_AUX) },

	{ 0x80000001, CPUID_EDX, 11, X86_FEATURE_SYSCALL, "SYSCALL", GATE_EFER(EFER_SCE) },
	{ 0x80000001, CPUID_EDX, 20, X86_FEATURE_NX, "NX", GATE_EFER(EFER_NX) },
	{ 0x80000001, CPUID_EDX, 27, X86_FEATURE_RDTSCP, "RDTSCP",
	  GATE_HAS(CPU_HAS_TSC_AUX | CPU_HAS_RDTSCP) },
	{ 0x80000001, CPUID_EDX, 29, X86_FEATURE_LM, "LM", GATE_EFER(EFER_LME | EFER_LMA) },

	/* VIRT_SSBD is the only way to set SSBD on a CPU whose SPEC_CTRL lacks the bit. */
	{ 0x80000008, CPUID_EBX, 12, X86_FEATURE_AMD_IBPB, "IBPB", GATE_HAS(CPU_HAS_PRED_CMD) },
	{ 0x80000008, CPUID_EBX, 14, X86_FEATURE_AMD_IBRS, "IBRS", GATE_SPEC(SPEC_CTRL_IBRS) },
	{ 0x80000008, CPUID_EBX, 15, X86_FEATURE_AMD_STIBP, "STIBP", GATE_SPEC(SPEC_CTRL_STIBP) },
	{ 0x80000008, CPUID_EBX, 24, X86_FEATURE_AMD_SSBD, "SSBD", GATE_SPEC(SPEC_CTRL_SSBD) },
	{ 0x80000008, CPUID_EBX, 25, CPUID_HOST_VIRT_SSBD, "VIRT_SSBD",
	  GATE_HAS(CPU_HAS_VIRT_SSBD) },
	{ 0x80000008, CPUID_EBX, 28, FEATURE_AMD_PSFD, "PSFD", GATE_SPEC(AMD_SPEC_CTRL_PSFD) },
};

const unsigned int cpuid_nr_gates = ARRAY_SIZE(cpuid_gates);

static int compare_entries(const void *left, const void *right)
{
	const struct svmvcpu_cpuid_entry *a = left, *b = right;

	if (a->leaf != b->leaf)
		return a->leaf < b->leaf ? -1 : 1;
	if (a->subleaf != b->subleaf)
		return a->subleaf < b->subleaf ? -1 : 1;
	return 0;
}

/* No two entries of a sorted table may apply to the same leaf and subleaf. */
static bool entry_valid(const struct svmvcpu_cpuid_entry *entry, bool first)
{
	const struct svmvcpu_cpuid_entry *prev = entry - 1;

	if (entry->mbz || (entry->flags & ~SVMVCPU_CPUID_SUBLEAF) ||
	    (entry->subleaf && !entry->flags))
		return false;
	return first || prev->leaf != entry->leaf ||
	       (prev->flags && entry->flags && prev->subleaf != entry->subleaf);
}

/**
 * cpuid_table_find() - look up the result of CPUID
 * @table: passed cpuid_table_finish()
 * @leaf: EAX
 * @subleaf: ECX
 *
 * Return: NULL if the result is zero.
 */
const struct svmvcpu_cpuid_entry *cpuid_table_find(const struct cpuid_table *table, u32 leaf,
						   u32 subleaf)
{
	const struct svmvcpu_cpuid_entry *entry = table->entry;
	const struct svmvcpu_cpuid_entry *end = entry + table->nr;

	if ((leaf & ~BIT(31)) < CPUID_INDEXED)
		entry += table->first[leaf >> 31][leaf % CPUID_INDEXED];
	for (; entry < end && entry->leaf <= leaf; entry++)
		if (entry->leaf == leaf && (!entry->flags || entry->subleaf == subleaf))
			return entry;
	return NULL;
}

static bool shows(const struct cpuid_table *table, const struct cpuid_gate *gate)
{
	const struct svmvcpu_cpuid_entry *entry = cpuid_table_find(table, gate->leaf, 0);

	return entry && ((&entry->eax)[gate->reg] & BIT(gate->bit));
}

void cpuid_limits_add(struct state_limits *sum, const struct state_limits *more)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sum->masks); i++)
		sum->masks[i] |= more->masks[i];
}

static bool limits_intersect(const struct state_limits *a, const struct state_limits *b)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(a->masks); i++)
		if (a->masks[i] & b->masks[i])
			return true;
	return false;
}

/* XCR0 needs XSAVE, and leaf 0xd lists its bits. The modes of a local APIC need one. */
static void limit_dependent(struct state_limits *limits, const struct cpuid_table *table)
{
	const struct svmvcpu_cpuid_entry *xstate = cpuid_table_find(table, 0xd, 0);

	limits->xcr0 &= xstate && (limits->cr4_guest & X86_CR4_OSXSAVE) ? xstate->eax : 0;
	limits->xcr0 |= XFEATURE_MASK_FP;
	if (!(limits->has & CPU_HAS_APIC))
		limits->has &= ~(CPU_HAS_X2APIC | CPU_HAS_DEADLINE);
}

static void make_limits(struct cpuid_table *table, const struct state_limits *host)
{
	struct state_limits gated = { }, shown = { };
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++) {
		cpuid_limits_add(&gated, &cpuid_gates[i].gates);
		if (shows(table, &cpuid_gates[i]))
			cpuid_limits_add(&shown, &cpuid_gates[i].gates);
	}
	table->limits = *host;
	for (i = 0; i < ARRAY_SIZE(gated.masks); i++)
		table->limits.masks[i] &= ~gated.masks[i] | shown.masks[i];
	limit_dependent(&table->limits, table);
}

/**
 * cpuid_table_lacks() - find a feature that a state uses and a table hides
 * @table: passed cpuid_table_finish()
 * @used: from state_used()
 *
 * Return: NULL, or the name of the first such feature.
 */
const char *cpuid_table_lacks(const struct cpuid_table *table, const struct state_limits *used)
{
	struct state_limits missing = *used;
	u64 any = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(missing.masks); i++)
		any |= missing.masks[i] &= ~table->limits.masks[i];
	for (i = 0; any && i < cpuid_nr_gates; i++)
		if (limits_intersect(&missing, &cpuid_gates[i].gates))
			return cpuid_gates[i].name;
	/* Bits without a gate cannot be hidden: state_valid() and xcr0_valid() refuse them. */
	return NULL;
}

static void make_index(struct cpuid_table *table)
{
	u32 i, at = 0;

	for (i = 0; i < 2 * CPUID_INDEXED; i++) {
		u32 leaf = i / CPUID_INDEXED << 31 | i % CPUID_INDEXED;

		while (at < table->nr && table->entry[at].leaf < leaf)
			at++;
		table->first[leaf >> 31][leaf % CPUID_INDEXED] = at;
	}
}

/**
 * cpuid_table_finish() - check and sort a table, and derive the limits from it
 * @table: @nr and @entry are set; their values may come from user space
 * @host: limits of this host, which the table cannot exceed
 *
 * Return: false if an entry is malformed, or two apply to the same leaf and subleaf.
 */
bool cpuid_table_finish(struct cpuid_table *table, const struct state_limits *host)
{
	u32 i;

	sort(table->entry, table->nr, sizeof(table->entry[0]), compare_entries, NULL);
	for (i = 0; i < table->nr; i++)
		if (!entry_valid(&table->entry[i], !i))
			return false;
	make_index(table);
	make_limits(table, host);
	return true;
}
