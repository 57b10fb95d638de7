// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: the payload of an exit as text. Counts in the payload are checked, because
 * it may come from a page that another thread writes to.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exit_text.h"

#define fallthrough	__attribute__((fallthrough))

const char *const svmvcpu_vector_words[SVMVCPU_VECTOR_WORDS] = {
	[0] = "#DE", [1] = "#DB", [2] = "NMI", [3] = "#BP",
	[4] = "#OF", [5] = "#BR", [6] = "#UD", [7] = "#NM",
	[8] = "#DF", [10] = "#TS", [11] = "#NP", [12] = "#SS",
	[13] = "#GP", [14] = "#PF", [16] = "#MF", [17] = "#AC",
	[18] = "#MC", [19] = "#XF", [21] = "#CP", [28] = "#HV",
	[29] = "#VC", [30] = "#SX",
};

const char *const svmvcpu_down_words[SVMVCPU_DOWN_WORDS] = {
	[SVMVCPU_DOWN_POWEROFF] = "power-off",
	[SVMVCPU_DOWN_RESET] = "reset",
	[SVMVCPU_DOWN_INIT] = "init",
};

static const char * const direction_words[] = { "out", "in" };
static const char * const by_words[] = { "signal", "kick", "deadline", "coalesced", "stop" };
static const char * const cause_words[] = { "step", "breakpoints", "int3" };
static const char * const ipi_words[] = {
	[SVMVCPU_MSG_SMI] = "smi",
	[SVMVCPU_MSG_INIT] = "init",
	[SVMVCPU_MSG_STARTUP] = "startup",
};

#define RULE_WORD(nr, name, str) \
	[nr] = str,
static const char * const rule_words[] = { SVMVCPU_RULES(RULE_WORD) };

/* What the rows of exit_fields.h expand to; members are IN_STRUCT, which STARTS_AT there. */
#define WIDTH(member)		sizeof(((IN_STRUCT *)0)->member)
#define ITEM(member)		sizeof(*((IN_STRUCT *)0)->member)
#define AT(member)		(offsetof(IN_STRUCT, member) - STARTS_AT)
#define NR(array)		(sizeof(array) / sizeof(*(array)))

#define ALWAYS			.any = 0
#define WHEN(member, any_of, none_of) \
	.when_at = AT(member), .when_width = WIDTH(member), .any = any_of, .none = none_of
#define WITH(member, bits)	WHEN(member, bits, 0)
#define WITHOUT(member, bits)	WHEN(member, 0, bits)

#define FIELD(form, why, key, member, ...) \
	{ .format = SVMVCPU_FIELD_##form, .reason = SVMVCPU_EXIT_##why, .name = key, \
	  .at = AT(member), .width = WIDTH(member), __VA_ARGS__ }
#define COUNTED(form, why, key, member, count, ...) \
	{ .format = SVMVCPU_FIELD_##form, .reason = SVMVCPU_EXIT_##why, .name = key, \
	  .at = AT(member), .width = ITEM(member), .nr = WIDTH(member) / ITEM(member), \
	  .count_at = AT(count), .count_width = WIDTH(count), __VA_ARGS__ }

#define DEC(why, key, member, when, text)	FIELD(DEC, why, key, member, when)
#define HEX(why, key, member, when, text)	FIELD(HEX, why, key, member, when)
#define NUM(why, key, member, when, text)	FIELD(NUM, why, key, member, when)
#define CHAR(why, key, member, when, text)	FIELD(CHAR, why, key, member, when)
#define COUNT(why, key, member, when, text)	FIELD(COUNT, why, key, member, when)
#define WINDOW(why, key, member, when, text)	FIELD(WINDOW, why, key, member, when)
#define SET(why, key, member, bits, when, text) \
	FIELD(SET, why, key, member, when, .mask = bits)
#define CLEAR(why, key, member, bits, when, text) \
	FIELD(CLEAR, why, key, member, when, .mask = bits)
