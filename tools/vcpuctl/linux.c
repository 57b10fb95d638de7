// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: booting Linux, by its 64-bit entry or, if it has none, by the 32-bit one. The
 * kernel goes where it asks to be, the initrd to
 * the end of memory, and tables, boot parameters and command line below 1 MiB,
 * which Linux leaves alone until it has read them.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "bzimage.h"
#include "linux.h"
#include "vcpuctl.h"

#define MAPPED		0x100000000ULL
#define LOADER_UNKNOWN	0xff

/* flat segments, at the selectors that the protocol names */
#define BOOT_CS		0x10
#define BOOT_DS		0x18
#define CODE64		0x00af9b000000ffffULL
#define CODE32		0x00cf9b000000ffffULL
#define DATA		0x00cf93000000ffffULL
#define CODE64_ATTRIB	0x0a9b
#define CODE32_ATTRIB	0x0c9b
#define DATA_ATTRIB	0x0c93
#define FLAT_LIMIT	0xffffffffU

static int place_kernel(struct guest *g, const struct run_options *o, const struct blob *b,
			const struct bzimage *image)
{
	__u64 ram = g->mem[0].bytes;

	if (image->load + image->room > ram)
		return svmvcpu_fail(ENOSPC,
				    "%s needs memory up to %#llx, but --mem is %#llx bytes",
				    o->image, image->load + image->room, ram);
	memcpy((char *)g->mem[0].hva + image->load, (char *)b->data + image->offset,
	       image->bytes);
	return guest_claim(g, image->load, image->room, o->image);
}

/* at the end of memory, or of what the kernel can reach */
static int place_initrd(struct guest *g, const struct run_options *o,
			const struct bzimage *image, struct setup_header *h)
{
	__u64 end = g->mem[0].bytes < image->initrd_end ? g->mem[0].bytes : image->initrd_end;
	__u64 lowest = image->load + image->room;
	struct blob b = { NULL, 0 };
	__u64 at;
	int ret;

	if (!o->initrd)
		return 0;
	ret = blob_read(o->initrd, &b);
	if (!ret && (end < lowest || b.len > end - lowest))
		ret = svmvcpu_fail(ENOSPC, "%s (%#zx bytes) does not fit between %#llx and %#llx",
				   o->initrd, b.len, lowest, end);
	if (!ret) {
		at = (end - b.len) & ~(SVMVCPU_PAGE - 1);
		h->ramdisk_image = at;
		h->ramdisk_size = b.len;
		ret = guest_place(g, at, b.data, b.len, o->initrd);
	}
	free(b.data);
	return ret;
}

static void set_map(struct boot_params *p, __u64 ram)
{
	struct board_range map[BOARD_RANGES];
	unsigned int i;

	board_map(ram, map);
	for (i = 0; i < BOARD_RANGES; i++)
		p->e820_table[i] = (struct boot_e820_entry){
			map[i].gpa, map[i].bytes, map[i].type,
		};
	p->e820_entries = BOARD_RANGES;
}

static int place_params(struct guest *g, const struct blob *b, const struct bzimage *image,
			struct boot_params *p)
{
	const struct setup_header h = p->hdr;	/* the initrd's place */

	memcpy((char *)p + BZIMAGE_HEADER, (const char *)b->data + BZIMAGE_HEADER,
	       image->header_bytes);
	p->hdr.type_of_loader = LOADER_UNKNOWN;
	p->hdr.ramdisk_image = h.ramdisk_image;
	p->hdr.ramdisk_size = h.ramdisk_size;
	p->hdr.cmd_line_ptr = LINUX_CMDLINE;
	p->hdr.setup_data = 0;
	set_map(p, g->mem[0].bytes);
	return guest_place(g, LINUX_PARAMS, p, sizeof(*p), "the boot parameters");
}

static int place_tables(struct guest *g, const struct bzimage *image)
{
	const __u64 gdt[] = { 0, 0, image->entry64 ? CODE64 : CODE32, DATA };
	__u64 bytes = svmvcpu_identity_bytes(MAPPED);
	int ret;

	ret = guest_place(g, LINUX_GDT, gdt, sizeof(gdt), "the descriptor table");
	if (!ret)
		ret = guest_claim(g, LINUX_STACK - SVMVCPU_PAGE, SVMVCPU_PAGE, "the stack");
	if (!ret && image->entry64)
		ret = guest_claim(g, LINUX_TABLES, bytes, "the page tables");
	if (ret || !image->entry64)
		return ret;
	return svmvcpu_identity_map((char *)g->mem[0].hva + LINUX_TABLES, LINUX_TABLES, MAPPED);
}

