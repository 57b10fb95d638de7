// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page faults map pages of the VMM in the nested page tables. memory.c and
 * notify.c unmap them.
 *
 * A fault reads the VMM's page tables with interrupts off, without a lock
 * (host_walk.c). If the page is missing there,
 * the fault calls handle_mm_fault() and reads the tables again. Present neighbors
 * (the fault-around range) are mapped as well, with at most the rights that the VMM's
 * page tables grant; missing neighbors are not faulted in.
 *
 * A signal or, except in PREFAULT, a request to the vCPU ends every wait here, except in
 * handle_mm_fault(): the I/O or migration of the page, and the monitor of a
 * userfaultfd, whose wait ends on a signal, but not on a request.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "mm/memory.h"
#include "mm/priv.h"

/*
 * Size of the fault-around range. The range is aligned, so one table of leaves holds
 * all of it. The size bounds the time under the lock.
 */
#define FAULT_AROUND_PAGES	64U
#define FAULT_AROUND_BYTES	(FAULT_AROUND_PAGES * PAGE_SIZE)

/*
 * Size of the range for the first fault in the 2 MiB of a table of leaves. Short-lived
 * guests touch few pages of most tables.
 */
#define FAULT_AROUND_FIRST	16U

/* Size of the range in leaves of 2 MiB */
#define FAULT_AROUND_LARGE	16U

/**
 * struct fault_range - pages of one region that a fault is about to map
 * @region: a copy, which may become stale
 * @watch: user addresses for which the notifier reports invalidations
 * @gpa: first page
 * @nr: number of pages
 * @first: index of the first page that must be mapped
 * @end: index after the last page that must be mapped
 * @access: SVMVCPU_MEM_* that these pages must allow
 * @fault: a guest access caused this, not PREFAULT
 * @tried: fault_in() has been called
 * @retry: handle_mm_fault() asked for a retry
 * @no_around: map no neighbors, and no leaf above @level. Set after the last attempt
 *	met an invalidation, or found a leaf larger than @watch
 * @stop: ends a wait, or NULL
 * @prealloc: for a write to a tracked page; NULL for PREFAULT
 * @mapped_end: out: address after the pages that were mapped
 * @level: level of the leaf for @first
 * @target: the leaf for @first, if it is large
 * @large_gpa: address of @leaf[0] if @leaf holds leaves of 2 MiB
 * @leaf: leaves of the range, or of 2 MiB around a large page; 0: do not map. fr_read()
 *	first puts host entries (HOST_*) here
 */
struct fault_range {
	struct mem_region region;
	struct hva_watch watch;
	u64 gpa;
	unsigned int nr;
	unsigned int first;
	unsigned int end;
	u32 access;
	bool fault;
	bool tried;
	bool retry;
	bool no_around;
	const struct fault_stop *stop;
	struct track_prealloc *prealloc;
	u64 mapped_end;
	unsigned int level;
	u64 target;
	u64 large_gpa;
	u64 leaf[FAULT_AROUND_PAGES];
};

static u64 fr_gpa(const struct fault_range *fr, unsigned int page)
{
	return fr->gpa + ((u64)page << PAGE_SHIFT);
}

static struct span region_span(const struct mem_region *region, u64 start, u64 end)
{
	start = max(start, region->gpa);
	end = min(end, region->end);
	return (struct span) { region_hva(region, start), region_hva(region, end) };
}

/* User addresses of the pages that must be mapped */
static struct span fr_needed(const struct fault_range *fr)
{
	return region_span(&fr->region, fr_gpa(fr, fr->first), fr_gpa(fr, fr->end));
}

/*
 * User addresses that the fault may read: those of large neighbors, or only of the
 * leaf, at the size that the last attempt found.
 */
static struct span fr_watched(const struct fault_range *fr)
{
	u64 bytes = fr->no_around ? npt_span(fr->level) : FAULT_AROUND_LARGE * npt_span(NPT_2M);
	u64 gpa = fr_gpa(fr, fr->first);

	if (fr->end - fr->first > 1 && bytes == PAGE_SIZE)
		return fr_needed(fr);
	return region_span(&fr->region, round_down(gpa, bytes), round_down(gpa, bytes) + bytes);
}

