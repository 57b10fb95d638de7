/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: stopping all vCPUs for a debugger. Each vCPU has a thread; the one that has
 * something to report leads: the others wait here until it lets them go.
 */
#ifndef VCPUCTL_GDB_PARK_H
#define VCPUCTL_GDB_PARK_H

#include <pthread.h>
#include <stdbool.h>

#define GDB_CPUS_MAX	64

/**
 * struct gdb_park - the threads of all vCPUs
 * @lock: protects the rest
 * @changed: one of the members has changed
 * @nr: number of vCPUs
 * @threads: threads that have not ended
 * @parked: threads that wait
 * @led: a thread leads; the others stop
 * @held: vCPUs that stay stopped although no thread leads
 */
struct gdb_park {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int nr;
	unsigned int threads;
	unsigned int parked;
	bool led;
	bool held[GDB_CPUS_MAX];
};

void gdb_park_init(struct gdb_park *p, unsigned int nr);
void gdb_park_destroy(struct gdb_park *p);

/* does a thread lead? */
bool gdb_park_led(struct gdb_park *p);

/**
 * gdb_park_enter() - stop all vCPUs
 * @p: the threads
 * @me: vCPU of the caller
 * @kick: makes a vCPU's thread return from RUN, now or next time
 * @arg: handed to @kick
 *
 * Return: true if the caller leads: all others are parked. False if another thread has
 * led and has let the caller go.
 */
bool gdb_park_enter(struct gdb_park *p, unsigned int me,
		    void (*kick)(void *arg, unsigned int nr), void *arg);
/* end of leading: let the vCPUs of @run go. Returns when @me is one of those */
void gdb_park_leave(struct gdb_park *p, unsigned int me, const bool *run);
/* the same, for a thread that ends: all others go on */
void gdb_park_end(struct gdb_park *p);

#endif /* VCPUCTL_GDB_PARK_H */
