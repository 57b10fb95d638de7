// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MP tables, read like a kernel does: by signatures, lengths and checksums, with
 * the offsets of the specification
 */
#include <string.h>

#include "ioapic.h"
#include "mptable.h"
#include "tap.h"

static unsigned char area[MPTABLE_BYTES + 1];

static unsigned int get(size_t at, unsigned int bytes)
{
	unsigned int value = 0;

	while (bytes--)
		value = value << 8 | area[at + bytes];
	return value;
}

static unsigned int sum(size_t at, size_t len)
{
	unsigned char total = 0;

	while (len--)
		total += area[at++];
	return total;
}

static void test_pointer(size_t used)
{
	OK(!memcmp(area, "_MP_", 4) && get(8, 1) == 1 && get(9, 1) == 4,
	   "floating pointer, 16 bytes, revision 1.4");
	OK(!sum(0, 16), "its checksum");
	OK(get(4, 4) == MPTABLE_GPA + 16, "points right behind itself");
	OK(!get(11, 1) && !(get(12, 1) & 0x80), "a table is there, no IMCR");
	OK(used <= MPTABLE_BYTES && !area[MPTABLE_BYTES], "all within its room");
}

static void test_header(size_t used)
{
	OK(!memcmp(area + 16, "PCMP", 4) && get(22, 1) == 4, "table header");
	OK(get(20, 2) == used - 16, "its length");
	OK(!sum(16, used - 16), "its checksum");
	OK(get(16 + 36, 4) == 0xfee00000, "where local APICs are");
	OK(!get(16 + 40, 2), "no extended entries");
}

/* number of entries of @type; @where gets the position of the last one */
static unsigned int count(unsigned int type, size_t *where)
{
	unsigned int left = get(16 + 34, 2), found = 0;
	size_t at = 16 + 44;

	for (; left; left--) {
		if (area[at] == type) {
			*where = at;
			found++;
		}
		at += area[at] ? 8 : 20;
	}
	return found;
}

static void test_devices(size_t used)
{
	unsigned int left = get(16 + 34, 2);
	size_t at = 16 + 44;

	for (; left; left--)
		at += area[at] ? 8 : 20;
	OK(at == used, "entries fill the table");
	OK(count(0, &at) == 1 && !get(at + 1, 1) && get(at + 3, 1) == 3,
	   "one CPU, enabled, the one that boots");
	OK(count(1, &at) == 1 && !memcmp(area + at + 1, "\0ISA   ", 7), "an ISA bus");
	OK(count(2, &at) == 1 && get(at + 1, 1) == 1 && get(at + 2, 1) == IOAPIC_VERSION &&
	   get(at + 3, 1) == 1 && get(at + 4, 4) == 0xfec00000, "the I/O APIC");
	OK(count(4, &at) == 2 && get(at + 1, 1) == 1 && get(at + 6, 2) == 0x1ff, "NMI on LINT1");
}

static void test_interrupts(void)
{
	size_t at = 16 + 44 + 20 + 8 + 8, last;
	unsigned int seen = 0, wrong = 0, irq;

	OK(count(3, &last) == 15, "fifteen ISA interrupts");
	for (; area[at] == 3; at += 8) {
		irq = area[at + 5];
		seen |= 1U << irq;
		if (area[at + 7] != (irq ? irq : 2) || area[at + 6] != 1 || area[at + 1] ||
		    area[at + 4] || get(at + 2, 2))
			wrong++;
	}
	OK(seen == 0xfffb && !wrong, "each on its pin, the timer on pin 2");
	OK(area[at] == 4 && area[at + 1] == 3 && !area[at + 7], "ExtINT on LINT0");
}

static void test_cpus(unsigned int cpus)
{
	unsigned int i, wrong = 0;
	size_t at = 16 + 44, used;

	memset(area, 0, sizeof(area));
	used = mptable_write(area, cpus);
	OK(used <= MPTABLE_BYTES && !area[MPTABLE_BYTES] && !sum(16, get(20, 2)),
	   "the table of %u CPUs is valid", cpus);
	for (i = 0; i < cpus; i++, at += 20)
		wrong += area[at] || area[at + 1] != i || area[at + 3] != (i ? 1 : 3);
	OK(!wrong && area[at], "each is enabled, the first one boots");
	OK(count(2, &at) == 1 && area[at + 1] == cpus && count(3, &at) == 15 &&
	   area[at + 6] == cpus, "the I/O APIC has an ID of its own");
}

static void test_many(void)
{
	test_cpus(8);
	test_cpus(255);
}

int main(void)
{
	size_t used = mptable_write(area, 1);

	test_pointer(used);
	test_header(used);
	test_devices(used);
	test_interrupts();
	test_many();
	return tap_done();
}
