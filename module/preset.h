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

#include "check.h"

/* what a preset sets; SETUP resets the rest */
#define STATE_PRESET	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG)
#define STATE_ALL	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG |	\
			 SVMVCPU_STATE_EVENTS | SVMVCPU_STATE_MSRS |	\
			 SVMVCPU_STATE_XSTATE | SVMVCPU_STATE_LAPIC)

/* state_limits.has */
#define CPU_HAS_PAT		BIT(0)
#define CPU_HAS_TSC_AUX		BIT(1)
#define CPU_HAS_RDTSCP		BIT(2)
#define CPU_HAS_APIC		BIT(3)
#define CPU_HAS_X2APIC		BIT(4)
#define CPU_HAS_DEADLINE	BIT(5)	/* the local APIC's TSC-deadline mode */
#define CPU_HAS_SPEC_CTRL	BIT(6)
#define CPU_HAS_PRED_CMD	BIT(7)
#define CPU_HAS_VIRT_SSBD	BIT(8)	/* VIRT_SPEC_CTRL */

/**
 * struct state_limits - what guests of this host, or one vCPU, may be set to
 * @cr4_guest: CR4 bits
 * @efer_guest: EFER bits, without SVME
 * @xcr0: XCR0 bits, x87 among them
 * @spec_ctrl: SPEC_CTRL bits
 * @has: CPU_HAS_*
 * @gpa_bits: guest-physical address width
 * @la_bits: linear address width of the CPU, whatever guests may do with it
 */
struct state_limits {
	u64 cr4_guest;
	u64 efer_guest;
	u64 xcr0;
	u64 spec_ctrl;
	u32 has;
	u8 gpa_bits;
	u8 la_bits;
};

static inline bool rflags_valid(u64 rflags)
{
	return !(rflags & ~RFLAGS_VALID) && (rflags & RFLAGS_FIXED);
}

int preset_state(const struct svmvcpu_setup *setup, const struct state_limits *lim,
		 u32 cpu_signature, struct svmvcpu_state *out);
bool inject_valid(u32 inject, u32 error, u64 address);
bool pat_valid(u64 pat);
int state_valid(const struct svmvcpu_state *state, const struct state_limits *lim);
void state_used(const struct svmvcpu_state *state, struct state_limits *used);

#endif /* SVMVCPU_PRESET_H */
