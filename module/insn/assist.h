/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decode assists: the CPU's description of the instruction that it intercepted (APM volume
 * 2, 15.8). Unlike bytes that are fetched after the exit, it cannot be of an instruction
 * that another CPU has written since. Pure.
 */
#ifndef SVMVCPU_ASSIST_H
#define SVMVCPU_ASSIST_H

#include "insn/insn.h"
#include "svm/vmcb.h"

unsigned int assist_bytes(const struct vmcb *vmcb, u64 features, const u8 **bytes);
bool assist_decode(const struct vmcb *vmcb, u64 features, struct ginsn *insn);

#endif /* SVMVCPU_ASSIST_H */
