/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs guest instructions: sets up a vCPU in any CPU mode with descriptor tables, an
 * interrupt table and a stack per privilege level, runs a few bytes of code and reports
 * the exception they raised, if any.
 *
 * The handler of each vector is its own HLT: the address of the exit tells the vector,
 * and the frame is read from the guest's stack. A guest that is run again after that
 * returns from the handler by IRET.
 *
 * Uses svmvcpu_test.h.
 */
#ifndef SVMVCPU_GUEST_IDT_H
#define SVMVCPU_GUEST_IDT_H

#include <fcntl.h>
#include <sched.h>

#include "svmvcpu_test.h"

/* Guest-physical layout below TEST_STACK; TEST_CODE has one page. */
#define IDT_TABLE	0x2000UL	/* 256 gates; in real mode they are at 0 */
#define IDT_GDT		0x3000UL
#define IDT_TSS		0x3100UL
#define IDT_STUBS	0x4000UL	/* 16 bytes per vector */
#define IDT_KSTACK	0x6000UL	/* for interrupts out of CPL 3, grows down */
#define IDT_PT		0x14000UL	/* 4 KiB pages for the 2 MiB at TEST_FREE */

#define IDT_TSS_LIMIT	(0x68 + 0x40)	/* ports up to 0x1ff are open in vm86 */

/* Selectors */
#define IDT_CS		0x08		/* code of the mode's width, CPL 0 */
#define IDT_DS		0x10
#define IDT_UCS32	0x1b
#define IDT_UDS		0x23
#define IDT_UCS64	0x2b
#define IDT_CS32	0x30		/* 32-bit code, CPL 0 */
#define IDT_TR		0x38
#define IDT_ABSENT	0x48		/* data, not present */
#define IDT_CS16	0x50		/* 16-bit code, CPL 0 */
#define IDT_LAST	0x58

#define CR0_PE		(1ULL << 0)
#define CR0_MP		(1ULL << 1)
#define CR0_EM		(1ULL << 2)
#define CR0_TS		(1ULL << 3)
#define CR0_ET		(1ULL << 4)
#define CR0_NE		(1ULL << 5)
#define CR0_WP		(1ULL << 16)
#define CR0_AM		(1ULL << 18)
#define CR0_NW		(1ULL << 29)
#define CR0_CD		(1ULL << 30)
#define CR0_PG		(1ULL << 31)
#define CR4_DE		(1ULL << 3)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_MCE		(1ULL << 6)
#define EFER_SCE	(1ULL << 0)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define EFER_NX		(1ULL << 11)
#define EFER_SVME	(1ULL << 12)
#define FLAG_TF		(1ULL << 8)
#define FLAG_IF		(1ULL << 9)
#define FLAG_DF		(1ULL << 10)
#define FLAG_IOPL3	(3ULL << 12)
#define FLAG_RF		(1ULL << 16)
#define FLAG_VM		(1ULL << 17)
#define FLAG_AC		(1ULL << 18)

#define PTE_P		0x01ULL
#define PTE_W		0x02ULL
#define PTE_U		0x04ULL
#define PTE_NX		(1ULL << 63)
#define PTE_RWX		(PTE_P | PTE_W | PTE_U)

enum vector {
	NO_VECTOR = -1,
	VEC_DE = 0, VEC_DB = 1, VEC_BP = 3, VEC_OF = 4, VEC_BR = 5, VEC_UD = 6,
	VEC_NM = 7, VEC_DF = 8, VEC_TS = 10, VEC_NP = 11, VEC_SS = 12, VEC_GP = 13,
	VEC_PF = 14, VEC_MF = 16, VEC_AC = 17, VEC_XM = 19,
};

/* Modes in which the guest can start */
enum idt_mode {
	IDT_REAL,
	IDT_VM86,
	IDT_PROT32,
	IDT_USER32,	/* protected mode, CPL 3 */
	IDT_COMPAT32,	/* long mode, 32-bit code, CPL 0 */
	IDT_LONG64,
	IDT_USER64,
	IDT_NR_MODES
};

static const char * const idt_mode_names[] = {
	"real", "vm86", "prot32", "user32", "compat32", "long64", "user64",
};

/**
 * struct idt_outcome - how a piece of guest code ended
 * @vector: the exception it took, or NO_VECTOR: then the run page tells
 * @error: error code, ~0 for none
 * @rip: return address of the frame
 * @cs: .
 * @rflags: .
 * @frame: guest-physical address of the saved RIP
 */
