// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the report. Text is written as it comes; JSON lines are kept until
 * the end, so that the file stays readable. The first write that fails ends the
 * writing: what has been written stays.
 */
#include <arpa/inet.h>
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
#define MIN_HOST	3	/* masking shorter names would mask parts of numbers */

static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
}

/* An earlier report may be all that is left of a machine that hung: do not overwrite it. */
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

/* Names of the host that report_clean() masks; empty: none */
static char hidden[2][256];

void report_hide(const char *name)
{
	/* these are harmless, and the second is in each line about the module */
	static const char *const harmless[] = { "localhost", "svmvcpu" };
	unsigned int i, n;

	for (n = 0; n < ARRAY_SIZE(hidden); n++) {
		snprintf(hidden[n], sizeof(hidden[n]), "%s", name);
		if (n)
			hidden[n][strcspn(hidden[n], ".")] = 0;
		if (strlen(hidden[n]) < MIN_HOST)
			*hidden[n] = 0;
		for (i = 0; i < ARRAY_SIZE(harmless); i++)
			if (!strcmp(hidden[n], harmless[i]))
				*hidden[n] = 0;
	}
}

static bool is_mac(const char *text, char separator)
{
	unsigned int i;

	for (i = 0; i < MAC_LEN; i++)
		if (i % 3 == 2 ? text[i] != separator : !isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* Length of the IPv4 address at @text, or 0 */
static size_t ipv4_len(const char *text)
{
	const char *p = text;
	unsigned int group, digits, value;

	for (group = 0; group < 4; group++) {
		if (group && *p++ != '.')
			return 0;
		value = 0;
		for (digits = 0; digits < 4 && isdigit((unsigned char)*p); digits++)
			value = value * 10 + (*p++ - '0');
		if (!digits || digits > 3 || value > 255)
			return 0;
	}
	/* a fifth group: a version */
	return isdigit((unsigned char)p[0]) || (p[0] == '.' && isdigit((unsigned char)p[1])) ?
	       0 : p - text;
}

/* Length of the IPv6 address at @text, or 0; "::" alone is none. */
static size_t ipv6_len(const char *text)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char address[16];
	size_t len = strspn(text, "0123456789abcdefABCDEF:.");

	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	/* punctuation may follow */
	for (; len > 2; len--) {
		snprintf(copy, len + 1, "%s", text);
		if (inet_pton(AF_INET6, copy, address) == 1)
			return len;
	}
	return 0;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Length of a name of the host at @text, or 0 */
static size_t host_len(const char *text)
{
	unsigned int n;
	size_t len;

	for (n = 0; n < ARRAY_SIZE(hidden); n++) {
		len = strlen(hidden[n]);
		if (len && !strncmp(text, hidden[n], len) && !in_word(text[len]))
			return len;
	}
	return 0;
}

/* Length of the text to mask at @text, at the start of a word, or 0 */
static size_t private_len(const char *text)
{
	return host_len(text) ?: ipv4_len(text) ?: ipv6_len(text);
}

void report_clean(char *text)
{
	bool begins = true;	/* a word or a dotted number may start here */
	bool in_number = false;
	size_t len;
	char *p;

	for (p = text; *p; p++) {
		len = is_mac(p, ':') || is_mac(p, '-') ? MAC_LEN : begins ? private_len(p) : 0;
		if (len) {
			memset(p, 'x', len);
			p += len - 1;
		}
		begins = !in_word(*p) && !(*p == '.' && in_number);
		in_number = isdigit((unsigned char)*p);
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
	report_str(r, "type", type);
	return &r->line;
}

void report_str(struct report *r, const char *key, const char *value)
{
	char *copy = strdup(value);

	if (!copy) {
		r->error = r->error ?: ENOMEM;
		return;
	}
	report_clean(copy);
	json_text(&r->line, key, copy, strlen(copy));
	free(copy);
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
