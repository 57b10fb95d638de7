/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges of user addresses, and a set of them: what is being invalidated.
 */
#ifndef SVMVCPU_SPAN_H
#define SVMVCPU_SPAN_H

#include <linux/minmax.h>
#include <linux/types.h>

/* Addresses [start, end); empty unless @start is below @end */
struct span {
	u64 start;
	u64 end;
};

/* Ranges that a set stores exactly; rarely are more invalidated at a time. */
#define SPAN_SET_MAX	64

struct span_set {
	unsigned int nr;		/* used entries of @span */
	unsigned int more;		/* ranges added while @span was full */
	struct span cover;		/* contains all of these */
	struct span span[SPAN_SET_MAX];
};

static inline bool span_overlaps(struct span a, struct span b)
{
	return max(a.start, b.start) < min(a.end, b.end);
}

struct span span_union(struct span a, struct span b);
void span_set_add(struct span_set *set, struct span span);
void span_set_remove(struct span_set *set, struct span span);
bool span_set_overlaps(const struct span_set *set, struct span span);
struct span span_set_within(const struct span_set *set, struct span span);

#endif /* SVMVCPU_SPAN_H */
