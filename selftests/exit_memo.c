// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module remembers of instructions and device accesses (memo.c) is
 * noticed to be out of date: whatever the answer depends on is changed behind
 * its back, and the next exit must go by what is there now.
 *
 * In the first half the guest's instruction is a HLT with more or fewer prefixes:
 * RIP behind it tells which was read.
 */
#include "guest_thread.h"

#define PML4		0x20000UL
#define PDPT		0x21000UL
#define PD		0x22000UL
#define PT		0x23000UL
#define OTHER		0x10000UL	/* another set of tables, this far away */
#define LINEAR		0x1000UL	/* where the code is seen */
#define CODE		0x40000UL	/* where it is: page n has n prefixes */
#define DEVICE		0x10000000UL	/* no region */
#define DEVICE_LINEAR	0x2000UL

#define PTE_PW		3ULL
#define MAX_PREFIXES	8

static void put_entry(struct test_vm *t, unsigned long table, unsigned int index, uint64_t value)
{
	((uint64_t *)(t->mem + table))[index] = value;
}

/* LINEAR is the page with @prefixes, by the tables at @offset */
static void put_tables(struct test_vm *t, unsigned long offset, unsigned int prefixes)
{
	put_entry(t, PML4 + offset, 0, (PDPT + offset) | PTE_PW);
	put_entry(t, PDPT + offset, 0, (PD + offset) | PTE_PW);
	put_entry(t, PD + offset, 0, (PT + offset) | PTE_PW);
	put_entry(t, PT + offset, LINEAR >> 12, (CODE + (prefixes << 12)) | PTE_PW);
}

static void put_code(unsigned char *at, unsigned int prefixes)
{
	memset(at, 0x66, prefixes);
	at[prefixes] = 0xf4;
}

FIXTURE(memo) {
	struct test_vm vm;
};

FIXTURE_SETUP(memo)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_LONG64, .entry = LINEAR, .stack = 0x8000, .cr3 = PML4,
	};
	struct test_vm *t = &self->vm;
	unsigned int i;

	vm_open(t);
	for (i = 0; i < MAX_PREFIXES; i++)
		put_code(t->mem + CODE + (i << 12), i);
	put_tables(t, 0, 0);
	put_tables(t, OTHER, 1);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&t->vcpu, &setup));
}

FIXTURE_TEARDOWN(memo)
{
	vm_close(&self->vm);
}

/* The length of the instruction at @rip, as the module sees it; -1: no HALT */
static int length(struct test_vm *t, unsigned long rip)
{
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	t->run->gprs.rip = rip;
	if (vm_run(t) || t->run->reason != SVMVCPU_EXIT_HALT)
		return -1;
	return t->run->gprs.rip - rip;
}

/* Three times: read, remembered, taken from memory */
#define EXPECT_LENGTH_AT(rip, want)				\
do {								\
	int i_;							\
	for (i_ = 0; i_ < 3; i_++)				\
		EXPECT_EQ(want, length(&self->vm, rip));	\
} while (0)

#define EXPECT_LENGTH(want)	EXPECT_LENGTH_AT(LINEAR, want)

TEST_F(memo, new_bytes)
{
	unsigned int i;

	for (i = 0; i < MAX_PREFIXES; i++) {
		put_code(self->vm.mem + CODE, i);
		EXPECT_LENGTH((int)i + 1);
	}
	/* Back, with what was behind it still there */
	put_code(self->vm.mem + CODE, 2);
	EXPECT_LENGTH(3);
}

/* Longer than what is kept */
TEST_F(memo, long_instruction)
{
	put_code(self->vm.mem + CODE, 11);
	EXPECT_LENGTH(12);
	put_code(self->vm.mem + CODE, 3);
	EXPECT_LENGTH(4);
}

TEST_F(memo, new_table_entry)
{
	unsigned int i;

	for (i = 0; i < MAX_PREFIXES; i++) {
		put_tables(&self->vm, 0, i);
		EXPECT_LENGTH((int)i + 1);
	}
}

