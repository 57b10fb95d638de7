// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: writing the ACPI tables. They are built at address 0; acpi_fix()
 * moves them, or firmware does, which gets the lists of pointers and checksums.
 */
#include <string.h>

#include "acpi.h"
#include "ioapic.h"

#define LAPIC_GPA	0xfee00000U
#define IOAPIC_ID	0
#define PORT_RESET	0xcf9
#define RESET_VALUE	6
#define SCI		9
#define PIN_OF_IRQ0	2

/* of a table's header */
#define HEADER_BYTES	36
#define AT_LENGTH	4
#define AT_CHECKSUM	9

#define FACS_BYTES	64	/* a table without that header, at a multiple of 64 */

/* of the FADT */
#define FADT_BYTES	268
#define AT_FACS		36
#define AT_DSDT		40
#define AT_SCI		46
#define AT_PM1_EVENT	56
#define AT_PM1_CONTROL	64
#define AT_EVENT_BYTES	88
#define AT_CONTROL_BYTES 89
#define AT_BOOT_ARCH	109
#define AT_FLAGS	112
#define AT_RESET_REG	116
#define AT_RESET_VALUE	128
#define AT_X_DSDT	140
#define ARCH_LEGACY	0x01	/* devices on the ISA bus, such as the serial port */
#define ARCH_NO_VGA	0x04
#define ARCH_NO_MSI	0x08
#define FLAG_WBINVD	0x0001
#define FLAG_C1		0x0004
#define FLAG_NO_POWER_BUTTON	0x0010
#define FLAG_NO_SLEEP_BUTTON	0x0020
#define FLAG_NO_RTC_WAKE	0x0040
#define FLAG_RESET_REG	0x0400
#define SPACE_IO	1
#define ACCESS_BYTE	1

/* entries of the MADT */
#define MADT_LAPIC	0
#define MADT_IOAPIC	1
#define MADT_OVERRIDE	2
#define MADT_LAPIC_NMI	4
#define CPU_ENABLED	1
#define EVERY_CPU	0xff
#define LEVEL_HIGH	0x000d

/* Name (\_S5, Package () { off, off, 0, 0 }) */
static const __u8 dsdt_code[] = {
	0x08, '_', 'S', '5', '_', 0x12, 0x0a, 4,
	0x0a, ACPI_SLEEP_OFF, 0x0a, ACPI_SLEEP_OFF, 0x0a, 0, 0x0a, 0,
};

static void put(struct acpi_part *p, unsigned int at, unsigned int bytes, __u64 value)
{
	memcpy(p->bytes + at, &value, bytes);
}

static void add(struct acpi_part *p, const void *data, size_t len)
{
	memcpy(p->bytes + p->len, data, len);
	p->len += len;
}

/* the address @target of the tables, at @at */
static void point(struct acpi_part *p, unsigned int at, unsigned int bytes, __u64 target)
{
	put(p, at, bytes, target);
	p->pointers[p->nr_pointers++] = (struct acpi_pointer){ at, bytes };
}

static void sum(struct acpi_part *p, unsigned int at, unsigned int start, unsigned int len)
{
	p->sums[p->nr_sums++] = (struct acpi_sum){ at, start, len };
}

/* returns where the table begins */
static unsigned int begin(struct acpi_part *p, const char *signature, unsigned int revision)
{
	unsigned int at;

	p->len = (p->len + 15) & ~15UL;
	at = p->len;
	p->len += HEADER_BYTES;
	memcpy(p->bytes + at, signature, 4);
	put(p, at + 8, 1, revision);
	memcpy(p->bytes + at + 10, "SVMVCPVCPUCTL ", 14);
	put(p, at + 24, 4, 1);
	memcpy(p->bytes + at + 28, "SVMV", 4);
	put(p, at + 32, 4, 1);
	return at;
}

static void end(struct acpi_part *p, unsigned int at)
{
	unsigned int len = p->len - at;

	put(p, at + AT_LENGTH, 4, len);
	sum(p, at + AT_CHECKSUM, at, len);
}

/* the first table */
static unsigned int build_facs(struct acpi_part *p)
{
	memcpy(p->bytes, "FACS", 4);
	put(p, AT_LENGTH, 4, FACS_BYTES);
	p->len = FACS_BYTES;
	return 0;
}

static unsigned int build_dsdt(struct acpi_part *p)
{
	unsigned int at = begin(p, "DSDT", 2);

	add(p, dsdt_code, sizeof(dsdt_code));
	end(p, at);
	return at;
}

