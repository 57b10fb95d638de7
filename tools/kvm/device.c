// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the ioctls of /dev/kvm.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "device.h"
#include "log.h"
#include "real.h"
#include "svmvcpu_lib.h"
#include "vcpu.h"
#include "vm.h"

static void device_release(void *self)
{
	struct device *device = self;

	fd_drop_kept(device->fd);
	free(device);
}

const struct object_type device_type = {
	.name = "device",
	.calls = device_calls,
	.unknown = EINVAL,
	.release = device_release,
	.inherited = true,
};

static int device_prepare(struct device *device, int fd)
{
	if (svmvcpu_get_info(fd, &device->info))
		return refuse(ENODEV, "open /dev/kvm: %s", svmvcpu_last_error());
	device->fd = fd_keep(fd);
	return device->fd < 0 ? device->fd : 0;
}

long device_open(int flags)
{
	struct device *device;
	struct object *object;
	int fd, err;

	fd = real()->open(SVMVCPU_DEVICE, O_RDWR | (flags & O_CLOEXEC));
	if (fd < 0)
		return refuse(errno, "open /dev/kvm: cannot open " SVMVCPU_DEVICE ": %s",
			      strerror(errno));
	device = calloc(1, sizeof(*device));
	err = device ? device_prepare(device, fd) : -ENOMEM;
	if (err) {
		real()->close(fd);
		free(device);
		return err;
	}
	return object_publish(&device_type, device, fd, &object);
}

static long get_api_version(void *self, unsigned long arg)
{
	(void)self;
	return arg ? -EINVAL : KVM_API_VERSION;
}

static long check_extension(void *self, unsigned long arg)
{
	const struct device *device = self;

	return cap_value(&device->info, arg);
}

static long get_mmap_size(void *self, unsigned long arg)
{
	(void)self;
	return arg ? -EINVAL : VCPU_MMAP_BYTES;
}

static long create_vm(void *self, unsigned long arg)
{
	return arg ? refuse(EINVAL, "CREATE_VM: type %#lx", arg) : vm_create(self);
}

const struct call device_calls[] = {
	CALL(KVM_GET_API_VERSION, get_api_version),
	CALL(KVM_CREATE_VM, create_vm),
	CALL(KVM_GET_MSR_INDEX_LIST, msr_get_list),
	CALL(KVM_CHECK_EXTENSION, check_extension),
	CALL(KVM_GET_VCPU_MMAP_SIZE, get_mmap_size),
	CALL(KVM_GET_SUPPORTED_CPUID, cpuid_get_supported),
	CALL(KVM_GET_EMULATED_CPUID, cpuid_get_emulated),
	CALL(KVM_GET_MSR_FEATURE_INDEX_LIST, msr_get_feature_list),
	CALL(KVM_GET_MSRS, msr_get_features),
	ABSENT(KVM_X86_GET_MCE_CAP_SUPPORTED, "no machine checks"),
	ABSENT(KVM_GET_SUPPORTED_HV_CPUID, "no Hyper-V"),
	ABSENT(KVM_GET_DEVICE_ATTR, "the device has no attributes"),
	ABSENT(KVM_HAS_DEVICE_ATTR, "the device has no attributes"),
	LAST_CALL
};
