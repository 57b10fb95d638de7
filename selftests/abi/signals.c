// SPDX-License-Identifier: GPL-2.0-only
/*
 * The argument of RUN: the byte that keeps the guest from running, with which no signal
 * between the VMM's last test and RUN is lost, and the signal mask.
 *
 * cost: 2
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "abi_args.h"

GUEST32(spin, "sti\n 1: incl 0x8000\n jmp 1b");
GUEST32(halt, "hlt\n hlt\n hlt\n hlt");
GUEST32(in_halt, "in $0x80, %al\n hlt");
GUEST32(rdmsr_halt, "mov $0xc0000200, %ecx\n rdmsr\n hlt");
/* Counts until the VMM writes a word, then exits */
GUEST32(until, "sti\n 1: incl 0x8000\n cmpl $0, 0x8004\n je 1b\n out %al, $0x80\n hlt");

#define STORM	(slow_machine() ? 200U : 1000U)

static volatile unsigned char stop_byte;
static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
	(void)signal;
	stop_byte = 1;
	signals++;
}

VM_FIXTURE(signals);

static void prepare(struct test_vm *vm)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	stop_byte = 0;
	signals = 0;
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
}

static int run_args(struct test_vm *vm, __u32 flags, const volatile void *stop, __u64 mask)
{
	struct svmvcpu_run_args args = {
		.flags = flags, .stop = (uintptr_t)stop, .sigmask = mask,
	};

	return svmvcpu_vcpu_run_args(&vm->vcpu, &args);
}

static int run_stop(struct test_vm *vm)
{
	return run_args(vm, 0, &stop_byte, 0);
}

static int run_masked(struct test_vm *vm, __u64 blocked)
{
	return run_args(vm, SVMVCPU_RUN_ARGS_SIGMASK, NULL, blocked);
}

#define BIT_OF(signal)	(1ULL << ((signal) - 1))

#define EXPECT_BY(vm, want)						\
do {									\
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, (vm)->run->reason);	\
	EXPECT_EQ((__u32)(want), (vm)->run->interrupted.by);		\
} while (0)

/* As long as the byte is set, the guest does not run. RUN does not change it. */
TEST_F(signals, stop_byte)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt);
	prepare(vm);
	for (int i = 1; i < 4; i++) {
		stop_byte = i == 3 ? 0x80 : i;
		ASSERT_EQ(0, run_stop(vm));
		EXPECT_BY(vm, SVMVCPU_BY_STOP);
		EXPECT_EQ(0ULL, vm->run->exits);
		EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
		EXPECT_NE(0, stop_byte);
	}
	/* A RUN without the argument does not read the byte. */
	RUN_EXPECT(vm, HALT);
	stop_byte = 0;
	ASSERT_EQ(0, run_stop(vm));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HALT, vm->run->reason);
	ASSERT_EQ(0, run_args(vm, 0, NULL, 0));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HALT, vm->run->reason);
}

/* The signal arrives after the VMM's test of the byte and before RUN. */
TEST_F(signals, between_test_and_run)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, spin);
	prepare(vm);
	for (int i = 1; i <= 10; i++) {
		ASSERT_EQ(0, stop_byte);
		raise(SIGUSR1);
		ASSERT_EQ(0, run_stop(vm));
		EXPECT_BY(vm, SVMVCPU_BY_STOP);
		EXPECT_EQ(i, signals);
		stop_byte = 0;
	}
	EXPECT_EQ(0ULL, vm->run->exits);
}

/* The answer to the last exit is used once, although the guest does not run. */
TEST_F(signals, answer_is_used)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, in_halt);
	prepare(vm);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x5a;
	stop_byte = 1;
	ASSERT_EQ(0, run_stop(vm));
	EXPECT_BY(vm, SVMVCPU_BY_STOP);
	EXPECT_EQ(0x5aULL, vm->run->gprs.rax);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	vm->run->answer = 0xa5;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x5aULL, vm->run->gprs.rax);
}

