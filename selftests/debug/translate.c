// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_TRANSLATE, in each paging mode: its result is what the guest's own access
 * meets, including the error code and accessed and dirty bits.
 */
#include "guest_idt.h"

#define PAGE		4096UL
#define PTE_A		0x20ULL
#define PTE_D		0x40ULL
#define PTE_PS		0x80ULL
#define CR4_PSE		(1ULL << 4)
#define CR4_SMEP	(1ULL << 20)
#define CR4_SMAP	(1ULL << 21)

/* The tables of all modes but long mode, in the 2 MiB at TEST_FREE */
#define TABLES		(TEST_FREE + 0x10000)
#define PROBED		TEST_FREE	/* linear: the 4 KiB page that is translated ... */
#define FRAME		(TEST_FREE + 8 * PAGE)	/* ... and its physical address */

VM_FIXTURE(translate)

enum paging { LEGACY, PAE, LONG, NR_PAGINGS };

static const char * const paging_names[] = { "legacy", "pae", "long" };

/* Identity map up to TEST_MEM, with one entry for PROBED: the address of that entry */
static void *make_tables(struct test_vm *vm, enum paging paging)
{
	unsigned char *at = vm->mem + TABLES;
	uint32_t *table = (void *)at;
	unsigned int i;

	if (paging == LONG)
		return idt_split(vm);
	memset(at, 0, 4 * PAGE);
	if (paging == PAE) {
		uint64_t *pdpt = (void *)at, *dir = pdpt + 512, *pages = pdpt + 1024;

		pdpt[0] = (TABLES + PAGE) | PTE_P;
		dir[0] = (TABLES + 2 * PAGE) | PTE_RWX;
		dir[1] = (TABLES + 3 * PAGE) | PTE_RWX;
		for (i = 0; i < 1024; i++)
			pages[i] = (i * PAGE) | PTE_RWX;
		return pages + PROBED / PAGE;
	}
	table[0] = (TABLES + PAGE) | PTE_RWX;
	for (i = 0; i < 1024; i++)
		table[1024 + i] = (i * PAGE) | PTE_RWX;
	return table + 1024 + PROBED / PAGE;
}

static void set_entry(void *entry, enum paging paging, uint64_t value)
{
	if (paging == LEGACY)
		*(uint32_t *)entry = value;
	else
		*(uint64_t *)entry = value;
}

static uint64_t get_entry(const void *entry, enum paging paging)
{
	return paging == LEGACY ? *(const uint32_t *)entry : *(const uint64_t *)entry;
}

/* A guest with this paging mode and privilege; its entry for PROBED */
static void *start(struct test_vm *vm, enum paging paging, bool user, uint64_t cr0, uint64_t efer)
{
	struct svmvcpu_state state;
	void *entry;

	idt_setup(vm, paging == LONG ? (user ? IDT_USER64 : IDT_LONG64) :
		  user ? IDT_USER32 : IDT_PROT32);
	entry = make_tables(vm, paging);
	idt_get(vm, &state);
	state.control.cr0 = (state.control.cr0 & ~CR0_WP) | CR0_PG | cr0;
	state.control.cr4 |= paging == PAE ? CR4_PAE : CR4_PSE;
	state.control.efer |= efer;
	if (paging != LONG)
		state.control.cr3 = TABLES;
	state.gprs.rbx = PROBED + 0x123;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
	return entry;
}

/* mov al, [rbx]; mov [rbx], al; jmp rbx */
static const struct access {
	const char *name;
	uint32_t access;
	const char *code;
} accesses[] = {
	{ "read",	0,			"\x8a\x03" },
	{ "write",	SVMVCPU_ACCESS_WRITE,	"\x88\x03" },
	{ "fetch",	SVMVCPU_ACCESS_FETCH,	"\xff\xe3" },
};

/**
 * struct rights - one combination
 * @bits: of the entry
 * @cr0: .
 * @efer: .
 */
static const struct rights {
	uint64_t bits;
	uint64_t cr0;
	uint64_t efer;
} combinations[] = {
	{ PTE_RWX, 0, 0 },
	{ PTE_RWX | PTE_A, 0, 0 },
	{ PTE_RWX | PTE_A | PTE_D, 0, 0 },
	{ 0, 0, 0 },
	{ 0, 0, EFER_NX },
	{ PTE_P, 0, 0 },
	{ PTE_P, CR0_WP, 0 },
	{ PTE_P | PTE_W, 0, 0 },
	{ PTE_P | PTE_U, 0, 0 },
	{ PTE_P | PTE_U, CR0_WP, 0 },
	{ PTE_P | PTE_U, CR0_WP, EFER_NX },
	{ PTE_RWX | PTE_NX, 0, EFER_NX },
	{ PTE_RWX | PTE_NX, 0, 0 },		/* reserved */
};

