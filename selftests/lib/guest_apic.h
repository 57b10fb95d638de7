/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with a local APIC that performs one access per RUN. The code is 32-bit. The
 * handler of each vector is a HLT with interrupts off: the exit tells the vector. For
 * the apic_* programs; uses guest_idt.h.
 */
#ifndef SVMVCPU_GUEST_APIC_H
#define SVMVCPU_GUEST_APIC_H

#include "guest_idt.h"

#define MSR_APIC_BASE	0x1b
#define MSR_TSC		0x10
#define MSR_DEADLINE	0x6e0

#define BASE_BSP	0x100
#define BASE_X2		0x400
#define BASE_ENABLE	0x800
#define BASE_XAPIC	0xfee00900U	/* of the BSP after RESET */
#define BASE_X2APIC	0xfee00d00U

/* registers, as offsets into the page */
#define APIC_ID		0x020
#define APIC_VERSION	0x030
#define APIC_TPR	0x080
#define APIC_PPR	0x0a0
#define APIC_EOI	0x0b0
#define APIC_LDR	0x0d0
#define APIC_DFR	0x0e0
#define APIC_SVR	0x0f0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_LINT0	0x350
#define APIC_LVT_LINT1	0x360
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define APIC_SELF_IPI	0x3f0

#define LVT_MASKED	0x10000
#define TIMER_PERIODIC	0x20000
#define TIMER_DEADLINE	0x40000

#define X2(reg)		(0x800 + (reg) / 16)

/* result of an access that raised no exception */
#define FINISHED	(-1)
#define EXITED		(-2)	/* see the run page */

static inline void apic_open(struct test_vm *t)
{
	vm_open_empty(t);
	if (svmvcpu_vcpu_create_flags(t->vm, 0, SVMVCPU_VCPU_LAPIC, &t->info, &t->vcpu))
		vm_die("CREATE_VCPU");
	t->run = t->vcpu.run;
	idt_setup(t, IDT_PROT32);
}

#define APIC_FIXTURE(name, ...)	VM_FIXTURE_BY(apic_open, name, __VA_ARGS__)

/* Puts code that ends in VMMCALL at TEST_CODE. The next RUN loads the registers returned. */
static inline struct svmvcpu_gprs *apic_start(struct test_vm *t, const void *code,
					      unsigned int len)
{
	idt_put(t, code, len);
	t->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	t->run->gprs.rip = TEST_CODE;
	t->run->gprs.rsp = TEST_STACK;
	t->run->gprs.rflags = 2;
	return &t->run->gprs;
}

static inline int apic_run(struct test_vm *t)
{
	struct idt_outcome out;

	if (idt_run(t, &out))
		vm_die("RUN");
	if (out.vector != NO_VECTOR)
		return out.vector;
	if (t->run->reason == SVMVCPU_EXIT_HYPERCALL)
		return FINISHED;
	/* The next access replaces this instruction: do not complete it. */
	if (t->run->reason == SVMVCPU_EXIT_MSR_READ || t->run->reason == SVMVCPU_EXIT_MSR_WRITE)
		IDT_REGS(t, regs->rip = TEST_CODE);
	return EXITED;
}

static inline int apic_wrmsr(struct test_vm *t, uint32_t msr, uint64_t value)
{
	struct svmvcpu_gprs *gprs = apic_start(t, CODE("\x0f\x30"));

	gprs->rcx = msr;
	gprs->rax = (uint32_t)value;
	gprs->rdx = value >> 32;
	return apic_run(t);
}

static inline int apic_rdmsr(struct test_vm *t, uint32_t msr, uint64_t *value)
{
	int ret;

	apic_start(t, CODE("\x0f\x32"))->rcx = msr;
	ret = apic_run(t);
	*value = t->run->gprs.rdx << 32 | (uint32_t)t->run->gprs.rax;
	return ret;
}

/* Access to the register page by mov %eax, (%edi) and mov (%edi), %eax */
static inline int page_write(struct test_vm *t, unsigned int reg, uint32_t value)
{
	struct svmvcpu_gprs *gprs = apic_start(t, CODE("\x89\x07"));

	gprs->rdi = 0xfee00000 + reg;
	gprs->rax = value;
	return apic_run(t);
}

static inline uint32_t page_read(struct test_vm *t, unsigned int reg)
{
	apic_start(t, CODE("\x8b\x07"))->rdi = 0xfee00000 + reg;
	if (apic_run(t) != FINISHED)
		vm_die("reading the register page");
	return t->run->gprs.rax;
}

/* Accesses in x2APIC mode */
static inline uint64_t x2_read(struct test_vm *t, unsigned int reg)
{
	uint64_t value;

	if (apic_rdmsr(t, X2(reg), &value) != FINISHED)
		vm_die("reading an x2APIC register");
	return value;
}

static inline int x2_write(struct test_vm *t, unsigned int reg, uint64_t value)
{
	return apic_wrmsr(t, X2(reg), value);
}

/* sti; nop; the vector that the local APIC delivers, or FINISHED */
static inline int apic_take_irq(struct test_vm *t)
{
	apic_start(t, CODE("\xfb\x90\x90\xfa"));
	return apic_run(t);
}

/* Returns from the handler that HLT stopped to the VMMCALL, where IF is clear */
static inline int apic_iret(struct test_vm *t)
{
	return apic_run(t);
}

/* Turns on x2APIC mode and sets the enable bit of SVR. */
static inline void apic_enable_x2(struct test_vm *t)
{
	if (apic_wrmsr(t, MSR_APIC_BASE, BASE_X2APIC) != FINISHED ||
	    x2_write(t, APIC_SVR, 0x1ff) != FINISHED)
		vm_die("turning the local APIC on");
}

/* Opens a VM whose vCPU is in x2APIC mode and enabled. */
static inline void apic_open_x2(struct test_vm *t)
{
	apic_open(t);
	apic_enable_x2(t);
}

/* An INIT exits with SYSTEM_DOWN. */
static inline void apic_exit_on_init(struct test_vm *t)
{
	struct svmvcpu_exits exits = { .flags = SVMVCPU_EXITS_INIT };

	if (svmvcpu_vcpu_choose_exits(&t->vcpu, &exits))
		vm_die("SET_EXITS");
}

#define X2APIC_FIXTURE(name, ...)	VM_FIXTURE_BY(apic_open_x2, name, __VA_ARGS__)

static inline int apic_send(struct test_vm *t, unsigned int vector, uint32_t flags)
{
	const struct svmvcpu_message msg = { .flags = flags, .vector = vector };

	return svmvcpu_vm_message(t->vm, &msg);
}

#define APIC_HANDLER	(TEST_CODE + 0x100)

/* Makes the stub of @vector jump to APIC_HANDLER. */
static inline void apic_hook(struct test_vm *t, unsigned int vector)
{
	uint32_t stub = IDT_STUBS + vector * 16, distance = APIC_HANDLER - (stub + 5);

	vm_load(t, stub, "\xe9", 1);
	vm_load(t, stub + 1, &distance, 4);
}

/* Installs guest code as the handler of @vector. */
#define load_handler(vm, vector, name)						\
do {										\
	vm_load((vm), APIC_HANDLER, guest_##name, guest_##name##_end - guest_##name);	\
	apic_hook((vm), (vector));						\
} while (0)

#endif /* SVMVCPU_GUEST_APIC_H */
