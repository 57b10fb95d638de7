// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that access the register page of the local APIC and that the kernel does
 * not decode: libsvmvcpu-insn completes them with SVMVCPU_APIC_ACCESS.
 */
#include "guest_apic.h"
#include "svmvcpu_insn.h"

#define PAGE		4096UL
#define PAGE_APIC	0xfee00000UL
#define OTHER		0xfec00000UL	/* device memory of the VMM: a few words */

FIXTURE(apic) {
	struct test_vm vm;
	uint32_t other[64];
	unsigned int others;		/* accesses to it */
	uint32_t exit;			/* of the last instruction finished */
	unsigned int finished;
};

FIXTURE_SETUP(apic)
{
	apic_open(&self->vm);
	if (page_write(&self->vm, APIC_SVR, 0x1ff) != FINISHED)
		vm_die("turning the local APIC on");
}

VM_TEARDOWN(apic)

static int other_read(void *opaque, __u64 gpa, void *buf, size_t len)
{
	struct _test_data_apic *self = opaque;

	if (gpa < OTHER || gpa + len > OTHER + sizeof(self->other))
		return -EIO;
	memcpy(buf, (char *)self->other + gpa - OTHER, len);
	self->others++;
	return 0;
}

static int other_write(void *opaque, __u64 gpa, const void *buf, size_t len)
{
	struct _test_data_apic *self = opaque;

	if (gpa < OTHER || gpa + len > OTHER + sizeof(self->other))
		return -EIO;
	memcpy((char *)self->other + gpa - OTHER, buf, len);
	self->others++;
	return 0;
}

/* Completes the MEMORY_FAULT that the vCPU is at. 0 or a negative errno */
static int finish(struct _test_data_apic *self)
{
	const struct svmvcpu_memory ram = { 0, TEST_MEM, self->vm.mem };
	const struct svmvcpu_guest guest = { &ram, 1 };
	struct svmvcpu_emul emul = {
		.guest = &guest, .read = other_read, .write = other_write, .opaque = self,
		.xstate_size = self->vm.info.xstate_size, .features = self->vm.info.features,
	};
	int ret = svmvcpu_vcpu_emulate(&self->vm.vcpu, &emul);

	self->exit = emul.exit;
	self->finished += !ret;
	return ret;
}

/* Runs the code of apic_start() and completes MEMORY_FAULTs. Returns like apic_run(). */
static int run(struct _test_data_apic *self)
{
	unsigned int i;
	int ret;

	self->exit = 0;
	for (i = 0; i < 16; i++) {
		ret = apic_run(&self->vm);
		if (ret != EXITED || self->vm.run->reason != SVMVCPU_EXIT_MEMORY_FAULT)
			return ret;
		if (finish(self))
			return EXITED;
		if (self->exit)
			return EXITED;
	}
	return EXITED;
}

/* One instruction on a register, whose address is in EDI */
static const struct {
	const char *name, *code;
	unsigned int len;
	unsigned int reg;
	uint32_t before, eax;
	uint32_t after, eax_after;
} insns[] = {
	{ "xchg %eax, (%edi)", CODE("\x87\x07"), APIC_TPR, 0x20, 0x30, 0x30, 0x20 },
	{ "or $0x40, (%edi)", CODE("\x83\x0f\x40"), APIC_TPR, 0x21, 0, 0x61, 0 },
	{ "orl $0x100, (%edi)", CODE("\x81\x0f\x00\x01\x00\x00"), APIC_SVR, 0xff, 0, 0x1ff, 0 },
	{ "and %eax, (%edi)", CODE("\x21\x07"), APIC_LVT_LINT0, 0x18751, 0xffff00ff, 0x10051,
	  0xffff00ff },
	{ "add %eax, (%edi)", CODE("\x01\x07"), APIC_TPR, 0x21, 0x11, 0x32, 0x11 },
	{ "add (%edi), %eax", CODE("\x03\x07"), APIC_TPR, 0x21, 0x11, 0x21, 0x32 },
	{ "not (%edi)", CODE("\xf7\x17"), APIC_TPR, 0x0f, 0, 0xf0, 0 },
	{ "bts $16, (%edi)", CODE("\x0f\xba\x2f\x10"), APIC_LVT_LINT1, 0x51, 0, 0x10051, 0 },
	{ "btr $16, (%edi)", CODE("\x0f\xba\x37\x10"), APIC_LVT_LINT1, 0x10051, 0, 0x51, 0 },
	{ "cmpxchg %ecx, (%edi): equal", CODE("\x0f\xb1\x0f"), APIC_TPR, 0x21, 0x21, 0x77, 0x21 },
	{ "cmpxchg %ecx, (%edi): not", CODE("\x0f\xb1\x0f"), APIC_TPR, 0x22, 0x21, 0x22, 0x22 },
	{ "test $0x20, (%edi); setnz %al", CODE("\xf7\x07\x20\x00\x00\x00\x0f\x95\xc0"), APIC_TPR,
	  0x21, 0, 0x21, 1 },
	{ "cmp $0x21, (%edi); sete %al", CODE("\x83\x3f\x21\x0f\x94\xc0"), APIC_TPR, 0x21, 0,
	  0x21, 1 },
	{ "push (%edi); pop %eax", CODE("\xff\x37\x58"), APIC_TPR, 0x21, 0, 0x21, 0x21 },
	{ "push %eax; pop (%edi)", CODE("\x50\x8f\x07"), APIC_TPR, 0x21, 0x37, 0x37, 0x37 },
	{ "xchg %esp, %edi; push %eax", CODE("\x83\xc7\x04\x87\xfc\x50\x87\xfc"), APIC_TPR, 0x21,
	  0x38, 0x38, 0x38 },
	{ "imul $3, (%edi), %eax", CODE("\x6b\x07\x03"), APIC_TPR, 0x21, 0, 0x21, 0x63 },
	{ "movd (%edi), %xmm0; movd %xmm0, %eax", CODE("\x66\x0f\x6e\x07\x66\x0f\x7e\xc0"),
	  APIC_TPR, 0x21, 0, 0x21, 0x21 },
	{ "orw $0x40, (%edi): no register", CODE("\x66\x83\x0f\x40"), APIC_TPR, 0x21, 0, 0x21, 0 },
};

