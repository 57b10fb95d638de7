// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-insn on a vCPU, apart from results of instructions: faults of the other
 * operand, single-stepping, the interrupt shadow, refused accesses, and accesses that
 * are not an instruction's.
 */
#include "device.h"

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
	d->ins = 0;
	d->outs = 0;
	d->sum = 0;
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
 * Faults that the CPU finds after the device, or would find. The VM with memory shows
 * what the CPU does.
 */
static const struct {
	const char *name;
	const char *code;
	unsigned int len;
	enum idt_mode mode;
	uint64_t rsi;
	uint64_t rdi;
	int vector;
	unsigned int reads;	/* of the device, before the fault */
	bool load_first;	/* on emulators the read faults */
	uint64_t rsp;		/* unless 0 */
} faults[] = {
	{ "movsl to an absent page", CODE("\xa5"), IDT_LONG64, LIN_DEVICE, LIN_ABSENT,
	  VEC_PF, 0, false, 0 },
	{ "movsb to a read-only page", CODE("\xa4"), IDT_LONG64, LIN_DEVICE + 5, LIN_READONLY,
	  VEC_PF, 0, false, 0 },
	{ "movsl into an absent page", CODE("\xa5"), IDT_LONG64, LIN_DEVICE, LIN_ABSENT - 2,
	  VEC_PF, 0, false, 0 },
	{ "movsq half into it", CODE("\x48\xa5"), IDT_LONG64, LIN_DEVICE, LIN_READONLY - 3,
	  VEC_PF, 0, false, 0 },
	{ "user movsb to the kernel's page", CODE("\xa4"), IDT_USER64, LIN_DEVICE, LIN_KERNEL,
	  VEC_PF, 0, false, 0 },
	{ "movsb to a non-canonical address", CODE("\xa4"), IDT_LONG64, LIN_DEVICE, NON_CANONICAL,
	  VEC_GP, 0, false, 0 },
	{ "rep movsb to a page end", CODE("\xf3\xa4"), IDT_LONG64, LIN_DEVICE + 9,
	  LIN_READONLY - 4, VEC_PF, 4, false, 0 },
	{ "rep movsw to the hole", CODE("\xf3\x66\xa5"), IDT_LONG64, LIN_DEVICE + 9,
	  NON_CANONICAL, VEC_GP, 0, false, 0 },
	{ "cmpsb with an absent page", CODE("\xa6"), IDT_LONG64, LIN_DEVICE, LIN_ABSENT,
	  VEC_PF, 0, false, 0 },
	{ "add across into an absent page", CODE("\x01\x03"), IDT_LONG64, LIN_ABSENT - 2, 0,
	  VEC_PF, 0, true, 0 },
	{ "mov across into an absent page", CODE("\x48\x89\x03"), IDT_LONG64, LIN_ABSENT - 1, 0,
	  VEC_PF, 0, false, 0 },
	{ "cmpxchg on a read-only page", CODE("\x0f\xb1\x0b"), IDT_LONG64, LIN_DEVICE_RO, 0,
	  VEC_PF, 0, false, 0 },
	{ "cmpxchg16b that is not aligned", CODE("\x48\x0f\xc7\x4b\x08"), IDT_LONG64, LIN_DEVICE,
	  0, VEC_GP, 0, false, 0 },
	{ "push from the device to an absent page", CODE("\xff\x33"), IDT_USER64, LIN_DEVICE, 0,
	  VEC_PF, 0, false, LIN_ABSENT + 8 },
	{ "push from an absent page to the device", CODE("\xff\x33"), IDT_USER64, LIN_ABSENT, 0,
	  VEC_PF, 0, false, LIN_DEVICE + 0x100 },
	{ "push across into a read-only page", CODE("\xff\x33"), IDT_USER64, LIN_DEVICE, 0,
	  VEC_PF, 0, false, LIN_READONLY + 4 },
	{ "pop from the device to a read-only page", CODE("\x8f\x03"), IDT_USER64, LIN_READONLY, 0,
	  VEC_PF, 0, false, LIN_DEVICE },
	{ "pop from an absent page to the device", CODE("\x8f\x03"), IDT_USER64, LIN_DEVICE, 0,
	  VEC_PF, 0, false, LIN_ABSENT },
	{ "call through the device on an absent page", CODE("\xff\x13"), IDT_USER64, LIN_DEVICE, 0,
	  VEC_PF, 0, false, LIN_ABSENT + 8 },
};

