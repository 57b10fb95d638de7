// SPDX-License-Identifier: GPL-2.0-only
/*
 * A RIP that is not canonical: a guest gets there at the end of the lower half or by
 * SYSRET and takes #GP at the next fetch. A VMM can leave the guest there, move it to
 * another VM, and set such a RIP itself.
 */
#include "guest_idt.h"

#define ALL		0xffULL
#define HOLE		(1ULL << 47)	/* the first address that is not canonical */
#define END		(TEST_FREE + 0x200000UL)	/* what lies below it */
#define OUT_INSN	CODE("\xe6\x10")

static const uint64_t rips[] = { HOLE, ~HOLE, 1ULL << 63, 0x1234567890abcdefULL };

FIXTURE(rip) {
	struct test_vm vm[2];
};

FIXTURE_SETUP(rip)
{
	vm_open(&self->vm[0]);
	vm_open(&self->vm[1]);
}

FIXTURE_TEARDOWN(rip)
{
	vm_close(&self->vm[0]);
	vm_close(&self->vm[1]);
}

/* Code at the very end of the lower half, in the last page below END */
static void start_at_end(struct test_vm *vm, enum idt_mode mode, const char *code,
			 unsigned int len)
{
	uint64_t *pml4 = (void *)(vm->mem + TEST_TABLES);
	uint64_t *pointers = pml4 + 512, *pages = pml4 + 1024;

	idt_setup(vm, mode);
	pml4[255] = pml4[0];
	pointers[511] = pointers[0];
	pages[511] = pages[TEST_FREE >> 21];
	vm_load(vm, END - len, code, len);
	IDT_REGS(vm, regs->rip = HOLE - len);
}

/* The guest takes #GP and finds its RIP in the frame. */
#define EXPECT_GP(vm, at)							\
do {										\
	struct idt_outcome out_;						\
										\
	RUN_VECTOR(vm, VEC_GP, &out_);						\
	EXPECT_EQ(0U, out_.error);						\
	EXPECT_EQ((uint64_t)(at), out_.rip);					\
} while (0)

/* By an instruction that the CPU, the module or the VMM completes */
TEST_F(rip, end_of_the_lower_half)
{
	struct test_vm *vm = &self->vm[0];

	for (enum idt_mode mode = IDT_LONG64; mode <= IDT_USER64; mode++) {
		start_at_end(vm, mode, CODE("\x90"));
		EXPECT_GP(vm, HOLE);
		start_at_end(vm, mode, CODE("\x0f\xa2"));	/* cpuid */
		EXPECT_GP(vm, HOLE);
		start_at_end(vm, mode, CODE("\x0f\x01\xd9"));	/* vmmcall */
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_GP(vm, HOLE);
	}
	start_at_end(vm, IDT_LONG64, OUT_INSN);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(HOLE, vm->run->gprs.rip);
	EXPECT_GP(vm, HOLE);
}

/* On AMD the fetch in user mode faults, not SYSRET. */
TEST_F(rip, sysret)
{
	struct test_vm *vm = &self->vm[0];
	struct svmvcpu_state state;
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, "Bochs: SYSRET itself faults, as on other CPUs");
	for (unsigned int i = 0; i < ARRAY_SIZE(rips); i++) {
		idt_put(vm, CODE("\x48\x0f\x07"));
		idt_setup(vm, IDT_LONG64);
		idt_get(vm, &state);
		state.control.efer |= EFER_SCE;
		state.msrs.star = (uint64_t)IDT_UCS32 << 48;
		state.gprs.rcx = rips[i];
		state.gprs.r11 = 2;
		idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL |
			SVMVCPU_STATE_MSRS);
		RUN_VECTOR(vm, VEC_GP, &out);
		EXPECT_EQ(rips[i], out.rip);
		EXPECT_EQ((uint64_t)IDT_UCS64, out.cs);
	}
}

