// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID tells a guest.
 *
 * The default is a table made once at load from the host's own leaves and the
 * rules below: every leaf a guest can see is named with the bits it may have,
 * everything else reads zero. A feature shows only if the guest can use it:
 * what needs an MSR, an instruction or a CR4 bit that we refuse is hidden. A VM
 * can have a table of its own.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "apic.h"
#include "cpu.h"
#include "cpuid.h"
#include "exit.h"
#include "guest.h"
#include "vcpu.h"
#include "vm.h"
#include "xstate.h"

#define LEAF_HYPERVISOR		0x40000000
#define LEAF_HYPERVISOR_MAX	0x40000001
#define LEAF_EXTENDED		0x80000000
#define LEAF_ADDRESSES		0x80000008

/* Highest leaves shown, if the host has them */
#define LEAF_BASIC_MAX		0x16
#define LEAF_EXTENDED_MAX	0x80000008

/* When the host does not say: a frequency guests take for the TSC's */
#define FREQUENCY_MHZ		3000

#define ALL			(~0U)

/* leaf 1 ECX */
#define FMA			BIT(12)
#define X2APIC			BIT(21)
#define TSC_DEADLINE		BIT(24)
#define XSAVE			BIT(26)
#define OSXSAVE			BIT(27)
#define AVX			BIT(28)
#define F16C			BIT(29)

/* leaf 1 and 80000001 EDX */
#define APIC			BIT(9)

/* leaf 7 EBX and ECX */
#define FSGSBASE		BIT(0)
#define AVX2			BIT(5)
#define SMEP			BIT(7)
#define SMAP			BIT(20)
#define UMIP			BIT(2)
#define VAES			BIT(9)
#define VPCLMULQDQ		BIT(10)

#define RDPID			BIT(22)

/* 80000001 EDX */
#define NX			BIT(20)
#define RDTSCP			BIT(27)

/* leaf 6 EAX: the local APIC's timer runs in every power state */
#define ARAT			BIT(2)

/* Masks and values of one leaf's registers */
struct cpuid_regs_out {
	u32 eax, ebx, ecx, edx;
};

/* One leaf: out = (host & mask) | set, per register. */
struct cpuid_rule {
	u32 leaf;
	u32 subleaf;
	struct cpuid_regs_out mask;
	struct cpuid_regs_out set;
};

/*
 * Leaf 1: no VMX; no MONITOR, PCID; HYPERVISOR set. No MCE, MCA, MTRR (no such
 * MSRs), HTT (one thread, topology not shared with the host). The local APIC
 * does not depend on the host's.
 */
#define LEAF1_ECX	(BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(19) |	\
			 BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(26) | BIT(28) |	\
			 BIT(29) | BIT(30))
#define LEAF1_EDX	(BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) |	\
			 BIT(8) | BIT(11) | BIT(13) | BIT(15) | BIT(16) | BIT(17) |	\
			 BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26))

/* Leaf 7: FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA */
#define LEAF7_EBX	(BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(18) |	\
			 BIT(19) | BIT(20) | BIT(23) | BIT(24) | BIT(29))
/* UMIP, GFNI, VAES, VPCLMULQDQ, RDPID; neither WAITPKG nor LA57 */
#define LEAF7_ECX	(BIT(2) | BIT(8) | BIT(9) | BIT(10) | BIT(22))
#define LEAF7_EDX	BIT(4)		/* fast short REP MOV */

/* 80000001: no SVM, OSVW, IBS, XOP, SKINIT, WDT, LWP, FMA4, TCE, perfctr, MONITORX */
#define LEAFE1_ECX	(BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* as leaf 1, plus SYSCALL, NX, MMXEXT, 1G pages, RDTSCP, LM, 3DNow!; no FFXSR */
#define LEAFE1_EDX	((LEAF1_EDX & 0x0183f3ff & ~BIT(11)) | BIT(11) | BIT(20) |	\
			 BIT(22) | BIT(26) | BIT(27) | BIT(29) | BIT(30) | BIT(31))

