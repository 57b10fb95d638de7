// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of vmcb.c and of the setters in vmcb.h: that every intercept bit
 * is accounted for, that the set follows capabilities and policy, and that a
 * setter clears its own clean bit and no other.
 */
#include <kunit/test.h>

#include "vmcb.c"

#define NR_BITS	(VMCB_INTERCEPT_WORDS * 32)

static struct svm_caps caps_all = {
	.cpuid_intercepts = SVM_INTERCEPT_RDPRU | SVM_INTERCEPT_INVPCID |
			    SVM_INTERCEPT_MCOMMIT | SVM_INTERCEPT_INVLPGB,
};

static struct svm_caps caps_none;
static const struct vmcb_policy policy_none;
static const struct vmcb_policy policy_all = {
	.exceptions = ~0U, .cr0_read = true, .cr4_read = true, .rdtscp = true,
	.vintr = true, .iret = true, .intn = true,
};

static struct vmcb *vmcb_alloc(struct kunit *test)
{
	struct vmcb *vmcb = kunit_kzalloc(test, sizeof(*vmcb), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vmcb);
	return vmcb;
}

static void count_rules(u8 *set)
{
	const struct vmcb_intercept_rule *rule;
	unsigned int i, nr;

	for (i = 0; i < vmcb_nr_intercept_rules; i++) {
		rule = &vmcb_intercept_rules[i];
		for (nr = rule->nr; nr < rule->nr + rule->count; nr++)
			set[nr]++;
	}
}

static void count_open(u8 *open)
{
	const struct vmcb_intercept_open *range;
	unsigned int i, nr;

	for (i = 0; i < vmcb_nr_intercepts_open; i++) {
		range = &vmcb_intercepts_open[i];
		for (nr = range->first; nr <= range->last; nr++)
			open[nr]++;
	}
}

/* Each bit is in exactly one of the tables, once. */
static void vmcb_test_accounted(struct kunit *test)
{
	u8 set[NR_BITS] = {}, open[NR_BITS] = {};
	unsigned int nr;

	count_rules(set);
	count_open(open);
	for (nr = 0; nr < NR_BITS; nr++)
		KUNIT_EXPECT_EQ_MSG(test, set[nr] + open[nr], 1,
				    "word %u bit %u: %u rules, %u open",
				    nr / 32, nr % 32, set[nr], open[nr]);
}

static void vmcb_test_reasons(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < vmcb_nr_intercept_rules; i++) {
		KUNIT_EXPECT_GT(test, vmcb_intercept_rules[i].count, 0);
		KUNIT_EXPECT_GT(test, strlen(vmcb_intercept_rules[i].name), 0);
		KUNIT_EXPECT_GT(test, strlen(vmcb_intercept_rules[i].why), 0);
	}
	for (i = 0; i < vmcb_nr_intercepts_open; i++) {
		KUNIT_EXPECT_LE(test, vmcb_intercepts_open[i].first,
				vmcb_intercepts_open[i].last);
		KUNIT_EXPECT_GT(test, strlen(vmcb_intercepts_open[i].why), 0);
	}
}

static void expect_words(struct kunit *test, const struct svm_caps *caps,
			 const struct vmcb_policy *policy, const u32 *want)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	unsigned int i;

	/* what was there before must not matter */
	memset(vmcb->control.intercepts, 0xa5, sizeof(vmcb->control.intercepts));
	vmcb_recalc_intercepts(vmcb, caps, policy);
	for (i = 0; i < VMCB_INTERCEPT_WORDS; i++)
		KUNIT_EXPECT_EQ_MSG(test, vmcb->control.intercepts[i], want[i],
				    "word %u", i);
}

/* The words worked out by hand from the manual's table B-1 */
static void vmcb_test_words(struct kunit *test)
{
	static const u32 least[] = {
		/* CR8 read; CR0, CR4, CR8 write */
		0x01110100, 0xffffffff,
		/* #DB, #AC, #MC */
		0x00060002,
		/* all but VINTR, SEL_WRITE, tables, RDTSC, PUSHF, POPF, IRET,
		 * INTN, PAUSE, INVLPG
		 */
		0xfd4c800f,
		/* all but RDTSCP, ICEBP, RDPRU and the traps behind a write */
		0x00003e7f, 0,
	};
	static const u32 most[] = {
		0x01110111, 0xffffffff, 0xffffffff, 0xfd7c801f, 0x00007eff, 0x1f,
	};

	expect_words(test, &caps_none, &policy_none, least);
	expect_words(test, &caps_all, &policy_all, most);
}

