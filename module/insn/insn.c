// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction decoder. It knows what a guest can make the processor intercept, and the
 * mov family for device memory; everything else is INSN_UNKNOWN. See insn.h.
 */
#include "insn/insn.h"

#define REX_B	0x1
#define REX_X	0x2
#define REX_R	0x4
#define REX_W	0x8

/* How an opcode's operands are encoded. */
#define OP_MODRM	0x0001
#define OP_GROUP	0x0002	/* ModRM.reg extends the opcode */
#define OP_BYTE		0x0004	/* every operand is one byte wide */
#define OP_RM8		0x0008	/* r/m is one byte, the register is not */
#define OP_RM16		0x0010
#define OP_WRITE	0x0020	/* memory, if any, is the destination */
#define OP_SIGN		0x0040
#define OP_IMM8		0x0080	/* unsigned byte */
#define OP_IMMZ		0x0100	/* operand width, four bytes at most, signed */
#define OP_IO		0x0200	/* at most four bytes wide */
#define OP_STACK	0x0400	/* eight bytes by default in 64-bit mode */
#define OP_CRDR		0x0800	/* as wide as the mode; r/m is a register */
#define OP_SRC		0x1000	/* string element at seg:rSI */
#define OP_DST		0x2000	/* string element at ES:rDI */
#define OP_MOFFS	0x4000
#define OP_QUIRK	0x8000	/* prefixes or mode decide: check_quirk() */

/* With no other flags, the instruction ends with its r/m operand. */
#define OP_PLAIN_MODRM	(OP_MODRM | OP_BYTE | OP_RM8 | OP_RM16 | OP_WRITE | OP_SIGN)

/* Pseudo-classes of the one-byte table; the flags field is their argument. */
#define PREFIX_SEGMENT	(INSN_NR_CLASSES + 0)
#define PREFIX_BIT	(INSN_NR_CLASSES + 1)
#define CLASS_GROUP7	(INSN_NR_CLASSES + 2)

struct opcode {
	u8 class;
	u16 flags;
};

static const struct opcode one_byte[256] = {
	[0x26] = { PREFIX_SEGMENT, INSN_ES },
	[0x2e] = { PREFIX_SEGMENT, INSN_CS },
	[0x36] = { PREFIX_SEGMENT, INSN_SS },
	[0x3e] = { PREFIX_SEGMENT, INSN_DS },
	[0x64] = { PREFIX_SEGMENT, INSN_FS },
	[0x65] = { PREFIX_SEGMENT, INSN_GS },
	[0x66] = { PREFIX_BIT, INSN_P_OPSIZE },
	[0x67] = { PREFIX_BIT, INSN_P_ADDRSIZE },
	[0xf0] = { PREFIX_BIT, INSN_P_LOCK },
	[0xf2] = { PREFIX_BIT, INSN_P_REPNE },
	[0xf3] = { PREFIX_BIT, INSN_P_REP },

	[0x63] = { INSN_MOVSX, OP_MODRM | OP_SIGN | OP_QUIRK },
	[0x6c] = { INSN_INS, OP_DST | OP_WRITE | OP_BYTE },
	[0x6d] = { INSN_INS, OP_DST | OP_WRITE | OP_IO },
	[0x6e] = { INSN_OUTS, OP_SRC | OP_BYTE },
	[0x6f] = { INSN_OUTS, OP_SRC | OP_IO },
	[0x88] = { INSN_MOV, OP_MODRM | OP_WRITE | OP_BYTE },
	[0x89] = { INSN_MOV, OP_MODRM | OP_WRITE },
	[0x8a] = { INSN_MOV, OP_MODRM | OP_BYTE },
	[0x8b] = { INSN_MOV, OP_MODRM },
	[0x90] = { INSN_PAUSE, OP_QUIRK },
	[0x9c] = { INSN_PUSHF, OP_STACK },
	[0x9d] = { INSN_POPF, OP_STACK },
	[0xa0] = { INSN_MOV, OP_MOFFS | OP_BYTE },
	[0xa1] = { INSN_MOV, OP_MOFFS },
	[0xa2] = { INSN_MOV, OP_MOFFS | OP_WRITE | OP_BYTE },
	[0xa3] = { INSN_MOV, OP_MOFFS | OP_WRITE },
	[0xa4] = { INSN_MOVS, OP_SRC | OP_DST | OP_BYTE },
	[0xa5] = { INSN_MOVS, OP_SRC | OP_DST },
	[0xaa] = { INSN_STOS, OP_DST | OP_WRITE | OP_BYTE },
	[0xab] = { INSN_STOS, OP_DST | OP_WRITE },
	[0xc6] = { INSN_MOV, OP_MODRM | OP_GROUP | OP_WRITE | OP_IMMZ | OP_BYTE },
	[0xc7] = { INSN_MOV, OP_MODRM | OP_GROUP | OP_WRITE | OP_IMMZ },
	[0xcc] = { INSN_INT3, 0 },
	[0xcd] = { INSN_INT, OP_IMM8 },
	[0xce] = { INSN_INTO, OP_QUIRK },
	[0xcf] = { INSN_IRET, 0 },
	[0xe4] = { INSN_IN, OP_IMM8 | OP_IO | OP_BYTE },
	[0xe5] = { INSN_IN, OP_IMM8 | OP_IO },
	[0xe6] = { INSN_OUT, OP_IMM8 | OP_IO | OP_BYTE },
	[0xe7] = { INSN_OUT, OP_IMM8 | OP_IO },
	[0xec] = { INSN_IN, OP_IO | OP_BYTE },
	[0xed] = { INSN_IN, OP_IO },
	[0xee] = { INSN_OUT, OP_IO | OP_BYTE },
	[0xef] = { INSN_OUT, OP_IO },
	[0xf1] = { INSN_INT1, 0 },
	[0xf4] = { INSN_HLT, 0 },
};

