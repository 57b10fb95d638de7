// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: pending events, interrupts and NMIs of the program, and MP states.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"

#define KIND_MASK	(7U << 8)
#define KIND_SOFT	(4U << 8)
#define NMI_VECTOR	2

/* Exceptions with an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC */
#define ERROR_CODES	0x27d00U

#define KNOWN_FLAGS	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
			 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM)

/* --- KVM_GET_VCPU_EVENTS -------------------------------------------------- */

static void get_delivery(const struct svmvcpu_events *in, struct kvm_vcpu_events *out)
{
	unsigned int vector = in->exception & SVMVCPU_INJECT_VECTOR;

	switch (in->exception & KIND_MASK) {
	case SVMVCPU_INJECT_EXC:
		out->exception.injected = 1;
		out->exception.nr = vector;
		out->exception.has_error_code = ERROR_CODES >> vector & 1;
		out->exception.error_code = in->exception_error;
		break;
	case SVMVCPU_INJECT_NMI:
		out->nmi.injected = 1;
		break;
	default:
		out->interrupt.injected = 1;
		out->interrupt.nr = vector;
		out->interrupt.soft = (in->exception & KIND_MASK) == KIND_SOFT;
	}
}

/* KVM has no place for an interrupt of the program that waits for a local APIC. */
static void get_waiting(const struct vcpu *vcpu, const struct svmvcpu_events *in,
			struct kvm_vcpu_events *out)
{
	__u32 irq = vcpu->irq ? vcpu->irq : in->irq;

	if (!irq || vcpu_has_lapic(vcpu) || out->interrupt.injected)
		return;
	out->interrupt.injected = 1;
	out->interrupt.nr = irq;
}

long events_get(void *self, unsigned long arg)
{
	struct kvm_vcpu_events *events = (void *)arg;
	struct svmvcpu_state state;
	struct vcpu *vcpu = self;
	int err;

	err = state_get(vcpu, SVMVCPU_STATE_EVENTS, &state);
	if (err)
		return err;
	memset(events, 0, sizeof(*events));
	if (state.events.exception)
		get_delivery(&state.events, events);
	get_waiting(vcpu, &state.events, events);
	events->interrupt.shadow = state.events.shadow ? KVM_X86_SHADOW_INT_STI : 0;
	events->nmi.pending = state.events.nmis;
	events->nmi.masked = state.events.nmi_masked;
	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			KVM_VCPUEVENT_VALID_SMM;
	return 0;
}

/* --- KVM_SET_VCPU_EVENTS -------------------------------------------------- */

static bool is_valid(const struct kvm_vcpu_events *events)
{
	if (events->flags & ~(__u32)KNOWN_FLAGS)
		return false;
	if ((events->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (events->smi.smm || events->smi.pending))
		return false;
	return !events->exception.injected ||
	       (events->exception.nr < 32 && events->exception.nr != NMI_VECTOR);
}

/*
 * With a local APIC, an interrupt whose delivery was interrupted may come from it, and
 * must not wait for LINT0.
 */
static void set_interrupt(const struct vcpu *vcpu, const struct kvm_vcpu_events *in,
			  struct svmvcpu_events *out)
{
	if (in->interrupt.soft)
		out->exception = SVMVCPU_INJECT_VALID | KIND_SOFT | in->interrupt.nr;
	else if (vcpu_has_lapic(vcpu))
		out->exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | in->interrupt.nr;
	else
		out->irq = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | in->interrupt.nr;
}

static void set_delivery(const struct vcpu *vcpu, const struct kvm_vcpu_events *in,
			 struct svmvcpu_events *out)
{
	out->exception = 0;
	out->exception_error = 0;
	if (in->exception.injected) {
		out->exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC | in->exception.nr;
		if (ERROR_CODES >> in->exception.nr & 1)
			out->exception_error = in->exception.error_code;
	} else if (in->nmi.injected) {
		out->exception = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_NMI | NMI_VECTOR;
	} else if (in->interrupt.injected) {
		set_interrupt(vcpu, in, out);
	}
}

long events_set(void *self, unsigned long arg)
{
	const struct kvm_vcpu_events *events = (const void *)arg;
	struct svmvcpu_state state;
	struct vcpu *vcpu = self;
	int err;

	if (!is_valid(events))
		return refuse(EINVAL, "SET_VCPU_EVENTS: flags %#x, exception %u", events->flags,
			      events->exception.nr);
	err = state_get(vcpu, SVMVCPU_STATE_EVENTS, &state);
	if (err)
		return err;
	if (!vcpu_has_lapic(vcpu)) {
		vcpu->irq = 0;
		state.events.irq = 0;
	}
	set_delivery(vcpu, events, &state.events);
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW)
		state.events.shadow = !!events->interrupt.shadow;
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		state.events.nmis = !!events->nmi.pending;
	state.events.nmi_masked = !!events->nmi.masked;
	return state_set(vcpu, SVMVCPU_STATE_EVENTS, &state);
}

