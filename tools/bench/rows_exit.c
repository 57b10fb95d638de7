// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows: exits to user space and back. The guest repeats an operation and the program
 * completes its exits; each round is one RUN.
 */
#include "bench.h"

static uint64_t empty_ioctl(unsigned int n)
{
	uint64_t begin = ticks();

	while (n--)
		dev_empty_ioctl();
	return ticks() - begin;
}

/* RUN n times, each ending with this exit; @answer may be NULL */
static uint64_t rounds(struct bench_vm *vm, unsigned int n, enum bench_exit want,
		       void (*answer)(struct bench_vm *vm, uint64_t value))
{
	uint64_t begin = ticks();

	while (n--) {
		vm_run(vm, want);
		if (answer)
			answer(vm, 0);
	}
	return ticks() - begin;
}

/* The same with a new VM, after ten rounds that are not measured */
static uint64_t exits(const void *code, size_t len, unsigned int flags, unsigned int n,
		      enum bench_exit want,
		      void (*answer)(struct bench_vm *vm, uint64_t value))
{
	struct bench_vm vm;
	uint64_t time;

	guest_open_code(&vm, code, len, flags);
	rounds(&vm, 10, want, answer);
	time = rounds(&vm, n, want, answer);
	guest_close(&vm);
	return time;
}

#define EXITS(name, flags, want, answer)					\
static uint64_t name(unsigned int n)						\
{										\
	return exits(guest_##name, guest_##name##_end - guest_##name, flags,	\
		     n, want, answer);						\
}

BENCH_GUEST(pio_out,
	    "mov $0x3f8, %edx\n"
	    "1: out %al, %dx\n"
	    "jmp 1b");
EXITS(pio_out, 0, EXIT_IO, NULL)

BENCH_GUEST(pio_in,
	    "mov $0x3f8, %edx\n"
	    "1: in %dx, %al\n"
	    "jmp 1b");
EXITS(pio_in, 0, EXIT_IO, vm_answer_io)

BENCH_GUEST(hypercall,
	    "1: mov $12, %eax\n"
	    "mov $0x1000, %ebx\n"
	    "mov $1, %ecx\n"
	    "xor %edx, %edx\n"
	    "vmmcall\n"
	    "jmp 1b");
EXITS(hypercall, WITH_HYPERCALL, EXIT_HYPERCALL, vm_answer_hypercall)

BENCH_GUEST(hlt,
	    "1: hlt\n"
	    "jmp 1b");
EXITS(hlt, 0, EXIT_HALT, NULL)

BENCH_GUEST(msr_read,
	    "1: mov $0xc0000200, %ecx\n"
	    "rdmsr\n"
	    "jmp 1b");
EXITS(msr_read, WITH_MSRS, EXIT_MSR_READ, vm_answer_msr)

BENCH_GUEST(mmio_write,
	    "mov $0xd0000000, %ebx\n"
	    "1: mov %eax, (%rbx)\n"
	    "jmp 1b");
EXITS(mmio_write, WITH_MMIO, EXIT_MMIO, NULL)

BENCH_GUEST(mmio_read,
	    "mov $0xd0000000, %ebx\n"
	    "1: mov (%rbx), %eax\n"
	    "jmp 1b");
EXITS(mmio_read, WITH_MMIO, EXIT_MMIO, vm_answer_mmio)

BENCH_GUEST(string_out,
	    "cld\n"
	    "mov $0x3f8, %edx\n"
	    "1: mov $0x9000, %esi\n"
	    "mov $4096, %ecx\n"
	    "rep outsb\n"
	    "jmp 1b");

/* RUN until the end, with any number of exits */
static uint64_t string_out(unsigned int n)
{
	struct bench_vm vm;
	uint64_t begin, time;
	unsigned int bytes;

	guest_open(&vm, string_out, 0);
	for (bytes = 0; bytes < 4096; bytes += vm_io_bytes(&vm))
		vm_run(&vm, EXIT_IO);
	begin = ticks();
	while (n--) {
		for (bytes = 0; bytes < 4096; bytes += vm_io_bytes(&vm))
			vm_run(&vm, EXIT_IO);
	}
	time = ticks() - begin;
	guest_close(&vm);
	return time;
}

