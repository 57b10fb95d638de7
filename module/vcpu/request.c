// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests from outside that make RUN return: kicks, deadlines, signals, and the stop byte
 * of RUN's argument. All but signals set a bit in vcpu.requests; all of them make the guest
 * exit. The run loop checks for requests before each entry.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "compat.h"
#include "vcpu/vcpu.h"

static enum hrtimer_restart deadline_passed(struct hrtimer *timer)
{
	struct vcpu *vcpu = container_of(timer, struct vcpu, deadline);

	set_bit(VCPU_REQ_DEADLINE, &vcpu->requests);
	vcpu_kick(vcpu);
	return HRTIMER_NORESTART;
}

void vcpu_deadline_init(struct vcpu *vcpu)
{
	compat_hrtimer_setup(&vcpu->deadline, deadline_passed, CLOCK_MONOTONIC,
			     HRTIMER_MODE_ABS);
}

/**
 * vcpu_kick() - make a running guest exit, or wake the sleeping thread of its RUN
 * @vcpu: the vCPU
 *
 * Context: any but NMI. The caller has already set a bit in vcpu.requests or in the
 * inbox of the local APIC, which the vCPU checks afterwards.
 */
void vcpu_kick(struct vcpu *vcpu)
{
	int cpu;

	atomic64_inc(&vcpu->kicks);
	/* Pairs with the barriers in vcpu_load() and rcuwait_wait_event(). */
	smp_mb__after_atomic();
	/* A CPU with a loaded vCPU is online, and stays so until preempt_enable(). */
	preempt_disable();
	cpu = READ_ONCE(vcpu->on_cpu);
	if (cpu >= 0) {
		/* On this CPU the guest is not running: the next entry tests the bit. */
		if (cpu != smp_processor_id())
			smp_send_reschedule(cpu);
	} else if (rcuwait_active(&vcpu->wait)) {
		/*
		 * Because of the barrier above, either the waiter is visible here or it
		 * has seen the bit.
		 */
		rcuwait_wake_up(&vcpu->wait);
	}
	preempt_enable();
}

/* Returns SVMVCPU_BY_* and clears the requests, so that each is reported once. */
u32 vcpu_take_interruptions(struct vcpu *vcpu)
{
	u32 by = 0;

	if (test_and_clear_bit(VCPU_REQ_KICK, &vcpu->requests))
		by |= SVMVCPU_BY_KICK;
	if (test_and_clear_bit(VCPU_REQ_DEADLINE, &vcpu->requests))
		by |= SVMVCPU_BY_DEADLINE;
	if (test_and_clear_bit(VCPU_REQ_STOP, &vcpu->requests))
		by |= SVMVCPU_BY_STOP;
	if (signal_pending(current))
		by |= SVMVCPU_BY_SIGNAL;
	return by;
}

void vcpu_deadline_start(struct vcpu *vcpu, u64 ns)
{
	/* A deadline in the past ends RUN before the guest executes anything. */
	if (ns <= ktime_get_ns()) {
		set_bit(VCPU_REQ_DEADLINE, &vcpu->requests);
		return;
	}
	hrtimer_start(&vcpu->deadline, ns_to_ktime(min_t(u64, ns, KTIME_MAX)),
		      HRTIMER_MODE_ABS);
}

void vcpu_deadline_stop(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->deadline);
	clear_bit(VCPU_REQ_DEADLINE, &vcpu->requests);
}
