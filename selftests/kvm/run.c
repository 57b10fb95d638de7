// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: KVM_RUN and its exits.
 *
 * kernel: stock, debug
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <ucontext.h>

#include "kvm_client.h"

#define DEVICE		0x10000000UL	/* beyond the memory */

CLIENT_FIXTURE(run)

GUEST16(out, "mov $0x42, %al\n out %al, $0x80\n mov $0x1234, %ax\n out %ax, $0x82\n hlt");
GUEST32(in, "or $-1, %eax\n in $0x60, %al\n mov %eax, %ebx\n in $0x64, %eax\n hlt");
GUEST16(outs, "mov $0x8000, %si\n mov $5, %cx\n mov $0x3f8, %dx\n rep outsb\n hlt");
GUEST16(ins, "mov $0x8000, %di\n mov $3, %cx\n mov $0x1f0, %dx\n rep insw\n hlt");

TEST_F(run, out)
{
	struct client *c = &self->c;

	client_load(c, out);
	client_start(c, 16);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(KVM_EXIT_IO_OUT, c->run->io.direction);
	EXPECT_EQ(1, c->run->io.size);
	EXPECT_EQ(0x80, c->run->io.port);
	EXPECT_EQ(1U, c->run->io.count);
	EXPECT_EQ(0x42, *(__u8 *)client_io_data(c));
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(2, c->run->io.size);
	EXPECT_EQ(0x82, c->run->io.port);
	EXPECT_EQ(0x1234, *(__u16 *)client_io_data(c));
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(0, c->run->if_flag);
	EXPECT_EQ(TEST_CODE + (guest_out_end - guest_out), client_regs(c).rip);
}

TEST_F(run, in)
{
	struct client *c = &self->c;

	client_load(c, in);
	client_start(c, 32);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(KVM_EXIT_IO_IN, c->run->io.direction);
	EXPECT_EQ(0x60, c->run->io.port);
	*(__u8 *)client_io_data(c) = 0x5a;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(4, c->run->io.size);
	*(__u32 *)client_io_data(c) = 0x87654321;
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(0xffffff5aULL, client_regs(c).rbx);
	EXPECT_EQ(0x87654321ULL, client_regs(c).rax);
}

/* Ports of power-off and reset are like all others. */
GUEST16(down,
	"mov $0xcf9, %dx\n mov $6, %al\n out %al, %dx\n mov $0x1206, %ax\n out %ax, %dx\n"
	"mov $0x604, %dx\n mov $0x2000, %ax\n out %ax, %dx\n hlt");

#define EXPECT_OUT(c, to_port, bytes, value)				\
do {									\
	__u32 got_ = 0;							\
	CLIENT_EXPECT(c, IO);						\
	EXPECT_EQ(KVM_EXIT_IO_OUT, (c)->run->io.direction);		\
	EXPECT_EQ(to_port, (c)->run->io.port);				\
	ASSERT_EQ(bytes, (c)->run->io.size);				\
	memcpy(&got_, client_io_data(c), bytes);			\
	EXPECT_EQ((__u32)(value), got_);				\
} while (0)

TEST_F(run, down)
{
	struct client *c = &self->c;

	client_load(c, down);
	client_start(c, 16);
	EXPECT_OUT(c, 0xcf9, 1, 6);
	EXPECT_OUT(c, 0xcf9, 2, 0x1206);
	EXPECT_OUT(c, 0x604, 2, 0x2000);
	CLIENT_EXPECT(c, HLT);
}

/* KVM and svmvcpu may split a string differently. */
TEST_F(run, outs)
{
	struct client *c = &self->c;
	char got[8] = "";
	unsigned int nr = 0;

	client_load(c, outs);
	memcpy(c->mem + TEST_DATA, "hello", 5);
	client_start(c, 16);
	while (nr < 5) {
		CLIENT_EXPECT(c, IO);
		EXPECT_EQ(KVM_EXIT_IO_OUT, c->run->io.direction);
		EXPECT_EQ(0x3f8, c->run->io.port);
		EXPECT_EQ(1, c->run->io.size);
		ASSERT_GE(5 - nr, c->run->io.count);
		memcpy(got + nr, client_io_data(c), c->run->io.count);
		nr += c->run->io.count;
	}
	EXPECT_STREQ("hello", got);
	CLIENT_EXPECT(c, HLT);
}

