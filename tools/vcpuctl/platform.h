/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: the few motherboard chips without which firmware and kernels wait
 * for ever: CMOS memory with its clock, the timer behind the speaker gate and
 * the A20 gate.
 */
#ifndef VCPUCTL_PLATFORM_H
#define VCPUCTL_PLATFORM_H

#include <stdbool.h>

#include <linux/types.h>

#include "pit.h"

#define CMOS_BYTES	128

/**
 * struct platform - all of it
 * @wall_s: the time of day, in seconds since 1970
 * @cmos: contents
 * @index: CMOS register selected through port 0x70
 * @pit: the timer; its clock belongs to the caller
 * @a20: port 0x92
 */
struct platform {
	__s64 (*wall_s)(void);
	__u8 cmos[CMOS_BYTES];
	__u8 index;
	struct pit pit;
	__u8 a20;
};

void platform_reset(struct platform *p, __u64 mem);
/* handlers of one port each; @port tells which */
__u8 platform_read(struct platform *p, __u16 port);
void platform_write(struct platform *p, __u16 port, __u8 value);

#endif /* VCPUCTL_PLATFORM_H */
