// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: model-specific registers. A table says where each is: in the state of
 * svmvcpu, or only here. The kernel handles the former when the guest accesses them; for
 * the latter RUN returns, and this table answers.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <x86intrin.h>

#include "calls.h"
#include "device.h"
#include "log.h"
#include "vcpu.h"
#include "vm.h"

#define MSR_TSC		0x10
#define MSR_APIC_BASE	0x1b

enum place {
	STATE,		/* member of svmvcpu_state at @offset, of component @component */
	LAPIC,		/* likewise, on vCPUs with a local APIC */
	STORED,		/* vcpu.msrs[@offset], initially @value; no effect on the guest */
	FIXED,		/* always @value; the guest's writes are ignored */
	READ_ONLY,	/* always @value; the guest's writes raise #GP */
	HOST_ZERO,	/* always 0 for the program; the guest does not have it */
};

#define LISTED	(1U << 0)	/* KVM_GET_MSR_INDEX_LIST has it */
#define FEATURE	(1U << 1)	/* KVM_GET_MSR_FEATURE_INDEX_LIST has it */

/**
 * struct msr_row - @nr MSRs from @first on, which are alike
 * @flags: LISTED, FEATURE
 */
struct msr_row {
	__u32 first, nr;
	enum place place;
	unsigned int flags;
	unsigned int offset;
	__u64 component;
	__u64 value;
};