TEST_F(run, ins)
{
	static const __u16 words[] = { 0x1111, 0x2222, 0x3333 };
	struct client *c = &self->c;
	unsigned int nr = 0;

	client_load(c, ins);
	client_start(c, 16);
	while (nr < 3) {
		CLIENT_EXPECT(c, IO);
		EXPECT_EQ(KVM_EXIT_IO_IN, c->run->io.direction);
		EXPECT_EQ(2, c->run->io.size);
		ASSERT_GE(3 - nr, c->run->io.count);
		memcpy(client_io_data(c), words + nr, c->run->io.count * 2);
		nr += c->run->io.count;
	}
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(0, memcmp(c->mem + TEST_DATA, words, sizeof(words)));
}

/* --- device memory -------------------------------------------------------- */

GUEST32(mmio, "movl $0x12345678, 0x10000010\n movzbl 0x10000020, %ebx\n hlt");
/* not decoded by the kernel: a read and a write; a read; a write of two pages */
GUEST32(insns,
	"mov $1, %eax\n addl %eax, 0x10000030\n"
	"cmpb $7, 0x10000040\n sete %bl\n"
	"mov $0x11223344, %eax\n mov %eax, 0x10000ffe\n hlt");
GUEST32(string, "mov $0x8000, %esi\n mov $0x10000100, %edi\n mov $2, %ecx\n rep movsl\n hlt");
GUEST32(unknown, "paddd 0x10000000, %xmm0\n hlt");

TEST_F(run, mmio)
{
	struct client *c = &self->c;

	client_load(c, mmio);
	client_start(c, 32);
	CLIENT_EXPECT(c, MMIO);
	EXPECT_EQ(DEVICE + 0x10, c->run->mmio.phys_addr);
	EXPECT_EQ(1, c->run->mmio.is_write);
	EXPECT_EQ(4U, c->run->mmio.len);
	EXPECT_EQ(0x12345678U, *(__u32 *)c->run->mmio.data);
	CLIENT_EXPECT(c, MMIO);
	EXPECT_EQ(DEVICE + 0x20, c->run->mmio.phys_addr);
	EXPECT_EQ(0, c->run->mmio.is_write);
	EXPECT_EQ(1U, c->run->mmio.len);
	memset(c->run->mmio.data, 0xff, 8);
	c->run->mmio.data[0] = 0x5a;
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(0x5aULL, client_regs(c).rbx);
}

#define MMIO_READ(c, address, bytes, value)				\
do {									\
	__u64 value_ = value;						\
	CLIENT_EXPECT(c, MMIO);						\
	EXPECT_EQ(address, (c)->run->mmio.phys_addr);			\
	EXPECT_EQ(0, (c)->run->mmio.is_write);				\
	EXPECT_EQ((__u32)(bytes), (c)->run->mmio.len);			\
	memcpy((c)->run->mmio.data, &value_, 8);			\
} while (0)

#define MMIO_WRITE(c, address, bytes, value)				\
do {									\
	__u64 got_ = 0;							\
	CLIENT_EXPECT(c, MMIO);						\
	EXPECT_EQ(address, (c)->run->mmio.phys_addr);			\
	EXPECT_EQ(1, (c)->run->mmio.is_write);				\
	EXPECT_EQ((__u32)(bytes), (c)->run->mmio.len);			\
	memcpy(&got_, (c)->run->mmio.data, bytes);			\
	EXPECT_EQ((__u64)(value), got_);				\
} while (0)

TEST_F(run, mmio_instructions)
{
	struct client *c = &self->c;

	client_load(c, insns);
	client_start(c, 32);
	MMIO_READ(c, DEVICE + 0x30, 4, 41);
	MMIO_WRITE(c, DEVICE + 0x30, 4, 42);
	MMIO_READ(c, DEVICE + 0x40, 1, 7);
	MMIO_WRITE(c, DEVICE + 0xffe, 2, 0x3344);
	MMIO_WRITE(c, DEVICE + 0x1000, 2, 0x1122);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(1ULL, client_regs(c).rbx & 0xff);
}

