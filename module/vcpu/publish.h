/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each RUN leaves on the run page whatever its reason: the registers that
 * an ordinary VMM looks at, and what tells how to read them.
 *
 * Inline, since every exit to the VMM comes through here.
 */
#ifndef SVMVCPU_PUBLISH_H
#define SVMVCPU_PUBLISH_H

#include <linux/string.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "vcpu/control.h"
#include "vcpu/inject.h"
#include "vcpu/vcpu.h"

static __always_inline void publish_gprs(const struct vcpu *vcpu,
					 struct svmvcpu_gprs *out)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	memcpy(out, vcpu->gprs, sizeof(vcpu->gprs));
	out->rip = save->rip;
	out->rflags = save->rflags;
}

static __always_inline u8 publish_mode(const struct vcpu *vcpu)
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

/**
 * publish() - the registers onto the run page, for every exit
 * @vcpu: its mutex held
 */
static __always_inline void publish(struct vcpu *vcpu)
{
	const u64 cr0 = guest_cr0(vcpu), cr4 = guest_cr4(vcpu), efer = guest_efer(vcpu);
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const u8 mode = publish_mode(vcpu), events = inject_describe(vcpu);
	struct svmvcpu_run *run = vcpu->run;

	/* All is read before anything is written: the compiler knows of no aliases. */
	run->mode = mode;
	run->events = events;
	run->cpl = save->cpl;
	run->exits = vcpu->exits;
	run->cr0 = cr0;
	run->cr2 = save->cr2;
	run->cr3 = save->cr3;
	run->cr4 = cr4;
	run->efer = efer;
	publish_gprs(vcpu, &run->gprs);
}

#endif /* SVMVCPU_PUBLISH_H */
