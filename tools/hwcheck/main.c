// SPDX-License-Identifier: GPL-2.0-only
/* svmvcpu-hwcheck: options, and the sequence of steps */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hwcheck.h"

#define FORMAT	1	/* of the JSON lines */

static const char help[] =
	"Usage: svmvcpu-hwcheck [options] [PROGRAM...]\n"
	"Check svmvcpu on this machine and write a report for its maintainers: run the\n"
	"test programs that leave the host as it is, or only the named ones of these,\n"
	"and measure the main operations. Needs root and the module.\n\n"
	"  -o, --output=FILE  write the report to FILE, which must not exist; default:\n"
	"                     svmvcpu-hwcheck.txt, or -2.txt and so on if it exists\n"
	"  -q, --quick        run only the programs of class quick, and two benchmarks\n"
	"  -w, --with=CLASS   also run the programs of CLASS; can be repeated:\n"
	"                       settings  change settings of the host\n"
	"                       cpus      take CPU 1 offline, test suspend\n"
	"                       msrs      write EFER: may take SVM away from KVM's VMs\n"
	"                       memory    need 1 GiB huge pages or several NUMA nodes\n"
	"                       contain   try every port and MSR: should interception not\n"
	"                                 work on this CPU, they reach the real ones\n"
	"                       module    reload the module without one feature at a time\n"
	"  -n, --no-bench     do not run the benchmarks\n"
	"  -l, --list         list the programs with their classes, and exit\n"
	"      --dir=DIR      directory of the test programs and tables\n"
	"  -h, --help         print a summary of the options\n\n"
	"Host name, IP and MAC addresses are masked in the report where they are\n"
	"recognized. Please check it before you send it.\n\n"
	"Exit status: 0 all passed, 1 something failed, 2 usage error, 3 no guest can\n"
	"run here (standard error says why), 4 the report could not be written,\n"
	"130 interrupted (the report has the results so far).\n";

struct options {
	const char *output;
	char dir[400];		/* absolute */
	char bin[300];		/* where vcpuctl is */
	bool no_bench;
	bool list;
	struct plan_wish wish;
};

/* --- command line ---------------------------------------------------------- */

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "svmvcpu-hwcheck: %s%s\nTry 'svmvcpu-hwcheck --help'.\n", what, value);
	return HWCHECK_USAGE;
}

/* PREFIX/bin holds this program and vcpuctl, PREFIX/lib/svmvcpu the rest. */
static void find_dirs(struct options *o)
{
	char self[300];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = 0;
	snprintf(o->bin, sizeof(o->bin), "%s", dirname(self));
	snprintf(o->dir, sizeof(o->dir), "%s/../lib/svmvcpu", o->bin);
}

static int take_dir(struct options *o, const char *dir)
{
	char *full = realpath(dir, NULL);

	if (!full || strlen(full) >= sizeof(o->dir))
		return usage("no such directory: ", dir);
	strcpy(o->dir, full);
	free(full);
	return 0;
}

static int take_class(struct options *o, const char *name)
{
	int class = plan_class_asked(name);

	if (class < 0)
		return usage("--with is not for: ", name);
	o->wish.with |= 1U << class;
	return 0;
}

