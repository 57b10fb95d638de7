// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers: the values that MOV CR, LMSW, SMSW and CLTS accept, refuse and
 * show. exits_mode.c switches modes with them.
 */
#include "guest_idt.h"

#define CR0_LONG	(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

VM_FIXTURE(exit_cr)

/*
 * Runs code with a value in RAX; returns the vector it raised. RBX holds TEST_DATA.
 * SETUP sets CR0 of the flat modes; @cr0 is ORed to it.
 */
static int with_rax(struct test_vm *vm, enum idt_mode mode, const void *code, unsigned int len,
		    uint64_t rax, uint64_t cr0)
{
	struct svmvcpu_state state;
	struct idt_outcome out;

	idt_put(vm, code, len);
	idt_setup(vm, mode);
	idt_get(vm, &state);
	state.gprs.rax = rax;
	state.gprs.rbx = TEST_DATA;
	state.control.cr0 |= cr0;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
	if (idt_run(vm, &out))
		vm_die("RUN");
	return out.vector;
}

/* mov eax, cr0 and back, in each mode with CPL 0 */
TEST_F(exit_cr, cr0_values)
{
	static const struct {
		enum idt_mode mode;
		uint64_t flip;		/* compared with the CR0 of the mode */
		int vector;
	} cases[] = {
		{ IDT_LONG64, 0, NO_VECTOR },
		{ IDT_LONG64, CR0_TS, NO_VECTOR },
		{ IDT_LONG64, CR0_EM | CR0_MP, NO_VECTOR },
		{ IDT_LONG64, CR0_NE | CR0_AM, NO_VECTOR },
		{ IDT_LONG64, CR0_WP, NO_VECTOR },
		{ IDT_LONG64, CR0_CD, NO_VECTOR },
		{ IDT_LONG64, CR0_CD | CR0_NW, NO_VECTOR },
		{ IDT_LONG64, CR0_NW, VEC_GP },
		{ IDT_LONG64, CR0_PE, VEC_GP },
		{ IDT_LONG64, CR0_PG, VEC_GP },
		{ IDT_LONG64, CR0_PG | CR0_PE, VEC_GP },
		{ IDT_LONG64, 1ULL << 32, VEC_GP },
		{ IDT_LONG64, 1ULL << 63, VEC_GP },
		{ IDT_COMPAT32, CR0_TS, NO_VECTOR },
		{ IDT_COMPAT32, CR0_NW, VEC_GP },
		{ IDT_PROT32, CR0_CD | CR0_NW | CR0_AM, NO_VECTOR },
		{ IDT_PROT32, CR0_NW, VEC_GP },
		{ IDT_PROT32, CR0_PG | CR0_PE, VEC_GP },
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t old = CR0_PE | CR0_MP | CR0_ET | CR0_NE;
		int vector;

		if (idt_mode_is_long(cases[i].mode))
			old = CR0_LONG;
		vector = with_rax(vm, cases[i].mode, CODE("\x0f\x22\xc0\x0f\x20\xc1"),
				  old ^ cases[i].flip, 0);
		EXPECT_EQ(cases[i].vector, vector)
			TH_LOG("case %u", i);
		if (vector == NO_VECTOR) {
			EXPECT_EQ(old ^ cases[i].flip, vm->run->gprs.rcx);
			EXPECT_EQ(old ^ cases[i].flip, vm->run->cr0);
		} else {
			EXPECT_EQ(old, vm->run->cr0);
		}
	}
}

/* Reserved bits below 32 are dropped, ET is always set. */
TEST_F(exit_cr, cr0_reserved_bits)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x22\xc0\x0f\x20\xc1"),
				      (CR0_LONG & ~CR0_ET) | 0x1ffaffc0, 0));
	EXPECT_EQ(CR0_LONG, vm->run->gprs.rcx);
}

