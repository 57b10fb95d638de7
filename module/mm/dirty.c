// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: DIRTY_LOG, DIRTY_COLLECT, and the list that user space maps from a
 * VM file.
 *
 * COLLECT visits only pages that are writable or known to be dirty. vCPUs keep running.
 * COLLECT clears dirty bits, and flushes the TLB before it returns. A CPU that has a
 * leaf cached as dirty may write in between without setting the bit again; this is
 * harmless, because the VMM reads the page after COLLECT returns.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/svmvcpu.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "mm/memory.h"
#include "mm/priv.h"
#include "uaccess.h"

/* Entries visited under one hold of the lock */
#define COLLECT_BATCH	256
/* Pages collected per pass for a bitmap */
#define BITMAP_CHUNK	512
/* Bytes of a bitmap cleared at a time; bitmaps can have gigabytes */
#define BITMAP_CLEAR	SZ_64K

/* --- DIRTY_LOG ----------------------------------------------------------- */

static int change_ranges(struct guest_memory *mem, u64 start, u64 end, bool log)
{
	struct interval_tree_node *spare = kmalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!spare)
		return -ENOMEM;
	spin_lock(&mem->lock);
	ret = log ? track_log_start(&mem->track, start, end, &spare) :
		    track_log_stop(&mem->track, start, end, &spare);
	spin_unlock(&mem->lock);
	kfree(spare);
	return ret;
}

static int log_change(struct guest_memory *mem, u64 start, u64 end, bool log)
{
	int ret = change_ranges(mem, start, end, log);

	if (ret)
		return ret;
	if (!log) {
		track_change_range(mem, start, end, TRACK_FORGET_LOG);
		return 0;
	}
	/* There are entries already if there is a snapshot. */
	track_change_range(mem, start, end, TRACK_LOG);
	track_protect(mem, start << PAGE_SHIFT, end << PAGE_SHIFT);
	/* Writes of the module that began before may have missed track_before_write(). */
	guest_memory_flush_and_wait(mem);
	return 0;
}

/**
 * dirty_log() - SVMVCPU_DIRTY_LOG
 * @mem: a VM's memory
 * @arg: argument of the ioctl
 *
 * Context: may sleep; current->mm is guest_memory.mm.
 * Return: 0; -EINVAL, -EFAULT, -E2BIG; -ENOSPC for more than TRACK_MAX_RANGES ranges;
 * -ENOMEM; -EINTR.
 */
int dirty_log(struct guest_memory *mem, const void __user *arg)
{
	struct svmvcpu_dirty_log log;
	u64 start;
	int ret;

	ret = svmvcpu_copy_arg_flags(&log, sizeof(log), sizeof(log),
				     SVMVCPU_LOG_START | SVMVCPU_LOG_STOP, arg);
	if (ret)
		return ret;
	if ((log.flags != SVMVCPU_LOG_START && log.flags != SVMVCPU_LOG_STOP) ||
	    !gpa_range_valid(mem, log.gpa, log.bytes))
		return -EINVAL;
	start = log.gpa >> PAGE_SHIFT;
	ret = mutex_lock_killable(&mem->mutex);
	if (ret)
		return ret;
	ret = log_change(mem, start, start + (log.bytes >> PAGE_SHIFT),
			 log.flags & SVMVCPU_LOG_START);
	mutex_unlock(&mem->mutex);
	return ret;
}

/* --- DIRTY_COLLECT ------------------------------------------------------- */

struct collect {
	u64 start;		/* first page of the range */
	u64 pages;
	u64 *out;		/* guest-physical addresses of dirty pages */
	unsigned int room;	/* size of @out */
	unsigned int nr;	/* used entries of @out */
	bool full;		/* @out was too small */
	bool flush;		/* a leaf has changed */
};

/* Is the page in the range, and is there room to report it? */
static bool wanted(struct collect *c, const struct track_entry *entry)
{
	if (entry->gfn - c->start >= c->pages || !entry->logged)
		return false;
	c->full = c->nr == c->room;
	return !c->full;
}

static void emit(struct collect *c, struct track_entry *entry)
{
	if (unlikely(!list_empty(&entry->log)))
		list_del_init(&entry->log);
	c->out[c->nr++] = entry->gfn << PAGE_SHIFT;
}

/*
 * Reports the page if it is known to be dirty or if its leaf is. Also clears the dirty bit
 * of a page that is known to be dirty, so that it is reported once.
 */
