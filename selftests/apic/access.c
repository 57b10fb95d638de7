// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_APIC_ACCESS: the VMM accesses the register page of the local APIC for the
 * guest. The access has all the effects of a guest instruction: interrupts, IPIs, INIT
 * and exits.
 */
#include "guest_apic.h"

#define PAGE	4096U

APIC_FIXTURE(access)

/* errno, or 0 with the result in @access */
static int access_errno(struct test_vm *vm, struct svmvcpu_apic_access *access)
{
	access->size = sizeof(*access);
	return ioctl_errno(vm->vcpu.fd, SVMVCPU_APIC_ACCESS, access);
}

/* Returns the reason of the exit that ended it */
static unsigned int vmm_write(struct test_vm *vm, unsigned int offset, unsigned int width,
			      uint64_t value)
{
	struct svmvcpu_apic_access access = {
		.flags = SVMVCPU_APIC_WRITE, .offset = offset, .width = width, .data = value,
	};

	if (svmvcpu_vcpu_apic_access(&vm->vcpu, &access))
		vm_die("APIC_ACCESS");
	return access.exit;
}

static uint64_t vmm_read(struct test_vm *vm, unsigned int offset, unsigned int width)
{
	struct svmvcpu_apic_access access = {
		.offset = offset, .width = width, .data = ~0ULL,
	};

	if (svmvcpu_vcpu_apic_access(&vm->vcpu, &access) || access.exit)
		vm_die("APIC_ACCESS");
	return access.data;
}

/* The same access by the guest: mov %al, %ax or %eax to (%edi), and back */
static void guest_write(struct test_vm *vm, unsigned int offset, unsigned int width,
			uint32_t value)
{
	struct svmvcpu_gprs *gprs = width == 1 ? apic_start(vm, CODE("\x88\x07")) :
				    width == 2 ? apic_start(vm, CODE("\x66\x89\x07")) :
						 apic_start(vm, CODE("\x89\x07"));

	gprs->rdi = 0xfee00000 + offset;
	gprs->rax = value;
	if (apic_run(vm) != FINISHED)
		vm_die("the guest's write");
}

static uint64_t guest_read(struct test_vm *vm, unsigned int offset, unsigned int width)
{
	struct svmvcpu_gprs *gprs = width == 1 ? apic_start(vm, CODE("\x0f\xb6\x07")) :
				    width == 2 ? apic_start(vm, CODE("\x0f\xb7\x07")) :
						 apic_start(vm, CODE("\x8b\x07"));

	gprs->rdi = 0xfee00000 + offset;
	if (apic_run(vm) != FINISHED)
		vm_die("the guest's read");
	return vm->run->gprs.rax;
}

/* All registers except the running timer */
static struct svmvcpu_lapic lapic_of(struct test_vm *vm)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.lapic.timer_remaining = 0;
	state.lapic.regs[APIC_TMCCT / 16] = 0;
	return state.lapic;
}

static bool timer_runs(unsigned int offset)
{
	return offset / 16 == APIC_TMCCT / 16;
}

/* 0, or what differs after the same accesses by guest and VMM */
static int compare(struct test_vm *guest, struct test_vm *vmm, unsigned int offset,
		   unsigned int width, uint32_t value)
{
	struct svmvcpu_lapic a, b;

	guest_write(guest, offset, width, value);
	if (vmm_write(vmm, offset, width, value))
		return 1;
	a = lapic_of(guest);
	b = lapic_of(vmm);
	if (memcmp(&a, &b, sizeof(a)))
		return 2;
	if (guest_read(guest, offset, width) != vmm_read(vmm, offset, width) &&
	    !timer_runs(offset))
		return 3;
	a = lapic_of(guest);
	b = lapic_of(vmm);
	return memcmp(&a, &b, sizeof(a)) ? 4 : 0;
}

/* Each register, at its start and unaligned, and the rest of the page */
TEST_F(access, as_the_guest)
{
	static const unsigned int off[] = { 0, 1, 2, 4, 15 };
	static const uint32_t values[] = { 0x151, 0 };
	unsigned int reg, i, width, step = slow_machine() ? 3 : 1;
	struct test_vm other;

	apic_open(&other);
	for (reg = 0; reg < 66; reg++) {
		for (i = 0; i < ARRAY_SIZE(off); i += step) {
			for (width = 1; width <= 4; width *= 2) {
				unsigned int offset = reg * 16 + off[i];
				uint32_t value = values[(reg + i) % 2];

				ASSERT_EQ(0, compare(&self->vm, &other, offset, width, value)) {
					TH_LOG("offset %#x, width %u", offset, width);
				}
			}
		}
	}
	vm_close(&other);
}

