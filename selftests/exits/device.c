// SPDX-License-Identifier: GPL-2.0-only
/*
 * Like exits_fetch, for device accesses: the instruction is at LINEAR, RBX addresses
 * its operand, and what either depends on changes between two exits.
 */
#include "guest_tables.h"

FIXTURE(device) {
	struct test_vm vm;
};

static void decode_mmio(struct test_vm *t, unsigned int decode)
{
	struct svmvcpu_exits exits = { .decode = decode };

	if (svmvcpu_vcpu_choose_exits(&t->vcpu, &exits))
		vm_die("SET_EXITS");
}

FIXTURE_SETUP(device)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_LONG64, .entry = LINEAR, .stack = 0x8000, .cr3 = PML4,
	};
	struct test_vm *t = &self->vm;

	vm_open(t);
	put_tables(t, 0, 0);
	put_entry(t, PT, DEVICE_LINEAR >> 12, DEVICE | PTE_PW);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&t->vcpu, &setup));
	decode_mmio(t, SVMVCPU_DECODE_MMIO);
	t->run->gprs.rax = 0x8877665544332211;
	t->run->gprs.rcx = 0xccbbaa9988776655;
	t->run->gprs.rbx = DEVICE_LINEAR;
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
}

VM_TEARDOWN(device)

static void put_bytes(struct test_vm *t, const char *bytes, size_t len)
{
	memcpy(t->mem + CODE, bytes, len);
}

#define PUT_BYTES(t, literal)	put_bytes(t, literal, sizeof(literal) - 1)

/*
 * Executes the instruction at LINEAR with the registers on the page; repeated if RUN
 * asks for it.
 */
static int execute(struct test_vm *t)
{
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	if (t->run->reason == SVMVCPU_EXIT_MMIO)
		t->run->in_flags |= SVMVCPU_RUN_RETRY;
	t->run->gprs.rip = LINEAR;
	return vm_run(t) ? -1 : (int)t->run->reason;
}

/* Run twice: the first time may fault in the tables and set accessed bits. */
#define EXPECT_ACCESS(at, bytes, is_write, value)				\
do {										\
	int i_;									\
	for (i_ = 0; i_ < 2; i_++) {						\
		ASSERT_EQ(SVMVCPU_EXIT_MMIO, execute(&self->vm));		\
		EXPECT_EQ((at), self->vm.run->mmio.gpa);			\
		EXPECT_EQ(bytes, self->vm.run->mmio.width);			\
		EXPECT_EQ(is_write, self->vm.run->mmio.write);			\
		EXPECT_EQ((unsigned long long)(value), self->vm.run->mmio.data);	\
		EXPECT_EQ(LINEAR, self->vm.run->gprs.rip);			\
	}									\
} while (0)

#define EXPECT_STORE(bytes, value)	EXPECT_ACCESS(DEVICE, bytes, 1, value)

TEST_F(device, new_bytes)
{
	struct test_vm *t = &self->vm;

	PUT_BYTES(t, "\x89\x03");		/* mov %eax, (%rbx) */
	EXPECT_STORE(4, 0x44332211);
	PUT_BYTES(t, "\x89\x0b");		/* %ecx */
	EXPECT_STORE(4, 0x88776655);
	PUT_BYTES(t, "\x88\x0b");		/* %cl */
	EXPECT_STORE(1, 0x55);
	PUT_BYTES(t, "\x88\x2b");		/* %ch */
	EXPECT_STORE(1, 0x66);
	PUT_BYTES(t, "\x48\x89\x0b");		/* %rcx */
	EXPECT_STORE(8, 0xccbbaa9988776655);
	PUT_BYTES(t, "\x8b\x0b");		/* a load */
	EXPECT_ACCESS(DEVICE, 4, 0, 0);
	PUT_BYTES(t, "\xc6\x03\x5a");		/* an immediate */
	EXPECT_STORE(1, 0x5a);
	PUT_BYTES(t, "\xc6\x03\x5b");
	EXPECT_STORE(1, 0x5b);
	PUT_BYTES(t, "\x89\x4b\x10");		/* a displacement */
	EXPECT_ACCESS(DEVICE + 0x10, 4, 1, 0x88776655);
}