static __always_inline void collect_entry(struct collect *c, struct dirty_track *track,
					  struct track_entry *entry)
{
	bool dirty = !list_empty(&entry->log);
	u64 pte;

	switch (entry->slot ? track_test_and_clear_dirty(entry, &pte) : TRACK_CLEAN) {
	case TRACK_DIRTY:
		c->flush = true;
		dirty = true;
		track_dirty_undo(track, entry);
		break;
	case TRACK_PROTECTED:
		c->flush = true;
		leaf_mark_dirty(pte);
		break;
	case TRACK_CLEAN:
		break;
	}
	if (dirty)
		emit(c, entry);
}

/* Visits the list of dirty pages if @log, otherwise the list of writable pages. */
static __always_inline void collect_list(struct guest_memory *mem, struct collect *c, bool log)
{
	struct list_head *list = log ? &mem->track.log : &mem->track.writable, *at, *next;
	unsigned int batch = COLLECT_BATCH;
	struct track_entry *entry;

	if (log && list_empty_careful(list))
		return;
	spin_lock(&mem->lock);
	for (at = list->next; at != list; at = next) {
		entry = log ? list_entry(at, struct track_entry, log) :
			      list_entry(at, struct track_entry, writable);
		next = at->next;
		if (wanted(c, entry))
			collect_entry(c, &mem->track, entry);
		else if (unlikely(c->full))
			break;
		if (unlikely(!--batch)) {
			batch = COLLECT_BATCH;
			next = track_cond_resched_lock(mem, next);
		}
	}
	/* Rotate the list, so that the next pass starts with this page. */
	if (at != list) {
		list_del(list);
		list_add_tail(list, at);
	}
	spin_unlock(&mem->lock);
}

static void collect(struct guest_memory *mem, struct collect *c)
{
	c->nr = 0;
	c->full = false;
	/* Pages on the log have waited longest. */
	collect_list(mem, c, true);
	if (!c->full)
		collect_list(mem, c, false);
	/* A zap between the two passes may have moved dirty pages to the log. */
	if (!c->full)
		collect_list(mem, c, true);
}

/* Marks pages dirty again that could not be reported. */
static void give_back(struct guest_memory *mem, const u64 *gpas, unsigned int nr)
{
	struct track_entry *entry;

	while (nr--) {
		spin_lock(&mem->lock);
		entry = track_find(&mem->track, *gpas++ >> PAGE_SHIFT);
		if (entry)
			track_dirty_log(&mem->track, entry);
		spin_unlock(&mem->lock);
	}
}

static int set_bit_user(u8 __user *bitmap, u64 bit)
{
	u8 byte;

	bitmap += bit / 8;
	if (get_user(byte, bitmap))
		return -EFAULT;
	return put_user((u8)(byte | BIT(bit % 8)), bitmap);
}

static int clear_bitmap(u8 __user *bitmap, u64 bytes)
{
	unsigned long part;

	for (; bytes; bytes -= part, bitmap += part) {
		part = min_t(u64, bytes, BITMAP_CLEAR);
		if (fatal_signal_pending(current))
			return -EINTR;
		if (clear_user(bitmap, part))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/* Sets the bits of collected pages. On failure, the other pages remain dirty. */
static int report_bits(struct guest_memory *mem, const struct collect *c, u8 __user *bitmap)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		if (!set_bit_user(bitmap, (c->out[i] >> PAGE_SHIFT) - c->start))
			continue;
		give_back(mem, c->out + i, c->nr - i);
		return -EFAULT;
	}
	return 0;
}