/* Second byte after 0f. */
static const struct opcode two_byte[256] = {
	[0x01] = { CLASS_GROUP7, OP_MODRM | OP_GROUP },
	[0x06] = { INSN_CLTS, 0 },
	[0x08] = { INSN_INVD, 0 },
	[0x09] = { INSN_WBINVD, OP_QUIRK },
	[0x20] = { INSN_MOV_FROM_CR, OP_MODRM | OP_CRDR },
	[0x21] = { INSN_MOV_FROM_DR, OP_MODRM | OP_CRDR },
	[0x22] = { INSN_MOV_TO_CR, OP_MODRM | OP_CRDR },
	[0x23] = { INSN_MOV_TO_DR, OP_MODRM | OP_CRDR },
	[0x30] = { INSN_WRMSR, 0 },
	[0x31] = { INSN_RDTSC, 0 },
	[0x32] = { INSN_RDMSR, 0 },
	[0x33] = { INSN_RDPMC, 0 },
	[0xa2] = { INSN_CPUID, 0 },
	[0xaa] = { INSN_RSM, 0 },
	[0xb6] = { INSN_MOVZX, OP_MODRM | OP_RM8 },
	[0xb7] = { INSN_MOVZX, OP_MODRM | OP_RM16 },
	[0xbe] = { INSN_MOVSX, OP_MODRM | OP_RM8 | OP_SIGN },
	[0xbf] = { INSN_MOVSX, OP_MODRM | OP_RM16 | OP_SIGN },
};

static const struct opcode no_opcode;
static const struct opcode invpcid_opcode = { INSN_INVPCID, OP_MODRM | OP_QUIRK };

/* 0f 01 with a register form: the whole ModRM byte is the opcode. */
#define NO_PREFIX	0x80	/* 66, f2 or f3 would select something else */

static const u8 group7_reg[64] = {
	[0xc8 - 0xc0] = INSN_MONITOR | NO_PREFIX,
	[0xc9 - 0xc0] = INSN_MWAIT | NO_PREFIX,
	[0xd1 - 0xc0] = INSN_XSETBV | NO_PREFIX,
	[0xd8 - 0xc0] = INSN_VMRUN,
	[0xd9 - 0xc0] = INSN_VMMCALL,
	[0xda - 0xc0] = INSN_VMLOAD,
	[0xdb - 0xc0] = INSN_VMSAVE,
	[0xdc - 0xc0] = INSN_STGI,
	[0xdd - 0xc0] = INSN_CLGI,
	[0xde - 0xc0] = INSN_SKINIT,
	[0xdf - 0xc0] = INSN_INVLPGA,
	[0xf9 - 0xc0] = INSN_RDTSCP,
	[0xfa - 0xc0] = INSN_MONITORX | NO_PREFIX,
	[0xfb - 0xc0] = INSN_MWAITX | NO_PREFIX,
	[0xfd - 0xc0] = INSN_RDPRU,
};

