// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: parsing and checking the options of "vcpuctl run". Decides what is
 * a legal combination; what an omitted option means is decided where it is
 * used (load.c), because that depends on the image.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "svmvcpu_lib.h"
#include "vcpuctl.h"

#define MAX_MEM		0x8000000000ULL	/* what one PML4 entry maps */
#define MAX_BIOS_MEM	0xc0000000ULL	/* room for the ROM and devices */

enum {
	OPT_CATCH = 256, OPT_SERIAL, OPT_NO_FAULTS, OPT_STEP, OPT_INITRD, OPT_APPEND, OPT_LAPIC,
	OPT_GDB, OPT_WAIT, OPT_MODULE, OPT_UNCLAIMED,
	OPT_STATS, OPT_CPUS, OPT_PIN,
};

static const struct option long_options[] = {
	{ "mode",	required_argument, NULL, 'm' },
	{ "mem",	required_argument, NULL, 'M' },
	{ "cpus",	required_argument, NULL, OPT_CPUS },
	{ "pin",	optional_argument, NULL, OPT_PIN },
	{ "load",	required_argument, NULL, 'l' },
	{ "entry",	required_argument, NULL, 'e' },
	{ "stack",	required_argument, NULL, 's' },
	{ "cr3",	required_argument, NULL, 'c' },
	{ "arg",	required_argument, NULL, 'a' },
	{ "file",	required_argument, NULL, 'f' },
	{ "bios",	required_argument, NULL, 'b' },
	{ "initrd",	required_argument, NULL, OPT_INITRD },
	{ "append",	required_argument, NULL, OPT_APPEND },
	{ "module",	required_argument, NULL, OPT_MODULE },
	{ "lapic",	no_argument, NULL, OPT_LAPIC },
	{ "gdb",	required_argument, NULL, OPT_GDB },
	{ "wait",	no_argument, NULL, OPT_WAIT },
	{ "timeout",	required_argument, NULL, 't' },
	{ "max-exits",	required_argument, NULL, 'x' },
	{ "catch",	required_argument, NULL, OPT_CATCH },
	{ "no-faults",	no_argument, NULL, OPT_NO_FAULTS },
	{ "serial-in",	required_argument, NULL, OPT_SERIAL },
	{ "msr-ignore",	no_argument, NULL, 'i' },
	{ "unclaimed",	required_argument, NULL, OPT_UNCLAIMED },
	{ "step",	no_argument, NULL, OPT_STEP },
	{ "stats",	no_argument, NULL, OPT_STATS },
	{ "trace",	no_argument, NULL, 'T' },
	{ "json",	no_argument, NULL, 'j' },
	{ "quiet",	no_argument, NULL, 'q' },
	{ "help",	no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: vcpuctl run [options] IMAGE\n"
	"       vcpuctl run [options] --bios FIRMWARE\n"
	"Run a flat binary, an ELF executable or a kernel as a guest.\n\n"
	"  -m, --mode MODE       real, prot32, long64 or reset, or how to start a kernel:\n"
	"                        linux, multiboot, multiboot2 or pvh; default: depends\n"
	"                        on the image; real for flat binaries; reset with --bios\n"
	"  -M, --mem SIZE        RAM from address 0 (default 16M; 256M for\n"
	"                        kernels and with --bios)\n"
	"      --cpus N          number of CPUs (default 1); more need --lapic, except for\n"
	"                        kernels\n"
	"      --pin[=LIST]      run each CPU on one host CPU: those of LIST, for example\n"
	"                        0,2-5, or all that are allowed, in turn\n"
	"  -l, --load ADDR       load address of a flat binary (default 0x7c00\n"
	"                        in real mode, otherwise 0x100000)\n"
	"  -e, --entry ADDR      first instruction (default: ELF entry or load address)\n"
	"  -s, --stack ADDR      initial stack pointer\n"
	"  -c, --cr3 ADDR        long64: page tables that the image or a file contains\n"
	"                        (default: vcpuctl maps memory one to one)\n"
	"  -a, --arg VALUE       initial RDI in prot32 and long64\n"
	"  -f, --file PATH@ADDR  load a file into memory; can be repeated\n"
	"  -b, --bios PATH       firmware at the top of 4 GiB and below 1 MiB\n"
	"      --initrd PATH     kernels: the initial RAM disk, or the first module\n"
	"      --append WORDS    kernels: command line; Linux: words to add to it\n"
	"      --module FILE     Multiboot and PVH: a module, 'PATH WORDS'; can be repeated\n"
	"      --lapic           add a local APIC and an I/O APIC; always on for kernels\n"
	"      --serial-in PATH  input of the serial port: a file, none,\n"
	"                        or - for stdin (default)\n"
	"      --gdb ADDR        let GDB connect to [HOST:]PORT, or to a Unix socket (a path\n"
	"                        with a slash)\n"
	"      --wait            with --gdb: do not start the guest before GDB resumes it\n"
	"  -t, --timeout SEC     stop after this number of seconds\n"
	"  -x, --max-exits N     stop after N exits\n"
	"      --catch LIST      stop at these exception vectors, for example 6,13\n"
	"      --no-faults       fewer exits, but less detail about a triple fault\n"
	"  -i, --msr-ignore      unknown MSRs read as 0 and ignore writes\n"
	"      --unclaimed WHAT  accesses to addresses without memory or device: stop,\n"
	"                        or ignore, the default for kernels and firmware\n"
	"      --step            exit after each instruction, for --trace\n"
	"  -T, --trace           print every exit\n"
	"      --stats           print the counters of the virtual CPUs at the end\n"
	"  -j, --json            one JSON object per line on standard output\n"
	"  -q, --quiet           do not report how the guest ended\n"
	"  -h, --help\n\n"
	"Devices: 16550 at 0x3f8, debug port 0x402, exit code at 0xf4, power-off at 0x604,\n"
	"reset at 0xcf9; with --lapic, an I/O APIC with the 16550 on pin 4.\n"
	"Sizes and addresses may be hexadecimal (0x) and end in K, M, G or T.\n\n"
	"Exit status:\n"
#define STATUS_HELP(nr, name, str, text) "  " #nr "\t" text "\n"
	VCPUCTL_STATUSES(STATUS_HELP);

static int suffix_shift(char c)
{
	switch (c) {
	case 'k': case 'K':
		return 10;
	case 'm': case 'M':
		return 20;
	case 'g': case 'G':
		return 30;
	case 't': case 'T':
		return 40;
	}
	return -1;
}

int parse_size(const char *text, __u64 *value)
{
	int shift = 0;
	char *end;
	__u64 v;

	/* strtoull() would take blanks and a minus sign */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno)
		return -ERANGE;
	if (end == text)
		return -EINVAL;
	if (*end)
		shift = suffix_shift(*end++);
	if (shift < 0 || (shift && *end))
		return -EINVAL;
	if (shift && v >> (64 - shift))
		return -ERANGE;
	*value = v << shift;
	return 0;
}

int parse_seconds(const char *text, __u64 *ns)
{
	const char *p = text;
	__u64 whole = 0, part = 0, unit = 1000000000;

	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (*p - '0');
		if (whole > 1000000000)
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++) {
			unit /= 10;
			part += (*p - '0') * unit;
		}
	if (*p)
		return -EINVAL;
	*ns = whole * 1000000000 + part;
	return *ns ? 0 : -EINVAL;
}

