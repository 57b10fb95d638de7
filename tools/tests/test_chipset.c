// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices of the full irqchip, connected: lines with several sources, status of
 * KVM_IRQ_LINE, addresses, the timer's interrupts on both ways, and KVM's ioctls
 */
#include <errno.h>
#include <string.h>

#include "chipset.h"
#include "tap.h"

static struct apic_message last;
static unsigned int nr_sent, nr_extint;
static int accepted;
static bool extint;
static __u64 clock_ns, deadline;
static unsigned int wrong_args;

static __u64 test_now(void *arg)
{
	wrong_args += arg != &clock_ns;
	return clock_ns;
}

static int test_send(void *arg, const struct apic_message *msg)
{
	wrong_args += arg != &clock_ns;
	last = *msg;
	nr_sent++;
	return accepted;
}

static void test_extint(void *arg, bool level)
{
	wrong_args += arg != &clock_ns;
	extint = level;
	nr_extint++;
}

static void test_deadline(void *arg, __u64 at)
{
	wrong_args += arg != &clock_ns;
	deadline = at;
}

static const struct chipset_ops ops = {
	.now = test_now, .send = test_send, .extint = test_extint, .deadline = test_deadline,
};

static struct chipset c;

static void out(__u16 port, __u8 value)
{
	__u32 data = value;

	chipset_pio(&c, true, port, 1, &data);
}

static __u8 in(__u16 port)
{
	__u32 data = 0;

	chipset_pio(&c, false, port, 1, &data);
	return data;
}

static void entry(unsigned int pin, __u64 value)
{
	__u64 index = 0x11 + 2 * pin, high = value >> 32;

	chipset_mmio(&c, true, IOAPIC_GPA, 4, &index);
	chipset_mmio(&c, true, IOAPIC_GPA + 0x10, 4, &high);
	index--;
	chipset_mmio(&c, true, IOAPIC_GPA, 4, &index);
	chipset_mmio(&c, true, IOAPIC_GPA + 0x10, 4, &value);
}

/* The PIC with vectors from 0x20 and these pins masked, all entries masked */
static void fresh(__u8 master_mask)
{
	static const __u8 icws[] = { 0x11, 0x20, 0x04, 0x01 };
	unsigned int i;

	chipset_free(&c);
	chipset_init(&c, &ops, &clock_ns);
	for (i = 0; i < 4; i++) {
		out(i ? 0x21 : 0x20, icws[i]);
		out(i ? 0xa1 : 0xa0, i == 1 ? 0x28 : icws[i]);
	}
	out(0x21, master_mask);
	out(0xa1, 0xff);
	nr_sent = 0;
	nr_extint = 0;
	accepted = 1;
	extint = false;
	deadline = PIT_NEVER;
	clock_ns = 1000000;
}

static int line(__u32 gsi, bool level)
{
	return chipset_line(&c, CHIPSET_USER, gsi, level);
}

static unsigned int nr_acked;

/* The only GSI that was acknowledged since the last call, or -1 */
static int acked(void)
{
	int only = -1;
	__u32 gsi;

	for (nr_acked = 0; chipset_next_acked(&c, &gsi); nr_acked++)
		only = gsi;
	return nr_acked == 1 ? only : -1;
}

static void test_line(void)
{
	fresh(0);
	OK(line(5, true) == 1 && extint && nr_extint == 1 && !nr_sent, "the PIC requests");
	OK(line(5, true) == 1 && nr_extint == 1, "again: no edge, not told again");
	OK(chipset_acknowledge(&c) == 0x25 && !extint && nr_extint == 2, "acknowledged");
	OK(acked() == -1 && !nr_acked, "not ended yet");
	out(0x20, 0x20);
	OK(acked() == 5, "ended");
	entry(5, 0x31);
	OK(line(5, false) == 2, "deasserted at both");
	OK(line(5, true) == 2 && nr_sent == 1 && last.vector == 0x31 && extint, "both accept it");
	OK(line(5, true) == 1, "merged by one, no edge for the other");
	line(5, false);
	accepted = 3;
	OK(line(5, true) == 3, "coalesced by the PIC, accepted by three local APICs");
	out(0x21, 0xff);
	OK(!extint, "masking withdraws the request");
	line(5, false);
	accepted = 0;
	OK(line(5, true) == 0, "the PIC masked, nobody accepts the message");
	line(5, false);
	entry(5, 0x10031);
	OK(line(5, true) == -1, "both masked");
	OK(line(24, true) == -1 && line(4096, true) == -1 && line(~0U, false) == -1,
	   "GSIs without a route");
	OK(line(20, false) == 1 && line(20, true) == -1, "a GSI of the I/O APIC only");
}

