// SPDX-License-Identifier: GPL-2.0-only
/*
 * HLT of a vCPU with a local APIC, which waits in the kernel: what ends it and what does
 * not, and no interrupt gets lost.
 *
 * cost: 7
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "guest_apic.h"

X2APIC_FIXTURE(hlt)

struct later {
	struct test_vm *vm;
	pthread_t runner;
	pid_t tid;
	int (*act)(struct later *later);
};

static int act_message(struct later *later)
{
	return apic_send(later->vm, 0x77, 0) != 1;
}

static int act_nmi(struct later *later)
{
	const struct svmvcpu_message msg = { .mode = SVMVCPU_MSG_NMI };

	return svmvcpu_vm_message(later->vm->vm, &msg) != 1;
}

static int act_kick(struct later *later)
{
	return svmvcpu_vcpu_kick(&later->vm->vcpu);
}

static int act_signal(struct later *later)
{
	return pthread_kill(later->runner, SIGUSR1);
}

/*
 * Both at once for the thread of RUN: this thread is on the same CPU, and has the higher
 * priority.
 */
static int act_message_and_signal(struct later *later)
{
	const struct sched_param priority = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		return -1;
	return act_message(later) || act_signal(later);
}

static void *do_later(void *arg)
{
	struct later *later = arg;
	unsigned int asleep = 0, tries;

	/* twice in a row, not at an exit in between */
	for (tries = 0; asleep < 2 && tries < 20000; tries++) {
		asleep = thread_sleeps(later->tid) ? asleep + 1 : 0;
		usleep(1000);
	}
	return (void *)(long)(asleep < 2 || later->act(later));
}

static void on_signal(int sig)
{
	(void)sig;
}

/* sti; hlt; vmmcall. The function is called when the HLT sleeps. */
static int halt_until(struct test_vm *vm, int (*act)(struct later *later))
{
	struct later later = {
		.vm = vm, .runner = pthread_self(), .tid = gettid(), .act = act,
	};
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t thread;
	void *failed;
	int ret;

	sigaction(SIGUSR1, &sa, NULL);
	if (pthread_create(&thread, NULL, do_later, &later))
		vm_die("pthread_create");
	apic_start(vm, CODE("\xfb\xf4"));
	ret = apic_run(vm);
	pthread_join(thread, &failed);
	if (failed)
		vm_die("what should have ended the HLT failed");
	return ret;
}

TEST_F(hlt, ends_by_message)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out = { .vector = 0x77 };

	EXPECT_EQ(0x77, halt_until(vm, act_message));
	idt_read_frame(vm, &out);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
}

TEST_F(hlt, ends_by_nmi)
{
	EXPECT_EQ(2, halt_until(&self->vm, act_nmi));
}

/* An interrupt that the guest cannot take does not end HLT. */
TEST_F(hlt, outlasts_a_kick)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	EXPECT_EQ(EXITED, halt_until(vm, act_kick));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_EQ(SVMVCPU_BY_KICK, vm->run->interrupted.by);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	idt_get(vm, &state);
	EXPECT_EQ(1U, state.events.activity);
	/* still pending: RUN waits again, TPR blocks the interrupt */
	state.lapic.regs[8] = 0x80;
	idt_set(vm, &state, SVMVCPU_STATE_LAPIC);
	EXPECT_EQ(1, apic_send(vm, 0x77, 0));
	vm->run->deadline_ns = now_ns() + 20000000;
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(SVMVCPU_BY_DEADLINE, vm->run->interrupted.by);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	vm->run->deadline_ns = 0;
	/* an interrupt of higher priority */
	EXPECT_EQ(1, apic_send(vm, 0x97, 0));
	EXPECT_EQ(0x97, apic_run(vm));
	idt_get(vm, &state);
	EXPECT_EQ(0U, state.events.activity);
}

/* NMIs ignore TPR. */
TEST_F(hlt, below_tpr_ends_by_nmi)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_message nmi = { .mode = SVMVCPU_MSG_NMI };

	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0xf0));
	EXPECT_EQ(1, apic_send(vm, 0xef, 0));
	apic_start(vm, CODE("\xfb\xf4\x90"));
	vm->run->deadline_ns = now_ns() + 20000000;
	EXPECT_EQ(EXITED, apic_run(vm));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	vm->run->deadline_ns = 0;
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &nmi));
	EXPECT_EQ(2, apic_run(vm));
}

TEST_F(hlt, outlasts_a_signal)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(EXITED, halt_until(vm, act_signal));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_EQ(SVMVCPU_BY_SIGNAL, vm->run->interrupted.by);
	EXPECT_EQ(1, apic_send(vm, 0x97, 0));
	EXPECT_EQ(0x97, apic_run(vm));
}

static __u64 wake_ups(struct test_vm *vm)
{
	struct svmvcpu_vcpu_stats stats;

	if (svmvcpu_vcpu_get_stats(&vm->vcpu, &stats))
		vm_die("GET_VCPU_STATS");
	return stats.values[SVMVCPU_STAT_WAKEUPS];
}

/*
 * A signal ends RUN at the first wake-up, even if an interrupt has been posted that the guest
 * cannot take. Otherwise vCPUs that post all the time could keep RUN in the kernel.
 */
