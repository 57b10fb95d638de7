// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87, SSE and AVX registers and XCR0: a guest keeps them across exits and CPUs, nobody
 * else sees them, the VMM keeps its own; the rules of XSETBV; and the XSTATE component,
 * bit by bit, with all it refuses.
 *
 * An emulator without the XSETBV intercept checks XCR0 itself, for its own CPU: there
 * the tests expect #GP only for values that both refuse.
 */
#include <sys/syscall.h>

#include "guest_idt.h"

#define XSTATE		SVMVCPU_STATE_XSTATE
#define CR4_OSXSAVE	(1ULL << 18)
#define XCR0_AVX	7ULL

#define AREA_IN		TEST_DATA
#define AREA_OUT	(TEST_DATA + 0x400)
#define YMM_BYTES	(16 * 32)

/* XSAVE image */
#define X_MXCSR		24
#define X_MXCSR_MASK	28
#define X_BV		512
#define X_HEADER_END	576

FIXTURE(xstate) {
	struct test_vm a;
	struct test_vm b;
	struct svmvcpu_state state;
};

FIXTURE_SETUP(xstate)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	vm_open(&self->a);
	vm_open(&self->b);
}

FIXTURE_TEARDOWN(xstate)
{
	vm_close(&self->a);
	vm_close(&self->b);
}

#define ENABLE_XSAVE							\
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"

#define EACH_YMM(x)							\
	x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define LOAD_YMM(n)	"vmovdqu 32*" #n "(%rsi), %ymm" #n "\n"
#define STORE_YMM(n)	"vmovdqu %ymm" #n ", 32*" #n "(%rdi)\n"

/* Loads all registers, and stores them at each later RUN. */
GUEST64(avx,
	ENABLE_XSAVE
	"xor %ecx, %ecx\n mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
	EACH_YMM(LOAD_YMM)
	"1: vmmcall\n"
	EACH_YMM(STORE_YMM)
	"jmp 1b");

/* Only stores them. */
GUEST64(show,
	ENABLE_XSAVE
	"xor %ecx, %ecx\n mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
	EACH_YMM(STORE_YMM)
	"vmmcall\n");

static void pattern(unsigned char *area, unsigned char seed)
{
	for (unsigned int i = 0; i < YMM_BYTES; i++)
		area[i] = seed + i * 7;
}

static void step(struct test_vm *vm)
{
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HYPERCALL)
		vm_die("RUN");
}

static void avx_start(struct test_vm *vm, unsigned char seed)
{
	load_guest(vm, avx);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	pattern(vm->mem + AREA_IN, seed);
	IDT_REGS(vm, regs->rsi = AREA_IN; regs->rdi = AREA_OUT);
	step(vm);
}

static bool avx_kept(struct test_vm *vm)
{
	memset(vm->mem + AREA_OUT, 0x99, YMM_BYTES);
	step(vm);
	return !memcmp(vm->mem + AREA_IN, vm->mem + AREA_OUT, YMM_BYTES);
}

static bool fresh_sees_zeros(struct test_vm *vm)
{
	load_guest(vm, show);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	memset(vm->mem + AREA_OUT, 0x99, YMM_BYTES);
	IDT_REGS(vm, regs->rdi = AREA_OUT);
	step(vm);
	for (unsigned int i = 0; i < YMM_BYTES; i++)
		if (vm->mem[AREA_OUT + i])
			return false;
	return true;
}

TEST_F(xstate, two_guests)
{
	if (self->a.info.xcr0_guest != XCR0_AVX)
		SKIP(return, "no AVX for guests here");
	avx_start(&self->a, 0x11);
	avx_start(&self->b, 0xc3);
	for (int round = 0; round < 8; round++) {
		ASSERT_EQ(0, pin_to_cpu(round & 1));
		EXPECT_TRUE(avx_kept(&self->a));
		if (round & 2)
			ASSERT_EQ(0, pin_to_cpu(~round & 1));
		EXPECT_TRUE(avx_kept(&self->b));
	}
	EXPECT_TRUE(fresh_sees_zeros(&self->b));
	EXPECT_TRUE(avx_kept(&self->a));
	EXPECT_TRUE(fresh_sees_zeros(&self->a));
}

