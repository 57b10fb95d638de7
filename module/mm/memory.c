// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest-physical memory: zapping, flushing, and the life of it all.
 *
 * Pages are mapped as the guest touches them or their neighbors, are never pinned,
 * and are zapped when an MMU notifier says that the VMM's memory changed.
 *
 * How a stale translation is kept from surviving (with run.c):
 *
 *   zap (here)				entry (run.c)
 *   ----------				-------------
 *   clear entries under lock		interrupts off
 *   tlb_gen++           (full barrier)	add this CPU to cpus   (full barrier)
 *   interrupt every CPU in cpus	read tlb_gen, flush if it moved
 *   and wait				VMRUN
 *
 * Either the entry sees the new generation, or the zap sees the CPU, whose
 * interrupt is taken only after it left the guest.
 *
 * Locking: mutex -> mmap_lock -> page table locks -> lock. The fault path holds none
 * of them while it waits for the VMM's memory.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "mm/dirty.h"
#include "mm/memory.h"
#include "mm/priv.h"

static void guest_cpu_noop(void *unused)
{
}

static void flush_cpus(struct guest_memory *mem)
{
	atomic64_inc(&mem->tlb_gen);
	/* Pairs with the barrier in vcpu_load(): generation before CPU set. */
	smp_mb__after_atomic();
	if (cpumask_empty(mem->cpus))
		return;
	preempt_disable();
	smp_call_function_many(mem->cpus, guest_cpu_noop, NULL, true);
	preempt_enable();
}

/* After this no CPU uses a translation that was zapped before. */
void guest_memory_flush(struct guest_memory *mem)
{
	u64 gen;

	spin_lock(&mem->lock);
	gen = mem->zap_gen;
	spin_unlock(&mem->lock);
	flush_cpus(mem);
	spin_lock(&mem->lock);
	mem->flushed_gen = max(mem->flushed_gen, gen);
	spin_unlock(&mem->lock);
}

/* A piece at a time, so that the lock is not held for long. Context: may sleep. */
void guest_memory_zap(struct guest_memory *mem, u64 start, u64 end)
{
	u64 next;

	do {
		spin_lock(&mem->lock);
		start = npt_next(&mem->npt, start, end);
		next = min(end, round_down(start, GUEST_ZAP_CHUNK) + GUEST_ZAP_CHUNK);
		npt_zap(&mem->npt, start, next, guest_leaf_gone, mem);
		spin_unlock(&mem->lock);
		cond_resched();
		start = next;
	} while (start < end);
}

/**
 * guest_memory_zap_tables() - zap what is mapped in a range, and unlink empty tables
 * @mem: a VM's memory
 * @start: first address
 * @end: first address behind
 * @dead: the tables are added here; for npt_free_dead() after a flush
 *
 * Context: may sleep. A fault may map some of it again meanwhile.
 */
void guest_memory_zap_tables(struct guest_memory *mem, u64 start, u64 end,
			     struct list_head *dead)
{
	u64 at = start;

	guest_memory_zap(mem, start, end);
	do {
		spin_lock(&mem->lock);
		at = npt_detach(&mem->npt, start, end, at, dead);
		spin_unlock(&mem->lock);
		cond_resched();
	} while (at < end);
}

/**
 * guest_memory_clear() - zap a range, and free its tables
 * @mem: a VM's memory
 * @start: first address
 * @end: first address behind
 *
 * Context: may sleep. A fault may map some of it again meanwhile.
 */
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end)
{
	LIST_HEAD(dead);

	guest_memory_zap_tables(mem, start, end, &dead);
	/* Also when no leaf went: a walker may use a dead table. */
	guest_memory_flush(mem);
	npt_free_dead(&dead);
}

/**
 * guest_memory_stats() - SVMVCPU_GET_STATS
 * @mem: a VM's memory
 * @stats: filled in, but for its head
 */
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
 * guest_memory_init() - an empty guest-physical address space
 * @mem: zeroed
 * @levels: of the nested page tables, as the host's CPUs want them
 * @gpa_bits: width of a guest-physical address
 *
 * Takes a reference on the caller's mm, not on its users: it may die first.
 *
 * Context: may sleep; takes mmap_lock for writing.
 * Return: 0, -ENOMEM, or -EINTR when a signal is pending.
 */
int guest_memory_init(struct guest_memory *mem, unsigned int levels, unsigned int gpa_bits)
{
	int ret;

	mutex_init(&mem->mutex);
	init_waitqueue_head(&mem->copied);
	spin_lock_init(&mem->lock);
	track_init(&mem->track);
	mem->regions = RB_ROOT;
	mem->by_hva = RB_ROOT_CACHED;
	mem->gpa_bits = gpa_bits;
	mem->max_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? NPT_1G : NPT_2M;
	if (!zalloc_cpumask_var(&mem->cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	ret = npt_init(&mem->npt, levels);
	if (!ret)
		ret = guest_mm_join(mem);
	if (!ret)
		return 0;
	npt_destroy(&mem->npt);
	free_cpumask_var(mem->cpus);
	return ret;
}

/**
 * guest_memory_destroy() - undo guest_memory_init(); no vCPU exists any more
 * @mem: a VM's memory
 *
 * Context: may sleep; current->mm need not be the VM's.
 */
void guest_memory_destroy(struct guest_memory *mem)
{
	/* First the leaves, while notifiers still keep the pages. */
	guest_regions_zap(mem);
	guest_mm_leave(mem);
	guest_regions_free(mem);
	guest_track_forget(mem, 0, npt_gpa_limit(&mem->npt) >> PAGE_SHIFT, GUEST_FORGET_ALL);
	xa_destroy(&mem->track.entries);
	kfree(mem->track.ranges);
	dirty_free(mem);
	npt_destroy(&mem->npt);
	free_cpumask_var(mem->cpus);
}
