// SPDX-License-Identifier: GPL-2.0-only
/*
 * SETUP, GET_STATE, SET_STATE and SET_EXITS: each value that is refused, round trips of
 * values that are accepted, and how a vCPU recovers from a shutdown.
 */
#include "abi_args.h"

#define RFLAGS_LEGAL	0x3f7fd7ULL
#define STATE_WHOLE	0xff	/* all components */
#define ROUNDS		200

FIXTURE(state) {
	struct test_vm vm;
	__u64 random;
};

FIXTURE_SETUP(state)
{
	vm_open(&self->vm);
	self->random = 0x9e3779b97f4a7c15ULL;
}

VM_TEARDOWN(state)

static void get(struct test_vm *vm, struct svmvcpu_state *state)
{
	if (svmvcpu_vcpu_get_state(&vm->vcpu, STATE_REGS, state))
		vm_die("GET_STATE");
}

/* errno of SET_STATE with valid size and flags */
static int put(struct test_vm *vm, __u64 components, struct svmvcpu_state *state)
{
	state->components = components;
	return ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, state);
}

static bool same(const struct svmvcpu_state *a, const struct svmvcpu_state *b)
{
	return !memcmp(&a->gprs, &b->gprs, sizeof(*a) - offsetof(struct svmvcpu_state, gprs));
}

TEST_F(state, new_vcpu_is_reset)
{
	struct svmvcpu_state state, again;

	get(&self->vm, &state);
	EXPECT_EQ(0xfff0ULL, state.gprs.rip);
	EXPECT_EQ(2ULL, state.gprs.rflags);
	EXPECT_NE(0ULL, state.gprs.rdx);
	EXPECT_EQ(0ULL, state.gprs.rax | state.gprs.rsp | state.gprs.r15);
	EXPECT_EQ(0xf000, state.segments.cs.selector);
	EXPECT_EQ(0xffff0000ULL, state.segments.cs.base);
	EXPECT_EQ(0xffffU, state.segments.idtr.limit);
	EXPECT_EQ(0x60000010ULL, state.control.cr0);
	EXPECT_EQ(0ULL, state.control.efer | state.control.cr4 | state.control.cr3);
	EXPECT_EQ(0xffff0ff0ULL, state.debug.dr6);
	EXPECT_EQ(0x400ULL, state.debug.dr7);
	EXPECT_EQ((__u32)SVMVCPU_EXIT_NONE, self->vm.run->reason);
	EXPECT_EQ(PAGE, self->vm.run->io_data_offset);
	EXPECT_EQ(1024U, self->vm.run->coalesced_offset);
	EXPECT_EQ(0ULL, self->vm.run->exits);

	vm_setup(&self->vm, SVMVCPU_PRESET_RESET);
	get(&self->vm, &again);
	EXPECT_TRUE(same(&state, &again));
}

TEST_F(state, bad_setup)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	const struct {
		const char *what;
		__u32 preset;
		__u64 entry, stack, cr3, arg;
	} bad[] = {
		{ "preset", 4, 0, 0, 0, 0 },
		{ "preset", ~0U, 0, 0, 0, 0 },
		{ "real entry", SVMVCPU_PRESET_REAL, 0x10000, 0, 0, 0 },
		{ "real stack", SVMVCPU_PRESET_REAL, 0, 0x10000, 0, 0 },
		{ "real cr3", SVMVCPU_PRESET_REAL, 0, 0, PAGE, 0 },
		{ "real arg", SVMVCPU_PRESET_REAL, 0, 0, 0, 1 },
		{ "reset entry", SVMVCPU_PRESET_RESET, 1, 0, 0, 0 },
		{ "reset stack", SVMVCPU_PRESET_RESET, 0, 1, 0, 0 },
		{ "reset cr3", SVMVCPU_PRESET_RESET, 0, 0, PAGE, 0 },
		{ "reset arg", SVMVCPU_PRESET_RESET, 0, 0, 0, 1 },
		{ "prot32 entry", SVMVCPU_PRESET_PROT32, 1ULL << 32, 0, 0, 0 },
		{ "prot32 stack", SVMVCPU_PRESET_PROT32, 0, 1ULL << 32, 0, 0 },
		{ "prot32 cr3", SVMVCPU_PRESET_PROT32, 0, 0, PAGE, 0 },
		{ "prot32 arg", SVMVCPU_PRESET_PROT32, 0, 0, 0, 1ULL << 32 },
		{ "long64 entry", SVMVCPU_PRESET_LONG64, 1ULL << 47, 0, 0, 0 },
		{ "long64 stack", SVMVCPU_PRESET_LONG64, 0, 1ULL << 63, 0, 0 },
		{ "long64 cr3, odd", SVMVCPU_PRESET_LONG64, 0, 0, 8, 0 },
		{ "long64 cr3, high", SVMVCPU_PRESET_LONG64, 0, 0, top, 0 },
	};
	struct svmvcpu_state before, after;

	vm_setup(&self->vm, SVMVCPU_PRESET_LONG64);
	get(&self->vm, &before);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct svmvcpu_setup setup = {
			.size = sizeof(setup), .preset = bad[i].preset, .entry = bad[i].entry,
			.stack = bad[i].stack, .cr3 = bad[i].cr3, .arg = bad[i].arg,
		};

		EXPECT_IN(EINVAL, ioctl_errno(self->vm.vcpu.fd, SVMVCPU_SETUP, &setup),
			  "%s", bad[i].what);
	}
	get(&self->vm, &after);
	EXPECT_TRUE(same(&before, &after));
}

