// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: x87, SSE and AVX registers. Both interfaces have them in the standard
 * format of XSAVE.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"
#include "vm.h"

#define XSTATE_X87	1ULL
#define XSTATE_SSE	2ULL

#define INIT_FCW	0x37f
#define INIT_MXCSR	0x1f80

/* The legacy region and the header: APM volume 2, 11.5.3 */
struct image {
	__u16 fcw, fsw;
	__u8 ftw, reserved;
	__u16 fop;
	__u64 rip, rdp;
	__u32 mxcsr, mxcsr_mask;
	__u8 st[8][16];
	__u8 xmm[16][16];
	__u8 unused[96];
	__u64 xstate_bv, xcomp_bv;
	__u8 mbz[48];
	__u8 extended[sizeof(struct kvm_xsave) - 576];
};

static_assert(sizeof(struct image) == sizeof(struct kvm_xsave), "the size of KVM's image");

/* Components that XSAVE has left out have their initial values. */
static void fill_in(struct image *image)
{
	if (!(image->xstate_bv & XSTATE_X87)) {
		memset(image, 0, offsetof(struct image, mxcsr));
		memset(image->st, 0, sizeof(image->st));
		image->fcw = INIT_FCW;
	}
	if (!(image->xstate_bv & XSTATE_SSE))
		memset(image->xmm, 0, sizeof(image->xmm));
	if (!(image->xstate_bv & (XSTATE_X87 | XSTATE_SSE)))
		image->mxcsr = INIT_MXCSR;
}

static int get_image(struct vcpu *vcpu, struct image *image, __u64 *xcr0)
{
	struct svmvcpu_state state = {
		.xstate = (uintptr_t)image, .xstate_size = vcpu->vm->info.xstate_size,
	};
	int err;

	if (state.xstate_size > sizeof(*image))
		return refuse(EINVAL, "XSAVE: %u bytes are too many", state.xstate_size);
	memset(image, 0, sizeof(*image));
	err = state_get(vcpu, SVMVCPU_STATE_XSTATE, &state);
	if (!err)
		*xcr0 = state.xcr0;
	return err;
}

static int set_image(struct vcpu *vcpu, struct image *image, __u64 xcr0)
{
	struct svmvcpu_state state = {
		.xstate = (uintptr_t)image, .xstate_size = vcpu->vm->info.xstate_size,
		.xcr0 = xcr0,
	};
	int err = state_set(vcpu, SVMVCPU_STATE_XSTATE, &state);

	return err == -EOPNOTSUPP ? -EINVAL : err;
}

/* The FPU of a new vCPU is as after FNINIT in KVM, and as after RESET in svmvcpu. */
int fpu_init(struct vcpu *vcpu)
{
	struct image image = { .xstate_bv = 0 };

	return vcpu->vm->info.xstate_size > sizeof(image) ?
	       refuse(EINVAL, "XSAVE: %u bytes are too many", vcpu->vm->info.xstate_size) :
	       set_image(vcpu, &image, XSTATE_X87);
}

/* --- KVM_GET_FPU, KVM_SET_FPU: MXCSR is not a part of them ---------------- */

long fpu_get(void *self, unsigned long arg)
{
	struct kvm_fpu *fpu = (void *)arg;
	struct image image;
	__u64 xcr0;
	int err;

	err = get_image(self, &image, &xcr0);
	if (err)
		return err;
	fill_in(&image);
	*fpu = (struct kvm_fpu) {
		.fcw = image.fcw, .fsw = image.fsw, .ftwx = image.ftw,
		.last_opcode = image.fop, .last_ip = image.rip, .last_dp = image.rdp,
	};
	memcpy(fpu->fpr, image.st, sizeof(fpu->fpr));
	memcpy(fpu->xmm, image.xmm, sizeof(fpu->xmm));
	return 0;
}

