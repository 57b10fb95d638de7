/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a guest: the default table, tables of user space.
 */
#ifndef SVMVCPU_CPUID_H
#define SVMVCPU_CPUID_H

#include "cpuid_table.h"

int cpuid_init(void);
void cpuid_exit(void);

struct cpuid_table *cpuid_table_create(const void __user *arg);
struct cpuid_table *cpuid_table_copy(const struct cpuid_table *table);
int cpuid_table_report(const struct cpuid_table *table, void __user *arg);
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table);
u32 cpuid_signature(const struct cpuid_table *table);

#endif /* SVMVCPU_CPUID_H */
