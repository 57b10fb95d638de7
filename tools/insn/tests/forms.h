/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of libsvmvcpu-insn: every instruction form, and a generator of machine
 * code for it with registers that make its memory operand land in the data.
 *
 * For one program: the random numbers have a static state.
 */
#ifndef FORMS_H
#define FORMS_H

#include "../machine.h"
#include "native.h"

#define F_BYTE		0x01	/* the opcode is that of the byte form */
#define F_LOCK		0x02	/* may be locked, or always is: keep aligned */
#define F_NO_LOCK	0x04	/* a family may, this form does not write memory */
#define F_BITS		0x08	/* ModRM.reg is a bit offset into memory */
#define F_MOFFS		0x10
#define F_STRING	0x20
#define F_LONG		0x40	/* exists in 64-bit code only */
#define F_EQUAL		0x80	/* compares rAX: let them be equal at times */
#define F_STACK		0x100	/* uses the stack, which is in the data */
#define F_NO_MODRM	0x200	/* nothing of memory but the stack */
#define F_OPREG		0x400	/* the opcode's low three bits are a register */
#define F_COND		0x800	/* the opcode's low four bits are a condition */
#define F_NONZERO	0x1000	/* hosts differ in what becomes of zero */
#define F_COUNT		0x2000	/* a shift count is 16 at most */
#define F_PAIR		0x4000	/* compares rDX:rAX */
#define F_NO_66		0x8000	/* prefix 66 makes it another instruction */

#define IMM_NONE	0
#define IMM_BYTE	1
#define IMM_FULL	4	/* operand width, four bytes at most */

struct form {
	char name[32];
	u8 map;			/* 1 after 0f */
	u8 opcode;
	s8 ext;			/* ModRM.reg, or -1 for a register */
	u8 imm;
	u16 flags;
	u64 undefined;		/* flags */
};

#define AF		FLAG_AF
#define NOT_CF		(FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)
#define NOT_ZF		(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_SF | FLAG_OF)
#define NOT_CF_OF	(FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF)
#define AF_OF		(FLAG_AF | FLAG_OF)

#define MAX_FORMS	192

/* all of them; returns how many */
unsigned int forms_list(struct form *forms);

/**
 * struct sample - an instruction and its registers
 * @bytes: machine code
 * @len: its length
 * @long64: 64-bit code, otherwise 32-bit
 * @rex: REX byte or 0
 * @opsize: 66 is there
 * @addrsize: 67 is there
 * @gs: GS override is there
 * @rep: f2 or f3 of a string instruction, or 0
 * @rip_relative: the address of its memory operand counts from RIP
 * @target: address its memory operand shall have
 * @device: an address in the page that is a device: the operand's or the stack's
 * @before: registers
 */
struct sample {
	u8 bytes[16];
	unsigned int len;
	bool long64;
	u8 rex;
	bool opsize;
	bool addrsize;
	bool gs;
	u8 rep;
	bool rip_relative;
	u64 target;
	u64 device;
	struct native_state before;
};

u64 rng(void);
unsigned int below(unsigned int n);
void sample_make(struct sample *s, const struct form *form, bool long64);

#endif /* FORMS_H */
