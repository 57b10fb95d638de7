// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: tables that KVM accepts and refuses, what a GSI leads to, the default
 * routes, and the fields of an MSI
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "routing.h"
#include "tap.h"

static struct kvm_irq_routing_entry pin(__u32 gsi, __u32 chip, __u32 nr)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = nr },
	};
}

static struct kvm_irq_routing_entry msi(__u32 gsi, __u32 high, __u32 low, __u32 data)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_hi = high, .address_lo = low, .data = data },
	};
}

static struct kvm_irq_routing_entry with(struct kvm_irq_routing_entry e, __u32 type, __u32 flags)
{
	e.type = type;
	e.flags = flags;
	return e;
}

#define MASTER	KVM_IRQCHIP_PIC_MASTER
#define SLAVE	KVM_IRQCHIP_PIC_SLAVE
#define IOAPIC	KVM_IRQCHIP_IOAPIC
#define PINS	ROUTING_PINS
#define X2APIC	ROUTING_X2APIC

static void test_entries(void)
{
	const struct {
		const char *name;
		unsigned int use;
		int result;
		struct kvm_irq_routing_entry entries[2];
		unsigned int nr;
	} rows[] = {
		{ "empty", 0, 0, { }, 0 },
		{ "a pin", PINS, 0, { pin(0, MASTER, 7) }, 1 },
		{ "pin 8 of the master", PINS, -EINVAL, { pin(0, MASTER, 8) }, 1 },
		{ "pin 8 of the slave", PINS, -EINVAL, { pin(0, SLAVE, 8) }, 1 },
		{ "pin 7 of the slave", PINS, 0, { pin(0, SLAVE, 7) }, 1 },
		{ "pin 23", PINS, 0, { pin(0, IOAPIC, 23) }, 1 },
		{ "pin 24", PINS, -EINVAL, { pin(0, IOAPIC, 24) }, 1 },
		{ "a fourth controller", PINS, -EINVAL, { pin(0, 3, 0) }, 1 },
		{ "a pin with flags", PINS, -EINVAL, { with(pin(0, MASTER, 0), 1, 1) }, 1 },
		{ "a pin without controllers", X2APIC, -EINVAL, { pin(0, IOAPIC, 0) }, 1 },
		{ "the last GSI", 0, 0, { msi(4095, 0, 0, 0) }, 1 },
		{ "behind the last GSI", 0, -EINVAL, { msi(4096, 0, 0, 0) }, 1 },
		{ "the largest GSI", 0, -EINVAL, { msi(~0U, 0, 0, 0) }, 1 },
		{ "an MSI with a device", 0, 0, { with(msi(0, 0, 0, 0), 2, 1) }, 1 },
		{ "an MSI with other flags", 0, -EINVAL, { with(msi(0, 0, 0, 0), 2, 2) }, 1 },
		{ "long IDs", PINS | X2APIC, 0, { msi(0, 0xffffff00, 0, 0) }, 1 },
		{ "long IDs, reserved bits", X2APIC, -EINVAL, { msi(0, 1, 0, 0) }, 1 },
		{ "short IDs, any bits", 0, 0, { msi(0, ~0U, 0, 0) }, 1 },
		{ "type 0", PINS, -EINVAL, { with(msi(0, 0, 0, 0), 0, 0) }, 1 },
		{ "an adapter of s390", PINS, -EINVAL, { with(msi(0, 0, 0, 0), 3, 0) }, 1 },
		{ "Hyper-V", PINS, -EINVAL, { with(msi(0, 0, 0, 0), 4, 0) }, 1 },
		{ "Xen", PINS, -EINVAL, { with(msi(0, 0, 0, 0), 5, 0) }, 1 },
		{ "two controllers", PINS, 0, { pin(5, IOAPIC, 1), pin(5, MASTER, 1) }, 2 },
		{ "two pins of one", PINS, -EINVAL, { pin(5, IOAPIC, 1), pin(5, IOAPIC, 2) }, 2 },
		{ "one pin for two GSIs", PINS, 0, { pin(5, IOAPIC, 1), pin(6, IOAPIC, 1) }, 2 },
		{ "MSI and pin", PINS, -EINVAL, { msi(5, 0, 0, 0), pin(5, IOAPIC, 2) }, 2 },
		{ "pin and MSI", PINS, -EINVAL, { pin(5, IOAPIC, 2), msi(5, 0, 0, 0) }, 2 },
		{ "two MSIs", 0, -EINVAL, { msi(5, 0, 0, 0), msi(5, 0, 0, 0) }, 2 },
		{ "the second is wrong", PINS, -EINVAL, { pin(5, IOAPIC, 2), pin(6, 9, 2) }, 2 },
	};
	struct routing r = { 0 };
	unsigned int i, nr, ok;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int ret;

		routing_set_default(&r);
		ret = routing_set(&r, rows[i].entries, rows[i].nr, rows[i].use);
		routing_find(&r, 15, &nr);
		ok = ret ? 2 : 0;
		OK(ret == rows[i].result && nr == ok, "%s%s", rows[i].name,
		   ret ? ": refused, nothing changes" : "");
	}
	routing_free(&r);
}

