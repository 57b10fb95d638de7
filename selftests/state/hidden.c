// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU lacks the features that its CPUID table hides: control bits are reserved, MSRs
 * and instructions fault, and SET_STATE and SETUP return EOPNOTSUPP for values that
 * need them. Each feature is also tested when shown.
 */
#include "guest_apic.h"
#include "guest_cpuid.h"

#define MSR_EFER	0xc0000080
#define MSR_TSC_AUX	0xc0000103
#define MSR_PAT		0x277
#define PAT_AT_RESET	0x0007040600070406ULL

APIC_FIXTURE(hidden, struct svmvcpu_state state;)

/* SET_VCPU_CPUID works only before the guest has run: one vCPU for each case */
static void renew(struct test_vm *vm)
{
	svmvcpu_vcpu_close(&vm->vcpu);
	if (svmvcpu_vcpu_create_flags(vm->vm, 0, SVMVCPU_VCPU_LAPIC, &vm->info, &vm->vcpu))
		vm_die("CREATE_VCPU");
	vm->run = vm->vcpu.run;
}

/**
 * struct feature - a CPUID bit
 * @name: .
 * @leaf: .
 * @reg: .
 * @bit: .
 * @value: what it gates in the register under test
 */
struct feature {
	const char *name;
	__u32 leaf;
	enum cpuid_reg reg;
	unsigned int bit;
	uint64_t value;
};

/* A new vCPU with or without the feature */
static void give(struct test_vm *vm, const struct feature *feature, bool shown)
{
	renew(vm);
	if (cpuid_shows(vm, feature->leaf, feature->reg, feature->bit) != shown)
		cpuid_flip(vm, feature->leaf, feature->reg, feature->bit);
}

static int put(struct test_vm *vm, struct svmvcpu_state *state, uint64_t components)
{
	return -svmvcpu_vcpu_set_state(&vm->vcpu, components, state);
}

static const struct feature cr4_features[] = {
	{ "VME", 1, EDX, 1, 1 << 0 },
	{ "PVI", 1, EDX, 1, 1 << 1 },
	{ "TSC", 1, EDX, 4, 1 << 2 },
	{ "DE", 1, EDX, 2, 1 << 3 },
	{ "PSE", 1, EDX, 3, 1 << 4 },
	{ "PAE", 1, EDX, 6, 1 << 5 },
	{ "PGE", 1, EDX, 13, 1 << 7 },
	{ "UMIP", 7, ECX, 2, 1 << 11 },
	{ "FSGSBASE", 7, EBX, 0, 1 << 16 },
	{ "XSAVE", 1, ECX, 26, 1 << 18 },
	{ "SMEP", 7, EBX, 7, 1 << 20 },
	{ "SMAP", 7, EBX, 20, 1 << 21 },
};

TEST_F(hidden, cr4)
{
	struct test_vm *vm = &self->vm;

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(cr4_features); i++) {
		const struct feature *feature = &cr4_features[i / 2];
		bool shown = (i & 1) && (vm->info.cr4_guest & feature->value);
		int refused;

		if ((i & 1) && !shown)
			continue;
		give(vm, feature, shown);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		self->state.control.cr4 |= feature->value;
		refused = vm->info.cr4_guest & feature->value ? EOPNOTSUPP : EINVAL;
		EXPECT_EQ(shown ? 0 : refused, put(vm, &self->state, SVMVCPU_STATE_CONTROL)) {
			TH_LOG("%s", feature->name);
		}
		/* mov %eax, %cr4 */
		apic_start(vm, CODE("\x0f\x22\xe0"))->rax = 0x600 | feature->value;
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_run(vm)) {
			TH_LOG("%s", feature->name);
		}
	}
}

/* Registers that the presets set */
TEST_F(hidden, presets)
{
	static const struct {
		struct feature feature;
		int prot32;	/* result of SETUP */
	} cases[] = {
		{ { "PAE", 1, EDX, 6, 0 }, 0 },
		{ { "FXSR", 1, EDX, 24, 0 }, -EOPNOTSUPP },
		{ { "SSE", 1, EDX, 25, 0 }, -EOPNOTSUPP },
		{ { "LM", 0x80000001, EDX, 29, 0 }, 0 },
	};
	struct test_vm *vm = &self->vm;
	struct svmvcpu_setup setup = { .entry = TEST_CODE, .stack = TEST_STACK };

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		give(vm, &cases[i].feature, false);
		setup.cr3 = TEST_TABLES;
		setup.preset = SVMVCPU_PRESET_LONG64;
		EXPECT_EQ(-EOPNOTSUPP, svmvcpu_vcpu_setup(&vm->vcpu, &setup)) {
			TH_LOG("%s", cases[i].feature.name);
		}
		setup.cr3 = 0;
		setup.preset = SVMVCPU_PRESET_PROT32;
		EXPECT_EQ(cases[i].prot32, svmvcpu_vcpu_setup(&vm->vcpu, &setup)) {
			TH_LOG("%s", cases[i].feature.name);
		}
		setup.preset = SVMVCPU_PRESET_REAL;
		EXPECT_EQ(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	}
}

