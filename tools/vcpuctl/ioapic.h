/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: an I/O APIC as on an 82093AA, version 0x11 with 24 pins. Turns
 * levels on its pins into messages to local APICs.
 */
#ifndef VCPUCTL_IOAPIC_H
#define VCPUCTL_IOAPIC_H

#include <stdbool.h>

#include <linux/types.h>

#define IOAPIC_GPA	0xfec00000ULL
#define IOAPIC_BYTES	0x1000ULL
#define IOAPIC_VERSION	0x11
#define IOAPIC_PINS	24

/* delivery modes that a local APIC outside the bus can be sent */
#define APIC_FIXED	0
#define APIC_LOWEST	1
#define APIC_NMI	4

/**
 * struct apic_message - one interrupt message
 * @dest: APIC ID or logical set, 8 bits
 * @vector: .
 * @mode: APIC_*
 * @logical: @dest is a logical set
 * @level: level-triggered: its EOI comes back
 */
struct apic_message {
	__u8 dest;
	__u8 vector;
	__u8 mode;
	bool logical;
	bool level;
};

/**
 * struct ioapic - all of it
 * @send: called with each message
 * @arg: handed to @send
 * @id: bits 27:24 of the ID register
 * @index: register that the data window shows
 * @levels: pins that are asserted, as a mask
 * @entries: redirection table, with the architecture's bits
 *
 * Polarity is stored and nothing else: a pin is asserted or not, whatever the
 * voltage.
 */
struct ioapic {
	void (*send)(void *arg, const struct apic_message *msg);
	void *arg;
	__u32 id;
	__u8 index;
	__u32 levels;
	__u64 entries[IOAPIC_PINS];
};

void ioapic_reset(struct ioapic *a);
/* @offset in the page; anything but an aligned 4-byte access finds no register */
__u32 ioapic_read(const struct ioapic *a, __u64 offset, unsigned int width);
void ioapic_write(struct ioapic *a, __u64 offset, unsigned int width, __u32 value);
/* assert or release a pin */
void ioapic_set(struct ioapic *a, unsigned int pin, bool level);
/* a local APIC has ended a level-triggered interrupt */
void ioapic_eoi(struct ioapic *a, __u8 vector);

#endif /* VCPUCTL_IOAPIC_H */
