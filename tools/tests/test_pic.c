// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259A: initialization, priorities, the ways to end an interrupt, edges and
 * levels, the cascade, polling, spurious interrupts, and what random accesses may do
 */
#include <string.h>

#include "pic.h"
#include "tap.h"

#define COMMAND(chip)	((chip) ? PIC_SLAVE : PIC_MASTER)
#define DATA(chip)	(COMMAND(chip) + 1)

static void init_chip(struct pic *p, int chip, __u8 base, __u8 icw4)
{
	pic_write(p, COMMAND(chip), 0x11);
	pic_write(p, DATA(chip), base);
	pic_write(p, DATA(chip), chip ? 2 : 4);
	pic_write(p, DATA(chip), icw4);
	pic_write(p, DATA(chip), 0);
}

/* Vectors from 0x20 and 0x28, nothing masked */
static struct pic fresh(void)
{
	struct pic p;

	pic_reset(&p);
	init_chip(&p, 0, 0x20, 1);
	init_chip(&p, 1, 0x28, 1);
	return p;
}

static __u8 get(struct pic *p, int chip, bool isr)
{
	pic_write(p, COMMAND(chip), 0x0a | isr);
	return pic_read(p, COMMAND(chip));
}

#define IRR(p, chip)	get(p, chip, false)
#define ISR(p, chip)	get(p, chip, true)

static void pulse(struct pic *p, unsigned int pin)
{
	pic_set(p, pin, true);
	pic_set(p, pin, false);
}

static void test_init(void)
{
	struct pic p;

	pic_reset(&p);
	OK(!p.output && !pic_read(&p, 0x21) && !pic_read(&p, 0xa1), "nothing after reset");
	pic_write(&p, 0x21, 0xff);
	pic_write(&p, 0x20, 0x11);
	OK(!pic_read(&p, 0x21) && p.chips[0].init_state == 1, "ICW1 clears the mask");
	pic_write(&p, 0x21, 0x37);
	pic_write(&p, 0x21, 0x04);
	pic_write(&p, 0x21, 0x03);
	OK(p.chips[0].irq_base == 0x30 && p.chips[0].auto_eoi && !p.chips[0].init_state,
	   "ICW2 has five bits, ICW4 has AEOI");
	pic_write(&p, 0x21, 0x5a);
	OK(pic_read(&p, 0x21) == 0x5a, "then comes the mask");
	pic_write(&p, 0x20, 0x10);
	OK(!p.chips[0].auto_eoi, "without ICW4 its bits are 0");
	pic_write(&p, 0x21, 0x40);
	pic_write(&p, 0x21, 0x00);
	pic_write(&p, 0x21, 0xf0);
	OK(pic_read(&p, 0x21) == 0xf0, "and no ICW4 is expected");
	pic_write(&p, 0x20, 0x6b);
	pic_write(&p, 0x20, 0x11);
	OK(!p.chips[0].special_mask && !p.chips[0].read_reg_select,
	   "special mask mode ends, and the IRR is read");
	init_chip(&p, 0, 0x40, 0x11);
	pic_write(&p, 0x20, 0x10);
	OK(!p.chips[0].special_fully_nested_mode, "special fully nested mode is of ICW4");
	pic_write(&p, 0x21, 0x40);
	pic_write(&p, 0x21, 0x00);
	pic_write(&p, 0xa0, 0x11);
	pic_write(&p, 0xa1, 0x70);
	pic_write(&p, 0xa1, 0x02);
	pic_write(&p, 0xa1, 0x11);
	OK(p.chips[1].special_fully_nested_mode && p.chips[0].irq_base == 0x40,
	   "the chips are separate");
}

static void test_init_drops(void)
{
	struct pic p = fresh();

	pic_write(&p, 0x4d0, 0x20);
	pic_write(&p, 0x21, 0xff);
	pic_set(&p, 3, true);
	pic_set(&p, 5, true);
	pic_write(&p, 0x4d0, 0x30);
	p.acked = 0;
	pic_write(&p, 0x20, 0x11);
	OK(p.chips[0].irr == 0x20 && !p.chips[0].last_irr, "ICW1 drops edges, not levels");
	OK(p.acked == 0x08, "the dropped ones have ended");
	OK(pic_read(&p, 0x4d0) == 0x30, "the ELCR stays");
	pic_set(&p, 3, true);
	OK(p.chips[0].irr == 0x28, "a line that is still asserted counts as an edge again");
}

