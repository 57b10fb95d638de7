// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: filling in fw_cfg. Addresses are those of QEMU: firmware copies there what
 * it reads.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "bzimage.h"
#include "firmware.h"
#include "linux.h"

#define SETUP_GPA	0x10000
#define CMDLINE_GPA	0x20000
#define KERNEL_GPA	0x100000
#define TABLES_BYTES	0x20000
#define HEAP_END	(CMDLINE_GPA - SETUP_GPA - 0x200)
#define LOADER_QEMU	0xb0
#define E820_RAM	1

#define FILE_RSDP	"etc/acpi/rsdp"
#define FILE_TABLES	"etc/acpi/tables"

/* commands of etc/table-loader, in QEMU's format */
#define COMMAND_ALLOCATE	1
#define COMMAND_POINTER		2
#define COMMAND_CHECKSUM	3
#define ZONE_HIGH		1
#define ZONE_FSEG		2
#define MAX_COMMANDS		32

#define COMMAND_BYTES		128
#define AT_FILE			4	/* or the file with the pointer */
#define NAME_BYTES		56
#define AT_ALIGN		(AT_FILE + NAME_BYTES)
#define AT_ZONE			(AT_ALIGN + 4)
#define AT_TARGET		(AT_FILE + NAME_BYTES)
#define AT_POINTER		(AT_TARGET + NAME_BYTES)
#define AT_POINTER_BYTES	(AT_POINTER + 4)
#define AT_SUM			(AT_FILE + NAME_BYTES)
#define AT_SUM_START		(AT_SUM + 4)
#define AT_SUM_LEN		(AT_SUM + 8)

/* an entry of etc/e820: address, length, type */
#define E820_BYTES		20

struct script {
	__u8 commands[MAX_COMMANDS][COMMAND_BYTES];
	unsigned int nr;
};

