// SPDX-License-Identifier: GPL-2.0-only
/* How the machine completes exits. The run pages are made here; no module is involved. */
#include <string.h>

#include "machine.h"
#include "tap.h"
#include "vcpuctl.h"

static char serial[64], debug[64];
static unsigned int nr_serial, nr_debug;
static __u64 clock_ns;

static void put_serial(void *arg, __u8 byte)
{
	(void)arg;
	serial[nr_serial++ % sizeof(serial)] = byte;
}

static void put_debug(void *arg, __u8 byte)
{
	(void)arg;
	debug[nr_debug++ % sizeof(debug)] = byte;
}

static int no_input(void *arg)
{
	(void)arg;
	return -1;
}

static __u64 test_clock(void *arg)
{
	(void)arg;
	return clock_ns;
}

static __s64 test_wall(void)
{
	return 1795639567;	/* Wednesday, 2026-11-25 20:46:07 */
}

static struct apic_message message;
static unsigned int nr_messages;

static int put_message(void *arg, const struct apic_message *msg)
{
	(void)arg;
	message = *msg;
	nr_messages++;
	return 1;
}

static struct machine fresh(void)
{
	struct machine m = { .uart = { .send = put_serial, .receive = no_input },
			     .platform.pit.now = test_clock,
			     .platform.wall_s = test_wall, .debug = put_debug,
			     .ioapic.send = put_message, .apic = true };

	nr_serial = 0;
	nr_debug = 0;
	nr_messages = 0;
	clock_ns = 1000;
	machine_reset(&m, 64 << 20);
	return m;
}

static struct svmvcpu_run io(__u16 port, __u8 width, __u32 flags, __u32 data)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_IO };

	run.io.port = port;
	run.io.width = width;
	run.io.flags = flags;
	run.io.count = 1;
	run.io.data = data;
	return run;
}

static __u64 in(struct machine *m, __u16 port, __u8 width)
{
	struct svmvcpu_run run = io(port, width, SVMVCPU_IO_IN, 0);

	run.answer = 0xdead;
	return machine_exit(m, &run, NULL) == MACHINE_CONTINUE ? run.answer : 0xbad;
}

static int out(struct machine *m, __u16 port, __u8 width, __u32 data)
{
	struct svmvcpu_run run = io(port, width, 0, data);

	return machine_exit(m, &run, NULL);
}

static void test_ports(void)
{
	struct machine m = fresh();

	OK(in(&m, 0x5678, 1) == 0xff && in(&m, 0x5678, 2) == 0xffff &&
	   in(&m, 0x5678, 4) == 0xffffffff, "unknown ports read all-ones in their width");
	OK(out(&m, 0x5678, 4, 0) == MACHINE_CONTINUE, "writes to them are ignored");
	OK(!m.used, "and count for nothing");
	OK(in(&m, 0x402, 1) == 0xe9 && m.used == 1, "the debug port is there");
	out(&m, 0x402, 1, 'd');
	out(&m, 0x3f8, 1, 's');
	OK(nr_debug == 1 && debug[0] == 'd' && nr_serial == 1 && serial[0] == 's',
	   "debug and serial output");
	OK(in(&m, 0x3fd, 1) == 0x60, "serial status");
	OK(in(&m, 0x3fd, 2) == 0xb060, "a word reads two registers");
	OK(in(&m, 0xffff, 4) == 0xffffffff, "the last port does not reach beyond the first");
	OK(out(&m, 0xcf8, 4, 0x80000000) == MACHINE_CONTINUE && in(&m, 0xcfc, 4) == 0xffffffff,
	   "there is no PCI");
}

static void test_exit_port(void)
{
	struct machine m = fresh();

	OK(out(&m, 0xf4, 1, 0) == 128, "code 0 is status 128");
	OK(out(&m, 0xf4, 4, 5) == 133 && m.code == 5, "code 5 is status 133");
	OK(out(&m, 0xf4, 4, 0x17f) == 255 && m.code == 0x17f,
	   "a status has seven bits of the code");
	OK(in(&m, 0xf4, 1) == 0xff, "reading it does not end anything");
}