TEST_F(run, mmio_string)
{
	struct client *c = &self->c;

	client_load(c, string);
	memcpy(c->mem + TEST_DATA, "abcdefgh", 8);
	client_start(c, 32);
	MMIO_WRITE(c, DEVICE + 0x100, 4, 0x64636261);
	MMIO_WRITE(c, DEVICE + 0x104, 4, 0x68676665);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(0ULL, client_regs(c).rcx);
}

/* Nobody can execute it: the program gets the bytes. */
TEST_F(run, unknown_instruction)
{
	struct client *c = &self->c;
	struct kvm_sregs sregs;

	client_load(c, unknown);
	client_start(c, 32);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= 0x200;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_SREGS, &sregs));
	CLIENT_EXPECT(c, INTERNAL_ERROR);
	EXPECT_EQ((__u32)KVM_INTERNAL_ERROR_EMULATION, c->run->internal.suberror);
	EXPECT_LE(3U, c->run->internal.ndata);
	EXPECT_EQ((__u64)KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
		  c->run->emulation_failure.flags);
	EXPECT_LE(7, c->run->emulation_failure.insn_size);
	EXPECT_EQ(0, memcmp(guest_unknown, c->run->emulation_failure.insn_bytes, 7));
	EXPECT_EQ(TEST_CODE, client_regs(c).rip);
}

/* --- MSRs of the program -------------------------------------------------- */

GUEST32(msrs,
	"mov $0x4b564dff, %ecx\n rdmsr\n mov %eax, %ebx\n"
	"mov $5, %eax\n mov $6, %edx\n wrmsr\n hlt");

TEST_F(run, msrs)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { KVM_MSR_EXIT_REASON_UNKNOWN },
	};
	struct client *c = &self->c;

	ASSERT_EQ(1, ioctl(c->vm, KVM_CHECK_EXTENSION, cap.cap));
	ASSERT_EQ(0, ioctl(c->vm, KVM_ENABLE_CAP, &cap));
	client_load(c, msrs);
	client_start(c, 32);
	CLIENT_EXPECT(c, X86_RDMSR);
	EXPECT_EQ(0x4b564dffU, c->run->msr.index);
	EXPECT_EQ((__u32)KVM_MSR_EXIT_REASON_UNKNOWN, c->run->msr.reason);
	c->run->msr.data = 0x1234;
	c->run->msr.error = 0;
	CLIENT_EXPECT(c, X86_WRMSR);
	EXPECT_EQ(0x1234ULL, client_regs(c).rbx);
	EXPECT_EQ(0x600000005ULL, c->run->msr.data);
	c->run->msr.error = 0;
	CLIENT_EXPECT(c, HLT);
	/* The program may refuse: #GP, which nobody handles here. */
	client_start(c, 32);
	CLIENT_EXPECT(c, X86_RDMSR);
	c->run->msr.error = 1;
	CLIENT_EXPECT(c, SHUTDOWN);
	cap.args[0] = 1ULL << 40;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_ENABLE_CAP, &cap));
}

GUEST32(filtered, "mov $0x200, %ecx\n rdmsr\n mov $0x201, %ecx\n rdmsr\n hlt");

