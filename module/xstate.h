/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87, SSE and AVX registers of a guest, and its XCR0.
 */
#ifndef SVMVCPU_XSTATE_H
#define SVMVCPU_XSTATE_H

#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/processor-flags.h>

#include "vcpu.h"

/**
 * struct xstate_caps - constant after load
 * @host_xcr0: XCR0 while the host runs; 0 without XSAVE
 * @guest_xcr0: bits a guest may set; 0 without XSAVE
 * @host_xss: XSS while the host runs
 * @bytes: size of a guest's area in standard format
 */
struct xstate_caps {
	u64 host_xcr0;
	u64 guest_xcr0;
	u64 host_xss;
	u32 bytes;
};

extern struct xstate_caps xstate_caps;

void xstate_init(void);
u32 xstate_bytes_for(u64 xcr0);

void *xstate_alloc(void);
void xstate_free(void *xstate);
void xstate_reset(void *xstate);
bool xstate_valid(const void *xstate);

bool xcr0_valid(u64 xcr0);
void xcr0_set(struct vcpu *vcpu, u64 xcr0);
u64 xcr0_now(struct vcpu *vcpu);
void xcr0_load(struct vcpu *vcpu);
void xcr0_unload(struct vcpu *vcpu);

/*
 * Some CPUs leave the x87 exception pointers alone when the restored state has
 * no pending exception: the previous owner's would show (CVE-2006-1056).
 */
static inline void clear_exception_pointers(const void *xstate)
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
 * Context: between kernel_fpu_begin() and kernel_fpu_end(), host XCR0.
 */
static inline void xstate_load(const void *xstate)
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
 * Not XSAVEOPT: it skips what it believes unchanged since the last XRSTOR from
 * the same linear address, and a guest's XRSTOR may have used the same.
 *
 * Context: as xstate_load().
 */
static inline void xstate_save(void *xstate)
{
	if (static_cpu_has(X86_FEATURE_XSAVE))
		asm volatile("xsave64 %0"
			     : "+m" (*(struct xregs_state *)xstate)
			     : "a" ((u32)xstate_caps.guest_xcr0), "d" (0) : "memory");
	else
		asm volatile("fxsaveq %0" : "=m" (*(struct fxregs_state *)xstate));
}

/**
 * xcr0_enter() - the guest's XCR0 and XSS into the CPU
 * @vcpu: .
 *
 * A guest that cannot execute XSAVE and its kin cannot tell.
 *
 * Context: interrupts off until xcr0_leave().
 */
static inline void xcr0_enter(struct vcpu *vcpu)
{
	if (unlikely(vcpu->vmcb->save.cr4 & X86_CR4_OSXSAVE) && !vcpu->xcr0_loaded)
		xcr0_load(vcpu);
}

/**
 * xcr0_leave() - the host's XCR0 and XSS into the CPU
 * @vcpu: .
 *
 * Context: interrupts off since xcr0_enter().
 */
static inline void xcr0_leave(struct vcpu *vcpu)
{
	if (unlikely(vcpu->xcr0_loaded))
		xcr0_unload(vcpu);
}

#endif /* SVMVCPU_XSTATE_H */
