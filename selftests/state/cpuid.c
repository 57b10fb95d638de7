// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET_CPUID and SET_CPUID: the default table, leaves that depend on the vCPU, a VM's
 * own table, and tables that are refused.
 */
#include "guest_idt.h"

#define CR4_OSXSAVE	(1ULL << 18)
#define MAX		256

FIXTURE(cpuid) {
	struct test_vm vm;
	struct svmvcpu_cpuid_entry table[MAX + 1];
	struct svmvcpu_cpuid arg;
};

FIXTURE_SETUP(cpuid)
{
	vm_open_empty(&self->vm);
	self->arg = (struct svmvcpu_cpuid){
		.size = sizeof(self->arg), .nr = MAX, .entries = (uintptr_t)self->table,
	};
}

VM_TEARDOWN(cpuid)

/**
 * struct answer - registers of a CPUID
 * @eax: .
 * @ebx: .
 * @ecx: .
 * @edx: .
 */
struct answer {
	uint32_t eax, ebx, ecx, edx;
};

GUEST64(ask, "cpuid\n hlt");

static void start(struct test_vm *vm, unsigned int id)
{
	vm_add_vcpu(vm, id);
	load_guest(vm, ask);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
}

/* CPUID in the guest; the upper halves are set before, and CPUID clears them. */
static struct answer ask(struct test_vm *vm, uint32_t leaf, uint32_t subleaf)
{
	struct svmvcpu_gprs *gprs = &vm->run->gprs;

	gprs->rip = TEST_CODE;
	gprs->rax = 0x5a5a5a5a00000000ULL | leaf;
	gprs->rcx = 0x5a5a5a5a00000000ULL | subleaf;
	gprs->rbx = ~0ULL;
	gprs->rdx = ~0ULL;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	if (vm_run(vm) || vm->run->reason != SVMVCPU_EXIT_HALT)
		vm_die("RUN");
	if ((gprs->rax | gprs->rbx | gprs->rcx | gprs->rdx) >> 32)
		vm_die("upper halves");
	return (struct answer){ gprs->rax, gprs->rbx, gprs->rcx, gprs->rdx };
}

static int get_table(struct test_vm *vm, struct svmvcpu_cpuid *arg)
{
	return ioctl_errno(vm->vm, SVMVCPU_GET_CPUID, arg);
}

static int set_table(struct test_vm *vm, struct svmvcpu_cpuid *arg, uint32_t nr)
{
	arg->nr = nr;
	return ioctl_errno(vm->vm, SVMVCPU_SET_CPUID, arg);
}

TEST_F(cpuid, what_a_guest_is_told)
{
	struct test_vm *vm = &self->vm;
	struct answer a;

	start(vm, 5);
	a = ask(vm, 0x40000000, 0);
	EXPECT_EQ(0, memcmp("RVMRVMRVMRVM", &a.ebx, 12));
	EXPECT_EQ(0x40000001U, a.eax);
	a = ask(vm, 1, 0);
	EXPECT_EQ(1U << 31, a.ecx & (1U << 31));		/* hypervisor */
	EXPECT_EQ(0U, a.ecx & (1 << 3 | 1 << 5 | 1 << 21 | 1 << 24));	/* MONITOR, VMX, x2APIC */
	EXPECT_EQ(0U, a.edx & (1 << 7 | 1 << 9 | 1 << 12 | 1 << 14));	/* MCE, APIC, MTRR, MCA */
	EXPECT_EQ(5U, a.ebx >> 24);
	EXPECT_EQ(1U, a.ebx >> 16 & 0xff);
	EXPECT_EQ(0x06000000U, a.edx & 0x06000000);		/* SSE, SSE2 */
	a = ask(vm, 0x80000001, 0);
	EXPECT_EQ(0U, a.ecx & (1 << 2 | 1 << 10 | 1 << 12));	/* SVM, IBS, SKINIT */
	EXPECT_EQ(1U << 29, a.edx & 1 << 29);			/* long mode */
	a = ask(vm, 0x80000008, 0);
	EXPECT_EQ(vm->info.gpa_bits, a.eax & 0xff);
	/* not a leaf, and no leaf at all */
	a = ask(vm, 0x8000000a, 0);
	EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx);
	a = ask(vm, 0x12345678, 0);
	EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx);
	a = ask(vm, 7, 1);
	EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx);
}

