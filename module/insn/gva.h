/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest page walk: from a guest-virtual (linear) to a guest-physical address, with the
 * paging formats, permission checks, and accessed and dirty bits of the processor.
 *
 * Pure: accesses guest memory only through callbacks and keeps nothing between calls.
 * libsvmvcpu-insn uses it as well.
 */
#ifndef SVMVCPU_GVA_H
#define SVMVCPU_GVA_H

#include "insn/mode.h"

/* The registers that a translation depends on */
struct gva_mmu {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;		/* for AC */
	u32 pkru;		/* only used with CR4.PKE */
	u8 cpl;
	/*
	 * Width of physical addresses, 32 to 52. With nested paging the processor
	 * enforces its own, whatever the guest's CPUID reports.
	 */
	u8 maxphyaddr;
	bool page1gb;		/* 1 GiB pages exist */
	/*
	 * The processor sets bit 5 of PAE directory pointers, as QEMU does. In the
	 * architecture this bit is reserved.
	 */
	bool pdpte_accessed;
};

/* Flags of an access; 0 is an explicit read. */
#define GVA_WRITE		0x1
#define GVA_FETCH		0x2
#define GVA_IMPLICIT		0x4	/* to a system structure: as supervisor at any CPL */

/* Page fault error code */
#define GVA_PF_PRESENT		0x01
#define GVA_PF_WRITE		0x02
#define GVA_PF_USER		0x04
#define GVA_PF_RESERVED		0x08
#define GVA_PF_FETCH		0x10
#define GVA_PF_KEY		0x20

/* gva_translate() returns this for a #PF that struct gva_fault describes. */
#define GVA_FAULT		1

/*
 * Access to guest memory. @gpa is aligned to @size, which is 4 or 8. Errors end the walk
 * and are returned by gva_translate().
 */
struct gva_walk_ops {
	/* Read @size bytes by one access; the upper half of a 4-byte entry is ignored. */
	int (*read_pte)(void *ctx, u64 gpa, unsigned int size, u64 *pte);
	/*
	 * Replace @old by @new, atomically with respect to the guest. Returns -EBUSY if
	 * the entry is no longer @old. NULL: leave accessed and dirty bits alone.
	 */
	int (*cmpxchg_pte)(void *ctx, u64 gpa, unsigned int size, u64 old,
			   u64 new);
};

struct gva_fault {
	u64 address;		/* for CR2 */
	u64 table_gpa;		/* the entry that a callback failed on, after -errno */
	u32 error_code;		/* GVA_PF_*, after GVA_FAULT */
};

int gva_translate(const struct gva_mmu *mmu, u64 gva, unsigned int access,
		  const struct gva_walk_ops *ops, void *ctx, u64 *gpa,
		  struct gva_fault *fault);

#endif /* SVMVCPU_GVA_H */
