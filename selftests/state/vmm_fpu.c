// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM keeps its x87, SSE and AVX registers, whatever ends RUN and whoever else uses
 * the FPU of this CPU meanwhile: the guest, another thread, the kernel. The guest keeps
 * its own.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "guest_thread.h"
#include "host_fpu.h"

#define MS		1000000ULL
#define KINDS		8

/* Guest-physical: areas that the guest loads from and stores to, and the word it waits for */
#define AREA_IN		(TEST_DATA + 0x1000)
#define AREA_OUT	(TEST_DATA + 0x2000)
#define GO_ON		(TEST_DATA + 0x800)

FIXTURE(vmm_fpu) {
	struct test_vm vm;
	struct fpu_image guest;
};

#define XCR0_AVX							\
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"		\
	"xor %ecx, %ecx\n mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
#define MASK	"mov $7, %eax\n xor %edx, %edx\n"

/*
 * An exit to the VMM; more exits in the kernel than it handles without enabling
 * interrupts; a page that has to be mapped, for which the kernel sleeps.
 */
GUEST64(ends,
	XCR0_AVX
	"1: " MASK "xrstor64 (%rsi)\n"
	"vmmcall\n"
	"mov $150, %ebp\n"
	"2: xor %eax, %eax\n cpuid\n dec %ebp\n jnz 2b\n"
	"mov %rbp, 0x200000\n"
	"vmmcall\n"
	MASK "xsave64 (%rdi)\n"
	"vmmcall\n"
	"jmp 1b");

/* Interrupts on: see guest_thread.h. */
GUEST64(wait,
	XCR0_AVX
	"sti\n"
	"1: " MASK "xrstor64 (%rsi)\n"
	"2: testb $1, 0x8800\n jz 2b\n"
	MASK "xsave64 (%rdi)\n"
	"vmmcall\n"
	"jmp 1b");

static void start(struct test_vm *vm, struct fpu_image *image)
{
	struct svmvcpu_state state;

	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	fpu_fill(image, 1, 0x5a);
	memcpy(vm->mem + AREA_IN, image, sizeof(*image));
	if (svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &state))
		vm_die("GET_STATE");
	state.gprs.rsi = AREA_IN;
	state.gprs.rdi = AREA_OUT;
	if (svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &state))
		vm_die("SET_STATE");
}

/* The guest stored what it had loaded. */
static bool guest_kept(struct test_vm *vm, const struct fpu_image *image)
{
	struct fpu_image out;

	memcpy(&out, vm->mem + AREA_OUT, sizeof(out));
	memset(vm->mem + AREA_OUT, 0, sizeof(out));
	return fpu_differs(image, &out) < 0;
}

static void on_alarm(int signal)
{
	(void)signal;
}

FIXTURE_SETUP(vmm_fpu)
{
	struct sigaction action = { .sa_handler = on_alarm };

	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	vm_open(&self->vm);
	if (self->vm.info.xcr0_guest != 7)
		SKIP(return, "no AVX for guests here");
}

VM_TEARDOWN(vmm_fpu)

TEST_F(vmm_fpu, exits)
{
	struct test_vm *vm = &self->vm;
	struct fpu_image mine;

	load_guest(vm, ends);
	start(vm, &self->guest);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		fpu_fill(&mine, kind, kind * 29);
		ASSERT_EQ(0, madvise(vm->mem + TEST_FREE, PAGE, MADV_DONTNEED));
		for (int i = 0; i < 3; i++) {
			RUN_WITH_FPU(vm, &mine);
			ASSERT_EQ((unsigned int)SVMVCPU_EXIT_HYPERCALL, vm->run->reason);
		}
		EXPECT_TRUE(guest_kept(vm, &self->guest));
	}
}

/* RUN fails, or does not enter the guest. */
TEST_F(vmm_fpu, no_entry)
{
	struct test_vm *vm = &self->vm;
	struct fpu_image mine;

	load_guest(vm, ends);
	start(vm, &self->guest);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		fpu_fill(&mine, kind, kind * 31);
		vm->run->in_flags = 1U << 31;
		RUN_WITH_FPU(vm, &mine);
		vm->run->in_flags = 0;
		svmvcpu_vcpu_kick(&vm->vcpu);
		RUN_WITH_FPU(vm, &mine);
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	}
}