/* leaf 1: x2APIC and TSC-deadline; leaves 1 and 80000001: APIC */
#define LAPIC_ECX	(1U << 21 | 1U << 24)
#define LAPIC_EDX	(1U << 9)

/*
 * Leaves of the host that would mislead a guest or that it must not see are zero for
 * all subleaves, and bits of leaf 7 depend on ECX, not RCX.
 */
TEST_F(cpuid, leaves_that_are_hidden)
{
	static const uint32_t leaves[] = {
		0xb, 0x1f, 0x40000001, 0x40000002, 0x400000ff, 0x8000000a, 0x8000001b,
		0x8000001d, 0x8000001e, 0x8000001f, 0x80000020, 0x80000022, 0x80000026, 0xc0000000,
	};
	struct test_vm *vm = &self->vm;
	struct answer a;

	start(vm, 3);
	for (unsigned int i = 0; i < ARRAY_SIZE(leaves); i++)
		for (uint32_t subleaf = 0; subleaf < 4; subleaf++) {
			a = ask(vm, leaves[i], subleaf);
			EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx)
				TH_LOG("leaf %#x.%u", leaves[i], subleaf);
		}
	a = ask(vm, 7, 0);
	EXPECT_EQ(0U, a.ecx & (1 << 5 | 1 << 16));	/* WAITPKG, LA57 */
	/* A leaf without subleaves returns the same for all. */
	EXPECT_EQ(ask(vm, 1, 0).eax, ask(vm, 1, 0x77).eax);
	/* The frequency is the host's, or a made-up one. */
	EXPECT_NE(0U, ask(vm, 0x16, 0).eax);
	EXPECT_EQ(0x16U, ask(vm, 0, 0).eax);
	EXPECT_EQ(0x40000001U, ask(vm, 0x40000000, 0).eax);
}

/* The guest sees the table, except for what depends on the vCPU. */
TEST_F(cpuid, table_is_the_truth)
{
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, get_table(vm, &self->arg));
	ASSERT_GT(MAX + 1U, self->arg.nr);
	ASSERT_LT(10U, self->arg.nr);
	start(vm, 0);
	for (unsigned int i = 0; i < self->arg.nr; i++) {
		const struct svmvcpu_cpuid_entry *e = &self->table[i];
		struct answer a = ask(vm, e->leaf, e->subleaf);

		/* There is no local APIC. */
		if (e->leaf == 0xb) {
			EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx);
			continue;
		}
		EXPECT_EQ(e->leaf == 6 ? 0 : e->eax, a.eax)
			TH_LOG("leaf %#x.%u", e->leaf, e->subleaf);
		if (e->leaf != 1 && e->leaf != 0xd)
			EXPECT_EQ(e->ebx, a.ebx);
		EXPECT_EQ(e->ecx & ~(e->leaf == 1 ? 1U << 27 | LAPIC_ECX : 0), a.ecx);
		EXPECT_EQ(e->edx & ~(e->leaf == 1 || e->leaf == 0x80000001 ? LAPIC_EDX : 0), a.edx);
	}
}

TEST_F(cpuid, osxsave_mirrors_cr4)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	start(vm, 0);
	if (!vm->info.xcr0_guest)
		SKIP(return, "no XSAVE");
	for (int on = 0; on < 4; on++) {
		idt_get(vm, &state);
		state.control.cr4 &= ~CR4_OSXSAVE;
		state.control.cr4 |= on & 1 ? CR4_OSXSAVE : 0;
		idt_set(vm, &state, SVMVCPU_STATE_CONTROL);
		EXPECT_EQ((uint32_t)(on & 1), ask(vm, 1, 0).ecx >> 27 & 1);
		EXPECT_EQ(1U, ask(vm, 1, 0).ecx >> 26 & 1);
	}
}

