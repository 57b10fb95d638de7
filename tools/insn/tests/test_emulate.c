// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: what the processor cannot be asked about in user space.
 * Modes, segmentation, paging and its faults, which accesses a device sees, and
 * what is left when something goes wrong half-way.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../tests/tap.h"
#include "../machine.h"

#define DEVICE		0xfee00000ULL
#define RAM_BYTES	0x10000
#define TABLES		0x8000		/* four of them, in RAM */
#define CODE64		0xa9b
#define CODE32		0xc9b
#define CODE16		0x09b
#define DATA32		0xc93
#define DATA_RO		0xc91
#define REAL		0x093

struct access {
	u64 gpa;
	u64 value;
	size_t len;
	bool write;
};

/* one machine for all tests; each starts by setting it up */
static alignas(4096) u8 ram[RAM_BYTES];
static struct svmvcpu_gprs gprs;
static struct svmvcpu_segments segments;
static struct svmvcpu_control control;
static struct svmvcpu_emul emul;
static struct access seen[8];
static unsigned int nr_seen, fail_at;
static u64 answer;
static alignas(64) u8 xstate[576];

static int note(u64 gpa, u64 value, size_t len, bool write)
{
	if (nr_seen < ARRAY_SIZE(seen))
		seen[nr_seen] = (struct access){ gpa, value, len, write };
	return ++nr_seen == fail_at ? -EIO : 0;
}

static int device_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	memcpy(buf, opaque, len);
	return note(gpa, 0, len, false);
}

static int port_in(void *opaque, __u16 port, unsigned int width, __u32 *value)
{
	(void)opaque;
	*value = 0x88776655;
	return note(port, 0, width, false);
}

static int port_out(void *opaque, __u16 port, unsigned int width, __u32 value)
{
	(void)opaque;
	return note(port, value, width, true);
}

static int device_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	u64 value = 0;

	(void)opaque;
	memcpy(&value, buf, len);
	return note(gpa, value, len, true);
}

static void set_segments(u16 code, u16 data, u32 limit)
{
	const struct svmvcpu_segment d = { .limit = limit, .attrib = data };

	segments = (struct svmvcpu_segments){
		.es = d, .ss = d, .ds = d, .fs = d, .gs = d,
		.cs = { .limit = limit, .attrib = code },
	};
}

/* Flat 32-bit protected mode without paging, RBX pointing at the device. */
static void set_up(void)
{
	static const struct svmvcpu_memory memory = { 0, RAM_BYTES, ram };
	static const struct svmvcpu_guest guest = { &memory, 1 };

	memset(ram, 0, sizeof(ram));
	memset(&gprs, 0, sizeof(gprs));
	gprs.rbx = DEVICE;
	gprs.rip = 0x100;
	gprs.rflags = 2;
	set_segments(CODE32, DATA32, 0xffffffff);
	control = (struct svmvcpu_control){ .cr0 = GUEST_CR0_PE };
	emul = (struct svmvcpu_emul){
		.gpa = DEVICE, .gprs = &gprs, .segments = &segments,
		.control = &control, .guest = &guest,
		.read = device_read, .write = device_write, .opaque = &answer,
		.in = port_in, .out = port_out, .xstate = xstate,
	};
	memset(xstate, 0, sizeof(xstate));
	nr_seen = 0;
	fail_at = 0;
	answer = 0;
}

static u64 *pte(unsigned int page)
{
	return (u64 *)(ram + TABLES + 0x3000) + page;
}

/*
 * 64-bit mode. Linear pages: 1 RAM, 2 the device, 3 RAM read-only, 4 RAM for the
 * supervisor, 5 not there.
 */
static void set_up_long(void)
{
	unsigned int level;

	set_up();
	set_segments(CODE64, DATA32, 0xffffffff);
	control.cr0 |= GUEST_CR0_PG | GUEST_CR0_WP;
	control.cr4 = 0x20;
	control.efer = GUEST_EFER_LMA | 0x100;
	control.cr3 = TABLES;
	for (level = 0; level < 3; level++)
		*(u64 *)(ram + TABLES + 0x1000 * level) = (TABLES + 0x1000 * (level + 1)) | 7;
	*pte(1) = 0x1007;
	*pte(2) = DEVICE | 7;
	*pte(3) = 0x3005;
	*pte(4) = 0x4003;
	gprs.rbx = 0x2000;
}

static int run(const char *bytes, unsigned int len)
{
	emul.insn = (const u8 *)bytes;
	emul.insn_len = len;
	return svmvcpu_emulate(&emul);
}

#define RUN(literal)	run(literal, sizeof(literal) - 1)

static bool saw(unsigned int i, u64 gpa, size_t len, bool write, u64 value)
{
	return i < nr_seen && seen[i].gpa == gpa && seen[i].len == len &&
	       seen[i].write == write && seen[i].value == value;
}

static bool faulted(int ret, unsigned int vector, u32 error_code, u64 address)
{
	return ret == SVMVCPU_EMUL_FAULT && emul.fault.vector == vector &&
	       emul.fault.error_code == error_code && emul.fault.address == address &&
	       gprs.rip == 0x100;
}

static void test_accesses(void)
{
	set_up();
	answer = 0x11223344;
	OK(!RUN("\xf0\x83\x0b\x80"), "lock or dword [ebx], -128");
	OK(nr_seen == 2 && saw(0, DEVICE, 4, false, 0) &&
	   saw(1, DEVICE, 4, true, 0xffffffc4), "is one read and one write");
	OK(gprs.rip == 0x104, "and moves rip");

	set_up();
	gprs.rax = 0x8877;
	answer = 0x55;
	OK(!RUN("\x86\x63\x01") && saw(1, DEVICE + 1, 1, true, 0x88) &&
	   gprs.rax == 0x5577, "xchg [ebx+1], ah");

	set_up();
	answer = 0x80;
	OK(!RUN("\xf6\x03\x80") && nr_seen == 1 && (gprs.rflags & FLAG_SF),
	   "test byte [ebx], imm only reads");

	set_up();
	OK(!RUN("\xc7\x03\x78\x56\x34\x12") && nr_seen == 1 &&
	   saw(0, DEVICE, 4, true, 0x12345678), "mov [ebx], imm only writes");

	set_up();
	gprs.rax = 5;
	answer = 6;
	OK(!RUN("\x0f\xb1\x0b") && saw(1, DEVICE, 4, true, 6) && gprs.rax == 6,
	   "a cmpxchg that fails writes back what it read");

	set_up();
	gprs.rcx = 0xffffffff;
	emul.gpa = DEVICE - 4;
	OK(!RUN("\x0f\xab\x0b") && saw(0, DEVICE - 4, 4, false, 0) &&
	   saw(1, DEVICE - 4, 4, true, 0x80000000), "bts [ebx], -1 is at the dword before");
}

