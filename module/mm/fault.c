// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page faults map pages of the VMM in the nested page tables. memory.c and
 * notify.c unmap them. An attempt to map a page has these steps:
 *
 * 1. Find the region, and have the notifier watch its user addresses (fault_begin()).
 * 2. Read the VMM's page tables, with interrupts off and without a lock
 *    (fault_read(), host_walk.c).
 * 3. If the page is missing there, or is read-only and the guest writes, call
 *    handle_mm_fault() and start over (fault_in()).
 * 4. Under guest_memory.lock, install what was not invalidated meanwhile
 *    (fault_install()).
 *
 * Present neighbors (the fault-around range) are mapped as well, with at most the rights
 * that the VMM's page tables grant; missing neighbors are not faulted in.
 *
 * A signal ends every wait in this file; so does a request to the vCPU, except in
 * PREFAULT. handle_mm_fault() is different: its waits for I/O and migration may not end on
 * either, and its wait for the monitor of a userfaultfd ends on a signal only.
 */
#include <linux/mm.h>
#include <linux/rcuwait.h>
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
#define FAULT_AROUND_FIRST	(16 * PAGE_SIZE)

/* Size of the range of 2 MiB leaves */
#define FAULT_AROUND_LARGE	SZ_32M

/* Maps a page, or several pages of one region for PREFAULT */
struct fault {
	struct guest_memory *mem;
	const struct fault_stop *stop;	/* ends a wait */
	u32 access;		/* SVMVCPU_MEM_* that the needed pages must allow */
	bool guest;		/* a guest access caused this, not PREFAULT */

	/* Kept from one attempt to the next */
	bool alone;		/* map no neighbors; set by fault_in(), shrink(), read_large() */
	bool retry;		/* handle_mm_fault() asked for a retry */
	unsigned int max_level;	/* map no leaf above this level */
	void *table;		/* spare table for npt_map_leaves(), or NULL */
	struct track_prealloc prealloc;	/* for a write of the guest to a tracked page */

	/* Valid during one attempt */
	struct mem_region region;	/* a copy, which may become stale */
	struct hva_watch watch;
	struct span need;	/* user addresses of the pages that must be mapped */
	unsigned int level;	/* of all leaves of the range */
	u64 gpa;		/* first address of the range */
	unsigned int nr;	/* number of leaves */
	unsigned int first;	/* leaves [first, end) must be mapped */
	unsigned int end;
	u64 leaf[FAULT_AROUND_PAGES];	/* 0: do not map. read_small() first stores HOST_* */
};

/* --- where: the range, and the addresses to watch ---------------------------- */

static u64 leaf_gpa(const struct fault *f, unsigned int i)
{
	return f->gpa + i * npt_span(f->level);
}

static struct span region_span(const struct mem_region *region, u64 start, u64 end)
{
	start = max(start, region->gpa);
	end = min(end, region->end);
	return (struct span) { region_hva(region, start), region_hva(region, end) };
}

/*
 * Sets the range to the aligned block of @bytes that contains @gpa, cut to the region, in
 * leaves of @level. The leaves of [gpa, end) must be mapped; with f->alone the range is
 * only these.
 */
static void place_range(struct fault *f, unsigned int level, u64 gpa, u64 end, u64 bytes)
{
	unsigned int shift = npt_shift(level);
	u64 span = npt_span(level);
	u64 start = max(round_down(gpa, bytes), round_up(f->region.gpa, span));
	u64 limit = min(round_down(gpa, bytes) + bytes, round_down(f->region.end, span));

	end = min(round_up(end, span), limit);
	if (f->alone) {
		start = round_down(gpa, span);
		limit = end;
	}
	f->level = level;
	f->gpa = start;
	f->nr = (limit - start) >> shift;
	f->first = (gpa - start) >> shift;
	f->end = (end - start) >> shift;
}

static u64 around_bytes(const struct fault *f, u64 gpa)
{
	unsigned int level;
	bool first;

	if (!f->guest)
		return FAULT_AROUND_BYTES;
	spin_lock(&f->mem->lock);
	first = !npt_slot(&f->mem->npt, gpa, &level);
	spin_unlock(&f->mem->lock);
	return first ? FAULT_AROUND_FIRST : FAULT_AROUND_BYTES;
}

