// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the table "known-results", which known.py writes from a run of "make
 * check". A result is reported if it differs from that of all emulators that ran it.
 */
#include <stdlib.h>
#include <string.h>

#include "hwcheck.h"

static const char *const emulators[NR_KNOWN] = { "QEMU", "Bochs" };

/* "-", "run" or the name of a result; -2 for anything else */
static int parse_value(const char *text, bool is_case)
{
	int result;

	if (!strcmp(text, "-"))
		return -1;
	if (!is_case)
		return strcmp(text, "run") ? -2 : 0;
	for (result = 0; result < NR_TAP_RESULTS; result++)
		if (!strcmp(text, tap_result_name(result)))
			return result;
	return -2;
}

/* "PROGRAM QEMU BOCHS" or "PROGRAM CASE QEMU BOCHS" */
static const char *parse(struct known_row *row, const char *line)
{
	char first[96], second[96], third[96];
	int fields, i;

	memset(row, 0, sizeof(*row));
	fields = sscanf(line, "%39s %95s %95s %95s", row->program, first, second, third);
	if (fields == 4) {
		strcpy(row->name, first);
		row->value[KNOWN_QEMU] = parse_value(second, true);
		row->value[KNOWN_BOCHS] = parse_value(third, true);
	} else if (fields == 3) {
		row->value[KNOWN_QEMU] = parse_value(first, false);
		row->value[KNOWN_BOCHS] = parse_value(second, false);
	} else {
		return "expected: PROGRAM [CASE] QEMU BOCHS";
	}
	for (i = 0; i < NR_KNOWN; i++)
		if (row->value[i] < -1)
			return "no such result";
	return NULL;
}

static const char *add(struct known *known, const char *line)
{
	struct known_row row, *rows;
	const char *wrong = parse(&row, line);

	if (wrong)
		return wrong;
	rows = reallocarray(known->rows, known->nr + 1, sizeof(*rows));
	if (!rows)
		return "out of memory";
	rows[known->nr++] = row;
	known->rows = rows;
	return NULL;
}

bool known_read(struct known *known, FILE *in, char *error, size_t len)
{
	const char *wrong = NULL;
	unsigned int nr = 0;
	char line[400];

	memset(known, 0, sizeof(*known));
	while (!wrong && fgets(line, sizeof(line), in)) {
		nr++;
		line[strcspn(line, "\n")] = 0;
		if (*line && *line != '#')
			wrong = add(known, line);
	}
	if (!wrong && ferror(in))
		wrong = "cannot be read";
	if (wrong) {
		snprintf(error, len, "line %u: %s", nr, wrong);
		known_free(known);
	}
	return !wrong;
}

void known_free(struct known *known)
{
	free(known->rows);
	memset(known, 0, sizeof(*known));
}

static const struct known_row *find(const struct known *known, const char *program,
				    const char *name)
{
	unsigned int i;

	for (i = 0; i < known->nr; i++)
		if (!strcmp(known->rows[i].program, program) && !strcmp(known->rows[i].name, name))
			return &known->rows[i];
	return NULL;
}

/* Does it differ in all emulators that ran it? */
static bool is_new(int here, const int *value)
{
	return here != value[KNOWN_QEMU] && here != value[KNOWN_BOCHS];
}

static const char *value_name(int value)
{
	return value < 0 ? "not run" : tap_result_name(value);
}

/* Cases that pass in both emulators have no row of their own. */
static void case_values(const struct known *known, const struct known_row *program,
			const char *name, int *value)
{
	const struct known_row *row = find(known, program->program, name);
	int i;

	for (i = 0; i < NR_KNOWN; i++) {
		if (row)
			value[i] = row->value[i];
		else
			value[i] = program->value[i] < 0 ? -1 : TAP_PASS;
	}
}

void known_compare(const struct known *known, const char *program,
		   const struct tap_report *t, void (*found)(void *ctx, const char *line),
		   void *ctx)
{
	const struct known_row *row = find(known, program, "");
	char line[400];
	int value[NR_KNOWN];
	unsigned int i;

	if (!row || (row->value[KNOWN_QEMU] < 0 && row->value[KNOWN_BOCHS] < 0)) {
		snprintf(line, sizeof(line), "%s: no emulator's results are known", program);
		found(ctx, line);
		return;
	}
	for (i = 0; i < t->nr; i++) {
		case_values(known, row, t->cases[i].name, value);
		if (!is_new(t->cases[i].result, value))
			continue;
		snprintf(line, sizeof(line), "%s %s: %s here; %s: %s, %s: %s", program,
			 t->cases[i].name, tap_result_name(t->cases[i].result),
			 emulators[KNOWN_QEMU], value_name(value[KNOWN_QEMU]),
			 emulators[KNOWN_BOCHS], value_name(value[KNOWN_BOCHS]));
		found(ctx, line);
	}
}
