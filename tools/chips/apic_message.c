// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt messages in the form of SVMVCPU_MESSAGE. A vCPU has no SMM, and an ExtINT
 * message would ask for an interrupt acknowledge cycle, which only LINT0 has.
 */
#include "apic_message.h"

#define FIRST_VECTOR	16

static bool can_send(const struct apic_message *msg)
{
	switch (msg->mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		return msg->vector >= FIRST_VECTOR;
	case APIC_NMI:
	case APIC_INIT:
	case APIC_STARTUP:
		return true;
	}
	return false;
}

bool apic_message_encode(const struct apic_message *msg, struct svmvcpu_message *out)
{
	bool fixed = msg->mode == APIC_FIXED || msg->mode == APIC_LOWEST;

	if (!can_send(msg))
		return false;
	*out = (struct svmvcpu_message){
		.size = sizeof(*out),
		.flags = (msg->logical ? SVMVCPU_MSG_LOGICAL : 0) |
			 (msg->level && fixed ? SVMVCPU_MSG_LEVEL : 0),
		.dest = msg->dest,
		.vector = fixed || msg->mode == APIC_STARTUP ? msg->vector : 0,
		.mode = msg->mode,
	};
	return true;
}
