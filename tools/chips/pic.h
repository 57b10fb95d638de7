/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two 8259A interrupt controllers as in a PC: the slave requests at pin 2 of the master.
 * The state of a chip is KVM's structure, and behavior is KVM's but for three points in
 * which KVM does not follow the data sheet:
 *
 * - in special mask mode a masked interrupt in service does not block others, and a
 *   non-specific EOI does not end it;
 * - a poll acknowledges the interrupt, and its result has bit 7 set if there was one;
 * - the vector of a chip whose state was restored has eight bits.
 *
 * The caller serializes all calls.
 */
#ifndef CHIPS_PIC_H
#define CHIPS_PIC_H

#include <stdbool.h>

#include <linux/kvm.h>
#include <linux/types.h>

#define PIC_MASTER	0x20	/* ports: command, and data behind it */
#define PIC_SLAVE	0xa0
#define PIC_ELCR	0x4d0	/* ports: edge or level of each pin */
#define PIC_PINS	16	/* 0 to 7 of the master, 8 to 15 of the slave */

/**
 * struct pic - both controllers
 * @chips: registers: master, slave
 * @output: the master requests an interrupt of the CPU
 * @acked: mask of pins whose interrupt has ended; the owner clears it
 * @unmasked: mask of pins that were unmasked; the owner clears it
 */
struct pic {
	struct kvm_pic_state chips[2];
	bool output;
	__u16 acked;
	__u16 unmasked;
};

void pic_reset(struct pic *p);
/* One byte at one of the six ports above */
__u8 pic_read(struct pic *p, __u16 port);
void pic_write(struct pic *p, __u16 port, __u8 value);
/*
 * Asserts or deasserts a pin. Returns a negative value if it is masked, 0 if the
 * interrupt was merged with one that is already requested, and else 1.
 */
int pic_set(struct pic *p, unsigned int pin, bool level);
/*
 * The CPU acknowledges: returns the vector of the interrupt with the highest priority,
 * or that of pin 7 if the request has gone, as the data sheet demands.
 */
__u8 pic_acknowledge(struct pic *p);
/* Replaces the registers of a chip, 0 or 1 */
void pic_restore(struct pic *p, unsigned int chip, const struct kvm_pic_state *state);

#endif /* CHIPS_PIC_H */
