// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_EXIT_SHUTDOWN and the faults that led to it: with SVMVCPU_EXITS_FAULTS all of
 * them, in each mode that has page faults; without it, those the module has seen. The
 * guest behaves the same in both cases.
 */
#include "guest_idt.h"

#define UNMAPPED	0x40000000UL	/* behind the identity map */
#define NO_ERR		(-1)

VM_FIXTURE(exit_shutdown)

static void choose(struct test_vm *vm, uint32_t flags, uint32_t exceptions)
{
	struct svmvcpu_exits exits = { .flags = flags, .exceptions = exceptions };

	if (svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits))
		vm_die("SET_EXITS");
}

/* The part in which the entries of a history differ */
struct link {
	int vector;
	int error;
	uint64_t address;
	bool interrupt;
};

static int check_link(const struct svmvcpu_fault *f, const struct link *want)
{
	unsigned int flags = 0;

	if (want->error != NO_ERR)
		flags |= SVMVCPU_EXC_ERROR_CODE;
	if (want->interrupt)
		flags |= SVMVCPU_EXC_INTERRUPT;
	else if (want->vector == VEC_PF)
		flags |= SVMVCPU_EXC_ADDRESS;
	if (f->vector != want->vector || f->flags != flags || f->mbz)
		return 1;
	if (f->error_code != (want->error == NO_ERR ? 0 : (uint32_t)want->error))
		return 2;
	return f->address == want->address ? 0 : 3;
}

/* 0, or 10 times the number of the wrong entry plus the number of the check */
static int check_chain(const struct test_vm *vm, const struct link *links, unsigned int nr)
{
	const struct svmvcpu_exit_shutdown *sd = &vm->run->shutdown;
	unsigned int i;
	int step;

	if (vm->run->reason != SVMVCPU_EXIT_SHUTDOWN)
		return -1;
	if (sd->nr != nr || sd->left_out)
		return -2;
	for (i = 0; i < nr; i++) {
		step = check_link(&sd->faults[i], &links[i]);
		if (!step && sd->faults[i].rip != TEST_CODE)
			step = 4;
		if (!step && sd->faults[i].rsp != TEST_STACK)
			step = 5;
		if (step)
			return 10 * i + step;
	}
	/* unused entries are zero */
	for (; i < SVMVCPU_FAULTS_MAX; i++)
		if (memcmp(&sd->faults[i], &(struct svmvcpu_fault){ 0 }, sizeof(*sd->faults)))
			return 10 * i + 9;
	return 0;
}

#define EXPECT_CHAIN(vm, ...)							\
do {										\
	const struct link links_[] = { __VA_ARGS__ };				\
	char text_[512];							\
										\
	EXPECT_EQ(0, check_chain(vm, links_, ARRAY_SIZE(links_)))		\
		TH_LOG("%s", svmvcpu_describe_exit((vm)->run, NULL, text_, sizeof(text_))); \
} while (0)

static unsigned int gate_bytes(enum idt_mode mode)
{
	return idt_mode_is_long(mode) ? 16 : 8;
}

/* @code with EBX = an address that is not mapped */
static void start(struct test_vm *vm, enum idt_mode mode, const char *code, unsigned int len)
{
	struct svmvcpu_state state;
	uint32_t *dir = (void *)(vm->mem + TEST_FREE);

	idt_put(vm, code, len);
	idt_setup(vm, mode);
	idt_get(vm, &state);
	state.gprs.rbx = UNMAPPED + 8;
	if (!idt_mode_is_long(mode)) {
		/* 4 MiB one to one, nothing else */
		memset(dir, 0, 4096);
		dir[0] = PTE_RWX | 0x80;
		state.control.cr0 |= CR0_PG;
		state.control.cr4 |= 1ULL << 4;
		state.control.cr3 = TEST_FREE;
	}
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
	choose(vm, SVMVCPU_EXITS_FAULTS, 0);
}

static void move_idt(struct test_vm *vm, uint64_t base)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.segments.idtr.base = base;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
}

static void no_gate(struct test_vm *vm, enum idt_mode mode, unsigned int vector)
{
	memset(vm->mem + IDT_TABLE + vector * gate_bytes(mode), 0, gate_bytes(mode));
}

static const enum idt_mode modes[] = { IDT_PROT32, IDT_COMPAT32, IDT_LONG64 };

/* The interrupt table is not mapped: #PF, #PF becomes #DF, #PF. */
TEST_F(exit_shutdown, table_not_mapped)
{
	struct test_vm *vm = &self->vm;
	unsigned int m;

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		uint64_t idt = UNMAPPED + 0x1000, gate = gate_bytes(modes[m]);

		start(vm, modes[m], CODE("\x8a\x03"));
		move_idt(vm, idt);
		RUN_EXPECT(vm, SHUTDOWN);
		EXPECT_CHAIN(vm, { VEC_PF, 0, UNMAPPED + 8, false },
			     { VEC_PF, 0, idt + VEC_PF * gate, false },
			     { VEC_DF, 0, 0, false },
			     { VEC_PF, 0, idt + VEC_DF * gate, false });
		EXPECT_CR2(vm, idt + VEC_DF * gate);
	}
}

