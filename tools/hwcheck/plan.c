// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the table "programs" tells for each test program whether it may run
 * on a host. A program without a row does not run.
 */
#include <stdlib.h>
#include <string.h>

#include "hwcheck.h"

#define MAX_SECONDS	3600

static const char *const class_names[NR_PLAN_CLASSES] = {
	[PLAN_QUICK] = "quick",
	[PLAN_HOST] = "host",
	[PLAN_SETTINGS] = "settings",
	[PLAN_CPUS] = "cpus",
	[PLAN_MSRS] = "msrs",
	[PLAN_MEMORY] = "memory",
	[PLAN_MODULE] = "module",
	[PLAN_CONTAIN] = "contain",
	[PLAN_NEVER] = "never",
};

const char *plan_class_name(enum plan_class class)
{
	return class_names[class];
}

static int class_by_name(const char *name)
{
	int class;

	for (class = 0; class < NR_PLAN_CLASSES; class++)
		if (!strcmp(name, class_names[class]))
			return class;
	return -1;
}

int plan_class_asked(const char *name)
{
	int class = class_by_name(name);

	return class > PLAN_HOST && class < PLAN_NEVER ? class : -1;
}

/* "NAME CLASS SECONDS REASON"; NULL, or what is wrong with the line */
static const char *parse(struct plan_row *row, const char *line)
{
	char class[16];
	int at = 0;

	memset(row, 0, sizeof(*row));
	if (sscanf(line, "%39s %15s %u %n", row->name, class, &row->seconds, &at) != 3)
		return "expected: NAME CLASS SECONDS REASON";
	if (class_by_name(class) < 0)
		return "no such class";
	row->class = class_by_name(class);
	if (!row->seconds || row->seconds > MAX_SECONDS)
		return "that is no number of seconds";
	if (!at || !line[at])
		return "a reason is missing";
	snprintf(row->reason, sizeof(row->reason), "%s", line + at);
	return NULL;
}

static const char *add(struct plan *plan, const char *line)
{
	struct plan_row row, *rows;
	const char *wrong = parse(&row, line);

	if (wrong)
		return wrong;
	if (plan_find(plan, row.name))
		return "a second row for this program";
	rows = reallocarray(plan->rows, plan->nr + 1, sizeof(*rows));
	if (!rows)
		return "out of memory";
	rows[plan->nr] = row;
	plan->rows = rows;
	plan->nr++;
	return NULL;
}

/* "mask FEATURE BITS PROGRAM...", behind the rows of the programs */
static const char *add_mask(struct plan *plan, const char *line)
{
	struct plan_mask mask = { "", "", "" }, *masks;
	char programs[sizeof(mask.programs)], *rest = programs, *word;
	int at = 0;

	if (sscanf(line, "mask %23s %23s %n", mask.feature, mask.bits, &at) != 2 || !at ||
	    !line[at] || strlen(line + at) >= sizeof(programs))
		return "expected: mask FEATURE BITS PROGRAM...";
	strcpy(mask.programs, line + at);
	strcpy(programs, line + at);
	while ((word = strsep(&rest, " ")))
		if (!plan_find(plan, word))
			return "a program has no row above";
	masks = reallocarray(plan->masks, plan->nr_masks + 1, sizeof(*masks));
	if (!masks)
		return "out of memory";
	masks[plan->nr_masks++] = mask;
	plan->masks = masks;
	return NULL;
}

bool plan_read(struct plan *plan, FILE *in, char *error, size_t len)
{
	const char *wrong = NULL;
	unsigned int nr = 0;
	char line[300];

	memset(plan, 0, sizeof(*plan));
	while (!wrong && fgets(line, sizeof(line), in)) {
		nr++;
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "mask ", 5))
			wrong = add_mask(plan, line);
		else if (*line && *line != '#')
			wrong = add(plan, line);
	}
	if (!wrong && ferror(in))
		wrong = "cannot be read";
	if (wrong) {
		snprintf(error, len, "line %u: %s", nr, wrong);
		plan_free(plan);
	}
	return !wrong;
}

void plan_free(struct plan *plan)
{
	free(plan->rows);
	free(plan->masks);
	memset(plan, 0, sizeof(*plan));
}

const struct plan_row *plan_find(const struct plan *plan, const char *name)
{
	unsigned int i;

	for (i = 0; i < plan->nr; i++)
		if (!strcmp(plan->rows[i].name, name))
			return &plan->rows[i];
	return NULL;
}

static bool is_named(const struct plan_row *row, char *const *names)
{
	if (!names || !*names)
		return true;
	for (; *names; names++)
		if (!strcmp(row->name, *names))
			return true;
	return false;
}

const char *plan_refuses(const struct plan_row *row, const struct plan_wish *wish)
{
	if (!is_named(row, wish->names))
		return "not asked for";
	if (row->class == PLAN_NEVER)
		return row->reason;
	if (row->class > PLAN_HOST && !(wish->with & 1U << row->class))
		return row->reason;
	if (wish->quick && row->class != PLAN_QUICK)
		return "not with --quick";
	return NULL;
}
