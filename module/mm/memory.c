// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest-physical memory: creation, zapping, flushing, and destruction.
 *
 * Pages are mapped when the guest accesses them or a neighbor. They are not pinned:
 * an MMU notifier zaps them when the VMM's memory changes.
 *
 * This protocol with run.c ensures that no CPU keeps a stale translation:
 *
 *   zap					entry (run.c)
 *   ----------				-------------
 *   clear entries under lock		interrupts off
 *   tlb_gen++           (full barrier)	add this CPU to cpus   (full barrier)
 *   interrupt every CPU in cpus	read tlb_gen, flush if it moved
 *   and wait				VMRUN
 *
 * Either the entry sees the new generation, or the zap sees the CPU, which takes the
 * interrupt only after it has left the guest.
 *
 * Lock order: guest_memory.mutex -> mmap_lock -> page table locks ->
 * guest_memory.lock. A fault holds none of them while it waits for an invalidation, but
 * handle_mm_fault() may wait for I/O with mmap_lock held.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "mm/memory.h"
#include "mm/priv.h"

static void cpu_noop(void *unused)
{
}

/* No CPU uses a leaf that was zapped before the call when this returns. */
void guest_memory_flush(struct guest_memory *mem)
{
	u64 gen;

	spin_lock(&mem->lock);
	gen = mem->zap_gen;
	spin_unlock(&mem->lock);
	atomic64_inc(&mem->tlb_gen);
	/* Pairs with the barrier in vcpu_load(): generation before CPU set. */
	smp_mb__after_atomic();
	if (!cpumask_empty(mem->cpus))
		on_each_cpu_mask(mem->cpus, cpu_noop, NULL, true);
	spin_lock(&mem->lock);
	mem->flushed_gen = max(mem->flushed_gen, gen);
	spin_unlock(&mem->lock);
}

/*
 * The same, unless there is no such leaf. The leaf may have been zapped by a CPU that has not
 * flushed it yet.
 */
void guest_memory_flush_zapped(struct guest_memory *mem)
{
	bool flush;

	spin_lock(&mem->lock);
	flush = mem->flushed_gen != mem->zap_gen;
	spin_unlock(&mem->lock);
	if (flush)
		guest_memory_flush(mem);
}

/*
 * Zaps a range in pieces, so that the lock is not held for long. If @dead is not NULL,
 * also moves tables that became empty to it; after a flush, the caller passes them to
 * npt_free_dead(). Sleeps. A concurrent fault may map pages again.
 */
void guest_memory_zap(struct guest_memory *mem, u64 start, u64 end, struct list_head *dead)
{
	u64 at = start;

	do {
		spin_lock(&mem->lock);
		at = npt_zap(&mem->npt, start, end, at, dead, leaf_zapped, mem);
		spin_unlock(&mem->lock);
		cond_resched();
	} while (at < end);
}

/* Zaps and flushes a range and frees its tables. Sleeps. A concurrent fault may map pages. */
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end)
{
	LIST_HEAD(dead);

	guest_memory_zap(mem, start, end, &dead);
	/* Always flush: a CPU may be walking a detached table even if no leaf was zapped. */
	guest_memory_flush(mem);
	npt_free_dead(&dead);
}

/* Fills in all but the header of @stats. */
void guest_memory_stats(struct guest_memory *mem, struct svmvcpu_stats *stats)
{
	spin_lock(&mem->lock);
	stats->faults = mem->stats.faults;
	stats->mapped_4k = mem->stats.mapped[NPT_4K];
	stats->mapped_2m = mem->stats.mapped[NPT_2M];
	stats->mapped_1g = mem->stats.mapped[NPT_1G];
	stats->zapped = mem->stats.zapped;
	stats->tables = mem->npt.tables;
	spin_unlock(&mem->lock);
	stats->flushes = atomic64_read(&mem->tlb_gen);
}

/**
 * guest_memory_init() - create an empty guest-physical address space
 * @mem: zeroed
 * @levels: levels of nested page tables, equal to those of the host's page tables
 * @gpa_bits: width of a guest-physical address
 *
 * Takes a reference on current->mm (mmgrab(), not mmget()), so the address space may
 * be torn down before the VM.
 *
 * Context: may sleep; takes mmap_lock for writing.
 * Return: 0, -ENOMEM, or -EINTR if a signal is pending.
 */
int guest_memory_init(struct guest_memory *mem, unsigned int levels, unsigned int gpa_bits)
{
	int ret;

	mutex_init(&mem->mutex);
	init_waitqueue_head(&mem->accesses_done);
	spin_lock_init(&mem->lock);
	track_init(&mem->track);
	seqcount_spinlock_init(&mem->regions_seq, &mem->lock);
	mem->regions = RB_ROOT_CACHED;
	mem->by_hva = RB_ROOT_CACHED;
	mem->gpa_bits = gpa_bits;
	mem->max_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? NPT_1G : NPT_2M;
	if (!zalloc_cpumask_var(&mem->cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	ret = npt_init(&mem->npt, levels);
	if (!ret)
		ret = vmm_mm_join(mem);
	if (!ret)
		return 0;
	npt_destroy(&mem->npt);
	free_cpumask_var(mem->cpus);
	return ret;
}

/**
 * guest_memory_destroy() - undo guest_memory_init() and remove all regions
 * @mem: memory of a VM without vCPUs
 *
 * Context: may sleep; current->mm need not be guest_memory.mm.
 */
void guest_memory_destroy(struct guest_memory *mem)
{
	/* Zap before leaving the notifier, without which the leaves would be stale. */
	regions_zap(mem);
	vmm_mm_leave(mem);
	regions_free(mem);
	track_change_range(mem, 0, npt_gpa_limit(&mem->npt) >> PAGE_SHIFT, TRACK_FORGET_ALL);
	xa_destroy(&mem->track.entries);
	track_log_stop(&mem->track, 0, BIT_ULL(mem->gpa_bits) >> PAGE_SHIFT, NULL);
	if (mem->dirty_list)
		free_pages_exact(mem->dirty_list, SVMVCPU_DIRTY_LIST_BYTES);
	npt_destroy(&mem->npt);
	free_cpumask_var(mem->cpus);
}
