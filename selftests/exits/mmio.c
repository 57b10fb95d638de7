// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO exits: the MOV family on addresses without a region, in modes that differ, with
 * each width and both directions, and instructions outside the family.
 */
#include <pthread.h>

#include "svmvcpu_test.h"

#define DEVICE	0x300000UL	/* a hole that the fixture makes in memory */

FIXTURE(exit_mmio) {
	struct test_vm vm;
};

FIXTURE_SETUP(exit_mmio)
{
	struct svmvcpu_range hole = { .gpa = DEVICE, .bytes = 0x10000 };
	struct svmvcpu_exits exits = {
		.size = sizeof(exits), .decode = SVMVCPU_DECODE_MMIO,
	};
	struct test_vm *vm = &self->vm;

	vm_open(vm);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	ASSERT_EQ(0, ioctl(vm->vcpu.fd, SVMVCPU_SET_EXITS, &exits));
}

VM_TEARDOWN(exit_mmio)

#define EXPECT_MMIO(vm, at, bytes, is_write, value)		\
do {								\
	RUN_EXPECT(vm, MMIO);					\
	EXPECT_EQ(DEVICE + (at), (vm)->run->mmio.gpa);		\
	EXPECT_EQ(bytes, (vm)->run->mmio.width);		\
	EXPECT_EQ(is_write, (vm)->run->mmio.write);		\
	EXPECT_EQ((unsigned long long)(value), (vm)->run->mmio.data);	\
} while (0)

GUEST64(widths,
	"mov $0x300000, %ebx\n"
	"movabs $0x8877665544332211, %rax\n"
	"mov %al, (%rbx)\n"
	"mov %ax, 2(%rbx)\n"
	"mov %eax, 4(%rbx)\n"
	"mov %rax, 8(%rbx)\n"
	"movl $0x12345678, 0x10(%rbx)\n"
	"mov %ah, 0x18(%rbx)\n"
	"mov 0x20(%rbx), %cl\n"
	"mov 0x24(%rbx), %edx\n"
	"movzwl 0x28(%rbx), %esi\n"
	"movsbq 0x2a(%rbx), %rdi\n"
	"hlt");

TEST_F(exit_mmio, widths)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, widths);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	EXPECT_MMIO(vm, 0, 1, 1, 0x11);
	EXPECT_MMIO(vm, 2, 2, 1, 0x2211);
	EXPECT_MMIO(vm, 4, 4, 1, 0x44332211);
	EXPECT_MMIO(vm, 8, 8, 1, 0x8877665544332211);
	EXPECT_MMIO(vm, 0x10, 4, 1, 0x12345678);
	EXPECT_MMIO(vm, 0x18, 1, 1, 0x22);
	EXPECT_MMIO(vm, 0x20, 1, 0, 0);
	vm->run->gprs.rcx = 0x1111111111111111;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->answer = 0xffffffffffffff99;
	EXPECT_MMIO(vm, 0x24, 4, 0, 0);
	EXPECT_EQ(0x1111111111111199ULL, vm->run->gprs.rcx);
	vm->run->gprs.rdx = ~0ULL;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->answer = 0x80000001;
	EXPECT_MMIO(vm, 0x28, 2, 0, 0);
	EXPECT_EQ(0x80000001ULL, vm->run->gprs.rdx);
	vm->run->answer = 0xffff8001;
	EXPECT_MMIO(vm, 0x2a, 1, 0, 0);
	EXPECT_EQ(0x8001ULL, vm->run->gprs.rsi);
	vm->run->answer = 0x80;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0xffffffffffffff80ULL, vm->run->gprs.rdi);
}

GUEST32(strings,
	"cld\n"
	"mov $0x300000, %edi\n"
	"mov $0x8000, %esi\n"
	"mov $2, %ecx\n"
	"rep movsl\n"
	"mov $0xabcd, %eax\n"
	"mov $2, %ecx\n"
	"rep stosw\n"
	"mov $0x300100, %esi\n"
	"mov $0x8010, %edi\n"
	"movsb\n"
	"hlt");

