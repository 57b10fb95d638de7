// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU as it was at a snapshot: see record.h.
 *
 * Whatever the guest can tell is copied. What is not: the VMM's choices
 * (SET_EXITS, SET_DEBUG), kicks, the number of exits, the data window, and what
 * follows from the host (ASID, maps, intercepts).
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "svm/cpu.h"
#include "vcpu/spec_ctrl.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"
#include "vm/record.h"

/* @timers: there are any, and what they go by counts */
struct record_time record_now(bool timers)
{
	return (struct record_time) { .tsc = svm_tsc(), .ns = timers ? ktime_get_ns() : 0 };
}

struct vcpu_record *record_alloc(void)
{
	struct vcpu_record *record;

	record = kzalloc(sizeof(*record), GFP_KERNEL_ACCOUNT);
	if (!record)
		return NULL;
	record->xstate = xstate_alloc();
	if (record->xstate)
		return record;
	kfree(record);
	return NULL;
}

void record_free(struct vcpu_record *record)
{
	if (!record)
		return;
	xstate_free(record->xstate);
	kfree(record);
}

/**
 * record_take() - record a vCPU
 * @vcpu: its mutex held
 * @record: out
 * @now: the moment of the snapshot
 */
void record_take(struct vcpu *vcpu, struct vcpu_record *record, const struct record_time *now)
{
	const struct vmcb_control_area *control = &vcpu->vmcb->control;

	if (vcpu->apic)
		apic_record(vcpu, &record->lapic);
	record->guest = vcpu->guest;
	memcpy(record->save, &vcpu->vmcb->save, sizeof(record->save));
	memcpy(record->exit, (const u8 *)control + RECORD_EXIT_FIRST, sizeof(record->exit));
	memcpy(record->insn, (const u8 *)control + RECORD_INSN_FIRST, sizeof(record->insn));
	record->int_ctl = control->int_ctl;
	record->tsc = now->tsc + control->tsc_offset - vcpu->tsc_lost;
	record->policy = vcpu->policy;
	record->debug_hit = vcpu->debug.hit;
	record->init = test_bit(WAKE_INIT, &vcpu->wake);
	memcpy(record->run, (const u8 *)vcpu->run + RECORD_RUN_FIRST, sizeof(record->run));
	memcpy(record->xstate, vcpu->xstate, xstate_caps.bytes);
	record->taken = true;
}

/* vintr and iret go with V_IRQ in the VMCB and the events. */
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
 * record_put_back() - make a vCPU what it was
 * @vcpu: its mutex held; has a record
 * @then: the moment of the snapshot
 * @now: this moment; the guest's clocks go on from @then
 *
 * The caller has its translations flushed before it enters the guest again.
 */
void record_put_back(struct vcpu *vcpu, const struct record_time *then,
		     const struct record_time *now)
{
	const struct vcpu_record *record = vcpu->record;
	struct vmcb_control_area *control = &vcpu->vmcb->control;

	vcpu->guest = record->guest;
	spec_ctrl_put(vcpu, vcpu->spec_ctrl, vcpu->virt_spec_ctrl);
	memcpy(&vcpu->vmcb->save, record->save, sizeof(record->save));
	memcpy((u8 *)control + RECORD_EXIT_FIRST, record->exit, sizeof(record->exit));
	memcpy((u8 *)control + RECORD_INSN_FIRST, record->insn, sizeof(record->insn));
	control->int_ctl = V_INTR_MASKING |
			   (record->int_ctl & (V_TPR_MASK | V_IRQ | V_IGN_TPR));
	/* One may have been left by an entry that did not come to VMRUN. */
	control->event_inj = 0;
	control->tsc_offset = record->tsc - now->tsc + svm_tsc_lost;
	vcpu->tsc_lost = svm_tsc_lost;
	vmcb_dirty(vcpu->vmcb, VMCB_CLEAN_ALL);
	put_policy(vcpu, &record->policy);
	vcpu->debug.hit = record->debug_hit;
	assign_bit(WAKE_INIT, &vcpu->wake, record->init);
	memcpy((u8 *)vcpu->run + RECORD_RUN_FIRST, record->run, sizeof(record->run));
	vcpu->run->exits = vcpu->exits;
	memcpy(vcpu->xstate, record->xstate, xstate_caps.bytes);
	if (vcpu->apic)
		apic_put_back(vcpu, &record->lapic, now->ns - then->ns);
}