/* 0, or the step in which TRANSLATE and the CPU differ */
static int compare(struct test_vm *vm, const struct svmvcpu_translation *t,
		   const struct idt_outcome *out)
{
	if (t->result == SVMVCPU_TRANSLATE_PAGE_FAULT) {
		if (out->vector != VEC_PF || vm->run->cr2 != PROBED + 0x123)
			return 1;
		/* TCG leaves P clear together with RSVD. */
		if ((t->error_code & 8) && out->error == (t->error_code & ~1U) && host_is_tcg())
			return 0;
		return out->error == t->error_code && !t->gpa ? 0 : 2;
	}
	if (t->result != SVMVCPU_TRANSLATE_DONE || t->error_code || t->gpa != FRAME + 0x123)
		return 3;
	return vm->run->reason == SVMVCPU_EXIT_HYPERCALL ? 0 : 4;
}

static int try(struct test_vm *vm, enum paging paging, bool user, const struct rights *r,
	       const struct access *a)
{
	uint64_t value = (r->bits & ~PTE_NX) | FRAME | (paging == LEGACY ? 0 : r->bits & PTE_NX);
	struct svmvcpu_translation peek, mark;
	struct idt_outcome out;
	uint64_t marked;
	void *entry;
	int step;

	idt_put(vm, a->code, 2);
	vm_load(vm, FRAME + 0x123, "\x0f\x01\xd9", 3);
	entry = start(vm, paging, user, r->cr0, r->efer);
	set_entry(entry, paging, value);
	if (svmvcpu_vcpu_translate(&vm->vcpu, PROBED + 0x123, a->access, &peek) ||
	    get_entry(entry, paging) != value)
		return 11;
	if (svmvcpu_vcpu_translate(&vm->vcpu, PROBED + 0x123,
				   a->access | SVMVCPU_ACCESS_MARK, &mark) ||
	    mark.result != peek.result || mark.gpa != peek.gpa)
		return 12;
	marked = get_entry(entry, paging);
	set_entry(entry, paging, value);
	if (idt_run(vm, &out))
		return 13;
	step = compare(vm, &peek, &out);
	if (step)
		return step;
	/* A fault sets no bits, in TRANSLATE and in the guest. */
	return get_entry(entry, paging) == marked ? 0 : 14;
}

/* The other privilege level, as asked for, not the current CPL */
static int other_privilege(struct test_vm *vm, enum paging paging, bool user,
			   const struct rights *r, const struct access *a)
{
	uint32_t rights = user ? SVMVCPU_ACCESS_SUPERVISOR : SVMVCPU_ACCESS_USER;
	uint64_t value = (r->bits & ~PTE_NX) | FRAME | (paging == LEGACY ? 0 : r->bits & PTE_NX);
	struct svmvcpu_translation asked, own;

	set_entry(start(vm, paging, user, r->cr0, r->efer), paging, value);
	if (svmvcpu_vcpu_translate(&vm->vcpu, PROBED + 0x123, a->access | rights, &asked))
		return 21;
	set_entry(start(vm, paging, !user, r->cr0, r->efer), paging, value);
	if (svmvcpu_vcpu_translate(&vm->vcpu, PROBED + 0x123, a->access, &own))
		return 22;
	return asked.result == own.result && asked.error_code == own.error_code &&
	       asked.gpa == own.gpa ? 0 : 23;
}

TEST_F(translate, as_the_cpu_does)
{
	struct test_vm *vm = &self->vm;
	unsigned int paging, user, c, a;

	for (c = 0; c < ARRAY_SIZE(combinations); c++)
		for (paging = 0; paging < NR_PAGINGS; paging++)
			for (user = 0; user < 2; user++)
				for (a = 0; a < ARRAY_SIZE(accesses); a++) {
					const struct rights *r = &combinations[c];
					int step = try(vm, paging, user, r, &accesses[a]);

					if (!step)
						step = other_privilege(vm, paging, user, r,
								       &accesses[a]);
					EXPECT_EQ(0, step)
						TH_LOG("%s of %s, user %u, case %u",
						       accesses[a].name, paging_names[paging],
						       user, c);
				}
}

#define TRANSLATE(vm, linear, access, t) \
	ASSERT_EQ(0, svmvcpu_vcpu_translate(&(vm)->vcpu, linear, access, t))

