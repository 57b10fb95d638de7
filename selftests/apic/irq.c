// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts through the local APIC: their sources (MESSAGE, LINT, the guest itself,
 * another vCPU), their order, and EOI. hlt.c has the HLT that waits for them.
 */
#include <pthread.h>

#include "guest_apic.h"

X2APIC_FIXTURE(irq)

static bool vector_in(struct test_vm *vm, unsigned int table, unsigned int vector)
{
	return x2_read(vm, table + vector / 32 * 16) & 1U << vector % 32;
}

TEST_F(irq, message)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_TRUE(vector_in(vm, APIC_ISR, 0x51));
	EXPECT_FALSE(vector_in(vm, APIC_IRR, 0x51));
	EXPECT_EQ(0x50U, x2_read(vm, APIC_PPR));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_FALSE(vector_in(vm, APIC_ISR, 0x51));
	/* once */
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

TEST_F(irq, priorities)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(1, apic_send(vm, 0x41, 0));
	EXPECT_EQ(1, apic_send(vm, 0x61, 0));
	EXPECT_EQ(1, apic_send(vm, 0x62, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x60));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x40));
	EXPECT_EQ(0x62, apic_take_irq(vm));
	/* same class: not before the EOI */
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(0x61, apic_take_irq(vm));
	/* a higher one interrupts */
	EXPECT_EQ(1, apic_send(vm, 0xf1, 0));
	EXPECT_EQ(0xf1, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	/* the lowest waits for TPR */
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x30));
	EXPECT_EQ(0x41, apic_take_irq(vm));
}

/* With IF clear it waits for STI, and for the end of the shadow. */
TEST_F(irq, waits_for_if)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	/* nop; nop; sti; mov %eax, %ebx (in the shadow); mov %eax, %ecx */
	apic_start(vm, CODE("\x90\x90\xfb\x89\xc3\x89\xc1"))->rax = 7;
	vm->run->gprs.rbx = 0;
	vm->run->gprs.rcx = 0;
	EXPECT_EQ(0x51, apic_run(vm));
	EXPECT_EQ(7U, vm->run->gprs.rbx);
	EXPECT_EQ(0U, vm->run->gprs.rcx);
}

/* A message to a guest that runs in another thread makes it exit and is delivered. */
static void *send_later(void *arg)
{
	struct test_vm *vm = arg;

	usleep(20000);
	return (void *)(long)apic_send(vm, 0x77, 0);
}

TEST_F(irq, to_a_running_guest)
{
	struct test_vm *vm = &self->vm;
	pthread_t thread;
	void *took;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, vm));
	apic_start(vm, CODE("\xfb\xeb\xfe"));	/* sti; jmp . */
	EXPECT_EQ(0x77, apic_run(vm));
	pthread_join(thread, &took);
	EXPECT_EQ(1L, (long)took);
}

TEST_F(irq, level_and_eoi_exit)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(1, apic_send(vm, 0x51, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_TRUE(vector_in(vm, APIC_TMR, 0x51));
	EXPECT_EQ(EXITED, x2_write(vm, APIC_EOI, 0));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vm->run->reason);
	EXPECT_EQ(0x51U, vm->run->eoi.vector);
	/* behind the WRMSR */
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	EXPECT_EQ(FINISHED, apic_run(vm));
	/* the same vector, edge-triggered: no exit */
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
}

TEST_F(irq, eoi_on_the_page)
{
	struct test_vm *vm = &self->vm;

	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(FINISHED, page_write(vm, APIC_SVR, 0x1ff));
	EXPECT_EQ(1, apic_send(vm, 0x51, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(EXITED, page_write(vm, APIC_EOI, 0));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vm->run->reason);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	EXPECT_EQ(FINISHED, apic_run(vm));
}

TEST_F(irq, self_ipi)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SELF_IPI, 0x93));
	EXPECT_EQ(0x93, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 0x40094));	/* shorthand self */
	EXPECT_EQ(0x94, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 0x95));	/* to ID 0 */
	EXPECT_EQ(0x95, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	/* no destination */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 5ULL << 32 | 0x96));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	/* an illegal vector is an error, not an interrupt */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SELF_IPI, 5));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ESR, 0));
	EXPECT_EQ(0x20U, x2_read(vm, APIC_ESR));
}

