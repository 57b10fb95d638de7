// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_EXIT_IO of INS and OUTS: addresses in each mode, REP, direction, batches, and
 * faults in the middle.
 */
#include "guest_idt.h"

#define PORT		0x178
#define PAGE		4096UL
#define HIGH		0xabcd000000000000ULL	/* garbage above the operand size */

FIXTURE(exit_string) {
	struct test_vm vm;
	unsigned char data[3 * 4096];	/* bytes that went through the data window */
	unsigned int bytes;
	unsigned int elements;
	unsigned int exits;
};

FIXTURE_SETUP(exit_string)
{
	vm_open(&self->vm);
}

VM_TEARDOWN(exit_string)

static unsigned char pattern(unsigned long i)
{
	return i * 7 + (i >> 8) * 13 + (i >> 16) * 29 + 1;
}

static void fill(struct test_vm *vm, unsigned long gpa, unsigned long bytes)
{
	unsigned long i;

	for (i = 0; i < bytes; i++)
		vm->mem[gpa + i] = pattern(i);
}

/* Loads code for a mode with rSI = rDI = address, rCX = count, DX = PORT. */
static void start(struct test_vm *vm, enum idt_mode mode, const void *code, unsigned int len,
		  uint64_t address, uint64_t count)
{
	idt_put(vm, code, len);
	idt_setup(vm, mode);
	IDT_REGS(vm, regs->rsi = address; regs->rdi = address; regs->rcx = count;
		 regs->rdx = PORT; regs->rflags |= FLAG_IOPL3);
}

/* Completes each string exit until another exit comes; errno or 0. */
static int pump(struct _test_data_exit_string *self, struct idt_outcome *out)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_exit_io *io = &vm->run->io;
	unsigned char *window;
	size_t bytes;
	int err;

	self->bytes = 0;
	self->elements = 0;
	self->exits = 0;
	while (!(err = idt_run(vm, out)) && vm->run->reason == SVMVCPU_EXIT_IO) {
		window = svmvcpu_vcpu_window(&vm->vcpu, &bytes);
		if (!window || io->port != PORT || self->bytes + bytes > sizeof(self->data))
			return EPROTO;
		if (io->flags & SVMVCPU_IO_IN)
			memcpy(window, self->data + self->bytes, bytes);
		else
			memcpy(self->data + self->bytes, window, bytes);
		self->bytes += bytes;
		self->elements += io->count;
		self->exits++;
	}
	return err;
}

/* One element for each mode, width and address size, with garbage above the address */
static const struct {
	enum idt_mode mode;
	const char *code;	/* OUTS; INS has bit 1 of the opcode clear */
	unsigned int len;
	unsigned int width;
	unsigned int addr;	/* bytes of rSI that count */
} forms[] = {
	{ IDT_REAL,	CODE("\x6e"), 1, 2 },
	{ IDT_REAL,	CODE("\x6f"), 2, 2 },
	{ IDT_REAL,	CODE("\x66\x6f"), 4, 2 },
	{ IDT_REAL,	CODE("\x67\x6e"), 1, 4 },
	{ IDT_REAL,	CODE("\x66\x67\x6f"), 4, 4 },
	{ IDT_VM86,	CODE("\x6e"), 1, 2 },
	{ IDT_VM86,	CODE("\x66\x6f"), 4, 2 },
	{ IDT_PROT32,	CODE("\x6e"), 1, 4 },
	{ IDT_PROT32,	CODE("\x66\x6f"), 2, 4 },
	{ IDT_PROT32,	CODE("\x6f"), 4, 4 },
	{ IDT_PROT32,	CODE("\x67\x6f"), 4, 2 },
	{ IDT_USER32,	CODE("\x6f"), 4, 4 },
	{ IDT_COMPAT32,	CODE("\x6f"), 4, 4 },
	{ IDT_COMPAT32,	CODE("\x67\x66\x6f"), 2, 2 },
	{ IDT_LONG64,	CODE("\x6e"), 1, 8 },
	{ IDT_LONG64,	CODE("\x66\x6f"), 2, 8 },
	{ IDT_LONG64,	CODE("\x6f"), 4, 8 },
	{ IDT_LONG64,	CODE("\x48\x6f"), 4, 8 },
	{ IDT_LONG64,	CODE("\x67\x6f"), 4, 4 },
	{ IDT_USER64,	CODE("\x6f"), 4, 8 },
};

static uint64_t dirty(uint64_t address, unsigned int bytes)
{
	if (bytes == 2)
		return address | 0xabcd0000;
	return bytes == 4 ? address | HIGH : address;
}