TEST_F(run, msr_filter)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { KVM_MSR_EXIT_REASON_FILTER },
	};
	__u8 bits = 2;	/* 0x200 is denied, 0x201 is not */
	struct kvm_msr_filter filter = {
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ, .base = 0x200, .nmsrs = 2, .bitmap = &bits,
		},
	};
	struct client *c = &self->c;

	ASSERT_EQ(1, ioctl(c->vm, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER));
	ASSERT_EQ(0, ioctl(c->vm, KVM_ENABLE_CAP, &cap));
	ASSERT_EQ(0, ioctl(c->vm, KVM_X86_SET_MSR_FILTER, &filter));
	bits = 0;	/* the filter is a copy */
	client_load(c, filtered);
	client_start(c, 32);
	CLIENT_EXPECT(c, X86_RDMSR);
	EXPECT_EQ(0x200U, c->run->msr.index);
	EXPECT_EQ((__u32)KVM_MSR_EXIT_REASON_FILTER, c->run->msr.reason);
	c->run->msr.error = 0;
	CLIENT_EXPECT(c, HLT);
	filter.flags = 1U << 20;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_X86_SET_MSR_FILTER, &filter));
	filter.flags = 0;
	filter.ranges[0].flags = 1U << 20;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_X86_SET_MSR_FILTER, &filter));
	filter.ranges[0].flags = KVM_MSR_FILTER_READ;
	filter.ranges[0].nmsrs = 0x600 * 8 + 1;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_X86_SET_MSR_FILTER, &filter));
	/* The kernel's own MSRs cannot be denied on svmvcpu. */
	filter.ranges[0].nmsrs = 0;
	filter.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	if (!on_kvm())
		EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_X86_SET_MSR_FILTER, &filter));
}

/* --- registers in struct kvm_run ------------------------------------------ */

GUEST32(sync_guest, "inc %ebx\n out %al, $1\n hlt");

TEST_F(run, sync_regs)
{
	struct client *c = &self->c;
	struct kvm_sync_regs *regs = &c->run->s.regs;

	ASSERT_EQ(KVM_SYNC_X86_VALID_FIELDS,
		  ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS));
	client_load(c, sync_guest);
	client_start(c, 32);
	c->run->kvm_valid_regs = 1U << 20;
	EXPECT_EQ(EINVAL, client_run(c));
	c->run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	c->run->kvm_dirty_regs = 1U << 20;
	EXPECT_EQ(EINVAL, client_run(c));
	c->run->kvm_dirty_regs = 0;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(1ULL, regs->regs.rbx);
	EXPECT_EQ(C_CR0_PE | C_CR0_ET, regs->sregs.cr0);
	EXPECT_EQ(0, regs->events.exception.injected);
	regs->regs.rip = TEST_CODE;
	regs->regs.rbx = 41;
	regs->sregs.cr2 = 0x123000;
	c->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(0ULL, c->run->kvm_dirty_regs);
	EXPECT_EQ(42ULL, regs->regs.rbx);
	EXPECT_EQ(0x123000ULL, regs->sregs.cr2);
}

/* --- stops ---------------------------------------------------------------- */

GUEST32(triple, "lidt 0x8000\n ud2");
GUEST16(spin, "1: jmp 1b");

TEST_F(run, shutdown)
{
	struct client *c = &self->c;

	client_load(c, triple);
	client_start(c, 32);
	CLIENT_EXPECT(c, SHUTDOWN);
	/* It can be set up again. (KVM goes on with what is left of the guest.) */
	if (on_kvm())
		return;
	client_load(c, out);
	client_start(c, 16);
	CLIENT_EXPECT(c, IO);
}

TEST_F(run, immediate_exit)
{
	struct client *c = &self->c;

	client_load(c, in);
	client_start(c, 32);
	c->run->immediate_exit = 1;
	EXPECT_EQ(EINTR, client_run(c));
	EXPECT_EQ(EINTR, client_run(c));
	EXPECT_EQ(TEST_CODE, client_regs(c).rip);
	c->run->immediate_exit = 0;
	CLIENT_EXPECT(c, IO);
	/* The answer is used. */
	*(__u8 *)client_io_data(c) = 0x5a;
	c->run->immediate_exit = 1;
	EXPECT_EQ(EINTR, client_run(c));
	EXPECT_EQ(0xffffff5aULL, client_regs(c).rax);
	c->run->immediate_exit = 0;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(0x64, c->run->io.port);
}

static struct kvm_run *signaled_run;

static void on_signal(int sig)
{
	(void)sig;
	signaled_run->immediate_exit = 1;
}

static void *signal_main(void *arg)
{
	pthread_t *thread = arg;

	while (!signaled_run->immediate_exit) {
		pthread_kill(*thread, SIGUSR1);
		usleep(1000);
	}
	return NULL;
}

