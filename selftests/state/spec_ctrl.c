// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPEC_CTRL, PRED_CMD and VIRT_SPEC_CTRL of a guest: their CPUID bits, each bit of the
 * registers, GET_STATE and SET_STATE, snapshots; and #GP where the host lacks them.
 * Emulators do not show their effect on the CPU: state_spec_ctrl.sh runs this program
 * with a module that offers them where they are ignored, and the kernel's tracepoint
 * tells which MSRs are written.
 */
#include "guest_apic.h"
#include "guest_cpuid.h"
#include "snap.h"
#include "tracefs.h"

#define MSR_SPEC_CTRL		0x48
#define MSR_PRED_CMD		0x49
#define MSR_VIRT_SPEC_CTRL	0xc001011f
#define MSR_LS_CFG		0xc0011020
#define SSBD			(1ULL << 2)
#define LS_CFG_SSBD		(1ULL << 10)	/* family 17h */
#define STATE_V1		832

/* 80000008 EBX */
#define BIT_IBPB		12
#define BIT_VIRT_SSBD		25

static const struct {
	const char *name;
	unsigned int cpuid;
	unsigned int msr;
} spec_bits[] = {
	{ "IBRS", 14, 0 }, { "STIBP", 15, 1 }, { "SSBD", 24, 2 }, { "PSFD", 28, 7 },
};

FIXTURE(spec_ctrl) {
	struct test_vm vm;
	struct svmvcpu_state state;
	uint64_t bits;		/* of SPEC_CTRL */
};

FIXTURE_SETUP(spec_ctrl)
{
	vm_open(&self->vm);
	for (unsigned int i = 0; i < ARRAY_SIZE(spec_bits); i++)
		if (cpuid_shows(&self->vm, 0x80000008, EBX, spec_bits[i].cpuid))
			self->bits |= 1ULL << spec_bits[i].msr;
	idt_setup(&self->vm, IDT_PROT32);
}

VM_TEARDOWN(spec_ctrl)

TEST_F(spec_ctrl, each_bit)
{
	struct test_vm *vm = &self->vm;
	uint64_t value;

	EXPECT_EQ(self->bits ? FINISHED : VEC_GP, apic_rdmsr(vm, MSR_SPEC_CTRL, &value));
	if (self->bits)
		EXPECT_EQ(0ULL, value);
	for (unsigned int bit = 0; bit < 64; bit++) {
		bool known = self->bits >> bit & 1;

		EXPECT_EQ(known ? FINISHED : VEC_GP,
			  apic_wrmsr(vm, MSR_SPEC_CTRL, 1ULL << bit)) {
			TH_LOG("bit %u", bit);
		}
		if (!known)
			continue;
		ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_SPEC_CTRL, &value));
		EXPECT_EQ(1ULL << bit, value);
		idt_get(vm, &self->state);
		EXPECT_EQ(1ULL << bit, self->state.spec_ctrl);
	}
	EXPECT_EQ(self->bits ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_SPEC_CTRL, self->bits));
	EXPECT_EQ(self->bits ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_SPEC_CTRL, 0));
}

/* A barrier cannot be read back; the guest continues after it. */
TEST_F(spec_ctrl, pred_cmd)
{
	struct test_vm *vm = &self->vm;
	bool there = cpuid_shows(vm, 0x80000008, EBX, BIT_IBPB);
	uint64_t value;

	EXPECT_EQ(VEC_GP, apic_rdmsr(vm, MSR_PRED_CMD, &value));
	for (unsigned int bit = 0; bit < 64; bit++) {
		EXPECT_EQ(there && !bit ? FINISHED : VEC_GP,
			  apic_wrmsr(vm, MSR_PRED_CMD, 1ULL << bit)) {
			TH_LOG("bit %u", bit);
		}
	}
	EXPECT_EQ(there ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_PRED_CMD, 0));
}

TEST_F(spec_ctrl, virt_spec_ctrl)
{
	struct test_vm *vm = &self->vm;
	bool there = cpuid_shows(vm, 0x80000008, EBX, BIT_VIRT_SSBD);
	uint64_t value;

	for (unsigned int bit = 0; bit < 64; bit++) {
		EXPECT_EQ(there && bit == 2 ? FINISHED : VEC_GP,
			  apic_wrmsr(vm, MSR_VIRT_SPEC_CTRL, 1ULL << bit)) {
			TH_LOG("bit %u", bit);
		}
	}
	EXPECT_EQ(there ? FINISHED : VEC_GP, apic_rdmsr(vm, MSR_VIRT_SPEC_CTRL, &value));
	if (!there)
		return;
	EXPECT_EQ(SSBD, value);
	idt_get(vm, &self->state);
	EXPECT_EQ(SSBD, self->state.virt_spec_ctrl);
	/* the other register does not change */
	EXPECT_EQ(0ULL, self->state.spec_ctrl);
}

static int put(struct test_vm *vm, struct svmvcpu_state *state)
{
	return -svmvcpu_vcpu_set_state(&vm->vcpu, SVMVCPU_STATE_MSRS, state);
}

