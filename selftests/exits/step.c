// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion of intercepted instructions: their length with any prefix, ends of pages
 * and segments, RIP at the end of its range, single-stepping, HYPERCALL and HALT, and
 * code that changes while it is decoded.
 */
#include "guest_idt.h"

#define PAGE	4096UL

VM_FIXTURE(exit_step)

/* The exit that the VMM sees before the code continues */
static const struct step_insn {
	const char *name;
	const char *code;
	unsigned int len;
	unsigned int reason;	/* 0: handled in the kernel */
	bool behind;		/* RIP is behind it at the exit */
	bool user;		/* works at CPL 3 */
	unsigned int rcx;	/* if not 0, initial values; RAX is CR0's value, RDX a port */
} step_insns[] = {
	{ "cpuid",	CODE("\x0f\xa2"), 0, false, true, 0 },
	{ "rdmsr",	CODE("\x0f\x32"), SVMVCPU_EXIT_MSR_READ, false, false, 0 },
	{ "wrmsr",	CODE("\x0f\x30"), SVMVCPU_EXIT_MSR_WRITE, false, false, 0 },
	{ "hlt",	CODE("\xf4"), SVMVCPU_EXIT_HALT, true, false, 0 },
	{ "vmmcall",	CODE("\x0f\x01\xd9"), SVMVCPU_EXIT_HYPERCALL, false, true, 0 },
	{ "invd",	CODE("\x0f\x08"), 0, false, false, 0 },
	{ "wbinvd",	CODE("\x0f\x09"), 0, false, false, 0 },
	{ "rdmsr tsc",	CODE("\x0f\x32"), 0, false, false, 0x10 },
	{ "wrmsr tsc",	CODE("\x0f\x30"), 0, false, false, 0x10 },
	{ "clts",	CODE("\x0f\x06"), 0, false, false, 0 },
	{ "lmsw bx",	CODE("\x0f\x01\xf3"), 0, false, false, 0 },
	{ "smsw bx",	CODE("\x0f\x01\xe3"), 0, false, false, 0 },
	{ "mov to cr0",	CODE("\x0f\x22\xc0"), 0, false, false, 0 },
	{ "mov fr cr0",	CODE("\x0f\x20\xc3"), 0, false, false, 0 },
	{ "mov fr dr6",	CODE("\x0f\x21\xf3"), 0, false, false, 0 },
	{ "mov to dr0",	CODE("\x0f\x23\xc3"), 0, false, false, 0 },
	{ "in",		CODE("\xec"), SVMVCPU_EXIT_IO, false, true, 0 },
	{ "out",	CODE("\xee"), SVMVCPU_EXIT_IO, true, true, 0 },
};

#define NR_STEP_INSNS	ARRAY_SIZE(step_insns)

static const struct step_prefix {
	const char *bytes;
	unsigned int len;
	bool long_only;
} step_prefixes[] = {
	{ CODE(""), false },
	{ CODE("\x66"), false },
	{ CODE("\x67"), false },
	{ CODE("\xf2"), false },
	{ CODE("\xf3"), false },
	{ CODE("\x2e\x36\x3e\x26\x64\x65"), false },
	{ CODE("\x65\x67\x66\xf2\x2e"), false },
	{ CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"), false },
	{ CODE("\x40"), true },
	{ CODE("\x48"), true },
	{ CODE("\x66\x48"), true },
	{ CODE("\x48\x66"), true },
	{ CODE("\xf3\x67\x2e\x4a"), true },
};

#define NR_STEP_PREFIXES	ARRAY_SIZE(step_prefixes)

/*
 * MOV CR0 writes the current value, with CD so that reading exits too; the kernel does
 * not handle the MSR.
 */
static void set_regs(struct test_vm *vm, const struct step_insn *insn, uint64_t flags)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.control.cr0 |= CR0_CD;
	state.gprs.rax = state.control.cr0;
	state.gprs.rcx = insn->rcx ? insn->rcx : 0x1b;
	state.gprs.rdx = 0x80;
	state.gprs.rflags |= flags;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
}

