// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of device accesses by the mov family, from bytes to registers.
 *
 * Owns nothing at run time. Part of the module's one test module; also built in
 * user space.
 */
#include <kunit/test.h>

#include "mmio.c"

#define DF	BIT_ULL(10)
#define IF	BIT_ULL(9)

/* Every register tells its number; RCX, RSI and RDI stand near a wrap. */
static void fill_gprs(u64 *gprs)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		gprs[i] = 0x8070605040302010ULL + 0x0101010101010101ULL * i;
	gprs[INSN_RCX] = 0x7777777700000002ULL;
	gprs[INSN_RSI] = 0x666666660000ffffULL;
	gprs[INSN_RDI] = 0x55555555fffffffeULL;
}

/* What a register holds at first. */
static u64 was(unsigned int reg)
{
	u64 gprs[16];

	fill_gprs(gprs);
	return gprs[reg];
}

struct code {
	u8 len;
	char bytes[INSN_MAX_LEN + 1];
};

static int decode_one(struct ginsn *insn, enum guest_mode mode,
		      const struct code *code)
{
	int err = ginsn_decode(insn, (const u8 *)code->bytes, code->len, mode);

	return err || insn->len != code->len ? -1 : 0;
}

/* @width doubles as the error when it is negative. */
struct write_case {
	u8 mode;
	struct code code;
	s8 width;
	u64 value;
};

#define B(literal)	{ sizeof(literal) - 1, literal }

