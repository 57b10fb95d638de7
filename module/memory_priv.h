/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of guest memory share among themselves: memory.c has the
 * regions, memory_fault.c brings pages in, memory_access.c is for the module's
 * own reads and writes.
 */
#ifndef SVMVCPU_MEMORY_PRIV_H
#define SVMVCPU_MEMORY_PRIV_H

#include <linux/mmu_notifier.h>
#include <linux/refcount.h>

#include "memory.h"

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

bool guest_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes);
bool guest_region_lookup(struct guest_memory *mem, u64 gpa, bool hold,
			 struct guest_region *region);
void guest_backing_put(struct guest_backing *backing);
void guest_leaf_gone(void *ctx, u64 gpa, u64 pte, unsigned int level);
void guest_memory_flush(struct guest_memory *mem);
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end);

#endif /* SVMVCPU_MEMORY_PRIV_H */
