/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that store or load TF, so that the guest could notice a single step.
 * Pure functions.
 */
#ifndef SVMVCPU_STEP_KIND_H
#define SVMVCPU_STEP_KIND_H

#include "insn/mode.h"

/**
 * enum step_kind - what an instruction does with TF
 * @STEP_PLAIN: nothing
 * @STEP_PUSHF: stores it on the stack
 * @STEP_LOADS: POPF, IRET: loads it, but still traps after itself
 * @STEP_SYSCALL: in long mode: stores it in R11; clears it if set in SFMASK
 * @STEP_SYSRET: in 64-bit mode: loads it from R11; traps if the loaded value is
 *	1
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
