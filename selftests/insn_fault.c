// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn on a vCPU, what else happens on the way: faults of the other
 * operand, single-stepping, the interrupt shadow, what is refused, and accesses
 * that no instruction makes.
 */
#include "insn_device.h"

#define PAGE		4096UL

/* Linear pages at TEST_FREE */
#define LIN_DEVICE	TEST_FREE		/* and the next two; then absent ones */
#define LIN_ABSENT	(TEST_FREE + 3 * PAGE)
#define LIN_MEMORY	(TEST_FREE + 5 * PAGE)
#define LIN_READONLY	(TEST_FREE + 6 * PAGE)
#define LIN_KERNEL	(TEST_FREE + 7 * PAGE)
#define LIN_DEVICE_RO	(TEST_FREE + 10 * PAGE)
#define NON_CANONICAL	0x800000000000UL

FIXTURE(insn_fault) {
	struct device_vm memory;	/* what the CPU does with memory there */
	struct device_vm device;
};

FIXTURE_VARIANT(insn_fault) {
	uint32_t decode;
};

FIXTURE_VARIANT_ADD(insn_fault, library) {
	.decode = 0,
};

FIXTURE_VARIANT_ADD(insn_fault, decoded) {
	.decode = SVMVCPU_DECODE_MMIO,
};

FIXTURE_SETUP(insn_fault)
{
	memset(&self->memory, 0, sizeof(self->memory));
	vm_open(&self->memory.vm);
	device_open(&self->device, variant->decode);
}

FIXTURE_TEARDOWN(insn_fault)
{
	vm_close(&self->memory.vm);
	device_close(&self->device);
}

static void map_pages(struct test_vm *vm)
{
	uint64_t *pt = idt_split(vm);
	unsigned int i;

	for (i = 0; i < 3; i++)
		pt[i] = (DEVICE + i * PAGE) | PTE_RWX;
	pt[3] = 0;
	pt[4] = 0;
	pt[5] = (TEST_FREE + 5 * PAGE) | PTE_RWX;
	pt[6] = (TEST_FREE + 6 * PAGE) | PTE_P | PTE_U;
	pt[7] = (TEST_FREE + 7 * PAGE) | PTE_P | PTE_W;
	pt[10] = DEVICE | PTE_P | PTE_U;
}

static void fill(struct device_vm *d)
{
	unsigned int i;

	for (i = 0; i < DEVICE_BYTES; i++)
		device_bytes(d)[i] = i * 7 + (i >> 8);
	for (i = 0; i < PAGE; i++)
		d->vm.mem[LIN_MEMORY + i] = i * 5 + 1;
	d->reads = 0;
	d->writes = 0;
	d->finished = 0;
	d->mmio = 0;
}

/* RBX = RSI = @rsi, RDI = @rdi, RCX = 6, RAX = 0x8182838485868788 */
static void start(struct device_vm *d, enum idt_mode mode, const char *code, unsigned int len,
		  uint64_t rsi, uint64_t rdi)
{
	struct svmvcpu_state state;

	idt_put(&d->vm, code, len);
	idt_setup(&d->vm, mode);
	if (idt_mode_is_long(mode))
		map_pages(&d->vm);
	fill(d);
	idt_get(&d->vm, &state);
	state.gprs.rbx = rsi;
	state.gprs.rsi = rsi;
	state.gprs.rdi = rdi;
	state.gprs.rcx = 6;
	state.gprs.rax = idt_mode_is_long(mode) ? 0x8182838485868788 : 0x85868788;
	state.control.cr0 |= CR0_WP;
	idt_set(&d->vm, &state, SVMVCPU_STATE_GPRS | SVMVCPU_STATE_CONTROL);
}

/*
 * Faults that come after the CPU found the device, or would have. The memory
 * VM says what the CPU does.
 */
