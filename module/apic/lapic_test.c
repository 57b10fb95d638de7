// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: registers of the local APIC: page, MSRs, modes, reset. Also built in user space. */
#include <kunit/test.h>

#include "lapic.c"

#define OFF(reg)	((reg) * 16)
#define X2(reg)		(0x800 + (reg))
#define NO_GP		0

static const struct lapic_config config = {
	.id = 0x25, .tsc_khz = 1000000, .maxphyaddr = 40, .bsp = true,
	.present = true, .x2apic = true,
};

static const struct lapic_now now = { .ns = 1000, .tsc = 5000 };

static u32 page_read(struct lapic *l, unsigned int offset)
{
	l->effects = (struct lapic_effects) { };
	l->now = now;
	return lapic_mmio_read(l, offset, 4);
}

static u32 page_write(struct lapic *l, unsigned int offset, u32 value)
{
	l->effects = (struct lapic_effects) { };
	l->now = now;
	lapic_mmio_write(l, offset, 4, value);
	return l->effects.flags;
}

/* The value, or all ones after #GP. No MSR reads as all ones. */
static u64 msr_read(struct lapic *l, u32 msr)
{
	u64 value;

	l->effects = (struct lapic_effects) { };
	l->now = now;
	value = lapic_msr_read(l, msr);
	return l->effects.flags & LAPIC_GP ? ~0ULL : value;
}

static u32 msr_write(struct lapic *l, u32 msr, u64 value)
{
	l->effects = (struct lapic_effects) { };
	l->now = now;
	lapic_msr_write(l, msr, value);
	return l->effects.flags;
}

static bool same(const struct lapic *a, const struct lapic *b)
{
	return !memcmp(a->regs, b->regs, sizeof(a->regs)) && a->base == b->base &&
	       a->tsc_deadline == b->tsc_deadline && a->timer_due == b->timer_due &&
	       a->esr_pending == b->esr_pending && a->pins == b->pins;
}

static bool msr_write_gp(struct lapic *l, u32 msr, u64 value)
{
	struct lapic before = *l;
	bool gp = msr_write(l, msr, value) & LAPIC_GP;

	/* a refused write changes nothing */
	return gp && same(&before, l);
}

static void start(struct lapic *l, bool x2)
{
	memset(l, 0x5a, sizeof(*l));
	lapic_power_up(l, &config);
	page_write(l, 0xf0, 0x1ff);
	if (x2)
		msr_write(l, LAPIC_MSR_BASE, 0xfee00d00);
}

static const struct {
	unsigned int offset;
	u32 reset;
	u32 after;	/* bits that read back after writing ones */
} page_regs[] = {
	{ 0x020, 0x25000000, 0xff000000 },
	{ 0x030, 0x00050014, 0x00050014 },
	{ 0x080, 0, 0xff },
	{ 0x090, 0, 0 },
	{ 0x0a0, 0, 0 },
	{ 0x0b0, 0, 0 },
	{ 0x0d0, 0, 0xff000000 },
	{ 0x0e0, 0xffffffff, 0xffffffff },
	{ 0x0f0, 0xff, 0x1ff },
	{ 0x100, 0, 0 }, { 0x110, 0, 0 }, { 0x120, 0, 0 }, { 0x130, 0, 0 },
	{ 0x140, 0, 0 }, { 0x150, 0, 0 }, { 0x160, 0, 0 }, { 0x170, 0, 0 },
	{ 0x180, 0, 0 }, { 0x190, 0, 0 }, { 0x1a0, 0, 0 }, { 0x1b0, 0, 0 },
	{ 0x1c0, 0, 0 }, { 0x1d0, 0, 0 }, { 0x1e0, 0, 0 }, { 0x1f0, 0, 0 },
	{ 0x200, 0, 0 }, { 0x210, 0, 0 }, { 0x220, 0, 0 }, { 0x230, 0, 0 },
	{ 0x240, 0, 0 }, { 0x250, 0, 0 }, { 0x260, 0, 0 }, { 0x270, 0, 0 },
	{ 0x280, 0, 0 },
	{ 0x300, 0, 0xffffefff },
	{ 0x310, 0, 0xff000000 },
	{ 0x320, 0x10000, 0x700ff },
	{ 0x330, 0x10000, 0x107ff },
	{ 0x340, 0x10000, 0x107ff },
	{ 0x350, 0x10000, 0x1a7ff },
	{ 0x360, 0x10000, 0x1a7ff },
	{ 0x370, 0x10000, 0x100ff },
	{ 0x380, 0, 0xffffffff },
	{ 0x390, 0, 0 },
	{ 0x3e0, 0, 0xb },
};

