// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: merging of events, events that an exit left undelivered, RF, DR6, and the
 * fault history.
 */
#include <kunit/test.h>

#include "event.c"

#define EXC(vector)		event_exception(vector, NO_ERROR)
#define EXC_ERR(vector, error)	event_exception(vector, error)

static void event_test_encoding(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0x80000306ULL, EXC(VEC_UD));
	KUNIT_EXPECT_EQ(test, 0x0000123480000b0dULL, EXC_ERR(VEC_GP, 0x1234));
	KUNIT_EXPECT_EQ(test, 0x80000b08ULL, EXC_ERR(VEC_DF, 0));
}

static void event_test_error_codes(struct kunit *test)
{
	static const u8 with[] = { 8, 10, 11, 12, 13, 14, 17, 21 };
	unsigned int vector, i;

	for (vector = 0; vector < 256; vector++) {
		bool expect = false;

		for (i = 0; i < ARRAY_SIZE(with); i++)
			expect |= with[i] == vector;
		KUNIT_EXPECT_EQ_MSG(test, expect, event_has_error(vector), "vector %u", vector);
	}
}

/* APM volume 2, table 8-3: rows benign, contributory, page fault */
static void event_test_merge(struct kunit *test)
{
	static const struct {
		u8 first, second;
		int result;	/* vector, or -1 for a shutdown */
	} cases[] = {
		{ VEC_DB, VEC_GP, VEC_GP },
		{ VEC_UD, VEC_PF, VEC_PF },
		{ VEC_BP, VEC_NP, VEC_NP },
		{ VEC_AC, VEC_GP, VEC_GP },
		{ VEC_DE, VEC_GP, VEC_DF },
		{ VEC_TS, VEC_NP, VEC_DF },
		{ VEC_NP, VEC_SS, VEC_DF },
		{ VEC_SS, VEC_DE, VEC_DF },
		{ VEC_GP, VEC_TS, VEC_DF },
		{ VEC_GP, VEC_PF, VEC_PF },
		{ VEC_GP, VEC_UD, VEC_UD },
		{ VEC_PF, VEC_PF, VEC_DF },
		{ VEC_PF, VEC_GP, VEC_DF },
		{ VEC_PF, VEC_DB, VEC_DB },
		{ VEC_CP, VEC_GP, VEC_DF },
		{ VEC_DF, VEC_GP, -1 },
		{ VEC_DF, VEC_PF, -1 },
		{ VEC_DF, VEC_DE, -1 },
		{ VEC_DF, VEC_DB, VEC_DB },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 got = event_merge(EXC(cases[i].first), EXC(cases[i].second));

		if (cases[i].result < 0) {
			KUNIT_EXPECT_EQ_MSG(test, EVENT_SHUTDOWN, got, "case %d", i);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, (u64)cases[i].result, got & EVENT_VECTOR_MASK,
				    "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].result == VEC_DF,
				    got == event_exception(VEC_DF, 0), "case %d", i);
	}
}

/* An event other than an exception whose delivery faults is dropped. */
static void event_test_merge_others(struct kunit *test)
{
	const u64 gp = EXC_ERR(VEC_GP, 0);

	KUNIT_EXPECT_EQ(test, gp, event_merge(0, gp));
	KUNIT_EXPECT_EQ(test, gp, event_merge(EXC(VEC_DE) & ~EVENT_V, gp));
	KUNIT_EXPECT_EQ(test, gp, event_merge(EVENT_V | EVENT_TYPE_INTR | 0x0d, gp));
	KUNIT_EXPECT_EQ(test, gp, event_merge(EVENT_V | EVENT_TYPE_NMI | 2, gp));
	KUNIT_EXPECT_EQ(test, gp, event_merge(EVENT_V | EVENT_TYPE_SOFT | 0x0d, gp));
}

struct fake {
	struct vcpu vcpu;
	struct vmcb vmcb;
};

static struct vcpu *fake_vcpu(struct kunit *test)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->vcpu.vmcb = &fake->vmcb;
	fake->vmcb.control.clean = VMCB_CLEAN_ALL;
	fake->vmcb.save.dr6 = 0xffff0ff0;
	fake->vmcb.save.cr0 = X86_CR0_PE;
	return &fake->vcpu;
}

