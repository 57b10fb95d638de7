// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC: registers as drivers probe them, edge and level interrupts, and the
 * effects of masking and EOI
 */
#include <string.h>

#include "ioapic.h"
#include "tap.h"

static struct apic_message last;
static unsigned int nr_sent;

static void send(void *arg, const struct apic_message *msg)
{
	(void)arg;
	last = *msg;
	nr_sent++;
}

static struct ioapic fresh(void)
{
	struct ioapic a = { .send = send };

	ioapic_reset(&a);
	nr_sent = 0;
	memset(&last, 0, sizeof(last));
	return a;
}

static __u32 get(struct ioapic *a, __u32 reg)
{
	ioapic_write(a, 0x00, 4, reg);
	return ioapic_read(a, 0x10, 4);
}

static void put(struct ioapic *a, __u32 reg, __u32 value)
{
	ioapic_write(a, 0x00, 4, reg);
	ioapic_write(a, 0x10, 4, value);
}

/* high half first, as drivers do: writing the low half unmasks the entry */
static void route(struct ioapic *a, unsigned int pin, __u64 entry)
{
	put(a, 0x11 + 2 * pin, entry >> 32);
	put(a, 0x10 + 2 * pin, entry);
}

static void test_registers(void)
{
	struct ioapic a = fresh();
	unsigned int pin, masked = 0;

	OK(get(&a, 1) == 0x00170011, "version 0x11, 24 entries");
	OK(ioapic_read(&a, 0, 4) == 1, "the index reads back");
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		masked += get(&a, 0x10 + 2 * pin) == 0x10000 && !get(&a, 0x11 + 2 * pin);
	OK(masked == IOAPIC_PINS, "all entries start masked");
	put(&a, 0, 0xffffffff);
	OK(get(&a, 0) == 0x0f000000 && get(&a, 2) == 0x0f000000, "the ID has four bits");
	put(&a, 1, 0);
	OK(get(&a, 1) == 0x00170011, "the version is read-only");
	put(&a, 0x12, 0xffffffff);
	put(&a, 0x13, 0xffffffff);
	OK(get(&a, 0x12) == 0x1afff && get(&a, 0x13) == 0xff000000,
	   "status and reserved bits of an entry are not written");
	put(&a, 0x40, 0xffffffff);
	put(&a, 0xff, 0xffffffff);
	OK(!get(&a, 0x40) && !get(&a, 0xff) && !get(&a, 0x03), "no registers behind the table");
}

static void test_accesses(void)
{
	struct ioapic a = fresh();

	ioapic_write(&a, 0, 4, 0x101);
	OK(ioapic_read(&a, 0, 4) == 1, "the index has eight bits");
	ioapic_write(&a, 0, 1, 0x10);
	ioapic_write(&a, 0, 8, 0x10);
	OK(ioapic_read(&a, 0, 4) == 1, "other widths write nothing");
	OK(!ioapic_read(&a, 0x10, 1) && !ioapic_read(&a, 0x10, 8) && !ioapic_read(&a, 0x10, 2),
	   "and read 0");
	ioapic_write(&a, 0x40, 4, 0x55);
	ioapic_write(&a, 0x12, 4, 0x55);
	OK(!ioapic_read(&a, 0x40, 4) && !ioapic_read(&a, 0x12, 4) && !ioapic_read(&a, 0xffc, 4),
	   "nor is there anything elsewhere in the page");
}

