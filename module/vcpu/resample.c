// SPDX-License-Identifier: GPL-2.0-only
/* The EOI of a level-triggered interrupt whose source is an eventfd */
#include <linux/rculist.h>

#include "compat.h"
#include "vcpu/resample.h"
#include "vcpu/vm.h"

/**
 * resample_eoi() - a local APIC has received the EOI of a level-triggered interrupt
 * @vm: its VM
 * @vector: vector of the interrupt
 *
 * Signals all resamplers of the vector, because devices can share it.
 *
 * Context: any but NMI; not from the wake-up callback of an eventfd.
 * Return: whether there is one; otherwise the VMM gets the EOI.
 */
bool resample_eoi(const struct svm_vm *vm, unsigned int vector)
{
	const struct resampler *resampler;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(resampler, &vm->resamplers, node) {
		if (READ_ONCE(resampler->vector) != vector)
			continue;
		compat_eventfd_signal(resampler->eventfd);
		found = true;
	}
	rcu_read_unlock();
	return found;
}
