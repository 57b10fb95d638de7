// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: timer of the local APIC: modes, missed expiries, a naive model, and arithmetic
 * at the limits. Also built in user space.
 */
#include <kunit/test.h>

#include "lapic_timer.c"

#define VECTOR		0x30
#define ONE_SHOT	(0x00000 | VECTOR)
#define PERIODIC	(0x20000 | VECTOR)
#define DEADLINE	(0x40000 | VECTOR)
#define RESERVED	(0x60000 | VECTOR)
#define BY_1		0xb
#define START		1000000ULL

/* A local APIC and its clocks; by default the TSC runs at 1 GHz and equals the host's clock. */
struct bench {
	struct kunit *test;
	struct lapic l;
};

static void bench_init(struct bench *b, struct kunit *test, u32 khz, u32 lvt)
{
	struct lapic_config config = {
		.id = 1, .tsc_khz = khz, .maxphyaddr = 40, .present = true,
	};

	b->test = test;
	lapic_power_up(&b->l, &config);
	b->l.regs[REG_SVR] |= SVR_ENABLE;
	b->l.regs[REG_LVT_TIMER] = lvt;
	b->l.regs[REG_TDCR] = BY_1;
	b->l.now.ns = START;
	b->l.now.tsc = START;
}

static void at(struct bench *b, u64 ns)
{
	b->l.now.tsc += ns - b->l.now.ns;
	b->l.now.ns = ns;
}

static u32 expire(struct bench *b)
{
	b->l.effects = (struct lapic_effects) { };
	lapic_timer_expired(&b->l);
	return b->l.effects.flags;
}

static u32 count(struct bench *b)
{
	b->l.effects = (struct lapic_effects) { };
	return lapic_timer_count(&b->l);
}

static u32 set_initial(struct bench *b, u32 value)
{
	b->l.effects = (struct lapic_effects) { };
	lapic_timer_set_initial(&b->l, value);
	return b->l.effects.flags;
}

static u32 set_lvt(struct bench *b, u32 value)
{
	b->l.effects = (struct lapic_effects) { };
	lapic_timer_set_lvt(&b->l, value);
	return b->l.effects.flags;
}

static u32 set_divide(struct bench *b, u32 value)
{
	b->l.effects = (struct lapic_effects) { };
	lapic_timer_set_divide(&b->l, value);
	return b->l.effects.flags;
}

static u32 set_deadline(struct bench *b, u64 value)
{
	b->l.effects = (struct lapic_effects) { };
	lapic_timer_set_deadline(&b->l, value);
	return b->l.effects.flags;
}

static u64 get_deadline(struct bench *b)
{
	b->l.effects = (struct lapic_effects) { };
	return lapic_timer_deadline(&b->l);
}

/* Interrupted since the last call? */
static bool interrupted(struct bench *b)
{
	if (lapic_pending(&b->l) != VECTOR)
		return false;
	lapic_ack(&b->l, VECTOR);
	b->l.effects = (struct lapic_effects) { };
	lapic_eoi(&b->l);
	return true;
}

static void lapic_timer_test_one_shot(struct kunit *test)
{
	struct bench b;

	bench_init(&b, test, 1000000, ONE_SHOT);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	KUNIT_EXPECT_EQ(test, count(&b), 0U);
	KUNIT_EXPECT_EQ(test, expire(&b), 0U);
	KUNIT_EXPECT_EQ(test, set_initial(&b, 1000), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 1000);
	KUNIT_EXPECT_EQ(test, count(&b), 1000U);
	at(&b, START + 999);
	KUNIT_EXPECT_EQ(test, count(&b), 1U);
	KUNIT_EXPECT_EQ(test, expire(&b), 0U);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
	at(&b, START + 1000);
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	KUNIT_EXPECT_EQ(test, count(&b), 0U);
	at(&b, START + 100000);
	KUNIT_EXPECT_EQ(test, expire(&b), 0U);
	/* restarted, and stopped by 0 */
	set_initial(&b, 5000);
	at(&b, START + 101000);
	KUNIT_EXPECT_EQ(test, count(&b), 4000U);
	set_initial(&b, 5000);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 106000);
	KUNIT_EXPECT_EQ(test, set_initial(&b, 0), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	at(&b, START + 200000);
	KUNIT_EXPECT_EQ(test, expire(&b), 0U);
}