/* The largest values that are accepted */
TEST_F(state, setup_limits)
{
	const __u64 top = 1ULL << self->vm.info.gpa_bits;
	struct svmvcpu_setup good[] = {
		{ .preset = SVMVCPU_PRESET_REAL, .entry = 0xffff, .stack = 0xffff },
		{ .preset = SVMVCPU_PRESET_PROT32, .entry = 0xffffffff, .stack = 0xffffffff,
		  .arg = 0xffffffff },
		{ .preset = SVMVCPU_PRESET_LONG64, .entry = 0xffff800000000000ULL,
		  .stack = 0x7fffffffffffULL, .cr3 = top - PAGE, .arg = ~0ULL },
	};
	struct svmvcpu_state state;

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, svmvcpu_vcpu_setup(&self->vm.vcpu, &good[i]));
		get(&self->vm, &state);
		EXPECT_EQ(good[i].entry, state.gprs.rip);
		EXPECT_EQ(good[i].stack, state.gprs.rsp);
		EXPECT_EQ(good[i].arg, state.gprs.rdi);
		EXPECT_EQ(good[i].cr3, state.control.cr3);
	}
}

static __u64 canonical(__u64 value)
{
	return (int64_t)(value << 16) >> 16;
}

static void random_segments(struct svmvcpu_segments *segments, __u64 *random)
{
	struct svmvcpu_segment *seg = &segments->es;

	for (int i = 0; i < 10; i++) {
		bool table = i >= 8;

		seg[i].selector = table ? 0 : next_random(random);
		seg[i].attrib = table ? 0 : next_random(random) & 0xfff;
		seg[i].limit = table ? next_random(random) & 0xffff : next_random(random);
		seg[i].base = i < 4 ? (__u32)next_random(random) :
				      canonical(next_random(random));
	}
}

static void random_state(struct svmvcpu_state *state, const struct test_vm *vm, __u64 *random)
{
	__u64 *gpr = &state->gprs.rax;

	for (int i = 0; i < 17; i++)
		gpr[i] = next_random(random);
	state->gprs.rflags = (next_random(random) & RFLAGS_LEGAL) | 2;
	random_segments(&state->segments, random);
	state->control.cr0 = (__u32)next_random(random);
	state->control.cr2 = next_random(random);
	state->control.cr3 = next_random(random) >> (64 - vm->info.gpa_bits);
	state->control.cr4 = next_random(random) & vm->info.cr4_guest;
	state->control.cr8 = next_random(random) & 15;
	state->control.efer = next_random(random) & vm->info.efer_guest;
	for (int i = 0; i < 4; i++)
		state->debug.db[i] = next_random(random);
	state->debug.dr6 = (__u32)next_random(random);
	state->debug.dr7 = (__u32)next_random(random);
}

