// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: what the processor cannot be asked about in user space.
 * Modes, segmentation, paging and its faults, which accesses a device sees, and
 * what is left when something goes wrong half-way.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

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
	};
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
	{ "movaps xmm0, [rbx]", "movaps", "\x0f\x28\x03", 3 },
	{ "movsd xmm0, [rbx]", "movsd", "\xf2\x0f\x10\x03", 4 },
	{ "cmpsd xmm0, [rbx], 0", "cmpsd", "\xf2\x0f\xc2\x03\x00", 5 },
	{ "push [rbx]", "push", "\xff\x33", 2 },
	{ "call [rbx]", "call", "\xff\x13", 2 },
	{ "mov ds, [rbx]", "operand ds", "\x8e\x1b", 2 },
	{ "mov [rbx], cs", "operand cs", "\x8c\x0b", 2 },
	{ "mov rax, cr0", "operand cr0", "\x0f\x20\xc0", 3 },
	{ "add eax, ebx", "add without memory", "\x01\xd8", 2 },
	{ "ins", "insd", "\x6d", 1 },
	{ "cmpxchg8b [rbx]", "cmpxchg8b", "\x0f\xc7\x0b", 3 },
	{ "nothing at all", "are not all", "", 0 },
	{ "mov with a wrong ModRM.reg", "not an instruction", "\xc7\x0b\x00\x00\x00\x00", 6 },
	{ "lock mov", "not an instruction", "\xf0\x89\x03", 3 },
	{ "half an add", "are not all", "\x81\x03\x01\x02", 4 },
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
	test_crossing();
	test_repeat();
	test_failures();
	test_refused();
	test_vcpu();
	return tap_done();
}
