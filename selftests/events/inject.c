// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that the VMM injects: interrupts, NMIs and exceptions; when they are
 * delivered, what they wait for, and that each is delivered once. The guests run in
 * real mode: vector n is at 4 * n, and each handler reports its vector through port
 * 0x20 + n.
 */
#include "svmvcpu_test.h"

#define HANDLERS	0x3000UL	/* 16 bytes each */
#define FLAG_TF		0x100ULL
#define FLAG_IF		0x200ULL

FIXTURE(event) {
	struct test_vm vm;
};

static void handler_put(struct test_vm *t, unsigned int vector)
{
	const unsigned char code[] = {
		0xe6, 0x20 + vector,	/* out %al, $0x20 + vector */
		0xcf,			/* iret */
	};
	uint16_t entry[2] = { HANDLERS + vector * 16, 0 };

	vm_load(t, HANDLERS + vector * 16, code, sizeof(code));
	vm_load(t, vector * 4, entry, sizeof(entry));
}

FIXTURE_SETUP(event)
{
	unsigned int i;

	vm_open(&self->vm);
	for (i = 0; i < 64; i++)
		handler_put(&self->vm, i);
}

VM_TEARDOWN(event)

static void inject(struct test_vm *t, unsigned int what)
{
	t->run->inject = SVMVCPU_INJECT_VALID | what;
}

static void start(struct test_vm *t, uint64_t rflags)
{
	vm_setup(t, SVMVCPU_PRESET_REAL);
	t->run->gprs = (struct svmvcpu_gprs) {
		.rip = TEST_CODE, .rsp = TEST_STACK, .rflags = rflags | 2,
	};
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
}

/* RUN ends in the handler of @vector. */
#define EXPECT_VECTOR(t, vector)				\
do {								\
	RUN_EXPECT(t, IO);					\
	EXPECT_EQ(0x20 + (vector), (t)->run->io.port);		\
} while (0)

GUEST16(spin,
	"1: out %al, $0x10\n"
	"jmp 1b");

TEST_F(event, irq_at_once)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_IRQ_READY);
	inject(vm, SVMVCPU_INJECT_IRQ | 33);
	EXPECT_VECTOR(vm, 33);
	EXPECT_EQ(0U, vm->run->inject);
	EXPECT_FALSE(vm->run->gprs.rflags & FLAG_IF);
	/* once */
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
}

GUEST16(cli_sti,
	"cli\n"
	"out %al, $0x10\n"
	"out %al, $0x11\n"
	"sti\n"
	"out %al, $0x12\n"	/* in the shadow */
	"out %al, $0x13\n"
	"hlt");

TEST_F(event, irq_waits_for_if_and_shadow)
{
	struct test_vm *vm = &self->vm;
	bool early;

	load_guest(vm, cli_sti);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	EXPECT_FALSE(vm->run->events & SVMVCPU_EV_IRQ_READY);
	inject(vm, SVMVCPU_INJECT_IRQ | 40);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x11, vm->run->io.port);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_IRQ_WAITS);
	/* a second one is refused, and nothing happens */
	inject(vm, SVMVCPU_INJECT_IRQ | 41);
	EXPECT_EQ(EAGAIN, vm_run(vm));
	vm->run->inject = 0;
	/*
	 * The instruction after STI comes first; but VMRUN of QEMU before 10 does not
	 * load a shadow, so an exit for a host interrupt ends it.
	 */
	RUN_EXPECT(vm, IO);
	early = host_is_tcg() && vm->run->io.port == 0x20 + 40;
	if (early)
		RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x12, vm->run->io.port);
	if (!early)
		EXPECT_VECTOR(vm, 40);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x13, vm->run->io.port);
	RUN_EXPECT(vm, HALT);
}

/* Runs to the OUT in the shadow; true if QEMU lost the shadow, as above */
static bool window_is_early(struct test_vm *vm)
{
	load_guest(vm, cli_sti);
	start(vm, FLAG_IF);
	for (int i = 0; i < 3; i++) {
		vm->run->in_flags = i ? SVMVCPU_RUN_IRQ_WINDOW : 0;
		if (vm_run(vm))
			vm_die("RUN");
		if (host_is_tcg() && vm->run->reason == SVMVCPU_EXIT_IRQ_WINDOW)
			return true;
		if (vm->run->reason != SVMVCPU_EXIT_IO || vm->run->io.port != 0x10 + i)
			break;
	}
	return false;
}