static void test_edge(void)
{
	struct ioapic a = fresh();

	ioapic_set(&a, 4, true);
	OK(!nr_sent, "masked");
	route(&a, 4, 0x0300000000000931ULL);
	OK(!nr_sent, "an edge while masked is lost");
	ioapic_set(&a, 4, true);
	OK(!nr_sent, "no edge, no message");
	ioapic_set(&a, 4, false);
	OK(!nr_sent, "nor when it falls");
	ioapic_set(&a, 4, true);
	OK(nr_sent == 1 && last.vector == 0x31 && last.dest == 3 && last.logical &&
	   last.mode == APIC_LOWEST && !last.level, "an edge sends what the entry says");
	OK(!(get(&a, 0x18) & 0x5000), "and leaves no status behind");
	ioapic_eoi(&a, 0x31);
	OK(nr_sent == 1, "EOI has no effect");
	route(&a, 4, 0x31);
	OK(nr_sent == 1, "nor does writing the entry");
	ioapic_set(&a, 4, false);
	ioapic_set(&a, 4, true);
	OK(nr_sent == 2 && !last.dest && !last.logical && last.mode == APIC_FIXED, "the next edge");
}

static void test_level(void)
{
	struct ioapic a = fresh();

	ioapic_set(&a, 9, true);
	route(&a, 9, 0xff00000000008041ULL);
	OK(nr_sent == 1 && last.vector == 0x41 && last.level && last.dest == 0xff,
	   "a level is seen when the pin is opened");
	OK(get(&a, 0x22) == 0xc041, "remote IRR shows");
	ioapic_set(&a, 9, true);
	route(&a, 9, 0xff00000000008041ULL);
	OK(nr_sent == 1, "once until the EOI");
	ioapic_eoi(&a, 0x42);
	OK(nr_sent == 1, "the EOI of another vector has no effect");
	ioapic_eoi(&a, 0x41);
	OK(nr_sent == 2 && get(&a, 0x22) == 0xc041, "still asserted: again");
	ioapic_set(&a, 9, false);
	ioapic_eoi(&a, 0x41);
	OK(nr_sent == 2 && get(&a, 0x22) == 0x8041, "released: no more");
	ioapic_eoi(&a, 0x41);
	OK(nr_sent == 2, "an EOI too many");
}

static void test_level_masked(void)
{
	struct ioapic a = fresh();

	route(&a, 23, 0x8050);
	ioapic_set(&a, 23, true);
	route(&a, 23, 0x18050);
	ioapic_eoi(&a, 0x50);
	OK(nr_sent == 1, "masked between message and EOI: no message");
	route(&a, 23, 0x8050);
	OK(nr_sent == 2, "open again: asserted still");
	route(&a, 23, 0x10050);
	OK(get(&a, 0x3e) == 0x10050, "edge for a moment clears remote IRR");
	route(&a, 23, 0x8050);
	OK(nr_sent == 3, "so that the level can interrupt");
}

static void test_shared_vector(void)
{
	struct ioapic a = fresh();

	route(&a, 10, 0x8060);
	route(&a, 11, 0x8060);
	ioapic_set(&a, 10, true);
	ioapic_set(&a, 11, true);
	OK(nr_sent == 2, "two pins with one vector");
	ioapic_set(&a, 10, false);
	ioapic_eoi(&a, 0x60);
	OK(nr_sent == 3 && !(get(&a, 0x24) & 0x4000) && (get(&a, 0x26) & 0x4000),
	   "the EOI ends both, the asserted one goes on");
}

static void test_modes(void)
{
	struct ioapic a = fresh();
	unsigned int mode;

	route(&a, 0, 0x8402);
	ioapic_set(&a, 0, true);
	OK(nr_sent == 1 && last.mode == APIC_NMI && !last.level, "an NMI is an edge");
	OK(!(get(&a, 0x10) & 0x4000), "without remote IRR");
	nr_sent = 0;
	for (mode = 2; mode < 8; mode++) {
		if (mode == APIC_NMI)
			continue;
		route(&a, 1, 0x8070 | mode << 8);
		ioapic_set(&a, 1, false);
		ioapic_set(&a, 1, true);
	}
	OK(!nr_sent && !(get(&a, 0x12) & 0x4000), "SMI, INIT, ExtINT and reserved go nowhere");
}

int main(void)
{
	test_registers();
	test_accesses();
	test_edge();
	test_level();
	test_level_masked();
	test_shared_vector();
	test_modes();
	return tap_done();
}
