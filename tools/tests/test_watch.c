// SPDX-License-Identifier: GPL-2.0-only
/* The input thread: one call for each arming, none without, and an end at any time */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "watch.h"

static int calls;

static void ready(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
}

static int called(void)
{
	return __atomic_load_n(&calls, __ATOMIC_SEQ_CST);
}

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* waits up to ten seconds for @nr calls */
static bool reaches(int nr)
{
	int i;

	for (i = 0; i < 1000 && called() < nr; i++)
		pause_ms(10);
	return called() == nr;
}

static void open_pipe(int *fds, struct watch *w)
{
	*w = (struct watch){ .ready = ready };
	__atomic_store_n(&calls, 0, __ATOMIC_SEQ_CST);
	if (pipe(fds) || watch_start(w, fds[0]))
		abort();
}

static void test_calls(void)
{
	struct watch w;
	int fds[2];
	char c;

	open_pipe(fds, &w);
	OK(write(fds[1], "a", 1) == 1, "input without arming");
	pause_ms(50);
	OK(!called(), "is left alone");
	watch_arm(&w);
	OK(reaches(1), "armed, it is reported");
	pause_ms(50);
	OK(called() == 1, "once");
	watch_arm(&w);
	pause_ms(50);
	OK(called() == 1, "also when armed again before it was seen");
	watch_rearm(&w);
	watch_arm(&w);
	OK(reaches(2), "a second time when it is still there");
	OK(read(fds[0], &c, 1) == 1, "read");
	watch_rearm(&w);
	watch_arm(&w);
	pause_ms(50);
	OK(called() == 2, "no input, no call");
	OK(write(fds[1], "b", 1) == 1 && reaches(3), "input that comes later");
	OK(read(fds[0], &c, 1) == 1, "read");
	watch_rearm(&w);
	watch_arm(&w);
	close(fds[1]);
	OK(reaches(4), "the end of input is reported too");
	watch_stop(&w);
	close(fds[0]);
}

static void test_stop(void)
{
	struct watch w;
	int fds[2], i;

	for (i = 0; i < 50; i++) {
		open_pipe(fds, &w);
		if (i & 1)
			watch_arm(&w);
		if (i & 2 && write(fds[1], "x", 1) != 1)
			abort();
		watch_stop(&w);
		watch_stop(&w);
		watch_arm(&w);
		close(fds[0]);
		close(fds[1]);
	}
	OK(true, "it ends in any state");
}

static void on_signal(int sig)
{
	(void)sig;
}

/* the interrupt must be sent to the vCPU's thread */
static void test_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t usr1, old;
	struct watch w;
	int fds[2];

	sigaction(SIGUSR1, &act, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	open_pipe(fds, &w);
	pthread_sigmask(SIG_BLOCK, &usr1, &old);
	kill(getpid(), SIGUSR1);
	pause_ms(50);
	sigpending(&usr1);
	OK(sigismember(&usr1, SIGUSR1) == 1, "the thread takes no signal");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	watch_stop(&w);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	test_calls();
	test_stop();
	test_signals();
	return tap_done();
}
