// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: saving and restoring a local APIC. Every state that a guest can reach is
 * restored; register pages of other implementations are accepted, without the bits that do
 * not exist here. Also built in user space.
 */
#include <kunit/test.h>

#include "lapic_state.c"

static const struct lapic_config config = {
	.id = 0x1025, .tsc_khz = 1000000, .maxphyaddr = 40, .bsp = true,
	.present = true, .x2apic = true,
};

static struct lapic_now now;
static struct svmvcpu_lapic s, again;	/* too large for a kernel stack */
static u32 rnd;

static u32 roll(u32 below)
{
	rnd = rnd * 1664525 + 1013904223;
	return (rnd >> 8) % below;
}

static u32 roll32(void)
{
	return roll(0x10000) << 16 | roll(0x10000);
}

static int state_init(struct kunit *test)
{
	(void)test;
	rnd = 1;
	now.ns = 1000000;
	now.tsc = 5000000;
	return 0;
}

static bool same(const struct lapic *a, const struct lapic *b)
{
	return !memcmp(a->regs, b->regs, sizeof(a->regs)) && a->base == b->base &&
	       a->tsc_deadline == b->tsc_deadline && a->timer_due == b->timer_due &&
	       a->esr_pending == b->esr_pending && a->pins == b->pins;
}

static void get(struct lapic *l, struct svmvcpu_lapic *state)
{
	memset(state, 0xa5, sizeof(*state));
	l->effects = (struct lapic_effects) { };
	l->now = now;
	lapic_get_state(l, state);
}

static int set(struct lapic *l, const struct svmvcpu_lapic *state)
{
	l->effects = (struct lapic_effects) { };
	l->now = now;
	if (!lapic_state_valid(l, state))
		return -EINVAL;
	lapic_set_state(l, state);
	return 0;
}

static void page_write(struct lapic *l, unsigned int reg, u32 value)
{
	l->effects = (struct lapic_effects) { };
	l->now = now;
	lapic_mmio_write(l, reg * 16, 4, value);
}

static u32 msr_write(struct lapic *l, u32 msr, u64 value)
{
	l->effects = (struct lapic_effects) { };
	l->now = now;
	lapic_msr_write(l, msr, value);
	return l->effects.flags;
}

/* A random operation, in any mode */
static void random_event(struct lapic *l)
{
	u32 value = roll(2) ? roll32() : roll(0x200);

	l->effects = (struct lapic_effects) { };
	l->now = now;
	switch (roll(10)) {
	case 0 ... 2:
		if (lapic_mmio_hit(l, l->base))
			lapic_mmio_write(l, roll(0x48) * 16, 4, value);
		break;
	case 3 ... 4:
		lapic_msr_write(l, 0x800 + roll(0x40), value);
		break;
	case 5:
		lapic_msr_write(l, LAPIC_MSR_DEADLINE,
				roll(4) ? now.tsc + roll(100000) : 0);
		break;
	case 6:
		lapic_set_irq(l, roll(256), roll(2));
		break;
	case 7:
		lapic_lint(l, roll(2), roll(2));
		break;
	case 8:
		if (lapic_pending(l) >= 0)
			lapic_ack(l, lapic_pending(l));
		else
			lapic_set_cr8(l, roll(16));
		break;
	default:
		now.ns += value & 0xfffff;
		now.tsc += value & 0xfffff;
		l->now = now;
		if (roll(2))
			lapic_timer_expired(l);
	}
}

/* Disabled, xAPIC, x2APIC; usually enabled in SVR */
static void random_mode(struct lapic *l)
{
	static const u32 bases[] = { 0xfee00100, 0xfee00900, 0xfee00d00, 0x12345900 };

	msr_write(l, LAPIC_MSR_BASE, bases[roll(4)]);
	if (lapic_mmio_hit(l, l->base))
		page_write(l, REG_SVR, 0x1ff);
	else
		msr_write(l, 0x80f, 0x1ff);
}

static void round_trip(struct kunit *test, struct lapic *l, unsigned int i)
{
	struct lapic other;

	lapic_power_up(&other, &config);
	get(l, &s);
	KUNIT_EXPECT_EQ_MSG(test, set(&other, &s), 0, "round %u", i);
	KUNIT_EXPECT_EQ_MSG(test, same(l, &other), true, "round %u", i);
	get(&other, &again);
	KUNIT_EXPECT_EQ_MSG(test, memcmp(&s, &again, sizeof(s)), 0,
			    "round %u", i);
}

