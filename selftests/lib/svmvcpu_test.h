/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by all selftests: a VM with some memory and one vCPU, small guests written in
 * assembly, and checks that print what they found.
 *
 * A guest is assembly in GUEST16(name, ...), GUEST32() or GUEST64() and is copied to
 * TEST_CODE in the VM's memory.
 */
#ifndef SVMVCPU_TEST_H
#define SVMVCPU_TEST_H

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/svmvcpu.h>

#include "kselftest_harness.h"
#include "svmvcpu_lib.h"

/*
 * Emulation is slow, and KASAN and lockdep make it slower. A test that hangs is ended
 * by the timeout that the runner has for the program.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	150

/* The harness defines functions without prototypes. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* Binds the calling thread to a CPU. */
static inline int pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* Guest-physical layout: identity page tables, code, data, stack, free pages */
#define TEST_MEM	(4UL << 20)
#define TEST_TABLES	0x10000UL	/* long64: PML4 first */
#define TEST_CODE	0x1000UL
#define TEST_DATA	0x8000UL	/* reachable from real mode */
#define TEST_STACK	0x7000UL	/* grows down */
#define TEST_FREE	0x200000UL	/* not used by the helpers */

/* Assembly of a guest, position independent, between two symbols */
#define GUEST_ASM(name, width, ...)					\
	extern const unsigned char guest_##name[], guest_##name##_end[];	\
	asm(".pushsection .rodata\n"					\
	    ".code" #width "\n"						\
	    "guest_" #name ":\n"					\
	    __VA_ARGS__ "\n"						\
	    "guest_" #name "_end:\n"					\
	    ".code64\n"							\
	    ".popsection\n")

#define GUEST16(name, ...)	GUEST_ASM(name, 16, __VA_ARGS__)
#define GUEST32(name, ...)	GUEST_ASM(name, 32, __VA_ARGS__)
#define GUEST64(name, ...)	GUEST_ASM(name, 64, __VA_ARGS__)

#define load_guest(vm, name) \
	vm_load((vm), TEST_CODE, guest_##name, guest_##name##_end - guest_##name)

/**
 * struct test_vm - one VM, one region from 0, one vCPU with ID 0
 * @dev: /dev/svmvcpu
 * @vm: VM file
 * @mem: the region's memory
 * @vcpu: .
 * @run: its run page
 * @xstate: what vm_get_state() puts the XSTATE component into
 */
struct test_vm {
	int dev;
	int vm;
	unsigned char *mem;
	struct svmvcpu_info info;
	struct svmvcpu_vcpu vcpu;
	struct svmvcpu_run *run;
	unsigned char xstate[4096];
};

static inline void vm_die(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, svmvcpu_last_error());
	exit(1);
}

/* Opens a VM without a vCPU, for calls that have to precede its creation. */
static inline void vm_open_empty(struct test_vm *t)
{
	struct svmvcpu_region region = {
		.bytes = TEST_MEM,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC,
	};

	memset(t, 0, sizeof(*t));
	t->dev = svmvcpu_open(SVMVCPU_DEVICE);
	if (t->dev < 0)
		vm_die("open " SVMVCPU_DEVICE);
	if (svmvcpu_get_info(t->dev, &t->info))
		vm_die("GET_INFO");
	if (t->info.xstate_size > sizeof(t->xstate))
		vm_die("XSTATE is larger than the buffer for it");
	t->vm = svmvcpu_vm_create(t->dev);
	if (t->vm < 0)
		vm_die("CREATE_VM");
	t->mem = svmvcpu_alloc(TEST_MEM);
	if (!t->mem)
		vm_die("guest memory");
	region.hva = (uintptr_t)t->mem;
	if (svmvcpu_vm_map(t->vm, &region, 1))
		vm_die("MAP");
	t->vcpu.fd = -1;
}

static inline void vm_add_vcpu(struct test_vm *t, unsigned int id)
{
	if (svmvcpu_vcpu_create(t->vm, id, &t->info, &t->vcpu))
		vm_die("CREATE_VCPU");
	t->run = t->vcpu.run;
}

static inline void vm_open(struct test_vm *t)
{
	vm_open_empty(t);
	vm_add_vcpu(t, 0);
}

static inline void vm_close(struct test_vm *t)
{
	svmvcpu_vcpu_close(&t->vcpu);
	close(t->vm);
	close(t->dev);
	svmvcpu_free(t->mem, TEST_MEM);
}

/*
 * A fixture with one VM, opened by @open. @... declares further members, which are zero
 * at first.
 */
