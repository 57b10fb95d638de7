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

#define CMOS_BYTES	128

/**
 * struct platform - all of it
 * @now_ns: a clock that never goes back; tests bring their own
 * @wall_s: the time of day, in seconds since 1970
 * @cmos: contents
 * @index: CMOS register selected through port 0x70
 * @gate: port 0x61 as written
 * @refresh: the bit of port 0x61 that flips with every memory refresh
 * @a20: port 0x92
 * @timer_count: timer 2: ticks it counts down from
 * @timer_high: timer 2: the next byte written is the high one
 * @timer_start: timer 2: when it was loaded
 * @timer_latch: timer 2: what is left of its count to be read
 * @timer_unread: timer 2: bytes in @timer_latch
 */
struct platform {
	__u64 (*now_ns)(void);
	__s64 (*wall_s)(void);
	__u8 cmos[CMOS_BYTES];
	__u8 index;
	__u8 gate;
	bool refresh;
	__u8 a20;
	__u32 timer_count;
	bool timer_high;
	__u64 timer_start;
	__u16 timer_latch;
	unsigned int timer_unread;
};

void platform_reset(struct platform *p, __u64 mem);
/* handlers of one port each; @port tells which */
__u8 platform_read(struct platform *p, __u16 port);
void platform_write(struct platform *p, __u16 port, __u8 value);

#endif /* VCPUCTL_PLATFORM_H */
