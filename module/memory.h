/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory: which piece of the VMM's memory lies where, and the
 * nested page tables that follow it.
 */
#ifndef SVMVCPU_MEMORY_H
#define SVMVCPU_MEMORY_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "npt.h"
#include "track.h"

#define GUEST_MAX_REGIONS	4096
#define GUEST_MAX_BATCH		512

struct guest_backing;

/**
 * struct guest_region - guest-physical addresses and the user memory behind them
 * @gpa: first byte
 * @end: last byte + 1
 * @hva: user address of @gpa
 * @prot: SVMVCPU_MEM_*
 * @epoch: guest_memory.map_epoch when it was mapped
 * @backing: who is told when that user memory changes; one reference
 */
struct guest_region {
	u64 gpa;
	u64 end;
	u64 hva;
	u32 prot;
	u32 epoch;
	struct guest_backing *backing;
};

/* All regions, sorted by gpa; never changed, only replaced. */
struct guest_table {
	struct rcu_head rcu;
	unsigned int nr;
	struct guest_region region[];
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
 * struct guest_memory - the memory of one VM
 * @mm: whose user addresses the regions hold; a reference by mmgrab()
 * @gpa_bits: width of a guest-physical address
 * @max_level: of leaves, as the host's CPUs know them
 * @mutex: serializes map, unmap, and what starts, stops or reads @track; taken
 *	before @lock
 * @table: read under RCU, replaced under @mutex
 * @access: held for reading while the module itself copies to or from a
 *	region and may sleep, so that unmap can wait for that; taken after
 *	@mutex and before mmap_lock. Where it may not sleep, interrupts are off,
 *	and waiting for all @cpus does the same
 * @lock: protects @npt, @track, @table_gen, @zap_gen, @flushed_gen and @stats.
 *	Taken by MMU notifiers, so nobody may sleep or allocate under it
 * @npt: the nested page tables
 * @stats: .
 * @track: which pages were written
 * @dirty_list: SVMVCPU_DIRTY_LIST_BYTES that user space maps, or NULL
 * @map_epoch: counts snapshots: what was mapped before the last one has less
 * @table_gen: counts replacements of @table
 * @zap_gen: counts leaves taken away
 * @flushed_gen: up to which of them no CPU has one cached
 * @tlb_gen: counts flushes; a vCPU that entered with an older one flushes first
 * @cpus: CPUs on which a vCPU of this VM is loaded
 */
struct guest_memory {
	struct mm_struct *mm;
	unsigned int gpa_bits;
	unsigned int max_level;
	struct mutex mutex;	/* map, unmap, track */
	struct guest_table __rcu *table;
	struct rw_semaphore access;
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

/* What a fault or an access by the module came to */
enum guest_fault {
	GUEST_FAULT_NONE,
	GUEST_FAULT_NO_REGION,	/* nothing there, or not with this access */
	GUEST_FAULT_USER_MEM,	/* a region is there, the VMM's memory is not */
	GUEST_FAULT_LIMIT,	/* the snapshot must not grow */
};

int guest_memory_init(struct guest_memory *mem, unsigned int levels, unsigned int gpa_bits);
void guest_memory_destroy(struct guest_memory *mem);

int guest_memory_map(struct guest_memory *mem, const struct svmvcpu_region *regions,
		     unsigned int nr);
int guest_memory_unmap(struct guest_memory *mem, const struct svmvcpu_range *ranges,
		       unsigned int nr);

int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const unsigned long *stop, enum guest_fault *fault);

int guest_memory_prefault(struct guest_memory *mem, u64 gpa, u64 bytes, u32 access,
			  u64 *done);
void guest_memory_stats(struct guest_memory *mem, struct svmvcpu_stats *stats);

int guest_memory_hold(struct guest_memory *mem);
void guest_memory_release(struct guest_memory *mem);
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
