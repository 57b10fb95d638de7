// SPDX-License-Identifier: GPL-2.0-only
/*
 * Register contents that a guest leaves in the CPU are seen by nobody else: not by
 * another vCPU, the VMM or the host, on any CPU, nor by the next guest after SETUP.
 */
#include <asm/prctl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "msr_list.h"

#define AREA_IN		TEST_DATA		/* FXSAVE images */
#define AREA_OUT	(TEST_DATA + 0x400)
#define FX_BYTES	416			/* legacy registers, XMM0 to XMM15 */
#define FX_MXCSR	24
#define FX_ST		32
#define FX_XMM		160

FIXTURE(isolation_state) {
	struct test_vm a;		/* one VM each, so one vCPU each */
	struct test_vm b;
};

FIXTURE_SETUP(isolation_state)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	vm_open(&self->a);
	vm_open(&self->b);
}

FIXTURE_TEARDOWN(isolation_state)
{
	vm_close(&self->a);
	vm_close(&self->b);
}

/* MSRs VMLOAD switches */
static const uint32_t own_msrs[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000100, 0xc0000101, 0xc0000102,
};

#define NR_OWN	ARRAY_SIZE(own_msrs)

static void own_access(struct test_vm *vm, bool write, uint64_t *values)
{
	load_guest(vm, msr_list);
	memcpy(vm->mem + TEST_DATA, own_msrs, sizeof(own_msrs));
	memcpy(vm->mem + AREA_OUT, values, NR_OWN * 8);
	IDT_REGS(vm, regs->rip = TEST_CODE; regs->rbx = TEST_DATA; regs->rbp = NR_OWN;
		 regs->rsi = AREA_OUT; regs->rdi = write);
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HALT)
		vm_die("RUN");
	memcpy(values, vm->mem + AREA_OUT, NR_OWN * 8);
}

static void host_own(uint64_t *values)
{
	unsigned int i;

	for (i = 0; i < NR_OWN; i++)
		if (host_rdmsr(0, own_msrs[i], &values[i]))
			vm_die("host MSR");
}

TEST_F(isolation_state, syscall_msrs)
{
	uint64_t values[NR_OWN], seen[NR_OWN], before[NR_OWN], after[NR_OWN], zero[NR_OWN] = { 0 };
	unsigned int i;

	for (i = 0; i < NR_OWN; i++)
		values[i] = 0x700000000000ULL + i * 0x1001;
	values[0] = 0x1230;		/* SYSENTER_CS: 32 bits at most */
	values[6] = 0x12345;		/* so is SFMASK */
	vm_setup(&self->a, SVMVCPU_PRESET_LONG64);
	vm_setup(&self->b, SVMVCPU_PRESET_LONG64);
	host_own(before);
	own_access(&self->a, true, values);
	host_own(after);
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));

	memset(seen, 0xff, sizeof(seen));
	own_access(&self->b, false, seen);
	EXPECT_EQ(0, memcmp(zero, seen, sizeof(zero)));
	ASSERT_EQ(0, pin_to_cpu(1));
	own_access(&self->a, false, seen);
	EXPECT_EQ(0, memcmp(values, seen, sizeof(values)));
	ASSERT_EQ(0, pin_to_cpu(0));
	own_access(&self->a, false, seen);
	EXPECT_EQ(0, memcmp(values, seen, sizeof(values)));

	vm_setup(&self->a, SVMVCPU_PRESET_LONG64);
	own_access(&self->a, false, seen);
	EXPECT_EQ(0, memcmp(zero, seen, sizeof(zero)));
}

/* Loads all registers from RSI, and at the next RUN stores them at RDI. */
GUEST64(fpu,
	"rex.w fxrstor (%rsi)\n"
	"vmmcall\n"
	"rex.w fxsave (%rdi)\n"
	"vmmcall\n");

GUEST64(show,
	"rex.w fxsave (%rdi)\n"
	"hlt");

