/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * svmvcpu-hwcheck: owners of AMD machines run it and send its report. It has one
 * thread; each program that it runs is a process.
 */
#ifndef HWCHECK_H
#define HWCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "json.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof(*(array)))

enum hwcheck_status {
	HWCHECK_OK = 0,
	HWCHECK_FAILED = 1,		/* a test failed, or something besides the tests */
	HWCHECK_USAGE = 2,
	HWCHECK_UNUSABLE = 3,		/* no guest can run on this host */
	HWCHECK_NO_REPORT = 4,		/* the report could not be written */
	HWCHECK_INTERRUPTED = 130,
};

/* Set by SIGINT, SIGTERM and SIGHUP, which are unblocked only in child_run() and child_pause() */
extern volatile int hwcheck_interrupted;

/* --- report.c: the file, readable first, JSON lines at its end ------------- */

struct report {
	int fd;
	char path[512];
	int error;		/* errno of the first write that failed */
	FILE *json;		/* into @json_text, until report_close() */
	char *json_text;
	size_t json_len;
	struct json line;	/* the open object */
};

/*
 * Creates the report and syncs its directory entry. @path NULL: an unused name in the
 * working directory. Returns 0 or -errno, -EEXIST for a @path that exists.
 */
int report_open(struct report *r, const char *path);

/* Appends text, which is also printed to standard output. */
__attribute__((format(printf, 2, 3)))
void report_say(struct report *r, const char *fmt, ...);
void report_title(struct report *r, const char *title);

/* Syncs the text so far, so that it survives a crash of the machine. */
void report_sync(struct report *r);

/* One JSON object per line; the caller adds members to the writer. */
struct json *report_json(struct report *r, const char *type);
void report_json_end(struct report *r);

/* Adds a string to the open object and masks it; json_str() would not mask it. */
void report_str(struct report *r, const char *key, const char *value);
#pragma GCC poison json_str

/* Appends the JSON lines. Returns 0 or the errno of the first write that failed. */
int report_close(struct report *r);

/*
 * Masks, in place, hardware addresses, IPv4 and IPv6 addresses, the name passed to
 * report_hide(), and everything that is not printable ASCII.
 */
void report_clean(char *text);
/* Masks the host name @name, and its part before the first dot, from now on. */
void report_hide(const char *name);

/* --- plan.c: which program may run on a host ------------------------------- */

enum plan_class {
	PLAN_QUICK, PLAN_HOST,
	/* only if the user asks for the class */
	PLAN_SETTINGS, PLAN_CPUS, PLAN_MSRS, PLAN_MEMORY, PLAN_MODULE, PLAN_CONTAIN,
	PLAN_NEVER,
	NR_PLAN_CLASSES
};

struct plan_row {
	char name[40];
	enum plan_class class;
	unsigned int seconds;
	char reason[200];
};

/* A feature of SVM, and programs that run again with the module loaded without it */
struct plan_mask {
	char feature[24];		/* as in "vcpuctl info" */
	char bits[24];			/* mask_features= */
	char programs[200];		/* with blanks between */
};

struct plan {
	struct plan_row *rows;
	unsigned int nr;
	struct plan_mask *masks;
	unsigned int nr_masks;
};

/* Selection on the command line */
struct plan_wish {
	bool quick;
	unsigned int with;		/* bit per class */
	char *const *names;		/* only these; NULL or empty for all */
};

/* Returns false with a message in @error. */
bool plan_read(struct plan *plan, FILE *in, char *error, size_t len);
void plan_free(struct plan *plan);
const struct plan_row *plan_find(const struct plan *plan, const char *name);
/* NULL if the program is to run, otherwise the reason why not */
const char *plan_refuses(const struct plan_row *row, const struct plan_wish *wish);
const char *plan_class_name(enum plan_class class);
/* Returns -1 unless @name is a class that can be selected. */
int plan_class_asked(const char *name);

/* --- tapread.c: what a test program says ----------------------------------- */

enum tap_result { TAP_PASS, TAP_FAIL, TAP_SKIP, NR_TAP_RESULTS };

struct tap_case {
	char name[96];
	enum tap_result result;
	char *why;		/* reason of a skip, output before a failure, or NULL */
};

struct tap_report {
	struct tap_case *cases;
	unsigned int nr;
	unsigned int count[NR_TAP_RESULTS];
	unsigned int printed;	/* results that the program printed */
	int planned;		/* -1: no plan */
	char running[96];
	char notes[4096];	/* since the last result */
	size_t notes_len;
};

void tap_init(struct tap_report *t);
void tap_feed(struct tap_report *t, const char *line);
/* Adds a failure of the program rather than of one of its cases */
void tap_fail(struct tap_report *t, const char *name, const char *why);
/* The program has ended by itself: compare its results with the plan. */
void tap_finish(struct tap_report *t);
void tap_free(struct tap_report *t);
const char *tap_result_name(enum tap_result result);

/* --- known.c: results in the emulators ------------------------------------- */

enum { KNOWN_QEMU, KNOWN_BOCHS, NR_KNOWN };

/* The result of a case in each emulator; of a program as a whole if @name is empty */
struct known_row {
	char program[40];
	char name[96];
	int value[NR_KNOWN];	/* -1: not run there */
};

