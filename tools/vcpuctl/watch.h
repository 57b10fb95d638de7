/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpuctl: a thread that waits for input while the threads of vCPUs are in the
 * guest. It touches nothing of the machine: it calls back once, and the thread
 * of a vCPU looks for itself.
 */
#ifndef VCPUCTL_WATCH_H
#define VCPUCTL_WATCH_H

#include <pthread.h>
#include <stdbool.h>

/**
 * struct watch - the thread and what it waits for
 * @ready: called in the thread when there is something to read
 * @arg: handed to @ready
 * @thread: .
 * @control: eventfd: wakes the thread
 * @input: what it waits for
 * @running: @thread is there
 * @armed: @ready will be called; belongs to the callers of watch_arm()
 */
struct watch {
	void (*ready)(void *arg);
	void *arg;
	pthread_t thread;
	int control;
	int input;
	bool running;
	bool armed;
};

/* 0, or a negative errno with a reason; all signals go to other threads */
int watch_start(struct watch *w, int input);
/* call @ready, once, as soon as there is input; costs nothing while armed */
void watch_arm(struct watch *w);
/* @ready has been called, or may have been: arm again */
void watch_rearm(struct watch *w);
void watch_stop(struct watch *w);

#endif /* VCPUCTL_WATCH_H */
