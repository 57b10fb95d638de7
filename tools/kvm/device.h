/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: the file that open("/dev/kvm") returns.
 */
#ifndef KVM_DEVICE_H
#define KVM_DEVICE_H

#include <linux/svmvcpu.h>

#include "object.h"

/**
 * struct device - an open /dev/kvm
 * @fd: /dev/svmvcpu
 * @info: of GET_INFO
 */
struct device {
	int fd;
	struct svmvcpu_info info;
};

extern const struct object_type device_type;

/* open("/dev/kvm", @flags): a descriptor or -errno */
long device_open(int flags);

/* KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID */
long cpuid_get_supported(void *device, unsigned long arg);
long cpuid_get_emulated(void *device, unsigned long arg);
/* KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSRS of the device */
long msr_get_list(void *device, unsigned long arg);
long msr_get_feature_list(void *device, unsigned long arg);
long msr_get_features(void *device, unsigned long arg);

#endif /* KVM_DEVICE_H */
