// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: which guest-physical addresses are backed by which user memory. MAP and
 * UNMAP cost by what they add and take, not by what is there.
 *
 * Lookups by guest-physical address take no lock, since loaded vCPUs make them with
 * interrupts off. A lookup that meets a tree in the middle of a change may miss a
 * region, and then looks again; guest_memory.table_gen tells. It may also find a region
 * that has just been taken away: UNMAP waits for those who use one.
 */
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mm/priv.h"
#include "mm/region.h"

/* Regions sorted by gpa, on their way through UNMAP */
struct region_table {
	unsigned int nr;
	struct guest_region region[];
};

static struct region_node *node_of_gpa(const struct rb_node *node)
{
	return rb_entry(node, struct region_node, by_gpa);
}

static struct region_node *find_node(const struct guest_memory *mem, u64 gpa)
{
	struct rb_node *at = READ_ONCE(mem->regions.rb_node);

	while (at) {
		struct region_node *node = node_of_gpa(at);

		if (gpa < node->region.gpa)
			at = READ_ONCE(at->rb_left);
		else if (gpa >= node->region.end)
			at = READ_ONCE(at->rb_right);
		else
			return node;
	}
	return NULL;
}

/**
 * guest_region_lookup() - copy the region around an address
 * @mem: a VM's memory
 * @gpa: the address
 * @region: out
 *
 * Context: any. The region may be gone at once: guest_region_current() tells, and
 * UNMAP waits for those who hold guest_memory.access or run with interrupts off on
 * one of guest_memory.cpus.
 * Return: false when there is none.
 */
bool guest_region_lookup(struct guest_memory *mem, u64 gpa, struct guest_region *region)
{
	struct region_node *node;
	u64 gen;

	rcu_read_lock();
	for (;;) {
		/* Pairs with change_begin() and change_end(). */
		gen = smp_load_acquire(&mem->table_gen);
		node = find_node(mem, gpa);
		if (node)
			*region = node->region;
		/* Pairs with change_begin(): look at the tree before the generation. */
		smp_rmb();
		if (node || (!(gen & 1) && READ_ONCE(mem->table_gen) == gen))
			break;
		cpu_relax();
	}
	rcu_read_unlock();
	return node;
}

/* Is a copy still current? The lock is held. */
bool guest_region_current(struct guest_memory *mem, const struct guest_region *region)
{
	struct region_node *node = find_node(mem, region->gpa);

	return node && !memcmp(&node->region, region, sizeof(*region));
}

/* Is it an aligned range of possible guest-physical addresses? */
bool guest_range_valid(const struct guest_memory *mem, u64 gpa, u64 bytes)
{
	u64 end;

	return bytes && PAGE_ALIGNED(gpa) && PAGE_ALIGNED(bytes) &&
	       !check_add_overflow(gpa, bytes, &end) && end <= BIT_ULL(mem->gpa_bits);
}

/* --- changing the trees, under the mutex and the lock --------------------- */

static void change_begin(struct guest_memory *mem)
	__acquires(&mem->lock)
{
	spin_lock(&mem->lock);
	WRITE_ONCE(mem->table_gen, mem->table_gen + 1);
	/* Pairs with guest_region_lookup(): a changed tree goes with a new generation. */
	smp_wmb();
}

static void change_end(struct guest_memory *mem)
	__releases(&mem->lock)
{
	/* Pairs with guest_region_lookup(): an even generation goes with a whole tree. */
	smp_store_release(&mem->table_gen, mem->table_gen + 1);
	spin_unlock(&mem->lock);
}

static void insert_by_gpa(struct guest_memory *mem, struct region_node *new)
{
	struct rb_node **link = &mem->regions.rb_node, *parent = NULL, *node;

	while (*link) {
		parent = *link;
		link = new->region.gpa < node_of_gpa(parent)->region.gpa ? &parent->rb_left :
									   &parent->rb_right;
	}
	rb_link_node(&new->by_gpa, parent, &node);
	/* Pairs with find_node(), which follows the pointer without a lock. */
	smp_store_release(link, node);
	rb_insert_color(&new->by_gpa, &mem->regions);
	mem->nr_regions++;
}

