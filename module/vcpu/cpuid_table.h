/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPUID table as the kernel keeps it: sorted and indexed, with the limits that
 * follow from the features it shows. Pure: no vCPU, no host registers.
 */
#ifndef SVMVCPU_CPUID_TABLE_H
#define SVMVCPU_CPUID_TABLE_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <asm/processor.h>

#include "svm/limits.h"

#define CPUID_MAX		256

/* The first leaves of each quarter (basic, hypervisor, extended, other) are indexed. */
#define CPUID_QUARTERS		4
#define CPUID_INDEXED		64

/* cpuid_table.slot: number of a leaf's first entry, and a flag */
#define CPUID_SLOT_ENTRY	0x1ff
#define CPUID_SLOT_DYNAMIC	0x8000	/* a part of the answer depends on the vCPU */

/**
 * struct cpuid_table - what CPUID tells the guests of a VM, or one vCPU
 * @limits: what a vCPU with this table may be set to
 * @nr: entries
 * @slot: where to look up a leaf; a leaf without an entry has that of entry[nr]
 * @entry: by leaf and subleaf; the one behind the last is zero
 *
 * Never changes once a vCPU uses it.
 */
struct cpuid_table {
	struct state_limits limits;
	u32 nr;
	u16 slot[CPUID_QUARTERS][CPUID_INDEXED];
	struct svmvcpu_cpuid_entry entry[];
};

/**
 * struct cpuid_gate - a CPUID bit, and what the CPU lacks without it
 * @leaf: CPUID leaf, with subleaf 0 where there are several
 * @reg: the register of its answer: CPUID_EAX to CPUID_EDX
 * @bit: number of the bit in that register
 * @host: X86_FEATURE_* of the host that it needs, or CPUID_HOST_*
 * @name: for messages
 * @gates: bits of CR4, EFER, XCR0, SPEC_CTRL and CPU_HAS_*. One that several
 *	features gate is there with any of them
 */
struct cpuid_gate {
	u32 leaf;
	u8 reg;
	u8 bit;
	u16 host;
	const char *name;
	struct state_limits gates;
};

extern const struct cpuid_gate cpuid_gates[];
extern const unsigned int cpuid_nr_gates;

/* cpuid_gate.host beside X86_FEATURE_* */
#define CPUID_HOST_ANY		0	/* emulated: it does not depend on the host */
#define CPUID_HOST_SAME		0xffff	/* the host's own CPUID bit */
#define CPUID_HOST_VIRT_SSBD	0xfffe	/* SSBD, wherever the host has it */

bool cpuid_table_finish(struct cpuid_table *table, const struct state_limits *host);
u16 cpuid_table_far(const struct cpuid_table *table, u32 leaf);
const struct svmvcpu_cpuid_entry *cpuid_table_find(const struct cpuid_table *table, u32 leaf,
						   u32 subleaf);
void cpuid_limits_add(struct state_limits *sum, const struct state_limits *more);
const char *cpuid_table_lacks(const struct cpuid_table *table, const struct state_limits *used);

static inline u32 cpuid_entry_reg(const struct svmvcpu_cpuid_entry *entry, u8 reg)
{
	return (&entry->eax)[reg];
}

/* The index is masked, so a mispredicted branch reads nothing beyond the table. */
static inline u16 cpuid_table_slot(const struct cpuid_table *table, u32 leaf)
{
	if (unlikely((leaf & GENMASK(29, 0)) >= CPUID_INDEXED))
		return cpuid_table_far(table, leaf);
	return table->slot[leaf >> 30][leaf % CPUID_INDEXED];
}

/**
 * cpuid_table_entry() - the entry that answers a question
 * @table: finished
 * @slot: cpuid_table_slot() of @leaf
 * @leaf: EAX
 * @subleaf: ECX
 *
 * Return: never NULL; all zero when there is none.
 */
static inline const struct svmvcpu_cpuid_entry *
cpuid_table_entry(const struct cpuid_table *table, u16 slot, u32 leaf, u32 subleaf)
{
	const struct svmvcpu_cpuid_entry *entry = &table->entry[slot & CPUID_SLOT_ENTRY];

	while (unlikely(entry->flags & SVMVCPU_CPUID_SUBLEAF) && entry->subleaf != subleaf) {
		entry++;
		if (entry->leaf != leaf)
			return &table->entry[table->nr];
	}
	return entry;
}

#endif /* SVMVCPU_CPUID_TABLE_H */
