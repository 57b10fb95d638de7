// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's local APIC: connects the model in apic/ with a clock, a timer, the inbox and
 * the other vCPUs of the VM. apic.h describes who may use what.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <asm/tsc.h>

#include "compat.h"
#include "mm/memory.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/resample.h"
#include "vcpu/vm.h"

/* Start a call of the model that does not depend on the time. */
static struct lapic *untimed(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->apic->lapic;

	lapic->effects.flags = 0;
	return lapic;
}

/* Start a call of the model. apply() or conclude() applies its effects. */
static struct lapic *timed(struct vcpu *vcpu)
{
	vcpu->apic->lapic.now = (struct lapic_now) {
		.ns = ktime_get_ns(), .tsc = guest_tsc(vcpu),
	};
	return untimed(vcpu);
}

/* --- posting ------------------------------------------------------------- */

static void post(struct vcpu_apic *apic, unsigned int what)
{
	set_bit(what, &apic->inbox.what);
	vcpu_kick(apic->vcpu);
}

/* An INIT cancels a STARTUP that still waits. */
static void post_init(struct vcpu_apic *apic)
{
	unsigned long old = READ_ONCE(apic->inbox.what), new;

	do {
		new = (old & ~STARTUP_BITS) | BIT(POST_INIT);
	} while (!try_cmpxchg(&apic->inbox.what, &old, new));
	vcpu_kick(apic->vcpu);
}

/* The first STARTUP counts: the vCPU no longer waits for the next one. */
static void post_startup(struct vcpu_apic *apic, u8 vector)
{
	unsigned long old = READ_ONCE(apic->inbox.what), new;

	do {
		if (old & BIT(POST_STARTUP))
			return;
		new = old | BIT(POST_STARTUP) | (unsigned long)vector << STARTUP_VECTOR_SHIFT;
	} while (!try_cmpxchg(&apic->inbox.what, &old, new));
	vcpu_kick(apic->vcpu);
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	post(container_of(timer, struct vcpu_apic, timer), POST_TIMER);
	return HRTIMER_NORESTART;
}

/*
 * Post a message that lapic_matches(). If the vCPU is changing a register that decides
 * whether it matches, the message counts as sent either before or after the change.
 */
static bool post_message(struct vcpu_apic *apic, const struct lapic_msg *msg)
{
	struct apic_inbox *inbox = &apic->inbox;

	switch (msg->mode) {
	case LAPIC_MSG_FIXED:
	case LAPIC_MSG_LOWEST:
		set_bit(msg->vector, msg->level ? inbox->level : inbox->edge);
		/* Pairs with xchg() in apic_sync_slow(): set the vector before the POST bit. */
		smp_mb__after_atomic();
		post(apic, msg->level ? POST_LEVEL : POST_EDGE);
		return true;
	case LAPIC_MSG_NMI:
		post(apic, POST_NMI);
		return true;
	case LAPIC_MSG_INIT:
		post_init(apic);
		return true;
	case LAPIC_MSG_STARTUP:
		post_startup(apic, msg->vector);
		return true;
	default:
		return false;
	}
}

/* The matching local APIC with the lowest priority that accepts interrupts */
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
 * Send a message to every matching local APIC, to the sender only with @msg->sender_too:
 * it has handled other messages to itself already. Returns the number of receivers.
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
			if ((apic != sender || msg->sender_too) && lapic_matches(&apic->lapic, msg))
				takers += post_message(apic, msg);
	}
	spin_unlock_irqrestore(&vm->apics_lock, flags);
	return takers;
}

bool apic_message_valid(const struct svmvcpu_message *message)
{
	if (message->mbz[0] || message->mbz[1])
		return false;
	switch (message->mode) {
	case SVMVCPU_MSG_FIXED:
	case SVMVCPU_MSG_LOWEST:
		return message->vector >= 16;
	case SVMVCPU_MSG_NMI:
	case SVMVCPU_MSG_INIT:
		return !message->vector && !(message->flags & SVMVCPU_MSG_LEVEL);
	case SVMVCPU_MSG_STARTUP:
		return !(message->flags & SVMVCPU_MSG_LEVEL);
	default:
		return false;
	}
}

