// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of check.c: a legal VMCB for every mode, and for each rule a
 * change that breaks it.
 */
#include <kunit/test.h>

#include "check.c"

#define LEGAL_FLAGS	0x202

static const struct check_limits limits = {
	.cr4 = X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR,
	.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX | EFER_SVME,
	.phys_bits = 40,
};

static void base_real(struct vmcb *vmcb)
{
	memset(vmcb, 0, sizeof(*vmcb));
	vmcb->control.intercepts[VMEXIT_VMRUN / 32] = BIT(VMEXIT_VMRUN % 32);
	vmcb->control.int_ctl = V_INTR_MASKING;
	vmcb->control.asid = 1;
	vmcb->control.iopm_base_pa = (1ULL << 40) - IOPM_BYTES;
	vmcb->control.msrpm_base_pa = (1ULL << 40) - MSRPM_BYTES;
	vmcb->control.nested_ctl = NP_ENABLE;
	vmcb->control.nested_cr3 = (1ULL << 40) - 4096;
	vmcb->save.g_pat = 0x0007040600070406ULL;
	vmcb->save.efer = EFER_SVME;
	vmcb->save.cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET;
	vmcb->save.dr6 = 0xffff0ff0;
	vmcb->save.dr7 = 0x400;
	vmcb->save.rflags = RFLAGS_FIXED;
	vmcb->save.rip = 0xfff0;
}

static void base_prot32(struct vmcb *vmcb)
{
	base_real(vmcb);
	vmcb->save.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_ET;
	vmcb->save.cr3 = (1ULL << 40) - 4096;
	vmcb->save.cs.attrib = SEG_P | SEG_S | SEG_DB | SEG_G | 0xb;
	vmcb->save.rip = 0xffffffff;
	vmcb->save.rflags = LEGAL_FLAGS;
}

static void base_compat(struct vmcb *vmcb)
{
	base_prot32(vmcb);
	vmcb->save.cr4 = X86_CR4_PAE;
	vmcb->save.efer = EFER_SVME | EFER_LME | EFER_LMA | EFER_NX;
}

static void base_long64(struct vmcb *vmcb)
{
	base_compat(vmcb);
	vmcb->save.cs.attrib = SEG_P | SEG_S | SEG_L | SEG_G | 0xb;
	vmcb->save.rip = 0xffff800000000000ULL;
}

/* Long mode enabled but not active, as between setting LME and PG */
static void base_lme_only(struct vmcb *vmcb)
{
	base_prot32(vmcb);
	vmcb->save.cr0 &= ~X86_CR0_PG;
	vmcb->save.efer |= EFER_LME;
	vmcb->save.cs.attrib |= SEG_L;	/* together with D: fine without paging */
}

static struct vmcb *vmcb_alloc(struct kunit *test)
{
	struct vmcb *vmcb = kunit_kzalloc(test, sizeof(*vmcb), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vmcb);
	return vmcb;
}

static void check_test_legal(struct kunit *test)
{
	static void (* const bases[])(struct vmcb *) = {
		base_real, base_prot32, base_compat, base_long64, base_lme_only,
	};
	struct vmcb *vmcb = vmcb_alloc(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		bases[i](vmcb);
		KUNIT_EXPECT_EQ_MSG(test, check_vmcb(vmcb, &limits), CHECK_OK,
				    "base %u", i);
	}
}

struct violation {
	const char *what;
	enum svmvcpu_rule rule;
	void (*base)(struct vmcb *vmcb);
	size_t offset;		/* of a u64 in the VMCB */
	u64 clear, set;
};

#define SAVE(field)	offsetof(struct vmcb, save.field)
#define CONTROL(field)	offsetof(struct vmcb, control.field)

