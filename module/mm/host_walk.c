// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lockless walk of the VMM's page tables. Like fast GUP, it runs with interrupts off,
 * which keeps the tables from being freed. It takes no references on pages. The result
 * is valid as long as the notifier has not reported the address since
 * hva_watch_begin().
 *
 * design.rst compares this with hmm_range_fault() and GUP.
 */
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat.h"
#include "mm/priv.h"

/*
 * No notifier protects the page of a special entry, except for the zero page and, on
 * kernels before 6.17, pages of persistent memory.
 */
static bool special_page_usable(u64 pfn)
{
	return is_zero_pfn(pfn) || (pfn_valid(pfn) && is_zone_device_page(pfn_to_page(pfn)));
}

/* Before 6.12, large entries are never marked special, so check the page as well. */
static bool large_page_usable(u64 pfn, u64 flags)
{
	struct page *page = pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;

	return !(flags & _PAGE_SPECIAL) && page &&
	       (!PageReserved(page) || is_zone_device_page(page));
}

/*
 * PROT_NONE, NUMA hint, swap and migration entries lack _PAGE_PRESENT. MAP accepts only
 * user addresses; checking _PAGE_USER makes sure that the guest gets no kernel memory.
 * Nested leaves are write-back, so refuse device memory.
 */
static __always_inline u64 host_entry(u64 pfn, u64 flags, bool large)
{
	if (!(flags & _PAGE_PRESENT))
		return 0;
	if (!(flags & _PAGE_USER) ||
	    (flags & (large ? _PAGE_LARGE_CACHE_MASK : _PAGE_CACHE_MASK)))
		return HOST_REFUSED;
	if (large ? !large_page_usable(pfn, flags) :
	    (flags & _PAGE_SPECIAL) && !special_page_usable(pfn))
		return HOST_REFUSED;
	return pfn | HOST_PRESENT | (flags & _PAGE_RW ? HOST_WRITE : 0);
}

static u64 host_pte(const pte_t *ptep)
{
	pte_t pte = READ_ONCE(*ptep);

	return host_entry(pte_pfn(pte), pte_flags(pte), false);
}

static u64 page_within(u64 hva, unsigned int level)
{
	return (hva & (npt_span(level) - 1)) >> PAGE_SHIFT;
}

/*
 * Stores how @hva is mapped in @host. Returns the level of the mapping, or 0. At the last
 * level, also stores the address of the entry in @pte.
 */
static unsigned int walk(struct mm_struct *mm, u64 hva, u64 *host, pte_t **pte)
{
	pgd_t *pgdp = pgd_offset(mm, hva), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	*host = 0;
	if (!pgd_present(pgd))
		return 0;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (!p4d_present(p4d))
		return 0;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!pud_present(pud))
		return 0;
	if (pud_leaf(pud)) {
		*host = host_entry(pud_pfn(pud) + page_within(hva, NPT_1G), pud_flags(pud), true);
		return NPT_1G;
	}
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	if (!pmd_present(pmd))
		return 0;
	if (pmd_leaf(pmd)) {
		*host = host_entry(pmd_pfn(pmd) + page_within(hva, NPT_2M), pmd_flags(pmd), true);
		return NPT_2M;
	}
	*pte = pte_offset_kernel(&pmd, hva);
	*host = host_pte(*pte);
	return NPT_4K;
}

/*
 * Stores how each of @nr pages is mapped, as HOST_*. Returns the level of the mapping of
 * the last page, or 0. Interrupts are off, the pages are in a hva_watch, and @mm cannot
 * lose its last user.
 */
unsigned int host_walk(struct mm_struct *mm, u64 hva, unsigned int nr, u64 *host)
{
	unsigned int level = 0, i;
	pte_t *pte = NULL;

	for (i = 0; i < nr; i++, hva += PAGE_SIZE) {
		if (!i || !page_within(hva, NPT_2M))
			level = walk(mm, hva, &host[i], &pte);
		else if (level == NPT_4K)
			host[i] = host_pte(++pte);
		else
			host[i] = host[i - 1] + !!(host[i - 1] & HOST_PRESENT);
	}
	return level;
}
