/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells: writes of the guest to ports and device memory that the kernel completes
 * without the VMM, by signaling an eventfd.
 *
 * Exit handlers look them up under RCU, because they run with interrupts off. Changes are
 * made under svm_vm.lock. A write that races with a change finds the doorbell or does not.
 */
#ifndef SVMVCPU_DOORBELL_H
#define SVMVCPU_DOORBELL_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "vcpu/vm.h"

struct eventfd_ctx;

#define DOORBELL_MAX		512
#define DOORBELL_BITS		7

/* Keys: a port, or a guest-physical address, which has at most 52 bits */
#define DOORBELL_PIO		BIT_ULL(63)

struct doorbell {
	struct hlist_node node;		/* in struct doorbells */
	u64 key;
	u64 data;
	u8 width;			/* bytes of the write; 0 for any */
	bool match;			/* only if @data is written */
	struct eventfd_ctx *eventfd;	/* one reference */
	struct rcu_head rcu;
};

/* Allocated for the first doorbell, and freed with the VM */
struct doorbells {
	unsigned int nr;		/* under svm_vm.lock */
	struct hlist_head buckets[1 << DOORBELL_BITS];
};

int doorbell_add(struct svm_vm *vm, struct doorbell *bell);
int doorbell_remove(struct svm_vm *vm, const struct doorbell *like);
void doorbell_remove_all(struct svm_vm *vm);

bool doorbells_have(const struct doorbells *bells, u64 key);
bool doorbells_ring(const struct doorbells *bells, u64 key, unsigned int width, u64 data);

/* Is there a doorbell at @key, for any value and width? */
static inline bool doorbell_at(const struct svm_vm *vm, u64 key)
{
	const struct doorbells *bells = READ_ONCE(vm->doorbells);

	return bells && doorbells_have(bells, key);
}

/*
 * The guest writes @data. Returns whether a doorbell has taken the write.
 * Context: any but NMI; not from the wake-up callback of an eventfd.
 */
static inline bool doorbell_write(const struct svm_vm *vm, u64 key, unsigned int width, u64 data)
{
	const struct doorbells *bells = READ_ONCE(vm->doorbells);

	return bells && doorbells_ring(bells, key, width, data);
}

#endif /* SVMVCPU_DOORBELL_H */
