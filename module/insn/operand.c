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
		return linear_address64(env->la_bits, seg, env->seg[seg].base, offset, bytes,
					linear);
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
		*linear = rip;
		return linear_fetch_span64(env->la_bits, rip, want);
	}
	room = bytes_in_segment(&env->seg[INSN_CS], rip);
	*linear = (u32)(env->seg[INSN_CS].base + rip);
	return want < room ? want : room;
}