static void vmcb_test_caps(struct kunit *test)
{
	static const struct {
		u64 cap;
		unsigned int nr;
	} gated[] = {
		{ SVM_INTERCEPT_RDPRU, INTERCEPT_RDPRU },
		{ SVM_INTERCEPT_INVPCID, INTERCEPT_INVPCID },
		{ SVM_INTERCEPT_MCOMMIT, INTERCEPT_MCOMMIT },
		{ SVM_INTERCEPT_INVLPGB, INTERCEPT_INVLPGB },
		{ SVM_INTERCEPT_INVLPGB, INTERCEPT_INVLPGB_ILLEGAL },
		{ SVM_INTERCEPT_INVLPGB, INTERCEPT_TLBSYNC },
	};
	struct vmcb *vmcb = vmcb_alloc(test);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(gated); i++) {
		struct svm_caps caps = { .cpuid_intercepts = gated[i].cap };

		vmcb_fix_intercepts(&caps);
		vmcb_recalc_intercepts(vmcb, &caps, &policy_none);
		for (j = 0; j < ARRAY_SIZE(gated); j++)
			KUNIT_EXPECT_EQ(test, vmcb_intercepts(vmcb, gated[j].nr),
					gated[j].cap == gated[i].cap);
	}
}

static void vmcb_test_policy(struct kunit *test)
{
	static const struct {
		struct vmcb_policy policy;
		unsigned int nr;
	} asked[] = {
		{ { .cr0_read = true }, INTERCEPT_CR0_READ },
		{ { .cr4_read = true }, INTERCEPT_CR0_READ + 4 },
		{ { .rdtscp = true }, INTERCEPT_RDTSCP },
		{ { .vintr = true }, INTERCEPT_VINTR },
		{ { .iret = true }, INTERCEPT_IRET },
		{ { .intn = true }, INTERCEPT_INTN },
		{ { .exceptions = BIT(3) }, INTERCEPT_EXCEPTION + 3 },
		{ { .exceptions = BIT(31) }, INTERCEPT_EXCEPTION + 31 },
	};
	struct vmcb *base = vmcb_alloc(test), *vmcb = vmcb_alloc(test);
	unsigned int i, nr;

	vmcb_recalc_intercepts(base, &caps_none, &policy_none);
	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		vmcb_recalc_intercepts(vmcb, &caps_none, &asked[i].policy);
		for (nr = 0; nr < NR_BITS; nr++)
			KUNIT_EXPECT_EQ(test, vmcb_intercepts(vmcb, nr),
					vmcb_intercepts(base, nr) || nr == asked[i].nr);
	}
}

/* The clean bit goes when something changed, and only then. */
static void vmcb_test_recalc_clean(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);

	vmcb->control.clean = VMCB_CLEAN_ALL;
	vmcb_recalc_intercepts(vmcb, &caps_none, &policy_none);
	KUNIT_EXPECT_EQ(test, vmcb->control.clean,
			VMCB_CLEAN_ALL & ~VMCB_CLEAN_INTERCEPTS);
	vmcb->control.clean = VMCB_CLEAN_ALL;
	vmcb_recalc_intercepts(vmcb, &caps_none, &policy_none);
	KUNIT_EXPECT_EQ(test, vmcb->control.clean, VMCB_CLEAN_ALL);
	vmcb_recalc_intercepts(vmcb, &caps_none, &policy_all);
	KUNIT_EXPECT_EQ(test, vmcb->control.clean,
			VMCB_CLEAN_ALL & ~VMCB_CLEAN_INTERCEPTS);
}

