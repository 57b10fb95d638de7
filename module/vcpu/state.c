// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a vCPU: SETUP, GET_STATE and SET_STATE. preset.c checks what user space
 * passes; this file applies it. The functions expect vcpu.mutex held.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/msr.h>

#include "svm/cpu.h"
#include "vcpu/apic.h"
#include "vcpu/cpuid.h"
#include "vcpu/emulated_msr.h"
#include "vcpu/event.h"
#include "vcpu/inject.h"
#include "vcpu/state.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"

static atomic64_t vcpu_serial;

u64 vcpu_new_serial(void)
{
	return atomic64_inc_return(&vcpu_serial);
}

/* Which segment of the VMCB each member of struct svmvcpu_segments is */
static const u8 vmcb_segments[NR_SEGMENTS] = { 0, 1, 2, 3, 4, 5, 7, 9, 6, 8 };

static_assert(offsetof(struct vmcb_save_area, gdtr) == 6 * sizeof(struct vmcb_segment));
static_assert(offsetof(struct vmcb_save_area, tr) == 9 * sizeof(struct vmcb_segment));

static void get_segments(const struct vcpu *vcpu, struct svmvcpu_segments *out)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	const struct vmcb_segment *from = (const void *)save;
	struct svmvcpu_segment *to = (void *)out;
	unsigned int i;

	for (i = 0; i < NR_SEGMENTS; i++) {
		const struct vmcb_segment *seg = &from[vmcb_segments[i]];

		to[i] = (struct svmvcpu_segment) {
			seg->base, seg->limit, seg->selector, seg->attrib
		};
	}
	/* SYSRET changes the CPL, but not the DPL of SS. */
	out->ss.attrib = (out->ss.attrib & ~SEG_DPL_MASK) | save->cpl << SEG_DPL_SHIFT;
	/* The hardware leaves these undefined. */
	out->gdtr.selector = 0;
	out->gdtr.attrib = 0;
	out->idtr.selector = 0;
	out->idtr.attrib = 0;
}

/* If inject_reported() returns @vector, set *@address to its CR2 or DR6. */
static bool get_reported(const struct vcpu *vcpu, unsigned int vector, u64 *address)
{
	u64 at, event = inject_reported(vcpu, &at);

	if (!event || (event & EVENT_VECTOR_MASK) != vector)
		return false;
	*address = at;
	return true;
}

static void get_control(const struct vcpu *vcpu, struct svmvcpu_control *out)
{
	out->cr0 = guest_cr0(vcpu);
	out->cr2 = vcpu->vmcb->save.cr2;
	get_reported(vcpu, VEC_PF, &out->cr2);
	out->cr3 = vcpu->vmcb->save.cr3;
	out->cr4 = guest_cr4(vcpu);
	out->cr8 = guest_cr8(vcpu);
	out->efer = guest_efer(vcpu);
}

static void get_debug(const struct vcpu *vcpu, struct svmvcpu_debug *out)
{
	memcpy(out->db, vcpu->db, sizeof(out->db));
	out->dr6 = vcpu->vmcb->save.dr6;
	out->dr7 = vcpu->vmcb->save.dr7;
	/* Delivery of a #DB clears GD. */
	if (get_reported(vcpu, VEC_DB, &out->dr6))
		out->dr7 &= ~BIT_ULL(13);
}

/*
 * The MSRs of SYSCALL and SYSENTER, and KERNEL_GS_BASE: in the same order in the ABI and
 * in the VMCB. VMLOAD loads them; they have no clean bit.
 */
#define SWITCHED_BYTES	offsetof(struct svmvcpu_msrs, pat)

static_assert(offsetofend(struct vmcb_save_area, sysenter_eip) -
	      offsetof(struct vmcb_save_area, star) == SWITCHED_BYTES);

static void *switched_msrs(const struct vcpu *vcpu)
{
	return (u8 *)&vcpu->vmcb->save + offsetof(struct vmcb_save_area, star);
}

/* Fill in the components that state->components names. */
void state_get(struct vcpu *vcpu, struct svmvcpu_state *state)
{
	if (state->components & SVMVCPU_STATE_GPRS)
		run_page_put_gprs(vcpu, &state->gprs);
	if (state->components & SVMVCPU_STATE_SEGMENTS)
		get_segments(vcpu, &state->segments);
	if (state->components & SVMVCPU_STATE_CONTROL)
		get_control(vcpu, &state->control);
	if (state->components & SVMVCPU_STATE_DEBUG)
		get_debug(vcpu, &state->debug);
	if (state->components & SVMVCPU_STATE_EVENTS)
		inject_get_events(vcpu, &state->events);
	if (state->components & SVMVCPU_STATE_MSRS) {
		memcpy(&state->msrs, switched_msrs(vcpu), SWITCHED_BYTES);
		emulated_msrs_get_state(vcpu, state);
	}
	if (state->components & SVMVCPU_STATE_XSTATE)
		state->xcr0 = vcpu->xcr0;
	if (state->components & SVMVCPU_STATE_LAPIC)
		apic_get_state(vcpu, &state->lapic);
}

