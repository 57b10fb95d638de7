// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: CPUID tables.
 */
#include <errno.h>
#include <string.h>

#include "device.h"
#include "log.h"
#include "vcpu.h"

#define LEAF_HYPERVISOR		0x40000000
#define LEAF_FEATURES		0x40000001
#define LEAF_HYPERVISOR_END	0x4fffffff

/* "KVMKVMKVM" */
#define KVM_EBX			0x4b4d564b
#define KVM_ECX			0x564b4d56
#define KVM_EDX			0x4d

#define LEAF1_ECX_DEADLINE	(1U << 24)
#define LEAF1_EDX_MTRR		(1U << 12)

/* --- KVM_GET_SUPPORTED_CPUID ---------------------------------------------- */

/*
 * KVM has no bit for the TSC deadline here, but KVM_CAP_TSC_DEADLINE_TIMER, and keeps MTRRs
 * as this library does.
 */
static void fix_leaf1(struct kvm_cpuid_entry2 *entry)
{
	entry->ecx &= ~LEAF1_ECX_DEADLINE;
	entry->edx |= LEAF1_EDX_MTRR;
}

static struct kvm_cpuid_entry2 kvm_entry(const struct svmvcpu_cpuid_entry *in)
{
	struct kvm_cpuid_entry2 out = {
		.function = in->leaf, .index = in->subleaf,
		.flags = in->flags & SVMVCPU_CPUID_SUBLEAF ?
			 KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = in->eax, .ebx = in->ebx, .ecx = in->ecx, .edx = in->edx,
	};

	if (out.function == 1)
		fix_leaf1(&out);
	return out;
}

static bool is_hypervisor(__u32 leaf)
{
	return leaf >= LEAF_HYPERVISOR && leaf <= LEAF_HYPERVISOR_END;
}

/* The guest finds KVM, without any of its features for guests. */
static unsigned int make_supported(const struct svmvcpu_cpuid_entry *in, unsigned int nr,
				   struct kvm_cpuid_entry2 *out)
{
	unsigned int i, made = 0;

	for (i = 0; i < nr; i++)
		if (!is_hypervisor(in[i].leaf))
			out[made++] = kvm_entry(&in[i]);
	out[made++] = (struct kvm_cpuid_entry2) {
		.function = LEAF_HYPERVISOR, .eax = LEAF_FEATURES,
		.ebx = KVM_EBX, .ecx = KVM_ECX, .edx = KVM_EDX,
	};
	out[made++] = (struct kvm_cpuid_entry2) { .function = LEAF_FEATURES };
	return made;
}

long cpuid_get_supported(void *self, unsigned long arg)
{
	struct svmvcpu_cpuid_entry entries[MAX_CPUID];
	struct kvm_cpuid_entry2 made[MAX_CPUID + 2];
	struct kvm_cpuid2 *table = (void *)arg;
	unsigned int nr = MAX_CPUID, room = table->nent;
	const struct device *device = self;
	int err;

	err = svmvcpu_device_get_cpuid(device->fd, entries, &nr);
	if (err)
		return refuse(-err, "GET_SUPPORTED_CPUID: %s", svmvcpu_last_error());
	nr = make_supported(entries, nr, made);
	if (nr > room)
		return -E2BIG;
	memcpy(table->entries, made, nr * sizeof(*made));
	table->nent = nr;
	return 0;
}

/* Nothing is emulated that the CPU does not have. */
long cpuid_get_emulated(void *self, unsigned long arg)
{
	struct kvm_cpuid2 *table = (void *)arg;

	(void)self;
	table->nent = 0;
	return 0;
}

/* --- KVM_SET_CPUID2, KVM_GET_CPUID2 --------------------------------------- */

/* KVM uses the first of several entries for the same leaf. */
static bool is_repeated(const struct svmvcpu_cpuid_entry *entries, unsigned int nr,
			const struct svmvcpu_cpuid_entry *entry)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (entries[i].leaf == entry->leaf && entries[i].flags == entry->flags &&
		    entries[i].subleaf == entry->subleaf)
			return true;
	return false;
}

static unsigned int our_entries(const struct kvm_cpuid2 *table,
				struct svmvcpu_cpuid_entry *entries)
{
	unsigned int i, nr = 0;

	for (i = 0; i < table->nent; i++) {
		const struct kvm_cpuid_entry2 *in = &table->entries[i];
		const bool indexed = in->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

		entries[nr] = (struct svmvcpu_cpuid_entry) {
			.leaf = in->function, .subleaf = indexed ? in->index : 0,
			.flags = indexed ? SVMVCPU_CPUID_SUBLEAF : 0,
			.eax = in->eax, .ebx = in->ebx, .ecx = in->ecx, .edx = in->edx,
		};
		if (!is_repeated(entries, nr, &entries[nr]))
			nr++;
	}
	return nr;
}

/* Once the guest has run, KVM allows the same table again. */
static long set_again(const struct vcpu *vcpu, const struct kvm_cpuid2 *table)
{
	if (table->nent == vcpu->nr_cpuid &&
	    !memcmp(table->entries, vcpu->cpuid, table->nent * sizeof(*vcpu->cpuid)))
		return 0;
	return refuse(EINVAL, "SET_CPUID2: the guest has already run");
}

long cpuid_set(void *self, unsigned long arg)
{
	const struct kvm_cpuid2 *table = (const void *)arg;
	struct svmvcpu_cpuid_entry entries[MAX_CPUID];
	struct vcpu *vcpu = self;
	unsigned int nr;
	int err;

	if (table->nent > MAX_CPUID)
		return -E2BIG;
	if (vcpu->dev.run->exits)
		return set_again(vcpu, table);
	nr = our_entries(table, entries);
	if (nr) {
		err = svmvcpu_vcpu_set_cpuid(&vcpu->dev, entries, nr);
		if (err)
			return refuse(EINVAL, "SET_CPUID2: %s", svmvcpu_last_error());
	}
	memcpy(vcpu->cpuid, table->entries, table->nent * sizeof(*vcpu->cpuid));
	vcpu->nr_cpuid = table->nent;
	return 0;
}

/* KVM does not tell the number of entries. */
long cpuid_get(void *self, unsigned long arg)
{
	struct kvm_cpuid2 *table = (void *)arg;
	const struct vcpu *vcpu = self;

	if (table->nent < vcpu->nr_cpuid)
		return -E2BIG;
	memcpy(table->entries, vcpu->cpuid, vcpu->nr_cpuid * sizeof(*vcpu->cpuid));
	return 0;
}
