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
static int accepted;

static int send(void *arg, const struct apic_message *msg)
{
	(void)arg;
	last = *msg;
	nr_sent++;
	return accepted;
}

static struct ioapic fresh(void)
{
	struct ioapic a = { .send = send };

	ioapic_reset(&a);
	nr_sent = 0;
	accepted = 1;
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
	OK(get(&a, 0x12) == 0xffffafff && get(&a, 0x13) == 0xffffffff,
	   "status bits of an entry are not written");
	put(&a, 0x40, 0);
	put(&a, 0xff, 0);
	put(&a, 0x0f, 0);
	OK(get(&a, 0x40) == ~0U && get(&a, 0xff) == ~0U && get(&a, 0x03) == ~0U,
	   "no registers before and behind the table");
}

static void test_accesses(void)
{
	struct ioapic a = fresh();

	ioapic_write(&a, 0, 4, 0x101);
	OK(ioapic_read(&a, 0, 4) == 1, "the index has eight bits");
	ioapic_write(&a, 0, 4, 0x12);
	ioapic_write(&a, 0x10, 1, 0x12345678);
	OK(ioapic_read(&a, 0x10, 4) == 0x78, "a byte is extended with zeros");
	ioapic_write(&a, 0x10, 2, 0x12345678);
	OK(ioapic_read(&a, 0x10, 8) == 0x678 && ioapic_read(&a, 0x10, 1) == 0x78 &&
	   ioapic_read(&a, 0x10, 2) == 0x678, "so are two; reads return the low bytes");
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
	unsigned int mode, sent = 0;

	route(&a, 0, 0x8402);
	ioapic_set(&a, 0, true);
	OK(nr_sent == 1 && last.mode == APIC_NMI && !last.level, "an NMI is an edge");
	OK(!(get(&a, 0x10) & 0x4000), "without remote IRR");
	nr_sent = 0;
	for (mode = 0; mode < 8; mode++) {
		route(&a, 1, 0x70 | mode << 8);
		ioapic_set(&a, 1, false);
		ioapic_set(&a, 1, true);
		sent += nr_sent == mode + 1 && last.mode == mode;
	}
	OK(sent == 8, "the owner gets every delivery mode");
}

static void test_results(void)
{
	struct ioapic a = fresh();

	OK(ioapic_set(&a, 3, true) < 0, "masked edge: not delivered");
	OK(ioapic_set(&a, 3, true) == 0, "no edge: merged with the one before");
	OK(ioapic_set(&a, 3, false) == 1, "deasserted");
	route(&a, 3, 0x33);
	accepted = 2;
	OK(ioapic_set(&a, 3, true) == 2, "as many as accepted it");
	route(&a, 5, 0x8035);
	accepted = 0;
	OK(ioapic_set(&a, 5, true) == 0 && get(&a, 0x1a) == 0x8035,
	   "a level that nobody accepts sets no remote IRR");
	accepted = 1;
	OK(ioapic_set(&a, 5, true) == 1 && get(&a, 0x1a) == 0xc035, "it is sent again");
	OK(ioapic_set(&a, 5, true) < 0, "a level before its EOI: not delivered");
}

static void test_marks(void)
{
	struct ioapic a = fresh();

	put(&a, 0x1d, 0x01000000);
	OK(!a.unmasked, "a masked entry that stays masked");
	route(&a, 6, 0x8040);
	route(&a, 7, 0x40);
	OK(a.unmasked == 0xc0, "unmasked pins");
	a.unmasked = 0;
	route(&a, 6, 0x8041);
	route(&a, 6, 0x18041);
	OK(!a.unmasked, "neither writing nor masking is unmasking");
	ioapic_eoi(&a, 0x40);
	OK(a.acked == 0x80, "pins with the vector of the EOI");
	ioapic_eoi(&a, 0x41);
	OK(a.acked == 0xc0, "masked ones, too");
	a.report = 0x80;
	ioapic_set(&a, 7, true);
	OK(last.vector == 0x40 && last.level && get(&a, 0x1e) == 0x40 && a.delivered == 0x80,
	   "an edge whose EOI the owner wants is still an edge");
	ioapic_set(&a, 7, false);
	a.acked = 0;
	ioapic_eoi(&a, 0x40);
	OK(a.acked == 0x80 && nr_sent == 1, "nothing but a mark at its EOI");
}

static void test_storm(void)
{
	struct ioapic a = fresh();
	unsigned int i;

	route(&a, 9, 0x8041);
	route(&a, 10, 0x8042);
	ioapic_set(&a, 9, true);
	ioapic_set(&a, 10, true);
	for (i = 0; i < 20; i++)
		ioapic_eoi(&a, 0x41);
	OK(nr_sent == 22 && !a.held, "no limit");
	a.patience = 3;
	ioapic_eoi(&a, 0x41);
	ioapic_eoi(&a, 0x41);
	ioapic_eoi(&a, 0x42);
	OK(nr_sent == 25 && !a.held, "two EOIs");
	ioapic_eoi(&a, 0x41);
	OK(nr_sent == 25 && a.held == 0x200, "the third one holds the pin back");
	ioapic_resume(&a);
	OK(nr_sent == 26 && last.vector == 0x41 && !a.held, "for a while");
	ioapic_eoi(&a, 0x41);
	ioapic_eoi(&a, 0x41);
	ioapic_set(&a, 9, false);
	ioapic_eoi(&a, 0x41);
	ioapic_set(&a, 9, true);
	ioapic_eoi(&a, 0x41);
	ioapic_eoi(&a, 0x41);
	OK(!a.held, "an EOI after a deassertion starts again");
	ioapic_eoi(&a, 0x41);
	OK(a.held == 0x200, "three more");
	nr_sent = 0;
	ioapic_set(&a, 9, false);
	ioapic_resume(&a);
	OK(!nr_sent && !a.held, "deasserted meanwhile");
}

