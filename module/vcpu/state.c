// SPDX-License-Identifier: GPL-2.0-only
/*
 * Architectural state in and out of a vCPU: SETUP, GET_STATE, SET_STATE and
 * the registers on the run page.
 *
 * Checking what user space passed is preset.c's part; here it is applied.
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

static void get_segment(struct svmvcpu_segment *out, const struct vmcb_segment *seg)
{
	out->base = seg->base;
	out->limit = seg->limit;
	out->selector = seg->selector;
	out->attrib = seg->attrib;
}

static struct vmcb_segment to_vmcb(const struct svmvcpu_segment *seg)
{
	return (struct vmcb_segment) {
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->selector,
		.attrib = seg->attrib,
	};
}

static void get_segments(const struct vcpu *vcpu, struct svmvcpu_segments *out)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;

	get_segment(&out->es, &save->es);
	get_segment(&out->cs, &save->cs);
	get_segment(&out->ss, &save->ss);
	get_segment(&out->ds, &save->ds);
	get_segment(&out->fs, &save->fs);
	get_segment(&out->gs, &save->gs);
	get_segment(&out->ldtr, &save->ldtr);
	get_segment(&out->tr, &save->tr);
	get_segment(&out->gdtr, &save->gdtr);
	get_segment(&out->idtr, &save->idtr);
	/* SYSRET changes the CPL and leaves the DPL of SS behind. */
	out->ss.attrib = (out->ss.attrib & ~SEG_DPL_MASK) | save->cpl << SEG_DPL_SHIFT;
	/* The hardware leaves in these two what nobody defined. */
	out->gdtr.selector = 0;
	out->gdtr.attrib = 0;
	out->idtr.selector = 0;
	out->idtr.attrib = 0;
}

static void get_control(const struct vcpu *vcpu, struct svmvcpu_control *out)
{
	u64 event, address;

	out->cr0 = guest_cr0(vcpu);
	out->cr2 = vcpu->vmcb->save.cr2;
	/* As EVENTS: what goes with an exception that the VMM has */
	event = inject_reported(vcpu, &address);
	if (event && (event & EVENT_VECTOR_MASK) == VEC_PF)
		out->cr2 = address;
	out->cr3 = vcpu->vmcb->save.cr3;
	out->cr4 = guest_cr4(vcpu);
	out->cr8 = guest_cr8(vcpu);
	out->efer = guest_efer(vcpu);
}

static void get_debug(const struct vcpu *vcpu, struct svmvcpu_debug *out)
{
	u64 event, address;

	memcpy(out->db, vcpu->db, sizeof(out->db));
	out->dr6 = vcpu->vmcb->save.dr6;
	out->dr7 = vcpu->vmcb->save.dr7;
	/* As EVENTS: a trap behind the instruction, as if it were under way */
	event = inject_reported(vcpu, &address);
	if (event && (event & EVENT_VECTOR_MASK) == VEC_DB) {
		out->dr6 = address;
		out->dr7 &= ~BIT_ULL(13);
	}
}

/*
 * SYSCALL's and SYSENTER's MSRs and KERNEL_GS_BASE: in the same order in the ABI and in the
 * VMCB, where VMLOAD takes them without a clean bit.
 */
#define SWITCHED_BYTES	offsetof(struct svmvcpu_msrs, pat)

static_assert(offsetofend(struct vmcb_save_area, sysenter_eip) -
	      offsetof(struct vmcb_save_area, star) == SWITCHED_BYTES);

static void *switched_msrs(const struct vcpu *vcpu)
{
	return (u8 *)&vcpu->vmcb->save + offsetof(struct vmcb_save_area, star);
}

