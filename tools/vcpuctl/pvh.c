// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpuctl: finding the PVH entry point in the notes of an ELF file, and writing
 * struct hvm_start_info.
 */
#include <errno.h>
#include <string.h>

#include <linux/elf.h>

#include "acpi.h"
#include "board.h"
#include "boot.h"
#include "multiboot_info.h"
#include "pvh.h"

#define NOTE_NAME	"Xen"
#define NOTE_ENTRY	18	/* XEN_ELFNOTE_PHYS32_ENTRY */
#define START_MAGIC	0x336ec578U
#define START_VERSION	1

struct start_info {
	__u32 magic, version, flags, nr_modules;
	__u64 modules, cmdline, rsdp, map;
	__u32 map_entries, reserved;
};

struct start_module {
	__u64 gpa, bytes, cmdline, reserved;
};

struct start_range {
	__u64 gpa, bytes;
	__u32 type, reserved;
};

/* a part of the file */
struct part {
	const char *at;
	size_t len;
};

static size_t padded(size_t len)
{
	return (len + 3) & ~3UL;
}

static bool find_entry(struct part notes, __u64 *entry)
{
	struct elf64_note n;	/* the same in both classes */
	size_t name, desc;

	while (notes.len >= sizeof(n)) {
		memcpy(&n, notes.at, sizeof(n));
		name = padded(n.n_namesz);
		desc = padded(n.n_descsz);
		notes.at += sizeof(n);
		notes.len -= sizeof(n);
		if (name > notes.len || desc > notes.len - name)
			return false;
		*entry = 0;
		if (n.n_type == NOTE_ENTRY && n.n_namesz == sizeof(NOTE_NAME) &&
		    !memcmp(notes.at, NOTE_NAME, sizeof(NOTE_NAME)) &&
		    (n.n_descsz == 4 || n.n_descsz == 8)) {
			memcpy(entry, notes.at + name, n.n_descsz);
			return true;
		}
		notes.at += name + desc;
		notes.len -= name + desc;
	}
	return false;
}

/* the notes of program header @i, if it has any that are inside the file */
static struct part notes_of(const char *file, size_t len, unsigned int i)
{
	struct part none = { NULL, 0 };
	struct elf32_hdr e32;
	struct elf64_hdr e64;
	struct elf32_phdr p32;
	struct elf64_phdr p64;
	__u64 at;

	if (file[EI_CLASS] == ELFCLASS32) {
		memcpy(&e32, file, sizeof(e32));
		at = e32.e_phoff + (__u64)i * sizeof(p32);
		if (i >= e32.e_phnum || at > len || sizeof(p32) > len - at)
			return none;
		memcpy(&p32, file + at, sizeof(p32));
		p64 = (struct elf64_phdr){ .p_type = p32.p_type, .p_offset = p32.p_offset,
				    .p_filesz = p32.p_filesz };
	} else {
		memcpy(&e64, file, sizeof(e64));
		at = e64.e_phoff;
		if (i >= e64.e_phnum || at > len || (i + 1) * sizeof(p64) > len - at)
			return none;
		memcpy(&p64, file + at + i * sizeof(p64), sizeof(p64));
	}
	if (p64.p_type != PT_NOTE || p64.p_offset > len || p64.p_filesz > len - p64.p_offset)
		return none;
	return (struct part){ file + p64.p_offset, p64.p_filesz };
}

static bool find_note(const void *file, size_t len, __u64 *entry)
{
	unsigned int i;

	if (len < sizeof(struct elf64_hdr) || !svmvcpu_elf_probe(file, len))
		return false;
	for (i = 0; i < SVMVCPU_ELF_SEGMENTS; i++)
		if (find_entry(notes_of(file, len, i), entry))
			return true;
	return false;
}

bool pvh_probe(const void *file, size_t len)
{
	__u64 entry;

	return find_note(file, len, &entry);
}

static __u64 write_modules(struct boot_info *info, const struct boot_module *modules, int nr)
{
	struct start_module list[MAX_MODULES];
	int i;

	for (i = 0; i < nr; i++)
		list[i] = (struct start_module){
			modules[i].gpa, modules[i].bytes, boot_add_text(info, modules[i].text), 0,
		};
	return boot_add(info, list, nr * sizeof(list[0]), 8);
}

static __u64 write_map(struct boot_info *info, __u64 ram)
{
	struct board_range map[BOARD_RANGES];
	struct start_range list[BOARD_RANGES];
	unsigned int i;

	board_map(ram, map);
	for (i = 0; i < BOARD_RANGES; i++)
		list[i] = (struct start_range){ map[i].gpa, map[i].bytes, map[i].type, 0 };
	return boot_add(info, list, sizeof(list), 8);
}

static int place_info(struct guest *g, const struct run_options *o)
{
	struct boot_module modules[MAX_MODULES];
	struct boot_info info = { .len = 0 };
	struct start_info s = {
		.magic = START_MAGIC, .version = START_VERSION, .rsdp = ACPI_GPA,
		.map_entries = BOARD_RANGES,
	};
	int nr = boot_modules(g, o, modules);

	if (nr < 0)
		return nr;
	g->boot_info = boot_reserve(&info, sizeof(s), 8);
	s.cmdline = boot_add_text(&info, o->append ? o->append : "");
	s.nr_modules = nr;
	if (nr)
		s.modules = write_modules(&info, modules, nr);
	s.map = write_map(&info, g->mem[0].bytes);
	memcpy(boot_at(&info, g->boot_info), &s, sizeof(s));
	return boot_place_info(g, &info);
}

int pvh_place(struct guest *g, const struct run_options *o, const struct blob *b)
{
	struct svmvcpu_elf elf;
	__u64 entry;
	int ret;

	if (!find_note(b->data, b->len, &entry))
		return svmvcpu_fail(ENOEXEC, "%s is no ELF file with a PVH entry point", o->image);
	ret = guest_place_elf(g, o, b, &elf);
	if (!ret)
		ret = board_place(g);
	if (!ret)
		ret = place_info(g, o);
	g->setup = (struct svmvcpu_setup){
		.preset = SVMVCPU_PRESET_PROT32, .entry = entry, .stack = BOOT_STACK,
	};
	return ret;
}