static void put(__u8 *at, __u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static __u8 *add_command(struct script *s, __u32 type, const char *file)
{
	__u8 *c = s->commands[s->nr++];

	put(c, type);
	memcpy(c + AT_FILE, file, strlen(file));
	return c;
}

static void add_part(struct script *s, const char *name, const struct acpi_part *part)
{
	unsigned int i;
	__u8 *c;

	for (i = 0; i < part->nr_pointers; i++) {
		c = add_command(s, COMMAND_POINTER, name);
		memcpy(c + AT_TARGET, FILE_TABLES, strlen(FILE_TABLES));
		put(c + AT_POINTER, part->pointers[i].at);
		c[AT_POINTER_BYTES] = part->pointers[i].bytes;
	}
	for (i = 0; i < part->nr_sums; i++) {
		c = add_command(s, COMMAND_CHECKSUM, name);
		put(c + AT_SUM, part->sums[i].at);
		put(c + AT_SUM_START, part->sums[i].start);
		put(c + AT_SUM_LEN, part->sums[i].len);
	}
}

static void allocate(struct script *s, const char *name, __u32 align, __u8 zone)
{
	__u8 *c = add_command(s, COMMAND_ALLOCATE, name);

	put(c + AT_ALIGN, align);
	c[AT_ZONE] = zone;
}

static void add_acpi(struct fwcfg *f, unsigned int cpus)
{
	struct script s = { .nr = 0 };
	struct acpi a;

	acpi_build(&a, cpus);
	allocate(&s, FILE_TABLES, 64, ZONE_HIGH);
	allocate(&s, FILE_RSDP, 16, ZONE_FSEG);
	add_part(&s, FILE_TABLES, &a.tables);
	add_part(&s, FILE_RSDP, &a.rsdp);
	fwcfg_add_file(f, FILE_RSDP, a.rsdp.bytes, a.rsdp.len);
	fwcfg_add_file(f, FILE_TABLES, a.tables.bytes, a.tables.len);
	fwcfg_add_file(f, "etc/table-loader", s.commands, s.nr * COMMAND_BYTES);
}

static void add_machine(struct fwcfg *f, __u64 ram, unsigned int cpus)
{
	__u8 e820[E820_BYTES] = { [16] = E820_RAM };

	fwcfg_add_number(f, FWCFG_RAM_SIZE, 8, ram);
	fwcfg_add_number(f, FWCFG_NO_GRAPHICS, 2, 1);
	fwcfg_add_number(f, FWCFG_CPUS, 2, cpus);
	fwcfg_add_number(f, FWCFG_MAX_CPUS, 2, cpus);
	memcpy(e820 + 8, &ram, sizeof(ram));
	fwcfg_add_file(f, "etc/e820", e820, sizeof(e820));
}

/* at the end of memory, below the firmware's own tables */
static int add_initrd(struct fwcfg *f, const struct run_options *o,
		      const struct bzimage *image, __u64 ram, struct setup_header *h)
{
	__u64 end = ram < image->initrd_end ? ram : image->initrd_end;
	/* for all but the initrd; rounding its address may take a page */
	__u64 others = KERNEL_GPA + image->bytes + TABLES_BYTES + SVMVCPU_PAGE;
	struct blob b = { NULL, 0 };
	int ret;

	if (!o->initrd)
		return 0;
	ret = blob_read(o->initrd, &b);
	if (!ret && b.len + others > end)
		ret = svmvcpu_fail(ENOSPC,
				   "%s (%#zx bytes) does not fit between the kernel and %#llx",
				   o->initrd, b.len, end);
	if (!ret) {
		h->ramdisk_image = (end - TABLES_BYTES - b.len) & ~(SVMVCPU_PAGE - 1);
		h->ramdisk_size = b.len;
		fwcfg_add_number(f, FWCFG_INITRD_ADDR, 4, h->ramdisk_image);
		fwcfg_add_number(f, FWCFG_INITRD_SIZE, 4, b.len);
		fwcfg_add(f, FWCFG_INITRD_DATA, b.data, b.len);
	}
	free(b.data);
	return ret;
}

static int check_cmdline(const struct run_options *o, const struct bzimage *image)
{
	size_t len = linux_cmdline(NULL, 0, o->append, LINUX_ANY_TSC);

	if (len > image->cmdline_max)
		return svmvcpu_fail(E2BIG, "a command line of %zu bytes, %s takes %u", len,
				    o->image, image->cmdline_max);
	return 0;
}

/* the image in its two parts, the header filled in */
static int add_kernel(struct fwcfg *f, const struct run_options *o, const struct blob *b,
		      __u64 ram)
{
	char *setup = b->data;
	struct setup_header h;
	struct bzimage image;
	int ret = bzimage_parse(b->data, b->len, &image);

	if (ret)
		return ret;
	if (KERNEL_GPA + image.bytes > ram)
		return svmvcpu_fail(ENOSPC, "%s (%#zx bytes) does not fit in %#llx bytes of memory",
				    o->image, image.bytes, ram);
	memcpy(&h, setup + BZIMAGE_HEADER, sizeof(h));
	ret = add_initrd(f, o, &image, ram, &h);
	if (!ret)
		ret = check_cmdline(o, &image);
	if (ret)
		return ret;
	h.type_of_loader = LOADER_QEMU;
	h.loadflags |= CAN_USE_HEAP;
	h.heap_end_ptr = HEAP_END;
	h.cmd_line_ptr = CMDLINE_GPA;
	memcpy(setup + BZIMAGE_HEADER, &h, image.header_bytes < sizeof(h) ? image.header_bytes :
	       sizeof(h));
	fwcfg_add_number(f, FWCFG_SETUP_ADDR, 4, SETUP_GPA);
	fwcfg_add_number(f, FWCFG_SETUP_SIZE, 4, image.offset);
	fwcfg_add(f, FWCFG_SETUP_DATA, setup, image.offset);
	fwcfg_add_number(f, FWCFG_KERNEL_ADDR, 4, KERNEL_GPA);
	fwcfg_add_number(f, FWCFG_KERNEL_SIZE, 4, image.bytes);
	fwcfg_add(f, FWCFG_KERNEL_DATA, setup + image.offset, image.bytes);
	return 0;
}

int firmware_configure(struct guest *g, const struct run_options *o, const struct blob *kernel)
{
	struct fwcfg *f = fwcfg_new();
	int ret = 0;

	g->fwcfg = f;
	if (!f)
		return svmvcpu_fail(ENOMEM, "no memory for the firmware configuration");
	add_machine(f, g->mem[0].bytes, g->cpus);
	if (g->lapic)
		add_acpi(f, g->cpus);
	if (kernel)
		ret = add_kernel(f, o, kernel, g->mem[0].bytes);
	if (!ret && f->failed)
		ret = svmvcpu_fail(ENOMEM, "no memory for the firmware configuration");
	return ret;
}

int firmware_start(const struct guest *g, const struct run_options *o, __u32 tsc_khz)
{
	size_t len = linux_cmdline(NULL, 0, o->append, tsc_khz) + 1;
	char *line = malloc(len);

	if (!line)
		return svmvcpu_fail(ENOMEM, "no memory for the command line");
	linux_cmdline(line, len, o->append, tsc_khz);
	fwcfg_add_number(g->fwcfg, FWCFG_CMDLINE_ADDR, 4, CMDLINE_GPA);
	fwcfg_add_number(g->fwcfg, FWCFG_CMDLINE_SIZE, 4, len);
	fwcfg_add(g->fwcfg, FWCFG_CMDLINE_DATA, line, len);
	free(line);
	return g->fwcfg->failed ? svmvcpu_fail(ENOMEM, "no memory for the command line") : 0;
}
