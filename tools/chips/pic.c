// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt controllers of a PC. A pin has a number from 0 to 7 within its chip;
 * its rank is the distance from the pin with the highest priority.
 */
#include "pic.h"

#define PINS		8U
#define NO_PIN		(-1)
#define CASCADE_PIN	2	/* of the master */
#define SPURIOUS_PIN	7
#define POLL_REQUEST	0x80

/* ICW1 is a command with bit 4; OCW3 one with bit 3; all others are OCW2. */
#define ICW1_WITH_ICW4	0x01
#define ICW1		0x10
#define ICW2_BASE	0xf8
#define ICW4_AUTO_EOI	0x02
#define ICW4_NESTED	0x10
#define OCW3_ISR	0x01
#define OCW3_SELECT	0x02
#define OCW3_POLL	0x04
#define OCW3		0x08
#define OCW3_SMM	0x20
#define OCW3_SET_SMM	0x40

/* kvm_pic_state.init_state: what the next byte at the data port is */
enum { EXPECT_MASK, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 };

/* Pins that the ELCR may change; the others are edge-triggered. */
static const __u8 elcr_masks[2] = { 0xf8, 0xde };

/* The pin of @pins with the highest priority */
static int highest(const struct kvm_pic_state *c, __u8 pins)
{
	unsigned int rank, pin;

	for (rank = 0; rank < PINS; rank++) {
		pin = (rank + c->priority_add) % PINS;
		if (pins & (1U << pin))
			return pin;
	}
	return NO_PIN;
}

static unsigned int rank_of(const struct kvm_pic_state *c, int pin)
{
	return pin == NO_PIN ? PINS : (pin - c->priority_add) % PINS;
}

static bool is_master(const struct pic *p, const struct kvm_pic_state *c)
{
	return c == &p->chips[0];
}

/* In special mask mode, masks take the place of EOIs. */
static __u8 in_service(const struct kvm_pic_state *c)
{
	return c->special_mask ? c->isr & ~c->imr : c->isr;
}

/*
 * The pin that a chip requests an interrupt for. In special fully nested mode, requests
 * of the slave pass while an earlier one is in service; the slave has decided by priority.
 */
static int requested(const struct pic *p, const struct kvm_pic_state *c)
{
	int pin = highest(c, c->irr & ~c->imr);
	__u8 isr = in_service(c);

	if (c->special_fully_nested_mode && is_master(p, c))
		isr &= ~(1U << CASCADE_PIN);
	return rank_of(c, pin) < rank_of(c, highest(c, isr)) ? pin : NO_PIN;
}

static int set_pin(struct kvm_pic_state *c, unsigned int pin, bool level)
{
	__u8 bit = 1U << pin;
	bool merged = false;

	if (!level) {
		c->last_irr &= ~bit;
		if (c->elcr & bit)
			c->irr &= ~bit;
	} else {
		if ((c->elcr & bit) || !(c->last_irr & bit)) {
			merged = c->irr & bit;
			c->irr |= bit;
		}
		c->last_irr |= bit;
	}
	return c->imr & bit ? -1 : !merged;
}

/* The slave's request is a pulse at the master's pin, which keeps the edge. */
static void cascade(struct pic *p)
{
	if (requested(p, &p->chips[1]) == NO_PIN)
		return;
	set_pin(&p->chips[0], CASCADE_PIN, true);
	set_pin(&p->chips[0], CASCADE_PIN, false);
}

static void update_output(struct pic *p)
{
	p->output = requested(p, &p->chips[0]) != NO_PIN;
}

static void update(struct pic *p)
{
	cascade(p);
	update_output(p);
}

static void end_interrupt(struct pic *p, struct kvm_pic_state *c, unsigned int pin)
{
	c->isr &= ~(1U << pin);
	p->acked |= 1U << (is_master(p, c) ? pin : pin + PINS);
}

static void acknowledge(struct pic *p, struct kvm_pic_state *c, unsigned int pin)
{
	c->isr |= 1U << pin;
	if (!(c->elcr & (1U << pin)))
		c->irr &= ~(1U << pin);
	if (!c->auto_eoi)
		return;
	if (c->rotate_on_auto_eoi)
		c->priority_add = (pin + 1) % PINS;
	end_interrupt(p, c, pin);
}

__u8 pic_acknowledge(struct pic *p)
{
	struct kvm_pic_state *c = &p->chips[0];
	int pin = requested(p, c);

	if (pin != NO_PIN)
		acknowledge(p, c, pin);
	if (pin == CASCADE_PIN) {
		c = &p->chips[1];
		pin = requested(p, c);
		if (pin != NO_PIN)
			acknowledge(p, c, pin);
	}
	update(p);
	return c->irq_base + (pin == NO_PIN ? SPURIOUS_PIN : pin);
}

int pic_set(struct pic *p, unsigned int pin, bool level)
{
	int ret = set_pin(&p->chips[pin / PINS], pin % PINS, level);

	update(p);
	return ret;
}

/*
 * Edges that were not acknowledged are lost, so nothing may wait for their end. The slave's
 * request is such an edge of the master, too; it comes back with the next change.
 */
