/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operands of a decoded instruction: values, effective and linear addresses.
 *
 * Owns the description of segments that address arithmetic needs, and the only
 * implementation of it. Pure. Called by the exit handlers, and by instruction
 * fetch with RIP; gva.h goes on from a linear to a guest-physical address.
 */
#ifndef SVMVCPU_OPERAND_H
#define SVMVCPU_OPERAND_H

#include "insn/insn.h"

/**
 * ginsn_count() - iterations an instruction still asks for
 * @insn: a decoded instruction
 * @gprs: general registers in hardware order
 *
 * Return: rCX in the address width for a repeated string instruction, else 1.
 */
static inline u64 ginsn_count(const struct ginsn *insn, const u64 *gprs)
{
	return ginsn_is_rep(insn) ?
		ginsn_low_bytes(gprs[INSN_RCX], insn->addr_bytes) : 1;
}

/**
 * ginsn_next_rip() - RIP after an instruction that does not branch
 * @mode: guest CPU mode
 * @rip: RIP of the instruction
 * @len: its length
 *
 * EIP wraps at 32 bits outside 64-bit mode, 16-bit code included: only branches
 * cut it to 16 bits. Running off the end of a 64K segment thus leaves EIP at
 * 0x10000, where the next fetch takes #GP as on the processor.
 */
static inline u64 ginsn_next_rip(enum guest_mode mode, u64 rip, unsigned int len)
{
	return mode == GUEST_LONG64 ? rip + len : (u32)(rip + len);
}

/**
 * ginsn_offset() - effective address of a memory operand within its segment
 * @mem: the operand
 * @gprs: general registers in hardware order
 * @rip_next: address of the next instruction, see ginsn_next_rip()
 */
static inline u64 ginsn_offset(const struct ginsn_mem *mem, const u64 *gprs, u64 rip_next)
{
	u64 offset = mem->disp;

	if (mem->base != INSN_NO_REG)
		offset += gprs[mem->base & 15];
	if (mem->index != INSN_NO_REG)
		offset += gprs[mem->index & 15] * mem->scale;
	if (mem->rip_relative)
		offset += rip_next;
	return ginsn_low_bytes(offset, mem->addr_bytes);
}

/**
 * ginsn_reg_read() - value of a register operand
 * @gprs: general registers in hardware order
 * @reg: register number
 * @bytes: operand width: 1, 2, 4 or 8
 * @high: the second byte of the register (AH, CH, DH, BH)
 */
static inline u64 ginsn_reg_read(const u64 *gprs, unsigned int reg, unsigned int bytes,
				 bool high)
{
	return ginsn_low_bytes(gprs[reg & 15] >> (high ? 8 : 0), bytes);
}

/**
 * ginsn_reg_write() - store into a register as the processor does
 * @gprs: general registers in hardware order
 * @reg: register number
 * @bytes: operand width; 4 clears the upper half, 1 and 2 keep the rest
 * @high: the second byte of the register (AH, CH, DH, BH)
 * @value: value, cut to the width
 */
static inline void ginsn_reg_write(u64 *gprs, unsigned int reg, unsigned int bytes,
				   bool high, u64 value)
{
	unsigned int shift = high ? 8 : 0;
	u64 *gpr = &gprs[reg & 15];

	if (bytes >= 4)
		*gpr = ginsn_low_bytes(value, bytes);
	else
		*gpr = (*gpr & ~(ginsn_low_bytes(~0ULL, bytes) << shift)) |
		       ginsn_low_bytes(value, bytes) << shift;
}

/**
 * ginsn_extend() - widen what was read from the r/m operand
 * @insn: MOV, MOVZX or MOVSX
 * @value: the value read, rm_bytes wide
 *
 * Return: the value for the register operand, op_bytes wide.
 */
static inline u64 ginsn_extend(const struct ginsn *insn, u64 value)
{
	value = ginsn_low_bytes(value, insn->rm_bytes);
	if (insn->flags & INSN_F_SIGN)
		value = ginsn_sign_extend(value, insn->rm_bytes);
	return ginsn_low_bytes(value, insn->op_bytes);
}

/**
 * struct linear_seg - one segment register's hidden part, as the VMCB has it
 * @base: base address
 * @limit: last valid offset, already scaled by the granularity
 * @attr: attributes in VMCB layout (GUEST_SEG_*)
 */
struct linear_seg {
	u64 base;
	u32 limit;
	u16 attr;
};

/**
 * struct linear_env - what address arithmetic depends on
 * @mode: guest CPU mode
 * @la_bits: linear address width in 64-bit mode: 48, or 57 with CR4.LA57
 * @seg: segments, indexed by enum ginsn_segment
 */
struct linear_env {
	enum guest_mode mode;
	unsigned int la_bits;
	struct linear_seg seg[INSN_NR_SEGMENTS];
};

static inline bool linear_is_canonical(unsigned int la_bits, u64 addr)
{
	unsigned int shift = 64 - la_bits;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

/* linear_fetch_span() in 64-bit mode, where RIP is a linear address */
static inline unsigned int linear_fetch_span64(unsigned int la_bits, u64 rip, unsigned int want)
{
	u64 room = -rip;	/* up to the wrap at the top ... */

	if (!linear_is_canonical(la_bits, rip))
		return 0;
	if (!(rip >> 63))	/* ... or to the hole */
		room = BIT_ULL(la_bits - 1) - rip;
	return want < room ? want : room;
}

enum linear_access {
	LINEAR_READ,
	LINEAR_WRITE,
};

/* Vectors that linear_address() can return; the error code is always 0. */
#define LINEAR_FAULT_SS		12
#define LINEAR_FAULT_GP		13

/* linear_address() in 64-bit mode; @base: of FS and GS, which alone have one */
static inline int linear_address64(unsigned int la_bits, unsigned int seg, u64 base, u64 offset,
				   unsigned int bytes, u64 *linear)
{
	u64 first = offset, last;

	if (seg == INSN_FS || seg == INSN_GS)
		first += base;
	last = first + (bytes ? bytes - 1 : 0);
	if (!linear_is_canonical(la_bits, first) || !linear_is_canonical(la_bits, last))
		return seg == INSN_SS ? LINEAR_FAULT_SS : LINEAR_FAULT_GP;
	*linear = first;
	return 0;
}

int linear_address(const struct linear_env *env, unsigned int seg, u64 offset,
		   unsigned int bytes, enum linear_access access, u64 *linear);
unsigned int linear_fetch_span(const struct linear_env *env, u64 rip,
			       unsigned int want, u64 *linear);

#endif /* SVMVCPU_OPERAND_H */
