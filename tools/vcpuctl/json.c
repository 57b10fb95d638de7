// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the JSON writer. Knows no schema; everything it writes is valid
 * whatever the guest sent, because all text goes through json_escape().
 */
#include <string.h>

#include "json.h"

void json_escape(FILE *out, const char *text, size_t len)
{
	size_t i;

	putc('"', out);
	for (i = 0; i < len; i++) {
		unsigned char c = text[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void key_of(struct json *j, const char *key)
{
	if (j->comma)
		putc(',', j->out);
	j->comma = true;
	if (!key)
		return;
	json_escape(j->out, key, strlen(key));
	putc(':', j->out);
}

static void open_with(struct json *j, const char *key, char c)
{
	key_of(j, key);
	putc(c, j->out);
	j->comma = false;
}

static void close_with(struct json *j, char c)
{
	putc(c, j->out);
	j->comma = true;
}

void json_open(struct json *j, const char *key)
{
	open_with(j, key, '{');
}

void json_close(struct json *j)
{
	close_with(j, '}');
}

void json_open_array(struct json *j, const char *key)
{
	open_with(j, key, '[');
}

void json_close_array(struct json *j)
{
	close_with(j, ']');
}

void json_text(struct json *j, const char *key, const void *value, size_t len)
{
	key_of(j, key);
	json_escape(j->out, value, len);
}

void json_str(struct json *j, const char *key, const char *value)
{
	json_text(j, key, value, strlen(value));
}

void json_num(struct json *j, const char *key, __u64 value)
{
	key_of(j, key);
	fprintf(j->out, "%llu", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	key_of(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_hex(struct json *j, const char *key, __u64 value)
{
	key_of(j, key);
	fprintf(j->out, "\"%#llx\"", value);
}
