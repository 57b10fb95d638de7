// SPDX-License-Identifier: GPL-2.0-only
/*
 * SETUP's presets and the validity of a state.
 *
 * Nothing is masked: a value the hardware cannot hold is refused, so that what
 * user space sets is what it reads back. Combinations across components are
 * left to check.c, which names the rule at the entry.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "svm/vmcb.h"
#include "vcpu/emulated_msr.h"
#include "vcpu/event.h"
#include "vcpu/state.h"

#define CR0_RESET	(X86_CR0_CD | X86_CR0_NW | X86_CR0_ET)
#define DR6_RESET	0xffff0ff0ULL
#define DR7_RESET	0x400ULL

/* segment attributes; types: accessed data, accessed code, LDT, busy TSS */
#define ATTR_DATA16	(0x3 | SEG_S | SEG_P)
#define ATTR_CODE16	(0xb | SEG_S | SEG_P)
#define ATTR_DATA32	(ATTR_DATA16 | SEG_DB | SEG_G)
#define ATTR_CODE32	(ATTR_CODE16 | SEG_DB | SEG_G)
#define ATTR_CODE64	(ATTR_CODE16 | SEG_L | SEG_G)
#define ATTR_LDT	(0x2 | SEG_P)
#define ATTR_TSS	(0xb | SEG_P)

#define SEL_CODE	0x08
#define SEL_DATA	0x10

/* The state after RESET (APM volume 2, 14.1.3) but for CS, RIP and RDX */
static void reset_base(struct svmvcpu_state *state)
{
	const struct svmvcpu_segment data = {
		.limit = 0xffff, .attrib = ATTR_DATA16,
	};
	struct svmvcpu_segments *seg = &state->segments;

	memset(state, 0, sizeof(*state));
	state->size = sizeof(*state);
	state->components = SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |
			    SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG;
	state->gprs.rflags = RFLAGS_FIXED;
	seg->es = data;
	seg->ss = data;
	seg->ds = data;
	seg->fs = data;
	seg->gs = data;
	seg->cs = data;
	seg->cs.attrib = ATTR_CODE16;
	seg->ldtr = data;
	seg->ldtr.attrib = ATTR_LDT;
	seg->tr = data;
	seg->tr.attrib = ATTR_TSS;
	seg->gdtr.limit = 0xffff;
	seg->idtr.limit = 0xffff;
	state->control.cr0 = CR0_RESET;
	state->debug.dr6 = DR6_RESET;
	state->debug.dr7 = DR7_RESET;
}

/* Flat segments over empty descriptor tables */
static void flat_segments(struct svmvcpu_segments *seg, u16 code)
{
	const struct svmvcpu_segment data = {
		.limit = 0xffffffff, .selector = SEL_DATA, .attrib = ATTR_DATA32,
	};

	seg->es = data;
	seg->ss = data;
	seg->ds = data;
	seg->fs = data;
	seg->gs = data;
	seg->cs = data;
	seg->cs.selector = SEL_CODE;
	seg->cs.attrib = code;
	seg->gdtr.limit = 0;
	seg->idtr.limit = 0;
}

static void take_setup(struct svmvcpu_state *state, const struct svmvcpu_setup *setup)
{
	state->gprs.rip = setup->entry;
	state->gprs.rsp = setup->stack;
	state->gprs.rdi = setup->arg;
	state->control.cr3 = setup->cr3;
}

static int preset_real(const struct svmvcpu_setup *setup, struct svmvcpu_state *out)
{
	if (setup->entry > U16_MAX || setup->stack > U16_MAX || setup->cr3 ||
	    setup->arg)
		return -EINVAL;
	take_setup(out, setup);
	return 0;
}

static int preset_reset(const struct svmvcpu_setup *setup, u32 cpu_signature,
			struct svmvcpu_state *out)
{
	if (setup->entry || setup->stack || setup->cr3 || setup->arg)
		return -EINVAL;
	out->gprs.rip = 0xfff0;
	out->gprs.rdx = cpu_signature;
	out->segments.cs.selector = 0xf000;
	out->segments.cs.base = 0xffff0000;
	return 0;
}