static void test_power(void)
{
	struct machine m = fresh();

	OK(in(&m, 0x600, 2) == 0 && in(&m, 0x604, 2) == 1, "ACPI mode, no events");
	OK(out(&m, 0x604, 2, 0x1c01) == MACHINE_CONTINUE && in(&m, 0x604, 2) == 0x1c01 &&
	   out(&m, 0x604, 2, 0x3c01) == MACHINE_CONTINUE, "there is no such sleep state");
	OK(in(&m, 0x604, 2) == 0x1c01, "the request for it reads as 0");
	OK(out(&m, 0x604, 2, 1) == MACHINE_CONTINUE, "the sleep state alone requests nothing");
	OK(out(&m, 0x604, 2, 0x2001) == STATUS_POWEROFF, "power-off with SCI_EN");
	machine_reset(&m, 64 << 20);
	OK(out(&m, 0x604, 4, 0x2000) == STATUS_POWEROFF, "and as four bytes");
}

static void test_strings(void)
{
	struct machine m = fresh();
	struct svmvcpu_run run = io(0x3f8, 1, SVMVCPU_IO_STRING | SVMVCPU_IO_REP, 0);
	static const char expected[] = { 0xe9, 0xff, 0xe9, 0xff, 'o', ',' };
	char window[16] = "hello, world";

	run.io.count = 5;
	OK(machine_exit(&m, &run, window) == MACHINE_CONTINUE && nr_serial == 5 &&
	   !memcmp(serial, "hello", 5), "REP OUTSB sends the data window");
	run = io(0x402, 2, SVMVCPU_IO_STRING | SVMVCPU_IO_IN, 0);
	run.io.count = 2;
	machine_exit(&m, &run, window);
	OK(!memcmp(window, expected, 6), "INSW fills it and stops where it should");
	OK(machine_exit(&m, &run, NULL) == STATUS_UNKNOWN, "without a window the access fails");
	run.io.width = 3;
	OK(machine_exit(&m, &run, window) == STATUS_UNKNOWN, "an impossible width");
}

static void test_platform(void)
{
	struct machine m = fresh();
	__u8 refresh;

	out(&m, 0x70, 1, 0x34);
	OK(in(&m, 0x71, 1) == 0x00, "64 MiB: low byte of what is above 16 MiB");
	out(&m, 0x70, 1, 0x35);
	OK(in(&m, 0x71, 1) == 0x03, "and its high byte, in 64 KiB");
	out(&m, 0x70, 1, 0x80 | 0x0a);
	OK(!(in(&m, 0x71, 1) & 0x80), "the clock is never updating, NMI bit or not");
	out(&m, 0x70, 1, 0x0f);
	out(&m, 0x71, 1, 0x5a);
	OK(in(&m, 0x71, 1) == 0x5a, "CMOS remembers");
	out(&m, 0x61, 1, 0x01);
	out(&m, 0x43, 1, 0xb0);
	out(&m, 0x42, 1, 0x9b);
	out(&m, 0x42, 1, 0x2e);
	OK(!(in(&m, 0x61, 1) & 0x20), "the timer runs");
	clock_ns += 9990000;
	OK(!(in(&m, 0x61, 1) & 0x20), "just short of 10 ms it still does");
	clock_ns += 10000;
	OK(in(&m, 0x61, 1) & 0x20, "10 ms are up");
	refresh = in(&m, 0x61, 1);
	clock_ns += 1 << 14;
	OK((in(&m, 0x61, 1) ^ refresh) == 0x10, "the refresh bit flips");
	out(&m, 0x92, 1, 0x03);
	OK(in(&m, 0x92, 1) == 0x02, "fast reset is not stored");
}

static __u64 cmos(struct machine *m, __u8 at)
{
	out(m, 0x70, 1, at);
	return in(m, 0x71, 1);
}

static void test_clock_of_day(void)
{
	struct machine m = fresh();

	OK(cmos(&m, 0x00) == 0x07 && cmos(&m, 0x02) == 0x46 && cmos(&m, 0x04) == 0x20,
	   "the time of day");
	OK(cmos(&m, 0x06) == 4 && cmos(&m, 0x07) == 0x25 && cmos(&m, 0x08) == 0x11 &&
	   cmos(&m, 0x09) == 0x26 && cmos(&m, 0x32) == 0x20, "and the date");
	out(&m, 0x71, 1, 0x19);
	OK(cmos(&m, 0x32) == 0x20, "which cannot be set");
}

