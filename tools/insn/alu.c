// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: integer arithmetic with flags. Pure.
 *
 * Results are truncated to the width of the destination; inputs may be wider.
 */
#include "machine.h"

#define FLAGS_LOGIC	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

static u64 sign_bit(const struct alu *alu)
{
	return BIT_ULL(8 * alu->bytes - 1);
}

/* SF, ZF and PF of a result. */
static u64 result_flags(const struct alu *alu, u64 result)
{
	u64 flags = 0;

	if (!result)
		flags |= FLAG_ZF;
	if (result & sign_bit(alu))
		flags |= FLAG_SF;
	if (!__builtin_parity(result & 0xff))
		flags |= FLAG_PF;
	return flags;
}

static void set_flags(struct alu *alu, u64 mask, u64 flags)
{
	alu->rflags = (alu->rflags & ~mask) | (flags & mask);
}

/* Each bit of @carries tells whether that position produced a carry or borrow. */
static u64 carry_flags(const struct alu *alu, u64 carries)
{
	u64 top = sign_bit(alu), flags = 0;

	if (carries & top)
		flags |= FLAG_CF;
	if (!(carries & top) != !(carries & (top >> 1)))
		flags |= FLAG_OF;
	if (carries & 8)
		flags |= FLAG_AF;
	return flags;
}

static u64 add(struct alu *alu, u64 mask, u64 a, u64 b, bool carry)
{
	u64 result = ginsn_low_bytes(a + b + carry, alu->bytes);
	u64 carries = (a & b) | ((a | b) & ~result);

	set_flags(alu, mask, result_flags(alu, result) | carry_flags(alu, carries));
	return result;
}

static u64 sub(struct alu *alu, u64 mask, u64 a, u64 b, bool borrow)
{
	u64 result = ginsn_low_bytes(a - b - borrow, alu->bytes);
	u64 borrows = (~a & b) | ((~a | b) & result);

	set_flags(alu, mask, result_flags(alu, result) | carry_flags(alu, borrows));
	return result;
}

static u64 logic(struct alu *alu, u64 result)
{
	result = ginsn_low_bytes(result, alu->bytes);
	set_flags(alu, FLAGS_LOGIC, result_flags(alu, result));
	return result;
}

static void run_binary(enum alu_op op, struct alu *alu)
{
	bool carry = alu->rflags & FLAG_CF;
	u64 a = alu->a, b = ginsn_low_bytes(alu->b, alu->bytes);

	switch (op) {
	case ALU_ADD:
		alu->a = add(alu, FLAGS_LOGIC, a, b, false);
		break;
	case ALU_ADC:
		alu->a = add(alu, FLAGS_LOGIC, a, b, carry);
		break;
	case ALU_SUB:
		alu->a = sub(alu, FLAGS_LOGIC, a, b, false);
		break;
	case ALU_SBB:
		alu->a = sub(alu, FLAGS_LOGIC, a, b, carry);
		break;
	case ALU_CMP:
		sub(alu, FLAGS_LOGIC, a, b, false);
		break;
	case ALU_OR:
		alu->a = logic(alu, a | b);
		break;
	case ALU_AND:
		alu->a = logic(alu, a & b);
		break;
	case ALU_XOR:
		alu->a = logic(alu, a ^ b);
		break;
	default:	/* ALU_TEST */
		logic(alu, a & b);
	}
}

static void run_unary(enum alu_op op, struct alu *alu)
{
	switch (op) {
	case ALU_INC:
		alu->a = add(alu, FLAGS_LOGIC & ~FLAG_CF, alu->a, 1, false);
		break;
	case ALU_DEC:
		alu->a = sub(alu, FLAGS_LOGIC & ~FLAG_CF, alu->a, 1, false);
		break;
	case ALU_NOT:
		alu->a = ginsn_low_bytes(~alu->a, alu->bytes);
		break;
	default:	/* ALU_NEG */
		alu->a = sub(alu, FLAGS_LOGIC, 0, alu->a, false);
	}
}

/* A condition as the low four bits of the opcode encode it */
static bool condition(unsigned int cond, u64 rflags)
{
	bool less = !(rflags & FLAG_SF) != !(rflags & FLAG_OF), holds;

	switch (cond >> 1) {
	case 0:
		holds = rflags & FLAG_OF;
		break;
	case 1:
		holds = rflags & FLAG_CF;
		break;
	case 2:
		holds = rflags & FLAG_ZF;
		break;
	case 3:
		holds = rflags & (FLAG_CF | FLAG_ZF);
		break;
	case 4:
		holds = rflags & FLAG_SF;
		break;
	case 5:
		holds = rflags & FLAG_PF;
		break;
	case 6:
		holds = less;
		break;
	default:
		holds = less || (rflags & FLAG_ZF);
	}
	return holds != (cond & 1);
}

/* A source of 0 does not change the destination, upper half included (APM volume 3). */
static void run_scan(enum alu_op op, struct alu *alu)
{
	set_flags(alu, FLAG_ZF, alu->b ? 0 : FLAG_ZF);
	alu->keep = !alu->b;
	if (alu->keep)
		return;
	alu->a = op == ALU_BSF ? __builtin_ctzll(alu->b) : 63 - __builtin_clzll(alu->b);
}

/* CF and OF tell that the upper half is more than an extension of the lower. */
static void set_product_flags(struct alu *alu, bool overflow)
{
	set_flags(alu, FLAG_CF | FLAG_OF, overflow ? FLAG_CF | FLAG_OF : 0);
}

