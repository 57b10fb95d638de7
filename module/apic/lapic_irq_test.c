// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: interrupts of the local APIC: priorities compared with a naive model, pins,
 * messages. Also built in user space.
 */
#include <kunit/test.h>

#include "lapic_irq.c"

static const struct lapic_config config = {
	.id = 0x25, .tsc_khz = 1000000, .maxphyaddr = 40, .bsp = true,
	.present = true, .x2apic = true,
};

static void start(struct lapic *l, bool x2)
{
	lapic_power_up(l, &config);
	l->regs[REG_SVR] |= SVR_ENABLE;
	if (x2) {
		l->base |= BASE_X2;
		l->regs[REG_ID] = config.id;
		l->regs[REG_LDR] = lapic_x2_ldr(config.id);
	}
}

static u32 set_irq(struct lapic *l, u8 vector, bool level)
{
	l->effects = (struct lapic_effects) { };
	lapic_set_irq(l, vector, level);
	return l->effects.flags;
}

/* --- priorities against a model ----------------------------------------- */

struct model {
	u32 rnd;
	u8 tpr;
	bool irr[256], isr[256], tmr[256];
};

static u32 roll(struct model *m, u32 below)
{
	m->rnd = m->rnd * 1664525 + 1013904223;
	return (m->rnd >> 8) % below;
}

static int model_highest(const bool *table)
{
	int v;

	for (v = 255; v >= 0 && !table[v]; v--)
		;
	return v;
}

/* As the manuals define it: compare, then use the class alone, or all of TPR. */
static u8 model_ppr(const struct model *m)
{
	int isrv = model_highest(m->isr);

	if (isrv < 0 || (m->tpr & 0xf0) >= (isrv & 0xf0))
		return m->tpr;
	return isrv & 0xf0;
}

static int model_pending(const struct model *m)
{
	int irrv = model_highest(m->irr);

	return irrv >= 0 && (irrv & 0xf0) > (model_ppr(m) & 0xf0) ? irrv : -1;
}

