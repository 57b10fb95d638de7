// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of the local APIC: one-shot, periodic and TSC-deadline mode.
 *
 * The undivided timer counts at 1 GHz, so a count times the divisor is in nanoseconds.
 * See lapic.h for the rules of calling.
 *
 * The timer is kept as the time of its next expiry, timer_due, not as a counter. While
 * it is masked no host timer runs: every function that reads or changes the timer first
 * calls lapic_timer_expired() to catch up. Several missed expiries make one interrupt,
 * as they would in IRR.
 */
#include "apic/lapic_reg.h"

#define NS_LATEST	(~0ULL >> 1)	/* largest ktime_t */
#define KHZ_TO_HZ	1000000U	/* ns * khz / this = ticks */

/*
 * If the host's clock reaches a deadline before the guest's TSC does, because the two
 * drift, try again after at least this time.
 */
#define DEADLINE_RETRY_NS	1000

static u64 add_ns(u64 a, u64 b)
{
	return a < NS_LATEST && b < NS_LATEST - a ? a + b : NS_LATEST;
}

/* Rounds up: when the time has passed, so has the deadline. */
static u64 ticks_to_ns(u64 ticks, u32 khz)
{
	u64 quotient = ticks / khz, rest = ticks % khz;

	if (quotient >= NS_LATEST / KHZ_TO_HZ)
		return NS_LATEST;
	return quotient * KHZ_TO_HZ + (rest * KHZ_TO_HZ + khz - 1) / khz;
}

static unsigned int timer_mode(const struct lapic *l)
{
	return LVT_TIMER_MODE(l->regs[REG_LVT_TIMER]);
}

/*
 * True in the modes that use the initial count: neither TSC-deadline nor the reserved
 * mode, which does nothing.
 */
bool lapic_timer_counts(const struct lapic *l)
{
	return timer_mode(l) == TIMER_ONE_SHOT || timer_mode(l) == TIMER_PERIODIC;
}

static bool is_deadline(const struct lapic *l)
{
	return timer_mode(l) == TIMER_DEADLINE;
}

/* Bits 3, 1 and 0 encode 2, 4, 8, ... 128, 1. */
static u32 divisor(const struct lapic *l)
{
	u32 tdcr = l->regs[REG_TDCR], code = (tdcr & 3) | (tdcr >> 1 & 4);

	return 1U << ((code + 1) & 7);
}

static u64 count_ns(const struct lapic *l)
{
	return (u64)l->regs[REG_TMICT] * divisor(l);
}

static u64 at_least(u64 a, u64 b)
{
	return a < b ? b : a;
}

/* The longest time in ns to the next expiry outside TSC-deadline mode */
u64 lapic_timer_max(const struct lapic *l)
{
	return at_least(count_ns(l), LAPIC_MIN_PERIOD_NS);
}

/* The guest's interval. A period is at least LAPIC_MIN_PERIOD_NS. */
static u64 interval_ns(const struct lapic *l)
{
	return timer_mode(l) == TIMER_PERIODIC ? lapic_timer_max(l) : count_ns(l);
}

/* Start the timer for l->tsc_deadline, or stop it. */
static void arm_deadline(struct lapic *l)
{
	u64 ticks = l->tsc_deadline - l->now.tsc;

	if (!l->tsc_deadline)
		l->timer_due = 0;
	else if (l->tsc_deadline <= l->now.tsc)
		l->timer_due = at_least(l->now.ns, 1);
	else
		l->timer_due = add_ns(l->now.ns, ticks_to_ns(ticks, l->config.tsc_khz));
}

/* True if the guest's TSC has reached the deadline. Otherwise wait longer. */
static bool deadline_expired(struct lapic *l)
{
	u64 left;

	if (l->now.tsc >= l->tsc_deadline) {
		l->tsc_deadline = 0;
		l->timer_due = 0;
		return true;
	}
	if (l->now.ns >= l->timer_due) {
		left = ticks_to_ns(l->tsc_deadline - l->now.tsc, l->config.tsc_khz);
		l->timer_due = add_ns(l->now.ns, at_least(left, DEADLINE_RETRY_NS));
	}
	return false;
}

/*
 * True if the count has reached zero at least once. A periodic timer next expires at a
 * multiple of the period, however late this is called.
 */
static bool count_expired(struct lapic *l)
{
	u64 period = interval_ns(l);

	if (l->now.ns < l->timer_due)
		return false;
	if (timer_mode(l) == TIMER_PERIODIC)
		l->timer_due = add_ns(l->now.ns, period - (l->now.ns - l->timer_due) % period);
	else
		l->timer_due = 0;
	return true;
}

