/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model of a local APIC: registers, priorities, interprocessor interrupts, timer.
 *
 * The model has no locks, no timers and no vCPU. The caller serializes all calls, sets
 * the time before a call, owns the host timer, and applies the effects of the call:
 *
 *	l->now = ...;
 *	l->effects.flags = 0;
 *	lapic_msr_write(l, msr, value);
 *	if (l->effects.flags & ...)
 *
 *	LAPIC_GP	inject #GP(0); nothing else happened
 *	LAPIC_TIMER	program the host timer to lapic_timer_next(); when it expires,
 *			call lapic_timer_expired()
 *	LAPIC_IRQ	lapic_pending() may return a vector now; wake the vCPU if it is
 *			halted
 *
 * An interrupt is delivered in two steps: lapic_pending() returns the vector, and
 * lapic_ack() moves it into service when the guest is certain to take it.
 *
 * vcpu/apic.c is the caller in the kernel. The files also compile in user space, for
 * tests, so they use no kernel headers.
 */
#ifndef SVMVCPU_LAPIC_H
#define SVMVCPU_LAPIC_H

#include <linux/svmvcpu.h>

#include "insn/mode.h"

#define LAPIC_MSR_BASE		0x1b
#define LAPIC_MSR_DEADLINE	0x6e0
#define LAPIC_MSR_X2_FIRST	0x800
#define LAPIC_MSR_X2_LAST	0x83f

#define LAPIC_BASE_ENABLE	0x800ULL
#define LAPIC_BASE_X2		0x400ULL
#define LAPIC_BASE_BSP		0x100ULL
#define LAPIC_TPR		0x08	/* in lapic.regs */

#define LAPIC_NR_REGS		64	/* one every 16 bytes of the page */
#define LAPIC_TIMER_NONE	(~0ULL)

/*
 * Shortest period of the periodic timer. This timer is the only way in which a guest
 * makes the host work repeatedly for a single exit. One interrupt each 50 us takes a
 * few percent of a CPU, and guests need no more than 10 kHz. One-shot and TSC-deadline
 * mode take an exit for each interrupt, so they need no limit.
 */
#define LAPIC_MIN_PERIOD_NS	50000

/* What never changes while the vCPU exists */
struct lapic_config {
	u32 id;			/* APIC ID; the low 8 bits of it in xAPIC mode */
	u32 tsc_khz;		/* the guest's TSC; 0 if there is no TSC-deadline mode */
	u8 maxphyaddr;		/* width of guest-physical addresses, 32 to 52 */
	bool bsp;		/* bootstrap processor */
	bool present;		/* otherwise disabled for good, and without MSRs */
	bool x2apic;		/* x2APIC mode is available */
};

/* One moment on two clocks */
struct lapic_now {
	u64 ns;			/* the host's monotonic clock, below 2^63 */
	u64 tsc;		/* the guest's TSC */
};

/* Delivery modes, as in ICR, LVT, MSIs and the I/O APIC */
#define LAPIC_MSG_FIXED		0
#define LAPIC_MSG_LOWEST	1
#define LAPIC_MSG_SMI		2
#define LAPIC_MSG_NMI		4
#define LAPIC_MSG_INIT		5
#define LAPIC_MSG_STARTUP	6
#define LAPIC_MSG_EXTINT	7

/* A message to local APICs: IPI, MSI, or from an I/O APIC */
struct lapic_msg {
	u32 dest;		/* APIC ID or logical destination; 8 bits wide from xAPICs */
	u8 vector;		/* LAPIC_MSG_STARTUP: page number of the entry point */
	u8 mode;		/* LAPIC_MSG_* */
	bool logical;		/* @dest is a logical destination */
	bool all;		/* broadcast; @dest is ignored */
	bool level;		/* level-triggered, so report its EOI; never for an IPI */
	bool sender_too;	/* deliver the IPI to its sender as well, if it matches */
};

/* Messages that change what a CPU executes rather than interrupt it */
static inline bool lapic_msg_controls(const struct lapic_msg *msg)
{
	return msg->mode == LAPIC_MSG_SMI || msg->mode == LAPIC_MSG_INIT ||
	       msg->mode == LAPIC_MSG_STARTUP;
}

/* Bits of lapic_effects.flags */
#define LAPIC_GP	0x01	/* fail the MSR access with #GP(0) */
#define LAPIC_IRQ	0x02	/* lapic_pending() may return a (higher) vector now */
#define LAPIC_TIMER	0x04	/* lapic_timer_next() may have changed */
#define LAPIC_EOI	0x08	/* report the EOI of @eoi_vector to the I/O APICs */
#define LAPIC_IPI	0x10	/* send @ipi; to the sender only with @sender_too */
#define LAPIC_NMI	0x20	/* NMI for this vCPU */
#define LAPIC_INIT	0x40	/* INIT for this vCPU; its caller calls lapic_init_signal() */

