// SPDX-License-Identifier: GPL-2.0-only
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

#include "svm/cpu.h"

/*
 * Invalidates all ASIDs of this CPU: the next assignment starts a generation with a
 * flush. @acpu is zeroed before the first call. @nasid is the number of ASIDs of the
 * CPU including 0, at least 2.
 *
 * ASIDs from 1 to @sev_asids are reserved for SEV guests. Caches are tagged with these,
 * and their owner must flush the caches (WBINVD, DF_FLUSH). So they are used only if
 * there are no others.
 */
void asid_cpu_reset(struct asid_cpu *acpu, u32 sev_asids, u32 nasid)
{
	acpu->generation++;
	acpu->max = max(nasid, 2U) - 1;
	acpu->first = sev_asids < acpu->max ? sev_asids + 1 : 1;
	acpu->next = acpu->max + 1;
}

static void asid_take(struct asid_cpu *acpu, int cpu, struct asid_tag *tag)
{
	if (acpu->next > acpu->max) {
		acpu->generation++;
		acpu->next = acpu->first;
		acpu->flush_all = true;
	}
	tag->generation = acpu->generation;
	tag->asid = acpu->next++;
	tag->cpu = cpu;
}

/**
 * asid_assign() - make sure that a vCPU has a valid ASID before VMRUN
 * @acpu: ASIDs of this CPU
 * @cpu: number of this CPU
 * @tag: ASID of the vCPU; the caller copies @tag->asid to the VMCB
 * @want_flush: flush the translations of the vCPU
 * @have_flush_by_asid: the CPU can flush a single ASID
 *
 * A vCPU that comes from another CPU gets a new ASID, even if it ran here before,
 * since it may have missed flushes. Without flush-by-ASID, a new ASID replaces a
 * flush: the old translations become unreachable.
 *
 * Return: TLB_CONTROL for this VMRUN
 */
u8 asid_assign(struct asid_cpu *acpu, int cpu, struct asid_tag *tag,
	       bool want_flush, bool have_flush_by_asid)
{
	bool stale = tag->cpu != cpu || tag->generation != acpu->generation;
	bool take = stale || (want_flush && !have_flush_by_asid);

	if (take)
		asid_take(acpu, cpu, tag);
	if (acpu->flush_all)
		return TLB_CONTROL_FLUSH_ALL;
	return want_flush && !take ? TLB_CONTROL_FLUSH_ASID : TLB_CONTROL_NOTHING;
}
