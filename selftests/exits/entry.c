// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVMVCPU_EXIT_FAIL_ENTRY: states that VMRUN refuses. RUN names the rule before it
 * tries, and SET_STATE can repair the state. Rules that SET_STATE checks itself give
 * EINVAL there; KUnit tests the others.
 */
#include "guest_idt.h"

VM_FIXTURE(exit_entry, struct svmvcpu_state good, bad;)

enum {
	IN_CONTROL = SVMVCPU_STATE_CONTROL,
	IN_SEGMENTS = SVMVCPU_STATE_SEGMENTS,
	IN_GPRS = SVMVCPU_STATE_GPRS,
	IN_DEBUG = SVMVCPU_STATE_DEBUG,
};

static void no_pae(struct svmvcpu_state *s)
{
	s->control.cr4 &= ~CR4_PAE;
}

static void no_pe(struct svmvcpu_state *s)
{
	s->control.cr0 &= ~CR0_PE;
}

static void l_and_d(struct svmvcpu_state *s)
{
	s->segments.cs.attrib |= 0x600;
}

static void paging_without_pe(struct svmvcpu_state *s)
{
	s->control.cr0 = (s->control.cr0 | CR0_PG) & ~CR0_PE;
}

static void nw_without_cd(struct svmvcpu_state *s)
{
	s->control.cr0 |= CR0_NW;
}

static void rip_too_high(struct svmvcpu_state *s)
{
	s->gprs.rip = 0x100000000ULL;
}

static void lma_without_lme(struct svmvcpu_state *s)
{
	s->control.efer = EFER_LMA;
}

static void lma_missing(struct svmvcpu_state *s)
{
	s->control.efer = EFER_LME;
}

static const struct entry_case {
	const char *name;
	enum idt_mode mode;
	void (*spoil)(struct svmvcpu_state *state);
	uint64_t where;
	unsigned int rule;
} entry_cases[] = {
	{ "long mode, no PAE", IDT_LONG64, no_pae, IN_CONTROL, SVMVCPU_RULE_LONG_NO_PAE },
	{ "long mode, no PE", IDT_LONG64, no_pe, IN_CONTROL, SVMVCPU_RULE_LONG_NO_PE },
	{ "CS.L and CS.D", IDT_LONG64, l_and_d, IN_SEGMENTS, SVMVCPU_RULE_LONG_CS_L_D },
	{ "PG, no PE", IDT_PROT32, paging_without_pe, IN_CONTROL, SVMVCPU_RULE_PG_NO_PE },
	{ "NW, no CD", IDT_PROT32, nw_without_cd, IN_CONTROL, SVMVCPU_RULE_CR0_CD_NW },
	{ "EIP of 33 bits", IDT_PROT32, rip_too_high, IN_GPRS, SVMVCPU_RULE_RIP_RANGE },
	{ "in compatibility mode", IDT_COMPAT32, rip_too_high, IN_GPRS, SVMVCPU_RULE_RIP_RANGE },
	{ "LMA, no LME", IDT_PROT32, lma_without_lme, IN_CONTROL, SVMVCPU_RULE_LMA_MISMATCH },
	{ "LME and PG, no LMA", IDT_LONG64, lma_missing, IN_CONTROL, SVMVCPU_RULE_LMA_MISMATCH },
};

TEST_F(exit_entry, named_and_mended)
{
	struct test_vm *vm = &self->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(entry_cases); i++) {
		const struct entry_case *c = &entry_cases[i];

		idt_put(vm, CODE("\x90"));
		idt_setup(vm, c->mode);
		idt_get(vm, &self->good);
		self->bad = self->good;
		c->spoil(&self->bad);
		idt_set(vm, &self->bad, c->where);
		EXPECT_EQ(0, vm_run(vm));
		EXPECT_EQ((unsigned int)SVMVCPU_EXIT_FAIL_ENTRY, vm->run->reason)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->rule, vm->run->fail.rule)
			TH_LOG("%s: %s", c->name, svmvcpu_rule_text(vm->run->fail.rule));
		EXPECT_EQ(0ULL, vm->run->fail.code);
		EXPECT_EQ(0U, vm->run->fail.mbz);
		/* Each RUN refuses it, and the state does not change. */
		EXPECT_EQ(0, vm_run(vm));
		EXPECT_EQ((unsigned int)SVMVCPU_EXIT_FAIL_ENTRY, vm->run->reason);
		idt_get(vm, &self->bad);
		EXPECT_EQ(self->good.gprs.rsp, self->bad.gprs.rsp);
		idt_set(vm, &self->good, c->where);
		RUN_EXPECT(vm, HYPERCALL);
		EXPECT_EQ(TEST_CODE + 1, vm->run->gprs.rip);
	}
}

