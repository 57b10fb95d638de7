// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87, SSE and AVX registers of a guest, and its XCR0.
 *
 * run.c swaps the guest's registers for whatever the CPU holds, and back,
 * within one time of interrupts off: xstate_enter() and xstate_leave(). XCR0
 * and XSS are the guest's for a part of that time only, xcr0_enter() to
 * xcr0_leave(), since XSAVE and XRSTOR go by XCR0.
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

/* Legacy region and header, which are there with every XCR0 */
#define XSTATE_LEGACY	(512 + 64)
/* What a guest may have, where the host has it */
#define XSTATE_GUEST	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM)

static_assert(offsetof(struct xregs_state, extended_state_area) == XSTATE_LEGACY);

struct xstate_caps xstate_caps __ro_after_init;
DEFINE_PER_CPU(struct xstate_host, xstate_host);
static u32 mxcsr_mask __ro_after_init;

/**
 * xstate_bytes_for() - size of the standard format
 * @xcr0: components
 */
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
	/* CPUs too old to say have all but DAZ. */
	return fx.mxcsr_mask ? fx.mxcsr_mask : 0xffbf;
}

static void __init detect(void)
{
	u32 eax, ecx, edx;

	mxcsr_mask = read_mxcsr_mask();
	xstate_caps.bytes = XSTATE_LEGACY;
	xstate_caps.host_bytes = XSTATE_LEGACY;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	/* EBX: for all that XCR0 has now, which is the same on every CPU */
	cpuid_count(0xd, 0, &eax, &xstate_caps.host_bytes, &ecx, &edx);
	xstate_caps.host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	xstate_caps.guest_xcr0 = xstate_caps.host_xcr0 & XSTATE_GUEST;
	xstate_caps.bytes = xstate_bytes_for(xstate_caps.guest_xcr0);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, xstate_caps.host_xss);
}

/**
 * xstate_init() - find out what the host has, once, at load
 *
 * Return: 0 or -ENOMEM.
 */
int __init xstate_init(void)
{
	int cpu;

	detect();
	for_each_possible_cpu(cpu) {
		struct xstate_host *host = per_cpu_ptr(&xstate_host, cpu);

		host->image = kzalloc_node(roundup_pow_of_two(xstate_caps.host_bytes), GFP_KERNEL,
					   cpu_to_node(cpu));
		if (!host->image) {
			xstate_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * xstate_exit() - undo xstate_init(); no VM exists any more
 */
void xstate_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct xstate_host *host = per_cpu_ptr(&xstate_host, cpu);

		/* Somebody's registers, keys among them */
		kfree_sensitive(host->image);
		host->image = NULL;
	}
}

void *xstate_alloc(void)
{
	/* kmalloc aligns a power of two to itself; XRSTOR wants 64. */
	return kzalloc(roundup_pow_of_two(xstate_caps.bytes), GFP_KERNEL_ACCOUNT);
}

void xstate_free(void *xstate)
{
	kfree(xstate);
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

/**
 * xstate_valid() - will XRSTOR take it?
 * @xstate: xstate_caps.bytes, copied from user space
 */
bool xstate_valid(const void *xstate)
{
	const struct xregs_state *xs = xstate;
	const u64 known = XFEATURE_MASK_FPSSE | xstate_caps.guest_xcr0;

	/* Standard format: no XCOMP_BV. The rest of the header is reserved. */
	if (memchr_inv((const u8 *)&xs->header + 8, 0, sizeof(xs->header) - 8))
		return false;
	if (xs->header.xfeatures & ~known)
		return false;
	return !(xs->i387.mxcsr & ~mxcsr_mask);
}

/**
 * xcr0_valid() - may a guest have this XCR0?
 * @xcr0: what XSETBV or SET_STATE brings
 * @allowed: &state_limits.xcr0
 */
bool xcr0_valid(u64 xcr0, u64 allowed)
{
	if (!(xcr0 & XFEATURE_MASK_FP) || (xcr0 & ~allowed))
		return false;
	return !(xcr0 & XFEATURE_MASK_YMM) || (xcr0 & XFEATURE_MASK_SSE);
}

/**
 * xcr0_set() - a new XCR0, now and for later entries
 * @vcpu: .
 * @xcr0: valid
 */
void xcr0_set(struct vcpu *vcpu, u64 xcr0)
{
	vcpu->xcr0 = xcr0;
	if (vcpu->xcr0_loaded)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
}

/* What xcr0_enter() does for a guest that could tell */
void xcr0_load(struct vcpu *vcpu)
{
	vcpu->xcr0_loaded = true;
	if (vcpu->xcr0 != xstate_caps.host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	/* XSAVES must not reach what the host switches by it. */
	if (xstate_caps.host_xss)
		wrmsrl(MSR_IA32_XSS, 0);
}

/*
 * An emulator without the XSETBV intercept lets the guest change XCR0 by
 * itself: what is there is the guest's. Returns what is there.
 */
static u64 xcr0_take(struct vcpu *vcpu)
{
	u64 now = xgetbv(XCR_XFEATURE_ENABLED_MASK);

	if (now != vcpu->xcr0 && xcr0_valid(now, vcpu->cpuid->limits.xcr0))
		vcpu->xcr0 = now;
	return now;
}

/**
 * xcr0_now() - the guest's XCR0
 * @vcpu: .
 *
 * Context: for exit handlers; interrupts off while it is in the CPU.
 */
u64 xcr0_now(struct vcpu *vcpu)
{
	if (vcpu->xcr0_loaded)
		xcr0_take(vcpu);
	return vcpu->xcr0;
}

/* What xcr0_leave() does when there is something to undo */
void xcr0_unload(struct vcpu *vcpu)
{
	u64 now;

	vcpu->xcr0_loaded = false;
	now = xcr0_take(vcpu);
	if (now != xstate_caps.host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xstate_caps.host_xcr0);
	if (xstate_caps.host_xss)
		wrmsrl(MSR_IA32_XSS, xstate_caps.host_xss);
}
