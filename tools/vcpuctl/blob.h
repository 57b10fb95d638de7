/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a file's bytes.
 */
#ifndef VCPUCTL_BLOB_H
#define VCPUCTL_BLOB_H

#include <stddef.h>

struct blob {
	void *data;	/* allocated */
	size_t len;
};

/*
 * a regular file, not empty and not beyond 1 GiB: 0, or a negative errno with a
 * reason. free() @b->data in both cases
 */
int blob_read(const char *path, struct blob *b);

#endif /* VCPUCTL_BLOB_H */
