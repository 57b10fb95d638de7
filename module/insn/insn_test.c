// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the instruction decoder.
 *
 * Owns nothing at run time. Part of the module's one test module; also built in
 * user space, where the cross-check with Zydis covers what tables cannot.
 */
#include <kunit/test.h>

#include "insn.c"

#define ANY_MODE	0x7f
#define NOT_64		0x3f
#define ONLY_64		0x40

struct class_case {
	const char *code;
	u8 len;
	u8 class;
	u8 modes;
};

static const struct class_case class_cases[] = {
	{ "\x0f\xa2", 2, INSN_CPUID, ANY_MODE },
	{ "\x0f\x32", 2, INSN_RDMSR, ANY_MODE },
	{ "\x0f\x30", 2, INSN_WRMSR, ANY_MODE },
	{ "\xf4", 1, INSN_HLT, ANY_MODE },
	{ "\xf3\x90", 2, INSN_PAUSE, ANY_MODE },
	{ "\x0f\xaa", 2, INSN_RSM, ANY_MODE },
	{ "\x0f\x31", 2, INSN_RDTSC, ANY_MODE },
	{ "\x0f\x01\xf9", 3, INSN_RDTSCP, ANY_MODE },
	{ "\x0f\x33", 2, INSN_RDPMC, ANY_MODE },
	{ "\x0f\x01\xfd", 3, INSN_RDPRU, ANY_MODE },
	{ "\x0f\x01\xd1", 3, INSN_XSETBV, ANY_MODE },
	{ "\x0f\x01\xd8", 3, INSN_VMRUN, ANY_MODE },
	{ "\x0f\x01\xd9", 3, INSN_VMMCALL, ANY_MODE },
	{ "\xf3\x0f\x01\xd9", 4, INSN_VMMCALL, ANY_MODE },
	{ "\x0f\x01\xda", 3, INSN_VMLOAD, ANY_MODE },
	{ "\x0f\x01\xdb", 3, INSN_VMSAVE, ANY_MODE },
	{ "\x0f\x01\xdc", 3, INSN_STGI, ANY_MODE },
	{ "\x0f\x01\xdd", 3, INSN_CLGI, ANY_MODE },
	{ "\x0f\x01\xde", 3, INSN_SKINIT, ANY_MODE },
	{ "\x0f\x01\xdf", 3, INSN_INVLPGA, ANY_MODE },
	{ "\x0f\x08", 2, INSN_INVD, ANY_MODE },
	{ "\x0f\x09", 2, INSN_WBINVD, ANY_MODE },
	{ "\xf2\x0f\x09", 3, INSN_WBINVD, ANY_MODE },
	{ "\xf3\x0f\x09", 3, INSN_WBNOINVD, ANY_MODE },
	{ "\xf2\xf3\x0f\x09", 4, INSN_WBNOINVD, ANY_MODE },
	{ "\xf3\xf2\x0f\x09", 4, INSN_WBINVD, ANY_MODE },
	{ "\x0f\x01\x38", 3, INSN_INVLPG, ANY_MODE },
	{ "\x66\x0f\x38\x82\x00", 5, INSN_INVPCID, ANY_MODE },
	{ "\x0f\x01\xc8", 3, INSN_MONITOR, ANY_MODE },
	{ "\x0f\x01\xc9", 3, INSN_MWAIT, ANY_MODE },
	{ "\x0f\x01\xfa", 3, INSN_MONITORX, ANY_MODE },
	{ "\x0f\x01\xfb", 3, INSN_MWAITX, ANY_MODE },
	{ "\x0f\x20\xc0", 3, INSN_MOV_FROM_CR, ANY_MODE },
	{ "\x0f\x22\xd8", 3, INSN_MOV_TO_CR, ANY_MODE },
	{ "\x0f\x21\xf8", 3, INSN_MOV_FROM_DR, ANY_MODE },
	{ "\x0f\x23\xf8", 3, INSN_MOV_TO_DR, ANY_MODE },
	{ "\x0f\x06", 2, INSN_CLTS, ANY_MODE },
	{ "\x0f\x01\xf0", 3, INSN_LMSW, ANY_MODE },
	{ "\x0f\x01\xe0", 3, INSN_SMSW, ANY_MODE },
	{ "\xe4\x60", 2, INSN_IN, ANY_MODE },
	{ "\xed", 1, INSN_IN, ANY_MODE },
	{ "\xe7\x60", 2, INSN_OUT, ANY_MODE },
	{ "\xee", 1, INSN_OUT, ANY_MODE },
	{ "\x6c", 1, INSN_INS, ANY_MODE },
	{ "\xf3\x6d", 2, INSN_INS, ANY_MODE },
	{ "\x6e", 1, INSN_OUTS, ANY_MODE },
	{ "\xf3\x6f", 2, INSN_OUTS, ANY_MODE },
	{ "\xf1", 1, INSN_INT1, ANY_MODE },
	{ "\xcc", 1, INSN_INT3, ANY_MODE },
	{ "\xce", 1, INSN_INTO, NOT_64 },
	{ "\xcd\x80", 2, INSN_INT, ANY_MODE },
	{ "\xcf", 1, INSN_IRET, ANY_MODE },
	{ "\x9c", 1, INSN_PUSHF, ANY_MODE },
	{ "\x9d", 1, INSN_POPF, ANY_MODE },
	{ "\x88\xc1", 2, INSN_MOV, ANY_MODE },
	{ "\x8b\x07", 2, INSN_MOV, ANY_MODE },
	{ "\xc6\x07\x55", 3, INSN_MOV, ANY_MODE },
	{ "\x0f\xb6\x07", 3, INSN_MOVZX, ANY_MODE },
	{ "\x0f\xbf\x07", 3, INSN_MOVSX, ANY_MODE },
	{ "\x63\x07", 2, INSN_MOVSX, ONLY_64 },
	{ "\xa4", 1, INSN_MOVS, ANY_MODE },
	{ "\xab", 1, INSN_STOS, ANY_MODE },
};

