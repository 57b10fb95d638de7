// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87, SSE and AVX registers of a guest, and its XCR0.
 *
 * run.c swaps the guest's registers with those in the CPU, and back, in one section
 * with interrupts off: xstate_enter() and xstate_leave(). XCR0 and XSS are the guest's
 * only between xcr0_load() and xcr0_unload(), because XSAVE and XRSTOR depend on XCR0.
 */
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "vcpu/cpuid.h"
#include "vcpu/vcpu.h"
#include "vcpu/xstate.h"

/* Size of the legacy region and the header */
#define XSTATE_LEGACY	(512 + 64)
/* Components that a guest can enable if the host has them */
#define XSTATE_GUEST	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM)

static_assert(offsetof(struct xregs_state, extended_state_area) == XSTATE_LEGACY);

struct xstate_caps xstate_caps __ro_after_init;
DEFINE_PER_CPU(void *, xstate_host);
static u32 mxcsr_mask __ro_after_init;

/* Size of the standard format with the components in @xcr0 */
u32 xstate_bytes_for(u64 xcr0)
{
	u32 size, offset, ecx, edx;

	if (!(xcr0 & XFEATURE_MASK_YMM))
		return XSTATE_LEGACY;
	cpuid_count(0xd, XFEATURE_YMM, &size, &offset, &ecx, &edx);
	return offset + size;
}

/* MXCSR bits that exist; XRSTOR faults on others. */
static u32 __init read_mxcsr_mask(void)
{
	static struct fxregs_state fx __initdata __aligned(16);

	kernel_fpu_begin();
	asm volatile("fxsaveq %0" : "+m" (fx));
	kernel_fpu_end();
	/* CPUs that do not report the mask have all bits but DAZ. */
	return fx.mxcsr_mask ? fx.mxcsr_mask : 0xffbf;
}

/* Find out what the host has. Returns 0 or -ENOMEM. */
int __init xstate_init(void)
{
	u32 eax, ecx, edx;
	int cpu;

	mxcsr_mask = read_mxcsr_mask();
	xstate_caps.host_bytes = XSTATE_LEGACY;
	if (boot_cpu_has(X86_FEATURE_XSAVE)) {
		/* EBX: size for the current XCR0, which is the same on every CPU */
		cpuid_count(0xd, 0, &eax, &xstate_caps.host_bytes, &ecx, &edx);
		xstate_caps.host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		xstate_caps.guest_xcr0 = xstate_caps.host_xcr0 & XSTATE_GUEST;
	}
	xstate_caps.bytes = xstate_bytes_for(xstate_caps.guest_xcr0);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, xstate_caps.host_xss);
	for_each_possible_cpu(cpu) {
		void *host = kzalloc_node(roundup_pow_of_two(xstate_caps.host_bytes), GFP_KERNEL,
					  cpu_to_node(cpu));

		per_cpu(xstate_host, cpu) = host;
		if (!host) {
			xstate_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

/* The images have registers of host tasks, including keys. */
void xstate_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree_sensitive(per_cpu(xstate_host, cpu));
		per_cpu(xstate_host, cpu) = NULL;
	}
}

/* XRSTOR requires an alignment of 64. kmalloc aligns a power of two to its size. */
void *xstate_alloc(void)
{
	return kzalloc(roundup_pow_of_two(xstate_caps.bytes), GFP_KERNEL_ACCOUNT);
}

/* The state after RESET. */
void xstate_reset(void *xstate)
{
	struct xregs_state *xs = xstate;

	memset(xs, 0, xstate_caps.bytes);
	xs->i387.cwd = 0x40;
	xs->i387.mxcsr = MXCSR_DEFAULT;
	xs->header.xfeatures = XFEATURE_MASK_FPSSE;
}

/* Whether XRSTOR accepts @xstate: xstate_caps.bytes, copied from user space */
bool xstate_valid(const void *xstate)
{
	const struct xregs_state *xs = xstate;
	const u64 known = XFEATURE_MASK_FPSSE | xstate_caps.guest_xcr0;

	/* XCOMP_BV is 0 in the standard format. The rest of the header is reserved. */
	if (memchr_inv((const u8 *)&xs->header + 8, 0, sizeof(xs->header) - 8))
		return false;
	return !(xs->header.xfeatures & ~known) && !(xs->i387.mxcsr & ~mxcsr_mask);
}

/* Whether XSETBV or SET_STATE may set @xcr0. @allowed: state_limits.xcr0 */
bool xcr0_valid(u64 xcr0, u64 allowed)
{
	if (!(xcr0 & XFEATURE_MASK_FP) || (xcr0 & ~allowed))
		return false;
	return !(xcr0 & XFEATURE_MASK_YMM) || (xcr0 & XFEATURE_MASK_SSE);
}

/* @xcr0: valid */
void xcr0_set(struct vcpu *vcpu, u64 xcr0)
{
	vcpu->xcr0 = xcr0;
	if (vcpu->xcr0_loaded)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
}

/* See xcr0_enter(). */
void xcr0_load(struct vcpu *vcpu)
{
	vcpu->xcr0_loaded = true;
	if (vcpu->xcr0 != xstate_caps.host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	/* XSAVES must not reach the components that the host switches with it. */
	if (xstate_caps.host_xss)
		wrmsrl(MSR_IA32_XSS, 0);
}

/*
 * The guest's XCR0, for exit handlers. An emulator without the XSETBV intercept lets the
 * guest change XCR0 in the CPU.
 */
u64 xcr0_now(struct vcpu *vcpu)
{
	u64 now;

	if (!vcpu->xcr0_loaded)
		return vcpu->xcr0;
	now = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (now != vcpu->xcr0 && xcr0_valid(now, vcpu->cpuid->limits.xcr0))
		vcpu->xcr0 = now;
	return vcpu->xcr0;
}

/* See xcr0_leave(). */
void xcr0_unload(struct vcpu *vcpu)
{
	xcr0_now(vcpu);
	vcpu->xcr0_loaded = false;
	if (xgetbv(XCR_XFEATURE_ENABLED_MASK) != xstate_caps.host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xstate_caps.host_xcr0);
	if (xstate_caps.host_xss)
		wrmsrl(MSR_IA32_XSS, xstate_caps.host_xss);
}
