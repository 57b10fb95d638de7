// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the guest page walk.
 *
 * Owns a small fake of guest memory with the guest that may change it under the
 * walk. Part of the module's one test module; also built in user space.
 */
#include <kunit/test.h>

#include "gva.c"

#define P	PTE_P
#define W	PTE_W
#define U	PTE_U
#define A	PTE_A
#define D	PTE_D
#define PS	PTE_PS
#define NX	PTE_NX

#define TABLES		0x10000		/* guest-physical; a page per level */
#define TABLE(level)	(TABLES + (level) * 0x1000)
#define PAGE		0x5000		/* what the leaf maps */
#define CR3		0x40000

/*
 * Guest memory: a few page table entries, found by address. A walk touches at
 * most five; everything else reads as not present up to @end.
 */
#define MAX_ENTRIES	8

struct memory {
	u64 gpa[MAX_ENTRIES];
	u64 pte[MAX_ENTRIES];
	unsigned int nr;
	unsigned int size;	/* expected access size */
	u64 end;		/* nothing from here on */
	unsigned int reads;
	unsigned int writes;
	unsigned int races;	/* exchanges that lose */
	int read_error;		/* what the next read returns */
	int write_error;
	bool bad_access;	/* misaligned, or of another size */
};

static u64 *entry_at(struct memory *mem, u64 gpa)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (mem->gpa[i] == gpa)
			return &mem->pte[i];
	return NULL;
}

static void put(struct memory *mem, u64 gpa, u64 pte)
{
	u64 *entry = entry_at(mem, gpa);

	if (!entry) {
		mem->gpa[mem->nr] = gpa;
		entry = &mem->pte[mem->nr++];
	}
	*entry = pte;
}

static void check_size(struct memory *mem, u64 gpa, unsigned int size)
{
	if (size != mem->size || gpa % size)
		mem->bad_access = true;
}

static int fake_read(void *ctx, u64 gpa, unsigned int size, u64 *pte)
{
	struct memory *mem = ctx;
	u64 *entry = entry_at(mem, gpa);

	mem->reads++;
	check_size(mem, gpa, size);
	if (mem->read_error)
		return mem->read_error;
	if (gpa >= mem->end)
		return -EFAULT;
	*pte = entry ? *entry : 0;
	return 0;
}

static int fake_cmpxchg(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	struct memory *mem = ctx;
	u64 *entry = entry_at(mem, gpa);

	mem->writes++;
	check_size(mem, gpa, size);
	if (mem->write_error)
		return mem->write_error;
	if (mem->races) {
		mem->races--;
		return -EBUSY;
	}
	if (!entry || *entry != old)
		return -EBUSY;
	*entry = new;
	return 0;
}

static const struct gva_walk_ops fake_ops = {
	.read_pte = fake_read,
	.cmpxchg_pte = fake_cmpxchg,
};

struct setup {
	struct gva_mmu mmu;
	struct memory mem;
	struct gva_fault fault;
	u64 gva;
	u64 gpa;
	unsigned int levels;
	u64 entry[GVA_MAX_LEVELS + 1];	/* address of the entry, by level */
};

/* One gva with every level's index different, mapped to PAGE at 4 KiB. */
static void set_up(struct setup *s, enum gva_paging kind, unsigned int levels)
{
	static const u64 gvas[] = { 0x56789abc, 0x89abcdef, 0x7edcba987654 };
	unsigned int bits_per = kind == PAGING_LEGACY ? 10 : 9;
	unsigned int size = kind == PAGING_LEGACY ? 4 : 8, level;
	u64 table = CR3;

	memset(s, 0, sizeof(*s));
	s->mmu = (struct gva_mmu){
		.cr0 = 0x80010011, .cr3 = CR3, .cpl = 3, .maxphyaddr = 40,
		.page1gb = true,
	};
	if (kind != PAGING_LEGACY) {
		s->mmu.cr4 |= GUEST_CR4_PAE;
		s->mmu.efer |= GUEST_EFER_NXE;
	}
	if (kind == PAGING_LONG)
		s->mmu.efer |= GUEST_EFER_LMA;
	if (levels == 5)
		s->mmu.cr4 |= GUEST_CR4_LA57;
	s->gva = gvas[kind];
	s->levels = levels;
	s->mem.size = size;
	s->mem.end = 0x100000;
	for (level = levels; level; level--) {
		u64 index = s->gva >> (12 + (level - 1) * bits_per);

		index &= (1 << bits_per) - 1;
		s->entry[level] = table + index * size;
		table = level > 1 ? TABLE(level) : PAGE;
		put(&s->mem, s->entry[level], table | P |
		    (kind == PAGING_PAE && level == 3 ? 0 : W | U));
	}
}

