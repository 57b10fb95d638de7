// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: CPUID of a machine with several CPUs. The default table does not know how many
 * there will be.
 */
#include <errno.h>
#include <stdlib.h>

#include "topology.h"

#define LEAF1_HTT		(1U << 28)	/* EDX: the count in EBX is valid */
#define LEAF1_COUNT_SHIFT	16
#define LEAFE1_CMP_LEGACY	(1U << 1)	/* ECX: it counts cores, not threads */
#define LEAFE8_ID_BITS_SHIFT	12
#define LEAFB_CORES		1		/* subleaf of the package's cores */

/* bits that APIC IDs below @cpus have */
static unsigned int id_bits(unsigned int cpus)
{
	unsigned int bits = 0;

	while (1U << bits < cpus)
		bits++;
	return bits;
}

void topology_apply(struct svmvcpu_cpuid_entry *entries, unsigned int nr, unsigned int cpus)
{
	struct svmvcpu_cpuid_entry *e = svmvcpu_cpuid_find(entries, nr, 1, 0);

	if (e) {
		e->ebx = (e->ebx & 0xff00ffff) | cpus << LEAF1_COUNT_SHIFT;
		e->edx |= LEAF1_HTT;
	}
	e = svmvcpu_cpuid_find(entries, nr, 0xb, LEAFB_CORES);
	if (e) {
		e->eax = id_bits(cpus);
		e->ebx = cpus;
	}
	e = svmvcpu_cpuid_find(entries, nr, 0x80000001, 0);
	if (e)
		e->ecx |= LEAFE1_CMP_LEGACY;
	e = svmvcpu_cpuid_find(entries, nr, 0x80000008, 0);
	if (e)
		e->ecx = id_bits(cpus) << LEAFE8_ID_BITS_SHIFT | (cpus - 1);
}

int topology_set(int vm, const struct svmvcpu_info *info, unsigned int cpus)
{
	struct svmvcpu_cpuid_entry *entries;
	unsigned int nr = info->max_cpuid;
	int ret;

	entries = calloc(nr, sizeof(*entries));
	if (!entries)
		return svmvcpu_fail(ENOMEM, "no memory for the CPUID table");
	ret = svmvcpu_vm_get_cpuid(vm, entries, &nr);
	if (!ret) {
		topology_apply(entries, nr, cpus);
		ret = svmvcpu_vm_set_cpuid(vm, entries, nr);
	}
	free(entries);
	return ret;
}
