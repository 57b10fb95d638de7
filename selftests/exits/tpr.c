// SPDX-License-Identifier: GPL-2.0-only
/*
 * CR8 on the run page, in both directions, and the TPR exit, for VMMs that emulate the local
 * APIC; and CR8 of a vCPU whose local APIC is in the kernel.
 */
#include "guest_apic.h"

/* Sets CR8 to RDI, then to RSI, and reads it, with an exit after each */
GUEST64(sets_cr8,
	"1: mov %rdi, %cr8\n"
	"out %al, $0x80\n"
	"mov %rsi, %cr8\n"
	"out %al, $0x80\n"
	"2: mov %cr8, %rax\n"
	"out %al, $0x80\n"
	"jmp 2b");

/* length of MOV CR8, from 64-bit code */
#define MOV_BYTES	4

VM_FIXTURE(tpr);

static void start(struct test_vm *vm, __u64 first, __u64 second)
{
	struct svmvcpu_state state;

	load_guest(vm, sets_cr8);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	if (svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &state))
		vm_die("GET_STATE");
	state.gprs.rdi = first;
	state.gprs.rsi = second;
	if (svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &state))
		vm_die("SET_STATE");
}

static void choose(struct test_vm *vm, __u32 flags)
{
	struct svmvcpu_exits exits = { .flags = flags };

	if (svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits))
		vm_die("SET_EXITS");
}

static __u64 state_cr8(struct test_vm *vm)
{
	struct svmvcpu_state state;

	if (svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_CONTROL, &state))
		vm_die("GET_STATE");
	return state.control.cr8;
}

TEST_F(tpr, shown)
{
	struct test_vm *vm = &self->vm;

	for (unsigned int cr8 = 0; cr8 < 16; cr8++) {
		start(vm, cr8, 15 - cr8);
		EXPECT_EQ(0, vm->run->cr8);
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(cr8, vm->run->cr8);
		EXPECT_EQ(cr8, state_cr8(vm));
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(15 - cr8, vm->run->cr8);
		EXPECT_EQ(15 - cr8, state_cr8(vm));
	}
}

/* Loaded once, only with the flag, and only four bits of it */
TEST_F(tpr, set)
{
	struct test_vm *vm = &self->vm;

	start(vm, 3, 3);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, IO);
	for (unsigned int value = 0; value < 256; value++) {
		vm->run->cr8 = value;
		vm->run->in_flags = SVMVCPU_RUN_SET_CR8;
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(0U, vm->run->in_flags);
		EXPECT_EQ(value & 15, vm->run->gprs.rax);
		EXPECT_EQ(value & 15, vm->run->cr8);
		vm->run->cr8 = ~value;
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(value & 15, vm->run->gprs.rax);
		EXPECT_EQ(value & 15, vm->run->cr8);
	}
	/* An input that is refused changes nothing. */
	vm->run->cr8 = 1;
	vm->run->in_flags = SVMVCPU_RUN_SET_CR8 | SVMVCPU_RUN_FAIL;
	EXPECT_EQ(EINVAL, vm_run(vm));
	EXPECT_EQ(15ULL, state_cr8(vm));
}

/* Only lower values exit, only after SET_EXITS, and not a MOV that raises #GP. */
TEST_F(tpr, exits)
{
	struct test_vm *vm = &self->vm;

	choose(vm, SVMVCPU_EXITS_TPR);
	for (unsigned int from = 0; from < 16; from++) {
		for (unsigned int to = 0; to < 16; to++) {
			start(vm, from, to);
			RUN_EXPECT(vm, IO);
			if (to < from) {
				RUN_EXPECT(vm, TPR);
				EXPECT_EQ(to, vm->run->cr8);
				EXPECT_EQ(TEST_CODE + 2 * MOV_BYTES + 2, vm->run->gprs.rip);
				EXPECT_EQ(to, state_cr8(vm));
			}
			RUN_EXPECT(vm, IO);
			EXPECT_EQ(to, vm->run->cr8);
		}
	}
	start(vm, 9, 16);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, SHUTDOWN);	/* #GP without an IDT */
	choose(vm, 0);
	start(vm, 9, 1);
	RUN_EXPECT(vm, IO);
	RUN_EXPECT(vm, IO);
}

