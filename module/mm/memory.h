/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory: regions, which map guest-physical to user addresses of the
 * VMM, and the nested page tables built from them.
 */
#ifndef SVMVCPU_MEMORY_H
#define SVMVCPU_MEMORY_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcuwait.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "mm/npt.h"
#include "mm/track.h"

#define GUEST_MAX_REGIONS	4096
#define GUEST_MAX_BATCH		512

struct mem_region {
	u64 gpa;
	u64 end;	/* last byte + 1 */
	u64 hva;	/* user address of @gpa */
	u32 prot;	/* SVMVCPU_MEM_* */
	u32 epoch;	/* guest_memory.map_epoch when it was mapped */
};

static inline u64 region_hva(const struct mem_region *region, u64 gpa)
{
	return region->hva + (gpa - region->gpa);
}

static inline void __user *region_user_ptr(const struct mem_region *region, u64 gpa)
{
	return (void __user *)(unsigned long)region_hva(region, gpa);
}

/* For SVMVCPU_GET_STATS */
struct memory_stats {
	u64 faults;		/* nested page faults that mapped something */
	u64 mapped[NPT_1G + 1];	/* leaves installed, by level */
	u64 zapped;		/* leaves removed */
};

/* Addresses [start, end); empty unless @start is below @end */
struct span {
	u64 start;
	u64 end;
};

/* Ranges that a set stores exactly; more are rarely invalidated at a time. */
#define SPAN_SET_MAX	64

struct span_set {
	unsigned int nr;		/* used entries of @span */
	unsigned int more;		/* ranges added while @span was full */
	struct span cover;		/* contains all of these */
	struct span span[SPAN_SET_MAX];
};

/**
 * struct vmm_mm - the address space of a VMM, shared by all its VMs
 * @mn: holds a reference on the mm
 * @lock: protects everything below. The notifier takes it, also under page table
 *	locks: do not sleep, allocate, or take another lock of guest memory under it
 * @vms: struct guest_memory
 * @invalidating: user addresses that are being invalidated
 * @watches: struct hva_watch of the faults that are reading the page tables
 * @invalidate_wait: woken when an invalidation ends, and when a notifier no longer
 *	uses a VM
 */
struct vmm_mm {
	struct mmu_notifier mn;
	spinlock_t lock;	/* vms, invalidating, watches */
	struct list_head vms;
	struct span_set invalidating;
	struct list_head watches;
	wait_queue_head_t invalidate_wait;
};

/**
 * struct guest_memory - the memory of one VM
 * @vmm: the address space that backs it; a reference
 * @in_mm: in vmm_mm.vms
 * @notifying: number of notifiers that use this VM, under vmm_mm.lock
 * @leaving: no further notifier may use this VM, under vmm_mm.lock
 * @mm: the regions hold user addresses of this mm
 * @gpa_bits: width of a guest-physical address
 * @max_level: largest leaf that the host's CPUs support
 * @mutex: serializes MAP, UNMAP, and users of @track that sleep; taken before @lock
 * @regions: by guest-physical address, without overlaps. Changed under @mutex and
 *	@lock, looked up under RCU
 * @by_hva: the same regions by user address, for notifiers; they may overlap. A
 *	region that is being unmapped stays here until its leaves are zapped. Changed
 *	under @mutex and @lock
 * @regions_seq: written when @regions changes
 * @nr_regions: number of @regions, under @mutex
 * @accesses: two counters of the module's own accesses that may sleep, so that UNMAP
 *	can wait for old ones while new ones begin. Accesses that cannot sleep are not
 *	counted: they run with interrupts off on a CPU in @cpus, and the IPI of a flush
 *	waits for them
 * @access_phase: index of the counter for new accesses; changed under @mutex
 * @accesses_done: woken when one of @accesses becomes 0
 * @lock: protects @npt, @track, the generations and @stats. MMU notifiers take it,
 *	also under page table locks: do not sleep or allocate under it
 * @npt: the nested page tables
 * @stats: counters for SVMVCPU_GET_STATS
 * @track: which pages were written
 * @dirty_list: SVMVCPU_DIRTY_LIST_BYTES that user space maps, or NULL
 * @map_epoch: number of snapshots taken; a region with an older epoch is a part of
 *	the last snapshot
 * @zap_gen: number of leaves zapped
 * @flushed_gen: value of @zap_gen up to which no CPU has a zapped leaf cached
 * @tlb_gen: number of flushes. A vCPU that last entered with an older value
 *	flushes first
 * @cpus: CPUs on which a vCPU of this VM is loaded
 */
