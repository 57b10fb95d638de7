/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices of KVM's full irqchip, connected: the PIC, the I/O APIC, GSI routing, and the
 * PIT if it is created. Functions named after an ioctl of KVM check its argument, and
 * return what the ioctl returns.
 *
 * The caller serializes all calls for a chipset. Callbacks must not call functions of this
 * file. After each call that may have ended interrupts (all but chipset_get*), the caller
 * takes them with chipset_next_acked().
 */
#ifndef CHIPS_CHIPSET_H
#define CHIPS_CHIPSET_H

#include <stdbool.h>

#include <linux/kvm.h>
#include <linux/types.h>

#include "ioapic.h"
#include "pic.h"
#include "pit.h"
#include "routing.h"

/* Sources of an interrupt line, which is asserted while any of them asserts it */
enum chipset_source {
	CHIPSET_USER,		/* KVM_IRQ_LINE, and eventfds without resampling */
	CHIPSET_RESAMPLE,	/* eventfds with it */
	CHIPSET_PIT,
};

/**
 * struct chipset_ops - what a chipset needs from its owner
 * @now: returns the time in ns, by a clock that never goes back
 * @send: sends a message; returns how many local APICs accepted it, or a negative value
 * @extint: the PIC's output, which is at LINT0, has changed; NULL if the owner looks at it
 * @deadline: chipset_expire() is due at another time, which may be PIT_NEVER
 */
struct chipset_ops {
	__u64 (*now)(void *arg);
	int (*send)(void *arg, const struct apic_message *msg);
	void (*extint)(void *arg, bool level);
	void (*deadline)(void *arg, __u64 at);
};

/**
 * struct chipset - the devices
 * @ops: callbacks
 * @arg: their argument
 * @pic: the PIC; its pins have numbers from 0
 * @ioapic: the I/O APIC; its pins have numbers from PIC_PINS
 * @pit: the PIT
 * @has_pit: it is there
 * @has_speaker: it has port 0x61
 * @x2apic: addresses of MSIs have 32-bit IDs
 * @routing: where GSIs go
 * @lines: mask of the sources that assert each pin
 * @acked: mask of pins whose interrupts have ended
 * @rtc_pending: EOIs that are missing until the clock's interrupt can be sent again
 * @rtc_vector: their vector
 * @resume: time at which ioapic_resume() is due, or PIT_NEVER
 * @output: the PIC's output that @ops was told
 * @deadline: the time that @ops was told
 */
struct chipset {
	const struct chipset_ops *ops;
	void *arg;
	struct pic pic;
	struct ioapic ioapic;
	struct pit pit;
	bool has_pit;
	bool has_speaker;
	bool x2apic;
	struct routing routing;
	__u8 lines[PIC_PINS + IOAPIC_PINS];
	__u64 acked;
	unsigned int rtc_pending;
	__u8 rtc_vector;
	__u64 resume;
	bool output;
	__u64 deadline;
};

/* KVM_CREATE_IRQCHIP. 0 or -ENOMEM */
int chipset_init(struct chipset *c, const struct chipset_ops *ops, void *arg);
void chipset_free(struct chipset *c);
/* KVM_CREATE_PIT2, with its flags; KVM_CREATE_PIT has KVM_PIT_SPEAKER_DUMMY. 0 or -EEXIST */
int chipset_create_pit(struct chipset *c, __u32 flags);

/* KVM_GET_IRQCHIP and KVM_SET_IRQCHIP. 0, or -EINVAL for an unknown chip_id */
int chipset_get(const struct chipset *c, struct kvm_irqchip *chip);
int chipset_set(struct chipset *c, const struct kvm_irqchip *chip);
/* KVM_GET_PIT(2), KVM_SET_PIT(2), KVM_REINJECT_CONTROL. 0, or -ENXIO without a PIT */
int chipset_get_pit(const struct chipset *c, struct kvm_pit_state *state);
int chipset_set_pit(struct chipset *c, const struct kvm_pit_state *state);
int chipset_get_pit2(const struct chipset *c, struct kvm_pit_state2 *state);
int chipset_set_pit2(struct chipset *c, const struct kvm_pit_state2 *state);
int chipset_set_reinject(struct chipset *c, const struct kvm_reinject_control *control);
/* KVM_SET_GSI_ROUTING. 0, -EINVAL or -ENOMEM */
int chipset_set_routing(struct chipset *c, const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags);
/*
 * KVM_IRQ_LINE, for one source. Returns the status: negative if the interrupt was not
 * delivered, 0 if it was merged with an earlier one, or how many controllers and local
 * APICs accepted it.
 */
int chipset_line(struct chipset *c, enum chipset_source source, __u32 gsi, bool level);
/*
 * KVM_IRQ_LINE_STATUS. As in KVM, an interrupt of the clock (pin 8) before the EOI of the
 * one before is not sent, and its status is 0, so that the VMM can send it later.
 */
int chipset_line_status(struct chipset *c, __u32 gsi, bool level);

/* Accesses of a guest. False if there is no device, so that the access is the VMM's */
bool chipset_pio(struct chipset *c, bool write, __u16 port, unsigned int width, __u32 *data);
bool chipset_mmio(struct chipset *c, bool write, __u64 gpa, unsigned int width, __u64 *data);

/* A local APIC has ended an interrupt of a message with .level. */
void chipset_eoi(struct chipset *c, __u8 vector);
/* A CPU takes the interrupt of the PIC's output: returns its vector. */
__u8 chipset_acknowledge(struct chipset *c);
/* The time of @deadline has come. */
void chipset_expire(struct chipset *c);
/* Takes a GSI whose interrupt has ended; false if there is none */
bool chipset_next_acked(struct chipset *c, __u32 *gsi);

#endif /* CHIPS_CHIPSET_H */