static void lapic_state_test_random(struct kunit *test)
{
	unsigned int i, timers = 0, x2 = 0, off = 0, interrupts = 0;
	struct lapic l;

	lapic_power_up(&l, &config);
	for (i = 0; i < 30000; i++) {
		if (!roll(40))
			random_mode(&l);
		random_event(&l);
		round_trip(test, &l, i);
		timers += lapic_timer_next(&l) != LAPIC_TIMER_NONE;
		interrupts += lapic_pending(&l) >= 0;
		x2 += lapic_is_x2(&l);
		off += !lapic_is_enabled(&l);
	}
	/* the walk has visited everything */
	KUNIT_EXPECT_TRUE(test, timers > 300 && interrupts > 300);
	KUNIT_EXPECT_TRUE(test, x2 > 3000 && off > 1000);
}

/* A busy local APIC, with a periodic timer or a deadline */
static void busy(struct lapic *l, bool x2)
{
	lapic_power_up(l, &config);
	page_write(l, REG_SVR, 0x1ff);
	page_write(l, REG_LVT_TIMER, x2 ? 0x40030 : 0x20030);
	page_write(l, REG_LVT_LINT0, 0x8040);
	page_write(l, REG_TDCR, 1);
	page_write(l, REG_TMICT, 100000);
	page_write(l, REG_ICR2, 0x12000000);
	page_write(l, REG_LDR, 0x34000000);
	l->effects = (struct lapic_effects) { };
	lapic_set_irq(l, 0x50, true);
	lapic_ack(l, 0x50);
	lapic_set_irq(l, 0x60, false);
	lapic_lint(l, 0, true);
	lapic_lint(l, 1, true);
	lapic_set_irq(l, 1, false);
	if (x2)
		msr_write(l, LAPIC_MSR_BASE, 0xfee00d00);
	msr_write(l, LAPIC_MSR_DEADLINE, now.tsc + 100000);
	now.ns += 1000;
	now.tsc += 1000;
}

static void lapic_state_test_layout(struct kunit *test)
{
	struct lapic l;

	KUNIT_EXPECT_EQ(test, sizeof(s), (size_t)32 + 256);
	busy(&l, false);
	get(&l, &s);
	KUNIT_EXPECT_EQ(test, s.base, 0xfee00900ULL);
	KUNIT_EXPECT_EQ(test, s.timer_remaining, 400000ULL - 1000);
	KUNIT_EXPECT_EQ(test, s.tsc_deadline, 0ULL);
	KUNIT_EXPECT_EQ(test, s.esr_pending, 0x40U);
	KUNIT_EXPECT_EQ(test, s.pins, 3U);
	KUNIT_EXPECT_EQ(test, s.regs[0x020 / 16], 0x25000000U);
	KUNIT_EXPECT_EQ(test, s.regs[0x030 / 16], 0x50014U);
	KUNIT_EXPECT_EQ(test, s.regs[0x090 / 16], 0x60U);
	KUNIT_EXPECT_EQ(test, s.regs[0x0a0 / 16], 0x50U);
	KUNIT_EXPECT_EQ(test, s.regs[0x0d0 / 16], 0x34000000U);
	KUNIT_EXPECT_EQ(test, s.regs[0x120 / 16], 0x10000U);
	KUNIT_EXPECT_EQ(test, s.regs[0x1a0 / 16], 0x10001U);
	KUNIT_EXPECT_EQ(test, s.regs[0x230 / 16], 1U);
	KUNIT_EXPECT_EQ(test, s.regs[0x220 / 16], 1U);
	KUNIT_EXPECT_EQ(test, s.regs[0x350 / 16], 0xc040U);
	KUNIT_EXPECT_EQ(test, s.regs[0x390 / 16], 99750U);
	busy(&l, true);
	get(&l, &s);
	KUNIT_EXPECT_EQ(test, s.base, 0xfee00d00ULL);
	KUNIT_EXPECT_EQ(test, s.timer_remaining, 0ULL);
	KUNIT_EXPECT_EQ(test, s.tsc_deadline, now.tsc + 99000);
	KUNIT_EXPECT_EQ(test, s.regs[0x020 / 16], 0x1025U);
	KUNIT_EXPECT_EQ(test, s.regs[0x0d0 / 16], 0x1020020U);
	KUNIT_EXPECT_EQ(test, s.regs[0x310 / 16], 0x12000000U);
}

