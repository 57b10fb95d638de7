/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's CPU mode, and the default operand and address sizes of a mode. Pure; also
 * compiled in user space.
 */
#ifndef SVMVCPU_MODE_H
#define SVMVCPU_MODE_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define noinline		/* only a matter of speed */
#define BIT_ULL(nr)		(1ULL << (nr))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#endif

#define GUEST_CR0_PE		BIT_ULL(0)
#define GUEST_CR0_WP		BIT_ULL(16)
#define GUEST_CR0_PG		BIT_ULL(31)
#define GUEST_EFER_LMA		BIT_ULL(10)
#define GUEST_EFER_NXE		BIT_ULL(11)
#define GUEST_RFLAGS_DF		BIT_ULL(10)
#define GUEST_RFLAGS_VM		BIT_ULL(17)
#define GUEST_RFLAGS_AC		BIT_ULL(18)

/*
 * Segment attributes as in the VMCB: twelve bits without a gap between P and AVL, where
 * descriptors have four bits of the limit. So L is bit 9 here, and bit 13 there.
 */
#define GUEST_SEG_TYPE		0x000f
#define GUEST_SEG_TYPE_WRITE	0x0002	/* data: writable; code: readable */
#define GUEST_SEG_TYPE_DOWN	0x0004	/* data: expand-down; code: conforming */
#define GUEST_SEG_TYPE_CODE	0x0008
#define GUEST_SEG_S		0x0010
#define GUEST_SEG_DPL		0x0060
#define GUEST_SEG_P		0x0080
#define GUEST_SEG_AVL		0x0100
#define GUEST_SEG_L		0x0200
#define GUEST_SEG_DB		0x0400
#define GUEST_SEG_G		0x0800

/* The modes that decode or address differently */
enum guest_mode {
	GUEST_REAL,		/* CR0.PE clear */
	GUEST_VM86,		/* RFLAGS.VM set */
	GUEST_PROT16,		/* legacy mode, by the size of the code segment */
	GUEST_PROT32,
	GUEST_COMPAT16,		/* long mode, likewise */
	GUEST_COMPAT32,
	GUEST_LONG64,
};

/*
 * @efer: only LMA matters. @rflags: VM does not exist in long mode. @cs_attr: GUEST_SEG_*
 *
 * Real mode counts as 16-bit code. This misreads the few instructions that a guest executes
 * from a 32-bit CS between clearing CR0.PE and its far jump.
 */
static inline enum guest_mode guest_mode(u64 cr0, u64 efer, u64 rflags,
					 u16 cs_attr)
{
	bool wide = cs_attr & GUEST_SEG_DB;

	if (!(cr0 & GUEST_CR0_PE))
		return GUEST_REAL;
	if (efer & GUEST_EFER_LMA) {
		if (cs_attr & GUEST_SEG_L)
			return GUEST_LONG64;
		return wide ? GUEST_COMPAT32 : GUEST_COMPAT16;
	}
	if (rflags & GUEST_RFLAGS_VM)
		return GUEST_VM86;
	return wide ? GUEST_PROT32 : GUEST_PROT16;
}

static inline bool guest_mode_is_32(enum guest_mode mode)
{
	return mode == GUEST_PROT32 || mode == GUEST_COMPAT32;
}

/* Segments have base selector * 16 and are not checked for type and presence. */
static inline bool guest_mode_is_real_like(enum guest_mode mode)
{
	return mode == GUEST_REAL || mode == GUEST_VM86;
}

/* Default operand size in bytes */
static inline unsigned int guest_mode_op_bytes(enum guest_mode mode)
{
	return mode == GUEST_LONG64 || guest_mode_is_32(mode) ? 4 : 2;
}

/* Default address size in bytes */
static inline unsigned int guest_mode_addr_bytes(enum guest_mode mode)
{
	if (mode == GUEST_LONG64)
		return 8;
	return guest_mode_is_32(mode) ? 4 : 2;
}

#endif /* SVMVCPU_MODE_H */
