/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Architectural state in and out of a vCPU.
 */
#ifndef SVMVCPU_STATE_H
#define SVMVCPU_STATE_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "vcpu/vcpu.h"

void state_get(struct vcpu *vcpu, struct svmvcpu_state *state);
void state_put(struct vcpu *vcpu, const struct svmvcpu_state *state);
int state_allowed(const struct vcpu *vcpu, const struct svmvcpu_state *state);
int state_setup(struct vcpu *vcpu, const struct svmvcpu_setup *setup);

/* vcpu.gprs and the first sixteen of the ABI are in the same order. */
static_assert(offsetof(struct svmvcpu_gprs, rip) == sizeof_field(struct vcpu, gprs));
static_assert(offsetof(struct svmvcpu_gprs, rsp) == INSN_RSP * sizeof(u64));

/**
 * state_put_gprs() - replace the general registers, RIP and RFLAGS
 * @vcpu: its mutex held
 * @gprs: general registers: any value will do, so they may be changing
 * @rip: .
 * @rflags: valid
 */
static __always_inline void state_put_gprs(struct vcpu *vcpu, const struct svmvcpu_gprs *gprs,
					   u64 rip, u64 rflags)
{
	struct vmcb_save_area *save = &vcpu->vmcb->save;

	memcpy(vcpu->gprs, gprs, sizeof(vcpu->gprs));
	if (likely(rip == save->rip && rflags == save->rflags))
		return;
	/* Of all these VMRUN checks but two. */
	vcpu->unchecked = true;
	/* The VMM sent the guest elsewhere. */
	if (rip != save->rip) {
		vcpu->halted = false;
		vcpu->debug.hit = 0;
	}
	save->rip = rip;
	save->rflags = rflags;
}

#endif /* SVMVCPU_STATE_H */
