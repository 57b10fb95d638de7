// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: reads the output of programs built with kselftest_harness.h. Results
 * must match the plan: those that are missing are a failure.
 */
#include <stdlib.h>
#include <string.h>

#include "hwcheck.h"

const char *tap_result_name(enum tap_result result)
{
	static const char *const names[NR_TAP_RESULTS] = {
		[TAP_PASS] = "pass", [TAP_FAIL] = "fail", [TAP_SKIP] = "skip",
	};

	return names[result];
}

void tap_init(struct tap_report *t)
{
	memset(t, 0, sizeof(*t));
	t->planned = -1;
}

void tap_free(struct tap_report *t)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		free(t->cases[i].why);
	free(t->cases);
	tap_init(t);
}

static void add(struct tap_report *t, enum tap_result result, const char *name, const char *why)
{
	struct tap_case *cases = reallocarray(t->cases, t->nr + 1, sizeof(*cases));

	t->count[result]++;
	if (!cases)
		return;
	t->cases = cases;
	cases[t->nr].result = result;
	snprintf(cases[t->nr].name, sizeof(cases[t->nr].name), "%s", name);
	cases[t->nr].why = NULL;
	if (why && *why)
		cases[t->nr].why = strdup(why);
	t->nr++;
}

/* The first lines have the cause; the others follow from it. */
static void note(struct tap_report *t, const char *line)
{
	size_t len = strlen(line);

	if (t->notes_len + len + 2 > sizeof(t->notes))
		return;
	memcpy(t->notes + t->notes_len, line, len);
	t->notes_len += len;
	t->notes[t->notes_len++] = '\n';
	t->notes[t->notes_len] = 0;
}

static void clear_notes(struct tap_report *t)
{
	t->notes_len = 0;
	t->notes[0] = 0;
}

static const char *skip_blanks(const char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

/* The text after the number: "NAME" or "NAME # SKIP WHY"; the harness may omit NAME */
static void on_result(struct tap_report *t, bool ok, const char *text)
{
	const char *directive = strstr(text, "# SKIP");
	size_t len = directive ? (size_t)(directive - text) : strlen(text);
	char name[sizeof(t->running)];

	if (!strncmp(text, "- ", 2)) {
		text += 2;
		len -= len < 2 ? len : 2;
	}
	while (len && text[len - 1] == ' ')
		len--;
	if (len)
		snprintf(name, sizeof(name), "%.*s", (int)len, text);
	else if (*t->running)
		strcpy(name, t->running);
	else
		snprintf(name, sizeof(name), "case %u", t->printed + 1);
	t->printed++;
	if (directive)
		add(t, TAP_SKIP, name, skip_blanks(directive + strlen("# SKIP")));
	else
		add(t, ok ? TAP_PASS : TAP_FAIL, name, ok ? NULL : t->notes);
	clear_notes(t);
	t->running[0] = 0;
}

void tap_feed(struct tap_report *t, const char *line)
{
	char name[sizeof(t->running)];
	unsigned int nr;
	int at = 0;

	if (sscanf(line, "1..%u", &nr) == 1 && t->planned < 0)
		t->planned = nr;
	else if (sscanf(line, "ok %u%n", &nr, &at) == 1 && at)
		on_result(t, true, skip_blanks(line + at));
	else if (sscanf(line, "not ok %u%n", &nr, &at) == 1 && at)
		on_result(t, false, skip_blanks(line + at));
	else if (sscanf(line, "# RUN %95s ...", name) == 1)
		strcpy(t->running, name);
	else if (strncmp(line, "TAP version", 11))
		note(t, line);
}

void tap_fail(struct tap_report *t, const char *name, const char *why)
{
	add(t, TAP_FAIL, name, why);
}

void tap_finish(struct tap_report *t)
{
	char text[80];

	if (t->planned < 0) {
		tap_fail(t, "plan", "the program printed no plan");
	} else if ((unsigned int)t->planned != t->printed) {
		snprintf(text, sizeof(text), "%d tests were planned, %u ran", t->planned,
			 t->printed);
		tap_fail(t, "plan", text);
	}
}
