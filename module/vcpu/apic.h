/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's local APIC: what ties the model in lapic.h to the vCPU, to a timer
 * of the host's, and to those who send it interrupts.
 *
 * The model belongs to the thread that has the vCPU's mutex. Everybody else
 * (the timer, MESSAGE, LINT, other vCPUs) posts: sets bits in struct apic_inbox
 * and pokes. apic_sync() takes them over before each entry. So the model needs
 * no lock, and posting needs no waiting.
 */
#ifndef SVMVCPU_APIC_H
#define SVMVCPU_APIC_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/compiler.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/types.h>

#include "apic/lapic.h"
#include "vcpu/vcpu.h"

#define APIC_VECTORS	256

/* apic_inbox.what: what apic_sync() has to look at */
#define POST_TIMER	0	/* the timer went off */
#define POST_IRQ	1	/* bits in @edge or @level */
#define POST_NMI	2
#define POST_LINT	3	/* @lint */

#define LINT_ROSE_SHIFT	2
#define LINT_ROSE	(3 << LINT_ROSE_SHIFT)

/**
 * struct apic_inbox - what has been posted
 * @what: POST_* bits, set after what they announce
 * @edge: vectors of edge-triggered interrupts
 * @level: of level-triggered ones
 * @lint: bit n: LINTn is asserted; bit n of LINT_ROSE: it became so since this
 *	was looked at
 *
 * Written with atomic bit operations, by anybody.
 */
struct apic_inbox {
	unsigned long what;
	DECLARE_BITMAP(edge, APIC_VECTORS);
	DECLARE_BITMAP(level, APIC_VECTORS);
	atomic_t lint;
};

/**
 * struct vcpu_apic - the local APIC of a vCPU that has one
 * @lapic: the model
 * @inbox: .
 * @look: lapic_pending() may have something to say
 * @timer: posts POST_TIMER
 * @vcpu: whose it is
 * @in_vm: in svm_vm.apics
 */
struct vcpu_apic {
	struct lapic lapic;
	struct apic_inbox inbox;
	bool look;
	struct hrtimer timer;
	struct vcpu *vcpu;
	struct list_head in_vm;
};

int apic_create(struct vcpu *vcpu);
void apic_destroy(struct vcpu *vcpu);
void apic_reset(struct vcpu *vcpu);

void apic_sync_slow(struct vcpu *vcpu);
int apic_pending_slow(struct vcpu_apic *apic);
u64 apic_take(struct vcpu *vcpu);

enum exit_result exit_apic_msr(struct vcpu *vcpu, u32 index, bool write, bool atomic);
bool apic_owns_page(const struct vcpu *vcpu, u64 gpa);
u64 apic_page_read(struct vcpu *vcpu, u64 gpa, unsigned int width);
enum exit_result apic_page_write(struct vcpu *vcpu, u64 gpa, unsigned int width, u64 value);
bool apic_shows_page(const struct vcpu *vcpu, u64 gpa);
int apic_access(struct vcpu *vcpu, void __user *arg);
u64 apic_cr8(const struct vcpu *vcpu);
void apic_set_cr8(struct vcpu *vcpu, u64 cr8);
void apic_tsc_changed(struct vcpu *vcpu);

void apic_get_state(struct vcpu *vcpu, struct svmvcpu_lapic *state);
bool apic_state_valid(const struct vcpu *vcpu, const struct svmvcpu_lapic *state);
void apic_put_state(struct vcpu *vcpu, const struct svmvcpu_lapic *state);
void apic_record(struct vcpu *vcpu, struct lapic *lapic);
void apic_put_back(struct vcpu *vcpu, const struct lapic *lapic, u64 ns);

bool apic_message_valid(const struct svmvcpu_message *message);
int apic_message(struct svm_vm *vm, const struct svmvcpu_message *message);
void apic_lint(struct vcpu *vcpu, unsigned int pins);

/* Has anything been posted? */
static inline bool apic_posted(const struct vcpu *vcpu)
{
	return vcpu->apic && READ_ONCE(vcpu->apic->inbox.what);
}

/**
 * apic_sync() - take over what has been posted
 * @vcpu: its mutex held
 *
 * Context: any but NMI.
 */
static inline void apic_sync(struct vcpu *vcpu)
{
	if (unlikely(apic_posted(vcpu)))
		apic_sync_slow(vcpu);
}

/**
 * apic_pending() - does the local APIC want to interrupt?
 * @vcpu: its mutex held
 *
 * Return: the vector, or -1.
 */
static inline int apic_pending(const struct vcpu *vcpu)
{
	return vcpu->apic && vcpu->apic->look ? apic_pending_slow(vcpu->apic) : -1;
}

/* Does an interrupt injected by the VMM, as a PIC's, reach the CPU? */
static inline bool apic_takes_extint(const struct vcpu *vcpu)
{
	return !vcpu->apic || lapic_takes_extint(&vcpu->apic->lapic);
}

#endif /* SVMVCPU_APIC_H */
