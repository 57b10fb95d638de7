// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of guest CPU modes and of operand and address arithmetic.
 *
 * Owns nothing at run time. Part of the module's one test module; also built in
 * user space.
 */
#include <kunit/test.h>

#include "operand.c"

#define ATTR_DATA	(GUEST_SEG_P | GUEST_SEG_S | GUEST_SEG_TYPE_WRITE)
#define ATTR_DATA_RO	(GUEST_SEG_P | GUEST_SEG_S)
#define ATTR_CODE	(GUEST_SEG_P | GUEST_SEG_S | GUEST_SEG_TYPE_CODE)
#define ATTR_CODE_READ	(ATTR_CODE | GUEST_SEG_TYPE_WRITE)
#define ATTR_DOWN	(ATTR_DATA | GUEST_SEG_TYPE_DOWN)

struct mode_case {
	u64 cr0;
	u64 efer;
	u64 rflags;
	u16 attr;
	u8 mode;
	u8 op;
	u8 addr;
};

static const struct mode_case mode_cases[] = {
	{ 0x60000010, 0, 2, 0x093, GUEST_REAL, 2, 2 },
	{ 0x60000010, 0, 2, 0x49b, GUEST_REAL, 2, 2 },
	{ 0x11, 0, 2, 0x09b, GUEST_PROT16, 2, 2 },
	{ 0x11, 0, 2, 0xc9b, GUEST_PROT32, 4, 4 },
	{ 0x80000011, 0, 0x20002, 0x0f3, GUEST_VM86, 2, 2 },
	{ 0x80000011, 0x100, 2, 0xc9b, GUEST_PROT32, 4, 4 },
	{ 0x80000011, 0xd00, 2, 0xc9b, GUEST_COMPAT32, 4, 4 },
	{ 0x80000011, 0xd00, 2, 0x09b, GUEST_COMPAT16, 2, 2 },
	/* L is bit 9; 64-bit code of every kernel has 0xa9b here */
	{ 0x80000011, 0xd00, 2, 0xa9b, GUEST_LONG64, 4, 8 },
	{ 0x80000011, 0xd00, 0x20002, 0xa9b, GUEST_LONG64, 4, 8 },
	/* L without LMA is an ordinary bit, and bit 13 is none at all */
	{ 0x80000011, 0x100, 2, 0x29b, GUEST_PROT16, 2, 2 },
	{ 0x80000011, 0xd00, 2, 0x209b, GUEST_COMPAT16, 2, 2 },
};

static void mode_test_table(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mode_cases); i++) {
		const struct mode_case *c = &mode_cases[i];
		enum guest_mode mode;

		mode = guest_mode(c->cr0, c->efer, c->rflags, c->attr);
		KUNIT_EXPECT_EQ_MSG(test, (u8)mode, c->mode, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, guest_mode_op_bytes(mode), c->op,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, guest_mode_addr_bytes(mode), c->addr,
				    "case %u", i);
	}
}

static void operand_test_registers(struct kunit *test)
{
	u64 gprs[16] = { [INSN_RAX] = 0x1122334455667788, [15] = ~0ULL };

	KUNIT_EXPECT_EQ(test, ginsn_reg_read(gprs, 0, 1, false), 0x88ULL);
	KUNIT_EXPECT_EQ(test, ginsn_reg_read(gprs, 0, 1, true), 0x77ULL);
	KUNIT_EXPECT_EQ(test, ginsn_reg_read(gprs, 0, 2, false), 0x7788ULL);
	KUNIT_EXPECT_EQ(test, ginsn_reg_read(gprs, 0, 4, false), 0x55667788ULL);
	KUNIT_EXPECT_EQ(test, ginsn_reg_read(gprs, 0, 8, false), gprs[0]);

	ginsn_reg_write(gprs, 0, 1, false, 0xfffaa);
	KUNIT_EXPECT_EQ(test, gprs[0], 0x11223344556677aaULL);
	ginsn_reg_write(gprs, 0, 1, true, 0xfffbb);
	KUNIT_EXPECT_EQ(test, gprs[0], 0x112233445566bbaaULL);
	ginsn_reg_write(gprs, 0, 2, false, 0xf1234);
	KUNIT_EXPECT_EQ(test, gprs[0], 0x1122334455661234ULL);
	/* 32 bits clear the upper half */
	ginsn_reg_write(gprs, 0, 4, false, 0xf89abcdefULL);
	KUNIT_EXPECT_EQ(test, gprs[0], 0x89abcdefULL);
	ginsn_reg_write(gprs, 15, 8, false, 5);
	KUNIT_EXPECT_EQ(test, gprs[15], 5ULL);
}

