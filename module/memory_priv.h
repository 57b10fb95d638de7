/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of guest memory share among themselves: memory.c has the
 * regions, memory_fault.c brings pages in, memory_access.c is for the module's
 * own reads and writes, memory_track.c notices writes.
 */
#ifndef SVMVCPU_MEMORY_PRIV_H
#define SVMVCPU_MEMORY_PRIV_H

#include <linux/mmu_notifier.h>
#include <linux/refcount.h>

#include "memory.h"

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
 * struct guest_backing - one range of user memory under an MMU notifier
 * @mn: the notifier, for [hva, hva + bytes)
 * @mem: the VM's memory
 * @gpa: guest-physical address of @hva
 * @hva: first user address
 * @refs: one per region that lies in it; a region split in two has two
 * @rcu: lookups take their reference under RCU
 *
 * A part of it may have been unmapped and reused since: zapping there once
 * too often costs a fault, nothing else.
 */
struct guest_backing {
	struct mmu_interval_notifier mn;
	struct guest_memory *mem;
	u64 gpa;
	u64 hva;
	refcount_t refs;
	struct rcu_head rcu;
};

bool guest_region_lookup(struct guest_memory *mem, u64 gpa, bool hold,
			 struct guest_region *region);
bool guest_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes);
unsigned int guest_table_find(const struct guest_table *table, u64 gpa);
int guest_table_unaliased(const struct guest_table *table);
bool guest_table_frozen(const struct guest_memory *mem, const struct guest_table *table,
			const struct svmvcpu_range *ranges, unsigned int nr);
struct guest_table *guest_table_current(struct guest_memory *mem);
void guest_backing_put(struct guest_backing *backing);
void guest_page_written(u64 pte);
void guest_leaf_changed(struct guest_memory *mem, u64 gpa, u64 pte, unsigned int level,
			bool gone);
void guest_leaf_gone(void *ctx, u64 gpa, u64 pte, unsigned int level);
void guest_memory_flush(struct guest_memory *mem);
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end);
void guest_memory_settle(struct guest_memory *mem);

/* memory_track.c */
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
