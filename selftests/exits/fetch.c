// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exit is completed for the instruction that is in memory at that time. Between two
 * exits the tests change everything its address and bytes depend on; the next exit must
 * use the new contents. exits_device has device accesses.
 *
 * The guest's instruction is mostly a HLT with several prefixes: RIP behind it tells
 * which one was read.
 */
#include "guest_tables.h"

#define MAX_PREFIXES	8

/* Accessed bits are set in what was read as a page table entry. */
#define NO_SUCH_TABLES	"Bochs: no accessed bit in a directory pointer"

static void put_code(unsigned char *at, unsigned int prefixes)
{
	memset(at, 0x66, prefixes);
	at[prefixes] = 0xf4;
}

FIXTURE(fetch) {
	struct test_vm vm;
};

FIXTURE_SETUP(fetch)
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

VM_TEARDOWN(fetch)

/* The length of the instruction at @rip, as the module sees it; -1 without a HALT */
static int length(struct test_vm *t, unsigned long rip)
{
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	t->run->gprs.rip = rip;
	if (vm_run(t) || t->run->reason != SVMVCPU_EXIT_HALT)
		return -1;
	return t->run->gprs.rip - rip;
}

/* Run twice: the first time may fault in the tables and set accessed bits. */
#define EXPECT_LENGTH_AT(rip, want)				\
do {								\
	EXPECT_EQ(want, length(&self->vm, rip));		\
	EXPECT_EQ(want, length(&self->vm, rip));		\
} while (0)

#define EXPECT_LENGTH(want)	EXPECT_LENGTH_AT(LINEAR, want)

TEST_F(fetch, new_bytes)
{
	unsigned int i;

	for (i = 0; i < MAX_PREFIXES; i++) {
		put_code(self->vm.mem + CODE, i);
		EXPECT_LENGTH((int)i + 1);
	}
	/* Restored, with the bytes behind it unchanged */
	put_code(self->vm.mem + CODE, 2);
	EXPECT_LENGTH(3);
}

TEST_F(fetch, long_instruction)
{
	put_code(self->vm.mem + CODE, 11);
	EXPECT_LENGTH(12);
	put_code(self->vm.mem + CODE, 3);
	EXPECT_LENGTH(4);
}

TEST_F(fetch, new_table_entry)
{
	unsigned int i;

	for (i = 0; i < MAX_PREFIXES; i++) {
		put_tables(&self->vm, 0, i);
		EXPECT_LENGTH((int)i + 1);
	}
}

/* At each level: the tables at OTHER lead to another page. */
TEST_F(fetch, new_upper_tables)
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

TEST_F(fetch, new_cr3)
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

/* Other code segments: the base, and the meaning of the same bytes in another mode */
TEST_F(fetch, new_segment)
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

/* Instructions have another length with another address size. */
TEST_F(fetch, new_mode)
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

/* At each offset in a quadword, with up to the maximum of prefixes */
TEST_F(fetch, every_offset)
{
	struct test_vm *t = &self->vm;
	unsigned int i, prefixes;

	for (i = 0; i < 16; i++) {
		for (prefixes = 0; prefixes < 15; prefixes += 7) {
			put_code(t->mem + CODE + i, prefixes);
			EXPECT_LENGTH_AT(LINEAR + i, (int)prefixes + 1);
		}
	}
}

/* The last instruction of a page, of each length; the next page is absent. */
TEST_F(fetch, end_of_page)
{
	struct test_vm *t = &self->vm;
	unsigned int prefixes;

	for (prefixes = 0; prefixes < 15; prefixes++) {
		put_code(t->mem + CODE + 0xfff - prefixes, prefixes);
		EXPECT_LENGTH_AT(LINEAR + 0xfff - prefixes, (int)prefixes + 1);
	}
}

/* An instruction in two pages that are not adjacent */
TEST_F(fetch, across_pages)
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
 * Without paging, with entries of eight bytes and with entries of four, all with the
 * same CR3: the first half of the second entry of PD is the entry for page 2 among the
 * 4-byte entries.
 */
TEST_F(fetch, new_paging)
{
	struct svmvcpu_setup setup = { .preset = SVMVCPU_PRESET_PROT32, .entry = LINEAR };
	const unsigned long page_2 = 0x2000;
	struct test_vm *t = &self->vm;
	int i;

	if (host_is_bochs())
		SKIP(return, NO_SUCH_TABLES);
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

/* The region with the code is replaced by one with other memory. */
TEST_F(fetch, new_region)
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
	/* Contents of the VMM's memory at the old address do not matter. */
	put_code(t->mem + CODE, 3);
	EXPECT_LENGTH(6);
	svmvcpu_free(other, 0x1000);
}

/* After leaving long mode the same tables have one level less. */
TEST_F(fetch, new_efer)
{
	struct test_vm *t = &self->vm;
	struct svmvcpu_state state;

	if (host_is_bochs())
		SKIP(return, NO_SUCH_TABLES);
	put_entry(t, PML4, 0, PDPT | 1);
	put_entry(t, PD, LINEAR >> 12, (CODE + 0x3000) | PTE_PW);
	EXPECT_LENGTH(1);
	ASSERT_EQ(0, svmvcpu_vcpu_get_state(&t->vcpu, SVMVCPU_STATE_CONTROL, &state));
	state.control.efer = 0;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&t->vcpu, SVMVCPU_STATE_CONTROL, &state));
	EXPECT_LENGTH(4);
}

/* 1: mov %eax or %ecx, DEVICE_LINEAR; jmp 1b; a bit of the second byte selects the register */
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

/* Another thread rewrites the instruction: each result fits the bytes at that time. */
TEST_F(fetch, changes_in_the_middle)
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
		/* Both instructions are met while the other thread rewrites them. */
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