TEST_F(exit_mmio, strings)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, strings);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	memcpy(vm->mem + TEST_DATA, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	vm->mem[TEST_DATA + 0x11] = 0x77;
	EXPECT_MMIO(vm, 0, 4, 1, 0x04030201);
	EXPECT_MMIO(vm, 4, 4, 1, 0x08070605);
	EXPECT_MMIO(vm, 8, 2, 1, 0xabcd);
	EXPECT_EQ(2ULL, vm->run->gprs.rcx);
	EXPECT_MMIO(vm, 10, 2, 1, 0xabcd);
	EXPECT_EQ(1ULL, vm->run->gprs.rcx);
	EXPECT_MMIO(vm, 0x100, 1, 0, 0);
	vm->run->answer = 0x5a;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x5a, vm->mem[TEST_DATA + 0x10]);
	EXPECT_EQ(0x77, vm->mem[TEST_DATA + 0x11]);
	EXPECT_EQ(0x300101ULL, vm->run->gprs.rsi);
	EXPECT_EQ(0x8011ULL, vm->run->gprs.rdi);
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
}

GUEST64(others,
	"mov $0x300000, %ebx\n"
	"add %eax, (%rbx)\n"
	"hlt");

/* Read-modify-write instructions are completed in user space, with their bytes. */
TEST_F(exit_mmio, not_mov)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, others);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(DEVICE, vm->run->memory.gpa);
	ASSERT_LE(2, vm->run->memory.insn_len);
	EXPECT_EQ(0x01, vm->run->memory.insn[0]);
	/* a result that was not asked for is ignored */
	vm->run->in_flags = SVMVCPU_RUN_RETRY;
	EXPECT_EQ(EINVAL, vm_run(vm));
}

GUEST64(crossing,
	"mov %rax, 0x2ffffc\n"
	"hlt");

/* Half memory, half device: neither the kernel nor a device can do such an access. */
TEST_F(exit_mmio, across_the_edge)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, crossing);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(DEVICE, vm->run->memory.gpa);
}

GUEST64(retry,
	"mov $0x300000, %ebx\n"
	"movl $0x600df00d, (%rbx)\n"
	"mov 8(%rbx), %eax\n"
	"hlt");

TEST_F(exit_mmio, retry)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_region back = {
		.gpa = DEVICE, .bytes = 0x1000, .hva = (uintptr_t)vm->mem + DEVICE,
		.prot = SVMVCPU_MEM_READ,
	};
	struct svmvcpu_range off = { .gpa = DEVICE, .bytes = 0x1000 };

	load_guest(vm, retry);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	*(uint32_t *)(vm->mem + DEVICE + 8) = 0xcafe;
	EXPECT_MMIO(vm, 0, 4, 1, 0x600df00d);
	/* a write to read-only memory is a device access too */
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &back, 1));
	vm->run->in_flags = SVMVCPU_RUN_RETRY;
	EXPECT_MMIO(vm, 0, 4, 1, 0x600df00d);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &off, 1));
	back.prot |= SVMVCPU_MEM_WRITE;
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &back, 1));
	vm->run->in_flags = SVMVCPU_RUN_RETRY;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x600df00dU, *(uint32_t *)(vm->mem + DEVICE));
	EXPECT_EQ(0xcafeULL, vm->run->gprs.rax);
}

/* Instruction fetches and page table walks are not device accesses. */
GUEST64(jump,
	"mov $0x300000, %ebx\n"
	"jmp *%rbx");

TEST_F(exit_mmio, fetch)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, jump);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_TRUE(vm->run->memory.flags & SVMVCPU_FAULT_EXEC);
}

GUEST16(real,
	"mov $0x8000, %ax\n"
	"mov %ax, %ds\n"
	"mov $0x55, %al\n"
	"mov %al, (0x10)\n"
	"movb (0x20), %ah\n"
	"hlt");