TEST_F(run, signal)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct client *c = &self->c;
	pthread_t me = pthread_self(), other;

	client_load(c, spin);
	client_start(c, 16);
	signaled_run = c->run;
	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(0, pthread_create(&other, NULL, signal_main, &me));
	EXPECT_EQ(EINTR, client_run(c));
	pthread_join(other, NULL);
	EXPECT_EQ(1, c->run->immediate_exit);
	EXPECT_EQ(TEST_CODE, client_regs(c).rip);
}

/* Each signal ends one KVM_RUN, whenever it arrives. */
#define STORM	300

static atomic_int storm_round;

static void *storm_main(void *arg)
{
	pthread_t *thread = arg;
	int round;

	for (round = 1; round <= STORM; round++) {
		while (storm_round < round)
			sched_yield();
		pthread_kill(*thread, SIGUSR1);
	}
	return NULL;
}

TEST_F(run, signal_storm)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct client *c = &self->c;
	pthread_t me = pthread_self(), other;
	int ended = 0;

	client_load(c, spin);
	client_start(c, 16);
	signaled_run = c->run;
	storm_round = 0;
	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(0, pthread_create(&other, NULL, storm_main, &me));
	while (storm_round < STORM) {
		c->run->immediate_exit = 0;
		storm_round++;
		ended += client_run(c) == EINTR && c->run->immediate_exit;
	}
	pthread_join(other, NULL);
	EXPECT_EQ(STORM, ended);
}

#define TRAP_FLAG	0x100
#define SYSCALL_INSN	0x050f
#define LAST_INSNS	100

/* The program single-steps itself to the system call of KVM_RUN. */
static struct {
	unsigned int traps;	/* since the start */
	unsigned int stop_at;	/* the trap that sets immediate_exit */
	bool called;		/* the system call is next, and that trap has not come */
} step;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (++step.traps == step.stop_at)
		signaled_run->immediate_exit = 1;
	else if (*(__u16 *)regs[REG_RIP] == SYSCALL_INSN)
		step.called = true;
	else
		return;
	regs[REG_EFL] &= ~TRAP_FLAG;
}

static int run_stepped(struct client *c, unsigned int stop_at)
{
	step.traps = 0;
	step.stop_at = stop_at;
	step.called = false;
	c->run->immediate_exit = 0;
	asm volatile("pushfq\n orl $0x100, (%%rsp)\n popfq" : : : "memory", "cc");
	return client_run(c);
}

GUEST16(outs_forever, "1: out %al, $1\n jmp 1b");

/* A signal at any of the last instructions before the system call ends KVM_RUN. */
TEST_F(run, signal_before_call)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct client *c = &self->c;
	unsigned int all, at;

	client_load(c, outs_forever);
	client_start(c, 16);
	signaled_run = c->run;
	sigaction(SIGTRAP, &action, NULL);
	EXPECT_EQ(0, run_stepped(c, ~0U));
	EXPECT_EQ(0, run_stepped(c, ~0U));
	ASSERT_TRUE(step.called);
	all = step.traps;
	for (at = all > LAST_INSNS ? all - LAST_INSNS : 1; at <= all; at++) {
		EXPECT_EQ(EINTR, run_stepped(c, at))
			TH_LOG("%u instructions before the call", all - at);
		EXPECT_EQ(false, step.called);
	}
}

struct full_mask {
	__u32 len;
	__u8 set[8];
};

static int set_mask(struct client *c, __u32 len, __u64 signals)
{
	struct full_mask mask = { .len = len };

	memcpy(mask.set, &signals, sizeof(mask.set));
	return ioctl_errno(c->vcpu, KVM_SET_SIGNAL_MASK, &mask);
}