struct idt_outcome {
	int vector;
	uint32_t error;
	uint64_t rip;
	uint64_t cs;
	uint64_t rflags;
	uint64_t frame;
};

static inline bool idt_mode_is_long(enum idt_mode mode)
{
	return mode >= IDT_COMPAT32;
}

static inline bool idt_mode_is_user(enum idt_mode mode)
{
	return mode == IDT_USER32 || mode == IDT_USER64 || mode == IDT_VM86;
}

static inline bool idt_has_error(int vector)
{
	return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

/*
 * Bochs raises the trap for TF before the instruction and drops it only at exits for
 * exceptions. After any other exit, nested page faults included, the host takes the #DB
 * with the guest's GS.
 */
#define BOCHS_TF	"Bochs: the trap of an instruction that exits goes to the host"

/* Causes in DR6 after a #DB; the #DB intercept of Bochs does not show them. */
static inline uint64_t dr6_causes(uint64_t causes)
{
	return host_is_bochs() ? 0 : causes;
}

/* Reads an MSR of the host; 0 or errno (EIO: the CPU lacks the MSR). */
static inline int host_rdmsr(int cpu, uint32_t msr, uint64_t *value)
{
	char path[40];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return errno;
	if (pread(fd, value, sizeof(*value), msr) != sizeof(*value))
		err = errno;
	close(fd);
	return err;
}

/* Converts segment attributes from VMCB layout to a descriptor. */
static inline uint64_t idt_descriptor(uint64_t base, uint32_t limit, uint16_t attrib)
{
	return (uint64_t)(limit & 0xffff) | (base & 0xffffff) << 16 |
	       (uint64_t)(attrib & 0xff) << 40 | (uint64_t)(limit >> 16 & 0xf) << 48 |
	       (uint64_t)(attrib >> 8 & 0xf) << 52 | (base >> 24 & 0xff) << 56;
}

static inline void idt_write_gdt(struct test_vm *t, enum idt_mode mode)
{
	uint64_t *gdt = (void *)(t->mem + IDT_GDT);

	memset(gdt, 0, IDT_LAST);
	gdt[IDT_CS / 8] = idt_descriptor(0, 0xfffff, idt_mode_is_long(mode) ? 0xa9b : 0xc9b);
	gdt[IDT_DS / 8] = idt_descriptor(0, 0xfffff, 0xc93);
	gdt[IDT_UCS32 / 8] = idt_descriptor(0, 0xfffff, 0xcfb);
	gdt[IDT_UDS / 8] = idt_descriptor(0, 0xfffff, 0xcf3);
	gdt[IDT_UCS64 / 8] = idt_descriptor(0, 0xfffff, 0xafb);
	gdt[IDT_CS32 / 8] = idt_descriptor(0, 0xfffff, 0xc9b);
	gdt[IDT_TR / 8] = idt_descriptor(IDT_TSS, IDT_TSS_LIMIT, 0x08b);
	gdt[IDT_ABSENT / 8] = idt_descriptor(0, 0xfffff, 0xc13);
	gdt[IDT_CS16 / 8] = idt_descriptor(0, 0xffff, 0x09b);
}

static inline void idt_write_tss(struct test_vm *t, enum idt_mode mode)
{
	unsigned char *tss = t->mem + IDT_TSS;

	memset(tss, 0, IDT_TSS_LIMIT + 1);
	memcpy(tss + 4, &(uint32_t){ IDT_KSTACK }, 4);
	if (!idt_mode_is_long(mode))
		memcpy(tss + 8, &(uint32_t){ IDT_DS }, 4);
	memcpy(tss + 0x66, &(uint16_t){ 0x68 }, 2);
	tss[IDT_TSS_LIMIT] = 0xff;
}

/* INT may raise #BP, #OF and vectors that are no exceptions at CPL 3. */
static inline void idt_write_gate(struct test_vm *t, enum idt_mode mode, unsigned int vector)
{
	uint32_t offset = IDT_STUBS + vector * 16;
	unsigned int dpl = vector == VEC_BP || vector == VEC_OF || vector >= 32 ? 3 : 0;
	uint64_t gate = (offset & 0xffff) | (uint64_t)IDT_CS << 16 |
			(uint64_t)(0x8e | dpl << 5) << 40;

	if (mode == IDT_REAL)
		memcpy(t->mem + vector * 4, &offset, 4);
	else if (idt_mode_is_long(mode))
		memcpy(t->mem + IDT_TABLE + vector * 16, (const uint64_t [2]) { gate }, 16);
	else
		memcpy(t->mem + IDT_TABLE + vector * 8, &gate, 8);
}

/* HLT; drop the error code if there is one; IRET */
static inline void idt_write_stub(struct test_vm *t, enum idt_mode mode, unsigned int vector)
{
	unsigned char *stub = t->mem + IDT_STUBS + vector * 16;
	bool error = mode != IDT_REAL && idt_has_error(vector);

	memset(stub, 0xf4, 16);
	stub++;
	if (error && idt_mode_is_long(mode))
		*stub++ = 0x48;
	if (error) {
		memcpy(stub, (unsigned char[]){ 0x83, 0xc4, idt_mode_is_long(mode) ? 8 : 4 }, 3);
		stub += 3;
	}
	if (idt_mode_is_long(mode))
		*stub++ = 0x48;
	*stub = 0xcf;
}

static inline void idt_write_tables(struct test_vm *t, enum idt_mode mode)
{
	unsigned int vector;

	idt_write_gdt(t, mode);
	idt_write_tss(t, mode);
	for (vector = 0; vector < 256; vector++) {
		idt_write_gate(t, mode, vector);
		idt_write_stub(t, mode, vector);
	}
}

static inline void idt_get(struct test_vm *t, struct svmvcpu_state *state)
{
	memset(state, 0, sizeof(*state));
	vm_get_state(t, state);
}

static inline void idt_set(struct test_vm *t, struct svmvcpu_state *state, uint64_t components)
{
	if (svmvcpu_vcpu_set_state(&t->vcpu, components, state))
		vm_die("SET_STATE");
}

/* TR is not marked busy: TCG rejects a busy 32-bit TSS. */
static inline void idt_set_tables(struct svmvcpu_segments *seg, enum idt_mode mode)
{
	seg->gdtr = (struct svmvcpu_segment){ .base = IDT_GDT, .limit = IDT_LAST - 1 };
	seg->idtr = (struct svmvcpu_segment){
		.base = IDT_TABLE, .limit = 256 * (idt_mode_is_long(mode) ? 16 : 8) - 1,
	};
	seg->tr = (struct svmvcpu_segment){
		.base = IDT_TSS, .limit = IDT_TSS_LIMIT, .selector = IDT_TR, .attrib = 0x89,
	};
}

static inline void idt_set_data(struct svmvcpu_segments *seg, struct svmvcpu_segment data)
{
	seg->ds = data;
	seg->es = data;
	seg->fs = data;
	seg->gs = data;
	seg->ss = data;
}

/* From the flat preset at CPL 0 to another code segment or privilege level */
static inline void idt_set_mode(struct svmvcpu_state *state, enum idt_mode mode)
{
	struct svmvcpu_segments *seg = &state->segments;
	struct svmvcpu_segment user = seg->ds;

	user.selector = IDT_UDS;
	user.attrib |= 0x60;
	switch (mode) {
	case IDT_USER32:
	case IDT_USER64:
		seg->cs.selector = mode == IDT_USER32 ? IDT_UCS32 : IDT_UCS64;
		seg->cs.attrib |= 0x60;
		idt_set_data(seg, user);
		break;
	case IDT_COMPAT32:
		seg->cs.selector = IDT_CS32;
		seg->cs.attrib = 0xc9b;
		break;
	case IDT_VM86:
		user = (struct svmvcpu_segment){ .limit = 0xffff, .attrib = 0xf3 };
		seg->cs = user;
		idt_set_data(seg, user);
		state->gprs.rflags |= FLAG_VM | FLAG_IOPL3;
		break;
	default:
		break;
	}
}

/* Does SETUP, writes the tables and sets registers. The caller puts code at TEST_CODE. */
static inline void idt_setup(struct test_vm *t, enum idt_mode mode)
{
	enum svmvcpu_preset preset = SVMVCPU_PRESET_PROT32;
	struct svmvcpu_state state;

	if (mode == IDT_REAL)
		preset = SVMVCPU_PRESET_REAL;
	else if (idt_mode_is_long(mode))
		preset = SVMVCPU_PRESET_LONG64;
	vm_setup(t, preset);
	idt_write_tables(t, mode);
	if (mode == IDT_REAL)
		return;
	idt_get(t, &state);
	idt_set_tables(&state.segments, mode);
	idt_set_mode(&state, mode);
	idt_set(t, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS);
}

/* Changes registers before the next RUN: IDT_REGS(vm, regs->rax = 1; regs->rcx = 2). */
#define IDT_REGS(t, ...)						\
do {									\
	struct svmvcpu_state state_;					\
	struct svmvcpu_gprs *regs = &state_.gprs;			\
									\
	idt_get((t), &state_);						\
	__VA_ARGS__;							\
	(void)regs;							\
	idt_set((t), &state_, SVMVCPU_STATE_GPRS);			\
} while (0)

/* Maps the 2 MiB at TEST_FREE with 4 KiB pages; returns their entries. */
static inline uint64_t *idt_split(struct test_vm *t)
{
	uint64_t *pd = (void *)(t->mem + TEST_TABLES + 0x2000);
	uint64_t *pt = (void *)(t->mem + IDT_PT);
	unsigned int i;

	for (i = 0; i < 512; i++)
		pt[i] = (TEST_FREE + i * 4096UL) | PTE_RWX;
	pd[TEST_FREE >> 21] = IDT_PT | PTE_RWX;
	return pt;
}

static inline uint64_t idt_pop(struct test_vm *t, uint64_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	memcpy(&value, t->mem + *at % TEST_MEM, bytes);
	*at += bytes;
	return value;
}

static inline void idt_read_frame(struct test_vm *t, struct idt_outcome *out)
{
	unsigned int bytes = 4;
	uint64_t at = t->run->gprs.rsp;

	if (t->run->mode == SVMVCPU_MODE_REAL)
		bytes = 2;
	else if (t->run->mode == SVMVCPU_MODE_64BIT)
		bytes = 8;
	if (bytes != 2 && idt_has_error(out->vector))
		out->error = idt_pop(t, &at, bytes);
	out->frame = at;
	out->rip = idt_pop(t, &at, bytes);
	out->cs = idt_pop(t, &at, bytes);
	out->rflags = idt_pop(t, &at, bytes);
}

/* RUN; returns its errno. A HLT in a stub is reported as an exception. */
static inline int idt_run(struct test_vm *t, struct idt_outcome *out)
{
	int err = vm_run(t);
	uint64_t rip = t->run->gprs.rip;

	*out = (struct idt_outcome){ .vector = NO_VECTOR, .error = ~0U };
	if (err || t->run->reason != SVMVCPU_EXIT_HALT)
		return err;
	if (rip <= IDT_STUBS || rip >= IDT_STUBS + 0x1000)
		return 0;
	out->vector = (rip - 1 - IDT_STUBS) / 16;
	idt_read_frame(t, out);
	return 0;
}

/* Puts code at TEST_CODE, followed by a VMMCALL: reaching it means that no exception came. */
static inline void idt_put(struct test_vm *t, const void *code, unsigned int len)
{
	vm_load(t, TEST_CODE, code, len);
	vm_load(t, TEST_CODE + len, "\x0f\x01\xd9\xf4", 4);
}

static inline void idt_exec(struct test_vm *t, enum idt_mode mode, const void *code,
			    unsigned int len, struct idt_outcome *out)
{
	idt_put(t, code, len);
	idt_setup(t, mode);
	if (idt_run(t, out))
		vm_die("RUN");
}

/*
 * In Bochs, an exit that interrupts an INT n has the EXITINTINFO of an earlier event.
 * An exception touches the same pages first, so that INT n takes no such exit.
 */
static inline void idt_touch(struct test_vm *t, enum idt_mode mode)
{
	struct idt_outcome out;

	if (host_is_bochs())
		idt_exec(t, mode, "\x0f\x0b", 2, &out);
}

/* Did the code reach the VMMCALL behind it? */
static inline bool idt_finished(const struct test_vm *t, unsigned int len)
{
	return t->run->reason == SVMVCPU_EXIT_HYPERCALL && t->run->gprs.rip == TEST_CODE + len;
}

/* A code string and its length, for tables of instructions */
#define CODE(s)		(s), sizeof(s) - 1

/* RUN, and expect that the guest takes this exception. */
#define RUN_VECTOR(t, want, out)						\
do {									\
	char text_[256];						\
	int err_ = idt_run((t), (out));					\
									\
	ASSERT_EQ(0, err_);						\
	ASSERT_EQ((int)(want), (out)->vector) {				\
		svmvcpu_describe_exit((t)->run, NULL, text_, sizeof(text_));	\
		TH_LOG("exit was: %s", text_);				\
	}								\
} while (0)

#endif /* SVMVCPU_GUEST_IDT_H */
