// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the command line of svmvcpu. Finds the subcommand; each lives in a
 * file of its own name, "exits" here because it is one loop.
 */
#include <stdio.h>
#include <string.h>

#include "svmvcpu_lib.h"
#include "vcpuctl.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} commands[] = {
	{ "info",  cmd_info,  "show what this host and the module support, or why not" },
	{ "run",   cmd_run,   "run a flat binary, an ELF file or firmware as a guest" },
	{ "stat",  cmd_stat,  "show the exit counters of all virtual machines" },
	{ "exits", cmd_exits, "list the exit reasons" },
};

static void print_help(FILE *out)
{
	unsigned int i;

	fputs("Usage: vcpuctl COMMAND [options]\n"
	      "Run guests on AMD SVM through " SVMVCPU_DEVICE ".\n\n", out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].text);
	fputs("\nSee 'vcpuctl COMMAND --help' and vcpuctl(1).\n", out);
}

int cmd_exits(int argc, char **argv)
{
	unsigned int nr;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		puts("Usage: vcpuctl exits\nList the exit reasons.");
		return 0;
	}
	if (argc > 1) {
		fprintf(stderr, "vcpuctl exits: unexpected argument: %s\n", argv[1]);
		return STATUS_USAGE;
	}
	for (nr = 0; *svmvcpu_exit_name(nr) != '?'; nr++)
		printf("%2u  %s\n", nr, svmvcpu_exit_name(nr));
	return 0;
}

static int option(const char *text)
{
	if (!strcmp(text, "--version") || !strcmp(text, "-V")) {
		printf("vcpuctl %s (API version %d)\n", VCPUCTL_VERSION, SVMVCPU_API_VERSION);
		return 0;
	}
	if (!strcmp(text, "--help") || !strcmp(text, "-h") || !strcmp(text, "help")) {
		print_help(stdout);
		return 0;
	}
	fprintf(stderr, "vcpuctl: no such command: %s\nTry 'vcpuctl --help'.\n", text);
	return STATUS_USAGE;
}

static int dispatch(int argc, char **argv)
{
	unsigned int i;

	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return option(argv[1]);
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);

	/* what could not be written was not said */
	if (fflush(stdout) || ferror(stdout)) {
		fputs("vcpuctl: cannot write to standard output\n", stderr);
		return status ? status : STATUS_ERROR;
	}
	return status;
}
