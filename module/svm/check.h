/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The consistency checks of VMRUN in software. They tell a VMM which rule its state
 * breaks, while the hardware only reports "invalid". These functions have no side
 * effects.
 */
#ifndef SVMVCPU_CHECK_H
#define SVMVCPU_CHECK_H

#include <linux/bitops.h>
#include <linux/types.h>
#include <linux/svmvcpu.h>

struct vmcb;

/* Return value of check_vmcb() for a valid VMCB */
#define CHECK_OK	(-1)

struct check_limits {
	u64 cr4;	/* allowed bits */
	u64 efer;	/* allowed bits, including SVME */
	u8 phys_bits;	/* width of host physical addresses: nCR3, permission maps */
	u8 gpa_bits;	/* width of guest-physical addresses: CR3 */
};

/* RFLAGS: bit 1 is always set; other bits outside of RFLAGS_VALID must be 0 */
#define RFLAGS_FIXED	0x2ULL
#define RFLAGS_VALID	0x3f7fd7ULL

/* Is @addr the sign extension of its low @bits bits? */
static inline bool addr_canonical(u64 addr, unsigned int bits)
{
	return sign_extend64(addr, bits - 1) == (s64)addr;
}

int check_vmcb(const struct vmcb *vmcb, const struct check_limits *lim);

#endif /* SVMVCPU_CHECK_H */