/* RUN with values of the VMM in YMM5, YMM15 and MXCSR; 0 or -errno */
static long run_with_avx(int fd, const uint64_t *in, uint64_t *out, uint32_t *mxcsr)
{
	uint32_t old;
	long ret;

	asm volatile("stmxcsr %[old]\n\t"
		     "ldmxcsr %[mxcsr]\n\t"
		     "vmovdqu %[in0], %%ymm5\n\t"
		     "vmovdqu %[in1], %%ymm15\n\t"
		     "syscall\n\t"
		     "vmovdqu %%ymm5, %[out0]\n\t"
		     "vmovdqu %%ymm15, %[out1]\n\t"
		     "stmxcsr %[mxcsr]\n\t"
		     "ldmxcsr %[old]\n\t"
		     "vzeroupper"
		     : "=a" (ret), [out0] "=m" (*(uint64_t (*)[4])out),
		       [out1] "=m" (*(uint64_t (*)[4])(out + 4)), [mxcsr] "+m" (*mxcsr),
		       [old] "=m" (old)
		     : "a" (SYS_ioctl), "D" (fd), "S" (SVMVCPU_RUN), "d" (0),
		       [in0] "m" (*(const uint64_t (*)[4])in),
		       [in1] "m" (*(const uint64_t (*)[4])(in + 4))
		     : "rcx", "r11", "xmm5", "xmm15", "memory");
	return ret;
}

TEST_F(xstate, registers_of_the_vmm)
{
	const uint64_t in[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint64_t out[8];
	uint32_t mxcsr;

	if (self->a.info.xcr0_guest != XCR0_AVX)
		SKIP(return, "no AVX for guests here");
	for (int cpu = 0; cpu < 2; cpu++) {
		ASSERT_EQ(0, pin_to_cpu(cpu));
		avx_start(&self->a, 0x42);
		for (int round = 0; round < 3; round++) {
			memset(out, 0, sizeof(out));
			mxcsr = 0x5f80;
			ASSERT_EQ(0, run_with_avx(self->a.vcpu.fd, in, out, &mxcsr));
			EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
			EXPECT_EQ(0x5f80U, mxcsr);
		}
		EXPECT_TRUE(avx_kept(&self->a));
		/* A new guest finds none of the VMM's values. */
		EXPECT_TRUE(fresh_sees_zeros(&self->b));
	}
}

GUEST64(xsetbv, ENABLE_XSAVE "mov %rbx, %rax\n xsetbv\n xor %ecx, %ecx\n xgetbv\n vmmcall\n");

/* XSETBV of EDX:EAX to ECX; the vector it raised or NO_VECTOR */
static int try_xsetbv(struct test_vm *vm, uint32_t ecx, uint64_t value)
{
	struct idt_outcome out;

	load_guest(vm, xsetbv);
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rbx = (uint32_t)value; regs->rdx = value >> 32; regs->rcx = ecx);
	if (idt_run(vm, &out))
		vm_die("RUN");
	return out.vector;
}

static uint64_t get_xcr0(struct test_vm *vm)
{
	struct svmvcpu_state state;

	vm_get_state(vm, &state);
	return state.xcr0;
}

