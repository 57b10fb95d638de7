// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_SET_DEBUG, BREAKPOINTS and INT3: the VMM's breakpoints, which the guest
 * cannot see, and the guest's debug registers, which keep working. QEMU before 10 does
 * not load DR7 at VMRUN, so no breakpoint is ever hit: the tests detect that and skip.
 */
#include "guest_idt.h"

#define HANDLER(vector)	(IDT_STUBS + (vector) * 16UL)
#define DR7_EXEC(n)	(1ULL << (2 * (n)))
#define DR7_WRITE4(n)	(DR7_EXEC(n) | 0xdULL << (16 + 4 * (n)))

VM_FIXTURE(debug)

static void set_breakpoint(struct test_vm *vm, unsigned int nr, uint64_t at, uint64_t dr7,
			   uint32_t flags)
{
	struct svmvcpu_set_debug debug = {
		.flags = SVMVCPU_DEBUG_BREAKPOINTS | flags, .dr7 = dr7,
	};

	debug.db[nr] = at;
	if (svmvcpu_vcpu_set_debug(&vm->vcpu, &debug))
		vm_die("SET_DEBUG");
}

static void set_debug(struct test_vm *vm, uint32_t flags)
{
	struct svmvcpu_set_debug debug = { .flags = flags };

	if (svmvcpu_vcpu_set_debug(&vm->vcpu, &debug))
		vm_die("SET_DEBUG");
}

/* Does a breakpoint that a guest sets work? */
static bool breakpoints_work(struct test_vm *vm)
{
	struct svmvcpu_state state;
	struct idt_outcome out;

	idt_put(vm, CODE("\x90\x90"));
	idt_setup(vm, IDT_LONG64);
	idt_get(vm, &state);
	state.debug.db[2] = TEST_CODE + 1;
	state.debug.dr7 = 0x400 | DR7_EXEC(2);
	idt_set(vm, &state, SVMVCPU_STATE_DEBUG);
	if (idt_run(vm, &out))
		vm_die("RUN");
	return out.vector == VEC_DB;
}

/* The reason why the VMM's breakpoints cannot be tested here, or NULL */
static const char *no_breakpoints(struct test_vm *vm)
{
	if (!breakpoints_work(vm))
		return "this CPU does not load DR7 at VMRUN";
	return host_is_bochs() ? "Bochs: the #DB intercept sees no cause in DR6" : NULL;
}

/* The guest reads its own values from the registers, and they cause its breaks. */
TEST_F(debug, registers_of_the_guest)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	/* mov dr0, rbx; mov dr7, rcx; mov rsi, dr0; mov rdi, dr7; mov rdx, dr6; nop */
	idt_put(vm, CODE("\x0f\x23\xc3\x0f\x23\xf9\x0f\x21\xc6\x0f\x21\xff\x0f\x21\xf2\x90"));
	idt_setup(vm, IDT_LONG64);
	set_breakpoint(vm, 0, TEST_DATA, DR7_WRITE4(0), 0);
	/* at the NOP, which does not break while the VMM has breakpoints */
	IDT_REGS(vm, regs->rbx = TEST_CODE + 15; regs->rcx = 0x400 | DR7_EXEC(0));
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(TEST_CODE + 15, vm->run->gprs.rsi);
	EXPECT_EQ(0x400 | DR7_EXEC(0), vm->run->gprs.rdi);
	EXPECT_EQ(0xffff0ff0ULL, vm->run->gprs.rdx);
	idt_get(vm, &state);
	EXPECT_EQ(TEST_CODE + 15, state.debug.db[0]);
	EXPECT_EQ(0x400 | DR7_EXEC(0), state.debug.dr7);
	set_debug(vm, 0);
}

TEST_F(debug, at_code)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	const char *why;

	why = no_breakpoints(vm);
	if (why)
		SKIP(return, "%s", why);
	idt_put(vm, CODE("\x90\x90\x90"));
	idt_setup(vm, IDT_LONG64);
	set_breakpoint(vm, 3, TEST_CODE + 1, DR7_EXEC(3), 0);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_BREAKPOINTS, vm->run->debug.cause);
	EXPECT_EQ(8ULL, vm->run->debug.dr6);
	EXPECT_EQ(TEST_CODE + 1, vm->run->debug.rip);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	EXPECT_NE(0ULL, vm->run->gprs.rflags & FLAG_RF);
	idt_get(vm, &state);
	EXPECT_EQ(0xffff0ff0ULL, state.debug.dr6);
	/* and on */
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(TEST_CODE + 3, vm->run->gprs.rip);
	set_debug(vm, 0);
}

#define STEPPED_RSP	(TEST_STACK - 256)

