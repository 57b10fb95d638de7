/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest page walk: from a guest-virtual (linear) to a guest-physical address.
 *
 * Owns the paging formats, the permission checks and the accessed and dirty
 * bits, as the processor would do them. Pure: guest memory is reached through
 * the caller's callbacks only, and nothing is kept between calls. Called by
 * instruction fetch and by the exits that touch guest memory; compiled in user
 * space too.
 */
#ifndef SVMVCPU_GVA_H
#define SVMVCPU_GVA_H

#include "insn/mode.h"

/**
 * struct gva_mmu - the registers that decide a translation
 * @cr0: guest CR0
 * @cr3: guest CR3
 * @cr4: guest CR4
 * @efer: guest EFER
 * @rflags: guest RFLAGS, for AC
 * @pkru: guest PKRU, if CR4.PKE may be set
 * @cpl: guest CPL
 * @maxphyaddr: physical address width that the walk enforces, 32..52. With
 *	nested paging the processor enforces the host's, whatever CPUID says
 * @page1gb: 1 GiB pages exist
 * @pdpte_accessed: the processor sets the accessed bit of PAE directory pointers,
 *	where the architecture has a reserved one (QEMU does)
 */
struct gva_mmu {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;
	u32 pkru;
	u8 cpl;
	u8 maxphyaddr;
	bool page1gb;
	bool pdpte_accessed;
};

/* The kind of access: any of these; none is an explicit read. */
#define GVA_WRITE		0x1
#define GVA_FETCH		0x2
#define GVA_IMPLICIT		0x4	/* system structure: supervisor at any CPL */

/* Page fault error code. */
#define GVA_PF_PRESENT		0x01
#define GVA_PF_WRITE		0x02
#define GVA_PF_USER		0x04
#define GVA_PF_RESERVED		0x08
#define GVA_PF_FETCH		0x10
#define GVA_PF_KEY		0x20

/* gva_translate(): the guest takes #PF with what struct gva_fault says. */
#define GVA_FAULT		1

/**
 * struct gva_walk_ops - how a walk reaches guest memory
 * @read_pte: read @size (4 or 8) bytes at @gpa, in one piece. 0 or -errno
 * @cmpxchg_pte: replace @old by @new at @gpa, atomically against the guest.
 *	0 when done, -EBUSY when the entry is not @old any more, or another
 *	-errno
 *
 * @gpa is aligned to @size. -EFAULT says that no memory is there, -EAGAIN that
 * the caller has to try again where it may sleep; errors end the walk and reach
 * the caller of gva_translate() unchanged.
 */
struct gva_walk_ops {
	int (*read_pte)(void *ctx, u64 gpa, unsigned int size, u64 *pte);
	int (*cmpxchg_pte)(void *ctx, u64 gpa, unsigned int size, u64 old,
			   u64 new);
};

/**
 * struct gva_fault - why a translation failed
 * @address: the guest-virtual address, which CR2 takes
 * @error_code: GVA_PF_*; valid after GVA_FAULT
 * @table_gpa: the page table entry a callback failed on; valid after -errno
 */
struct gva_fault {
	u64 address;
	u64 table_gpa;
	u32 error_code;
};

int gva_translate(const struct gva_mmu *mmu, u64 gva, unsigned int access,
		  const struct gva_walk_ops *ops, void *ctx, u64 *gpa,
		  struct gva_fault *fault);

#endif /* SVMVCPU_GVA_H */