static const struct cpuid_rule cpuid_rules[] = {
	{ 0x00000000, 0, { ALL, ALL, ALL, ALL } },
	{ 0x00000001, 0, { ALL, 0x0000ff00, LEAF1_ECX, LEAF1_EDX },
			 { .ecx = BIT(31) | X2APIC, .edx = APIC } },
	{ 0x00000006, 0, { }, { .eax = ARAT } },
	{ 0x00000007, 0, { 0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX } },
	/* filled in by cpuid_fix() from what XCR0 a guest may have */
	{ 0x0000000d, 0, { } },
	{ 0x0000000d, 1, { .eax = BIT(0) | BIT(1) | BIT(2) } },
	{ 0x0000000d, 2, { ALL, ALL, 0, 0 } },
	{ 0x00000016, 0, { ALL, ALL, ALL, 0 } },
	{ LEAF_HYPERVISOR, 0, { }, { LEAF_HYPERVISOR_MAX,
				     /* "RVMRVMRVMRVM" */
				     0x524d5652, 0x56524d56, 0x4d56524d } },
	{ LEAF_HYPERVISOR_MAX, 0, { } },
	{ 0x80000000, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000001, 0, { ALL, ALL, LEAFE1_ECX, LEAFE1_EDX }, { .edx = APIC } },
	{ 0x80000002, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000003, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000005, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000007, 0, { .edx = BIT(8) } },		/* invariant TSC */
	{ 0x80000008, 0, { .eax = 0x0000ffff, .ebx = BIT(0) } },
};

static struct cpuid_table *cpuid_default;

static void entry_clear(struct svmvcpu_cpuid_entry *entry)
{
	entry->eax = 0;
	entry->ebx = 0;
	entry->ecx = 0;
	entry->edx = 0;
}

static void cpuid_apply(const struct cpuid_rule *rule, struct svmvcpu_cpuid_entry *entry)
{
	if ((rule->leaf & 0xf0000000) != LEAF_HYPERVISOR)
		cpuid_count(rule->leaf, rule->subleaf, &entry->eax, &entry->ebx, &entry->ecx,
			    &entry->edx);
	entry->eax = (entry->eax & rule->mask.eax) | rule->set.eax;
	entry->ebx = (entry->ebx & rule->mask.ebx) | rule->set.ebx;
	entry->ecx = (entry->ecx & rule->mask.ecx) | rule->set.ecx;
	entry->edx = (entry->edx & rule->mask.edx) | rule->set.edx;
}

/* Leaf 0xd: only the components a guest may have. */
static void fix_xstate(struct svmvcpu_cpuid_entry *entry)
{
	u64 xcr0 = xstate_caps.guest_xcr0;

	if (!xcr0 || (entry->subleaf > 1 && !(xcr0 & BIT(entry->subleaf))))
		entry_clear(entry);
	if (xcr0 && entry->subleaf == 0) {
		entry->eax = xcr0;
		entry->ecx = xstate_caps.bytes;
	}
}

/* Features that have a bit of CR4 */
static const struct {
	u64 cr4;
	u32 leaf;
	u32 ebx, ecx;
} cpuid_cr4[] = {
	{ X86_CR4_FSGSBASE,	7, .ebx = FSGSBASE },
	{ X86_CR4_SMEP,		7, .ebx = SMEP },
	{ X86_CR4_SMAP,		7, .ebx = SMAP },
	{ X86_CR4_UMIP,		7, .ecx = UMIP },
	{ X86_CR4_OSXSAVE,	1, .ecx = XSAVE },
};