/* SET_STATE accepts what the host has; it reads back, also in the guest; SETUP resets it. */
TEST_F(spec_ctrl, state)
{
	struct test_vm *vm = &self->vm;
	bool there = cpuid_shows(vm, 0x80000008, EBX, BIT_VIRT_SSBD);
	uint64_t value;

	idt_get(vm, &self->state);
	for (unsigned int bit = 0; bit < 64; bit++) {
		bool known = self->bits >> bit & 1;

		self->state.spec_ctrl = 1ULL << bit;
		EXPECT_EQ(known ? 0 : EINVAL, put(vm, &self->state));
		if (!known)
			continue;
		ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_SPEC_CTRL, &value));
		EXPECT_EQ(1ULL << bit, value);
		idt_get(vm, &self->state);
		EXPECT_EQ(1ULL << bit, self->state.spec_ctrl);
	}
	self->state.spec_ctrl = 0;
	self->state.virt_spec_ctrl = 1;
	EXPECT_EQ(EINVAL, put(vm, &self->state));
	self->state.virt_spec_ctrl = SSBD;
	EXPECT_EQ(there ? 0 : EINVAL, put(vm, &self->state));
	idt_get(vm, &self->state);
	EXPECT_EQ(there ? SSBD : 0, self->state.virt_spec_ctrl);
	idt_setup(vm, IDT_PROT32);
	idt_get(vm, &self->state);
	EXPECT_EQ(0ULL, self->state.spec_ctrl | self->state.virt_spec_ctrl);
}

/* A caller of the first version neither sees the new members nor changes them. */
TEST_F(spec_ctrl, first_version_of_the_state)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state *state = &self->state;

	if (self->bits)
		ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_SPEC_CTRL, self->bits));
	memset(state, 0x5a, sizeof(*state));
	state->size = STATE_V1;
	state->flags = 0;
	state->components = SVMVCPU_STATE_MSRS;
	ASSERT_EQ(0, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_STATE, state));
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, state->spec_ctrl);
	state->size = STATE_V1;
	ASSERT_EQ(0, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, state));
	idt_get(vm, state);
	EXPECT_EQ(self->bits, state->spec_ctrl);
	/* Shorter sizes, and sizes that have only a part of the new members, are refused. */
	for (unsigned int size = STATE_V1 - 1; size < sizeof(*state); size++) {
		if (size == STATE_V1)
			continue;
		state->size = size;
		state->spec_ctrl = 0;
		EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_GET_STATE, state)) {
			TH_LOG("size %u", size);
		}
		EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, state)) {
			TH_LOG("size %u", size);
		}
	}
	idt_get(vm, state);
	EXPECT_EQ(self->bits, state->spec_ctrl);
}

TEST_F(spec_ctrl, snapshot)
{
	struct test_vm *vm = &self->vm;
	uint64_t value;

	if (!self->bits)
		SKIP(return, "the host has no SPEC_CTRL");
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_SPEC_CTRL, self->bits));
	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	ASSERT_EQ(FINISHED, apic_wrmsr(vm, MSR_SPEC_CTRL, 0));
	ASSERT_EQ(0, svmvcpu_vm_restore(vm->vm, NULL));
	ASSERT_EQ(FINISHED, apic_rdmsr(vm, MSR_SPEC_CTRL, &value));
	EXPECT_EQ(self->bits, value);
}

/* CPUID hides one bit after the other, then the registers. */
TEST_F(spec_ctrl, hidden)
{
	struct test_vm *vm = &self->vm;
	uint64_t left = self->bits, value;

	if (!self->bits)
		SKIP(return, "the host has no SPEC_CTRL");
	for (unsigned int i = 0; i < ARRAY_SIZE(spec_bits); i++) {
		uint64_t bit = 1ULL << spec_bits[i].msr;

		if (!(left & bit))
			continue;
		left &= ~bit;
		svmvcpu_vcpu_close(&vm->vcpu);
		vm_add_vcpu(vm, 0);
		for (unsigned int j = 0; j <= i; j++)
			if (cpuid_shows(vm, 0x80000008, EBX, spec_bits[j].cpuid))
				cpuid_flip(vm, 0x80000008, EBX, spec_bits[j].cpuid);
		idt_setup(vm, IDT_PROT32);
		idt_get(vm, &self->state);
		self->state.spec_ctrl = bit;
		EXPECT_EQ(EOPNOTSUPP, put(vm, &self->state)) {
			TH_LOG("%s", spec_bits[i].name);
		}
		EXPECT_EQ(VEC_GP, apic_wrmsr(vm, MSR_SPEC_CTRL, bit)) {
			TH_LOG("%s", spec_bits[i].name);
		}
		EXPECT_EQ(left ? FINISHED : VEC_GP, apic_wrmsr(vm, MSR_SPEC_CTRL, left));
		EXPECT_EQ(left ? FINISHED : VEC_GP, apic_rdmsr(vm, MSR_SPEC_CTRL, &value));
	}
	svmvcpu_vcpu_close(&vm->vcpu);
	vm_add_vcpu(vm, 0);
	cpuid_flip(vm, 0x80000008, EBX, BIT_IBPB);
	cpuid_flip(vm, 0x80000008, EBX, BIT_VIRT_SSBD);
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(VEC_GP, apic_wrmsr(vm, MSR_PRED_CMD, 1));
	EXPECT_EQ(VEC_GP, apic_wrmsr(vm, MSR_VIRT_SPEC_CTRL, SSBD));
}