static void test_sources(void)
{
	fresh(0xff);
	entry(10, 0x8040);
	chipset_line(&c, CHIPSET_USER, 10, true);
	OK(nr_sent == 1 && last.level, "a level");
	chipset_line(&c, CHIPSET_RESAMPLE, 10, true);
	chipset_line(&c, CHIPSET_USER, 10, false);
	chipset_eoi(&c, 0x40);
	OK(nr_sent == 2 && acked() == 10, "another source still asserts it");
	chipset_line(&c, CHIPSET_USER, 10, true);
	chipset_line(&c, CHIPSET_RESAMPLE, 10, true);
	chipset_line(&c, CHIPSET_RESAMPLE, 10, false);
	chipset_eoi(&c, 0x40);
	OK(nr_sent == 3 && acked() == 10, "so does the first one again");
	chipset_line(&c, CHIPSET_USER, 10, false);
	chipset_eoi(&c, 0x40);
	OK(nr_sent == 3 && acked() == 10, "nobody does");
	chipset_line(&c, CHIPSET_USER, 10, true);
	OK(acked() == -1 && !nr_acked, "an interrupt ends once");
	chipset_line(&c, CHIPSET_USER, 3, true);
	OK(c.lines[3] == 1 && c.lines[PIC_PINS + 3] == 1 && !c.lines[11], "lines of both chips");
}

static void test_addresses(void)
{
	static const struct {
		__u16 port;
		__u8 width;
		bool ours;
	} rows[] = {
		{ 0x1f, 1, false }, { 0x20, 1, true }, { 0x20, 2, true }, { 0x20, 4, false },
		{ 0x21, 1, true }, { 0x21, 2, false }, { 0x22, 1, false }, { 0xa0, 2, true },
		{ 0xa2, 1, false }, { 0x4d0, 2, true }, { 0x4d1, 1, true }, { 0x4d1, 2, false },
		{ 0x3f, 1, false }, { 0x40, 4, true }, { 0x41, 4, false }, { 0x42, 2, true },
		{ 0x43, 1, true }, { 0x43, 2, false }, { 0x44, 1, false }, { 0x60, 2, false },
		{ 0x61, 1, true }, { 0x61, 4, true }, { 0x62, 1, false }, { 0xffff, 1, false },
	};
	unsigned int i, wrong = 0;
	__u64 wide;
	__u32 data;

	fresh(0xa5);
	data = 0;
	OK(!chipset_pio(&c, false, 0x40, 1, &data) && !chipset_pio(&c, false, 0x61, 1, &data),
	   "no PIT yet");
	chipset_create_pit(&c, 0);
	OK(chipset_pio(&c, false, 0x40, 1, &data) && !chipset_pio(&c, false, 0x61, 1, &data),
	   "no speaker");
	chipset_free(&c);
	fresh(0xa5);
	chipset_create_pit(&c, KVM_PIT_SPEAKER_DUMMY);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		wrong += chipset_pio(&c, false, rows[i].port, rows[i].width, &data) != rows[i].ours;
	OK(!wrong, "ports");
	out(0x4d0, 0xff);
	OK(in(0x4d0) == 0xf8, "edges that stay edges");
	data = 0xffff;
	chipset_pio(&c, true, 0x20, 2, &data);
	chipset_pio(&c, false, 0x20, 2, &data);
	OK(!data && in(0x21) == 0xa5, "wide accesses of the PIC do nothing and read 0");
	data = 0x12345634;
	chipset_pio(&c, true, 0x43, 1, &data);
	data = 0x12345678;
	chipset_pio(&c, true, 0x40, 4, &data);
	chipset_pio(&c, true, 0x40, 2, &data);
	OK(c.pit.channels[0].regs.count == 0x7878, "those of the PIT write the low byte");
	data = ~0U;
	chipset_pio(&c, false, 0x40, 4, &data);
	OK(data == 0x78, "and read one");

	wide = 1;
	OK(chipset_mmio(&c, true, IOAPIC_GPA, 8, &wide) &&
	   chipset_mmio(&c, false, IOAPIC_GPA + 0x10, 8, &wide) && wide == 0x170011,
	   "the I/O APIC");
	OK(chipset_mmio(&c, false, IOAPIC_GPA + 0xf8, 8, &wide) &&
	   !chipset_mmio(&c, false, IOAPIC_GPA + 0xf9, 8, &wide) &&
	   !chipset_mmio(&c, false, IOAPIC_GPA + 0x100, 1, &wide) &&
	   !chipset_mmio(&c, false, IOAPIC_GPA - 1, 1, &wide) &&
	   !chipset_mmio(&c, false, IOAPIC_GPA - 1, 4, &wide), "has 256 bytes");
}