static int decode(struct ginsn *insn, enum guest_mode mode, const char *code,
		  unsigned int nr)
{
	return ginsn_decode(insn, (const u8 *)code, nr, mode);
}

static void insn_test_classes(struct kunit *test)
{
	unsigned int i, mode;
	struct ginsn insn;

	for (i = 0; i < ARRAY_SIZE(class_cases); i++) {
		const struct class_case *c = &class_cases[i];

		for (mode = 0; mode <= GUEST_LONG64; mode++) {
			int ret = decode(&insn, mode, c->code, c->len);

			if (!(c->modes & (1 << mode))) {
				KUNIT_EXPECT_NE_MSG(test, ret, 0, "case %u", i);
				continue;
			}
			KUNIT_EXPECT_EQ_MSG(test, ret, 0, "case %u mode %u", i, mode);
			KUNIT_EXPECT_EQ_MSG(test, insn.class, c->class, "case %u", i);
			KUNIT_EXPECT_EQ_MSG(test, insn.len, c->len, "case %u", i);
		}
	}
}

/* Every class is in the table above, so none can lose its opcode unseen. */
static void insn_test_every_class(struct kunit *test)
{
	bool seen[INSN_NR_CLASSES] = { true };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(class_cases); i++)
		seen[class_cases[i].class] = true;
	for (i = 0; i < INSN_NR_CLASSES; i++)
		KUNIT_EXPECT_TRUE_MSG(test, seen[i], "class %u", i);
}

/* Where ginsn_bare_len() finds an instruction, ginsn_decode() finds the same one. */
static void insn_test_bare(struct kunit *test)
{
	static const u8 prefixed[] = { 0x66, 0x0f, 0xa2, 0x90 };
	unsigned int i, class, mode, found = 0;
	struct ginsn insn;

	for (i = 0; i < 3 * 256 * INSN_NR_CLASSES; i++) {
		const unsigned int byte = i % 256;
		const u8 codes[3][3] = { { byte }, { 0x0f, byte }, { 0x0f, 0x01, byte } };
		const u8 *code = codes[i / 256 % 3];
		unsigned int len;

		class = i / 256 / 3;
		len = class ? ginsn_bare_len(code, BIT_ULL(class)) : 0;
		if (!len)
			continue;
		found++;
		for (mode = 0; mode <= GUEST_LONG64; mode++) {
			KUNIT_EXPECT_EQ_MSG(test, 0, ginsn_decode(&insn, code, 3, mode),
					    "%x mode %u", byte, mode);
			KUNIT_EXPECT_EQ_MSG(test, class, insn.class, "%x", byte);
			KUNIT_EXPECT_EQ_MSG(test, len, insn.len, "%x", byte);
		}
	}
	KUNIT_EXPECT_EQ(test, found, 4U + 8 + 1);
	KUNIT_EXPECT_EQ(test, 0U, ginsn_bare_len(prefixed, BIT_ULL(INSN_CPUID)));
	KUNIT_EXPECT_EQ(test, 0U, ginsn_bare_len(prefixed + 1, BIT_ULL(INSN_HLT)));
}

/* Whatever may be cut off makes the decoder ask for more, not guess. */
static void insn_test_truncation(struct kunit *test)
{
	unsigned int i, nr;
	struct ginsn insn;

	for (i = 0; i < ARRAY_SIZE(class_cases); i++) {
		const struct class_case *c = &class_cases[i];
		unsigned int mode = c->modes & NOT_64 ? GUEST_PROT32 : GUEST_LONG64;

		for (nr = 0; nr < c->len; nr++)
			KUNIT_EXPECT_EQ_MSG(test, decode(&insn, mode, c->code, nr),
					    (int)INSN_TRUNCATED,
					    "case %u cut at %u", i, nr);
	}
	/* every byte of prefix, REX, opcode, ModRM, SIB, disp32, imm32 */
	for (nr = 0; nr < 13; nr++)
		KUNIT_EXPECT_EQ(test, (int)INSN_TRUNCATED,
				decode(&insn, GUEST_LONG64,
				       "\x65\x48\xc7\x84\x88\1\2\3\4\5\6\7\10", nr));
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_LONG64,
					"\x65\x48\xc7\x84\x88\1\2\3\4\5\6\7\10", 13));
	KUNIT_EXPECT_EQ(test, insn.len, 13);
}

