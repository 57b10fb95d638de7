/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: memory slots and their dirty logs.
 */
#ifndef KVM_SLOTS_H
#define KVM_SLOTS_H

#include <pthread.h>

#include <linux/kvm.h>

#include "svmvcpu_lib.h"

/* One region of svmvcpu each, of 4096 */
#define NR_SLOTS	4096

/**
 * struct slot - a memory slot; @bytes is 0 if there is none
 * @dirty: dirty pages that are not in the kernel's log, a bit each: the library has written
 *	them, or KVM_GET_DIRTY_LOG has reported them and KVM_CLEAR_DIRTY_LOG has not
 *	cleared them. NULL unless the slot is logged
 */
struct slot {
	__u64 gpa;
	__u64 bytes;
	__u64 hva;
	__u32 flags;
	__u64 *dirty;
};

/**
 * struct slots - the memory of a VM
 * @lock: protects the rest; whoever accesses guest memory reads
 * @slot: by number
 * @end: the highest number in use, plus 1
 * @memory: the used ones, for libsvmvcpu
 * @guest: @memory
 */
struct slots {
	pthread_rwlock_t lock;
	struct slot slot[NR_SLOTS];
	unsigned int end;
	struct svmvcpu_memory memory[NR_SLOTS];
	struct svmvcpu_guest guest;
};

void slots_init(struct slots *slots);
void slots_free(struct slots *slots);

/* the library has written memory, which may be logged; the caller holds @lock for reading */
void slots_wrote(struct slots *slots, __u64 gpa);

/* ioctls of a VM */
long slot_set(void *vm, unsigned long arg);
long slot_get_dirty_log(void *vm, unsigned long arg);
long slot_clear_dirty_log(void *vm, unsigned long arg);

#endif /* KVM_SLOTS_H */
