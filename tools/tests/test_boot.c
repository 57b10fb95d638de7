// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernels started by Multiboot, in both versions, and by PVH: which images are
 * recognized, and what the kernel is told. The images are made here.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/elf.h>

#include "acpi.h"
#include "boot.h"
#include "multiboot.h"
#include "pvh.h"
#include "tap.h"

#define LOAD	0x200000U
#define FILE_BYTES	0x3000

static char dir[32], image_path[64], module_path[64];
static unsigned char image[FILE_BYTES];

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void put32(size_t at, __u32 value)
{
	memcpy(image + at, &value, sizeof(value));
}

static __u64 get(const __u8 *at, unsigned int bytes)
{
	__u64 value = 0;

	memcpy(&value, at, bytes);
	return value;
}

/* one segment: the file from 0x1000 on, at LOAD; notes at 0x200 */
static void make_elf(void)
{
	const struct elf32_hdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1, .e_entry = LOAD + 0x10,
		.e_phoff = sizeof(e), .e_ehsize = sizeof(e), .e_phnum = 2,
		.e_phentsize = sizeof(struct elf32_phdr),
	};
	const struct elf32_phdr p[] = {
		{ .p_type = PT_LOAD, .p_offset = 0x1000, .p_vaddr = LOAD, .p_paddr = LOAD,
		  .p_filesz = 0x2000, .p_memsz = 0x2800 },
		{ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 0x100 },
	};

	memset(image, 0, sizeof(image));
	memcpy(image, &e, sizeof(e));
	memcpy(image + sizeof(e), p, sizeof(p));
	memset(image + 0x1000, 0xcc, 0x2000);
}

static void header1(size_t at, __u32 flags)
{
	put32(at, 0x1badb002);
	put32(at + 4, flags);
	put32(at + 8, -(0x1badb002 + flags));
}

/* a header with @bytes of tags, which the caller writes at @at + 16 */
static void header2(size_t at, __u32 bytes)
{
	put32(at, 0xe85250d6);
	put32(at + 4, 0);
	put32(at + 8, 16 + bytes);
	put32(at + 12, -(0xe85250d6 + 16 + bytes));
}

static void tag(size_t at, __u16 type, __u16 flags, __u32 bytes)
{
	put32(at, type | flags << 16);
	put32(at + 4, bytes);
}

static void note(size_t at, __u32 type, __u32 entry)
{
	put32(at, 4);
	put32(at + 4, 4);
	put32(at + 8, type);
	memcpy(image + at + 12, "Xen", 4);
	put32(at + 16, entry);
}

static struct run_options fresh(void)
{
	struct run_options o = { .image = image_path, .mode = MODE_AUTO, .append = "a b",
				 .mem = 0x1000000, .nr_modules = 1 };

	o.modules[0] = (struct module_text){ module_path, "m x" };
	write_file(image_path, image, sizeof(image));
	write_file(module_path, "module", 6);
	return o;
}

static int build(struct guest *g)
{
	struct run_options o = fresh();
	int ret = guest_build(g, &o);

	if (ret)
		printf("# %s\n", svmvcpu_last_error());
	return ret;
}

static bool refused(const char *text)
{
	struct run_options o = fresh();
	struct guest g;
	bool ok = guest_build(&g, &o) < 0 && strstr(svmvcpu_last_error(), text);

	if (!ok)
		printf("# %s\n", svmvcpu_last_error());
	guest_free(&g);
	return ok;
}

/* a text of the guest's memory */
static bool says(const struct guest *g, __u64 gpa, const char *text)
{
	return gpa && gpa < g->mem[0].bytes && !strcmp((char *)g->mem[0].hva + gpa, text);
}

