/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x87, SSE and AVX registers of a guest, and its XCR0.
 */
#ifndef SVMVCPU_XSTATE_H
#define SVMVCPU_XSTATE_H

#include <linux/bug.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/thread_info.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/processor-flags.h>

#include "vcpu/vcpu.h"

/**
 * struct xstate_caps - constant after load
 * @host_xcr0: XCR0 while the host runs; 0 without XSAVE
 * @guest_xcr0: bits a guest may set; 0 without XSAVE
 * @host_xss: XSS while the host runs
 * @bytes: size of a guest's area in standard format
 * @host_bytes: of what the host has in XCR0
 */
struct xstate_caps {
	u64 host_xcr0;
	u64 guest_xcr0;
	u64 host_xss;
	u32 bytes;
	u32 host_bytes;
};

extern struct xstate_caps xstate_caps;

/**
 * struct xstate_host - what the registers of a CPU held when a guest's came
 * @image: standard format, @xstate_caps.host_bytes
 * @in_memory: TIF_NEED_FPU_LOAD at that time; only with lockdep
 */
struct xstate_host {
	void *image;
	bool in_memory;
};

DECLARE_PER_CPU(struct xstate_host, xstate_host);

int xstate_init(void);
void xstate_exit(void);
u32 xstate_bytes_for(u64 xcr0);

void *xstate_alloc(void);
void xstate_free(void *xstate);
void xstate_reset(void *xstate);
bool xstate_valid(const void *xstate);

bool xcr0_valid(u64 xcr0, u64 allowed);
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

/* All that XCR0 has but PKRU: no guest can set CR4.PKE, it stays the host's. */
#define XSTATE_SWAPPED	(~(u64)XFEATURE_MASK_PKRU)

/*
 * Registers out of a buffer, everything that XCR0 has and the buffer has not to
 * its reset value.
 */
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
 * Registers into a buffer. Not XSAVEOPT: it skips what it believes unchanged
 * since the last XRSTOR from the same linear address, and a guest's XRSTOR may
 * have used the same.
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

/* Has anybody used the FPU for the kernel since? See xstate_enter(). */
static inline void xstate_check_host(bool enter)
{
	bool in_memory;

	lockdep_assert_irqs_disabled();
	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		return;
	in_memory = test_thread_flag(TIF_NEED_FPU_LOAD);
	if (enter)
		this_cpu_write(xstate_host.in_memory, in_memory);
	else
		WARN_ON_ONCE(in_memory != this_cpu_read(xstate_host.in_memory));
}

/**
 * xstate_enter() - guest registers into the CPU
 * @xstate: the guest's
 *
 * Whatever is in the registers is kept and put back, be it the task's, those of
 * a task before it, or nobody's. So TIF_NEED_FPU_LOAD and fpu_fpregs_owner_ctx
 * stay true, and the kernel need not know, as long as nobody can look: who uses
 * the FPU in the kernel is a task, a softirq or an interrupt handler, never an
 * NMI. What runs until xstate_leave() is ours, and does not use it. Supervisor
 * components are neither saved nor changed: XSS is 0 in a guest.
 *
 * Components that the guest's image has not are initialized. So nothing of the
 * VMM's AVX registers is left where a guest could look.
 *
 * Context: interrupts off until xstate_leave(), host XCR0.
 */
static __always_inline void xstate_enter(const void *xstate)
{
	xstate_check_host(true);
	xstate_save(this_cpu_read(xstate_host.image), XSTATE_SWAPPED);
	xstate_load(xstate);
}

/**
 * xstate_leave() - guest registers out of the CPU, what was there back
 * @xstate: the guest's
 *
 * Context: interrupts off since xstate_enter(), host XCR0.
 */
static __always_inline void xstate_leave(void *xstate)
{
	xstate_save(xstate, (u32)xstate_caps.guest_xcr0);
	xstate_load(this_cpu_read(xstate_host.image));
	xstate_check_host(false);
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
