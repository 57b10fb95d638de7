// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of the GDB protocol: what comes in, whole, damaged or without an end, and what
 * goes out.
 */
#include <string.h>

#include "gdb_packet.h"
#include "tap.h"

static struct gdb_parser parser;

/* the result of the last byte */
static enum gdb_input feed(const char *bytes, size_t len)
{
	enum gdb_input last = GDB_NOTHING;
	size_t i;

	for (i = 0; i < len; i++)
		last = gdb_parse(&parser, bytes[i]);
	return last;
}

#define FEED(text)	feed(text, sizeof(text) - 1)

static void test_input(void)
{
	static const struct {
		const char *name;
		const char *bytes;
		enum gdb_input last;
		const char *data;
	} cases[] = {
		{ "a packet", "$g#67", GDB_PACKET, "g" },
		{ "an empty one", "$#00", GDB_PACKET, "" },
		{ "capital digits", "$qOO#0F", GDB_PACKET, "qOO" },
		{ "the wrong checksum", "$g#68", GDB_DAMAGED, NULL },
		{ "no checksum", "$g#zz", GDB_DAMAGED, NULL },
		{ "half a checksum", "$g#6z", GDB_DAMAGED, NULL },
		{ "a packet within one", "$garb$g#67", GDB_PACKET, "g" },
		{ "garbage before it", "abc#12\n$g#67", GDB_PACKET, "g" },
		{ "an escaped byte", "$X}\003#d8", GDB_PACKET, "X#" },
		{ "an escape before the end", "$g}#e4", GDB_DAMAGED, NULL },
		{ "acknowledged", "+", GDB_ACK, NULL },
		{ "not acknowledged", "-", GDB_NAK, NULL },
		{ "Ctrl-C", "\003", GDB_INTERRUPT, NULL },
		{ "Ctrl-C in a packet is data", "$\003#03", GDB_PACKET, "\003" },
		{ "signs in a packet are data", "$+-#58", GDB_PACKET, "+-" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum gdb_input last = feed(cases[i].bytes, strlen(cases[i].bytes));

		OK(last == cases[i].last &&
		   (!cases[i].data || (parser.len == strlen(cases[i].data) &&
				       !strcmp(parser.data, cases[i].data))), "%s", cases[i].name);
	}
	OK(FEED("$a\0b#c3") == GDB_PACKET && parser.len == 3 && !memcmp(parser.data, "a\0b", 4),
	   "a zero byte");
}

/* a packet of @len times 'a' */
static enum gdb_input feed_long(size_t len)
{
	static const char digits[] = "0123456789abcdef";
	__u8 sum = (__u8)('a' * len);
	size_t i;

	FEED("$");
	for (i = 0; i < len; i++)
		FEED("a");
	FEED("#");
	gdb_parse(&parser, digits[sum >> 4]);
	return gdb_parse(&parser, digits[sum & 15]);
}

static void test_length(void)
{
	OK(feed_long(GDB_PACKET_MAX) == GDB_PACKET && parser.len == GDB_PACKET_MAX &&
	   !parser.data[GDB_PACKET_MAX], "the longest packet");
	OK(feed_long(GDB_PACKET_MAX + 1) == GDB_DAMAGED, "one byte more");
	OK(feed_long(5000000) == GDB_DAMAGED, "millions more");
	OK(FEED("$g#67") == GDB_PACKET && parser.len == 1, "the next one is good");
}

static struct gdb_reply reply;

static bool replies(const char *text)
{
	gdb_reply_end(&reply);
	return reply.len == strlen(text) && !memcmp(reply.data, text, reply.len);
}

static void test_output(void)
{
	static char big[GDB_PACKET_MAX + 1];

	gdb_reply_begin(&reply);
	OK(replies("$#00"), "an empty reply");
	gdb_reply_begin(&reply);
	gdb_put(&reply, "E%02x", 14);
	OK(replies("$E0e#da"), "text");
	gdb_reply_begin(&reply);
	gdb_put_hex(&reply, "\x01\xfe", 2);
	OK(replies("$01fe#2c"), "bytes as digits");
	gdb_reply_begin(&reply);
	gdb_put_escaped(&reply, "a$#*}", 5);
	OK(replies("$a}\x04}\x03}\x0a}\x5d#c3"), "escapes");
	gdb_reply_begin(&reply);
	gdb_put_bytes(&reply, big, GDB_PACKET_MAX);
	OK(!reply.full && !gdb_reply_room(&reply), "a full one");
	gdb_put(&reply, "x");
	gdb_put_hex(&reply, big, 1);
	OK(reply.full && reply.len == GDB_PACKET_MAX + 1, "what does not fit is left out");
	gdb_reply_end(&reply);
	OK(reply.len == GDB_PACKET_MAX + 4, "with its checksum");
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool good;
		__u64 value;
		char next;
	} cases[] = {
		{ "0", true, 0, 0 }, { "1f,2", true, 0x1f, ',' },
		{ "DeadBeef", true, 0xdeadbeef, 0 },
		{ "ffffffffffffffff", true, ~0ULL, 0 }, { "0000000000000000000001", true, 1, 0 },
		{ "10000000000000000", false, 0, '1' }, { "", false, 0, 0 }, { "g", false, 0, 'g' },
		{ "-1", false, 0, '-' }, { " 1", false, 0, ' ' },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *at = cases[i].text;
		__u64 value = 0;
		bool good = gdb_get_number(&at, &value);

		OK(good == cases[i].good && value == cases[i].value && *at == cases[i].next,
		   "number '%s'", cases[i].text);
	}
}

static void test_bytes(void)
{
	const char *at = "01Ff8";
	__u8 bytes[3];

	OK(gdb_get_hex(&at, bytes, 2) && bytes[0] == 1 && bytes[1] == 0xff && *at == '8',
	   "bytes");
	OK(!gdb_get_hex(&at, bytes, 1) && *at == '8', "half a byte");
	at = "";
	OK(gdb_get_hex(&at, bytes, 0) && !gdb_get_hex(&at, bytes, 1), "the end");
	OK(!gdb_get_char(&at, '\0'), "the end is no character");
}

int main(void)
{
	test_input();
	test_length();
	test_output();
	test_numbers();
	test_bytes();
	return tap_done();
}
