// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF reader: valid files of both classes, one case per kind of malformed file,
 * then all truncations and many mutations, which must be rejected or harmless. The
 * sanitizers check the bounds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/elf.h>

#include "svmvcpu_lib.h"
#include "tap.h"

#define RAM		0x10000ULL
#define FILE_BYTES	0x400

/* two segments, the second larger in memory than in the file */
struct file64 {
	struct elf64_hdr h;
	struct elf64_phdr p[3];
	unsigned char data[FILE_BYTES - sizeof(struct elf64_hdr) - 3 * sizeof(struct elf64_phdr)];
};

struct file32 {
	struct elf32_hdr h;
	struct elf32_phdr p[1];
	unsigned char data[64];
};

static void make64(struct file64 *f)
{
	memset(f, 0, sizeof(*f));
	memset(f->data, 0x5a, sizeof(f->data));
	memcpy(f->h.e_ident, ELFMAG, SELFMAG);
	f->h.e_ident[EI_CLASS] = ELFCLASS64;
	f->h.e_ident[EI_DATA] = ELFDATA2LSB;
	f->h.e_ident[EI_VERSION] = EV_CURRENT;
	f->h.e_type = ET_EXEC;
	f->h.e_machine = EM_X86_64;
	f->h.e_entry = 0xffff800000001010;
	f->h.e_phoff = sizeof(f->h);
	f->h.e_phentsize = sizeof(f->p[0]);
	f->h.e_phnum = 3;
	f->p[0] = (struct elf64_phdr){ .p_type = PT_LOAD, .p_offset = 0x200,
		.p_vaddr = 0xffff800000001000, .p_paddr = 0x1000, .p_filesz = 0x80,
		.p_memsz = 0x80 };
	f->p[1] = (struct elf64_phdr){ .p_type = PT_NOTE, .p_offset = ~0ULL };
	f->p[2] = (struct elf64_phdr){ .p_type = PT_LOAD, .p_offset = 0x280,
		.p_vaddr = 0xffff800000002000, .p_paddr = 0x2000, .p_filesz = 0x80,
		.p_memsz = 0x200 };
}

static void make32(struct file32 *f)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->h.e_ident, ELFMAG, SELFMAG);
	f->h.e_ident[EI_CLASS] = ELFCLASS32;
	f->h.e_ident[EI_DATA] = ELFDATA2LSB;
	f->h.e_ident[EI_VERSION] = EV_CURRENT;
	f->h.e_type = ET_EXEC;
	f->h.e_machine = EM_386;
	f->h.e_entry = 0x1000;
	f->h.e_phoff = sizeof(f->h);
	f->h.e_phentsize = sizeof(f->p[0]);
	f->h.e_phnum = 1;
	f->p[0] = (struct elf32_phdr){ .p_type = PT_LOAD, .p_vaddr = 0x1000, .p_paddr = 0x1000,
		.p_filesz = sizeof(*f), .p_memsz = sizeof(*f) };
}

static void test_good(void)
{
	struct svmvcpu_memory mem = { 0, RAM, calloc(1, RAM) };
	const struct svmvcpu_guest guest = { &mem, 1 };
	unsigned char *ram = mem.hva;
	struct svmvcpu_elf elf;
	struct file64 f;
	struct file32 g;

	make64(&f);
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf), "64-bit file accepted");
	OK(elf.bits == 64 && elf.nr == 2, "64 bits, two segments");
	OK(elf.entry == 0x1010, "virtual entry becomes physical");
	memset(ram, 0xee, RAM);
	OK(!svmvcpu_elf_load(&elf, &f, &guest), "64-bit file loaded");
	OK(ram[0xfff] == 0xee && ram[0x1000] == 0x5a && ram[0x107f] == 0x5a && ram[0x1080] == 0xee,
	   "first segment where it belongs, nothing beside it");
	OK(ram[0x207f] == 0x5a && !ram[0x2080] && !ram[0x21ff] && ram[0x2200] == 0xee,
	   "rest of the second is zero");
	f.h.e_entry = 0x21ff;
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf) && elf.entry == 0x21ff,
	   "a physical entry stays what it is");
	/* where a virtual address is the physical one of another segment */
	f.p[2].p_vaddr = 0x1000;
	f.h.e_entry = 0x1008;
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf) && elf.entry == 0x2008,
	   "the virtual address counts if there are both");
	make32(&g);
	OK(!svmvcpu_elf_parse(&g, sizeof(g), &elf), "32-bit file accepted");
	OK(elf.bits == 32 && elf.nr == 1 && elf.entry == 0x1000, "32 bits, one segment");
	OK(svmvcpu_elf_probe(&g, 4) && !svmvcpu_elf_probe(&g, 3) && !svmvcpu_elf_probe("flat", 4),
	   "probe looks at four bytes and no more");
	free(mem.hva);
}

