/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine checks of the host while a guest runs.
 */
#ifndef SVMVCPU_MACHINE_CHECK_H
#define SVMVCPU_MACHINE_CHECK_H

#include <linux/types.h>

void machine_check_enable(void);
bool machine_check_by_guest(void);
void machine_check_report(void);

#endif /* SVMVCPU_MACHINE_CHECK_H */
