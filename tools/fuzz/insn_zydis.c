// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares the kernel's instruction decoder with Zydis, and checks for reads beyond the
 * end.
 *
 * Prints TAP. Run by the host tests; the same seed gives the same instructions
 * everywhere.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#include "insn_gen.h"

#define MAX_REPORTS	10		/* differences printed per mode */

struct mode {
	const char *name;
	enum guest_mode guest;
	ZydisMachineMode machine;
	ZydisStackWidth stack;
	unsigned int share;		/* of twelve parts: a third per width */
};

/* Zydis' real mode refuses SVM instructions, so real mode uses legacy mode, too. */
static const struct mode modes[] = {
	{ "real", GUEST_REAL, ZYDIS_MACHINE_MODE_LEGACY_16,
	  ZYDIS_STACK_WIDTH_16, 1 },
	{ "virtual-8086", GUEST_VM86, ZYDIS_MACHINE_MODE_LEGACY_16,
	  ZYDIS_STACK_WIDTH_16, 1 },
	{ "16-bit protected", GUEST_PROT16, ZYDIS_MACHINE_MODE_LEGACY_16,
	  ZYDIS_STACK_WIDTH_16, 1 },
	{ "16-bit compatibility", GUEST_COMPAT16,
	  ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16, 1 },
	{ "32-bit protected", GUEST_PROT32, ZYDIS_MACHINE_MODE_LEGACY_32,
	  ZYDIS_STACK_WIDTH_32, 2 },
	{ "32-bit compatibility", GUEST_COMPAT32,
	  ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32, 2 },
	{ "64-bit", GUEST_LONG64, ZYDIS_MACHINE_MODE_LONG_64,
	  ZYDIS_STACK_WIDTH_64, 4 },
};

/* Mnemonics of Zydis that belong to one class of the decoder for all encodings */
struct name {
	ZydisMnemonic mnemonic;
	enum ginsn_class class;
};

#define SAME(name)		{ ZYDIS_MNEMONIC_##name, INSN_##name }
#define ALIAS(name, class)	{ ZYDIS_MNEMONIC_##name, INSN_##class }

static const struct name names[] = {
	SAME(CPUID), SAME(RDMSR), SAME(WRMSR), SAME(HLT), SAME(PAUSE),
	SAME(RSM), SAME(RDTSC), SAME(RDTSCP), SAME(RDPMC), SAME(RDPRU),
	SAME(XSETBV), SAME(VMRUN), SAME(VMMCALL), SAME(VMLOAD),
	SAME(VMSAVE), SAME(STGI), SAME(CLGI), SAME(SKINIT), SAME(INVLPGA),
	SAME(INVD), SAME(WBINVD), SAME(INVLPG), SAME(INVPCID),
	SAME(MONITOR), SAME(MWAIT), SAME(MONITORX), SAME(MWAITX),
	SAME(CLTS), SAME(LMSW), SAME(SMSW), SAME(IN), SAME(OUT),
	SAME(INT1), SAME(INT3), SAME(INTO), SAME(INT), SAME(IRET),
	SAME(PUSHF), SAME(POPF), SAME(MOVZX), SAME(MOVSX),
	ALIAS(INSB, INS), ALIAS(INSW, INS), ALIAS(INSD, INS),
	ALIAS(OUTSB, OUTS), ALIAS(OUTSW, OUTS), ALIAS(OUTSD, OUTS),
	ALIAS(IRETD, IRET), ALIAS(IRETQ, IRET), ALIAS(PUSHFD, PUSHF),
	ALIAS(PUSHFQ, PUSHF), ALIAS(POPFD, POPF), ALIAS(POPFQ, POPF),
	ALIAS(MOVSXD, MOVSX), ALIAS(MOVSB, MOVS), ALIAS(MOVSW, MOVS),
	ALIAS(MOVSQ, MOVS), ALIAS(STOSB, STOS), ALIAS(STOSW, STOS),
	ALIAS(STOSD, STOS), ALIAS(STOSQ, STOS),
};

struct tally {
	unsigned long compared;
	unsigned long accepted;
	unsigned long unknown;
	unsigned long invalid;
	unsigned long too_long;
	unsigned long excused;
	unsigned long differences;
	unsigned long classes[INSN_NR_CLASSES];
};