/* Another page with another instruction */
TEST_F(device, new_code_page)
{
	struct test_vm *t = &self->vm;

	PUT_BYTES(t, "\x89\x03");
	memcpy(t->mem + CODE + 0x1000, "\x88\x0b", 2);
	EXPECT_STORE(4, 0x44332211);
	put_entry(t, PT, LINEAR >> 12, (CODE + 0x1000) | PTE_PW);
	EXPECT_STORE(1, 0x55);
}

/* The registers of the address and of the value */
TEST_F(device, new_registers)
{
	struct test_vm *t = &self->vm;

	put_entry(t, PT, (DEVICE_LINEAR >> 12) + 1, (DEVICE + 0x1000) | PTE_PW);
	put_entry(t, PT, (DEVICE_LINEAR >> 12) + 2, DEVICE | PTE_PW);
	PUT_BYTES(t, "\x89\x04\x0b");		/* mov %eax, (%rbx, %rcx) */
	t->run->gprs.rcx = 0;
	EXPECT_STORE(4, 0x44332211);
	t->run->gprs.rax++;
	EXPECT_STORE(4, 0x44332212);
	t->run->gprs.rcx = 0x20;
	EXPECT_ACCESS(DEVICE + 0x20, 4, 1, 0x44332212);
	t->run->gprs.rbx += 0x1000;
	EXPECT_ACCESS(DEVICE + 0x1020, 4, 1, 0x44332212);
	/* the first page at another address */
	t->run->gprs.rbx += 0x1000;
	EXPECT_ACCESS(DEVICE + 0x20, 4, 1, 0x44332212);
}

/* The operand's page changes in the tables. */
TEST_F(device, new_translation)
{
	struct test_vm *t = &self->vm;
	uint64_t device;
	int i;

	PUT_BYTES(t, "\x89\x03");
	for (i = 0; i < 6; i++) {
		device = DEVICE + (i << 12);
		put_entry(t, PT, DEVICE_LINEAR >> 12, device | PTE_PW);
		EXPECT_ACCESS(device, 4, 1, 0x44332211);
	}
}

/* An access that crosses the end of its page is no access to a device. */
TEST_F(device, across_pages)
{
	struct test_vm *t = &self->vm;

	PUT_BYTES(t, "\x89\x03");
	EXPECT_STORE(4, 0x44332211);
	t->run->gprs.rbx += 0xffc;
	EXPECT_ACCESS(DEVICE + 0xffc, 4, 1, 0x44332211);
	t->run->gprs.rbx++;
	put_entry(t, PT, (DEVICE_LINEAR >> 12) + 1, (DEVICE + 0x1000) | PTE_PW);
	EXPECT_EQ(SVMVCPU_EXIT_MEMORY_FAULT, execute(t));
}

/* Nor is an access that starts in memory in the page before: its second half faults. */
TEST_F(device, from_memory)
{
	struct test_vm *t = &self->vm;

	put_entry(t, PT, (DEVICE_LINEAR >> 12) + 1, (CODE + 0x1000) | PTE_PW);
	put_entry(t, PT, (DEVICE_LINEAR >> 12) + 2, DEVICE | PTE_PW);
	PUT_BYTES(t, "\x89\x03");
	t->run->gprs.rbx = DEVICE_LINEAR + 0x2000;
	EXPECT_STORE(4, 0x44332211);
	t->run->gprs.rbx -= 2;
	EXPECT_EQ(SVMVCPU_EXIT_MEMORY_FAULT, execute(t));
	EXPECT_EQ(DEVICE, t->run->memory.gpa);
}

/*
 * The same bytes in the same place: mov %eax, (%rbx) in 64-bit code, and mov %ax, (%bp,
 * %di) in a 16-bit segment
 */
