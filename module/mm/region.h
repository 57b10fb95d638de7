/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A region in the two trees of guest memory.
 */
#ifndef SVMVCPU_MEMORY_REGION_H
#define SVMVCPU_MEMORY_REGION_H

#include <linux/container_of.h>
#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "mm/memory.h"

/**
 * struct region_node - one region
 * @region: never changes; UNMAP replaces a region that it cuts
 * @by_gpa: in guest_memory.regions
 * @by_hva: in guest_memory.by_hva
 * @edit: in a list of what a MAP or UNMAP adds or takes away
 * @leaving: an UNMAP takes it away
 * @rcu: lookups run under RCU
 */
struct region_node {
	struct guest_region region;
	struct rb_node by_gpa;
	struct interval_tree_node by_hva;
	struct list_head edit;
	bool leaving;
	struct rcu_head rcu;
};

static inline struct region_node *node_of_hva(const struct interval_tree_node *node)
{
	return container_of(node, struct region_node, by_hva);
}

#endif /* SVMVCPU_MEMORY_REGION_H */
