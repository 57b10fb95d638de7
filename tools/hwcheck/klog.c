// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-hwcheck: the kernel's log. Other parts of the kernel write there as well,
 * also about networks and users: tables select the messages that are reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hwcheck.h"

#define RECORD_BYTES	8192
#define SPLAT_LINES	60

int klog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* "priority,number,time,flags;text", then lines of keys and values */
static char *text_of(char *record)
{
	char *text = strchr(record, ';');

	if (!text)
		return NULL;
	text++;
	text[strcspn(text, "\n")] = 0;
	return text;
}

void klog_read(int fd, bool all, void (*line)(void *ctx, char *line), void *ctx)
{
	char record[RECORD_BYTES];
	ssize_t got;
	char *text;

	if (fd < 0)
		return;
	if (all)
		lseek(fd, 0, SEEK_SET);
	for (;;) {
		got = read(fd, record, sizeof(record) - 1);
		/* EPIPE: records were overwritten; the next read continues behind them */
		if (got < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (got <= 0)
			return;
		record[got] = 0;
		text = text_of(record);
		if (text)
			line(ctx, text);
	}
}

static bool has_any(const char *text, const char *const *of, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (strstr(text, of[i]))
			return true;
	return false;
}

/* Case matters: "PM: suspend debug: " is no "BUG: ". */
bool klog_is_splat(const char *text)
{
	static const char *const signs[] = {
		"BUG: ", "kernel BUG at", "WARNING: ", "Oops", "general protection fault",
		"ernel panic", "double fault", "divide error", "invalid opcode",
		"refcount_t:", "UBSAN:", "KASAN:", "ODEBUG:", "soft lockup", "hard LOCKUP",
		"detected stalls", "self-detected stall", "detected expedited stalls",
		"blocked for more than", "circular locking", "recursive locking",
		"inconsistent lock state", "unchecked MSR access", "Bad page state",
		"Bad page map", "scheduling while atomic", "sleeping function called",
		"NMI received for unknown reason", "[Hardware Error]",
	};
	/* printed by a healthy kernel when a CPU comes up */
	static const char *const harmless[] = {
		"Speculative Return Stack Overflow: WARNING: ",
	};

	return has_any(text, signs, ARRAY_SIZE(signs)) &&
	       !has_any(text, harmless, ARRAY_SIZE(harmless));
}

bool klog_is_ours(const char *text)
{
	return strstr(text, "svmvcpu");
}

/* Lines of a register dump or a call trace, by how the kernel begins them */
bool klog_is_trace(const char *text)
{
	static const char *const begins[] = {
		" ", "Call Trace:", "RIP: ", "Code: ", "RSP: ", "RAX: ", "RDX: ", "RBP: ",
		"R10: ", "R13: ", "FS: ", "CS: ", "CR2: ", "DR0: ", "DR3: ", "PKRU: ",
		"CPU: ", "Hardware name: ", "---[ ", "------------[ ", "</", "<",
	};
	size_t i;

	if (klog_is_splat(text) || klog_is_ours(text))
		return true;
	for (i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(text, begins[i], strlen(begins[i])))
			return true;
	return false;
}

struct splat_search {
	struct klog_splat *splat;
	FILE *out;
	unsigned int lines;
};

static void on_line(void *ctx, char *line)
{
	struct splat_search *search = ctx;

	if (!*search->splat->first && !klog_is_splat(line))
		return;
	if (!*search->splat->first)
		snprintf(search->splat->first, sizeof(search->splat->first), "%s", line);
	if (search->out && search->lines < SPLAT_LINES && klog_is_trace(line)) {
		fprintf(search->out, "%s\n", line);
		search->lines++;
	}
}

void klog_find_splat(int fd, struct klog_splat *splat)
{
	struct splat_search search = { .splat = splat };
	size_t len;

	memset(splat, 0, sizeof(*splat));
	search.out = open_memstream(&splat->text, &len);
	klog_read(fd, false, on_line, &search);
	if (search.out)
		fclose(search.out);
}

void klog_splat_free(struct klog_splat *splat)
{
	free(splat->text);
}
