/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page walk of gva.h as inline code: each paging format gets a loop of its own,
 * and in gva_walk_long() the caller's way to read memory becomes a part of the loop.
 *
 * A walk reads the entries from the root to the leaf, then checks permissions
 * once, then sets accessed and dirty bits from the root to the leaf. A walk that
 * faults has thus changed nothing.
 */
#ifndef SVMVCPU_GVA_WALK_H
#define SVMVCPU_GVA_WALK_H

#include "insn/gva.h"

#define GUEST_CR4_PSE	BIT_ULL(4)
#define GUEST_CR4_PAE	BIT_ULL(5)
#define GUEST_CR4_LA57	BIT_ULL(12)
#define GUEST_CR4_SMEP	BIT_ULL(20)
#define GUEST_CR4_SMAP	BIT_ULL(21)
#define GUEST_CR4_PKE	BIT_ULL(22)

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_G		BIT_ULL(8)
#define PTE_NX		BIT_ULL(63)
#define PTE_KEY_SHIFT	59

#define GVA_MAX_LEVELS	5
#define GVA_MAX_TRIES	4	/* walks while the guest edits its own tables */

enum gva_paging {
	PAGING_LEGACY,		/* 32-bit entries, two levels */
	PAGING_PAE,		/* 64-bit entries, three levels */
	PAGING_LONG,		/* 64-bit entries, four or five levels */
};

/* gva_walk(): an accessed or dirty bit has to be set, and there are no steps. */
#define GVA_UNMARKED	2

/* The entries of a walk that have an accessed bit, the leaf last */
struct gva_steps {
	unsigned int nr;
	struct {
		u64 gpa;
		u64 pte;
	} of[GVA_MAX_LEVELS];
};

/* What the walker of one address knows; a set of registers once it is inlined */
struct gva_walk {
	const struct gva_mmu *mmu;
	enum gva_paging paging;
	const struct gva_walk_ops *ops;
	void *ctx;
	struct gva_steps *steps;	/* NULL: no bits are set */
	struct gva_fault *fault;
	u64 gva;
	unsigned int access;
	u64 phys_mask;		/* where an entry has its address */
	u64 reserved;		/* at every level */
	u64 all;		/* bits that every level has */
	u64 any;		/* bits that any level has */
};

int gva_mark_steps(const struct gva_walk_ops *ops, void *ctx, const struct gva_steps *steps,
		   unsigned int size, bool write, struct gva_fault *fault);

/* Bits @low to @high, none if they cross. */
static __always_inline u64 gva_bits(unsigned int low, unsigned int high)
{
	return low > high ? 0 : GENMASK_ULL(high, low);
}

static __always_inline bool gva_is_user(const struct gva_walk *w)
{
	return w->mmu->cpl == 3 && !(w->access & GVA_IMPLICIT);
}

/* Is bit 63 an NX bit, and bit 4 of the error code meaningful because of it? */
static __always_inline bool gva_has_nx(const struct gva_walk *w)
{
	return w->paging != PAGING_LEGACY && (w->mmu->efer & GUEST_EFER_NXE);
}

/* Width of physical addresses */
static inline unsigned int gva_width(const struct gva_mmu *mmu)
{
	if (mmu->maxphyaddr < 32)
		return 32;
	return mmu->maxphyaddr > 52 ? 52 : mmu->maxphyaddr;
}

static __always_inline unsigned int gva_entry_size(const struct gva_walk *w)
{
	return w->paging == PAGING_LEGACY ? 4 : 8;
}

/* PAE directory pointers carry neither permissions nor an accessed bit. */
static __always_inline bool gva_is_pdpte(const struct gva_walk *w, unsigned int level)
{
	return w->paging == PAGING_PAE && level == 3;
}

/* Does this entry map a page? A PS bit that is reserved there is not one. */
static __always_inline bool gva_is_leaf(const struct gva_walk *w, unsigned int level, u64 pte)
{
	if (level == 1)
		return true;
	if (!(pte & PTE_PS))
		return false;
	if (level == 2)
		return w->paging != PAGING_LEGACY || (w->mmu->cr4 & GUEST_CR4_PSE);
	return level == 3 && w->paging == PAGING_LONG && w->mmu->page1gb;
}

static __always_inline u64 gva_reserved_everywhere(const struct gva_walk *w)
{
	u64 mask;

	if (w->paging == PAGING_LEGACY)
		return 0;
	mask = gva_bits(12, w->paging == PAGING_PAE ? 62 : 51) & ~w->phys_mask;
	return gva_has_nx(w) ? mask : mask | PTE_NX;
}