/* Values read back as they were set, all at once and one by one; others do not change. */
TEST_F(state, round_trip)
{
	struct svmvcpu_state set = { .size = sizeof(set) }, seen, expect;

	for (int round = 0; round < ROUNDS; round++) {
		random_state(&set, &self->vm, &self->random);
		ASSERT_EQ(0, put(&self->vm, STATE_REGS, &set));
		get(&self->vm, &seen);
		ASSERT_TRUE(same(&set, &seen));
		expect = set;
		random_state(&set, &self->vm, &self->random);
		ASSERT_EQ(0, put(&self->vm, 1ULL << (round & 3), &set));
		if (set.components == SVMVCPU_STATE_GPRS)
			expect.gprs = set.gprs;
		else if (set.components == SVMVCPU_STATE_SEGMENTS)
			expect.segments = set.segments;
		else if (set.components == SVMVCPU_STATE_CONTROL)
			expect.control = set.control;
		else
			expect.debug = set.debug;
		get(&self->vm, &seen);
		ASSERT_TRUE(same(&expect, &seen));
	}
}

/* GET_STATE leaves members of other components alone. */
TEST_F(state, get_some)
{
	struct svmvcpu_state state;

	for (int i = 0; i < 64; i++) {
		memset(&state, 0x5a, sizeof(state));
		state.size = sizeof(state);
		state.flags = 0;
		state.components = i;
		ASSERT_EQ(0, ioctl_errno(self->vm.vcpu.fd, SVMVCPU_GET_STATE, &state));
		EXPECT_EQ(sizeof(state), state.size);
		EXPECT_EQ((__u64)i, state.components);
		EXPECT_EQ(!(i & 1), state.gprs.rip == 0x5a5a5a5a5a5a5a5aULL);
		EXPECT_EQ(!(i & 2), state.segments.cs.selector == 0x5a5a);
		EXPECT_EQ(!(i & 4), state.control.cr8 == 0x5a5a5a5a5a5a5a5aULL);
		EXPECT_EQ(!(i & 8), state.debug.dr7 == 0x5a5a5a5a5a5a5a5aULL);
		EXPECT_EQ(!(i & 16), state.events.activity == 0x5a);
		EXPECT_EQ(!(i & 32), state.msrs.pat == 0x5a5a5a5a5a5a5a5aULL);
		EXPECT_EQ(0x5a5a5a5a5a5a5a5aULL, state.xcr0);
	}
}

TEST_F(state, unknown_components)
{
	struct svmvcpu_state state;

	get(&self->vm, &state);
	for (int bit = 8; bit < 64; bit++) {
		state.components = 1ULL << bit;
		EXPECT_EQ(EINVAL, ioctl_errno(self->vm.vcpu.fd, SVMVCPU_GET_STATE, &state));
		state.components |= STATE_REGS;
		EXPECT_EQ(EINVAL, ioctl_errno(self->vm.vcpu.fd, SVMVCPU_GET_STATE, &state));
		EXPECT_EQ(EINVAL, put(&self->vm, 1ULL << bit, &state));
		EXPECT_EQ(EINVAL, put(&self->vm, STATE_REGS | 1ULL << bit, &state));
	}
}

/*
 * Sets one bit of a field at a time, in a state that is valid without it. Each is
 * refused, and no other component is set either.
 */
static void refuse_bits(struct __test_metadata *_metadata, struct test_vm *vm,
			const char *what, void *field, size_t bytes, __u64 bits,
			struct svmvcpu_state *state)
{
	struct svmvcpu_state seen;
	__u64 old = 0, changed;

	memcpy(&old, field, bytes);
	for (int bit = 0; bit < 64; bit++) {
		if (!(bits >> bit & 1))
			continue;
		changed = old ^ 1ULL << bit;
		memcpy(field, &changed, bytes);
		state->gprs.rbx++;
		state->debug.db[0]++;
		EXPECT_IN(EINVAL, put(vm, STATE_REGS, state), "%s, bit %d", what, bit);
		state->gprs.rbx--;
		state->debug.db[0]--;
	}
	memcpy(field, &old, bytes);
	get(vm, &seen);
	EXPECT_IN(true, same(state, &seen), "%s", what);
}