/* 0, or the number of the step that failed */
static int check_fault(struct device_vm *memory, struct device_vm *device, unsigned int i)
{
	struct idt_outcome a, b;

	start(memory, faults[i].mode, faults[i].code, faults[i].len, faults[i].rsi, faults[i].rdi);
	start(device, faults[i].mode, faults[i].code, faults[i].len, faults[i].rsi, faults[i].rdi);
	if (faults[i].rsp) {
		IDT_REGS(&memory->vm, regs->rsp = faults[i].rsp);
		IDT_REGS(&device->vm, regs->rsp = faults[i].rsp);
	}
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

/* Emulators do not check limits, so the CPU accesses the device first. */
TEST_F(insn_fault, segment_limits)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	/* rep ss lodsb, rep ds lodsb: three elements, then one beyond the limit */
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

/* Instructions with one access to the device, under TF */
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
	{ "push", CODE("\xff\x33"), 1 },
	{ "pop", CODE("\x8f\x03"), 1 },
	{ "movups", CODE("\x0f\x10\x03"), 1 },
};

/* A trap after each instruction, and after each element of a string instruction */
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

/* An interrupt waits for one instruction after STI, not for two. */
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
		/* Emulators lose the shadow at an entry, as after a page fault. */
		idt_get(&d->vm, &state);
		state.events.shadow = 1;
		ASSERT_EQ(0, svmvcpu_vcpu_set_state(&d->vm.vcpu, SVMVCPU_STATE_EVENTS, &state));
		ASSERT_EQ(0, d->vm.run->reason == SVMVCPU_EXIT_MMIO ? device_mmio(d) :
								      device_finish(d));
		idt_get(&d->vm, &state);
		EXPECT_EQ(d->mmio, state.events.shadow);	/* the kernel completes it in RUN */
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
	{ CODE("\xf2\x0f\x38\xf1\x03"), "crc32" },
	{ CODE("\xdb\x03"), "fild" },
	{ CODE("\x0f\x6f\x03"), "mm0" },
	{ CODE("\x66\x0f\xfe\x03"), "paddd" },
	{ CODE("\x8e\x23"), "fs" },
};

/* Nothing changes, and once there is memory the instruction executes. */
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
 * The stack is in the device and an event is pending: its delivery faults. The library
 * must not take the instruction at RIP for the cause, even if it makes the same access.
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

/* The same with a fault of the instruction itself: no second one may result. */
TEST_F(insn_fault, fault_delivery)
{
	struct device_vm *d = &self->device;
	struct idt_outcome out;

	start(d, IDT_LONG64, CODE("\x89\x03"), LIN_ABSENT, 0);	/* mov [rbx], eax */
	IDT_REGS(&d->vm, regs->rsp = LIN_DEVICE + 0x100);
	EXPECT_EQ(-ENOTSUP, device_run(d, &out));
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, d->vm.run->reason);
	EXPECT_EQ(DEVICE + 0xf8, d->vm.run->memory.gpa);
	/* with a stack in memory the original fault is delivered */
	IDT_REGS(&d->vm, regs->rsp = TEST_STACK);
	ASSERT_EQ(0, device_run(d, &out));
	EXPECT_EQ(VEC_PF, out.vector);
	EXPECT_CR2(&d->vm, LIN_ABSENT);
}

/* Instruction fetches and page table walks are not data accesses. */
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

/* Both operands of a MOVS are in the device. */
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

