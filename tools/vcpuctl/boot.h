/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: what the boot protocols of kernels share: modules, the command line,
 * and the page of information that a kernel gets the address of.
 */
#ifndef VCPUCTL_BOOT_H
#define VCPUCTL_BOOT_H

#include "blob.h"
#include "load.h"

/* memory of a machine with a kernel or firmware, unless --mem says otherwise */
#define BOOT_MEM	0x10000000ULL

#define BOOT_INFO_GPA	0x10000ULL
#define BOOT_INFO_MAX	0x8000ULL

#define BOOT_LOADER	"vcpuctl"

/* a file for the kernel, in memory */
struct boot_module {
	__u64 gpa;
	__u64 bytes;
	const char *text;
};

/**
 * struct boot_info - information for the kernel, being written
 * @len: bytes of @bytes that are used
 * @full: something did not fit
 * @bytes: becomes the memory at BOOT_INFO_GPA
 */
struct boot_info {
	size_t len;
	bool full;
	__u8 bytes[BOOT_INFO_MAX];
};

/* the address that the next @len bytes get, aligned; they are zero */
__u64 boot_reserve(struct boot_info *info, size_t len, size_t align);
__u64 boot_add(struct boot_info *info, const void *data, size_t len, size_t align);
__u64 boot_add_text(struct boot_info *info, const char *text);
/* where the caller writes what has been reserved */
void *boot_at(struct boot_info *info, __u64 gpa);
/* put it into memory: 0, or a negative errno with a reason */
int boot_place_info(struct guest *g, const struct boot_info *info);

/**
 * boot_modules() - load --initrd and --module behind everything else in memory
 * @g: the guest; the kernel is there already
 * @o: the options
 * @modules: MAX_MODULES entries, filled in
 *
 * Return: their number, or a negative errno with a reason.
 */
int boot_modules(struct guest *g, const struct run_options *o, struct boot_module *modules);

/**
 * boot_guess() - how an image wants to be started
 * @o: the options; a mode or protocol of the user's counts
 * @b: the image
 */
enum boot_protocol boot_guess(const struct run_options *o, const struct blob *b);

/* put kernel and information into RAM: 0, or a negative errno with a reason */
int boot_place(struct guest *g, const struct run_options *o, const struct blob *b);

/* put the information's address into the registers of a vCPU that has been set up */
int boot_start(const struct guest *g, struct svmvcpu_vcpu *vcpu);

#endif /* VCPUCTL_BOOT_H */
