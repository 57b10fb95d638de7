// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events whose delivery an exit interrupts are not lost, whoever raised them; faults
 * during the delivery of faults become double faults and shutdowns.
 */
#include "guest_idt.h"

#define PAGE		4096UL
#define UNMAPPED	0x40000000UL	/* behind the identity map */
#define ABSENT		TEST_MEM	/* no region there */

VM_FIXTURE(exit_event)

/* Sources of an event, from outside and inside, and the frame it must have */
static const struct event_case {
	const char *name;
	const char *code;
	unsigned int len;
	int vector;
	unsigned int behind;	/* return address */
	uint32_t error;
	uint64_t cr2;
	bool tf;
	bool fail;		/* RDMSR that the VMM fails */
	uint32_t inject;	/* the VMM injects it */
} event_cases[] = {
	{ "#UD",	CODE("\x0f\x0b"), VEC_UD, 0, ~0U, 0, false, false, 0 },
	{ "#GP",	CODE("\x8e\xd8"), VEC_GP, 0, 0x1f8, 0, false, false, 0 },
	{ "#PF",	CODE("\x8a\x03"), VEC_PF, 0, 0, UNMAPPED + 8, false, false, 0 },
	{ "#DB",	CODE("\x90"), VEC_DB, 1, ~0U, 0, true, false, 0 },
	{ "INT3",	CODE("\xcc"), VEC_BP, 1, ~0U, 0, false, false, 0 },
	{ "INT",	CODE("\xcd\x30"), 0x30, 2, ~0U, 0, false, false, 0 },
	{ "module #UD",	CODE("\x0f\x01\xdc"), VEC_UD, 0, ~0U, 0, false, false, 0 },
	{ "module #DB",	CODE("\x0f\xa2"), VEC_DB, 2, ~0U, 0, true, false, 0 },
	{ "VMM #GP",	CODE("\x0f\x32"), VEC_GP, 0, 0, 0, false, true, 0 },
	{ "IRQ",	CODE("\x90"), 0x61, 0, ~0U, 0, false, false, SVMVCPU_INJECT_IRQ | 0x61 },
	{ "NMI",	CODE("\x90"), 2, 0, ~0U, 0, false, false, SVMVCPU_INJECT_NMI | 2 },
	{ "VMM #SS",	CODE("\x90"), VEC_SS, 0, 0, 0, false, false, SVMVCPU_INJECT_EXC | VEC_SS },
};

#define NR_EVENT_CASES	ARRAY_SIZE(event_cases)

/* Bochs: EXITINTINFO of an INT n is that of an earlier event; BOCHS_TF. */
static bool emulated(const struct event_case *c)
{
	return !host_is_bochs() || (c->vector != 0x30 && strcmp(c->name, "module #DB"));
}

static void start(struct test_vm *vm, const struct event_case *c, uint64_t idt, uint64_t stack)
{
	struct svmvcpu_state state;

	idt_put(vm, c->code, c->len);
	idt_setup(vm, IDT_LONG64);
	idt_get(vm, &state);
	state.gprs.rax = 0x1f8;
	state.gprs.rbx = UNMAPPED + 8;
	state.gprs.rcx = 0x1b;
	state.gprs.rsp = stack;
	state.gprs.rflags |= (c->tf ? FLAG_TF : 0) | (c->inject ? FLAG_IF : 0);
	if (c->inject)
		vm->run->inject = SVMVCPU_INJECT_VALID | c->inject;
	state.segments.idtr.base = idt;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS);
}

/* Runs to the exit that interrupts the event; an errno */
static int run_to_fault(struct test_vm *vm, const struct event_case *c, struct idt_outcome *out)
{
	int err = idt_run(vm, out);

	if (err || !c->fail)
		return err;
	if (vm->run->reason != SVMVCPU_EXIT_MSR_READ)
		return EPROTO;
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	return idt_run(vm, out);
}

/* Maps the page at TEST_FREE at @gpa as well. */
static int map_page(struct test_vm *vm, uint64_t gpa)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

static int unmap_page(struct test_vm *vm, uint64_t gpa)
{
	struct svmvcpu_range range = { .gpa = gpa, .bytes = PAGE };

	return svmvcpu_vm_unmap(vm->vm, &range, 1);
}

/* The HLT of the stub was reached, with the frame on a stack at another address. */
static int check_frame(struct test_vm *vm, const struct event_case *c,
		       const struct idt_outcome *out, uint64_t moved)
{
	struct idt_outcome got = *out;
	uint64_t saved = vm->run->gprs.rsp;

	if (out->vector != c->vector)
		return 1;
	vm->run->gprs.rsp = saved - moved;
	got.error = ~0U;
	idt_read_frame(vm, &got);
	vm->run->gprs.rsp = saved;
	if (got.rip != TEST_CODE + c->behind)
		return 2;
	if (got.error != c->error)
		return 3;
	/* VMRUN of Bochs does not load CR2. */
	return c->cr2 && vm->run->cr2 != c->cr2 && !host_is_bochs() ? 4 : 0;
}