/* A late read of the count notices the expiry as well. */
static void lapic_timer_test_late_reader(struct kunit *test)
{
	struct bench b;

	bench_init(&b, test, 1000000, ONE_SHOT);
	set_initial(&b, 1000);
	at(&b, START + 5000);
	KUNIT_EXPECT_EQ(test, count(&b), 0U);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	set_initial(&b, 1000);
	at(&b, START + 7000);
	KUNIT_EXPECT_EQ(test, set_initial(&b, 2000), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 9000);
}

static void lapic_timer_test_divide(struct kunit *test)
{
	static const u8 divisors[16] = {
		[0x0] = 2, [0x1] = 4, [0x2] = 8, [0x3] = 16,
		[0x8] = 32, [0x9] = 64, [0xa] = 128, [0xb] = 1,
	};
	unsigned int i;
	struct bench b;

	for (i = 0; i < ARRAY_SIZE(divisors); i++) {
		u64 by = divisors[i];

		if (!by)
			continue;
		bench_init(&b, test, 1000000, ONE_SHOT);
		set_divide(&b, i);
		set_initial(&b, 1000);
		KUNIT_EXPECT_EQ_MSG(test, lapic_timer_next(&b.l), START + 1000 * by,
				    "code %x", i);
		at(&b, START + 400 * by);
		KUNIT_EXPECT_EQ(test, count(&b), 600U);
		at(&b, START + 400 * by + 1);
		KUNIT_EXPECT_EQ(test, count(&b), by == 1 ? 599U : 600U);
		/* the count continues */
		KUNIT_EXPECT_EQ(test, set_divide(&b, 3), (u32)LAPIC_TIMER);
		KUNIT_EXPECT_EQ(test, count(&b), by == 1 ? 599U : 600U);
		KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l),
				b.l.now.ns + 16 * (by == 1 ? 599 : 600));
	}
	bench_init(&b, test, 1000000, ONE_SHOT);
	KUNIT_EXPECT_EQ(test, set_divide(&b, 2), 0U);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
}

static void lapic_timer_test_periodic(struct kunit *test)
{
	struct bench b;

	bench_init(&b, test, 1000000, PERIODIC);
	set_initial(&b, 100000);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 100000);
	/* late, but the next expiry is on time */
	at(&b, START + 100007);
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 200000);
	KUNIT_EXPECT_EQ(test, count(&b), 99993U);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	/* exactly on time, after missing three */
	at(&b, START + 500000);
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 600000);
	KUNIT_EXPECT_EQ(test, count(&b), 100000U);
	/* 292 years late: at once, and still in phase */
	at(&b, (1ULL << 62) / 100000 * 100000 + START + 42);
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), b.l.now.ns - 42 + 100000);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, count(&b), 99958U);
	/* an interrupt that the guest has not taken absorbs the next one */
	at(&b, b.l.now.ns + 100000);
	expire(&b);
	at(&b, b.l.now.ns + 100000);
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
}

static void lapic_timer_test_min_period(struct kunit *test)
{
	struct bench b;

	bench_init(&b, test, 1000000, PERIODIC);
	set_initial(&b, 10);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + LAPIC_MIN_PERIOD_NS);
	KUNIT_EXPECT_EQ(test, count(&b), 10U);
	at(&b, START + LAPIC_MIN_PERIOD_NS - 4);
	KUNIT_EXPECT_EQ(test, count(&b), 4U);
	at(&b, START + LAPIC_MIN_PERIOD_NS);
	expire(&b);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 2 * LAPIC_MIN_PERIOD_NS);
	/* the shortest period that is not extended, and the next shorter one */
	set_initial(&b, LAPIC_MIN_PERIOD_NS + 1);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l),
			b.l.now.ns + LAPIC_MIN_PERIOD_NS + 1);
	set_initial(&b, LAPIC_MIN_PERIOD_NS - 1);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), b.l.now.ns + LAPIC_MIN_PERIOD_NS);
	/* one-shot has no minimum until it is made periodic */
	bench_init(&b, test, 1000000, ONE_SHOT);
	set_initial(&b, 1);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 1);
	set_lvt(&b, PERIODIC);
	at(&b, START + 1);
	expire(&b);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 1 + LAPIC_MIN_PERIOD_NS);
}

