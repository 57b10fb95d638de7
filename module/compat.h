/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between kernel versions. The module is built and tested on 6.1 only;
 * the branches for newer kernels are written from their sources and have not been
 * built. No other file tests LINUX_VERSION_CODE.
 */
#ifndef SVMVCPU_COMPAT_H
#define SVMVCPU_COMPAT_H

#include <linux/version.h>

#ifndef __ASSEMBLY__
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>
#include <asm/processor.h>
#include <asm/spec-ctrl.h>

#ifdef CONFIG_PREEMPT_RT
#error "PREEMPT_RT: spinlocks that sleep are taken with interrupts off at the world switch"
#endif

/* 6.13 merges initialization and setting the callback. */
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*fn)(struct hrtimer *timer),
					clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.8 removes the count. */
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* 6.13 adds a second flag for lazy preemption. */
#ifdef _TIF_NEED_RESCHED_LAZY
#define COMPAT_TIF_RESCHED	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#else
#define COMPAT_TIF_RESCHED	_TIF_NEED_RESCHED
#endif

/* compat.c: run work that is queued for this task (NUMA balancing, rseq) */
void compat_task_work(void);

/*
 * SRSO on Zen 5: while SVM is enabled, guests must not train the host's branch
 * predictor. Kernels that define the bit leave it to the hypervisor.
 */
static inline void compat_svm_mitigate(bool on)
{
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
	if (!cpu_feature_enabled(X86_FEATURE_SRSO_BP_SPEC_REDUCE))
		return;
	if (on)
		msr_set_bit(MSR_ZEN4_BP_CFG, MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	else
		msr_clear_bit(MSR_ZEN4_BP_CFG, MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
#endif
}

/*
 * Counters with exclude_guest can tell guest from host only if perf knows that SVM is
 * enabled. Since 6.18 only KVM can tell perf, and these counters include our guests.
 */
static inline void compat_perf_svm(bool on)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	if (on)
		amd_pmu_enable_virt();
	else
		amd_pmu_disable_virt();
#endif
}

/*
 * SSBD outside SPEC_CTRL: a bit of LS_CFG, which SMT siblings share, or VIRT_SPEC_CTRL
 * of an outer hypervisor. The kernel counts the users of the bit, so only the kernel
 * may switch it. Since 6.18 it does so for KVM only, and guests on such hosts have no
 * SSBD.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define COMPAT_VIRT_SPEC_CTRL	true
static inline void compat_virt_spec_ctrl(u64 guest, bool enter)
{
	x86_virt_spec_ctrl(guest, enter);
}
#else
#define COMPAT_VIRT_SPEC_CTRL	false
static inline void compat_virt_spec_ctrl(u64 guest, bool enter)
{
}
#endif

/* VMSCAPE: flush what the guest trained before returning to user space. */
static inline void compat_ibpb_before_user(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}
#endif /* !__ASSEMBLY__ */
#endif /* SVMVCPU_COMPAT_H */