TEST_F(exit_mmio, real_mode)
{
	struct svmvcpu_range hole = { .gpa = 0x80000, .bytes = 0x1000 };
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &hole, 1));
	load_guest(vm, real);
	vm_setup(vm, SVMVCPU_PRESET_REAL);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(0x80010ULL, vm->run->mmio.gpa);
	EXPECT_EQ(0x55ULL, vm->run->mmio.data);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(0x80020ULL, vm->run->mmio.gpa);
	EXPECT_EQ(0, vm->run->mmio.write);
	vm->run->answer = 0x66;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x6655ULL, vm->run->gprs.rax & 0xffff);
}

/* 1: mov %eax, (%rbx) or, with the last bit of ModRM changed, (%rdx); jmp 1b */
GUEST64(rewritten,
	"mov $0x300000, %ebx\n"
	"mov $0x301008, %edx\n"
	"mov $0x600df00d, %eax\n"
	"1: mov %eax, (%rbx)\n"
	"jmp 1b");

#define MODRM_AT	(TEST_CODE + 16)
#define USES_RDX	1	/* mov %eax, (%rdx) is 89 02, with (%rbx) it is 89 03 */

/**
 * struct rewriter - changes the instruction while the guest executes it
 * @modrm: its second byte
 * @changes: so far
 * @stop: .
 */
struct rewriter {
	unsigned char *modrm;
	unsigned int changes;
	volatile bool stop;
};

static void *rewrite(void *arg)
{
	struct rewriter *r = arg;
	unsigned int n;

	pin_to_cpu(0);
	for (n = 0; !r->stop; n++) {
		__atomic_xor_fetch(r->modrm, USES_RDX, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&r->changes, 1, __ATOMIC_SEQ_CST);
		usleep(20 + n % 64);
	}
	return NULL;
}

/*
 * The instruction changes between the access and the decoding of it. Both versions
 * access the device, so the VMM must see nothing else.
 */
TEST_F(exit_mmio, rewritten)
{
	const unsigned int changes = slow_machine() ? 300 : 3000;
	struct test_vm *vm = &self->vm;
	struct rewriter r = { .modrm = vm->mem + MODRM_AT };
	const struct svmvcpu_exit_mmio *mmio = &vm->run->mmio;
	unsigned int seen[2] = { 0 };
	pthread_t thread;
	char text[256];

	load_guest(vm, rewritten);
	ASSERT_EQ(0x03, *r.modrm);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	ASSERT_EQ(0, pin_to_cpu(1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, rewrite, &r));
	while (__atomic_load_n(&r.changes, __ATOMIC_SEQ_CST) < changes) {
		if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_MMIO || mmio->width != 4 ||
		    mmio->data != 0x600df00d ||
		    (mmio->gpa != DEVICE && mmio->gpa != DEVICE + 0x1008))
			break;
		seen[mmio->gpa != DEVICE]++;
	}
	r.stop = true;
	pthread_join(thread, NULL);
	svmvcpu_describe_exit(vm->run, NULL, text, sizeof(text));
	TH_LOG("%u changes, %u and %u accesses; the last: %s", r.changes, seen[0], seen[1], text);
	EXPECT_LE(changes, r.changes);
	EXPECT_LT(0U, seen[0]);
	EXPECT_LT(0U, seen[1]);
}

/* Without the option the same accesses are memory faults, which execute again. */
TEST_F(exit_mmio, only_on_demand)
{
	struct svmvcpu_exits exits = { .size = sizeof(exits) };
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, ioctl(vm->vcpu.fd, SVMVCPU_SET_EXITS, &exits));
	load_guest(vm, retry);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	RUN_EXPECT(vm, MEMORY_FAULT);
	exits.decode = 2;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_EXITS, &exits));
}

TEST_HARNESS_MAIN
