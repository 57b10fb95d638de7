// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl stat: watches the virtual machines of this host. It reads /proc only: no VMM
 * needs to take part, and the module is not asked.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "statscan.h"
#include "statshow.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

#define MAX_PIDS	64

static const char help[] =
	"Usage: vcpuctl stat [options] [PID...]\n"
	"Show the exit counters of all virtual machines, or of those of some processes.\n\n"
	"  -1, --once          show the totals once\n"
	"  -i, --interval SEC  time between two tables (default 1)\n"
	"  -j, --json          show the totals once, as one JSON object\n"
	"  -h, --help\n\n"
	"On a terminal, q or Ctrl-C quits.\n";

struct stat_options {
	bool once;
	bool json;
	__u64 interval_ns;
	unsigned int nr_pids;
	pid_t pids[MAX_PIDS];
};

/* standard input as it was, if it is a terminal */
struct keyboard {
	bool raw;
	struct termios saved;
};

static volatile sig_atomic_t quit;

static void on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

/*
 * A signal interrupts poll() even with SA_RESTART, but no output: that would look like an error
 * of the terminal. A second signal ends a program that hangs.
 */
static void catch_signals(void)
{
	struct sigaction act = {
		.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART,
	};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

static void keyboard_open(struct keyboard *k)
{
	struct termios raw;

	k->raw = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
		 !tcgetattr(STDIN_FILENO, &k->saved);
	if (!k->raw)
		return;
	raw = k->saved;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void keyboard_close(const struct keyboard *k)
{
	if (k->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &k->saved);
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* false if the user has quit */
static bool wait_until(const struct keyboard *k, double end)
{
	struct pollfd in = { .fd = k->raw ? STDIN_FILENO : -1, .events = POLLIN };
	double left;
	char key;

	while (!quit && (left = end - now_seconds()) > 0) {
		int ms = left < INT_MAX / 1000 ? left * 1000 + 1 : INT_MAX;

		if (poll(&in, 1, ms) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) <= 0)
			in.fd = -1;
		else if (key == 'q' || key == 'Q')
			return false;
	}
	return !quit;
}

static const char *plural(unsigned int nr)
{
	return nr == 1 ? "" : "s";
}

/* as much of @text as fits on the screen; the cursor goes home first */
static void put_screen(const char *text)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	unsigned int row;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	fputs("\033[H", stdout);
	for (row = 1; row < size.ws_row && *text; row++) {
		size_t len = strcspn(text, "\n");

		printf("%.*s\033[K\n", len < size.ws_col ? (int)len : (int)size.ws_col, text);
		text += len + (text[len] == '\n');
	}
	fputs("\033[J", stdout);
}

static int show(const struct stat_options *o, const struct stat_scan *now,
		const struct stat_scan *before, double seconds)
{
	bool screen = !o->once && isatty(STDOUT_FILENO);
	size_t len;
	char *text;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	if (screen)
		fprintf(out, "svmvcpu: %u VM%s, %u vCPU%s; every %g s, q quits\n\n", now->nr_vms,
			plural(now->nr_vms), now->nr_vcpus, plural(now->nr_vcpus),
			o->interval_ns / 1e9);
	stat_show(out, now, before, seconds);
	if (!screen && !o->once)
		putc('\n', out);
	if (fclose(out))
		return -ENOMEM;
	if (screen)
		put_screen(text);
	else
		fputs(text, stdout);
	free(text);
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

/* until the user quits, the last VM has gone, or nobody reads the output */
static int watch(const struct stat_options *o, struct stat_scan *now)
{
	struct stat_scan before = { 0 };
	double last = now_seconds(), next;
	struct keyboard keyboard;
	int ret;

	catch_signals();
	keyboard_open(&keyboard);
	if (keyboard.raw)
		fputs("\033[2J", stdout);
	ret = show(o, now, NULL, 0);
	while (!ret && now->nr_vms && wait_until(&keyboard, last + o->interval_ns / 1e9)) {
		stat_scan_free(&before);
		before = *now;
		ret = stat_scan(now, "/proc", o->pids, o->nr_pids);
		/* a process of the command line has ended */
		if (ret == -ESRCH)
			ret = 0;
		next = now_seconds();
		if (!ret && now->nr_vms)
			ret = show(o, now, &before, next - last);
		last = next;
	}
	stat_scan_free(&before);
	keyboard_close(&keyboard);
	if (!ret && !now->nr_vms)
		fputs("vcpuctl stat: no virtual machine is left\n", stderr);
	return ret;
}

static int nothing(const struct stat_options *o, const struct stat_scan *scan)
{
	fputs("vcpuctl stat: no virtual machine of svmvcpu found", stderr);
	if (o->nr_pids)
		fprintf(stderr, " in the process%s", o->nr_pids == 1 ? "" : "es");
	else if (scan->denied)
		fprintf(stderr, "; %u process%s may not be examined: run as root", scan->denied,
			scan->denied == 1 ? "" : "es");
	putc('\n', stderr);
	return STATUS_ERROR;
}

static int run(const struct stat_options *o)
{
	struct stat_scan scan;
	int ret = stat_scan(&scan, "/proc", o->pids, o->nr_pids);

	if (ret)
		fprintf(stderr, "vcpuctl stat: %s\n", svmvcpu_last_error());
	else if (o->json)
		stat_show_json(stdout, &scan);
	else if (!scan.nr_vms)
		ret = nothing(o, &scan);
	else
		ret = o->once ? show(o, &scan, NULL, 0) : watch(o, &scan);
	stat_scan_free(&scan);
	return ret ? STATUS_ERROR : 0;
}

static int usage(const char *what, const char *text)
{
	fprintf(stderr, "vcpuctl stat: %s%s%s\nTry 'vcpuctl stat --help'.\n", what,
		text ? ": " : "", text ?: "");
	return STATUS_USAGE;
}

static int take_pids(struct stat_options *o, char **args)
{
	for (; *args; args++) {
		char *end;
		long pid = strtol(*args, &end, 10);

		if (**args < '1' || **args > '9' || *end || pid > INT_MAX)
			return usage("bad process ID", *args);
		if (o->nr_pids == MAX_PIDS)
			return usage("too many process IDs", NULL);
		o->pids[o->nr_pids++] = pid;
	}
	return run(o);
}

int cmd_stat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "once", no_argument, NULL, '1' },
		{ "interval", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct stat_options o = { .interval_ns = 1000000000 };
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":1i:jh", options, NULL)) != -1) {
		switch (opt) {
		case '1':
			o.once = true;
			break;
		case 'i':
			if (parse_seconds(optarg, &o.interval_ns))
				return usage("bad time in --interval", optarg);
			break;
		case 'j':
			o.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case ':':
			return usage("option needs an argument", argv[optind - 1]);
		default:
			return usage("no such option", argv[optind - 1]);
		}
	}
	return take_pids(&o, argv + optind);
}
