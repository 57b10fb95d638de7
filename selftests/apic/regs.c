// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as the guest programs it: APIC_BASE and its modes, x2APIC MSRs, the
 * register page, CR8, CPUID; and a vCPU without one. KUnit tests how each register
 * behaves, these tests that instructions reach the registers.
 */
#include "guest_apic.h"

APIC_FIXTURE(regs)

TEST_F(regs, after_reset)
{
	struct test_vm *vm = &self->vm;
	uint64_t value;

	ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_APIC_BASE, &value));
	EXPECT_EQ(BASE_XAPIC, value);
	EXPECT_EQ(0U, page_read(vm, APIC_ID));
	EXPECT_EQ(0x50014U, page_read(vm, APIC_VERSION));
	EXPECT_EQ(0xffU, page_read(vm, APIC_SVR));
	EXPECT_EQ(0xffffffffU, page_read(vm, APIC_DFR));
	EXPECT_EQ((uint32_t)LVT_MASKED, page_read(vm, APIC_LVT_TIMER));
}

TEST_F(regs, modes)
{
	/* in sequence; each gives FINISHED or #GP */
	static const struct {
		uint64_t base;
		int want;
	} steps[] = {
		{ 0xfee00d00, FINISHED },	/* xAPIC to x2APIC */
		{ 0xfee00900, VEC_GP },		/* not back to xAPIC */
		{ 0xfee00100, FINISHED },	/* off */
		{ 0xfee00d00, VEC_GP },		/* not from disabled to x2APIC */
		{ 0xfee00500, VEC_GP },		/* x2APIC without enable */
		{ 0xfee00900, FINISHED },
		{ 0xfee00901, VEC_GP },		/* reserved bits */
		{ 0xfee00a00, VEC_GP },
		{ 1ULL << 52 | 0xfee00900, VEC_GP },
		{ 0x12345900, FINISHED },	/* another address */
		{ 0xfee00800, FINISHED },	/* the guest cannot clear BSP */
	};
	struct test_vm *vm = &self->vm;
	uint64_t value;
	unsigned int i;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		EXPECT_EQ(steps[i].want, apic_wrmsr(vm, MSR_APIC_BASE, steps[i].base)) {
			TH_LOG("step %u: %#llx", i, (unsigned long long)steps[i].base);
		}
	}
	ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_APIC_BASE, &value));
	EXPECT_EQ(BASE_XAPIC, value);
}

/* Each MSR from 0x7ff to 0x840: can it be read and written in x2APIC mode? */
TEST_F(regs, x2apic_window)
{
	/*
	 * 802 ID, 803 version, 808 TPR, 80a PPR, 80b EOI, 80d LDR, 80f SVR, then
	 * ISR, TMR and IRR, 828 ESR, 830 ICR, 832 LVTs, 838 timer, 83f self IPI
	 */
	static const char kinds[] =
		"--rr----b-rw-r-brrrrrrrrrrrrrrrrrrrrrrrrb-------b-bbbbbbbr----bw";
	struct test_vm *vm = &self->vm;
	uint64_t value;
	unsigned int i;

	/* not in xAPIC mode */
	for (i = 0; i < 64; i++) {
		EXPECT_EQ(VEC_GP, apic_rdmsr(vm, 0x800 + i, &value));
		EXPECT_EQ(VEC_GP, apic_wrmsr(vm, 0x800 + i, 0));
	}
	apic_enable_x2(vm);
	for (i = 0; i < 64; i++) {
		bool reads = kinds[i] == 'r' || kinds[i] == 'b';
		bool writes = kinds[i] == 'w' || kinds[i] == 'b';

		EXPECT_EQ(reads ? FINISHED : VEC_GP, apic_rdmsr(vm, 0x800 + i, &value)) {
			TH_LOG("rdmsr %#x", 0x800 + i);
		}
		/* a valid vector for registers that would send an illegal one */
		EXPECT_EQ(writes ? FINISHED : VEC_GP,
			  apic_wrmsr(vm, 0x800 + i, i == 0x3f || i == 0x30 ? 0x40 : 0)) {
			TH_LOG("wrmsr %#x", 0x800 + i);
		}
	}
	/* on both sides of the range that the kernel answers */
	EXPECT_EQ(EXITED, apic_rdmsr(vm, 0x7ff, &value));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MSR_READ, vm->run->reason);
	EXPECT_EQ(EXITED, apic_rdmsr(vm, 0x840, &value));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MSR_READ, vm->run->reason);
}