/* a change of a valid file */
struct bad {
	const char *what;
	void (*spoil)(struct file64 *f);
	int error;
};

#define SPOIL(name, change)						\
	static void name(struct file64 *f) { change; }

SPOIL(magic, f->h.e_ident[1] = 'e')
SPOIL(class, f->h.e_ident[EI_CLASS] = 3)
SPOIL(big_endian, f->h.e_ident[EI_DATA] = ELFDATA2MSB)
SPOIL(relocatable, f->h.e_type = ET_DYN)
SPOIL(machine, f->h.e_machine = EM_386)
SPOIL(phentsize, f->h.e_phentsize = 8)
SPOIL(no_phdrs, f->h.e_phnum = 0)
SPOIL(many_phdrs, f->h.e_phnum = 0xfffe)
SPOIL(extended_phdrs, f->h.e_phnum = PN_XNUM)
SPOIL(phoff_beyond, f->h.e_phoff = sizeof(*f) + 1)
SPOIL(phoff_wraps, f->h.e_phoff = ~0ULL - 16)
SPOIL(offset_beyond, f->p[0].p_offset = sizeof(*f) - 0x7f)
SPOIL(offset_wraps, f->p[0].p_offset = ~0ULL - 0x10)
SPOIL(filesz_huge, f->p[2].p_filesz = ~0ULL; f->p[2].p_memsz = ~0ULL)
SPOIL(filesz_more, f->p[0].p_filesz = 0x81)
SPOIL(paddr_wraps, f->p[0].p_paddr = ~0ULL - 0x7e)
SPOIL(vaddr_wraps, f->p[0].p_vaddr = ~0ULL - 0x10)
SPOIL(overlap, f->p[2].p_paddr = 0x107f)
SPOIL(inside, f->p[2].p_paddr = 0xf00)
SPOIL(entry_before, f->h.e_entry = 0xffff800000000fff)
SPOIL(entry_behind, f->h.e_entry = 0xffff800000001080)
SPOIL(physical_before, f->h.e_entry = 0xfff)
SPOIL(physical_between, f->h.e_entry = 0x1080)
SPOIL(physical_behind, f->h.e_entry = 0x2200)
SPOIL(no_load, f->p[0].p_type = PT_NOTE; f->p[2].p_type = PT_NOTE)

static const struct bad bads[] = {
	{ "wrong magic", magic, -ENOEXEC },
	{ "unknown class", class, -ENOEXEC },
	{ "big-endian", big_endian, -ENOEXEC },
	{ "position-independent", relocatable, -ENOEXEC },
	{ "machine of the other class", machine, -ENOEXEC },
	{ "odd program header size", phentsize, -ENOEXEC },
	{ "no program headers", no_phdrs, -ENOEXEC },
	{ "more program headers than file", many_phdrs, -ENOEXEC },
	{ "extended program header count", extended_phdrs, -ENOEXEC },
	{ "program headers behind the end", phoff_beyond, -ENOEXEC },
	{ "program header offset that wraps", phoff_wraps, -ENOEXEC },
	{ "segment data one byte behind the end", offset_beyond, -ENOEXEC },
	{ "segment offset that wraps", offset_wraps, -ENOEXEC },
	{ "segment of 2^64 - 1 bytes", filesz_huge, -ENOEXEC },
	{ "larger in the file than in memory", filesz_more, -ENOEXEC },
	{ "physical address that wraps", paddr_wraps, -ENOEXEC },
	{ "virtual address that wraps", vaddr_wraps, -ENOEXEC },
	{ "segments that share a byte", overlap, -ENOEXEC },
	{ "a segment inside another", inside, -ENOEXEC },
	{ "entry one byte before a segment", entry_before, -ENOEXEC },
	{ "entry one byte behind a segment", entry_behind, -ENOEXEC },
	{ "physical entry one byte before a segment", physical_before, -ENOEXEC },
	{ "physical entry one byte behind a segment", physical_between, -ENOEXEC },
	{ "physical entry one byte behind the last one", physical_behind, -ENOEXEC },
	{ "nothing to load", no_load, -ENOEXEC },
};

static void test_bad(void)
{
	struct svmvcpu_elf elf;
	struct file64 f;
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		make64(&f);
		bads[i].spoil(&f);
		ret = svmvcpu_elf_parse(&f, sizeof(f), &elf);
		OK(ret == bads[i].error, "%s: %d (%s)", bads[i].what, ret, svmvcpu_last_error());
	}
}

