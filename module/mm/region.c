// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: which user memory backs which guest-physical addresses. The cost of MAP and
 * UNMAP depends on the regions that they change, not on the total number.
 *
 * Lookups by guest-physical address take no lock, since loaded vCPUs make them with
 * interrupts off. A lookup during a change may miss a region; guest_memory.regions_seq
 * shows this, and the lookup is repeated. So the regions that MAP replaces are never
 * missing: it makes all of its changes in one section of the sequence counter. A lookup
 * may also return a region that has just been removed, so UNMAP and MAP wait for accesses
 * that use such a region.
 */
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mm/priv.h"

static struct region_node *node_of_gpa(const struct interval_tree_node *node)
{
	return node ? container_of(node, struct region_node, by_gpa) : NULL;
}

/*
 * Without a lock, this may miss a node while the tree changes, but it follows no stale
 * pointer: lib/rbtree.c changes links by whole stores, and a new node, which has been
 * zeroed, is complete before interval_tree_insert() links it.
 */
static struct region_node *find_node(const struct guest_memory *mem, u64 gpa)
{
	struct rb_node *at = READ_ONCE(mem->regions.rb_root.rb_node);

	while (at) {
		struct region_node *node = rb_entry(at, struct region_node, by_gpa.rb);

		if (gpa < node->region.gpa)
			at = READ_ONCE(at->rb_left);
		else if (gpa >= node->region.end)
			at = READ_ONCE(at->rb_right);
		else
			return node;
	}
	return NULL;
}

static __always_inline bool lookup(struct guest_memory *mem, u64 gpa, struct mem_region *region)
{
	struct region_node *node;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&mem->regions_seq);
		node = find_node(mem, gpa);
		if (node)
			*region = node->region;
	} while (!node && read_seqcount_retry(&mem->regions_seq, seq));
	return node;
}

/**
 * region_lookup() - find the region that contains an address
 * @mem: a VM's memory
 * @gpa: the address
 * @region: out: a copy of the region
 *
 * The region may be unmapped at any time. The memory remains the guest's until
 * guest_memory_access_end(), or while interrupts are off on one of guest_memory.cpus,
 * since UNMAP waits for both. Other callers check region_is_current() under
 * guest_memory.lock.
 *
 * Context: any.
 * Return: false if no region contains @gpa.
 */
bool region_lookup(struct guest_memory *mem, u64 gpa, struct mem_region *region)
{
	bool found;

	rcu_read_lock();
	found = lookup(mem, gpa, region);
	rcu_read_unlock();
	return found;
}

/* The same with interrupts off, which RCU waits for as well. */
bool region_lookup_atomic(struct guest_memory *mem, u64 gpa, struct mem_region *region)
{
	return lookup(mem, gpa, region);
}

/* Is @region still mapped as it was? The caller holds guest_memory.lock. */
bool region_is_current(struct guest_memory *mem, const struct mem_region *region)
{
	struct region_node *node = find_node(mem, region->gpa);

	return node && !memcmp(&node->region, region, sizeof(*region));
}

bool gpa_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes)
{
	u64 end;

	return bytes && PAGE_ALIGNED(gpa) && PAGE_ALIGNED(bytes) &&
	       !check_add_overflow(gpa, bytes, &end) && end <= BIT_ULL(mem->gpa_bits);
}

/* --- changing the trees: the caller holds the mutex ------------------------ */

static void insert_by_gpa(struct guest_memory *mem, struct region_node *node)
{
	node->by_gpa.start = node->region.gpa;
	node->by_gpa.last = node->region.end - 1;
	interval_tree_insert(&node->by_gpa, &mem->regions);
	mem->nr_regions++;
}

/*
 * Notifiers must find a region for as long as a fault can: insert by user address before
 * insert_by_gpa(), and remove after the leaves are zapped.
 */
static void change_by_hva(struct guest_memory *mem, struct list_head *nodes, bool insert)
{
	struct region_node *node;

	list_for_each_entry(node, nodes, edit) {
		node->by_hva.start = node->region.hva;
		node->by_hva.last = region_hva(&node->region, node->region.end) - 1;
		spin_lock(&mem->lock);
		if (insert)
			interval_tree_insert(&node->by_hva, &mem->by_hva);
		else
			interval_tree_remove(&node->by_hva, &mem->by_hva);
		spin_unlock(&mem->lock);
	}
}

