// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions in which a single step would show: see step_kind.h.
 */
#include "insn.h"
#include "step_kind.h"

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
	/* Not of the decoder's, but its opcode is known all the same. */
	if (err == INSN_UNKNOWN && insn.map == 1 && insn.opcode == 0x05)
		return STEP_SYSCALL;
	if (err == INSN_UNKNOWN && insn.map == 1 && insn.opcode == 0x07)
		return STEP_SYSRET;
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
