/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu: the payload of an exit, field by field. exit_fields.h is the table, from
 * which exit_text.c makes text and vcpuctl makes JSON.
 */
#ifndef SVMVCPU_EXIT_TEXT_H
#define SVMVCPU_EXIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/svmvcpu.h>

/* How a field looks as text and as JSON */
enum svmvcpu_field_format {
	SVMVCPU_FIELD_DEC,	/* name 12;		"name":12 */
	SVMVCPU_FIELD_HEX,	/* name 0xc;		"name":"0xc" */
	SVMVCPU_FIELD_NUM,	/* name 0xc;		"name":12 */
	SVMVCPU_FIELD_CHAR,	/* name 0x41 'A';	"name":65 */
	SVMVCPU_FIELD_COUNT,	/* name 12, 1: nothing;	"name":12 */
	SVMVCPU_FIELD_SET,	/* name, or nothing;	"name":true	@mask has a bit set */
	SVMVCPU_FIELD_CLEAR,	/* name, or nothing;	"name":true	@mask has none set */
	SVMVCPU_FIELD_WORD,	/* word;		"name":"word"	of @words */
	SVMVCPU_FIELD_BITS,	/* name word ...;	"name":3	of @words */
	SVMVCPU_FIELD_BYTES,	/* name 0f a2;		"name":[15,162] */
	SVMVCPU_FIELD_ARRAY,	/* name 0x1 0x2;	"name":["0x1","0x2"] */
	SVMVCPU_FIELD_LIST,	/* name: ..., ...;	"name":[{...},{...}]	of @fields */
	SVMVCPU_FIELD_WINDOW,	/* "abc", or bytes;	"name":"abc"	the data window */
	SVMVCPU_FIELD_ANSWER,	/* not in the payload: RUN takes svmvcpu_run.answer */
};

struct svmvcpu_field {
	const char *name;
	__u8 reason;
	__u8 format;
	__u8 at;		/* offset in the payload, or in the element of a LIST */
	__u8 width;		/* bytes of the field or of an element */
	__u8 nr;		/* maximum number of elements, or number of words */
	__u8 count_at;		/* offset of the number of elements; width 0: all */
	__u8 count_width;
	__u8 when_at;		/* offset of the bits of @any and @none */
	__u8 when_width;
	__u32 any;		/* the field exists only if one of these bits is set; 0: always */
	__u32 none;		/* and if none of these bits is set */
	__u32 mask;
	const char *const *words;
	const struct svmvcpu_field *fields;
};

/* Sorted by reason; the last one has no name. */
extern const struct svmvcpu_field svmvcpu_exit_fields[];

/* Buffer size of svmvcpu_exit_text() for the longest payload */
#define SVMVCPU_EXIT_TEXT_MAX	640

/* @base: the payload, or an element of a LIST. It may contain anything. */
bool svmvcpu_field_there(const struct svmvcpu_field *field, const void *base);
__u64 svmvcpu_field_value(const struct svmvcpu_field *field, const void *base);
/* Number of elements; WINDOW: number of bytes */
unsigned int svmvcpu_field_count(const struct svmvcpu_field *field, const void *base);
/* Element @i of an ARRAY or of BYTES; svmvcpu_field_item() returns its address. */
__u64 svmvcpu_field_element(const struct svmvcpu_field *field, const void *base, unsigned int i);
const void *svmvcpu_field_item(const struct svmvcpu_field *field, const void *base,
			       unsigned int i);
/* Returns the word of a WORD, or "?" if @value has none. */
const char *svmvcpu_field_word(const struct svmvcpu_field *field, __u64 value);

/*
 * Writes the fields of an exit as text, each after a blank, and truncates it if @buf is too
 * small. @window: the data of a string IO exit, or NULL. Returns the length.
 */
size_t svmvcpu_exit_text(unsigned int reason, const void *payload, const void *window,
			 char *buf, size_t len);

/* Words that names.c uses as well */
#define SVMVCPU_VECTOR_WORDS	32
#define SVMVCPU_DOWN_WORDS	3
extern const char *const svmvcpu_vector_words[SVMVCPU_VECTOR_WORDS];
extern const char *const svmvcpu_down_words[SVMVCPU_DOWN_WORDS];

#endif /* SVMVCPU_EXIT_TEXT_H */
