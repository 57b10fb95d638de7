// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced writes (SET_COALESCED): which writes of a guest exits report together, and in
 * which order; full lists; sleep in HLT; ranges that are added and removed while vCPUs
 * write to them; files closed in any order.
 */
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "guest_idt.h"
#include "guest_thread.h"

#define PORT		0x510
#define DEVICE		0x400000UL	/* behind the memory */
#define MAX_RANGES	64

GUEST64(out1, "out %al, %dx\n hlt");
GUEST64(out2, "out %ax, %dx\n hlt");
GUEST64(out4, "out %eax, %dx\n hlt");
GUEST64(out_in, "out %al, %dx\n in %dx, %al\n hlt");
GUEST64(out_outs, "out %al, %dx\n mov $3, %ecx\n rep outsb\n hlt");
GUEST64(mov2, "mov %ax, (%rdi)\n hlt");
GUEST64(all_kinds,
	"out %al, %dx\n"
	"mov %al, (%rdi)\n"
	"out %ax, %dx\n"
	"mov %ax, 2(%rdi)\n"
	"out %eax, %dx\n"
	"mov %eax, 4(%rdi)\n"
	"mov %rax, 8(%rdi)\n"
	"hlt");
GUEST64(load, "mov %al, (%rdi)\n mov (%rdi), %eax\n hlt");
GUEST64(strings, "mov $3, %ecx\n rep stosl\n movsl\n hlt");
GUEST64(out_many, "1: out %eax, %dx\n inc %eax\n dec %ecx\n jnz 1b\n hlt");
GUEST64(mov_many, "1: mov %eax, (%rdi)\n inc %eax\n dec %ecx\n jnz 1b\n hlt");
GUEST64(out_sleep, "out %al, %dx\n sti\n hlt");
GUEST64(out_apic,
	"out %al, %dx\n"
	"mov $0xfee00080, %ebx\n"
	"movl $0x33, (%rbx)\n"
	"mov (%rbx), %eax\n"
	"hlt");
/* Both kinds in a loop, for tests in threads; no value is written twice. */
GUEST32(count_loop,
	"sti\n"
	"mov $0x510, %edx\n"
	"1: out %eax, %dx\n"
	"inc %eax\n"
	"mov %eax, 0x400000\n"
	"inc %eax\n"
	"jmp 1b");

VM_FIXTURE(coalesced)

/* Room for the guest's addresses in the page tables, but no memory at DEVICE */
static void start_at(struct test_vm *vm, const unsigned char *code, size_t len, __u64 rax,
		     __u64 rcx)
{
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_LONG64, .entry = TEST_CODE, .stack = TEST_STACK,
		.cr3 = TEST_TABLES,
	};

	vm_load(vm, TEST_CODE, code, len);
	if (svmvcpu_identity_map(vm->mem + TEST_TABLES, TEST_TABLES, 4UL << 30) ||
	    svmvcpu_vcpu_setup(&vm->vcpu, &setup))
		vm_die("SETUP");
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	vm->run->gprs = (struct svmvcpu_gprs) {
		.rax = rax, .rcx = rcx, .rdx = PORT, .rdi = DEVICE, .rsi = TEST_DATA,
		.rsp = TEST_STACK, .rip = TEST_CODE, .rflags = 2,
	};
}

