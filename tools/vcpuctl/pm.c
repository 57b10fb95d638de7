// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: PM1 event and control registers. The machine is always in ACPI mode, no
 * event ever happens, and S5 is the only sleep state.
 */
#include "acpi.h"
#include "pm.h"

/* registers, one byte each */
#define REG_ENABLE	2
#define REG_CONTROL	4

#define CONTROL_SCI_EN	0x01	/* of the low byte */
#define CONTROL_SLP_TYP	0x1c	/* of the high byte */
#define CONTROL_SLP_EN	0x20	/* of the high byte; reads as 0 */

__u8 pm_read(const struct pm *p, unsigned int reg)
{
	switch (reg) {
	case REG_ENABLE:
	case REG_ENABLE + 1:
		return p->enable[reg - REG_ENABLE];
	case REG_CONTROL:
		return p->control[0] | CONTROL_SCI_EN;
	case REG_CONTROL + 1:
		return p->control[1] & ~CONTROL_SLP_EN;
	}
	return 0;
}

void pm_write(struct pm *p, unsigned int reg, __u8 value)
{
	switch (reg) {
	case REG_ENABLE:
	case REG_ENABLE + 1:
		p->enable[reg - REG_ENABLE] = value;
		break;
	case REG_CONTROL:
		p->control[0] = value;
		break;
	case REG_CONTROL + 1:
		p->control[1] = value;
		if ((value & CONTROL_SLP_EN) &&
		    (value & CONTROL_SLP_TYP) == ACPI_SLEEP_OFF << 2)
			p->off = true;
		break;
	}
}