/* --- what the CPU gets --------------------------------------------------- */

#define EVENT		TRACEFS "events/msr/write_msr/"

FIXTURE(writes) {
	struct test_vm vm;
	char text[1 << 16];
};

/* Pinned: on another CPU, the vCPU would need a barrier. */
FIXTURE_SETUP(writes)
{
	vm_open(&self->vm);
	idt_setup(&self->vm, IDT_PROT32);
	if (pin_to_cpu(0))
		vm_die("sched_setaffinity");
}

VM_TEARDOWN(writes)

/* Guests have the MSRs, but the emulator ignores them. */
static bool pretended(void)
{
	char answer = 0;
	int fd = open("/sys/module/svmvcpu/parameters/pretend_spec_ctrl", O_RDONLY);

	if (fd >= 0) {
		if (read(fd, &answer, 1) != 1)
			answer = 0;
		close(fd);
	}
	return answer == 'Y';
}

static void trace_msr(uint32_t msr)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "msr == %u && common_pid == %d", msr, gettid());
	put_file(EVENT "filter", filter);
	put_file(TRACEFS "tracing_on", "1");
	put_file(TRACEFS "trace", "\n");
	put_file(EVENT "enable", "1");
}

/* How often @value was written to the MSR, and the last value */
static unsigned int trace_count(char *text, size_t size, uint64_t value, uint64_t *last)
{
	unsigned int count = 0;
	const char *at = text;

	put_file(EVENT "enable", "0");
	put_file(EVENT "filter", "0");
	read_trace(text, size);
	*last = ~0ULL;
	while ((at = strstr(at, ", value "))) {
		at += strlen(", value ");
		*last = strtoull(at, NULL, 16);
		count += *last == value;
	}
	return count;
}

/* The guest runs with its bits; afterwards the host's value is restored. */
TEST_F(writes, spec_ctrl)
{
	struct test_vm *vm = &self->vm;
	uint64_t last;

	if (!pretended())
		SKIP(return, "no module that pretends");
	for (unsigned int i = 0; i < ARRAY_SIZE(spec_bits); i++) {
		trace_msr(MSR_SPEC_CTRL);
		EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_SPEC_CTRL, 1ULL << spec_bits[i].msr));
		EXPECT_LE(1U, trace_count(self->text, sizeof(self->text),
					  1ULL << spec_bits[i].msr, &last)) {
			TH_LOG("%s", spec_bits[i].name);
		}
		EXPECT_EQ(0ULL, last);
	}
	/* No bits set: the MSR is not written. */
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_SPEC_CTRL, 0));
	trace_msr(MSR_SPEC_CTRL);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_SPEC_CTRL, 0));
	trace_count(self->text, sizeof(self->text), 0, &last);
	EXPECT_EQ(~0ULL, last);
}

/* The EPYC of the test machine has SSBD in LS_CFG. */
TEST_F(writes, ls_cfg)
{
	struct test_vm *vm = &self->vm;
	uint64_t last;

	if (!pretended())
		SKIP(return, "no module that pretends");
	trace_msr(MSR_LS_CFG);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_VIRT_SPEC_CTRL, SSBD));
	EXPECT_LE(1U, trace_count(self->text, sizeof(self->text), LS_CFG_SSBD, &last));
	EXPECT_EQ(0ULL, last);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_VIRT_SPEC_CTRL, 0));
	trace_msr(MSR_LS_CFG);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_VIRT_SPEC_CTRL, 0));
	trace_count(self->text, sizeof(self->text), 0, &last);
	EXPECT_EQ(~0ULL, last);
}

/* A barrier when the guest asks for it, but not at later entries */
TEST_F(writes, ibpb)
{
	struct test_vm *vm = &self->vm;
	uint64_t last;

	if (!pretended())
		SKIP(return, "no module that pretends");
	for (unsigned int i = 0; i < 3; i++) {
		trace_msr(MSR_PRED_CMD);
		EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_PRED_CMD, 1));
		EXPECT_EQ(1U, trace_count(self->text, sizeof(self->text), 1, &last));
	}
	trace_msr(MSR_PRED_CMD);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_PRED_CMD, 0));
	EXPECT_EQ(0U, trace_count(self->text, sizeof(self->text), 1, &last));
	/* SETUP: predictors that the previous guest has trained need a barrier all the same. */
	trace_msr(MSR_PRED_CMD);
	idt_setup(vm, IDT_PROT32);
	EXPECT_EQ(FINISHED, apic_wrmsr(vm, MSR_PRED_CMD, 0));
	EXPECT_EQ(1U, trace_count(self->text, sizeof(self->text), 1, &last));
}

TEST_HARNESS_MAIN
