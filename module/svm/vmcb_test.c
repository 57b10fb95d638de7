// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of vmcb.c and of the setters in vmcb.h: that every intercept bit
 * is accounted for, that the set follows capabilities and policy, and that a
 * setter clears its own clean bit and no other.
 */
#include <kunit/test.h>

#include "vmcb.c"

#define NR_BITS	(VMCB_INTERCEPT_WORDS * 32)

#define VMCB_ASSERT(member, offset) \
	static_assert(offsetof(struct vmcb, member) == (offset))

VMCB_ASSERT(control.intercepts[5], 0x014);
VMCB_ASSERT(control.pause_filter_threshold, 0x03c);
VMCB_ASSERT(control.pause_filter_count, 0x03e);
VMCB_ASSERT(control.iopm_base_pa, 0x040);
VMCB_ASSERT(control.msrpm_base_pa, 0x048);
VMCB_ASSERT(control.tsc_offset, 0x050);
VMCB_ASSERT(control.asid, 0x058);
VMCB_ASSERT(control.tlb_control, 0x05c);
VMCB_ASSERT(control.int_ctl, 0x060);
VMCB_ASSERT(control.int_state, 0x068);
VMCB_ASSERT(control.exit_code, 0x070);
VMCB_ASSERT(control.exit_info_1, 0x078);
VMCB_ASSERT(control.exit_info_2, 0x080);
VMCB_ASSERT(control.exit_int_info, 0x088);
VMCB_ASSERT(control.nested_ctl, 0x090);
VMCB_ASSERT(control.avic_bar, 0x098);
VMCB_ASSERT(control.ghcb_pa, 0x0a0);
VMCB_ASSERT(control.event_inj, 0x0a8);
VMCB_ASSERT(control.nested_cr3, 0x0b0);
VMCB_ASSERT(control.lbr_virt, 0x0b8);
VMCB_ASSERT(control.clean, 0x0c0);
VMCB_ASSERT(control.next_rip, 0x0c8);
VMCB_ASSERT(control.insn_len, 0x0d0);
VMCB_ASSERT(control.insn_bytes, 0x0d1);
VMCB_ASSERT(control.avic_backing_page, 0x0e0);
VMCB_ASSERT(save, 0x400);
VMCB_ASSERT(save.es, 0x400);
VMCB_ASSERT(save.cs, 0x410);
VMCB_ASSERT(save.ss, 0x420);
VMCB_ASSERT(save.ds, 0x430);
VMCB_ASSERT(save.fs, 0x440);
VMCB_ASSERT(save.gs, 0x450);
VMCB_ASSERT(save.gdtr, 0x460);
VMCB_ASSERT(save.ldtr, 0x470);
VMCB_ASSERT(save.idtr, 0x480);
VMCB_ASSERT(save.tr, 0x490);
VMCB_ASSERT(save.cpl, 0x4cb);
VMCB_ASSERT(save.efer, 0x4d0);
VMCB_ASSERT(save.cr4, 0x548);
VMCB_ASSERT(save.cr3, 0x550);
VMCB_ASSERT(save.cr0, 0x558);
VMCB_ASSERT(save.dr7, 0x560);
VMCB_ASSERT(save.dr6, 0x568);
VMCB_ASSERT(save.rflags, 0x570);
VMCB_ASSERT(save.rip, 0x578);
VMCB_ASSERT(save.rsp, 0x5d8);
VMCB_ASSERT(save.s_cet, 0x5e0);
VMCB_ASSERT(save.rax, 0x5f8);
VMCB_ASSERT(save.star, 0x600);
VMCB_ASSERT(save.lstar, 0x608);
VMCB_ASSERT(save.cstar, 0x610);
VMCB_ASSERT(save.sfmask, 0x618);
VMCB_ASSERT(save.kernel_gs_base, 0x620);
VMCB_ASSERT(save.sysenter_cs, 0x628);
VMCB_ASSERT(save.sysenter_esp, 0x630);
VMCB_ASSERT(save.sysenter_eip, 0x638);
VMCB_ASSERT(save.cr2, 0x640);
VMCB_ASSERT(save.g_pat, 0x668);
VMCB_ASSERT(save.dbgctl, 0x670);
VMCB_ASSERT(save.last_excp_to, 0x690);
VMCB_ASSERT(save.spec_ctrl, 0x6e0);
static_assert(sizeof(struct vmcb_segment) == 16);
static_assert(sizeof(struct vmcb_control_area) == 0x400);
static_assert(sizeof(struct vmcb) == 0x1000);

