// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: reading ELF files that may have been made to do harm. The parser
 * only looks, the loader only copies what the parser accepted. Each number in
 * the file is checked by subtraction from a known bound before it is added to
 * anything.
 */
#include <errno.h>
#include <string.h>

#include <linux/elf.h>

#include "svmvcpu_lib.h"

/* a program header of either class */
struct phdr {
	__u32 type;
	__u64 offset;
	__u64 vaddr;
	__u64 paddr;
	__u64 filled;
	__u64 bytes;
};

/* the parts of either file header that matter */
struct header {
	unsigned int bits;
	unsigned int type;
	unsigned int machine;
	__u64 entry;
	__u64 phoff;
	unsigned int phentsize;
	unsigned int phnum;
};

bool svmvcpu_elf_probe(const void *file, size_t len)
{
	return len >= SELFMAG && !memcmp(file, ELFMAG, SELFMAG);
}

static void read_header32(const void *file, struct header *h)
{
	struct elf32_hdr raw;

	memcpy(&raw, file, sizeof(raw));
	h->bits = 32;
	h->type = raw.e_type;
	h->machine = raw.e_machine;
	h->entry = raw.e_entry;
	h->phoff = raw.e_phoff;
	h->phentsize = raw.e_phentsize;
	h->phnum = raw.e_phnum;
}

static void read_header64(const void *file, struct header *h)
{
	struct elf64_hdr raw;

	memcpy(&raw, file, sizeof(raw));
	h->bits = 64;
	h->type = raw.e_type;
	h->machine = raw.e_machine;
	h->entry = raw.e_entry;
	h->phoff = raw.e_phoff;
	h->phentsize = raw.e_phentsize;
	h->phnum = raw.e_phnum;
}

static int read_header(const void *file, size_t len, struct header *h)
{
	const unsigned char *ident = file;

	if (len < EI_NIDENT || !svmvcpu_elf_probe(file, len))
		return svmvcpu_fail(ENOEXEC, "not an ELF file");
	if (ident[EI_DATA] != ELFDATA2LSB || ident[EI_VERSION] != EV_CURRENT)
		return svmvcpu_fail(ENOEXEC, "ELF: not little-endian version 1");
	if (ident[EI_CLASS] == ELFCLASS32 && len >= sizeof(struct elf32_hdr))
		read_header32(file, h);
	else if (ident[EI_CLASS] == ELFCLASS64 && len >= sizeof(struct elf64_hdr))
		read_header64(file, h);
	else
		return svmvcpu_fail(ENOEXEC, "ELF: unknown class or truncated header");
	return 0;
}

static int check_header(const struct header *h, size_t len)
{
	unsigned int size = h->bits == 64 ? sizeof(struct elf64_phdr) :
						sizeof(struct elf32_phdr);

	if (h->type != ET_EXEC)
		return svmvcpu_fail(ENOEXEC, "ELF: type %u, not a fixed-address executable",
				    h->type);
	if (h->machine != (h->bits == 64 ? EM_X86_64 : EM_386))
		return svmvcpu_fail(ENOEXEC, "ELF: for machine %u, not x86", h->machine);
	if (h->phentsize != size)
		return svmvcpu_fail(ENOEXEC, "ELF: program headers of %u bytes, expected %u",
				    h->phentsize, size);
	if (!h->phnum || h->phnum == PN_XNUM)
		return svmvcpu_fail(ENOEXEC, "ELF: no usable program headers");
	if (h->phoff > len || h->phnum > (len - h->phoff) / size)
		return svmvcpu_fail(ENOEXEC, "ELF: program headers beyond the end of the file");
	return 0;
}

static void read_phdr32(const void *at, struct phdr *p)
{
	struct elf32_phdr raw;

	memcpy(&raw, at, sizeof(raw));
	p->type = raw.p_type;
	p->offset = raw.p_offset;
	p->vaddr = raw.p_vaddr;
	p->paddr = raw.p_paddr;
	p->filled = raw.p_filesz;
	p->bytes = raw.p_memsz;
}

static void read_phdr64(const void *at, struct phdr *p)
{
	struct elf64_phdr raw;

	memcpy(&raw, at, sizeof(raw));
	p->type = raw.p_type;
	p->offset = raw.p_offset;
	p->vaddr = raw.p_vaddr;
	p->paddr = raw.p_paddr;
	p->filled = raw.p_filesz;
	p->bytes = raw.p_memsz;
}

