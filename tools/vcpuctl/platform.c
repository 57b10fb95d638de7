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
#define PORT_CMOS_INDEX	0x70
#define PORT_CMOS_DATA	0x71
#define PORT_A20	0x92

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
	p->a20 = 0x02;
	pit_reset(&p->pit);
}

__u8 platform_read(struct platform *p, __u16 port)
{
	switch (port) {
	case PORT_TIMER2:
	case PIT_SPEAKER:
		return pit_read(&p->pit, port);
	case PORT_CMOS_DATA:
		return p->cmos[p->index];
	case PORT_A20:
		return p->a20;
	}
	return 0xff;
}

void platform_write(struct platform *p, __u16 port, __u8 value)
{
	switch (port) {
	case PORT_TIMER2:
	case PORT_TIMER_MODE:
	case PIT_SPEAKER:
		pit_write(&p->pit, port, value);
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
