// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn: system instructions, descriptor tables, privilege, and instructions that
 * it refuses.
 */
#include "test_machine.h"

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

int main(void)
{
	test_system();
	test_descriptors();
	test_compat_gdt();
	test_busy_race();
	test_privileged();
	test_umip();
	test_iopl();
	test_replaced();
	test_refused();
	return tap_done();
}