TEST_F(device, new_mode)
{
	struct test_vm *t = &self->vm;
	struct svmvcpu_state state;
	__u16 attrib;
	int i;

	PUT_BYTES(t, "\x89\x03");
	t->run->gprs.rbp = DEVICE_LINEAR - 0x100;
	t->run->gprs.rdi = 0x100;
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
	attrib = state.segments.cs.attrib;
	for (i = 0; i < 4; i++) {
		state.segments.cs.attrib = i & 1 ? attrib & ~0x600 : attrib;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
		EXPECT_STORE(i & 1 ? 2 : 4, i & 1 ? 0x2211 : 0x44332211);
	}
}

/* FS and GS, whose bases 64-bit code does use */
TEST_F(device, segment_base)
{
	struct test_vm *t = &self->vm;
	struct svmvcpu_state state;
	int i;

	PUT_BYTES(t, "\x64\x89\x03");		/* mov %eax, %fs:(%rbx) */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
		state.segments.fs.base = 8 * i;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
		EXPECT_ACCESS(DEVICE + 8 * i, 4, 1, 0x44332211);
	}
}

/* A region replaces the device, and is removed again. */
TEST_F(device, region_comes_and_goes)
{
	struct svmvcpu_range page = { .gpa = DEVICE, .bytes = 0x1000 };
	struct svmvcpu_region region = {
		.gpa = DEVICE, .bytes = 0x1000, .prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	struct test_vm *t = &self->vm;
	uint32_t *memory = svmvcpu_alloc(0x1000);
	int i;

	ASSERT_NE(NULL, memory);
	region.hva = (uintptr_t)memory;
	PUT_BYTES(t, "\x89\x03\xf4");
	for (i = 0; i < 2; i++) {
		EXPECT_STORE(4, 0x44332211);
		*memory = 0;
		ASSERT_EQ(0, svmvcpu_vm_map(t->vm, &region, 1));
		EXPECT_EQ(SVMVCPU_EXIT_HALT, execute(t));
		EXPECT_EQ(0x44332211U, *memory);
		ASSERT_EQ(0, svmvcpu_vm_unmap(t->vm, &page, 1));
	}
	svmvcpu_free(memory, 0x1000);
}

/* The VMM deselects such exits, and selects them again. */
TEST_F(device, new_choice)
{
	struct test_vm *t = &self->vm;
	int i;

	PUT_BYTES(t, "\x89\x03");
	for (i = 0; i < 2; i++) {
		EXPECT_STORE(4, 0x44332211);
		decode_mmio(t, 0);
		EXPECT_EQ(SVMVCPU_EXIT_MEMORY_FAULT, execute(t));
		decode_mmio(t, SVMVCPU_DECODE_MMIO);
	}
}

/* Two instructions that alternate on one device; and one instruction on two devices */
TEST_F(device, many_places)
{
	struct test_vm *t = &self->vm;
	int i;

	put_entry(t, PT, (DEVICE_LINEAR >> 12) + 1, (DEVICE + 0x1000) | PTE_PW);
	/* 1: mov %eax, (%rbx); mov %cx, (%rbx); xor $0x1000, %rbx; jmp 1b */
	PUT_BYTES(t, "\x89\x03\x66\x89\x0b\x48\x81\xf3\x00\x10\x00\x00\xeb\xf2");
	for (i = 0; i < 12; i++) {
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(DEVICE + (i & 1) * 0x1000, t->run->mmio.gpa);
		EXPECT_EQ(4, t->run->mmio.width);
		EXPECT_EQ(0x44332211ULL, t->run->mmio.data);
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(DEVICE + (i & 1) * 0x1000, t->run->mmio.gpa);
		EXPECT_EQ(2, t->run->mmio.width);
		EXPECT_EQ(0x6655ULL, t->run->mmio.data);
	}
}

/* The value read goes to the instruction's destination, and RIP behind the instruction. */
TEST_F(device, answers)
{
	struct test_vm *t = &self->vm;
	int i;

	/* 1: movsbl (%rbx), %eax; mov 4(%rbx), %ch; mov 8(%rbx), %rdx; jmp 1b */
	PUT_BYTES(t, "\x0f\xbe\x03\x8a\x6b\x04\x48\x8b\x53\x08\xeb\xf4");
	RUN_EXPECT(t, MMIO);
	for (i = 0; i < 4; i++) {
		t->run->answer = 0x7fffffffffffff80ULL + i;
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(0xffffff80U + i, t->run->gprs.rax);
		EXPECT_EQ(LINEAR + 3, t->run->gprs.rip);
		t->run->answer = 0x1100 + i;
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(0xccbbaa9988770055ULL + (i << 8), t->run->gprs.rcx);
		EXPECT_EQ(LINEAR + 6, t->run->gprs.rip);
		t->run->answer = 0x0102030405060708ULL + i;
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(0x0102030405060708ULL + i, t->run->gprs.rdx);
		EXPECT_EQ(LINEAR, t->run->gprs.rip);
	}
}

/*
 * A snapshot restored before the exit is completed: the result is for the instruction
 * of the snapshot.
 */
TEST_F(device, restored_question)
{
	struct test_vm *t = &self->vm;
	__u64 pages;
	int i;

	/* 1: movzbl (%rbx), %eax; mov %ecx, (%rbx); stosl; jmp 1b */
	PUT_BYTES(t, "\x0f\xb6\x03\x89\x0b\xab\xeb\xf8");
	t->run->gprs.rdi = DEVICE_LINEAR;
	for (i = 0; i < 4; i++)
		RUN_EXPECT(t, MMIO);
	EXPECT_EQ(LINEAR, t->run->gprs.rip);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(t->vm, 0));
	for (i = 0; i < 3; i++) {
		int runs = i;

		while (runs--)
			RUN_EXPECT(t, MMIO);
		ASSERT_EQ(0, svmvcpu_vm_restore(t->vm, &pages));
		t->run->answer = 0x7e - i;
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(0x7eULL - i, t->run->gprs.rax);
		EXPECT_EQ(LINEAR + 3, t->run->gprs.rip);
		ASSERT_EQ(0, svmvcpu_vm_restore(t->vm, &pages));
	}
}

