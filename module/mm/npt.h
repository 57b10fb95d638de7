/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested page tables. This layer knows nothing of vCPUs, regions or TLBs.
 *
 * The caller serializes all functions on a struct npt with its lock, except
 * npt_init() and npt_destroy(). The hardware walks the tables at any time and
 * sets accessed and dirty bits, so entries are changed only by whole, atomic
 * stores.
 */
#ifndef SVMVCPU_NPT_H
#define SVMVCPU_NPT_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/mem_encrypt.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define NPT_WRITE_BIT	1
#define NPT_ACCESSED_BIT	5
#define NPT_DIRTY_BIT	6

#define NPT_PRESENT	BIT_ULL(0)
#define NPT_WRITE	BIT_ULL(NPT_WRITE_BIT)
#define NPT_USER	BIT_ULL(2)	/* required: nested walks are user accesses */
#define NPT_ACCESSED	BIT_ULL(NPT_ACCESSED_BIT)
#define NPT_DIRTY	BIT_ULL(NPT_DIRTY_BIT)
#define NPT_PSE		BIT_ULL(7)	/* leaf at level 2 or 3 */
#define NPT_NX		BIT_ULL(63)
#define NPT_ADDR_MASK	GENMASK_ULL(51, 12)

/* Rights of a leaf besides reading, which is always allowed */
#define NPT_W		BIT(0)
#define NPT_X		BIT(1)

/* Limit of all processors, below what five levels of tables could map */
#define NPT_GPA_BITS	52U

/* Level of a leaf */
#define NPT_4K		1
#define NPT_2M		2
#define NPT_1G		3

/* Bounds the time of one npt_next(), npt_zap() or npt_protect(): some 16,000 entries */
#define NPT_TABLES_MAX	32

struct npt {
	u64 *root;
	phys_addr_t root_pa;	/* for nCR3, with the encryption bit */
	unsigned int levels;	/* 4 or 5, as the host's own page tables */
	unsigned long tables;	/* pages in use, including the root */
};

/*
 * Called for each leaf that is zapped or write-protected. @gpa is its first address, and
 * @old_pte its previous value, with the accessed and dirty bits.
 */
typedef void (*npt_leaf_fn)(void *ctx, u64 gpa, u64 old_pte, unsigned int level);

static inline unsigned int npt_shift(unsigned int level)
{
	return 12 + 9 * (level - 1);
}

/* Bytes that an entry at @level maps */
static inline u64 npt_span(unsigned int level)
{
	return 1ULL << npt_shift(level);
}

/* First address that the tables cannot map; processors may support fewer */
static inline u64 npt_gpa_limit(const struct npt *npt)
{
	return 1ULL << min(12 + 9 * npt->levels, NPT_GPA_BITS);
}

static inline u64 npt_pte_pfn(u64 pte)
{
	return __sme_clr(pte & NPT_ADDR_MASK) >> 12;
}

static inline bool npt_pte_writable(u64 pte)
{
	return pte & NPT_WRITE;
}

/* @prot: NPT_W, NPT_X */
static inline u64 npt_make_leaf(u64 pfn, unsigned int prot, unsigned int level)
{
	u64 pte = __sme_set(pfn << 12) | NPT_PRESENT | NPT_USER;

	if (prot & NPT_W)
		pte |= NPT_WRITE;
	if (!(prot & NPT_X))
		pte |= NPT_NX;
	if (level > NPT_4K)
		pte |= NPT_PSE;
	return pte;
}

int npt_init(struct npt *npt, unsigned int levels);
void npt_destroy(struct npt *npt);

void *npt_table_alloc(void);
void npt_table_free(void *table);

int npt_map_leaves(struct npt *npt, void **spare, u64 gpa, const u64 *leaf,
		   unsigned int nr, unsigned int level, bool strict);
u64 npt_zap(struct npt *npt, u64 start, u64 end, u64 at, struct list_head *dead,
	    npt_leaf_fn fn, void *ctx);
u64 npt_protect(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx);
u64 npt_next(const struct npt *npt, u64 start, u64 end);
u64 *npt_slot(const struct npt *npt, u64 gpa, unsigned int *level);

void npt_free_dead(struct list_head *dead);

#endif /* SVMVCPU_NPT_H */
