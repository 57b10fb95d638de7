/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the two benchmark programs, which run the same rows with the same guests.
 * The vm_*() functions are the calls of a VMM; bench_svmvcpu.c and bench_kvm.c each
 * implement them.
 */
#ifndef SVMVCPU_BENCH_H
#define SVMVCPU_BENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest-physical layout: identity page tables of 1 GiB pages, all in BENCH_MEM */
#define BENCH_MEM	(2UL << 20)
#define BENCH_CODE	0x1000UL
#define BENCH_IDT	0x2000UL
#define BENCH_GDT	0x3000UL
#define BENCH_GDTR	0x3100UL	/* operands of LGDT and, behind it, LIDT */
#define BENCH_TABLES	0x4000UL	/* PML4 and one page of pointers */
#define BENCH_STACK	0x7000UL	/* grows down */
#define BENCH_PARAM	0x8000UL	/* parameters of the guest, mostly counts */
#define BENCH_DATA	0x9000UL
#define BENCH_LOW	0x20000UL	/* two tables for WITH_PAGES_4K */
#define BENCH_MORE	0x40000000UL	/* additional memory of some rows */
#define BENCH_DEVICE	0xd0000000UL	/* no memory there */

#define BENCH_CS	0x08
#define BENCH_DS	0x10
#define BENCH_PORT	0x3f8
#define BENCH_VECTOR	0x40
#define BENCH_MSR	0xc0000200	/* an MSR that neither kernel handles */
/* The only hypercall that KVM can leave to the VMM */
#define BENCH_HYPERCALL	12

/* WITH_DOORBELL, WITH_COALESCED: this port, and BENCH_DEVICE */
#define BENCH_BELL	0x3f9

/* Properties of a VM, besides memory and a vCPU */
#define WITH_LAPIC	(1U << 0)
#define WITH_CPUID	(1U << 1)
#define WITH_MSRS	(1U << 2)	/* unknown MSRs exit */
#define WITH_HYPERCALL	(1U << 3)
#define WITH_MMIO	(1U << 4)	/* accesses outside of memory exit, decoded */
#define WITH_FLAT32	(1U << 5)	/* 32-bit code without paging, not 64-bit mode */
#define WITH_PAGES_4K	(1U << 6)	/* the first 2 MiB mapped by 4 KiB pages: four levels */
#define WITH_DOORBELL	(1U << 7)	/* writes signal an eventfd */
#define WITH_COALESCED	(1U << 8)	/* writes are reported together */

enum bench_exit {
	EXIT_IO,
	EXIT_MMIO,
	EXIT_HYPERCALL,
	EXIT_HALT,
	EXIT_MSR_READ,
};

/**
 * struct bench_vm - a VM with one vCPU
 * @mem: memory at guest-physical 0, BENCH_MEM bytes
 * @vm: .
 * @vcpu: .
 * @run: the page shared with the kernel
 * @run_bytes: .
 * @flags: WITH_*
 * @thread: who runs the vCPU
 */
struct bench_vm {
	unsigned char *mem;
	int vm;
	int vcpu;
	void *run;
	size_t run_bytes;
	unsigned int flags;
	pthread_t thread;
};

/* --- the interface: bench_svmvcpu.c, bench_kvm.c -------------------------- */

extern const char *const bench_device;
void dev_open(void);
void dev_empty_ioctl(void);

/* VM, region, vCPU, mapping; mem is there already */
void vm_create(struct bench_vm *vm);
void vm_destroy(struct bench_vm *vm);
void vm_map(struct bench_vm *vm, uint64_t gpa, void *hva, size_t bytes);
/* A second vCPU, with APIC ID 1, of a VM WITH_LAPIC; @other shares everything else. */
void vm_add_vcpu(struct bench_vm *vm, struct bench_vm *other);
void vm_remove_vcpu(struct bench_vm *other);
/* Removes all that vm_map() has added at @gpa */
void vm_unmap(struct bench_vm *vm, uint64_t gpa, size_t bytes);
/* Starts at BENCH_CODE with flat segments and interrupts off */
void vm_setup(struct bench_vm *vm);

/* Writes of a byte to BENCH_BELL and of four to BENCH_DEVICE signal an eventfd. */
void vm_doorbells(struct bench_vm *vm, int eventfd);

/* Writes of a byte to BENCH_BELL and of four to BENCH_DEVICE are coalesced. */
void vm_coalesce(struct bench_vm *vm);
/*
 * RUN, and read the writes that it reports; returns how many there were, including one that
 * exits because there is no room for it
 */
unsigned int vm_run_coalesced(struct bench_vm *vm);

