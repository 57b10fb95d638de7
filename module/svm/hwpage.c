// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages in which the CPU stores state: VMCB, VM_HSAVE area, VMSAVE area.
 *
 * On hosts with SEV-SNP, the CPU marks such a page as in use. An erratum extends the
 * mark to a large page if the page is aligned to 2 MiB, and the host gets a fatal RMP
 * #PF for accesses to the other pages. So do not use pages with this alignment, like
 * snp_safe_alloc_page() of KVM.
 */
#include <linux/align.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "svm/cpu.h"

/* At most one of two adjacent pages is aligned to 2 MiB. Frees the other one. */
static struct page *keep_one(struct page *pair)
{
	const bool second = IS_ALIGNED(page_to_pfn(pair), PTRS_PER_PMD);

	__free_page(second ? pair : pair + 1);
	return second ? pair + 1 : pair;
}

/**
 * hwpage_alloc() - allocate a zeroed page for VMRUN, VMSAVE or VM_HSAVE_PA
 * @gfp: GFP_KERNEL or GFP_KERNEL_ACCOUNT
 *
 * Return: a page for __free_page(), or NULL.
 */
struct page *hwpage_alloc(gfp_t gfp)
{
	struct page *pair = alloc_pages(gfp | __GFP_ZERO, 1);

	if (!pair)
		return NULL;
	split_page(pair, 1);
	return keep_one(pair);
}
