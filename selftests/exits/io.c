// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_EXIT_IO and SVMVCPU_EXIT_SYSTEM_DOWN of plain IN and OUT: widths,
 * directions, ports and modes. exits_string.c has INS and OUTS.
 */
#include "guest_idt.h"

VM_FIXTURE(exit_io)

static const struct io_insn {
	const char *name;
	const char *code;
	unsigned int len;
	unsigned int width;	/* 0: 2 in 16-bit code, 4 elsewhere */
	bool in;
	bool dx;
} io_insns[] = {
	{ "in al, imm8",	CODE("\xe4\x70"),	1, true,  false },
	{ "in eax, imm8",	CODE("\xe5\x70"),	0, true,  false },
	{ "in al, dx",		CODE("\xec"),		1, true,  true },
	{ "in eax, dx",		CODE("\xed"),		0, true,  true },
	{ "out imm8, al",	CODE("\xe6\x70"),	1, false, false },
	{ "out imm8, eax",	CODE("\xe7\x70"),	0, false, false },
	{ "out dx, al",		CODE("\xee"),		1, false, true },
	{ "out dx, eax",	CODE("\xef"),		0, false, true },
};

#define NR_IO_INSNS	ARRAY_SIZE(io_insns)
#define RAX_BEFORE	0x1122334455667788ULL
#define ANSWER		0xfedcba98a9b8c7d6ULL

static bool mode_is_16(enum idt_mode mode)
{
	return mode == IDT_REAL || mode == IDT_VM86;
}

static uint64_t width_mask(unsigned int width)
{
	return width == 4 ? 0xffffffff : width == 2 ? 0xffff : 0xff;
}

/* RAX after IN: a 32-bit write clears the upper half, narrower ones merge. */
static uint64_t rax_after_in(unsigned int width)
{
	uint64_t mask = width_mask(width);

	return width == 4 ? ANSWER & mask : (RAX_BEFORE & ~mask) | (ANSWER & mask);
}

/* Code with or without an operand-size prefix; returns its length. */
static unsigned int io_code(unsigned char *buf, const struct io_insn *insn, bool prefix)
{
	unsigned int len = 0;

	if (prefix)
		buf[len++] = 0x66;
	memcpy(buf + len, insn->code, insn->len);
	return len + insn->len;
}

/* 0, or the number of the step that failed */
static int try_io(struct test_vm *vm, enum idt_mode mode, const struct io_insn *insn, bool prefix)
{
	unsigned int wide = mode_is_16(mode) == prefix ? 4 : 2;
	unsigned int width = insn->width ? insn->width : wide;
	uint16_t port = insn->dx && mode != IDT_VM86 ? 0x1234 : 0x70;
	struct svmvcpu_exit_io *io = &vm->run->io;
	unsigned char code[16];
	unsigned int len = io_code(code, insn, prefix);
	struct idt_outcome out;

	idt_put(vm, code, len);
	idt_setup(vm, mode);
	IDT_REGS(vm, regs->rax = RAX_BEFORE; regs->rdx = 0xdead0000 | port;
		 regs->rflags |= FLAG_IOPL3);
	if (idt_run(vm, &out) || vm->run->reason != SVMVCPU_EXIT_IO)
		return 1;
	if (io->port != port || io->width != width || io->count != 1 || io->mbz)
		return 2;
	if (io->flags != (insn->in ? SVMVCPU_IO_IN : 0))
		return 3;
	if (!insn->in && io->data != (RAX_BEFORE & width_mask(width)))
		return 4;
	/* IN waits for its value; OUT is complete at the exit. */
	if (vm->run->gprs.rip != TEST_CODE + (insn->in ? 0 : len))
		return 5;
	vm->run->answer = ANSWER;
	if (idt_run(vm, &out) || !idt_finished(vm, len))
		return 6;
	return vm->run->gprs.rax == (insn->in ? rax_after_in(width) : RAX_BEFORE) ? 0 : 7;
}

TEST_F(exit_io, all_widths_in_all_modes)
{
	unsigned int mode, i, prefix;

	for (mode = 0; mode < IDT_NR_MODES; mode++)
		for (i = 0; i < NR_IO_INSNS; i++)
			for (prefix = 0; prefix < 2; prefix++) {
				int step = try_io(&self->vm, mode, &io_insns[i], prefix);

				EXPECT_EQ(0, step) {
					TH_LOG("%s%s in %s: wrong at step %d: exit %s rip %#llx",
					       prefix ? "66 " : "", io_insns[i].name,
					       idt_mode_names[mode], step,
					       svmvcpu_exit_name(self->vm.run->reason),
					       self->vm.run->gprs.rip);
				}
			}
}

