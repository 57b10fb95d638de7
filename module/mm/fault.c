// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page faults: mapping pages of the VMM's memory in the nested page tables.
 * memory.c and notify.c take them out again.
 *
 * A fault reads the VMM's page tables without a lock. A page that it needs and that is
 * missing there is faulted in as by a CPU, and then the tables are read again. Pages
 * around it that are present are mapped as well, with no more rights than the VMM's
 * own page tables give; nothing is faulted in for their sake.
 *
 * Nothing here waits where a signal or a request to the vCPU cannot end it, except for
 * what handle_mm_fault() waits for: the I/O or the migration of that one page, and the
 * monitor of a userfaultfd, which a signal ends and a request to the vCPU does not.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "mm/memory.h"
#include "mm/priv.h"

/*
 * What is looked at, and mapped, at a time: aligned, so that it lies under one
 * table of leaves. It bounds the time under the lock as well.
 */
#define WINDOW_PAGES	64U
#define WINDOW_BYTES	(WINDOW_PAGES * PAGE_SIZE)

/*
 * The same for the first fault in the reach of a table of leaves: a guest that does
 * not live long touches little of most of them.
 */
#define WINDOW_FIRST	16U

/* The same for leaves of 2 MiB */
#define WINDOW_LARGE	16U

/**
 * struct window - a piece of one region on its way into the tables
 * @region: a copy
 * @lookup: user addresses that the notifier watches for this window
 * @gpa: first page
 * @nr: pages
 * @first: the first page that must be mapped in the end
 * @end: the first after those
 * @access: SVMVCPU_MEM_* that these must have
 * @fault: a guest's access asks for it
 * @tried: something was faulted in already
 * @retry: the last page that was faulted in has to be tried again
 * @narrow: map no neighbors, and no leaf larger than @level: something changed during
 *	the last attempt, or the leaf is larger than what @lookup covered
 * @stop: what ends a wait, or NULL
 * @spare: what a page takes that is written and tracked; NULL to prefault
 * @mapped_end: the address after the leaves that were installed
 * @level: of the leaf for @first
 * @target: a large leaf for @first
 * @large_gpa: address of the first of @leaf, when it has leaves of 2 MiB
 * @leaf: leaves of the window's pages, or of 2 MiB around a large page; 0 for none
 */
struct window {
	struct guest_region region;
	struct guest_lookup lookup;
	u64 gpa;
	unsigned int nr;
	unsigned int first;
	unsigned int end;
	u32 access;
	bool fault;
	bool tried;
	bool retry;
	bool narrow;
	const struct guest_stop *stop;
	struct guest_spare *spare;
	u64 mapped_end;
	unsigned int level;
	u64 target;
	u64 large_gpa;
	u64 leaf[WINDOW_PAGES];
};

static u64 window_gpa(const struct window *win, unsigned int page)
{
	return win->gpa + ((u64)page << PAGE_SHIFT);
}

static u64 region_hva(const struct guest_region *region, u64 gpa)
{
	return region->hva + (gpa - region->gpa);
}

static struct span region_span(const struct guest_region *region, u64 start, u64 end)
{
	start = max(start, region->gpa);
	end = min(end, region->end);
	return (struct span) { region_hva(region, start), region_hva(region, end) };
}

/* The user addresses of the pages that must be mapped */
static struct span window_need(const struct window *win)
{
	return region_span(&win->region, window_gpa(win, win->first), window_gpa(win, win->end));
}

/*
 * What the notifier has to watch: large neighbors are the farthest that a fault looks.
 * Without neighbors it is the leaf, as large as it was found last time.
 */
static struct span window_reach(const struct window *win)
{
	u64 bytes = win->narrow ? npt_span(win->level) : WINDOW_LARGE * npt_span(NPT_2M);
	u64 gpa = window_gpa(win, win->first);

	if (win->end - win->first > 1 && bytes == PAGE_SIZE)
		return window_need(win);
	return region_span(&win->region, round_down(gpa, bytes), round_down(gpa, bytes) + bytes);
}

