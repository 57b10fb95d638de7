/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a JSON writer for one object per line. The caller opens and closes
 * objects in order; commas and escapes are done here.
 */
#ifndef VCPUCTL_JSON_H
#define VCPUCTL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

struct json {
	FILE *out;
	bool comma;
};

/* a string with quotes; bytes that are not ASCII become U+0080 to U+00FF */
void json_escape(FILE *out, const char *text, size_t len);

/* key NULL inside arrays and at the top */
void json_open(struct json *j, const char *key);
void json_close(struct json *j);
void json_open_array(struct json *j, const char *key);
void json_close_array(struct json *j);
void json_str(struct json *j, const char *key, const char *value);
void json_text(struct json *j, const char *key, const void *value, size_t len);
void json_num(struct json *j, const char *key, __u64 value);
void json_bool(struct json *j, const char *key, bool value);
/* 64-bit values as "0x..." strings: JSON numbers lose bits beyond 2^53 */
void json_hex(struct json *j, const char *key, __u64 value);

#endif /* VCPUCTL_JSON_H */
