/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest state from user space: SETUP's presets turned into a state, and the
 * check of a state before it is applied. Pure functions on copies already
 * taken from the user; vcpu.c calls them and applies the result.
 */
#ifndef SVMVCPU_PRESET_H
#define SVMVCPU_PRESET_H

#include <linux/bits.h>
#include <linux/types.h>
#include <linux/svmvcpu.h>

#include "svm/limits.h"
#include "svm/vmcb.h"

/* what a preset sets; SETUP resets the rest */
#define STATE_PRESET	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG)
#define STATE_ALL	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG |	\
			 SVMVCPU_STATE_EVENTS | SVMVCPU_STATE_MSRS |	\
			 SVMVCPU_STATE_XSTATE | SVMVCPU_STATE_LAPIC)

static inline bool rflags_valid(u64 rflags)
{
	return !(rflags & ~RFLAGS_VALID) && (rflags & RFLAGS_FIXED);
}

int preset_state(const struct svmvcpu_setup *setup, const struct state_limits *lim,
		 u32 cpu_signature, struct svmvcpu_state *out);
bool inject_valid(u32 inject, u32 error, u64 address);
int state_valid(const struct svmvcpu_state *state, const struct state_limits *lim);
void state_used(const struct svmvcpu_state *state, struct state_limits *used);

#endif /* SVMVCPU_PRESET_H */
