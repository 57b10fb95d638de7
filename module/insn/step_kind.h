/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions in which a single step would show: those that write TF
 * somewhere, or load it. Pure.
 */
#ifndef SVMVCPU_STEP_KIND_H
#define SVMVCPU_STEP_KIND_H

#include "insn/mode.h"

/**
 * enum step_kind - what an instruction does with TF
 * @STEP_PLAIN: nothing
 * @STEP_PUSHF: stores it on the stack
 * @STEP_LOADS: POPF, IRET: loads it; traps behind itself all the same
 * @STEP_SYSCALL: stores it in R11, clears it if SFMASK says so; in long mode
 * @STEP_SYSRET: loads it from R11, and traps by what it loaded; in 64-bit mode
 * @STEP_INT1: raises #DB itself
 */
enum step_kind {
	STEP_PLAIN,
	STEP_PUSHF,
	STEP_LOADS,
	STEP_SYSCALL,
	STEP_SYSRET,
	STEP_INT1,
};

enum step_kind step_kind(const u8 *bytes, unsigned int nr, enum guest_mode mode);

#endif /* SVMVCPU_STEP_KIND_H */