/* The same with eight bytes, by 64-bit code in a page that it can reach */
TEST_F(access, eight_bytes)
{
	struct test_vm *vm = &self->vm;
	unsigned int reg;

	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0x12345900));
	idt_setup(vm, IDT_LONG64);
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0x12345900));
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 8, 0x1122334455667788));
	EXPECT_EQ(0x88ULL, vmm_read(vm, APIC_TPR, 8));
	for (reg = APIC_ID; reg <= APIC_TDCR; reg += 16) {
		if (timer_runs(reg))
			continue;
		apic_start(vm, CODE("\x48\x8b\x07"))->rdi = 0x12345000 + reg;
		ASSERT_EQ(FINISHED, apic_run(vm));
		EXPECT_EQ(vm->run->gprs.rax, vmm_read(vm, reg, 8)) {
			TH_LOG("register %#x", reg);
		}
	}
}

/* The call reports the exit; the next RUN does not repeat it. */
TEST_F(access, eoi_exit)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(1, apic_send(vm, 0x51, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(1, apic_send(vm, 0x41, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vmm_write(vm, APIC_EOI, 4, 0));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vm->run->reason);
	EXPECT_EQ(0x51U, vm->run->eoi.vector);
	/* nothing is in service any more: no exit */
	EXPECT_EQ(0U, vmm_write(vm, APIC_EOI, 4, 0));
	/* and the pending one is delivered */
	EXPECT_EQ(0x41, apic_take_irq(vm));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vmm_write(vm, APIC_EOI, 4, 0));
	EXPECT_EQ(0x41U, vm->run->eoi.vector);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	/* edge-triggered: no exit either */
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	EXPECT_EQ(0U, vmm_write(vm, APIC_EOI, 4, 0));
}

/* A pending message is visible in the registers. */
TEST_F(access, sees_messages)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(1, apic_send(vm, 0x45, 0));
	EXPECT_EQ(1ULL << 5, vmm_read(vm, APIC_IRR + 2 * 16, 4));
}

TEST_F(access, opens_for_an_interrupt)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 4, 0xf0));
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 4, 0));
	EXPECT_EQ(0x51, apic_take_irq(vm));
}

/* Through the ICR, to itself: an interrupt, an NMI, an INIT */
TEST_F(access, to_itself)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(0U, vmm_write(vm, APIC_ICR, 4, 0x40093));
	EXPECT_EQ(0x93, apic_take_irq(vm));
	EXPECT_EQ(0U, vmm_write(vm, APIC_EOI, 4, 0));
	EXPECT_EQ(0U, vmm_write(vm, APIC_ICR, 4, 0x400));
	apic_start(vm, CODE("\x90"));
	EXPECT_EQ(2, apic_run(vm));
	EXPECT_EQ(FINISHED, apic_iret(vm));
	apic_exit_on_init(vm);
	EXPECT_EQ(0U, vmm_write(vm, APIC_ICR, 4, 0x4500));
	RUN_EXPECT(vm, SYSTEM_DOWN);
	EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, vm->run->down.kind);
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
}

/* Reading an offset without a register raises the error interrupt, as for the guest. */
TEST_F(access, error_interrupt)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(0U, vmm_write(vm, 0x370, 4, 0x61));
	EXPECT_EQ(0ULL, vmm_read(vm, 0x400, 4));
	EXPECT_EQ(0x61, apic_take_irq(vm));
	EXPECT_EQ(0U, vmm_write(vm, APIC_ESR, 4, 0));
	EXPECT_EQ(0x80ULL, vmm_read(vm, APIC_ESR, 4));
}

TEST_F(access, to_another_vcpu)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	struct svmvcpu_vcpu first;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	first = vm->vcpu;
	ASSERT_EQ(0, svmvcpu_vcpu_create_flags(vm->vm, 1, SVMVCPU_VCPU_LAPIC, &vm->info,
					       &vm->vcpu));
	vm->run = vm->vcpu.run;
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(0U, vmm_write(vm, APIC_ICR2, 4, 0));
	EXPECT_EQ(0U, vmm_write(vm, APIC_ICR, 4, 0x77));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	svmvcpu_vcpu_close(&vm->vcpu);
	vm->vcpu = first;
	vm->run = first.run;
	idt_get(vm, &state);
	EXPECT_EQ(1U << 0x17, state.lapic.regs[APIC_IRR / 16 + 3]);
	EXPECT_EQ(0x77, apic_take_irq(vm));
}

/* The access lowers TPR; the interrupt then ends the HLT. */
TEST_F(access, while_halted)
{
	struct test_vm *vm = &self->vm;

	EXPECT_EQ(0U, vmm_write(vm, APIC_SVR, 4, 0x1ff));
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 4, 0xf0));
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	apic_start(vm, CODE("\xfb\xf4"));	/* sti; hlt */
	EXPECT_EQ(EXITED, apic_run(vm));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 4, 0));
	EXPECT_EQ(0x51, apic_run(vm));
}

/* A pending exit stays pending. */
TEST_F(access, question_stays)
{
	struct test_vm *vm = &self->vm;

	apic_start(vm, CODE("\xe4\x80"));	/* in $0x80, %al */
	RUN_EXPECT(vm, IO);
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 4, 0x20));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_IO, vm->run->reason);
	vm->run->answer = 0x5a;
	RUN_EXPECT(vm, HYPERCALL);
	EXPECT_EQ(0x5aU, vm->run->gprs.rax & 0xff);
}