static void erase_by_gpa(struct guest_memory *mem, struct region_node *node)
{
	rb_erase(&node->by_gpa, &mem->regions);
	mem->nr_regions--;
}

/* For notifiers, before anybody can find it by its guest-physical address */
static void insert_by_hva(struct guest_memory *mem, struct list_head *nodes)
{
	struct region_node *node;

	list_for_each_entry(node, nodes, edit) {
		spin_lock(&mem->lock);
		interval_tree_insert(&node->by_hva, &mem->by_hva);
		spin_unlock(&mem->lock);
	}
}

static void erase_by_hva(struct guest_memory *mem, struct list_head *nodes)
{
	struct region_node *node;

	list_for_each_entry(node, nodes, edit) {
		spin_lock(&mem->lock);
		interval_tree_remove(&node->by_hva, &mem->by_hva);
		spin_unlock(&mem->lock);
	}
}

/* The first region that ends behind @gpa, or NULL. The mutex or the lock is held. */
static struct region_node *first_behind(const struct guest_memory *mem, u64 gpa)
{
	struct region_node *node, *found = NULL;
	struct rb_node *at = mem->regions.rb_node;

	while (at) {
		node = node_of_gpa(at);
		if (node->region.end > gpa) {
			found = node;
			at = at->rb_left;
		} else {
			at = at->rb_right;
		}
	}
	return found;
}

static struct region_node *node_after(const struct region_node *node)
{
	struct rb_node *next = rb_next(&node->by_gpa);

	return next ? node_of_gpa(next) : NULL;
}

static struct region_node *node_alloc(const struct guest_region *region)
{
	struct region_node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

	if (!node)
		return NULL;
	node->region = *region;
	node->by_hva.start = region->hva;
	node->by_hva.last = region->hva + (region->end - region->gpa) - 1;
	return node;
}