static void lapic_test_page(struct kunit *test)
{
	unsigned int i;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(page_regs); i++) {
		unsigned int offset = page_regs[i].offset;
		u32 value;

		lapic_power_up(&l, &config);
		value = page_read(&l, offset);
		KUNIT_EXPECT_EQ_MSG(test, value, page_regs[i].reset, "reset %x: %x",
				    offset, value);
		start(&l, false);
		page_write(&l, offset, ~0U);
		value = page_read(&l, offset);
		KUNIT_EXPECT_EQ_MSG(test, value, page_regs[i].after, "ones %x: %x",
				    offset, value);
		page_write(&l, offset, 0);
		KUNIT_EXPECT_EQ_MSG(test, l.esr_pending & ESR_ILLEGAL_REG, 0,
				    "exists %x", offset);
	}
}

static bool on_page(unsigned int offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(page_regs); i++)
		if (page_regs[i].offset == (offset & ~15U))
			return true;
	return false;
}

/* All other slots of 16 bytes are errors, for reads and writes. */
static void lapic_test_page_holes(struct kunit *test)
{
	unsigned int offset;
	struct lapic l, before;
	u32 value;

	for (offset = 0; offset < 0x1000; offset++) {
		u32 expected = on_page(offset) ? 0 : ESR_ILLEGAL_REG;

		start(&l, false);
		before = l;
		value = page_read(&l, offset);
		KUNIT_EXPECT_EQ_MSG(test, l.esr_pending, expected, "read %x", offset);
		page_write(&l, offset, 0x55);
		if (!on_page(offset)) {
			before.esr_pending = expected;
			KUNIT_EXPECT_EQ_MSG(test, value, 0U, "read %x", offset);
			KUNIT_EXPECT_TRUE(test, same(&l, &before));
		}
		start(&l, false);
		page_write(&l, offset, 0);
		KUNIT_EXPECT_EQ_MSG(test, l.esr_pending & ESR_ILLEGAL_REG, expected,
				    "write %x", offset);
	}
}

static void lapic_test_page_parts(struct kunit *test)
{
	static const struct {
		unsigned int offset, len;
		u64 value;
	} reads[] = {
		{ 0x30, 1, 0x14 }, { 0x31, 1, 0 }, { 0x32, 1, 5 }, { 0x33, 1, 0 },
		{ 0x34, 1, 0 }, { 0x3f, 1, 0 }, { 0x30, 2, 0x14 }, { 0x32, 2, 5 },
		{ 0x31, 4, 0x500 }, { 0x30, 8, 0x50014 }, { 0x34, 4, 0 },
		{ 0xe0, 8, 0xffffffff }, { 0xe1, 2, 0xffff }, { 0xe3, 8, 0xff },
	};
	static const struct {
		unsigned int offset, len;
		u32 tpr;
	} writes[] = {
		{ 0x80, 4, 0xcd }, { 0x80, 8, 0xcd }, { 0x80, 1, 0 }, { 0x80, 2, 0 },
		{ 0x81, 4, 0 }, { 0x84, 4, 0 }, { 0x8c, 4, 0 },
	};
	struct lapic l;
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(reads); i++) {
		start(&l, false);
		l.effects = (struct lapic_effects) { };
		l.now = now;
		value = lapic_mmio_read(&l, reads[i].offset, reads[i].len);
		KUNIT_EXPECT_EQ_MSG(test, value, reads[i].value, "%x/%u",
				    reads[i].offset, reads[i].len);
	}
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		start(&l, false);
		l.now = now;
		lapic_mmio_write(&l, writes[i].offset, writes[i].len,
				 0xffffffabffffffcdULL);
		KUNIT_EXPECT_EQ_MSG(test, page_read(&l, 0x80), writes[i].tpr, "%x/%u",
				    writes[i].offset, writes[i].len);
	}
}

