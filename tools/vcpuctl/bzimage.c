// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: the setup header of a bzImage. Read by copying it out of the file
 * as far as the file goes, so that nothing depends on its alignment or length.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>

#include "bzimage.h"
#include "svmvcpu_lib.h"

#define SECTOR		512
#define BOOT_FLAG	0xaa55
#define MAGIC		0x53726448	/* "HdrS" */
#define PROTOCOL_SIZE	0x020a		/* the first with init_size */
#define PROTOCOL_64	0x020c		/* the first with xloadflags */
#define UNIT		16		/* syssize counts them, and rounds up */
#define JUMP_LENGTH	0x201		/* the header ends this far behind 0x202 */
#define LOWEST		0x100000ULL
#define FOUR_GIB	0x100000000ULL

static bool read_header(const void *file, size_t len, struct setup_header *h)
{
	if (len < BZIMAGE_HEADER + sizeof(*h))
		return false;
	memcpy(h, (const char *)file + BZIMAGE_HEADER, sizeof(*h));
	return true;
}

bool bzimage_probe(const void *file, size_t len)
{
	struct setup_header h;

	return read_header(file, len, &h) && h.header == MAGIC && h.boot_flag == BOOT_FLAG;
}

static int check_protocol(const struct setup_header *h)
{
	if (h->version < PROTOCOL_SIZE)
		return svmvcpu_fail(ENOEXEC,
				    "Linux image with boot protocol %u.%02u, 2.10 or later is needed",
				    h->version >> 8, h->version & 0xff);
	if (!(h->loadflags & LOADED_HIGH))
		return svmvcpu_fail(ENOEXEC,
				    "Linux image that is loaded below 1 MiB (a zImage), which is not supported");
	return 0;
}

/* the kernel proper, by what the header says and the file has */
static int find_kernel(const struct setup_header *h, size_t len, struct bzimage *image)
{
	image->offset = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	image->bytes = (size_t)h->syssize * UNIT;
	if (image->offset <= len && image->bytes > len - image->offset &&
	    image->bytes - (len - image->offset) < UNIT)
		image->bytes = len - image->offset;
	if (image->offset > len || image->bytes > len - image->offset)
		return svmvcpu_fail(ENOEXEC,
				    "truncated Linux image: %zu bytes, its header says %zu", len,
				    image->offset + image->bytes);
	if (image->bytes <= BZIMAGE_ENTRY64)
		return svmvcpu_fail(ENOEXEC, "Linux image that contains no kernel");
	return 0;
}

static int find_room(const struct setup_header *h, struct bzimage *image)
{
	image->entry64 = h->version >= PROTOCOL_64 && (h->xloadflags & XLF_KERNEL_64);
	image->load = h->pref_address;
	image->room = h->init_size > image->bytes ? h->init_size : image->bytes;
	image->cmdline_max = h->cmdline_size;
	image->initrd_end = h->initrd_addr_max + 1ULL;
	if (image->load < LOWEST || image->load % SVMVCPU_PAGE ||
	    image->load > FOUR_GIB - image->room)
		return svmvcpu_fail(ENOEXEC, "Linux image that cannot be loaded at %#llx",
				    image->load);
	return 0;
}

int bzimage_parse(const void *file, size_t len, struct bzimage *image)
{
	const unsigned char *bytes = file;
	struct setup_header h;
	int ret;

	if (!bzimage_probe(file, len) || !read_header(file, len, &h))
		return svmvcpu_fail(ENOEXEC, "not a Linux image");
	image->header_bytes = JUMP_LENGTH + 1 + bytes[JUMP_LENGTH] - BZIMAGE_HEADER;
	if (image->header_bytes > BZIMAGE_HEADER_END - BZIMAGE_HEADER)
		image->header_bytes = BZIMAGE_HEADER_END - BZIMAGE_HEADER;
	ret = check_protocol(&h);
	if (!ret && image->header_bytes < offsetof(struct setup_header, handover_offset))
		ret = svmvcpu_fail(ENOEXEC, "Linux image with a header of only %zu bytes",
				   image->header_bytes);
	if (!ret)
		ret = find_kernel(&h, len, image);
	return ret ?: find_room(&h, image);
}
