// SPDX-License-Identifier: GPL-2.0-only
/*
 * INIT and STARTUP: the state after INIT, the wait for STARTUP and what ends it, their
 * order, and what the VMM can choose. vCPU 0 is the bootstrap processor in x2APIC mode;
 * vCPU 1, the AP, waits for a STARTUP.
 *
 * timeout: 120
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "guest_apic.h"
#include "guest_thread.h"

#define AP_VECTOR	0x9
#define AP_CODE		(AP_VECTOR << 12)

#define XSTATE_FCW	0x27f
#define XSTATE_MXCSR	0x1fa0U
#define XSTATE_XMM5	0x123456789abcdefULL

#define IPI_INIT(id)		((uint64_t)(id) << 32 | 0x4500)
#define IPI_STARTUP(id, vector)	((uint64_t)(id) << 32 | 0x4600 | (vector))

struct ap {
	struct svmvcpu_vcpu vcpu;
	struct guest_thread thread;
	unsigned char xstate[4096];
};

FIXTURE(init) {
	struct test_vm vm;
	struct ap ap;
};

static int ap_setup(struct ap *ap, __u32 flags)
{
	const struct svmvcpu_setup setup = { .flags = flags, .preset = SVMVCPU_PRESET_RESET };

	return svmvcpu_vcpu_setup(&ap->vcpu, &setup);
}

/* vmmcall; sti; jmp . (Bochs takes no host interrupt from a guest that loops with IF clear) */
static void load_ap_code(struct test_vm *vm, unsigned int vector)
{
	vm_load(vm, vector << 12, "\x0f\x01\xd9\xfb\xeb\xfe", 6);
}

#define AP_LOOP	4ULL	/* RIP in the loop */

static void ap_open(struct test_vm *vm, struct ap *ap)
{
	if (svmvcpu_vcpu_create_flags(vm->vm, 1, SVMVCPU_VCPU_LAPIC, &vm->info, &ap->vcpu) ||
	    ap_setup(ap, SVMVCPU_SETUP_WAIT_SIPI))
		vm_die("the second vCPU");
	load_ap_code(vm, AP_VECTOR);
}

FIXTURE_SETUP(init)
{
	apic_open_x2(&self->vm);
	ap_open(&self->vm, &self->ap);
}

FIXTURE_TEARDOWN(init)
{
	svmvcpu_vcpu_close(&self->ap.vcpu);
	vm_close(&self->vm);
}

static void ap_get(FIXTURE_DATA(init) * self, struct svmvcpu_state *state)
{
	memset(state, 0, sizeof(*state));
	state->xstate = (uintptr_t)self->ap.xstate;
	state->xstate_size = self->vm.info.xstate_size;
	if (svmvcpu_vcpu_get_state(&self->ap.vcpu, self->vm.info.components, state))
		vm_die("GET_STATE");
}

static int ap_put(FIXTURE_DATA(init) * self, __u64 components, struct svmvcpu_state *state)
{
	return svmvcpu_vcpu_set_state(&self->ap.vcpu, components, state);
}

static int message(FIXTURE_DATA(init) * self, unsigned int id, unsigned int mode,
		   unsigned int vector)
{
	const struct svmvcpu_message msg = { .dest = id, .mode = mode, .vector = vector };

	return svmvcpu_vm_message(self->vm.vm, &msg);
}

/* RUN of the AP for at most 20 ms; returns the reason, or a negative errno. */
static int ap_run(FIXTURE_DATA(init) * self)
{
	struct svmvcpu_run *run = self->ap.vcpu.run;

	run->deadline_ns = now_ns() + 20000000;
	return ioctl(self->ap.vcpu.fd, SVMVCPU_RUN, 0) ? -errno : (int)run->reason;
}

static unsigned int ap_activity(FIXTURE_DATA(init) * self)
{
	struct svmvcpu_state state;

	ap_get(self, &state);
	return state.events.activity;
}

/* Did the AP start at the page of @vector and reach the VMMCALL there? */
static int ap_started(FIXTURE_DATA(init) * self, unsigned int vector)
{
	struct svmvcpu_state state;

	ap_get(self, &state);
	return self->ap.vcpu.run->reason == SVMVCPU_EXIT_HYPERCALL && state.gprs.rip == 0 &&
	       state.segments.cs.selector == vector << 8 &&
	       state.segments.cs.base == vector << 12 &&
	       state.events.activity == SVMVCPU_ACTIVITY_RUNNING;
}

