/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a guest.
 */
#ifndef SVMVCPU_CPUID_H
#define SVMVCPU_CPUID_H

#include <linux/types.h>

/**
 * struct cpuid_regs_out - result of one leaf
 * @eax: .
 * @ebx: .
 * @ecx: .
 * @edx: .
 */
struct cpuid_regs_out {
	u32 eax, ebx, ecx, edx;
};

int cpuid_init(void);
void cpuid_exit(void);
u32 cpuid_signature(void);
void cpuid_lookup(u32 leaf, u32 subleaf, u32 apic_id, struct cpuid_regs_out *out);

#endif /* SVMVCPU_CPUID_H */
