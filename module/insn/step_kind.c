// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions in which a single step would show: see step_kind.h.
 */
#include "insn/insn.h"
#include "insn/step_kind.h"

/*
 * The decoder does not know these instructions, but reports their opcode. SYSCALL
 * outside long mode and SYSRET outside 64-bit mode use neither R11 nor SFMASK, and
 * leave TF alone.
 */
static enum step_kind system_call_kind(u8 opcode, enum guest_mode mode)
{
	if (opcode == 0x05 && mode >= GUEST_COMPAT16)
		return STEP_SYSCALL;
	if (opcode == 0x07 && mode == GUEST_LONG64)
		return STEP_SYSRET;
	return STEP_PLAIN;
}

/**
 * step_kind() - what does the instruction with these bytes do with TF?
 * @bytes: at CS:RIP
 * @nr: how many could be read; what is cut off is plain
 * @mode: .
 */
enum step_kind step_kind(const u8 *bytes, unsigned int nr, enum guest_mode mode)
{
	struct ginsn insn;
	int err;

	if (!nr)
		return STEP_PLAIN;
	err = ginsn_decode(&insn, bytes, nr, mode);
	if (err == INSN_UNKNOWN && insn.map == 1)
		return system_call_kind(insn.opcode, mode);
	if (err)
		return STEP_PLAIN;
	switch (insn.class) {
	case INSN_PUSHF:
		return STEP_PUSHF;
	case INSN_POPF:
	case INSN_IRET:
		return STEP_LOADS;
	case INSN_INT1:
		return STEP_INT1;
	default:
		return STEP_PLAIN;
	}
}