/* At each level above: the tables at OTHER lead to another page. */
TEST_F(memo, new_upper_tables)
{
	struct test_vm *t = &self->vm;

	EXPECT_LENGTH(1);
	put_entry(t, PD, 0, (PT + OTHER) | PTE_PW);
	EXPECT_LENGTH(2);
	put_tables(t, 0, 0);
	EXPECT_LENGTH(1);
	put_entry(t, PDPT, 0, (PD + OTHER) | PTE_PW);
	EXPECT_LENGTH(2);
	put_tables(t, 0, 0);
	EXPECT_LENGTH(1);
	put_entry(t, PML4, 0, (PDPT + OTHER) | PTE_PW);
	EXPECT_LENGTH(2);
}

TEST_F(memo, new_cr3)
{
	struct svmvcpu_state state;
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, svmvcpu_vcpu_get_state(&self->vm.vcpu, SVMVCPU_STATE_CONTROL,
						    &state));
		state.control.cr3 = i & 1 ? PML4 + OTHER : PML4;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&self->vm.vcpu, SVMVCPU_STATE_CONTROL,
						    &state));
		EXPECT_LENGTH(1 + (i & 1));
	}
}

/* Other code segments: the base, and what the same bytes mean in another mode */
TEST_F(memo, new_segment)
{
	struct svmvcpu_setup real = {
		.preset = SVMVCPU_PRESET_REAL, .entry = LINEAR, .stack = 0x8000,
	};
	struct test_vm *t = &self->vm;
	struct svmvcpu_state state;

	ASSERT_EQ(0, svmvcpu_vcpu_setup(&t->vcpu, &real));
	put_code(t->mem + LINEAR, 1);
	put_code(t->mem + LINEAR + 0x10000, 4);
	EXPECT_LENGTH(2);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
	state.segments.cs.base = 0x10000;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
	EXPECT_LENGTH(5);
}

/* What is as wide as an address in one mode is not in another. */
TEST_F(memo, new_mode)
{
	/* 32-bit: movb $0x77, 0x10; 16-bit: movb $0x10, (%di) */
	static const unsigned char code[] = { 0xc6, 0x05, 0x10, 0x00, 0x00, 0x00, 0x77 };
	struct svmvcpu_setup setup = { .preset = SVMVCPU_PRESET_PROT32, .entry = LINEAR };
	struct svmvcpu_exits exits = { .decode = SVMVCPU_DECODE_MMIO };
	struct test_vm *t = &self->vm;
	struct svmvcpu_state state;
	int i;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&t->vcpu, &exits));
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&t->vcpu, &setup));
	memcpy(t->mem + LINEAR, code, sizeof(code));
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS, &state));
	state.segments.ds.base = DEVICE;
	for (i = 0; i < 8; i++) {
		if (i % 4 == 0) {
			state.segments.cs.attrib ^= i ? 0x400 : 0;
			ASSERT_EQ(0, svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_SEGMENTS,
							    &state));
		}
		t->run->in_flags = SVMVCPU_RUN_SET_GPRS | (i ? SVMVCPU_RUN_RETRY : 0);
		t->run->gprs.rdi = 0x10;
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(i < 4 ? 0x77U : 0x10U, t->run->mmio.data);
		EXPECT_EQ(DEVICE + 0x10, t->run->mmio.gpa);
	}
}

/* Two instructions where only one is remembered */
TEST_F(memo, another_address)
{
	struct test_vm *t = &self->vm;
	int i;

	for (i = 1; i < 16; i++) {
		put_code(t->mem + CODE, 0);
		put_code(t->mem + CODE + 8 * i, 3);
		EXPECT_LENGTH(1);
		EXPECT_LENGTH_AT(LINEAR + 8 * i, 4);
		EXPECT_LENGTH(1);
	}
}

