/* SPDX-License-Identifier: GPL-2.0-only */
/* vcpuctl: showing counters, as tables or as JSON */
#ifndef VCPUCTL_STATSHOW_H
#define VCPUCTL_STATSHOW_H

#include <stdio.h>

#include "json.h"
#include "statscan.h"

/* the counters of a vCPU that are not 0, one per line with its description */
void stat_print(FILE *out, const struct svmvcpu_vcpu_stats *stats);
/* the members of one vCPU, in an object that the caller has opened */
void stat_json_values(struct json *j, const __u64 *values);

/* one object with all VMs, on one line */
void stat_show_json(FILE *out, const struct stat_scan *now);

/**
 * stat_show() - a table of vCPUs, and one of the sums of all counters
 * @out: the stream
 * @now: the counters
 * @before: an earlier scan for rates, or NULL: show totals only
 * @seconds: time between the two
 */
void stat_show(FILE *out, const struct stat_scan *now, const struct stat_scan *before,
	       double seconds);

#endif /* VCPUCTL_STATSHOW_H */