static void fx_pattern(unsigned char *area, unsigned char seed)
{
	unsigned int i;

	memset(area, 0, 512);
	for (i = FX_XMM; i < FX_BYTES; i++)
		area[i] = seed + i * 3;
	for (i = FX_ST; i < FX_XMM; i++)
		if (i % 16 < 10)
			area[i] = seed ^ i;
	area[0] = 0x7f;			/* control word: all masked, 53 bits precision */
	area[1] = 0x02;
	area[4] = 0xff;			/* all registers in use */
	area[FX_MXCSR] = 0x80;
	area[FX_MXCSR + 1] = 0x3f;	/* round down */
}

static bool fx_same(const unsigned char *x, const unsigned char *y)
{
	unsigned int i;

	for (i = FX_ST; i < FX_XMM; i++)
		if (i % 16 < 10 && x[i] != y[i])
			return false;
	return !memcmp(x, y, 2) && x[4] == y[4] && !memcmp(x + FX_MXCSR, y + FX_MXCSR, 4) &&
	       !memcmp(x + FX_XMM, y + FX_XMM, FX_BYTES - FX_XMM);
}

/* Registers after RESET; there are no others */
static bool fx_is_reset(const unsigned char *area)
{
	static const unsigned char reset[512] __attribute__((aligned(16))) = {
		[0] = 0x40, [FX_MXCSR] = 0x80, [FX_MXCSR + 1] = 0x1f,
	};

	return fx_same(area, reset);
}

static void fpu_start(struct test_vm *vm, unsigned char seed)
{
	load_guest(vm, fpu);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	fx_pattern(vm->mem + AREA_IN, seed);
	IDT_REGS(vm, regs->rsi = AREA_IN; regs->rdi = AREA_OUT);
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HYPERCALL)
		vm_die("RUN");
}

static bool fpu_kept(struct test_vm *vm)
{
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HYPERCALL)
		vm_die("RUN");
	return fx_same(vm->mem + AREA_IN, vm->mem + AREA_OUT);
}

static bool fresh_guest_sees_reset(struct test_vm *vm)
{
	load_guest(vm, show);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	IDT_REGS(vm, regs->rdi = AREA_OUT);
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HALT)
		vm_die("RUN");
	return fx_is_reset(vm->mem + AREA_OUT);
}

TEST_F(isolation_state, fpu_of_two_guests)
{
	int home, away;

	for (home = 0; home < 2; home++)
		for (away = 0; away < 2; away++) {
			ASSERT_EQ(0, pin_to_cpu(home));
			fpu_start(&self->a, 0x11);
			EXPECT_TRUE(fresh_guest_sees_reset(&self->b));
			fpu_start(&self->b, 0xa5);
			ASSERT_EQ(0, pin_to_cpu(away));
			EXPECT_TRUE(fpu_kept(&self->a));
			EXPECT_TRUE(fpu_kept(&self->b));
			/* SETUP resets them. */
			EXPECT_TRUE(fresh_guest_sees_reset(&self->a));
		}
}

/* RUN between two points at which all registers of the VMM are known */
static long run_with_fpu(int fd, const unsigned char *in, unsigned char *out)
{
	static unsigned char keep[512] __attribute__((aligned(16)));
	long ret;

	asm volatile("rex.w fxsave %[keep]\n\t"
		     "rex.w fxrstor %[in]\n\t"
		     "syscall\n\t"
		     "rex.w fxsave %[out]\n\t"
		     "rex.w fxrstor %[keep]"
		     : "=a" (ret), [out] "=m" (*(unsigned char (*)[512])out),
		       [keep] "+m" (keep)
		     : "a" (SYS_ioctl), "D" (fd), "S" (SVMVCPU_RUN), "d" (0),
		       [in] "m" (*(const unsigned char (*)[512])in)
		     : "rcx", "r11", "memory");
	return ret;
}

