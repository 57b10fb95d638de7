// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chain of events behind a shutdown: see chain.h.
 */
#include <linux/string.h>

#include "svm/vmcb.h"
#include "vcpu/chain.h"
#include "vcpu/event.h"

/**
 * chain_describe() - an event as the VMM sees it
 * @event: EVENTINJ layout
 * @fault: out: all but where the guest was; @fault->address is kept only where
 *	the event has one
 */
void chain_describe(u64 event, struct svmvcpu_fault *fault)
{
	fault->vector = event & EVENT_VECTOR_MASK;
	fault->mbz = 0;
	fault->flags = 0;
	fault->error_code = 0;
	if (event & EVENT_EV) {
		fault->flags |= SVMVCPU_EXC_ERROR_CODE;
		fault->error_code = event >> EVENT_ERROR_SHIFT;
	}
	if ((event & EVENT_TYPE_MASK) != EVENT_TYPE_EXCEPTION)
		fault->flags |= SVMVCPU_EXC_INTERRUPT;
	else if (fault->vector == VEC_PF || fault->vector == VEC_DB)
		fault->flags |= SVMVCPU_EXC_ADDRESS;
	if (!(fault->flags & SVMVCPU_EXC_ADDRESS))
		fault->address = 0;
}

/**
 * chain_add() - an event came up
 * @chain: .
 * @event: EVENTINJ layout
 * @where: address, RIP and RSP
 *
 * The first entry stays, it is the cause; of a chain that is too long the next
 * oldest go.
 */
void chain_add(struct fault_chain *chain, u64 event, const struct svmvcpu_fault *where)
{
	struct svmvcpu_exit_shutdown *told = &chain->told;

	if (!told->nr)
		told->left_out = 0;
	if (told->nr == SVMVCPU_FAULTS_MAX) {
		memmove(&told->faults[1], &told->faults[2],
			(SVMVCPU_FAULTS_MAX - 2) * sizeof(*told->faults));
		told->nr--;
		told->left_out++;
	}
	told->faults[told->nr] = *where;
	chain_describe(event, &told->faults[told->nr++]);
	chain->last = event;
}