static void test_timer(void)
{
	struct machine m = fresh();

	out(&m, 0x61, 1, 0x01);
	out(&m, 0x43, 1, 0xb0);
	out(&m, 0x42, 1, 0xff);
	out(&m, 0x42, 1, 0xff);
	clock_ns += 1000000;	/* 1193 ticks */
	OK(in(&m, 0x42, 1) == 0x56 && in(&m, 0x42, 1) == 0xfb, "the timer's count");
	out(&m, 0x43, 1, 0x80);
	clock_ns += 1000000;
	OK(in(&m, 0x42, 1) == 0x56 && in(&m, 0x42, 1) == 0xfb, "latched");
	OK(in(&m, 0x42, 1) == 0xad && in(&m, 0x42, 1) == 0xf6, "and read as it runs");
	OK(in(&m, 0x40, 1) == 0xff && in(&m, 0x41, 1) == 0xff, "there are no other timers");
	clock_ns += 60000000;
	OK(in(&m, 0x42, 1) == 0x06 && in(&m, 0x42, 1) == 0xdf, "it goes on below zero");
}

static void test_msrs(void)
{
	struct machine m = fresh();
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_MSR_READ, .answer = 7 };

	run.msr.index = 0x12345;
	OK(machine_exit(&m, &run, NULL) == MACHINE_CONTINUE &&
	   run.in_flags == SVMVCPU_RUN_FAIL && m.refused, "an unknown MSR gets #GP");
	run.in_flags = 0;
	run.msr.index = 0xfe;
	run.answer = 7;
	machine_exit(&m, &run, NULL);
	OK(!run.in_flags && !run.answer && !m.refused, "MTRR capabilities read 0");
	run.msr.index = 0xc0010010;
	machine_exit(&m, &run, NULL);
	OK(!run.in_flags && !run.answer, "and so does SYSCFG");
	run.reason = SVMVCPU_EXIT_MSR_WRITE;
	run.msr.index = 0x210;
	machine_exit(&m, &run, NULL);
	OK(run.in_flags == SVMVCPU_RUN_FAIL, "the MSR behind the variable MTRRs is refused");
	m.msr_ignore = true;
	run.in_flags = 0;
	machine_exit(&m, &run, NULL);
	OK(!run.in_flags && !m.refused, "unless told to ignore it");
}

static int mmio(struct machine *m, __u64 gpa, bool write, __u64 *data)
{
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_MMIO };
	int ret;

	run.mmio.gpa = gpa;
	run.mmio.width = 4;
	run.mmio.write = write;
	run.mmio.data = *data;
	ret = machine_exit(m, &run, NULL);
	*data = run.answer;
	return ret;
}

static void ioapic_put(struct machine *m, __u64 reg, __u64 value)
{
	mmio(m, 0xfec00000, true, &reg);
	mmio(m, 0xfec00010, true, &value);
}

static void test_ioapic(void)
{
	struct machine m = fresh();
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_IOAPIC_EOI };
	__u64 data = 1;

	OK(mmio(&m, 0xfec00000, true, &data) == MACHINE_CONTINUE, "index of the I/O APIC");
	OK(mmio(&m, 0xfec00010, false, &data) == MACHINE_CONTINUE && data == 0x170011, "its data");
	ioapic_put(&m, 0x10 + 2 * IRQ_SERIAL, 0x8044);
	machine_irq(&m, IRQ_SERIAL, true);
	OK(nr_messages == 1 && message.vector == 0x44 && message.level, "an interrupt on its pin");
	run.eoi.vector = 0x44;
	OK(machine_exit(&m, &run, NULL) == MACHINE_CONTINUE && nr_messages == 2,
	   "again after EOI, as the pin is still asserted");
	OK(mmio(&m, 0xfec01000, false, &data) == STATUS_MEMORY_FAULT &&
	   mmio(&m, 0xfebffffc, true, &data) == STATUS_MEMORY_FAULT,
	   "its page has no other register");
	m.apic = false;
	OK(mmio(&m, 0xfec00000, false, &data) == STATUS_MEMORY_FAULT, "without one, nothing there");
	machine_irq(&m, IRQ_SERIAL, false);
	machine_irq(&m, IRQ_SERIAL, true);
	OK(machine_exit(&m, &run, NULL) == MACHINE_CONTINUE && nr_messages == 2,
	   "and interrupts go nowhere");
	run.reason = SVMVCPU_EXIT_IPI;
	OK(machine_exit(&m, &run, NULL) == MACHINE_CONTINUE && nr_messages == 2,
	   "and neither does an INIT for another CPU");
}