static void test_modes(void)
{
	set_up();
	control.cr0 = 0;
	set_segments(CODE16, REAL, 0xffff);
	segments.ds.base = 0xffff0;
	emul.gpa = 0x108010;
	gprs.rbx = 0xffff8000;
	gprs.rsi = 0x10;
	gprs.rax = 0xaabb;
	OK(!RUN("\x89\x40\x10") && saw(0, 0x108010, 2, true, 0xaabb) && gprs.rip == 0x103,
	   "real mode: mov [bx+si+16], ax");

	set_up();
	control.cr0 = 0;
	set_segments(CODE16, REAL, 0xffff);
	segments.ss.base = DEVICE - 0x100;
	gprs.rbp = 0x100;
	answer = 0x12345678;
	OK(!RUN("\x66\x03\x46\x00") && gprs.rax == 0x12345678,
	   "real mode: add eax, [bp] goes to SS");

	set_up();
	set_segments(CODE16, DATA32, 0xffffffff);
	segments.es.base = DEVICE;
	gprs.rdi = 0x5555ffff;
	gprs.rcx = 0x44440001;
	emul.gpa = DEVICE + 0xffff;
	OK(!RUN("\xf3\xaa") && saw(0, DEVICE + 0xffff, 1, true, 0) &&
	   gprs.rdi == 0x55550000 && gprs.rcx == 0x44440000 && gprs.rip == 0x102,
	   "16-bit code: rep stosb wraps DI and keeps the rest");

	set_up();
	gprs.rip = 0xfffffffe;
	OK(!RUN("\x8b\x03") && gprs.rip == 0, "32-bit code: eip wraps");

	set_up();
	gprs.rflags |= FLAG_RF;
	OK(!RUN("\x8b\x03") && !(gprs.rflags & FLAG_RF) && !emul.trap, "RF is cleared");

	set_up();
	segments.gs.base = DEVICE - 0x1000;
	OK(!RUN("\x65\xa1\x00\x10\x00\x00") && saw(0, DEVICE, 4, false, 0),
	   "mov eax, gs:[moffs]");
}

static void test_segments(void)
{
	set_up();
	segments.ds.limit = 0xfff;
	gprs.rbx = 0xffd;
	OK(faulted(RUN("\x01\x03"), 13, 0, 0), "beyond the limit: #GP");
	gprs.rbp = 0xffd;
	segments.ss.limit = 0xfff;
	OK(faulted(RUN("\x01\x45\x00"), 12, 0, 0), "beyond the limit of SS: #SS");

	set_up();
	segments.ds.attrib = DATA_RO;
	OK(faulted(RUN("\x01\x03"), 13, 0, 0), "writing a read-only segment: #GP");
	OK(!RUN("\x39\x03") && nr_seen == 1, "cmp reads it");

	set_up_long();
	gprs.rbx = 0x800000000000ULL;
	OK(faulted(RUN("\x01\x03"), 13, 0, 0), "not canonical: #GP");
	OK(!nr_seen, "no access was made");
}

static void test_paging(void)
{
	set_up_long();
	gprs.rax = 0x99;
	OK(!RUN("\x01\x03") && saw(0, DEVICE, 4, false, 0), "a mapped device");
	OK((*pte(2) & 0x60) == 0x60, "its entry is accessed and dirty");

	set_up_long();
	OK(!RUN("\x3b\x03") && (*pte(2) & 0x60) == 0x20, "reading does not make it dirty");

	set_up_long();
	gprs.rsi = 0x2000;
	gprs.rdi = 0x5ffc;
	OK(faulted(RUN("\xa5"), 14, 2, 0x5ffc) && !nr_seen,
	   "movs to a page that is not there: #PF before the device is read");
	gprs.rdi = 0x3000;
	OK(faulted(RUN("\xa5"), 14, 3, 0x3000), "movs to a read-only page: #PF");
	control.cr0 &= ~GUEST_CR0_WP;
	OK(!RUN("\xa5") && gprs.rdi == 0x3004, "which the supervisor may without WP");

	set_up_long();
	gprs.rsi = 0x5000;
	gprs.rdi = 0x6000;
	OK(faulted(RUN("\xa5"), 14, 0, 0x5000), "movs faults at its source first");
	OK(faulted(RUN("\xa7"), 14, 0, 0x5000), "and so does cmps");

	set_up_long();
	segments.ss.attrib |= 3 << 5;
	gprs.rsi = 0x2000;
	gprs.rdi = 0x4000;
	OK(faulted(RUN("\xa5"), 14, 7, 0x4000), "the user may not write supervisor memory");

	set_up_long();
	*(u64 *)(ram + TABLES + 0x1000) = 0x123456789007ULL;
	OK(RUN("\x01\x03") == -EFAULT && gprs.rip == 0x100, "page tables outside RAM");

	set_up();
	control.cr0 |= GUEST_CR0_PG;
	control.cr3 = TABLES;
	gprs.rflags |= GUEST_RFLAGS_VM;
	set_segments(CODE16, REAL, 0xffff);
	*(u32 *)(ram + TABLES) = (TABLES + 0x1000) | 7;
	*(u32 *)(ram + TABLES + 0x1000) = DEVICE | 3;
	gprs.rbx = 0x10;
	OK(faulted(RUN("\x89\x07"), 14, 7, 0x10), "virtual-8086 mode is user mode");
	*(u32 *)(ram + TABLES + 0x1000) = DEVICE | 7;
	OK(!RUN("\x89\x07") && saw(0, DEVICE + 0x10, 2, true, 0), "and reaches its own");
}

/* PAE: TCG sets bit 5 of directory pointers, which hardware has reserved */
static void test_pdpte(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		set_up();
		control.cr0 |= GUEST_CR0_PG;
		control.cr4 = 0x20;
		control.cr3 = TABLES;
		*(u64 *)(ram + TABLES) = (TABLES + 0x1000) | 0x21;
		*(u64 *)(ram + TABLES + 0x1000) = (TABLES + 0x3000) | 7;
		*pte(2) = DEVICE | 7;
		gprs.rbx = 0x2000;
		emul.features = i ? SVMVCPU_FEAT_UNDER_HYPERVISOR : 0;
		if (i)
			OK(!RUN("\x8b\x03") && nr_seen == 1, "but not on a virtual host");
		else
			OK(faulted(RUN("\x8b\x03"), 14, 9, 0x2000),
			   "PAE: the accessed bit of a directory pointer is reserved");
	}
}

