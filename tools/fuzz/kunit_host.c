// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the KUnit suites of the pure files in user space; prints TAP. The test files
 * register their suites.
 */
#include <kunit/test.h>

#define MAX_SUITES	16

static struct kunit_suite *suites[MAX_SUITES];
static unsigned int nr_suites;

void kunit_register(struct kunit_suite *suite)
{
	if (nr_suites == MAX_SUITES)
		abort();
	suites[nr_suites++] = suite;
}

static bool run_case(const struct kunit_suite *suite, const struct kunit_case *c)
{
	struct kunit test = { .name = c->name };

	if (suite->init && suite->init(&test)) {
		printf("# %s: init failed\n", c->name);
		return false;
	}
	c->run_case(&test);
	if (suite->exit)
		suite->exit(&test);
	return !test.failed;
}

int main(void)
{
	unsigned int i, n = 0, failures = 0;
	const struct kunit_case *c;

	printf("TAP version 13\n");
	for (i = 0; i < nr_suites; i++) {
		for (c = suites[i]->test_cases; c->run_case; c++) {
			bool ok = run_case(suites[i], c);

			failures += !ok;
			printf("%sok %u - %s %s\n", ok ? "" : "not ", ++n,
			       suites[i]->name, c->name);
		}
	}
	printf("1..%u\n", n);
	return failures || !n ? 1 : 0;
}