static const struct write_case write_cases[] = {
	/* mov [rbx], r: every width, REX, high bytes */
	{ GUEST_LONG64, B("\x88\x03"), 1, 0x10 },
	{ GUEST_LONG64, B("\x88\x23"), 1, 0x20 },			/* ah */
	{ GUEST_LONG64, B("\x88\x3b"), 1, 0x23 },			/* bh */
	{ GUEST_LONG64, B("\x40\x88\x23"), 1, 0x14 },			/* spl */
	{ GUEST_LONG64, B("\x44\x88\x23"), 1, 0x1c },			/* r12b */
	{ GUEST_LONG64, B("\x66\x89\x13"), 2, 0x2212 },
	{ GUEST_LONG64, B("\x89\x13"), 4, 0x42322212 },
	{ GUEST_LONG64, B("\x48\x89\x13"), 8, 0x8272625242322212ULL },
	{ GUEST_LONG64, B("\x4c\x89\x3b"), 8, 0x8f7f6f5f4f3f2f1fULL },
	{ GUEST_LONG64, B("\x66\x48\x89\x13"), 8, 0x8272625242322212ULL },
	/* prefixes that change nothing here */
	{ GUEST_LONG64, B("\x65\x89\x13"), 4, 0x42322212 },
	{ GUEST_LONG64, B("\xf3\x89\x13"), 4, 0x42322212 },
	{ GUEST_LONG64, B("\x67\x89\x13"), 4, 0x42322212 },
	/* 16 and 32-bit code */
	{ GUEST_REAL, B("\x89\x17"), 2, 0x2212 },
	{ GUEST_REAL, B("\x66\x89\x17"), 4, 0x42322212 },
	{ GUEST_VM86, B("\x88\x37"), 1, 0x22 },				/* dh */
	{ GUEST_PROT16, B("\x67\x89\x13"), 2, 0x2212 },
	{ GUEST_PROT32, B("\x89\x13"), 4, 0x42322212 },
	{ GUEST_COMPAT32, B("\x66\x89\x13"), 2, 0x2212 },
	/* immediates, the eight-byte one sign-extended */
	{ GUEST_LONG64, B("\xc6\x03\x9a"), 1, 0x9a },
	{ GUEST_LONG64, B("\x66\xc7\x03\x34\x92"), 2, 0x9234 },
	{ GUEST_LONG64, B("\xc7\x03\x78\x56\x34\x92"), 4, 0x92345678 },
	{ GUEST_LONG64, B("\x48\xc7\x03\x78\x56\x34\x92"), 8,
	  0xffffffff92345678ULL },
	{ GUEST_LONG64, B("\xc7\x05\x01\x02\x03\x04\x78\x56\x34\x12"), 4,
	  0x12345678 },						/* rip-relative */
	{ GUEST_REAL, B("\xc7\x07\x34\x92"), 2, 0x9234 },
	/* moffs */
	{ GUEST_LONG64, B("\xa2\x08\x07\x06\x05\x04\x03\x02\x01"), 1, 0x10 },
	{ GUEST_LONG64, B("\x48\xa3\x08\x07\x06\x05\x04\x03\x02\x01"), 8,
	  0x8070605040302010ULL },
	{ GUEST_LONG64, B("\x67\xa3\x08\x07\x06\x05"), 4, 0x40302010 },
	{ GUEST_REAL, B("\xa3\x08\x07"), 2, 0x2010 },
	{ GUEST_PROT32, B("\x66\xa3\x08\x07\x06\x05"), 2, 0x2010 },
	/* stos: the accumulator, once */
	{ GUEST_LONG64, B("\xaa"), 1, 0x10 },
	{ GUEST_LONG64, B("\x66\xf3\xab"), 2, 0x2010 },
	{ GUEST_LONG64, B("\xf2\xab"), 4, 0x40302010 },
	{ GUEST_LONG64, B("\xf3\x48\xab"), 8, 0x8070605040302010ULL },
	/* movs: the caller reads the source */
	{ GUEST_LONG64, B("\xa4"), 1, 0 },
	{ GUEST_LONG64, B("\xf3\x48\xa5"), 8, 0 },
	/* loads do not write, and registers are not memory */
	{ GUEST_LONG64, B("\x8b\x13"), MMIO_STALE, 0 },
	{ GUEST_LONG64, B("\x0f\xb6\x13"), MMIO_STALE, 0 },
	{ GUEST_LONG64, B("\xa0\x08\x07\x06\x05\x04\x03\x02\x01"), MMIO_STALE, 0 },
	{ GUEST_LONG64, B("\x89\xc3"), MMIO_STALE, 0 },
	{ GUEST_LONG64, B("\xc7\xc3\x01\x02\x03\x04"), MMIO_STALE, 0 },
	/* not ours */
	{ GUEST_LONG64, B("\x6c"), MMIO_UNSUPPORTED, 0 },
	{ GUEST_LONG64, B("\x6f"), MMIO_UNSUPPORTED, 0 },
	{ GUEST_LONG64, B("\x0f\xa2"), MMIO_UNSUPPORTED, 0 },
	{ GUEST_LONG64, B("\x0f\x01\x3b"), MMIO_UNSUPPORTED, 0 },
	{ GUEST_LONG64, B("\x9c"), MMIO_UNSUPPORTED, 0 },
};

static void mmio_test_writes(struct kunit *test)
{
	u64 gprs[16];
	unsigned int i;

	fill_gprs(gprs);
	for (i = 0; i < ARRAY_SIZE(write_cases); i++) {
		const struct write_case *c = &write_cases[i];
		struct mmio_op op;
		struct ginsn insn;
		int ret;

		ret = decode_one(&insn, c->mode, &c->code);
		KUNIT_EXPECT_EQ_MSG(test, ret, 0, "case %u does not decode", i);
		ret = mmio_decode(&op, &insn, gprs, true);
		KUNIT_EXPECT_EQ_MSG(test, ret ? ret : op.width, (int)c->width,
				    "case %u", i);
		if (ret)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, op.value, c->value, "case %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, op.write, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, op.copy, insn.class == INSN_MOVS,
				    "case %u", i);
	}
}

struct read_case {
	u8 mode;
	struct code code;
	s8 width;
	u8 reg;
	u64 result;
};

/* The device always answers with this; only the width's bytes count. */
#define DATA	0xf1e2d3c4b5a69788ULL