/* gva_walk_long() succeeds exactly if gva_translate() does without a write. */
#define QUICK_DIFFERS	(-1000)

static int translate(struct setup *s, unsigned int access)
{
	bool in_long = (s->mmu.efer & GUEST_EFER_LMA) && (s->mmu.cr0 & GUEST_CR0_PG);
	bool quick = false;
	u64 quick_gpa = 0;
	int err;

	s->mem.writes = 0;
	if (in_long)
		quick = !gva_walk_long(&s->mmu, s->gva, access, &fake_ops, &s->mem, &quick_gpa);
	if (s->mem.writes)
		return QUICK_DIFFERS;
	s->gpa = 0;
	s->mem.reads = 0;
	err = gva_translate(&s->mmu, s->gva, access, &fake_ops, &s->mem, &s->gpa,
			    &s->fault);
	if (in_long && (quick != (!err && !s->mem.writes) || (quick && quick_gpa != s->gpa)))
		return QUICK_DIFFERS;
	return err;
}

static u64 *pte(struct setup *s, unsigned int level)
{
	return entry_at(&s->mem, s->entry[level]);
}

static void expect_fault(struct kunit *test, struct setup *s, unsigned int access,
			 u32 error_code)
{
	KUNIT_EXPECT_EQ(test, translate(s, access), GVA_FAULT);
	KUNIT_EXPECT_EQ(test, s->fault.error_code, error_code);
	KUNIT_EXPECT_EQ(test, s->fault.address, s->gva);
	KUNIT_EXPECT_EQ(test, s->mem.writes, 0U);
}

struct shape {
	enum gva_paging paging;
	unsigned int levels;
};

static const struct shape shapes[] = {
	{ PAGING_LEGACY, 2 }, { PAGING_PAE, 3 }, { PAGING_LONG, 4 },
	{ PAGING_LONG, 5 },
};

static void gva_test_paging_off(struct kunit *test)
{
	struct setup s;

	set_up(&s, PAGING_LEGACY, 2);
	s.mmu.cr0 = 0x11;
	KUNIT_EXPECT_EQ(test, translate(&s, GVA_WRITE), 0);
	KUNIT_EXPECT_EQ(test, s.gpa, s.gva);
	KUNIT_EXPECT_EQ(test, s.mem.reads, 0U);
}

/* Every format: the address, the accesses made, A on all and D on the leaf. */
static void gva_test_formats(struct kunit *test)
{
	unsigned int i, level;
	struct setup s;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		bool pae = shapes[i].paging == PAGING_PAE;

		set_up(&s, shapes[i].paging, shapes[i].levels);
		KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
		KUNIT_EXPECT_EQ(test, s.gpa, PAGE | (s.gva & 0xfff));
		KUNIT_EXPECT_EQ(test, s.mem.reads, s.levels);
		KUNIT_EXPECT_EQ(test, s.mem.writes, s.levels - pae);
		for (level = 1; level <= s.levels; level++)
			KUNIT_EXPECT_EQ(test, *pte(&s, level) & (A | D),
					pae && level == 3 ? 0 : A);
		KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
		KUNIT_EXPECT_EQ(test, s.mem.writes, 0U);
		KUNIT_EXPECT_EQ(test, translate(&s, GVA_WRITE), 0);
		KUNIT_EXPECT_EQ(test, s.mem.writes, 1U);
		KUNIT_EXPECT_EQ(test, *pte(&s, 1) & (A | D), A | D);
		KUNIT_EXPECT_EQ(test, *pte(&s, 2) & (A | D), A);
		KUNIT_EXPECT_FALSE(test, s.mem.bad_access);
	}
}

