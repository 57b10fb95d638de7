/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: instructions that the kernel does not decode, on the local APIC, on the
 * I/O APIC and on addresses where nothing is. libsvmvcpu-insn executes them.
 */
#ifndef VCPUCTL_FINISH_H
#define VCPUCTL_FINISH_H

#include "load.h"
#include "machine.h"

/* the access ended in another exit, which the run page describes */
#define FINISH_EXIT	(-2)

/**
 * finish_insn() - execute the instruction of a MEMORY_FAULT exit
 * @m: the machine, with the I/O APIC
 * @g: the guest's memory
 * @info: of the module
 * @vcpu: stopped there
 *
 * Return: MACHINE_CONTINUE; FINISH_EXIT, with an exit to be answered first, also
 * where the instruction failed after it and will be repeated; or
 * STATUS_MEMORY_FAULT when it is not an access to one of these, and, with
 * svmvcpu_last_error(), when the library cannot execute the instruction.
 */
int finish_insn(struct machine *m, const struct guest *g, const struct svmvcpu_info *info,
		struct svmvcpu_vcpu *vcpu);

#endif /* VCPUCTL_FINISH_H */