/* A guest that got there by itself is moved, at the exit and with the #GP shown. */
TEST_F(rip, moved)
{
	struct test_vm *from = &self->vm[0], *to = &self->vm[1];
	struct svmvcpu_state before, after;

	start_at_end(from, IDT_LONG64, OUT_INSN);
	RUN_EXPECT(from, IO);
	vm_move(from, to);
	vm_get_state(from, &before);
	vm_get_state(to, &after);
	EXPECT_EQ(0, memcmp(&before.gprs, &after.gprs, sizeof(before.gprs)));
	EXPECT_GP(to, HOLE);

	/* with the fault reported to the VMM */
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&from->vcpu, 1U << VEC_GP));
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&to->vcpu, 1U << VEC_GP));
	RUN_EXPECT(from, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_GP, from->run->exception.vector);
	EXPECT_EQ(HOLE, from->run->gprs.rip);
	vm_move(from, to);
	RUN_EXPECT(to, EXCEPTION);
	EXPECT_EQ(HOLE, to->run->gprs.rip);
	to->run->in_flags = SVMVCPU_RUN_INJECT;
	EXPECT_GP(to, HOLE);
	from->run->in_flags = SVMVCPU_RUN_INJECT;
	EXPECT_GP(from, HOLE);
}

TEST_F(rip, snapshot)
{
	struct test_vm *vm = &self->vm[0];

	start_at_end(vm, IDT_LONG64, OUT_INSN);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	for (int i = 0; i < 3; i++) {
		EXPECT_GP(vm, HOLE);
		ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
		EXPECT_EQ(HOLE, vm->run->gprs.rip);
	}
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
}

/* Set by SET_STATE and by SET_GPRS, with and without an event to inject */
TEST_F(rip, set_by_the_vmm)
{
	static const uint32_t events[] = {
		SVMVCPU_INJECT_EXC | VEC_GP, SVMVCPU_INJECT_EXC | VEC_BP,
		SVMVCPU_INJECT_NMI | 2, SVMVCPU_INJECT_IRQ | 0x61,
	};
	struct test_vm *vm = &self->vm[0];
	struct idt_outcome out;
	unsigned int i, k;

	idt_put(vm, CODE("\x90"));
	for (i = 0; i < ARRAY_SIZE(rips); i++) {
		idt_setup(vm, IDT_LONG64);
		IDT_REGS(vm, regs->rip = rips[i]);
		EXPECT_GP(vm, rips[i]);
		vm->run->gprs.rip = rips[i];
		vm->run->gprs.rsp = TEST_STACK;
		vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
		EXPECT_GP(vm, rips[i]);
		for (k = 0; k < ARRAY_SIZE(events); k++) {
			idt_setup(vm, IDT_LONG64);
			IDT_REGS(vm, regs->rip = rips[i]; regs->rflags |= FLAG_IF);
			vm->run->inject = SVMVCPU_INJECT_VALID | events[k];
			RUN_VECTOR(vm, events[k] & SVMVCPU_INJECT_VECTOR, &out);
			EXPECT_EQ(rips[i], out.rip);
		}
		/* and back to code */
		IDT_REGS(vm, regs->rip = TEST_CODE);
		RUN_EXPECT(vm, HYPERCALL);
	}
}

/* An injected #BP that cannot be delivered: RIP does not change. */
TEST_F(rip, injected_trap_without_a_gate)
{
	struct test_vm *vm = &self->vm[0];
	struct idt_outcome out;

	for (unsigned int i = 0; i < ARRAY_SIZE(rips); i++) {
		idt_setup(vm, IDT_LONG64);
		vm->mem[IDT_TABLE + VEC_BP * 16 + 5] &= 0x7f;
		IDT_REGS(vm, regs->rip = rips[i]);
		vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_BP;
		RUN_VECTOR(vm, VEC_NP, &out);
		EXPECT_EQ(rips[i], out.rip);
	}
}

/* A step ends at the #GP handler. */
TEST_F(rip, stepped)
{
	struct svmvcpu_set_debug debug = { .flags = SVMVCPU_DEBUG_STEP };
	struct test_vm *vm = &self->vm[0];

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rip = HOLE);
	ASSERT_EQ(0, svmvcpu_vcpu_set_debug(&vm->vcpu, &debug));
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(IDT_STUBS + VEC_GP * 16, vm->run->gprs.rip);
	EXPECT_GP(vm, HOLE);
}

TEST_HARNESS_MAIN