/* The interrupt table is in no region: the gate cannot be read. */
TEST_F(exit_event, table_not_there)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < NR_EVENT_CASES; i++) {
		const struct event_case *c = &event_cases[i];

		if (!emulated(c))
			continue;
		start(vm, c, ABSENT, TEST_STACK);
		memcpy(vm->mem + TEST_FREE, vm->mem + IDT_TABLE, PAGE);
		ASSERT_EQ(0, run_to_fault(vm, c, &out));
		EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
		EXPECT_EQ(ABSENT + c->vector * 16UL, vm->run->memory.gpa);
		/* Any number of times */
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
		ASSERT_EQ(0, map_page(vm, ABSENT));
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(0, check_frame(vm, c, &out, 0))
			TH_LOG("%s: vector %d rip %#llx", c->name, out.vector,
			       (unsigned long long)out.rip);
		ASSERT_EQ(0, unmap_page(vm, ABSENT));
	}
}

/*
 * The same with exceptions that the VMM intercepts and lets through: it sees each once,
 * however often the delivery is interrupted.
 */
TEST_F(exit_event, seen_once)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < NR_EVENT_CASES; i++) {
		const struct event_case *c = &event_cases[i];

		if (!emulated(c) || c->inject || c->vector >= 32)
			continue;
		start(vm, c, ABSENT, TEST_STACK);
		memcpy(vm->mem + TEST_FREE, vm->mem + IDT_TABLE, PAGE);
		ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << c->vector));
		ASSERT_EQ(0, run_to_fault(vm, c, &out));
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_EXCEPTION, vm->run->reason)
			TH_LOG("%s", c->name);
		EXPECT_EQ((unsigned int)c->vector, vm->run->exception.vector);
		vm->run->in_flags = SVMVCPU_RUN_INJECT;
		RUN_EXPECT(vm, MEMORY_FAULT);
		EXPECT_EQ(ABSENT + c->vector * 16UL, vm->run->memory.gpa);
		RUN_EXPECT(vm, MEMORY_FAULT);
		ASSERT_EQ(0, map_page(vm, ABSENT));
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(0, check_frame(vm, c, &out, 0))
			TH_LOG("%s: vector %d rip %#llx", c->name, out.vector,
			       (unsigned long long)out.rip);
		ASSERT_EQ(0, unmap_page(vm, ABSENT));
		ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 0));
	}
}

/* An interrupted event is part of the state and can be set again. */
TEST_F(exit_event, saved_under_way)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < NR_EVENT_CASES; i++) {
		const struct event_case *c = &event_cases[i];

		if (!emulated(c))
			continue;
		start(vm, c, ABSENT, TEST_STACK);
		memcpy(vm->mem + TEST_FREE, vm->mem + IDT_TABLE, PAGE);
		ASSERT_EQ(0, run_to_fault(vm, c, &out));
		vm_get_state(vm, &state);
		vm_setup(vm, SVMVCPU_PRESET_REAL);
		EXPECT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, vm->info.components, &state))
			TH_LOG("%s: %#x", c->name, state.events.exception);
		ASSERT_EQ(0, map_page(vm, ABSENT));
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(0, check_frame(vm, c, &out, 0))
			TH_LOG("%s: vector %d rip %#llx", c->name, out.vector,
			       (unsigned long long)out.rip);
		ASSERT_EQ(0, unmap_page(vm, ABSENT));
	}
}

/* The stack is in no region: the frame cannot be written. */
TEST_F(exit_event, stack_not_there)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < NR_EVENT_CASES; i++) {
		const struct event_case *c = &event_cases[i];

		if (!emulated(c))
			continue;
		start(vm, c, IDT_TABLE, ABSENT + PAGE);
		ASSERT_EQ(0, run_to_fault(vm, c, &out));
		EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
		EXPECT_EQ((unsigned int)SVMVCPU_FAULT_WRITE, vm->run->memory.flags);
		EXPECT_EQ(ABSENT + PAGE - 8, vm->run->memory.gpa);
		ASSERT_EQ(0, map_page(vm, ABSENT));
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(0, check_frame(vm, c, &out, ABSENT - TEST_FREE))
			TH_LOG("%s: vector %d", c->name, out.vector);
		ASSERT_EQ(0, unmap_page(vm, ABSENT));
	}
}

/* Both are in regions, but not yet in memory: only the module notices. */
TEST_F(exit_event, stack_not_resident)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < NR_EVENT_CASES; i++) {
		const struct event_case *c = &event_cases[i];

		if (!emulated(c))
			continue;
		start(vm, c, IDT_TABLE, TEST_FREE + PAGE);
		ASSERT_EQ(0, madvise(vm->mem + TEST_FREE, PAGE, MADV_DONTNEED));
		ASSERT_EQ(0, run_to_fault(vm, c, &out));
		EXPECT_EQ(0, check_frame(vm, c, &out, 0))
			TH_LOG("%s: vector %d", c->name, out.vector);
	}
}

/* The gates of 0-13 in one page, those from 14 on in the next */
#define SPLIT_IDT	(TEST_FREE + PAGE - 14 * 16)

