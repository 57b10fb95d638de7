// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: general, segment, control and debug registers.
 *
 * The run page always has the general registers: RUN and SETUP write them, and with
 * SVMVCPU_RUN_SET_GPRS the next RUN loads what the program has set.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"

#define RFLAGS_BITS	0x3f7fd7ULL
#define RFLAGS_FIXED	2ULL

#define CR0_PE		(1ULL << 0)
#define CR0_ET		(1ULL << 4)
#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)

/* --- general registers ---------------------------------------------------- */

#define NR_GPRS		18

/* For each register in KVM's order, its place in svmvcpu's, which is the CPU's */
static const unsigned char gpr_order[NR_GPRS] = {
	0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
};

static_assert(sizeof(struct kvm_regs) == NR_GPRS * sizeof(__u64), "registers of KVM");
static_assert(sizeof(struct svmvcpu_gprs) == NR_GPRS * sizeof(__u64), "registers of svmvcpu");

long regs_get(void *self, unsigned long arg)
{
	const struct vcpu *vcpu = self;
	const __u64 *gprs = (const __u64 *)&vcpu->dev.run->gprs;
	__u64 *regs = (__u64 *)arg;
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++)
		regs[i] = gprs[gpr_order[i]];
	return 0;
}

/* KVM does not check RFLAGS. */
long regs_set(void *self, unsigned long arg)
{
	struct vcpu *vcpu = self;
	struct svmvcpu_run *run = vcpu->dev.run;
	__u64 *gprs = (__u64 *)&run->gprs;
	const __u64 *regs = (const __u64 *)arg;
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++)
		gprs[gpr_order[i]] = regs[i];
	run->gprs.rflags = (run->gprs.rflags & RFLAGS_BITS) | RFLAGS_FIXED;
	run->in_flags |= SVMVCPU_RUN_SET_GPRS;
	return 0;
}

/* --- segments ------------------------------------------------------------- */

#define ATTRIB_PRESENT	(1U << 7)

static struct kvm_segment kvm_segment(const struct svmvcpu_segment *in)
{
	return (struct kvm_segment) {
		.base = in->base, .limit = in->limit, .selector = in->selector,
		.type = in->attrib & 15, .s = in->attrib >> 4 & 1,
		.dpl = in->attrib >> 5 & 3, .present = in->attrib >> 7 & 1,
		.avl = in->attrib >> 8 & 1, .l = in->attrib >> 9 & 1,
		.db = in->attrib >> 10 & 1, .g = in->attrib >> 11 & 1,
		.unusable = !(in->attrib & ATTRIB_PRESENT),
	};
}

static struct svmvcpu_segment our_segment(const struct kvm_segment *in)
{
	return (struct svmvcpu_segment) {
		.base = in->base, .limit = in->limit, .selector = in->selector,
		.attrib = (in->type & 15) | (in->s & 1) << 4 | (in->dpl & 3) << 5 |
			  (in->present && !in->unusable) << 7 | (in->avl & 1) << 8 |
			  (in->l & 1) << 9 | (in->db & 1) << 10 | (in->g & 1) << 11,
	};
}

/* Only these have bases of more than 32 bits. */
static struct svmvcpu_segment our_short_segment(const struct kvm_segment *in)
{
	struct svmvcpu_segment out = our_segment(in);

	out.base = (__u32)out.base;
	return out;
}

static void get_segments(const struct svmvcpu_segments *in, struct kvm_sregs *out)
{
	out->cs = kvm_segment(&in->cs);
	out->ds = kvm_segment(&in->ds);
	out->es = kvm_segment(&in->es);
	out->fs = kvm_segment(&in->fs);
	out->gs = kvm_segment(&in->gs);
	out->ss = kvm_segment(&in->ss);
	out->tr = kvm_segment(&in->tr);
	out->ldt = kvm_segment(&in->ldtr);
	out->gdt.base = in->gdtr.base;
	out->gdt.limit = in->gdtr.limit;
	out->idt.base = in->idtr.base;
	out->idt.limit = in->idtr.limit;
}

