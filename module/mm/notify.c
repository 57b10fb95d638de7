// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU notifier zaps nested leaves when the VMM's memory changes. All VMs of a
 * process share one notifier, since registering one is slow.
 *
 * During an invalidation, its range is in vmm_mm.invalidating. A fault registers the
 * user addresses whose page tables it reads as a hva_watch. Before it installs leaves,
 * it checks under guest_memory.lock whether any of them was invalidated:
 *
 *   invalidation				fault
 *   ------------				-----
 *   add range, mark watches			add watch, mark it with the ranges
 *   (vmm_mm.lock)				(vmm_mm.lock)
 *   zap leaves (guest_memory.lock)		read page tables
 *   ... change page tables ...			check mark, install (guest_memory.lock)
 *   remove range (vmm_mm.lock)
 *
 * If the fault installs before the zap, the zap removes the leaf; otherwise the fault
 * sees the mark. A fault starts over only if its own pages change, unless more than
 * SPAN_SET_MAX invalidations run at a time.
 *
 * Callers of the notifier hold mmap_lock, page locks or page table locks. The OOM
 * reaper calls it and must not sleep.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/interval_tree.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mm/priv.h"

/*
 * Limits the leaves zapped under one hold of the lock to some 8192, and the tables visited
 * to fewer than NPT_TABLES_MAX.
 */
#define ZAP_CHUNK	SZ_32M

static struct interval_tree_node *first_region(struct guest_memory *mem, struct span span)
{
	return interval_tree_iter_first(&mem->by_hva, span.start, span.end - 1);
}

static struct interval_tree_node *next_region(struct interval_tree_node *node, struct span span)
{
	return interval_tree_iter_next(node, span.start, span.end - 1);
}

/* Guest-physical addresses of the part of a region that overlaps a user range */
static struct span region_part(const struct interval_tree_node *node, struct span hva)
{
	const struct mem_region *region = &node_of_hva(node)->region;
	u64 start = max_t(u64, hva.start, node->start), end = min_t(u64, hva.end, node->last + 1);

	return (struct span) { region->gpa + (start - region->hva),
			       region->gpa + (end - region->hva) };
}

/*
 * The first address in @hva that may be mapped, or hva.end. The interval tree returns
 * regions in the order of their first user address.
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
 * End of the range to zap under one hold of the lock. Each region that maps the same
 * memory has its own leaves, so the range is shorter where many regions overlap.
 */
static u64 piece_end(struct guest_memory *mem, struct span hva)
{
	struct interval_tree_node *node;
	unsigned int regions = 0;
	u64 bytes;

	hva.end = min(hva.end, round_down(hva.start, ZAP_CHUNK) + ZAP_CHUNK);
	for (node = first_region(mem, hva); node; node = next_region(node, hva))
		regions++;
	bytes = max_t(u64, rounddown_pow_of_two(ZAP_CHUNK / max(regions, 1U)), PAGE_SIZE);
	return min(hva.end, round_down(hva.start, bytes) + bytes);
}

/* Zaps the first piece of @hva that may be mapped. Returns the address to go on from. */
static u64 zap_piece(struct guest_memory *mem, struct span hva)
{
	struct interval_tree_node *node;

	hva.start = first_mapped(mem, hva);
	if (hva.start >= hva.end)
		return hva.end;
	hva.end = piece_end(mem, hva);
	for (node = first_region(mem, hva); node; node = next_region(node, hva)) {
		struct span part = region_part(node, hva);

		npt_zap(&mem->npt, part.start, part.end, part.start, NULL, leaf_zapped, mem);
	}
	return hva.end;
}

static void zap_user_range(struct guest_memory *mem, struct span hva, bool may_sleep)
{
	while (hva.start < hva.end) {
		spin_lock(&mem->lock);
		hva.start = zap_piece(mem, hva);
		spin_unlock(&mem->lock);
		if (may_sleep)
			cond_resched();
	}
	/* Another CPU may have zapped leaves in the range. */
	guest_memory_flush_zapped(mem);
}

static struct vmm_mm *mm_of(struct mmu_notifier *mn)
{
	return container_of(mn, struct vmm_mm, mn);
}

/*
 * Iterates over the VMs: returns the VM after @mem, or NULL. guest_memory.notifying keeps
 * the returned VM alive until it is passed to the next call.
 */
static struct guest_memory *next_vm(struct vmm_mm *vmm, struct guest_memory *mem)
{
	struct guest_memory *next = mem;

