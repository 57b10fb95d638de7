// SPDX-License-Identifier: GPL-2.0-only
/*
 * The permission maps of SVM (APM volume 2, 15.10 and 15.11): which accesses to ports
 * and MSRs exit. A set bit intercepts. All vCPUs share one pair of maps, which is
 * constant after module load, so it needs no lock. All accesses are intercepted,
 * except those to the MSRs in the table below.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/msr-index.h>

#include "svm/cpu.h"

#define MSRPM_RANGE	0x2000		/* MSRs in a range */

/* An MSR that the guest may read and write without an exit */
struct permmap_msr {
	u32 msr;
	const char *name;	/* for security.rst */
	const char *why;	/* why this is safe */
};

/*
 * Only MSRs that VMLOAD and VMSAVE switch between host and guest may be in this table
 * (APM volume 2, 15.5.2). All others are registers of the host.
 */
static const struct permmap_msr permmap_open_msrs[] = {
	{ MSR_FS_BASE, "FS_BASE",
	  "hidden part of FS, switched by VMLOAD" },
	{ MSR_GS_BASE, "GS_BASE",
	  "hidden part of GS, switched by VMLOAD" },
	{ MSR_KERNEL_GS_BASE, "KERNEL_GS_BASE",
	  "switched by VMLOAD; SWAPGS changes it without an exit anyway" },
	{ MSR_STAR, "STAR",
	  "SYSCALL selectors, switched by VMLOAD" },
	{ MSR_LSTAR, "LSTAR",
	  "SYSCALL target, switched by VMLOAD" },
	{ MSR_CSTAR, "CSTAR",
	  "SYSCALL target of compatibility mode, switched by VMLOAD" },
	{ MSR_SYSCALL_MASK, "SFMASK",
	  "SYSCALL flag mask, switched by VMLOAD" },
	{ MSR_IA32_SYSENTER_CS, "SYSENTER_CS",
	  "SYSENTER selector, switched by VMLOAD" },
	{ MSR_IA32_SYSENTER_ESP, "SYSENTER_ESP",
	  "SYSENTER stack, switched by VMLOAD" },
	{ MSR_IA32_SYSENTER_EIP, "SYSENTER_EIP",
	  "SYSENTER target, switched by VMLOAD" },
};

/*
 * Number of the read bit of an MSR, which the write bit follows. The map has the MSRs from 0,
 * 0xc0000000 and 0xc0010000; others are always intercepted.
 */
static unsigned int msrpm_bit(u32 msr)
{
	unsigned int range = msr >= 0xc0010000 ? 2 : msr >= 0xc0000000;

	return (range * MSRPM_RANGE + msr % MSRPM_RANGE) * 2;
}

/* Intercept all MSRs except permmap_open_msrs. */
static void msrpm_init(u8 *map)
{
	unsigned int i, bit;

	memset(map, 0xff, MSRPM_BYTES);
	for (i = 0; i < ARRAY_SIZE(permmap_open_msrs); i++) {
		bit = msrpm_bit(permmap_open_msrs[i].msr);
		map[bit / 8] &= ~(3 << bit % 8);
	}
}

/* Physically contiguous, as the CPU requires */
static struct page *iopm, *msrpm;

int permmap_init(void)
{
	iopm = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(IOPM_BYTES));
	msrpm = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(MSRPM_BYTES));
	if (!iopm || !msrpm) {
		permmap_exit();
		return -ENOMEM;
	}
	memset(page_address(iopm), 0xff, IOPM_BYTES);
	msrpm_init(page_address(msrpm));
	svm_caps.iopm_pa = svm_page_pa(iopm);
	svm_caps.msrpm_pa = svm_page_pa(msrpm);
	return 0;
}

void permmap_exit(void)
{
	if (iopm)
		__free_pages(iopm, get_order(IOPM_BYTES));
	if (msrpm)
		__free_pages(msrpm, get_order(MSRPM_BYTES));
	iopm = NULL;
	msrpm = NULL;
}
