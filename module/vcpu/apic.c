// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's local APIC: the model in lapic*.c given a clock, a timer, a mailbox
 * and a place in the VM. See apic.h for who owns what.
 */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <asm/tsc.h>

#include "compat.h"
#include "mm/memory.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid_table.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/tsc.h"
#include "vcpu/vm.h"
#include "vcpu/request.h"

static struct lapic_now apic_now(const struct vcpu *vcpu)
{
	return (struct lapic_now) { .ns = ktime_get_ns(), .tsc = guest_tsc(vcpu) };
}

/* --- posting ------------------------------------------------------------- */

static void post(struct vcpu_apic *apic, unsigned int what)
{
	set_bit(what, &apic->inbox.what);
	vcpu_kick(apic->vcpu);
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	post(container_of(timer, struct vcpu_apic, timer), POST_TIMER);
	return HRTIMER_NORESTART;
}

/*
 * A register that decides about this may be changing: then it was a matter of
 * luck which side of the change the message came on.
 */
static bool post_message(struct vcpu_apic *apic, const struct lapic_msg *msg)
{
	struct apic_inbox *inbox = &apic->inbox;

	switch (msg->mode) {
	case LAPIC_MSG_FIXED:
	case LAPIC_MSG_LOWEST:
		set_bit(msg->vector, msg->level ? inbox->level : inbox->edge);
		/* Pairs with apic_sync_slow(): the vector before its announcement. */
		smp_mb__after_atomic();
		post(apic, POST_IRQ);
		return true;
	case LAPIC_MSG_NMI:
		post(apic, POST_NMI);
		return true;
	default:
		return false;
	}
}

/* The one with the lowest priority of those that match and take interrupts. */
static struct vcpu_apic *lowest_priority(struct svm_vm *vm, const struct vcpu_apic *sender,
					 const struct lapic_msg *msg)
{
	struct vcpu_apic *apic, *best = NULL;

	list_for_each_entry(apic, &vm->apics, in_vm) {
		if (apic == sender && !msg->sender_too)
			continue;
		if (!lapic_takes_irqs(&apic->lapic) || !lapic_matches(&apic->lapic, msg))
			continue;
		if (!best || lapic_apr(&apic->lapic) < lapic_apr(&best->lapic))
			best = apic;
	}
	return best;
}

/*
 * A message to every local APIC it is for, but not to its sender, who has dealt with
 * that, unless it goes to one by priority. Returns how many took it.
 */
static int send(struct svm_vm *vm, const struct vcpu_apic *sender, const struct lapic_msg *msg)
{
	struct vcpu_apic *apic;
	unsigned long flags;
	int takers = 0;

	spin_lock_irqsave(&vm->apics_lock, flags);
	if (msg->mode == LAPIC_MSG_LOWEST) {
		apic = lowest_priority(vm, sender, msg);
		takers = apic && post_message(apic, msg);
	} else {
		list_for_each_entry(apic, &vm->apics, in_vm)
			if (apic != sender && lapic_matches(&apic->lapic, msg))
				takers += post_message(apic, msg);
	}
	spin_unlock_irqrestore(&vm->apics_lock, flags);
	return takers;
}

/**
 * apic_message_valid() - SVMVCPU_MESSAGE: is it one?
 * @message: copied from user space
 */
bool apic_message_valid(const struct svmvcpu_message *message)
{
	if (message->mbz[0] || message->mbz[1])
		return false;
	switch (message->mode) {
	case SVMVCPU_MSG_FIXED:
	case SVMVCPU_MSG_LOWEST:
		return message->vector >= 16;
	case SVMVCPU_MSG_NMI:
		return !message->vector && !(message->flags & SVMVCPU_MSG_LEVEL);
	default:
		return false;
	}
}

/**
 * apic_message() - SVMVCPU_MESSAGE: an MSI, or what an I/O APIC sends
 * @vm: .
 * @message: passed apic_message_valid()
 *
 * Context: any but NMI.
 * Return: how many local APICs took it.
 */
int apic_message(struct svm_vm *vm, const struct svmvcpu_message *message)
{
	bool logical = message->flags & SVMVCPU_MSG_LOGICAL;
	const struct lapic_msg msg = {
		.dest = message->dest,
		.vector = message->vector,
		.mode = message->mode,
		.logical = logical,
		.all = !logical && message->dest == 0xff,
		.level = message->flags & SVMVCPU_MSG_LEVEL,
	};

	return send(vm, NULL, &msg);
}