static void test_crossing(void)
{
	set_up_long();
	ram[0x1ffe] = 0x11;
	ram[0x1fff] = 0x22;
	answer = 0x4433;
	gprs.rbx = 0x1ffe;
	OK(!RUN("\x8b\x03") && gprs.rax == 0x44332211 && nr_seen == 1 &&
	   saw(0, DEVICE, 2, false, 0), "half RAM, half device");
	OK(!RUN("\xc7\x03\x78\x56\x34\x12") && ram[0x1ffe] == 0x78 && ram[0x1fff] == 0x56 &&
	   saw(1, DEVICE, 2, true, 0x1234), "and written");

	set_up_long();
	gprs.rbx = 0x4ffe;
	gprs.rax = -1;
	OK(faulted(RUN("\x01\x03"), 14, 2, 0x5000), "the fault is at the second page");
	OK(!ram[0x4ffe], "and the first is as before");

	/* ROM: memory the guest sees, whose page faulted */
	set_up();
	emul.gpa = 0x3456;
	ram[0x3000] = 0x5a;
	gprs.rbx = 0x3000;
	answer = 0x10;
	OK(!RUN("\x08\x1b") && nr_seen == 2 && ram[0x3000] == 0x5a,
	   "the page that faulted is a device even where RAM is");
}

static void test_repeat(void)
{
	set_up();
	emul.max_elements = 3;
	gprs.rdi = DEVICE;
	gprs.rcx = 5;
	OK(!RUN("\xf3\xab") && nr_seen == 3 && gprs.rcx == 2 && gprs.rip == 0x100,
	   "rep stosd stops at the bound");
	OK(!RUN("\xf3\xab") && gprs.rcx == 0 && gprs.rip == 0x102 &&
	   gprs.rdi == DEVICE + 20, "and goes on from there");

	set_up();
	gprs.rdi = DEVICE;
	gprs.rcx = 5000;
	OK(!RUN("\xf3\xaa") && gprs.rcx == 5000 - SVMVCPU_EMUL_ELEMENTS && gprs.rip == 0x100,
	   "there is a bound by default");

	set_up();
	gprs.rflags |= FLAG_TF;
	gprs.rdi = DEVICE;
	gprs.rcx = 5;
	OK(!RUN("\xf3\xab") && gprs.rcx == 4 && emul.trap, "TF: one element, and a trap");

	set_up();
	fail_at = 3;
	gprs.rdi = DEVICE;
	gprs.rcx = 5;
	OK(RUN("\xf3\xab") == -EIO && gprs.rcx == 3 && gprs.rdi == DEVICE + 8 &&
	   gprs.rip == 0x100, "an error leaves the elements before it done");

	set_up();
	gprs.rsi = DEVICE;
	gprs.rdi = 0x2000;
	gprs.rcx = 4;
	answer = 7;
	OK(!RUN("\xf3\xa7") && gprs.rcx == 3 && !(gprs.rflags & FLAG_ZF) &&
	   (gprs.rflags & FLAG_CF) == 0 && gprs.rip == 0x102, "repe cmpsd stops at a difference");
}

/* 64-bit code whose stack ends in the page of RAM, or in the device at 0x2000 */
static void set_up_stack(u64 rsp)
{
	set_up_long();
	gprs.rsp = rsp;
	gprs.rdx = 0x1122334455667788;
}

static void test_stack(void)
{
	set_up_stack(0x2010);
	OK(!RUN("\x52") && nr_seen == 1 && saw(0, DEVICE + 8, 8, true, gprs.rdx) &&
	   gprs.rsp == 0x2008, "push rdx on a device");
	OK(!RUN("\x66\x52") && saw(1, DEVICE + 6, 2, true, 0x7788) && gprs.rsp == 0x2006,
	   "push dx");

	set_up_stack(0x1800);
	answer = 0xabcd;
	OK(!RUN("\xff\x33") && nr_seen == 1 && gprs.rsp == 0x17f8 &&
	   *(u64 *)(ram + 0x17f8) == 0xabcd, "push [rbx] from a device");

	set_up_stack(0x1800);
	*(u64 *)(ram + 0x1800) = 0x5566;
	OK(!RUN("\x8f\x03") && nr_seen == 1 && saw(0, DEVICE, 8, true, 0x5566) &&
	   gprs.rsp == 0x1808, "pop [rbx] to a device");
	gprs.rsp = 0x1ff8;
	*(u64 *)(ram + 0x1ff8) = 0x77;
	OK(!RUN("\x8f\x04\x24") && saw(1, DEVICE, 8, true, 0x77) && gprs.rsp == 0x2000,
	   "pop [rsp]: the address is that behind the value");

	set_up_stack(0x2008);
	answer = 0x1234;
	OK(!RUN("\x5c") && gprs.rsp == 0x1234, "pop rsp does not add");
	set_up_stack(0x1800);
	gprs.rbp = 0x2010;
	answer = 0x9876;
	OK(!RUN("\xc9") && saw(0, DEVICE + 0x10, 8, false, 0) && gprs.rsp == 0x2018 &&
	   gprs.rbp == 0x9876, "leave");
	set_up_stack(0x2010);
	gprs.rflags = 0x10ed7;
	OK(!RUN("\x9c") && saw(0, DEVICE + 8, 8, true, 0xed7), "pushf hides RF");

	set_up();
	control.cr0 = 0;
	set_segments(CODE16, REAL, 0xffff);
	segments.ss.base = DEVICE;
	gprs.rsp = 0xaaaa0000;
	emul.gpa = DEVICE + 0xfffe;
	gprs.rax = 0x1234;
	OK(!RUN("\x50") && saw(0, DEVICE + 0xfffe, 2, true, 0x1234) && gprs.rsp == 0xaaaafffe,
	   "a 16-bit stack wraps and keeps the rest of rsp");
	set_up();
	segments.ss.attrib = 0x093;
	segments.ss.base = DEVICE;
	gprs.rsp = 0x50010;
	OK(!RUN("\x68\x78\x56\x34\x12") && saw(0, DEVICE + 0xc, 4, true, 0x12345678) &&
	   gprs.rsp == 0x5000c, "32-bit code on a 16-bit stack");
}

static void test_stack_faults(void)
{
	set_up_stack(0x5008);
	OK(faulted(RUN("\xff\x33"), 14, 2, 0x5000) && !nr_seen && gprs.rsp == 0x5008,
	   "push from a device to a page that is not there: #PF before the device is read");
	set_up_stack(0x3008);
	OK(faulted(RUN("\xff\x33"), 14, 3, 0x3000) && !nr_seen, "or is read-only");
	set_up_stack(0x2008);
	gprs.rbx = 0x5000;
	OK(faulted(RUN("\xff\x33"), 14, 0, 0x5000) && !nr_seen, "the operand faults first");
	OK(faulted(RUN("\x8f\x03"), 14, 2, 0x5000) && !nr_seen && gprs.rsp == 0x2008,
	   "pop from a device to no page: rsp stays, nothing is read");
	set_up_stack(0x5000);
	OK(faulted(RUN("\x8f\x03"), 14, 0, 0x5000) && !nr_seen, "pop faults at the stack first");
	set_up_stack(0x800000000004ULL);
	OK(faulted(RUN("\x52"), 12, 0, 0), "a stack that is not canonical: #SS");
	set_up_stack(0x2010);
	fail_at = 1;
	OK(RUN("\x8f\x04\x24") == -EIO && gprs.rsp == 0x2010 && gprs.rip == 0x100,
	   "pop whose read fails leaves rsp");
}

