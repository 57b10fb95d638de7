// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes of GSIs. A GSI has at most one entry for each controller, or one MSI.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routing.h"

#define PIC_CHIP_PINS	8

/* An MSI: APM volume 2, 16.11, Intel SDM volume 3, 10.11 */
#define MSI_DEST(low)		((low) >> 12 & 0xff)
#define MSI_DEST_HIGH		0xffffff00U
#define MSI_REDIRECTION_HINT	(1U << 3)
#define MSI_LOGICAL		(1U << 2)
#define MSI_MODE(data)		((data) >> 8 & 7)
#define MSI_LEVEL		(1U << 15)

/* A redirection hint asks for the destination with the lowest priority. */
bool msi_decode(const struct kvm_irq_routing_msi *msi, bool x2apic,
		struct apic_message *msg)
{
	*msg = (struct apic_message){
		.dest = MSI_DEST(msi->address_lo) | (x2apic ? msi->address_hi & MSI_DEST_HIGH : 0),
		.vector = msi->data,
		.mode = MSI_MODE(msi->data),
		.logical = msi->address_lo & MSI_LOGICAL,
		.level = msi->data & MSI_LEVEL,
	};
	if (msg->mode == APIC_FIXED && (msi->address_lo & MSI_REDIRECTION_HINT))
		msg->mode = APIC_LOWEST;
	return !x2apic || !(msi->address_hi & ~MSI_DEST_HIGH);
}

static bool is_pin(const struct kvm_irq_routing_irqchip *chip)
{
	switch (chip->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return chip->pin < PIC_CHIP_PINS;
	case KVM_IRQCHIP_IOAPIC:
		return chip->pin < KVM_IOAPIC_NUM_PINS;
	}
	return false;
}

static bool is_valid(const struct kvm_irq_routing_entry *e, unsigned int use)
{
	struct apic_message msg;

	if (e->gsi >= ROUTING_GSIS)
		return false;
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return (use & ROUTING_PINS) && !e->flags && is_pin(&e->u.irqchip);
	case KVM_IRQ_ROUTING_MSI:
		return !(e->flags & ~KVM_MSI_VALID_DEVID) &&
		       msi_decode(&e->u.msi, use & ROUTING_X2APIC, &msg);
	}
	return false;
}

/* Whether two entries of a GSI exclude each other */
static bool conflict(const struct kvm_irq_routing_entry *a, const struct kvm_irq_routing_entry *b)
{
	return a->type != KVM_IRQ_ROUTING_IRQCHIP || b->type != KVM_IRQ_ROUTING_IRQCHIP ||
	       a->u.irqchip.irqchip == b->u.irqchip.irqchip;
}

/* Sorts into an empty table with a counting sort, which keeps the order of equal GSIs. */
static void sort(struct routing *r, const struct kvm_irq_routing_entry *entries, unsigned int nr)
{
	__u16 next[ROUTING_GSIS];
	unsigned int i;

	for (i = 0; i < nr; i++)
		r->first[entries[i].gsi + 1]++;
	for (i = 0; i < ROUTING_GSIS; i++)
		r->first[i + 1] += r->first[i];
	memcpy(next, r->first, sizeof(next));
	for (i = 0; i < nr; i++)
		r->entries[next[entries[i].gsi]++] = entries[i];
}

static void map_pins(struct routing *r, const struct kvm_irq_routing_entry *entries,
		     unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct kvm_irq_routing_irqchip *chip = &entries[i].u.irqchip;

		if (entries[i].type == KVM_IRQ_ROUTING_IRQCHIP)
			r->pins[chip->irqchip][chip->pin] = entries[i].gsi + 1;
	}
}

/* A GSI without conflicts has at most KVM_NR_IRQCHIPS entries. */
static bool has_conflict(const struct routing *r)
{
	unsigned int gsi, i, j;

	for (gsi = 0; gsi < ROUTING_GSIS; gsi++) {
		for (i = r->first[gsi]; i < r->first[gsi + 1]; i++) {
			for (j = r->first[gsi]; j < i; j++) {
				if (conflict(&r->entries[i], &r->entries[j]))
					return true;
			}
		}
	}
	return false;
}

int routing_set(struct routing *r, const struct kvm_irq_routing_entry *entries,
		unsigned int nr, unsigned int use)
{
	struct routing new = { 0 };
	unsigned int i;

	if (nr > ROUTING_GSIS)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		if (!is_valid(&entries[i], use))
			return -EINVAL;
	}
	if (nr) {
		new.entries = malloc(nr * sizeof(*entries));
		if (!new.entries)
			return -ENOMEM;
		sort(&new, entries, nr);
		map_pins(&new, entries, nr);
	}
	if (has_conflict(&new)) {
		free(new.entries);
		return -EINVAL;
	}
	free(r->entries);
	*r = new;
	return 0;
}

int routing_set_default(struct routing *r)
{
	struct kvm_irq_routing_entry entries[40] = { 0 };
	unsigned int gsi, nr = 0;

	for (gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
		entries[nr].gsi = gsi;
		entries[nr].type = KVM_IRQ_ROUTING_IRQCHIP;
		entries[nr].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		entries[nr++].u.irqchip.pin = gsi;
		if (gsi >= 2 * PIC_CHIP_PINS)
			continue;
		entries[nr].gsi = gsi;
		entries[nr].type = KVM_IRQ_ROUTING_IRQCHIP;
		entries[nr].u.irqchip.irqchip = gsi < PIC_CHIP_PINS ? KVM_IRQCHIP_PIC_MASTER :
								      KVM_IRQCHIP_PIC_SLAVE;
		entries[nr++].u.irqchip.pin = gsi % PIC_CHIP_PINS;
	}
	return routing_set(r, entries, nr, ROUTING_PINS);
}

void routing_free(struct routing *r)
{
	free(r->entries);
	*r = (struct routing){ 0 };
}

const struct kvm_irq_routing_entry *routing_find(const struct routing *r, __u32 gsi,
						 unsigned int *nr)
{
	*nr = gsi < ROUTING_GSIS ? r->first[gsi + 1] - r->first[gsi] : 0;
	return *nr ? &r->entries[r->first[gsi]] : NULL;
}

int routing_gsi_of(const struct routing *r, __u32 irqchip, __u32 pin)
{
	return r->pins[irqchip][pin] - 1;
}
