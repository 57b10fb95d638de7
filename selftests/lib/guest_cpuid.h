/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID tables for the tests: the default table with single bits changed */
#ifndef SVMVCPU_GUEST_CPUID_H
#define SVMVCPU_GUEST_CPUID_H

#include "svmvcpu_test.h"

#define CPUID_MAX	256

enum cpuid_reg { EAX, EBX, ECX, EDX };

struct cpuid_table {
	struct svmvcpu_cpuid_entry entry[CPUID_MAX];
	unsigned int nr;
};

static inline void cpuid_get(const struct test_vm *t, struct cpuid_table *table)
{
	table->nr = CPUID_MAX;
	if (svmvcpu_vcpu_get_cpuid(&t->vcpu, table->entry, &table->nr))
		vm_die("GET_VCPU_CPUID");
}

static inline __u32 *cpuid_reg(struct cpuid_table *table, __u32 leaf, enum cpuid_reg reg)
{
	struct svmvcpu_cpuid_entry *entry;

	entry = svmvcpu_cpuid_find(table->entry, table->nr, leaf, 0);
	if (!entry)
		vm_die("a leaf is missing");
	return &entry->eax + reg;
}

static inline void cpuid_set(struct test_vm *t, const struct cpuid_table *table)
{
	if (svmvcpu_vcpu_set_cpuid(&t->vcpu, table->entry, table->nr))
		vm_die("SET_VCPU_CPUID");
}

/* Toggles a feature bit of the vCPU, whose state must not need it. */
static inline void cpuid_flip(struct test_vm *t, __u32 leaf, enum cpuid_reg reg,
			      unsigned int bit)
{
	struct cpuid_table table;

	cpuid_get(t, &table);
	*cpuid_reg(&table, leaf, reg) ^= 1U << bit;
	cpuid_set(t, &table);
}

static inline bool cpuid_shows(const struct test_vm *t, __u32 leaf, enum cpuid_reg reg,
			       unsigned int bit)
{
	struct cpuid_table table;

	cpuid_get(t, &table);
	return *cpuid_reg(&table, leaf, reg) >> bit & 1;
}

#endif /* SVMVCPU_GUEST_CPUID_H */