static void test_probe(void)
{
	struct run_options o;
	struct blob b = { image, sizeof(image) };

	make_elf();
	o = fresh();
	OK(boot_guess(&o, &b) == BOOT_NONE, "plain ELF");
	note(0x200, 6, 1);
	note(0x214, 18, LOAD + 0x20);
	OK(boot_guess(&o, &b) == BOOT_PVH, "a PVH entry behind another note");
	header1(0x1004, 3);
	OK(boot_guess(&o, &b) == BOOT_MULTIBOOT, "Multiboot before PVH");
	header2(0x1010, 8);
	OK(boot_guess(&o, &b) == BOOT_MULTIBOOT2, "its second version before the first");
	o.boot = BOOT_PVH;
	OK(boot_guess(&o, &b) == BOOT_PVH, "but a protocol that is named");
	o.boot = BOOT_AUTO;
	o.entry.given = true;
	OK(boot_guess(&o, &b) == BOOT_NONE, "none if the user says where it starts");
	header1(8192 - 8, 0);
	make_elf();
	put32(0x1004, 0x1badb002);
	OK(!multiboot_probe(image, sizeof(image), 1), "not without the checksum");
	header1(8192 - 8, 0);
	OK(!multiboot_probe(image, sizeof(image), 1), "nor at the end of 8 KiB");
}

static void test_version1(void)
{
	const __u8 *ram, *info;
	struct guest g;

	make_elf();
	header1(0x1004, 3);
	OK(!build(&g), "a kernel of Multiboot 1");
	ram = g.mem[0].hva;
	info = ram + g.boot_info;
	OK(g.setup.preset == SVMVCPU_PRESET_PROT32 && g.setup.entry == LOAD + 0x10 &&
	   g.boot_magic == 0x2badb002 && g.lapic, "how it starts");
	OK(ram[LOAD + 0x1fff] == 0xcc && !ram[LOAD + 0x2000], "where it is");
	OK(get(info, 4) == 0x24d && get(info + 4, 4) == 640 && get(info + 8, 4) == 15 * 1024,
	   "the sizes of memory");
	OK(says(&g, get(info + 16, 4) + strlen(image_path), " a b"), "the command line");
	OK(get(info + 20, 4) == 1 && says(&g, get(ram + get(info + 24, 4) + 8, 4), "m x"),
	   "a module's words");
	OK(get(ram + get(info + 24, 4), 4) == LOAD + 0x3000 &&
	   get(ram + get(info + 24, 4) + 4, 4) == LOAD + 0x3006 &&
	   !memcmp(ram + LOAD + 0x3000, "module", 6), "and the module, behind the kernel");
	OK(get(info + 44, 4) == 3 * 24 && get(ram + get(info + 48, 4), 4) == 20 &&
	   get(ram + get(info + 48, 4) + 12, 8) == 0xa0000 &&
	   get(ram + get(info + 48, 4) + 20, 4) == 1, "the map of memory");
	OK(!memcmp(ram + ACPI_GPA, "RSD PTR ", 8) && ram[0x400] == 0xf8, "tables of the firmware");
	OK(get(ram + 4 * 0x15, 4) == 0xf000ff00 && ram[0xfff00] == 0x55 && ram[0xfff08] == 0xcf,
	   "and a handler of its interrupts");
	guest_free(&g);
}

static void test_flat(void)
{
	struct guest g;

	memset(image, 0x90, sizeof(image));
	header1(0x100, 0x10000);
	put32(0x10c, LOAD + 0x100);
	put32(0x110, LOAD + 0x80);
	put32(0x114, LOAD + 0x1000);
	put32(0x118, LOAD + 0x1800);
	put32(0x11c, LOAD + 0x123);
	OK(!build(&g) && g.setup.entry == LOAD + 0x123 &&
	   !memcmp((char *)g.mem[0].hva + LOAD + 0x80, image + 0x80, 0xf80) &&
	   !((char *)g.mem[0].hva)[LOAD + 0x1000], "a flat image with addresses");
	guest_free(&g);
	put32(0x114, 0);
	put32(0x118, 0);
	OK(!build(&g) && ((__u8 *)g.mem[0].hva)[LOAD + FILE_BYTES - 1] == 0x90,
	   "without an end it is the file");
	guest_free(&g);
	put32(0x110, LOAD - 1);
	OK(refused("before the file begins"), "the header's address is wrong");
	put32(0x110, LOAD + 0x80);
	put32(0x114, LOAD + FILE_BYTES + 1);
	OK(refused("not in a file"), "more than the file has");
	put32(0x114, LOAD + 0x1000);
	put32(0x118, LOAD + 0xfff);
	OK(refused("not in a file"), "the end of memory before that of the file");
	header1(0x100, 0x10008);
	OK(refused("unknown flags, 0x8"), "what it requires is not known");
}