static u64 fr_size(struct guest_memory *mem, const struct fault_range *fr, u64 gpa)
{
	unsigned int level;
	bool first;

	if (!fr->fault)
		return FAULT_AROUND_BYTES;
	spin_lock(&mem->lock);
	first = !npt_slot(&mem->npt, gpa, &level);
	spin_unlock(&mem->lock);
	return first ? FAULT_AROUND_FIRST * PAGE_SIZE : FAULT_AROUND_BYTES;
}

static void fr_place(struct fault_range *fr, u64 gpa, u64 end, u64 bytes)
{
	u64 start = max(round_down(gpa, bytes), fr->region.gpa);
	u64 stop = min(round_down(gpa, bytes) + bytes, fr->region.end);

	fr->gpa = start;
	fr->nr = (stop - start) >> PAGE_SHIFT;
	fr->first = (gpa - start) >> PAGE_SHIFT;
	fr->end = (min(stop, end) - start) >> PAGE_SHIFT;
}

/*
 * Sleeps until an invalidation ends or @stop asks to stop. This waits on two queues,
 * so prepare_to_wait() does not work: a wakeup from the first queue between two calls
 * would be lost when the second call sets the task state again.
 */
static int fr_wait(struct guest_memory *mem, const struct fault_range *fr)
{
	DECLARE_WAITQUEUE(invalidated, current);
	DECLARE_WAITQUEUE(stopped, current);

	add_wait_queue(&mem->vmm->invalidate_wait, &invalidated);
	if (fr->stop)
		add_wait_queue(fr->stop->wait, &stopped);
	set_current_state(TASK_INTERRUPTIBLE);
	if (!fault_stop_requested(fr->stop) && hva_invalidating(mem->vmm, fr_needed(fr)))
		schedule();
	__set_current_state(TASK_RUNNING);
	if (fr->stop)
		remove_wait_queue(fr->stop->wait, &stopped);
	remove_wait_queue(&mem->vmm->invalidate_wait, &invalidated);
	return fault_stop_requested(fr->stop) ? -EINTR : -EAGAIN;
}

/*
 * Places the range around @gpa; its pages in [gpa, end) must be mapped. On success the
 * notifier watches its user addresses until hva_watch_end().
 */
static int fr_begin(struct guest_memory *mem, struct fault_range *fr, u64 gpa, u64 end,
		    u32 access)
{
	if (!region_lookup(mem, gpa, &fr->region))
		return -ENOENT;
	if ((fr->region.prot & access) != access)
		return -EACCES;
	fr->access = access;
	fr_place(fr, gpa, end, fr_size(mem, fr, gpa));
	fr->watch.span = fr_watched(fr);
	if (hva_watch_begin(mem->vmm, &fr->watch, fr_needed(fr)))
		return 0;
	return fr_wait(mem, fr);
}

/* The leaf grants only rights that both the region and the VMM's page table grant. */
static u64 make_leaf(const struct fault_range *fr, u64 host, unsigned int level)
{
	unsigned int prot = 0;

	if (!(host & HOST_PRESENT))
		return 0;
	if ((fr->region.prot & SVMVCPU_MEM_WRITE) && (host & HOST_WRITE))
		prot |= NPT_W;
	if (fr->region.prot & SVMVCPU_MEM_EXEC)
		prot |= NPT_X;
	return npt_make_leaf(round_down(host & HOST_PFN, npt_span(level) >> PAGE_SHIFT), prot,
			     level);
}

static bool leaf_usable(const struct fault_range *fr, u64 leaf)
{
	return leaf && (!(fr->access & SVMVCPU_MEM_WRITE) || npt_pte_writable(leaf));
}

/*
 * The largest possible level for the first needed page. The leaf must not be larger
 * than the VMM's mapping, must lie in one region, and guest-physical and user address
 * must be congruent modulo its size. Without fault-around, it must also lie in the
 * watched addresses.
 */
