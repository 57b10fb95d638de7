/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the run loop lets the host's interrupts in between two entries. Pure.
 */
#ifndef SVMVCPU_IRQ_WINDOW_H
#define SVMVCPU_IRQ_WINDOW_H

#include <linux/types.h>

#include "svm/vector.h"
#include "svm/vmcb.h"

/*
 * A pending interrupt ends the guest's turn right after the entry, unless
 * delivering an injected event makes the guest exit first, again and again.
 */
#define EXITS_PER_WINDOW	64

/**
 * irq_window_due() - are interrupts to be let in before this exit is handled?
 * @code: EXITCODE
 * @exits: number of this exit
 *
 * Never before a machine check: an interrupt handler would use memory that may be
 * what failed, and a second #MC, now of the kernel's, cannot be survived.
 */
static inline bool irq_window_due(u64 code, u64 exits)
{
	if (likely((code < VMEXIT_INTR || code > VMEXIT_INIT) && exits % EXITS_PER_WINDOW))
		return false;
	return code != VMEXIT_EXCEPTION + VEC_MC;
}

#endif /* SVMVCPU_IRQ_WINDOW_H */
