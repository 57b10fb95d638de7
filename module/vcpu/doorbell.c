// SPDX-License-Identifier: GPL-2.0-only
/* The table of doorbells of a VM. doorbell.h describes who may do what. */
#include <linux/eventfd.h>
#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "compat.h"
#include "vcpu/doorbell.h"

static unsigned int bucket_of(u64 key)
{
	return hash_64(key, DOORBELL_BITS);
}

/* Can one write match both? */
static bool collide(const struct doorbell *a, const struct doorbell *b)
{
	if (a->key != b->key)
		return false;
	if (a->width && b->width && a->width != b->width)
		return false;
	return !a->match || !b->match || a->data == b->data;
}

static struct doorbell *find_collision(struct doorbells *bells, const struct doorbell *like)
{
	struct doorbell *bell;

	hlist_for_each_entry(bell, &bells->buckets[bucket_of(like->key)], node)
		if (collide(bell, like))
			return bell;
	return NULL;
}

/* Expects svm_vm.lock held. */
static struct doorbells *doorbells_get(struct svm_vm *vm)
{
	struct doorbells *bells = vm->doorbells;

	if (!bells) {
		bells = kzalloc(sizeof(*bells), GFP_KERNEL_ACCOUNT);
		/* Pairs with the address dependency of the readers. */
		smp_store_release(&vm->doorbells, bells);
	}
	return bells;
}

/**
 * doorbell_add() - add a doorbell
 * @vm: the VM, with svm_vm.lock held
 * @bell: owned by the table if the call succeeds
 *
 * At most one doorbell matches a write, so that the order of calls has no effect.
 *
 * Return: 0, -EEXIST, -ENOSPC or -ENOMEM.
 */
int doorbell_add(struct svm_vm *vm, struct doorbell *bell)
{
	struct doorbells *bells = doorbells_get(vm);

	if (!bells)
		return -ENOMEM;
	if (find_collision(bells, bell))
		return -EEXIST;
	if (bells->nr == DOORBELL_MAX)
		return -ENOSPC;
	hlist_add_head_rcu(&bell->node, &bells->buckets[bucket_of(bell->key)]);
	bells->nr++;
	WRITE_ONCE(vm->completes_writes, true);
	return 0;
}

static void doorbell_free(struct doorbell *bell)
{
	eventfd_ctx_put(bell->eventfd);
	kfree(bell);
}

static void doorbell_free_rcu(struct rcu_head *rcu)
{
	doorbell_free(container_of(rcu, struct doorbell, rcu));
}

/**
 * doorbell_remove() - remove a doorbell
 * @vm: the VM, with svm_vm.lock held
 * @like: all values are those of the doorbell to remove
 *
 * A vCPU that is handling a write may still signal the eventfd.
 *
 * Return: 0 or -ENOENT.
 */
int doorbell_remove(struct svm_vm *vm, const struct doorbell *like)
{
	struct doorbells *bells = vm->doorbells;
	struct doorbell *bell = bells ? find_collision(bells, like) : NULL;

	if (!bell || bell->width != like->width || bell->match != like->match ||
	    bell->eventfd != like->eventfd)
		return -ENOENT;
	hlist_del_rcu(&bell->node);
	bells->nr--;
	call_rcu(&bell->rcu, doorbell_free_rcu);
	return 0;
}

/**
 * doorbell_remove_all() - free the table
 * @vm: a VM without vCPUs
 */
void doorbell_remove_all(struct svm_vm *vm)
{
	struct doorbells *bells = vm->doorbells;
	struct hlist_node *next;
	struct doorbell *bell;
	unsigned int i;

	if (!bells)
		return;
	for (i = 0; i < ARRAY_SIZE(bells->buckets); i++)
		hlist_for_each_entry_safe(bell, next, &bells->buckets[i], node)
			doorbell_free(bell);
	kfree(bells);
}

/* doorbell_at() if there is a table */
bool doorbells_have(const struct doorbells *bells, u64 key)
{
	const struct doorbell *bell;
	bool found = false;

	preempt_disable();
	hlist_for_each_entry_rcu(bell, &bells->buckets[bucket_of(key)], node)
		found |= bell->key == key;
	preempt_enable();
	return found;
}

static bool matches(const struct doorbell *bell, u64 key, unsigned int width, u64 data)
{
	return bell->key == key && (!bell->width || bell->width == width) &&
	       (!bell->match || bell->data == data);
}

/* doorbell_write() if there is a table */
bool doorbells_ring(const struct doorbells *bells, u64 key, unsigned int width, u64 data)
{
	const struct doorbell *bell;

	/* This is an RCU reader too, and costs less than rcu_read_lock(). */
	preempt_disable();
	hlist_for_each_entry_rcu(bell, &bells->buckets[bucket_of(key)], node) {
		if (!matches(bell, key, width, data))
			continue;
		compat_eventfd_signal(bell->eventfd);
		break;
	}
	preempt_enable();
	return bell;
}