/* Signals of the eventfd send BENCH_VECTOR to the vCPU. */
void vm_irqfd(struct bench_vm *vm, int eventfd);

/* RUN, which must end with this exit */
void vm_run(struct bench_vm *vm, enum bench_exit want);
/* Data of the last port I/O exit */
unsigned int vm_io_bytes(const struct bench_vm *vm);
/* Sets the result of an IN, a read of device memory, an MSR read or a hypercall */
void vm_answer_io(struct bench_vm *vm, uint64_t value);
void vm_answer_mmio(struct bench_vm *vm, uint64_t value);
void vm_answer_msr(struct bench_vm *vm, uint64_t value);
void vm_answer_hypercall(struct bench_vm *vm, uint64_t value);

/* Injects an interrupt with the next RUN; the guest can take it. */
void vm_inject(struct bench_vm *vm);
/* Adds 1 to each general register except RSP, with and without a call */
void vm_touch_regs_call(struct bench_vm *vm);
void vm_touch_regs_page(struct bench_vm *vm);
void vm_share_regs(struct bench_vm *vm, bool on);
/* Reads all of the vCPU's state */
void vm_get_state(struct bench_vm *vm);
void vm_set_state(struct bench_vm *vm);

/* Starts a log of the pages that the guest writes at BENCH_MORE */
void vm_log(struct bench_vm *vm, void *hva, size_t bytes);
/* Reads and clears the log; returns the number of pages */
void vm_collect(struct bench_vm *vm);
unsigned int vm_collected(const struct bench_vm *vm);
/*
 * Saves that memory and all of the vCPU for vm_reset(), which returns the number of
 * pages that it has restored
 */
void vm_snapshot(struct bench_vm *vm, void *hva, size_t bytes);
unsigned int vm_reset(struct bench_vm *vm);

/* Maps memory before the guest touches it, if there is such a call */
extern const bool has_prefault;
void vm_prefault(struct bench_vm *vm, uint64_t gpa, size_t bytes);

/* A kick from another thread, and the RUN that it ends */
void vm_kick(struct bench_vm *vm);
void vm_run_kicked(struct bench_vm *vm);

/* --- for rows: guest.c ---------------------------------------------------- */

/* Guest code, position independent, between two symbols */
#define BENCH_GUEST(name, ...)						\
	extern const unsigned char guest_##name[], guest_##name##_end[];	\
	asm(".pushsection .rodata\n"					\
	    "guest_" #name ":\n"					\
	    __VA_ARGS__ "\n"						\
	    "guest_" #name "_end:\n"					\
	    ".popsection\n")

#define guest_open(vm, name, flags)	\
	guest_open_code((vm), guest_##name, guest_##name##_end - guest_##name, (flags))

void guest_prepare(struct bench_vm *vm, const void *code, size_t len, unsigned int flags);
void guest_open_code(struct bench_vm *vm, const void *code, size_t len, unsigned int flags);
void guest_release(struct bench_vm *vm);
void guest_close(struct bench_vm *vm);
uint64_t *guest_param(struct bench_vm *vm, unsigned int nr);
void *bench_alloc(size_t bytes, bool huge);
void bench_die(const char *what);
/* A VMM uses the data that it reads. */
extern volatile uint64_t bench_used;

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* --- rows ----------------------------------------------------------------- */

#define ROW_COUNTS	(1U << 0)	/* only meaningful if a tick is an instruction */
#define ROW_NO_BUDGET	(1U << 1)	/* not for the check: too long, or not exact */
#define ROW_PREFAULT	(1U << 2)	/* skipped if has_prefault is false */
#define ROW_TWO_CPUS	(1U << 3)	/* skipped if there is one CPU */

/**
 * struct bench_row - one operation
 * @op: its name; the programs' results are joined by it
 * @unit: what the figure is per, "" for one operation
 * @ticks: the time of so many
 * @n: how many
 * @rounds: how often, for the least of them
 * @value: in place of @ticks: the figure itself
 * @flags: ROW_*
 */
struct bench_row {
	const char *op;
	const char *unit;
	uint64_t (*ticks)(unsigned int n);
	unsigned int n;
	unsigned int rounds;
	double (*value)(void);
	unsigned int flags;
};

#define BY_COUNT(name, per, fn, count, times)	\
	{ .op = (name), .unit = (per), .ticks = (fn), .n = (count), .rounds = (times) }
#define FIGURE(name, per, fn, how)		\
	{ .op = (name), .unit = (per), .value = (fn), .flags = (how) }

/* Each ends with an empty row. */
extern const struct bench_row rows_exit[], rows_kernel[], rows_ipi[], rows_memory[],
	rows_snapshot[], rows_vm[];

#endif /* SVMVCPU_BENCH_H */
