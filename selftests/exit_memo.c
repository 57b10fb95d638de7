// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module remembers of instructions and translations (memo.c) is
 * noticed to be out of date: whatever the answer depends on is changed behind
 * its back, and the next exit must go by what is there now.
 *
 * The guest's instruction is a HLT with more or fewer prefixes: RIP behind it
 * tells which was read.
 */
#include "svmvcpu_test.h"

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

/* The length of the instruction at LINEAR, as the module sees it; -1: no HALT */
static int length(struct test_vm *t)
{
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	t->run->gprs.rip = LINEAR;
	if (vm_run(t) || t->run->reason != SVMVCPU_EXIT_HALT)
		return -1;
	return t->run->gprs.rip - LINEAR;
}

/* Three times: read, remembered, taken from memory */
#define EXPECT_LENGTH(want)					\
do {								\
	int i_;							\
	for (i_ = 0; i_ < 3; i_++)				\
		EXPECT_EQ(want, length(&self->vm));		\
} while (0)

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

/* The exit has the address that the tables say now. */
TEST_F(memo, new_translation_of_a_device)
{
	/* 1: mov %eax, DEVICE_LINEAR; jmp 1b */
	static const unsigned char code[] = {
		0x89, 0x04, 0x25, 0x00, 0x20, 0x00, 0x00, 0xeb, 0xf7,
	};
	struct svmvcpu_exits exits = { .decode = SVMVCPU_DECODE_MMIO };
	struct test_vm *t = &self->vm;
	uint64_t device;
	int i;

	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&t->vcpu, &exits));
	memcpy(t->mem + CODE, code, sizeof(code));
	for (i = 0; i < 12; i++) {
		device = DEVICE + ((i / 3) << 12);
		put_entry(t, PT, DEVICE_LINEAR >> 12, device | PTE_PW);
		RUN_EXPECT(t, MMIO);
		EXPECT_EQ(device, t->run->mmio.gpa);
		EXPECT_EQ(1, t->run->mmio.write);
		EXPECT_EQ(LINEAR, t->run->gprs.rip);
	}
}

TEST_HARNESS_MAIN
