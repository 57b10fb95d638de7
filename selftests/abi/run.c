// SPDX-License-Identifier: GPL-2.0-only
/*
 * What RUN reads from the run page: flags and reserved fields that it refuses,
 * registers, and results for the last exit, each of which is consumed once.
 */
#include "abi_args.h"
#include "guest_idt.h"

VM_FIXTURE(run)

static void start64(struct test_vm *vm)
{
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
}

GUEST64(out_halt, "mov $0x42, %al\n out %al, $0x80\n hlt");
GUEST64(in8, "movabs $0x1122334455667788, %rax\n in $0x60, %al\n hlt");
GUEST64(in16, "movabs $0x1122334455667788, %rax\n in $0x60, %ax\n hlt");
GUEST64(in32, "movabs $0x1122334455667788, %rax\n in $0x60, %eax\n hlt");
GUEST64(ask_hypercall, "mov $5, %eax\n vmmcall\n hlt");
GUEST64(ask_rdmsr, "or $-1, %rax\n or $-1, %rdx\n mov $0x123, %ecx\n rdmsr\n hlt");
GUEST64(ask_wrmsr,
	"mov $0x55667788, %eax\n"
	"mov $0x11223344, %edx\n"
	"mov $0x123, %ecx\n"
	"wrmsr\n"
	"hlt");
GUEST64(ask_ud, "mov $0x99, %ebx\n ud2\n hlt");
GUEST64(ask_ins, "mov $0x8000, %edi\n mov $4, %ecx\n mov $0x60, %dx\n rep insb\n hlt");

#define IN_AT		(TEST_CODE + 10)	/* RIP of the IN above */

TEST_F(run, refused_input)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, out_halt);
	start64(vm);
	for (int bit = 4; bit < 32; bit++) {
		if (1U << bit == SVMVCPU_RUN_SET_CR8)
			continue;
		vm->run->in_flags = 1U << bit;
		EXPECT_IN(EINVAL, vm_run(vm), "flag %d", bit);
		EXPECT_EQ(1U << bit, vm->run->in_flags);
	}
	vm->run->in_flags = 0;
	for (int bit = 0; bit < 32; bit++) {
		vm->run->in_mbz = 1U << bit;
		EXPECT_IN(EINVAL, vm_run(vm), "mbz %d", bit);
	}
	vm->run->in_mbz = 0;
	for (int byte = 0; byte < 24; byte++) {
		unsigned char *reserved = (unsigned char *)vm->run->in_reserved;

		reserved[byte] = 1;
		EXPECT_IN(EINVAL, vm_run(vm), "reserved %d", byte);
		reserved[byte] = 0;
	}
	/* None of these calls ran the guest. */
	EXPECT_EQ(0ULL, vm->run->exits);
	EXPECT_EQ((__u32)SVMVCPU_EXIT_NONE, vm->run->reason);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x42U, vm->run->io.data);
}

/* A refused RUN leaves the exit pending; the next RUN completes it. */
static void flag_refused(struct __test_metadata *_metadata, struct test_vm *vm, __u32 flag,
			 const char *where)
{
	struct svmvcpu_run before = *vm->run;

	vm->run->in_flags = flag;
	EXPECT_IN(EINVAL, vm_run(vm), "%s, flag %u", where, flag);
	vm->run->in_flags = 0;
	before.in_flags = 0;
	EXPECT_IN(0, memcmp(&before, vm->run, sizeof(before)), "%s, flag %u", where, flag);
}

TEST_F(run, flags_that_do_not_fit)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, out_halt);
	start64(vm);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "new");
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT, "new");
	RUN_EXPECT(vm, IO);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "OUT");
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT, "OUT");
	RUN_EXPECT(vm, HALT);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "HALT");
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT, "HALT");

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "IN");
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT, "IN");
	vm->run->answer = 0x5a;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x112233445566775aULL, vm->run->gprs.rax);

	load_guest(vm, ask_hypercall);
	start64(vm);
	RUN_EXPECT(vm, HYPERCALL);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "HYPERCALL");
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT, "HYPERCALL");
	RUN_EXPECT(vm, HALT);

	load_guest(vm, ask_rdmsr);
	start64(vm);
	RUN_EXPECT(vm, MSR_READ);
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT, "MSR_READ");
	flag_refused(_metadata, vm, SVMVCPU_RUN_INJECT | SVMVCPU_RUN_FAIL, "MSR_READ");
	vm->run->answer = 0x12;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x12ULL, vm->run->gprs.rax);

	load_guest(vm, ask_ud);
	start64(vm);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1 << 6));
	RUN_EXPECT(vm, EXCEPTION);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "EXCEPTION");
	RUN_EXPECT(vm, EXCEPTION);
}