static void test_unclaimed(void)
{
	struct machine m = fresh();
	__u64 data = 0;

	m.ignore = true;
	OK(mmio(&m, 0xfed803c0, false, &data) == MACHINE_CONTINUE && data == 0xffffffff,
	   "nothing reads as ones in its width");
	OK(mmio(&m, 0xfed803c0, true, &data) == MACHINE_CONTINUE, "and ignores writes");
	data = 1;
	mmio(&m, 0xfec00000, true, &data);
	OK(mmio(&m, 0xfec00010, false, &data) == MACHINE_CONTINUE && data == 0x170011,
	   "devices are still there");
	m.apic = false;
	OK(mmio(&m, 0xfec00000, false, &data) == MACHINE_CONTINUE && data == 0xffffffff,
	   "unless they are not");
}

static int one_byte(void *arg)
{
	(void)arg;
	return 'i';
}

static void test_kick(void)
{
	struct machine m = fresh();
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_INTERRUPTED };

	m.uart.receive = one_byte;
	run.interrupted.by = SVMVCPU_BY_KICK;
	machine_exit(&m, &run, NULL);
	OK(!m.uart.rx_nr, "a kick takes no input unless a driver waits");
	out(&m, 0x3f9, 1, 1);
	machine_exit(&m, &run, NULL);
	OK(m.uart.rx_nr && in(&m, 0x3fa, 1) == 0x04, "and takes it if a driver waits");
}

static int end_of(__u32 reason)
{
	struct machine m = fresh();
	struct svmvcpu_run run = { .reason = reason };

	return machine_exit(&m, &run, NULL);
}

static void test_ends(void)
{
	struct machine m = fresh();
	struct svmvcpu_run run = { .reason = SVMVCPU_EXIT_SYSTEM_DOWN };

	OK(machine_exit(&m, &run, NULL) == 0, "power-off is success");
	run.down.kind = SVMVCPU_DOWN_RESET;
	OK(machine_exit(&m, &run, NULL) == 64, "reset");
	OK(end_of(SVMVCPU_EXIT_HALT) == 65, "halt");
	OK(end_of(SVMVCPU_EXIT_SHUTDOWN) == 66, "triple fault");
	OK(end_of(SVMVCPU_EXIT_MEMORY_FAULT) == 70, "memory fault");
	OK(end_of(SVMVCPU_EXIT_FAIL_ENTRY) == 71, "failed entry");
	OK(end_of(SVMVCPU_EXIT_EXCEPTION) == 72, "exception");
	OK(end_of(SVMVCPU_EXIT_UNKNOWN) == 73, "unknown");
	OK(end_of(SVMVCPU_EXIT_NONE) == 73 && end_of(4711) == 73, "reasons of future versions");
	run.reason = SVMVCPU_EXIT_INTERRUPTED;
	run.interrupted.by = SVMVCPU_BY_SIGNAL | SVMVCPU_BY_KICK;
	OK(machine_exit(&m, &run, NULL) == MACHINE_CONTINUE, "interrupted: the caller knows why");
	run.interrupted.by = SVMVCPU_BY_SIGNAL | SVMVCPU_BY_DEADLINE;
	OK(machine_exit(&m, &run, NULL) == 67, "deadline");
	run.reason = SVMVCPU_EXIT_HYPERCALL;
	OK(machine_exit(&m, &run, NULL) == MACHINE_CONTINUE && run.answer == (__u64)-38,
	   "hypercalls do not exist");
}

int main(void)
{
	test_ports();
	test_exit_port();
	test_power();
	test_strings();
	test_platform();
	test_clock_of_day();
	test_timer();
	test_msrs();
	test_ioapic();
	test_unclaimed();
	test_kick();
	test_ends();
	return tap_done();
}
