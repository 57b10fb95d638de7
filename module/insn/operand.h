/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operands of a decoded instruction: values, effective addresses, linear addresses. Pure.
 *
 * @gprs: general registers in hardware order
 */
#ifndef SVMVCPU_OPERAND_H
#define SVMVCPU_OPERAND_H

#include "insn/insn.h"

/* Remaining iterations: rCX for a repeated string instruction, otherwise 1. */
static inline u64 ginsn_count(const struct ginsn *insn, const u64 *gprs)
{
	return ginsn_is_rep(insn) ?
		ginsn_low_bytes(gprs[INSN_RCX], insn->addr_bytes) : 1;
}

/*
 * RIP after an instruction of @len bytes that does not branch.
 *
 * Outside 64-bit mode EIP wraps at 32 bits, also in 16-bit code: only branches truncate it
 * to 16 bits. At the end of a 64K segment it becomes 0x10000, and the next fetch raises #GP
 * as on the processor.
 */
static inline u64 ginsn_next_rip(enum guest_mode mode, u64 rip, unsigned int len)
{
	return mode == GUEST_LONG64 ? rip + len : (u32)(rip + len);
}

/* Offset of a memory operand in its segment. @rip_next: result of ginsn_next_rip() */
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

/* @high: the second byte of the register (AH, CH, DH, BH) */
static inline u64 ginsn_reg_read(const u64 *gprs, unsigned int reg, unsigned int bytes,
				 bool high)
{
	return ginsn_low_bytes(gprs[reg & 15] >> (high ? 8 : 0), bytes);
}

/* Four bytes clear the upper half of the register; one and two bytes keep the rest. */
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

/* Extend a value of the r/m operand of MOV, MOVZX or MOVSX to the register operand. */
static inline u64 ginsn_extend(const struct ginsn *insn, u64 value)
{
	value = ginsn_low_bytes(value, insn->rm_bytes);
	if (insn->flags & INSN_F_SIGN)
		value = ginsn_sign_extend(value, insn->rm_bytes);
	return ginsn_low_bytes(value, insn->op_bytes);
}

/* The hidden part of a segment register, in the layout of the VMCB */
struct linear_seg {
	u16 selector;	/* not used */
	u16 attr;	/* GUEST_SEG_* */
	u32 limit;	/* last valid offset, scaled by the granularity */
	u64 base;
};

struct linear_env {
	enum guest_mode mode;
	unsigned int la_bits;	/* width of a linear address in 64-bit mode: 48 or 57 */
	const struct linear_seg *seg;	/* by enum ginsn_segment */
};

static inline bool linear_is_canonical(unsigned int la_bits, u64 addr)
{
	unsigned int shift = 64 - la_bits;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

enum linear_access {
	LINEAR_READ,
	LINEAR_WRITE,
};

/* Vectors that linear_address() returns; their error code is 0. */
#define LINEAR_FAULT_SS		12
#define LINEAR_FAULT_GP		13

/* Number of bytes from @offset to the end of the segment; 0 if @offset is outside. */
static inline u64 linear_bytes_left(const struct linear_seg *s, u64 offset)
{
	u64 last = s->limit;

	if ((s->attr & (GUEST_SEG_TYPE_CODE | GUEST_SEG_TYPE_DOWN)) ==
	    GUEST_SEG_TYPE_DOWN) {
		if (offset <= s->limit)
			return 0;
		last = s->attr & GUEST_SEG_DB ? 0xffffffff : 0xffff;
	}
	return offset > last ? 0 : last - offset + 1;
}

/* Protected mode: does the segment's type allow the access? */
static inline bool linear_type_allows(const struct linear_seg *s, enum linear_access access)
{
	bool code = s->attr & GUEST_SEG_TYPE_CODE;
	bool bit = s->attr & GUEST_SEG_TYPE_WRITE;

	if (!(s->attr & GUEST_SEG_P))
		return false;
	if (access == LINEAR_WRITE)
		return !code && bit;
	return !code || bit;
}

/**
 * linear_address() - compute a linear address, and check segment and canonical form
 * @env: mode and segments
 * @seg: segment register
 * @offset: result of ginsn_offset()
 * @bytes: length of the access
 * @access: read or write
 * @linear: result. Outside 64-bit mode it wraps at 4 GiB, and so may the bytes after it
 *
 * An access across offset 0xffffffff of a 4 GiB segment faults; the architecture leaves
 * this to the implementation.
 *
 * Return: 0, or the vector of an exception with error code 0.
 */
static inline int linear_address(const struct linear_env *env, unsigned int seg, u64 offset,
				 unsigned int bytes, enum linear_access access, u64 *linear)
{
	const struct linear_seg *s;
	u64 first, last;

	if (seg >= INSN_NR_SEGMENTS)
		return LINEAR_FAULT_GP;
	s = &env->seg[seg];
	if (env->mode == GUEST_LONG64) {
		/* Only FS and GS have a base. */
		first = seg == INSN_FS || seg == INSN_GS ? s->base + offset : offset;
		last = first + (bytes ? bytes - 1 : 0);
		if (!linear_is_canonical(env->la_bits, first) ||
		    !linear_is_canonical(env->la_bits, last))
			goto fault;
	} else {
		first = (u32)(s->base + offset);
		if ((!guest_mode_is_real_like(env->mode) && !linear_type_allows(s, access)) ||
		    linear_bytes_left(s, offset) < (bytes ? bytes : 1))
			goto fault;
	}
	*linear = first;
	return 0;
fault:
	return seg == INSN_SS ? LINEAR_FAULT_SS : LINEAR_FAULT_GP;
}

bool ginsn_advance(const struct ginsn *insn, u64 *gprs, u64 rflags, unsigned int width,
		   u64 count);
unsigned int linear_fetch_span(const struct linear_env *env, u64 rip,
			       unsigned int want, u64 *linear);

#endif /* SVMVCPU_OPERAND_H */