/* User addresses whose page table entries the attempt may use */
static struct span watched_span(const struct fault *f, u64 gpa)
{
	u64 bytes = f->alone ? npt_span(f->max_level) : FAULT_AROUND_LARGE;
	u64 start = round_down(gpa, bytes);

	return region_span(&f->region, start, max(start + bytes, leaf_gpa(f, f->end)));
}

/* Sleeps until the needed pages can be watched, or a signal or @stop ends the wait. */
static int wait_for_invalidations(struct fault *f)
{
	struct vmm_mm *vmm = f->mem->vmm;
	DECLARE_WAITQUEUE(wait, current);
	bool watching = false;

	/* In addition to stop->wait, on which rcuwait_wait_event() sleeps */
	add_wait_queue(&vmm->invalidate_wait, &wait);
	rcuwait_wait_event(f->stop->wait, fault_stop_requested(f->stop) ||
			   (watching = hva_watch_begin(vmm, &f->watch, f->need)),
			   TASK_INTERRUPTIBLE);
	remove_wait_queue(&vmm->invalidate_wait, &wait);
	return watching ? 0 : -EINTR;
}

/*
 * Finds the region and places a range of small pages. On success, the notifier watches
 * its user addresses until hva_watch_end().
 */
static int fault_begin(struct fault *f, u64 gpa, u64 end)
{
	if (!region_lookup(f->mem, gpa, &f->region))
		return -ENOENT;
	if ((f->region.prot & f->access) != f->access)
		return -EACCES;
	place_range(f, NPT_4K, gpa, end, around_bytes(f, gpa));
	f->need = region_span(&f->region, gpa, leaf_gpa(f, f->end));
	f->watch.span = watched_span(f, gpa);
	if (hva_watch_begin(f->mem->vmm, &f->watch, f->need))
		return 0;
	return wait_for_invalidations(f);
}

/* --- what: the VMM's page tables ---------------------------------------------- */

/* The leaf grants only rights that both the region and the VMM's page table grant. */
static u64 make_leaf(const struct fault *f, u64 host, unsigned int level)
{
	unsigned int prot = 0;

	if (!(host & HOST_PRESENT))
		return 0;
	if ((f->region.prot & SVMVCPU_MEM_WRITE) && (host & HOST_WRITE))
		prot |= NPT_W;
	if (f->region.prot & SVMVCPU_MEM_EXEC)
		prot |= NPT_X;
	return npt_make_leaf(round_down(host & HOST_PFN, npt_span(level) >> PAGE_SHIFT), prot,
			     level);
}

static bool leaf_usable(const struct fault *f, u64 leaf)
{
	return leaf && (!(f->access & SVMVCPU_MEM_WRITE) || npt_pte_writable(leaf));
}

/*
 * The largest possible level for the page at @gpa. The leaf must not be larger than the
 * VMM's mapping, must lie in one region and contain no tracked page, and guest-physical
 * and user address must be congruent modulo its size.
 */
static unsigned int leaf_level(const struct fault *f, u64 gpa, unsigned int host_level)
{
	unsigned int level = min(host_level, f->max_level);
	u64 offset = gpa ^ region_hva(&f->region, gpa);

	for (; level > NPT_4K; level--) {
		u64 span = npt_span(level), start = round_down(gpa, span);

		if (!(offset & (span - 1)) &&
		    start >= f->region.gpa && start + span <= f->region.end &&
		    !track_covers_range(f->mem, start, start + span))
			break;
	}
	return level;
}

/*
 * Returns the index of the first needed page that is not mapped, or that is read-only
 * although the access is a write, or f->end if there is none. Returns -EFAULT if guest
 * memory cannot use a needed page.
 */
static int read_small(struct fault *f)
{
	unsigned int i;

	host_walk(f->mem->mm, region_hva(&f->region, f->gpa), f->nr, f->leaf);
	for (i = f->first; i < f->end; i++)
		if (f->leaf[i] & HOST_REFUSED)
			return -EFAULT;
	for (i = 0; i < f->nr; i++)
		f->leaf[i] = make_leaf(f, f->leaf[i], NPT_4K);
	for (i = f->first; i < f->end; i++)
		if (!leaf_usable(f, f->leaf[i]))
			break;
	return i;
}