/*
 * The flat presets switch native FPU errors and SSE on: compiled code expects
 * to use both, and cannot take the fault that would tell it otherwise.
 */
static int preset_prot32(const struct svmvcpu_setup *setup, struct svmvcpu_state *out)
{
	if (setup->entry > U32_MAX || setup->stack > U32_MAX ||
	    setup->arg > U32_MAX || setup->cr3)
		return -EINVAL;
	take_setup(out, setup);
	flat_segments(&out->segments, ATTR_CODE32);
	out->control.cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE;
	out->control.cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	return 0;
}

static int preset_long64(const struct svmvcpu_setup *setup,
			 const struct state_limits *lim, struct svmvcpu_state *out)
{
	if (!addr_canonical(setup->entry, 48) || !addr_canonical(setup->stack, 48))
		return -EINVAL;
	if ((setup->cr3 & 0xfff) || setup->cr3 >> lim->gpa_bits)
		return -EINVAL;
	take_setup(out, setup);
	flat_segments(&out->segments, ATTR_CODE64);
	out->control.cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE |
			   X86_CR0_WP | X86_CR0_PG;
	out->control.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	out->control.efer = EFER_LME | EFER_LMA;
	return 0;
}

/**
 * preset_state() - the state a preset stands for
 * @setup: the user's, copied
 * @lim: what this host's guests may have
 * @cpu_signature: CPUID 1 EAX as the guest sees it; RESET puts it in EDX
 * @out: all components; undefined on error
 *
 * Return: 0, or -EINVAL when @setup asks for something that cannot be
 */
int preset_state(const struct svmvcpu_setup *setup, const struct state_limits *lim,
		 u32 cpu_signature, struct svmvcpu_state *out)
{
	if (setup->flags || setup->mbz)
		return -EINVAL;
	reset_base(out);
	switch (setup->preset) {
	case SVMVCPU_PRESET_REAL:
		return preset_real(setup, out);
	case SVMVCPU_PRESET_RESET:
		return preset_reset(setup, cpu_signature, out);
	case SVMVCPU_PRESET_PROT32:
		return preset_prot32(setup, out);
	case SVMVCPU_PRESET_LONG64:
		return preset_long64(setup, lim, out);
	}
	return -EINVAL;
}

/* CS, DS, ES, SS: 32 bits of base */
static bool segment_valid(const struct svmvcpu_segment *seg)
{
	return !(seg->attrib & ~SEG_ATTRIB_MASK) && seg->base <= U32_MAX;
}

/* FS, GS, LDTR, TR: 64 bits of base */
static bool wide_segment_valid(const struct svmvcpu_segment *seg, unsigned int bits)
{
	return !(seg->attrib & ~SEG_ATTRIB_MASK) && addr_canonical(seg->base, bits);
}

static bool table_valid(const struct svmvcpu_segment *seg, unsigned int bits)
{
	return !seg->selector && !seg->attrib && seg->limit <= U16_MAX &&
	       addr_canonical(seg->base, bits);
}

static bool segments_valid(const struct svmvcpu_segments *seg,
			   const struct state_limits *lim)
{
	unsigned int bits = lim->la_bits;

	return segment_valid(&seg->es) && segment_valid(&seg->cs) &&
	       segment_valid(&seg->ss) && segment_valid(&seg->ds) &&
	       wide_segment_valid(&seg->fs, bits) &&
	       wide_segment_valid(&seg->gs, bits) &&
	       wide_segment_valid(&seg->ldtr, bits) &&
	       wide_segment_valid(&seg->tr, bits) &&
	       table_valid(&seg->gdtr, bits) && table_valid(&seg->idtr, bits);
}

static bool control_valid(const struct svmvcpu_control *control,
			  const struct state_limits *lim)
{
	return control->cr0 <= U32_MAX && control->cr8 <= 15 &&
	       !(control->cr3 >> lim->gpa_bits) &&
	       !(control->cr4 & ~lim->cr4_guest) &&
	       !(control->efer & ~lim->efer_guest);
}