/* 0, or the number of the step that failed */
static int check_step(struct test_vm *vm, const struct step_insn *insn, unsigned int len)
{
	struct idt_outcome out;

	if (insn->reason) {
		if (idt_run(vm, &out) || vm->run->reason != insn->reason)
			return 1;
		if (vm->run->gprs.rip != TEST_CODE + (insn->behind ? len : 0))
			return 2;
		vm->run->answer = 0;
	}
	if (idt_run(vm, &out) || !idt_finished(vm, len))
		return 3;
	return 0;
}

static int try_prefix(struct test_vm *vm, enum idt_mode mode, const struct step_insn *insn,
		      const struct step_prefix *prefix)
{
	unsigned int len = prefix->len + insn->len;
	char code[15];

	memcpy(code, prefix->bytes, prefix->len);
	memcpy(code + prefix->len, insn->code, insn->len);
	idt_put(vm, code, len);
	idt_setup(vm, mode);
	set_regs(vm, insn, FLAG_IOPL3);
	return check_step(vm, insn, len);
}

TEST_F(exit_step, redundant_prefixes)
{
	unsigned int mode, i, p;

	for (mode = 0; mode < IDT_NR_MODES; mode++)
		for (i = 0; i < NR_STEP_INSNS; i++)
			for (p = 0; p < NR_STEP_PREFIXES; p++) {
				int step;

				if ((idt_mode_is_user(mode) && !step_insns[i].user) ||
				    (step_prefixes[p].long_only && mode < IDT_LONG64))
					continue;
				step = try_prefix(&self->vm, mode, &step_insns[i],
						  &step_prefixes[p]);
				EXPECT_EQ(0, step) {
					TH_LOG("%s, prefixes %u, %s: step %d, exit %s, rip %#llx",
					       step_insns[i].name, p, idt_mode_names[mode], step,
					       svmvcpu_exit_name(self->vm.run->reason),
					       self->vm.run->gprs.rip);
				}
			}
}

TEST_F(exit_step, too_long_and_locked)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	/* 16 bytes */
	idt_exec(vm, IDT_LONG64, CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"
				      "\x0f\xa2"), &out);
	EXPECT_EQ(VEC_GP, out.vector);
	EXPECT_EQ(TEST_CODE, out.rip);
	idt_exec(vm, IDT_LONG64, CODE("\xf0\x0f\xa2"), &out);
	EXPECT_EQ(VEC_UD, out.vector);
	EXPECT_EQ(TEST_CODE, out.rip);
}

/* Code that ends with its page; the next page is absent */
TEST_F(exit_step, ends_with_the_page)
{
	struct test_vm *vm = &self->vm;
	unsigned int i, len;
	uint64_t *pt, end;

	for (i = 0; i < NR_STEP_INSNS; i++) {
		struct idt_outcome out;

		if (!step_insns[i].reason)
			continue;
		len = step_insns[i].len;
		idt_setup(vm, IDT_LONG64);
		pt = idt_split(vm);
		pt[1] = 0;
		end = TEST_FREE + PAGE;
		vm_load(vm, end - len, step_insns[i].code, len);
		IDT_REGS(vm, regs->rip = end - len; regs->rcx = 0x1b; regs->rdx = 0x80);
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(step_insns[i].reason, vm->run->reason)
			TH_LOG("%s", step_insns[i].name);
		RUN_VECTOR(vm, VEC_PF, &out);
		EXPECT_EQ(end, out.rip);
		EXPECT_EQ(end, vm->run->cr2);
	}
}

/* Code that crosses into the next page, first absent, then present */
TEST_F(exit_step, crosses_the_page_end)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t *pt, at = TEST_FREE + PAGE - 1;

	idt_setup(vm, IDT_LONG64);
	pt = idt_split(vm);
	pt[1] = 0;
	vm_load(vm, at, "\x0f\xa2\xf4", 3);
	IDT_REGS(vm, regs->rip = at; regs->rax = 0x40000000);
	RUN_VECTOR(vm, VEC_PF, &out);
	EXPECT_EQ(at, out.rip);
	EXPECT_EQ(TEST_FREE + PAGE, vm->run->cr2);
	EXPECT_EQ(0U, out.error & ~0x10U);
	pt[1] = (TEST_FREE + 5 * PAGE) | PTE_RWX;
	vm_load(vm, TEST_FREE + 5 * PAGE, "\xa2\xf4", 2);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(at + 3, vm->run->gprs.rip);
	EXPECT_EQ(0x524d5652ULL, vm->run->gprs.rbx);
}

