// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: KVM_RUN.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "log.h"
#include "real.h"
#include "vcpu.h"
#include "vm.h"

#define RFLAGS_IF	(1ULL << 9)

/* --- before --------------------------------------------------------------- */

/* A waiting interrupt has its place in svmvcpu already: the next one comes after it. */
static void hand_over_interrupt(struct vcpu *vcpu)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	if (!vcpu->irq || run->inject || (run->events & SVMVCPU_EV_IRQ_WAITS))
		return;
	run->inject = vcpu->irq;
	run->inject_error = 0;
	run->inject_address = 0;
	vcpu->irq = 0;
}

/* Programs with local APICs of their own tell the task priority with each call. */
static int take_cr8(struct vcpu *vcpu)
{
	__u64 cr8 = vcpu->run->cr8;

	if (vcpu_has_lapic(vcpu))
		return 0;
	if (cr8 > 15)
		return -EINVAL;
	vcpu->dev.run->cr8 = cr8;
	vcpu->dev.run->in_flags |= SVMVCPU_RUN_SET_CR8;
	return 0;
}

/*
 * RUN itself reads immediate_exit, so a signal whose handler sets it ends RUN, however late
 * it arrives.
 */
static int run_guest(const struct vcpu *vcpu)
{
	const struct svmvcpu_run_args args = {
		.size = sizeof(args),
		.flags = vcpu->has_sigmask ? SVMVCPU_RUN_ARGS_SIGMASK : 0,
		.stop = (uintptr_t)&vcpu->run->immediate_exit,
		.sigmask = vcpu->sigmask,
	};

	return real()->ioctl(vcpu->dev.fd, SVMVCPU_RUN, &args);
}

static int enter(struct vcpu *vcpu)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	hand_over_interrupt(vcpu);
	if (vcpu->run->request_interrupt_window)
		run->in_flags |= SVMVCPU_RUN_IRQ_WINDOW;
	if (!run_guest(vcpu))
		return 0;
	return refuse(errno, "RUN: %s", svmvcpu_host_error(errno));
}

/* --- after ---------------------------------------------------------------- */

/* IA32_APIC_BASE is not on the run page. Only a guest with a local APIC can change it. */
static void tell_apic(struct vcpu *vcpu)
{
	struct svmvcpu_state state;

	if (vcpu_has_lapic(vcpu) && !state_get(vcpu, SVMVCPU_STATE_LAPIC, &state))
		vcpu->apic_base = state.lapic.base;
	vcpu->run->apic_base = vcpu->apic_base;
	vcpu->run->cr8 = vcpu->dev.run->cr8;
}

static void tell_state(struct vcpu *vcpu)
{
	const struct svmvcpu_run *run = vcpu->dev.run;

	vcpu->run->if_flag = !!(run->gprs.rflags & RFLAGS_IF);
	vcpu->run->ready_for_interrupt_injection =
		!vcpu->irq && (run->events & (SVMVCPU_EV_IRQ_READY | SVMVCPU_EV_IRQ_WAITS)) ==
		SVMVCPU_EV_IRQ_READY;
	vcpu->run->flags = 0;
	tell_apic(vcpu);
}

static void log_exit(const struct vcpu *vcpu)
{
	char text[256];

	log_write("vCPU %u: %s", vcpu->id,
		  svmvcpu_describe_exit(vcpu->dev.run, NULL, text, sizeof(text)));
}

/* --- the loop ------------------------------------------------------------- */

/* Finish the exit that the last KVM_RUN has returned. */
static long complete(struct vcpu *vcpu)
{
	long (*function)(struct vcpu *vcpu) = vcpu->complete;

	vcpu->complete = NULL;
	return function ? function(vcpu) : RESUME;
}

static long loop(struct vcpu *vcpu)
{
	long ret;

	do {
		ret = enter(vcpu);
		if (ret)
			return ret;
		if (__builtin_expect(log_level >= LOG_RUNS, 0))
			log_exit(vcpu);
		ret = exit_handle(vcpu);
	} while (ret == RESUME);
	return ret;
}

long vcpu_run(void *self, unsigned long arg)
{
	struct vcpu *vcpu = self;
	long ret;

	if (arg)
		return -EINVAL;
	ret = sync_in(vcpu);
	if (!ret)
		ret = take_cr8(vcpu);
	if (ret)
		return ret;
	ret = complete(vcpu);
	if (ret == RESUME)
		ret = loop(vcpu);
	tell_state(vcpu);
	if (vcpu->run->kvm_valid_regs)
		sync_out(vcpu);
	return ret;
}

/* --- KVM_SET_SIGNAL_MASK -------------------------------------------------- */

/* Without an argument, KVM_RUN uses the mask of its thread. */
long vcpu_set_sigmask(void *self, unsigned long arg)
{
	const struct kvm_signal_mask *mask = (const void *)arg;
	struct vcpu *vcpu = self;

	if (mask && mask->len != sizeof(vcpu->sigmask))
		return -EINVAL;
	vcpu->has_sigmask = mask;
	vcpu->sigmask = 0;
	if (mask)
		memcpy(&vcpu->sigmask, mask->sigset, sizeof(vcpu->sigmask));
	return 0;
}
