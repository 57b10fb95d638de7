// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest-physical memory.
 *
 * Owns the region table of a VM and its nested page tables. Pages come in as
 * the guest touches them or their neighbors, are never pinned, and leave the
 * tables when an MMU notifier says that the VMM's memory changed.
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
 * Locking: mutex -> mmap_lock -> lock. The fault path holds none of them while
 * it waits for the VMM's memory.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "memory.h"
#include "memory_priv.h"
#include "snapshot.h"

/* What is zapped under one hold of the lock: some thousand entries at most */
#define ZAP_CHUNK	SZ_32M

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

/* Waits for the module's own writes to guest memory that are under way. */
void guest_memory_settle(struct guest_memory *mem)
{
	guest_memory_flush(mem);
	if (!down_write_killable(&mem->access))
		up_write(&mem->access);
}

/*
 * Takes what is mapped in [start, end) away, a piece at a time, so that the
 * lock is not held for long. With @mn, the fault path is told first.
 *
 * Return: is there anything to flush, from here or from others that zapped?
 */
static bool zap_range(struct guest_memory *mem, u64 start, u64 end, bool may_sleep,
		      struct mmu_interval_notifier *mn, unsigned long seq)
{
	bool flush;
	u64 next;

	do {
		spin_lock(&mem->lock);
		if (mn)
			mmu_interval_set_seq(mn, seq);
		start = npt_next(&mem->npt, start, end);
		next = min(end, round_down(start, ZAP_CHUNK) + ZAP_CHUNK);
		npt_zap(&mem->npt, start, next, guest_leaf_gone, mem);
		flush = mem->flushed_gen != mem->zap_gen;
		spin_unlock(&mem->lock);
		if (may_sleep)
			cond_resched();
		start = next;
	} while (start < end);
	return flush;
}

/* The same with the tables that become empty; they are collected in @dead. */
static void zap_with_tables(struct guest_memory *mem, u64 start, u64 end,
			    struct list_head *dead)
{
	u64 at = start;

	zap_range(mem, start, end, true, NULL, 0);
	do {
		spin_lock(&mem->lock);
		at = npt_detach(&mem->npt, start, end, at, dead);
		spin_unlock(&mem->lock);
		cond_resched();
	} while (at < end);
}

/**
 * guest_memory_clear() - take away what is mapped in a range, tables included
 * @mem: a VM's memory
 * @start: first address
 * @end: first address behind
 *
 * Context: may sleep. Whoever faults meanwhile may map some of it again.
 */
void guest_memory_clear(struct guest_memory *mem, u64 start, u64 end)
{
	LIST_HEAD(dead);

	zap_with_tables(mem, start, end, &dead);
	/* Also when no leaf went: the walker may hold a detached table. */
	guest_memory_flush(mem);
	npt_free_dead(&dead);
}

static bool backing_invalidate(struct mmu_interval_notifier *mn,
			       const struct mmu_notifier_range *range,
			       unsigned long seq)
{
	struct guest_backing *backing = container_of(mn, struct guest_backing, mn);
	u64 bytes = mn->interval_tree.last + 1 - mn->interval_tree.start;
	u64 start = max_t(u64, range->start, backing->hva) - backing->hva;
	u64 end = min_t(u64, range->end, backing->hva + bytes) - backing->hva;

	/* Also when another zapped there and has not flushed yet */
	if (zap_range(backing->mem, backing->gpa + start, backing->gpa + end,
		      mmu_notifier_range_blockable(range), mn, seq))
		guest_memory_flush(backing->mem);
	return true;
}

static const struct mmu_interval_notifier_ops backing_ops = {
	.invalidate = backing_invalidate,
};

static struct guest_backing *backing_create(struct guest_memory *mem,
					    const struct svmvcpu_region *region)
{
	struct guest_backing *backing;
	int ret;

	backing = kzalloc(sizeof(*backing), GFP_KERNEL_ACCOUNT);
	if (!backing)
		return ERR_PTR(-ENOMEM);
	backing->mem = mem;
	backing->gpa = region->gpa;
	backing->hva = region->hva;
	refcount_set(&backing->refs, 1);
	ret = mmu_interval_notifier_insert(&backing->mn, mem->mm, region->hva,
					   region->bytes, &backing_ops);
	if (!ret)
		return backing;
	kfree(backing);
	return ERR_PTR(ret);
}