static void run_imul(struct alu *alu, u64 a, u64 b)
{
	__int128_t product = (__int128_t)(s64)ginsn_sign_extend(a, alu->bytes) *
			   (s64)ginsn_sign_extend(b, alu->bytes);

	alu->acc = ginsn_low_bytes(product, alu->bytes);
	alu->high = ginsn_low_bytes(product >> (8 * alu->bytes), alu->bytes);
	set_product_flags(alu, product != (s64)ginsn_sign_extend(alu->acc, alu->bytes));
}

static void run_mul(struct alu *alu, u64 a, u64 b)
{
	__uint128_t product = (__uint128_t)a * b;

	alu->acc = ginsn_low_bytes(product, alu->bytes);
	alu->high = ginsn_low_bytes(product >> (8 * alu->bytes), alu->bytes);
	set_product_flags(alu, alu->high);
}

static void run_product(enum alu_op op, struct alu *alu)
{
	switch (op) {
	case ALU_IMUL:
		run_imul(alu, alu->a, alu->b);
		alu->a = alu->acc;
		break;
	case ALU_IMUL3:
		run_imul(alu, alu->b, alu->c);
		alu->a = alu->acc;
		break;
	case ALU_IMUL_ACC:
		run_imul(alu, alu->acc, alu->a);
		break;
	default:	/* ALU_MUL_ACC */
		run_mul(alu, ginsn_low_bytes(alu->acc, alu->bytes), alu->a);
	}
}

/* By one bit; returns CF. */
static bool shift_once(enum alu_op op, struct alu *alu, bool carry)
{
	u64 top = sign_bit(alu), in;
	bool left = op == ALU_SHL || op == ALU_ROL || op == ALU_RCL || op == ALU_SHLD;
	bool out = alu->a & (left ? top : 1);

	switch (op) {
	case ALU_SAR:
		in = alu->a & top;
		break;
	case ALU_ROL:
	case ALU_ROR:
		in = out;
		break;
	case ALU_RCL:
	case ALU_RCR:
		in = carry;
		break;
	case ALU_SHLD:
		in = alu->b & top;
		alu->b = ginsn_low_bytes(alu->b << 1, alu->bytes);
		break;
	case ALU_SHRD:
		in = alu->b & 1;
		alu->b >>= 1;
		break;
	default:	/* ALU_SHL, ALU_SHR */
		in = 0;
	}
	alu->a = left ? ginsn_low_bytes(alu->a << 1, alu->bytes) | !!in :
			alu->a >> 1 | (in ? top : 0);
	return out;
}

/* One bit at a time, so that all counts are right. OF is defined for 1 only. */
static void run_shift(enum alu_op op, struct alu *alu)
{
	unsigned int count = op >= ALU_SHLD ? alu->c : alu->b;
	bool carry = alu->rflags & FLAG_CF, rotate = op >= ALU_ROL && op <= ALU_RCR;
	u64 flags, before = 0;

	count &= alu->bytes == 8 ? 63 : 31;
	if (!count)
		return;
	while (count--) {
		before = alu->a;
		carry = shift_once(op, alu, carry);
	}
	flags = carry ? FLAG_CF : 0;
	if ((before ^ alu->a) & sign_bit(alu))
		flags |= FLAG_OF;
	if (rotate)
		set_flags(alu, FLAG_CF | FLAG_OF, flags);
	else
		set_flags(alu, FLAGS_LOGIC, flags | result_flags(alu, alu->a));
}

/* The bit is @b modulo the width; the rest has already moved the address. */
static void run_bit(enum alu_op op, struct alu *alu)
{
	u64 bit = BIT_ULL(alu->b & (8 * alu->bytes - 1));

	set_flags(alu, FLAG_CF, alu->a & bit ? FLAG_CF : 0);
	if (op == ALU_BTS)
		alu->a |= bit;
	else if (op == ALU_BTR)
		alu->a &= ~bit;
	else if (op == ALU_BTC)
		alu->a ^= bit;
}

static void run_move(enum alu_op op, struct alu *alu)
{
	u64 a = alu->a;

	switch (op) {
	case ALU_MOVSX:
		alu->b = ginsn_sign_extend(alu->b, alu->b_bytes);
		alu->a = ginsn_low_bytes(alu->b, alu->bytes);
		break;
	case ALU_XCHG:
		alu->a = alu->b;
		alu->b = a;
		break;
	case ALU_CMOV:
		if (condition(alu->cond, alu->rflags))
			alu->a = alu->b;
		break;
	case ALU_SET:
		alu->a = condition(alu->cond, alu->rflags);
		break;
	case ALU_XADD:
		alu->a = add(alu, FLAGS_LOGIC, a, alu->b, false);
		alu->b = a;
		break;
	case ALU_CMPXCHG:
		sub(alu, FLAGS_LOGIC, ginsn_low_bytes(alu->acc, alu->bytes), a, false);
		alu->acc = a;
		if (alu->rflags & FLAG_ZF)
			alu->a = alu->b;
		break;
	default:	/* ALU_MOV, and MOVZX with a narrower source */
		alu->a = ginsn_low_bytes(alu->b, alu->bytes);
	}
}

/**
 * alu_run() - one operation
 * @op: which
 * @alu: operands and results
 */
void alu_run(enum alu_op op, struct alu *alu)
{
	if (op < ALU_ADD)
		run_move(op, alu);
	else if (op < ALU_INC)
		run_binary(op, alu);
	else if (op < ALU_BT)
		run_unary(op, alu);
	else if (op < ALU_BSF)
		run_bit(op, alu);
	else if (op < ALU_IMUL)
		run_scan(op, alu);
	else if (op < ALU_SHL)
		run_product(op, alu);
	else
		run_shift(op, alu);
}
