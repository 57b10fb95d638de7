/* SPDX-License-Identifier: GPL-2.0-only */
/* Decides when the run loop enables host interrupts between two entries. Pure functions. */
#ifndef SVMVCPU_IRQ_WINDOW_H
#define SVMVCPU_IRQ_WINDOW_H

#include <linux/types.h>

#include "svm/vmcb.h"

/*
 * A pending host interrupt normally causes an exit right after the entry. A guest that
 * exits during the delivery of each injected event can delay it, so enable interrupts
 * at least once in this many exits.
 */
#define EXITS_PER_WINDOW	64

/*
 * Should interrupts be enabled before this exit is handled? @code is EXITCODE, @exits
 * the number of this exit.
 *
 * Never before a machine check has been handled: an interrupt handler may use the
 * failed memory, and a second #MC, this time in the kernel, is fatal.
 */
static inline bool irq_window_due(u64 code, u64 exits)
{
	if (likely((code < VMEXIT_INTR || code > VMEXIT_INIT) && exits % EXITS_PER_WINDOW))
		return false;
	return code != VMEXIT_EXCEPTION + VEC_MC;
}

#endif /* SVMVCPU_IRQ_WINDOW_H */
