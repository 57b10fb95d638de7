// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: one-shot, periodic and TSC-deadline.
 *
 * Owns the arithmetic of time. See lapic.h for who may call it. The undivided
 * timer counts at 1 GHz, so a count times the divisor is nanoseconds.
 *
 * The timer is a moment, timer_due, not a counter. Nothing runs while it is
 * masked: whoever looks at it or changes it first lets lapic_timer_expired()
 * do what should have happened until now. An expiry that was missed several
 * times over is one interrupt, as in IRR.
 */
#include "apic/lapic_reg.h"

#define NS_LATEST	(~0ULL >> 1)	/* what fits a ktime_t */
#define KHZ_TO_HZ	1000000U	/* ns * khz / this = ticks */

/*
 * A deadline that the host's clock reached before the guest's TSC, because one
 * of them is a little off, is tried again after at least this long.
 */
#define DEADLINE_RETRY_NS	1000

static u64 add_ns(u64 a, u64 b)
{
	return a < NS_LATEST && b < NS_LATEST - a ? a + b : NS_LATEST;
}

/* Rounded up, so that a deadline has passed when the time has. */
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

/**
 * lapic_timer_counts() - is the timer in a mode that uses the initial count?
 * @l: the local APIC
 *
 * Return: false with TSC-deadline and in the reserved mode, which does nothing
 */
bool lapic_timer_counts(const struct lapic *l)
{
	return timer_mode(l) == TIMER_ONE_SHOT || timer_mode(l) == TIMER_PERIODIC;
}

static bool is_deadline(const struct lapic *l)
{
	return timer_mode(l) == TIMER_DEADLINE;
}

/* Bits 3, 1, 0: 2, 4, 8, ... 128, 1 */
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

/**
 * lapic_timer_max() - longest time to the next expiry outside TSC-deadline
 * @l: the local APIC
 *
 * Return: ns
 */
u64 lapic_timer_max(const struct lapic *l)
{
	return at_least(count_ns(l), LAPIC_MIN_PERIOD_NS);
}

/* What the guest asked for, or LAPIC_MIN_PERIOD_NS if that is more. */
static u64 interval_ns(const struct lapic *l)
{
	return timer_mode(l) == TIMER_PERIODIC ? lapic_timer_max(l) : count_ns(l);
}

/* Takes @l's deadline, or the lack of one, as new. */
static void arm_deadline(struct lapic *l, const struct lapic_now *now)
{
	u64 ticks = l->tsc_deadline - now->tsc;

	if (!l->tsc_deadline)
		l->timer_due = 0;
	else if (l->tsc_deadline <= now->tsc)
		l->timer_due = at_least(now->ns, 1);
	else
		l->timer_due = add_ns(now->ns, ticks_to_ns(ticks, l->config.tsc_khz));
}

/* Has the deadline come? If only the host thinks so, it has to look again. */
static bool deadline_expired(struct lapic *l, const struct lapic_now *now)
{
	u64 left;

	if (now->tsc >= l->tsc_deadline) {
		l->tsc_deadline = 0;
		l->timer_due = 0;
		return true;
	}
	if (now->ns >= l->timer_due) {
		left = ticks_to_ns(l->tsc_deadline - now->tsc, l->config.tsc_khz);
		l->timer_due = add_ns(now->ns, at_least(left, DEADLINE_RETRY_NS));
	}
	return false;
}

/*
 * Has the count reached zero, once or more? The next expiry of a periodic timer
 * is a multiple of the period after the last, however late this is called.
 */
static bool count_expired(struct lapic *l, const struct lapic_now *now)
{
	u64 period = interval_ns(l);

	if (now->ns < l->timer_due)
		return false;
	if (timer_mode(l) == TIMER_PERIODIC)
		l->timer_due = add_ns(now->ns,
				      period - (now->ns - l->timer_due) % period);
	else
		l->timer_due = 0;
	return true;
}

/**
 * lapic_timer_expired() - let the timer do what is due
 * @l: the vCPU's
 * @now: the time
 * @effects: effects
 *
 * For the host timer; too early or late, or without need, does not matter.
 */
void lapic_timer_expired(struct lapic *l, const struct lapic_now *now,
			 struct lapic_effects *effects)
{
	u64 due = l->timer_due;
	bool expired;

	if (!due)
		return;
	expired = is_deadline(l) ? deadline_expired(l, now) : count_expired(l, now);
	if (l->timer_due != due)
		effects->flags |= LAPIC_TIMER;
	if (expired)
		lapic_lvt_fire(l, REG_LVT_TIMER, effects);
}

/**
 * lapic_timer_next() - when is lapic_timer_expired() to be called?
 * @l: the vCPU's
 *
 * Return: host time in ns, 2^63 - 1 at most, possibly in the past; or
 *	LAPIC_TIMER_NONE if nothing would happen
 */
u64 lapic_timer_next(const struct lapic *l)
{
	if (!l->timer_due || (l->regs[REG_LVT_TIMER] & LVT_MASKED))
		return LAPIC_TIMER_NONE;
	return l->timer_due;
}

