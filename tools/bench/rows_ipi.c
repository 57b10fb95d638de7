// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows: an IPI from one vCPU to another, by x2APIC ICR. The time from before the WRMSR to
 * the first instruction of the handler, by the guest's TSC, which is the same on both
 * vCPUs. One IPI is under way at a time.
 *
 * The machine that counts instructions has one CPU, so a guest never executes while the
 * other one sends. Two rows show what an IPI costs there: to a vCPU that the same thread
 * runs next, without a switch of threads, and to one that is halted, with a thread of its
 * own. The third row needs two CPUs.
 */
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Word 0: number of IPIs; 1: sum of the times; 2: time of the last one; 3, 4: handled */
#define SUM		1

#define TABLES		"lgdt 0x3100\n lidt 0x3110\n"
#define X2APIC		"mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n"		\
			"mov $0x80f, %ecx\n mov $0x1ff, %eax\n xor %edx, %edx\n wrmsr\n"
/* EBX: APIC ID. The second vCPU has a stack of its own. */
#define WHO		"mov $0x802, %ecx\n rdmsr\n mov %eax, %ebx\n test %ebx, %ebx\n"
#define OTHER_STACK	"mov $0x6800, %esp\n"
#define COUNT		"mov 0x8000, %rdi\n"
#define DONE		"mov $0x3f8, %edx\n out %al, %dx\n"
/* BENCH_VECTOR, to the other vCPU */
#define SEND									\
	"rdtsc\n"								\
	"shl $32, %rdx\n"							\
	"or %rdx, %rax\n"							\
	"mov %rax, 0x8010\n"							\
	"mov $0x830, %ecx\n"							\
	"mov $0x4040, %eax\n"							\
	"mov %ebx, %edx\n"							\
	"xor $1, %edx\n"							\
	"wrmsr\n"

/* At BENCH_DATA */
BENCH_GUEST(ipi_handler,
	    "rdtsc\n"
	    "shl $32, %rdx\n"
	    "or %rdx, %rax\n"
	    "sub 0x8010, %rax\n"
	    "add %rax, 0x8008\n"
	    "incq 0x8018\n"
	    "mov $0x80b, %ecx\n"
	    "xor %eax, %eax\n"
	    "xor %edx, %edx\n"
	    "wrmsr\n"
	    "iretq");

/* Both exit in turn: the first one after each IPI, the second one after its handler. */
BENCH_GUEST(ipi_next,
	    TABLES X2APIC WHO
	    "jnz 2f\n"
	    DONE
	    "1: " SEND
	    DONE
	    "jmp 1b\n"
	    "2: " OTHER_STACK
	    "sti\n"
	    "3: " DONE
	    "jmp 3b");

/* The receiver's thread has the higher priority: it has halted again at the next IPI. */
BENCH_GUEST(ipi_halted,
	    TABLES X2APIC WHO
	    "jnz 2f\n"
	    DONE
	    COUNT
	    "1: " SEND
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE
	    "2: " OTHER_STACK DONE
	    "sti\n"
	    "3: hlt\n"
	    "jmp 3b");

/* The receiver copies the number of IPIs, so the sender knows that the handler has ended. */
BENCH_GUEST(ipi_running,
	    TABLES X2APIC WHO
	    "jnz 3f\n"
	    DONE
	    COUNT
	    "1: mov 0x8020, %rsi\n"
	    SEND
	    "2: cmp 0x8020, %rsi\n"
	    "je 2b\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE
	    "3: " OTHER_STACK DONE
	    "sti\n"
	    "4: mov 0x8018, %rax\n"
	    "mov %rax, 0x8020\n"
	    "jmp 4b");

struct pair {
	struct bench_vm first, second;
	sem_t ready;	/* the thread of @second is about to run it */
};

/* Runs the first vCPU until its local APIC is enabled. */
static void pair_open(struct pair *pair, const void *code, size_t len)
{
	guest_open_code(&pair->first, code, len, WITH_LAPIC | WITH_CPUID);
	memcpy(pair->first.mem + BENCH_DATA, guest_ipi_handler,
	       guest_ipi_handler_end - guest_ipi_handler);
	vm_add_vcpu(&pair->first, &pair->second);
	vm_setup(&pair->second);
	vm_run(&pair->first, EXIT_IO);
}

/* Returns the sum of the times. */
static uint64_t pair_close(struct pair *pair)
{
	uint64_t sum = *guest_param(&pair->first, SUM);

	vm_remove_vcpu(&pair->second);
	guest_close(&pair->first);
	return sum;
}

static uint64_t ipi_next(unsigned int n)
{
	struct pair pair;

	pair_open(&pair, guest_ipi_next, guest_ipi_next_end - guest_ipi_next);
	vm_run(&pair.second, EXIT_IO);
	while (n--) {
		vm_run(&pair.first, EXIT_IO);
		vm_run(&pair.second, EXIT_IO);
	}
	return pair_close(&pair);
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("sched_setaffinity");
}

/* All in one thread: KVM waits for a grace period when another one runs the vCPU. */
static void *run_second(struct pair *pair)
{
	vm_run(&pair->second, EXIT_IO);
	sem_post(&pair->ready);
	vm_run_kicked(&pair->second);
	return NULL;
}

/* The thread of the first vCPU, on the same CPU, goes on when the second one has halted. */
static void *run_halted(void *pair)
{
	const struct sched_param priority = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		bench_die("SCHED_FIFO");
	return run_second(pair);
}

static void *run_running(void *pair)
{
	pin(1);
	return run_second(pair);
}

/* The first vCPU in this thread, on CPU 0, until it has sent all */
static uint64_t run_both(struct pair *pair, unsigned int n, void *(*second)(void *arg))
{
	pin(0);
	sem_init(&pair->ready, 0, 0);
	*guest_param(&pair->first, 0) = n;
	if (pthread_create(&pair->second.thread, NULL, second, pair))
		bench_die("a thread");
	sem_wait(&pair->ready);
	vm_run(&pair->first, EXIT_IO);
	vm_kick(&pair->second);
	pthread_join(pair->second.thread, NULL);
	return pair_close(pair);
}

static uint64_t ipi_halted(unsigned int n)
{
	struct pair pair;

	pair_open(&pair, guest_ipi_halted, guest_ipi_halted_end - guest_ipi_halted);
	return run_both(&pair, n, run_halted);
}

static uint64_t ipi_running(unsigned int n)
{
	struct pair pair;

	pair_open(&pair, guest_ipi_running, guest_ipi_running_end - guest_ipi_running);
	return run_both(&pair, n, run_running);
}

const struct bench_row rows_ipi[] = {
	BY_COUNT("IPI to a vCPU that runs next, until its handler", "", ipi_next, 100, 5),
	BY_COUNT("IPI to a halted vCPU, until its handler", "", ipi_halted, 100, 5),
	{ .op = "IPI to a vCPU on another CPU, until its handler", .unit = "",
	  .ticks = ipi_running, .n = 100, .rounds = 5, .flags = ROW_TWO_CPUS },
	{ }
};