static int place_cmdline(struct guest *g, const struct run_options *o,
			 const struct bzimage *image)
{
	size_t len = linux_cmdline(NULL, 0, o->append, LINUX_ANY_TSC);

	if (len > image->cmdline_max)
		return svmvcpu_fail(E2BIG, "the command line has %zu bytes, but %s accepts %u", len,
				    o->image, image->cmdline_max);
	return guest_claim(g, LINUX_CMDLINE, len + 1, "the command line");
}

int linux_place(struct guest *g, const struct run_options *o, const struct blob *b)
{
	struct boot_params p = { 0 };
	struct bzimage image;
	int ret;

	if (o->nr_modules)
		return svmvcpu_fail(EINVAL, "%s is Linux, which takes an --initrd but no --module",
				    o->image);
	ret = bzimage_parse(b->data, b->len, &image);
	if (!ret)
		ret = place_kernel(g, o, b, &image);
	if (!ret)
		ret = place_initrd(g, o, &image, &p.hdr);
	if (!ret)
		ret = place_params(g, b, &image, &p);
	if (!ret)
		ret = place_tables(g, &image);
	if (!ret)
		ret = board_place(g);
	if (!ret)
		ret = place_cmdline(g, o, &image);
	if (ret)
		return ret;
	g->setup = (struct svmvcpu_setup){
		.preset = image.entry64 ? SVMVCPU_PRESET_LONG64 : SVMVCPU_PRESET_PROT32,
		.entry = image.load + (image.entry64 ? BZIMAGE_ENTRY64 : 0),
		.stack = LINUX_STACK,
		.cr3 = image.entry64 ? LINUX_TABLES : 0,
	};
	return 0;
}

/* whether @line has a word with the name of @word, which ends in = */
static bool has_word(const char *line, const char *word)
{
	size_t len = strcspn(word, "=") + 1;
	const char *at;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)len, word);

	for (at = line; at && (at = strstr(at, name)); at += len)
		if (at == line || at[-1] == ' ')
			return true;
	return false;
}

size_t linux_cmdline(char *buf, size_t len, const char *append, __u32 tsc_khz)
{
	static const char * const words[] = { "console=ttyS0", "reboot=p", "tsc=reliable" };
	char front[128] = "";
	char *at = front;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!has_word(append, words[i]))
			at += sprintf(at, "%s ", words[i]);
	if (tsc_khz && !has_word(append, "tsc_early_khz="))
		sprintf(at, "tsc_early_khz=%u ", tsc_khz);
	return snprintf(buf, len, "%s%s", front, append ? append : "");
}

static void set_segments(struct svmvcpu_segments *s, bool entry64)
{
	const struct svmvcpu_segment data = {
		.limit = FLAT_LIMIT, .selector = BOOT_DS, .attrib = DATA_ATTRIB,
	};

	s->cs = data;
	s->cs.selector = BOOT_CS;
	s->cs.attrib = entry64 ? CODE64_ATTRIB : CODE32_ATTRIB;
	s->ds = data;
	s->es = data;
	s->ss = data;
	s->gdtr.base = LINUX_GDT;
	s->gdtr.limit = 4 * sizeof(__u64) - 1;
}

int linux_start(const struct guest *g, const struct run_options *o, __u32 tsc_khz,
		struct svmvcpu_vcpu *vcpu)
{
	const __u64 components = SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS;
	size_t room = linux_cmdline(NULL, 0, o->append, LINUX_ANY_TSC) + 1;
	struct svmvcpu_state state;
	int ret;

	linux_cmdline((char *)g->mem[0].hva + LINUX_CMDLINE, room, o->append, tsc_khz);
	ret = svmvcpu_vcpu_get_state(vcpu, components, &state);
	if (ret)
		return ret;
	set_segments(&state.segments, g->setup.preset == SVMVCPU_PRESET_LONG64);
	state.gprs.rsi = LINUX_PARAMS;
	return svmvcpu_vcpu_set_state(vcpu, components, &state);
}