/* The first region that overlaps [start, end), or NULL */
static struct region_node *first_region(struct guest_memory *mem, u64 start, u64 end)
{
	return node_of_gpa(interval_tree_iter_first(&mem->regions, start, end - 1));
}

static struct region_node *next_region(struct region_node *node, u64 start, u64 end)
{
	return node_of_gpa(interval_tree_iter_next(&node->by_gpa, start, end - 1));
}

static struct region_node *node_alloc(const struct mem_region *region)
{
	struct region_node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

	if (!node)
		return NULL;
	node->region = *region;
	return node;
}

/* Lookups may still be reading the nodes. */
static void nodes_free(struct list_head *nodes)
{
	struct region_node *node, *next;

	list_for_each_entry_safe(node, next, nodes, edit)
		kfree_rcu(node, rcu);
}

/* --- aliases ---------------------------------------------------------------- */

static bool is_writable(const struct region_node *node)
{
	return node->region.prot & SVMVCPU_MEM_WRITE;
}

/* Can the user memory of a region also be written through another one? */
static bool is_aliased(struct guest_memory *mem, const struct region_node *node)
{
	struct interval_tree_node *at;

	if (!is_writable(node))
		return false;
	for (at = interval_tree_iter_first(&mem->by_hva, node->by_hva.start, node->by_hva.last);
	     at; at = interval_tree_iter_next(at, node->by_hva.start, node->by_hva.last))
		if (at != &node->by_hva && is_writable(node_of_hva(at)))
			return true;
	return false;
}

/**
 * regions_unaliased() - check that no user page is writable at two guest addresses
 * @mem: a VM's memory
 *
 * A snapshot copies pages by guest address, so the copies of an aliased page could
 * differ. This does not detect memory that is mapped at two user addresses.
 *
 * Context: may sleep; the caller holds guest_memory.mutex.
 * Return: 0, -ENOTUNIQ or -EINTR.
 */
int regions_unaliased(struct guest_memory *mem)
{
	struct region_node *node;

	for (node = first_region(mem, 0, U64_MAX); node; node = next_region(node, 0, U64_MAX)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (is_aliased(mem, node))
			return -ENOTUNIQ;
		cond_resched();
	}
	return 0;
}

static bool any_aliased(struct guest_memory *mem, struct list_head *nodes)
{
	struct region_node *node;

	list_for_each_entry(node, nodes, edit)
		if (is_aliased(mem, node))
			return true;
	return false;
}

/* --- an edit: what MAP and UNMAP change --------------------------------------- */

struct region_edit {
	struct list_head old;	/* regions to remove or cut, sorted by address */
	struct list_head new;	/* the remaining pieces of these, sorted; MAP: and its regions */
	int added;		/* number of @new less number of @old */
	unsigned int nr_old;
	bool replace;		/* MAP with REPLACE */
};

static void init_edit(struct region_edit *edit, bool replace)
{
	*edit = (struct region_edit) { .replace = replace };
	INIT_LIST_HEAD(&edit->old);
	INIT_LIST_HEAD(&edit->new);
}

/* Insertion from the end is fast, because VMMs usually pass sorted regions. */
static void add_sorted(struct list_head *nodes, struct region_node *new)
{
	struct region_node *at;

	list_for_each_entry_reverse(at, nodes, edit)
		if (at->region.gpa <= new->region.gpa)
			break;
	list_add(&new->edit, &at->edit);
}

/*
 * Collects the regions that overlap a range, and a copy of each to be cut. Returns -EBUSY
 * for a region that is part of a snapshot: it stays mapped as long as the snapshot exists.
 * So does a region that was mapped later, if it is to be replaced: the copies of its pages
 * belong to its present memory. MAP makes all changes at once, so their number is limited.
 */
static int collect_old(struct guest_memory *mem, struct region_edit *edit, u64 start, u64 end)
{
	struct region_node *node, *copy;

	for (node = first_region(mem, start, end); node; node = next_region(node, start, end)) {
		if (mem->track.snapshot &&
		    (edit->replace || node->region.epoch != mem->map_epoch))
			return -EBUSY;
		if (node->leaving)
			continue;
		if (edit->replace && edit->nr_old == GUEST_MAX_BATCH)
			return -E2BIG;
		copy = node_alloc(&node->region);
		if (!copy)
			return -ENOMEM;
		node->leaving = true;
		edit->nr_old++;
		add_sorted(&edit->old, node);
		add_sorted(&edit->new, copy);
	}
	return 0;
}