TEST_F(apic, instructions)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_gprs *gprs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insns); i++) {
		ASSERT_EQ(FINISHED, page_write(vm, insns[i].reg, insns[i].before));
		gprs = apic_start(vm, insns[i].code, insns[i].len);
		gprs->rdi = PAGE_APIC + insns[i].reg;
		gprs->rax = insns[i].eax;
		gprs->rcx = 0x77;
		self->finished = 0;
		EXPECT_EQ(FINISHED, run(self)) {
			TH_LOG("%s: %s: %s", insns[i].name, svmvcpu_exit_name(vm->run->reason),
			       svmvcpu_last_error());
		}
		EXPECT_EQ(1U, self->finished);
		EXPECT_EQ(insns[i].eax_after, vm->run->gprs.rax) {
			TH_LOG("%s", insns[i].name);
		}
		EXPECT_EQ(insns[i].after, page_read(vm, insns[i].reg)) {
			TH_LOG("%s", insns[i].name);
		}
		ASSERT_EQ(FINISHED, page_write(vm, insns[i].reg, insns[i].before & 0xffff));
		ASSERT_EQ(FINISHED, page_write(vm, APIC_SVR, 0x1ff));
		ASSERT_EQ(FINISHED, page_write(vm, APIC_TPR, 0));
	}
	EXPECT_EQ(0U, self->others);
}

/* By xchg: an IPI to itself, and the end of a level-triggered interrupt */
TEST_F(apic, effects)
{
	struct test_vm *vm = &self->vm;

	apic_start(vm, CODE("\x87\x07"))->rdi = PAGE_APIC + APIC_ICR;
	vm->run->gprs.rax = 0x40093;
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0x93, apic_take_irq(vm));
	EXPECT_EQ(FINISHED, page_write(vm, APIC_EOI, 0));
	EXPECT_EQ(1, apic_send(vm, 0x51, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	apic_start(vm, CODE("\x87\x07"))->rdi = PAGE_APIC + APIC_EOI;
	vm->run->gprs.rax = 0;
	EXPECT_EQ(EXITED, run(self));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, self->exit);
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, vm->run->reason);
	EXPECT_EQ(0x51U, vm->run->eoi.vector);
	/* the instruction is complete: the next RUN continues behind it */
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0U, self->exit);
	EXPECT_EQ(1, apic_send(vm, 0x51, 0));
	EXPECT_EQ(0x51, apic_take_irq(vm));
}

/* RUN reports an INIT that the guest sends to itself. */
TEST_F(apic, init)
{
	struct test_vm *vm = &self->vm;

	apic_exit_on_init(vm);
	apic_start(vm, CODE("\x87\x07"))->rdi = PAGE_APIC + APIC_ICR;
	vm->run->gprs.rax = 0x4500;
	EXPECT_EQ(EXITED, run(self));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_SYSTEM_DOWN, vm->run->reason);
	EXPECT_EQ((unsigned int)SVMVCPU_DOWN_INIT, vm->run->down.kind);
	EXPECT_EQ(TEST_CODE + 2, vm->run->gprs.rip);
}

