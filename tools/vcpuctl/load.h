/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a guest's memory and its first registers, made from the options
 * and files of "vcpuctl run". Needs no device: mistakes in the command line
 * are found before the module is asked for anything.
 */
#ifndef VCPUCTL_LOAD_H
#define VCPUCTL_LOAD_H

#include "options.h"
#include "svmvcpu_lib.h"

#define MAX_PIECES	3
#define MAX_CLAIMS	(SVMVCPU_ELF_SEGMENTS + MAX_FILES + 8)

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
 * @setup: argument for SVMVCPU_SETUP
 * @lapic: the vCPU has a local APIC, and there is an I/O APIC
 * @linux_image: a Linux kernel: call linux_start() after SETUP
 */
struct guest {
	struct svmvcpu_memory mem[MAX_PIECES];
	__u32 prot[MAX_PIECES];
	struct svmvcpu_guest view;
	struct claim claims[MAX_CLAIMS];
	unsigned int nr_claims;
	struct svmvcpu_setup setup;
	bool lapic;
	bool linux_image;
};

/* 0, or a negative errno with svmvcpu_last_error(); free in both cases */
int guest_build(struct guest *g, const struct run_options *o);
int guest_map(const struct guest *g, int vm);
void guest_free(struct guest *g);

/* reserve a range of RAM for @what, or say why not */
int guest_claim(struct guest *g, __u64 gpa, __u64 bytes, const char *what);
/* the same, and fill it */
int guest_place(struct guest *g, __u64 gpa, const void *data, size_t len, const char *what);

#endif /* VCPUCTL_LOAD_H */
