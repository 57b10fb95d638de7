// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-svmvcpu: the calls of a VMM on svmvcpu.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/svmvcpu.h>

#include "bench.h"

const char *const bench_device = "/dev/svmvcpu";
const bool has_prefault = true;

static const uint32_t reasons[] = {
	[EXIT_IO] = SVMVCPU_EXIT_IO,
	[EXIT_MMIO] = SVMVCPU_EXIT_MMIO,
	[EXIT_HYPERCALL] = SVMVCPU_EXIT_HYPERCALL,
	[EXIT_HALT] = SVMVCPU_EXIT_HALT,
	[EXIT_MSR_READ] = SVMVCPU_EXIT_MSR_READ,
};

static struct svmvcpu_info info = { .size = sizeof(info) };
static struct svmvcpu_state state;
static struct svmvcpu_dirty_collect collected = {
	.size = sizeof(collected), .gpa = BENCH_MORE, .max = SVMVCPU_DIRTY_LIST_MAX,
};

static int dev;

void dev_open(void)
{
	dev = open(bench_device, O_RDWR | O_CLOEXEC);
	if (dev < 0 || ioctl(dev, SVMVCPU_GET_INFO, &info))
		bench_die("open");
	state.xstate = (uintptr_t)malloc(info.xstate_size);
	state.xstate_size = info.xstate_size;
}

void dev_empty_ioctl(void)
{
	ioctl(dev, _IO(SVMVCPU_IOC_TYPE, 0x1f), 0);
}

void vm_map(struct bench_vm *vm, uint64_t gpa, void *hva, size_t bytes)
{
	struct svmvcpu_region region = {
		.gpa = gpa,
		.bytes = bytes,
		.hva = (uintptr_t)hva,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC,
	};
	struct svmvcpu_map map = {
		.size = sizeof(map), .nr = 1, .regions = (uintptr_t)&region,
	};

	if (ioctl(vm->vm, SVMVCPU_MAP, &map))
		bench_die("MAP");
}

void vm_unmap(struct bench_vm *vm, uint64_t gpa, size_t bytes)
{
	struct svmvcpu_range range = { .gpa = gpa, .bytes = bytes };
	struct svmvcpu_unmap unmap = {
		.size = sizeof(unmap), .nr = 1, .ranges = (uintptr_t)&range,
	};

	if (ioctl(vm->vm, SVMVCPU_UNMAP, &unmap))
		bench_die("UNMAP");
}

static void decode_mmio(struct bench_vm *vm)
{
	struct svmvcpu_exits exits = { .size = sizeof(exits), .decode = SVMVCPU_DECODE_MMIO };

	if (ioctl(vm->vcpu, SVMVCPU_SET_EXITS, &exits))
		bench_die("SET_EXITS");
}

static void create_vcpu(struct bench_vm *vm, unsigned int id)
{
	struct svmvcpu_create_vcpu arg = {
		.size = sizeof(arg),
		.id = id,
		.flags = vm->flags & WITH_LAPIC ? SVMVCPU_VCPU_LAPIC : 0,
	};

	vm->vcpu = ioctl(vm->vm, SVMVCPU_CREATE_VCPU, &arg);
	vm->run_bytes = info.run_size;
	vm->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->vcpu < 0 || vm->run == MAP_FAILED)
		bench_die("CREATE_VCPU");
	if (vm->flags & WITH_MMIO)
		decode_mmio(vm);
}

void vm_create(struct bench_vm *vm)
{
	struct svmvcpu_create_vm vm_arg = { .size = sizeof(vm_arg) };

	vm->vm = ioctl(dev, SVMVCPU_CREATE_VM, &vm_arg);
	if (vm->vm < 0)
		bench_die("CREATE_VM");
	vm_map(vm, 0, vm->mem, BENCH_MEM);
	create_vcpu(vm, 0);
}

void vm_add_vcpu(struct bench_vm *vm, struct bench_vm *other)
{
	*other = *vm;
	create_vcpu(other, 1);
}

void vm_remove_vcpu(struct bench_vm *other)
{
	munmap(other->run, other->run_bytes);
	close(other->vcpu);
}

