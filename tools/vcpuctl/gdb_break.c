// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: tables of a debugger's breakpoints.
 */
#include <errno.h>
#include <string.h>

#include "gdb_break.h"

#define INT3		0xcc
#define DR7_ENABLE(n)	(1ULL << (2 * (n)))
#define DR7_RW_SHIFT(n)	(16 + 4 * (n))
#define DR7_LEN_SHIFT(n)	(18 + 4 * (n))

static struct gdb_soft *find_soft(struct gdb_breaks *b, __u64 linear)
{
	unsigned int i;

	for (i = 0; i < b->nr_soft; i++)
		if (b->soft[i].linear == linear)
			return &b->soft[i];
	return NULL;
}

static const struct gdb_soft *soft_at(const struct gdb_breaks *b, const __u8 *at)
{
	unsigned int i;

	for (i = 0; i < b->nr_soft; i++)
		if (b->soft[i].at == at)
			return &b->soft[i];
	return NULL;
}

int gdb_soft_insert(struct gdb_breaks *b, __u64 linear, __u8 *at)
{
	struct gdb_soft *s = find_soft(b, linear);
	const struct gdb_soft *same;

	/* the page tables may have changed since it was inserted */
	if (s && s->at != at)
		gdb_soft_remove(b, linear);
	else if (s)
		return 0;
	if (b->nr_soft == GDB_SOFT_MAX)
		return -ENOSPC;
	same = soft_at(b, at);
	s = &b->soft[b->nr_soft++];
	s->linear = linear;
	s->at = at;
	s->saved = same ? same->saved : *at;
	*at = INT3;
	return 0;
}

/* the byte goes back with the last breakpoint there, unless the guest has replaced it */
static void restore(const struct gdb_breaks *b, const struct gdb_soft *gone)
{
	if (!soft_at(b, gone->at) && *gone->at == INT3)
		*gone->at = gone->saved;
}

void gdb_soft_remove(struct gdb_breaks *b, __u64 linear)
{
	struct gdb_soft *s = find_soft(b, linear);
	struct gdb_soft gone;

	if (!s)
		return;
	gone = *s;
	*s = b->soft[--b->nr_soft];
	restore(b, &gone);
}

bool gdb_soft_at(const struct gdb_breaks *b, const __u8 *at)
{
	return soft_at(b, at);
}

void gdb_soft_read(const struct gdb_breaks *b, const __u8 *at, void *buf, size_t len)
{
	unsigned int i;

	memcpy(buf, at, len);
	for (i = 0; i < b->nr_soft; i++) {
		const struct gdb_soft *s = &b->soft[i];

		if (s->at >= at && s->at < at + len && *s->at == INT3)
			((__u8 *)buf)[s->at - at] = s->saved;
	}
}

void gdb_soft_write(struct gdb_breaks *b, __u8 *at, const void *buf, size_t len)
{
	unsigned int i;

	memcpy(at, buf, len);
	for (i = 0; i < b->nr_soft; i++) {
		struct gdb_soft *s = &b->soft[i];

		if (s->at < at || s->at >= at + len)
			continue;
		s->saved = ((const __u8 *)buf)[s->at - at];
		*s->at = INT3;
	}
}

static bool same_hard(const struct gdb_hard *h, enum gdb_break_type type, __u64 linear,
		      __u64 bytes)
{
	return h->used && h->type == type && h->linear == linear && h->bytes == bytes;
}

/* the length of the register that starts at @address: a power of two, aligned */
static unsigned int piece(__u64 address, __u64 left, unsigned int max)
{
	unsigned int len = max;

	while (len > left || address % len)
		len /= 2;
	return len;
}

static struct gdb_hard *free_hard(struct gdb_breaks *b)
{
	unsigned int i;

	for (i = 0; i < GDB_HARD_MAX; i++)
		if (!b->hard[i].used)
			return &b->hard[i];
	return NULL;
}

int gdb_hard_insert(struct gdb_breaks *b, enum gdb_break_type type, __u64 linear, __u64 bytes,
		    bool wide)
{
	unsigned int max = type == GDB_BREAK_HARD ? 1 : wide ? 8 : 4, i;
	__u64 done = 0;

	if (type == GDB_WATCH_READ)
		return -EOPNOTSUPP;
	if (!bytes)
		return -EINVAL;
	for (i = 0; i < GDB_HARD_MAX; i++)
		if (same_hard(&b->hard[i], type, linear, bytes))
			return 0;
	while (done < bytes) {
		struct gdb_hard *h = free_hard(b);

		if (!h) {
			gdb_hard_remove(b, type, linear, bytes);
			return -ENOSPC;
		}
		*h = (struct gdb_hard){ .used = true, .type = type, .linear = linear,
			.bytes = bytes, .address = linear + done };
		h->len = piece(h->address, bytes - done, max);
		done += h->len;
	}
	return 0;
}

void gdb_hard_remove(struct gdb_breaks *b, enum gdb_break_type type, __u64 linear, __u64 bytes)
{
	unsigned int i;

	for (i = 0; i < GDB_HARD_MAX; i++)
		if (same_hard(&b->hard[i], type, linear, bytes))
			b->hard[i].used = false;
}

const struct gdb_hard *gdb_hard_hit(const struct gdb_breaks *b, __u64 dr6)
{
	unsigned int i;

	for (i = 0; i < GDB_HARD_MAX; i++)
		if (b->hard[i].used && (dr6 >> i & 1))
			return &b->hard[i];
	return NULL;
}

void gdb_break_clear(struct gdb_breaks *b)
{
	while (b->nr_soft)
		gdb_soft_remove(b, b->soft[0].linear);
	memset(b->hard, 0, sizeof(b->hard));
}

static unsigned int dr7_rw(enum gdb_break_type type)
{
	switch (type) {
	case GDB_WATCH_WRITE:
		return 1;
	case GDB_WATCH_ACCESS:
		return 3;
	default:
		return 0;
	}
}

static unsigned int dr7_len(unsigned int len)
{
	return len == 8 ? 2 : len - 1;
}

void gdb_break_debug(const struct gdb_breaks *b, struct svmvcpu_set_debug *debug)
{
	unsigned int i;

	memset(debug, 0, sizeof(*debug));
	if (b->nr_soft)
		debug->flags |= SVMVCPU_DEBUG_INT3;
	for (i = 0; i < GDB_HARD_MAX; i++) {
		const struct gdb_hard *h = &b->hard[i];

		if (!h->used)
			continue;
		debug->flags |= SVMVCPU_DEBUG_BREAKPOINTS;
		debug->db[i] = h->address;
		debug->dr7 |= DR7_ENABLE(i) | (__u64)dr7_rw(h->type) << DR7_RW_SHIFT(i) |
			      (__u64)dr7_len(h->len) << DR7_LEN_SHIFT(i);
	}
}