/* information of version 2 by its type, or NULL */
static const __u8 *find(const struct guest *g, __u32 type)
{
	const __u8 *info = (__u8 *)g->mem[0].hva + g->boot_info;
	size_t at = 8;

	while (at < get(info, 4) && get(info + at, 4) != type)
		at += (get(info + at + 4, 4) + 7) & ~7ULL;
	return at < get(info, 4) ? info + at : NULL;
}

static void test_version2(void)
{
	const __u8 *t;
	struct guest g;

	make_elf();
	header2(0x1010, 32);
	tag(0x1020, 1, 0, 12);
	put32(0x1028, 6);
	tag(0x1030, 10, 1, 8);
	tag(0x1038, 0, 0, 8);
	OK(!build(&g) && g.boot_magic == 0x36d76289 && !(g.boot_info % 8) &&
	   g.setup.entry == LOAD + 0x10, "a kernel of Multiboot 2");
	t = find(&g, 1);
	OK(t && !strcmp((char *)t + 8 + strlen(image_path), " a b"), "the command line");
	t = find(&g, 3);
	OK(t && get(t + 8, 4) == LOAD + 0x3000 && !strcmp((char *)t + 16, "m x"), "a module");
	t = find(&g, 4);
	OK(t && get(t + 8, 4) == 640 && get(t + 12, 4) == 15 * 1024, "the sizes of memory");
	t = find(&g, 6);
	OK(t && get(t + 4, 4) == 16 + 3 * 24 && get(t + 8, 4) == 24 &&
	   get(t + 16 + 24, 8) == 0xe0000 && get(t + 16 + 40, 4) == 2, "the map of memory");
	t = find(&g, 15);
	OK(t && !memcmp(t + 8, "RSD PTR ", 8) && get(t + 4, 4) == 8 + 36, "the RSDP");
	OK(find(&g, 0) && get(find(&g, 0) + 4, 4) == 8, "and an end");
	guest_free(&g);
	put32(0x1028, 8);
	OK(refused("requires information 8"), "information that there is none of");
	tag(0x1020, 1, 1, 12);
	tag(0x1030, 5, 0, 8);
	OK(refused("requires tag 5"), "a tag that is not known");
	tag(0x1030, 3, 0, 8);
	OK(refused("tag 3 has 8 bytes"), "one that is too short");
	tag(0x1030, 10, 1, 0);
	OK(refused("tag 10 has 0 bytes"), "one without an end");
	tag(0x1030, 10, 1, 0x7fffffff);
	OK(refused("tag 10 has"), "one beyond the header");
	tag(0x1030, 10, 1, 8);
	tag(0x1038, 10, 1, 8);
	OK(refused("no end tag"), "a header without an end");
	tag(0x1030, 2, 0, 8);
	OK(refused("tag 2 has 8 bytes"), "addresses that are too short");
	header2(0x1010, 48);
	tag(0x1020, 2, 0, 24);
	put32(0x1028, LOAD + 0x1010);
	put32(0x102c, LOAD);
	put32(0x1030, 0);
	put32(0x1034, 0);
	tag(0x1038, 0, 0, 8);
	OK(refused("addresses without an entry"), "addresses and no entry");
	header2(0x1010, 0x7fff0000);
	OK(refused("beyond the file"), "a header that is longer than the file");
	header2(0x1010, 32);
	put32(0x1014, 4);
	put32(0x101c, -(0xe85250d6 + 4 + 48));
	OK(refused("architecture 4"), "another architecture");
}