static void insn_test_length_limit(struct kunit *test)
{
	static const u8 limit[3] = { 12, 13, 14 };
	u8 code[20];
	struct ginsn insn;
	unsigned int i;

	memset(code, 0x2e, sizeof(code));
	for (i = 0; i < 3; i++) {	/* CPUID of 14, 15 and 16 bytes */
		code[limit[i]] = 0x0f;
		code[limit[i] + 1] = 0xa2;
		KUNIT_EXPECT_EQ(test, ginsn_decode(&insn, code, 20, GUEST_PROT32),
				i < 2 ? 0 : (int)INSN_TOO_LONG);
		code[limit[i]] = 0x2e;
		code[limit[i] + 1] = 0x2e;
	}
	/* nothing but prefixes: 14 bytes may go on, 15 may not */
	KUNIT_EXPECT_EQ(test, ginsn_decode(&insn, code, 14, GUEST_PROT32),
			(int)INSN_TRUNCATED);
	KUNIT_EXPECT_EQ(test, ginsn_decode(&insn, code, 15, GUEST_PROT32),
			(int)INSN_TOO_LONG);
	/* an operand that cannot fit is too long before its bytes are there */
	code[11] = 0xa1;
	KUNIT_EXPECT_EQ(test, ginsn_decode(&insn, code, 12, GUEST_PROT32),
			(int)INSN_TOO_LONG);
	code[10] = 0xa1;
	KUNIT_EXPECT_EQ(test, ginsn_decode(&insn, code, 15, GUEST_PROT32), 0);
	KUNIT_EXPECT_EQ(test, insn.len, 15);
}

struct refusal_case {
	const char *code;
	u8 nr;
	u8 mode;
	s8 ret;
};

