// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_STATE of all components saves all of a vCPU: a guest that moves to another VM at
 * each exit, before the exit is completed, ends with the same registers and memory as
 * one that stays; pending events move along; and SETUP leaves nothing of the previous
 * state.
 */
#include "abi_args.h"
#include "guest_idt.h"

#define ALL		0xffULL
#define RESULT		TEST_FREE
#define RESULT_BYTES	0x1000UL
#define RESULT_CR2	(14 * sizeof(__u64))	/* after 12 MSRs, TSC_AUX and CR0 */

FIXTURE(save) {
	struct test_vm vm[2];
	__u64 random;
};

FIXTURE_SETUP(save)
{
	vm_open(&self->vm[0]);
	vm_open(&self->vm[1]);
	self->random = 0x243f6a8885a308d3ULL;
	ASSERT_EQ(ALL, self->vm[0].info.components);
}

FIXTURE_TEARDOWN(save)
{
	vm_close(&self->vm[0]);
	vm_close(&self->vm[1]);
}

#define WRMSR(index, low, high)						\
	"mov $" #index ", %ecx\n mov $" #low ", %eax\n mov $" #high ", %edx\n wrmsr\n"
#define RDMSR(index)							\
	"mov $" #index ", %ecx\n rdmsr\n stosl\n mov %edx, %eax\n stosl\n"
#define RDREG(reg)	"mov %" #reg ", %rax\n stosq\n"

/*
 * Changes everything that a guest can change, with an exit of each kind in between, and
 * then stores its state. RDI: address of the result; RSI: 1 with AVX.
 */
GUEST64(tour,
	WRMSR(0xc0000081, 0x12345678, 0x00230010)
	WRMSR(0xc0000082, 0x11112222, 0x00003333)
	WRMSR(0xc0000083, 0x44445555, 0x00006666)
	WRMSR(0xc0000084, 0x00047700, 0)
	"in $0x60, %al\n mov %al, %r8b\n"
	WRMSR(0xc0000100, 0x77770000, 0x00000007)
	WRMSR(0xc0000101, 0x88880000, 0x00000008)
	WRMSR(0xc0000102, 0x99990000, 0xffff9999)
	"mov $3, %eax\n vmmcall\n mov %rax, %r9\n"
	WRMSR(0x174, 0x1230, 0)
	WRMSR(0x175, 0x0badcafe, 0x00001111)
	WRMSR(0x176, 0x0fedcba9, 0x00002222)
	"mov $0x12345, %ecx\n rdmsr\n shl $32, %rdx\n or %rax, %rdx\n mov %rdx, %r10\n"
	WRMSR(0x277, 0x05060504, 0x00010406)
	WRMSR(0xc0000103, 0xfeedbeef, 0)
	"mov $0xabcd0000, %eax\n mov %rax, %cr2\n"
	"mov $9, %eax\n mov %rax, %cr8\n"
	"mov $0x00500000, %eax\n mov %rax, %dr0\n mov %rax, %dr3\n mov $0x2, %eax\n mov %rax, %dr6\n"
	"mov $0x1122334455667788, %rax\n movq %rax, %xmm7\n fldpi\n fldl2e\n"
	"movl $0x3f80, (%rdi)\n ldmxcsr (%rdi)\n"
	"out %al, $0x80\n"
	"test %esi, %esi\n jz 1f\n"
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
	"vpcmpeqd %ymm11, %ymm11, %ymm11\n vmovdqu %ymm11, 0x800(%rdi)\n"
	"1: mov $0xc, %ebx\n std\n in $0x61, %al\n cld\n mov %al, %r11b\n"
	"mov $0x12346, %ecx\n wrmsr\n"
	"hlt\n"
	/* the current values */
	RDMSR(0xc0000081) RDMSR(0xc0000082) RDMSR(0xc0000083) RDMSR(0xc0000084)
	RDMSR(0xc0000100) RDMSR(0xc0000101) RDMSR(0xc0000102)
	RDMSR(0x174) RDMSR(0x175) RDMSR(0x176) RDMSR(0x277) RDMSR(0xc0000080)
	"rdtscp\n mov %ecx, %eax\n stosq\n"
	RDREG(cr0) RDREG(cr2) RDREG(cr3) RDREG(cr4) RDREG(cr8)
	RDREG(dr0) RDREG(dr3) RDREG(dr6) RDREG(dr7)
	RDREG(r8) RDREG(r9) RDREG(r10) RDREG(r11) RDREG(rbx) RDREG(rsp)
	"pushf\n pop %rax\n stosq\n"
	"sgdt (%rdi)\n sidt 16(%rdi)\n add $32, %rdi\n"
	"add $0x3f, %rdi\n and $~0x3f, %rdi\n rex.w fxsave (%rdi)\n add $512, %rdi\n"
	"test %esi, %esi\n jz 1f\n"
	"xor %ecx, %ecx\n xgetbv\n stosl\n vmovdqu %ymm11, (%rdi)\n"
	"1: vmmcall");

