/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: vCPUs and their memory for the GDB server.
 */
#ifndef VCPUCTL_GDB_VCPU_H
#define VCPUCTL_GDB_VCPU_H

#include "gdb.h"
#include "svmvcpu_lib.h"

/**
 * struct gdb_vcpus - what the server works on
 * @vcpus: the vCPUs, in the order of their numbers
 * @nr: how many
 * @guest: their memory
 * @info: of the module
 */
struct gdb_vcpus {
	struct svmvcpu_vcpu *vcpus;
	unsigned int nr;
	const struct svmvcpu_guest *guest;
	const struct svmvcpu_info *info;
};

/* gdb_open() for vCPUs; @vcpus must stay */
struct gdb *gdb_vcpu_open(const char *address, struct gdb_vcpus *vcpus, int (*stopping)(void));

#endif /* VCPUCTL_GDB_VCPU_H */