TEST_F(hidden, efer)
{
	static const struct feature features[] = {
		{ "SYSCALL", 0x80000001, EDX, 11, 1 << 0 },
		{ "LM", 0x80000001, EDX, 29, 1 << 8 },
		{ "NX", 0x80000001, EDX, 20, 1 << 11 },
	};
	struct test_vm *vm = &self->vm;

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(features); i++) {
		const struct feature *feature = &features[i / 2];
		bool shown = i & 1;

		if (!(vm->info.efer_guest & feature->value))
			continue;
		give(vm, feature, shown);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		self->state.control.efer = feature->value;
		EXPECT_EQ(shown ? 0 : EOPNOTSUPP, put(vm, &self->state, SVMVCPU_STATE_CONTROL)) {
			TH_LOG("%s", feature->name);
		}
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_EFER, feature->value)) {
			TH_LOG("%s", feature->name);
		}
	}
}

/* RDPID also reads TSC_AUX: the register exists with either feature. */
TEST_F(hidden, tsc_aux)
{
	const struct feature rdtscp = { "RDTSCP", 0x80000001, EDX, 27, 0 };
	struct test_vm *vm = &self->vm;
	uint64_t value;

	if (!cpuid_shows(vm, 0x80000001, EDX, 27))
		SKIP(return, "no RDTSCP");
	for (int shown = 0; shown < 2; shown++) {
		give(vm, &rdtscp, shown);
		if (cpuid_shows(vm, 7, ECX, 22))
			cpuid_flip(vm, 7, ECX, 22);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		self->state.msrs.tsc_aux = 5;
		EXPECT_EQ(shown ? 0 : EOPNOTSUPP, put(vm, &self->state, SVMVCPU_STATE_MSRS));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_TSC_AUX, 5));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_rdmsr(vm, MSR_TSC_AUX, &value));
		/* TCG follows the RDTSC intercept. */
		apic_start(vm, CODE("\x0f\x01\xf9"));
		if (shown || !host_is_tcg())
			EXPECT_EQ(shown ? FINISHED : VEC_UD, apic_run(vm));
	}
}

TEST_F(hidden, rdpid_alone)
{
	const struct feature rdtscp = { "RDTSCP", 0x80000001, EDX, 27, 0 };
	struct test_vm *vm = &self->vm;

	if (!cpuid_shows(vm, 7, ECX, 22))
		SKIP(return, "no RDPID");
	give(vm, &rdtscp, false);
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_TSC_AUX, 5));
}

TEST_F(hidden, pat)
{
	const struct feature pat = { "PAT", 1, EDX, 16, 0 };
	struct test_vm *vm = &self->vm;
	uint64_t value;

	for (int shown = 0; shown < 2; shown++) {
		give(vm, &pat, shown);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		EXPECT_EQ(0, put(vm, &self->state, SVMVCPU_STATE_MSRS));
		self->state.msrs.pat = 0;
		EXPECT_EQ(shown ? 0 : EOPNOTSUPP, put(vm, &self->state, SVMVCPU_STATE_MSRS));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_PAT, PAT_AT_RESET));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_rdmsr(vm, MSR_PAT, &value));
	}
}

static int xsetbv(struct test_vm *vm, uint32_t xcr0)
{
	struct svmvcpu_gprs *gprs = apic_start(vm, CODE("\x0f\x01\xd1"));

	gprs->rax = xcr0;
	gprs->rcx = 0;
	gprs->rdx = 0;
	return apic_run(vm);
}

/* XCR0 has the components of leaf 0xd, AVX only with its own bit, and is 1 without XSAVE. */
TEST_F(hidden, xcr0)
{
	static const uint64_t at_most[] = { 7, 3, 3, 1 };
	struct test_vm *vm = &self->vm;
	struct cpuid_table table;

	if (vm->info.xcr0_guest != 7)
		SKIP(return, "no AVX");
	for (int how = 0; how < 4; how++) {
		uint64_t most = at_most[how];

		renew(vm);
		cpuid_get(vm, &table);
		if (how == 1)
			*cpuid_reg(&table, 1, ECX) &= ~(1U << 28);
		else if (how == 2)
			*cpuid_reg(&table, 0xd, EAX) = 3;
		else if (how == 3)
			*cpuid_reg(&table, 1, ECX) &= ~(1U << 26);
		cpuid_set(vm, &table);
		idt_setup(vm, IDT_PROT32);
		for (uint64_t xcr0 = 1; xcr0 <= 7; xcr0 = xcr0 * 2 + 1) {
			idt_get(vm, &self->state);
			self->state.xcr0 = xcr0;
			EXPECT_EQ(xcr0 & ~most ? EOPNOTSUPP : 0,
				  put(vm, &self->state, SVMVCPU_STATE_XSTATE)) {
				TH_LOG("case %d, XCR0 %#llx", how, (unsigned long long)xcr0);
			}
		}
		if (how == 3)
			continue;
		idt_get(vm, &self->state);
		self->state.control.cr4 |= 1 << 18;
		ASSERT_EQ(0, put(vm, &self->state, SVMVCPU_STATE_CONTROL));
		/* without the intercept, a value that the guest set is not kept */
		for (uint64_t xcr0 = 1; xcr0 <= 7; xcr0 = xcr0 * 2 + 1) {
			bool legal = !(xcr0 & ~most);

			EXPECT_EQ(legal || host_is_tcg() ? FINISHED : VEC_GP, xsetbv(vm, xcr0)) {
				TH_LOG("case %d, XCR0 %#llx", how, (unsigned long long)xcr0);
			}
			idt_get(vm, &self->state);
			EXPECT_EQ(legal ? xcr0 : most, self->state.xcr0);
		}
	}
}