/* Registers in x2APIC mode: access, and writable bits */
static const struct {
	u8 first, last;
	bool readable;
	bool writable;
	u64 bits;	/* others are #GP */
} x2_regs[] = {
	{ 0x02, 0x03, true, false, 0 },
	{ 0x08, 0x08, true, true, 0xff },
	{ 0x0a, 0x0a, true, false, 0 },
	{ 0x0b, 0x0b, false, true, 0 },
	{ 0x0d, 0x0d, true, false, 0 },
	{ 0x0f, 0x0f, true, true, 0x1ff },
	{ 0x10, 0x27, true, false, 0 },
	{ 0x28, 0x28, true, true, 0 },
	{ 0x30, 0x30, true, true, 0xffffffff000cdfffULL },
	{ 0x32, 0x32, true, true, 0x710ff },
	{ 0x33, 0x34, true, true, 0x117ff },
	{ 0x35, 0x36, true, true, 0x1f7ff },
	{ 0x37, 0x37, true, true, 0x110ff },
	{ 0x38, 0x38, true, true, 0xffffffff },
	{ 0x39, 0x39, true, false, 0 },
	{ 0x3e, 0x3e, true, true, 0xb },
	{ 0x3f, 0x3f, false, true, 0xff },
};

static int x2_find(unsigned int reg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(x2_regs); i++)
		if (x2_regs[i].first <= reg && reg <= x2_regs[i].last)
			return i;
	return -1;
}

static void lapic_test_x2_bits(struct kunit *test)
{
	unsigned int reg, bit;
	struct lapic l;

	for (reg = 0; reg < 64; reg++) {
		int i = x2_find(reg);
		bool readable = i >= 0 && x2_regs[i].readable;
		bool writable = i >= 0 && x2_regs[i].writable;
		u64 bits = writable ? x2_regs[i].bits : 0;

		start(&l, true);
		KUNIT_EXPECT_EQ_MSG(test, msr_read(&l, X2(reg)) != ~0ULL, readable,
				    "read %x", reg);
		KUNIT_EXPECT_EQ_MSG(test, msr_write_gp(&l, X2(reg), 0), !writable,
				    "write %x", reg);
		for (bit = 0; bit < 64; bit++) {
			bool ok = bits >> bit & 1;

			start(&l, true);
			KUNIT_EXPECT_EQ_MSG(test, msr_write_gp(&l, X2(reg), 1ULL << bit),
					    !ok, "write %x bit %u", reg, bit);
		}
	}
	/* both bits of the timer's mode together are reserved */
	start(&l, true);
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, 0x832, 0x60020));
}

static void lapic_test_x2_values(struct kunit *test)
{
	struct lapic l;

	start(&l, true);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x802), 0x25ULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x803), 0x50014ULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x80d), 0x20020ULL);
	/* only a lower TPR makes interrupts deliverable */
	KUNIT_EXPECT_EQ(test, msr_write(&l, 0x808, 0x36), 0U);
	KUNIT_EXPECT_EQ(test, msr_write(&l, 0x808, 0x36), 0U);
	KUNIT_EXPECT_EQ(test, msr_write(&l, 0x808, 0x35), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x808), 0x35ULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x80a), 0x35ULL);
	/* read-only bits are accepted but not stored */
	msr_write(&l, 0x835, 0x1f7ff);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x835), 0x1a7ffULL);
	msr_write(&l, 0x830, 0x12345678000cdfffULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x830), 0x12345678000ccfffULL);
	/* SELF_IPI does not change ICR */
	KUNIT_EXPECT_EQ(test, msr_write(&l, 0x83f, 0x80), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x830), 0x12345678000ccfffULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, 0x824), 1ULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_X2_FIRST - 1), ~0ULL);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_X2_LAST + 1), ~0ULL);
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_X2_LAST + 1, 0));
}