/**
 * lapic_timer_tsc_changed() - the guest's TSC jumped
 * @l: the vCPU's
 * @now: the time, with the new TSC
 * @effects: effects
 */
void lapic_timer_tsc_changed(struct lapic *l, const struct lapic_now *now,
			     struct lapic_effects *effects)
{
	if (!is_deadline(l) || !l->timer_due)
		return;
	arm_deadline(l, now);
	effects->flags |= LAPIC_TIMER;
	lapic_timer_expired(l, now, effects);
}

/**
 * lapic_timer_count() - the guest reads the current count
 * @l: the local APIC
 * @now: the time
 * @effects: effects
 *
 * A count that is under way is never 0. With a period stretched to
 * LAPIC_MIN_PERIOD_NS it rests at the initial count first.
 *
 * Return: the count
 */
u32 lapic_timer_count(struct lapic *l, const struct lapic_now *now,
		      struct lapic_effects *effects)
{
	u64 count;

	lapic_timer_expired(l, now, effects);
	if (!l->timer_due || !lapic_timer_counts(l))
		return 0;
	count = (l->timer_due - now->ns + divisor(l) - 1) / divisor(l);
	return count < l->regs[REG_TMICT] ? count : l->regs[REG_TMICT];
}

/**
 * lapic_timer_set_lvt() - the guest writes the timer's LVT entry
 * @l: the local APIC
 * @now: the time
 * @value: checked; masked if it has to be
 * @effects: effects
 *
 * Between one-shot and periodic a count under way goes on. All other changes of
 * mode stop the timer.
 */
void lapic_timer_set_lvt(struct lapic *l, const struct lapic_now *now,
			 u32 value, struct lapic_effects *effects)
{
	unsigned int before = timer_mode(l);
	bool counted = lapic_timer_counts(l);

	lapic_timer_expired(l, now, effects);
	l->regs[REG_LVT_TIMER] = value;
	effects->flags |= LAPIC_TIMER;
	if (timer_mode(l) == before || (counted && lapic_timer_counts(l)))
		return;
	l->regs[REG_TMICT] = 0;
	l->tsc_deadline = 0;
	l->timer_due = 0;
}

/**
 * lapic_timer_set_initial() - the guest writes the initial count
 * @l: the local APIC
 * @now: the time
 * @value: the count; starts the timer, or stops it if 0
 * @effects: effects
 */
void lapic_timer_set_initial(struct lapic *l, const struct lapic_now *now,
			     u32 value, struct lapic_effects *effects)
{
	if (!lapic_timer_counts(l))
		return;
	lapic_timer_expired(l, now, effects);
	l->regs[REG_TMICT] = value;
	l->timer_due = value ? add_ns(now->ns, interval_ns(l)) : 0;
	effects->flags |= LAPIC_TIMER;
}

/**
 * lapic_timer_set_divide() - the guest writes the divide configuration
 * @l: the local APIC
 * @now: the time
 * @value: checked
 * @effects: effects
 *
 * A count under way keeps its value and goes on at the new speed.
 */
void lapic_timer_set_divide(struct lapic *l, const struct lapic_now *now,
			    u32 value, struct lapic_effects *effects)
{
	u64 count = lapic_timer_count(l, now, effects);

	l->regs[REG_TDCR] = value;
	if (!count)
		return;
	l->timer_due = add_ns(now->ns, count * divisor(l));
	effects->flags |= LAPIC_TIMER;
}

/**
 * lapic_timer_deadline() - the guest reads IA32_TSC_DEADLINE
 * @l: the local APIC
 * @now: the time
 * @effects: effects
 *
 * Return: the deadline; 0 if there is none, or it has passed
 */
u64 lapic_timer_deadline(struct lapic *l, const struct lapic_now *now,
			 struct lapic_effects *effects)
{
	lapic_timer_expired(l, now, effects);
	return l->tsc_deadline;
}

/**
 * lapic_timer_set_deadline() - the guest writes IA32_TSC_DEADLINE
 * @l: the local APIC
 * @now: the time
 * @deadline: in the guest's TSC; 0 disarms, one in the past expires now
 * @effects: effects
 *
 * Ignored in the other modes.
 */
void lapic_timer_set_deadline(struct lapic *l, const struct lapic_now *now,
			      u64 deadline, struct lapic_effects *effects)
{
	if (!is_deadline(l))
		return;
	lapic_timer_expired(l, now, effects);
	l->tsc_deadline = deadline;
	arm_deadline(l, now);
	effects->flags |= LAPIC_TIMER;
	lapic_timer_expired(l, now, effects);
}

/**
 * lapic_timer_restore() - the registers were set: arm what they say
 * @l: the local APIC
 * @now: the time
 * @remaining: ns to the next expiry outside TSC-deadline; 0: stopped
 */
void lapic_timer_restore(struct lapic *l, const struct lapic_now *now,
			 u64 remaining)
{
	if (is_deadline(l))
		arm_deadline(l, now);
	else
		l->timer_due = remaining ? add_ns(now->ns, remaining) : 0;
}
