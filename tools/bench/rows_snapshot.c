// SPDX-License-Identifier: GPL-2.0-only
/* Rows: finding the pages that the guest wrote, and restoring them */
#include <errno.h>
#include <string.h>

#include "bench.h"

#define BIG_MEM		(256UL << 20)
#define PAGE		4096
#define LOGGED_PAGES	64
#define PREFAULT_MEM	(64UL << 20)

/*
 * Writes a byte to each of BENCH_PARAM pages from BENCH_MORE on, exits, and repeats.
 * Without paging: page tables that the CPU walks would be dirty, too.
 */
BENCH_GUEST(dirty,
	    ".code32\n"
	    "2: mov 0x8000, %edi\n"
	    "mov $0x40000000, %ebx\n"
	    "1: movb $1, (%ebx)\n"
	    "add $0x1000, %ebx\n"
	    "dec %edi\n"
	    "jnz 1b\n"
	    "mov $0x3f8, %edx\n"
	    "out %al, %dx\n"
	    "jmp 2b\n"
	    ".code64");

/* All of it in 4 KiB pages, shared by all rows, as filling it takes long */
static unsigned char *big_mem(void)
{
	static unsigned char *mem;

	if (!mem)
		mem = bench_alloc(BIG_MEM, false);
	return mem;
}

/* The guest has completed its loop once, and nobody has read the log. */
static void open_big(struct bench_vm *vm, unsigned int pages)
{
	guest_open(vm, dirty, WITH_FLAT32);
	vm_map(vm, BENCH_MORE, big_mem(), BIG_MEM);
	*guest_param(vm, 0) = pages;
	vm_run(vm, EXIT_IO);
	memset(big_mem(), 0, (size_t)pages * PAGE);
}

static void must_be(unsigned long is, unsigned long should)
{
	if (is == should)
		return;
	errno = 0;
	bench_die("another number of pages than the guest wrote");
}

/* The guest's writes stay until the reset. */
static void try_reset(struct bench_vm *vm, unsigned int pages)
{
	const unsigned char *last = big_mem() + (size_t)(pages - 1) * PAGE;

	vm_run(vm, EXIT_IO);
	must_be(*last, 1);
	must_be(vm_reset(vm), pages);
	must_be(*last, 0);
}

/*
 * The guest writes the pages, exits, and is restored. The first round saves the pages,
 * which does not matter to a fuzzer that does a million rounds.
 */
static uint64_t rounds(unsigned int pages, unsigned int n)
{
	struct bench_vm vm;
	uint64_t begin;

	open_big(&vm, pages);
	vm_snapshot(&vm, big_mem(), BIG_MEM);
	try_reset(&vm, pages);
	try_reset(&vm, pages);
	begin = ticks();
	while (n--) {
		vm_run(&vm, EXIT_IO);
		vm_reset(&vm);
	}
	begin = ticks() - begin;
	try_reset(&vm, pages);
	guest_close(&vm);
	return begin;
}

static uint64_t rounds_1(unsigned int n)
{
	return rounds(1, n);
}

static uint64_t rounds_50(unsigned int n)
{
	return rounds(50, n);
}

static uint64_t rounds_1000(unsigned int n)
{
	return rounds(1000, n);
}

/* Time of n rounds: all of each, or only the collecting */
static uint64_t collect(unsigned int n, bool all)
{
	uint64_t begin, middle, time = 0;
	struct bench_vm vm;

	open_big(&vm, LOGGED_PAGES);
	vm_log(&vm, big_mem(), BIG_MEM);
	vm_run(&vm, EXIT_IO);
	vm_collect(&vm);
	while (n--) {
		begin = ticks();
		vm_run(&vm, EXIT_IO);
		middle = ticks();
		vm_collect(&vm);
		time += ticks() - (all ? begin : middle);
		must_be(vm_collected(&vm), LOGGED_PAGES);
	}
	guest_close(&vm);
	return time;
}

static uint64_t collect_alone(unsigned int n)
{
	return collect(n, false);
}

static uint64_t dirty_and_collect(unsigned int n)
{
	return collect(n, true);
}

static uint64_t prefault(unsigned int n)
{
	uint64_t begin, time = 0;
	struct bench_vm vm;

	while (n--) {
		guest_open(&vm, dirty, WITH_FLAT32);
		vm_map(&vm, BENCH_MORE, big_mem(), PREFAULT_MEM);
		begin = ticks();
		vm_prefault(&vm, BENCH_MORE, PREFAULT_MEM);
		time += ticks() - begin;
		guest_close(&vm);
	}
	return time;
}

const struct bench_row rows_snapshot[] = {
	BY_COUNT("1 page of 256 MiB dirtied, exit, reset", "", rounds_1, 8, 3),
	BY_COUNT("50 pages of 256 MiB dirtied, exit, reset", "", rounds_50, 8, 3),
	BY_COUNT("1,000 pages of 256 MiB dirtied, exit, reset", "", rounds_1000, 2, 3),
	BY_COUNT("64 dirty pages of 256 MiB, collected and rearmed", "", collect_alone, 8, 3),
	BY_COUNT("64 pages of 256 MiB dirtied, exit, collected", "", dirty_and_collect, 8, 3),
	{ .op = "64 MiB of 4 KiB pages, mapped by a call", .unit = "", .ticks = prefault,
	  .n = 1, .rounds = 2, .flags = ROW_PREFAULT },
	{ }
};
