// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a tracked page goes through: the write fault that saves it and makes it
 * writable, zaps, and the module's own writes. The bookkeeping is track.c's;
 * dirty.c and snapshot.c start and stop it.
 *
 * guest_memory.lock protects the bookkeeping, mutex what is tracked. Entries are
 * made where sleeping is allowed, and never looked at without the lock, unless
 * the mutex is held: nobody else takes one away.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include <asm/asm.h>

#include "mm/memory.h"
#include "mm/priv.h"

/* What is protected under one hold of the lock */
#define PROTECT_CHUNK	SZ_32M
/* Entries taken out under one hold of the lock */
#define FORGET_BATCH	64

/**
 * guest_copy_page() - copy a page that may not be in the kernel's own map
 * @to: page
 * @from: page
 *
 * Memory of memfd_secret() is not. Not copy_page(), for that reason.
 *
 * Return: false when it is not.
 */
bool guest_copy_page(void *to, const void *from)
{
	unsigned long left = PAGE_SIZE / 8;

	asm volatile("1:	rep movsq\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+c" (left), "+D" (to), "+S" (from) : : "memory");
	return !left;
}

/* Is there something to make before the page can be written? */
static bool lacks(struct guest_memory *mem, u64 gfn, bool *entry, bool *page)
{
	struct guest_track *track = &mem->track;
	struct track_entry *known;

	*entry = false;
	*page = false;
	spin_lock(&mem->lock);
	if (track_covers(track, gfn)) {
		known = track_find(track, gfn);
		*entry = !known;
		*page = track->snapshot && !(known && known->saved);
	}
	spin_unlock(&mem->lock);
	return *entry || *page;
}

/**
 * guest_spare_fill() - make what a write to a page will need
 * @mem: a VM's memory
 * @gfn: the page
 * @spare: zeroed at first; for guest_spare_drop()
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int guest_spare_fill(struct guest_memory *mem, u64 gfn, struct guest_spare *spare)
{
	bool entry, page;
	int ret;

	if (!lacks(mem, gfn, &entry, &page))
		return 0;
	if (entry) {
		/* Again each time: another that gave up may have released it. */
		ret = xa_reserve(&mem->track.entries, gfn, GFP_KERNEL_ACCOUNT);
		if (ret)
			return ret;
		spare->reserved = true;
		if (!spare->entry)
			spare->entry = track_entry_alloc(gfn);
		if (!spare->entry)
			return -ENOMEM;
	}
	if (page && !spare->page) {
		spare->page = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!spare->page)
			return -ENOMEM;
	}
	return 0;
}

/* What was not used */
void guest_spare_drop(struct guest_memory *mem, u64 gfn, struct guest_spare *spare)
{
	if (spare->reserved)
		xa_release(&mem->track.entries, gfn);
	track_entry_free(spare->entry);
	free_page((unsigned long)spare->page);
}

/* Under the lock: the page's entry, a new one if need be; NULL: make one first */
static struct track_entry *entry_take(struct guest_memory *mem, u64 gfn,
				      struct guest_spare *spare)
{
	struct track_entry *entry = track_find(&mem->track, gfn);

	if (entry || !spare->entry)
		return entry;
	if (track_add(&mem->track, spare->entry))
		return NULL;
	entry = spare->entry;
	spare->entry = NULL;
	spare->reserved = false;
	return entry;
}

static int entry_save(struct guest_track *track, struct track_entry *entry,
		      struct guest_spare *spare)
{
	if (!spare->page)
		return -EAGAIN;
	if (track->saved >= track->max_saved)
		return -EDQUOT;
	if (spare->from && !guest_copy_page(spare->page, spare->from))
		return -EFAULT;
	entry->saved = spare->page;
	spare->page = NULL;
	track->saved++;
	return 0;
}

