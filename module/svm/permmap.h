/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The permission maps of SVM (APM volume 2, 15.10 and 15.11): which accesses to ports
 * and MSRs exit. A set bit intercepts. All vCPUs share one pair of maps, which is
 * constant after module load, so it needs no lock.
 */
#ifndef SVMVCPU_PERMMAP_H
#define SVMVCPU_PERMMAP_H

#include <linux/types.h>

/* One bit per port. A 4-byte access to port 0xffff also checks bits 0x10000 to 0x10002. */
#define IOPM_BITS	(0x10000 + 3)
#define IOPM_BYTES	(3 * 4096)

/* A read and a write bit per MSR; 2 KiB for each of three ranges */
#define MSRPM_BYTES	(2 * 4096)

int permmap_init(void);
void permmap_exit(void);

#endif /* SVMVCPU_PERMMAP_H */
