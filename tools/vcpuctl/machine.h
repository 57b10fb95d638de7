/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the machine around the vCPUs: it answers exits, one at a time. Sees nothing but the
 * run page and the string data, so tests drive it without a module.
 */
#ifndef VCPUCTL_MACHINE_H
#define VCPUCTL_MACHINE_H

#include <stdbool.h>

#include <linux/svmvcpu.h>

#include "fwcfg.h"
#include "ioapic.h"
#include "platform.h"
#include "pm.h"
#include "uart.h"

#define MACHINE_CONTINUE	(-1)

/* ISA interrupts, which are pins of the I/O APIC */
#define IRQ_SERIAL	4

/**
 * struct machine - devices and policies
 * @uart: serial port at 0x3f8; its callbacks belong to the caller
 * @platform: firmware's chips; their clocks belong to the caller
 * @pm: power management registers of ACPI
 * @ioapic: the I/O APIC; its callback belongs to the caller
 * @apic: @ioapic is there
 * @ignore: reads of addresses where nothing is are all ones, writes have no effect
 * @fwcfg: what firmware is told, or NULL
 * @debug: called with each byte written to the debug port
 * @arg: handed to @debug
 * @msr_ignore: unknown MSRs read 0 and ignore writes instead of #GP
 * @code: what the guest wrote to the exit port
 * @used: accesses to devices
 * @refused: the last MSR access was answered with #GP, for the trace
 */
struct machine {
	struct uart uart;
	struct platform platform;
	struct pm pm;
	struct ioapic ioapic;
	bool apic;
	bool ignore;
	struct fwcfg *fwcfg;
	void (*debug)(void *arg, __u8 byte);
	void *arg;
	bool msr_ignore;
	__u32 code;
	__u64 used;
	bool refused;
};

/* @mem: bytes of RAM; the callbacks must be set */
void machine_reset(struct machine *m, __u64 mem);

/**
 * machine_exit() - answer one exit
 * @m: the machine
 * @run: the run page; the answer goes into it
 * @window: data of a string IO exit, or NULL
 *
 * Return: MACHINE_CONTINUE to run on, otherwise the exit status to end with.
 */
int machine_exit(struct machine *m, struct svmvcpu_run *run, void *window);

/* raise or lower an interrupt; nothing happens without an I/O APIC */
void machine_irq(struct machine *m, unsigned int irq, bool level);

#endif /* VCPUCTL_MACHINE_H */