static unsigned int tap_points;
static unsigned int tap_failures;

static void tap(bool ok, const char *what)
{
	tap_points++;
	tap_failures += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", tap_points, what);
}

static enum ginsn_class mov_class(const ZydisDecodedInstruction *z)
{
	if (z->opcode_map == ZYDIS_OPCODE_MAP_0F) {
		switch (z->opcode) {
		case 0x20: return INSN_MOV_FROM_CR;
		case 0x21: return INSN_MOV_FROM_DR;
		case 0x22: return INSN_MOV_TO_CR;
		case 0x23: return INSN_MOV_TO_DR;
		}
		return INSN_NONE;
	}
	if ((z->opcode >= 0x88 && z->opcode <= 0x8b) ||
	    (z->opcode >= 0xa0 && z->opcode <= 0xa3) ||
	    (z->opcode & 0xfe) == 0xc6)
		return INSN_MOV;
	return INSN_NONE;
}

/* Zydis 4.0 decodes f3 0f 09 as WBINVD and has no name for WBNOINVD. */
static bool is_wbnoinvd(const ZydisDecodedInstruction *z)
{
	unsigned int i = z->raw.prefix_count;

	while (i--)
		if ((z->raw.prefixes[i].value & 0xfe) == 0xf2)
			return z->raw.prefixes[i].value == 0xf3;
	return false;
}

/* The class that the decoder should give to what Zydis decoded */
static enum ginsn_class expected_class(const ZydisDecodedInstruction *z)
{
	unsigned int i;

	if (z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return INSN_NONE;
	if (z->mnemonic == ZYDIS_MNEMONIC_MOV)
		return mov_class(z);
	if (z->mnemonic == ZYDIS_MNEMONIC_MOVSD)	/* shared with SSE2 */
		return z->opcode == 0xa5 ? INSN_MOVS : INSN_NONE;
	if (z->mnemonic == ZYDIS_MNEMONIC_WBINVD && is_wbnoinvd(z))
		return INSN_WBNOINVD;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].mnemonic == z->mnemonic)
			return names[i].class;
	return INSN_NONE;
}

static ZydisRegister gpr(unsigned int reg, unsigned int bytes, bool high)
{
	switch (bytes) {
	case 1:	/* Zydis orders AH..BH between BL and SPL. */
		return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR8,
					   reg + (high || reg > 3 ? 4 : 0));
	case 2:
		return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR16, reg);
	case 4:
		return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR32, reg);
	}
	return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR64, reg);
}

static bool reg_differs(const ZydisDecodedOperand *op, ZydisRegister reg,
			unsigned int bytes)
{
	return op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	       op->reg.value != reg || op->size != 8 * bytes;
}

static const char *mem_difference(const struct ginsn_mem *mem,
				  const ZydisDecodedOperand *op)
{
	ZydisRegister base = ZYDIS_REGISTER_NONE, index = ZYDIS_REGISTER_NONE;

	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY)
		return "memory operand expected";
	if (mem->rip_relative)
		base = mem->addr_bytes == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP;
	else if (mem->base != INSN_NO_REG)
		base = gpr(mem->base, mem->addr_bytes, false);
	if (mem->index != INSN_NO_REG)
		index = gpr(mem->index, mem->addr_bytes, false);
	if (op->mem.base != base)
		return "base";
	if (op->mem.index != index)
		return "index";
	if (index != ZYDIS_REGISTER_NONE && op->mem.scale != mem->scale)
		return "scale";
	if (op->mem.segment != ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, mem->seg))
		return "segment";
	if ((u64)op->mem.disp.value != mem->disp)
		return "displacement";
	return NULL;
}

/*
 * The r/m operand: memory or a general register. A register is not wider than the
 * operation: MOVSXD with 66 loads 32 bits, but names AX.
 */
static const char *rm_difference(const struct ginsn *insn,
				 const ZydisDecodedOperand *op)
{
	unsigned int bytes = insn->rm_bytes;

	if (!(insn->flags & INSN_F_MEM)) {
		if (bytes > insn->op_bytes)
			bytes = insn->op_bytes;
		return reg_differs(op, gpr(insn->rm, bytes,
					   insn->flags & INSN_F_RM_HIGH),
				   bytes) ? "r/m register" : NULL;
	}
	if (insn->rm_bytes && op->size != 8 * insn->rm_bytes)
		return "memory width";
	return mem_difference(&insn->mem, op);
}

