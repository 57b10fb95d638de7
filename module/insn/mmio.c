// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an instruction of the mov family does to device memory, as data.
 *
 * Owns the rules of which instructions the kernel completes itself. Pure. See
 * mmio.h for the contract and for who may call it.
 *
 * Reads that are modified and written back are not here on purpose: half of
 * an exchange is worse than none. They go to user space whole.
 */
#include "insn/mmio.h"
#include "insn/operand.h"

#define RFLAGS_DF	BIT_ULL(10)

static bool is_mov_family(const struct ginsn *insn)
{
	switch (insn->class) {
	case INSN_MOV:
	case INSN_MOVZX:
	case INSN_MOVSX:
	case INSN_MOVS:
	case INSN_STOS:
		return true;
	}
	return false;
}

static u64 value_to_write(const struct ginsn *insn, const u64 *gprs)
{
	if (insn->flags & INSN_F_IMM)
		return insn->imm;
	return ginsn_reg_read(gprs, insn->reg, insn->rm_bytes,
			      insn->flags & INSN_F_REG_HIGH);
}

/* Does the instruction, as it stands, access memory in this direction? */
static bool accesses(const struct ginsn *insn, const u64 *gprs, bool write)
{
	if (!(insn->flags & INSN_F_MEM) || !ginsn_count(insn, gprs))
		return false;
	return insn->class == INSN_MOVS ||
	       write == !!(insn->flags & INSN_F_WRITE);
}

/**
 * mmio_decode() - what a decoded instruction asks of the device
 * @op: result
 * @insn: a decoded instruction
 * @gprs: general registers in hardware order
 * @write: the access that faulted was a write. Of MOVS, that tells the operands
 *	apart
 *
 * Repeated string instructions are one access per call, like all others.
 *
 * Return: 0 or an enum mmio_error.
 */
int mmio_decode(struct mmio_op *op, const struct ginsn *insn, const u64 *gprs,
		bool write)
{
	memset(op, 0, sizeof(*op));
	if (!is_mov_family(insn))
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

/* Move an index register by one element, in the address width. */
static void step_index(const struct ginsn *insn, u64 *gprs, unsigned int reg,
		       u64 step)
{
	ginsn_reg_write(gprs, reg, insn->addr_bytes, false, gprs[reg] + step);
}

/* One element is done: is the instruction? */
static bool step_string(const struct mmio_op *op, const struct ginsn *insn,
			u64 *gprs, u64 rflags)
{
	u64 step = rflags & RFLAGS_DF ? -(u64)op->width : op->width;

	if (op->copy)
		step_index(insn, gprs, INSN_RSI, step);
	step_index(insn, gprs, INSN_RDI, step);
	if (!ginsn_is_rep(insn))
		return true;
	step_index(insn, gprs, INSN_RCX, -1ULL);
	return !ginsn_count(insn, gprs);
}

/**
 * mmio_complete() - the access is done: update the registers
 * @op: from mmio_decode()
 * @insn: the same instruction
 * @gprs: general registers in hardware order, as they were then
 * @rflags: guest RFLAGS, for DF
 * @data: what the device returned for a read into a register; bytes beyond the
 *	width do not count
 *
 * Return: true if the instruction is finished and RIP moves behind it; false if
 * it is repeated: RIP stays, and the next element is an access of its own.
 */
bool mmio_complete(const struct mmio_op *op, const struct ginsn *insn,
		   u64 *gprs, u64 rflags, u64 data)
{
	if (insn->flags & INSN_F_STRING)
		return step_string(op, insn, gprs, rflags);
	if (!op->write)
		ginsn_reg_write(gprs, insn->reg, insn->op_bytes,
				insn->flags & INSN_F_REG_HIGH,
				ginsn_extend(insn, data));
	return true;
}