/* Waits until the thread of the AP's RUN sleeps. */
static void *run_and_tell(void *arg)
{
	struct ap *ap = arg;
	volatile pid_t *tid = (void *)ap->xstate;

	*tid = gettid();
	return guest_thread_main(&ap->thread);
}

static int ap_sleep(struct ap *ap)
{
	volatile pid_t *tid = (void *)ap->xstate;
	unsigned int asleep = 0, tries;

	*tid = 0;
	memset(&ap->thread, 0, sizeof(ap->thread));
	ap->thread.vcpu = &ap->vcpu;
	if (pthread_create(&ap->thread.thread, NULL, run_and_tell, ap))
		vm_die("pthread_create");
	for (tries = 0; asleep < 2 && tries < 20000; tries++) {
		asleep = *tid && thread_sleeps(*tid) ? asleep + 1 : 0;
		usleep(1000);
	}
	return asleep < 2;
}

/* The guest starts its second CPU, as operating systems do. */
TEST_F(init, guest_starts_ap)
{
	static const uint64_t dests[] = { 1, 1, 0xffffffff };
	struct test_vm *vm = &self->vm;
	unsigned int i, vector = AP_VECTOR;

	for (i = 0; i < 3; i++, vector++) {
		uint64_t others = i == 2 ? 0xc0000 : 0;

		load_ap_code(vm, vector);
		/* It waits in the first round, and runs in the others. */
		if (i)
			guest_thread_start(&self->ap.thread, &self->ap.vcpu);
		else
			ASSERT_EQ(0, ap_sleep(&self->ap));
		EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, others | IPI_INIT(dests[i])));
		EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, others | IPI_STARTUP(dests[i], vector)));
		EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, others | IPI_STARTUP(dests[i], 0x33)));
		guest_thread_join(&self->ap.thread);
		EXPECT_EQ(0, self->ap.thread.err);
		EXPECT_TRUE(ap_started(self, vector)) {
			TH_LOG("round %u", i);
		}
	}
}

TEST_F(init, startup_is_ignored_unless_awaited)
{
	struct svmvcpu_state before, after;

	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_TRUE(ap_started(self, AP_VECTOR));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, 0x55));
	ap_get(self, &before);
	EXPECT_EQ(0U, before.lapic.pins);
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, 0x55));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	ap_get(self, &after);
	EXPECT_EQ(AP_LOOP, after.gprs.rip);
	EXPECT_EQ(before.segments.cs.base, after.segments.cs.base);
	/* A waiting STARTUP does not survive the end of the wait. */
	ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI);
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	ap_get(self, &before);
	EXPECT_EQ(SVMVCPU_LAPIC_SIPI | AP_VECTOR << SVMVCPU_LAPIC_SIPI_SHIFT, before.lapic.pins);
	before.events.activity = SVMVCPU_ACTIVITY_RUNNING;
	before.gprs.rip = AP_LOOP - 1;
	before.segments.cs.base = AP_CODE;
	EXPECT_EQ(0, ap_put(self, SVMVCPU_STATE_EVENTS | SVMVCPU_STATE_GPRS |
				  SVMVCPU_STATE_SEGMENTS, &before));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	ap_get(self, &after);
	EXPECT_EQ(AP_LOOP, after.gprs.rip);
	EXPECT_EQ(0U, after.lapic.pins);
}

