// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-kvm: the calls of a VMM on KVM.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "bench.h"

#define PAGE		4096
#define BENCH_GSI	24
#define NR_CPUID	256
#define CPUID_X2APIC	(1U << 21)	/* leaf 1 ECX */
#define CPUID_DEADLINE	(1U << 24)
#define CR0_PE_ET	0x11ULL
#define CR0_PG		0x80000000ULL
#define CR4_PAE		0x20ULL
#define EFER_LME_LMA	0x500ULL
/* KVM_COALESCED_MMIO_MAX, which needs the PAGE_SIZE of the kernel */
#define RING_MAX	((PAGE - sizeof(struct kvm_coalesced_mmio_ring)) /	\
			 sizeof(struct kvm_coalesced_mmio))

const char *const bench_device = "/dev/kvm";
const bool has_prefault;

static const uint32_t reasons[] = {
	[EXIT_IO] = KVM_EXIT_IO,
	[EXIT_MMIO] = KVM_EXIT_MMIO,
	[EXIT_HYPERCALL] = KVM_EXIT_HYPERCALL,
	[EXIT_HALT] = KVM_EXIT_HLT,
	[EXIT_MSR_READ] = KVM_EXIT_X86_RDMSR,
};

/* The state that svmvcpu returns by GET_STATE, in the parts that KVM has */
static struct {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_fpu fpu;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_lapic_state lapic;
	struct kvm_msrs msrs;
	struct kvm_msr_entry msr[11];
} all;

/* The last MSR, the TSC, would change time, which a reset does not need. */
static const uint32_t msrs[] = {
	0x174, 0x175, 0x176, 0x277, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000102, 0xc0000103, 0x10,
};

#define NR_MSRS		(sizeof(msrs) / sizeof(*msrs))
#define NR_RESET_MSRS	(NR_MSRS - 1)

/* The logged memory, its log, and its contents at vm_snapshot() */
static struct {
	unsigned char *mem;
	unsigned char *image;
	uint64_t *bits;
	size_t bytes;
} logged;

static int dev;
static size_t run_bytes;
static size_t ring_offset;
static struct kvm_cpuid2 *cpuid;

static void call(int fd, unsigned long cmd, void *arg, const char *what)
{
	if (ioctl(fd, cmd, arg) < 0)
		bench_die(what);
}

static void read_cpuid(void)
{
	unsigned int i;

	cpuid = calloc(1, sizeof(*cpuid) + NR_CPUID * sizeof(cpuid->entries[0]));
	cpuid->nent = NR_CPUID;
	call(dev, KVM_GET_SUPPORTED_CPUID, cpuid, "GET_SUPPORTED_CPUID");
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= CPUID_X2APIC | CPUID_DEADLINE;
}

static void no_handler(int sig)
{
	(void)sig;
}

void dev_open(void)
{
	struct sigaction action = { .sa_handler = no_handler };

	dev = open(bench_device, O_RDWR | O_CLOEXEC);
	if (dev < 0)
		bench_die("open");
	run_bytes = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	ring_offset = ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO) * PAGE;
	read_cpuid();
	sigaction(SIGUSR1, &action, NULL);
}

void dev_empty_ioctl(void)
{
	ioctl(dev, _IO(KVMIO, 0x3f), 0);
}

void vm_map(struct bench_vm *vm, uint64_t gpa, void *hva, size_t bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = gpa != 0,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	call(vm->vm, KVM_SET_USER_MEMORY_REGION, &region, "SET_USER_MEMORY_REGION");
}

void vm_unmap(struct bench_vm *vm, uint64_t gpa, size_t bytes)
{
	(void)bytes;
	vm_map(vm, gpa, NULL, 0);
}

static void enable(int vm, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	call(vm, KVM_ENABLE_CAP, &enable, "ENABLE_CAP");
}

static void create_vcpu(struct bench_vm *vm, unsigned long id)
{
	vm->vcpu = ioctl(vm->vm, KVM_CREATE_VCPU, id);
	vm->run_bytes = run_bytes;
	vm->run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->vcpu < 0 || vm->run == MAP_FAILED)
		bench_die("CREATE_VCPU");
	if (vm->flags & WITH_CPUID)
		call(vm->vcpu, KVM_SET_CPUID2, cpuid, "SET_CPUID2");
}

void vm_create(struct bench_vm *vm)
{
	vm->vm = ioctl(dev, KVM_CREATE_VM, 0);
	if (vm->vm < 0)
		bench_die("CREATE_VM");
	if (vm->flags & WITH_LAPIC)
		call(vm->vm, KVM_CREATE_IRQCHIP, NULL, "CREATE_IRQCHIP");
	if (vm->flags & WITH_MSRS)
		enable(vm->vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN);
	if (vm->flags & WITH_HYPERCALL)
		enable(vm->vm, KVM_CAP_EXIT_HYPERCALL, 1 << BENCH_HYPERCALL);
	vm_map(vm, 0, vm->mem, BENCH_MEM);
	create_vcpu(vm, 0);
}