	spin_lock(&vmm->lock);
	next = list_prepare_entry(next, &vmm->vms, in_mm);
	list_for_each_entry_continue(next, &vmm->vms, in_mm)
		if (!next->leaving)
			break;
	if (mem)
		mem->notifying--;
	mem = list_entry_is_head(next, &vmm->vms, in_mm) ? NULL : next;
	if (mem)
		mem->notifying++;
	spin_unlock(&vmm->lock);
	/* vmm_mm_leave() waits for guest_memory.notifying. */
	if (!mem && wq_has_sleeper(&vmm->invalidate_wait))
		wake_up_all(&vmm->invalidate_wait);
	return mem;
}

static void zap_all_vms(struct vmm_mm *vmm, struct span span, bool may_sleep)
{
	struct guest_memory *mem = NULL;

	while ((mem = next_vm(vmm, mem)))
		zap_user_range(mem, span, may_sleep);
}

static int notify_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct vmm_mm *vmm = mm_of(mn);
	struct span span = { range->start, range->end };

	invalidate_begin(vmm, span);
	zap_all_vms(vmm, span, mmu_notifier_range_blockable(range));
	return 0;
}

static void notify_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	invalidate_end(mm_of(mn), (struct span) { range->start, range->end });
}

/* The address space is being torn down. No vCPU runs: RUN requires a thread that uses it. */
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
 * Does not flush, like ptep_clear_flush_young() on x86: a CPU that has the leaf cached
 * does not set the accessed bit again, so the page only looks older than it is.
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

static int test_young(struct vmm_mm *vmm, struct span hva, bool clear)
{
	struct guest_memory *mem = NULL;
	bool young = false;

	while ((mem = next_vm(vmm, mem)))
		young |= test_young_vm(mem, hva, clear);
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

/* Number of struct vmm_mm, for module unload */
static atomic_t nr_vmm_mms;
static DECLARE_WAIT_QUEUE_HEAD(all_freed);

static struct mmu_notifier *notify_alloc(struct mm_struct *mm)
{
	struct vmm_mm *vmm = kzalloc(sizeof(*vmm), GFP_KERNEL_ACCOUNT);

	if (!vmm)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&nr_vmm_mms);
	spin_lock_init(&vmm->lock);
	INIT_LIST_HEAD(&vmm->vms);
	INIT_LIST_HEAD(&vmm->watches);
	init_waitqueue_head(&vmm->invalidate_wait);
	return &vmm->mn;
}

static void notify_free(struct mmu_notifier *mn)
{
	kfree(mm_of(mn));
	if (atomic_dec_and_test(&nr_vmm_mms))
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

/* --- creating and destroying VMs --------------------------------------------- */

/*
 * Registering a notifier takes all locks of all mappings of the process. VMMs often
 * create a VM right after closing one, so keep the last notifier for a second.
 */
#define LINGER	HZ

static struct vmm_mm *lingering;

static void linger_end(struct work_struct *work)
{
	struct vmm_mm *vmm = xchg(&lingering, NULL);

	if (vmm)
		mmu_notifier_put(&vmm->mn);
}

static DECLARE_DELAYED_WORK(linger_work, linger_end);

/*
 * Connects a VM to the notifier of current->mm. Sleeps; takes mmap_lock for writing.
 * Returns 0, -ENOMEM, or -EINTR if a signal is pending.
 */
int vmm_mm_join(struct guest_memory *mem)
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
	mem->vmm = mm_of(mn);
	spin_lock(&mem->vmm->lock);
	list_add(&mem->in_mm, &mem->vmm->vms);
	spin_unlock(&mem->vmm->lock);
	return 0;
}

static bool try_leave(struct guest_memory *mem)
{
	struct vmm_mm *vmm = mem->vmm;
	bool gone;

	spin_lock(&vmm->lock);
	mem->leaving = true;
	gone = !mem->notifying;
	if (gone)
		list_del(&mem->in_mm);
	spin_unlock(&vmm->lock);
	return gone;
}

/* Disconnects a VM without leaves. Sleeps until no notifier uses the VM. */
void vmm_mm_leave(struct guest_memory *mem)
{
	struct vmm_mm *previous;

	wait_event(mem->vmm->invalidate_wait, try_leave(mem));
	previous = xchg(&lingering, mem->vmm);
	if (previous)
		mmu_notifier_put(&previous->mn);
	mod_delayed_work(system_wq, &linger_work, LINGER);
}

int vmm_mm_init(void)
{
	return fault_mmap_lock_init();
}

/* For module unload, after the last VM: waits until all notifiers are freed. */
void vmm_mm_exit(void)
{
	fault_mmap_lock_exit();
	cancel_delayed_work_sync(&linger_work);
	linger_end(NULL);
	/* mmu_notifier_synchronize() does not wait for SRCU callbacks on other CPUs. */
	wait_event(all_freed, !atomic_read(&nr_vmm_mms));
	/* The last SRCU callback runs notify_free() with bottom halves disabled. */
	synchronize_rcu();
}