static void answer(struct test_vm *vm, unsigned int step)
{
	vm->run->answer = 0x1020304050607080ULL + step * 0x11;
}

static bool finished(const struct test_vm *vm)
{
	return vm->run->reason == SVMVCPU_EXIT_HYPERCALL && vm->run->hypercall.args[1] <= 1 &&
	       vm->run->gprs.rip == TEST_CODE + (guest_tour_end - guest_tour) - 3;
}

static void tour_start(struct test_vm *vm)
{
	load_guest(vm, tour);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	memset(vm->mem + RESULT, 0, RESULT_BYTES);
	IDT_REGS(vm, regs->rdi = RESULT; regs->rsi = vm->info.xcr0_guest == 7);
}

static void run(struct test_vm *vm)
{
	if (vm_run(vm))
		vm_die("RUN");
}

/* Does an exit with this reason repeat if RUN does not complete it? */
static bool comes_again(const struct test_vm *vm)
{
	switch (vm->run->reason) {
	case SVMVCPU_EXIT_IO:
		return vm->run->io.flags & SVMVCPU_IO_IN;
	case SVMVCPU_EXIT_HYPERCALL:
	case SVMVCPU_EXIT_MSR_READ:
	case SVMVCPU_EXIT_MSR_WRITE:
		return true;
	default:
		return false;
	}
}

/*
 * Except the clock, bytes of the XSAVE image that are undefined, and CR2 in Bochs, whose
 * VMRUN does not load it: a page fault of the VMM between two exits changes it.
 */
static bool same_state(struct test_vm *a, struct test_vm *b)
{
	struct svmvcpu_state x, y;
	unsigned int i;

	vm_get_state(a, &x);
	vm_get_state(b, &y);
	y.msrs.tsc = x.msrs.tsc;
	if (host_is_bochs())
		y.control.cr2 = x.control.cr2;
	y.xstate = x.xstate;
	for (i = 0; i < a->info.xstate_size; i++)
		if ((i < 416 || i >= 512) && a->xstate[i] != b->xstate[i])
			break;
	return !memcmp(&x, &y, sizeof(x)) && i == a->info.xstate_size;
}

