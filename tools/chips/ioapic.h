/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An I/O APIC as on an 82093AA, version 0x11 with 24 pins: turns levels on its pins into
 * messages to local APICs. What the data sheet leaves open is as in KVM, so that its
 * saved state can move between both. The caller serializes all calls for an I/O APIC.
 */
#ifndef CHIPS_IOAPIC_H
#define CHIPS_IOAPIC_H

#include <stdbool.h>

#include <linux/kvm.h>
#include <linux/types.h>

#include "apic_message.h"

#define IOAPIC_GPA	0xfec00000ULL
#define IOAPIC_BYTES	0x1000ULL
#define IOAPIC_VERSION	0x11
#define IOAPIC_PINS	KVM_IOAPIC_NUM_PINS

/**
 * struct ioapic - an I/O APIC
 * @send: sends a message; returns how many local APICs accepted it, or a negative value.
 *	Must not call functions of this file
 * @arg: argument of @send
 * @gpa: address of its registers, for the owner; ioapic_reset() sets IOAPIC_GPA
 * @id: bits 27:24 of the ID register
 * @index: selects the register that the data window shows
 * @levels: mask of asserted pins
 * @delivered: mask of edge-triggered pins whose last edge was sent
 * @report: mask of pins whose messages ask for an EOI although they are edge-triggered;
 *	the owner sets it
 * @patience: after so many EOIs of a level without a deassertion, its next message waits for
 *	ioapic_resume(); 0 for never. The owner sets it
 * @held: mask of pins that wait for ioapic_resume()
 * @acked: mask of pins whose vector got an EOI; the owner clears it
 * @unmasked: mask of pins whose entry was unmasked; the owner clears it
 * @entries: the redirection table, with the bits of the architecture
 * @eois: for each pin, the number of EOIs since it was deasserted
 *
 * The polarity of an entry has no effect: a pin is asserted or not.
 */
struct ioapic {
	int (*send)(void *arg, const struct apic_message *msg);
	void *arg;
	__u64 gpa;
	__u32 id;
	__u32 index;
	__u32 levels;
	__u32 delivered;
	__u32 report;
	__u32 patience;
	__u32 held;
	__u32 acked;
	__u32 unmasked;
	__u64 entries[IOAPIC_PINS];
	__u32 eois[IOAPIC_PINS];
};

void ioapic_reset(struct ioapic *a);
/* @offset from @gpa, @width 1, 2, 4 or 8; registers have 4 bytes */
__u32 ioapic_read(const struct ioapic *a, __u64 offset, unsigned int width);
void ioapic_write(struct ioapic *a, __u64 offset, unsigned int width, __u32 value);
/*
 * Asserts or deasserts a pin. Returns a negative value if a mask or an interrupt without
 * EOI prevents delivery, 0 if the interrupt was merged with an earlier one, and else
 * the result of @send, or 1 for a deassertion.
 */
int ioapic_set(struct ioapic *a, unsigned int pin, bool level);
/* A local APIC has ended an interrupt of a message with .level. */
void ioapic_eoi(struct ioapic *a, __u8 vector);
/*
 * Sends what is held back. In hardware, a guest makes progress between an EOI and the next
 * interrupt of a device that its handler cannot silence; so the owner waits for a while.
 */
void ioapic_resume(struct ioapic *a);

/* The state as KVM_GET_IRQCHIP and KVM_SET_IRQCHIP have it. Restoring may send messages. */
void ioapic_save(const struct ioapic *a, struct kvm_ioapic_state *state);
void ioapic_restore(struct ioapic *a, const struct kvm_ioapic_state *state);

#endif /* CHIPS_IOAPIC_H */
