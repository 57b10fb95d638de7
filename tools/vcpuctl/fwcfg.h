/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: QEMU's firmware configuration device, which firmware reads memory size,
 * kernel and tables from (QEMU's docs/specs/fw_cfg.rst). Without DMA.
 */
#ifndef VCPUCTL_FWCFG_H
#define VCPUCTL_FWCFG_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define FWCFG_PORT	0x510	/* the selector; data is the next port */
#define FWCFG_PORTS	2
#define FWCFG_ITEMS	32
#define FWCFG_FILES	8

/* keys of items */
#define FWCFG_SIGNATURE		0x00
#define FWCFG_ID		0x01
#define FWCFG_RAM_SIZE		0x03
#define FWCFG_NO_GRAPHICS	0x04
#define FWCFG_CPUS		0x05
#define FWCFG_KERNEL_ADDR	0x07
#define FWCFG_KERNEL_SIZE	0x08
#define FWCFG_INITRD_ADDR	0x0a
#define FWCFG_INITRD_SIZE	0x0b
#define FWCFG_MAX_CPUS		0x0f
#define FWCFG_KERNEL_DATA	0x11
#define FWCFG_INITRD_DATA	0x12
#define FWCFG_CMDLINE_ADDR	0x13
#define FWCFG_CMDLINE_SIZE	0x14
#define FWCFG_CMDLINE_DATA	0x15
#define FWCFG_SETUP_ADDR	0x16
#define FWCFG_SETUP_SIZE	0x17
#define FWCFG_SETUP_DATA	0x18
#define FWCFG_DIRECTORY		0x19
#define FWCFG_FIRST_FILE	0x20

struct fwcfg_item {
	__u16 key;
	size_t len;
	__u8 *data;	/* allocated */
};

/* an entry of the directory; numbers are big-endian */
struct fwcfg_file {
	__u32 bytes;
	__u16 key;
	__u16 reserved;
	char name[56];
};

/**
 * struct fwcfg - the device
 * @items: what can be selected
 * @nr: entries of @items
 * @directory: the item FWCFG_DIRECTORY: a count, and the files
 * @nr_files: files in it
 * @failed: no memory for an item
 * @key: what is selected
 * @item: the item with that key, or NULL
 * @at: the next byte of it to be read
 */
struct fwcfg {
	struct fwcfg_item items[FWCFG_ITEMS];
	unsigned int nr;
	struct {
		__u32 nr;
		struct fwcfg_file files[FWCFG_FILES];
	} directory;
	unsigned int nr_files;
	bool failed;
	__u16 key;
	const struct fwcfg_item *item;
	size_t at;
};

/* with the items that identify it; NULL without memory */
struct fwcfg *fwcfg_new(void);
void fwcfg_free(struct fwcfg *f);

/* add an item, of which a copy is made */
void fwcfg_add(struct fwcfg *f, __u16 key, const void *data, size_t len);
/* a little-endian number of @bytes */
void fwcfg_add_number(struct fwcfg *f, __u16 key, unsigned int bytes, __u64 value);
void fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t len);

/* @reg: port minus FWCFG_PORT */
__u8 fwcfg_read(struct fwcfg *f, unsigned int reg);
void fwcfg_write(struct fwcfg *f, unsigned int reg, __u8 value);

#endif /* VCPUCTL_FWCFG_H */