static u64 *list_get(struct guest_memory *mem)
{
	u64 *list = READ_ONCE(mem->dirty_list);

	if (list)
		return list;
	list = alloc_pages_exact(SVMVCPU_DIRTY_LIST_BYTES, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	/* Not under the mutex, because mmap() holds mmap_lock. */
	if (list && cmpxchg(&mem->dirty_list, NULL, list))
		free_pages_exact(list, SVMVCPU_DIRTY_LIST_BYTES);
	return READ_ONCE(mem->dirty_list);
}

static int collect_to_list(struct guest_memory *mem, struct collect *c,
			   struct svmvcpu_dirty_collect *arg)
{
	u64 *list = list_get(mem);

	if (!list)
		return -ENOMEM;
	c->out = list + arg->first;
	c->room = arg->max;
	collect(mem, c);
	arg->nr = c->nr;
	arg->more = c->full;
	return 0;
}

static int collect_to_bitmap(struct guest_memory *mem, struct collect *c,
			     struct svmvcpu_dirty_collect *arg)
{
	u8 __user *bitmap = u64_to_user_ptr(arg->bitmap);
	u64 passes = c->pages / BITMAP_CHUNK + 1, total = 0;
	int ret = clear_bitmap(bitmap, DIV_ROUND_UP(c->pages, 64) * 8);

	if (ret)
		return ret;
	c->room = BITMAP_CHUNK;
	c->out = kmalloc_array(BITMAP_CHUNK, sizeof(*c->out), GFP_KERNEL_ACCOUNT);
	if (!c->out)
		return -ENOMEM;
	/* Limit the passes, since the guest may keep writing. */
	do {
		collect(mem, c);
		ret = report_bits(mem, c, bitmap);
		total += c->nr;
		/* Flush before the next pass over the same leaves: see track_test_idle(). */
		if (c->flush)
			guest_memory_flush(mem);
		c->flush = false;
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	} while (!ret && c->full && passes--);
	kfree(c->out);
	arg->nr = min_t(u64, total, U32_MAX);
	arg->more = c->full;
	return ret;
}

static bool collect_valid(const struct guest_memory *mem, const struct svmvcpu_dirty_collect *arg)
{
	if (!gpa_range_valid(mem, arg->gpa, arg->bytes))
		return false;
	if (arg->flags & SVMVCPU_COLLECT_BITMAP)
		return !arg->first && !arg->max;
	return !arg->bitmap && arg->max && arg->first < SVMVCPU_DIRTY_LIST_MAX &&
	       arg->max <= SVMVCPU_DIRTY_LIST_MAX - arg->first;
}

static int collect_locked(struct guest_memory *mem, struct svmvcpu_dirty_collect *arg)
{
	struct collect c = {
		.start = arg->gpa >> PAGE_SHIFT,
		.pages = arg->bytes >> PAGE_SHIFT,
	};
	int ret;

	if (!mem->track.nr_ranges)
		return -ENOENT;
	ret = arg->flags & SVMVCPU_COLLECT_BITMAP ? collect_to_bitmap(mem, &c, arg) :
						    collect_to_list(mem, &c, arg);
	/* A page may be known to be dirty because a notifier is zapping its leaf. */
	if (c.flush)
		guest_memory_flush(mem);
	else
		guest_memory_flush_zapped(mem);
	return ret;
}

/**
 * dirty_collect() - SVMVCPU_DIRTY_COLLECT
 * @mem: a VM's memory
 * @arg: argument of the ioctl
 *
 * Context: may sleep; current->mm is guest_memory.mm.
 * Return: 0; -EINVAL, -E2BIG; -EFAULT, after which pages that were not reported are
 * still dirty; -ENOENT if nothing is logged; -ENOMEM; -EINTR.
 */
int dirty_collect(struct guest_memory *mem, void __user *arg)
{
	struct svmvcpu_dirty_collect c;
	int ret;

	ret = svmvcpu_copy_arg_flags(&c, sizeof(c), sizeof(c), SVMVCPU_COLLECT_BITMAP, arg);
	if (ret)
		return ret;
	if (!collect_valid(mem, &c))
		return -EINVAL;
	ret = mutex_lock_killable(&mem->mutex);
	if (ret)
		return ret;
	ret = collect_locked(mem, &c);
	if (!ret && copy_to_user(arg, &c, sizeof(c))) {
		if (!(c.flags & SVMVCPU_COLLECT_BITMAP))
			give_back(mem, mem->dirty_list + c.first, c.nr);
		ret = -EFAULT;
	}
	mutex_unlock(&mem->mutex);
	return ret;
}

/**
 * dirty_mmap() - map the list of DIRTY_COLLECT read-only into user space
 * @mem: a VM's memory
 * @vma: mapping of the VM file
 *
 * Context: may sleep; the caller holds mmap_lock for writing.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int dirty_mmap(struct guest_memory *mem, struct vm_area_struct *vma)
{
	unsigned long i;
	u64 *list;
	int ret = 0;

	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != SVMVCPU_DIRTY_LIST_BYTES ||
	    !(vma->vm_flags & VM_SHARED) || (vma->vm_flags & (VM_WRITE | VM_EXEC)))
		return -EINVAL;
	list = list_get(mem);
	if (!list)
		return -ENOMEM;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	for (i = 0; !ret && i < SVMVCPU_DIRTY_LIST_BYTES; i += PAGE_SIZE)
		ret = vm_insert_page(vma, vma->vm_start + i,
				     virt_to_page((void *)list + i));
	return ret;
}
