// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID per vCPU: IDs that differ for each vCPU, SET_VCPU_CPUID and GET_VCPU_CPUID, and
 * when a table can be set.
 */
#include "guest_apic.h"
#include "guest_cpuid.h"
#include "snap.h"

#define TOPOLOGY_LEAVES	3

static const __u32 topology[TOPOLOGY_LEAVES] = { 0xb, 0x1f, 0x80000026 };

FIXTURE(vcpu_cpuid) {
	struct test_vm vm;	/* its vCPU has ID 0 */
	struct test_vm other;	/* a vCPU of the same VM, with ID 5 */
	struct cpuid_table table;
};

static void add_vcpu(struct test_vm *vm, unsigned int id, __u32 flags)
{
	if (svmvcpu_vcpu_create_flags(vm->vm, id, flags, &vm->info, &vm->vcpu))
		vm_die("CREATE_VCPU");
	vm->run = vm->vcpu.run;
}

FIXTURE_SETUP(vcpu_cpuid)
{
	vm_open_empty(&self->vm);
	self->other = self->vm;
	self->table.nr = CPUID_MAX;
	if (svmvcpu_vm_get_cpuid(self->vm.vm, self->table.entry, &self->table.nr))
		vm_die("GET_CPUID");
}

FIXTURE_TEARDOWN(vcpu_cpuid)
{
	svmvcpu_vcpu_close(&self->other.vcpu);
	vm_close(&self->vm);
}

static void add_both(struct test_vm *vm, struct test_vm *other, __u32 flags)
{
	add_vcpu(vm, 0, flags);
	add_vcpu(other, 5, flags);
}

static struct svmvcpu_cpuid_entry ask(struct test_vm *vm, __u32 leaf, __u32 subleaf)
{
	struct svmvcpu_gprs *gprs;

	idt_setup(vm, IDT_PROT32);
	gprs = apic_start(vm, CODE("\x0f\xa2"));
	gprs->rax = leaf;
	gprs->rcx = subleaf;
	if (apic_run(vm) != FINISHED)
		vm_die("CPUID");
	gprs = &vm->run->gprs;
	return (struct svmvcpu_cpuid_entry){
		.eax = gprs->rax, .ebx = gprs->rbx, .ecx = gprs->rcx, .edx = gprs->rdx,
	};
}

/* One thread per core, all cores in one package, the rest invalid, as on hardware */
TEST_F(vcpu_cpuid, default_topology)
{
	struct test_vm *vms[] = { &self->vm, &self->other };
	static const __u32 ids[] = { 0, 5 };
	struct svmvcpu_cpuid_entry a;

	add_both(&self->vm, &self->other, SVMVCPU_VCPU_LAPIC);
	for (unsigned int i = 0; i < ARRAY_SIZE(vms); i++) {
		EXPECT_EQ(ids[i], ask(vms[i], 1, 0).ebx >> 24);
		a = ask(vms[i], 0xb, 0);
		EXPECT_EQ(0U, a.eax);
		EXPECT_EQ(1U, a.ebx);
		EXPECT_EQ(0x100U, a.ecx);
		EXPECT_EQ(ids[i], a.edx);
		a = ask(vms[i], 0xb, 1);
		EXPECT_LE(self->vm.info.max_vcpus, 1U << a.eax);
		EXPECT_EQ(0x201U, a.ecx);
		EXPECT_EQ(ids[i], a.edx);
		a = ask(vms[i], 0xb, 0x1234);
		EXPECT_EQ(0U, a.eax | a.ebx);
		EXPECT_EQ(0x34U, a.ecx);
		EXPECT_EQ(ids[i], a.edx);
	}
}

/* CPUID has the ID that a guest in x2APIC mode reads from the register. */
TEST_F(vcpu_cpuid, id_is_the_register)
{
	struct test_vm *vm = &self->other;

	add_vcpu(vm, 5, SVMVCPU_VCPU_LAPIC);
	EXPECT_EQ(5U, ask(vm, 0xb, 0).edx);
	apic_enable_x2(vm);
	EXPECT_EQ(5U, x2_read(vm, APIC_ID));
}

static struct svmvcpu_cpuid_entry *add_entry(struct cpuid_table *table, __u32 leaf, __u32 flags)
{
	struct svmvcpu_cpuid_entry *entry = &table->entry[table->nr++];

	*entry = (struct svmvcpu_cpuid_entry){
		.leaf = leaf, .flags = flags,
		.eax = 0x11111111, .ebx = 0x22222222, .ecx = 0x33333333, .edx = 0x44444444,
	};
	return entry;
}

