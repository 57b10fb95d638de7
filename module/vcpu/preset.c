// SPDX-License-Identifier: GPL-2.0-only
/*
 * SETUP's presets, and the validity of a state.
 *
 * Values are never masked: a value that the hardware cannot hold is refused, so that
 * GET_STATE returns what SET_STATE has set. Combinations of components are left to
 * check.c, which reports the violated rule at the entry.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "apic/lapic.h"
#include "svm/vmcb.h"
#include "vcpu/emulated_msr.h"
#include "vcpu/event.h"
#include "vcpu/state.h"

#define CR0_RESET	(X86_CR0_CD | X86_CR0_NW | X86_CR0_ET)
#define DR6_RESET	0xffff0ff0ULL
#define DR7_RESET	0x400ULL

/* Segment attributes. Types: accessed data, accessed code, LDT, busy TSS */
#define ATTR_DATA16	(0x3 | SEG_S | SEG_P)
#define ATTR_CODE16	(0xb | SEG_S | SEG_P)
#define ATTR_DATA32	(ATTR_DATA16 | SEG_DB | SEG_G)
#define ATTR_CODE32	(ATTR_CODE16 | SEG_DB | SEG_G)
#define ATTR_CODE64	(ATTR_CODE16 | SEG_L | SEG_G)
#define ATTR_LDT	(0x2 | SEG_P)
#define ATTR_TSS	(0xb | SEG_P)

#define SEL_CODE	0x08
#define SEL_DATA	0x10

#define CR0_FLAT	(X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE)
#define CR4_FLAT	(X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/*
 * The flat presets enable native FPU errors and SSE: compiled code expects to use both,
 * and cannot handle the fault that would occur otherwise.
 */
static const struct preset {
	u64 entry, stack, cr3, arg;	/* permitted bits of the members of svmvcpu_setup */
	u64 cr0, cr4, efer;
	u16 code;			/* CS attributes with flat segments, or 0 */
} presets[] = {
	[SVMVCPU_PRESET_REAL] = {
		.entry = U16_MAX, .stack = U16_MAX, .cr0 = CR0_RESET,
	},
	[SVMVCPU_PRESET_RESET] = {
		.cr0 = CR0_RESET,
	},
	[SVMVCPU_PRESET_PROT32] = {
		.entry = U32_MAX, .stack = U32_MAX, .arg = U32_MAX,
		.cr0 = CR0_FLAT, .cr4 = CR4_FLAT, .code = ATTR_CODE32,
	},
	[SVMVCPU_PRESET_LONG64] = {
		.entry = U64_MAX, .stack = U64_MAX, .arg = U64_MAX, .cr3 = ~0xfffULL,
		.cr0 = CR0_FLAT | X86_CR0_WP | X86_CR0_PG, .cr4 = CR4_FLAT | X86_CR4_PAE,
		.efer = EFER_LME | EFER_LMA, .code = ATTR_CODE64,
	},
};

/* Segments after RESET, or flat segments with empty descriptor tables for @code not 0 */
static void preset_segments(struct svmvcpu_segments *segments, u16 code)
{
	struct svmvcpu_segment *seg = (void *)segments;
	unsigned int nr;

	for (nr = 0; nr < SEGMENT_LDTR; nr++)
		seg[nr] = (struct svmvcpu_segment) {
			.limit = code ? 0xffffffff : 0xffff,
			.selector = code ? SEL_DATA : 0,
			.attrib = code ? ATTR_DATA32 : ATTR_DATA16,
		};
	segments->cs.selector = code ? SEL_CODE : 0;
	segments->cs.attrib = code ?: ATTR_CODE16;
	segments->ldtr = (struct svmvcpu_segment) { .limit = 0xffff, .attrib = ATTR_LDT };
	segments->tr = (struct svmvcpu_segment) { .limit = 0xffff, .attrib = ATTR_TSS };
	segments->gdtr.limit = code ? 0 : 0xffff;
	segments->idtr.limit = code ? 0 : 0xffff;
}

static bool setup_valid(const struct svmvcpu_setup *setup, const struct preset *preset,
			const struct state_limits *lim)
{
	return !(setup->entry & ~preset->entry) && addr_canonical(setup->entry, 48) &&
	       !(setup->stack & ~preset->stack) && addr_canonical(setup->stack, 48) &&
	       !(setup->cr3 & ~preset->cr3) && !(setup->cr3 >> lim->gpa_bits) &&
	       !(setup->arg & ~preset->arg);
}

