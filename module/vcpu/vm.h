/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct svm_vm: guest memory and the vCPUs that share it.
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

/* The moment of SNAPSHOT or RESTORE, on both clocks that guests depend on */
struct snapshot_time {
	u64 tsc;	/* svm_tsc() */
	u64 ns;		/* the host's monotonic clock */
};

#define VM_MAX_VCPUS	64

struct doorbells;
struct vcpu;

/* One virtual machine */
struct svm_vm {
	struct kref ref;		/* held by its file and by each vCPU */
	u64 serial;			/* never reused: the "vm" line of fdinfo */
	u64 tsc_base;			/* host TSC at which the TSC of all vCPUs was zero */
	struct guest_memory mem;

	/*
	 * Serializes SNAPSHOT, RESTORE, DROP_SNAPSHOT and CREATE_VCPU: no vCPU is added
	 * while it is held. SNAPSHOT and RESTORE hold it while they access the VMM's
	 * memory, which may block for any length of time, so closing a file must not
	 * take it. Protects the members up to @restore_tsc.
	 */
	struct mutex snapshot_lock;
	struct vcpu *stopped[VM_MAX_VCPUS];	/* a reference and the mutex of each */
	unsigned int nr_stopped;
	struct snapshot_time snapshot_time;	/* when the snapshot was taken */
	u64 restore_tsc;		/* svm_tsc() of the snapshot or of the last RESTORE */

	/*
	 * Protects the members up to @completes_writes. Held only for sections that do not
	 * access the VMM's memory; the longest is the creation of a vCPU.
	 */
	struct mutex lock;
	DECLARE_BITMAP(vcpu_ids, VM_MAX_VCPUS);	/* IDs in use */
	struct cpuid_table *cpuid;	/* NULL for the default; constant after @had_vcpu */
	bool had_vcpu;			/* a vCPU has been created */
	struct list_head vcpus;		/* fully initialized vCPUs */
	/* Exit handlers read these three without the lock. */
	struct doorbells *doorbells;	/* or NULL */
	struct hlist_head coalesced;	/* struct coalesced_range */
	bool completes_writes;		/* there is, or was, an entry in one of these */

	spinlock_t apics_lock;		/* protects @apics; taken with interrupts off */
	struct list_head apics;		/* struct vcpu_apic */

	/* Protects the members below; taken with interrupts off */
	spinlock_t irqfds_lock;
	struct list_head irqfds;	/* struct irqfd */
	struct list_head resamplers;	/* struct resampler; read under RCU */
	unsigned int nr_irqfds;
};

/* vm/vm.c */
int vm_create(void);
void svm_vm_put(struct svm_vm *vm);

/* VM and vCPU files work only in the address space that created them. */
static inline bool svm_vm_is_ours(const struct svm_vm *vm)
{
	return vm->mem.mm == current->mm;
}

#endif /* SVMVCPU_VM_H */
