// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware configuration device as firmware reads it, and what a guest with
 * firmware finds there.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "firmware.h"
#include "linux_image.h"
#include "tap.h"

static char dir[32], bios_path[64], image_path[64], initrd_path[64];
static unsigned char image[IMAGE_BYTES];

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void take(struct fwcfg *f, __u16 key, void *buf, size_t len)
{
	__u8 *at = buf;

	fwcfg_write(f, 0, key);
	fwcfg_write(f, 1, key >> 8);
	while (len--)
		*at++ = fwcfg_read(f, 1);
}

static __u64 number(struct fwcfg *f, __u16 key)
{
	__u64 value;

	take(f, key, &value, sizeof(value));
	return value;
}

/* the key of a file, and its size; 0 if it is not there */
static __u16 find(struct fwcfg *f, const char *name, size_t *len)
{
	__u8 directory[4 + 16 * 64];
	unsigned int i;

	take(f, FWCFG_DIRECTORY, directory, sizeof(directory));
	for (i = 0; i < directory[3]; i++) {
		const __u8 *file = directory + 4 + 64 * i;

		*len = file[2] << 8 | file[3];
		if (!strcmp((const char *)file + 8, name))
			return file[4] << 8 | file[5];
	}
	return 0;
}

static void test_device(void)
{
	struct fwcfg *f = fwcfg_new();
	char text[8];
	size_t len;

	take(f, FWCFG_SIGNATURE, text, 5);
	OK(!memcmp(text, "QEMU", 5), "the signature, and zeroes behind it");
	OK(number(f, FWCFG_ID) == 1, "no DMA");
	OK(!number(f, 0x7777) && !number(f, FWCFG_KERNEL_SIZE), "what is not there is zero");
	OK(!find(f, "etc/x", &len), "no files");
	fwcfg_add_file(f, "etc/x", "abc", 3);
	fwcfg_add_file(f, "etc/y", "defg", 4);
	OK(find(f, "etc/y", &len) == 0x21 && len == 4, "the directory of files");
	take(f, 0x21, text, 5);
	OK(!memcmp(text, "defg", 5), "and their contents");
	fwcfg_write(f, 0, FWCFG_SIGNATURE);
	OK(fwcfg_read(f, 1) == 'Q' && fwcfg_read(f, 1) == 'E' && !fwcfg_read(f, 0),
	   "the selector starts an item again, and cannot be read");
	fwcfg_free(f);
}

static void test_kernel(void)
{
	struct run_options o = { .bios = bios_path, .image = image_path, .mode = MODE_AUTO,
				 .initrd = initrd_path, .append = "quiet", .mem = 0x1000000,
				 .cpus = 3 };
	unsigned char setup[IMAGE_SETUP], kernel[IMAGE_KERNEL];
	char line[64] = "";
	__u64 initrd;
	size_t len;
	struct guest g;

	make_image(image);
	write_file(image_path, image, sizeof(image));
	write_file(initrd_path, "initrd", 6);
	OK(!guest_build(&g, &o) && g.boot == BOOT_NONE && g.lapic &&
	   g.setup.preset == SVMVCPU_PRESET_RESET, "firmware with a kernel starts at reset");
	OK(number(g.fwcfg, FWCFG_RAM_SIZE) == 0x1000000 && number(g.fwcfg, FWCFG_CPUS) == 3,
	   "memory and CPUs");
	OK(number(g.fwcfg, FWCFG_KERNEL_SIZE) == IMAGE_KERNEL &&
	   number(g.fwcfg, FWCFG_KERNEL_ADDR) == 0x100000 &&
	   number(g.fwcfg, FWCFG_SETUP_SIZE) == IMAGE_SETUP, "the kernel's parts");
	take(g.fwcfg, FWCFG_KERNEL_DATA, kernel, sizeof(kernel));
	take(g.fwcfg, FWCFG_SETUP_DATA, setup, sizeof(setup));
	OK(!memcmp(kernel, image + IMAGE_SETUP, sizeof(kernel)) && setup[0x210] == 0xb0 &&
	   (setup[0x211] & 0x80) && !memcmp(setup + 0x228, "\0\0\2\0", 4),
	   "and their contents");
	initrd = number(g.fwcfg, FWCFG_INITRD_ADDR);
	OK(initrd % 4096 == 0 && initrd > 0xf00000 && initrd + 6 < 0x1000000 &&
	   number(g.fwcfg, FWCFG_INITRD_SIZE) == 6 && !memcmp(setup + 0x218, &initrd, 4),
	   "the initrd");
	OK(!firmware_start(&g, &o, 5), "the command line comes last");
	take(g.fwcfg, FWCFG_CMDLINE_DATA, line, number(g.fwcfg, FWCFG_CMDLINE_SIZE));
	take(g.fwcfg, FWCFG_CMDLINE_DATA, line, sizeof(line));
	OK(!strcmp(line, "console=ttyS0 reboot=p tsc=reliable tsc_early_khz=5 quiet"),
	   "with the TSC's frequency");
	OK(find(g.fwcfg, "etc/e820", &len) && len == 20 &&
	   find(g.fwcfg, "etc/acpi/rsdp", &len) && len == 36 &&
	   find(g.fwcfg, "etc/acpi/tables", &len) && len > 500, "files");
	OK(find(g.fwcfg, "etc/table-loader", &len) && !(len % 128) && len / 128 == 2 + 9 + 7,
	   "how to place the tables: pointers and checksums");
	guest_free(&g);
}

