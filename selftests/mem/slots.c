// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory as VMMs with slots use it (KVM's KVM_SET_USER_MEMORY_REGION): 509 of them, each with
 * a log; sparse ones of a terabyte above 4 GiB; read-only ones; and two with the same memory.
 */
#include "guest_area.h"

#define SLOTS	509U	/* what KVM offers on x86 */
#define RW	(SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE)

VM_FIXTURE(slots);

static int map_slot(struct test_vm *vm, __u64 gpa, void *mem, __u64 bytes, __u32 prot)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)mem, .prot = prot,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

static int log_slot(struct test_vm *vm, __u64 gpa, __u64 bytes, __u32 flags)
{
	return svmvcpu_vm_dirty_log(vm->vm, flags, gpa, bytes);
}

/* Which of up to 64 pages are dirty; all bits after an error */
static __u64 dirty_bits(struct test_vm *vm, __u64 gpa, __u64 bytes)
{
	__u64 bits = 0;
	struct svmvcpu_dirty_collect collect = {
		.size = sizeof(collect), .flags = SVMVCPU_COLLECT_BITMAP, .gpa = gpa,
		.bytes = bytes, .bitmap = (uintptr_t)&bits,
	};

	return ioctl_errno(vm->vm, SVMVCPU_DIRTY_COLLECT, &collect) ? ~0ULL : bits;
}

/* Adds 1 to the first word of each slot, of which there are EDI with gaps between them */
GUEST32(add_to_slots,
	"mov $0x40000000, %esi\n"
	"1: incl (%esi)\n"
	"add $0x4000, %esi\n"
	"dec %edi\n"
	"jnz 1b\n"
	"hlt");

static __u64 slot_gpa(unsigned int i)
{
	return AREA + i * 4 * PAGE;
}

/* Each slot has 3 pages and a log of its own. */
TEST_F_TIMEOUT(slots, many_logs, 120)
{
	char *mem = svmvcpu_alloc(SLOTS * 3 * PAGE);
	struct test_vm *vm = &self->vm;
	unsigned int i;

	ASSERT_NE(NULL, mem);
	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(0, map_slot(vm, slot_gpa(i), mem + i * 3 * PAGE, 3 * PAGE, RW));
		ASSERT_EQ(0, log_slot(vm, slot_gpa(i), 3 * PAGE, SVMVCPU_LOG_START));
	}
	SETUP_GUEST(vm, add_to_slots, SLOTS);
	RUN_EXPECT(vm, HALT);
	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(1, mem[i * 3 * PAGE]);
		ASSERT_EQ(1ULL, dirty_bits(vm, slot_gpa(i), 3 * PAGE));
	}
	/* Without the log of every second slot */
	for (i = 0; i < SLOTS; i += 2)
		ASSERT_EQ(0, log_slot(vm, slot_gpa(i), 3 * PAGE, SVMVCPU_LOG_STOP));
	SETUP_GUEST(vm, add_to_slots, SLOTS);
	RUN_EXPECT(vm, HALT);
	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(i % 2, dirty_bits(vm, slot_gpa(i), 3 * PAGE));
	svmvcpu_free(mem, SLOTS * 3 * PAGE);
}

/* RDI: the first 2 MiB of the slot, followed by the last 2 MiB */
GUEST64(add_to_ends,
	"mov %rdi, %rsi\n"
	"add $0x3ff000, %rsi\n"
	"1: incl (%rdi)\n"
	"incl (%rsi)\n"
	"out %al, $0x80\n"
	"jmp 1b");

#define ENDS		(1ULL << 39)	/* linear address, in the second entry of the PML4 */
#define TABLE_RIGHTS	3ULL
#define HUGE_RIGHTS	0x83ULL
#define HUGE		(2ULL << 20)

static void map_ends(struct test_vm *vm, __u64 first, __u64 last)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_LONG64, .entry = TEST_CODE, .stack = TEST_STACK,
		.cr3 = TEST_TABLES, .arg = ENDS,
	};
	__u64 *pml4 = (__u64 *)(vm->mem + TEST_TABLES);
	__u64 *pdpt = (__u64 *)(vm->mem + TEST_FREE), *pd = pdpt + 512;

	vm_setup(vm, SVMVCPU_PRESET_LONG64);	/* builds the other tables */
	pml4[ENDS >> 39] = TEST_FREE | TABLE_RIGHTS;
	pdpt[0] = (TEST_FREE + PAGE) | TABLE_RIGHTS;
	pd[0] = first | HUGE_RIGHTS;
	pd[1] = last | HUGE_RIGHTS;
	load_guest(vm, add_to_ends);
	if (svmvcpu_vcpu_setup(&vm->vcpu, &setup))
		vm_die("SETUP");
}

