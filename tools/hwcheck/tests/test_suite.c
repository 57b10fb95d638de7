// SPDX-License-Identifier: GPL-2.0-only
/*
 * A complete run of programs, with a pipe for the kernel's log: in packet mode it
 * returns one record per read(), like /dev/kmsg.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hwcheck.h"
#include "tap.h"

#define LOG_FD	9		/* in the scripts */

static const char *const programs[][2] = {
	{ "good", "echo 1..1; echo ok 1 g.one" },
	{ "splats",
	  "echo 1..1; echo ok 1 s.one;"
	  "echo '4,2,2,-;WARNING: CPU: 1 PID: 7 at svm.c:1' >&9;"
	  "echo '6,3,3,-;wlan0: joins SecretNet' >&9;"
	  "echo '4,4,4,-; svm_run+0x1/0x2 [svmvcpu]' >&9" },
	{ "silent", ":" },
	{ "lies", "echo 1..1; echo ok 1 l.one; exit 7" },
	{ "../bench-svmvcpu",
	  "echo '4,2,2,-;BUG: Bad page state in process bench' >&9;"
	  "printf 'bench\\tPIO out\\t\\t1234\\n'" },
	{ "../bench-kvm", "printf 'bench\\tPIO out\\t\\t3456\\n'" },
};

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, "#!/bin/sh\n", 10) != 10 ||
	    write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(1);
	close(fd);
}

static void write_programs(void)
{
	char path[60];
	unsigned int i;

	if (mkdir("tests", 0755))
		exit(1);
	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		snprintf(path, sizeof(path), "tests/%s", programs[i][0]);
		write_text(path, programs[i][1]);
	}
}

static void remove_programs(void)
{
	char path[60];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		snprintf(path, sizeof(path), "tests/%s", programs[i][0]);
		unlink(path);
	}
	rmdir("tests");
}

enum steps { PROGRAMS, LATE_SPLAT, BENCHMARKS };

static void log_text(const char *text)
{
	if (write(LOG_FD, text, strlen(text)) < 0)
		exit(1);
}

/* The report of a run of these programs */
static const char *report_of(struct suite *s, const char *dir, const char *plan_text,
			     enum steps steps)
{
	static char text[20000];
	struct plan_wish all = { 0 };
	struct report r;
	char error[100];
	FILE *file;
	int ends[2];
	size_t len;

	memset(s, 0, sizeof(*s));
	file = fmemopen((char *)plan_text, strlen(plan_text), "r");
	if (report_open(&r, "report.txt") || pipe2(ends, O_DIRECT | O_NONBLOCK) ||
	    !plan_read(&s->plan, file, error, sizeof(error)) || dup2(ends[1], LOG_FD) < 0)
		exit(1);
	log_text("4,1,1,-;WARNING: before the first program");
	fclose(file);
	s->report = &r;
	s->dir = dir;
	s->klog = ends[0];
	suite_run(s, &all);
	if (steps == LATE_SPLAT) {
		log_text("4,7,7,-;WARNING: CPU: 0 PID: 9 at late.c:1");
		log_text("6,8,8,-;wlan0: joins SecretNet");
		suite_log(s);
	} else if (steps == BENCHMARKS) {
		OK(bench_run(s, true), "benchmarks run");
	}
	OK(!report_close(&r), "a report");
	close(ends[0]);
	close(ends[1]);
	close(LOG_FD);
	plan_free(&s->plan);
	file = fopen("report.txt", "r");
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = 0;
	fclose(file);
	unlink("report.txt");
	return text;
}

static void test_good(const char *dir)
{
	struct suite s;
	const char *text = report_of(&s, dir, "good quick 60 x\nnever never 60 y\n", PROGRAMS);

	OK(s.programs == 1 && !s.failed && s.count[TAP_PASS] == 1, "one passes");
	OK(strstr(text, "good                   1 passed, "), "has a line");
	OK(strstr(text, "never                never: y\n"), "what is left out, and why");
	OK(!strstr(text, "WARNING"), "earlier messages are not its own");
}

static void test_splat(const char *dir)
{
	struct suite s;
	const char *text = report_of(&s, dir, "splats quick 60 x\ngood quick 60 x\n",
				     PROGRAMS);

	OK(s.programs == 2 && s.failed == 1, "a splat fails the program, not the next one");
	OK(strstr(text, "    FAILED kernel log\n      WARNING: CPU: 1 PID: 7 at svm.c:1\n"),
	   "with its first line");
	OK(strstr(text, "       svm_run+0x1/0x2 [svmvcpu]\n"), "and its trace");
	OK(!strstr(text, "SecretNet"), "without messages of others in between");
	OK(strstr(text, "\"name\":\"splats\",\"status\":0,\"timed_out\":false,") &&
	   strstr(text, "\"cases\":[{\"name\":\"kernel log\",\"result\":\"fail\","), "and as JSON");
}

/* A splat while no program runs is a failure of the program before. */
static void test_splat_between(const char *dir)
{
	struct suite s;
	const char *text = report_of(&s, dir, "good quick 60 x\n", LATE_SPLAT);

	OK(s.programs == 1 && s.failed == 1 && !s.count[TAP_FAIL], "a splat after a program");
	OK(strstr(text, "FAILED: kernel log, after good: WARNING: CPU: 0 PID: 9 at late.c:1\n"),
	   "names the program");
	OK(!strstr(text, "SecretNet"), "without messages of others");
	OK(strstr(text, "{\"type\":\"log\",\"after\":\"good\",\"why\":\"WARNING: CPU: 0"),
	   "and as JSON");
}

static void test_splat_of_bench(const char *dir)
{
	struct suite s;
	const char *text = report_of(&s, dir, "good quick 60 x\n", BENCHMARKS);

	OK(s.failed == 1, "a splat of a benchmark");
	OK(strstr(text, "FAILED: kernel log, after bench-svmvcpu: BUG: Bad page state"),
	   "names its side");
	OK(strstr(text, "\nPIO out"), "its figures are reported");
}

static void test_liars(const char *dir)
{
	struct suite s;
	const char *text = report_of(&s, dir, "silent quick 60 x\nlies quick 60 x\n",
				     PROGRAMS);

	OK(s.failed == 2, "both fail");
	OK(strstr(text, "the program printed no plan"), "a program without output");
	OK(strstr(text, "exit status 7, but no failed case"),
	   "a program whose status contradicts its results");
}

/* The flag is checked before each program. */
static void test_end(const char *dir)
{
	struct suite s;

	hwcheck_interrupted = 2;
	report_of(&s, dir, "good quick 60 x\n", PROGRAMS);
	OK(!s.programs, "nothing runs after a signal");
	hwcheck_interrupted = 0;
}

int main(void)
{
	char dir[] = "/tmp/hwcheck-suite.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	write_programs();
	child_setup();
	test_good(dir);
	test_splat(dir);
	test_splat_between(dir);
	test_splat_of_bench(dir);
	test_liars(dir);
	test_end(dir);
	remove_programs();
	OK(!chdir("/") && !rmdir(dir), "nothing is left");
	return tap_done();
}
