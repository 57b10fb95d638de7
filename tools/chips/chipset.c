// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chipset: decodes addresses, combines the sources of interrupt lines, and passes the
 * end of interrupts on to the PIT. Pins of both controllers have numbers in one range, see
 * struct chipset.
 */
#include <errno.h>

#include "chipset.h"

#define PINS		(PIC_PINS + IOAPIC_PINS)
#define IOAPIC_WINDOW	0x100U	/* bytes of the I/O APIC's page that are its */
#define PIT_GSI		0
#define RTC_PIN		8	/* of the I/O APIC */

/* As in KVM: after so many EOIs of an interrupt that is still asserted, a pause */
#define STORM_EOIS	10000
#define STORM_PAUSE_NS	10000000

#define SPEAKER_PORTS	4	/* that an access to PIT_SPEAKER may cover */

/* --- pins and lines --------------------------------------------------------- */

static unsigned int pin_of(const struct kvm_irq_routing_irqchip *chip)
{
	switch (chip->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
		return chip->pin;
	case KVM_IRQCHIP_PIC_SLAVE:
		return chip->pin + PIC_PINS / 2;
	}
	return chip->pin + PIC_PINS;
}

static int gsi_of(const struct chipset *c, unsigned int pin)
{
	if (pin >= PIC_PINS)
		return routing_gsi_of(&c->routing, KVM_IRQCHIP_IOAPIC, pin - PIC_PINS);
	return routing_gsi_of(&c->routing, pin / (PIC_PINS / 2), pin % (PIC_PINS / 2));
}

/* The clock's interrupt is an edge whose EOI counts. */
static int set_rtc(struct chipset *c)
{
	int ret;

	if (c->rtc_pending)
		return 0;
	c->ioapic.report |= 1U << RTC_PIN;
	ret = ioapic_set(&c->ioapic, RTC_PIN, true);
	c->rtc_pending = ret > 0 ? ret : 0;
	c->rtc_vector = c->ioapic.entries[RTC_PIN];
	return ret;
}

static int set_pin(struct chipset *c, enum chipset_source source, unsigned int pin, bool level,
		   bool status)
{
	if (level)
		c->lines[pin] |= 1U << source;
	else
		c->lines[pin] &= ~(1U << source);
	if (pin == PIC_PINS + RTC_PIN && c->lines[pin] && status)
		return set_rtc(c);
	if (pin >= PIC_PINS)
		return ioapic_set(&c->ioapic, pin - PIC_PINS, c->lines[pin]);
	return pic_set(&c->pic, pin, c->lines[pin]);
}

static int send_msi(struct chipset *c, const struct kvm_irq_routing_msi *msi)
{
	struct apic_message msg;

	if (!msi_decode(msi, c->x2apic, &msg))
		return -EINVAL;
	return c->ops->send(c->arg, &msg);
}

/* An MSI is an edge: it is sent when the line is asserted, however often. */
static int set_gsi(struct chipset *c, enum chipset_source source, __u32 gsi, bool level,
		   bool status)
{
	const struct kvm_irq_routing_entry *e;
	int ret, sum = -1;
	unsigned int nr;

	for (e = routing_find(&c->routing, gsi, &nr); nr; e++, nr--) {
		if (e->type == KVM_IRQ_ROUTING_IRQCHIP)
			ret = set_pin(c, source, pin_of(&e->u.irqchip), level, status);
		else
			ret = level ? send_msi(c, &e->u.msi) : -1;
		if (ret >= 0)
			sum = sum < 0 ? ret : sum + ret;
	}
	return sum;
}

/* --- what follows from a change --------------------------------------------- */

static void tick(struct chipset *c)
{
	set_gsi(c, CHIPSET_PIT, PIT_GSI, true, false);
	set_gsi(c, CHIPSET_PIT, PIT_GSI, false, false);
}

/* Whether one of @pins belongs to the PIT's GSI */
static bool has_pit_pin(const struct chipset *c, __u64 pins)
{
	unsigned int pin;

	for (pin = 0; pin < PINS; pin++) {
		if ((pins & (1ULL << pin)) && gsi_of(c, pin) == PIT_GSI)
			return true;
	}
	return false;
}

static void tell_pit(struct chipset *c, __u64 acked, __u64 unmasked)
{
	if (has_pit_pin(c, unmasked))
		pit_unmasked(&c->pit);
	if (has_pit_pin(c, acked) && pit_acknowledged(&c->pit))
		tick(c);
}