TEST_F(hidden, x2apic)
{
	const struct feature x2apic = { "x2APIC", 1, ECX, 21, 0 };
	struct test_vm *vm = &self->vm;
	uint64_t value;

	for (int shown = 0; shown < 2; shown++) {
		give(vm, &x2apic, shown);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		self->state.lapic.base = BASE_X2APIC;
		self->state.lapic.regs[APIC_ID / 16] = 0;
		EXPECT_EQ(shown ? 0 : EOPNOTSUPP, put(vm, &self->state, SVMVCPU_STATE_LAPIC));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_APIC_BASE, BASE_X2APIC));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_rdmsr(vm, X2(APIC_ID), &value));
		ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_APIC_BASE, &value));
		EXPECT_EQ(shown ? BASE_X2APIC : BASE_XAPIC, value);
	}
}

TEST_F(hidden, tsc_deadline)
{
	const struct feature deadline = { "TSC-deadline", 1, ECX, 24, 0 };
	struct test_vm *vm = &self->vm;
	uint64_t value;

	if (!vm->info.tsc_khz)
		SKIP(return, "the host does not know its TSC's frequency");
	for (int shown = 0; shown < 2; shown++) {
		give(vm, &deadline, shown);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		self->state.lapic.regs[APIC_LVT_TIMER / 16] |= TIMER_DEADLINE;
		EXPECT_EQ(shown ? 0 : EOPNOTSUPP, put(vm, &self->state, SVMVCPU_STATE_LAPIC));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_DEADLINE, 0));
		EXPECT_EQ(shown ? FINISHED : VEC_GP, apic_rdmsr(vm, MSR_DEADLINE, &value));
		/* on the page, a reserved bit is dropped */
		ASSERT_EQ(FINISHED, page_write(vm, APIC_LVT_TIMER, LVT_MASKED | TIMER_DEADLINE));
		EXPECT_EQ(LVT_MASKED | (shown ? TIMER_DEADLINE : 0U),
			  page_read(vm, APIC_LVT_TIMER));
	}
}

/* A local APIC that CPUID hides stays disabled, with x2APIC and TSC-deadline. */
TEST_F(hidden, apic)
{
	const struct feature apic = { "APIC", 1, EDX, 9, 0 };
	struct test_vm *vm = &self->vm;
	uint64_t value;

	give(vm, &apic, false);
	idt_setup(vm, IDT_PROT32);
	idt_get(vm, &self->state);
	EXPECT_EQ(0U, self->state.lapic.base & BASE_ENABLE);
	EXPECT_EQ(0, put(vm, &self->state, SVMVCPU_STATE_LAPIC));
	self->state.lapic.base |= BASE_ENABLE;
	EXPECT_EQ(EOPNOTSUPP, put(vm, &self->state, SVMVCPU_STATE_LAPIC));
	EXPECT_EQ(VEC_GP, apic_rdmsr(vm, MSR_APIC_BASE, &value));
	EXPECT_EQ(VEC_GP, apic_wrmsr(vm, MSR_APIC_BASE, BASE_XAPIC));
	EXPECT_EQ(VEC_GP, apic_wrmsr(vm, MSR_APIC_BASE, BASE_X2APIC));
	EXPECT_EQ(VEC_GP, apic_rdmsr(vm, MSR_DEADLINE, &value));
	EXPECT_EQ(VEC_GP, apic_rdmsr(vm, X2(APIC_ID), &value));
	/* nor the register page */
	apic_start(vm, CODE("\x8b\x07"))->rdi = 0xfee00000 + APIC_VERSION;
	EXPECT_EQ(EXITED, apic_run(vm));
	EXPECT_EQ((__u32)SVMVCPU_EXIT_MEMORY_FAULT, vm->run->reason);
	EXPECT_EQ(0, apic_send(vm, 0x40, 0));
}

TEST_HARNESS_MAIN
