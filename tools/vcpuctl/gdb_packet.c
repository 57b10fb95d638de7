// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: packets of the GDB remote serial protocol: $DATA#CHECKSUM, in which a
 * 7d escapes the next byte. The run-length encoding that replies may use is left out:
 * a stub need not use it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gdb_packet.h"

#define ESCAPE		0x7d
#define ESCAPE_XOR	0x20
#define INTERRUPT	0x03
#define TRAILER		3	/* # and the checksum */

static const char digits[] = "0123456789abcdef";

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum gdb_input parse_outside(struct gdb_parser *p, __u8 byte)
{
	switch (byte) {
	case '$':
		p->state = GDB_INSIDE;
		p->escape = false;
		p->sum = 0;
		p->len = 0;
		return GDB_NOTHING;
	case '+':
		return GDB_ACK;
	case '-':
		return GDB_NAK;
	case INTERRUPT:
		return GDB_INTERRUPT;
	}
	return GDB_NOTHING;
}

static void store(struct gdb_parser *p, __u8 byte)
{
	if (p->escape)
		byte ^= ESCAPE_XOR;
	p->escape = false;
	if (p->len < GDB_PACKET_MAX)
		p->data[p->len] = byte;
	/* stays above the maximum, however long the packet is */
	if (p->len <= GDB_PACKET_MAX)
		p->len++;
}

static enum gdb_input parse_inside(struct gdb_parser *p, __u8 byte)
{
	/* never part of a packet: the end of this one has been lost */
	if (byte == '$')
		return parse_outside(p, byte);
	if (byte == '#') {
		p->state = GDB_SUM_HIGH;
		return GDB_NOTHING;
	}
	p->sum += byte;
	if (byte == ESCAPE && !p->escape)
		p->escape = true;
	else
		store(p, byte);
	return GDB_NOTHING;
}

static enum gdb_input parse_sum(struct gdb_parser *p, __u8 byte)
{
	int value = digit_value(byte);

	if (p->state == GDB_SUM_HIGH) {
		p->expected = value < 0 ? -1 : value << 4;
		p->state = GDB_SUM_LOW;
		return GDB_NOTHING;
	}
	p->state = GDB_OUTSIDE;
	if (value < 0 || p->expected < 0 || (p->expected | value) != p->sum ||
	    p->len > GDB_PACKET_MAX || p->escape)
		return GDB_DAMAGED;
	p->data[p->len] = '\0';
	return GDB_PACKET;
}

enum gdb_input gdb_parse(struct gdb_parser *p, __u8 byte)
{
	switch (p->state) {
	case GDB_OUTSIDE:
		return parse_outside(p, byte);
	case GDB_INSIDE:
		return parse_inside(p, byte);
	default:
		return parse_sum(p, byte);
	}
}

void gdb_reply_begin(struct gdb_reply *r)
{
	r->data[0] = '$';
	r->len = 1;
	r->full = false;
}

void gdb_reply_end(struct gdb_reply *r)
{
	__u8 sum = 0;
	size_t i;

	for (i = 1; i < r->len; i++)
		sum += r->data[i];
	r->data[r->len++] = '#';
	r->data[r->len++] = digits[sum >> 4];
	r->data[r->len++] = digits[sum & 0xf];
}

size_t gdb_reply_room(const struct gdb_reply *r)
{
	return GDB_PACKET_MAX + 1 - r->len;
}

void gdb_put_bytes(struct gdb_reply *r, const void *bytes, size_t len)
{
	if (len > gdb_reply_room(r)) {
		r->full = true;
		return;
	}
	memcpy(r->data + r->len, bytes, len);
	r->len += len;
}

void gdb_put_escaped(struct gdb_reply *r, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		const char escaped[] = { ESCAPE, p[i] ^ ESCAPE_XOR };

		if (p[i] == '$' || p[i] == '#' || p[i] == '*' || p[i] == ESCAPE)
			gdb_put_bytes(r, escaped, sizeof(escaped));
		else
			gdb_put_bytes(r, p + i, 1);
	}
}

void gdb_put_hex(struct gdb_reply *r, const void *bytes, size_t len)
{
	const __u8 *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		const char text[] = { digits[p[i] >> 4], digits[p[i] & 0xf] };

		gdb_put_bytes(r, text, sizeof(text));
	}
}

void gdb_put(struct gdb_reply *r, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0 || len >= (int)sizeof(text))
		r->full = true;
	else
		gdb_put_bytes(r, text, len);
}

bool gdb_get_char(const char **at, char c)
{
	if (**at != c || !c)
		return false;
	++*at;
	return true;
}

bool gdb_get_number(const char **at, __u64 *value)
{
	const char *p = *at;
	__u64 v = 0;

	if (digit_value(*p) < 0)
		return false;
	for (; digit_value(*p) >= 0; p++) {
		if (v >> 60)
			return false;
		v = v << 4 | digit_value(*p);
	}
	*at = p;
	*value = v;
	return true;
}

bool gdb_get_hex(const char **at, void *bytes, size_t len)
{
	const char *p = *at;
	__u8 *out = bytes;
	size_t i;

	for (i = 0; i < len; i++, p += 2) {
		/* the terminator is no digit: nothing behind it is read */
		if (digit_value(p[0]) < 0 || digit_value(p[1]) < 0)
			return false;
		out[i] = digit_value(p[0]) << 4 | digit_value(p[1]);
	}
	*at = p;
	return true;
}
