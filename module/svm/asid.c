// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address space identifiers: see asid.h for the idea and the calling order.
 */
#include <linux/minmax.h>

#include "svm/asid.h"
#include "svm/vmcb.h"

/**
 * asid_cpu_reset() - this CPU has had SVM turned on
 * @acpu: zeroed before the first time, kept from then on
 * @sev_asids: ASIDs from 1 to this are for SEV guests; 0 without SEV
 * @nasid: ASIDs the CPU has, 0 included; at least 2
 *
 * Whatever the TLB holds is from another time: the next assignment starts a
 * generation with a flush.
 *
 * Caches, too, are tagged with the ASID of a SEV guest, and its owner flushes them
 * by rules of its own (WBINVD, DF_FLUSH); so these ASIDs are left alone, as KVM does,
 * unless there are no others.
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
 * asid_assign() - give a vCPU about to run a valid ASID
 * @acpu: ASIDs of this CPU
 * @cpu: its number
 * @tag: the vCPU's; @tag->asid goes to the VMCB
 * @want_flush: translations the guest used so far must not be used again
 * @have_flush_by_asid: the CPU can flush a single ASID
 *
 * A vCPU that comes from another CPU takes a new ASID even if it was here
 * before: it may have missed flushes. Without flush-by-ASID so does one that
 * wants a flush; the old translations then die unreachable.
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