static void compare_tables(struct kunit *test, const struct model *m,
			   const struct lapic *l)
{
	u32 irr[8] = {}, isr[8] = {}, tmr[8] = {};
	int v;

	for (v = 0; v < 256; v++) {
		irr[v / 32] |= (u32)m->irr[v] << v % 32;
		isr[v / 32] |= (u32)m->isr[v] << v % 32;
		tmr[v / 32] |= (u32)m->tmr[v] << v % 32;
	}
	KUNIT_EXPECT_EQ(test, memcmp(irr, &l->regs[REG_IRR], sizeof(irr)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(isr, &l->regs[REG_ISR], sizeof(isr)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(tmr, &l->regs[REG_TMR], sizeof(tmr)), 0);
}

static void compare(struct kunit *test, const struct model *m, const struct lapic *l)
{
	int irrv = model_highest(m->irr);
	u8 ppr = model_ppr(m);

	KUNIT_EXPECT_EQ(test, lapic_pending(l), model_pending(m));
	KUNIT_EXPECT_EQ(test, lapic_ppr(l), ppr);
	KUNIT_EXPECT_EQ(test, lapic_apr(l),
			irrv >= 0 && irrv / 16 > ppr / 16 ? irrv & 0xf0 : ppr);
	KUNIT_EXPECT_EQ(test, lapic_cr8(l), (unsigned int)m->tpr / 16);
	compare_tables(test, m, l);
}

static void step_request(struct kunit *test, struct model *m, struct lapic *l)
{
	u8 vector = 16 + roll(m, 240);
	bool level = roll(m, 2);

	l->effects = (struct lapic_effects) { };
	KUNIT_EXPECT_EQ(test, lapic_set_irq(l, vector, level), !m->irr[vector]);
	KUNIT_EXPECT_EQ(test, l->effects.flags, m->irr[vector] ? 0U : LAPIC_IRQ);
	m->irr[vector] = true;
	m->tmr[vector] = level;
}

/* Usually a pending vector; sometimes one that is not or no longer pending */
static void step_ack(struct kunit *test, struct model *m, struct lapic *l)
{
	int vector = roll(m, 4) ? model_pending(m) : model_highest(m->irr);
	bool ok = vector >= 0 && model_pending(m) >= 0;

	if (!roll(m, 8) || vector < 0) {
		vector = roll(m, 256);
		ok = m->irr[vector] && (vector & 0xf0) > (model_ppr(m) & 0xf0);
	}
	KUNIT_EXPECT_EQ(test, lapic_ack(l, vector), ok ? vector : 0xff);
	if (ok) {
		m->irr[vector] = false;
		m->isr[vector] = true;
	}
}

static void step_eoi(struct kunit *test, struct model *m, struct lapic *l)
{
	int vector = model_highest(m->isr);

	l->effects = (struct lapic_effects) { };
	lapic_eoi(l);
	KUNIT_EXPECT_EQ(test, !!(l->effects.flags & LAPIC_IRQ), vector >= 0);
	KUNIT_EXPECT_EQ(test, !!(l->effects.flags & LAPIC_EOI), vector >= 0 && m->tmr[vector]);
	if (l->effects.flags & LAPIC_EOI)
		KUNIT_EXPECT_EQ(test, (int)l->effects.eoi_vector, vector);
	if (vector >= 0)
		m->isr[vector] = false;
}

static void step_tpr(struct model *m, struct lapic *l)
{
	if (roll(m, 2)) {
		m->tpr = roll(m, 256);
		l->regs[REG_TPR] = m->tpr;
	} else {
		m->tpr = roll(m, 16) << 4;
		l->effects = (struct lapic_effects) { };
		lapic_set_cr8(l, m->tpr >> 4);
	}
}

static void lapic_irq_test_model(struct kunit *test)
{
	static struct model m;
	unsigned int i, acks = 0;
	struct lapic l;

	memset(&m, 0, sizeof(m));
	start(&l, false);
	for (i = 0; i < 20000; i++) {
		switch (roll(&m, 8)) {
		case 0 ... 1:
			step_request(test, &m, &l);
			break;
		case 2 ... 4:
			acks += lapic_pending(&l) >= 0;
			step_ack(test, &m, &l);
			break;
		case 5 ... 6:
			step_eoi(test, &m, &l);
			break;
		default:
			step_tpr(&m, &l);
		}
		compare(test, &m, &l);
	}
	KUNIT_EXPECT_TRUE(test, acks > 1000);
}

/* --- single cases ------------------------------------------------------- */

static void lapic_irq_test_priority(struct kunit *test)
{
	static const struct {
		u8 tpr;
		int isr, irr, pending;
		u8 ppr;
	} cases[] = {
		{ 0x00, -1, 0x10, 0x10, 0x00 }, { 0x0f, -1, 0x10, 0x10, 0x0f },
		{ 0x10, -1, 0x1f, -1, 0x10 }, { 0x1f, -1, 0x20, 0x20, 0x1f },
		{ 0xf0, -1, 0xff, -1, 0xf0 }, { 0xef, -1, 0xff, 0xff, 0xef },
		{ 0x00, 0x35, 0x3f, -1, 0x30 }, { 0x00, 0x35, 0x40, 0x40, 0x30 },
		{ 0x3a, 0x35, 0x40, 0x40, 0x3a }, { 0x41, 0x35, 0x40, -1, 0x41 },
		{ 0x00, 0xff, 0xfe, -1, 0xf0 }, { 0x00, -1, -1, -1, 0x00 },
	};
	unsigned int i;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start(&l, false);
		if (cases[i].isr >= 0) {
			set_irq(&l, cases[i].isr, false);
			lapic_ack(&l, cases[i].isr);
		}
		if (cases[i].irr >= 0)
			set_irq(&l, cases[i].irr, false);
		l.regs[REG_TPR] = cases[i].tpr;
		KUNIT_EXPECT_EQ_MSG(test, lapic_pending(&l), cases[i].pending, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, lapic_ppr(&l), cases[i].ppr, "%u", i);
	}
}

static void lapic_irq_test_cr8(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	l.regs[REG_TPR] = 0x5a;
	KUNIT_EXPECT_EQ(test, lapic_cr8(&l), 5U);
	l.effects = (struct lapic_effects) { };
	lapic_set_cr8(&l, 0x15);
	KUNIT_EXPECT_EQ(test, l.regs[REG_TPR], 0x50U);
	KUNIT_EXPECT_EQ(test, l.effects.flags, (u32)LAPIC_IRQ);
	l.effects.flags = 0;
	lapic_set_cr8(&l, 6);
	KUNIT_EXPECT_EQ(test, l.effects.flags, 0U);
}

static void lapic_irq_test_disabled(struct kunit *test)
{
	struct lapic l;

	/* Disabled in SVR: pending interrupts are still delivered, new ones are refused. */
	start(&l, false);
	set_irq(&l, 0x80, false);
	l.regs[REG_SVR] = 0x3c;
	KUNIT_EXPECT_EQ(test, set_irq(&l, 0x90, false), 0U);
	KUNIT_EXPECT_EQ(test, set_irq(&l, 5, false), 0U);
	KUNIT_EXPECT_EQ(test, l.esr_pending, 0U);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), 0x80);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0x90), 0x3c);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0x80), 0x80);
	/* Disabled in IA32_APIC_BASE: nothing is delivered. */
	start(&l, false);
	set_irq(&l, 0x80, false);
	l.base &= ~BASE_ENABLE;
	KUNIT_EXPECT_EQ(test, set_irq(&l, 0x90, false), 0U);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0x80), 0xff);
}

