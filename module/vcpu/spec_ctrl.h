/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's speculation control: SPEC_CTRL, PRED_CMD and VIRT_SPEC_CTRL.
 *
 * All three MSRs are intercepted. The bits of SPEC_CTRL only ever restrict
 * speculation, and the guest runs with the host's and its own together: the CPU
 * is never less protected than the host wants it, so it does not matter what is
 * executed between the switch and VMRUN. A CPU with V_SPEC_CTRL does the same by
 * itself, with the guest's bits in the VMCB.
 *
 * SSBD is SPEC_CTRL's where that has the bit. Older CPUs have it in LS_CFG, and under a
 * hypervisor it can be VIRT_SPEC_CTRL's: there the kernel switches it, as for KVM.
 *
 * The vCPU's mutex protects everything here.
 */
#ifndef SVMVCPU_SPEC_CTRL_H
#define SVMVCPU_SPEC_CTRL_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "vcpu/vcpu.h"

/* Bits of the guest's that the host does not run with anyway */
static inline u64 spec_ctrl_added(u64 guest, u64 host)
{
	return guest & ~host;
}

/*
 * @in_register: SPEC_CTRL has SSBD; @outside: the kernel switches it elsewhere. In doing
 * so it writes SPEC_CTRL without the STIBP of a task that asked for one, and the VMM
 * would run on without. CPUs with STIBP have SSBD in SPEC_CTRL, so nothing is lost.
 */
static inline bool virt_ssbd_possible(bool in_register, bool outside, bool stibp)
{
	return in_register || (outside && !stibp);
}

/*
 * The predictors of a CPU know vCPU @last. @on_exit: the exit path issues a barrier each
 * time; @on_switch: the host wants one between vCPUs; @wanted: the guest does.
 */
static inline bool ibpb_due(u64 last, u64 serial, bool on_exit, bool on_switch, bool wanted)
{
	return last != serial && !on_exit && (on_switch || wanted);
}

bool spec_ctrl_virt_ssbd(void);
bool pred_cmd_put(struct vcpu *vcpu, u64 value);
void spec_ctrl_changed(struct vcpu *vcpu);
void spec_ctrl_load(const struct vcpu *vcpu);
void spec_ctrl_unload(const struct vcpu *vcpu);

/* The guest's bits into the CPU. Interrupts off until spec_ctrl_leave(). */
static __always_inline void spec_ctrl_enter(const struct vcpu *vcpu)
{
	if (unlikely(vcpu->spec_ctrl_any))
		spec_ctrl_load(vcpu);
}

static __always_inline void spec_ctrl_leave(const struct vcpu *vcpu)
{
	if (unlikely(vcpu->spec_ctrl_any))
		spec_ctrl_unload(vcpu);
}

#endif /* SVMVCPU_SPEC_CTRL_H */