/* Cuts [start, end) out of the copies. Returns -ENOENT if none of them overlaps it. */
static int cut_new(struct region_edit *edit, u64 start, u64 end)
{
	struct region_node *node, *next, *right;
	int ret = -ENOENT;

	list_for_each_entry_safe(node, next, &edit->new, edit) {
		struct mem_region region = node->region;

		if (region.gpa >= end)
			break;
		if (region.end <= start)
			continue;
		ret = 0;
		if (region.end > end) {
			region.hva = region_hva(&region, end);
			region.gpa = end;
			right = node_alloc(&region);
			if (!right)
				return -ENOMEM;
			list_add(&right->edit, &node->edit);
			edit->added++;
		}
		if (node->region.gpa < start) {
			node->region.end = start;
		} else {
			list_del(&node->edit);
			kfree(node);
			edit->added--;
		}
	}
	return ret;
}

static void abort_edit(struct region_edit *edit)
{
	struct region_node *node;

	list_for_each_entry(node, &edit->old, edit)
		node->leaving = false;
	nodes_free(&edit->new);
}

/* Frees the old regions, whose leaves have been zapped: notifiers need them until then. */
static void finish_edit(struct guest_memory *mem, struct region_edit *edit)
{
	change_by_hva(mem, &edit->old, false);
	nodes_free(&edit->old);
}

/* Flushes after a zap, and waits for accesses to the old regions. */
static void flush_old(struct guest_memory *mem, struct list_head *dead)
{
	/* Always flush: a CPU may be walking a detached table even if no leaf was zapped. */
	guest_memory_flush_and_wait(mem);
	npt_free_dead(dead);
}

static void forget_tracked(struct guest_memory *mem, u64 gpa, u64 bytes)
{
	track_change_range(mem, gpa >> PAGE_SHIFT, (gpa + bytes) >> PAGE_SHIFT,
			   TRACK_FORGET_ALL);
}

/* --- MAP -------------------------------------------------------------------- */

static int region_valid(const struct guest_memory *mem, const struct svmvcpu_region *region,
			bool replace)
{
	const u32 known = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC;

	if (!gpa_range_valid(mem, region->gpa, region->bytes) ||
	    !PAGE_ALIGNED(region->hva) || region->mbz)
		return -EINVAL;
	if (replace && !region->prot)
		return region->hva ? -EINVAL : 0;
	if ((region->prot & ~known) || !(region->prot & SVMVCPU_MEM_READ))
		return -EINVAL;
	/* Not access_ok(): newer kernels check only the sign of the address. */
	if (region->bytes > TASK_SIZE_MAX || region->hva > TASK_SIZE_MAX - region->bytes)
		return -EFAULT;
	return 0;
}

static int nodes_create(struct list_head *nodes, const struct svmvcpu_region *regions,
			unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct mem_region region = {
			.gpa = regions[i].gpa,
			.end = regions[i].gpa + regions[i].bytes,
			.hva = regions[i].hva,
			.prot = regions[i].prot,
		};
		struct region_node *node = node_alloc(&region);

		if (!node)
			return -ENOMEM;
		add_sorted(nodes, node);
	}
	return 0;
}

/* Do the nodes of a sorted list overlap each other? */
static bool any_overlap(struct list_head *nodes)
{
	struct region_node *node;
	u64 end = 0;

	list_for_each_entry(node, nodes, edit) {
		if (node->region.gpa < end)
			return true;
		end = node->region.end;
	}
	return false;
}

/* Cuts @nodes out of copies of the regions that they overlap; -EEXIST without REPLACE. */
static int cut_old(struct guest_memory *mem, struct region_edit *edit, struct list_head *nodes)
{
	struct region_node *node;
	int ret = 0;

	list_for_each_entry(node, nodes, edit) {
		u64 start = node->region.gpa, end = node->region.end;

		if (!first_region(mem, start, end))
			continue;
		ret = edit->replace ? collect_old(mem, edit, start, end) : -EEXIST;
		if (ret)
			return ret;
	}
	if (list_empty(&edit->old))
		return 0;
	list_for_each_entry(node, nodes, edit) {
		ret = cut_new(edit, node->region.gpa, node->region.end);
		if (ret == -ENOMEM)
			return ret;
		cond_resched();
	}
	return 0;
}

