/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MSRs that the kernel emulates, one row each. RDMSR and WRMSR, GET_STATE and
 * SET_STATE, SETUP and the table in security.rst use these rows. The functions expect
 * vcpu.mutex held.
 */
#ifndef SVMVCPU_EMULATED_MSR_H
#define SVMVCPU_EMULATED_MSR_H

#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "svm/limits.h"
#include "vcpu/vcpu.h"

struct emulated_msr {
	u32 index;
	u32 needs;		/* CPU_HAS_*, or RDMSR and WRMSR raise #GP(0); 0 for none */
	u64 (*get)(const struct vcpu *vcpu);		/* NULL: RDMSR raises #GP(0) */
	bool (*set)(struct vcpu *vcpu, u64 value);	/* returns false for #GP(0) */
	u64 valid;		/* bits that may be set */
	u16 limit;		/* offset in struct state_limits of a mask instead; or 0 */
	u16 state;		/* offset in struct svmvcpu_state; 0: not in MSRS */
	bool loaded;		/* WRMSR must not be executed while the vCPU is loaded */
	bool (*check)(u64 value);	/* additional check, or NULL */
	u64 reset;		/* with @state: value after SETUP, and without @needs */
	const char *name;
	const char *why;	/* why the guest does not access the register itself */
};

extern const struct emulated_msr emulated_msrs[], *const emulated_msrs_end;

bool emulated_msr_write(struct vcpu *vcpu, const struct emulated_msr *msr, u64 value);
void emulated_msrs_get_state(const struct vcpu *vcpu, struct svmvcpu_state *state);
void emulated_msrs_put_state(struct vcpu *vcpu, const struct svmvcpu_state *state);
void emulated_msrs_reset(struct vcpu *vcpu);
bool emulated_msrs_valid(const struct svmvcpu_state *state, const struct state_limits *limits);
void emulated_msrs_used(const struct svmvcpu_state *state, struct state_limits *used);

static inline bool emulated_msr_exists(const struct emulated_msr *msr,
				       const struct state_limits *limits)
{
	return !msr->needs || (limits->has & msr->needs);
}

/* Returns NULL for an MSR that exits to the VMM. */
static inline const struct emulated_msr *emulated_msr_find(u32 index)
{
	const struct emulated_msr *msr = emulated_msrs;

	do {
		if (msr->index == index)
			return msr;
	} while (++msr < emulated_msrs_end);
	return NULL;
}

#endif /* SVMVCPU_EMULATED_MSR_H */
