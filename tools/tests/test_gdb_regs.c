// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers for GDB: numbers, sizes and the target description agree, values come and go
 * unchanged, and a 32-bit layout leaves the upper halves alone.
 */
#include <string.h>

#include "gdb_regs.h"
#include "tap.h"

#define ATTRIB_CODE64	0x29b
#define ATTRIB_CODE32	0x49b
#define ATTRIB_CODE16	0x09b

static const struct gdb_layout layout64 = { GDB_X86_64, true };
static const struct gdb_layout layout32 = { GDB_I386, true };
static const struct gdb_layout basic64 = { GDB_X86_64, false };
static const struct gdb_layout basic32 = { GDB_I386, false };

static struct gdb_cpu fresh(void)
{
	struct gdb_cpu cpu;

	memset(&cpu, 0, sizeof(cpu));
	cpu.state.segments.cs.attrib = ATTRIB_CODE64;
	cpu.state.control.efer = 0x500;
	cpu.state.control.cr0 = 0x80000011;
	return cpu;
}

/* counts @what in @text */
static unsigned int count(const char *text, const char *what)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, what)); text++)
		nr++;
	return nr;
}

/* the number of a register, by its place in the description; -1 if it is not there */
static int number_of(const struct gdb_layout *l, const char *name)
{
	char xml[0x4000], what[64], *found;

	gdb_description(l, xml, sizeof(xml));
	snprintf(what, sizeof(what), "<reg name=\"%s\"", name);
	found = strstr(xml, what);
	if (!found)
		return -1;
	*found = '\0';
	return count(xml, "<reg ");
}

static void test_description(const struct gdb_layout *l, const char *arch)
{
	unsigned int nr = gdb_reg_count(l), i, bits;
	char xml[0x4000], *p;
	size_t len = gdb_description(l, xml, sizeof(xml));

	OK(len < sizeof(xml) && strlen(xml) == len, "%s: its description fits: %zu", arch, len);
	OK(strstr(xml, arch) && count(xml, "<reg ") == nr, "%s: it has all %u registers", arch, nr);
	OK(count(xml, "<feature") == count(xml, "</feature>") &&
	   count(xml, "<flags") == count(xml, "</flags>"), "%s: what begins, ends", arch);
	for (i = 0, p = xml; i < nr; i++) {
		p = strstr(p, "<reg ") + 1;
		if (sscanf(strstr(p, "bitsize"), "bitsize=\"%u\"", &bits) != 1 ||
		    bits != 8 * gdb_reg_size(l, i))
			break;
	}
	OK(i == nr, "%s: sizes", arch);
	OK(!gdb_reg_size(l, nr) && !gdb_reg_size(l, ~0U), "%s: none beyond the last", arch);
	memset(xml, 'x', sizeof(xml));
	OK(gdb_description(l, xml, 100) == len && xml[99] == '\0' && xml[100] == 'x',
	   "%s: what does not fit is counted", arch);
}