static void put_segments(struct vcpu *vcpu, const struct svmvcpu_segments *in)
{
	struct vmcb_segment *to = (void *)&vcpu->vmcb->save;
	const struct svmvcpu_segment *from = (const void *)in;
	unsigned int i;

	for (i = 0; i < NR_SEGMENTS; i++)
		to[vmcb_segments[i]] = (struct vmcb_segment) {
			from[i].selector, from[i].attrib, from[i].limit, from[i].base
		};
	/* Some CPUs take the CPL from here, others from SS. */
	vcpu->vmcb->save.cpl = (in->ss.attrib & SEG_DPL_MASK) >> SEG_DPL_SHIFT;
	vmcb_dirty(vcpu->vmcb, VMCB_CLEAN_SEG | VMCB_CLEAN_DT);
	vcpu->unchecked = true;
}

static void put_control(struct vcpu *vcpu, const struct svmvcpu_control *in)
{
	struct vmcb *vmcb = vcpu->vmcb;

	guest_put_cr0(vcpu, in->cr0);
	vmcb_set_cr2(vmcb, in->cr2);
	vmcb_set_cr3(vmcb, in->cr3);
	guest_put_cr4(vcpu, in->cr4);
	guest_put_efer(vcpu, in->efer);
	state_put_cr8(vcpu, in->cr8);
}

static void put_debug(struct vcpu *vcpu, const struct svmvcpu_debug *in)
{
	memcpy(vcpu->db, in->db, sizeof(vcpu->db));
	vmcb_set_dr6(vcpu->vmcb, in->dr6);
	vmcb_set_dr7(vcpu->vmcb, in->dr7);
	vcpu->unchecked = true;
}

static void reset_events(struct vcpu *vcpu)
{
	inject_reset(vcpu);
	vcpu->injected = 0;
	fault_history_reset(&vcpu->fault_history);
	vcpu->debug.hit = 0;
	vcpu->shutdown = false;
	vcpu->mismatches = 0;
}

/* Reset what a preset does not set, so that nothing of the previous guest remains. */
static void reset_rest(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;

	memset(switched_msrs(vcpu), 0, SWITCHED_BYTES);
	emulated_msrs_reset(vcpu);
	/* wants_ibpb stays set: the predictors still have what the previous guest trained. */
	vcpu->serial = vcpu_new_serial();
	vmcb_set_tsc_offset(vmcb, svm_tsc_lost - vcpu->vm->tsc_base);
	vmcb->control.int_state = 0;
	vcpu->xcr0 = 1;
	xstate_reset(vcpu->xstate);
	apic_reset(vcpu);
	reset_events(vcpu);
	vcpu->want_flush = true;
	vcpu->dead = false;
}

/**
 * state_put() - set the components that state->components names
 * @vcpu: the vCPU
 * @state: passed state_valid()
 *
 * Setting the general registers drops the pending completion of the last exit. Setting
 * all components drops pending events, and makes a dead vCPU usable again.
 */
void state_put(struct vcpu *vcpu, const struct svmvcpu_state *state)
{
	if (state->components == STATE_ALL) {
		if (vcpu->dead)
			reset_rest(vcpu);
		reset_events(vcpu);
	}
	if (state->components & SVMVCPU_STATE_GPRS) {
		state_put_gprs(vcpu, &state->gprs, state->gprs.rip, state->gprs.rflags);
		vcpu->pending_exit = (struct vcpu_pending) { };
	}
	if (state->components & SVMVCPU_STATE_SEGMENTS)
		put_segments(vcpu, &state->segments);
	if (state->components & SVMVCPU_STATE_CONTROL)
		put_control(vcpu, &state->control);
	if (state->components & SVMVCPU_STATE_DEBUG)
		put_debug(vcpu, &state->debug);
	if (state->components & SVMVCPU_STATE_EVENTS)
		inject_put_events(vcpu, &state->events);
	if (state->components & SVMVCPU_STATE_MSRS) {
		memcpy(switched_msrs(vcpu), &state->msrs, SWITCHED_BYTES);
		emulated_msrs_put_state(vcpu, state);
	}
	if (state->components & SVMVCPU_STATE_LAPIC)
		apic_put_state(vcpu, &state->lapic);
	if (state->components & SVMVCPU_STATE_XSTATE)
		vcpu->xcr0 = state->xcr0;
}

