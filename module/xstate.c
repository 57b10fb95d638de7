// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87 and SSE registers of a guest.
 *
 * A guest gets no XSAVE and so no AVX: XCR0 stays the host's and never
 * changes on entry. run.c calls load and save between kernel_fpu_begin() and
 * kernel_fpu_end(), which keep the host task's registers and everybody else's
 * hands off the FPU.
 */
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>

#include "xstate.h"

/* Legacy region and header; with XSTATE_BV = x87 | SSE nothing follows. */
#define XSTATE_BYTES	(512 + 64)

static_assert(offsetof(struct xregs_state, extended_state_area) == XSTATE_BYTES);

void *xstate_alloc(void)
{
	/* kmalloc aligns a power of two to itself; XRSTOR wants 64. */
	return kzalloc(roundup_pow_of_two(XSTATE_BYTES), GFP_KERNEL_ACCOUNT);
}

void xstate_free(void *xstate)
{
	kfree(xstate);
}

/* The state after RESET. */
void xstate_reset(void *xstate)
{
	struct xregs_state *xs = xstate;

	memset(xs, 0, XSTATE_BYTES);
	xs->i387.cwd = 0x40;
	xs->i387.twd = 0;
	xs->i387.mxcsr = MXCSR_DEFAULT;
	xs->header.xfeatures = XFEATURE_MASK_FPSSE;
}

/*
 * Some CPUs leave the x87 exception pointers alone when the restored state has
 * no pending exception: the previous owner's would show (CVE-2006-1056).
 */
static void clear_exception_pointers(const void *xstate)
{
	if (unlikely(static_cpu_has_bug(X86_BUG_FXSAVE_LEAK)))
		asm volatile("fnclex\n\t"
			     "emms\n\t"
			     "fildl %0" : : "m" (*(const u32 *)xstate));
}

/**
 * xstate_load() - guest registers into the CPU, everything else to its reset value
 * @xstate: .
 *
 * Every component that XCR0 has and the buffer has not is initialized, but for
 * PKRU, which the kernel does not bring back with the task's registers. So
 * nothing of the VMM's AVX registers is left where a guest could look.
 *
 * Context: between kernel_fpu_begin() and kernel_fpu_end().
 */
void xstate_load(const void *xstate)
{
	clear_exception_pointers(xstate);
	if (static_cpu_has(X86_FEATURE_XSAVE))
		asm volatile("xrstor64 %0"
			     : : "m" (*(const struct xregs_state *)xstate),
			       "a" ((u32)~XFEATURE_MASK_PKRU), "d" (-1) : "memory");
	else
		asm volatile("fxrstorq %0"
			     : : "m" (*(const struct fxregs_state *)xstate) : "memory");
}

/**
 * xstate_save() - guest registers out of the CPU
 * @xstate: .
 *
 * Context: as xstate_load().
 */
void xstate_save(void *xstate)
{
	/* FXSAVE leaves the header as reset made it: both components valid. */
	asm volatile("fxsaveq %0" : "=m" (*(struct fxregs_state *)xstate));
}
