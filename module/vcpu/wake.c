// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stops a RUN from outside: kicks, the deadline, signals. Each sets a bit
 * in vcpu.wake, or is there anyway, and makes the guest exit; the run loop looks
 * before it enters.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "compat.h"
#include "svm/cpu.h"
#include "vcpu/vcpu.h"
#include "vcpu/wake.h"

static enum hrtimer_restart deadline_passed(struct hrtimer *timer)
{
	struct vcpu *vcpu = container_of(timer, struct vcpu, deadline);

	set_bit(WAKE_DEADLINE, &vcpu->wake);
	vcpu_poke(vcpu);
	return HRTIMER_NORESTART;
}

void vcpu_deadline_init(struct vcpu *vcpu)
{
	compat_hrtimer_setup(&vcpu->deadline, deadline_passed, CLOCK_MONOTONIC,
			     HRTIMER_MODE_ABS);
}

/**
 * vcpu_poke() - make a running guest exit, or wake a halted one
 * @vcpu: .
 *
 * Context: any but NMI. The caller has set a bit before that the vCPU looks at
 * then: in vcpu.wake, or of what is posted for its local APIC.
 */
void vcpu_poke(struct vcpu *vcpu)
{
	int cpu;

	/* Pairs with the barriers in vcpu_load() and of prepare_to_wait(). */
	smp_mb__after_atomic();
	cpu = READ_ONCE(vcpu->on_cpu);
	if (cpu >= 0) {
		svm_cpu_poke(cpu);
		return;
	}
	/* With the barrier above: a sleeper is seen, or has seen the bit. */
	if (waitqueue_active(&vcpu->wait))
		wake_up(&vcpu->wait);
}

/* Which of the things that stop a RUN are there; each counts once. */
u32 vcpu_interruptions(struct vcpu *vcpu)
{
	u32 by = 0;

	if (test_and_clear_bit(WAKE_KICK, &vcpu->wake))
		by |= SVMVCPU_BY_KICK;
	if (test_and_clear_bit(WAKE_DEADLINE, &vcpu->wake))
		by |= SVMVCPU_BY_DEADLINE;
	if (signal_pending(current))
		by |= SVMVCPU_BY_SIGNAL;
	return by;
}

void vcpu_deadline_start(struct vcpu *vcpu, u64 ns)
{
	/* One that has passed lets the guest do nothing at all. */
	if (ns <= ktime_get_ns()) {
		set_bit(WAKE_DEADLINE, &vcpu->wake);
		return;
	}
	hrtimer_start(&vcpu->deadline, ns_to_ktime(min_t(u64, ns, KTIME_MAX)),
		      HRTIMER_MODE_ABS);
}

void vcpu_deadline_stop(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->deadline);
	clear_bit(WAKE_DEADLINE, &vcpu->wake);
}