/* Gates that are not present: #PF, then #GP or #NP for its gate, #DF, and again */
TEST_F(exit_shutdown, gates_missing)
{
	struct test_vm *vm = &self->vm;
	unsigned int m;

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		int index = 8;

		start(vm, modes[m], CODE("\x8a\x03"));
		no_gate(vm, modes[m], VEC_PF);
		/* this gate is valid except for its present bit */
		vm->mem[IDT_TABLE + VEC_DF * gate_bytes(modes[m]) + 5] &= ~0x80;
		RUN_EXPECT(vm, SHUTDOWN);
		/* TCG leaves out EXT (bit 0) */
		for (unsigned int i = 0; i < vm->run->shutdown.nr; i++)
			if (vm->run->shutdown.faults[i].vector != VEC_PF)
				vm->run->shutdown.faults[i].error_code &= ~1U;
		/* QEMU before 10 has a wrong index in long mode. */
		if (idt_mode_is_long(modes[m]) && host_is_tcg() &&
		    vm->run->shutdown.faults[1].error_code == VEC_PF * 16 + 2)
			index = 16;
		EXPECT_CHAIN(vm, { VEC_PF, 0, UNMAPPED + 8, false },
			     { VEC_GP, VEC_PF * index + 2, 0, false },
			     { VEC_DF, 0, 0, false },
			     { VEC_NP, VEC_DF * index + 2, 0, false });
	}
}

/* The history starts with an event that is no fault: a pending exception, INT n, an interrupt. */
TEST_F(exit_shutdown, other_beginnings)
{
	struct test_vm *vm = &self->vm;
	const uint64_t idt = UNMAPPED + 0x1000;
	unsigned int vector;

	for (vector = 0; vector < 3; vector++) {
		bool irq = vector == 2;
		uint64_t first = vector ? 0x30 : VEC_UD;

		/* EXITINTINFO of Bochs has the event before the INT n. */
		if (vector == 1 && host_is_bochs())
			continue;
		start(vm, IDT_LONG64, vector ? "\xcd\x30" : "\x0f\x0b", 2);
		move_idt(vm, idt);
		if (irq) {
			IDT_REGS(vm, regs->rflags |= FLAG_IF);
			vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x30;
		}
		RUN_EXPECT(vm, SHUTDOWN);
		EXPECT_CHAIN(vm, { first, NO_ERR, 0, vector != 0 },
			     { VEC_PF, 0, idt + first * 16, false },
			     { VEC_PF, 0, idt + VEC_PF * 16, false },
			     { VEC_DF, 0, 0, false },
			     { VEC_PF, 0, idt + VEC_DF * 16, false });
	}
}

/* The limit of the interrupt table is 0, also in real mode. */
TEST_F(exit_shutdown, no_table)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	const struct svmvcpu_exit_shutdown *sd = &vm->run->shutdown;

	vm_load(vm, TEST_CODE, "\x0f\x0b", 2);
	vm_setup(vm, SVMVCPU_PRESET_REAL);
	choose(vm, SVMVCPU_EXITS_FAULTS, 0);
	idt_get(vm, &state);
	state.segments.idtr.limit = 0;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
	RUN_EXPECT(vm, SHUTDOWN);
	ASSERT_EQ(5U, sd->nr);
	EXPECT_EQ(VEC_UD, sd->faults[0].vector);
	EXPECT_EQ(VEC_GP, sd->faults[1].vector);
	EXPECT_EQ(VEC_GP, sd->faults[2].vector);
	EXPECT_EQ(VEC_DF, sd->faults[3].vector);
	EXPECT_EQ(VEC_GP, sd->faults[4].vector);
	/* no error codes there */
	EXPECT_EQ(0, sd->faults[4].flags);
	EXPECT_EQ(TEST_CODE, sd->faults[4].rip);
}