static void event_test_raise(struct kunit *test)
{
	struct vcpu *vcpu = fake_vcpu(test);
	struct vmcb_save_area *save = &vcpu->vmcb->save;

	event_raise_pf(vcpu, 0xdead000, 6);
	KUNIT_EXPECT_EQ(test, EXC_ERR(VEC_PF, 6), vcpu->event);
	KUNIT_EXPECT_EQ(test, 0xdead000ULL, save->cr2);
	KUNIT_EXPECT_TRUE(test, save->rflags & X86_EFLAGS_RF);
	KUNIT_EXPECT_FALSE(test, vcpu->vmcb->control.clean & VMCB_CLEAN_CR2);

	event_raise_gp(vcpu);
	KUNIT_EXPECT_EQ(test, EXC_ERR(VEC_DF, 0), vcpu->event);
	KUNIT_EXPECT_FALSE(test, vcpu->shutdown);
	event_raise_gp(vcpu);
	KUNIT_EXPECT_TRUE(test, vcpu->shutdown);
}

static void event_test_raise_real_mode(struct kunit *test)
{
	struct vcpu *vcpu = fake_vcpu(test);

	vcpu->vmcb->save.cr0 = 0;
	event_raise_gp(vcpu);
	KUNIT_EXPECT_EQ(test, EXC(VEC_GP), vcpu->event);
	event_raise_gp(vcpu);
	KUNIT_EXPECT_EQ(test, EXC(VEC_DF), vcpu->event);
}

static void event_test_raise_db(struct kunit *test)
{
	struct vcpu *vcpu = fake_vcpu(test);
	struct vmcb_save_area *save = &vcpu->vmcb->save;

	save->dr7 = 0x2400;
	event_raise_db(vcpu, BIT(14));
	KUNIT_EXPECT_EQ(test, EXC(VEC_DB), vcpu->event);
	KUNIT_EXPECT_EQ(test, 0xffff4ff0ULL, save->dr6);
	KUNIT_EXPECT_EQ(test, 0x0400ULL, save->dr7);
	/* A trap: RF must not be set for the next instruction. */
	KUNIT_EXPECT_FALSE(test, save->rflags & X86_EFLAGS_RF);
}

static u64 collected(struct kunit *test, u64 info)
{
	struct vcpu *vcpu = fake_vcpu(test);

	vcpu->event = EXC(VEC_UD);
	vcpu->vmcb->control.exit_int_info = info;
	event_collect(vcpu);
	return vcpu->event;
}

static void event_test_collect(struct kunit *test)
{
	const u64 intr = EVENT_V | EVENT_TYPE_INTR | 0x51;
	const u64 junk = EXC_ERR(VEC_PF, 2) & ~EVENT_V;

	KUNIT_EXPECT_EQ(test, 0ULL, collected(test, 0));
	KUNIT_EXPECT_EQ(test, 0ULL, collected(test, junk));
	KUNIT_EXPECT_EQ(test, EXC_ERR(VEC_PF, 2), collected(test, EXC_ERR(VEC_PF, 2)));
	KUNIT_EXPECT_EQ(test, intr, collected(test, intr));
	/* QEMU reports an interrupt as an exception. */
	KUNIT_EXPECT_EQ(test, intr, collected(test, EVENT_V | EVENT_TYPE_EXCEPTION | 0x51));
	/* reserved bits, and an error code without EV, would be refused */
	KUNIT_EXPECT_EQ(test, EXC(VEC_UD), collected(test, EXC(VEC_UD) | BIT(12) | BIT_ULL(40)));
	/* the guest executes the instruction again */
	KUNIT_EXPECT_EQ(test, 0ULL, collected(test, EVENT_V | EVENT_TYPE_SOFT | 0x80));
	KUNIT_EXPECT_EQ(test, 0ULL, collected(test, EXC(VEC_BP)));
}

/* An injected event with RIP behind the instruction is kept. */
static void event_test_collect_injected(struct kunit *test)
{
	struct vcpu *vcpu = fake_vcpu(test);

	vcpu->injected = EXC(VEC_BP);
	vcpu->injected_rip = 0x1001;
	vcpu->vmcb->save.rip = 0x1001;
	vcpu->vmcb->control.exit_int_info = EXC(VEC_BP);
	event_collect(vcpu);
	KUNIT_EXPECT_EQ(test, EXC(VEC_BP), vcpu->event);

	/* event_injected_as() made it a software interrupt for QEMU. */
	vcpu->vmcb->control.exit_int_info = EVENT_V | EVENT_TYPE_SOFT | VEC_BP;
	event_collect(vcpu);
	KUNIT_EXPECT_EQ(test, EXC(VEC_BP), vcpu->event);

	/* The same vector, raised by an instruction elsewhere */
	vcpu->vmcb->save.rip = 0x2000;
	event_collect(vcpu);
	KUNIT_EXPECT_EQ(test, 0ULL, vcpu->event);
}

