// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of guest memory were written: see track.h.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mm/track.h"

/**
 * track_init() - nothing is tracked
 * @track: zeroed
 */
void track_init(struct guest_track *track)
{
	xa_init_flags(&track->entries, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&track->hot);
	INIT_LIST_HEAD(&track->undo);
	INIT_LIST_HEAD(&track->log);
}

struct track_entry *track_entry_alloc(u64 gfn)
{
	struct track_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);

	if (!entry)
		return NULL;
	entry->gfn = gfn;
	INIT_LIST_HEAD(&entry->hot);
	INIT_LIST_HEAD(&entry->undo);
	INIT_LIST_HEAD(&entry->log);
	return entry;
}

/* With the copy of the page, if there is one; not in any guest_track */
void track_entry_free(struct track_entry *entry)
{
	if (!entry)
		return;
	free_page((unsigned long)entry->saved);
	kfree(entry);
}

/**
 * track_add() - a new entry
 * @track: .
 * @entry: its gfn has none, and xa_reserve() was called for it
 *
 * Return: 0, or -EAGAIN when the reservation is gone.
 */
int track_add(struct guest_track *track, struct track_entry *entry)
{
	if (xa_is_err(xa_store(&track->entries, entry->gfn, entry, GFP_NOWAIT)))
		return -EAGAIN;
	entry->logged = track_logs(track, entry->gfn);
	return 0;
}

/**
 * track_remove() - take an entry out, for track_entry_free()
 * @track: .
 * @entry: nothing knows it any more; its leaf stays as it is
 */
void track_remove(struct guest_track *track, struct track_entry *entry)
{
	xa_erase(&track->entries, entry->gfn);
	list_del_init(&entry->hot);
	list_del_init(&entry->undo);
	list_del_init(&entry->log);
	if (entry->saved)
		track->saved--;
	/* The leaf has to tell alone again that its page is dirty. */
	if (entry->slot)
		set_bit(NPT_DIRTY_BIT, (unsigned long *)entry->slot);
}

/**
 * track_drop_saved() - an entry has no part in the snapshot any more
 * @track: .
 * @entry: .
 *
 * Return: the copy of the page, for the caller to free; may be NULL.
 */
void *track_drop_saved(struct guest_track *track, struct track_entry *entry)
{
	void *saved = entry->saved;

	entry->saved = NULL;
	entry->keep = false;
	list_del_init(&entry->undo);
	if (saved)
		track->saved--;
	return saved;
}

/* Index of the first range that ends behind @gfn */
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

/* Is the page logged? */
bool track_logs(const struct guest_track *track, u64 gfn)
{
	const struct track_ranges *ranges = track->ranges;
	unsigned int i;

	if (!ranges)
		return false;
	i = ranges_find(ranges, gfn);
	return i < ranges->nr && ranges->range[i].start <= gfn;
}

/* Must a write to the page be noticed? */
bool track_covers(const struct guest_track *track, u64 gfn)
{
	return track->snapshot || track_logs(track, gfn);
}

/* Is there such a page in [start, end)? */
bool track_overlaps(const struct guest_track *track, u64 start, u64 end)
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

/**
 * track_ranges_with() - one range more
 * @old: NULL for none
 * @add: not empty; may overlap what is there
 *
 * Return: new ranges for kfree(), -ENOMEM or -ENOSPC.
 */
struct track_ranges *track_ranges_with(const struct track_ranges *old, struct track_range add)
{
	unsigned int nr = old ? old->nr : 0, i;
	struct track_ranges *new = ranges_alloc(nr + 1);

	if (IS_ERR(new))
		return new;
	for (i = 0; i < nr && old->range[i].end < add.start; i++)
		new->range[new->nr++] = old->range[i];
	/* What touches or overlaps becomes a part of it. */
	for (; i < nr && old->range[i].start <= add.end; i++) {
		add.start = min(add.start, old->range[i].start);
		add.end = max(add.end, old->range[i].end);
	}
	new->range[new->nr++] = add;
	for (; i < nr; i++)
		new->range[new->nr++] = old->range[i];
	return ranges_check(new);
}

/**
 * track_ranges_without() - one range less
 * @old: NULL for none
 * @cut: need not be there
 *
 * Return: new ranges for kfree(), which may be none; -ENOMEM or -ENOSPC.
 */
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

/**
 * track_heat() - the leaf of a page has got its write bit
 * @track: .
 * @entry: with a copy of the page, if there is a snapshot
 * @slot: the leaf, of 4 KiB
 */
void track_heat(struct guest_track *track, struct track_entry *entry, u64 *slot)
{
	entry->slot = slot;
	entry->idle = 0;
	if (list_empty(&entry->hot))
		list_add_tail(&entry->hot, &track->hot);
}

static void cool(struct track_entry *entry)
{
	list_del_init(&entry->hot);
	entry->slot = NULL;
}

/**
 * track_leaf_changed() - a leaf was zapped or made read-only
 * @track: .
 * @entry: the page's
 * @pte: what it was
 * @gone: there is none any more
 */
void track_leaf_changed(struct guest_track *track, struct track_entry *entry, u64 pte,
			bool gone)
{
	if (pte & NPT_DIRTY)
		track_dirty(track, entry);
	/* One that is only read-only can still get its dirty bit: see track_rest(). */
	if (gone)
		cool(entry);
}

/**
 * track_rest() - a hot page was not written
 * @entry: hot
 * @pte: its leaf, with the dirty bit clear
 *
 * The write bit goes first, and only the next harvest, behind a flush of the
 * TLB, lets the entry go: a CPU in the middle of a write may set the dirty bit
 * of a leaf that has just become read-only.
 *
 * Return: TRACK_CLEAN or TRACK_RESTED.
 */
enum track_found track_rest(struct track_entry *entry, u64 pte)
{
	if (!(pte & NPT_WRITE)) {
		cool(entry);
		return TRACK_CLEAN;
	}
	if (++entry->idle < TRACK_IDLE_MAX)
		return TRACK_CLEAN;
	entry->idle = 0;
	clear_bit(NPT_WRITE_BIT, (unsigned long *)entry->slot);
	return TRACK_RESTED;
}