/* A reference that stays, and a guest that moves at each exit */
TEST_F(save, at_every_exit)
{
	unsigned char *reference = svmvcpu_alloc(RESULT_BYTES);
	struct test_vm third, *from = &self->vm[0], *to = &self->vm[1], *spare;
	unsigned int step, moves = 0;

	vm_open(&third);
	tour_start(&third);
	for (step = 0, run(&third); !finished(&third); step++) {
		answer(&third, step);
		run(&third);
	}
	memcpy(reference, third.mem + RESULT, RESULT_BYTES);

	tour_start(from);
	for (step = 0, run(from); !finished(from); step++, moves++) {
		unsigned int reason = from->run->reason;
		bool again = comes_again(from);

		ASSERT_GT(50U, step);
		vm_move(from, to);
		if (again) {
			run(to);
			ASSERT_EQ(reason, to->run->reason);
		}
		answer(to, step);
		run(to);
		spare = from;
		from = to;
		to = spare;
	}
	EXPECT_LT(5U, moves);
	if (host_is_bochs())
		memcpy(reference + RESULT_CR2, from->mem + RESULT + RESULT_CR2, sizeof(__u64));
	EXPECT_EQ(0, memcmp(reference, from->mem + RESULT, RESULT_BYTES));
	/* Checks the test itself: the guest saw the values it was given and those it set. */
	EXPECT_EQ(0x0023001012345678ULL, *(uint64_t *)reference);
	EXPECT_EQ(0xfeedbeefULL, ((uint64_t *)reference)[12]);
	EXPECT_TRUE(same_state(from, &third));
	vm_close(&third);
	svmvcpu_free(reference, RESULT_BYTES);
}

GUEST64(closed, "in $0x60, %al\n nop\n sti\n nop\n nop\n vmmcall");
GUEST64(masked, "in $0x60, %al\n vmmcall");

/* A pending interrupt that waits for STI is delivered after the move. */
TEST_F(save, interrupt_that_waits)
{
	struct test_vm *from = &self->vm[0], *to = &self->vm[1];
	struct idt_outcome out;

	load_guest(from, closed);
	idt_setup(from, IDT_LONG64);
	RUN_EXPECT(from, IO);
	from->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x61;
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&from->vcpu));
	RUN_EXPECT(from, INTERRUPTED);
	EXPECT_TRUE(from->run->events & SVMVCPU_EV_IRQ_WAITS);
	vm_move(from, to);
	ASSERT_EQ(0, idt_run(to, &out));
	EXPECT_EQ(0x61, out.vector);
	EXPECT_EQ(TEST_CODE + 5, out.rip);
	/* It is delivered once. */
	RUN_EXPECT(to, HYPERCALL);
}

/* An NMI pending in an NMI handler waits for IRET, in both VMs. */
TEST_F(save, nmi_that_waits)
{
	struct test_vm *from = &self->vm[0], *to = &self->vm[1];
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	load_guest(from, masked);
	idt_setup(from, IDT_LONG64);
	RUN_EXPECT(from, IO);
	from->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	ASSERT_EQ(0, idt_run(from, &out));
	EXPECT_EQ(2, out.vector);
	from->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&from->vcpu));
	RUN_EXPECT(from, INTERRUPTED);
	EXPECT_EQ(SVMVCPU_EV_NMI_WAITS | SVMVCPU_EV_NMI_MASKED,
		  from->run->events & (SVMVCPU_EV_NMI_WAITS | SVMVCPU_EV_NMI_MASKED));
	vm_move(from, to);
	ASSERT_EQ(0, idt_run(to, &out));
	EXPECT_EQ(2, out.vector);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
	EXPECT_EQ(0ULL, to->run->gprs.rflags & FLAG_TF);
	RUN_EXPECT(to, HYPERCALL);
	EXPECT_EQ(0, to->run->events & (SVMVCPU_EV_NMI_WAITS | SVMVCPU_EV_NMI_MASKED));
}

GUEST64(emulated, "cpuid\n vmmcall");

/*
 * The step that ends a shadow covers an instruction that the module executes: the guest
 * gets the NMI after it, and no trap.
 */
TEST_F(save, nmi_behind_a_shadow)
{
	struct test_vm *vm = &self->vm[0];
	struct svmvcpu_state state;
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	load_guest(vm, emulated);
	idt_setup(vm, IDT_LONG64);
	vm_get_state(vm, &state);
	state.events.nmis = 1;
	state.events.shadow = 1;
	idt_set(vm, &state, SVMVCPU_STATE_EVENTS);
	ASSERT_EQ(0, idt_run(vm, &out));
	EXPECT_EQ(2, out.vector);
	/* An exit for a host interrupt may end an emulated shadow early. */
	EXPECT_TRUE(out.rip == TEST_CODE + 2 || (host_is_tcg() && out.rip == TEST_CODE));
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0ULL, vm->run->gprs.rflags & FLAG_TF);
}

