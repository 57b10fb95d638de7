/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of libsvmvcpu-insn: a decoded instruction, the machine it runs
 * on, arithmetic. Not for users of the library.
 *
 * The module's pure files compute registers, effective addresses, segmentation and
 * paging, so the library and the kernel always agree.
 */
#ifndef SVMVCPU_INSN_MACHINE_H
#define SVMVCPU_INSN_MACHINE_H

#include "insn/gva.h"
#include "insn/operand.h"
#include "svmvcpu_insn.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define FLAG_CF		BIT_ULL(0)
#define FLAG_PF		BIT_ULL(2)
#define FLAG_AF		BIT_ULL(4)
#define FLAG_ZF		BIT_ULL(6)
#define FLAG_SF		BIT_ULL(7)
#define FLAG_TF		BIT_ULL(8)
#define FLAG_DF		BIT_ULL(10)
#define FLAG_OF		BIT_ULL(11)
#define FLAG_IOPL	(BIT_ULL(12) | BIT_ULL(13))
#define FLAG_IOPL_SHIFT	12
#define FLAG_RF		BIT_ULL(16)

/* Arithmetic (alu.c) */

enum alu_op {
	ALU_NONE,
	ALU_MOV, ALU_MOVSX, ALU_XCHG, ALU_XADD, ALU_CMPXCHG, ALU_CMOV, ALU_SET,
	ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR,
	ALU_CMP, ALU_TEST, ALU_INC, ALU_DEC, ALU_NOT, ALU_NEG,
	ALU_BT, ALU_BTS, ALU_BTR, ALU_BTC, ALU_BSF, ALU_BSR,
	ALU_IMUL, ALU_IMUL3, ALU_MUL_ACC, ALU_IMUL_ACC,
	ALU_SHL, ALU_SHR, ALU_SAR, ALU_ROL, ALU_ROR, ALU_RCL, ALU_RCR,
	ALU_SHLD, ALU_SHRD,
};

/**
 * struct alu - operands and results of one operation
 * @a: in and out: the destination
 * @b: in and out: the source, as wide as its operand
 * @c: a third operand: factor or shift count
 * @acc: in and out: rAX (cmpxchg); lower half of a product
 * @high: out: upper half of a product
 * @rflags: in and out
 * @bytes: width of the destination
 * @b_bytes: width of the source
 * @cond: condition of cmov and set, as the opcode encodes it
 * @keep: out: the destination register is not written (bsf, bsr)
 */
struct alu {
	u64 a;
	u64 b;
	u64 c;
	u64 acc;
	u64 high;
	u64 rflags;
	unsigned int bytes;
	unsigned int b_bytes;
	unsigned int cond;
	bool keep;
};

void alu_run(enum alu_op op, struct alu *alu);

/* Decoding (decode.c) */

/* struct einsn.flags */
#define E_READ0		0x01	/* operand 0 is read */
#define E_WRITE0	0x02	/* operand 0 is written */
#define E_WRITE1	0x04	/* operand 1 is written, too */
#define E_ACC		0x08	/* rAX may be written */
#define E_BITS		0x10	/* operand 1 is a bit offset into a string of bits */
#define E_STRING	0x20	/* the registers in memory operands move on */
#define E_REP		0x40
#define E_UNTIL		0x80	/* REP stops when ZF differs from the prefix */
#define E_REPNE		0x100
#define E_PRODUCT	0x200	/* rDX and rAX, or AX, are written */
#define E_HIDDEN	0x400	/* the second operand is not in the encoding */
#define E_IN		0x800	/* operand 1 is a port that is read */
#define E_OUT		0x1000	/* operand 0 is a port that is written */
#define E_BRANCH	0x2000	/* RIP is written */
#define E_STACK		0x4000	/* has a hidden memory operand on the stack */
#define E_ALIGNED	0x8000	/* memory has to be aligned to its width */
#define E_KERNEL	0x10000	/* the kernel may make the access for the guest */
#define E_CPL0		0x20000	/* #GP at other privilege levels */
#define E_PROTECTED	0x40000	/* exists in protected mode only */
#define E_UMIP		0x80000	/* #GP outside CPL 0 where CR4.UMIP is set */
#define E_NO_VM86	0x100000	/* IOPL decides in virtual-8086 mode */

enum eoperand_kind {
	EOPERAND_NONE,
	EOPERAND_REG,
	EOPERAND_MEM,
	EOPERAND_IMM,
	EOPERAND_XMM,
	EOPERAND_SELECTOR,	/* @reg: position in struct svmvcpu_segments */
	EOPERAND_CR0,
};

