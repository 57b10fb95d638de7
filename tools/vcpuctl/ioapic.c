// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the I/O APIC. An edge on a masked pin is lost, as the data sheet
 * says; a level is seen once the pin is open. There is no APIC bus, so the
 * delivery status always reads idle and the arbitration ID is the ID.
 */
#include "ioapic.h"

/* the two registers in memory, and what the first selects */
#define WINDOW_INDEX	0x00
#define WINDOW_DATA	0x10
#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_TABLE	0x10

#define ID_BITS		0x0f000000U

/* a redirection table entry */
#define ENTRY_LOGICAL	(1ULL << 11)
#define ENTRY_REMOTE	(1ULL << 14)	/* remote IRR: sent, no EOI yet */
#define ENTRY_LEVEL	(1ULL << 15)
#define ENTRY_MASKED	(1ULL << 16)
#define ENTRY_WRITABLE	0xff0000000001afffULL	/* not the two status bits */

void ioapic_reset(struct ioapic *a)
{
	unsigned int i;

	a->id = 0;
	a->index = 0;
	a->levels = 0;
	for (i = 0; i < IOAPIC_PINS; i++)
		a->entries[i] = ENTRY_MASKED;
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

/* SMI, INIT and ExtINT have nobody to go to here */
static void deliver(struct ioapic *a, __u64 *entry)
{
	const struct apic_message msg = {
		.dest = *entry >> 56,
		.vector = *entry,
		.mode = mode_of(*entry),
		.logical = *entry & ENTRY_LOGICAL,
		.level = is_level(*entry),
	};

	if (msg.mode != APIC_FIXED && msg.mode != APIC_LOWEST && msg.mode != APIC_NMI)
		return;
	if (msg.level)
		*entry |= ENTRY_REMOTE;
	a->send(a->arg, &msg);
}

/* a pin that stays asserted interrupts again, once the last one has ended */
static void serve_level(struct ioapic *a, unsigned int pin)
{
	__u64 *entry = &a->entries[pin];

	if ((a->levels & (1U << pin)) && is_level(*entry) &&
	    !(*entry & (ENTRY_MASKED | ENTRY_REMOTE)))
		deliver(a, entry);
}

void ioapic_set(struct ioapic *a, unsigned int pin, bool level)
{
	__u32 bit = 1U << pin;
	bool rises = level && !(a->levels & bit);
	__u64 *entry = &a->entries[pin];

	a->levels = level ? a->levels | bit : a->levels & ~bit;
	if (is_level(*entry))
		serve_level(a, pin);
	else if (rises && !(*entry & ENTRY_MASKED))
		deliver(a, entry);
}

void ioapic_eoi(struct ioapic *a, __u8 vector)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		__u64 *entry = &a->entries[pin];

		if (!(*entry & ENTRY_REMOTE) || (__u8)*entry != vector)
			continue;
		*entry &= ~ENTRY_REMOTE;
		serve_level(a, pin);
	}
}

/* drivers make an entry edge-triggered for a moment to get rid of remote IRR */
static void write_entry(struct ioapic *a, unsigned int reg, __u32 value)
{
	unsigned int pin = (reg - REG_TABLE) / 2;
	unsigned int shift = reg & 1 ? 32 : 0;
	__u64 writable = ENTRY_WRITABLE & (0xffffffffULL << shift);
	__u64 *entry = &a->entries[pin];

	*entry = (*entry & ~writable) | ((__u64)value << shift & writable);
	if (!(*entry & ENTRY_LEVEL))
		*entry &= ~ENTRY_REMOTE;
	serve_level(a, pin);
}

static bool in_table(__u8 reg)
{
	return reg >= REG_TABLE && reg < REG_TABLE + 2 * IOAPIC_PINS;
}

static __u32 read_register(const struct ioapic *a)
{
	if (in_table(a->index))
		return a->entries[(a->index - REG_TABLE) / 2] >> (a->index & 1 ? 32 : 0);
	switch (a->index) {
	case REG_ID:
	case REG_ARBITRATION:
		return a->id;
	case REG_VERSION:
		return (IOAPIC_PINS - 1) << 16 | IOAPIC_VERSION;
	}
	return 0;
}

__u32 ioapic_read(const struct ioapic *a, __u64 offset, unsigned int width)
{
	if (width != 4)
		return 0;
	if (offset == WINDOW_INDEX)
		return a->index;
	return offset == WINDOW_DATA ? read_register(a) : 0;
}

void ioapic_write(struct ioapic *a, __u64 offset, unsigned int width, __u32 value)
{
	if (width != 4)
		return;
	if (offset == WINDOW_INDEX)
		a->index = value;
	else if (offset != WINDOW_DATA)
		return;
	else if (in_table(a->index))
		write_entry(a, a->index, value);
	else if (a->index == REG_ID)
		a->id = value & ID_BITS;
}
