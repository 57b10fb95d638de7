// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_EXIT_EXCEPTION: each exception that can be provoked is reported to the VMM,
 * then its instruction executes again, or the exception is delivered with the right
 * frame; also software interrupts. events_at_exit.c has events that an exit interrupts.
 */
#include "guest_idt.h"

#define UNMAPPED	0x40000000UL	/* behind the identity map */
#define NO_ERR		~0U

VM_FIXTURE(exit_exception)

/**
 * struct provocation - a way to raise an exception
 * @vector: .
 * @mode: .
 * @code: with RBX = @rbx and RAX = @rax
 * @len: .
 * @at: offset of the saved RIP at the exit
 * @behind: offset of the return address in the guest's frame
 * @error: error code, or NO_ERR
 * @rax: .
 * @rbx: .
 * @rflags: on top of the usual
 * @cr0: the same
 * @missing: TCG does not raise it
 */
static const struct provocation {
	int vector;
	enum idt_mode mode;
	const char *code;
	unsigned int len;
	unsigned int at;
	unsigned int behind;
	uint32_t error;
	uint64_t rax, rbx;
	uint64_t rflags;
	uint64_t cr0;
	bool missing;
} provocations[] = {
	/* xor ecx, ecx; div ecx */
	{ VEC_DE, IDT_LONG64, CODE("\x31\xc9\xf7\xf1"), 2, 2, NO_ERR, .rax = 0 },
	{ VEC_DE, IDT_REAL, CODE("\x31\xc9\xf7\xf1"), 2, 2, NO_ERR, .rax = 0 },
	{ VEC_DE, IDT_USER32, CODE("\x31\xc9\xf7\xf1"), 2, 2, NO_ERR, .rax = 0 },
	{ VEC_DB, IDT_LONG64, CODE("\x90\x90"), 1, 1, NO_ERR, .rflags = FLAG_TF },
	{ VEC_DB, IDT_REAL, CODE("\x90\x90"), 1, 1, NO_ERR, .rflags = FLAG_TF },
	{ VEC_BP, IDT_LONG64, CODE("\xcc"), 0, 1, NO_ERR, .rax = 0 },
	{ VEC_BP, IDT_USER64, CODE("\x66\xcc"), 0, 2, NO_ERR, .rax = 0 },
	{ VEC_BP, IDT_PROT32, CODE("\x3e\xcc"), 0, 2, NO_ERR, .rax = 0 },
	{ VEC_BP, IDT_REAL, CODE("\xcc"), 0, 1, NO_ERR, .rax = 0 },
	{ VEC_OF, IDT_PROT32, CODE("\xce"), 0, 1, NO_ERR, .rflags = 1 << 11 },
	{ VEC_OF, IDT_REAL, CODE("\xce"), 0, 1, NO_ERR, .rflags = 1 << 11 },
	/* bound eax, [ebx] */
	{ VEC_BR, IDT_PROT32, CODE("\x62\x03"), 0, 0, NO_ERR, .rax = 5, .rbx = TEST_DATA },
	{ VEC_UD, IDT_LONG64, CODE("\x0f\x0b"), 0, 0, NO_ERR, .rax = 0 },
	{ VEC_UD, IDT_USER32, CODE("\x0f\x0b"), 0, 0, NO_ERR, .rax = 0 },
	{ VEC_UD, IDT_VM86, CODE("\x0f\x0b"), 0, 0, NO_ERR, .rax = 0 },
	{ VEC_NM, IDT_LONG64, CODE("\xd9\xe8"), 0, 0, NO_ERR, .cr0 = CR0_TS },
	/* mov ds, eax */
	{ VEC_NP, IDT_LONG64, CODE("\x8e\xd8"), 0, 0, IDT_ABSENT, .rax = IDT_ABSENT },
	{ VEC_SS, IDT_PROT32, CODE("\x8e\xd0"), 0, 0, IDT_ABSENT, .rax = IDT_ABSENT },
	{ VEC_GP, IDT_LONG64, CODE("\x8e\xd8"), 0, 0, 0x1f8, .rax = 0x1f8 },
	{ VEC_GP, IDT_USER64, CODE("\xf4"), 0, 0, 0, .rax = 0 },
	/* mov al, [rbx]; mov [rbx], al; jmp rbx */
	{ VEC_PF, IDT_LONG64, CODE("\x8a\x03"), 0, 0, 0, .rbx = UNMAPPED + 0x123 },
	{ VEC_PF, IDT_USER64, CODE("\x88\x03"), 0, 0, 6, .rbx = UNMAPPED + 0xfff },
	/* fldcw with #Z open; fld1; fldz; fdivp; fwait */
	{ VEC_MF, IDT_LONG64, CODE("\x66\xc7\x03\x7b\x03\xd9\x2b\xd9\xe8\xd9\xee\xde\xf9\x9b"),
	  13, 13, NO_ERR, .rbx = TEST_DATA },
	/* mov eax, [rbx] */
	{ VEC_AC, IDT_USER64, CODE("\x8b\x03"), 0, 0, 0, .rbx = TEST_DATA + 1,
	  .rflags = FLAG_AC, .cr0 = CR0_AM, .missing = true },
	/* ldmxcsr with #I open; divss xmm0, xmm1 */
	{ VEC_XM, IDT_LONG64, CODE("\xc7\x03\x00\x1f\x00\x00\x0f\xae\x13\xf3\x0f\x5e\xc1"),
	  9, 9, NO_ERR, .rbx = TEST_DATA, .missing = true },
};

