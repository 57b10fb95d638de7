// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: filters of MSRs. See filter.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "log.h"
#include "vcpu.h"
#include "vm.h"

#define RANGE_FLAGS	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)
#define MAX_BITMAP	0x600	/* bytes, as in KVM */

void filter_init(struct filter *filter)
{
	pthread_rwlock_init(&filter->lock, NULL);
}

static void free_bitmaps(struct kvm_msr_filter *msrs)
{
	unsigned int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		free(msrs->ranges[i].bitmap);
}

void filter_free(struct filter *filter)
{
	free_bitmaps(&filter->msrs);
}

static bool allows(const struct kvm_msr_filter *msrs, __u32 index, __u32 access)
{
	const struct kvm_msr_filter_range *range = msrs->ranges;
	unsigned int i;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++, range++) {
		__u32 bit = index - range->base;

		if ((range->flags & access) && bit < range->nmsrs)
			return range->bitmap[bit / 8] >> (bit % 8) & 1;
	}
	return !(msrs->flags & KVM_MSR_FILTER_DEFAULT_DENY);
}

bool filter_allows(struct filter *filter, __u32 index, bool write)
{
	bool allowed;

	pthread_rwlock_rdlock(&filter->lock);
	allowed = !filter->set ||
		  allows(&filter->msrs, index, write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ);
	pthread_rwlock_unlock(&filter->lock);
	return allowed;
}

/* --- KVM_X86_SET_MSR_FILTER ----------------------------------------------- */

static bool range_is_valid(const struct kvm_msr_filter_range *range)
{
	return !(range->flags & ~RANGE_FLAGS) && range->flags && range->bitmap &&
	       (range->nmsrs + 7ULL) / 8 <= MAX_BITMAP;
}

static int copy_range(const struct kvm_msr_filter_range *in, struct kvm_msr_filter_range *out)
{
	size_t bytes = (in->nmsrs + 7ULL) / 8;

	if (!range_is_valid(in))
		return -EINVAL;
	*out = *in;
	out->bitmap = malloc(bytes);
	if (!out->bitmap)
		return -ENOMEM;
	memcpy(out->bitmap, in->bitmap, bytes);
	return 0;
}

/* An MSR that the kernel handles alone would not be denied, so the filter is refused. */
static int check_kernel_msrs(const struct kvm_msr_filter *msrs)
{
	unsigned int i;
	__u32 index;

	for (i = 0; (index = msr_of_kernel(i)); i++)
		if (!allows(msrs, index, KVM_MSR_FILTER_READ) ||
		    !allows(msrs, index, KVM_MSR_FILTER_WRITE))
			return refuse(EINVAL, "X86_SET_MSR_FILTER: %#x cannot be denied", index);
	return 0;
}

static int copy_filter(const struct kvm_msr_filter *in, struct kvm_msr_filter *out)
{
	unsigned int i;
	int err;

	if (in->flags & ~(__u32)KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	out->flags = in->flags;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		err = in->ranges[i].nmsrs ? copy_range(&in->ranges[i], &out->ranges[i]) : 0;
		if (err)
			return err;
	}
	return check_kernel_msrs(out);
}

long filter_set(void *self, unsigned long arg)
{
	struct kvm_msr_filter new = { .flags = 0 }, old;
	struct vm *vm = self;
	int err;

	err = copy_filter((const void *)arg, &new);
	if (err) {
		free_bitmaps(&new);
		return err;
	}
	pthread_rwlock_wrlock(&vm->filter.lock);
	old = vm->filter.msrs;
	vm->filter.msrs = new;
	vm->filter.set = true;
	pthread_rwlock_unlock(&vm->filter.lock);
	free_bitmaps(&old);
	return 0;
}