/**
 * state_allowed() - check a state against the CPUID table of a vCPU
 * @vcpu: the vCPU
 * @state: passed state_valid()
 *
 * Return: 0, or -EOPNOTSUPP with the name of the hidden feature in the debug log.
 */
int state_allowed(const struct vcpu *vcpu, const struct svmvcpu_state *state)
{
	struct state_limits used;
	const char *lacks;

	state_used(state, &used);
	lacks = cpuid_table_lacks(vcpu->cpuid, &used);
	if (!lacks)
		return 0;
	pr_debug("vCPU %u: the state needs %s, which CPUID hides\n", vcpu->id, lacks);
	return -EOPNOTSUPP;
}

/**
 * state_check() - check the present state against the CPUID table of a vCPU
 * @vcpu: the vCPU
 * @components: SVMVCPU_STATE_* to check
 *
 * Return: 0, -EOPNOTSUPP as state_allowed(), or -ENOMEM.
 */
int state_check(struct vcpu *vcpu, u64 components)
{
	struct svmvcpu_state *state = kzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!state)
		return -ENOMEM;
	state->size = sizeof(*state);
	state->components = components;
	state_get(vcpu, state);
	ret = state_allowed(vcpu, state);
	kfree(state);
	return ret;
}

static u32 cpu_signature(const struct vcpu *vcpu)
{
	const struct svmvcpu_cpuid_entry *leaf1 = cpuid_table_find(vcpu->cpuid, 1, 0);

	return leaf1 ? leaf1->eax : 0;
}

/**
 * state_setup() - SVMVCPU_SETUP
 * @vcpu: the vCPU
 * @setup: copied from user space, not yet checked
 *
 * Return: 0; -EINVAL, -EOPNOTSUPP or -ENOMEM, and nothing has changed.
 */
int state_setup(struct vcpu *vcpu, const struct svmvcpu_setup *setup)
{
	struct svmvcpu_state *state;
	int ret;

	if ((setup->flags & SVMVCPU_SETUP_WAIT_SIPI) && !vcpu->apic)
		return -EINVAL;
	/* Too large for the stack of kernels that instrument it */
	state = kmalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	ret = preset_state(setup, &svm_limits, cpu_signature(vcpu), state);
	if (!ret)
		ret = state_allowed(vcpu, state);
	if (!ret) {
		reset_rest(vcpu);
		state_put(vcpu, state);
		if (setup->flags & SVMVCPU_SETUP_WAIT_SIPI)
			vcpu->activity = SVMVCPU_ACTIVITY_WAIT_SIPI;
		vcpu->run->reason = SVMVCPU_EXIT_NONE;
		sync_run_page_out(vcpu, 0);
	}
	kfree(state);
	return ret;
}

/**
 * state_init_signal() - set the state after INIT
 * @vcpu: vCPU with a local APIC
 *
 * The bootstrap processor then executes from the reset vector, the others wait for a
 * STARTUP. Drops all events that wait.
 *
 * Context: process context.
 * Return: 0, or -ENOMEM, and nothing has changed.
 */
int state_init_signal(struct vcpu *vcpu)
{
	struct svmvcpu_state *state = kmalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	const bool window = vcpu->want_window;

	if (!state)
		return -ENOMEM;
	preset_init_state(guest_cr0(vcpu), cpu_signature(vcpu), state);
	reset_events(vcpu);
	/* The VMM may have nothing else that makes this RUN return. */
	vcpu->want_window = window;
	vcpu->vmcb->control.int_state = 0;
	vcpu->activity = apic_init_signal(vcpu) ? SVMVCPU_ACTIVITY_RUNNING :
						  SVMVCPU_ACTIVITY_WAIT_SIPI;
	state_put(vcpu, state);
	kfree(state);
	return 0;
}

/* A STARTUP ends the wait: execution starts at the page of its vector. */
void state_startup(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;
	struct vmcb_segment cs = vmcb->save.cs;

	cs.selector = vcpu->startup_vector << 8;
	cs.base = vcpu->startup_vector << 12;
	vmcb_set_cs(vmcb, cs);
	vmcb->save.rip = 0;
	vcpu->unchecked = true;
	vcpu->activity = SVMVCPU_ACTIVITY_RUNNING;
}
