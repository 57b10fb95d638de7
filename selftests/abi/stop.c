// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stops RUN: kicks, deadlines and signals, alone and together; and two threads
 * that use one vCPU.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "abi_args.h"

GUEST32(spin, "sti\n 1: incl 0x8000\n jmp 1b");
GUEST32(halt, "hlt\n hlt\n hlt\n hlt");
GUEST32(out_halt, "out %al, $0x80\n hlt");

#define MS	1000000ULL

static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

FIXTURE(stop) {
	struct test_vm vm;
};

FIXTURE_SETUP(stop)
{
	struct sigaction action = { .sa_handler = on_signal };

	vm_open(&self->vm);
	signals = 0;
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
}

VM_TEARDOWN(stop)

static void start(struct test_vm *vm)
{
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
}

static void kick(struct test_vm *vm)
{
	if (svmvcpu_vcpu_kick(&vm->vcpu))
		vm_die("KICK");
}

static __u32 rounds(struct test_vm *vm)
{
	return *(volatile __u32 *)(vm->mem + TEST_DATA);
}

#define INTERRUPTED_BY(vm, want)					\
do {									\
	RUN_EXPECT(vm, INTERRUPTED);					\
	EXPECT_EQ((__u32)(want), (vm)->run->interrupted.by);		\
	EXPECT_EQ(0U, (vm)->run->interrupted.mbz);			\
} while (0)

/* Kicks before the first RUN, between two, and several at once: one exit each time */
TEST_F(stop, kick_is_sticky_once)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt);
	kick(vm);
	start(vm);
	INTERRUPTED_BY(vm, SVMVCPU_BY_KICK);
	EXPECT_EQ(0ULL, vm->run->exits);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	RUN_EXPECT(vm, HALT);
	for (int i = 0; i < 1000; i++)
		kick(vm);
	INTERRUPTED_BY(vm, SVMVCPU_BY_KICK);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	RUN_EXPECT(vm, HALT);
	RUN_EXPECT(vm, HALT);
}

/* A RUN that fails does not consume the kick. */
TEST_F(stop, kick_survives_errors)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt);
	start(vm);
	kick(vm);
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vcpu.fd, SVMVCPU_RUN, (void *)1));
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	EXPECT_EQ(EINVAL, vm_run(vm));
	vm->run->in_flags = 0;
	INTERRUPTED_BY(vm, SVMVCPU_BY_KICK);
	RUN_EXPECT(vm, HALT);
}

struct kicker {
	struct test_vm *vm;
	unsigned int delay_ms;
	pthread_t target;
	int signal;
};

static void *kick_later(void *arg)
{
	struct kicker *kicker = arg;

	sleep_ms(kicker->delay_ms);
	kick(kicker->vm);
	if (kicker->signal)
		pthread_kill(kicker->target, kicker->signal);
	return NULL;
}

TEST_F(stop, kick_while_running)
{
	struct test_vm *vm = &self->vm;
	struct kicker kicker = { .vm = vm, .delay_ms = 2 };
	pthread_t thread;
	__u32 before = rounds(vm);

	load_guest(vm, spin);
	start(vm);
	/* Some kicks may come before the guest makes progress, but not all. */
	for (int i = 0; i < 50 || (rounds(vm) == before && i < 1000); i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, kick_later, &kicker));
		INTERRUPTED_BY(vm, SVMVCPU_BY_KICK);
		pthread_join(thread, NULL);
	}
	/* The guest ran, and no progress is lost. */
	EXPECT_NE(before, rounds(vm));
	EXPECT_EQ(SVMVCPU_MODE_PROTECTED, vm->run->mode);
}

