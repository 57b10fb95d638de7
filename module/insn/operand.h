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

u64 ginsn_count(const struct ginsn *insn, const u64 *gprs);
u64 ginsn_next_rip(enum guest_mode mode, u64 rip, unsigned int len);
u64 ginsn_offset(const struct ginsn_mem *mem, const u64 *gprs, u64 rip_next);
u64 ginsn_reg_read(const u64 *gprs, unsigned int reg, unsigned int bytes,
		   bool high);
void ginsn_reg_write(u64 *gprs, unsigned int reg, unsigned int bytes,
		     bool high, u64 value);
u64 ginsn_extend(const struct ginsn *insn, u64 value);

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

enum linear_access {
	LINEAR_READ,
	LINEAR_WRITE,
};

/* Vectors that linear_address() can return; the error code is always 0. */
#define LINEAR_FAULT_SS		12
#define LINEAR_FAULT_GP		13

int linear_address(const struct linear_env *env, unsigned int seg, u64 offset,
		   unsigned int bytes, enum linear_access access, u64 *linear);
unsigned int linear_fetch_span(const struct linear_env *env, u64 rip,
			       unsigned int want, u64 *linear);

#endif /* SVMVCPU_OPERAND_H */