void vm_setup(struct bench_vm *vm)
{
	struct svmvcpu_setup setup = {
		.size = sizeof(setup),
		.preset = SVMVCPU_PRESET_LONG64,
		.entry = BENCH_CODE,
		.stack = BENCH_STACK,
		.cr3 = BENCH_TABLES,
	};

	if (vm->flags & WITH_FLAT32) {
		setup.preset = SVMVCPU_PRESET_PROT32;
		setup.cr3 = 0;
	}
	if (ioctl(vm->vcpu, SVMVCPU_SETUP, &setup))
		bench_die("SETUP");
}

void vm_destroy(struct bench_vm *vm)
{
	vm_remove_vcpu(vm);
	close(vm->vm);
}

void vm_doorbells(struct bench_vm *vm, int eventfd)
{
	struct svmvcpu_ioeventfd bell = {
		.size = sizeof(bell), .flags = SVMVCPU_IOEVENTFD_PIO, .fd = eventfd,
		.width = 1, .address = BENCH_BELL,
	};

	if (ioctl(vm->vm, SVMVCPU_SET_IOEVENTFD, &bell))
		bench_die("SET_IOEVENTFD");
	bell.flags = 0;
	bell.width = 4;
	bell.address = BENCH_DEVICE;
	if (ioctl(vm->vm, SVMVCPU_SET_IOEVENTFD, &bell))
		bench_die("SET_IOEVENTFD");
}

static void coalesce(struct bench_vm *vm, unsigned int flags, uint64_t address, uint64_t bytes)
{
	const struct svmvcpu_coalesced arg = {
		.size = sizeof(arg), .flags = flags, .address = address, .bytes = bytes,
	};

	if (ioctl(vm->vm, SVMVCPU_SET_COALESCED, &arg))
		bench_die("SET_COALESCED");
}

void vm_coalesce(struct bench_vm *vm)
{
	coalesce(vm, SVMVCPU_COALESCED_PIO, BENCH_BELL, 1);
	coalesce(vm, 0, BENCH_DEVICE, 4);
}

void vm_irqfd(struct bench_vm *vm, int eventfd)
{
	struct svmvcpu_irqfd irqfd = {
		.size = sizeof(irqfd), .fd = eventfd, .vector = BENCH_VECTOR,
	};

	if (ioctl(vm->vm, SVMVCPU_SET_IRQFD, &irqfd))
		bench_die("SET_IRQFD");
}

static void unexpected(const struct svmvcpu_run *run)
{
	errno = run->reason;
	bench_die("another exit than expected; its number is that of the error");
}

void vm_run(struct bench_vm *vm, enum bench_exit want)
{
	const struct svmvcpu_run *run = vm->run;

	if (ioctl(vm->vcpu, SVMVCPU_RUN, 0))
		bench_die("RUN");
	if (run->reason != reasons[want])
		unexpected(run);
}

unsigned int vm_run_coalesced(struct bench_vm *vm)
{
	const struct svmvcpu_run *run = vm->run;
	const struct svmvcpu_write *list;
	unsigned int i;

	if (ioctl(vm->vcpu, SVMVCPU_RUN, 0))
		bench_die("RUN");
	list = (const void *)((const char *)vm->run + run->coalesced_offset);
	for (i = 0; i < run->coalesced; i++)
		bench_used = list[i].data;
	if (run->reason == SVMVCPU_EXIT_MMIO)
		return run->coalesced + 1;
	if (run->reason != SVMVCPU_EXIT_IO)
		unexpected(run);
	return run->coalesced + (run->io.port == BENCH_BELL);
}

unsigned int vm_io_bytes(const struct bench_vm *vm)
{
	const struct svmvcpu_run *run = vm->run;

	return run->io.count * run->io.width;
}

void vm_answer_io(struct bench_vm *vm, uint64_t value)
{
	struct svmvcpu_run *run = vm->run;

	run->answer = value;
}

void vm_answer_mmio(struct bench_vm *vm, uint64_t value)
{
	vm_answer_io(vm, value);
}

void vm_answer_msr(struct bench_vm *vm, uint64_t value)
{
	vm_answer_io(vm, value);
}

void vm_answer_hypercall(struct bench_vm *vm, uint64_t value)
{
	vm_answer_io(vm, value);
}