/* How much to look at, around a fault or from @gpa on */
static u64 window_bytes(struct guest_memory *mem, const struct window *win, u64 gpa)
{
	unsigned int level;
	bool first;

	if (!win->fault)
		return WINDOW_BYTES;
	spin_lock(&mem->lock);
	first = !npt_slot(&mem->npt, gpa, &level);
	spin_unlock(&mem->lock);
	return first ? WINDOW_FIRST * PAGE_SIZE : WINDOW_BYTES;
}

static void window_place(struct window *win, u64 gpa, u64 end, u64 bytes)
{
	u64 start = max(round_down(gpa, bytes), win->region.gpa);
	u64 stop = min(round_down(gpa, bytes) + bytes, win->region.end);

	win->gpa = start;
	win->nr = (stop - start) >> PAGE_SHIFT;
	win->first = (gpa - start) >> PAGE_SHIFT;
	win->end = (min(stop, end) - start) >> PAGE_SHIFT;
}

/*
 * Sleeps while a page that is needed is being invalidated, or until the vCPU is asked
 * to stop. Not prepare_to_wait(): a wakeup between two of them would take the task off
 * the first queue, and the second would put it to sleep all the same.
 */
static int window_sleep(struct guest_memory *mem, const struct window *win)
{
	DECLARE_WAITQUEUE(settled, current);
	DECLARE_WAITQUEUE(stopped, current);

	add_wait_queue(&mem->user->settled, &settled);
	if (win->stop)
		add_wait_queue(win->stop->wait, &stopped);
	set_current_state(TASK_INTERRUPTIBLE);
	if (!guest_stop_requested(win->stop) && guest_invalidating(mem->user, window_need(win)))
		schedule();
	__set_current_state(TASK_RUNNING);
	if (win->stop)
		remove_wait_queue(win->stop->wait, &stopped);
	remove_wait_queue(&mem->user->settled, &settled);
	return guest_stop_requested(win->stop) ? -EINTR : -EAGAIN;
}

/*
 * The window around @gpa, of which all in [gpa, end) must be mapped. On success it is
 * registered for the notifier until guest_lookup_end().
 */
static int window_open(struct guest_memory *mem, struct window *win, u64 gpa, u64 end,
		       u32 access)
{
	if (!guest_region_lookup(mem, gpa, &win->region))
		return -ENOENT;
	if ((win->region.prot & access) != access)
		return -EACCES;
	win->access = access;
	window_place(win, gpa, end, window_bytes(mem, win, gpa));
	win->lookup.span = window_reach(win);
	if (guest_lookup_begin(mem->user, &win->lookup, window_need(win)))
		return 0;
	return window_sleep(mem, win);
}

/* The leaf that a page of the VMM's gets; it grants no more than region and VMM do. */
static u64 make_leaf(const struct window *win, u64 host, unsigned int level)
{
	unsigned int prot = 0;

	if (!(host & HOST_PRESENT))
		return 0;
	if ((win->region.prot & SVMVCPU_MEM_WRITE) && (host & HOST_WRITE))
		prot |= NPT_W;
	if (win->region.prot & SVMVCPU_MEM_EXEC)
		prot |= NPT_X;
	return npt_make_leaf(round_down(host & HOST_PFN, npt_span(level) >> PAGE_SHIFT), prot,
			     level);
}

static bool leaf_usable(const struct window *win, u64 leaf)
{
	return leaf && (!(win->access & SVMVCPU_MEM_WRITE) || npt_pte_writable(leaf));
}

/*
 * The largest leaf for the first page that is needed: no larger than the VMM's own, at
 * the same place in it, and all in one region. A narrow window watches no more than the
 * leaf it was narrowed for.
 */
