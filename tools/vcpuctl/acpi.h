/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the ACPI tables of the virtual machine (ACPI specification 5.0).
 */
#ifndef VCPUCTL_ACPI_H
#define VCPUCTL_ACPI_H

#include <stddef.h>

#include <linux/types.h>

/* The fixed hardware: the PM1 event and control blocks (pm.c) */
#define ACPI_PM1_EVENT		0x600
#define ACPI_PM1_EVENT_BYTES	4
#define ACPI_PM1_CONTROL	0x604
#define ACPI_PM1_CONTROL_BYTES	2
/* SLP_TYP of the state S5, as \_S5 says */
#define ACPI_SLEEP_OFF		0

#define ACPI_MAX_CPUS		255
#define ACPI_RSDP_BYTES		36
#define ACPI_MAX_BYTES		4096
#define ACPI_MAX_POINTERS	10
#define ACPI_MAX_SUMS		8

/* where kernels look for the RSDP, on 16-byte boundaries */
#define ACPI_GPA		0xe0000ULL
#define ACPI_TABLES_GPA		(ACPI_GPA + 0x40)

/* an address in the tables: @bytes at @at, to which the tables' own is added */
struct acpi_pointer {
	unsigned int at;
	unsigned int bytes;
};

/* the byte @at makes the sum of the @len bytes from @start on zero */
struct acpi_sum {
	unsigned int at;
	unsigned int start;
	unsigned int len;
};

/**
 * struct acpi_part - bytes that have not got an address yet
 * @len: bytes that are used
 * @pointers: what to add the address of the tables to
 * @nr_pointers: entries of @pointers
 * @sums: the checksums, to be set after the pointers
 * @nr_sums: entries of @sums
 * @bytes: the contents
 */
struct acpi_part {
	size_t len;
	struct acpi_pointer pointers[ACPI_MAX_POINTERS];
	unsigned int nr_pointers;
	struct acpi_sum sums[ACPI_MAX_SUMS];
	unsigned int nr_sums;
	__u8 bytes[ACPI_MAX_BYTES];
};

/* All pointers are into @tables, which are placed at a multiple of 64. */
struct acpi {
	struct acpi_part rsdp;
	struct acpi_part tables;
};

/**
 * acpi_build() - make the tables of a machine
 * @a: filled in
 * @cpus: number of CPUs, 1 to ACPI_MAX_CPUS; the CPU n has the APIC ID n
 *
 * The tables are RSDT, XSDT, FADT, FACS, MADT and DSDT. They describe the I/O APIC of
 * ioapic.h with ISA interrupt 0 on its pin 2, power-off by the PM1 control
 * register, and reset by port 0xcf9.
 */
void acpi_build(struct acpi *a, unsigned int cpus);

/**
 * acpi_fix() - set the pointers and checksums of a part
 * @part: the RSDP or the tables; its bytes are changed
 * @gpa: where the tables are going to be
 */
void acpi_fix(struct acpi_part *part, __u64 gpa);

#endif /* VCPUCTL_ACPI_H */