void guest_backing_put(struct guest_backing *backing)
{
	if (!refcount_dec_and_test(&backing->refs))
		return;
	mmu_interval_notifier_remove(&backing->mn);
	kfree_rcu(backing, rcu);
}

static struct guest_table *table_alloc(unsigned int nr)
{
	struct guest_table *table;

	table = kvmalloc(struct_size(table, region, nr), GFP_KERNEL_ACCOUNT);
	if (table)
		table->nr = 0;
	return table;
}

/* Index of the first region that ends behind @gpa; nr when there is none. */
unsigned int guest_table_find(const struct guest_table *table, u64 gpa)
{
	unsigned int low = 0, high = table->nr;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (table->region[mid].end > gpa)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/**
 * guest_region_lookup() - copy the region around an address
 * @mem: a VM's memory
 * @gpa: the address
 * @hold: take a reference on its backing, for guest_backing_put()
 * @region: out
 *
 * Return: false when there is none.
 */
bool guest_region_lookup(struct guest_memory *mem, u64 gpa, bool hold,
			 struct guest_region *region)
{
	const struct guest_table *table;
	bool found = false;
	unsigned int i;

	rcu_read_lock();
	table = rcu_dereference(mem->table);
	i = table ? guest_table_find(table, gpa) : 0;
	if (table && i < table->nr && table->region[i].gpa <= gpa) {
		*region = table->region[i];
		found = !hold || refcount_inc_not_zero(&region->backing->refs);
	}
	rcu_read_unlock();
	return found;
}

struct guest_table *guest_table_current(struct guest_memory *mem)
{
	return rcu_dereference_protected(mem->table, lockdep_is_held(&mem->mutex));
}

static void table_put(struct guest_table *table)
{
	unsigned int i;

	if (!table)
		return;
	for (i = 0; i < table->nr; i++)
		guest_backing_put(table->region[i].backing);
	kvfree_rcu(table, rcu);
}

/* Puts @new in place. What it dropped has to be zapped by the caller. */
static void table_publish(struct guest_memory *mem, struct guest_table *new)
{
	rcu_assign_pointer(mem->table, new);
	spin_lock(&mem->lock);
	/* Pairs with window_open() and memo.c: who sees the generation sees the table. */
	smp_store_release(&mem->table_gen, mem->table_gen + 1);
	spin_unlock(&mem->lock);
}

/* The first region of a sorted pair goes in; both arrays are walked once. */
static int table_merge(struct guest_table *out, const struct guest_table *old,
		       const struct guest_region *add, unsigned int nr)
{
	unsigned int i = 0, j = 0, old_nr = old ? old->nr : 0;

	while (i < old_nr || j < nr) {
		const struct guest_region *next;

		if (j == nr || (i < old_nr && old->region[i].gpa < add[j].gpa))
			next = &old->region[i++];
		else
			next = &add[j++];
		if (out->nr && out->region[out->nr - 1].end > next->gpa)
			return -EEXIST;
		out->region[out->nr++] = *next;
	}
	return 0;
}

/* Can [gpa, gpa + bytes) be the address of anything? */
bool guest_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes)
{
	u64 end;

	return bytes && PAGE_ALIGNED(gpa) && PAGE_ALIGNED(bytes) &&
	       !check_add_overflow(gpa, bytes, &end) && end <= BIT_ULL(mem->gpa_bits);
}

static int region_valid(const struct guest_memory *mem, const struct svmvcpu_region *region)
{
	const u32 known = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC;

	if (!guest_range_valid(mem, region->gpa, region->bytes) ||
	    !PAGE_ALIGNED(region->hva) || region->mbz)
		return -EINVAL;
	if ((region->prot & ~known) || !(region->prot & SVMVCPU_MEM_READ))
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)region->hva, region->bytes))
		return -EFAULT;
	return 0;
}

static void regions_drop(struct guest_region *add, unsigned int nr)
{
	while (nr--)
		guest_backing_put(add[nr].backing);
}

