/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Speculation control of a guest: SPEC_CTRL, PRED_CMD and VIRT_SPEC_CTRL.
 *
 * All three MSRs are intercepted. The bits of SPEC_CTRL only restrict speculation, and
 * the guest runs with its own and the host's bits together. The CPU is therefore never
 * less protected than the host requires, and the code between the switch and VMRUN does
 * not matter. A CPU with V_SPEC_CTRL combines the bits itself; the guest's are in the
 * VMCB.
 *
 * SSBD is in SPEC_CTRL if the register has the bit. Older CPUs have it in LS_CFG, and
 * hypervisors may offer it in VIRT_SPEC_CTRL; the kernel switches these, as for KVM.
 *
 * The functions expect vcpu.mutex held.
 */
#ifndef SVMVCPU_SPEC_CTRL_H
#define SVMVCPU_SPEC_CTRL_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "vcpu/vcpu.h"

/* The guest's bits that the host does not set itself */
static inline u64 spec_ctrl_added(u64 guest, u64 host)
{
	return guest & ~host;
}

/*
 * @in_register: SPEC_CTRL has SSBD; @outside: the kernel switches it elsewhere. When the
 * kernel does so it writes SPEC_CTRL without the STIBP that the VMM's task may have
 * requested, so a CPU with STIBP must have SSBD in SPEC_CTRL.
 */
static inline bool virt_ssbd_possible(bool in_register, bool outside, bool stibp)
{
	return in_register || (outside && !stibp);
}

/*
 * Whether to issue an IBPB before running vCPU @serial on a CPU that last ran @last.
 * @on_exit: every exit issues a barrier; @on_switch: the host requires one between
 * vCPUs; @wanted: the guest has requested one.
 */
static inline bool ibpb_due(u64 last, u64 serial, bool on_exit, bool on_switch, bool wanted)
{
	return last != serial && !on_exit && (on_switch || wanted);
}

bool spec_ctrl_virt_ssbd(void);
bool pred_cmd_put(struct vcpu *vcpu, u64 value);
void spec_ctrl_changed(struct vcpu *vcpu);
void spec_ctrl_switch(const struct vcpu *vcpu, bool load);

/* Load the guest's bits. Interrupts stay off until spec_ctrl_leave(). */
static __always_inline void spec_ctrl_enter(const struct vcpu *vcpu)
{
	if (unlikely(vcpu->spec_ctrl_any))
		spec_ctrl_switch(vcpu, true);
}

static __always_inline void spec_ctrl_leave(const struct vcpu *vcpu)
{
	if (unlikely(vcpu->spec_ctrl_any))
		spec_ctrl_switch(vcpu, false);
}

#endif /* SVMVCPU_SPEC_CTRL_H */