struct known {
	struct known_row *rows;
	unsigned int nr;
};

bool known_read(struct known *known, FILE *in, char *error, size_t len);
void known_free(struct known *known);
/* Calls @found with a line for each result that no emulator has. */
void known_compare(const struct known *known, const char *program,
		   const struct tap_report *t, void (*found)(void *ctx, const char *line),
		   void *ctx);

/* --- child.c: one program, with a limit ------------------------------------ */

struct child {
	char *const *argv;
	unsigned int seconds;
	int cpu;		/* -1: any */
	bool to_the_end;	/* a signal to svmvcpu-hwcheck does not end the program */
	void (*line)(void *ctx, char *line);
	void *ctx;
};

struct child_end {
	int status;		/* like a shell's: 128 + signal; 127: cannot be executed */
	bool timed_out;
	bool stuck;		/* killed but still there: the kernel does not release it */
	bool interrupted;
	double seconds;
	char where[200];	/* if stuck: the function of the kernel */
};

void child_run(const struct child *child, struct child_end *end);
/* Did the program exit with status 0, within its time? */
bool child_succeeded(const struct child_end *end);
/* Return early if interrupted. */
void child_pause(unsigned int seconds);
void child_setup(void);

/* --- klog.c: the kernel's log ---------------------------------------------- */

/* Returns a descriptor at the end of the log, -1 if it cannot be read. */
int klog_open(void);
/* Calls @line for each message since the last call, or since boot if @all. */
void klog_read(int fd, bool all, void (*line)(void *ctx, char *line), void *ctx);

/* The first problem in a part of the log, with the lines that belong to it */
struct klog_splat {
	char first[200];	/* empty: there is none */
	char *text;		/* NULL if memory ran out */
};

/* Checks the messages since the last call. Free with klog_splat_free(). */
void klog_find_splat(int fd, struct klog_splat *splat);
void klog_splat_free(struct klog_splat *splat);
bool klog_is_splat(const char *text);
/* Is the message reported, after a splat or at any time? */
bool klog_is_trace(const char *text);
bool klog_is_ours(const char *text);

/* --- facts.c, cpu.c -------------------------------------------------------- */

struct cpu_facts {
	char vendor[13];
	char brand[49];
	unsigned int family, model, stepping;
	bool hypervisor;
	bool svm;
	unsigned int svm_leaf[4];	/* 8000_000Ah: EAX, EBX, ECX, EDX */
};

void cpu_signature(struct cpu_facts *cpu, unsigned int eax);
/* Names of the bits of CPUID 8000_000Ah EDX, with blanks between */
void cpu_svm_features(unsigned int edx, char *text, size_t len);
void cpu_probe(struct cpu_facts *cpu);
/* Removes the words of a kernel command line that are not reported, in place */
void facts_filter_cmdline(char *line);
void facts_report(struct report *r);

/* --- bench.c --------------------------------------------------------------- */

#define BENCH_ROWS	64

struct bench_figure {
	char op[80];
	char unit[16];
	double value[2];	/* svmvcpu, KVM; negative: not measured */
};

struct bench_table {
	struct bench_figure rows[BENCH_ROWS];
	unsigned int nr;
};

/* Parses a line of bench-svmvcpu (@side 0) or bench-kvm (1); false if it is no row. */
bool bench_feed(struct bench_table *table, unsigned int side, const char *line);
void bench_report(const struct bench_table *table, struct report *r);
struct suite;

/* Returns false if svmvcpu's side failed. */
bool bench_run(struct suite *s, bool quick);

/* --- suite.c: the test programs -------------------------------------------- */

struct suite {
	struct report *report;
	const char *dir;
	struct plan plan;
	struct known known;
	bool have_known;
	int klog;
	unsigned int programs;		/* programs that ran */
	unsigned int failed;		/* programs, and steps between them, that failed */
	char last[80];			/* the last program or step; empty: none yet */
	unsigned int count[NR_TAP_RESULTS];
	char features[300];	/* features of SVM that the module uses */
	bool stuck;
	FILE *differences;	/* text, a line each */
	char *differences_text;
	size_t differences_len;
};

void suite_run(struct suite *s, const struct plan_wish *wish);
/* Runs one program; @without: the feature of SVM that is masked, or NULL. */
void suite_program(struct suite *s, const struct plan_row *row, const char *without);
bool suite_goes_on(const struct suite *s);
/* Records a program or step in @last. */
void suite_ran(struct suite *s, const char *what);
/*
 * Reads the kernel's log since the last call. A splat is a failure of @last: it came
 * after a program had ended, or while something else ran.
 */
void suite_log(struct suite *s);

/* --- masked.c: once more without features of SVM --------------------------- */

/* Does the blank-separated @list contain @word? */
bool masked_has_word(const char *list, const char *word);
/*
 * Writes a shell script that reloads the module. @bits: mask_features=, or NULL;
 * @loaded: a directory that exists while the module is loaded.
 */
void masked_reload_script(char *script, size_t len, const char *loaded, const char *bits);
void masked_run(struct suite *s);

#endif /* HWCHECK_H */