/* Saved and restored at different times, on hosts with different clocks */
static void lapic_state_test_later(struct kunit *test)
{
	struct lapic l;

	busy(&l, false);
	get(&l, &s);
	now.ns = 77;
	l.effects = (struct lapic_effects) { };
	l.now = now;
	KUNIT_EXPECT_TRUE(test, lapic_state_valid(&l, &s));
	lapic_set_state(&l, &s);
	KUNIT_EXPECT_EQ(test, l.effects.flags, (u32)(LAPIC_IRQ | LAPIC_TIMER));
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&l), 77ULL + 399000);
	busy(&l, true);
	get(&l, &s);
	now.tsc += 98000;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&l), now.ns + 1000);
	/* the deadline has passed: interrupt at once */
	now.tsc += 1000;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&l), LAPIC_TIMER_NONE);
	KUNIT_EXPECT_EQ(test, l.regs[REG_IRR + 1], 0x10000U);
	KUNIT_EXPECT_EQ(test, l.tsc_deadline, 0ULL);
	/* an expiry that is due while saving is part of the saved state */
	busy(&l, false);
	now.ns += 400000;
	l.effects.flags = 0;
	l.now = now;
	lapic_get_state(&l, &s);
	KUNIT_EXPECT_EQ(test, l.effects.flags, (u32)(LAPIC_IRQ | LAPIC_TIMER));
	KUNIT_EXPECT_EQ(test, s.regs[0x210 / 16], 0x10000U);
	KUNIT_EXPECT_EQ(test, s.timer_remaining, 400000ULL - 1000);
}

/* --- what is dropped and refused ----------------------------------------- */

/* The state is refused, and nothing changes. */
static bool refused(struct lapic *l, const struct svmvcpu_lapic *state)
{
	struct lapic before = *l;

	return set(l, state) == -EINVAL && same(l, &before);
}

/*
 * Bits of each register that can be flipped in the state of a busy local APIC, by
 * register and mode. A flip of another bit is dropped, or refused.
 */
static const struct {
	u8 reg;
	u32 xapic, x2apic;
} flips[] = {
	{ 0x02, 0xff000000, 0 }, { 0x08, 0xff, 0xff },
	{ 0x0d, 0xff000000, 0 }, { 0x0e, 0xf0000000, 0xf0000000 },
	{ 0x0f, 0x1ff, 0x1ff },
	{ 0x10, ~0U, ~0U }, { 0x11, ~0U, ~0U }, { 0x12, ~0U, ~0U },
	{ 0x13, ~0U, ~0U }, { 0x14, ~0U, ~0U }, { 0x15, ~0U, ~0U }, { 0x16, ~0U, ~0U },
	{ 0x17, ~0U, ~0U }, { 0x18, ~0U, ~0U }, { 0x19, ~0U, ~0U },
	{ 0x1a, ~0U, ~0U }, { 0x1b, ~0U, ~0U }, { 0x1c, ~0U, ~0U }, { 0x1d, ~0U, ~0U },
	{ 0x1e, ~0U, ~0U }, { 0x1f, ~0U, ~0U }, { 0x20, ~0U, ~0U },
	{ 0x21, ~0U, ~0U }, { 0x22, ~0U, ~0U }, { 0x23, ~0U, ~0U }, { 0x24, ~0U, ~0U },
	{ 0x25, ~0U, ~0U }, { 0x26, ~0U, ~0U }, { 0x27, ~0U, ~0U },
	{ 0x28, 0xe0, 0xe0 }, { 0x30, 0xffffefff, 0xccfff }, { 0x31, 0xff000000, ~0U },
	{ 0x32, 0x300ff, 0x100ff },
	{ 0x33, 0x107ff, 0x107ff }, { 0x34, 0x107ff, 0x107ff },
	{ 0x35, 0x1e7ff | 0x2000, 0x1e7ff | 0x2000 },
	{ 0x36, 0x1a7ff, 0x1a7ff }, { 0x37, 0x100ff, 0x100ff },
	{ 0x38, ~0U, ~0U }, { 0x3e, 0xb, 0xb },
};

/*
 * The ID has 8 bits, or cannot change in x2APIC mode; the mode of a running timer and of a
 * deadline cannot change.
 */