static void set_cs_limit(struct test_vm *vm, uint32_t limit)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.segments.cs.limit = limit;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
}

TEST_F(exit_step, segment_end)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	/* The last byte of the instruction is the last of the segment ... */
	idt_put(vm, CODE("\x66\xf4"));
	idt_setup(vm, IDT_PROT32);
	set_cs_limit(vm, TEST_CODE + 1);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	/* ... or lies behind it. */
	idt_put(vm, CODE("\x66\x0f\xa2"));
	idt_setup(vm, IDT_PROT32);
	set_cs_limit(vm, TEST_CODE + 1);
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(0U, out.error);
	EXPECT_EQ(TEST_CODE, out.rip);
}

/* EIP wraps at 4 GiB, RIP does not. */
TEST_F(exit_step, rip_at_4g)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region top = {
		.gpa = 0xfffff000, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_EXEC,
	};
	uint64_t *tables = (void *)(vm->mem + TEST_TABLES);
	struct idt_outcome out;

	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &top, 1));
	vm_load(vm, TEST_FREE + PAGE - 2, "\x0f\xa2", 2);
	idt_setup(vm, IDT_PROT32);
	vm_load(vm, 0, "\xf4", 1);
	IDT_REGS(vm, regs->rip = 0xfffffffe);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1ULL, vm->run->gprs.rip);
	/* with the exit directly after the wrap */
	vm_load(vm, TEST_FREE + PAGE - 1, "\xf4", 1);
	idt_setup(vm, IDT_PROT32);
	IDT_REGS(vm, regs->rip = 0xffffffff);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0ULL, vm->run->gprs.rip);
	/* and for OUT, whose next RIP the CPU provides */
	vm_load(vm, TEST_FREE + PAGE - 2, "\xe6\x80", 2);
	idt_setup(vm, IDT_PROT32);
	IDT_REGS(vm, regs->rip = 0xfffffffe);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0ULL, vm->run->gprs.rip);

	vm_load(vm, TEST_FREE + PAGE - 1, "\xf4", 1);
	idt_setup(vm, IDT_LONG64);
	/* the last 2 MiB below 4 GiB, through a directory of its own */
	tables[512 + 3] = IDT_PT | PTE_RWX;
	*(uint64_t *)(vm->mem + IDT_PT + 511 * 8) = 0xffe00000 | PTE_RWX | 0x80;
	IDT_REGS(vm, regs->rip = 0xffffffff);
	ASSERT_EQ(0, idt_run(vm, &out));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HALT, vm->run->reason);
	EXPECT_EQ(0x100000000ULL, vm->run->gprs.rip);
}

/* In 16-bit code EIP runs past 64 KiB, where the CPU's next fetch is #GP. */
TEST_F(exit_step, ip_at_64k)
{
	struct test_vm *vm = &self->vm;

	idt_setup(vm, IDT_REAL);
	vm_load(vm, 0xffff, "\xf4", 1);
	IDT_REGS(vm, regs->rip = 0xffff);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x10000ULL, vm->run->gprs.rip);
}

/* TF: one #DB with BS after the intercepted instruction */
TEST_F(exit_step, single_step)
{
	static const enum idt_mode modes[] = { IDT_REAL, IDT_PROT32, IDT_COMPAT32, IDT_LONG64 };
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int m, i, len;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	for (m = 0; m < 4; m++)
		for (i = 0; i < NR_STEP_INSNS; i++) {
			len = step_insns[i].len;
			idt_put(vm, step_insns[i].code, len);
			idt_setup(vm, modes[m]);
			set_regs(vm, &step_insns[i], FLAG_TF);
			ASSERT_EQ(0, idt_run(vm, &out));
			/* The trap after it ends a HLT before the VMM sees the HALT. */
			if (step_insns[i].reason &&
			    step_insns[i].reason != SVMVCPU_EXIT_HALT) {
				EXPECT_EQ(step_insns[i].reason, vm->run->reason);
				ASSERT_EQ(0, idt_run(vm, &out));
			}
			EXPECT_EQ(VEC_DB, out.vector)
				TH_LOG("%s in %s", step_insns[i].name, idt_mode_names[modes[m]]);
			EXPECT_EQ(TEST_CODE + len, out.rip);
			EXPECT_NE(0ULL, out.rflags & FLAG_TF);
			idt_get(vm, &state);
			EXPECT_EQ(1ULL << 14, state.debug.dr6 & 0xe00f);
		}
}

