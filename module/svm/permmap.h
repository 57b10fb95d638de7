/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The permission maps of SVM (APM volume 2, 15.10 and 15.11): which ports and
 * MSRs exit. A set bit intercepts. vcpu.c owns the pages and fills them here;
 * GET_INFO and the tests read the tables. No locks: a map in use by a vCPU is
 * changed under that vCPU's mutex, and VMCB_CLEAN_MAPS cleared.
 */
#ifndef SVMVCPU_PERMMAP_H
#define SVMVCPU_PERMMAP_H

#include <linux/bits.h>
#include <linux/types.h>

/*
 * One bit per port, and three more: a 4-byte access to port 0xffff checks
 * bits 0x10000 to 0x10002.
 */
#define IOPM_BITS	(0x10000 + 3)
#define IOPM_BYTES	(3 * 4096)

/* Two bits per MSR, read then write; 2 KiB for each of three ranges */
#define MSRPM_BYTES	(2 * 4096)
#define MSRPM_RANGE	0x2000		/* MSRs in a range */

#define PERMMAP_READ	BIT(0)
#define PERMMAP_WRITE	BIT(1)

/**
 * struct permmap_msr - an MSR the guest may touch without an exit
 * @msr: index
 * @access: PERMMAP_READ, PERMMAP_WRITE
 * @name: for vcpuctl and the tests
 * @why: why that is safe
 */
struct permmap_msr {
	u32 msr;
	u32 access;
	const char *name;
	const char *why;
};

extern const struct permmap_msr permmap_open_msrs[];
extern const unsigned int permmap_nr_open_msrs;

void permmap_iopm_close(u8 *map);
bool permmap_iopm_intercepts(const u8 *map, u16 port, unsigned int width);

void permmap_msrpm_close(u8 *map);
int permmap_msrpm_allow(u8 *map, u32 msr, bool read, bool write);
bool permmap_msrpm_intercepts(const u8 *map, u32 msr, bool write);
void permmap_msrpm_default(u8 *map);

#endif /* SVMVCPU_PERMMAP_H */