static const struct {
	const char *name;
	const char *code;
	unsigned int len;
	enum idt_mode mode;
	uint64_t rsi;
	uint64_t rdi;
	int vector;
	unsigned int reads;	/* of the device, before it */
	bool load_first;	/* on emulators a read is what faults */
} faults[] = {
	{ "movsl to an absent page", CODE("\xa5"), IDT_LONG64, LIN_DEVICE, LIN_ABSENT,
	  VEC_PF, 0, false },
	{ "movsb to a read-only page", CODE("\xa4"), IDT_LONG64, LIN_DEVICE + 5, LIN_READONLY,
	  VEC_PF, 0, false },
	{ "movsl into an absent page", CODE("\xa5"), IDT_LONG64, LIN_DEVICE, LIN_ABSENT - 2,
	  VEC_PF, 0, false },
	{ "movsq half into it", CODE("\x48\xa5"), IDT_LONG64, LIN_DEVICE, LIN_READONLY - 3,
	  VEC_PF, 0, false },
	{ "user movsb to the kernel's page", CODE("\xa4"), IDT_USER64, LIN_DEVICE, LIN_KERNEL,
	  VEC_PF, 0, false },
	{ "movsb to a non-canonical address", CODE("\xa4"), IDT_LONG64, LIN_DEVICE, NON_CANONICAL,
	  VEC_GP, 0, false },
	{ "rep movsb to a page end", CODE("\xf3\xa4"), IDT_LONG64, LIN_DEVICE + 9,
	  LIN_READONLY - 4, VEC_PF, 4, false },
	{ "rep movsw to the hole", CODE("\xf3\x66\xa5"), IDT_LONG64, LIN_DEVICE + 9,
	  NON_CANONICAL, VEC_GP, 0, false },
	{ "cmpsb with an absent page", CODE("\xa6"), IDT_LONG64, LIN_DEVICE, LIN_ABSENT,
	  VEC_PF, 0, false },
	{ "add across into an absent page", CODE("\x01\x03"), IDT_LONG64, LIN_ABSENT - 2, 0,
	  VEC_PF, 0, true },
	{ "mov across into an absent page", CODE("\x48\x89\x03"), IDT_LONG64, LIN_ABSENT - 1, 0,
	  VEC_PF, 0, false },
	{ "cmpxchg on a read-only page", CODE("\x0f\xb1\x0b"), IDT_LONG64, LIN_DEVICE_RO, 0,
	  VEC_PF, 0, false },
};

/* 0, or the step at which it went wrong */
static int check_fault(struct device_vm *memory, struct device_vm *device, unsigned int i)
{
	struct idt_outcome a, b;

	start(memory, faults[i].mode, faults[i].code, faults[i].len, faults[i].rsi, faults[i].rdi);
	start(device, faults[i].mode, faults[i].code, faults[i].len, faults[i].rsi, faults[i].rdi);
	if (device_run(memory, &a) || device_run(device, &b))
		return 1;
	if (faults[i].load_first && host_is_tcg())
		a.error |= 2;
	if (a.vector != faults[i].vector || b.vector != a.vector || a.error != b.error)
		return 2;
	if (a.rip != b.rip || a.rip != TEST_CODE || a.cs != b.cs ||
	    ((a.rflags ^ b.rflags) & ~FLAG_RF))
		return 3;
	/* Bochs: see EXPECT_CR2() */
	if (a.vector == VEC_PF && memory->vm.run->cr2 != device->vm.run->cr2 && !host_is_bochs())
		return 4;
	if (memcmp(&memory->vm.run->gprs, &device->vm.run->gprs,
		   offsetof(struct svmvcpu_gprs, rip)))
		return 5;
	if (memcmp(memory->vm.mem + TEST_FREE, device->vm.mem + TEST_FREE, 12 * PAGE) ||
	    memcmp(device_bytes(memory), device_bytes(device), DEVICE_BYTES))
		return 6;
	if (device->reads != faults[i].reads || device->writes)
		return 7;
	return 0;
}

TEST_F(insn_fault, other_operand)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		int step = check_fault(&self->memory, &self->device, i);

		EXPECT_EQ(0, step) {
			TH_LOG("%s: wrong at step %d: exit %s, %u reads, cr2 %#llx: %s",
			       faults[i].name, step,
			       svmvcpu_exit_name(self->device.vm.run->reason), self->device.reads,
			       self->device.vm.run->cr2, svmvcpu_last_error());
		}
	}
}