static void lapic_timer_test_masked(struct kunit *test)
{
	struct bench b;

	/* one-shot: an expiry while masked is lost */
	bench_init(&b, test, 1000000, ONE_SHOT | LVT_MASKED);
	set_initial(&b, 1000);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	at(&b, START + 300);
	KUNIT_EXPECT_EQ(test, count(&b), 700U);
	at(&b, START + 2000);
	KUNIT_EXPECT_EQ(test, set_lvt(&b, ONE_SHOT), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	/* unmasked in time */
	set_lvt(&b, ONE_SHOT | LVT_MASKED);
	set_initial(&b, 1000);
	KUNIT_EXPECT_EQ(test, set_lvt(&b, ONE_SHOT), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 3000);
	/* due before it was masked */
	at(&b, START + 3000);
	KUNIT_EXPECT_EQ(test, set_lvt(&b, ONE_SHOT | LVT_MASKED),
			(u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	/* periodic: keeps its phase */
	bench_init(&b, test, 1000000, PERIODIC | LVT_MASKED);
	set_initial(&b, 100000);
	at(&b, START + 1234567);
	KUNIT_EXPECT_EQ(test, count(&b), 65433U);
	set_lvt(&b, PERIODIC);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 1300000);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
}

/* From each mode to each, while the timer runs */
static void lapic_timer_test_switch(struct kunit *test)
{
	static const u32 modes[4] = { ONE_SHOT, PERIODIC, DEADLINE, RESERVED };
	unsigned int from, to;
	struct bench b;

	for (from = 0; from < 4; from++) {
		for (to = 0; to < 4; to++) {
			bool goes_on = from == to || (from < 2 && to < 2);
			bool runs = goes_on && from != 3;

			bench_init(&b, test, 1000000, modes[from]);
			set_initial(&b, 100000);
			set_deadline(&b, START + 100000);
			KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), from == 3 ?
					LAPIC_TIMER_NONE : START + 100000);
			set_lvt(&b, modes[to]);
			KUNIT_EXPECT_EQ_MSG(test, lapic_timer_next(&b.l), runs ?
					    START + 100000 : LAPIC_TIMER_NONE,
					    "%u to %u", from, to);
			KUNIT_EXPECT_EQ(test, b.l.regs[REG_TMICT],
					runs && from < 2 ? 100000U : 0U);
			KUNIT_EXPECT_EQ(test, get_deadline(&b),
					runs && from == 2 ? START + 100000 : 0);
			at(&b, START + 100000);
			expire(&b);
			KUNIT_EXPECT_EQ(test, interrupted(&b), runs);
			KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l),
					runs && to == 1 ? START + 200000 :
					LAPIC_TIMER_NONE);
		}
	}
}

static void lapic_timer_test_deadline(struct kunit *test)
{
	struct bench b;

	/* 2.5 GHz, with an offset from the host's clock */
	bench_init(&b, test, 2500000, DEADLINE);
	b.l.now.tsc = 5000;
	KUNIT_EXPECT_EQ(test, set_initial(&b, 1000), 0U);
	KUNIT_EXPECT_EQ(test, b.l.regs[REG_TMICT], 0U);
	KUNIT_EXPECT_EQ(test, set_deadline(&b, 5000 + 2500000), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 1000000);
	KUNIT_EXPECT_EQ(test, count(&b), 0U);
	KUNIT_EXPECT_EQ(test, set_divide(&b, 0), 0U);
	KUNIT_EXPECT_EQ(test, get_deadline(&b), 2505000ULL);
	/* rounded up */
	set_deadline(&b, 5001);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 1);
	set_deadline(&b, 5003);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 2);
	set_deadline(&b, 5005);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 2);
	b.l.now.tsc = 5005;
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, get_deadline(&b), 0ULL);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	/* now or in the past: at once */
	KUNIT_EXPECT_EQ(test, set_deadline(&b, 5005), (u32)(LAPIC_TIMER | LAPIC_IRQ));
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	set_deadline(&b, 1);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, get_deadline(&b), 0ULL);
	/* replaced too late */
	set_deadline(&b, 5500);
	b.l.now.tsc = 5500;
	set_deadline(&b, 7000);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, get_deadline(&b), 7000ULL);
	/* canceled */
	set_deadline(&b, 6000);
	set_deadline(&b, 0);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	/* masked: no host timer, and the deadline is lost when it passes */
	set_lvt(&b, DEADLINE | LVT_MASKED);
	set_deadline(&b, 6000);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), LAPIC_TIMER_NONE);
	KUNIT_EXPECT_EQ(test, get_deadline(&b), 6000ULL);
	b.l.now.tsc = 6000;
	KUNIT_EXPECT_EQ(test, get_deadline(&b), 0ULL);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
}

