/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bookkeeping of written pages, shared by the dirty log and the snapshot.
 * write_track.c connects it to the memory of a VM.
 *
 * Tracked pages are mapped read-only until their first write, which faults and
 * creates a track_entry. After that the page is mapped writable, the entry is on
 * dirty_track.writable, and the leaf's dirty bit records further writes. A page
 * that stays clean for TRACK_IDLE_MAX passes is write-protected again; its entry
 * and the snapshot's copy of the page remain.
 *
 * The caller serializes all functions except track_enabled().
 */
#ifndef SVMVCPU_TRACK_H
#define SVMVCPU_TRACK_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "mm/npt.h"

/* A writable page is write-protected after this many passes that find it clean. */
#define TRACK_IDLE_MAX	16

/* Limit on logged ranges, one for each region; adjacent ranges are merged. */
#define TRACK_MAX_RANGES	4096

/* Result of track_test_and_clear_dirty() */
enum track_found {
	TRACK_CLEAN,
	TRACK_DIRTY,
	TRACK_PROTECTED,	/* clean for so long that the write bit was cleared */
};

struct track_entry {
	u64 gfn;
	u64 *slot;			/* writable leaf in the nested tables, or NULL */
	void *saved;			/* contents at the time of the snapshot, or NULL */
	struct list_head writable;	/* in dirty_track.writable */
	struct list_head undo;		/* in dirty_track.undo */
	struct list_head log;		/* in dirty_track.log */
	u8 idle;			/* consecutive passes that found the page clean */
	bool logged;			/* lies in a logged range */
	bool keep;			/* RESTORE always copies it: the VMM writes to it */
};

struct dirty_track {
	bool snapshot;			/* save pages before they are written */
	struct xarray entries;		/* struct track_entry, by gfn */
	struct list_head writable;	/* entries whose leaf is, or just was, writable */
	struct list_head undo;		/* known to differ from the snapshot */
	struct list_head log;		/* known to be dirty for the log */
	struct rb_root_cached ranges;	/* logged pages; disjoint, with gaps in between */
	unsigned int nr_ranges;
	u64 saved;			/* number of copies, */
	u64 max_saved;			/* and its limit */
};

void track_init(struct dirty_track *track);

struct track_entry *track_entry_alloc(u64 gfn);
void track_entry_free(struct track_entry *entry);

static inline struct track_entry *track_find(struct dirty_track *track, u64 gfn)
{
	return xa_load(&track->entries, gfn);
}

int track_add(struct dirty_track *track, struct track_entry *entry);
void track_remove(struct dirty_track *track, struct track_entry *entry);
void track_drop_saved(struct dirty_track *track, struct track_entry *entry);

bool track_covers(struct dirty_track *track, u64 start, u64 end);
int track_log_start(struct dirty_track *track, u64 start, u64 end,
		    struct interval_tree_node **spare);
int track_log_stop(struct dirty_track *track, u64 start, u64 end,
		   struct interval_tree_node **spare);

void track_set_writable(struct dirty_track *track, struct track_entry *entry, u64 *slot);
void track_leaf_changed(struct dirty_track *track, struct track_entry *entry, u64 pte,
			bool gone);
enum track_found track_test_idle(struct track_entry *entry, u64 pte);

/* Is anything tracked? A hint without the lock. */
static inline bool track_enabled(const struct dirty_track *track)
{
	return READ_ONCE(track->snapshot) || READ_ONCE(track->nr_ranges);
}

/* The page differs from the snapshot. */
static inline void track_dirty_undo(struct dirty_track *track, struct track_entry *entry)
{
	if (entry->saved && list_empty(&entry->undo))
		list_add_tail(&entry->undo, &track->undo);
}

/* The page is dirty for the log. */
static inline void track_dirty_log(struct dirty_track *track, struct track_entry *entry)
{
	if (unlikely(entry->logged) && list_empty(&entry->log))
		list_add_tail(&entry->log, &track->log);
}

static inline void track_dirty(struct dirty_track *track, struct track_entry *entry)
{
	track_dirty_undo(track, entry);
	track_dirty_log(track, entry);
}

/**
 * track_test_and_clear_dirty() - was a writable page written since the last call?
 * @entry: has a writable leaf; the call may write-protect it
 * @pte: out: value of the leaf
 *
 * TRACK_DIRTY is reported once, so the caller must record it.
 *
 * Until the TLB is flushed, CPUs may still have the leaf cached as dirty, and
 * then write without setting the bit again, or cached as writable.
 *
 * Return: &enum track_found. Flush the TLB unless it is TRACK_CLEAN.
 */
static inline enum track_found track_test_and_clear_dirty(struct track_entry *entry, u64 *pte)
{
	*pte = READ_ONCE(*entry->slot);
	if (unlikely(!(*pte & NPT_DIRTY)))
		return track_test_idle(entry, *pte);
	clear_bit(NPT_DIRTY_BIT, (unsigned long *)entry->slot);
	entry->idle = 0;
	return TRACK_DIRTY;
}

#endif /* SVMVCPU_TRACK_H */