long fpu_set(void *self, unsigned long arg)
{
	const struct kvm_fpu *fpu = (const void *)arg;
	struct image image;
	__u64 xcr0;
	int err;

	err = get_image(self, &image, &xcr0);
	if (err)
		return err;
	fill_in(&image);
	image.fcw = fpu->fcw;
	image.fsw = fpu->fsw;
	image.ftw = fpu->ftwx;
	image.fop = fpu->last_opcode;
	image.rip = fpu->last_ip;
	image.rdp = fpu->last_dp;
	memcpy(image.st, fpu->fpr, sizeof(image.st));
	memcpy(image.xmm, fpu->xmm, sizeof(image.xmm));
	image.xstate_bv |= XSTATE_X87 | XSTATE_SSE;
	return set_image(self, &image, xcr0);
}

/* --- KVM_GET_XSAVE, KVM_SET_XSAVE ----------------------------------------- */

long xsave_get(void *self, unsigned long arg)
{
	struct image *image = (void *)arg;
	__u64 xcr0;
	int err;

	err = get_image(self, image, &xcr0);
	if (!err)
		fill_in(image);
	return err;
}

/*
 * KVM takes all components that the host has, svmvcpu those that XCR0 allows. The rest
 * waits for KVM_SET_XCRS, which programs call next.
 */
static int keep_image(struct vcpu *vcpu, const struct image *image)
{
	if (!vcpu->xsave)
		vcpu->xsave = malloc(sizeof(*image));
	if (!vcpu->xsave)
		return -ENOMEM;
	memcpy(vcpu->xsave, image, sizeof(*image));
	return 0;
}

long xsave_set(void *self, unsigned long arg)
{
	struct image image, before;
	struct vcpu *vcpu = self;
	__u64 xcr0, allowed;
	int err;

	memcpy(&image, (const void *)arg, sizeof(image));
	err = get_image(vcpu, &before, &xcr0);
	if (err)
		return err;
	/* Linux has its own data here. */
	memset(image.unused, 0, sizeof(image.unused));
	allowed = vcpu->vm->info.xcr0_guest | XSTATE_X87 | XSTATE_SSE;
	if (image.xstate_bv & ~allowed)
		return refuse(EINVAL, "SET_XSAVE: XSTATE_BV %#llx", image.xstate_bv);
	free(vcpu->xsave);
	vcpu->xsave = NULL;
	if (image.xstate_bv & ~(xcr0 | XSTATE_X87 | XSTATE_SSE))
		err = keep_image(vcpu, &image);
	image.xstate_bv &= xcr0 | XSTATE_X87 | XSTATE_SSE;
	return err ? err : set_image(vcpu, &image, xcr0);
}

/* --- KVM_GET_XCRS, KVM_SET_XCRS: only XCR0 exists ------------------------- */

long xcrs_get(void *self, unsigned long arg)
{
	struct kvm_xcrs *xcrs = (void *)arg;
	struct vcpu *vcpu = self;
	struct image image;
	__u64 xcr0;
	int err;

	if (!vcpu->vm->info.xcr0_guest)
		return -EINVAL;
	err = get_image(vcpu, &image, &xcr0);
	if (err)
		return err;
	memset(xcrs, 0, sizeof(*xcrs));
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].value = xcr0;
	return 0;
}

static int set_xcr0(struct vcpu *vcpu, __u64 xcr0)
{
	struct image image;
	__u64 before;
	int err;

	err = get_image(vcpu, &image, &before);
	if (err)
		return err;
	if (vcpu->xsave)
		memcpy(&image, vcpu->xsave, sizeof(image));
	/* Registers of a component that is turned off are lost. */
	image.xstate_bv &= xcr0 | XSTATE_X87 | XSTATE_SSE;
	err = set_image(vcpu, &image, xcr0);
	if (!err) {
		free(vcpu->xsave);
		vcpu->xsave = NULL;
	}
	return err;
}

long xcrs_set(void *self, unsigned long arg)
{
	const struct kvm_xcrs *xcrs = (const void *)arg;
	struct vcpu *vcpu = self;
	unsigned int i;

	if (!vcpu->vm->info.xcr0_guest || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (!xcrs->xcrs[i].xcr)
			return set_xcr0(vcpu, xcrs->xcrs[i].value);
	return 0;
}