TEST_F(regs, x2apic_reserved_bits)
{
	struct test_vm *vm = &self->vm;

	apic_enable_x2(vm);
	EXPECT_EQ(VEC_GP, x2_write(vm, APIC_TPR, 0x100));
	EXPECT_EQ(VEC_GP, x2_write(vm, APIC_TPR, 1ULL << 32));
	EXPECT_EQ(VEC_GP, x2_write(vm, APIC_EOI, 1));
	EXPECT_EQ(VEC_GP, x2_write(vm, APIC_SVR, 0x3ff));
	EXPECT_EQ(VEC_GP, x2_write(vm, APIC_LVT_TIMER, 0x60030));
	EXPECT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x35));
	EXPECT_EQ(0x35U, x2_read(vm, APIC_TPR));
	/* RDMSR clears the upper halves of RAX and RDX */
	apic_start(vm, CODE("\x0f\x32"))->rcx = X2(APIC_TPR);
	vm->run->gprs.rax = ~0ULL;
	vm->run->gprs.rdx = ~0ULL;
	ASSERT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0x35U, vm->run->gprs.rax);
	EXPECT_EQ(0U, vm->run->gprs.rdx);
}

/* Access to the page by each instruction that the kernel decodes */
TEST_F(regs, page_instructions)
{
	static const struct {
		const char *name, *code;
		unsigned int len;
		uint64_t rax;
	} reads[] = {
		{ "mov (%edi), %eax", CODE("\x8b\x07"), 0x5b },
		{ "mov (%edi), %ax", CODE("\x66\x8b\x07"), 0x1122005b },
		{ "mov (%edi), %al", CODE("\x8a\x07"), 0x1122335b },
		{ "movzx (%edi), %eax", CODE("\x0f\xb6\x07"), 0x5b },
		{ "movsx (%edi), %eax", CODE("\x0f\xbe\x07"), 0x5b },
		{ "mov 0xfee00080, %eax", CODE("\xa1\x80\x00\xe0\xfe"), 0x5b },
		{ "mov %cs:(%edi), %eax", CODE("\x2e\x8b\x07"), 0x5b },
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	ASSERT_EQ(FINISHED, page_write(vm, APIC_TPR, 0x5b));
	for (i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		struct svmvcpu_gprs *gprs = apic_start(vm, reads[i].code, reads[i].len);

		gprs->rdi = 0xfee00000 + APIC_TPR;
		gprs->rax = 0x11223344;
		EXPECT_EQ(FINISHED, apic_run(vm));
		EXPECT_EQ(reads[i].rax, vm->run->gprs.rax) {
			TH_LOG("%s", reads[i].name);
		}
	}
	/* movl $imm, (%edi) */
	apic_start(vm, CODE("\xc7\x07\x21\x00\x00\x00"))->rdi = 0xfee00000 + APIC_TPR;
	EXPECT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0x21U, page_read(vm, APIC_TPR));
	/* movsl: memory to the page and back */
	memcpy(vm->mem + TEST_DATA, "\x47\0\0\0", 4);
	apic_start(vm, CODE("\xa5"))->rdi = 0xfee00000 + APIC_TPR;
	vm->run->gprs.rsi = TEST_DATA;
	EXPECT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0xfee00084U, vm->run->gprs.rdi);
	EXPECT_EQ(TEST_DATA + 4, vm->run->gprs.rsi);
	apic_start(vm, CODE("\xa5"))->rsi = 0xfee00000 + APIC_TPR;
	vm->run->gprs.rdi = TEST_DATA + 8;
	EXPECT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0, memcmp(vm->mem + TEST_DATA + 8, "\x47\0\0\0", 4));
	/* other instructions exit to the VMM, with their bytes */
	apic_start(vm, CODE("\x81\x0f\x00\x01\x00\x00"))->rdi = 0xfee00000 + APIC_SVR;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(0xfee000f0U, vm->run->memory.gpa);
	EXPECT_EQ(0, memcmp(vm->run->memory.insn, "\x81\x0f\x00\x01\x00\x00", 6));
}