/**
 * apic_lint() - SVMVCPU_LINT: drive the local interrupt pins
 * @vcpu: has a local APIC
 * @pins: bit n: LINTn is asserted
 *
 * Context: any but NMI.
 */
void apic_lint(struct vcpu *vcpu, unsigned int pins)
{
	struct apic_inbox *inbox = &vcpu->apic->inbox;
	int old = atomic_read(&inbox->lint), new;

	do {
		new = (old & LINT_ROSE) | pins | (pins & ~old) << LINT_ROSE_SHIFT;
	} while (!atomic_try_cmpxchg(&inbox->lint, &old, new));
	post(vcpu->apic, POST_LINT);
}

/* --- the model's effects ------------------------------------------------- */

static void program_timer(struct vcpu_apic *apic)
{
	u64 next = lapic_timer_next(&apic->lapic);

	if (next != LAPIC_TIMER_NONE)
		hrtimer_start(&apic->timer, ns_to_ktime(next), HRTIMER_MODE_ABS);
	else
		/* If it is going off this moment, it finds nothing due. */
		hrtimer_try_to_cancel(&apic->timer);
}

/* All but what concerns the instruction that caused them: LAPIC_GP and LAPIC_EOI. */
static void apply(struct vcpu *vcpu, const struct lapic_effects *effects)
{
	struct vcpu_apic *apic = vcpu->apic;

	if (effects->flags & LAPIC_IRQ)
		apic->maybe_pending = true;
	if (effects->flags & LAPIC_TIMER)
		program_timer(apic);
	if (effects->flags & LAPIC_NMI)
		vcpu->nmi_latched = true;
	/* The VMM resets the vCPU: run.c tells it. */
	if (effects->flags & LAPIC_INIT)
		set_bit(VCPU_REQ_INIT, &vcpu->requests);
	if (effects->flags & LAPIC_IPI)
		send(vcpu->vm, apic, &effects->ipi);
}

/* An access by the guest is done and stepped over: back to it, or to the VMM? */
static enum exit_result conclude(struct vcpu *vcpu, const struct lapic_effects *effects)
{
	apply(vcpu, effects);
	if (effects->flags & LAPIC_EOI) {
		vcpu->run->eoi = (struct svmvcpu_exit_eoi) { .vector = effects->eoi_vector };
		return exit_to_user(vcpu, SVMVCPU_EXIT_IOAPIC_EOI);
	}
	return EXIT_RESUME;
}

static void take_vectors(struct lapic *lapic, unsigned long *posted, bool level,
			 struct lapic_effects *effects)
{
	unsigned int word, bit;

	for (word = 0; word < BITS_TO_LONGS(APIC_VECTORS); word++) {
		unsigned long vectors = READ_ONCE(posted[word]) ? xchg(&posted[word], 0) : 0;

		for_each_set_bit(bit, &vectors, BITS_PER_LONG)
			lapic_set_irq(lapic, word * BITS_PER_LONG + bit, level, effects);
	}
}

/* A pulse that was over before anybody looked is still a pulse. */
static void take_lint(struct vcpu_apic *apic, struct lapic_effects *effects)
{
	int lint = atomic_fetch_and(~LINT_ROSE, &apic->inbox.lint), pin;

	for (pin = 0; pin < 2; pin++) {
		if (lint & BIT(pin + LINT_ROSE_SHIFT)) {
			lapic_lint(&apic->lapic, pin, false, effects);
			lapic_lint(&apic->lapic, pin, true, effects);
		}
		lapic_lint(&apic->lapic, pin, lint & BIT(pin), effects);
	}
}

