// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest page walk: from a guest-virtual (linear) to a guest-physical address.
 *
 * Owns the description of each paging format. Pure. See gva.h for the contract
 * and for who may call it.
 *
 * A walk reads the entries from the root to the leaf, then checks permissions
 * once, then sets accessed and dirty bits from the root to the leaf. A walk that
 * faults has thus changed nothing.
 */
#include "insn/gva.h"

#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_G		BIT_ULL(8)
#define PTE_NX		BIT_ULL(63)
#define PTE_KEY_SHIFT	59

#define MAX_LEVELS	5
#define MAX_TRIES	4	/* walks while the guest edits its own tables */

enum paging {
	PAGING_LEGACY,		/* 32-bit entries, two levels */
	PAGING_PAE,		/* 64-bit entries, three levels */
	PAGING_LONG,		/* 64-bit entries, four or five levels */
};

struct step {
	u64 gpa;
	u64 pte;
	unsigned int level;
};

struct walk {
	const struct gva_mmu *mmu;
	const struct gva_walk_ops *ops;
	void *ctx;
	struct gva_fault *fault;
	u64 gva;
	u64 phys_mask;
	unsigned int width;	/* of physical addresses, within 32..52 */
	u64 allow;		/* W and U, if every level grants them */
	u64 deny;		/* NX, if any level has it */
	unsigned int access;
	enum paging paging;
	unsigned int levels;
	unsigned int nr_steps;
	struct step steps[MAX_LEVELS];
};

static bool is_user(const struct walk *w)
{
	return w->mmu->cpl == 3 && !(w->access & GVA_IMPLICIT);
}

/* Is bit 63 an NX bit, and bit 4 of the error code meaningful because of it? */
static bool has_nx(const struct walk *w)
{
	return w->paging != PAGING_LEGACY && (w->mmu->efer & GUEST_EFER_NXE);
}

static int page_fault(const struct walk *w, u32 error_code)
{
	if (w->access & GVA_WRITE)
		error_code |= GVA_PF_WRITE;
	if (is_user(w))
		error_code |= GVA_PF_USER;
	if ((w->access & GVA_FETCH) &&
	    (has_nx(w) || (w->mmu->cr4 & CR4_SMEP)))
		error_code |= GVA_PF_FETCH;
	w->fault->error_code = error_code;
	return GVA_FAULT;
}

/* Bits @low to @high, none if they cross. */
static u64 bits(unsigned int low, unsigned int high)
{
	return low > high ? 0 : GENMASK_ULL(high, low);
}

static unsigned int page_shift(const struct walk *w, unsigned int level)
{
	return 12 + (level - 1) * (w->paging == PAGING_LEGACY ? 10 : 9);
}

/* Does this entry map a page? A PS bit that is reserved there is not one. */
static bool is_leaf(const struct walk *w, const struct step *s)
{
	if (s->level == 1)
		return true;
	if (!(s->pte & PTE_PS))
		return false;
	if (s->level == 2)
		return w->paging != PAGING_LEGACY || (w->mmu->cr4 & CR4_PSE);
	return s->level == 3 && w->paging == PAGING_LONG && w->mmu->page1gb;
}

/* PSE-36: bits 20:13 of a 4 MiB entry are address bits 39:32, bit 21 is none. */
static u64 reserved_legacy(const struct walk *w, const struct step *s)
{
	if (s->level == 1 || !is_leaf(w, s))
		return 0;
	return BIT_ULL(21) | bits(13 + w->width - 32, 20);
}

static u64 reserved_pae(const struct walk *w, const struct step *s)
{
	u64 mask = bits(w->width, 62);

	if (s->level == 3)
		return mask | PTE_NX | bits(w->mmu->pdpte_accessed ? 6 : 5, 8) | PTE_W | PTE_U;
	if (!has_nx(w))
		mask |= PTE_NX;
	if (s->level == 2 && is_leaf(w, s))
		mask |= bits(13, 20);
	return mask;
}