/* A fault that was delivered is not part of later histories. */
TEST_F(exit_shutdown, what_was_delivered_is_no_part_of_it)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	start(vm, IDT_LONG64, CODE("\x8a\x03"));
	RUN_VECTOR(vm, VEC_PF, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_CR2(vm, UNMAPPED + 8);
	vm_load(vm, TEST_CODE, "\x8e\xd8", 2);
	IDT_REGS(vm, regs->rip = TEST_CODE; regs->rsp = TEST_STACK; regs->rax = 0x1f8);
	move_idt(vm, UNMAPPED + 0x1000);
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_CHAIN(vm, { VEC_GP, 0x1f8, 0, false },
		     { VEC_PF, 0, UNMAPPED + 0x1000 + VEC_GP * 16, false },
		     { VEC_PF, 0, UNMAPPED + 0x1000 + VEC_PF * 16, false },
		     { VEC_DF, 0, 0, false },
		     { VEC_PF, 0, UNMAPPED + 0x1000 + VEC_DF * 16, false });
	/* SETUP clears the history */
	vm_load(vm, TEST_CODE, "\x0f\x0b", 2);
	start(vm, IDT_LONG64, CODE("\x8a\x03"));
	move_idt(vm, UNMAPPED + 0x1000);
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_EQ(4U, vm->run->shutdown.nr);
}

/* The VMM intercepts some of the faults; those it lets through are part of the history. */
TEST_F(exit_shutdown, over_the_desk_of_the_vmm)
{
	struct test_vm *vm = &self->vm;
	const uint64_t idt = UNMAPPED + 0x1000;
	unsigned int i;

	start(vm, IDT_LONG64, CODE("\x8a\x03"));
	move_idt(vm, idt);
	choose(vm, SVMVCPU_EXITS_FAULTS, 1U << VEC_PF);
	for (i = 0; i < 3; i++) {
		RUN_EXPECT(vm, EXCEPTION);
		vm->run->in_flags = SVMVCPU_RUN_INJECT;
	}
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_CHAIN(vm, { VEC_PF, 0, UNMAPPED + 8, false },
		     { VEC_PF, 0, idt + VEC_PF * 16, false },
		     { VEC_DF, 0, 0, false },
		     { VEC_PF, 0, idt + VEC_DF * 16, false });
}

/* Without the option: faults that the module raised are reported, others if the CPU tells. */
TEST_F(exit_shutdown, not_asked_for)
{
	const struct svmvcpu_exit_shutdown *sd = &self->vm.run->shutdown;
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, CODE("\x0f\x32"));
	choose(vm, 0, 0);
	move_idt(vm, UNMAPPED + 0x1000);
	IDT_REGS(vm, regs->rcx = 0x1b);
	RUN_EXPECT(vm, MSR_READ);
	vm->run->in_flags = SVMVCPU_RUN_FAIL;
	RUN_EXPECT(vm, SHUTDOWN);
	ASSERT_LE(1U, sd->nr);
	/* Bochs reports the page fault of its delivery as the event under way. */
	if (sd->faults[0].vector != VEC_DF && !host_is_bochs()) {
		EXPECT_EQ(VEC_GP, sd->faults[0].vector);
		EXPECT_EQ(SVMVCPU_EXC_ERROR_CODE, sd->faults[0].flags);
		EXPECT_EQ(TEST_CODE, sd->faults[0].rip);
	}
	EXPECT_EQ(0U, sd->faults[0].error_code);
}

/* Handlers, frames, error codes and CR2 are the same as without the option. */
TEST_F(exit_shutdown, the_guest_does_not_notice)
{
	static const struct {
		const char *code;
		unsigned int len;
		int vector;
		uint32_t error;
	} faults[] = {
		{ CODE("\x31\xc9\xf7\xf1"), VEC_DE, ~0U },	/* xor ecx, ecx; div ecx */
		{ CODE("\x8e\xd8"), VEC_NP, IDT_ABSENT },		/* mov ds, eax */
		{ CODE("\x8a\x03"), VEC_PF, 0 },
		{ CODE("\x88\x03"), VEC_PF, 2 },
		{ CODE("\x0f\x0b"), VEC_UD, ~0U },
		{ CODE("\xcc"), VEC_BP, ~0U },
		{ CODE("\xcd\x40"), 0x40, ~0U },
	};
	struct test_vm *vm = &self->vm;
	struct idt_outcome out[2];
	unsigned int m, i, on;

	for (m = 0; m < ARRAY_SIZE(modes); m++)
		for (i = 0; i < ARRAY_SIZE(faults); i++) {
			for (on = 0; on < 2; on++) {
				start(vm, modes[m], faults[i].code, faults[i].len);
				choose(vm, on ? SVMVCPU_EXITS_FAULTS : 0, 0);
				IDT_REGS(vm, regs->rax = IDT_ABSENT);
				RUN_VECTOR(vm, faults[i].vector, &out[on]);
				EXPECT_EQ(faults[i].error, out[on].error);
				EXPECT_CR2(vm, faults[i].vector == VEC_PF ? UNMAPPED + 8 : 0);
			}
			EXPECT_EQ(out[0].rip, out[1].rip);
			EXPECT_EQ(out[0].cs, out[1].cs);
			EXPECT_EQ(out[0].rflags & ~FLAG_RF, out[1].rflags & ~FLAG_RF);
		}
}

TEST_HARNESS_MAIN
