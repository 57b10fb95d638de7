// SPDX-License-Identifier: GPL-2.0-only
/* How svmvcpu-hwcheck handles programs that end in different ways */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hwcheck.h"
#include "tap.h"

struct seen {
	char first[5000];
	unsigned int lines;
	int signal_at_line;	/* signal to send to this process when there is a line */
};

static void on_line(void *ctx, char *line)
{
	struct seen *seen = ctx;

	if (!seen->lines++)
		strcpy(seen->first, line);
	if (seen->signal_at_line)
		raise(seen->signal_at_line);
}

static struct child_end run(char *script, unsigned int seconds, struct seen *seen)
{
	char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct child child = {
		.argv = argv, .seconds = seconds, .cpu = -1, .line = on_line, .ctx = seen,
	};
	struct child_end end;

	memset(seen->first, 0, sizeof(seen->first));
	seen->lines = 0;
	child_run(&child, &end);
	return end;
}

static void test_ends(void)
{
	struct seen seen = { 0 };
	struct child_end end = run("echo one; echo two >&2", 60, &seen);

	OK(!end.status && !end.timed_out && seen.lines == 2 && !strcmp(seen.first, "one"),
	   "a good end");
	end = run("exit 3", 60, &seen);
	OK(end.status == 3 && !seen.lines, "a status");
	end = run("echo x; kill -SEGV $$", 60, &seen);
	OK(end.status == 128 + SIGSEGV && seen.lines == 1, "a crash");
	end = run("printf 'no end of line'", 60, &seen);
	OK(seen.lines == 1 && !strcmp(seen.first, "no end of line"), "half a line");
	end = run("printf 'a\\000b\\n'", 60, &seen);
	OK(!strcmp(seen.first, "ab"), "a zero byte");
	end = run("head -c 10000 /dev/zero | tr '\\000' x", 60, &seen);
	OK(seen.lines == 3 && strlen(seen.first) == 4095, "a line in pieces: %u", seen.lines);
	end = run("cat; ulimit -c", 60, &seen);
	OK(!end.status && !end.timed_out, "nothing to read from standard input");
}

static void test_hangs(void)
{
	struct seen seen = { 0 };
	struct child_end end = run("echo x; sleep 1000", 1, &seen);

	OK(end.timed_out && !end.stuck && end.status == 128 + SIGKILL && seen.lines == 1, "a hang");
	end = run("trap '' TERM INT HUP; while :; do :; done", 1, &seen);
	OK(end.timed_out && !end.stuck, "a program that loops and ignores signals");
	end = run("sleep 1000 & echo $!", 60, &seen);
	OK(!end.timed_out && !end.status, "a child left behind does not delay it");
	end = run("while :; do echo y; done", 5, &seen);
	OK(end.timed_out && seen.lines > 1, "a program that prints all the time");
}

static void test_no_start(void)
{
	char *const argv[] = { "/nonexistent/program", NULL };
	char *const sound[] = { "/bin/true", NULL };
	struct seen seen = { 0 };
	struct child child = {
		.argv = argv, .seconds = 60, .cpu = -1, .line = on_line, .ctx = &seen,
	};
	struct child_end end;

	child_run(&child, &end);
	OK(end.status == 127 && !strcmp(seen.first, "program: No such file or directory"),
	   "no program: %s", seen.first);
	child.argv = sound;
	child.cpu = 1023;
	child_run(&child, &end);
	OK(end.status == 127, "no such CPU");
}

/* The handler runs only where signals are unblocked, so the line is handled first. */
static void test_interrupt(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct seen seen = { 0 };
	struct child_end end;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		seen.signal_at_line = signals[i];
		end = run("echo x; sleep 1000", 600, &seen);
		OK(end.interrupted && !end.timed_out && hwcheck_interrupted == signals[i],
		   "signal %d ends it", signals[i]);
		hwcheck_interrupted = 0;
	}
	seen.signal_at_line = 0;
	end = run("kill -INT $$; exit 0", 60, &seen);
	OK(end.status == 128 + SIGINT && !end.interrupted, "a program gets signals as usual");
	raise(SIGTERM);
	child_pause(600);
	OK(hwcheck_interrupted == SIGTERM, "a pause ends early");
	hwcheck_interrupted = 0;
}

/* Of two lines, the second comes after the signal. */
static void test_to_the_end(void)
{
	char *const argv[] = { "/bin/sh", "-c", "echo x; sleep 1; echo y; exit 5", NULL };
	char *const hangs[] = { "/bin/sh", "-c", "sleep 1000", NULL };
	struct seen seen = { .signal_at_line = SIGINT };
	struct child child = {
		.argv = argv, .seconds = 600, .cpu = -1, .to_the_end = true, .line = on_line,
		.ctx = &seen,
	};
	struct child_end end;

	child_run(&child, &end);
	OK(end.status == 5 && !end.interrupted && !end.timed_out && seen.lines == 2,
	   "a signal does not end it");
	OK(hwcheck_interrupted == SIGINT, "the signal is not lost");
	seen.signal_at_line = 0;
	seen.lines = 0;
	child_run(&child, &end);
	OK(end.status == 5 && !end.interrupted && seen.lines == 2,
	   "an earlier signal does not end it either");
	child.argv = hangs;
	child.seconds = 1;
	child_run(&child, &end);
	OK(end.timed_out && !end.interrupted && !end.stuck, "its time limit does");
	hwcheck_interrupted = 0;
}

static void test_succeeded(void)
{
	OK(child_succeeded(&(struct child_end) { 0 }), "status 0 is success");
	OK(!child_succeeded(&(struct child_end) { .status = 1 }) &&
	   !child_succeeded(&(struct child_end) { .timed_out = true }) &&
	   !child_succeeded(&(struct child_end) { .stuck = true }) &&
	   !child_succeeded(&(struct child_end) { .interrupted = true }),
	   "all other ends are failures");
}

int main(void)
{
	child_setup();
	test_ends();
	test_hangs();
	test_no_start();
	test_interrupt();
	test_to_the_end();
	test_succeeded();
	return tap_done();
}