/* SMEP and SMAP: the supervisor and a user page */
TEST_F(translate, supervisor_and_user_pages)
{
	static const struct {
		uint64_t cr4;
		uint64_t rflags;
		uint32_t access;
		uint32_t result;
		uint32_t error;
	} cases[] = {
		{ CR4_SMEP, 0, SVMVCPU_ACCESS_FETCH, SVMVCPU_TRANSLATE_PAGE_FAULT, 0x11 },
		{ CR4_SMEP, 0, 0, SVMVCPU_TRANSLATE_DONE, 0 },
		{ CR4_SMEP, 0, SVMVCPU_ACCESS_FETCH | SVMVCPU_ACCESS_USER,
		  SVMVCPU_TRANSLATE_DONE, 0 },
		{ CR4_SMAP, 0, SVMVCPU_ACCESS_WRITE, SVMVCPU_TRANSLATE_PAGE_FAULT, 3 },
		{ CR4_SMAP, FLAG_AC, SVMVCPU_ACCESS_WRITE, SVMVCPU_TRANSLATE_DONE, 0 },
		{ CR4_SMAP, 0, SVMVCPU_ACCESS_FETCH, SVMVCPU_TRANSLATE_DONE, 0 },
	};
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation t;
	struct svmvcpu_state state;
	unsigned int i;

	if (~vm->info.cr4_guest & (CR4_SMEP | CR4_SMAP))
		SKIP(return, "the CPU has neither SMEP nor SMAP");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		idt_setup(vm, IDT_LONG64);
		idt_get(vm, &state);
		state.control.cr4 |= cases[i].cr4;
		state.gprs.rflags |= cases[i].rflags;
		idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
		TRANSLATE(vm, TEST_DATA, cases[i].access, &t);
		EXPECT_EQ(cases[i].result, t.result)
			TH_LOG("case %u", i);
		EXPECT_EQ(cases[i].error, t.error_code);
	}
}

TEST_F(translate, paging_off)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation t;

	idt_setup(vm, IDT_REAL);
	TRANSLATE(vm, 0x12345, SVMVCPU_ACCESS_WRITE | SVMVCPU_ACCESS_USER, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_DONE, t.result);
	EXPECT_EQ(0x12345ULL, t.gpa);
	/* The low 32 bits of it; whether there is memory does not matter */
	idt_setup(vm, IDT_PROT32);
	TRANSLATE(vm, 0x1fffff123ULL, 0, &t);
	EXPECT_EQ(0xfffff123ULL, t.gpa);
}

/* Large pages, whose offsets are longer */
TEST_F(translate, large_pages)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation t;
	uint64_t *tables = (void *)(vm->mem + TEST_TABLES);

	start(vm, LEGACY, false, 0, 0);
	((uint32_t *)(vm->mem + TABLES))[1] = 0x08c00000 | 1 << 13 | PTE_RWX | PTE_PS;
	TRANSLATE(vm, 0x00612345, 0, &t);
	EXPECT_EQ(0x108e12345ULL, t.gpa);
	start(vm, PAE, false, 0, 0);
	*(uint64_t *)(vm->mem + TABLES + PAGE + 5 * 8) = 0x340000000ULL | PTE_RWX | PTE_PS;
	TRANSLATE(vm, 0x00b2345, 0, &t);
	EXPECT_EQ(0xb2345ULL, t.gpa);
	TRANSLATE(vm, 0x00bfedcb, 0, &t);
	EXPECT_EQ(0x3401fedcbULL, t.gpa);
	idt_setup(vm, IDT_LONG64);
	TRANSLATE(vm, 0x3fedcb, SVMVCPU_ACCESS_FETCH, &t);
	EXPECT_EQ(0x3fedcbULL, t.gpa);
	/* 1 GiB */
	tables[512 + 7] = 0x640000000ULL | PTE_RWX | PTE_PS;
	TRANSLATE(vm, 0x1ffedcba9ULL, SVMVCPU_ACCESS_WRITE, &t);
	EXPECT_EQ(0x67fedcba9ULL, t.gpa);
}

TEST_F(translate, not_canonical)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation t;

	idt_setup(vm, IDT_LONG64);
	TRANSLATE(vm, 1ULL << 47, 0, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_NOT_CANONICAL, t.result);
	TRANSLATE(vm, ~0ULL << 47, 0, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_PAGE_FAULT, t.result);
	EXPECT_EQ(0U, t.error_code);
	TRANSLATE(vm, 0xffff7fffffffffffULL, 0, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_NOT_CANONICAL, t.result);
}