static uint64_t *start_split(struct test_vm *vm, const char *code, unsigned int len)
{
	struct svmvcpu_state state;
	uint64_t *pt;

	idt_put(vm, code, len);
	idt_setup(vm, IDT_LONG64);
	pt = idt_split(vm);
	memcpy(vm->mem + SPLIT_IDT, vm->mem + IDT_TABLE, PAGE);
	idt_get(vm, &state);
	state.segments.idtr.base = SPLIT_IDT;
	state.gprs.rbx = UNMAPPED + 8;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS);
	return pt;
}

/* #PF while #UD is delivered: #PF. While #PF is delivered: #DF. Then shutdown. */
TEST_F(exit_event, fault_upon_fault)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t *pt;

	pt = start_split(vm, CODE("\x0f\x0b"));
	pt[0] = 0;
	RUN_VECTOR(vm, VEC_PF, &out);
	EXPECT_EQ(0U, out.error);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_CR2(vm, SPLIT_IDT + VEC_UD * 16);

	/* the same with an exception that the module raises */
	pt = start_split(vm, CODE("\x0f\x01\xd8"));
	pt[0] = 0;
	RUN_VECTOR(vm, VEC_PF, &out);
	EXPECT_EQ(TEST_CODE, out.rip);

	pt = start_split(vm, CODE("\x8a\x03"));
	pt[1] = 0;
	RUN_VECTOR(vm, VEC_DF, &out);
	EXPECT_EQ(0U, out.error);
	EXPECT_EQ(TEST_CODE, out.rip);

	pt = start_split(vm, CODE("\x8a\x03"));
	pt[0] = 0;
	pt[1] = 0;
	RUN_EXPECT(vm, SHUTDOWN);
}

/* The same when the VMM intercepts each fault. */
TEST_F(exit_event, fault_upon_fault_seen_by_the_vmm)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int end;
	uint64_t *pt;

	for (end = 0; end < 3; end++) {
		pt = start_split(vm, CODE("\x8a\x03"));
		pt[1] = 0;
		ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << VEC_PF));
		RUN_EXPECT(vm, EXCEPTION);
		EXPECT_EQ(UNMAPPED + 8, vm->run->exception.address);
		vm->run->in_flags = SVMVCPU_RUN_INJECT;
		RUN_EXPECT(vm, EXCEPTION);
		EXPECT_EQ(SPLIT_IDT + VEC_PF * 16, vm->run->exception.address);
		EXPECT_CR2(vm, UNMAPPED + 8);
		if (end == 0) {
			/*
			 * The VMM repairs the cause of the second fault: the first one
			 * is delivered.
			 */
			pt[1] = (TEST_FREE + PAGE) | PTE_RWX;
			RUN_VECTOR(vm, VEC_PF, &out);
			EXPECT_CR2(vm, UNMAPPED + 8);
			EXPECT_EQ(TEST_CODE, out.rip);
			continue;
		}
		if (end == 2)
			pt[0] = 0;
		vm->run->in_flags = SVMVCPU_RUN_INJECT;
		if (end == 1) {
			RUN_VECTOR(vm, VEC_DF, &out);
			EXPECT_EQ(TEST_CODE, out.rip);
			continue;
		}
		/* #DF cannot be delivered either. */
		RUN_EXPECT(vm, EXCEPTION);
		EXPECT_EQ(SPLIT_IDT + VEC_DF * 16, vm->run->exception.address);
		vm->run->in_flags = SVMVCPU_RUN_INJECT;
		RUN_EXPECT(vm, SHUTDOWN);
	}
}

/*
 * A software interrupt that the module delivers, with its gate in an absent page. The
 * VMM sees the #PF at the instruction, which executes again: the first try must leave
 * nothing behind.
 */
TEST_F(exit_event, software_interrupt_mended_by_the_vmm)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int again;
	uint64_t *pt;

	/* #BP, so that INT n exits where the CPU does not save the next RIP */
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << VEC_PF | 1U << VEC_BP));
	pt = start_split(vm, CODE("\xcd\x30"));
	pt[1] = 0;
	for (again = 0; again < 2; again++) {
		RUN_EXPECT(vm, EXCEPTION);
		EXPECT_EQ((unsigned int)VEC_PF, vm->run->exception.vector);
		EXPECT_EQ(SPLIT_IDT + 0x30 * 16, vm->run->exception.address);
		EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	}
	pt[1] = (TEST_FREE + PAGE) | PTE_RWX;
	RUN_VECTOR(vm, 0x30, &out);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 0));
}

/* After a triple fault only SETUP, or SET_STATE of all components, revives the vCPU. */
TEST_F(exit_event, shutdown)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	vm_load(vm, TEST_CODE, "\x0f\x0b", 2);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);	/* no interrupt table */
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_EQ(EBADFD, vm_run(vm));
	idt_get(vm, &state);
	idt_set(vm, &state, SVMVCPU_STATE_GPRS);
	EXPECT_EQ(EBADFD, vm_run(vm));
	vm_load(vm, TEST_CODE, "\xf4", 1);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, HALT);
}

TEST_HARNESS_MAIN
