// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: when a guest has been silent for too long. Once is enough.
 */
#include "hint.h"

#define NS_PER_SEC	1000000000ULL

void hint_alive(struct hint *h, __u64 now)
{
	h->at = now + HINT_SECONDS * NS_PER_SEC;
}

__u64 hint_deadline(const struct hint *h, __u64 deadline)
{
	return h->wanted && (!deadline || h->at < deadline) ? h->at : deadline;
}

bool hint_due(struct hint *h, struct svmvcpu_run *run, __u64 now, __u64 deadline)
{
	if (!h->wanted || now < h->at || (deadline && now >= deadline))
		return false;
	if (run->reason == SVMVCPU_EXIT_INTERRUPTED)
		run->interrupted.by &= ~SVMVCPU_BY_DEADLINE;
	h->wanted = false;
	return true;
}
