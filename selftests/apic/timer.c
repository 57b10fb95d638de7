// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of the local APIC: it interrupts a running guest and ends HLT, in all three
 * modes; and the local APIC as part of a state that is set in another VM. KUnit tests
 * the arithmetic. The tests check that interrupts come and that none comes too early,
 * not how fast they are.
 *
 * cost: 4
 */
#include "guest_apic.h"

#define VECTOR	0xe0

X2APIC_FIXTURE(timer)

/* With this divisor the count is in ns. */
static void set_timer(struct test_vm *vm, uint32_t lvt, uint32_t count)
{
	if (x2_write(vm, APIC_TDCR, 0xb) != FINISHED ||
	    x2_write(vm, APIC_LVT_TIMER, lvt) != FINISHED ||
	    x2_write(vm, APIC_TMICT, count) != FINISHED)
		vm_die("setting the timer");
}

/* sti; hlt: which vector ends it? A second timer fires if nothing else does. */
static int halt(struct test_vm *vm)
{
	int ret;

	vm->run->deadline_ns = now_ns() + 10000000000ULL;
	apic_start(vm, CODE("\xfb\xf4"));
	ret = apic_run(vm);
	vm->run->deadline_ns = 0;
	return ret;
}

static uint64_t guest_tsc(struct test_vm *vm)
{
	apic_start(vm, CODE("\x0f\x31"));
	if (apic_run(vm) != FINISHED)
		vm_die("RDTSC");
	return vm->run->gprs.rdx << 32 | (uint32_t)vm->run->gprs.rax;
}

TEST_F(timer, one_shot_ends_hlt)
{
	struct test_vm *vm = &self->vm;
	uint64_t begin = now_ns();

	set_timer(vm, VECTOR, 20000000);
	EXPECT_EQ(VECTOR, halt(vm));
	EXPECT_GE(now_ns() - begin, 20000000U);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(0U, x2_read(vm, APIC_TMCCT));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

TEST_F(timer, interrupts_a_running_guest)
{
	struct test_vm *vm = &self->vm;

	set_timer(vm, VECTOR, 20000000);
	apic_start(vm, CODE("\xfb\xeb\xfe"));	/* sti; jmp . */
	EXPECT_EQ(VECTOR, apic_run(vm));
}

/* With IF clear the interrupt waits until the guest can take it. */
TEST_F(timer, waits_for_if)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	set_timer(vm, VECTOR, 1000000);
	for (i = 0; i < 10000 && !(x2_read(vm, APIC_IRR + 0x70) & 1); i++)
		usleep(1000);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0xe0));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0));
	EXPECT_EQ(VECTOR, apic_take_irq(vm));
}

TEST_F(timer, periodic)
{
	struct test_vm *vm = &self->vm;
	uint64_t begin = now_ns();
	unsigned int i;

	set_timer(vm, VECTOR | TIMER_PERIODIC, 5000000);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(VECTOR, halt(vm));
		ASSERT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	}
	/* the first may have been due when the second began: nine periods at least */
	EXPECT_GE(now_ns() - begin, 45000000U);
	/* stopped */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TMICT, 0));
	apic_take_irq(vm);
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	usleep(20000);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

/* Periods that passed between two RUNs give one interrupt, not a burst. */
TEST_F(timer, periodic_while_not_running)
{
	const uint64_t period = 20000000;
	struct test_vm *vm = &self->vm;
	unsigned int taken = 0, i;
	uint64_t begin;

	set_timer(vm, VECTOR | TIMER_PERIODIC, period);
	usleep(10 * period / 1000);
	begin = now_ns();
	for (i = 0; i < 20; i++) {
		if (apic_take_irq(vm) != VECTOR)
			continue;
		taken++;
		ASSERT_EQ(FINISHED, apic_iret(vm));
		ASSERT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	}
	EXPECT_LE(1U, taken);
	/* the pending one, and one for each period since */
	EXPECT_GE(2 + (now_ns() - begin) / period, taken);
}

