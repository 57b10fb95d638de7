// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's interrupts: from a message or pin to IRR, from there to the
 * vCPU, and out of ISR; and messages to other local APICs.
 *
 * Owns the priorities and the rules of delivery. See lapic.h for who may call
 * it. A vector's priority class is its upper four bits.
 */
#include "apic/lapic_reg.h"

#define FIRST_VECTOR	16	/* the lower ones are illegal */

static bool vector_test(const struct lapic *l, unsigned int table, u8 vector)
{
	return l->regs[table + vector / 32] & 1U << vector % 32;
}

static void vector_set(struct lapic *l, unsigned int table, u8 vector)
{
	l->regs[table + vector / 32] |= 1U << vector % 32;
}

static void vector_clear(struct lapic *l, unsigned int table, u8 vector)
{
	l->regs[table + vector / 32] &= ~(1U << vector % 32);
}

/* The highest vector in a table, or -1. */
static int vector_highest(const struct lapic *l, unsigned int table)
{
	int i;

	for (i = 7; i >= 0; i--)
		if (l->regs[table + i])
			return i * 32 + 31 - __builtin_clz(l->regs[table + i]);
	return -1;
}

static u8 max_priority(u8 base, int vector)
{
	if (vector >> 4 > base >> 4)
		return vector & 0xf0;
	return base;
}

/**
 * lapic_ppr() - the processor's priority
 * @l: the local APIC
 *
 * Return: PPR: the higher of TPR and what is in service
 */
u8 lapic_ppr(const struct lapic *l)
{
	return max_priority(l->regs[REG_TPR], vector_highest(l, REG_ISR));
}

/**
 * lapic_apr() - the priority in lowest-priority arbitration
 * @l: the local APIC
 *
 * Return: APR: the higher of PPR and what is requested
 */
u8 lapic_apr(const struct lapic *l)
{
	return max_priority(lapic_ppr(l), vector_highest(l, REG_IRR));
}

static bool deliverable(const struct lapic *l, int vector)
{
	return lapic_is_enabled(l) && vector >> 4 > lapic_ppr(l) >> 4;
}

/**
 * lapic_takes_irqs() - does it take fixed interrupts at all?
 * @l: the local APIC
 *
 * Return: false while it is disabled, or disabled by software
 */
bool lapic_takes_irqs(const struct lapic *l)
{
	return lapic_is_enabled(l) && lapic_soft_enabled(l);
}

/**
 * lapic_pending() - what the vCPU should be interrupted with
 * @l: the vCPU's
 *
 * What was requested before software disabled the APIC is still delivered.
 *
 * Return: the highest vector above the processor's priority, or -1
 */
int lapic_pending(const struct lapic *l)
{
	int vector = vector_highest(l, REG_IRR);

	return deliverable(l, vector) ? vector : -1;
}

/**
 * lapic_ack() - the vCPU takes an interrupt
 * @l: the vCPU's
 * @vector: from lapic_pending(), not necessarily a moment ago
 *
 * Return: the vector that the guest gets: @vector, which now is in service; or
 *	the spurious one, which never is, if @vector cannot be delivered any more
 */
int lapic_ack(struct lapic *l, u8 vector)
{
	if (!vector_test(l, REG_IRR, vector) || !deliverable(l, vector))
		return l->regs[REG_SVR] & MSG_VECTOR;
	vector_clear(l, REG_IRR, vector);
	vector_set(l, REG_ISR, vector);
	return vector;
}

/**
 * lapic_tpr_threshold() - at which CR8 is the guest to be looked at again?
 * @l: the vCPU's
 *
 * For a caller that does not see every write to CR8.
 *
 * Return: an interrupt waits only for the guest to make CR8 less than this;
 *	0: there is none
 */
unsigned int lapic_tpr_threshold(const struct lapic *l)
{
	int irr = vector_highest(l, REG_IRR), isr = vector_highest(l, REG_ISR);

	if (!lapic_is_enabled(l) || irr >> 4 <= isr >> 4 || deliverable(l, irr))
		return 0;
	return irr >> 4;
}

/**
 * lapic_cr8() - the guest's CR8
 * @l: the vCPU's
 *
 * Return: the upper four bits of TPR
 */
