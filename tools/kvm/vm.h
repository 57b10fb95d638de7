/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: a VM. It exists until the program has closed its descriptor and those
 * of all its vCPUs; so do the vCPUs, whose numbers stay taken, as in KVM.
 */
#ifndef KVM_VM_H
#define KVM_VM_H

#include <pthread.h>

#include <linux/kvm.h>
#include <linux/svmvcpu.h>

#include "filter.h"
#include "irq.h"
#include "object.h"
#include "slots.h"

#define MAX_VCPUS	64

struct device;
struct vcpu;

/* who has the interrupt controllers */
enum irqchip {
	IRQCHIP_NONE,	/* the program */
	IRQCHIP_SPLIT,	/* the kernel has the local APICs, the program the rest */
};

/**
 * struct vm - a VM
 * @object: what its descriptors refer to
 * @fd: file of svmvcpu
 * @pages: memory of all vCPUs' struct kvm_run, which the program maps
 * @info: of GET_INFO
 * @lock: protects creation and settings: @irqchip, @vcpus, @manual_protect
 * @irqchip: fixed when the first vCPU is created
 * @manual_protect: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is enabled
 * @msr_exits: KVM_MSR_EXIT_REASON_*: accesses that KVM_CAP_X86_USER_SPACE_MSR leaves to
 *	the program
 * @vcpus: by number
 * @nr_vcpus: how many there are
 * @slots: guest memory
 * @irqs: interrupt routes
 * @filter: MSRs that the program denies
 */
struct vm {
	struct object *object;
	int fd;
	int pages;
	struct svmvcpu_info info;
	pthread_mutex_t lock;
	enum irqchip irqchip;
	bool manual_protect;
	__u32 msr_exits;
	struct vcpu *vcpus[MAX_VCPUS];
	unsigned int nr_vcpus;
	struct slots slots;
	struct irqs irqs;
	struct filter filter;
};

extern const struct object_type vm_type;

/* KVM_CREATE_VM: a descriptor or -errno */
long vm_create(const struct device *device);

#endif /* KVM_VM_H */