/* The VMM's memory is unmapped: the device is still read only once. */
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
	/* the kernel keeps the value: the library must not read the device again */
	EXPECT_EQ(-ENOTSUP, device_finish(d));
	EXPECT_EQ(0U, d->reads);
	run->answer = 0x55667788;	/* to an access that nobody asked about */
	RUN_EXPECT(&d->vm, MEMORY_FAULT);
	ASSERT_EQ(0, mprotect(d->vm.mem + LIN_MEMORY, PAGE, PROT_READ | PROT_WRITE));
	RUN_EXPECT(&d->vm, HYPERCALL);
	EXPECT_EQ(0, memcmp(d->vm.mem + LIN_MEMORY, "\x44\x33\x22\x11", 4));
}

/* The branch target is read from the device, or from a stack in the device. */
static const struct {
	const char *name;
	const char *code;
	unsigned int len;
	bool stack;		/* a stack in the device */
	int rsp;		/* bytes that RSP moves by */
} branches[] = {
	{ "call [rbx]", CODE("\xff\x13"), false, -8 },
	{ "jmp [rbx]", CODE("\xff\x23"), false, 0 },
	{ "ret", CODE("\xc3"), true, 8 },
	{ "ret 16", CODE("\xc2\x10\x00"), true, 24 },
};

TEST_F(insn_fault, branches)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_run *run = d->vm.run;
	struct idt_outcome out;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(branches); i++) {
		uint64_t rsp = branches[i].stack ? LIN_DEVICE + 0x40 : LIN_MEMORY + 0x40;
		uint64_t target = TEST_CODE + branches[i].len, pushed;

		start(d, IDT_LONG64, branches[i].code, branches[i].len, LIN_DEVICE + 0x40, 0);
		IDT_REGS(&d->vm, regs->rsp = rsp);
		memcpy(d->bytes + 0x40, &target, 8);
		ASSERT_EQ(0, device_run(d, &out));
		EXPECT_TRUE(idt_finished(&d->vm, branches[i].len)) {
			TH_LOG("%s: %s", branches[i].name, svmvcpu_exit_name(run->reason));
		}
		EXPECT_EQ(rsp + branches[i].rsp, run->gprs.rsp);
		EXPECT_EQ(1U, d->reads);
		EXPECT_EQ(0U, d->writes);
		memcpy(&pushed, d->vm.mem + LIN_MEMORY + 0x38, 8);
		EXPECT_EQ(branches[i].rsp < 0, pushed == target);
	}
}

/* The kernel finds no memory for the elements; the library passes them on. */
TEST_F(insn_fault, string_ports)
{
	struct device_vm *d = &self->device;
	struct idt_outcome out;

	start(d, IDT_LONG64, CODE("\xf3\x6c"), 0, LIN_DEVICE + 9);	/* rep insb */
	IDT_REGS(&d->vm, regs->rdx = DEVICE_PORT);
	ASSERT_EQ(0, device_run(d, &out));
	EXPECT_TRUE(idt_finished(&d->vm, 2));
	EXPECT_EQ(0, memcmp(d->bytes + 9, "\1\2\3\4\5\6", 6));
	EXPECT_EQ(6U, d->ins);
	EXPECT_EQ(6U, d->writes);
	EXPECT_EQ(0ULL, d->vm.run->gprs.rcx);
	EXPECT_EQ(LIN_DEVICE + 15, d->vm.run->gprs.rdi);
}

/* REP OUTS of six elements from the device, up and down */
static const struct {
	const char *code;
	unsigned int len;
	unsigned int width;
} outs[] = {
	{ CODE("\xf3\x6e"), 1 },
	{ CODE("\xf3\x66\x6f"), 2 },
	{ CODE("\xf3\x6f"), 4 },
};

