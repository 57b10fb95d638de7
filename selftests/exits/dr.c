// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers: MOV DR, the aliases DR4 and DR5, general detect, and breakpoints
 * that a guest sets.
 */
#include "guest_idt.h"

#define DR6_RESET	0xffff0ff0ULL
#define DR6_BD		(1ULL << 13)
#define DR6_BS		(1ULL << 14)
#define DR7_RESET	0x400ULL
#define DR7_GD		(1ULL << 13)

VM_FIXTURE(exit_dr, struct svmvcpu_state state;)

/* mov drN, rax (or eax); mov rcx, drN */
static int move(struct _test_data_exit_dr *self, enum idt_mode mode, unsigned int dr,
		uint64_t value, uint64_t cr4)
{
	char code[] = { 0x0f, 0x23, 0xc0 | dr << 3, 0x0f, 0x21, 0xc1 | dr << 3 };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_put(vm, code, sizeof(code));
	idt_setup(vm, mode);
	idt_get(vm, &self->state);
	self->state.gprs.rax = value;
	self->state.control.cr4 |= cr4;
	idt_set(vm, &self->state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
	if (idt_run(vm, &out))
		vm_die("RUN");
	idt_get(vm, &self->state);
	return out.vector;
}

TEST_F(exit_dr, addresses)
{
	const uint64_t value = 0x8877665544332211ULL;
	unsigned int dr, mode;

	for (mode = 0; mode < IDT_NR_MODES; mode++)
		for (dr = 0; dr < 4; dr++) {
			int vector = move(self, mode, dr, value, 0);

			if (idt_mode_is_user(mode)) {
				EXPECT_EQ(VEC_GP, vector);
				EXPECT_EQ(0ULL, self->state.debug.db[dr]);
				continue;
			}
			EXPECT_EQ(NO_VECTOR, vector);
			EXPECT_EQ(mode == IDT_LONG64 ? value : (uint32_t)value,
				  self->vm.run->gprs.rcx);
			EXPECT_EQ(mode == IDT_LONG64 ? value : (uint32_t)value,
				  self->state.debug.db[dr]);
		}
}

/* DR6 and DR7: fixed bits do not change, DR4 and DR5 are aliases, high bits give #GP. */
TEST_F(exit_dr, status_and_control)
{
	unsigned int alias;

	for (alias = 0; alias < 2; alias++) {
		EXPECT_EQ(NO_VECTOR, move(self, IDT_LONG64, 6 - 2 * alias, 0, 0));
		EXPECT_EQ(DR6_RESET, self->vm.run->gprs.rcx);
		EXPECT_EQ(NO_VECTOR, move(self, IDT_LONG64, 6 - 2 * alias, 0xe00f, 0));
		EXPECT_EQ(DR6_RESET | 0xe00f, self->vm.run->gprs.rcx);
		EXPECT_EQ(DR6_RESET | 0xe00f, self->state.debug.dr6);
		EXPECT_EQ(NO_VECTOR, move(self, IDT_LONG64, 7 - 2 * alias, 0xf0000000, 0));
		EXPECT_EQ(0xf0000400ULL, self->vm.run->gprs.rcx);
		EXPECT_EQ(0xf0000400ULL, self->state.debug.dr7);
		EXPECT_EQ(VEC_GP, move(self, IDT_LONG64, 6 - 2 * alias, 1ULL << 32, 0));
		EXPECT_EQ(VEC_GP, move(self, IDT_LONG64, 7 - 2 * alias, 1ULL << 63, 0));
		EXPECT_EQ(DR7_RESET, self->state.debug.dr7);
	}
}

TEST_F(exit_dr, debugging_extensions_hide_dr4)
{
	unsigned int dr;

	for (dr = 4; dr < 6; dr++) {
		EXPECT_EQ(VEC_UD, move(self, IDT_LONG64, dr, 0, CR4_DE));
		EXPECT_EQ(VEC_UD, move(self, IDT_PROT32, dr, 0, CR4_DE));
	}
	EXPECT_EQ(NO_VECTOR, move(self, IDT_LONG64, 6, 0, CR4_DE));
}

/* DR8 to DR15 do not exist. */
TEST_F(exit_dr, no_more_registers)
{
	struct idt_outcome out;

	idt_exec(&self->vm, IDT_LONG64, CODE("\x44\x0f\x23\xc0"), &out);
	EXPECT_EQ(VEC_UD, out.vector);
	idt_exec(&self->vm, IDT_LONG64, CODE("\x44\x0f\x21\xf8"), &out);
	EXPECT_EQ(VEC_UD, out.vector);
}

/* GD: the access traps before it happens, once; the handler may then access the registers. */
TEST_F(exit_dr, general_detect)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_put(vm, CODE("\x0f\x21\xd8"));		/* mov rax, dr3 */
	idt_setup(vm, IDT_LONG64);
	idt_get(vm, &self->state);
	self->state.debug.dr7 |= DR7_GD;
	self->state.debug.db[3] = 0x1234;
	idt_set(vm, &self->state, SVMVCPU_STATE_DEBUG);
	RUN_VECTOR(vm, VEC_DB, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_EQ(0ULL, vm->run->gprs.rax);
	idt_get(vm, &self->state);
	EXPECT_EQ(dr6_causes(DR6_BD), self->state.debug.dr6 & 0xe00f);
	EXPECT_EQ(DR7_RESET, self->state.debug.dr7);
	/* The handler returns, and the instruction executes. */
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x1234ULL, vm->run->gprs.rax);
}