#define IN_STATE(msr, member, part, listed)				\
	{ msr, 1, STATE, listed, offsetof(struct svmvcpu_state, member), \
	  SVMVCPU_STATE_##part, 0 }
#define KEPT(first, nr, place, listed, offset, value)			\
	{ first, nr, place, listed, offset, 0, value }
#define IN_LAPIC(msr, member, listed)					\
	{ msr, 1, LAPIC, listed, offsetof(struct svmvcpu_state, member), \
	  SVMVCPU_STATE_LAPIC, 0 }

static const struct msr_row rows[] = {
	IN_STATE(MSR_TSC, msrs.tsc, MSRS, LISTED),
	IN_STATE(0x48, spec_ctrl, MSRS, LISTED),
	IN_STATE(0x174, msrs.sysenter_cs, MSRS, LISTED),
	IN_STATE(0x175, msrs.sysenter_esp, MSRS, LISTED),
	IN_STATE(0x176, msrs.sysenter_eip, MSRS, LISTED),
	IN_STATE(0x277, msrs.pat, MSRS, LISTED),
	IN_STATE(0xc0000081, msrs.star, MSRS, LISTED),
	IN_STATE(0xc0000082, msrs.lstar, MSRS, LISTED),
	IN_STATE(0xc0000083, msrs.cstar, MSRS, LISTED),
	IN_STATE(0xc0000084, msrs.sfmask, MSRS, LISTED),
	IN_STATE(0xc0000102, msrs.kernel_gs_base, MSRS, LISTED),
	IN_STATE(0xc0000103, msrs.tsc_aux, MSRS, LISTED),
	IN_STATE(0xc001011f, virt_spec_ctrl, MSRS, LISTED),
	IN_STATE(0xc0000080, control.efer, CONTROL, 0),
	IN_STATE(0xc0000100, segments.fs.base, SEGMENTS, 0),
	IN_STATE(0xc0000101, segments.gs.base, SEGMENTS, 0),
	IN_LAPIC(MSR_APIC_BASE, lapic.base, 0),
	IN_LAPIC(0x6e0, lapic.tsc_deadline, LISTED),

	/* MTRRs: KVM keeps them, too, and AMD's nested paging ignores them */
	KEPT(0xfe, 1, READ_ONLY, 0, 0, 0x508),
	KEPT(0x200, 16, STORED, 0, 0, 0),
	KEPT(0x250, 1, STORED, 0, 16, 0),
	KEPT(0x258, 2, STORED, 0, 17, 0),
	KEPT(0x268, 8, STORED, 0, 19, 0),
	KEPT(0x2ff, 1, STORED, 0, 27, 0),

	KEPT(0x3a, 1, READ_ONLY, 0, 0, 0),	/* IA32_FEATURE_CONTROL */
	KEPT(0x8b, 1, FIXED, LISTED | FEATURE, 0, 0x01000065),	/* as KVM on AMD */
	KEPT(0x179, 1, READ_ONLY, 0, 0, 0),	/* MCG_CAP: no banks */
	KEPT(0x17a, 1, STORED, LISTED, 28, 0),	/* MCG_STATUS */
	KEPT(0x17b, 1, STORED, 0, 32, 0),	/* MCG_CTL, which QEMU sets */
	KEPT(0x400, 128, STORED, 0, 33, 0),	/* MC0_CTL and so on, likewise */
	KEPT(0x1a0, 1, STORED, LISTED, 29, 1),	/* IA32_MISC_ENABLE */
	KEPT(0xc0010010, 1, FIXED, 0, 0, 0),	/* SYSCFG */
	KEPT(0xc0010015, 1, STORED, LISTED, 30, 0),	/* HWCR */
	KEPT(0xc001001f, 1, FIXED, 0, 0, 0),	/* NB_CFG */
	KEPT(0xc0010020, 1, FIXED, 0, 0, 0),	/* PATCH_LOADER */
	KEPT(0xc0010055, 1, FIXED, 0, 0, 0),	/* INT_PENDING */
	KEPT(0xc0011022, 1, FIXED, 0, 0, 0),	/* DC_CFG */
	KEPT(0xc0011029, 1, STORED, FEATURE, 31, 0),	/* DE_CFG */
	KEPT(0xc001102a, 1, FIXED, 0, 0, 0),	/* BU_CFG2 */

	/* kvmclock, which CPUID does not offer; QEMU writes 0 */
	KEPT(0x11, 2, HOST_ZERO, 0, 0, 0),
};

#define ROWS_END	(rows + sizeof(rows) / sizeof(*rows))

static const struct msr_row *find(__u32 index)
{
	const struct msr_row *row;

	for (row = rows; row < ROWS_END; row++)
		if (index - row->first < row->nr)
			return row;
	return NULL;
}

void msr_reset(struct vcpu *vcpu)
{
	const struct msr_row *row;
	__u32 i;

	for (row = rows; row < ROWS_END; row++)
		for (i = 0; row->place == STORED && i < row->nr; i++)
			vcpu->msrs[row->offset + i] = row->value;
}

static __u64 *stored(struct vcpu *vcpu, const struct msr_row *row, __u32 index)
{
	return &vcpu->msrs[row->offset + index - row->first];
}

static bool is_in_state(const struct vcpu *vcpu, const struct msr_row *row)
{
	return row->place == STATE || (row->place == LAPIC && vcpu_has_lapic(vcpu));
}

__u32 msr_of_kernel(unsigned int nr)
{
	const struct msr_row *row;

	for (row = rows; row < ROWS_END; row++)
		if ((row->place == STATE || row->place == LAPIC) && !nr--)
			return row->first;
	return 0;
}

/* --- by the guest --------------------------------------------------------- */

bool msr_read(struct vcpu *vcpu, __u32 index, __u64 *value)
{
	const struct msr_row *row = find(index);

	if (!row)
		return false;
	switch (row->place) {
	case STORED:
		*value = *stored(vcpu, row, index);
		return true;
	case FIXED:
	case READ_ONLY:
		*value = row->value;
		return true;
	case LAPIC:
		*value = vcpu->apic_base;
		return index == MSR_APIC_BASE && !vcpu_has_lapic(vcpu);
	default:
		return false;
	}
}

bool msr_write(struct vcpu *vcpu, __u32 index, __u64 value)
{
	const struct msr_row *row = find(index);

	if (!row)
		return false;
	switch (row->place) {
	case STORED:
		*stored(vcpu, row, index) = value;
		return true;
	case FIXED:
		return true;
	case LAPIC:
		if (index != MSR_APIC_BASE || vcpu_has_lapic(vcpu))
			return false;
		vcpu->apic_base = value;
		return true;
	default:
		return false;
	}
}

/* --- by the program ------------------------------------------------------- */

/**
 * struct batch - the state of one KVM_GET_MSRS or KVM_SET_MSRS, read and written once
 * @state: what has been read
 * @have: components in @state
 * @changed: components that are to be written
 * @host_tsc: the host's TSC when MSRS was read
 * @sets_tsc: the guest's TSC is one of the registers that change
 */
struct batch {
	struct svmvcpu_state state;
	__u64 have, changed;
	__u64 host_tsc;
	bool sets_tsc;
};

static int batch_load(struct vcpu *vcpu, struct batch *batch, __u64 component)
{
	struct svmvcpu_state state;
	int err;

	if (batch->have & component)
		return 0;
	err = state_get(vcpu, component, &state);
	if (err)
		return err;
	if (component == SVMVCPU_STATE_MSRS) {
		batch->host_tsc = __rdtsc();
		batch->state.msrs = state.msrs;
		batch->state.spec_ctrl = state.spec_ctrl;
		batch->state.virt_spec_ctrl = state.virt_spec_ctrl;
	} else if (component == SVMVCPU_STATE_CONTROL) {
		batch->state.control = state.control;
	} else if (component == SVMVCPU_STATE_SEGMENTS) {
		batch->state.segments = state.segments;
	} else {
		batch->state.lapic = state.lapic;
	}
	batch->have |= component;
	return 0;
}

static __u64 *in_state(struct batch *batch, const struct msr_row *row)
{
	return (__u64 *)((char *)&batch->state + row->offset);
}

/* The program may read what it can list, also if the vCPU does not have it. */
static bool reads_as_zero(const struct vcpu *vcpu, const struct msr_row *row)
{
	return row->place == HOST_ZERO ||
	       (row->place == LAPIC && row->first != MSR_APIC_BASE && !vcpu_has_lapic(vcpu));
}

static bool get_one(struct vcpu *vcpu, struct batch *batch, struct kvm_msr_entry *entry)
{
	const struct msr_row *row = find(entry->index);
	__u64 value = 0;

	if (row && is_in_state(vcpu, row)) {
		if (batch_load(vcpu, batch, row->component))
			return false;
		value = *in_state(batch, row);
	} else if (!row || (!reads_as_zero(vcpu, row) &&
			    !msr_read(vcpu, entry->index, &value))) {
		return false;
	}
	entry->data = value;
	return true;
}

long msrs_get(void *self, unsigned long arg)
{
	struct kvm_msrs *msrs = (void *)arg;
	struct batch batch = { .have = 0 };
	unsigned int i;

	for (i = 0; i < msrs->nmsrs; i++)
		if (!get_one(self, &batch, &msrs->entries[i])) {
			log_at(LOG_REFUSED, "GET_MSRS: %#x is unknown", msrs->entries[i].index);
			break;
		}
	return i;
}

/*
 * svmvcpu sets the TSC together with the other registers. It goes on as if nothing had been
 * set: 0 means the same, as KVM keeps new vCPUs' TSCs together.
 */
static int batch_store(struct vcpu *vcpu, struct batch *batch)
{
	if (!batch->changed)
		return 0;
	if (!batch->sets_tsc)
		batch->state.msrs.tsc += __rdtsc() - batch->host_tsc;
	return state_set(vcpu, batch->changed, &batch->state);
}

static bool set_in_state(struct vcpu *vcpu, struct batch *batch, const struct msr_row *row,
			 __u64 value)
{
	if (row->first == MSR_TSC && !value)
		return true;
	if (batch_load(vcpu, batch, row->component))
		return false;
	*in_state(batch, row) = value;
	batch->changed |= row->component;
	batch->sets_tsc |= row->first == MSR_TSC;
	return true;
}

static bool set_one(struct vcpu *vcpu, struct batch *batch, const struct kvm_msr_entry *entry)
{
	const struct msr_row *row = find(entry->index);

	if (!row)
		return false;
	if (is_in_state(vcpu, row))
		return set_in_state(vcpu, batch, row, entry->data);
	if (reads_as_zero(vcpu, row))
		return !entry->data;
	if (row->place == READ_ONLY)
		return entry->data == row->value;
	return msr_write(vcpu, entry->index, entry->data);
}

/* Tells which value is refused, after svmvcpu has refused one of several. */
static unsigned int set_singly(struct vcpu *vcpu, const struct kvm_msrs *msrs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct batch batch = { .have = 0 };

		if (!set_one(vcpu, &batch, &msrs->entries[i]) || batch_store(vcpu, &batch))
			break;
	}
	return i;
}

