/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: what firmware leaves in memory for a kernel that is started without
 * any: interrupt vectors, the BIOS data area, MP and ACPI tables, the map of memory.
 */
#ifndef VCPUCTL_BOARD_H
#define VCPUCTL_BOARD_H

#include "load.h"

/* RAM below 1 MiB ends here */
#define BOARD_LOW_END	0xa0000ULL
/* the APICs are above */
#define BOARD_MAX_MEM	0xc0000000ULL

/* types of ranges, with the numbers of INT 15h, E820h */
#define BOARD_RAM	1
#define BOARD_RESERVED	2

struct board_range {
	__u64 gpa;
	__u64 bytes;
	__u32 type;
};

#define BOARD_RANGES	3

/* the map of memory, in the order of addresses */
void board_map(__u64 ram, struct board_range ranges[BOARD_RANGES]);

/* put the tables into RAM: 0, or a negative errno with a reason */
int board_place(struct guest *g);

#endif /* VCPUCTL_BOARD_H */