/* What apic_sync() does when there is something */
void apic_sync_slow(struct vcpu *vcpu)
{
	struct vcpu_apic *apic = vcpu->apic;
	unsigned long what = xchg(&apic->inbox.what, 0);
	struct lapic_now now;
	struct lapic_effects effects = { };

	if (what & BIT(POST_IRQ)) {
		take_vectors(&apic->lapic, apic->inbox.edge, false, &effects);
		take_vectors(&apic->lapic, apic->inbox.level, true, &effects);
	}
	if (what & BIT(POST_LINT))
		take_lint(apic, &effects);
	if (what & BIT(POST_NMI))
		effects.flags |= LAPIC_NMI;
	if (what & BIT(POST_TIMER)) {
		now = apic_now(vcpu);
		lapic_timer_expired(&apic->lapic, &now, &effects);
		/* It has gone off: if something is due still, it must again. */
		effects.flags |= LAPIC_TIMER;
	}
	apply(vcpu, &effects);
}

/* --- interrupts for the guest -------------------------------------------- */

/* What apic_pending() does when there may be something */
int apic_pending_slow(struct vcpu_apic *apic)
{
	int vector = lapic_pending(&apic->lapic);

	apic->maybe_pending = vector >= 0;
	return vector;
}

/**
 * apic_take() - the guest gets the interrupt apic_pending() named
 * @vcpu: its mutex held
 *
 * Return: the event, in EVENTINJ layout.
 */
u64 apic_take(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->apic->lapic;

	return EVENT_V | EVENT_TYPE_INTR | lapic_ack(lapic, lapic_pending(lapic));
}

/* --- the guest's accesses ------------------------------------------------ */

/**
 * exit_apic_msr() - RDMSR or WRMSR of a register that lapic_owns_msr()
 * @vcpu: has a local APIC
 * @index: ECX
 * @write: .
 * @atomic: see exit.h
 *
 * Return: as an exit_handler.
 */
enum exit_result exit_apic_msr(struct vcpu *vcpu, u32 index, bool write, bool atomic)
{
	struct lapic *lapic = &vcpu->apic->lapic;
	struct lapic_now now = { };
	struct lapic_effects effects = { };
	u64 value = 0;
	enum exit_result ret;

	ret = guest_next_rip(vcpu, BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR), atomic);
	if (ret)
		return ret;
	if (lapic_msr_timed(index))
		now = apic_now(vcpu);
	if (write)
		lapic_msr_write(lapic, &now, index, vcpu_edx_eax(vcpu), &effects);
	else
		value = lapic_msr_read(lapic, &now, index, &effects);
	if (effects.flags & LAPIC_GP) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	if (!write)
		vcpu_put_edx_eax(vcpu, value);
	guest_skip_to(vcpu, vcpu->next_rip);
	return conclude(vcpu, &effects);
}

/**
 * apic_owns_page() - is this the register page, where no region is?
 * @vcpu: .
 * @gpa: guest-physical address
 */
bool apic_owns_page(const struct vcpu *vcpu, u64 gpa)
{
	return vcpu->apic && lapic_mmio_hit(&vcpu->apic->lapic, gpa);
}

/**
 * apic_page_read() - the guest reads from the register page
 * @vcpu: its mutex held
 * @gpa: apic_owns_page()
 * @width: bytes
 *
 * Return: the value.
 */
u64 apic_page_read(struct vcpu *vcpu, u64 gpa, unsigned int width)
{
	struct lapic_now now = apic_now(vcpu);
	struct lapic_effects effects = { };
	u64 value;

	value = lapic_mmio_read(&vcpu->apic->lapic, &now, offset_in_page(gpa), width, &effects);
	apply(vcpu, &effects);
	return value;
}

/**
 * apic_page_write() - the guest wrote to the register page
 * @vcpu: its mutex held; RIP is behind the instruction
 * @gpa: apic_owns_page()
 * @width: bytes
 * @value: .
 *
 * Return: EXIT_RESUME, or EXIT_USER with the run page filled.
 */
enum exit_result apic_page_write(struct vcpu *vcpu, u64 gpa, unsigned int width, u64 value)
{
	struct lapic_now now = apic_now(vcpu);
	struct lapic_effects effects = { };

	lapic_mmio_write(&vcpu->apic->lapic, &now, offset_in_page(gpa), width, value, &effects);
	return conclude(vcpu, &effects);
}

/**
 * apic_page_visible() - does the guest reach the registers at this address?
 * @vcpu: its mutex held
 * @gpa: guest-physical address
 *
 * Return: false where a region hides the register page.
 */
