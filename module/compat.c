// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of compat.h that needs KVM's headers.
 */
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
 * The helper writes an exit reason and a count into KVM's vCPU when it meets a
 * signal, which can come while it works. This one is for it to write to;
 * nobody reads what several of them leave there.
 */
static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = {
	.run = &nobodys_run,
};

static void handle_work(void)
{
	xfer_to_guest_mode_handle_work(&nobody);
}
#else
static void handle_work(void)
{
	xfer_to_guest_mode_handle_work();
}
#endif

/**
 * compat_task_work() - run what others queued for this task
 *
 * Context: process context, preemption on. A signal may be pending afterwards.
 */
void compat_task_work(void)
{
	if (test_thread_flag(TIF_NOTIFY_RESUME))
		handle_work();
}
