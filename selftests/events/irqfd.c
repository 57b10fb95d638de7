// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfds (SET_IRQFD): signals of an eventfd that become interrupts, their replacement and
 * removal, resampling at EOI; files closed in any order, and changes under load.
 */
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "guest_apic.h"
#include "guest_thread.h"

#define VECTOR		0x51
#define OTHER		0x62
#define MAX_IRQFDS	512
#define REMOVE		SVMVCPU_IRQFD_REMOVE
#define RESAMPLE	SVMVCPU_IRQFD_RESAMPLE
#define LEVEL		SVMVCPU_MSG_LEVEL

X2APIC_FIXTURE(irqfd)

/* x2APIC mode */
GUEST32(eoi,
	"mov $0x80b, %ecx\n"
	"xor %eax, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"iret");

static int new_eventfd(unsigned int count)
{
	int fd = eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0) {
		perror("# eventfd");
		exit(1);
	}
	return fd;
}

static void signal_fd(int fd)
{
	const __u64 one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one)) {
		perror("# eventfd");
		exit(1);
	}
}

/* The counter, which becomes 0 */
static __u64 signals(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int set(struct test_vm *vm, int fd, unsigned int vector)
{
	const struct svmvcpu_irqfd arg = { .fd = fd, .vector = vector };

	return -svmvcpu_vm_irqfd(vm->vm, &arg);
}

static int set_level(struct test_vm *vm, int fd, int resample_fd, unsigned int vector)
{
	const struct svmvcpu_irqfd arg = {
		.flags = resample_fd >= 0 ? RESAMPLE : 0,
		.fd = fd,
		.resample_fd = resample_fd >= 0 ? resample_fd : 0,
		.vector = vector,
		.msg_flags = LEVEL,
	};

	return -svmvcpu_vm_irqfd(vm->vm, &arg);
}

static int unset(struct test_vm *vm, int fd)
{
	const struct svmvcpu_irqfd arg = { .flags = REMOVE, .fd = fd };

	return -svmvcpu_vm_irqfd(vm->vm, &arg);
}

/* The guest takes this interrupt, or none; the handler of an interrupt writes EOI. */
#define EXPECT_IRQ(vm, want)						\
do {									\
	EXPECT_EQ(want, apic_take_irq(vm));				\
	if ((want) != FINISHED) {					\
		EXPECT_EQ(FINISHED, apic_iret(vm));			\
		EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));		\
	}								\
} while (0)

TEST_F(irqfd, edge)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, set(vm, fd, VECTOR));
	EXPECT_IRQ(vm, FINISHED);
	signal_fd(fd);
	EXPECT_EQ(0UL, signals(fd));
	EXPECT_IRQ(vm, VECTOR);
	EXPECT_IRQ(vm, FINISHED);
	ASSERT_EQ(0, unset(vm, fd));
	EXPECT_EQ(ENOENT, unset(vm, fd));
	signal_fd(fd);
	EXPECT_EQ(1UL, signals(fd));
	EXPECT_IRQ(vm, FINISHED);
	close(fd);
}

/* What was signaled before is sent at once, and once. */
TEST_F(irqfd, pending)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(3);

	ASSERT_EQ(0, set(vm, fd, VECTOR));
	EXPECT_EQ(0UL, signals(fd));
	EXPECT_IRQ(vm, VECTOR);
	EXPECT_IRQ(vm, FINISHED);
	close(fd);
}

TEST_F(irqfd, replace)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0), resample = new_eventfd(0);

	ASSERT_EQ(0, set(vm, fd, VECTOR));
	ASSERT_EQ(0, set(vm, fd, OTHER));
	signal_fd(fd);
	EXPECT_IRQ(vm, OTHER);
	EXPECT_IRQ(vm, FINISHED);
	EXPECT_EQ(EEXIST, set_level(vm, fd, resample, VECTOR));
	ASSERT_EQ(0, unset(vm, fd));
	ASSERT_EQ(0, set_level(vm, fd, resample, VECTOR));
	EXPECT_EQ(EEXIST, set_level(vm, fd, -1, VECTOR));
	EXPECT_EQ(0, set_level(vm, fd, resample, OTHER));
	signal_fd(fd);
	EXPECT_IRQ(vm, OTHER);
	EXPECT_EQ(1UL, signals(resample));
	close(fd);
	close(resample);
}