TEST_F(event, window)
{
	struct test_vm *vm = &self->vm;
	unsigned int tries = 0;

	while (window_is_early(vm) && tries < 10)
		tries++;
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason);
	EXPECT_EQ(0x12, vm->run->io.port);
	if (host_is_bochs())
		SKIP(return, "Bochs: a V_IRQ set while IF is on waits until IF changes");
	vm->run->in_flags = SVMVCPU_RUN_IRQ_WINDOW;
	RUN_EXPECT(vm, IRQ_WINDOW);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_IRQ_READY);
	inject(vm, SVMVCPU_INJECT_IRQ | 50);
	EXPECT_VECTOR(vm, 50);
	/* not requested again */
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x13, vm->run->io.port);
}

GUEST16(halt_loop,
	"sti\n"
	"hlt\n"
	"out %al, $0x10\n"
	"hlt");

TEST_F(event, irq_ends_halt)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt_loop);
	start(vm, 0);
	RUN_EXPECT(vm, HALT);
	inject(vm, SVMVCPU_INJECT_IRQ | 32);
	EXPECT_VECTOR(vm, 32);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
	RUN_EXPECT(vm, HALT);
}

/* An interrupt pending at HLT acts like one that comes later. */
GUEST16(sti_hlt,
	"cli\n"
	"out %al, $0x10\n"
	"sti\n"
	"hlt\n"
	"out %al, $0x11\n"
	"hlt");

TEST_F(event, irq_before_halt)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, sti_hlt);
	start(vm, 0);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_IRQ | 35);
	EXPECT_VECTOR(vm, 35);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x11, vm->run->io.port);
}

TEST_F(event, nmi_masks_nmi)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	start(vm, 0);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	EXPECT_VECTOR(vm, 2);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_NMI_MASKED);
	/* in the handler: this one waits for its IRET, and then comes at once */
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	EXPECT_VECTOR(vm, 2);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
	EXPECT_FALSE(vm->run->events & SVMVCPU_EV_NMI_MASKED);
	EXPECT_FALSE(vm->run->gprs.rflags & FLAG_TF);
}

/* The handler's first instruction still runs masked; its last one reports. */
GUEST16(nmi_handler,
	"out %al, $0x22\n"
	"out %al, $0x60\n"
	"nop\n"
	"out %al, $0x61\n"
	"iret");

TEST_F(event, nmi_not_before_iret)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	vm_load(vm, HANDLERS + 2 * 16, guest_nmi_handler,
		guest_nmi_handler_end - guest_nmi_handler);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	EXPECT_VECTOR(vm, 2);
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x60, vm->run->io.port);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_NMI_WAITS);
	/* A third one merges with the second, which is latched. */
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x61, vm->run->io.port);
	EXPECT_EQ(0U, vm->run->inject);
	EXPECT_VECTOR(vm, 2);
	EXPECT_FALSE(vm->run->events & SVMVCPU_EV_NMI_WAITS);
	for (unsigned int port = 0x60; port <= 0x61; port++) {
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(port, vm->run->io.port);
	}
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
	EXPECT_FALSE(vm->run->events & SVMVCPU_EV_NMI_MASKED);
}

/* No handler runs yet: the latch is still one bit. */
TEST_F(event, nmi_merges_before_its_handler)
{
	struct svmvcpu_state state = { .size = sizeof(state) };
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	start(vm, 0);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_TRUE(vm->run->events & SVMVCPU_EV_NMI_WAITS);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	RUN_EXPECT(vm, INTERRUPTED);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	EXPECT_EQ(1, state.events.nmis);
	EXPECT_EQ(0, state.events.nmi_masked);
	EXPECT_VECTOR(vm, 2);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
}

TEST_F(event, nmi_before_irq)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, cli_sti);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_IRQ | 36);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	EXPECT_VECTOR(vm, 2);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x12, vm->run->io.port);
	EXPECT_VECTOR(vm, 36);
}

TEST_F(event, exception)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	start(vm, 0);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_EXC | 6);
	EXPECT_VECTOR(vm, 6);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_EXC | 14);
	vm->run->inject_address = 0x123456;
	EXPECT_VECTOR(vm, 14);
	EXPECT_CR2(vm, 0x123456ULL);
}

/* An exception, then the pending interrupt, at the first boundary with IF set. */
TEST_F(event, exception_before_irq)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, cli_sti);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_IRQ | 37);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_EXC | 0);
	EXPECT_VECTOR(vm, 0);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x12, vm->run->io.port);
	EXPECT_VECTOR(vm, 37);
}

