// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers, times, vectors and command lines of "vcpuctl run".
 */
#include <errno.h>
#include <string.h>

#include "options.h"
#include "svmvcpu_lib.h"
#include "tap.h"

static void test_sizes(void)
{
	static const struct {
		const char *text;
		int ret;
		__u64 value;
	} cases[] = {
		{ "0", 0, 0 }, { "16M", 0, 16 << 20 }, { "0x7c00", 0, 0x7c00 },
		{ "4k", 0, 4096 }, { "3G", 0, 3ULL << 30 }, { "010", 0, 8 },
		{ "0xffffffffffffffff", 0, ~0ULL }, { "0xffffffK", 0, 0xffffffULL << 10 },
		{ "16777215T", 0, 16777215ULL << 40 },
		{ "0x10000000000000000", -ERANGE, 0 }, { "16777216T", -ERANGE, 0 },
		{ "0xffffffffffffffffK", -ERANGE, 0 }, { "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { " 1", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 }, { "1Q", -EINVAL, 0 }, { "12 ", -EINVAL, 0 },
		{ "K", -EINVAL, 0 }, { "0x", -EINVAL, 0 }, { "1.5M", -EINVAL, 0 },
	};
	unsigned int i;
	__u64 value;
	int ret;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		value = 0;
		ret = parse_size(cases[i].text, &value);
		OK(ret == cases[i].ret && (ret || value == cases[i].value),
		   "size '%s' is %d, %#llx", cases[i].text, ret, value);
	}
}

static void test_seconds(void)
{
	static const struct {
		const char *text;
		int ret;
		__u64 ns;
	} cases[] = {
		{ "1", 0, 1000000000 }, { "0.5", 0, 500000000 }, { "2.", 0, 2000000000 },
		{ "0.000000001", 0, 1 }, { "1000000000", 0, 1000000000000000000 },
		{ "1000000001", -ERANGE, 0 }, { "99999999999999999999", -ERANGE, 0 },
		{ "0", -EINVAL, 0 }, { "0.0", -EINVAL, 0 }, { "", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 }, { "1s", -EINVAL, 0 }, { "-1", -EINVAL, 0 },
		{ "0.0000000001", -EINVAL, 0 }, { "1.2.3", -EINVAL, 0 },
	};
	unsigned int i;
	__u64 ns;
	int ret;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ns = 0;
		ret = parse_seconds(cases[i].text, &ns);
		OK(ret == cases[i].ret && (ret || ns == cases[i].ns), "seconds '%s' is %d, %llu ns",
		   cases[i].text, ret, ns);
	}
}

static void test_vectors(void)
{
	__u32 mask;

	OK(!parse_vectors("6", &mask) && mask == 0x40, "one vector");
	OK(!parse_vectors("6,13,0xe,31", &mask) && mask == 0x80006040, "several vectors");
	OK(parse_vectors("32", &mask) == -ERANGE, "vector 32 is not an exception");
	OK(parse_vectors("", &mask) == -EINVAL, "no vector");
	OK(parse_vectors("6,", &mask) == -EINVAL, "a trailing comma");
	OK(parse_vectors("6;7", &mask) == -EINVAL, "another separator");
	OK(parse_vectors("-1", &mask) == -EINVAL, "a negative vector");
}

/* parses @line; the options point into @words, the error message into @text */
static char words[256], text[256];

static int run_parser(const char *line, struct run_options *o)
{
	FILE *err = fmemopen(text, sizeof(text), "w");
	char *argv[24], *word, *save = NULL;
	int argc = 0, ret;

	memset(text, 0, sizeof(text));
	snprintf(words, sizeof(words), "%s", line);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	ret = parse_run(argc, argv, o, err);
	fclose(err);
	return ret;
}

