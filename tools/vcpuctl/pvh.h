/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: ELF kernels with a PVH entry point (Xen's docs/misc/pvh.pandoc).
 */
#ifndef VCPUCTL_PVH_H
#define VCPUCTL_PVH_H

#include "blob.h"
#include "load.h"

/* whether a file is ELF and has the note with the entry point */
bool pvh_probe(const void *file, size_t len);

/* put kernel, modules and information into RAM: 0, or a negative errno with a reason */
int pvh_place(struct guest *g, const struct run_options *o, const struct blob *b);

#endif /* VCPUCTL_PVH_H */