/* An NMI that the guest sends to itself in the shadow of STI */
TEST_F(apic, nmi_in_shadow)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	apic_start(vm, CODE("\xfb\x87\x07"))->rdi = PAGE_APIC + APIC_ICR;
	vm->run->gprs.rax = 0x4400;
	ASSERT_EQ(EXITED, apic_run(vm));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
	idt_get(vm, &state);
	EXPECT_EQ(1U, state.events.shadow);
	ASSERT_EQ(0, finish(self));
	idt_get(vm, &state);
	EXPECT_EQ(1U, state.events.nmis);
	EXPECT_EQ(0U, state.events.shadow);
	EXPECT_EQ(2, run(self));
}

/* From the VMM's device to the page and back; it stops for an exit in between. */
TEST_F(apic, strings)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_gprs *gprs;

	self->other[0] = 0x45;
	gprs = apic_start(vm, CODE("\xf3\xa5"));	/* rep movsl */
	gprs->rsi = OTHER;
	gprs->rdi = PAGE_APIC + APIC_TPR;
	gprs->rcx = 3;
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0x45U, page_read(vm, APIC_TPR));
	EXPECT_EQ(3U, self->others);
	gprs = apic_start(vm, CODE("\xa5"));
	gprs->rsi = PAGE_APIC + APIC_TPR;
	gprs->rdi = OTHER + 16;
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0x45U, self->other[4]);
	EXPECT_EQ(FINISHED, page_write(vm, APIC_TPR, 0));

	EXPECT_EQ(1, apic_send(vm, 0x51, SVMVCPU_MSG_LEVEL));
	EXPECT_EQ(0x51, apic_take_irq(vm));
	gprs = apic_start(vm, CODE("\xf3\xa5"));
	gprs->rsi = OTHER;
	gprs->rdi = PAGE_APIC + APIC_EOI;
	gprs->rcx = 3;
	EXPECT_EQ(EXITED, run(self));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IOAPIC_EOI, self->exit);
	/* the rest has not happened yet */
	EXPECT_EQ(2ULL, gprs->rcx);
	EXPECT_EQ(TEST_CODE, gprs->rip);
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0ULL, vm->run->gprs.rcx);
}

/* Accesses to other addresses go to the VMM's callbacks. */
TEST_F(apic, elsewhere)
{
	struct test_vm *vm = &self->vm;
	const struct svmvcpu_region rom = {
		.gpa = PAGE_APIC, .bytes = PAGE, .hva = (uintptr_t)vm->mem + TEST_FREE,
		.prot = SVMVCPU_MEM_READ,
	};
	const struct svmvcpu_range range = { .gpa = PAGE_APIC, .bytes = PAGE };

	apic_start(vm, CODE("\x87\x07"))->rdi = OTHER + 8;
	vm->run->gprs.rax = 0x1234;
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0x1234U, self->other[2]);
	EXPECT_EQ(2U, self->others);
	/* a read-only region over the page: the VMM's callbacks refuse */
	ASSERT_EQ(0, svmvcpu_vm_map(vm->vm, &rom, 1));
	apic_start(vm, CODE("\x87\x07"))->rdi = PAGE_APIC + APIC_TPR;
	EXPECT_EQ(EXITED, run(self));
	ASSERT_EQ(0, svmvcpu_vm_unmap(vm->vm, &range, 1));
	EXPECT_EQ(0U, page_read(vm, APIC_TPR));
	/* the page has moved */
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0x12345900));
	apic_start(vm, CODE("\x87\x07"))->rdi = 0x12345000 + APIC_TPR;
	vm->run->gprs.rax = 0x66;
	EXPECT_EQ(FINISHED, run(self));
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0x12345000 + APIC_TPR;
	EXPECT_EQ(FINISHED, run(self));
	EXPECT_EQ(0x66ULL, vm->run->gprs.rax);
	apic_start(vm, CODE("\x87\x07"))->rdi = PAGE_APIC + APIC_TPR;
	EXPECT_EQ(EXITED, run(self));
	/* and in x2APIC mode there is none */
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_APIC_BASE, 0xfee00d00));
	apic_start(vm, CODE("\x87\x07"))->rdi = PAGE_APIC + APIC_TPR;
	EXPECT_EQ(EXITED, run(self));
	EXPECT_EQ(0x66ULL, x2_read(vm, APIC_TPR));
}

TEST_HARNESS_MAIN
