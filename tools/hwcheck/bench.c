// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: times from tools/bench, in cycles of the TSC: medians of several
 * rounds on one CPU. svmvcpu and KVM run alternately, as SVM has one owner at a time.
 */
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hwcheck.h"

#define SECONDS		300
#define SVM_OFF_SECONDS	2	/* svmvcpu turns SVM off within this time */

static const char *const programs[] = { "bench-svmvcpu", "bench-kvm" };
static const char *const owners[] = { "svmvcpu", "KVM" };

struct side {
	struct bench_table *table;
	unsigned int side;
	char said[400];		/* the last line that is not a row */
};

static struct bench_figure *row_of(struct bench_table *table, const char *op, const char *unit)
{
	struct bench_figure *row;
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (!strcmp(table->rows[i].op, op))
			return &table->rows[i];
	if (table->nr == BENCH_ROWS)
		return NULL;
	row = &table->rows[table->nr++];
	snprintf(row->op, sizeof(row->op), "%s", op);
	snprintf(row->unit, sizeof(row->unit), "%s", unit);
	row->value[0] = -1;
	row->value[1] = -1;
	return row;
}

bool bench_feed(struct bench_table *table, unsigned int side, const char *line)
{
	char copy[200], *rest = copy, *word[4], *end;
	struct bench_figure *row;
	unsigned int i;
	double value;

	if (strlen(line) >= sizeof(copy))
		return false;
	strcpy(copy, line);
	for (i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = strsep(&rest, "\t");
		if (!word[i])
			return false;
	}
	if (rest || strcmp(word[0], "bench") || !*word[1])
		return false;
	value = strtod(word[3], &end);
	if (end == word[3] || *end || !isfinite(value))
		return false;
	row = row_of(table, word[1], word[2]);
	/* a difference of two times, which can be negative because of noise */
	if (row)
		row->value[side] = value < 0 ? 0 : value;
	return row;
}

static void say_cell(struct report *r, double value)
{
	if (value < 0)
		report_say(r, " %12s", "-");
	else
		report_say(r, " %12.0f", value);
}

static void report_row(struct report *r, const struct bench_figure *row)
{
	struct json *j;
	bool both = row->value[0] > 0 && row->value[1] > 0;

	report_say(r, "%-58s", row->op);
	say_cell(r, row->value[0]);
	say_cell(r, row->value[1]);
	if (both)
		report_say(r, " %7.2f", row->value[1] / row->value[0]);
	report_say(r, "\n");
	j = report_json(r, "row");
	report_str(r, "op", row->op);
	report_str(r, "unit", row->unit);
	if (row->value[0] >= 0)
		json_num(j, "svmvcpu", (__u64)row->value[0]);
	if (row->value[1] >= 0)
		json_num(j, "kvm", (__u64)row->value[1]);
	report_json_end(r);
}

void bench_report(const struct bench_table *table, struct report *r)
{
	unsigned int i;

	if (!table->nr)
		return;
	report_say(r, "%-58s %12s %12s %7s\n", "", "svmvcpu", "KVM", "ratio");
	for (i = 0; i < table->nr; i++)
		report_row(r, &table->rows[i]);
}

static void on_line(void *ctx, char *line)
{
	struct side *side = ctx;

	if (!bench_feed(side->table, side->side, line) && *line)
		snprintf(side->said, sizeof(side->said), "%s", line);
}

/* The first CPU that this process may use */
static int first_cpu(void)
{
	cpu_set_t set;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (cpu = 0; cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set); cpu++)
		;
	return cpu;
}

static bool run_side(struct suite *s, bool quick, struct side *side, int cpu)
{
	char path[600];
	char *const argv[] = { path, "--wall", quick ? "PIO out" : NULL, "CPUID", NULL };
	struct child child = {
		.argv = argv, .seconds = SECONDS, .cpu = cpu, .line = on_line, .ctx = side,
	};
	const char *owner = owners[side->side];
	struct report *r = s->report;
	struct child_end end;

	snprintf(path, sizeof(path), "%s/%s", s->dir, programs[side->side]);
	report_say(r, "%s on CPU %d: ", owner, cpu);
	report_sync(r);
	child_run(&child, &end);
	suite_ran(s, programs[side->side]);
	s->stuck = s->stuck || end.stuck;
	if (child_succeeded(&end))
		report_say(r, "done in %.0f s\n", end.seconds);
	else if (end.interrupted)
		report_say(r, "interrupted\n");
	else if (end.timed_out)
		report_say(r, "no end after %d s%s%s\n", SECONDS,
			   end.stuck ? ", cannot be killed: " : "", end.where);
	else
		report_say(r, "FAILED, status %d: %s\n", end.status, side->said);
	suite_log(s);
	return child_succeeded(&end);
}

bool bench_run(struct suite *s, bool quick)
{
	static struct bench_table table;
	struct side svmvcpu = { .table = &table, .side = 0 };
	struct side kvm = { .table = &table, .side = 1 };
	struct report *r = s->report;
	int cpu = first_cpu();
	bool ok;

	table.nr = 0;
	report_title(r, "Times, in cycles of the TSC: medians");
	ok = run_side(s, quick, &svmvcpu, cpu);
	if (access("/dev/kvm", R_OK | W_OK)) {
		report_say(r, "KVM: not loaded; after \"modprobe kvm_amd\" it is timed as well\n");
	} else if (ok && !hwcheck_interrupted) {
		child_pause(SVM_OFF_SECONDS);
		run_side(s, quick, &kvm, cpu);
	}
	report_say(r, "\n");
	bench_report(&table, r);
	return ok;
}