static void lapic_test_wrong_mode(struct kunit *test)
{
	unsigned int reg;
	struct lapic l;

	for (reg = 0; reg < 64; reg++) {
		start(&l, false);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(reg)), ~0ULL);
		KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, X2(reg), 0));
		msr_write(&l, LAPIC_MSR_BASE, 0xfee00000);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(reg)), ~0ULL);
		KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, X2(reg), 0));
	}
}

static void lapic_test_mmio_hit(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	KUNIT_EXPECT_TRUE(test, lapic_mmio_hit(&l, 0xfee00000));
	KUNIT_EXPECT_TRUE(test, lapic_mmio_hit(&l, 0xfee00fff));
	KUNIT_EXPECT_FALSE(test, lapic_mmio_hit(&l, 0xfee01000));
	KUNIT_EXPECT_FALSE(test, lapic_mmio_hit(&l, 0x1fee00000));
	KUNIT_EXPECT_EQ(test, msr_write(&l, LAPIC_MSR_BASE, 0x80fee01800ULL),
			(u32)(LAPIC_IRQ | LAPIC_TIMER));
	KUNIT_EXPECT_FALSE(test, lapic_mmio_hit(&l, 0xfee00000));
	KUNIT_EXPECT_TRUE(test, lapic_mmio_hit(&l, 0x80fee01000ULL));
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00d00);
	KUNIT_EXPECT_FALSE(test, lapic_mmio_hit(&l, 0xfee00000));
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00100);
	KUNIT_EXPECT_FALSE(test, lapic_mmio_hit(&l, 0xfee00000));
}

static void lapic_test_owns_msr(struct kunit *test)
{
	static const u32 yes[] = { 0x1b, 0x6e0, 0x800, 0x80b, 0x83f };
	static const u32 no[] = { 0, 0x1a, 0x1c, 0x6df, 0x6e1, 0x7ff, 0x840, 0x8ff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(yes); i++)
		KUNIT_EXPECT_TRUE(test, lapic_owns_msr(yes[i]));
	for (i = 0; i < ARRAY_SIZE(no); i++)
		KUNIT_EXPECT_FALSE(test, lapic_owns_msr(no[i]));
}

/* From each mode to each, by bits 11 (enable) and 10 (x2APIC) */
static void lapic_test_transitions(struct kunit *test)
{
	static const char legal[4][5] = {
		/* to 0, 1, 2 (xAPIC), 3 (x2APIC) */
		[0] = "y-y-", [2] = "y-yy", [3] = "y--y",
	};
	unsigned int from, to;
	struct lapic l;

	for (from = 0; from < 4; from++) {
		for (to = 0; to < 4 && from != 1; to++) {
			u64 value = 0xfee00100 | to << 10;
			bool ok = legal[from][to] == 'y';

			start(&l, from == 3);
			if (!from)
				msr_write(&l, LAPIC_MSR_BASE, 0xfee00100);
			KUNIT_EXPECT_EQ(test, l.base >> 10 & 3, (u64)from);
			KUNIT_EXPECT_EQ_MSG(test, msr_write_gp(&l, LAPIC_MSR_BASE, value),
					    !ok, "%u to %u", from, to);
			if (ok)
				KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_BASE), value);
		}
	}
}

