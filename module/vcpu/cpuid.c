// SPDX-License-Identifier: GPL-2.0-only
/*
 * The default CPUID table, and tables from user space.
 *
 * The default table is made once at load from the host's leaves and the rules below:
 * each visible leaf is listed with its permitted bits, everything else reads as zero. A
 * feature is shown only if the guest can use it: features that need an MSR, an
 * instruction or a CR4 bit that the module refuses are hidden. A VM and a vCPU can have
 * a table of their own. A vCPU does not have the features that its table hides; see
 * cpuid_gates.
 */
#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/tsc.h>

#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/cpuid.h"
#include "vcpu/spec_ctrl.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"

#define LEAF_HYPERVISOR		0x40000000
#define LEAF_HYPERVISOR_MAX	0x40000001
#define LEAF_EXTENDED		0x80000000
#define LEAF_ADDRESSES		0x80000008

/* Highest leaves shown; the extended one only if the host has it */
#define LEAF_BASIC_MAX		0x16
#define LEAF_EXTENDED_MAX	0x80000008

/* Leaf 0x16, which guests use to calibrate the TSC, if the host does not have it */
#define FREQUENCY_MHZ		3000

#define ALL			(~0U)
#define F(name)			BIT(X86_FEATURE_##name & 31)

/* leaf 0xb ECX: type and number of the level */
#define TOPOLOGY_SMT		0x100
#define TOPOLOGY_CORE		0x201
#define VM_ID_BITS		ilog2(VM_MAX_VCPUS)

/* The result of a leaf: (host & mask) | set, per register. Then cpuid_gates apply. */
struct cpuid_rule {
	u32 leaf;
	u32 subleaf;
	u32 mask[4];
	u32 set[4];
};

/*
 * Leaf 1. Hidden: VMX, MONITOR, PCID; MCE, MCA and MTRR, whose MSRs do not exist; HTT,
 * because the topology is not the host's.
 */
#define LEAF1_ECX	(F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) |		\
			 F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) |	\
			 F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND))
/* AMD repeats these in leaf 0x80000001. */
#define LEAF1_REPEATED	(F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) |	\
			 F(CX8) | F(PGE) | F(CMOV) | F(PAT) | F(PSE36) | F(MMX) | F(FXSR))
#define LEAF1_EDX	(LEAF1_REPEATED | F(SEP) | F(CLFLUSH) | F(XMM) | F(XMM2))

/* Leaf 7. Hidden: WAITPKG, LA57. */
#define LEAF7_EBX	(F(FSGSBASE) | F(BMI1) | F(AVX2) | F(SMEP) | F(BMI2) | F(ERMS) | \
			 F(RDSEED) | F(ADX) | F(SMAP) | F(CLFLUSHOPT) | F(CLWB) | F(SHA_NI))
#define LEAF7_ECX	(F(UMIP) | F(GFNI) | F(VAES) | F(VPCLMULQDQ) | F(RDPID))

/*
 * Leaf 0x80000001. Hidden: SVM, OSVW, IBS, XOP, SKINIT, WDT, LWP, FMA4, TCE, the
 * performance counters, MONITORX, FFXSR.
 */
#define LEAFE1_ECX	(F(LAHF_LM) | F(CR8_LEGACY) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | \
			 F(3DNOWPREFETCH))
#define LEAFE1_EDX	(LEAF1_REPEATED | F(SYSCALL) | F(NX) | F(MMXEXT) | F(GBPAGES) |	\
			 F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW))

/* Leaf 0x80000008: speculation control that needs no MSR. cpuid_gates add the rest. */
#define LEAFE8_EBX	(F(CLZERO) | F(AMD_STIBP_ALWAYS_ON) | F(AMD_SSB_NO) | BIT(29) | BIT(30))