/* RUN does not change the VMM's registers, and the guest does not have them. */
TEST_F(isolation_state, fpu_of_the_vmm)
{
	static unsigned char in[512] __attribute__((aligned(16)));
	static unsigned char out[512] __attribute__((aligned(16)));
	int cpu;

	for (cpu = 0; cpu < 2; cpu++) {
		ASSERT_EQ(0, pin_to_cpu(cpu));
		fpu_start(&self->a, 0x3c);
		fx_pattern(in, 0xe1);
		ASSERT_EQ(0, run_with_fpu(self->a.vcpu.fd, in, out));
		EXPECT_TRUE(fx_same(in, out));
		EXPECT_TRUE(fx_same(self->a.mem + AREA_IN, self->a.mem + AREA_OUT));

		load_guest(&self->b, show);
		vm_setup(&self->b, SVMVCPU_PRESET_LONG64);
		IDT_REGS(&self->b, regs->rdi = AREA_OUT);
		ASSERT_EQ(0, run_with_fpu(self->b.vcpu.fd, in, out));
		EXPECT_TRUE(fx_same(in, out));
		EXPECT_TRUE(fx_is_reset(self->b.mem + AREA_OUT));
	}
}

/* Upper halves of YMM registers, which a guest never sees */
TEST_F(isolation_state, avx_of_the_vmm)
{
	uint64_t in[4] = { 1, 2, 3, 4 }, out[4] = { 0 };
	long ret;

	if (!__builtin_cpu_supports("avx"))
		SKIP(return, "the host has no AVX");
	fpu_start(&self->a, 0x77);
	asm volatile("vmovdqu %[in], %%ymm9\n\t"
		     "syscall\n\t"
		     "vmovdqu %%ymm9, %[out]\n\t"
		     "vzeroupper"
		     : "=a" (ret), [out] "=m" (out)
		     : "a" (SYS_ioctl), "D" (self->a.vcpu.fd), "S" (SVMVCPU_RUN), "d" (0),
		       [in] "m" (in)
		     : "rcx", "r11", "xmm9", "memory");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
}

/* The VMM's FS and GS: thread-local storage, and values that it set itself */
TEST_F(isolation_state, segments_of_the_vmm)
{
	uint64_t values[NR_OWN], fs = 0, fs_after = 0, gs = 0;
	static uint64_t anchor = 0x1122334455667788ULL;
	uint64_t through_gs;
	unsigned int i;

	for (i = 0; i < NR_OWN; i++)
		values[i] = 0x1000 * i;
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_SET_GS, &anchor));
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	vm_setup(&self->a, SVMVCPU_PRESET_LONG64);
	own_access(&self->a, true, values);
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_after));
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
	EXPECT_EQ(fs, fs_after);
	EXPECT_EQ((uint64_t)(uintptr_t)&anchor, gs);
	asm volatile("mov %%gs:0, %0" : "=r" (through_gs));
	EXPECT_EQ(anchor, through_gs);
}

/* Other registers that SETUP resets: PAT, debug registers, CR2, the clock */
GUEST64(mess,
	"mov $0x277, %ecx\n"
	"xor %eax, %eax\n"
	"xor %edx, %edx\n"
	"wrmsr\n"
	"mov $0x10, %ecx\n"
	"mov $0x7fffffff, %edx\n"
	"wrmsr\n"
	"mov $0x1234, %eax\n"
	"mov %rax, %dr0\n"
	"mov %rax, %dr3\n"
	"mov %rax, %cr2\n"
	"mov $5, %eax\n"
	"mov %rax, %cr8\n"
	"mov $0xf, %eax\n"
	"mov %rax, %dr6\n"
	"hlt");

GUEST64(look,
	"mov $0x277, %ecx\n"
	"rdmsr\n"
	"mov %edx, %esi\n"
	"mov %eax, %edi\n"
	"rdtsc\n"
	"hlt");

