// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID tables: validation, lookup, and the features that have to be shown
 * before a vCPU can use what they stand for. See cpuid_table.h.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <asm/cpufeatures.h>
#include <asm/fpu/types.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "vcpu/cpuid_table.h"

/* Predictive store forwarding disable; not every kernel has a name for it. */
#define AMD_SPEC_CTRL_PSFD	BIT(7)

#define GATE_CR4(bits)	{ .cr4_guest = (bits) }
#define GATE_EFER(bits)	{ .efer_guest = (bits) }
#define GATE_HAS(bits)	{ .has = (bits) }
#define GATE_SPEC(bits)	{ .spec_ctrl = (bits), .has = CPU_HAS_SPEC_CTRL }

/*
 * A feature whose bit is clear does not exist in the vCPU: its control bits are
 * reserved and its MSRs are #GP(0). What no control bit or intercept can take
 * away is missing here: most instructions, SYSENTER and its MSRs, RDTSC, the
 * attributes of page tables (1 GiB pages, PSE-36).
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

	/* VIRT_SSBD is another way to SSBD, and the only one where SPEC_CTRL has none. */
	{ 0x80000008, CPUID_EBX, 12, X86_FEATURE_AMD_IBPB, "IBPB", GATE_HAS(CPU_HAS_PRED_CMD) },
	{ 0x80000008, CPUID_EBX, 14, X86_FEATURE_AMD_IBRS, "IBRS", GATE_SPEC(SPEC_CTRL_IBRS) },
	{ 0x80000008, CPUID_EBX, 15, X86_FEATURE_AMD_STIBP, "STIBP", GATE_SPEC(SPEC_CTRL_STIBP) },
	{ 0x80000008, CPUID_EBX, 24, X86_FEATURE_AMD_SSBD, "SSBD", GATE_SPEC(SPEC_CTRL_SSBD) },
	{ 0x80000008, CPUID_EBX, 25, CPUID_HOST_VIRT_SSBD, "VIRT_SSBD",
	  GATE_HAS(CPU_HAS_VIRT_SSBD) },
	{ 0x80000008, CPUID_EBX, 28, CPUID_HOST_SAME, "PSFD", GATE_SPEC(AMD_SPEC_CTRL_PSFD) },
};

const unsigned int cpuid_nr_gates = ARRAY_SIZE(cpuid_gates);

/* --- lookup -------------------------------------------------------------- */

/* Answers that are not in the table alone: see cpuid.c */
static bool is_dynamic(u32 leaf)
{
	switch (leaf) {
	case 0x1:
	case 0x6:
	case 0xb:
	case 0xd:
	case 0x1f:
	case 0x80000001:
	case 0x8000001e:
	case 0x80000026:
		return true;
	}
	return false;
}

static int compare_entries(const void *left, const void *right)
{
	const struct svmvcpu_cpuid_entry *a = left, *b = right;

	if (a->leaf != b->leaf)
		return a->leaf < b->leaf ? -1 : 1;
	if (a->subleaf != b->subleaf)
		return a->subleaf < b->subleaf ? -1 : 1;
	return 0;
}

static bool entry_valid(const struct svmvcpu_cpuid_entry *entry)
{
	return !entry->mbz && !(entry->flags & ~SVMVCPU_CPUID_SUBLEAF) &&
	       (!entry->subleaf || (entry->flags & SVMVCPU_CPUID_SUBLEAF));
}

/* Of several entries for a leaf each answers one subleaf. */
static bool table_valid(const struct cpuid_table *table)
{
	u32 i;

	for (i = 0; i < table->nr; i++) {
		const struct svmvcpu_cpuid_entry *entry = &table->entry[i];

		if (!entry_valid(entry))
			return false;
		if (!i || entry[-1].leaf != entry->leaf)
			continue;
		if (!entry->flags || !entry[-1].flags || entry[-1].subleaf == entry->subleaf)
			return false;
	}
	return true;
}

static void make_index(struct cpuid_table *table)
{
	u16 *slot = &table->slot[0][0];
	u32 i;

	for (i = 0; i < CPUID_QUARTERS * CPUID_INDEXED; i++)
		slot[i] = table->nr;
	/* Backward, so that the first entry of a leaf counts. */
	for (i = table->nr; i--;) {
		u32 leaf = table->entry[i].leaf;

		if ((leaf & GENMASK(29, 0)) < CPUID_INDEXED)
			table->slot[leaf >> 30][leaf % CPUID_INDEXED] =
				i | (is_dynamic(leaf) ? CPUID_SLOT_DYNAMIC : 0);
	}
}

/* cpuid_table_slot() of a leaf that is not indexed: bisection */
u16 cpuid_table_far(const struct cpuid_table *table, u32 leaf)
{
	u32 low = 0, high = table->nr;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (table->entry[middle].leaf < leaf)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->nr && table->entry[low].leaf == leaf ? low : table->nr;
}