/*
 * What a call wants from its caller. There is room for one event of each kind.
 *
 * A LAPIC_MSG_LOWEST goes to the local APIC with the lowest lapic_apr() among those for
 * which lapic_matches() and lapic_takes_irqs().
 */
struct lapic_effects {
	u32 flags;		/* LAPIC_*; a call only adds bits */
	u8 eoi_vector;		/* with LAPIC_EOI */
	struct lapic_msg ipi;	/* with LAPIC_IPI */
};

/* The state of a local APIC */
struct lapic {
	struct lapic_config config;
	u32 regs[LAPIC_NR_REGS];	/* by offset / 16; derived registers are not kept */
	u64 base;		/* IA32_APIC_BASE */
	u64 tsc_deadline;	/* IA32_TSC_DEADLINE, or 0 */
	u64 timer_due;		/* host time in ns of the next expiry; 0 if stopped */
	u32 esr_pending;	/* errors since the guest's last write to ESR */
	u32 pins;		/* bit n: LINTn is asserted */
	struct lapic_now now;	/* in: the time of this call */
	struct lapic_effects effects;	/* out: of this call */
};

static inline bool lapic_is_enabled(const struct lapic *l)
{
	return l->base & LAPIC_BASE_ENABLE;
}

/* True in xAPIC mode, which has a register page */
static inline bool lapic_has_page(const struct lapic *l)
{
	return (l->base & (LAPIC_BASE_ENABLE | LAPIC_BASE_X2)) == LAPIC_BASE_ENABLE;
}

/* The guest's CR8: the upper four bits of TPR */
static inline unsigned int lapic_cr8(const struct lapic *l)
{
	return l->regs[LAPIC_TPR] >> 4;
}

/* lapic.c */
void lapic_power_up(struct lapic *l, const struct lapic_config *config);
void lapic_init_signal(struct lapic *l);

u64 lapic_msr_read(struct lapic *l, u32 msr);
void lapic_msr_write(struct lapic *l, u32 msr, u64 value);
bool lapic_mmio_hit(const struct lapic *l, u64 gpa);
u64 lapic_mmio_read(struct lapic *l, unsigned int offset, unsigned int len);
void lapic_mmio_write(struct lapic *l, unsigned int offset, unsigned int len, u64 value);

/* True if lapic_msr_read() and lapic_msr_write() handle the MSR, in any mode. */
static inline bool lapic_owns_msr(u32 msr)
{
	return msr == LAPIC_MSR_BASE || msr == LAPIC_MSR_DEADLINE ||
	       (msr >= LAPIC_MSR_X2_FIRST && msr <= LAPIC_MSR_X2_LAST);
}

/*
 * True unless an access to this MSR never depends on the time, as for TPR, EOI, ICR and
 * SELF IPI. These are the registers that guests access most, besides the timer's.
 */
static inline bool lapic_msr_timed(u32 msr)
{
	return msr != LAPIC_MSR_X2_FIRST + 0x08 && msr != LAPIC_MSR_X2_FIRST + 0x0b &&
	       msr != LAPIC_MSR_X2_FIRST + 0x30 && msr != LAPIC_MSR_X2_FIRST + 0x3f;
}

/* lapic_irq.c */
u8 lapic_apr(const struct lapic *l);
bool lapic_takes_irqs(const struct lapic *l);
int lapic_pending(const struct lapic *l);
int lapic_ack(struct lapic *l, u8 vector);
void lapic_set_cr8(struct lapic *l, unsigned int cr8);

bool lapic_set_irq(struct lapic *l, u8 vector, bool level);
bool lapic_matches(const struct lapic *l, const struct lapic_msg *msg);
void lapic_lint(struct lapic *l, unsigned int pin, bool asserted);
bool lapic_takes_extint(const struct lapic *l);

/* lapic_timer.c */
u64 lapic_timer_next(const struct lapic *l);
void lapic_timer_expired(struct lapic *l);
void lapic_timer_tsc_changed(struct lapic *l);

/* lapic_state.c */
void lapic_get_state(struct lapic *l, struct svmvcpu_lapic *state);
bool lapic_state_valid(const struct lapic *l, const struct svmvcpu_lapic *state);
void lapic_set_state(struct lapic *l, const struct svmvcpu_lapic *state);

#endif /* SVMVCPU_LAPIC_H */