/**
 * apic_message() - SVMVCPU_MESSAGE: send an MSI or a message of an I/O APIC
 * @vm: the VM
 * @message: copied from user space, with valid flags
 *
 * Context: any but NMI.
 * Return: the number of local APICs that received it, or -EINVAL.
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

	return apic_message_valid(message) ? send(vm, NULL, &msg) : -EINVAL;
}

/**
 * apic_lint() - SVMVCPU_LINT: drive the local interrupt pins
 * @vcpu: vCPU with a local APIC
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
		/* If the timer is expiring right now, the handler finds nothing due. */
		hrtimer_try_to_cancel(&apic->timer);
}

/* CR8 of the guest */
static void put_tpr(struct vcpu *vcpu)
{
	vmcb_set_tpr(vcpu->vmcb, lapic_cr8(&vcpu->apic->lapic));
}

/* Apply all effects except LAPIC_GP, LAPIC_EOI and LAPIC_IPI, which concern the instruction. */
static void apply(struct vcpu *vcpu)
{
	struct vcpu_apic *apic = vcpu->apic;
	const struct lapic_effects *effects = &apic->lapic.effects;

	put_tpr(vcpu);
	if (effects->flags & LAPIC_IRQ)
		apic->maybe_pending = true;
	if (effects->flags & LAPIC_TIMER)
		program_timer(apic);
	if (effects->flags & LAPIC_NMI)
		vcpu->nmi_latched = true;
	/* run.c handles the INIT: the registers cannot change in the middle of an exit. */
	if (effects->flags & LAPIC_INIT) {
		clear_bit(VCPU_REQ_STARTUP, &vcpu->requests);
		set_bit(VCPU_REQ_INIT, &vcpu->requests);
	}
}

/* Send an IPI of the guest. Returns false if that is up to the VMM. */
static bool send_ipi(struct vcpu *vcpu, const struct lapic_msg *ipi)
{
	/* As in hardware, an interrupt without a receiver is lost. */
	if (!lapic_msg_controls(ipi)) {
		send(vcpu->vm, vcpu->apic, ipi);
		return true;
	}
	/* No local APIC takes an SMI; see post_message(). */
	return !vcpu->ipi_exits && send(vcpu->vm, vcpu->apic, ipi) > 0;
}

static enum exit_result exit_ipi(struct vcpu *vcpu, const struct lapic_msg *ipi)
{
	bool self = ipi->sender_too && lapic_matches(&vcpu->apic->lapic, ipi);

	vcpu->run->ipi = (struct svmvcpu_exit_ipi) {
		.dest = ipi->dest,
		.flags = (ipi->logical ? SVMVCPU_IPI_LOGICAL : 0) |
			 (ipi->all ? SVMVCPU_IPI_ALL : 0) | (self ? SVMVCPU_IPI_SELF : 0),
		.vector = ipi->vector,
		.mode = ipi->mode,
	};
	return exit_to_user(vcpu, SVMVCPU_EXIT_IPI);
}

/* Effects that may end RUN. A call of the model has at most one of them. */
static noinline enum exit_result conclude_exit(struct vcpu *vcpu)
{
	const struct lapic_effects *effects = &vcpu->apic->lapic.effects;

	if (effects->flags & LAPIC_IPI)
		return send_ipi(vcpu, &effects->ipi) ? EXIT_RESUME :
						       exit_ipi(vcpu, &effects->ipi);
	if (resample_eoi(vcpu->vm, effects->eoi_vector))
		return EXIT_RESUME;
	vcpu->run->eoi = (struct svmvcpu_exit_eoi) { .vector = effects->eoi_vector };
	return exit_to_user(vcpu, SVMVCPU_EXIT_IOAPIC_EOI);
}

/* Finish an access of the guest after its instruction has been skipped. */
static enum exit_result conclude(struct vcpu *vcpu)
{
	apply(vcpu);
	if (vcpu->apic->lapic.effects.flags & (LAPIC_EOI | LAPIC_IPI))
		return conclude_exit(vcpu);
	return EXIT_RESUME;
}

static void take_vectors(struct lapic *lapic, unsigned long *posted, bool level)
{
	unsigned int word, bit;

	for (word = 0; word < BITS_TO_LONGS(APIC_VECTORS); word++) {
		unsigned long vectors = READ_ONCE(posted[word]) ? xchg(&posted[word], 0) : 0;

		for_each_set_bit(bit, &vectors, BITS_PER_LONG)
			lapic_set_irq(lapic, word * BITS_PER_LONG + bit, level);
	}
}