int parse_vectors(const char *text, __u32 *mask)
{
	const char *p = text;
	char *end;

	*mask = 0;
	for (;;) {
		unsigned long v;

		if (*p < '0' || *p > '9')
			return -EINVAL;
		v = strtoul(p, &end, 0);
		if (v > 31)
			return -ERANGE;
		*mask |= 1U << v;
		if (!*end)
			return 0;
		if (*end != ',')
			return -EINVAL;
		p = end + 1;
	}
}

static int complain(FILE *err, const char *what, const char *text)
{
	fprintf(err, "vcpuctl run: %s", what);
	if (text)
		fprintf(err, ": %s", text);
	fputs("\nTry 'vcpuctl run --help'.\n", err);
	return -EINVAL;
}

static int set_mode(struct run_options *o, const char *text, FILE *err)
{
	static const char * const protocols[] = {
		[BOOT_LINUX] = "linux", [BOOT_MULTIBOOT] = "multiboot",
		[BOOT_MULTIBOOT2] = "multiboot2", [BOOT_PVH] = "pvh",
	};

	o->mode = MODE_AUTO;
	for (o->boot = BOOT_LINUX; o->boot < ARRAY_SIZE(protocols); o->boot++)
		if (!strcmp(text, protocols[o->boot]))
			return 0;
	o->boot = BOOT_NONE;
	for (o->mode = SVMVCPU_PRESET_REAL; o->mode <= SVMVCPU_PRESET_LONG64; o->mode++)
		if (!strcmp(text, svmvcpu_preset_name(o->mode)))
			return 0;
	return complain(err, "no such mode", text);
}

static int set_number(__u64 *value, const char *what, const char *text, FILE *err)
{
	return parse_size(text, value) ? complain(err, what, text) : 0;
}

