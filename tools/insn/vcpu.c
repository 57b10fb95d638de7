// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: the connection with a vCPU's run page. See svmvcpu_insn.h.
 */
#include <errno.h>
#include <string.h>

#include "svmvcpu_insn.h"

#define NOT_DATA	(SVMVCPU_FAULT_EXEC | SVMVCPU_FAULT_WALK | SVMVCPU_FAULT_KERNEL)

static int check_exit(const struct svmvcpu_run *run, const struct svmvcpu_exit_memory *mem)
{
	if (run->reason != SVMVCPU_EXIT_MEMORY_FAULT)
		return svmvcpu_fail(ENOTSUP, "the last exit is %s, not a memory fault",
				    svmvcpu_exit_name(run->reason));
	if (mem->flags & NOT_DATA)
		return svmvcpu_fail(ENOTSUP, "no data access of an instruction at %#llx",
				    mem->gpa);
	if (!mem->insn_len || mem->insn_len > sizeof(mem->insn))
		return svmvcpu_fail(ENOTSUP, "the instruction bytes are not known");
	return 0;
}

/* It lasts for one instruction, and that was this one. */
static int end_shadow(struct svmvcpu_vcpu *vcpu, struct svmvcpu_state *state)
{
	state->events.shadow = 0;
	return svmvcpu_vcpu_set_state(vcpu, SVMVCPU_STATE_EVENTS, state);
}

int svmvcpu_vcpu_emulate(struct svmvcpu_vcpu *vcpu, struct svmvcpu_emul *emul)
{
	struct svmvcpu_exit_memory mem = vcpu->run->memory;
	struct svmvcpu_gprs gprs = vcpu->run->gprs;
	struct svmvcpu_state state;
	int ret;

	ret = check_exit(vcpu->run, &mem);
	if (ret)
		return ret;
	ret = svmvcpu_vcpu_get_state(vcpu, SVMVCPU_STATE_SEGMENTS | SVMVCPU_STATE_CONTROL |
				     SVMVCPU_STATE_EVENTS, &state);
	if (ret)
		return ret;
	if (state.events.exception)
		return svmvcpu_fail(ENOTSUP, "the delivery of an event accessed %#llx", mem.gpa);
	emul->insn = mem.insn;
	emul->insn_len = mem.insn_len;
	emul->gpa = mem.gpa;
	emul->gprs = &gprs;
	emul->segments = &state.segments;
	emul->control = &state.control;
	ret = svmvcpu_emulate(emul);
	if (!ret && state.events.shadow)
		ret = end_shadow(vcpu, &state);
	if (memcmp(&vcpu->run->gprs, &gprs, sizeof(gprs))) {
		vcpu->run->gprs = gprs;
		vcpu->run->in_flags |= SVMVCPU_RUN_SET_GPRS;
	}

	/* these were ours */
	emul->insn = NULL;
	emul->gprs = NULL;
	emul->segments = NULL;
	emul->control = NULL;
	return ret;
}
