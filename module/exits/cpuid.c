// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: the result comes from the vCPU's table, except for bits that depend on the state of
 * the guest and of its local APIC.
 */
#include <linux/kernel.h>

#include "exits/exit.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/guest.h"
#include "vcpu/vcpu.h"
#include "vcpu/xstate.h"

static const struct svmvcpu_cpuid_entry no_entry;

/*
 * Every subleaf has the x2APIC ID. Those after the last have type 0 (invalid) and their own
 * number, as on hardware.
 */
static void fill_topology(const struct vcpu *vcpu, u32 subleaf, bool found,
			  struct svmvcpu_cpuid_entry *out)
{
	if (!vcpu->apic) {
		*out = (struct svmvcpu_cpuid_entry) { };
		return;
	}
	if (!found)
		out->ecx = subleaf & 0xff;
	out->edx = vcpu->id;
}

/* Whether there is a local APIC, whether the guest has enabled it, and its ID */
static void fill_apic(const struct vcpu *vcpu, u32 leaf, u32 subleaf, bool found,
		      struct svmvcpu_cpuid_entry *out)
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

/* Leaves that put_dynamic() changes: bit n is leaf n, or leaf 80000000 + n */
static const u64 dynamic_leaves[2] = {
	BIT_ULL(1) | BIT_ULL(6) | BIT_ULL(0xb) | BIT_ULL(0xd) | BIT_ULL(0x1f),
	BIT_ULL(1) | BIT_ULL(0x1e) | BIT_ULL(0x26),
};

static bool is_dynamic(u32 leaf)
{
	return (leaf & ~BIT(31)) < 64 && (dynamic_leaves[leaf >> 31] & BIT_ULL(leaf % 64));
}

/* 32-bit writes clear the upper halves. */
static __always_inline void put_result(struct vcpu *vcpu, const struct svmvcpu_cpuid_entry *entry)
{
	vcpu->gprs[INSN_RAX] = entry->eax;
	vcpu->gprs[INSN_RBX] = entry->ebx;
	vcpu->gprs[INSN_RCX] = entry->ecx;
	vcpu->gprs[INSN_RDX] = entry->edx;
}

/* A leaf that depends on the vCPU and its state. @entry: &no_entry if the table has none */
static noinline void put_dynamic(struct vcpu *vcpu, u32 leaf, u32 subleaf,
				 const struct svmvcpu_cpuid_entry *entry)
{
	struct svmvcpu_cpuid_entry out = *entry;

	/* The VMM that gave the vCPU its own table may emulate an APIC itself. */
	if (vcpu->apic || !vcpu->own_cpuid)
		fill_apic(vcpu, leaf, subleaf, entry != &no_entry, &out);
	if (leaf == 1) {
		out.ecx &= ~(u32)CPUID_OSXSAVE;
		if ((out.ecx & CPUID_XSAVE) && (vcpu->vmcb->save.cr4 & X86_CR4_OSXSAVE))
			out.ecx |= CPUID_OSXSAVE;
	} else if (leaf == 0xd && subleaf <= 1 && out.eax) {
		out.ebx = xstate_bytes_for(xcr0_now(vcpu));
	}
	put_result(vcpu, &out);
}

/* VMEXIT_CPUID */
enum exit_result exit_cpuid(struct vcpu *vcpu, bool atomic)
{
	const struct svmvcpu_cpuid_entry *entry;
	u32 leaf, subleaf;
	enum exit_result ret;

	ret = guest_step(vcpu, BIT_ULL(INSN_CPUID), atomic);
	if (ret)
		return ret;
	leaf = vcpu->gprs[INSN_RAX];
	subleaf = vcpu->gprs[INSN_RCX];
	entry = cpuid_table_find(vcpu->cpuid, leaf, subleaf);
	if (!entry)
		entry = &no_entry;
	if (is_dynamic(leaf))
		put_dynamic(vcpu, leaf, subleaf, entry);
	else
		put_result(vcpu, entry);
	return EXIT_RESUME;
}
