/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC: registers, priorities, interprocessor messages, timer.
 *
 * Owns struct lapic, all of a local APIC that there is. Pure: no locks, no
 * timers, no vCPU; the caller serializes, says what time it is, owns the one
 * host timer and does what struct lapic_effects asks for. Called by apic.c;
 * compiled unchanged in user space.
 *
 *	struct lapic_effects effects = {};
 *
 *	lapic_msr_write(l, &now, msr, value, &effects);
 *	LAPIC_GP?	#GP(0); nothing happened
 *	LAPIC_TIMER?	(re)program the host timer to lapic_timer_next(), which
 *			calls lapic_timer_expired() when it goes off
 *	LAPIC_IRQ?	lapic_pending() may name one where it named none; wake the
 *			vCPU if it sleeps
 *
 * An interrupt goes to the guest in two steps: lapic_pending() names the vector,
 * lapic_ack() takes it once the guest is certain to get it.
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

#define LAPIC_NR_REGS		64	/* one each 16 bytes of the page */
#define LAPIC_TIMER_NONE	(~0ULL)

/*
 * Shortest period of the periodic timer. It is the one thing that makes the
 * host work again and again for one exit of the guest; an interrupt each 50 us
 * is a few percent of a CPU, and no guest wants more than 10 kHz. One-shot and
 * deadline take an exit each time, so they limit themselves.
 */
#define LAPIC_MIN_PERIOD_NS	50000

/**
 * struct lapic_config - what does not change while the vCPU exists
 * @id: APIC ID; the lower 8 bits of it in xAPIC mode
 * @tsc_khz: frequency of the guest's TSC; 0: there is no TSC-deadline mode
 * @maxphyaddr: guest-physical address width, 32 to 52
 * @bsp: this is the bootstrap processor
 * @present: CPUID shows a local APIC; otherwise it stays disabled and has no MSRs
 * @x2apic: there is an x2APIC mode
 */
struct lapic_config {
	u32 id;
	u32 tsc_khz;
	u8 maxphyaddr;
	bool bsp;
	bool present;
	bool x2apic;
};

/**
 * struct lapic - a local APIC
 * @config: see there
 * @regs: the register page, by offset / 16; what can be computed is not kept
 * @base: IA32_APIC_BASE
 * @tsc_deadline: IA32_TSC_DEADLINE; 0: none
 * @timer_due: host time in ns at which the timer expires; 0: it is stopped
 * @esr_pending: errors since the guest last wrote ESR
 * @pins: bit n: LINTn is asserted
 */
struct lapic {
	struct lapic_config config;
	u32 regs[LAPIC_NR_REGS];
	u64 base;
	u64 tsc_deadline;
	u64 timer_due;
	u32 esr_pending;
	u32 pins;
};

/**
 * struct lapic_now - one moment on two clocks
 * @ns: the host's monotonic clock; below 2^63
 * @tsc: the guest's time-stamp counter
 */
struct lapic_now {
	u64 ns;
	u64 tsc;
};

/* message types: the "delivery mode" of ICR, LVT, MSI and I/O APIC */
#define LAPIC_MSG_FIXED		0
#define LAPIC_MSG_LOWEST	1
#define LAPIC_MSG_SMI		2
#define LAPIC_MSG_NMI		4
#define LAPIC_MSG_INIT		5
#define LAPIC_MSG_STARTUP	6
#define LAPIC_MSG_EXTINT	7

/**
 * struct lapic_msg - a message to local APICs: IPI, MSI, I/O APIC
 * @dest: APIC ID, or a set of APICs if @logical. 8 bits wide from an xAPIC or
 *	an I/O APIC; the broadcast ID is @all instead
 * @vector: of the interrupt; with LAPIC_MSG_STARTUP the page to start at
 * @mode: LAPIC_MSG_*
 * @logical: how to read @dest
 * @all: to everyone, whatever @dest
 * @level: level-triggered: its EOI is reported; never set in an IPI
 * @sender_too: with LAPIC_MSG_LOWEST: the sender of the IPI is a candidate like the others
 */
struct lapic_msg {
	u32 dest;
	u8 vector;
	u8 mode;
	bool logical;
	bool all;
	bool level;
	bool sender_too;
};