/* Base and index of the eight 16-bit forms. */
static const u8 modrm16[8][2] = {
	{ INSN_RBX, INSN_RSI }, { INSN_RBX, INSN_RDI },
	{ INSN_RBP, INSN_RSI }, { INSN_RBP, INSN_RDI },
	{ INSN_RSI, INSN_NO_REG }, { INSN_RDI, INSN_NO_REG },
	{ INSN_RBP, INSN_NO_REG }, { INSN_RBX, INSN_NO_REG },
};

/* The input, and state that is needed only while decoding */
struct decoder {
	struct ginsn *insn;
	const u8 *bytes;
	unsigned int nr;
	enum guest_mode mode;
	int err;		/* enum ginsn_error; the first error remains */
	u8 mandatory;		/* the last of f2 and f3 selects an opcode */
};

/* Consume @size little-endian bytes; 0 after an error. INSN_TOO_LONG has precedence. */
static u64 take(struct decoder *d, unsigned int size)
{
	unsigned int pos = d->insn->len;
	u64 value = 0;

	if (d->err)
		return 0;
	if (pos + size > INSN_MAX_LEN) {
		d->err = INSN_TOO_LONG;
		return 0;
	}
	if (pos + size > d->nr) {
		d->err = INSN_TRUNCATED;
		return 0;
	}
	d->insn->len += size;
	while (size--)
		value = value << 8 | d->bytes[pos + size];
	return value;
}

static u64 take_signed(struct decoder *d, unsigned int size)
{
	return ginsn_sign_extend(take(d, size), size);
}

static void apply_prefix(struct decoder *d, const struct opcode *op)
{
	struct ginsn *insn = d->insn;

	if (op->class == PREFIX_BIT) {
		insn->prefixes |= op->flags;
		if (op->flags & (INSN_P_REP | INSN_P_REPNE))
			d->mandatory = op->flags;
	} else if (d->mode != GUEST_LONG64 || op->flags >= INSN_FS) {
		/* In 64-bit code only FS and GS have an effect. */
		insn->seg_override = op->flags;
	}
}

/* Read prefixes and opcode. */
static const struct opcode *read_opcode(struct decoder *d)
{
	struct ginsn *insn = d->insn;
	const struct opcode *op;
	u8 byte;

	for (;;) {
		byte = take(d, 1);
		if (d->err)
			return &no_opcode;
		if (d->mode == GUEST_LONG64 && (byte & 0xf0) == 0x40) {
			insn->rex = byte;
			continue;
		}
		op = &one_byte[byte];
		if (op->class < PREFIX_SEGMENT)
			break;
		apply_prefix(d, op);
		insn->rex = 0;	/* REX counts only right before the opcode. */
	}
	insn->opcode = byte;
	if (byte != 0x0f)
		return op;
	insn->map = 1;
	insn->opcode = take(d, 1);
	if (insn->opcode != 0x38)
		return &two_byte[insn->opcode];
	insn->map = 2;
	insn->opcode = take(d, 1);
	return insn->opcode == 0x82 ? &invpcid_opcode : &no_opcode;
}

static void set_widths(struct decoder *d, unsigned int flags)
{
	struct ginsn *insn = d->insn;
	bool long64 = d->mode == GUEST_LONG64;
	u8 op = guest_mode_op_bytes(d->mode);
	u8 addr = guest_mode_addr_bytes(d->mode);

	if (insn->rex & REX_W)
		op = 8;
	else if (insn->prefixes & INSN_P_OPSIZE)
		op = 6 - op;
	if (insn->prefixes & INSN_P_ADDRSIZE)
		addr = long64 ? 4 : 6 - addr;
	if (flags & OP_BYTE)
		op = 1;
	else if (flags & OP_CRDR)
		op = long64 ? 8 : 4;
	else if ((flags & OP_STACK) && long64 && op == 4)
		op = 8;
	else if ((flags & OP_IO) && op == 8)
		op = 4;
	insn->op_bytes = op;
	insn->addr_bytes = addr;
	insn->rm_bytes = op;
	if (flags & OP_RM8)
		insn->rm_bytes = 1;
	else if (flags & OP_RM16)
		insn->rm_bytes = 2;
}