/* Moves the nodes to the edit, except for holes. */
static void add_new(struct guest_memory *mem, struct region_edit *edit, struct list_head *nodes)
{
	struct region_node *node, *next;

	list_for_each_entry_safe(node, next, nodes, edit) {
		if (!node->region.prot)
			continue;
		node->region.epoch = mem->map_epoch;
		list_move_tail(&node->edit, &edit->new);
		edit->added++;
	}
}

static int prepare_map(struct guest_memory *mem, struct region_edit *edit,
		       struct list_head *nodes)
{
	int ret;

	if (any_overlap(nodes))
		return -EEXIST;
	ret = cut_old(mem, edit, nodes);
	if (ret)
		return ret;
	add_new(mem, edit, nodes);
	if (edit->added > (int)(GUEST_MAX_REGIONS - mem->nr_regions))
		return -ENOSPC;
	change_by_hva(mem, &edit->new, true);
	if (!mem->track.snapshot || !any_aliased(mem, &edit->new))
		return 0;
	change_by_hva(mem, &edit->new, false);
	return -ENOTUNIQ;
}

/* In one section of regions_seq, so that a lookup finds the state before or after it. */
static void swap_regions(struct guest_memory *mem, struct region_edit *edit)
{
	struct region_node *node;

	spin_lock(&mem->lock);
	write_seqcount_begin(&mem->regions_seq);
	list_for_each_entry(node, &edit->old, edit) {
		interval_tree_remove(&node->by_gpa, &mem->regions);
		mem->nr_regions--;
	}
	list_for_each_entry(node, &edit->new, edit)
		insert_by_gpa(mem, node);
	write_seqcount_end(&mem->regions_seq);
	spin_unlock(&mem->lock);
}

/*
 * Zaps the ranges, including leaves of the new memory that a fault has added meanwhile. The
 * dirty log forgets only the holes: pages elsewhere were written or have other contents now.
 */
static void forget_replaced(struct guest_memory *mem, const struct svmvcpu_region *regions,
			    unsigned int nr)
{
	LIST_HEAD(dead);
	unsigned int i;

	for (i = 0; i < nr; i++)
		guest_memory_zap(mem, regions[i].gpa, regions[i].gpa + regions[i].bytes, &dead);
	flush_old(mem, &dead);
	for (i = 0; i < nr; i++)
		if (!regions[i].prot)
			forget_tracked(mem, regions[i].gpa, regions[i].bytes);
}

static int map_locked(struct guest_memory *mem, struct list_head *nodes,
		      const struct svmvcpu_region *regions, unsigned int nr, bool replace)
{
	struct region_edit edit;
	int ret;

	init_edit(&edit, replace);
	ret = prepare_map(mem, &edit, nodes);
	if (ret) {
		abort_edit(&edit);
		return ret;
	}
	swap_regions(mem, &edit);
	if (!list_empty(&edit.old)) {
		forget_replaced(mem, regions, nr);
		finish_edit(mem, &edit);
	}
	return 0;
}

/**
 * guest_memory_map() - add regions, all or none
 * @mem: a VM's memory
 * @regions: from user space, not validated
 * @nr: number of @regions, 1 to GUEST_MAX_BATCH
 * @replace: the regions replace what is mapped there. One without rights is a hole
 *
 * Context: may sleep; current->mm is guest_memory.mm.
 * Return: 0; -EINVAL for a malformed region; -EFAULT if its user range is outside of
 * user space; -EEXIST if it overlaps another region, or with @replace another one of
 * @regions; -E2BIG if more than GUEST_MAX_BATCH regions would be replaced; -EBUSY if there
 * are any and there is a snapshot; -ENOSPC for more than GUEST_MAX_REGIONS; -ENOTUNIQ if a
 * snapshot exists and the memory would be writable at two guest addresses; -ENOMEM; -EINTR.
 */
int guest_memory_map(struct guest_memory *mem, const struct svmvcpu_region *regions,
		     unsigned int nr, bool replace)
{
	LIST_HEAD(nodes);
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = region_valid(mem, &regions[i], replace);
		if (ret)
			return ret;
	}
	ret = nodes_create(&nodes, regions, nr);
	if (!ret)
		ret = mutex_lock_killable(&mem->mutex);
	if (!ret) {
		ret = map_locked(mem, &nodes, regions, nr, replace);
		mutex_unlock(&mem->mutex);
	}
	nodes_free(&nodes);
	return ret;
}

