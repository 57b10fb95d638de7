/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decode assists: what the CPU itself says about the instruction it intercepted
 * (APM volume 2, 15.8). Pure.
 *
 * Fetched from the guest's memory after the exit, the instruction may be another
 * one already. The CPU's answer is the one that it intercepted.
 */
#ifndef SVMVCPU_ASSIST_H
#define SVMVCPU_ASSIST_H

#include "insn/insn.h"
#include "svm/vmcb.h"

unsigned int assist_bytes(const struct vmcb *vmcb, u64 features, const u8 **bytes);
bool assist_decode(const struct vmcb *vmcb, u64 features, struct ginsn *insn);

#endif /* SVMVCPU_ASSIST_H */