static u32 refused_bits(unsigned int reg, bool x2)
{
	if (reg == 0x02)
		return x2 ? ~0U : 0x00ffffff;
	return reg == 0x32 ? x2 ? 0x60000 : 0x40000 : 0;
}

static void flip_bit(struct kunit *test, const struct lapic *l, unsigned int reg, u32 bit,
		     bool kept, bool refuse)
{
	const bool x2 = lapic_is_x2(l);
	struct lapic copy = *l;
	u32 before = s.regs[reg];

	s.regs[reg] ^= bit;
	if (refuse) {
		KUNIT_EXPECT_TRUE_MSG(test, refused(&copy, &s), "x2 %u, register %x, bit %x",
				      x2, reg, bit);
	} else {
		KUNIT_EXPECT_EQ_MSG(test, set(&copy, &s), 0, "x2 %u, register %x, bit %x",
				    x2, reg, bit);
		get(&copy, &again);
		KUNIT_EXPECT_EQ_MSG(test, again.regs[reg], kept ? s.regs[reg] : before,
				    "x2 %u, register %x, bit %x", x2, reg, bit);
	}
	s.regs[reg] = before;
}

static void flip_all(struct kunit *test, bool x2)
{
	unsigned int reg, i, bit;
	struct lapic l;

	busy(&l, x2);
	/* far from its expiry, so any larger initial count is valid */
	if (!x2)
		l.timer_due = now.ns + 30000;
	get(&l, &s);
	for (reg = 0; reg < 64; reg++) {
		u32 kept = 0, refuse = refused_bits(reg, x2);

		for (i = 0; i < ARRAY_SIZE(flips); i++)
			if (flips[i].reg == reg)
				kept = x2 ? flips[i].x2apic : flips[i].xapic;
		for (bit = 0; bit < 32; bit++)
			flip_bit(test, &l, reg, 1U << bit, kept >> bit & 1, refuse >> bit & 1);
	}
}

static void lapic_state_test_bits(struct kunit *test)
{
	flip_all(test, false);
	flip_all(test, true);
}

/* The page that QEMU sets at RESET: no version, and LINT0 open for the PIC */
static void lapic_state_test_other_page(struct kunit *test)
{
	struct lapic l;

	lapic_power_up(&l, &config);
	get(&l, &s);
	s.regs[REG_VERSION] = 0;
	s.regs[REG_LVT_LINT0] = 0x700;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	get(&l, &again);
	KUNIT_EXPECT_EQ(test, again.regs[REG_VERSION], 0x50014U);
	KUNIT_EXPECT_EQ(test, again.regs[REG_LVT_LINT0], 0x700U);
	KUNIT_EXPECT_TRUE(test, lapic_takes_extint(&l));
	/* Entries that SVR should have masked: fixed interrupts are not accepted. */
	s.regs[REG_LVT_LINT0] = 0x41;
	s.regs[REG_LVT_TIMER] = 0x20042;
	s.regs[REG_TMICT] = 100000;
	s.timer_remaining = 1000;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	lapic_lint(&l, 0, true);
	now.ns += 1000;
	l.now = now;
	lapic_timer_expired(&l);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
	KUNIT_EXPECT_TRUE(test, lapic_timer_next(&l) > now.ns);
}

/* Vectors 0 to 15 in IRR and ISR are kept, but never delivered and never of priority. */
static void lapic_state_test_illegal_vectors(struct kunit *test)
{
	struct lapic l;

	lapic_power_up(&l, &config);
	page_write(&l, REG_SVR, 0x1ff);
	get(&l, &s);
	s.regs[REG_IRR] = 0xffff;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
	s.regs[REG_IRR] = 0x1ffff;
	s.regs[REG_ISR] = 0xffff;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	KUNIT_EXPECT_EQ(test, lapic_ppr(&l), (u8)0);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), 16);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 16), 16);
	page_write(&l, REG_EOI, 0);
	page_write(&l, REG_EOI, 0);
	get(&l, &again);
	KUNIT_EXPECT_EQ(test, again.regs[REG_IRR], 0xffffU);
	KUNIT_EXPECT_EQ(test, again.regs[REG_ISR], 0x7fffU);
}

static void lapic_state_test_derived(struct kunit *test)
{
	struct lapic l;

	busy(&l, true);
	get(&l, &s);
	again = s;
	s.regs[0x090 / 16] = 0x12345678;
	s.regs[0x0a0 / 16] = 0x12345678;
	s.regs[0x0d0 / 16] = 0x12345678;
	s.regs[0x390 / 16] = 0x12345678;
	KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
	get(&l, &s);
	KUNIT_EXPECT_EQ(test, memcmp(&s, &again, sizeof(s)), 0);
}