static void gva_test_not_present(struct kunit *test)
{
	unsigned int i, level;
	struct setup s;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (level = 1; level <= shapes[i].levels; level++) {
			set_up(&s, shapes[i].paging, shapes[i].levels);
			*pte(&s, level) &= ~P;
			*pte(&s, level) |= BIT_ULL(45);	/* then it says nothing */
			expect_fault(test, &s, 0, GVA_PF_USER);
			expect_fault(test, &s, GVA_WRITE, GVA_PF_USER | GVA_PF_WRITE);
			s.mmu.cpl = 0;
			expect_fault(test, &s, GVA_WRITE, GVA_PF_WRITE);
			KUNIT_EXPECT_EQ(test, s.mem.reads, s.levels - level + 1);
		}
	}
}

/* U, W and NX on each level: one level's refusal is enough. */
static void gva_test_permissions(struct kunit *test)
{
	unsigned int i, level;
	struct setup s;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (level = 1; level <= shapes[i].levels; level++) {
			bool nx = shapes[i].paging != PAGING_LEGACY;

			if (shapes[i].paging == PAGING_PAE && level == 3)
				continue;
			set_up(&s, shapes[i].paging, shapes[i].levels);
			*pte(&s, level) &= ~W;
			KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
			expect_fault(test, &s, GVA_WRITE, GVA_PF_PRESENT |
				     GVA_PF_WRITE | GVA_PF_USER);
			*pte(&s, level) |= W;
			*pte(&s, level) &= ~U;
			expect_fault(test, &s, 0, GVA_PF_PRESENT | GVA_PF_USER);
			KUNIT_EXPECT_EQ(test, translate(&s, GVA_IMPLICIT), 0);
			*pte(&s, level) |= U;
			if (!nx)
				continue;
			*pte(&s, level) |= NX;
			KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
			expect_fault(test, &s, GVA_FETCH, GVA_PF_PRESENT |
				     GVA_PF_FETCH | GVA_PF_USER);
		}
	}
}

struct cr_case {
	u64 pte_off;		/* removed from the leaf */
	u64 cr0_off;
	u64 cr4;
	u64 rflags;
	u8 cpl;
	u8 access;
	s8 fault;		/* -1: none */
};

/* Supervisor rules: CR0.WP, SMEP, SMAP with AC, implicit accesses. */
static const struct cr_case cr_cases[] = {
	{ W, 0, 0, 0, 0, GVA_WRITE, GVA_PF_PRESENT | GVA_PF_WRITE },
	{ W, GUEST_CR0_WP, 0, 0, 0, GVA_WRITE, -1 },
	{ W, GUEST_CR0_WP, 0, 0, 3, GVA_WRITE,
	  GVA_PF_PRESENT | GVA_PF_WRITE | GVA_PF_USER },
	{ W, GUEST_CR0_WP, 0, 0, 3, GVA_WRITE | GVA_IMPLICIT, -1 },
	{ U, 0, 0, 0, 0, GVA_WRITE, -1 },
	{ U, 0, 0, 0, 2, 0, -1 },
	/* SMEP */
	{ 0, 0, 0, 0, 0, GVA_FETCH, -1 },
	{ 0, 0, GUEST_CR4_SMEP, 0, 0, GVA_FETCH, GVA_PF_PRESENT | GVA_PF_FETCH },
	{ 0, 0, GUEST_CR4_SMEP, 0, 3, GVA_FETCH, -1 },
	{ U, 0, GUEST_CR4_SMEP, 0, 0, GVA_FETCH, -1 },
	{ 0, 0, GUEST_CR4_SMEP, 0, 0, GVA_WRITE, -1 },
	/* SMAP */
	{ 0, 0, GUEST_CR4_SMAP, 0, 0, 0, GVA_PF_PRESENT },
	{ 0, 0, GUEST_CR4_SMAP, 0, 2, GVA_WRITE, GVA_PF_PRESENT | GVA_PF_WRITE },
	{ 0, 0, GUEST_CR4_SMAP, GUEST_RFLAGS_AC, 0, 0, -1 },
	{ 0, 0, GUEST_CR4_SMAP, GUEST_RFLAGS_AC, 0, GVA_IMPLICIT, GVA_PF_PRESENT },
	{ 0, 0, GUEST_CR4_SMAP, GUEST_RFLAGS_AC, 3, GVA_IMPLICIT, GVA_PF_PRESENT },
	{ 0, 0, GUEST_CR4_SMAP, 0, 3, 0, -1 },
	{ U, 0, GUEST_CR4_SMAP, 0, 0, GVA_WRITE, -1 },
	{ 0, 0, GUEST_CR4_SMAP, 0, 0, GVA_FETCH, -1 },
};

