/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a guest.
 */
#ifndef SVMVCPU_CPUID_H
#define SVMVCPU_CPUID_H

#include <linux/svmvcpu.h>
#include <linux/types.h>

#define CPUID_MAX	256

/* Never changes once vCPUs can see it. */
struct cpuid_table {
	u32 nr;
	struct svmvcpu_cpuid_entry entry[];
};

int cpuid_init(void);
void cpuid_exit(void);

struct cpuid_table *cpuid_table_create(const void __user *entries, u32 nr);
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table);
u32 cpuid_signature(const struct cpuid_table *table);

#endif /* SVMVCPU_CPUID_H */
