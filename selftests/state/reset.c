// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a guest, register by register: one guest changes all registers, another
 * reads them. After SETUP, and at the same time on another vCPU, the values are those
 * of a new vCPU. The test first checks that the changes took effect.
 */
#include "guest_idt.h"

#define RESULT		TEST_FREE		/* layout of what dump stores: slots, FXSAVE, YMM */
#define FLAG_AVX	(RESULT + 0x1f8)
#define NEW_CR4		(RESULT + 0x1f0)
#define DUMP_FX		(RESULT + 0x400)
#define DUMP_YMM	(RESULT + 0x600)
#define DUMP_END	(RESULT + 0x700)
#define FX_IN		(RESULT + 0xa00)	/* values that change loads */
#define YMM_IN		(RESULT + 0xc00)
#define GDTR_IN		(RESULT + 0xd00)
#define IDTR_IN		(RESULT + 0xd10)
#define GDT		(RESULT + 0xe00)

#define CR4_SMEP	(1ULL << 20)
#define CR4_SMAP	(1ULL << 21)

/* In the order in which dump stores them, from RESULT on */
static const char * const slots[] = {
	"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12",
	"R13", "R14", "R15", "RFLAGS", "CR0", "CR2", "CR3", "CR4", "CR8", "DR0", "DR1", "DR2",
	"DR3", "DR6", "DR7", "EFER", "STAR", "LSTAR", "CSTAR", "SFMASK", "FS_BASE", "GS_BASE",
	"KERNEL_GS_BASE", "SYSENTER_CS", "SYSENTER_ESP", "SYSENTER_EIP", "PAT", "TSC_AUX",
	"TSC, upper bits", "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR", "GDTR base",
	"IDTR base", "GDTR limit", "IDTR limit", "XCR0",
};

#define NR_SLOTS	ARRAY_SIZE(slots)
#define CR2_SLOT	18

static const char * const segment_names[] = {
	"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR", "GDTR", "IDTR",
};

FIXTURE(reset) {
	struct test_vm vm[2];
	bool avx;
};

FIXTURE_SETUP(reset)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	vm_open(&self->vm[0]);
	vm_open(&self->vm[1]);
	self->avx = self->vm[0].info.xcr0_guest == 7;
}

FIXTURE_TEARDOWN(reset)
{
	vm_close(&self->vm[0]);
	vm_close(&self->vm[1]);
}

#define EACH_YMM(insn)							\
	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" insn "\n.endr\n"
#define SLOT(nr)	"0x200000 + 8 * " #nr
#define PUT(nr, reg)	"mov %" #reg ", " SLOT(nr) "\n"
#define READ(nr, reg)	"mov %" #reg ", %rax\n" PUT(nr, rax)
#define SELECTOR(nr, seg)	"mov %" #seg ", %eax\n" PUT(nr, rax)
#define RDMSR(nr, index)						\
	"mov $" #index ", %ecx\n rdmsr\n"				\
	"mov %eax, " SLOT(nr) "\n mov %edx, 4 + " SLOT(nr) "\n"
#define WRMSR(index, low, high)						\
	"mov $" #index ", %ecx\n mov $" #low ", %eax\n mov $" #high ", %edx\n wrmsr\n"