/* A table that is copied from a host and set for all vCPUs gets the ID of each. */
TEST_F(vcpu_cpuid, table_of_the_vm)
{
	struct test_vm *vms[] = { &self->vm, &self->other };
	static const __u32 ids[] = { 0, 5 };
	struct svmvcpu_cpuid_entry a;

	add_entry(&self->table, 0x1f, SVMVCPU_CPUID_SUBLEAF);
	add_entry(&self->table, 0x8000001e, 0);
	add_entry(&self->table, 0x80000026, SVMVCPU_CPUID_SUBLEAF);
	ASSERT_EQ(0, svmvcpu_vm_set_cpuid(self->vm.vm, self->table.entry, self->table.nr));
	add_both(&self->vm, &self->other, SVMVCPU_VCPU_LAPIC);
	for (unsigned int i = 0; i < ARRAY_SIZE(vms); i++) {
		for (unsigned int t = 1; t < TOPOLOGY_LEAVES; t++) {
			a = ask(vms[i], topology[t], 0);
			EXPECT_EQ(0x11111111U, a.eax);
			EXPECT_EQ(0x33333333U, a.ecx);
			EXPECT_EQ(ids[i], a.edx);
			a = ask(vms[i], topology[t], 2);
			EXPECT_EQ(0U, a.eax);
			EXPECT_EQ(2U, a.ecx);
			EXPECT_EQ(ids[i], a.edx);
		}
		a = ask(vms[i], 0x8000001e, 7);
		EXPECT_EQ(ids[i], a.eax);
		EXPECT_EQ(0x22222222U, a.ebx);
	}
}

/* A vCPU without a local APIC shows none of its features. */
TEST_F(vcpu_cpuid, table_of_the_vm_without_apic)
{
	struct svmvcpu_cpuid_entry a;

	add_entry(&self->table, 0x1f, SVMVCPU_CPUID_SUBLEAF);
	add_entry(&self->table, 0x8000001e, 0);
	add_entry(&self->table, 0x80000026, SVMVCPU_CPUID_SUBLEAF);
	ASSERT_EQ(0, svmvcpu_vm_set_cpuid(self->vm.vm, self->table.entry, self->table.nr));
	add_vcpu(&self->other, 5, 0);
	for (unsigned int t = 0; t < TOPOLOGY_LEAVES; t++) {
		a = ask(&self->other, topology[t], 0);
		EXPECT_EQ(0U, a.eax | a.ebx | a.ecx | a.edx);
	}
	EXPECT_EQ(0U, ask(&self->other, 0x8000001e, 0).eax);
}

/* A vCPU's own table replaces all of the VM's; other vCPUs keep theirs. */
TEST_F(vcpu_cpuid, own_table)
{
	struct cpuid_table seen;

	add_both(&self->vm, &self->other, SVMVCPU_VCPU_LAPIC);
	add_entry(&self->table, 0x30, 0);
	*cpuid_reg(&self->table, 1, ECX) &= ~(1U << 21);
	ASSERT_EQ(0, svmvcpu_vcpu_set_cpuid(&self->other.vcpu, self->table.entry, self->table.nr));
	cpuid_get(&self->other, &seen);
	EXPECT_EQ(self->table.nr, seen.nr);
	EXPECT_NE(NULL, svmvcpu_cpuid_find(seen.entry, seen.nr, 0x30, 0));
	cpuid_get(&self->vm, &seen);
	EXPECT_EQ(self->table.nr - 1, seen.nr);

	EXPECT_EQ(0x11111111U, ask(&self->other, 0x30, 0).eax);
	EXPECT_EQ(0U, ask(&self->vm, 0x30, 0).eax);
	/* The IDs are still those of its local APIC. */
	EXPECT_EQ(5U, ask(&self->other, 1, 0).ebx >> 24);
	EXPECT_EQ(5U, ask(&self->other, 0xb, 0).edx);
	/* So are its features. */
	EXPECT_EQ(VEC_GP, apic_wrmsr(&self->other, MSR_APIC_BASE, BASE_X2APIC & ~BASE_BSP));
	ask(&self->vm, 0, 0);
	EXPECT_EQ(FINISHED, apic_wrmsr(&self->vm, MSR_APIC_BASE, BASE_X2APIC));
}

/* A VMM that emulates an APIC shows it, with the IDs of its choice. */
TEST_F(vcpu_cpuid, own_table_as_it_is)
{
	struct test_vm *vm = &self->other;

	add_vcpu(vm, 5, 0);
	*cpuid_reg(&self->table, 1, EBX) = 0x2a000800;
	add_entry(&self->table, 0x1f, SVMVCPU_CPUID_SUBLEAF);
	add_entry(&self->table, 0x8000001e, 0);
	cpuid_set(vm, &self->table);
	EXPECT_EQ(0x2a000800U, ask(vm, 1, 0).ebx);
	EXPECT_EQ(1U << 9, ask(vm, 1, 0).edx & 1 << 9);
	EXPECT_EQ(1U << 21, ask(vm, 1, 0).ecx & 1 << 21);
	EXPECT_EQ(1U << 2, ask(vm, 6, 0).eax & 1 << 2);
	EXPECT_EQ(0x44444444U, ask(vm, 0x1f, 0).edx);
	EXPECT_EQ(0U, ask(vm, 0x1f, 1).edx);
	EXPECT_EQ(0x11111111U, ask(vm, 0x8000001e, 0).eax);
	/* OSXSAVE follows CR4, where it is clear. */
	EXPECT_EQ(0U, ask(vm, 1, 0).ecx & 1 << 27);
}