/* A kick or a deadline is reported together with the byte, and is used up by that. */
TEST_F(signals, with_kick_and_deadline)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt);
	prepare(vm);
	stop_byte = 1;
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	vm->run->deadline_ns = 1;
	ASSERT_EQ(0, run_stop(vm));
	EXPECT_BY(vm, SVMVCPU_BY_KICK | SVMVCPU_BY_DEADLINE | SVMVCPU_BY_STOP);
	vm->run->deadline_ns = 0;
	RUN_EXPECT(vm, HALT);
}

/* Another exit comes first: the exception that the answer raises. It uses nothing up. */
TEST_F(signals, after_another_exit)
{
	struct svmvcpu_exits exits = { .exceptions = 1U << 13 };
	struct test_vm *vm = &self->vm;

	load_guest(vm, rdmsr_halt);
	prepare(vm);
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	RUN_EXPECT(vm, MSR_READ);
	stop_byte = 1;
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	ASSERT_EQ(0, run_stop(vm));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_EXCEPTION, vm->run->reason);
	EXPECT_EQ(13U, vm->run->exception.vector);
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_BY(vm, SVMVCPU_BY_STOP);
	RUN_EXPECT(vm, MSR_READ);
}

TEST_F(signals, errors_change_nothing)
{
	struct test_vm *vm = &self->vm;
	unsigned char *fence = fence_alloc();
	struct svmvcpu_run_args args = { .size = sizeof(args) };
	int fd = vm->vcpu.fd;

	load_guest(vm, in_halt);
	prepare(vm);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	vm->run->answer = 0x77;
	vm->run->in_flags = SVMVCPU_RUN_IRQ_WINDOW;
	EXPECT_EQ(-EFAULT, run_args(vm, 0, fence + 2 * PAGE, 0));
	EXPECT_EQ(-EFAULT, run_args(vm, 0, (void *)(1UL << 63), 0));
	EXPECT_EQ(-EINVAL, run_args(vm, 0, &stop_byte, 1));
	EXPECT_EQ(-EINVAL, run_args(vm, 2, &stop_byte, 0));
	EXPECT_EQ(EFAULT, ioctl_errno(fd, SVMVCPU_RUN, (void *)1));
	*(__u32 *)(fence + 2 * PAGE - 8) = sizeof(args);
	EXPECT_EQ(EFAULT, ioctl_errno(fd, SVMVCPU_RUN, fence + 2 * PAGE - 8));
	args.size--;
	EXPECT_EQ(EINVAL, ioctl_errno(fd, SVMVCPU_RUN, &args));
	EXPECT_EQ((__u32)SVMVCPU_RUN_IRQ_WINDOW, vm->run->in_flags);
	vm->run->in_flags = 0;
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_BY(vm, SVMVCPU_BY_KICK);
	EXPECT_EQ(0x77ULL, vm->run->gprs.rax);
	svmvcpu_free(fence, 3 * PAGE);
}

static bool is_pending(int signal)
{
	sigset_t set;

	return !sigpending(&set) && sigismember(&set, signal);
}

static bool is_blocked(int signal)
{
	sigset_t set;

	return !pthread_sigmask(SIG_SETMASK, NULL, &set) && sigismember(&set, signal);
}

/*
 * A signal that the thread blocks, and RUN does not, ends RUN and stays pending, whatever
 * its action is: none would be missed, and SIG_DFL would end the process.
 */
TEST_F(signals, unblocked_meanwhile)
{
	void (*const actions[])(int) = { on_signal, SIG_DFL, SIG_IGN };
	struct test_vm *vm = &self->vm;
	sigset_t usr1;
	int caught;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	load_guest(vm, spin);
	prepare(vm);
	for (unsigned int i = 0; i < ARRAY_SIZE(actions); i++) {
		signal(SIGUSR1, actions[i]);
		raise(SIGUSR1);
		ASSERT_EQ(0, run_masked(vm, 0));
		EXPECT_BY(vm, SVMVCPU_BY_SIGNAL);
		EXPECT_EQ(0, signals);
		EXPECT_TRUE(is_blocked(SIGUSR1));
		ASSERT_TRUE(is_pending(SIGUSR1));
		ASSERT_EQ(0, sigwait(&usr1, &caught));
		EXPECT_EQ(SIGUSR1, caught);
	}
	EXPECT_EQ(0ULL, vm->run->exits);
}

