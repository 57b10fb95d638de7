// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU notifier: the VMM's memory changes, and guest memory follows. There is one
 * for all VMs of a process, since registering one takes time.
 *
 * An invalidation keeps its range in guest_mm.invalidating until it ends, marks the
 * lookups in it, and zaps its leaves in each VM. A fault registers the user addresses
 * that it is going to look at before it reads the VMM's page tables, and checks under
 * guest_memory.lock, before it installs anything, whether any of them was invalidated
 * meanwhile:
 *
 *   invalidation				fault
 *   ------------				-----
 *   add range, mark lookups			add lookup, mark it with the ranges
 *   (guest_mm.lock)				(guest_mm.lock)
 *   zap leaves (guest_memory.lock)		read page tables
 *   ... change page tables ...			check mark, install (guest_memory.lock)
 *   remove range (guest_mm.lock)
 *
 * If the fault installs before the zap, the zap takes the leaf; if after, it sees the
 * mark. A fault starts over only when its own pages change, however much else does
 * (unless more than SPAN_SET_MAX invalidations are under way at once).
 *
 * Callbacks come with mmap_lock, page locks or page table locks held, and from the
 * OOM reaper, which must not sleep.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/interval_tree.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mm/priv.h"
#include "mm/region.h"

static struct interval_tree_node *first_region(struct guest_memory *mem, struct span span)
{
	return interval_tree_iter_first(&mem->by_hva, span.start, span.end - 1);
}

static struct interval_tree_node *next_region(struct interval_tree_node *node, struct span span)
{
	return interval_tree_iter_next(node, span.start, span.end - 1);
}

/* Guest-physical addresses of the part of a region that lies in a user range */
static struct span region_part(const struct interval_tree_node *node, struct span hva)
{
	const struct guest_region *region = &node_of_hva(node)->region;
	u64 start = max_t(u64, hva.start, node->start), end = min_t(u64, hva.end, node->last + 1);

	return (struct span) { region->gpa + (start - region->hva),
			       region->gpa + (end - region->hva) };
}

/*
 * The first address in @hva that may have a leaf, hva.end for none. Regions come in
 * the order of their first user address.
 */
static u64 first_mapped(struct guest_memory *mem, struct span hva)
{
	struct interval_tree_node *node;
	u64 found = hva.end;

	for (node = first_region(mem, hva); node; node = next_region(node, hva)) {
		u64 start = max_t(u64, hva.start, node->start);
		struct span part = region_part(node, hva);

		if (start >= found)
			break;
		found = min(found, start + npt_next(&mem->npt, part.start, part.end) - part.start);
	}
	return found;
}

/*
 * How far one hold of the lock goes: less where several regions show the same memory, as
 * each of them has leaves.
 */
static u64 piece_end(struct guest_memory *mem, struct span hva)
{
	struct interval_tree_node *node;
	unsigned int regions = 0;
	u64 bytes;

	hva.end = min(hva.end, round_down(hva.start, GUEST_ZAP_CHUNK) + GUEST_ZAP_CHUNK);
	for (node = first_region(mem, hva); node; node = next_region(node, hva))
		regions++;
	bytes = max_t(u64, rounddown_pow_of_two(GUEST_ZAP_CHUNK / max(regions, 1U)), PAGE_SIZE);
	return min(hva.end, round_down(hva.start, bytes) + bytes);
}

/* Zaps the first piece of @hva that may have leaves. Returns where to go on. */
static u64 zap_piece(struct guest_memory *mem, struct span hva)
{
	struct interval_tree_node *node;

	hva.start = first_mapped(mem, hva);
	if (hva.start >= hva.end)
		return hva.end;
	hva.end = piece_end(mem, hva);
	for (node = first_region(mem, hva); node; node = next_region(node, hva)) {
		struct span part = region_part(node, hva);

		npt_zap(&mem->npt, part.start, part.end, guest_leaf_gone, mem);
	}
	return hva.end;
}

static void zap_user_range(struct guest_memory *mem, struct span hva, bool may_sleep)
{
	bool flush;

	while (hva.start < hva.end) {
		spin_lock(&mem->lock);
		hva.start = zap_piece(mem, hva);
		spin_unlock(&mem->lock);
		if (may_sleep)
			cond_resched();
	}
	/* Flush also if another CPU zapped in the range and has not flushed yet. */
	spin_lock(&mem->lock);
	flush = mem->flushed_gen != mem->zap_gen;
	spin_unlock(&mem->lock);
	if (flush)
		guest_memory_flush(mem);
}

static struct guest_mm *mm_of(struct mmu_notifier *mn)
{
	return container_of(mn, struct guest_mm, mn);
}

