/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions and other events on their way into the guest, and the history of faults
 * that a shutdown reports. The functions expect vcpu.mutex held.
 */
#ifndef SVMVCPU_EVENT_H
#define SVMVCPU_EVENT_H

#include <linux/bits.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "svm/vmcb.h"

struct vcpu;

/* Vectors that SVMVCPU_SET_EXITS accepts: every defined exception except NMI and #MC */
#define EXITABLE_EXCEPTIONS						\
	(BIT(VEC_DE) | BIT(VEC_DB) | BIT(VEC_BP) | BIT(VEC_OF) | BIT(VEC_BR) | \
	 BIT(VEC_UD) | BIT(7) | BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) |	\
	 BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(16) | BIT(VEC_AC) |	\
	 BIT(19))

/* Exceptions that can lead to a shutdown: the contributory ones, #PF and #DF */
#define FAULT_HISTORY_EXCEPTIONS					\
	(BIT(VEC_DE) | BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) |	\
	 BIT(VEC_GP) | BIT(VEC_PF))

/* Error code of an exception that pushes none; wider than u32, so no code equals it */
#define NO_ERROR	(-1LL)

/*
 * The events since one was last delivered: each arose while its predecessor was being
 * delivered. Empty if reported.nr is 0.
 */
struct fault_history {
	u64 last;	/* the newest event, in EVENTINJ layout */
	struct svmvcpu_exit_shutdown reported;	/* payload of SVMVCPU_EXIT_SHUTDOWN */
};

void fault_history_add(struct fault_history *history, u64 event,
		       const struct svmvcpu_fault *where);

static inline void fault_history_reset(struct fault_history *history)
{
	history->reported.nr = 0;
	history->reported.left_out = 0;
}

u64 event_exception(unsigned int vector, s64 error);
bool event_has_error(unsigned int vector);
bool event_is_software(u64 event);
void event_describe(u64 event, struct svmvcpu_fault *fault);

void event_deliver(struct vcpu *vcpu, u64 event, u64 address);
void event_raise(struct vcpu *vcpu, u64 event);
void event_raise_gp(struct vcpu *vcpu);
void event_raise_ud(struct vcpu *vcpu);
void event_raise_pf(struct vcpu *vcpu, u64 address, u32 error);
void event_raise_db(struct vcpu *vcpu, u64 dr6_bits);

u64 event_injected_as(u64 event, bool saves_next_rip);
void event_entering(struct vcpu *vcpu);
void event_collect(struct vcpu *vcpu);

#endif /* SVMVCPU_EVENT_H */
