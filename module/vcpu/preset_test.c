// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of preset.c: the values of every preset against the manual's, and
 * one case for every refusal.
 */
#include <kunit/test.h>

#include "preset.c"

static const struct state_limits limits = {
	.cr4_guest = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT,
	.efer_guest = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX,
	.gpa_bits = 40,
	.la_bits = 48,
	.has = CPU_HAS_PAT | CPU_HAS_TSC_AUX,
};

#define SIGNATURE	0x00800f12

static struct svmvcpu_state *state_alloc(struct kunit *test)
{
	struct svmvcpu_state *state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, state);
	state->size = sizeof(*state);
	return state;
}

static struct svmvcpu_state *preset(struct kunit *test, u32 which, u64 entry,
				    u64 stack, u64 cr3, u64 arg)
{
	struct svmvcpu_setup setup = {
		.size = sizeof(setup), .preset = which, .entry = entry,
		.stack = stack, .cr3 = cr3, .arg = arg,
	};
	struct svmvcpu_state *state = state_alloc(test);

	memset(state, 0xff, sizeof(*state));
	KUNIT_ASSERT_EQ(test, preset_state(&setup, &limits, SIGNATURE, state), 0);
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), 0);
	KUNIT_EXPECT_EQ(test, state->components, 0xf);
	KUNIT_EXPECT_EQ(test, state->size, sizeof(*state));
	KUNIT_EXPECT_EQ(test, state->gprs.rflags, 2);
	KUNIT_EXPECT_EQ(test, state->debug.dr6, 0xffff0ff0);
	KUNIT_EXPECT_EQ(test, state->debug.dr7, 0x400);
	return state;
}

static void expect_segment(struct kunit *test, const struct svmvcpu_segment *seg,
			   u16 selector, u64 base, u32 limit, u16 attrib)
{
	KUNIT_EXPECT_EQ(test, seg->selector, selector);
	KUNIT_EXPECT_EQ(test, seg->base, base);
	KUNIT_EXPECT_EQ(test, seg->limit, limit);
	KUNIT_EXPECT_EQ(test, seg->attrib, attrib);
}

static void expect_data(struct kunit *test, const struct svmvcpu_segments *seg,
			u16 selector, u32 limit, u16 attrib)
{
	expect_segment(test, &seg->es, selector, 0, limit, attrib);
	expect_segment(test, &seg->ss, selector, 0, limit, attrib);
	expect_segment(test, &seg->ds, selector, 0, limit, attrib);
	expect_segment(test, &seg->fs, selector, 0, limit, attrib);
	expect_segment(test, &seg->gs, selector, 0, limit, attrib);
	expect_segment(test, &seg->ldtr, 0, 0, 0xffff, 0x82);
	expect_segment(test, &seg->tr, 0, 0, 0xffff, 0x8b);
}

static void preset_test_real(struct kunit *test)
{
	struct svmvcpu_state *state = preset(test, SVMVCPU_PRESET_REAL, 0x7c00,
					     0xfffe, 0, 0);

	KUNIT_EXPECT_EQ(test, state->gprs.rip, 0x7c00);
	KUNIT_EXPECT_EQ(test, state->gprs.rsp, 0xfffe);
	KUNIT_EXPECT_EQ(test, state->gprs.rdx, 0);
	KUNIT_EXPECT_EQ(test, state->control.cr0, 0x60000010);
	KUNIT_EXPECT_EQ(test, state->control.cr3, 0);
	KUNIT_EXPECT_EQ(test, state->control.cr4, 0);
	KUNIT_EXPECT_EQ(test, state->control.efer, 0);
	expect_segment(test, &state->segments.cs, 0, 0, 0xffff, 0x9b);
	expect_data(test, &state->segments, 0, 0xffff, 0x93);
	expect_segment(test, &state->segments.gdtr, 0, 0, 0xffff, 0);
	expect_segment(test, &state->segments.idtr, 0, 0, 0xffff, 0);
}

