// SPDX-License-Identifier: GPL-2.0-only
/* Classifies instructions by what they do with TF; see step_kind.h. */
#include "insn/insn.h"
#include "insn/step_kind.h"

/*
 * The decoder does not know SYSCALL and SYSRET, but reports their opcodes. SYSCALL
 * outside long mode and SYSRET outside 64-bit mode use neither R11 nor SFMASK, and do
 * not change TF.
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
 * step_kind() - what an instruction does with TF
 * @bytes: instruction bytes at CS:RIP
 * @nr: number of bytes that could be read; a truncated instruction is
 *	STEP_PLAIN
 * @mode: the guest's mode
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