static void test_branches(void)
{
	set_up_stack(0x2010);
	OK(!RUN("\xe8\x10\x20\x00\x00") && saw(0, DEVICE + 8, 8, true, 0x105) &&
	   gprs.rip == 0x2115 && gprs.rsp == 0x2008, "call on a device");
	set_up_stack(0x2010);
	answer = 0x4321;
	OK(!RUN("\xc3") && gprs.rip == 0x4321 && gprs.rsp == 0x2018, "ret from a device");
	gprs.rsp = 0x2010;
	gprs.rip = 0x100;
	OK(!RUN("\xc2\x10\x00") && gprs.rip == 0x4321 && gprs.rsp == 0x2028, "ret 16");
	set_up_stack(0x1800);
	answer = 0x4321;
	OK(!RUN("\xff\x13") && gprs.rip == 0x4321 && *(u64 *)(ram + 0x17f8) == 0x102 &&
	   gprs.rsp == 0x17f8, "call [rbx] through a device");
	gprs.rip = 0x100;
	OK(!RUN("\xff\x23") && gprs.rip == 0x4321 && gprs.rsp == 0x17f8, "jmp [rbx]");

	set_up_stack(0x1800);
	answer = 0x800000000000ULL;
	OK(faulted(RUN("\xff\x13"), 13, 0, 0) && gprs.rsp == 0x1800 &&
	   !*(u64 *)(ram + 0x17f8), "call to an address that is not canonical: #GP, no push");
	OK(faulted(RUN("\xff\x23"), 13, 0, 0), "jmp, too");
	set_up_stack(0x2010);
	answer = 0x800000000000ULL;
	OK(faulted(RUN("\xc3"), 13, 0, 0) && gprs.rsp == 0x2010, "and ret");

	set_up();
	gprs.rsp = DEVICE + 0x10;
	segments.cs.limit = 0xfff;
	answer = 0x1000;
	OK(faulted(RUN("\xc3"), 13, 0, 0), "ret beyond the limit of CS");
	answer = 0x10fff;
	OK(!RUN("\x66\xc3") && gprs.rip == 0xfff && gprs.rsp == DEVICE + 0x12,
	   "a 16-bit ret cuts IP");
	segments.cs.limit = 0xffff;
	gprs.rip = 0x100;
	OK(!RUN("\x66\xe8\x00\x80") && gprs.rip == 0x8104 && saw(2, DEVICE + 0x10, 2, true, 0x104),
	   "a 16-bit call does, too");
}

/* REP OUTS, three elements either way: what moves is the element's width */
static void test_outs(const char *code, unsigned int len, unsigned int width)
{
	u64 step, dir;

	for (dir = 0; dir < 2; dir++) {
		set_up_long();
		gprs.rdx = 0x321;
		gprs.rsi = 0x2100;
		gprs.rcx = 3;
		gprs.rflags |= dir ? FLAG_DF : 0;
		step = dir ? -(u64)width : width;
		OK(!run(code, len) && nr_seen == 6 && saw(0, DEVICE + 0x100, width, false, 0) &&
		   saw(2, DEVICE + 0x100 + step, width, false, 0) &&
		   saw(4, DEVICE + 0x100 + 2 * step, width, false, 0) &&
		   saw(5, 0x321, width, true, 0) && gprs.rsi == 0x2100 + 3 * step && !gprs.rcx,
		   "rep outs of %u bytes, %s", width, dir ? "down" : "up");
	}
}

static void test_ports(void)
{
	set_up_long();
	gprs.rdx = 0x70123;
	gprs.rdi = 0x2004;
	gprs.rcx = 2;
	OK(!RUN("\xf3\x6d") && nr_seen == 4 && saw(0, 0x123, 4, false, 0) &&
	   saw(1, DEVICE + 4, 4, true, 0x88776655) && saw(3, DEVICE + 8, 4, true, 0x88776655) &&
	   gprs.rdi == 0x200c && !gprs.rcx && gprs.rip == 0x102, "rep insd to a device");
	set_up_long();
	gprs.rdx = 0x321;
	gprs.rsi = 0x2004;
	answer = 0x1234;
	OK(!RUN("\x66\x6f") && nr_seen == 2 && saw(0, DEVICE + 4, 2, false, 0) &&
	   saw(1, 0x321, 2, true, 0x1234) && gprs.rsi == 0x2006, "outsw from a device");
	test_outs("\xf3\x6e", 2, 1);
	test_outs("\xf3\x66\x6f", 3, 2);
	test_outs("\xf3\x6f", 2, 4);
	set_up_long();
	gprs.rdi = 0x5000;
	OK(faulted(RUN("\x6c"), 14, 2, 0x5000) && !nr_seen,
	   "insb to a page that is not there does not read the port");
	set_up_long();
	emul.in = NULL;
	emul.out = NULL;
	gprs.rdi = 0x2000;
	gprs.rsi = 0x2000;
	OK(RUN("\x6c") == -ENOTSUP && !nr_seen, "ins without ports");
	OK(RUN("\x6e") == -ENOTSUP && gprs.rip == 0x100, "outs without ports");
}

static void test_vectors(void)
{
	u8 *xmm9 = xstate + 160 + 9 * 16;

	set_up_long();
	answer = 0x1122334455667788;
	memset(xmm9, 0xff, 16);
	OK(!RUN("\xf3\x44\x0f\x6f\x0b") && nr_seen == 2 && saw(0, DEVICE, 8, false, 0) &&
	   saw(1, DEVICE + 8, 8, false, 0) && !memcmp(xmm9, &answer, 8) &&
	   !memcmp(xmm9 + 8, &answer, 8) && xstate[512] == 2,
	   "movdqu xmm9, [rbx] is two reads of eight bytes");
	gprs.rbx = 0x1ffc;
	OK(!RUN("\x44\x0f\x11\x0b") && nr_seen == 4 && !memcmp(ram + 0x1ffc, xmm9, 4) &&
	   saw(2, DEVICE, 8, true, 0x5566778811223344) && saw(3, DEVICE + 8, 4, true, 0x11223344),
	   "movups [rbx], xmm9 across the page's start");
	gprs.rip = 0x100;
	OK(faulted(RUN("\x44\x0f\x28\x0b"), 13, 0, 0), "movaps that is not aligned: #GP");

	set_up_long();
	answer = 0x99aabbcc;
	memset(xmm9, 0xff, 16);
	OK(!RUN("\x66\x44\x0f\x6e\x0b") && saw(0, DEVICE, 4, false, 0) &&
	   !memcmp(xmm9, (u64 [2]) { answer }, 16), "movd xmm9, [rbx] clears the rest");
	OK(!RUN("\x66\x44\x0f\xd6\x0b") && saw(1, DEVICE, 8, true, answer),
	   "movq [rbx], xmm9");
	OK(!RUN("\xf2\x44\x0f\x10\x0b") && saw(2, DEVICE, 8, false, 0), "movsd xmm9, [rbx]");
	fail_at = 4;
	memset(xmm9, 0x77, 16);
	OK(RUN("\x44\x0f\x28\x0b") == -EIO && xmm9[0] == 0x77, "a failed load changes nothing");
	emul.xstate = NULL;
	OK(RUN("\x44\x0f\x28\x0b") == -ENOTSUP && nr_seen == 4, "SSE registers unknown");
}