/* The next VM, which stays until it is passed to the next call; NULL after the last. */
static struct guest_memory *next_vm(struct guest_mm *user, struct guest_memory *mem)
{
	struct guest_memory *next = mem;

	spin_lock(&user->lock);
	next = list_prepare_entry(next, &user->vms, in_mm);
	list_for_each_entry_continue(next, &user->vms, in_mm)
		if (!next->leaving)
			break;
	if (mem)
		mem->notifying--;
	mem = list_entry_is_head(next, &user->vms, in_mm) ? NULL : next;
	if (mem)
		mem->notifying++;
	spin_unlock(&user->lock);
	return mem;
}

static void zap_all_vms(struct guest_mm *user, struct span span, bool may_sleep)
{
	struct guest_memory *mem = NULL;

	while ((mem = next_vm(user, mem)))
		zap_user_range(mem, span, may_sleep);
	/* For guest_mm_leave() */
	if (wq_has_sleeper(&user->settled))
		wake_up_all(&user->settled);
}

static void mark_lookup(struct guest_lookup *lookup, struct span span)
{
	span = span_union(lookup->hit, span);
	WRITE_ONCE(lookup->hit.start, span.start);
	WRITE_ONCE(lookup->hit.end, span.end);
}

static int notify_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct guest_mm *user = mm_of(mn);
	struct span span = { range->start, range->end };
	struct guest_lookup *lookup;

	spin_lock(&user->lock);
	span_set_add(&user->invalidating, span);
	list_for_each_entry(lookup, &user->lookups, node)
		if (span_overlaps(lookup->span, span))
			mark_lookup(lookup, span);
	spin_unlock(&user->lock);
	zap_all_vms(user, span, mmu_notifier_range_blockable(range));
	return 0;
}

static void notify_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct guest_mm *user = mm_of(mn);

	spin_lock(&user->lock);
	span_set_remove(&user->invalidating, (struct span) { range->start, range->end });
	spin_unlock(&user->lock);
	if (wq_has_sleeper(&user->settled))
		wake_up_all(&user->settled);
}

/* The address space ends. No vCPU runs: that takes a thread which uses it. */
static void notify_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	zap_all_vms(mm_of(mn), (struct span) { 0, ULONG_MAX }, true);
}

static bool test_young_part(struct npt *npt, struct span gpa, bool clear)
{
	bool young = false;

	while ((clear || !young) && (gpa.start = npt_next(npt, gpa.start, gpa.end)) < gpa.end) {
		unsigned int level;
		u64 *slot = npt_slot(npt, gpa.start, &level);

		if (slot && clear)
			young |= test_and_clear_bit(NPT_ACCESSED_BIT, (unsigned long *)slot);
		else if (slot)
			young |= !!(READ_ONCE(*slot) & NPT_ACCESSED);
		gpa.start = round_down(gpa.start, npt_span(level)) + npt_span(level);
	}
	return young;
}

/*
 * No flush, as for the VMM's own entries on x86: a CPU that has the leaf cached does
 * not set the bit again until it walks anew, which makes the page look older for a
 * while and nothing else.
 */
static bool test_young_vm(struct guest_memory *mem, struct span hva, bool clear)
{
	struct interval_tree_node *node;
	bool young = false;

	spin_lock(&mem->lock);
	for (node = first_region(mem, hva); node && (clear || !young);
	     node = next_region(node, hva))
		young |= test_young_part(&mem->npt, region_part(node, hva), clear);
	spin_unlock(&mem->lock);
	return young;
}

static int test_young(struct guest_mm *user, struct span hva, bool clear)
{
	struct guest_memory *mem = NULL;
	bool young = false;

	while ((mem = next_vm(user, mem)))
		young |= test_young_vm(mem, hva, clear);
	if (wq_has_sleeper(&user->settled))
		wake_up_all(&user->settled);
	return young;
}

static int notify_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
			      unsigned long start, unsigned long end)
{
	return test_young(mm_of(mn), (struct span) { start, end }, true);
}

static int notify_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
			     unsigned long address)
{
	return test_young(mm_of(mn), (struct span) { address, address + PAGE_SIZE }, false);
}

/* struct guest_mm that are not freed yet */
static atomic_t live;
static DECLARE_WAIT_QUEUE_HEAD(all_freed);

static struct mmu_notifier *notify_alloc(struct mm_struct *mm)
{
	struct guest_mm *user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);

	if (!user)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&live);
	spin_lock_init(&user->lock);
	INIT_LIST_HEAD(&user->vms);
	INIT_LIST_HEAD(&user->lookups);
	init_waitqueue_head(&user->settled);
	return &user->mn;
}