unsigned int lapic_cr8(const struct lapic *l)
{
	return l->regs[REG_TPR] >> 4;
}

/**
 * lapic_set_tpr() - the guest writes TPR
 * @l: the local APIC
 * @tpr: value
 * @effects: effects: a higher one lets nothing in that was kept out
 */
void lapic_set_tpr(struct lapic *l, u32 tpr, struct lapic_effects *effects)
{
	if (tpr < l->regs[REG_TPR])
		effects->flags |= LAPIC_IRQ;
	l->regs[REG_TPR] = tpr;
}

/**
 * lapic_set_cr8() - the guest writes CR8
 * @l: the vCPU's
 * @cr8: 0 to 15; other bits are not looked at
 * @effects: effects
 *
 * Clears the lower four bits of TPR. A caller that copies from the VMCB should
 * do so only if V_TPR is not lapic_cr8() already.
 */
void lapic_set_cr8(struct lapic *l, unsigned int cr8, struct lapic_effects *effects)
{
	lapic_set_tpr(l, (cr8 & 15) << 4, effects);
}

/**
 * lapic_error() - log errors
 * @l: the local APIC
 * @errors: ESR_*
 * @effects: effects
 *
 * The first one since ESR was written also raises the error interrupt; should
 * that have an illegal vector itself, the recursion ends here.
 */
void lapic_error(struct lapic *l, u32 errors, struct lapic_effects *effects)
{
	bool first = !l->esr_pending;

	l->esr_pending |= errors;
	if (first)
		lapic_lvt_fire(l, REG_LVT_ERROR, effects);
}

/**
 * lapic_set_irq() - a fixed interrupt arrives
 * @l: the destination
 * @vector: its vector
 * @level: level-triggered: its EOI is to be reported
 * @effects: effects
 *
 * Return: true if this is a new request; false if there was one for the same
 *	vector already, the vector is illegal or the APIC disabled
 */
bool lapic_set_irq(struct lapic *l, u8 vector, bool level, struct lapic_effects *effects)
{
	if (!lapic_takes_irqs(l))
		return false;
	if (vector < FIRST_VECTOR) {
		lapic_error(l, ESR_RECV_ILLEGAL, effects);
		return false;
	}
	if (level)
		vector_set(l, REG_TMR, vector);
	else
		vector_clear(l, REG_TMR, vector);
	if (vector_test(l, REG_IRR, vector))
		return false;
	vector_set(l, REG_IRR, vector);
	effects->flags |= LAPIC_IRQ;
	return true;
}

/* --- pins and local sources --------------------------------------------- */

/* LINT0 as a level-triggered fixed interrupt; LINT1 is always edge-triggered */
static bool lint_is_level(const struct lapic *l)
{
	u32 lvt = l->regs[REG_LVT_LINT0];

	return (lvt & MSG_LEVEL) && MSG_MODE(lvt) == LAPIC_MSG_FIXED;
}

/**
 * lapic_lint_changed() - LINT0 is asserted, unmasked, or its EOI came
 * @l: the local APIC
 * @effects: effects
 *
 * A level-triggered pin interrupts as long as it is asserted, but not twice
 * before an EOI: Remote IRR says that one is under way.
 */
void lapic_lint_changed(struct lapic *l, struct lapic_effects *effects)
{
	u32 lvt = l->regs[REG_LVT_LINT0];

	if (!lint_is_level(l) || !(l->pins & 1) ||
	    (lvt & (LVT_MASKED | LVT_REMOTE_IRR)))
		return;
	if (lapic_set_irq(l, lvt & MSG_VECTOR, true, effects))
		l->regs[REG_LVT_LINT0] |= LVT_REMOTE_IRR;
}

/**
 * lapic_lvt_fire() - a local source has an event
 * @l: the local APIC
 * @reg: its REG_LVT_*
 * @effects: effects
 *
 * SMI means nothing to a vCPU without SMM. ExtINT is a state of the pin, not an
 * event: lapic_takes_extint().
 */