#define NR_PROVOCATIONS	ARRAY_SIZE(provocations)

static void prepare(struct test_vm *vm, const struct provocation *p)
{
	struct svmvcpu_state state;

	memset(vm->mem + TEST_DATA, 0, 64);
	idt_put(vm, p->code, p->len);
	idt_setup(vm, p->mode);
	idt_get(vm, &state);
	state.gprs.rax = p->rax;
	state.gprs.rbx = p->rbx;
	state.gprs.rflags |= p->rflags;
	state.control.cr0 |= p->cr0;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
}

static void set_exits(struct test_vm *vm, uint32_t exceptions)
{
	if (svmvcpu_vcpu_set_exits(&vm->vcpu, exceptions))
		vm_die("SET_EXITS");
}

/* 0, or the number of the wrong field of the EXCEPTION on the run page */
static int check_exit(struct test_vm *vm, const struct provocation *p)
{
	const struct svmvcpu_exit_exception *exc = &vm->run->exception;

	if (vm->run->reason != SVMVCPU_EXIT_EXCEPTION)
		return 1;
	if ((int)exc->vector != p->vector || exc->mbz)
		return 2;
	if (vm->run->gprs.rip != TEST_CODE + p->at)
		return 3;
	if (p->error == NO_ERR && (exc->flags & SVMVCPU_EXC_ERROR_CODE))
		return 4;
	if (p->error != NO_ERR &&
	    (!(exc->flags & SVMVCPU_EXC_ERROR_CODE) || exc->error_code != p->error))
		return 4;
	if (!(exc->flags & SVMVCPU_EXC_ADDRESS) != (p->vector != VEC_PF && p->vector != VEC_DB))
		return 5;
	if (p->vector == VEC_PF && (exc->address != p->rbx || vm->run->cr2 == p->rbx))
		return 6;
	if (p->vector == VEC_DB && exc->address != (0xffff0ff0 | dr6_causes(1 << 14)))
		return 7;
	return exc->flags & SVMVCPU_EXC_INTERRUPT ? 8 : 0;
}