/* EOI signals the resample eventfd; other level-triggered vectors still exit. */
TEST_F(irqfd, resample)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0), resample = new_eventfd(0), plain = new_eventfd(0);

	ASSERT_EQ(0, set_level(vm, fd, resample, VECTOR));
	ASSERT_EQ(0, set_level(vm, plain, -1, OTHER));
	signal_fd(fd);
	EXPECT_EQ(0UL, signals(resample));
	EXPECT_IRQ(vm, VECTOR);
	EXPECT_EQ(1UL, signals(resample));
	signal_fd(plain);
	EXPECT_EQ(OTHER, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(EXITED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ((__u32)SVMVCPU_EXIT_IOAPIC_EOI, vm->run->reason);
	EXPECT_EQ(0UL, signals(resample));
	/* Two devices share a vector. */
	ASSERT_EQ(0, unset(vm, plain));
	ASSERT_EQ(0, set_level(vm, plain, plain, VECTOR));
	signal_fd(fd);
	EXPECT_EQ(VECTOR, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_EOI, 0));
	EXPECT_EQ(1UL, signals(resample));
	/* Its resample eventfd is itself: each EOI sends the message again. */
	EXPECT_IRQ(vm, VECTOR);
	EXPECT_EQ(1UL, signals(resample));
	ASSERT_EQ(0, unset(vm, plain));
	EXPECT_IRQ(vm, VECTOR);
	EXPECT_IRQ(vm, FINISHED);
	ASSERT_EQ(0, unset(vm, fd));
	EXPECT_EQ(1UL, signals(resample));
	close(fd);
	close(resample);
	close(plain);
}

/* An OUT of the guest interrupts the guest, without an exit. */
TEST_F(irqfd, doorbell)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0);
	const struct svmvcpu_ioeventfd bell = {
		.flags = SVMVCPU_IOEVENTFD_PIO, .fd = fd, .address = 0x80,
	};

	ASSERT_EQ(0, set(vm, fd, VECTOR));
	ASSERT_EQ(0, svmvcpu_vm_ioeventfd(vm->vm, &bell));
	apic_start(vm, CODE("\xe6\x80\xfb\x90\x90\xfa"));	/* out, sti, nop, nop, cli */
	EXPECT_EQ(VECTOR, apic_run(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	/* The doorbell keeps the eventfd, but not the irqfd. */
	close(fd);
	apic_start(vm, CODE("\xe6\x80\xfb\x90\x90\xfa"));
	EXPECT_EQ(FINISHED, apic_run(vm));
}

TEST_F(irqfd, wakes_halted)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0);
	struct guest_thread gt;

	ASSERT_EQ(0, set(vm, fd, VECTOR));
	apic_start(vm, CODE("\xfb\xf4"));	/* sti, hlt */
	guest_thread_start(&gt, &vm->vcpu);
	usleep(20000);
	EXPECT_FALSE(gt.done);
	signal_fd(fd);
	EXPECT_TRUE(WAIT_UNTIL(gt.done));
	guest_thread_join(&gt);
	EXPECT_EQ(0, gt.err);
	EXPECT_EQ((__u32)SVMVCPU_EXIT_HALT, vm->run->reason);
	close(fd);
}

/* Closing the eventfd removes the irqfd: its place is free again. */
TEST_F(irqfd, at_most)
{
	struct test_vm *vm = &self->vm;
	int fds[MAX_IRQFDS], more = new_eventfd(0);

	for (int i = 0; i < MAX_IRQFDS; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, set(vm, fds[i], VECTOR));
	}
	EXPECT_EQ(ENOSPC, set(vm, more, VECTOR));
	EXPECT_EQ(0, set(vm, fds[7], OTHER));
	signal_fd(fds[7]);
	EXPECT_IRQ(vm, OTHER);
	close(fds[8]);
	EXPECT_EQ(0, set(vm, more, VECTOR));
	for (int i = 0; i < MAX_IRQFDS; i++)
		if (i != 8)
			close(fds[i]);
	EXPECT_EQ(0, unset(vm, more));
	close(more);
}