/* The CPU has it, but the host was booted without: guests are refused it. */
static void cpuid_hide(struct svmvcpu_cpuid_entry *entry)
{
	bool avx = xstate_caps.guest_xcr0 & XFEATURE_MASK_YMM;
	int i;

	for (i = 0; i < ARRAY_SIZE(cpuid_cr4); i++) {
		if (entry->leaf != cpuid_cr4[i].leaf || (svm_limits.cr4_guest & cpuid_cr4[i].cr4))
			continue;
		entry->ebx &= ~cpuid_cr4[i].ebx;
		entry->ecx &= ~cpuid_cr4[i].ecx;
	}
	if (entry->leaf == 1 && !avx)
		entry->ecx &= ~(u32)(AVX | FMA | F16C);
	if (entry->leaf == 7 && !avx) {
		entry->ebx &= ~(u32)AVX2;
		entry->ecx &= ~(u32)(VAES | VPCLMULQDQ);
	}
	if (entry->leaf == 0x80000001 && !(svm_limits.efer_guest & EFER_NX))
		entry->edx &= ~(u32)NX;
	if (!svm_limits.tsc_aux && entry->leaf == 7)
		entry->ecx &= ~(u32)RDPID;
	if (!svm_limits.tsc_aux && entry->leaf == 0x80000001)
		entry->edx &= ~(u32)RDTSCP;
}

/* What a mask cannot say. */
static void cpuid_fix(struct svmvcpu_cpuid_entry *entry, u32 host_max_basic)
{
	if (entry->leaf < LEAF_HYPERVISOR && entry->leaf > host_max_basic)
		entry_clear(entry);
	cpuid_hide(entry);
	switch (entry->leaf) {
	case 0:
		entry->eax = LEAF_BASIC_MAX;
		break;
	case 1:
		/* without a frequency there is no converting to time */
		if (tsc_khz)
			entry->ecx |= TSC_DEADLINE;
		break;
	case 0xd:
		fix_xstate(entry);
		break;
	case 0x16:
		if (!entry->eax)
			entry->eax = FREQUENCY_MHZ;
		break;
	case LEAF_EXTENDED:
		entry->eax = min_t(u32, entry->eax, LEAF_EXTENDED_MAX);
		break;
	case LEAF_ADDRESSES:
		entry->eax = (entry->eax & 0xff00) | svm_limits.gpa_bits;
		break;
	}
}

static bool has_subleaves(u32 leaf)
{
	return leaf == 7 || leaf == 0xd;
}

/**
 * cpuid_init() - make the default table from this host's CPUID
 *
 * Return: 0 or -ENOMEM.
 */
int __init cpuid_init(void)
{
	u32 max_basic = cpuid_eax(0), max_extended = cpuid_eax(LEAF_EXTENDED);
	int i;

	cpuid_default = kzalloc(struct_size(cpuid_default, entry, ARRAY_SIZE(cpuid_rules)),
				GFP_KERNEL);
	if (!cpuid_default)
		return -ENOMEM;
	cpuid_default->nr = ARRAY_SIZE(cpuid_rules);
	for (i = 0; i < ARRAY_SIZE(cpuid_rules); i++) {
		const struct cpuid_rule *rule = &cpuid_rules[i];
		struct svmvcpu_cpuid_entry *entry = &cpuid_default->entry[i];

		entry->leaf = rule->leaf;
		entry->subleaf = rule->subleaf;
		entry->flags = has_subleaves(rule->leaf) ? SVMVCPU_CPUID_SUBLEAF : 0;
		/* Beyond its last leaf a CPU may answer anything. */
		if (rule->leaf < LEAF_EXTENDED || rule->leaf <= max_extended)
			cpuid_apply(rule, entry);
		cpuid_fix(entry, max_basic);
	}
	return 0;
}

void cpuid_exit(void)
{
	kfree(cpuid_default);
}

static const struct svmvcpu_cpuid_entry *cpuid_find(const struct cpuid_table *table, u32 leaf,
						    u32 subleaf)
{
	u32 i;

	for (i = 0; i < table->nr; i++) {
		const struct svmvcpu_cpuid_entry *entry = &table->entry[i];

		if (entry->leaf == leaf &&
		    (!(entry->flags & SVMVCPU_CPUID_SUBLEAF) || entry->subleaf == subleaf))
			return entry;
	}
	return NULL;
}

/* Two entries that would answer the same question, or one that is malformed */
static bool table_valid(const struct cpuid_table *table)
{
	u32 i, j;

	for (i = 0; i < table->nr; i++) {
		const struct svmvcpu_cpuid_entry *a = &table->entry[i];

		if (a->mbz || (a->flags & ~SVMVCPU_CPUID_SUBLEAF) ||
		    (a->subleaf && !(a->flags & SVMVCPU_CPUID_SUBLEAF)))
			return false;
		for (j = 0; j < i; j++) {
			const struct svmvcpu_cpuid_entry *b = &table->entry[j];

			if (a->leaf == b->leaf && (a->flags != b->flags || !a->flags ||
						   a->subleaf == b->subleaf))
				return false;
		}
	}
	return true;
}