static void preset_test_reset(struct kunit *test)
{
	struct svmvcpu_state *state = preset(test, SVMVCPU_PRESET_RESET, 0, 0, 0, 0);

	KUNIT_EXPECT_EQ(test, state->gprs.rip, 0xfff0);
	KUNIT_EXPECT_EQ(test, state->gprs.rsp, 0);
	KUNIT_EXPECT_EQ(test, state->gprs.rdx, SIGNATURE);
	KUNIT_EXPECT_EQ(test, state->control.cr0, 0x60000010);
	expect_segment(test, &state->segments.cs, 0xf000, 0xffff0000, 0xffff, 0x9b);
	expect_data(test, &state->segments, 0, 0xffff, 0x93);
	expect_segment(test, &state->segments.idtr, 0, 0, 0xffff, 0);
}

/* INIT differs from RESET only in CR0.CD and NW, and leaves the other components alone. */
static void preset_test_init(struct kunit *test)
{
	struct svmvcpu_state *reset = preset(test, SVMVCPU_PRESET_RESET, 0, 0, 0, 0);
	struct svmvcpu_state *init = state_alloc(test);
	static const u64 cr0s[][2] = {
		{ 0, 0x10 }, { 0x80050033, 0x10 }, { 0xe0050033, 0x60000010 },
		{ 0x40000011, 0x40000010 }, { 0x60000010, 0x60000010 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr0s); i++) {
		memset(init, 0xff, sizeof(*init));
		preset_init_state(cr0s[i][0], SIGNATURE, init);
		KUNIT_EXPECT_EQ(test, init->control.cr0, cr0s[i][1]);
		init->control.cr0 = reset->control.cr0;
		KUNIT_EXPECT_EQ(test, memcmp(init, reset, sizeof(*init)), 0);
	}
}

static void preset_test_prot32(struct kunit *test)
{
	struct svmvcpu_state *state = preset(test, SVMVCPU_PRESET_PROT32, 0x100000,
					     0xfffffff0, 0, 0xffffffff);

	KUNIT_EXPECT_EQ(test, state->gprs.rip, 0x100000);
	KUNIT_EXPECT_EQ(test, state->gprs.rsp, 0xfffffff0);
	KUNIT_EXPECT_EQ(test, state->gprs.rdi, 0xffffffff);
	KUNIT_EXPECT_EQ(test, state->control.cr0, 0x33);
	KUNIT_EXPECT_EQ(test, state->control.cr4, 0x600);
	KUNIT_EXPECT_EQ(test, state->control.efer, 0);
	expect_segment(test, &state->segments.cs, 8, 0, 0xffffffff, 0xc9b);
	expect_data(test, &state->segments, 16, 0xffffffff, 0xc93);
	expect_segment(test, &state->segments.gdtr, 0, 0, 0, 0);
	expect_segment(test, &state->segments.idtr, 0, 0, 0, 0);
}

static void preset_test_long64(struct kunit *test)
{
	u64 entry = 0xffffffff80000000ULL, stack = 0x7ffffffffff0ULL;
	struct svmvcpu_state *state = preset(test, SVMVCPU_PRESET_LONG64, entry,
					     stack, (1ULL << 40) - 4096, ~0ULL);

	KUNIT_EXPECT_EQ(test, state->gprs.rip, entry);
	KUNIT_EXPECT_EQ(test, state->gprs.rsp, stack);
	KUNIT_EXPECT_EQ(test, state->gprs.rdi, ~0ULL);
	KUNIT_EXPECT_EQ(test, state->control.cr0, 0x80010033);
	KUNIT_EXPECT_EQ(test, state->control.cr3, (1ULL << 40) - 4096);
	KUNIT_EXPECT_EQ(test, state->control.cr4, 0x620);
	KUNIT_EXPECT_EQ(test, state->control.efer, 0x500);
	expect_segment(test, &state->segments.cs, 8, 0, 0xffffffff, 0xa9b);
	expect_data(test, &state->segments, 16, 0xffffffff, 0xc93);
	expect_segment(test, &state->segments.gdtr, 0, 0, 0, 0);
}