/* G is reserved where AMD reserves it: from the fourth level up. */
static u64 reserved_long(const struct walk *w, const struct step *s)
{
	u64 mask = bits(w->width, 51);

	if (!has_nx(w))
		mask |= PTE_NX;
	if (s->level >= 4)
		mask |= PTE_PS | PTE_G;
	else if (s->level == 3 && !w->mmu->page1gb)
		mask |= PTE_PS;
	else if (s->level > 1 && is_leaf(w, s))	/* above the PAT bit */
		mask |= bits(13, page_shift(w, s->level) - 1);
	return mask;
}

static u64 reserved_bits(const struct walk *w, const struct step *s)
{
	switch (w->paging) {
	case PAGING_LEGACY:
		return reserved_legacy(w, s);
	case PAGING_PAE:
		return reserved_pae(w, s);
	case PAGING_LONG:
		break;
	}
	return reserved_long(w, s);
}

/* PAE directory pointers carry neither permissions nor an accessed bit. */
static bool is_pdpte(const struct walk *w, const struct step *s)
{
	return w->paging == PAGING_PAE && s->level == 3;
}

/* Read and judge one entry. 0, GVA_FAULT or -errno. */
static int take_step(struct walk *w, u64 table, unsigned int level)
{
	unsigned int size = w->paging == PAGING_LEGACY ? 4 : 8;
	u64 index = w->gva >> page_shift(w, level);
	struct step *s = &w->steps[w->nr_steps++];
	int err;

	index &= w->paging == PAGING_LEGACY ? 0x3ff : 0x1ff;
	s->level = level;
	s->gpa = table + index * size;
	w->fault->table_gpa = s->gpa;
	err = w->ops->read_pte(w->ctx, s->gpa, size, &s->pte);
	if (err)
		return err;
	if (size == 4)
		s->pte = (u32)s->pte;
	if (!(s->pte & PTE_P))
		return page_fault(w, 0);
	if (s->pte & reserved_bits(w, s))
		return page_fault(w, GVA_PF_PRESENT | GVA_PF_RESERVED);
	if (!is_pdpte(w, s)) {
		w->allow &= s->pte;
		w->deny |= s->pte;
	}
	return 0;
}

/* Protection keys: data accesses to user pages in long mode, and no others. */
static bool key_denies(const struct walk *w, u64 leaf)
{
	u32 rights = w->mmu->pkru >> (2 * ((leaf >> PTE_KEY_SHIFT) & 15));

	if (w->paging != PAGING_LONG || !(w->mmu->cr4 & CR4_PKE) ||
	    !(w->allow & PTE_U) || (w->access & GVA_FETCH))
		return false;
	if (rights & 1)		/* access disable */
		return true;
	return (rights & 2) && (w->access & GVA_WRITE) &&
	       (is_user(w) || (w->mmu->cr0 & GUEST_CR0_WP));
}

/* A supervisor access to a user page: SMEP and SMAP. */
static bool supervisor_may_use(const struct walk *w)
{
	if (w->access & GVA_FETCH)
		return !(w->mmu->cr4 & CR4_SMEP);
	if (!(w->mmu->cr4 & CR4_SMAP))
		return true;
	return !(w->access & GVA_IMPLICIT) &&
	       (w->mmu->rflags & GUEST_RFLAGS_AC);
}

static bool is_allowed(const struct walk *w)
{
	bool write = w->access & GVA_WRITE;
	bool user_page = w->allow & PTE_U;

	if ((w->access & GVA_FETCH) && (w->deny & PTE_NX))
		return false;
	if (write && !(w->allow & PTE_W) &&
	    (is_user(w) || (w->mmu->cr0 & GUEST_CR0_WP)))
		return false;
	if (is_user(w))
		return user_page;
	return !user_page || supervisor_may_use(w);
}

static int check_access(const struct walk *w, u64 leaf)
{
	u32 key = key_denies(w, leaf) ? GVA_PF_KEY : 0;

	if (key || !is_allowed(w))
		return page_fault(w, GVA_PF_PRESENT | key);
	return 0;
}

/* Accessed on every level, dirty on the leaf if it is written. */
static int mark_used(struct walk *w)
{
	unsigned int size = w->paging == PAGING_LEGACY ? 4 : 8;
	unsigned int i;

	for (i = 0; i < w->nr_steps; i++) {
		const struct step *s = &w->steps[i];
		u64 pte = s->pte | PTE_A;
		int err;

		if (is_pdpte(w, s))
			continue;
		if (i == w->nr_steps - 1 && (w->access & GVA_WRITE))
			pte |= PTE_D;
		if (pte == s->pte)
			continue;
		w->fault->table_gpa = s->gpa;
		err = w->ops->cmpxchg_pte(w->ctx, s->gpa, size, s->pte, pte);
		if (err)
			return err;
	}
	return 0;
}

