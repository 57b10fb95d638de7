// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_SET_DEBUG, STEP: DEBUG after each instruction, whoever executes it, and after
 * each event. The guest cannot notice, not even from RFLAGS on its stack or in R11, and
 * its own TF keeps working. debug_break.c has breakpoints.
 *
 * emulator: qemu, Bochs: the trap of an instruction that exits goes to the host
 */
#include "guest_idt.h"

#define UNMAPPED	0x40000000UL	/* behind the identity map */
#define HANDLER(vector)	(IDT_STUBS + (vector) * 16UL)
#define DR6_BS		(1ULL << 14)

VM_FIXTURE(step)

static void set_debug(struct test_vm *vm, uint32_t flags)
{
	struct svmvcpu_set_debug debug = { .flags = flags };

	if (svmvcpu_vcpu_set_debug(&vm->vcpu, &debug))
		vm_die("SET_DEBUG");
}

static void start(struct test_vm *vm, enum idt_mode mode, const char *code, unsigned int len)
{
	idt_put(vm, code, len);
	idt_setup(vm, mode);
	set_debug(vm, SVMVCPU_DEBUG_STEP);
}

/* RUN, and expect one step to @rip. */
#define STEP_TO(vm, to)							\
do {									\
	RUN_EXPECT(vm, DEBUG);						\
	EXPECT_EQ((uint64_t)(to), (vm)->run->gprs.rip);			\
	EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_STEP, (vm)->run->debug.cause);	\
	EXPECT_EQ(DR6_BS, (vm)->run->debug.dr6);			\
	EXPECT_EQ((uint64_t)(to), (vm)->run->debug.rip);		\
	EXPECT_EQ(0U, (vm)->run->debug.mbz);				\
	EXPECT_EQ(0ULL, (vm)->run->gprs.rflags & FLAG_TF);		\
} while (0)

/* One instruction each, executed by the CPU or the module, that changes nothing here */
static const struct insn {
	const char *name;
	const char *code;
	unsigned int len;
	bool user;
	bool protected;
} insns[] = {
	{ "nop",	CODE("\x90"), true, false },
	{ "mov",	CODE("\x89\xc8"), true, false },
	{ "cpuid",	CODE("\x0f\xa2"), true, false },
	{ "mov cr0",	CODE("\x0f\x20\xc0"), false, false },
	{ "mov dr6",	CODE("\x0f\x21\xf3"), false, false },
	{ "wbinvd",	CODE("\x0f\x09"), false, false },
	{ "smsw",	CODE("\x0f\x01\xe0"), true, false },
	{ "pushf",	CODE("\x9c"), true, false },
	{ "jmp",	CODE("\xeb\x00"), true, false },
	{ "lmsw",	CODE("\x0f\x01\xf0"), false, true },
};

TEST_F(step, one_instruction)
{
	struct test_vm *vm = &self->vm;
	unsigned int mode, i, k;

	for (mode = 0; mode < IDT_NR_MODES; mode++)
		for (i = 0; i < ARRAY_SIZE(insns); i++) {
			char code[32];
			unsigned int len = insns[i].len;

			if ((idt_mode_is_user(mode) && !insns[i].user) ||
			    (mode == IDT_REAL && insns[i].protected))
				continue;
			for (k = 0; k < 3; k++)
				memcpy(code + k * len, insns[i].code, len);
			start(vm, mode, code, 3 * len);
			IDT_REGS(vm, regs->rax = 1; regs->rflags |= FLAG_IOPL3);
			for (k = 1; k <= 3; k++) {
				ASSERT_EQ(0, vm_run(vm));
				EXPECT_EQ((unsigned int)SVMVCPU_EXIT_DEBUG, vm->run->reason);
				EXPECT_EQ(TEST_CODE + k * len, vm->run->gprs.rip)
					TH_LOG("%s in %s", insns[i].name, idt_mode_names[mode]);
			}
			set_debug(vm, 0);
			RUN_EXPECT(vm, HYPERCALL);
		}
}