TEST_F(regs, page_moves_and_goes)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0x12345900));
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0x12345000 + APIC_VERSION;
	EXPECT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0x50014U, vm->run->gprs.rax);
	/* nothing at the old address */
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0xfee00000 + APIC_VERSION;
	RUN_EXPECT(vm, MEMORY_FAULT);
	/* no page in x2APIC mode, nor when disabled */
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0x12345d00));
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0x12345000 + APIC_VERSION;
	RUN_EXPECT(vm, MEMORY_FAULT);
	/* a VMM that decodes gets an MMIO exit */
	ASSERT_EQ(0, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_EXITS, &(struct svmvcpu_exits) {
			.size = sizeof(struct svmvcpu_exits), .decode = SVMVCPU_DECODE_MMIO }));
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0x12345000 + APIC_VERSION;
	RUN_EXPECT(vm, MMIO);
}

/*
 * Other widths, between registers and behind the last one: a part of a register can be
 * read, but only a whole one be written. Where no register is, reads give 0 and an
 * error.
 */
TEST_F(regs, page_widths)
{
	static const struct {
		const char *name, *code;
		unsigned int len, at;
		uint64_t rax;
	} reads[] = {
		{ "byte of the ID", CODE("\x8a\x07"), APIC_ID + 3, 0x11223325 },
		{ "word of the ID", CODE("\x66\x8b\x07"), APIC_ID + 2, 0x11222500 },
		{ "from within the ID", CODE("\x8b\x07"), APIC_ID + 1, 0x250000 },
		{ "behind the ID", CODE("\x8b\x07"), APIC_ID + 4, 0 },
		{ "end of the page", CODE("\x8b\x07"), 0xffc, 0 },
	};
	struct test_vm *vm = &self->vm;
	unsigned int i;

	ASSERT_EQ(FINISHED, page_write(vm, APIC_ID, 0x25000000));
	for (i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		apic_start(vm, reads[i].code, reads[i].len)->rdi = 0xfee00000 + reads[i].at;
		vm->run->gprs.rax = 0x11223344;
		EXPECT_EQ(FINISHED, apic_run(vm));
		EXPECT_EQ(reads[i].rax, vm->run->gprs.rax) {
			TH_LOG("%s", reads[i].name);
		}
	}
	ASSERT_EQ(FINISHED, page_write(vm, APIC_ESR, 0));
	EXPECT_EQ(0x80U, page_read(vm, APIC_ESR));
	/* across the end: no access to the page */
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0xfee00ffe;
	RUN_EXPECT(vm, MEMORY_FAULT);

	ASSERT_EQ(FINISHED, page_write(vm, APIC_SVR, 0x1ff));
	ASSERT_EQ(FINISHED, page_write(vm, APIC_SVR + 4, 0));
	EXPECT_EQ(0x1ffU, page_read(vm, APIC_SVR));
	/* a write of one byte is no EOI */
	ASSERT_EQ(1, svmvcpu_vm_message(vm->vm, &(struct svmvcpu_message){
			.vector = 0x51, .dest = 0x25 }));
	ASSERT_EQ(0x51, apic_take_irq(vm));
	apic_start(vm, CODE("\x88\x07"))->rdi = 0xfee00000 + APIC_EOI;
	EXPECT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(1U << 0x11, page_read(vm, APIC_ISR + 0x20));
	ASSERT_EQ(FINISHED, page_write(vm, APIC_EOI, 0));
	EXPECT_EQ(0U, page_read(vm, APIC_ISR + 0x20));
}

/* A region at the same address: the guest accesses memory. */
TEST_F(regs, region_over_the_page)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_region region = {
		.gpa = 0xfee00000, .bytes = 4096, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	const struct svmvcpu_range range = { .gpa = 0xfee00000, .bytes = 4096 };

	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	memcpy(vm->mem + TEST_FREE + APIC_VERSION, "RAM!", 4);
	EXPECT_EQ(0x214d4152U, page_read(vm, APIC_VERSION));
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	EXPECT_EQ(0x50014U, page_read(vm, APIC_VERSION));
}

