/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address space identifiers. Each host CPU assigns its ASIDs in ascending order.
 * When none is left, a new generation begins with a flush of the whole TLB. So a
 * newly assigned ASID has no translations in the TLB.
 *
 * All functions run on the CPU that @acpu belongs to, with preemption disabled;
 * there is no other lock. An entry does
 *
 *	tlb_control = asid_assign(...);		vmcb asid = tag->asid
 *	VMRUN
 *	if VMRUN entered the guest: asid_flushed(), clear want_flush and tlb_control
 *
 * and uses this CPU's asid_cpu for nothing else in between. If it gives up before
 * VMRUN, it must not call asid_flushed().
 */
#ifndef SVMVCPU_ASID_H
#define SVMVCPU_ASID_H

#include <linux/types.h>

/* ASIDs of one host CPU */
struct asid_cpu {
	u64 generation;		/* incremented when all ASIDs become invalid; never 0 */
	u32 next;		/* next free ASID; above @max if there is none */
	u32 first;		/* smallest and largest usable ASID */
	u32 max;
	bool flush_all;		/* no VMRUN has done this generation's flush yet */
};

/* The ASID of a vCPU; zeroed at first */
struct asid_tag {
	u64 generation;		/* asid_cpu.generation when @asid was assigned */
	u32 asid;
	int cpu;		/* @asid is valid on this CPU */
};

void asid_cpu_reset(struct asid_cpu *acpu, u32 sev_asids, u32 nasid);
u8 asid_assign(struct asid_cpu *acpu, int cpu, struct asid_tag *tag,
	       bool want_flush, bool have_flush_by_asid);

/* The vCPU has moved to another CPU than @tag->cpu. */
static inline void asid_moved(struct asid_tag *tag)
{
	tag->generation = 0;
}

/*
 * Is the ASID still valid? If so, asid_assign() without @want_flush has no effect.
 * asid_moved() must have been called if the vCPU has moved.
 */
static inline bool asid_current(const struct asid_cpu *acpu, const struct asid_tag *tag)
{
	return tag->generation == acpu->generation && !acpu->flush_all;
}

/*
 * VMRUN with the TLB_CONTROL of asid_assign() has entered the guest. Do not call this
 * after VMEXIT_INVALID, which need not have flushed.
 */
static inline void asid_flushed(struct asid_cpu *acpu)
{
	acpu->flush_all = false;
}

#endif /* SVMVCPU_ASID_H */