/* HWCHECK_OK to continue, -1 to stop with success */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "quick", no_argument, NULL, 'q' },
		{ "with", required_argument, NULL, 'w' },
		{ "no-bench", no_argument, NULL, 'n' },
		{ "list", no_argument, NULL, 'l' },
		{ "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, ret = 0;

	opterr = 0;
	while (!ret && (opt = getopt_long(argc, argv, "o:qw:nlh", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (opt == 'o')
			o->output = optarg;
		else if (opt == 'q')
			o->wish.quick = true;
		else if (opt == 'w')
			ret = take_class(o, optarg);
		else if (opt == 'n')
			o->no_bench = true;
		else if (opt == 'l')
			o->list = true;
		else if (opt == 'd')
			ret = take_dir(o, optarg);
		else
			ret = usage("wrong option or no value: ", argv[optind - 1]);
	}
	o->wish.names = argv + optind;
	return ret;
}

/* --- tables ---------------------------------------------------------------- */

static FILE *open_table(const struct options *o, const char *name, char *path, size_t len)
{
	snprintf(path, len, "%s/%s", o->dir, name);
	return fopen(path, "re");
}

static int read_plan(const struct options *o, struct plan *plan)
{
	char path[600], error[120];
	FILE *file = open_table(o, "programs", path, sizeof(path));
	bool ok = file && plan_read(plan, file, error, sizeof(error));
	char *const *name;

	if (!file)
		fprintf(stderr, "svmvcpu-hwcheck: %s: %s: is svmvcpu installed with its tests?\n",
			path, strerror(errno));
	else if (!ok)
		fprintf(stderr, "svmvcpu-hwcheck: %s: %s\n", path, error);
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "%s/tests", o->dir);
	if (ok && access(path, F_OK)) {
		fprintf(stderr, "svmvcpu-hwcheck: %s: no test programs are installed\n", path);
		ok = false;
	}
	for (name = o->wish.names; ok && *name; name++)
		if (!plan_find(plan, *name))
			return usage("no such program: ", *name);
	return ok ? 0 : HWCHECK_USAGE;
}

static int read_known(const struct options *o, struct suite *s)
{
	char path[600], error[120];
	FILE *file = open_table(o, "known-results", path, sizeof(path));

	if (!file)
		return 0;
	s->have_known = known_read(&s->known, file, error, sizeof(error));
	fclose(file);
	if (s->have_known)
		return 0;
	fprintf(stderr, "svmvcpu-hwcheck: %s: %s\n", path, error);
	return HWCHECK_USAGE;
}

static void list(const struct plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->nr; i++)
		printf("%-20s %-8s %s\n", plan->rows[i].name,
		       plan_class_name(plan->rows[i].class), plan->rows[i].reason);
}

/* --- the steps ------------------------------------------------------------- */

struct verdict {
	struct report *report;
	char why[300], advice[300], features[300];
};

static void take_value(const char *line, const char *key, char *value, size_t len)
{
	size_t key_len = strlen(key);

	if (!strncmp(line, key, key_len))
		snprintf(value, len, "%s", line + key_len + strspn(line + key_len, " "));
}

static void on_info_line(void *ctx, char *line)
{
	struct verdict *v = ctx;

	report_say(v->report, "%s\n", line);
	take_value(line, "because", v->why, sizeof(v->why));
	take_value(line, "what to do", v->advice, sizeof(v->advice));
	take_value(line, "SVM features", v->features, sizeof(v->features));
}

/* The output of "vcpuctl info", and whether guests can run */
static bool module_step(struct suite *s, const char *bin)
{
	struct report *r = s->report;
	struct verdict verdict = { .report = r };
	char path[600];
	char *const argv[] = { path, "info", NULL };
	struct child child = {
		.argv = argv, .seconds = 60, .cpu = -1, .line = on_info_line, .ctx = &verdict,
	};
	struct child_end end;
	struct json *j;
	bool usable;

	report_title(r, "Module, as \"vcpuctl info\" has it");
	snprintf(path, sizeof(path), "%s/vcpuctl", bin);
	child_run(&child, &end);
	usable = child_succeeded(&end);
	s->stuck = end.stuck;
	suite_ran(s, "vcpuctl info");
	strcpy(s->features, verdict.features);
	if (end.status && !*verdict.why)
		snprintf(verdict.why, sizeof(verdict.why), "vcpuctl info: status %d", end.status);
	if (end.timed_out)
		snprintf(verdict.why, sizeof(verdict.why), "vcpuctl info does not end%s%s",
			 end.stuck ? " and cannot be killed, in the kernel at " : "", end.where);
	j = report_json(r, "module");
	json_bool(j, "usable", usable);
	report_str(r, "why", verdict.why);
	report_json_end(r);
	suite_log(s);
	if (!usable && !end.interrupted)
		fprintf(stderr, "svmvcpu-hwcheck: no guest can run here: %s\n%s%s", verdict.why,
			verdict.advice, *verdict.advice ? "\n" : "");
	return usable;
}

static void on_log_line(void *ctx, char *line)
{
	if (klog_is_ours(line))
		report_say(ctx, "%s\n", line);
}

static void log_step(struct report *r, int klog)
{
	report_title(r, "The kernel's log about svmvcpu");
	if (klog < 0)
		report_say(r, "/dev/kmsg cannot be read\n");
	klog_read(klog, true, on_log_line, r);
}

static int verdict(const struct suite *s, bool usable, bool timed)
{
	if (hwcheck_interrupted)
		return HWCHECK_INTERRUPTED;
	if (!usable)
		return HWCHECK_UNUSABLE;
	return s->failed || !timed ? HWCHECK_FAILED : HWCHECK_OK;
}