static const struct cpuid_rule cpuid_rules[] = {
	{ 0x00000000, 0, { 0, ALL, ALL, ALL }, { LEAF_BASIC_MAX } },
	/* EBX: one logical processor. exits/cpuid.c adds the APIC ID. ECX: HYPERVISOR */
	{ 0x00000001, 0, { ALL, 0x0000ff00, LEAF1_ECX, LEAF1_EDX }, { 0, BIT(16), BIT(31), 0 } },
	{ 0x00000006, 0, { }, { CPUID_ARAT } },
	{ 0x00000007, 0, { 0, LEAF7_EBX, LEAF7_ECX, F(FSRM) } },
	/* All vCPUs are cores of one package, with one thread each. */
	{ 0x0000000b, 0, { }, { 0, 1, TOPOLOGY_SMT } },
	{ 0x0000000b, 1, { }, { VM_ID_BITS, VM_MAX_VCPUS, TOPOLOGY_CORE } },
	{ 0x0000000d, 0 },
	{ 0x0000000d, 1, { BIT(0) | BIT(1) | BIT(2) } },
	{ 0x0000000d, 2, { ALL, ALL } },
	{ 0x00000016, 0, { ALL, ALL, ALL } },
	/* "RVMRVMRVMRVM" */
	{ LEAF_HYPERVISOR, 0, { }, { LEAF_HYPERVISOR_MAX, 0x524d5652, 0x56524d56, 0x4d56524d } },
	{ LEAF_HYPERVISOR_MAX, 0 },
	{ 0x80000000, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000001, 0, { ALL, ALL, LEAFE1_ECX, LEAFE1_EDX }, { 0, 0, 0, CPUID_APIC } },
	{ 0x80000002, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000003, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000005, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000007, 0, { 0, 0, 0, BIT(8) } },		/* invariant TSC */
	{ 0x80000008, 0, { 0x0000ff00, LEAFE8_EBX } },
};

static struct cpuid_table *cpuid_default;

#if IS_ENABLED(CONFIG_KUNIT)
static bool pretend_spec_ctrl;
module_param(pretend_spec_ctrl, bool, 0444);
MODULE_PARM_DESC(pretend_spec_ctrl,
		 "Offer guests speculation control on an emulator that ignores its MSRs, to test it");
#else
#define pretend_spec_ctrl	false
#endif

static bool __init host_has(const struct cpuid_gate *gate)
{
	if (pretend_spec_ctrl && boot_cpu_has(X86_FEATURE_HYPERVISOR) &&
	    gate->leaf == LEAF_ADDRESSES)
		return true;
	/* Without its frequency the TSC cannot be converted to time. */
	if (gate->gates.has == CPU_HAS_DEADLINE)
		return tsc_khz;
	if (gate->host == CPUID_HOST_VIRT_SSBD)
		return spec_ctrl_virt_ssbd();
	return gate->host == CPUID_HOST_ANY || boot_cpu_has(gate->host);
}

static void __init limits_init(void)
{
	unsigned int i;

	for (i = 0; i < cpuid_nr_gates; i++)
		if (host_has(&cpuid_gates[i]))
			cpuid_limits_add(&svm_limits, &cpuid_gates[i].gates);
	svm_limits.xcr0 = (svm_limits.xcr0 & xstate_caps.guest_xcr0) | XFEATURE_MASK_FP;
}

/* The host's features include those it emulates, but not those disabled at its boot. */
static void __init apply_gates(u32 leaf, u32 *reg)
{
	const struct cpuid_gate *gate;

	for (gate = cpuid_gates; gate < cpuid_gates + cpuid_nr_gates; gate++) {
		if (gate->leaf != leaf)
			continue;
		reg[gate->reg] &= ~BIT(gate->bit);
		if (host_has(gate))
			reg[gate->reg] |= BIT(gate->bit);
	}
}

static void __init hide_avx(u32 leaf, u32 *reg)
{
	if (leaf == 1)
		reg[CPUID_ECX] &= ~(F(AVX) | F(FMA) | F(F16C));
	if (leaf == 7) {
		reg[CPUID_EBX] &= ~F(AVX2);
		reg[CPUID_ECX] &= ~(F(VAES) | F(VPCLMULQDQ));
	}
}

/* Leaf 0xd has the components that a guest can enable. */
static void __init fix_xstate(u32 subleaf, u32 *reg)
{
	u64 xcr0 = xstate_caps.guest_xcr0;

	if (!(xcr0 & BIT(subleaf))) {
		memset(reg, 0, 4 * sizeof(*reg));
	} else if (subleaf == 0) {
		reg[CPUID_EAX] = xcr0;
		reg[CPUID_ECX] = xstate_caps.bytes;
	}
}