static void set_timer(__u16 count)
{
	out(0x43, 0x34);
	out(0x40, count);
	out(0x40, count >> 8);
}

static void advance(void)
{
	clock_ns = deadline;
	chipset_expire(&c);
}

static void test_pit_pic(void)
{
	__u64 first;

	fresh(0xfe);
	chipset_expire(&c);
	OK(chipset_create_pit(&c, 0) == 0 && deadline == PIT_NEVER && !c.ioapic.levels, "a PIT");
	OK(chipset_create_pit(&c, 0) == -EEXIST, "a second one");
	set_timer(1193);
	first = deadline;
	OK(first > clock_ns && first <= clock_ns + 1000000, "a deadline");
	advance();
	OK(extint && deadline > first && deadline <= first + 1000000, "an interrupt");
	OK(chipset_acknowledge(&c) == 0x20, "of IRQ 0");
	advance();
	advance();
	OK(!extint && c.pit.pending == 3, "two more wait");
	out(0x20, 0x20);
	OK(extint && acked() == 0, "the end of one brings the next");
	out(0x21, 0xff);
	out(0x21, 0xfe);
	OK(!c.pit.pending, "unmasking forgets the others");
	chipset_acknowledge(&c);
	out(0x20, 0x20);
	OK(!extint, "no more");
	advance();
	advance();
	OK(c.pit.pending == 2, "unmasking was once");
	out(0x43, 0x34);
	OK(deadline == PIT_NEVER, "stopped");
}

static void test_pit_ioapic(void)
{
	struct kvm_irq_routing_entry routes[] = {
		{ .type = KVM_IRQ_ROUTING_IRQCHIP,
		  .u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 2 } },
		{ .type = KVM_IRQ_ROUTING_IRQCHIP,
		  .u.irqchip = { .irqchip = KVM_IRQCHIP_PIC_MASTER, .pin = 0 } },
	};
	struct kvm_reinject_control control = { .pit_reinject = 0 };

	fresh(0xff);
	chipset_create_pit(&c, 0);
	OK(c.ioapic.report == 1, "pin 0 reports its EOI");
	OK(chipset_set_routing(&c, routes, 2, 0) == 0 && c.ioapic.report == 4, "so does pin 2");
	entry(2, 0x30);
	set_timer(1193);
	advance();
	OK(nr_sent == 1 && last.vector == 0x30 && last.level && !(c.ioapic.entries[2] & 0x4000),
	   "an edge that wants its EOI");
	advance();
	OK(nr_sent == 1, "the next one waits");
	chipset_eoi(&c, 0x30);
	OK(nr_sent == 2 && acked() == 0, "for it");
	entry(2, 0x10030);
	advance();
	entry(2, 0x30);
	OK(!c.pit.pending, "unmasking forgets it");
	OK(chipset_set_reinject(&c, &control) == 0 && !c.ioapic.report, "without reinjection");
	advance();
	advance();
	OK(nr_sent == 4 && !last.level, "each is sent at once");
	control.pit_reinject = 1;
	chipset_set_reinject(&c, &control);
	OK(c.ioapic.report == 4, "with it");
	routes[0].type = KVM_IRQ_ROUTING_MSI;
	routes[0].u.msi.address_lo = 0xfee03000;
	routes[0].u.msi.data = 0x44;
	chipset_set_routing(&c, routes, 1, 0);
	advance();
	OK(nr_sent == 5 && last.vector == 0x44 && last.dest == 3 && !c.ioapic.report,
	   "as an MSI, once per pulse");
}