/* The order of INIT and STARTUP that have not been handled yet */
TEST_F(init, order)
{
	static const struct {
		unsigned int modes[4], vectors[4];
		unsigned int activity;
	} cases[] = {
		{ { 5, 6 }, { 0, AP_VECTOR }, SVMVCPU_ACTIVITY_RUNNING },
		{ { 6, 5 }, { AP_VECTOR, 0 }, SVMVCPU_ACTIVITY_WAIT_SIPI },
		{ { 5, 6, 5 }, { 0, AP_VECTOR, 0 }, SVMVCPU_ACTIVITY_WAIT_SIPI },
		{ { 6, 5, 6 }, { 0x55, 0, AP_VECTOR }, SVMVCPU_ACTIVITY_RUNNING },
		{ { 5, 6, 6 }, { 0, AP_VECTOR, 0x55 }, SVMVCPU_ACTIVITY_RUNNING },
		{ { 6, 6 }, { AP_VECTOR, 0x55 }, SVMVCPU_ACTIVITY_RUNNING },
		{ { 5, 5 }, { 0, 0 }, SVMVCPU_ACTIVITY_WAIT_SIPI },
	};
	struct svmvcpu_state state;
	unsigned int i, j, fetched;

	/* once directly, and once with a GET_STATE between any two of them */
	for (i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const unsigned int c = i / 2;

		ASSERT_EQ(0, ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI));
		for (j = 0; j < 4 && cases[c].modes[j]; j++) {
			fetched = message(self, 1, cases[c].modes[j], cases[c].vectors[j]);
			EXPECT_EQ(1U, fetched);
			if (i & 1)
				ap_get(self, &state);
		}
		if (cases[c].activity == SVMVCPU_ACTIVITY_RUNNING) {
			EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self)) TH_LOG("case %u", i);
			EXPECT_TRUE(ap_started(self, AP_VECTOR)) TH_LOG("case %u", i);
		} else {
			EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self)) TH_LOG("case %u", i);
			EXPECT_EQ(cases[c].activity, ap_activity(self)) TH_LOG("case %u", i);
		}
	}
}

/* Other values in everything that INIT sets, and in everything that it must not */
static void ap_fill(FIXTURE_DATA(init) * self, struct svmvcpu_state *state)
{
	struct svmvcpu_lapic *lapic = &state->lapic;
	__u64 *gprs = (__u64 *)&state->gprs, *words = (__u64 *)&state->msrs;
	struct svmvcpu_segment *segs = (void *)&state->segments;
	unsigned int i;

	ap_get(self, state);
	for (i = 0; i < 16; i++)
		gprs[i] = 0x1111111111111111ULL * i + 3;
	state->gprs.rip = 0x1234;
	state->gprs.rflags = 2 | FLAG_IF | FLAG_DF | FLAG_AC;
	for (i = 0; i < 8; i++) {
		segs[i].base += 0x1000 * i + 0x50;
		segs[i].limit = 0x12345;
		segs[i].selector = 8 * i + 8;
	}
	state->segments.gdtr.base = 0x1234;
	state->segments.idtr.limit = 0x77;
	state->control.cr0 = CR0_PE | CR0_NW | CR0_CD | CR0_NE | CR0_ET;
	state->control.cr2 = 0x1234;
	state->control.cr3 = 0x5000;
	state->control.cr4 = CR4_PAE & self->vm.info.cr4_guest;
	state->control.cr8 = 5;
	state->control.efer = EFER_SCE;
	state->debug.db[2] = 0x1234;
	state->debug.dr6 = 0xffff0ff1;
	state->debug.dr7 = 0x401;
	state->events.irq = SVMVCPU_INJECT_VALID | 0x20;
	state->events.nmis = 1;
	state->events.nmi_masked = 1;
	state->events.shadow = 1;
	state->events.activity = SVMVCPU_ACTIVITY_HALTED;
	for (i = 0; i < 8; i++)
		words[i] = 0x1000 + i;
	state->msrs.pat = 0x0606060606060606ULL;
	*(__u16 *)self->ap.xstate = XSTATE_FCW;
	*(__u32 *)(self->ap.xstate + 24) = XSTATE_MXCSR;
	*(__u64 *)(self->ap.xstate + 160 + 5 * 16) = XSTATE_XMM5;
	if (self->vm.info.xcr0_guest)
		self->ap.xstate[512] = 3;
	lapic->base |= BASE_X2 | BASE_ENABLE;
	lapic->regs[APIC_ID / 16] = 1;
	lapic->regs[APIC_TPR / 16] = 0x50;
	lapic->regs[APIC_SVR / 16] = 0x1f3;
	lapic->regs[APIC_LVT_LINT1 / 16] = 0x400;
	lapic->regs[APIC_LVT_TIMER / 16] = 0x60;
	lapic->regs[APIC_TMICT / 16] = ~0U;
	lapic->timer_remaining = 1000000000;
	lapic->regs[APIC_IRR / 16 + 2] = 1 << 8;
	lapic->regs[APIC_ISR / 16 + 2] = 1 << 9;
	lapic->pins = 2;
	lapic->esr_pending = 0x20;
}