void vm_inject(struct bench_vm *vm)
{
	struct svmvcpu_run *run = vm->run;

	run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | BENCH_VECTOR;
}

static void add_to_gprs(struct svmvcpu_gprs *gprs)
{
	gprs->rax++;
	gprs->rbx++;
	gprs->rcx++;
	/* RDX has the port */
	gprs->rdx += 0x10000;
	gprs->rsi++;
	gprs->rdi++;
	gprs->rbp++;
	gprs->r8++;
	gprs->r9++;
	gprs->r10++;
	gprs->r11++;
	gprs->r12++;
	gprs->r13++;
	gprs->r14++;
	gprs->r15++;
}

void vm_touch_regs_call(struct bench_vm *vm)
{
	state.size = sizeof(state);
	state.components = SVMVCPU_STATE_GPRS;
	if (ioctl(vm->vcpu, SVMVCPU_GET_STATE, &state))
		bench_die("GET_STATE");
	add_to_gprs(&state.gprs);
	if (ioctl(vm->vcpu, SVMVCPU_SET_STATE, &state))
		bench_die("SET_STATE");
}

void vm_touch_regs_page(struct bench_vm *vm)
{
	struct svmvcpu_run *run = vm->run;

	add_to_gprs(&run->gprs);
	run->in_flags = SVMVCPU_RUN_SET_GPRS;
}

/* The run page always has them. */
void vm_share_regs(struct bench_vm *vm, bool on)
{
	(void)vm;
	(void)on;
}

void vm_get_state(struct bench_vm *vm)
{
	state.size = sizeof(state);
	state.components = info.components;
	if (ioctl(vm->vcpu, SVMVCPU_GET_STATE, &state))
		bench_die("GET_STATE");
}

void vm_set_state(struct bench_vm *vm)
{
	if (ioctl(vm->vcpu, SVMVCPU_SET_STATE, &state))
		bench_die("SET_STATE");
}

void vm_log(struct bench_vm *vm, void *hva, size_t bytes)
{
	struct svmvcpu_dirty_log log = {
		.size = sizeof(log),
		.flags = SVMVCPU_LOG_START,
		.gpa = BENCH_MORE,
		.bytes = bytes,
	};

	(void)hva;
	if (ioctl(vm->vm, SVMVCPU_DIRTY_LOG, &log))
		bench_die("DIRTY_LOG");
	collected.bytes = bytes;
}

void vm_collect(struct bench_vm *vm)
{
	if (ioctl(vm->vm, SVMVCPU_DIRTY_COLLECT, &collected))
		bench_die("DIRTY_COLLECT");
}

unsigned int vm_collected(const struct bench_vm *vm)
{
	(void)vm;
	return collected.nr;
}

void vm_snapshot(struct bench_vm *vm, void *hva, size_t bytes)
{
	struct svmvcpu_snapshot snapshot = { .size = sizeof(snapshot) };

	(void)hva;
	(void)bytes;
	if (ioctl(vm->vm, SVMVCPU_SNAPSHOT, &snapshot))
		bench_die("SNAPSHOT");
}

unsigned int vm_reset(struct bench_vm *vm)
{
	struct svmvcpu_restore restore = { .size = sizeof(restore) };

	if (ioctl(vm->vm, SVMVCPU_RESTORE, &restore))
		bench_die("RESTORE");
	return restore.pages;
}

void vm_prefault(struct bench_vm *vm, uint64_t gpa, size_t bytes)
{
	struct svmvcpu_prefault range = {
		.size = sizeof(range),
		.flags = SVMVCPU_PREFAULT_WRITE,
		.gpa = gpa,
		.bytes = bytes,
	};

	if (ioctl(vm->vm, SVMVCPU_PREFAULT, &range))
		bench_die("PREFAULT");
}

void vm_kick(struct bench_vm *vm)
{
	if (ioctl(vm->vcpu, SVMVCPU_KICK, 0))
		bench_die("KICK");
}

void vm_run_kicked(struct bench_vm *vm)
{
	const struct svmvcpu_run *run = vm->run;

	if (ioctl(vm->vcpu, SVMVCPU_RUN, 0))
		bench_die("RUN");
	if (run->reason != SVMVCPU_EXIT_INTERRUPTED)
		unexpected(run);
}
