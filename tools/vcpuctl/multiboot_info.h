/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the information that a Multiboot kernel gets.
 */
#ifndef VCPUCTL_MULTIBOOT_INFO_H
#define VCPUCTL_MULTIBOOT_INFO_H

#include "load.h"

/* the stack that kernels start with, though they must not rely on it */
#define BOOT_STACK	0x9000ULL

/* whether there is information of this type for a kernel of version 2 */
bool multiboot2_has(__u32 type);

/* write modules and information: 0, or a negative errno with a reason */
int multiboot_place_info(struct guest *g, const struct run_options *o, unsigned int version);

#endif /* VCPUCTL_MULTIBOOT_INFO_H */
