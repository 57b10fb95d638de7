// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: CMOS, speaker timer and A20 gate. Only what polling firmware needs:
 * no interrupts, no clock of day, timers 0 and 1 read as an open bus.
 */
#include <string.h>

#include "platform.h"

#define PORT_TIMER2	0x42
#define PORT_TIMER_MODE	0x43
#define PORT_GATE	0x61
#define PORT_CMOS_INDEX	0x70
#define PORT_CMOS_DATA	0x71
#define PORT_A20	0x92

#define GATE_REFRESH	0x10
#define GATE_TIMER2_OUT	0x20
#define TIMER_HZ	1193182ULL
#define NS_PER_SEC	1000000000ULL
#define MIB		0x100000ULL

static void cmos_word(struct platform *p, unsigned int at, __u64 value)
{
	if (value > 0xffff)
		value = 0xffff;
	p->cmos[at] = value;
	p->cmos[at + 1] = value >> 8;
}

void platform_reset(struct platform *p, __u64 mem)
{
	__u64 above1 = mem > MIB ? mem - MIB : 0;
	__u64 above16 = mem > 16 * MIB ? mem - 16 * MIB : 0;

	memset(p->cmos, 0, sizeof(p->cmos));
	p->cmos[0x0a] = 0x26;	/* divider as usual, no update going on */
	p->cmos[0x0b] = 0x02;	/* 24 hours, BCD */
	p->cmos[0x0d] = 0x80;	/* battery fine */
	cmos_word(p, 0x15, 640);
	cmos_word(p, 0x17, above1 / 1024);
	cmos_word(p, 0x30, above1 / 1024);
	cmos_word(p, 0x34, above16 / 65536);
	p->index = 0;
	p->gate = 0;
	p->refresh = false;
	p->a20 = 0x02;
	p->timer_count = 0x10000;
	p->timer_high = false;
	p->timer_start = p->now_ns();
}

static bool timer_expired(const struct platform *p)
{
	__u64 passed = p->now_ns() - p->timer_start;

	return passed >= p->timer_count * NS_PER_SEC / TIMER_HZ;
}

static __u8 read_gate(struct platform *p)
{
	__u8 value = p->gate;

	p->refresh = !p->refresh;
	if (p->refresh)
		value |= GATE_REFRESH;
	if (timer_expired(p))
		value |= GATE_TIMER2_OUT;
	return value;
}

__u8 platform_read(struct platform *p, __u16 port)
{
	switch (port) {
	case PORT_GATE:
		return read_gate(p);
	case PORT_CMOS_DATA:
		return p->cmos[p->index];
	case PORT_A20:
		return p->a20;
	}
	return 0xff;
}

static void write_timer(struct platform *p, __u8 value)
{
	if (!p->timer_high) {
		p->timer_count = value;
		p->timer_high = true;
		return;
	}
	p->timer_count |= value << 8;
	if (!p->timer_count)
		p->timer_count = 0x10000;
	p->timer_high = false;
	p->timer_start = p->now_ns();
}

void platform_write(struct platform *p, __u16 port, __u8 value)
{
	switch (port) {
	case PORT_TIMER2:
		write_timer(p, value);
		break;
	case PORT_TIMER_MODE:
		if (value >> 6 == 2)
			p->timer_high = false;
		break;
	case PORT_GATE:
		p->gate = value & 0x0f;
		break;
	case PORT_CMOS_INDEX:
		p->index = value & 0x7f;
		break;
	case PORT_CMOS_DATA:
		p->cmos[p->index] = value;
		break;
	case PORT_A20:
		p->a20 = value & 0xfe;	/* bit 0 would be a reset */
		break;
	}
}