/* Several components at once, by SET_GPRS on the run page, which also repairs them */
TEST_F(exit_entry, by_the_run_page)
{
	struct test_vm *vm = &self->vm;

	idt_put(vm, CODE("\xe6\x80"));
	idt_setup(vm, IDT_COMPAT32);
	RUN_EXPECT(vm, IO);
	vm->run->gprs.rip = 1ULL << 32;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	RUN_EXPECT(vm, FAIL_ENTRY);
	EXPECT_EQ((unsigned int)SVMVCPU_RULE_RIP_RANGE, vm->run->fail.rule);
	vm->run->gprs.rip = TEST_CODE + 2;
	vm->run->in_flags = SVMVCPU_RUN_SET_GPRS;
	RUN_EXPECT(vm, HYPERCALL);
}

/* An event that is impossible in 64-bit mode, and one that VMRUN delivers with another address */
TEST_F(exit_entry, bound_in_64_bit_mode)
{
	struct test_vm *vm = &self->vm;
	struct idt_outcome out;

	for (unsigned int by_state = 0; by_state < 2; by_state++) {
		idt_put(vm, CODE("\x90"));
		idt_setup(vm, IDT_LONG64);
		idt_get(vm, &self->good);
		self->bad = self->good;
		self->bad.events.exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_BR;
		if (by_state)
			idt_set(vm, &self->bad, SVMVCPU_STATE_EVENTS);
		else
			vm->run->inject = self->bad.events.exception;
		RUN_EXPECT(vm, FAIL_ENTRY);
		EXPECT_EQ((unsigned int)SVMVCPU_RULE_EVENTINJ, vm->run->fail.rule);
		EXPECT_EQ(0ULL, vm->run->fail.code);
		/* It stays pending until the VMM removes it. */
		RUN_EXPECT(vm, FAIL_ENTRY);
		idt_set(vm, &self->good, SVMVCPU_STATE_EVENTS);
		RUN_EXPECT(vm, HYPERCALL);
	}
	idt_setup(vm, IDT_COMPAT32);
	vm->run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | VEC_BR;
	RUN_VECTOR(vm, VEC_BR, &out);
}

/* SET_STATE refuses values that a register cannot hold. */
TEST_F(exit_entry, guarded_by_set_state)
{
	struct test_vm *vm = &self->vm;
	struct svmvcpu_state *s = &self->bad;
	const struct {
		__u64 *field, value, where;
	} cases[] = {
		{ &s->control.cr0, 1ULL << 32, IN_CONTROL },
		{ &s->control.cr3, 1ULL << vm->info.gpa_bits, IN_CONTROL },
		{ &s->control.cr4, ~vm->info.cr4_guest, IN_CONTROL },
		{ &s->control.cr8, 16, IN_CONTROL },
		{ &s->control.efer, EFER_SVME, IN_CONTROL },
		{ &s->control.efer, ~vm->info.efer_guest, IN_CONTROL },
		{ &s->debug.dr6, 1ULL << 32, IN_DEBUG },
		{ &s->debug.dr7, 1ULL << 32, IN_DEBUG },
		{ &s->gprs.rflags, 0, IN_GPRS },
		{ &s->gprs.rflags, 2 | 1ULL << 22, IN_GPRS },
		{ &s->segments.fs.base, 1ULL << 47, IN_SEGMENTS },
		{ &s->segments.cs.base, 1ULL << 32, IN_SEGMENTS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		idt_put(vm, CODE("\x90"));
		idt_setup(vm, IDT_LONG64);
		idt_get(vm, s);
		*cases[i].field = cases[i].value;
		s->components = cases[i].where;
		EXPECT_EQ(EINVAL, ioctl_errno(vm->vcpu.fd, SVMVCPU_SET_STATE, s))
			TH_LOG("case %u", i);
		RUN_EXPECT(vm, HYPERCALL);
	}
}

TEST_HARNESS_MAIN