static uint64_t advanced(uint64_t address, unsigned int bytes, unsigned int by)
{
	if (bytes == 2)
		return dirty(address, 2) + by;	/* the rest of the register does not change */
	return address + by;
}

static int try_form(struct _test_data_exit_string *self, unsigned int i, bool in)
{
	struct test_vm *vm = &self->vm;
	unsigned int width = forms[i].width, len = forms[i].len;
	uint64_t reg = dirty(TEST_DATA, forms[i].addr);
	struct idt_outcome out;
	char code[8];

	memcpy(code, forms[i].code, len);
	if (in)
		code[len - 1] &= ~2;
	start(vm, forms[i].mode, code, len, reg, 5);
	fill(vm, TEST_DATA, 16);
	memset(self->data, 0xc3, 16);
	if (pump(self, &out) || !idt_finished(vm, len))
		return 1;
	if (self->exits != 1 || self->elements != 1 || self->bytes != width)
		return 2;
	if (memcmp(self->data, vm->mem + TEST_DATA, width))
		return 3;
	if (vm->mem[TEST_DATA + width] != pattern(width))
		return 4;
	if (vm->run->gprs.rcx != 5)
		return 5;
	if ((in ? vm->run->gprs.rdi : vm->run->gprs.rsi) !=
	    advanced(TEST_DATA, forms[i].addr, width))
		return 6;
	return (in ? vm->run->gprs.rsi : vm->run->gprs.rdi) == reg ? 0 : 7;
}

TEST_F(exit_string, all_forms)
{
	unsigned int i, in;

	for (i = 0; i < ARRAY_SIZE(forms); i++)
		for (in = 0; in < 2; in++) {
			int step = try_form(self, i, in);

			EXPECT_EQ(0, step) {
				TH_LOG("form %u in %s, %s: wrong at step %d: exit %s", i,
				       idt_mode_names[forms[i].mode], in ? "ins" : "outs", step,
				       svmvcpu_exit_name(self->vm.run->reason));
			}
		}
}

/* 10,000 bytes over three pages: split into several exits, in order, no byte twice */
TEST_F(exit_string, rep_outs_in_batches)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	start(vm, IDT_LONG64, CODE("\xf3\x6e"), TEST_FREE + 100, 10000);
	fill(vm, TEST_FREE + 100, 10000);
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_TRUE(idt_finished(vm, 2));
	EXPECT_EQ(10000U, self->bytes);
	EXPECT_EQ(10000U, self->elements);
	EXPECT_GE(8U, self->exits);
	for (i = 0; i < 10000 && self->data[i] == pattern(i); i++)
		;
	EXPECT_EQ(10000U, i);
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
	EXPECT_EQ(TEST_FREE + 10100, vm->run->gprs.rsi);
}

TEST_F(exit_string, rep_ins_in_batches)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 10000; i++)
		self->data[i] = pattern(i);
	/* Four bytes wide and unaligned: elements cross page boundaries. */
	start(vm, IDT_PROT32, CODE("\xf3\x6d"), TEST_FREE + 2, 2500);
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_TRUE(idt_finished(vm, 2));
	EXPECT_EQ(2500U, self->elements);
	EXPECT_EQ(0, memcmp(self->data, vm->mem + TEST_FREE + 2, 10000));
	EXPECT_EQ(0, vm->mem[TEST_FREE + 10002]);
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
	EXPECT_EQ(TEST_FREE + 10002, vm->run->gprs.rdi);
}

/* REPNE repeats too; REP with a count of 0 does nothing and does not exit. */
TEST_F(exit_string, rep_prefixes_and_count_zero)
{
	static const char * const codes[] = { "\xf3\x6e", "\xf2\x6e", "\xf3\x6c", "\xf2\x6c" };
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		start(vm, IDT_LONG64, codes[i], 2, TEST_DATA, 3);
		ASSERT_EQ(0, pump(self, &out));
		EXPECT_EQ(3U, self->elements);
		EXPECT_TRUE(idt_finished(vm, 2));
		start(vm, IDT_LONG64, codes[i], 2, ~0xfULL, 0);
		ASSERT_EQ(0, pump(self, &out));
		EXPECT_EQ(0U, self->exits);
		EXPECT_TRUE(idt_finished(vm, 2));
	}
	/* CX, ECX: bits above the address size are ignored. */
	start(vm, IDT_REAL, CODE("\xf3\x6e"), TEST_DATA, 0xffff0000);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0U, self->exits);
	start(vm, IDT_LONG64, CODE("\x67\xf3\x6e"), TEST_DATA, 0x100000002ULL);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(2U, self->elements);
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
}