void lapic_lvt_fire(struct lapic *l, unsigned int reg, struct lapic_effects *effects)
{
	u32 lvt = l->regs[reg];

	if (lvt & LVT_MASKED)
		return;
	switch (MSG_MODE(lvt)) {
	case LAPIC_MSG_FIXED:
		lapic_set_irq(l, lvt & MSG_VECTOR, false, effects);
		break;
	case LAPIC_MSG_NMI:
		effects->flags |= LAPIC_NMI;
		break;
	case LAPIC_MSG_INIT:
		effects->flags |= LAPIC_INIT;
		break;
	}
}

static void lint_rises(struct lapic *l, unsigned int pin, struct lapic_effects *effects)
{
	if (!lapic_is_enabled(l)) {
		/* then the pins are INTR, see lapic_takes_extint(), and NMI */
		if (pin)
			effects->flags |= LAPIC_NMI;
	} else if (!pin && lint_is_level(l)) {
		lapic_lint_changed(l, effects);
	} else {
		lapic_lvt_fire(l, REG_LVT_LINT0 + pin, effects);
	}
}

/**
 * lapic_lint() - a local interrupt pin is driven
 * @l: the vCPU's
 * @pin: 0 (the PIC, usually) or 1 (NMI, usually)
 * @asserted: its new state
 * @effects: effects
 */
void lapic_lint(struct lapic *l, unsigned int pin, bool asserted,
		struct lapic_effects *effects)
{
	u32 bit = pin ? 2 : 1;
	bool rises = asserted && !(l->pins & bit);

	l->pins = asserted ? l->pins | bit : l->pins & ~bit;
	if (rises)
		lint_rises(l, !!pin, effects);
}

/**
 * lapic_takes_extint() - may an external interrupt controller interrupt?
 * @l: the vCPU's
 *
 * Return: whether an interrupt whose vector the PIC (or the VMM) knows reaches
 *	the vCPU; its priority is not the local APIC's business
 */
bool lapic_takes_extint(const struct lapic *l)
{
	u32 lvt = l->regs[REG_LVT_LINT0];

	return !lapic_is_enabled(l) || (!(lvt & LVT_MASKED) &&
				     MSG_MODE(lvt) == LAPIC_MSG_EXTINT);
}

/**
 * lapic_eoi() - the guest is done with the highest interrupt in service
 * @l: the local APIC
 * @effects: effects
 */
void lapic_eoi(struct lapic *l, struct lapic_effects *effects)
{
	int vector = vector_highest(l, REG_ISR);
	u32 *lint0 = &l->regs[REG_LVT_LINT0];

	if (vector < 0)
		return;
	vector_clear(l, REG_ISR, vector);
	effects->flags |= LAPIC_IRQ;
	if (!vector_test(l, REG_TMR, vector))
		return;
	effects->flags |= LAPIC_EOI;
	effects->eoi_vector = vector;
	if ((*lint0 & MSG_VECTOR) == (u32)vector)
		*lint0 &= ~(u32)LVT_REMOTE_IRR;
	lapic_lint_changed(l, effects);
}

/* --- messages ----------------------------------------------------------- */

static bool logical_match(const struct lapic *l, u32 dest)
{
	u32 ldr = l->regs[REG_LDR];

	if (lapic_is_x2(l))
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	ldr >>= 24;
	if (dest > 0xff)
		return false;
	switch (l->regs[REG_DFR] >> 28) {
	case 0xf:	/* flat */
		return dest & ldr;
	case 0:		/* cluster; 15 is all of them */
		return (dest >> 4 == 15 || dest >> 4 == ldr >> 4) &&
		       (dest & ldr & 15);
	default:
		return false;
	}
}

/**
 * lapic_matches() - is this local APIC among a message's destinations?
 * @l: the local APIC
 * @msg: the message
 *
 * Return: whether to call lapic_accept()
 */
bool lapic_matches(const struct lapic *l, const struct lapic_msg *msg)
{
	u32 id = l->regs[REG_ID];

	if (!lapic_is_enabled(l))
		return false;
	if (msg->all)
		return true;
	if (msg->logical)
		return logical_match(l, msg->dest);
	return msg->dest == (lapic_is_x2(l) ? id : id >> 24);
}