static const struct violation violations[] = {
	{ "SVME clear", SVMVCPU_RULE_EFER_SVME, base_real,
	  SAVE(efer), EFER_SVME, 0 },
	{ "NW without CD", SVMVCPU_RULE_CR0_CD_NW, base_real,
	  SAVE(cr0), X86_CR0_CD, 0 },
	{ "CR0 bit 32", SVMVCPU_RULE_CR0_HIGH, base_real,
	  SAVE(cr0), 0, BIT_ULL(32) },
	{ "CR3 first bit too high", SVMVCPU_RULE_CR3_MBZ, base_long64,
	  SAVE(cr3), 0, BIT_ULL(40) },
	{ "CR3 bit 63", SVMVCPU_RULE_CR3_MBZ, base_real,
	  SAVE(cr3), 0, BIT_ULL(63) },
	{ "CR4 bit not offered", SVMVCPU_RULE_CR4_MBZ, base_real,
	  SAVE(cr4), 0, X86_CR4_SMEP },
	{ "CR4 bit 32", SVMVCPU_RULE_CR4_MBZ, base_long64,
	  SAVE(cr4), 0, BIT_ULL(32) },
	{ "DR6 bit 32", SVMVCPU_RULE_DR6_HIGH, base_real,
	  SAVE(dr6), 0, BIT_ULL(32) },
	{ "DR7 bit 63", SVMVCPU_RULE_DR7_HIGH, base_real,
	  SAVE(dr7), 0, BIT_ULL(63) },
	{ "EFER reserved bit", SVMVCPU_RULE_EFER_MBZ, base_real,
	  SAVE(efer), 0, BIT_ULL(1) },
	{ "long mode without PAE", SVMVCPU_RULE_LONG_NO_PAE, base_long64,
	  SAVE(cr4), X86_CR4_PAE, 0 },
	{ "CS.L and CS.D", SVMVCPU_RULE_LONG_CS_L_D, base_long64,
	  SAVE(cs), 0, (u64)SEG_DB << 16 },
	{ "PG without PE", SVMVCPU_RULE_PG_NO_PE, base_prot32,
	  SAVE(cr0), X86_CR0_PE, 0 },
	{ "VMRUN not intercepted", SVMVCPU_RULE_VMRUN_OPEN, base_real,
	  CONTROL(intercepts[4]), 1, 0 },
	{ "ASID 0", SVMVCPU_RULE_ASID_ZERO, base_real,
	  CONTROL(asid), 0xffffffff, 0 },
	{ "IOPM a page too high", SVMVCPU_RULE_MAP_ADDRESS, base_real,
	  CONTROL(iopm_base_pa), ~0ULL, (1ULL << 40) - IOPM_BYTES + 4096 },
	{ "MSRPM a page too high", SVMVCPU_RULE_MAP_ADDRESS, base_real,
	  CONTROL(msrpm_base_pa), ~0ULL, (1ULL << 40) - MSRPM_BYTES + 4096 },
	{ "IOPM wraps", SVMVCPU_RULE_MAP_ADDRESS, base_real,
	  CONTROL(iopm_base_pa), ~0ULL, -4096ULL },
	{ "#BR in 64-bit mode", SVMVCPU_RULE_EVENTINJ, base_long64,
	  CONTROL(event_inj), 0, EVENT_V | EVENT_TYPE_EXCEPTION | VEC_BR },
	{ "NMI as an exception", SVMVCPU_RULE_EVENTINJ, base_real,
	  CONTROL(event_inj), 0, EVENT_V | EVENT_TYPE_EXCEPTION | 2 },
	{ "nCR3 first bit too high", SVMVCPU_RULE_NCR3_MBZ, base_real,
	  CONTROL(nested_cr3), 0, BIT_ULL(40) },
	{ "nCR3 not aligned", SVMVCPU_RULE_NCR3_MBZ, base_real,
	  CONTROL(nested_cr3), ~0ULL, 0x1008 },
	{ "PAT type 2", SVMVCPU_RULE_G_PAT, base_real,
	  SAVE(g_pat), 0xffULL << 56, 2ULL << 56 },
	{ "PAT type 3", SVMVCPU_RULE_G_PAT, base_real,
	  SAVE(g_pat), 0xff, 3 },
	{ "PAT type 8", SVMVCPU_RULE_G_PAT, base_real,
	  SAVE(g_pat), 0xff00, 0x800 },
	{ "RIP above 4 GiB", SVMVCPU_RULE_RIP_RANGE, base_compat,
	  SAVE(rip), 0, BIT_ULL(32) },
	{ "RIP above 4 GiB", SVMVCPU_RULE_RIP_RANGE, base_real,
	  SAVE(rip), 0, BIT_ULL(32) },
	{ "RFLAGS bit 1 clear", SVMVCPU_RULE_RFLAGS_MBZ, base_real,
	  SAVE(rflags), BIT_ULL(1), 0 },
	{ "RFLAGS bit 3", SVMVCPU_RULE_RFLAGS_MBZ, base_real,
	  SAVE(rflags), 0, BIT_ULL(3) },
	{ "RFLAGS bit 22", SVMVCPU_RULE_RFLAGS_MBZ, base_real,
	  SAVE(rflags), 0, BIT_ULL(22) },
	{ "V_INTR_MASKING clear", SVMVCPU_RULE_INTR_OPEN, base_real,
	  CONTROL(int_ctl), V_INTR_MASKING, 0 },
	{ "LMA without LME", SVMVCPU_RULE_LMA_MISMATCH, base_real,
	  SAVE(efer), 0, EFER_LMA },
	{ "long mode without LMA", SVMVCPU_RULE_LMA_MISMATCH, base_compat,
	  SAVE(efer), EFER_LMA, 0 },
};

