/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the run page that every return from RUN updates. Inline, because every
 * exit to the VMM executes it.
 */
#ifndef SVMVCPU_RUN_PAGE_H
#define SVMVCPU_RUN_PAGE_H

#include <linux/string.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "vcpu/control.h"
#include "vcpu/inject.h"
#include "vcpu/vcpu.h"

static __always_inline void run_page_put_gprs(const struct vcpu *vcpu,
					      struct svmvcpu_gprs *out)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	memcpy(out, vcpu->gprs, sizeof(vcpu->gprs));
	out->rip = save->rip;
	out->rflags = save->rflags;
}

static __always_inline u8 run_page_mode(const struct vcpu *vcpu)
{
	switch (vcpu_mode(vcpu)) {
	case GUEST_REAL:
		return SVMVCPU_MODE_REAL;
	case GUEST_VM86:
		return SVMVCPU_MODE_VM86;
	case GUEST_PROT16:
	case GUEST_PROT32:
		return SVMVCPU_MODE_PROTECTED;
	case GUEST_COMPAT16:
	case GUEST_COMPAT32:
		return SVMVCPU_MODE_COMPATIBILITY;
	default:
		return SVMVCPU_MODE_64BIT;
	}
}

/* Write the registers and the mode to the run page. Expects vcpu.mutex held. */
static __always_inline void sync_run_page_out(struct vcpu *vcpu)
{
	const u64 cr0 = guest_cr0(vcpu), cr4 = guest_cr4(vcpu), efer = guest_efer(vcpu);
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const u8 mode = run_page_mode(vcpu), events = inject_describe(vcpu);
	struct svmvcpu_run *run = vcpu->run;

	/* Read everything before the first write: the compiler must assume aliasing. */
	run->mode = mode;
	run->events = events;
	run->cpl = save->cpl;
	run->exits = vcpu->exits;
	run->cr0 = cr0;
	run->cr2 = save->cr2;
	run->cr3 = save->cr3;
	run->cr4 = cr4;
	run->efer = efer;
	run_page_put_gprs(vcpu, &run->gprs);
}

#endif /* SVMVCPU_RUN_PAGE_H */