/* A pulse that ended before this call still counts as a rising edge. */
static void take_lint(struct vcpu_apic *apic)
{
	int lint = atomic_fetch_and(~LINT_ROSE, &apic->inbox.lint), pin;

	for (pin = 0; pin < 2; pin++) {
		if (lint & BIT(pin + LINT_ROSE_SHIFT)) {
			lapic_lint(&apic->lapic, pin, false);
			lapic_lint(&apic->lapic, pin, true);
		}
		lapic_lint(&apic->lapic, pin, lint & BIT(pin));
	}
}

/*
 * A STARTUP is ignored unless the vCPU waits for it, will wait after an INIT, or may wait
 * when the VMM has handled an INIT. The first of several counts.
 */
static void take_startup(struct vcpu *vcpu, u8 vector)
{
	if (vcpu->activity != SVMVCPU_ACTIVITY_WAIT_SIPI && !vcpu->init_reported &&
	    !test_bit(VCPU_REQ_INIT, &vcpu->requests))
		return;
	if (test_bit(VCPU_REQ_STARTUP, &vcpu->requests))
		return;
	vcpu->startup_vector = vector;
	set_bit(VCPU_REQ_STARTUP, &vcpu->requests);
}

/* apic_sync() if something has been posted */
void apic_sync_slow(struct vcpu *vcpu)
{
	struct vcpu_apic *apic = vcpu->apic;
	unsigned long what = xchg(&apic->inbox.what, 0);
	struct lapic *lapic = what & BIT(POST_TIMER) ? timed(vcpu) : untimed(vcpu);

	if (what & BIT(POST_EDGE))
		take_vectors(lapic, apic->inbox.edge, false);
	if (what & BIT(POST_LEVEL))
		take_vectors(lapic, apic->inbox.level, true);
	if (what & BIT(POST_LINT))
		take_lint(apic);
	if (what & BIT(POST_NMI))
		lapic->effects.flags |= LAPIC_NMI;
	if (what & BIT(POST_INIT))
		lapic->effects.flags |= LAPIC_INIT;
	if (what & BIT(POST_TIMER)) {
		lapic_timer_expired(lapic);
		/* The host timer has expired: program it again even if nothing has changed. */
		lapic->effects.flags |= LAPIC_TIMER;
	}
	apply(vcpu);
	if (what & BIT(POST_STARTUP))
		take_startup(vcpu, what >> STARTUP_VECTOR_SHIFT);
}

/* --- interrupts for the guest -------------------------------------------- */

/* apic_pending() if an interrupt may be pending */
int apic_pending_slow(struct vcpu_apic *apic)
{
	int vector = lapic_pending(&apic->lapic);

	apic->maybe_pending = vector >= 0;
	apic->pending = vector;
	return vector;
}

/**
 * apic_take() - acknowledge the interrupt that apic_pending() has just returned
 * @vcpu: vCPU with a local APIC
 *
 * Return: the event in EVENTINJ layout.
 */
u64 apic_take(struct vcpu *vcpu)
{
	return EVENT_V | EVENT_TYPE_INTR | lapic_ack(&vcpu->apic->lapic, vcpu->apic->pending);
}

/* --- the guest's accesses ------------------------------------------------ */

/**
 * exit_apic_msr() - RDMSR or WRMSR of a register that lapic_owns_msr()
 * @vcpu: vCPU with a local APIC
 * @index: ECX
 * @write: WRMSR
 * @atomic: see exit.h
 *
 * Return: as an exit_handler.
 */
enum exit_result exit_apic_msr(struct vcpu *vcpu, u32 index, bool write, bool atomic)
{
	struct lapic *lapic;
	u64 value = 0;
	enum exit_result ret;

	ret = guest_next_rip(vcpu, BIT_ULL(write ? INSN_WRMSR : INSN_RDMSR), atomic);
	if (ret)
		return ret;
	lapic = lapic_msr_timed(index) ? timed(vcpu) : untimed(vcpu);
	if (write)
		lapic_msr_write(lapic, index, vcpu_edx_eax(vcpu));
	else
		value = lapic_msr_read(lapic, index);
	if (lapic->effects.flags & LAPIC_GP) {
		event_raise_gp(vcpu);
		return EXIT_RESUME;
	}
	if (!write)
		vcpu_put_edx_eax(vcpu, value);
	guest_skip_to(vcpu, vcpu->next_rip);
	return conclude(vcpu);
}

/**
 * apic_owns_page() - whether an address is in the register page, where no region is
 * @vcpu: vCPU with or without a local APIC
 * @gpa: guest-physical address
 */
bool apic_owns_page(const struct vcpu *vcpu, u64 gpa)
{
	return vcpu->apic && lapic_mmio_hit(&vcpu->apic->lapic, gpa);
}