/* As after SETUP of RESET, except for what APM volume 2, table 14-1 leaves unmodified */
TEST_F(init, state)
{
	struct svmvcpu_state before, after, reset;

	ap_fill(self, &before);
	ASSERT_EQ(0, ap_put(self, self->vm.info.components, &before));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	ap_get(self, &after);
	EXPECT_EQ(XSTATE_FCW, *(__u16 *)self->ap.xstate);
	EXPECT_EQ(XSTATE_MXCSR, *(__u32 *)(self->ap.xstate + 24));
	EXPECT_EQ(XSTATE_XMM5, *(__u64 *)(self->ap.xstate + 160 + 5 * 16));
	EXPECT_EQ(before.xcr0, after.xcr0);
	EXPECT_GT(after.msrs.tsc, before.msrs.tsc);
	before.msrs.tsc = after.msrs.tsc;
	EXPECT_EQ(0, memcmp(&before.msrs, &after.msrs, sizeof(after.msrs)));
	EXPECT_EQ(CR0_NW | CR0_CD | CR0_ET, after.control.cr0);
	EXPECT_EQ(SVMVCPU_ACTIVITY_WAIT_SIPI, after.events.activity);
	/* the mode, the ID and the pins */
	EXPECT_EQ(before.lapic.base, after.lapic.base);
	EXPECT_EQ(1U, after.lapic.regs[APIC_ID / 16]);
	EXPECT_EQ(2U, after.lapic.pins);
	EXPECT_EQ(0U, after.lapic.timer_remaining);
	EXPECT_EQ(0U, after.lapic.esr_pending);
	EXPECT_EQ(0xffU, after.lapic.regs[APIC_SVR / 16]);
	EXPECT_EQ(0x10000U, after.lapic.regs[APIC_LVT_LINT1 / 16]);
	EXPECT_EQ(0U, after.lapic.regs[APIC_TPR / 16]);
	EXPECT_EQ(0U, after.lapic.regs[APIC_IRR / 16 + 2]);
	EXPECT_EQ(0U, after.lapic.regs[APIC_ISR / 16 + 2]);
	/* the rest is as after RESET */
	ASSERT_EQ(0, ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI));
	ap_get(self, &reset);
	after.control.cr0 |= reset.control.cr0;
	EXPECT_EQ(0, memcmp(&reset.gprs, &after.gprs, sizeof(reset.gprs)));
	EXPECT_EQ(0, memcmp(&reset.segments, &after.segments, sizeof(reset.segments)));
	EXPECT_EQ(0, memcmp(&reset.control, &after.control, sizeof(reset.control)));
	EXPECT_EQ(0, memcmp(&reset.debug, &after.debug, sizeof(reset.debug)));
	EXPECT_EQ(0, memcmp(&reset.events, &after.events, sizeof(reset.events)));
}

/* The VMM still gets the interrupt window for which this RUN asked. */
TEST_F(init, window)
{
	/* sti; nop; jmp . */
	vm_load(&self->vm, AP_CODE, "\xfb\x90\xeb\xfe", 4);
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	self->ap.vcpu.run->in_flags = SVMVCPU_RUN_IRQ_WINDOW;
	EXPECT_EQ(SVMVCPU_EXIT_IRQ_WINDOW, ap_run(self));
}

/* The bootstrap processor does not wait: by MESSAGE, by IPI, or by a pin. */
TEST_F(init, of_the_bsp)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		switch (i) {
		case 0:
			EXPECT_EQ(1, message(self, 0, SVMVCPU_MSG_INIT, 0));
			RUN_EXPECT(vm, MEMORY_FAULT);
			break;
		case 1:
			EXPECT_EQ(EXITED, x2_write(vm, APIC_ICR, IPI_INIT(0)));
			break;
		case 2:
			EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_LINT1, 0x500));
			EXPECT_EQ(0, svmvcpu_vcpu_lint(&vm->vcpu, 2));
			RUN_EXPECT(vm, MEMORY_FAULT);
			break;
		}
		EXPECT_EQ(SVMVCPU_EXIT_MEMORY_FAULT, (int)vm->run->reason);
		EXPECT_EQ(0xfffffff0ULL, vm->run->memory.gpa);
		idt_get(vm, &state);
		EXPECT_EQ(0xfff0ULL, state.gprs.rip);
		EXPECT_EQ(SVMVCPU_ACTIVITY_RUNNING, state.events.activity);
		/* not by a pending exit of the old life */
		EXPECT_EQ(0U, state.lapic.pins & SVMVCPU_LAPIC_INIT);
		idt_setup(vm, IDT_PROT32);
		apic_enable_x2(vm);
	}
}

