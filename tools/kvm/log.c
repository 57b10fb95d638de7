// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the log. See log.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "object.h"
#include "real.h"

int log_level;

static int log_fd = -1;

void log_write(const char *format, ...)
{
	int saved = errno, len;
	char line[512];
	va_list args;

	len = snprintf(line, sizeof(line), "svmvcpu-kvm[%d]: ", getpid());
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* There is nobody to tell that the log cannot be written. */
	if (write(log_fd, line, len) < 0)
		log_level = LOG_OFF;
	errno = saved;
}

/* The log has a descriptor of its own: programs close or redirect standard error. */
[[gnu::constructor]]
static void log_start(void)
{
	const char *text = getenv("SVMVCPU_KVM_LOG");
	int fd = STDERR_FILENO;
	char *end;
	long level;

	if (!text)
		return;
	level = strtol(text, &end, 10);
	if (*end == ':')
		fd = real()->open(end + 1, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	log_fd = fd_keep(fd);
	if (fd >= 0 && fd != STDERR_FILENO)
		real()->close(fd);
	if (log_fd >= 0)
		log_level = level;
}