/* An instruction on two pages, which do not lie side by side */
TEST_F(memo, across_pages)
{
	struct test_vm *t = &self->vm;
	unsigned char *behind = t->mem + CODE + 5 * 0x1000;
	const unsigned long linear = LINEAR + 0xfff;

	put_entry(t, PT, (LINEAR >> 12) + 1, (CODE + 0x5000) | PTE_PW);
	t->mem[CODE + 0xfff] = 0x66;
	put_code(behind, 1);
	EXPECT_LENGTH_AT(linear, 3);
	put_code(behind, 0);
	EXPECT_LENGTH_AT(linear, 2);
	put_code(behind, 1);
	EXPECT_LENGTH_AT(linear, 3);
}

static void set_paging(struct test_vm *t, uint64_t cr0_pg, uint64_t cr4_pae)
{
	struct svmvcpu_state state;

	if (svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_CONTROL, &state))
		vm_die("GET_STATE");
	state.control.cr0 = (state.control.cr0 & ~(1ULL << 31)) | cr0_pg << 31;
	state.control.cr4 = (state.control.cr4 & ~(1ULL << 5)) | cr4_pae << 5;
	state.control.cr3 = PDPT;
	if (svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_CONTROL, &state))
		vm_die("SET_STATE");
}

/*
 * Without paging, by entries of eight bytes, and of four, all with the same CR3: the
 * first half of the second entry of PD is the entry for page 2 among those of four.
 */
TEST_F(memo, new_paging)
{
	struct svmvcpu_setup setup = { .preset = SVMVCPU_PRESET_PROT32, .entry = LINEAR };
	const unsigned long page_2 = 0x2000;
	struct test_vm *t = &self->vm;
	int i;

	put_entry(t, PDPT, 0, PD | 1);
	put_entry(t, PT, page_2 >> 12, (CODE + 0x1000) | PTE_PW);
	put_entry(t, PD, 1, (CODE + 0x3000) | PTE_PW);
	put_code(t->mem + page_2, 6);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&t->vcpu, &setup));
	for (i = 0; i < 2; i++) {
		set_paging(t, 1, 1);
		EXPECT_LENGTH_AT(page_2, 2);
		set_paging(t, 0, 1);
		EXPECT_LENGTH_AT(page_2, 7);
		set_paging(t, 1, 1);
		EXPECT_LENGTH_AT(page_2, 2);
		set_paging(t, 1, 0);
		EXPECT_LENGTH_AT(page_2, 4);
	}
}

/* The region with the code goes, another with other memory comes. */
TEST_F(memo, new_region)
{
	struct svmvcpu_range page = { .gpa = CODE, .bytes = 0x1000 };
	struct svmvcpu_region region = {
		.gpa = CODE, .bytes = 0x1000,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC,
	};
	struct test_vm *t = &self->vm;
	unsigned char *other = svmvcpu_alloc(0x1000);

	ASSERT_NE(NULL, other);
	put_code(other, 5);
	EXPECT_LENGTH(1);
	ASSERT_EQ(0, svmvcpu_vm_unmap(t->vm, &page, 1));
	region.hva = (uintptr_t)other;
	ASSERT_EQ(0, svmvcpu_vm_map(t->vm, &region, 1));
	EXPECT_LENGTH(6);
	/* And what the VMM has at the old address does not count. */
	put_code(t->mem + CODE, 3);
	EXPECT_LENGTH(6);
	svmvcpu_free(other, 0x1000);
}

/* Long mode goes, and the same tables have one level less. */
TEST_F(memo, new_efer)
{
	struct test_vm *t = &self->vm;
	struct svmvcpu_state state;

	/* It sets the accessed bit, which Bochs does not suffer in a directory pointer. */
	if (host_is_bochs())
		SKIP(return, "no tables that are both");
	put_entry(t, PML4, 0, PDPT | 1);
	put_entry(t, PD, LINEAR >> 12, (CODE + 0x3000) | PTE_PW);
	EXPECT_LENGTH(1);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_CONTROL, &state));
	state.control.efer = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_CONTROL, &state));
	EXPECT_LENGTH(4);
}