TEST_F(stop, deadline_passed)
{
	const __u64 past[] = { 1, 1000, now_ns() };
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt);
	start(vm);
	for (int i = 0; i < 3; i++) {
		vm->run->deadline_ns = past[i];
		INTERRUPTED_BY(vm, SVMVCPU_BY_DEADLINE);
		EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
		EXPECT_EQ(0ULL, vm->run->exits);
		/* The kernel does not write the VMM's field. */
		EXPECT_EQ(past[i], vm->run->deadline_ns);
	}
	vm->run->deadline_ns = 0;
	RUN_EXPECT(vm, HALT);
}

TEST_F(stop, deadline_to_come)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	start(vm);
	for (int i = 0; i < 5 || (!rounds(vm) && i < 1000); i++) {
		__u64 deadline = now_ns() + 10 * MS;

		vm->run->deadline_ns = deadline;
		INTERRUPTED_BY(vm, SVMVCPU_BY_DEADLINE);
		EXPECT_GE(now_ns(), deadline);
	}
	EXPECT_NE(0U, rounds(vm));
}

/* RUN with a deadline that is later than the guest's OUT; in ms */
static unsigned int run_before_deadline(struct __test_metadata *_metadata, struct test_vm *vm)
{
	unsigned int ms;

	for (ms = 1500; ms < 100000; ms *= 2) {
		start(vm);
		vm->run->deadline_ns = now_ns() + ms * MS;
		ASSERT_EQ(0, vm_run(vm));
		if (vm->run->reason != SVMVCPU_EXIT_INTERRUPTED)
			break;
		/* too short: the machine stood still for that long */
	}
	EXPECT_EQ((__u32)SVMVCPU_EXIT_IO, vm->run->reason);
	return ms;
}

/* After another exit the deadline is void: it was for that RUN only. */
TEST_F(stop, deadline_not_reached)
{
	const __u64 far[] = { now_ns() + 3600000 * MS, 1ULL << 63, ~0ULL };
	struct test_vm *vm = &self->vm;

	load_guest(vm, out_halt);
	for (int i = 0; i < 3; i++) {
		start(vm);
		vm->run->deadline_ns = far[i];
		RUN_EXPECT(vm, IO);
		RUN_EXPECT(vm, HALT);
	}
	sleep_ms(run_before_deadline(_metadata, vm) + 100);
	vm->run->deadline_ns = 0;
	RUN_EXPECT(vm, HALT);
}

TEST_F(stop, signal_while_running)
{
	/* repeatedly: a signal before RUN does not end it */
	const struct itimerval off = { }, often = {
		.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000,
	};
	struct test_vm *vm = &self->vm;
	int before;

	load_guest(vm, spin);
	start(vm);
	for (int i = 0; i < 5 || (!rounds(vm) && i < 1000); i++) {
		setitimer(ITIMER_REAL, &often, NULL);
		before = signals;
		INTERRUPTED_BY(vm, SVMVCPU_BY_SIGNAL);
		/* The signal handler has run before RUN returns. */
		EXPECT_LT(before, signals);
		setitimer(ITIMER_REAL, &off, NULL);
	}
	EXPECT_NE(0U, rounds(vm));
}

/* A blocked signal does not end RUN. */
TEST_F(stop, signal_blocked)
{
	struct test_vm *vm = &self->vm;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	load_guest(vm, spin);
	start(vm);
	vm->run->deadline_ns = now_ns() + 20 * MS;
	INTERRUPTED_BY(vm, SVMVCPU_BY_DEADLINE);
	EXPECT_EQ(0, signals);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	EXPECT_EQ(1, signals);
}