/* The guest's caches look disabled to it; all instructions that read CR0 agree. */
TEST_F(exit_cr, cache_bits_are_shadowed)
{
	static const uint64_t bits[] = { CR0_CD, CR0_CD | CR0_NW, 0 };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		/* mov rcx, cr0; smsw edx; smsw [rbx] */
		EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64,
					      CODE("\x0f\x20\xc1\x0f\x01\xe2\x0f\x01\x23"), 0,
					      bits[i]));
		EXPECT_EQ(CR0_LONG | bits[i], vm->run->gprs.rcx);
		EXPECT_EQ(CR0_LONG | bits[i], vm->run->gprs.rdx);
		EXPECT_EQ((uint16_t)CR0_LONG, *(uint16_t *)(vm->mem + TEST_DATA));
		EXPECT_EQ(0, *(uint16_t *)(vm->mem + TEST_DATA + 2));
		EXPECT_EQ(CR0_LONG | bits[i], vm->run->cr0);
		idt_get(vm, &state);
		EXPECT_EQ(CR0_LONG | bits[i], state.control.cr0);
	}
	/* After RESET they are on. */
	vm_setup(vm, SVMVCPU_PRESET_RESET);
	idt_get(vm, &state);
	EXPECT_EQ(CR0_CD | CR0_NW | CR0_ET, state.control.cr0);
}

/* SMSW by operand size: 16 bits merge, 32 bits zero-extend, 64 bits are written whole. */
TEST_F(exit_cr, smsw_registers)
{
	struct test_vm *vm = &self->vm;
	uint64_t shadow;

	for (shadow = 0; shadow <= CR0_CD; shadow += CR0_CD) {
		uint64_t cr0 = CR0_LONG | shadow;

		with_rax(vm, IDT_LONG64, CODE("\x66\x0f\x01\xe0"), 0x1122334455667788ULL, shadow);
		EXPECT_EQ(0x1122334455660000ULL | (uint16_t)cr0, vm->run->gprs.rax);
		with_rax(vm, IDT_LONG64, CODE("\x0f\x01\xe0"), ~0ULL, shadow);
		EXPECT_EQ(cr0, vm->run->gprs.rax);
		with_rax(vm, IDT_LONG64, CODE("\x49\x0f\x01\xe1"), ~0ULL, shadow);
		EXPECT_EQ(cr0, vm->run->gprs.r9);
	}
	/* allowed at CPL 3 */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_USER64, CODE("\x0f\x01\xe0"), 0, CR0_CD));
	EXPECT_EQ(CR0_LONG | CR0_CD, vm->run->gprs.rax);
}

/* A memory operand in an absent page gives the guest a #PF. */
TEST_F(exit_cr, smsw_and_lmsw_fault)
{
	static const struct {
		const char *code;
		enum idt_mode mode;
		unsigned int error;
	} cases[] = {
		{ "\x0f\x01\x23", IDT_LONG64, 2 },	/* smsw [rbx] */
		{ "\x0f\x01\x23", IDT_USER64, 6 },
		{ "\x0f\x01\x33", IDT_LONG64, 0 },	/* lmsw [rbx] */
	};
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		idt_put(vm, cases[i].code, 3);
		idt_setup(vm, cases[i].mode);
		idt_split(vm)[3] = 0;
		idt_get(vm, &state);
		state.gprs.rbx = TEST_FREE + 0x3000;
		state.control.cr0 |= CR0_CD;
		idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
		RUN_VECTOR(vm, VEC_PF, &out);
		EXPECT_EQ(cases[i].error, out.error);
		/* Bochs does not load CR2 at VMRUN. */
		if (!host_is_bochs())
			EXPECT_EQ(TEST_FREE + 0x3000, vm->run->cr2);
		EXPECT_EQ(TEST_CODE, out.rip);
	}
}

