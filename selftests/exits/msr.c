// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR: exits for registers that the VMM handles, and EFER, PAT and TSC,
 * which the kernel handles. isolation_msrs.c goes through all indices.
 */
#include "guest_idt.h"

#define MSR_TSC		0x10
#define MSR_APIC_BASE	0x1b
#define MSR_PAT		0x277
#define MSR_EFER	0xc0000080
#define PAT_AT_RESET	0x0007040600070406ULL

VM_FIXTURE(exit_msr)

/*
 * Garbage above ECX must not matter. (TCG looks up the lowest range with all of RCX and
 * reads memory far beyond the permission map.)
 */
static uint64_t dirty_rcx(uint32_t msr)
{
	return msr < 0x2000 && host_is_tcg() ? msr : 0xffffffff00000000ULL | msr;
}

/* With LME and without PAE at an exit, TCG does not turn the host's paging on again. */
static void set_pae(struct test_vm *vm)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.control.cr4 |= CR4_PAE;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
}

static void start(struct test_vm *vm, enum idt_mode mode, bool write, uint32_t msr,
		  uint64_t value)
{
	idt_put(vm, write ? "\x0f\x30" : "\x0f\x32", 2);
	idt_setup(vm, mode);
	set_pae(vm);
	IDT_REGS(vm, regs->rcx = dirty_rcx(msr);
		 regs->rax = 0xaaaaaaaa00000000ULL | (uint32_t)value;
		 regs->rdx = 0xdddddddd00000000ULL | value >> 32);
}

/* WRMSR in a mode; returns the vector it raised */
static int write_msr(struct test_vm *vm, enum idt_mode mode, uint32_t msr, uint64_t value)
{
	struct idt_outcome out;

	start(vm, mode, true, msr, value);
	if (idt_run(vm, &out))
		vm_die("RUN");
	return out.vector;
}

/* RDMSR of a register that the kernel handles, without another SETUP */
static uint64_t read_msr(struct test_vm *vm, uint32_t msr)
{
	struct idt_outcome out;

	vm_load(vm, TEST_CODE, "\x0f\x32\x0f\x01\xd9", 5);
	IDT_REGS(vm, regs->rip = TEST_CODE; regs->rcx = msr; regs->rax = ~0ULL;
		 regs->rdx = ~0ULL);
	if (idt_run(vm, &out) || !idt_finished(vm, 2))
		vm_die("RDMSR");
	return vm->run->gprs.rdx << 32 | vm->run->gprs.rax;
}

TEST_F(exit_msr, read_exit)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, false, MSR_APIC_BASE, 0x1122334455667788ULL);
	RUN_EXPECT(vm, MSR_READ);
	EXPECT_EQ((unsigned int)MSR_APIC_BASE, vm->run->msr.index);
	EXPECT_EQ(0U, vm->run->msr.mbz);
	EXPECT_EQ(0ULL, vm->run->msr.value);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	/* Both registers are written, with the upper halves cleared. */
	vm->run->answer = 0xfee00900c0ffee01ULL;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0xc0ffee01ULL, vm->run->gprs.rax);
	EXPECT_EQ(0xfee00900ULL, vm->run->gprs.rdx);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
}

TEST_F(exit_msr, write_exit)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, true, 0xc0010117, 0x0123456789abcdefULL);
	RUN_EXPECT(vm, MSR_WRITE);
	EXPECT_EQ(0xc0010117U, vm->run->msr.index);
	EXPECT_EQ(0x0123456789abcdefULL, vm->run->msr.value);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	vm->run->answer = 0x5555;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0xaaaaaaaa89abcdefULL, vm->run->gprs.rax);
	EXPECT_EQ(0xdddddddd01234567ULL, vm->run->gprs.rdx);
}

TEST_F(exit_msr, failed_by_the_vmm)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int mode, write;

	for (mode = IDT_REAL; mode < IDT_NR_MODES; mode++)
		for (write = 0; write < 2; write++) {
			if (idt_mode_is_user(mode))
				continue;
			start(vm, mode, write, 0x12345678, 0x1111111122222222ULL);
			ASSERT_EQ(0, idt_run(vm, &out));
			ASSERT_EQ((unsigned int)(write ? SVMVCPU_EXIT_MSR_WRITE :
						 SVMVCPU_EXIT_MSR_READ), vm->run->reason);
			vm->run->in_flags = SVMVCPU_RUN_FAIL;
			vm->run->answer = 0x3333;
			RUN_VECTOR(vm, VEC_GP, &out);
			EXPECT_EQ(mode == IDT_REAL ? ~0U : 0U, out.error);
			EXPECT_EQ(TEST_CODE, out.rip);
			EXPECT_EQ(0x22222222ULL, (uint32_t)vm->run->gprs.rax);
			EXPECT_EQ(0x11111111ULL, (uint32_t)vm->run->gprs.rdx);
		}
}

