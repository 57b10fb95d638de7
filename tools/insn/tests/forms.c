// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of libsvmvcpu-insn: the forms and the generator. See forms.h.
 *
 * ModRM and SIB are random; the base register, or else the displacement, is what
 * makes the address come out right. The few shapes where neither can are drawn
 * again.
 */
#include <stdio.h>
#include <string.h>

#include "forms.h"

/* Operations that share their encodings: what differs. */
struct sibling {
	const char *name;
	u16 flags;
	u64 undefined;
};

static const struct sibling arithmetic[] = {
	{ "add", F_LOCK, 0 }, { "or", F_LOCK, AF }, { "adc", F_LOCK, 0 },
	{ "sbb", F_LOCK, 0 }, { "and", F_LOCK, AF }, { "sub", F_LOCK, 0 },
	{ "xor", F_LOCK, AF }, { "cmp", 0, 0 },
};

static const struct sibling bits[] = {
	{ "bt", 0, NOT_CF }, { "bts", F_LOCK, NOT_CF }, { "btr", F_LOCK, NOT_CF },
	{ "btc", F_LOCK, NOT_CF },
};

/* By ModRM.reg; those by one bit leave OF defined, and rotations the other flags. */
static const struct sibling shifts[] = {
	{ "rol", 0, 0 }, { "ror", 0, 0 }, { "rcl", 0, 0 }, { "rcr", 0, 0 },
	{ "shl", 0, AF }, { "shr", 0, AF }, { "sal", 0, AF }, { "sar", 0, AF },
};

static const struct form shift_forms[] = {
	{ "rm8, imm", 0, 0xc0, 0, IMM_BYTE, F_BYTE, FLAG_OF },
	{ "rm, imm", 0, 0xc1, 0, IMM_BYTE, 0, FLAG_OF },
	{ "rm8", 0, 0xd0, 0, 0, F_BYTE, 0 },
	{ "rm", 0, 0xd1, 0, 0, 0, 0 },
	{ "rm8, cl", 0, 0xd2, 0, 0, F_BYTE, FLAG_OF },
	{ "rm, cl", 0, 0xd3, 0, 0, 0, FLAG_OF },
};

/* Of the first in a family; opcode or ModRM.reg count on from there. */
static const struct form arithmetic_forms[] = {
	{ "rm8, r8", 0, 0x00, -1, 0, F_BYTE, 0 },
	{ "rm, r", 0, 0x01, -1, 0, 0, 0 },
	{ "r8, rm8", 0, 0x02, -1, 0, F_BYTE | F_NO_LOCK, 0 },
	{ "r, rm", 0, 0x03, -1, 0, F_NO_LOCK, 0 },
	{ "rm8, imm", 0, 0x80, 0, IMM_BYTE, F_BYTE, 0 },
	{ "rm, imm", 0, 0x81, 0, IMM_FULL, 0, 0 },
	{ "rm, imm8", 0, 0x83, 0, IMM_BYTE, 0, 0 },
};

static const struct form bit_forms[] = {
	{ "rm, r", 1, 0xa3, -1, 0, F_BITS, 0 },
	{ "rm, imm8", 1, 0xba, 4, IMM_BYTE, 0, 0 },
};

