/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a debugger in the VMM asks of a vCPU.
 */
#ifndef SVMVCPU_DEBUG_H
#define SVMVCPU_DEBUG_H

#include <linux/compiler.h>

struct vcpu;

int debug_set(struct vcpu *vcpu, const void __user *arg);
int debug_translate(struct vcpu *vcpu, void __user *arg);

#endif /* SVMVCPU_DEBUG_H */