#define REAL	SVMVCPU_PRESET_REAL
#define RESET	SVMVCPU_PRESET_RESET
#define PROT32	SVMVCPU_PRESET_PROT32
#define LONG64	SVMVCPU_PRESET_LONG64

static const struct svmvcpu_setup bad_setups[] = {
	{ .preset = REAL, .flags = 1 },
	{ .preset = REAL, .mbz = 1 },
	{ .preset = 4 },
	{ .preset = ~0U },
	{ .preset = REAL, .entry = 0x10000 },
	{ .preset = REAL, .stack = 0x10000 },
	{ .preset = REAL, .cr3 = 0x1000 },
	{ .preset = REAL, .arg = 1 },
	{ .preset = RESET, .entry = 0xfff0 },
	{ .preset = RESET, .stack = 1 },
	{ .preset = RESET, .cr3 = 0x1000 },
	{ .preset = RESET, .arg = 1 },
	{ .preset = PROT32, .entry = 1ULL << 32 },
	{ .preset = PROT32, .stack = 1ULL << 32 },
	{ .preset = PROT32, .arg = 1ULL << 32 },
	{ .preset = PROT32, .cr3 = 0x1000 },
	{ .preset = LONG64, .entry = 1ULL << 47 },
	{ .preset = LONG64, .entry = 0xffff7fffffffffffULL },
	{ .preset = LONG64, .stack = 1ULL << 63 },
	{ .preset = LONG64, .cr3 = 0x1008 },
	{ .preset = LONG64, .cr3 = 1ULL << 40 },
	{ .preset = LONG64, .cr3 = 1ULL << 63 },
};

static void preset_test_bad_setup(struct kunit *test)
{
	struct svmvcpu_state *state = state_alloc(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_setups); i++)
		KUNIT_EXPECT_EQ_MSG(test, preset_state(&bad_setups[i], &limits,
						       SIGNATURE, state),
				    -EINVAL, "case %u", i);
}

/* A value for one u64, u32 or u16 of a state, and the component it is in */
struct probe {
	const char *what;
	size_t offset;
	u8 size;
	u64 component;
	u64 value;
};