TEST_F(access, dead_vcpu)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.segments.idtr.limit = 0;
	idt_set(vm, &state, SVMVCPU_STATE_SEGMENTS);
	apic_start(vm, CODE("\x0f\x0b"));
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_EQ(0U, vmm_write(vm, APIC_TPR, 4, 0x20));
	EXPECT_EQ(0x20ULL, vmm_read(vm, APIC_TPR, 4));
}

static const struct {
	const char *what;
	struct svmvcpu_apic_access access;
} refused[] = {
	{ "no bytes", { .offset = 0x80 } },
	{ "nine bytes", { .offset = 0x80, .width = 9 } },
	{ "behind the page", { .offset = PAGE, .width = 1 } },
	{ "out of the page", { .offset = PAGE - 3, .width = 4 } },
	{ "a large offset", { .offset = ~0U, .width = 4 } },
	{ "a large width", { .offset = 0x80, .width = ~0U } },
	{ "a large sum", { .offset = 4, .width = ~0U - 3 } },
	{ "unknown flags", { .flags = 2, .offset = 0x80, .width = 4 } },
	{ "an exit", { .offset = 0x80, .width = 4, .exit = 1 } },
	{ "mbz", { .offset = 0x80, .width = 4, .mbz = 1 } },
};

TEST_F(access, refused)
{
	struct svmvcpu_apic_access access;
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		access = refused[i].access;
		EXPECT_EQ(EINVAL, access_errno(vm, &access)) {
			TH_LOG("%s", refused[i].what);
		}
	}
	/* the end of the page: valid, but without a register */
	EXPECT_EQ(0ULL, vmm_read(vm, PAGE - 8, 8));
}

/* In x2APIC mode and when disabled, the local APIC has no register page. */
TEST_F(access, no_page)
{
	struct svmvcpu_apic_access access = { .offset = APIC_TPR, .width = 4 };
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, BASE_X2APIC));
	EXPECT_EQ(ENXIO, access_errno(vm, &access));
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0xfee00100));
	EXPECT_EQ(ENXIO, access_errno(vm, &access));
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, BASE_XAPIC));
	EXPECT_EQ(0, access_errno(vm, &access));
	svmvcpu_vcpu_close(&vm->vcpu);
	vm_add_vcpu(vm, 0);
	EXPECT_EQ(ENXIO, access_errno(vm, &access));
}

/* The access is done although its result cannot be stored. */
TEST_F(access, fault_on_return)
{
	struct svmvcpu_apic_access *access = svmvcpu_alloc(PAGE);
	struct test_vm *vm = &self->vm;

	ASSERT_NE(NULL, access);
	*access = (struct svmvcpu_apic_access) {
		.size = sizeof(*access), .flags = SVMVCPU_APIC_WRITE, .offset = APIC_TPR,
		.width = 4, .data = 0x30,
	};
	ASSERT_EQ(0, mprotect(access, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vcpu.fd, SVMVCPU_APIC_ACCESS, access));
	EXPECT_EQ(0x30ULL, vmm_read(vm, APIC_TPR, 4));
	svmvcpu_free(access, PAGE);
}

#define EXPECT_FAULT(vm, want)							\
do {										\
	RUN_EXPECT(vm, MEMORY_FAULT);						\
	EXPECT_EQ((unsigned int)(want), (vm)->run->memory.flags & ~SVMVCPU_FAULT_GVA);	\
} while (0)

/* MEMORY_FAULT marks an access to this page. */
TEST_F(access, fault_flag)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_region rom = {
		.gpa = 0xfee00000, .bytes = 4096, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ,
	};

	apic_start(vm, CODE("\x09\x07"))->rdi = 0xfee00000 + APIC_TPR;	/* or %eax, (%edi) */
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_TRUE(vm->run->memory.flags & SVMVCPU_FAULT_APIC);
	EXPECT_LE(2, vm->run->memory.insn_len);
	EXPECT_EQ(0, memcmp(vm->run->memory.insn, "\x09\x07", 2));
	/* an instruction that the module completes: outsb */
	apic_start(vm, CODE("\x6e"))->rsi = 0xfee00000 + APIC_TPR;
	EXPECT_FAULT(vm, SVMVCPU_FAULT_APIC | SVMVCPU_FAULT_KERNEL);
	/* instruction fetch: jmp *%edi */
	apic_start(vm, CODE("\xff\xe7"))->rdi = 0xfee00000;
	EXPECT_FAULT(vm, SVMVCPU_FAULT_APIC | SVMVCPU_FAULT_EXEC);
	/* the page behind it */
	apic_start(vm, CODE("\x09\x07"))->rdi = 0xfee01000;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_FALSE(vm->run->memory.flags & SVMVCPU_FAULT_APIC);
	/* a region at the same address */
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &rom, 1));
	apic_start(vm, CODE("\x09\x07"))->rdi = 0xfee00000 + APIC_TPR;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_FALSE(vm->run->memory.flags & SVMVCPU_FAULT_APIC);
}

TEST_HARNESS_MAIN