static void test_accepted(void)
{
	struct run_options o;
	char many[256];
	unsigned int i;

	OK(!run_parser("run image.bin", &o), "an image is enough");
	OK(o.mode == MODE_AUTO && !o.mem && !o.load.given && !o.timeout_ns &&
	   !strcmp(o.image, "image.bin") && !strcmp(o.serial_in, "-"), "its defaults");
	free_run(&o);
	OK(!run_parser("run -m prot32 --mem=1M image --load 0x1000 -e 0x1004 -t 1.5 -Tjqi -x 9",
		       &o), "options around the image");
	OK(o.mode == SVMVCPU_PRESET_PROT32 && o.mem == 1 << 20 && o.load.value == 0x1000 &&
	   o.entry.value == 0x1004 && o.timeout_ns == 1500000000 && o.trace && o.json && o.quiet &&
	   o.msr_ignore && o.max_exits == 9, "their values");
	free_run(&o);
	OK(!run_parser("run image -f a@b@0x2000 -f c@4K", &o), "files");
	OK(o.nr_files == 2 && !strcmp(o.files[0].path, "a@b") && o.files[0].gpa == 0x2000 &&
	   o.files[1].gpa == 4096, "the last @ separates");
	free_run(&o);
	OK(!run_parser("run --bios fw", &o) && !o.image && !strcmp(o.bios, "fw"),
	   "firmware needs no image");
	free_run(&o);
	snprintf(many, sizeof(many), "run k");
	for (i = 1; i < MAX_MODULES; i++)
		strcat(many, " --module=m");
	OK(!run_parser(many, &o) && o.nr_modules == MAX_MODULES - 1, "as many as fit");
	free_run(&o);
	strcat(many, " --module=m");
	OK(run_parser(many, &o) == -EINVAL, "with an --initrd, no more fit");
	free_run(&o);
	OK(!run_parser("run --mode pvh k --module m --module n,a", &o) && o.boot == BOOT_PVH &&
	   o.mode == MODE_AUTO && o.nr_modules == 2 && !strcmp(o.modules[1].path, "n,a") &&
	   !strcmp(o.modules[1].text, "n,a"), "a protocol and modules");
	free_run(&o);
	OK(!run_parser("run --unclaimed ignore k", &o) && o.unclaimed == UNCLAIMED_IGNORE &&
	   !run_parser("run --unclaimed stop k", &o) && o.unclaimed == UNCLAIMED_STOP,
	   "what happens where nothing is");
	OK(!run_parser("run --mode real k", &o) && o.boot == BOOT_NONE &&
	   o.mode == SVMVCPU_PRESET_REAL, "a mode is no protocol");
	OK(!run_parser("run vmlinuz --initrd fs --append quiet --lapic", &o) &&
	   !strcmp(o.initrd, "fs") && !strcmp(o.append, "quiet") && o.lapic, "what Linux gets");
	free_run(&o);
	OK(!run_parser("run a --gdb [::1]:1234 --wait", &o) && o.wait &&
	   !strcmp(o.gdb, "[::1]:1234"), "a debugger, and to wait for it");
	free_run(&o);
	OK(!run_parser("run a --gdb ./65536", &o) && !o.wait, "a path for it");
	free_run(&o);
	OK(!run_parser("run a", &o) && o.cpus == 1 && !o.pin &&
	   !run_parser("run a --cpus 255", &o) && o.cpus == 255 &&
	   !run_parser("run a --cpus 0x8", &o) && o.cpus == 8, "numbers of CPUs");
	OK(!run_parser("run --pin a", &o) && o.pin && !o.pins.nr && !strcmp(o.image, "a"),
	   "--pin alone");
	OK(!run_parser("run --pin=3,0-1 a", &o) && o.pin && o.pins.nr == 3 &&
	   o.pins.cpus[0] == 3 && o.pins.cpus[2] == 1, "and with a list");
	OK(!run_parser("run --mem 512G -- -image", &o) && !strcmp(o.image, "-image"),
	   "-- ends the options");
	free_run(&o);
}

static void test_refused(void)
{
	static const char * const lines[] = {
		"run", "run a b", "run --nonsense a", "run -Z a", "run a --mem",
		"run a --mem 12q", "run a --mem 4095", "run a --mem 4097K1", "run a --mem 60K",
		"run a --mem 65537", "run a --mem 513G", "run a --mode warp",
		"run a --mode reset", "run --bios b --mode real",
		"run --bios b --entry 0", "run --bios b --stack 0", "run --bios b --mem 512K",
		"run --bios b --mem 4G", "run a -f x", "run a -f @0", "run a -f x@", "run a -f x@z",
		"run a -t 0", "run a -t x", "run a -x -1", "run a --catch 40", "run a --catch x",
		"run a --mem 0", "run a --mem 4G --lapic", "run --bios b --initrd a",
		"run a --mode real --append x", "run --bios b --mode pvh",
		"run --bios b --module m", "run a --mode xen", "run a --unclaimed no",
		"run a --initrd", "run a --mode real --arg 1",
		"run a --mode prot32 --cr3 0", "run a --load z",
		"run a --gdb", "run a --gdb path", "run a --gdb 65536", "run a --gdb 1x",
		"run a --gdb host:", "run a --gdb host:-1", "run a --wait",
		"run a --gdb 1 --step", "run a --cpus", "run a --cpus 0", "run a --cpus 256",
		"run a --cpus -1", "run a --cpus x", "run a --cpus 2,3",
		"run a --cpus 0x100000001", "run a --cpus 1M", "run a --pin=", "run a --pin=x",
		"run a --pin=0,", "run a --pin=2-1", "run a --pin=1024", "run a --pin 0",
	};
	struct run_options o;
	unsigned int i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		int ret = run_parser(lines[i], &o);

		OK(ret == -EINVAL && !strncmp(text, "vcpuctl run: ", 13),
		   "'%s' is refused: %.*s", lines[i], (int)strcspn(text, "\n"), text);
		free_run(&o);
	}
}

static void test_many_files(void)
{
	char line[256] = "run a";
	struct run_options o;
	unsigned int i;

	for (i = 0; i < 10; i++)
		strncat(line, " -f x@0", sizeof(line) - strlen(line) - 1);
	OK(!run_parser(line, &o) && o.nr_files == 10, "ten files");
	free_run(&o);
}

int main(void)
{
	test_sizes();
	test_seconds();
	test_vectors();
	test_accepted();
	test_refused();
	test_many_files();
	return tap_done();
}