/* More places than are remembered, in turn */
TEST_F(memo, many_places)
{
	struct test_vm *t = &self->vm;
	unsigned int i, round;

	for (i = 0; i < MAX_PREFIXES; i++)
		put_code(t->mem + CODE + 0x40 * i, i);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MAX_PREFIXES; i++) {
			t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
			t->run->gprs.rip = LINEAR + 0x40 * i;
			RUN_EXPECT(t, HALT);
			EXPECT_EQ(LINEAR + 0x41 * i + 1, t->run->gprs.rip);
		}
	}
}

/*
 * Device accesses: the instruction at LINEAR, with its operand by RBX.
 */
FIXTURE(memo_device) {
	struct test_vm vm;
};

static void decode_mmio(struct test_vm *t, unsigned int decode)
{
	struct svmvcpu_exits exits = { .decode = decode };

	if (svmvcpu_vcpu_choose_exits(&t->vcpu, &exits))
		vm_die("SET_EXITS");
}

FIXTURE_SETUP(memo_device)
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

FIXTURE_TEARDOWN(memo_device)
{
	vm_close(&self->vm);
}

static void put_bytes(struct test_vm *t, const char *bytes, size_t len)
{
	memcpy(t->mem + CODE, bytes, len);
}

#define PUT_BYTES(t, literal)	put_bytes(t, literal, sizeof(literal) - 1)

/* What is at LINEAR executes, with the registers on the page; once more, if it was asked. */
static int execute(struct test_vm *t)
{
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	if (t->run->reason == SVMVCPU_EXIT_MMIO)
		t->run->in_flags |= SVMVCPU_RUN_RETRY;
	t->run->gprs.rip = LINEAR;
	return vm_run(t) ? -1 : (int)t->run->reason;
}

/* Three times: read, remembered, taken from memory */
#define EXPECT_ACCESS(at, bytes, is_write, value)				\
do {										\
	int i_;									\
	for (i_ = 0; i_ < 3; i_++) {						\
		ASSERT_EQ(SVMVCPU_EXIT_MMIO, execute(&self->vm));		\
		EXPECT_EQ((at), self->vm.run->mmio.gpa);			\
		EXPECT_EQ(bytes, self->vm.run->mmio.width);			\
		EXPECT_EQ(is_write, self->vm.run->mmio.write);			\
		EXPECT_EQ((unsigned long long)(value), self->vm.run->mmio.data);	\
		EXPECT_EQ(LINEAR, self->vm.run->gprs.rip);			\
	}									\
} while (0)

#define EXPECT_STORE(bytes, value)	EXPECT_ACCESS(DEVICE, bytes, 1, value)

TEST_F(memo_device, new_bytes)
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

/* The page with the instruction is another one. */
TEST_F(memo_device, new_code_page)
{
	struct test_vm *t = &self->vm;

	PUT_BYTES(t, "\x89\x03");
	memcpy(t->mem + CODE + 0x1000, "\x88\x0b", 2);
	EXPECT_STORE(4, 0x44332211);
	put_entry(t, PT, LINEAR >> 12, (CODE + 0x1000) | PTE_PW);
	EXPECT_STORE(1, 0x55);
}

/* The registers that address and value are made of */
TEST_F(memo_device, new_registers)
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
	/* the first page under another address */
	t->run->gprs.rbx += 0x1000;
	EXPECT_ACCESS(DEVICE + 0x20, 4, 1, 0x44332212);
}

/* Where the operand is, by the tables */
TEST_F(memo_device, new_translation)
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

/* An access that leaves the page is none that a device can make. */
TEST_F(memo_device, across_pages)
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

/* Nor is one that comes from the page before, which is memory: the second half faults. */
TEST_F(memo_device, from_memory)
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
 * The same bytes in the same place: mov %eax, (%rbx) in 64-bit code, and
 * mov %ax, (%bp, %di) in a 16-bit segment.
 */
