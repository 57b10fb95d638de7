// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: from bytes to struct einsn, with Zydis. The only file that
 * knows Zydis; owns the table of what is executed.
 */
#include <errno.h>

#include <Zydis/Zydis.h>

#include "machine.h"

struct known {
	ZydisMnemonic mnemonic;
	enum alu_op op;
	unsigned int flags;
};

#define E_UPDATE	(E_READ0 | E_WRITE0)

#define KNOWN(name, op, flags)	{ ZYDIS_MNEMONIC_##name, ALU_##op, flags }

#define E_MOVE	(E_STRING | E_WRITE0)
#define E_COMPARE	(E_STRING | E_READ0 | E_UNTIL)

static const struct known table[] = {
	KNOWN(MOV, MOV, E_WRITE0),
	KNOWN(MOVZX, MOV, E_WRITE0),
	KNOWN(MOVSX, MOVSX, E_WRITE0),
	KNOWN(MOVSXD, MOVSX, E_WRITE0),
	KNOWN(XCHG, XCHG, E_UPDATE | E_WRITE1),
	KNOWN(XADD, XADD, E_UPDATE | E_WRITE1),
	KNOWN(CMPXCHG, CMPXCHG, E_UPDATE | E_ACC),
	KNOWN(ADD, ADD, E_UPDATE),
	KNOWN(OR, OR, E_UPDATE),
	KNOWN(ADC, ADC, E_UPDATE),
	KNOWN(SBB, SBB, E_UPDATE),
	KNOWN(AND, AND, E_UPDATE),
	KNOWN(SUB, SUB, E_UPDATE),
	KNOWN(XOR, XOR, E_UPDATE),
	KNOWN(CMP, CMP, E_READ0),
	KNOWN(TEST, TEST, E_READ0),
	KNOWN(INC, INC, E_UPDATE),
	KNOWN(DEC, DEC, E_UPDATE),
	KNOWN(NOT, NOT, E_UPDATE),
	KNOWN(NEG, NEG, E_UPDATE),
	KNOWN(BT, BT, E_READ0 | E_BITS),
	KNOWN(BTS, BTS, E_UPDATE | E_BITS),
	KNOWN(BTR, BTR, E_UPDATE | E_BITS),
	KNOWN(BTC, BTC, E_UPDATE | E_BITS),
	KNOWN(MOVSB, MOV, E_MOVE), KNOWN(MOVSW, MOV, E_MOVE),
	KNOWN(MOVSD, MOV, E_MOVE), KNOWN(MOVSQ, MOV, E_MOVE),
	KNOWN(STOSB, MOV, E_MOVE), KNOWN(STOSW, MOV, E_MOVE),
	KNOWN(STOSD, MOV, E_MOVE), KNOWN(STOSQ, MOV, E_MOVE),
	KNOWN(LODSB, MOV, E_MOVE), KNOWN(LODSW, MOV, E_MOVE),
	KNOWN(LODSD, MOV, E_MOVE), KNOWN(LODSQ, MOV, E_MOVE),
	KNOWN(CMPSB, CMP, E_COMPARE), KNOWN(CMPSW, CMP, E_COMPARE),
	KNOWN(CMPSD, CMP, E_COMPARE), KNOWN(CMPSQ, CMP, E_COMPARE),
	KNOWN(SCASB, CMP, E_COMPARE), KNOWN(SCASW, CMP, E_COMPARE),
	KNOWN(SCASD, CMP, E_COMPARE), KNOWN(SCASQ, CMP, E_COMPARE),
};

static const struct known *look_up(const ZydisDecodedInstruction *z)
{
	unsigned int i;

	/* MOVSD and CMPSD are also names of SSE instructions: map 0f */
	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].mnemonic == z->mnemonic)
			return (table[i].flags & E_STRING) && z->opcode_map ?
				NULL : &table[i];
	return NULL;
}

static bool is_general(ZydisRegister reg)
{
	return reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_R15;
}

/* The byte registers stand as AL..BL, AH..BH, SPL..DIL, R8B..R15B. */
static void set_byte_register(struct eoperand *o, ZydisRegister reg)
{
	if (reg >= ZYDIS_REGISTER_SPL) {
		o->reg = reg - ZYDIS_REGISTER_SPL + INSN_RSP;
	} else if (reg >= ZYDIS_REGISTER_AH) {
		o->reg = reg - ZYDIS_REGISTER_AH;
		o->high = true;
	} else {
		o->reg = reg - ZYDIS_REGISTER_AL;
	}
}

static int set_register(struct eoperand *o, ZydisRegister reg)
{
	if (!is_general(reg))
		return svmvcpu_fail(ENOTSUP, "not emulated: operand %s",
				    ZydisRegisterGetString(reg));
	o->kind = EOPERAND_REG;
	if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR8)
		set_byte_register(o, reg);
	else
		o->reg = ZydisRegisterGetId(reg);
	return 0;
}

static u8 address_register(ZydisRegister reg)
{
	return is_general(reg) ? ZydisRegisterGetId(reg) : INSN_NO_REG;
}