static int check_frame(struct test_vm *vm, const struct provocation *p,
		       const struct idt_outcome *out)
{
	if (out->vector != p->vector)
		return 11;
	if (out->rip != TEST_CODE + p->behind)
		return 12;
	if (p->mode != IDT_REAL && out->error != p->error)
		return 13;
	if ((out->rflags ^ p->rflags) & (FLAG_TF | FLAG_AC))
		return 14;
	/* VMRUN of Bochs does not load CR2. */
	if (p->vector == VEC_PF && vm->run->cr2 != p->rbx && !host_is_bochs())
		return 15;
	return 0;
}

/* An exit, the same again, then delivery to the guest */
static int provoke(struct test_vm *vm, const struct provocation *p)
{
	struct idt_outcome out;
	int step;

	prepare(vm, p);
	set_exits(vm, 1U << p->vector);
	if (idt_run(vm, &out))
		return -1;
	if (p->missing && host_is_tcg() && idt_finished(vm, p->len))
		return 0;
	step = check_exit(vm, p);
	if (step)
		return step;
	/* A trap is not repeated; here the next step traps. */
	if (p->vector != VEC_DB) {
		if (idt_run(vm, &out))
			return -2;
		step = check_exit(vm, p);
		if (step)
			return step + 20;
	}
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	if (idt_run(vm, &out))
		return -3;
	return check_frame(vm, p, &out);
}

TEST_F(exit_exception, again_and_delivered)
{
	unsigned int i;
	int step;

	for (i = 0; i < NR_PROVOCATIONS; i++) {
		step = provoke(&self->vm, &provocations[i]);
		EXPECT_EQ(0, step) {
			TH_LOG("vector %d in %s: wrong at %d: exit %s rip %#llx",
			       provocations[i].vector, idt_mode_names[provocations[i].mode], step,
			       svmvcpu_exit_name(self->vm.run->reason), self->vm.run->gprs.rip);
		}
	}
}

/* Without the option all go to the guest directly, with the same frames. */
TEST_F(exit_exception, not_asked_for)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	set_exits(vm, 0);
	for (i = 0; i < NR_PROVOCATIONS; i++) {
		const struct provocation *p = &provocations[i];

		prepare(vm, p);
		ASSERT_EQ(0, idt_run(vm, &out));
		if (p->missing && host_is_tcg() && idt_finished(vm, p->len))
			continue;
		EXPECT_EQ(0, check_frame(vm, p, &out))
			TH_LOG("vector %d in %s", p->vector, idt_mode_names[p->mode]);
	}
}

/* The VMM repairs the cause and the instruction executes. */
TEST_F(exit_exception, mended)
{
	struct test_vm *vm = &self->vm;
	static const struct provocation nm = {
		VEC_NM, IDT_LONG64, CODE("\xd9\xe8"), 0, 0, NO_ERR, .cr0 = CR0_TS,
	};
	struct svmvcpu_state state;

	prepare(vm, &nm);
	set_exits(vm, 1U << VEC_NM);
	RUN_EXPECT(vm, EXCEPTION);
	idt_get(vm, &state);
	state.control.cr0 &= ~CR0_TS;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_TRUE(idt_finished(vm, 2));

	/* or RIP is set behind it */
	vm_load(vm, TEST_CODE, "\x0f\x0b", 2);
	set_exits(vm, 1U << VEC_UD);
	IDT_REGS(vm, regs->rip = TEST_CODE);
	RUN_EXPECT(vm, EXCEPTION);
	vm->run->gprs.rip += 2;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	RUN_EXPECT(vm, HYPERCALL);
}

/* #TS: the stack segment for CPL 0 is invalid. */
TEST_F(exit_exception, invalid_tss)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_touch(vm, IDT_USER32);
	idt_put(vm, CODE("\xcd\x30"));
	idt_setup(vm, IDT_USER32);
	set_exits(vm, 1U << VEC_TS);
	memset(vm->mem + IDT_TSS + 8, 0, 2);
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_TS, vm->run->exception.vector);
	EXPECT_EQ(0U, vm->run->exception.error_code);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	/* With a valid stack the guest gets the exception. */
	vm->mem[IDT_TSS + 8] = IDT_DS;
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	RUN_VECTOR(vm, VEC_TS, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
}