static void test_edge(void)
{
	struct pic p = fresh();

	OK(pic_set(&p, 4, true) == 1 && p.output, "an edge requests");
	OK(pic_set(&p, 4, true) == 1 && IRR(&p, 0) == 0x10, "a second one needs a deassertion");
	OK(pic_set(&p, 4, false) == 1 && IRR(&p, 0) == 0x10 && p.output, "the edge is kept");
	OK(pic_set(&p, 4, true) == 0, "an edge before the acknowledgment is merged");
	OK(pic_acknowledge(&p) == 0x24 && !p.output, "its vector");
	OK(!IRR(&p, 0) && ISR(&p, 0) == 0x10, "in service");
	pic_set(&p, 4, false);
	OK(pic_set(&p, 4, true) == 1 && !p.output, "blocked by itself until the EOI");
	p.acked = 0;
	pic_write(&p, 0x20, 0x20);
	OK(p.output && p.acked == 0x10 && !ISR(&p, 0), "EOI");
	OK(pic_acknowledge(&p) == 0x24, "the next one");
	pic_write(&p, 0x20, 0x64);
	OK(!ISR(&p, 0), "specific EOI");
	pulse(&p, 6);
	pic_acknowledge(&p);
	p.acked = 0x100;
	pic_write(&p, 0x20, 0x20);
	OK(p.acked == 0x140, "the owner clears the marks");
	pic_set(&p, 4, false);
	pic_set(&p, 4, true);
	pic_set(&p, 6, true);
	pic_acknowledge(&p);
	pic_write(&p, 0x20, 0x20);
	pic_set(&p, 4, true);
	OK(IRR(&p, 0) == 0x40, "each pin has its own edges");
	p.acked = 0;
	pic_write(&p, 0x20, 0x20);
	OK(!p.acked, "an EOI too many ends nothing");
}

static void test_level(void)
{
	struct pic p = fresh();

	pic_write(&p, 0x4d1, 0xff);
	pic_write(&p, 0x4d0, 0xff);
	OK(pic_read(&p, 0x4d0) == 0xf8 && pic_read(&p, 0x4d1) == 0xde,
	   "the timer, the keyboard, the cascade, the clock and the FPU have edges only");
	OK(pic_set(&p, 11, true) == 1 && pic_set(&p, 11, true) == 0, "a level");
	OK(pic_acknowledge(&p) == 0x2b && IRR(&p, 1) == 8, "stays requested");
	pic_write(&p, 0xa0, 0x20);
	pic_write(&p, 0x20, 0x20);
	OK(p.output && pic_acknowledge(&p) == 0x2b, "and interrupts again");
	pic_set(&p, 11, false);
	pic_write(&p, 0xa0, 0x20);
	pic_write(&p, 0x20, 0x20);
	OK(!p.output && !IRR(&p, 1), "until it is deasserted");
}

static void test_mask(void)
{
	struct pic p = fresh();

	pic_write(&p, 0x21, 0x08);
	pic_write(&p, 0xa1, 0x80);
	OK(pic_set(&p, 3, true) == -1 && pic_set(&p, 15, true) == -1 && !p.output, "masked");
	OK(IRR(&p, 0) == 8 && IRR(&p, 1) == 0x80, "but requested");
	p.unmasked = 0;
	pic_write(&p, 0xa1, 0x01);
	OK(p.unmasked == 0x8000 && p.output && pic_acknowledge(&p) == 0x2f, "unmasking delivers");
	pic_write(&p, 0x21, 0);
	OK(p.unmasked == 0x8008 && !p.output, "the slave's pin 2 comes before pin 3");
	pic_write(&p, 0x20, 0x62);
	OK(p.output && pic_acknowledge(&p) == 0x23, "then pin 3");
}

/* Vectors in the order in which all pins are served, each ended by @eoi */
static bool order(struct pic *p, __u8 eoi, const char *pins)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		if (i != 2)
			pulse(p, i);
	}
	for (; *pins; pins++) {
		if (!p->output || pic_acknowledge(p) != 0x20 + *pins - '0')
			return false;
		pic_write(p, 0x20, eoi);
	}
	return !p->output && !ISR(p, 0);
}

static void test_priorities(void)
{
	struct pic p = fresh();

	OK(order(&p, 0x20, "0134567") && !p.chips[0].priority_add, "fixed priorities");
	pic_write(&p, 0x20, 0xc3);
	OK(order(&p, 0x20, "4567013"), "set priority: the named pin is the lowest");
	pic_write(&p, 0x20, 0xc7);
	OK(order(&p, 0xa0, "0134567"), "rotation on EOI");
	OK(p.chips[0].priority_add == 0, "ends after the last pin");
	pulse(&p, 4);
	pic_acknowledge(&p);
	pic_write(&p, 0x20, 0xe4);
	OK(order(&p, 0x20, "5670134"), "rotation on specific EOI");
	pic_write(&p, 0x20, 0x40);
	OK(p.chips[0].priority_add == 5, "no operation");
}