static const char *reg_difference(const struct ginsn *insn,
				  const ZydisDecodedOperand *op)
{
	return reg_differs(op, gpr(insn->reg, insn->op_bytes,
				   insn->flags & INSN_F_REG_HIGH),
			   insn->op_bytes) ? "register" : NULL;
}

static const char *imm_difference(const struct ginsn *insn,
				  const ZydisDecodedOperand *op,
				  unsigned int bytes)
{
	if (op->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return "immediate expected";
	if (ginsn_low_bytes(op->imm.value.u, bytes) != insn->imm)
		return "immediate";
	return NULL;
}

static const char *mov_difference(const struct ginsn *insn,
				  const ZydisDecodedOperand *ops)
{
	bool write = insn->flags & INSN_F_WRITE;
	const ZydisDecodedOperand *rm = &ops[write ? 0 : 1];
	const ZydisDecodedOperand *other = &ops[write ? 1 : 0];
	const char *diff = rm_difference(insn, rm);

	if (diff)
		return diff;
	if (insn->flags & INSN_F_IMM)
		return imm_difference(insn, other, insn->op_bytes);
	return reg_difference(insn, other);
}

static const char *control_difference(const struct ginsn *insn,
				      const ZydisDecodedOperand *ops)
{
	bool to = insn->class == INSN_MOV_TO_CR || insn->class == INSN_MOV_TO_DR;
	bool cr = insn->class == INSN_MOV_TO_CR || insn->class == INSN_MOV_FROM_CR;
	ZydisRegister special;

	special = ZydisRegisterEncode(cr ? ZYDIS_REGCLASS_CONTROL :
				      ZYDIS_REGCLASS_DEBUG, insn->reg);
	if (ops[!to].reg.value != special)
		return "control or debug register";
	if (reg_differs(&ops[to], gpr(insn->rm, insn->op_bytes, false),
			insn->op_bytes))
		return "general register";
	return NULL;
}

static const char *io_difference(const struct ginsn *insn,
				 const ZydisDecodedOperand *ops)
{
	bool out = insn->class == INSN_OUT;
	const char *diff = reg_difference(insn, &ops[out]);

	if (diff)
		return diff;
	if (insn->flags & INSN_F_IMM)
		return imm_difference(insn, &ops[!out], 1);
	return ops[!out].reg.value == ZYDIS_REGISTER_DX ? NULL : "port";
}

static const char *string_difference(const struct ginsn *insn,
				     const ZydisDecodedOperand *ops)
{
	bool source = insn->class == INSN_OUTS || insn->class == INSN_MOVS;
	bool write = insn->flags & INSN_F_WRITE;
	const char *diff;

	if (write == source)
		return "direction";
	if (insn->class == INSN_STOS && reg_difference(insn, &ops[1]))
		return "register";
	if (insn->class == INSN_MOVS) {
		diff = mem_difference(&insn->dst, &ops[0]);
		if (diff)
			return diff;
	}
	if (ops[source].size != 8 * insn->op_bytes)
		return "element width";
	return mem_difference(&insn->mem, &ops[source]);
}

static const char *operand_difference(const struct ginsn *insn,
				      const ZydisDecodedInstruction *z,
				      const ZydisDecodedOperand *ops)
{
	const char *diff;

	switch (insn->class) {
	case INSN_MOV:
	case INSN_MOVZX:
	case INSN_MOVSX:
		return mov_difference(insn, ops);
	case INSN_MOV_FROM_CR:
	case INSN_MOV_TO_CR:
	case INSN_MOV_FROM_DR:
	case INSN_MOV_TO_DR:
		return control_difference(insn, ops);
	case INSN_LMSW:
	case INSN_SMSW:
	case INSN_INVLPG:
		return rm_difference(insn, &ops[0]);
	case INSN_INVPCID:
		diff = reg_difference(insn, &ops[0]);
		return diff ? diff : rm_difference(insn, &ops[1]);
	case INSN_IN:
	case INSN_OUT:
		return io_difference(insn, ops);
	case INSN_INS:
	case INSN_OUTS:
	case INSN_MOVS:
	case INSN_STOS:
		return string_difference(insn, ops);
	case INSN_INT:
		return imm_difference(insn, &ops[0], 1);
	case INSN_PUSHF:
	case INSN_POPF:
	case INSN_IRET:
		return z->operand_width == 8 * insn->op_bytes ? NULL : "width";
	}
	return NULL;
}

static u8 rex_of(const ZydisDecodedInstruction *z)
{
	if (!(z->attributes & ZYDIS_ATTRIB_HAS_REX))
		return 0;
	return 0x40 | z->raw.rex.W << 3 | z->raw.rex.R << 2 | z->raw.rex.X << 1 |
	       z->raw.rex.B;
}

/* Zydis distinguishes REP from REPE by opcode; the decoder treats f2 and f3 alike. */
static bool rep_of(const ZydisDecodedInstruction *z)
{
	return z->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
				ZYDIS_ATTRIB_HAS_REPNE);
}

