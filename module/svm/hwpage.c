// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that the CPU keeps its own state in: VMCB, VM_HSAVE area, VMSAVE area.
 *
 * On a host with SEV-SNP the CPU marks such a page as in use, and with an erratum
 * takes an access to the 2 MiB around it for one to the page itself, if that lies
 * at a multiple of 2 MiB: the host gets an RMP #PF that nobody can handle. So these
 * pages never lie there, on any host, as with KVM's snp_safe_alloc_page().
 */
#include <linux/align.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "svm/hwpage.h"

static bool hwpage_fits(const struct page *page)
{
	return !IS_ALIGNED(page_to_pfn(page), PTRS_PER_PMD);
}

/* Of two neighbors at most one is at a multiple of 2 MiB. The other is freed. */
static struct page *keep_one(struct page *pair)
{
	if (hwpage_fits(pair)) {
		__free_page(pair + 1);
		return pair;
	}
	__free_page(pair);
	return pair + 1;
}

static struct page *alloc_from_pair(gfp_t gfp)
{
	struct page *pair = alloc_pages(gfp, 1);

	if (!pair)
		return NULL;
	split_page(pair, 1);
	return keep_one(pair);
}

/**
 * hwpage_alloc() - a zeroed page that VMRUN, VMSAVE or VM_HSAVE_PA may name
 * @gfp: GFP_KERNEL or GFP_KERNEL_ACCOUNT
 *
 * Return: the page, for __free_page(), or NULL.
 */
struct page *hwpage_alloc(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	if (likely(!page || hwpage_fits(page)))
		return page;
	__free_page(page);
	return alloc_from_pair(gfp | __GFP_ZERO);
}