TEST_F(insn_fault, string_outs)
{
	struct device_vm *d = &self->device;
	struct idt_outcome out;
	unsigned int i, n;
	int64_t step;

	for (i = 0; i < 2 * ARRAY_SIZE(outs); i++) {
		step = i & 1 ? -(int64_t)outs[i / 2].width : outs[i / 2].width;
		start(d, IDT_LONG64, outs[i / 2].code, outs[i / 2].len, LIN_DEVICE + 0x100, 0);
		IDT_REGS(&d->vm, regs->rdx = DEVICE_PORT; regs->rflags |= i & 1 ? FLAG_DF : 0);
		memset(d->bytes, 0, 0x200);
		for (n = 0; n < 6; n++)
			d->bytes[0x100 + n * step] = n + 1;
		d->outs = 0;
		d->sum = 0;
		ASSERT_EQ(0, device_run(d, &out));
		EXPECT_TRUE(idt_finished(&d->vm, outs[i / 2].len));
		EXPECT_EQ(6U, d->outs);
		EXPECT_EQ(21ULL, d->sum);
		EXPECT_EQ(LIN_DEVICE + 0x100 + 6 * step, d->vm.run->gprs.rsi);
		EXPECT_EQ(0ULL, d->vm.run->gprs.rcx);
	}
}

/* The kernel executes SMSW while it hides bits of CR0, and cannot store the result. */
TEST_F(insn_fault, smsw_by_the_kernel)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	uint16_t word;

	start(d, IDT_LONG64, CODE("\x0f\x01\x23"), LIN_DEVICE, 0);
	idt_get(&d->vm, &state);
	state.control.cr0 |= CR0_CD;
	idt_set(&d->vm, &state, SVMVCPU_STATE_CONTROL);
	ASSERT_EQ(0, device_run(d, &out));
	EXPECT_TRUE(idt_finished(&d->vm, 3));
	memcpy(&word, d->bytes, 2);
	EXPECT_EQ((uint16_t)state.control.cr0, word);
	EXPECT_EQ(1U, d->writes);
}

/* LLDT and LTR with the selector in the device */
static const struct {
	const char *name;
	const char *code;
	uint16_t selector;
	uint64_t descriptor;	/* at IDT_TR in the GDT */
	enum idt_mode mode;
	int vector;
} descriptors[] = {
	{ "lldt", "\x0f\x00\x13", IDT_TR, 0x12c0827856341234, IDT_PROT32, NO_VECTOR },
	{ "ltr", "\x0f\x00\x1b", IDT_TR, 0x00008900310000a7, IDT_PROT32, NO_VECTOR },
	{ "lldt", "\x0f\x00\x13", IDT_TR, 0x12c0827856341234, IDT_LONG64, NO_VECTOR },
	{ "ltr", "\x0f\x00\x1b", IDT_TR, 0x00008900310000a7, IDT_LONG64, NO_VECTOR },
	{ "lldt of nothing", "\x0f\x00\x13", 1, 0, IDT_LONG64, NO_VECTOR },
	{ "ltr that is busy", "\x0f\x00\x1b", IDT_TR, 0x00008b00310000a7, IDT_PROT32, VEC_GP },
	{ "ltr that is absent", "\x0f\x00\x1b", IDT_TR, 0x00000900310000a7, IDT_LONG64, 11 },
	{ "lldt that is a TSS", "\x0f\x00\x13", IDT_TR, 0x00008900310000a7, IDT_LONG64, VEC_GP },
	{ "lldt beyond the GDT", "\x0f\x00\x13", IDT_LAST, 0, IDT_PROT32, VEC_GP },
	{ "lldt in the LDT", "\x0f\x00\x13", IDT_TR | 4, 0, IDT_PROT32, VEC_GP },
};

/*
 * LTR of TCG marks the TSS busy in memory but not in the register. After LLDT of a null
 * selector the hidden part of LDTR is undefined.
 */
static bool same_tables(struct svmvcpu_segments *a, const struct svmvcpu_segments *b)
{
	if (host_is_tcg() && b->tr.selector == a->tr.selector)
		a->tr.attrib |= b->tr.attrib & 2;
	if (memcmp(&a->tr, &b->tr, sizeof(a->tr)) || a->ldtr.selector != b->ldtr.selector)
		return false;
	return a->ldtr.selector < 4 || !memcmp(&a->ldtr, &b->ldtr, sizeof(a->ldtr));
}