TEST_F(xstate, xsetbv)
{
	static const uint64_t unknown[] = {
		0, 2, 4, 6, 1 | 1ULL << 20, 1 | 1ULL << 63, 7 | 1 << 5,
	};
	static const uint64_t bad_here[] = { 5, 1 | 1 << 3, 1 | 1 << 9 };
	struct test_vm *vm = &self->a;

	if (self->a.info.xcr0_guest != XCR0_AVX)
		SKIP(return, "no AVX for guests here");
	for (uint64_t xcr0 = 1; xcr0 <= 7; xcr0 += 2) {
		if (xcr0 == 5)
			continue;
		EXPECT_EQ(NO_VECTOR, try_xsetbv(vm, 0, xcr0));
		EXPECT_EQ(xcr0, vm->run->gprs.rax);
		EXPECT_EQ(xcr0, get_xcr0(vm));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(VEC_GP, try_xsetbv(vm, 0, unknown[i]))
			TH_LOG("XCR0 %#llx", (unsigned long long)unknown[i]);
		EXPECT_EQ(1ULL, get_xcr0(vm));
	}
	EXPECT_EQ(VEC_GP, try_xsetbv(vm, 1, 1));
	EXPECT_EQ(VEC_GP, try_xsetbv(vm, ~0U, 7));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_here); i++) {
		int vector = try_xsetbv(vm, 0, bad_here[i]);

		if (!host_is_tcg())
			EXPECT_EQ(VEC_GP, vector);
		/* Even if the CPU accepted it, the guest does not keep it. */
		EXPECT_EQ(1ULL, get_xcr0(vm));
	}
}

TEST_F(xstate, without_osxsave)
{
	static const char * const code[] = { "\x0f\x01\xd1", "\x0f\x01\xd0" };
	struct idt_outcome out;

	for (int i = 0; i < 2; i++) {
		idt_put(&self->a, code[i], 3);
		idt_setup(&self->a, IDT_LONG64);
		IDT_REGS(&self->a, regs->rax = 1; regs->rcx = 0; regs->rdx = 0);
		RUN_VECTOR(&self->a, VEC_UD, &out);
		EXPECT_EQ(1ULL, get_xcr0(&self->a));
	}
}

static uint64_t host_xcr0(void)
{
	uint32_t eax, edx;

	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	return (uint64_t)edx << 32 | eax;
}

/* A guest with the smallest XCR0 does not change the host's, on both CPUs. */
TEST_F(xstate, host_keeps_xcr0)
{
	uint64_t before;

	if (self->a.info.xcr0_guest != XCR0_AVX)
		SKIP(return, "no AVX for guests here");
	before = host_xcr0();
	for (int cpu = 0; cpu < 2; cpu++) {
		ASSERT_EQ(0, pin_to_cpu(cpu));
		EXPECT_EQ(NO_VECTOR, try_xsetbv(&self->a, 0, 1));
		EXPECT_EQ(before, host_xcr0());
	}
}

/* An image with values in all fields that XRSTOR accepts */
static void fill_image(struct test_vm *vm, unsigned char seed)
{
	unsigned char *x = vm->xstate;

	for (unsigned int i = 0; i < vm->info.xstate_size; i++)
		x[i] = seed + i * 5;
	memset(x + X_BV, 0, 64);
	x[X_BV] = 3 | vm->info.xcr0_guest;
	memcpy(x + X_MXCSR, &(uint32_t){ 0x3fbf }, 4);
}

static int put(struct test_vm *vm, struct svmvcpu_state *state)
{
	state->components = XSTATE;
	return ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, state);
}

TEST_F(xstate, round_trip)
{
	struct test_vm *vm = &self->a;
	unsigned char before[sizeof(vm->xstate)];

	for (int round = 0; round < 32; round++) {
		vm_get_state(vm, &self->state);
		fill_image(vm, round * 17);
		self->state.xcr0 = vm->info.xcr0_guest | 1;
		memcpy(before, vm->xstate, sizeof(before));
		ASSERT_EQ(0, put(vm, &self->state));
		memset(vm->xstate, 0x77, sizeof(before));
		vm_get_state(vm, &self->state);
		EXPECT_EQ(0, memcmp(before, vm->xstate, vm->info.xstate_size));
		EXPECT_EQ(0x77, vm->xstate[vm->info.xstate_size]);
		EXPECT_EQ(vm->info.xcr0_guest | 1, self->state.xcr0);
	}
}