TEST_F(cpuid, xsave_size_follows_xcr0)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	start(vm, 0);
	if (vm->info.xcr0_guest != 7)
		SKIP(return, "no AVX");
	for (unsigned int xcr0 = 1; xcr0 <= 7; xcr0++) {
		if (!(xcr0 & 1) || (xcr0 & 6) == 4)
			continue;
		vm_get_state(vm, &state);
		state.xcr0 = xcr0;
		idt_set(vm, &state, SVMVCPU_STATE_XSTATE);
		EXPECT_EQ(xcr0 & 4 ? 832U : 576U, ask(vm, 0xd, 0).ebx);
		EXPECT_EQ(832U, ask(vm, 0xd, 0).ecx);
		EXPECT_EQ(7U, ask(vm, 0xd, 0).eax);
	}
	/* AVX: size and offset; the guest does not see the next component. */
	EXPECT_EQ(256U, ask(vm, 0xd, 2).eax);
	EXPECT_EQ(576U, ask(vm, 0xd, 2).ebx);
	EXPECT_EQ(0U, ask(vm, 0xd, 9).eax);
	EXPECT_EQ(0U, ask(vm, 0xd, 1).eax & ~7U);
}

GUEST64(widen, "mov %cr4, %rax\n or $0x40000, %eax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $3, %eax\n xsetbv\n"
	"mov $0xd, %eax\n cpuid\n mov %ebx, %esi\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $7, %eax\n xsetbv\n"
	"mov $0xd, %eax\n cpuid\n mov %ebx, %edi\n"
	"mov $0xd, %eax\n mov $1, %ecx\n cpuid\n hlt");

/*
 * The guest changes XCR0, without an exit where it is not intercepted, and executes
 * CPUID at once.
 */
TEST_F(cpuid, xsave_size_follows_xsetbv)
{
	struct test_vm *vm = &self->vm;

	vm_add_vcpu(vm, 0);
	load_guest(vm, widen);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	if (vm->info.xcr0_guest != 7)
		SKIP(return, "no AVX");
	ASSERT_EQ(0, vm_run(vm));
	ASSERT_EQ(SVMVCPU_EXIT_HALT, vm->run->reason);
	EXPECT_EQ(576U, vm->run->gprs.rsi);
	EXPECT_EQ(832U, vm->run->gprs.rdi);
	EXPECT_EQ(832U, vm->run->gprs.rbx);
}

/* The device has the table with which a VM starts, whatever tables VMs have. */
TEST_F(cpuid, of_the_device)
{
	struct svmvcpu_cpuid_entry table[MAX];
	struct svmvcpu_cpuid arg = {
		.size = sizeof(arg), .nr = MAX, .entries = (uintptr_t)table,
	};
	struct test_vm *vm = &self->vm;

	ASSERT_EQ(0, get_table(vm, &self->arg));
	for (int round = 0; round < 2; round++) {
		arg.nr = 0;
		EXPECT_EQ(E2BIG, ioctl_errno(vm->dev, SVMVCPU_GET_DEVICE_CPUID, &arg));
		EXPECT_EQ(self->arg.nr, arg.nr);
		memset(table, 0x5a, sizeof(table));
		ASSERT_EQ(0, ioctl_errno(vm->dev, SVMVCPU_GET_DEVICE_CPUID, &arg));
		EXPECT_EQ(0, memcmp(table, self->table, arg.nr * sizeof(table[0])));
		EXPECT_EQ(0x5a5a5a5aU, table[arg.nr].leaf);
		ASSERT_EQ(0, set_table(vm, &(struct svmvcpu_cpuid){
				.size = sizeof(arg), .entries = (uintptr_t)table }, 1));
	}
	arg.entries = 8;
	EXPECT_EQ(EFAULT, ioctl_errno(vm->dev, SVMVCPU_GET_DEVICE_CPUID, &arg));
}