/* The guest stops at AREA_OUT with all its registers. */
static void let_go(struct __test_metadata *_metadata, struct test_vm *vm,
		   const struct fpu_image *mine, const struct fpu_image *guest)
{
	*guest_word(vm, GO_ON) = 1;
	RUN_WITH_FPU(vm, mine);
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_HYPERCALL, vm->run->reason);
	EXPECT_TRUE(guest_kept(vm, guest));
	*guest_word(vm, GO_ON) = 0;
}

/* Alternately a deadline and a signal, after some of the host's ticks */
TEST_F(vmm_fpu, stopped)
{
	const struct itimerval timer = { .it_value.tv_usec = 25000 };
	struct test_vm *vm = &self->vm;
	struct fpu_image mine;

	load_guest(vm, wait);
	start(vm, &self->guest);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		fpu_fill(&mine, kind, kind * 37);
		if (kind & 1)
			vm->run->deadline_ns = now_ns() + 25 * MS;
		else
			ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
		RUN_WITH_FPU(vm, &mine);
		vm->run->deadline_ns = 0;
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
		let_go(_metadata, vm, &mine, &self->guest);
	}
}

/**
 * struct other - a thread on the same CPU
 * @thread: .
 * @stop: .
 * @turns: it has had
 * @lost: and those in which its registers were not its own
 */
struct other {
	pthread_t thread;
	volatile bool stop;
	volatile unsigned int turns;
	unsigned int lost;
};

/* Keeps its registers while it yields the CPU. */
static void *other_registers(void *arg)
{
	struct fpu_image mine, after;
	struct other *other = arg;

	while (!other->stop) {
		fpu_fill(&mine, other->turns, other->turns * 41);
		memset(&after, 0, sizeof(after));
		/* no such file: a system call, and whatever is pending then */
		fpu_ioctl(-1, 0, &mine, &after);
		other->lost += fpu_differs(&mine, &after) >= 0;
		other->turns++;
		sched_yield();
	}
	return NULL;
}

/* The kernel hashes its random numbers with vector registers. */
static void *kernel_registers(void *arg)
{
	int fd = open("/dev/urandom", O_WRONLY);
	struct other *other = arg;
	char bytes[4096] = { };

	while (!other->stop) {
		other->lost += write(fd, bytes, sizeof(bytes)) != sizeof(bytes);
		other->turns++;
		sched_yield();
	}
	close(fd);
	return NULL;
}

static void share_cpu(struct __test_metadata *_metadata, struct test_vm *vm,
		      struct fpu_image *guest, void *(*with)(void *arg))
{
	unsigned int rounds = slow_machine() ? 12 : 40, i;
	struct other other = { };
	struct fpu_image mine;

	load_guest(vm, wait);
	start(vm, guest);
	/* Starts on this CPU and stays there. */
	ASSERT_EQ(0, pthread_create(&other.thread, NULL, with, &other));
	for (i = 0; i < rounds; i++) {
		unsigned int before = other.turns;

		fpu_fill(&mine, i, i * 43);
		vm->run->deadline_ns = now_ns() + 15 * MS;
		RUN_WITH_FPU(vm, &mine);
		vm->run->deadline_ns = 0;
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
		let_go(_metadata, vm, &mine, guest);
		EXPECT_TRUE(WAIT_UNTIL(other.turns != before));
	}
	other.stop = true;
	pthread_join(other.thread, NULL);
	EXPECT_EQ(0U, other.lost);
}

TEST_F(vmm_fpu, beside_another_thread)
{
	share_cpu(_metadata, &self->vm, &self->guest, other_registers);
}

TEST_F(vmm_fpu, beside_the_kernel)
{
	share_cpu(_metadata, &self->vm, &self->guest, kernel_registers);
}

TEST_HARNESS_MAIN