/* whether the kernel with an initrd of @len bytes is refused, and the message has @text */
static bool refused(struct run_options *o, size_t len, const char *text)
{
	static char initrd[0x10000];
	struct guest g;
	bool ok;

	write_file(image_path, image, sizeof(image));
	write_file(initrd_path, initrd, len);
	ok = guest_build(&g, o) < 0 && strstr(svmvcpu_last_error(), text);
	guest_free(&g);
	return ok;
}

static void test_room(void)
{
	struct run_options o = { .bios = bios_path, .image = image_path, .mode = MODE_AUTO,
				 .initrd = initrd_path, .mem = 0x130000 };
	__u64 initrd;
	struct guest g;

	make_image(image);
	OK(refused(&o, 0xe001, "does not fit between the kernel and 0x130000"),
	   "an initrd that does not fit behind the kernel");
	OK(!refused(&o, 0xe000, ""), "one that does");
	OK(!guest_build(&g, &o), "it is");
	initrd = number(g.fwcfg, FWCFG_INITRD_ADDR);
	OK(initrd == 0x102000, "between the kernel and the firmware's tables");
	guest_free(&g);
	o.mem = 0x1000000;
	put(image, AT_INITRD_MAX, 4, 0xfff);
	OK(refused(&o, 1, "does not fit between the kernel and 0x1000"),
	   "a kernel that wants it where no room is");
	o.initrd = NULL;
	o.mem = 0x100000;
	OK(refused(&o, 1, "does not fit in 0x100000 bytes"), "a kernel that does not fit");
}

static void test_none(void)
{
	struct run_options o = { .bios = bios_path, .mode = MODE_AUTO, .mem = 0x1000000 };
	struct guest g;
	size_t len;

	OK(!guest_build(&g, &o) && !g.lapic && !number(g.fwcfg, FWCFG_KERNEL_SIZE) &&
	   find(g.fwcfg, "etc/e820", &len), "firmware by itself");
	OK(!find(g.fwcfg, "etc/acpi/rsdp", &len), "without APICs no tables of them");
	guest_free(&g);
	o.image = bios_path;
	OK(guest_build(&g, &o) < 0 && strstr(svmvcpu_last_error(), "needs --load"),
	   "an image that is no kernel");
	guest_free(&g);
}

int main(void)
{
	static const char bios[4096];

	snprintf(dir, sizeof(dir), "/tmp/svmvcpu-fwcfg-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(bios_path, sizeof(bios_path), "%s/bios", dir);
	snprintf(image_path, sizeof(image_path), "%s/vmlinuz", dir);
	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", dir);
	write_file(bios_path, bios, sizeof(bios));
	test_device();
	test_kernel();
	test_room();
	test_none();
	unlink(bios_path);
	unlink(image_path);
	unlink(initrd_path);
	rmdir(dir);
	return tap_done();
}
