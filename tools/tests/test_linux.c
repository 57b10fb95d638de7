// SPDX-License-Identifier: GPL-2.0-only
/* Guests made from Linux images: their memory layout, images that do not fit, the command line */
#include <asm/bootparam.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "acpi.h"
#include "linux.h"
#include "linux_image.h"
#include "mptable.h"
#include "tap.h"

static char dir[32], image_path[64], initrd_path[64];
static unsigned char image[IMAGE_BYTES];

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static struct run_options fresh(void)
{
	struct run_options o = { .image = image_path, .mode = MODE_AUTO, .mem = 0x1000000 };

	make_image(image);
	write_file(image_path, image, sizeof(image));
	return o;
}

static bool refused(const struct run_options *o, const char *text)
{
	struct guest g;
	bool ok = guest_build(&g, o) < 0 && strstr(svmvcpu_last_error(), text);

	if (!ok)
		printf("# %s\n", svmvcpu_last_error());
	guest_free(&g);
	return ok;
}

static void test_kernel(void)
{
	struct run_options o = fresh();
	const unsigned char *ram;
	struct guest g;

	OK(!guest_build(&g, &o) && g.boot == BOOT_LINUX && g.lapic,
	   "a Linux guest has a local APIC");
	ram = g.mem[0].hva;
	OK(g.setup.preset == SVMVCPU_PRESET_LONG64 && g.setup.entry == 0x200200 &&
	   g.setup.cr3 == LINUX_TABLES, "it starts at its 64-bit entry");
	OK(ram[0x200000] == 0xcc && ram[0x200fff] == 0xcc && !ram[0x201000] && !ram[0x1fffff],
	   "the kernel is where it wants to be");
	OK(!memcmp(ram + MPTABLE_GPA, "_MP_", 4), "the MP tables");
	OK(!memcmp(ram + ACPI_GPA, "RSD PTR ", 8), "the ACPI tables");
	OK(ram[0x400] == 0xf8 && ram[0x401] == 3 && ram[0x413] == 0x80 && ram[0x414] == 2,
	   "the BIOS data area: serial port and 640 KiB of memory");
	OK(ram[LINUX_GDT + 0x15] == 0x9b && ram[LINUX_GDT + 0x16] == 0xaf &&
	   ram[LINUX_GDT + 0x1d] == 0x93 && ram[LINUX_GDT + 0x1e] == 0xcf, "descriptors");
	OK(ram[LINUX_TABLES] == 0x07 && ram[LINUX_TABLES + 1] == 0x40, "page tables");
	guest_free(&g);
	o.mem = 0;
	OK(!guest_build(&g, &o) && g.mem[0].bytes == 256 << 20, "256 MiB without --mem");
	guest_free(&g);
	o.mode = SVMVCPU_PRESET_PROT32;
	o.boot = BOOT_NONE;
	OK(!guest_build(&g, &o) && g.boot == BOOT_NONE && !g.lapic && g.setup.entry == 0x100000 &&
	   g.mem[0].bytes == 16 << 20, "with a mode it is a flat binary");
	guest_free(&g);
}

static void test_32bit(void)
{
	struct run_options o = fresh();
	const unsigned char *ram;
	struct guest g;

	put(image, AT_XLOADFLAGS, 2, 0);
	write_file(image_path, image, sizeof(image));
	OK(!guest_build(&g, &o) && g.setup.preset == SVMVCPU_PRESET_PROT32 &&
	   g.setup.entry == 0x200000 && !g.setup.cr3, "a 32-bit kernel starts at its load address");
	ram = g.mem[0].hva;
	OK(ram[LINUX_GDT + 0x15] == 0x9b && ram[LINUX_GDT + 0x16] == 0xcf && !ram[LINUX_TABLES],
	   "with a 32-bit code segment and no page tables");
	guest_free(&g);
}

static void test_params(void)
{
	struct run_options o = fresh();
	const struct boot_params *p;
	struct guest g;

	OK(!guest_build(&g, &o), "without initrd");
	p = (void *)((char *)g.mem[0].hva + LINUX_PARAMS);
	OK(p->hdr.header == 0x53726448 && p->hdr.init_size == 0x100000 && !p->sentinel,
	   "the header and nothing before it");
	OK(!p->edd_mbr_sig_buffer[0] && p->hdr.kernel_info_offset == 0xcccccccc &&
	   !p->_pad7[0], "nor behind it");
	OK(p->hdr.type_of_loader == 0xff && p->hdr.cmd_line_ptr == LINUX_CMDLINE &&
	   !p->hdr.setup_data && !p->hdr.ramdisk_image && !p->hdr.ramdisk_size,
	   "what the loader fills in");
	OK(p->e820_entries == 3 && p->e820_table[0].type == 1 && !p->e820_table[0].addr &&
	   p->e820_table[0].size == 0xa0000, "memory below 640 KiB");
	OK(p->e820_table[1].type == 2 && p->e820_table[1].addr == 0xe0000 &&
	   p->e820_table[1].size == 0x20000, "the tables' is reserved");
	OK(p->e820_table[2].type == 1 && p->e820_table[2].addr == 0x100000 &&
	   p->e820_table[2].size == 0xf00000, "memory above 1 MiB");
	guest_free(&g);
}