/* With an irqchip, it would wait for a STARTUP. */
void vm_add_vcpu(struct bench_vm *vm, struct bench_vm *other)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	*other = *vm;
	create_vcpu(other, 1);
	call(other->vcpu, KVM_SET_MP_STATE, &runnable, "SET_MP_STATE");
}

void vm_remove_vcpu(struct bench_vm *other)
{
	munmap(other->run, other->run_bytes);
	close(other->vcpu);
}

static void set_segments(struct kvm_sregs *sregs)
{
	const struct kvm_segment code = {
		.limit = ~0U, .selector = BENCH_CS, .type = 11, .present = 1, .s = 1,
		.l = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.limit = ~0U, .selector = BENCH_DS, .type = 3, .present = 1, .s = 1,
		.db = 1, .g = 1,
	};

	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
}

static void set_code32(struct kvm_sregs *sregs)
{
	sregs->cs.l = 0;
	sregs->cs.db = 1;
}

static void set_paging(struct kvm_sregs *sregs)
{
	sregs->cr0 |= CR0_PG;
	sregs->cr3 = BENCH_TABLES;
	sregs->cr4 = CR4_PAE;
	sregs->efer = EFER_LME_LMA;
}

void vm_setup(struct bench_vm *vm)
{
	struct kvm_regs regs = { .rip = BENCH_CODE, .rsp = BENCH_STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	call(vm->vcpu, KVM_GET_SREGS, &sregs, "GET_SREGS");
	set_segments(&sregs);
	sregs.cr0 = CR0_PE_ET;
	if (vm->flags & WITH_FLAT32)
		set_code32(&sregs);
	else
		set_paging(&sregs);
	call(vm->vcpu, KVM_SET_SREGS, &sregs, "SET_SREGS");
	call(vm->vcpu, KVM_SET_REGS, &regs, "SET_REGS");
}

void vm_destroy(struct bench_vm *vm)
{
	vm_remove_vcpu(vm);
	close(vm->vm);
}

void vm_doorbells(struct bench_vm *vm, int eventfd)
{
	struct kvm_ioeventfd bell = {
		.fd = eventfd, .flags = KVM_IOEVENTFD_FLAG_PIO, .len = 1, .addr = BENCH_BELL,
	};

	call(vm->vm, KVM_IOEVENTFD, &bell, "IOEVENTFD");
	bell.flags = 0;
	bell.len = 4;
	bell.addr = BENCH_DEVICE;
	call(vm->vm, KVM_IOEVENTFD, &bell, "IOEVENTFD");
}

void vm_coalesce(struct bench_vm *vm)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = BENCH_BELL, .size = 1, .pio = 1 };

	call(vm->vm, KVM_REGISTER_COALESCED_MMIO, &zone, "REGISTER_COALESCED_MMIO");
	zone.addr = BENCH_DEVICE;
	zone.size = 4;
	zone.pio = 0;
	call(vm->vm, KVM_REGISTER_COALESCED_MMIO, &zone, "REGISTER_COALESCED_MMIO");
}

/* A table of routes with one MSI */
void vm_irqfd(struct bench_vm *vm, int eventfd)
{
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry msi;
	} routes = {
		.table.nr = 1,
		.msi = {
			.gsi = BENCH_GSI,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = BENCH_VECTOR },
		},
	};
	struct kvm_irqfd irqfd = { .fd = eventfd, .gsi = BENCH_GSI };

	call(vm->vm, KVM_SET_GSI_ROUTING, &routes, "SET_GSI_ROUTING");
	call(vm->vm, KVM_IRQFD, &irqfd, "IRQFD");
}

void vm_run(struct bench_vm *vm, enum bench_exit want)
{
	const struct kvm_run *run = vm->run;

	if (ioctl(vm->vcpu, KVM_RUN, 0))
		bench_die("RUN");
	if (run->exit_reason != reasons[want]) {
		errno = run->exit_reason;
		bench_die("another exit than expected; its number is that of the error");
	}
}

unsigned int vm_run_coalesced(struct bench_vm *vm)
{
	const struct kvm_run *run = vm->run;
	struct kvm_coalesced_mmio_ring *ring;
	unsigned int nr = 0;

	if (ioctl(vm->vcpu, KVM_RUN, 0))
		bench_die("RUN");
	ring = (void *)((char *)vm->run + ring_offset);
	for (; ring->first != ring->last; ring->first = (ring->first + 1) % RING_MAX, nr++)
		bench_used = *(uint32_t *)ring->coalesced_mmio[ring->first].data;
	if (run->exit_reason == KVM_EXIT_MMIO)
		return nr + 1;
	if (run->exit_reason != KVM_EXIT_IO)
		bench_die("neither a coalesced write nor the end of the guest");
	return nr + (run->io.port == BENCH_BELL);
}

