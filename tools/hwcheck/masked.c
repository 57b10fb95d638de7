// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: runs the module without each optional feature of SVM that this CPU
 * has. Emulators have few of these features, so this code is tested nowhere else.
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

void masked_reload_script(char *script, size_t len, const char *loaded, const char *bits)
{
	/* a killed program may hold the module for a moment */
	snprintf(script, len,
		 "n=0; while [ -d %s ] && ! rmmod svmvcpu; do\n"
		 "n=$((n + 1)); [ $n -lt 10 ] || exit 1; sleep 1; done\n"
		 "exec modprobe svmvcpu%s%s", loaded, bits ? " mask_features=" : "", bits ?: "");
}

/*
 * Runs a shell script to its end, within a limit: if interrupted half-way it would
 * leave no module, or one without a feature.
 */
static bool run_script(struct suite *s, const char *what, char *script)
{
	char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct command command = { "" };
	struct child child = {
		.argv = argv, .seconds = 60, .cpu = -1, .to_the_end = true, .line = on_line,
		.ctx = &command,
	};
	struct child_end end;

	suite_log(s);
	child_run(&child, &end);
	suite_ran(s, what);
	suite_log(s);
	s->stuck = s->stuck || end.stuck;
	if (child_succeeded(&end))
		return true;
	report_say(s->report, "FAILED: %s: %s\n", what,
		   end.timed_out ? "it does not end" : command.said);
	s->failed++;
	return false;
}

static bool reload(struct suite *s, const char *bits)
{
	char script[300];

	masked_reload_script(script, sizeof(script), "/sys/module/svmvcpu", bits);
	return run_script(s, bits ? "reloading svmvcpu without a feature" :
			  "reloading svmvcpu with all features", script);
}

/* modprobe may not find a module that was loaded by insmod. */
static bool modprobe_finds_it(struct suite *s)
{
	char script[] = "modprobe -D svmvcpu";

	return run_script(s, "looking for svmvcpu with modprobe", script);
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

static bool has_feature(const struct suite *s, const struct plan_mask *mask)
{
	return masked_has_word(s->features, mask->feature);
}

void masked_run(struct suite *s)
{
	bool reloaded = false;
	unsigned int i;

	report_title(s->report, "Tests without features of the CPU");
	if (!suite_goes_on(s) || !modprobe_finds_it(s))
		return;
	for (i = 0; i < s->plan.nr_masks && suite_goes_on(s); i++) {
		if (!has_feature(s, &s->plan.masks[i]))
			continue;
		run_without(s, &s->plan.masks[i]);
		reloaded = true;
	}
	if (reloaded)
		reload(s, NULL);
	else
		report_say(s->report, "The module uses none of them here.\n");
}