/* PSE-36: bits 20:13 of a 4 MiB entry are address bits 39:32, bit 21 is none. */
static __always_inline u64 gva_reserved_legacy(const struct gva_walk *w, bool leaf)
{
	return leaf ? BIT_ULL(21) | gva_bits(13 + gva_width(w->mmu) - 32, 20) : 0;
}

static __always_inline u64 gva_reserved_pae(const struct gva_walk *w, unsigned int level,
					    bool leaf)
{
	if (level == 3)
		return PTE_NX | gva_bits(w->mmu->pdpte_accessed ? 6 : 5, 8) | PTE_W | PTE_U;
	return leaf ? gva_bits(13, 20) : 0;
}

/* G is reserved where AMD reserves it: from the fourth level up. */
static __always_inline u64 gva_reserved_long(const struct gva_walk *w, unsigned int level,
					     bool leaf)
{
	if (level >= 4)
		return PTE_PS | PTE_G;
	if (leaf)		/* above the PAT bit */
		return level == 3 ? gva_bits(13, 29) : gva_bits(13, 20);
	return level == 3 && !w->mmu->page1gb ? PTE_PS : 0;
}

static __always_inline u64 gva_reserved(const struct gva_walk *w, unsigned int level, bool leaf)
{
	if (level == 1)
		return w->reserved;
	if (w->paging == PAGING_LEGACY)
		return gva_reserved_legacy(w, leaf);
	if (w->paging == PAGING_PAE)
		return w->reserved | gva_reserved_pae(w, level, leaf);
	return w->reserved | gva_reserved_long(w, level, leaf);
}

/* Protection keys: data accesses to user pages in long mode, and no others. */
static __always_inline bool gva_key_denies(const struct gva_walk *w, u64 leaf)
{
	u32 rights;

	if (w->paging != PAGING_LONG || !(w->mmu->cr4 & GUEST_CR4_PKE) ||
	    !(w->all & PTE_U) || (w->access & GVA_FETCH))
		return false;
	rights = w->mmu->pkru >> (2 * ((leaf >> PTE_KEY_SHIFT) & 15));
	if (rights & 1)		/* access disable */
		return true;
	return (rights & 2) && (w->access & GVA_WRITE) &&
	       (gva_is_user(w) || (w->mmu->cr0 & GUEST_CR0_WP));
}

/* A supervisor access to a user page: SMEP and SMAP. */
static __always_inline bool gva_supervisor_may_use(const struct gva_walk *w)
{
	if (w->access & GVA_FETCH)
		return !(w->mmu->cr4 & GUEST_CR4_SMEP);
	if (!(w->mmu->cr4 & GUEST_CR4_SMAP))
		return true;
	return !(w->access & GVA_IMPLICIT) && (w->mmu->rflags & GUEST_RFLAGS_AC);
}

static __always_inline bool gva_is_allowed(const struct gva_walk *w)
{
	bool user_page = w->all & PTE_U;

	if ((w->access & GVA_FETCH) && (w->any & PTE_NX))
		return false;
	if ((w->access & GVA_WRITE) && !(w->all & PTE_W) &&
	    (gva_is_user(w) || (w->mmu->cr0 & GUEST_CR0_WP)))
		return false;
	if (gva_is_user(w))
		return user_page;
	return !user_page || gva_supervisor_may_use(w);
}

static __always_inline int gva_check_access(const struct gva_walk *w, u64 leaf)
{
	struct gva_fault *fault = w->fault;

	fault->error_code = GVA_PF_PRESENT;
	if (gva_key_denies(w, leaf)) {
		fault->error_code |= GVA_PF_KEY;
		return GVA_FAULT;
	}
	return gva_is_allowed(w) ? 0 : GVA_FAULT;
}

static __always_inline u64 gva_leaf_address(const struct gva_walk *w, unsigned int level,
					    u64 offset_mask, u64 pte)
{
	u64 base = pte & w->phys_mask & ~offset_mask;

	if (w->paging == PAGING_LEGACY && level == 2)
		base |= (pte & gva_bits(13, 20)) << (32 - 13);
	return base | (w->gva & offset_mask);
}

static __always_inline u64 gva_root(const struct gva_walk *w)
{
	if (w->paging == PAGING_LONG)
		return w->mmu->cr3 & w->phys_mask;
	return w->mmu->cr3 & gva_bits(w->paging == PAGING_PAE ? 5 : 12, 31);
}

static __always_inline unsigned int gva_levels(const struct gva_walk *w)
{
	if (w->paging == PAGING_LONG)
		return w->mmu->cr4 & GUEST_CR4_LA57 ? 5 : 4;
	return w->paging == PAGING_PAE ? 3 : 2;
}

