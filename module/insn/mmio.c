// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which instructions the kernel completes for a device access, and how; see mmio.h.
 *
 * Instructions that read, modify and write are for user space: the kernel would have to
 * split them.
 */
#include "insn/mmio.h"
#include "insn/operand.h"

static u64 value_to_write(const struct ginsn *insn, const u64 *gprs)
{
	if (insn->flags & INSN_F_IMM)
		return insn->imm;
	return ginsn_reg_read(gprs, insn->reg, insn->rm_bytes,
			      insn->flags & INSN_F_REG_HIGH);
}

/* Does the instruction access memory in this direction? */
static bool accesses(const struct ginsn *insn, const u64 *gprs, bool write)
{
	if (!(insn->flags & INSN_F_MEM) || !ginsn_count(insn, gprs))
		return false;
	return insn->class == INSN_MOVS ||
	       write == !!(insn->flags & INSN_F_WRITE);
}

/**
 * mmio_decode() - determine the device access of a decoded instruction
 * @op: result
 * @insn: the instruction
 * @gprs: general registers in hardware order
 * @write: the access that faulted was a write; tells the operands of MOVS apart
 *
 * A repeated string instruction makes one access per call.
 *
 * Return: 0 or an enum mmio_error.
 */
int mmio_decode(struct mmio_op *op, const struct ginsn *insn, const u64 *gprs,
		bool write)
{
	memset(op, 0, sizeof(*op));
	if (insn->class < INSN_MOV || insn->class > INSN_STOS)
		return MMIO_UNSUPPORTED;
	if (!accesses(insn, gprs, write))
		return MMIO_STALE;
	op->width = insn->rm_bytes;
	op->write = write;
	op->copy = insn->class == INSN_MOVS;
	if (write && !op->copy)
		op->value = value_to_write(insn, gprs);
	return 0;
}

/**
 * mmio_complete() - update the registers after the access
 * @op: from mmio_decode()
 * @insn: the same instruction
 * @gprs: the same registers
 * @rflags: guest RFLAGS, for DF
 * @data: value that was read; bytes beyond the width are ignored
 *
 * Return: false if the instruction repeats: RIP stays, and the next element is an access of
 * its own.
 */
bool mmio_complete(const struct mmio_op *op, const struct ginsn *insn,
		   u64 *gprs, u64 rflags, u64 data)
{
	if (insn->flags & INSN_F_STRING)
		return ginsn_advance(insn, gprs, rflags, op->width, 1);
	if (!op->write)
		ginsn_reg_write(gprs, insn->reg, insn->op_bytes,
				insn->flags & INSN_F_REG_HIGH,
				ginsn_extend(insn, data));
	return true;
}