/**
 * apic_page_read() - the guest reads from the register page
 * @vcpu: the vCPU
 * @gpa: address for which apic_owns_page()
 * @width: number of bytes
 *
 * Return: the value.
 */
u64 apic_page_read(struct vcpu *vcpu, u64 gpa, unsigned int width)
{
	u64 value = lapic_mmio_read(timed(vcpu), offset_in_page(gpa), width);

	apply(vcpu);
	return value;
}

/**
 * apic_page_write() - the guest writes to the register page
 * @vcpu: the vCPU; RIP is behind the instruction
 * @gpa: address for which apic_owns_page()
 * @width: number of bytes
 * @value: value to write
 *
 * Return: EXIT_RESUME, or EXIT_USER with the run page filled.
 */
enum exit_result apic_page_write(struct vcpu *vcpu, u64 gpa, unsigned int width, u64 value)
{
	lapic_mmio_write(timed(vcpu), offset_in_page(gpa), width, value);
	return conclude(vcpu);
}

/**
 * apic_page_visible() - whether the guest reaches the registers at an address
 * @vcpu: the vCPU
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
	/* The VMM can change the reason concurrently, but that misleads only itself. */
	if (apic_page_write(vcpu, access->offset, access->width, access->data) == EXIT_USER)
		access->exit = READ_ONCE(vcpu->run->reason);
}

/**
 * apic_access() - SVMVCPU_APIC_ACCESS
 * @vcpu: vCPU with or without a local APIC
 * @arg: argument of the ioctl
 *
 * If the access causes an exit, this call reports it rather than the next RUN. So there
 * is no pending exit to keep in the vCPU, in a snapshot or in the saved state.
 *
 * Return: 0, -EINVAL, -E2BIG, -ENXIO if the vCPU has no register page, or -EFAULT, even
 * if the access was made and only its result cannot be written.
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

void apic_set_cr8(struct vcpu *vcpu, u64 cr8)
{
	lapic_set_cr8(untimed(vcpu), cr8);
	apply(vcpu);
}

/**
 * apic_tsc_changed() - the guest's TSC has been set
 * @vcpu: vCPU with or without a local APIC
 */
void apic_tsc_changed(struct vcpu *vcpu)
{
	if (!vcpu->apic)
		return;
	lapic_timer_tsc_changed(timed(vcpu));
	apply(vcpu);
}

/* --- state --------------------------------------------------------------- */

/**
 * apic_get_state() - the LAPIC component of the state
 * @vcpu: the vCPU, after apic_sync()
 * @state: out
 */
void apic_get_state(struct vcpu *vcpu, struct svmvcpu_lapic *state)
{
	if (!vcpu->apic) {
		memset(state, 0, sizeof(*state));
		return;
	}
	lapic_get_state(timed(vcpu), state);
	apply(vcpu);
	if (test_bit(VCPU_REQ_INIT, &vcpu->requests))
		state->pins |= SVMVCPU_LAPIC_INIT;
	if (test_bit(VCPU_REQ_STARTUP, &vcpu->requests))
		state->pins |= SVMVCPU_LAPIC_SIPI |
			       vcpu->startup_vector << SVMVCPU_LAPIC_SIPI_SHIFT;
}

/**
 * apic_state_valid() - whether the local APIC can be in a state
 * @vcpu: vCPU with or without a local APIC
 * @state: copied from user space
 */
bool apic_state_valid(const struct vcpu *vcpu, const struct svmvcpu_lapic *state)
{
	if (!vcpu->apic)
		return !memchr_inv(state, 0, sizeof(*state));
	return lapic_state_valid(&vcpu->apic->lapic, state);
}

/* Drops all bits but @keep of inbox.what, and returns what they were. */
static unsigned long drop_posted(struct apic_inbox *inbox, u32 pins, unsigned long keep)
{
	unsigned long what = READ_ONCE(inbox->what);

	while (!try_cmpxchg(&inbox->what, &what, what & keep))
		;
	bitmap_zero(inbox->edge, APIC_VECTORS);
	bitmap_zero(inbox->level, APIC_VECTORS);
	atomic_set(&inbox->lint, pins);
	return what;
}

/* A waiting INIT and STARTUP */
static void drop_signals(struct vcpu *vcpu)
{
	clear_bit(VCPU_REQ_INIT, &vcpu->requests);
	clear_bit(VCPU_REQ_STARTUP, &vcpu->requests);
}

