// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows: instructions that the kernel handles without the VMM, and work that the kernel
 * does by itself. The guest repeats an operation BENCH_PARAM times and ends with an
 * OUT.
 */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define DONE	"mov $0x3f8, %edx\n out %al, %dx\n"
#define COUNT	"mov 0x8000, %rdi\n"
#define X2APIC	"mov $0x1b, %ecx\n mov $0xfee00d00, %eax\n xor %edx, %edx\n wrmsr\n"
#define SVR	"mov $0x80f, %ecx\n mov $0x1ff, %eax\n xor %edx, %edx\n wrmsr\n"
#define TABLES	"lgdt 0x3100\n lidt 0x3110\n"
/* LVT timer: TSC-deadline mode, BENCH_VECTOR */
#define DEADLINE_MODE	"mov $0x832, %ecx\n mov $0x40040, %eax\n xor %edx, %edx\n wrmsr\n"

static uint64_t loops(const void *code, size_t len, unsigned int flags, unsigned int n)
{
	struct bench_vm vm;
	uint64_t begin, time;

	guest_open_code(&vm, code, len, flags);
	*guest_param(&vm, 0) = n;
	begin = ticks();
	vm_run(&vm, EXIT_IO);
	time = ticks() - begin;
	guest_close(&vm);
	return time;
}