#define START(vm, name, rax)		\
	start_at(vm, guest_##name, guest_##name##_end - guest_##name, rax, 0)
#define START_MANY(vm, name, rcx)	\
	start_at(vm, guest_##name, guest_##name##_end - guest_##name, 0, rcx)

#define REMOVE	SVMVCPU_COALESCED_REMOVE
#define PIO	SVMVCPU_COALESCED_PIO

static int set(struct test_vm *vm, __u32 flags, __u64 address, __u64 bytes)
{
	return -svmvcpu_vm_coalesced(vm->vm, flags, address, bytes);
}

static int decode_mmio(struct svmvcpu_vcpu *vcpu)
{
	const struct svmvcpu_exits exits = {
		.size = sizeof(exits), .decode = SVMVCPU_DECODE_MMIO,
	};

	return ioctl_errno(vcpu->fd, SVMVCPU_SET_EXITS, &exits);
}

/* The list that the last exit has reported, which must have @want writes. */
#define TAKE(vm, want)							\
({									\
	unsigned int nr_;						\
	const struct svmvcpu_write *list_;				\
									\
	list_ = svmvcpu_vcpu_take_writes(&(vm)->vcpu, &nr_);		\
	ASSERT_EQ((unsigned int)(want), nr_);				\
	list_;								\
})

#define EXPECT_WRITE(write, is_pio, at, bytes, value)			\
do {									\
	const struct svmvcpu_write *write_ = (write);			\
	EXPECT_EQ(is_pio, write_->pio);					\
	EXPECT_EQ((__u64)(at), write_->address);			\
	EXPECT_EQ(bytes, write_->width);				\
	EXPECT_EQ((__u64)(value), write_->data);			\
	EXPECT_EQ(0, memcmp(write_->mbz, "\0\0\0\0\0\0", 6));		\
} while (0)

/* Ports and addresses share one list, in program order. */
TEST_F(coalesced, all_widths)
{
	const __u64 value = 0x8877665544332211;
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_write *list;

	ASSERT_EQ(0, set(vm, PIO, PORT, 4));
	ASSERT_EQ(0, set(vm, 0, DEVICE, 16));
	START(vm, all_kinds, value);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(7, vm->run->coalesced);
	list = TAKE(vm, 7);
	EXPECT_WRITE(&list[0], 1, PORT, 1, 0x11);
	EXPECT_WRITE(&list[1], 0, DEVICE, 1, 0x11);
	EXPECT_WRITE(&list[2], 1, PORT, 2, 0x2211);
	EXPECT_WRITE(&list[3], 0, DEVICE + 2, 2, 0x2211);
	EXPECT_WRITE(&list[4], 1, PORT, 4, 0x44332211);
	EXPECT_WRITE(&list[5], 0, DEVICE + 4, 4, 0x44332211);
	EXPECT_WRITE(&list[6], 0, DEVICE + 8, 8, value);
	/* The library returns them once, the kernel reports them once. */
	TAKE(vm, 0);
	START(vm, out1, 0x41);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 1, PORT, 1, 0x41);
	ASSERT_EQ(0, set(vm, PIO | REMOVE, PORT, 4));
	START(vm, out1, 0x41);
	RUN_EXPECT(vm, IO);
	TAKE(vm, 0);
}

/* The next exit reports the writes before it, whatever it is. */
TEST_F(coalesced, before_exit)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, decode_mmio(&vm->vcpu));
	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	ASSERT_EQ(0, set(vm, 0, DEVICE, 8));
	START(vm, out_in, 1);
	RUN_EXPECT(vm, IO);
	EXPECT_TRUE(vm->run->io.flags & SVMVCPU_IO_IN);
	TAKE(vm, 1);
	vm->run->answer = 7;
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(7UL, vm->run->gprs.rax);
	TAKE(vm, 0);
	/* OUTS exits with all of its elements. */
	START(vm, out_outs, 1);
	RUN_EXPECT(vm, IO);
	EXPECT_TRUE(vm->run->io.flags & SVMVCPU_IO_STRING);
	EXPECT_EQ(3U, vm->run->io.count);
	TAKE(vm, 1);
	START(vm, load, 1);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(0, vm->run->mmio.write);
	EXPECT_WRITE(TAKE(vm, 1), 0, DEVICE, 1, 1);
}

/* Without DECODE_MMIO as well */
TEST_F(coalesced, string_moves)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_write *list;

	ASSERT_EQ(0, set(vm, 0, DEVICE, 16));
	memcpy(vm->mem + TEST_DATA, "\x78\x56\x34\x12", 4);
	START(vm, strings, 9);
	RUN_EXPECT(vm, HALT);
	list = TAKE(vm, 4);
	for (int i = 0; i < 3; i++)
		EXPECT_WRITE(&list[i], 0, DEVICE + 4 * i, 4, 9);
	EXPECT_WRITE(&list[3], 0, DEVICE + 12, 4, 0x12345678);
}