TEST_F(memo_device, new_mode)
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

/* Other segments than those that 64-bit code goes by without a look */
TEST_F(memo_device, segment_base)
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

/* A region comes where the device was, and goes again. */
TEST_F(memo_device, region_comes_and_goes)
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

/* The VMM does not want to see such exits any more, and does. */
TEST_F(memo_device, new_choice)
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

/* Two instructions by turns, one device; and one for two devices */
TEST_F(memo_device, many_places)
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

/* What is read arrives where the instruction wants it, and RIP behind that. */
TEST_F(memo_device, answers)
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

/* A snapshot between question and answer: the answer is for that instruction. */
TEST_F(memo_device, restored_question)
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

/* The register page of a local APIC, which the kernel answers itself */
TEST(memo_of_apic_page)
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

/* 1: mov %eax or %ecx, DEVICE_LINEAR; jmp 1b; the bit of the second byte that tells */
#define STORE_ECX	8

/**
 * struct changer - writes the instruction while it is being looked at
 * @modrm: its second byte
 * @changes: odd: one is going on
 * @stop: .
 */
struct changer {
	unsigned char *modrm;
	unsigned int changes;
	volatile bool stop;
};

static void *change(void *arg)
{
	struct changer *c = arg;
	unsigned int n;

	pin_to_cpu(0);
	for (n = 0; !c->stop; n++) {
		__atomic_add_fetch(&c->changes, 1, __ATOMIC_SEQ_CST);
		__atomic_xor_fetch(c->modrm, STORE_ECX, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&c->changes, 1, __ATOMIC_SEQ_CST);
		usleep(20 + n % 64);
	}
	return NULL;
}

#define CHANGING_NS	2000000000ULL

/* What is remembered of bytes that changed in the middle is what these say. */
TEST_F(memo, changes_in_the_middle)
{
	static const unsigned char code[] = {
		0x89, 0x04, 0x25, 0x00, 0x20, 0x00, 0x00, 0xeb, 0xf7,
	};
	struct svmvcpu_exits exits = { .decode = SVMVCPU_DECODE_MMIO };
	struct test_vm *t = &self->vm;
	struct changer c = { .modrm = t->mem + CODE + 1 };
	unsigned int before, looked = 0, rounds = 0;
	unsigned char modrm;
	pthread_t thread;
	__u64 end;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&t->vcpu, &exits));
	memcpy(t->mem + CODE, code, sizeof(code));
	put_entry(t, PT, DEVICE_LINEAR >> 12, DEVICE | PTE_PW);
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	t->run->gprs.rax = 0x11111111;
	t->run->gprs.rcx = 0x22222222;
	ASSERT_EQ(0, pin_to_cpu(1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, change, &c));
	for (end = now_ns() + CHANGING_NS; now_ns() < end; rounds++) {
		/* Never what is remembered, so that it is read anew. */
		__atomic_xor_fetch(c.modrm, STORE_ECX, __ATOMIC_SEQ_CST);
		RUN_EXPECT(t, MMIO);
		before = __atomic_load_n(&c.changes, __ATOMIC_SEQ_CST);
		modrm = __atomic_load_n(c.modrm, __ATOMIC_SEQ_CST);
		RUN_EXPECT(t, MMIO);
		if (before % 2 || before != __atomic_load_n(&c.changes, __ATOMIC_SEQ_CST))
			continue;
		looked++;
		ASSERT_EQ(modrm & STORE_ECX ? 0x22222222U : 0x11111111U, t->run->mmio.data) {
			TH_LOG("round %u", rounds);
		}
	}
	c.stop = true;
	pthread_join(thread, NULL);
	TH_LOG("%u changes, %u of %u rounds without one", c.changes / 2, looked, rounds);
	EXPECT_LT(0U, looked);
}

TEST_HARNESS_MAIN