/**
 * lapic_accept() - take a message
 * @l: a destination, as lapic_matches() says
 * @msg: the message
 * @effects: effects; NMI, INIT and SIPI are the caller's
 *
 * Return: for fixed interrupts that of lapic_set_irq(), else whether the
 *	message means anything
 */
bool lapic_accept(struct lapic *l, const struct lapic_msg *msg,
		  struct lapic_effects *effects)
{
	switch (msg->mode) {
	case LAPIC_MSG_FIXED:
	case LAPIC_MSG_LOWEST:
		return lapic_set_irq(l, msg->vector, msg->level, effects);
	case LAPIC_MSG_NMI:
		effects->flags |= LAPIC_NMI;
		return true;
	case LAPIC_MSG_INIT:
		effects->flags |= LAPIC_INIT;
		return true;
	case LAPIC_MSG_STARTUP:
		effects->flags |= LAPIC_SIPI;
		effects->sipi_vector = msg->vector;
		return true;
	default:
		return false;
	}
}

static void send_to_others(const struct lapic_msg *msg, struct lapic_effects *effects)
{
	effects->flags |= LAPIC_IPI;
	effects->ipi = *msg;
}

/* By destination rather than shorthand; it may include the sender. */
static void send_to_dest(struct lapic *l, struct lapic_msg *msg, u32 dest,
			 struct lapic_effects *effects)
{
	msg->dest = lapic_is_x2(l) ? dest : dest >> 24;
	msg->all = lapic_is_x2(l) ? dest == ~0U :
		   !msg->logical && msg->dest == 0xff;
	/* One receives it, and who that is depends on the priorities of all. */
	msg->sender_too = msg->mode == LAPIC_MSG_LOWEST;
	if (!msg->sender_too && lapic_matches(l, msg))
		lapic_accept(l, msg, effects);
	/* A guest can give several xAPICs the same ID: the others are asked, too. */
	send_to_others(msg, effects);
}

/* What nobody receives: no mode of an IPI, SMI, the end of a level INIT */
static bool msg_is_void(u32 icr)
{
	switch (MSG_MODE(icr)) {
	case LAPIC_MSG_FIXED:
	case LAPIC_MSG_LOWEST:
	case LAPIC_MSG_NMI:
	case LAPIC_MSG_STARTUP:
		return false;
	case LAPIC_MSG_INIT:
		return (icr & MSG_LEVEL) && !(icr & ICR_ASSERT);
	default:
		return true;
	}
}

static void route(struct lapic *l, u64 icr, struct lapic_msg *msg,
		  struct lapic_effects *effects)
{
	unsigned int shorthand = ICR_SHORTHAND((u32)icr);

	if (shorthand == SHORTHAND_NONE) {
		send_to_dest(l, msg, icr >> 32, effects);
		return;
	}
	msg->all = true;
	if (shorthand == SHORTHAND_OTHERS) {
		send_to_others(msg, effects);
		return;
	}
	/* only a fixed interrupt may be sent to a set that has the sender in it */
	if (msg->mode != LAPIC_MSG_FIXED)
		return;
	lapic_accept(l, msg, effects);
	if (shorthand == SHORTHAND_ALL)
		send_to_others(msg, effects);
}

/**
 * lapic_send() - the guest writes ICR or SELF_IPI
 * @l: the sender
 * @icr: both halves of ICR
 * @effects: effects
 *
 * IPIs to the sender are delivered here, others reported, and so are all that go to one
 * of several by priority. All are edge-triggered
 * whatever the guest says, and all can be sent while software disabled the APIC.
 */
void lapic_send(struct lapic *l, u64 icr, struct lapic_effects *effects)
{
	struct lapic_msg msg = {
		.vector = icr & MSG_VECTOR,
		.mode = MSG_MODE(icr),
		.logical = icr & ICR_LOGICAL,
	};
	bool fixed = msg.mode == LAPIC_MSG_FIXED || msg.mode == LAPIC_MSG_LOWEST;

	if (msg_is_void(icr))
		return;
	if (fixed && msg.vector < FIRST_VECTOR)
		lapic_error(l, ESR_SEND_ILLEGAL, effects);
	else
		route(l, icr, &msg, effects);
}
