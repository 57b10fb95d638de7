/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a vCPU, for GET_VCPU_STATS and /proc/PID/fdinfo */
#ifndef SVMVCPU_STATS_H
#define SVMVCPU_STATS_H

#include "svm/cpu.h"
#include "svm/vmcb.h"
#include "vcpu/vcpu.h"

/*
 * A time counter is the sum of all complete periods, in TSC cycles. During a period, the
 * TSC at its beginning is subtracted. The sum is smaller than the TSC, so the counter is
 * negative then, and a reader adds the current TSC. svm_tsc() does not go back at suspend.
 */
static __always_inline void stat_time_begin(local_t *counter)
{
	local_sub(svm_tsc(), counter);
}

static __always_inline void stat_time_end(local_t *counter)
{
	local_add(svm_tsc(), counter);
}

extern const u8 exit_stats[VMEXIT_MAX];

/* Count an exit by its EXITCODE, which comes from the CPU: no guest can choose it freely. */
static __always_inline void vcpu_count_exit(struct vcpu *vcpu, u64 code)
{
	if (unlikely(code >= VMEXIT_MAX))
		vcpu_count(vcpu, SVMVCPU_STAT_EXIT_OTHER);
	else
		vcpu_count(vcpu, exit_stats[code]);
}

void vcpu_get_stats(const struct vcpu *vcpu, u64 *values);

#endif /* SVMVCPU_STATS_H */