/* Instructions that exit: first their exit, then one DEBUG */
TEST_F(step, exits_come_first)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, CODE("\xe6\x10\xe4\x11\xf4\x0f\x01\xd9\x0f\x32\x90"));
	IDT_REGS(vm, regs->rcx = 0x1b);
	RUN_EXPECT(vm, IO);			/* out */
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	STEP_TO(vm, TEST_CODE + 2);
	RUN_EXPECT(vm, IO);			/* in */
	vm->run->answer = 0x42;
	STEP_TO(vm, TEST_CODE + 4);
	EXPECT_EQ(0x42ULL, vm->run->gprs.rax & 0xff);
	RUN_EXPECT(vm, HALT);
	STEP_TO(vm, TEST_CODE + 5);
	RUN_EXPECT(vm, HYPERCALL);
	vm->run->answer = 7;
	STEP_TO(vm, TEST_CODE + 8);
	EXPECT_EQ(7ULL, vm->run->gprs.rax);
	RUN_EXPECT(vm, MSR_READ);
	vm->run->answer = 9;
	STEP_TO(vm, TEST_CODE + 10);
	STEP_TO(vm, TEST_CODE + 11);
}

/* A kick in between loses nothing. */
TEST_F(step, kicked)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, CODE("\xe6\x10\x90\x90"));
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	RUN_EXPECT(vm, INTERRUPTED);
	STEP_TO(vm, TEST_CODE + 2);
	STEP_TO(vm, TEST_CODE + 3);
	/* a step that was cancelled does not come */
	idt_put(vm, CODE("\xe6\x10\x90\x90"));
	IDT_REGS(vm, regs->rip = TEST_CODE);
	RUN_EXPECT(vm, IO);
	set_debug(vm, 0);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(TEST_CODE + 4, vm->run->gprs.rip);
}

TEST_F(step, rep)
{
	struct test_vm *vm = &self->vm;
	unsigned int steps;

	start(vm, IDT_LONG64, CODE("\xf3\xa4\x90"));		/* rep movsb */
	IDT_REGS(vm, regs->rcx = 4; regs->rsi = TEST_DATA; regs->rdi = TEST_FREE);
	vm_load(vm, TEST_DATA, "abcd", 4);
	for (steps = 1; steps < 9; steps++) {
		RUN_EXPECT(vm, DEBUG);
		if (vm->run->gprs.rip == TEST_CODE + 2)
			break;
		EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
		EXPECT_EQ(4 - steps, vm->run->gprs.rcx);
	}
	EXPECT_LE(4U, steps);
	EXPECT_GE(5U, steps);
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "abcd", 4));
	STEP_TO(vm, TEST_CODE + 3);

	start(vm, IDT_LONG64, CODE("\xf3\x6e\x90"));		/* rep outsb */
	IDT_REGS(vm, regs->rcx = 4; regs->rsi = TEST_DATA);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(4U, vm->run->io.count);
	STEP_TO(vm, TEST_CODE + 2);
}

/* Device memory; a REP traps after each element, as with TF. */
TEST_F(step, mmio)
{
	struct svmvcpu_exits exits = { .decode = SVMVCPU_DECODE_MMIO };
	struct test_vm *vm = &self->vm;

	start(vm, IDT_PROT32, CODE("\x88\x03\xf3\xaa\x90"));	/* mov [ebx], al; rep stosb */
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	IDT_REGS(vm, regs->rbx = TEST_MEM; regs->rdi = TEST_MEM; regs->rcx = 2);
	RUN_EXPECT(vm, MMIO);
	STEP_TO(vm, TEST_CODE + 2);
	RUN_EXPECT(vm, MMIO);
	STEP_TO(vm, TEST_CODE + 2);
	RUN_EXPECT(vm, MMIO);
	STEP_TO(vm, TEST_CODE + 4);
	exits.decode = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
}