TEST_F(cpuid, no_room)
{
	struct svmvcpu_cpuid_entry none = { .mbz = 0x77 };
	unsigned int nr;

	ASSERT_EQ(0, get_table(&self->vm, &self->arg));
	nr = self->arg.nr;
	for (unsigned int room = 0; room < nr; room++) {
		self->table[0] = none;
		self->arg.nr = room;
		EXPECT_EQ(E2BIG, get_table(&self->vm, &self->arg));
		EXPECT_EQ(nr, self->arg.nr);
		EXPECT_EQ(0, memcmp(&none, &self->table[0], sizeof(none)));
	}
	memset(&self->table[nr], 0x5a, sizeof(none));
	self->arg.nr = nr;
	EXPECT_EQ(0, get_table(&self->vm, &self->arg));
	EXPECT_EQ(0x5a5a5a5aU, self->table[nr].leaf);
	self->arg.entries = 8;
	EXPECT_EQ(EFAULT, get_table(&self->vm, &self->arg));
}

/* What LONG64 needs: leaf 1 EDX: PAE, FXSR, SSE; leaf 80000001 EDX */
#define LONG64_EDX	(1U << 6 | 1U << 24 | 1U << 25)
#define LONG_MODE	(1U << 29)

TEST_F(cpuid, own_table)
{
	static const struct svmvcpu_cpuid_entry own[] = {
		{ .leaf = 0, .eax = 1, .ebx = 2, .ecx = 3, .edx = 4 },
		{ .leaf = 1, .eax = 0x00abcdef, .ebx = 0xffffffff, .ecx = 0xffffffff,
		  .edx = LONG64_EDX },
		{ .leaf = 7, .subleaf = 3, .flags = SVMVCPU_CPUID_SUBLEAF, .eax = 0x73 },
		{ .leaf = 7, .subleaf = ~0U, .flags = SVMVCPU_CPUID_SUBLEAF, .eax = 0x7f },
		{ .leaf = 0x12345678, .ecx = 0x77 },
		{ .leaf = 0x80000001, .edx = LONG_MODE },
		{ .leaf = ~0U, .edx = ~0U },
	};
	struct test_vm *vm = &self->vm;
	struct answer a;

	memcpy(self->table, own, sizeof(own));
	ASSERT_EQ(0, set_table(vm, &self->arg, ARRAY_SIZE(own)));
	memset(self->table, 0, sizeof(self->table));
	self->arg.nr = MAX;
	ASSERT_EQ(0, get_table(vm, &self->arg));
	EXPECT_EQ(ARRAY_SIZE(own), self->arg.nr);
	EXPECT_EQ(0, memcmp(own, self->table, sizeof(own)));

	start(vm, 9);
	a = ask(vm, 0, 0x1234);
	EXPECT_EQ(0, memcmp(&a, &own[0].eax, sizeof(a)));
	EXPECT_EQ(0x09ffffffU, ask(vm, 1, 0).ebx);
	/* without OSXSAVE and a local APIC */
	EXPECT_EQ(0xf7ffffffU & ~LAPIC_ECX, ask(vm, 1, 0).ecx);
	EXPECT_EQ(0x73U, ask(vm, 7, 3).eax);
	EXPECT_EQ(0x7fU, ask(vm, 7, ~0U).eax);
	EXPECT_EQ(0U, ask(vm, 7, 0).eax);
	EXPECT_EQ(~0U, ask(vm, ~0U, 0).edx);
	EXPECT_EQ(0x77U, ask(vm, 0x12345678, 9).ecx);
	EXPECT_EQ(0U, ask(vm, 0x12345679, 0).ecx);
	EXPECT_EQ(0U, ask(vm, 0x92345678, 0).ecx);
	a = ask(vm, 0x40000000, 0);
	EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx);
	/* RESET leaves the signature in EDX. */
	vm_setup(vm, SVMVCPU_PRESET_RESET);
	EXPECT_EQ(0x00abcdefULL, vm->run->gprs.rdx);
}

