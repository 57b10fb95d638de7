// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connects track.c to the memory of a VM: write faults, which save a page and make it
 * writable, zaps, and the module's own writes. dirty.c and snapshot.c start and stop
 * tracking.
 *
 * guest_memory.lock protects the bookkeeping. guest_memory.mutex serializes changes of
 * what is tracked, and removal of entries. Entries are allocated before the lock is
 * taken.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "mm/memory.h"
#include "mm/priv.h"

/* Entries changed under one hold of the lock */
#define CHANGE_BATCH	64

/* Must a track_entry or a copy be allocated before the page is written? */
static bool needs_alloc(struct guest_memory *mem, u64 gfn, bool *entry, bool *page)
{
	struct dirty_track *track = &mem->track;
	struct track_entry *known;

	*entry = false;
	*page = false;
	spin_lock(&mem->lock);
	if (track_covers(track, gfn, gfn + 1)) {
		known = track_find(track, gfn);
		*entry = !known;
		*page = track->snapshot && !(known && known->saved);
	}
	spin_unlock(&mem->lock);
	return *entry || *page;
}

/* Allocates what a write to the page needs. @prealloc is zeroed at first. Sleeps. */
int track_prealloc_fill(struct guest_memory *mem, u64 gfn, struct track_prealloc *prealloc)
{
	bool entry, page;
	int ret;

	if (!needs_alloc(mem, gfn, &entry, &page))
		return 0;
	if (entry) {
		/* Always reserve: another fault on the page may have released the slot. */
		ret = xa_reserve(&mem->track.entries, gfn, GFP_KERNEL_ACCOUNT);
		if (ret)
			return ret;
		prealloc->reserved = true;
		if (!prealloc->entry)
			prealloc->entry = track_entry_alloc(gfn);
		if (!prealloc->entry)
			return -ENOMEM;
	}
	if (page && !prealloc->page) {
		prealloc->page = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!prealloc->page)
			return -ENOMEM;
	}
	return 0;
}

void track_prealloc_free(struct guest_memory *mem, u64 gfn, struct track_prealloc *prealloc)
{
	if (prealloc->reserved)
		xa_release(&mem->track.entries, gfn);
	track_entry_free(prealloc->entry);
	free_page((unsigned long)prealloc->page);
}

static int entry_save(struct dirty_track *track, struct track_entry *entry,
		      struct track_prealloc *prealloc)
{
	if (!prealloc->page)
		return -EAGAIN;
	if (track->saved >= track->max_saved)
		return -EDQUOT;
	if (prealloc->from && copy_quadwords(prealloc->page, prealloc->from, PAGE_SIZE))
		return -EFAULT;
	entry->saved = prealloc->page;
	prealloc->page = NULL;
	track->saved++;
	return 0;
}

/* Prepares a page for being written. Returns as track_prepare_leaves(). */
static int prepare_page(struct guest_memory *mem, u64 gfn, struct track_prealloc *prealloc)
{
	struct dirty_track *track = &mem->track;
	struct track_entry *entry = track_find(track, gfn);

	if (!entry) {
		entry = prealloc->entry;
		if (!entry || track_add(track, entry))
			return -EAGAIN;
		prealloc->entry = NULL;
		prealloc->reserved = false;
	}
	return track->snapshot && !entry->saved ? entry_save(track, entry, prealloc) : 0;
}

/*
 * Called before @nr leaves from @gpa on are installed: makes leaves of tracked pages
 * read-only, except for index @written, whose page is prepared for being written. The
 * caller holds guest_memory.lock.
 *
 * Returns -EAGAIN if something in @prealloc is missing, -EDQUOT if the snapshot is at
 * its size limit, or -EFAULT if the kernel cannot read the page.
 */
int track_prepare_leaves(struct guest_memory *mem, u64 gpa, u64 *leaf, unsigned int nr,
			 unsigned int written, struct track_prealloc *prealloc)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		if (!npt_pte_writable(leaf[i]) || !track_covers(&mem->track, gfn + i, gfn + i + 1))
			continue;
		if (i != written) {
			leaf[i] &= ~NPT_WRITE;
			continue;
		}
		prealloc->from = pfn_to_kaddr(npt_pte_pfn(leaf[i]));
		ret = prepare_page(mem, gfn + i, prealloc);
		if (ret)
			return ret;
	}
	return 0;
}