/* Single steps of instructions that are not intercepted; causes accumulate in DR6. */
TEST_F(exit_dr, single_step)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	/* see BOCHS_TF: the page is mapped when it executes again */
	idt_exec(vm, IDT_LONG64, CODE("\x90\x90\x90"), &out);
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rflags |= FLAG_TF);
	for (i = 1; i <= 3; i++) {
		RUN_VECTOR(vm, VEC_DB, &out);
		EXPECT_EQ(TEST_CODE + i, out.rip);
		idt_get(vm, &self->state);
		EXPECT_EQ(dr6_causes(DR6_BS), self->state.debug.dr6 & 0xe00f);
		self->state.debug.dr6 = DR6_RESET;
		idt_set(vm, &self->state, SVMVCPU_STATE_DEBUG);
	}
}

/* One breakpoint on the instruction at TEST_CODE + 1, one on writes to TEST_DATA */
static void arm(struct _test_data_exit_dr *self)
{
	struct test_vm *vm = &self->vm;

	/* nop; mov [rbx], al */
	idt_put(vm, CODE("\x90\x88\x03"));
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rbx = TEST_DATA);
}

/*
 * A guest's breakpoints fire in the guest. QEMU 7.2 does not arm breakpoints that VMRUN
 * loads; then none may fire.
 */
TEST_F(exit_dr, breakpoints_in_the_guest)
{
	static const uint64_t dr7s[] = { 0x402, 0x10402 };	/* execute, write */
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		arm(self);
		idt_get(vm, &self->state);
		self->state.debug.db[0] = i ? TEST_DATA : TEST_CODE + 1;
		self->state.debug.dr7 = dr7s[i];
		idt_set(vm, &self->state, SVMVCPU_STATE_DEBUG);
		ASSERT_EQ(0, idt_run(vm, &out));
		idt_get(vm, &self->state);
		if (host_is_tcg() && out.vector == NO_VECTOR) {
			EXPECT_TRUE(idt_finished(vm, 3));
			EXPECT_EQ(DR6_RESET, self->state.debug.dr6);
			continue;
		}
		EXPECT_EQ(VEC_DB, out.vector);
		EXPECT_EQ(TEST_CODE + (i ? 3 : 1), out.rip);
		EXPECT_EQ(dr6_causes(1), self->state.debug.dr6 & 0xe00f);
		/* In Bochs, RF loaded by IRET does not suppress the breakpoint. */
		if (!i && host_is_bochs())
			continue;
		/* For an instruction breakpoint the handler has to set RF. */
		if (!i)
			vm->mem[out.frame + 16 + 2] |= FLAG_RF >> 16;
		RUN_EXPECT(vm, HYPERCALL);
	}
}

TEST_HARNESS_MAIN
