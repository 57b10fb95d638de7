// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: KVM_CAP_SYNC_REGS: registers in struct kvm_run, which KVM_RUN sets before
 * the guest runs and stores after it.
 */
#include <errno.h>

#include "vcpu.h"

/* Before KVM_RUN. KVM clears what it has taken. */
long sync_in(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	__u64 dirty = run->kvm_dirty_regs;
	long err = 0;

	if ((run->kvm_valid_regs | dirty) & ~(__u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (dirty & KVM_SYNC_X86_REGS)
		err = regs_set(vcpu, (unsigned long)&run->s.regs.regs);
	if (!err && (dirty & KVM_SYNC_X86_SREGS))
		err = sregs_set(vcpu, (unsigned long)&run->s.regs.sregs);
	if (!err && (dirty & KVM_SYNC_X86_EVENTS))
		err = events_set(vcpu, (unsigned long)&run->s.regs.events);
	if (!err)
		run->kvm_dirty_regs = 0;
	return err;
}

/* After KVM_RUN */
void sync_out(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	__u64 valid = run->kvm_valid_regs;

	if (valid & KVM_SYNC_X86_REGS)
		regs_get(vcpu, (unsigned long)&run->s.regs.regs);
	if (valid & KVM_SYNC_X86_SREGS)
		sregs_get(vcpu, (unsigned long)&run->s.regs.sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		events_get(vcpu, (unsigned long)&run->s.regs.events);
}