static void test_nesting(void)
{
	struct pic p = fresh();

	pulse(&p, 5);
	pic_acknowledge(&p);
	pulse(&p, 6);
	OK(!p.output, "lower priority waits");
	pulse(&p, 1);
	OK(p.output && pic_acknowledge(&p) == 0x21 && ISR(&p, 0) == 0x22, "higher nests");
	pic_write(&p, 0x20, 0x20);
	OK(ISR(&p, 0) == 0x20 && !p.output, "EOI ends the highest");
	pic_write(&p, 0x20, 0x20);
	OK(p.output && pic_acknowledge(&p) == 0x26, "then the lower one");
	p = fresh();
	pic_write(&p, 0x20, 0xc3);
	pulse(&p, 7);
	pic_acknowledge(&p);
	pulse(&p, 0);
	OK(!p.output, "with pin 4 first, 0 comes after 7");
	pulse(&p, 6);
	OK(p.output && pic_acknowledge(&p) == 0x26, "and 6 before it");
}

static void test_auto_eoi(void)
{
	struct pic p = fresh();

	init_chip(&p, 0, 0x20, 3);
	p.acked = 0;
	pulse(&p, 3);
	OK(pic_acknowledge(&p) == 0x23 && !ISR(&p, 0) && p.acked == 8,
	   "ends with its acknowledgment");
	pic_write(&p, 0x20, 0x80);
	pulse(&p, 3);
	pic_acknowledge(&p);
	pulse(&p, 3);
	pulse(&p, 4);
	OK(pic_acknowledge(&p) == 0x24 && p.chips[0].priority_add == 5, "and rotates");
	pic_write(&p, 0x20, 0x00);
	pic_acknowledge(&p);
	OK(p.chips[0].priority_add == 5, "until that is switched off");
}

static void test_special_mask(void)
{
	struct pic p = fresh();

	pulse(&p, 3);
	pic_acknowledge(&p);
	pulse(&p, 6);
	pic_write(&p, 0x21, 0x08);
	OK(!p.output, "in service blocks lower pins, masked or not");
	pic_write(&p, 0x20, 0x68);
	OK(p.output && pic_acknowledge(&p) == 0x26, "not in special mask mode");
	pic_write(&p, 0x20, 0x20);
	OK(ISR(&p, 0) == 8, "EOI ends the one that is not masked");
	pic_write(&p, 0x20, 0x20);
	OK(ISR(&p, 0) == 8, "never the masked one");
	pic_write(&p, 0x20, 0x63);
	OK(!ISR(&p, 0), "which a specific EOI ends");
	pulse(&p, 6);
	pic_acknowledge(&p);
	pic_write(&p, 0x21, 0x40);
	pulse(&p, 7);
	OK(p.output, "special mask mode stays on");
	pic_write(&p, 0x20, 0x48);
	OK(!p.output && !p.chips[0].special_mask, "and goes off");
	p = fresh();
	pulse(&p, 9);
	pic_acknowledge(&p);
	pic_write(&p, 0x20, 0x20);
	pulse(&p, 14);
	pic_write(&p, 0xa1, 0x02);
	OK(!p.output, "of the slave");
	pic_write(&p, 0xa0, 0x68);
	OK(p.output && pic_acknowledge(&p) == 0x2e, "it reaches the master, too");
}

static void test_nested_slave(void)
{
	struct pic p = fresh();

	pulse(&p, 12);
	OK(pic_acknowledge(&p) == 0x2c, "of the slave");
	pulse(&p, 9);
	OK(!p.output && IRR(&p, 0) == 4, "blocked by the master, though it has priority");
	pic_write(&p, 0x20, 0x20);
	OK(p.output && pic_acknowledge(&p) == 0x29, "until the master's EOI");
	p = fresh();
	init_chip(&p, 0, 0x20, 0x11);
	pulse(&p, 12);
	pic_acknowledge(&p);
	pulse(&p, 9);
	OK(p.output && pic_acknowledge(&p) == 0x29, "not in special fully nested mode");
	pulse(&p, 13);
	OK(!p.output, "where the slave decides by priority");
	pic_write(&p, 0xa0, 0x20);
	pic_write(&p, 0xa0, 0x20);
	OK(p.output && pic_acknowledge(&p) == 0x2d, "and its EOI is enough");
}