/* With EXITS_INIT the VMM handles it, and nothing has changed. */
TEST_F(init, exits)
{
	struct svmvcpu_exits exits = { .flags = SVMVCPU_EXITS_INIT };
	struct svmvcpu_state before, after;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&self->ap.vcpu, &exits));
	ap_fill(self, &before);
	/* what a message itself cannot leave alone */
	before.lapic.timer_remaining = 0;
	ASSERT_EQ(0, ap_put(self, self->vm.info.components, &before));
	ap_get(self, &before);
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	ap_get(self, &after);
	EXPECT_EQ(SVMVCPU_LAPIC_INIT | SVMVCPU_LAPIC_SIPI |
		  AP_VECTOR << SVMVCPU_LAPIC_SIPI_SHIFT | 2, after.lapic.pins);
	ASSERT_EQ(SVMVCPU_EXIT_SYSTEM_DOWN, ap_run(self));
	EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, self->ap.vcpu.run->down.kind);
	ap_get(self, &after);
	EXPECT_EQ(SVMVCPU_LAPIC_SIPI | AP_VECTOR << SVMVCPU_LAPIC_SIPI_SHIFT | 2,
		  after.lapic.pins);
	EXPECT_EQ(0, memcmp(&before.gprs, &after.gprs, sizeof(before.gprs)));
	EXPECT_EQ(0, memcmp(&before.events, &after.events, sizeof(before.events)));
	EXPECT_EQ(0, memcmp(&before.segments, &after.segments, sizeof(before.segments)));
	/* The STARTUP waits until the VMM has decided. */
	after.events = (struct svmvcpu_events){ .activity = SVMVCPU_ACTIVITY_WAIT_SIPI };
	after.control.cr0 = CR0_ET;
	after.debug.dr7 = 0x400;
	ASSERT_EQ(0, ap_put(self, SVMVCPU_STATE_EVENTS | SVMVCPU_STATE_CONTROL |
				  SVMVCPU_STATE_DEBUG, &after));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_TRUE(ap_started(self, AP_VECTOR));
}

/* The AP runs, receives an INIT, and its RUN reports the INIT. */
static void ap_report_init(struct __test_metadata *_metadata, FIXTURE_DATA(init) * self)
{
	ASSERT_EQ(0, ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	ASSERT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	ASSERT_EQ(SVMVCPU_EXIT_SYSTEM_DOWN, ap_run(self));
}

/* STARTUP and INIT that arrive while the VMM handles an INIT by SETUP */
TEST_F(init, startup_before_setup)
{
	static const struct {
		unsigned int modes[3], vectors[3];
		bool starts;
	} cases[] = {
		{ { 6 }, { AP_VECTOR }, true },
		{ { 6, 6 }, { AP_VECTOR, 0x55 }, true },
		{ { 5, 6 }, { 0, AP_VECTOR }, true },
		{ { 6, 5, 6 }, { 0x55, 0, AP_VECTOR }, true },
		{ { 6, 5 }, { AP_VECTOR, 0 }, false },
		{ { 5 }, { 0 }, false },
	};
	static const enum svmvcpu_exit_reason ends[] = {
		[false] = SVMVCPU_EXIT_INTERRUPTED, [true] = SVMVCPU_EXIT_HYPERCALL,
	};
	struct svmvcpu_exits exits = { .flags = SVMVCPU_EXITS_INIT };
	struct svmvcpu_state state;
	unsigned int i, j;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&self->ap.vcpu, &exits));
	/* once directly, and once with a GET_STATE after each of them */
	for (i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const unsigned int c = i / 2;

		ap_report_init(_metadata, self);
		for (j = 0; j < 3 && cases[c].modes[j]; j++) {
			EXPECT_EQ(1, message(self, 1, cases[c].modes[j], cases[c].vectors[j]));
			if (i & 1)
				ap_get(self, &state);
		}
		ASSERT_EQ(0, ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI));
		EXPECT_EQ(ends[cases[c].starts], ap_run(self)) TH_LOG("case %u", i);
		EXPECT_EQ(cases[c].starts, ap_started(self, AP_VECTOR)) TH_LOG("case %u", i);
	}
}