/* RUN that fails restores the mask, too. */
TEST_F(signals, mask_after_errors)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt);
	prepare(vm);
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	EXPECT_EQ(-EINVAL, run_masked(vm, BIT_OF(SIGUSR1)));
	EXPECT_FALSE(is_blocked(SIGUSR1));
	/* Nor does it leave a request to stop. */
	stop_byte = 1;
	EXPECT_EQ(-EINVAL, run_stop(vm));
	vm->run->in_flags = 0;
	RUN_EXPECT(vm, HALT);
	raise(SIGUSR1);
	EXPECT_EQ(1, signals);
}

struct sender {
	pthread_t thread, target;
	struct test_vm *vm;
	unsigned int nr;
	volatile unsigned int acks;
};

static void start_sender(struct sender *sender, struct test_vm *vm, void *(*main)(void *))
{
	sender->vm = vm;
	sender->target = pthread_self();
	if (pthread_create(&sender->thread, NULL, main, sender))
		vm_die("pthread_create");
}

/* Waits until the guest runs, sends a signal, and then tells the guest to exit. */
static void *send_then_release(void *arg)
{
	struct sender *sender = arg;
	volatile __u32 *words = (volatile __u32 *)(sender->vm->mem + TEST_DATA);

	while (!words[0])
		sched_yield();
	pthread_kill(sender->target, SIGUSR1);
	words[1] = 1;
	return NULL;
}

/* A signal that RUN blocks does not end it. Its handler runs when RUN has returned. */
TEST_F(signals, blocked_meanwhile)
{
	struct sender sender = { };
	struct test_vm *vm = &self->vm;

	load_guest(vm, until);
	prepare(vm);
	start_sender(&sender, vm, send_then_release);
	ASSERT_EQ(0, run_masked(vm, BIT_OF(SIGUSR1)));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason);
	EXPECT_EQ(1, signals);
	EXPECT_FALSE(is_blocked(SIGUSR1));
	pthread_join(sender.thread, NULL);
}

/* SIGKILL cannot be blocked. */
TEST_F(signals, killed)
{
	int status, pipes[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid) {
		struct test_vm vm;

		vm_open(&vm);
		load_guest(&vm, spin);
		prepare(&vm);
		if (write(pipes[1], "", 1) == 1)
			run_masked(&vm, ~0ULL);
		_exit(1);
	}
	ASSERT_EQ(1, read(pipes[0], &c, 1));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

/* Sends the next signal when the last one has been seen: RUN would not return otherwise. */
static void *storm(void *arg)
{
	struct sender *sender = arg;

	for (unsigned int i = 0; i < sender->nr; i++) {
		pthread_kill(sender->target, SIGUSR1);
		while (sender->acks <= i)
			sched_yield();
	}
	return NULL;
}

/* With a handler that sets the byte: each signal ends one RUN. */
TEST_F(signals, storm_of_handled)
{
	struct sender sender = { .nr = STORM };
	struct test_vm *vm = &self->vm;
	unsigned int by_stop = 0;

	load_guest(vm, spin);
	prepare(vm);
	start_sender(&sender, vm, storm);
	while (sender.acks < STORM) {
		ASSERT_EQ(0, run_stop(vm));
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
		by_stop += vm->run->interrupted.by == SVMVCPU_BY_STOP;
		if (stop_byte) {
			stop_byte = 0;
			sender.acks++;
		}
	}
	pthread_join(sender.thread, NULL);
	EXPECT_EQ(STORM, (unsigned int)signals);
	TH_LOG("%u of %u signals came before RUN", by_stop, STORM);
}

/* With a signal that is blocked outside of RUN */
TEST_F(signals, storm_of_blocked)
{
	struct sender sender = { .nr = STORM };
	struct test_vm *vm = &self->vm;
	sigset_t usr1;
	int caught;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	load_guest(vm, spin);
	prepare(vm);
	start_sender(&sender, vm, storm);
	while (sender.acks < STORM) {
		ASSERT_EQ(0, run_masked(vm, 0));
		EXPECT_BY(vm, SVMVCPU_BY_SIGNAL);
		ASSERT_EQ(0, sigwait(&usr1, &caught));
		sender.acks++;
	}
	pthread_join(sender.thread, NULL);
	EXPECT_EQ(0, signals);
}

TEST_HARNESS_MAIN