static void lapic_test_base_bits(struct kunit *test)
{
	struct lapic_config other = config;
	unsigned int bit;
	struct lapic l;

	for (bit = 0; bit < 64; bit++) {
		bool ok = bit == 8 || bit == 10 || bit == 11 ||
			  (bit >= 12 && bit < 40);

		start(&l, false);
		KUNIT_EXPECT_EQ_MSG(test,
				    msr_write_gp(&l, LAPIC_MSR_BASE, 0x800 | 1ULL << bit),
				    !ok, "bit %u", bit);
	}
	other.maxphyaddr = 52;
	other.x2apic = false;
	other.bsp = false;
	lapic_power_up(&l, &other);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_BASE), 0xfee00800ULL);
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_BASE, 0xfee00c00));
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_BASE, 1ULL << 52));
	/* BSP is not writable */
	KUNIT_EXPECT_EQ(test, msr_write(&l, LAPIC_MSR_BASE, 0xfee00900), (u32)NO_GP);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_BASE), 0xfee00800ULL);
	KUNIT_EXPECT_FALSE(test, msr_write(&l, LAPIC_MSR_BASE, 0xffffffffff800ULL) & LAPIC_GP);
}

/* A local APIC that CPUID hides is disabled for good: no page, no MSRs. */
static void lapic_test_hidden(struct kunit *test)
{
	struct lapic_config other = config;
	const struct lapic_now now = { };
	struct lapic l;

	other.present = false;
	other.x2apic = false;
	other.tsc_khz = 0;
	lapic_power_up(&l, &other);
	KUNIT_EXPECT_FALSE(test, lapic_is_enabled(&l));
	KUNIT_EXPECT_FALSE(test, lapic_mmio_hit(&l, 0xfee00000));
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_BASE, 0xfee00900));
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_BASE, 0xfee00100));
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_DEADLINE, 0));
	l.effects = (struct lapic_effects) { };
	l.now = now;
	lapic_msr_read(&l, LAPIC_MSR_BASE);
	KUNIT_EXPECT_TRUE(test, l.effects.flags & LAPIC_GP);
	KUNIT_EXPECT_FALSE(test, lapic_base_valid(&other, 0xfee00900));
	KUNIT_EXPECT_TRUE(test, lapic_base_valid(&other, 0xfee00100));
}

/* Set everything that a guest can set. */
static void fill(struct lapic *l, u32 first)
{
	page_write(l, OFF(REG_ID), first);
	page_write(l, OFF(REG_LDR), 0xaa000000);
	page_write(l, OFF(REG_DFR), 0);
	page_write(l, OFF(REG_ICR2), 0xbb000000);
	page_write(l, OFF(REG_ICR), 0x000840cc);
	page_write(l, OFF(REG_LVT_TIMER), 0x20030);
	page_write(l, OFF(REG_LVT_ERROR), 0x31);
	page_write(l, OFF(REG_TDCR), 3);
	page_write(l, OFF(REG_TMICT), 1000000);
	page_write(l, OFF(REG_TPR), 0x12);
	l->effects = (struct lapic_effects) { };
	lapic_set_irq(l, 0x90, true);
	lapic_ack(l, 0x90);
	lapic_set_irq(l, 0xa0, false);
	page_read(l, 0x3f0);
	page_write(l, OFF(REG_ESR), 0);
	page_read(l, 0x3f0);
}

/* Reserved bits of ICR exist on the page only: in x2APIC mode they could not be written back. */
static void lapic_test_icr_mode(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	page_write(&l, OFF(REG_ICR), 0xa5a5a0a5);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ICR)), 0xa5a5a0a5U);
	KUNIT_EXPECT_FALSE(test, msr_write_gp(&l, LAPIC_MSR_BASE, 0xfee00d00));
	KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_ICR)), 0x480a5ULL);
}

/* A write changes the register and perhaps the timer, but nothing else. */
static void lapic_test_alone(struct kunit *test)
{
	static const u8 regs[] = {
		REG_ID, REG_TPR, REG_LDR, REG_DFR, REG_SVR, REG_ICR, REG_ICR2,
		REG_LVT_TIMER, REG_LVT_THERMAL, REG_LVT_PERF, REG_LVT_LINT0,
		REG_LVT_LINT1, REG_LVT_ERROR, REG_TMICT, REG_TDCR,
	};
	struct lapic l, before;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		start(&l, false);
		fill(&l, 0x77000000);
		before = l;
		page_write(&l, OFF(regs[i]), 0x10139);
		before.regs[regs[i]] = l.regs[regs[i]];
		before.timer_due = l.timer_due;
		KUNIT_EXPECT_TRUE_MSG(test, same(&l, &before), "register %x", regs[i]);
	}
}