TEST_F(isolation_state, setup_resets_the_rest)
{
	struct test_vm *vm = &self->a;
	struct svmvcpu_state state;
	unsigned int i;

	load_guest(vm, mess);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, HALT);
	idt_get(vm, &state);
	EXPECT_EQ(0x1234ULL, state.debug.db[0]);
	EXPECT_EQ(0x1234ULL, state.control.cr2);
	EXPECT_EQ(5ULL, state.control.cr8);
	EXPECT_EQ(0xffff0fffULL, state.debug.dr6);

	load_guest(vm, look);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	idt_get(vm, &state);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0ULL, state.debug.db[i]);
	EXPECT_EQ(0xffff0ff0ULL, state.debug.dr6);
	EXPECT_EQ(0x400ULL, state.debug.dr7);
	EXPECT_EQ(0ULL, state.control.cr2);
	EXPECT_EQ(0ULL, state.control.cr8);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i == 4 ? TEST_STACK : 0, ((uint64_t *)&state.gprs)[i]);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x00070406ULL, vm->run->gprs.rsi);
	EXPECT_EQ(0x00070406ULL, vm->run->gprs.rdi);
	EXPECT_GT(0x10ULL, vm->run->gprs.rdx);
}

/* A hardware breakpoint that counts writes to an address, or -1 */
static int watch(void *address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)address,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t count(int fd)
{
	uint64_t value = ~0ULL;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		vm_die("perf counter");
	return value;
}

/* Sets DR0 to DR3 and enables them, writes to the address that the host watches, and continues. */
GUEST64(watcher,
	"mov $0x201000, %eax\n"
	"mov %rax, %dr0\n"
	"mov %rax, %dr1\n"
	"mov %rax, %dr2\n"
	"mov %rax, %dr3\n"
	"mov $0x455, %eax\n"		/* instruction breakpoints, local enables */
	"mov %rax, %dr7\n"
	"movq $1, 0x200000\n"
	"vmmcall\n"
	"movq $2, 0x200000\n"
	"hlt");

/*
 * The host watches a variable whose address the guest uses too: the guest does not hit
 * the breakpoint, and the host still sees its own writes afterwards.
 */
TEST_F(isolation_state, host_breakpoints)
{
	volatile uint64_t *watched = mmap((void *)TEST_FREE, 4096, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	struct test_vm *vm = &self->a;
	int fd;

	ASSERT_EQ(TEST_FREE, (uintptr_t)watched);
	fd = watch((void *)watched);
	ASSERT_LE(0, fd);
	*watched = 1;
	EXPECT_EQ(1ULL, count(fd));
	load_guest(vm, watcher);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(1ULL, count(fd));
	*watched = 2;
	EXPECT_EQ(2ULL, count(fd));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(2ULL, count(fd));
	*watched = 3;
	EXPECT_EQ(3ULL, count(fd));
	EXPECT_EQ(2ULL, *(uint64_t *)(vm->mem + TEST_FREE));
	close(fd);
}

GUEST64(two_exits,
	"out %al, $0x80\n"
	"hlt");

/* The VMM; from a stop on, its parent steps it by branches */
static void run_stepped(void)
{
	struct test_vm vm;

	vm_open(&vm);
	load_guest(&vm, two_exits);
	vm_setup(&vm, SVMVCPU_PRESET_LONG64);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	if (ioctl(vm.vcpu.fd, SVMVCPU_RUN, 0) || vm.run->reason != SVMVCPU_EXIT_IO)
		_exit(2);
	if (ioctl(vm.vcpu.fd, SVMVCPU_RUN, 0) || vm.run->reason != SVMVCPU_EXIT_HALT)
		_exit(3);
	_exit(0);
}

/*
 * A debugger steps the VMM by branches, so the host has DEBUGCTL set, which the guest
 * must not get. (The test machine's CPU has no DEBUGCTL: the steps are single ones.)
 */
TEST_F_TIMEOUT(isolation_state, vmm_stepped_by_branches, 120)
{
	unsigned int steps = 0;
	int status;
	pid_t pid;

	if (host_is_bochs())
		SKIP(return, "Bochs takes the trap for TF in the kernel, behind SYSCALL");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		run_stepped();
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLEBLOCK, pid, NULL, NULL));
		steps++;
	}
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* at least the stop and two system calls */
	EXPECT_LT(3U, steps);
}

TEST_HARNESS_MAIN
