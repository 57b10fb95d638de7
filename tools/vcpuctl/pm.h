/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the power management registers of ACPI, PM1 event and control.
 */
#ifndef VCPUCTL_PM_H
#define VCPUCTL_PM_H

#include <stdbool.h>

#include <linux/types.h>

#define PM_PORTS	8	/* from ACPI_PM1_EVENT on */

/**
 * struct pm - the registers
 * @enable: PM1 enable, as written: there are no events
 * @control: PM1 control, as written
 * @off: the guest has asked for the state S5
 */
struct pm {
	__u8 enable[2];
	__u8 control[2];
	bool off;
};

/* @reg: port minus ACPI_PM1_EVENT */
__u8 pm_read(const struct pm *p, unsigned int reg);
void pm_write(struct pm *p, unsigned int reg, __u8 value);

#endif /* VCPUCTL_PM_H */
