// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: execution. Every instruction is the same four steps (find the
 * memory operands, read, compute, write), and a string instruction is those for
 * each element. See svmvcpu_insn.h for the contract.
 */
#include <errno.h>

#include "machine.h"

static u64 read_direct(const struct machine *m, const struct eoperand *o)
{
	if (o->kind == EOPERAND_REG)
		return ginsn_reg_read(m->gprs, o->reg, o->bytes, o->high);
	return o->imm;	/* 0 if there is no operand */
}

/* Bit strings: the register counts from the operand's address, either way. */
static s64 bit_displacement(const struct machine *m, const struct einsn *insn)
{
	const struct eoperand *bit = &insn->operand[1];
	unsigned int bytes = insn->operand[0].bytes;
	s64 offset;

	if (!(insn->flags & E_BITS) || bit->kind != EOPERAND_REG)
		return 0;
	offset = ginsn_sign_extend(read_direct(m, bit), bit->bytes);
	return (offset >> 3) & ~(s64)(bytes - 1);
}

static bool is_written(const struct einsn *insn, unsigned int i)
{
	return insn->flags & (i ? E_WRITE1 : E_WRITE0);
}

static int find_operands(struct machine *m, const struct einsn *insn,
			 struct place *places)
{
	/* the order of faults: MOVS and CMPS both begin with rSI */
	unsigned int i = insn->flags & E_WRITE0 ? 1 : 0, n;
	int err;

	for (n = 0; n < 2; n++, i ^= 1) {
		if (insn->operand[i].kind != EOPERAND_MEM)
			continue;
		err = place_find(m, &insn->operand[i],
				 i ? 0 : bit_displacement(m, insn),
				 is_written(insn, i), &places[i]);
		if (err)
			return err;
	}
	return 0;
}

static int read_operand(struct machine *m, const struct eoperand *o,
			const struct place *place, u64 *value)
{
	if (o->kind == EOPERAND_MEM)
		return place_read(m, place, value);
	*value = read_direct(m, o);
	return 0;
}

/* Memory first: it can fail, registers cannot. */
static int write_back(struct machine *m, const struct einsn *insn,
		      const struct place *places, const struct alu *alu)
{
	unsigned int i;
	int err;

	for (i = 0; i < 2; i++) {
		if (!is_written(insn, i) || insn->operand[i].kind != EOPERAND_MEM)
			continue;
		err = place_write(m, &places[i], i ? alu->b : alu->a);
		if (err)
			return err;
	}
	for (i = 0; i < 2; i++) {
		const struct eoperand *o = &insn->operand[i];

		if (is_written(insn, i) && o->kind == EOPERAND_REG)
			ginsn_reg_write(m->gprs, o->reg, o->bytes, o->high,
					i ? alu->b : alu->a);
	}
	/* a comparison that succeeds leaves rAX alone, upper half included */
	if ((insn->flags & E_ACC) && !(alu->rflags & FLAG_ZF))
		ginsn_reg_write(m->gprs, INSN_RAX, alu->bytes, false, alu->acc);
	m->rflags = alu->rflags;
	return 0;
}

static int execute(struct machine *m, const struct einsn *insn)
{
	struct place places[2];
	struct alu alu = {
		.acc = m->gprs[INSN_RAX],
		.rflags = m->rflags,
		.bytes = insn->operand[0].bytes,
		.b_bytes = insn->operand[1].bytes,
	};
	int err;

	err = find_operands(m, insn, places);
	if (!err && (insn->flags & E_READ0))
		err = read_operand(m, &insn->operand[0], &places[0], &alu.a);
	if (!err)
		err = read_operand(m, &insn->operand[1], &places[1], &alu.b);
	if (err)
		return err;
	alu_run(insn->op, &alu);
	return write_back(m, insn, places, &alu);
}

static void add_to_register(struct machine *m, const struct einsn *insn,
			    unsigned int reg, u64 step)
{
	ginsn_reg_write(m->gprs, reg, insn->addr_bytes, false, m->gprs[reg] + step);
}

static u64 count_left(const struct machine *m, const struct einsn *insn)
{
	return ginsn_low_bytes(m->gprs[INSN_RCX], insn->addr_bytes);
}

/* One element is done: move on. Says whether another one follows. */
static bool step_string(struct machine *m, const struct einsn *insn)
{
	u64 step = insn->operand[0].bytes;
	unsigned int i;

	if (m->rflags & FLAG_DF)
		step = -step;
	for (i = 0; i < 2; i++)
		if (insn->operand[i].kind == EOPERAND_MEM)
			add_to_register(m, insn, insn->operand[i].mem.base, step);
	if (!(insn->flags & E_REP))
		return false;
	add_to_register(m, insn, INSN_RCX, -1ULL);
	if ((insn->flags & E_UNTIL) &&
	    !(insn->flags & E_REPNE) != !!(m->rflags & FLAG_ZF))
		return false;
	return count_left(m, insn);
}

/* As many elements as the caller allows; one when the guest single-steps. */
static int execute_string(struct machine *m, const struct einsn *insn, bool *more)
{
	unsigned int left = m->emul->max_elements;
	int err;

	*more = false;
	if ((insn->flags & E_REP) && !count_left(m, insn))
		return 0;
	if (!left)
		left = SVMVCPU_EMUL_ELEMENTS;
	if (m->rflags & FLAG_TF)
		left = 1;
	do {
		err = execute(m, insn);
		if (err) {
			*more = true;
			return err;
		}
		*more = step_string(m, insn);
	} while (*more && --left);
	return 0;
}

/* Elements of a string count even when a later one failed. */
static void commit(struct machine *m, bool finished)
{
	struct svmvcpu_gprs *gprs = m->emul->gprs;

	memcpy(gprs, m->gprs, sizeof(m->gprs));
	gprs->rflags = m->rflags;
	if (finished) {
		gprs->rip = m->rip_next;
		gprs->rflags &= ~FLAG_RF;
	}
}

int svmvcpu_emulate(struct svmvcpu_emul *emul)
{
	struct machine m;
	struct einsn insn;
	bool more = false;
	int err;

	emul->trap = false;
	memset(&emul->fault, 0, sizeof(emul->fault));
	machine_init(&m, emul);
	err = einsn_decode(&insn, emul->insn, emul->insn_len, m.env.mode);
	if (err)
		return err;
	m.rip_next = ginsn_next_rip(m.env.mode, emul->gprs->rip, insn.len);
	if (insn.flags & E_STRING)
		err = execute_string(&m, &insn, &more);
	else
		err = execute(&m, &insn);
	commit(&m, !err && !more);
	emul->trap = !err && (m.rflags & FLAG_TF);
	return err;
}
