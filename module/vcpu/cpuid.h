/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID as the guest sees it. A table has the results, and the limits of the vCPU that
 * follow from the features it shows. A table never changes once a vCPU uses it.
 */
#ifndef SVMVCPU_CPUID_H
#define SVMVCPU_CPUID_H

#include <linux/bits.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <asm/processor.h>

#include "svm/limits.h"

#define CPUID_MAX		256
#define CPUID_INDEXED		64

/* Leaf 1 ECX, EDX (as in leaf 0x80000001), and leaf 6 EAX: the timer runs in every state */
#define CPUID_X2APIC		BIT(21)
#define CPUID_TSC_DEADLINE	BIT(24)
#define CPUID_XSAVE		BIT(26)
#define CPUID_OSXSAVE		BIT(27)
#define CPUID_APIC		BIT(9)
#define CPUID_ARAT		BIT(2)

struct cpuid_table {
	struct state_limits limits;
	u32 nr;
	/* For leaves below CPUID_INDEXED, standard and extended: no entry before is for it. */
	u16 first[2][CPUID_INDEXED];
	struct svmvcpu_cpuid_entry entry[];	/* sorted by leaf and subleaf */
};

/* A CPUID bit, and what a vCPU lacks if the bit is clear */
struct cpuid_gate {
	u32 leaf;		/* with subleaf 0, if it has subleaves */
	u8 reg;			/* CPUID_EAX to CPUID_EDX */
	u8 bit;
	u16 host;		/* required X86_FEATURE_* of the host, or CPUID_HOST_* */
	const char *name;	/* for messages */
	struct state_limits gates;	/* a bit in several rows needs one of the features */
};

extern const struct cpuid_gate cpuid_gates[];
extern const unsigned int cpuid_nr_gates;

/* cpuid_gate.host besides X86_FEATURE_* */
#define CPUID_HOST_ANY		0	/* emulated: does not depend on the host */
#define CPUID_HOST_VIRT_SSBD	0xffff	/* SSBD, in any register of the host */

bool cpuid_table_finish(struct cpuid_table *table, const struct state_limits *host);
const struct svmvcpu_cpuid_entry *cpuid_table_find(const struct cpuid_table *table, u32 leaf,
						   u32 subleaf);
void cpuid_limits_add(struct state_limits *sum, const struct state_limits *more);
const char *cpuid_table_lacks(const struct cpuid_table *table, const struct state_limits *used);

int cpuid_init(void);
void cpuid_exit(void);

struct cpuid_table *cpuid_table_create(const void __user *arg);
struct cpuid_table *cpuid_table_copy(const struct cpuid_table *table);
int cpuid_table_report(const struct cpuid_table *table, void __user *arg);
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table);

#endif /* SVMVCPU_CPUID_H */
