// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu: AMD SVM virtual CPUs for user space.
 *
 * Module initialization, and /dev/svmvcpu: host capabilities, the default CPUID table and
 * creation of VMs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/svmvcpu.h>
#include <asm/tsc.h>

#include "mm/memory.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/coalesced.h"
#include "vcpu/cpuid.h"
#include "vcpu/state.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"

static u64 known_exits(void)
{
#define EXIT_NUMBER(nr, name, str) nr,
	static const u8 numbers[] = { SVMVCPU_EXITS(EXIT_NUMBER) };
#undef EXIT_NUMBER
	u64 exits = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		exits |= BIT_ULL(numbers[i]);
	return exits;
}

static int dev_ioctl_get_info(void __user *arg)
{
	struct svmvcpu_info info, in;
	size_t size;
	int ret;

	ret = svmvcpu_copy_arg(&in, sizeof(in), offsetofend(struct svmvcpu_info, run_size), arg);
	if (ret)
		return ret;
	size = min_t(size_t, in.size, sizeof(info));
	info = (struct svmvcpu_info) {
		.size = sizeof(info),
		.api_version = SVMVCPU_API_VERSION,
		.run_size = RUN_PAGES * PAGE_SIZE,
		.features = svm_caps.features,
		.mitigations = svm_mitigations(),
		.max_regions = GUEST_MAX_REGIONS,
		.max_vcpus = VM_MAX_VCPUS,
		.max_batch = GUEST_MAX_BATCH,
		.gpa_bits = svm_limits.gpa_bits,
		.asids = svm_caps.asids,
		.io_data_size = PAGE_SIZE,
		.cr4_guest = svm_limits.cr4_guest,
		.efer_guest = svm_limits.efer_guest,
		.components = STATE_ALL,
		.exits = known_exits(),
		.xcr0_guest = xstate_caps.guest_xcr0,
		.xstate_size = xstate_caps.bytes,
		.max_cpuid = CPUID_MAX,
		.tsc_khz = tsc_khz,
		.max_coalesced = COALESCED_MAX,
	};
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static int dev_ioctl_create_vm(const void __user *arg)
{
	struct svmvcpu_create_vm create;
	int ret;

	ret = svmvcpu_copy_arg(&create, sizeof(create), sizeof(create), arg);
	return ret ? ret : vm_create();
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case SVMVCPU_GET_INFO:
		return dev_ioctl_get_info(user);
	case SVMVCPU_CREATE_VM:
		return dev_ioctl_create_vm(user);
	case SVMVCPU_GET_DEVICE_CPUID:
		return cpuid_table_report(cpuid_table_or_default(NULL), user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* A VM can use CPUs without limit, so only root may open the device by default. */
static struct miscdevice svmvcpu_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "svmvcpu",
	.fops = &dev_fops,
	.mode = 0600,
};

static int device_init(void)
{
	return misc_register(&svmvcpu_dev);
}

static void device_exit(void)
{
	misc_deregister(&svmvcpu_dev);
}

/* In the order of initialization */
static const struct {
	int (*init)(void);
	void (*exit)(void);
} parts[] __refconst = {
	{ svm_cpu_init, svm_cpu_exit },
	{ xstate_init, xstate_exit },
	{ permmap_init, permmap_exit },
	{ cpuid_init, cpuid_exit },
	{ vmm_mm_init, vmm_mm_exit },
	{ device_init, device_exit },
};

static void exit_parts(int nr)
{
	while (nr--)
		parts[nr].exit();
}

static int __init svmvcpu_init(void)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		ret = parts[i].init();
		if (ret) {
			exit_parts(i);
			return ret;
		}
	}
	return 0;
}

static void __exit svmvcpu_exit(void)
{
	exit_parts(ARRAY_SIZE(parts));
	/*
	 * Wait for callbacks of call_rcu(), and before that for wake-up callbacks that have
	 * unlinked an irqfd and are about to use call_rcu(). They run with interrupts off.
	 */
	synchronize_rcu();
	rcu_barrier();
}

module_init(svmvcpu_init);
module_exit(svmvcpu_exit);

MODULE_DESCRIPTION("AMD SVM virtual CPUs for user space");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
