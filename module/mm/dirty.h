/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dirty log: ioctls, and the list that user space maps.
 */
#ifndef SVMVCPU_DIRTY_H
#define SVMVCPU_DIRTY_H

#include <linux/types.h>

struct guest_memory;
struct vm_area_struct;

int dirty_log(struct guest_memory *mem, const void __user *arg);
int dirty_collect(struct guest_memory *mem, void __user *arg);
int dirty_mmap(struct guest_memory *mem, struct vm_area_struct *vma);
void dirty_free(struct guest_memory *mem);

#endif /* SVMVCPU_DIRTY_H */