/* The upper half of the address space, at most 1 TiB, of which the guest uses two pages */
TEST_F_TIMEOUT(slots, sparse, 120)
{
	const __u64 gpa = 1ULL << (self->vm.info.gpa_bits - 1);
	const __u64 bytes = gpa < 1ULL << 40 ? gpa : 1ULL << 40, end = gpa + bytes;
	struct test_vm *vm = &self->vm;
	struct svmvcpu_dirty_collect collect = { .gpa = gpa, .bytes = bytes, .max = 8 };
	struct svmvcpu_region rom = { .gpa = gpa, .bytes = bytes, .prot = SVMVCPU_MEM_READ };
	struct svmvcpu_range all = { gpa, bytes };
	__u64 *list;
	char *mem;

	list = mmap(NULL, SVMVCPU_DIRTY_LIST_BYTES, PROT_READ, MAP_SHARED, vm->vm, 0);
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)list);
	ASSERT_NE(MAP_FAILED, (void *)mem);
	ASSERT_EQ(0, madvise(mem, bytes, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, map_slot(vm, gpa, mem, bytes, RW));
	ASSERT_EQ(0, log_slot(vm, gpa, bytes, SVMVCPU_LOG_START));
	map_ends(vm, gpa, end - HUGE);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(1, mem[0]);
	EXPECT_EQ(1, mem[bytes - PAGE]);

	/* By a part of the slot, then the whole slot */
	EXPECT_EQ(1ULL << 63, dirty_bits(vm, end - 64 * PAGE, 64 * PAGE));
	ASSERT_EQ(0, svmvcpu_vm_dirty_collect(vm->vm, &collect));
	ASSERT_EQ(1U, collect.nr);
	EXPECT_EQ(gpa, list[0]);
	RUN_EXPECT(vm, IO);
	ASSERT_EQ(0, svmvcpu_vm_dirty_collect(vm->vm, &collect));
	ASSERT_EQ(2U, collect.nr);
	EXPECT_EQ(gpa + end - PAGE, list[0] + list[1]);

	/* No step depends on the size. */
	rom.hva = (uintptr_t)mem;
	ASSERT_EQ(0, svmvcpu_vm_replace(vm->vm, &rom, 1));
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(gpa, vm->run->memory.gpa);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &all, 1));
	ASSERT_EQ(0, log_slot(vm, gpa, bytes, SVMVCPU_LOG_STOP));
	munmap(mem, bytes);
	munmap(list, SVMVCPU_DIRTY_LIST_BYTES);
}

/* Reads, writes by MOV, reads again, and writes by XCHG */
GUEST32(uses_rom,
	"mov $0x40000000, %esi\n"
	"mov (%esi), %eax\n"
	"movl $0x12345678, 4(%esi)\n"
	"mov 4(%esi), %ecx\n"
	"xchg %ecx, (%esi)\n"
	"hlt");

/* A write to read-only memory is a device access; a read is none. */
TEST_F(slots, read_only)
{
	struct svmvcpu_exits exits = { .decode = SVMVCPU_DECODE_MMIO };
	__u32 *mem = svmvcpu_alloc(PAGE);
	struct test_vm *vm = &self->vm;

	ASSERT_NE(NULL, mem);
	mem[0] = 0x111;
	mem[1] = 0x222;
	ASSERT_EQ(0, map_slot(vm, AREA, mem, PAGE, SVMVCPU_MEM_READ));
	ASSERT_EQ(0, svmvcpu_vcpu_choose_exits(&vm->vcpu, &exits));
	SETUP_GUEST(vm, uses_rom, 0);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(1, vm->run->mmio.write);
	EXPECT_EQ(4, vm->run->mmio.width);
	EXPECT_EQ(AREA + 4, vm->run->mmio.gpa);
	EXPECT_EQ(0x12345678ULL, vm->run->mmio.data);
	EXPECT_EQ(0x111ULL, vm->run->gprs.rax);
	/* for libsvmvcpu-insn */
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(AREA, vm->run->memory.gpa);
	EXPECT_EQ(SVMVCPU_FAULT_WRITE, vm->run->memory.flags & ~SVMVCPU_FAULT_GVA);
	EXPECT_LT(0, vm->run->memory.insn_len);
	EXPECT_EQ(0x87, vm->run->memory.insn[0]);
	EXPECT_EQ(0x222ULL, vm->run->gprs.rcx);
	EXPECT_EQ(0x111U, mem[0]);
	EXPECT_EQ(0x222U, mem[1]);
	svmvcpu_free(mem, PAGE);
}

/* Writes at one address, and reads at the other */
GUEST32(uses_alias,
	"mov $0x40000000, %esi\n"
	"1: incl (%esi)\n"
	"mov 0x2000(%esi), %eax\n"
	"out %al, $0x80\n"
	"jmp 1b");

/* The same memory at two addresses: the log has the address that was used. */
TEST_F(slots, alias)
{
	struct test_vm *vm = &self->vm;
	__u32 *mem = svmvcpu_alloc(PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, map_slot(vm, AREA, mem, PAGE, RW));
	ASSERT_EQ(0, map_slot(vm, AREA + 2 * PAGE, mem, PAGE, RW));
	ASSERT_EQ(0, log_slot(vm, AREA, 4 * PAGE, SVMVCPU_LOG_START));
	SETUP_GUEST(vm, uses_alias, 0);
	for (unsigned int i = 1; i < 4; i++) {
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(i, vm->run->gprs.rax);
		EXPECT_EQ(1ULL, dirty_bits(vm, AREA, 4 * PAGE));
	}
	/* Both follow the VMM's memory. */
	ASSERT_EQ(0, fresh_page(mem));
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(1ULL, vm->run->gprs.rax);
	svmvcpu_free(mem, PAGE);
}

TEST_HARNESS_MAIN
