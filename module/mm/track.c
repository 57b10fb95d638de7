// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bookkeeping of written pages: see track.h.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mm/track.h"

/* @track is zeroed. */
void track_init(struct dirty_track *track)
{
	xa_init_flags(&track->entries, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&track->writable);
	INIT_LIST_HEAD(&track->undo);
	INIT_LIST_HEAD(&track->log);
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

/*
 * Adds an entry for a page that has none. The caller has used xa_reserve().
 * Returns -EAGAIN if the reservation was released meanwhile.
 */
int track_add(struct dirty_track *track, struct track_entry *entry)
{
	if (xa_is_err(xa_store(&track->entries, entry->gfn, entry, GFP_NOWAIT)))
		return -EAGAIN;
	entry->logged = track_logs(track, entry->gfn);
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

/* Takes the page out of the snapshot. Returns its copy, which the caller frees, or NULL. */
void *track_drop_saved(struct dirty_track *track, struct track_entry *entry)
{
	void *saved = entry->saved;

	entry->saved = NULL;
	entry->keep = false;
	list_del_init(&entry->undo);
	if (saved)
		track->saved--;
	return saved;
}

/* Index of the first range that ends after @gfn */
static unsigned int ranges_find(const struct track_ranges *ranges, u64 gfn)
{
	unsigned int low = 0, high = ranges->nr;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (ranges->range[mid].end > gfn)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

bool track_logs(const struct dirty_track *track, u64 gfn)
{
	const struct track_ranges *ranges = track->ranges;
	unsigned int i;

	if (!ranges)
		return false;
	i = ranges_find(ranges, gfn);
	return i < ranges->nr && ranges->range[i].start <= gfn;
}

/* Must writes to the page be tracked? */
bool track_covers(const struct dirty_track *track, u64 gfn)
{
	return track->snapshot || track_logs(track, gfn);
}

/* Is any page of [start, end) tracked? */
bool track_overlaps(const struct dirty_track *track, u64 start, u64 end)
{
	const struct track_ranges *ranges = track->ranges;
	unsigned int i;

	if (track->snapshot || !ranges)
		return track->snapshot;
	i = ranges_find(ranges, start);
	return i < ranges->nr && ranges->range[i].start < end;
}

static struct track_ranges *ranges_alloc(unsigned int nr)
{
	struct track_ranges *ranges;

	ranges = kzalloc(struct_size(ranges, range, nr), GFP_KERNEL_ACCOUNT);
	return ranges ? ranges : ERR_PTR(-ENOMEM);
}

static struct track_ranges *ranges_check(struct track_ranges *ranges)
{
	if (ranges->nr <= TRACK_MAX_RANGES)
		return ranges;
	kfree(ranges);
	return ERR_PTR(-ENOSPC);
}

/*
 * Returns a copy of @old with @add, or an error pointer: -ENOMEM, or -ENOSPC for too
 * many ranges. @old may be NULL; @add is not empty and may overlap @old.
 */
struct track_ranges *track_ranges_with(const struct track_ranges *old, struct track_range add)
{
	unsigned int nr = old ? old->nr : 0, i;
	struct track_ranges *new = ranges_alloc(nr + 1);

	if (IS_ERR(new))
		return new;
	for (i = 0; i < nr && old->range[i].end < add.start; i++)
		new->range[new->nr++] = old->range[i];
	/* Merge overlapping and adjacent ranges. */
	for (; i < nr && old->range[i].start <= add.end; i++) {
		add.start = min(add.start, old->range[i].start);
		add.end = max(add.end, old->range[i].end);
	}
	new->range[new->nr++] = add;
	for (; i < nr; i++)
		new->range[new->nr++] = old->range[i];
	return ranges_check(new);
}

/* Returns a copy of @old without @cut, which may be empty. Errors as above. */
struct track_ranges *track_ranges_without(const struct track_ranges *old,
					  struct track_range cut)
{
	unsigned int nr = old ? old->nr : 0, i;
	struct track_ranges *new = ranges_alloc(nr + 1);

	if (IS_ERR(new))
		return new;
	for (i = 0; i < nr; i++) {
		struct track_range range = old->range[i];

		if (range.start < min(range.end, cut.start))
			new->range[new->nr++] = (struct track_range) {
				range.start, min(range.end, cut.start),
			};
		if (max(range.start, cut.end) < range.end)
			new->range[new->nr++] = (struct track_range) {
				max(range.start, cut.end), range.end,
			};
	}
	return ranges_check(new);
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