static void summary(struct report *r, const struct suite *s, int status)
{
	static const char *const words[] = {
		[HWCHECK_OK] = "all passed", [HWCHECK_FAILED] = "something FAILED",
		[HWCHECK_UNUSABLE] = "no guest can run on this host",
		[HWCHECK_INTERRUPTED] = "INTERRUPTED: this is what was found until then",
	};
	struct json *j = report_json(r, "summary");

	json_num(j, "status", status);
	json_num(j, "programs", s->programs);
	json_num(j, "failed_programs", s->failed);
	report_json_end(r);
	report_title(r, "Summary");
	report_say(r, "%u programs, %u passed, %u failed, %u skipped: %s\n", s->programs,
		   s->count[TAP_PASS], s->count[TAP_FAIL], s->count[TAP_SKIP], words[status]);
}

static void begin(struct report *r, const struct options *o)
{
	struct json *j;

	report_say(r, "svmvcpu-hwcheck: a report about svmvcpu on one machine%s.\n"
		   "Host name and network addresses are masked; please check it before you\n"
		   "send it. If the machine stopped during a test, the line of that test has\n"
		   "no result.\n",
		   o->wish.quick ? " (--quick)" : "");
	j = report_json(r, "begin");
	json_num(j, "format", FORMAT);
	json_bool(j, "quick", o->wish.quick);
	json_hex(j, "with", o->wish.with);
	report_json_end(r);
}

static int check(struct suite *s, const struct options *o)
{
	struct report *r = s->report;
	bool usable, timed = true;
	int status;

	begin(r, o);
	facts_report(r);
	report_sync(r);
	s->klog = klog_open();
	usable = module_step(s, o->bin);
	if (usable)
		suite_run(s, &o->wish);
	if (usable && !o->no_bench && !s->stuck && !hwcheck_interrupted && !r->error)
		timed = bench_run(s, o->wish.quick);
	suite_log(s);
	log_step(r, s->klog);
	status = verdict(s, usable, timed);
	summary(r, s, status);
	if (s->klog >= 0)
		close(s->klog);
	return status;
}

/* --- around them ----------------------------------------------------------- */

static int no_report(const char *path, int err)
{
	fprintf(stderr, "svmvcpu-hwcheck: the report %s: %s\n", path, strerror(err));
	if (err == EEXIST)
		fputs("It is not overwritten: remove it, or choose another with --output.\n",
		      stderr);
	else
		fputs("Choose another file with --output.\n", stderr);
	return HWCHECK_NO_REPORT;
}

/* Programs create files in their working directory, which must not be the user's. */
static int with_scratch(struct suite *s, const struct options *o)
{
	char scratch[] = "/tmp/svmvcpu-hwcheck.XXXXXX";
	int status;

	if (!mkdtemp(scratch) || chdir(scratch)) {
		fprintf(stderr, "svmvcpu-hwcheck: %s: %s\n", scratch, strerror(errno));
		return HWCHECK_NO_REPORT;
	}
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	status = check(s, o);
	if (chdir("/") || rmdir(scratch))
		fprintf(stderr, "svmvcpu-hwcheck: %s: %s\n", scratch, strerror(errno));
	return status;
}

static void hide_host(void)
{
	struct utsname name;

	if (!uname(&name))
		report_hide(name.nodename);
}

static int run(const struct options *o)
{
	struct report report;
	struct suite suite = { .report = &report, .dir = o->dir };
	int ret = read_plan(o, &suite.plan);

	if (!ret && o->list) {
		list(&suite.plan);
		plan_free(&suite.plan);
		return 0;
	}
	ret = ret ?: read_known(o, &suite);
	if (ret)
		return ret;
	if (geteuid()) {
		fputs("svmvcpu-hwcheck: not root: try 'sudo svmvcpu-hwcheck'\n", stderr);
		return HWCHECK_UNUSABLE;
	}
	ret = report_open(&report, o->output);
	if (ret)
		return no_report(o->output ?: report.path, -ret);
	hide_host();
	child_setup();
	ret = with_scratch(&suite, o);
	if (report_close(&report))
		return no_report(report.path, report.error);
	printf("\nThe report is %s: please check it before you send it.\n", report.path);
	plan_free(&suite.plan);
	known_free(&suite.known);
	return ret;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	int ret;

	find_dirs(&options);
	ret = parse(&options, argc, argv);
	if (ret)
		return ret < 0 ? 0 : ret;
	return run(&options);
}