/* Emulators do not look at limits, so the CPU finds the device first. */
TEST_F(insn_fault, segment_limits)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	/* rep ss lodsb, rep ds lodsb: three, then one too far */
	for (i = 0; i < 2; i++) {
		start(d, IDT_PROT32, i ? "\xf3\x36\xac" : "\xf3\x3e\xac", 3, DEVICE + 0x7d, 0);
		idt_get(&d->vm, &state);
		state.segments.ds.limit = DEVICE + 0x7f;
		state.segments.ss.limit = DEVICE + 0x7f;
		idt_set(&d->vm, &state, SVMVCPU_STATE_SEGMENTS);
		ASSERT_EQ(0, device_run(d, &out));
		EXPECT_EQ(i ? VEC_SS : VEC_GP, out.vector);
		EXPECT_EQ(0U, out.error);
		EXPECT_EQ(TEST_CODE, out.rip);
		EXPECT_EQ(3ULL, d->vm.run->gprs.rcx);
		EXPECT_EQ(DEVICE + 0x80, d->vm.run->gprs.rsi);
		EXPECT_EQ(3U, d->reads);
	}
}

/* What makes one access to the device, under TF */
static const struct {
	const char *name;
	const char *code;
	unsigned int len;
	unsigned int traps;
} steps[] = {
	{ "add", CODE("\x01\x03"), 1 },
	{ "mov", CODE("\x89\x03"), 1 },
	{ "movsb", CODE("\xa4"), 1 },
	{ "rep lodsb", CODE("\xf3\xac"), 6 },
	{ "rep movsb", CODE("\xf3\xa4"), 6 },
	{ "rep stosw", CODE("\xf3\x66\xab"), 6 },
	{ "repe scasb", CODE("\xf3\xae"), 1 },
};

/* A trap behind each instruction, and behind each element of a string. */
TEST_F(insn_fault, single_step)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i, n;

	if (host_is_bochs())
		SKIP(return, BOCHS_TF);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		start(d, IDT_LONG64, steps[i].code, steps[i].len, LIN_DEVICE, LIN_DEVICE + 0x100);
		IDT_REGS(&d->vm, regs->rflags |= FLAG_TF);
		for (n = 1; n <= steps[i].traps; n++) {
			ASSERT_EQ(0, device_run(d, &out));
			ASSERT_EQ(VEC_DB, out.vector) {
				TH_LOG("%s, trap %u", steps[i].name, n);
			}
			EXPECT_EQ(TEST_CODE + (n == steps[i].traps ? steps[i].len : 0), out.rip);
			EXPECT_NE(0ULL, out.rflags & FLAG_TF);
			idt_get(&d->vm, &state);
			EXPECT_NE(0ULL, state.debug.dr6 & (1 << 14));
			if (steps[i].traps > 1)
				EXPECT_EQ(6ULL - n, d->vm.run->gprs.rcx);
		}
		ASSERT_EQ(0, device_run(d, &out));
		EXPECT_TRUE(idt_finished(&d->vm, steps[i].len)) {
			TH_LOG("%s: %s, vector %d", steps[i].name,
			       svmvcpu_exit_name(d->vm.run->reason), out.vector);
		}
	}
}

/* An interrupt waits for the one instruction behind STI, not for two. */
TEST_F(insn_fault, interrupt_shadow)
{
	static const char * const codes[] = {
		"\xfb\x01\x03\x90",	/* sti; add [rbx], eax; nop */
		"\xfb\x89\x03\x90",	/* sti; mov [rbx], eax; nop */
		"\xfb\xa4\x90\x90",	/* sti; movsb */
	};
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		start(d, IDT_LONG64, codes[i], 4, LIN_DEVICE, LIN_MEMORY);
		ASSERT_EQ(0, vm_run(&d->vm));
		EXPECT_EQ(TEST_CODE + 1, d->vm.run->gprs.rip);
		/* Emulators lose it at an entry, as after a page was brought in. */
		idt_get(&d->vm, &state);
		state.events.shadow = 1;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&d->vm.vcpu, SVMVCPU_STATE_EVENTS, &state));
		ASSERT_EQ(0, d->vm.run->reason == SVMVCPU_EXIT_MMIO ? device_mmio(d) :
								      device_finish(d));
		idt_get(&d->vm, &state);
		EXPECT_EQ(d->mmio, state.events.shadow);	/* the kernel's turn is RUN */
		device_inject(d, SVMVCPU_INJECT_IRQ | 0x40, 0, 0);
		ASSERT_EQ(0, device_run(d, &out));
		EXPECT_EQ(0x40, out.vector);
		EXPECT_EQ(TEST_CODE + (i == 2 ? 2 : 3), out.rip);
	}
}