#define LAPIC_GP	0x001	/* refuse the MSR access with #GP(0) */
#define LAPIC_IRQ	0x002	/* lapic_pending() may name one, or a higher one, now */
#define LAPIC_TIMER	0x004	/* lapic_timer_next() may have changed */
#define LAPIC_BASE	0x008	/* mode or address changed: lapic_mmio_hit() */
#define LAPIC_EOI	0x010	/* tell the I/O APICs about @eoi_vector */
#define LAPIC_IPI	0x020	/* route @ipi; to the sender only if @sender_too */
#define LAPIC_NMI	0x040	/* NMI for this vCPU */
#define LAPIC_INIT	0x080	/* INIT for this vCPU; lapic_init_signal() too */
#define LAPIC_SIPI	0x100	/* startup at @sipi_vector; ignored when running */

/**
 * struct lapic_effects - what a call wants from its caller
 * @flags: LAPIC_*, added to what is there
 * @eoi_vector: with LAPIC_EOI
 * @sipi_vector: with LAPIC_SIPI
 * @ipi: with LAPIC_IPI. LAPIC_MSG_LOWEST is for the one with the lowest lapic_apr() of
 *	those that it matches and that lapic_takes_irqs()
 *
 * Start every call with an empty one: there is room for one event of a kind.
 */
struct lapic_effects {
	u32 flags;
	u8 eoi_vector;
	u8 sipi_vector;
	struct lapic_msg ipi;
};

static inline bool lapic_is_enabled(const struct lapic *l)
{
	return l->base & LAPIC_BASE_ENABLE;
}

/* lapic.c */
bool lapic_has_page(const struct lapic *l);
void lapic_power_up(struct lapic *l, const struct lapic_config *config);
void lapic_init_signal(struct lapic *l, struct lapic_effects *effects);

u64 lapic_msr_read(struct lapic *l, const struct lapic_now *now, u32 msr,
		   struct lapic_effects *effects);
void lapic_msr_write(struct lapic *l, const struct lapic_now *now, u32 msr,
		     u64 value, struct lapic_effects *effects);
bool lapic_mmio_hit(const struct lapic *l, u64 gpa);
u64 lapic_mmio_read(struct lapic *l, const struct lapic_now *now,
		    unsigned int offset, unsigned int len, struct lapic_effects *effects);
void lapic_mmio_write(struct lapic *l, const struct lapic_now *now,
		      unsigned int offset, unsigned int len, u64 value,
		      struct lapic_effects *effects);

/**
 * lapic_owns_msr() - for which MSRs to call lapic_msr_read() and _write()
 * @msr: index
 *
 * Return: whether it is one of the local APIC's, in whatever mode it is
 */
static inline bool lapic_owns_msr(u32 msr)
{
	return msr == LAPIC_MSR_BASE || msr == LAPIC_MSR_DEADLINE ||
	       (msr >= LAPIC_MSR_X2_FIRST && msr <= LAPIC_MSR_X2_LAST);
}

/**
 * lapic_msr_timed() - may an access to this MSR depend on the time?
 * @msr: one that lapic_owns_msr()
 *
 * Return: false for those that guests use most, but for the timer's: TPR, EOI,
 * ICR and SELF IPI. What @now says is of no importance to these.
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
unsigned int lapic_tpr_threshold(const struct lapic *l);
unsigned int lapic_cr8(const struct lapic *l);
void lapic_set_cr8(struct lapic *l, unsigned int cr8, struct lapic_effects *effects);

bool lapic_set_irq(struct lapic *l, u8 vector, bool level, struct lapic_effects *effects);
bool lapic_matches(const struct lapic *l, const struct lapic_msg *msg);
bool lapic_accept(struct lapic *l, const struct lapic_msg *msg,
		  struct lapic_effects *effects);
void lapic_lint(struct lapic *l, unsigned int pin, bool asserted,
		struct lapic_effects *effects);
bool lapic_takes_extint(const struct lapic *l);

/* lapic_timer.c */
u64 lapic_timer_next(const struct lapic *l);
void lapic_timer_expired(struct lapic *l, const struct lapic_now *now,
			 struct lapic_effects *effects);
void lapic_timer_tsc_changed(struct lapic *l, const struct lapic_now *now,
			     struct lapic_effects *effects);

/* lapic_state.c */
void lapic_get_state(struct lapic *l, const struct lapic_now *now,
		     struct svmvcpu_lapic *state, struct lapic_effects *effects);
bool lapic_state_valid(const struct lapic *l, const struct svmvcpu_lapic *state);
int lapic_set_state(struct lapic *l, const struct lapic_now *now,
		    const struct svmvcpu_lapic *state, struct lapic_effects *effects);

#endif /* SVMVCPU_LAPIC_H */
