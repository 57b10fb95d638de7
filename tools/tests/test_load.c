// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests built from files: defaults for each mode, and everything that does not fit.
 * The test creates the files in its own directory and removes them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "tap.h"

static char dir[32];

static const char *make_file(const char *name, size_t bytes)
{
	static char path[8][64];
	static unsigned int next;
	char *p = path[next++ % 8];
	char *data = malloc(bytes + 1);
	int fd;

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	memset(data, 0x90, bytes);
	fd = open(p, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		abort();
	close(fd);
	free(data);
	return p;
}

static struct run_options plain(const char *image, int mode)
{
	struct run_options o = { .image = image, .mode = mode, .mem = 0x1000000 };

	return o;
}

static bool refused(const struct run_options *o, const char *text)
{
	struct guest g;
	bool ok = guest_build(&g, o) < 0 && strstr(svmvcpu_last_error(), text);

	guest_free(&g);
	return ok;
}

static void test_defaults(void)
{
	struct run_options o = plain(make_file("flat", 512), MODE_AUTO);
	struct guest g;

	OK(!guest_build(&g, &o), "flat image");
	OK(g.setup.preset == SVMVCPU_PRESET_REAL && g.setup.entry == 0x7c00 &&
	   g.setup.stack == 0x7c00 && !g.setup.cr3, "is real mode at 0x7c00");
	OK(((unsigned char *)g.mem[0].hva)[0x7dff] == 0x90, "and is complete");
	guest_free(&g);
	o.mode = SVMVCPU_PRESET_PROT32;
	OK(!guest_build(&g, &o) && g.setup.entry == 0x100000 && g.setup.stack == 0x1000000 &&
	   !g.setup.cr3, "prot32: at 1 MiB, stack at the end of memory");
	guest_free(&g);
	o.mode = SVMVCPU_PRESET_LONG64;
	OK(!guest_build(&g, &o) && g.setup.cr3 == 0xffa000 && g.setup.stack == 0xffa000,
	   "long64: tables at the end of memory, stack below");
	guest_free(&g);
	o.cr3.given = true;
	o.cr3.value = 0x5000;
	OK(!guest_build(&g, &o) && g.setup.cr3 == 0x5000 && g.setup.stack == 0x1000000,
	   "long64 with tables of its own");
	guest_free(&g);
}

static void test_bios(void)
{
	struct run_options o = { .bios = make_file("bios", 0x40000), .mode = MODE_AUTO,
				 .mem = 0x1000000 };
	struct guest g;

	OK(!guest_build(&g, &o) && g.setup.preset == SVMVCPU_PRESET_RESET && !g.setup.entry &&
	   !g.setup.stack, "firmware starts at reset");
	OK(g.mem[1].gpa == 0xfffc0000 && g.mem[1].bytes == 0x40000 &&
	   !(g.prot[1] & SVMVCPU_MEM_WRITE), "at the top of 4 GiB, read-only");
	OK(((unsigned char *)g.mem[0].hva)[0xc0000] == 0x90 &&
	   ((unsigned char *)g.mem[0].hva)[0xfffff] == 0x90, "and below 1 MiB");
	guest_free(&g);
	o.bios = make_file("odd", 0x40001);
	OK(refused(&o, "whole 4 KiB pages"), "firmware of an odd size");
}

static void test_limits(void)
{
	struct run_options o = plain(make_file("big", 0x10000), SVMVCPU_PRESET_PROT32);
	struct guest g;

	o.load.given = true;
	o.load.value = 0xfe0000;
	OK(!guest_build(&g, &o), "an image up to the stack");
	guest_free(&g);
	o.load.value = 0xff0000;
	OK(refused(&o, "the stack at 0xfff000 overlaps"), "an image where the stack would be");
	o.load.value = 0xff0001;
	OK(refused(&o, "does not fit"), "an image that exceeds memory");
	o.load.value = ~0ULL;
	OK(refused(&o, "does not fit"), "an address that wraps");
	o = plain(make_file("big", 0x10000), SVMVCPU_PRESET_LONG64);
	o.load.given = true;
	o.load.value = 0xfeb001;
	OK(refused(&o, "the page tables at 0xffa000 overlaps"), "an image over the tables");
	o = plain(make_file("flat", 512), MODE_AUTO);
	o.load.given = true;
	o.load.value = 0x10000;
	OK(refused(&o, "beyond the 64 KiB of real mode"), "an entry real mode cannot reach");
	o.entry.given = true;
	o.entry.value = 0x8000;
	OK(!guest_build(&g, &o) && g.setup.entry == 0x8000, "unless another is given");
	guest_free(&g);
}

static void test_files(void)
{
	struct run_options o = plain(make_file("flat", 512), MODE_AUTO);
	struct guest g;

	o.nr_files = 2;
	o.files[0].path = make_file("one", 4096);
	o.files[0].gpa = 0x20000;
	o.files[1].path = o.files[0].path;
	o.files[1].gpa = 0x21000;
	OK(!guest_build(&g, &o), "files that touch");
	guest_free(&g);
	o.files[1].gpa = 0x20fff;
	OK(refused(&o, "overlaps"), "files that share a byte");
	o.files[1].gpa = 0x7a00;
	OK(refused(&o, "overlaps"), "a file across the image");
	o.files[1].path = "/nonexistent/file";
	OK(refused(&o, "/nonexistent/file: No such file"), "a missing file");
}

static void test_images(void)
{
	struct run_options o = plain(make_file("empty", 0), MODE_AUTO);

	OK(refused(&o, "empty file"), "an empty image");
	o.image = dir;
	OK(refused(&o, "not a regular file"), "a directory");
	o.image = "/dev/zero";
	OK(refused(&o, "not a regular file"), "an endless device");
	o = plain(make_file("flat", 512), MODE_AUTO);
	o.cr3.given = true;
	OK(refused(&o, "--cr3 is for mode long64"), "page tables in real mode");
}

static void remove_files(void)
{
	static const char * const names[] = { "flat", "bios", "odd", "big", "one", "empty" };
	char path[64];
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/svmvcpu-load-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	test_defaults();
	test_bios();
	test_limits();
	test_files();
	test_images();
	remove_files();
	return tap_done();
}
