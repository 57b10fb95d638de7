/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls on snapshots of a VM
 */
#ifndef SVMVCPU_SNAPSHOT_H
#define SVMVCPU_SNAPSHOT_H

#include <linux/types.h>

struct svm_vm;

int snapshot_take(struct svm_vm *vm, const void __user *arg);
int snapshot_restore(struct svm_vm *vm, void __user *arg);
int snapshot_preserve(struct svm_vm *vm, const void __user *arg);
int snapshot_drop(struct svm_vm *vm);

#endif /* SVMVCPU_SNAPSHOT_H */