static void gva_test_supervisor(struct kunit *test)
{
	unsigned int i, shape;
	struct setup s;

	for (shape = 0; shape < ARRAY_SIZE(shapes); shape++) {
		for (i = 0; i < ARRAY_SIZE(cr_cases); i++) {
			const struct cr_case *c = &cr_cases[i];
			int ret;

			set_up(&s, shapes[shape].paging, shapes[shape].levels);
			*pte(&s, 1) &= ~c->pte_off;
			s.mmu.cr0 &= ~c->cr0_off;
			s.mmu.cr4 |= c->cr4;
			s.mmu.rflags = c->rflags;
			s.mmu.cpl = c->cpl;
			ret = translate(&s, c->access);
			KUNIT_EXPECT_EQ_MSG(test, ret, c->fault < 0 ? 0 : GVA_FAULT,
					    "shape %u case %u", shape, i);
			if (ret)
				KUNIT_EXPECT_EQ_MSG(test, s.fault.error_code,
						    (u32)c->fault,
						    "shape %u case %u", shape, i);
		}
	}
}

/* The I bit of the error code exists with NX or SMEP only. */
static void gva_test_fetch_bit(struct kunit *test)
{
	struct setup s;

	set_up(&s, PAGING_LEGACY, 2);
	s.mmu.efer |= GUEST_EFER_NXE;	/* without PAE it has no effect */
	*pte(&s, 1) = 0;
	expect_fault(test, &s, GVA_FETCH, GVA_PF_USER);
	s.mmu.cr4 |= GUEST_CR4_SMEP;
	expect_fault(test, &s, GVA_FETCH, GVA_PF_USER | GVA_PF_FETCH);
	set_up(&s, PAGING_LONG, 4);
	*pte(&s, 1) = 0;
	expect_fault(test, &s, GVA_FETCH, GVA_PF_USER | GVA_PF_FETCH);
	s.mmu.efer &= ~GUEST_EFER_NXE;
	expect_fault(test, &s, GVA_FETCH, GVA_PF_USER);
}

struct rsvd_case {
	u8 shape;
	u8 level;
	u64 set;
	u64 mask;		/* bits of @mask, one by one: reserved */
	u64 fine;		/* bits of @fine, one by one: not reserved */
};

static const struct rsvd_case rsvd_cases[] = {
	/* 32-bit: nothing in 4 KiB, bit 21 in 4 MiB; maxphyaddr is 40 */
	{ 0, 1, 0, 0, 0xf98 },
	{ 0, 2, PS, BIT_ULL(21), 0x1ff000 | 0xf18 },
	{ 0, 2, 0, 0, 0xf18 },
	/* PAE: 40..62 everywhere */
	{ 1, 1, 0, 0x7fffff0000000000, 0xf98 },
	{ 1, 2, 0, 0x7fffff0000000000, 0xf18 },
	{ 1, 2, PS, 0x7fffff0000000000 | 0x1fe000, 0x1f18 },
	{ 1, 3, 0, 0xffffff0000000000 | 0x1e6, 0xe18 },
	/* long: 40..51; 52..62 are free; G is reserved from level 4 on */
	{ 2, 1, 0, 0xfff0000000000, 0x7ff0000000000f98 },
	{ 2, 2, 0, 0xfff0000000000, 0x7ff0000000000f18 },
	{ 2, 2, PS, 0xfff0000000000 | 0x1fe000, 0x7ff0000000001f18 },
	{ 2, 3, 0, 0xfff0000000000, 0x7ff0000000000f18 },
	{ 2, 3, PS, 0xfff0000000000 | 0x3fffe000, 0x7ff0000000001f18 },
	{ 2, 4, 0, 0xfff0000000000 | PS | BIT_ULL(8), 0x7ff0000000000e18 },
	{ 3, 5, 0, 0xfff0000000000 | PS | BIT_ULL(8), 0x7ff0000000000e18 },
};