GUEST64(dump,
	PUT(0, rax) PUT(1, rcx) PUT(2, rdx) PUT(3, rbx) PUT(4, rsp) PUT(5, rbp) PUT(6, rsi)
	PUT(7, rdi) PUT(8, r8) PUT(9, r9) PUT(10, r10) PUT(11, r11) PUT(12, r12) PUT(13, r13)
	PUT(14, r14) PUT(15, r15)
	"pushf\n popq " SLOT(16) "\n"
	READ(17, cr0) READ(18, cr2) READ(19, cr3) READ(20, cr4) READ(21, cr8)
	READ(22, dr0) READ(23, dr1) READ(24, dr2) READ(25, dr3) READ(26, dr6) READ(27, dr7)
	RDMSR(28, 0xc0000080) RDMSR(29, 0xc0000081) RDMSR(30, 0xc0000082)
	RDMSR(31, 0xc0000083) RDMSR(32, 0xc0000084) RDMSR(33, 0xc0000100)
	RDMSR(34, 0xc0000101) RDMSR(35, 0xc0000102) RDMSR(36, 0x174) RDMSR(37, 0x175)
	RDMSR(38, 0x176) RDMSR(39, 0x277) RDMSR(40, 0xc0000103)
	"rdtsc\n shr $8, %edx\n" PUT(41, rdx)
	SELECTOR(42, es) SELECTOR(43, cs) SELECTOR(44, ss) SELECTOR(45, ds) SELECTOR(46, fs)
	SELECTOR(47, gs)
	"sldt %eax\n" PUT(48, rax)
	"str %eax\n" PUT(49, rax)
	"sgdt " SLOT(56) "\n mov 2 + " SLOT(56) ", %rax\n" PUT(50, rax)
	"sidt " SLOT(58) "\n mov 2 + " SLOT(58) ", %rax\n" PUT(51, rax)
	"movzwl " SLOT(56) ", %eax\n" PUT(52, rax)
	"movzwl " SLOT(58) ", %eax\n" PUT(53, rax)
	"mov %cr0, %rax\n and $~0xc, %rax\n mov %rax, %cr0\n"
	"rex.w fxsave 0x200400\n"
	"cmpq $0, 0x2001f8\n je 1f\n"
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xgetbv\n" PUT(54, rax)
	/* Enables AVX, to read the registers */
	"mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
	EACH_YMM("vextractf128 $1, %ymm\\n, 0x200600 + 16 * \\n")
	"1: vmmcall");

GUEST64(change,
	"rex.w fxrstor 0x200a00\n"
	"cmpq $0, 0x2001f8\n je 1f\n"
	"mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
	EACH_YMM("vinsertf128 $1, 0x200c00 + 16 * \\n, %ymm\\n, %ymm\\n")
	"1: lgdt 0x200d00\n lidt 0x200d10\n"
	"mov $0x18, %eax\n"
	"mov %eax, %es\n mov %eax, %ss\n mov %eax, %ds\n mov %eax, %fs\n mov %eax, %gs\n"
	"mov $0x20, %eax\n ltr %ax\n mov $0x30, %eax\n lldt %ax\n"
	"push $0x40\n push $(other_cs - guest_change + 0x1000)\n rex.w lret\n"
	"other_cs:\n"
	WRMSR(0xc0000080, 0xd01, 0)
	WRMSR(0xc0000081, 0x12345678, 0x00230010)
	WRMSR(0xc0000082, 0x11112222, 0x00003333)
	WRMSR(0xc0000083, 0x44445555, 0x00006666)
	WRMSR(0xc0000084, 0x00047700, 0)
	WRMSR(0xc0000100, 0x77770000, 0x00000007)
	WRMSR(0xc0000101, 0x88880000, 0x00000008)
	WRMSR(0xc0000102, 0x99990000, 0xffff9999)
	WRMSR(0x174, 0x1230, 0)
	WRMSR(0x175, 0x0badcafe, 0x00001111)
	WRMSR(0x176, 0x0fedcba9, 0x00002222)
	WRMSR(0x277, 0x05060504, 0x00010406)
	WRMSR(0xc0000103, 0xfeedbeef, 0)
	WRMSR(0x10, 0, 0x7fff0000)
	"mov $0xabcd0000, %eax\n mov %rax, %cr2\n"
	"mov $0x10018, %eax\n mov %rax, %cr3\n"
	"mov 0x2001f0, %rax\n mov %rax, %cr4\n"
	"mov $9, %eax\n mov %rax, %cr8\n"
	"mov $0x3f0000, %eax\n mov %rax, %dr0\n inc %eax\n mov %rax, %dr1\n"
	"inc %eax\n mov %rax, %dr2\n inc %eax\n mov %rax, %dr3\n"
	"mov $0xffff0fff, %eax\n mov %rax, %dr6\n"
	"mov $0x000d0701, %eax\n mov %rax, %dr7\n"	/* writes of 4 bytes at DR0 */
	/* PG, CD, NW, AM, NE, ET, TS, EM, PE; not WP, not MP */
	"mov $0xe004003d, %eax\n mov %rax, %cr0\n"
	"mov $0x6f00, %esp\n"
	"push $0x247ed7\n popf\n"
	".irp reg,rax,rcx,rdx,rbx,rbp,rsi,rdi,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"movabs $0x5566778811223344, %\\reg\n"
	".endr\n"
	"vmmcall");