/* A fault replaces the #DB and sets RF in its frame. */
TEST_F(exit_step, fault_is_no_step)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	idt_put(vm, CODE("\x0f\x01\xd8"));	/* vmrun */
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rflags |= FLAG_TF);
	RUN_VECTOR(vm, VEC_UD, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_NE(0ULL, out.rflags & FLAG_RF);
}

TEST_F(exit_step, resume_flag_ends_with_the_instruction)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < NR_STEP_INSNS; i++) {
		struct idt_outcome out;
		int tries = 2;

		idt_put(vm, step_insns[i].code, step_insns[i].len);
		idt_setup(vm, IDT_LONG64);
		set_regs(vm, &step_insns[i], FLAG_RF);
		do {
			ASSERT_EQ(0, idt_run(vm, &out));
		} while (tries-- && !idt_finished(vm, step_insns[i].len));
		ASSERT_TRUE(idt_finished(vm, step_insns[i].len));
		EXPECT_EQ(0ULL, vm->run->gprs.rflags & FLAG_RF)
			TH_LOG("%s", step_insns[i].name);
	}
}

/* STI and MOV SS before the instruction: the shadow must end with it. */
TEST_F(exit_step, in_an_interrupt_shadow)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	idt_exec(vm, IDT_LONG64, CODE("\xfb\xf4"), &out);		/* sti; hlt */
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HALT, vm->run->reason);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	EXPECT_NE(0ULL, vm->run->gprs.rflags & FLAG_IF);
	RUN_EXPECT(vm, HYPERCALL);
	idt_put(vm, CODE("\x8e\xd0\x0f\xa2"));				/* mov ss, ax; cpuid */
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rax = IDT_DS);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(TEST_CODE + 4, vm->run->gprs.rip);
}

/* STI, an instruction that exits, and an interrupt that has been pending before */
static int run_in_shadow(struct test_vm *vm, const struct step_insn *insn,
			 struct idt_outcome *out)
{
	struct svmvcpu_state state;
	char code[8] = "\xfb";

	memcpy(code + 1, insn->code, insn->len);
	idt_put(vm, code, 1 + insn->len);
	idt_setup(vm, IDT_LONG64);
	set_regs(vm, insn, 0);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x61;
	if (idt_run(vm, out))
		return EPROTO;
	if (!insn->reason || insn->reason == SVMVCPU_EXIT_HALT)
		return 0;
	if (vm->run->reason != insn->reason)
		return EAGAIN;
	/* The shadow ends with the instruction: OUT is complete, IN is not. */
	idt_get(vm, &state);
	if (state.events.shadow != !insn->behind)
		return EAGAIN;
	return idt_run(vm, out);
}

/*
 * The shadow of STI ends with the next instruction, whoever executes it; the interrupt
 * comes directly after. If the shadow were kept, hardware would deliver the interrupt
 * one instruction later, and TCG 7.2, which does not load it, one exit later. A host
 * interrupt at the wrong moment ends the shadow early there, hence several tries.
 */
TEST_F(exit_step, shadow_ends_with_the_instruction)
{
	struct test_vm *vm = &self->vm;
	unsigned int i, try;

	for (i = 0; i < NR_STEP_INSNS; i++) {
		const struct step_insn *insn = &step_insns[i];
		struct idt_outcome out;
		uint64_t exits = 0;

		for (try = 0; try < 20; try++) {
			exits = vm->run->exits;
			if (run_in_shadow(vm, insn, &out))
				continue;
			exits = vm->run->exits - exits;
			if (exits == 2 && out.vector == 0x61 &&
			    out.rip == TEST_CODE + 1 + insn->len)
				break;
		}
		EXPECT_GT(20U, try)
			TH_LOG("%s: vector %d at %#llx, %llu exits", insn->name, out.vector,
			       (unsigned long long)out.rip, (unsigned long long)exits);
	}
}