static const struct read_case read_cases[] = {
	/* mov r, [rbx]: what each width leaves of the register */
	{ GUEST_LONG64, B("\x8a\x13"), 1, 2, 0x8272625242322288ULL },
	{ GUEST_LONG64, B("\x8a\x33"), 1, 2, 0x8272625242328812ULL },	/* dh */
	{ GUEST_LONG64, B("\x8a\x23"), 1, 0, 0x8070605040308810ULL },	/* ah */
	{ GUEST_LONG64, B("\x40\x8a\x23"), 1, 4, 0x8474645444342488ULL }, /* spl */
	{ GUEST_LONG64, B("\x66\x8b\x13"), 2, 2, 0x8272625242329788ULL },
	{ GUEST_LONG64, B("\x8b\x13"), 4, 2, 0xb5a69788 },
	{ GUEST_LONG64, B("\x48\x8b\x13"), 8, 2, DATA },
	{ GUEST_LONG64, B("\x4c\x8b\x3b"), 8, 15, DATA },
	{ GUEST_LONG64, B("\x44\x8b\x3b"), 4, 15, 0xb5a69788 },
	{ GUEST_LONG64, B("\x64\x67\x8b\x13"), 4, 2, 0xb5a69788 },
	{ GUEST_REAL, B("\x8b\x17"), 2, 2, 0x8272625242329788ULL },
	{ GUEST_REAL, B("\x66\x8b\x17"), 4, 2, 0xb5a69788 },
	{ GUEST_PROT32, B("\x8a\x3b"), 1, 3, 0x8373635343338813ULL },	/* bh */
	/* movzx */
	{ GUEST_LONG64, B("\x66\x0f\xb6\x13"), 1, 2, 0x8272625242320088ULL },
	{ GUEST_LONG64, B("\x0f\xb6\x13"), 1, 2, 0x88 },
	{ GUEST_LONG64, B("\x48\x0f\xb6\x13"), 1, 2, 0x88 },
	{ GUEST_LONG64, B("\x0f\xb6\x23"), 1, 4, 0x88 },	/* esp, not ah */
	{ GUEST_LONG64, B("\x66\x0f\xb7\x13"), 2, 2, 0x8272625242329788ULL },
	{ GUEST_LONG64, B("\x0f\xb7\x13"), 2, 2, 0x9788 },
	{ GUEST_LONG64, B("\x48\x0f\xb7\x13"), 2, 2, 0x9788 },
	{ GUEST_REAL, B("\x0f\xb6\x17"), 1, 2, 0x8272625242320088ULL },
	/* movsx, movsxd */
	{ GUEST_LONG64, B("\x66\x0f\xbe\x13"), 1, 2, 0x827262524232ff88ULL },
	{ GUEST_LONG64, B("\x0f\xbe\x13"), 1, 2, 0xffffff88 },
	{ GUEST_LONG64, B("\x48\x0f\xbe\x13"), 1, 2, 0xffffffffffffff88ULL },
	{ GUEST_LONG64, B("\x0f\xbf\x13"), 2, 2, 0xffff9788 },
	{ GUEST_LONG64, B("\x48\x0f\xbf\x13"), 2, 2, 0xffffffffffff9788ULL },
	{ GUEST_LONG64, B("\x48\x63\x13"), 4, 2, 0xffffffffb5a69788ULL },
	{ GUEST_LONG64, B("\x63\x13"), 4, 2, 0xb5a69788 },
	{ GUEST_PROT32, B("\x0f\xbe\x13"), 1, 2, 0xffffff88 },
	/* moffs */
	{ GUEST_LONG64, B("\xa0\x08\x07\x06\x05\x04\x03\x02\x01"), 1, 0,
	  0x8070605040302088ULL },
	{ GUEST_LONG64, B("\xa1\x08\x07\x06\x05\x04\x03\x02\x01"), 4, 0,
	  0xb5a69788 },
	{ GUEST_LONG64, B("\x48\xa1\x08\x07\x06\x05\x04\x03\x02\x01"), 8, 0, DATA },
	{ GUEST_REAL, B("\xa1\x08\x07"), 2, 0, 0x8070605040309788ULL },
	/* stores do not read */
	{ GUEST_LONG64, B("\x89\x13"), MMIO_STALE, 0, 0 },
	{ GUEST_LONG64, B("\xc6\x03\x01"), MMIO_STALE, 0, 0 },
	{ GUEST_LONG64, B("\xab"), MMIO_STALE, 0, 0 },
	{ GUEST_LONG64, B("\x8b\xc3"), MMIO_STALE, 0, 0 },
	{ GUEST_LONG64, B("\x0f\xb6\xc3"), MMIO_STALE, 0, 0 },
	{ GUEST_LONG64, B("\xe4\x80"), MMIO_UNSUPPORTED, 0, 0 },
	{ GUEST_LONG64, B("\x0f\x01\x33"), MMIO_UNSUPPORTED, 0, 0 },	/* lmsw */
};

