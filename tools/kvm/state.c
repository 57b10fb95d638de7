// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the state of a vCPU in svmvcpu's form. Registers that an exit may have
 * left on the run page are there; see regs.c.
 */
#include "log.h"
#include "vcpu.h"

int state_get(struct vcpu *vcpu, __u64 components, struct svmvcpu_state *state)
{
	int err = svmvcpu_vcpu_get_state(&vcpu->dev, components, state);

	return err ? refuse(-err, "%s", svmvcpu_last_error()) : 0;
}

int state_set(struct vcpu *vcpu, __u64 components, struct svmvcpu_state *state)
{
	int err = svmvcpu_vcpu_set_state(&vcpu->dev, components, state);

	return err ? refuse(-err, "%s", svmvcpu_last_error()) : 0;
}