static void check_test_violations(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	const struct violation *v;
	unsigned int i;
	u64 *field;

	for (i = 0; i < ARRAY_SIZE(violations); i++) {
		v = &violations[i];
		v->base(vmcb);
		field = (void *)vmcb + v->offset;
		*field = (*field & ~v->clear) | v->set;
		KUNIT_EXPECT_EQ_MSG(test, check_vmcb(vmcb, &limits), (int)v->rule,
				    "%s", v->what);
	}
}

/* PE is needed for any paging; the more precise rule comes first. */
static void check_test_long_no_pe(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);

	base_long64(vmcb);
	vmcb->save.cr0 &= ~X86_CR0_PE;
	KUNIT_EXPECT_EQ(test, check_vmcb(vmcb, &limits),
			(int)SVMVCPU_RULE_LONG_NO_PE);
}

/* Without nested paging neither the root nor the PAT is looked at. */
static void check_test_no_npt(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);

	base_real(vmcb);
	vmcb->control.nested_ctl = 0;
	vmcb->control.nested_cr3 = ~0ULL;
	vmcb->save.g_pat = ~0ULL;
	KUNIT_EXPECT_EQ(test, check_vmcb(vmcb, &limits), CHECK_OK);
}

/* #BR outside 64-bit mode, and vector 5 as a software interrupt, are legal. */
static void check_test_br(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);

	base_compat(vmcb);
	vmcb->control.event_inj = EVENT_V | EVENT_TYPE_EXCEPTION | VEC_BR;
	KUNIT_EXPECT_EQ(test, check_vmcb(vmcb, &limits), CHECK_OK);
	base_long64(vmcb);
	vmcb->control.event_inj = EVENT_V | EVENT_TYPE_SOFT | VEC_BR;
	KUNIT_EXPECT_EQ(test, check_vmcb(vmcb, &limits), CHECK_OK);
}

/* Guests reach these by themselves; the next fetch raises #GP. */
static void check_test_rip_not_canonical(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	unsigned int bit;

	base_long64(vmcb);
	for (bit = 32; bit < 64; bit++) {
		vmcb->save.rip = BIT_ULL(bit);
		KUNIT_EXPECT_EQ(test, check_vmcb(vmcb, &limits), CHECK_OK);
		vmcb->save.rip = ~BIT_ULL(bit);
		KUNIT_EXPECT_EQ(test, check_vmcb(vmcb, &limits), CHECK_OK);
	}
}

/* Every rule of the ABI but UNKNOWN is provoked above. */
static void check_test_complete(struct kunit *test)
{
#define RULE_NUMBER(nr, name, str) nr,
	static const unsigned int rules[] = { SVMVCPU_RULES(RULE_NUMBER) };
#undef RULE_NUMBER
	unsigned int i, j, provoked;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		provoked = rules[i] == SVMVCPU_RULE_LONG_NO_PE ||
			   rules[i] == SVMVCPU_RULE_UNKNOWN;
		for (j = 0; j < ARRAY_SIZE(violations); j++)
			provoked += violations[j].rule == rules[i];
		KUNIT_EXPECT_GE_MSG(test, provoked, 1, "rule %u", rules[i]);
	}
}

static void check_test_events(struct kunit *test)
{
	unsigned int type, vector, bit;
	u64 event;

	/* nothing to inject, whatever the rest says */
	KUNIT_EXPECT_TRUE(test, event_valid(~EVENT_V));
	for (type = 0; type < 8; type++) {
		for (vector = 0; vector < 256; vector++) {
			bool good = type == 0 || type == 2 || type == 4 ||
				    (type == 3 && vector != 2 && vector < 31);

			event = EVENT_V | (u64)type << EVENT_TYPE_SHIFT | vector;
			KUNIT_EXPECT_EQ_MSG(test, event_valid(event), good,
					    "type %u vector %u", type, vector);
		}
	}
	/* an error code is no violation, a reserved bit is */
	event = EVENT_V | EVENT_EV | EVENT_TYPE_EXCEPTION | 14;
	KUNIT_EXPECT_TRUE(test, event_valid(event | ~0ULL << EVENT_ERROR_SHIFT));
	for (bit = 12; bit <= 30; bit++)
		KUNIT_EXPECT_FALSE(test, event_valid(event | BIT_ULL(bit)));
}

static struct kunit_case check_test_cases[] = {
	KUNIT_CASE(check_test_legal),
	KUNIT_CASE(check_test_violations),
	KUNIT_CASE(check_test_long_no_pe),
	KUNIT_CASE(check_test_no_npt),
	KUNIT_CASE(check_test_rip_not_canonical),
	KUNIT_CASE(check_test_br),
	KUNIT_CASE(check_test_complete),
	KUNIT_CASE(check_test_events),
	{}
};

static struct kunit_suite check_test_suite = {
	.name = "svmvcpu_check",
	.test_cases = check_test_cases,
};

kunit_test_suite(check_test_suite);