static const struct refusal_case refusal_cases[] = {
	/* LOCK */
	{ "\xf0\x0f\xa2", 3, GUEST_PROT32, INSN_INVALID },
	{ "\xf0\xf4", 2, GUEST_REAL, INSN_INVALID },
	{ "\xf0\x89\x07", 3, GUEST_LONG64, INSN_INVALID },
	{ "\xf0\x66\xec", 3, GUEST_PROT16, INSN_INVALID },
	{ "\xf0\x0f\x22\xd8", 4, GUEST_PROT32, INSN_INVALID },
	{ "\xf0\x44\x0f\x22\xc0", 5, GUEST_LONG64, INSN_INVALID },
	{ "\xf0\x0f\x21\xc0", 4, GUEST_PROT32, INSN_INVALID },
	/* control and debug registers that do not exist */
	{ "\x0f\x20\xc8", 3, GUEST_PROT32, INSN_INVALID },
	{ "\x0f\x22\xe8", 3, GUEST_PROT32, INSN_INVALID },
	{ "\x44\x0f\x22\xd8", 4, GUEST_LONG64, INSN_INVALID },
	{ "\x44\x0f\x23\xc0", 4, GUEST_LONG64, INSN_INVALID },
	/* forms that do not exist */
	{ "\xce", 1, GUEST_LONG64, INSN_INVALID },
	{ "\xc6\xc8\x00", 3, GUEST_PROT32, INSN_INVALID },
	{ "\xc7\x38\x00\x00\x00\x00", 6, GUEST_PROT32, INSN_INVALID },
	{ "\x66\x0f\x38\x82\xc0", 5, GUEST_LONG64, INSN_INVALID },
	/* somebody else's opcodes */
	{ "\x90", 1, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x63\x07", 2, GUEST_PROT32, INSN_UNKNOWN },
	{ "\xc6\xf8\x00", 3, GUEST_LONG64, INSN_UNKNOWN },
	{ "\xc7\xf8\x00\x00\x00\x00", 6, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x0f\x38\x82\x00", 4, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x66\xf3\x0f\x38\x82\x00", 6, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x66\x0f\x38\x81\x00", 5, GUEST_LONG64, INSN_UNKNOWN },
	{ "\xf3\x0f\x01\xfa", 4, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x66\x0f\x01\xd1", 4, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x0f\x01\x10", 3, GUEST_PROT32, INSN_UNKNOWN },
	{ "\x0f\x01\xf8", 3, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x0f\x0b", 2, GUEST_PROT32, INSN_UNKNOWN },
	{ "\x87\x07", 2, GUEST_PROT32, INSN_UNKNOWN },
	{ "\x09\x07", 2, GUEST_PROT32, INSN_UNKNOWN },
	/* VEX, EVEX and XOP */
	{ "\xc5\xf8\x77", 3, GUEST_LONG64, INSN_UNKNOWN },
	{ "\xc4\xe2\x78\xf2\xc0", 5, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x62\xf1\x7c\x48\x10\x00", 6, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x8f\xe9\x78\x12\xc0", 5, GUEST_LONG64, INSN_UNKNOWN },
	{ "\x40", 1, GUEST_PROT32, INSN_UNKNOWN },
};

static void insn_test_refusals(struct kunit *test)
{
	struct ginsn insn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refusal_cases); i++) {
		const struct refusal_case *c = &refusal_cases[i];

		KUNIT_EXPECT_EQ_MSG(test, decode(&insn, c->mode, c->code, c->nr),
				    c->ret, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.class, INSN_NONE, "case %u", i);
	}
	/* of an unknown instruction prefixes and opcode are still told */
	decode(&insn, GUEST_LONG64, "\x65\x66\xf3\x48\x0f\xbd\xc0", 7);
	KUNIT_EXPECT_EQ(test, insn.opcode, 0xbd);
	KUNIT_EXPECT_EQ(test, insn.map, 1);
	KUNIT_EXPECT_EQ(test, insn.rex, 0x48);
	KUNIT_EXPECT_EQ(test, insn.prefixes, INSN_P_OPSIZE | INSN_P_REP);
	KUNIT_EXPECT_EQ(test, insn.seg_override, INSN_GS);
}

struct width_case {
	const char *code;
	u8 nr;
	u8 mode;
	u8 op;
	u8 rm;
	u8 addr;
};

static const struct width_case width_cases[] = {
	{ "\x8b\x07", 2, GUEST_REAL, 2, 2, 2 },
	{ "\x66\x8b\x07", 3, GUEST_VM86, 4, 4, 2 },
	{ "\x67\x8b\x07", 3, GUEST_COMPAT16, 2, 2, 4 },
	{ "\x8b\x07", 2, GUEST_PROT32, 4, 4, 4 },
	{ "\x66\x8b\x07", 3, GUEST_COMPAT32, 2, 2, 4 },
	{ "\x67\x8b\x07", 3, GUEST_PROT32, 4, 4, 2 },
	{ "\x8b\x07", 2, GUEST_LONG64, 4, 4, 8 },
	{ "\x66\x8b\x07", 3, GUEST_LONG64, 2, 2, 8 },
	{ "\x48\x8b\x07", 3, GUEST_LONG64, 8, 8, 8 },
	{ "\x66\x48\x8b\x07", 4, GUEST_LONG64, 8, 8, 8 },
	{ "\x48\x66\x8b\x07", 4, GUEST_LONG64, 2, 2, 8 },
	{ "\x67\x8b\x07", 3, GUEST_LONG64, 4, 4, 4 },
	{ "\x48\x8a\x07", 3, GUEST_LONG64, 1, 1, 8 },
	/* extension */
	{ "\x0f\xb6\x07", 3, GUEST_PROT32, 4, 1, 4 },
	{ "\x66\x0f\xb6\x07", 4, GUEST_PROT32, 2, 1, 4 },
	{ "\x48\x0f\xb7\x07", 4, GUEST_LONG64, 8, 2, 8 },
	{ "\x48\x63\x07", 3, GUEST_LONG64, 8, 4, 8 },
	{ "\x66\x63\x07", 3, GUEST_LONG64, 2, 4, 8 },
	/* I/O is never wider than four bytes, the stack never four in 64-bit */
	{ "\xed", 1, GUEST_REAL, 2, 2, 2 },
	{ "\x66\xed", 2, GUEST_REAL, 4, 4, 2 },
	{ "\x48\xef", 2, GUEST_LONG64, 4, 4, 8 },
	{ "\x48\x6d", 2, GUEST_LONG64, 4, 4, 8 },
	{ "\xee", 1, GUEST_LONG64, 1, 1, 8 },
	{ "\x48\xab", 2, GUEST_LONG64, 8, 8, 8 },
	{ "\x9c", 1, GUEST_LONG64, 8, 8, 8 },
	{ "\x66\x9d", 2, GUEST_LONG64, 2, 2, 8 },
	{ "\x9d", 1, GUEST_PROT32, 4, 4, 4 },
	{ "\xcf", 1, GUEST_LONG64, 4, 4, 8 },
	{ "\x48\xcf", 2, GUEST_LONG64, 8, 8, 8 },
	/* control registers are as wide as the mode */
	{ "\x66\x0f\x20\xc0", 4, GUEST_LONG64, 8, 8, 8 },
	{ "\x66\x0f\x20\xc0", 4, GUEST_REAL, 4, 4, 2 },
	/* LMSW reads and SMSW writes a word in memory; SMSW fills a register */
	{ "\x48\x0f\x01\x30", 4, GUEST_LONG64, 8, 2, 8 },
	{ "\x48\x0f\x01\xf0", 4, GUEST_LONG64, 8, 2, 8 },
	{ "\x48\x0f\x01\x20", 4, GUEST_LONG64, 8, 2, 8 },
	{ "\x48\x0f\x01\xe0", 4, GUEST_LONG64, 8, 8, 8 },
	{ "\x0f\x01\xe0", 3, GUEST_REAL, 2, 2, 2 },
	{ "\x0f\x01\x38", 3, GUEST_PROT32, 4, 0, 4 },
	{ "\x66\x0f\x38\x82\x00", 5, GUEST_PROT32, 4, 16, 4 },
	{ "\x66\x0f\x38\x82\x00", 5, GUEST_LONG64, 8, 16, 8 },
};

static void insn_test_widths(struct kunit *test)
{
	struct ginsn insn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(width_cases); i++) {
		const struct width_case *c = &width_cases[i];

		KUNIT_EXPECT_EQ_MSG(test, decode(&insn, c->mode, c->code, c->nr),
				    0, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.op_bytes, c->op, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.rm_bytes, c->rm, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.addr_bytes, c->addr, "case %u", i);
	}
}

