// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: choosing a boot protocol, and the parts that several of them have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "boot.h"
#include "bzimage.h"
#include "linux.h"
#include "multiboot.h"
#include "pvh.h"

__u64 boot_reserve(struct boot_info *info, size_t len, size_t align)
{
	size_t at = (info->len + align - 1) & ~(align - 1);

	if (at > sizeof(info->bytes) || len > sizeof(info->bytes) - at) {
		info->full = true;
		at = 0;
	} else {
		info->len = at + len;
	}
	return BOOT_INFO_GPA + at;
}

void *boot_at(struct boot_info *info, __u64 gpa)
{
	return info->bytes + (gpa - BOOT_INFO_GPA);
}

__u64 boot_add(struct boot_info *info, const void *data, size_t len, size_t align)
{
	__u64 gpa = boot_reserve(info, len, align);

	if (!info->full)
		memcpy(boot_at(info, gpa), data, len);
	return gpa;
}

__u64 boot_add_text(struct boot_info *info, const char *text)
{
	return boot_add(info, text, strlen(text) + 1, 1);
}

int boot_place_info(struct guest *g, const struct boot_info *info)
{
	if (info->full)
		return svmvcpu_fail(E2BIG,
				    "command line and modules take more than %llu bytes to describe",
				    BOOT_INFO_MAX);
	return guest_place(g, BOOT_INFO_GPA, info->bytes, info->len, "the boot information");
}

/* the first page behind all that is in memory */
static __u64 free_page(const struct guest *g)
{
	__u64 end = 0x100000;
	unsigned int i;

	for (i = 0; i < g->nr_claims; i++)
		if (g->claims[i].gpa + g->claims[i].bytes > end)
			end = g->claims[i].gpa + g->claims[i].bytes;
	return (end + SVMVCPU_PAGE - 1) & ~(SVMVCPU_PAGE - 1);
}

static int place_module(struct guest *g, const char *path, const char *text,
			struct boot_module *module)
{
	struct blob b;
	int ret = blob_read(path, &b);

	if (!ret) {
		*module = (struct boot_module){ free_page(g), b.len, text };
		ret = guest_place(g, module->gpa, b.data, b.len, path);
	}
	free(b.data);
	return ret;
}

int boot_modules(struct guest *g, const struct run_options *o, struct boot_module *modules)
{
	unsigned int i;
	int nr = 0, ret = 0;

	if (o->initrd)
		ret = place_module(g, o->initrd, o->initrd, &modules[nr++]);
	for (i = 0; i < o->nr_modules && !ret; i++)
		ret = place_module(g, o->modules[i].path, o->modules[i].text, &modules[nr++]);
	return ret ?: nr;
}

/* the user says where things go */
static bool placed(const struct run_options *o)
{
	return o->load.given || o->entry.given || o->stack.given || o->cr3.given || o->arg.given;
}

enum boot_protocol boot_guess(const struct run_options *o, const struct blob *b)
{
	if (o->boot != BOOT_AUTO)
		return o->boot;
	if (o->bios || !b->data)
		return BOOT_NONE;
	if (bzimage_probe(b->data, b->len))
		return BOOT_LINUX;
	if (placed(o))
		return BOOT_NONE;
	if (multiboot_probe(b->data, b->len, 2))
		return BOOT_MULTIBOOT2;
	if (multiboot_probe(b->data, b->len, 1))
		return BOOT_MULTIBOOT;
	return pvh_probe(b->data, b->len) ? BOOT_PVH : BOOT_NONE;
}

int boot_place(struct guest *g, const struct run_options *o, const struct blob *b)
{
	if (placed(o))
		return svmvcpu_fail(EINVAL,
				    "%s is a kernel with a load address of its own: omit --load, --entry, --stack, --cr3 and --arg, or give a --mode",
				    o->image);
	if (g->mem[0].bytes > BOARD_MAX_MEM || g->mem[0].bytes < 0x200000)
		return svmvcpu_fail(EINVAL,
				    "%s: kernels run with 2M to 3G of memory, not %#llx bytes",
				    o->image, g->mem[0].bytes);
	switch (g->boot) {
	case BOOT_LINUX:
		return linux_place(g, o, b);
	case BOOT_MULTIBOOT:
		return multiboot_place(g, o, b, 1);
	case BOOT_MULTIBOOT2:
		return multiboot_place(g, o, b, 2);
	case BOOT_PVH:
		return pvh_place(g, o, b);
	default:
		return svmvcpu_fail(EINVAL, "no boot protocol");
	}
}

int boot_start(const struct guest *g, struct svmvcpu_vcpu *vcpu)
{
	struct svmvcpu_state state;
	int ret = svmvcpu_vcpu_get_state(vcpu, SVMVCPU_STATE_GPRS, &state);

	if (ret)
		return ret;
	state.gprs.rax = g->boot_magic;
	state.gprs.rbx = g->boot_info;
	return svmvcpu_vcpu_set_state(vcpu, SVMVCPU_STATE_GPRS, &state);
}
