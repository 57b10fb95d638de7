// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page faults: bringing pages of the VMM's memory into the nested page
 * tables. memory.c says how they leave them again.
 *
 * hmm_range_fault() only looks: it tells which pages of a window are there and
 * with which rights. What is missing and needed is faulted in as by a CPU, and
 * then one looks again. Neighbors that happen to be there come along, with no
 * more rights than the VMM's own page tables give; nothing is faulted in for
 * their sake.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "memory.h"
#include "memory_priv.h"

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
 * @region: holds a reference on its backing
 * @table_gen: generation of the region table that @region comes from
 * @gpa: first page
 * @nr: pages
 * @first: the first page that must be mapped in the end
 * @end: the first behind those
 * @access: SVMVCPU_MEM_* that these must have
 * @fault: a guest's access asks for it
 * @tried: something was faulted in already
 * @seq: the pages are valid until the notifier's sequence moves
 * @mapped_end: what comes behind the leaves that were installed
 * @spare: what a page takes that is written and tracked; NULL to prefault
 * @target: what the VMM has at @first
 * @level: of the leaf for it, decided once: what @hmm and @leaf hold goes by it
 * @hmm: what it has in all of the window
 * @leaf: the entries made of it; or those of the 2 MiB from @large_gpa on
 * @large_gpa: .
 */
struct window {
	struct guest_region region;
	u64 table_gen;
	u64 gpa;
	unsigned int nr;
	unsigned int first;
	unsigned int end;
	u32 access;
	bool fault;
	bool tried;
	unsigned long seq;
	u64 mapped_end;
	unsigned long target;
	unsigned int level;
	u64 large_gpa;
	struct guest_spare *spare;
	union {
		unsigned long hmm[WINDOW_PAGES];
		u64 leaf[WINDOW_PAGES];
	};
};

static u64 window_gpa(const struct window *win, unsigned int page)
{
	return win->gpa + ((u64)page << PAGE_SHIFT);
}

static u64 region_hva(const struct guest_region *region, u64 gpa)
{
	return region->hva + (gpa - region->gpa);
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

/* The window around @gpa, of which all in [gpa, end) must be there */
static int window_open(struct guest_memory *mem, struct window *win, u64 gpa, u64 end,
		       u32 access)
{
	u64 bytes = window_bytes(mem, win, gpa);
	u64 start = round_down(gpa, bytes), stop = start + bytes;

	/* Pairs with table_publish(): an old generation goes with any table. */
	win->table_gen = smp_load_acquire(&mem->table_gen);
	if (!guest_region_lookup(mem, gpa, true, &win->region))
		return -ENOENT;
	if ((win->region.prot & access) != access) {
		guest_backing_put(win->region.backing);
		return -EACCES;
	}
	start = max(start, win->region.gpa);
	stop = min(stop, win->region.end);
	win->access = access;
	win->gpa = start;
	win->nr = (stop - start) >> PAGE_SHIFT;
	win->first = (gpa - start) >> PAGE_SHIFT;
	win->end = (min(stop, end) - start) >> PAGE_SHIFT;
	return 0;
}

static void window_close(struct window *win)
{
	guest_backing_put(win->region.backing);
}

/* What is behind the pages from @start to @end? */
static int window_look(struct window *win, u64 start, u64 end, unsigned long *hmm_pfns)
{
	struct hmm_range range = {
		.notifier = &win->region.backing->mn,
		.notifier_seq = win->seq,
		.start = region_hva(&win->region, start),
		.end = region_hva(&win->region, end),
		.hmm_pfns = hmm_pfns,
	};
	int ret = hmm_range_fault(&range);

	return ret == -EBUSY ? -EAGAIN : ret;
}

static bool page_usable(const struct window *win, unsigned int page)
{
	unsigned long hmm_pfn = win->hmm[page];

	return (hmm_pfn & HMM_PFN_VALID) &&
	       (!(win->access & SVMVCPU_MEM_WRITE) || (hmm_pfn & HMM_PFN_WRITE));
}

/*
 * The first of the pages that must be there and is not, win->end when all are.
 * -EFAULT: nothing there, or no memory that could be a guest's.
 */
static int window_missing(const struct window *win)
{
	unsigned int i;

	for (i = win->first; i < win->end; i++) {
		if (win->hmm[i] & HMM_PFN_ERROR)
			return -EFAULT;
		if (!page_usable(win, i))
			break;
	}
	return i;
}

/*
 * As a CPU would, so a userfaultfd's monitor and a slow disk can be waited for.
 * Called with mmap_lock held; -EAGAIN: it was dropped meanwhile.
 */
static int fault_in_page(struct guest_memory *mem, const struct window *win, unsigned int page)
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
	flags |= (write ? FAULT_FLAG_WRITE : 0) | (win->tried ? FAULT_FLAG_TRIED : 0);
	fault = handle_mm_fault(vma, hva, flags, NULL);
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
	int ret = 0;

	for (; !ret && page < end; page++)
		if (!page_usable(win, page))
			ret = fault_in_page(mem, win, page);
	win->tried = true;
	return ret;
}

