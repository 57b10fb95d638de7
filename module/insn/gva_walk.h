/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page walk of gva.h as inline code: each paging format gets a loop of its own, and
 * gva_walk_long() makes the caller's way to read memory a part of the loop.
 *
 * A walk reads the entries from the root to the leaf, then checks permissions once, then
 * sets accessed and dirty bits from the root to the leaf. A walk that faults has thus
 * changed nothing.
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

/* The entries of a walk that have an accessed bit, the leaf last */
struct gva_steps {
	unsigned int nr;
	struct {
		u64 gpa;
		u64 pte;
	} of[GVA_MAX_LEVELS];
};

struct gva_walk {
	const struct gva_mmu *mmu;
	enum gva_paging paging;
	const struct gva_walk_ops *ops;
	void *ctx;
	struct gva_steps *steps;	/* NULL: return GVA_UNMARKED instead of setting bits */
	struct gva_fault *fault;
	u64 gva;
	unsigned int access;
	u64 phys_mask;		/* address bits of an entry */
	u64 reserved;		/* reserved at every level */
	u64 all;		/* bits that are set at every level */
	u64 any;		/* bits that are set at any level */
};

/* gva_walk(): an accessed or dirty bit is not set. */
#define GVA_UNMARKED	2

/* Takes no pointer to struct gva_walk, whose members are to be registers. */
int gva_mark_steps(const struct gva_walk_ops *ops, void *ctx, const struct gva_steps *steps,
		   unsigned int size, bool write, struct gva_fault *fault);

/* Bits @low to @high, or none if @low is above @high. */
static __always_inline u64 gva_bits(unsigned int low, unsigned int high)
{
	return low > high ? 0 : GENMASK_ULL(high, low);
}

static __always_inline unsigned int gva_width(const struct gva_mmu *mmu)
{
	return mmu->maxphyaddr < 32 ? 32 : mmu->maxphyaddr > 52 ? 52 : mmu->maxphyaddr;
}

/* Is the access checked as one of user code? */
static __always_inline bool gva_is_user(const struct gva_walk *w)
{
	return w->mmu->cpl == 3 && !(w->access & GVA_IMPLICIT);
}

/* Is bit 63 of an entry NX? */
static __always_inline bool gva_has_nx(const struct gva_walk *w)
{
	return w->paging != PAGING_LEGACY && (w->mmu->efer & GUEST_EFER_NXE);
}

/* Does this entry map a page? Where PS is reserved, it does not. */
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

static __always_inline u64 gva_reserved(const struct gva_walk *w, unsigned int level, bool leaf)
{
	if (level == 1)
		return w->reserved;
	if (w->paging == PAGING_LEGACY)
		/* PSE-36: bits 20:13 of a 4 MiB leaf are address bits 39:32. */
		return leaf ? BIT_ULL(21) | gva_bits(13 + gva_width(w->mmu) - 32, 20) : 0;
	if (w->paging == PAGING_PAE && level == 3)
		return w->reserved | PTE_NX | PTE_W | PTE_U |
		       gva_bits(w->mmu->pdpte_accessed ? 6 : 5, 8);
	if (level >= 4)
		return w->reserved | PTE_PS | PTE_G;
	if (leaf)	/* Bit 12 is PAT. */
		return w->reserved | gva_bits(13, level == 3 ? 29 : 20);
	return level == 3 && !w->mmu->page1gb ? w->reserved | PTE_PS : w->reserved;
}

/* Protection keys apply to data accesses to user pages in long mode. */
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
	if (!user_page)
		return true;
	if (w->access & GVA_FETCH)
		return !(w->mmu->cr4 & GUEST_CR4_SMEP);
	if (!(w->mmu->cr4 & GUEST_CR4_SMAP))
		return true;
	return !(w->access & GVA_IMPLICIT) && (w->mmu->rflags & GUEST_RFLAGS_AC);
}

