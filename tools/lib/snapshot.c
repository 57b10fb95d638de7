// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: snapshots and the log of dirty pages. Each call is one ioctl plus
 * the sentence that says what its errno means here.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "svmvcpu_lib.h"

static const char *why(int error)
{
	switch (error) {
	case EBUSY:
		return "a vCPU is in RUN";
	case ENOENT:
		return "there is no snapshot, or no memory there";
	case ENOTUNIQ:
		return "a page can be written at two guest-physical addresses";
	case ENOSPC:
		return "the snapshot has as many pages as it may";
	}
	return strerror(error);
}

int svmvcpu_vm_snapshot(int vm, __u64 max_bytes)
{
	struct svmvcpu_snapshot arg = { .size = sizeof(arg), .max_bytes = max_bytes };

	if (!ioctl(vm, SVMVCPU_SNAPSHOT, &arg))
		return 0;
	return svmvcpu_fail(errno, "SNAPSHOT: %s", why(errno));
}

int svmvcpu_vm_restore(int vm, __u64 *pages)
{
	struct svmvcpu_restore arg = { .size = sizeof(arg) };

	if (ioctl(vm, SVMVCPU_RESTORE, &arg))
		return svmvcpu_fail(errno, "RESTORE: %s", why(errno));
	if (pages)
		*pages = arg.pages;
	return 0;
}

int svmvcpu_vm_preserve(int vm, const struct svmvcpu_range *ranges, unsigned int nr)
{
	struct svmvcpu_preserve arg = {
		.size = sizeof(arg),
		.nr = nr,
		.ranges = (__u64)(unsigned long)ranges,
	};

	if (!ioctl(vm, SVMVCPU_PRESERVE, &arg))
		return 0;
	return svmvcpu_fail(errno, "PRESERVE of %u range(s): %s", nr, why(errno));
}

int svmvcpu_vm_drop_snapshot(int vm)
{
	if (!ioctl(vm, SVMVCPU_DROP_SNAPSHOT, 0))
		return 0;
	return svmvcpu_fail(errno, "DROP_SNAPSHOT: %s", why(errno));
}

int svmvcpu_vm_dirty_log(int vm, __u32 flags, __u64 gpa, __u64 bytes)
{
	struct svmvcpu_dirty_log arg = {
		.size = sizeof(arg), .flags = flags, .gpa = gpa, .bytes = bytes,
	};

	if (!ioctl(vm, SVMVCPU_DIRTY_LOG, &arg))
		return 0;
	return svmvcpu_fail(errno, "DIRTY_LOG of %#llx bytes at %#llx: %s", bytes, gpa,
			    strerror(errno));
}

int svmvcpu_vm_dirty_collect(int vm, struct svmvcpu_dirty_collect *collect)
{
	collect->size = sizeof(*collect);
	if (!ioctl(vm, SVMVCPU_DIRTY_COLLECT, collect))
		return 0;
	return svmvcpu_fail(errno, "DIRTY_COLLECT of %#llx bytes at %#llx: %s", collect->bytes,
			    collect->gpa, errno == ENOENT ? "nothing is logged" :
			    strerror(errno));
}

const __u64 *svmvcpu_vm_dirty_list(int vm)
{
	void *list = mmap(NULL, SVMVCPU_DIRTY_LIST_BYTES, PROT_READ, MAP_SHARED, vm, 0);

	if (list != MAP_FAILED)
		return list;
	svmvcpu_fail(errno, "cannot map the list of dirty pages: %s", strerror(errno));
	return NULL;
}

void svmvcpu_vm_dirty_list_free(const __u64 *list)
{
	if (list)
		munmap((void *)list, SVMVCPU_DIRTY_LIST_BYTES);
}
