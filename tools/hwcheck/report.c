// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the report. Text goes to the file as it comes; JSON lines are
 * kept until the end, so that the file stays readable. A write that fails is
 * remembered and ends the writing: what is in the file by then stays.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hwcheck.h"

#define NAME		"svmvcpu-hwcheck"
#define MAX_NAMES	1000
#define MAC_LEN		17	/* xx:xx:xx:xx:xx:xx */

static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
}

/* An earlier report may be all that is left of a machine that hung: keep it. */
static int create_free_name(struct report *r)
{
	unsigned int nr;

	for (nr = 1; nr < MAX_NAMES; nr++) {
		if (nr == 1)
			snprintf(r->path, sizeof(r->path), NAME ".txt");
		else
			snprintf(r->path, sizeof(r->path), NAME "-%u.txt", nr);
		r->fd = create(r->path);
		if (r->fd >= 0 || errno != EEXIST)
			break;
	}
	return r->fd < 0 ? -errno : 0;
}

static void sync_directory(const char *path)
{
	char copy[sizeof(((struct report *)0)->path)];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int report_open(struct report *r, const char *path)
{
	int ret;

	memset(r, 0, sizeof(*r));
	if (path && strlen(path) >= sizeof(r->path))
		return -ENAMETOOLONG;
	r->json = open_memstream(&r->json_text, &r->json_len);
	if (!r->json)
		return -ENOMEM;
	if (path) {
		strcpy(r->path, path);
		r->fd = create(path);
		ret = r->fd < 0 ? -errno : 0;
	} else {
		ret = create_free_name(r);
	}
	if (ret) {
		fclose(r->json);
		free(r->json_text);
		return ret;
	}
	sync_directory(r->path);
	return 0;
}

static bool is_mac(const char *text)
{
	unsigned int i;

	for (i = 0; i < MAC_LEN; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

void report_clean(char *text)
{
	char *p;

	for (p = text; *p; p++) {
		if (is_mac(p))
			memset(p, 'x', MAC_LEN);
		if (*p != '\n' && *p != '\t' && (*p < ' ' || *p > '~'))
			*p = '?';
	}
}

static void append(struct report *r, const char *text, size_t len)
{
	ssize_t done;

	while (len && !r->error) {
		done = write(r->fd, text, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			r->error = done ? errno : ENOSPC;
			return;
		}
		text += done;
		len -= done;
	}
}

void report_say(struct report *r, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		r->error = r->error ?: ENOMEM;
		return;
	}
	report_clean(text);
	append(r, text, len);
	fputs(text, stdout);
	fflush(stdout);
	free(text);
}

void report_title(struct report *r, const char *title)
{
	report_say(r, "\n== %s\n\n", title);
}

void report_sync(struct report *r)
{
	/* EINVAL: the "file" is a terminal or a pipe */
	if (!r->error && fsync(r->fd) && errno != EINVAL)
		r->error = errno;
}

struct json *report_json(struct report *r, const char *type)
{
	r->line = (struct json) { .out = r->json };
	json_open(&r->line, NULL);
	json_str(&r->line, "type", type);
	return &r->line;
}

void report_json_end(struct report *r)
{
	json_close(&r->line);
	putc('\n', r->json);
}

int report_close(struct report *r)
{
	static const char title[] = "\n== For programs: a JSON object per line\n\n";

	if (fclose(r->json)) {
		r->error = r->error ?: ENOMEM;
	} else {
		append(r, title, strlen(title));
		append(r, r->json_text, r->json_len);
	}
	report_sync(r);
	if (close(r->fd) && !r->error)
		r->error = errno;
	free(r->json_text);
	return r->error;
}
