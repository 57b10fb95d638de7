/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The consistency checks of VMRUN in software, to tell a VMM which rule its
 * state breaks; the hardware only says "invalid". run.c calls it before an
 * entry with changed state and after a refused one. Pure: reads the VMCB.
 */
#ifndef SVMVCPU_CHECK_H
#define SVMVCPU_CHECK_H

#include <linux/bitops.h>
#include <linux/types.h>
#include <linux/svmvcpu.h>

struct vmcb;

/* check_vmcb(): no rule broken */
#define CHECK_OK	(-1)

/**
 * struct check_limits - what this host lets a VMCB hold
 * @cr4: CR4 bits a guest may have
 * @efer: EFER bits a guest may have, SVME included
 * @phys_bits: host physical address width, for nCR3 and the permission maps
 * @gpa_bits: guest physical address width, for CR3
 */
struct check_limits {
	u64 cr4;
	u64 efer;
	u8 phys_bits;
	u8 gpa_bits;
};

/* RFLAGS bits that are flags; bit 1 always is set */
#define RFLAGS_FIXED	0x2ULL
#define RFLAGS_VALID	0x3f7fd7ULL

/* Is @addr the sign extension of its low @bits bits? */
static inline bool addr_canonical(u64 addr, unsigned int bits)
{
	return sign_extend64(addr, bits - 1) == (s64)addr;
}

int check_vmcb(const struct vmcb *vmcb, const struct check_limits *lim);
bool check_event_valid(u64 event_inj);
const char *check_rule_text(unsigned int rule);

#endif /* SVMVCPU_CHECK_H */