static void expect_rsvd(struct kunit *test, unsigned int i, u64 bit, bool rsvd)
{
	const struct rsvd_case *c = &rsvd_cases[i];
	struct setup s;
	int ret;

	set_up(&s, shapes[c->shape].paging, shapes[c->shape].levels);
	if (shapes[c->shape].paging == PAGING_LEGACY)
		s.mmu.cr4 |= GUEST_CR4_PSE;
	if (c->set & PS)	/* a large page at 0 */
		*pte(&s, c->level) = P | W | U;
	*pte(&s, c->level) |= c->set | bit;
	ret = translate(&s, 0);
	KUNIT_EXPECT_EQ_MSG(test, ret, rsvd ? GVA_FAULT : 0, "case %u bit %llx", i,
			    bit);
	if (rsvd)
		KUNIT_EXPECT_EQ_MSG(test, s.fault.error_code,
				    (u32)(GVA_PF_PRESENT | GVA_PF_RESERVED |
					  GVA_PF_USER), "case %u bit %llx", i, bit);
}

static void gva_test_reserved(struct kunit *test)
{
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(rsvd_cases); i++) {
		for (bit = 0; bit < 64; bit++) {
			if (rsvd_cases[i].mask & BIT_ULL(bit))
				expect_rsvd(test, i, BIT_ULL(bit), true);
			if (rsvd_cases[i].fine & BIT_ULL(bit))
				expect_rsvd(test, i, BIT_ULL(bit), false);
		}
	}
}

/* NX without EFER.NXE, gigabyte pages without support, and the widest address. */
static void gva_test_reserved_by_feature(struct kunit *test)
{
	const u32 rsvd = GVA_PF_PRESENT | GVA_PF_RESERVED | GVA_PF_USER;
	unsigned int i, level;
	struct setup s;

	for (i = 1; i < ARRAY_SIZE(shapes); i++) {
		for (level = 1; level <= shapes[i].levels; level++) {
			set_up(&s, shapes[i].paging, shapes[i].levels);
			s.mmu.efer &= ~GUEST_EFER_NXE;
			*pte(&s, level) |= NX;
			expect_fault(test, &s, 0, rsvd);
		}
	}
	set_up(&s, PAGING_LONG, 4);
	*pte(&s, 3) = P | W | U | PS;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	s.mmu.page1gb = false;
	expect_fault(test, &s, 0, rsvd);

	set_up(&s, PAGING_LONG, 4);
	s.mmu.maxphyaddr = 52;
	*pte(&s, 1) |= 0xfff0000000000;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	KUNIT_EXPECT_EQ(test, s.gpa, 0xfff0000000000 | PAGE | (s.gva & 0xfff));

	/* PSE-36 ends at the physical address width */
	set_up(&s, PAGING_LEGACY, 2);
	s.mmu.cr4 |= GUEST_CR4_PSE;
	s.mmu.maxphyaddr = 36;
	*pte(&s, 2) = P | W | U | PS | 0x1e000;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	*pte(&s, 2) = P | W | U | PS | 0x20000;
	expect_fault(test, &s, 0, rsvd);

	/* the accessed bit of a directory pointer */
	set_up(&s, PAGING_PAE, 3);
	s.mmu.pdpte_accessed = true;
	*pte(&s, 3) |= A;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	*pte(&s, 3) |= BIT_ULL(6);
	expect_fault(test, &s, 0, rsvd);
}

struct large_case {
	u8 shape;
	u8 level;
	u64 pte;
	u64 base;
	u64 offset_mask;
};