static void put(struct test_vm *vm, uint64_t gpa, uint64_t value)
{
	memcpy(vm->mem + gpa, &value, 8);
}

static void fill_fx(unsigned char *area)
{
	memset(area, 0, 512);
	for (unsigned int i = 32; i < 416; i++)
		if (i >= 160 || i % 16 < 10)
			area[i] = i ^ 0x5a;
	area[0] = 0x7f;			/* control word: all masked, 53 bits */
	area[1] = 0x02;
	area[2] = 0x21;			/* status: flags; top of stack 0 */
	area[4] = 0xff;			/* all registers in use */
	area[24] = 0xa1;		/* MXCSR: flags, and round down */
	area[25] = 0x3f;
}

static void fill_inputs(struct test_vm *vm, bool avx)
{
	uint64_t gdt[] = {
		0, 0, 0,
		idt_descriptor(0x345000, 0xfffff, 0xc93),
		idt_descriptor(IDT_TSS, 0x67, 0x089), 0,
		idt_descriptor(0x5000, 0x17, 0x082), 0,
		idt_descriptor(0, 0xfffff, 0xb9b),
	};

	memset(vm->mem + RESULT, 0, DUMP_END - RESULT);
	put(vm, FLAG_AVX, avx);
	put(vm, NEW_CR4, (vm->info.cr4_guest & ~(CR4_SMEP | CR4_SMAP)) | CR4_PAE);
	fill_fx(vm->mem + FX_IN);
	memset(vm->mem + YMM_IN, 0x3c, 256);
	memcpy(vm->mem + GDT, gdt, sizeof(gdt));
	put(vm, GDTR_IN, GDT << 16 | (sizeof(gdt) - 1));
	put(vm, IDTR_IN, IDT_TABLE << 16 | 0xfff);
}

static void run_to_call(struct test_vm *vm)
{
	char text[256];

	if (vm_run(vm))
		vm_die("RUN");
	if (vm->run->reason == SVMVCPU_EXIT_HYPERCALL)
		return;
	svmvcpu_describe_exit(vm->run, NULL, text, sizeof(text));
	fprintf(stderr, "# exit was: %s\n", text);
	exit(1);
}

/* A guest changes all registers. */
static void change(struct test_vm *vm, bool avx)
{
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	fill_inputs(vm, avx);
	load_guest(vm, change);
	run_to_call(vm);
}

/* Reads all registers without a reset before */
static void dump(struct test_vm *vm, bool avx, unsigned char *seen)
{
	fill_inputs(vm, avx);
	load_guest(vm, dump);
	vm->run->gprs.rip = TEST_CODE;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	run_to_call(vm);
	memcpy(seen, vm->mem + RESULT, DUMP_END - RESULT);
	/* inputs, SGDT and SIDT images, and bytes that FXSAVE does not define */
	memset(seen + 56 * 8, 0, 512 - 56 * 8);
	memset(seen + (DUMP_FX - RESULT) + 416, 0, 96);
}

struct dumped {
	unsigned char seen[DUMP_END - RESULT];
	struct svmvcpu_state state;
};

static void fresh(struct test_vm *vm, bool avx, struct dumped *d)
{
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	vm_get_state(vm, &d->state);
	dump(vm, avx, d->seen);
}

static bool differ(const struct dumped *a, const struct dumped *b, unsigned int at,
		   unsigned int bytes)
{
	return memcmp(a->seen + at, b->seen + at, bytes);
}