static void notify_free(struct mmu_notifier *mn)
{
	kfree(mm_of(mn));
	if (atomic_dec_and_test(&live))
		wake_up(&all_freed);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = notify_start,
	.invalidate_range_end = notify_end,
	.release = notify_release,
	.clear_flush_young = notify_clear_young,
	.clear_young = notify_clear_young,
	.test_young = notify_test_young,
	.alloc_notifier = notify_alloc,
	.free_notifier = notify_free,
};

/* --- VMs come and go --------------------------------------------------------- */

/*
 * Registering a notifier takes every lock of every mapping of the process. VMMs often
 * create a VM right after closing one, so keep the last notifier for a second.
 */
#define LINGER	HZ

static struct guest_mm *lingering;

static void linger_end(struct work_struct *work)
{
	struct guest_mm *user = xchg(&lingering, NULL);

	if (user)
		mmu_notifier_put(&user->mn);
}

static DECLARE_DELAYED_WORK(linger_work, linger_end);

/**
 * guest_mm_join() - tell a VM of changes to the caller's memory
 * @mem: a VM's memory, empty
 *
 * Context: may sleep; takes mmap_lock for writing.
 * Return: 0, -ENOMEM, or -EINTR when a signal is pending.
 */
int guest_mm_join(struct guest_memory *mem)
{
	struct mmu_notifier *mn;
	int ret;

	ret = mmap_write_lock_killable(current->mm);
	if (ret)
		return ret;
	mn = mmu_notifier_get_locked(&notifier_ops, current->mm);
	mmap_write_unlock(current->mm);
	if (IS_ERR(mn))
		return PTR_ERR(mn);
	mem->mm = current->mm;
	mem->user = mm_of(mn);
	spin_lock(&mem->user->lock);
	list_add(&mem->in_mm, &mem->user->vms);
	spin_unlock(&mem->user->lock);
	return 0;
}

static bool left(struct guest_memory *mem)
{
	struct guest_mm *user = mem->user;
	bool gone;

	spin_lock(&user->lock);
	mem->leaving = true;
	gone = !mem->notifying;
	if (gone)
		list_del(&mem->in_mm);
	spin_unlock(&user->lock);
	return gone;
}

/**
 * guest_mm_leave() - keep notifiers away from a VM
 * @mem: a VM's memory, with nothing mapped
 *
 * Context: may sleep, until the notifiers that are working on the VM are done with it.
 */
void guest_mm_leave(struct guest_memory *mem)
{
	struct guest_mm *before;

	wait_event(mem->user->settled, left(mem));
	before = xchg(&lingering, mem->user);
	if (before)
		mmu_notifier_put(&before->mn);
	mod_delayed_work(system_wq, &linger_work, LINGER);
}

int guest_mm_init(void)
{
	return guest_mmap_lock_init();
}

/* The last VM is gone, and no other can come: wait for the notifiers. */
void guest_mm_exit(void)
{
	guest_mmap_lock_exit();
	cancel_delayed_work_sync(&linger_work);
	linger_end(NULL);
	/* mmu_notifier_synchronize() would not wait for callbacks of other CPUs. */
	wait_event(all_freed, !atomic_read(&live));
	/* The last one has bottom halves off until it has left notify_free(). */
	synchronize_rcu();
}

/* --- faults ------------------------------------------------------------------ */

/**
 * guest_lookup_begin() - register what a fault is going to look at
 * @user: the VMM's address space
 * @lookup: @span is set; for guest_lookup_end()
 * @need: the part of it that the fault cannot do without
 *
 * Return: false, and nothing is registered, when @need is being invalidated.
 */
bool guest_lookup_begin(struct guest_mm *user, struct guest_lookup *lookup, struct span need)
{
	bool begin;

	spin_lock(&user->lock);
	begin = !span_set_overlaps(&user->invalidating, need);
	if (begin) {
		lookup->hit = span_set_within(&user->invalidating, lookup->span);
		list_add(&lookup->node, &user->lookups);
	}
	spin_unlock(&user->lock);
	return begin;
}

void guest_lookup_end(struct guest_mm *user, struct guest_lookup *lookup)
{
	spin_lock(&user->lock);
	list_del(&lookup->node);
	spin_unlock(&user->lock);
}

/* Is a part of a user range being invalidated? */
bool guest_invalidating(struct guest_mm *user, struct span span)
{
	bool ret;

	spin_lock(&user->lock);
	ret = span_set_overlaps(&user->invalidating, span);
	spin_unlock(&user->lock);
	return ret;
}