/* All bytes of a write must be in one range. */
TEST_F(coalesced, edges)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, decode_mmio(&vm->vcpu));
	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	ASSERT_EQ(0, set(vm, PIO, PORT + 1, 2));
	ASSERT_EQ(0, set(vm, 0, DEVICE + 1, 3));
	START(vm, out2, 0x4241);
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0x4241U, vm->run->io.data);
	TAKE(vm, 0);
	START(vm, out2, 0x4241);
	vm->run->gprs.rdx = PORT + 1;
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 1, PORT + 1, 2, 0x4241);
	START(vm, out2, 0x4241);
	vm->run->gprs.rdx = PORT + 2;
	RUN_EXPECT(vm, IO);
	START(vm, out1, 0x41);
	vm->run->gprs.rdx = PORT + 3;
	RUN_EXPECT(vm, IO);
	START(vm, mov2, 0x4241);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(DEVICE, vm->run->mmio.gpa);
	START(vm, mov2, 0x4241);
	vm->run->gprs.rdi = DEVICE + 3;
	RUN_EXPECT(vm, MMIO);
	TAKE(vm, 0);
	START(vm, mov2, 0x4241);
	vm->run->gprs.rdi = DEVICE + 2;
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 0, DEVICE + 2, 2, 0x4241);
	/* A port above 0xffff does not become an address. */
	ASSERT_EQ(0, set(vm, PIO, 0xfffd, 3));
	ASSERT_EQ(0, set(vm, 0, 0x10000, 1));
	START(vm, out4, 1);
	vm->run->gprs.rdx = 0xfffd;
	RUN_EXPECT(vm, IO);
	TAKE(vm, 0);
}

TEST_F(coalesced, full_ports)
{
	const unsigned int max = self->vm.info.max_coalesced;
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_write *list;

	ASSERT_EQ(0, set(vm, PIO, PORT, 4));
	START_MANY(vm, out_many, max);
	RUN_EXPECT(vm, HALT);
	TAKE(vm, max);
	START_MANY(vm, out_many, 2 * max + 2);
	for (unsigned int turn = 0; turn < 2; turn++) {
		const unsigned int first = turn * (max + 1);

		RUN_EXPECT(vm, IO);
		EXPECT_EQ(first + max, vm->run->io.data);
		list = TAKE(vm, max);
		for (unsigned int i = 0; i < max; i++)
			EXPECT_WRITE(&list[i], 1, PORT, 4, first + i);
	}
	RUN_EXPECT(vm, HALT);
	TAKE(vm, 0);
}

TEST_F(coalesced, full_decoded)
{
	const unsigned int max = self->vm.info.max_coalesced;
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, decode_mmio(&vm->vcpu));
	ASSERT_EQ(0, set(vm, 0, DEVICE, 4));
	START_MANY(vm, mov_many, max + 2);
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(max, vm->run->mmio.data);
	EXPECT_WRITE(TAKE(vm, max) + max - 1, 0, DEVICE, 4, max - 1);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 0, DEVICE, 4, max + 1);
}

/* The guest makes the write again, and it is the first of the next list. */
TEST_F(coalesced, full_not_decoded)
{
	const unsigned int max = self->vm.info.max_coalesced;
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, set(vm, 0, DEVICE, 4));
	START_MANY(vm, mov_many, max + 2);
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(DEVICE, vm->run->memory.gpa);
	TAKE(vm, max);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 2), 0, DEVICE, 4, max);
}