static void initialize(struct pic *p, struct kvm_pic_state *c, __u8 icw1)
{
	__u8 lost = c->irr & ~c->elcr;
	unsigned int pin;

	c->init4 = icw1 & ICW1_WITH_ICW4;
	c->last_irr = 0;
	c->irr &= c->elcr;
	c->imr = 0;
	c->priority_add = 0;
	c->special_mask = 0;
	c->read_reg_select = 0;
	if (!c->init4) {
		c->special_fully_nested_mode = 0;
		c->auto_eoi = 0;
	}
	c->init_state = EXPECT_ICW2;
	for (pin = 0; pin < PINS; pin++) {
		if (lost & (1U << pin))
			end_interrupt(p, c, pin);
	}
}

static void operation3(struct pic *p, struct kvm_pic_state *c, __u8 ocw3)
{
	if (ocw3 & OCW3_POLL)
		c->poll = 1;
	if (ocw3 & OCW3_SELECT)
		c->read_reg_select = ocw3 & OCW3_ISR;
	if (!(ocw3 & OCW3_SET_SMM))
		return;
	c->special_mask = !!(ocw3 & OCW3_SMM);
	cascade(p);
}

/* The upper bits of OCW2: rotate, specific, EOI */
enum { AUTO_ROTATE_OFF, EOI, NOP, SPECIFIC_EOI, AUTO_ROTATE_ON, ROTATE_EOI, SET_PRIORITY,
	ROTATE_SPECIFIC_EOI };

static void operation2(struct pic *p, struct kvm_pic_state *c, __u8 ocw2)
{
	unsigned int command = ocw2 >> 5;
	int pin = ocw2 % PINS;

	switch (command) {
	case AUTO_ROTATE_OFF:
	case AUTO_ROTATE_ON:
		c->rotate_on_auto_eoi = command == AUTO_ROTATE_ON;
		return;
	case NOP:
		return;
	case EOI:
	case ROTATE_EOI:
		pin = highest(c, in_service(c));
		if (pin == NO_PIN)
			return;
		break;
	}
	if (command == ROTATE_EOI || command == ROTATE_SPECIFIC_EOI || command == SET_PRIORITY)
		c->priority_add = (pin + 1) % PINS;
	if (command != SET_PRIORITY)
		end_interrupt(p, c, pin);
	cascade(p);
}

static void write_command(struct pic *p, struct kvm_pic_state *c, __u8 value)
{
	if (value & ICW1)
		initialize(p, c, value);
	else if (value & OCW3)
		operation3(p, c, value);
	else
		operation2(p, c, value);
}

static void write_mask(struct pic *p, struct kvm_pic_state *c, __u8 value)
{
	__u8 unmasked = c->imr & ~value;

	c->imr = value;
	p->unmasked |= (__u16)unmasked << (is_master(p, c) ? 0 : PINS);
	cascade(p);
}

/* ICW3, how the chips are wired, is fixed in a PC. */
static void write_data(struct pic *p, struct kvm_pic_state *c, __u8 value)
{
	switch (c->init_state) {
	case EXPECT_MASK:
		write_mask(p, c, value);
		break;
	case EXPECT_ICW2:
		c->irq_base = value & ICW2_BASE;
		c->init_state = EXPECT_ICW3;
		break;
	case EXPECT_ICW3:
		c->init_state = c->init4 ? EXPECT_ICW4 : EXPECT_MASK;
		break;
	case EXPECT_ICW4:
		c->special_fully_nested_mode = !!(value & ICW4_NESTED);
		c->auto_eoi = !!(value & ICW4_AUTO_EOI);
		c->init_state = EXPECT_MASK;
		break;
	}
}

static struct kvm_pic_state *chip_of(struct pic *p, __u16 port)
{
	return &p->chips[(port & ~1U) == PIC_ELCR ? port & 1 : (port & ~1U) == PIC_SLAVE];
}

void pic_write(struct pic *p, __u16 port, __u8 value)
{
	struct kvm_pic_state *c = chip_of(p, port);

	if ((port & ~1U) == PIC_ELCR)
		c->elcr = value & c->elcr_mask;
	else if (port & 1)
		write_data(p, c, value);
	else
		write_command(p, c, value);
	update_output(p);
}

/*
 * A read in poll mode stands for an acknowledgment. The slave's request at the master
 * ends with it, if it was the only one.
 */
static __u8 poll(struct pic *p, struct kvm_pic_state *c)
{
	int pin = requested(p, c);

	c->poll = 0;
	if (pin == NO_PIN)
		return SPURIOUS_PIN;
	acknowledge(p, c, pin);
	if (!is_master(p, c))
		p->chips[0].irr &= ~(1U << CASCADE_PIN);
	return POLL_REQUEST | pin;
}

static __u8 read_register(const struct kvm_pic_state *c, bool data)
{
	if (data)
		return c->imr;
	return c->read_reg_select ? c->isr : c->irr;
}

__u8 pic_read(struct pic *p, __u16 port)
{
	struct kvm_pic_state *c = chip_of(p, port);
	__u8 value;

	if ((port & ~1U) == PIC_ELCR)
		return c->elcr;
	if (!c->poll)
		return read_register(c, port & 1);
	value = poll(p, c);
	update(p);
	return value;
}

void pic_restore(struct pic *p, unsigned int chip, const struct kvm_pic_state *state)
{
	p->chips[chip] = *state;
	update(p);
}

void pic_reset(struct pic *p)
{
	*p = (struct pic){
		.chips[0].elcr_mask = elcr_masks[0],
		.chips[1].elcr_mask = elcr_masks[1],
	};
}