static void insn_test_prefixes(struct kunit *test)
{
	struct ginsn insn;

	/* any order and number; the last override and the last REX count */
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_LONG64,
					"\x66\x64\x67\x4f\xf2\x65\x41\x4c\x8b\x03", 10));
	KUNIT_EXPECT_EQ(test, insn.rex, 0x4c);
	KUNIT_EXPECT_EQ(test, insn.seg_override, INSN_GS);
	KUNIT_EXPECT_EQ(test, insn.op_bytes, 8);
	KUNIT_EXPECT_EQ(test, insn.addr_bytes, 4);
	KUNIT_EXPECT_EQ(test, insn.reg, 8);
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RBX);

	/* REX before another prefix is void */
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_LONG64, "\x4f\x2e\x8b\x03", 4));
	KUNIT_EXPECT_EQ(test, insn.rex, 0);
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RAX);

	/* ES, CS, SS and DS do not even cancel FS in 64-bit code */
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_LONG64, "\x64\x3e\x8b\x03", 4));
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_FS);
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_PROT32, "\x64\x3e\x8b\x03", 4));
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_DS);
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_LONG64, "\x26\x8b\x03", 3));
	KUNIT_EXPECT_EQ(test, insn.seg_override, INSN_NO_SEGMENT);

	/* 40..4f are instructions elsewhere */
	KUNIT_EXPECT_EQ(test, (int)INSN_UNKNOWN,
			decode(&insn, GUEST_COMPAT32, "\x48\x8b\x03", 3));
	KUNIT_EXPECT_EQ(test, insn.opcode, 0x48);
}

static void insn_test_registers(struct kunit *test)
{
	struct ginsn insn;

	decode(&insn, GUEST_PROT32, "\x88\xe7", 2);	/* mov bh, ah */
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RAX);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RBX);
	KUNIT_EXPECT_EQ(test, insn.flags & (INSN_F_REG_HIGH | INSN_F_RM_HIGH),
			INSN_F_REG_HIGH | INSN_F_RM_HIGH);
	decode(&insn, GUEST_LONG64, "\x40\x88\xe7", 3);	/* mov dil, spl */
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RSP);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RDI);
	KUNIT_EXPECT_EQ(test, insn.flags & (INSN_F_REG_HIGH | INSN_F_RM_HIGH), 0);
	decode(&insn, GUEST_LONG64, "\x45\x88\xe7", 3);	/* mov r15b, r12b */
	KUNIT_EXPECT_EQ(test, insn.reg, 12);
	KUNIT_EXPECT_EQ(test, insn.rm, 15);
	decode(&insn, GUEST_PROT32, "\x0f\xb6\xec", 3);	/* movzx ebp, ah */
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RBP);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RAX);
	KUNIT_EXPECT_EQ(test, insn.flags & (INSN_F_REG_HIGH | INSN_F_RM_HIGH),
			INSN_F_RM_HIGH);
	decode(&insn, GUEST_PROT32, "\x89\xe7", 2);	/* mov edi, esp */
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RSP);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RDI);
	decode(&insn, GUEST_PROT32, "\xc6\xc4\x01", 3);	/* mov ah, 1 */
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_NO_REG);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RAX);
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_RM_HIGH);
}

static void insn_test_control(struct kunit *test)
{
	struct ginsn insn;

	decode(&insn, GUEST_PROT32, "\x0f\x22\xd9", 3);	/* mov cr3, ecx */
	KUNIT_EXPECT_EQ(test, insn.reg, 3);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RCX);
	/* mod is ignored: no memory operand, no SIB, no displacement */
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_PROT32, "\x0f\x20\x04", 3));
	KUNIT_EXPECT_EQ(test, insn.len, 3);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RSP);
	KUNIT_EXPECT_EQ(test, insn.flags & INSN_F_MEM, 0);
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_LONG64, "\x45\x0f\x20\xc1", 4));
	KUNIT_EXPECT_EQ(test, insn.reg, 8);
	KUNIT_EXPECT_EQ(test, insn.rm, 9);
	KUNIT_EXPECT_EQ(test, insn.len, 4);
	KUNIT_EXPECT_EQ(test, 0, decode(&insn, GUEST_PROT32, "\xf0\x0f\x22\xc2", 4));
	KUNIT_EXPECT_EQ(test, insn.class, INSN_MOV_TO_CR);
	KUNIT_EXPECT_EQ(test, insn.reg, 8);
	KUNIT_EXPECT_EQ(test, insn.rm, INSN_RDX);
	decode(&insn, GUEST_LONG64, "\x41\x0f\x23\xfc", 4);	/* mov dr7, r12 */
	KUNIT_EXPECT_EQ(test, insn.reg, 7);
	KUNIT_EXPECT_EQ(test, insn.rm, 12);
	decode(&insn, GUEST_LONG64, "\x41\x0f\x01\xf4", 4);	/* lmsw r12w */
	KUNIT_EXPECT_EQ(test, insn.rm, 12);
	KUNIT_EXPECT_EQ(test, insn.flags & INSN_F_WRITE, 0);
	decode(&insn, GUEST_PROT32, "\x0f\x01\x21", 3);	/* smsw [ecx] */
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RCX);
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_WRITE);
}