/* Each value in the list differs after change: otherwise the tests prove nothing. */
TEST_F(reset, changes_take_effect)
{
	static struct dumped new, now;
	struct test_vm *vm = &self->vm[0];

	fresh(vm, self->avx, &new);
	change(vm, self->avx);
	vm_get_state(vm, &now.state);
	dump(vm, self->avx, now.seen);
	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		if (!self->avx && i == NR_SLOTS - 1)
			continue;
		EXPECT_TRUE(differ(&new, &now, i * 8, 8))
			TH_LOG("%s is still %#llx", slots[i],
			       (unsigned long long)((uint64_t *)new.seen)[i]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(segment_names); i++) {
		EXPECT_NE(0, memcmp(&new.state.segments.es + i, &now.state.segments.es + i,
				    sizeof(new.state.segments.es)))
			TH_LOG("hidden part of %s", segment_names[i]);
	}
	/* x87 words, MXCSR, each register */
	EXPECT_TRUE(differ(&new, &now, DUMP_FX - RESULT, 2));
	EXPECT_TRUE(differ(&new, &now, DUMP_FX - RESULT + 2, 2));
	EXPECT_TRUE(differ(&new, &now, DUMP_FX - RESULT + 4, 1));
	EXPECT_TRUE(differ(&new, &now, DUMP_FX - RESULT + 24, 4));
	for (unsigned int i = 0; i < 24; i++)
		EXPECT_TRUE(differ(&new, &now, DUMP_FX - RESULT + 32 + i * 16, 10));
	for (unsigned int i = 0; self->avx && i < 16; i++)
		EXPECT_TRUE(differ(&new, &now, DUMP_YMM - RESULT + i * 16, 16));
}

static void expect_same(struct __test_metadata *_metadata, const struct dumped *a,
			const struct dumped *b)
{
	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		/* VMRUN of Bochs keeps the host's value. */
		if (i == CR2_SLOT && host_is_bochs())
			continue;
		EXPECT_FALSE(differ(a, b, i * 8, 8))
			TH_LOG("%s: %#llx", slots[i],
			       (unsigned long long)((uint64_t *)b->seen)[i]);
	}
	EXPECT_FALSE(differ(a, b, NR_SLOTS * 8, sizeof(a->seen) - NR_SLOTS * 8));
	for (unsigned int i = 0; i < ARRAY_SIZE(segment_names); i++) {
		EXPECT_EQ(0, memcmp(&a->state.segments.es + i, &b->state.segments.es + i,
				    sizeof(a->state.segments.es)))
			TH_LOG("hidden part of %s", segment_names[i]);
	}
	EXPECT_EQ(0, memcmp(&a->state.events, &b->state.events, sizeof(a->state.events)));
}

/* In an NMI handler, with another NMI and an interrupt pending */
static void pile_up_events(struct test_vm *vm)
{
	static const uint32_t events[] = {
		SVMVCPU_INJECT_NMI | 2, SVMVCPU_INJECT_NMI | 2, SVMVCPU_INJECT_IRQ | 0x61,
	};
	struct idt_outcome out;

	idt_write_tables(vm, IDT_LONG64);
	/* change's GDT need not have the stubs' code segment. */
	put(vm, GDT + IDT_CS, idt_descriptor(0, 0xfffff, 0xa9b));
	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		vm->run->inject = SVMVCPU_INJECT_VALID | events[i];
		if (i && svmvcpu_vcpu_kick(&vm->vcpu))
			vm_die("KICK");
		if (idt_run(vm, &out))
			vm_die("RUN");
	}
}

TEST_F(reset, setup_leaves_nothing)
{
	static struct dumped new, now;
	struct test_vm *vm = &self->vm[0];
	const __u8 piled = SVMVCPU_EV_NMI_WAITS | SVMVCPU_EV_NMI_MASKED | SVMVCPU_EV_IRQ_WAITS;

	fresh(&self->vm[1], self->avx, &new);
	for (int cpu = 0; cpu < 2; cpu++) {
		ASSERT_EQ(0, pin_to_cpu(cpu));
		change(vm, self->avx);
		pile_up_events(vm);
		EXPECT_EQ(piled, vm->run->events & piled);
		fresh(vm, self->avx, &now);
		EXPECT_EQ(0, vm->run->events & piled);
		expect_same(_metadata, &new, &now);
	}
}

/* Nor does another vCPU, which runs on the same CPU right after, see any of it. */
TEST_F(reset, other_vcpu_sees_nothing)
{
	static struct dumped new, now;

	fresh(&self->vm[1], self->avx, &new);
	for (int cpu = 0; cpu < 2; cpu++) {
		ASSERT_EQ(0, pin_to_cpu(cpu));
		vm_setup(&self->vm[1], SVMVCPU_PRESET_LONG64);
		vm_get_state(&self->vm[1], &now.state);
		change(&self->vm[0], self->avx);
		dump(&self->vm[1], self->avx, now.seen);
		expect_same(_metadata, &new, &now);
	}
}

TEST_HARNESS_MAIN