/* The page at @gpa gets a large leaf; @host is its host entry. Returns as read_small(). */
static int read_large(struct fault *f, u64 gpa, u64 host, unsigned int level)
{
	unsigned int i;

	/* The leaf is larger than the watched addresses: start over and watch all of it. */
	if (level > NPT_2M && !f->alone) {
		f->alone = true;
		return -EAGAIN;
	}
	place_range(f, level, gpa, gpa + PAGE_SIZE,
		    max_t(u64, npt_span(level), FAULT_AROUND_LARGE));
	for (i = 0; i < f->nr; i++) {
		u64 hva = region_hva(&f->region, leaf_gpa(f, i)), entry = host;

		if (i != f->first && host_walk(f->mem->mm, hva, 1, &entry) < level)
			entry = 0;
		f->leaf[i] = make_leaf(f, entry, level);
	}
	return f->end;
}

/* Returns as read_small(), or -EAGAIN to start over. */
static int fault_read(struct fault *f, u64 gpa)
{
	unsigned int level = NPT_4K;
	u64 host;
	int ret;

	local_irq_disable();
	ret = host_walk(f->mem->mm, f->need.start, 1, &host);
	if (ret > NPT_4K && leaf_usable(f, make_leaf(f, host, NPT_4K)))
		level = leaf_level(f, gpa, ret);
	ret = level > NPT_4K ? read_large(f, gpa, host, level) : read_small(f);
	local_irq_enable();
	return ret;
}

/* --- missing pages ------------------------------------------------------------ */

/*
 * Faults a page in like a CPU's access. The caller holds mmap_lock. Returns -EAGAIN if
 * handle_mm_fault() has released it.
 */