static void insn_test_immediates(struct kunit *test)
{
	struct ginsn insn;

	decode(&insn, GUEST_PROT32, "\xc6\x00\x80", 3);
	KUNIT_EXPECT_EQ(test, insn.imm, 0x80ULL);
	decode(&insn, GUEST_PROT32, "\x66\xc7\x00\xfe\xff", 5);
	KUNIT_EXPECT_EQ(test, insn.len, 5);
	KUNIT_EXPECT_EQ(test, insn.imm, 0xfffeULL);
	decode(&insn, GUEST_PROT32, "\xc7\x00\xfe\xff\xff\xff", 6);
	KUNIT_EXPECT_EQ(test, insn.imm, 0xfffffffeULL);
	decode(&insn, GUEST_LONG64, "\x48\xc7\x00\xfe\xff\xff\xff", 7);
	KUNIT_EXPECT_EQ(test, insn.imm, 0xfffffffffffffffeULL);
	decode(&insn, GUEST_PROT32, "\xe5\xf8", 2);
	KUNIT_EXPECT_EQ(test, insn.imm, 0xf8ULL);
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_IMM);
	decode(&insn, GUEST_PROT32, "\xcd\x80", 2);
	KUNIT_EXPECT_EQ(test, insn.imm, 0x80ULL);
	decode(&insn, GUEST_PROT32, "\xed", 1);
	KUNIT_EXPECT_EQ(test, insn.flags & INSN_F_IMM, 0);
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RAX);
}

static void insn_test_strings(struct kunit *test)
{
	struct ginsn insn;

	decode(&insn, GUEST_PROT32, "\x65\xf3\x67\x6f", 4);	/* rep outs, gs:si */
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RSI);
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_GS);
	KUNIT_EXPECT_EQ(test, insn.mem.addr_bytes, 2);
	KUNIT_EXPECT_EQ(test, insn.flags & INSN_F_WRITE, 0);
	KUNIT_EXPECT_TRUE(test, ginsn_is_rep(&insn));
	decode(&insn, GUEST_PROT32, "\x65\x6c", 2);	/* ES cannot be overridden */
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RDI);
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_ES);
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_WRITE);
	KUNIT_EXPECT_FALSE(test, ginsn_is_rep(&insn));
	decode(&insn, GUEST_REAL, "\x2e\xf2\xa5", 3);	/* f2 repeats movs too */
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_CS);
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RSI);
	KUNIT_EXPECT_EQ(test, insn.dst.seg, INSN_ES);
	KUNIT_EXPECT_EQ(test, insn.dst.base, INSN_RDI);
	KUNIT_EXPECT_EQ(test, insn.op_bytes, 2);
	KUNIT_EXPECT_TRUE(test, ginsn_is_rep(&insn));
	decode(&insn, GUEST_LONG64, "\xf3\x8b\x07", 3);	/* mov does not repeat */
	KUNIT_EXPECT_FALSE(test, ginsn_is_rep(&insn));
	decode(&insn, GUEST_LONG64, "\x48\xab", 2);
	KUNIT_EXPECT_EQ(test, insn.reg, INSN_RAX);
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RDI);
	decode(&insn, GUEST_PROT32, "\x64\x0f\x01\xfa", 4);	/* monitorx fs:eax */
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_MEM);
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RAX);
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_FS);
	decode(&insn, GUEST_LONG64, "\x65\x67\x0f\x01\xc8", 5);	/* monitor gs:eax */
	KUNIT_EXPECT_EQ(test, insn.mem.base, INSN_RAX);
	KUNIT_EXPECT_EQ(test, insn.mem.seg, INSN_GS);
	KUNIT_EXPECT_EQ(test, insn.mem.addr_bytes, 4);
}

struct mem_case {
	const char *code;
	u8 nr;
	u8 mode;
	u8 base;
	u8 index;
	u8 scale;
	u8 seg;
	bool rip;
	s64 disp;
};

#define NOREG	INSN_NO_REG

