/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots of a VM (snapshot.c) and their parts that belong to a vCPU (vcpu_snapshot.c)
 */
#ifndef SVMVCPU_SNAPSHOT_H
#define SVMVCPU_SNAPSHOT_H

#include "vcpu/apic.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* The part of the save area that VMRUN and VMLOAD use */
#define SNAPSHOT_SAVE_BYTES	offsetof(struct vmcb_save_area, reserved_298)
/* The part of the run page that the kernel writes */
#define SNAPSHOT_RUN_FIRST	offsetof(struct svmvcpu_run, reason)
#define SNAPSHOT_RUN_BYTES	(sizeof(struct svmvcpu_run) - SNAPSHOT_RUN_FIRST)

/* A vCPU between two RUNs */
struct vcpu_snapshot {
	bool taken;		/* the members below are valid */
	struct vcpu_guest guest;
	u8 save[SNAPSHOT_SAVE_BYTES];
	struct vmcb_exit_state exit;
	struct vmcb_insn_state insn;
	u64 int_ctl;
	u64 tsc;		/* the guest's TSC at the moment of the snapshot */
	struct vmcb_policy policy;	/* used: what depends on guest state */
	u32 debug_hit;		/* vcpu.debug.hit */
	bool init, startup;	/* VCPU_REQ_INIT and VCPU_REQ_STARTUP are set */
	struct lapic lapic;	/* if the vCPU has a local APIC */
	u8 run[SNAPSHOT_RUN_BYTES];
	void *xstate;		/* xstate_caps.bytes */
};

struct vcpu_snapshot *vcpu_snapshot_alloc(void);
void vcpu_snapshot_free(struct vcpu_snapshot *snapshot);
void vcpu_snapshot_take(struct vcpu *vcpu, struct vcpu_snapshot *snapshot,
			const struct snapshot_time *now);
void vcpu_snapshot_restore(struct vcpu *vcpu, const struct snapshot_time *then,
			   const struct snapshot_time *now);

int snapshot_take(struct svm_vm *vm, const struct svmvcpu_snapshot *arg);
int snapshot_restore(struct svm_vm *vm, struct svmvcpu_restore __user *arg);
int snapshot_preserve(struct svm_vm *vm, const struct svmvcpu_preserve *arg);
int snapshot_drop(struct svm_vm *vm);

#endif /* SVMVCPU_SNAPSHOT_H */