#define LOOPS(name, flags)							\
static uint64_t name(unsigned int n)						\
{										\
	return loops(guest_##name, guest_##name##_end - guest_##name, flags, n);	\
}

BENCH_GUEST(cpuid,
	    COUNT
	    "1: xor %eax, %eax\n"
	    "cpuid\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);
LOOPS(cpuid, WITH_CPUID)

/* Two more levels of tables to walk if the CPU does not save the next RIP */
static uint64_t cpuid_4k(unsigned int n)
{
	return loops(guest_cpuid, guest_cpuid_end - guest_cpuid, WITH_CPUID | WITH_PAGES_4K, n);
}

/* The last leaf of the default table */
BENCH_GUEST(cpuid_last,
	    COUNT
	    "1: mov $0x80000008, %eax\n"
	    "cpuid\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);
LOOPS(cpuid_last, WITH_CPUID)

BENCH_GUEST(rdmsr_efer,
	    COUNT
	    "mov $0xc0000080, %ecx\n"
	    "1: rdmsr\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);
LOOPS(rdmsr_efer, 0)

BENCH_GUEST(x2apic_tpr,
	    COUNT X2APIC
	    "mov $0x808, %ecx\n"
	    "xor %eax, %eax\n"
	    "1: wrmsr\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);
LOOPS(x2apic_tpr, WITH_LAPIC | WITH_CPUID)

BENCH_GUEST(pio_doorbell,
	    COUNT
	    "mov $0x3f9, %edx\n"
	    "1: out %al, %dx\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);
LOOPS(pio_doorbell, WITH_DOORBELL)

BENCH_GUEST(mmio_doorbell,
	    COUNT
	    "mov $0xd0000000, %ebx\n"
	    "1: mov %eax, (%rbx)\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);
LOOPS(mmio_doorbell, WITH_DOORBELL | WITH_MMIO)

/* Includes the exits for full lists, and the loop that reads the lists */
static uint64_t coalesced(const void *code, size_t len, unsigned int flags, unsigned int n)
{
	unsigned int writes = 0;
	struct bench_vm vm;
	uint64_t begin, time;

	guest_open_code(&vm, code, len, flags | WITH_COALESCED);
	*guest_param(&vm, 0) = n;
	begin = ticks();
	while (writes < n)
		writes += vm_run_coalesced(&vm);
	time = ticks() - begin;
	guest_close(&vm);
	return time;
}

static uint64_t pio_coalesced(unsigned int n)
{
	return coalesced(guest_pio_doorbell, guest_pio_doorbell_end - guest_pio_doorbell, 0, n);
}

static uint64_t mmio_coalesced(unsigned int n)
{
	return coalesced(guest_mmio_doorbell, guest_mmio_doorbell_end - guest_mmio_doorbell,
			 WITH_MMIO, n);
}

/* The handler, at 0x9000: reports that it ran, EOI */
BENCH_GUEST(timer_handler,
	    "mov $1, %r9d\n"
	    "mov $0x80b, %ecx\n"
	    "xor %eax, %eax\n"
	    "xor %edx, %edx\n"
	    "wrmsr\n"
	    "iretq");

/* A deadline in the past; then waits for the handler. */
BENCH_GUEST(timer_now,
	    COUNT TABLES X2APIC SVR DEADLINE_MODE
	    "sti\n"
	    "1: xor %r9d, %r9d\n"
	    "mov $0x6e0, %ecx\n"
	    "mov $1, %eax\n"
	    "xor %edx, %edx\n"
	    "wrmsr\n"
	    "2: test %r9d, %r9d\n"
	    "jz 2b\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    DONE);

static uint64_t timer_now(unsigned int n)
{
	struct bench_vm vm;
	uint64_t begin, time;

	guest_open(&vm, timer_now, WITH_LAPIC | WITH_CPUID);
	memcpy(vm.mem + BENCH_DATA, guest_timer_handler,
	       guest_timer_handler_end - guest_timer_handler);
	*guest_param(&vm, 0) = n;
	begin = ticks();
	vm_run(&vm, EXIT_IO);
	time = ticks() - begin;
	guest_close(&vm);
	return time;
}

/* Reports each interrupt by an exit, after its EOI. */
BENCH_GUEST(irqfd_handler,
	    "mov $0x80b, %ecx\n"
	    "xor %eax, %eax\n"
	    "xor %edx, %edx\n"
	    "wrmsr\n"
	    "mov $0x3f8, %edx\n"
	    "out %al, %dx\n"
	    "iretq");

BENCH_GUEST(irqfd,
	    TABLES X2APIC SVR
	    "sti\n"
	    DONE
	    "1: jmp 1b");

static uint64_t irqfd(unsigned int n)
{
	const uint64_t one = 1;
	struct bench_vm vm;
	uint64_t begin, time;
	int fd = eventfd(0, EFD_CLOEXEC);

	guest_open(&vm, irqfd, WITH_LAPIC | WITH_CPUID);
	memcpy(vm.mem + BENCH_DATA, guest_irqfd_handler,
	       guest_irqfd_handler_end - guest_irqfd_handler);
	vm_irqfd(&vm, fd);
	vm_run(&vm, EXIT_IO);
	begin = ticks();
	while (n--) {
		if (write(fd, &one, sizeof(one)) != sizeof(one))
			bench_die("eventfd");
		vm_run(&vm, EXIT_IO);
	}
	time = ticks() - begin;
	guest_close(&vm);
	close(fd);
	return time;
}

/* From a deadline to the first instruction of the handler, by the guest's TSC */
BENCH_GUEST(timer_late_handler,
	    "rdtsc\n"
	    "shl $32, %rdx\n"
	    "or %rdx, %rax\n"
	    "sub %rbx, %rax\n"
	    "add %rax, %rsi\n"
	    "mov $1, %r9d\n"
	    "mov $0x80b, %ecx\n"
	    "xor %eax, %eax\n"
	    "xor %edx, %edx\n"
	    "wrmsr\n"
	    "iretq");

BENCH_GUEST(timer_late,
	    COUNT TABLES X2APIC SVR DEADLINE_MODE
	    "xor %esi, %esi\n"
	    "sti\n"
	    "1: xor %r9d, %r9d\n"
	    "rdtsc\n"
	    "shl $32, %rdx\n"
	    "or %rdx, %rax\n"
	    "lea 50000(%rax), %rbx\n"
	    "mov %rbx, %rax\n"
	    "mov %rbx, %rdx\n"
	    "shr $32, %rdx\n"
	    "mov $0x6e0, %ecx\n"
	    "wrmsr\n"
	    "2: test %r9d, %r9d\n"
	    "jz 2b\n"
	    "dec %rdi\n"
	    "jnz 1b\n"
	    "mov %rsi, 0x8008\n"
	    DONE);

static uint64_t timer_late(unsigned int n)
{
	struct bench_vm vm;
	uint64_t time;

	guest_open(&vm, timer_late, WITH_LAPIC | WITH_CPUID);
	memcpy(vm.mem + BENCH_DATA, guest_timer_late_handler,
	       guest_timer_late_handler_end - guest_timer_late_handler);
	*guest_param(&vm, 0) = n;
	vm_run(&vm, EXIT_IO);
	time = *guest_param(&vm, 1);
	guest_close(&vm);
	return time;
}

/* --- the host's timer tick ------------------------------------------------ */

/* Two instructions per round, both in the guest and outside */
BENCH_GUEST(compute,
	    COUNT
	    "1: dec %rdi\n"
	    "jnz 1b\n"
	    DONE);

static void compute_here(uint64_t n)
{
	asm volatile("1: dec %0\n"
		     "jnz 1b" : "+r" (n));
}

static unsigned long local_timer_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long n = 0;
	char line[256];

	if (!file)
		bench_die("/proc/interrupts");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " LOC: %lu", &n) == 1)
			break;
	fclose(file);
	return n;
}

static uint64_t compute(struct bench_vm *vm, uint64_t n)
{
	uint64_t begin = ticks();

	if (vm) {
		vm_setup(vm);
		*guest_param(vm, 0) = n;
		vm_run(vm, EXIT_IO);
	} else {
		compute_here(n);
	}
	return ticks() - begin;
}

#define TICK_SAMPLES	10

/*
 * TSC ticks per tick of the host's timer, without everything else. The minimum of
 * several short samples: sometimes a tick has other work to do.
 */
static double per_host_tick(bool guest)
{
	const uint64_t n = 16000000;
	double per_tick, least = -1;
	uint64_t time, alone = -1;
	struct bench_vm vm;
	unsigned long here;
	unsigned int i;

	if (guest)
		guest_open(&vm, compute, 0);
	for (i = 0; i < TICK_SAMPLES; i++) {
		time = compute(guest ? &vm : NULL, 1);
		if (time < alone)
			alone = time;
	}
	for (i = 0; i < TICK_SAMPLES; i++) {
		here = local_timer_interrupts();
		time = compute(guest ? &vm : NULL, n);
		here = local_timer_interrupts() - here;
		per_tick = ((double)time - alone - 2 * n) / (here ? here : 1);
		if (here && (least < 0 || per_tick < least))
			least = per_tick;
	}
	if (guest)
		guest_close(&vm);
	return least;
}

static double host_tick(void)
{
	return per_host_tick(true);
}

static double host_tick_here(void)
{
	return per_host_tick(false);
}

/* --- kicks ---------------------------------------------------------------- */

BENCH_GUEST(spin, "1: jmp 1b");

struct kicker {
	struct bench_vm *vm;
	volatile unsigned int left;
	volatile uint64_t kicked;
};

static void *kicker_thread(void *arg)
{
	const struct timespec pause = { .tv_nsec = 300000 };
	struct kicker *kicker = arg;
	unsigned int left;

	for (left = kicker->left; left; left--) {
		/* Waits until the guest has started again, so that the kick finds it running */
		while (kicker->left != left)
			nanosleep(&pause, NULL);
		nanosleep(&pause, NULL);
		kicker->kicked = ticks();
		vm_kick(kicker->vm);
	}
	return NULL;
}

/* From another thread's kick until RUN has returned; both threads share the CPU. */
static uint64_t kick(unsigned int n)
{
	struct bench_vm vm;
	struct kicker kicker = { .vm = &vm };
	uint64_t sum = 0;
	pthread_t thread;

	guest_open(&vm, spin, 0);
	vm.thread = pthread_self();
	kicker.left = n;
	if (pthread_create(&thread, NULL, kicker_thread, &kicker))
		bench_die("a thread");
	while (kicker.left) {
		vm_run_kicked(&vm);
		sum += ticks() - kicker.kicked;
		kicker.left--;
	}
	pthread_join(thread, NULL);
	guest_close(&vm);
	return sum;
}

const struct bench_row rows_kernel[] = {
	BY_COUNT("CPUID, in the kernel", "", cpuid, 300, 5),
	BY_COUNT("CPUID, in the kernel, code in 4 KiB pages", "", cpuid_4k, 300, 5),
	BY_COUNT("CPUID of the last leaf, in the kernel", "", cpuid_last, 300, 5),
	BY_COUNT("RDMSR EFER, in the kernel", "", rdmsr_efer, 300, 5),
	BY_COUNT("x2APIC TPR write, in the kernel", "", x2apic_tpr, 300, 5),
	BY_COUNT("PIO doorbell, eventfd signaled", "", pio_doorbell, 300, 5),
	BY_COUNT("MMIO doorbell, eventfd signaled", "", mmio_doorbell, 300, 5),
	BY_COUNT("PIO write, coalesced", "", pio_coalesced, 1024, 5),
	BY_COUNT("MMIO write, coalesced", "", mmio_coalesced, 1024, 5),
	BY_COUNT("eventfd written, interrupt taken, EOI, exit", "", irqfd, 100, 5),
	BY_COUNT("APIC timer armed for now, taken, EOI", "", timer_now, 100, 5),
	/* Less than the delays of a busy host, if measured by time */
	{ .op = "APIC timer, from its deadline to the handler", .unit = "", .ticks = timer_late,
	  .n = 10, .rounds = 3, .flags = ROW_COUNTS },
	BY_COUNT("kick from another thread, until RUN has returned", "", kick, 10, 3),
	FIGURE("host tick while the guest computes", "tick", host_tick,
	       ROW_COUNTS | ROW_NO_BUDGET),
	FIGURE("host tick while the VMM computes", "tick", host_tick_here,
	       ROW_COUNTS | ROW_NO_BUDGET),
	{ }
};