/* The named register has @value, and all the others what they had. */
static void expect_gprs(struct kunit *test, unsigned int i, const u64 *gprs,
			unsigned int reg, u64 value)
{
	unsigned int n;

	for (n = 0; n < 16; n++)
		KUNIT_EXPECT_EQ_MSG(test, gprs[n], n == reg ? value : was(n),
				    "case %u, register %u: %#llx", i, n,
				    (unsigned long long)gprs[n]);
}

static void mmio_test_reads(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(read_cases); i++) {
		const struct read_case *c = &read_cases[i];
		struct mmio_op op;
		struct ginsn insn;
		u64 gprs[16];
		bool done;
		int ret;

		fill_gprs(gprs);
		ret = decode_one(&insn, c->mode, &c->code);
		KUNIT_EXPECT_EQ_MSG(test, ret, 0, "case %u does not decode", i);
		ret = mmio_decode(&op, &insn, gprs, false);
		KUNIT_EXPECT_EQ_MSG(test, ret ? ret : op.width, (int)c->width,
				    "case %u", i);
		if (ret)
			continue;
		KUNIT_EXPECT_FALSE_MSG(test, op.write, "case %u", i);
		done = mmio_complete(&op, &insn, gprs, DF, DATA);
		KUNIT_EXPECT_TRUE_MSG(test, done, "case %u", i);
		expect_gprs(test, i, gprs, c->reg, c->result);
	}
}

/* A store changes no register, whatever "data" is. */
static void mmio_test_store_completes(struct kunit *test)
{
	struct mmio_op op;
	struct ginsn insn;
	u64 gprs[16];
	int ret;

	fill_gprs(gprs);
	ret = decode_one(&insn, GUEST_LONG64, &(struct code)B("\x48\x89\x13"));
	KUNIT_EXPECT_EQ(test, ret, 0);
	ret = mmio_decode(&op, &insn, gprs, true);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, mmio_complete(&op, &insn, gprs, 0, DATA));
	expect_gprs(test, 0, gprs, 0, was(0));
}

struct string_case {
	u8 mode;
	struct code code;
	u64 rflags;
	bool done;
	u64 rcx;
	u64 rsi;
	u64 rdi;
};

#define RCX0	0x7777777700000002ULL
#define RSI0	0x666666660000ffffULL
#define RDI0	0x55555555fffffffeULL

