/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Resamplers: eventfds that are signaled when the guest has handled a level-triggered
 * interrupt, in place of the exit IOAPIC_EOI.
 */
#ifndef SVMVCPU_RESAMPLE_H
#define SVMVCPU_RESAMPLE_H

#include <linux/list.h>
#include <linux/types.h>

struct eventfd_ctx;
struct svm_vm;

struct resampler {
	struct list_head node;	/* in svm_vm.resamplers, under svm_vm.irqfds_lock and RCU */
	u8 vector;		/* changes while it is in the list */
	struct eventfd_ctx *eventfd;
};

bool resample_eoi(const struct svm_vm *vm, unsigned int vector);

#endif /* SVMVCPU_RESAMPLE_H */
