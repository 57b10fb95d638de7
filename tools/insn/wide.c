// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: instructions with operands of up to 16 bytes: moves between
 * memory and SSE registers, CMPXCHG8B and CMPXCHG16B.
 */
#include <errno.h>

#include "machine.h"

/* Where XSAVE has XMM0, and the components that are not in their initial state */
#define XSAVE_XMM	160
#define XSAVE_BV	512
#define XSAVE_SSE	0x2

static int find_wide(struct machine *m, const struct einsn *insn, const struct eoperand *o,
		     bool write, struct place *place)
{
	if (insn->flags & E_ALIGNED)
		return place_find_aligned(m, o, write, place);
	return place_find(m, o, 0, write, place);
}

/*
 * XSAVE has stored the registers even in their initial state, so reading them need not
 * check XSTATE_BV.
 */
static u8 *xmm(const struct machine *m, const struct eoperand *o)
{
	return (u8 *)m->emul->xstate + XSAVE_XMM + 16 * o->reg;
}

static int load_vector(struct machine *m, const struct einsn *insn)
{
	u8 value[PLACE_MAX] = { 0 }, *bv = (u8 *)m->emul->xstate + XSAVE_BV;
	struct place place;
	int err;

	err = find_wide(m, insn, &insn->operand[1], false, &place);
	if (!err)
		err = place_read_bytes(m, &place, value);
	if (!err)
		err = begin_access(m);
	if (err)
		return err;
	memcpy(xmm(m, &insn->operand[0]), value, sizeof(value));
	*bv |= XSAVE_SSE;
	return 0;
}

static int store_vector(struct machine *m, const struct einsn *insn)
{
	struct place place;
	int err;

	err = find_wide(m, insn, &insn->operand[0], true, &place);
	return err ? err : place_write_bytes(m, &place, xmm(m, &insn->operand[1]));
}

/**
 * execute_vector() - MOVDQU and its like
 * @m: the machine
 * @insn: one operand is memory. A load clears what it does not fill of the register
 */
int execute_vector(struct machine *m, const struct einsn *insn)
{
	const struct eoperand *reg = &insn->operand[insn->operand[0].kind == EOPERAND_MEM];

	if (reg->kind != EOPERAND_XMM)
		return svmvcpu_fail(ENOTSUP, "not emulated: an SSE move without SSE register");
	if (!m->emul->xstate)
		return svmvcpu_fail(ENOTSUP, "not emulated: SSE registers are not known");
	return reg == &insn->operand[0] ? load_vector(m, insn) : store_vector(m, insn);
}

/* Two registers of half the width, the lower half first */
static void pair_read(const struct machine *m, unsigned int low, unsigned int high,
		      unsigned int half, u8 *value)
{
	memcpy(value, &m->gprs[low], half);
	memcpy(value + half, &m->gprs[high], half);
}

static void pair_write(struct machine *m, unsigned int low, unsigned int high,
		       unsigned int half, const u8 *value)
{
	u64 part = 0;

	memcpy(&part, value, half);
	ginsn_reg_write(m->gprs, low, half, false, part);
	memcpy(&part, value + half, half);
	ginsn_reg_write(m->gprs, high, half, false, part);
}

/**
 * execute_cmpxchg_pair() - CMPXCHG8B and CMPXCHG16B
 * @m: the machine
 * @insn: the instruction
 *
 * A comparison that fails writes back what it read, as the processor does.
 */
int execute_cmpxchg_pair(struct machine *m, const struct einsn *insn)
{
	unsigned int bytes = insn->operand[0].bytes, half = bytes / 2;
	u8 old[PLACE_MAX], expected[PLACE_MAX], new[PLACE_MAX];
	struct place place;
	bool equal;
	int err;

	err = find_wide(m, insn, &insn->operand[0], true, &place);
	if (!err)
		err = place_read_bytes(m, &place, old);
	if (err)
		return err;
	pair_read(m, INSN_RAX, INSN_RDX, half, expected);
	pair_read(m, INSN_RBX, INSN_RCX, half, new);
	equal = !memcmp(old, expected, bytes);
	err = place_write_bytes(m, &place, equal ? new : old);
	if (err)
		return err;
	if (!equal)
		pair_write(m, INSN_RAX, INSN_RDX, half, old);
	m->rflags = equal ? m->rflags | FLAG_ZF : m->rflags & ~FLAG_ZF;
	return 0;
}