static const struct large_case large_cases[] = {
	{ 0, 2, 0x00c00000, 0x00c00000, 0x3fffff },
	{ 0, 2, 0x00c00000 | 0xab << 13, 0xab00c00000, 0x3fffff },
	{ 1, 2, 0x1200e00000 | BIT_ULL(12), 0x1200e00000, 0x1fffff },
	{ 2, 2, 0x1200e00000 | BIT_ULL(12), 0x1200e00000, 0x1fffff },
	{ 2, 3, 0x12c0000000 | BIT_ULL(12), 0x12c0000000, 0x3fffffff },
	{ 3, 3, 0x12c0000000, 0x12c0000000, 0x3fffffff },
};

static void gva_test_large_pages(struct kunit *test)
{
	struct setup s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(large_cases); i++) {
		const struct large_case *c = &large_cases[i];

		set_up(&s, shapes[c->shape].paging, shapes[c->shape].levels);
		s.mmu.cr4 |= GUEST_CR4_PSE;
		*pte(&s, c->level) = c->pte | P | W | U | PS;
		KUNIT_EXPECT_EQ_MSG(test, translate(&s, GVA_WRITE), 0, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, s.gpa, c->base | (s.gva & c->offset_mask),
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, *pte(&s, c->level) & (A | D), A | D,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, s.mem.reads, s.levels - c->level + 1,
				    "case %u", i);
	}
	/* without CR4.PSE the bit means nothing to 32-bit paging */
	set_up(&s, PAGING_LEGACY, 2);
	*pte(&s, 2) |= PS;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	KUNIT_EXPECT_EQ(test, s.gpa, PAGE | (s.gva & 0xfff));
}

/* CR3 has flags, a PCID, or 32-byte alignment below the table's address. */
static void gva_test_root(struct kunit *test)
{
	unsigned int i;
	struct setup s;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		bool pae = shapes[i].paging == PAGING_PAE;

		set_up(&s, shapes[i].paging, shapes[i].levels);
		s.mmu.cr3 |= pae ? 0x1f : 0xfff;
		KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
		if (!pae)
			continue;
		put(&s.mem, s.entry[3] + 0x20, *pte(&s, 3));
		*pte(&s, 3) = 0;
		s.mmu.cr3 = CR3 + 0x20;
		KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	}
	/* of a 32-bit entry nothing above counts, bit 63 least of all */
	set_up(&s, PAGING_LEGACY, 2);
	*pte(&s, 2) |= A;
	*pte(&s, 1) |= A | NX;
	KUNIT_EXPECT_EQ(test, translate(&s, GVA_FETCH), 0);
	/* legacy modes know 32 bits of an address */
	set_up(&s, PAGING_PAE, 3);
	s.gva |= 0xabc00000000;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
	KUNIT_EXPECT_EQ(test, s.gpa, PAGE | (s.gva & 0xfff));
	/* a non-canonical address is the caller's mistake, and harmless */
	set_up(&s, PAGING_LONG, 4);
	s.gva |= 0xabcd000000000000;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), 0);
}

struct key_case {
	u32 pkru;
	u64 cr4;
	u64 cr0_off;
	u8 cpl;
	u8 access;
	bool denied;
};

static const struct key_case key_cases[] = {
	{ 0x00000000, GUEST_CR4_PKE, 0, 3, GVA_WRITE, false },
	{ 0x00000400, GUEST_CR4_PKE, 0, 3, 0, true },		/* key 5: access disable */
	{ 0x00000400, 0, 0, 3, 0, false },
	{ 0x00000100, GUEST_CR4_PKE, 0, 3, 0, false },	/* key 4 */
	{ 0x00000400, GUEST_CR4_PKE, 0, 0, 0, true },
	{ 0x00000400, GUEST_CR4_PKE, 0, 3, GVA_FETCH, false },
	{ 0x00000800, GUEST_CR4_PKE, 0, 3, 0, false },	/* write disable */
	{ 0x00000800, GUEST_CR4_PKE, 0, 3, GVA_WRITE, true },
	{ 0x00000800, GUEST_CR4_PKE, 0, 0, GVA_WRITE, true },
	{ 0x00000800, GUEST_CR4_PKE, GUEST_CR0_WP, 0, GVA_WRITE, false },
};