static int set_own(struct test_vm *vm, const struct cpuid_table *table)
{
	return -svmvcpu_vcpu_set_cpuid(&vm->vcpu, table->entry, table->nr);
}

/* State may be set first and the table later, in any number of steps. */
TEST_F(vcpu_cpuid, keeps_the_state)
{
	struct svmvcpu_state before, after;
	struct test_vm *vm = &self->vm;

	add_vcpu(vm, 0, SVMVCPU_VCPU_LAPIC);
	idt_setup(vm, IDT_LONG64);
	idt_get(vm, &before);
	before.gprs.rdx = 0x1234;
	before.lapic.base = BASE_X2APIC;
	before.lapic.regs[APIC_ID / 16] = 0;
	before.lapic.regs[APIC_SVR / 16] = 0x1ff;
	before.events.nmis = 1;
	before.xcr0 = vm->info.xcr0_guest ? vm->info.xcr0_guest : 1;
	idt_set(vm, &before, vm->info.components);
	*cpuid_reg(&self->table, 1, EAX) = 0x00abcdef;
	for (int round = 0; round < 2; round++) {
		cpuid_set(vm, &self->table);
		idt_get(vm, &after);
		EXPECT_EQ(0, memcmp(&before.gprs, &after.gprs, sizeof(before.gprs)));
		EXPECT_EQ(0, memcmp(&before.segments, &after.segments, sizeof(before.segments)));
		EXPECT_EQ(0, memcmp(&before.control, &after.control, sizeof(before.control)));
		EXPECT_EQ(0, memcmp(&before.events, &after.events, sizeof(before.events)));
		EXPECT_EQ(before.xcr0, after.xcr0);
		EXPECT_EQ((__u64)BASE_X2APIC, after.lapic.base);
		EXPECT_EQ(0x1ffU, after.lapic.regs[APIC_SVR / 16]);
	}
	EXPECT_EQ(0x00abcdefU, ask(vm, 1, 0).eax);
	/* RESET puts the new signature in EDX. */
	vm_setup(vm, SVMVCPU_PRESET_RESET);
	EXPECT_EQ(0x00abcdefULL, vm->run->gprs.rdx);
}

/* A bit of CPUID, and a state that needs it */
static const struct needs {
	const char *name;
	__u32 leaf;
	enum cpuid_reg reg;
	__u8 bit;
	__u64 component;
	size_t member;
	__u64 value;
} needs[] = {
#define STATE(member)	offsetof(struct svmvcpu_state, member)
	{ "DE", 1, EDX, 2, SVMVCPU_STATE_CONTROL, STATE(control.cr4), 1 << 3 },
	{ "SYSCALL", 0x80000001, EDX, 11, SVMVCPU_STATE_CONTROL, STATE(control.efer), 1 },
	{ "PAT", 1, EDX, 16, SVMVCPU_STATE_MSRS, STATE(msrs.pat), 0 },
	{ "XSAVE", 1, ECX, 26, SVMVCPU_STATE_XSTATE, STATE(xcr0), 3 },
	{ "x2APIC", 1, ECX, 21, SVMVCPU_STATE_LAPIC, STATE(lapic.base), BASE_X2APIC },
	{ "TSC-deadline", 1, ECX, 24, SVMVCPU_STATE_LAPIC,
	  STATE(lapic.regs) + APIC_LVT_TIMER / 4, TIMER_DEADLINE | LVT_MASKED },
#undef STATE
};

static void put_needed(struct test_vm *vm, const struct needs *need)
{
	struct svmvcpu_state state;

	idt_get(vm, &state);
	if (need->component == SVMVCPU_STATE_LAPIC)
		*(__u32 *)((char *)&state + need->member) = need->value;
	else
		*(__u64 *)((char *)&state + need->member) = need->value;
	idt_set(vm, &state, need->component);
}