static void set_segments(const struct kvm_sregs *in, struct svmvcpu_segments *out)
{
	memset(out, 0, sizeof(*out));
	out->cs = our_short_segment(&in->cs);
	out->ds = our_short_segment(&in->ds);
	out->es = our_short_segment(&in->es);
	out->ss = our_short_segment(&in->ss);
	out->fs = our_segment(&in->fs);
	out->gs = our_segment(&in->gs);
	out->tr = our_segment(&in->tr);
	out->ldtr = our_segment(&in->ldt);
	out->gdtr.base = in->gdt.base;
	out->gdtr.limit = in->gdt.limit;
	out->idtr.base = in->idt.base;
	out->idtr.limit = in->idt.limit;
}

/* --- KVM_GET_SREGS, KVM_SET_SREGS ----------------------------------------- */

#define SREGS_COMPONENTS \
	(SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_EVENTS | \
	 SVMVCPU_STATE_LAPIC)

static void get_interrupt(const struct vcpu *vcpu, const struct svmvcpu_events *events,
			  struct kvm_sregs *out)
{
	__u32 irq = vcpu->irq ? vcpu->irq : events->irq;
	unsigned int vector = irq & SVMVCPU_INJECT_VECTOR;

	if (irq)
		out->interrupt_bitmap[vector / 64] |= 1ULL << (vector % 64);
}

/* Without a local APIC, what the program has set last. */
static __u64 apic_base(const struct vcpu *vcpu, const struct svmvcpu_state *state)
{
	return vcpu_has_lapic(vcpu) ? state->lapic.base : vcpu->apic_base;
}

long sregs_get(void *self, unsigned long arg)
{
	struct kvm_sregs *sregs = (void *)arg;
	struct svmvcpu_state state;
	struct vcpu *vcpu = self;
	int err;

	err = state_get(vcpu, SREGS_COMPONENTS, &state);
	if (err)
		return err;
	memset(sregs, 0, sizeof(*sregs));
	get_segments(&state.segments, sregs);
	sregs->cr0 = state.control.cr0;
	sregs->cr2 = state.control.cr2;
	sregs->cr3 = state.control.cr3;
	sregs->cr4 = state.control.cr4;
	sregs->cr8 = state.control.cr8;
	sregs->efer = state.control.efer;
	sregs->apic_base = apic_base(vcpu, &state);
	get_interrupt(vcpu, &state.events, sregs);
	return 0;
}

/* What KVM refuses at once, and svmvcpu when the vCPU runs */
static bool mode_is_valid(const struct kvm_sregs *sregs)
{
	if ((sregs->efer & EFER_LME) && (sregs->cr0 & CR0_PG))
		return (sregs->cr4 & CR4_PAE) && (sregs->efer & EFER_LMA);
	if ((sregs->efer & EFER_LMA) || sregs->cs.l)
		return false;
	return !(sregs->cr0 & CR0_PG) || (sregs->cr0 & CR0_PE);
}

/* -EINVAL also for a feature that the CPUID table hides */
static int set_checked(struct vcpu *vcpu, __u64 components, struct svmvcpu_state *state)
{
	int err = state_set(vcpu, components, state);

	return err == -EOPNOTSUPP ? -EINVAL : err;
}

static int set_apic_base(struct vcpu *vcpu, __u64 base)
{
	struct svmvcpu_state state;
	int err;

	if (!vcpu_has_lapic(vcpu)) {
		vcpu->apic_base = base;
		return 0;
	}
	err = state_get(vcpu, SVMVCPU_STATE_LAPIC, &state);
	if (err || state.lapic.base == base)
		return err;
	state.lapic.base = base;
	return set_checked(vcpu, SVMVCPU_STATE_LAPIC, &state);
}

