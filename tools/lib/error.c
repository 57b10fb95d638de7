// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: the text of the last failure, one per thread. Every other file
 * of the library, and callers that extend it, report through svmvcpu_fail().
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

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

const char *svmvcpu_host_error(int error)
{
	switch (error) {
	case EBUSY:
		return "another hypervisor uses SVM on this host";
	case EOPNOTSUPP:
		return "the firmware has disabled SVM (VM_CR.SVMDIS)";
	case ESHUTDOWN:
		return "the host is shutting down";
	}
	return strerror(error);
}