TEST_F(irqfd, arguments)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0), resample = new_eventfd(0);
	const struct {
		struct svmvcpu_irqfd arg;
		int want;
	} rows[] = {
		{ { .fd = fd, .vector = 15 }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .mode = 2 }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .mode = SVMVCPU_MSG_NMI }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .mbz = { 1, 0 } }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .mbz = { 0, 1 } }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .mbz32 = 1 }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .msg_flags = 4 }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .msg_flags = 0x10000 }, EINVAL },
		{ { .fd = fd, .vector = VECTOR, .resample_fd = resample }, EINVAL },
		{ { .fd = fd, .flags = RESAMPLE, .vector = VECTOR, .resample_fd = resample },
		  EINVAL },
		{ { .fd = fd, .flags = RESAMPLE, .vector = VECTOR, .msg_flags = LEVEL,
		    .resample_fd = -1 }, EBADF },
		{ { .fd = fd, .flags = RESAMPLE, .vector = VECTOR, .msg_flags = LEVEL,
		    .resample_fd = vm->vm }, EINVAL },
		{ { .fd = fd, .flags = REMOVE, .vector = VECTOR }, EINVAL },
		{ { .fd = fd, .flags = REMOVE, .dest = 1 }, EINVAL },
		{ { .fd = fd, .flags = REMOVE, .msg_flags = 1 }, EINVAL },
		{ { .fd = fd, .flags = REMOVE, .mode = 1 }, EINVAL },
		{ { .fd = fd, .flags = REMOVE, .mbz = { 1, 0 } }, EINVAL },
		{ { .fd = fd, .flags = REMOVE, .resample_fd = 1 }, EINVAL },
		{ { .fd = fd, .flags = REMOVE | RESAMPLE }, EINVAL },
		{ { .fd = fd, .flags = REMOVE }, ENOENT },
		{ { .fd = -1, .flags = REMOVE }, EBADF },
		{ { .fd = -1, .vector = VECTOR }, EBADF },
		{ { .fd = vm->vm, .vector = VECTOR }, EINVAL },
		{ { .fd = vm->vcpu.fd, .flags = REMOVE }, EINVAL },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-rows[i].want, svmvcpu_vm_irqfd(vm->vm, &rows[i].arg)) {
			TH_LOG("row %u", i);
		}
	}
	signal_fd(fd);
	EXPECT_IRQ(vm, FINISHED);
	close(fd);
	close(resample);
}

