/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node of the two region trees of guest memory.
 */
#ifndef SVMVCPU_MEMORY_REGION_H
#define SVMVCPU_MEMORY_REGION_H

#include <linux/container_of.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "mm/memory.h"

struct region_node {
	struct mem_region region;		/* constant; UNMAP replaces a node to cut it */
	struct rb_node by_gpa;			/* in guest_memory.regions */
	struct interval_tree_node by_hva;	/* in guest_memory.by_hva */
	struct list_head edit;			/* nodes that MAP or UNMAP adds or removes */
	bool leaving;				/* UNMAP removes it */
	struct rcu_head rcu;
};

static inline struct region_node *node_of_hva(const struct interval_tree_node *node)
{
	return container_of(node, struct region_node, by_hva);
}

#endif /* SVMVCPU_MEMORY_REGION_H */
