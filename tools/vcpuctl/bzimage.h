/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: reading Linux kernel images (Linux' Documentation/x86/boot.rst).
 * Trusts nothing in the file.
 */
#ifndef VCPUCTL_BZIMAGE_H
#define VCPUCTL_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define BZIMAGE_HEADER		0x1f1	/* where the setup header begins */
#define BZIMAGE_HEADER_END	0x290	/* and what is behind it in the boot parameters */
#define BZIMAGE_ENTRY64		0x200	/* from the load address */

/**
 * struct bzimage - what loading a bzImage takes
 * @entry64: it has a 64-bit entry; if not, it starts in 32-bit mode at @load
 * @offset: where the kernel proper is in the file
 * @bytes: its size
 * @load: where it wants to be, guest-physical
 * @room: bytes it needs there, at least @bytes
 * @header_bytes: setup header from BZIMAGE_HEADER on, up to BZIMAGE_HEADER_END
 * @cmdline_max: longest command line without the NUL
 * @initrd_end: an initrd ends at or below this address
 */
struct bzimage {
	bool entry64;
	size_t offset;
	size_t bytes;
	__u64 load;
	__u64 room;
	size_t header_bytes;
	__u32 cmdline_max;
	__u64 initrd_end;
};

/* whether a file claims to be a Linux kernel image */
bool bzimage_probe(const void *file, size_t len);

/**
 * bzimage_parse() - check an image and say how to load it
 * @file: its bytes
 * @len: how many
 * @image: filled in
 *
 * Accepts protocol 2.10 (Linux 2.6.31) and later. After success the kernel lies
 * inside the file and no sum of @image's members wraps.
 *
 * Return: 0, or -ENOEXEC with svmvcpu_last_error().
 */
int bzimage_parse(const void *file, size_t len, struct bzimage *image);

#endif /* VCPUCTL_BZIMAGE_H */
