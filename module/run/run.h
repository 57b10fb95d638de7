/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop.
 */
#ifndef SVMVCPU_RUN_H
#define SVMVCPU_RUN_H

struct vcpu;

long vcpu_run(struct vcpu *vcpu);

/* trace.c: fire a tracepoint that is enabled. Not inline, to keep the loop short. */
void trace_entry(const struct vcpu *vcpu);
void trace_exit(const struct vcpu *vcpu);
void trace_user(const struct vcpu *vcpu);

#endif /* SVMVCPU_RUN_H */
