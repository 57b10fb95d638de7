/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intercepts of a VMCB, and the control area of a new vCPU. One function computes all
 * intercepts from constant tables, the capabilities of the host, and a policy; no other
 * code changes them.
 *
 * Callers hold the mutex of the vCPU.
 */
#ifndef SVMVCPU_VMCB_INIT_H
#define SVMVCPU_VMCB_INIT_H

#include <linux/types.h>
#include "svm/vmcb.h"

/* PAT after reset: WB, WT, UC-, UC, twice */
#define PAT_RESET	0x0007040600070406ULL

/* Intercepts that may change during the life of a vCPU */
struct vmcb_policy {
	union {
		struct {
			u32 exceptions;	/* bit n: exception vector n */
			bool vintr;	/* the guest can take an interrupt */
			bool iret;	/* IRET, which ends an NMI handler */
			bool intn;	/* INT n: for steps, and to detect INT3 on some hosts */
		};
		u64 for_events;		/* all of these, to test them at once */
	};
	bool cr0_read;			/* the guest's CR0 differs from the VMCB's */
	bool cr4_read;			/* the same for CR4 */
	bool rdtscp;			/* the guest's CPUID has no RDTSCP */
};

/* When an intercept of the table is set: always, or if a member of vmcb_policy is set */
enum vmcb_intercept_when {
	VMCB_WHEN_ALWAYS,
	VMCB_WHEN_CR0_READ,
	VMCB_WHEN_CR4_READ,
	VMCB_WHEN_RDTSCP,
	VMCB_WHEN_VINTR,
	VMCB_WHEN_IRET,
	VMCB_WHEN_INTN,
};

/* One or more consecutive intercepts that are set */
struct vmcb_intercept_rule {
	u16 nr;			/* first &enum vmcb_intercept */
	u8 count;
	u8 when;		/* &enum vmcb_intercept_when */
	u64 needs;		/* required bits of svm_caps.cpuid_intercepts */
	const char *name;	/* for vcpuctl and tests */
	const char *why;	/* what would happen without the intercept */
};

/* Consecutive intercepts that are clear */
struct vmcb_intercept_open {
	u16 first;		/* &enum vmcb_intercept */
	u16 last;		/* inclusive */
	const char *why;	/* why this is safe */
};

extern const struct vmcb_intercept_rule vmcb_intercept_rules[];
extern const unsigned int vmcb_nr_intercept_rules;
extern const struct vmcb_intercept_open vmcb_intercepts_open[];
extern const unsigned int vmcb_nr_intercepts_open;

void vmcb_fix_intercepts(struct svm_caps *caps);
void vmcb_recalc_intercepts(struct vmcb *vmcb, const struct svm_caps *caps,
			    const struct vmcb_policy *policy);
void vmcb_init_control(struct vmcb *vmcb, const struct svm_caps *caps,
		       u64 iopm_pa, u64 msrpm_pa, u64 ncr3);

#endif /* SVMVCPU_VMCB_INIT_H */
