// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the counters of a vCPU, while it may be running. The thread that holds
 * vcpu.mutex counts with local_inc(), which is one instruction and never torn.
 */
#include <linux/math64.h>
#include <asm/tsc.h>

#include "vcpu/stats.h"

#define STAT(name)	SVMVCPU_STAT_EXIT_##name

/* The counter of each EXITCODE. Every code below VMEXIT_MAX must be here. */
const u8 exit_stats[VMEXIT_MAX] = {
	[VMEXIT_CR0_READ ... VMEXIT_CR0_WRITE + 15]	= STAT(CR),
	[VMEXIT_DR0_READ ... VMEXIT_DR0_WRITE + 15]	= STAT(DR),
	[VMEXIT_EXCEPTION ... VMEXIT_EXCEPTION + 31]	= STAT(EXCEPTION),
	[VMEXIT_INTR ... VMEXIT_INIT]			= STAT(HOST),
	[VMEXIT_VINTR]					= STAT(WINDOW),
	[VMEXIT_CR0_SEL_WRITE]				= STAT(CR),
	[VMEXIT_IDTR_READ ... VMEXIT_POPF]		= STAT(OTHER),
	[VMEXIT_CPUID]					= STAT(CPUID),
	[VMEXIT_RSM]					= STAT(OTHER),
	[VMEXIT_IRET]					= STAT(WINDOW),
	[VMEXIT_INTN]					= STAT(EXCEPTION),
	[VMEXIT_INVD]					= STAT(OTHER),
	[VMEXIT_PAUSE]					= STAT(PAUSE),
	[VMEXIT_HLT]					= STAT(HLT),
	[VMEXIT_INVLPG ... VMEXIT_INVLPGA]		= STAT(OTHER),
	[VMEXIT_IOIO]					= STAT(IO),
	[VMEXIT_MSR]					= STAT(MSR),
	[VMEXIT_TASK_SWITCH ... VMEXIT_FERR_FREEZE]	= STAT(OTHER),
	[VMEXIT_SHUTDOWN]				= STAT(SHUTDOWN),
	[VMEXIT_VMRUN]					= STAT(OTHER),
	[VMEXIT_VMMCALL]				= STAT(VMMCALL),
	[VMEXIT_VMLOAD ... VMEXIT_NPF - 1]		= STAT(OTHER),
	[VMEXIT_NPF]					= STAT(NPF),
};

static u64 cycles_to_ns(u64 cycles)
{
	u64 rest;

	/* 0 if the kernel does not trust the TSC */
	if (!tsc_khz)
		return 0;
	cycles = div64_u64_rem(cycles, tsc_khz, &rest);
	return cycles * NSEC_PER_MSEC + div_u64(rest * NSEC_PER_MSEC, tsc_khz);
}

/* See stat_time_begin(). TSCs of two CPUs may differ slightly, so clamp. */
static u64 stat_time(const local_t *counter)
{
	s64 cycles = local_read(counter);

	if (cycles < 0)
		cycles += svm_tsc();
	return cycles_to_ns(max_t(s64, cycles, 0));
}

/**
 * vcpu_get_stats() - read all counters
 * @vcpu: the vCPU; its mutex is not needed
 * @values: out: SVMVCPU_STAT_NR elements
 *
 * Context: any.
 */
void vcpu_get_stats(const struct vcpu *vcpu, u64 *values)
{
	unsigned int i;

	for (i = 0; i < SVMVCPU_STAT_NR; i++)
		values[i] = local_read(&vcpu->stats[i]);
	values[SVMVCPU_STAT_EXITS] = READ_ONCE(vcpu->exits);
	values[SVMVCPU_STAT_KICKS] = atomic64_read(&vcpu->kicks);
	values[SVMVCPU_STAT_LOADED_NS] = stat_time(&vcpu->stats[SVMVCPU_STAT_LOADED_NS]);
	values[SVMVCPU_STAT_HALTED_NS] = stat_time(&vcpu->stats[SVMVCPU_STAT_HALTED_NS]);
}