static bool debug_valid(const struct svmvcpu_debug *debug)
{
	return debug->dr6 <= U32_MAX && debug->dr7 <= U32_MAX;
}

/*
 * Targets of SYSCALL and SYSENTER may be anything: VMLOAD takes them as they are,
 * no one but the guest's instruction uses them, and not every CPU refuses to have
 * them written, so a guest may have got there by itself.
 */
static bool msrs_valid(const struct svmvcpu_state *state, const struct state_limits *lim)
{
	return addr_canonical(state->msrs.kernel_gs_base, lim->la_bits) &&
	       emulated_msrs_valid(state, lim);
}

#define INJECT_KNOWN	(SVMVCPU_INJECT_VALID | GENMASK(10, 8) | SVMVCPU_INJECT_VECTOR)

static bool exception_valid(unsigned int vector, u32 error, u64 address)
{
	/* Defined vectors, without NMI and without #MC, which is a class of its own. */
	if (vector > 31 || !(EXITABLE_EXCEPTIONS & BIT(vector)))
		return false;
	if (error && !event_has_error(vector))
		return false;
	return !address || vector == VEC_PF || vector == VEC_DB;
}

/**
 * inject_valid() - is this an event user space may inject?
 * @inject: svmvcpu_run.inject, with VALID set
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
	    events->halted > 1)
		return false;
	if (events->irq && (events->irq & ~SVMVCPU_INJECT_VECTOR) !=
	    (SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ))
		return false;
	if (!exc)
		return !events->exception_error;
	/* INT n whose delivery was interrupted, with RIP behind it */
	if ((exc & ~SVMVCPU_INJECT_VECTOR) == (SVMVCPU_INJECT_VALID | EVENT_TYPE_SOFT))
		return !events->exception_error;
	return inject_valid(exc, events->exception_error, 0);
}

/**
 * state_valid() - can a CPU be in this state?
 * @state: the user's, copied; only the components it names are looked at
 * @lim: what this host's guests may have
 *
 * Return: 0, or -EINVAL
 */
int state_valid(const struct svmvcpu_state *state, const struct state_limits *lim)
{
	u64 has = state->components;

	if (state->flags || (has & ~STATE_ALL))
		return -EINVAL;
	if ((has & SVMVCPU_STATE_GPRS) && !rflags_valid(state->gprs.rflags))
		return -EINVAL;
	if ((has & SVMVCPU_STATE_SEGMENTS) && !segments_valid(&state->segments, lim))
		return -EINVAL;
	if ((has & SVMVCPU_STATE_CONTROL) && !control_valid(&state->control, lim))
		return -EINVAL;
	if ((has & SVMVCPU_STATE_DEBUG) && !debug_valid(&state->debug))
		return -EINVAL;
	if ((has & SVMVCPU_STATE_EVENTS) && !events_valid(&state->events))
		return -EINVAL;
	if ((has & SVMVCPU_STATE_MSRS) && !msrs_valid(state, lim))
		return -EINVAL;
	return 0;
}

#define APIC_BASE_X2		0x400
#define APIC_BASE_ENABLE	0x800
#define APIC_LVT_TIMER		0x32
#define APIC_LVT_DEADLINE	0x40000

static u32 lapic_used(const struct svmvcpu_lapic *lapic)
{
	u32 has = 0;

	if (lapic->base & APIC_BASE_ENABLE)
		has |= CPU_HAS_APIC;
	if (lapic->base & APIC_BASE_X2)
		has |= CPU_HAS_X2APIC;
	if (lapic->tsc_deadline || (lapic->regs[APIC_LVT_TIMER] & APIC_LVT_DEADLINE))
		has |= CPU_HAS_DEADLINE;
	return has;
}

/**
 * state_used() - what the CPU must have for a state to be possible
 * @state: copied from user space; only the components it names are looked at
 * @used: out: bits that are set, and what other values stand for
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