static const struct form single_forms[] = {
	{ "test rm8, r8", 0, 0x84, -1, 0, F_BYTE, AF },
	{ "test rm, r", 0, 0x85, -1, 0, 0, AF },
	{ "test rm8, imm", 0, 0xf6, 0, IMM_BYTE, F_BYTE, AF },
	{ "test rm, imm", 0, 0xf7, 0, IMM_FULL, 0, AF },
	{ "not rm8", 0, 0xf6, 2, 0, F_BYTE | F_LOCK, 0 },
	{ "not rm", 0, 0xf7, 2, 0, F_LOCK, 0 },
	{ "neg rm8", 0, 0xf6, 3, 0, F_BYTE | F_LOCK, 0 },
	{ "neg rm", 0, 0xf7, 3, 0, F_LOCK, 0 },
	{ "inc rm8", 0, 0xfe, 0, 0, F_BYTE | F_LOCK, 0 },
	{ "inc rm", 0, 0xff, 0, 0, F_LOCK, 0 },
	{ "dec rm8", 0, 0xfe, 1, 0, F_BYTE | F_LOCK, 0 },
	{ "dec rm", 0, 0xff, 1, 0, F_LOCK, 0 },
	{ "xchg rm8, r8", 0, 0x86, -1, 0, F_BYTE | F_LOCK, 0 },
	{ "xchg rm, r", 0, 0x87, -1, 0, F_LOCK, 0 },
	{ "cmpxchg rm8, r8", 1, 0xb0, -1, 0, F_BYTE | F_LOCK | F_EQUAL, 0 },
	{ "cmpxchg rm, r", 1, 0xb1, -1, 0, F_LOCK | F_EQUAL, 0 },
	{ "xadd rm8, r8", 1, 0xc0, -1, 0, F_BYTE | F_LOCK, 0 },
	{ "xadd rm, r", 1, 0xc1, -1, 0, F_LOCK, 0 },
	{ "mov rm8, r8", 0, 0x88, -1, 0, F_BYTE, 0 },
	{ "mov rm, r", 0, 0x89, -1, 0, 0, 0 },
	{ "mov r8, rm8", 0, 0x8a, -1, 0, F_BYTE, 0 },
	{ "mov r, rm", 0, 0x8b, -1, 0, 0, 0 },
	{ "mov rm8, imm", 0, 0xc6, 0, IMM_BYTE, F_BYTE, 0 },
	{ "mov rm, imm", 0, 0xc7, 0, IMM_FULL, 0, 0 },
	{ "mov al, moffs", 0, 0xa0, -1, 0, F_BYTE | F_MOFFS, 0 },
	{ "mov rax, moffs", 0, 0xa1, -1, 0, F_MOFFS, 0 },
	{ "mov moffs, al", 0, 0xa2, -1, 0, F_BYTE | F_MOFFS, 0 },
	{ "mov moffs, rax", 0, 0xa3, -1, 0, F_MOFFS, 0 },
	{ "movzx r, rm8", 1, 0xb6, -1, 0, 0, 0 },
	{ "movzx r, rm16", 1, 0xb7, -1, 0, 0, 0 },
	{ "movsx r, rm8", 1, 0xbe, -1, 0, 0, 0 },
	{ "movsx r, rm16", 1, 0xbf, -1, 0, 0, 0 },
	{ "movsxd r, rm32", 0, 0x63, -1, 0, F_LONG, 0 },
	{ "movsb", 0, 0xa4, -1, 0, F_BYTE | F_STRING, 0 },
	{ "movs", 0, 0xa5, -1, 0, F_STRING, 0 },
	{ "cmpsb", 0, 0xa6, -1, 0, F_BYTE | F_STRING, 0 },
	{ "cmps", 0, 0xa7, -1, 0, F_STRING, 0 },
	{ "stosb", 0, 0xaa, -1, 0, F_BYTE | F_STRING, 0 },
	{ "stos", 0, 0xab, -1, 0, F_STRING, 0 },
	{ "lodsb", 0, 0xac, -1, 0, F_BYTE | F_STRING, 0 },
	{ "lods", 0, 0xad, -1, 0, F_STRING, 0 },
	{ "scasb", 0, 0xae, -1, 0, F_BYTE | F_STRING | F_EQUAL, 0 },
	{ "scas", 0, 0xaf, -1, 0, F_STRING | F_EQUAL, 0 },
	{ "movnti rm, r", 1, 0xc3, -1, 0, F_NO_66, 0 },
	{ "set rm8", 1, 0x90, 0, 0, F_BYTE | F_COND, 0 },
	{ "cmov r, rm", 1, 0x40, -1, 0, F_COND, 0 },
	{ "bsf r, rm", 1, 0xbc, -1, 0, F_NONZERO, NOT_ZF },
	{ "bsr r, rm", 1, 0xbd, -1, 0, F_NONZERO, NOT_ZF },
	{ "mul rm8", 0, 0xf6, 4, 0, F_BYTE, NOT_CF_OF },
	{ "mul rm", 0, 0xf7, 4, 0, 0, NOT_CF_OF },
	{ "imul rm8", 0, 0xf6, 5, 0, F_BYTE, NOT_CF_OF },
	{ "imul rm", 0, 0xf7, 5, 0, 0, NOT_CF_OF },
	{ "imul r, rm", 1, 0xaf, -1, 0, 0, NOT_CF_OF },
	{ "imul r, rm, imm8", 0, 0x6b, -1, IMM_BYTE, 0, NOT_CF_OF },
	{ "imul r, rm, imm", 0, 0x69, -1, IMM_FULL, 0, NOT_CF_OF },
	{ "shld rm, r, imm8", 1, 0xa4, -1, IMM_BYTE, F_COUNT, AF_OF },
	{ "shld rm, r, cl", 1, 0xa5, -1, 0, F_COUNT, AF_OF },
	{ "shrd rm, r, imm8", 1, 0xac, -1, IMM_BYTE, F_COUNT, AF_OF },
	{ "shrd rm, r, cl", 1, 0xad, -1, 0, F_COUNT, AF_OF },
	{ "cmpxchg8b, 16b", 1, 0xc7, 1, 0, F_LOCK | F_PAIR, 0 },
	{ "push rm", 0, 0xff, 6, 0, F_STACK, 0 },
	{ "pop rm", 0, 0x8f, 0, 0, F_STACK, 0 },
	{ "push r", 0, 0x50, -1, 0, F_STACK | F_NO_MODRM | F_OPREG, 0 },
	{ "pop r", 0, 0x58, -1, 0, F_STACK | F_NO_MODRM | F_OPREG, 0 },
	{ "push imm8", 0, 0x6a, -1, IMM_BYTE, F_STACK | F_NO_MODRM, 0 },
	{ "push imm", 0, 0x68, -1, IMM_FULL, F_STACK | F_NO_MODRM, 0 },
	{ "pushf", 0, 0x9c, -1, 0, F_STACK | F_NO_MODRM, 0 },
	{ "leave", 0, 0xc9, -1, 0, F_STACK | F_NO_MODRM, 0 },
};