/* A STARTUP is not kept if the VMM has let the vCPU run instead, or has set it up already. */
TEST_F(init, startup_long_after_exit)
{
	struct svmvcpu_exits exits = { .flags = SVMVCPU_EXITS_INIT };
	unsigned int i;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&self->ap.vcpu, &exits));
	for (i = 0; i < 3; i++) {
		ap_report_init(_metadata, self);
		if (i == 0)
			ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
		if (i == 1)
			ASSERT_EQ(0, ap_setup(&self->ap, 0));
		EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
		if (i == 2)
			ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
		ASSERT_EQ(0, ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI));
		EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self)) TH_LOG("case %u", i);
		EXPECT_EQ(SVMVCPU_ACTIVITY_WAIT_SIPI, ap_activity(self)) TH_LOG("case %u", i);
	}
}

/* Did writing @icr exit with this IPI, behind the instruction? */
static int ipi_exit(struct test_vm *vm, uint64_t icr, unsigned int mode, uint32_t dest,
		    unsigned int flags, unsigned int vector)
{
	const struct svmvcpu_exit_ipi want = {
		.dest = dest, .flags = flags, .vector = vector, .mode = mode,
	};

	return x2_write(vm, APIC_ICR, icr) == EXITED && vm->run->reason == SVMVCPU_EXIT_IPI &&
	       !memcmp(&want, &vm->run->ipi, sizeof(want)) &&
	       vm->run->gprs.rip == TEST_CODE + 2 && apic_run(vm) == FINISHED;
}

#define TO(id)	((uint64_t)(id) << 32)

/* What no local APIC of the kernel receives is an exit, unless hardware drops it, too. */
TEST_F(init, ipi_without_a_receiver)
{
	struct test_vm *vm = &self->vm;

	EXPECT_TRUE(ipi_exit(vm, TO(5) | 0x4500, SVMVCPU_MSG_INIT, 5, 0, 0));
	EXPECT_TRUE(ipi_exit(vm, TO(5) | 0x4612, SVMVCPU_MSG_STARTUP, 5, 0, 0x12));
	EXPECT_TRUE(ipi_exit(vm, TO(0x10001) | 0x4d00, SVMVCPU_MSG_INIT, 0x10001,
			     SVMVCPU_IPI_LOGICAL, 0));
	/* SMI, whoever receives it */
	EXPECT_TRUE(ipi_exit(vm, TO(1) | 0x4200, SVMVCPU_MSG_SMI, 1, 0, 0));
	EXPECT_TRUE(ipi_exit(vm, TO(0) | 0x4200, SVMVCPU_MSG_SMI, 0, SVMVCPU_IPI_SELF, 0));
	EXPECT_TRUE(ipi_exit(vm, 0xc4200, SVMVCPU_MSG_SMI, 0, SVMVCPU_IPI_ALL, 0));
	EXPECT_TRUE(ipi_exit(vm, TO(0xffffffff) | 0x4200, SVMVCPU_MSG_SMI, 0xffffffff,
			     SVMVCPU_IPI_ALL | SVMVCPU_IPI_SELF, 0));
	/* fixed, lowest priority and NMI; INIT de-assert; sets for which INIT is invalid */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(5) | 0x4055));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(5) | 0x4155));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(5) | 0x4400));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(5) | 0x8500));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 0x44500));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 0x84500));
	/* others: the AP is there, then it is not */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, 0xc4500));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(1) | 0x4500));
	svmvcpu_vcpu_close(&self->ap.vcpu);
	EXPECT_TRUE(ipi_exit(vm, 0xc4500, SVMVCPU_MSG_INIT, 0, SVMVCPU_IPI_ALL, 0));
	EXPECT_TRUE(ipi_exit(vm, TO(1) | 0x4500, SVMVCPU_MSG_INIT, 1, 0, 0));
}

