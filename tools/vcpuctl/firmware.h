/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: what firmware is told through fw_cfg: memory, ACPI tables, and a kernel to
 * start, as QEMU's machine "microvm" has them.
 */
#ifndef VCPUCTL_FIRMWARE_H
#define VCPUCTL_FIRMWARE_H

#include "blob.h"
#include "fwcfg.h"
#include "load.h"

/**
 * firmware_configure() - make the device of a guest with firmware
 * @g: the guest, with its RAM; @g->fwcfg is set
 * @o: the options
 * @kernel: a bzImage that the firmware starts, or NULL
 *
 * Return: 0, or a negative errno with a reason.
 */
int firmware_configure(struct guest *g, const struct run_options *o, const struct blob *kernel);

/* add the command line, now that the TSC's frequency is known: 0, or -ENOMEM */
int firmware_start(const struct guest *g, const struct run_options *o, __u32 tsc_khz);

#endif /* VCPUCTL_FIRMWARE_H */