static __u64 next_deadline(const struct chipset *c)
{
	__u64 tick = c->has_pit ? pit_next(&c->pit) : PIT_NEVER;

	return tick < c->resume ? tick : c->resume;
}

static void tell_owner(struct chipset *c)
{
	__u64 deadline = next_deadline(c);

	if (c->output != c->pic.output) {
		c->output = c->pic.output;
		if (c->ops->extint)
			c->ops->extint(c->arg, c->output);
	}
	if (c->deadline != deadline) {
		c->deadline = deadline;
		c->ops->deadline(c->arg, deadline);
	}
}

/* The end of every public function that changes something */
static void settle(struct chipset *c)
{
	__u64 acked = c->pic.acked | (__u64)c->ioapic.acked << PIC_PINS;
	__u64 unmasked = c->pic.unmasked | (__u64)c->ioapic.unmasked << PIC_PINS;

	c->pic.acked = 0;
	c->pic.unmasked = 0;
	c->ioapic.acked = 0;
	c->ioapic.unmasked = 0;
	c->acked |= acked;
	if (unmasked & (1ULL << (PIC_PINS + RTC_PIN)))
		c->rtc_pending = 0;
	if (c->has_pit)
		tell_pit(c, acked, unmasked);
	if (!c->ioapic.held)
		c->resume = PIT_NEVER;
	else if (c->resume == PIT_NEVER)
		c->resume = c->ops->now(c->arg) + STORM_PAUSE_NS;
	tell_owner(c);
}

/* The PIT needs the end of its interrupts, which are edges of the I/O APIC, too. */
static void update_report(struct chipset *c)
{
	const struct kvm_irq_routing_entry *e;
	unsigned int nr;

	c->ioapic.report &= 1U << RTC_PIN;
	if (!c->has_pit || !c->pit.reinject)
		return;
	for (e = routing_find(&c->routing, PIT_GSI, &nr); nr; e++, nr--) {
		if (e->type == KVM_IRQ_ROUTING_IRQCHIP &&
		    e->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC)
			c->ioapic.report |= 1U << e->u.irqchip.pin;
	}
}

bool chipset_next_acked(struct chipset *c, __u32 *gsi)
{
	while (c->acked) {
		unsigned int pin = __builtin_ctzll(c->acked);
		int found = gsi_of(c, pin);

		c->acked &= ~(1ULL << pin);
		if (found == ROUTING_NO_GSI)
			continue;
		*gsi = found;
		return true;
	}
	return false;
}

int chipset_line(struct chipset *c, enum chipset_source source, __u32 gsi, bool level)
{
	int ret = set_gsi(c, source, gsi, level, false);

	settle(c);
	return ret;
}

int chipset_line_status(struct chipset *c, __u32 gsi, bool level)
{
	int ret = set_gsi(c, CHIPSET_USER, gsi, level, true);

	settle(c);
	return ret;
}

void chipset_eoi(struct chipset *c, __u8 vector)
{
	if (c->rtc_pending && vector == c->rtc_vector)
		c->rtc_pending--;
	ioapic_eoi(&c->ioapic, vector);
	settle(c);
}

__u8 chipset_acknowledge(struct chipset *c)
{
	__u8 vector = pic_acknowledge(&c->pic);

	settle(c);
	return vector;
}

void chipset_expire(struct chipset *c)
{
	if (c->has_pit && pit_expire(&c->pit))
		tick(c);
	if (c->ops->now(c->arg) >= c->resume)
		ioapic_resume(&c->ioapic);
	settle(c);
}

/* --- accesses --------------------------------------------------------------- */

static bool within(__u64 address, unsigned int width, __u64 base, unsigned int len)
{
	return address >= base && address - base < len && width <= len - (address - base);
}

static bool is_pic(__u16 port, unsigned int width)
{
	return within(port, width, PIC_MASTER, 2) || within(port, width, PIC_SLAVE, 2) ||
	       within(port, width, PIC_ELCR, 2);
}

static bool is_pit(const struct chipset *c, __u16 port, unsigned int width)
{
	if (!c->has_pit)
		return false;
	return within(port, width, PIT_BASE, PIT_PORTS) ||
	       (c->has_speaker && port == PIT_SPEAKER && width <= SPEAKER_PORTS);
}