struct guest_memory {
	struct vmm_mm *vmm;
	struct list_head in_mm;
	unsigned int notifying;
	bool leaving;
	struct mm_struct *mm;
	unsigned int gpa_bits;
	unsigned int max_level;
	struct mutex mutex;	/* regions, track */
	struct rb_root_cached regions;
	struct rb_root_cached by_hva;
	seqcount_spinlock_t regions_seq;
	unsigned int nr_regions;
	atomic_t accesses[2];
	unsigned int access_phase;
	wait_queue_head_t accesses_done;
	spinlock_t lock;	/* npt, track, generations, stats */
	struct npt npt;
	struct memory_stats stats;
	struct dirty_track track;
	u32 map_epoch;
	u64 *dirty_list;
	u64 zap_gen;
	u64 flushed_gen;
	atomic64_t tlb_gen;
	cpumask_var_t cpus;
};

/* Ends the wait of a fault, as a signal does */
struct fault_stop {
	const unsigned long *requests;	/* stop when it is not 0 */
	struct rcuwait *wait;		/* woken after @requests was set */
};

int guest_memory_init(struct guest_memory *mem, unsigned int levels, unsigned int gpa_bits);
void guest_memory_destroy(struct guest_memory *mem);
int vmm_mm_init(void);
void vmm_mm_exit(void);

int guest_memory_map(struct guest_memory *mem, const struct svmvcpu_region *regions,
		     unsigned int nr, bool replace);
int guest_memory_unmap(struct guest_memory *mem, const struct svmvcpu_range *ranges,
		       unsigned int nr);

int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const struct fault_stop *stop);

int guest_memory_prefault(struct guest_memory *mem, u64 gpa, u64 bytes, u32 access,
			  u64 *done);
void guest_memory_stats(struct guest_memory *mem, struct svmvcpu_stats *stats);

unsigned int guest_memory_access_begin(struct guest_memory *mem);
void guest_memory_access_end(struct guest_memory *mem, unsigned int phase);
bool region_lookup_atomic(struct guest_memory *mem, u64 gpa, struct mem_region *region);
bool guest_memory_allows(struct guest_memory *mem, u64 gpa, u32 access);
int guest_memory_read(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access);
int guest_memory_write(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic);
int guest_memory_cmpxchg(struct guest_memory *mem, u64 gpa, unsigned int size,
			 u64 old, u64 new, bool atomic);

/* dirty.c */
int dirty_log(struct guest_memory *mem, const void __user *arg);
int dirty_collect(struct guest_memory *mem, void __user *arg);
int dirty_mmap(struct guest_memory *mem, struct vm_area_struct *vma);

/*
 * Reads @nr quadwords of a page at @gpa, which is aligned to 8, each by one access. Returns
 * false if no region allows @access, or if the page is not resident.
 *
 * A page walk and a fetch read guest memory a few times in a row. @cursor is a copy of the
 * region of the last read, so that the next one need not look it up. It starts as { } and
 * is valid while interrupts are off: see guest_memory_access_begin(). Page faults are
 * disabled.
 */
static __always_inline bool guest_cursor_read(struct guest_memory *mem,
					      struct mem_region *cursor, u64 gpa, u64 *words,
					      unsigned int nr, u32 access)
{
	unsigned int len = nr * sizeof(u64), i;
	const u64 __user *at;

	if (gpa < cursor->gpa || gpa + len > cursor->end) {
		if (!region_lookup_atomic(mem, gpa, cursor) || gpa + len > cursor->end)
			return false;
	}
	at = region_user_ptr(cursor, gpa);
	if ((cursor->prot & access) != access || !user_read_access_begin(at, len))
		return false;
	for (i = 0; i < nr; i++)
		unsafe_get_user(words[i], &at[i], fault);
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

#endif /* SVMVCPU_MEMORY_H */
