/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction of the mov family does to device memory, as data.
 *
 * Owns the step from a decoded instruction to one device access, and from a
 * finished access to registers. Pure: guest memory is the caller's business.
 * Called by the nested page fault exit and by the answer to it.
 *
 * The caller goes like this: decode the instruction (insn.h), call mmio_decode(),
 * translate mmio_device() and check that it is the address that faulted and that
 * its @width bytes end in the same page; where there is a mmio_other(), translate
 * that too, before the device sees anything. Then do the access, for MOVS copy
 * between the device's value and the other operand, and call mmio_complete().
 */
#ifndef SVMVCPU_MMIO_H
#define SVMVCPU_MMIO_H

#include "insn/insn.h"

/**
 * enum mmio_error - what mmio_decode() returns when it is not 0
 * @MMIO_UNSUPPORTED: not of the mov family: for user space, with the bytes
 * @MMIO_STALE: it makes no access of this direction, so these are not the bytes
 *	that faulted: let the guest execute again
 */
enum mmio_error {
	MMIO_UNSUPPORTED	= -1,
	MMIO_STALE		= -2,
};

/**
 * struct mmio_op - one access to a device
 * @value: what to write, cut to @width; 0 for a read and for a copy
 * @width: bytes: 1, 2, 4 or 8
 * @write: the guest writes to the device
 * @copy: MOVS: the value does not go to or come from a register, but from or
 *	to the other memory operand
 */
struct mmio_op {
	u64 value;
	u8 width;
	bool write;
	bool copy;
};

/**
 * struct mmio_load - how a value that was read gets into a register
 * @keep: bits of the register that stay
 * @mask: bits of the value that count
 * @reg: the register
 * @shift: where the value goes in it
 * @unused: bits of 64 above what was read
 * @sign: those are copies of its top bit
 */
struct mmio_load {
	u64 keep;
	u64 mask;
	u8 reg;
	u8 shift;
	u8 unused;
	bool sign;
};

/**
 * struct mmio_plan - an access for which nothing but general registers is left to
 *	look at
 * @disp: linear address: this and the two registers, each with its factor
 * @base: .
 * @index: .
 * @base_scale: 0 or 1
 * @index_scale: 0, 1, 2, 4 or 8
 * @width: bytes
 * @imm: store: the value, but for the register's part of it
 * @mask: store: bits of the register that are a part of it
 * @reg: store: the register
 * @shift: store: where in it they start
 * @load: of a load
 */
struct mmio_plan {
	u64 disp;
	u8 base;
	u8 index;
	u8 base_scale;
	u8 index_scale;
	u8 width;
	u8 reg;
	u8 shift;
	union {
		struct {
			u64 imm;
			u64 mask;
		};
		struct mmio_load load;
	};
};

int mmio_decode(struct mmio_op *op, const struct ginsn *insn, const u64 *gprs,
		bool write);
bool mmio_complete(const struct mmio_op *op, const struct ginsn *insn,
		   u64 *gprs, u64 rflags, u64 data);
bool mmio_plan(struct mmio_plan *plan, const struct ginsn *insn, u64 next_rip, bool write);

static inline u64 mmio_plan_linear(const struct mmio_plan *plan, const u64 *gprs)
{
	return plan->disp + gprs[plan->base] * plan->base_scale +
	       gprs[plan->index] * plan->index_scale;
}

static inline u64 mmio_plan_value(const struct mmio_plan *plan, const u64 *gprs)
{
	return plan->imm | (gprs[plan->reg] >> plan->shift & plan->mask);
}

/* What mmio_complete() does to the register. */
static inline void mmio_load(const struct mmio_load *load, u64 *gprs, u64 data)
{
	u64 value = data << load->unused;

	value = load->sign ? (u64)((s64)value >> load->unused) : value >> load->unused;
	gprs[load->reg] = (gprs[load->reg] & load->keep) | (value & load->mask) << load->shift;
}

/* The operand that is the device's. */
static inline const struct ginsn_mem *mmio_device(const struct mmio_op *op,
						  const struct ginsn *insn)
{
	return op->copy && op->write ? &insn->dst : &insn->mem;
}

/* The operand that is memory besides, or NULL. Read for a write, and vice versa. */
static inline const struct ginsn_mem *mmio_other(const struct mmio_op *op,
						 const struct ginsn *insn)
{
	if (!op->copy)
		return NULL;
	return op->write ? &insn->mem : &insn->dst;
}

#endif /* SVMVCPU_MMIO_H */