static unsigned int window_level(struct guest_memory *mem, const struct window *win,
				 unsigned int host_level)
{
	u64 gpa = window_gpa(win, win->first), hva = region_hva(&win->region, gpa);
	unsigned int level = min(guest_track_max_level(mem, gpa), host_level);

	if (win->narrow)
		level = min(level, win->level);
	for (; level > NPT_4K; level--) {
		u64 span = npt_span(level), start = round_down(gpa, span);

		if (!((gpa ^ hva) & (span - 1)) &&
		    start >= win->region.gpa && start + span <= win->region.end)
			break;
	}
	return level;
}

/*
 * The pages of 2 MiB around a large one, as far as the region goes. As with small
 * ones, not if the page that is needed was missing at first.
 */
static void look_large(struct guest_memory *mem, struct window *win)
{
	u64 span = npt_span(NPT_2M), gpa, host;
	unsigned int i;

	gpa = round_down(window_gpa(win, win->first), WINDOW_LARGE * span);
	memset(win->leaf, 0, WINDOW_LARGE * sizeof(win->leaf[0]));
	win->large_gpa = gpa;
	if (win->tried || win->narrow)
		return;
	for (i = 0; i < WINDOW_LARGE; i++, gpa += span)
		if (gpa >= win->region.gpa && gpa + span <= win->region.end &&
		    guest_look(mem->mm, region_hva(&win->region, gpa), &host) >= NPT_2M)
			win->leaf[i] = make_leaf(win, host, NPT_2M);
}

/*
 * Small pages, all of the window. If the page that is needed had to be faulted in, its
 * neighbors are usually missing as well, and are not looked at.
 * Returns the first page that is needed and missing, or win->end. -EFAULT: there is
 * something that guest memory cannot be.
 */
static int look_small(struct guest_memory *mem, struct window *win)
{
	unsigned int from = 0, to = win->nr, i;

	if (win->tried || win->narrow) {
		from = win->first;
		to = win->end;
		memset(win->leaf, 0, win->nr * sizeof(win->leaf[0]));
	}
	guest_look_pages(mem->mm, region_hva(&win->region, window_gpa(win, from)), to - from,
			 win->leaf + from);
	for (i = win->first; i < win->end; i++)
		if (win->leaf[i] & HOST_REFUSED)
			return -EFAULT;
	for (i = from; i < to; i++)
		win->leaf[i] = make_leaf(win, win->leaf[i], NPT_4K);
	for (i = win->first; i < win->end; i++)
		if (!leaf_usable(win, win->leaf[i]))
			break;
	return i;
}

/* Returns as look_small(). */
static int window_look_irqs_off(struct guest_memory *mem, struct window *win)
{
	unsigned int host_level, level = NPT_4K;
	u64 host;

	host_level = guest_look(mem->mm, window_need(win).start, &host);
	if (host_level > NPT_4K && leaf_usable(win, make_leaf(win, host, NPT_4K)))
		level = window_level(mem, win, host_level);
	win->level = level;
	if (level == NPT_4K)
		return look_small(mem, win);
	/* Larger than what the notifier watches: look again with that. */
	if (level > NPT_2M && !win->narrow) {
		win->narrow = true;
		return -EAGAIN;
	}
	win->target = make_leaf(win, host, level);
	look_large(mem, win);
	return win->end;
}

static int window_look(struct guest_memory *mem, struct window *win)
{
	int ret;

	local_irq_disable();
	ret = window_look_irqs_off(mem, win);
	local_irq_enable();
	return ret;
}

/*
 * Faults a page in as a CPU's access does, including waits for a disk or the monitor
 * of a userfaultfd. Called with mmap_lock held; -EAGAIN: it was dropped meanwhile.
 */
