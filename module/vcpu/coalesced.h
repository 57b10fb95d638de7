/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coalesced writes: writes of the guest to a range of ports or device memory that the
 * kernel adds to a list behind the run page, without leaving the guest. Each vCPU has a
 * list, which the next exit reports.
 *
 * Exit handlers look up ranges under RCU, because they run with interrupts off. Changes are
 * made under svm_vm.lock. A write that races with a change finds the range or does not.
 */
#ifndef SVMVCPU_COALESCED_H
#define SVMVCPU_COALESCED_H

#include <linux/list.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "vcpu/doorbell.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define COALESCED_FLAGS		(SVMVCPU_COALESCED_REMOVE | SVMVCPU_COALESCED_PIO)
#define COALESCED_RANGES_MAX	64

/* The list starts here in the run page, behind struct svmvcpu_run. */
#define COALESCED_OFFSET	1024
#define COALESCED_MAX		128

int coalesced_set(struct svm_vm *vm, const struct svmvcpu_coalesced *arg);
void coalesced_remove_all(struct svm_vm *vm);

bool coalesced_find(const struct svm_vm *vm, u64 first, u64 last);
bool coalesced_add(struct vcpu *vcpu, u64 key, unsigned int width, u64 data);

/* Would the kernel complete a write at @key, of some value and width? */
static inline bool vm_completes_writes_at(const struct svm_vm *vm, u64 key)
{
	return READ_ONCE(vm->completes_writes) &&
	       (doorbell_at(vm, key) || coalesced_find(vm, key, key));
}

/*
 * The guest writes @data. Returns whether the kernel has completed the write: a doorbell has
 * taken it, or it is in the list. @key is that of a doorbell. Test completes_writes first.
 */
static inline bool vcpu_complete_write(struct vcpu *vcpu, u64 key, unsigned int width, u64 data)
{
	return doorbell_write(vcpu->vm, key, width, data) ||
	       coalesced_add(vcpu, key, width, data);
}

#endif /* SVMVCPU_COALESCED_H */