static void add_family(struct form *form, const struct form *of,
		       const struct sibling *sibling, unsigned int nth)
{
	*form = *of;
	snprintf(form->name, sizeof(form->name), "%.7s %.20s", sibling->name, of->name);
	if (of->ext < 0)
		form->opcode += 8 * nth;
	else
		form->ext += nth;
	if (!(of->flags & F_NO_LOCK))
		form->flags |= sibling->flags;
	form->undefined |= sibling->undefined;
}

unsigned int forms_list(struct form *forms)
{
	unsigned int nr = 0, i, k;

	for (i = 0; i < ARRAY_SIZE(arithmetic); i++)
		for (k = 0; k < ARRAY_SIZE(arithmetic_forms); k++)
			add_family(&forms[nr++], &arithmetic_forms[k], &arithmetic[i], i);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		for (k = 0; k < ARRAY_SIZE(bit_forms); k++)
			add_family(&forms[nr++], &bit_forms[k], &bits[i], i);
	for (i = 0; i < ARRAY_SIZE(shifts); i++)
		for (k = 0; k < ARRAY_SIZE(shift_forms); k++)
			add_family(&forms[nr++], &shift_forms[k], &shifts[i], i);
	memcpy(&forms[nr], single_forms, sizeof(single_forms));
	return nr + ARRAY_SIZE(single_forms);
}

static u64 rng_state = 1;