TEST_F(hlt, ends_by_signal_among_messages)
{
	struct test_vm *vm = &self->vm;
	__u64 before = wake_ups(vm);

	ASSERT_EQ(0, pin_to_cpu(0));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0xf0));
	EXPECT_EQ(EXITED, halt_until(vm, act_message_and_signal));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_EQ(SVMVCPU_BY_SIGNAL, vm->run->interrupted.by);
	EXPECT_EQ(before + 1, wake_ups(vm));
}

TEST_F(hlt, with_interrupts_off_exits)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(1, apic_send(vm, 0x77, 0));
	apic_start(vm, CODE("\xf4"));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	EXPECT_EQ(FINISHED, apic_run(vm));
}

/* A PIC's interrupt that the VMM delays until the guest can take it */
TEST_F(hlt, window_opens_in_hlt)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(FINISHED, x2_write(vm, APIC_LVT_LINT0, 0x700));
	apic_start(vm, CODE("\xfb\xf4"));
	vm->run->in_flags |= SVMVCPU_RUN_IRQ_WINDOW;
	vm->run->deadline_ns = now_ns() + 20000000000ULL;
	RUN_EXPECT(vm, IRQ_WINDOW);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	/* the guest still halts, and the request can be repeated */
	vm->run->in_flags = SVMVCPU_RUN_IRQ_WINDOW;
	RUN_EXPECT(vm, IRQ_WINDOW);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x20;
	EXPECT_EQ(0x20, apic_run(vm));
	vm->run->deadline_ns = 0;
}

/* An NMI sent before the HLT: RUN returns no HALT with the message pending. */
TEST_F(hlt, nmi_before_hlt_with_interrupts_off)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_message msg = { .mode = SVMVCPU_MSG_NMI };

	apic_start(vm, CODE("\xf4"));
	EXPECT_EQ(1, svmvcpu_vm_message(vm->vm, &msg));
	EXPECT_EQ(2, apic_run(vm));
}

/* The VMM can end HLT: by an event, by setting RIP, or by SETUP. */
TEST_F(hlt, ended_by_the_vmm)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(EXITED, halt_until(vm, act_kick));
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	EXPECT_EQ(2, apic_run(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(EXITED, halt_until(vm, act_kick));
	apic_start(vm, CODE("\x90"));
	EXPECT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(EXITED, halt_until(vm, act_kick));
	idt_setup(vm, IDT_PROT32);
	apic_start(vm, CODE("\x90"));
	EXPECT_EQ(FINISHED, apic_run(vm));
}

/*
 * Sends interrupts one after the other to a guest that halts, or computes for a moment
 * and then halts; each when the previous one was handled. A lost wake-up would stop the
 * guest, a duplicate would be counted. Interrupts that arrive with IF clear are counted
 * separately.
 */
GUEST32(idle,
	"1: mov $0x8010, %esi\n"
	"lodsl\n"
	"2: sub $1, %eax\n"
	"jae 2b\n"
	"sti\n"
	"hlt\n"
	"jmp 1b");

GUEST32(idle_handler,
	"testl $0x200, 8(%esp)\n"
	"jz 3f\n"
	"mov $0x80b, %ecx\n"
	"xor %eax, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"incl 0x8000\n"
	"iret\n"
	"3: incl 0x8004\n"
	"iret");

/* TCG takes several milliseconds for each, to change to the other CPU and back */
#define WAKE_UPS	(host_is_tcg() ? 1000U : 3000U)

static void *run_until_kicked(void *arg)
{
	struct test_vm *vm = arg;
	int err;

	do {
		err = vm_run(vm);
	} while (!err && vm->run->reason != SVMVCPU_EXIT_INTERRUPTED);
	return (void *)(long)err;
}

TEST_F(hlt, no_wake_up_is_lost)
{
	struct test_vm *vm = &self->vm;
	volatile uint32_t *handled = (void *)(vm->mem + TEST_DATA);
	volatile uint32_t *nested = (void *)(vm->mem + TEST_DATA + 4);
	volatile uint32_t *work = (void *)(vm->mem + TEST_DATA + 0x10);
	pthread_t thread;
	uint32_t i;
	void *err;

	apic_start(vm, CODE("\x90"));
	load_guest(vm, idle);
	load_handler(vm, 0x80, idle_handler);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_until_kicked, vm));
	for (i = 0; i < WAKE_UPS; i++) {
		uint64_t end = now_ns() + 20000000000ULL;

		*work = i % 7 * 40;
		if (apic_send(vm, 0x80, 0) != 1)
			break;
		while (*handled != i + 1 && now_ns() < end)
			sched_yield();
		if (*handled != i + 1)
			break;
	}
	svmvcpu_vcpu_kick(&vm->vcpu);
	pthread_join(thread, &err);
	EXPECT_EQ(0L, (long)err);
	EXPECT_EQ(WAKE_UPS, i) {
		TH_LOG("handled %u, nested %u", *handled, *nested);
	}
	/*
	 * TCG can deliver an injected interrupt twice, even with IF clear, when it
	 * leaves its loop directly after VMRUN.
	 */
	if (!host_is_tcg())
		EXPECT_EQ(0U, *nested);
}

TEST_HARNESS_MAIN