/* With EXITS_IPI the VMM sends INIT and STARTUP; the vCPUs do not change. */
TEST_F(init, ipi_exits)
{
	struct svmvcpu_exits exits = { .flags = SVMVCPU_EXITS_IPI };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	EXPECT_TRUE(ipi_exit(vm, TO(1) | 0x4609, SVMVCPU_MSG_STARTUP, 1, 0, 9));
	EXPECT_TRUE(ipi_exit(vm, TO(1) | 0x4500, SVMVCPU_MSG_INIT, 1, 0, 0));
	EXPECT_TRUE(ipi_exit(vm, TO(0) | 0x4500, SVMVCPU_MSG_INIT, 0, SVMVCPU_IPI_SELF, 0));
	EXPECT_TRUE(ipi_exit(vm, 0xc4500, SVMVCPU_MSG_INIT, 0, SVMVCPU_IPI_ALL, 0));
	idt_get(vm, &state);
	EXPECT_EQ(0U, state.lapic.pins);
	ap_get(self, &state);
	EXPECT_EQ(0U, state.lapic.pins);
	/* Interrupts and NMIs are still sent. */
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(1) | 0x4400));
	ap_get(self, &state);
	EXPECT_EQ(1U, state.events.nmis);
	state.events.nmis = 0;
	EXPECT_EQ(0, ap_put(self, SVMVCPU_STATE_EVENTS, &state));
	/* The choice is the sender's; and SET_EXITS replaces it. */
	exits.flags = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	exits.flags = SVMVCPU_EXITS_IPI;
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&self->ap.vcpu, &exits));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_ICR, TO(1) | 0x4609));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	exits.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A kick, a signal and the deadline end RUN, but not the wait; and so does no interrupt. */
TEST_F(init, wait_outlasts)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct svmvcpu_run *run = self->ap.vcpu.run;

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	EXPECT_EQ(SVMVCPU_BY_DEADLINE, run->interrupted.by);
	run->deadline_ns = 0;
	ASSERT_EQ(0, ap_sleep(&self->ap));
	guest_thread_stop(&self->ap.thread);
	EXPECT_EQ(SVMVCPU_BY_KICK, run->interrupted.by);
	ASSERT_EQ(0, ap_sleep(&self->ap));
	self->ap.thread.stop = true;
	pthread_kill(self->ap.thread.thread, SIGUSR1);
	guest_thread_join(&self->ap.thread);
	EXPECT_EQ(SVMVCPU_BY_SIGNAL, run->interrupted.by);
	/* An NMI waits for the start, and the interrupt is not accepted. */
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_NMI, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_FIXED, 0x77));
	run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	EXPECT_EQ(SVMVCPU_ACTIVITY_WAIT_SIPI, ap_activity(self));
	/* SET_GPRS changes RIP, but the wait goes on. */
	run->gprs.rip = 0x50;
	run->in_flags = SVMVCPU_RUN_SET_GPRS;
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	EXPECT_EQ(SVMVCPU_ACTIVITY_WAIT_SIPI, ap_activity(self));
	/* The NMI's vector in real mode: the VMMCALL at AP_CODE + 0x80 */
	vm_load(&self->vm, 2 * 4, "\x80\x00\x00\x09", 4);
	vm_load(&self->vm, AP_CODE + 0x80, "\x0f\x01\xd9", 3);
	vm_load(&self->vm, AP_CODE, "\xeb\xfe", 2);
	run->gprs.rsp = 0x7000;
	run->in_flags = SVMVCPU_RUN_SET_GPRS;
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_EQ(0x80U, run->gprs.rip);
	EXPECT_TRUE(run->events & SVMVCPU_EV_NMI_MASKED);
}

TEST_F(init, sigkill)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		struct test_vm vm;
		struct ap ap;

		vm_open_empty(&vm);
		ap_open(&vm, &ap);
		if (ap_sleep(&ap))
			_exit(1);
		kill(getpid(), SIGKILL);
		_exit(2);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(init, snapshots)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	/* The wait is restored, and what was posted afterwards is dropped. */
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, 0x55));
	ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	ap_get(self, &state);
	EXPECT_EQ(SVMVCPU_ACTIVITY_WAIT_SIPI, state.events.activity);
	EXPECT_EQ(0U, state.lapic.pins);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	/* An INIT and a STARTUP that wait are a part of it. */
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, AP_VECTOR));
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, ap_run(self));
	ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	ap_get(self, &state);
	EXPECT_EQ(SVMVCPU_LAPIC_INIT | SVMVCPU_LAPIC_SIPI |
		  AP_VECTOR << SVMVCPU_LAPIC_SIPI_SHIFT, state.lapic.pins);
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_TRUE(ap_started(self, AP_VECTOR));
}