/**
 * preset_state() - compute the state that SETUP selects
 * @setup: copied from user space
 * @lim: limits of this host
 * @cpu_signature: CPUID 1 EAX of the guest, which RESET puts in EDX
 * @state: out: all components; undefined on error
 *
 * Return: 0 or -EINVAL
 */
int preset_state(const struct svmvcpu_setup *setup, const struct state_limits *lim,
		 u32 cpu_signature, struct svmvcpu_state *state)
{
	const struct preset *preset;

	if ((setup->flags & ~SVMVCPU_SETUP_WAIT_SIPI) || setup->mbz ||
	    setup->preset >= ARRAY_SIZE(presets))
		return -EINVAL;
	if (setup->flags && setup->preset != SVMVCPU_PRESET_RESET)
		return -EINVAL;
	preset = &presets[array_index_nospec(setup->preset, ARRAY_SIZE(presets))];
	if (!setup_valid(setup, preset, lim))
		return -EINVAL;
	memset(state, 0, sizeof(*state));
	state->size = sizeof(*state);
	state->components = SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |
			    SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG;
	state->gprs.rflags = RFLAGS_FIXED;
	state->gprs.rip = setup->entry;
	state->gprs.rsp = setup->stack;
	state->gprs.rdi = setup->arg;
	state->control.cr0 = preset->cr0;
	state->control.cr3 = setup->cr3;
	state->control.cr4 = preset->cr4;
	state->control.efer = preset->efer;
	state->debug.dr6 = DR6_RESET;
	state->debug.dr7 = DR7_RESET;
	preset_segments(&state->segments, preset->code);
	/* APM volume 2, 14.1.3 */
	if (setup->preset == SVMVCPU_PRESET_RESET) {
		state->gprs.rip = 0xfff0;
		state->gprs.rdx = cpu_signature;
		state->segments.cs.selector = 0xf000;
		state->segments.cs.base = 0xffff0000;
	}
	return 0;
}

/**
 * preset_init_state() - compute the state after INIT
 * @cr0: CR0 before it
 * @cpu_signature: as for preset_state()
 * @state: out: the components that INIT changes, except EVENTS and LAPIC
 *
 * APM volume 2, table 14-1: as RESET, but CR0.CD and NW do not change, nor do the x87, SSE
 * and AVX registers, XCR0 and all MSRs but EFER.
 */
