/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the kernel's KUnit that the tests of pure files use, to run the same
 * sources in user space with sanitizers.
 *
 * Programs register suites by including test files. For kunit_host.c only; kernel
 * builds use the real <kunit/test.h>.
 */
#ifndef FUZZ_KUNIT_TEST_H
#define FUZZ_KUNIT_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

struct kunit {
	const char *name;
	void *priv;
	bool failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

void kunit_register(struct kunit_suite *suite);

#define KUNIT_CASE(test_name)	{ .run_case = test_name, .name = #test_name }

#define kunit_test_suite(suite)						\
static void __attribute__((constructor)) register_##suite(void)		\
{									\
	kunit_register(&(suite));					\
}

static inline void kunit_check(struct kunit *test, bool ok, const char *file,
			       int line, const char *what)
{
	if (ok)
		return;
	test->failed = true;
	printf("# %s: %s:%d: expected %s; ", test->name, file, line, what);
}

#define KUNIT_CHECK(test, condition, what, ...)				\
do {									\
	bool kunit_ok = (condition);					\
									\
	kunit_check(test, kunit_ok, __FILE__, __LINE__, what);		\
	if (!kunit_ok)							\
		printf(__VA_ARGS__), printf("\n");			\
} while (0)

#define KUNIT_EXPECT_TRUE_MSG(test, a, ...)				\
	KUNIT_CHECK(test, a, #a, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(test, a, ...)				\
	KUNIT_CHECK(test, !(a), "not " #a, __VA_ARGS__)
#define KUNIT_EXPECT_EQ_MSG(test, a, b, ...)				\
	KUNIT_CHECK(test, (a) == (b), #a " == " #b, __VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(test, a, b, ...)				\
	KUNIT_CHECK(test, (a) != (b), #a " != " #b, __VA_ARGS__)

#define KUNIT_EXPECT_TRUE(test, a)	KUNIT_EXPECT_TRUE_MSG(test, a, " ")
#define KUNIT_EXPECT_FALSE(test, a)	KUNIT_EXPECT_FALSE_MSG(test, a, " ")
#define KUNIT_EXPECT_EQ(test, a, b)					\
do {									\
	__typeof__(a) kunit_a = (a);					\
	__typeof__(b) kunit_b = (b);					\
									\
	KUNIT_CHECK(test, kunit_a == kunit_b, #a " == " #b,		\
		    "%#llx and %#llx", (unsigned long long)kunit_a,	\
		    (unsigned long long)kunit_b);			\
} while (0)
#define KUNIT_EXPECT_NE(test, a, b)	KUNIT_EXPECT_NE_MSG(test, a, b, " ")

#endif /* FUZZ_KUNIT_TEST_H */
