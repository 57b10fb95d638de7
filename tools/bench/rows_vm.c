// SPDX-License-Identifier: GPL-2.0-only
/* Rows: creation and end of a VM */
#include "bench.h"

BENCH_GUEST(first,
	    "mov $0x3f8, %edx\n"
	    "out %al, %dx");

#define MAX_VMS	32

/* VM, 2 MiB of resident memory, vCPU, registers, the first exit */
static void begin_life(struct bench_vm *vm)
{
	vm_create(vm);
	vm_setup(vm);
	vm_run(vm, EXIT_IO);
}

/*
 * All VMs use the same memory and live until the last has started: the end of one could
 * slow down the next.
 */
static uint64_t create(unsigned int n)
{
	static struct bench_vm vms[MAX_VMS];
	uint64_t begin, time = 0;
	struct bench_vm vm;
	unsigned int i;

	guest_prepare(&vm, guest_first, guest_first_end - guest_first, 0);
	for (i = 0; i < n; i++) {
		vms[i] = vm;
		begin = ticks();
		begin_life(&vms[i]);
		time += ticks() - begin;
	}
	for (i = 0; i < n; i++)
		vm_destroy(&vms[i]);
	guest_release(&vm);
	return time;
}

static uint64_t create_destroy(unsigned int n)
{
	uint64_t begin, time = 0;
	struct bench_vm vm;

	guest_prepare(&vm, guest_first, guest_first_end - guest_first, 0);
	while (n--) {
		begin = ticks();
		begin_life(&vm);
		vm_destroy(&vm);
		time += ticks() - begin;
	}
	guest_release(&vm);
	return time;
}

const struct bench_row rows_vm[] = {
	BY_COUNT("create to first exit", "VM", create, 8, 3),
	BY_COUNT("create, exit, destroy", "VM", create_destroy, 8, 3),
	{ }
};