static void test_initrd(void)
{
	struct run_options o = fresh();
	static unsigned char data[0x1801];
	const struct boot_params *p;
	struct guest g;

	memset(data, 0x5a, sizeof(data));
	write_file(initrd_path, data, sizeof(data));
	o.initrd = initrd_path;
	OK(!guest_build(&g, &o), "with initrd");
	p = (void *)((char *)g.mem[0].hva + LINUX_PARAMS);
	OK(p->hdr.ramdisk_image == 0xffe000 && p->hdr.ramdisk_size == 0x1801 &&
	   !memcmp((char *)g.mem[0].hva + 0xffe000, data, sizeof(data)), "at the end of memory");
	guest_free(&g);
	put(image, AT_INITRD_MAX, 4, 0x7fffff);
	write_file(image_path, image, sizeof(image));
	OK(!guest_build(&g, &o), "an old kernel");
	p = (void *)((char *)g.mem[0].hva + LINUX_PARAMS);
	OK(p->hdr.ramdisk_image == 0x7fe000, "gets it within its limit");
	guest_free(&g);
	put(image, AT_INITRD_MAX, 4, 0x301000);
	write_file(image_path, image, sizeof(image));
	OK(refused(&o, "does not fit between"), "no room above the kernel");
	put(image, AT_INITRD_MAX, 4, 0x100000);
	write_file(image_path, image, sizeof(image));
	OK(refused(&o, "does not fit between"), "a reach that ends below the kernel");
	o.initrd = "/nonexistent/initrd";
	OK(refused(&o, "/nonexistent/initrd: No such file"), "no such file");
}

static void test_refused(void)
{
	struct run_options o = fresh();

	o.mem = 0x2ff000;
	OK(refused(&o, "needs memory up to 0x300000"), "too little memory");
	o.mem = 0xc0001000;
	OK(refused(&o, "2M to 3G of memory"), "too much");
	o = fresh();
	o.entry.given = true;
	OK(refused(&o, "a load address of its own"), "an entry of the user's");
	o = fresh();
	o.nr_files = 1;
	o.files[0].path = image_path;
	o.files[0].gpa = LINUX_CMDLINE;
	OK(refused(&o, "overlaps the command line"), "a file over the command line");
	o = fresh();
	o.nr_modules = 1;
	o.modules[0] = (struct module_text){ image_path, image_path };
	OK(refused(&o, "no --module"), "a module");
	o = fresh();
	put(image, AT_MAGIC, 4, 0);
	write_file(image_path, image, sizeof(image));
	o.append = "quiet";
	OK(refused(&o, "is no bzImage"), "a command line for something else");
}

#define FRONT	"console=ttyS0 reboot=p tsc=reliable "

static void test_cmdline(void)
{
	static char long_line[300];
	struct run_options o = fresh();
	struct guest g;
	char line[100];

	linux_cmdline(line, sizeof(line), NULL, 2400000);
	OK(!strcmp(line, FRONT "tsc_early_khz=2400000 "), "by itself");
	linux_cmdline(line, sizeof(line), "quiet xconsole=1", 0);
	OK(!strcmp(line, FRONT "quiet xconsole=1"), "unknown TSC, user's words");
	linux_cmdline(line, sizeof(line), "reboot=k console=hvc0 tsc=x tsc_early_khz=1", 5);
	OK(!strcmp(line, "reboot=k console=hvc0 tsc=x tsc_early_khz=1"),
	   "the user's words replace the defaults");
	OK(linux_cmdline(line, 10, "12345", 0) == 41 && !strcmp(line, "console=t"),
	   "too long for the buffer");
	memset(long_line, 'x', sizeof(long_line) - 1);
	o.append = long_line;
	OK(refused(&o, "accepts 255"), "too long for the kernel");
	long_line[255 - strlen(FRONT "tsc_early_khz=4294967295 ")] = 0;
	OK(!guest_build(&g, &o), "the longest command line it takes");
	guest_free(&g);
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/svmvcpu-linux-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(image_path, sizeof(image_path), "%s/vmlinuz", dir);
	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", dir);
	test_kernel();
	test_32bit();
	test_params();
	test_initrd();
	test_refused();
	test_cmdline();
	unlink(image_path);
	unlink(initrd_path);
	rmdir(dir);
	return tap_done();
}