/* Opcodes whose meaning depends on the mode or on a mandatory prefix. */
static int check_quirk(struct decoder *d)
{
	struct ginsn *insn = d->insn;
	bool long64 = d->mode == GUEST_LONG64;

	switch (insn->class) {
	case INSN_MOVSX:	/* ARPL outside 64-bit mode */
		insn->rm_bytes = 4;
		return long64 ? 0 : INSN_UNKNOWN;
	case INSN_PAUSE:	/* NOP or XCHG without f3 */
		return d->mandatory == INSN_P_REP ? 0 : INSN_UNKNOWN;
	case INSN_INTO:
		return long64 ? INSN_INVALID : 0;
	case INSN_WBINVD:
		if (d->mandatory == INSN_P_REP)
			insn->class = INSN_WBNOINVD;
		return 0;
	case INSN_INVPCID:
		if (d->mandatory || !(insn->prefixes & INSN_P_OPSIZE))
			return INSN_UNKNOWN;
		insn->op_bytes = long64 ? 8 : 4;
		insn->rm_bytes = 16;
		return 0;
	}
	return INSN_UNKNOWN;
}

static void set_mem(struct ginsn *insn, struct ginsn_mem *mem, u8 base,
		    u8 segment)
{
	insn->flags |= INSN_F_MEM;
	mem->base = base;
	mem->index = INSN_NO_REG;
	mem->scale = 1;
	mem->seg = segment;
	mem->addr_bytes = insn->addr_bytes;
}

static u8 segment_or(const struct ginsn *insn, u8 segment)
{
	if (insn->seg_override != INSN_NO_SEGMENT)
		return insn->seg_override;
	return segment;
}

/* 0f 01: the ModRM byte selects class and operand. */
static int check_group7(struct decoder *d)
{
	struct ginsn *insn = d->insn;
	bool reg_form = insn->modrm >= 0xc0;
	u8 entry;

	switch ((insn->modrm >> 3) & 7) {
	case 4:
		insn->class = INSN_SMSW;
		insn->flags |= INSN_F_WRITE;
		insn->rm_bytes = reg_form ? insn->op_bytes : 2;
		return 0;
	case 6:
		insn->class = INSN_LMSW;
		insn->rm_bytes = 2;
		return 0;
	}
	insn->rm_bytes = 0;
	if (!reg_form) {
		insn->class = INSN_INVLPG;
		return (insn->modrm & 0x38) == 0x38 ? 0 : INSN_UNKNOWN;
	}
	entry = group7_reg[insn->modrm - 0xc0];
	insn->class = entry & ~NO_PREFIX;
	if (!entry || ((entry & NO_PREFIX) &&
		       (d->mandatory || (insn->prefixes & INSN_P_OPSIZE))))
		return INSN_UNKNOWN;
	return 0;
}

/* There are CR0, 2, 3, 4 and 8; with LOCK, AMD CPUs take CR0 for CR8. */
static int check_cr(struct ginsn *insn)
{
	if (insn->prefixes & INSN_P_LOCK) {
		if (insn->reg)
			return INSN_INVALID;
		insn->reg = 8;
	}
	return BIT_ULL(insn->reg) & 0x11d ? 0 : INSN_INVALID;
}

/* Checks that come before the displacement is read */
static int check_modrm(struct decoder *d)
{
	struct ginsn *insn = d->insn;

	switch (insn->class) {
	case CLASS_GROUP7:
		return check_group7(d);
	case INSN_MOV_FROM_CR:
	case INSN_MOV_TO_CR:
		return check_cr(insn);
	case INSN_MOV_FROM_DR:
	case INSN_MOV_TO_DR:
		return insn->reg < 8 ? 0 : INSN_INVALID;
	case INSN_INVPCID:
		return insn->modrm < 0xc0 ? 0 : INSN_INVALID;
	case INSN_MOV:		/* c6 and c7: /0, XABORT and XBEGIN */
		if (!(insn->modrm & 0x38))
			return 0;
		return insn->modrm == 0xf8 ? INSN_UNKNOWN : INSN_INVALID;
	}
	return 0;
}

static void read_mem16(struct decoder *d, unsigned int mod, unsigned int rm)
{
	struct ginsn_mem *mem = &d->insn->mem;

	if (mod == 0 && rm == 6) {
		mem->disp = take_signed(d, 2);
		return;
	}
	mem->base = modrm16[rm][0];
	mem->index = modrm16[rm][1];
	if (mem->base == INSN_RBP)
		mem->seg = segment_or(d->insn, INSN_SS);
	if (mod)
		mem->disp = take_signed(d, mod);
}