bool apic_page_visible(const struct vcpu *vcpu, u64 gpa)
{
	return apic_owns_page(vcpu, gpa) && !guest_memory_allows(&vcpu->vm->mem, gpa, 0);
}

static bool access_valid(const struct svmvcpu_apic_access *access)
{
	if (access->exit || access->mbz)
		return false;
	return access->width >= 1 && access->width <= 8 && access->offset < PAGE_SIZE &&
	       access->width <= PAGE_SIZE - access->offset;
}

static void make_access(struct vcpu *vcpu, struct svmvcpu_apic_access *access)
{
	if (!(access->flags & SVMVCPU_APIC_WRITE)) {
		access->data = apic_page_read(vcpu, access->offset, access->width);
		return;
	}
	/* A VMM that overwrites the reason meanwhile misleads only itself. */
	if (apic_page_write(vcpu, access->offset, access->width, access->data) == EXIT_USER)
		access->exit = READ_ONCE(vcpu->run->reason);
}

/**
 * apic_access() - SVMVCPU_APIC_ACCESS
 * @vcpu: its mutex held
 * @arg: of the ioctl
 *
 * An exit that the access ends in is reported at once, not by the next RUN, so there
 * is nothing to keep: not here, nor in a snapshot, nor in the state of a vCPU.
 *
 * Return: 0; -EINVAL; -E2BIG; -ENXIO when the vCPU has no register page; -EFAULT, also
 * when the access was made and its result cannot be written.
 */
int apic_access(struct vcpu *vcpu, void __user *arg)
{
	struct svmvcpu_apic_access access;
	int ret;

	ret = svmvcpu_copy_arg_flags(&access, sizeof(access), sizeof(access),
				     SVMVCPU_APIC_WRITE, arg);
	if (ret)
		return ret;
	if (!access_valid(&access))
		return -EINVAL;
	if (!vcpu->apic || !lapic_has_page(&vcpu->apic->lapic))
		return -ENXIO;
	apic_sync(vcpu);
	make_access(vcpu, &access);
	return copy_to_user(arg, &access, sizeof(access)) ? -EFAULT : 0;
}

/* CR8 of a vCPU with a local APIC is a part of its TPR. */
u64 apic_cr8(const struct vcpu *vcpu)
{
	return lapic_cr8(&vcpu->apic->lapic);
}

void apic_set_cr8(struct vcpu *vcpu, u64 cr8)
{
	struct lapic_effects effects = { };

	lapic_set_cr8(&vcpu->apic->lapic, cr8, &effects);
	apply(vcpu, &effects);
}

/**
 * apic_tsc_changed() - the guest's TSC was set
 * @vcpu: its mutex held
 */
void apic_tsc_changed(struct vcpu *vcpu)
{
	struct lapic_effects effects = { };
	struct lapic_now now;

	if (!vcpu->apic)
		return;
	now = apic_now(vcpu);
	lapic_timer_tsc_changed(&vcpu->apic->lapic, &now, &effects);
	apply(vcpu, &effects);
}

/* --- state --------------------------------------------------------------- */

/**
 * apic_get_state() - the LAPIC component
 * @vcpu: its mutex held; apic_sync() was called
 * @state: out
 */
void apic_get_state(struct vcpu *vcpu, struct svmvcpu_lapic *state)
{
	struct lapic_effects effects = { };
	struct lapic_now now;

	if (!vcpu->apic) {
		memset(state, 0, sizeof(*state));
		return;
	}
	now = apic_now(vcpu);
	lapic_get_state(&vcpu->apic->lapic, &now, state, &effects);
	apply(vcpu, &effects);
	if (test_bit(VCPU_REQ_INIT, &vcpu->requests))
		state->pins |= SVMVCPU_LAPIC_INIT;
}

/**
 * apic_state_valid() - can this vCPU's local APIC be in this state?
 * @vcpu: its mutex held
 * @state: copied from user space
 */
bool apic_state_valid(const struct vcpu *vcpu, const struct svmvcpu_lapic *state)
{
	if (!vcpu->apic)
		return !memchr_inv(state, 0, sizeof(*state));
	return lapic_state_valid(&vcpu->apic->lapic, state);
}

static void drop_posted(struct apic_inbox *inbox, u32 pins)
{
	WRITE_ONCE(inbox->what, 0);
	bitmap_zero(inbox->edge, APIC_VECTORS);
	bitmap_zero(inbox->level, APIC_VECTORS);
	atomic_set(&inbox->lint, pins);
}

