/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: one run: the machine, its vCPUs, and how it ends.
 */
#ifndef VCPUCTL_SESSION_H
#define VCPUCTL_SESSION_H

#include <pthread.h>

#include "gdb_vcpu.h"
#include "hint.h"
#include "input.h"
#include "load.h"
#include "machine.h"
#include "output.h"
#include "watch.h"

/**
 * struct cpu - the thread of a vCPU
 * @s: the session
 * @nr: number of the vCPU
 * @thread: it
 * @tid: its ID, for a signal handler, or 0
 * @idle: it sleeps, and only another vCPU can wake it; valid if @asked is the session's
 *	@halts
 * @asked: value of the session's @halts when the thread was last asked whether it is idle
 */
struct cpu {
	struct session *s;
	unsigned int nr;
	pthread_t thread;
	int tid;
	bool idle;
	unsigned int asked;
};

/**
 * struct session_end - how the run has ended
 * @over: it has
 * @status: exit status, or a negative errno
 * @cpu: vCPU whose exit ended it
 * @run: its run page at that time
 * @error: with a negative @status, the reason
 */
struct session_end {
	bool over;
	int status;
	unsigned int cpu;
	struct svmvcpu_run run;
	char error[256];
};

/**
 * struct session - everything one run holds; closed in reverse order
 * @lock: protects @input, @watch, @output, @machine, @cpus, @halts and @end while vCPUs run.
 *	A thread holds it while it answers an exit, never in RUN, and never when it waits
 *	for a debugger
 * @no_device: it could not be opened
 * @vcpus: the vCPUs
 * @nr: how many of them are open
 * @gdb: NULL without --gdb
 * @cpus: a thread for each vCPU
 * @halts: how often a vCPU has executed HLT with interrupts disabled
 */
struct session {
	pthread_mutex_t lock;
	struct run_options options;
	struct guest guest;
	struct input input;
	struct watch watch;
	struct hint hint;
	struct output output;
	struct machine machine;
	struct svmvcpu_info info;
	int dev;
	bool no_device;
	int vm;
	struct svmvcpu_vcpu vcpus[MAX_CPUS];
	unsigned int nr;
	struct gdb_vcpus gdb_vcpus;
	struct gdb *gdb;
	struct cpu cpus[MAX_CPUS];
	unsigned int halts;
	struct session_end end;
};

/* string data of the last exit of a vCPU, or NULL */
void *session_window(const struct svmvcpu_vcpu *vcpu);

/*
 * run all vCPUs until the first of them ends the run; @s->end says how. Returns 0, or a
 * negative errno with a reason if the threads cannot be started
 */
int cpus_run(struct session *s);
/* whether a signal has come to end the run */
int cpus_stopping(void);
__u64 cpus_now_ns(void);

#endif /* VCPUCTL_SESSION_H */