/* The error interrupt is raised once, also if its own vector is illegal. */
static void lapic_irq_test_errors(struct kunit *test)
{
	unsigned int vector;
	struct lapic l;

	for (vector = 0; vector < 16; vector++) {
		start(&l, false);
		l.regs[REG_LVT_ERROR] = 0xee;
		KUNIT_EXPECT_EQ(test, set_irq(&l, vector, vector & 1), (u32)LAPIC_IRQ);
		KUNIT_EXPECT_EQ(test, l.esr_pending, (u32)ESR_RECV_ILLEGAL);
		KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0xee), 0xee);
		KUNIT_EXPECT_EQ(test, set_irq(&l, vector, false), 0U);
		KUNIT_EXPECT_EQ(test, l.regs[REG_IRR] | l.regs[REG_TMR], 0U);

		start(&l, false);
		l.regs[REG_LVT_ERROR] = vector;
		KUNIT_EXPECT_EQ(test, set_irq(&l, vector, false), 0U);
		KUNIT_EXPECT_EQ(test, l.esr_pending, (u32)ESR_RECV_ILLEGAL);
	}
	start(&l, false);
	l.effects = (struct lapic_effects) { };
	KUNIT_EXPECT_FALSE(test, lapic_set_irq(&l, 3, false));
	KUNIT_EXPECT_EQ(test, l.effects.flags, 0U);
	KUNIT_EXPECT_EQ(test, l.esr_pending, (u32)ESR_RECV_ILLEGAL);
}

/* --- pins --------------------------------------------------------------- */

static u32 pin(struct lapic *l, unsigned int nr, bool asserted)
{
	l->effects = (struct lapic_effects) { };
	lapic_lint(l, nr, asserted);
	return l->effects.flags;
}

static void lapic_irq_test_lint_edge(struct kunit *test)
{
	static const struct {
		u32 lvt;
		u32 flags;
		bool extint;
	} cases[] = {
		{ 0x00030, LAPIC_IRQ, false }, { 0x10030, 0, false },
		{ 0x00400, LAPIC_NMI, false }, { 0x10400, 0, false },
		{ 0x00500, LAPIC_INIT, false }, { 0x00700, 0, true },
		{ 0x10700, 0, false }, { 0x00200, 0, false },
		{ 0x00100, 0, false }, { 0x00300, 0, false }, { 0x00600, 0, false },
		{ 0x08400, LAPIC_NMI, false }, { 0x08700, 0, true },
	};
	unsigned int i, nr;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		nr = i & 1;
		start(&l, false);
		l.regs[REG_LVT_LINT0 + nr] = cases[i / 2].lvt;
		KUNIT_EXPECT_EQ_MSG(test, pin(&l, nr ? 5 : 0, true), cases[i / 2].flags,
				    "LVT %x", cases[i / 2].lvt);
		/* edge-triggered */
		KUNIT_EXPECT_EQ(test, pin(&l, nr, true), 0U);
		KUNIT_EXPECT_EQ(test, l.pins, nr ? 2U : 1U);
		KUNIT_EXPECT_EQ(test, pin(&l, nr, false), 0U);
		KUNIT_EXPECT_EQ(test, l.pins, 0U);
		KUNIT_EXPECT_EQ(test, lapic_takes_extint(&l),
				!nr && cases[i / 2].extint);
		KUNIT_EXPECT_EQ(test, lapic_pending(&l) == 0x30,
				cases[i / 2].flags == LAPIC_IRQ);
	}
}