/* CPL 3 without IOPL and without a bit in the TSS: the guest takes #GP. */
TEST_F(exit_io, user_without_permission)
{
	struct test_vm *vm = &self->vm;
	static const enum idt_mode modes[] = { IDT_USER32, IDT_USER64, IDT_VM86 };
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		idt_put(vm, CODE("\xee"));
		idt_setup(vm, modes[i]);
		IDT_REGS(vm, regs->rdx = 0x604);
		RUN_VECTOR(vm, VEC_GP, &out);
		EXPECT_EQ(0U, out.error);
		EXPECT_EQ(TEST_CODE, out.rip);
	}
}

/* The last port, also as the first byte of an access beyond it */
TEST_F(exit_io, last_port)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;
	static const struct {
		const char *code;
		unsigned int len, width;
	} cases[] = {
		{ CODE("\xee"), 1 }, { CODE("\x66\xef"), 2 }, { CODE("\xef"), 4 },
		{ CODE("\xec"), 1 }, { CODE("\x66\xed"), 2 }, { CODE("\xed"), 4 },
	};

	for (i = 0; i < 6; i++) {
		idt_put(vm, cases[i].code, cases[i].len);
		idt_setup(vm, IDT_LONG64);
		IDT_REGS(vm, regs->rdx = 0xffff; regs->rax = 0x01020304);
		ASSERT_EQ(0, idt_run(vm, &out));
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason);
		EXPECT_EQ(0xffff, vm->run->io.port);
		EXPECT_EQ(cases[i].width, vm->run->io.width);
		RUN_EXPECT(vm, HYPERCALL);
	}
}

/* An IN that is completed twice: only the first RUN uses the value. */
GUEST64(twice,
	"in $0x60, %al\n"
	"mov %al, %bl\n"
	"in $0x61, %al\n"
	"hlt");

TEST_F(exit_io, answer_counts_once)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, twice);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, IO);
	vm->run->answer = 0x11;
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x61, vm->run->io.port);
	EXPECT_EQ(0x11ULL, vm->run->gprs.rbx);
	vm->run->answer = 0x22;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x22ULL, vm->run->gprs.rax & 0xff);
}

/*
 * Registers that the VMM sets at an IN with the same RIP keep their values, and so does
 * the rest of RAX.
 */
TEST_F(exit_io, answer_merges_into_new_registers)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, twice);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, IO);
	vm->run->gprs.rax = 0xaabbccdd00112233ULL;
	vm->run->gprs.rcx = 77;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->answer = 0x44;
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0xaabbccdd00112244ULL, vm->run->gprs.rax);
	EXPECT_EQ(77ULL, vm->run->gprs.rcx);
}

/* Setting RIP cancels the completion: the IN executes again. */
TEST_F(exit_io, moved_rip_withdraws_the_question)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, twice);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, IO);
	vm->run->gprs.rip += 4;		/* at the second IN */
	vm->run->gprs.rax = 0x99;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->answer = 0x44;
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x61, vm->run->io.port);
	EXPECT_EQ(0x99ULL, vm->run->gprs.rax);
}

/* OUT to 0x604 and 0xcf9: which values end the machine, and how */
static const struct {
	const char *name;
	const char *code;
	unsigned int len;
	uint16_t port;
	uint64_t rax;
	int kind;		/* -1: an ordinary IO exit */
	uint32_t data;
} downs[] = {
	{ "poweroff",		CODE("\x66\xef"), 0x604, 0x2000, SVMVCPU_DOWN_POWEROFF, 0x2000 },
	{ "dirty upper bits",	CODE("\x66\xef"), 0x604, 0xdeadbeefcafe2000ULL,
	  SVMVCPU_DOWN_POWEROFF, 0x2000 },
	{ "another value",	CODE("\x66\xef"), 0x604, 0x2001, -1, 0x2001 },
	{ "suspend",		CODE("\x66\xef"), 0x604, 0, -1, 0 },
	{ "byte",		CODE("\xee"), 0x604, 0x2000, -1, 0 },
	{ "long",		CODE("\xef"), 0x604, 0x2000, -1, 0x2000 },
	{ "next port",		CODE("\x66\xef"), 0x605, 0x2000, -1, 0x2000 },
	{ "reset byte",		CODE("\xee"), 0xcf9, 0x6, SVMVCPU_DOWN_RESET, 6 },
	{ "reset word",		CODE("\x66\xef"), 0xcf9, 0xffff1234, SVMVCPU_DOWN_RESET, 0x1234 },
	{ "reset long",		CODE("\xef"), 0xcf9, 0xff12345678, SVMVCPU_DOWN_RESET, 0x12345678 },
	{ "pci index",		CODE("\xef"), 0xcf8, 0x80000000, -1, 0x80000000 },
};