/* A doorbell takes the writes that it matches. */
TEST_F(coalesced, behind_doorbells)
{
	struct svmvcpu_ioeventfd bell = {
		.flags = SVMVCPU_IOEVENTFD_PIO | SVMVCPU_IOEVENTFD_DATA, .fd = eventfd(0, 0),
		.width = 1, .address = PORT, .data = 0x41,
	};
	struct test_vm *vm = &self->vm;
	__u64 count = 0;

	ASSERT_EQ(0, set(vm, PIO, 0, 0x10000));
	ASSERT_EQ(0, svmvcpu_vm_ioeventfd(vm->vm, &bell));
	START(vm, out1, 0x41);
	RUN_EXPECT(vm, HALT);
	TAKE(vm, 0);
	ASSERT_EQ((ssize_t)sizeof(count), read(bell.fd, &count, sizeof(count)));
	EXPECT_EQ(1UL, count);
	START(vm, out1, 0x42);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 1, PORT, 1, 0x42);
	/* The ports of SYSTEM_DOWN are in the range, too. */
	START(vm, out1, 6);
	vm->run->gprs.rdx = 0xcf9;
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 1, 0xcf9, 1, 6);
	close(bell.fd);
}

/* A region hides a range, until it is removed. */
TEST_F(coalesced, under_memory)
{
	struct svmvcpu_range range = { .gpa = TEST_FREE, .bytes = PAGE };
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, set(vm, 0, 0, 1UL << 32));
	START(vm, mov2, 0x1234);
	vm->run->gprs.rdi = TEST_FREE;
	RUN_EXPECT(vm, HALT);
	TAKE(vm, 0);
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "\x34\x12", 2));
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	START(vm, mov2, 0x5678);
	vm->run->gprs.rdi = TEST_FREE;
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 0, TEST_FREE, 2, 0x5678);
	EXPECT_EQ(0, memcmp(vm->mem + TEST_FREE, "\x34\x12", 2));
}

/* A region that does not allow the write does not hide a range. Reads get its memory. */
TEST_F(coalesced, over_rom)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_region rom = {
		.gpa = DEVICE, .bytes = PAGE, .prot = SVMVCPU_MEM_READ,
		.hva = (uintptr_t)vm->mem + TEST_FREE,
	};

	memset(vm->mem + TEST_FREE, 0x77, 4);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &rom, 1));
	ASSERT_EQ(0, set(vm, 0, DEVICE, PAGE));
	START(vm, load, 5);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 0, DEVICE, 1, 5);
	EXPECT_EQ(0x77777777ULL, vm->run->gprs.rax);
}

/* The step of the instruction that writes reports the write. */
TEST_F(coalesced, single_step)
{
	struct svmvcpu_set_debug debug = { .flags = SVMVCPU_DEBUG_STEP };
	struct test_vm *vm = &self->vm;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	START(vm, out1, 6);
	ASSERT_EQ(0, svmvcpu_vcpu_set_debug(&vm->vcpu, &debug));
	RUN_EXPECT(vm, DEBUG);
	EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	TAKE(vm, 1);
}

TEST_F(coalesced, arguments)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	struct test_vm *vm = &self->vm;
	const struct {
		__u32 flags;
		__u64 address;
		__u64 bytes;
	} bad[] = {
		{ PIO, PORT, 0 }, { PIO, 0x10000, 1 }, { PIO, 0xffff, 2 }, { PIO, 0, 0x10001 },
		{ PIO, 1, ~0ULL }, { PIO, PORT, 1ULL << 63 }, { PIO, 1ULL << 63 | PORT, 1 },
		{ PIO, 1ULL << 32 | PORT, 1 }, { 0, DEVICE, 0 }, { 0, top, 1 }, { 0, top - 1, 2 },
		{ 0, 0, top + 1 }, { 0, 0, ~0ULL }, { 0, DEVICE, ~0ULL }, { 0, ~0ULL, 1 },
		{ 0, ~0ULL, 2 }, { 0, 1ULL << 63, 1 }, { 4, DEVICE, 1 }, { 1U << 31, DEVICE, 1 },
	};
	const __u32 sizes[] = { 0, 8, sizeof(struct svmvcpu_coalesced) - 1 };
	struct svmvcpu_coalesced arg = { .address = PORT, .bytes = 1, .flags = PIO };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EINVAL, set(vm, bad[i].flags, bad[i].address, bad[i].bytes)) {
			TH_LOG("row %u", i);
		}
		EXPECT_EQ(EINVAL, set(vm, REMOVE | bad[i].flags, bad[i].address, bad[i].bytes));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		arg.size = sizes[i];
		EXPECT_EQ(EINVAL, ioctl_errno(vm->vm, SVMVCPU_SET_COALESCED, &arg));
	}
	/* the extremes; none of the calls above has added anything */
	EXPECT_EQ(0, set(vm, PIO, 0, 0x10000));
	EXPECT_EQ(0, set(vm, 0, 0, top));
}