/* Out of one VM into another, whose guest continues with the registers */
TEST_F(xstate, into_another_vm)
{
	struct test_vm *a = &self->a, *b = &self->b;

	if (self->a.info.xcr0_guest != XCR0_AVX)
		SKIP(return, "no AVX for guests here");
	avx_start(a, 0x5e);
	avx_start(b, 0x01);
	vm_get_state(a, &self->state);
	EXPECT_EQ(XCR0_AVX, self->state.xcr0);
	ASSERT_EQ(0, put(b, &self->state));
	pattern(b->mem + AREA_IN, 0x5e);
	EXPECT_TRUE(avx_kept(b));
	/* XMM3 and the upper half of YMM3 at their place in the layout */
	EXPECT_EQ(0, memcmp(a->mem + AREA_IN + 96, a->xstate + 160 + 48, 16));
	EXPECT_EQ(0, memcmp(a->mem + AREA_IN + 112, a->xstate + X_HEADER_END + 48, 16));
}

/* MXCSR bits that the host's CPU has */
static uint32_t mxcsr_mask(void)
{
	static unsigned char image[512] __attribute__((aligned(16)));

	asm volatile("fxsave %0" : "+m" (image));
	return *(uint32_t *)(image + X_MXCSR_MASK) ?: 0xffbf;
}

/* One flipped byte: refused, and nothing of the image is set. */
static void refuse_byte(struct __test_metadata *_metadata, struct test_vm *vm,
			struct svmvcpu_state *state, unsigned int at, unsigned char bits)
{
	vm->xstate[at] ^= bits;
	vm->xstate[0] ^= 1;
	EXPECT_EQ(EINVAL, put(vm, state))
		TH_LOG("byte %u bits %#x", at, bits);
	vm->xstate[0] ^= 1;
	vm->xstate[at] ^= bits;
}

TEST_F(xstate, refused_images)
{
	struct test_vm *vm = &self->a;
	unsigned char before[sizeof(vm->xstate)];
	struct svmvcpu_state *state = &self->state;

	vm_get_state(vm, state);
	fill_image(vm, 0x31);
	ASSERT_EQ(0, put(vm, state));
	memcpy(before, vm->xstate, sizeof(before));
	/* XCOMP_BV and the reserved bytes behind it */
	for (unsigned int at = X_BV + 8; at < X_HEADER_END; at++)
		for (int bit = 0; bit < 8; bit++)
			refuse_byte(_metadata, vm, state, at, 1 << bit);
	/* components that guests do not have */
	for (int bit = 0; bit < 64; bit++)
		if (!((3 | vm->info.xcr0_guest) >> bit & 1))
			refuse_byte(_metadata, vm, state, X_BV + bit / 8, 1 << bit % 8);
	for (int bit = 16; bit < 32; bit++)
		if (!(mxcsr_mask() >> bit & 1))
			refuse_byte(_metadata, vm, state, X_MXCSR + bit / 8, 1 << bit % 8);
	vm_get_state(vm, state);
	EXPECT_EQ(0, memcmp(before, vm->xstate, sizeof(before)));
}

TEST_F(xstate, refused_arguments)
{
	const uint64_t xcr0[] = { 0, 2, 3ULL << 62 | 1, 5, 4, 6, 9, 1 | 1 << 9, ~0ULL };
	struct test_vm *vm = &self->a;
	struct svmvcpu_state good, bad;

	vm_get_state(vm, &good);
	for (unsigned int i = 0; i < ARRAY_SIZE(xcr0); i++) {
		bad = good;
		bad.xcr0 = xcr0[i];
		EXPECT_EQ(EINVAL, put(vm, &bad))
			TH_LOG("XCR0 %#llx", (unsigned long long)xcr0[i]);
	}
	for (int off = -64; off <= 64; off += 8) {
		bad = good;
		bad.xstate_size += off;
		EXPECT_EQ(off ? EINVAL : 0, put(vm, &bad));
		EXPECT_EQ(off ? EINVAL : 0, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_STATE, &bad));
	}
	bad = good;
	bad.mbz = 1;
	EXPECT_EQ(EINVAL, put(vm, &bad));
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_STATE, &bad));
	bad = good;
	bad.xstate = 8;
	EXPECT_EQ(EFAULT, put(vm, &bad));
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_STATE, &bad));
	EXPECT_EQ(0, put(vm, &good));
	EXPECT_EQ(good.xcr0, get_xcr0(vm));
}

TEST_HARNESS_MAIN