static const struct mem_case mem_cases[] = {
	/* the 16-bit table */
	{ "\x8b\x00", 2, GUEST_REAL, 3, 6, 1, INSN_DS, false, 0 },
	{ "\x8b\x01", 2, GUEST_REAL, 3, 7, 1, INSN_DS, false, 0 },
	{ "\x8b\x02", 2, GUEST_REAL, 5, 6, 1, INSN_SS, false, 0 },
	{ "\x8b\x03", 2, GUEST_REAL, 5, 7, 1, INSN_SS, false, 0 },
	{ "\x8b\x04", 2, GUEST_REAL, 6, NOREG, 1, INSN_DS, false, 0 },
	{ "\x8b\x05", 2, GUEST_REAL, 7, NOREG, 1, INSN_DS, false, 0 },
	{ "\x8b\x06\x34\x12", 4, GUEST_REAL, NOREG, NOREG, 1, INSN_DS, false, 0x1234 },
	{ "\x8b\x07", 2, GUEST_REAL, 3, NOREG, 1, INSN_DS, false, 0 },
	{ "\x8b\x40\xff", 3, GUEST_REAL, 3, 6, 1, INSN_DS, false, -1 },
	{ "\x8b\x46\x80", 3, GUEST_REAL, 5, NOREG, 1, INSN_SS, false, -128 },
	{ "\x8b\x86\x00\x80", 4, GUEST_REAL, 5, NOREG, 1, INSN_SS, false, -32768 },
	{ "\x3e\x8b\x46\x00", 4, GUEST_REAL, 5, NOREG, 1, INSN_DS, false, 0 },
	{ "\x67\x8b\x07", 3, GUEST_PROT32, 3, NOREG, 1, INSN_DS, false, 0 },
	/* 32-bit */
	{ "\x8b\x00", 2, GUEST_PROT32, 0, NOREG, 1, INSN_DS, false, 0 },
	{ "\x8b\x45\xfc", 3, GUEST_PROT32, 5, NOREG, 1, INSN_SS, false, -4 },
	{ "\x8b\x05\x78\x56\x34\x92", 6, GUEST_PROT32, NOREG, NOREG, 1, INSN_DS,
	  false, (s32)0x92345678 },
	{ "\x8b\x04\x24", 3, GUEST_PROT32, 4, NOREG, 1, INSN_SS, false, 0 },
	{ "\x8b\x04\x8b", 3, GUEST_PROT32, 3, 1, 4, INSN_DS, false, 0 },
	{ "\x8b\x04\xe3", 3, GUEST_PROT32, 3, NOREG, 1, INSN_DS, false, 0 },
	{ "\x8b\x04\x6d\1\0\0\0", 7, GUEST_PROT32, NOREG, 5, 2, INSN_DS, false, 1 },
	{ "\x8b\x44\x05\x01", 4, GUEST_PROT32, 5, 0, 1, INSN_SS, false, 1 },
	{ "\x8b\x84\x05\1\0\0\0", 7, GUEST_PROT32, 5, 0, 1, INSN_SS, false, 1 },
	/* 64-bit: RIP, REX, and the special cases that REX.B does not lift */
	{ "\x8b\x05\xf0\xff\xff\xff", 6, GUEST_LONG64, NOREG, NOREG, 1, INSN_DS,
	  true, -16 },
	{ "\x41\x8b\x05\1\0\0\0", 7, GUEST_LONG64, NOREG, NOREG, 1, INSN_DS, true, 1 },
	{ "\x8b\x04\x25\1\0\0\0", 7, GUEST_LONG64, NOREG, NOREG, 1, INSN_DS, false, 1 },
	{ "\x41\x8b\x04\x25\1\0\0\0", 8, GUEST_LONG64, NOREG, NOREG, 1, INSN_DS,
	  false, 1 },
	{ "\x41\x8b\x04\x24", 4, GUEST_LONG64, 12, NOREG, 1, INSN_DS, false, 0 },
	{ "\x42\x8b\x04\x20", 4, GUEST_LONG64, 0, 12, 1, INSN_DS, false, 0 },
	{ "\x43\x8b\x44\xfd\x00", 5, GUEST_LONG64, 13, 15, 8, INSN_DS, false, 0 },
	{ "\x8b\x45\x00", 3, GUEST_LONG64, 5, NOREG, 1, INSN_SS, false, 0 },
	{ "\x3e\x8b\x45\x00", 4, GUEST_LONG64, 5, NOREG, 1, INSN_SS, false, 0 },
	{ "\x65\x8b\x45\x00", 4, GUEST_LONG64, 5, NOREG, 1, INSN_GS, false, 0 },
	/* moffs */
	{ "\xa1\x34\x12", 3, GUEST_REAL, NOREG, NOREG, 1, INSN_DS, false, 0x1234 },
	{ "\x64\xa2\1\0\0\0", 6, GUEST_PROT32, NOREG, NOREG, 1, INSN_FS, false, 1 },
	{ "\x67\xa3\x34\x12", 4, GUEST_PROT32, NOREG, NOREG, 1, INSN_DS, false, 0x1234 },
	{ "\xa0\1\2\3\4\5\6\7\0", 9, GUEST_LONG64, NOREG, NOREG, 1, INSN_DS, false,
	  0x0007060504030201 },
	{ "\x67\xa1\1\2\3\4", 6, GUEST_LONG64, NOREG, NOREG, 1, INSN_DS, false,
	  0x04030201 },
};

static void insn_test_memory(struct kunit *test)
{
	struct ginsn insn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mem_cases); i++) {
		const struct mem_case *c = &mem_cases[i];
		const struct ginsn_mem *mem = &insn.mem;

		KUNIT_EXPECT_EQ_MSG(test, decode(&insn, c->mode, c->code, c->nr),
				    0, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.len, c->nr, "case %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, insn.flags & INSN_F_MEM, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, mem->base, c->base, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, mem->index, c->index, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, mem->scale, c->scale, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, mem->seg, c->seg, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, mem->rip_relative, c->rip, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, (s64)mem->disp, c->disp, "case %u", i);
	}
}

