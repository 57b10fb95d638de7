// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: CPUID tables of the device, of a VM and of a vCPU.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "svmvcpu_lib.h"

static int get_table(int fd, unsigned long cmd, const char *name,
		     struct svmvcpu_cpuid_entry *entries, unsigned int *nr)
{
	struct svmvcpu_cpuid arg = {
		.size = sizeof(arg), .nr = *nr, .entries = (__u64)(unsigned long)entries,
	};
	int ret = ioctl(fd, cmd, &arg) ? errno : 0;

	*nr = arg.nr;
	if (ret == E2BIG)
		return svmvcpu_fail(ret, "%s: the table has %u entries", name, arg.nr);
	return ret ? svmvcpu_fail(ret, "%s: %s", name, strerror(ret)) : 0;
}

static int set_table(int fd, unsigned long cmd, const char *name,
		     const struct svmvcpu_cpuid_entry *entries, unsigned int nr)
{
	struct svmvcpu_cpuid arg = {
		.size = sizeof(arg), .nr = nr, .entries = (__u64)(unsigned long)entries,
	};

	if (!ioctl(fd, cmd, &arg))
		return 0;
	return svmvcpu_fail(errno, "%s of %u entries: %s", name, nr, strerror(errno));
}

int svmvcpu_device_get_cpuid(int dev, struct svmvcpu_cpuid_entry *entries, unsigned int *nr)
{
	return get_table(dev, SVMVCPU_GET_DEVICE_CPUID, "GET_DEVICE_CPUID", entries, nr);
}

int svmvcpu_vm_get_cpuid(int vm, struct svmvcpu_cpuid_entry *entries, unsigned int *nr)
{
	return get_table(vm, SVMVCPU_GET_CPUID, "GET_CPUID", entries, nr);
}

int svmvcpu_vm_set_cpuid(int vm, const struct svmvcpu_cpuid_entry *entries, unsigned int nr)
{
	return set_table(vm, SVMVCPU_SET_CPUID, "SET_CPUID", entries, nr);
}

int svmvcpu_vcpu_get_cpuid(const struct svmvcpu_vcpu *vcpu, struct svmvcpu_cpuid_entry *entries,
			   unsigned int *nr)
{
	return get_table(vcpu->fd, SVMVCPU_GET_VCPU_CPUID, "GET_VCPU_CPUID", entries, nr);
}

int svmvcpu_vcpu_set_cpuid(const struct svmvcpu_vcpu *vcpu,
			   const struct svmvcpu_cpuid_entry *entries, unsigned int nr)
{
	return set_table(vcpu->fd, SVMVCPU_SET_VCPU_CPUID, "SET_VCPU_CPUID", entries, nr);
}

struct svmvcpu_cpuid_entry *svmvcpu_cpuid_find(struct svmvcpu_cpuid_entry *entries,
					       unsigned int nr, __u32 leaf, __u32 subleaf)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (entries[i].leaf == leaf &&
		    (!(entries[i].flags & SVMVCPU_CPUID_SUBLEAF) || entries[i].subleaf == subleaf))
			return &entries[i];
	return NULL;
}