/* INT n is delivered while #BP and #OF exit; its frame points behind it. */
TEST_F(exit_exception, software_interrupts)
{
	static const unsigned char vectors[] = { 3, 4, 0x30, 0x80, 0xff };
	struct test_vm *vm = &self->vm;
	unsigned int mode, i, exits;
	struct idt_outcome out;
	char code[] = "\xcd\x00";

	for (exits = 0; exits < 2; exits++)
		for (mode = 0; mode < IDT_NR_MODES; mode++)
			for (i = 0; i < sizeof(vectors); i++) {
				if (mode == IDT_VM86)
					continue;
				code[1] = vectors[i];
				idt_touch(vm, mode);
				idt_put(vm, code, 2);
				idt_setup(vm, mode);
				set_exits(vm, exits ? 1U << VEC_BP | 1U << VEC_OF : 0);
				ASSERT_EQ(0, idt_run(vm, &out));
				EXPECT_EQ((int)vectors[i], out.vector)
					TH_LOG("in %s", idt_mode_names[mode]);
				EXPECT_EQ(TEST_CODE + 2, out.rip);
				RUN_EXPECT(vm, HYPERCALL);
				EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
			}
}

/*
 * A #BP that the VMM injects after an INT3 of the guest: its delivery faults, and there
 * is no instruction to return to.
 */
TEST_F(exit_exception, injected_behind_an_int3)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_touch(vm, IDT_PROT32);
	idt_put(vm, CODE("\xcc\x90"));
	idt_setup(vm, IDT_PROT32);
	set_exits(vm, 1U << VEC_BP);
	RUN_EXPECT(vm, EXCEPTION);
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	RUN_VECTOR(vm, VEC_BP, &out);
	EXPECT_EQ(TEST_CODE + 1, out.rip);
	/* The gate is not present any more. */
	vm->mem[IDT_TABLE + VEC_BP * 8 + 5] &= 0x7f;
	IDT_REGS(vm, regs->rip = TEST_CODE + 1);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_BP;
	RUN_VECTOR(vm, VEC_NP, &out);
	EXPECT_EQ(TEST_CODE + 1, out.rip);
}

/*
 * From CPL 3, a gate for CPL 0 gives #GP at the INT, also when INT exits and the module
 * delivers it. So do other faults of the delivery.
 */
TEST_F(exit_exception, software_interrupt_without_privilege)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int exits;

	for (exits = 0; exits < 2; exits++) {
		idt_touch(vm, IDT_USER32);
		idt_put(vm, CODE("\xcd\x0e"));
		idt_setup(vm, IDT_USER32);
		set_exits(vm, exits ? 1U << VEC_BP : 0);
		RUN_VECTOR(vm, VEC_GP, &out);
		EXPECT_EQ(14U * 8 + 2, out.error);
		EXPECT_EQ(TEST_CODE, out.rip);
		/* The same for a gate that is not present ... */
		idt_put(vm, CODE("\xcd\x30"));
		idt_setup(vm, IDT_USER64);
		vm->mem[IDT_TABLE + 0x30 * 16 + 5] &= ~0x80;
		RUN_VECTOR(vm, VEC_NP, &out);
		EXPECT_EQ(TEST_CODE, out.rip);
		/* ... and once it is, the handler returns to the INT, which works. */
		vm->mem[IDT_TABLE + 0x30 * 16 + 5] |= 0x80;
		RUN_VECTOR(vm, 0x30, &out);
		EXPECT_EQ(TEST_CODE + 2, out.rip);
	}
}

/*
 * #GP(vector * 8 + 2). QEMU uses 16 where gates have 16 bytes, and Bochs sets EXT if
 * the trap was injected.
 */
