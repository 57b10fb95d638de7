// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: execution. Most instructions take the same four steps (find the
 * memory operands, read, compute, write), and a string instruction repeats them for
 * each element. stack.c, wide.c and system.c have the others. See svmvcpu_insn.h for
 * the contract.
 */
#include <errno.h>

#include "machine.h"

static u64 selector(const struct machine *m, unsigned int nr)
{
	const struct svmvcpu_segment *segments = &m->emul->segments->es;

	return segments[nr].selector;
}

/**
 * read_direct() - value of an operand that is not memory
 * @m: the machine
 * @o: the operand
 *
 * Return: the value, zero-extended; an immediate is sign-extended; 0 for none.
 */
u64 read_direct(const struct machine *m, const struct eoperand *o)
{
	switch (o->kind) {
	case EOPERAND_REG:
		return ginsn_reg_read(m->gprs, o->reg, o->bytes, o->high);
	case EOPERAND_SELECTOR:
		return selector(m, o->reg);
	case EOPERAND_CR0:
		return m->emul->control->cr0;
	default:
		return o->imm;
	}
}

/* Bit strings: the register is an offset from the operand's address, in either direction. */
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

/* Memory first: writing it can fail, writing registers cannot. */
static int write_memory(struct machine *m, const struct einsn *insn,
			const struct place *places, const struct alu *alu)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < 2 && !err; i++)
		if (is_written(insn, i) && insn->operand[i].kind == EOPERAND_MEM)
			err = place_write(m, &places[i], i ? alu->b : alu->a);
	return err;
}

static void write_product(struct machine *m, const struct alu *alu)
{
	if (alu->bytes == 1) {
		ginsn_reg_write(m->gprs, INSN_RAX, 2, false, alu->high << 8 | alu->acc);
		return;
	}
	ginsn_reg_write(m->gprs, INSN_RAX, alu->bytes, false, alu->acc);
	ginsn_reg_write(m->gprs, INSN_RDX, alu->bytes, false, alu->high);
}

static void write_registers(struct machine *m, const struct einsn *insn,
			    const struct alu *alu)
{
	unsigned int i;

	for (i = 0; i < 2 && !alu->keep; i++) {
		const struct eoperand *o = &insn->operand[i];

		if (is_written(insn, i) && o->kind == EOPERAND_REG)
			ginsn_reg_write(m->gprs, o->reg, o->bytes, o->high,
					i ? alu->b : alu->a);
	}
	/* a successful comparison does not change rAX, upper half included */
	if ((insn->flags & E_ACC) && !(alu->rflags & FLAG_ZF))
		ginsn_reg_write(m->gprs, INSN_RAX, alu->bytes, false, alu->acc);
	if (insn->flags & E_PRODUCT)
		write_product(m, alu);
	m->rflags = alu->rflags;
}

/* INS: the other operand is read from a port, once its destination is known. */
static int read_port(struct machine *m, unsigned int bytes, u64 *value)
{
	struct svmvcpu_emul *emul = m->emul;
	u32 data = 0;
	int err;

	if (!emul->in)
		return svmvcpu_fail(ENOTSUP, "not emulated: ins without ports");
	err = begin_access(m);
	if (err)
		return err;
	err = emul->in(emul->opaque, m->gprs[INSN_RDX], bytes, &data);
	*value = ginsn_low_bytes(data, bytes);
	return err;
}

static int write_port(struct machine *m, unsigned int bytes, u64 value)
{
	struct svmvcpu_emul *emul = m->emul;
	int err;

	if (!emul->out)
		return svmvcpu_fail(ENOTSUP, "not emulated: outs without ports");
	err = begin_access(m);
	return err ? err : emul->out(emul->opaque, m->gprs[INSN_RDX], bytes, value);
}

static int read_operands(struct machine *m, const struct einsn *insn,
			 const struct place *places, struct alu *alu)
{
	int err = 0;

	if (insn->flags & E_READ0)
		err = read_operand(m, &insn->operand[0], &places[0], &alu->a);
	if (err)
		return err;
	if (insn->flags & E_IN)
		return read_port(m, insn->operand[0].bytes, &alu->b);
	err = read_operand(m, &insn->operand[1], &places[1], &alu->b);
	if (!err && (insn->flags & E_OUT))
		err = write_port(m, insn->operand[1].bytes, alu->b);
	return err;
}