#define PROBE(field, size, component, value)				\
	{ #field " = " #value, offsetof(struct svmvcpu_state, field),	\
	  size, SVMVCPU_STATE_##component, value }
#define GPRS(field, value)	PROBE(gprs.field, 8, GPRS, value)
#define BASE(seg, value)	PROBE(segments.seg.base, 8, SEGMENTS, value)
#define LIMIT(seg, value)	PROBE(segments.seg.limit, 4, SEGMENTS, value)
#define SELECTOR(seg, value)	PROBE(segments.seg.selector, 2, SEGMENTS, value)
#define ATTRIB(seg, value)	PROBE(segments.seg.attrib, 2, SEGMENTS, value)
#define CONTROL(field, value)	PROBE(control.field, 8, CONTROL, value)
#define EVENTS(field, value)	PROBE(events.field, 4, EVENTS, value)
#define EVENT_BYTE(field, value) PROBE(events.field, 1, EVENTS, value)
#define MSRS(field, value)	PROBE(msrs.field, 8, MSRS, value)
#define DEBUG_REG(field, value)	PROBE(debug.field, 8, DEBUG, value)

static const struct probe refused[] = {
	GPRS(rflags, 0),
	GPRS(rflags, 0xa),
	GPRS(rflags, 0x22),
	GPRS(rflags, 0x8002),
	GPRS(rflags, 0x400002),
	GPRS(rflags, 1ULL << 63 | 2),
	ATTRIB(es, 0x1093),
	ATTRIB(cs, 0x209b),
	ATTRIB(ss, 0x4093),
	ATTRIB(ds, 0x8093),
	ATTRIB(fs, 0x1093),
	ATTRIB(gs, 0x1093),
	ATTRIB(ldtr, 0x1082),
	ATTRIB(tr, 0x108b),
	BASE(es, 1ULL << 32),
	BASE(cs, 1ULL << 32),
	BASE(ss, 1ULL << 32),
	BASE(ds, ~0ULL),
	BASE(fs, 1ULL << 47),
	BASE(gs, 1ULL << 63),
	BASE(ldtr, 1ULL << 47),
	BASE(tr, 0xffff7fffffffffffULL),
	BASE(gdtr, 1ULL << 47),
	BASE(idtr, 1ULL << 47),
	LIMIT(gdtr, 0x10000),
	LIMIT(idtr, 0x10000),
	SELECTOR(gdtr, 8),
	SELECTOR(idtr, 8),
	ATTRIB(gdtr, 0x80),
	ATTRIB(idtr, 0x80),
	CONTROL(cr0, 1ULL << 32),
	CONTROL(cr3, 1ULL << 40),
	CONTROL(cr4, X86_CR4_VMXE),
	CONTROL(cr4, 1ULL << 32),
	CONTROL(cr8, 16),
	CONTROL(efer, EFER_SVME),
	CONTROL(efer, 1ULL << 63),
	DEBUG_REG(dr6, 1ULL << 32),
	EVENTS(exception, 0x30d),
	EVENTS(exception, 0x80000302),
	EVENTS(exception, 0x80000312),
	EVENTS(exception, 0x80000320),
	EVENTS(exception, 0x80000203),
	EVENTS(exception, 0x80000120),
	EVENTS(exception, 0x80000b0d),
	EVENTS(exception_error, 1),
	EVENTS(irq, 0x20),
	EVENTS(irq, 0x80000320),
	EVENTS(irq, 0x80000400),
	EVENT_BYTE(nmis, 2),
	EVENT_BYTE(nmi_masked, 2),
	EVENT_BYTE(shadow, 2),
	EVENT_BYTE(activity, 3),
	MSRS(pat, 2),
	MSRS(pat, 3ULL << 8),
	MSRS(pat, 8ULL << 56),
	MSRS(tsc_aux, 1ULL << 32),
	MSRS(kernel_gs_base, 0xffff7fffffffffffULL),
	DEBUG_REG(dr7, 1ULL << 32),
};

static const struct probe accepted[] = {
	GPRS(rflags, 0x3f7fd7),
	GPRS(rip, ~0ULL),
	GPRS(rax, ~0ULL),
	ATTRIB(cs, 0xfff),
	BASE(cs, 0xffffffff),
	LIMIT(cs, 0xffffffff),
	BASE(fs, 0xffff800000000000ULL),
	BASE(gs, 0x7fffffffffffULL),
	BASE(gdtr, ~0ULL),
	LIMIT(gdtr, 0xffff),
	SELECTOR(tr, 0xffff),
	CONTROL(cr0, 0xffffffff),
	CONTROL(cr2, ~0ULL),
	CONTROL(cr3, (1ULL << 40) - 1),
	CONTROL(cr8, 15),
	CONTROL(efer, EFER_NX),
	DEBUG_REG(db[0], ~0ULL),
	DEBUG_REG(dr6, 0xffffffff),
	EVENTS(exception, 0x8000030d),
	EVENTS(exception, 0x80000303),
	EVENTS(exception, 0x80000202),
	EVENTS(exception, 0x80000020),
	EVENTS(exception, 0x80000480),
	EVENTS(irq, 0x800000ff),
	EVENT_BYTE(nmis, 1),
	EVENT_BYTE(nmi_masked, 1),
	EVENT_BYTE(shadow, 1),
	EVENT_BYTE(activity, 1),
	EVENT_BYTE(activity, 2),
	MSRS(star, ~0ULL),
	MSRS(sfmask, ~0ULL),
	MSRS(sysenter_cs, ~0ULL),
	MSRS(sysenter_esp, 1ULL << 47),
	MSRS(sysenter_eip, 1ULL << 63),
	MSRS(cstar, 1ULL << 62),
	MSRS(lstar, 0xffff800000000000ULL),
	MSRS(pat, 0x0706050401000606ULL),
	MSRS(tsc, ~0ULL),
	MSRS(tsc_aux, 0xffffffff),
};

/* Little-endian, so the low bytes are the value whatever the field's size. */
static void apply_probe(struct svmvcpu_state *state, const struct probe *probe)
{
	memcpy((u8 *)state + probe->offset, &probe->value, probe->size);
}

static void preset_test_state_refused(struct kunit *test)
{
	const struct probe *probe;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		struct svmvcpu_state *state = preset(test, REAL, 0, 0, 0, 0);

		probe = &refused[i];
		state->components = STATE_ALL;
		apply_probe(state, probe);
		KUNIT_EXPECT_EQ_MSG(test, state_valid(state, &limits), -EINVAL,
				    "%s", probe->what);
		/* alone it is refused as well, and ignored when not named */
		state->components = probe->component;
		KUNIT_EXPECT_EQ_MSG(test, state_valid(state, &limits), -EINVAL,
				    "%s", probe->what);
		state->components = STATE_ALL & ~probe->component;
		KUNIT_EXPECT_EQ_MSG(test, state_valid(state, &limits), 0,
				    "%s", probe->what);
		kunit_kfree(test, state);
	}
}

