/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interfaces between the files in mm/.
 */
#ifndef SVMVCPU_MEMORY_PRIV_H
#define SVMVCPU_MEMORY_PRIV_H

#include <linux/bits.h>
#include <linux/interval_tree.h>
#include <linux/minmax.h>
#include <linux/sizes.h>

#include <asm/asm.h>

#include "mm/memory.h"

/* How the VMM's page tables map a page: its frame number and these flags */
#define HOST_PRESENT	BIT_ULL(63)
#define HOST_WRITE	BIT_ULL(62)
/* Guest memory cannot use the page: no notifier would report its removal. */
#define HOST_REFUSED	BIT_ULL(61)
#define HOST_PFN	GENMASK_ULL(60, 0)

/* track_change_range() */
#define TRACK_FORGET_LOG	BIT(0)
#define TRACK_FORGET_SAVED	BIT(1)
#define TRACK_FORGET_ALL	(TRACK_FORGET_LOG | TRACK_FORGET_SAVED)
#define TRACK_LOG		BIT(2)

/* In the two region trees of guest memory */
struct region_node {
	struct mem_region region;		/* constant; a node is replaced to cut it */
	struct interval_tree_node by_gpa;	/* in guest_memory.regions */
	struct interval_tree_node by_hva;	/* in guest_memory.by_hva */
	struct list_head edit;			/* nodes that MAP or UNMAP adds or removes */
	bool leaving;				/* MAP or UNMAP removes it */
	struct rcu_head rcu;
};

static inline struct region_node *node_of_hva(const struct interval_tree_node *node)
{
	return container_of(node, struct region_node, by_hva);
}

/* Allocated before a tracked page is made writable, since that happens under the lock */
struct track_prealloc {
	struct track_entry *entry;	/* or NULL */
	bool reserved;			/* dirty_track.entries has room for @entry */
	void *page;			/* for the snapshot's copy, or NULL */
	const void *from;		/* kernel address to copy; NULL: @page is filled */
};

/*
 * User addresses whose page tables a fault is reading. The fault reads @invalidated under
 * guest_memory.lock without vmm_mm.lock: a notifier stores it before it takes
 * guest_memory.lock to zap.
 */
struct hva_watch {
	struct list_head node;		/* in vmm_mm.watches */
	struct span span;		/* the addresses */
	struct span invalidated;	/* covers the invalidated parts of @span; only grows */
};

/*
 * Copies quadwords to or from user memory, or pages that may not be in the direct map, such
 * as memory of memfd_secret(). Returns the number of quadwords left after a fault, or 0.
 */
static __always_inline unsigned long copy_quadwords(void *to, const void *from,
						    unsigned int bytes)
{
	unsigned long left = bytes / sizeof(u64);

	asm volatile("1: rep movsq\n"
		     "2:\n"
		     _ASM_EXTABLE_UA(1b, 2b)
		     : "+c" (left), "+D" (to), "+S" (from) : : "memory");
	return left;
}

static inline bool span_empty(struct span span)
{
	return span.start >= span.end;
}

static inline bool span_overlaps(struct span a, struct span b)
{
	return max(a.start, b.start) < min(a.end, b.end);
}

/* region.c */
bool region_lookup(struct guest_memory *mem, u64 gpa, struct mem_region *region);
bool region_is_current(struct guest_memory *mem, const struct mem_region *region);
bool gpa_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes);
int regions_unaliased(struct guest_memory *mem);
void regions_zap(struct guest_memory *mem);
void regions_free(struct guest_memory *mem);

/* notify.c */
int vmm_mm_join(struct guest_memory *mem);
void vmm_mm_leave(struct guest_memory *mem);

/* watch.c */
void invalidate_begin(struct vmm_mm *vmm, struct span span);
void invalidate_end(struct vmm_mm *vmm, struct span span);
bool hva_watch_begin(struct vmm_mm *vmm, struct hva_watch *watch, struct span need);
void hva_watch_end(struct vmm_mm *vmm, struct hva_watch *watch);

/* host_walk.c */
unsigned int host_walk(struct mm_struct *mm, u64 hva, unsigned int nr, u64 *host);

/* mmap_lock.c */
int fault_mmap_lock(struct guest_memory *mem, const struct fault_stop *stop);
int fault_mmap_lock_init(void);
void fault_mmap_lock_exit(void);
bool fault_stop_requested(const struct fault_stop *stop);

/* memory.c */
void guest_memory_flush(struct guest_memory *mem);
void guest_memory_flush_zapped(struct guest_memory *mem);
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end);
void guest_memory_zap(struct guest_memory *mem, u64 start, u64 end, struct list_head *dead);

/* access.c */
void guest_memory_flush_and_wait(struct guest_memory *mem);

/* write_track.c */
void leaf_mark_dirty(u64 pte);
void leaf_zapped(void *ctx, u64 gpa, u64 pte, unsigned int level);
int track_prealloc_fill(struct guest_memory *mem, u64 gfn, struct track_prealloc *prealloc);
void track_prealloc_free(struct guest_memory *mem, u64 gfn, struct track_prealloc *prealloc);
int track_prepare_leaves(struct guest_memory *mem, u64 gpa, u64 *leaf, unsigned int nr,
			 unsigned int written, struct track_prealloc *prealloc);
bool track_covers_range(struct guest_memory *mem, u64 start, u64 end);
void track_leaf_mapped(struct guest_memory *mem, u64 gpa);
void track_protect(struct guest_memory *mem, u64 start, u64 end);
void track_change_range(struct guest_memory *mem, u64 start, u64 end, unsigned int what);
int track_before_write(struct guest_memory *mem, u64 gpa, const void __user *ptr, bool atomic);
struct list_head *track_cond_resched_lock(struct guest_memory *mem, struct list_head *next);
int track_save_page(struct guest_memory *mem, u64 gfn, const void __user *page);
void track_after_write(struct guest_memory *mem, u64 gpa);

#endif /* SVMVCPU_MEMORY_PRIV_H */