TEST_F(coalesced, overlaps)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, PORT, 4));
	EXPECT_EQ(0, set(vm, PIO, PORT, 4));
	EXPECT_EQ(EEXIST, set(vm, PIO, PORT, 4));
	EXPECT_EQ(EEXIST, set(vm, PIO, PORT + 3, 1));
	EXPECT_EQ(EEXIST, set(vm, PIO, PORT - 1, 2));
	EXPECT_EQ(EEXIST, set(vm, PIO, PORT + 1, 1));
	EXPECT_EQ(EEXIST, set(vm, PIO, 0, 0x10000));
	EXPECT_EQ(0, set(vm, PIO, PORT - 1, 1));
	EXPECT_EQ(0, set(vm, PIO, PORT + 4, 1));
	EXPECT_EQ(0, set(vm, 0, PORT, 4));
	/* REMOVE needs all values. */
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, PORT, 3));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, PORT + 1, 3));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, PORT - 1, 6));
	EXPECT_EQ(0, set(vm, REMOVE | PIO, PORT, 4));
	EXPECT_EQ(ENOENT, set(vm, REMOVE | PIO, PORT, 4));
	EXPECT_EQ(0, set(vm, REMOVE, PORT, 4));
}

TEST_F(coalesced, at_most)
{
	struct test_vm *vm = &self->vm;

	for (unsigned int i = 0; i < MAX_RANGES; i++)
		ASSERT_EQ(0, set(vm, i & 1 ? PIO : 0, PORT + i, 1));
	EXPECT_EQ(ENOSPC, set(vm, PIO, 0, 1));
	EXPECT_EQ(EEXIST, set(vm, 0, PORT, 1));
	EXPECT_EQ(0, set(vm, REMOVE, PORT, 1));
	EXPECT_EQ(0, set(vm, PIO, PORT, 1));
	EXPECT_EQ(ENOSPC, set(vm, 0, 0, 1));
	START(vm, out1, 5);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, 1), 1, PORT, 1, 5);
}

/* RUN reports the writes before it sleeps in HLT, and only then sleeps. */
TEST_F(coalesced, sleep)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	svmvcpu_vcpu_close(&vm->vcpu);
	ASSERT_EQ(0, svmvcpu_vcpu_create_flags(vm->vm, 0, SVMVCPU_VCPU_LAPIC, &vm->info,
					       &vm->vcpu));
	vm->run = vm->vcpu.run;
	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	for (int kick = 0; kick < 2; kick++) {
		START(vm, out_sleep, 0x23);
		vm->run->deadline_ns = now_ns() + 10000000000ULL;
		RUN_EXPECT(vm, INTERRUPTED);
		EXPECT_EQ(SVMVCPU_BY_COALESCED, vm->run->interrupted.by);
		EXPECT_EQ(TEST_CODE + guest_out_sleep_end - guest_out_sleep, vm->run->gprs.rip);
		EXPECT_WRITE(TAKE(vm, 1), 1, PORT, 1, 0x23);
		vm_get_state(vm, &state);
		EXPECT_EQ(SVMVCPU_ACTIVITY_HALTED, state.events.activity);
		vm->run->deadline_ns = kick ? 0 : now_ns() + 20000000;
		if (kick)
			ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
		RUN_EXPECT(vm, INTERRUPTED);
		EXPECT_EQ(kick ? SVMVCPU_BY_KICK : SVMVCPU_BY_DEADLINE,
			  vm->run->interrupted.by);
		vm->run->deadline_ns = 0;
		TAKE(vm, 0);
	}
}