/* 32-bit and 64-bit addressing */
static void read_mem32(struct decoder *d, unsigned int mod, unsigned int rm)
{
	struct ginsn *insn = d->insn;
	struct ginsn_mem *mem = &insn->mem;
	bool has_sib = rm == 4;
	u8 index;

	if (has_sib) {
		insn->sib = take(d, 1);
		index = ((insn->sib >> 3) & 7) | (insn->rex & REX_X ? 8 : 0);
		if (index != INSN_RSP) {
			mem->index = index;
			mem->scale = 1 << (insn->sib >> 6);
		}
		rm = insn->sib & 7;
	}
	if (mod || rm != 5)
		mem->base = rm | (insn->rex & REX_B ? 8 : 0);
	else
		mem->rip_relative = !has_sib && d->mode == GUEST_LONG64;
	if (mem->base == INSN_RSP || mem->base == INSN_RBP)
		mem->seg = segment_or(insn, INSN_SS);
	if (mod == 1)
		mem->disp = take_signed(d, 1);
	else if (mod == 2 || mem->base == INSN_NO_REG)
		mem->disp = take_signed(d, 4);
}

/* Without REX, byte registers 4..7 are AH..BH. */
static bool is_high_byte(const struct ginsn *insn, u8 *reg, bool byte)
{
	if (!byte || insn->rex || *reg < 4)
		return false;
	*reg -= 4;
	return true;
}

static void read_modrm(struct decoder *d, unsigned int flags)
{
	struct ginsn *insn = d->insn;
	unsigned int mod, rm;

	insn->modrm = take(d, 1);
	if (d->err)
		return;
	insn->flags |= INSN_F_MODRM;
	mod = insn->modrm >> 6;
	rm = insn->modrm & 7;
	if (!(flags & OP_GROUP))
		insn->reg = ((insn->modrm >> 3) & 7) | (insn->rex & REX_R ? 8 : 0);
	if (flags & (OP_GROUP | OP_CRDR | OP_QUIRK))
		d->err = check_modrm(d);
	if (d->err)
		return;
	if (insn->reg != INSN_NO_REG &&
	    is_high_byte(insn, &insn->reg, flags & OP_BYTE))
		insn->flags |= INSN_F_REG_HIGH;
	if (mod != 3 && !(flags & OP_CRDR)) {
		set_mem(insn, &insn->mem, INSN_NO_REG, segment_or(insn, INSN_DS));
		if (insn->addr_bytes == 2)
			read_mem16(d, mod, rm);
		else
			read_mem32(d, mod, rm);
	} else if (insn->rm_bytes) {	/* 0: the ModRM byte is a part of the opcode */
		insn->rm = rm | (insn->rex & REX_B ? 8 : 0);
		if (is_high_byte(insn, &insn->rm, flags & (OP_BYTE | OP_RM8)))
			insn->flags |= INSN_F_RM_HIGH;
	}
}

static void read_immediate(struct decoder *d, unsigned int flags)
{
	struct ginsn *insn = d->insn;

	insn->flags |= INSN_F_IMM;
	if (flags & OP_IMM8)
		insn->imm = take(d, 1);
	else
		insn->imm = ginsn_low_bytes(take_signed(d, insn->op_bytes > 4 ? 4 : insn->op_bytes),
					    insn->op_bytes);
}

static void read_operands(struct decoder *d, unsigned int flags)
{
	struct ginsn *insn = d->insn;
	const u8 segment = segment_or(insn, INSN_DS);

	if (flags & OP_WRITE)
		insn->flags |= INSN_F_WRITE;
	if (flags & OP_SIGN)
		insn->flags |= INSN_F_SIGN;
	if (!(flags & ~OP_PLAIN_MODRM)) {
		read_modrm(d, flags);
		return;
	}
	if (flags & OP_QUIRK)
		d->err = check_quirk(d);
	if ((flags & OP_MOFFS) || insn->class == INSN_STOS || insn->class == INSN_IN ||
	    insn->class == INSN_OUT)
		insn->reg = INSN_RAX;
	if (flags & OP_MODRM)
		read_modrm(d, flags);
	if (flags & OP_MOFFS) {
		set_mem(insn, &insn->mem, INSN_NO_REG, segment);
		insn->mem.disp = take_signed(d, insn->addr_bytes);
	}
	if (flags & (OP_IMM8 | OP_IMMZ))
		read_immediate(d, flags);
	if (flags & (OP_SRC | OP_DST))
		insn->flags |= INSN_F_STRING;
	if (flags & OP_SRC)
		set_mem(insn, &insn->mem, INSN_RSI, segment);
	if (flags & OP_DST)
		set_mem(insn, flags & OP_SRC ? &insn->dst : &insn->mem, INSN_RDI, INSN_ES);
	if (insn->class == INSN_MONITOR || insn->class == INSN_MONITORX)
		set_mem(insn, &insn->mem, INSN_RAX, segment);
}