/*
 * The largest leaf for the first page that is needed: no larger than what the
 * VMM has there, at the same place in it, and all in one region, so that one
 * notifier speaks for all of it.
 */
static unsigned int window_level(struct guest_memory *mem, const struct window *win)
{
	unsigned int order = hmm_pfn_to_map_order(win->target);
	u64 gpa = window_gpa(win, win->first), hva = region_hva(&win->region, gpa);
	unsigned int level;

	for (level = guest_track_max_level(mem, gpa); level > NPT_4K; level--) {
		u64 span = npt_span(level), start = round_down(gpa, span);

		if (order >= 9 * (level - 1) && !((gpa ^ hva) & (span - 1)) &&
		    start >= win->region.gpa && start + span <= win->region.end)
			break;
	}
	return level;
}

/* What the guest may do with a page, besides reading it */
static unsigned int page_prot(const struct window *win, unsigned long hmm_pfn)
{
	unsigned int prot = 0;

	if ((win->region.prot & SVMVCPU_MEM_WRITE) && (hmm_pfn & HMM_PFN_WRITE))
		prot |= NPT_W;
	if (win->region.prot & SVMVCPU_MEM_EXEC)
		prot |= NPT_X;
	return prot;
}

/*
 * How the VMM maps the 2 MiB at @hva, as hmm_range_fault() would say; 0 if not
 * as one page. Interrupts are off, so no table is freed under the walk.
 */
static unsigned long look_large(struct mm_struct *mm, u64 hva)
{
	pgd_t *pgdp = pgd_offset(mm, hva), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	if (!pgd_present(pgd))
		return 0;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (!p4d_present(p4d))
		return 0;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!pud_present(pud) || pud_leaf(pud))
		return 0;
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, hva));
	/* not one that is being split, nor one without rights */
	if (!(pmd_flags(pmd) & _PAGE_PRESENT) || !pmd_leaf(pmd))
		return 0;
	return pmd_pfn(pmd) | HMM_PFN_VALID | (pmd_write(pmd) ? HMM_PFN_WRITE : 0);
}

/*
 * The 2 MiB around, as far as region and VMA go. HMM fills in 512 equal words
 * for each, or starts a walk of its own for a word of each: too dear. As with
 * small ones, not if the one that is needed was not there at first.
 */
static void survey_large(struct mm_struct *mm, struct window *win)
{
	u64 span = npt_span(NPT_2M), first = window_gpa(win, win->first);
	struct vm_area_struct *vma = vma_lookup(mm, region_hva(&win->region, first));
	u64 gpa = round_down(first, WINDOW_LARGE * span);
	unsigned int i;

	memset(win->leaf, 0, WINDOW_LARGE * sizeof(win->leaf[0]));
	win->large_gpa = gpa;
	if (win->tried || !vma)
		return;
	local_irq_disable();
	for (i = 0; i < WINDOW_LARGE; i++, gpa += span) {
		u64 hva = region_hva(&win->region, gpa);
		unsigned long hmm_pfn;

		if (gpa < win->region.gpa || gpa + span > win->region.end ||
		    hva < vma->vm_start || hva + span > vma->vm_end)
			continue;
		hmm_pfn = look_large(mm, hva);
		if (hmm_pfn)
			win->leaf[i] = npt_make_leaf(hmm_pfn & ~HMM_PFN_FLAGS,
						     page_prot(win, hmm_pfn), NPT_2M);
	}
	local_irq_enable();
}

/*
 * What is needed, and around it what is there. Had that page to be faulted in,
 * its neighbors mostly are not there either: no second look at them then.
 */
static int window_survey(struct guest_memory *mem, struct window *win)
{
	int page, ret;

	memset(win->hmm, 0, win->nr * sizeof(win->hmm[0]));
	ret = window_look(win, window_gpa(win, win->first), window_gpa(win, win->end),
			  &win->hmm[win->first]);
	if (ret)
		return ret;
	/* A large page is all that is needed of the window. */
	win->target = win->hmm[win->first];
	win->level = page_usable(win, win->first) ? window_level(mem, win) : NPT_4K;
	if (win->level > NPT_4K) {
		survey_large(mem->mm, win);
		return win->end;
	}
	page = window_missing(win);
	if (page < (int)win->end || win->tried || win->end - win->first == win->nr)
		return page;
	ret = window_look(win, win->gpa, window_gpa(win, win->nr), win->hmm);
	return ret ? ret : window_missing(win);
}