/* a header of version 1 that ends with the file */
static void test_short(void)
{
	unsigned char *copy = malloc(0x100c);
	struct multiboot m;

	make_elf();
	header1(0x1000, 0);
	memcpy(copy, image, 0x100c);
	OK(!multiboot_parse(copy, 0x100c, 1, &m) && !m.addresses, "a header at the end");
	free(copy);
}

static bool too_long(size_t len, const char *text)
{
	static char append[0x10000];
	struct run_options o = fresh();
	struct guest g;
	bool ok;

	memset(append, 'x', len);
	append[len] = '\0';
	o.append = append;
	ok = guest_build(&g, &o) < 0 && strstr(svmvcpu_last_error(), text);
	guest_free(&g);
	return ok;
}

static void test_long(void)
{
	make_elf();
	note(0x200, 18, LOAD + 0x20);
	OK(!too_long(0x7000, "") && too_long(0x9000, "take more than 32768 bytes"),
	   "a command line that has no room");
	header1(0x1004, 3);
	OK(too_long(0x1000, "a command line of"), "for Multiboot, a shorter one");
}

static void test_pvh(void)
{
	const __u8 *ram, *info;
	struct guest g;

	make_elf();
	note(0x200, 18, LOAD + 0x20);
	OK(!build(&g) && g.boot == BOOT_PVH && g.setup.entry == LOAD + 0x20 &&
	   g.setup.preset == SVMVCPU_PRESET_PROT32, "a kernel with a PVH entry");
	ram = g.mem[0].hva;
	info = ram + g.boot_info;
	OK(get(info, 4) == 0x336ec578 && get(info + 4, 4) == 1 && get(info + 12, 4) == 1,
	   "its information");
	OK(get(ram + get(info + 16, 8), 8) == LOAD + 0x3000 &&
	   get(ram + get(info + 16, 8) + 8, 8) == 6 &&
	   says(&g, get(ram + get(info + 16, 8) + 16, 8), "m x"), "a module");
	OK(says(&g, get(info + 24, 8), "a b") && get(info + 32, 8) == ACPI_GPA,
	   "command line and RSDP");
	OK(get(info + 48, 4) == 3 && get(ram + get(info + 40, 8) + 48, 8) == 0x100000 &&
	   get(ram + get(info + 40, 8) + 56, 8) == 0xf00000, "the map of memory");
	guest_free(&g);
	put32(0x200, 8);
	OK(!pvh_probe(image, sizeof(image)), "a note with a longer name is another one");
}

static void test_noise(void)
{
	unsigned int round, i, accepted = 0;
	struct multiboot m;
	size_t len;

	srandom(1);
	for (round = 0; round < 20000; round++) {
		unsigned char *copy = malloc(0x1100);

		make_elf();
		note(0x200, 18, LOAD);
		header2(0x1010, 32);
		tag(0x1020, 1, 0, 12);
		tag(0x1030, 2, 0, 24);
		for (i = 0; i < 1 + round % 4; i++)
			image[round & 1 ? 0x1020 + random() % 0x40 : random() % 0x220] = random();
		memcpy(copy, image, 0x1100);
		accepted += pvh_probe(copy, 0x1100) + !multiboot_parse(copy, 0x1100, 2, &m);
		free(copy);
		/* exactly as many bytes, so that the sanitizer sees any more */
		len = random() % 0x300;
		copy = malloc(len + !len);
		memcpy(copy, image, len);
		accepted += pvh_probe(copy, len);
		free(copy);
	}
	OK(accepted, "noise in headers reads nothing beyond the file");
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/svmvcpu-boot-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(image_path, sizeof(image_path), "%s/kernel", dir);
	snprintf(module_path, sizeof(module_path), "%s/module", dir);
	test_probe();
	test_version1();
	test_flat();
	test_version2();
	test_short();
	test_pvh();
	test_long();
	test_noise();
	unlink(image_path);
	unlink(module_path);
	rmdir(dir);
	return tap_done();
}