static __always_inline int gva_walk_once(struct gva_walk *w, unsigned int level, u64 table,
					 u64 *gpa)
{
	const unsigned int size = w->paging == PAGING_LEGACY ? 4 : 8, bits = size == 4 ? 10 : 9;
	unsigned int shift = 12 + (level - 1) * bits;
	u64 pte, offset_mask;
	bool leaf;

	w->all = ~0ULL;
	w->any = 0;
	if (w->steps)
		w->steps->nr = 0;
	for (;; level--, shift -= bits) {
		u64 at = table + ((w->gva >> shift) & (BIT_ULL(bits) - 1)) * size;
		int err = w->ops->read_pte(w->ctx, at, size, &pte);

		if (err) {
			w->fault->table_gpa = at;
			return err;
		}
		if (size == 4)
			pte = (u32)pte;
		w->fault->error_code = 0;
		if (!(pte & PTE_P))
			return GVA_FAULT;
		w->fault->error_code = GVA_PF_PRESENT | GVA_PF_RESERVED;
		leaf = gva_is_leaf(w, level, pte);
		if (pte & gva_reserved(w, level, leaf))
			return GVA_FAULT;
		/* PAE directory pointers have neither permissions nor an accessed bit. */
		if (w->paging != PAGING_PAE || level != 3) {
			w->all &= pte;
			w->any |= pte;
			if (w->steps) {
				w->steps->of[w->steps->nr].gpa = at;
				w->steps->of[w->steps->nr++].pte = pte;
			}
		}
		if (leaf)	/* always at level 1 */
			break;
		table = pte & w->phys_mask;
	}
	w->fault->error_code = GVA_PF_PRESENT;
	if (gva_key_denies(w, pte)) {
		w->fault->error_code |= GVA_PF_KEY;
		return GVA_FAULT;
	}
	if (!gva_is_allowed(w))
		return GVA_FAULT;
	offset_mask = BIT_ULL(shift) - 1;
	*gpa = (pte & w->phys_mask & ~offset_mask) | (w->gva & offset_mask);
	if (w->paging == PAGING_LEGACY && level == 2)
		*gpa |= (pte & gva_bits(13, 20)) << (32 - 13);
	if ((w->all & PTE_A) && (!(w->access & GVA_WRITE) || (pte & PTE_D)))
		return 0;
	if (!w->steps)
		return GVA_UNMARKED;
	return gva_mark_steps(w->ops, w->ctx, w->steps, size, w->access & GVA_WRITE, w->fault);
}

/* gva_translate() with paging. Sets phys_mask and reserved of @w. */
static __always_inline int gva_walk(struct gva_walk *w, u64 *gpa)
{
	const struct gva_mmu *mmu = w->mmu;
	unsigned int levels = 2, tries = GVA_MAX_TRIES, width = gva_width(mmu);
	u64 root = mmu->cr3 & gva_bits(12, 31);
	int err;

	w->phys_mask = gva_bits(12, w->paging == PAGING_LEGACY ? 31 : width - 1);
	w->reserved = 0;
	if (w->paging != PAGING_LEGACY)
		w->reserved = gva_bits(width, w->paging == PAGING_PAE ? 62 : 51) |
			      (gva_has_nx(w) ? 0 : PTE_NX);
	if (w->paging == PAGING_PAE) {
		levels = 3;
		root = mmu->cr3 & gva_bits(5, 31);
	} else if (w->paging == PAGING_LONG) {
		levels = mmu->cr4 & GUEST_CR4_LA57 ? 5 : 4;
		root = mmu->cr3 & w->phys_mask;
	}
	do {
		err = gva_walk_once(w, levels, root, gpa);
	} while (err == -EBUSY && --tries);
	return err;
}

/*
 * gva_translate() in long mode with paging, if no bit has to be set. Returns 0; otherwise
 * nothing has changed, and gva_translate() finds the reason.
 */
static __always_inline int gva_walk_long(const struct gva_mmu *mmu, u64 gva, unsigned int access,
					 const struct gva_walk_ops *ops, void *ctx, u64 *gpa)
{
	struct gva_fault fault;
	struct gva_walk w = {
		.mmu = mmu, .paging = PAGING_LONG, .gva = gva, .access = access, .ops = ops,
		.ctx = ctx, .fault = &fault,
	};

	return gva_walk(&w, gpa);
}

#endif /* SVMVCPU_GVA_WALK_H */