/* Consecutive intercepts that are never set */
struct open_intercepts {
	u16 first;		/* &enum vmcb_exit */
	u16 last;		/* inclusive */
	const char *why;	/* why this is safe */
};

static const struct open_intercepts open_intercepts[] = {
	{ VMEXIT_CR0_READ + 1, VMEXIT_CR0_READ + 1, "no such register: #UD" },
	{ VMEXIT_CR0_READ + 2, VMEXIT_CR0_READ + 3, "in the VMCB" },
	{ VMEXIT_CR0_READ + 5, VMEXIT_CR0_READ + 7, "no such register: #UD" },
	{ VMEXIT_CR0_READ + 9, VMEXIT_CR0_READ + 15, "no such register: #UD" },
	{ VMEXIT_CR0_WRITE + 1, VMEXIT_CR0_WRITE + 1, "no such register: #UD" },
	{ VMEXIT_CR0_WRITE + 2, VMEXIT_CR0_WRITE + 2, "in the VMCB" },
	{ VMEXIT_CR0_WRITE + 3, VMEXIT_CR0_WRITE + 3,
	  "in the VMCB; nested paging makes any value harmless" },
	{ VMEXIT_CR0_WRITE + 5, VMEXIT_CR0_WRITE + 7, "no such register: #UD" },
	{ VMEXIT_CR0_WRITE + 9, VMEXIT_CR0_WRITE + 15, "no such register: #UD" },
	{ VMEXIT_EXCEPTION + 0, VMEXIT_EXCEPTION + 0,
	  "the guest's own affair, unless policy.exceptions has it" },
	{ VMEXIT_EXCEPTION + 2, VMEXIT_EXCEPTION + 2,
	  "never raised: NMIs have their own intercept" },
	{ VMEXIT_EXCEPTION + 3, VMEXIT_EXCEPTION + 16,
	  "the guest's own affair, unless policy.exceptions has it" },
	{ VMEXIT_EXCEPTION + 19, VMEXIT_EXCEPTION + 31,
	  "the guest's own affair, unless policy.exceptions has it" },
	{ VMEXIT_CR0_SEL_WRITE, VMEXIT_CR0_SEL_WRITE, "CR0_WRITE covers it" },
	{ VMEXIT_IDTR_READ, VMEXIT_TR_WRITE,
	  "switched by VMRUN and VMLOAD" },
	{ VMEXIT_RDTSC, VMEXIT_RDTSC, "reads through tsc_offset" },
	{ VMEXIT_PUSHF, VMEXIT_POPF, "RFLAGS is in the VMCB" },
	{ VMEXIT_INVLPG, VMEXIT_INVLPG, "works on the guest's own ASID" },
	{ VMEXIT_ICEBP, VMEXIT_ICEBP, "raises a #DB, which is intercepted" },
	{ VMEXIT_EFER_WRITE_TRAP, VMEXIT_EFER_WRITE_TRAP,
	  "the MSR intercept comes before the write" },
	{ 4 * 32 + 16, 4 * 32 + 31,
	  "traps behind a CR write; the CR intercepts come before it" },
	{ 5 * 32 + 5, 5 * 32 + 5, "bus lock threshold: not used" },
	{ 5 * 32 + 6, 5 * 32 + 6, "idle HLT: the HLT intercept is stricter" },
	{ 5 * 32 + 7, 5 * 32 + 31, "reserved" },
};

static struct svm_caps caps_all = {
	.cpuid_intercepts = SVM_INTERCEPT_RDPRU | SVM_INTERCEPT_INVPCID |
			    SVM_INTERCEPT_MCOMMIT | SVM_INTERCEPT_INVLPGB,
};

static struct svm_caps caps_none;
static const struct vmcb_policy policy_none;
static const struct vmcb_policy policy_all = {
	.exceptions = ~0U, .cr0_read = true, .cr4_read = true, .rdtscp = true,
	.pause = true,
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
	const struct intercept_rule *rule;
	unsigned int i, nr;

	for (i = 0; i < ARRAY_SIZE(intercept_rules); i++) {
		rule = &intercept_rules[i];
		for (nr = rule->nr; nr < rule->nr + rule->count; nr++)
			set[nr]++;
	}
}