static unsigned int build_fadt(struct acpi_part *p, unsigned int facs, unsigned int dsdt)
{
	const __u8 reset[] = { SPACE_IO, 8, 0, ACCESS_BYTE, PORT_RESET & 0xff, PORT_RESET >> 8 };
	unsigned int at = begin(p, "FACP", 5);

	p->len = at + FADT_BYTES;
	point(p, at + AT_FACS, 4, facs);
	point(p, at + AT_DSDT, 4, dsdt);
	point(p, at + AT_X_DSDT, 8, dsdt);
	put(p, at + AT_SCI, 2, SCI);
	put(p, at + AT_PM1_EVENT, 4, ACPI_PM1_EVENT);
	put(p, at + AT_EVENT_BYTES, 1, ACPI_PM1_EVENT_BYTES);
	put(p, at + AT_PM1_CONTROL, 4, ACPI_PM1_CONTROL);
	put(p, at + AT_CONTROL_BYTES, 1, ACPI_PM1_CONTROL_BYTES);
	put(p, at + AT_BOOT_ARCH, 2, ARCH_LEGACY | ARCH_NO_VGA | ARCH_NO_MSI);
	put(p, at + AT_FLAGS, 4, FLAG_WBINVD | FLAG_C1 | FLAG_NO_POWER_BUTTON |
	    FLAG_NO_SLEEP_BUTTON | FLAG_NO_RTC_WAKE | FLAG_RESET_REG);
	memcpy(p->bytes + at + AT_RESET_REG, reset, sizeof(reset));
	put(p, at + AT_RESET_VALUE, 1, RESET_VALUE);
	end(p, at);
	return at;
}

/* ISA interrupt @irq is on another pin, or not an edge */
static void add_override(struct acpi_part *p, __u8 irq, __u8 pin, __u16 flags)
{
	const __u8 entry[10] = { MADT_OVERRIDE, sizeof(entry), 0, irq, pin, 0, 0, 0, flags };

	add(p, entry, sizeof(entry));
}

static unsigned int build_madt(struct acpi_part *p, unsigned int cpus)
{
	const __u8 nmi[6] = { MADT_LAPIC_NMI, sizeof(nmi), EVERY_CPU, 0, 0, 1 };
	__u8 ioapic[12] = { MADT_IOAPIC, sizeof(ioapic), IOAPIC_ID };
	const __u32 ioapic_gpa = IOAPIC_GPA, lapics[] = { LAPIC_GPA, 0 };
	unsigned int at = begin(p, "APIC", 3);
	unsigned int i;

	add(p, lapics, sizeof(lapics));
	for (i = 0; i < cpus; i++) {
		const __u8 lapic[8] = { MADT_LAPIC, sizeof(lapic), i, i, CPU_ENABLED };

		add(p, lapic, sizeof(lapic));
	}
	memcpy(ioapic + 4, &ioapic_gpa, sizeof(ioapic_gpa));
	add(p, ioapic, sizeof(ioapic));
	add_override(p, 0, PIN_OF_IRQ0, 0);
	add_override(p, SCI, SCI, LEVEL_HIGH);
	add(p, nmi, sizeof(nmi));
	end(p, at);
	return at;
}

/* a list of @nr tables, with addresses of @bytes */
static unsigned int build_list(struct acpi_part *p, const char *signature, unsigned int bytes,
			       const unsigned int *tables, unsigned int nr)
{
	unsigned int at = begin(p, signature, 1);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		point(p, p->len, bytes, tables[i]);
		p->len += bytes;
	}
	end(p, at);
	return at;
}

static void build_rsdp(struct acpi_part *p, unsigned int rsdt, unsigned int xsdt)
{
	memcpy(p->bytes, "RSD PTR ", 8);
	memcpy(p->bytes + 9, "SVMVCP", 6);
	put(p, 15, 1, 2);
	point(p, 16, 4, rsdt);
	put(p, 20, 4, ACPI_RSDP_BYTES);
	point(p, 24, 8, xsdt);
	p->len = ACPI_RSDP_BYTES;
	sum(p, 8, 0, 20);
	sum(p, 32, 0, ACPI_RSDP_BYTES);
}

void acpi_build(struct acpi *a, unsigned int cpus)
{
	struct acpi_part *p = &a->tables;
	unsigned int listed[2], facs, rsdt, xsdt;

	memset(a, 0, sizeof(*a));
	facs = build_facs(p);
	listed[0] = build_fadt(p, facs, build_dsdt(p));
	listed[1] = build_madt(p, cpus);
	rsdt = build_list(p, "RSDT", 4, listed, 2);
	xsdt = build_list(p, "XSDT", 8, listed, 2);
	build_rsdp(&a->rsdp, rsdt, xsdt);
}

void acpi_fix(struct acpi_part *part, __u64 gpa)
{
	unsigned int i, k;

	for (i = 0; i < part->nr_pointers; i++) {
		const struct acpi_pointer *to = &part->pointers[i];
		__u64 value = 0;

		memcpy(&value, part->bytes + to->at, to->bytes);
		put(part, to->at, to->bytes, value + gpa);
	}
	for (i = 0; i < part->nr_sums; i++) {
		const struct acpi_sum *s = &part->sums[i];
		__u8 total = 0;

		part->bytes[s->at] = 0;
		for (k = 0; k < s->len; k++)
			total += part->bytes[s->start + k];
		part->bytes[s->at] = -total;
	}
}
