// SPDX-License-Identifier: GPL-2.0-only
/*
 * The script that reloads the module, with this test's versions of rmmod, modprobe and
 * sleep. A directory "loaded" stands for the module.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hwcheck.h"
#include "tap.h"

/* "busy" holds the number of tries for which the module is in use. */
static const char *const commands[][2] = {
	{ "bin/rmmod",
	  "echo rmmod >>did; read n <busy; [ $n = 0 ] && exec rmdir loaded;"
	  "echo 'Module svmvcpu is in use'; exit 1" },
	{ "bin/modprobe", "echo modprobe \"$@\" >>did; [ -e found ] && mkdir loaded" },
	{ "bin/sleep", "read n <busy; echo $((n - 1)) >busy" },
};

static char did[2000], said[200];

static void write_file(const char *path, const char *head, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || dprintf(fd, "%s%s\n", head, text) < 0)
		exit(1);
	close(fd);
}

static void on_line(void *ctx, char *line)
{
	(void)ctx;
	snprintf(said, sizeof(said), "%s", line);
}

/* Runs the script; @did gets a line for each command. */
static struct child_end reload(const char *bits, const char *busy)
{
	char script[300];
	char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct child child = {
		.argv = argv, .seconds = 60, .cpu = -1, .to_the_end = true, .line = on_line,
	};
	struct child_end end;
	FILE *file;

	write_file("busy", "", busy);
	*said = 0;
	masked_reload_script(script, sizeof(script), "loaded", bits);
	child_run(&child, &end);
	file = fopen("did", "r");
	did[file ? fread(did, 1, sizeof(did) - 1, file) : 0] = 0;
	if (file)
		fclose(file);
	unlink("did");
	return end;
}

static void test_reload(void)
{
	struct child_end end;

	mkdir("loaded", 0755);
	end = reload("0x10", "0");
	OK(child_succeeded(&end) && !strcmp(did, "rmmod\nmodprobe svmvcpu mask_features=0x10\n"),
	   "without a feature: %s", did);
	end = reload(NULL, "0");
	OK(child_succeeded(&end) && !strcmp(did, "rmmod\nmodprobe svmvcpu\n"), "with all: %s", did);
	rmdir("loaded");
	end = reload(NULL, "0");
	OK(child_succeeded(&end) && !strcmp(did, "modprobe svmvcpu\n"),
	   "after a reload that failed: %s", did);
}

static void test_in_use(void)
{
	struct child_end end = reload(NULL, "2");

	OK(child_succeeded(&end) && !strcmp(did, "rmmod\nrmmod\nrmmod\nmodprobe svmvcpu\n"),
	   "in use for a moment: %s", did);
	end = reload(NULL, "1000");
	OK(!child_succeeded(&end) && !strstr(did, "modprobe"), "in use for long: %s", did);
	OK(!strcmp(said, "Module svmvcpu is in use"), "the reason: %s", said);
	unlink("found");
	end = reload(NULL, "0");
	OK(!child_succeeded(&end), "modprobe fails");
}

static void set_up(void)
{
	unsigned int i;

	if (mkdir("bin", 0755))
		exit(1);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		write_file(commands[i][0], "#!/bin/sh\n", commands[i][1]);
	write_file("found", "", "");
	setenv("PATH", "bin:/usr/bin:/bin", 1);
}

static void clean_up(const char *dir)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		unlink(commands[i][0]);
	rmdir("bin");
	unlink("busy");
	OK(!chdir("/") && !rmdir(dir), "nothing is left");
}

int main(void)
{
	char dir[] = "/tmp/hwcheck-masked.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	set_up();
	child_setup();
	test_reload();
	test_in_use();
	clean_up(dir);
	return tap_done();
}