/* FAIL is valid at MSR exits only; a RUN that is refused changes nothing. */
TEST_F(exit_msr, fail_without_a_question)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, false, MSR_APIC_BASE, 0);
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	EXPECT_EQ(EINVAL, vm_run(vm));
	vm->run->in_flags = 0;
	RUN_EXPECT(vm, MSR_READ);
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	EXPECT_EQ(EINVAL, vm_run(vm));
	vm->run->in_flags = 0;
	vm->run->answer = 7;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(7ULL, vm->run->gprs.rax);
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	EXPECT_EQ(EINVAL, vm_run(vm));
}

/* Setting RIP cancels the completion. */
TEST_F(exit_msr, withdrawn)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, false, MSR_APIC_BASE, 0x1111111122222222ULL);
	RUN_EXPECT(vm, MSR_READ);
	IDT_REGS(vm, regs->rip = TEST_CODE + 2);
	vm->run->answer = ~0ULL;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0xaaaaaaaa22222222ULL, vm->run->gprs.rax);
}

TEST_F(exit_msr, user_mode_is_gp)
{
	static const enum idt_mode modes[] = { IDT_USER32, IDT_USER64, IDT_VM86 };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int m, write;

	for (m = 0; m < 3; m++)
		for (write = 0; write < 2; write++) {
			start(vm, modes[m], write, MSR_EFER, 0);
			RUN_VECTOR(vm, VEC_GP, &out);
			EXPECT_EQ(0U, out.error);
		}
}

/* 4 MiB at 0 in one entry of a page directory; the PAE bit goes */
static void legacy_paging(struct test_vm *vm)
{
	struct svmvcpu_state state;

	*(uint32_t *)(vm->mem + TEST_TABLES) = 0x87;
	idt_get(vm, &state);
	state.control.cr3 = TEST_TABLES;
	state.control.cr4 = CR4_PSE;
	state.control.cr0 |= CR0_PG;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
}

/* Bits that a guest may not set give #GP, among them SVME; EFER does not change. */
TEST_F(exit_msr, efer_reserved)
{
	struct test_vm *vm = &self->vm;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		/* A guest cannot set LMA, although the bit exists. */
		bool allowed = vm->info.efer_guest & ~EFER_LMA & (1ULL << bit);
		int want = allowed ? NO_VECTOR : VEC_GP;

		EXPECT_EQ(want, write_msr(vm, IDT_PROT32, MSR_EFER, 1ULL << bit))
			TH_LOG("EFER bit %u", bit);
		if (!allowed)
			EXPECT_EQ(0ULL, vm->run->efer);
	}
	EXPECT_EQ(0ULL, vm->info.efer_guest & EFER_SVME);
}

TEST_F(exit_msr, efer_svme_is_hidden)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	idt_setup(vm, IDT_LONG64);
	EXPECT_EQ(EFER_LME | EFER_LMA, read_msr(vm, MSR_EFER));
	EXPECT_EQ(EFER_LME | EFER_LMA, vm->run->efer);
	idt_get(vm, &state);
	EXPECT_EQ(EFER_LME | EFER_LMA, state.control.efer);
	/* Writing the value that was read is allowed, and SVM stays on. */
	EXPECT_EQ(NO_VECTOR, write_msr(vm, IDT_LONG64, MSR_EFER, EFER_LME | EFER_LMA));
	EXPECT_EQ(VEC_GP, write_msr(vm, IDT_LONG64, MSR_EFER,
				    EFER_LME | EFER_LMA | EFER_SVME));
}

