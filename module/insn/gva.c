// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest page walk: from a guest-virtual (linear) to a guest-physical address.
 *
 * Pure. See gva.h for the contract and for who may call it, gva_walk.h for the walk.
 */
#include "insn/gva_walk.h"

/* Sets the accessed bit of each entry, and the dirty bit of a leaf that is written. */
int gva_mark_steps(const struct gva_walk_ops *ops, void *ctx, const struct gva_steps *steps,
		   unsigned int size, bool write, struct gva_fault *fault)
{
	unsigned int i;

	for (i = 0; i < steps->nr; i++) {
		u64 old = steps->of[i].pte, new = old | PTE_A;
		int err;

		if (write && i == steps->nr - 1)
			new |= PTE_D;
		if (new == old)
			continue;
		err = ops->cmpxchg_pte(ctx, steps->of[i].gpa, size, old, new);
		if (err) {
			fault->table_gpa = steps->of[i].gpa;
			return err;
		}
	}
	return 0;
}

/**
 * gva_translate() - translate one guest-virtual address
 * @mmu: guest registers
 * @gva: linear address, canonical if the guest is in long mode
 * @access: GVA_* flags
 * @ops: how to reach guest memory
 * @ctx: passed to @ops
 * @gpa: guest-physical address on success
 * @fault: why not, otherwise
 *
 * Sets accessed and dirty bits, so it must only be asked for accesses that will
 * be made. The work is bounded: five levels, and a few walks if the guest keeps
 * changing the entries meanwhile.
 *
 * Return: 0; GVA_FAULT to inject #PF; -EBUSY if the tables never kept still:
 * nothing is lost by letting the guest execute the instruction again; or what a
 * callback returned, notably -EAGAIN to repeat where sleeping is allowed and
 * -EFAULT for a page table outside memory.
 */
int gva_translate(const struct gva_mmu *mmu, u64 gva, unsigned int access,
		  const struct gva_walk_ops *ops, void *ctx, u64 *gpa,
		  struct gva_fault *fault)
{
	struct gva_steps steps;
	struct gva_walk w = {
		.mmu = mmu, .gva = gva, .access = access, .ops = ops, .ctx = ctx,
		.steps = &steps, .fault = fault,
	};

	memset(fault, 0, sizeof(*fault));
	if (!(mmu->cr0 & GUEST_CR0_PG)) {
		*gpa = (u32)gva;
		return 0;
	}
	if (mmu->efer & GUEST_EFER_LMA)
		w.paging = PAGING_LONG;
	else
		w.paging = mmu->cr4 & GUEST_CR4_PAE ? PAGING_PAE : PAGING_LEGACY;
	w.phys_mask = gva_bits(12, w.paging == PAGING_LEGACY ? 31 : gva_width(mmu) - 1);
	return gva_walk(&w, gpa);
}