/* The clocks may disagree: the guest's TSC decides. */
static void lapic_timer_test_deadline_clocks(struct kunit *test)
{
	struct bench b;

	bench_init(&b, test, 1000000, DEADLINE);
	set_deadline(&b, START + 100000);
	/* the host's clock is ahead, by little, then by much */
	b.l.now.ns = START + 100000;
	b.l.now.tsc = START + 99999;
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 101000);
	b.l.now.ns = START + 101000;
	b.l.now.tsc = START + 50000;
	expire(&b);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 151000);
	/* the guest's TSC is ahead */
	b.l.now.tsc = START + 100000;
	expire(&b);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	/* the TSC was written: later, sooner, past */
	set_deadline(&b, 100000);
	interrupted(&b);
	b.l.now.tsc = 50000;
	set_deadline(&b, 60000);
	b.l.now.tsc = 20000;
	b.l.effects = (struct lapic_effects) { };
	lapic_timer_tsc_changed(&b.l);
	KUNIT_EXPECT_EQ(test, b.l.effects.flags, (u32)LAPIC_TIMER);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), b.l.now.ns + 40000);
	b.l.now.tsc = 59999;
	lapic_timer_tsc_changed(&b.l);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), b.l.now.ns + 1);
	KUNIT_EXPECT_FALSE(test, interrupted(&b));
	b.l.now.tsc = 60000;
	lapic_timer_tsc_changed(&b.l);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	/* the other modes ignore it */
	set_lvt(&b, ONE_SHOT);
	set_initial(&b, 1000);
	b.l.now.tsc = ~0ULL;
	b.l.effects.flags = 0;
	lapic_timer_tsc_changed(&b.l);
	KUNIT_EXPECT_EQ(test, b.l.effects.flags, 0U);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), b.l.now.ns + 1000);
	KUNIT_EXPECT_EQ(test, set_deadline(&b, 5), 0U);
	KUNIT_EXPECT_EQ(test, b.l.tsc_deadline, 0ULL);
}

static void lapic_timer_test_ends(struct kunit *test)
{
	struct bench b;

	/* the longest deadline on the slowest TSC */
	bench_init(&b, test, 1, DEADLINE);
	b.l.now.tsc = 0;
	set_deadline(&b, ~0ULL);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), NS_LATEST);
	/* no wrapped difference: the deadline is in the past */
	b.l.now.tsc = ~0ULL;
	expire(&b);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	set_deadline(&b, 1);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	/* the fastest */
	bench_init(&b, test, ~0U, DEADLINE);
	b.l.now.tsc = 0;
	set_deadline(&b, ~0ULL);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 4294967297000000ULL);
	/* the longest count, and the end of time */
	bench_init(&b, test, 1, ONE_SHOT);
	set_divide(&b, 0xa);
	set_initial(&b, ~0U);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), START + 0xffffffffULL * 128);
	KUNIT_EXPECT_EQ(test, count(&b), ~0U);
	at(&b, NS_LATEST - 1);
	set_initial(&b, ~0U);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), NS_LATEST);
	set_lvt(&b, PERIODIC);
	at(&b, NS_LATEST);
	KUNIT_EXPECT_EQ(test, expire(&b), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), NS_LATEST);
	/* at the beginning */
	bench_init(&b, test, 1, DEADLINE);
	b.l.now.ns = 0;
	set_lvt(&b, DEADLINE);
	b.l.now.tsc = 7;
	set_deadline(&b, 7);
	KUNIT_EXPECT_TRUE(test, interrupted(&b));
	set_lvt(&b, PERIODIC);
	set_initial(&b, 1);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&b.l), (u64)LAPIC_MIN_PERIOD_NS);
}

/* The result is the smallest sufficient one, checked by multiplication. */
static void lapic_timer_test_ticks_to_ns(struct kunit *test)
{
	static const u32 khz[] = { 1, 2, 3, 999999, 1000000, 2399999, 4000000, ~0U };
	unsigned int i, shift;
	u64 ticks, ns;

	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		for (shift = 0; shift < 64; shift++) {
			unsigned __int128 exact;

			ticks = 0x9e3779b97f4a7c15ULL >> shift;
			exact = (unsigned __int128)ticks * 1000000;
			ns = ticks_to_ns(ticks, khz[i]);
			if (ns == NS_LATEST) {
				KUNIT_EXPECT_TRUE(test, exact >=
						  (unsigned __int128)(NS_LATEST -
						  1000000) * khz[i]);
				continue;
			}
			KUNIT_EXPECT_TRUE(test, (unsigned __int128)ns * khz[i] >= exact);
			KUNIT_EXPECT_TRUE(test, (unsigned __int128)(ns - 1) * khz[i] <
					  exact);
		}
	}
	KUNIT_EXPECT_EQ(test, ticks_to_ns(0, 1000), 0ULL);
}