static bool gate_error(uint32_t error, enum idt_mode mode, unsigned int vector)
{
	if (host_is_tcg() && idt_mode_is_long(mode))
		return error == vector * 16 + 2 || error == vector * 8 + 2;
	if (host_is_bochs())
		error &= ~1U;
	return error == vector * 8 + 2;
}

/*
 * INT3, INTO and INT n of vectors 3 and 4 from CPL 3, through a gate with DPL 0: #GP at
 * the instruction, whether the CPU or the module delivers them.
 */
TEST_F(exit_exception, traps_without_privilege)
{
	static const struct {
		const char *code;
		unsigned int len, vector;
	} traps[] = {
		{ CODE("\xcc"), VEC_BP }, { CODE("\xce"), VEC_OF },
		{ CODE("\xcd\x03"), VEC_BP }, { CODE("\xcd\x04"), VEC_OF },
	};
	static const enum idt_mode modes[] = { IDT_USER32, IDT_USER64, IDT_VM86 };
	enum { PLAIN, SEEN, FOLLOWED, INT3, STEPPED, HOW };
	struct svmvcpu_set_debug debug = { };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int m, i, how;

	for (m = 0; m < ARRAY_SIZE(modes); m++)
		for (i = 0; i < ARRAY_SIZE(traps); i++)
			for (how = 0; how < HOW; how++) {
				struct svmvcpu_exits exits = {
					.flags = how == FOLLOWED ? SVMVCPU_EXITS_FAULTS : 0,
					.exceptions = how == SEEN ? 1U << traps[i].vector : 0,
				};
				unsigned int gate = IDT_TABLE + traps[i].vector *
						    (modes[m] == IDT_USER64 ? 16 : 8);

				if ((modes[m] == IDT_USER64 && i == 1) ||
				    (how == STEPPED && host_is_bochs()))
					continue;
				idt_touch(vm, modes[m]);
				idt_put(vm, traps[i].code, traps[i].len);
				idt_setup(vm, modes[m]);
				IDT_REGS(vm, regs->rflags |= 1 << 11);
				vm->mem[gate + 5] &= ~0x60;
				ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
				debug.flags = how == INT3 ? SVMVCPU_DEBUG_INT3 :
					      how == STEPPED ? SVMVCPU_DEBUG_STEP : 0;
				ASSERT_EQ(0, svmvcpu_vcpu_set_debug(&vm->vcpu, &debug));
				ASSERT_EQ(0, idt_run(vm, &out));
				/* by then, or when the VMM has it delivered */
				if (vm->run->reason == SVMVCPU_EXIT_EXCEPTION ||
				    vm->run->reason == SVMVCPU_EXIT_DEBUG) {
					EXPECT_NE((int)PLAIN, (int)how);
					vm->run->in_flags = how == STEPPED ? 0 : SVMVCPU_RUN_INJECT;
					ASSERT_EQ(0, idt_run(vm, &out));
				}
				EXPECT_EQ(VEC_GP, out.vector)
					TH_LOG("%s: %u/%u", idt_mode_names[modes[m]], i, how);
				EXPECT_TRUE(gate_error(out.error, modes[m], traps[i].vector));
				EXPECT_EQ(TEST_CODE, out.rip);
			}
	debug.flags = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_set_debug(&vm->vcpu, &debug));
	set_exits(vm, 0);
}

/* INTO without overflow does nothing; INT3 goes to the guest if only #OF exits. */
TEST_F(exit_exception, traps_that_do_not_exit)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	set_exits(vm, 1U << VEC_OF);
	idt_exec(vm, IDT_PROT32, CODE("\xce"), &out);
	EXPECT_TRUE(idt_finished(vm, 1));
	idt_exec(vm, IDT_PROT32, CODE("\xcc"), &out);
	EXPECT_EQ(VEC_BP, out.vector);
	EXPECT_EQ(TEST_CODE + 1, out.rip);
}

