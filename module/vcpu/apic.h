/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's local APIC: connects the model in lapic.h with the vCPU, a host timer and
 * the senders of interrupts.
 *
 * Only the thread that holds vcpu.mutex uses the model. All others (the timer, MESSAGE,
 * LINT, other vCPUs) post: they set bits in struct apic_inbox and kick the vCPU.
 * apic_sync() transfers what was posted to the model before each entry. The model
 * therefore needs no lock, and posting works in any context but NMI.
 *
 * Functions expect vcpu.mutex held unless they say otherwise.
 */
#ifndef SVMVCPU_APIC_H
#define SVMVCPU_APIC_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>

#include "apic/lapic.h"
#include "vcpu/vcpu.h"

#define APIC_VECTORS	256

/* Bits of apic_inbox.what */
#define POST_TIMER	0	/* the timer expired */
#define POST_EDGE	1	/* @edge has bits set */
#define POST_NMI	2
#define POST_LINT	3	/* @lint has changed */
#define POST_INIT	4	/* before a POST_STARTUP in the same word */
#define POST_STARTUP	5	/* bits 8-15 of the word are its vector */
#define POST_LEVEL	6	/* @level has bits set */

#define STARTUP_VECTOR_SHIFT	8
#define STARTUP_BITS	(BIT(POST_STARTUP) | 0xffUL << STARTUP_VECTOR_SHIFT)

#define LINT_ROSE_SHIFT	2
#define LINT_ROSE	(3 << LINT_ROSE_SHIFT)

/* What has been posted. Every member is accessed with atomic operations. */
struct apic_inbox {
	unsigned long what;	/* POST_* bits, set after what they announce; STARTUP_BITS */
	DECLARE_BITMAP(edge, APIC_VECTORS);	/* edge-triggered interrupts */
	DECLARE_BITMAP(level, APIC_VECTORS);	/* level-triggered interrupts */
	/* Bit n: LINTn is asserted. Bit n of LINT_ROSE: it has risen since the last look. */
	atomic_t lint;
};

/* The local APIC of a vCPU */
struct vcpu_apic {
	struct lapic lapic;
	struct apic_inbox inbox;
	bool maybe_pending;	/* lapic_pending() may return a vector */
	u8 pending;		/* the vector that it returned last */
	struct hrtimer timer;	/* posts POST_TIMER */
	struct vcpu *vcpu;
	struct list_head in_vm;	/* in svm_vm.apics */
};

int apic_create(struct vcpu *vcpu);
void apic_destroy(struct vcpu *vcpu);
void apic_reset(struct vcpu *vcpu);
void apic_cpuid_changed(struct vcpu *vcpu);
bool apic_init_signal(struct vcpu *vcpu);

void apic_sync_slow(struct vcpu *vcpu);
int apic_pending_slow(struct vcpu_apic *apic);
u64 apic_take(struct vcpu *vcpu);

enum exit_result exit_apic_msr(struct vcpu *vcpu, u32 index, bool write, bool atomic);
bool apic_owns_page(const struct vcpu *vcpu, u64 gpa);
u64 apic_page_read(struct vcpu *vcpu, u64 gpa, unsigned int width);
enum exit_result apic_page_write(struct vcpu *vcpu, u64 gpa, unsigned int width, u64 value);
bool apic_page_visible(const struct vcpu *vcpu, u64 gpa);
int apic_access(struct vcpu *vcpu, void __user *arg);
void apic_set_cr8(struct vcpu *vcpu, u64 cr8);
void apic_tsc_changed(struct vcpu *vcpu);

void apic_get_state(struct vcpu *vcpu, struct svmvcpu_lapic *state);
bool apic_state_valid(const struct vcpu *vcpu, const struct svmvcpu_lapic *state);
void apic_put_state(struct vcpu *vcpu, const struct svmvcpu_lapic *state);
void apic_restore(struct vcpu *vcpu, const struct lapic *lapic, u64 ns);

bool apic_message_valid(const struct svmvcpu_message *message);
int apic_message(struct svm_vm *vm, const struct svmvcpu_message *message);
void apic_lint(struct vcpu *vcpu, unsigned int pins);

/* Anything posted? Needs no lock. */
static inline bool apic_posted(const struct vcpu *vcpu)
{
	return vcpu->apic && READ_ONCE(vcpu->apic->inbox.what);
}

/**
 * apic_sync() - transfer what has been posted to the model
 * @vcpu: vCPU with or without a local APIC
 *
 * Context: any but NMI.
 */
static inline void apic_sync(struct vcpu *vcpu)
{
	if (unlikely(apic_posted(vcpu)))
		apic_sync_slow(vcpu);
}

/**
 * apic_pending() - the interrupt that the local APIC wants to deliver
 * @vcpu: vCPU with or without a local APIC
 *
 * Return: the vector, or -1.
 */
static inline int apic_pending(const struct vcpu *vcpu)
{
	return vcpu->apic && vcpu->apic->maybe_pending ? apic_pending_slow(vcpu->apic) : -1;
}

/* Can the VMM's interrupt, which stands for a PIC's, reach the CPU? */
static inline bool apic_takes_extint(const struct vcpu *vcpu)
{
	return !vcpu->apic || lapic_takes_extint(&vcpu->apic->lapic);
}

#endif /* SVMVCPU_APIC_H */