/* As in KVM, the PIC ignores accesses that are wider than its registers. */
bool chipset_pio(struct chipset *c, bool write, __u16 port, unsigned int width, __u32 *data)
{
	bool pic = is_pic(port, width);

	if (!pic && !is_pit(c, port, width))
		return false;
	if (pic && width != 1)
		*data = write ? *data : 0;
	else if (pic && write)
		pic_write(&c->pic, port, *data);
	else if (pic)
		*data = pic_read(&c->pic, port);
	else if (write)
		pit_write(&c->pit, port, *data);
	else
		*data = pit_read(&c->pit, port);
	settle(c);
	return true;
}

bool chipset_mmio(struct chipset *c, bool write, __u64 gpa, unsigned int width, __u64 *data)
{
	__u64 offset = gpa - c->ioapic.gpa;

	if (!within(gpa, width, c->ioapic.gpa, IOAPIC_WINDOW))
		return false;
	if (write)
		ioapic_write(&c->ioapic, offset, width, *data);
	else
		*data = ioapic_read(&c->ioapic, offset, width);
	settle(c);
	return true;
}

/* --- ioctls ----------------------------------------------------------------- */

int chipset_get(const struct chipset *c, struct kvm_irqchip *chip)
{
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		chip->chip.pic = c->pic.chips[chip->chip_id];
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_save(&c->ioapic, &chip->chip.ioapic);
		return 0;
	}
	return -EINVAL;
}

int chipset_set(struct chipset *c, const struct kvm_irqchip *chip)
{
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_restore(&c->pic, chip->chip_id, &chip->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_restore(&c->ioapic, &chip->chip.ioapic);
		c->rtc_pending = 0;
		break;
	default:
		return -EINVAL;
	}
	settle(c);
	return 0;
}

int chipset_get_pit(const struct chipset *c, struct kvm_pit_state *state)
{
	if (!c->has_pit)
		return -ENXIO;
	pit_save(&c->pit, state->channels);
	return 0;
}

int chipset_set_pit(struct chipset *c, const struct kvm_pit_state *state)
{
	if (!c->has_pit)
		return -ENXIO;
	pit_restore(&c->pit, state->channels, c->pit.flags);
	settle(c);
	return 0;
}

int chipset_get_pit2(const struct chipset *c, struct kvm_pit_state2 *state)
{
	if (!c->has_pit)
		return -ENXIO;
	*state = (struct kvm_pit_state2){ .flags = c->pit.flags };
	pit_save(&c->pit, state->channels);
	return 0;
}

int chipset_set_pit2(struct chipset *c, const struct kvm_pit_state2 *state)
{
	if (!c->has_pit)
		return -ENXIO;
	pit_restore(&c->pit, state->channels, state->flags);
	settle(c);
	return 0;
}

int chipset_set_reinject(struct chipset *c, const struct kvm_reinject_control *control)
{
	if (!c->has_pit)
		return -ENXIO;
	pit_set_reinject(&c->pit, control->pit_reinject);
	update_report(c);
	return 0;
}

int chipset_set_routing(struct chipset *c, const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags)
{
	unsigned int use = ROUTING_PINS | (c->x2apic ? ROUTING_X2APIC : 0);
	int err = flags ? -EINVAL : routing_set(&c->routing, entries, nr, use);

	if (!err)
		update_report(c);
	return err;
}

int chipset_create_pit(struct chipset *c, __u32 flags)
{
	if (c->has_pit)
		return -EEXIST;
	c->has_pit = true;
	c->has_speaker = flags & KVM_PIT_SPEAKER_DUMMY;
	c->pit.now = c->ops->now;
	c->pit.arg = c->arg;
	pit_reset(&c->pit);
	update_report(c);
	return 0;
}

int chipset_init(struct chipset *c, const struct chipset_ops *ops, void *arg)
{
	*c = (struct chipset){
		.ops = ops, .arg = arg, .ioapic.send = ops->send, .ioapic.arg = arg,
		.resume = PIT_NEVER, .deadline = PIT_NEVER,
	};
	pic_reset(&c->pic);
	ioapic_reset(&c->ioapic);
	c->ioapic.patience = STORM_EOIS;
	return routing_set_default(&c->routing);
}

void chipset_free(struct chipset *c)
{
	routing_free(&c->routing);
}
