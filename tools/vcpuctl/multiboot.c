// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: headers of Multiboot kernels. Files are not trusted: every number is
 * compared with what the file has before it is used.
 */
#include <errno.h>
#include <string.h>

#include "multiboot.h"
#include "multiboot_info.h"

#define MAGIC1		0x1badb002U
#define SEARCH1		8192
#define MAGIC2		0xe85250d6U
#define SEARCH2		32768

/* flags of version 1 */
#define FLAG_PAGE_ALIGN	0x0001
#define FLAG_MEMORY	0x0002
#define FLAG_VIDEO	0x0004
#define FLAG_ADDRESSES	0x00010000
#define FLAGS_REQUIRED	0x0000ffff
#define FLAGS_KNOWN	(FLAG_PAGE_ALIGN | FLAG_MEMORY | FLAG_VIDEO)

/* tags in a header of version 2 */
#define TAG_END		0
#define TAG_REQUEST	1
#define TAG_ADDRESSES	2
#define TAG_ENTRY	3
#define TAG_CONSOLE	4
#define TAG_ALIGN	6
#define TAG_EFI_BS	7
#define TAG_EFI_ENTRY32	8
#define TAG_EFI_ENTRY64	9
#define TAG_OPTIONAL	1	/* a flag */

struct header1 {
	__u32 magic, flags, checksum;
	__u32 header, load, load_end, bss_end, entry;
};

struct header2 {
	__u32 magic, arch, bytes, checksum;
};

struct tag {
	__u16 type, flags;
	__u32 bytes;
};

static __u32 word(const void *file, size_t at)
{
	__u32 value;

	memcpy(&value, (const char *)file + at, sizeof(value));
	return value;
}

static bool find1(const void *file, size_t len, size_t *at)
{
	for (*at = 0; *at + 12 <= len && *at + 12 <= SEARCH1; *at += 4)
		if (word(file, *at) == MAGIC1 &&
		    !(MAGIC1 + word(file, *at + 4) + word(file, *at + 8)))
			return true;
	return false;
}

static bool find2(const void *file, size_t len, size_t *at)
{
	for (*at = 0; *at + 16 <= len && *at + 16 <= SEARCH2; *at += 8)
		if (word(file, *at) == MAGIC2 &&
		    !(MAGIC2 + word(file, *at + 4) + word(file, *at + 8) + word(file, *at + 12)))
			return true;
	return false;
}

bool multiboot_probe(const void *file, size_t len, unsigned int version)
{
	size_t at;

	return version == 1 ? find1(file, len, &at) : find2(file, len, &at);
}

/* @a: header, load, load_end and bss_end, the header being at @at in the file */
static int take_addresses(struct multiboot *m, const __u32 *a, size_t at, size_t len)
{
	__u64 end = a[2], bss = a[3];

	if (a[1] > a[0] || a[0] - a[1] > at)
		return svmvcpu_fail(ENOEXEC,
				    "Multiboot: the header at %#x is loaded from %#x, before the file begins",
				    a[0], a[1]);
	m->addresses = true;
	m->load = a[1];
	m->offset = at - (a[0] - a[1]);
	if (!end)
		end = m->load + (len - m->offset);
	if (!bss)
		bss = end;
	if (end < m->load || end - m->load > len - m->offset || bss < end)
		return svmvcpu_fail(ENOEXEC,
				    "Multiboot: %#llx to %#llx to %#llx is not in a file of %zu bytes",
				    m->load, end, bss, len);
	m->filled = end - m->load;
	m->bytes = bss - m->load;
	return 0;
}

static int parse1(const void *file, size_t len, size_t at, struct multiboot *m)
{
	struct header1 h = { 0 };
	const __u32 unknown = FLAGS_REQUIRED & ~FLAGS_KNOWN;

	memcpy(&h, (const char *)file + at, len - at < sizeof(h) ? len - at : sizeof(h));
	if (h.flags & unknown)
		return svmvcpu_fail(ENOEXEC, "Multiboot: the kernel requires unknown flags, %#x",
				    h.flags & unknown);
	if (!(h.flags & FLAG_ADDRESSES))
		return 0;
	m->has_entry = true;
	m->entry = h.entry;
	return take_addresses(m, &h.header, at, len);
}

static int parse_request(const char *tag, __u32 bytes, bool optional)
{
	size_t at;

	for (at = sizeof(struct tag); at + 4 <= bytes; at += 4)
		if (!optional && !multiboot2_has(word(tag, at)))
			return svmvcpu_fail(ENOEXEC,
					    "Multiboot: the kernel requires information %u, which is not available",
					    word(tag, at));
	return 0;
}

