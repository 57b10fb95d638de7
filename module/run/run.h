/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop.
 */
#ifndef SVMVCPU_RUN_H
#define SVMVCPU_RUN_H

#include <linux/types.h>

struct vcpu;

long vcpu_run(struct vcpu *vcpu, bool stop);
long vcpu_run_args(struct vcpu *vcpu, const void __user *arg);

/* trace.c: fire a tracepoint that is enabled. Not inline, to keep the loop short. */
void trace_entry(const struct vcpu *vcpu);
void trace_exit(const struct vcpu *vcpu);
void trace_user(const struct vcpu *vcpu);

#endif /* SVMVCPU_RUN_H */
