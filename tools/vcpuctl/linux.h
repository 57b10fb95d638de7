/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a guest made from a Linux kernel image by the 64-bit boot protocol
 * (Linux' Documentation/x86/boot.rst, "64-bit BOOT PROTOCOL").
 */
#ifndef VCPUCTL_LINUX_H
#define VCPUCTL_LINUX_H

#include "blob.h"
#include "load.h"

/* where things are; all of it RAM that Linux takes for the firmware's */
#define LINUX_GDT	0x1000ULL
#define LINUX_PARAMS	0x2000ULL
#define LINUX_TABLES	0x3000ULL
#define LINUX_STACK	0xa000ULL
#define LINUX_CMDLINE	0x10000ULL

/* the TSC's frequency comes later; room is made for the longest number */
#define LINUX_ANY_TSC	4294967295U

/**
 * linux_place() - put kernel, initrd and what the boot protocol wants into RAM
 * @g: the guest, with its RAM
 * @o: @image, @initrd and @append count
 * @b: the image
 *
 * Return: 0, or a negative errno with svmvcpu_last_error().
 */
int linux_place(struct guest *g, const struct run_options *o, const struct blob *b);

/**
 * linux_cmdline() - the whole command line
 * @buf: receives it, terminated
 * @len: bytes in @buf
 * @append: what the user wants, or NULL
 * @tsc_khz: frequency of the guest's TSC, 0 when unknown
 *
 * In front of @append stands what this machine is like, word by word unless
 * @append has a word of the same name: console=ttyS0, reboot=p, tsc=reliable (no
 * other clock to compare it with) and tsc_early_khz=.
 *
 * Return: its length, which may be @len or more when it did not fit.
 */
size_t linux_cmdline(char *buf, size_t len, const char *append, __u32 tsc_khz);

/* write the command line and put a vCPU that has been set up at the entry */
int linux_start(const struct guest *g, const struct run_options *o, __u32 tsc_khz,
		struct svmvcpu_vcpu *vcpu);

#endif /* VCPUCTL_LINUX_H */
