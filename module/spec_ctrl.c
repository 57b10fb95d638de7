// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's SPEC_CTRL and VIRT_SPEC_CTRL in the CPU: see spec_ctrl.h.
 */
#include <linux/percpu.h>
#include <asm/msr.h>

#include "cpu.h"
#include "spec_ctrl.h"

/**
 * spec_ctrl_put() - new values for the guest
 * @vcpu: not loaded
 * @spec_ctrl: valid
 * @virt_spec_ctrl: valid
 */
void spec_ctrl_put(struct vcpu *vcpu, u32 spec_ctrl, u32 virt_spec_ctrl)
{
	vcpu->spec_ctrl = spec_ctrl;
	vcpu->virt_spec_ctrl = virt_spec_ctrl;
	/* No clean bit. Reserved on a CPU without. */
	if (svm_has(SVMVCPU_FEAT_V_SPEC_CTRL))
		vcpu->vmcb->save.spec_ctrl = spec_ctrl | virt_spec_ctrl;
}

/* The value to put back: firmware may have set bits that the kernel does not know of. */
static DEFINE_PER_CPU(u64, host_spec_ctrl);

/* What spec_ctrl_enter() does for a guest that has any bits set */
void spec_ctrl_load(const struct vcpu *vcpu)
{
	u64 host, guest;

	if (svm_has(SVMVCPU_FEAT_V_SPEC_CTRL))
		return;
	rdmsrl(MSR_IA32_SPEC_CTRL, host);
	guest = spec_ctrl_added(vcpu->spec_ctrl | vcpu->virt_spec_ctrl, host);
	this_cpu_write(host_spec_ctrl, host);
	if (guest)
		wrmsrl(MSR_IA32_SPEC_CTRL, host | guest);
}

/* What spec_ctrl_leave() does for it. The host has not changed its value since. */
void spec_ctrl_unload(const struct vcpu *vcpu)
{
	u64 host = this_cpu_read(host_spec_ctrl);

	if (!svm_has(SVMVCPU_FEAT_V_SPEC_CTRL) &&
	    spec_ctrl_added(vcpu->spec_ctrl | vcpu->virt_spec_ctrl, host))
		wrmsrl(MSR_IA32_SPEC_CTRL, host);
}
