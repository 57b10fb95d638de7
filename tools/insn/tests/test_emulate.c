// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn, where user space cannot compare it with the CPU: modes, segmentation,
 * paging and its faults, the accesses that a device sees, and the state after failures.
 */
#include "test_machine.h"

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

/* Dirty logs do not see the library's writes: it tells them. */
static void test_wrote(void)
{
	set_up();
	gprs.rsi = DEVICE;
	gprs.rdi = 0x2010;
	OK(!RUN("\xa5") && nr_told == 1 && told_of(0, 0x2010, 4), "movs to RAM is told");
	nr_told = 0;
	gprs.rbx = DEVICE;
	OK(!RUN("\x01\x03") && !nr_told, "a write to the device is not");
	OK(!RUN("\x8b\x03") && !nr_told, "nor is a read");

	set_up_long();
	gprs.rbx = 0x1ffe;
	OK(!RUN("\xc7\x03\x78\x56\x34\x12"), "half RAM, half device");
	OK(told_of(nr_told - 1, 0x1ffe, 2), "the half in RAM is told");
	nr_told = 0;
	gprs.rbx = 0x2000;
	*pte(2) = DEVICE | 7;
	OK(!RUN("\x01\x03") && nr_told == 1 && told_of(0, TABLES + 0x3010, 8),
	   "and so are accessed and dirty bits");
	nr_told = 0;
	OK(!RUN("\x01\x03") && !nr_told, "which are set once");

	set_up();
	emul.wrote = NULL;
	gprs.rsi = DEVICE;
	gprs.rdi = 0x2010;
	answer = 9;
	OK(!RUN("\xa5") && ram[0x2010] == 9, "nobody needs to listen");
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

int main(void)
{
	test_accesses();
	test_modes();
	test_segments();
	test_paging();
	test_pdpte();
	test_crossing();
	test_repeat();
	test_wrote();
	test_stack();
	test_stack_faults();
	test_branches();
	test_ports();
	test_vectors();
	test_pairs();
	test_failures();
	return tap_done();
}