static void test_pairs(void)
{
	set_up_long();
	gprs.rbx = 0x2008;
	OK(faulted(RUN("\x48\x0f\xc7\x0b"), 13, 0, 0), "cmpxchg16b that is not aligned: #GP");
	answer = 0x11;
	gprs.rax = 0x5500000011;
	gprs.rdx = 0;
	gprs.rcx = 0x99;
	OK(!RUN("\x0f\xc7\x0b") && nr_seen == 2 && saw(0, DEVICE + 8, 8, false, 0) &&
	   saw(1, DEVICE + 8, 8, true, 0x9900002008) && (gprs.rflags & FLAG_ZF) &&
	   gprs.rax == 0x5500000011, "cmpxchg8b that succeeds");
	answer = 0x2200000012;
	OK(!RUN("\x0f\xc7\x0b") && saw(3, DEVICE + 8, 8, true, answer) &&
	   !(gprs.rflags & FLAG_ZF) && gprs.rax == 0x12 && gprs.rdx == 0x22, "and fails");
}

static void test_system(void)
{
	set_up_long();
	control.cr0 = 0x8005003b;
	segments.ldtr.selector = 0x28;
	segments.tr.selector = 0x40;
	segments.fs.selector = 0x53;
	OK(!RUN("\x0f\x01\x23") && saw(0, DEVICE, 2, true, 0x003b), "smsw [rbx]");
	OK(!RUN("\x0f\x00\x03") && saw(1, DEVICE, 2, true, 0x28), "sldt [rbx]");
	OK(!RUN("\x48\x0f\x00\x0b") && saw(2, DEVICE, 2, true, 0x40), "str [rbx]");
	gprs.rsp = 0x2010;
	OK(!RUN("\x0f\xa0") && saw(3, DEVICE + 8, 8, true, 0x53), "push fs");
	OK(!RUN("\x8c\x23") && saw(4, DEVICE, 2, true, 0x53), "mov [rbx], fs");
	answer = 0;
	gprs.rdx = 0x1122334455667788;
	OK(!RUN("\x0f\xbc\x13") && gprs.rdx == 0x1122334455667788 && (gprs.rflags & FLAG_ZF),
	   "bsf of 0 leaves all of rdx");
	OK(!RUN("\x0f\x44\x13") && !gprs.rdx, "cmovz edx, [rbx]");
	gprs.rdx = -1;
	OK(!RUN("\x0f\x45\x13") && gprs.rdx == 0xffffffff,
	   "a cmov that does not move reads, and clears the upper half");
}

#define GDT	0x1800
#define LLDT	"\x0f\x00\x13"
#define LTR	"\x0f\x00\x1b"

/* The selector @answer selects this descriptor of the GDT. */
static u64 *set_descriptor(bool long64, u64 low, u64 high)
{
	if (long64)
		set_up_long();
	else
		set_up();
	segments.gdtr.base = GDT;
	segments.gdtr.limit = 0x3f;
	answer = 0x2b;
	memcpy(ram + GDT + 0x28, &low, 8);
	memcpy(ram + GDT + 0x30, &high, 8);
	return (u64 *)(ram + GDT + 0x28);
}

static bool is_segment(const struct svmvcpu_segment *s, u64 base, u32 limit, u16 attrib)
{
	return s->base == base && s->limit == limit && s->attrib == attrib &&
	       s->selector == 0x2b;
}

static void test_descriptors(void)
{
	u64 *d = set_descriptor(false, 0x12c0827856341234, 0);

	OK(!RUN(LLDT) && is_segment(&segments.ldtr, 0x12785634, 0x1234fff, 0xc82) && nr_seen == 1,
	   "lldt [ebx]");
	d = set_descriptor(false, 0x12408978563400ff, 0);
	OK(!RUN(LTR) && is_segment(&segments.tr, 0x12785634, 0xff, 0x48b) &&
	   *d == 0x12408b78563400ff, "ltr [ebx] makes the descriptor busy");
	gprs.rip = 0x100;
	OK(faulted(RUN(LTR), 13, 0x28, 0), "which it can be once: #GP");
	d = set_descriptor(true, 0x12008978563400ff, 0xffff8123);
	OK(!RUN(LTR) && is_segment(&segments.tr, 0xffff812312785634, 0xff, 0x08b) &&
	   *d == 0x12008b78563400ff && (*pte(1) & 0x60) == 0x60, "ltr [rbx] in long mode");
	set_descriptor(true, 0x12008978563400ff, 0x00800000);
	OK(faulted(RUN(LTR), 13, 0x28, 0), "a base that is not canonical: #GP");
	set_descriptor(true, 0x12008978563400ff, 0x0000010000000000);
	OK(faulted(RUN(LTR), 13, 0x28, 0), "a type in the upper half: #GP");
	set_descriptor(true, 0x12008178563400ff, 0);
	OK(faulted(RUN(LTR), 13, 0x28, 0), "a 16-bit TSS in long mode: #GP");
	set_descriptor(false, 0x12008178563400ff, 0);
	OK(!RUN(LTR) && segments.tr.attrib == 0x083, "and outside it");
	set_descriptor(false, 0x12000978563400ff, 0);
	OK(faulted(RUN(LTR), 11, 0x28, 0) && !segments.tr.selector, "not present: #NP");
	set_descriptor(false, 0x12009378563400ff, 0);
	OK(faulted(RUN(LLDT), 13, 0x28, 0), "a data segment: #GP");
	set_descriptor(false, 0x12008278563400ff, 0);
	segments.gdtr.limit = 0x2e;
	OK(faulted(RUN(LLDT), 13, 0x28, 0), "beyond the GDT: #GP");
	segments.gdtr.limit = 0x2f;
	OK(!RUN(LLDT), "the last of it");
	set_descriptor(true, 0x12008278563400ff, 0);
	segments.gdtr.limit = 0x36;
	OK(faulted(RUN(LLDT), 13, 0x28, 0), "half beyond the GDT: #GP");
	set_descriptor(false, 0, 0);
	answer = 0x2c;
	OK(faulted(RUN(LLDT), 13, 0x2c, 0), "in the LDT: #GP");
	answer = 3;
	OK(faulted(RUN(LTR), 13, 0, 0), "ltr of nothing: #GP(0)");
	segments.ldtr.attrib = 0x82;
	OK(!RUN(LLDT) && !segments.ldtr.attrib && segments.ldtr.selector == 3, "lldt of nothing");
	set_descriptor(true, 0x12008978563400ff, 0);
	*pte(1) = 0x1001;
	control.cr0 |= GUEST_CR0_WP;
	OK(faulted(RUN(LTR), 14, 3, GDT + 0x2d), "a GDT that is read-only: #PF");
	set_descriptor(true, 0, 0);
	segments.gdtr.base = 0x7ffffffffff0 - 0x28;
	OK(faulted(RUN(LTR), 14, 0, 0x7ffffffffff0), "a GDT that ends at the hole");
	segments.gdtr.base += 8;
	OK(faulted(RUN(LTR), 13, 0, 0), "a descriptor that reaches into it: #GP(0)");
	segments.gdtr.base += 8;
	OK(faulted(RUN(LLDT), 13, 0, 0), "or that is in it");
	set_descriptor(true, 0x12008278563400ff, 0);
	segments.gdtr.base = 0x5000;
	OK(faulted(RUN(LLDT), 14, 0, 0x5028), "a GDT that is not there: #PF");
}