/* What a rule cannot express */
static void __init fix_leaf(u32 leaf, u32 subleaf, u32 *reg)
{
	apply_gates(leaf, reg);
	if (!(svm_limits.xcr0 & XFEATURE_MASK_YMM))
		hide_avx(leaf, reg);
	switch (leaf) {
	case 0xd:
		fix_xstate(subleaf, reg);
		break;
	case 0x16:
		if (!reg[CPUID_EAX])
			reg[CPUID_EAX] = FREQUENCY_MHZ;
		break;
	case LEAF_EXTENDED:
		reg[CPUID_EAX] = min_t(u32, reg[CPUID_EAX], LEAF_EXTENDED_MAX);
		break;
	case LEAF_ADDRESSES:
		reg[CPUID_EAX] |= svm_limits.gpa_bits;
		break;
	}
}

static struct svmvcpu_cpuid_entry __init make_entry(const struct cpuid_rule *rule)
{
	u32 leaf = rule->leaf, reg[4] = { }, i;

	/* The result of a leaf above the highest is not defined. */
	if (leaf <= cpuid_eax(leaf & LEAF_EXTENDED))
		cpuid_count(leaf, rule->subleaf, &reg[CPUID_EAX], &reg[CPUID_EBX],
			    &reg[CPUID_ECX], &reg[CPUID_EDX]);
	for (i = 0; i < ARRAY_SIZE(reg); i++)
		reg[i] = (reg[i] & rule->mask[i]) | rule->set[i];
	fix_leaf(leaf, rule->subleaf, reg);
	return (struct svmvcpu_cpuid_entry) {
		.leaf = leaf,
		.subleaf = rule->subleaf,
		.flags = leaf == 7 || leaf == 0xb || leaf == 0xd ? SVMVCPU_CPUID_SUBLEAF : 0,
		.eax = reg[CPUID_EAX],
		.ebx = reg[CPUID_EBX],
		.ecx = reg[CPUID_ECX],
		.edx = reg[CPUID_EDX],
	};
}

static struct cpuid_table *table_alloc(u32 nr)
{
	struct cpuid_table *table;

	table = kvmalloc(struct_size(table, entry, nr), GFP_KERNEL_ACCOUNT);
	if (table)
		table->nr = nr;
	return table;
}

/* Compute svm_limits and the default table. Returns 0 or -ENOMEM. */
int __init cpuid_init(void)
{
	unsigned int i;

	limits_init();
	cpuid_default = table_alloc(ARRAY_SIZE(cpuid_rules));
	if (!cpuid_default)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(cpuid_rules); i++)
		cpuid_default->entry[i] = make_entry(&cpuid_rules[i]);
	WARN_ON(!cpuid_table_finish(cpuid_default, &svm_limits));
	return 0;
}

void cpuid_exit(void)
{
	kvfree(cpuid_default);
}

/**
 * cpuid_table_create() - copy a table from user space
 * @arg: user address of struct svmvcpu_cpuid
 *
 * Return: the table, to be freed with kvfree(); -EFAULT, -ENOMEM; -EINVAL or -E2BIG if
 * the structure is invalid; -EINVAL if cpuid_table_finish() refuses the table.
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

/* Free the copy with kvfree(). */
struct cpuid_table *cpuid_table_copy(const struct cpuid_table *table)
{
	struct cpuid_table *copy = table_alloc(table->nr);

	if (copy)
		memcpy(copy, table, struct_size(table, entry, table->nr));
	return copy;
}

/**
 * cpuid_table_report() - copy a table to user space
 * @table: must not be freed meanwhile
 * @arg: user address of struct svmvcpu_cpuid
 *
 * Return: 0; -E2BIG if there is room for fewer entries than svmvcpu_cpuid.nr now says;
 * -EFAULT; -EINVAL or -E2BIG if the structure is invalid.
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

/* @table of a VM, which may be NULL */
const struct cpuid_table *cpuid_table_or_default(const struct cpuid_table *table)
{
	return table ? table : cpuid_default;
}