/* NULL when there is none */
const struct svmvcpu_cpuid_entry *cpuid_table_find(const struct cpuid_table *table, u32 leaf,
						   u32 subleaf)
{
	const struct svmvcpu_cpuid_entry *entry;

	entry = cpuid_table_entry(table, cpuid_table_slot(table, leaf), leaf, subleaf);
	return entry == &table->entry[table->nr] ? NULL : entry;
}

/* --- limits -------------------------------------------------------------- */

static bool shows(const struct cpuid_table *table, const struct cpuid_gate *gate)
{
	const struct svmvcpu_cpuid_entry *entry = cpuid_table_find(table, gate->leaf, 0);

	return entry && (cpuid_entry_reg(entry, gate->reg) & BIT(gate->bit));
}

void cpuid_limits_add(struct state_limits *sum, const struct state_limits *more)
{
	sum->cr4_guest |= more->cr4_guest;
	sum->efer_guest |= more->efer_guest;
	sum->xcr0 |= more->xcr0;
	sum->spec_ctrl |= more->spec_ctrl;
	sum->has |= more->has;
}

/* XCR0 needs XSAVE, and leaf 0xd lists its bits; the local APIC's modes need one. */
static void limit_dependent(struct state_limits *limits, const struct cpuid_table *table)
{
	const struct svmvcpu_cpuid_entry *xstate = cpuid_table_find(table, 0xd, 0);

	if (!xstate || !(limits->cr4_guest & X86_CR4_OSXSAVE))
		limits->xcr0 = 0;
	else
		limits->xcr0 &= xstate->eax;
	limits->xcr0 |= XFEATURE_MASK_FP;
	if (!(limits->has & CPU_HAS_APIC))
		limits->has &= ~(CPU_HAS_X2APIC | CPU_HAS_DEADLINE);
}

static void make_limits(struct cpuid_table *table, const struct state_limits *host)
{
	struct state_limits gated = { }, shown = { };
	struct state_limits *limits = &table->limits;
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++) {
		cpuid_limits_add(&gated, &cpuid_gates[i].gates);
		if (shows(table, &cpuid_gates[i]))
			cpuid_limits_add(&shown, &cpuid_gates[i].gates);
	}
	*limits = *host;
	limits->cr4_guest &= ~gated.cr4_guest | shown.cr4_guest;
	limits->efer_guest &= ~gated.efer_guest | shown.efer_guest;
	limits->xcr0 &= ~gated.xcr0 | shown.xcr0;
	limits->spec_ctrl &= ~gated.spec_ctrl | shown.spec_ctrl;
	limits->has &= ~gated.has | shown.has;
	limit_dependent(limits, table);
}

/**
 * cpuid_table_lacks() - does a state use what a table hides?
 * @table: finished
 * @used: what the state needs to be possible
 *
 * Return: NULL, or the name of the first feature that is missing.
 */
const char *cpuid_table_lacks(const struct cpuid_table *table, const struct state_limits *used)
{
	const struct state_limits *limits = &table->limits;
	const u64 cr4 = used->cr4_guest & ~limits->cr4_guest;
	const u64 efer = used->efer_guest & ~limits->efer_guest;
	const u64 xcr0 = used->xcr0 & ~limits->xcr0;
	const u64 spec_ctrl = used->spec_ctrl & ~limits->spec_ctrl;
	const u32 has = used->has & ~limits->has;
	unsigned int i;

	if (likely(!(cr4 | efer | xcr0 | spec_ctrl | has)))
		return NULL;
	for (i = 0; i < cpuid_nr_gates; i++) {
		const struct state_limits *gates = &cpuid_gates[i].gates;

		if ((cr4 & gates->cr4_guest) || (efer & gates->efer_guest) ||
		    (xcr0 & gates->xcr0) || (spec_ctrl & gates->spec_ctrl) ||
		    (has & gates->has))
			return cpuid_gates[i].name;
	}
	/* What no gate stands for is not hidden: state_valid() and xcr0_valid() refuse it. */
	return NULL;
}

/**
 * cpuid_table_finish() - check a table, sort it, derive the rest from it
 * @table: @nr and @entry filled in by anybody, with room for one more entry
 * @host: limits of this host
 *
 * Any values are safe: the host does not depend on what a guest believes, and
 * no table allows more than @host.
 *
 * Return: false when an entry is malformed, or answers what another one does.
 */
bool cpuid_table_finish(struct cpuid_table *table, const struct state_limits *host)
{
	sort(table->entry, table->nr, sizeof(table->entry[0]), compare_entries, NULL);
	if (!table_valid(table))
		return false;
	memset(&table->entry[table->nr], 0, sizeof(table->entry[0]));
	make_index(table);
	make_limits(table, host);
	return true;
}
