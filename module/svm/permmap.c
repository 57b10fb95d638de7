// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O and MSR permission maps: see permmap.h. Deny by default; the only
 * exceptions are in the table below.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/msr-index.h>

#include "svm/permmap.h"

#define RW	(PERMMAP_READ | PERMMAP_WRITE)

/*
 * An MSR may be here only if VMLOAD gives the guest its own value and VMSAVE
 * and VMLOAD bring the host's back (APM volume 2, 15.5.2). All others are the
 * host's registers.
 */
const struct permmap_msr permmap_open_msrs[] = {
	{ MSR_FS_BASE,		RW, "FS_BASE",
	  "hidden part of FS, switched by VMLOAD" },
	{ MSR_GS_BASE,		RW, "GS_BASE",
	  "hidden part of GS, switched by VMLOAD" },
	{ MSR_KERNEL_GS_BASE,	RW, "KERNEL_GS_BASE",
	  "switched by VMLOAD; SWAPGS changes it without an exit anyway" },
	{ MSR_STAR,		RW, "STAR",
	  "SYSCALL selectors, switched by VMLOAD" },
	{ MSR_LSTAR,		RW, "LSTAR",
	  "SYSCALL target, switched by VMLOAD" },
	{ MSR_CSTAR,		RW, "CSTAR",
	  "SYSCALL target of compatibility mode, switched by VMLOAD" },
	{ MSR_SYSCALL_MASK,	RW, "SFMASK",
	  "SYSCALL flag mask, switched by VMLOAD" },
	{ MSR_IA32_SYSENTER_CS,	RW, "SYSENTER_CS",
	  "SYSENTER selector, switched by VMLOAD" },
	{ MSR_IA32_SYSENTER_ESP, RW, "SYSENTER_ESP",
	  "SYSENTER stack, switched by VMLOAD" },
	{ MSR_IA32_SYSENTER_EIP, RW, "SYSENTER_EIP",
	  "SYSENTER target, switched by VMLOAD" },
};

const unsigned int permmap_nr_open_msrs = ARRAY_SIZE(permmap_open_msrs);

/* MSRs the map covers; the rest always exits */
static const struct {
	u32 first;
	u32 byte;
} msrpm_ranges[] = {
	{ 0x00000000, 0x0000 },
	{ 0xc0000000, 0x0800 },
	{ 0xc0010000, 0x1000 },
};

/* Bit number of an MSR's read bit, -1 for one outside the ranges */
static int msrpm_bit(u32 msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msrpm_ranges); i++)
		if (msr - msrpm_ranges[i].first < MSRPM_RANGE)
			return msrpm_ranges[i].byte * 8 +
			       (msr - msrpm_ranges[i].first) * 2;
	return -1;
}

static bool map_bit(const u8 *map, unsigned int bit)
{
	return map[bit / 8] & BIT(bit % 8);
}

static void map_set_bit(u8 *map, unsigned int bit, bool intercept)
{
	if (intercept)
		map[bit / 8] |= BIT(bit % 8);
	else
		map[bit / 8] &= ~BIT(bit % 8);
}

/**
 * permmap_iopm_close() - intercept every port
 * @map: IOPM_BYTES
 */
void permmap_iopm_close(u8 *map)
{
	memset(map, 0xff, IOPM_BYTES);
}

/**
 * permmap_iopm_intercepts() - does a port access exit?
 * @map: IOPM_BYTES
 * @port: first port
 * @width: 1, 2 or 4; one intercepted byte is enough
 *
 * Return: what the hardware would decide
 */
bool permmap_iopm_intercepts(const u8 *map, u16 port, unsigned int width)
{
	unsigned int i;

	for (i = 0; i < width; i++)
		if (map_bit(map, port + i))
			return true;
	return false;
}

/**
 * permmap_msrpm_close() - intercept every MSR
 * @map: MSRPM_BYTES
 */
void permmap_msrpm_close(u8 *map)
{
	memset(map, 0xff, MSRPM_BYTES);
}

/**
 * permmap_msrpm_allow() - set both directions of one MSR
 * @map: MSRPM_BYTES
 * @msr: index
 * @read: RDMSR does not exit
 * @write: WRMSR does not exit
 *
 * Return: 0, or -EINVAL for an MSR that cannot be opened
 */
int permmap_msrpm_allow(u8 *map, u32 msr, bool read, bool write)
{
	int bit = msrpm_bit(msr);

	if (bit < 0)
		return -EINVAL;
	map_set_bit(map, bit, !read);
	map_set_bit(map, bit + 1, !write);
	return 0;
}

/**
 * permmap_msrpm_intercepts() - does an MSR access exit?
 * @map: MSRPM_BYTES
 * @msr: index
 * @write: WRMSR, else RDMSR
 *
 * Return: what the hardware would decide
 */
bool permmap_msrpm_intercepts(const u8 *map, u32 msr, bool write)
{
	int bit = msrpm_bit(msr);

	return bit < 0 || map_bit(map, bit + write);
}

/**
 * permmap_msrpm_default() - close all, then open permmap_open_msrs
 * @map: MSRPM_BYTES
 */
void permmap_msrpm_default(u8 *map)
{
	const struct permmap_msr *open;
	unsigned int i;

	permmap_msrpm_close(map);
	for (i = 0; i < permmap_nr_open_msrs; i++) {
		open = &permmap_open_msrs[i];
		permmap_msrpm_allow(map, open->msr, open->access & PERMMAP_READ,
				    open->access & PERMMAP_WRITE);
	}
}
