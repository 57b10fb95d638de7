// SPDX-License-Identifier: GPL-2.0-only
/* Operands of a decoded instruction; see operand.h. */
#include "insn/operand.h"

static void add_to_reg(const struct ginsn *insn, u64 *gprs, unsigned int reg, u64 value)
{
	ginsn_reg_write(gprs, reg, insn->addr_bytes, false, gprs[reg] + value);
}

/**
 * ginsn_advance() - update the registers after elements of a string instruction
 * @insn: the instruction
 * @gprs: general registers in hardware order
 * @rflags: guest RFLAGS, for DF
 * @width: bytes per element
 * @count: number of elements, at most ginsn_count()
 *
 * Return: whether these were the last elements.
 */
bool ginsn_advance(const struct ginsn *insn, u64 *gprs, u64 rflags, unsigned int width,
		   u64 count)
{
	u64 bytes = rflags & GUEST_RFLAGS_DF ? -count * width : count * width;

	add_to_reg(insn, gprs, insn->mem.base, bytes);
	if (insn->class == INSN_MOVS)
		add_to_reg(insn, gprs, insn->dst.base, bytes);
	if (!ginsn_is_rep(insn))
		return true;
	add_to_reg(insn, gprs, INSN_RCX, -count);
	return !ginsn_count(insn, gprs);
}

/**
 * linear_fetch_span() - find out how many instruction bytes can be fetched
 * @env: mode and segments
 * @rip: RIP of the first byte
 * @want: number of bytes wanted, INSN_MAX_LEN at most
 * @linear: linear address of the first byte
 *
 * Return: how many of the @want bytes lie inside CS, or in the canonical range in 64-bit
 * mode. If 0, fetching the first byte raises #GP(0).
 */
unsigned int linear_fetch_span(const struct linear_env *env, u64 rip,
			       unsigned int want, u64 *linear)
{
	u64 room;

	if (env->mode == GUEST_LONG64) {
		*linear = rip;
		if (!linear_is_canonical(env->la_bits, rip))
			return 0;
		/* The canonical range ends at the top, or in the middle. */
		room = rip >> 63 ? -rip : BIT_ULL(env->la_bits - 1) - rip;
	} else {
		*linear = (u32)(env->seg[INSN_CS].base + rip);
		room = linear_bytes_left(&env->seg[INSN_CS], rip);
	}
	return want < room ? want : room;
}
