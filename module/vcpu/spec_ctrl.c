// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's SPEC_CTRL and VIRT_SPEC_CTRL in the CPU: see spec_ctrl.h.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "compat.h"
#include "svm/cpu.h"
#include "vcpu/spec_ctrl.h"

/* Does this host have VIRT_SPEC_CTRL.SSBD for its guests? */
bool spec_ctrl_virt_ssbd(void)
{
	return virt_ssbd_possible(boot_cpu_has(X86_FEATURE_AMD_SSBD),
				  COMPAT_VIRT_SPEC_CTRL &&
				  (boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) ||
				   boot_cpu_has(X86_FEATURE_VIRT_SSBD)),
				  boot_cpu_has(X86_FEATURE_STIBP));
}

/* The guest's bits that belong into SPEC_CTRL: none on a CPU without that register. */
static u64 register_bits(const struct vcpu *vcpu)
{
	return (vcpu->spec_ctrl | vcpu->virt_spec_ctrl) & svm_limits.spec_ctrl;
}

/* vcpu.spec_ctrl or vcpu.virt_spec_ctrl has a new value. The vCPU is not loaded. */
void spec_ctrl_changed(struct vcpu *vcpu)
{
	/* No clean bit. Reserved on a CPU without. */
	if (svm_has(SVMVCPU_FEAT_V_SPEC_CTRL))
		vcpu->vmcb->save.spec_ctrl = register_bits(vcpu);
}

/*
 * The guest writes PRED_CMD. What it has trained must not matter any more, on any CPU that
 * it ran on. With a new serial number every CPU takes the vCPU for another one, so
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

/* The value to put back: firmware may have set bits that the kernel does not know of. */
static DEFINE_PER_CPU(u64, host_spec_ctrl);

static void load_register(u64 guest)
{
	u64 host;

	rdmsrl(MSR_IA32_SPEC_CTRL, host);
	this_cpu_write(host_spec_ctrl, host);
	if (spec_ctrl_added(guest, host))
		wrmsrl(MSR_IA32_SPEC_CTRL, host | guest);
}

static void unload_register(u64 guest)
{
	u64 host = this_cpu_read(host_spec_ctrl);

	if (spec_ctrl_added(guest, host))
		wrmsrl(MSR_IA32_SPEC_CTRL, host);
}

/* What spec_ctrl_enter() does for a guest that has any bits set */
void spec_ctrl_load(const struct vcpu *vcpu)
{
	const u64 guest = register_bits(vcpu);

	/* Does nothing where SSBD is in SPEC_CTRL. With 0 it would take the host's away. */
	if (vcpu->virt_spec_ctrl)
		compat_virt_spec_ctrl(vcpu->virt_spec_ctrl, true);
	if (guest && !svm_has(SVMVCPU_FEAT_V_SPEC_CTRL))
		load_register(guest);
}

/* What spec_ctrl_leave() does for it. The host has not changed its values since. */
void spec_ctrl_unload(const struct vcpu *vcpu)
{
	const u64 guest = register_bits(vcpu);

	if (guest && !svm_has(SVMVCPU_FEAT_V_SPEC_CTRL))
		unload_register(guest);
	if (vcpu->virt_spec_ctrl)
		compat_virt_spec_ctrl(vcpu->virt_spec_ctrl, false);
}