static unsigned int fr_level(struct guest_memory *mem, const struct fault_range *fr,
			     unsigned int host_level)
{
	u64 gpa = fr_gpa(fr, fr->first), hva = region_hva(&fr->region, gpa);
	unsigned int level = min(mem->max_level, host_level);

	if (fr->no_around)
		level = min(level, fr->level);
	for (; level > NPT_4K; level--) {
		u64 span = npt_span(level), start = round_down(gpa, span);

		if (!((gpa ^ hva) & (span - 1)) &&
		    start >= fr->region.gpa && start + span <= fr->region.end &&
		    !track_covers_range(mem, start, start + span))
			break;
	}
	return level;
}

/* Leaves of 2 MiB around a large page, within the region. See read_small() for @tried. */
static void read_large(struct guest_memory *mem, struct fault_range *fr)
{
	u64 span = npt_span(NPT_2M), gpa, host;
	unsigned int i;

	gpa = round_down(fr_gpa(fr, fr->first), FAULT_AROUND_LARGE * span);
	memset(fr->leaf, 0, FAULT_AROUND_LARGE * sizeof(fr->leaf[0]));
	fr->large_gpa = gpa;
	if (fr->tried || fr->no_around)
		return;
	for (i = 0; i < FAULT_AROUND_LARGE; i++, gpa += span)
		if (gpa >= fr->region.gpa && gpa + span <= fr->region.end &&
		    host_walk_page(mem->mm, region_hva(&fr->region, gpa), &host) >= NPT_2M)
			fr->leaf[i] = make_leaf(fr, host, NPT_2M);
}

/*
 * Reads small pages of the whole range. If the needed page had to be faulted in, only
 * the needed pages are read, because their neighbors are usually missing, too.
 *
 * Returns the index of the first needed page that is missing, or fr->end if none is.
 * Returns -EFAULT if guest memory cannot use a needed page.
 */
static int read_small(struct guest_memory *mem, struct fault_range *fr)
{
	unsigned int from = 0, to = fr->nr, i;

	if (fr->tried || fr->no_around) {
		from = fr->first;
		to = fr->end;
		memset(fr->leaf, 0, fr->nr * sizeof(fr->leaf[0]));
	}
	host_walk_pages(mem->mm, region_hva(&fr->region, fr_gpa(fr, from)), to - from,
			fr->leaf + from);
	for (i = fr->first; i < fr->end; i++)
		if (fr->leaf[i] & HOST_REFUSED)
			return -EFAULT;
	for (i = from; i < to; i++)
		fr->leaf[i] = make_leaf(fr, fr->leaf[i], NPT_4K);
	for (i = fr->first; i < fr->end; i++)
		if (!leaf_usable(fr, fr->leaf[i]))
			break;
	return i;
}

/* Returns as read_small(), or -EAGAIN to start over. */
static int fr_read_irqs_off(struct guest_memory *mem, struct fault_range *fr)
{
	unsigned int host_level, level = NPT_4K;
	u64 host;

	host_level = host_walk_page(mem->mm, fr_needed(fr).start, &host);
	if (host_level > NPT_4K && leaf_usable(fr, make_leaf(fr, host, NPT_4K)))
		level = fr_level(mem, fr, host_level);
	fr->level = level;
	if (level == NPT_4K)
		return read_small(mem, fr);
	/* The leaf is larger than the watched addresses: start over and watch all of it. */
	if (level > NPT_2M && !fr->no_around) {
		fr->no_around = true;
		return -EAGAIN;
	}
	fr->target = make_leaf(fr, host, level);
	read_large(mem, fr);
	return fr->end;
}

static int fr_read(struct guest_memory *mem, struct fault_range *fr)
{
	int ret;

	local_irq_disable();
	ret = fr_read_irqs_off(mem, fr);
	local_irq_enable();
	return ret;
}

/*
 * Faults a page in like a CPU's access. The caller holds mmap_lock. Returns -EAGAIN if
 * handle_mm_fault() has released it.
 */