TEST_F(event, refused)
{
	static const struct {
		uint32_t inject, error;
		uint64_t address;
	} bad[] = {
		{ .inject = SVMVCPU_INJECT_EXC | 2 },
		{ .inject = SVMVCPU_INJECT_EXC | 9 },
		{ .inject = SVMVCPU_INJECT_EXC | 15 },
		{ .inject = SVMVCPU_INJECT_EXC | 18 },
		{ .inject = SVMVCPU_INJECT_EXC | 31 },
		{ .inject = SVMVCPU_INJECT_EXC | 32 },
		{ .inject = SVMVCPU_INJECT_NMI | 3 },
		{ .inject = SVMVCPU_INJECT_NMI | 2, .error = 1 },
		{ .inject = (1U << 8) | 32 },
		{ .inject = (4U << 8) | 32 },
		{ .inject = (1U << 11) | SVMVCPU_INJECT_IRQ | 32 },
		{ .inject = SVMVCPU_INJECT_IRQ | 32, .error = 1 },
		{ .inject = SVMVCPU_INJECT_IRQ | 32, .address = 1 },
		{ .inject = SVMVCPU_INJECT_EXC | 6, .error = 1 },
		{ .inject = SVMVCPU_INJECT_EXC | 13, .address = 1 },
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	load_guest(vm, spin);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		inject(vm, bad[i].inject);
		vm->run->inject_error = bad[i].error;
		vm->run->inject_address = bad[i].address;
		EXPECT_EQ(EINVAL, vm_run(vm))
			TH_LOG("case %u", i);
		vm->run->inject = 0;
		vm->run->inject_error = 0;
		vm->run->inject_address = 0;
	}
	/* nor without VALID */
	vm->run->inject = 33;
	EXPECT_EQ(EINVAL, vm_run(vm));
	vm->run->inject = 0;
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
}

TEST_F(event, state)
{
	struct svmvcpu_state state = { .size = sizeof(state) };
	struct test_vm *vm = &self->vm;

	load_guest(vm, cli_sti);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	inject(vm, SVMVCPU_INJECT_IRQ | 38);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	EXPECT_EQ(SVMVCPU_INJECT_VALID | 38, state.events.irq);
	EXPECT_EQ(0U, state.events.exception);

	/* removed, and set again */
	state.events.irq = 0;
	state.events.nmis = 1;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	EXPECT_VECTOR(vm, 2);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	EXPECT_EQ(1, state.events.nmi_masked);
	state.events.irq = SVMVCPU_INJECT_VALID | 39;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x12, vm->run->io.port);
	EXPECT_VECTOR(vm, 39);

	/* SETUP clears all events */
	inject(vm, SVMVCPU_INJECT_NMI | 2);
	RUN_EXPECT(vm, IO);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
	EXPECT_EQ(0, vm->run->events & ~SVMVCPU_EV_IRQ_READY);

	state.events.nmis = 2;
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
}

/* An NMI that waits for another event comes right after it. */
TEST_F(event, nmi_behind_an_exception)
{
	struct svmvcpu_state state = { .size = sizeof(state) };
	struct test_vm *vm = &self->vm;
	uint16_t ip;

	load_guest(vm, spin);
	start(vm, FLAG_IF);
	RUN_EXPECT(vm, IO);
	state.events.exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | 13;
	state.events.nmis = 1;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	EXPECT_VECTOR(vm, 2);
	memcpy(&ip, vm->mem + vm->run->gprs.rsp, sizeof(ip));
	EXPECT_EQ(HANDLERS + 13 * 16, ip);
	EXPECT_VECTOR(vm, 13);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10, vm->run->io.port);
}

/* A fault while a double fault is pending: no entry. */
TEST_F(event, third_fault)
{
	struct svmvcpu_state state = { .size = sizeof(state) };
	struct test_vm *vm = &self->vm;
	unsigned long long exits;

	load_guest(vm, spin);
	start(vm, 0);
	RUN_EXPECT(vm, IO);
	state.events.exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | 8;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_EVENTS, &state));
	exits = vm->run->exits;
	inject(vm, SVMVCPU_INJECT_EXC | 13);
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_EQ(exits, vm->run->exits);
	EXPECT_EQ(EBADFD, vm_run(vm));
}

TEST_HARNESS_MAIN
