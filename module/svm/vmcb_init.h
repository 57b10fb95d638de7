/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vCPU's VMCB intercepts, and its control area at creation. One
 * function computes the whole intercept set from the tables here, the host's
 * capabilities and a policy; nobody flips single bits elsewhere.
 *
 * Called by vcpu.c and run.c under the vCPU's mutex; the tables are const.
 */
#ifndef SVMVCPU_VMCB_INIT_H
#define SVMVCPU_VMCB_INIT_H

#include <linux/types.h>
#include "svm/vmcb.h"

/* the PAT register after reset: WB, WT, UC-, UC, twice */
#define PAT_RESET	0x0007040600070406ULL

/**
 * struct vmcb_policy - what may be switched on and off while a vCPU lives
 * @exceptions: bit n: also intercept exception vector n
 * @vintr: tell when the guest can take an interrupt
 * @iret: tell when the guest executes IRET (end of an NMI handler)
 * @intn: intercept INT n: in a step, and on hosts where INT3 must be seen so
 * @for_events: all of these, for one look at them
 * @cr0_read: the guest must not see the CR0 in the VMCB
 * @cr4_read: the same for CR4
 * @rdtscp: the guest's CPUID hides RDTSCP
 */
struct vmcb_policy {
	union {
		struct {
			u32 exceptions;
			bool vintr;
			bool iret;
			bool intn;
		};
		u64 for_events;
	};
	bool cr0_read;
	bool cr4_read;
	bool rdtscp;
};

/* when an intercept of the table applies */
enum vmcb_intercept_when {
	VMCB_WHEN_ALWAYS,
	VMCB_WHEN_CR0_READ,	/* the policy says so */
	VMCB_WHEN_CR4_READ,
	VMCB_WHEN_RDTSCP,
	VMCB_WHEN_VINTR,
	VMCB_WHEN_IRET,
	VMCB_WHEN_INTN,
};

/**
 * struct vmcb_intercept_rule - an intercept, or a run of them, that is set
 * @nr: &enum vmcb_intercept
 * @count: from @nr on
 * @when: &enum vmcb_intercept_when
 * @needs: bits of &svm_caps.cpuid_intercepts the host must have
 * @name: for vcpuctl and the tests
 * @why: what would happen without
 */
struct vmcb_intercept_rule {
	u16 nr;
	u8 count;
	u8 when;
	u64 needs;
	const char *name;
	const char *why;
};

/**
 * struct vmcb_intercept_open - intercepts left clear, and why that is safe
 * @first: &enum vmcb_intercept
 * @last: the same, inclusive
 * @why: reason
 */
struct vmcb_intercept_open {
	u16 first;
	u16 last;
	const char *why;
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
