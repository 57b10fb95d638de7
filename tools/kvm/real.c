// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: finds the functions that the library stands in front of. See real.h.
 */
#include <dlfcn.h>

#include "real.h"

struct real real_functions;

/* ioctl comes last: real() tests it. */
[[gnu::constructor]]
void real_find(void)
{
	struct real *r = &real_functions;

	r->open = dlsym(RTLD_NEXT, "open64");
	r->openat = dlsym(RTLD_NEXT, "openat64");
	r->mmap = dlsym(RTLD_NEXT, "mmap64");
	r->close = dlsym(RTLD_NEXT, "close");
	r->close_range = dlsym(RTLD_NEXT, "close_range");
	r->dup = dlsym(RTLD_NEXT, "dup");
	r->dup2 = dlsym(RTLD_NEXT, "dup2");
	r->dup3 = dlsym(RTLD_NEXT, "dup3");
	r->fcntl = dlsym(RTLD_NEXT, "fcntl64");
	__atomic_store_n(&r->ioctl, dlsym(RTLD_NEXT, "ioctl"), __ATOMIC_RELEASE);
}