/* PUSHF of each width pushes the guest's flags. */
TEST_F(step, pushf)
{
	static const struct {
		enum idt_mode mode;
		const char *code;
		unsigned int len;
		unsigned int bytes;
	} cases[] = {
		{ IDT_REAL, CODE("\x9c"), 2 }, { IDT_REAL, CODE("\x66\x9c"), 4 },
		{ IDT_PROT32, CODE("\x9c"), 4 }, { IDT_PROT32, CODE("\x66\x9c"), 2 },
		{ IDT_USER32, CODE("\x9c"), 4 }, { IDT_COMPAT32, CODE("\x9c"), 4 },
		{ IDT_LONG64, CODE("\x9c"), 8 }, { IDT_LONG64, CODE("\x66\x9c"), 2 },
		{ IDT_USER64, CODE("\x9c"), 8 }, { IDT_VM86, CODE("\x9c"), 2 },
	};
	struct test_vm *vm = &self->vm;
	unsigned int i, tf;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (tf = 0; tf < 2; tf++) {
			uint64_t at = TEST_STACK - cases[i].bytes, image = 0;

			start(vm, cases[i].mode, cases[i].code, cases[i].len);
			memset(vm->mem + TEST_STACK - 16, 0xff, 16);
			IDT_REGS(vm, regs->rflags |= 0x8d5 | (tf ? FLAG_TF : 0));
			RUN_EXPECT(vm, DEBUG);
			EXPECT_EQ(at, vm->run->gprs.rsp);
			memcpy(&image, vm->mem + at, cases[i].bytes);
			EXPECT_EQ(0x8d7ULL | (tf ? FLAG_TF : 0), image & 0xfd7)
				TH_LOG("case %u, tf %u", i, tf);
			EXPECT_EQ(0xff, vm->mem[at - 1]);
		}
}

/* An event is a step: the next DEBUG is in its handler, whose frame does not show TF. */
TEST_F(step, events)
{
	static const struct {
		const char *code;
		unsigned int len;
		int vector;
		unsigned int behind;
	} cases[] = {
		{ CODE("\x0f\x0b"), VEC_UD, 0 },
		{ CODE("\x8a\x03"), VEC_PF, 0 },		/* mov al, [ebx] */
		{ CODE("\xf1"), VEC_DB, 1 },			/* int1 */
		{ CODE("\xcc"), VEC_BP, 1 },
		{ CODE("\xcd\x40"), 0x40, 2 },
		{ CODE("\x66\xcd\x40"), 0x40, 3 },
		{ CODE("\x0f\x01\xd8"), VEC_UD, 0 },		/* vmrun */
	};
	static const enum idt_mode modes[] = { IDT_PROT32, IDT_COMPAT32, IDT_LONG64, IDT_USER64 };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int m, i;

	for (m = 0; m < ARRAY_SIZE(modes); m++)
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			/* VMRUN in user code is #GP. */
			if (cases[i].len == 3 && cases[i].vector == VEC_UD &&
			    idt_mode_is_user(modes[m]))
				continue;
			/* TCG lacks INT1; without paging everything is mapped. */
			if ((cases[i].vector == VEC_DB && host_is_tcg()) ||
			    (cases[i].vector == VEC_PF && modes[m] == IDT_PROT32))
				continue;
			start(vm, modes[m], cases[i].code, cases[i].len);
			IDT_REGS(vm, regs->rbx = UNMAPPED);
			RUN_EXPECT(vm, DEBUG);
			EXPECT_EQ(HANDLER(cases[i].vector), vm->run->gprs.rip)
				TH_LOG("case %u in %s", i, idt_mode_names[modes[m]]);
			RUN_VECTOR(vm, cases[i].vector, &out);
			EXPECT_EQ(TEST_CODE + cases[i].behind, out.rip);
			EXPECT_EQ(0ULL, out.rflags & FLAG_TF)
				TH_LOG("case %u in %s", i, idt_mode_names[modes[m]]);
			if (cases[i].vector == VEC_PF)
				EXPECT_EQ(UNMAPPED, vm->run->cr2);
			STEP_TO(vm, HANDLER(cases[i].vector) + 1);
			if (idt_has_error(cases[i].vector))
				RUN_EXPECT(vm, DEBUG);
			/* IRET */
			STEP_TO(vm, TEST_CODE + cases[i].behind);
		}
}