TEST_F(exit_string, backwards)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint16_t words[8];
	unsigned int i;

	/* STD; REP OUTSW, downwards across a page boundary */
	start(vm, IDT_LONG64, CODE("\xfd\xf3\x66\x6f"), TEST_FREE + PAGE + 7, 8);
	fill(vm, TEST_FREE + PAGE - 16, 32);
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_TRUE(idt_finished(vm, 4));
	EXPECT_EQ(8U, self->elements);
	memcpy(words, self->data, sizeof(words));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, memcmp(&words[i], vm->mem + TEST_FREE + PAGE + 7 - 2 * i, 2));
	EXPECT_EQ(TEST_FREE + PAGE + 7 - 16, vm->run->gprs.rsi);

	/* STD; REP INSB */
	memcpy(self->data, "abcd", 4);
	start(vm, IDT_PROT32, CODE("\xfd\xf3\x6c"), TEST_FREE + 3, 4);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "dcba", 4));
	EXPECT_EQ(TEST_FREE - 1, vm->run->gprs.rdi);
}

/* OUTS uses segment overrides, INS always ES. */
TEST_F(exit_string, segment_overrides)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	/* seg_fs outsb; seg_fs insb */
	static const char code[] = "\x64\x6e\x64\x6c";

	start(vm, IDT_LONG64, code, 4, TEST_DATA, 1);
	idt_get(vm, &state);
	state.segments.fs.base = 0x1000;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
	vm->mem[TEST_DATA + 0x1000] = 0x77;
	vm->mem[TEST_DATA] = 0x66;
	ASSERT_EQ(0, idt_run(vm, &out));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason);
	EXPECT_EQ(0x77, *(unsigned char *)svmvcpu_vcpu_window(&vm->vcpu, &(size_t){ 0 }));
	ASSERT_EQ(0, idt_run(vm, &out));
	*(unsigned char *)svmvcpu_vcpu_window(&vm->vcpu, &(size_t){ 0 }) = 0x55;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x55, vm->mem[TEST_DATA]);
	EXPECT_EQ(0x77, vm->mem[TEST_DATA + 0x1000]);
}

/* In real mode each segment has its base and 64 KiB. */
TEST_F(exit_string, real_mode_segments)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;

	start(vm, IDT_REAL, CODE("\xf3\x36\x6e"), 0x10, 2);	/* rep ss outsb */
	idt_get(vm, &state);
	state.segments.ss.selector = 0x2000;
	state.segments.ss.base = 0x20000;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
	fill(vm, 0x20010, 2);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(2U, self->bytes);
	EXPECT_EQ(pattern(1), self->data[1]);
	EXPECT_TRUE(idt_finished(vm, 3));
}

/*
 * 16-bit addresses wrap at 64 KiB even if the segment is larger and starts in the
 * middle of a page.
 */
TEST_F(exit_string, offset_wraps_in_a_batch)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;

	/* addr16 rep outsb */
	start(vm, IDT_PROT32, CODE("\x67\xf3\x6e"), 0xfffe, 4);
	idt_get(vm, &state);
	state.segments.ds.base = TEST_FREE + 0x10;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
	fill(vm, TEST_FREE, 0x10100);
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_EQ(4U, self->bytes);
	EXPECT_EQ(pattern(0x1000e), self->data[0]);
	EXPECT_EQ(pattern(0x1000f), self->data[1]);
	EXPECT_EQ(pattern(0x10), self->data[2]);
	EXPECT_EQ(pattern(0x11), self->data[3]);
	EXPECT_EQ(2ULL, vm->run->gprs.rsi);
}

/* Elements before the end of a segment are transferred, then #GP, or #SS for SS. */
TEST_F(exit_string, segment_limit)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		start(vm, IDT_PROT32, i ? "\xf3\x36\x6e" : "\xf3\x3e\x6e", 3,
		      TEST_DATA - 2, 5);
		idt_get(vm, &state);
		state.segments.ds.limit = TEST_DATA;
		state.segments.ss.limit = TEST_DATA;
		idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
		ASSERT_EQ(0, pump(self, &out));
		EXPECT_EQ(i ? VEC_SS : VEC_GP, out.vector);
		EXPECT_EQ(0U, out.error);
		EXPECT_EQ(TEST_CODE, out.rip);
		EXPECT_EQ(3U, self->elements);
		EXPECT_EQ(2ULL, vm->run->gprs.rcx);
		EXPECT_EQ(TEST_DATA + 1, vm->run->gprs.rsi);
	}
}