static void test_msi(void)
{
	struct kvm_irq_routing_entry route = {
		.gsi = 30, .type = KVM_IRQ_ROUTING_MSI, .u.msi.data = 0x55,
	};

	fresh(0xff);
	OK(chipset_set_routing(&c, &route, 1, 1) == -EINVAL && line(0, false) == 1,
	   "flags are refused, the routes stay");
	chipset_set_routing(&c, &route, 1, 0);
	accepted = 2;
	OK(line(30, true) == 2 && line(30, true) == 2 && nr_sent == 2, "sent for each assertion");
	OK(line(30, false) == -1 && nr_sent == 2, "not for a deassertion");
	route.u.msi.address_hi = 0x100;
	chipset_set_routing(&c, &route, 1, 0);
	line(30, true);
	OK(last.dest == 0, "a short ID");
	c.x2apic = true;
	line(30, true);
	OK(last.dest == 0x100, "a long ID");
	route.u.msi.address_hi = 0x101;
	OK(chipset_set_routing(&c, &route, 1, 0) == -EINVAL, "which has no reserved bits");
	c.x2apic = false;
	chipset_set_routing(&c, &route, 1, 0);
	c.x2apic = true;
	OK(line(30, true) == -1, "also not in a route from before");
	c.x2apic = false;
}

static void test_acked(void)
{
	struct kvm_irq_routing_entry route = {
		.gsi = 77, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 23 },
	};

	fresh(0);
	out(0xa1, 0);
	line(12, true);
	chipset_acknowledge(&c);
	out(0xa0, 0x20);
	OK(acked() == 12, "an EOI of the slave");
	out(0x20, 0x20);
	OK(acked() == 2, "its request at the master");
	entry(16, 0x50);
	entry(23, 0x50);
	chipset_eoi(&c, 0x50);
	chipset_eoi(&c, 0x51);
	OK(acked() == -1 && nr_acked == 2, "two pins with one vector");
	chipset_set_routing(&c, &route, 1, 0);
	chipset_eoi(&c, 0x50);
	OK(acked() == 77, "a pin without a GSI has nobody to tell");
}

static bool rtc(void)
{
	int ret = chipset_line_status(&c, 8, true);

	chipset_line_status(&c, 8, false);
	return ret == 1;
}

static void test_rtc(void)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	fresh(0xff);
	entry(8, 0x10038);
	OK(!rtc() && !c.rtc_pending, "masked");
	entry(8, 0x38);
	OK(rtc() && nr_sent == 1 && last.level && !(c.ioapic.entries[8] & 0x4000),
	   "the clock's interrupt is an edge that wants its EOI");
	OK(!rtc() && nr_sent == 1 && c.lines[PIC_PINS + 8] == 0, "not sent again before");
	chipset_eoi(&c, 0x39);
	OK(!rtc(), "the EOI of another vector");
	chipset_eoi(&c, 0x38);
	OK(rtc() && nr_sent == 2, "sent after it");
	OK(line(8, true) == 1 && line(8, false) == 1 && nr_sent == 3, "KVM_IRQ_LINE does not wait");
	entry(8, 0x10038);
	entry(8, 0x38);
	accepted = 2;
	OK(chipset_line_status(&c, 8, true) == 2 && c.rtc_pending == 2, "unmasking does not, too");
	chipset_line_status(&c, 8, false);
	chipset_eoi(&c, 0x38);
	OK(!rtc(), "two local APICs, one EOI");
	chipset_eoi(&c, 0x38);
	accepted = 1;
	OK(rtc(), "and the other");
	chipset_get(&c, &chip);
	chipset_set(&c, &chip);
	OK(rtc(), "a restored I/O APIC waits for nothing");
	chipset_create_pit(&c, 0);
	OK(c.ioapic.report == 0x101, "clock and timer report");
	chipset_eoi(&c, 0x38);
	OK(rtc() && c.ioapic.report == 0x101, "and still do");
	OK(chipset_line_status(&c, 9, true) == -1 && chipset_line_status(&c, 24, true) == -1,
	   "other pins have the status of KVM_IRQ_LINE");
}