TEST_F(step, events_in_real_mode)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	start(vm, IDT_REAL, CODE("\xcd\x40"));
	STEP_TO(vm, HANDLER(0x40));
	RUN_VECTOR(vm, 0x40, &out);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
	STEP_TO(vm, HANDLER(0x40) + 1);
	STEP_TO(vm, TEST_CODE + 2);
}

/* A fault during the delivery of another one is no step. */
TEST_F(step, fault_upon_fault)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	start(vm, IDT_LONG64, CODE("\xcd\x40"));
	vm->mem[IDT_TABLE + 0x40 * 16 + 5] = 0;
	STEP_TO(vm, HANDLER(VEC_GP));
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
}

TEST_F(step, interrupt_and_nmi)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	start(vm, IDT_LONG64, CODE("\x90\x90\x90\x90"));
	IDT_REGS(vm, regs->rflags |= FLAG_IF);
	STEP_TO(vm, TEST_CODE + 1);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x50;
	STEP_TO(vm, HANDLER(0x50));
	RUN_VECTOR(vm, 0x50, &out);
	EXPECT_EQ(TEST_CODE + 1, out.rip);
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
	STEP_TO(vm, HANDLER(0x50) + 1);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	STEP_TO(vm, HANDLER(2));
	/* the second one waits for the end of the first, and is a step then */
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	RUN_VECTOR(vm, 2, &out);
	EXPECT_EQ(HANDLER(0x50) + 1, out.rip);
	STEP_TO(vm, HANDLER(2) + 1);
	STEP_TO(vm, HANDLER(0x50) + 1);
	STEP_TO(vm, HANDLER(2));
	RUN_VECTOR(vm, 2, &out);
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
	STEP_TO(vm, HANDLER(2) + 1);
	STEP_TO(vm, HANDLER(0x50) + 1);
	STEP_TO(vm, TEST_CODE + 1);
	STEP_TO(vm, TEST_CODE + 2);
}

/*
 * STI and MOV SS: after MOV SS a CPU traps one instruction later, QEMU before 10 does
 * so after STI.
 */
TEST_F(step, shadows)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, CODE("\xfb\x90\x8e\xd0\x90\x90"));
	IDT_REGS(vm, regs->rax = IDT_DS);
	RUN_EXPECT(vm, DEBUG);
	if (vm->run->gprs.rip == TEST_CODE + 1)
		RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	RUN_EXPECT(vm, DEBUG);
	if (vm->run->gprs.rip == TEST_CODE + 4)
		RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 5, vm->run->gprs.rip);
	STEP_TO(vm, TEST_CODE + 6);
}

/* The guest steps itself: it gets its #DB, and the VMM its DEBUG. */
TEST_F(step, guest_steps_itself)
{
	static const char * const codes[] = { "\x90\x90", "\x0f\xa2" };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		uint64_t behind = TEST_CODE + 1 + i;

		start(vm, IDT_LONG64, codes[i], 2);
		IDT_REGS(vm, regs->rflags |= FLAG_TF);
		RUN_EXPECT(vm, DEBUG);
		EXPECT_EQ(behind, vm->run->gprs.rip);
		EXPECT_NE(0ULL, vm->run->gprs.rflags & FLAG_TF);
		STEP_TO(vm, HANDLER(VEC_DB));
		RUN_VECTOR(vm, VEC_DB, &out);
		EXPECT_EQ(behind, out.rip);
		EXPECT_NE(0ULL, out.rflags & FLAG_TF);
		idt_get(vm, &state);
		EXPECT_EQ(DR6_BS, state.debug.dr6 & 0xe00f);
	}
}

