/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The permission maps that all vCPUs share.
 */
#ifndef SVMVCPU_MAPS_H
#define SVMVCPU_MAPS_H

#include <linux/types.h>

int maps_init(void);
void maps_exit(void);
u64 maps_iopm_pa(void);
u64 maps_msrpm_pa(void);

#endif /* SVMVCPU_MAPS_H */