/* A table cannot hide what the state uses. It can once the state does not. */
TEST_F(vcpu_cpuid, state_needs_the_feature)
{
	struct test_vm *vm = &self->vm;
	struct cpuid_table seen;

	for (unsigned int i = 0; i < ARRAY_SIZE(needs); i++) {
		__u32 *reg = cpuid_reg(&self->table, needs[i].leaf, needs[i].reg);
		__u32 bit = 1U << needs[i].bit;

		if (!(*reg & bit))
			continue;
		add_vcpu(vm, 0, SVMVCPU_VCPU_LAPIC);
		put_needed(vm, &needs[i]);
		*reg &= ~bit;
		EXPECT_EQ(EOPNOTSUPP, set_own(vm, &self->table)) TH_LOG("%s", needs[i].name);
		cpuid_get(vm, &seen);
		EXPECT_EQ(bit, *cpuid_reg(&seen, needs[i].leaf, needs[i].reg) & bit);
		vm_setup(vm, SVMVCPU_PRESET_RESET);
		EXPECT_EQ(0, set_own(vm, &self->table)) TH_LOG("%s", needs[i].name);
		*reg |= bit;
		EXPECT_EQ(0, set_own(vm, &self->table));
		svmvcpu_vcpu_close(&vm->vcpu);
	}
}

/* A local APIC that a table hides, or shows again, is reset. Everything else stays. */
TEST_F(vcpu_cpuid, hides_the_local_apic)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state state;

	add_vcpu(vm, 0, SVMVCPU_VCPU_LAPIC);
	idt_setup(vm, IDT_PROT32);
	idt_get(vm, &state);
	state.lapic.base = BASE_X2APIC;
	state.lapic.regs[APIC_SVR / 16] = 0x1ff;
	idt_set(vm, &state, SVMVCPU_STATE_LAPIC);
	*cpuid_reg(&self->table, 1, EDX) &= ~(1U << 9);
	cpuid_set(vm, &self->table);
	idt_get(vm, &state);
	EXPECT_EQ(0xfee00100ULL, state.lapic.base);
	EXPECT_EQ(0xffU, state.lapic.regs[APIC_SVR / 16]);
	EXPECT_EQ(TEST_CODE, state.gprs.rip);
	*cpuid_reg(&self->table, 1, EDX) |= 1U << 9;
	cpuid_set(vm, &self->table);
	idt_get(vm, &state);
	EXPECT_EQ((__u64)BASE_XAPIC, state.lapic.base);
	EXPECT_EQ(TEST_CODE, state.gprs.rip);
	EXPECT_EQ(1U << 9, ask(vm, 1, 0).edx & 1 << 9);
}

/* As often as one likes, until the guest has executed an instruction; then never again */
TEST_F(vcpu_cpuid, until_the_guest_runs)
{
	struct test_vm *vm = &self->vm;

	add_both(vm, &self->other, 0);
	EXPECT_EQ(0, set_own(vm, &self->table));
	EXPECT_EQ(0, set_own(vm, &self->table));
	/* A RUN that does not enter the guest does not count. */
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	RUN_EXPECT(vm, INTERRUPTED);
	EXPECT_EQ(0, set_own(vm, &self->table));
	ask(vm, 0, 0);
	EXPECT_EQ(EBUSY, set_own(vm, &self->table));
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(EBUSY, set_own(vm, &self->table));
	/* Each vCPU on its own */
	EXPECT_EQ(0, set_own(&self->other, &self->table));
}

/* RESTORE would bring back a state of the old table. */
TEST_F(vcpu_cpuid, not_with_a_snapshot)
{
	struct test_vm *vm = &self->vm;

	add_vcpu(vm, 0, 0);
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	EXPECT_EQ(EBUSY, set_own(vm, &self->table));
	/* a vCPU created after the snapshot is not part of it */
	add_vcpu(&self->other, 5, 0);
	EXPECT_EQ(0, set_own(&self->other, &self->table));
	ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
	EXPECT_EQ(0, set_own(vm, &self->table));
}

/* A table that is refused changes nothing. */
TEST_F(vcpu_cpuid, refused)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_cpuid arg = { .size = sizeof(arg), .nr = 1, .entries = 8 };
	struct svmvcpu_cpuid_entry bad[2] = { { .leaf = 1 }, { .leaf = 1 } };
	struct cpuid_table seen;

	add_vcpu(vm, 0, 0);
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_VCPU_CPUID, &arg));
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_VCPU_CPUID, NULL));
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_set_cpuid(&vm->vcpu, bad, 2));
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_set_cpuid(&vm->vcpu, bad, 0));
	EXPECT_EQ(-EINVAL, svmvcpu_vcpu_set_cpuid(&vm->vcpu, bad, CPUID_MAX + 1));
	arg.nr = 0;
	EXPECT_EQ(E2BIG, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_VCPU_CPUID, &arg));
	EXPECT_EQ(self->table.nr, arg.nr);
	EXPECT_EQ(EFAULT, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_VCPU_CPUID, &arg));
	cpuid_get(vm, &seen);
	EXPECT_EQ(self->table.nr, seen.nr);
	EXPECT_EQ(0, memcmp(seen.entry, self->table.entry, seen.nr * sizeof(seen.entry[0])));
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
}

TEST_HARNESS_MAIN