/* Are there tracked pages in [start, end)? A caller without the lock must check again. */
bool track_covers_range(struct guest_memory *mem, u64 start, u64 end)
{
	bool covers;

	if (likely(!track_enabled(&mem->track)))
		return false;
	spin_lock(&mem->lock);
	covers = track_covers(&mem->track, start >> PAGE_SHIFT, end >> PAGE_SHIFT);
	spin_unlock(&mem->lock);
	return covers;
}

/* Called under guest_memory.lock after the leaf of @gpa may have been installed writable. */
void track_leaf_mapped(struct guest_memory *mem, u64 gpa)
{
	struct dirty_track *track = &mem->track;
	struct track_entry *entry = track_find(track, gpa >> PAGE_SHIFT);
	unsigned int level;
	u64 *slot;

	if (!entry)
		return;
	slot = npt_slot(&mem->npt, gpa, &level);
	if (slot && level == NPT_4K && npt_pte_writable(READ_ONCE(*slot)))
		track_set_writable(track, entry, slot);
}

/*
 * A leaf was zapped (@gone) or write-protected. Returns true if the page may have been
 * written although @pte is clean, since track_test_and_clear_dirty() clears the bit.
 * That is so only if the entry has a writable leaf. Large leaves are never tracked.
 */
static bool track_leaf_lost(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
			    bool gone)
{
	struct track_entry *entry;
	bool writable;

	/* Not track_enabled(): DIRTY_LOG stops the log before it removes the entries. */
	if (xa_empty(&mem->track.entries) || level != NPT_4K)
		return false;
	entry = track_find(&mem->track, gpa >> PAGE_SHIFT);
	if (!entry)
		return false;
	writable = entry->slot;
	track_leaf_changed(&mem->track, entry, pte, gone);
	return writable;
}

static struct page *leaf_page(u64 pte)
{
	unsigned long pfn = npt_pte_pfn(pte);
	struct page *page = pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;

	return page && !PageReserved(page) ? page : NULL;
}

/*
 * Swap needs PG_dirty to know that the page was written. A file system with dirty
 * accounting marks its pages dirty before the VMM's page table entry, and so a nested
 * leaf, becomes writable. Setting PG_dirty directly would hide the next write from it.
 */
void leaf_mark_dirty(u64 pte)
{
	struct page *page = leaf_page(pte);

	if (page && (PageAnon(page) || folio_test_swapbacked(page_folio(page))))
		SetPageDirty(page);
}

/* Transfers the dirty and accessed bits of a zapped or write-protected leaf to the page. */
static void leaf_changed(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
			 bool gone)
{
	struct page *page = pte & NPT_ACCESSED ? leaf_page(pte) : NULL;

	mem->zap_gen += gone;
	if (track_leaf_lost(mem, gpa, pte, level, gone) || (pte & NPT_DIRTY))
		leaf_mark_dirty(pte);
	if (page)
		mark_page_accessed(page);
}

/* npt_leaf_fn; @ctx is struct guest_memory */
void leaf_zapped(void *ctx, u64 gpa, u64 pte, unsigned int level)
{
	((struct guest_memory *)ctx)->stats.zapped++;
	leaf_changed(ctx, gpa, pte, level, true);
}

static void leaf_protected(void *ctx, u64 gpa, u64 pte, unsigned int level)
{
	leaf_changed(ctx, gpa, pte, level, level > NPT_4K);
}

/**
 * track_protect() - write-protect a range, and zap large leaves in it
 * @mem: a VM's memory
 * @start: first address
 * @end: last address + 1
 *
 * Context: may sleep. The caller flushes the TLB.
 */
void track_protect(struct guest_memory *mem, u64 start, u64 end)
{
	do {
		spin_lock(&mem->lock);
		start = npt_protect(&mem->npt, start, end, leaf_protected, mem);
		spin_unlock(&mem->lock);
		cond_resched();
	} while (start < end);
}

/**
 * track_cond_resched_lock() - release the lock briefly during a walk of a track list
 * @mem: a VM's memory; the caller holds its mutex and its lock
 * @next: list node from which the walk is to continue
 *
 * Marks the position in the list, since entries may be added and removed meanwhile.
 * The mutex excludes a second walk, which could meet the marker.
 *
 * Return: node from which the walk continues.
 */