static void lapic_irq_test_lint_level(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	l.regs[REG_LVT_LINT0] = 0x8030;
	KUNIT_EXPECT_EQ(test, pin(&l, 0, true), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0xc030U);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0x30), 0x30);
	/* still asserted, but an interrupt is in service; a short release changes nothing */
	l.effects = (struct lapic_effects) { };
	lapic_lint_changed(&l);
	KUNIT_EXPECT_EQ(test, pin(&l, 0, false), 0U);
	KUNIT_EXPECT_EQ(test, pin(&l, 0, true), 0U);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
	/* the EOI of another level-triggered vector does not count */
	set_irq(&l, 0x40, true);
	lapic_ack(&l, 0x40);
	lapic_eoi(&l);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0xc030U);
	lapic_eoi(&l);
	KUNIT_EXPECT_EQ(test, l.effects.eoi_vector, 0x30);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), 0x30);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0xc030U);
	/* no further interrupt after the pin is released */
	lapic_ack(&l, 0x30);
	pin(&l, 0, false);
	lapic_eoi(&l);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0x8030U);
}

static void lapic_irq_test_lint_written(struct kunit *test)
{
	struct lapic_now now = {};
	struct lapic l;

	/* unmasked while asserted */
	start(&l, false);
	l.regs[REG_LVT_LINT0] = 0x18030;
	KUNIT_EXPECT_EQ(test, pin(&l, 0, true), 0U);
	l.effects = (struct lapic_effects) { };
	l.now = now;
	lapic_mmio_write(&l, 0x350, 4, 0x8030);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0xc030U);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), 0x30);
	/* Remote IRR is not writable, and is cleared if the pin becomes edge-triggered */
	l.now = now;
	lapic_mmio_write(&l, 0x350, 4, 0x8030);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0xc030U);
	l.now = now;
	lapic_mmio_write(&l, 0x350, 4, 0x4030);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0x0030U);
	/* changing the vector while one is in service: its EOI would not match */
	start(&l, false);
	l.regs[REG_LVT_LINT0] = 0x8030;
	pin(&l, 0, true);
	KUNIT_EXPECT_EQ(test, lapic_ack(&l, 0x30), 0x30);
	pin(&l, 0, false);
	l.now = now;
	lapic_mmio_write(&l, 0x350, 4, 0x8061);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0x8061U);
	lapic_eoi(&l);
	KUNIT_EXPECT_EQ(test, l.effects.eoi_vector, 0x30);
	KUNIT_EXPECT_EQ(test, pin(&l, 0, true), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0xc061U);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), 0x61);
	/* LINT1 is always edge-triggered */
	l.regs[REG_LVT_LINT1] = 0x8050;
	KUNIT_EXPECT_EQ(test, pin(&l, 1, true), (u32)LAPIC_IRQ);
	KUNIT_EXPECT_EQ(test, l.regs[REG_TMR + 2], 0U);
	/* an illegal vector does not set Remote IRR */
	start(&l, false);
	l.regs[REG_LVT_LINT0] = 0x8003;
	pin(&l, 0, true);
	KUNIT_EXPECT_EQ(test, l.regs[REG_LVT_LINT0], 0x8003U);
	KUNIT_EXPECT_EQ(test, l.esr_pending, (u32)ESR_RECV_ILLEGAL);
}

static void lapic_irq_test_pins_disabled(struct kunit *test)
{
	struct lapic l;

	start(&l, false);
	l.base &= ~BASE_ENABLE;
	KUNIT_EXPECT_TRUE(test, lapic_takes_extint(&l));
	KUNIT_EXPECT_EQ(test, pin(&l, 0, true), 0U);
	KUNIT_EXPECT_EQ(test, pin(&l, 1, true), (u32)LAPIC_NMI);
	KUNIT_EXPECT_EQ(test, pin(&l, 1, true), 0U);
}

