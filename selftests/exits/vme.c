// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual interrupts: CR4.VME in virtual-8086 mode and CR4.PVI at CPL 3. CLI, STI, PUSHF, POPF
 * and INT n change and read RFLAGS.VIF without an exit.
 */
#include "guest_cpuid.h"
#include "guest_idt.h"

#define CR4_VME		(1ULL << 0)
#define CR4_PVI		(1ULL << 1)
#define FLAG_VIF	(1ULL << 19)
#define FLAG_VIP	(1ULL << 20)

/* The redirection bitmap has 32 bytes in front of the I/O bitmap. */
#define REDIRECTION	0x68
#define IO_BITMAP	(REDIRECTION + 32)
#define INT_VECTOR	0x41
#define INT_HANDLER	0x8300	/* of virtual-8086 mode, 0x800:0x300 */

VM_FIXTURE(vme)

static bool has_vme(const struct test_vm *vm)
{
	return cpuid_shows(vm, 1, EDX, 1);
}

/* @code at IOPL 0, in front of a VMMCALL */
static void start(struct test_vm *vm, enum idt_mode mode, const void *code, unsigned int len,
		  uint64_t flags)
{
	struct svmvcpu_state state;

	idt_put(vm, code, len);
	idt_setup(vm, mode);
	memcpy(vm->mem + IDT_TSS + 0x66, &(uint16_t){ IO_BITMAP }, 2);
	idt_get(vm, &state);
	state.control.cr4 |= mode == IDT_VM86 ? CR4_VME : CR4_PVI;
	state.gprs.rflags = (state.gprs.rflags & ~FLAG_IOPL3) | FLAG_IF | flags;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
}

TEST_F(vme, bits)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	if (!has_vme(vm))
		SKIP(return, "the CPU has no VME");
	EXPECT_EQ(CR4_VME | CR4_PVI, vm->info.cr4_guest & (CR4_VME | CR4_PVI));
	/* mov %cr4, %eax; or $3, %al; mov %eax, %cr4; mov %cr4, %ebx */
	idt_put(vm, CODE("\x0f\x20\xe0\x0c\x03\x0f\x22\xe0\x0f\x20\xe3"));
	idt_setup(vm, IDT_PROT32);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(CR4_VME | CR4_PVI, vm->run->gprs.rbx & (CR4_VME | CR4_PVI));
	idt_get(vm, &state);
	EXPECT_EQ(CR4_VME | CR4_PVI, state.control.cr4 & (CR4_VME | CR4_PVI));
}

/* sti; pushf; pop %ax; cli; pushf; pop %bx: the image has VIF as IF, and IOPL 3 */
TEST_F(vme, vm86_flags)
{
	struct test_vm *vm = &self->vm;

	if (!has_vme(vm))
		SKIP(return, "the CPU has no VME");
	start(vm, IDT_VM86, CODE("\xfb\x9c\x58\xfa\x9c\x5b"), 0);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(FLAG_IF | FLAG_IOPL3, vm->run->gprs.rax & (FLAG_IF | FLAG_IOPL3));
	EXPECT_EQ(FLAG_IOPL3, vm->run->gprs.rbx & (FLAG_IF | FLAG_IOPL3));
	EXPECT_EQ(FLAG_VM | FLAG_IF,
		  vm->run->gprs.rflags & (FLAG_VM | FLAG_IF | FLAG_VIF | FLAG_IOPL3));
	/* sti */
	start(vm, IDT_VM86, CODE("\xfb"), 0);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(FLAG_VIF, vm->run->gprs.rflags & FLAG_VIF);
}

/* With an interrupt waiting, STI is for the monitor. */
TEST_F(vme, pending)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	if (!has_vme(vm))
		SKIP(return, "the CPU has no VME");
	start(vm, IDT_VM86, CODE("\xfb"), FLAG_VIP);
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
	EXPECT_EQ(FLAG_VM | FLAG_VIP, out.rflags & (FLAG_VM | FLAG_VIP | FLAG_VIF));
	start(vm, IDT_USER32, CODE("\xfb"), FLAG_VIP);
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
}

TEST_F(vme, protected_mode_flags)
{
	struct test_vm *vm = &self->vm;

	if (!has_vme(vm))
		SKIP(return, "the CPU has no VME");
	/* sti; then sti; cli */
	start(vm, IDT_USER32, CODE("\xfb"), 0);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(FLAG_VIF | FLAG_IF, vm->run->gprs.rflags & (FLAG_VIF | FLAG_IF));
	start(vm, IDT_USER32, CODE("\xfb\xfa"), 0);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(FLAG_IF, vm->run->gprs.rflags & (FLAG_VIF | FLAG_IF));
}

/* int $INT_VECTOR. @redirect: to the handler in the table at address 0 */
static void start_int(struct test_vm *vm, bool redirect, uint64_t flags)
{
	static const uint16_t handler[] = { 0x300, 0x800 };

	start(vm, IDT_VM86, CODE("\xcd\x41"), flags);
	vm_load(vm, INT_VECTOR * 4, handler, sizeof(handler));
	vm_load(vm, INT_HANDLER, "\x0f\x01\xd9", 3);
	vm->mem[IDT_TSS + REDIRECTION + INT_VECTOR / 8] = redirect ? 0 : 1 << INT_VECTOR % 8;
	/* See idt_touch(): the push must not cause the first access to this page. */
	memset(vm->mem + TEST_STACK - 16, 0xff, 16);
}

struct frame16 {
	uint16_t ip, cs, flags;
};

static struct frame16 frame16(const struct test_vm *vm)
{
	struct frame16 frame;

	memcpy(&frame, vm->mem + TEST_STACK - sizeof(frame), sizeof(frame));
	return frame;
}

TEST_F(vme, redirected_int)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	if (!has_vme(vm))
		SKIP(return, "the CPU has no VME");
	start_int(vm, true, FLAG_VIF);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x300ULL, vm->run->gprs.rip);
	EXPECT_EQ(TEST_STACK - 6ULL, vm->run->gprs.rsp);
	EXPECT_EQ(TEST_CODE + 2, frame16(vm).ip);
	EXPECT_EQ(FLAG_IF | FLAG_IOPL3, frame16(vm).flags & (FLAG_IF | FLAG_IOPL3 | FLAG_TF));
	EXPECT_EQ(FLAG_IF, vm->run->gprs.rflags & (FLAG_IF | FLAG_VIF));
	/* to the monitor, which emulates it */
	start_int(vm, false, FLAG_VIF);
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(TEST_CODE, out.rip);
}

TEST_HARNESS_MAIN
