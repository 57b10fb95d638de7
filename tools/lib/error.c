// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: the text of the last failure, one per thread. Every other file
 * of the library, and callers that extend it, report through svmvcpu_fail().
 */
#include <stdarg.h>

#include "svmvcpu_lib.h"

static __thread char text[256] = "no error";

const char *svmvcpu_last_error(void)
{
	return text;
}

int svmvcpu_fail(int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return -error;
}
