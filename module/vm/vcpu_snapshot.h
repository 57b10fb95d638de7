/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU as it was at a snapshot: copied, not translated, because it never
 * leaves the kernel. state.c has the form that does.
 */
#ifndef SVMVCPU_VCPU_SNAPSHOT_H
#define SVMVCPU_VCPU_SNAPSHOT_H

#include <linux/types.h>

#include "vcpu/apic.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* What VMRUN and VMLOAD know of the save area */
#define SNAPSHOT_SAVE_BYTES	offsetof(struct vmcb_save_area, reserved_298)
/* The exit: interrupt shadow, EXITCODE, EXITINFO */
#define SNAPSHOT_EXIT_FIRST	offsetof(struct vmcb_control_area, int_state)
#define SNAPSHOT_EXIT_END		offsetof(struct vmcb_control_area, nested_ctl)
#define SNAPSHOT_INSN_FIRST	offsetof(struct vmcb_control_area, next_rip)
#define SNAPSHOT_INSN_END		offsetof(struct vmcb_control_area, avic_backing_page)
/* The kernel's part of the run page */
#define SNAPSHOT_RUN_FIRST	offsetof(struct svmvcpu_run, reason)
#define SNAPSHOT_RUN_BYTES	(sizeof(struct svmvcpu_run) - SNAPSHOT_RUN_FIRST)

/**
 * struct vcpu_snapshot - a vCPU outside RUN
 * @taken: there is something in it
 * @guest: .
 * @save: the VMCB's save area
 * @exit: of the control area
 * @insn: of the control area
 * @int_ctl: of the control area
 * @tsc: the guest's at the moment of the snapshot
 * @policy: of it, what follows from the guest's state and not the VMM's choices
 * @debug_hit: of vcpu.debug
 * @init: VCPU_REQ_INIT of vcpu.requests
 * @lapic: the local APIC's model, if there is one
 * @run: the kernel's part of the run page
 * @xstate: xstate_caps.bytes
 */
struct vcpu_snapshot {
	bool taken;
	struct vcpu_guest guest;
	u8 save[SNAPSHOT_SAVE_BYTES];
	u8 exit[SNAPSHOT_EXIT_END - SNAPSHOT_EXIT_FIRST];
	u8 insn[SNAPSHOT_INSN_END - SNAPSHOT_INSN_FIRST];
	u64 int_ctl;
	u64 tsc;
	struct vmcb_policy policy;
	u32 debug_hit;
	bool init;
	struct lapic lapic;
	u8 run[SNAPSHOT_RUN_BYTES];
	void *xstate;
};

struct snapshot_time snapshot_now(bool timers);
struct vcpu_snapshot *vcpu_snapshot_alloc(void);
void vcpu_snapshot_free(struct vcpu_snapshot *snapshot);
void vcpu_snapshot_take(struct vcpu *vcpu, struct vcpu_snapshot *snapshot, const struct snapshot_time *now);
void vcpu_snapshot_restore(struct vcpu *vcpu, const struct snapshot_time *then,
		     const struct snapshot_time *now);

#endif /* SVMVCPU_VCPU_SNAPSHOT_H */