/* The register page of the local APIC is not device memory. */
TEST_F(coalesced, apic_page)
{
	struct test_vm *vm = &self->vm;

	svmvcpu_vcpu_close(&vm->vcpu);
	ASSERT_EQ(0, svmvcpu_vcpu_create_flags(vm->vm, 0, SVMVCPU_VCPU_LAPIC, &vm->info,
					       &vm->vcpu));
	vm->run = vm->vcpu.run;
	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	ASSERT_EQ(0, set(vm, 0, 0xfee00000, PAGE));
	START(vm, out_apic, 1);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x33UL, vm->run->gprs.rax);
	EXPECT_WRITE(TAKE(vm, 1), 1, PORT, 1, 1);
}

/* RESTORE keeps ranges, and drops the writes after the snapshot. */
TEST_F(coalesced, restore)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, set(vm, PIO, PORT, 4));
	START_MANY(vm, out_many, 3);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(3, vm->run->coalesced);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	EXPECT_EQ(3, vm->run->coalesced);
	START_MANY(vm, out_many, 5);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(5, vm->run->coalesced);
	ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	TAKE(vm, 0);
	START_MANY(vm, out_many, 2);
	RUN_EXPECT(vm, HALT);
	TAKE(vm, 2);
}

/* Another process can neither change the ranges nor see the list. */
TEST_F(coalesced, fork)
{
	struct test_vm *vm = &self->vm;
	unsigned char vec;
	int status;
	pid_t child;

	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	START(vm, out1, 0);
	RUN_EXPECT(vm, HALT);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(set(vm, REMOVE | PIO, PORT, 1) == EIO &&
		      mincore(vm->run, PAGE, &vec) && errno == ENOMEM ? 0 : 1);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	TAKE(vm, 1);
}

/* The guest writes after the VM file has been closed. */
TEST_F(coalesced, closed_first)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, set(vm, PIO, PORT, 1));
	ASSERT_EQ(0, set(vm, 0, DEVICE, 1));
	close(vm->vm);
	vm->vm = -1;
	START(vm, out1, 0);
	RUN_EXPECT(vm, HALT);
	TAKE(vm, 1);
}

static void *scribble(void *arg)
{
	struct guest_thread *gt = arg;
	volatile unsigned char *page = (void *)gt->vcpu->run;

	while (!gt->stop) {
		gt->vcpu->run->coalesced = 0xff;
		gt->vcpu->run->coalesced_offset = 0xffff;
		for (size_t i = 1024; i < PAGE; i++)
			page[i] = 0xff;
	}
	return NULL;
}

/* What the VMM writes to the count and to the list has no effect on the kernel. */
TEST_F(coalesced, scribbled)
{
	const unsigned int max = self->vm.info.max_coalesced;
	const unsigned int rounds = slow_machine() ? 20 : 200;
	struct test_vm *vm = &self->vm;
	struct guest_thread gt = { .vcpu = &vm->vcpu };
	unsigned int nr;

	ASSERT_EQ(0, set(vm, PIO, PORT, 4));
	ASSERT_EQ(0, pthread_create(&gt.thread, NULL, scribble, &gt));
	for (unsigned int i = 0; i < rounds; i++) {
		START_MANY(vm, out_many, max + 1);
		RUN_EXPECT(vm, IO);
		EXPECT_EQ(max, vm->run->io.data);
		/* The library checks what it reads. */
		vm->run->coalesced_offset = 0xffff;
		EXPECT_EQ(NULL, svmvcpu_vcpu_take_writes(&vm->vcpu, &nr));
		EXPECT_EQ(0U, nr);
	}
	gt.stop = true;
	guest_thread_join(&gt);
	vm->run->coalesced_offset = 1024;
	START_MANY(vm, out_many, max);
	RUN_EXPECT(vm, HALT);
	EXPECT_WRITE(TAKE(vm, max) + max - 1, 1, PORT, 4, max - 1);
}

struct writer {
	struct guest_thread gt;
	__u32 next;		/* the value that comes next */
	__u32 wrong;		/* values that did not */
	__u64 listed;
	__u64 exited;
};

static void came(struct writer *w, bool pio, __u64 data)
{
	if (data != w->next || pio == (data & 1))
		w->wrong++;
	w->next = data + 1;
}

