/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address space identifiers. Each host CPU hands out its ASIDs in ascending
 * order; when they are used up a new generation begins with a flush of the
 * whole TLB. So an ASID taken in this generation has no translations, whoever
 * had it before.
 *
 * cpu.c owns a struct asid_cpu per host CPU, run.c a struct asid_tag per
 * vCPU. All calls run on the CPU in question with preemption off; there is no
 * other lock. The sequence of an entry is
 *
 *	tlb_control = asid_assign(...);		vmcb asid = tag->asid
 *	VMRUN
 *	if it was not refused: asid_flushed(), forget want_flush and tlb_control
 *
 * Between the two nothing else may run on this CPU's asid_cpu; a caller that
 * gives up in between just does not call asid_flushed().
 */
#ifndef SVMVCPU_ASID_H
#define SVMVCPU_ASID_H

#include <linux/types.h>

/**
 * struct asid_cpu - ASIDs of one host CPU
 * @generation: grows whenever old ASIDs become invalid; never 0, never repeats
 * @next: next free ASID; above @max when there is none
 * @first: smallest ASID to give out
 * @max: largest valid ASID
 * @flush_all: this generation's flush has not been seen through a VMRUN yet
 */
struct asid_cpu {
	u64 generation;
	u32 next;
	u32 first;
	u32 max;
	bool flush_all;
};

/**
 * struct asid_tag - what a vCPU runs under; all zeroes: nothing yet
 * @generation: of the CPU, when @asid was taken
 * @asid: never 0 after asid_assign()
 * @cpu: where @asid is valid
 */
struct asid_tag {
	u64 generation;
	u32 asid;
	int cpu;
};

void asid_cpu_reset(struct asid_cpu *acpu, u32 sev_asids, u32 nasid);
u8 asid_assign(struct asid_cpu *acpu, int cpu, struct asid_tag *tag,
	       bool want_flush, bool have_flush_by_asid);

/**
 * asid_moved() - a vCPU comes from another CPU than @tag is for
 * @tag: the vCPU's
 */
static inline void asid_moved(struct asid_tag *tag)
{
	tag->generation = 0;
}

/**
 * asid_current() - is a vCPU's ASID still its own?
 * @acpu: ASIDs of this CPU
 * @tag: the vCPU's; asid_moved() was called if it is for another CPU
 *
 * If so, and without a wish to flush, asid_assign() would change nothing.
 */
static inline bool asid_current(const struct asid_cpu *acpu, const struct asid_tag *tag)
{
	return tag->generation == acpu->generation && !acpu->flush_all;
}

/**
 * asid_flushed() - a VMRUN with asid_assign()'s TLB_CONTROL took place
 * @acpu: this CPU's ASIDs
 *
 * Not for one that ended in VMEXIT_INVALID: whether it flushed is not known.
 */
static inline void asid_flushed(struct asid_cpu *acpu)
{
	acpu->flush_all = false;
}

#endif /* SVMVCPU_ASID_H */
