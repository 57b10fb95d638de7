/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the Multiboot Specification, versions 0.6.96 and 2.0.
 */
#ifndef VCPUCTL_MULTIBOOT_H
#define VCPUCTL_MULTIBOOT_H

#include "blob.h"
#include "load.h"

/**
 * struct multiboot - what a header asks for
 * @addresses: the image is flat: the next four members count
 * @offset: where in the file what is loaded begins
 * @load: address of its first byte
 * @filled: bytes from the file
 * @bytes: bytes in memory; the rest is zero
 * @has_entry: @entry counts, not the ELF file's
 * @entry: first instruction
 */
struct multiboot {
	bool addresses;
	size_t offset;
	__u64 load;
	__u64 filled;
	__u64 bytes;
	bool has_entry;
	__u64 entry;
};

/* whether there is a header of @version, 1 or 2 */
bool multiboot_probe(const void *file, size_t len, unsigned int version);

/* check a header: 0, or -ENOEXEC with a reason */
int multiboot_parse(const void *file, size_t len, unsigned int version, struct multiboot *m);

/* put kernel, modules and information into RAM: 0, or a negative errno with a reason */
int multiboot_place(struct guest *g, const struct run_options *o, const struct blob *b,
		    unsigned int version);

#endif /* VCPUCTL_MULTIBOOT_H */