/* Runs the guest that counts, and checks that each value comes once, in order. */
static void *count(void *arg)
{
	struct writer *w = arg;
	struct svmvcpu_run *run = w->gt.vcpu->run;
	const struct svmvcpu_write *list;
	unsigned int nr;

	do {
		w->gt.err = ioctl(w->gt.vcpu->fd, SVMVCPU_RUN, 0) ? errno : 0;
		if (w->gt.err)
			break;
		list = svmvcpu_vcpu_take_writes(w->gt.vcpu, &nr);
		for (unsigned int i = 0; i < nr; i++)
			came(w, list[i].pio, list[i].data);
		w->listed += nr;
		if (run->reason == SVMVCPU_EXIT_INTERRUPTED)
			continue;
		w->exited++;
		if (run->reason == SVMVCPU_EXIT_IO)
			came(w, true, run->io.data);
		else if (run->reason == SVMVCPU_EXIT_MMIO)
			came(w, false, run->mmio.data);
		else
			break;
	} while (!w->gt.stop);
	return NULL;
}

/* More vCPUs than CPUs write while ranges come and go: nothing is lost or doubled. */
TEST_F(coalesced, change_under_load)
{
	const unsigned int rounds = slow_machine() ? 100 : 1000;
	struct svmvcpu_vcpu vcpu[4];
	struct writer w[4] = { };
	struct test_vm *vm = &self->vm;

	load_guest(vm, count_loop);
	for (int i = 0; i < 4; i++) {
		const struct svmvcpu_setup setup = {
			.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE,
			.stack = TEST_STACK,
		};

		ASSERT_EQ(0, svmvcpu_vcpu_create(vm->vm, i + 1, &vm->info, &vcpu[i]));
		ASSERT_EQ(0, svmvcpu_vcpu_setup(&vcpu[i], &setup));
		ASSERT_EQ(0, decode_mmio(&vcpu[i]));
		w[i].gt.vcpu = &vcpu[i];
		ASSERT_EQ(0, pthread_create(&w[i].gt.thread, NULL, count, &w[i]));
	}
	for (unsigned int i = 0; i < rounds; i++) {
		ASSERT_EQ(0, set(vm, PIO, PORT, 4));
		ASSERT_EQ(0, set(vm, 0, DEVICE, PAGE));
		if (!(i % 16))
			ASSERT_TRUE(WAIT_UNTIL(*(volatile __u64 *)&w[i / 16 % 4].listed));
		if (!(i % 4))
			usleep(100);
		ASSERT_EQ(0, set(vm, REMOVE | PIO, PORT, 4));
		ASSERT_EQ(0, set(vm, REMOVE, DEVICE, PAGE));
	}
	for (int i = 0; i < 4; i++) {
		w[i].gt.stop = true;
		svmvcpu_vcpu_kick(&vcpu[i]);
		guest_thread_join(&w[i].gt);
		EXPECT_EQ(0, w[i].gt.err);
		EXPECT_EQ(0U, w[i].wrong);
		EXPECT_NE((__u32)SVMVCPU_EXIT_MEMORY_FAULT, vcpu[i].run->reason);
		EXPECT_LT(0UL, w[i].listed);
		TH_LOG("vCPU %d: %llu writes in lists, %llu exits", i, w[i].listed, w[i].exited);
		svmvcpu_vcpu_close(&vcpu[i]);
	}
}

/* SIGKILL while a guest fills its list; the VM goes away. */
TEST_F(coalesced, killed)
{
	int ready[2], status;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct test_vm vm;

		vm_open(&vm);
		if (set(&vm, PIO, PORT, 4) || set(&vm, 0, DEVICE, 4) || decode_mmio(&vm.vcpu))
			_exit(1);
		load_guest(&vm, count_loop);
		vm_setup(&vm, SVMVCPU_PRESET_PROT32);
		while (!vm_run(&vm))
			if (write(ready[1], "", 1) != 1)
				break;
		_exit(2);
	}
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
}

TEST_HARNESS_MAIN
