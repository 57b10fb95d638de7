/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a message on the terminal when a guest has used no device for a while, for
 * example because it executes memory that is not code.
 */
#ifndef VCPUCTL_HINT_H
#define VCPUCTL_HINT_H

#include <stdbool.h>

#include <linux/svmvcpu.h>

#define HINT_SECONDS	3

/**
 * struct hint - when to give it
 * @wanted: it is to be given, and has not been
 * @at: when, on the clock of &svmvcpu_run.deadline_ns
 */
struct hint {
	bool wanted;
	__u64 at;
};

/* the guest has used a device, or starts, at @now */
void hint_alive(struct hint *h, __u64 now);

/* the deadline of RUN; @deadline: of the user, or 0 */
__u64 hint_deadline(const struct hint *h, __u64 deadline);

/*
 * RUN has returned at @now: whether to give the hint. A deadline that is not the user's
 * is removed from the exit.
 */
bool hint_due(struct hint *h, struct svmvcpu_run *run, __u64 now, __u64 deadline);

#endif /* VCPUCTL_HINT_H */
