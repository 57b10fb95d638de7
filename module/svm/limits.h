/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits on the state of a guest.
 */
#ifndef SVMVCPU_LIMITS_H
#define SVMVCPU_LIMITS_H

#include <linux/bits.h>
#include <linux/types.h>

/* state_limits.has */
#define CPU_HAS_PAT		BIT(0)
#define CPU_HAS_TSC_AUX		BIT(1)
#define CPU_HAS_RDTSCP		BIT(2)
#define CPU_HAS_APIC		BIT(3)
#define CPU_HAS_X2APIC		BIT(4)
#define CPU_HAS_DEADLINE	BIT(5)	/* TSC-deadline mode of the local APIC */
#define CPU_HAS_SPEC_CTRL	BIT(6)
#define CPU_HAS_PRED_CMD	BIT(7)
#define CPU_HAS_VIRT_SSBD	BIT(8)	/* VIRT_SPEC_CTRL */

/* What all guests of this host, or one vCPU, may have */
struct state_limits {
	union {
		struct {
			u64 cr4_guest;	/* CR4 bits */
			u64 efer_guest;	/* EFER bits, without SVME */
			u64 xcr0;	/* XCR0 bits, including x87 */
			u64 spec_ctrl;	/* SPEC_CTRL bits */
			u64 has;	/* CPU_HAS_* */
		};
		u64 masks[5];	/* all of these, for loops */
	};
	u8 gpa_bits;		/* width of guest-physical addresses */
	u8 la_bits;		/* width of linear addresses, even if CR4.LA57 is not allowed */
};

#endif /* SVMVCPU_LIMITS_H */
