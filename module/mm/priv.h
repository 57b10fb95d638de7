/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of guest memory share among themselves: memory.c zaps and
 * flushes, region.c has the regions, notify.c handles MMU
 * notifications, look.c reads the VMM's page tables, mmap_lock.c takes
 * mmap_lock, fault.c maps pages, access.c has the module's own reads
 * and writes, write_track.c tracks writes.
 */
#ifndef SVMVCPU_MEMORY_PRIV_H
#define SVMVCPU_MEMORY_PRIV_H

#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "mm/memory.h"

/* What is zapped under one hold of the lock: some 8192 leaves at most, see piece_end() */
#define GUEST_ZAP_CHUNK	SZ_32M

/* How the VMM's page tables map one page of 4 KiB: its frame number, and */
#define HOST_PRESENT	BIT_ULL(63)
#define HOST_WRITE	BIT_ULL(62)
/* There is no struct page behind it that a notifier would guard */
#define HOST_REFUSED	BIT_ULL(61)
#define HOST_PFN	GENMASK_ULL(60, 0)

/* guest_track_forget() */
#define GUEST_FORGET_LOG	BIT(0)
#define GUEST_FORGET_SAVED	BIT(1)
#define GUEST_FORGET_ALL	(GUEST_FORGET_LOG | GUEST_FORGET_SAVED)

/**
 * struct guest_spare - what a tracked page needs before it can be written
 * @entry: for guest_track.entries, or NULL
 * @reserved: there is room for it there
 * @page: for the copy, or NULL
 * @from: what to copy, in the kernel's map; NULL: @page is a copy already
 */
struct guest_spare {
	struct track_entry *entry;
	bool reserved;
	void *page;
	const void *from;
};

/**
 * struct guest_lookup - a fault that is reading the VMM's page tables
 * @node: in guest_mm.lookups
 * @span: the user addresses it may look at
 * @hit: covers all of @span that was invalidated since, or is being invalidated.
 *	Only grows. Read without guest_mm.lock: what a notifier has not stored yet it
 *	has not zapped either
 */
struct guest_lookup {
	struct list_head node;
	struct span span;
	struct span hit;
};

/* region.c */
bool guest_region_lookup(struct guest_memory *mem, u64 gpa, struct guest_region *region);
bool guest_region_current(struct guest_memory *mem, const struct guest_region *region);
bool guest_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes);
int guest_regions_unaliased(struct guest_memory *mem);
void guest_regions_zap(struct guest_memory *mem);
void guest_regions_free(struct guest_memory *mem);

/* notify.c */
int guest_mm_join(struct guest_memory *mem);
void guest_mm_leave(struct guest_memory *mem);
bool guest_lookup_begin(struct guest_mm *user, struct guest_lookup *lookup, struct span need);
void guest_lookup_end(struct guest_mm *user, struct guest_lookup *lookup);
bool guest_invalidating(struct guest_mm *user, struct span span);

/* look.c */
unsigned int guest_look(struct mm_struct *mm, u64 hva, u64 *host);
void guest_look_pages(struct mm_struct *mm, u64 hva, unsigned int nr, u64 *host);

/* mmap_lock.c */
int guest_mmap_lock(struct guest_memory *mem, const struct guest_stop *stop);
int guest_mmap_lock_init(void);
void guest_mmap_lock_exit(void);
bool guest_stop_requested(const struct guest_stop *stop);

/* memory.c, write_track.c */
void guest_page_written(u64 pte);
void guest_leaf_changed(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
			bool gone);
void guest_leaf_gone(void *ctx, u64 gpa, u64 pte, unsigned int level);
void guest_memory_flush(struct guest_memory *mem);
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end);
void guest_memory_zap(struct guest_memory *mem, u64 start, u64 end);
void guest_memory_zap_tables(struct guest_memory *mem, u64 start, u64 end,
			     struct list_head *dead);
void guest_memory_settle(struct guest_memory *mem);

/* write_track.c */
bool guest_copy_page(void *to, const void *from);
int guest_spare_fill(struct guest_memory *mem, u64 gfn, struct guest_spare *spare);
void guest_spare_drop(struct guest_memory *mem, u64 gfn, struct guest_spare *spare);
int guest_track_window(struct guest_memory *mem, u64 gpa, u64 *leaf, unsigned int nr,
		       unsigned int written, struct guest_spare *spare);
bool guest_track_overlaps(struct guest_memory *mem, u64 start, u64 end);
unsigned int guest_track_max_level(struct guest_memory *mem, u64 gpa);
void guest_track_mapped(struct guest_memory *mem, u64 gpa);
bool guest_track_leaf(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
		      bool gone);
void guest_track_protect(struct guest_memory *mem, u64 start, u64 end);
void guest_track_on_off(struct guest_memory *mem);
void guest_track_forget(struct guest_memory *mem, u64 start, u64 end, unsigned int what);
int guest_track_save(struct guest_memory *mem, u64 gpa, const void __user *ptr, bool atomic);
struct list_head *guest_track_breathe(struct guest_memory *mem, struct list_head *next);
int guest_track_save_page(struct guest_memory *mem, u64 gfn, const void __user *page);
void guest_track_wrote(struct guest_memory *mem, u64 gpa);

#endif /* SVMVCPU_MEMORY_PRIV_H */