/* A pending exception has already changed registers: they do not change again. */
TEST_F(save, exception_under_way)
{
	struct test_vm *vm = &self->vm[0];
	struct svmvcpu_state state, seen;
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, "Bochs: VMRUN does not load CR2");
	load_guest(vm, masked);
	idt_setup(vm, IDT_LONG64);
	vm_get_state(vm, &state);
	state.control.cr2 = 0x123456789000ULL;
	state.debug.dr6 = 0xffff4ff1;
	state.debug.dr7 = 0x2400;
	for (int vector = VEC_DB; vector <= VEC_PF; vector += VEC_PF - VEC_DB) {
		state.events.exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | vector;
		state.events.exception_error = vector == VEC_PF ? 6 : 0;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, ALL, &state));
		seen.xstate = state.xstate;
		vm_get_state(vm, &seen);
		seen.msrs.tsc = state.msrs.tsc;
		EXPECT_EQ(0, memcmp(&state, &seen, sizeof(state)));
		RUN_VECTOR(vm, vector, &out);
		EXPECT_EQ(vector == VEC_PF ? 6 : ~0U, out.error);
		EXPECT_EQ(TEST_CODE, out.rip);
		EXPECT_EQ(0x123456789000ULL, vm->run->cr2);
		vm_get_state(vm, &seen);
		EXPECT_EQ(0xffff4ff1ULL, seen.debug.dr6);
		EXPECT_EQ(0U, seen.events.exception);
	}
}

/* Each member of each component, except those that would make an entry fail */
static void scramble(struct test_vm *vm, __u64 *random)
{
	struct svmvcpu_segment *seg;
	struct svmvcpu_state state;

	vm_get_state(vm, &state);
	for (int i = 0; i < 17; i++)
		(&state.gprs.rax)[i] = next_random(random);
	state.gprs.rflags = 0x10ed7;
	for (int i = 0; i < 10; i++) {
		seg = &state.segments.es + i;
		*seg = (struct svmvcpu_segment){ .base = 0x1000 * i + 0x10, .limit = i + 1 };
		if (i < 8)
			seg->selector = 0x111 * (i + 1);
		seg->attrib = seg->selector;
	}
	state.control = (struct svmvcpu_control){
		.cr0 = 0x1234, .cr2 = 2, .cr3 = 0x3000, .cr8 = 8, .efer = 0x901,
		.cr4 = vm->info.cr4_guest,
	};
	for (int i = 0; i < 6; i++)
		(&state.debug.db[0])[i] = (__u32)next_random(random);
	state.events = (struct svmvcpu_events){
		.exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_GP,
		.exception_error = 0x18, .irq = SVMVCPU_INJECT_VALID | 0x80,
		.nmis = 1, .nmi_masked = 1, .shadow = 1,
	};
	for (int i = 0; i < 11; i++)
		(&state.msrs.star)[i] = 0x7f + i * 0x1000ULL;
	state.msrs.pat = 0x0101010101010101ULL;
	state.xcr0 = vm->info.xcr0_guest | 1;
	for (unsigned int i = 0; i < vm->info.xstate_size; i++)
		if (i < 24 || (i >= 32 && i < 512) || i >= 576)
			vm->xstate[i] = next_random(random);
	vm->xstate[512] = 3 | vm->info.xcr0_guest;
	if (svmvcpu_vcpu_set_state(&vm->vcpu, ALL, &state))
		vm_die("SET_STATE");
}

/*
 * A trap after an OUT that the VMM intercepts and has not seen yet: in the other VM the
 * guest gets it, in this one the VMM still does.
 */