static const struct string_case string_cases[] = {
	/* one element; no count, and both directions */
	{ GUEST_LONG64, B("\xaa"), IF, true, RCX0, RSI0, RDI0 + 1 },
	{ GUEST_LONG64, B("\xaa"), DF, true, RCX0, RSI0, RDI0 - 1 },
	{ GUEST_LONG64, B("\x48\xab"), 0, true, RCX0, RSI0, RDI0 + 8 },
	{ GUEST_LONG64, B("\x66\xa5"), DF | IF, true, RCX0, RSI0 - 2, RDI0 - 2 },
	{ GUEST_LONG64, B("\x48\xa5"), 0, true, RCX0, RSI0 + 8, RDI0 + 8 },
	/* repeated: either prefix counts */
	{ GUEST_LONG64, B("\xf3\xab"), 0, false, RCX0 - 1, RSI0, RDI0 + 4 },
	{ GUEST_LONG64, B("\xf2\xa4"), 0, false, RCX0 - 1, RSI0 + 1, RDI0 + 1 },
	{ GUEST_LONG64, B("\xf3\x48\xa5"), DF, false, RCX0 - 1, RSI0 - 8, RDI0 - 8 },
	/* 32-bit addresses clear the upper halves in 64-bit code */
	{ GUEST_LONG64, B("\x67\xf3\xab"), 0, false, 1, RSI0, 2 },
	{ GUEST_LONG64, B("\x67\xa5"), 0, true, RCX0, 0x10003, 2 },
	{ GUEST_PROT32, B("\xf3\xa5"), 0, false, 1, 0x10003, 2 },
	/* 16-bit addresses wrap and keep the rest */
	{ GUEST_REAL, B("\xf3\xa5"), 0, false, RCX0 - 1, 0x6666666600000001ULL,
	  0x55555555ffff0000ULL },
	{ GUEST_REAL, B("\xab"), DF, true, RCX0, RSI0, RDI0 - 2 },
	{ GUEST_PROT32, B("\x67\xa4"), 0, true, RCX0, 0x6666666600000000ULL,
	  0x55555555ffffffffULL },
};

static void expect_string(struct kunit *test, unsigned int i, bool write)
{
	const struct string_case *c = &string_cases[i];
	struct mmio_op op;
	struct ginsn insn;
	u64 gprs[16];
	int ret;

	fill_gprs(gprs);
	ret = decode_one(&insn, c->mode, &c->code);
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "case %u does not decode", i);
	ret = mmio_decode(&op, &insn, gprs, write);
	KUNIT_EXPECT_EQ_MSG(test, ret, 0, "case %u", i);
	KUNIT_EXPECT_EQ_MSG(test, mmio_complete(&op, &insn, gprs, c->rflags, DATA),
			    c->done, "case %u", i);
	KUNIT_EXPECT_EQ_MSG(test, gprs[INSN_RCX], c->rcx, "case %u: rcx %#llx", i,
			    (unsigned long long)gprs[INSN_RCX]);
	KUNIT_EXPECT_EQ_MSG(test, gprs[INSN_RSI], c->rsi, "case %u: rsi %#llx", i,
			    (unsigned long long)gprs[INSN_RSI]);
	KUNIT_EXPECT_EQ_MSG(test, gprs[INSN_RDI], c->rdi, "case %u: rdi %#llx", i,
			    (unsigned long long)gprs[INSN_RDI]);
	/* nothing goes through the accumulator on its way in */
	KUNIT_EXPECT_EQ_MSG(test, gprs[INSN_RAX], was(INSN_RAX), "case %u", i);
}

static void mmio_test_strings(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(string_cases); i++) {
		expect_string(test, i, true);
		if (string_cases[i].rsi != RSI0)	/* movs: the source, too */
			expect_string(test, i, false);
	}
}