/* @seen: lookups may still be reading them */
static void nodes_free(struct list_head *nodes, bool seen)
{
	struct region_node *node, *next;

	list_for_each_entry_safe(node, next, nodes, edit) {
		list_del(&node->edit);
		if (seen)
			kfree_rcu(node, rcu);
		else
			kfree(node);
	}
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
 * guest_regions_unaliased() - can user memory be written at one guest address only?
 * @mem: a VM's memory, its mutex held
 *
 * A snapshot needs that: two copies of one page would not agree. Memory that is
 * mapped at two user addresses is not detected.
 *
 * Context: may sleep.
 * Return: 0, -ENOTUNIQ or -EINTR.
 */
int guest_regions_unaliased(struct guest_memory *mem)
{
	struct region_node *node;

	for (node = first_behind(mem, 0); node; node = node_after(node)) {
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

/* --- MAP -------------------------------------------------------------------- */

static int region_valid(const struct guest_memory *mem, const struct svmvcpu_region *region)
{
	const u32 known = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC;

	if (!guest_range_valid(mem, region->gpa, region->bytes) ||
	    !PAGE_ALIGNED(region->hva) || region->mbz)
		return -EINVAL;
	if ((region->prot & ~known) || !(region->prot & SVMVCPU_MEM_READ))
		return -EINVAL;
	/* Some kernels' access_ok() checks only that the address is not the kernel's. */
	if (region->bytes > TASK_SIZE_MAX || region->hva > TASK_SIZE_MAX - region->bytes)
		return -EFAULT;
	return 0;
}

/* Behind those that start before it: VMMs pass them sorted. */
static void add_sorted(struct list_head *nodes, struct region_node *new)
{
	struct region_node *at;

	list_for_each_entry_reverse(at, nodes, edit)
		if (at->region.gpa <= new->region.gpa)
			break;
	list_add(&new->edit, &at->edit);
}

static int nodes_create(struct list_head *nodes, const struct svmvcpu_region *regions,
			unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct guest_region region = {
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

/* Of a sorted list, with one another or with what is there */
static bool any_overlap(struct guest_memory *mem, struct list_head *nodes)
{
	struct region_node *node, *there;
	u64 end = 0;

	list_for_each_entry(node, nodes, edit) {
		there = first_behind(mem, node->region.gpa);
		if (node->region.gpa < end || (there && there->region.gpa < node->region.end))
			return true;
		end = node->region.end;
	}
	return false;
}

static int map_locked(struct guest_memory *mem, struct list_head *nodes, unsigned int nr)
{
	struct region_node *node;

	if (mem->nr_regions + nr > GUEST_MAX_REGIONS)
		return -ENOSPC;
	if (any_overlap(mem, nodes))
		return -EEXIST;
	insert_by_hva(mem, nodes);
	if (mem->track.snapshot && any_aliased(mem, nodes)) {
		erase_by_hva(mem, nodes);
		return -ENOTUNIQ;
	}
	list_for_each_entry(node, nodes, edit) {
		node->region.epoch = mem->map_epoch;
		change_begin(mem);
		insert_by_gpa(mem, node);
		change_end(mem);
	}
	INIT_LIST_HEAD(nodes);
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
	LIST_HEAD(nodes);
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = region_valid(mem, &regions[i]);
		if (ret)
			return ret;
	}
	ret = nodes_create(&nodes, regions, nr);
	if (!ret)
		ret = mutex_lock_killable(&mem->mutex);
	if (!ret) {
		ret = map_locked(mem, &nodes, nr);
		mutex_unlock(&mem->mutex);
	}
	nodes_free(&nodes, false);
	return ret;
}

/* --- UNMAP ------------------------------------------------------------------ */

/**
 * struct region_edit - what an UNMAP changes
 * @old: regions it takes or cuts, in the order of their addresses
 * @nr_old: how many
 * @new: pieces that are left of them, in the same order
 */
struct region_edit {
	struct list_head old;
	unsigned int nr_old;
	struct list_head new;
};

/*
 * Collects the regions that the ranges meet, each once. -EBUSY when the snapshot
 * needs one: what was mapped when it was taken stays mapped as long as there is one.
 */
static int collect_old(struct guest_memory *mem, struct region_edit *edit,
		       const struct svmvcpu_range *ranges, unsigned int nr)
{
	struct region_node *node;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u64 end = ranges[i].gpa + ranges[i].bytes;

		for (node = first_behind(mem, ranges[i].gpa);
		     node && node->region.gpa < end; node = node_after(node)) {
			if (mem->track.snapshot && node->region.epoch != mem->map_epoch)
				return -EBUSY;
			if (node->leaving)
				continue;
			node->leaving = true;
			add_sorted(&edit->old, node);
			edit->nr_old++;
		}
	}
	return 0;
}

/* With room for @more, since one range splits at most one region in two */
static struct region_table *table_of_old(const struct region_edit *edit, unsigned int more)
{
	struct region_table *table;
	struct region_node *node;

	table = kvmalloc(struct_size(table, region, edit->nr_old + more), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->nr = 0;
	list_for_each_entry(node, &edit->old, edit)
		table->region[table->nr++] = node->region;
	return table;
}

/* Index of the first region that ends behind @gpa; nr when there is none. */
static unsigned int table_find(const struct region_table *table, u64 gpa)
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

/* Takes a range out: a piece may be left of the first and of the last region it meets. */
static int table_cut(struct region_table *table, const struct svmvcpu_range *range)
{
	u64 start = range->gpa, end = range->gpa + range->bytes;
	unsigned int first = table_find(table, start), last = first, nr = 0;
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
	return 0;
}

static int create_new(struct region_edit *edit, const struct svmvcpu_range *ranges,
		      unsigned int nr, unsigned int room)
{
	struct region_table *table = table_of_old(edit, nr);
	struct region_node *node;
	unsigned int i;
	int ret = 0;

	if (!table)
		return -ENOMEM;
	for (i = 0; !ret && i < nr; i++)
		ret = table_cut(table, &ranges[i]);
	if (!ret && table->nr > room + edit->nr_old)
		ret = -ENOSPC;
	for (i = 0; !ret && i < table->nr; i++) {
		node = node_alloc(&table->region[i]);
		if (node)
			list_add_tail(&node->edit, &edit->new);
		else
			ret = -ENOMEM;
	}
	kvfree(table);
	return ret;
}

/*
 * Puts the pieces in the place of the old regions, one region at a time, so that the
 * lock is not held for long. Nothing can fail any more.
 */
static void put_in_place(struct guest_memory *mem, struct region_edit *edit)
{
	struct region_node *node, *piece;

	insert_by_hva(mem, &edit->new);
	piece = list_first_entry(&edit->new, struct region_node, edit);
	list_for_each_entry(node, &edit->old, edit) {
		change_begin(mem);
		erase_by_gpa(mem, node);
		list_for_each_entry_from(piece, &edit->new, edit) {
			if (piece->region.gpa >= node->region.end)
				break;
			insert_by_gpa(mem, piece);
		}
		change_end(mem);
	}
	INIT_LIST_HEAD(&edit->new);
}

/* What is mapped, being written or known of ranges that no region has any more */
static void forget_ranges(struct guest_memory *mem, const struct svmvcpu_range *ranges,
			  unsigned int nr)
{
	LIST_HEAD(dead);
	unsigned int i;

	for (i = 0; i < nr; i++)
		guest_memory_zap_tables(mem, ranges[i].gpa, ranges[i].gpa + ranges[i].bytes,
					&dead);
	/* Waits for loaded vCPUs; also when no leaf went: a walker may use a dead table. */
	guest_memory_settle(mem);
	npt_free_dead(&dead);
	/* After that, since a write that was under way makes an entry. */
	for (i = 0; i < nr; i++)
		guest_track_forget(mem, ranges[i].gpa >> PAGE_SHIFT,
				   (ranges[i].gpa + ranges[i].bytes) >> PAGE_SHIFT,
				   GUEST_FORGET_ALL);
}

static int unmap_locked(struct guest_memory *mem, const struct svmvcpu_range *ranges,
			unsigned int nr)
{
	struct region_edit edit = {
		.old = LIST_HEAD_INIT(edit.old),
		.new = LIST_HEAD_INIT(edit.new),
	};
	struct region_node *node;
	int ret;

	ret = collect_old(mem, &edit, ranges, nr);
	if (!ret)
		ret = create_new(&edit, ranges, nr, GUEST_MAX_REGIONS - mem->nr_regions);
	if (ret) {
		list_for_each_entry(node, &edit.old, edit)
			node->leaving = false;
		nodes_free(&edit.new, false);
		return ret;
	}
	put_in_place(mem, &edit);
	/* Until their leaves are zapped, notifiers must find the old regions. */
	forget_ranges(mem, ranges, nr);
	erase_by_hva(mem, &edit.old);
	nodes_free(&edit.old, true);
	return 0;
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
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++)
		if (!guest_range_valid(mem, ranges[i].gpa, ranges[i].bytes))
			return -EINVAL;
	ret = mutex_lock_killable(&mem->mutex);
	if (ret)
		return ret;
	ret = unmap_locked(mem, ranges, nr);
	mutex_unlock(&mem->mutex);
	return ret;
}

/* Zaps all that is mapped. Nobody changes the regions. Context: may sleep. */
void guest_regions_zap(struct guest_memory *mem)
{
	struct region_node *node;

	for (node = first_behind(mem, 0); node; node = node_after(node))
		guest_memory_zap(mem, node->region.gpa, node->region.end);
}

/* Frees all regions. Nobody uses them any more. */
void guest_regions_free(struct guest_memory *mem)
{
	struct region_node *node, *next;

	rbtree_postorder_for_each_entry_safe(node, next, &mem->regions, by_gpa)
		kfree(node);
	mem->regions = RB_ROOT;
	mem->by_hva = RB_ROOT_CACHED;
}