static int fault_in_page(struct fault *f, u64 hva)
{
	bool write = f->access & SVMVCPU_MEM_WRITE;
	unsigned int flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_REMOTE;
	struct vm_area_struct *vma = vma_lookup(f->mem->mm, hva);
	vm_fault_t fault;

	if (!vma || !(vma->vm_flags & VM_READ) || (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EFAULT;
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	/* FAULT_FLAG_TRIED keeps mmap_lock during I/O: do not set it on the first attempt. */
	flags |= (write ? FAULT_FLAG_WRITE : 0) | (f->retry ? FAULT_FLAG_TRIED : 0);
	fault = handle_mm_fault(vma, hva, flags, NULL);
	f->retry = fault & VM_FAULT_RETRY;
	if (fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
		return -EAGAIN;
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	return fault & VM_FAULT_ERROR ? -EFAULT : 0;
}

/*
 * Faults in the needed pages from index @i on; the first time only one, since it may turn
 * out to be a large page. Neighbors of a missing page are usually missing, too, so the next
 * attempt maps none. Returns -EAGAIN to start over.
 */
static int fault_in(struct fault *f, unsigned int i)
{
	unsigned int end = f->alone ? f->end : i + 1;
	int ret = fault_mmap_lock(f->mem, f->stop);

	if (ret)
		return ret;
	f->alone = true;
	for (; i < end; i++) {
		if (leaf_usable(f, f->leaf[i]))
			continue;
		ret = fault_in_page(f, region_hva(&f->region, leaf_gpa(f, i)));
		if (ret == -EAGAIN)
			return ret;
		if (!ret && i + 1 < end && fault_stop_requested(f->stop))
			ret = -EINTR;
		if (ret)
			break;
		cond_resched();
	}
	mmap_read_unlock(f->mem->mm);
	return ret ? ret : -EAGAIN;
}

/* --- installing leaves: the caller holds guest_memory.lock -------------------- */

static struct span invalidated_span(const struct fault *f)
{
	return (struct span) {
		READ_ONCE(f->watch.invalidated.start), READ_ONCE(f->watch.invalidated.end),
	};
}

/* Was any of the leaves [first, end) invalidated since fault_begin()? */
static bool leaves_invalidated(const struct fault *f, unsigned int first, unsigned int end)
{
	return span_overlaps(invalidated_span(f),
			     region_span(&f->region, leaf_gpa(f, first), leaf_gpa(f, end)));
}

/*
 * Drops neighbors that were invalidated. Returns false if a needed leaf was invalidated,
 * or if at least a part of the region has been unmapped.
 */
static bool recheck(struct fault *f)
{
	struct span invalidated = invalidated_span(f);
	unsigned int i;

	if (!region_is_current(f->mem, &f->region))
		return false;
	if (likely(span_empty(invalidated)))
		return true;
	if (leaves_invalidated(f, f->first, f->end))
		return false;
	for (i = 0; i < f->nr; i++)
		if (leaves_invalidated(f, i, i + 1))
			f->leaf[i] = 0;
	return true;
}

/*
 * The next attempt maps no neighbors. If only another part of a large leaf is being
 * invalidated, it maps a small leaf, and need not wait for the invalidation to end.
 */
static void shrink(struct fault *f)
{
	f->alone = true;
	f->max_level = f->level;
	if (leaves_invalidated(f, f->first, f->end) &&
	    !span_overlaps(invalidated_span(f), f->need))
		f->max_level = NPT_4K;
}

/* Tracked pages get small leaves, and only the page that the guest writes gets a writable leaf. */
static int install_tracked(struct fault *f)
{
	bool write = f->guest && (f->access & SVMVCPU_MEM_WRITE);

	if (f->level == NPT_4K)
		return track_prepare_leaves(f->mem, f->gpa, f->leaf, f->nr,
					    write ? f->first : f->nr, &f->prealloc);
	return track_covers(&f->mem->track, f->gpa >> PAGE_SHIFT,
			      leaf_gpa(f, f->nr) >> PAGE_SHIFT) ? -EAGAIN : 0;
}

static int install_locked(struct fault *f)
{
	struct guest_memory *mem = f->mem;
	int ret, fresh;

	lockdep_assert_held(&mem->lock);
	if (!recheck(f))
		return -EAGAIN;
	ret = unlikely(track_enabled(&mem->track)) ? install_tracked(f) : 0;
	if (ret)
		return ret;
	fresh = npt_map_leaves(&mem->npt, &f->table, leaf_gpa(f, f->first), f->leaf + f->first,
			       f->end - f->first, f->level, true);
	/* On an error, pages before the conflicting one have been mapped. */
	if (unlikely(track_enabled(&mem->track)) && f->guest)
		track_leaf_mapped(mem, leaf_gpa(f, f->first));
	if (fresh < 0)
		return fresh;
	/* Skip neighbors that conflict with existing entries; they get their own faults. */
	if (f->nr > f->end - f->first)
		fresh += npt_map_leaves(&mem->npt, &f->table, f->gpa, f->leaf, f->nr, f->level,
					false);
	mem->stats.mapped[f->level] += fresh;
	mem->stats.faults += f->guest;
	return 0;
}

/* Takes the lock. Returns -EAGAIN if the caller must start over. */
static int fault_install(struct fault *f)
{
	int ret;

	for (;;) {
		spin_lock(&f->mem->lock);
		ret = install_locked(f);
		spin_unlock(&f->mem->lock);
		if (ret != -ENOSPC)
			break;
		/* The tables usually exist, so allocate only when npt_map_leaves() asks for it. */
		f->table = npt_table_alloc();
		if (!f->table)
			return -ENOMEM;
	}
	if (ret == -EAGAIN)
		shrink(f);
	if (ret != -EBUSY && ret != -EEXIST)
		return ret;
	/* Zap and flush conflicting entries, such as leaves of another size. */
	guest_memory_clear(f->mem, leaf_gpa(f, f->first), leaf_gpa(f, f->end));
	return -EAGAIN;
}

/* --- all of it ---------------------------------------------------------------- */

static noinline_for_stack int fault_try(struct fault *f, u64 gpa, u64 end)
{
	int i, ret = fault_begin(f, gpa, end);

	if (ret)
		return ret;
	i = fault_read(f, gpa);
	if (i == f->end)
		ret = fault_install(f);
	/* An entry that was read during an invalidation is meaningless. */
	if (i == -EFAULT && span_overlaps(invalidated_span(f), f->need))
		i = -EAGAIN;
	hva_watch_end(f->mem->vmm, &f->watch);
	if (i < 0)
		return i;
	return i < f->end ? fault_in(f, i) : ret;
}

static bool region_replaced(struct fault *f)
{
	bool current_region;

	spin_lock(&f->mem->lock);
	current_region = region_is_current(f->mem, &f->region);
	spin_unlock(&f->mem->lock);
	return !current_region;
}

/*
 * Maps [gpa, end), or its beginning: the part that lies in the fault-around range of @gpa.
 * f->end shows how much was mapped.
 */
static int fault_map(struct fault *f, u64 gpa, u64 end)
{
	bool again = false;
	int ret;

	f->alone = false;
	f->retry = false;
	f->max_level = f->mem->max_level;
	do {
		if (f->guest && (f->access & SVMVCPU_MEM_WRITE) &&
		    track_enabled(&f->mem->track)) {
			ret = track_prealloc_fill(f->mem, gpa >> PAGE_SHIFT, &f->prealloc);
			if (ret)
				break;
		}
		ret = fault_try(f, gpa, end);
		/* After MAP or UNMAP, the VMM may have unmapped the region's old memory. */
		if (ret == -EFAULT && region_replaced(f))
			ret = -EAGAIN;
		/* The first retry is expected: the page has just been faulted in. */
		if (ret == -EAGAIN && again && fault_stop_requested(f->stop))
			ret = -EINTR;
		again = true;
		cond_resched();
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * guest_memory_fault() - handle a nested page fault
 * @mem: a VM's memory
 * @gpa: any address in the page
 * @access: SVMVCPU_MEM_* of the guest's access
 * @stop: ends a wait, as a signal does
 *
 * Also maps present neighbors of the page.
 *
 * Context: may sleep; current->mm is guest_memory.mm. @stop does not end a wait in
 * handle_mm_fault(): for I/O, migration, or the monitor of a userfaultfd.
 * Return: 0; -ENOENT if there is no region; -EACCES if it does not allow the access;
 * -EFAULT if the VMM's memory behind it is not accessible; -EDQUOT if the snapshot is at
 * its size limit; -EINTR on a signal or @stop; -ENOMEM.
 */
int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const struct fault_stop *stop)
{
	struct fault f = { .mem = mem, .stop = stop, .access = access, .guest = true };
	int ret;

	gpa &= PAGE_MASK;
	ret = fault_map(&f, gpa, gpa + PAGE_SIZE);
	track_prealloc_free(mem, gpa >> PAGE_SHIFT, &f.prealloc);
	npt_table_free(f.table);
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
 * Context: may sleep; current->mm is guest_memory.mm. vCPUs may run.
 * Return: 0; -EINVAL for a malformed range; -ENOENT for an address without region;
 * -EACCES if a region does not allow @access; -EFAULT if the VMM's memory is missing
 * or does not allow it; -ENOMEM; -EINTR.
 */
int guest_memory_prefault(struct guest_memory *mem, u64 gpa, u64 bytes, u32 access, u64 *done)
{
	static const unsigned long no_requests;
	struct rcuwait wait;
	const struct fault_stop only_signals = { &no_requests, &wait };
	struct fault f = { .mem = mem, .stop = &only_signals, .access = access };
	u64 end = gpa + bytes, at = gpa, until = end;
	int ret = 0;

	*done = 0;
	rcuwait_init(&wait);
	if (!gpa_range_valid(mem, gpa, bytes))
		return -EINVAL;
	while (!ret && at < end) {
		ret = fault_map(&f, at, until);
		if (ret == -EFAULT && until > at + PAGE_SIZE) {
			/* Find the failing page: map one page at a time. */
			until = at + PAGE_SIZE;
			ret = 0;
			continue;
		}
		if (ret)
			break;
		at = min(leaf_gpa(&f, f.end), end);
		until = until < end ? at + PAGE_SIZE : end;
		if (at < end && signal_pending(current))
			ret = -EINTR;
	}
	npt_table_free(f.table);
	*done = at - gpa;
	return ret;
}