/* The register page of a local APIC, which the kernel handles itself */
TEST(apic_page)
{
	static const unsigned char code[] = {
		0x89, 0x83, 0x80, 0x00, 0x00, 0x00,	/* 1: mov %eax, 0x80(%rbx): TPR */
		0x0f, 0xb6, 0x8b, 0x80, 0x00, 0x00, 0x00,	/* movzbl 0x80(%rbx), %ecx */
		0xe6, 0x10,				/* out %al, $0x10 */
		0x83, 0xc0, 0x10,			/* add $0x10, %eax */
		0xeb, 0xec,				/* jmp 1b */
	};
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_LONG64, .entry = LINEAR, .stack = 0x8000, .cr3 = PML4,
	};
	struct test_vm vm;
	unsigned int i;

	vm_open_empty(&vm);
	ASSERT_EQ(0, svmvcpu_vcpu_create_flags(vm.vm, 0, SVMVCPU_VCPU_LAPIC, &vm.info,
					       &vm.vcpu));
	vm.run = vm.vcpu.run;
	put_tables(&vm, 0, 0);
	put_entry(&vm, PT, DEVICE_LINEAR >> 12, 0xfee00000 | PTE_PW);
	memcpy(vm.mem + CODE, code, sizeof(code));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&vm.vcpu, &setup));
	vm.run->gprs.rbx = DEVICE_LINEAR;
	vm.run->in_flags = SVMVCPU_RUN_SET_GPRS;
	for (i = 0; i < 8; i++) {
		RUN_EXPECT(&vm, IO);
		EXPECT_EQ(0x10ULL * i, vm.run->gprs.rcx);
		EXPECT_EQ(0x10 * i, vm.run->io.data);
	}
	vm_close(&vm);
}

TEST_HARNESS_MAIN
