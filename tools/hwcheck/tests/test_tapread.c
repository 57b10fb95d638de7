// SPDX-License-Identifier: GPL-2.0-only
/* svmvcpu-hwcheck reads the output of kselftest_harness.h. */
#include <string.h>

#include "hwcheck.h"
#include "tap.h"

static void feed(struct tap_report *t, const char *const *lines)
{
	tap_init(t);
	for (; *lines; lines++)
		tap_feed(t, *lines);
	tap_finish(t);
}

static bool has(const struct tap_report *t, unsigned int nr, const char *name,
		enum tap_result result, const char *why)
{
	const struct tap_case *c = &t->cases[nr];

	return nr < t->nr && !strcmp(c->name, name) && c->result == result &&
	       (why ? c->why && !strcmp(c->why, why) : !c->why);
}

static void test_harness(void)
{
	static const char *const lines[] = {
		"TAP version 13", "1..4", "# Starting 4 tests from 2 test cases.",
		"#  RUN           args.first ...", "#            OK  args.first",
		"ok 1 args.first",
		"#  RUN           args.second ...", "#      SKIP      no luck",
		"#            OK  args.second", "ok 2 # SKIP no luck",
		"#  RUN           args.third ...",
		"# x.c:7:third:Expected 1 (1) == 2 (2)", "# third: Test failed at step #3",
		"#          FAIL  args.third", "not ok 3 args.third",
		"ok 4 - global",
		"# FAILED: 3 / 4 tests passed.",
		"# Totals: pass:2 fail:1 xfail:0 xpass:0 skip:1 error:0", NULL,
	};
	struct tap_report t;

	feed(&t, lines);
	OK(t.nr == 4 && t.printed == 4 && t.planned == 4, "four results");
	OK(t.count[TAP_PASS] == 2 && t.count[TAP_FAIL] == 1 && t.count[TAP_SKIP] == 1, "counted");
	OK(has(&t, 0, "args.first", TAP_PASS, NULL), "a pass");
	OK(has(&t, 1, "args.second", TAP_SKIP, "no luck"), "a skip has the name of its RUN line");
	OK(t.cases[2].why && strstr(t.cases[2].why, "x.c:7:third:Expected"), "a failure's output");
	OK(t.cases[2].why && !strstr(t.cases[2].why, "no luck"), "without output of other cases");
	OK(has(&t, 3, "global", TAP_PASS, NULL), "a dash before the name");
	tap_free(&t);
}

static void ends_with(const char *const *lines, const char *why)
{
	struct tap_report t;

	feed(&t, lines);
	OK(t.nr && has(&t, t.nr - 1, "plan", TAP_FAIL, why), "%s", why);
	tap_free(&t);
}

static void test_plan(void)
{
	ends_with((const char *const[]) { "ok 1 a", NULL }, "the program printed no plan");
	ends_with((const char *const[]) { NULL }, "the program printed no plan");
	ends_with((const char *const[]) { "1..2", "ok 1 a", NULL }, "2 tests were planned, 1 ran");
	ends_with((const char *const[]) { "1..1", "ok 1 a", "ok 2 b", NULL },
		  "1 tests were planned, 2 ran");
	ends_with((const char *const[]) { "1..0", "1..1", "ok 1 a", NULL },
		  "0 tests were planned, 1 ran");
}

static void test_hostile(void)
{
	char line[6000];
	struct tap_report t;
	unsigned int i;

	tap_init(&t);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = 0;
	memcpy(line, "# RUN ", 6);
	tap_feed(&t, line);
	for (i = 0; i < 10; i++)
		tap_feed(&t, "what is neither a result nor a plan, again and again and again");
	tap_feed(&t, line + 2);
	memcpy(line, "not ok 1 ", 9);
	tap_feed(&t, line);
	OK(t.nr == 1 && strlen(t.cases[0].name) == sizeof(t.cases[0].name) - 1,
	   "a long name is cut");
	OK(t.cases[0].why && strlen(t.cases[0].why) < sizeof(t.notes), "so is its output");
	tap_feed(&t, "ok");
	tap_feed(&t, "not ok");
	tap_feed(&t, "okay 2 then");
	OK(t.nr == 1, "no number, no result");
	tap_feed(&t, "ok 2");
	OK(t.nr == 2 && has(&t, 1, "case 2", TAP_PASS, NULL), "a result without a name");
	tap_feed(&t, "ok 3 -");
	tap_feed(&t, "ok 4 - # SKIP");
	OK(t.nr == 4 && t.cases[3].result == TAP_SKIP, "a dash alone");
	tap_free(&t);
}

int main(void)
{
	test_harness();
	test_plan();
	test_hostile();
	return tap_done();
}