/* Values that SET_EXITS accepts */
TEST_F(exit_exception, choice)
{
	const uint32_t never = 1U << 2 | 1U << 18 | 1U << 9 | 1U << 15 | 3U << 30;
	struct svmvcpu_exits exits = { .size = sizeof(exits) };
	int fd = self->vm.vcpu.fd;
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		bool refused = never & (1U << bit);

		/* those between are reserved */
		if (bit > VEC_XM && !refused)
			continue;
		exits.exceptions = 1U << bit;
		EXPECT_EQ(refused ? EINVAL : 0, ioctl_errno(fd, SVMVCPU_SET_EXITS, &exits));
	}
}

/*
 * Exceptions that the module raises exit like those of the CPU: for an instruction that
 * guests do not have, a refused register value, a step over an intercepted instruction.
 */
TEST_F(exit_exception, raised_by_the_module)
{
	static const struct provocation raised[] = {
		/* vmrun; mov cr0, eax with PG alone; rdpmc; cpuid under TF */
		{ VEC_UD, IDT_LONG64, CODE("\x0f\x01\xd8"), 0, 0, NO_ERR, .rax = 0 },
		{ VEC_GP, IDT_PROT32, CODE("\x0f\x22\xc0"), 0, 0, 0, .rax = CR0_PG },
		{ VEC_GP, IDT_LONG64, CODE("\x0f\x33"), 0, 0, 0, .rax = 0 },
		{ VEC_DB, IDT_LONG64, CODE("\x0f\xa2\x90"), 2, 2, NO_ERR, .rflags = FLAG_TF },
	};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		int step;

		/* see BOCHS_TF */
		if (raised[i].vector == VEC_DB && host_is_bochs())
			continue;
		step = provoke(&self->vm, &raised[i]);

		EXPECT_EQ(0, step) {
			TH_LOG("case %u: wrong at %d: exit %s rip %#llx", i, step,
			       svmvcpu_exit_name(self->vm.run->reason), self->vm.run->gprs.rip);
		}
	}
}

/* The same for faults of string I/O, whose address is not in CR2 before delivery */
TEST_F(exit_exception, page_fault_of_string_io)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_put(vm, CODE("\x6e"));
	idt_setup(vm, IDT_LONG64);
	set_exits(vm, 1U << VEC_PF);
	IDT_REGS(vm, regs->rsi = UNMAPPED + 5);
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_PF, vm->run->exception.vector);
	EXPECT_EQ(UNMAPPED + 5, vm->run->exception.address);
	EXPECT_CR2(vm, 0ULL);
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	RUN_VECTOR(vm, VEC_PF, &out);
	EXPECT_EQ(0U, out.error);
	EXPECT_CR2(vm, UNMAPPED + 5);
}

/* A step over an instruction that exits: first its exit, then the #DB. */
TEST_F(exit_exception, step_over_an_exit)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	idt_put(vm, CODE("\xe6\x80"));
	idt_setup(vm, IDT_PROT32);
	set_exits(vm, 1U << VEC_DB);
	IDT_REGS(vm, regs->rflags |= FLAG_TF);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_DB, vm->run->exception.vector);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	vm->run->in_flags = SVMVCPU_RUN_INJECT;
	RUN_VECTOR(vm, VEC_DB, &out);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
}

/* An exception that the VMM injects waits until the VMM has seen the pending one. */
TEST_F(exit_exception, inject_before_one_is_shown)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	idt_put(vm, CODE("\xe6\x80"));
	idt_setup(vm, IDT_PROT32);
	set_exits(vm, 1U << VEC_DB);
	IDT_REGS(vm, regs->rflags |= FLAG_TF);
	RUN_EXPECT(vm, IO);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_GP;
	vm->run->inject_error = 0x18;
	EXPECT_EQ(EAGAIN, vm_run(vm));
	vm->run->inject = 0;
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ((unsigned int)VEC_DB, vm->run->exception.vector);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_GP;
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(0x18U, out.error);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
}

TEST_HARNESS_MAIN