static void operand_test_extend(struct kunit *test)
{
	struct ginsn insn = { .rm_bytes = 1, .op_bytes = 4 };

	KUNIT_EXPECT_EQ(test, ginsn_extend(&insn, 0xff80), 0x80ULL);
	insn.flags = INSN_F_SIGN;
	KUNIT_EXPECT_EQ(test, ginsn_extend(&insn, 0xff80), 0xffffff80ULL);
	KUNIT_EXPECT_EQ(test, ginsn_extend(&insn, 0xff7f), 0x7fULL);
	insn.rm_bytes = 4;
	insn.op_bytes = 8;
	KUNIT_EXPECT_EQ(test, ginsn_extend(&insn, 0x80000000), 0xffffffff80000000ULL);
	insn.op_bytes = 2;
	KUNIT_EXPECT_EQ(test, ginsn_extend(&insn, 0x12348765), 0x8765ULL);
}

static void operand_test_count(struct kunit *test)
{
	u64 gprs[16] = { [INSN_RCX] = 0x100020003 };
	struct ginsn insn = { .flags = INSN_F_STRING, .addr_bytes = 8 };

	KUNIT_EXPECT_EQ(test, ginsn_count(&insn, gprs), 1ULL);
	insn.prefixes = INSN_P_REPNE;
	KUNIT_EXPECT_EQ(test, ginsn_count(&insn, gprs), 0x100020003ULL);
	insn.addr_bytes = 4;
	KUNIT_EXPECT_EQ(test, ginsn_count(&insn, gprs), 0x20003ULL);
	insn.addr_bytes = 2;
	KUNIT_EXPECT_EQ(test, ginsn_count(&insn, gprs), 3ULL);
	insn.flags = 0;
	KUNIT_EXPECT_EQ(test, ginsn_count(&insn, gprs), 1ULL);
}

static void operand_test_next_rip(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ginsn_next_rip(GUEST_REAL, 0x7c00, 2), 0x7c02ULL);
	/* no wrap at 64K: the fetch faults on the limit instead */
	KUNIT_EXPECT_EQ(test, ginsn_next_rip(GUEST_REAL, 0xffff, 1), 0x10000ULL);
	KUNIT_EXPECT_EQ(test, ginsn_next_rip(GUEST_PROT32, 0xffffffff, 2), 1ULL);
	KUNIT_EXPECT_EQ(test, ginsn_next_rip(GUEST_COMPAT32, 0xfffffffe, 2), 0ULL);
	KUNIT_EXPECT_EQ(test, ginsn_next_rip(GUEST_LONG64, 0xffffffff, 2),
			0x100000001ULL);
	KUNIT_EXPECT_EQ(test, ginsn_next_rip(GUEST_LONG64, ~0ULL, 2), 1ULL);
}