/* Also if it is read-only: no device access either */
TEST_F(regs, rom_over_the_page)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_region region = {
		.gpa = 0xfee00000, .bytes = 4096, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ,
	};
	const struct svmvcpu_range range = { .gpa = 0xfee00000, .bytes = 4096 };

	page_write(vm, APIC_TPR, 0x10);
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &region, 1));
	apic_start(vm, CODE("\x89\x07"))->rdi = 0xfee00000 + APIC_TPR;
	vm->run->gprs.rax = 0x20;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(0xfee00000ULL + APIC_TPR, vm->run->memory.gpa);
	ASSERT_EQ(0, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_EXITS, &(struct svmvcpu_exits) {
			.size = sizeof(struct svmvcpu_exits), .decode = SVMVCPU_DECODE_MMIO }));
	RUN_EXPECT(vm, MMIO);
	EXPECT_EQ(0x20ULL, vm->run->mmio.data);
	RUN_EXPECT(vm, HYPERCALL);
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	EXPECT_EQ(0x10U, page_read(vm, APIC_TPR));
}

TEST_F(regs, cr8_is_tpr)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	idt_setup(vm, IDT_LONG64);
	apic_enable_x2(vm);
	ASSERT_EQ(FINISHED, x2_write(vm, APIC_TPR, 0x9c));
	apic_start(vm, CODE("\x44\x0f\x20\xc0"));	/* mov %cr8, %rax */
	ASSERT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(9U, vm->run->gprs.rax);
	idt_get(vm, &state);
	EXPECT_EQ(9U, state.control.cr8);
	/* writing the same value changes nothing */
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
	EXPECT_EQ(0x9cU, x2_read(vm, APIC_TPR));
	/* mov %rax, %cr8 clears the lower half, also with the same value */
	apic_start(vm, CODE("\x44\x0f\x22\xc0"))->rax = 9;
	ASSERT_EQ(FINISHED, apic_run(vm));
	EXPECT_EQ(0x90U, x2_read(vm, APIC_TPR));
	apic_start(vm, CODE("\x44\x0f\x22\xc0"))->rax = 16;
	EXPECT_EQ(VEC_GP, apic_run(vm));
	idt_get(vm, &state);
	state.control.cr8 = 3;
	idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
	EXPECT_EQ(0x30U, x2_read(vm, APIC_TPR));
}

static void cpuid(struct test_vm *vm, uint32_t leaf)
{
	apic_start(vm, CODE("\x0f\xa2"))->rax = leaf;
	vm->run->gprs.rcx = 0;
	if (apic_run(vm) != FINISHED)
		vm_die("CPUID");
}

static bool cpuid_shows_apic(struct test_vm *vm)
{
	bool basic, extended;

	cpuid(vm, 1);
	basic = vm->run->gprs.rdx & 1 << 9;
	cpuid(vm, 0x80000001);
	extended = vm->run->gprs.rdx & 1 << 9;
	if (basic != extended)
		vm_die("leaves 1 and 80000001 disagree");
	return basic;
}

TEST_F(regs, cpuid)
{
	struct test_vm *vm = &self->vm;

	cpuid(vm, 1);
	EXPECT_TRUE(vm->run->gprs.rcx & 1 << 21);
	EXPECT_EQ(!!vm->info.tsc_khz, !!(vm->run->gprs.rcx & 1 << 24));
	EXPECT_TRUE(cpuid_shows_apic(vm));
	cpuid(vm, 6);
	EXPECT_TRUE(vm->run->gprs.rax & 1 << 2);
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0xfee00100));
	EXPECT_FALSE(cpuid_shows_apic(vm));
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0xfee00900));
	EXPECT_TRUE(cpuid_shows_apic(vm));
}

/*
 * The register page that QEMU sets at RESET: zeros where it has no state, LINT0 open for the
 * PIC although SVR disables the APIC. The PIC's interrupts get in before any firmware runs.
 */
