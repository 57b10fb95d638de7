// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host without RDTSCP, RDPID and XSAVE: its guests have no TSC_AUX and no XCR0, and
 * FXSAVE switches the FPU registers.
 *
 * cpu: EPYC,+svm,+npt,-rdtscp,-xsave
 * kernel: stock, debug
 */
#include "guest_idt.h"
#include "host_fpu.h"

#define TSC_AUX		0xc0000103
#define CR4_OSXSAVE	(1ULL << 18)

FIXTURE(old_cpu) {
	struct test_vm a, b;
};

FIXTURE_SETUP(old_cpu)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0x80000001, eax, ebx, ecx, edx);
	ASSERT_EQ(0U, edx & 1 << 27);		/* RDTSCP */
	__cpuid(1, eax, ebx, ecx, edx);
	ASSERT_EQ(0U, ecx & 1 << 26);		/* XSAVE */
	vm_open(&self->a);
	vm_open(&self->b);
}

FIXTURE_TEARDOWN(old_cpu)
{
	vm_close(&self->a);
	vm_close(&self->b);
}

TEST_F(old_cpu, no_tsc_aux)
{
	static const char * const codes[] = { "\x0f\x30", "\x0f\x32" };
	struct test_vm *vm = &self->a;
	struct svmvcpu_state state;
	struct idt_outcome out;

	for (int i = 0; i < 2; i++) {
		idt_put(vm, codes[i], 2);
		idt_setup(vm, IDT_LONG64);
		IDT_REGS(vm, regs->rcx = TSC_AUX; regs->rax = 1);
		RUN_VECTOR(vm, VEC_GP, &out);
		EXPECT_EQ(0U, out.error);
		EXPECT_EQ(TEST_CODE, out.rip);
		idt_get(vm, &state);
		EXPECT_EQ(0ULL, state.msrs.tsc_aux);
	}
	idt_exec(vm, IDT_LONG64, CODE("\x0f\x01\xf9"), &out);	/* rdtscp */
	EXPECT_EQ(VEC_UD, out.vector);
	state.msrs.tsc_aux = 1;
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_MSRS, &state));
	state.msrs.tsc_aux = 0;
	EXPECT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_MSRS, &state));
}

TEST_F(old_cpu, no_xcr0)
{
	struct test_vm *vm = &self->a;
	struct idt_outcome out;

	EXPECT_EQ(0ULL, vm->info.xcr0_guest);
	EXPECT_EQ(576U, vm->info.xstate_size);
	EXPECT_EQ(0ULL, vm->info.cr4_guest & CR4_OSXSAVE);
	idt_put(vm, CODE("\x0f\x22\xe0"));			/* mov cr4, rax */
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rax = CR4_PAE | CR4_OSXSAVE);
	RUN_VECTOR(vm, VEC_GP, &out);
	idt_exec(vm, IDT_LONG64, CODE("\x0f\x01\xd1"), &out);	/* xsetbv */
	EXPECT_EQ(VEC_UD, out.vector);
}

#define SHOW								\
	"movq %xmm9, %rbx\n"						\
	"stmxcsr 4(%rdi)\n"						\
	"fstpl 8(%rdi)\n"						\
	"vmmcall\n"

GUEST64(mark,
	"movq %rax, %xmm9\n"
	"movl $0x7f80, (%rdi)\n"
	"ldmxcsr (%rdi)\n"
	"fldpi\n"
	"vmmcall\n"
	SHOW);

GUEST64(show, SHOW);

static void start(struct test_vm *vm, uint64_t mark)
{
	load_guest(vm, mark);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	IDT_REGS(vm, regs->rax = mark; regs->rdi = TEST_DATA);
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HYPERCALL)
		vm_die("RUN");
}

/* Two guests that alternate keep their registers; a new one has reset values. */
TEST_F(old_cpu, fpu_registers)
{
	static const double pi = 3.14159265358979323846;
	uint64_t marks[] = { 0x1111222233334444, 0x5555666677778888 };
	struct test_vm *vms[] = { &self->a, &self->b };

	start(vms[0], marks[0]);
	start(vms[1], marks[1]);
	for (int i = 0; i < 2; i++) {
		RUN_EXPECT(vms[i], HYPERCALL);
		EXPECT_EQ(marks[i], vms[i]->run->gprs.rbx);
		EXPECT_EQ(0x7f80U, *(uint32_t *)(vms[i]->mem + TEST_DATA + 4));
		EXPECT_EQ(0, memcmp(&pi, vms[i]->mem + TEST_DATA + 8, sizeof(pi)));
	}
	load_guest(vms[0], show);
	vm_setup(vms[0], SVMVCPU_PRESET_LONG64);
	IDT_REGS(vms[0], regs->rdi = TEST_DATA);
	RUN_EXPECT(vms[0], HYPERCALL);
	EXPECT_EQ(0ULL, vms[0]->run->gprs.rbx);
	EXPECT_EQ(0x1f80U, *(uint32_t *)(vms[0]->mem + TEST_DATA + 4));
}

/* The VMM's own registers, by FXSAVE; see state_vmm_fpu.c. */
TEST_F(old_cpu, registers_of_the_vmm)
{
	struct fpu_image mine;

	ASSERT_FALSE(fpu_has_avx());
	for (unsigned int kind = 0; kind < 8; kind++) {
		start(&self->a, kind);
		fpu_fill(&mine, kind, kind * 29);
		RUN_WITH_FPU(&self->a, &mine);
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_HYPERCALL, self->a.run->reason);
		EXPECT_EQ((uint64_t)kind, self->a.run->gprs.rbx);
	}
}

TEST_HARNESS_MAIN