#define WORD(why, key, member, bits, list, when, text) \
	FIELD(WORD, why, key, member, when, .mask = bits, .words = list, .nr = NR(list))
#define BITS(why, key, member, list, when, text) \
	FIELD(BITS, why, key, member, when, .words = list, .nr = NR(list))
#define BYTES(why, key, member, count, text)	COUNTED(BYTES, why, key, member, count)
#define LIST(why, key, member, count, rows, text) \
	COUNTED(LIST, why, key, member, count, .fields = rows)
#define ARRAY(why, key, member, text) \
	{ .format = SVMVCPU_FIELD_ARRAY, .reason = SVMVCPU_EXIT_##why, .name = key, \
	  .at = AT(member), .width = ITEM(member), .nr = WIDTH(member) / ITEM(member) }
#define ANSWER(why, when, text) \
	{ .format = SVMVCPU_FIELD_ANSWER, .reason = SVMVCPU_EXIT_##why, .name = "answer", when }

#include "svmvcpu/exit_fields.h"

static __u64 number_at(const void *base, unsigned int at, unsigned int width)
{
	const __u8 *bytes = base;
	__u64 value = 0;

	/* The host is little-endian. */
	memcpy(&value, bytes + at, width < sizeof(value) ? width : sizeof(value));
	return value;
}

bool svmvcpu_field_there(const struct svmvcpu_field *field, const void *base)
{
	__u64 bits = number_at(base, field->when_at, field->when_width);

	return (!field->any || (bits & field->any)) && !(bits & field->none);
}

__u64 svmvcpu_field_value(const struct svmvcpu_field *field, const void *base)
{
	__u64 value = number_at(base, field->at, field->width);

	switch (field->format) {
	case SVMVCPU_FIELD_SET:
		return !!(value & field->mask);
	case SVMVCPU_FIELD_CLEAR:
		return !(value & field->mask);
	case SVMVCPU_FIELD_WORD:
		return value & field->mask;
	}
	return value;
}

unsigned int svmvcpu_field_count(const struct svmvcpu_field *field, const void *base)
{
	struct svmvcpu_exit_io io;
	__u64 count = field->nr;

	if (field->format == SVMVCPU_FIELD_WINDOW) {
		memcpy(&io, base, sizeof(io));
		return io.count * io.width;
	}
	if (field->count_width)
		count = number_at(base, field->count_at, field->count_width);
	if (count > field->nr)
		return 0;
	return count;
}

const void *svmvcpu_field_item(const struct svmvcpu_field *field, const void *base,
			       unsigned int i)
{
	return (const __u8 *)base + field->at + i * field->width;
}

__u64 svmvcpu_field_element(const struct svmvcpu_field *field, const void *base, unsigned int i)
{
	return number_at(base, field->at + i * field->width, field->width);
}

const char *svmvcpu_field_word(const struct svmvcpu_field *field, __u64 value)
{
	const char *word = NULL;

	if (value < field->nr)
		word = field->words[value];
	return word ?: "?";
}

/* A bounded appender: what does not fit is cut, the end is always terminated. */
struct text {
	char *buf;
	size_t len;
	size_t at;
};

[[gnu::format(printf, 2, 3)]]
static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	if (t->at + 1 >= t->len)
		return;
	va_start(args, fmt);
	n = vsnprintf(t->buf + t->at, t->len - t->at, fmt, args);
	va_end(args);
	if (n > 0)
		t->at += n;
	if (t->at >= t->len)
		t->at = t->len - 1;
}

static bool printable(__u64 c)
{
	return c >= 0x20 && c < 0x7f;
}

/* The start of string data, as characters if all of it is printable. */
static void put_window(struct text *t, const __u8 *data, unsigned int total)
{
	unsigned int shown = total < 16 ? total : 16;
	unsigned int i;

	for (i = 0; i < shown && printable(data[i]); i++)
		;
	if (shown && i == shown)
		put(t, " \"%.*s\"", (int)shown, (const char *)data);
	else
		for (i = 0; i < shown; i++)
			put(t, " %02x", data[i]);
	if (shown < total)
		put(t, " ...");
}

