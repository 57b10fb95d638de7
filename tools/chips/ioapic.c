// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC. An edge on a masked pin is lost, as the data sheet says; a level is
 * delivered when its pin is unmasked. There is no APIC bus, so the delivery status always
 * reads idle and the arbitration ID is the ID.
 */
#include <string.h>

#include "ioapic.h"

/* the two registers in memory, and the registers that the first one selects */
#define WINDOW_INDEX	0x00
#define WINDOW_DATA	0x10
#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_TABLE	0x10

/* a redirection table entry */
#define ENTRY_LOGICAL	(1ULL << 11)
#define ENTRY_STATUS	(1ULL << 12)	/* delivery status */
#define ENTRY_REMOTE	(1ULL << 14)	/* remote IRR: sent, no EOI yet */
#define ENTRY_LEVEL	(1ULL << 15)
#define ENTRY_MASKED	(1ULL << 16)

void ioapic_reset(struct ioapic *a)
{
	unsigned int i;

	a->gpa = IOAPIC_GPA;
	a->id = 0;
	a->index = 0;
	a->levels = 0;
	a->delivered = 0;
	a->report = 0;
	a->patience = 0;
	a->held = 0;
	a->acked = 0;
	a->unmasked = 0;
	for (i = 0; i < IOAPIC_PINS; i++) {
		a->entries[i] = ENTRY_MASKED;
		a->eois[i] = 0;
	}
}

static unsigned int mode_of(__u64 entry)
{
	return (entry >> 8) & 7;
}

/* an NMI is an edge whatever the entry says */
static bool is_level(__u64 entry)
{
	return (entry & ENTRY_LEVEL) && mode_of(entry) != APIC_NMI;
}

/* A level that no local APIC accepts gets no EOI, so nothing waits for one. */
static int deliver(struct ioapic *a, unsigned int pin)
{
	__u64 *entry = &a->entries[pin];
	bool level = is_level(*entry);
	const struct apic_message msg = {
		.dest = *entry >> 56,
		.vector = *entry,
		.mode = mode_of(*entry),
		.logical = *entry & ENTRY_LOGICAL,
		.level = level || (a->report & (1U << pin)),
	};
	int accepted = a->send(a->arg, &msg);

	if (!level)
		a->delivered |= 1U << pin;
	else if (accepted > 0)
		*entry |= ENTRY_REMOTE;
	return accepted;
}

/* An asserted pin interrupts again as soon as the last interrupt has ended. */
static int serve_level(struct ioapic *a, unsigned int pin)
{
	__u64 entry = a->entries[pin];

	if (!(a->levels & (1U << pin)) || !is_level(entry) ||
	    (entry & (ENTRY_MASKED | ENTRY_REMOTE)))
		return -1;
	return deliver(a, pin);
}

int ioapic_set(struct ioapic *a, unsigned int pin, bool level)
{
	__u32 bit = 1U << pin;
	bool rises = !(a->levels & bit);

	if (!level) {
		a->levels &= ~bit;
		return 1;
	}
	a->levels |= bit;
	if (is_level(a->entries[pin]))
		return serve_level(a, pin);
	a->delivered &= ~bit;
	if (!rises)
		return 0;
	return a->entries[pin] & ENTRY_MASKED ? -1 : deliver(a, pin);
}

/* Counts the EOIs of a pin that stays asserted, and holds it back after too many. */
static bool is_storm(struct ioapic *a, unsigned int pin)
{
	__u32 bit = 1U << pin;

	if (!(a->levels & bit) || (a->entries[pin] & ENTRY_MASKED)) {
		a->eois[pin] = 0;
		return false;
	}
	if (!a->patience || ++a->eois[pin] < a->patience)
		return false;
	a->eois[pin] = 0;
	a->held |= bit;
	return true;
}

void ioapic_eoi(struct ioapic *a, __u8 vector)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if ((__u8)a->entries[pin] != vector)
			continue;
		a->acked |= 1U << pin;
		a->entries[pin] &= ~ENTRY_REMOTE;
		if (!is_storm(a, pin))
			serve_level(a, pin);
	}
}

void ioapic_resume(struct ioapic *a)
{
	__u32 held = a->held;
	unsigned int pin;

	a->held = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (held & (1U << pin))
			serve_level(a, pin);
	}
}

/* Drivers make an entry edge-triggered for a moment to clear remote IRR. */
static void write_entry(struct ioapic *a, unsigned int pin, bool high, __u32 value)
{
	__u64 kept = high ? 0xffffffffULL : ~0xffffffffULL | ENTRY_STATUS | ENTRY_REMOTE;
	__u64 before = a->entries[pin];
	__u64 after = (before & kept) | (((__u64)value << (high ? 32 : 0)) & ~kept);

	if (!(after & ENTRY_LEVEL))
		after &= ~ENTRY_REMOTE;
	a->entries[pin] = after;
	if (before & ~after & ENTRY_MASKED)
		a->unmasked |= 1U << pin;
	serve_level(a, pin);
}

/* Pin of the entry that the index selects, or a larger number */
static __u32 selected_pin(const struct ioapic *a)
{
	return (a->index - REG_TABLE) >> 1;
}

static __u32 read_register(const struct ioapic *a)
{
	__u32 pin = selected_pin(a);

	switch (a->index) {
	case REG_ID:
	case REG_ARBITRATION:
		return (a->id & 0xf) << 24;
	case REG_VERSION:
		return (IOAPIC_PINS - 1) << 16 | IOAPIC_VERSION;
	}
	if (pin >= IOAPIC_PINS)
		return 0xffffffff;
	return a->entries[pin] >> (a->index & 1 ? 32 : 0);
}

static __u32 low_bytes(__u32 value, unsigned int width)
{
	return width >= 4 ? value : value & ((1U << 8 * width) - 1);
}

__u32 ioapic_read(const struct ioapic *a, __u64 offset, unsigned int width)
{
	if (offset == WINDOW_INDEX)
		return low_bytes(a->index, width);
	return offset == WINDOW_DATA ? low_bytes(read_register(a), width) : 0;
}

void ioapic_write(struct ioapic *a, __u64 offset, unsigned int width, __u32 value)
{
	__u32 pin = selected_pin(a);

	value = low_bytes(value, width);
	if (offset == WINDOW_INDEX)
		a->index = value & 0xff;
	else if (offset != WINDOW_DATA)
		return;
	else if (a->index == REG_ID)
		a->id = (value >> 24) & 0xf;
	else if (pin < IOAPIC_PINS)
		write_entry(a, pin, a->index & 1, value);
}

/* Leaves out edges that have been sent, so that a restore does not send them again. */
void ioapic_save(const struct ioapic *a, struct kvm_ioapic_state *state)
{
	unsigned int pin;

	*state = (struct kvm_ioapic_state){
		.base_address = a->gpa,
		.ioregsel = a->index,
		.id = a->id,
		.irr = a->levels & ~a->delivered,
	};
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		state->redirtbl[pin].bits = a->entries[pin];
}

void ioapic_restore(struct ioapic *a, const struct kvm_ioapic_state *state)
{
	unsigned int pin;

	a->gpa = state->base_address;
	a->index = state->ioregsel;
	a->id = state->id;
	a->levels = 0;
	a->delivered = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		a->entries[pin] = state->redirtbl[pin].bits;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (state->irr & (1U << pin))
			ioapic_set(a, pin, true);
	}
}