/* A signal that the thread blocks ends KVM_RUN if the mask does not block it, and waits. */
TEST_F(run, signal_mask)
{
	const __u64 usr1 = 1ULL << (SIGUSR1 - 1);
	const struct timespec now = { };
	struct client *c = &self->c;
	sigset_t set;

	client_load(c, outs_forever);
	client_start(c, 16);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &set, NULL));
	raise(SIGUSR1);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(EINVAL, set_mask(c, 4, 0));
	CLIENT_EXPECT(c, IO);
	ASSERT_EQ(0, set_mask(c, 8, 0));
	EXPECT_EQ(EINTR, client_run(c));
	EXPECT_EQ(EINTR, client_run(c));
	EXPECT_EQ((unsigned int)KVM_EXIT_INTR, c->run->exit_reason);
	ASSERT_EQ(0, set_mask(c, 8, usr1));
	CLIENT_EXPECT(c, IO);
	ASSERT_EQ(0, set_mask(c, 8, 0));
	EXPECT_EQ(EINTR, client_run(c));
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_SET_SIGNAL_MASK, NULL));
	CLIENT_EXPECT(c, IO);
	ASSERT_EQ(0, set_mask(c, 8, 0));
	EXPECT_EQ(SIGUSR1, sigtimedwait(&set, NULL, &now));
	CLIENT_EXPECT(c, IO);
}

/* --- interrupts of the program -------------------------------------------- */

/* A handler of real mode, at a place of its own */
static void set_handler(struct client *c, unsigned int vector, const char *code, size_t len)
{
	__u16 at = 0x5000 + vector * 16;

	memcpy(c->mem + at, code, len);
	((__u16 *)c->mem)[vector * 2] = at;
	((__u16 *)c->mem)[vector * 2 + 1] = 0;
}

GUEST16(window, "out %al, $1\n sti\n nop\n nop\n out %al, $2\n cli\n hlt");

/* out %al, $0x20; iret */
static const char handler[] = "\xe6\x20\xcf";

TEST_F(run, interrupt)
{
	struct kvm_interrupt irq = { .irq = 0x20 };
	struct client *c = &self->c;

	client_load(c, window);
	set_handler(c, 0x20, handler, sizeof(handler));
	client_start(c, 16);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(1, c->run->io.port);
	EXPECT_EQ(0, c->run->ready_for_interrupt_injection);
	c->run->request_interrupt_window = 1;
	CLIENT_EXPECT(c, IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, c->run->ready_for_interrupt_injection);
	EXPECT_EQ(1, c->run->if_flag);
	c->run->request_interrupt_window = 0;
	irq.irq = 256;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vcpu, KVM_INTERRUPT, &irq));
	irq.irq = 0x20;
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_INTERRUPT, &irq));
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(0x20, c->run->io.port);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(2, c->run->io.port);
	CLIENT_EXPECT(c, HLT);
}

GUEST64(priority,
	"mov $5, %eax\n mov %rax, %cr8\n out %al, $1\n"
	"mov $2, %eax\n mov %rax, %cr8\n mov %cr8, %rbx\n out %al, $2\n hlt");

/* The program has the local APIC: it sets CR8, and is told when the guest lowers it. */
TEST_F(run, task_priority)
{
	struct client *c = &self->c;

	client_load(c, priority);
	client_start(c, 64);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(1, c->run->io.port);
	EXPECT_EQ(5ULL, c->run->cr8);
	c->run->cr8 = 16;
	EXPECT_EQ(EINVAL, client_run(c));
	c->run->cr8 = 3;
	CLIENT_EXPECT(c, SET_TPR);
	EXPECT_EQ(2ULL, c->run->cr8);
	c->run->cr8 = 7;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(2, c->run->io.port);
	EXPECT_EQ(7ULL, c->run->cr8);
	EXPECT_EQ(7ULL, client_regs(c).rbx);
	/* The same value, and a higher one, do not exit. */
	client_start(c, 64);
	c->run->cr8 = 4;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(1, c->run->io.port);
	c->run->cr8 = 2;
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(2, c->run->io.port);
	EXPECT_EQ(2ULL, c->run->cr8);
}

TEST_F(run, nmi)
{
	struct client *c = &self->c;

	client_load(c, window);
	set_handler(c, 2, handler, sizeof(handler));
	client_start(c, 16);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(1, c->run->io.port);
	ASSERT_EQ(0, ioctl(c->vcpu, KVM_NMI, 0));
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(0x20, c->run->io.port);
	CLIENT_EXPECT(c, IO);
	EXPECT_EQ(2, c->run->io.port);
}

TEST_HARNESS_MAIN