/* The guest sets TF by POPF or IRET and clears it again: DR6 shows nothing of the VMM. */
TEST_F(step, guest_loads_tf)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;

	start(vm, IDT_LONG64, CODE("\x9d\x90\x90"));
	memcpy(vm->mem + TEST_STACK - 8, &(uint64_t){ FLAG_TF | 2 }, 8);
	IDT_REGS(vm, regs->rsp = TEST_STACK - 8);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	EXPECT_NE(0ULL, vm->run->gprs.rflags & FLAG_TF);
	idt_get(vm, &state);
	EXPECT_EQ(0ULL, state.debug.dr6 & 0xe00f);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	STEP_TO(vm, HANDLER(VEC_DB));
	/* IRET with TF in the frame */
	RUN_VECTOR(vm, VEC_DB, &out);
	EXPECT_EQ(TEST_CODE + 2, out.rip);
	STEP_TO(vm, HANDLER(VEC_DB) + 1);
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	EXPECT_NE(0ULL, vm->run->gprs.rflags & FLAG_TF);
	/* and without */
	RUN_EXPECT(vm, DEBUG);
	STEP_TO(vm, HANDLER(VEC_DB));
	RUN_VECTOR(vm, VEC_DB, &out);
	vm->mem[out.frame + 17] &= ~1;
	STEP_TO(vm, HANDLER(VEC_DB) + 1);
	STEP_TO(vm, TEST_CODE + 3);
}

/* Both step: EXCEPTION for the guest's #DB, then DEBUG. */
TEST_F(step, vmm_looks_at_the_guests_db)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		start(vm, IDT_LONG64, i ? "\x0f\xa2" : "\x66\x90", 2);
		ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 1U << VEC_DB));
		IDT_REGS(vm, regs->rflags |= FLAG_TF);
		RUN_EXPECT(vm, EXCEPTION);
		EXPECT_EQ((unsigned int)VEC_DB, vm->run->exception.vector);
		EXPECT_EQ(0xffff4ff0ULL, vm->run->exception.address);
		EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
		vm->run->in_flags = SVMVCPU_RUN_INJECT;
		RUN_EXPECT(vm, DEBUG);
		EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
		STEP_TO(vm, HANDLER(VEC_DB));
		RUN_VECTOR(vm, VEC_DB, &out);
		/* without a TF of its own the guest has nothing to see */
		start(vm, IDT_LONG64, i ? "\x0f\xa2" : "\x66\x90", 2);
		STEP_TO(vm, TEST_CODE + 2);
	}
	ASSERT_EQ(0, svmvcpu_vcpu_set_exits(&vm->vcpu, 0));
}

#define SYS_ENTRY	(TEST_FREE + 0x1000)

/* SYSCALL and SYSRET, with all values of TF in SFMASK and R11 */
TEST_F(step, syscall)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	unsigned int masked, tf;

	for (masked = 0; masked < 2; masked++)
		for (tf = 0; tf < 2; tf++) {
			start(vm, IDT_USER64, CODE("\x0f\x05\x90"));
			vm_load(vm, SYS_ENTRY, "\x90\x48\x0f\x07", 4);
			idt_get(vm, &state);
			state.control.efer |= EFER_SCE;
			state.msrs.lstar = SYS_ENTRY;
			/* SYSRET: 64-bit CS at + 16, SS at + 8 */
			state.msrs.star = (uint64_t)IDT_CS << 32 | (uint64_t)IDT_UCS32 << 48;
			state.msrs.sfmask = masked ? FLAG_TF | FLAG_IF : FLAG_IF;
			idt_set(vm, &state, SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_MSRS);
			STEP_TO(vm, SYS_ENTRY);
			EXPECT_EQ(0, vm->run->cpl);
			EXPECT_EQ(0ULL, vm->run->gprs.r11 & FLAG_TF);
			idt_get(vm, &state);
			EXPECT_EQ(masked ? FLAG_TF | FLAG_IF : FLAG_IF, state.msrs.sfmask);
			STEP_TO(vm, SYS_ENTRY + 1);
			IDT_REGS(vm, regs->r11 = 2 | (tf ? FLAG_TF : 0));
			RUN_EXPECT(vm, DEBUG);
			EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
			EXPECT_EQ(3, vm->run->cpl);
			EXPECT_EQ(tf ? FLAG_TF : 0, vm->run->gprs.rflags & FLAG_TF);
			EXPECT_EQ(2 | (tf ? FLAG_TF : 0), vm->run->gprs.r11);
		}
}

