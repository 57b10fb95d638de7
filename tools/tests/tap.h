/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host-side unit tests: one line of TAP per check. Each program includes this once,
 * calls OK() and returns tap_done() from main().
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_nr, tap_failed;

[[gnu::format(printf, 3, 4)]]
static inline void tap_ok(int line, bool ok, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u - ", ok ? "" : "not ", ++tap_nr);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	if (!ok) {
		tap_failed++;
		printf("# failed at line %d\n", line);
	}
}

/* a condition that must be true, and its description in printf style */
#define OK(condition, ...)	tap_ok(__LINE__, condition, __VA_ARGS__)

/* a check that this host cannot make, with the reason; @why must not be NULL */
static inline void tap_skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_nr, name, why);
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_nr);
	return tap_failed != 0;
}

#endif /* TAP_H */