static int set_optional(struct optional *n, const char *what, const char *text, FILE *err)
{
	n->given = true;
	return set_number(&n->value, what, text, err);
}

static int add_file(struct run_options *o, const char *text, FILE *err)
{
	const char *at = strrchr(text, '@');
	struct file_at *f = &o->files[o->nr_files];

	if (!at || at == text)
		return complain(err, "--file needs PATH@ADDRESS", text);
	if (o->nr_files == MAX_FILES)
		return complain(err, "too many --file options", text);
	if (parse_size(at + 1, &f->gpa))
		return complain(err, "bad address in --file", text);
	f->path = strndup(text, at - text);
	if (!f->path)
		return complain(err, "out of memory", NULL);
	o->nr_files++;
	return 0;
}

static int set_unclaimed(struct run_options *o, const char *text, FILE *err)
{
	if (strcmp(text, "stop") && strcmp(text, "ignore"))
		return complain(err, "--unclaimed wants stop or ignore", text);
	o->unclaimed = *text == 's' ? UNCLAIMED_STOP : UNCLAIMED_IGNORE;
	return 0;
}

static int add_module(struct run_options *o, const char *text, FILE *err)
{
	struct module_text *m = &o->modules[o->nr_modules];

	if (o->nr_modules == MAX_MODULES - 1)
		return complain(err, "too many --module options", text);
	m->text = text;
	m->path = strndup(text, strcspn(text, " "));
	if (!m->path)
		return complain(err, "out of memory", NULL);
	o->nr_modules++;
	return 0;
}

static int set_cpus(struct run_options *o, const char *text, FILE *err)
{
	__u64 value;

	if (parse_size(text, &value) || !value || value > MAX_CPUS)
		return complain(err, "--cpus wants a number from 1 to 255", text);
	o->cpus = value;
	return 0;
}

/* @text may be NULL */
static int set_pin(struct run_options *o, const char *text, FILE *err)
{
	o->pin = true;
	o->pins.nr = 0;
	return text && parse_pins(text, &o->pins) ?
		complain(err, "--pin wants numbers of CPUs, like 0,2-5", text) : 0;
}

static int set_flag(struct run_options *o, int opt)
{
	switch (opt) {
	case OPT_LAPIC:
		o->lapic = true;
		break;
	case OPT_WAIT:
		o->wait = true;
		break;
	case 'i':
		o->msr_ignore = true;
		break;
	case OPT_NO_FAULTS:
		o->no_faults = true;
		break;
	case OPT_STEP:
		o->step = true;
		break;
	case OPT_STATS:
		o->stats = true;
		break;
	case 'T':
		o->trace = true;
		break;
	case 'j':
		o->json = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	}
	return 0;
}

static int set_text(struct run_options *o, int opt, const char *text)
{
	switch (opt) {
	case 'b':
		o->bios = text;
		return 0;
	case OPT_SERIAL:
		o->serial_in = text;
		return 0;
	case OPT_INITRD:
		o->initrd = text;
		return 0;
	case OPT_APPEND:
		o->append = text;
		return 0;
	case OPT_GDB:
		o->gdb = text;
		return 0;
	}
	return set_flag(o, opt);
}

static int set_option(struct run_options *o, int opt, const char *text, FILE *err)
{
	switch (opt) {
	case 'm':
		return set_mode(o, text, err);
	case 'M':
		return parse_size(text, &o->mem) || !o->mem ?
			complain(err, "bad size in --mem", text) : 0;
	case OPT_CPUS:
		return set_cpus(o, text, err);
	case OPT_PIN:
		return set_pin(o, text, err);
	case 'l':
		return set_optional(&o->load, "bad address in --load", text, err);
	case 'e':
		return set_optional(&o->entry, "bad address in --entry", text, err);
	case 's':
		return set_optional(&o->stack, "bad address in --stack", text, err);
	case 'c':
		return set_optional(&o->cr3, "bad address in --cr3", text, err);
	case 'a':
		return set_optional(&o->arg, "bad value in --arg", text, err);
	case 'f':
		return add_file(o, text, err);
	case OPT_MODULE:
		return add_module(o, text, err);
	case OPT_UNCLAIMED:
		return set_unclaimed(o, text, err);
	case 't':
		return parse_seconds(text, &o->timeout_ns) ?
			complain(err, "bad time in --timeout", text) : 0;
	case 'x':
		return set_number(&o->max_exits, "bad number in --max-exits", text, err);
	case OPT_CATCH:
		return parse_vectors(text, &o->catch) ?
			complain(err, "bad vectors in --catch", text) : 0;
	}
	return set_text(o, opt, text);
}

