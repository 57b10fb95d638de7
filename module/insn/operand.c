// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands of a decoded instruction: from registers to values, and from a
 * segment and an offset to a linear address.
 *
 * Owns sub-register reads and writes, effective addresses, segment limits and
 * types, the canonical check and every address wrap. Pure: no state, no guest
 * access. See operand.h for who may call it.
 */
#include "insn/operand.h"

/**
 * ginsn_count() - iterations an instruction still asks for
 * @insn: a decoded instruction
 * @gprs: general registers in hardware order
 *
 * Return: rCX in the address width for a repeated string instruction, else 1.
 */
u64 ginsn_count(const struct ginsn *insn, const u64 *gprs)
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
u64 ginsn_next_rip(enum guest_mode mode, u64 rip, unsigned int len)
{
	return mode == GUEST_LONG64 ? rip + len : (u32)(rip + len);
}

/**
 * ginsn_offset() - effective address of a memory operand within its segment
 * @mem: the operand
 * @gprs: general registers in hardware order
 * @rip_next: address of the next instruction, see ginsn_next_rip()
 */
u64 ginsn_offset(const struct ginsn_mem *mem, const u64 *gprs, u64 rip_next)
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
u64 ginsn_reg_read(const u64 *gprs, unsigned int reg, unsigned int bytes,
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
void ginsn_reg_write(u64 *gprs, unsigned int reg, unsigned int bytes,
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
u64 ginsn_extend(const struct ginsn *insn, u64 value)
{
	value = ginsn_low_bytes(value, insn->rm_bytes);
	if (insn->flags & INSN_F_SIGN)
		value = ginsn_sign_extend(value, insn->rm_bytes);
	return ginsn_low_bytes(value, insn->op_bytes);
}

static bool is_canonical(const struct linear_env *env, u64 addr)
{
	unsigned int shift = 64 - env->la_bits;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

/* Bytes from @offset to the end of the segment; 0 if it is outside. */
static u64 bytes_in_segment(const struct linear_seg *s, u64 offset)
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
static bool access_allowed(const struct linear_seg *s, enum linear_access access)
{
	bool code = s->attr & GUEST_SEG_TYPE_CODE;
	bool bit = s->attr & GUEST_SEG_TYPE_WRITE;

	if (!(s->attr & GUEST_SEG_P))
		return false;
	if (access == LINEAR_WRITE)
		return !code && bit;
	return !code || bit;
}

static int linear64(const struct linear_env *env, unsigned int seg, u64 offset,
		    unsigned int bytes, u64 *linear)
{
	u64 first = offset, last;

	if (seg == INSN_FS || seg == INSN_GS)
		first += env->seg[seg].base;
	last = first + (bytes ? bytes - 1 : 0);
	if (!is_canonical(env, first) || !is_canonical(env, last))
		return seg == INSN_SS ? LINEAR_FAULT_SS : LINEAR_FAULT_GP;
	*linear = first;
	return 0;
}

/**
 * linear_address() - from segment and offset to a linear address
 * @env: mode and segments
 * @seg: segment register
 * @offset: what ginsn_offset() returned
 * @bytes: how many bytes will be accessed
 * @access: read or write
 * @linear: result. Outside 64-bit mode it wraps at 4 GiB, and so may the bytes
 *	that follow it
 *
 * An access that runs over offset 0xffffffff of a 4 GiB segment faults; the
 * architecture leaves that to the implementation.
 *
 * Return: 0, or the vector to inject with error code 0.
 */
int linear_address(const struct linear_env *env, unsigned int seg, u64 offset,
		   unsigned int bytes, enum linear_access access, u64 *linear)
{
	const struct linear_seg *s;

	if (seg >= INSN_NR_SEGMENTS)
		return LINEAR_FAULT_GP;
	if (env->mode == GUEST_LONG64)
		return linear64(env, seg, offset, bytes, linear);
	s = &env->seg[seg];
	if ((!guest_mode_is_real_like(env->mode) && !access_allowed(s, access)) ||
	    bytes_in_segment(s, offset) < (bytes ? bytes : 1))
		return seg == INSN_SS ? LINEAR_FAULT_SS : LINEAR_FAULT_GP;
	*linear = (u32)(s->base + offset);
	return 0;
}

/**
 * linear_fetch_span() - where instruction bytes may be fetched from
 * @env: mode and segments
 * @rip: RIP of the first byte
 * @want: how many bytes are wanted, INSN_MAX_LEN at most
 * @linear: linear address of the first byte
 *
 * Return: how many of @want bytes lie inside CS, or inside the canonical range
 * in 64-bit mode. 0 means that fetching the first one is #GP(0), so a caller
 * whose instruction is still truncated asks again for what follows.
 */
unsigned int linear_fetch_span(const struct linear_env *env, u64 rip,
			       unsigned int want, u64 *linear)
{
	u64 room;

	if (env->mode == GUEST_LONG64) {
		if (!is_canonical(env, rip))
			return 0;
		*linear = rip;
		room = -rip;	/* up to the wrap at the top ... */
		if (!(rip >> 63))	/* ... or to the hole */
			room = BIT_ULL(env->la_bits - 1) - rip;
		return want < room ? want : room;
	}
	room = bytes_in_segment(&env->seg[INSN_CS], rip);
	*linear = (u32)(env->seg[INSN_CS].base + rip);
	return want < room ? want : room;
}