/* Which side of a mov is memory, and how it is widened. */
static void insn_test_direction(struct kunit *test)
{
	static const u8 writes[] = { 0x88, 0x89, 0xa2, 0xa3, 0xc6, 0xc7 };
	static const u8 reads[] = { 0x8a, 0x8b, 0xa0, 0xa1 };
	u8 code[INSN_MAX_LEN] = { 0 };
	struct ginsn insn;
	unsigned int i;

	for (i = 0; i < sizeof(writes); i++) {
		code[0] = writes[i];
		KUNIT_EXPECT_EQ(test, 0, ginsn_decode(&insn, code, 15, GUEST_PROT32));
		KUNIT_EXPECT_EQ(test, insn.class, INSN_MOV);
		KUNIT_EXPECT_TRUE_MSG(test, insn.flags & INSN_F_WRITE, "%x", code[0]);
	}
	for (i = 0; i < sizeof(reads); i++) {
		code[0] = reads[i];
		KUNIT_EXPECT_EQ(test, 0, ginsn_decode(&insn, code, 15, GUEST_PROT32));
		KUNIT_EXPECT_EQ(test, insn.class, INSN_MOV);
		KUNIT_EXPECT_FALSE_MSG(test, insn.flags & INSN_F_WRITE, "%x", code[0]);
	}
	decode(&insn, GUEST_PROT32, "\x0f\xbe\x00", 3);
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_SIGN);
	decode(&insn, GUEST_PROT32, "\x0f\xb7\x00", 3);
	KUNIT_EXPECT_FALSE(test, insn.flags & INSN_F_SIGN);
	decode(&insn, GUEST_LONG64, "\x48\x63\x00", 3);
	KUNIT_EXPECT_TRUE(test, insn.flags & INSN_F_SIGN);
}

static const struct {
	const char *bytes;
	u8 nr;
	u8 kind;
} step_cases[] = {
	{ "\x90", 1, STEP_PLAIN },
	{ "\x9c", 1, STEP_PUSHF },
	{ "\x66\x9c", 2, STEP_PUSHF },
	{ "\xf3\x2e\x9c", 3, STEP_PUSHF },
	{ "\x9d", 1, STEP_LOADS },
	{ "\xcf", 1, STEP_LOADS },
	{ "\x66\xcf", 2, STEP_LOADS },
	{ "\xf1", 1, STEP_INT1 },
	/* not classified by a single byte */
	{ "\x0f\x9c\xc0", 3, STEP_PLAIN },
	{ "\x0f\xcf", 2, STEP_PLAIN },
	{ "\x05\x00\x00\x00\x00", 5, STEP_PLAIN },
	{ "\x07", 1, STEP_PLAIN },
	{ "\xcc", 1, STEP_PLAIN },
	{ "\xcd\x9c", 2, STEP_PLAIN },
	/* truncated */
	{ "\x66", 1, STEP_PLAIN },
	{ "\x0f", 1, STEP_PLAIN },
	{ "", 0, STEP_PLAIN },
};

static int kind(const char *bytes, unsigned int nr, unsigned int mode)
{
	return step_kind((const u8 *)bytes, nr, mode);
}

static void insn_test_step_kind(struct kunit *test)
{
	unsigned int i, mode;

	for (i = 0; i < ARRAY_SIZE(step_cases); i++)
		for (mode = GUEST_REAL; mode <= GUEST_LONG64; mode++)
			KUNIT_EXPECT_EQ_MSG(test, kind(step_cases[i].bytes, step_cases[i].nr, mode),
					    (int)step_cases[i].kind, "case %u, mode %u", i, mode);
	for (mode = GUEST_REAL; mode <= GUEST_LONG64; mode++) {
		int call = mode >= GUEST_COMPAT16 ? STEP_SYSCALL : STEP_PLAIN;
		int ret = mode == GUEST_LONG64 ? STEP_SYSRET : STEP_PLAIN;

		KUNIT_EXPECT_EQ(test, kind("\x0f\x05", 2, mode), call);
		KUNIT_EXPECT_EQ(test, kind("\x66\x0f\x05", 3, mode), call);
		KUNIT_EXPECT_EQ(test, kind("\x0f\x07", 2, mode), ret);
	}
	/* REX */
	KUNIT_EXPECT_EQ(test, kind("\x48\xcf", 2, GUEST_LONG64), (int)STEP_LOADS);
	KUNIT_EXPECT_EQ(test, kind("\x48\x0f\x07", 3, GUEST_LONG64), (int)STEP_SYSRET);
	KUNIT_EXPECT_EQ(test, kind("\x48\xcf", 2, GUEST_PROT32), (int)STEP_PLAIN);
}

static struct kunit_case insn_test_cases[] = {
	KUNIT_CASE(insn_test_classes),
	KUNIT_CASE(insn_test_every_class),
	KUNIT_CASE(insn_test_bare),
	KUNIT_CASE(insn_test_truncation),
	KUNIT_CASE(insn_test_length_limit),
	KUNIT_CASE(insn_test_refusals),
	KUNIT_CASE(insn_test_widths),
	KUNIT_CASE(insn_test_prefixes),
	KUNIT_CASE(insn_test_registers),
	KUNIT_CASE(insn_test_control),
	KUNIT_CASE(insn_test_immediates),
	KUNIT_CASE(insn_test_strings),
	KUNIT_CASE(insn_test_memory),
	KUNIT_CASE(insn_test_direction),
	KUNIT_CASE(insn_test_step_kind),
	{}
};

static struct kunit_suite insn_test_suite = {
	.name = "svmvcpu_insn",
	.test_cases = insn_test_cases,
};

kunit_test_suite(insn_test_suite);
