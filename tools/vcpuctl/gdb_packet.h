/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: packets of the GDB remote serial protocol ("Overview" in the appendix of
 * GDB's manual). Pure functions over the caller's memory; the input is not trusted.
 */
#ifndef VCPUCTL_GDB_PACKET_H
#define VCPUCTL_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* the payload of a packet in either direction; PacketSize of qSupported */
#define GDB_PACKET_MAX	0x4000

/* what a byte of input has completed */
enum gdb_input {
	GDB_NOTHING,
	GDB_PACKET,	/* gdb_parser.data holds a packet */
	GDB_DAMAGED,	/* a packet with a wrong checksum, or longer than the maximum */
	GDB_ACK,
	GDB_NAK,
	GDB_INTERRUPT,	/* byte 03, which is GDB's Ctrl-C */
};

/**
 * struct gdb_parser - input, a byte at a time; all zero at the start
 * @state: position in a packet
 * @escape: the last byte was the escape character
 * @sum: checksum so far
 * @expected: checksum of the packet
 * @len: bytes in @data, or more than GDB_PACKET_MAX if they did not fit
 * @data: the packet without escapes, terminated
 */
struct gdb_parser {
	enum { GDB_OUTSIDE, GDB_INSIDE, GDB_SUM_HIGH, GDB_SUM_LOW } state;
	bool escape;
	__u8 sum;
	int expected;
	size_t len;
	char data[GDB_PACKET_MAX + 1];
};

enum gdb_input gdb_parse(struct gdb_parser *p, __u8 byte);

/**
 * struct gdb_reply - a packet to send
 * @len: bytes in @data
 * @full: something did not fit
 * @data: the packet with its frame
 */
struct gdb_reply {
	size_t len;
	bool full;
	char data[GDB_PACKET_MAX + 5];
};

void gdb_reply_begin(struct gdb_reply *r);
void gdb_reply_end(struct gdb_reply *r);
/* the number of bytes of payload that still fit */
size_t gdb_reply_room(const struct gdb_reply *r);
void gdb_put_bytes(struct gdb_reply *r, const void *bytes, size_t len);
void gdb_put_escaped(struct gdb_reply *r, const void *bytes, size_t len);
/* two digits for each byte */
void gdb_put_hex(struct gdb_reply *r, const void *bytes, size_t len);
[[gnu::format(printf, 2, 3)]]
void gdb_put(struct gdb_reply *r, const char *fmt, ...);

/*
 * Reading: each function advances @at over what it has read, and returns false and
 * leaves @at alone if something else is there, or a number that does not fit.
 */
bool gdb_get_char(const char **at, char c);
bool gdb_get_number(const char **at, __u64 *value);
/* @len bytes of two digits each */
bool gdb_get_hex(const char **at, void *bytes, size_t len);

#endif /* VCPUCTL_GDB_PACKET_H */
