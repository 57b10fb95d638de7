// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which user addresses are being invalidated, and which of them faults are reading.
 * notify.c shows the protocol. All of this is protected by vmm_mm.lock.
 */
#include "mm/priv.h"

/* The smallest range that contains both. An empty range is ignored. */
static struct span span_union(struct span a, struct span b)
{
	if (span_empty(a))
		return b;
	if (span_empty(b))
		return a;
	return (struct span) { min(a.start, b.start), max(a.end, b.end) };
}

static struct span span_common(struct span a, struct span b)
{
	return (struct span) { max(a.start, b.start), min(a.end, b.end) };
}

static void span_set_add(struct span_set *set, struct span span)
{
	if (set->nr < SPAN_SET_MAX) {
		set->span[set->nr++] = span;
		return;
	}
	set->cover = set->more++ ? span_union(set->cover, span) : span;
}

/* Equal ranges are interchangeable, so any of them may be removed. */
static void span_set_remove(struct span_set *set, struct span span)
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

/* The smallest range that contains all of @span that is in the set */
static struct span span_set_within(const struct span_set *set, struct span span)
{
	struct span within = { };
	unsigned int i;

	for (i = 0; i < set->nr; i++)
		within = span_union(within, span_common(set->span[i], span));
	if (set->more)
		within = span_union(within, span_common(set->cover, span));
	return within;
}

/* May return true where only the set's @cover overlaps @span. */
static bool span_set_overlaps(const struct span_set *set, struct span span)
{
	return !span_empty(span_set_within(set, span));
}

/* Marks the watches that overlap @span. */
void invalidate_begin(struct vmm_mm *vmm, struct span span)
{
	struct hva_watch *watch;
	struct span marked;

	spin_lock(&vmm->lock);
	span_set_add(&vmm->invalidating, span);
	list_for_each_entry(watch, &vmm->watches, node) {
		if (!span_overlaps(watch->span, span))
			continue;
		marked = span_union(watch->invalidated, span);
		WRITE_ONCE(watch->invalidated.start, marked.start);
		WRITE_ONCE(watch->invalidated.end, marked.end);
	}
	spin_unlock(&vmm->lock);
}

void invalidate_end(struct vmm_mm *vmm, struct span span)
{
	spin_lock(&vmm->lock);
	span_set_remove(&vmm->invalidating, span);
	spin_unlock(&vmm->lock);
	if (wq_has_sleeper(&vmm->invalidate_wait))
		wake_up_all(&vmm->invalidate_wait);
}

/*
 * Starts watching @watch->span for invalidations. Returns false, and does not start, if
 * any of @need, the addresses that the fault must map, is being invalidated.
 */
bool hva_watch_begin(struct vmm_mm *vmm, struct hva_watch *watch, struct span need)
{
	bool begin;

	spin_lock(&vmm->lock);
	begin = !span_set_overlaps(&vmm->invalidating, need);
	if (begin) {
		watch->invalidated = span_set_within(&vmm->invalidating, watch->span);
		list_add(&watch->node, &vmm->watches);
	}
	spin_unlock(&vmm->lock);
	return begin;
}

void hva_watch_end(struct vmm_mm *vmm, struct hva_watch *watch)
{
	spin_lock(&vmm->lock);
	list_del(&watch->node);
	spin_unlock(&vmm->lock);
}