/* --- KVM_INTERRUPT, KVM_NMI ----------------------------------------------- */

/* run.c hands it over to the next RUN. */
long event_interrupt(void *self, unsigned long arg)
{
	const struct kvm_interrupt *interrupt = (const void *)arg;
	struct vcpu *vcpu = self;

	if (interrupt->irq > SVMVCPU_INJECT_VECTOR)
		return -EINVAL;
	if (vcpu_has_lapic(vcpu) &&
	    (vcpu->irq || (vcpu->dev.run->events & SVMVCPU_EV_IRQ_WAITS)))
		return -EEXIST;
	vcpu->irq = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_IRQ | interrupt->irq;
	return 0;
}

long event_nmi(void *self, unsigned long arg)
{
	struct svmvcpu_state state;
	int err;

	(void)arg;
	err = state_get(self, SVMVCPU_STATE_EVENTS, &state);
	if (err)
		return err;
	state.events.nmis = 1;
	return state_set(self, SVMVCPU_STATE_EVENTS, &state);
}

/* --- KVM_GET_MP_STATE, KVM_SET_MP_STATE ----------------------------------- */

long mp_state_get(void *self, unsigned long arg)
{
	static const __u32 states[] = {
		[SVMVCPU_ACTIVITY_RUNNING] = KVM_MP_STATE_RUNNABLE,
		[SVMVCPU_ACTIVITY_HALTED] = KVM_MP_STATE_HALTED,
		[SVMVCPU_ACTIVITY_WAIT_SIPI] = KVM_MP_STATE_UNINITIALIZED,
	};
	struct kvm_mp_state *mp_state = (void *)arg;
	struct svmvcpu_state state;
	int err;

	err = state_get(self, SVMVCPU_STATE_EVENTS, &state);
	if (!err)
		mp_state->mp_state = states[state.events.activity];
	return err;
}

/* A STARTUP whose vector KVM_SET_VCPU_EVENTS has set cannot wait: svmvcpu sends it at once. */
static int activity_of(__u32 mp_state, __u8 *activity)
{
	switch (mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		*activity = SVMVCPU_ACTIVITY_RUNNING;
		return 0;
	case KVM_MP_STATE_HALTED:
		*activity = SVMVCPU_ACTIVITY_HALTED;
		return 0;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
		*activity = SVMVCPU_ACTIVITY_WAIT_SIPI;
		return 0;
	}
	return refuse(EINVAL, "SET_MP_STATE: state %u", mp_state);
}

long mp_state_set(void *self, unsigned long arg)
{
	const struct kvm_mp_state *mp_state = (const void *)arg;
	struct svmvcpu_state state;
	struct vcpu *vcpu = self;
	__u8 activity;
	int err;

	err = activity_of(mp_state->mp_state, &activity);
	if (err)
		return err;
	if (activity != SVMVCPU_ACTIVITY_RUNNING && !vcpu_has_lapic(vcpu))
		return -EINVAL;
	err = state_get(vcpu, SVMVCPU_STATE_EVENTS, &state);
	if (err || state.events.activity == activity)
		return err;
	state.events.activity = activity;
	return state_set(vcpu, SVMVCPU_STATE_EVENTS, &state);
}
