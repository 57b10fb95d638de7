// SPDX-License-Identifier: GPL-2.0-only
/* SVMVCPU_EXIT_MEMORY_FAULT: accesses that no region allows; the guest continues once one does. */
#include "guest_idt.h"

#define PAGE		4096UL
#define ABSENT		TEST_MEM	/* no region there */
#define RWX	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC)

VM_FIXTURE(exit_memory)

/* Maps the memory at TEST_FREE at @gpa as well. */
static int map(struct test_vm *vm, uint64_t gpa, uint64_t bytes, uint32_t prot)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = prot,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

static int unmap(struct test_vm *vm, uint64_t gpa, uint64_t bytes)
{
	struct svmvcpu_range range = { .gpa = gpa, .bytes = bytes };

	return svmvcpu_vm_unmap(vm->vm, &range, 1);
}

/* RBX = address in flat modes */
static void start(struct test_vm *vm, enum idt_mode mode, const char *code, unsigned int len,
		  uint64_t address)
{
	idt_put(vm, code, len);
	idt_setup(vm, mode);
	IDT_REGS(vm, regs->rbx = address; regs->rdi = address; regs->rcx = 8; regs->rax = 0x42;
		 regs->rsi = TEST_DATA);
}

static const struct {
	const char *name;
	const char *code;
	unsigned int len;
	unsigned int flags;
} accesses[] = {
	{ "read",	CODE("\x8a\x0b"), 0 },			/* mov cl, [rbx] */
	{ "write",	CODE("\x88\x03"), SVMVCPU_FAULT_WRITE },	/* mov [rbx], al */
	{ "inc",	CODE("\xfe\x03"), SVMVCPU_FAULT_WRITE },
	{ "xchg",	CODE("\x86\x03"), SVMVCPU_FAULT_WRITE },
	{ "stos",	CODE("\xf3\xaa"), SVMVCPU_FAULT_WRITE },
	{ "push",	CODE("\xff\x33"), 0 },
};

/* No region: the exit has the exact address and instruction; with memory, it executes. */
TEST_F(exit_memory, nothing_there)
{
	static const enum idt_mode modes[] = { IDT_PROT32, IDT_USER32, IDT_LONG64, IDT_USER64 };
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_exit_memory *mem = &vm->run->memory;
	unsigned int m, i;

	for (m = 0; m < 4; m++)
		for (i = 0; i < ARRAY_SIZE(accesses); i++) {
			start(vm, modes[m], accesses[i].code, accesses[i].len, ABSENT + 0x123);
			RUN_EXPECT(vm, MEMORY_FAULT);
			EXPECT_EQ(ABSENT + 0x123, mem->gpa);
			/* A read that precedes a write may be reported as either. */
			EXPECT_EQ(accesses[i].flags, mem->flags | (accesses[i].flags &
								   SVMVCPU_FAULT_WRITE))
				TH_LOG("%s in %s: %#x", accesses[i].name,
				       idt_mode_names[modes[m]], mem->flags);
			EXPECT_EQ(15, mem->insn_len);
			EXPECT_EQ(0, memcmp(mem->insn, accesses[i].code, accesses[i].len));
			EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
			EXPECT_EQ(0U, mem->mbz);
			/* The same again, until there is memory. */
			RUN_EXPECT(vm, MEMORY_FAULT);
			ASSERT_EQ(0, map(vm, ABSENT, PAGE, RWX));
			RUN_EXPECT(vm, HYPERCALL);
			EXPECT_EQ(TEST_CODE + accesses[i].len, vm->run->gprs.rip);
			ASSERT_EQ(0, unmap(vm, ABSENT, PAGE));
		}
}

TEST_F(exit_memory, execute_nothing)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_exit_memory *mem = &vm->run->memory;

	start(vm, IDT_LONG64, CODE("\xff\xe3"), ABSENT + 0x10);	/* jmp rbx */
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT + 0x10, mem->gpa);
	EXPECT_EQ((unsigned int)SVMVCPU_FAULT_EXEC, mem->flags);
	EXPECT_EQ(0, mem->insn_len);
	EXPECT_EQ(ABSENT + 0x10, vm->run->gprs.rip);
	vm->mem[TEST_FREE + 0x10] = 0xf4;
	ASSERT_EQ(0, map(vm, ABSENT, PAGE, RWX));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(ABSENT + 0x11, vm->run->gprs.rip);
}

/* Rights that the region's protection lacks */
TEST_F(exit_memory, read_only_region)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map(vm, ABSENT, PAGE, SVMVCPU_MEM_READ));
	vm->mem[TEST_FREE] = 0x77;
	/* mov cl, [rbx]; mov [rbx], al */
	start(vm, IDT_LONG64, CODE("\x8a\x0b\x88\x03"), ABSENT);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(0x77ULL, vm->run->gprs.rcx);
	EXPECT_EQ(ABSENT, vm->run->memory.gpa);
	EXPECT_EQ((unsigned int)SVMVCPU_FAULT_WRITE, vm->run->memory.flags);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	EXPECT_EQ(0, memcmp(vm->run->memory.insn, "\x88\x03", 2));
	EXPECT_EQ(0x77, vm->mem[TEST_FREE]);
	/* jmp rbx */
	start(vm, IDT_LONG64, CODE("\xff\xe3"), ABSENT);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ((unsigned int)SVMVCPU_FAULT_EXEC, vm->run->memory.flags);
}