/* Another process signals; it cannot change the irqfd. */
TEST_F(irqfd, fork)
{
	struct test_vm *vm = &self->vm;
	int fd = new_eventfd(0), status;
	pid_t child;

	ASSERT_EQ(0, set(vm, fd, VECTOR));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		signal_fd(fd);
		_exit(unset(vm, fd) == EIO ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_IRQ(vm, VECTOR);
	close(fd);
}

struct signaler {
	pthread_t thread;
	volatile int fd;
	volatile bool stop;
	volatile unsigned int rounds;
};

/* Errors are expected: the descriptor may be closed at any time. */
static void *signal_often(void *arg)
{
	struct signaler *s = arg;
	const __u64 one = 1;
	ssize_t ret;

	while (!s->stop) {
		ret = write(s->fd, &one, sizeof(one));
		(void)ret;
		s->rounds++;
	}
	return NULL;
}

/* Added, replaced, removed and closed while another thread signals and a guest runs */
TEST_F(irqfd, change_under_load)
{
	const unsigned int rounds = slow_machine() ? 300 : 2000;
	struct signaler signaler = { .fd = -1 };
	struct test_vm *vm = &self->vm;
	int resample = new_eventfd(0);
	struct guest_thread gt;

	/* sti; 1: pause; jmp 1b, with a handler that writes EOI */
	load_handler(vm, VECTOR, eoi);
	load_handler(vm, OTHER, eoi);
	apic_start(vm, CODE("\xfb\xf3\x90\xeb\xfc"));
	guest_thread_start(&gt, &vm->vcpu);
	ASSERT_EQ(0, pthread_create(&signaler.thread, NULL, signal_often, &signaler));
	for (unsigned int i = 0; i < rounds; i++) {
		unsigned int seen = signaler.rounds;
		int fd = new_eventfd(i & 1);

		signaler.fd = fd;
		ASSERT_EQ(0, i & 2 ? set(vm, fd, VECTOR) : set_level(vm, fd, resample, VECTOR));
		if (!(i % 8))
			ASSERT_TRUE(WAIT_UNTIL(signaler.rounds != seen));
		ASSERT_EQ(0, i & 2 ? set(vm, fd, OTHER) : set_level(vm, fd, resample, OTHER));
		if (i & 4)
			ASSERT_EQ(0, unset(vm, fd));
		close(fd);
	}
	signaler.stop = true;
	pthread_join(signaler.thread, NULL);
	guest_thread_stop(&gt);
	EXPECT_EQ(0, gt.err);
	close(resample);
}

/* The VM ends while another thread signals. */
TEST_F(irqfd, close_under_load)
{
	const unsigned int rounds = slow_machine() ? 20 : 100;
	struct signaler signaler = { .fd = new_eventfd(0) };
	struct test_vm vm;

	ASSERT_EQ(0, pthread_create(&signaler.thread, NULL, signal_often, &signaler));
	for (unsigned int i = 0; i < rounds; i++) {
		vm_open_empty(&vm);
		if (svmvcpu_vcpu_create_flags(vm.vm, 0, SVMVCPU_VCPU_LAPIC, &vm.info, &vm.vcpu))
			vm_die("CREATE_VCPU");
		ASSERT_EQ(0, i & 1 ? set(&vm, signaler.fd, VECTOR) :
			  set_level(&vm, signaler.fd, signaler.fd, VECTOR));
		if (i & 2) {
			/* the VM file first */
			close(vm.vm);
			vm.vm = -1;
		}
		vm_close(&vm);
	}
	signaler.stop = true;
	pthread_join(signaler.thread, NULL);
	close(signaler.fd);
}

#define SHARED	64

/* Closes the eventfds, which the parent has closed already, when the parent says so. */
static pid_t fork_closer(struct test_vm *vm, const int *fds, const int *start)
{
	pid_t child = fork();
	char byte;

	if (child)
		return child;
	vm_close(vm);
	close(start[1]);
	if (read(start[0], &byte, 1) != 1)
		_exit(1);
	for (int i = 0; i < SHARED; i++)
		close(fds[i]);
	_exit(0);
}

/* The VM ends while another process closes the last descriptors of its eventfds. */
TEST_F(irqfd, closed_by_two)
{
	const unsigned int rounds = slow_machine() ? 10 : 50;
	int fds[SHARED], start[2], resample = new_eventfd(0), status;
	struct test_vm vm;
	pid_t child;

	for (unsigned int round = 0; round < rounds; round++) {
		vm_open_empty(&vm);
		if (svmvcpu_vcpu_create_flags(vm.vm, 0, SVMVCPU_VCPU_LAPIC, &vm.info, &vm.vcpu))
			vm_die("CREATE_VCPU");
		for (int i = 0; i < SHARED; i++) {
			fds[i] = new_eventfd(0);
			ASSERT_EQ(0, set_level(&vm, fds[i], resample, VECTOR));
		}
		ASSERT_EQ(0, pipe(start));
		child = fork_closer(&vm, fds, start);
		ASSERT_LE(0, child);
		for (int i = 0; i < SHARED; i++)
			close(fds[i]);
		ASSERT_EQ(1, write(start[1], "", 1));
		vm_close(&vm);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status);
		close(start[0]);
		close(start[1]);
	}
	close(resample);
}

/* SIGKILL to the VMM; the eventfd of its parent stays usable. */
TEST_F(irqfd, killed)
{
	int fd = new_eventfd(0), status;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		struct test_vm vm;

		apic_open_x2(&vm);
		if (set(&vm, fd, VECTOR))
			_exit(1);
		apic_start(&vm, CODE("\xfb\xeb\xfe"));	/* sti; 1: jmp 1b */
		vm_run(&vm);	/* until the handler halts */
		pause();
	}
	/* Consumed as soon as the child has added it */
	EXPECT_TRUE(WAIT_UNTIL(({ signal_fd(fd); usleep(1000); !signals(fd); })));
	EXPECT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	signal_fd(fd);
	EXPECT_EQ(1UL, signals(fd));
	close(fd);
}

TEST_HARNESS_MAIN