static void do_nothing(struct bench_vm *vm)
{
	(void)vm;
}

static uint64_t outs_with(struct bench_vm *vm, unsigned int n,
			  void (*between)(struct bench_vm *vm))
{
	uint64_t begin = ticks();

	while (n--) {
		vm_run(vm, EXIT_IO);
		between(vm);
	}
	return ticks() - begin;
}

/* Time of an operation between two OUTs */
static double between_outs(struct bench_vm *vm, void (*between)(struct bench_vm *vm), bool page)
{
	const unsigned int n = 400;
	uint64_t with = UINT64_MAX, without = UINT64_MAX, time;
	unsigned int round;

	for (round = 0; round < 5; round++) {
		time = outs_with(vm, n, do_nothing);
		without = time < without ? time : without;
		vm_share_regs(vm, page);
		time = outs_with(vm, n, between);
		with = time < with ? time : with;
		vm_share_regs(vm, false);
	}
	guest_close(vm);
	return ((double)with - without) / n;
}

static double regs_call(void)
{
	struct bench_vm vm;

	guest_open(&vm, pio_out, 0);
	return between_outs(&vm, vm_touch_regs_call, false);
}

static double regs_page(void)
{
	struct bench_vm vm;

	guest_open(&vm, pio_out, 0);
	return between_outs(&vm, vm_touch_regs_page, true);
}

/* The handler returns at once; the OUT behind it ends RUN. */
BENCH_GUEST(inject,
	    "lgdt 0x3100\n"
	    "lidt 0x3110\n"
	    "movl $0xcf48, 0x9000\n"	/* iretq */
	    "mov $0x3f8, %edx\n"
	    "sti\n"
	    "1: out %al, %dx\n"
	    "jmp 1b");

static double inject(void)
{
	struct bench_vm vm;

	guest_open(&vm, inject, 0);
	vm_run(&vm, EXIT_IO);
	return between_outs(&vm, vm_inject, false);
}

static uint64_t state_get(unsigned int n)
{
	struct bench_vm vm;
	uint64_t begin, time;

	guest_open(&vm, pio_out, WITH_LAPIC | WITH_CPUID);
	vm_run(&vm, EXIT_IO);
	vm_get_state(&vm);
	begin = ticks();
	while (n--)
		vm_get_state(&vm);
	time = ticks() - begin;
	guest_close(&vm);
	return time;
}

static uint64_t state_set(unsigned int n)
{
	struct bench_vm vm;
	uint64_t begin, time;

	guest_open(&vm, pio_out, WITH_LAPIC | WITH_CPUID);
	vm_run(&vm, EXIT_IO);
	vm_get_state(&vm);
	vm_set_state(&vm);
	begin = ticks();
	while (n--)
		vm_set_state(&vm);
	time = ticks() - begin;
	guest_close(&vm);
	return time;
}

const struct bench_row rows_exit[] = {
	BY_COUNT("empty ioctl on the device", "", empty_ioctl, 500, 5),
	BY_COUNT("PIO out, to user space and back", "", pio_out, 300, 5),
	BY_COUNT("PIO in, to user space and back", "", pio_in, 300, 5),
	BY_COUNT("PIO string out, 4 KiB", "4 KiB", string_out, 1, 2),
	BY_COUNT("hypercall, to user space and back", "", hypercall, 300, 5),
	BY_COUNT("HLT, to user space and back", "", hlt, 300, 5),
	BY_COUNT("MSR read, to user space and back", "", msr_read, 300, 5),
	BY_COUNT("MMIO write, to user space and back", "", mmio_write, 300, 5),
	BY_COUNT("MMIO read, to user space and back", "", mmio_read, 300, 5),
	FIGURE("registers read and written between exits, by calls", "", regs_call, 0),
	FIGURE("registers read and written between exits, on the page", "", regs_page, 0),
	FIGURE("interrupt injected and taken", "", inject, 0),
	BY_COUNT("full state read", "", state_get, 100, 5),
	BY_COUNT("full state written", "", state_set, 100, 5),
	{ }
};