/* At an instruction that the guest has a breakpoint at, and that the VMM steps */
static void start_at_breakpoint(struct test_vm *vm, const char *code, unsigned int len)
{
	/* for POPF, which restores RIP, and IRET */
	static const uint64_t frame[5] = { TEST_CODE + 0x40, IDT_CS, 2, TEST_STACK, IDT_DS };
	struct svmvcpu_state state;

	idt_put(vm, code, len);
	idt_setup(vm, IDT_LONG64);
	memcpy(vm->mem + STEPPED_RSP, frame, sizeof(frame));
	idt_get(vm, &state);
	state.gprs.rsp = STEPPED_RSP;
	state.control.efer |= EFER_SCE;
	state.msrs.lstar = TEST_CODE + 0x80;
	state.msrs.star = (uint64_t)IDT_CS << 32;
	state.msrs.sfmask = FLAG_IF;
	state.debug.db[0] = TEST_CODE;
	state.debug.dr7 = 0x400 | DR7_EXEC(0);
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL |
		SVMVCPU_STATE_MSRS | SVMVCPU_STATE_DEBUG);
	set_debug(vm, SVMVCPU_DEBUG_STEP);
}

/*
 * The #DB comes first; its frame, what the instruction pushes and registers that it
 * loads do not show the VMM's TF.
 */
TEST_F(debug, in_front_of_a_step)
{
	static const struct {
		const char *name;
		const char *code;
		unsigned int len;
		uint64_t next;
	} cases[] = {
		{ "pushf", CODE("\x9c\x90"), TEST_CODE + 1 },
		{ "popf", CODE("\x9d\x90"), TEST_CODE + 1 },
		{ "iret", CODE("\x48\xcf"), TEST_CODE + 0x40 },
		{ "syscall", CODE("\x0f\x05"), TEST_CODE + 0x80 },
	};
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t pushed;
	unsigned int i;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	if (!breakpoints_work(vm))
		SKIP(return, "this CPU does not load DR7 at VMRUN");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_at_breakpoint(vm, cases[i].code, cases[i].len);
		RUN_EXPECT(vm, DEBUG);
		EXPECT_EQ(HANDLER(VEC_DB), vm->run->gprs.rip)
			TH_LOG("%s", cases[i].name);
		RUN_VECTOR(vm, VEC_DB, &out);
		EXPECT_EQ(TEST_CODE, out.rip);
		EXPECT_EQ(0ULL, out.rflags & FLAG_TF)
			TH_LOG("%s", cases[i].name);
		/* As a debugger in the guest does to get past it */
		vm->mem[out.frame + 16 + 2] |= FLAG_RF >> 16;
		RUN_EXPECT(vm, DEBUG);	/* behind HLT */
		RUN_EXPECT(vm, DEBUG);	/* IRET */
		EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
		RUN_EXPECT(vm, DEBUG);
		EXPECT_EQ(cases[i].next, vm->run->gprs.rip)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(0ULL, vm->run->gprs.rflags & FLAG_TF);
		memcpy(&pushed, vm->mem + STEPPED_RSP - 8, 8);
		if (!strcmp(cases[i].name, "pushf"))
			EXPECT_EQ(0ULL, pushed & FLAG_TF);
		if (!strcmp(cases[i].name, "syscall"))
			EXPECT_EQ(0ULL, vm->run->gprs.r11 & FLAG_TF);
		set_debug(vm, 0);
	}
}

TEST_F(debug, at_data)
{
	struct test_vm *vm = &self->vm;
	const char *why;

	why = no_breakpoints(vm);
	if (why)
		SKIP(return, "%s", why);
	idt_put(vm, CODE("\x90\x89\x03\x90"));	/* nop; mov [rbx], eax; nop */
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rbx = TEST_DATA);
	set_breakpoint(vm, 1, TEST_DATA, DR7_WRITE4(1), 0);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_BREAKPOINTS, vm->run->debug.cause);
	EXPECT_EQ(2ULL, vm->run->debug.dr6);
	EXPECT_EQ(TEST_CODE + 3, vm->run->gprs.rip);
	RUN_EXPECT(vm, HYPERCALL);

	/* with a step at the same time */
	IDT_REGS(vm, regs->rip = TEST_CODE);
	set_breakpoint(vm, 1, TEST_DATA, DR7_WRITE4(1), SVMVCPU_DEBUG_STEP);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_STEP, vm->run->debug.cause);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_STEP | SVMVCPU_DEBUG_BREAKPOINTS,
		  vm->run->debug.cause);
	EXPECT_EQ(0x4002ULL, vm->run->debug.dr6);
	set_debug(vm, 0);
}