static const char *insn_difference(const struct ginsn *insn,
				   const ZydisDecodedInstruction *z,
				   const ZydisDecodedOperand *ops)
{
	bool modrm = z->attributes & ZYDIS_ATTRIB_HAS_MODRM;

	if (insn->class != expected_class(z))
		return "class";
	if (insn->len != z->length)
		return "length";
	if (insn->addr_bytes * 8 != z->address_width)
		return "address width";
	if (insn->rex != rex_of(z))
		return "rex";
	if (modrm != !!(insn->flags & INSN_F_MODRM))
		return "modrm presence";
	if (modrm && insn->modrm != (z->raw.modrm.mod << 6 |
				     z->raw.modrm.reg << 3 | z->raw.modrm.rm))
		return "modrm";
	if ((insn->flags & INSN_F_STRING) && ginsn_is_rep(insn) != rep_of(z))
		return "repeat";
	return operand_difference(insn, z, ops);
}

/*
 * Compares one result. Returns NULL if both agree, otherwise what differs. Both name
 * refusals differently, so only the kind of refusal is compared.
 */
static const char *verdict(int ret, const struct ginsn *insn, ZyanStatus status,
			   const ZydisDecodedInstruction *z,
			   const ZydisDecodedOperand *ops)
{
	bool ok = ZYAN_SUCCESS(status);

	switch (ret) {
	case 0:
		return ok ? insn_difference(insn, z, ops) : "accepted here only";
	case INSN_TOO_LONG:
		return status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ? NULL :
			"too long here only";
	case INSN_INVALID:
		return ok ? "invalid here only" : NULL;
	case INSN_UNKNOWN:
		return ok && expected_class(z) ? "unknown here only" : NULL;
	}
	return "unexpected return";
}

static ZyanStatus zydis(const struct mode *m, const u8 *bytes, unsigned int nr,
			ZydisDecodedInstruction *z, ZydisDecodedOperand *ops)
{
	static ZydisDecoder decoders[ARRAY_SIZE(modes)];
	static bool ready[ARRAY_SIZE(modes)];
	unsigned int i = m - modes;

	if (!ready[i])
		ZydisDecoderInit(&decoders[i], m->machine, m->stack);
	ready[i] = true;
	return ZydisDecoderDecodeFull(&decoders[i], bytes, nr, z, ops);
}

/* Compares both decoders on the same bytes. */
static const char *compare(const struct mode *m, const u8 *bytes,
			   struct ginsn *insn, int *ret)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	ZyanStatus status;

	*ret = ginsn_decode(insn, bytes, WINDOW, m->guest);
	status = zydis(m, bytes, WINDOW, &z, ops);
	return verdict(*ret, insn, status, &z, ops);
}

/* Position of the opcode, by the shortest definition of a prefix */
static unsigned int opcode_position(const u8 *bytes, const struct mode *m)
{
	unsigned int i = 0;

	while (memchr(prefixes, bytes[i], sizeof(prefixes)) ||
	       (m->guest == GUEST_LONG64 && (bytes[i] & 0xf0) == 0x40))
		i++;
	return i;
}

/*
 * Known difference 1: LOCK MOV CR0 is MOV CR8 on AMD processors, according to their
 * manual; Zydis refuses it. Without LOCK both must decode MOV CR0.
 */