static int check_memory(const struct run_options *o, FILE *err)
{
	if (!o->mem)
		return 0;
	if (o->mem < 0x10000 || o->mem % SVMVCPU_PAGE)
		return complain(err, "--mem must be a multiple of 4K and at least 64K", NULL);
	if (o->mem > MAX_MEM)
		return complain(err, "--mem is limited to 512G", NULL);
	if (o->bios && (o->mem < 0x100000 || o->mem > MAX_BIOS_MEM))
		return complain(err, "with --bios, --mem must be 1M to 3G", NULL);
	if (o->lapic && o->mem > MAX_BIOS_MEM)
		return complain(err, "with --lapic, --mem is limited to 3G", NULL);
	return 0;
}

static int check_mode(const struct run_options *o, FILE *err)
{
	bool reset = o->bios || o->mode == SVMVCPU_PRESET_RESET;

	if (o->bios && o->mode != MODE_AUTO && o->mode != SVMVCPU_PRESET_RESET)
		return complain(err, "--bios needs mode reset", NULL);
	if (reset && !o->bios)
		return complain(err, "mode reset needs --bios", NULL);
	if (reset && (o->entry.given || o->stack.given || o->arg.given))
		return complain(err, "mode reset does not allow --entry, --stack and --arg", NULL);
	if ((o->initrd || o->append) && o->bios && !o->image)
		return complain(err, "--initrd and --append need a kernel", NULL);
	if (o->nr_modules && o->bios)
		return complain(err, "--module is not for firmware", NULL);
	if ((o->initrd || o->append || o->nr_modules) && o->mode != MODE_AUTO)
		return complain(err, "--initrd, --append and --module are for kernels", NULL);
	if (o->boot > BOOT_NONE && o->bios)
		return complain(err, "--bios starts in mode reset", NULL);
	if (o->mode == SVMVCPU_PRESET_REAL && o->arg.given)
		return complain(err, "real mode does not allow --arg", NULL);
	if (o->mode != MODE_AUTO && o->mode != SVMVCPU_PRESET_LONG64 && o->cr3.given)
		return complain(err, "--cr3 is for mode long64", NULL);
	return 0;
}

/* a path, or a number for the port at the end */
static bool gdb_address(const char *text)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	size_t digits = strspn(port, "0123456789");

	if (strchr(text, '/'))
		return true;
	return digits && digits <= 5 && !port[digits] && atoi(port) <= 0xffff;
}

static int check_gdb(const struct run_options *o, FILE *err)
{
	if (o->wait && !o->gdb)
		return complain(err, "--wait needs --gdb", NULL);
	if (o->gdb && !gdb_address(o->gdb))
		return complain(err, "--gdb wants [HOST:]PORT or a path with a slash", o->gdb);
	if (o->gdb && o->step)
		return complain(err, "--gdb and --step exclude each other", NULL);
	return 0;
}

static int take_operands(struct run_options *o, int argc, char **argv, FILE *err)
{
	if (optind < argc)
		o->image = argv[optind++];
	if (optind < argc) {
		/* A list after "--pin " and not "--pin=" is taken for the image. */
		fprintf(err, "vcpuctl run: the image is %s\n", o->image);
		return complain(err, "unexpected argument after it", argv[optind]);
	}
	if (!o->image && !o->bios)
		return complain(err, "no image", NULL);
	return check_memory(o, err) ?: check_mode(o, err) ?: check_gdb(o, err);
}

int parse_run(int argc, char **argv, struct run_options *o, FILE *err)
{
	int opt, ret;

	memset(o, 0, sizeof(*o));
	o->mode = MODE_AUTO;
	o->serial_in = "-";
	o->cpus = 1;
	optind = 0;	/* glibc: start over, tests parse many times */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":m:M:l:e:s:c:a:f:b:t:x:iTjqh", long_options,
				  NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (opt == '?' || opt == ':')
			return complain(err, opt == ':' ? "option needs an argument" :
					"no such option", argv[optind - 1]);
		ret = set_option(o, opt, optarg, err);
		if (ret)
			return ret;
	}
	return take_operands(o, argc, argv, err);
}

void free_run(struct run_options *o)
{
	unsigned int i;

	for (i = 0; i < o->nr_files; i++)
		free((void *)o->files[i].path);
	for (i = 0; i < o->nr_modules; i++)
		free((void *)o->modules[i].path);
	o->nr_files = 0;
	o->nr_modules = 0;
}
