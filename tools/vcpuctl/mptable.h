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
#define MPTABLE_BYTES	0x200

#define MPTABLE_LAPIC	0xfee00000U

/**
 * mptable_write() - floating pointer and configuration table
 * @at: MPTABLE_BYTES zeroed bytes, the guest's at MPTABLE_GPA
 *
 * One CPU with local APIC ID 0, an ISA bus, and the I/O APIC of ioapic.h with
 * ID 1. ISA interrupt 0 is on pin 2, the others on the pin of their number.
 *
 * Return: bytes used.
 */
size_t mptable_write(void *at);

#endif /* VCPUCTL_MPTABLE_H */
