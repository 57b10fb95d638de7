// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the local APIC: from a message or a pin to IRR, to ISR and the vCPU,
 * and out of ISR with the EOI; and messages to other local APICs.
 *
 * The upper four bits of a vector are its priority class. See lapic.h for the rules of
 * calling.
 */
#include "apic/lapic_reg.h"

#define FIRST_VECTOR	16	/* vectors below are illegal */

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

/* The highest vector in a table, or -1. Reads two registers at a time. */
static int vector_highest(const struct lapic *l, unsigned int table)
{
	const u32 *regs = &l->regs[table];
	int i;

	for (i = 6; i >= 0; i -= 2) {
		u64 both = (u64)regs[i + 1] << 32 | regs[i];

		if (both)
			return i * 32 + 63 - __builtin_clzll(both);
	}
	return -1;
}

static u8 max_priority(u8 base, int vector)
{
	if (vector >> 4 > base >> 4)
		return vector & 0xf0;
	return base;
}

/* PPR: the higher one of TPR and the highest vector in service */
u8 lapic_ppr(const struct lapic *l)
{
	return max_priority(l->regs[REG_TPR], vector_highest(l, REG_ISR));
}

/**
 * lapic_apr() - the priority in lowest-priority arbitration
 * @l: the local APIC
 *
 * Return: APR: the higher one of PPR and the highest requested vector.
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
 * lapic_takes_irqs() - whether fixed interrupts are accepted
 * @l: the local APIC
 *
 * Return: false if disabled in IA32_APIC_BASE or in SVR.
 */
bool lapic_takes_irqs(const struct lapic *l)
{
	return lapic_is_enabled(l) && lapic_soft_enabled(l);
}

/**
 * lapic_pending() - the interrupt to deliver to the vCPU
 * @l: the local APIC
 *
 * Interrupts that were requested before SVR disabled the APIC are still delivered.
 *
 * Return: the highest requested vector if its class exceeds PPR's, or -1.
 */
int lapic_pending(const struct lapic *l)
{
	int vector = vector_highest(l, REG_IRR);

	return vector >= 0 && deliverable(l, vector) ? vector : -1;
}

/**
 * lapic_ack() - the vCPU takes an interrupt
 * @l: the local APIC
 * @vector: result of an earlier lapic_pending()
 *
 * Return: @vector, which is now in service, or the spurious vector if @vector has
 * become undeliverable.
 */
int lapic_ack(struct lapic *l, u8 vector)
{
	if (!vector_test(l, REG_IRR, vector) || !deliverable(l, vector))
		return l->regs[REG_SVR] & MSG_VECTOR;
	vector_clear(l, REG_IRR, vector);
	vector_set(l, REG_ISR, vector);
	return vector;
}

/* The guest writes TPR. Only a lower value can make an interrupt deliverable. */
void lapic_set_tpr(struct lapic *l, u32 tpr)
{
	if (tpr < l->regs[REG_TPR])
		l->effects.flags |= LAPIC_IRQ;
	l->regs[REG_TPR] = tpr;
}

/*
 * The guest writes CR8, which clears the low four bits of TPR. Other bits of @cr8 are
 * ignored.
 */
void lapic_set_cr8(struct lapic *l, unsigned int cr8)
{
	lapic_set_tpr(l, (cr8 & 15) << 4);
}

/*
 * Log errors. The first one since the last write to ESR raises the error interrupt. If
 * the error interrupt has an illegal vector, the recursion ends here.
 */
void lapic_error(struct lapic *l, u32 errors)
{
	bool first = !l->esr_pending;

	l->esr_pending |= errors;
	if (first)
		lapic_lvt_fire(l, REG_LVT_ERROR);
}

/**
 * lapic_set_irq() - a fixed interrupt arrives
 * @l: the destination
 * @vector: its vector
 * @level: level-triggered, so its EOI is to be reported
 *
 * Return: true for a new request; false if the vector is requested already or illegal,
 * or the APIC is disabled.
 */
