/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: CPUID of a machine with several CPUs.
 */
#ifndef VCPUCTL_TOPOLOGY_H
#define VCPUCTL_TOPOLOGY_H

#include "svmvcpu_lib.h"

/**
 * topology_apply() - describe @cpus cores of one package, with one thread each
 * @entries: the default table; CPUID fills in APIC IDs itself
 * @nr: its entries
 * @cpus: number of CPUs, 2 to 255
 *
 * TOPOEXT is not set: leaf 0x8000001e adds threads of a core and nodes, and there are none.
 */
void topology_apply(struct svmvcpu_cpuid_entry *entries, unsigned int nr, unsigned int cpus);

/* give a VM without vCPUs such a table: 0, or a negative errno with a reason */
int topology_set(int vm, const struct svmvcpu_info *info, unsigned int cpus);

#endif /* VCPUCTL_TOPOLOGY_H */
