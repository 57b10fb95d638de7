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

int mmio_decode(struct mmio_op *op, const struct ginsn *insn, const u64 *gprs,
		bool write);
bool mmio_complete(const struct mmio_op *op, const struct ginsn *insn,
		   u64 *gprs, u64 rflags, u64 data);

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