/* --- messages ----------------------------------------------------------- */

#define SELF	LAPIC_IRQ
#define OTHERS	LAPIC_IPI
#define ALL	BIT_ULL(32)	/* in .dest: broadcast */
#define LOGICAL	BIT_ULL(33)	/* in .dest: logical destination */
#define ANY	BIT_ULL(34)	/* in .dest: the caller delivers to the sender as well */

static const struct {
	u64 icr;
	u64 dest;
	u32 flags;
	bool x2;
} sends[] = {
	/* xAPIC, ID 0x25, logical ID 0x04 */
	{ 0x2500000000004080ULL, 0x25, SELF | OTHERS, false },
	{ 0x2400000000004080ULL, 0x24, OTHERS, false },
	{ 0xff00000000004080ULL, 0xff | ALL, SELF | OTHERS, false },
	{ 0x0400000000004880ULL, 0x04 | LOGICAL, SELF | OTHERS, false },
	{ 0x0300000000004880ULL, 0x03 | LOGICAL, OTHERS, false },
	{ 0xff00000000004880ULL, 0xff | LOGICAL, SELF | OTHERS, false },
	/* lowest priority: not delivered here before the others have been asked */
	{ 0xff00000000004980ULL, 0xff | LOGICAL | ANY, OTHERS, false },
	{ 0x0300000000004980ULL, 0x03 | LOGICAL | ANY, OTHERS, false },
	{ 0x2500000000004180ULL, 0x25 | ANY, OTHERS, false },
	{ 0xff00000000004180ULL, 0xff | ALL | ANY, OTHERS, false },
	/* shorthands ignore the destination */
	{ 0x2400000000044080ULL, 0, SELF, false },
	{ 0x2400000000084080ULL, ALL, SELF | OTHERS, false },
	{ 0x25000000000c4080ULL, ALL, OTHERS, false },
	{ 0x25000000000c4180ULL, ALL, OTHERS, false },
	/* other types */
	{ 0x2500000000004400ULL, 0x25, LAPIC_NMI | OTHERS, false },
	{ 0x2600000000004400ULL, 0x26, OTHERS, false },
	{ 0xff00000000004400ULL, 0xff | ALL, LAPIC_NMI | OTHERS, false },
	{ 0x00000000000c4400ULL, ALL, OTHERS, false },
	/* INIT, STARTUP and SMI: the caller delivers the sender's as well */
	{ 0x2500000000004500ULL, 0x25 | ANY, OTHERS, false },
	{ 0x2600000000004500ULL, 0x26 | ANY, OTHERS, false },
	{ 0x260000000000c500ULL, 0x26 | ANY, OTHERS, false },
	{ 0x2600000000000500ULL, 0x26 | ANY, OTHERS, false },
	{ 0x00000000000c4500ULL, ALL, OTHERS, false },
	{ 0x2600000000004608ULL, 0x26 | ANY, OTHERS, false },
	{ 0x2500000000004608ULL, 0x25 | ANY, OTHERS, false },
	{ 0x2500000000004200ULL, 0x25 | ANY, OTHERS, false },
	{ 0x00000000000c4200ULL, ALL, OTHERS, false },
	/* no effect: INIT de-assert, remote read, ExtINT, sets that include the sender */
	{ 0x2600000000008500ULL, 0, 0, false },
	{ 0x0000000000088500ULL, 0, 0, false },
	{ 0x2600000000004300ULL, 0, 0, false },
	{ 0x2600000000004700ULL, 0, 0, false },
	{ 0x0000000000044400ULL, 0, 0, false },
	{ 0x0000000000084400ULL, 0, 0, false },
	{ 0x0000000000044180ULL, 0, 0, false },
	{ 0x0000000000084500ULL, 0, 0, false },
	/* x2APIC: ID 0x25, logical ID 0x20020 */
	{ 0x0000002500000080ULL, 0x25, SELF | OTHERS, true },
	{ 0x2500000000000080ULL, 0x25000000, OTHERS, true },
	{ 0x000000ff00000080ULL, 0xff, OTHERS, true },
	{ 0xffffffff00000080ULL, 0xffffffff | ALL, SELF | OTHERS, true },
	{ 0xffffffff00000880ULL, 0xffffffff | ALL | LOGICAL, SELF | OTHERS, true },
	{ 0x0002ffff00000880ULL, 0x2ffff | LOGICAL, SELF | OTHERS, true },
	{ 0x0002ffdf00000880ULL, 0x2ffdf | LOGICAL, OTHERS, true },
	{ 0x0003002000000880ULL, 0x30020 | LOGICAL, OTHERS, true },
	{ 0x0002ffff00000980ULL, 0x2ffff | LOGICAL | ANY, OTHERS, true },
	{ 0x0000002500000180ULL, 0x25 | ANY, OTHERS, true },
	{ 0x00000000000c0180ULL, ALL, OTHERS, true },
	{ 0x0000000000040080ULL, 0, SELF, true },
	{ 0x00000000000c0400ULL, ALL, OTHERS, true },
};