static void test_storm(void)
{
	unsigned int i;

	fresh(0xff);
	entry(9, 0x8040);
	line(9, true);
	for (i = 1; i < 10000; i++)
		chipset_eoi(&c, 0x40);
	OK(nr_sent == 10000 && deadline == PIT_NEVER, "9,999 EOIs");
	chipset_eoi(&c, 0x40);
	OK(nr_sent == 10000 && deadline == clock_ns + 10000000, "one more: a pause");
	chipset_create_pit(&c, 0);
	set_timer(1193);
	advance();
	OK(nr_sent == 10000 && c.ioapic.held, "in which the PIT ticks");
	for (i = 0; i < 9; i++)
		advance();
	OK(nr_sent == 10000, "until it is over");
	advance();
	OK(nr_sent == 10001 && !c.ioapic.held && deadline > clock_ns, "then the interrupt");
	chipset_eoi(&c, 0x40);
	line(9, false);
	chipset_eoi(&c, 0x40);
	OK(nr_sent == 10002 && acked() == 9, "and business as usual");
}

static void test_state(void)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC }, pic = { .chip_id = 1 };
	struct kvm_pit_state2 pit2;
	struct kvm_pit_state pit;
	struct kvm_reinject_control control = { 0 };

	fresh(0);
	OK(chipset_get_pit(&c, &pit) == -ENXIO && chipset_set_pit(&c, &pit) == -ENXIO &&
	   chipset_get_pit2(&c, &pit2) == -ENXIO && chipset_set_pit2(&c, &pit2) == -ENXIO &&
	   chipset_set_reinject(&c, &control) == -ENXIO, "no PIT");
	out(0xa1, 0xbf);
	entry(7, 0x8077);
	line(14, true);
	OK(chipset_get(&c, &chip) == 0 && chipset_get(&c, &pic) == 0, "saved");
	OK(chip.chip.ioapic.redirtbl[7].bits == 0x8077 && chip.chip.ioapic.irr == 1 << 14 &&
	   pic.chip.pic.irq_base == 0x28 && pic.chip.pic.irr == 0x40, "both controllers");
	fresh(0);
	chip.chip.ioapic.irr |= 1 << 7;
	OK(chipset_set(&c, &pic) == 0 && extint && c.ioapic.gpa == IOAPIC_GPA,
	   "the slave's request comes back");
	OK(chipset_set(&c, &chip) == 0 && nr_sent == 1 && last.vector == 0x77, "and that of a pin");
	pic.chip_id = 0;
	chipset_get(&c, &pic);
	OK(pic.chip.pic.irq_base == 0x20 && pic.chip.pic.irr == 4, "the master has its own state");
	pic.chip.pic.imr = 0xff;
	chipset_set(&c, &pic);
	OK(!extint, "which can withdraw the request");
	chip.chip_id = 3;
	OK(chipset_get(&c, &chip) == -EINVAL && chipset_set(&c, &chip) == -EINVAL, "no other chip");
	chip.chip_id = ~0U;
	OK(chipset_get(&c, &chip) == -EINVAL && chipset_set(&c, &chip) == -EINVAL, "at all");

	chipset_create_pit(&c, 0);
	set_timer(1193);
	memset(&pit2, 0xff, sizeof(pit2));
	chipset_get_pit(&c, &pit);
	OK(chipset_get_pit2(&c, &pit2) == 0 && pit2.channels[0].count == 1193 && !pit2.flags &&
	   !pit2.reserved[0] && !pit2.reserved[8] && pit.channels[0].count == 1193, "the PIT");
	pit2.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	OK(chipset_set_pit2(&c, &pit2) == 0 && deadline == PIT_NEVER, "the HPET takes IRQ 0");
	OK(chipset_set_pit(&c, &pit) == 0 && c.pit.flags && deadline == PIT_NEVER,
	   "KVM_SET_PIT has no flags");
	pit2.flags = 0;
	chipset_set_pit2(&c, &pit2);
	pit.channels[0].count = 2386;
	OK(chipset_set_pit(&c, &pit) == 0 && deadline > clock_ns + 1990000, "another count");
	clock_ns += 12345;
	OK(chipset_set_pit2(&c, &pit2) == 0 && deadline > clock_ns + 990000 &&
	   deadline < clock_ns + 1000000, "and gives it back");
}

