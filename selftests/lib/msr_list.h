/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of MSRs: reads and writes lists of them, in the guest and on the host. */
#ifndef MSR_LIST_H
#define MSR_LIST_H

#include "guest_idt.h"

/* RBX: list of MSRs, RBP: their number, RSI: values; RDI: 1 to write, 0 to read */
GUEST64(msr_list,
	"1: mov (%rbx), %ecx\n"
	"test %edi, %edi\n"
	"jz 2f\n"
	"mov (%rsi), %eax\n"
	"mov 4(%rsi), %edx\n"
	"wrmsr\n"
	"jmp 3f\n"
	"2: rdmsr\n"
	"mov %eax, (%rsi)\n"
	"mov %edx, 4(%rsi)\n"
	"3: add $4, %rbx\n"
	"add $8, %rsi\n"
	"dec %ebp\n"
	"jnz 1b\n"
	"hlt");

/* The value is 0 if the host's CPU lacks the MSR. */
static inline void host_read_msrs(const uint32_t *msrs, unsigned int nr, uint64_t *values)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		values[i] = 0;
		host_rdmsr(0, msrs[i], &values[i]);
	}
}

/*
 * A VM on CPU 0 after its first RUN. The first RUN turns SVM on, which changes EFER and
 * VM_HSAVE_PA.
 */
static inline void vm_open_and_run(struct test_vm *vm)
{
	if (pin_to_cpu(0))
		vm_die("CPU 0");
	vm_open(vm);
	vm_load(vm, TEST_CODE, "\xf4", 1);
	vm_setup(vm, SVMVCPU_PRESET_REAL);
	if (vm_run(vm))
		vm_die("the first RUN");
}

#endif /* MSR_LIST_H */