/* A table can be replaced until the first vCPU is created. */
TEST_F(cpuid, until_the_first_vcpu)
{
	struct test_vm *vm = &self->vm;

	self->table[0] = (struct svmvcpu_cpuid_entry){ .leaf = 1, .eax = 1, .edx = LONG64_EDX };
	self->table[1] = (struct svmvcpu_cpuid_entry){ .leaf = 0x80000001, .edx = LONG_MODE };
	EXPECT_EQ(0, set_table(vm, &self->arg, 2));
	self->table[0].eax = 2;
	EXPECT_EQ(0, set_table(vm, &self->arg, 2));
	start(vm, 0);
	self->table[0].eax = 3;
	EXPECT_EQ(EBUSY, set_table(vm, &self->arg, 2));
	EXPECT_EQ(2U, ask(vm, 1, 0).eax);
	svmvcpu_vcpu_close(&vm->vcpu);
	EXPECT_EQ(EBUSY, set_table(vm, &self->arg, 2));
	self->arg.nr = MAX;
	ASSERT_EQ(0, get_table(vm, &self->arg));
	EXPECT_EQ(2U, self->table[0].eax);
}

TEST_F(cpuid, refused)
{
	static const struct svmvcpu_cpuid_entry bad[][2] = {
		{ { .leaf = 1, .mbz = 1 }, { .leaf = 2 } },
		{ { .leaf = 1 }, { .leaf = 2, .mbz = 1U << 31 } },
		{ { .leaf = 1, .flags = 2 }, { .leaf = 2 } },
		{ { .leaf = 1 }, { .leaf = 2, .flags = 1U << 31 } },
		{ { .leaf = 1, .subleaf = 1 }, { .leaf = 2 } },
		{ { .leaf = 1 }, { .leaf = 1 } },
		{ { .leaf = 1, .flags = 1 }, { .leaf = 1 } },
		{ { .leaf = 1 }, { .leaf = 1, .flags = 1, .subleaf = 4 } },
		{ { .leaf = 1, .flags = 1, .subleaf = 4 },
		  { .leaf = 1, .flags = 1, .subleaf = 4, .eax = 1 } },
	};
	struct test_vm *vm = &self->vm;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		memcpy(self->table, bad[i], sizeof(bad[i]));
		EXPECT_EQ(EINVAL, set_table(vm, &self->arg, 2))
			TH_LOG("case %u", i);
	}
	for (unsigned int i = 0; i <= MAX; i++)
		self->table[i] = (struct svmvcpu_cpuid_entry){ .leaf = i };
	EXPECT_EQ(EINVAL, set_table(vm, &self->arg, 0));
	EXPECT_EQ(EINVAL, set_table(vm, &self->arg, MAX + 1));
	EXPECT_EQ(EINVAL, set_table(vm, &self->arg, ~0U));
	self->arg.entries = 8;
	EXPECT_EQ(EFAULT, set_table(vm, &self->arg, 1));
	self->arg.entries = (uintptr_t)self->table;
	/* All of these were refused; a full table is accepted. */
	self->arg.nr = MAX;
	EXPECT_EQ(0, get_table(vm, &self->arg));
	EXPECT_LT(10U, self->arg.nr);
	EXPECT_GT((unsigned int)MAX, self->arg.nr);
	for (unsigned int i = 0; i <= MAX; i++)
		self->table[i] = (struct svmvcpu_cpuid_entry){ .leaf = i };
	EXPECT_EQ(0, set_table(vm, &self->arg, MAX));
	EXPECT_EQ(0, get_table(vm, &self->arg));
	EXPECT_EQ((unsigned int)MAX, self->arg.nr);
}

TEST_HARNESS_MAIN