/* Turns user's regions into ours, in the order of their addresses. */
static int regions_create(struct guest_memory *mem, struct guest_region *add,
			  const struct svmvcpu_region *regions, unsigned int nr)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		struct guest_region new = {
			.gpa = regions[i].gpa,
			.end = regions[i].gpa + regions[i].bytes,
			.hva = regions[i].hva,
			.prot = regions[i].prot,
			.backing = backing_create(mem, &regions[i]),
		};

		if (IS_ERR(new.backing)) {
			regions_drop(add, i);
			return PTR_ERR(new.backing);
		}
		/* Insertion sort: VMMs pass them sorted, and the batch is small. */
		for (j = i; j && add[j - 1].gpa > new.gpa; j--)
			add[j] = add[j - 1];
		add[j] = new;
	}
	return 0;
}

static void table_hold(struct guest_table *table)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		refcount_inc(&table->region[i].backing->refs);
}

static int map_locked(struct guest_memory *mem, struct guest_region *add, unsigned int nr)
{
	struct guest_table *old = guest_table_current(mem), *new;
	unsigned int total = (old ? old->nr : 0) + nr, i;
	int ret;

	for (i = 0; i < nr; i++)
		add[i].epoch = mem->map_epoch;

	if (total > GUEST_MAX_REGIONS)
		return -ENOSPC;
	new = table_alloc(total);
	if (!new)
		return -ENOMEM;
	ret = table_merge(new, old, add, nr);
	if (!ret && mem->track.snapshot)
		ret = guest_table_unaliased(new);
	if (ret) {
		kvfree(new);
		return ret;
	}
	table_hold(new);
	table_publish(mem, new);
	table_put(old);
	return 0;
}

/**
 * guest_memory_map() - add regions, all or none
 * @mem: a VM's memory
 * @regions: copied from user space, not yet checked
 * @nr: how many, 1 to GUEST_MAX_BATCH
 *
 * Context: may sleep; current->mm is the VM's.
 * Return: 0; -EINVAL for a malformed region; -EFAULT when its user range is
 * not one user space can own; -EEXIST when it overlaps another; -ENOSPC when
 * there would be more than GUEST_MAX_REGIONS; -ENOTUNIQ when there is a snapshot
 * and the memory could be written at two addresses; -ENOMEM; -EINTR.
 */
int guest_memory_map(struct guest_memory *mem, const struct svmvcpu_region *regions,
		     unsigned int nr)
{
	struct guest_region *add;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = region_valid(mem, &regions[i]);
		if (ret)
			return ret;
	}
	add = kvcalloc(nr, sizeof(*add), GFP_KERNEL_ACCOUNT);
	if (!add)
		return -ENOMEM;
	ret = regions_create(mem, add, regions, nr);
	if (ret)
		goto free;
	ret = mutex_lock_killable(&mem->mutex);
	if (!ret) {
		ret = map_locked(mem, add, nr);
		mutex_unlock(&mem->mutex);
	}
	/* The table, if it was replaced, has references of its own. */
	regions_drop(add, nr);
free:
	kvfree(add);
	return ret;
}

/*
 * Takes a range out of a table that nobody else sees yet: of the first and the
 * last region it meets a piece may be left. There is room for one more.
 */
static int table_cut(struct guest_table *table, const struct svmvcpu_range *range)
{
	u64 start = range->gpa, end = range->gpa + range->bytes;
	unsigned int first = guest_table_find(table, start), last = first, nr = 0;
	struct guest_region left[2];

	while (last < table->nr && table->region[last].gpa < end)
		last++;
	if (first == last)
		return -ENOENT;
	if (table->region[first].gpa < start) {
		left[nr] = table->region[first];
		left[nr++].end = start;
	}
	if (table->region[last - 1].end > end) {
		left[nr] = table->region[last - 1];
		left[nr].hva += end - left[nr].gpa;
		left[nr++].gpa = end;
	}
	memmove(&table->region[first + nr], &table->region[last],
		(table->nr - last) * sizeof(left[0]));
	memcpy(&table->region[first], left, nr * sizeof(left[0]));
	table->nr += nr + first - last;
	return table->nr <= GUEST_MAX_REGIONS ? 0 : -ENOSPC;
}

/* A copy without the ranges; the references are still the old table's. */
static struct guest_table *table_cut_all(const struct guest_table *old,
					 const struct svmvcpu_range *ranges,
					 unsigned int nr)
{
	unsigned int old_nr = old ? old->nr : 0, i;
	struct guest_table *new;
	int ret = 0;

	/* One range splits at most one region in two. */
	new = table_alloc(old_nr + nr);
	if (!new)
		return ERR_PTR(-ENOMEM);
	if (old_nr)
		memcpy(new->region, old->region, old_nr * sizeof(new->region[0]));
	new->nr = old_nr;
	for (i = 0; i < nr && !ret; i++)
		ret = table_cut(new, &ranges[i]);
	if (!ret)
		return new;
	kvfree(new);
	return ERR_PTR(ret);
}

