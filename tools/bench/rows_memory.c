// SPDX-License-Identifier: GPL-2.0-only
/* Rows: first accesses of the guest to memory of the VMM */
#include <sys/mman.h>

#include "bench.h"

#define PAGE_BYTES	0x1000UL

/* Writes a byte to each of BENCH_PARAM pages from BENCH_MORE on, twice */
BENCH_GUEST(touch,
	    "2: mov 0x8000, %rdi\n"
	    "mov $0x40000000, %ebx\n"
	    "1: movb $1, (%rbx)\n"
	    "add $0x1000, %rbx\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    "mov $0x3f8, %edx\n"
	    "out %al, %dx\n"
	    "jmp 2b");

/* The second pass takes no faults: the difference is the cost of the faults. */
static uint64_t touch(size_t bytes, bool huge)
{
	uint64_t begin, first, second;
	struct bench_vm vm;
	void *mem;

	mem = bench_alloc(bytes, huge);
	guest_open(&vm, touch, 0);
	vm_map(&vm, BENCH_MORE, mem, bytes);
	*guest_param(&vm, 0) = bytes >> 12;
	begin = ticks();
	vm_run(&vm, EXIT_IO);
	first = ticks() - begin;
	begin = ticks();
	vm_run(&vm, EXIT_IO);
	second = ticks() - begin;
	guest_close(&vm);
	munmap(mem, bytes);
	return first > second ? first - second : 0;
}

static uint64_t touch_4k(unsigned int n)
{
	return touch((size_t)n << 12, false);
}

/* n times 64 MiB */
static uint64_t touch_2m(unsigned int n)
{
	return touch((size_t)n << 26, true);
}

/* As a VMM does that cannot change a slot of memory in one step */
static uint64_t remap(unsigned int n)
{
	void *mem = bench_alloc(PAGE_BYTES, false);
	struct bench_vm vm;
	uint64_t begin;

	guest_open(&vm, touch, 0);
	vm_map(&vm, BENCH_MORE, mem, PAGE_BYTES);
	*guest_param(&vm, 0) = 1;
	vm_run(&vm, EXIT_IO);
	begin = ticks();
	while (n--) {
		vm_unmap(&vm, BENCH_MORE, PAGE_BYTES);
		vm_map(&vm, BENCH_MORE, mem, PAGE_BYTES);
		vm_run(&vm, EXIT_IO);
	}
	begin = ticks() - begin;
	guest_close(&vm);
	munmap(mem, PAGE_BYTES);
	return begin;
}

const struct bench_row rows_memory[] = {
	BY_COUNT("resident 4 KiB page touched", "page", touch_4k, 256, 3),
	{ .op = "region removed and added, page touched, exit", .unit = "change",
	  .ticks = remap, .n = 16, .rounds = 3, .flags = ROW_NO_BUDGET },
	{ .op = "64 MiB in 2 MiB pages, touched", .unit = "64 MiB", .ticks = touch_2m,
	  .n = 1, .rounds = 2, .flags = ROW_NO_BUDGET },
	{ }
};
