// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: instructions that use the stack or branch. Stack and operand
 * may each be RAM or a device.
 *
 * As in the rest of the library, all of an instruction's memory is translated
 * before any of it is accessed, so a fault leaves everything as it was.
 */
#include <errno.h>

#include "machine.h"

#define FLAG_VM		BIT_ULL(17)

static unsigned int stack_width(const struct machine *m)
{
	if (m->env.mode == GUEST_LONG64)
		return 8;
	return m->env.seg[INSN_SS].attr & GUEST_SEG_DB ? 4 : 2;
}

/* @bytes at @disp from rSP, or from another register */
static struct eoperand stack_operand(const struct machine *m, unsigned int reg,
				     unsigned int bytes, s64 disp)
{
	return (struct eoperand){
		.kind = EOPERAND_MEM,
		.bytes = bytes,
		.mem = {
			.disp = disp, .base = reg, .index = INSN_NO_REG,
			.seg = INSN_SS, .addr_bytes = stack_width(m),
		},
	};
}

static void set_stack_pointer(struct machine *m, u64 value)
{
	ginsn_reg_write(m->gprs, INSN_RSP, stack_width(m), false, value);
}

static int find_push(struct machine *m, unsigned int bytes, struct place *place)
{
	const struct eoperand o = stack_operand(m, INSN_RSP, bytes, -(s64)bytes);

	return place_find(m, &o, 0, true, place);
}

static int push(struct machine *m, const struct place *place, unsigned int bytes, u64 value)
{
	int err = place_write(m, place, value);

	if (!err)
		set_stack_pointer(m, m->gprs[INSN_RSP] - bytes);
	return err;
}

/* Finds operand 0. @and_push: the instruction pushes afterwards. */
static int read_source(struct machine *m, const struct einsn *insn, struct place *to_push,
		       u64 *value)
{
	const struct eoperand *o = &insn->operand[0];
	struct place source;
	int err = 0;

	if (o->kind == EOPERAND_MEM)
		err = place_find(m, o, 0, false, &source);
	if (!err && to_push)
		err = find_push(m, insn->stack_bytes, to_push);
	if (err)
		return err;
	if (o->kind == EOPERAND_MEM)
		return place_read(m, &source, value);
	*value = read_direct(m, o);
	return 0;
}

int execute_push(struct machine *m, const struct einsn *insn)
{
	struct place stack;
	u64 value;
	int err;

	err = read_source(m, insn, &stack, &value);
	return err ? err : push(m, &stack, insn->stack_bytes, value);
}

int execute_pushf(struct machine *m, const struct einsn *insn)
{
	struct place stack;
	int err;

	err = find_push(m, insn->stack_bytes, &stack);
	return err ? err : push(m, &stack, insn->stack_bytes, m->rflags & ~(FLAG_VM | FLAG_RF));
}

/* The operand's address is computed with rSP after the pop (APM volume 3). */
static int pop_to_memory(struct machine *m, const struct einsn *insn, const struct place *stack)
{
	u64 rsp = m->gprs[INSN_RSP], value;
	struct place place;
	int err;

	set_stack_pointer(m, rsp + insn->stack_bytes);
	err = place_find(m, &insn->operand[0], 0, true, &place);
	if (!err)
		err = place_read(m, stack, &value);
	if (!err)
		err = place_write(m, &place, value);
	if (err)
		m->gprs[INSN_RSP] = rsp;
	return err;
}

int execute_pop(struct machine *m, const struct einsn *insn)
{
	const struct eoperand from = stack_operand(m, INSN_RSP, insn->stack_bytes, 0);
	const struct eoperand *to = &insn->operand[0];
	struct place stack;
	u64 value;
	int err;

	err = place_find(m, &from, 0, false, &stack);
	if (err)
		return err;
	if (to->kind == EOPERAND_MEM)
		return pop_to_memory(m, insn, &stack);
	err = place_read(m, &stack, &value);
	if (err)
		return err;
	set_stack_pointer(m, m->gprs[INSN_RSP] + insn->stack_bytes);
	ginsn_reg_write(m->gprs, to->reg, to->bytes, false, value);
	return 0;
}

int execute_leave(struct machine *m, const struct einsn *insn)
{
	const struct eoperand from = stack_operand(m, INSN_RBP, insn->stack_bytes, 0);
	struct place stack;
	u64 value;
	int err;

	err = place_find(m, &from, 0, false, &stack);
	if (!err)
		err = place_read(m, &stack, &value);
	if (err)
		return err;
	set_stack_pointer(m, m->gprs[INSN_RBP] + insn->stack_bytes);
	ginsn_reg_write(m->gprs, INSN_RBP, insn->stack_bytes, false, value);
	return 0;
}

/* #GP(0) for a target beyond CS or the canonical range, before anything changes */
static int check_target(struct machine *m, u64 target)
{
	u64 linear;

	if (linear_fetch_span(&m->env, target, 1, &linear))
		return 0;
	return raise_fault(m, VECTOR_GP, 0, 0);
}

/* A relative target counts from the next instruction. */
static u64 branch_target(const struct machine *m, const struct eoperand *o, u64 value,
			 unsigned int bytes)
{
	if (o->kind == EOPERAND_IMM)
		value += m->rip_next;
	return ginsn_low_bytes(value, bytes);
}

int execute_call(struct machine *m, const struct einsn *insn)
{
	struct place stack;
	u64 value, target;
	int err;

	err = read_source(m, insn, &stack, &value);
	if (err)
		return err;
	target = branch_target(m, &insn->operand[0], value, insn->stack_bytes);
	err = check_target(m, target);
	if (!err)
		err = push(m, &stack, insn->stack_bytes, m->rip_next);
	if (!err)
		m->rip_next = target;
	return err;
}

int execute_jmp(struct machine *m, const struct einsn *insn)
{
	u64 target;
	int err;

	err = read_source(m, insn, NULL, &target);
	if (!err)
		err = check_target(m, target);
	if (!err)
		m->rip_next = target;
	return err;
}

/* The immediate is the number of bytes of arguments to remove as well. */
int execute_ret(struct machine *m, const struct einsn *insn)
{
	const struct eoperand from = stack_operand(m, INSN_RSP, insn->stack_bytes, 0);
	struct place stack;
	u64 target;
	int err;

	err = place_find(m, &from, 0, false, &stack);
	if (!err)
		err = place_read(m, &stack, &target);
	if (!err)
		err = check_target(m, target);
	if (err)
		return err;
	set_stack_pointer(m, m->gprs[INSN_RSP] + insn->stack_bytes +
			  (u16)insn->operand[0].imm);
	m->rip_next = target;
	return 0;
}