static bool excuse_lock_cr8(const struct mode *m, const u8 *bytes,
			    const struct ginsn *insn)
{
	unsigned int i, opcode = opcode_position(bytes, m);
	struct ginsn other;
	u8 plain[WINDOW];
	int ret;

	if ((insn->class != INSN_MOV_TO_CR && insn->class != INSN_MOV_FROM_CR) ||
	    !(insn->prefixes & INSN_P_LOCK) || insn->reg != 8)
		return false;
	for (i = 0; i < WINDOW; i++)	/* 66 is ignored by MOV CR */
		plain[i] = i < opcode && bytes[i] == 0xf0 ? 0x66 : bytes[i];
	if (compare(m, plain, &other, &ret) || ret || other.reg)
		return false;
	other.reg = 8;
	other.prefixes = insn->prefixes;
	return !memcmp(insn, &other, sizeof(other));
}

/*
 * Known difference 2: REX.B does not add a base register to the SIB form without one.
 * Zydis 4.0 gets this wrong with 32-bit addresses (zydis issue 592). Without REX.B both
 * must agree.
 */
static bool excuse_sib_base(const struct mode *m, const u8 *bytes,
			    const struct ginsn *insn)
{
	struct ginsn other;
	u8 plain[WINDOW];
	int ret;

	if (insn->addr_bytes != 4 || !(insn->rex & 1) ||
	    (insn->modrm & 0xc7) != 0x04 || (insn->sib & 7) != 5)
		return false;
	memcpy(plain, bytes, WINDOW);
	plain[opcode_position(bytes, m) - 1] &= ~1;
	if (compare(m, plain, &other, &ret) || ret)
		return false;
	other.rex |= 1;
	return !memcmp(insn, &other, sizeof(other));
}

static void count(struct tally *t, int ret, const struct ginsn *insn)
{
	t->compared++;
	t->accepted += ret == 0;
	t->unknown += ret == INSN_UNKNOWN;
	t->invalid += ret == INSN_INVALID;
	t->too_long += ret == INSN_TOO_LONG;
	t->classes[insn->class]++;
}

static const char *class_name(unsigned int class)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].class == class)
			return ZydisMnemonicGetString(names[i].mnemonic);
	switch (class) {
	case INSN_MOV: return "mov";
	case INSN_MOV_FROM_CR: return "mov-from-cr";
	case INSN_MOV_TO_CR: return "mov-to-cr";
	case INSN_MOV_FROM_DR: return "mov-from-dr";
	case INSN_MOV_TO_DR: return "mov-to-dr";
	case INSN_WBNOINVD: return "wbnoinvd";
	}
	return "none";
}

static void report(const struct mode *m, const u8 *bytes, const char *diff,
		   int ret, const struct ginsn *insn)
{
	ZydisDisassembledInstruction dis;
	unsigned int i;

	printf("# %s: %s:", m->name, diff);
	for (i = 0; i < INSN_MAX_LEN; i++)
		printf(" %02x", bytes[i]);
	printf(": returned %d, length %u, %s", ret, insn->len,
	       class_name(insn->class));
	if (ZYAN_SUCCESS(ZydisDisassembleIntel(m->machine, 0, bytes, WINDOW, &dis)))
		printf("; Zydis: %s, length %u\n", dis.text, dis.info.length);
	else
		printf("; Zydis refuses\n");
}

static void compare_mode(const struct mode *m, unsigned long n, struct tally *t)
{
	struct ginsn insn;
	const char *diff;
	u8 bytes[WINDOW];
	int ret;

	while (n--) {
		generate(bytes, m->guest);
		diff = compare(m, bytes, &insn, &ret);
		count(t, ret, &insn);
		if (!diff)
			continue;
		if (!ret && (excuse_lock_cr8(m, bytes, &insn) ||
			     excuse_sib_base(m, bytes, &insn))) {
			t->excused++;
			continue;
		}
		if (t->differences++ < MAX_REPORTS)
			report(m, bytes, diff, ret, &insn);
	}
	printf("# %s: compared %lu, accepted %lu, unknown %lu, invalid %lu, ",
	       m->name, t->compared, t->accepted, t->unknown, t->invalid);
	printf("too long %lu, known differences %lu, differences %lu\n",
	       t->too_long, t->excused, t->differences);
}