/* The last element finishes the instruction; with none left there is no access. */
static void mmio_test_rep_end(struct kunit *test)
{
	struct mmio_op op;
	struct ginsn insn;
	u64 gprs[16];
	int ret;

	fill_gprs(gprs);
	ret = decode_one(&insn, GUEST_PROT32, &(struct code)B("\xf3\xab"));
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, mmio_decode(&op, &insn, gprs, true), 0);
	KUNIT_EXPECT_FALSE(test, mmio_complete(&op, &insn, gprs, 0, 0));
	KUNIT_EXPECT_TRUE(test, mmio_complete(&op, &insn, gprs, 0, 0));
	KUNIT_EXPECT_EQ(test, gprs[INSN_RCX], 0ULL);
	KUNIT_EXPECT_EQ(test, gprs[INSN_RDI], 6ULL);
	KUNIT_EXPECT_EQ(test, mmio_decode(&op, &insn, gprs, true), (int)MMIO_STALE);
	/* the count is CX in 16-bit code: the rest of rCX does not matter */
	gprs[INSN_RCX] = 0x10000;
	ret = decode_one(&insn, GUEST_REAL, &(struct code)B("\xf3\xab"));
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, mmio_decode(&op, &insn, gprs, true), (int)MMIO_STALE);
}

/* Which operand of MOVS is the device, and where the segment override goes. */
static void mmio_test_operands(struct kunit *test)
{
	struct mmio_op op;
	struct ginsn insn;
	u64 gprs[16];
	int ret;

	fill_gprs(gprs);
	ret = decode_one(&insn, GUEST_PROT32, &(struct code)B("\x64\xa5"));
	KUNIT_EXPECT_EQ(test, ret, 0);
	ret = mmio_decode(&op, &insn, gprs, true);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, (int)mmio_device(&op, &insn)->seg, (int)INSN_ES);
	KUNIT_EXPECT_EQ(test, (int)mmio_other(&op, &insn)->seg, (int)INSN_FS);
	KUNIT_EXPECT_EQ(test, (int)mmio_other(&op, &insn)->base, (int)INSN_RSI);
	ret = mmio_decode(&op, &insn, gprs, false);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, (int)mmio_device(&op, &insn)->seg, (int)INSN_FS);
	KUNIT_EXPECT_EQ(test, (int)mmio_other(&op, &insn)->seg, (int)INSN_ES);
	KUNIT_EXPECT_EQ(test, (int)mmio_other(&op, &insn)->base, (int)INSN_RDI);

	ret = decode_one(&insn, GUEST_PROT32, &(struct code)B("\xab"));
	KUNIT_EXPECT_EQ(test, ret, 0);
	ret = mmio_decode(&op, &insn, gprs, true);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, !mmio_other(&op, &insn));
	KUNIT_EXPECT_EQ(test, (int)mmio_device(&op, &insn)->seg, (int)INSN_ES);
	KUNIT_EXPECT_EQ(test, (int)mmio_device(&op, &insn)->base, (int)INSN_RDI);
}

/* No class but the five is ever taken, however its operands look. */
static void mmio_test_classes(struct kunit *test)
{
	u64 gprs[16];
	unsigned int class, accepted = 0;

	fill_gprs(gprs);
	for (class = 0; class < INSN_NR_CLASSES; class++) {
		struct ginsn insn = {
			.class = class, .flags = INSN_F_MEM | INSN_F_WRITE,
			.op_bytes = 4, .rm_bytes = 4, .addr_bytes = 8,
		};
		struct mmio_op op;
		int ret = mmio_decode(&op, &insn, gprs, true);

		accepted += !ret;
		if (ret)
			KUNIT_EXPECT_EQ_MSG(test, ret, (int)MMIO_UNSUPPORTED,
					    "class %u", class);
	}
	KUNIT_EXPECT_EQ(test, accepted, 5U);
}

static struct kunit_case mmio_test_cases[] = {
	KUNIT_CASE(mmio_test_writes),
	KUNIT_CASE(mmio_test_reads),
	KUNIT_CASE(mmio_test_store_completes),
	KUNIT_CASE(mmio_test_strings),
	KUNIT_CASE(mmio_test_rep_end),
	KUNIT_CASE(mmio_test_operands),
	KUNIT_CASE(mmio_test_classes),
	{}
};

static struct kunit_suite mmio_test_suite = {
	.name = "svmvcpu_mmio",
	.test_cases = mmio_test_cases,
};

kunit_test_suite(mmio_test_suite);