static void preset_test_state_accepted(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(accepted); i++) {
		struct svmvcpu_state *state = preset(test, REAL, 0, 0, 0, 0);

		/* SETUP names fewer components than there are. */
		state->components = STATE_ALL;
		apply_probe(state, &accepted[i]);
		KUNIT_EXPECT_EQ_MSG(test, state_valid(state, &limits), 0, "%s",
				    accepted[i].what);
		kunit_kfree(test, state);
	}
}

static void preset_test_state_header(struct kunit *test)
{
	struct svmvcpu_state *state = state_alloc(test);

	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), 0);
	state->flags = 1;
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), -EINVAL);
	state->flags = 0;
	state->components = 1ULL << 8;
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), -EINVAL);
	state->components = 1ULL << 63;
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), -EINVAL);
}

/* On a CPU with 5-level paging a base may be wider. */
static void preset_test_la57(struct kunit *test)
{
	struct svmvcpu_state *state = preset(test, REAL, 0, 0, 0, 0);
	struct state_limits wide = limits;

	wide.la_bits = 57;
	state->segments.fs.base = 1ULL << 47;
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), -EINVAL);
	KUNIT_EXPECT_EQ(test, state_valid(state, &wide), 0);
	state->segments.fs.base = 1ULL << 56;
	KUNIT_EXPECT_EQ(test, state_valid(state, &wide), -EINVAL);
}

/* A CPU without RDTSCP and RDPID has no TSC_AUX. */
static void preset_test_no_tsc_aux(struct kunit *test)
{
	struct svmvcpu_state *state = preset(test, REAL, 0, 0, 0, 0);
	struct state_limits without = limits;

	without.has &= ~CPU_HAS_TSC_AUX;
	state->components |= SVMVCPU_STATE_MSRS;
	KUNIT_EXPECT_EQ(test, state_valid(state, &without), 0);
	state->msrs.tsc_aux = 1;
	KUNIT_EXPECT_EQ(test, state_valid(state, &without), -EINVAL);
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), 0);
}