/* check_header() has made sure that it is inside the file */
static void read_phdr(const void *file, const struct header *h, unsigned int i, struct phdr *p)
{
	const char *at = (const char *)file + h->phoff + (size_t)i * h->phentsize;

	if (h->bits == 64)
		read_phdr64(at, p);
	else
		read_phdr32(at, p);
}

static int check_phdr(const struct phdr *p, unsigned int i, size_t len)
{
	if (p->filled > p->bytes)
		return svmvcpu_fail(ENOEXEC, "ELF: segment %u is larger in the file than in memory",
				    i);
	if (p->offset > len || p->filled > len - p->offset)
		return svmvcpu_fail(ENOEXEC, "ELF: segment %u lies beyond the end of the file", i);
	if (p->bytes - 1 > ~p->paddr || p->bytes - 1 > ~p->vaddr)
		return svmvcpu_fail(ENOEXEC, "ELF: segment %u wraps around the address space", i);
	return 0;
}

static int add_segment(struct svmvcpu_elf *elf, const struct phdr *p, unsigned int i)
{
	unsigned int s;

	if (elf->nr == SVMVCPU_ELF_SEGMENTS)
		return svmvcpu_fail(E2BIG, "ELF: more than %u segments", SVMVCPU_ELF_SEGMENTS);
	for (s = 0; s < elf->nr; s++)
		if (p->paddr <= elf->segments[s].gpa + (elf->segments[s].bytes - 1) &&
		    elf->segments[s].gpa <= p->paddr + (p->bytes - 1))
			return svmvcpu_fail(ENOEXEC, "ELF: segment %u overlaps another", i);
	elf->segments[s].gpa = p->paddr;
	elf->segments[s].bytes = p->bytes;
	elf->segments[s].offset = p->offset;
	elf->segments[s].filled = p->filled;
	elf->nr++;
	return 0;
}

/* the entry is a virtual address; the guest starts without that mapping */
static bool place_entry(struct svmvcpu_elf *elf, __u64 entry, const struct phdr *p)
{
	if (entry < p->vaddr || entry - p->vaddr >= p->bytes)
		return false;
	elf->entry = entry - p->vaddr + p->paddr;
	return true;
}

/* kernels that turn on their own mapping, such as Linux, name a physical address */
static bool physical_entry(struct svmvcpu_elf *elf, __u64 entry)
{
	unsigned int i;

	elf->entry = entry;
	for (i = 0; i < elf->nr; i++)
		if (entry >= elf->segments[i].gpa &&
		    entry - elf->segments[i].gpa < elf->segments[i].bytes)
			return true;
	return false;
}

int svmvcpu_elf_parse(const void *file, size_t len, struct svmvcpu_elf *elf)
{
	bool placed = false;
	struct header h = { 0 };
	struct phdr p;
	unsigned int i;
	int ret;

	memset(elf, 0, sizeof(*elf));
	ret = read_header(file, len, &h) ?: check_header(&h, len);
	if (ret)
		return ret;
	elf->bits = h.bits;
	for (i = 0; i < h.phnum; i++) {
		read_phdr(file, &h, i, &p);
		if (p.type != PT_LOAD || !p.bytes)
			continue;
		ret = check_phdr(&p, i, len) ?: add_segment(elf, &p, i);
		if (ret)
			return ret;
		placed = placed || place_entry(elf, h.entry, &p);
	}
	if (!elf->nr)
		return svmvcpu_fail(ENOEXEC, "ELF: nothing to load");
	if (!placed && !physical_entry(elf, h.entry))
		return svmvcpu_fail(ENOEXEC, "ELF: entry %#llx is in no segment", h.entry);
	return 0;
}

int svmvcpu_elf_load(const struct svmvcpu_elf *elf, const void *file,
		     const struct svmvcpu_guest *guest)
{
	unsigned int i;

	for (i = 0; i < elf->nr; i++) {
		__u64 filled = elf->segments[i].filled;
		char *to = svmvcpu_gpa_to_hva(guest, elf->segments[i].gpa,
					      elf->segments[i].bytes);

		if (!to)
			return svmvcpu_fail(ENOSPC,
					    "ELF: segment at %#llx (%#llx bytes) is not in guest memory",
					    elf->segments[i].gpa, elf->segments[i].bytes);
		memcpy(to, (const char *)file + elf->segments[i].offset, filled);
		memset(to + filled, 0, elf->segments[i].bytes - filled);
	}
	return 0;
}