/* 0: what the window shows is valid until its sequence moves; -EAGAIN: look again */
static int window_prepare(struct guest_memory *mem, struct window *win)
{
	int ret, page;

	win->seq = mmu_interval_read_begin(&win->region.backing->mn);
	if (mmap_read_lock_killable(mem->mm))
		return -EINTR;
	page = window_survey(mem, win);
	if (page >= 0 && page < win->end) {
		ret = fault_in(mem, win, page);
		if (ret == -EAGAIN)
			return ret;
		page = ret ? ret : -EAGAIN;
	}
	mmap_read_unlock(mem->mm);
	return min(page, 0);
}

/**
 * struct install - what window_install() puts in
 * @level: of the leaves
 * @start: first address
 * @end: first address behind
 * @pfn: of a large leaf
 * @prot: of a large leaf
 */
struct install {
	unsigned int level;
	u64 start;
	u64 end;
	u64 pfn;
	unsigned int prot;
};

static void install_prepare(struct window *win, struct install *in)
{
	unsigned int i;
	u64 span;

	in->level = win->level;
	if (in->level > NPT_4K) {
		span = npt_span(in->level);
		in->start = round_down(window_gpa(win, win->first), span);
		in->end = in->start + span;
		in->pfn = round_down(win->target & ~HMM_PFN_FLAGS, span >> PAGE_SHIFT);
		in->prot = page_prot(win, win->target);
		return;
	}
	in->start = win->gpa;
	in->end = window_gpa(win, win->nr);
	for (i = 0; i < win->nr; i++) {
		unsigned long hmm_pfn = win->hmm[i];

		win->leaf[i] = (hmm_pfn & (HMM_PFN_VALID | HMM_PFN_ERROR)) == HMM_PFN_VALID ?
			npt_make_leaf(hmm_pfn & ~HMM_PFN_FLAGS, page_prot(win, hmm_pfn),
				      NPT_4K) : 0;
	}
}

/* The page that is about to be written; win->nr when it is none. */
static unsigned int window_written(const struct window *win)
{
	return win->spare && (win->access & SVMVCPU_MEM_WRITE) ? win->first : win->nr;
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
	if (mem->table_gen != win->table_gen ||
	    mmu_interval_read_retry(&win->region.backing->mn, win->seq))
		return -EAGAIN;
	if (in->level == NPT_4K) {
		ret = install_pages(mem, win, in, cache);
		fresh = ret;
	} else if (mem->track.on && guest_track_overlaps(mem, in->start, in->end)) {
		ret = -EAGAIN;
	} else {
		fresh = !npt_leaf(&mem->npt, in->start, NULL);
		ret = npt_map(&mem->npt, cache, in->start, in->pfn, in->prot, in->level);
	}
	if (ret < 0)
		return ret;
	/* What is in the way of its neighbors stays until they are needed themselves. */
	if (in->level == NPT_2M && likely(!mem->track.on))
		fresh += max(npt_map_run(&mem->npt, cache, win->large_gpa, win->leaf,
					 WINDOW_LARGE, NPT_2M, false), 0);
	mem->stats.mapped[in->level] += fresh;
	mem->stats.faults += win->fault;
	return 0;
}

/* -EAGAIN when the world moved since the lookup and the caller must start over. */
static int window_install(struct guest_memory *mem, struct window *win,
			  struct npt_cache *cache)
{
	struct install in;
	int ret;

	install_prepare(win, &in);
	do {
		spin_lock(&mem->lock);
		ret = install_locked(mem, win, &in, cache);
		spin_unlock(&mem->lock);
		/* Mostly the tables are there: no page is taken before it is needed. */
		if (ret == -ENOSPC) {
			ret = npt_cache_fill(cache, 1);
			if (ret)
				return ret;
			ret = -ENOSPC;
		}
	} while (ret == -ENOSPC);
	if (ret == -EBUSY || ret == -EEXIST) {
		/* Leaves of another size: they go before these come. */
		guest_memory_clear(mem, in.start, in.end);
		ret = -EAGAIN;
	}
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

	if (ret)
		return ret;
	ret = window_prepare(mem, win);
	if (!ret)
		ret = window_install(mem, win, cache);
	window_close(win);
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
 * @stop: not 0: give up between two tries, as for a signal
 * @fault: out: GUEST_FAULT_NONE when the guest can try again, or why not
 *
 * Pages around it that are there anyway come along.
 *
 * Context: may sleep, for as long as the VMM's memory takes; current->mm is
 * the VM's.
 * Return: 0 with @fault set; -EINTR when a signal came or @stop says so;
 * -ENOMEM.
 */
int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const unsigned long *stop, enum guest_fault *fault)
{
	struct fault_stack on = { .win = { .fault = true, .spare = &on.spare } };
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
		/* Once more for free: that is what a page not yet there takes. */
		if (ret == -EAGAIN && again && (signal_pending(current) || READ_ONCE(*stop)))
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