/* Each bit of the two MSRs: what the host has of them, and nothing else */
static void preset_test_spec_ctrl(struct kunit *test)
{
	struct svmvcpu_state *state = preset(test, REAL, 0, 0, 0, 0);
	struct state_limits some = limits;
	unsigned int bit;

	some.spec_ctrl = SPEC_CTRL_IBRS | SPEC_CTRL_SSBD | BIT(7);
	some.has |= CPU_HAS_SPEC_CTRL | CPU_HAS_VIRT_SSBD;
	state->components = SVMVCPU_STATE_MSRS;
	for (bit = 0; bit < 64; bit++) {
		bool known = bit == 0 || bit == 2 || bit == 7;

		state->spec_ctrl = BIT_ULL(bit);
		KUNIT_EXPECT_EQ_MSG(test, state_valid(state, &some), known ? 0 : -EINVAL,
				    "bit %u", bit);
		KUNIT_EXPECT_EQ(test, state_valid(state, &limits), -EINVAL);
		state->spec_ctrl = 0;
		state->virt_spec_ctrl = BIT_ULL(bit);
		KUNIT_EXPECT_EQ_MSG(test, state_valid(state, &some), bit == 2 ? 0 : -EINVAL,
				    "bit %u", bit);
		KUNIT_EXPECT_EQ(test, state_valid(state, &limits), -EINVAL);
		state->virt_spec_ctrl = 0;
	}
	/* Looked at with MSRS alone */
	state->spec_ctrl = ~0ULL;
	state->components = SVMVCPU_STATE_GPRS;
	KUNIT_EXPECT_EQ(test, state_valid(state, &limits), 0);
}

/* What each component needs the CPU to have, and nothing for those not named */
static void preset_test_used(struct kunit *test)
{
	struct svmvcpu_state *state = state_alloc(test);
	struct state_limits used;

	state->control.cr4 = X86_CR4_SMEP;
	state->control.efer = EFER_NX;
	state->xcr0 = 7;
	state->msrs.tsc_aux = 1;
	state->lapic.base = 0xc00;
	state->lapic.tsc_deadline = 1;
	state_used(state, &used);
	KUNIT_EXPECT_NULL(test, memchr_inv(&used, 0, sizeof(used)));
	state->components = SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_XSTATE;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.cr4_guest, X86_CR4_SMEP);
	KUNIT_EXPECT_EQ(test, used.efer_guest, EFER_NX);
	KUNIT_EXPECT_EQ(test, used.xcr0, 7);
	KUNIT_EXPECT_EQ(test, used.has, 0);
	state->components = SVMVCPU_STATE_MSRS;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.has, CPU_HAS_PAT | CPU_HAS_TSC_AUX);
	KUNIT_EXPECT_EQ(test, used.spec_ctrl, 0);
	state->spec_ctrl = SPEC_CTRL_STIBP;
	state->virt_spec_ctrl = SPEC_CTRL_SSBD;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.spec_ctrl, SPEC_CTRL_STIBP);
	KUNIT_EXPECT_EQ(test, used.has, CPU_HAS_PAT | CPU_HAS_TSC_AUX | CPU_HAS_VIRT_SSBD);
	state->spec_ctrl = 0;
	state->virt_spec_ctrl = 0;
	state->msrs.pat = PAT_RESET;
	state->msrs.tsc_aux = 0;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.has, 0);
	state->components = SVMVCPU_STATE_LAPIC;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.has, CPU_HAS_APIC | CPU_HAS_X2APIC | CPU_HAS_DEADLINE);
	state->lapic.base = 0x800;
	state->lapic.tsc_deadline = 0;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.has, CPU_HAS_APIC);
	state->lapic.base = 0;
	state->lapic.regs[0x32] = 0x40000;
	state_used(state, &used);
	KUNIT_EXPECT_EQ(test, used.has, CPU_HAS_DEADLINE);
}

static struct kunit_case preset_test_cases[] = {
	KUNIT_CASE(preset_test_real),
	KUNIT_CASE(preset_test_reset),
	KUNIT_CASE(preset_test_init),
	KUNIT_CASE(preset_test_prot32),
	KUNIT_CASE(preset_test_long64),
	KUNIT_CASE(preset_test_bad_setup),
	KUNIT_CASE(preset_test_state_refused),
	KUNIT_CASE(preset_test_state_accepted),
	KUNIT_CASE(preset_test_state_header),
	KUNIT_CASE(preset_test_la57),
	KUNIT_CASE(preset_test_no_tsc_aux),
	KUNIT_CASE(preset_test_spec_ctrl),
	KUNIT_CASE(preset_test_used),
	{}
};

static struct kunit_suite preset_test_suite = {
	.name = "svmvcpu_preset",
	.test_cases = preset_test_cases,
};

kunit_test_suite(preset_test_suite);