/* Above 4 GiB in compatibility mode, and across a page's end */
static void test_compat_gdt(void)
{
	set_descriptor(true, 0, 0);
	/* two pages at 4 GiB, with tables of their own */
	*(u64 *)(ram + TABLES + 0x1000 + 4 * 8) = (TABLES + 0x4000) | 7;
	*(u64 *)(ram + TABLES + 0x4000) = (TABLES + 0x5000) | 7;
	*(u64 *)(ram + TABLES + 0x5000) = 0x4007;
	*(u64 *)(ram + TABLES + 0x5008) = 0x6007;
	*(u64 *)(ram + 0x4ff8) = 0x12008278563400ff;
	*(u64 *)(ram + 0x6000) = 0xffff8123;
	segments.cs.attrib = CODE32;
	segments.gdtr.base = 0x100000ff8 - 0x28;
	gprs.rbx = 0x2000;
	answer = 0x2b;
	OK(!RUN(LLDT) && segments.ldtr.base == 0xffff812312785634,
	   "lldt from a GDT above 4 GiB in compatibility mode");
}

/* Another vCPU takes the TSS between the check and the busy bit. */
static int taking_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	/* the byte alone is read for the busy bit, after the descriptor */
	if (gpa == DEVICE + 0x2d && len == 1)
		*(u8 *)buf = 0x8b;
	else
		memcpy(buf, (u8 *)opaque + (gpa & 7), len);
	return note(gpa, 0, len, false);
}

static void test_busy_race(void)
{
	set_up();
	segments.gdtr = (struct svmvcpu_segment){ .base = DEVICE, .limit = 0x3f };
	*(u16 *)(ram + 0x1000) = 0x2b;
	gprs.rbx = 0x1000;
	emul.read = taking_read;
	answer = 0x00008900000000ff;
	OK(faulted(RUN(LTR), 13, 0x28, 0) && !segments.tr.selector,
	   "ltr of a TSS that another vCPU makes busy meanwhile: #GP");
	set_descriptor(false, 0x12408978563400ff, 0);
	OK(!RUN(LTR) && ram[GDT + 0x2d] == 0x8b, "and the bit is set where it was clear");
}

/* The segment registers of a privilege level */
static void set_cpl(unsigned int cpl)
{
	segments.ss.attrib |= cpl << 5;
	segments.cs.attrib |= cpl << 5;
}

static void set_vm86(void)
{
	set_up();
	set_segments(CODE16, REAL, 0xffff);
	segments.ds.base = DEVICE;
	segments.es.base = DEVICE;
	segments.ss.base = DEVICE;
	gprs.rbx = 0x10;
	gprs.rsp = 0x100;
	gprs.rflags |= GUEST_RFLAGS_VM | FLAG_IOPL;
}

static void set_real(void)
{
	set_vm86();
	control.cr0 = 0;
	gprs.rflags = 2;
}

static void test_privileged(void)
{
	static const char * const loads[] = { LLDT, LTR };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		set_descriptor(true, 0x12008278563400ff | (u64)(i ? 0x0b : 0) << 40, 0);
		set_cpl(3);
		OK(faulted(run(loads[i], 3), 13, 0, 0) && !nr_seen,
		   "%s at CPL 3: #GP before the selector is read", i ? "ltr" : "lldt");
		set_vm86();
		OK(run(loads[i], 3) == -ENOTSUP && !nr_seen, "in virtual-8086 mode: refused");
		set_real();
		OK(run(loads[i], 3) == -ENOTSUP && !nr_seen, "in real mode: refused");
	}
	set_vm86();
	OK(RUN("\x9c") == -ENOTSUP && !nr_seen && gprs.rsp == 0x100,
	   "pushf in virtual-8086 mode: refused");
	set_real();
	OK(!RUN("\x9c") && saw(0, DEVICE + 0xfe, 2, true, 2), "in real mode it executes");
}

/* SMSW, SLDT and STR. CR4.UMIP makes them privileged. */
static void test_umip(void)
{
	static const char * const stores[] = { "\x0f\x01\x23", "\x0f\x00\x03", "\x0f\x00\x0b" };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		set_up_long();
		set_cpl(3);
		OK(!run(stores[i], 3) && nr_seen == 1, "store %u at CPL 3", i);
		gprs.rip = 0x100;
		control.cr4 |= 0x800;
		OK(faulted(run(stores[i], 3), 13, 0, 0) && nr_seen == 1, "with UMIP: #GP");
		set_up_long();
		control.cr4 |= 0x800;
		OK(!run(stores[i], 3) && nr_seen == 1, "but not at CPL 0");
		set_vm86();
		control.cr4 |= 0x800;
		OK(i ? run(stores[i], 3) == -ENOTSUP : faulted(run(stores[i], 3), 13, 0, 0),
		   "virtual-8086 mode: #GP for SMSW, the others do not exist");
		set_real();
		OK(i ? run(stores[i], 3) == -ENOTSUP : !run(stores[i], 3),
		   "real mode has SMSW only");
	}
}