TEST_F(exit_step, hypercall_arguments)
{
	static const enum idt_mode modes[] = { IDT_PROT32, IDT_LONG64, IDT_USER64, IDT_REAL };
	struct test_vm *vm = &self->vm;
	unsigned int m;

	for (m = 0; m < 4; m++) {
		const struct svmvcpu_exit_hypercall *call = &vm->run->hypercall;
		unsigned int i;

		idt_put(vm, CODE(""));
		idt_setup(vm, modes[m]);
		IDT_REGS(vm, regs->rax = 10; regs->rdi = 1; regs->rsi = 2; regs->rdx = 3;
			 regs->rcx = 4; regs->r8 = 5; regs->r9 = 6; regs->rbx = 99);
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_EQ(10ULL, call->nr);
		for (i = 0; i < 6; i++)
			EXPECT_EQ(i + 1ULL, call->args[i]);
		EXPECT_EQ(idt_mode_is_user(modes[m]) ? 3 : 0, vm->run->cpl);
		EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
		vm_load(vm, TEST_CODE + 3, "\x0f\x01\xd9", 3);
		vm->run->answer = 0x8877665544332211ULL;
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_EQ(TEST_CODE + 3, vm->run->gprs.rip);
		EXPECT_EQ(0x8877665544332211ULL, vm->run->gprs.rax);
		EXPECT_EQ(99ULL, vm->run->gprs.rbx);
	}
}

/*
 * The CPU executes a CPUID from a stale translation while the page tables map another
 * page. The module finds no CPUID and lets the CPU try again; after too many tries it
 * returns UNKNOWN. Loops RCX times.
 */
GUEST64(stale,
	"mov $0x200000, %ebx\n"
	"1: movq $0x202007, (%rdi)\n"	/* page with CPUID */
	"invlpg (%rbx)\n"
	"call *%rbx\n"			/* its first byte is RET: loads the TLB */
	"movq $0x203007, (%rdi)\n"	/* page with NOPs, no INVLPG */
	"lea 16(%rbx), %rdx\n"
	"call *%rdx\n"
	"loop 1b\n"
	"invlpg (%rbx)\n"
	"hlt");

static void start_stale(struct test_vm *vm, unsigned int loops)
{
	load_guest(vm, stale);
	idt_setup(vm, IDT_LONG64);
	idt_split(vm);
	vm->mem[TEST_FREE + 2 * PAGE] = 0xc3;
	vm_load(vm, TEST_FREE + 2 * PAGE + 16, "\x0f\xa2\xc3", 3);
	vm_load(vm, TEST_FREE + 3 * PAGE + 16, "\x90\x90\xc3", 3);
	IDT_REGS(vm, regs->rdi = IDT_PT; regs->rcx = loops; regs->rsi = 0x1234);
}

TEST_F(exit_step, code_changes_under_the_decoder)
{
	struct test_vm *vm = &self->vm;

	if (vm->info.features & SVMVCPU_FEAT_NRIP)
		SKIP(return, "the CPU saves the next RIP: nothing is decoded");
	start_stale(vm, 8);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
}

TEST_F(exit_step, code_that_is_never_what_it_seems)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_exit_unknown *unknown = &vm->run->unknown;

	if (vm->info.features & SVMVCPU_FEAT_NRIP)
		SKIP(return, "the CPU saves the next RIP: nothing is decoded");
	start_stale(vm, 1000);	/* more than GUEST_MAX_MISMATCHES */
	RUN_EXPECT(vm, UNKNOWN);
	EXPECT_EQ(0x72ULL, unknown->code);
	EXPECT_EQ(TEST_FREE + 16, vm->run->gprs.rip);
	/* Nothing is lost: the guest can continue. */
	RUN_EXPECT(vm, UNKNOWN);
}

TEST_HARNESS_MAIN