#define SYS_TARGET	(TEST_CODE + 0x800)

/* SYSRET in compatibility mode is left out: QEMU loads RFLAGS from R11 there, a CPU does not. */
static const struct system_call {
	const char *name;
	enum idt_mode mode;
	bool compat;
	const char *code;
	unsigned int len;
} system_calls[] = {
	{ "legacy syscall", IDT_USER32, false, CODE("\x0f\x05") },
	{ "compat syscall", IDT_USER64, true, CODE("\x0f\x05") },
	{ "syscall", IDT_USER64, false, CODE("\x0f\x05") },
	{ "legacy sysret", IDT_PROT32, false, CODE("\x0f\x07") },
	{ "sysret", IDT_LONG64, false, CODE("\x0f\x07") },
	{ "sysretq", IDT_LONG64, false, CODE("\x48\x0f\x07") },
};

/* The registers that it leaves, and how the guest continues */
struct system_call_end {
	uint64_t rcx, r11, sfmask, tf, rip, pushed_rip, pushed_tf;
	int vector;
};

/* Bits of @tf: TF is set in RFLAGS, in R11, in SFMASK. */
static void system_call_start(struct test_vm *vm, const struct system_call *c, unsigned int tf)
{
	struct svmvcpu_state state;

	start(vm, c->mode, c->code, c->len);
	vm_load(vm, SYS_TARGET, "\x90\x90\x0f\x01\xd9", 5);
	idt_get(vm, &state);
	state.control.efer |= EFER_SCE;
	state.msrs.star = SYS_TARGET | (uint64_t)IDT_CS << 32 | (uint64_t)IDT_UCS32 << 48;
	state.msrs.lstar = SYS_TARGET;
	state.msrs.cstar = SYS_TARGET;
	state.msrs.sfmask = tf & 4 ? FLAG_TF : 0;
	state.gprs.rcx = SYS_TARGET;
	state.gprs.r11 = 0x1234567890000002ULL | (tf & 2 ? FLAG_TF : 0);
	state.gprs.rflags |= tf & 1 ? FLAG_TF : 0;
	if (c->compat) {
		state.segments.cs.selector = IDT_UCS32;
		state.segments.cs.attrib = 0xcfb;
	}
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_MSRS |
		SVMVCPU_STATE_SEGMENTS);
}

static struct system_call_end system_call_end(struct test_vm *vm)
{
	struct system_call_end end = { };
	struct svmvcpu_state state;
	struct idt_outcome out;

	set_debug(vm, 0);
	if (idt_run(vm, &out))
		vm_die("RUN");
	idt_get(vm, &state);
	end.rcx = state.gprs.rcx;
	end.r11 = state.gprs.r11;
	end.sfmask = state.msrs.sfmask;
	end.tf = state.gprs.rflags & FLAG_TF;
	end.rip = state.gprs.rip;
	end.vector = out.vector;
	end.pushed_rip = out.rip;
	end.pushed_tf = out.rflags & FLAG_TF;
	return end;
}