TEST_F(save, trap_behind_an_out)
{
	struct test_vm *vm = self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	for (i = 0; i < 2; i++) {
		idt_put(&vm[i], CODE("\xe6\x80\x90"));	/* out 0x80, al; nop */
		idt_setup(&vm[i], IDT_LONG64);
	}
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << VEC_DB));
	IDT_REGS(vm, regs->rflags |= FLAG_TF);
	RUN_EXPECT(vm, IO);
	vm_get_state(vm, &state);
	EXPECT_EQ(0xffff4ff0ULL, state.debug.dr6);
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm[1].vcpu, ALL, &state));
	RUN_VECTOR(&vm[1], VEC_DB, &out);
	EXPECT_EQ(TEST_CODE + 2, out.rip);

	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_DB, vm->run->exception.vector);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);

	/* A state with events replaces pending ones. */
	vm_get_state(vm, &state);
	state.events.exception = 0;
	IDT_REGS(vm, regs->rip = TEST_CODE);
	RUN_EXPECT(vm, IO);
	IDT_REGS(vm, regs->rflags &= ~FLAG_TF);
	idt_set(vm, &state, SVMVCPU_STATE_EVENTS);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_TRUE(idt_finished(vm, 3));
}

/*
 * A trap that the VMM has seen: the instruction is complete and does not raise it
 * again, so a vCPU with this state delivers it.
 */
TEST_F(save, trap_shown_to_the_vmm)
{
	struct test_vm *vm = self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	if (host_is_bochs())
		SKIP(return, "Bochs: a guest that continues from such a state hangs");
	for (i = 0; i < 2; i++) {
		idt_put(&vm[i], CODE("\x90\x90"));
		idt_setup(&vm[i], IDT_LONG64);
	}
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << VEC_DB));
	IDT_REGS(vm, regs->rflags |= FLAG_TF);
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_DB, vm->run->exception.vector);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	vm_get_state(vm, &state);
	EXPECT_EQ(SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_DB, state.events.exception);
	EXPECT_EQ(vm->run->exception.address, state.debug.dr6);
	/* In the other VM, and in this one */
	for (i = 2; i--; ) {
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm[i].vcpu, ALL, &state));
		RUN_VECTOR(&vm[i], VEC_DB, &out);
		EXPECT_EQ(TEST_CODE + 1, out.rip);
	}
	/* If the VMM sets RIP, the trap is dropped. */
	IDT_REGS(vm, regs->rip = TEST_CODE; regs->rflags |= FLAG_TF);
	RUN_EXPECT(vm, EXCEPTION);
	IDT_REGS(vm, regs->rip = TEST_CODE; regs->rflags &= ~FLAG_TF);
	vm_get_state(vm, &state);
	EXPECT_EQ(0U, state.events.exception);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_TRUE(idt_finished(vm, 2));
}

/* SETUP of a used vCPU gives the same state as SETUP of a new one. */
TEST_F(save, setup_leaves_nothing)
{
	struct test_vm *fresh = &self->vm[0], *used = &self->vm[1];

	for (int preset = 0; preset <= SVMVCPU_PRESET_LONG64; preset++) {
		vm_setup(fresh, preset);
		scramble(used, &self->random);
		EXPECT_FALSE(same_state(fresh, used));
		vm_setup(used, preset);
		EXPECT_TRUE(same_state(fresh, used));
		EXPECT_EQ(0, memcmp(fresh->xstate, used->xstate, sizeof(used->xstate)));
		EXPECT_EQ(0, used->run->events);
	}
	/* And after changes that the guest made */
	tour_start(used);
	for (run(used); !finished(used); run(used))
		answer(used, 0);
	vm_setup(used, SVMVCPU_PRESET_LONG64);
	EXPECT_TRUE(same_state(fresh, used));
}

TEST_HARNESS_MAIN