bool lapic_set_irq(struct lapic *l, u8 vector, bool level)
{
	if (!lapic_takes_irqs(l))
		return false;
	if (vector < FIRST_VECTOR) {
		lapic_error(l, ESR_RECV_ILLEGAL);
		return false;
	}
	if (level)
		vector_set(l, REG_TMR, vector);
	else
		vector_clear(l, REG_TMR, vector);
	if (vector_test(l, REG_IRR, vector))
		return false;
	vector_set(l, REG_IRR, vector);
	l->effects.flags |= LAPIC_IRQ;
	return true;
}

/* --- pins and local sources --------------------------------------------- */

/* True if LINT0 is a level-triggered fixed interrupt. LINT1 is always edge-triggered. */
static bool lint_is_level(const struct lapic *l)
{
	u32 lvt = l->regs[REG_LVT_LINT0];

	return (lvt & MSG_LEVEL) && MSG_MODE(lvt) == LAPIC_MSG_FIXED;
}

/*
 * Called when LINT0 is asserted or unmasked, and at an EOI. A level-triggered pin
 * interrupts while it is asserted, but only once before the EOI: Remote IRR marks the
 * interrupt in progress.
 */
void lapic_lint_changed(struct lapic *l)
{
	u32 lvt = l->regs[REG_LVT_LINT0];

	if (!lint_is_level(l) || !(l->pins & 1) || (lvt & (LVT_MASKED | LVT_REMOTE_IRR)))
		return;
	if (lapic_set_irq(l, lvt & MSG_VECTOR, true))
		l->regs[REG_LVT_LINT0] |= LVT_REMOTE_IRR;
}

/*
 * A local source has an event. A vCPU has no SMM, so SMI is ignored. ExtINT is a state
 * of the pin, not an event: see lapic_takes_extint().
 */
void lapic_lvt_fire(struct lapic *l, unsigned int reg)
{
	u32 lvt = l->regs[reg];

	if (lvt & LVT_MASKED)
		return;
	switch (MSG_MODE(lvt)) {
	case LAPIC_MSG_FIXED:
		lapic_set_irq(l, lvt & MSG_VECTOR, false);
		break;
	case LAPIC_MSG_NMI:
		l->effects.flags |= LAPIC_NMI;
		break;
	case LAPIC_MSG_INIT:
		l->effects.flags |= LAPIC_INIT;
		break;
	}
}

static void lint_rises(struct lapic *l, unsigned int pin)
{
	if (!lapic_is_enabled(l)) {
		/* The pins are INTR (see lapic_takes_extint()) and NMI. */
		if (pin)
			l->effects.flags |= LAPIC_NMI;
	} else if (!pin && lint_is_level(l)) {
		lapic_lint_changed(l);
	} else {
		lapic_lvt_fire(l, REG_LVT_LINT0 + pin);
	}
}

/**
 * lapic_lint() - drive a local interrupt pin
 * @l: the local APIC
 * @pin: 0 (usually the PIC) or 1 (usually NMI)
 * @asserted: its new state
 */
void lapic_lint(struct lapic *l, unsigned int pin, bool asserted)
{
	u32 bit = pin ? 2 : 1;
	bool rises = asserted && !(l->pins & bit);

	l->pins = asserted ? l->pins | bit : l->pins & ~bit;
	if (rises)
		lint_rises(l, !!pin);
}

/**
 * lapic_takes_extint() - whether an interrupt of the PIC reaches the vCPU
 * @l: the local APIC
 *
 * The vector comes from the PIC, and its priority does not matter here.
 */
bool lapic_takes_extint(const struct lapic *l)
{
	u32 lvt = l->regs[REG_LVT_LINT0];

	return !lapic_is_enabled(l) || (!(lvt & LVT_MASKED) && MSG_MODE(lvt) == LAPIC_MSG_EXTINT);
}