#define SELECTOR_LDTR	6
#define SELECTOR_TR	7

struct eoperand {
	enum eoperand_kind kind;
	unsigned int bytes;
	unsigned int reg;
	bool high;		/* the second byte of @reg */
	u64 imm;		/* sign-extended */
	struct ginsn_mem mem;
};

#define EINSN_OPERANDS	3

struct machine;
struct einsn;

/* Executes an instruction: 0, SVMVCPU_EMUL_FAULT or -errno */
typedef int (*einsn_fn)(struct machine *m, const struct einsn *insn);

struct einsn {
	einsn_fn execute;
	enum alu_op op;
	unsigned int flags;
	unsigned int len;
	unsigned int addr_bytes;
	unsigned int stack_bytes;	/* what is pushed or popped */
	unsigned int cond;
	struct eoperand operand[EINSN_OPERANDS];	/* memory among the first two */
};

int einsn_decode(struct einsn *insn, const u8 *bytes, unsigned int len,
		 enum guest_mode mode);

/* Memory (memory.c) */

/**
 * struct machine - an instruction's view of the guest
 * @emul: what the caller passed
 * @env: what address arithmetic depends on
 * @seg: segments, to which @env points
 * @mmu: paging
 * @gprs: general registers in hardware order, as they will be
 * @rflags: the same
 * @rip_next: behind the instruction, or where it branches to
 * @on_page: an operand was found on the page of @emul->gpa
 * @started: begin_access() has agreed
 */
struct machine {
	struct svmvcpu_emul *emul;
	struct linear_env env;
	struct linear_seg seg[INSN_NR_SEGMENTS];
	struct gva_mmu mmu;
	u64 gprs[16];
	u64 rflags;
	u64 rip_next;
	bool on_page;
	bool started;
};

/* The widest memory operand */
#define PLACE_MAX	16

/* A memory operand where it is in guest-physical memory: one page, or two. */
struct place {
	struct {
		u64 gpa;
		unsigned int bytes;
		void *hva;	/* NULL: not RAM */
	} part[2];
	unsigned int nr;
};

#define VECTOR_GP	13

void machine_init(struct machine *m, struct svmvcpu_emul *emul);
/* returns SVMVCPU_EMUL_FAULT */
int raise_fault(struct machine *m, unsigned int vector, u32 error_code, u64 address);
int begin_access(struct machine *m);
/* these return 0, SVMVCPU_EMUL_FAULT or -errno */
int place_find(struct machine *m, const struct eoperand *operand, s64 disp,
	       bool write, struct place *place);
int place_find_aligned(struct machine *m, const struct eoperand *operand, bool write,
		       struct place *place);
int place_find_linear(struct machine *m, u64 linear, unsigned int bytes, unsigned int access,
		      struct place *place);
int place_read_bytes(struct machine *m, const struct place *place, u8 *buf);
int place_write_bytes(struct machine *m, const struct place *place, const u8 *buf);
/* the same for up to eight bytes */
int place_read(struct machine *m, const struct place *place, u64 *value);
int place_write(struct machine *m, const struct place *place, u64 value);
int place_set_bits(struct machine *m, const struct place *place, u8 bits, u8 *old);

/* Execution (emulate.c, stack.c, wide.c, system.c) */

int emulate_after(struct svmvcpu_emul *emul, bool kernel);
u64 read_direct(const struct machine *m, const struct eoperand *o);
int check_privilege(struct machine *m, const struct einsn *insn);
/* values of struct einsn.execute */
int execute_alu(struct machine *m, const struct einsn *insn);
int execute_push(struct machine *m, const struct einsn *insn);
int execute_pushf(struct machine *m, const struct einsn *insn);
int execute_pop(struct machine *m, const struct einsn *insn);
int execute_leave(struct machine *m, const struct einsn *insn);
int execute_call(struct machine *m, const struct einsn *insn);
int execute_jmp(struct machine *m, const struct einsn *insn);
int execute_ret(struct machine *m, const struct einsn *insn);
int execute_vector(struct machine *m, const struct einsn *insn);
int execute_lldt(struct machine *m, const struct einsn *insn);
int execute_ltr(struct machine *m, const struct einsn *insn);
int execute_cmpxchg_pair(struct machine *m, const struct einsn *insn);

#endif /* SVMVCPU_INSN_MACHINE_H */