static void set_memory(struct eoperand *o, const ZydisDecodedOperandMem *mem,
		       unsigned int addr_bytes)
{
	o->kind = EOPERAND_MEM;
	o->mem = (struct ginsn_mem){
		.disp = mem->disp.has_displacement ? mem->disp.value : 0,
		.base = address_register(mem->base),
		.index = address_register(mem->index),
		.scale = mem->scale,
		.seg = mem->segment - ZYDIS_REGISTER_ES,
		.addr_bytes = addr_bytes,
		.rip_relative = mem->base == ZYDIS_REGISTER_RIP ||
				mem->base == ZYDIS_REGISTER_EIP,
	};
}

/*
 * SIB base 5 without displacement in ModRM means a displacement and no base,
 * also when REX.B makes it R13. Zydis 4.0 misses that for 32-bit addresses.
 */
static void fix_base(struct eoperand *o, const ZydisDecodedInstruction *z)
{
	if (!(z->attributes & ZYDIS_ATTRIB_HAS_SIB) || z->raw.modrm.mod ||
	    z->raw.sib.base != 5)
		return;
	o->mem.base = INSN_NO_REG;
	o->mem.disp = z->raw.disp.value;
}

static int set_operand(struct einsn *insn, struct eoperand *o,
		       const ZydisDecodedInstruction *whole,
		       const ZydisDecodedOperand *z)
{
	o->bytes = z->size / 8;
	switch (z->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return set_register(o, z->reg.value);
	case ZYDIS_OPERAND_TYPE_MEMORY:
		set_memory(o, &z->mem, insn->addr_bytes);
		fix_base(o, whole);
		return 0;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		o->kind = EOPERAND_IMM;
		o->imm = z->imm.value.u;
		return 0;
	default:
		return svmvcpu_fail(ENOTSUP, "not emulated: a far pointer");
	}
}

/* Hidden operands are those of string instructions, and flags of the others. */
static int set_operands(struct einsn *insn, const ZydisDecodedInstruction *z,
			const ZydisDecodedOperand *operands)
{
	unsigned int nr = z->operand_count_visible, i;
	int err = 0;

	if (insn->flags & E_STRING)
		nr = 2;
	for (i = 0; i < nr && i < 2 && !err; i++)
		err = set_operand(insn, &insn->operand[i], z, &operands[i]);
	if (err)
		return err;
	if (insn->operand[0].kind != EOPERAND_MEM &&
	    insn->operand[1].kind != EOPERAND_MEM)
		return svmvcpu_fail(ENOTSUP, "not emulated: %s without memory operand",
				    ZydisMnemonicGetString(z->mnemonic));
	return 0;
}

/* Either prefix repeats; which one matters to CMPS and SCAS. The last counts. */
static void set_repeat(struct einsn *insn, const ZydisDecodedInstruction *z)
{
	unsigned int i = z->raw.prefix_count;

	if (!(insn->flags & E_STRING))
		return;
	while (i--) {
		if (z->raw.prefixes[i].value != 0xf2 && z->raw.prefixes[i].value != 0xf3)
			continue;
		insn->flags |= E_REP;
		if (z->raw.prefixes[i].value == 0xf2)
			insn->flags |= E_REPNE;
		return;
	}
}

/* Zydis' own real mode knows less; for the instructions here it is legacy. */
static void init_decoder(ZydisDecoder *decoder, enum guest_mode mode)
{
	if (mode == GUEST_LONG64)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64,
				 ZYDIS_STACK_WIDTH_64);
	else if (guest_mode_is_32(mode))
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32,
				 ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16,
				 ZYDIS_STACK_WIDTH_16);
}

/**
 * einsn_decode() - decode an instruction that is executed here
 * @insn: result
 * @bytes: instruction bytes
 * @len: how many there are
 * @mode: guest CPU mode
 *
 * Return: 0, or -ENOTSUP and a reason.
 */
int einsn_decode(struct einsn *insn, const u8 *bytes, unsigned int len,
		 enum guest_mode mode)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	const struct known *known;
	ZydisDecoder decoder;
	ZyanStatus status;

	memset(insn, 0, sizeof(*insn));
	init_decoder(&decoder, mode);
	status = ZydisDecoderDecodeFull(&decoder, bytes, len, &z, operands);
	if (status == ZYDIS_STATUS_NO_MORE_DATA)
		return svmvcpu_fail(ENOTSUP, "%u instruction bytes are not all", len);
	if (!ZYAN_SUCCESS(status))
		return svmvcpu_fail(ENOTSUP, "the bytes are not an instruction");
	known = look_up(&z);
	if (!known)
		return svmvcpu_fail(ENOTSUP, "not emulated: %s",
				    ZydisMnemonicGetString(z.mnemonic));
	insn->op = known->op;
	insn->flags = known->flags;
	insn->len = z.length;
	insn->addr_bytes = z.address_width / 8;
	set_repeat(insn, &z);
	return set_operands(insn, &z, operands);
}