static void write_down(struct test_vm *vm, unsigned int i)
{
	struct idt_outcome out;

	idt_put(vm, downs[i].code, downs[i].len);
	idt_setup(vm, IDT_LONG64);
	IDT_REGS(vm, regs->rdx = downs[i].port; regs->rax = downs[i].rax);
	if (idt_run(vm, &out))
		vm_die("RUN");
}

TEST_F(exit_io, system_down)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(downs); i++) {
		write_down(vm, i);
		EXPECT_EQ((unsigned int)(downs[i].kind < 0 ? SVMVCPU_EXIT_IO :
					 SVMVCPU_EXIT_SYSTEM_DOWN), vm->run->reason)
			TH_LOG("%s", downs[i].name);
		EXPECT_EQ(TEST_CODE + downs[i].len, vm->run->gprs.rip);
		if (downs[i].kind < 0) {
			EXPECT_EQ(downs[i].data, vm->run->io.data);
		} else {
			EXPECT_EQ((unsigned int)downs[i].kind, vm->run->down.kind);
			EXPECT_EQ(downs[i].data, vm->run->down.data);
		}
		/* A guest that continues has lost nothing. */
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_EQ(downs[i].rax, vm->run->gprs.rax);
	}
}

/* With EXITS_PORTS the VMM sees each write as it is, until the flag is cleared. */
TEST_F(exit_io, writes_of_the_down_ports_are_plain)
{
	struct svmvcpu_exits exits = { .flags = SVMVCPU_EXITS_PORTS };
	struct test_vm *vm = &self->vm;
	unsigned int i;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	for (i = 0; i < ARRAY_SIZE(downs); i++) {
		const char *code = downs[i].code;

		write_down(vm, i);
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason)
			TH_LOG("%s", downs[i].name);
		EXPECT_EQ(downs[i].port, vm->run->io.port);
		EXPECT_EQ(*code == '\xee' ? 1U : downs[i].len == 2 ? 2U : 4U, vm->run->io.width);
		EXPECT_EQ(0U, vm->run->io.flags);
		EXPECT_EQ(downs[i].data, vm->run->io.data);
		EXPECT_EQ(TEST_CODE + downs[i].len, vm->run->gprs.rip);
		RUN_EXPECT(vm, HYPERCALL);
	}
	exits.flags = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	write_down(vm, 0);
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_SYSTEM_DOWN, vm->run->reason);
}

TEST_F(exit_io, reads_of_the_down_ports_are_plain)
{
	static const uint16_t ports[] = { 0x604, 0xcf9 };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		idt_put(vm, CODE("\x66\xed"));
		idt_setup(vm, IDT_PROT32);
		IDT_REGS(vm, regs->rdx = ports[i]; regs->rax = 0x2000);
		ASSERT_EQ(0, idt_run(vm, &out));
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason);
		EXPECT_EQ(ports[i], vm->run->io.port);
		EXPECT_EQ((unsigned int)SVMVCPU_IO_IN, vm->run->io.flags);
	}
}

/* OUT as the last byte of a 64 KiB segment: EIP becomes 0x10000, which is #GP. */
TEST_F(exit_io, out_at_segment_end)
{
	struct test_vm *vm = &self->vm;

	vm_load(vm, 0xffff, "\xee\xf4", 2);
	idt_setup(vm, IDT_REAL);
	IDT_REGS(vm, regs->rip = 0xffff; regs->rdx = 0x80);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x10000ULL, vm->run->gprs.rip);
}

TEST_HARNESS_MAIN