static void gva_test_keys(struct kunit *test)
{
	struct setup s;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(key_cases); i++) {
		const struct key_case *c = &key_cases[i];

		set_up(&s, PAGING_LONG, 4);
		*pte(&s, 1) |= 5ULL << PTE_KEY_SHIFT;
		s.mmu.pkru = c->pkru;
		s.mmu.cr4 |= c->cr4;
		s.mmu.cr0 &= ~c->cr0_off;
		s.mmu.cpl = c->cpl;
		ret = translate(&s, c->access);
		KUNIT_EXPECT_EQ_MSG(test, ret, c->denied ? GVA_FAULT : 0, "case %u", i);
		if (c->denied)
			KUNIT_EXPECT_TRUE_MSG(test, s.fault.error_code & GVA_PF_KEY,
					      "case %u", i);
		*pte(&s, 1) &= ~U;	/* supervisor pages have no key */
		s.mmu.cpl = 0;
		KUNIT_EXPECT_EQ_MSG(test, translate(&s, c->access), 0, "case %u", i);
	}
}

/* Errors of the callbacks come back as they are, with the entry's address. */
static void gva_test_errors(struct kunit *test)
{
	struct setup s;

	set_up(&s, PAGING_LONG, 4);
	s.mem.read_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, s.mem.reads, 1U);
	KUNIT_EXPECT_EQ(test, s.fault.table_gpa, s.entry[4]);
	s.mem.read_error = 0;
	s.mem.write_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, s.mem.writes, 1U);
	KUNIT_EXPECT_EQ(test, s.fault.table_gpa, s.entry[4]);
	s.mem.write_error = 0;

	*pte(&s, 3) = 0x200000 | P | W | U;	/* a table beyond memory */
	KUNIT_EXPECT_EQ(test, translate(&s, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, s.fault.table_gpa, 0x200000 | (s.entry[2] & 0xfff));
	*pte(&s, 3) = 0x200000 | PS | P | W | U;	/* unlike a page there */
	s.mmu.cr3 = 0x200000;
	KUNIT_EXPECT_EQ(test, translate(&s, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, s.fault.table_gpa, 0x200000 | (s.entry[4] & 0xfff));
}

/* A guest that edits its tables costs a new walk, and only so many of them. */
static void gva_test_races(struct kunit *test)
{
	struct setup s;

	set_up(&s, PAGING_LONG, 4);
	s.mem.races = 1;
	KUNIT_EXPECT_EQ(test, translate(&s, GVA_WRITE), 0);
	KUNIT_EXPECT_EQ(test, s.mem.reads, 8U);
	KUNIT_EXPECT_EQ(test, *pte(&s, 1) & (A | D), A | D);

	set_up(&s, PAGING_LONG, 4);
	s.mem.races = GVA_MAX_TRIES - 1;
	KUNIT_EXPECT_EQ(test, translate(&s, GVA_WRITE), 0);
	set_up(&s, PAGING_LONG, 4);
	s.mem.races = 1000;
	KUNIT_EXPECT_EQ(test, translate(&s, GVA_WRITE), -EBUSY);
	KUNIT_EXPECT_EQ(test, s.mem.reads, 4U * GVA_MAX_TRIES);
	KUNIT_EXPECT_EQ(test, *pte(&s, 1) & (A | D), 0ULL);
}

static struct kunit_case gva_test_cases[] = {
	KUNIT_CASE(gva_test_paging_off),
	KUNIT_CASE(gva_test_formats),
	KUNIT_CASE(gva_test_not_present),
	KUNIT_CASE(gva_test_permissions),
	KUNIT_CASE(gva_test_supervisor),
	KUNIT_CASE(gva_test_fetch_bit),
	KUNIT_CASE(gva_test_reserved),
	KUNIT_CASE(gva_test_reserved_by_feature),
	KUNIT_CASE(gva_test_large_pages),
	KUNIT_CASE(gva_test_root),
	KUNIT_CASE(gva_test_keys),
	KUNIT_CASE(gva_test_errors),
	KUNIT_CASE(gva_test_races),
	{}
};

static struct kunit_suite gva_test_suite = {
	.name = "svmvcpu_gva",
	.test_cases = gva_test_cases,
};

kunit_test_suite(gva_test_suite);