/**
 * ginsn_decode() - decode one guest instruction
 * @insn: result; every member is written
 * @bytes: instruction bytes, a private copy
 * @nr: number of bytes; no more than INSN_MAX_LEN are read
 * @mode: guest CPU mode
 *
 * The processor has checked the instruction that it intercepted. Invalid forms are refused
 * all the same, because the bytes may have changed since.
 *
 * Return: 0 or an enum ginsn_error.
 */
int ginsn_decode(struct ginsn *insn, const u8 *bytes, unsigned int nr,
		 enum guest_mode mode)
{
	struct decoder d = {
		.insn = insn, .bytes = bytes, .nr = nr, .mode = mode,
	};
	const struct opcode *op;

	memset(insn, 0, sizeof(*insn));
	insn->seg_override = INSN_NO_SEGMENT;
	insn->reg = INSN_NO_REG;
	insn->rm = INSN_NO_REG;
	op = read_opcode(&d);
	if (d.err)
		return d.err;
	set_widths(&d, op->flags);
	if (!op->class)
		return INSN_UNKNOWN;
	insn->class = op->class;
	if (op->flags)
		read_operands(&d, op->flags);
	/* LOCK MOV CR0 is MOV CR8; everything else that is decoded here refuses LOCK. */
	if (!d.err && (insn->prefixes & INSN_P_LOCK) && insn->class != INSN_MOV_FROM_CR &&
	    insn->class != INSN_MOV_TO_CR)
		d.err = INSN_INVALID;
	if (d.err)
		insn->class = INSN_NONE;
	return d.err;
}

/**
 * ginsn_bare_len() - length of an instruction without prefixes and operands
 * @bytes: three bytes, a private copy
 * @classes: BIT_ULL(INSN_*) of the instructions that it may be
 *
 * For exits that only certain instructions cause, such as CPUID, HLT, RDMSR and VMMCALL.
 *
 * Return: the length; 0 if it is another instruction, or may have prefixes or operands.
 */
unsigned int ginsn_bare_len(const u8 *bytes, u64 classes)
{
	const bool two = bytes[0] == 0x0f;
	const struct opcode *op = two ? &two_byte[bytes[1]] : &one_byte[bytes[0]];

	if (op->class == CLASS_GROUP7 && bytes[2] == 0xd9)
		return classes & BIT_ULL(INSN_VMMCALL) ? 3 : 0;
	return !op->flags && (classes & BIT_ULL(op->class)) ? 1 + two : 0;
}

/*
 * Classify the @nr bytes at CS:RIP. A truncated instruction is STEP_PLAIN.
 *
 * The decoder does not know SYSCALL and SYSRET, but reports their opcodes. SYSCALL outside
 * long mode and SYSRET outside 64-bit mode use neither R11 nor SFMASK, and do not change TF.
 */
enum step_kind step_kind(const u8 *bytes, unsigned int nr, enum guest_mode mode)
{
	struct ginsn insn;
	int err = ginsn_decode(&insn, bytes, nr, mode);

	if (err == INSN_UNKNOWN && insn.map == 1) {
		if (insn.opcode == 0x05 && mode >= GUEST_COMPAT16)
			return STEP_SYSCALL;
		if (insn.opcode == 0x07 && mode == GUEST_LONG64)
			return STEP_SYSRET;
	}
	switch (insn.class) {	/* INSN_NONE after an error */
	case INSN_PUSHF:
		return STEP_PUSHF;
	case INSN_POPF:
	case INSN_IRET:
		return STEP_LOADS;
	case INSN_INT1:
		return STEP_INT1;
	default:
		return STEP_PLAIN;
	}
}