TEST_F(irq, init_to_itself_is_a_reset)
{
	struct test_vm *vm = &self->vm;

	apic_exit_on_init(vm);
	EXPECT_EQ(EXITED, x2_write(vm, APIC_ICR, 0x4500));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_SYSTEM_DOWN, vm->run->reason);
	EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, vm->run->down.kind);
}

TEST_F(irq, nmi)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_message msg = { .mode = SVMVCPU_MSG_NMI };

	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	/* IF is clear: an NMI is delivered all the same */
	apic_start(vm, CODE("\x90"));
	EXPECT_EQ(2, apic_run(vm));
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_NMI_MASKED);
	EXPECT_EQ(FINISHED, apic_iret(vm));
	/* through the guest's own ICR */
	EXPECT_EQ(2, x2_write(vm, APIC_ICR, 0x400));
	EXPECT_EQ(FINISHED, apic_iret(vm));
}

/* During the handler, one further NMI is latched, from whatever source. */
TEST_F(irq, nmi_latch)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_message msg = { .mode = SVMVCPU_MSG_NMI };

	EXPECT_EQ(2, x2_write(vm, APIC_ICR, 0x400));
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(SVMVCPU_EV_NMI_WAITS | SVMVCPU_EV_NMI_MASKED,
		  vm->run->events & (SVMVCPU_EV_NMI_WAITS | SVMVCPU_EV_NMI_MASKED));
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	EXPECT_EQ(2, apic_run(vm));
	EXPECT_EQ(0, vm->run->events & SVMVCPU_EV_NMI_WAITS);
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(0, vm->run->events & SVMVCPU_EV_NMI_MASKED);
}

/* A handler sends itself three more NMIs: the guest gets two in all. */
GUEST32(nmi_storm,
	"movl $0x1ff, 0xfee000f0\n"
	"movl $0, 0xfee00310\n"
	"movl $0x4400, 0xfee00300\n"
	"nop\n"
	"nop\n"
	"vmmcall");

GUEST32(nmi_handler,
	"incl 0x8000\n"
	"cmpl $1, 0x8000\n"
	"jne 1f\n"
	"movl $0x4400, 0xfee00300\n"
	"movl $0x4400, 0xfee00300\n"
	"movl $0x4400, 0xfee00300\n"
	"1: iret");

TEST_F(irq, nmi_storm)
{
	struct test_vm *vm = &self->vm;

	idt_setup(vm, IDT_PROT32);
	load_guest(vm, nmi_storm);
	load_handler(vm, 2, nmi_handler);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(2U, *(uint32_t *)(vm->mem + TEST_DATA));
	EXPECT_EQ(0, vm->run->events & SVMVCPU_EV_NMI_MASKED);
}

TEST_F(irq, logical)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_message msg = {
		.flags = SVMVCPU_MSG_LOGICAL, .dest = 1, .vector = 0x51,
	};

	/* x2APIC: cluster 0, bit 0 */
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	msg.dest = 2;
	EXPECT_EQ(0, svmvcpu_vm_message(vm->vm, &msg));
	/* xAPIC: as the guest programmed it */
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(FINISHED, page_write(vm, APIC_SVR, 0x1ff));
	EXPECT_EQ(0, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(FINISHED, page_write(vm, APIC_LDR, 0x82000000));
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(0x51, apic_take_irq(vm));
}

/* Messages are lost while software has disabled the local APIC, or it is off. */
TEST_F(irq, disabled)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SVR, 0xff));
	apic_send(vm, 0x51, 0);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SVR, 0x1ff));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0xfee00100));
	EXPECT_EQ(0, apic_send(vm, 0x51, 0));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

TEST_F(irq, pins)
{
	struct test_vm *vm = &self->vm;

	/* masked after RESET: neither interrupts */
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 3));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_LINT1, 0x400));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_LINT0, 0x8051));	/* level */
	/* LINT1: NMI; a pulse suffices */
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
	EXPECT_EQ(2, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	/* asserted for long: one NMI; another one after the next rising edge */
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	EXPECT_EQ(2, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	EXPECT_EQ(2, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
	/* LINT0: after each EOI again as long as it is asserted */
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 1));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(EXITED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vm->run->reason);
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
	EXPECT_EQ(EXITED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

/* A pin may be programmed for INIT, and a pulse may come while no RUN is active. */
TEST_F(irq, pin_resets)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	unsigned int pin;

	apic_exit_on_init(vm);
	for (pin = 0; pin < 2; pin++) {
		EXPECT_EQ(FINISHED, x2_write(vm, pin ? APIC_LVT_LINT1 : APIC_LVT_LINT0, 0x500));
		EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 1 << pin));
		EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
		RUN_EXPECT(vm, SYSTEM_DOWN);
		EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, vm->run->down.kind);
		/* once */
		EXPECT_EQ(FINISHED, apic_take_irq(vm));
	}
	/* SETUP resets the vCPU and drops the INIT. */
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	vm_get_state(vm, &state);
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 0));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