/* LMA can only be written with its current value. LME cannot change while paging is on. */
TEST_F(exit_msr, efer_long_mode_bits)
{
	static const struct {
		enum idt_mode mode;
		bool paging;		/* legacy, so without LME */
		uint64_t efer;
		bool good;
	} cases[] = {
		{ IDT_PROT32, false, EFER_LME, true },
		{ IDT_PROT32, false, EFER_LMA, false },
		{ IDT_PROT32, false, EFER_LME | EFER_LMA, false },
		{ IDT_PROT32, true, 0, true },
		{ IDT_PROT32, true, EFER_NX, true },
		{ IDT_PROT32, true, EFER_LME, false },
		{ IDT_PROT32, true, EFER_LMA, false },
		{ IDT_PROT32, true, EFER_LME | EFER_LMA, false },
		{ IDT_LONG64, true, EFER_LME | EFER_LMA, true },
		{ IDT_LONG64, true, EFER_LME | EFER_LMA | EFER_SCE | EFER_NX, true },
		{ IDT_LONG64, true, EFER_LME, false },
		{ IDT_LONG64, true, EFER_LMA, false },
		{ IDT_LONG64, true, 0, false },
		{ IDT_COMPAT32, true, EFER_LME, false },
		{ IDT_COMPAT32, true, 0, false },
	};
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t efer = cases[i].efer;
		int vector = NO_VECTOR;

		start(vm, cases[i].mode, true, MSR_EFER, cases[i].efer);
		if (cases[i].paging && cases[i].mode == IDT_PROT32)
			legacy_paging(vm);
		if (!cases[i].good) {
			efer = vm->run->efer;
			vector = VEC_GP;
		}
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(vector, out.vector)
			TH_LOG("case %u", i);
		EXPECT_EQ(efer, vm->run->efer)
			TH_LOG("case %u", i);
	}
}

/* SYSCALL works only with SCE, NX bits only with NXE. */
TEST_F(exit_msr, efer_takes_effect)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t *pt;

	idt_exec(vm, IDT_LONG64, CODE("\x0f\x05"), &out);
	EXPECT_EQ(VEC_UD, out.vector);
	/* wrmsr; jmp *rbx, to a page with NX set */
	idt_put(vm, CODE("\x0f\x30\xff\xe3"));
	idt_setup(vm, IDT_LONG64);
	pt = idt_split(vm);
	pt[0] |= PTE_NX;
	vm->mem[TEST_FREE] = 0xf4;
	IDT_REGS(vm, regs->rcx = MSR_EFER; regs->rax = EFER_LME | EFER_LMA | EFER_NX; regs->rdx = 0;
		 regs->rbx = TEST_FREE);
	RUN_VECTOR(vm, VEC_PF, &out);
	EXPECT_EQ(0x11U, out.error);
	EXPECT_EQ(TEST_FREE, vm->run->cr2);
	EXPECT_EQ(TEST_FREE, out.rip);
}

TEST_F(exit_msr, pat)
{
	struct test_vm *vm = &self->vm;
	uint64_t host_before = 0, host_after = 0;
	unsigned int type, byte, step = slow_machine() ? 9 : 1;

	host_rdmsr(0, MSR_PAT, &host_before);
	idt_setup(vm, IDT_LONG64);
	EXPECT_EQ(PAT_AT_RESET, read_msr(vm, MSR_PAT));
	for (type = 0; type < 256; type += type < 8 ? 1 : step)
		for (byte = 0; byte < 8; byte += 7) {
			bool legal = type < 8 && type != 2 && type != 3;
			uint64_t value = (uint64_t)type << (byte * 8);

			EXPECT_EQ(legal ? NO_VECTOR : VEC_GP,
				  write_msr(vm, IDT_PROT32, MSR_PAT, value))
				TH_LOG("type %u in byte %u", type, byte);
			EXPECT_EQ(legal ? value : PAT_AT_RESET, read_msr(vm, MSR_PAT));
		}
	host_rdmsr(0, MSR_PAT, &host_after);
	EXPECT_EQ(host_before, host_after);
}

/* The guest's TSC starts at 0 with SETUP, and continues from a value that is set. */
TEST_F(exit_msr, tsc)
{
	struct test_vm *vm = &self->vm;
	uint64_t base = 0x123456789abcdef0ULL, first, second;

	idt_setup(vm, IDT_LONG64);
	first = read_msr(vm, MSR_TSC);
	second = read_msr(vm, MSR_TSC);
	EXPECT_GT(second, first);
	EXPECT_LT(second, 1ULL << 36);
	EXPECT_EQ(NO_VECTOR, write_msr(vm, IDT_LONG64, MSR_TSC, base));
	first = read_msr(vm, MSR_TSC);
	EXPECT_GT(first, base);
	EXPECT_LT(first, base + (1ULL << 36));

	/* RDTSC reads the same clock. */
	vm_load(vm, TEST_CODE, "\x0f\x31\x0f\x01\xd9", 5);
	IDT_REGS(vm, regs->rip = TEST_CODE);
	RUN_EXPECT(vm, HYPERCALL);
	second = vm->run->gprs.rdx << 32 | vm->run->gprs.rax;
	EXPECT_GT(second, first);
	EXPECT_GT(read_msr(vm, MSR_TSC), second);
}

TEST_HARNESS_MAIN
