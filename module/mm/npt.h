/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested page tables: build, look up, take apart. Knows nothing of vCPUs,
 * regions or TLBs; memory.c is the only caller and decides what is mapped.
 *
 * Everything but npt_init(), npt_destroy() and the cache functions needs the
 * caller's lock against other software. The hardware walks the tables at any
 * time and sets accessed and dirty bits by itself, so entries change only by
 * whole, atomic stores.
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
#define NPT_USER	BIT_ULL(2)	/* in every entry: nested walks are user accesses */
#define NPT_ACCESSED	BIT_ULL(NPT_ACCESSED_BIT)
#define NPT_DIRTY	BIT_ULL(NPT_DIRTY_BIT)
#define NPT_PSE		BIT_ULL(7)	/* levels 2 and 3: a leaf */
#define NPT_NX		BIT_ULL(63)
#define NPT_ADDR_MASK	GENMASK_ULL(51, 12)

/* prot of npt_map(); a leaf is always readable */
#define NPT_W		BIT(0)
#define NPT_X		BIT(1)

/* no processor has more guest-physical bits, whatever five levels could reach */
#define NPT_GPA_BITS	52U

/* level of a leaf */
#define NPT_4K		1
#define NPT_2M		2
#define NPT_1G		3

/* tables npt_map() may need below the root for one leaf, at most */
#define NPT_MAP_MAX	4
/* room in a cache */
#define NPT_CACHE	8

/* tables that npt_next() and npt_detach() look at in one call: some 30,000 entries */
#define NPT_TABLES_MAX	32

/**
 * struct npt - the nested page tables of a VM
 * @root: top table
 * @root_pa: its address for nCR3
 * @levels: 4 or 5, like the host's own page tables
 * @tables: pages in use, the root included
 */
struct npt {
	u64 *root;
	phys_addr_t root_pa;
	unsigned int levels;
	unsigned long tables;
};

/**
 * struct npt_cache - zeroed pages ready to become tables
 * @nr: how many
 * @page: the first @nr are valid
 *
 * Filled where sleeping is allowed, consumed by npt_map() where it is not.
 */
struct npt_cache {
	unsigned int nr;
	void *page[NPT_CACHE];
};

/**
 * typedef npt_leaf_fn - told of every leaf that npt_zap() takes away, or
 *	npt_protect() changes
 * @ctx: as passed to these
 * @gpa: first address the leaf covered
 * @old_pte: its last value, with the accessed and dirty bits
 * @level: NPT_4K, NPT_2M or NPT_1G
 */
typedef void (*npt_leaf_fn)(void *ctx, u64 gpa, u64 old_pte, unsigned int level);

/* bytes one entry of a table at @level covers */
static inline u64 npt_span(unsigned int level)
{
	return 1ULL << (12 + 9 * (level - 1));
}

/* First address behind what the tables can map, but for narrower processors */
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

/* The entry of a leaf, with NPT_W and NPT_X of @prot */
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

int npt_cache_fill(struct npt_cache *cache, unsigned int nr);
void npt_cache_drain(struct npt_cache *cache);

int npt_map(struct npt *npt, struct npt_cache *cache, u64 gpa, u64 pfn,
	    unsigned int prot, unsigned int level);
int npt_map_run(struct npt *npt, struct npt_cache *cache, u64 gpa, const u64 *leaf,
		unsigned int nr, unsigned int level, bool strict);
bool npt_zap(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx);
u64 npt_next(const struct npt *npt, u64 start, u64 end);
u64 npt_leaf(const struct npt *npt, u64 gpa, unsigned int *level);
u64 *npt_slot(const struct npt *npt, u64 gpa, unsigned int *level);

/* npt_track.c */
bool npt_protect(struct npt *npt, u64 start, u64 end, npt_leaf_fn fn, void *ctx);

u64 npt_detach(struct npt *npt, u64 start, u64 end, u64 at, struct list_head *dead);
void npt_free_dead(struct list_head *dead);

#endif /* SVMVCPU_NPT_H */