static void test_find(void)
{
	struct routing r = { 0 };
	const struct kvm_irq_routing_entry *e;
	const struct kvm_irq_routing_entry entries[] = {
		msi(100, 0, 0xfee00000, 0x55), pin(9, SLAVE, 1), pin(2, IOAPIC, 0),
		pin(9, IOAPIC, 4), pin(9, MASTER, 3), pin(1, IOAPIC, 0),
	};
	unsigned int nr;

	OK(!routing_find(&r, 0, &nr) && !nr && routing_gsi_of(&r, MASTER, 0) == ROUTING_NO_GSI,
	   "an empty table");
	OK(routing_set(&r, entries, 6, PINS) == 0, "set");
	e = routing_find(&r, 9, &nr);
	OK(nr == 3 && e[0].u.irqchip.irqchip == SLAVE && e[1].u.irqchip.irqchip == IOAPIC &&
	   e[2].u.irqchip.irqchip == MASTER, "several entries keep their order");
	e = routing_find(&r, 100, &nr);
	OK(nr == 1 && e->u.msi.data == 0x55, "an MSI");
	OK(!routing_find(&r, 101, &nr) && !routing_find(&r, 0, &nr) &&
	   !routing_find(&r, 4096, &nr) && !routing_find(&r, ~0U, &nr) && !nr,
	   "others lead nowhere");
	OK(routing_gsi_of(&r, IOAPIC, 0) == 1, "of two GSIs of a pin, the last that was set");
	OK(routing_gsi_of(&r, SLAVE, 1) == 9 && routing_gsi_of(&r, MASTER, 3) == 9 &&
	   routing_gsi_of(&r, MASTER, 1) == ROUTING_NO_GSI, "GSIs of other pins");
	routing_free(&r);
	OK(!routing_find(&r, 9, &nr), "empty again");
}

static void test_full(void)
{
	struct kvm_irq_routing_entry *entries = calloc(ROUTING_GSIS + 1, sizeof(*entries));
	struct routing r = { 0 };
	unsigned int i, nr, wrong = 0;

	for (i = 0; i <= ROUTING_GSIS; i++)
		entries[i] = msi(ROUTING_GSIS - 1 - i, 0, 0, i);
	OK(routing_set(&r, entries, ROUTING_GSIS + 1, 0) == -EINVAL, "too many entries");
	OK(routing_set(&r, entries, ROUTING_GSIS, 0) == 0, "as many as there may be");
	for (i = 0; i < ROUTING_GSIS; i++)
		wrong += routing_find(&r, i, &nr)->u.msi.data != ROUTING_GSIS - 1 - i || nr != 1;
	OK(!wrong, "each in its place");
	routing_free(&r);
	free(entries);
}

static void test_default(void)
{
	struct routing r = { 0 };
	const struct kvm_irq_routing_entry *e;
	unsigned int gsi, nr, wrong = 0;

	OK(routing_set_default(&r) == 0, "the default");
	for (gsi = 0; gsi < 24; gsi++) {
		e = routing_find(&r, gsi, &nr);
		wrong += nr != (gsi < 16 ? 2 : 1) || e[0].u.irqchip.irqchip != IOAPIC ||
			 e[0].u.irqchip.pin != gsi;
		wrong += gsi < 16 && (e[1].u.irqchip.irqchip != gsi / 8 ||
				      e[1].u.irqchip.pin != gsi % 8);
	}
	OK(!wrong && !routing_find(&r, 24, &nr), "pins of both controllers");
	routing_free(&r);
}

static void test_msi(void)
{
	struct kvm_irq_routing_msi m = { .address_lo = 0xfee12000, .data = 0x31,
					 .address_hi = 0xabcdef00 };
	struct apic_message msg;

	OK(msi_decode(&m, false, &msg) && msg.dest == 0x12 && msg.vector == 0x31 &&
	   msg.mode == APIC_FIXED && !msg.logical && !msg.level, "a fixed MSI");
	OK(msi_decode(&m, true, &msg) && msg.dest == 0xabcdef12, "with a long ID");
	m.address_lo |= 1 << 2;
	m.data |= 1 << 15 | 4 << 8;
	OK(msi_decode(&m, false, &msg) && msg.logical && msg.level && msg.mode == APIC_NMI,
	   "logical, level, NMI");
	m.address_lo |= 1 << 3;
	msi_decode(&m, false, &msg);
	OK(msg.mode == APIC_NMI, "the hint of an NMI has no effect");
	m.data = 0x31;
	msi_decode(&m, false, &msg);
	OK(msg.mode == APIC_LOWEST, "that of a fixed MSI asks for the lowest priority");
	m.address_hi |= 0x80;
	OK(msi_decode(&m, false, &msg) && !msi_decode(&m, true, &msg), "reserved bits of long IDs");
}

int main(void)
{
	test_entries();
	test_find();
	test_full();
	test_default();
	test_msi();
	return tap_done();
}
