// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: waiting for input beside the guest. The eventfd counts: each arming
 * adds ARM, the end adds STOP; what was written before a read comes in one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "svmvcpu_lib.h"
#include "watch.h"

#define ARM	1ULL
#define STOP	(1ULL << 32)

/* 1: armed, 0: not, -1: the end */
static int read_control(const struct watch *w)
{
	uint64_t count;

	if (read(w->control, &count, sizeof(count)) != sizeof(count))
		return errno == EINTR ? 0 : -1;
	return count >= STOP ? -1 : 1;
}

static void *watch_thread(void *arg)
{
	struct watch *w = arg;
	struct pollfd fds[] = {
		{ .fd = w->control, .events = POLLIN },
		{ .fd = w->input, .events = POLLIN },
	};
	int armed = 0;

	for (;;) {
		if (poll(fds, armed ? 2 : 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		/* also when the other end is gone: whoever reads finds that out */
		if (armed && fds[1].revents) {
			armed = 0;
			w->ready(w->arg);
		}
		if (!fds[0].revents)
			continue;
		armed |= read_control(w);
		if (armed < 0)
			return NULL;
	}
}

int watch_start(struct watch *w, int input)
{
	sigset_t all, old;
	int ret;

	w->input = input;
	w->control = eventfd(0, EFD_CLOEXEC);
	if (w->control < 0)
		return svmvcpu_fail(errno, "eventfd: %s", strerror(errno));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&w->thread, NULL, watch_thread, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret) {
		close(w->control);
		return svmvcpu_fail(ret, "cannot create the thread for input: %s", strerror(ret));
	}
	w->running = true;
	w->armed = false;
	return 0;
}

static void tell(struct watch *w, uint64_t what)
{
	/* the counter cannot overflow: one ARM per callback */
	while (write(w->control, &what, sizeof(what)) < 0 && errno == EINTR)
		;
}

void watch_arm(struct watch *w)
{
	if (!w->running || w->armed)
		return;
	w->armed = true;
	tell(w, ARM);
}

void watch_rearm(struct watch *w)
{
	w->armed = false;
}

void watch_stop(struct watch *w)
{
	if (!w->running)
		return;
	tell(w, STOP);
	pthread_join(w->thread, NULL);
	close(w->control);
	w->running = false;
}