static void unmap_locked(struct guest_memory *mem, const struct svmvcpu_range *ranges,
			 unsigned int nr)
{
	LIST_HEAD(dead);
	unsigned int i;

	for (i = 0; i < nr; i++)
		zap_with_tables(mem, ranges[i].gpa, ranges[i].gpa + ranges[i].bytes, &dead);
	/* Also when no leaf went: the walker may hold a detached table. */
	guest_memory_flush(mem);
	npt_free_dead(&dead);
}

/**
 * guest_memory_unmap() - take ranges away, all or none
 * @mem: a VM's memory
 * @ranges: copied from user space, not yet checked
 * @nr: how many, 1 to GUEST_MAX_BATCH
 *
 * When it returns, no vCPU can reach the memory any more.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a malformed range; -ENOENT when a range covers
 * nothing; -ENOSPC when splitting would make too many regions; -EBUSY when it is a
 * part of the snapshot; -ENOMEM; -EINTR.
 */
int guest_memory_unmap(struct guest_memory *mem, const struct svmvcpu_range *ranges,
		       unsigned int nr)
{
	struct guest_table *new, *old;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++)
		if (!guest_range_valid(mem, ranges[i].gpa, ranges[i].bytes))
			return -EINVAL;

	ret = mutex_lock_killable(&mem->mutex);
	if (ret)
		return ret;
	old = guest_table_current(mem);
	new = guest_table_frozen(mem, old, ranges, nr) ? ERR_PTR(-EBUSY) :
							 table_cut_all(old, ranges, nr);
	if (IS_ERR(new)) {
		ret = PTR_ERR(new);
		goto unlock;
	}
	table_hold(new);
	table_publish(mem, new);
	/* Backings stay until their entries are zapped: they guard the pages. */
	unmap_locked(mem, ranges, nr);
	/* And until nobody copies to or from where they said any more. */
	if (!down_write_killable(&mem->access))
		up_write(&mem->access);
	/* Behind that: such a write makes an entry. */
	for (i = 0; i < nr; i++)
		guest_track_forget(mem, ranges[i].gpa >> PAGE_SHIFT,
				   (ranges[i].gpa + ranges[i].bytes) >> PAGE_SHIFT,
				   GUEST_FORGET_ALL);
	table_put(old);
unlock:
	mutex_unlock(&mem->mutex);
	return ret;
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
 * Return: 0 or -ENOMEM.
 */
int guest_memory_init(struct guest_memory *mem, unsigned int levels, unsigned int gpa_bits)
{
	int ret;

	if (!zalloc_cpumask_var(&mem->cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	ret = npt_init(&mem->npt, levels);
	if (ret) {
		free_cpumask_var(mem->cpus);
		return ret;
	}
	mutex_init(&mem->mutex);
	init_rwsem(&mem->access);
	spin_lock_init(&mem->lock);
	track_init(&mem->track);
	mem->gpa_bits = gpa_bits;
	mem->max_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? NPT_1G : NPT_2M;
	mmgrab(current->mm);
	mem->mm = current->mm;
	return 0;
}

/**
 * guest_memory_destroy() - undo guest_memory_init(); no vCPU exists any more
 * @mem: a VM's memory
 *
 * Context: may sleep; current->mm need not be the VM's.
 */
void guest_memory_destroy(struct guest_memory *mem)
{
	struct guest_table *table = rcu_dereference_protected(mem->table, true);
	unsigned int i;

	/* First the entries, while the notifiers still keep the pages. */
	for (i = 0; table && i < table->nr; i++)
		zap_range(mem, table->region[i].gpa, table->region[i].end, true, NULL, 0);
	table_put(table);
	guest_track_forget(mem, 0, npt_gpa_limit(&mem->npt) >> PAGE_SHIFT, GUEST_FORGET_ALL);
	xa_destroy(&mem->track.entries);
	kfree(mem->track.ranges);
	dirty_free(mem);
	npt_destroy(&mem->npt);
	free_cpumask_var(mem->cpus);
	mmdrop(mem->mm);
}
