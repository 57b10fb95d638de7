// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest of tools/examples/snapfuzz.c: flat 32-bit code that parses what is
 * in its buffer, with two bugs to be found. Input is the word "SNAP", then records
 * of a type, a length and so many bytes:
 *
 *	0	the end
 *	1	text, of which a sum is made
 *	2	go back so many bytes, to say the same again
 *	3	a name
 *
 * A name longer than 16 bytes runs over what is to be called in the end, and a
 * record of type 2 can go back to itself for ever.
 */
#include "guest.h"

#define INPUT_MAX	256

struct parser {
	unsigned char name[16];
	unsigned int (*finish)(struct parser *p);
	unsigned int sum;
};

/* The first word is the length; the VMM writes both. */
static struct {
	unsigned int len;
	unsigned char data[INPUT_MAX];
} input __attribute__((aligned(4096)));

static void out(unsigned short port, unsigned int value, unsigned long a, unsigned long b)
{
	asm volatile("outl %%eax, %%dx"
		     : : "a" (value), "d" (port), "D" (a), "c" (b) : "memory");
}

static unsigned int finish(struct parser *p)
{
	unsigned int i;

	for (i = 0; i < sizeof(p->name); i++)
		p->sum = p->sum * 31 + p->name[i];
	return p->sum;
}

static void record(struct parser *p, unsigned char type, const unsigned char *data,
		   unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++) {
		if (type == 1)
			p->sum += data[i];
		else if (type == 3)
			p->name[i] = data[i];	/* the bug */
	}
}

/* 0: valid */
static unsigned int parse(void)
{
	struct parser p = { .finish = finish };
	unsigned int at = 4;

	if (input.len > INPUT_MAX || input.len < 4 || input.data[0] != 'S' ||
	    input.data[1] != 'N' || input.data[2] != 'A' || input.data[3] != 'P')
		return 1;
	while (at + 2 <= input.len && input.data[at]) {
		unsigned char type = input.data[at], len = input.data[at + 1];

		if (type > 3)
			return 2;
		if (type == 2) {
			if (len > at)
				return 3;
			at -= len;	/* the other bug */
			continue;
		}
		if (at + 2 + len > input.len)
			return 4;
		record(&p, type, &input.data[at + 2], len);
		at += 2 + len;
	}
	return p.finish(&p) ? 0 : 5;
}

/* First in the image; VMMs start here. */
__attribute__((section(".entry"), noreturn))
void _start(void)
{
	for (;;) {
		out(PORT_READY, 0, (unsigned long)&input, INPUT_MAX);
		out(PORT_DONE, parse(), 0, 0);
	}
}