TEST_F(regs, page_of_qemu)
{
	static const struct {
		unsigned int reg;
		uint32_t value;
	} page[] = {
		{ APIC_DFR, 0xffffffff }, { APIC_SVR, 0xff },
		{ APIC_LVT_TIMER, LVT_MASKED }, { APIC_LVT_TIMER + 0x10, LVT_MASKED },
		{ APIC_LVT_TIMER + 0x20, LVT_MASKED }, { APIC_LVT_LINT0, 0x700 },
		{ APIC_LVT_LINT1, LVT_MASKED }, { APIC_LVT_LINT1 + 0x10, LVT_MASKED },
	};
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	idt_get(vm, &state);
	memset(state.lapic.regs, 0, sizeof(state.lapic.regs));
	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
		state.lapic.regs[page[i].reg / 16] = page[i].value;
	idt_set(vm, &state, SVMVCPU_STATE_LAPIC);
	memset(&state.lapic, 0x5a, sizeof(state.lapic));
	idt_get(vm, &state);
	EXPECT_EQ(0x50014U, state.lapic.regs[APIC_VERSION / 16]);
	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
		EXPECT_EQ(page[i].value, state.lapic.regs[page[i].reg / 16]);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | 0x38;
	EXPECT_EQ(0x38, apic_take_irq(vm));
	EXPECT_EQ(0x700U, page_read(vm, APIC_LVT_LINT0));
	EXPECT_EQ(0x50014U, page_read(vm, APIC_VERSION));
}

/* IRR of any value, and ICR, whose reserved bits have no effect on the page */
TEST_F(regs, values_without_effect)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	idt_get(vm, &state);
	state.lapic.regs[APIC_SVR / 16] = 0x1ff;
	state.lapic.regs[APIC_IRR / 16] = 0xffff;
	state.lapic.regs[APIC_IRR / 16 + 5] = ~0U;
	state.lapic.regs[APIC_TPR / 16] = 0xf0;
	state.lapic.regs[0x3f] = ~0U;
	state.lapic.regs[APIC_LVT_TIMER / 16] = 0xfff10000;
	idt_set(vm, &state, SVMVCPU_STATE_LAPIC);
	EXPECT_EQ(0xffffU, page_read(vm, APIC_IRR));
	EXPECT_EQ(~0U, page_read(vm, APIC_IRR + 0x50));
	EXPECT_EQ((uint32_t)LVT_MASKED, page_read(vm, APIC_LVT_TIMER));
	EXPECT_EQ(FINISHED, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, page_write(vm, APIC_TPR, 0xa0));
	EXPECT_EQ(0xbf, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, page_write(vm, APIC_ICR, 0xa5a5a0a5));
	EXPECT_EQ(0xa5a5a0a5U, page_read(vm, APIC_ICR));
	EXPECT_EQ(FINISHED, page_write(vm, APIC_ICR, 0xfff31000));
	EXPECT_EQ(0xfff30000U, page_read(vm, APIC_ICR));
}

/* A vCPU created without a local APIC */
TEST_F(regs, without)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;
	uint64_t value;

	svmvcpu_vcpu_close(&vm->vcpu);
	vm_add_vcpu(vm, 0);
	idt_setup(vm, IDT_PROT32);
	cpuid(vm, 1);
	EXPECT_FALSE(vm->run->gprs.rcx & (1 << 21 | 1 << 24));
	EXPECT_FALSE(cpuid_shows_apic(vm));
	cpuid(vm, 6);
	EXPECT_EQ(0U, vm->run->gprs.rax);
	EXPECT_EQ(EXITED, apic_rdmsr(vm, MSR_APIC_BASE, &value));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MSR_READ, vm->run->reason);
	EXPECT_EQ(EXITED, apic_wrmsr(vm, X2(APIC_TPR), 0));
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_MSR_WRITE, vm->run->reason);
	EXPECT_EQ(EXITED, apic_rdmsr(vm, MSR_DEADLINE, &value));
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0xfee00020;
	RUN_EXPECT(vm, MEMORY_FAULT);
	EXPECT_EQ(0, apic_send(vm, 64, 0));
	EXPECT_EQ(EINVAL, ioctl(vm->vcpu.fd, SVMVCPU_LINT, 1) ? errno : 0);
	/* the component is all zero and can have no other value */
	idt_get(vm, &state);
	EXPECT_EQ(0U, state.lapic.base);
	idt_set(vm, &state, vm->info.components);
	state.size = sizeof(state);
	state.components = SVMVCPU_STATE_LAPIC;
	state.lapic.regs[63] = 1;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, &state));
	state.lapic.regs[63] = 0;
	state.components = SVMVCPU_STATE_EVENTS;
	state.events.activity = 1;
	EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, &state));
}

TEST_HARNESS_MAIN
