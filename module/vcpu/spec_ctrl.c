// SPDX-License-Identifier: GPL-2.0-only
/*
 * Speculation control of a guest: see spec_ctrl.h.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "compat.h"
#include "svm/cpu.h"
#include "vcpu/spec_ctrl.h"

/* Whether this host can offer VIRT_SPEC_CTRL.SSBD to guests */
bool spec_ctrl_virt_ssbd(void)
{
	return virt_ssbd_possible(boot_cpu_has(X86_FEATURE_AMD_SSBD),
				  COMPAT_VIRT_SPEC_CTRL &&
				  (boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) ||
				   boot_cpu_has(X86_FEATURE_VIRT_SSBD)),
				  boot_cpu_has(X86_FEATURE_STIBP));
}

/* The guest's bits for the SPEC_CTRL register; 0 if the CPU does not have it */
static u64 register_bits(const struct vcpu *vcpu)
{
	return (vcpu->spec_ctrl | vcpu->virt_spec_ctrl) & svm_limits.spec_ctrl;
}

/* Call after vcpu.spec_ctrl or vcpu.virt_spec_ctrl has changed; the vCPU is not loaded. */
void spec_ctrl_changed(struct vcpu *vcpu)
{
	/* No clean bit. The field is reserved on CPUs without the feature. */
	if (svm_has(SVMVCPU_FEAT_V_SPEC_CTRL))
		vcpu->vmcb->save.spec_ctrl = register_bits(vcpu);
}

/*
 * WRMSR of PRED_CMD. The barrier must take effect on each CPU that the guest has run on.
 * Because of the new serial number every CPU regards the vCPU as another one, so
 * vcpu_load() issues the barrier wherever it runs next. The vCPU is not loaded.
 */
bool pred_cmd_put(struct vcpu *vcpu, u64 value)
{
	if (value) {
		vcpu->wants_ibpb = true;
		vcpu->serial = vcpu_new_serial();
	}
	return true;
}

/* The value to restore: firmware may have set bits that the kernel does not know of. */
static DEFINE_PER_CPU(u64, host_spec_ctrl);

/* Load or unload speculation control of a guest that has any bits set. */
void spec_ctrl_switch(const struct vcpu *vcpu, bool load)
{
	const u64 guest = svm_has(SVMVCPU_FEAT_V_SPEC_CTRL) ? 0 : register_bits(vcpu);
	u64 host;

	/* Does nothing if SPEC_CTRL has SSBD. With 0 it would clear the host's SSBD. */
	if (load && vcpu->virt_spec_ctrl)
		compat_virt_spec_ctrl(vcpu->virt_spec_ctrl, true);
	if (guest) {
		if (load) {
			rdmsrl(MSR_IA32_SPEC_CTRL, host);
			this_cpu_write(host_spec_ctrl, host);
		}
		host = this_cpu_read(host_spec_ctrl);
		if (spec_ctrl_added(guest, host))
			wrmsrl(MSR_IA32_SPEC_CTRL, load ? host | guest : host);
	}
	if (!load && vcpu->virt_spec_ctrl)
		compat_virt_spec_ctrl(vcpu->virt_spec_ctrl, false);
}
