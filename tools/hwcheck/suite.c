// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: runs the test programs one after another. The name of a program is
 * written and synced before it starts: if the machine crashes, the last line of the
 * report names the program.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hwcheck.h"

#define FAILURE_LINES	20

/* One program while it runs */
struct trial {
	struct tap_report tap;
	struct klog_splat splat;
};

static void on_line(void *ctx, char *line)
{
	struct trial *trial = ctx;

	tap_feed(&trial->tap, line);
}

/* Failures that the program did not report itself */
static void judge_end(struct trial *trial, const struct child_end *end, unsigned int seconds)
{
	char why[300];

	if (end->interrupted)
		return;
	if (end->timed_out) {
		snprintf(why, sizeof(why), "no end after %u seconds%s%s", seconds,
			 end->stuck ? "; cannot be killed, in the kernel at " : "", end->where);
		tap_fail(&trial->tap, "run", why);
	} else if (end->status == 127) {
		tap_fail(&trial->tap, "run", trial->tap.notes);
	} else if (end->status >= 128) {
		snprintf(why, sizeof(why), "died of signal %d", end->status - 128);
		tap_fail(&trial->tap, "run", why);
	} else {
		tap_finish(&trial->tap);
		/* 4: the harness skipped all */
		if (end->status && end->status != 4 && !trial->tap.count[TAP_FAIL]) {
			snprintf(why, sizeof(why), "exit status %d, but no failed case",
				 end->status);
			tap_fail(&trial->tap, "run", why);
		}
	}
}

static void judge(struct trial *trial, const struct child_end *end, unsigned int seconds)
{
	judge_end(trial, end, seconds);
	if (*trial->splat.first)
		tap_fail(&trial->tap, "kernel log", trial->splat.first);
}