unsigned int vm_io_bytes(const struct bench_vm *vm)
{
	const struct kvm_run *run = vm->run;

	return run->io.count * run->io.size;
}

void vm_answer_io(struct bench_vm *vm, uint64_t value)
{
	struct kvm_run *run = vm->run;

	*((unsigned char *)run + run->io.data_offset) = value;
}

void vm_answer_mmio(struct bench_vm *vm, uint64_t value)
{
	struct kvm_run *run = vm->run;

	memcpy(run->mmio.data, &value, sizeof(value));
}

void vm_answer_msr(struct bench_vm *vm, uint64_t value)
{
	struct kvm_run *run = vm->run;

	run->msr.data = value;
	run->msr.error = 0;
}

void vm_answer_hypercall(struct bench_vm *vm, uint64_t value)
{
	struct kvm_run *run = vm->run;

	run->hypercall.ret = value;
}

void vm_inject(struct bench_vm *vm)
{
	const struct kvm_run *run = vm->run;
	struct kvm_interrupt irq = { .irq = BENCH_VECTOR };

	if (!run->ready_for_interrupt_injection)
		bench_die("the guest is not ready for an interrupt");
	call(vm->vcpu, KVM_INTERRUPT, &irq, "INTERRUPT");
}

static void add_to_regs(struct kvm_regs *regs)
{
	regs->rax++;
	regs->rbx++;
	regs->rcx++;
	/* RDX has the port */
	regs->rdx += 0x10000;
	regs->rsi++;
	regs->rdi++;
	regs->rbp++;
	regs->r8++;
	regs->r9++;
	regs->r10++;
	regs->r11++;
	regs->r12++;
	regs->r13++;
	regs->r14++;
	regs->r15++;
}

void vm_touch_regs_call(struct bench_vm *vm)
{
	if (ioctl(vm->vcpu, KVM_GET_REGS, &all.regs))
		bench_die("GET_REGS");
	add_to_regs(&all.regs);
	if (ioctl(vm->vcpu, KVM_SET_REGS, &all.regs))
		bench_die("SET_REGS");
}

void vm_touch_regs_page(struct bench_vm *vm)
{
	struct kvm_run *run = vm->run;

	add_to_regs(&run->s.regs.regs);
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
}

void vm_share_regs(struct bench_vm *vm, bool on)
{
	struct kvm_run *run = vm->run;

	run->kvm_valid_regs = on ? KVM_SYNC_X86_REGS : 0;
	run->kvm_dirty_regs = 0;
}

static void set_msr_list(void)
{
	unsigned int i;

	all.msrs.nmsrs = NR_MSRS;
	for (i = 0; i < all.msrs.nmsrs; i++)
		all.msr[i].index = msrs[i];
}

void vm_get_state(struct bench_vm *vm)
{
	set_msr_list();
	call(vm->vcpu, KVM_GET_MP_STATE, &all.mp_state, "GET_MP_STATE");
	call(vm->vcpu, KVM_GET_REGS, &all.regs, "GET_REGS");
	call(vm->vcpu, KVM_GET_SREGS, &all.sregs, "GET_SREGS");
	call(vm->vcpu, KVM_GET_XSAVE, &all.xsave, "GET_XSAVE");
	call(vm->vcpu, KVM_GET_XCRS, &all.xcrs, "GET_XCRS");
	call(vm->vcpu, KVM_GET_DEBUGREGS, &all.debug, "GET_DEBUGREGS");
	call(vm->vcpu, KVM_GET_LAPIC, &all.lapic, "GET_LAPIC");
	call(vm->vcpu, KVM_GET_MSRS, &all.msrs, "GET_MSRS");
	call(vm->vcpu, KVM_GET_VCPU_EVENTS, &all.events, "GET_VCPU_EVENTS");
}

void vm_set_state(struct bench_vm *vm)
{
	call(vm->vcpu, KVM_SET_REGS, &all.regs, "SET_REGS");
	call(vm->vcpu, KVM_SET_SREGS, &all.sregs, "SET_SREGS");
	call(vm->vcpu, KVM_SET_XCRS, &all.xcrs, "SET_XCRS");
	call(vm->vcpu, KVM_SET_XSAVE, &all.xsave, "SET_XSAVE");
	call(vm->vcpu, KVM_SET_DEBUGREGS, &all.debug, "SET_DEBUGREGS");
	call(vm->vcpu, KVM_SET_LAPIC, &all.lapic, "SET_LAPIC");
	call(vm->vcpu, KVM_SET_MSRS, &all.msrs, "SET_MSRS");
	call(vm->vcpu, KVM_SET_MP_STATE, &all.mp_state, "SET_MP_STATE");
	call(vm->vcpu, KVM_SET_VCPU_EVENTS, &all.events, "SET_VCPU_EVENTS");
}

