// SPDX-License-Identifier: GPL-2.0-only
/* The guests of the benchmark: memory with the tables and stacks that 64-bit code needs */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define PTE_TABLE	0x003ULL	/* present, writable */
#define PTE_LARGE	0x0e3ULL	/* and accessed, dirty, a page */
#define PTE_SMALL	0x063ULL	/* the same, of 4 KiB */
#define GATE		0x8e00ULL	/* interrupt gate, CPL 0 */

volatile uint64_t bench_used;

void bench_die(const char *what)
{
	err(1, "%s: %s", bench_device, what);
}

/* Resident, aligned to 2 MiB */
void *bench_alloc(size_t bytes, bool huge)
{
	size_t align = 2UL << 20;
	unsigned char *mem;
	uintptr_t start;

	mem = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		bench_die("memory");
	start = ((uintptr_t)mem + align - 1) & ~(align - 1);
	munmap(mem, start - (uintptr_t)mem);
	munmap((void *)(start + bytes), align - (start - (uintptr_t)mem));
	mem = (void *)start;
	if (madvise(mem, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		bench_die("madvise");
	memset(mem, 0, bytes);
	return mem;
}

static void write_tables(unsigned char *mem)
{
	uint64_t *pml4 = (void *)(mem + BENCH_TABLES), *pdpt = pml4 + 512;
	uint64_t i;

	pml4[0] = (BENCH_TABLES + 0x1000) | PTE_TABLE;
	for (i = 0; i < 4; i++)
		pdpt[i] = i << 30 | PTE_LARGE;
}

/* The first 2 MiB in pages of 4 KiB, as kernels and their modules map most code */
static void write_low_tables(unsigned char *mem)
{
	uint64_t *pdpt = (void *)(mem + BENCH_TABLES + 0x1000);
	uint64_t *pd = (void *)(mem + BENCH_LOW), *pt = pd + 512, i;

	pdpt[0] = BENCH_LOW | PTE_TABLE;
	pd[0] = (BENCH_LOW + 0x1000) | PTE_TABLE;
	for (i = 0; i < 512; i++)
		pt[i] = i << 12 | PTE_SMALL;
}

/* A pseudo descriptor for LGDT and LIDT */
static void write_register(unsigned char *at, uint64_t base, uint16_t limit)
{
	memcpy(at, &limit, sizeof(limit));
	memcpy(at + sizeof(limit), &base, sizeof(base));
}

static void write_descriptors(unsigned char *mem)
{
	uint64_t *gdt = (void *)(mem + BENCH_GDT), *idt = (void *)(mem + BENCH_IDT);
	uint64_t handler = BENCH_DATA;

	gdt[BENCH_CS / 8] = 0x00af9b000000ffff;
	gdt[BENCH_DS / 8] = 0x00cf93000000ffff;
	idt[2 * BENCH_VECTOR] = (handler & 0xffff) | BENCH_CS << 16 | GATE << 32;
	write_register(mem + BENCH_GDTR, BENCH_GDT, 0x17);
	write_register(mem + BENCH_GDTR + 0x10, BENCH_IDT, 0xfff);
}

/* Prepares memory only; the handler of BENCH_VECTOR starts at BENCH_DATA. */
void guest_prepare(struct bench_vm *vm, const void *code, size_t len, unsigned int flags)
{
	memset(vm, 0, sizeof(*vm));
	vm->flags = flags;
	vm->mem = bench_alloc(BENCH_MEM, false);
	write_tables(vm->mem);
	if (flags & WITH_PAGES_4K)
		write_low_tables(vm->mem);
	write_descriptors(vm->mem);
	memcpy(vm->mem + BENCH_CODE, code, len);
}

/* The VM keeps the eventfd. */
static void add_doorbells(struct bench_vm *vm)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		bench_die("eventfd");
	vm_doorbells(vm, fd);
	close(fd);
}

void guest_open_code(struct bench_vm *vm, const void *code, size_t len, unsigned int flags)
{
	guest_prepare(vm, code, len, flags);
	vm_create(vm);
	if (flags & WITH_DOORBELL)
		add_doorbells(vm);
	if (flags & WITH_COALESCED)
		vm_coalesce(vm);
	vm_setup(vm);
}

/* Undoes guest_prepare(). */
void guest_release(struct bench_vm *vm)
{
	munmap(vm->mem, BENCH_MEM);
}

void guest_close(struct bench_vm *vm)
{
	vm_destroy(vm);
	guest_release(vm);
}

uint64_t *guest_param(struct bench_vm *vm, unsigned int nr)
{
	return (uint64_t *)(vm->mem + BENCH_PARAM) + nr;
}
