// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: decodes bytes to struct einsn, with Zydis. The only file that uses
 * Zydis; it has the table of instructions that are executed.
 */
#include <errno.h>

#include <Zydis/Zydis.h>

#include "machine.h"

struct known {
	ZydisMnemonic mnemonic;
	einsn_fn execute;
	enum alu_op op;
	unsigned int flags;
};

#define E_UPDATE	(E_READ0 | E_WRITE0)
#define E_MOVE	(E_STRING | E_WRITE0)
#define E_COMPARE	(E_STRING | E_READ0 | E_UNTIL)
#define E_INS	(E_STRING | E_WRITE0 | E_IN | E_KERNEL)
#define E_OUTS	(E_STRING | E_OUT | E_KERNEL)

#define KNOWN(name, op, flags)	{ ZYDIS_MNEMONIC_##name, execute_alu, ALU_##op, flags }
#define OTHER(name, how, flags)	{ ZYDIS_MNEMONIC_##name, execute_##how, ALU_NONE, flags }

static const struct known table[] = {
	KNOWN(MOV, MOV, E_WRITE0),
	KNOWN(MOVNTI, MOV, E_WRITE0),
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
	KNOWN(BSF, BSF, E_WRITE0),
	KNOWN(BSR, BSR, E_WRITE0),
	KNOWN(MUL, MUL_ACC, E_READ0 | E_PRODUCT),
	KNOWN(IMUL, IMUL, E_UPDATE),	/* and see set_imul() */
	KNOWN(SHL, SHL, E_UPDATE), KNOWN(SHR, SHR, E_UPDATE),
	KNOWN(SAR, SAR, E_UPDATE), KNOWN(ROL, ROL, E_UPDATE),
	KNOWN(ROR, ROR, E_UPDATE), KNOWN(RCL, RCL, E_UPDATE),
	KNOWN(RCR, RCR, E_UPDATE),
	KNOWN(SHLD, SHLD, E_UPDATE), KNOWN(SHRD, SHRD, E_UPDATE),
	KNOWN(SMSW, MOV, E_WRITE0 | E_HIDDEN | E_UMIP | E_KERNEL),
	KNOWN(SLDT, MOV, E_WRITE0 | E_HIDDEN | E_UMIP | E_PROTECTED),
	KNOWN(STR, MOV, E_WRITE0 | E_HIDDEN | E_UMIP | E_PROTECTED),
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
	KNOWN(INSB, MOV, E_INS), KNOWN(INSW, MOV, E_INS), KNOWN(INSD, MOV, E_INS),
	KNOWN(OUTSB, MOV, E_OUTS), KNOWN(OUTSW, MOV, E_OUTS), KNOWN(OUTSD, MOV, E_OUTS),
	OTHER(CMPXCHG8B, cmpxchg_pair, 0),
	OTHER(CMPXCHG16B, cmpxchg_pair, E_ALIGNED),
	OTHER(LLDT, lldt, E_CPL0 | E_PROTECTED), OTHER(LTR, ltr, E_CPL0 | E_PROTECTED),
	OTHER(PUSH, push, E_STACK),
	OTHER(PUSHF, pushf, E_STACK | E_NO_VM86), OTHER(PUSHFD, pushf, E_STACK | E_NO_VM86),
	OTHER(PUSHFQ, pushf, E_STACK),
	OTHER(POP, pop, E_STACK),
	OTHER(LEAVE, leave, E_STACK),
	OTHER(CALL, call, E_STACK | E_BRANCH),
	OTHER(RET, ret, E_STACK | E_BRANCH),
	OTHER(JMP, jmp, E_BRANCH),
	OTHER(MOVD, vector, 0), OTHER(MOVQ, vector, 0),
	OTHER(MOVSS, vector, 0), OTHER(MOVSD, vector, 0),
	OTHER(MOVDQU, vector, 0), OTHER(MOVUPS, vector, 0),
	OTHER(MOVUPD, vector, 0), OTHER(LDDQU, vector, 0),
	OTHER(MOVDQA, vector, E_ALIGNED), OTHER(MOVAPS, vector, E_ALIGNED),
	OTHER(MOVAPD, vector, E_ALIGNED), OTHER(MOVNTDQ, vector, E_ALIGNED),
	OTHER(MOVNTDQA, vector, E_ALIGNED), OTHER(MOVNTPS, vector, E_ALIGNED),
	OTHER(MOVNTPD, vector, E_ALIGNED),
};

/* 16 mnemonics each, one for each condition */
static const struct known cmov = { .execute = execute_alu, .op = ALU_CMOV, .flags = E_UPDATE };
static const struct known set = { .execute = execute_alu, .op = ALU_SET, .flags = E_WRITE0 };

/* MOVSD and CMPSD are string instructions, and SSE instructions in map 0f */
static const struct known *look_up(const ZydisDecodedInstruction *z)
{
	unsigned int i;

	if (z->meta.category == ZYDIS_CATEGORY_CMOV)
		return &cmov;
	if (z->meta.category == ZYDIS_CATEGORY_SETCC)
		return &set;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].mnemonic == z->mnemonic &&
		    !((table[i].flags & E_STRING) && z->opcode_map))
			return &table[i];
	return NULL;
}

static bool is_general(ZydisRegister reg)
{
	return reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_R15;
}

/* Order of the byte registers: AL..BL, AH..BH, SPL..DIL, R8B..R15B. */
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