static bool base_refused(u64 base, bool x2)
{
	struct lapic l;

	busy(&l, x2);
	get(&l, &s);
	s.base = base;
	return refused(&l, &s);
}

static void lapic_state_test_base(struct kunit *test)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		bool ok = bit == 8 || (bit >= 12 && bit < 40);

		KUNIT_EXPECT_EQ_MSG(test, base_refused(0xfee00d00 ^ 1ULL << bit, true),
				    !ok, "bit %u", bit);
		KUNIT_EXPECT_EQ_MSG(test, base_refused(0xfee00900 ^ 1ULL << bit, false),
				    !ok, "bit %u", bit);
	}
}

static void lapic_state_test_others(struct kunit *test)
{
	unsigned int bit;
	struct lapic l;

	busy(&l, false);
	get(&l, &s);
	for (bit = 0; bit < 32; bit++) {
		s.esr_pending = 1U << bit;
		KUNIT_EXPECT_EQ(test, refused(&l, &s), bit < 5 || bit > 7);
		s.esr_pending = 0;
		s.pins = 1U << bit;
		KUNIT_EXPECT_EQ(test, refused(&l, &s), bit > 1 && bit < 30);
		s.pins = 0;
	}
}

/* A waiting INIT is saved with the pins. */
static void lapic_state_test_init(struct kunit *test)
{
	struct lapic l;

	busy(&l, false);
	get(&l, &s);
	s.pins = 1;
	l.effects = (struct lapic_effects) { };
	l.now = now;
	KUNIT_EXPECT_TRUE(test, lapic_state_valid(&l, &s));
	lapic_set_state(&l, &s);
	KUNIT_EXPECT_EQ(test, l.effects.flags & LAPIC_INIT, 0U);
	s.pins |= SVMVCPU_LAPIC_INIT;
	l.now = now;
	KUNIT_EXPECT_TRUE(test, lapic_state_valid(&l, &s));
	lapic_set_state(&l, &s);
	KUNIT_EXPECT_EQ(test, l.effects.flags & LAPIC_INIT, (u32)LAPIC_INIT);
	KUNIT_EXPECT_EQ(test, l.pins, 1U);
	get(&l, &s);
	KUNIT_EXPECT_EQ(test, s.pins, 1U);
	s.pins = SVMVCPU_LAPIC_SIPI;
	KUNIT_EXPECT_TRUE(test, lapic_state_valid(&l, &s));
	s.pins |= 0xffU << SVMVCPU_LAPIC_SIPI_SHIFT;
	KUNIT_EXPECT_TRUE(test, lapic_state_valid(&l, &s));
	/* a vector without STARTUP */
	s.pins = 1U << SVMVCPU_LAPIC_SIPI_SHIFT;
	KUNIT_EXPECT_FALSE(test, lapic_state_valid(&l, &s));
	s.pins = SVMVCPU_LAPIC_SIPI | 1U << 24;
	KUNIT_EXPECT_FALSE(test, lapic_state_valid(&l, &s));
}