static void count_open(u8 *open)
{
	const struct open_intercepts *range;
	unsigned int i, nr;

	for (i = 0; i < ARRAY_SIZE(open_intercepts); i++) {
		range = &open_intercepts[i];
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

	for (i = 0; i < ARRAY_SIZE(intercept_rules); i++) {
		KUNIT_EXPECT_GT(test, intercept_rules[i].count, 0);
		KUNIT_EXPECT_GT(test, strlen(intercept_rules[i].name), 0);
		KUNIT_EXPECT_GT(test, strlen(intercept_rules[i].why), 0);
	}
	for (i = 0; i < ARRAY_SIZE(open_intercepts); i++) {
		KUNIT_EXPECT_LE(test, open_intercepts[i].first,
				open_intercepts[i].last);
		KUNIT_EXPECT_GT(test, strlen(open_intercepts[i].why), 0);
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
		0x01110111, 0xffffffff, 0xffffffff, 0xfdfc801f, 0x00007eff, 0x1f,
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
		{ SVM_INTERCEPT_RDPRU, VMEXIT_RDPRU },
		{ SVM_INTERCEPT_INVPCID, VMEXIT_INVPCID },
		{ SVM_INTERCEPT_MCOMMIT, VMEXIT_MCOMMIT },
		{ SVM_INTERCEPT_INVLPGB, VMEXIT_INVLPGB },
		{ SVM_INTERCEPT_INVLPGB, VMEXIT_INVLPGB_ILLEGAL },
		{ SVM_INTERCEPT_INVLPGB, VMEXIT_TLBSYNC },
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
		{ { .cr0_read = true }, VMEXIT_CR0_READ },
		{ { .cr4_read = true }, VMEXIT_CR4_READ },
		{ { .rdtscp = true }, VMEXIT_RDTSCP },
		{ { .pause = true }, VMEXIT_PAUSE },
		{ { .vintr = true }, VMEXIT_VINTR },
		{ { .iret = true }, VMEXIT_IRET },
		{ { .intn = true }, VMEXIT_INTN },
		{ { .exceptions = BIT(3) }, VMEXIT_EXCEPTION + 3 },
		{ { .exceptions = BIT(31) }, VMEXIT_EXCEPTION + 31 },
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

/* The filter is set on CPUs that have it, and the threshold only together with it. */
static void vmcb_test_pause_filter(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		const struct svm_caps caps = {
			.features = i & 1 ? SVMVCPU_FEAT_PAUSE_FILTER : 0,
			.pause_threshold = i & 2,
		};

		vmcb_init_control(vmcb, &caps, 0x6000);
		KUNIT_EXPECT_EQ(test, vmcb->control.pause_filter_count, i & 1 ? 3000 : 0);
		KUNIT_EXPECT_EQ(test, vmcb->control.pause_filter_threshold, i == 3 ? 128 : 0);
		KUNIT_EXPECT_FALSE(test, vmcb_intercepts(vmcb, VMEXIT_PAUSE));
	}
}

static void vmcb_test_init_control(struct kunit *test)
{
	struct vmcb *vmcb = vmcb_alloc(test);
	struct vmcb_control_area *control = &vmcb->control;

	memset(vmcb, 0xff, sizeof(*vmcb));
	caps_all.iopm_pa = 0x1000;
	caps_all.msrpm_pa = 0x4000;
	vmcb_init_control(vmcb, &caps_all, 0x6000);
	KUNIT_EXPECT_EQ(test, control->iopm_base_pa, 0x1000);
	KUNIT_EXPECT_EQ(test, control->msrpm_base_pa, 0x4000);
	KUNIT_EXPECT_EQ(test, control->nested_cr3, 0x6000);
	KUNIT_EXPECT_EQ(test, control->nested_ctl, 1);
	KUNIT_EXPECT_EQ(test, control->int_ctl, 1 << 24);
	KUNIT_EXPECT_EQ(test, control->clean, 0);
	KUNIT_EXPECT_TRUE(test, vmcb_intercepts(vmcb, VMEXIT_VMRUN));
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
SETTER(asid)
SETTER(int_ctl)
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
	{ "asid",	set_asid,	0x058, 4, 2 },
	{ "int_ctl",	set_int_ctl,	0x060, 8, 3 },
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

	for (i = 0; i < ARRAY_SIZE(intercept_rules); i++) {
		bool always = !intercept_rules[i].when;

		KUNIT_EXPECT_FALSE_MSG(test, always && asked, "%s", intercept_rules[i].name);
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
	KUNIT_CASE(vmcb_test_pause_filter),
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
