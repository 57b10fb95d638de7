// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-svmvcpu, bench-kvm: how many ticks of the TSC each row takes.
 *
 *	bench-svmvcpu [--budget] [--wall] [ROW...]
 *
 * A line per row: "bench", name, unit and figure, between tabs. A row is run for
 * n operations and for twice as many, and the difference counts, so that what
 * happens once vanishes. Where a tick is an instruction (QEMU with -icount) the
 * least of a few rounds is the figure without the host's timer tick; with --wall
 * it is the median.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define WALL_ROUNDS	15

static bool wall, budget;

static uint64_t least(const struct bench_row *row, unsigned int n)
{
	uint64_t best = UINT64_MAX, now;
	unsigned int i;

	for (i = 0; i < row->rounds; i++) {
		now = row->ticks(n);
		if (now < best)
			best = now;
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* A row with few rounds takes long. */
static double median(const struct bench_row *row)
{
	unsigned int i, rounds = row->rounds < 5 ? row->rounds : WALL_ROUNDS;
	double of[WALL_ROUNDS];

	for (i = 0; i < rounds; i++) {
		double once = row->ticks(row->n), twice = row->ticks(2 * row->n);

		of[i] = (twice - once) / row->n;
	}
	qsort(of, rounds, sizeof(*of), compare);
	return of[rounds / 2];
}

static double measure(const struct bench_row *row)
{
	uint64_t once, twice;

	if (row->value)
		return row->value();
	/* the first round fills caches */
	row->ticks(1);
	if (wall)
		return median(row);
	once = least(row, row->n);
	twice = least(row, 2 * row->n);
	return ((double)twice - once) / row->n;
}

static bool wanted(const struct bench_row *row, char **names)
{
	if ((row->flags & ROW_COUNTS) && wall)
		return false;
	if ((row->flags & ROW_NO_BUDGET) && budget)
		return false;
	if ((row->flags & ROW_PREFAULT) && !has_prefault)
		return false;
	if ((row->flags & ROW_TWO_CPUS) && sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return false;
	if (!*names)
		return true;
	for (; *names; names++)
		if (strstr(row->op, *names))
			return true;
	return false;
}

static void run_rows(const struct bench_row *row, char **names)
{
	for (; row->op; row++) {
		if (!wanted(row, names))
			continue;
		printf("bench\t%s\t%s\t%.1f\n", row->op, row->unit, measure(row));
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	(void)argc;
	for (argv++; *argv && **argv == '-'; argv++) {
		wall |= !strcmp(*argv, "--wall");
		budget |= !strcmp(*argv, "--budget");
	}
	dev_open();
	run_rows(rows_exit, argv);
	run_rows(rows_kernel, argv);
	run_rows(rows_ipi, argv);
	run_rows(rows_memory, argv);
	run_rows(rows_snapshot, argv);
	run_rows(rows_vm, argv);
	return 0;
}
