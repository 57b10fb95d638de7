/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt messages to local APICs, as an I/O APIC or a device with MSI sends them.
 */
#ifndef CHIPS_APIC_MESSAGE_H
#define CHIPS_APIC_MESSAGE_H

#include <stdbool.h>

#include <linux/types.h>

#include <linux/svmvcpu.h>

/* delivery modes, with the numbers of the architecture */
#define APIC_FIXED	0
#define APIC_LOWEST	1
#define APIC_SMI	2
#define APIC_NMI	4
#define APIC_INIT	5
#define APIC_STARTUP	6
#define APIC_EXTINT	7

/**
 * struct apic_message - one interrupt message
 * @dest: APIC ID or logical destination
 * @vector: vector; NMI, INIT and SMI ignore it
 * @mode: APIC_*, or 3, which is reserved
 * @logical: @dest is a logical destination
 * @level: level-triggered, so the sender waits for the EOI
 */
struct apic_message {
	__u32 dest;
	__u8 vector;
	__u8 mode;
	bool logical;
	bool level;
};

/* The argument of SVMVCPU_MESSAGE for @msg; false if it cannot send @msg */
bool apic_message_encode(const struct apic_message *msg, struct svmvcpu_message *out);

#endif /* CHIPS_APIC_MESSAGE_H */