static void lapic_test_disable(struct kunit *test)
{
	struct lapic l, fresh;

	lapic_power_up(&fresh, &config);
	start(&l, false);
	fill(&l, 0x77000000);
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00100);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
	KUNIT_EXPECT_EQ(test, lapic_timer_next(&l), LAPIC_TIMER_NONE);
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00900);
	KUNIT_EXPECT_TRUE(test, same(&l, &fresh));
	start(&l, true);
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00100);
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00900);
	KUNIT_EXPECT_TRUE(test, same(&l, &fresh));
}

/* INIT: as after power-up, except for the mode, the ID and the pins */
static void lapic_test_init_signal(struct kunit *test)
{
	unsigned int x2;
	struct lapic l, want;

	for (x2 = 0; x2 < 2; x2++) {
		lapic_power_up(&want, &config);
		if (x2)
			msr_write(&want, LAPIC_MSR_BASE, 0xfee00d00);
		else
			want.regs[REG_ID] = 0x77000000;
		want.pins = 2;
		start(&l, x2);
		fill(&l, 0x77000000);
		l.regs[REG_ID] = want.regs[REG_ID];
		l.pins = 2;
		l.effects.flags = 0;
		lapic_init_signal(&l);
		KUNIT_EXPECT_EQ(test, l.effects.flags, (u32)(LAPIC_IRQ | LAPIC_TIMER));
		KUNIT_EXPECT_TRUE_MSG(test, same(&l, &want), "x2 %u", x2);
		KUNIT_EXPECT_EQ(test, lapic_timer_next(&l), LAPIC_TIMER_NONE);
	}
}

static void lapic_test_enter_x2(struct kunit *test)
{
	static const struct {
		u32 id, xapic_id, ldr;
	} ids[] = {
		{ 0, 0, 1 }, { 1, 0x01000000, 2 }, { 15, 0x0f000000, 0x8000 },
		{ 16, 0x10000000, 0x10001 }, { 0x1234, 0x34000000, 0x1230010 },
		{ 0xfffffffe, 0xfe000000, 0xffff4000 },
	};
	struct lapic_config other = config;
	unsigned int i;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		other.id = ids[i].id;
		lapic_power_up(&l, &other);
		KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ID)), ids[i].xapic_id);
		page_write(&l, OFF(REG_SVR), 0x1aa);
		fill(&l, 0x99000000);
		msr_write(&l, LAPIC_MSR_BASE, 0xfee00d00);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_ID)), (u64)ids[i].id);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_LDR)), (u64)ids[i].ldr);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_TPR)), 0x12ULL);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_SVR)), 0x1aaULL);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_TMICT)), 1000000ULL);
		KUNIT_EXPECT_EQ(test, msr_read(&l, X2(REG_ISR) + 4), 0x10000ULL);
		KUNIT_EXPECT_EQ(test, lapic_pending(&l), 0xcc);
	}
}

static void lapic_test_soft_disable(struct kunit *test)
{
	struct lapic l;
	unsigned int reg;

	lapic_power_up(&l, &config);
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++) {
		page_write(&l, OFF(reg), 0x40);
		KUNIT_EXPECT_EQ(test, page_read(&l, OFF(reg)), 0x10040U);
	}
	page_write(&l, OFF(REG_SVR), 0x1ff);
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++) {
		KUNIT_EXPECT_EQ(test, page_read(&l, OFF(reg)), 0x10040U);
		page_write(&l, OFF(reg), 0x41);
		KUNIT_EXPECT_EQ(test, page_read(&l, OFF(reg)), 0x41U);
	}
	/* a new spurious vector masks nothing */
	page_write(&l, OFF(REG_SVR), 0x1ee);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_LVT_TIMER)), 0x41U);
	KUNIT_EXPECT_EQ(test, page_write(&l, OFF(REG_SVR), 0xee) & LAPIC_TIMER,
			(u32)LAPIC_TIMER);
	for (reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++)
		KUNIT_EXPECT_EQ(test, page_read(&l, OFF(reg)), 0x10041U);
}