static void vmcb_test_init_control(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	struct vmcb_control_area *control = &vmcb->control;

	memset(vmcb, 0xff, sizeof(*vmcb));
	vmcb_init_control(vmcb, &caps_all, 0x1000, 0x4000, 0x6000);
	KUNIT_EXPECT_EQ(test, control->iopm_base_pa, 0x1000);
	KUNIT_EXPECT_EQ(test, control->msrpm_base_pa, 0x4000);
	KUNIT_EXPECT_EQ(test, control->nested_cr3, 0x6000);
	KUNIT_EXPECT_EQ(test, control->nested_ctl, 1);
	KUNIT_EXPECT_EQ(test, control->int_ctl, 1 << 24);
	KUNIT_EXPECT_EQ(test, control->clean, 0);
	KUNIT_EXPECT_TRUE(test, vmcb_intercepts(vmcb, INTERCEPT_VMRUN));
	KUNIT_EXPECT_EQ(test, vmcb->save.g_pat, PAT_RESET);
	KUNIT_EXPECT_EQ(test, vmcb->save.cr0, ~0ULL);
	/* nothing else: take away the above, and zeroes must be left */
	memset(control->intercepts, 0, sizeof(control->intercepts));
	control->iopm_base_pa = 0;
	control->msrpm_base_pa = 0;
	control->nested_cr3 = 0;
	control->nested_ctl = 0;
	control->int_ctl = 0;
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(control, 0, sizeof(*control)), NULL);
}

/* One wrapper per setter, so that a table can hold them */
#define SETTER(field)							\
static void set_##field(struct vmcb *vmcb)				\
{									\
	vmcb_set_##field(vmcb, 0x77);					\
}

#define SEGMENT_SETTER(field)						\
static void set_##field(struct vmcb *vmcb)				\
{									\
	struct vmcb_segment seg = {					\
		.selector = 0x7777, .attrib = 0x777, .limit = 0x7777,	\
		.base = 0x7777,						\
	};								\
									\
	vmcb_set_##field(vmcb, seg);					\
}

SETTER(tsc_offset)
SETTER(iopm_base_pa)
SETTER(msrpm_base_pa)
SETTER(asid)
SETTER(int_ctl)
SETTER(nested_ctl)
SETTER(nested_cr3)
SETTER(g_pat)
SETTER(cr0)
SETTER(cr2)
SETTER(cr3)
SETTER(cr4)
SETTER(efer)
SETTER(dr6)
SETTER(dr7)
SETTER(cpl)
SEGMENT_SETTER(gdtr)
SEGMENT_SETTER(idtr)
SEGMENT_SETTER(es)
SEGMENT_SETTER(cs)
SEGMENT_SETTER(ss)
SEGMENT_SETTER(ds)

/* Offsets, sizes and bits as the manual gives them (tables B-1, B-2, 15-12) */
static const struct {
	const char *name;
	void (*set)(struct vmcb *vmcb);
	u16 offset;
	u16 size;
	u8 clean_bit;
} setters[] = {
	{ "tsc_offset",	set_tsc_offset,	0x050, 8, 0 },
	{ "iopm",	set_iopm_base_pa, 0x040, 8, 1 },
	{ "msrpm",	set_msrpm_base_pa, 0x048, 8, 1 },
	{ "asid",	set_asid,	0x058, 4, 2 },
	{ "int_ctl",	set_int_ctl,	0x060, 8, 3 },
	{ "nested_ctl",	set_nested_ctl,	0x090, 8, 4 },
	{ "nested_cr3",	set_nested_cr3,	0x0b0, 8, 4 },
	{ "g_pat",	set_g_pat,	0x668, 8, 4 },
	{ "efer",	set_efer,	0x4d0, 8, 5 },
	{ "cr4",	set_cr4,	0x548, 8, 5 },
	{ "cr3",	set_cr3,	0x550, 8, 5 },
	{ "cr0",	set_cr0,	0x558, 8, 5 },
	{ "dr7",	set_dr7,	0x560, 8, 6 },
	{ "dr6",	set_dr6,	0x568, 8, 6 },
	{ "gdtr",	set_gdtr,	0x460, 16, 7 },
	{ "idtr",	set_idtr,	0x480, 16, 7 },
	{ "es",		set_es,		0x400, 16, 8 },
	{ "cs",		set_cs,		0x410, 16, 8 },
	{ "ss",		set_ss,		0x420, 16, 8 },
	{ "ds",		set_ds,		0x430, 16, 8 },
	{ "cpl",	set_cpl,	0x4cb, 1, 8 },
	{ "cr2",	set_cr2,	0x640, 8, 9 },
};