static const struct {
	const char *code;
	unsigned int len;
	const char *why;
} refused[] = {
	{ CODE("\xff\x33"), "push" },
	{ CODE("\x0f\x28\x03"), "movaps" },
	{ CODE("\x0f\xc7\x0b"), "cmpxchg8b" },
	{ CODE("\xd1\x23"), "shl" },
	{ CODE("\x8e\x23"), "fs" },
};

/* Nothing is changed, and with memory there it executes. */
TEST_F(insn_fault, refused)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_run *run = d->vm.run;
	struct svmvcpu_state before, after;
	struct svmvcpu_region region = {
		.gpa = DEVICE, .bytes = DEVICE_BYTES, .hva = (uintptr_t)d->vm.mem + DEVICE,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	struct svmvcpu_range hole = { .gpa = DEVICE, .bytes = DEVICE_BYTES };
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		start(d, IDT_LONG64, refused[i].code, refused[i].len, LIN_DEVICE, 0);
		idt_get(&d->vm, &before);
		EXPECT_EQ(-ENOTSUP, device_run(d, &out));
		EXPECT_NE(NULL, strstr(svmvcpu_last_error(), refused[i].why)) {
			TH_LOG("%s: %s", refused[i].why, svmvcpu_last_error());
		}
		EXPECT_EQ(0U, run->in_flags);
		EXPECT_EQ(0U, d->reads + d->writes);
		idt_get(&d->vm, &after);
		EXPECT_EQ(0, memcmp(&before.gprs, &after.gprs, sizeof(before.gprs)));
		EXPECT_EQ(0, memcmp(&before.events, &after.events, sizeof(before.events)));
		memset(d->vm.mem + DEVICE, 0, 16);
		ASSERT_EQ(0, svmvcpu_vm_map(d->vm.vm, &region, 1));
		RUN_EXPECT(&d->vm, HYPERCALL);
		ASSERT_EQ(0, svmvcpu_vm_unmap(d->vm.vm, &hole, 1));
	}
}

/*
 * The stack is the device, and an event is on its way: it is the delivery that
 * faults. The instruction at RIP must not be taken for the culprit, even where
 * it would make the same access.
 */
TEST_F(insn_fault, event_delivery)
{
	/* mov [rsp - 8], rax; add [rsp - 8], rax */
	static const char * const codes[] = { "\x48\x89\x44\x24\xf8", "\x48\x01\x44\x24\xf8" };
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		start(d, IDT_LONG64, codes[i], 5, 0, 0);
		IDT_REGS(&d->vm, regs->rsp = LIN_DEVICE + 0x100; regs->rflags |= FLAG_IF);
		device_inject(d, SVMVCPU_INJECT_IRQ | 0x40, 0, 0);
		EXPECT_EQ(-ENOTSUP, device_run(d, &out));
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, d->vm.run->reason);
		EXPECT_EQ(DEVICE + 0xf8, d->vm.run->memory.gpa);
		EXPECT_EQ(TEST_CODE, d->vm.run->gprs.rip);
		EXPECT_EQ(0U, d->reads + d->writes);
		idt_get(&d->vm, &state);
		EXPECT_EQ(0x40U, state.events.exception & SVMVCPU_INJECT_VECTOR);
	}
}

