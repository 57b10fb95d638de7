/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers for the KUnit tests of nested page tables.
 */
#ifndef SVMVCPU_NPT_TEST_H
#define SVMVCPU_NPT_TEST_H

#include <linux/io.h>
#include <linux/minmax.h>

#include "mm/npt.h"

/* Maps one page. Returns 0 or an error of npt_map_leaves(). */
static inline int npt_map(struct npt *npt, struct npt_cache *cache, u64 gpa, u64 pfn,
			  unsigned int prot, unsigned int level)
{
	u64 leaf = npt_make_leaf(pfn, prot, level);

	return min(npt_map_leaves(npt, cache, gpa, &leaf, 1, level, true), 0);
}

/* The leaf that maps @gpa, or 0. Does not use npt_slot(), which it serves to check. */
static inline u64 npt_leaf(const struct npt *npt, u64 gpa, unsigned int *level)
{
	const u64 *table = npt->root;
	unsigned int at;

	for (at = npt->levels; gpa < npt_gpa_limit(npt); at--) {
		u64 pte = READ_ONCE(table[(gpa >> (12 + 9 * (at - 1))) & 511]);

		if (!(pte & NPT_PRESENT))
			break;
		if (at == NPT_4K || (pte & NPT_PSE)) {
			if (level)
				*level = at;
			return pte;
		}
		table = __va(__sme_clr(pte & NPT_ADDR_MASK));
	}
	return 0;
}

#endif /* SVMVCPU_NPT_TEST_H */
