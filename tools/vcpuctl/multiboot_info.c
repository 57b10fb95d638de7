// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: writing the information of both versions of Multiboot.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "acpi.h"
#include "board.h"
#include "boot.h"
#include "multiboot_info.h"
#include "vcpuctl.h"

#define MAGIC1		0x2badb002U
#define MAGIC2		0x36d76289U

/* version 1: which members of the information count */
#define HAS_MEMORY	0x001
#define HAS_CMDLINE	0x004
#define HAS_MODULES	0x008
#define HAS_MAP		0x040
#define HAS_LOADER	0x200

/* version 2: types of information */
#define TAG_END		0
#define TAG_CMDLINE	1
#define TAG_LOADER	2
#define TAG_MODULE	3
#define TAG_MEMORY	4
#define TAG_MAP		6
#define TAG_RSDP1	14
#define TAG_RSDP2	15
#define RSDP1_BYTES	20

struct info1 {
	__u32 flags, mem_lower, mem_upper, boot_device, cmdline, nr_modules, modules;
	__u32 symbols[4];
	__u32 map_bytes, map, drive_bytes, drives, config, loader, apm;
	__u32 vbe[4], framebuffer[6];
};

struct module1 {
	__u32 start, end, text, reserved;
};

/* version 1: a range of memory in words: the bytes behind this one, address, length, type */
#define RANGE1_WORDS	6

struct range2 {
	__u64 gpa, len;
	__u32 type, reserved;
};

/* what both versions report */
struct content {
	char cmdline[4096];
	struct board_range map[BOARD_RANGES];
	struct boot_module modules[MAX_MODULES];
	int nr_modules;
	__u32 lower, upper;	/* KiB of memory */
};

bool multiboot2_has(__u32 type)
{
	switch (type) {
	case TAG_CMDLINE:
	case TAG_LOADER:
	case TAG_MODULE:
	case TAG_MEMORY:
	case TAG_MAP:
	case TAG_RSDP1:
	case TAG_RSDP2:
		return true;
	}
	return false;
}

static __u64 write1(struct boot_info *info, const struct content *c)
{
	__u64 gpa = boot_reserve(info, sizeof(struct info1), 8);
	struct info1 i = {
		.flags = HAS_MEMORY | HAS_CMDLINE | HAS_MODULES | HAS_MAP | HAS_LOADER,
		.mem_lower = c->lower, .mem_upper = c->upper, .nr_modules = c->nr_modules,
	};
	struct module1 modules[MAX_MODULES];
	__u32 map[BOARD_RANGES][RANGE1_WORDS];
	int k;

	for (k = 0; k < c->nr_modules; k++)
		modules[k] = (struct module1){
			c->modules[k].gpa, c->modules[k].gpa + c->modules[k].bytes,
			boot_add_text(info, c->modules[k].text), 0,
		};
	for (k = 0; k < BOARD_RANGES; k++) {
		map[k][0] = sizeof(map[k]) - sizeof(map[k][0]);
		memcpy(&map[k][1], &c->map[k].gpa, sizeof(__u64));
		memcpy(&map[k][3], &c->map[k].bytes, sizeof(__u64));
		map[k][5] = c->map[k].type;
	}
	i.cmdline = boot_add_text(info, c->cmdline);
	i.loader = boot_add_text(info, BOOT_LOADER);
	i.modules = boot_add(info, modules, c->nr_modules * sizeof(modules[0]), 8);
	i.map = boot_add(info, map, sizeof(map), 8);
	i.map_bytes = sizeof(map);
	memcpy(boot_at(info, gpa), &i, sizeof(i));
	return gpa;
}

/* @fixed: the members of fixed size, @data: what follows them */
static void add_tag(struct boot_info *info, __u32 type, const void *fixed, size_t fixed_len,
		    const void *data, size_t len)
{
	const __u32 head[2] = { type, sizeof(head) + fixed_len + len };

	boot_add(info, head, sizeof(head), 8);
	if (fixed_len)
		boot_add(info, fixed, fixed_len, 1);
	if (len)
		boot_add(info, data, len, 1);
}

static void add_text(struct boot_info *info, __u32 type, const char *text)
{
	add_tag(info, type, NULL, 0, text, strlen(text) + 1);
}

static __u64 write2(struct boot_info *info, const struct content *c, const void *rsdp)
{
	__u64 gpa = boot_reserve(info, 8, 8);
	const __u32 memory[2] = { c->lower, c->upper };
	const __u32 format[2] = { sizeof(struct range2), 0 };
	struct range2 map[BOARD_RANGES];
	__u32 total;
	int k;

	for (k = 0; k < BOARD_RANGES; k++)
		map[k] = (struct range2){ c->map[k].gpa, c->map[k].bytes, c->map[k].type, 0 };
	add_text(info, TAG_CMDLINE, c->cmdline);
	add_text(info, TAG_LOADER, BOOT_LOADER);
	for (k = 0; k < c->nr_modules; k++) {
		const struct boot_module *m = &c->modules[k];
		const __u32 place[2] = { m->gpa, m->gpa + m->bytes };

		add_tag(info, TAG_MODULE, place, sizeof(place), m->text, strlen(m->text) + 1);
	}
	add_tag(info, TAG_MEMORY, memory, sizeof(memory), NULL, 0);
	add_tag(info, TAG_MAP, format, sizeof(format), map, sizeof(map));
	add_tag(info, TAG_RSDP1, NULL, 0, rsdp, RSDP1_BYTES);
	add_tag(info, TAG_RSDP2, NULL, 0, rsdp, ACPI_RSDP_BYTES);
	add_tag(info, TAG_END, NULL, 0, NULL, 0);
	total = info->len - (gpa - BOOT_INFO_GPA);
	memcpy(boot_at(info, gpa), &total, sizeof(total));
	return gpa;
}

/* kernels take the first word for their own name */
static int set_cmdline(struct content *c, const struct run_options *o)
{
	int len = snprintf(c->cmdline, sizeof(c->cmdline), "%s%s%s", o->image,
			   o->append ? " " : "", o->append ? o->append : "");

	if (len >= (int)sizeof(c->cmdline))
		return svmvcpu_fail(E2BIG, "a command line of %d bytes, at most %zu are supported",
				    len, sizeof(c->cmdline) - 1);
	return 0;
}

int multiboot_place_info(struct guest *g, const struct run_options *o, unsigned int version)
{
	__u64 ram = g->mem[0].bytes;
	struct boot_info info = { .len = 0 };
	struct content c;
	int ret = set_cmdline(&c, o);

	if (!ret)
		ret = board_place(g);
	if (ret)
		return ret;
	c.nr_modules = boot_modules(g, o, c.modules);
	if (c.nr_modules < 0)
		return c.nr_modules;
	board_map(ram, c.map);
	c.lower = BOARD_LOW_END / 1024;
	c.upper = (ram - c.map[BOARD_RANGES - 1].gpa) / 1024;
	g->boot_magic = version == 1 ? MAGIC1 : MAGIC2;
	if (version == 1)
		g->boot_info = write1(&info, &c);
	else
		g->boot_info = write2(&info, &c, (char *)g->mem[0].hva + ACPI_GPA);
	return boot_place_info(g, &info);
}
