// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_EXIT_INTERRUPTED: a deadline, a signal or a kick stops guests that never exit
 * by themselves, with interrupts on or off, and such guests do not block the host's
 * ticks.
 *
 * emulator: qemu, Bochs takes no host interrupt from a guest that has IF off
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "guest_idt.h"

#define MS		1000000ULL

FIXTURE(exit_interrupted) {
	struct test_vm vm;
};

static void on_alarm(int signal)
{
	(void)signal;
}

FIXTURE_SETUP(exit_interrupted)
{
	struct sigaction action = { .sa_handler = on_alarm };

	ASSERT_EQ(0, pin_to_cpu(1));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	vm_open(&self->vm);
}

VM_TEARDOWN(exit_interrupted)

/* Loops in several modes, with interrupts off or on */
static const struct {
	enum idt_mode mode;
	const char *code;
	unsigned int len;
} loops[] = {
	{ IDT_REAL,	CODE("\xfa\xeb\xfe") },
	{ IDT_REAL,	CODE("\xfb\xeb\xfe") },
	{ IDT_PROT32,	CODE("\xfa\xeb\xfe") },
	{ IDT_LONG64,	CODE("\xfa\xeb\xfe") },
	{ IDT_LONG64,	CODE("\xfb\xeb\xfe") },
	{ IDT_LONG64,	CODE("\xfa\xf3\x90\xeb\xfc") },		/* pause */
	{ IDT_LONG64,	CODE("\xfa\x0f\xa2\xeb\xfc") },		/* cpuid */
	{ IDT_USER64,	CODE("\x90\xeb\xfe") },
};

#define NR_LOOPS	ARRAY_SIZE(loops)

/* Number of timer interrupts on CPU 1 */
static unsigned long ticks(void)
{
	unsigned long cpu0 = 0, cpu1 = 0;
	char line[256];
	FILE *file = fopen("/proc/interrupts", "r");

	if (!file)
		vm_die("/proc/interrupts");
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "LOC:"))
			sscanf(strstr(line, "LOC:") + 4, "%lu %lu", &cpu0, &cpu1);
	fclose(file);
	return cpu1;
}

/*
 * A tenth of a second has 25 ticks, but an emulator that stands still merges many into
 * one; hence several tries.
 */
#define TICKS		5
#define TURNS		100

TEST_F(exit_interrupted, deadline)
{
	struct test_vm *vm = &self->vm;
	unsigned long before;
	unsigned int i, turn;
	uint64_t start;

	for (i = 0; i < NR_LOOPS; i++) {
		idt_put(vm, loops[i].code, loops[i].len);
		idt_setup(vm, loops[i].mode);
		before = ticks();
		for (turn = 0; turn < TURNS && (!turn || ticks() < before + TICKS); turn++) {
			start = now_ns();
			vm->run->deadline_ns = start + 100 * MS;
			RUN_EXPECT(vm, INTERRUPTED);
			EXPECT_EQ((unsigned int)SVMVCPU_BY_DEADLINE, vm->run->interrupted.by)
				TH_LOG("loop %u", i);
			EXPECT_LE(start + 100 * MS, now_ns());
			EXPECT_GT(TEST_CODE + loops[i].len, vm->run->gprs.rip);
		}
		EXPECT_LE(before + TICKS, ticks())
			TH_LOG("loop %u: %lu ticks", i, ticks() - before);
	}
}

TEST_F(exit_interrupted, signal)
{
	/* repeatedly: the first may come before RUN, and not end it */
	const struct itimerval off = { }, timer = {
		.it_value.tv_usec = 50000, .it_interval.tv_usec = 50000,
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < NR_LOOPS; i++) {
		idt_put(vm, loops[i].code, loops[i].len);
		idt_setup(vm, loops[i].mode);
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
		RUN_EXPECT(vm, INTERRUPTED);
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
		EXPECT_EQ((unsigned int)SVMVCPU_BY_SIGNAL, vm->run->interrupted.by)
			TH_LOG("loop %u", i);
	}
}

static void *kicker(void *arg)
{
	struct test_vm *vm = arg;

	usleep(50000);
	svmvcpu_vcpu_kick(&vm->vcpu);
	return NULL;
}

/* From the same CPU, which the guest has to yield for that */
TEST_F(exit_interrupted, kick)
{
	struct test_vm *vm = &self->vm;
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < NR_LOOPS; i++) {
		idt_put(vm, loops[i].code, loops[i].len);
		idt_setup(vm, loops[i].mode);
		ASSERT_EQ(0, pthread_create(&thread, NULL, kicker, vm));
		RUN_EXPECT(vm, INTERRUPTED);
		EXPECT_EQ((unsigned int)SVMVCPU_BY_KICK, vm->run->interrupted.by)
			TH_LOG("loop %u", i);
		pthread_join(thread, NULL);
	}
}

/* A kick before RUN ends it at once, and only one RUN. */
TEST_F(exit_interrupted, kick_before_run)
{
	struct test_vm *vm = &self->vm;

	idt_put(vm, CODE("\x90"));
	idt_setup(vm, IDT_LONG64);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	RUN_EXPECT(vm, HYPERCALL);
}

/* The result of an exit is used even if the RUN that passes it ends at once. */
TEST_F(exit_interrupted, answer_is_taken_all_the_same)
{
	struct test_vm *vm = &self->vm;

	idt_put(vm, CODE("\xe4\x60"));
	idt_setup(vm, IDT_LONG64);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	vm->run->answer = 0x5a;
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	EXPECT_EQ(0x5aULL, vm->run->gprs.rax);
	vm->run->answer = 0;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x5aULL, vm->run->gprs.rax);
}

/* With a deadline in the past the guest does not run; without one it does. */
TEST_F(exit_interrupted, deadline_in_the_past)
{
	struct test_vm *vm = &self->vm;

	idt_put(vm, CODE("\xfa\xeb\xfe"));
	idt_setup(vm, IDT_LONG64);
	vm->run->deadline_ns = 1;
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ((unsigned int)SVMVCPU_BY_DEADLINE, vm->run->interrupted.by);
	vm->run->deadline_ns = now_ns() + 3600 * 1000 * MS;
	idt_put(vm, CODE("\x90"));
	IDT_REGS(vm, regs->rip = TEST_CODE);
	RUN_EXPECT(vm, HYPERCALL);
}

TEST_HARNESS_MAIN