/* Several lines, indented */
static void say_lines(struct report *r, const char *text, unsigned int max)
{
	unsigned int nr;
	size_t len;

	for (nr = 0; *text && nr < max; nr++) {
		len = strcspn(text, "\n");
		report_say(r, "      %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
	if (*text)
		report_say(r, "      ...\n");
}

static void say_case(struct report *r, const struct tap_case *c)
{
	if (c->result == TAP_PASS)
		return;
	if (c->result == TAP_SKIP) {
		report_say(r, "    skipped %s: %s\n", c->name, c->why ?: "no reason given");
		return;
	}
	report_say(r, "    FAILED %s\n", c->name);
	say_lines(r, c->why ?: "", FAILURE_LINES);
}

static void say_result(struct report *r, const struct trial *trial, const struct child_end *end)
{
	const struct tap_report *t = &trial->tap;
	unsigned int i;

	report_say(r, "%4u passed", t->count[TAP_PASS]);
	if (t->count[TAP_SKIP])
		report_say(r, ", %u skipped", t->count[TAP_SKIP]);
	if (t->count[TAP_FAIL])
		report_say(r, ", %u FAILED", t->count[TAP_FAIL]);
	report_say(r, "%s, %.1f s\n", end->interrupted ? ", INTERRUPTED" : "", end->seconds);
	for (i = 0; i < t->nr; i++)
		say_case(r, &t->cases[i]);
	if (*trial->splat.first)
		say_lines(r, trial->splat.text ?: "", ~0U);
}

static void json_result(struct report *r, const char *name, const char *without,
			const struct trial *trial, const struct child_end *end)
{
	const struct tap_report *t = &trial->tap;
	struct json *j = report_json(r, "program");
	unsigned int i;

	report_str(r, "name", name);
	if (without)
		report_str(r, "without", without);
	json_num(j, "status", end->status);
	json_bool(j, "timed_out", end->timed_out);
	json_bool(j, "interrupted", end->interrupted);
	json_num(j, "milliseconds", (__u64)(end->seconds * 1000));
	for (i = 0; i < NR_TAP_RESULTS; i++)
		json_num(j, tap_result_name(i), t->count[i]);
	json_open_array(j, "cases");
	for (i = 0; i < t->nr; i++) {
		if (t->cases[i].result == TAP_PASS)
			continue;
		json_open(j, NULL);
		report_str(r, "name", t->cases[i].name);
		report_str(r, "result", tap_result_name(t->cases[i].result));
		report_str(r, "why", t->cases[i].why ?: "");
		json_close(j);
	}
	json_close_array(j);
	report_json_end(r);
}

static void on_difference(void *ctx, const char *line)
{
	struct suite *s = ctx;

	fprintf(s->differences, "%s\n", line);
}

static void count(struct suite *s, const struct trial *trial, const struct child_end *end)
{
	unsigned int i;

	s->programs++;
	s->failed += !!trial->tap.count[TAP_FAIL];
	for (i = 0; i < NR_TAP_RESULTS; i++)
		s->count[i] += trial->tap.count[i];
	s->stuck = s->stuck || end->stuck;
}

void suite_program(struct suite *s, const struct plan_row *row, const char *without)
{
	struct trial trial;
	char path[600];
	char *const argv[] = { path, NULL };
	struct child child = {
		.argv = argv, .seconds = row->seconds, .cpu = -1, .line = on_line,
		.ctx = &trial,
	};
	struct child_end end;

	suite_log(s);
	tap_init(&trial.tap);
	snprintf(path, sizeof(path), "%s/tests/%s", s->dir, row->name);
	report_say(s->report, "%-20s%s%s%s", row->name, without ? " without " : "",
		   without ?: "", without ? " " : "");
	report_sync(s->report);
	child_run(&child, &end);
	suite_ran(s, row->name);
	klog_find_splat(s->klog, &trial.splat);
	judge(&trial, &end, row->seconds);
	say_result(s->report, &trial, &end);
	json_result(s->report, row->name, without, &trial, &end);
	count(s, &trial, &end);
	if (s->have_known && !end.interrupted && !without)
		known_compare(&s->known, row->name, &trial.tap, on_difference, s);
	report_sync(s->report);
	tap_free(&trial.tap);
	klog_splat_free(&trial.splat);
}

void suite_ran(struct suite *s, const char *what)
{
	snprintf(s->last, sizeof(s->last), "%s", what);
}

void suite_log(struct suite *s)
{
	struct klog_splat splat;

	klog_find_splat(s->klog, &splat);
	if (*splat.first && *s->last) {
		report_say(s->report, "FAILED: kernel log, after %s: %s\n", s->last, splat.first);
		say_lines(s->report, splat.text ?: "", ~0U);
		report_json(s->report, "log");
		report_str(s->report, "after", s->last);
		report_str(s->report, "why", splat.first);
		report_json_end(s->report);
		s->failed++;
	}
	klog_splat_free(&splat);
}

bool suite_goes_on(const struct suite *s)
{
	return !hwcheck_interrupted && !s->stuck && !s->report->error;
}

static void say_left_out(struct suite *s, const struct plan_wish *wish)
{
	const struct plan_row *row;
	bool any = false;
	unsigned int i;

	if (wish->quick || (wish->names && *wish->names))
		return;
	for (i = 0; i < s->plan.nr; i++) {
		row = &s->plan.rows[i];
		if (!plan_refuses(row, wish))
			continue;
		if (!any)
			report_title(s->report, "Programs that were left out");
		any = true;
		report_say(s->report, "%-20s %s: %s\n", row->name, plan_class_name(row->class),
			   row->reason);
	}
}

static void say_differences(struct suite *s)
{
	report_title(s->report, "Differences from the emulators");
	fclose(s->differences);
	if (!s->have_known)
		report_say(s->report, "No table of known results is installed.\n");
	else if (!*s->differences_text)
		report_say(s->report, "None: each result also occurs in QEMU or Bochs.\n");
	else
		report_say(s->report, "%s", s->differences_text);
	free(s->differences_text);
}

void suite_run(struct suite *s, const struct plan_wish *wish)
{
	unsigned int i;

	s->differences = open_memstream(&s->differences_text, &s->differences_len);
	if (!s->differences) {
		s->failed++;
		return;
	}
	report_title(s->report, "Tests");
	for (i = 0; i < s->plan.nr && suite_goes_on(s); i++)
		if (!plan_refuses(&s->plan.rows[i], wish))
			suite_program(s, &s->plan.rows[i], NULL);
	if (wish->with & 1U << PLAN_MODULE)
		masked_run(s);
	suite_log(s);
	if (s->stuck)
		report_say(s->report,
			   "\nA program cannot be killed: no more programs are run.\n");
	say_differences(s);
	say_left_out(s, wish);
}
