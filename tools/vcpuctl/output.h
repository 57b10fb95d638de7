/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: everything "vcpuctl run" says, as text or as JSON lines.
 *
 * Text: the guest's bytes go to @out untouched, trace, summary and dumps to
 * @err. JSON: each line of @out is one object with a member "type": "output",
 * "exit" or "result".
 */
#ifndef VCPUCTL_OUTPUT_H
#define VCPUCTL_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "svmvcpu_lib.h"

enum channel { CHANNEL_SERIAL, CHANNEL_DEBUG, NR_CHANNELS };

/* guest output collected for one JSON line */
struct line {
	char text[256];
	size_t len;
};

struct output {
	FILE *out;
	FILE *err;
	bool json;
	bool trace;
	bool quiet;
	unsigned int vcpus;	/* text names the vCPU if there are several */
	__u64 exits;
	struct line lines[NR_CHANNELS];
};

/**
 * struct ending - how a run ended
 * @status: exit status of vcpuctl
 * @code: with STATUS_GUEST_CODE, what the guest wrote
 * @cpu: the vCPU whose exit ended it
 * @nr: number of vCPUs
 * @exits: of all vCPUs, those that the kernel has handled included
 * @run: run page of the last exit
 * @window: its string data, or NULL
 * @state: full registers, or NULL where the module did not give them
 * @stats: counters of the @nr vCPUs, or NULL
 * @insn: bytes at RIP
 * @insn_len: how many could be read
 */
struct ending {
	int status;
	__u32 code;
	unsigned int cpu;
	unsigned int nr;
	__u64 exits;
	const struct svmvcpu_run *run;
	const void *window;
	const struct svmvcpu_state *state;
	const struct svmvcpu_vcpu_stats *stats;
	__u8 insn[16];
	size_t insn_len;
};

void output_byte(struct output *o, enum channel ch, __u8 byte);
/* one exit of vCPU @cpu has been answered; prints it when tracing */
void output_exit(struct output *o, unsigned int cpu, const struct svmvcpu_run *run,
		 const void *window, bool refused);
/* no device has been used for @seconds; @run says where the guest is */
void output_silence(const struct output *o, const struct svmvcpu_run *run,
		    unsigned int seconds);
void output_end(struct output *o, const struct ending *end);
/* the name of an exit status in VCPUCTL_STATUSES, and what it means */
const char *status_name(int status);
const char *status_text(int status);

#endif /* VCPUCTL_OUTPUT_H */
