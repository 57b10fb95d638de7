// SPDX-License-Identifier: GPL-2.0-only
/* The tables of svmvcpu-hwcheck: lines that they accept, and the resulting decisions */
#include <string.h>

#include "hwcheck.h"
#include "tap.h"

static FILE *text_file(const char *text)
{
	return fmemopen((char *)text, strlen(text), "r");
}

static const char plan_text[] =
	"# a comment\n\n"
	"smoke quick 60 a first guest\n"
	"slow host 120 takes long\n"
	"huge settings 60 changes huge pages\n"
	"giga memory 60 wants 1 GiB\n"
	"old never 60 another CPU\n"
	"mask nrip 0x1 smoke slow\n";

static void plan_wrong(const char *text, const char *error)
{
	FILE *in = text_file(text);
	struct plan plan;
	char said[120] = "";
	bool ok = plan_read(&plan, in, said, sizeof(said));

	fclose(in);
	OK(!ok && strstr(said, error) && !plan.nr, "'%s' is refused: %s", text, said);
}

static void test_plan_errors(void)
{
	plan_wrong("smoke quick 60\n", "a reason is missing");
	plan_wrong("smoke quick\n", "line 1: expected");
	plan_wrong("smoke fast 60 x\n", "no such class");
	plan_wrong("smoke quick 0 x\n", "number of seconds");
	plan_wrong("smoke quick 3601 x\n", "number of seconds");
	plan_wrong("mask nrip 0x1\n", "expected: mask");
	plan_wrong("mask nrip\n", "expected: mask");
	plan_wrong("a quick 1 x\nmask nrip 0x1 a b\n", "line 2: a program has no row");
	plan_wrong("a quick 1 x\n\n# y\na host 1 x\n", "line 4: a second row");
}

static const char *refusal(const struct plan *plan, const char *name, const struct plan_wish *wish)
{
	return plan_refuses(plan_find(plan, name), wish) ?: "";
}

static void test_plan(void)
{
	char *const names[] = { "giga", "slow", NULL };
	struct plan_wish all = { 0 }, quick = { .quick = true }, named = { .names = names };
	FILE *in = text_file(plan_text);
	struct plan plan;
	char error[120];

	OK(plan_read(&plan, in, error, sizeof(error)) && plan.nr == 5, "a plan of five rows");
	fclose(in);
	OK(plan.nr_masks == 1 && !strcmp(plan.masks[0].feature, "nrip") &&
	   !strcmp(plan.masks[0].bits, "0x1") && !strcmp(plan.masks[0].programs, "smoke slow"),
	   "and a mask");
	OK(masked_has_word("nrip vgif", "nrip") && masked_has_word("nrip vgif", "vgif"), "words");
	OK(!masked_has_word("nrip-save vgif", "nrip") && !masked_has_word("xvgif", "vgif") &&
	   !masked_has_word("", "vgif"), "and no parts of words");
	OK(!plan_find(&plan, "smok") && !plan_find(&plan, "smokes"), "names match as a whole");
	OK(!*refusal(&plan, "smoke", &all) && !*refusal(&plan, "slow", &all), "safe ones run");
	OK(!strcmp(refusal(&plan, "huge", &all), "changes huge pages"),
	   "others do not, for a reason");
	OK(!*refusal(&plan, "smoke", &quick), "quick ones run with --quick");
	OK(*refusal(&plan, "slow", &quick), "slow ones do not");
	OK(*refusal(&plan, "smoke", &named) && !*refusal(&plan, "slow", &named),
	   "named ones run");
	OK(*refusal(&plan, "giga", &named), "a name does not permit other classes");
	named.with = 1U << PLAN_MEMORY;
	OK(!*refusal(&plan, "giga", &named), "--with does");
	all.with = ~0U;
	OK(*refusal(&plan, "old", &all), "class never cannot be selected");
	OK(plan_class_asked("memory") == PLAN_MEMORY && plan_class_asked("cpus") == PLAN_CPUS &&
	   plan_class_asked("contain") == PLAN_CONTAIN,
	   "classes that can be selected");
	OK(plan_class_asked("never") < 0 && plan_class_asked("host") < 0 &&
	   plan_class_asked("") < 0, "classes that cannot");
	plan_free(&plan);
}

static void known_wrong(const char *text, const char *error)
{
	FILE *in = text_file(text);
	struct known known;
	char said[120] = "";
	bool ok = known_read(&known, in, said, sizeof(said));

	fclose(in);
	OK(!ok && strstr(said, error) && !known.nr, "'%s' is refused: %s", text, said);
}

static void take(void *ctx, const char *line)
{
	strcat(ctx, line);
	strcat(ctx, "\n");
}

/* The differences of one case with this result */
static void differs(const struct known *known, const char *program, const char *name,
		    enum tap_result result, const char *expected)
{
	static const char *const lines[] = {
		[TAP_PASS] = "ok 1 %s", [TAP_FAIL] = "not ok 1 %s",
		[TAP_SKIP] = "ok 1 %s # SKIP x",
	};
	struct tap_report t;
	char text[400] = "", line[100];

	tap_init(&t);
	snprintf(line, sizeof(line), lines[result], name);
	tap_feed(&t, line);
	known_compare(known, program, &t, take, text);
	OK(!strcmp(text, expected), "%s %s, %s: '%s'", program, name, tap_result_name(result),
	   text);
	tap_free(&t);
}

static void test_known(void)
{
	static const char text[] =
		"# comment\nbreak run run\nbreak b.exec skip pass\nbreak b.both skip skip\n"
		"alone run -\nalone a.x skip -\nnowhere - -\n";
	FILE *in = text_file(text);
	struct known known;
	char error[120];

	OK(known_read(&known, in, error, sizeof(error)) && known.nr == 6, "known results");
	fclose(in);
	differs(&known, "break", "b.plain", TAP_PASS, "");
	differs(&known, "break", "b.plain", TAP_FAIL,
		"break b.plain: fail here; QEMU: pass, Bochs: pass\n");
	differs(&known, "break", "b.plain", TAP_SKIP,
		"break b.plain: skip here; QEMU: pass, Bochs: pass\n");
	differs(&known, "break", "b.exec", TAP_PASS, "");
	differs(&known, "break", "b.exec", TAP_SKIP, "");
	differs(&known, "break", "b.exec", TAP_FAIL,
		"break b.exec: fail here; QEMU: skip, Bochs: pass\n");
	differs(&known, "break", "b.both", TAP_PASS,
		"break b.both: pass here; QEMU: skip, Bochs: skip\n");
	differs(&known, "alone", "a.x", TAP_PASS,
		"alone a.x: pass here; QEMU: skip, Bochs: not run\n");
	differs(&known, "alone", "a.y", TAP_PASS, "");
	differs(&known, "nowhere", "n", TAP_PASS, "nowhere: no emulator's results are known\n");
	differs(&known, "new", "n", TAP_PASS, "new: no emulator's results are known\n");
	known_free(&known);
	known_wrong("break run\n", "line 1: expected");
	known_wrong("break 7 run\n", "no such result");
	known_wrong("\nbreak b.exec pass passed\n", "line 2: no such result");
}

int main(void)
{
	test_plan();
	test_plan_errors();
	test_known();
	return tap_done();
}
