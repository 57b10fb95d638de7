// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: the answer is the vCPU's table, except for what depends on the state of the
 * guest and of its local APIC.
 */
#include <linux/kernel.h>

#include "exits/exit.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vcpu/xstate.h"

/* Four registers of the answer, in the order of an entry */
struct cpuid_answer {
	u32 eax, ebx, ecx, edx;
};

/*
 * The x2APIC ID, for every subleaf: those behind the last have type 0 (invalid)
 * and their own number, as on hardware.
 */
static void fill_topology(const struct vcpu *vcpu, u32 subleaf, bool found,
			  struct cpuid_answer *out)
{
	if (!vcpu->apic) {
		*out = (struct cpuid_answer) { };
		return;
	}
	if (!found)
		out->ecx = subleaf & 0xff;
	out->edx = vcpu->id;
}

/* The local APIC: there or not, enabled by the guest or not; its ID */
static void fill_apic(const struct vcpu *vcpu, u32 leaf, u32 subleaf, bool found,
		      struct cpuid_answer *out)
{
	bool enabled = vcpu->apic && lapic_is_enabled(&vcpu->apic->lapic);

	switch (leaf) {
	case 1:
		out->ebx = (out->ebx & 0x00ffffff) | vcpu->id << 24;
		out->ecx &= vcpu->apic ? ~0U : ~(u32)(CPUID_X2APIC | CPUID_TSC_DEADLINE);
		out->edx &= enabled ? ~0U : ~(u32)CPUID_APIC;
		break;
	case 6:
		out->eax &= vcpu->apic ? ~0U : ~(u32)CPUID_ARAT;
		break;
	case 0x80000001:
		out->edx &= enabled ? ~0U : ~(u32)CPUID_APIC;
		break;
	case 0xb:
	case 0x1f:
	case 0x80000026:
		fill_topology(vcpu, subleaf, found, out);
		break;
	case 0x8000001e:
		out->eax = enabled ? vcpu->id : 0;
		break;
	}
}

/* 32-bit writes: the upper halves are cleared. */
static __always_inline void put_answer(struct vcpu *vcpu, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	vcpu->gprs[INSN_RAX] = eax;
	vcpu->gprs[INSN_RBX] = ebx;
	vcpu->gprs[INSN_RCX] = ecx;
	vcpu->gprs[INSN_RDX] = edx;
}

/* A leaf that depends on the vCPU and its state */
static noinline void answer_dynamic(struct vcpu *vcpu, u16 slot, u32 leaf, u32 subleaf)
{
	const struct cpuid_table *table = vcpu->cpuid;
	const struct svmvcpu_cpuid_entry *entry = cpuid_table_entry(table, slot, leaf, subleaf);
	struct cpuid_answer out = { entry->eax, entry->ebx, entry->ecx, entry->edx };

	/* The VMM that gave the vCPU its own table may emulate an APIC itself. */
	if (vcpu->apic || !vcpu->own_cpuid)
		fill_apic(vcpu, leaf, subleaf, entry != &table->entry[table->nr], &out);
	if (leaf == 1) {
		out.ecx &= ~(u32)CPUID_OSXSAVE;
		if ((out.ecx & CPUID_XSAVE) && (vcpu->vmcb->save.cr4 & X86_CR4_OSXSAVE))
			out.ecx |= CPUID_OSXSAVE;
	} else if (leaf == 0xd && subleaf <= 1 && out.eax) {
		out.ebx = xstate_bytes_for(xcr0_now(vcpu));
	}
	put_answer(vcpu, out.eax, out.ebx, out.ecx, out.edx);
}

/* VMEXIT_CPUID */
enum exit_result exit_cpuid(struct vcpu *vcpu, bool atomic)
{
	const struct svmvcpu_cpuid_entry *entry;
	u32 leaf, subleaf;
	u16 slot;
	enum exit_result ret;

	ret = guest_step(vcpu, BIT_ULL(INSN_CPUID), atomic);
	if (ret)
		return ret;
	leaf = vcpu->gprs[INSN_RAX];
	subleaf = vcpu->gprs[INSN_RCX];
	slot = cpuid_table_slot(vcpu->cpuid, leaf);
	if (slot & CPUID_SLOT_DYNAMIC) {
		answer_dynamic(vcpu, slot, leaf, subleaf);
		return EXIT_RESUME;
	}
	entry = cpuid_table_entry(vcpu->cpuid, slot, leaf, subleaf);
	put_answer(vcpu, entry->eax, entry->ebx, entry->ecx, entry->edx);
	return EXIT_RESUME;
}
