/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU as it was at a snapshot: copied, not translated, because it never
 * leaves the kernel. state.c has the form that does.
 */
#ifndef SVMVCPU_RECORD_H
#define SVMVCPU_RECORD_H

#include <linux/types.h>

#include "vcpu/apic.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* What VMRUN and VMLOAD know of the save area */
#define RECORD_SAVE_BYTES	offsetof(struct vmcb_save_area, reserved_298)
/* The exit: interrupt shadow, EXITCODE, EXITINFO */
#define RECORD_EXIT_FIRST	offsetof(struct vmcb_control_area, int_state)
#define RECORD_EXIT_END		offsetof(struct vmcb_control_area, nested_ctl)
#define RECORD_INSN_FIRST	offsetof(struct vmcb_control_area, next_rip)
#define RECORD_INSN_END		offsetof(struct vmcb_control_area, avic_backing_page)
/* The kernel's part of the run page */
#define RECORD_RUN_FIRST	offsetof(struct svmvcpu_run, reason)
#define RECORD_RUN_BYTES	(sizeof(struct svmvcpu_run) - RECORD_RUN_FIRST)

/**
 * struct vcpu_record - a vCPU outside RUN
 * @taken: there is something in it
 * @guest: .
 * @save: the VMCB's save area
 * @exit: of the control area
 * @insn: of the control area
 * @int_ctl: of the control area
 * @tsc: the guest's at the moment of the snapshot
 * @policy: of it, what follows from the guest's state and not the VMM's choices
 * @debug_hit: of vcpu.debug
 * @init: WAKE_INIT of vcpu.wake
 * @lapic: the local APIC's model, if there is one
 * @run: the kernel's part of the run page
 * @xstate: xstate_caps.bytes
 */
struct vcpu_record {
	bool taken;
	struct vcpu_guest guest;
	u8 save[RECORD_SAVE_BYTES];
	u8 exit[RECORD_EXIT_END - RECORD_EXIT_FIRST];
	u8 insn[RECORD_INSN_END - RECORD_INSN_FIRST];
	u64 int_ctl;
	u64 tsc;
	struct vmcb_policy policy;
	u32 debug_hit;
	bool init;
	struct lapic lapic;
	u8 run[RECORD_RUN_BYTES];
	void *xstate;
};

struct record_time record_now(bool timers);
struct vcpu_record *record_alloc(void);
void record_free(struct vcpu_record *record);
void record_take(struct vcpu *vcpu, struct vcpu_record *record, const struct record_time *now);
void record_put_back(struct vcpu *vcpu, const struct record_time *then,
		     const struct record_time *now);

#endif /* SVMVCPU_RECORD_H */
