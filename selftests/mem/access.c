// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module accesses guest memory as the CPU would: a page table entry or an operand
 * in one access, so that it never sees a value that another CPU has half written. A
 * hardware breakpoint on the VMM's address counts the accesses.
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "guest_idt.h"

#define PAGE		4096UL
#define DEVICE		0x300000UL
#define OPERAND		(TEST_DATA + 0x100)
#define TABLES		(TEST_FREE + 0x10000)

FIXTURE(mem_access) {
	struct test_vm vm;
	int fd;			/* the counter */
};

FIXTURE_SETUP(mem_access)
{
	struct svmvcpu_range hole = { .gpa = DEVICE, .bytes = PAGE };
	struct svmvcpu_exits exits = { .size = sizeof(exits), .decode = SVMVCPU_DECODE_MMIO };
	struct test_vm *vm = &self->vm;

	self->fd = -1;
	vm_open(vm);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	ASSERT_EQ(0, ioctl(vm->vcpu.fd, SVMVCPU_SET_EXITS, &exits));
}

FIXTURE_TEARDOWN(mem_access)
{
	close(self->fd);
	vm_close(&self->vm);
}

/* Counts this thread's accesses to @bytes bytes at @at, including those of the kernel. */
static void watch(struct _test_data_mem_access *self, const volatile void *at,
		  unsigned int bytes)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_RW,
		.bp_addr = (uintptr_t)at,
		.bp_len = bytes,
	};

	close(self->fd);
	self->fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (self->fd < 0)
		vm_die("perf_event_open");
}

/* Number of accesses since the last call */
static unsigned int accesses(struct _test_data_mem_access *self)
{
	uint64_t value;

	if (read(self->fd, &value, sizeof(value)) != sizeof(value))
		vm_die("counter");
	ioctl(self->fd, PERF_EVENT_IOC_RESET, 0);
	return value;
}

/* The counter distinguishes one access of four bytes from four of one byte. */
TEST_F(mem_access, counter)
{
	volatile uint32_t word __attribute__((aligned(4))) = 0;
	volatile uint8_t *bytes = (volatile uint8_t *)&word;
	int i;

	watch(self, &word, 4);
	accesses(self);
	(void)word;
	EXPECT_EQ(1, accesses(self));
	for (i = 0; i < 4; i++)
		(void)bytes[i];
	EXPECT_EQ(4, accesses(self));
	asm volatile("cld; rep movsb" : : "S"(bytes), "D"((char [4]) { 0 }), "c"(4) : "memory");
	EXPECT_EQ(4, accesses(self));
}

#define EXPECT_TRANSLATION(self, want)						\
do {										\
	struct svmvcpu_translation t_;						\
										\
	ASSERT_EQ(0, svmvcpu_vcpu_translate(&(self)->vm.vcpu, TEST_FREE, 0, &t_));	\
	ASSERT_EQ((unsigned int)SVMVCPU_TRANSLATE_DONE, t_.result);		\
	EXPECT_EQ((want), t_.gpa);						\
} while (0)

/* Page table entries of 32-bit paging */
TEST_F(mem_access, entries_of_four_bytes)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	uint32_t *table = (uint32_t *)(vm->mem + TABLES);
	uint32_t *entry = &table[1024 + TEST_FREE / PAGE];

	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	table[0] = (TABLES + PAGE) | PTE_RWX;
	*entry = 0x11111000 | PTE_RWX;
	vm_get_state(vm, &state);
	state.control.cr0 |= CR0_PG;
	state.control.cr3 = TABLES;
	ASSERT_EQ(0, svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_CONTROL, &state));
	watch(self, table, 4);
	EXPECT_TRANSLATION(self, 0x11111000ULL);
	EXPECT_EQ(1, accesses(self));
	watch(self, entry, 4);
	EXPECT_TRANSLATION(self, 0x11111000ULL);
	EXPECT_EQ(1, accesses(self));
}

TEST_F(mem_access, entries_of_eight_bytes)
{
	struct test_vm *vm = &self->vm;
	uint64_t *entry;

	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	entry = idt_split(vm);
	*entry = 0x11111000 | PTE_RWX;
	watch(self, entry, 8);
	EXPECT_TRANSLATION(self, 0x11111000ULL);
	EXPECT_EQ(1, accesses(self));
}

GUEST32(loads,
	"cld\n"
	"mov $0x178, %edx\n"
	"mov $0x8100, %esi\n"
	"outsb\n"
	"mov $0x8102, %esi\n"
	"outsw\n"
	"mov $0x8104, %esi\n"
	"outsl\n"
	"mov $0x8101, %esi\n"		/* not aligned, but within eight bytes */
	"outsw\n"
	"mov $0x8103, %esi\n"
	"outsl\n"
	"hlt");

