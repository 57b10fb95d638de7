/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of the kernel's tracing */
#ifndef SVMVCPU_TRACEFS_H
#define SVMVCPU_TRACEFS_H

#include "svmvcpu_test.h"

#define TRACEFS		"/sys/kernel/tracing/"

static inline void write_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | flags);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		vm_die(path);
	close(fd);
}

static inline void put_file(const char *path, const char *text)
{
	write_file(path, text, O_TRUNC);
}

static inline void append_file(const char *path, const char *text)
{
	write_file(path, text, O_APPEND);
}

static inline void read_trace(char *text, size_t size)
{
	int fd = open(TRACEFS "trace", O_RDONLY);
	ssize_t got, have = 0;

	if (fd < 0)
		vm_die("trace");
	while ((got = read(fd, text + have, size - 1 - have)) > 0)
		have += got;
	text[have] = 0;
	close(fd);
}

#endif /* SVMVCPU_TRACEFS_H */