/* The VMM's own APIC has an interrupt of class 5. The window opens whatever CR8 is. */
TEST_F(tpr, own_apic)
{
	struct test_vm *vm = &self->vm;

	if (host_is_bochs())
		SKIP(return, "Bochs: a V_IRQ set while IF is on waits until IF changes");
	choose(vm, SVMVCPU_EXITS_TPR);
	start(vm, 5, 4);
	vm->run->gprs.rflags |= 0x200;
	vm->run->gprs.rdi = 5;
	vm->run->gprs.rsi = 4;
	vm->run->gprs.rip = TEST_CODE;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	RUN_EXPECT(vm, IO);
	vm->run->in_flags = SVMVCPU_RUN_IRQ_WINDOW;
	RUN_EXPECT(vm, IRQ_WINDOW);
	EXPECT_EQ(5, vm->run->cr8);	/* masked: wait for TPR */
	RUN_EXPECT(vm, TPR);
	EXPECT_EQ(4, vm->run->cr8);
	EXPECT_EQ(SVMVCPU_EV_IRQ_READY, vm->run->events);
	vm->run->inject = SVMVCPU_INJECT_VALID | 0x55;
	RUN_EXPECT(vm, SHUTDOWN);	/* The IDT is empty. */
	EXPECT_EQ(0x55, vm->run->shutdown.faults[0].vector);
}

TEST_F(tpr, snapshot)
{
	struct test_vm *vm = &self->vm;

	start(vm, 7, 2);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	for (int i = 0; i < 3; i++) {
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(2, vm->run->cr8);
		ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
		EXPECT_EQ(7, vm->run->cr8);
		EXPECT_EQ(7ULL, state_cr8(vm));
	}
}

APIC_FIXTURE(lapic);

/* The upper half of TPR, however the guest or the VMM sets TPR */
TEST_F(lapic, shown)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_apic_access access = {
		.flags = SVMVCPU_APIC_WRITE, .offset = APIC_TPR, .width = 4, .data = 0x39,
	};
	struct svmvcpu_state state;

	EXPECT_EQ(0, vm->run->cr8);
	ASSERT_EQ(FINISHED, page_write(vm, APIC_TPR, 0x5a));
	EXPECT_EQ(5, vm->run->cr8);
	EXPECT_EQ(5ULL, state_cr8(vm));
	ASSERT_EQ(0, svmvcpu_vcpu_apic_access(&vm->vcpu, &access));
	EXPECT_EQ(3ULL, state_cr8(vm));

	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_LAPIC, &state));
	state.lapic.regs[APIC_TPR / 16] = 0xc1;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_LAPIC, &state));
	EXPECT_EQ(12ULL, state_cr8(vm));
	EXPECT_EQ(0xc1U, page_read(vm, APIC_TPR));
	EXPECT_EQ(12, vm->run->cr8);

	apic_enable_x2(vm);
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0xf7));
	EXPECT_EQ(15, vm->run->cr8);
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(0, vm->run->cr8);
	EXPECT_EQ(0ULL, state_cr8(vm));
}

/* SET_CR8 sets TPR, but leaves it alone if CR8 is unchanged. An interrupt gets through. */
TEST_F(lapic, set)
{
	struct test_vm *vm = &self->vm;

	apic_enable_x2(vm);
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x5a));
	vm->run->cr8 = 5;
	apic_start(vm, CODE("\x0f\x32"))->rcx = X2(APIC_TPR);
	vm->run->in_flags |= SVMVCPU_RUN_SET_CR8;
	ASSERT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0x5aULL, vm->run->gprs.rax);

	ASSERT_EQ(1, apic_send(vm, 0x51, 0));
	ASSERT_EQ(FINISHED, apic_take_irq(vm));
	apic_start(vm, CODE("\xfb\x90\x90\xfa"));
	vm->run->cr8 = 4;
	vm->run->in_flags |= SVMVCPU_RUN_SET_CR8;
	EXPECT_EQ(0x51, apic_run(vm));
	EXPECT_EQ(4, vm->run->cr8);
	ASSERT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(0x40ULL, x2_read(vm, APIC_TPR));
}

/* The kernel's APIC takes care of what CR8 masks. */
TEST_F(lapic, no_exits)
{
	struct test_vm *vm = &self->vm;

	choose(vm, SVMVCPU_EXITS_TPR);
	start(vm, 9, 1);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(9, vm->run->cr8);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(1, vm->run->cr8);
}

TEST_F(lapic, snapshot)
{
	struct test_vm *vm = &self->vm;

	start(vm, 7, 2);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	for (int i = 0; i < 3; i++) {
		RUN_EXPECT(vm, IO);
		ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
		EXPECT_EQ(7, vm->run->cr8);
		EXPECT_EQ(7ULL, state_cr8(vm));
	}
}

TEST_HARNESS_MAIN