static __u32 rng(void)
{
	static __u32 x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

static void random_route(void)
{
	struct kvm_irq_routing_entry entries[8];
	unsigned int i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < 8; i++) {
		entries[i].gsi = rng() % 24;
		entries[i].type = 1 + (rng() & 1);
		entries[i].u.irqchip.irqchip = rng() % 4;
		entries[i].u.irqchip.pin = rng() % 26;
	}
	if (chipset_set_routing(&c, entries, 1 + rng() % 8, 0))
		return;
	if (rng() & 1)
		routing_set_default(&c.routing);
}

static void random_state(void)
{
	struct kvm_pit_state2 pit2;
	struct kvm_irqchip chip;
	unsigned int i;

	for (i = 0; i < sizeof(chip); i++)
		((__u8 *)&chip)[i] = rng();
	chip.chip_id = rng() & 3;
	chip.chip.ioapic.base_address = IOAPIC_GPA;
	chipset_set(&c, &chip);
	for (i = 0; i < sizeof(pit2); i++)
		((__u8 *)&pit2)[i] = rng();
	chipset_set_pit2(&c, &pit2);
}

static void random_step(void)
{
	static const __u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42,
				       0x43, 0x61 };
	__u32 r = rng(), data = rng();
	__u64 wide = data & 0x3ffff, at = IOAPIC_GPA + (r & 0x10000 ? 0x10 : 0);

	switch (r >> 28) {
	case 0:
	case 1:
	case 2:
		chipset_pio(&c, r & 0x100, ports[(r & 0xff) % 11], 1 << (r >> 9 & 3) & 7, &data);
		break;
	case 3:
	case 4:
		chipset_mmio(&c, r & 0x100, at, 1 << (r >> 9 & 3), &wide);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		if (r & 4)
			chipset_line(&c, r & 1, (r >> 8) % 26, r & 2);
		else
			chipset_line_status(&c, (r >> 8) % 26, r & 2);
		break;
	case 9:
		chipset_eoi(&c, r);
		break;
	case 10:
		chipset_acknowledge(&c);
		break;
	case 11:
		clock_ns += r & 0xffffff;
		chipset_expire(&c);
		break;
	case 12:
		if (!(r & 0xff00))
			random_state();
		break;
	case 13:
		if (!(r & 0xff00))
			random_route();
		break;
	default:
		out(r & 0x100 ? PIC_SLAVE : PIC_MASTER, 0x20);
		out(r & 0x200 ? 0xa1 : 0x21, 0);
	}
	accepted = (int)(r >> 16 & 3) - 1;
}

static void test_random(void)
{
	unsigned int i, bad = 0;
	__u32 gsi;

	fresh(0);
	chipset_create_pit(&c, KVM_PIT_SPEAKER_DUMMY);
	for (i = 0; i < 300000; i++) {
		random_step();
		if (rng() & 1) {
			while (chipset_next_acked(&c, &gsi))
				bad += gsi >= 26;
		}
		bad += extint != c.pic.output || deadline > pit_next(&c.pit);
	}
	OK(!bad, "random calls: the owner knows output and deadline");
	OK(nr_sent > 1000 && nr_extint > 1000, "and gets interrupts");
	OK(!wrong_args, "callbacks have its argument");
}

int main(void)
{
	test_line();
	test_sources();
	test_addresses();
	test_pit_pic();
	test_pit_ioapic();
	test_msi();
	test_acked();
	test_rtc();
	test_storm();
	test_state();
	test_random();
	chipset_free(&c);
	return tap_done();
}
