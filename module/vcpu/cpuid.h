/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a guest: the default table, tables of user space.
 */
#ifndef SVMVCPU_CPUID_H
#define SVMVCPU_CPUID_H

#include "vcpu/cpuid_table.h"

/* Leaf 1 ECX, EDX (as in leaf 0x80000001), and leaf 6 EAX: the timer runs in every state */
#define CPUID_X2APIC		BIT(21)
#define CPUID_TSC_DEADLINE	BIT(24)
#define CPUID_XSAVE		BIT(26)
#define CPUID_OSXSAVE		BIT(27)
#define CPUID_APIC		BIT(9)
#define CPUID_ARAT		BIT(2)

int cpuid_init(void);
void cpuid_exit(void);

struct cpuid_table *cpuid_table_create(const void __user *arg);
struct cpuid_table *cpuid_table_copy(const struct cpuid_table *table);
int cpuid_table_report(const struct cpuid_table *table, void __user *arg);
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table);
u32 cpuid_signature(const struct cpuid_table *table);

#endif /* SVMVCPU_CPUID_H */
