// SPDX-License-Identifier: GPL-2.0-only
/* SVMVCPU_SET_COALESCED, and the lists of coalesced writes. See coalesced.h. */
#include <linux/preempt.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "svm/cpu.h"
#include "vcpu/coalesced.h"

#define PORTS	0x10000

/* Keys are those of doorbells: the key of a port is never that of an address. */
struct coalesced_range {
	struct hlist_node node;		/* in svm_vm.coalesced */
	u64 first;
	u64 last;
	struct rcu_head rcu;
};

static bool range_valid(const struct svmvcpu_coalesced *arg)
{
	const u64 end = arg->flags & SVMVCPU_COALESCED_PIO ? PORTS :
							     BIT_ULL(svm_limits.gpa_bits);

	return arg->address < end && arg->bytes && arg->bytes <= end - arg->address;
}

/* Ranges do not overlap, so REMOVE means one range, and a write belongs to one at most. */
static int range_insert(struct svm_vm *vm, const struct coalesced_range *like)
{
	struct coalesced_range *range;
	unsigned int nr = 0;

	hlist_for_each_entry(range, &vm->coalesced, node) {
		if (range->first <= like->last && like->first <= range->last)
			return -EEXIST;
		nr++;
	}
	if (nr == COALESCED_RANGES_MAX)
		return -ENOSPC;
	range = kmemdup(like, sizeof(*like), GFP_KERNEL_ACCOUNT);
	if (!range)
		return -ENOMEM;
	hlist_add_head_rcu(&range->node, &vm->coalesced);
	WRITE_ONCE(vm->completes_writes, true);
	return 0;
}

static int range_remove(struct svm_vm *vm, const struct coalesced_range *like)
{
	struct coalesced_range *range;

	hlist_for_each_entry(range, &vm->coalesced, node) {
		if (range->first != like->first || range->last != like->last)
			continue;
		hlist_del_rcu(&range->node);
		kfree_rcu(range, rcu);
		return 0;
	}
	return -ENOENT;
}

/**
 * coalesced_set() - SVMVCPU_SET_COALESCED
 * @vm: the VM
 * @arg: copied from user space, with valid flags
 *
 * Return: 0, -EINVAL, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM or -EINTR.
 */
int coalesced_set(struct svm_vm *vm, const struct svmvcpu_coalesced *arg)
{
	const u64 first = arg->address | (arg->flags & SVMVCPU_COALESCED_PIO ? DOORBELL_PIO : 0);
	const struct coalesced_range like = {
		.first = first, .last = first + arg->bytes - 1,
	};
	int ret;

	if (!range_valid(arg))
		return -EINVAL;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = arg->flags & SVMVCPU_COALESCED_REMOVE ? range_remove(vm, &like) :
						      range_insert(vm, &like);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * coalesced_remove_all() - free all ranges
 * @vm: a VM without vCPUs
 */
void coalesced_remove_all(struct svm_vm *vm)
{
	struct coalesced_range *range;
	struct hlist_node *next;

	hlist_for_each_entry_safe(range, next, &vm->coalesced, node)
		kfree(range);
}

/* Do all bytes from @first to @last belong to one range? */
bool coalesced_find(const struct svm_vm *vm, u64 first, u64 last)
{
	const struct coalesced_range *range;
	bool found = false;

	/* This is an RCU reader too, and costs less than rcu_read_lock(). */
	preempt_disable();
	hlist_for_each_entry_rcu(range, &vm->coalesced, node) {
		found = range->first <= first && last <= range->last;
		if (found)
			break;
	}
	preempt_enable();
	return found;
}

/*
 * Add a write to the list. Returns false if it is in no range, or if the list is full: the
 * write then exits, and the exit reports the list, which empties it. The VMM can write to the list
 * and to svmvcpu_run.coalesced, so they are never read. Expects vcpu.mutex held.
 */
bool coalesced_add(struct vcpu *vcpu, u64 key, unsigned int width, u64 data)
{
	struct svmvcpu_write *list = (void *)vcpu->run + COALESCED_OFFSET;

	static_assert(sizeof(struct svmvcpu_run) <= COALESCED_OFFSET);
	static_assert(COALESCED_OFFSET + COALESCED_MAX * sizeof(*list) <= PAGE_SIZE);
	static_assert(COALESCED_MAX <= U8_MAX);
	if (!coalesced_find(vcpu->vm, key, key + width - 1))
		return false;
	if (vcpu->nr_coalesced == COALESCED_MAX)
		return false;
	list[vcpu->nr_coalesced++] = (struct svmvcpu_write) {
		.address = key & ~DOORBELL_PIO,
		.data = data,
		.width = width,
		.pio = !!(key & DOORBELL_PIO),
	};
	return true;
}
