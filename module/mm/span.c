// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of user addresses. The caller provides the locking.
 */
#include "mm/span.h"

/* The smallest range that contains both. An empty range is ignored. */
struct span span_union(struct span a, struct span b)
{
	if (a.start >= a.end)
		return b;
	if (b.start >= b.end)
		return a;
	return (struct span) { min(a.start, b.start), max(a.end, b.end) };
}

static struct span span_common(struct span a, struct span b)
{
	return (struct span) { max(a.start, b.start), min(a.end, b.end) };
}

void span_set_add(struct span_set *set, struct span span)
{
	if (set->nr < SPAN_SET_MAX) {
		set->span[set->nr++] = span;
		return;
	}
	set->cover = set->more++ ? span_union(set->cover, span) : span;
}

/* Equal ranges are interchangeable, so any of them may be removed. */
void span_set_remove(struct span_set *set, struct span span)
{
	unsigned int i;

	for (i = 0; i < set->nr; i++) {
		if (set->span[i].start != span.start || set->span[i].end != span.end)
			continue;
		set->span[i] = set->span[--set->nr];
		return;
	}
	if (set->more)
		set->more--;
}

/* May return true where only the set's @cover overlaps @span. */
bool span_set_overlaps(const struct span_set *set, struct span span)
{
	struct span common = span_set_within(set, span);

	return common.start < common.end;
}

/* The smallest range that contains all of @span that is in the set */
struct span span_set_within(const struct span_set *set, struct span span)
{
	struct span within = { };
	unsigned int i;

	for (i = 0; i < set->nr; i++)
		within = span_union(within, span_common(set->span[i], span));
	if (set->more)
		within = span_union(within, span_common(set->cover, span));
	return within;
}
