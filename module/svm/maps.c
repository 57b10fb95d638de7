// SPDX-License-Identifier: GPL-2.0-only
/*
 * The permission maps that all vCPUs share: every port closed, every MSR but
 * the few VMLOAD switches. They are made once at load and never change, so
 * nothing can free or edit one under a running vCPU.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "svm/cpu.h"
#include "svm/maps.h"
#include "svm/permmap.h"

/* Physically contiguous, as the CPU wants them */
static struct page *iopm, *msrpm;

int maps_init(void)
{
	iopm = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(IOPM_BYTES));
	msrpm = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(MSRPM_BYTES));
	if (!iopm || !msrpm) {
		maps_exit();
		return -ENOMEM;
	}
	permmap_iopm_close(page_address(iopm));
	permmap_msrpm_default(page_address(msrpm));
	return 0;
}

void maps_exit(void)
{
	if (iopm)
		__free_pages(iopm, get_order(IOPM_BYTES));
	if (msrpm)
		__free_pages(msrpm, get_order(MSRPM_BYTES));
	iopm = NULL;
	msrpm = NULL;
}

u64 maps_iopm_pa(void)
{
	return svm_page_pa(iopm);
}

u64 maps_msrpm_pa(void)
{
	return svm_page_pa(msrpm);
}
