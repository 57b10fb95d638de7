/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a vCPU: presets, checks, getting and setting. The functions that take a
 * vCPU expect vcpu.mutex held; the others are pure functions on copies of user memory.
 */
#ifndef SVMVCPU_STATE_H
#define SVMVCPU_STATE_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/svmvcpu.h>
#include <linux/types.h>

#include "svm/limits.h"
#include "svm/vmcb.h"
#include "vcpu/inject.h"
#include "vcpu/vcpu.h"

#define STATE_ALL	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG |	\
			 SVMVCPU_STATE_EVENTS | SVMVCPU_STATE_MSRS |	\
			 SVMVCPU_STATE_XSTATE | SVMVCPU_STATE_LAPIC)

/* Indices of struct svmvcpu_segments as an array */
#define SEGMENT_FS	4
#define SEGMENT_LDTR	6
#define SEGMENT_GDTR	8
#define NR_SEGMENTS	10

static_assert(sizeof(struct svmvcpu_segments) == NR_SEGMENTS * sizeof(struct svmvcpu_segment));
static_assert(offsetof(struct svmvcpu_segments, gdtr) ==
	      SEGMENT_GDTR * sizeof(struct svmvcpu_segment));

static inline bool rflags_valid(u64 rflags)
{
	return !(rflags & ~RFLAGS_VALID) && (rflags & RFLAGS_FIXED);
}

int preset_state(const struct svmvcpu_setup *setup, const struct state_limits *lim,
		 u32 cpu_signature, struct svmvcpu_state *state);
void preset_init_state(u64 cr0, u32 cpu_signature, struct svmvcpu_state *state);
bool inject_valid(u32 inject, u32 error, u64 address);
int state_valid(const struct svmvcpu_state *state, const struct state_limits *lim);
void state_used(const struct svmvcpu_state *state, struct state_limits *used);

void state_get(struct vcpu *vcpu, struct svmvcpu_state *state);
void state_put(struct vcpu *vcpu, const struct svmvcpu_state *state);
int state_allowed(const struct vcpu *vcpu, const struct svmvcpu_state *state);
int state_check(struct vcpu *vcpu, u64 components);
int state_setup(struct vcpu *vcpu, const struct svmvcpu_setup *setup);
int state_init_signal(struct vcpu *vcpu);
void state_startup(struct vcpu *vcpu);

/* vcpu.gprs and the ABI have the general registers in the same order. */
static_assert(offsetof(struct svmvcpu_gprs, rip) == sizeof_field(struct vcpu, gprs));
static_assert(offsetof(struct svmvcpu_gprs, rsp) == INSN_RSP * sizeof(u64));

/**
 * state_put_gprs() - replace the general registers, RIP and RFLAGS
 * @vcpu: the vCPU
 * @gprs: general registers; may be on the run page, because every value is valid
 * @rip: new RIP
 * @rflags: new RFLAGS; passed rflags_valid()
 */
static __always_inline void state_put_gprs(struct vcpu *vcpu, const struct svmvcpu_gprs *gprs,
					   u64 rip, u64 rflags)
{
	struct vmcb_save_area *save = &vcpu->vmcb->save;

	memcpy(vcpu->gprs, gprs, sizeof(vcpu->gprs));
	if (likely(rip == save->rip && rflags == save->rflags))
		return;
	vcpu->unchecked = true;
	/* The VMM has redirected the guest. It still waits for a STARTUP. */
	if (rip != save->rip) {
		if (vcpu->activity == SVMVCPU_ACTIVITY_HALTED)
			vcpu->activity = SVMVCPU_ACTIVITY_RUNNING;
		vcpu->debug.hit = 0;
	}
	save->rip = rip;
	save->rflags = rflags;
}

/* Setting CR8 clears the lower half of a local APIC's TPR, so set it only to a new value. */
static inline void state_put_cr8(struct vcpu *vcpu, u64 cr8)
{
	if (cr8 != guest_cr8(vcpu))
		guest_put_cr8(vcpu, cr8);
}

static __always_inline void run_page_put_gprs(const struct vcpu *vcpu,
					      struct svmvcpu_gprs *out)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	memcpy(out, vcpu->gprs, sizeof(vcpu->gprs));
	out->rip = save->rip;
	out->rflags = save->rflags;
}

static const u8 run_page_modes[] = {
	[GUEST_REAL] = SVMVCPU_MODE_REAL,
	[GUEST_VM86] = SVMVCPU_MODE_VM86,
	[GUEST_PROT16] = SVMVCPU_MODE_PROTECTED,
	[GUEST_PROT32] = SVMVCPU_MODE_PROTECTED,
	[GUEST_COMPAT16] = SVMVCPU_MODE_COMPATIBILITY,
	[GUEST_COMPAT32] = SVMVCPU_MODE_COMPATIBILITY,
	[GUEST_LONG64] = SVMVCPU_MODE_64BIT,
};

/*
 * Write the registers and the mode to the run page, and that the list has @coalesced writes.
 * Expects vcpu.mutex held.
 */
static __always_inline void sync_run_page_out(struct vcpu *vcpu, u8 coalesced)
{
	const u64 cr0 = guest_cr0(vcpu), cr4 = guest_cr4(vcpu), efer = guest_efer(vcpu);
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const u8 mode = run_page_modes[vcpu_mode(vcpu)], events = inject_describe(vcpu);
	const u8 cr8 = guest_cr8(vcpu);
	struct svmvcpu_run *run = vcpu->run;

	/* Read everything before the first write: the compiler must assume aliasing. */
	run->coalesced = coalesced;
	run->mode = mode;
	run->events = events;
	run->cpl = save->cpl;
	run->cr8 = cr8;
	run->exits = vcpu->exits;
	run->cr0 = cr0;
	run->cr2 = save->cr2;
	run->cr3 = save->cr3;
	run->cr4 = cr4;
	run->efer = efer;
	run_page_put_gprs(vcpu, &run->gprs);
}

#endif /* SVMVCPU_STATE_H */