/* GDB's own numbers */
static void test_numbers(void)
{
	static const struct {
		const struct gdb_layout *l;
		const char *name;
		int nr;
	} cases[] = {
		{ &layout64, "rax", 0 }, { &layout64, "rsp", 7 }, { &layout64, "rip", 16 },
		{ &layout64, "eflags", 17 }, { &layout64, "cs", 18 }, { &layout64, "st0", 24 },
		{ &layout64, "fop", 39 }, { &layout64, "xmm0", 40 }, { &layout64, "mxcsr", 56 },
		{ &layout64, "fs_base", 57 }, { &layout64, "eax", -1 },
		{ &layout32, "eax", 0 }, { &layout32, "esp", 4 }, { &layout32, "eip", 8 },
		{ &layout32, "eflags", 9 }, { &layout32, "xmm7", 39 }, { &layout32, "mxcsr", 40 },
		{ &layout32, "xmm8", -1 },
		{ &basic64, "mxcsr", 56 }, { &basic64, "cr0", -1 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		OK(number_of(cases[i].l, cases[i].name) == cases[i].nr, "%s is number %d",
		   cases[i].name, cases[i].nr);
	OK(gdb_reg_count(&basic64) == 57 && gdb_reg_count(&basic32) == 41,
	   "those GDB knows without a description");
}

/* each register keeps what is written, and no other changes */
static void test_values(const struct gdb_layout *l, const char *name)
{
	unsigned int nr = gdb_reg_count(l), i, j, bad = 0;

	for (i = 0; i < nr; i++) {
		struct gdb_cpu cpu = fresh();
		__u8 value[GDB_REG_MAX] = { 0x55, 0x2a };
		__u8 before[128][GDB_REG_MAX], now[GDB_REG_MAX];

		gdb_xsave_complete(&cpu);
		for (j = 0; j < nr; j++)
			gdb_reg_read(l, &cpu, j, before[j]);
		if (!gdb_reg_write(l, &cpu, i, value))
			bad++;
		for (j = 0; j < nr; j++) {
			gdb_reg_read(l, &cpu, j, now);
			/* tags depend on what the registers hold, and hold no value of their own */
			if (j == (unsigned int)number_of(l, "ftag") ||
			    i == (unsigned int)number_of(l, "ftag"))
				continue;
			if (memcmp(now, i == j ? value : before[j], gdb_reg_size(l, j)))
				bad++;
		}
		if (gdb_reg_write(l, &cpu, i, value) && i != (unsigned int)number_of(l, "ftag"))
			bad++;
	}
	OK(!bad, "%s: registers keep their values, %u do not", name, bad);
}

static void write_number(const struct gdb_layout *l, struct gdb_cpu *cpu, const char *name,
			 __u64 value, __u64 component)
{
	__u8 bytes[GDB_REG_MAX] = { 0 };

	memcpy(bytes, &value, sizeof(value));
	OK(gdb_reg_write(l, cpu, number_of(l, name), bytes) == component, "%s is written", name);
}

static __u64 read_number(const struct gdb_layout *l, const struct gdb_cpu *cpu, const char *name)
{
	__u8 bytes[GDB_REG_MAX] = { 0 };
	__u64 value;

	gdb_reg_read(l, cpu, number_of(l, name), bytes);
	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void test_halves(void)
{
	struct gdb_cpu cpu = fresh();

	cpu.state.gprs.rbx = 0x1122334455667788;
	OK(read_number(&layout32, &cpu, "ebx") == 0x55667788, "the low half");
	write_number(&layout32, &cpu, "ebx", 0x99, SVMVCPU_STATE_GPRS);
	OK(cpu.state.gprs.rbx == 0x1122334400000099, "the high half stays");
	OK(!gdb_reg_write(&layout32, &cpu, 999, "x"), "no such register");
}

static void test_segments(void)
{
	struct gdb_cpu cpu = fresh();

	cpu.state.segments.cs.attrib = ATTRIB_CODE16;
	cpu.state.segments.cs.base = 0xf0000;
	cpu.state.gprs.rip = 0xfff0;
	cpu.state.control.efer = 0;
	cpu.state.control.cr0 = 0x10;
	OK(gdb_arch(&cpu.state) == GDB_I8086, "16-bit code");
	OK(read_number(&layout32, &cpu, "eip") == 0xffff0, "the PC has the base of CS in it");
	write_number(&layout32, &cpu, "eip", 0xf1234, SVMVCPU_STATE_GPRS);
	OK(cpu.state.gprs.rip == 0x1234, "also when it is written");
	write_number(&layout32, &cpu, "ds", 0x1234, SVMVCPU_STATE_SEGMENTS);
	OK(cpu.state.segments.ds.selector == 0x1234 && cpu.state.segments.ds.base == 0x12340,
	   "a selector in real mode");
	cpu.state.control.cr0 = 0x11;
	cpu.state.segments.cs.attrib = ATTRIB_CODE32;
	OK(gdb_arch(&cpu.state) == GDB_I386, "32-bit code");
	write_number(&layout32, &cpu, "ds", 0x10, SVMVCPU_STATE_SEGMENTS);
	OK(cpu.state.segments.ds.selector == 0x10 && cpu.state.segments.ds.base == 0x12340,
	   "a selector in protected mode has a base of its own");
	cpu.state.segments.cs.attrib = ATTRIB_CODE64;
	cpu.state.control.efer = 0x500;
	OK(gdb_arch(&cpu.state) == GDB_X86_64 && gdb_pc(&cpu.state) == 0x1234,
	   "64-bit code has no base");
	write_number(&layout64, &cpu, "cr3", 0x5000, SVMVCPU_STATE_CONTROL);
	write_number(&layout64, &cpu, "k_gs_base", 1, SVMVCPU_STATE_MSRS);
	OK(cpu.state.control.cr3 == 0x5000 && cpu.state.msrs.kernel_gs_base == 1,
	   "system registers");
}

static void test_xsave(void)
{
	struct gdb_cpu cpu = fresh();

	memset(cpu.xsave, 0xaa, sizeof(cpu.xsave));
	memset(cpu.xsave + 512, 0, 8);
	gdb_xsave_complete(&cpu);
	OK(read_number(&layout64, &cpu, "fctrl") == 0x37f && !read_number(&layout64, &cpu, "st7") &&
	   !read_number(&layout64, &cpu, "xmm15"), "initial values of what was left out");
	OK(read_number(&layout64, &cpu, "mxcsr") == 0xaaaaaaaa, "MXCSR is there in any case");
	OK(cpu.xsave[512] == 3, "they are loaded");
	OK(read_number(&layout64, &cpu, "ftag") == 0xffff, "empty registers");
	/* TOP 7: ST(0) is register 7 */
	cpu.xsave[3] = 0x38;
	cpu.xsave[4] = 0x80;
	OK(read_number(&layout64, &cpu, "ftag") == 0x7fff, "a zero");
	cpu.xsave[39] = 0x80;
	OK(read_number(&layout64, &cpu, "ftag") == 0xbfff, "a denormal");
	cpu.xsave[41] = 0x3f;
	OK(read_number(&layout64, &cpu, "ftag") == 0x3fff, "a number");
	write_number(&layout64, &cpu, "ftag", 0xfff0, SVMVCPU_STATE_XSTATE);
	OK(cpu.xsave[4] == 3, "tags that are written");
}

int main(void)
{
	test_description(&layout64, "i386:x86-64");
	test_description(&layout32, "i386");
	test_numbers();
	test_values(&layout64, "64 bits");
	test_values(&layout32, "32 bits");
	test_halves();
	test_segments();
	test_xsave();
	return tap_done();
}
