/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction decoder: what the processor intercepts, and the mov family for device
 * memory. operand.h computes values and addresses of the operands.
 *
 * Pure; the tests also compile it in user space. The prefix is "ginsn" because the kernel
 * has a struct insn.
 */
#ifndef SVMVCPU_INSN_H
#define SVMVCPU_INSN_H

#include "insn/mode.h"

/* Longer instructions raise #GP. */
#define INSN_MAX_LEN		15

/* Errors of ginsn_decode() */
enum ginsn_error {
	INSN_TRUNCATED	= -1,	/* more bytes are needed */
	INSN_TOO_LONG	= -2,	/* more than INSN_MAX_LEN bytes: inject #GP(0) */
	INSN_INVALID	= -3,	/* an invalid form: inject #UD */
	INSN_UNKNOWN	= -4,	/* not known; prefixes and opcode are valid, the length is not */
};

enum ginsn_class {
	INSN_NONE,
	INSN_CPUID, INSN_RDMSR, INSN_WRMSR, INSN_HLT, INSN_PAUSE, INSN_RSM,
	INSN_RDTSC, INSN_RDTSCP, INSN_RDPMC, INSN_RDPRU, INSN_XSETBV,
	INSN_VMRUN, INSN_VMMCALL, INSN_VMLOAD, INSN_VMSAVE,
	INSN_STGI, INSN_CLGI, INSN_SKINIT, INSN_INVLPGA,
	INSN_INVD, INSN_WBINVD, INSN_WBNOINVD, INSN_INVLPG, INSN_INVPCID,
	INSN_MONITOR, INSN_MWAIT, INSN_MONITORX, INSN_MWAITX,
	INSN_MOV_FROM_CR, INSN_MOV_TO_CR, INSN_MOV_FROM_DR, INSN_MOV_TO_DR,
	INSN_CLTS, INSN_LMSW, INSN_SMSW,
	INSN_IN, INSN_OUT, INSN_INS, INSN_OUTS,
	INSN_INT1, INSN_INT3, INSN_INTO, INSN_INT, INSN_IRET, INSN_PUSHF, INSN_POPF,
	/* The mov family, which mmio.c completes */
	INSN_MOV, INSN_MOVZX, INSN_MOVSX, INSN_MOVS, INSN_STOS,
	INSN_NR_CLASSES
};

/* General registers in hardware order; also the index into a gprs[16] array. */
enum ginsn_gpr {
	INSN_RAX, INSN_RCX, INSN_RDX, INSN_RBX,
	INSN_RSP, INSN_RBP, INSN_RSI, INSN_RDI,
	INSN_NO_REG = 0xff,	/* R8..R15 are 8..15 */
};

/* Segment registers in hardware order, which is also the order in the VMCB. */
enum ginsn_segment {
	INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS,
	INSN_NR_SEGMENTS,
	INSN_NO_SEGMENT = INSN_NR_SEGMENTS,
};

/* ginsn.prefixes: all legacy prefixes except segment overrides */
#define INSN_P_LOCK		0x01
#define INSN_P_REP		0x02	/* f3 */
#define INSN_P_REPNE		0x04	/* f2 */
#define INSN_P_OPSIZE		0x08	/* 66 */
#define INSN_P_ADDRSIZE		0x10	/* 67 */

/* ginsn.flags */
#define INSN_F_MODRM		0x0001	/* modrm is valid */
#define INSN_F_MEM		0x0002	/* mem is valid */
#define INSN_F_WRITE		0x0004	/* the r/m, moffs or string operand is written */
#define INSN_F_SIGN		0x0008	/* extend by sign (MOVSX) */
#define INSN_F_IMM		0x0010	/* imm is valid */
#define INSN_F_STRING		0x0020	/* steps rSI or rDI and obeys REP */
#define INSN_F_REG_HIGH		0x0040	/* reg names AH, CH, DH or BH as 0..3 */
#define INSN_F_RM_HIGH		0x0080	/* rm does */

/* A memory operand. Its address depends on registers, see ginsn_offset(). */
struct ginsn_mem {
	u64 disp;		/* displacement or moffs address, sign-extended */
	u8 base;		/* register that is added, or INSN_NO_REG */
	u8 index;		/* register that is scaled and added, or INSN_NO_REG */
	u8 scale;		/* 1, 2, 4 or 8 */
	u8 seg;			/* enum ginsn_segment */
	u8 addr_bytes;		/* the offset is truncated to 2, 4 or 8 bytes */
	bool rip_relative;	/* add the address of the next instruction */
};

struct ginsn {
	u64 imm;		/* immediate, truncated to the operand width; port; vector */
	struct ginsn_mem mem;	/* if INSN_F_MEM; the source of MOVS */
	struct ginsn_mem dst;	/* the destination of MOVS, ES:rDI */
	u16 flags;		/* INSN_F_* */
	u8 len;			/* length in bytes, if ginsn_decode() returned 0 */
	u8 class;		/* enum ginsn_class; INSN_NONE after an error */
	u8 map;			/* 0: one-byte opcode, 1: after 0f, 2: after 0f 38 */
	u8 opcode;		/* last opcode byte; for VEX, EVEX and XOP the first */
	u8 prefixes;		/* INSN_P_* */
	u8 seg_override;	/* INSN_NO_SEGMENT if none is in effect */
	u8 rex;			/* REX byte in effect, or 0 */
	u8 modrm;		/* if INSN_F_MODRM */
	u8 sib;			/* or 0 */
	u8 op_bytes;		/* width of the register operand; MOVZX: of the destination */
	u8 rm_bytes;		/* width of the r/m operand; 0 if it is only an address */
	u8 addr_bytes;		/* 2, 4 or 8 */
	u8 reg;			/* register operand, CR or DR number, or an implied rAX */
	u8 rm;			/* register in the r/m operand; MOV CR and DR: always */
};

/* What an instruction does with TF */
enum step_kind {
	STEP_PLAIN,	/* nothing */
	STEP_PUSHF,	/* stores it on the stack */
	STEP_LOADS,	/* POPF, IRET: loads it, but still traps after itself */
	STEP_SYSCALL,	/* in long mode: stores it in R11; clears it if set in SFMASK */
	STEP_SYSRET,	/* in 64-bit mode: loads it from R11; traps if the new TF is 1 */
	STEP_INT1,	/* raises #DB itself */
};

int ginsn_decode(struct ginsn *insn, const u8 *bytes, unsigned int nr,
		 enum guest_mode mode);
unsigned int ginsn_bare_len(const u8 *bytes, u64 classes);
enum step_kind step_kind(const u8 *bytes, unsigned int nr, enum guest_mode mode);

/* @bytes: 1, 2, 4 or 8 */
static inline u64 ginsn_low_bytes(u64 value, unsigned int bytes)
{
	return bytes >= 8 ? value : value & (BIT_ULL(8 * bytes) - 1);
}

static inline u64 ginsn_sign_extend(u64 value, unsigned int bytes)
{
	unsigned int shift = bytes >= 8 ? 0 : 64 - 8 * bytes;

	return (u64)((s64)(value << shift) >> shift);
}

/* Both REP prefixes repeat the string instructions that are decoded here. */
static inline bool ginsn_is_rep(const struct ginsn *insn)
{
	return (insn->flags & INSN_F_STRING) &&
	       (insn->prefixes & (INSN_P_REP | INSN_P_REPNE));
}

#endif /* SVMVCPU_INSN_H */
