/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages of guest memory were written, for the dirty log and the
 * snapshot at once. Bookkeeping only: write_track.c ties it to a VM's memory.
 *
 * A page of a tracked range that can be written has an entry, and the entry is
 * hot: its leaf has the write bit, and the leaf's dirty bit says whether the
 * page was written since somebody last looked. All others are mapped read-only,
 * and the first write faults. What is found clean often enough becomes
 * read-only again, but its entry stays, with the copy of the page in it.
 *
 * All of it needs the caller's lock, but for looking at guest_track.on.
 */
#ifndef SVMVCPU_TRACK_H
#define SVMVCPU_TRACK_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "mm/npt.h"

/* A hot page that nobody wrote for so many harvests in a row cools down. */
#define TRACK_IDLE_MAX	16

/* Ranges that are logged, at most; neighbors count as one */
#define TRACK_MAX_RANGES	256

/* What a harvest finds */
enum track_found {
	TRACK_CLEAN,
	TRACK_DIRTY,
	TRACK_RESTED,	/* clean so often that it became read-only */
};

/**
 * struct track_entry - a page that was written, or is to be put back anyway
 * @gfn: which
 * @slot: the leaf while hot, otherwise NULL
 * @saved: the page as it was at the snapshot, or NULL
 * @hot: in guest_track.hot
 * @undo: in guest_track.undo
 * @log: in guest_track.log
 * @idle: harvests in a row that found it clean
 * @logged: in a range that is logged
 * @keep: the VMM writes it: RESTORE puts it back each time
 */
struct track_entry {
	u64 gfn;
	u64 *slot;
	void *saved;
	struct list_head hot;
	struct list_head undo;
	struct list_head log;
	u8 idle;
	bool logged;
	bool keep;
};

/* Pages [start, end), by number */
struct track_range {
	u64 start;
	u64 end;
};

/* Sorted, with gaps between them; replaced, not changed */
struct track_ranges {
	unsigned int nr;
	struct track_range range[];
};

/**
 * struct guest_track - what is known of written pages
 * @on: there is a snapshot or a log: the hint that is read without the lock
 * @snapshot: pages are saved before they are written
 * @entries: struct track_entry by gfn
 * @hot: entries whose leaf can be written, or could a moment ago
 * @undo: entries that differ from the snapshot, whatever their leaf says
 * @log: entries that are dirty for the log, whatever their leaf says
 * @ranges: what is logged, NULL for nothing
 * @saved: pages saved
 * @max_saved: and how many may be
 */
struct guest_track {
	bool on;
	bool snapshot;
	struct xarray entries;
	struct list_head hot;
	struct list_head undo;
	struct list_head log;
	struct track_ranges *ranges;
	u64 saved;
	u64 max_saved;
};

void track_init(struct guest_track *track);

struct track_entry *track_entry_alloc(u64 gfn);
void track_entry_free(struct track_entry *entry);

static inline struct track_entry *track_find(struct guest_track *track, u64 gfn)
{
	return xa_load(&track->entries, gfn);
}

int track_add(struct guest_track *track, struct track_entry *entry);
void track_remove(struct guest_track *track, struct track_entry *entry);
void *track_drop_saved(struct guest_track *track, struct track_entry *entry);

bool track_logs(const struct guest_track *track, u64 gfn);
bool track_covers(const struct guest_track *track, u64 gfn);
bool track_overlaps(const struct guest_track *track, u64 start, u64 end);
struct track_ranges *track_ranges_with(const struct track_ranges *old, struct track_range add);
struct track_ranges *track_ranges_without(const struct track_ranges *old,
					  struct track_range cut);

void track_heat(struct guest_track *track, struct track_entry *entry, u64 *slot);
void track_leaf_changed(struct guest_track *track, struct track_entry *entry, u64 pte,
			bool gone);
enum track_found track_rest(struct track_entry *entry, u64 pte);

/* The page differs from the snapshot. */
static inline void track_dirty_undo(struct guest_track *track, struct track_entry *entry)
{
	if (entry->saved && list_empty(&entry->undo))
		list_add_tail(&entry->undo, &track->undo);
}

/* The page is dirty for the log. */
static inline void track_dirty_log(struct guest_track *track, struct track_entry *entry)
{
	if (unlikely(entry->logged) && list_empty(&entry->log))
		list_add_tail(&entry->log, &track->log);
}

/**
 * track_dirty() - a page was written: both consumers are told
 * @track: .
 * @entry: .
 */
static inline void track_dirty(struct guest_track *track, struct track_entry *entry)
{
	track_dirty_undo(track, entry);
	track_dirty_log(track, entry);
}

/**
 * track_harvest() - was a hot page written since the last harvest?
 * @entry: hot; it may not be any more afterwards
 * @pte: out: its leaf
 *
 * Says so once: the caller takes note. CPUs may have the leaf cached as dirty,
 * and so write without a trace, or as writable, until the TLB is flushed.
 *
 * Return: &enum track_found; the TLB must be flushed if not TRACK_CLEAN.
 */
static inline enum track_found track_harvest(struct track_entry *entry, u64 *pte)
{
	*pte = READ_ONCE(*entry->slot);
	if (unlikely(!(*pte & NPT_DIRTY)))
		return track_rest(entry, *pte);
	clear_bit(NPT_DIRTY_BIT, (unsigned long *)entry->slot);
	entry->idle = 0;
	return TRACK_DIRTY;
}

#endif /* SVMVCPU_TRACK_H */
