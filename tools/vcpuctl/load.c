// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: building the guest. Everything put into RAM is claimed first, so
 * that an image, a file, the firmware's low copy and the page tables cannot
 * silently overwrite each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "boot.h"
#include "bzimage.h"
#include "firmware.h"
#include "load.h"

#define DEFAULT_MEM	0x1000000ULL
#define REAL_LOAD	0x7c00ULL
#define FLAT_LOAD	0x100000ULL
#define STACK_ROOM	0x1000ULL
#define FOUR_GIB	0x100000000ULL
#define LOW_ROM_END	0x100000ULL
#define LOW_ROM_MAX	0x40000ULL
#define LAPIC_GPA	0xfee00000ULL

static int add_piece(struct guest *g, __u64 gpa, __u64 bytes, __u32 prot)
{
	unsigned int i = g->view.nr;

	g->mem[i].hva = svmvcpu_alloc(bytes);
	if (!g->mem[i].hva)
		return -ENOMEM;
	g->mem[i].gpa = gpa;
	g->mem[i].bytes = bytes;
	g->prot[i] = prot;
	g->view.nr++;
	return 0;
}

int guest_claim(struct guest *g, __u64 gpa, __u64 bytes, const char *what)
{
	__u64 ram = g->mem[0].bytes;
	unsigned int i;

	if (gpa > ram || bytes > ram - gpa)
		return svmvcpu_fail(ENOSPC,
				    "%s (%#llx bytes at %#llx) does not fit in %#llx bytes of memory",
				    what, bytes, gpa, ram);
	for (i = 0; i < g->nr_claims; i++) {
		const struct claim *c = &g->claims[i];

		if (gpa < c->gpa + c->bytes && c->gpa < gpa + bytes)
			return svmvcpu_fail(EEXIST, "%s at %#llx overlaps %s at %#llx", what, gpa,
					    c->what, c->gpa);
	}
	g->claims[g->nr_claims++] = (struct claim){ gpa, bytes, what };
	return 0;
}

int guest_place(struct guest *g, __u64 gpa, const void *data, size_t len, const char *what)
{
	int ret = guest_claim(g, gpa, len, what);

	if (!ret)
		memcpy((char *)g->mem[0].hva + gpa, data, len);
	return ret;
}

/*
 * Firmware sits at the end of the first 4 GiB, its last 256 KiB below 1 MiB
 * too, where it is RAM: what a board with shadowing shows. The page of a local
 * APIC that is not there takes what firmware writes to it.
 */
static int place_bios(struct guest *g, const char *path)
{
	const __u32 rom = SVMVCPU_MEM_READ | SVMVCPU_MEM_EXEC;
	struct blob b;
	__u64 low;
	int ret = blob_read(path, &b);

	if (!ret && (b.len % SVMVCPU_PAGE || b.len > 0x1000000))
		ret = svmvcpu_fail(EINVAL, "%s: firmware must be whole 4 KiB pages, at most 16 MiB",
				   path);
	if (!ret)
		ret = add_piece(g, FOUR_GIB - b.len, b.len, rom);
	if (!ret) {
		memcpy(g->mem[1].hva, b.data, b.len);
		low = b.len < LOW_ROM_MAX ? b.len : LOW_ROM_MAX;
		ret = guest_place(g, LOW_ROM_END - low, (char *)b.data + b.len - low, low, path);
	}
	if (!ret && !g->lapic)
		ret = add_piece(g, LAPIC_GPA, SVMVCPU_PAGE, SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE);
	free(b.data);
	return ret;
}

int guest_place_elf(struct guest *g, const struct run_options *o, const struct blob *b,
		    struct svmvcpu_elf *elf)
{
	unsigned int i;
	int ret = svmvcpu_elf_parse(b->data, b->len, elf);

	if (ret)
		return ret;
	for (i = 0; i < elf->nr && !ret; i++)
		ret = guest_claim(g, elf->segments[i].gpa, elf->segments[i].bytes, o->image);
	return ret ?: svmvcpu_elf_load(elf, b->data, &g->view);
}

