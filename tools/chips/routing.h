/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes of GSIs as KVM_SET_GSI_ROUTING sets them: to pins of the interrupt controllers,
 * or to MSIs. The caller serializes all calls for a table.
 */
#ifndef CHIPS_ROUTING_H
#define CHIPS_ROUTING_H

#include <stdbool.h>

#include <linux/kvm.h>
#include <linux/types.h>

#include "apic_message.h"

#define ROUTING_GSIS	4096	/* KVM_MAX_IRQ_ROUTES: GSIs, and entries of a table */
#define ROUTING_NO_GSI	(-1)

/* How a table may be used */
#define ROUTING_PINS	(1U << 0)	/* the controllers are there: not a split irqchip */
#define ROUTING_X2APIC	(1U << 1)	/* KVM_X2APIC_API_USE_32BIT_IDS */

/**
 * struct routing - a table; all zeros is an empty one
 * @entries: sorted by GSI; those of a GSI in the order in which they were set
 * @first: index of the first entry of each GSI, and the number of entries
 * @pins: 1 + GSI of each pin of KVM_IRQCHIP_*, or 0
 */
struct routing {
	struct kvm_irq_routing_entry *entries;
	__u16 first[ROUTING_GSIS + 1];
	__u16 pins[KVM_NR_IRQCHIPS][KVM_IOAPIC_NUM_PINS];
};

/*
 * Replaces the table. Returns 0, -EINVAL for a table that KVM would not accept, or -ENOMEM;
 * the table is unchanged then. @use is a mask of ROUTING_*.
 */
int routing_set(struct routing *r, const struct kvm_irq_routing_entry *entries,
		unsigned int nr, unsigned int use);
/* The routes of KVM_CREATE_IRQCHIP: GSIs 0 to 15 to both controllers, 16 to 23 to one */
int routing_set_default(struct routing *r);
void routing_free(struct routing *r);

/* The entries of @gsi, which are as many as *@nr says */
const struct kvm_irq_routing_entry *routing_find(const struct routing *r, __u32 gsi,
						 unsigned int *nr);
/* The GSI of a pin of KVM_IRQCHIP_*, of several the last that was set, or ROUTING_NO_GSI */
int routing_gsi_of(const struct routing *r, __u32 irqchip, __u32 pin);

/*
 * The message of an MSI. With @x2apic, the upper half of the address has the upper bits of
 * the destination; false if its lowest byte is not 0 then.
 */
bool msi_decode(const struct kvm_irq_routing_msi *msi, bool x2apic,
		struct apic_message *msg);

#endif /* CHIPS_ROUTING_H */