/* Read and judge one entry. 0, GVA_FAULT or -errno. */
static __always_inline int gva_step(struct gva_walk *w, unsigned int level, u64 at, u64 *entry,
				    bool *leaf)
{
	struct gva_fault *fault = w->fault;
	u64 pte;
	int err;

	err = w->ops->read_pte(w->ctx, at, gva_entry_size(w), &pte);
	if (err) {
		fault->table_gpa = at;
		return err;
	}
	if (w->paging == PAGING_LEGACY)
		pte = (u32)pte;
	if (!(pte & PTE_P)) {
		fault->error_code = 0;
		return GVA_FAULT;
	}
	*entry = pte;
	*leaf = gva_is_leaf(w, level, pte);
	if (pte & gva_reserved(w, level, *leaf)) {
		fault->error_code = GVA_PF_PRESENT | GVA_PF_RESERVED;
		return GVA_FAULT;
	}
	if (gva_is_pdpte(w, level))
		return 0;
	w->all &= pte;
	w->any |= pte;
	if (w->steps) {
		w->steps->of[w->steps->nr].gpa = at;
		w->steps->of[w->steps->nr++].pte = pte;
	}
	return 0;
}

/* Accessed on every level, dirty on the leaf if it is written. */
static __always_inline int gva_mark_used(const struct gva_walk *w, u64 leaf)
{
	if ((w->all & PTE_A) && (!(w->access & GVA_WRITE) || (leaf & PTE_D)))
		return 0;
	if (!w->steps)
		return GVA_UNMARKED;
	return gva_mark_steps(w->ops, w->ctx, w->steps, gva_entry_size(w), w->access & GVA_WRITE,
			      w->fault);
}

static __always_inline int gva_walk_once(struct gva_walk *w, u64 *gpa)
{
	const unsigned int bits = w->paging == PAGING_LEGACY ? 10 : 9;
	unsigned int level = gva_levels(w), shift = 12 + (level - 1) * bits;
	u64 table = gva_root(w), pte;
	bool leaf;
	int err;

	w->all = ~0ULL;
	w->any = 0;
	if (w->steps)
		w->steps->nr = 0;
	for (;; level--, shift -= bits) {
		u64 index = (w->gva >> shift) & (BIT_ULL(bits) - 1);

		err = gva_step(w, level, table + index * gva_entry_size(w), &pte, &leaf);
		if (err)
			return err;
		if (leaf)	/* level 1 always is */
			break;
		table = pte & w->phys_mask;
	}
	err = gva_check_access(w, pte);
	if (!err)
		err = gva_mark_used(w, pte);
	if (!err)
		*gpa = gva_leaf_address(w, level, BIT_ULL(shift) - 1, pte);
	return err;
}

static __always_inline void gva_finish_fault(const struct gva_walk *w)
{
	struct gva_fault *fault = w->fault;

	fault->address = w->gva;
	fault->table_gpa = 0;
	if (w->access & GVA_WRITE)
		fault->error_code |= GVA_PF_WRITE;
	if (gva_is_user(w))
		fault->error_code |= GVA_PF_USER;
	if ((w->access & GVA_FETCH) && (gva_has_nx(w) || (w->mmu->cr4 & GUEST_CR4_SMEP)))
		fault->error_code |= GVA_PF_FETCH;
}

/* gva_translate() with paging, in the format @w->paging, with @w->phys_mask */
static __always_inline int gva_walk(struct gva_walk *w, u64 *gpa)
{
	unsigned int tries = GVA_MAX_TRIES;
	int err;

	if (w->paging != PAGING_LONG)
		w->gva = (u32)w->gva;
	w->reserved = gva_reserved_everywhere(w);
	do {
		err = gva_walk_once(w, gpa);
	} while (err == -EBUSY && --tries);
	if (err == GVA_FAULT)
		gva_finish_fault(w);
	return err;
}

/**
 * gva_walk_long() - gva_translate() in long mode, inline, as long as nothing is to be done
 * @mmu: guest registers, CR0.PG and EFER.LMA among them
 * @gva: linear address, canonical
 * @phys_mask: bits of an entry that are an address, in place of @mmu.maxphyaddr
 * @access: GVA_* flags
 * @ops: @read_pte, an inline function
 * @ctx: passed to it
 * @gpa: guest-physical address on success
 *
 * Return: 0; else nothing has changed, and gva_translate() says what is the matter.
 */
static __always_inline int gva_walk_long(const struct gva_mmu *mmu, u64 gva, u64 phys_mask,
					 unsigned int access, const struct gva_walk_ops *ops,
					 void *ctx, u64 *gpa)
{
	struct gva_fault fault;
	struct gva_walk w = {
		.mmu = mmu, .paging = PAGING_LONG, .gva = gva, .phys_mask = phys_mask,
		.access = access, .ops = ops, .ctx = ctx, .fault = &fault,
	};

	return gva_walk(&w, gpa);
}

#endif /* SVMVCPU_GVA_WALK_H */