#define REFUSE(field, bits) \
	refuse_bits(_metadata, &self->vm, #field, &state.field, sizeof(state.field), bits, &state)

TEST_F(state, illegal_registers)
{
	const struct svmvcpu_info *info = &self->vm.info;
	struct svmvcpu_state state;

	vm_setup(&self->vm, SVMVCPU_PRESET_LONG64);
	get(&self->vm, &state);
	/* Reserved bits that are set, and bit 1 cleared */
	REFUSE(gprs.rflags, ~RFLAGS_LEGAL | 2);
	REFUSE(control.cr0, ~0ULL << 32);
	REFUSE(control.cr3, ~0ULL << info->gpa_bits);
	REFUSE(control.cr4, ~info->cr4_guest);
	REFUSE(control.cr8, ~15ULL);
	REFUSE(control.efer, ~info->efer_guest);
	REFUSE(debug.dr6, ~0ULL << 32);
	REFUSE(debug.dr7, ~0ULL << 32);
}

TEST_F(state, illegal_segments)
{
	struct svmvcpu_state state;
	const int bits = self->vm.info.cr4_guest & 1 << 12 ? 57 : 48;
	struct svmvcpu_segment *seg = &state.segments.es;

	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
	get(&self->vm, &state);
	for (int i = 0; i < 10; i++) {
		char what[16];

		snprintf(what, sizeof(what), "segment %d", i);
		/* Clearing one bit of the sign extension makes an address not canonical. */
		refuse_bits(_metadata, &self->vm, what, &seg[i].base, 8,
			    ~0ULL << (i < 4 ? 32 : bits - 1), &state);
		refuse_bits(_metadata, &self->vm, what, &seg[i].attrib, 2,
			    i < 8 ? 0xf000 : 0xffff, &state);
		if (i < 8)
			continue;
		refuse_bits(_metadata, &self->vm, what, &seg[i].selector, 2, 0xffff, &state);
		refuse_bits(_metadata, &self->vm, what, &seg[i].limit, 4, 0xffff0000, &state);
	}
}

/* A component that is not selected is not checked. */
TEST_F(state, unnamed_garbage)
{
	struct svmvcpu_state state, seen;

	get(&self->vm, &seen);
	memset(&state, 0xff, sizeof(state));
	state.size = sizeof(state);
	state.flags = 0;
	EXPECT_EQ(0, put(&self->vm, 0, &state));
	state.debug = seen.debug;
	EXPECT_EQ(0, put(&self->vm, SVMVCPU_STATE_DEBUG, &state));
	get(&self->vm, &state);
	EXPECT_TRUE(same(&state, &seen));
}

/* Two components that contradict each other: SET_STATE accepts them, RUN names the rule. */
GUEST64(halt64, "hlt");

TEST_F(state, fail_entry)
{
	const struct {
		__u32 rule;
		__u64 cr0, cr4, efer, rip;
	} bad[] = {
		{ SVMVCPU_RULE_LONG_NO_PAE, 0x80000011, 0, 0x500, 0 },
		{ SVMVCPU_RULE_LONG_NO_PE, 0x80000010, 0x20, 0x500, 0 },
		{ SVMVCPU_RULE_PG_NO_PE, 0x80000010, 0, 0, 0 },
		{ SVMVCPU_RULE_LMA_MISMATCH, 0x80000011, 0x20, 0x100, 0 },
		{ SVMVCPU_RULE_LMA_MISMATCH, 0x80000011, 0x20, 0x400, 0 },
		{ SVMVCPU_RULE_RIP_RANGE, 0x11, 0, 0, 1ULL << 47 },
	};
	struct svmvcpu_state good, state, seen;
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt64);
	vm_setup(vm, SVMVCPU_PRESET_LONG64);
	get(vm, &good);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		state = good;
		state.control.cr0 = bad[i].cr0;
		state.control.cr4 = bad[i].cr4;
		state.control.efer = bad[i].efer;
		if (bad[i].rip)
			state.gprs.rip = bad[i].rip;
		ASSERT_EQ(0, put(vm, STATE_REGS, &state));
		RUN_EXPECT(vm, FAIL_ENTRY);
		EXPECT_EQ(bad[i].rule, vm->run->fail.rule);
		EXPECT_EQ(0ULL, vm->run->fail.code);
		get(vm, &seen);
		EXPECT_TRUE(same(&state, &seen));
		/* again, and then with valid state */
		RUN_EXPECT(vm, FAIL_ENTRY);
		ASSERT_EQ(0, put(vm, SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_GPRS, &good));
		RUN_EXPECT(vm, HALT);
	}
}