/**
 * state_get() - read the components that state->components names
 * @vcpu: its mutex held
 * @state: components in, the rest out
 */
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
	struct vmcb *vmcb = vcpu->vmcb;

	vmcb_set_es(vmcb, to_vmcb(&in->es));
	vmcb_set_cs(vmcb, to_vmcb(&in->cs));
	vmcb_set_ss(vmcb, to_vmcb(&in->ss));
	vmcb_set_ds(vmcb, to_vmcb(&in->ds));
	/* VMLOAD's, not VMRUN's: no clean bit. */
	vmcb->save.fs = to_vmcb(&in->fs);
	vmcb->save.gs = to_vmcb(&in->gs);
	vmcb->save.ldtr = to_vmcb(&in->ldtr);
	vmcb->save.tr = to_vmcb(&in->tr);
	vmcb_set_gdtr(vmcb, to_vmcb(&in->gdtr));
	vmcb_set_idtr(vmcb, to_vmcb(&in->idtr));
	/* Some CPUs take the CPL from here, some from SS: they agree. */
	vmcb_set_cpl(vmcb, (in->ss.attrib & SEG_DPL_MASK) >> SEG_DPL_SHIFT);
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
	/* One that is set already leaves the rest of a local APIC's TPR alone. */
	if (in->cr8 != guest_cr8(vcpu))
		guest_put_cr8(vcpu, in->cr8);
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
	clear_bit(VCPU_REQ_INIT, &vcpu->requests);
	vcpu->injected = 0;
	fault_history_reset(&vcpu->fault_history);
	vcpu->debug.hit = 0;
	vcpu->shutdown = false;
	vcpu->mismatches = 0;
}

/* What no component holds: nothing of the previous guest stays. */
static void reset_rest(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->vmcb;

	memset(switched_msrs(vcpu), 0, SWITCHED_BYTES);
	emulated_msrs_reset(vcpu);
	/* A barrier that the previous guest asked for stays due: what it trained does. */
	vcpu->serial = vcpu_new_serial();
	vmcb_set_tsc_offset(vmcb, svm_tsc_lost - vcpu->vm->tsc_base);
	vmcb->control.int_state = 0;
	vcpu->xcr0 = 1;
	xstate_reset(vcpu->xstate);
	apic_reset(vcpu);

	reset_events(vcpu);
	vcpu->want_flush = true;
}

/**
 * state_put() - write the components that state->components names
 * @vcpu: its mutex held
 * @state: passed state_valid()
 *
 * New general registers withdraw the question of the last exit. With all
 * components no event of the old state is delivered into the new one, and a
 * dead vCPU lives again; what of that one the components do not hold is reset.
 */
void state_put(struct vcpu *vcpu, const struct svmvcpu_state *state)
{
	if (state->components == STATE_ALL) {
		if (vcpu->dead)
			reset_rest(vcpu);
		reset_events(vcpu);
		vcpu->dead = false;
	}
	if (state->components & SVMVCPU_STATE_GPRS) {
		state_put_gprs(vcpu, &state->gprs, state->gprs.rip, state->gprs.rflags);
		vcpu->ask.what = ASK_NOTHING;
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
 * state_allowed() - does the vCPU's CPUID have what a state uses?
 * @vcpu: its mutex held
 * @state: passed state_valid()
 *
 * Return: 0, or -EOPNOTSUPP with the feature's name in the debug log.
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

static void publish_new(struct vcpu *vcpu)
{
	vcpu->run->reason = SVMVCPU_EXIT_NONE;
	sync_run_page_out(vcpu);
}

/**
 * state_setup() - SVMVCPU_SETUP
 * @vcpu: its mutex held
 * @setup: copied from user space, not yet checked
 *
 * Return: 0; -EINVAL, -EOPNOTSUPP or -ENOMEM, and then nothing has changed.
 */
int state_setup(struct vcpu *vcpu, const struct svmvcpu_setup *setup)
{
	const struct svmvcpu_cpuid_entry *leaf1 = cpuid_table_find(vcpu->cpuid, 1, 0);
	struct svmvcpu_state *state;
	int ret;

	/* Too large for the stack of kernels that instrument it */
	state = kmalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	ret = preset_state(setup, &svm_limits, leaf1 ? leaf1->eax : 0, state);
	if (!ret)
		ret = state_allowed(vcpu, state);
	if (!ret) {
		reset_rest(vcpu);
		vcpu->dead = false;
		state_put(vcpu, state);
		publish_new(vcpu);
	}
	kfree(state);
	return ret;
}