static int fault_in_page(struct guest_memory *mem, struct fault_range *fr, unsigned int page)
{
	bool write = fr->access & SVMVCPU_MEM_WRITE;
	unsigned int flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_REMOTE;
	u64 hva = region_hva(&fr->region, fr_gpa(fr, page));
	struct vm_area_struct *vma = vma_lookup(mem->mm, hva);
	vm_fault_t fault;

	if (!vma || !(vma->vm_flags & VM_READ) || (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EFAULT;
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	flags |= (write ? FAULT_FLAG_WRITE : 0) | (fr->retry ? FAULT_FLAG_TRIED : 0);
	fault = handle_mm_fault(vma, hva, flags, NULL);
	/* FAULT_FLAG_TRIED keeps mmap_lock during I/O: do not set it on the first attempt. */
	fr->retry = fault & VM_FAULT_RETRY;
	if (fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
		return -EAGAIN;
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	return fault & VM_FAULT_ERROR ? -EFAULT : 0;
}

/* The first call faults in a single page, since it may turn out to be a large one. */
static int fault_in(struct guest_memory *mem, struct fault_range *fr, unsigned int page)
{
	unsigned int end = fr->tried ? fr->end : page + 1;
	int ret = fault_mmap_lock(mem, fr->stop);

	if (ret)
		return ret;
	for (; !ret && page < end; page++) {
		if (leaf_usable(fr, fr->leaf[page]))
			continue;
		ret = fault_in_page(mem, fr, page);
		if (!ret && page + 1 < end && fault_stop_requested(fr->stop))
			ret = -EINTR;
		cond_resched();
	}
	fr->tried = true;
	if (ret != -EAGAIN)
		mmap_read_unlock(mem->mm);
	return ret;
}

/* The addresses that fr_install() maps, without large neighbors */
struct install {
	unsigned int level;
	u64 start;
	u64 end;
};

static void install_prepare(const struct fault_range *fr, struct install *in)
{
	u64 span = npt_span(fr->level);

	in->level = fr->level;
	if (in->level > NPT_4K) {
		in->start = round_down(fr_gpa(fr, fr->first), span);
		in->end = in->start + span;
	} else {
		in->start = fr->gpa;
		in->end = fr_gpa(fr, fr->nr);
	}
}

/* Was any of [start, end) invalidated since fr_begin()? */
static bool fr_invalidated(const struct fault_range *fr, u64 start, u64 end)
{
	const struct span invalidated = {
		READ_ONCE(fr->watch.invalidated.start), READ_ONCE(fr->watch.invalidated.end),
	};

	return span_overlaps(invalidated, region_span(&fr->region, start, end));
}

static bool fr_needed_invalidated(const struct fault_range *fr)
{
	return fr_invalidated(fr, fr_gpa(fr, fr->first), fr_gpa(fr, fr->end));
}

/*
 * Drops neighbors that were invalidated. Returns false if a needed page was invalidated
 * or the region has changed. The caller holds guest_memory.lock.
 */
static bool fr_recheck(struct guest_memory *mem, struct fault_range *fr, const struct install *in)
{
	unsigned int nr = in->level > NPT_4K ? FAULT_AROUND_LARGE : fr->nr, i;
	u64 gpa = in->level > NPT_4K ? fr->large_gpa : fr->gpa;
	u64 span = npt_span(in->level > NPT_4K ? NPT_2M : NPT_4K);

	if (!region_is_current(mem, &fr->region))
		return false;
	if (likely(READ_ONCE(fr->watch.invalidated.start) >=
		   READ_ONCE(fr->watch.invalidated.end)))
		return true;
	if (in->level > NPT_4K ? fr_invalidated(fr, in->start, in->end) :
	    fr_needed_invalidated(fr))
		return false;
	for (i = 0; i < nr; i++, gpa += span)
		if (fr->leaf[i] && fr_invalidated(fr, gpa, gpa + span))
			fr->leaf[i] = 0;
	return true;
}

/* Index of the page that the guest is about to write, or fr->nr */
static unsigned int fr_written(const struct fault_range *fr)
{
	return fr->prealloc && (fr->access & SVMVCPU_MEM_WRITE) ? fr->first : fr->nr;
}

/*
 * The next attempt maps no neighbors. If only another part of a large leaf is being
 * invalidated, it maps a small leaf, and need not wait for the invalidation to end.
 */
static void fr_shrink(struct fault_range *fr, const struct install *in)
{
	fr->no_around = true;
	if (in->level > NPT_4K && fr_invalidated(fr, in->start, in->end) &&
	    !fr_needed_invalidated(fr))
		fr->level = NPT_4K;
}

static int install_pages(struct guest_memory *mem, struct fault_range *fr,
			 const struct install *in, void **table)
{
	unsigned int written = fr_written(fr);
	int ret = 0;

	if (unlikely(track_enabled(&mem->track)))
		ret = track_prepare_leaves(mem, in->start, fr->leaf, fr->nr, written,
					   fr->prealloc);
	if (!ret)
		ret = npt_map_leaves(&mem->npt, table, in->start, fr->leaf, fr->nr, NPT_4K, true);
	/* On an error, pages before the conflicting one have been mapped. */
	if (unlikely(track_enabled(&mem->track)) && written < fr->nr)
		track_leaf_mapped(mem, fr_gpa(fr, written));
	return ret;
}

static int install_locked(struct guest_memory *mem, struct fault_range *fr,
			  const struct install *in, void **table)
{
	int ret, fresh = 0;

	lockdep_assert_held(&mem->lock);
	if (!fr_recheck(mem, fr, in))
		return -EAGAIN;
	if (in->level == NPT_4K) {
		ret = install_pages(mem, fr, in, table);
		fresh = ret;
	} else if (track_enabled(&mem->track) &&
		   track_covers(&mem->track, in->start >> PAGE_SHIFT, in->end >> PAGE_SHIFT)) {
		ret = -EAGAIN;
	} else {
		ret = npt_map_leaves(&mem->npt, table, in->start, &fr->target, 1, in->level, true);
		fresh = ret;
	}
	if (ret < 0)
		return ret;
	/* Skip neighbors that conflict with existing entries; they get their own faults. */
	if (in->level == NPT_2M && likely(!track_enabled(&mem->track)))
		fresh += max(npt_map_leaves(&mem->npt, table, fr->large_gpa, fr->leaf,
					    FAULT_AROUND_LARGE, NPT_2M, false), 0);
	mem->stats.mapped[in->level] += fresh;
	mem->stats.faults += fr->fault;
	return 0;
}

/* Returns -EAGAIN if the caller must start over. */
static int fr_install(struct guest_memory *mem, struct fault_range *fr,
		      void **table)
{
	struct install in;
	int ret;

	install_prepare(fr, &in);
	for (;;) {
		spin_lock(&mem->lock);
		ret = install_locked(mem, fr, &in, table);
		spin_unlock(&mem->lock);
		if (ret != -ENOSPC)
			break;
		/* The tables usually exist, so allocate only when npt_map_leaves() asks for it. */
		*table = npt_table_alloc();
		if (!*table)
			return -ENOMEM;
	}
	if (ret == -EBUSY || ret == -EEXIST) {
		/* Zap and flush conflicting entries, such as leaves of another size. */
		guest_memory_clear(mem, in.start, in.end);
		return -EAGAIN;
	}
	if (ret == -EAGAIN)
		fr_shrink(fr, &in);
	fr->mapped_end = in.level > NPT_4K ? in.end : fr_gpa(fr, fr->end);
	return ret;
}

/* Maps [gpa, end), or the part of it that lies in the range around @gpa. */
static noinline_for_stack int map_fault_range(struct guest_memory *mem, struct fault_range *fr,
					      void **table, u64 gpa, u64 end,
					      u32 access)
{
	int ret = fr_begin(mem, fr, gpa, end, access);
	int page;

	if (ret)
		return ret;
	page = fr_read(mem, fr);
	if (page == fr->end)
		ret = fr_install(mem, fr, table);
	/* An entry that was read during an invalidation is meaningless. */
	if (page == -EFAULT && fr_needed_invalidated(fr))
		page = -EAGAIN;
	hva_watch_end(mem->vmm, &fr->watch);
	if (page < 0)
		return page;
	if (page < fr->end) {
		ret = fault_in(mem, fr, page);
		return ret ? ret : -EAGAIN;
	}
	return ret;
}

/* One struct, because KASAN adds redzones around each variable on the stack. */
struct fault_stack {
	struct fault_range fr;
	struct track_prealloc prealloc;
	void *table;	/* spare table for npt_map_leaves(), or NULL */
};

/**
 * guest_memory_fault() - handle a nested page fault
 * @mem: a VM's memory
 * @gpa: any address in the page
 * @access: SVMVCPU_MEM_* of the guest's access
 * @stop: ends a wait, as a signal does
 *
 * Also maps present neighbors of the page.
 *
 * Context: may sleep; current->mm is the VM's. @stop does not end a wait for the I/O
 * or the migration of the page.
 * Return: 0; -ENOENT if there is no region; -EACCES if it does not allow the access;
 * -EFAULT if the VMM's memory behind it is not accessible; -EDQUOT if the snapshot is at
 * its size limit; -EINTR on a signal or @stop; -ENOMEM.
 */
int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const struct fault_stop *stop)
{
	struct fault_stack on = {
		.fr = { .fault = true, .prealloc = &on.prealloc, .stop = stop },
	};
	bool again = false;
	int ret;

	gpa &= PAGE_MASK;
	do {
		if ((access & SVMVCPU_MEM_WRITE) && track_enabled(&mem->track)) {
			ret = track_prealloc_fill(mem, gpa >> PAGE_SHIFT, &on.prealloc);
			if (ret)
				break;
		}
		ret = map_fault_range(mem, &on.fr, &on.table, gpa, gpa + PAGE_SIZE, access);
		/* The first retry is expected: the page has just been faulted in. */
		if (ret == -EAGAIN && again && fault_stop_requested(stop))
			ret = -EINTR;
		again = true;
		cond_resched();
	} while (ret == -EAGAIN);
	track_prealloc_free(mem, gpa >> PAGE_SHIFT, &on.prealloc);
	npt_table_free(on.table);
	return ret;
}

static int prefault_range(struct guest_memory *mem, void **table, u64 gpa,
			  u64 end, u32 access, u64 *mapped_end)
{
	struct fault_range fr = { };
	bool again = false;
	int ret;

	do {
		ret = map_fault_range(mem, &fr, table, gpa, end, access);
		if (ret == -EAGAIN && again && signal_pending(current))
			ret = -EINTR;
		again = true;
		cond_resched();
	} while (ret == -EAGAIN);
	*mapped_end = fr.mapped_end;
	return ret;
}

/**
 * guest_memory_prefault() - SVMVCPU_PREFAULT: map a range before the guest uses it
 * @mem: a VM's memory
 * @gpa: first address
 * @bytes: length
 * @access: SVMVCPU_MEM_* that all pages must allow
 * @done: out: bytes mapped from @gpa on; set on errors, too
 *
 * Context: may sleep; current->mm is the VM's. vCPUs may run.
 * Return: 0; -EINVAL for a malformed range; -ENOENT for an address without region;
 * -EACCES if a region does not allow @access; -EFAULT if the VMM's memory is missing
 * or does not allow it; -ENOMEM; -EINTR.
 */
int guest_memory_prefault(struct guest_memory *mem, u64 gpa, u64 bytes, u32 access, u64 *done)
{
	u64 end = gpa + bytes, at = gpa, until = end, next;
	void *table = NULL;
	int ret = 0;

	*done = 0;
	if (!gpa_range_valid(mem, gpa, bytes))
		return -EINVAL;
	while (!ret && at < end) {
		ret = prefault_range(mem, &table, at, until, access, &next);
		if (ret == -EFAULT && until > at + PAGE_SIZE) {
			/* Find the failing page: map one page at a time. */
			until = at + PAGE_SIZE;
			ret = 0;
			continue;
		}
		if (ret)
			break;
		at = min(next, end);
		until = until < end ? at + PAGE_SIZE : end;
		if (at < end && signal_pending(current))
			ret = -EINTR;
	}
	npt_table_free(table);
	*done = at - gpa;
	return ret;
}