/* Did the generator reach each class? INTO does not exist in 64-bit mode. */
static bool classes_covered(const struct mode *m, const struct tally *t)
{
	bool all = true;
	unsigned int i;

	printf("# %s: per class:", m->name);
	for (i = 1; i < INSN_NR_CLASSES; i++) {
		printf(" %s %lu", class_name(i), t->classes[i]);
		if (!t->classes[i] &&
		    !(i == INSN_INTO && m->guest == GUEST_LONG64))
			all = false;
	}
	printf("\n");
	return all && t->unknown && t->invalid && t->too_long;
}

static sigjmp_buf over_read;

static void on_fault(int sig)
{
	siglongjmp(over_read, sig);
}

/* Maps a page in front of an inaccessible one; returns the end of the page. */
static u8 *guarded_page(void)
{
	long size = sysconf(_SC_PAGESIZE);
	u8 *page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || mprotect(page + size, size, PROT_NONE)) {
		perror("guard page");
		exit(1);
	}
	return page + size;
}

/*
 * Truncates an instruction at each length. With fewer bytes than the complete decode
 * used, the decoder must ask for more; with as many or more the result must be the
 * same.
 */
static bool cuts_agree(const u8 *bytes, u8 *end, enum guest_mode mode)
{
	struct ginsn whole, cut;
	unsigned int nr;
	int ret, got;

	ret = ginsn_decode(&whole, bytes, WINDOW, mode);
	for (nr = 0; nr <= WINDOW; nr++) {
		memcpy(end - nr, bytes, nr);
		got = ginsn_decode(&cut, end - nr, nr, mode);
		if (nr < whole.len) {
			if (got != INSN_TRUNCATED && got != INSN_TOO_LONG)
				return false;
			if (got == INSN_TOO_LONG && ret != INSN_TOO_LONG)
				return false;
		} else if (got == INSN_TRUNCATED) {
			if (ret != INSN_TOO_LONG || nr >= INSN_MAX_LEN)
				return false;
		} else if (got != ret || memcmp(&whole, &cut, sizeof(cut))) {
			return false;
		}
	}
	return true;
}

static bool cut_everywhere(unsigned long n, bool favored)
{
	u8 bytes[WINDOW], *end = guarded_page();
	const struct mode *m;
	unsigned int i;

	if (sigsetjmp(over_read, 1)) {
		printf("# read past the end of the instruction bytes\n");
		return false;
	}
	while (n--) {
		m = &modes[below(ARRAY_SIZE(modes))];
		generate(bytes, m->guest);
		for (i = 0; !favored && i < WINDOW; i++)
			bytes[i] = rng();
		if (!cuts_agree(bytes, end, m->guest)) {
			report(m, bytes, "cut", 0, &(struct ginsn){ 0 });
			return false;
		}
	}
	return true;
}

static void run(unsigned long n)
{
	struct tally tallies[ARRAY_SIZE(modes)] = { 0 };
	unsigned long total = 0;
	char what[80];
	unsigned int i;

	printf("TAP version 13\n1..%zu\n", 2 * ARRAY_SIZE(modes) + 3);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		compare_mode(&modes[i], n * modes[i].share / 12 + 1, &tallies[i]);
		snprintf(what, sizeof(what), "%s code agrees with Zydis",
			 modes[i].name);
		tap(!tallies[i].differences, what);
		snprintf(what, sizeof(what), "%s code covers every class",
			 modes[i].name);
		tap(classes_covered(&modes[i], &tallies[i]), what);
		total += tallies[i].compared;
	}
	snprintf(what, sizeof(what), "%lu instructions compared", total);
	tap(total >= n, what);
	tap(cut_everywhere(n / 20, true), "known opcodes cut at every byte");
	tap(cut_everywhere(n / 20, false), "random bytes cut at every byte");
}

int main(int argc, char **argv)
{
	unsigned long n = 1200000;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:")) != -1) {
		if (opt == 'n') {
			n = strtoul(optarg, NULL, 0);
		} else if (opt == 's') {
			rng_state = strtoull(optarg, NULL, 0);
		} else {
			fprintf(stderr, "usage: %s [-n instructions] [-s seed]\n",
				argv[0]);
			return 2;
		}
	}
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	run(n);
	return tap_failures ? 1 : 0;
}