/* LMSW writes four bits and cannot clear PE. */
TEST_F(exit_cr, lmsw)
{
	struct test_vm *vm = &self->vm;
	uint64_t rest = CR0_LONG & ~0xfULL;
	unsigned int value;

	for (value = 0; value < 16; value++) {
		EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x01\xf0"),
					      0xfffffff0 | value, CR0_CD));
		EXPECT_EQ(rest | CR0_CD | value | CR0_PE, vm->run->cr0);
		/* mov [rbx], ax; lmsw [rbx] */
		EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_PROT32, CODE("\x66\x89\x03\x0f\x01\x33"),
					      0xfff0 | value, 0));
		EXPECT_EQ(CR0_ET | CR0_NE | value | CR0_PE, vm->run->cr0);
	}
	/* In real mode PE may stay clear or be set. */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_REAL, CODE("\x0f\x01\xf0"), 0xfffe, 0));
	EXPECT_EQ(0xeULL, vm->run->cr0 & 0xf);
	EXPECT_EQ(SVMVCPU_MODE_REAL, vm->run->mode);
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_REAL, CODE("\x0f\x01\xf0"), 1, 0));
	EXPECT_EQ(1ULL, vm->run->cr0 & 0xf);
	EXPECT_EQ(SVMVCPU_MODE_PROTECTED, vm->run->mode);
}

TEST_F(exit_cr, clts)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = IDT_REAL; i < IDT_NR_MODES; i++) {
		int vector = with_rax(vm, i, CODE("\x0f\x06"), 0, CR0_TS);

		EXPECT_EQ(idt_mode_is_user(i) ? VEC_GP : NO_VECTOR, vector);
		EXPECT_EQ(vector == NO_VECTOR ? 0 : CR0_TS, vm->run->cr0 & CR0_TS);
	}
}

/* Each CR4 bit can be set if GET_INFO and CPUID report it, and no other. */
TEST_F(exit_cr, cr4_values)
{
	struct test_vm *vm = &self->vm;
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		uint64_t value = 1ULL << bit;
		bool legal = vm->info.cr4_guest & value;

		/* mov cr4, eax; mov ecx, cr4 */
		EXPECT_EQ(legal ? NO_VECTOR : VEC_GP,
			  with_rax(vm, IDT_PROT32, CODE("\x0f\x22\xe0\x0f\x20\xe1"), value, 0))
			TH_LOG("CR4 bit %u", bit);
		if (legal) {
			EXPECT_EQ(value, vm->run->gprs.rcx);
			EXPECT_EQ(value, vm->run->cr4);
		}
	}
	for (bit = 32; bit < 64; bit++)
		EXPECT_EQ(VEC_GP, with_rax(vm, IDT_LONG64, CODE("\x0f\x22\xe0"),
					   CR4_PAE | 1ULL << bit, 0));
	/* In long mode PAE cannot be cleared. */
	EXPECT_EQ(VEC_GP, with_rax(vm, IDT_LONG64, CODE("\x0f\x22\xe0"), 0, 0));
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x22\xe0"), CR4_PAE, 0));
	EXPECT_EQ(CR4_PAE, vm->run->cr4);
}

/*
 * The host handles machine checks, but the guest reads back the bit. Firmware sets it
 * without checking CPUID: the reset vector of edk2 writes 0x640.
 */
TEST_F(exit_cr, cr4_mce_is_shadowed)
{
	struct test_vm *vm = &self->vm;
	static const uint64_t values[] = { 0, CR4_MCE, 0x640 };
	unsigned int i;

	EXPECT_EQ(CR4_MCE, vm->info.cr4_guest & CR4_MCE);
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_PROT32, CODE("\x0f\x22\xe0\x0f\x20\xe1"),
					      values[i], 0));
		EXPECT_EQ(values[i], vm->run->gprs.rcx);
		EXPECT_EQ(values[i], vm->run->cr4);
	}
}

TEST_F(exit_cr, cr8_values)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	uint64_t value;

	for (value = 0; value < 16; value++) {
		/* mov cr8, rax; mov r12, cr8 */
		EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64,
					      CODE("\x44\x0f\x22\xc0\x45\x0f\x20\xc4"), value, 0));
		EXPECT_EQ(value, vm->run->gprs.r12);
		idt_get(vm, &state);
		EXPECT_EQ(value, state.control.cr8);
	}
	EXPECT_EQ(VEC_GP, with_rax(vm, IDT_LONG64, CODE("\x44\x0f\x22\xc0"), 16, 0));
	EXPECT_EQ(VEC_GP, with_rax(vm, IDT_LONG64, CODE("\x44\x0f\x22\xc0"), 1ULL << 63, 0));
}