static u64 leaf_address(const struct walk *w, const struct step *s)
{
	u64 offset = bits(0, page_shift(w, s->level) - 1);
	u64 base = s->pte & w->phys_mask & ~offset;

	if (w->paging == PAGING_LEGACY && s->level == 2)
		base |= (s->pte & bits(13, 20)) << (32 - 13);
	return base | (w->gva & offset);
}

static u64 root_table(const struct walk *w)
{
	u64 cr3 = w->mmu->cr3;

	switch (w->paging) {
	case PAGING_LEGACY:
		return cr3 & bits(12, 31);
	case PAGING_PAE:
		return cr3 & bits(5, 31);
	case PAGING_LONG:
		break;
	}
	return cr3 & w->phys_mask;
}

static int walk_once(struct walk *w, u64 *gpa)
{
	u64 table = root_table(w);
	unsigned int level = w->levels;
	const struct step *s;
	int err;

	w->nr_steps = 0;
	w->allow = ~0ULL;
	w->deny = 0;
	for (;; level--) {
		err = take_step(w, table, level);
		if (err)
			return err;
		s = &w->steps[w->nr_steps - 1];
		if (is_leaf(w, s))	/* level 1 always is */
			break;
		table = s->pte & w->phys_mask;
	}
	err = check_access(w, s->pte);
	if (!err)
		err = mark_used(w);
	if (!err)
		*gpa = leaf_address(w, s);
	return err;
}

static void choose_paging(struct walk *w)
{
	const struct gva_mmu *mmu = w->mmu;

	if (mmu->efer & GUEST_EFER_LMA) {
		w->paging = PAGING_LONG;
		w->levels = mmu->cr4 & CR4_LA57 ? 5 : 4;
	} else if (mmu->cr4 & CR4_PAE) {
		w->paging = PAGING_PAE;
		w->levels = 3;
	} else {
		w->paging = PAGING_LEGACY;
		w->levels = 2;
	}
	w->width = mmu->maxphyaddr;
	if (w->width < 32)
		w->width = 32;
	else if (w->width > 52)
		w->width = 52;
	w->phys_mask = bits(12, w->paging == PAGING_LEGACY ? 31 : w->width - 1);
	if (w->paging != PAGING_LONG)
		w->gva = (u32)w->gva;
}

/**
 * gva_translate() - translate one guest-virtual address
 * @mmu: guest registers
 * @gva: linear address, canonical if the guest is in long mode
 * @access: GVA_* flags
 * @ops: how to reach guest memory
 * @ctx: passed to @ops
 * @gpa: guest-physical address on success
 * @fault: why not, otherwise
 *
 * Sets accessed and dirty bits, so it must only be asked for accesses that will
 * be made. The work is bounded: five levels, and a few walks if the guest keeps
 * changing the entries meanwhile.
 *
 * Return: 0; GVA_FAULT to inject #PF; -EBUSY if the tables never kept still:
 * nothing is lost by letting the guest execute the instruction again; or what a
 * callback returned, notably -EAGAIN to repeat where sleeping is allowed and
 * -EFAULT for a page table outside memory.
 */
int gva_translate(const struct gva_mmu *mmu, u64 gva, unsigned int access,
		  const struct gva_walk_ops *ops, void *ctx, u64 *gpa,
		  struct gva_fault *fault)
{
	struct walk w = {
		.mmu = mmu, .ops = ops, .ctx = ctx, .fault = fault,
		.gva = gva, .access = access,
	};
	unsigned int tries = MAX_TRIES;
	int err;

	memset(fault, 0, sizeof(*fault));
	choose_paging(&w);
	fault->address = w.gva;
	if (!(mmu->cr0 & GUEST_CR0_PG)) {
		*gpa = (u32)gva;
		return 0;
	}
	do {
		err = walk_once(&w, gpa);
	} while (err == -EBUSY && --tries);
	return err;
}