/* Makes sure that a page can be written: 0 or why not, as guest_track_window(). */
static int admit(struct guest_memory *mem, u64 gfn, struct guest_spare *spare)
{
	struct guest_track *track = &mem->track;
	struct track_entry *entry = entry_take(mem, gfn, spare);

	if (!entry)
		return -EAGAIN;
	return track->snapshot && !entry->saved ? entry_save(track, entry, spare) : 0;
}

/**
 * guest_track_window() - pages that are about to be mapped
 * @mem: a VM's memory, its lock held
 * @gpa: of the first
 * @leaf: their entries: those of tracked pages become read-only
 * @nr: how many
 * @written: but for this one; @nr for none
 * @spare: what guest_spare_fill() made for it
 *
 * Return: 0; -EAGAIN: something is missing in @spare; -EDQUOT when the snapshot
 * has as many pages as it may; -EFAULT when the kernel cannot read the page.
 */
int guest_track_window(struct guest_memory *mem, u64 gpa, u64 *leaf, unsigned int nr,
		       unsigned int written, struct guest_spare *spare)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		if (!npt_pte_writable(leaf[i]) || !track_covers(&mem->track, gfn + i))
			continue;
		if (i != written) {
			leaf[i] &= ~NPT_WRITE;
			continue;
		}
		spare->from = pfn_to_kaddr(npt_pte_pfn(leaf[i]));
		ret = admit(mem, gfn + i, spare);
		if (ret)
			return ret;
	}
	return 0;
}

/* Is any page of a range tracked? The lock is held. */
bool guest_track_overlaps(struct guest_memory *mem, u64 start, u64 end)
{
	return track_overlaps(&mem->track, start >> PAGE_SHIFT, end >> PAGE_SHIFT);
}

/**
 * guest_track_max_level() - how large a leaf may be
 * @mem: a VM's memory
 * @gpa: for which address
 *
 * It may have to be smaller by the time it is mapped.
 */
unsigned int guest_track_max_level(struct guest_memory *mem, u64 gpa)
{
	unsigned int level = mem->max_level;

	if (likely(!READ_ONCE(mem->track.on)))
		return level;
	spin_lock(&mem->lock);
	for (; level > NPT_4K; level--) {
		u64 start = round_down(gpa, npt_span(level));

		if (!guest_track_overlaps(mem, start, start + npt_span(level)))
			break;
	}
	spin_unlock(&mem->lock);
	return level;
}

/**
 * guest_track_mapped() - a page may have been mapped so that it can be written
 * @mem: a VM's memory, its lock held
 * @gpa: where; if it was, guest_track_window() let it pass
 */
void guest_track_mapped(struct guest_memory *mem, u64 gpa)
{
	struct guest_track *track = &mem->track;
	struct track_entry *entry = track_find(track, gpa >> PAGE_SHIFT);
	unsigned int level;
	u64 *slot;

	if (!entry)
		return;
	slot = npt_slot(&mem->npt, gpa, &level);
	if (slot && level == NPT_4K && npt_pte_writable(READ_ONCE(*slot)))
		track_heat(track, entry, slot);
}

/**
 * guest_track_leaf() - a leaf was zapped, or made read-only
 * @mem: a VM's memory, its lock held
 * @gpa: its first address
 * @pte: what it was
 * @level: and how large; larger ones are never tracked
 * @gone: zapped
 *
 * Return: true when the page may have been written though @pte does not say so:
 * a harvest has cleared the bit. Not for an entry that is cold: the page may be
 * one that nobody may write.
 */
bool guest_track_leaf(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
		      bool gone)
{
	struct track_entry *entry;
	bool hot;

	if (!mem->track.on || level != NPT_4K)
		return false;
	entry = track_find(&mem->track, gpa >> PAGE_SHIFT);
	if (!entry)
		return false;
	hot = entry->slot;
	track_leaf_changed(&mem->track, entry, pte, gone);
	return hot;
}

static struct page *leaf_page(u64 pte)
{
	unsigned long pfn = npt_pte_pfn(pte);
	struct page *page = pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;

