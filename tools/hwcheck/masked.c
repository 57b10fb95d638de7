// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the optional features of SVM that this CPU has, one by one, left
 * unused by the module. Emulators have few of them, so these paths run nowhere else.
 */
#include <stdlib.h>
#include <string.h>

#include "hwcheck.h"

struct command {
	char said[200];		/* the last line */
};

bool masked_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *at;

	for (at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

static void on_line(void *ctx, char *line)
{
	struct command *command = ctx;

	if (*line)
		snprintf(command->said, sizeof(command->said), "%s", line);
}

/* Load the module anew. @bits: mask_features=, or NULL */
static bool reload(struct suite *s, const char *bits)
{
	char script[120] = "rmmod svmvcpu && modprobe svmvcpu";
	char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct command command = { "" };
	struct child child = {
		.argv = argv, .seconds = 60, .cpu = -1, .line = on_line, .ctx = &command,
	};
	struct child_end end;

	if (bits)
		snprintf(script, sizeof(script),
			 "rmmod svmvcpu && modprobe svmvcpu mask_features=%s", bits);
	child_run(&child, &end);
	s->stuck = s->stuck || end.stuck;
	if (!end.status)
		return true;
	report_say(s->report, "FAILED: %s: %s\n", script, command.said);
	s->failed++;
	return false;
}

static void run_without(struct suite *s, const struct plan_mask *mask)
{
	char programs[sizeof(mask->programs)], *rest = programs, *name;

	if (!reload(s, mask->bits))
		return;
	strcpy(programs, mask->programs);
	while (suite_goes_on(s) && (name = strsep(&rest, " ")))
		suite_program(s, plan_find(&s->plan, name), mask->feature);
}

void masked_run(struct suite *s)
{
	bool reloaded = false;
	unsigned int i;

	report_title(s->report, "Tests without features of the CPU");
	for (i = 0; i < s->plan.nr_masks && suite_goes_on(s); i++) {
		if (!masked_has_word(s->features, s->plan.masks[i].feature))
			continue;
		run_without(s, &s->plan.masks[i]);
		reloaded = true;
	}
	if (!reloaded)
		report_say(s->report, "The module uses none of them here.\n");
	else if (!s->stuck)
		reload(s, NULL);
}