/* Only INT3 and INTO change if the next RIP is not saved. */
static void event_test_injected_as(struct kunit *test)
{
	const u64 others[] = {
		0, EXC(VEC_DB), EXC(VEC_UD), EXC_ERR(VEC_GP, 0x1b),
		EVENT_V | EVENT_TYPE_INTR | VEC_BP, EVENT_V | EVENT_TYPE_NMI | VEC_NMI,
		EVENT_V | EVENT_TYPE_SOFT | VEC_BP, EVENT_V | EVENT_TYPE_SOFT | 0x80,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_EXPECT_EQ(test, others[i], event_injected_as(others[i], false));
		KUNIT_EXPECT_EQ(test, others[i], event_injected_as(others[i], true));
	}
	KUNIT_EXPECT_EQ(test, 0x80000403ULL, event_injected_as(EXC(VEC_BP), false));
	KUNIT_EXPECT_EQ(test, 0x80000404ULL, event_injected_as(EXC(VEC_OF), false));
	KUNIT_EXPECT_EQ(test, EXC(VEC_BP), event_injected_as(EXC(VEC_BP), true));
	KUNIT_EXPECT_EQ(test, EXC(VEC_OF), event_injected_as(EXC(VEC_OF), true));
}

static void event_test_describe_fault(struct kunit *test)
{
	static const struct {
		u64 event;
		struct svmvcpu_fault fault;
	} cases[] = {
		{ EVENT_V | EVENT_TYPE_EXCEPTION | VEC_UD, { .vector = VEC_UD } },
		{ 0x0000000680000b0eULL, { .vector = VEC_PF, .error_code = 6, .address = 0x77,
		  .flags = SVMVCPU_EXC_ERROR_CODE | SVMVCPU_EXC_ADDRESS } },
		{ EVENT_V | EVENT_TYPE_EXCEPTION | VEC_DB, { .vector = VEC_DB, .address = 0x77,
		  .flags = SVMVCPU_EXC_ADDRESS } },
		{ 0x0000000080000b08ULL, { .vector = VEC_DF, .flags = SVMVCPU_EXC_ERROR_CODE } },
		{ EVENT_V | EVENT_TYPE_INTR | 0x30, { .vector = 0x30,
		  .flags = SVMVCPU_EXC_INTERRUPT } },
		/* INT $14 is not a page fault. */
		{ EVENT_V | EVENT_TYPE_SOFT | VEC_PF, { .vector = VEC_PF,
		  .flags = SVMVCPU_EXC_INTERRUPT } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct svmvcpu_fault fault = { .address = 0x77, .rip = 1, .rsp = 2 };
		struct svmvcpu_fault want = cases[i].fault;

		want.rip = 1;
		want.rsp = 2;
		event_describe(cases[i].event, &fault);
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(&want, &fault, sizeof(want)), "case %u", i);
	}
}

static void add_fault(struct fault_history *history, unsigned int vector)
{
	const struct svmvcpu_fault where = { .rip = 0x100 + vector };

	fault_history_add(history, EVENT_V | EVENT_TYPE_EXCEPTION | vector, &where);
}

/* The first and the newest entries are kept. */
static void event_test_long_history(struct kunit *test)
{
	static const u8 left[] = { 1, 7, 8, 9, 10 };
	struct fault_history history = { };
	unsigned int i;

	for (i = 1; i <= 10; i++) {
		add_fault(&history, i);
		KUNIT_EXPECT_EQ(test, history.reported.nr, min(i, 5U));
		KUNIT_EXPECT_EQ(test, history.reported.left_out, i > 5 ? i - 5 : 0);
		KUNIT_EXPECT_EQ(test, history.last & EVENT_VECTOR_MASK, (u64)i);
	}
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		KUNIT_EXPECT_EQ(test, history.reported.faults[i].vector, left[i]);
		KUNIT_EXPECT_EQ(test, history.reported.faults[i].rip, 0x100ULL + left[i]);
	}
	fault_history_reset(&history);
	add_fault(&history, 3);
	KUNIT_EXPECT_EQ(test, history.reported.nr, 1U);
	KUNIT_EXPECT_EQ(test, history.reported.left_out, 0U);
}

static struct kunit_case event_test_cases[] = {
	KUNIT_CASE(event_test_encoding),
	KUNIT_CASE(event_test_error_codes),
	KUNIT_CASE(event_test_merge),
	KUNIT_CASE(event_test_merge_others),
	KUNIT_CASE(event_test_raise),
	KUNIT_CASE(event_test_raise_real_mode),
	KUNIT_CASE(event_test_raise_db),
	KUNIT_CASE(event_test_collect),
	KUNIT_CASE(event_test_collect_injected),
	KUNIT_CASE(event_test_injected_as),
	KUNIT_CASE(event_test_describe_fault),
	KUNIT_CASE(event_test_long_history),
	{ }
};

static struct kunit_suite event_test_suite = {
	.name = "svmvcpu_event",
	.test_cases = event_test_cases,
};

kunit_test_suite(event_test_suite);