TEST_F(stop, together)
{
	struct test_vm *vm = &self->vm;
	struct kicker kicker = {
		.vm = vm, .delay_ms = 5, .target = pthread_self(), .signal = SIGUSR1,
	};
	__u32 by = 0;
	pthread_t thread;

	load_guest(vm, halt);
	start(vm);
	kick(vm);
	vm->run->deadline_ns = 1;
	INTERRUPTED_BY(vm, SVMVCPU_BY_KICK | SVMVCPU_BY_DEADLINE);
	vm->run->deadline_ns = 0;
	RUN_EXPECT(vm, HALT);

	/* Each cause is reported, in whatever order they arrive. */
	load_guest(vm, spin);
	start(vm);
	ASSERT_EQ(0, pthread_create(&thread, NULL, kick_later, &kicker));
	while (!(by & SVMVCPU_BY_KICK) || !signals) {
		RUN_EXPECT(vm, INTERRUPTED);
		EXPECT_NE(0U, vm->run->interrupted.by);
		EXPECT_EQ(0U, by & vm->run->interrupted.by & SVMVCPU_BY_KICK);
		by |= vm->run->interrupted.by;
		vm->run->deadline_ns = now_ns() + 100 * MS;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(1, signals);
}

struct runner {
	struct test_vm *vm;
	pthread_t thread;
	volatile bool returned;
	volatile pid_t tid;
	int err;
};

static int returned_of(const struct runner *runners)
{
	return runners[0].returned + runners[1].returned;
}

static void *run_thread(void *arg)
{
	struct runner *runner = arg;

	runner->tid = gettid();
	runner->err = vm_run(runner->vm);
	runner->returned = true;
	return NULL;
}

static bool returns(const struct runner *runner)
{
	__u64 end = now_ns() + 10000 * MS;

	while (!runner->returned && now_ns() < end)
		sleep_ms(1);
	return runner->returned;
}

/* The second RUN waits while the first runs its guest; signals do not end its wait. */
TEST_F(stop, two_threads)
{
	struct test_vm *vm = &self->vm;
	struct runner runners[2] = { { .vm = vm }, { .vm = vm } };

	load_guest(vm, spin);
	start(vm);
	for (int i = 0; i < 2; i++) {
		pthread_create(&runners[i].thread, NULL, run_thread, &runners[i]);
		while (!runners[i].tid || !(i ? thread_sleeps(runners[i].tid) : rounds(vm)))
			sleep_ms(1);
	}
	sleep_ms(10);
	pthread_kill(runners[1].thread, SIGUSR1);
	sleep_ms(50);
	EXPECT_EQ(0, signals);
	EXPECT_EQ(0, returned_of(runners));
	kick(vm);
	EXPECT_TRUE(returns(&runners[0]));
	/* The first RUN took the kick; the second ends by the signal, or keeps running. */
	if (!runners[1].returned) {
		sleep_ms(20);
		kick(vm);
	}
	ASSERT_TRUE(returns(&runners[0]) && returns(&runners[1]));
	for (int i = 0; i < 2; i++) {
		pthread_join(runners[i].thread, NULL);
		EXPECT_EQ(0, runners[i].err);
	}
}

struct asker {
	struct test_vm *vm;
	volatile bool done;
	struct svmvcpu_state state;
	int err;
};

static void *ask_thread(void *arg)
{
	struct asker *asker = arg;

	asker->err = svmvcpu_vcpu_get_state(&asker->vm->vcpu, SVMVCPU_STATE_GPRS, &asker->state);
	asker->done = true;
	return NULL;
}

/* All other calls wait for RUN to return; KICK makes it return. */
TEST_F(stop, other_calls_wait)
{
	struct test_vm *vm = &self->vm;
	struct runner runner = { .vm = vm };
	struct asker asker = { .vm = vm };
	pthread_t thread;

	load_guest(vm, spin);
	start(vm);
	pthread_create(&runner.thread, NULL, run_thread, &runner);
	while (!rounds(vm))
		sleep_ms(1);
	pthread_create(&thread, NULL, ask_thread, &asker);
	sleep_ms(50);
	EXPECT_FALSE(asker.done);
	kick(vm);
	pthread_join(runner.thread, NULL);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, runner.err);
	EXPECT_EQ(0, asker.err);
	EXPECT_GE(asker.state.gprs.rip, TEST_CODE);
	EXPECT_EQ((__u32)SVMVCPU_BY_KICK, vm->run->interrupted.by);
}

TEST_HARNESS_MAIN