/* An expiry before the APIC is disabled interrupts. */
static void lapic_test_disable_late(struct kunit *test)
{
	struct lapic_now later = { .ns = 100000, .tsc = 100000 };
	struct lapic l;

	start(&l, false);
	page_write(&l, OFF(REG_LVT_TIMER), 0x30);
	page_write(&l, OFF(REG_TMICT), 1000);
	l.effects = (struct lapic_effects) { };
	l.now = later;
	lapic_mmio_write(&l, OFF(REG_SVR), 4, 0xff);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), 0x30);
	KUNIT_EXPECT_TRUE(test, l.effects.flags & LAPIC_IRQ);
}

static void lapic_test_esr(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	page_write(&l, OFF(REG_LVT_ERROR), 0xe0);
	KUNIT_EXPECT_EQ(test, page_write(&l, 0x400, 0), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0xe0), 0xe0);
	/* not twice, and not visible before a write latches it */
	KUNIT_EXPECT_EQ(test, page_write(&l, 0x300, 0x40005), 0U);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_IRR) + 0x70), 0U);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ESR)), 0U);
	page_write(&l, OFF(REG_ESR), ~0U);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ESR)), 0xa0U);
	/* the write re-arms the interrupt */
	KUNIT_EXPECT_EQ(test, page_write(&l, 0x400, 0), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ESR)), 0xa0U);
	page_write(&l, OFF(REG_ESR), 0);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ESR)), 0x80U);
	page_write(&l, OFF(REG_ESR), 0);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ESR)), 0U);
}

static void lapic_test_icr_page(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	KUNIT_EXPECT_EQ(test, page_write(&l, OFF(REG_ICR2), 0x7fffffff), 0U);
	l.effects = (struct lapic_effects) { };
	l.now = now;
	lapic_mmio_write(&l, OFF(REG_ICR), 4, 0x40c1);
	KUNIT_EXPECT_EQ(test, l.effects.flags, (u32)LAPIC_IPI);
	KUNIT_EXPECT_EQ(test, l.effects.ipi.dest, 0x7fU);
	KUNIT_EXPECT_EQ(test, l.effects.ipi.vector, 0xc1);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ICR2)), 0x7f000000U);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_ICR)), 0x40c1U);
}

static void lapic_test_dispatch(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	/* DFR: the low bits read as ones; EOI: any value works */
	page_write(&l, OFF(REG_DFR), 0x12345678);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_DFR)), 0x1fffffffU);
	l.effects = (struct lapic_effects) { };
	lapic_set_irq(&l, 0x55, false);
	lapic_ack(&l, 0x55);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_PPR)), 0x50U);
	lapic_set_irq(&l, 0x66, false);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_APR)), 0x60U);
	KUNIT_EXPECT_EQ(test, page_write(&l, OFF(REG_EOI), 0x1234), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_PPR)), 0U);
	/* running, at the start of a period */
	page_write(&l, OFF(REG_TMICT), 77);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_TMCCT)), 77U);
}