/* CR2 and CR3 are not intercepted; registers that do not exist give #UD. */
TEST_F(exit_cr, the_others)
{
	static const unsigned int none[] = { 1, 5, 6, 7 };
	struct test_vm *vm = &self->vm;
	char code[] = "\x0f\x20\xc0";
	unsigned int i, write;

	/* mov cr2, rax; mov rcx, cr2 */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x22\xd0\x0f\x20\xd1"),
				      0x123456789abcULL, 0));
	EXPECT_EQ(0x123456789abcULL, vm->run->gprs.rcx);
	EXPECT_EQ(0x123456789abcULL, vm->run->cr2);
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x20\xd8\x0f\x22\xd8"), 0, 0));
	EXPECT_EQ(TEST_TABLES, vm->run->gprs.rax);
	for (i = 0; i < 4; i++)
		for (write = 0; write < 2; write++) {
			code[1] = write ? 0x22 : 0x20;
			code[2] = 0xc0 | none[i] << 3;
			EXPECT_EQ(VEC_UD, with_rax(vm, IDT_LONG64, code, 3, 0, 0))
				TH_LOG("CR%u", none[i]);
		}
}

TEST_F(exit_cr, user_mode_is_gp)
{
	static const char * const codes[] = {
		"\x0f\x22\xc0", "\x0f\x20\xc0", "\x0f\x22\xe0", "\x0f\x20\xd0", "\x0f\x22\xd8",
		"\x0f\x01\xf0",
	};
	unsigned int i;

	for (i = 0; i < 6; i++) {
		EXPECT_EQ(VEC_GP, with_rax(&self->vm, IDT_USER64, codes[i], 3, CR0_LONG, 0));
		EXPECT_EQ(VEC_GP, with_rax(&self->vm, IDT_USER32, codes[i], 3, CR0_PE, CR0_CD));
	}
}

/* Register operands beyond the first eight, and RSP, which is stored elsewhere */
TEST_F(exit_cr, extended_registers)
{
	const uint64_t cr0 = CR0_LONG | CR0_TS;
	struct test_vm *vm = &self->vm;

	/* mov r12, rax; mov cr0, r12 */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x49\x89\xc4\x41\x0f\x22\xc4"),
				      cr0, 0));
	EXPECT_EQ(cr0, vm->run->cr0);
	/* the same with REX.W, which is ignored */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x49\x89\xc4\x49\x0f\x22\xc4"),
				      cr0, 0));
	EXPECT_EQ(cr0, vm->run->cr0);
	/* mov r13, rax; mov cr4, r13 */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x49\x89\xc5\x41\x0f\x22\xe5"),
				      CR4_PAE, 0));
	EXPECT_EQ(CR4_PAE, vm->run->cr4);
	/* mov r9, rax; lmsw r9 */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x49\x89\xc1\x41\x0f\x01\xf1"),
				      CR0_TS, 0));
	EXPECT_EQ(CR0_TS | CR0_PE, vm->run->cr0 & 0xf);
	/* mov [rbx], ax; mov r13, rbx; lmsw [r13] */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64,
				      CODE("\x66\x89\x03\x49\x89\xdd\x41\x0f\x01\x75\x00"),
				      CR0_TS, 0));
	EXPECT_EQ(CR0_TS | CR0_PE, vm->run->cr0 & 0xf);
	/* mov rsp, rax; mov cr8, rsp; mov rsp, cr8 */
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64,
				      CODE("\x48\x89\xc4\x44\x0f\x22\xc4\x44\x0f\x20\xc4"),
				      7, 0));
	EXPECT_EQ(7ULL, vm->run->gprs.rsp);
}

/* ModRM.mod is ignored in MOV CR. */
TEST_F(exit_cr, mod_is_ignored)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x22\x00"),
				      CR0_LONG | CR0_TS, 0));
	EXPECT_EQ(CR0_LONG | CR0_TS, vm->run->cr0);
	EXPECT_EQ(NO_VECTOR, with_rax(vm, IDT_LONG64, CODE("\x0f\x20\x41"), 0, CR0_CD));
	EXPECT_EQ(CR0_LONG | CR0_CD, vm->run->gprs.rcx);
}

TEST_HARNESS_MAIN
