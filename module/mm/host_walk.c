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

static u64 host_frame(u64 pfn, u64 flags)
{
	return pfn | HOST_PRESENT | (flags & _PAGE_RW ? HOST_WRITE : 0);
}

/*
 * No notifier protects the page of a special entry, except for the zero page and, on
 * kernels before 6.17, pages of persistent memory.
 */
static bool special_page_usable(u64 pfn)
{
	return is_zero_pfn(pfn) || (pfn_valid(pfn) && is_zone_device_page(pfn_to_page(pfn)));
}

/*
 * PROT_NONE, NUMA hint, swap and migration entries lack _PAGE_PRESENT. MAP accepts only
 * user addresses; checking _PAGE_USER makes sure that the guest gets no kernel memory.
 */
static u64 host_pte(pte_t pte)
{
	u64 pfn = pte_pfn(pte), flags = pte_flags(pte);

	if (!(flags & _PAGE_PRESENT))
		return 0;
	/* Nested leaves are write-back, so refuse device memory. */
	if (!(flags & _PAGE_USER) || (flags & _PAGE_CACHE_MASK) ||
	    ((flags & _PAGE_SPECIAL) && !special_page_usable(pfn)))
		return HOST_REFUSED;
	return host_frame(pfn, flags);
}

/*
 * A leaf of 2 MiB or 1 GiB. Before 6.12, large entries are never marked special, so
 * check the page as well.
 */
static u64 host_large(u64 pfn, u64 flags)
{
	struct page *page;

	if (!(flags & _PAGE_PRESENT))
		return 0;
	if (!(flags & _PAGE_USER) || (flags & (_PAGE_LARGE_CACHE_MASK | _PAGE_SPECIAL)) ||
	    !pfn_valid(pfn))
		return HOST_REFUSED;
	page = pfn_to_page(pfn);
	if (PageReserved(page) && !is_zone_device_page(page))
		return HOST_REFUSED;
	return host_frame(pfn, flags);
}

static u64 page_within(u64 hva, unsigned int level)
{
	return (hva & (npt_span(level) - 1)) >> PAGE_SHIFT;
}

/*
 * Returns the level of the entry for @hva, or 0 if there is none. A large leaf is
 * stored in @host; at the last level, the PMD is stored in @table instead.
 */
static unsigned int walk(struct mm_struct *mm, u64 hva, u64 *host, pmd_t *table)
{
	pgd_t *pgdp = pgd_offset(mm, hva), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

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
		*host = host_large(pud_pfn(pud) + page_within(hva, NPT_1G), pud_flags(pud));
		return NPT_1G;
	}
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	if (!pmd_present(pmd))
		return 0;
	if (pmd_leaf(pmd)) {
		*host = host_large(pmd_pfn(pmd) + page_within(hva, NPT_2M), pmd_flags(pmd));
		return NPT_2M;
	}
	*table = pmd;
	return NPT_4K;
}

/*
 * Stores how one page is mapped, as HOST_*, in @host. Returns the level of the mapping,
 * or 0. Interrupts are off, @hva is in a hva_watch, and @mm cannot lose its last user.
 */
unsigned int host_walk_page(struct mm_struct *mm, u64 hva, u64 *host)
{
	unsigned int level;
	pmd_t table;

	*host = 0;
	level = walk(mm, hva, host, &table);
	if (level == NPT_4K)
		*host = host_pte(READ_ONCE(*pte_offset_kernel(&table, hva)));
	return level;
}

/* Stops at the end of a table; returns the number of pages read. */
static unsigned int walk_table(struct mm_struct *mm, u64 hva, unsigned int nr, u64 *host)
{
	unsigned int level, i;
	pmd_t table;
	pte_t *pte;

	nr = min_t(u64, nr, (npt_span(NPT_2M) >> PAGE_SHIFT) - page_within(hva, NPT_2M));
	host[0] = 0;
	level = walk(mm, hva, host, &table);
	if (level == NPT_4K) {
		pte = pte_offset_kernel(&table, hva);
		for (i = 0; i < nr; i++)
			host[i] = host_pte(READ_ONCE(pte[i]));
	} else {
		for (i = 1; i < nr; i++)
			host[i] = host[0] & HOST_PRESENT ? host[0] + i : host[0];
	}
	return nr;
}

/* Stores how each of @nr pages is mapped. See host_walk_page() for the context. */
void host_walk_pages(struct mm_struct *mm, u64 hva, unsigned int nr, u64 *host)
{
	unsigned int part;

	for (; nr; nr -= part, host += part, hva += (u64)part << PAGE_SHIFT)
		part = walk_table(mm, hva, nr, host);
}