	return page && !PageReserved(page) ? page : NULL;
}

/*
 * A page that goes to swap has no other way to know. Those of a file system with
 * dirty accounting are dirty, with its knowledge, before the VMM's own entry, and
 * so a leaf, can be written; the bit alone would hide the next write from it.
 */
static void mark_dirty(struct page *page)
{
	if (PageAnon(page) || folio_test_swapbacked(page_folio(page)))
		SetPageDirty(page);
}

/* The guest has written to the page of a leaf. */
void guest_page_written(u64 pte)
{
	struct page *page = leaf_page(pte);

	if (page)
		mark_dirty(page);
}

/* The Dirty and Accessed bits the guest left belong to the page. */
void guest_leaf_changed(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
			bool gone)
{
	struct page *page = leaf_page(pte);
	bool written = guest_track_leaf(mem, gpa, pte, level, gone) || (pte & NPT_DIRTY);

	mem->zap_gen += gone;
	if (!page)
		return;
	if (written)
		mark_dirty(page);
	if (pte & NPT_ACCESSED)
		mark_page_accessed(page);
}

/* An npt_leaf_fn; @ctx is the VM's memory */
void guest_leaf_gone(void *ctx, u64 gpa, u64 pte, unsigned int level)
{
	((struct guest_memory *)ctx)->stats.zapped++;
	guest_leaf_changed(ctx, gpa, pte, level, true);
}

static void leaf_protected(void *ctx, u64 gpa, u64 pte, unsigned int level)
{
	guest_leaf_changed(ctx, gpa, pte, level, level > NPT_4K);
}

/**
 * guest_track_protect() - from now on, writes fault
 * @mem: a VM's memory
 * @start: first address
 * @end: first address behind
 *
 * The caller flushes the TLB.
 *
 * Context: may sleep.
 */
void guest_track_protect(struct guest_memory *mem, u64 start, u64 end)
{
	u64 next;

	while (start < end) {
		spin_lock(&mem->lock);
		start = npt_next(&mem->npt, start, end);
		next = min(end, round_down(start, PROTECT_CHUNK) + PROTECT_CHUNK);
		npt_protect(&mem->npt, start, next, leaf_protected, mem);
		spin_unlock(&mem->lock);
		cond_resched();
		start = next;
	}
}

/**
 * guest_track_breathe() - let others have the lock in the middle of a walk
 * @mem: a VM's memory, its mutex and its lock held
 * @next: where in the list the walk goes on
 *
 * Nobody else walks, but entries come and go.
 *
 * Return: where it goes on.
 */
struct list_head *guest_track_breathe(struct guest_memory *mem, struct list_head *next)
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

/* Takes out of one entry what is asked for; puts it, or its copy, on a list. */
static void forget_one(struct guest_track *track, struct track_entry *entry, unsigned int what,
		       struct list_head *dead, struct list_head *copies)
{
	void *saved;

	if (what & GUEST_FORGET_LOG) {
		entry->logged = false;
		list_del_init(&entry->log);
	}
	if (what & GUEST_FORGET_SAVED) {
		saved = track_drop_saved(track, entry);
		if (saved)
			list_add(&virt_to_page(saved)->lru, copies);
	}
	if (!entry->saved && !entry->logged) {
		track_remove(track, entry);
		list_add(&entry->hot, dead);
	}
}

static void free_forgotten(struct list_head *dead, struct list_head *copies)
{
	struct track_entry *entry, *next;
	struct page *page, *next_page;

	list_for_each_entry_safe(entry, next, dead, hot)
		track_entry_free(entry);
	list_for_each_entry_safe(page, next_page, copies, lru)
		__free_page(page);
}

/**
 * guest_track_on_off() - is there anything to track?
 * @mem: a VM's memory, its mutex held
 *
 * On before the first entry can be made, off when the last is gone and no sooner:
 * who zaps a leaf must find its entry, which points to it.
 */