static void test_borders(void)
{
	struct svmvcpu_elf elf;
	struct file64 f;

	make64(&f);
	f.p[0].p_offset = sizeof(f) - 0x80;
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf), "data up to the last byte of the file");
	make64(&f);
	f.p[0].p_paddr = ~0ULL - 0x7f;
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf), "memory up to the last address");
	make64(&f);
	f.p[2].p_paddr = 0x1080;
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf), "segments that touch");
	make64(&f);
	f.p[0].p_memsz = 0;
	f.p[0].p_filesz = 0;
	f.h.e_entry = 0xffff800000002000;
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf) && elf.nr == 1, "empty segments do not count");
}

static void test_too_many(void)
{
	const unsigned int nr = SVMVCPU_ELF_SEGMENTS + 1;
	size_t bytes = sizeof(struct elf64_hdr) + nr * sizeof(struct elf64_phdr);
	struct elf64_hdr *h = calloc(1, bytes);
	struct elf64_phdr *p = (struct elf64_phdr *)(h + 1);
	struct svmvcpu_elf elf;
	struct file64 f;
	unsigned int i;

	make64(&f);
	*h = f.h;
	h->e_phnum = nr;
	h->e_entry = 0;
	for (i = 0; i < nr; i++)
		p[i] = (struct elf64_phdr){ .p_type = PT_LOAD, .p_memsz = 16,
					    .p_vaddr = i * 16, .p_paddr = i * 16 };
	OK(svmvcpu_elf_parse(h, bytes, &elf) == -E2BIG, "one segment more than the limit");
	p[3].p_type = PT_NOTE;
	OK(!svmvcpu_elf_parse(h, bytes, &elf), "as many segments as the limit");
	free(h);
}

static void test_memory(void)
{
	struct svmvcpu_memory mem = { 0x1000, 0x11ff, calloc(1, 0x11ff) };
	const struct svmvcpu_guest guest = { &mem, 1 };
	struct svmvcpu_elf elf;
	struct file64 f;

	make64(&f);
	OK(!svmvcpu_elf_parse(&f, sizeof(f), &elf), "parsed without looking at memory");
	OK(svmvcpu_elf_load(&elf, &f, &guest) == -ENOSPC, "a byte too little memory");
	free(mem.hva);
}

/* properties of all accepted files */
static bool harmless(const struct svmvcpu_elf *elf, size_t len)
{
	unsigned int i;

	if (!elf->nr || elf->nr > SVMVCPU_ELF_SEGMENTS)
		return false;
	for (i = 0; i < elf->nr; i++) {
		if (elf->segments[i].offset > len ||
		    elf->segments[i].filled > len - elf->segments[i].offset ||
		    elf->segments[i].filled > elf->segments[i].bytes ||
		    elf->segments[i].bytes - 1 > ~elf->segments[i].gpa)
			return false;
	}
	return true;
}

/* parses and loads an exact heap copy, so that the sanitizer finds reads beyond it */
static bool survives(const void *file, size_t len)
{
	struct svmvcpu_memory mem = { 0, RAM, malloc(RAM) };
	const struct svmvcpu_guest guest = { &mem, 1 };
	void *copy = malloc(len);
	struct svmvcpu_elf elf;
	bool ok = true;

	memcpy(copy, file, len);
	if (!svmvcpu_elf_parse(copy, len, &elf)) {
		ok = harmless(&elf, len);
		svmvcpu_elf_load(&elf, copy, &guest);
	}
	free(copy);
	free(mem.hva);
	return ok;
}

static void test_truncated(void)
{
	bool ok = true, refused = true;
	struct svmvcpu_elf elf;
	struct file64 f;
	size_t len;

	make64(&f);
	for (len = 0; len < 0x300; len++) {
		ok = ok && survives(&f, len);
		refused = refused && svmvcpu_elf_parse(&f, len, &elf);
	}
	OK(ok, "every truncation is harmless");
	OK(refused, "every truncation that cuts something off is refused");
}

static void test_mutated(void)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	const size_t headers = sizeof(struct elf64_hdr) + 3 * sizeof(struct elf64_phdr);
	unsigned int seed = 1, i, v, n;
	struct file64 f;
	bool ok = true;

	for (i = 0; i < headers; i++)
		for (v = 0; v < sizeof(values); v++) {
			make64(&f);
			((unsigned char *)&f)[i] = values[v];
			ok = ok && survives(&f, sizeof(f));
		}
	OK(ok, "every header byte at its extremes is harmless");
	for (n = 0; n < 20000; n++) {
		make64(&f);
		for (v = 0; v < 4; v++) {
			seed = seed * 1103515245 + 12345;
			((unsigned char *)&f)[16 + (seed >> 8) % (headers - 16)] = seed >> 24;
		}
		ok = ok && survives(&f, sizeof(f));
	}
	OK(ok, "20000 random mutations are harmless");
}

int main(void)
{
	test_good();
	test_bad();
	test_borders();
	test_too_many();
	test_memory();
	test_truncated();
	test_mutated();
	return tap_done();
}
