// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: the device file and VM files. Each call is one ioctl plus the
 * sentence that says what its errno means here.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "svmvcpu_lib.h"

int svmvcpu_open(const char *path)
{
	int fd;

	if (!path)
		path = SVMVCPU_DEVICE;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return svmvcpu_fail(errno, "%s: the svmvcpu module is not loaded", path);
	if (errno == EACCES || errno == EPERM)
		return svmvcpu_fail(errno, "%s: no permission to open it", path);
	return svmvcpu_fail(errno, "%s: %s", path, strerror(errno));
}

int svmvcpu_get_info(int dev, struct svmvcpu_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (ioctl(dev, SVMVCPU_GET_INFO, info))
		return svmvcpu_fail(errno, "GET_INFO: %s", strerror(errno));
	if (info->api_version != SVMVCPU_API_VERSION)
		return svmvcpu_fail(EPROTO,
				    "the module has API version %u, this program %u: update the older one",
				    info->api_version, SVMVCPU_API_VERSION);
	return 0;
}

int svmvcpu_vm_create(int dev)
{
	struct svmvcpu_create_vm arg = { .size = sizeof(arg) };
	int fd;

	/* A signal during the first one of a process: nothing has happened. */
	do {
		fd = ioctl(dev, SVMVCPU_CREATE_VM, &arg);
	} while (fd < 0 && errno == EINTR);

	if (fd >= 0)
		return fd;
	return svmvcpu_fail(errno, "CREATE_VM: %s", svmvcpu_host_error(errno));
}

static int map_regions(int vm, const struct svmvcpu_region *regions, unsigned int nr,
		       __u32 flags)
{
	struct svmvcpu_map arg = {
		.size = sizeof(arg),
		.flags = flags,
		.nr = nr,
		.regions = (__u64)(unsigned long)regions,
	};

	if (!ioctl(vm, SVMVCPU_MAP, &arg))
		return 0;
	if (!nr)
		return svmvcpu_fail(errno, "MAP of 0 regions: %s", strerror(errno));
	return svmvcpu_fail(errno, "MAP of %u region(s), the first %#llx bytes at %#llx: %s",
			    nr, regions->bytes, regions->gpa, strerror(errno));
}

int svmvcpu_vm_map(int vm, const struct svmvcpu_region *regions, unsigned int nr)
{
	return map_regions(vm, regions, nr, 0);
}

int svmvcpu_vm_replace(int vm, const struct svmvcpu_region *regions, unsigned int nr)
{
	return map_regions(vm, regions, nr, SVMVCPU_MAP_REPLACE);
}

int svmvcpu_vm_unmap(int vm, const struct svmvcpu_range *ranges, unsigned int nr)
{
	struct svmvcpu_unmap arg = {
		.size = sizeof(arg),
		.nr = nr,
		.ranges = (__u64)(unsigned long)ranges,
	};

	if (!ioctl(vm, SVMVCPU_UNMAP, &arg))
		return 0;
	return svmvcpu_fail(errno, "UNMAP of %u range(s): %s", nr, strerror(errno));
}

void *svmvcpu_alloc(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem != MAP_FAILED)
		return mem;
	svmvcpu_fail(errno, "cannot allocate %zu bytes of guest memory: %s", bytes,
		     strerror(errno));
	return NULL;
}

void svmvcpu_free(void *mem, size_t bytes)
{
	if (mem)
		munmap(mem, bytes);
}

int svmvcpu_vm_prefault(int vm, __u64 gpa, __u64 bytes, __u32 flags, __u64 *done)
{
	struct svmvcpu_prefault arg = {
		.size = sizeof(arg),
		.flags = flags,
		.gpa = gpa,
		.bytes = bytes,
	};
	int ret = ioctl(vm, SVMVCPU_PREFAULT, &arg) ? errno : 0;

	if (done)
		*done = arg.done;
	if (!ret)
		return 0;
	return svmvcpu_fail(ret, "PREFAULT of %#llx bytes at %#llx stopped after %#llx: %s",
			    bytes, gpa, arg.done, strerror(ret));
}

int svmvcpu_vm_get_stats(int vm, struct svmvcpu_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	if (!ioctl(vm, SVMVCPU_GET_STATS, stats))
		return 0;
	return svmvcpu_fail(errno, "GET_STATS: %s", strerror(errno));
}

int svmvcpu_vm_message(int vm, const struct svmvcpu_message *message)
{
	struct svmvcpu_message arg = *message;
	int ret;

	arg.size = sizeof(arg);
	ret = ioctl(vm, SVMVCPU_MESSAGE, &arg);
	if (ret >= 0)
		return ret;
	return svmvcpu_fail(errno, "MESSAGE to %#x, vector %u: %s", arg.dest, arg.vector,
			    strerror(errno));
}

int svmvcpu_vm_ioeventfd(int vm, const struct svmvcpu_ioeventfd *arg)
{
	struct svmvcpu_ioeventfd sized = *arg;

	sized.size = sizeof(sized);
	if (!ioctl(vm, SVMVCPU_SET_IOEVENTFD, &sized))
		return 0;
	return svmvcpu_fail(errno, "SET_IOEVENTFD of %s %#llx with eventfd %d: %s",
			    arg->flags & SVMVCPU_IOEVENTFD_PIO ? "port" : "address",
			    arg->address, arg->fd, strerror(errno));
}

int svmvcpu_vm_irqfd(int vm, const struct svmvcpu_irqfd *arg)
{
	struct svmvcpu_irqfd sized = *arg;

	sized.size = sizeof(sized);
	if (!ioctl(vm, SVMVCPU_SET_IRQFD, &sized))
		return 0;
	return svmvcpu_fail(errno, "SET_IRQFD of eventfd %d, vector %u: %s", arg->fd,
			    arg->vector, strerror(errno));
}

int svmvcpu_vm_coalesced(int vm, __u32 flags, __u64 address, __u64 bytes)
{
	const struct svmvcpu_coalesced arg = {
		.size = sizeof(arg), .flags = flags, .address = address, .bytes = bytes,
	};

	if (!ioctl(vm, SVMVCPU_SET_COALESCED, &arg))
		return 0;
	return svmvcpu_fail(errno, "SET_COALESCED of %#llx %s from %#llx on: %s", bytes,
			    flags & SVMVCPU_COALESCED_PIO ? "ports" : "bytes", address,
			    strerror(errno));
}
