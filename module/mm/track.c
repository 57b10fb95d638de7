// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bookkeeping of written pages: see track.h.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "mm/track.h"

/* @track is zeroed. */
void track_init(struct dirty_track *track)
{
	xa_init_flags(&track->entries, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&track->writable);
	INIT_LIST_HEAD(&track->undo);
	INIT_LIST_HEAD(&track->log);
	track->ranges = RB_ROOT_CACHED;
}

struct track_entry *track_entry_alloc(u64 gfn)
{
	struct track_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);

	if (!entry)
		return NULL;
	entry->gfn = gfn;
	INIT_LIST_HEAD(&entry->writable);
	INIT_LIST_HEAD(&entry->undo);
	INIT_LIST_HEAD(&entry->log);
	return entry;
}

/* Frees an entry that is in no dirty_track, and its copy of the page. */
void track_entry_free(struct track_entry *entry)
{
	if (!entry)
		return;
	free_page((unsigned long)entry->saved);
	kfree(entry);
}

static bool logs(struct dirty_track *track, u64 start, u64 end)
{
	return interval_tree_iter_first(&track->ranges, start, end - 1);
}

/*
 * Adds an entry for a page that has none. The caller has used xa_reserve().
 * Returns -EAGAIN if the reservation was released meanwhile.
 */
int track_add(struct dirty_track *track, struct track_entry *entry)
{
	if (xa_is_err(xa_store(&track->entries, entry->gfn, entry, GFP_NOWAIT)))
		return -EAGAIN;
	entry->logged = logs(track, entry->gfn, entry->gfn + 1);
	return 0;
}

/* Removes an entry. Its leaf stays mapped; the caller frees the entry. */
void track_remove(struct dirty_track *track, struct track_entry *entry)
{
	xa_erase(&track->entries, entry->gfn);
	list_del_init(&entry->writable);
	list_del_init(&entry->undo);
	list_del_init(&entry->log);
	if (entry->saved)
		track->saved--;
	/* The dirty bit was cleared for the log; the page must still reach PG_dirty. */
	if (entry->slot)
		set_bit(NPT_DIRTY_BIT, (unsigned long *)entry->slot);
}

/* Takes the page out of the snapshot, and frees its copy. */
void track_drop_saved(struct dirty_track *track, struct track_entry *entry)
{
	if (entry->saved)
		track->saved--;
	free_page((unsigned long)entry->saved);
	entry->saved = NULL;
	entry->keep = false;
	list_del_init(&entry->undo);
}

/* Must writes to any page of [start, end) be tracked? */
bool track_covers(struct dirty_track *track, u64 start, u64 end)
{
	return track->snapshot || logs(track, start, end);
}

static void insert_range(struct dirty_track *track, struct interval_tree_node *range)
{
	interval_tree_insert(range, &track->ranges);
	track->nr_ranges++;
}

static void remove_range(struct dirty_track *track, struct interval_tree_node *range)
{
	interval_tree_remove(range, &track->ranges);
	track->nr_ranges--;
}

/*
 * Adds the pages [start, end) to the log. Takes @spare, or leaves it on failure. Returns
 * -ENOSPC for too many ranges.
 */
int track_log_start(struct dirty_track *track, u64 start, u64 end,
		    struct interval_tree_node **spare)
{
	struct interval_tree_node *new = *spare, *range;

	new->start = start;
	new->last = end - 1;
	/* Merge overlapping and adjacent ranges. */
	while ((range = interval_tree_iter_first(&track->ranges, max(new->start, 1UL) - 1,
						 new->last + 1))) {
		new->start = min(new->start, range->start);
		new->last = max(new->last, range->last);
		remove_range(track, range);
		kfree(range);
	}
	if (track->nr_ranges == TRACK_MAX_RANGES)
		return -ENOSPC;
	insert_range(track, new);
	*spare = NULL;
	return 0;
}

/*
 * Removes the pages [start, end) from the log. Takes @spare, or leaves it if no range is
 * split. Returns -ENOSPC for too many ranges.
 */
int track_log_stop(struct dirty_track *track, u64 start, u64 end,
		   struct interval_tree_node **spare)
{
	struct interval_tree_node *range, *right;

	while ((range = interval_tree_iter_first(&track->ranges, start, end - 1))) {
		bool keep_left = range->start < start, keep_right = range->last >= end;

		if (keep_left && keep_right && track->nr_ranges == TRACK_MAX_RANGES)
			return -ENOSPC;
		remove_range(track, range);
		if (keep_right) {
			right = keep_left ? *spare : range;
			right->start = end;
			right->last = range->last;
			insert_range(track, right);
		}
		if (keep_left) {
			range->last = start - 1;
			insert_range(track, range);
		}
		if (keep_left && keep_right)
			*spare = NULL;
		else if (!keep_left && !keep_right)
			kfree(range);
	}
	return 0;
}

/* @slot, a leaf of 4 KiB, has become writable. A snapshot has its copy of the page by now. */
void track_set_writable(struct dirty_track *track, struct track_entry *entry, u64 *slot)
{
	entry->slot = slot;
	entry->idle = 0;
	if (list_empty(&entry->writable))
		list_add_tail(&entry->writable, &track->writable);
}

static void track_clear_writable(struct track_entry *entry)
{
	list_del_init(&entry->writable);
	entry->slot = NULL;
}

/* The leaf of the page was zapped (@gone) or write-protected. @pte is its old value. */
void track_leaf_changed(struct dirty_track *track, struct track_entry *entry, u64 pte,
			bool gone)
{
	if (pte & NPT_DIRTY)
		track_dirty(track, entry);
	/* A write-protected leaf can still get its dirty bit: see track_test_idle(). */
	if (gone)
		track_clear_writable(entry);
}

/*
 * A pass found the page clean. Write-protecting it takes two passes: the first
 * clears the write bit, and the next one, after a TLB flush, takes the entry off
 * the list. A CPU in the middle of a write may set the dirty bit of a leaf that
 * has just become read-only, so the leaf must be looked at once more.
 */
enum track_found track_test_idle(struct track_entry *entry, u64 pte)
{
	if (!(pte & NPT_WRITE)) {
		track_clear_writable(entry);
		return TRACK_CLEAN;
	}
	if (++entry->idle < TRACK_IDLE_MAX)
		return TRACK_CLEAN;
	entry->idle = 0;
	clear_bit(NPT_WRITE_BIT, (unsigned long *)entry->slot);
	return TRACK_PROTECTED;
}