GUEST32(triple, "ud2");
GUEST32(halt32, "mov $0x1234, %eax\n hlt");

static void kill_vcpu(struct __test_metadata *_metadata, struct test_vm *vm)
{
	load_guest(vm, triple);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, SHUTDOWN);
	EXPECT_EQ(EBADFD, vm_run(vm));
	/* The exit can still be read. */
	EXPECT_EQ((__u32)SVMVCPU_EXIT_SHUTDOWN, vm->run->reason);
	load_guest(vm, halt32);
}

TEST_F(state, dead_until_all_is_set)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state good;

	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	vm_get_state(vm, &good);
	kill_vcpu(_metadata, vm);
	/* Neither a part of the components revives it, nor all of them one by one. */
	for (int components = 0; components < STATE_WHOLE; components++) {
		EXPECT_EQ(0, put(vm, components, &good));
		EXPECT_EQ(EBADFD, vm_run(vm));
	}
	good.gprs.rflags = 0;
	EXPECT_EQ(EINVAL, put(vm, STATE_WHOLE, &good));
	EXPECT_EQ(EBADFD, vm_run(vm));
	good.gprs.rflags = 2;
	EXPECT_EQ(0, put(vm, STATE_WHOLE, &good));
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1234ULL, vm->run->gprs.rax);
}

TEST_F(state, dead_until_setup)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_setup setup = { .preset = 99 };
	struct svmvcpu_state state;

	kill_vcpu(_metadata, vm);
	get(vm, &state);
	EXPECT_NE(0, svmvcpu_vcpu_setup(&vm->vcpu, &setup));
	EXPECT_EQ(EBADFD, vm_run(vm));
	/* A kick stays pending until a RUN can report it. */
	EXPECT_EQ(0, svmvcpu_vcpu_kick(&vm->vcpu));
	EXPECT_EQ(EBADFD, vm_run(vm));
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, INTERRUPTED);
	RUN_EXPECT(vm, HALT);
	EXPECT_EQ(0x1234ULL, vm->run->gprs.rax);
	/* It recovers from many shutdowns. */
	for (int i = 0; i < 20; i++) {
		kill_vcpu(_metadata, vm);
		vm_setup(vm, SVMVCPU_PRESET_PROT32);
		RUN_EXPECT(vm, HALT);
	}
}

/* SETUP removes the pending exit from the run page. */
TEST_F(state, setup_clears_the_exit)
{
	struct test_vm *vm = &self->vm;

	load_guest(vm, halt32);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, HALT);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ((__u32)SVMVCPU_EXIT_NONE, vm->run->reason);
	EXPECT_EQ(TEST_CODE, vm->run->gprs.rip);
	EXPECT_EQ(0ULL, vm->run->gprs.rax);
}

#define EXITABLE	0x000b7dfbU	/* 0 1 3-8 10-14 16 17 19 */

static int set_exits(struct test_vm *vm, __u32 exceptions)
{
	struct svmvcpu_exits exits = { .size = sizeof(exits), .exceptions = exceptions };

	return ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_EXITS, &exits);
}

TEST_F(state, set_exits)
{
	struct test_vm *vm = &self->vm;

	for (int bit = 0; bit < 32; bit++) {
		EXPECT_IN(EXITABLE >> bit & 1 ? 0 : EINVAL, set_exits(vm, 1U << bit),
			  "vector %d", bit);
	}
	EXPECT_EQ(0, set_exits(vm, EXITABLE));
	EXPECT_EQ(EINVAL, set_exits(vm, ~0U));
	EXPECT_EQ(0, set_exits(vm, 1 << 6));
	/* SETUP keeps the selected exits, and so does a call that is refused. */
	EXPECT_EQ(EINVAL, set_exits(vm, 1 << 2));
	load_guest(vm, triple);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	RUN_EXPECT(vm, EXCEPTION);
	EXPECT_EQ(6U, vm->run->exception.vector);
	EXPECT_EQ(0U, vm->run->exception.flags);
	EXPECT_EQ(0, set_exits(vm, 0));
	RUN_EXPECT(vm, SHUTDOWN);
}

TEST_HARNESS_MAIN