/* The guest ends the highest interrupt in service. */
void lapic_eoi(struct lapic *l)
{
	int vector = vector_highest(l, REG_ISR);
	u32 *lint0 = &l->regs[REG_LVT_LINT0];

	if (vector < 0)
		return;
	vector_clear(l, REG_ISR, vector);
	l->effects.flags |= LAPIC_IRQ;
	if (!vector_test(l, REG_TMR, vector))
		return;
	l->effects.flags |= LAPIC_EOI;
	l->effects.eoi_vector = vector;
	if ((*lint0 & MSG_VECTOR) == (u32)vector)
		*lint0 &= ~(u32)LVT_REMOTE_IRR;
	lapic_lint_changed(l);
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
	case 0:		/* cluster; 15 is a broadcast */
		return (dest >> 4 == 15 || dest >> 4 == ldr >> 4) && (dest & ldr & 15);
	default:
		return false;
	}
}

/**
 * lapic_matches() - whether this local APIC is a destination of a message
 * @l: the local APIC
 * @msg: the message
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

/* Accept a message for which lapic_matches(). The other modes have no effect on a vCPU. */
static void accept(struct lapic *l, const struct lapic_msg *msg)
{
	switch (msg->mode) {
	case LAPIC_MSG_FIXED:
	case LAPIC_MSG_LOWEST:
		lapic_set_irq(l, msg->vector, msg->level);
		break;
	case LAPIC_MSG_NMI:
		l->effects.flags |= LAPIC_NMI;
		break;
	}
}

static void send_to_others(struct lapic *l, const struct lapic_msg *msg)
{
	l->effects.flags |= LAPIC_IPI;
	l->effects.ipi = *msg;
}

/* Send to a destination without shorthand. It may include the sender. */
static void send_to_dest(struct lapic *l, struct lapic_msg *msg, u32 dest)
{
	msg->dest = lapic_is_x2(l) ? dest : dest >> 24;
	msg->all = lapic_is_x2(l) ? dest == ~0U :
		   !msg->logical && msg->dest == 0xff;
	/*
	 * Of lowest priority, one local APIC receives it, and selecting it takes the
	 * priorities of all. The caller decides who sends INIT, STARTUP and SMI.
	 */
	msg->sender_too = msg->mode == LAPIC_MSG_LOWEST || lapic_msg_controls(msg);
	if (!msg->sender_too && lapic_matches(l, msg))
		accept(l, msg);
	/* Ask the others in any case: a guest can give several xAPICs the same ID. */
	send_to_others(l, msg);
}

/* Messages without an effect: reserved modes, and level de-assert of INIT */
static bool msg_is_void(u32 icr)
{
	switch (MSG_MODE(icr)) {
	case LAPIC_MSG_FIXED:
	case LAPIC_MSG_LOWEST:
	case LAPIC_MSG_SMI:
	case LAPIC_MSG_NMI:
	case LAPIC_MSG_STARTUP:
		return false;
	case LAPIC_MSG_INIT:
		return (icr & MSG_LEVEL) && !(icr & ICR_ASSERT);
	default:
		return true;
	}
}

static void route(struct lapic *l, u64 icr, struct lapic_msg *msg)
{
	unsigned int shorthand = ICR_SHORTHAND((u32)icr);

	if (shorthand == SHORTHAND_NONE) {
		send_to_dest(l, msg, icr >> 32);
		return;
	}
	msg->all = true;
	if (shorthand == SHORTHAND_OTHERS) {
		send_to_others(l, msg);
		return;
	}
	/* Only fixed interrupts may be sent to a set that includes the sender. */
	if (msg->mode != LAPIC_MSG_FIXED)
		return;
	accept(l, msg);
	if (shorthand == SHORTHAND_ALL)
		send_to_others(l, msg);
}

/*
 * The guest writes ICR or SELF_IPI. Deliver IPIs to the sender here, and leave IPIs to
 * others and lowest-priority IPIs to the caller. All IPIs are edge-triggered, and they
 * can be sent while SVR disables the APIC.
 */
void lapic_send(struct lapic *l, u64 icr)
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
		lapic_error(l, ESR_SEND_ILLEGAL);
	else
		route(l, icr, &msg);
}