static void operand_test_offset(struct kunit *test)
{
	u64 gprs[16] = {
		[INSN_RBX] = 0xabcd0000fff0, [INSN_RSI] = 0x30, [12] = ~0ULL,
	};
	struct ginsn_mem mem = {
		.base = INSN_RBX, .index = INSN_RSI, .scale = 1, .addr_bytes = 2,
	};

	KUNIT_EXPECT_EQ(test, ginsn_offset(&mem, gprs, 0), 0x20ULL);
	mem.addr_bytes = 4;
	mem.scale = 8;
	mem.disp = (u64)-0x10LL;
	KUNIT_EXPECT_EQ(test, ginsn_offset(&mem, gprs, 0), 0x10160ULL);
	mem.addr_bytes = 8;
	KUNIT_EXPECT_EQ(test, ginsn_offset(&mem, gprs, 0), 0xabcd00010160ULL);
	mem.base = 12;
	mem.index = INSN_NO_REG;
	mem.disp = 2;
	KUNIT_EXPECT_EQ(test, ginsn_offset(&mem, gprs, 0), 1ULL);
	mem.base = INSN_NO_REG;
	mem.rip_relative = true;
	KUNIT_EXPECT_EQ(test, ginsn_offset(&mem, gprs, 0xffffffff), 0x100000001ULL);
	mem.addr_bytes = 4;
	KUNIT_EXPECT_EQ(test, ginsn_offset(&mem, gprs, 0xffffffff), 1ULL);
}

struct linear_case {
	u8 mode;
	u8 seg;
	u8 bytes;
	u8 access;
	u16 attr;
	u32 limit;
	u64 base;
	u64 offset;
	u8 ret;
	u64 linear;
};

#define RD	LINEAR_READ
#define WR	LINEAR_WRITE
#define SS	LINEAR_FAULT_SS
#define GP	LINEAR_FAULT_GP