static int run_descriptor(struct device_vm *d, unsigned int i, struct idt_outcome *out)
{
	bool is_long = idt_mode_is_long(descriptors[i].mode);

	start(d, descriptors[i].mode, descriptors[i].code, 3, is_long ? LIN_DEVICE : DEVICE, 0);
	memcpy(device_bytes(d), &descriptors[i].selector, 2);
	memcpy(d->vm.mem + IDT_GDT + IDT_TR, &descriptors[i].descriptor, 8);
	return device_run(d, out);
}

TEST_F(insn_fault, descriptors)
{
	struct device_vm *memory = &self->memory, *device = &self->device;
	struct svmvcpu_state a, b;
	struct idt_outcome x, y;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(descriptors); i++) {
		ASSERT_EQ(0, run_descriptor(memory, i, &x));
		ASSERT_EQ(0, run_descriptor(device, i, &y)) {
			TH_LOG("%s: %s", descriptors[i].name, svmvcpu_last_error());
		}
		EXPECT_EQ(descriptors[i].vector, x.vector);
		EXPECT_EQ(x.vector, y.vector) {
			TH_LOG("%s", descriptors[i].name);
		}
		EXPECT_EQ(x.error, y.error);
		EXPECT_EQ(x.rip, y.rip);
		EXPECT_EQ(1U, device->reads);
		idt_get(&memory->vm, &a);
		idt_get(&device->vm, &b);
		EXPECT_TRUE(same_tables(&a.segments, &b.segments)) {
			TH_LOG("%s: tr %#llx %#x %#x, %#llx %#x %#x", descriptors[i].name,
			       a.segments.tr.base, a.segments.tr.limit, a.segments.tr.attrib,
			       b.segments.tr.base, b.segments.tr.limit, b.segments.tr.attrib);
		}
		EXPECT_EQ(0, memcmp(memory->vm.mem + IDT_GDT, device->vm.mem + IDT_GDT, IDT_LAST));
	}
}

/* SSE registers are loaded and stored whole; upper halves of YMM registers do not change. */
TEST_F(insn_fault, vectors)
{
	struct device_vm *d = &self->device;
	struct svmvcpu_state state;
	struct idt_outcome out;
	unsigned int i;

	/* movaps (%rbx), %xmm4; movaps %xmm4, 16(%rbx) */
	start(d, IDT_LONG64, CODE("\x0f\x28\x23\x0f\x29\x63\x10"), LIN_DEVICE, 0);
	idt_get(&d->vm, &state);
	for (i = 160; i < d->vm.info.xstate_size; i++)
		if (i < 416 || i >= 576)
			d->vm.xstate[i] = i * 3;
	d->vm.xstate[512] |= d->vm.info.xcr0_guest & 6;
	state.xcr0 = d->vm.info.xcr0_guest ? d->vm.info.xcr0_guest : 1;
	idt_set(&d->vm, &state, SVMVCPU_STATE_XSTATE);
	ASSERT_EQ(0, device_run(d, &out));
	EXPECT_TRUE(idt_finished(&d->vm, 7));
	EXPECT_EQ(0, memcmp(d->bytes, d->bytes + 16, 16));
	EXPECT_EQ(2U, d->reads);
	EXPECT_EQ(2U, d->writes);
	vm_get_state(&d->vm, &state);
	EXPECT_EQ(0, memcmp(d->vm.xstate + 160 + 4 * 16, d->bytes, 16));
	for (i = 160; i < d->vm.info.xstate_size; i++) {
		if (i < 416 || i >= 576)
			if (i < 160 + 4 * 16 || i >= 160 + 5 * 16)
				EXPECT_EQ((unsigned char)(i * 3), d->vm.xstate[i]);
	}
}

TEST_HARNESS_MAIN
