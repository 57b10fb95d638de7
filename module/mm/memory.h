/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory: which piece of the VMM's memory is mapped where, and the
 * nested page tables that follow it.
 */
#ifndef SVMVCPU_MEMORY_H
#define SVMVCPU_MEMORY_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "mm/npt.h"
#include "mm/span.h"
#include "mm/track.h"

#define GUEST_MAX_REGIONS	4096
#define GUEST_MAX_BATCH		512

/**
 * struct guest_region - guest-physical addresses and the user memory behind them
 * @gpa: first byte
 * @end: last byte + 1
 * @hva: user address of @gpa
 * @prot: SVMVCPU_MEM_*
 * @epoch: guest_memory.map_epoch when it was mapped
 */
struct guest_region {
	u64 gpa;
	u64 end;
	u64 hva;
	u32 prot;
	u32 epoch;
};

/**
 * struct guest_stats - what SVMVCPU_GET_STATS tells
 * @faults: nested faults that ended with something mapped
 * @mapped: leaves installed, by level
 * @zapped: leaves taken away
 */
struct guest_stats {
	u64 faults;
	u64 mapped[NPT_1G + 1];
	u64 zapped;
};

/**
 * struct guest_mm - the address space of a VMM: one for all its VMs
 * @mn: reports changes to the VMM's memory; holds a reference on its mm
 * @lock: protects the rest. Taken by the notifier, also under page table locks: no
 *	sleeping and no allocation under it, and no other lock of guest memory
 * @vms: struct guest_memory
 * @invalidating: user memory that is being invalidated right now
 * @lookups: struct guest_lookup of faults that are reading the page tables
 * @settled: woken when an invalidation ends, or has been through a VM
 */
struct guest_mm {
	struct mmu_notifier mn;
	spinlock_t lock;	/* vms, invalidating, lookups */
	struct list_head vms;
	struct span_set invalidating;
	struct list_head lookups;
	wait_queue_head_t settled;
};

/**
 * struct guest_memory - the memory of one VM
 * @user: where its pages come from; a reference
 * @in_mm: in guest_mm.vms
 * @notifying: notifiers that are working on this VM, under guest_mm.lock
 * @leaving: no other notifier starts to, under guest_mm.lock
 * @mm: whose user addresses the regions hold
 * @gpa_bits: width of a guest-physical address
 * @max_level: largest leaf that the host's CPUs know
 * @mutex: serializes MAP, UNMAP, and whatever starts, stops or reads @track; taken
 *	before @lock
 * @regions: by guest-physical address; they do not overlap. Changed under @mutex
 *	and @lock, looked up under RCU
 * @by_hva: the same regions by user address, for notifiers; they may overlap, and
 *	a region that UNMAP takes stays here until its leaves are zapped. Changed
 *	under @mutex and @lock
 * @nr_regions: in @regions, under @mutex
 * @copies: accesses of the module itself to regions that may sleep, in two phases,
 *	for guest_memory_settle(). An access that may not sleep runs with interrupts
 *	off on a CPU in @cpus, and UNMAP waits for it by interrupting these
 * @copy_phase: which of @copies counts an access that begins now; changed under @mutex
 * @copied: woken when one of @copies becomes 0
 * @lock: protects @npt, @track, the generations and @stats. MMU notifiers take it,
 *	some of them under page table locks: no sleeping and no allocation under it
 * @npt: the nested page tables
 * @stats: .
 * @track: which pages were written
 * @dirty_list: SVMVCPU_DIRTY_LIST_BYTES that user space maps, or NULL
 * @map_epoch: counts snapshots: regions of an older epoch belong to the last one
 * @table_gen: moves when @regions changes; odd while it is being changed
 * @zap_gen: counts leaves zapped
 * @flushed_gen: up to which of them no CPU has one cached
 * @tlb_gen: counts flushes; a vCPU that entered with an older one flushes first
 * @cpus: CPUs on which a vCPU of this VM is loaded
 */
struct guest_memory {
	struct guest_mm *user;
	struct list_head in_mm;
	unsigned int notifying;
	bool leaving;
	struct mm_struct *mm;
	unsigned int gpa_bits;
	unsigned int max_level;
	struct mutex mutex;	/* regions, track */
	struct rb_root regions;
	struct rb_root_cached by_hva;
	unsigned int nr_regions;
	atomic_t copies[2];
	unsigned int copy_phase;
	wait_queue_head_t copied;
	spinlock_t lock;	/* npt, track, generations, stats */
	struct npt npt;
	struct guest_stats stats;
	struct guest_track track;
	u32 map_epoch;
	u64 *dirty_list;
	u64 table_gen;
	u64 zap_gen;
	u64 flushed_gen;
	atomic64_t tlb_gen;
	cpumask_var_t cpus;
};

/**
 * struct guest_stop - what ends the wait of a fault, besides a signal
 * @requests: not 0: stop
 * @wait: woken after @requests was set
 */
struct guest_stop {
	const unsigned long *requests;
	wait_queue_head_t *wait;
};

/* What a fault or an access by the module came to */
enum guest_fault {
	GUEST_FAULT_NONE,
	GUEST_FAULT_NO_REGION,	/* nothing there, or not with this access */
	GUEST_FAULT_USER_MEM,	/* a region is there, the VMM's memory is not */
	GUEST_FAULT_LIMIT,	/* the snapshot must not grow */
};

int guest_memory_init(struct guest_memory *mem, unsigned int levels, unsigned int gpa_bits);
void guest_memory_destroy(struct guest_memory *mem);
int guest_mm_init(void);
void guest_mm_exit(void);

int guest_memory_map(struct guest_memory *mem, const struct svmvcpu_region *regions,
		     unsigned int nr);
int guest_memory_unmap(struct guest_memory *mem, const struct svmvcpu_range *ranges,
		       unsigned int nr);

int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const struct guest_stop *stop, enum guest_fault *fault);

int guest_memory_prefault(struct guest_memory *mem, u64 gpa, u64 bytes, u32 access,
			  u64 *done);
void guest_memory_stats(struct guest_memory *mem, struct svmvcpu_stats *stats);

unsigned int guest_memory_hold(struct guest_memory *mem);
void guest_memory_release(struct guest_memory *mem, unsigned int phase);
const void __user *guest_memory_user_ptr(struct guest_memory *mem, u64 gpa, unsigned int len,
					 u32 access);
bool guest_memory_allows(struct guest_memory *mem, u64 gpa, u32 access);
int guest_memory_read(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access);
int guest_memory_write(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic);
int guest_memory_cmpxchg(struct guest_memory *mem, u64 gpa, unsigned int size,
			 u64 old, u64 new, bool atomic);

#endif /* SVMVCPU_MEMORY_H */
