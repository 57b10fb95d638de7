/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM: guest memory and the vCPUs that share it.
 */
#ifndef SVMVCPU_VM_H
#define SVMVCPU_VM_H

#include <linux/bitmap.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "mm/memory.h"
#include "vcpu/cpuid.h"

/**
 * struct record_time - the moment of a snapshot, or of going back to it
 * @tsc: svm_tsc()
 * @ns: the host's monotonic clock
 */
struct record_time {
	u64 tsc;
	u64 ns;
};

#define VM_MAX_VCPUS	64

struct vcpu;

/**
 * struct svm_vm - one virtual machine
 * @ref: held by its file and by each vCPU
 * @tsc_base: host TSC at which the guest's was zero, for all vCPUs alike
 * @mem: guest-physical memory
 * @still: held for as long as no vCPU may run or be added, which can take as long
 *	as the VMM's memory takes. Whoever closes a file does without it
 * @stopped: vCPUs that are kept from running, a reference and the mutex of each;
 *	under @still, like the next three
 * @nr_stopped: .
 * @snapshot_time: when the snapshot was taken
 * @restore_tsc: svm_tsc() of that moment, or of the last RESTORE
 * @lock: protects @vcpu_ids, @had_vcpu, @vcpus and setting @cpuid; nobody waits for
 *	the VMM's memory under it
 * @vcpus: all of them; each is added when nothing of it can fail any more
 * @vcpu_ids: IDs in use
 * @cpuid: NULL for the default; set before the first vCPU, constant after
 * @had_vcpu: a vCPU was created
 * @apics_lock: protects @apics; taken with interrupts off
 * @apics: struct vcpu_apic of the vCPUs that have one
 */
struct svm_vm {
	struct kref ref;
	u64 tsc_base;
	struct guest_memory mem;
	struct mutex still;	/* stopped, snapshots */
	struct vcpu *stopped[VM_MAX_VCPUS];
	unsigned int nr_stopped;
	struct record_time snapshot_time;
	u64 restore_tsc;
	struct mutex lock;	/* vcpu_ids, vcpus */
	DECLARE_BITMAP(vcpu_ids, VM_MAX_VCPUS);
	struct cpuid_table *cpuid;
	bool had_vcpu;
	struct list_head vcpus;
	spinlock_t apics_lock;	/* apics */
	struct list_head apics;
};

int vm_create(void);
void svm_vm_get(struct svm_vm *vm);
void svm_vm_put(struct svm_vm *vm);

/* Files work only in the address space they were made in. */
static inline bool svm_vm_is_ours(const struct svm_vm *vm)
{
	return vm->mem.mm == current->mm;
}

#endif /* SVMVCPU_VM_H */
