/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the tables of Intel's MultiProcessor Specification 1.4, from which
 * a kernel learns of the I/O APIC where there is no ACPI.
 */
#ifndef VCPUCTL_MPTABLE_H
#define VCPUCTL_MPTABLE_H

#include <stddef.h>

#include <linux/types.h>

/* in the BIOS area, where it is looked for at 16-byte boundaries */
#define MPTABLE_GPA	0xf0000ULL
/* for 255 CPUs */
#define MPTABLE_BYTES	0x1600

#define MPTABLE_LAPIC	0xfee00000U

/**
 * mptable_write() - floating pointer and configuration table
 * @at: MPTABLE_BYTES zeroed bytes, the guest's at MPTABLE_GPA
 * @cpus: number of CPUs, 1 to 255; the CPU n has the local APIC ID n
 *
 * The CPUs, of which the first boots, an ISA bus, and the I/O APIC of ioapic.h, whose
 * ID is @cpus. ISA interrupt 0 is on pin 2, the others on the pin of their number.
 *
 * Return: bytes used.
 */
size_t mptable_write(void *at, unsigned int cpus);

#endif /* VCPUCTL_MPTABLE_H */
