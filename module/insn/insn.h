/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The small instruction decoder: what an SVM core intercepts, and the mov
 * family for device memory.
 *
 * Owns the decoded form of an instruction, struct ginsn; operand.h turns its
 * operands into values and addresses. Pure: no state, no guest access. Called
 * by the exit handlers in the kernel; compiled unchanged in user space for the
 * cross-check with Zydis.
 *
 * The prefix is "ginsn" because a header of the kernel owns "insn".
 */
#ifndef SVMVCPU_INSN_H
#define SVMVCPU_INSN_H

#include "insn/mode.h"

/* The architecture's limit; a longer instruction is #GP, whatever it is. */
#define INSN_MAX_LEN		15

/**
 * enum ginsn_error - what ginsn_decode() returns when it is not 0
 * @INSN_TRUNCATED: the bytes end inside the instruction; fetch more, try again
 * @INSN_TOO_LONG: over INSN_MAX_LEN bytes: inject #GP(0)
 * @INSN_INVALID: an encoding of ours that the architecture refuses: inject #UD
 * @INSN_UNKNOWN: not an instruction this decoder knows; prefixes and opcode
 *	are reported, the length is not
 */
enum ginsn_error {
	INSN_TRUNCATED	= -1,
	INSN_TOO_LONG	= -2,
	INSN_INVALID	= -3,
	INSN_UNKNOWN	= -4,
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

/* ginsn.prefixes: every legacy prefix seen, segment overrides aside. */
#define INSN_P_LOCK		0x01
#define INSN_P_REP		0x02	/* f3 */
#define INSN_P_REPNE		0x04	/* f2; string instructions here repeat too */
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

/**
 * struct ginsn_mem - a memory operand before any register is read
 * @disp: displacement or moffs address, sign-extended to 64 bits
 * @base: register added, or INSN_NO_REG
 * @index: register scaled and added, or INSN_NO_REG
 * @scale: 1, 2, 4 or 8
 * @seg: segment in effect, overrides and rBP/rSP default applied
 * @addr_bytes: width the offset is truncated to: 2, 4 or 8
 * @rip_relative: the address of the next instruction is added
 */
struct ginsn_mem {
	u64 disp;
	u8 base;
	u8 index;
	u8 scale;
	u8 seg;
	u8 addr_bytes;
	bool rip_relative;
};

/**
 * struct ginsn - one decoded instruction
 * @imm: immediate, cut to the operand width; port of IN/OUT; vector of INT
 * @mem: memory operand if INSN_F_MEM. MOVS: the source
 * @dst: MOVS only: the destination, ES:rDI
 * @flags: INSN_F_*
 * @len: length in bytes, valid when ginsn_decode() returned 0
 * @class: enum ginsn_class, INSN_NONE unless 0 was returned
 * @map: 0 for one-byte opcodes, 1 after 0f, 2 after 0f 38
 * @opcode: last opcode byte; of VEX, EVEX and XOP their first byte
 * @prefixes: INSN_P_*
 * @seg_override: override in effect, or INSN_NO_SEGMENT
 * @rex: REX byte in effect, or 0
 * @modrm: ModRM byte, if INSN_F_MODRM
 * @sib: SIB byte, 0 if there is none
 * @op_bytes: width of the register operand (movzx: of the destination)
 * @rm_bytes: width of the r/m or memory operand, 0 if it is only an address
 * @addr_bytes: address width in effect: 2, 4 or 8
 * @reg: register operand, CR or DR number, or rAX where it is implied
 * @rm: register in the r/m operand if it is not memory; for MOV CR/DR the
 *	general register, whatever ModRM.mod says
 */
struct ginsn {
	u64 imm;
	struct ginsn_mem mem;
	struct ginsn_mem dst;
	u16 flags;
	u8 len;
	u8 class;
	u8 map;
	u8 opcode;
	u8 prefixes;
	u8 seg_override;
	u8 rex;
	u8 modrm;
	u8 sib;
	u8 op_bytes;
	u8 rm_bytes;
	u8 addr_bytes;
	u8 reg;
	u8 rm;
};

int ginsn_decode(struct ginsn *insn, const u8 *bytes, unsigned int nr,
		 enum guest_mode mode);
unsigned int ginsn_bare_len(const u8 *bytes, u64 classes);

/* The low @bytes bytes of a value: 1, 2, 4 or 8. */
static inline u64 ginsn_low_bytes(u64 value, unsigned int bytes)
{
	return bytes >= 8 ? value : value & (BIT_ULL(8 * bytes) - 1);
}

/* The same, its top bit copied upwards. */
static inline u64 ginsn_sign_extend(u64 value, unsigned int bytes)
{
	unsigned int shift = bytes >= 8 ? 0 : 64 - 8 * bytes;

	return (u64)((s64)(value << shift) >> shift);
}

/* Does REP apply? Either REP prefix does for the string instructions here. */
static inline bool ginsn_is_rep(const struct ginsn *insn)
{
	return (insn->flags & INSN_F_STRING) &&
	       (insn->prefixes & (INSN_P_REP | INSN_P_REPNE));
}

#endif /* SVMVCPU_INSN_H */