/**
 * apic_put_state() - set the LAPIC component
 * @vcpu: its mutex held; its TSC has been set
 * @state: passed apic_state_valid()
 *
 * What has been posted is dropped, and an INIT that waits: it was for the old state.
 */
void apic_put_state(struct vcpu *vcpu, const struct svmvcpu_lapic *state)
{
	struct lapic_effects effects = { };
	struct lapic_now now;

	if (!vcpu->apic)
		return;
	now = apic_now(vcpu);
	clear_bit(VCPU_REQ_INIT, &vcpu->requests);
	lapic_set_state(&vcpu->apic->lapic, &now, state, &effects);
	drop_posted(&vcpu->apic->inbox, vcpu->apic->lapic.pins);
	apply(vcpu, &effects);
}

/**
 * apic_snapshot() - copy the local APIC, for apic_restore()
 * @vcpu: has one; its mutex held
 * @lapic: out
 */
void apic_snapshot(struct vcpu *vcpu, struct lapic *lapic)
{
	apic_sync(vcpu);
	*lapic = vcpu->apic->lapic;
}

/**
 * apic_restore() - a local APIC becomes what it was
 * @vcpu: has one; its mutex held; its TSC has been put back
 * @lapic: from apic_snapshot()
 * @ns: how long ago that was: the timer still has what it had to go then
 *
 * What has been posted is dropped: it was for the state that is gone.
 */
void apic_restore(struct vcpu *vcpu, const struct lapic *lapic, u64 ns)
{
	struct vcpu_apic *apic = vcpu->apic;

	drop_posted(&apic->inbox, lapic->pins);
	apic->lapic = *lapic;
	if (apic->lapic.timer_due)
		apic->lapic.timer_due = min_t(u64, apic->lapic.timer_due + ns, KTIME_MAX);
	apic->maybe_pending = true;
	program_timer(apic);
}

/**
 * apic_reset() - the state after RESET
 * @vcpu: its mutex held
 */
void apic_reset(struct vcpu *vcpu)
{
	struct vcpu_apic *apic = vcpu->apic;
	const u32 has = vcpu->cpuid->limits.has;
	const struct lapic_config config = {
		.id = vcpu->id,
		.tsc_khz = has & CPU_HAS_DEADLINE ? tsc_khz : 0,
		.maxphyaddr = svm_limits.gpa_bits,
		.bsp = !vcpu->id,
		.present = has & CPU_HAS_APIC,
		.x2apic = has & CPU_HAS_X2APIC,
	};

	if (!apic)
		return;
	drop_posted(&apic->inbox, 0);
	apic->maybe_pending = false;
	lapic_power_up(&apic->lapic, &config);
	program_timer(apic);
}

/* --- creation and end ---------------------------------------------------- */

/**
 * apic_create() - give a vCPU a local APIC
 * @vcpu: new; its VM set. apic_reset() comes next
 *
 * Return: 0 or -ENOMEM.
 */
int apic_create(struct vcpu *vcpu)
{
	struct vcpu_apic *apic;

	apic = kzalloc(sizeof(*apic), GFP_KERNEL_ACCOUNT);
	if (!apic)
		return -ENOMEM;
	apic->vcpu = vcpu;
	compat_hrtimer_setup(&apic->timer, timer_fired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	vcpu->apic = apic;
	spin_lock_irq(&vcpu->vm->apics_lock);
	list_add_tail(&apic->in_vm, &vcpu->vm->apics);
	spin_unlock_irq(&vcpu->vm->apics_lock);
	return 0;
}

/**
 * apic_destroy() - nobody sends anything to it any more
 * @vcpu: with or without a local APIC
 *
 * Context: process context.
 */
void apic_destroy(struct vcpu *vcpu)
{
	struct vcpu_apic *apic = vcpu->apic;

	if (!apic)
		return;
	spin_lock_irq(&vcpu->vm->apics_lock);
	list_del(&apic->in_vm);
	spin_unlock_irq(&vcpu->vm->apics_lock);
	hrtimer_cancel(&apic->timer);
	kfree(apic);
	vcpu->apic = NULL;
}