static void lapic_irq_test_send(struct kunit *test)
{
	unsigned int i;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(sends); i++) {
		u64 dest = sends[i].dest;

		start(&l, sends[i].x2);
		if (!sends[i].x2)
			l.regs[REG_LDR] = 0x04000000;
		l.effects = (struct lapic_effects) { };
		lapic_send(&l, sends[i].icr);
		KUNIT_EXPECT_EQ_MSG(test, l.effects.flags, sends[i].flags, "ICR %llx: %x",
				    (unsigned long long)sends[i].icr, l.effects.flags);
		KUNIT_EXPECT_EQ(test, l.esr_pending, 0U);
		KUNIT_EXPECT_EQ(test, lapic_pending(&l),
				sends[i].flags & SELF ? 0x80 : -1);
		KUNIT_EXPECT_EQ(test, l.regs[REG_TMR + 4], 0U);
		if (!(l.effects.flags & LAPIC_IPI))
			continue;
		KUNIT_EXPECT_EQ(test, l.effects.ipi.dest, (u32)dest);
		KUNIT_EXPECT_EQ(test, l.effects.ipi.all, !!(dest & ALL));
		KUNIT_EXPECT_EQ(test, l.effects.ipi.logical, !!(dest & LOGICAL));
		KUNIT_EXPECT_EQ(test, l.effects.ipi.sender_too, !!(dest & ANY));
		KUNIT_EXPECT_EQ(test, l.effects.ipi.vector, (u8)sends[i].icr);
		KUNIT_EXPECT_EQ(test, l.effects.ipi.mode, (u8)(sends[i].icr >> 8 & 7));
		KUNIT_EXPECT_FALSE(test, l.effects.ipi.level);
	}
}

static void lapic_irq_test_send_illegal(struct kunit *test)
{
	unsigned int vector;
	struct lapic l;

	for (vector = 0; vector < 17; vector++) {
		start(&l, false);
		l.effects = (struct lapic_effects) { };
		lapic_send(&l, 0x40000 | vector);
		KUNIT_EXPECT_EQ(test, l.esr_pending,
				vector < 16 ? (u32)ESR_SEND_ILLEGAL : 0U);
		KUNIT_EXPECT_EQ(test, lapic_pending(&l), vector < 16 ? -1 : 16);
		start(&l, false);
		lapic_send(&l, 0xc0100 | vector);
		KUNIT_EXPECT_EQ(test, !!(l.effects.flags & LAPIC_IPI), vector == 16);
	}
	/* other delivery modes have no vector, or another meaning of it */
	start(&l, false);
	lapic_send(&l, 0x2600000000004601ULL);
	KUNIT_EXPECT_EQ(test, l.esr_pending, 0U);
	/* SVR disables receiving, not sending */
	l.regs[REG_SVR] = 0xff;
	memset(&l.effects, 0, sizeof(l.effects));
	lapic_send(&l, 0x80055);
	KUNIT_EXPECT_EQ(test, l.effects.flags, (u32)LAPIC_IPI);
	KUNIT_EXPECT_EQ(test, lapic_pending(&l), -1);
}