void vm_log(struct bench_vm *vm, void *hva, size_t bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1,
		.flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = BENCH_MORE,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	call(vm->vm, KVM_SET_USER_MEMORY_REGION, &region, "SET_USER_MEMORY_REGION");
	if (!logged.bits)
		logged.bits = bench_alloc(bytes / PAGE / 8, false);
	logged.mem = hva;
	logged.bytes = bytes;
}

void vm_collect(struct bench_vm *vm)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = logged.bits };

	call(vm->vm, KVM_GET_DIRTY_LOG, &log, "GET_DIRTY_LOG");
}

unsigned int vm_collected(const struct bench_vm *vm)
{
	unsigned int pages = 0;
	size_t i;

	(void)vm;
	for (i = 0; i < logged.bytes / PAGE / 64; i++)
		pages += __builtin_popcountll(logged.bits[i]);
	return pages;
}

void vm_snapshot(struct bench_vm *vm, void *hva, size_t bytes)
{
	vm_log(vm, hva, bytes);
	if (!logged.image)
		logged.image = bench_alloc(bytes, false);
	memcpy(logged.image, hva, bytes);
	set_msr_list();
	all.msrs.nmsrs = NR_RESET_MSRS;
	call(vm->vcpu, KVM_GET_REGS, &all.regs, "GET_REGS");
	call(vm->vcpu, KVM_GET_SREGS, &all.sregs, "GET_SREGS");
	call(vm->vcpu, KVM_GET_FPU, &all.fpu, "GET_FPU");
	call(vm->vcpu, KVM_GET_VCPU_EVENTS, &all.events, "GET_VCPU_EVENTS");
	call(vm->vcpu, KVM_GET_DEBUGREGS, &all.debug, "GET_DEBUGREGS");
	if (ioctl(vm->vcpu, KVM_GET_MSRS, &all.msrs) != NR_RESET_MSRS ||
	    ioctl(vm->vcpu, KVM_SET_MSRS, &all.msrs) != NR_RESET_MSRS)
		bench_die("an MSR");
}

/* Copies like the kernel does */
static void copy_page(unsigned char *to, const unsigned char *from)
{
	size_t words = PAGE / 8;

	asm volatile("rep movsq" : "+D" (to), "+S" (from), "+c" (words) : : "memory");
}

static unsigned int copy_back(size_t word)
{
	uint64_t bits = logged.bits[word];
	unsigned int pages = 0;
	size_t at;

	for (; bits; bits &= bits - 1, pages++) {
		at = (word * 64 + __builtin_ctzll(bits)) * PAGE;
		copy_page(logged.mem + at, logged.image + at);
	}
	return pages;
}

/* State of a guest without a local APIC, and no more */
unsigned int vm_reset(struct bench_vm *vm)
{
	unsigned int pages = 0;
	size_t i;

	vm_collect(vm);
	for (i = 0; i < logged.bytes / PAGE / 64; i++)
		if (logged.bits[i])
			pages += copy_back(i);
	call(vm->vcpu, KVM_SET_REGS, &all.regs, "SET_REGS");
	call(vm->vcpu, KVM_SET_SREGS, &all.sregs, "SET_SREGS");
	call(vm->vcpu, KVM_SET_FPU, &all.fpu, "SET_FPU");
	call(vm->vcpu, KVM_SET_VCPU_EVENTS, &all.events, "SET_VCPU_EVENTS");
	call(vm->vcpu, KVM_SET_DEBUGREGS, &all.debug, "SET_DEBUGREGS");
	call(vm->vcpu, KVM_SET_MSRS, &all.msrs, "SET_MSRS");
	return pages;
}

/* Linux 6.1 has none. */
void vm_prefault(struct bench_vm *vm, uint64_t gpa, size_t bytes)
{
	(void)vm;
	(void)gpa;
	(void)bytes;
}

/* A signal alone could come between the check and KVM_RUN. */
void vm_kick(struct bench_vm *vm)
{
	struct kvm_run *run = vm->run;

	run->immediate_exit = 1;
	pthread_kill(vm->thread, SIGUSR1);
}

void vm_run_kicked(struct bench_vm *vm)
{
	struct kvm_run *run = vm->run;

	if (!ioctl(vm->vcpu, KVM_RUN, 0) || errno != EINTR)
		bench_die("RUN");
	run->immediate_exit = 0;
}