TEST_F(exit_string, non_canonical_address)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	start(vm, IDT_LONG64, CODE("\xf3\x6e"), 0x800000000000ULL, 1);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0U, self->exits);
	EXPECT_EQ(VEC_GP, out.vector);
	start(vm, IDT_LONG64, CODE("\x6c"), 0x800000000000ULL, 1);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0U, self->exits);
	EXPECT_EQ(VEC_GP, out.vector);
}

/* The second page is absent: elements in the first are transferred, then #PF. */
TEST_F(exit_string, outs_page_fault_in_the_middle)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t *pt;

	start(vm, IDT_LONG64, CODE("\xf3\x66\x6f"), TEST_FREE + PAGE - 6, 10);
	fill(vm, TEST_FREE, 2 * PAGE);
	pt = idt_split(vm);
	pt[1] = 0;
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_EQ(VEC_PF, out.vector);
	EXPECT_EQ(0U, out.error);
	EXPECT_CR2(vm, TEST_FREE + PAGE);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_EQ(3U, self->elements);
	EXPECT_EQ(7ULL, vm->run->gprs.rcx);
	EXPECT_EQ(TEST_FREE + PAGE, vm->run->gprs.rsi);

	/* The guest's handler maps it and returns: the rest is transferred. */
	pt[1] = (TEST_FREE + PAGE) | PTE_RWX;
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(7U, self->elements);
	EXPECT_EQ(0, memcmp(self->data, vm->mem + TEST_FREE + PAGE, 14));
	EXPECT_TRUE(idt_finished(vm, 3));
}

/* An element that crosses the end of memory is transferred as a whole or not at all. */
TEST_F(exit_string, element_crosses_into_absent_page)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int in;
	uint64_t *pt;

	for (in = 0; in < 2; in++) {
		start(vm, IDT_USER64, in ? "\x6d" : "\x6f", 1, TEST_FREE + PAGE - 1, 0);
		fill(vm, TEST_FREE, 2 * PAGE);
		pt = idt_split(vm);
		pt[1] = 0;
		ASSERT_EQ(0, pump(self, &out));
		EXPECT_EQ(0U, self->exits);
		EXPECT_EQ(VEC_PF, out.vector);
		EXPECT_EQ(in ? 6U : 4U, out.error);
		EXPECT_CR2(vm, TEST_FREE + PAGE);
		EXPECT_EQ(pattern(PAGE - 1), vm->mem[TEST_FREE + PAGE - 1]);
	}
}

/* The device must not be read if the memory cannot be written. */
TEST_F(exit_string, ins_into_read_only_page)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t *pt;

	start(vm, IDT_LONG64, CODE("\xf3\x6c"), TEST_FREE + 8, 100);
	pt = idt_split(vm);
	pt[0] = TEST_FREE | PTE_P | PTE_U;
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0U, self->exits);
	EXPECT_EQ(VEC_PF, out.vector);
	EXPECT_EQ(3U, out.error);
	EXPECT_CR2(vm, TEST_FREE + 8);
	EXPECT_EQ(100ULL, vm->run->gprs.rcx);

	/* CPL 3 cannot access a supervisor page. */
	start(vm, IDT_USER64, CODE("\xf3\x6c"), TEST_FREE + 8, 100);
	idt_split(vm)[0] = TEST_FREE | PTE_P | PTE_W;
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0U, self->exits);
	EXPECT_EQ(VEC_PF, out.vector);
	EXPECT_EQ(7U, out.error);
}

/* Accessed and dirty bits are set as by the CPU. */
TEST_F(exit_string, sets_accessed_and_dirty)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	uint64_t *pt;

	start(vm, IDT_LONG64, CODE("\x6e\x6c"), 0, 0);
	IDT_REGS(vm, regs->rsi = TEST_FREE; regs->rdi = TEST_FREE + PAGE);
	pt = idt_split(vm);
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_TRUE(idt_finished(vm, 2));
	EXPECT_EQ(0x20ULL, pt[0] & 0x60);
	EXPECT_EQ(0x60ULL, pt[1] & 0x60);
}

/* No region: the VMM gets an exit, may map memory, and the instruction continues. */
TEST_F(exit_string, outs_from_nowhere)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region = {
		.gpa = TEST_MEM, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ,
	};
	struct idt_outcome out;

	start(vm, IDT_LONG64, CODE("\xf3\x6e"), TEST_MEM - 2, 5);
	fill(vm, TEST_FREE, 16);
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
	EXPECT_EQ(2U, self->elements);
	EXPECT_EQ(TEST_MEM, vm->run->memory.gpa);
	EXPECT_EQ(TEST_MEM, vm->run->memory.gva);
	EXPECT_EQ((unsigned int)(SVMVCPU_FAULT_GVA | SVMVCPU_FAULT_KERNEL),
		  vm->run->memory.flags);
	EXPECT_EQ(0, memcmp(vm->run->memory.insn, "\xf3\x6e", 2));
	EXPECT_EQ(3ULL, vm->run->gprs.rcx);

	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(3U, self->elements);
	EXPECT_EQ(0, memcmp(self->data, vm->mem + TEST_FREE, 3));
	EXPECT_TRUE(idt_finished(vm, 2));
}