static int place_elf(struct guest *g, const struct run_options *o, const struct blob *b)
{
	struct svmvcpu_elf elf;
	int ret;

	if (o->load.given)
		return svmvcpu_fail(EINVAL, "--load is for flat binaries, but %s is an ELF file",
				    o->image);
	ret = guest_place_elf(g, o, b, &elf);
	if (ret)
		return ret;
	if (o->mode == MODE_AUTO && !o->bios)
		g->setup.preset = elf.bits == 64 ? SVMVCPU_PRESET_LONG64 : SVMVCPU_PRESET_PROT32;
	if (g->setup.preset == SVMVCPU_PRESET_LONG64 && elf.bits == 32)
		return svmvcpu_fail(EINVAL, "%s is a 32-bit ELF file and cannot run in mode long64",
				    o->image);
	g->setup.entry = elf.entry;
	return 0;
}

static int place_flat(struct guest *g, const struct run_options *o, const struct blob *b)
{
	__u64 load = g->setup.preset == SVMVCPU_PRESET_REAL ? REAL_LOAD : FLAT_LOAD;

	if (o->load.given)
		load = o->load.value;
	g->setup.entry = load;
	return guest_place(g, load, b->data, b->len, o->image);
}

static int place_image(struct guest *g, const struct run_options *o, const struct blob *b)
{
	const unsigned char *bytes = b->data;

	if (o->bios && !o->load.given)
		return svmvcpu_fail(EINVAL, "%s beside --bios is no bzImage: it needs --load",
				    o->image);
	if (o->initrd || o->append || o->nr_modules)
		return svmvcpu_fail(EINVAL,
				    "--initrd, --append and --module are for kernels; %s is no bzImage, no Multiboot kernel and has no PVH entry point",
				    o->image);
	if (o->mode == MODE_AUTO && b->len > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
		return svmvcpu_fail(ENOEXEC, "%s is compressed: unpack it first, with gunzip -c",
				    o->image);
	return svmvcpu_elf_probe(b->data, b->len) ? place_elf(g, o, b) : place_flat(g, o, b);
}

static int place_files(struct guest *g, const struct run_options *o)
{
	unsigned int i;
	struct blob b;
	int ret = 0;

	for (i = 0; i < o->nr_files && !ret; i++) {
		ret = blob_read(o->files[i].path, &b);
		if (!ret)
			ret = guest_place(g, o->files[i].gpa, b.data, b.len, o->files[i].path);
		free(b.data);
	}
	return ret;
}

/* identity page tables at the end of RAM unless the guest brings its own */
static int place_tables(struct guest *g, const struct run_options *o)
{
	__u64 ram = g->mem[0].bytes;
	__u64 top = ram > FOUR_GIB ? ram : FOUR_GIB;
	__u64 bytes = svmvcpu_identity_bytes(top);
	int ret;

	if (o->cr3.given) {
		g->setup.cr3 = o->cr3.value;
		return 0;
	}
	if (bytes > ram)
		return svmvcpu_fail(ENOSPC, "no room for page tables in %#llx bytes", ram);
	g->setup.cr3 = ram - bytes;
	ret = guest_claim(g, g->setup.cr3, bytes, "the page tables");
	if (ret)
		return ret;
	return svmvcpu_identity_map((char *)g->mem[0].hva + g->setup.cr3, g->setup.cr3, top);
}

/* the stack grows down from the tables, or from the end of what it can reach */
static int place_stack(struct guest *g, const struct run_options *o)
{
	__u64 top = g->mem[0].bytes;

	if (o->stack.given) {
		g->setup.stack = o->stack.value;
		return 0;
	}
	if (g->setup.preset == SVMVCPU_PRESET_REAL) {
		g->setup.stack = REAL_LOAD;
		return 0;
	}
	if (g->setup.preset == SVMVCPU_PRESET_LONG64 && !o->cr3.given)
		top = g->setup.cr3;
	else if (top > FOUR_GIB - SVMVCPU_PAGE)
		top = FOUR_GIB - SVMVCPU_PAGE;
	g->setup.stack = top;
	return guest_claim(g, top - STACK_ROOM, STACK_ROOM, "the stack");
}

static int finish_setup(struct guest *g, const struct run_options *o)
{
	int ret = 0;

	if (o->entry.given)
		g->setup.entry = o->entry.value;
	if (o->arg.given)
		g->setup.arg = o->arg.value;
	if (g->setup.preset == SVMVCPU_PRESET_REAL && o->arg.given)
		return svmvcpu_fail(EINVAL, "real mode does not allow --arg");
	if (g->setup.preset != SVMVCPU_PRESET_LONG64 && o->cr3.given)
		return svmvcpu_fail(EINVAL, "--cr3 is for mode long64, not for %s",
				    svmvcpu_preset_name(g->setup.preset));
	if (g->setup.preset == SVMVCPU_PRESET_REAL && g->setup.entry > 0xffff)
		return svmvcpu_fail(EINVAL, "entry %#llx is beyond the 64 KiB of real mode",
				    g->setup.entry);
	if (g->setup.preset == SVMVCPU_PRESET_LONG64)
		ret = place_tables(g, o);
	return ret ?: place_stack(g, o);
}

/* whether the image is a kernel for the firmware, which reads it through fw_cfg */
static bool feeds(const struct run_options *o, const struct blob *b)
{
	return o->bios && o->image && !o->load.given && bzimage_probe(b->data, b->len);
}

static int build(struct guest *g, const struct run_options *o, const struct blob *b)
{
	const __u32 all = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC;
	bool kernel;
	int ret;

	g->boot = boot_guess(o, b);
	g->fed = feeds(o, b);
	kernel = g->boot != BOOT_NONE;
	g->lapic = o->lapic || kernel || g->fed;
	g->cpus = o->cpus;
	if (g->cpus > 1 && !g->lapic)
		return svmvcpu_fail(EINVAL,
				    "--cpus %u needs --lapic: guests start CPUs through local APICs",
				    g->cpus);
	g->ignore = o->unclaimed == UNCLAIMED_IGNORE ||
		    (o->unclaimed == UNCLAIMED_AUTO && (kernel || o->bios));
	g->setup.preset = o->mode == MODE_AUTO ? SVMVCPU_PRESET_REAL : o->mode;
	if (o->bios)
		g->setup.preset = SVMVCPU_PRESET_RESET;
	ret = add_piece(g, 0, o->mem ? o->mem : kernel || o->bios ? BOOT_MEM : DEFAULT_MEM, all);
	if (!ret && o->bios)
		ret = place_bios(g, o->bios);
	if (!ret && o->bios)
		ret = firmware_configure(g, o, g->fed ? b : NULL);
	if (!ret && kernel)
		ret = boot_place(g, o, b);
	else if (!ret && o->image && !g->fed)
		ret = place_image(g, o, b);
	if (!ret)
		ret = place_files(g, o);
	if (ret || kernel)
		return ret;
	if (!o->bios)
		return finish_setup(g, o);
	g->setup.entry = 0;
	return 0;
}

int guest_build(struct guest *g, const struct run_options *o)
{
	struct blob b = { NULL, 0 };
	int ret = 0;

	memset(g, 0, sizeof(*g));
	g->view.mem = g->mem;
	if (o->image)
		ret = blob_read(o->image, &b);
	if (!ret)
		ret = build(g, o, &b);
	free(b.data);
	return ret;
}

int guest_map(const struct guest *g, int vm)
{
	struct svmvcpu_region regions[MAX_PIECES] = { 0 };
	unsigned int i;

	for (i = 0; i < g->view.nr; i++) {
		regions[i].gpa = g->mem[i].gpa;
		regions[i].bytes = g->mem[i].bytes;
		regions[i].hva = (__u64)(unsigned long)g->mem[i].hva;
		regions[i].prot = g->prot[i];
	}
	return svmvcpu_vm_map(vm, regions, g->view.nr);
}

void guest_free(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < g->view.nr; i++)
		svmvcpu_free(g->mem[i].hva, g->mem[i].bytes);
	g->view.nr = 0;
	fwcfg_free(g->fwcfg);
	g->fwcfg = NULL;
}
