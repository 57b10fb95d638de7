/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bzImage that consists of a header, for tests that do not boot it: five sectors of
 * setup code and 4 KiB of kernel, filled with 0xcc.
 */
#ifndef LINUX_IMAGE_H
#define LINUX_IMAGE_H

#include <string.h>

#define IMAGE_SETUP	(5 * 512)
#define IMAGE_KERNEL	4096
#define IMAGE_BYTES	(IMAGE_SETUP + IMAGE_KERNEL)

/* offsets of boot.rst */
#define AT_SETUP_SECTS	0x1f1
#define AT_SYSSIZE	0x1f4
#define AT_BOOT_FLAG	0x1fe
#define AT_JUMP		0x201
#define AT_MAGIC	0x202
#define AT_VERSION	0x206
#define AT_LOADFLAGS	0x211
#define AT_INITRD_MAX	0x22c
#define AT_XLOADFLAGS	0x236
#define AT_CMDLINE_SIZE	0x238
#define AT_PREF_ADDRESS	0x258
#define AT_INIT_SIZE	0x260

static inline void put(unsigned char *image, unsigned int at, unsigned int bytes,
		       unsigned long long value)
{
	memcpy(image + at, &value, bytes);
}

static inline void make_image(unsigned char *image)
{
	memset(image, 0xcc, IMAGE_BYTES);
	put(image, AT_SETUP_SECTS, 1, 4);
	put(image, AT_SYSSIZE, 4, IMAGE_KERNEL / 16);
	put(image, AT_BOOT_FLAG, 2, 0xaa55);
	put(image, AT_JUMP, 1, 0x6a);
	put(image, AT_MAGIC, 4, 0x53726448);
	put(image, AT_VERSION, 2, 0x20c);
	put(image, AT_LOADFLAGS, 1, 1);
	put(image, AT_INITRD_MAX, 4, 0x7fffffff);
	put(image, AT_XLOADFLAGS, 2, 1);
	put(image, AT_CMDLINE_SIZE, 4, 255);
	put(image, AT_PREF_ADDRESS, 8, 0x200000);
	put(image, AT_INIT_SIZE, 4, 0x100000);
}

#endif /* LINUX_IMAGE_H */