static int set_general(struct eoperand *o, ZydisRegister reg)
{
	o->kind = EOPERAND_REG;
	if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR8)
		set_byte_register(o, reg);
	else
		o->reg = ZydisRegisterGetId(reg);
	return 0;
}

static int set_special(struct eoperand *o, enum eoperand_kind kind, unsigned int reg)
{
	o->kind = kind;
	o->reg = reg;
	return 0;
}

/* Loading a segment register takes a descriptor: these operands are read only. */
static int set_register(struct einsn *insn, struct eoperand *o, ZydisRegister reg)
{
	bool source = o != &insn->operand[0] || insn->execute == execute_push;

	if (is_general(reg))
		return set_general(o, reg);
	if (insn->execute == execute_vector && reg >= ZYDIS_REGISTER_XMM0 &&
	    reg <= ZYDIS_REGISTER_XMM15)
		return set_special(o, EOPERAND_XMM, reg - ZYDIS_REGISTER_XMM0);
	if (source && reg >= ZYDIS_REGISTER_ES && reg <= ZYDIS_REGISTER_GS)
		return set_special(o, EOPERAND_SELECTOR, reg - ZYDIS_REGISTER_ES);
	if (source && reg == ZYDIS_REGISTER_LDTR)
		return set_special(o, EOPERAND_SELECTOR, SELECTOR_LDTR);
	if (source && reg == ZYDIS_REGISTER_TR)
		return set_special(o, EOPERAND_SELECTOR, SELECTOR_TR);
	if (source && reg == ZYDIS_REGISTER_CR0)
		return set_special(o, EOPERAND_CR0, 0);
	return svmvcpu_fail(ENOTSUP, "not emulated: operand %s",
			    ZydisRegisterGetString(reg));
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
 * SIB base 5 without displacement in ModRM means a displacement without base, also when
 * REX.B makes it R13. Zydis 4.0 gets this wrong for 32-bit addresses.
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
		return set_register(insn, o, z->reg.value);
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

/* The stack operand of PUSH and the like is hidden. */
static unsigned int stack_bytes(const ZydisDecodedInstruction *z,
				const ZydisDecodedOperand *operands)
{
	unsigned int i;

	for (i = z->operand_count_visible; i < z->operand_count; i++)
		if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			return operands[i].size / 8;
	return 0;
}

/* String instructions have hidden operands, and most others have hidden flags. */
static int set_operands(struct einsn *insn, const ZydisDecodedInstruction *z,
			const ZydisDecodedOperand *operands)
{
	unsigned int nr = z->operand_count_visible, i;
	int err = 0;

	if (insn->flags & (E_STRING | E_HIDDEN))
		nr = 2;
	for (i = 0; i < nr && i < EINSN_OPERANDS && !err; i++)
		err = set_operand(insn, &insn->operand[i], z, &operands[i]);
	if (err)
		return err;
	if (insn->flags & E_STACK)
		insn->stack_bytes = stack_bytes(z, operands);
	else if (insn->operand[0].kind != EOPERAND_MEM &&
		 insn->operand[1].kind != EOPERAND_MEM)
		return svmvcpu_fail(ENOTSUP, "not emulated: %s without memory operand",
				    ZydisMnemonicGetString(z->mnemonic));
	return 0;
}

/* One mnemonic with one, two and three operands */
static void set_imul(struct einsn *insn, const ZydisDecodedInstruction *z)
{
	if (z->operand_count_visible == 1) {
		insn->op = ALU_IMUL_ACC;
		insn->flags = E_READ0 | E_PRODUCT;
	} else if (z->operand_count_visible == 3) {
		insn->op = ALU_IMUL3;
		insn->flags = E_WRITE0;
	}
}

/* Far branches load CS. In 64-bit code, CPUs treat prefix 66 differently. */
static int check_branch(const ZydisDecodedInstruction *z, enum guest_mode mode)
{
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return svmvcpu_fail(ENOTSUP, "not emulated: far %s",
				    ZydisMnemonicGetString(z->mnemonic));
	if (mode == GUEST_LONG64 && (z->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE))
		return svmvcpu_fail(ENOTSUP, "not emulated: 16-bit %s in 64-bit code",
				    ZydisMnemonicGetString(z->mnemonic));
	return 0;
}

/* Either prefix repeats; CMPS and SCAS distinguish them. The last one counts. */
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

/* Zydis' real mode lacks instructions; for those executed here it equals legacy mode. */
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
		return svmvcpu_fail(ENOTSUP, "the %u instruction bytes are incomplete", len);
	if (!ZYAN_SUCCESS(status))
		return svmvcpu_fail(ENOTSUP, "the bytes are not an instruction");
	known = look_up(&z);
	if (!known)
		return svmvcpu_fail(ENOTSUP, "not emulated: %s",
				    ZydisMnemonicGetString(z.mnemonic));
	insn->execute = known->execute;
	insn->op = known->op;
	insn->flags = known->flags;
	insn->len = z.length;
	insn->addr_bytes = z.address_width / 8;
	insn->cond = z.opcode & 15;
	if (insn->op == ALU_IMUL)
		set_imul(insn, &z);
	set_repeat(insn, &z);
	if (insn->flags & E_BRANCH) {
		int err = check_branch(&z, mode);

		if (err)
			return err;
	}
	return set_operands(insn, &z, operands);
}
