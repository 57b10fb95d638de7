/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the state of a guest is limited to.
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

#endif /* SVMVCPU_LIMITS_H */