#define IN_ANSWER	0xfedcba9876543210ULL

TEST_F(run, in_widths)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(1, vm->run->io.width);
	EXPECT_EQ(IN_AT, vm->run->gprs.rip);
	vm->run->answer = IN_ANSWER;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1122334455667710ULL, vm->run->gprs.rax);

	load_guest(vm, in16);
	start64(vm);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(2, vm->run->io.width);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1122334455663210ULL, vm->run->gprs.rax);

	load_guest(vm, in32);
	start64(vm);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(4, vm->run->io.width);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x76543210ULL, vm->run->gprs.rax);
}

TEST_F(run, hypercall)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, ask_hypercall);
	start64(vm);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(5ULL, vm->run->hypercall.nr);
	EXPECT_EQ(TEST_CODE + 5, vm->run->gprs.rip);
	EXPECT_EQ(0, vm->run->cpl);
	vm->run->answer = ~1ULL;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(~1ULL, vm->run->gprs.rax);
	EXPECT_EQ(TEST_CODE + 9, vm->run->gprs.rip);
}

TEST_F(run, msr_answers)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, ask_rdmsr);
	start64(vm);
	RUN_EXPECT(vm, MSR_READ);
	EXPECT_EQ(0x123U, vm->run->msr.index);
	EXPECT_EQ(0ULL, vm->run->msr.value);
	vm->run->answer = 0x1122334455667788ULL;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x55667788ULL, vm->run->gprs.rax);
	EXPECT_EQ(0x11223344ULL, vm->run->gprs.rdx);

	load_guest(vm, ask_wrmsr);
	start64(vm);
	RUN_EXPECT(vm, MSR_WRITE);
	EXPECT_EQ(0x123U, vm->run->msr.index);
	EXPECT_EQ(0x1122334455667788ULL, vm->run->msr.value);
	vm->run->answer = ~0ULL;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x55667788ULL, vm->run->gprs.rax);
	EXPECT_EQ(0x11223344ULL, vm->run->gprs.rdx);
}

/* The guest takes #GP(0) at the RDMSR or WRMSR, with unchanged registers. */
TEST_F(run, msr_fail)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	load_guest(vm, ask_rdmsr);
	idt_setup(vm, IDT_LONG64);
	RUN_EXPECT(vm, MSR_READ);
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(0U, out.error);
	EXPECT_EQ(TEST_CODE + 13, out.rip);
	EXPECT_EQ(~0ULL, vm->run->gprs.rax);
	EXPECT_EQ(0U, vm->run->in_flags);

	load_guest(vm, ask_wrmsr);
	idt_setup(vm, IDT_LONG64);
	RUN_EXPECT(vm, MSR_WRITE);
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(0U, out.error);
	EXPECT_EQ(TEST_CODE + 15, out.rip);
}

TEST_F(run, exception_answers)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	load_guest(vm, ask_ud);
	idt_setup(vm, IDT_LONG64);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1 << VEC_UD));
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((__u32)VEC_UD, vm->run->exception.vector);
	/* Without a result the instruction is executed again. */
	RUN_EXPECT(vm, EXCEPTION);
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	RUN_VECTOR(vm, VEC_UD, &out);
	EXPECT_EQ(TEST_CODE + 5, out.rip);
}

/* An exit is completed once; kicks and refused calls neither repeat nor lose the result. */
TEST_F(run, answered_once)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x77;
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(IN_AT + 2, vm->run->gprs.rip);
	EXPECT_EQ(0x1122334455667777ULL, vm->run->gprs.rax);
	vm->run->answer = 0x99;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1122334455667777ULL, vm->run->gprs.rax);
}

TEST_F(run, ins_answer)
{
	struct test_vm *vm = &self->vm;
	unsigned char *window = (unsigned char *)vm->run + vm->run->io_data_offset;

	load_guest(vm, ask_ins);
	start64(vm);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ((__u32)(SVMVCPU_IO_IN | SVMVCPU_IO_STRING | SVMVCPU_IO_REP),
		  vm->run->io.flags);
	EXPECT_EQ(4U, vm->run->io.count);
	memcpy(window, "abcd", 4);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0, memcmp(vm->mem + TEST_DATA, "abcd", 5));
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
	EXPECT_EQ(TEST_DATA + 4, vm->run->gprs.rdi);
}

