// SPDX-License-Identifier: GPL-2.0-only
/* A first test of everything: a guest runs in each preset and does an OUT. */
#include "svmvcpu_test.h"

VM_FIXTURE(smoke)

GUEST16(real,
	"mov $0x1234, %ax\n"
	"out %ax, $0x80\n"
	"hlt");

TEST_F(smoke, real)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, real);
	vm_setup(vm, SVMVCPU_PRESET_REAL);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x80, vm->run->io.port);
	EXPECT_EQ(2, vm->run->io.width);
	EXPECT_EQ(0x1234U, vm->run->io.data);
	EXPECT_EQ(SVMVCPU_MODE_REAL, vm->run->mode);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(TEST_CODE + 6, vm->run->gprs.rip);
}

GUEST32(prot32,
	"mov $0x12345678, %eax\n"
	"mov %eax, 0x8000\n"
	"in $0x60, %eax\n"
	"hlt");

TEST_F(smoke, prot32)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, prot32);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ((unsigned int)SVMVCPU_IO_IN, vm->run->io.flags);
	EXPECT_EQ(SVMVCPU_MODE_PROTECTED, vm->run->mode);
	EXPECT_EQ(0x12345678U, *(uint32_t *)(vm->mem + TEST_DATA));
	vm->run->answer = 0xffffffffcafef00dULL;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0xcafef00dULL, vm->run->gprs.rax);
}

GUEST64(long64,
	"mov $7, %eax\n"
	"mov $1, %edi\n"
	"movabs $0x1122334455667788, %rsi\n"
	"vmmcall\n"
	"push %rax\n"
	"hlt");

TEST_F(smoke, long64)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, long64);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(7ULL, vm->run->hypercall.nr);
	EXPECT_EQ(1ULL, vm->run->hypercall.args[0]);
	EXPECT_EQ(0x1122334455667788ULL, vm->run->hypercall.args[1]);
	EXPECT_EQ(SVMVCPU_MODE_64BIT, vm->run->mode);
	vm->run->answer = 0xfedcba9876543210ULL;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0xfedcba9876543210ULL, *(uint64_t *)(vm->mem + TEST_STACK - 8));
}

GUEST16(reset,
	"mov $0xf4, %dx\n"
	"mov $0x55, %al\n"
	"out %al, %dx\n"
	"hlt");

/* Maps the last 64 KiB of memory below 4 GiB as well: the reset vector is there. */
TEST_F(smoke, reset)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region top = {
		.gpa = 0xffff0000,
		.bytes = 0x10000,
		.hva = (uintptr_t)vm->mem + TEST_MEM - 0x10000,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_EXEC,
	};

	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &top, 1));
	vm_load(vm, TEST_MEM - 16, guest_reset, guest_reset_end - guest_reset);
	vm_setup(vm, SVMVCPU_PRESET_RESET);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0xf4, vm->run->io.port);
	EXPECT_EQ(0x55U, vm->run->io.data);
	RUN_EXPECT(vm, HALT);
}

TEST_HARNESS_MAIN