/* --- a naive model of one-shot and periodic ----------------------------- */

struct model {
	u32 rnd;
	bool periodic, masked;
	u64 by, initial;
	u64 next;	/* 0: stopped */
};

static u32 roll(struct model *m, u32 below)
{
	m->rnd = m->rnd * 1664525 + 1013904223;
	return (m->rnd >> 8) % below;
}

static u64 model_period(const struct model *m)
{
	u64 ns = m->initial * m->by;

	return m->periodic && ns < 50000 ? 50000 : ns;
}

/* Process one expiry after another. Returns whether one interrupted. */
static bool model_run(struct model *m, u64 now)
{
	bool fired = false;

	while (m->next && m->next <= now) {
		fired = !m->masked;
		m->next = m->periodic ? m->next + model_period(m) : 0;
	}
	return fired;
}

static u64 model_count(const struct model *m, u64 now)
{
	u64 left = m->next ? (m->next - now + m->by - 1) / m->by : 0;

	return left > m->initial ? m->initial : left;
}

static void model_start(struct model *m, struct bench *b)
{
	m->initial = roll(m, 8) ? roll(m, 1 << roll(m, 24)) : 0;
	m->next = m->initial ? b->l.now.ns + model_period(m) : 0;
	set_initial(b, m->initial);
}

static void model_divide(struct model *m, struct bench *b)
{
	u64 left = model_count(m, b->l.now.ns);
	u32 log = roll(m, 8), code = (log + 7) & 7;

	m->by = 1U << log;
	if (left)
		m->next = b->l.now.ns + left * m->by;
	set_divide(b, (code & 3) | (code & 4) << 1);
}

static void model_mode(struct model *m, struct bench *b)
{
	m->periodic = roll(m, 4);
	m->masked = !roll(m, 4);
	set_lvt(b, (m->periodic ? PERIODIC : ONE_SHOT) | (m->masked ? LVT_MASKED : 0));
}

static void model_step(struct model *m, struct bench *b)
{
	bool fired;

	at(b, b->l.now.ns + roll(m, 1 << roll(m, 20)));
	fired = model_run(m, b->l.now.ns);
	switch (roll(m, 12)) {
	case 0:
		model_start(m, b);
		break;
	case 1:
		model_divide(m, b);
		break;
	case 2:
		model_mode(m, b);
		break;
	case 3 ... 6:
		KUNIT_EXPECT_EQ(b->test, (u64)count(b), model_count(m, b->l.now.ns));
		break;
	default:
		expire(b);
	}
	KUNIT_EXPECT_EQ(b->test, interrupted(b), fired);
	KUNIT_EXPECT_EQ(b->test, lapic_timer_next(&b->l),
			m->next && !m->masked ? m->next : LAPIC_TIMER_NONE);
}

static void lapic_timer_test_model(struct kunit *test)
{
	struct model m = { .rnd = 7, .by = 1 };
	unsigned int i;
	struct bench b;

	bench_init(&b, test, 1000000, ONE_SHOT);
	for (i = 0; i < 50000; i++)
		model_step(&m, &b);
}

static struct kunit_case lapic_timer_test_cases[] = {
	KUNIT_CASE(lapic_timer_test_one_shot),
	KUNIT_CASE(lapic_timer_test_late_reader),
	KUNIT_CASE(lapic_timer_test_divide),
	KUNIT_CASE(lapic_timer_test_periodic),
	KUNIT_CASE(lapic_timer_test_min_period),
	KUNIT_CASE(lapic_timer_test_masked),
	KUNIT_CASE(lapic_timer_test_switch),
	KUNIT_CASE(lapic_timer_test_deadline),
	KUNIT_CASE(lapic_timer_test_deadline_clocks),
	KUNIT_CASE(lapic_timer_test_ends),
	KUNIT_CASE(lapic_timer_test_ticks_to_ns),
	KUNIT_CASE(lapic_timer_test_model),
	{}
};

static struct kunit_suite lapic_timer_test_suite = {
	.name = "svmvcpu_lapic_timer",
	.test_cases = lapic_timer_test_cases,
};

kunit_test_suite(lapic_timer_test_suite);
