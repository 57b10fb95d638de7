// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: CMOS, speaker timer and A20 gate. Only what those who poll need: no
 * interrupts, a clock that cannot be set, timers 0 and 1 read as an open bus.
 */
#include <string.h>
#include <time.h>

#include "platform.h"

#define PORT_TIMER2	0x42
#define PORT_TIMER_MODE	0x43
#define PORT_GATE	0x61
#define PORT_CMOS_INDEX	0x70
#define PORT_CMOS_DATA	0x71
#define PORT_A20	0x92

#define GATE_REFRESH	0x10
#define GATE_TIMER2_OUT	0x20
#define TIMER_ACCESS	0x30	/* 0: latch */
#define TIMER_HZ	1193182ULL
#define NS_PER_SEC	1000000000ULL
#define MIB		0x100000ULL

static __u8 bcd(int value)
{
	return value / 10 % 10 << 4 | value % 10;
}

/* the registers of the clock, UTC: 24 hours and BCD, as register B says */
static void cmos_clock(struct platform *p)
{
	time_t now = p->wall_s();
	struct tm t;

	if (!gmtime_r(&now, &t))
		return;
	p->cmos[0x00] = bcd(t.tm_sec);
	p->cmos[0x02] = bcd(t.tm_min);
	p->cmos[0x04] = bcd(t.tm_hour);
	p->cmos[0x06] = bcd(t.tm_wday + 1);
	p->cmos[0x07] = bcd(t.tm_mday);
	p->cmos[0x08] = bcd(t.tm_mon + 1);
	p->cmos[0x09] = bcd(t.tm_year);
	p->cmos[0x32] = bcd(t.tm_year / 100 + 19);
}

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
	p->timer_unread = 0;
}

static __u64 timer_ticks(const struct platform *p)
{
	__u64 passed = p->now_ns() - p->timer_start;

	return passed / NS_PER_SEC * TIMER_HZ + passed % NS_PER_SEC * TIMER_HZ / NS_PER_SEC;
}

static bool timer_expired(const struct platform *p)
{
	return timer_ticks(p) >= p->timer_count;
}

static void latch_timer(struct platform *p)
{
	if (p->timer_unread)
		return;
	p->timer_latch = p->timer_count - timer_ticks(p);
	p->timer_unread = 2;
}

/* low byte, then high byte, of one moment; mode 0 counts on through 0xffff */
static __u8 read_timer(struct platform *p)
{
	__u8 value;

	latch_timer(p);
	value = p->timer_latch;
	p->timer_latch >>= 8;
	p->timer_unread--;
	return value;
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
	case PORT_TIMER2:
		return read_timer(p);
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
	p->timer_unread = 0;
}

/* commands for timer 2: a mode, or to hold the count until it has been read */
static void write_timer_mode(struct platform *p, __u8 value)
{
	if (value >> 6 != 2)
		return;
	if (!(value & TIMER_ACCESS)) {
		latch_timer(p);
		return;
	}
	p->timer_high = false;
	p->timer_unread = 0;
}

void platform_write(struct platform *p, __u16 port, __u8 value)
{
	switch (port) {
	case PORT_TIMER2:
		write_timer(p, value);
		break;
	case PORT_TIMER_MODE:
		write_timer_mode(p, value);
		break;
	case PORT_GATE:
		p->gate = value & 0x0f;
		break;
	case PORT_CMOS_INDEX:
		p->index = value & 0x7f;
		cmos_clock(p);
		break;
	case PORT_CMOS_DATA:
		p->cmos[p->index] = value;
		break;
	case PORT_A20:
		p->a20 = value & 0xfe;	/* bit 0 would be a reset */
		break;
	}
}