static void test_iopl(void)
{
	static const char * const codes[] = { "\x6c", "\x6e" };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		set_up_long();
		set_cpl(3);
		gprs.rsi = 0x2000;
		gprs.rdi = 0x2000;
		gprs.rflags |= 2 << 12;
		OK(run(codes[i], 1) == -ENOTSUP && !nr_seen, "%s above IOPL: refused",
		   i ? "outsb" : "insb");
		gprs.rflags |= FLAG_IOPL;
		OK(!run(codes[i], 1) && nr_seen == 2, "at IOPL it executes");
		set_vm86();
		OK(run(codes[i], 1) == -ENOTSUP && !nr_seen, "virtual-8086 mode: refused");
		set_real();
		OK(!run(codes[i], 1) && nr_seen == 2, "real mode has no privilege levels");
	}
}

/*
 * Other instructions than the one that faulted on the device: they access RAM or
 * another device. 64-bit code; RBX, RSI and RSP are RAM, RDI is the other device.
 */
static const struct {
	const char *what;
	const char *bytes;
	unsigned int len;
} replaced[] = {
	{ "mov eax, [rbx]", "\x8b\x03", 2 },
	{ "mov [rbx], eax", "\x89\x03", 2 },
	{ "mov [rdi], eax", "\x89\x07", 2 },
	{ "mov eax, [rdi]", "\x8b\x07", 2 },
	{ "inc dword [rbx]", "\xff\x03", 2 },
	{ "cmp [rbx], eax", "\x39\x03", 2 },
	{ "lodsb", "\xac", 1 },
	{ "rep lodsb", "\xf3\xac", 2 },
	{ "rep movsb", "\xf3\xa4", 2 },
	{ "insb", "\x6c", 1 },
	{ "outsb", "\x6e", 1 },
	{ "push rdx", "\x52", 1 },
	{ "pop rdx", "\x5a", 1 },
	{ "pushf", "\x9c", 1 },
	{ "leave", "\xc9", 1 },
	{ "call", "\xe8\x00\x00\x00\x00", 5 },
	{ "ret", "\xc3", 1 },
	{ "jmp [rbx]", "\xff\x23", 2 },
	{ "movups xmm0, [rbx]", "\x0f\x10\x03", 3 },
	{ "movups [rbx], xmm0", "\x0f\x11\x03", 3 },
	{ "cmpxchg16b [rbx]", "\x48\x0f\xc7\x0b", 4 },
	{ "lldt [rbx]", "\x0f\x00\x13", 3 },
	{ "lldt [rbx + 16]: nothing", "\x0f\x00\x53\x10", 4 },
	{ "ltr [rbx + 8]", "\x0f\x00\x5b\x08", 4 },
};

static void set_up_replaced(void)
{
	static const u64 descriptors[] = { 0x12008278563400ff, 0, 0x12008978563400ff, 0 };

	set_up_long();
	*pte(6) = DEVICE | 0x1007;
	memcpy(ram + 0x1f10, descriptors, sizeof(descriptors));
	segments.gdtr = (struct svmvcpu_segment){ .base = 0x1f00, .limit = 0xff };
	ram[0x1400] = 0x10;
	ram[0x1408] = 0x20;
	gprs.rbx = 0x1400;
	gprs.rsi = 0x1500;
	gprs.rsp = 0x1600;
	gprs.rbp = 0x1700;
	gprs.rdi = 0x6000;
	gprs.rcx = 3;
}

static void test_replaced(void)
{
	static u8 ram_before[TABLES], xstate_before[sizeof(xstate)];
	struct svmvcpu_segments segments_before;
	struct svmvcpu_gprs before;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(replaced); i++) {
		set_up_replaced();
		before = gprs;
		segments_before = segments;
		memcpy(ram_before, ram, sizeof(ram_before));
		memcpy(xstate_before, xstate, sizeof(xstate));
		ret = run(replaced[i].bytes, replaced[i].len);
		OK(ret == -EBUSY && !nr_seen && !emul.trap &&
		   !memcmp(&before, &gprs, sizeof(gprs)) &&
		   !memcmp(&segments_before, &segments, sizeof(segments)) &&
		   !memcmp(ram_before, ram, sizeof(ram_before)) &&
		   !memcmp(xstate_before, xstate, sizeof(xstate)),
		   "replaced by %s: %d, as before", replaced[i].what, ret);
	}
	set_descriptor(false, 0, 0);
	emul.gpa = GDT;
	gprs.rbx = 0x3000;
	ram[0x3000] = 0x2b;
	answer = 0x12008278563400ff;
	OK(!RUN(LLDT) && nr_seen == 1 && segments.ldtr.base == 0x12785634,
	   "lldt whose descriptor faulted, not the selector");
	set_up_replaced();
	gprs.rcx = 0;
	OK(!RUN("\xf3\xa4") && gprs.rip == 0x102, "rep movsb of nothing is complete");
	set_up_replaced();
	*pte(3) = DEVICE | 0x1007;
	gprs.rdi = 0x2ffe;
	OK(!RUN("\xf3\xa4") && !gprs.rcx && saw(2, DEVICE + 0x1000, 1, true, 0),
	   "a string may leave the page that faulted");
}

static void test_failures(void)
{
	struct svmvcpu_gprs before;

	set_up();
	gprs.rax = 0x1234;
	fail_at = 2;
	answer = 1;
	before = gprs;
	OK(RUN("\x0f\xc1\x03") == -EIO && !memcmp(&before, &gprs, sizeof(gprs)),
	   "xadd whose write fails changes no register and no flag");
	fail_at = 3;
	OK(RUN("\x03\x03") == -EIO && !memcmp(&before, &gprs, sizeof(gprs)),
	   "nor does add whose read fails");
}

