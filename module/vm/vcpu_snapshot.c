// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a snapshot that belongs to one vCPU.
 *
 * Everything that the guest can observe is copied. Not copied are the VMM's choices
 * (SET_EXITS, SET_DEBUG), kicks, the number of exits, the data window, coalesced writes, and
 * what depends on the host (ASID, permission maps, intercepts).
 *
 * The functions expect vcpu.mutex held.
 */
#include <linux/ktime.h>
#include <linux/slab.h>

#include "svm/cpu.h"
#include "vcpu/spec_ctrl.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"
#include "vm/snapshot.h"

struct vcpu_snapshot *vcpu_snapshot_alloc(void)
{
	struct vcpu_snapshot *snapshot;

	snapshot = kzalloc(sizeof(*snapshot), GFP_KERNEL_ACCOUNT);
	if (!snapshot)
		return NULL;
	snapshot->xstate = xstate_alloc();
	if (snapshot->xstate)
		return snapshot;
	kfree(snapshot);
	return NULL;
}

void vcpu_snapshot_free(struct vcpu_snapshot *snapshot)
{
	if (!snapshot)
		return;
	kfree(snapshot->xstate);
	kfree(snapshot);
}

/**
 * vcpu_snapshot_take() - copy the state of a vCPU
 * @vcpu: the vCPU
 * @snapshot: out
 * @now: the moment of the snapshot
 */
void vcpu_snapshot_take(struct vcpu *vcpu, struct vcpu_snapshot *snapshot,
			const struct snapshot_time *now)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;

	if (vcpu->apic) {
		apic_sync(vcpu);
		snapshot->lapic = vcpu->apic->lapic;
	}
	snapshot->guest = vcpu->guest;
	memcpy(snapshot->save, &vcpu->vmcb->save, sizeof(snapshot->save));
	snapshot->exit = control->exit_state;
	snapshot->insn = control->insn_state;
	snapshot->int_ctl = control->int_ctl;
	snapshot->tsc = now->tsc + control->tsc_offset - vcpu->tsc_lost;
	snapshot->policy = vcpu->policy;
	snapshot->debug_hit = vcpu->debug.hit;
	snapshot->init = test_bit(VCPU_REQ_INIT, &vcpu->requests);
	snapshot->startup = test_bit(VCPU_REQ_STARTUP, &vcpu->requests);
	memcpy(snapshot->run, (const u8 *)vcpu->run + SNAPSHOT_RUN_FIRST, sizeof(snapshot->run));
	memcpy(snapshot->xstate, vcpu->xstate, xstate_caps.bytes);
	snapshot->taken = true;
}

/* vintr and iret must match V_IRQ in the VMCB and the waiting events. */
static void put_policy(struct vcpu *vcpu, const struct vmcb_policy *then)
{
	struct vmcb_policy *now = &vcpu->policy;

	if (likely(now->cr0_read == then->cr0_read && now->cr4_read == then->cr4_read &&
		   now->vintr == then->vintr && now->iret == then->iret))
		return;
	now->cr0_read = then->cr0_read;
	now->cr4_read = then->cr4_read;
	now->vintr = then->vintr;
	now->iret = then->iret;
	vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, &vcpu->policy);
}

/**
 * vcpu_snapshot_restore() - restore the state of a vCPU from vcpu.snapshot
 * @vcpu: the vCPU; has a snapshot
 * @then: the moment of the snapshot
 * @now: the current time; the guest's clocks continue from @then
 *
 * The caller invalidates the vCPU's translations before the next entry.
 */
void vcpu_snapshot_restore(struct vcpu *vcpu, const struct snapshot_time *then,
			   const struct snapshot_time *now)
{
	const struct vcpu_snapshot *snapshot = vcpu->snapshot;
	struct vmcb_control_area *control = &vcpu->vmcb->control;

	vcpu->guest = snapshot->guest;
	spec_ctrl_changed(vcpu);
	memcpy(&vcpu->vmcb->save, snapshot->save, sizeof(snapshot->save));
	control->exit_state = snapshot->exit;
	control->insn_state = snapshot->insn;
	control->int_ctl = V_INTR_MASKING | (snapshot->int_ctl & (V_TPR_MASK | V_IRQ | V_IGN_TPR));
	/* An entry that did not reach VMRUN may have left an event. */
	control->event_inj = 0;
	control->tsc_offset = snapshot->tsc - now->tsc + svm_tsc_lost;
	vcpu->tsc_lost = svm_tsc_lost;
	vmcb_dirty(vcpu->vmcb, VMCB_CLEAN_ALL);
	put_policy(vcpu, &snapshot->policy);
	vcpu->debug.hit = snapshot->debug_hit;
	assign_bit(VCPU_REQ_INIT, &vcpu->requests, snapshot->init);
	assign_bit(VCPU_REQ_STARTUP, &vcpu->requests, snapshot->startup);
	memcpy((u8 *)vcpu->run + SNAPSHOT_RUN_FIRST, snapshot->run, sizeof(snapshot->run));
	vcpu->run->exits = vcpu->exits;
	/* The list has writes that the guest now has not made, or has reported earlier. */
	vcpu->nr_coalesced = 0;
	vcpu->run->coalesced = 0;
	memcpy(vcpu->xstate, snapshot->xstate, xstate_caps.bytes);
	if (vcpu->apic)
		apic_restore(vcpu, &snapshot->lapic, now->ns - then->ns);
}
