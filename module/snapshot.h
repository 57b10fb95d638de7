/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots of a VM that never leave the kernel, and the log of dirty pages.
 */
#ifndef SVMVCPU_SNAPSHOT_H
#define SVMVCPU_SNAPSHOT_H

#include <linux/types.h>

struct guest_memory;
struct svm_vm;
struct vm_area_struct;

int snapshot_take(struct svm_vm *vm, const void __user *arg);
int snapshot_restore(struct svm_vm *vm, void __user *arg);
int snapshot_preserve(struct svm_vm *vm, const void __user *arg);
int snapshot_drop(struct svm_vm *vm);

/* dirty.c */
int dirty_log(struct guest_memory *mem, const void __user *arg);
int dirty_collect(struct guest_memory *mem, void __user *arg);
int dirty_mmap(struct guest_memory *mem, struct vm_area_struct *vma);
void dirty_free(struct guest_memory *mem);

#endif /* SVMVCPU_SNAPSHOT_H */
