// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: what debuggers use.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"

#define KNOWN_CONTROL	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | \
			 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | \
			 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)

#define VECTOR_DB	1
#define VECTOR_BP	3

/* The bits of DR7 that are not fixed */
#define DR7_BITS	0xffff03ffULL

static void fill_debug(const struct kvm_guest_debug *in, struct svmvcpu_set_debug *out)
{
	if (!(in->control & KVM_GUESTDBG_ENABLE))
		return;
	if (in->control & KVM_GUESTDBG_SINGLESTEP)
		out->flags |= SVMVCPU_DEBUG_STEP;
	if (in->control & KVM_GUESTDBG_USE_SW_BP)
		out->flags |= SVMVCPU_DEBUG_INT3;
	if (in->control & KVM_GUESTDBG_USE_HW_BP) {
		out->flags |= SVMVCPU_DEBUG_BREAKPOINTS;
		memcpy(out->db, in->arch.debugreg, sizeof(out->db));
		out->dr7 = in->arch.debugreg[7] & DR7_BITS;
	}
}

/* The exception of a breakpoint that turns out to be the guest's own */
static int inject(struct vcpu *vcpu, const struct kvm_guest_debug *debug)
{
	struct svmvcpu_run *run = vcpu->dev.run;

	if (!(debug->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)))
		return 0;
	if (run->inject)
		return -EBUSY;
	run->inject = SVMVCPU_INJECT_VALID | SVMVCPU_INJECT_EXC |
		      (debug->control & KVM_GUESTDBG_INJECT_DB ? VECTOR_DB : VECTOR_BP);
	run->inject_error = 0;
	run->inject_address = 0;
	return 0;
}

long debug_set(void *self, unsigned long arg)
{
	const struct kvm_guest_debug *debug = (const void *)arg;
	struct svmvcpu_set_debug out = { .flags = 0 };
	struct vcpu *vcpu = self;
	int err;

	if (debug->control & ~(__u32)KNOWN_CONTROL)
		return refuse(EINVAL, "SET_GUEST_DEBUG: control %#x", debug->control);
	fill_debug(debug, &out);
	err = svmvcpu_vcpu_set_debug(&vcpu->dev, &out);
	if (err)
		return refuse(-err, "%s", svmvcpu_last_error());
	return inject(vcpu, debug);
}

/* As in KVM, the rights are not told. */
long debug_translate(void *self, unsigned long arg)
{
	struct kvm_translation *out = (void *)arg;
	struct svmvcpu_translation translation;
	struct vcpu *vcpu = self;
	int err;

	err = svmvcpu_vcpu_translate(&vcpu->dev, out->linear_address,
				     SVMVCPU_ACCESS_SUPERVISOR, &translation);
	if (err)
		return err;
	out->valid = translation.result == SVMVCPU_TRANSLATE_DONE;
	out->physical_address = out->valid ? translation.gpa : ~0ULL;
	out->writeable = 1;
	out->usermode = 0;
	return 0;
}