/* An INIT that RUN has not reported yet is part of the state. */
TEST_F(irq, init_is_saved)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state, without;

	apic_exit_on_init(vm);
	vm_get_state(vm, &without);
	EXPECT_EQ(0U, without.lapic.pins);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_LINT0, 0x500));
	EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 1));
	vm_get_state(vm, &state);
	EXPECT_EQ(SVMVCPU_LAPIC_INIT | 1, state.lapic.pins);
	/* The other state has none. */
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_LAPIC, &without));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	/* This state has it, whichever components come with it. */
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_LAPIC, &state));
	RUN_EXPECT(vm, SYSTEM_DOWN);
	EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, vm->run->down.kind);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, vm->info.components, &state));
	RUN_EXPECT(vm, SYSTEM_DOWN);
	EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, vm->run->down.kind);
	/* Not again: it was reported. */
	vm_get_state(vm, &state);
	EXPECT_EQ(1U, state.lapic.pins);
}

/* An interrupt that the VMM injects is the PIC's and arrives through LINT0. */
TEST_F(irq, extint)
{
	struct test_vm *vm = &self->vm;

	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x20;
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_IRQ_WAITS);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_LINT0, 0x700));
	/* before the pending one of the local APIC */
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	EXPECT_EQ(0x20, apic_take_irq(vm));
	EXPECT_EQ(0x51, apic_iret(vm));
	EXPECT_FALSE(vector_in(vm, APIC_ISR, 0x20));
	EXPECT_TRUE(vector_in(vm, APIC_ISR, 0x51));
	/* and without a local APIC in the way */
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0xfee00100));
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x21;
	EXPECT_EQ(0x21, apic_take_irq(vm));
}

TEST_F(irq, window)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	apic_start(vm, CODE("\xfb\x90\x90\xfa"));
	vm->run->in_flags |= SVMVCPU_RUN_IRQ_WINDOW;
	/* the local APIC's is first; the window opens after its handler */
	EXPECT_EQ(0x51, apic_run(vm));
	vm->run->in_flags = SVMVCPU_RUN_IRQ_WINDOW;
	RUN_EXPECT(vm, IRQ_WINDOW);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_IRQ_READY);
}

TEST_F(irq, bad_messages)
{
	struct test_vm *vm = &self->vm;
	static const struct svmvcpu_message bad[] = {
		{ .vector = 15 },
		{ .vector = 0 },
		{ .vector = 0x51, .mode = 2 },
		{ .vector = 0x51, .mode = 3 },
		{ .vector = 0x51, .mode = SVMVCPU_MSG_NMI },
		{ .flags = SVMVCPU_MSG_LEVEL, .mode = SVMVCPU_MSG_NMI },
		{ .vector = 0x51, .mode = 5 },
		{ .flags = SVMVCPU_MSG_LEVEL, .mode = SVMVCPU_MSG_INIT },
		{ .flags = SVMVCPU_MSG_LEVEL, .vector = 0x51, .mode = SVMVCPU_MSG_STARTUP },
		{ .vector = 0x51, .mode = 7 },
		{ .vector = 0x51, .mode = 255 },
		{ .vector = 0x51, .flags = 4 },
		{ .vector = 0x51, .mbz = { 1, 0 } },
		{ .vector = 0x51, .mbz = { 0, 1 } },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EXPECT_EQ(-EINVAL, svmvcpu_vm_message(vm->vm, &bad[i])) {
			TH_LOG("message %u", i);
		}
	}
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_lint(&vm->vcpu, 4));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	/* all destinations: only 0 and the broadcast match */
	for (i = 0; i < 300; i++) {
		const struct svmvcpu_message msg = { .dest = i, .vector = 0x51 };

		EXPECT_EQ(i == 0 || i == 0xff, svmvcpu_vm_message(vm->vm, &msg));
	}
}

/* --- two vCPUs ----------------------------------------------------------- */