static const struct {
	const char *what;
	const char *why;
	const char *bytes;
	unsigned int len;
} refused[] = {
	{ "cpuid", "cpuid", "\x0f\xa2", 2 },
	{ "nop", "nop", "\x90", 1 },
	{ "vmovaps xmm0, [rbx]", "vmovaps", "\xc5\xf8\x28\x03", 4 },
	{ "movq mm0, [rbx]", "operand mm0", "\x0f\x6f\x03", 3 },
	{ "movaps xmm0, xmm1", "without memory", "\x0f\x28\xc1", 3 },
	{ "cmpsd xmm0, [rbx], 0", "cmpsd", "\xf2\x0f\xc2\x03\x00", 5 },
	{ "paddd xmm0, [rbx]", "paddd", "\x66\x0f\xfe\x03", 4 },
	{ "fld [rbx]", "fld", "\xd9\x03", 2 },
	{ "div [rbx]", "div", "\xf7\x33", 2 },
	{ "far call [rbx]", "far call", "\xff\x1b", 2 },
	{ "far jmp [rbx]", "far jmp", "\xff\x2b", 2 },
	{ "far ret", "far ret", "\xcb", 1 },
	{ "iretq", "iretq", "\x48\xcf", 2 },
	{ "16-bit ret", "16-bit ret", "\x66\xc3", 2 },
	{ "mov ds, [rbx]", "operand ds", "\x8e\x1b", 2 },
	{ "pop fs", "operand fs", "\x0f\xa1", 2 },
	{ "lgdt [rbx]", "lgdt", "\x0f\x01\x13", 3 },
	{ "lmsw [rbx]", "lmsw", "\x0f\x01\x33", 3 },
	{ "jmp rbx", "jmp without memory", "\xff\xe3", 2 },
	{ "mov rax, cr0", "mov without memory", "\x0f\x20\xc0", 3 },
	{ "add eax, ebx", "add without memory", "\x01\xd8", 2 },
	{ "nothing at all", "are incomplete", "", 0 },
	{ "mov with a wrong ModRM.reg", "not an instruction", "\xc7\x0b\x00\x00\x00\x00", 6 },
	{ "lock mov", "not an instruction", "\xf0\x89\x03", 3 },
	{ "half an add", "are incomplete", "\x81\x03\x01\x02", 4 },
};

static void test_refused(void)
{
	struct svmvcpu_gprs before;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		set_up_long();
		before = gprs;
		OK(run(refused[i].bytes, refused[i].len) == -ENOTSUP && !nr_seen &&
		   !memcmp(&before, &gprs, sizeof(gprs)) &&
		   strstr(svmvcpu_last_error(), refused[i].why),
		   "refused: %s: %s", refused[i].what, svmvcpu_last_error());
	}
}

/* A vCPU whose state is here, and which has a local APIC at DEVICE */
static struct {
	struct svmvcpu_state state;
	unsigned int accesses;
	u64 set;		/* components of the last SET_STATE */
	int set_error;
} fake;

static int fake_get(struct svmvcpu_state *out)
{
	out->segments = fake.state.segments;
	out->control = fake.state.control;
	if (out->components & SVMVCPU_STATE_EVENTS)
		out->events = fake.state.events;
	out->lapic = fake.state.lapic;
	return 0;
}

static int fake_set(const struct svmvcpu_state *in)
{
	errno = fake.set_error;
	if (errno)
		return -1;
	fake.set |= in->components;
	if (in->components & SVMVCPU_STATE_EVENTS)
		fake.state.events = in->events;
	return 0;
}

/* A write to ICR is an NMI for itself, one to EOI an exit. */
static int fake_access(struct svmvcpu_apic_access *access)
{
	fake.accesses++;
	if (!(access->flags & SVMVCPU_APIC_WRITE))
		return 0;
	if (access->offset == 0x300)
		fake.state.events.nmis = 1;
	else if (access->offset == 0xb0)
		access->exit = SVMVCPU_EXIT_IOAPIC_EOI;
	return 0;
}

/* In place of the C library's */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	if (request == SVMVCPU_GET_STATE)
		return fake_get(arg);
	if (request == SVMVCPU_SET_STATE)
		return fake_set(arg);
	return fake_access(arg);
}

/* xchg [ebx + offset], eax in the shadow of STI; returns what the library does. */
static int run_fake(struct svmvcpu_run *page, u32 offset, int set_error)
{
	struct svmvcpu_vcpu vcpu = { .fd = 1, .run = page };

	set_up();
	memset(&fake, 0, sizeof(fake));
	fake.state.segments = segments;
	fake.state.control = control;
	fake.state.events.shadow = 1;
	fake.state.lapic.base = DEVICE | 0x900;
	fake.set_error = set_error;
	memset(page, 0, sizeof(*page));
	page->reason = SVMVCPU_EXIT_MEMORY_FAULT;
	page->memory.flags = SVMVCPU_FAULT_APIC;
	page->memory.gpa = DEVICE + offset;
	page->memory.insn_len = 6;
	memcpy(page->memory.insn, (u8 [6]) { 0x87, 0x83, offset, offset >> 8 }, 6);
	page->gprs = gprs;
	page->gprs.rax = 0x1234;
	page->gprs.rflags |= FLAG_TF;
	return svmvcpu_vcpu_emulate(&vcpu, &emul);
}

static void test_vcpu_state(void)
{
	struct svmvcpu_run *page = calloc(1, sizeof(*page));

	if (!page)
		abort();
	OK(!run_fake(page, 0x300, 0) && fake.accesses == 2 && emul.trap &&
	   page->gprs.rip == 0x106 && !page->gprs.rax &&
	   (page->in_flags & SVMVCPU_RUN_SET_GPRS), "xchg with ICR");
	OK(fake.set == SVMVCPU_STATE_EVENTS && !fake.state.events.shadow &&
	   fake.state.events.nmis == 1, "ends the shadow, and leaves the NMI that it sent");
	OK(run_fake(page, 0xb0, ENOMEM) == -ENOMEM && fake.accesses == 2 &&
	   page->gprs.rip == 0x100 && page->gprs.rax == 0x1234 && !page->in_flags && !emul.trap,
	   "SET_STATE fails: the registers are as before");
	OK(emul.exit == SVMVCPU_EXIT_IOAPIC_EOI, "and the exit is reported");
	free(page);
}

static void test_vcpu(void)
{
	struct svmvcpu_run *page = calloc(1, sizeof(*page));
	struct svmvcpu_vcpu vcpu = { .fd = -1, .run = page };

	if (!page)
		abort();
	set_up();
	page->reason = SVMVCPU_EXIT_HALT;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "not a memory fault");
	page->reason = SVMVCPU_EXIT_MEMORY_FAULT;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "without bytes");
	page->memory.insn_len = 200;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "with too many");
	page->memory.insn_len = 2;
	page->memory.flags = SVMVCPU_FAULT_EXEC;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "an instruction fetch");
	page->memory.flags = SVMVCPU_FAULT_WALK;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -ENOTSUP, "a page table");
	page->memory.flags = 0;
	OK(svmvcpu_vcpu_emulate(&vcpu, &emul) == -EBADF && !page->in_flags,
	   "a vCPU whose state cannot be read");
	free(page);
}

int main(void)
{
	test_accesses();
	test_modes();
	test_segments();
	test_paging();
	test_pdpte();
	test_crossing();
	test_repeat();
	test_stack();
	test_stack_faults();
	test_branches();
	test_ports();
	test_vectors();
	test_pairs();
	test_system();
	test_descriptors();
	test_compat_gdt();
	test_busy_race();
	test_privileged();
	test_umip();
	test_iopl();
	test_replaced();
	test_failures();
	test_refused();
	test_vcpu();
	test_vcpu_state();
	return tap_done();
}