void preset_init_state(u64 cr0, u32 cpu_signature, struct svmvcpu_state *state)
{
	static const struct state_limits no_limits;
	static const struct svmvcpu_setup reset = { .preset = SVMVCPU_PRESET_RESET };

	preset_state(&reset, &no_limits, cpu_signature, state);
	state->control.cr0 = (cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
}

static bool segment_valid(const struct svmvcpu_segment *seg, unsigned int nr,
			  unsigned int la_bits)
{
	/* CS, DS, ES and SS have 32 bits of base, the others 64. */
	if (nr < SEGMENT_FS ? seg->base > U32_MAX : !addr_canonical(seg->base, la_bits))
		return false;
	if (nr < SEGMENT_GDTR)
		return !(seg->attrib & ~SEG_ATTRIB_MASK);
	return !seg->selector && !seg->attrib && seg->limit <= U16_MAX;
}

static bool segments_valid(const struct svmvcpu_segments *segments, unsigned int la_bits)
{
	const struct svmvcpu_segment *seg = (const void *)segments;
	unsigned int nr;

	for (nr = 0; nr < NR_SEGMENTS; nr++)
		if (!segment_valid(&seg[nr], nr, la_bits))
			return false;
	return true;
}

static bool control_valid(const struct svmvcpu_control *control,
			  const struct state_limits *lim)
{
	return control->cr0 <= U32_MAX && control->cr8 <= 15 &&
	       !(control->cr3 >> lim->gpa_bits) &&
	       !(control->cr4 & ~lim->cr4_guest) &&
	       !(control->efer & ~lim->efer_guest);
}

#define INJECT_KNOWN	(SVMVCPU_INJECT_VALID | GENMASK(10, 8) | SVMVCPU_INJECT_VECTOR)

/* Defined vectors except NMI and #MC, which is a class of its own */
static bool exception_valid(unsigned int vector, u32 error, u64 address)
{
	return vector < 32 && (EXITABLE_EXCEPTIONS & BIT(vector)) &&
	       (!error || event_has_error(vector)) &&
	       (!address || vector == VEC_PF || vector == VEC_DB);
}

/**
 * inject_valid() - whether user space may inject an event
 * @inject: svmvcpu_run.inject, not 0
 * @error: svmvcpu_run.inject_error
 * @address: svmvcpu_run.inject_address
 */
bool inject_valid(u32 inject, u32 error, u64 address)
{
	unsigned int vector = inject & SVMVCPU_INJECT_VECTOR;

	if (!(inject & SVMVCPU_INJECT_VALID) || (inject & ~INJECT_KNOWN))
		return false;
	switch (inject & GENMASK(10, 8)) {
	case SVMVCPU_INJECT_IRQ:
		return !error && !address;
	case SVMVCPU_INJECT_NMI:
		return vector == VEC_NMI && !error && !address;
	case SVMVCPU_INJECT_EXC:
		return exception_valid(vector, error, address);
	default:
		return false;
	}
}

static bool events_valid(const struct svmvcpu_events *events)
{
	u32 exc = events->exception;

	if (events->nmis > 1 || events->nmi_masked > 1 || events->shadow > 1 ||
	    events->activity > SVMVCPU_ACTIVITY_WAIT_SIPI)
		return false;
	if (events->irq && (events->irq & ~SVMVCPU_INJECT_VECTOR) !=
	    (SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ))
		return false;
	if (!exc)
		return !events->exception_error;
	/* INT n whose delivery was interrupted; RIP is after the instruction. */
	if ((exc & ~SVMVCPU_INJECT_VECTOR) == (SVMVCPU_INJECT_VALID | EVENT_TYPE_SOFT))
		return !events->exception_error;
	return inject_valid(exc, events->exception_error, 0);
}

/*
 * The targets of SYSCALL and SYSENTER may have any value: only the guest's instructions
 * use them, VMLOAD does not check them, and not every CPU checks WRMSR, so a guest may
 * have set any value itself.
 */
static bool msrs_valid(const struct svmvcpu_state *state, const struct state_limits *lim)
{
	return addr_canonical(state->msrs.kernel_gs_base, lim->la_bits) &&
	       emulated_msrs_valid(state, lim);
}

/**
 * state_valid() - whether a CPU can be in a state
 * @state: copied from user space; components that it does not name are ignored
 * @lim: limits of this host
 *
 * Return: 0 or -EINVAL
 */
int state_valid(const struct svmvcpu_state *state, const struct state_limits *lim)
{
	u64 has = state->components;

	if (state->flags || (has & ~STATE_ALL) ||
	    ((has & SVMVCPU_STATE_GPRS) && !rflags_valid(state->gprs.rflags)) ||
	    ((has & SVMVCPU_STATE_SEGMENTS) &&
	     !segments_valid(&state->segments, lim->la_bits)) ||
	    ((has & SVMVCPU_STATE_CONTROL) && !control_valid(&state->control, lim)) ||
	    ((has & SVMVCPU_STATE_DEBUG) &&
	     (state->debug.dr6 | state->debug.dr7) > U32_MAX) ||
	    ((has & SVMVCPU_STATE_EVENTS) && !events_valid(&state->events)) ||
	    ((has & SVMVCPU_STATE_MSRS) && !msrs_valid(state, lim)))
		return -EINVAL;
	return 0;
}

#define APIC_BASE_X2		0x400
#define APIC_LVT_TIMER		0x32
#define APIC_LVT_DEADLINE	0x40000

static u64 lapic_used(const struct svmvcpu_lapic *lapic)
{
	bool deadline = lapic->tsc_deadline || (lapic->regs[APIC_LVT_TIMER] & APIC_LVT_DEADLINE);

	return (lapic->base & LAPIC_BASE_ENABLE ? CPU_HAS_APIC : 0) |
	       (lapic->base & APIC_BASE_X2 ? CPU_HAS_X2APIC : 0) |
	       (deadline ? CPU_HAS_DEADLINE : 0);
}

/**
 * state_used() - compute what a CPU must have to be in a state
 * @state: copied from user space; components that it does not name are ignored
 * @used: out: the control bits that are set, and CPU_HAS_* that other values need
 */
void state_used(const struct svmvcpu_state *state, struct state_limits *used)
{
	u64 has = state->components;

	memset(used, 0, sizeof(*used));
	if (has & SVMVCPU_STATE_CONTROL) {
		used->cr4_guest = state->control.cr4;
		used->efer_guest = state->control.efer;
	}
	if (has & SVMVCPU_STATE_MSRS)
		emulated_msrs_used(state, used);
	if (has & SVMVCPU_STATE_XSTATE)
		used->xcr0 = state->xcr0;
	if (has & SVMVCPU_STATE_LAPIC)
		used->has |= lapic_used(&state->lapic);
}
