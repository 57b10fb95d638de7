// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of machines with several CPUs.
 */
#include <string.h>

#include "tap.h"
#include "topology.h"

static struct svmvcpu_cpuid_entry table[] = {
	{ .leaf = 0, .eax = 0x16 },
	{ .leaf = 1, .ebx = 0x07010800, .edx = 0x178bfbff & ~(1U << 28) },
	{ .leaf = 0xb, .subleaf = 0, .flags = SVMVCPU_CPUID_SUBLEAF, .ebx = 1, .ecx = 0x100 },
	{ .leaf = 0xb, .subleaf = 1, .flags = SVMVCPU_CPUID_SUBLEAF, .eax = 6, .ebx = 64,
	  .ecx = 0x201 },
	{ .leaf = 0x80000001, .ecx = 0x11 },
	{ .leaf = 0x80000008, .eax = 0x3028, .ebx = 0x1000 },
};

#define ENTRIES	(sizeof(table) / sizeof(*table))

static void test_count(unsigned int cpus, unsigned int bits)
{
	struct svmvcpu_cpuid_entry e[ENTRIES];

	memcpy(e, table, sizeof(table));
	topology_apply(e, ENTRIES, cpus);
	OK(e[1].ebx == (0x07000800 | cpus << 16) && e[1].edx == (table[1].edx | 1U << 28),
	   "%u CPUs: leaf 1 has the count", cpus);
	OK(!memcmp(&e[2], &table[2], sizeof(e[2])) && e[3].eax == bits && e[3].ebx == cpus &&
	   e[3].ecx == 0x201, "leaf 0xb: one thread for each core, and the cores");
	OK(e[4].ecx == 0x13, "leaf 1 counts cores");
	OK(e[5].ecx == (bits << 12 | (cpus - 1)) && e[5].eax == 0x3028 && e[5].ebx == 0x1000,
	   "leaf 0x80000008");
	OK(!memcmp(&e[0], &table[0], sizeof(e[0])), "other leaves do not change");
}

int main(void)
{
	struct svmvcpu_cpuid_entry only = { .leaf = 0 };

	test_count(2, 1);
	test_count(3, 2);
	test_count(8, 3);
	test_count(64, 6);
	test_count(255, 8);
	topology_apply(&only, 1, 4);
	OK(!only.eax && !only.ebx && !only.ecx && !only.edx, "nor are leaves added");
	return tap_done();
}
