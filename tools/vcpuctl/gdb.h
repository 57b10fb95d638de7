/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a server for GDB. The vCPUs' threads run it: each calls gdb_exit() after every
 * exit, and if there is something to report, the call returns when the debugger lets the
 * guest go on. A thread of its own only waits for input while the guest runs.
 *
 * GDB's thread n is vCPU n - 1. All vCPUs stop together (GDB's all-stop mode).
 */
#ifndef VCPUCTL_GDB_H
#define VCPUCTL_GDB_H

#include <stdbool.h>

#include "gdb_break.h"
#include "gdb_packet.h"
#include "gdb_park.h"
#include "gdb_regs.h"
#include "gdb_socket.h"
#include "watch.h"

/**
 * struct gdb_target - the vCPUs, for gdb_vcpu.c and for tests
 * @nr: number of vCPUs, 1 to GDB_CPUS_MAX
 * @arg: handed to the functions
 * @read_cpu: get the registers: 0 or a negative errno
 * @write_cpu: set SVMVCPU_STATE_* components of them: 0 or a negative errno
 * @memory: where the guest-linear address is in our memory, up to the end of its page;
 *	NULL if nothing is there
 * @set_debug: SVMVCPU_SET_DEBUG: 0 or a negative errno
 * @kick: make RUN return, now or next time; from any thread
 * @stopping: true once vcpuctl is to end; a signal handler causes it
 */
struct gdb_target {
	unsigned int nr;
	void *arg;
	int (*read_cpu)(void *arg, unsigned int nr, struct gdb_cpu *cpu);
	int (*write_cpu)(void *arg, unsigned int nr, struct gdb_cpu *cpu, __u64 components);
	__u8 *(*memory)(void *arg, unsigned int nr, __u64 linear);
	int (*set_debug)(void *arg, unsigned int nr, struct svmvcpu_set_debug *debug);
	void (*kick)(void *arg, unsigned int nr);
	int (*stopping)(void);
};

/* why a vCPU stops */
enum gdb_cause {
	GDB_NONE,
	GDB_INPUT,	/* the socket has something; perhaps nothing to stop for */
	GDB_STEP,
	GDB_SOFT,
	GDB_HARD,
	GDB_END,	/* the guest ends in a way that is worth a look */
	GDB_EXCEPTION,	/* of --catch */
};

/**
 * struct gdb_event - what a vCPU reports
 * @cause: why it stops
 * @signal: GDB's number
 * @type: GDB_HARD: breakpoint or watchpoint
 * @address: GDB_HARD: linear address of the watchpoint
 */
struct gdb_event {
	enum gdb_cause cause;
	int signal;
	enum gdb_break_type type;
	__u64 address;
};

/**
 * struct gdb_thread - a vCPU, as the debugger sees it
 * @resumed: runs when the debugger lets the guest go on
 * @step: one instruction at a time
 * @range_start: steps from @range_start on,
 * @range_end: but before this address, are not reported
 * @signal: to deliver when it goes on: the exception of a GDB_EXCEPTION
 * @written: SVMVCPU_STATE_* that have been written since it stopped
 */
struct gdb_thread {
	bool resumed;
	bool step;
	__u64 range_start;
	__u64 range_end;
	int signal;
	__u64 written;
};

/* what the debugger has asked for last */
enum gdb_resume { GDB_STAY, GDB_RESUME, GDB_DETACH, GDB_KILL };

/**
 * struct gdb - the server
 * @target: the vCPUs
 * @socket: the sockets
 * @watch: waits for input while the guest runs
 * @park: stops the vCPUs
 * @breaks: breakpoints
 * @threads: for each vCPU
 * @event: last event reported or to report, of vCPU @stopped_cpu
 * @stopped_cpu: .
 * @current: vCPU for registers and memory
 * @resume: set by commands
 * @awaited: the debugger waits for the vCPUs to stop
 * @reported: the debugger has been told of a stop, and has not sent a packet since
 * @layout: registers as the debugger knows them
 * @no_ack: packets are not acknowledged
 * @swbreak: the debugger knows the stop reason of this name
 * @hwbreak: .
 * @paused_ns: time for which the guest has been stopped
 * @in: input that has been read, from @in_at to @in_len
 * @in_at: .
 * @in_len: .
 * @parser: the packet that is coming in
 * @reply: the packet that goes out, kept for GDB_NAK
 * @cpu: registers for the commands
 * @xml: target description
 * @xml_len: its length
 *
 * The members belong to the thread that leads. Others read @threads and @breaks while they
 * run, when nothing changes.
 */
struct gdb {
	struct gdb_target target;
	struct gdb_socket socket;
	struct watch watch;
	struct gdb_park park;
	struct gdb_breaks breaks;
	struct gdb_thread threads[GDB_CPUS_MAX];
	struct gdb_event event;
	unsigned int stopped_cpu;
	unsigned int current;
	enum gdb_resume resume;
	bool awaited;
	bool reported;
	struct gdb_layout layout;
	bool no_ack;
	bool swbreak;
	bool hwbreak;
	__u64 paused_ns;
	__u8 in[4096];
	size_t in_at;
	size_t in_len;
	struct gdb_parser parser;
	struct gdb_reply reply;
	struct gdb_cpu cpu;
	char xml[0x4000];
	size_t xml_len;
};

/* a server that listens at @address, or NULL and svmvcpu_last_error() */
struct gdb *gdb_open(const char *address, const struct gdb_target *target);
/* @g may be NULL */
void gdb_close(struct gdb *g);

/*
 * wait for a debugger that lets the guest go: MACHINE_CONTINUE or an exit status. If one
 * vCPU's thread calls it before its first RUN, all do
 */
int gdb_wait(struct gdb *g, unsigned int nr);

/**
 * gdb_exit() - look at an exit for the debugger
 * @g: the server
 * @nr: the vCPU
 * @run: its run page; an exception may be injected
 * @status: MACHINE_CONTINUE, or the exit status that the run is about to end with
 *
 * Return: the status that counts.
 */
int gdb_exit(struct gdb *g, unsigned int nr, struct svmvcpu_run *run, int status);

/* an instruction has been completed outside the guest, which no DEBUG exit shows */
int gdb_completed(struct gdb *g, unsigned int nr, struct svmvcpu_run *run);

/* for how long a debugger has stopped the guest */
__u64 gdb_paused_ns(const struct gdb *g);

/* vCPU @nr's thread ends; the first one tells the debugger how the guest has ended */
void gdb_end(struct gdb *g, unsigned int nr, int status);

/* add to g->reply why the guest has stopped */
void gdb_put_stop(struct gdb *g);

#endif /* VCPUCTL_GDB_H */