/* MSRs without lapic_msr_timed() do not depend on the time. */
static void lapic_test_untimed(struct kunit *test)
{
	const struct lapic_now never = { };
	unsigned int reg, untimed = 0;

	for (reg = 0; reg <= LAPIC_MSR_X2_LAST - LAPIC_MSR_X2_FIRST; reg++) {
		static struct lapic l, l_never;

		if (lapic_msr_timed(X2(reg)))
			continue;
		untimed++;
		start(&l, true);
		msr_write(&l, X2(0x32), 0x400ef);
		msr_write(&l, LAPIC_MSR_DEADLINE, now.tsc + 1);
		msr_write(&l, X2(0x3f), 0x55);
		l.effects = (struct lapic_effects) { };
		l_never = l;
		l.now = now;
		lapic_msr_write(&l, X2(reg), 0x30 * (reg != 0x0b));
		l_never.now = never;
		lapic_msr_write(&l_never, X2(reg), 0x30 * (reg != 0x0b));
		KUNIT_EXPECT_TRUE(test, same(&l, &l_never));
		KUNIT_EXPECT_EQ(test, l.effects.flags, l_never.effects.flags);
		KUNIT_EXPECT_FALSE(test, l.effects.flags & LAPIC_GP);
		KUNIT_EXPECT_EQ(test, lapic_msr_read(&l, X2(reg)),
				lapic_msr_read(&l_never, X2(reg)));
		KUNIT_EXPECT_TRUE(test, same(&l, &l_never));
	}
	KUNIT_EXPECT_EQ(test, untimed, 4U);
	KUNIT_EXPECT_TRUE(test, lapic_msr_timed(LAPIC_MSR_DEADLINE));
}

static void lapic_test_no_deadline(struct kunit *test)
{
	struct lapic_config other = config;
	struct lapic l;

	other.tsc_khz = 0;
	lapic_power_up(&l, &other);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_DEADLINE), ~0ULL);
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_DEADLINE, 1));
	page_write(&l, OFF(REG_LVT_TIMER), ~0U);
	KUNIT_EXPECT_EQ(test, page_read(&l, OFF(REG_LVT_TIMER)), 0x300ffU);
	msr_write(&l, LAPIC_MSR_BASE, 0xfee00d00);
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, X2(REG_LVT_TIMER), 0x40030));
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_DEADLINE), ~0ULL);
	KUNIT_EXPECT_TRUE(test, msr_write_gp(&l, LAPIC_MSR_DEADLINE, 0));

	start(&l, false);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_DEADLINE), 0ULL);
	page_write(&l, OFF(REG_LVT_TIMER), 0x40030);
	KUNIT_EXPECT_EQ(test, msr_write(&l, LAPIC_MSR_DEADLINE, 12345), (u32)LAPIC_TIMER);
	KUNIT_EXPECT_EQ(test, msr_read(&l, LAPIC_MSR_DEADLINE), 12345ULL);
}

static struct kunit_case lapic_test_cases[] = {
	KUNIT_CASE(lapic_test_page),
	KUNIT_CASE(lapic_test_page_holes),
	KUNIT_CASE(lapic_test_page_parts),
	KUNIT_CASE(lapic_test_x2_bits),
	KUNIT_CASE(lapic_test_x2_values),
	KUNIT_CASE(lapic_test_wrong_mode),
	KUNIT_CASE(lapic_test_mmio_hit),
	KUNIT_CASE(lapic_test_owns_msr),
	KUNIT_CASE(lapic_test_transitions),
	KUNIT_CASE(lapic_test_base_bits),
	KUNIT_CASE(lapic_test_icr_mode),
	KUNIT_CASE(lapic_test_alone),
	KUNIT_CASE(lapic_test_disable),
	KUNIT_CASE(lapic_test_init_signal),
	KUNIT_CASE(lapic_test_enter_x2),
	KUNIT_CASE(lapic_test_soft_disable),
	KUNIT_CASE(lapic_test_disable_late),
	KUNIT_CASE(lapic_test_esr),
	KUNIT_CASE(lapic_test_icr_page),
	KUNIT_CASE(lapic_test_dispatch),
	KUNIT_CASE(lapic_test_untimed),
	KUNIT_CASE(lapic_test_no_deadline),
	KUNIT_CASE(lapic_test_hidden),
	{}
};

static struct kunit_suite lapic_test_suite = {
	.name = "svmvcpu_lapic",
	.test_cases = lapic_test_cases,
};

kunit_test_suite(lapic_test_suite);