/* --- UNMAP ------------------------------------------------------------------ */

static int prepare_unmap(struct guest_memory *mem, struct region_edit *edit,
			 const struct svmvcpu_range *ranges, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < nr; i++)
		ret = collect_old(mem, edit, ranges[i].gpa, ranges[i].gpa + ranges[i].bytes);
	for (i = 0; !ret && i < nr; i++) {
		ret = cut_new(edit, ranges[i].gpa, ranges[i].gpa + ranges[i].bytes);
		cond_resched();
	}
	if (!ret && edit->added > (int)(GUEST_MAX_REGIONS - mem->nr_regions))
		ret = -ENOSPC;
	return ret;
}

/*
 * Replaces the old regions by their pieces, one region at a time, so that the lock is
 * not held for long. Cannot fail.
 */
static void cut_regions(struct guest_memory *mem, struct region_edit *edit)
{
	struct region_node *node, *piece;

	change_by_hva(mem, &edit->new, true);
	piece = list_first_entry(&edit->new, struct region_node, edit);
	list_for_each_entry(node, &edit->old, edit) {
		spin_lock(&mem->lock);
		write_seqcount_begin(&mem->regions_seq);
		interval_tree_remove(&node->by_gpa, &mem->regions);
		mem->nr_regions--;
		list_for_each_entry_from(piece, &edit->new, edit) {
			if (piece->region.gpa >= node->region.end)
				break;
			insert_by_gpa(mem, piece);
		}
		write_seqcount_end(&mem->regions_seq);
		spin_unlock(&mem->lock);
	}
	INIT_LIST_HEAD(&edit->new);
}

/* Removes leaves and tracking of unmapped ranges, and waits for accesses to them. */
static void forget_ranges(struct guest_memory *mem, const struct svmvcpu_range *ranges,
			  unsigned int nr)
{
	LIST_HEAD(dead);
	unsigned int i;

	for (i = 0; i < nr; i++)
		guest_memory_zap(mem, ranges[i].gpa, ranges[i].gpa + ranges[i].bytes, &dead);
	flush_old(mem, &dead);
	/* Now no access that began before can create another track_entry. */
	for (i = 0; i < nr; i++)
		forget_tracked(mem, ranges[i].gpa, ranges[i].bytes);
}

static int unmap_locked(struct guest_memory *mem, const struct svmvcpu_range *ranges,
			unsigned int nr)
{
	struct region_edit edit;
	int ret;

	init_edit(&edit, false);
	ret = prepare_unmap(mem, &edit, ranges, nr);
	if (ret) {
		abort_edit(&edit);
		return ret;
	}
	cut_regions(mem, &edit);
	forget_ranges(mem, ranges, nr);
	finish_edit(mem, &edit);
	return 0;
}

/**
 * guest_memory_unmap() - remove ranges from the regions, all or none
 * @mem: a VM's memory
 * @ranges: from user space, not validated
 * @nr: number of @ranges, 1 to GUEST_MAX_BATCH
 *
 * No vCPU can access the memory when this returns.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a malformed range; -ENOENT if a range contains no region;
 * -ENOSPC if splitting regions would exceed GUEST_MAX_REGIONS; -EBUSY if a range is
 * part of the snapshot; -ENOMEM; -EINTR.
 */
int guest_memory_unmap(struct guest_memory *mem, const struct svmvcpu_range *ranges,
		       unsigned int nr)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++)
		if (!gpa_range_valid(mem, ranges[i].gpa, ranges[i].bytes))
			return -EINVAL;
	ret = mutex_lock_killable(&mem->mutex);
	if (ret)
		return ret;
	ret = unmap_locked(mem, ranges, nr);
	mutex_unlock(&mem->mutex);
	return ret;
}

/* Zaps all leaves. Sleeps; no MAP or UNMAP may run. */
void regions_zap(struct guest_memory *mem)
{
	struct region_node *node;

	for (node = first_region(mem, 0, U64_MAX); node; node = next_region(node, 0, U64_MAX))
		guest_memory_zap(mem, node->region.gpa, node->region.end, NULL);
}

void regions_free(struct guest_memory *mem)
{
	struct region_node *node, *next;

	rbtree_postorder_for_each_entry_safe(node, next, &mem->regions.rb_root, by_gpa.rb)
		kfree(node);
	mem->regions = RB_ROOT_CACHED;
	mem->by_hva = RB_ROOT_CACHED;
}
