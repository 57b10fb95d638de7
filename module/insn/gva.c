// SPDX-License-Identifier: GPL-2.0-only
/* Guest page walk: see gva.h for the contract, gva_walk.h for the walk. */
#include "insn/gva_walk.h"

/* Set the accessed bit of each entry, and the dirty bit of a leaf that is written. */
int gva_mark_steps(const struct gva_walk_ops *ops, void *ctx, const struct gva_steps *steps,
		   unsigned int size, bool write, struct gva_fault *fault)
{
	unsigned int i;

	/* The caller only peeks. */
	if (!ops->cmpxchg_pte)
		return 0;
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
 * @ops: callbacks to read and change guest memory
 * @ctx: passed to @ops
 * @gpa: guest-physical address on success
 * @fault: details of a failure
 *
 * Sets accessed and dirty bits if @ops has cmpxchg_pte(): call it only for accesses that
 * will be made. Reads five entries at most, a few times if the guest keeps changing them.
 *
 * Return: 0; GVA_FAULT to inject #PF; -EBUSY if the entries kept changing, in which case
 * the guest can execute the instruction again; or the error of a callback.
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
	int err;

	memset(fault, 0, sizeof(*fault));
	if (!(mmu->cr0 & GUEST_CR0_PG)) {
		*gpa = (u32)gva;
		return 0;
	}
	if (mmu->efer & GUEST_EFER_LMA) {
		w.paging = PAGING_LONG;
	} else {
		w.paging = mmu->cr4 & GUEST_CR4_PAE ? PAGING_PAE : PAGING_LEGACY;
		w.gva = (u32)gva;
	}
	err = gva_walk(&w, gpa);
	if (err != GVA_FAULT)
		return err;
	fault->address = w.gva;
	if (access & GVA_WRITE)
		fault->error_code |= GVA_PF_WRITE;
	if (gva_is_user(&w))
		fault->error_code |= GVA_PF_USER;
	if ((access & GVA_FETCH) && (gva_has_nx(&w) || (mmu->cr4 & GUEST_CR4_SMEP)))
		fault->error_code |= GVA_PF_FETCH;
	return GVA_FAULT;
}
