// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID tells a guest.
 *
 * The default is a table made once at load from the host's own leaves and the
 * rules below: every leaf a guest can see is named with the bits it may have,
 * everything else reads zero. A feature shows only if the guest can use it:
 * what needs an MSR, an instruction or a CR4 bit that we refuse is hidden. A VM
 * can have a table of its own. What a table hides, the vCPU does not have: see
 * cpuid_gates.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/spec_ctrl.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"

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
#define AVX			BIT(28)
#define F16C			BIT(29)

/* leaf 7 EBX and ECX */
#define AVX2			BIT(5)
#define VAES			BIT(9)
#define VPCLMULQDQ		BIT(10)

/* leaf 0xb ECX: the level's type and number */
#define TOPOLOGY_SMT		0x100
#define TOPOLOGY_CORE		0x201
#define VM_ID_BITS		ilog2(VM_MAX_VCPUS)

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

/*
 * 80000008: CLZERO; of speculation control what says how the CPU behaves: STIBP
 * is always on, no SSB, no BTC, IBPB clears return predictions. What has an MSR
 * cpuid_fix() adds.
 */
#define LEAFE8_EBX	(BIT(0) | BIT(17) | BIT(26) | BIT(29) | BIT(30))

static const struct cpuid_rule cpuid_rules[] = {
	{ 0x00000000, 0, { ALL, ALL, ALL, ALL } },
	/* EBX: one logical processor; the APIC ID is the vCPU's */
	{ 0x00000001, 0, { ALL, 0x0000ff00, LEAF1_ECX, LEAF1_EDX },
			 { .ebx = BIT(16), .ecx = BIT(31) | CPUID_X2APIC, .edx = CPUID_APIC } },
	{ 0x00000006, 0, { }, { .eax = CPUID_ARAT } },
	{ 0x00000007, 0, { 0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX } },
	/* all vCPUs are cores of one package, with a thread each */
	{ 0x0000000b, 0, { }, { .eax = 0, .ebx = 1, .ecx = TOPOLOGY_SMT } },
	{ 0x0000000b, 1, { }, { .eax = VM_ID_BITS, .ebx = VM_MAX_VCPUS, .ecx = TOPOLOGY_CORE } },
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
	{ 0x80000001, 0, { ALL, ALL, LEAFE1_ECX, LEAFE1_EDX }, { .edx = CPUID_APIC } },
	{ 0x80000002, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000003, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000005, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000007, 0, { .edx = BIT(8) } },		/* invariant TSC */
	{ 0x80000008, 0, { .eax = 0x0000ffff, .ebx = LEAFE8_EBX } },
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

#if IS_ENABLED(CONFIG_KUNIT)
static bool pretend_spec_ctrl;
module_param(pretend_spec_ctrl, bool, 0444);
MODULE_PARM_DESC(pretend_spec_ctrl,
		 "Offer guests speculation control on an emulator that ignores its MSRs, to test it");
#else
#define pretend_spec_ctrl	false
#endif

static bool host_has(const struct cpuid_gate *gate)
{
	u32 reg[4];

	if (pretend_spec_ctrl && boot_cpu_has(X86_FEATURE_HYPERVISOR) &&
	    gate->leaf == LEAF_ADDRESSES)
		return true;
	switch (gate->host) {
	case CPUID_HOST_ANY:
		return true;
	case CPUID_HOST_SAME:
		if (cpuid_eax(gate->leaf & LEAF_EXTENDED) < gate->leaf)
			return false;
		cpuid_count(gate->leaf, 0, &reg[CPUID_EAX], &reg[CPUID_EBX], &reg[CPUID_ECX],
			    &reg[CPUID_EDX]);
		return reg[gate->reg] & BIT(gate->bit);
	case CPUID_HOST_VIRT_SSBD:
		return spec_ctrl_virt_ssbd();
	default:
		return boot_cpu_has(gate->host);
	}
}

/* What the features of this host's guests stand for */
static void __init limits_init(void)
{
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++)
		if (host_has(&cpuid_gates[i]))
			cpuid_limits_add(&svm_limits, &cpuid_gates[i].gates);
	svm_limits.xcr0 = (svm_limits.xcr0 & xstate_caps.guest_xcr0) | XFEATURE_MASK_FP;
	/* Without a frequency there is no converting to time. */
	if (!tsc_khz)
		svm_limits.has &= ~CPU_HAS_DEADLINE;
}

/* The CPU has it, but the host was booted without: guests are refused it. */
static void cpuid_hide(struct svmvcpu_cpuid_entry *entry)
{
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++)
		if (entry->leaf == cpuid_gates[i].leaf && !host_has(&cpuid_gates[i]))
			(&entry->eax)[cpuid_gates[i].reg] &= ~BIT(cpuid_gates[i].bit);
	if (svm_limits.xcr0 & XFEATURE_MASK_YMM)
		return;
	if (entry->leaf == 1)
		entry->ecx &= ~(u32)(AVX | FMA | F16C);
	if (entry->leaf == 7) {
		entry->ebx &= ~(u32)AVX2;
		entry->ecx &= ~(u32)(VAES | VPCLMULQDQ);
	}
}

