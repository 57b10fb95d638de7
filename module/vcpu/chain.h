/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain of events behind a shutdown: each came up while the one before it
 * was being delivered. Pure: event.c says what belongs to it.
 */
#ifndef SVMVCPU_CHAIN_H
#define SVMVCPU_CHAIN_H

#include <linux/svmvcpu.h>
#include <linux/types.h>

/**
 * struct fault_chain - what is under way into the guest, and what came of it
 * @last: the newest, EVENTINJ layout; valid if there is one
 * @told: as the VMM gets to see it
 */
struct fault_chain {
	u64 last;
	struct svmvcpu_exit_shutdown told;
};

void chain_add(struct fault_chain *chain, u64 event, const struct svmvcpu_fault *where);
void chain_describe(u64 event, struct svmvcpu_fault *fault);

static inline void chain_reset(struct fault_chain *chain)
{
	chain->told.nr = 0;
	chain->told.left_out = 0;
}

#endif /* SVMVCPU_CHAIN_H */
