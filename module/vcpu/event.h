/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events on their way into the guest.
 */
#ifndef SVMVCPU_EVENT_H
#define SVMVCPU_EVENT_H

#include <linux/bits.h>
#include <linux/types.h>

#include "svm/vector.h"

struct vcpu;

/* what SVMVCPU_SET_EXITS can ask for: defined vectors but NMI and #MC */
#define EXITABLE_EXCEPTIONS						\
	(BIT(VEC_DE) | BIT(VEC_DB) | BIT(VEC_BP) | BIT(VEC_OF) | BIT(VEC_BR) | \
	 BIT(VEC_UD) | BIT(7) | BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) |	\
	 BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(16) | BIT(VEC_AC) |	\
	 BIT(19))

/* what ends in a shutdown, unless it can be delivered */
#define CHAINED_EXCEPTIONS						\
	(BIT(VEC_DE) | BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) |	\
	 BIT(VEC_GP) | BIT(VEC_PF))

/* error code of an exception that has none; 64 bits, to survive beside a u32 */
#define NO_ERROR	(-1LL)

u64 event_exception(unsigned int vector, s64 error);
bool event_has_error(unsigned int vector);
bool event_is_software(u64 event);
u64 event_merge(u64 old, u64 new);

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
