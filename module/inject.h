/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts and NMIs on their way into the guest, and what the VMM injects.
 */
#ifndef SVMVCPU_INJECT_H
#define SVMVCPU_INJECT_H

#include <linux/svmvcpu.h>
#include <linux/types.h>

struct vcpu;

bool inject_room(const struct vcpu *vcpu, u32 inject);
void inject_request(struct vcpu *vcpu, u32 inject, u32 error, u64 address);
void inject_prepare(struct vcpu *vcpu);
void inject_collect(struct vcpu *vcpu);
bool inject_wakes(const struct vcpu *vcpu);
bool inject_window_in_halt(struct vcpu *vcpu);
u8 inject_describe(const struct vcpu *vcpu);

void inject_get_events(const struct vcpu *vcpu, struct svmvcpu_events *events);
void inject_put_events(struct vcpu *vcpu, const struct svmvcpu_events *events);
void inject_reset(struct vcpu *vcpu);

int exit_vintr(struct vcpu *vcpu, bool atomic);
int exit_iret(struct vcpu *vcpu, bool atomic);

#endif /* SVMVCPU_INJECT_H */