/* splitmix64 */
u64 rng(void)
{
	u64 z = rng_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

unsigned int below(unsigned int n)
{
	return (rng() >> 33) % n;
}

/* Numbers where carries and signs change, and any others. */
static u64 value(void)
{
	static const u64 edges[] = {
		0, 1, ~0ULL, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
		0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffffULL,
		0x8000000000000000ULL, 0x8080808080808080ULL, 0x0f,
	};

	return below(3) ? rng() : edges[below(ARRAY_SIZE(edges))];
}

static void put(struct sample *s, u64 v, unsigned int bytes)
{
	while (bytes--) {
		s->bytes[s->len++] = v;
		v >>= 8;
	}
}

static unsigned int op_bytes(const struct sample *s, const struct form *form)
{
	if (form->flags & F_BYTE)
		return 1;
	if (s->rex & 8)
		return 8;
	return s->opsize ? 2 : 4;
}

static u8 opcode(const struct form *form)
{
	if (form->flags & F_OPREG)
		return form->opcode + below(8);
	return form->opcode + (form->flags & F_COND ? below(16) : 0);
}

static void put_prefixes(struct sample *s, const struct form *form)
{
	s->opsize = !(form->flags & F_NO_66) && !below(4);
	s->gs = s->long64 && !below(6);
	/* 16-bit addresses would not reach the data */
	s->addrsize = s->long64 && !below(6);
	if (s->opsize)
		put(s, 0x66, 1);
	if (s->gs)
		put(s, 0x65, 1);
	if (s->addrsize)
		put(s, 0x67, 1);
	if ((form->flags & F_LOCK) && !below(4))
		put(s, 0xf0, 1);
	if ((form->flags & F_STRING) && below(3))
		s->rep = 0xf2 + below(2);
	if (s->rep)
		put(s, s->rep, 1);
	if (s->long64 && below(3))
		s->rex = 0x40 | below(16);
	if (s->rex)
		put(s, s->rex, 1);
	if (form->map)
		put(s, 0x0f, 1);
	put(s, opcode(form), 1);
}

static u64 need(const struct sample *s)
{
	return s->target - (s->gs ? NATIVE_GS : 0);
}

/* Give @reg a value whose part that addresses is @v; the rest is noise. */
static void set_address(struct sample *s, unsigned int reg, u64 v)
{
	u64 noise = s->addrsize ? rng() << 32 : 0;

	s->before.gprs[reg] = s->long64 && !s->addrsize ? v : (u32)v | noise;
}

struct shape {
	unsigned int mod, reg, rm, sib;
	unsigned int base, index, scale;
	bool rip_relative;
	unsigned int disp_bytes;
};

static void draw_shape(const struct sample *s, const struct form *form, struct shape *m)
{
	unsigned int b = s->rex & 1 ? 8 : 0, x = s->rex & 2 ? 8 : 0;

	m->mod = below(3);
	m->reg = form->ext < 0 ? below(8) : (unsigned int)form->ext;
	m->rm = below(8);
	m->sib = below(256);
	m->base = m->rm + b;
	m->index = INSN_NO_REG;
	m->rip_relative = false;
	m->scale = 1 << (m->sib >> 6);
	m->disp_bytes = m->mod == 2 ? 4 : m->mod;
	if (m->rm == 4) {
		m->base = (m->sib & 7) + b;
		m->index = ((m->sib >> 3) & 7) + x;
		if (m->index == 4)
			m->index = INSN_NO_REG;
	}
	if (m->mod == 0 && (m->rm == 5 || (m->rm == 4 && (m->sib & 7) == 5))) {
		m->base = INSN_NO_REG;
		m->disp_bytes = 4;
		m->rip_relative = m->rm == 5 && s->long64;
	}
}

/* Can base or displacement be chosen freely, and is a bit offset neither? */
static bool is_solvable(const struct sample *s, const struct form *form,
			const struct shape *m)
{
	unsigned int reg = m->reg + (s->rex & 4 ? 8 : 0);

	if (m->base != INSN_NO_REG && m->base == m->index)
		return false;
	if ((form->flags & F_STACK) && m->base == INSN_RSP)
		return false;
	if ((form->flags & F_COUNT) && (m->base == INSN_RCX || m->index == INSN_RCX))
		return false;
	return !(form->flags & F_BITS) || (reg != m->base && reg != m->index);
}

/* A bit offset that stays within the data; above the operand width is noise. */
static void set_bit_offset(struct sample *s, const struct form *form,
			   const struct shape *m)
{
	unsigned int bytes = op_bytes(s, form);
	u64 offset = (u64)((s64)below(16384) - 8192), mask;
	unsigned int reg = m->reg + (s->rex & 4 ? 8 : 0);

	mask = ginsn_low_bytes(~0ULL, bytes);
	s->before.gprs[reg] = (offset & mask) | (rng() & ~mask);
}

/* Solve for the base register; returns the displacement. */
static u64 solve(struct sample *s, const struct shape *m)
{
	u64 disp, rest = need(s);

	if (m->index != INSN_NO_REG) {
		if (m->base == INSN_NO_REG)
			set_address(s, m->index, below(0x10000));
		rest -= (s->addrsize || !s->long64 ? (u32)s->before.gprs[m->index] :
			 s->before.gprs[m->index]) * m->scale;
	}
	if (m->base == INSN_NO_REG)
		return rest;
	disp = m->disp_bytes == 1 ? (u64)(s64)(s8)rng() : (u64)(s64)(s32)rng();
	if (!m->disp_bytes)
		disp = 0;
	set_address(s, m->base, rest - disp);
	return disp;
}

static void put_modrm(struct sample *s, const struct form *form, unsigned int imm)
{
	struct shape m;
	u64 disp;

	do {
		draw_shape(s, form, &m);
	} while (!is_solvable(s, form, &m));
	if (form->flags & F_BITS)
		set_bit_offset(s, form, &m);
	s->rip_relative = m.rip_relative;
	disp = solve(s, &m);
	put(s, m.mod << 6 | m.reg << 3 | m.rm, 1);
	if (m.rm == 4)
		put(s, m.sib, 1);
	if (m.rip_relative)
		disp -= NATIVE_CODE + s->len + m.disp_bytes + imm;
	put(s, disp, m.disp_bytes);
}

static unsigned int imm_bytes(const struct sample *s, const struct form *form)
{
	if (form->imm == IMM_FULL)
		return op_bytes(s, form) > 4 ? 4 : op_bytes(s, form);
	return form->imm;
}

/* Only the byte that CL is has to be small. */
static u64 immediate(struct sample *s, const struct form *form)
{
	u64 imm = value();

	if (!(form->flags & F_COUNT))
		return imm;
	s->before.gprs[INSN_RCX] &= ~0xffULL;
	s->before.gprs[INSN_RCX] |= below(17);
	return imm & 15;
}

/* Far enough from the operand to be in another page, for LEAVE as well */
static void set_stack(struct sample *s, const struct form *form)
{
	u64 stack = NATIVE_DATA + NATIVE_BYTES - 1024 + below(512);

	s->before.gprs[INSN_RSP] = stack;
	if (form->flags & F_NO_MODRM)
		s->before.gprs[INSN_RBP] = stack + 64;
	if ((form->flags & F_NO_MODRM) || below(2))
		s->device = stack;
}

static void set_string(struct sample *s)
{
	set_address(s, INSN_RSI, need(s));
	set_address(s, INSN_RDI, NATIVE_DATA + NATIVE_BYTES / 2 + below(512));
	/* a count of none is a case of its own: does it cut the registers? */
	set_address(s, INSN_RCX, s->addrsize ? 1 + below(20) : below(20));
	if (below(2))
		s->before.rflags |= FLAG_DF;
}

/* Locked accesses stay aligned: some hosts punish those that are not. */
static void choose_target(struct sample *s, const struct form *form)
{
	s->target = NATIVE_DATA + NATIVE_BYTES / 2 - 512 + below(1024);
	if (form->flags & F_LOCK)
		s->target &= form->flags & F_PAIR ? ~15ULL : ~7ULL;
	s->device = s->target;
}

static void draw_sample(struct sample *s, const struct form *form, bool long64)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->long64 = long64;
	for (i = 0; i < 16; i++)
		s->before.gprs[i] = value();
	s->before.rflags = 0x202 | (rng() & (NOT_CF | FLAG_CF));
	choose_target(s, form);
	put_prefixes(s, form);
	if (form->flags & F_STRING) {
		set_string(s);
	} else if (form->flags & F_MOFFS) {
		put(s, need(s), s->long64 && !s->addrsize ? 8 : 4);
	} else {
		if (!(form->flags & F_NO_MODRM))
			put_modrm(s, form, imm_bytes(s, form));
		put(s, immediate(s, form), imm_bytes(s, form));
	}
	if (form->flags & F_STACK)
		set_stack(s, form);
}

/**
 * sample_make() - draw an instruction
 * @s: result
 * @form: which kind
 * @long64: for 64-bit code, otherwise for 32-bit
 *
 * All prefixes with a displacement and an immediate make 16 bytes, for which the
 * CPU raises #GP: such a draw is repeated.
 */
void sample_make(struct sample *s, const struct form *form, bool long64)
{
	do {
		draw_sample(s, form, long64);
	} while (s->len > SVMVCPU_INSN_MAX);
}