/* Stepped or not, the result is the same. */
TEST_F(step, system_calls_of_every_mode)
{
	struct test_vm *vm = &self->vm;
	unsigned int i, tf;

	for (i = 0; i < ARRAY_SIZE(system_calls); i++)
		for (tf = 0; tf < 8; tf++) {
			const struct system_call *c = &system_calls[i];
			struct system_call_end plain, stepped;
			uint64_t r11;

			system_call_start(vm, c, tf);
			plain = system_call_end(vm);
			system_call_start(vm, c, tf);
			RUN_EXPECT(vm, DEBUG);
			EXPECT_EQ(SYS_TARGET, vm->run->gprs.rip);
			EXPECT_EQ((unsigned int)SVMVCPU_DEBUG_STEP, vm->run->debug.cause);
			r11 = vm->run->gprs.r11;
			stepped = system_call_end(vm);
			EXPECT_EQ(0, memcmp(&plain, &stepped, sizeof(plain)))
				TH_LOG("%s, tf %u", c->name, tf);
			EXPECT_EQ(plain.r11, r11)
				TH_LOG("%s, tf %u", c->name, tf);
			if (!idt_mode_is_long(c->mode))
				EXPECT_EQ(tf & 1 ? VEC_DB : NO_VECTOR, plain.vector)
					TH_LOG("%s, tf %u", c->name, tf);
		}
}

/* A SYSCALL that does not complete leaves SFMASK and R11 alone. */
TEST_F(step, syscall_that_faults)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;

	start(vm, IDT_USER64, CODE("\x0f\x05"));
	idt_get(vm, &state);
	state.control.efer &= ~EFER_SCE;
	state.msrs.sfmask = FLAG_TF;
	state.gprs.r11 = 0x1234;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_MSRS);
	STEP_TO(vm, HANDLER(VEC_UD));
	idt_get(vm, &state);
	EXPECT_EQ(FLAG_TF, state.msrs.sfmask);
	EXPECT_EQ(0x1234ULL, state.gprs.r11);
	RUN_VECTOR(vm, VEC_UD, &out);
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
}

/*
 * A program with all of these, run freely and in steps: the registers and the stack are
 * the same. Each handler is an IRET.
 */
GUEST64(mixed,
	"mov $5, %ecx\n"
	"1: pushfq\n"
	"popq %rax\n"
	"add %rax, %rbx\n"
	"pushfq\n"
	"popfq\n"
	"int $0x40\n"
	"push %rcx\n"
	"xor %eax, %eax\n"
	"cpuid\n"
	"pop %rcx\n"
	"int3\n"
	"sti\n"
	"nop\n"
	"cli\n"
	"lea 2f(%rip), %rdx\n"
	"mov %rsp, %rsi\n"
	"mov %ss, %eax\n"
	"push %rax\n"
	"push %rsi\n"
	"pushfq\n"
	"mov %cs, %eax\n"
	"push %rax\n"
	"push %rdx\n"
	"iretq\n"
	"2: mov %cr0, %rdi\n"
	"lahf\n"
	"add %rax, %rbx\n"
	"dec %ecx\n"
	"jnz 1b\n"
	"vmmcall");

static unsigned int run_mixed(struct test_vm *vm, uint32_t flags, struct svmvcpu_state *state)
{
	unsigned int steps = 0, vector;

	load_guest(vm, mixed);
	idt_setup(vm, IDT_LONG64);
	memset(vm->mem + TEST_STACK - 256, 0, 256);
	for (vector = 0; vector < 256; vector++)
		vm_load(vm, HANDLER(vector), "\x48\xcf", 2);
	set_debug(vm, flags);
	do {
		if (vm_run(vm))
			vm_die("RUN");
		steps++;
	} while (vm->run->reason == SVMVCPU_EXIT_DEBUG && steps < 1000);
	idt_get(vm, state);
	set_debug(vm, 0);
	return steps;
}