static void put_number(struct text *t, const struct svmvcpu_field *f, __u64 value)
{
	switch (f->format) {
	case SVMVCPU_FIELD_COUNT:
		if (value == 1)
			break;
		fallthrough;
	case SVMVCPU_FIELD_DEC:
		put(t, " %s %llu", f->name, value);
		break;
	case SVMVCPU_FIELD_HEX:
	case SVMVCPU_FIELD_NUM:
	case SVMVCPU_FIELD_CHAR:
		put(t, " %s 0x%llx", f->name, value);
		if (f->format == SVMVCPU_FIELD_CHAR && printable(value))
			put(t, " '%c'", (int)value);
		break;
	}
}

static void put_bits(struct text *t, const struct svmvcpu_field *f, __u64 value)
{
	unsigned int i;

	put(t, " %s", f->name);
	for (i = 0; i < f->nr; i++) {
		if (!(value & (1ULL << i)) || !f->words[i])
			continue;
		put(t, " %s", f->words[i]);
		value &= ~(1ULL << i);
	}
	if (value)
		put(t, " 0x%llx", value);
}

static void put_fields(struct text *t, const struct svmvcpu_field *f, unsigned int reason,
		       const void *base, const void *window);

static void put_elements(struct text *t, const struct svmvcpu_field *f, const void *base)
{
	unsigned int i, nr = svmvcpu_field_count(f, base);

	if (nr)
		put(t, " %s", f->name);
	for (i = 0; i < nr; i++) {
		switch (f->format) {
		case SVMVCPU_FIELD_BYTES:
			put(t, " %02llx", svmvcpu_field_element(f, base, i));
			break;
		case SVMVCPU_FIELD_ARRAY:
			put(t, " 0x%llx", svmvcpu_field_element(f, base, i));
			break;
		case SVMVCPU_FIELD_LIST:
			put(t, i ? "," : ":");
			put_fields(t, f->fields, f->reason, svmvcpu_field_item(f, base, i), NULL);
			break;
		}
	}
	if (nr && f->format == SVMVCPU_FIELD_LIST)
		put(t, ";");
}

static void put_field(struct text *t, const struct svmvcpu_field *f, const void *base,
		      const void *window)
{
	__u64 value = svmvcpu_field_value(f, base);

	switch (f->format) {
	case SVMVCPU_FIELD_SET:
	case SVMVCPU_FIELD_CLEAR:
		if (value)
			put(t, " %s", f->name);
		break;
	case SVMVCPU_FIELD_WORD:
		put(t, " %s", svmvcpu_field_word(f, value));
		break;
	case SVMVCPU_FIELD_BITS:
		put_bits(t, f, value);
		break;
	case SVMVCPU_FIELD_BYTES:
	case SVMVCPU_FIELD_ARRAY:
	case SVMVCPU_FIELD_LIST:
		put_elements(t, f, base);
		break;
	case SVMVCPU_FIELD_WINDOW:
		if (window)
			put_window(t, window, svmvcpu_field_count(f, base));
		break;
	default:	/* an ANSWER has no text */
		put_number(t, f, value);
		break;
	}
}

static void put_fields(struct text *t, const struct svmvcpu_field *f, unsigned int reason,
		       const void *base, const void *window)
{
	for (; f->name; f++)
		if (f->reason == reason && svmvcpu_field_there(f, base))
			put_field(t, f, base, window);
}

size_t svmvcpu_exit_text(unsigned int reason, const void *payload, const void *window,
			 char *buf, size_t len)
{
	struct text t = { .buf = buf, .len = len };

	if (len)
		buf[0] = '\0';
	put_fields(&t, svmvcpu_exit_fields, reason, payload, window);
	return t.at;
}
