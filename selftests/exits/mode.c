// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest switches modes by itself: from real mode to 64-bit code, through
 * compatibility mode and back to real mode, with calls of the VMM in each.
 */
#include "guest_idt.h"

VM_FIXTURE(exit_mode)

/*
 * Loaded at TEST_CODE, so targets of far jumps are 0x1000 plus an offset. guest_idt.h
 * describes the GDT of long mode: 0x08 is 64-bit, 0x30 32-bit, 0x50 16-bit code.
 */
#define HERE(label)	"(" label " - guest_trip + 0x1000)"
#define CALL(nr)	"mov $" #nr ", %al\nvmmcall\n"

GUEST16(trip,
	CALL(1)
	"lgdtl " HERE("gdtr") "\n"
	"mov %cr0, %eax\n"
	"or $1, %al\n"
	"mov %eax, %cr0\n"
	CALL(2)				/* protected, still with real mode's CS */
	"ljmpl $0x30, $" HERE("prot32") "\n"
	".code32\n"
	"prot32:\n"
	"mov $0x10, %ax\n"
	"mov %ax, %ds\n"
	"mov %ax, %ss\n"
	CALL(3)
	"mov $0x10000, %eax\n"
	"mov %eax, %cr3\n"
	"mov %cr4, %eax\n"
	"or $0x20, %eax\n"
	"mov %eax, %cr4\n"
	"mov $0xc0000080, %ecx\n"
	"rdmsr\n"
	"or $0x100, %eax\n"
	"wrmsr\n"
	CALL(4)				/* LME, not yet LMA */
	"mov %cr0, %eax\n"
	"bts $31, %eax\n"
	"mov %eax, %cr0\n"
	CALL(5)				/* compatibility mode */
	"ljmpl $0x08, $" HERE("long64") "\n"
	".code64\n"
	"long64:\n"
	"movabs $0x1122334455667788, %rbx\n"
	CALL(6)
	"push $0x30\n"
	"push $" HERE("compat") "\n"
	"rex.w lret\n"
	".code32\n"
	"compat:\n"
	CALL(7)
	"mov %cr0, %eax\n"
	"btr $31, %eax\n"
	"mov %eax, %cr0\n"
	CALL(8)				/* protected again: LMA is clear, LME still set */
	"mov $0xc0000080, %ecx\n"
	"rdmsr\n"
	"btr $8, %eax\n"
	"wrmsr\n"
	"ljmpl $0x50, $" HERE("prot16") "\n"
	".code16\n"
	"prot16:\n"
	CALL(9)
	"mov %cr0, %eax\n"
	"and $0xfe, %al\n"
	"mov %eax, %cr0\n"
	"ljmp $0, $" HERE("real") "\n"
	"real:\n"
	CALL(10)
	"hlt\n"
	"gdtr: .word 0x57\n"
	".long 0x3000\n");

TEST_F(exit_mode, round_trip)
{
	static const struct {
		unsigned int mode;
		uint64_t efer;
		uint64_t cr0;
	} legs[] = {
		{ SVMVCPU_MODE_REAL, 0, 0 },
		{ SVMVCPU_MODE_PROTECTED, 0, CR0_PE },
		{ SVMVCPU_MODE_PROTECTED, 0, CR0_PE },
		{ SVMVCPU_MODE_PROTECTED, EFER_LME, CR0_PE },
		{ SVMVCPU_MODE_COMPATIBILITY, EFER_LME | EFER_LMA, CR0_PE | CR0_PG },
		{ SVMVCPU_MODE_64BIT, EFER_LME | EFER_LMA, CR0_PE | CR0_PG },
		{ SVMVCPU_MODE_COMPATIBILITY, EFER_LME | EFER_LMA, CR0_PE | CR0_PG },
		{ SVMVCPU_MODE_PROTECTED, EFER_LME, CR0_PE },
		{ SVMVCPU_MODE_PROTECTED, 0, CR0_PE },
		{ SVMVCPU_MODE_REAL, 0, 0 },
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	if (host_is_bochs())
		SKIP(return, "Bochs: LMA is gone before the exit of the write that clears PG");
	load_guest(vm, trip);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);	/* page tables */
	idt_write_tables(vm, IDT_LONG64);
	vm_setup(vm, SVMVCPU_PRESET_REAL);
	for (i = 0; i < 10; i++) {
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_EQ(i + 1, (unsigned char)vm->run->hypercall.nr);
		EXPECT_EQ(legs[i].mode, vm->run->mode)
			TH_LOG("leg %u", i + 1);
		EXPECT_EQ(legs[i].efer, vm->run->efer);
		EXPECT_EQ(legs[i].cr0, vm->run->cr0 & (CR0_PE | CR0_PG));
		/* RESET disables the caches, and nothing has enabled them. */
		EXPECT_EQ(CR0_CD | CR0_NW, vm->run->cr0 & (CR0_CD | CR0_NW));
		vm->run->answer = vm->run->gprs.rax;
	}
	EXPECT_EQ(0x1122334455667788ULL & 0xffffffff, vm->run->gprs.rbx & 0xffffffff);
	RUN_EXPECT(vm, HALT);
}

/* Paging with LME and without PAE is invalid: #GP, and nothing changes. */
TEST_F(exit_mode, long_mode_needs_pae)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;
	int pae;

	for (pae = 0; pae < 2; pae++) {
		/* mov cr4, ebx; mov cr0, eax */
		idt_put(vm, CODE("\x0f\x22\xe3\x0f\x22\xc0"));
		vm_setup(vm, SVMVCPU_PRESET_LONG64);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &state);
		state.gprs.rax = state.control.cr0 | CR0_PG;
		state.gprs.rbx = pae ? CR4_PAE : 0;
		state.control.cr4 = CR4_PAE;
		state.control.cr3 = TEST_TABLES;
		state.control.efer = EFER_LME;
		idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
		ASSERT_EQ(0, idt_run(vm, &out));
		EXPECT_EQ(pae ? NO_VECTOR : VEC_GP, out.vector);
		EXPECT_EQ(pae ? EFER_LME | EFER_LMA : EFER_LME, vm->run->efer);
	}
}

/* A 64-bit code segment when entering long mode is #GP. */
TEST_F(exit_mode, long_mode_not_from_64bit_segment)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct idt_outcome out;

	idt_put(vm, CODE("\x0f\x22\xc0"));
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	idt_setup(vm, IDT_PROT32);
	idt_get(vm, &state);
	state.gprs.rax = state.control.cr0 | CR0_PG;
	state.control.cr4 = CR4_PAE;
	state.control.cr3 = TEST_TABLES;
	state.control.efer = EFER_LME;
	/* L instead of D: some emulators refuse an entry with both, also outside long mode */
	state.segments.cs.attrib = (state.segments.cs.attrib & ~0x400) | 0x200;
	idt_set(vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL |
		SVMVCPU_STATE_SEGMENTS);
	RUN_VECTOR(vm, VEC_GP, &out);
	EXPECT_EQ(EFER_LME, vm->run->efer);
}

TEST_HARNESS_MAIN