/* SETUP drops INIT and STARTUP, also if they have been taken from the inbox. */
TEST_F(init, setup_drops)
{
	struct svmvcpu_state state;

	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_INIT, 0));
	EXPECT_EQ(1, message(self, 1, SVMVCPU_MSG_STARTUP, 0x55));
	ap_get(self, &state);
	EXPECT_NE(0U, state.lapic.pins);
	ASSERT_EQ(0, ap_setup(&self->ap, SVMVCPU_SETUP_WAIT_SIPI));
	ap_get(self, &state);
	EXPECT_EQ(0U, state.lapic.pins);
}

TEST_F(init, set_state)
{
	static const struct {
		unsigned int activity;
		__u32 pins;
		int err;
	} cases[] = {
		{ 0, 0, 0 }, { 1, 0, 0 }, { 2, 0, 0 }, { 3, 0, EINVAL }, { 255, 0, EINVAL },
		{ 2, SVMVCPU_LAPIC_SIPI, 0 }, { 2, SVMVCPU_LAPIC_SIPI | 0xff0000, 0 },
		{ 2, 0x10000, EINVAL }, { 2, 0xff0000, EINVAL },
		{ 2, SVMVCPU_LAPIC_INIT | 0x90000, EINVAL },
		{ 2, SVMVCPU_LAPIC_SIPI | 1 << 24, EINVAL },
		{ 2, SVMVCPU_LAPIC_SIPI | 1 << 15, EINVAL },
		{ 0, SVMVCPU_LAPIC_SIPI | 0x90000, 0 },
	};
	struct svmvcpu_state state, again;
	struct svmvcpu_vcpu plain;
	unsigned int i;

	ap_get(self, &state);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		state.events.activity = cases[i].activity;
		state.lapic.pins = cases[i].pins;
		EXPECT_EQ(-cases[i].err, ap_put(self, self->vm.info.components, &state))
			TH_LOG("case %u", i);
		if (cases[i].err)
			continue;
		/* A STARTUP for which nobody waits is dropped. */
		if (!cases[i].activity)
			state.lapic.pins = 0;
		ap_get(self, &again);
		EXPECT_EQ(cases[i].activity, again.events.activity);
		EXPECT_EQ(state.lapic.pins, again.lapic.pins);
	}
	/* INIT and STARTUP arrive with the state of another vCPU. */
	state.events.activity = SVMVCPU_ACTIVITY_RUNNING;
	state.lapic.pins = SVMVCPU_LAPIC_INIT | SVMVCPU_LAPIC_SIPI |
			   AP_VECTOR << SVMVCPU_LAPIC_SIPI_SHIFT;
	ASSERT_EQ(0, ap_put(self, self->vm.info.components, &state));
	EXPECT_EQ(SVMVCPU_EXIT_HYPERCALL, ap_run(self));
	EXPECT_TRUE(ap_started(self, AP_VECTOR));

	/* The other activities need a local APIC, and WAIT_SIPI the preset RESET. */
	ASSERT_EQ(0, svmvcpu_vcpu_create(self->vm.vm, 2, &self->vm.info, &plain));
	for (i = 0; i < 4; i++) {
		state.events = (struct svmvcpu_events){ .activity = i };
		EXPECT_EQ(i ? -EINVAL : 0,
			  svmvcpu_vcpu_set_state(&plain, SVMVCPU_STATE_EVENTS, &state));
		struct svmvcpu_setup setup = { .flags = SVMVCPU_SETUP_WAIT_SIPI, .preset = i };

		EXPECT_EQ(-EINVAL, svmvcpu_vcpu_setup(&plain, &setup));
		EXPECT_EQ(i == SVMVCPU_PRESET_RESET ? 0 : -EINVAL,
			  svmvcpu_vcpu_setup(&self->ap.vcpu, &setup));
		setup.flags = 2;
		EXPECT_EQ(-EINVAL, svmvcpu_vcpu_setup(&self->ap.vcpu, &setup));
	}
	EXPECT_EQ(SVMVCPU_ACTIVITY_WAIT_SIPI, ap_activity(self));
	EXPECT_EQ(0, ap_setup(&self->ap, 0));
	EXPECT_EQ(SVMVCPU_ACTIVITY_RUNNING, ap_activity(self));
	svmvcpu_vcpu_close(&plain);
}

TEST_HARNESS_MAIN