/* Nothing is read from the device without memory to store it. */
TEST_F(exit_string, ins_to_nowhere)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region = {
		.gpa = TEST_MEM, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	struct idt_outcome out;

	memcpy(self->data, "device", 6);
	start(vm, IDT_LONG64, CODE("\xf3\x6c"), TEST_MEM, 6);
	ASSERT_EQ(0, pump(self, &out));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
	EXPECT_EQ(0U, self->elements);
	EXPECT_EQ(TEST_MEM, vm->run->memory.gpa);
	EXPECT_EQ((unsigned int)(SVMVCPU_FAULT_GVA | SVMVCPU_FAULT_KERNEL |
				 SVMVCPU_FAULT_WRITE), vm->run->memory.flags);
	EXPECT_EQ(6ULL, vm->run->gprs.rcx);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "device", 6));
	EXPECT_TRUE(idt_finished(vm, 2));
}

/* A value read from the device is kept until there is memory for it again. */
TEST_F(exit_string, ins_whose_memory_goes)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region region = {
		.gpa = TEST_MEM, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	const struct svmvcpu_range range = { .gpa = TEST_MEM, .bytes = PAGE };
	struct idt_outcome out;
	size_t bytes;

	start(vm, IDT_LONG64, CODE("\xf3\x6c"), TEST_MEM, 6);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	RUN_EXPECT(vm, IO);
	memcpy(svmvcpu_vcpu_window(&vm->vcpu, &bytes), "device", 6);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(TEST_MEM, vm->run->memory.gpa);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	ASSERT_EQ(0, pump(self, &out));
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "device", 6));
	EXPECT_TRUE(idt_finished(vm, 2));
	EXPECT_EQ(0U, self->elements);
}

/* With TF there is a trap after each element, not only after the last. */
TEST_F(exit_string, single_step)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;
	unsigned int in, n;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	memcpy(self->data, "abc", 3);
	for (in = 0; in < 2; in++) {
		start(vm, IDT_LONG64, in ? "\xf3\x6c" : "\xf3\x6e", 2, TEST_FREE, 3);
		IDT_REGS(vm, regs->rflags |= FLAG_TF);
		for (n = 1; n <= 3; n++) {
			ASSERT_EQ(0, pump(self, &out));
			ASSERT_EQ(VEC_DB, out.vector);
			EXPECT_EQ(1U, self->elements);
			EXPECT_EQ(TEST_CODE + (n == 3 ? 2 : 0), out.rip);
			EXPECT_EQ(3ULL - n, vm->run->gprs.rcx);
		}
		ASSERT_EQ(0, pump(self, &out));
		EXPECT_TRUE(idt_finished(vm, 2));
	}
}

/* In compatibility mode, too, an element across 4 GiB continues at address 0. */
TEST_F(exit_string, linear_address_wraps)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	uint64_t *tables;
	unsigned int in;

	memcpy(self->data, "wrap", 4);
	for (in = 0; in < 2; in++) {
		start(vm, IDT_COMPAT32, in ? "\x6d" : "\x6f", 1, 0xfffffffe - 0x1000, 1);
		/* the last 2 MiB below 4 GiB are those at TEST_FREE */
		tables = (void *)(vm->mem + TEST_TABLES);
		tables[512 + 3] = IDT_PT | PTE_RWX;
		memset(vm->mem + IDT_PT, 0, PAGE);
		((uint64_t *)(vm->mem + IDT_PT))[511] = TEST_FREE | PTE_RWX | 0x80;
		memcpy(vm->mem + TEST_FREE + 0x1ffffe, "wr", 2);
		memcpy(vm->mem, "ap", 2);
		idt_get(vm, &state);
		state.segments.ds.base = 0x1000;
		state.segments.es.base = 0x1000;
		idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
		ASSERT_EQ(0, pump(self, &out));
		EXPECT_EQ(1U, self->exits);
		EXPECT_TRUE(idt_finished(vm, 1)) {
			TH_LOG("vector %d, cr2 %#llx", out.vector, vm->run->cr2);
		}
		EXPECT_EQ(0, memcmp(self->data, "wrap", 4));
		EXPECT_EQ(0, memcmp(vm->mem, "ap", 2));
	}
}

TEST_HARNESS_MAIN
