/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages in which the CPU stores state: VMCB, VM_HSAVE area, VMSAVE area.
 */
#ifndef SVMVCPU_HWPAGE_H
#define SVMVCPU_HWPAGE_H

#include <linux/gfp.h>
#include <linux/mm_types.h>

struct page *hwpage_alloc(gfp_t gfp);

#endif /* SVMVCPU_HWPAGE_H */