/**
 * execute_alu() - an instruction that alu.c computes
 * @m: the machine
 * @insn: the instruction, or one element of a string instruction
 */
int execute_alu(struct machine *m, const struct einsn *insn)
{
	struct place places[2];
	struct alu alu = {
		.c = read_direct(m, &insn->operand[2]),
		.acc = m->gprs[INSN_RAX],
		.rflags = m->rflags,
		.bytes = insn->operand[0].bytes,
		.b_bytes = insn->operand[1].bytes,
		.cond = insn->cond,
	};
	int err;

	err = find_operands(m, insn, places);
	if (!err)
		err = read_operands(m, insn, places, &alu);
	if (err)
		return err;
	alu_run(insn->op, &alu);
	err = write_memory(m, insn, places, &alu);
	if (!err)
		write_registers(m, insn, &alu);
	return err;
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

/* Advances to the next element; returns whether there is one. */
static bool step_string(struct machine *m, const struct einsn *insn)
{
	unsigned int i;

	/* operand 0 of OUTS is the port, whose width is not the element's */
	for (i = 0; i < 2; i++) {
		const struct eoperand *o = &insn->operand[i];
		u64 step = m->rflags & FLAG_DF ? -(u64)o->bytes : o->bytes;

		if (o->kind == EOPERAND_MEM)
			add_to_register(m, insn, o->mem.base, step);
	}
	if (!(insn->flags & E_REP))
		return false;
	add_to_register(m, insn, INSN_RCX, -1ULL);
	if ((insn->flags & E_UNTIL) &&
	    !(insn->flags & E_REPNE) != !!(m->rflags & FLAG_ZF))
		return false;
	return count_left(m, insn);
}

/* As many elements as the caller allows; one if the guest single-steps */
static int execute_string(struct machine *m, const struct einsn *insn, bool *more)
{
	unsigned int left = m->emul->max_elements;
	int err;

	*more = false;
	if ((insn->flags & E_REP) && !count_left(m, insn)) {
		/* complete without an access, whatever faulted */
		m->started = true;
		return 0;
	}
	if (!left)
		left = SVMVCPU_EMUL_ELEMENTS;
	if (m->rflags & FLAG_TF)
		left = 1;
	do {
		err = insn->execute(m, insn);
		if (err) {
			*more = true;
			return err;
		}
		*more = step_string(m, insn);
		/* the caller first handles an exit of the local APIC */
	} while (*more && --left && !m->emul->exit);
	return 0;
}

/* Completed elements of a string count even if a later one failed. */
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

static int emulate(struct svmvcpu_emul *emul, struct machine *m, const struct einsn *insn)
{
	bool more = false;
	int err;

	m->rip_next = ginsn_next_rip(m->env.mode, emul->gprs->rip, insn->len);
	if (insn->flags & E_STRING)
		err = execute_string(m, insn, &more);
	else
		err = insn->execute(m, insn);
	/* it may have read RAM only, where nothing has started yet */
	if (!err)
		err = begin_access(m);
	if (err && !m->started)
		return err;
	commit(m, !err && !more);
	emul->trap = !err && (m->rflags & FLAG_TF);
	return err;
}

/**
 * emulate_after() - svmvcpu_emulate() for a certain kind of access
 * @emul: see there
 * @kernel: the kernel made the access: the instruction is one of those for which
 *	it does
 */
int emulate_after(struct svmvcpu_emul *emul, bool kernel)
{
	struct machine m;
	struct einsn insn;
	int err;

	emul->trap = false;
	emul->exit = 0;
	memset(&emul->fault, 0, sizeof(emul->fault));
	machine_init(&m, emul);
	err = einsn_decode(&insn, emul->insn, emul->insn_len, m.env.mode);
	if (err)
		return err;
	if (kernel && !(insn.flags & E_KERNEL))
		return svmvcpu_fail(ENOTSUP, "the access at %#llx is for the kernel to repeat",
				    emul->gpa);
	err = check_privilege(&m, &insn);
	if (err)
		return err;
	/* the kernel transfers many elements of a string at once: any of them may have faulted */
	m.started = kernel;
	return emulate(emul, &m, &insn);
}

int svmvcpu_emulate(struct svmvcpu_emul *emul)
{
	return emulate_after(emul, false);
}