static int fault_in_page(struct guest_memory *mem, struct window *win, unsigned int page)
{
	bool write = win->access & SVMVCPU_MEM_WRITE;
	unsigned int flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_REMOTE;
	u64 hva = region_hva(&win->region, window_gpa(win, page));
	struct vm_area_struct *vma = vma_lookup(mem->mm, hva);
	vm_fault_t fault;

	if (!vma || !(vma->vm_flags & VM_READ) || (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		return -EFAULT;
	if (write && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	flags |= (write ? FAULT_FLAG_WRITE : 0) | (win->retry ? FAULT_FLAG_TRIED : 0);
	fault = handle_mm_fault(vma, hva, flags, NULL);
	/* With FAULT_FLAG_TRIED it keeps mmap_lock during I/O: not for a page's first try. */
	win->retry = fault & VM_FAULT_RETRY;
	if (fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
		return -EAGAIN;
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	return fault & VM_FAULT_ERROR ? -EFAULT : 0;
}

/* First one page alone: it may turn out to be a large one. */
static int fault_in(struct guest_memory *mem, struct window *win, unsigned int page)
{
	unsigned int end = win->tried ? win->end : page + 1;
	int ret = guest_mmap_lock(mem, win->stop);

	if (ret)
		return ret;
	for (; !ret && page < end; page++) {
		if (leaf_usable(win, win->leaf[page]))
			continue;
		ret = fault_in_page(mem, win, page);
		if (!ret && page + 1 < end && guest_stop_requested(win->stop))
			ret = -EINTR;
		cond_resched();
	}
	win->tried = true;
	if (ret != -EAGAIN)
		mmap_read_unlock(mem->mm);
	return ret;
}

/**
 * struct install - what window_install() maps
 * @level: of the leaves
 * @start: first address
 * @end: first address after them
 */
struct install {
	unsigned int level;
	u64 start;
	u64 end;
};

static void install_prepare(const struct window *win, struct install *in)
{
	u64 span = npt_span(win->level);

	in->level = win->level;
	if (in->level > NPT_4K) {
		in->start = round_down(window_gpa(win, win->first), span);
		in->end = in->start + span;
	} else {
		in->start = win->gpa;
		in->end = window_gpa(win, win->nr);
	}
}

/* Was a part of [start, end) invalidated since the window was opened? */
static bool window_hit(const struct window *win, u64 start, u64 end)
{
	const struct span hit = {
		READ_ONCE(win->lookup.hit.start), READ_ONCE(win->lookup.hit.end),
	};

	return span_overlaps(hit, region_span(&win->region, start, end));
}

static bool need_hit(const struct window *win)
{
	return window_hit(win, window_gpa(win, win->first), window_gpa(win, win->end));
}

/*
 * The lock is held. Drops neighbors that were invalidated; false when a page that is
 * needed was, or the region changed.
 */
static bool window_valid(struct guest_memory *mem, struct window *win, const struct install *in)
{
	unsigned int nr = in->level > NPT_4K ? WINDOW_LARGE : win->nr, i;
	u64 gpa = in->level > NPT_4K ? win->large_gpa : win->gpa;
	u64 span = npt_span(in->level > NPT_4K ? NPT_2M : NPT_4K);

	if (!guest_region_current(mem, &win->region))
		return false;
	if (likely(READ_ONCE(win->lookup.hit.start) >= READ_ONCE(win->lookup.hit.end)))
		return true;
	if (in->level > NPT_4K ? window_hit(win, in->start, in->end) : need_hit(win))
		return false;
	for (i = 0; i < nr; i++, gpa += span)
		if (win->leaf[i] && window_hit(win, gpa, gpa + span))
			win->leaf[i] = 0;
	return true;
}

/* The page that is about to be written; win->nr when it is none. */
static unsigned int window_written(const struct window *win)
{
	return win->spare && (win->access & SVMVCPU_MEM_WRITE) ? win->first : win->nr;
}

/*
 * After a change: no neighbors the next time. If a part of a large leaf is being
 * invalidated and the page that is needed is not, map that page alone instead of trying
 * again until the invalidation ends.
 */
static void window_narrow(struct window *win, const struct install *in)
{
	win->narrow = true;
	if (in->level > NPT_4K && window_hit(win, in->start, in->end) && !need_hit(win))
		win->level = NPT_4K;
}

static int install_pages(struct guest_memory *mem, struct window *win,
			 const struct install *in, struct npt_cache *cache)
{
	unsigned int written = window_written(win);
	int ret = 0;

	if (unlikely(mem->track.on))
		ret = guest_track_window(mem, in->start, win->leaf, win->nr, written,
					 win->spare);
	if (!ret)
		ret = npt_map_run(&mem->npt, cache, in->start, win->leaf, win->nr, NPT_4K, true);
	/* Also when something is in the way behind it. */
	if (unlikely(mem->track.on) && written < win->nr)
		guest_track_mapped(mem, window_gpa(win, written));
	return ret;
}

static int install_locked(struct guest_memory *mem, struct window *win,
			  const struct install *in, struct npt_cache *cache)
{
	int ret, fresh = 0;

	lockdep_assert_held(&mem->lock);
	if (!window_valid(mem, win, in))
		return -EAGAIN;
	if (in->level == NPT_4K) {
		ret = install_pages(mem, win, in, cache);
		fresh = ret;
	} else if (mem->track.on && guest_track_overlaps(mem, in->start, in->end)) {
		ret = -EAGAIN;
	} else {
		ret = npt_map_run(&mem->npt, cache, in->start, &win->target, 1, in->level, true);
		fresh = ret;
	}
	if (ret < 0)
		return ret;
	/* A neighbor that something is in the way of waits for its own fault. */
	if (in->level == NPT_2M && likely(!mem->track.on))
		fresh += max(npt_map_run(&mem->npt, cache, win->large_gpa, win->leaf,
					 WINDOW_LARGE, NPT_2M, false), 0);
	mem->stats.mapped[in->level] += fresh;
	mem->stats.faults += win->fault;
	return 0;
}

/* -EAGAIN when something changed since the lookup and the caller must start over. */
static int window_install(struct guest_memory *mem, struct window *win,
			  struct npt_cache *cache)
{
	struct install in;
	int ret;

	install_prepare(win, &in);
	for (;;) {
		spin_lock(&mem->lock);
		ret = install_locked(mem, win, &in, cache);
		spin_unlock(&mem->lock);
		if (ret != -ENOSPC)
			break;
		/* Mostly the tables are there: no page is taken before it is needed. */
		ret = npt_cache_fill(cache, 1);
		if (ret)
			return ret;
	}
	if (ret == -EBUSY || ret == -EEXIST) {
		/* Leaves of another size: they go before these come. */
		guest_memory_clear(mem, in.start, in.end);
		return -EAGAIN;
	}
	if (ret == -EAGAIN)
		window_narrow(win, &in);
	/* Of small pages those that were asked for are there, of a large one all. */
	win->mapped_end = in.level > NPT_4K ? in.end : window_gpa(win, win->end);
	return ret;
}

/* Makes [gpa, end) accessible as far as the window around @gpa goes. */
static noinline_for_stack int map_window(struct guest_memory *mem, struct window *win,
					 struct npt_cache *cache, u64 gpa, u64 end,
					 u32 access)
{
	int ret = window_open(mem, win, gpa, end, access);
	int page;

	if (ret)
		return ret;
	page = window_look(mem, win);
	if (page == win->end)
		ret = window_install(mem, win, cache);
	/* What was read during an invalidation says nothing. */
	if (page == -EFAULT && need_hit(win))
		page = -EAGAIN;
	guest_lookup_end(mem->user, &win->lookup);
	if (page < 0)
		return page;
	if (page < win->end) {
		ret = fault_in(mem, win, page);
		return ret ? ret : -EAGAIN;
	}
	return ret;
}

/* What a fault has on the stack, as one: KASAN puts space around each variable. */
struct fault_stack {
	struct window win;
	struct guest_spare spare;
	struct npt_cache cache;
};

/**
 * guest_memory_fault() - make a guest-physical page accessible, if it may be
 * @mem: a VM's memory
 * @gpa: any address in the page
 * @access: SVMVCPU_MEM_* the guest needs
 * @stop: ends a wait like a signal
 * @fault: out: GUEST_FAULT_NONE when the guest can try again, or why not
 *
 * Present pages around it are mapped, too.
 *
 * Context: may sleep; current->mm is the VM's. A wait for the I/O or the migration of
 * the page is not ended by @stop.
 * Return: 0 with @fault set; -EINTR when a signal is pending or @stop says so;
 * -ENOMEM.
 */
int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const struct guest_stop *stop, enum guest_fault *fault)
{
	struct fault_stack on = { .win = { .fault = true, .spare = &on.spare, .stop = stop } };
	bool again = false;
	int ret;

	gpa &= PAGE_MASK;
	if (gpa >> mem->gpa_bits) {
		*fault = GUEST_FAULT_NO_REGION;
		return 0;
	}
	do {
		if ((access & SVMVCPU_MEM_WRITE) && READ_ONCE(mem->track.on)) {
			ret = guest_spare_fill(mem, gpa >> PAGE_SHIFT, &on.spare);
			if (ret)
				break;
		}
		ret = map_window(mem, &on.win, &on.cache, gpa, gpa + PAGE_SIZE, access);
		/* The first retry is expected: the page has just been faulted in. */
		if (ret == -EAGAIN && again && guest_stop_requested(stop))
			ret = -EINTR;
		again = true;
		cond_resched();
	} while (ret == -EAGAIN);
	guest_spare_drop(mem, gpa >> PAGE_SHIFT, &on.spare);
	npt_cache_drain(&on.cache);
	*fault = GUEST_FAULT_NONE;
	if (ret == -ENOENT || ret == -EACCES)
		*fault = GUEST_FAULT_NO_REGION;
	else if (ret == -EFAULT)
		*fault = GUEST_FAULT_USER_MEM;
	else if (ret == -EDQUOT)
		*fault = GUEST_FAULT_LIMIT;
	else
		return ret;
	return 0;
}

static int prefault_window(struct guest_memory *mem, struct npt_cache *cache, u64 gpa,
			   u64 end, u32 access, u64 *mapped_end)
{
	struct window win = { };
	bool again = false;
	int ret;

	do {
		ret = map_window(mem, &win, cache, gpa, end, access);
		if (ret == -EAGAIN && again && signal_pending(current))
			ret = -EINTR;
		again = true;
		cond_resched();
	} while (ret == -EAGAIN);
	*mapped_end = win.mapped_end;
	return ret;
}

/**
 * guest_memory_prefault() - SVMVCPU_PREFAULT: make a range accessible beforehand
 * @mem: a VM's memory
 * @gpa: first address
 * @bytes: length
 * @access: SVMVCPU_MEM_* to have on all of it
 * @done: out: bytes from @gpa on that were mapped, in any case
 *
 * Context: may sleep; current->mm is the VM's. vCPUs may run.
 * Return: 0; -EINVAL for a malformed range; -ENOENT where there is no region;
 * -EACCES where a region does not allow @access; -EFAULT where the VMM's own
 * memory is missing or does not allow it; -ENOMEM; -EINTR.
 */
int guest_memory_prefault(struct guest_memory *mem, u64 gpa, u64 bytes, u32 access, u64 *done)
{
	u64 end = gpa + bytes, at = gpa, until = end, next;
	struct npt_cache cache;
	int ret = 0;

	*done = 0;
	if (!guest_range_valid(mem, gpa, bytes))
		return -EINVAL;
	cache.nr = 0;
	while (!ret && at < end) {
		ret = prefault_window(mem, &cache, at, until, access, &next);
		if (ret == -EFAULT && until > at + PAGE_SIZE) {
			/* Somewhere in the window: page by page up to there */
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
	npt_cache_drain(&cache);
	*done = at - gpa;
	return ret;
}
