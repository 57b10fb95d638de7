/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: KVM_X86_SET_MSR_FILTER: accesses to MSRs that the program denies the
 * guest. Only MSRs whose accesses leave the kernel can be denied.
 */
#ifndef KVM_FILTER_H
#define KVM_FILTER_H

#include <pthread.h>
#include <stdbool.h>

#include <linux/kvm.h>

/**
 * struct filter - the filter of a VM
 * @lock: protects the rest
 * @set: there is one
 * @msrs: what the program has set; its bitmaps are copies
 */
struct filter {
	pthread_rwlock_t lock;
	bool set;
	struct kvm_msr_filter msrs;
};

void filter_init(struct filter *filter);
void filter_free(struct filter *filter);

/* whether the guest may read or write the MSR */
bool filter_allows(struct filter *filter, __u32 index, bool write);

/* ioctl of a VM */
long filter_set(void *vm, unsigned long arg);

#endif /* KVM_FILTER_H */
