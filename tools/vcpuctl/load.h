/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a guest's memory and its first registers, made from the options
 * and files of "vcpuctl run". Needs no device: mistakes in the command line
 * are found before the module is asked for anything.
 */
#ifndef VCPUCTL_LOAD_H
#define VCPUCTL_LOAD_H

#include "blob.h"
#include "fwcfg.h"
#include "options.h"
#include "svmvcpu_lib.h"

#define MAX_PIECES	3
#define MAX_CLAIMS	(SVMVCPU_ELF_SEGMENTS + MAX_FILES + MAX_MODULES + 16)

/* a range of RAM that something has been put into */
struct claim {
	__u64 gpa;
	__u64 bytes;
	const char *what;
};

/**
 * struct guest - what is ready to be mapped and set up
 * @mem: pieces of guest memory with their backing
 * @prot: SVMVCPU_MEM_* of each piece
 * @view: @mem as the library wants it
 * @claims: what is where in RAM
 * @nr_claims: entries of @claims
 * @setup: argument for SVMVCPU_SETUP of the first vCPU
 * @cpus: number of vCPUs
 * @lapic: vCPUs have local APICs, and there is an I/O APIC
 * @ignore: reads of addresses where nothing is are all ones, writes have no effect
 * @boot: the protocol that a kernel is started by; after SETUP call linux_start() for
 *	Linux, boot_start() for the others
 * @boot_magic: first RAX of a kernel that is not Linux
 * @boot_info: its first RBX
 * @fwcfg: what firmware is told, or NULL
 * @fed: that includes a Linux kernel: call firmware_start() after SETUP
 */
struct guest {
	struct svmvcpu_memory mem[MAX_PIECES];
	__u32 prot[MAX_PIECES];
	struct svmvcpu_guest view;
	struct claim claims[MAX_CLAIMS];
	unsigned int nr_claims;
	struct svmvcpu_setup setup;
	unsigned int cpus;
	bool lapic;
	bool ignore;
	enum boot_protocol boot;
	__u64 boot_magic;
	__u64 boot_info;
	struct fwcfg *fwcfg;
	bool fed;
};

/* 0, or a negative errno with svmvcpu_last_error(); free in both cases */
int guest_build(struct guest *g, const struct run_options *o);
int guest_map(const struct guest *g, int vm);
void guest_free(struct guest *g);

/* claim and fill the segments of an ELF image; 0, or a negative errno with a reason */
int guest_place_elf(struct guest *g, const struct run_options *o, const struct blob *b,
		    struct svmvcpu_elf *elf);
/* reserve a range of RAM for @what, or say why not */
int guest_claim(struct guest *g, __u64 gpa, __u64 bytes, const char *what);
/* the same, and fill it */
int guest_place(struct guest *g, __u64 gpa, const void *data, size_t len, const char *what);

#endif /* VCPUCTL_LOAD_H */