/* No region, no memory behind it, or read-only memory */
TEST_F(translate, table_not_there)
{
	struct test_vm *vm = &self->vm;
	uint64_t *tables = (void *)(vm->mem + TEST_TABLES);
	struct svmvcpu_region rom = {
		.gpa = TEST_MEM, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ,
	};
	struct svmvcpu_translation t;

	idt_setup(vm, IDT_LONG64);
	tables[512] = TEST_MEM | PTE_RWX;
	TRANSLATE(vm, 0x601234, 0, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_NO_TABLE, t.result);
	EXPECT_EQ(TEST_MEM + 3 * 8, t.gpa);
	EXPECT_EQ(0U, t.error_code);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &rom, 1));
	*(uint64_t *)(vm->mem + TEST_FREE + 3 * 8) = 0x800000 | PTE_RWX | PTE_PS;
	TRANSLATE(vm, 0x601234, 0, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_DONE, t.result);
	EXPECT_EQ(0x801234ULL, t.gpa);
	TRANSLATE(vm, 0x601234, SVMVCPU_ACCESS_MARK, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_NO_TABLE, t.result);
	EXPECT_EQ(TEST_MEM + 3 * 8, t.gpa);
	ASSERT_EQ(0, munmap(vm->mem + TEST_FREE, PAGE));
	TRANSLATE(vm, 0x601234, 0, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_NO_TABLE, t.result);
}

/* Tables in a file that is not in memory yet */
TEST_F(translate, table_not_resident)
{
	struct test_vm *vm = &self->vm;
	uint64_t *tables = (void *)(vm->mem + TEST_TABLES), entry = 0xa00000 | PTE_RWX | PTE_PS;
	int fd = memfd_create("tables", MFD_CLOEXEC);
	struct svmvcpu_translation t;
	void *at = vm->mem + TEST_FREE;

	ASSERT_LE(0, fd);
	ASSERT_EQ(8, pwrite(fd, &entry, 8, 2 * PAGE + 3 * 8));
	ASSERT_EQ(at, mmap(at, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
	idt_setup(vm, IDT_LONG64);
	tables[512] = (TEST_FREE + 2 * PAGE) | PTE_RWX;
	TRANSLATE(vm, 0x601234, SVMVCPU_ACCESS_MARK | SVMVCPU_ACCESS_WRITE, &t);
	EXPECT_EQ((unsigned int)SVMVCPU_TRANSLATE_DONE, t.result);
	EXPECT_EQ(0xa01234ULL, t.gpa);
	ASSERT_EQ(8, pread(fd, &entry, 8, 2 * PAGE + 3 * 8));
	EXPECT_EQ(PTE_A | PTE_D, entry & (PTE_A | PTE_D));
	close(fd);
}

TEST_F(translate, arguments)
{
	static const uint32_t bad[] = {
		SVMVCPU_ACCESS_WRITE | SVMVCPU_ACCESS_FETCH,
		SVMVCPU_ACCESS_USER | SVMVCPU_ACCESS_SUPERVISOR,
		1U << 5, 1U << 31,
	};
	struct svmvcpu_translation t = { .size = sizeof(t) };
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		t.access = bad[i];
		EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_TRANSLATE, &t));
	}
	/* the previous contents do not matter; unused fields are zero */
	t = (struct svmvcpu_translation) {
		.size = sizeof(t), .linear = 0x1234, .result = 9, .gpa = 9, .error_code = 9,
	};
	EXPECT_EQ(0, ioctl_errno(vm->vcpu.fd, SVMVCPU_TRANSLATE, &t));
	EXPECT_EQ(0U, t.result);
	EXPECT_EQ(0x1234ULL, t.gpa);
	EXPECT_EQ(0U, t.error_code);
}

/* A vCPU with a pending exit, or that has shut down, translates too; the exit stays pending. */
TEST_F(translate, any_state)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_translation t;

	idt_put(vm, CODE("\xe4\x10"));
	idt_setup(vm, IDT_LONG64);
	RUN_EXPECT(vm, IO);
	TRANSLATE(vm, TEST_CODE, 0, &t);
	EXPECT_EQ(TEST_CODE, t.gpa);
	vm->run->answer = 0x77;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x77ULL, vm->run->gprs.rax & 0xff);
	vm_load(vm, TEST_CODE, "\x0f\x0b", 2);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, SHUTDOWN);
	TRANSLATE(vm, TEST_CODE, 0, &t);
}

TEST_HARNESS_MAIN