TEST_F(step, the_guest_does_not_notice)
{
	struct svmvcpu_state once, stepped;
	struct test_vm *vm = &self->vm;
	unsigned char stack[256];
	unsigned int steps;

	EXPECT_EQ(1U, run_mixed(vm, 0, &once));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_HYPERCALL, vm->run->reason);
	memcpy(stack, vm->mem + TEST_STACK - 256, 256);
	/*
	 * Each of 5 rounds has 29 instructions, among them two events and two IRETs;
	 * MOV and VMMCALL follow. QEMU before 10 steps over STI and the next
	 * instruction at once.
	 */
	steps = run_mixed(vm, SVMVCPU_DEBUG_STEP, &stepped);
	EXPECT_TRUE(steps == 5 * (29 + 2) + 2 ||
		    (steps == 5 * (28 + 2) + 2 && host_is_tcg()))
		TH_LOG("%u steps", steps);
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HYPERCALL, vm->run->reason);
	EXPECT_EQ(0, memcmp(&once.gprs, &stepped.gprs, sizeof(once.gprs)));
	EXPECT_EQ(0, memcmp(&once.segments, &stepped.segments, sizeof(once.segments)));
	EXPECT_EQ(0, memcmp(&once.debug, &stepped.debug, sizeof(once.debug)));
	EXPECT_EQ(0, memcmp(&once.events, &stepped.events, sizeof(once.events)));
	EXPECT_EQ(0, memcmp(stack, vm->mem + TEST_STACK - 256, 256));
}

/* The step that a pending NMI waits for: an exception in it has the guest's flags. */
TEST_F(step, fault_in_the_step_of_an_nmi)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t gp, frame[4];

	idt_put(vm, CODE("\x90\x90"));
	idt_setup(vm, IDT_LONG64);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	RUN_VECTOR(vm, 2, &out);
	/* The IRET of the first NMI faults while another one is pending. */
	memcpy(vm->mem + out.frame + 8, &(uint64_t){ 0x1f8 }, 8);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | 2;
	RUN_VECTOR(vm, 2, &out);
	EXPECT_EQ(0ULL, out.rflags & FLAG_TF);
	EXPECT_EQ(0ULL, vm->run->gprs.rflags & FLAG_TF);
	/* It came in the handler of #GP, whose frame is below: error, RIP, CS, RFLAGS */
	EXPECT_LE(HANDLER(VEC_GP), out.rip);
	EXPECT_GE(HANDLER(VEC_GP) + 1, out.rip);
	memcpy(&gp, vm->mem + out.frame + 24, 8);
	ASSERT_GE(TEST_STACK - 32, gp);
	memcpy(frame, vm->mem + gp, 32);
	EXPECT_EQ(0x1f8ULL, frame[0]);
	EXPECT_EQ(HANDLER(2) + 1, frame[1]);
	EXPECT_EQ(0ULL, frame[3] & FLAG_TF);
}

TEST_F(step, arguments)
{
	static const struct svmvcpu_set_debug bad[] = {
		{ .flags = 1U << 3 },
		{ .flags = SVMVCPU_DEBUG_STEP, .dr7 = 1 },
		{ .flags = SVMVCPU_DEBUG_STEP, .db[3] = 1 },
		{ .flags = SVMVCPU_DEBUG_BREAKPOINTS, .dr7 = 1ULL << 32 },
		{ .flags = SVMVCPU_DEBUG_BREAKPOINTS, .dr7 = 1 << 13 },
		{ .flags = SVMVCPU_DEBUG_BREAKPOINTS, .dr7 = 2 << 16 },		/* a port */
		{ .flags = SVMVCPU_DEBUG_BREAKPOINTS, .dr7 = 1ULL << 30 },	/* long code */
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct svmvcpu_set_debug debug = bad[i];

		debug.size = sizeof(debug);
		EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_DEBUG, &debug))
			TH_LOG("case %u", i);
	}
}

TEST_HARNESS_MAIN