/* All features of a leaf that the host has for its guests, also those it has not itself */
static void cpuid_show(struct svmvcpu_cpuid_entry *entry)
{
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++)
		if (entry->leaf == cpuid_gates[i].leaf && host_has(&cpuid_gates[i]))
			(&entry->eax)[cpuid_gates[i].reg] |= BIT(cpuid_gates[i].bit);
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
		if (svm_limits.has & CPU_HAS_DEADLINE)
			entry->ecx |= CPUID_TSC_DEADLINE;
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
		cpuid_show(entry);
		break;
	}
}

static bool has_subleaves(u32 leaf)
{
	return leaf == 7 || leaf == 0xb || leaf == 0xd;
}

static struct cpuid_table *table_alloc(u32 nr)
{
	struct cpuid_table *table;

	/* One more, for cpuid_table_finish() */
	table = kvmalloc(struct_size(table, entry, nr + 1), GFP_KERNEL_ACCOUNT);
	if (table)
		table->nr = nr;
	return table;
}

/**
 * cpuid_init() - the limits of this host's guests, and the default table
 *
 * Return: 0 or -ENOMEM.
 */
int __init cpuid_init(void)
{
	u32 max_basic = cpuid_eax(0), max_extended = cpuid_eax(LEAF_EXTENDED);
	struct cpuid_table *table;
	int i;

	limits_init();
	table = table_alloc(ARRAY_SIZE(cpuid_rules));
	if (!table)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(cpuid_rules); i++) {
		const struct cpuid_rule *rule = &cpuid_rules[i];
		struct svmvcpu_cpuid_entry *entry = &table->entry[i];

		*entry = (struct svmvcpu_cpuid_entry) {
			.leaf = rule->leaf,
			.subleaf = rule->subleaf,
			.flags = has_subleaves(rule->leaf) ? SVMVCPU_CPUID_SUBLEAF : 0,
		};
		/* Beyond its last leaf a CPU may answer anything. */
		if (rule->leaf < LEAF_EXTENDED || rule->leaf <= max_extended)
			cpuid_apply(rule, entry);
		cpuid_fix(entry, max_basic);
	}
	WARN_ON(!cpuid_table_finish(table, &svm_limits));
	cpuid_default = table;
	return 0;
}

void cpuid_exit(void)
{
	kvfree(cpuid_default);
}

/**
 * cpuid_table_create() - a table from user space
 * @arg: user address of struct svmvcpu_cpuid
 *
 * Return: the table, for kvfree(); -EFAULT, -ENOMEM; -EINVAL or -E2BIG for the
 * structure, -EINVAL when an entry is malformed or answers what another does.
 */
struct cpuid_table *cpuid_table_create(const void __user *arg)
{
	struct svmvcpu_cpuid cpuid;
	struct cpuid_table *table;
	int ret;

	ret = svmvcpu_copy_arg(&cpuid, sizeof(cpuid), sizeof(cpuid), arg);
	if (ret)
		return ERR_PTR(ret);
	if (cpuid.mbz || !cpuid.nr || cpuid.nr > CPUID_MAX)
		return ERR_PTR(-EINVAL);
	table = table_alloc(cpuid.nr);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = -EFAULT;
	if (copy_from_user(table->entry, u64_to_user_ptr(cpuid.entries),
			   array_size(cpuid.nr, sizeof(table->entry[0]))))
		goto free;
	ret = -EINVAL;
	if (cpuid_table_finish(table, &svm_limits))
		return table;
free:
	kvfree(table);
	return ERR_PTR(ret);
}

/* A copy, for kvfree() */
struct cpuid_table *cpuid_table_copy(const struct cpuid_table *table)
{
	struct cpuid_table *copy = table_alloc(table->nr);

	if (copy)
		memcpy(copy, table, struct_size(table, entry, table->nr + 1));
	return copy;
}

/**
 * cpuid_table_report() - a table to user space
 * @table: nobody frees it meanwhile
 * @arg: user address of struct svmvcpu_cpuid
 *
 * Return: 0; -E2BIG with the number of entries written, but not the entries;
 * -EFAULT; -EINVAL or -E2BIG for the structure.
 */
int cpuid_table_report(const struct cpuid_table *table, void __user *arg)
{
	struct svmvcpu_cpuid cpuid;
	int ret;
	u32 room;

	ret = svmvcpu_copy_arg(&cpuid, sizeof(cpuid), sizeof(cpuid), arg);
	if (ret)
		return ret;
	if (cpuid.mbz)
		return -EINVAL;
	room = cpuid.nr;
	cpuid.nr = table->nr;
	if (copy_to_user(arg, &cpuid, sizeof(cpuid)))
		return -EFAULT;
	if (room < table->nr)
		return -E2BIG;
	if (copy_to_user(u64_to_user_ptr(cpuid.entries), table->entry,
			 array_size(table->nr, sizeof(table->entry[0]))))
		return -EFAULT;
	return 0;
}

/* A VM's table, or the default for NULL */
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table)
{
	return table ? table : cpuid_default;
}

/* What RESET leaves in EDX */
u32 cpuid_signature(const struct cpuid_table *table)
{
	const struct svmvcpu_cpuid_entry *entry = cpuid_table_find(table, 1, 0);

	return entry ? entry->eax : 0;
}