/* The same with the instruction's own fault: no second one must come of it. */
TEST_F(insn_fault, fault_delivery)
{
	struct device_vm *d = &self->device;
	struct idt_outcome out;

	start(d, IDT_LONG64, CODE("\x89\x03"), LIN_ABSENT, 0);	/* mov [rbx], eax */
	IDT_REGS(&d->vm, regs->rsp = LIN_DEVICE + 0x100);
	EXPECT_EQ(-ENOTSUP, device_run(d, &out));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, d->vm.run->reason);
	EXPECT_EQ(DEVICE + 0xf8, d->vm.run->memory.gpa);
	/* a stack that is memory: the fault arrives as what it was */
	IDT_REGS(&d->vm, regs->rsp = TEST_STACK);
	ASSERT_EQ(0, device_run(d, &out));
	EXPECT_EQ(VEC_PF, out.vector);
	EXPECT_CR2(&d->vm, LIN_ABSENT);
}

/* Neither instruction fetches nor page tables are data. */
TEST_F(insn_fault, not_data)
{
	struct device_vm *d = &self->device;
	struct idt_outcome out;

	start(d, IDT_LONG64, CODE("\xff\xe3"), LIN_DEVICE, 0);	/* jmp rbx */
	EXPECT_EQ(-ENOTSUP, device_run(d, &out));
	EXPECT_EQ(DEVICE, d->vm.run->memory.gpa);
	start(d, IDT_LONG64, CODE("\x01\x03"), LIN_MEMORY, 0);
	*(uint64_t *)(d->vm.mem + TEST_TABLES + 0x2000 + (TEST_FREE >> 21) * 8) = DEVICE | PTE_RWX;
	EXPECT_EQ(-ENOTSUP, device_run(d, &out));
	EXPECT_TRUE(d->vm.run->memory.flags & SVMVCPU_FAULT_WALK);
	EXPECT_EQ(0U, d->reads + d->writes);
}

/* Both operands of a MOVS are the device's. */
TEST_F(insn_fault, device_to_device)
{
	struct device_vm *d = &self->device;
	struct idt_outcome out;

	start(d, IDT_LONG64, CODE("\xf3\xa4"), LIN_DEVICE, LIN_DEVICE + 0x200);
	ASSERT_EQ(0, device_run(d, &out));
	ASSERT_TRUE(idt_finished(&d->vm, 2));
	EXPECT_EQ(0, memcmp(d->bytes, d->bytes + 0x200, 6));
	EXPECT_EQ(6U, d->reads);
	EXPECT_EQ(6U, d->writes);
	EXPECT_EQ(0ULL, d->vm.run->gprs.rcx);
}

/* The VMM's memory goes away: the device is read once all the same. */
TEST_F(insn_fault, answer_is_kept)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_run *run = d->vm.run;

	if (!variant->decode)
		return;
	start(d, IDT_LONG64, CODE("\xa5"), LIN_DEVICE, LIN_MEMORY);
	RUN_EXPECT(&d->vm, MMIO);
	ASSERT_EQ(0, mprotect(d->vm.mem + LIN_MEMORY, PAGE, PROT_READ));
	run->answer = 0x11223344;
	RUN_EXPECT(&d->vm, MEMORY_FAULT);
	EXPECT_EQ(LIN_MEMORY, run->memory.gpa);
	EXPECT_EQ((unsigned int)(SVMVCPU_FAULT_GVA | SVMVCPU_FAULT_KERNEL | SVMVCPU_FAULT_WRITE |
				 SVMVCPU_FAULT_USER_MEM), run->memory.flags);
	EXPECT_EQ(TEST_CODE, run->gprs.rip);
	run->answer = 0x55667788;	/* to what nobody asked */
	RUN_EXPECT(&d->vm, MEMORY_FAULT);
	ASSERT_EQ(0, mprotect(d->vm.mem + LIN_MEMORY, PAGE, PROT_READ | PROT_WRITE));
	RUN_EXPECT(&d->vm, HYPERCALL);
	EXPECT_EQ(0, memcmp(d->vm.mem + LIN_MEMORY, "\x44\x33\x22\x11", 4));
}

TEST_HARNESS_MAIN