/* The guest's breakpoints work again when the VMM's are removed. */
TEST_F(debug, guest_breakpoints)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	const char *why;

	why = no_breakpoints(vm);
	if (why)
		SKIP(return, "%s", why);
	idt_put(vm, CODE("\x90\x90"));
	idt_setup(vm, IDT_LONG64);
	idt_get(vm, &state);
	state.debug.db[0] = TEST_CODE + 1;
	state.debug.dr7 = 0x400 | DR7_EXEC(0);
	idt_set(vm, &state, SVMVCPU_STATE_DEBUG);
	set_breakpoint(vm, 0, TEST_FREE, DR7_EXEC(0), 0);
	RUN_EXPECT(vm, HYPERCALL);
	set_debug(vm, 0);
	IDT_REGS(vm, regs->rip = TEST_CODE);
	RUN_VECTOR(vm, VEC_DB, &out);
	EXPECT_EQ(TEST_CODE + 1, out.rip);
	idt_get(vm, &state);
	EXPECT_EQ(1ULL, state.debug.dr6 & 0xf);
	/* also during the VMM's steps */
	idt_setup(vm, IDT_LONG64);
	idt_get(vm, &state);
	state.debug.db[0] = TEST_CODE + 1;
	state.debug.dr7 = 0x400 | DR7_EXEC(0);
	idt_set(vm, &state, SVMVCPU_STATE_DEBUG);
	set_debug(vm, SVMVCPU_DEBUG_STEP);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(HANDLER(VEC_DB), vm->run->gprs.rip);
	idt_get(vm, &state);
	EXPECT_EQ(1ULL, state.debug.dr6 & 0x400f);
	set_debug(vm, 0);
}

/* INT3: an exit at the instruction; it executes again, or the guest gets the #BP. */
TEST_F(debug, int3)
{
	static const enum idt_mode modes[] = { IDT_REAL, IDT_PROT32, IDT_LONG64, IDT_USER64 };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int m, step, steps = host_is_bochs() ? 1 : 2;	/* BOCHS_TF */

	for (m = 0; m < ARRAY_SIZE(modes); m++)
		for (step = 0; step < steps; step++) {
			idt_put(vm, CODE("\x90\xcc\x90"));
			idt_setup(vm, modes[m]);
			set_debug(vm, SVMVCPU_DEBUG_INT3 | (step ? SVMVCPU_DEBUG_STEP : 0));
			if (step)
				RUN_EXPECT(vm, DEBUG);
			RUN_EXPECT(vm, DEBUG);
			EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_INT3, vm->run->debug.cause);
			EXPECT_EQ(0ULL, vm->run->debug.dr6);
			EXPECT_EQ(TEST_CODE + 1, vm->run->debug.rip);
			EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
			/* The INT3 is still there. */
			RUN_EXPECT(vm, DEBUG);
			EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
			/* The guest itself had put it there. */
			vm->run->in_flags = SVMVCPU_RUN_INJECT;
			if (step) {
				RUN_EXPECT(vm, DEBUG);
				EXPECT_EQ(HANDLER(VEC_BP), vm->run->gprs.rip);
			}
			RUN_VECTOR(vm, VEC_BP, &out);
			EXPECT_EQ(TEST_CODE + 2, out.rip);
			EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
			/* The VMM removes it and the guest continues. */
			idt_setup(vm, modes[m]);
			set_debug(vm, SVMVCPU_DEBUG_INT3);
			RUN_EXPECT(vm, DEBUG);
			vm->mem[TEST_CODE + 1] = 0x90;
			RUN_EXPECT(vm, HYPERCALL);
			EXPECT_EQ(TEST_CODE + 3, vm->run->gprs.rip);
		}
	/* It precedes SET_EXITS, and leaves nothing pending. */
	idt_put(vm, CODE("\xcc"));
	idt_setup(vm, IDT_LONG64);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << VEC_BP));
	RUN_EXPECT(vm, DEBUG);
	set_debug(vm, 0);
	RUN_EXPECT(vm, EXCEPTION);
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 0));
	RUN_VECTOR(vm, VEC_BP, &out);
}

/* The linear address includes the base of the segment. */
TEST_F(debug, linear_rip)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	vm_load(vm, 0x5010, "\x90\xcc", 2);
	vm_setup(vm, SVMVCPU_PRESET_REAL);
	idt_get(vm, &state);
	state.segments.cs.base = 0x5000;
	state.segments.cs.selector = 0x500;
	state.gprs.rip = 0x10;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS);
	set_debug(vm, SVMVCPU_DEBUG_STEP | SVMVCPU_DEBUG_INT3);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(0x11ULL, vm->run->gprs.rip);
	EXPECT_EQ(0x5011ULL, vm->run->debug.rip);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_INT3, vm->run->debug.cause);
	EXPECT_EQ(0x5011ULL, vm->run->debug.rip);
	set_debug(vm, 0);
}

TEST_HARNESS_MAIN