static void lapic_state_test_timer(struct kunit *test)
{
	static const struct {
		u64 base;
		u32 lvt, initial, divide;
		u64 remaining, deadline;
		bool ok;
	} cases[] = {
		{ 0xfee00900, 0x20030, 100000, 0xb, 100000, 0, true },
		{ 0xfee00900, 0x20030, 100000, 0xb, 100001, 0, false },
		{ 0xfee00900, 0x00030, 100000, 0xb, 100000, 0, true },
		{ 0xfee00900, 0x10030, 100000, 0xb, 100001, 0, false },
		{ 0xfee00900, 0x20030, 100000, 0xa, 12800000, 0, true },
		{ 0xfee00900, 0x20030, 100000, 0xa, 12800001, 0, false },
		{ 0xfee00900, 0x20030, 0xffffffff, 0xb, ~0ULL, 0, false },
		/* extended to the shortest period */
		{ 0xfee00900, 0x20030, 1, 0xb, 50000, 0, true },
		{ 0xfee00900, 0x20030, 1, 0xb, 50001, 0, false },
		/* a timer in another mode cannot be running */
		{ 0xfee00900, 0x20030, 0, 0xb, 1, 0, false },
		{ 0xfee00900, 0x40030, 100000, 0xb, 1, 0, false },
		{ 0xfee00900, 0x60030, 100000, 0xb, 1, 0, false },
		{ 0xfee00900, 0x60030, 100000, 0xb, 0, 0, true },
		{ 0xfee00100, 0x20030, 100000, 0xb, 1, 0, false },
		{ 0xfee00100, 0x20030, 100000, 0xb, 0, 0, true },
		{ 0xfee00900, 0x40030, 0, 0xb, 0, ~0ULL, true },
		{ 0xfee00900, 0x40030, 0, 0xb, 0, 1, true },
		{ 0xfee00900, 0x00030, 0, 0xb, 0, 1, false },
		{ 0xfee00900, 0x20030, 0, 0xb, 0, 1, false },
		{ 0xfee00900, 0x60030, 0, 0xb, 0, 1, false },
		{ 0xfee00100, 0x40030, 0, 0xb, 0, 1, false },
	};
	unsigned int i;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		busy(&l, false);
		get(&l, &s);
		s.base = cases[i].base;
		s.regs[0x320 / 16] = cases[i].lvt;
		s.regs[0x380 / 16] = cases[i].initial;
		s.regs[0x3e0 / 16] = cases[i].divide;
		s.timer_remaining = cases[i].remaining;
		s.tsc_deadline = cases[i].deadline;
		KUNIT_EXPECT_EQ_MSG(test, refused(&l, &s), !cases[i].ok, "case %u", i);
	}
}

/* Without TSC-deadline or x2APIC mode, states in these modes are refused. */
static void lapic_state_test_config(struct kunit *test)
{
	struct lapic_config other = config;
	struct lapic l;

	other.tsc_khz = 0;
	lapic_power_up(&l, &other);
	get(&l, &s);
	s.regs[0x320 / 16] = 0x50030;
	KUNIT_EXPECT_TRUE(test, refused(&l, &s));
	other = config;
	other.x2apic = false;
	busy(&l, true);
	get(&l, &s);
	lapic_power_up(&l, &other);
	KUNIT_EXPECT_TRUE(test, refused(&l, &s));
	other = config;
	other.id++;
	lapic_power_up(&l, &other);
	KUNIT_EXPECT_TRUE(test, refused(&l, &s));
}

/*
 * Hostile states, a few bits from valid ones: a state that is accepted reads back, and
 * using it is harmless (in user space the sanitizers check this).
 */
static void lapic_state_test_hostile(struct kunit *test)
{
	unsigned int i, j, accepted = 0;
	struct lapic l;

	for (i = 0; i < 20000; i++) {
		u32 *words = (u32 *)&s;

		busy(&l, roll(2));
		get(&l, &s);
		for (j = roll(4); j; j--)
			words[roll(2) ? roll(8) : 8 + roll(64)] ^= 1U << roll(32);
		if (set(&l, &s))
			continue;
		accepted++;
		get(&l, &s);
		KUNIT_EXPECT_EQ(test, set(&l, &s), 0);
		get(&l, &again);
		KUNIT_EXPECT_EQ(test, memcmp(&s, &again, sizeof(s)), 0);
		for (j = 0; j < 10; j++)
			random_event(&l);
	}
	KUNIT_EXPECT_TRUE(test, accepted > 5000);
}

static struct kunit_case lapic_state_test_cases[] = {
	KUNIT_CASE(lapic_state_test_layout),
	KUNIT_CASE(lapic_state_test_random),
	KUNIT_CASE(lapic_state_test_later),
	KUNIT_CASE(lapic_state_test_bits),
	KUNIT_CASE(lapic_state_test_other_page),
	KUNIT_CASE(lapic_state_test_illegal_vectors),
	KUNIT_CASE(lapic_state_test_derived),
	KUNIT_CASE(lapic_state_test_base),
	KUNIT_CASE(lapic_state_test_others),
	KUNIT_CASE(lapic_state_test_init),
	KUNIT_CASE(lapic_state_test_timer),
	KUNIT_CASE(lapic_state_test_config),
	KUNIT_CASE(lapic_state_test_hostile),
	{}
};

static struct kunit_suite lapic_state_test_suite = {
	.name = "svmvcpu_lapic_state",
	.init = state_init,
	.test_cases = lapic_state_test_cases,
};

kunit_test_suite(lapic_state_test_suite);