static void test_spurious(void)
{
	struct pic p = fresh();

	OK(pic_acknowledge(&p) == 0x27 && !ISR(&p, 0), "IRQ 7 without a request, not in service");
	pic_write(&p, 0x4d0, 0x20);
	pic_set(&p, 5, true);
	pic_set(&p, 5, false);
	OK(!p.output && pic_acknowledge(&p) == 0x27, "a level that has gone");
	pulse(&p, 10);
	pic_write(&p, 0xa1, 0xff);
	OK(p.output, "the slave masks what it has requested");
	OK(pic_acknowledge(&p) == 0x2f && ISR(&p, 0) == 4 && !ISR(&p, 1),
	   "IRQ 15, in service at the master only");
}

static void test_poll(void)
{
	struct pic p = fresh();

	pic_write(&p, 0x20, 0x0c);
	OK(!(pic_read(&p, 0x20) & 0x80), "nothing to poll");
	pulse(&p, 5);
	pic_write(&p, 0x20, 0x0c);
	OK(pic_read(&p, 0x20) == 0x85 && !p.output, "the pin, acknowledged");
	OK(ISR(&p, 0) == 0x20 && !IRR(&p, 0), "and in service");
	pic_write(&p, 0x20, 0x20);
	pulse(&p, 14);
	pulse(&p, 13);
	pic_write(&p, 0xa0, 0x0c);
	OK(pic_read(&p, 0x4d1) == 0 && pic_read(&p, 0xa1) == 0x85, "any register of the chip");
	OK(!p.output && !IRR(&p, 0) && ISR(&p, 1) == 0x20, "the master has no request any more");
	pic_write(&p, 0xa0, 0x20);
	OK(p.output && pic_acknowledge(&p) == 0x2e, "but gets the next one");
	OK(pic_read(&p, 0xa0) != 0x85, "one read only");
}

static void test_restore(void)
{
	struct pic p = fresh(), q;
	struct kvm_pic_state wild;

	pulse(&p, 12);
	pic_acknowledge(&p);
	pulse(&p, 1);
	pulse(&p, 9);
	pic_reset(&q);
	pic_restore(&q, 1, &p.chips[1]);
	pic_restore(&q, 0, &p.chips[0]);
	OK(q.output && !memcmp(q.chips, p.chips, sizeof(p.chips)), "moved to another PIC");
	OK(pic_acknowledge(&q) == 0x21, "which continues");
	memset(&wild, 0xff, sizeof(wild));
	pic_restore(&q, 0, &wild);
	pic_restore(&q, 1, &wild);
	pic_acknowledge(&q);
	pic_write(&q, 0x21, 0);
	OK(!memcmp(&q.chips[1], &wild, sizeof(wild)), "a wild state is kept as it is");
	pic_write(&q, 0x20, 0x11);
	OK(q.chips[0].init_state == 1 && !q.chips[0].priority_add, "and can be initialized");
}

static __u32 rng(void)
{
	static __u32 x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

/* An output stands for a request that is not masked, and an acknowledgment removes it. */
static bool sane(const struct pic *p)
{
	struct pic copy = *p;
	__u8 vector, base = p->chips[0].irq_base;
	const struct kvm_pic_state *c = &p->chips[0];

	if (p->output && !(c->irr & ~c->imr))
		return false;
	if (c->elcr & ~0xf8 || p->chips[1].elcr & ~0xde || c->priority_add > 7)
		return false;
	vector = pic_acknowledge(&copy);
	if (!p->output)
		return vector == base + 7 && copy.chips[0].isr == c->isr;
	return (vector & ~7) == base || (vector & ~7) == p->chips[1].irq_base;
}

static void test_random(void)
{
	static const __u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	struct pic p = fresh();
	unsigned int i, bad = 0, taken = 0;

	for (i = 0; i < 300000; i++) {
		__u32 r = rng();
		__u16 port = ports[(r >> 8) % 6];

		switch (r & 7) {
		case 0:
		case 1:
			/* initialization clears all, so it is rare */
			pic_write(&p, port, r >> 16 & (r & 0xf00000 ? 0xef : 0xff));
			break;
		case 2:
			pic_read(&p, port);
			break;
		case 3:
			if (!p.output)
				break;
			pic_acknowledge(&p);
			taken++;
			break;
		default:
			pic_set(&p, r >> 8 & 15, r & 0x10000);
		}
		bad += !sane(&p);
	}
	OK(!bad, "random accesses keep both chips consistent");
	OK(taken > 1000, "and let interrupts pass");
}

int main(void)
{
	test_init();
	test_init_drops();
	test_edge();
	test_level();
	test_mask();
	test_priorities();
	test_nesting();
	test_auto_eoi();
	test_special_mask();
	test_nested_slave();
	test_spurious();
	test_poll();
	test_restore();
	test_random();
	return tap_done();
}
