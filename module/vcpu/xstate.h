/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87, SSE and AVX registers of a guest, and its XCR0. The functions expect vcpu.mutex
 * held.
 */
#ifndef SVMVCPU_XSTATE_H
#define SVMVCPU_XSTATE_H

#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/processor-flags.h>

#include "vcpu/vcpu.h"

/* Constant after load */
struct xstate_caps {
	u64 host_xcr0;		/* 0 without XSAVE */
	u64 guest_xcr0;		/* bits that a guest can set; 0 without XSAVE */
	u64 host_xss;
	u32 bytes;		/* size of a guest's registers in standard format */
	u32 host_bytes;		/* the same with all components of @host_xcr0 */
};

extern struct xstate_caps xstate_caps;

/* The registers of a CPU, in standard format, while a guest's are loaded */
DECLARE_PER_CPU(void *, xstate_host);

int xstate_init(void);
void xstate_exit(void);
u32 xstate_bytes_for(u64 xcr0);

void *xstate_alloc(void);
void xstate_reset(void *xstate);
bool xstate_valid(const void *xstate);

bool xcr0_valid(u64 xcr0, u64 allowed);
void xcr0_set(struct vcpu *vcpu, u64 xcr0);
u64 xcr0_now(struct vcpu *vcpu);
void xcr0_load(struct vcpu *vcpu);
void xcr0_unload(struct vcpu *vcpu);

/*
 * Some CPUs do not restore the x87 exception pointers unless an exception is pending, and
 * the guest would see those of the previous owner (CVE-2006-1056).
 */
static inline void clear_exception_pointers(const void *xstate)
{
	if (unlikely(static_cpu_has_bug(X86_BUG_FXSAVE_LEAK)))
		asm volatile("fnclex\n\t"
			     "emms\n\t"
			     "fildl %0" : : "m" (*(const u32 *)xstate));
}

/* Everything in XCR0 except PKRU, which stays the host's: no guest can set CR4.PKE. */
#define XSTATE_SWAPPED	(~(u64)XFEATURE_MASK_PKRU)

/* Components that are in XCR0 but not in @image are initialized. */
static __always_inline void xstate_load(const void *image)
{
	clear_exception_pointers(image);
	if (static_cpu_has(X86_FEATURE_XSAVE))
		asm volatile("xrstor64 %0"
			     : : "m" (*(const struct xregs_state *)image),
			       "a" ((u32)XSTATE_SWAPPED), "d" ((u32)(XSTATE_SWAPPED >> 32))
			     : "memory");
	else
		asm volatile("fxrstorq %0"
			     : : "m" (*(const struct fxregs_state *)image) : "memory");
}

/*
 * Not XSAVEOPT: it skips components that have not changed since the last XRSTOR from
 * the same linear address, and the guest may have executed XRSTOR with that address.
 */
static __always_inline void xstate_save(void *image, u64 components)
{
	if (static_cpu_has(X86_FEATURE_XSAVE))
		asm volatile("xsave64 %0"
			     : "+m" (*(struct xregs_state *)image)
			     : "a" ((u32)components), "d" ((u32)(components >> 32)) : "memory");
	else
		asm volatile("fxsaveq %0" : "=m" (*(struct fxregs_state *)image));
}

/**
 * xstate_enter() - load the guest's registers
 * @xstate: the guest's registers
 *
 * The current registers are saved and later restored as they are, whether they belong
 * to this task, to a previous one or to nobody. TIF_NEED_FPU_LOAD and
 * fpu_fpregs_owner_ctx therefore stay correct, as long as nobody uses the FPU meanwhile:
 * tasks, softirqs and interrupt handlers do, NMI handlers do not, and neither does the
 * code that runs until xstate_leave(). Supervisor components are neither saved nor
 * changed: XSS is 0 in a guest.
 *
 * Context: interrupts off until xstate_leave(); host XCR0.
 */
static __always_inline void xstate_enter(const void *xstate)
{
	lockdep_assert_irqs_disabled();
	xstate_save(this_cpu_read(xstate_host), XSTATE_SWAPPED);
	xstate_load(xstate);
}

/* Save the guest's registers and restore the host's; see xstate_enter(). */
static __always_inline void xstate_leave(void *xstate)
{
	xstate_save(xstate, (u32)xstate_caps.guest_xcr0);
	xstate_load(this_cpu_read(xstate_host));
}

/*
 * Load the guest's XCR0 and XSS. A guest that cannot execute XSAVE does not notice the
 * host's. Interrupts stay off until xcr0_leave().
 */
static inline void xcr0_enter(struct vcpu *vcpu)
{
	if (unlikely(vcpu->vmcb->save.cr4 & X86_CR4_OSXSAVE) && !vcpu->xcr0_loaded)
		xcr0_load(vcpu);
}

static inline void xcr0_leave(struct vcpu *vcpu)
{
	if (unlikely(vcpu->xcr0_loaded))
		xcr0_unload(vcpu);
}

#endif /* SVMVCPU_XSTATE_H */