/* The highest vector wins; the program has one interrupt controller. */
static void set_interrupt(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	int word;

	for (word = 3; word >= 0; word--) {
		__u64 bits = sregs->interrupt_bitmap[word];

		if (!bits)
			continue;
		vcpu->irq = SVMVCPU_INJECT_VALID | (word * 64 + 63 - __builtin_clzll(bits));
		return;
	}
}

long sregs_set(void *self, unsigned long arg)
{
	const struct kvm_sregs *sregs = (const void *)arg;
	struct svmvcpu_state state = {
		.control = {
			.cr0 = sregs->cr0 | CR0_ET, .cr2 = sregs->cr2, .cr3 = sregs->cr3,
			.cr4 = sregs->cr4, .cr8 = sregs->cr8 & 15, .efer = sregs->efer,
		},
	};
	struct vcpu *vcpu = self;
	int err;

	if (!mode_is_valid(sregs))
		return refuse(EINVAL, "SET_SREGS: CR0 %#llx, CR4 %#llx, EFER %#llx, CS.L %u",
			      sregs->cr0, sregs->cr4, sregs->efer, sregs->cs.l);
	set_segments(sregs, &state.segments);
	err = set_checked(vcpu, SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_CONTROL, &state);
	if (!err)
		err = set_apic_base(vcpu, sregs->apic_base);
	if (!err)
		set_interrupt(vcpu, sregs);
	return err;
}

/* --- KVM_GET_SREGS2, KVM_SET_SREGS2 --------------------------------------- */

#define FLAG_PDPTRS	KVM_SREGS2_FLAGS_PDPTRS_VALID

/* Both structures begin alike; the older one ends with the interrupt. */
#define COMMON_BYTES	offsetof(struct kvm_sregs, interrupt_bitmap)

static_assert(offsetof(struct kvm_sregs2, flags) == COMMON_BYTES, "members in common");

/* With nested paging, an AMD CPU reads the PDPTRs from the guest's memory. */
long sregs2_get(void *self, unsigned long arg)
{
	struct kvm_sregs2 *out = (void *)arg;
	struct kvm_sregs sregs;
	long err;

	err = sregs_get(self, (unsigned long)&sregs);
	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	memcpy(out, &sregs, COMMON_BYTES);
	return 0;
}

long sregs2_set(void *self, unsigned long arg)
{
	const struct kvm_sregs2 *in = (const void *)arg;
	struct kvm_sregs sregs = { .cr0 = 0 };
	const bool pae = (in->cr0 & CR0_PG) && (in->cr4 & CR4_PAE) && !(in->efer & EFER_LMA);

	if ((in->flags & ~(__u64)FLAG_PDPTRS) || ((in->flags & FLAG_PDPTRS) && !pae))
		return -EINVAL;
	memcpy(&sregs, in, COMMON_BYTES);
	return sregs_set(self, (unsigned long)&sregs);
}

/* --- debug registers ------------------------------------------------------ */

long debugregs_get(void *self, unsigned long arg)
{
	struct kvm_debugregs *regs = (void *)arg;
	struct svmvcpu_state state;
	int err;

	err = state_get(self, SVMVCPU_STATE_DEBUG, &state);
	if (err)
		return err;
	memset(regs, 0, sizeof(*regs));
	memcpy(regs->db, state.debug.db, sizeof(regs->db));
	regs->dr6 = state.debug.dr6;
	regs->dr7 = state.debug.dr7;
	return 0;
}

long debugregs_set(void *self, unsigned long arg)
{
	const struct kvm_debugregs *regs = (const void *)arg;
	struct svmvcpu_state state = { .debug = { .dr6 = regs->dr6, .dr7 = regs->dr7 } };

	if (regs->flags)
		return -EINVAL;
	memcpy(state.debug.db, regs->db, sizeof(regs->db));
	return state_set(self, SVMVCPU_STATE_DEBUG, &state);
}