static void set_component(struct test_vm *vm, __u64 component)
{
	struct svmvcpu_state state;

	if (svmvcpu_vcpu_get_state(&vm->vcpu, component, &state) ||
	    svmvcpu_vcpu_set_state(&vm->vcpu, component, &state))
		vm_die("SET_STATE");
}

/* Setting the general registers cancels the completion, other components do not. */
TEST_F(run, withdrawn_by_set_state)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x77;
	set_component(vm, SVMVCPU_STATE_GPRS);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(IN_AT, vm->run->gprs.rip);
	EXPECT_EQ(0x1122334455667788ULL, vm->run->gprs.rax);
	set_component(vm, SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1122334455667777ULL, vm->run->gprs.rax);

	load_guest(vm, ask_rdmsr);
	start64(vm);
	RUN_EXPECT(vm, MSR_READ);
	set_component(vm, SVMVCPU_STATE_GPRS);
	flag_refused(_metadata, vm, SVMVCPU_RUN_FAIL, "withdrawn");
	RUN_EXPECT(vm, MSR_READ);
}

TEST_F(run, withdrawn_by_setup)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x77;
	start64(vm);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(IN_AT, vm->run->gprs.rip);
	EXPECT_EQ(0x1122334455667788ULL, vm->run->gprs.rax);
}

/* With another RIP the result is dropped; with the same RIP it is used. */
TEST_F(run, withdrawn_by_rip)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x77;
	vm->run->gprs.rip += 2;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1122334455667788ULL, vm->run->gprs.rax);
	EXPECT_EQ(IN_AT + 3, vm->run->gprs.rip);

	start64(vm);
	RUN_EXPECT(vm, IO);
	vm->run->gprs.rax = 0xa1a2a3a4a5a6a7a8ULL;
	vm->run->gprs.r13 = 13;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0xa1a2a3a4a5a6a777ULL, vm->run->gprs.rax);
	EXPECT_EQ(13ULL, vm->run->gprs.r13);
	EXPECT_EQ(0U, vm->run->in_flags);
}

/* Without the flag RUN ignores the registers on the page. */
TEST_F(run, gprs_not_asked_for)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, out_halt);
	start64(vm);
	RUN_EXPECT(vm, IO);
	memset((void *)&vm->run->gprs, 0xff, sizeof(vm->run->gprs));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x42ULL, vm->run->gprs.rax);
	EXPECT_EQ(TEST_STACK, vm->run->gprs.rsp);
}

/* Invalid register values: RUN sets none and completes nothing. */
TEST_F(run, illegal_gprs)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state before, after;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x77;
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &before));
	for (int bit = 0; bit < 64; bit++) {
		if (0x3f7fd7ULL & ~2ULL & 1ULL << bit)
			continue;
		vm->run->gprs.rbx = 1;
		vm->run->gprs.rflags = 2 ^ 1ULL << bit;
		vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
		EXPECT_IN(EINVAL, vm_run(vm), "rflags bit %d", bit);
		EXPECT_EQ((__u32)SVMVCPU_RUN_SET_GPRS, vm->run->in_flags);
	}
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, SVMVCPU_STATE_GPRS, &after));
	EXPECT_EQ(0, memcmp(&before.gprs, &after.gprs, sizeof(before.gprs)));
	vm->run->in_flags = 0;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1122334455667777ULL, vm->run->gprs.rax);
}

/* The registers on the run page at an exit are those of GET_STATE. */
TEST_F(run, published_state)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	__u64 exits;

	load_guest(vm, in8);
	start64(vm);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&vm->vcpu, STATE_REGS, &state));
	EXPECT_EQ(0, memcmp(&state.gprs, (void *)&vm->run->gprs, sizeof(state.gprs)));
	EXPECT_EQ(state.control.cr0, vm->run->cr0);
	EXPECT_EQ(state.control.cr2, vm->run->cr2);
	EXPECT_EQ(state.control.cr3, vm->run->cr3);
	EXPECT_EQ(state.control.cr4, vm->run->cr4);
	EXPECT_EQ(state.control.efer, vm->run->efer);
	EXPECT_EQ(SVMVCPU_MODE_64BIT, vm->run->mode);
	EXPECT_EQ(0, vm->run->cpl);
	exits = vm->run->exits;
	EXPECT_GT(exits, 0ULL);
	RUN_EXPECT(vm, HALT);
	EXPECT_GT(vm->run->exits, exits);
}

TEST_HARNESS_MAIN