TEST_F(timer, tsc_deadline)
{
	struct test_vm *vm = &self->vm;
	uint64_t deadline, value;

	if (!vm->info.tsc_khz)
		SKIP(return, "the host does not know its TSC's frequency");
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_LVT_TIMER, VECTOR | TIMER_DEADLINE));
	/* late enough to read it back before, on the slowest machine */
	deadline = guest_tsc(vm) + 500ULL * vm->info.tsc_khz;
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_DEADLINE, deadline));
	ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_DEADLINE, &value));
	EXPECT_EQ(deadline, value);
	EXPECT_EQ(VECTOR, halt(vm));
	EXPECT_GE(guest_tsc(vm), deadline);
	ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_DEADLINE, &value));
	EXPECT_EQ(0U, value);
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	/* in the past: at once */
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_DEADLINE, 1));
	EXPECT_EQ(VECTOR, apic_take_irq(vm));
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	/* the guest sets its clock to just before the deadline */
	deadline = guest_tsc(vm) + 1000000ULL * vm->info.tsc_khz;
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_DEADLINE, deadline));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_TSC, deadline - 1000));
	EXPECT_EQ(VECTOR, halt(vm));
}

TEST_F(timer, masked_does_not_interrupt)
{
	struct test_vm *vm = &self->vm;

	set_timer(vm, VECTOR | LVT_MASKED, 1000000);
	usleep(20000);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(0U, x2_read(vm, APIC_TMCCT));
}

/* The timer also fires between two RUNs, and while the VMM is slow. */
TEST_F(timer, between_runs)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	set_timer(vm, VECTOR, 1000000);
	usleep(20000);
	/* nothing has run since, but GET_STATE shows it */
	idt_get(vm, &state);
	EXPECT_EQ(1U, state.lapic.regs[0x27]);
	EXPECT_EQ(0U, state.lapic.timer_remaining);
	EXPECT_EQ(VECTOR, apic_take_irq(vm));
}

/* SETUP and close with a running timer */
TEST_F(timer, stopped_by_setup)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	set_timer(vm, VECTOR | TIMER_PERIODIC, 1000000);
	EXPECT_EQ(1, apic_send(vm, 0x55, 0));
	idt_setup(vm, IDT_PROT32);
	usleep(5000);
	idt_get(vm, &state);
	EXPECT_EQ(BASE_XAPIC, state.lapic.base);
	EXPECT_EQ(0U, state.lapic.timer_remaining);
	EXPECT_EQ(0xffU, state.lapic.regs[0x0f]);
	EXPECT_EQ(0U, state.lapic.regs[0x22]);
	EXPECT_EQ(0U, state.lapic.regs[0x27]);
	apic_enable_x2(vm);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	set_timer(vm, VECTOR | TIMER_PERIODIC, 1000000);
}

/* --- state --------------------------------------------------------------- */

static void move(struct test_vm *from, struct test_vm *to)
{
	struct svmvcpu_state state;

	idt_get(from, &state);
	memcpy(to->mem, from->mem, TEST_MEM);
	memcpy(to->xstate, from->xstate, sizeof(to->xstate));
	state.xstate = (uintptr_t)to->xstate;
	idt_set(to, &state, from->info.components);
}

#define MOVE_NS	2000000000U