long msrs_set(void *self, unsigned long arg)
{
	const struct kvm_msrs *msrs = (const void *)arg;
	struct batch batch = { .have = 0 };
	struct vcpu *vcpu = self;
	unsigned int i;

	for (i = 0; i < msrs->nmsrs; i++)
		if (!set_one(vcpu, &batch, &msrs->entries[i]))
			break;
	if (batch_store(vcpu, &batch))
		i = set_singly(vcpu, msrs, i);
	if (i < msrs->nmsrs)
		log_at(LOG_REFUSED, "SET_MSRS: %#x is unknown, or cannot be %#llx",
		       msrs->entries[i].index, msrs->entries[i].data);
	return i;
}

/* --- lists ---------------------------------------------------------------- */

static long get_list(struct kvm_msr_list *list, unsigned int flag)
{
	const struct msr_row *row;
	unsigned int room = list->nmsrs, nr = 0;
	__u32 i;

	for (row = rows; row < ROWS_END; row++)
		for (i = 0; (row->flags & flag) && i < row->nr; i++) {
			if (nr < room)
				list->indices[nr] = row->first + i;
			nr++;
		}
	list->nmsrs = nr;
	return nr > room ? -E2BIG : 0;
}

long msr_get_list(void *device, unsigned long arg)
{
	(void)device;
	return get_list((void *)arg, LISTED);
}

long msr_get_feature_list(void *device, unsigned long arg)
{
	(void)device;
	return get_list((void *)arg, FEATURE);
}

long msr_get_features(void *device, unsigned long arg)
{
	struct kvm_msrs *msrs = (void *)arg;
	unsigned int i;

	(void)device;
	for (i = 0; i < msrs->nmsrs; i++) {
		const struct msr_row *row = find(msrs->entries[i].index);

		if (!row || !(row->flags & FEATURE))
			break;
		msrs->entries[i].data = row->value;
	}
	return i;
}