static void test_save(void)
{
	struct kvm_ioapic_state state, again;
	struct ioapic a = fresh(), b = fresh();

	route(&a, 1, 0x31);
	route(&a, 2, 0x8032);
	route(&a, 3, 0x8033);
	route(&a, 4, 0x34);
	put(&a, 0, 0x05000000);
	ioapic_set(&a, 0, true);
	ioapic_set(&a, 1, true);
	ioapic_set(&a, 2, true);
	ioapic_set(&a, 4, true);
	ioapic_save(&a, &state);
	OK(state.base_address == IOAPIC_GPA && state.id == 5 && state.ioregsel == 0 && !state.pad,
	   "registers");
	OK(state.irr == 5, "an edge that was sent is not in the IRR");
	OK(state.redirtbl[2].bits == 0xc032 && state.redirtbl[0].fields.mask, "the table");
	ioapic_set(&a, 1, true);
	ioapic_save(&a, &again);
	OK(again.irr == 7, "one that is repeated without an edge is, as in KVM");
	nr_sent = 0;
	state.base_address = 0xfec01000;
	state.ioregsel = 0x11;
	state.redirtbl[3].bits = 0x8033;
	state.irr |= 0xff000008;
	ioapic_set(&b, 0, true);
	ioapic_set(&b, 9, true);
	b.delivered = 2;
	ioapic_restore(&b, &state);
	OK(nr_sent == 1 && last.vector == 0x33 && !b.delivered,
	   "only what waits is sent after restoring");
	ioapic_eoi(&b, 0x32);
	OK(nr_sent == 2 && last.vector == 0x32, "the line is still asserted");
	ioapic_save(&b, &again);
	state.redirtbl[3].bits |= 0x4000;
	state.irr &= 0xffffff;
	OK(!memcmp(&state, &again, sizeof(state)), "nothing is lost on the way");
	b.delivered = 1;
	b.report = 1;
	b.patience = 1;
	b.held = 1;
	b.eois[3] = 1;
	b.acked = 1;
	b.unmasked = 1;
	ioapic_reset(&b);
	a = (struct ioapic){ .send = send, .gpa = IOAPIC_GPA };
	memcpy(a.entries, fresh().entries, sizeof(a.entries));
	OK(!memcmp(&a, &b, sizeof(a)), "reset forgets all");
}

static __u32 rng(void)
{
	static __u32 x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

/* Remote IRR is for levels, and a level that can be sent has been sent. */
static bool sane(const struct ioapic *a)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		__u64 entry = a->entries[pin];
		bool waits = a->levels & (1U << pin) && (entry & 0x8700) == 0x8000;

		if (!(entry & 0x8000) && (entry & 0x4000))
			return false;
		if (waits && !(entry & 0x14000))
			return false;
	}
	return !(a->levels >> IOAPIC_PINS) && a->id < 16;
}

static void test_random(void)
{
	struct ioapic a = fresh();
	unsigned int i, bad = 0;

	for (i = 0; i < 300000; i++) {
		__u32 r = rng();

		switch (r & 7) {
		case 0:
			ioapic_write(&a, 0, 1U << (r >> 8 & 3), rng());
			break;
		case 1:
			ioapic_write(&a, r >> 8 & 0x1f, 1U << (r >> 16 & 3), rng());
			break;
		case 2:
		case 3:
			put(&a, 0x10 + (r >> 8) % 48, rng() & ~(r >> 4 & 0x10000));
			break;
		case 4:
			ioapic_eoi(&a, r >> 8);
			break;
		case 5:
			ioapic_read(&a, r >> 8 & 0x1f, 1U << (r >> 16 & 3));
			break;
		default:
			ioapic_set(&a, (r >> 8) % IOAPIC_PINS, r & 0x10000);
		}
		bad += !sane(&a);
	}
	OK(!bad, "random accesses keep the table consistent");
	OK(nr_sent > 1000, "and send messages");
}

static bool encodes(__u8 mode, __u8 vector, bool level, struct svmvcpu_message *out)
{
	const struct apic_message msg = { .dest = 3, .mode = mode, .vector = vector,
					  .logical = true, .level = level };

	return apic_message_encode(&msg, out);
}

static void test_encode(void)
{
	struct svmvcpu_message out;

	OK(encodes(APIC_LOWEST, 16, true, &out) && out.size == sizeof(out) && out.dest == 3 &&
	   out.vector == 16 && out.mode == SVMVCPU_MSG_LOWEST &&
	   out.flags == (SVMVCPU_MSG_LOGICAL | SVMVCPU_MSG_LEVEL), "a message for SVMVCPU_MESSAGE");
	OK(!encodes(APIC_FIXED, 15, false, &out), "vectors below 16 cannot be sent");
	OK(encodes(APIC_NMI, 0x55, true, &out) && !out.vector && out.flags == SVMVCPU_MSG_LOGICAL,
	   "an NMI has no vector and no level");
	OK(encodes(APIC_INIT, 1, false, &out) && !out.vector, "neither has INIT");
	OK(encodes(APIC_STARTUP, 9, false, &out) && out.vector == 9, "STARTUP has a page");
	OK(!encodes(APIC_SMI, 32, false, &out) && !encodes(APIC_EXTINT, 32, false, &out) &&
	   !encodes(3, 32, false, &out), "SMI, ExtINT and reserved modes cannot be sent");
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
	test_results();
	test_marks();
	test_storm();
	test_save();
	test_random();
	test_encode();
	return tap_done();
}
