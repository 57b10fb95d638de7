// SPDX-License-Identifier: GPL-2.0-only
/* The parts of compat.h that need KVM's headers. */
#include <linux/sched.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#else
#include <linux/entry-virt.h>
#endif

#include "compat.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
/*
 * xfer_to_guest_mode_handle_work() stores an exit reason and increments a counter in
 * KVM's vCPU if a signal is pending. This dummy vCPU takes these concurrent writes; it
 * is never read.
 */
static struct kvm_run dummy_run;
static struct kvm_vcpu dummy_vcpu = {
	.run = &dummy_run,
};

static void handle_work(void)
{
	xfer_to_guest_mode_handle_work(&dummy_vcpu);
}
#else
static void handle_work(void)
{
	xfer_to_guest_mode_handle_work();
}
#endif

/**
 * compat_task_work() - run work that is queued for this task
 *
 * Context: process context, preemption enabled. A signal may be pending afterwards.
 */
void compat_task_work(void)
{
	if (test_thread_flag(TIF_NOTIFY_RESUME))
		handle_work();
}