TEST_F(mem_access, operands_read)
{
	struct test_vm *vm = &self->vm;
	int i;

	load_guest(vm, loads);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	watch(self, vm->mem + OPERAND, 8);
	for (i = 0; i < 5; i++) {
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(1, accesses(self));
	}
	RUN_EXPECT(vm, HALT);
}

GUEST32(stores,
	"cld\n"
	"mov $0x178, %edx\n"
	"mov $0x8100, %edi\n"
	"insb\n"
	"mov $0x8102, %edi\n"
	"insw\n"
	"mov $0x8104, %edi\n"
	"insl\n"
	"mov $0x8101, %edi\n"
	"insw\n"
	"mov $0x8103, %edi\n"
	"insl\n"
	"hlt");

TEST_F(mem_access, operands_written)
{
	struct test_vm *vm = &self->vm;
	int i;

	load_guest(vm, stores);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	watch(self, vm->mem + OPERAND, 8);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0, accesses(self));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, vm_run(vm));
		EXPECT_EQ(1, accesses(self));
	}
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_HALT, vm->run->reason);
}

GUEST32(string,
	"cld\n"
	"mov $0x178, %edx\n"
	"mov $0x8102, %esi\n"
	"mov $3, %ecx\n"
	"rep outsw\n"
	"hlt");

/* The second element of three */
TEST_F(mem_access, elements)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, string);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	watch(self, vm->mem + OPERAND + 4, 2);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(3, vm->run->io.count);
	EXPECT_EQ(1, accesses(self));
}

GUEST32(page,
	"cld\n"
	"mov $0x178, %edx\n"
	"mov $0x200000, %esi\n"
	"mov $0x1000, %ecx\n"
	"rep outsb\n"
	"mov $0x200000, %edi\n"
	"mov $0x1000, %ecx\n"
	"rep insb\n"
	"hlt");

#define EXPECT_USER_MEM(vm, kind)						\
do {										\
	RUN_EXPECT(vm, MEMORY_FAULT);						\
	EXPECT_EQ(TEST_FREE, (vm)->run->memory.gpa);				\
	EXPECT_EQ((unsigned int)(SVMVCPU_FAULT_GVA | SVMVCPU_FAULT_KERNEL |	\
				 SVMVCPU_FAULT_USER_MEM | (kind)),		\
		  (vm)->run->memory.flags);					\
} while (0)

/* A whole page, to and from memory of the VMM that is absent at first */
TEST_F(mem_access, page)
{
	unsigned char want[PAGE], *window;
	struct test_vm *vm = &self->vm;
	unsigned char *mem = vm->mem + TEST_FREE;
	size_t bytes;
	unsigned int i;

	for (i = 0; i < PAGE; i++)
		mem[i] = i * 7 + i / 256;
	memcpy(want, mem, PAGE);
	load_guest(vm, page);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_NONE));
	EXPECT_USER_MEM(vm, 0);
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	RUN_EXPECT(vm, IO);
	window = svmvcpu_vcpu_window(&vm->vcpu, &bytes);
	ASSERT_EQ(PAGE, bytes);
	EXPECT_EQ(0, memcmp(want, window, PAGE));
	RUN_EXPECT(vm, IO);
	for (i = 0; i < PAGE; i++)
		window[i] = ~want[i];
	EXPECT_USER_MEM(vm, SVMVCPU_FAULT_WRITE);
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ | PROT_WRITE));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0, memcmp(window, mem, PAGE));
}

GUEST64(moves,
	"cld\n"
	"mov $0x300000, %edi\n"
	"mov $0x8100, %esi\n"
	"movsq\n"
	"mov $0x300000, %esi\n"
	"mov $0x8104, %edi\n"
	"movsl\n"
	"hlt");

/* The other operand of an access to a device */
TEST_F(mem_access, moves)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, moves);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	watch(self, vm->mem + OPERAND, 8);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(1, accesses(self));
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(0, accesses(self));
	vm->run->answer = 0x12345678;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1, accesses(self));
	EXPECT_EQ(0x12345678U, *(uint32_t *)(vm->mem + OPERAND + 4));
}

GUEST32(lmsw,
	"lmsw 0x8100\n"
	"hlt");

TEST_F(mem_access, machine_status_word)
{
	struct test_vm *vm = &self->vm;

	vm->mem[OPERAND] = CR0_PE | CR0_MP;
	load_guest(vm, lmsw);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	watch(self, vm->mem + OPERAND, 2);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(1, accesses(self));
}

/* Eight aligned bytes are the unit in which another CPU may change code. */
GUEST32(code,
	"mov $0x178, %edx\n"
	"mov $0x8000, %esi\n"
	"nop\n"
	"outsb\n"
	"hlt");

TEST_F(mem_access, code)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, code);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	watch(self, vm->mem + TEST_CODE + 8, 8);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(TEST_CODE + 12, vm->run->gprs.rip);
	EXPECT_EQ(1, accesses(self));
}

TEST_HARNESS_MAIN