/**
 * cpuid_table_create() - a VM's own table from user space
 * @entries: user address of @nr entries
 * @nr: 1 to CPUID_MAX
 *
 * The host does not depend on what a guest believes: any values are safe.
 *
 * Return: the table, for kvfree(); -EFAULT, -ENOMEM; -EINVAL when an entry is
 * malformed or answers what another does.
 */
struct cpuid_table *cpuid_table_create(const void __user *entries, u32 nr)
{
	struct cpuid_table *table;

	table = kvmalloc(struct_size(table, entry, nr), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->nr = nr;
	if (copy_from_user(table->entry, entries, array_size(nr, sizeof(table->entry[0])))) {
		kvfree(table);
		return ERR_PTR(-EFAULT);
	}
	if (!table_valid(table)) {
		kvfree(table);
		return ERR_PTR(-EINVAL);
	}
	return table;
}

/* A VM's table, or the default for NULL */
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table)
{
	return table ? table : cpuid_default;
}

/**
 * cpuid_signature() - what RESET leaves in EDX
 * @table: a VM's, or NULL
 */
u32 cpuid_signature(const struct cpuid_table *table)
{
	const struct svmvcpu_cpuid_entry *entry;

	entry = cpuid_find(cpuid_table_or_default(table), 1, 0);
	return entry ? entry->eax : 0;
}

/* The local APIC: there or not, enabled by the guest or not */
static void cpuid_apic(const struct vcpu *vcpu, struct svmvcpu_cpuid_entry *out)
{
	bool there = vcpu->apic;

	if ((out->leaf == 1 || out->leaf == 0x80000001) &&
	    !(there && lapic_is_enabled(&vcpu->apic->lapic)))
		out->edx &= ~APIC;
	if (there)
		return;
	if (out->leaf == 1)
		out->ecx &= ~(X2APIC | TSC_DEADLINE);
	else if (out->leaf == 6)
		out->eax &= ~ARAT;
}

/* What depends on the vCPU and its state */
static void cpuid_dynamic(struct vcpu *vcpu, struct svmvcpu_cpuid_entry *out)
{
	cpuid_apic(vcpu, out);
	if (out->leaf == 1) {
		out->ebx = (out->ebx & 0x0000ffff) | vcpu->id << 24 | 1 << 16;
		out->ecx &= ~OSXSAVE;
		if ((out->ecx & XSAVE) && (vcpu->vmcb->save.cr4 & X86_CR4_OSXSAVE))
			out->ecx |= OSXSAVE;
	} else if (out->leaf == 0xd && out->subleaf <= 1 && out->eax) {
		out->ebx = xstate_bytes_for(xcr0_now(vcpu));
	}
}

/* VMEXIT_CPUID */
int exit_cpuid(struct vcpu *vcpu, bool atomic)
{
	static const struct svmvcpu_cpuid_entry nothing;
	const struct svmvcpu_cpuid_entry *entry;
	struct svmvcpu_cpuid_entry out;
	int ret;

	ret = guest_step(vcpu, BIT_ULL(INSN_CPUID), atomic);
	if (ret)
		return ret;
	entry = cpuid_find(cpuid_table_or_default(vcpu->vm->cpuid), vcpu->gprs[INSN_RAX],
			   vcpu->gprs[INSN_RCX]);
	out = entry ? *entry : nothing;
	if (entry)
		cpuid_dynamic(vcpu, &out);
	/* 32-bit writes: the upper halves are cleared. */
	vcpu->gprs[INSN_RAX] = out.eax;
	vcpu->gprs[INSN_RBX] = out.ebx;
	vcpu->gprs[INSN_RCX] = out.ecx;
	vcpu->gprs[INSN_RDX] = out.edx;
	return EXIT_RESUME;
}