static const struct linear_case linear_cases[] = {
	/* real mode: limits count, types do not */
	{ GUEST_REAL, INSN_DS, 2, WR, 0x93, 0xffff, 0x12340, 0x10, 0, 0x12350 },
	{ GUEST_REAL, INSN_DS, 2, RD, 0x93, 0xffff, 0, 0xfffe, 0, 0xfffe },
	{ GUEST_REAL, INSN_DS, 2, RD, 0x93, 0xffff, 0, 0xffff, GP, 0 },
	{ GUEST_REAL, INSN_SS, 2, RD, 0x93, 0xffff, 0, 0xffff, SS, 0 },
	{ GUEST_REAL, INSN_DS, 1, RD, 0x93, 0xffff, 0, 0x10000, GP, 0 },
	{ GUEST_REAL, INSN_DS, 4, RD, 0x93, 0xffffffff, 0, 0x100000, 0, 0x100000 },
	{ GUEST_REAL, INSN_CS, 1, WR, 0x9b, 0xffff, 0xffff0, 0xffff, 0, 0x10ffef },
	{ GUEST_VM86, INSN_ES, 1, WR, 0xf3, 0xffff, 0x100, 0, 0, 0x100 },
	/* protected mode: types */
	{ GUEST_PROT32, INSN_DS, 4, WR, ATTR_DATA, 0xffff, 0x1000, 4, 0, 0x1004 },
	{ GUEST_PROT32, INSN_DS, 4, WR, ATTR_DATA_RO, 0xffff, 0, 4, GP, 0 },
	{ GUEST_PROT32, INSN_DS, 4, RD, ATTR_DATA_RO, 0xffff, 0, 4, 0, 4 },
	{ GUEST_PROT32, INSN_CS, 4, RD, ATTR_CODE, 0xffff, 0, 4, GP, 0 },
	{ GUEST_PROT32, INSN_CS, 4, RD, ATTR_CODE_READ, 0xffff, 0, 4, 0, 4 },
	{ GUEST_PROT32, INSN_CS, 4, WR, ATTR_CODE_READ, 0xffff, 0, 4, GP, 0 },
	{ GUEST_PROT32, INSN_FS, 4, RD, 0, 0xffff, 0, 4, GP, 0 },
	{ GUEST_PROT16, INSN_SS, 4, WR, 0, 0xffff, 0, 4, SS, 0 },
	/* limits, to the byte */
	{ GUEST_PROT32, INSN_DS, 4, RD, ATTR_DATA, 0xfff, 0, 0xffc, 0, 0xffc },
	{ GUEST_PROT32, INSN_DS, 4, RD, ATTR_DATA, 0xfff, 0, 0xffd, GP, 0 },
	{ GUEST_PROT32, INSN_SS, 1, RD, ATTR_DATA, 0xfff, 0, 0x1000, SS, 0 },
	{ GUEST_COMPAT32, INSN_DS, 4, RD, ATTR_DATA, 0xffffffff, 0, 0xfffffffc, 0,
	  0xfffffffc },
	{ GUEST_COMPAT32, INSN_DS, 4, RD, ATTR_DATA, 0xffffffff, 0, 0xfffffffd, GP, 0 },
	/* an access of no bytes (INVLPG) is checked as one of one byte */
	{ GUEST_PROT32, INSN_DS, 0, RD, ATTR_DATA, 0xfff, 0, 0x1000, GP, 0 },
	/* expand-down: valid above the limit, up to 64K or 4G by B */
	{ GUEST_PROT32, INSN_SS, 4, WR, ATTR_DOWN, 0xfff, 0, 0x1000, 0, 0x1000 },
	{ GUEST_PROT32, INSN_SS, 4, WR, ATTR_DOWN, 0xfff, 0, 0xfff, SS, 0 },
	{ GUEST_PROT32, INSN_DS, 4, WR, ATTR_DOWN, 0xfff, 0, 0xfffc, 0, 0xfffc },
	{ GUEST_PROT32, INSN_DS, 4, WR, ATTR_DOWN, 0xfff, 0, 0xfffd, GP, 0 },
	{ GUEST_PROT32, INSN_DS, 4, WR, ATTR_DOWN | GUEST_SEG_DB, 0xfff, 0,
	  0xfffffffc, 0, 0xfffffffc },
	{ GUEST_PROT32, INSN_DS, 4, WR, ATTR_DOWN | GUEST_SEG_DB, 0xfff, 0,
	  0xfffffffd, GP, 0 },
	/* the same bit means conforming in a code segment */
	{ GUEST_PROT32, INSN_CS, 4, RD, ATTR_CODE_READ | GUEST_SEG_TYPE_DOWN, 0xfff,
	  0, 0, 0, 0 },
	/* the sum wraps at 32 bits */
	{ GUEST_PROT32, INSN_DS, 4, RD, ATTR_DATA, 0xffffffff, 0xfffff000, 0x2000,
	  0, 0x1000 },
	{ GUEST_COMPAT16, INSN_GS, 1, RD, ATTR_DATA, 0xffff, 0xffffffff, 1, 0, 0 },
	/* 64-bit mode: only FS and GS have a base, nothing has a limit or type */
	{ GUEST_LONG64, INSN_DS, 8, WR, 0, 0, 0x5000, 0x1000, 0, 0x1000 },
	{ GUEST_LONG64, INSN_CS, 8, WR, ATTR_CODE, 0, 0x5000, 0x1000, 0, 0x1000 },
	{ GUEST_LONG64, INSN_FS, 8, WR, 0, 0, 0x5000, 0x1000, 0, 0x6000 },
	{ GUEST_LONG64, INSN_GS, 8, WR, 0, 0, 0xffff888000000000, 8, 0,
	  0xffff888000000008 },
	{ GUEST_LONG64, INSN_GS, 8, WR, 0, 0, 0x1000, (u64)-0x800LL, 0, 0x800 },
	/* canonical, first and last byte */
	{ GUEST_LONG64, INSN_DS, 8, RD, 0, 0, 0, 0x7ffffffffff8, 0, 0x7ffffffffff8 },
	{ GUEST_LONG64, INSN_DS, 8, RD, 0, 0, 0, 0x7ffffffffff9, GP, 0 },
	{ GUEST_LONG64, INSN_SS, 1, RD, 0, 0, 0, 0x800000000000, SS, 0 },
	{ GUEST_LONG64, INSN_DS, 1, RD, 0, 0, 0, 0xffff7fffffffffff, GP, 0 },
	{ GUEST_LONG64, INSN_DS, 1, RD, 0, 0, 0, 0xffff800000000000, 0,
	  0xffff800000000000 },
	{ GUEST_LONG64, INSN_DS, 8, RD, 0, 0, 0, 0xffff7ffffffffffc, GP, 0 },
	{ GUEST_LONG64, INSN_GS, 1, RD, 0, 0, 0x7fffffffffff, 1, GP, 0 },
	{ GUEST_LONG64, INSN_NO_SEGMENT, 1, RD, 0, 0, 0, 0, GP, 0 },
};