struct list_head *track_cond_resched_lock(struct guest_memory *mem, struct list_head *next)
{
	struct list_head mark;

	list_add_tail(&mark, next);
	spin_unlock(&mem->lock);
	cond_resched();
	spin_lock(&mem->lock);
	next = mark.next;
	list_del(&mark);
	return next;
}

static void change_entry(struct dirty_track *track, struct track_entry *entry, unsigned int what)
{
	if (what & TRACK_LOG)
		entry->logged = true;
	if (what & TRACK_FORGET_LOG) {
		entry->logged = false;
		list_del_init(&entry->log);
	}
	if (what & TRACK_FORGET_SAVED)
		track_drop_saved(track, entry);
	if (!entry->saved && !entry->logged) {
		track_remove(track, entry);
		track_entry_free(entry);
	}
}

/**
 * track_change_range() - update the entries of a range
 * @mem: a VM's memory; the caller holds its mutex
 * @start: first page
 * @end: last page + 1
 * @what: TRACK_FORGET_LOG or TRACK_FORGET_SAVED or both: remove the range from the log or the
 *	snapshot; TRACK_LOG: add existing entries to the log
 *
 * Context: may sleep.
 */
void track_change_range(struct guest_memory *mem, u64 start, u64 end, unsigned int what)
{
	struct dirty_track *track = &mem->track;
	struct track_entry *entry;
	unsigned long gfn = start;
	unsigned int n;

	do {
		n = 0;
		spin_lock(&mem->lock);
		xa_for_each_range(&track->entries, gfn, entry, gfn, end - 1) {
			change_entry(track, entry, what);
			if (++n == CHANGE_BATCH)
				break;
		}
		spin_unlock(&mem->lock);
		cond_resched();
	} while (n == CHANGE_BATCH);
}

static int save_user_page(struct guest_memory *mem, u64 gfn, const void __user *page,
			  struct track_prealloc *prealloc)
{
	int ret;

	ret = track_prealloc_fill(mem, gfn, prealloc);
	if (ret)
		return ret;
	if (prealloc->page && copy_from_user(prealloc->page, page, PAGE_SIZE))
		return -EFAULT;
	spin_lock(&mem->lock);
	ret = track_covers(&mem->track, gfn, gfn + 1) ? prepare_page(mem, gfn, prealloc) : 0;
	spin_unlock(&mem->lock);
	return ret;
}

/**
 * track_save_page() - prepare a page for a write by the VMM or the module
 * @mem: a VM's memory
 * @gfn: the page
 * @page: user address of the page
 *
 * Context: may sleep; current->mm is guest_memory.mm.
 * Return: 0, -ENOMEM, -EFAULT, -EDQUOT or -EINTR.
 */
int track_save_page(struct guest_memory *mem, u64 gfn, const void __user *page)
{
	struct track_prealloc prealloc = { };
	int ret;

	do {
		ret = save_user_page(mem, gfn, page, &prealloc);
		if (ret == -EAGAIN && fatal_signal_pending(current))
			ret = -EINTR;
	} while (ret == -EAGAIN);
	track_prealloc_free(mem, gfn, &prealloc);
	return ret;
}

/*
 * Called before the module writes within the page at @gpa, whose user address is @ptr.
 * Returns -EAGAIN if @atomic and something must be allocated, and otherwise as
 * track_save_page().
 */
int track_before_write(struct guest_memory *mem, u64 gpa, const void __user *ptr, bool atomic)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	bool entry, copy;

	if (likely(!track_enabled(&mem->track)) || !needs_alloc(mem, gfn, &entry, &copy))
		return 0;
	if (atomic)
		return -EAGAIN;
	return track_save_page(mem, gfn, ptr - offset_in_page(gpa));
}

/*
 * Called after the module wrote to the page at @gpa. If the page were marked before the
 * write, DIRTY_COLLECT could report it, and the VMM read it, too early.
 */
void track_after_write(struct guest_memory *mem, u64 gpa)
{
	struct track_entry *entry;

	if (likely(!track_enabled(&mem->track)))
		return;
	spin_lock(&mem->lock);
	entry = track_find(&mem->track, gpa >> PAGE_SHIFT);
	if (entry)
		track_dirty(&mem->track, entry);
	spin_unlock(&mem->lock);
}