static void lapic_irq_test_matches(struct kunit *test)
{
	static const struct {
		u32 dfr, ldr, dest;
		bool logical, x2, match;
	} cases[] = {
		{ 0xffffffff, 0, 0x25, false, false, true },
		{ 0xffffffff, 0, 0x125, false, false, false },
		{ 0xffffffff, 0, 0xff, false, false, false },
		{ 0xffffffff, 0x81000000, 0x80, true, false, true },
		{ 0xffffffff, 0x81000000, 0x7e, true, false, false },
		{ 0xffffffff, 0x81000000, 0x181, true, false, false },
		{ 0xffffffff, 0, 0xff, true, false, false },
		{ 0x0fffffff, 0x32000000, 0x32, true, false, true },
		{ 0x0fffffff, 0x32000000, 0x3f, true, false, true },
		{ 0x0fffffff, 0x32000000, 0x3d, true, false, false },
		{ 0x0fffffff, 0x31000000, 0x39, true, false, true },
		{ 0x0fffffff, 0x32000000, 0x22, true, false, false },
		{ 0x0fffffff, 0x32000000, 0xff, true, false, true },
		{ 0x0fffffff, 0x32000000, 0xfd, true, false, false },
		{ 0x7fffffff, 0xff000000, 0xff, true, false, false },
		{ 0xffffffff, 0x20020, 0x25, false, true, true },
		{ 0xffffffff, 0x20020, 0x25000000, false, true, false },
		{ 0xffffffff, 0x20020, 0x20020, true, true, true },
		{ 0xffffffff, 0x20020, 0x2001f, true, true, false },
		{ 0xffffffff, 0x20020, 0x120020, true, true, false },
	};
	struct lapic_msg all = { .all = true, .dest = 1 };
	unsigned int i;
	struct lapic l;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lapic_msg msg = {
			.dest = cases[i].dest, .logical = cases[i].logical,
		};

		start(&l, cases[i].x2);
		l.regs[REG_DFR] = cases[i].dfr;
		l.regs[REG_LDR] = cases[i].ldr;
		KUNIT_EXPECT_EQ_MSG(test, lapic_matches(&l, &msg), cases[i].match,
				    "%u", i);
		KUNIT_EXPECT_TRUE(test, lapic_matches(&l, &all));
		l.base &= ~BASE_MODE;
		KUNIT_EXPECT_FALSE(test, lapic_matches(&l, &msg));
		KUNIT_EXPECT_FALSE(test, lapic_matches(&l, &all));
	}
}

static void lapic_irq_test_accept(struct kunit *test)
{
	static const u32 flags[8] = {
		LAPIC_IRQ, LAPIC_IRQ, 0, 0, LAPIC_NMI, 0, 0, 0,
	};
	unsigned int mode;
	struct lapic l;

	for (mode = 0; mode < 256; mode++) {
		struct lapic_msg msg = { .vector = 0x99, .mode = mode, .level = true };
		u32 expected = mode < 8 ? flags[mode] : 0;

		start(&l, false);
		l.effects = (struct lapic_effects) { };
		accept(&l, &msg);
		KUNIT_EXPECT_EQ(test, l.effects.flags, expected);
		KUNIT_EXPECT_EQ(test, l.regs[REG_TMR + 4], mode < 2 ? 0x2000000U : 0U);
	}
}

static struct kunit_case lapic_irq_test_cases[] = {
	KUNIT_CASE(lapic_irq_test_model),
	KUNIT_CASE(lapic_irq_test_priority),
	KUNIT_CASE(lapic_irq_test_cr8),
	KUNIT_CASE(lapic_irq_test_disabled),
	KUNIT_CASE(lapic_irq_test_errors),
	KUNIT_CASE(lapic_irq_test_lint_edge),
	KUNIT_CASE(lapic_irq_test_lint_level),
	KUNIT_CASE(lapic_irq_test_lint_written),
	KUNIT_CASE(lapic_irq_test_pins_disabled),
	KUNIT_CASE(lapic_irq_test_send),
	KUNIT_CASE(lapic_irq_test_send_illegal),
	KUNIT_CASE(lapic_irq_test_matches),
	KUNIT_CASE(lapic_irq_test_accept),
	{}
};

static struct kunit_suite lapic_irq_test_suite = {
	.name = "svmvcpu_lapic_irq",
	.test_cases = lapic_irq_test_cases,
};

kunit_test_suite(lapic_irq_test_suite);