/* A guest that halts with a running timer continues in another VM. */
TEST_F(timer, halted_guest_moves)
{
	struct test_vm *vm = &self->vm, *other = calloc(1, sizeof(*other));
	struct svmvcpu_state state;

	apic_open(other);
	/* long enough that a busy machine reaches HLT before it fires */
	set_timer(vm, VECTOR, MOVE_NS);
	EXPECT_EQ(1, apic_send(vm, 0x35, 0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x40));
	apic_start(vm, CODE("\xfb\xf4"));
	vm->run->deadline_ns = now_ns() + 10000000;
	RUN_EXPECT(vm, INTERRUPTED);
	move(vm, other);
	idt_get(other, &state);
	EXPECT_EQ(1U, state.events.activity);
	EXPECT_GT(state.lapic.timer_remaining, 0U);
	EXPECT_LE(state.lapic.timer_remaining, MOVE_NS);
	EXPECT_EQ(VECTOR, apic_run(other));
	EXPECT_EQ(FINISHED, x2_write(other, APIC_TPR, 0));
	EXPECT_EQ(FINISHED, x2_write(other, APIC_EOI, 0));
	EXPECT_EQ(0x35, apic_take_irq(other));
	vm_close(other);
	free(other);
}

/* Flips each bit: an impossible state is refused and changes nothing. */
TEST_F(timer, state_component)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state, again;
	uint32_t *words = (uint32_t *)&state.lapic;
	unsigned int i, bit, refused = 0;

	EXPECT_EQ(1, apic_send(vm, 0x35, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x40));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_TIMER, VECTOR));
	idt_get(vm, &state);
	idt_set(vm, &state, SVMVCPU_STATE_LAPIC);
	idt_get(vm, &again);
	EXPECT_EQ(0, memcmp(&state.lapic, &again.lapic, sizeof(state.lapic)));
	state.size = sizeof(state);
	state.components = SVMVCPU_STATE_LAPIC | SVMVCPU_STATE_GPRS;
	state.gprs.rip ^= 0x100;
	for (i = 0; i < sizeof(state.lapic) / 4; i++) {
		for (bit = 0; bit < 32; bit += 5) {
			words[i] ^= 1U << bit;
			if (ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, &state)) {
				refused++;
				idt_get(vm, &again);
				EXPECT_NE(state.gprs.rip, again.gprs.rip);
			} else {
				/* accepted: restore the old state */
				again.size = sizeof(again);
				again.components = state.components;
				idt_set(vm, &again, again.components);
			}
			words[i] ^= 1U << bit;
			idt_get(vm, &again);
		}
	}
	EXPECT_GT(refused, 40U);
	/* inverted, unlike in x2APIC mode: the ID of another vCPU */
	state.lapic.regs[2] = 1;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, &state));
	state.lapic.regs[2] = 0;
	state.events.activity = 3;
	state.components = SVMVCPU_STATE_EVENTS;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, &state));
}

/*
 * A guest with a timer moves to another VM every few exits. It counts as many ticks as
 * without moving: none is lost or doubled.
 */
GUEST32(ticks,
	"mov $0x6000, %esp\n"
	"1: sti\n"
	"hlt\n"
	"jmp 1b");

TEST_F(timer, ticks_survive_moves)
{
	struct test_vm *a = &self->vm, *b = calloc(1, sizeof(*b)), *t;
	unsigned int ticks = 0, moves = 0;

	apic_open(b);
	set_timer(a, VECTOR | TIMER_PERIODIC, 2000000);
	load_guest(a, ticks);
	apic_start(a, CODE("\xeb\xfe"));
	load_guest(a, ticks);
	while (ticks < 20) {
		a->run->deadline_ns = now_ns() + 500000;
		ASSERT_EQ(0, vm_run(a));
		a->run->deadline_ns = 0;
		if (a->run->reason == SVMVCPU_EXIT_HALT) {
			struct svmvcpu_state state;

			/* in the handler: EOI by the page, one interrupt at a time in service */
			idt_get(a, &state);
			ASSERT_EQ(1U, state.lapic.regs[0x17]);
			state.lapic.regs[0x17] = 0;
			idt_set(a, &state, SVMVCPU_STATE_LAPIC);
			ticks++;
		} else {
			ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, a->run->reason);
		}
		move(a, b);
		moves++;
		t = a, a = b, b = t;
	}
	EXPECT_GE(moves, ticks);
	vm_close(a == &self->vm ? b : a);
	free(a == &self->vm ? b : a);
}

TEST_HARNESS_MAIN
