/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exit handlers, from EXITCODE to the exit that the VMM sees. All functions expect
 * vcpu.mutex held.
 *
 * @atomic: interrupts are off and the guest's xstate is loaded. A handler that has to
 * sleep returns EXIT_SLEEP and has changed nothing; run.c then calls it again in process
 * context, with @atomic false.
 */
#ifndef SVMVCPU_EXIT_H
#define SVMVCPU_EXIT_H

#include <linux/types.h>

#include "vcpu/vcpu.h"

enum exit_result exit_by_code(struct vcpu *vcpu, u64 code, bool atomic);
enum exit_result exit_third_fault(struct vcpu *vcpu);
enum exit_result exit_pending_exception(struct vcpu *vcpu);
enum exit_result exit_complete(struct vcpu *vcpu, u64 answer, u32 flags);

enum exit_result exit_npf(struct vcpu *vcpu, bool atomic);
enum exit_result exit_io(struct vcpu *vcpu, bool atomic);
enum exit_result exit_cpuid(struct vcpu *vcpu, bool atomic);
enum exit_result exit_msr(struct vcpu *vcpu, bool atomic);
enum exit_result exit_cr(struct vcpu *vcpu, bool atomic);
enum exit_result exit_xsetbv(struct vcpu *vcpu, bool atomic);
enum exit_result exit_dr(struct vcpu *vcpu, bool atomic);

/* The next RUN calls @complete. @next_rip: 0 if it computes RIP itself */
static inline void exit_set_pending(struct vcpu *vcpu, exit_completion complete, u32 flags,
				    u64 next_rip)
{
	struct vcpu_pending *pending = &vcpu->pending_exit;

	pending->complete = complete;
	pending->flags = flags;
	pending->rip = vcpu_rip(vcpu);
	pending->next_rip = next_rip;
}

/*
 * Handle an exit. Returns EXIT_RESUME, EXIT_USER, EXIT_ERROR, or EXIT_SLEEP if @atomic.
 * The most frequent ones avoid the switch of exit_by_code().
 */
static __always_inline enum exit_result exit_handle(struct vcpu *vcpu, u64 code, bool atomic)
{
	enum exit_result ret;

	if (likely(code == VMEXIT_IOIO))
		ret = exit_io(vcpu, atomic);
	else if (code == VMEXIT_NPF)
		ret = exit_npf(vcpu, atomic);
	else if (code == VMEXIT_CPUID)
		ret = exit_cpuid(vcpu, atomic);
	else
		ret = exit_by_code(vcpu, code, atomic);
	return likely(!vcpu->shutdown) ? ret : exit_third_fault(vcpu);
}

#endif /* SVMVCPU_EXIT_H */