/**
 * lapic_timer_expired() - handle an expiry that is due
 * @l: the local APIC
 *
 * Called by the host timer. Calling it early, late or needlessly is harmless.
 */
void lapic_timer_expired(struct lapic *l)
{
	u64 due = l->timer_due;
	bool expired;

	if (!due)
		return;
	expired = is_deadline(l) ? deadline_expired(l) : count_expired(l);
	if (l->timer_due != due)
		l->effects.flags |= LAPIC_TIMER;
	if (expired)
		lapic_lvt_fire(l, REG_LVT_TIMER);
}

/**
 * lapic_timer_next() - when to call lapic_timer_expired()
 * @l: the local APIC
 *
 * Return: host time in ns, at most 2^63 - 1 and possibly in the past; LAPIC_TIMER_NONE
 * if no interrupt would follow.
 */
u64 lapic_timer_next(const struct lapic *l)
{
	if (!l->timer_due || (l->regs[REG_LVT_TIMER] & LVT_MASKED))
		return LAPIC_TIMER_NONE;
	return l->timer_due;
}

/**
 * lapic_timer_tsc_changed() - the guest's TSC has been set
 * @l: the local APIC
 */
void lapic_timer_tsc_changed(struct lapic *l)
{
	if (!is_deadline(l) || !l->timer_due)
		return;
	arm_deadline(l);
	l->effects.flags |= LAPIC_TIMER;
	lapic_timer_expired(l);
}

/*
 * The guest reads the current count. A running count is never 0. If the period has been
 * extended to LAPIC_MIN_PERIOD_NS the count first stays at its initial value.
 */
u32 lapic_timer_count(struct lapic *l)
{
	u64 count;

	lapic_timer_expired(l);
	if (!l->timer_due || !lapic_timer_counts(l))
		return 0;
	count = (l->timer_due - l->now.ns + divisor(l) - 1) / divisor(l);
	return count < l->regs[REG_TMICT] ? count : l->regs[REG_TMICT];
}

/*
 * The guest writes the timer's LVT entry. Between one-shot and periodic mode the count
 * continues; all other changes of mode stop the timer.
 */
void lapic_timer_set_lvt(struct lapic *l, u32 value)
{
	unsigned int before = timer_mode(l);
	bool counted = lapic_timer_counts(l);

	lapic_timer_expired(l);
	l->regs[REG_LVT_TIMER] = value;
	l->effects.flags |= LAPIC_TIMER;
	if (timer_mode(l) == before || (counted && lapic_timer_counts(l)))
		return;
	l->regs[REG_TMICT] = 0;
	l->tsc_deadline = 0;
	l->timer_due = 0;
}

/* The guest writes the initial count, which starts the timer, or stops it if 0. */
void lapic_timer_set_initial(struct lapic *l, u32 value)
{
	if (!lapic_timer_counts(l))
		return;
	lapic_timer_expired(l);
	l->regs[REG_TMICT] = value;
	l->timer_due = value ? add_ns(l->now.ns, interval_ns(l)) : 0;
	l->effects.flags |= LAPIC_TIMER;
}

/* The guest writes the divide configuration. A running count continues at the new speed. */
void lapic_timer_set_divide(struct lapic *l, u32 value)
{
	u64 count = lapic_timer_count(l);

	l->regs[REG_TDCR] = value;
	if (!count)
		return;
	l->timer_due = add_ns(l->now.ns, count * divisor(l));
	l->effects.flags |= LAPIC_TIMER;
}

/* The guest reads IA32_TSC_DEADLINE: 0 if there is no deadline or it has passed. */
u64 lapic_timer_deadline(struct lapic *l)
{
	lapic_timer_expired(l);
	return l->tsc_deadline;
}

/*
 * The guest writes IA32_TSC_DEADLINE: 0 stops the timer, a time in the past expires at
 * once. Ignored in other modes.
 */
void lapic_timer_set_deadline(struct lapic *l, u64 deadline)
{
	if (!is_deadline(l))
		return;
	lapic_timer_expired(l);
	l->tsc_deadline = deadline;
	arm_deadline(l);
	l->effects.flags |= LAPIC_TIMER;
	lapic_timer_expired(l);
}

/*
 * Start the timer after the registers have been restored. @remaining is the time in ns
 * to the next expiry outside TSC-deadline mode, 0 if stopped.
 */
void lapic_timer_restore(struct lapic *l, u64 remaining)
{
	if (is_deadline(l))
		arm_deadline(l);
	else
		l->timer_due = remaining ? add_ns(l->now.ns, remaining) : 0;
}