static void operand_test_linear(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(linear_cases); i++) {
		const struct linear_case *c = &linear_cases[i];
		struct linear_seg seg[INSN_NR_SEGMENTS] = { };
		struct linear_env env = { .mode = c->mode, .la_bits = 48, .seg = seg };
		u64 linear = 0;
		int ret;

		if (c->seg < INSN_NR_SEGMENTS)
			seg[c->seg] = (struct linear_seg){
				.base = c->base, .limit = c->limit,
				.attr = c->attr,
			};
		ret = linear_address(&env, c->seg, c->offset, c->bytes, c->access,
				     &linear);
		KUNIT_EXPECT_EQ_MSG(test, ret, c->ret, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, linear, c->linear, "case %u", i);
	}
}

static void operand_test_la57(struct kunit *test)
{
	const struct linear_seg seg[INSN_NR_SEGMENTS] = { };
	struct linear_env env = { .mode = GUEST_LONG64, .la_bits = 57, .seg = seg };
	u64 linear;

	KUNIT_EXPECT_EQ(test, 0, linear_address(&env, INSN_DS, 0x800000000000, 8,
						LINEAR_READ, &linear));
	KUNIT_EXPECT_EQ(test, linear, 0x800000000000ULL);
	KUNIT_EXPECT_EQ(test, LINEAR_FAULT_GP,
			linear_address(&env, INSN_DS, 0x100000000000000, 8,
				       LINEAR_READ, &linear));
}

static void operand_test_fetch(struct kunit *test)
{
	struct linear_seg seg[INSN_NR_SEGMENTS] = {
		[INSN_CS] = { .base = 0xf0000, .limit = 0xffff, .attr = 0x9b },
	};
	struct linear_env env = { .mode = GUEST_REAL, .la_bits = 48, .seg = seg };
	u64 linear = 0;

	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0xfff0, 15, &linear), 15U);
	KUNIT_EXPECT_EQ(test, linear, 0xffff0ULL);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0xfff1, 15, &linear), 15U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0xfff2, 15, &linear), 14U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x10000, 15, &linear), 0U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x10000fff0, 15, &linear), 0U);

	/* 4 GiB code segment, and a base that wraps */
	env.mode = GUEST_PROT32;
	seg[INSN_CS] = (struct linear_seg){
		.base = 0xfffff000, .limit = ~0U, .attr = ATTR_CODE,
	};
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x2000, 15, &linear), 15U);
	KUNIT_EXPECT_EQ(test, linear, 0x1000ULL);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0xfffffffe, 15, &linear), 2U);

	/* 64-bit: CS has no base; the hole, and the top, end the span */
	env.mode = GUEST_LONG64;
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x1000, 15, &linear), 15U);
	KUNIT_EXPECT_EQ(test, linear, 0x1000ULL);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0, 15, &linear), 15U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x7ffffffffffd, 15, &linear),
			3U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x800000000000, 15, &linear),
			0U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0x800000000001, 15, &linear),
			0U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, 0xffff7fffffffffff, 15,
						&linear), 0U);
	KUNIT_EXPECT_EQ(test, linear_fetch_span(&env, (u64)-4LL, 15, &linear), 4U);
	KUNIT_EXPECT_EQ(test, linear, 0xfffffffffffffffcULL);
}

static struct kunit_case operand_test_cases[] = {
	KUNIT_CASE(mode_test_table),
	KUNIT_CASE(operand_test_registers),
	KUNIT_CASE(operand_test_extend),
	KUNIT_CASE(operand_test_count),
	KUNIT_CASE(operand_test_next_rip),
	KUNIT_CASE(operand_test_offset),
	KUNIT_CASE(operand_test_linear),
	KUNIT_CASE(operand_test_la57),
	KUNIT_CASE(operand_test_fetch),
	{}
};

static struct kunit_suite operand_test_suite = {
	.name = "svmvcpu_operand",
	.test_cases = operand_test_cases,
};

kunit_test_suite(operand_test_suite);