static int parse_tag(const char *at, const struct tag *tag, size_t header, size_t len,
		     struct multiboot *m)
{
	bool optional = tag->flags & TAG_OPTIONAL;
	__u32 addresses[4];

	switch (tag->type) {
	case TAG_REQUEST:
		return parse_request(at, tag->bytes, optional);
	case TAG_ADDRESSES:
		if (tag->bytes < sizeof(*tag) + sizeof(addresses))
			break;
		memcpy(addresses, at + sizeof(*tag), sizeof(addresses));
		return take_addresses(m, addresses, header, len);
	case TAG_ENTRY:
		if (tag->bytes < sizeof(*tag) + 4)
			break;
		m->has_entry = true;
		m->entry = word(at, sizeof(*tag));
		return 0;
	case TAG_CONSOLE:
	case TAG_ALIGN:
	case TAG_EFI_BS:
	case TAG_EFI_ENTRY32:
	case TAG_EFI_ENTRY64:
		return 0;
	default:
		if (optional)
			return 0;
		return svmvcpu_fail(ENOEXEC,
				    "Multiboot: the kernel requires tag %u, which is not supported",
				    tag->type);
	}
	return svmvcpu_fail(ENOEXEC, "Multiboot: tag %u has %u bytes", tag->type, tag->bytes);
}

static int parse2(const void *file, size_t len, size_t header, struct multiboot *m)
{
	size_t at = header + sizeof(struct header2), end;
	struct tag tag;
	int ret;

	if (word(file, header + 4))
		return svmvcpu_fail(ENOEXEC, "Multiboot: for architecture %u, not i386",
				    word(file, header + 4));
	if (word(file, header + 8) > len - header)
		return svmvcpu_fail(ENOEXEC, "Multiboot: a header of %u bytes, beyond the file",
				    word(file, header + 8));
	end = header + word(file, header + 8);
	while (at + sizeof(tag) <= end) {
		memcpy(&tag, (const char *)file + at, sizeof(tag));
		if (tag.type == TAG_END)
			return 0;
		if (tag.bytes < sizeof(tag) || tag.bytes > end - at)
			return svmvcpu_fail(ENOEXEC, "Multiboot: tag %u has %u bytes", tag.type,
					    tag.bytes);
		ret = parse_tag((const char *)file + at, &tag, header, len, m);
		if (ret)
			return ret;
		at += (tag.bytes + 7ULL) & ~7ULL;
	}
	return svmvcpu_fail(ENOEXEC, "Multiboot: the header has no end tag");
}

int multiboot_parse(const void *file, size_t len, unsigned int version, struct multiboot *m)
{
	size_t at;

	memset(m, 0, sizeof(*m));
	if (!(version == 1 ? find1(file, len, &at) : find2(file, len, &at)))
		return svmvcpu_fail(ENOEXEC, "no header of Multiboot %u in the image", version);
	return version == 1 ? parse1(file, len, at, m) : parse2(file, len, at, m);
}

static int place_flat(struct guest *g, const struct run_options *o, const struct blob *b,
		      const struct multiboot *m)
{
	int ret = guest_claim(g, m->load, m->bytes, o->image);

	if (!ret)
		memcpy((char *)g->mem[0].hva + m->load, (const char *)b->data + m->offset,
		       m->filled);
	return ret;
}

static int place_kernel(struct guest *g, const struct run_options *o, const struct blob *b,
			struct multiboot *m)
{
	struct svmvcpu_elf elf;
	int ret;

	if (m->addresses && !m->has_entry)
		return svmvcpu_fail(ENOEXEC, "Multiboot: addresses without an entry point");
	if (m->addresses)
		return place_flat(g, o, b, m);
	ret = guest_place_elf(g, o, b, &elf);
	if (!m->has_entry)
		m->entry = elf.entry;
	return ret;
}

int multiboot_place(struct guest *g, const struct run_options *o, const struct blob *b,
		    unsigned int version)
{
	struct multiboot m;
	int ret = multiboot_parse(b->data, b->len, version, &m);

	if (!ret)
		ret = place_kernel(g, o, b, &m);
	if (!ret)
		ret = multiboot_place_info(g, o, version);
	g->setup = (struct svmvcpu_setup){
		.preset = SVMVCPU_PRESET_PROT32, .entry = m.entry, .stack = BOOT_STACK,
	};
	return ret;
}