TEST_F(exit_memory, no_execute_region)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, map(vm, ABSENT, PAGE, SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE));
	/* mov [rbx], al; jmp rbx */
	start(vm, IDT_PROT32, CODE("\x88\x03\xff\xe3"), ABSENT);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(0x42, vm->mem[TEST_FREE]);
	EXPECT_EQ(ABSENT, vm->run->memory.gpa);
	EXPECT_EQ((unsigned int)SVMVCPU_FAULT_EXEC, vm->run->memory.flags);
	EXPECT_EQ(ABSENT, vm->run->gprs.rip);
}

/*
 * An access that crosses into a hole is not done at all: the exit has the first byte
 * that failed.
 */
TEST_F(exit_memory, across_the_end)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, CODE("\x48\x89\x03"), ABSENT - 3);	/* mov [rbx], rax */
	memset(vm->mem + ABSENT - 8, 0, 8);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT, vm->run->memory.gpa);
	ASSERT_EQ(0, map(vm, ABSENT, PAGE, RWX));
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x42, vm->mem[ABSENT - 3]);
}

/* A repeated instruction stops at the end of memory and continues there. */
TEST_F(exit_memory, string_move)
{
	struct test_vm *vm = &self->vm;

	start(vm, IDT_LONG64, CODE("\xf3\xa4"), ABSENT - 3);
	memcpy(vm->mem + TEST_DATA, "12345678", 8);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT, vm->run->memory.gpa);
	EXPECT_EQ(5ULL, vm->run->gprs.rcx);
	EXPECT_EQ(ABSENT, vm->run->gprs.rdi);
	ASSERT_EQ(0, map(vm, ABSENT, PAGE, RWX));
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0, memcmp(vm->mem + ABSENT - 3, "123", 3));
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "45678", 5));
}

/* The guest's page tables are in a hole, for each level. */
TEST_F(exit_memory, page_tables_nowhere)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	uint64_t *tables = (void *)(vm->mem + TEST_TABLES);

	/* PML4 */
	start(vm, IDT_LONG64, CODE("\x90"), 0);
	idt_get(vm, &state);
	state.control.cr3 = ABSENT;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT, vm->run->memory.gpa);
	EXPECT_NE(0U, vm->run->memory.flags & SVMVCPU_FAULT_WALK);
	memcpy(vm->mem + TEST_FREE, tables, PAGE);
	ASSERT_EQ(0, map(vm, ABSENT, PAGE, RWX));
	RUN_EXPECT(vm, HYPERCALL);
	ASSERT_EQ(0, unmap(vm, ABSENT, PAGE));

	/* Page directory, for the second GiB: entry 1 */
	start(vm, IDT_LONG64, CODE("\x8a\x0b"), 0x40200000);
	tables[512 + 1] = ABSENT | PTE_RWX;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT + 8, vm->run->memory.gpa);
	EXPECT_NE(0U, vm->run->memory.flags & SVMVCPU_FAULT_WALK);
	EXPECT_EQ(0, memcmp(vm->run->memory.insn, "\x8a\x0b", 2));
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
}

/* Tables in a read-only region: accessed bits cannot be stored. */
TEST_F(exit_memory, page_tables_read_only)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	start(vm, IDT_LONG64, CODE("\x90"), 0);
	memcpy(vm->mem + TEST_FREE, vm->mem + TEST_TABLES, PAGE);
	ASSERT_EQ(0, map(vm, ABSENT, PAGE, SVMVCPU_MEM_READ));
	idt_get(vm, &state);
	state.control.cr3 = ABSENT;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT, vm->run->memory.gpa);
	EXPECT_EQ((unsigned int)(SVMVCPU_FAULT_WALK | SVMVCPU_FAULT_WRITE),
		  vm->run->memory.flags & ~SVMVCPU_FAULT_EXEC);
}

/* The region exists, the VMM's memory behind it does not. */
TEST_F(exit_memory, user_memory_missing)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_exit_memory *mem = &vm->run->memory;

	start(vm, IDT_LONG64, CODE("\x8a\x0b\x88\x03"), TEST_FREE + 5);
	ASSERT_EQ(0, mprotect(vm->mem + TEST_FREE, PAGE, PROT_NONE));
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(TEST_FREE + 5, mem->gpa);
	EXPECT_EQ((unsigned int)SVMVCPU_FAULT_USER_MEM, mem->flags);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	ASSERT_EQ(0, mprotect(vm->mem + TEST_FREE, PAGE, PROT_READ));
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ((unsigned int)(SVMVCPU_FAULT_USER_MEM | SVMVCPU_FAULT_WRITE), mem->flags);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
	ASSERT_EQ(0, mprotect(vm->mem + TEST_FREE, PAGE, PROT_READ | PROT_WRITE));
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x42, vm->mem[TEST_FREE + 5]);
}

/* 16-bit addresses wrap before the base is added. */
TEST_F(exit_memory, real_mode)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	/* mov [bx+0x10], al, with a DS base that real mode cannot load */
	idt_put(vm, CODE("\x88\x47\x10"));
	idt_setup(vm, IDT_REAL);
	idt_get(vm, &state);
	state.segments.ds.base = ABSENT;
	state.gprs.rbx = 0xfff8;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_GPRS);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(ABSENT + 8, vm->run->memory.gpa);
	EXPECT_EQ((unsigned int)SVMVCPU_FAULT_WRITE, vm->run->memory.flags);
	EXPECT_EQ(SVMVCPU_MODE_REAL, vm->run->mode);
}

TEST_HARNESS_MAIN
