// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: runs one program in its own session, reads its output, and ends it
 * and its process group when its time is up or the user interrupts. Signals are blocked
 * except in ppoll(), so none is missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hwcheck.h"

#define KILL_SECONDS	10	/* time for SIGKILL to take effect */
#define LINE_BYTES	4096

volatile int hwcheck_interrupted;

/* Settings that programs get back */
static sigset_t original_mask;

struct running {
	const struct child *child;
	pid_t pid;
	int pidfd;
	int out;
	char line[LINE_BYTES];
	size_t len;
};

static void on_signal(int sig)
{
	hwcheck_interrupted = sig;
}

void child_setup(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &original_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* if the reader of standard output goes away, the checks continue */
	signal(SIGPIPE, SIG_IGN);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static struct timespec until(double end)
{
	double left = end - now();

	if (left < 0)
		left = 0;
	return (struct timespec) { (time_t)left, (long)((left - (time_t)left) * 1e9) };
}

void child_pause(unsigned int seconds)
{
	double end = now() + seconds;
	struct timespec left;

	while (!hwcheck_interrupted && now() < end) {
		left = until(end);
		ppoll(NULL, 0, &left, &original_mask);
	}
}

/* Runs the handlers of signals that have arrived while blocked. */
static void take_signals(void)
{
	const struct timespec now = { 0 };

	ppoll(NULL, 0, &now, &original_mask);
}

static void exec_child(const struct child *child, int out)
{
	int null = open("/dev/null", O_RDONLY);
	const char *name = strrchr(child->argv[0], '/');
	cpu_set_t set;

	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	if (child->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(child->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			_exit(127);
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &original_mask, NULL);
	execv(child->argv[0], child->argv);
	/* not the path: it may contain the user's home directory */
	dprintf(1, "%s: %s\n", name ? name + 1 : child->argv[0], strerror(errno));
	_exit(127);
}

/* 0 or -errno */
static int start(struct running *run)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	run->pid = fork();
	if (!run->pid)
		exec_child(run->child, ends[1]);
	close(ends[1]);
	run->out = ends[0];
	run->pidfd = run->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, run->pid, 0);
	if (run->pidfd >= 0 && !fcntl(run->out, F_SETFL, O_NONBLOCK))
		return 0;
	close(run->out);
	if (run->pid > 0) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	return -EAGAIN;
}

static void end_line(struct running *run)
{
	run->line[run->len] = 0;
	run->len = 0;
	run->child->line(run->child->ctx, run->line);
}

static void take(struct running *run, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] != '\n' && text[i])
			run->line[run->len++] = text[i];
		if (text[i] == '\n' || run->len == LINE_BYTES - 1)
			end_line(run);
	}
}

/* Return false at the end of the output. */
static bool drain(struct running *run)
{
	char text[LINE_BYTES];
	ssize_t got;

	while ((got = read(run->out, text, sizeof(text))) > 0)
		take(run, text, got);
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/*
 * Reads until the program has ended (true), or until its time is up or the user
 * interrupts (false). A process that it left behind may hold the pipe open.
 */
static bool wait_for_end(struct running *run, double end, bool interruptible)
{
	struct pollfd fds[2] = { { run->pidfd, POLLIN, 0 }, { run->out, POLLIN, 0 } };
	struct timespec left;

	for (;;) {
		if (interruptible && hwcheck_interrupted)
			return false;
		left = until(end);
		if (!ppoll(fds, 2, &left, interruptible ? &original_mask : NULL))
			return false;
		if (fds[1].revents && !drain(run))
			fds[1].fd = -1;
		if (fds[0].revents)
			return true;
	}
}

static void find_where(pid_t pid, char *where, size_t len)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(where, len, file))
		snprintf(where, len, "unknown");
	where[strcspn(where, "\n")] = 0;
	if (file)
		fclose(file);
}

/* Still a zombie, so no other process can have its PID. */
static void reap(struct running *run, struct child_end *end)
{
	int status = 0;

	kill(-run->pid, SIGKILL);
	drain(run);
	if (run->len)
		end_line(run);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	end->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void child_run(const struct child *child, struct child_end *end)
{
	struct running run = { .child = child };
	double begin = now();
	int err;

	memset(end, 0, sizeof(*end));
	err = start(&run);
	if (err) {
		end->status = 127;
		snprintf(run.line, sizeof(run.line), "cannot start: %s", strerror(-err));
		child->line(child->ctx, run.line);
		return;
	}
	if (!wait_for_end(&run, begin + child->seconds, !child->to_the_end)) {
		end->interrupted = !child->to_the_end && hwcheck_interrupted;
		end->timed_out = !end->interrupted;
		kill(-run.pid, SIGKILL);
		/* in case it has not called setsid() yet */
		kill(run.pid, SIGKILL);
		end->stuck = !wait_for_end(&run, now() + KILL_SECONDS, false);
	}
	if (end->stuck) {
		find_where(run.pid, end->where, sizeof(end->where));
		end->status = 128 + SIGKILL;
	} else {
		reap(&run, end);
	}
	end->seconds = now() - begin;
	close(run.pidfd);
	close(run.out);
	if (child->to_the_end)
		take_signals();
}

bool child_succeeded(const struct child_end *end)
{
	return !end->status && !end->timed_out && !end->stuck && !end->interrupted;
}