struct other {
	struct svmvcpu_vcpu vcpu;
	int ret;
};

static void *run_other(void *arg)
{
	struct other *other = arg;

	other->ret = ioctl(other->vcpu.fd, SVMVCPU_RUN, 0) ? errno : 0;
	return NULL;
}

/* The second vCPU, in x2APIC mode and enabled, halted with IF set */
static void open_other(struct test_vm *vm, struct other *other)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	if (svmvcpu_vcpu_create_flags(vm->vm, 1, SVMVCPU_VCPU_LAPIC, &vm->info, &other->vcpu))
		vm_die("CREATE_VCPU");
	state.gprs.rip = TEST_CODE;
	state.gprs.rsp = TEST_STACK - 0x400;
	state.gprs.rflags = 2 | FLAG_IF;
	state.events.activity = 1;
	state.lapic.base = BASE_X2APIC & ~BASE_BSP;
	state.lapic.regs[2] = 1;
	if (svmvcpu_vcpu_set_state(&other->vcpu, vm->info.components, &state))
		vm_die("SET_STATE");
}

TEST_F(irq, to_another_vcpu)
{
	static const uint64_t icrs[] = {
		1ULL << 32 | 0x58,		/* physical */
		2ULL << 32 | 0x858,		/* logical: cluster 0, bit 1 */
		0xc0058,			/* all but self */
		0xffffffffULL << 32 | 0x58,	/* broadcast */
	};
	struct test_vm *vm = &self->vm;
	struct other other;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x20));
	for (i = 0; i < sizeof(icrs) / sizeof(*icrs); i++) {
		open_other(vm, &other);
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_other, &other));
		/* usually it sleeps by then; if not, it finds the message */
		usleep(10000);
		EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, icrs[i]));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, other.ret);
		EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HALT, other.vcpu.run->reason);
		EXPECT_EQ(IDT_STUBS + 0x58 * 16 + 1, other.vcpu.run->gprs.rip) {
			TH_LOG("icr %#llx", (unsigned long long)icrs[i]);
		}
		svmvcpu_vcpu_close(&other.vcpu);
		if (icrs[i] >> 32 == 0xffffffff) {
			EXPECT_EQ(0x58, apic_take_irq(vm));
			EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
		}
		EXPECT_EQ(FINISHED, apic_take_irq(vm));
	}
	/* no destination is left */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, icrs[0]));
}

/* Lowest priority: one of several, the one with the lowest priority */
TEST_F(irq, lowest_priority)
{
	const struct svmvcpu_message msg = {
		.flags = SVMVCPU_MSG_LOGICAL, .dest = 3, .vector = 0x58,
		.mode = SVMVCPU_MSG_LOWEST,
	};
	struct test_vm *vm = &self->vm;
	struct other other;

	open_other(vm, &other);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x20));
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	run_other(&other);
	EXPECT_EQ(IDT_STUBS + 0x58 * 16 + 1, other.vcpu.run->gprs.rip);
	/* a vCPU that software has disabled is no candidate, even with a low priority */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SVR, 0xff));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0));
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SVR, 0x1ff));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	/* it has that interrupt in service now */
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(0x58, apic_take_irq(vm));
	svmvcpu_vcpu_close(&other.vcpu);
}

/* The same by IPI: the sender is a candidate like the others. */
TEST_F(irq, lowest_priority_ipi)
{
	const uint64_t icr = 3ULL << 32 | 0x958;	/* logical: cluster 0, bits 0 and 1 */
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct other other;

	open_other(vm, &other);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x20));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, icr));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	run_other(&other);
	EXPECT_EQ(IDT_STUBS + 0x58 * 16 + 1, other.vcpu.run->gprs.rip);
	/* The other vCPU has it in service now. */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x40));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, icr));
	EXPECT_EQ(0x58, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	/* The shorthand "all but self" excludes the sender. */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 0xc0159));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	/* A sender that software has disabled is no candidate either. */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SVR, 0xff));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, icr));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_SVR, 0x1ff));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&other.vcpu, SVMVCPU_STATE_LAPIC, &state));
	EXPECT_EQ(3U, state.lapic.regs[APIC_IRR / 16 + 2] >> 24);
	/* The only remaining candidate is the sender. */
	svmvcpu_vcpu_close(&other.vcpu);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, icr));
	EXPECT_EQ(0x58, apic_take_irq(vm));
}

TEST_HARNESS_MAIN
