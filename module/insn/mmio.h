/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction of the mov family does to device memory. Pure.
 *
 * A caller decodes the instruction (insn.h), calls mmio_decode(), and checks that
 * mmio_device() is the access that faulted and lies in one page. MOVS has a second operand
 * in memory, mmio_other(): translate it before the device sees anything, and copy between
 * it and the device. After the access, call mmio_complete().
 */
#ifndef SVMVCPU_MMIO_H
#define SVMVCPU_MMIO_H

#include "insn/insn.h"

/* Errors of mmio_decode() */
enum mmio_error {
	/* Not of the mov family: for user space */
	MMIO_UNSUPPORTED	= -1,
	/* Makes no access in this direction: the instruction has been replaced */
	MMIO_STALE		= -2,
};

/* One access to a device */
struct mmio_op {
	u64 value;	/* value to write, truncated to @width; 0 for a read and with @copy */
	u8 width;	/* 1, 2, 4 or 8 bytes */
	bool write;	/* to the device */
	bool copy;	/* MOVS: between the device and the other memory operand */
};

int mmio_decode(struct mmio_op *op, const struct ginsn *insn, const u64 *gprs,
		bool write);
bool mmio_complete(const struct mmio_op *op, const struct ginsn *insn,
		   u64 *gprs, u64 rflags, u64 data);

/* The operand on the device */
static inline const struct ginsn_mem *mmio_device(const struct mmio_op *op,
						  const struct ginsn *insn)
{
	return op->copy && op->write ? &insn->dst : &insn->mem;
}

/* The operand of MOVS in memory, or NULL. A write to the device reads it. */
static inline const struct ginsn_mem *mmio_other(const struct mmio_op *op,
						 const struct ginsn *insn)
{
	if (!op->copy)
		return NULL;
	return op->write ? &insn->mem : &insn->dst;
}

#endif /* SVMVCPU_MMIO_H */
