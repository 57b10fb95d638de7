/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an exit handler is, and the exits that have a file of their own.
 */
#ifndef SVMVCPU_EXIT_H
#define SVMVCPU_EXIT_H

#include <linux/types.h>

#include "vcpu/vcpu.h"

/**
 * typedef exit_handler - answers one exit
 * @vcpu: its mutex held
 * @atomic: true: interrupts are off, the guest's xstate is loaded, nothing
 *	may sleep. false: an ordinary process context
 */
typedef enum exit_result (*exit_handler)(struct vcpu *vcpu, bool atomic);

void exit_init(void);
enum exit_result exit_by_table(struct vcpu *vcpu, u64 code, bool atomic);
enum exit_result exit_third_fault(struct vcpu *vcpu);
enum exit_result exit_pending_exception(struct vcpu *vcpu);
bool exit_answer_fits(const struct vcpu *vcpu, u32 flags);
enum exit_result exit_answer(struct vcpu *vcpu, u64 answer, u32 flags);

enum exit_result exit_hlt(struct vcpu *vcpu, bool atomic);
enum exit_result exit_npf(struct vcpu *vcpu, bool atomic);
enum exit_result exit_io(struct vcpu *vcpu, bool atomic);
enum exit_result exit_io_answer(struct vcpu *vcpu, u64 answer);
enum exit_result exit_cpuid(struct vcpu *vcpu, bool atomic);
enum exit_result exit_msr(struct vcpu *vcpu, bool atomic);
enum exit_result exit_msr_answer(struct vcpu *vcpu, u64 answer, bool fail);
enum exit_result exit_cr(struct vcpu *vcpu, bool atomic);
enum exit_result exit_xsetbv(struct vcpu *vcpu, bool atomic);
enum exit_result exit_dr(struct vcpu *vcpu, bool atomic);

enum exit_result exit_device(struct vcpu *vcpu, u64 gpa, bool write, bool atomic);
enum exit_result exit_mmio_answer(struct vcpu *vcpu, u64 data);

/**
 * exit_handle() - answer an exit
 * @vcpu: its mutex held
 * @code: EXITCODE of its VMCB
 * @atomic: see &typedef exit_handler
 *
 * Those that guests make most are called directly: an indirect call is a thunk. Port I/O,
 * where everything else is cheapest, is asked for first.
 *
 * Return: EXIT_RESUME, EXIT_USER or EXIT_ERROR; EXIT_SLEEP only with @atomic.
 */
static __always_inline enum exit_result exit_handle(struct vcpu *vcpu, u64 code, bool atomic)
{
	enum exit_result ret;

	if (likely(code == VMEXIT_IOIO)) {
		ret = exit_io(vcpu, atomic);
		goto out;
	}
	switch (code) {
	case VMEXIT_NPF:
		ret = exit_npf(vcpu, atomic);
		break;
	case VMEXIT_MSR:
		ret = exit_msr(vcpu, atomic);
		break;
	case VMEXIT_CPUID:
		ret = exit_cpuid(vcpu, atomic);
		break;
	case VMEXIT_HLT:
		ret = exit_hlt(vcpu, atomic);
		break;
	default:
		ret = exit_by_table(vcpu, code, atomic);
	}
out:
	return likely(!vcpu->shutdown) ? ret : exit_third_fault(vcpu);
}

#endif /* SVMVCPU_EXIT_H */