#define VM_FIXTURE_BY(open, name, ...)					\
	FIXTURE(name) {							\
		struct test_vm vm;					\
		__VA_ARGS__						\
	};								\
	FIXTURE_SETUP(name)						\
	{								\
		open(&self->vm);					\
	}								\
	VM_TEARDOWN(name)

#define VM_FIXTURE(name, ...)	VM_FIXTURE_BY(vm_open, name, __VA_ARGS__)

/* For fixtures whose setup does more than open the VM */
#define VM_TEARDOWN(name)						\
	FIXTURE_TEARDOWN(name)						\
	{								\
		vm_close(&self->vm);					\
	}

static inline void vm_load(struct test_vm *t, unsigned long gpa, const void *code, size_t len)
{
	memcpy(t->mem + gpa, code, len);
}

/* Starts at TEST_CODE in one of the presets; LONG64 gets identity page tables. */
static inline void vm_setup(struct test_vm *t, enum svmvcpu_preset preset)
{
	struct svmvcpu_setup setup = {
		.preset = preset,
		.entry = preset == SVMVCPU_PRESET_RESET ? 0 : TEST_CODE,
		.stack = preset == SVMVCPU_PRESET_RESET ? 0 : TEST_STACK,
	};

	if (preset == SVMVCPU_PRESET_LONG64) {
		setup.cr3 = TEST_TABLES;
		if (svmvcpu_identity_map(t->mem + TEST_TABLES, TEST_TABLES, TEST_MEM))
			vm_die("identity map");
	}
	if (svmvcpu_vcpu_setup(&t->vcpu, &setup))
		vm_die("SETUP");
}

/* 0 or the errno of RUN; the run page has the exit. */
static inline int vm_run(struct test_vm *t)
{
	return ioctl(t->vcpu.fd, SVMVCPU_RUN, 0) ? errno : 0;
}

/* Gets all components. XSTATE goes to t->xstate, which the next SET_STATE reads. */
static inline void vm_get_state(struct test_vm *t, struct svmvcpu_state *state)
{
	state->xstate = (uintptr_t)t->xstate;
	state->xstate_size = t->info.xstate_size;
	if (svmvcpu_vcpu_get_state(&t->vcpu, t->info.components, state))
		vm_die("GET_STATE");
}

/* Moves the guest, memory and vCPU, to a VM that had another guest. */
static inline void vm_move(struct test_vm *from, struct test_vm *to)
{
	struct svmvcpu_state state;

	vm_get_state(from, &state);
	memcpy(to->mem, from->mem, TEST_MEM);
	if (svmvcpu_vcpu_set_state(&to->vcpu, from->info.components, &state))
		vm_die("SET_STATE");
}

/* The debug kernel is slow. */
static inline bool debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

/* TCG of QEMU lacks some parts of the architecture. */
static inline bool host_is_tcg(void)
{
	unsigned int eax, ebx, ecx, edx;

	__cpuid(0x40000000, eax, ebx, ecx, edx);
	return ebx == 0x54474354;	/* "TCGT" */
}

/* Bochs lacks some parts of the architecture. The kernel's command line identifies it. */
static inline bool host_is_bochs(void)
{
	char line[1024];
	ssize_t len;
	int fd;

	fd = open("/proc/cmdline", O_RDONLY);
	len = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
	close(fd);
	line[len > 0 ? len : 0] = 0;
	return strstr(line, "svmvcpu.bochs");
}

/* Use fewer rounds in loops: the debug kernel and Bochs are slow. */
static inline bool slow_machine(void)
{
	return debug_kernel() || host_is_bochs();
}

/* errno of an ioctl, or 0 on success (also if it returns a descriptor) */
static inline int ioctl_errno(int fd, unsigned long cmd, const void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

/* Does a thread of this process sleep, in HLT or on a mutex? */
static inline bool thread_sleeps(pid_t tid)
{
	char path[64], line[512], *name_end;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
	close(fd);
	line[len > 0 ? len : 0] = 0;
	name_end = strrchr(line, ')');
	return name_end && (name_end[2] == 'S' || name_end[2] == 'D');
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* RUN, and expect this exit reason; prints the exit if it is another one. */
#define RUN_EXPECT(t, want)						\
do {									\
	char text_[256];						\
	int err_ = vm_run(t);						\
	ASSERT_EQ(0, err_);						\
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_##want, (t)->run->reason) {	\
		svmvcpu_describe_exit((t)->run, NULL, text_, sizeof(text_));	\
		TH_LOG("exit was: %s", text_);				\
	}								\
} while (0)

/* VMRUN of Bochs does not load CR2. */
#define EXPECT_CR2(t, value)						\
do {									\
	if (!host_is_bochs())						\
		EXPECT_EQ(value, (t)->run->cr2);			\
} while (0)

#endif /* SVMVCPU_TEST_H */