void guest_track_on_off(struct guest_memory *mem)
{
	struct guest_track *track = &mem->track;

	spin_lock(&mem->lock);
	WRITE_ONCE(track->on, track->snapshot || track->ranges);
	spin_unlock(&mem->lock);
}

/**
 * guest_track_forget() - what the log, the snapshot or both know of a range
 * @mem: a VM's memory, its mutex held
 * @start: first page
 * @end: first page behind
 * @what: GUEST_FORGET_*
 *
 * Context: may sleep.
 */
void guest_track_forget(struct guest_memory *mem, u64 start, u64 end, unsigned int what)
{
	struct guest_track *track = &mem->track;
	struct track_entry *entry;
	unsigned long gfn = start;
	unsigned int n;

	do {
		LIST_HEAD(copies);
		LIST_HEAD(dead);

		n = 0;
		spin_lock(&mem->lock);
		xa_for_each_range(&track->entries, gfn, entry, gfn, end - 1) {
			forget_one(track, entry, what, &dead, &copies);
			if (++n == FORGET_BATCH)
				break;
		}
		spin_unlock(&mem->lock);
		free_forgotten(&dead, &copies);
		cond_resched();
	} while (n == FORGET_BATCH);
}

static int save_user_page(struct guest_memory *mem, u64 gfn, const void __user *page,
			  struct guest_spare *spare)
{
	int ret;

	ret = guest_spare_fill(mem, gfn, spare);
	if (ret)
		return ret;
	if (spare->page && copy_from_user(spare->page, page, PAGE_SIZE))
		return -EFAULT;
	spin_lock(&mem->lock);
	ret = track_covers(&mem->track, gfn) ? admit(mem, gfn, spare) : 0;
	spin_unlock(&mem->lock);
	return ret;
}

/**
 * guest_track_save_page() - make a page ready to be written by others
 * @mem: a VM's memory
 * @gfn: the page
 * @page: the same in the VMM's memory
 *
 * Context: may sleep; current->mm is the VM's.
 * Return: 0, -ENOMEM, -EFAULT, -EDQUOT or -EINTR.
 */
int guest_track_save_page(struct guest_memory *mem, u64 gfn, const void __user *page)
{
	struct guest_spare spare = { };
	int ret;

	do {
		ret = save_user_page(mem, gfn, page, &spare);
		if (ret == -EAGAIN && fatal_signal_pending(current))
			ret = -EINTR;
	} while (ret == -EAGAIN);
	guest_spare_drop(mem, gfn, &spare);
	return ret;
}

/**
 * guest_track_save() - before the module writes for the guest
 * @mem: a VM's memory
 * @gpa: where, the write does not leave the page
 * @ptr: the same in the VMM's memory
 * @atomic: do not sleep
 *
 * Return: 0; -EAGAIN when @atomic and something has to be made first;
 * otherwise -ENOMEM, -EFAULT, -EDQUOT or -EINTR.
 */
int guest_track_save(struct guest_memory *mem, u64 gpa, const void __user *ptr, bool atomic)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	bool entry, copy;

	if (likely(!READ_ONCE(mem->track.on)) || !lacks(mem, gfn, &entry, &copy))
		return 0;
	if (atomic)
		return -EAGAIN;
	return guest_track_save_page(mem, gfn, ptr - offset_in_page(gpa));
}

/**
 * guest_track_wrote() - behind such a write
 * @mem: a VM's memory
 * @gpa: where
 *
 * Not before it: who collects the page in between would read it too early.
 */
void guest_track_wrote(struct guest_memory *mem, u64 gpa)
{
	struct track_entry *entry;

	if (likely(!READ_ONCE(mem->track.on)))
		return;
	spin_lock(&mem->lock);
	entry = track_find(&mem->track, gpa >> PAGE_SHIFT);
	if (entry)
		track_dirty(&mem->track, entry);
	spin_unlock(&mem->lock);
}