/**
 * apic_put_state() - set the LAPIC component of the state
 * @vcpu: the vCPU; its TSC has been set
 * @state: passed apic_state_valid()
 *
 * Drops everything that has been posted, and a waiting INIT and STARTUP: they belong to
 * the old state.
 */
void apic_put_state(struct vcpu *vcpu, const struct svmvcpu_lapic *state)
{
	if (!vcpu->apic)
		return;
	drop_signals(vcpu);
	lapic_set_state(timed(vcpu), state);
	drop_posted(&vcpu->apic->inbox, vcpu->apic->lapic.pins, 0);
	apply(vcpu);
	if (state->pins & SVMVCPU_LAPIC_SIPI)
		take_startup(vcpu, state->pins >> SVMVCPU_LAPIC_SIPI_SHIFT);
}

/**
 * apic_restore() - restore the local APIC from a snapshot
 * @vcpu: vCPU with a local APIC; its TSC has been restored
 * @lapic: copy of vcpu_apic.lapic
 * @ns: age of the snapshot; the timer keeps its remaining time
 *
 * Drops everything that has been posted: it belongs to the old state.
 */
void apic_restore(struct vcpu *vcpu, const struct lapic *lapic, u64 ns)
{
	struct vcpu_apic *apic = vcpu->apic;

	drop_posted(&apic->inbox, lapic->pins, 0);
	apic->lapic = *lapic;
	if (apic->lapic.timer_due)
		apic->lapic.timer_due = min_t(u64, apic->lapic.timer_due + ns, KTIME_MAX);
	apic->maybe_pending = true;
	put_tpr(vcpu);
	program_timer(apic);
}

static struct lapic_config config_of(const struct vcpu *vcpu)
{
	const u32 has = vcpu->cpuid->limits.has;

	return (struct lapic_config) {
		.id = vcpu->id,
		.tsc_khz = has & CPU_HAS_DEADLINE ? tsc_khz : 0,
		.maxphyaddr = svm_limits.gpa_bits,
		.bsp = !vcpu->id,
		.present = has & CPU_HAS_APIC,
		.x2apic = has & CPU_HAS_X2APIC,
	};
}

/*
 * If the VMM handles an INIT by SETUP, a STARTUP after this INIT stays: the next RUN decides
 * whether the vCPU waits for it. Another INIT drops those before it.
 */
static void drop_for_setup(struct vcpu *vcpu)
{
	const unsigned long keep = vcpu->init_reported ? STARTUP_BITS : 0;
	unsigned long what = drop_posted(&vcpu->apic->inbox, 0, keep);

	clear_bit(VCPU_REQ_INIT, &vcpu->requests);
	if (!keep || (what & BIT(POST_INIT)))
		clear_bit(VCPU_REQ_STARTUP, &vcpu->requests);
}

/**
 * apic_reset() - set the state after RESET
 * @vcpu: vCPU with or without a local APIC
 */
void apic_reset(struct vcpu *vcpu)
{
	const struct lapic_config config = config_of(vcpu);
	struct vcpu_apic *apic = vcpu->apic;

	if (!apic)
		return;
	drop_for_setup(vcpu);
	apic->maybe_pending = false;
	lapic_power_up(&apic->lapic, &config);
	put_tpr(vcpu);
	program_timer(apic);
}

/**
 * apic_cpuid_changed() - the vCPU has another CPUID table
 * @vcpu: vCPU with or without a local APIC
 *
 * Keeps the state unless the local APIC appears or disappears.
 */
void apic_cpuid_changed(struct vcpu *vcpu)
{
	const struct lapic_config config = config_of(vcpu);

	if (!vcpu->apic)
		return;
	if (config.present == vcpu->apic->lapic.config.present)
		vcpu->apic->lapic.config = config;
	else
		apic_reset(vcpu);
}

/**
 * apic_init_signal() - the vCPU receives an INIT
 * @vcpu: vCPU with a local APIC
 *
 * Return: whether it is the bootstrap processor.
 */
bool apic_init_signal(struct vcpu *vcpu)
{
	struct lapic *lapic = timed(vcpu);

	lapic_init_signal(lapic);
	apply(vcpu);
	return lapic->base & LAPIC_BASE_BSP;
}

/* --- creation and end ---------------------------------------------------- */

/**
 * apic_create() - give a new vCPU a local APIC
 * @vcpu: the vCPU; its VM is set. The caller calls apic_reset() next
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
 * apic_destroy() - free the local APIC; nothing can be posted any more
 * @vcpu: vCPU with or without a local APIC
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