static void vmcb_test_setters(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	u8 *field, zero[16] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(setters); i++) {
		memset(vmcb, 0, sizeof(*vmcb));
		vmcb->control.clean = 0x3ff;
		setters[i].set(vmcb);
		KUNIT_EXPECT_EQ_MSG(test, vmcb->control.clean,
				    0x3ff & ~(1 << setters[i].clean_bit), "%s",
				    setters[i].name);
		field = (u8 *)vmcb + setters[i].offset;
		KUNIT_EXPECT_NE_MSG(test, memcmp(field, zero, setters[i].size), 0,
				    "%s", setters[i].name);
		/* and nothing beside the field was touched */
		memset(field, 0, setters[i].size);
		vmcb->control.clean = 0;
		KUNIT_EXPECT_PTR_EQ_MSG(test, memchr_inv(vmcb, 0, sizeof(*vmcb)), NULL,
					"%s", setters[i].name);
	}
}

static void vmcb_test_intercept_bit(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	unsigned int nr;

	for (nr = 0; nr < NR_BITS; nr++) {
		vmcb->control.intercepts[nr / 32] = 1U << nr % 32;
		KUNIT_EXPECT_TRUE(test, vmcb_intercepts(vmcb, nr));
		vmcb->control.intercepts[nr / 32] = ~(1U << nr % 32);
		KUNIT_EXPECT_FALSE(test, vmcb_intercepts(vmcb, nr));
	}
}

/* Every code of a refused VMRUN, in 64 bits and, as QEMU 7.2 has it, in 32 */
static void vmcb_test_has_entered(struct kunit *test)
{
	static const s32 refused[] = { -1, -2, -3, -4 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, vmcb_has_entered((s64)refused[i]), "%d", refused[i]);
		KUNIT_EXPECT_FALSE_MSG(test, vmcb_has_entered((u32)refused[i]), "%d", refused[i]);
		KUNIT_EXPECT_NE_MSG(test, (u32)refused[i], VMEXIT_NOTHING32, "%d", refused[i]);
	}
	KUNIT_EXPECT_FALSE(test, vmcb_has_entered(VMEXIT_NOTHING32));
	for (i = 0; i < VMEXIT_MAX; i++)
		KUNIT_EXPECT_TRUE_MSG(test, vmcb_has_entered(i), "%#x", i);
}

/* vmcb_fix_intercepts() stops at the first that is not always set. */
static void vmcb_test_order(struct kunit *test)
{
	bool asked = false;
	unsigned int i;

	for (i = 0; i < vmcb_nr_intercept_rules; i++) {
		bool always = vmcb_intercept_rules[i].when == VMCB_WHEN_ALWAYS;

		KUNIT_EXPECT_FALSE_MSG(test, always && asked, "%s", vmcb_intercept_rules[i].name);
		asked |= !always;
	}
	KUNIT_EXPECT_TRUE(test, asked);
}

static int vmcb_test_init(struct kunit *test)
{
	vmcb_fix_intercepts(&caps_all);
	vmcb_fix_intercepts(&caps_none);
	return 0;
}

static struct kunit_case vmcb_test_cases[] = {
	KUNIT_CASE(vmcb_test_accounted),
	KUNIT_CASE(vmcb_test_reasons),
	KUNIT_CASE(vmcb_test_words),
	KUNIT_CASE(vmcb_test_order),
	KUNIT_CASE(vmcb_test_caps),
	KUNIT_CASE(vmcb_test_policy),
	KUNIT_CASE(vmcb_test_recalc_clean),
	KUNIT_CASE(vmcb_test_init_control),
	KUNIT_CASE(vmcb_test_setters),
	KUNIT_CASE(vmcb_test_intercept_bit),
	KUNIT_CASE(vmcb_test_has_entered),
	{}
};

static struct kunit_suite vmcb_test_suite = {
	.name = "svmvcpu_vmcb",
	.init = vmcb_test_init,
	.test_cases = vmcb_test_cases,
};

kunit_test_suite(vmcb_test_suite);
