// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enabling SVM on the host's CPUs.
 *
 * This file owns EFER.SVME and VM_HSAVE_PA while VMs exist, and the per-CPU pages. SVM
 * is enabled on a CPU when a vCPU first runs there, so creating a VM sends no IPIs. It
 * is disabled shortly after the last VM is destroyed, when the CPU goes offline, when
 * the machine suspends, and before it reboots.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include <linux/mem_encrypt.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>

#include <linux/svmvcpu.h>

#include "compat.h"
#include "svm/cpu.h"

#define SVM_CPUID_LEAF		0x8000000a
#define SEV_CPUID_LEAF		0x8000001f
#define VM_CR_SVMDIS		BIT(4)

/* Time until SVM is disabled after the last VM; saves work if VMs follow each other */
#define SVM_IDLE_MS		300

static unsigned long mask_features;
module_param(mask_features, ulong, 0444);
MODULE_PARM_DESC(mask_features,
		 "SVMVCPU_FEAT_* bits of the host to leave unused, to test the paths without them");

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

struct svm_caps svm_caps;
struct state_limits svm_limits;

u64 svm_tsc_lost;
/* svm_tsc() at the time of suspend */
static u64 svm_tsc_asleep;

/* Protects svm_users; held while idle CPUs disable SVM */
static DEFINE_MUTEX(svm_lock);
static unsigned int svm_users;	/* number of VMs */
/* The machine is going down: do not enable SVM. */
static bool svm_closed;

static enum cpuhp_state svm_cpuhp;
static struct platform_device *svm_pdev;

static void svm_idle_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(svm_idle, svm_idle_work);

/* CPUID 8000000A EDX bit -> SVMVCPU_FEAT_* */
static const struct {
	u8 edx_bit;
	u64 feature;
} svm_features[] = {
	{ 3,  SVMVCPU_FEAT_NRIP },
	{ 4,  SVMVCPU_FEAT_TSC_SCALE },
	{ 5,  SVMVCPU_FEAT_VMCB_CLEAN },
	{ 6,  SVMVCPU_FEAT_FLUSH_BY_ASID },
	{ 7,  SVMVCPU_FEAT_DECODE_ASSISTS },
	{ 10, SVMVCPU_FEAT_PAUSE_FILTER },
	{ 16, SVMVCPU_FEAT_VGIF },
	{ 20, SVMVCPU_FEAT_V_SPEC_CTRL },
};

/* Instructions newer than SVM that must be intercepted (APM 15.9) */
static void svm_detect_newer_instructions(void)
{
	u32 ext = cpuid_ebx(0x80000008);

	if (ext & BIT(4))
		svm_caps.cpuid_intercepts |= SVM_INTERCEPT_RDPRU;
	if (ext & BIT(8))
		svm_caps.cpuid_intercepts |= SVM_INTERCEPT_MCOMMIT;
	if (ext & BIT(3))
		svm_caps.cpuid_intercepts |= SVM_INTERCEPT_INVLPGB;
	/* boot_cpu_has() would miss it if a boot parameter disabled it. */
	if (cpuid_eax(0) >= 7 && (cpuid_ebx(7) & BIT(10)))
		svm_caps.cpuid_intercepts |= SVM_INTERCEPT_INVPCID;
}

/* cpuid_init() adds the limits that depend on the CPUID table. */
static void svm_detect_limits(void)
{
	/*
	 * These do not depend on CPUID. RDPMC is intercepted. CR4.MCE has no effect, but
	 * some firmware sets it without checking CPUID (edk2's reset vector).
	 */
	svm_limits.cr4_guest = X86_CR4_PCE | X86_CR4_MCE;
	/* Four levels of nested tables reach 48 bits. */
	svm_limits.gpa_bits = min_t(u8, svm_caps.phys_bits, svm_caps.npt_levels == 5 ? 52 : 48);
	/* CPUs with LA57 accept 57-bit segment bases even while CR4.LA57 is clear. */
	svm_limits.la_bits = cpuid_eax(0) >= 7 && (cpuid_ecx(7) & BIT(16)) ? 57 : 48;
}

static int svm_detect(void)
{
	u32 edx;
	int i;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		pr_err("SVM is not supported by this CPU; enable it in the firmware setup\n");
		return -EOPNOTSUPP;
	}
	edx = cpuid_edx(SVM_CPUID_LEAF);
	if (!(edx & BIT(0))) {
		pr_err("nested paging is not supported by this CPU (CPUID 8000000A EDX %#x)\n",
		       edx);
		return -EOPNOTSUPP;
	}
	svm_caps.asids = cpuid_ebx(SVM_CPUID_LEAF);
	if (boot_cpu_has(X86_FEATURE_SEV))
		svm_caps.sev_asids = cpuid_ecx(SEV_CPUID_LEAF);
	if (svm_caps.asids < 2) {
		pr_err("too few ASIDs for guests: CPUID reports %u, need 2\n", svm_caps.asids);
		return -EOPNOTSUPP;
	}

	for (i = 0; i < ARRAY_SIZE(svm_features); i++)
		if (edx & BIT(svm_features[i].edx_bit))
			svm_caps.features |= svm_features[i].feature;
	svm_caps.features &= ~(u64)mask_features;
	svm_caps.pause_threshold = edx & BIT(12);
	if (boot_cpu_has(X86_FEATURE_HYPERVISOR))
		svm_caps.features |= SVMVCPU_FEAT_UNDER_HYPERVISOR;

	svm_caps.phys_bits = boot_cpu_data.x86_phys_bits;
	/* VMRUN uses the host's CR4.LA57 for nested paging. */
	svm_caps.npt_levels = __read_cr4() & X86_CR4_LA57 ? 5 : 4;
	svm_detect_newer_instructions();
	vmcb_fix_intercepts(&svm_caps);
	svm_detect_limits();
	return 0;
}

/* Returns SVMVCPU_MIT_*: the mitigations that the world switch applies on this host. */
u64 svm_mitigations(void)
{
	u64 mit = SVMVCPU_MIT_GPR_CLEAR;

	if (boot_cpu_has(X86_FEATURE_RETPOLINE))
		mit |= SVMVCPU_MIT_RSB_FILL;
	if (boot_cpu_has(X86_FEATURE_UNRET) || boot_cpu_has(X86_FEATURE_SRSO_ALIAS))
		mit |= SVMVCPU_MIT_UNTRAIN_RET;
	if (boot_cpu_has(X86_FEATURE_ENTRY_IBPB) || boot_cpu_has(X86_FEATURE_IBPB_ON_VMEXIT))
		mit |= SVMVCPU_MIT_IBPB_ON_EXIT;
	if (boot_cpu_has(X86_FEATURE_USE_IBPB))
		mit |= SVMVCPU_MIT_IBPB_ON_SWITCH;
	if (boot_cpu_has(X86_FEATURE_IBPB_EXIT_TO_USER))
		mit |= SVMVCPU_MIT_IBPB_TO_USER;
	if (boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF_VM))
		mit |= SVMVCPU_MIT_CLEAR_BUFFERS;
	if (boot_cpu_has_bug(X86_BUG_DIV0))
		mit |= SVMVCPU_MIT_CLEAR_DIVIDER;
	return mit;
}

/* Name of the loaded module that probably uses SVM */
static const char *svm_other_hypervisor(void)
{
	static const char * const names[] = { "kvm_amd", "vboxdrv", "vmmon" };
	struct kset *modules = THIS_MODULE->mkobj.kobj.kset;
	struct kobject *kobj;
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		kobj = modules ? kset_find_obj(modules, names[i]) : NULL;
		if (kobj) {
			kobject_put(kobj);
			return names[i];
		}
	}
	return "another hypervisor";
}

/* Logs which module uses SVM. Process context. */
void svm_cpu_explain_busy(void)
{
	pr_err_ratelimited("SVM is in use by %s; unload it or stop its VMs\n",
			   svm_other_hypervisor());
}

/* Can this module use SVM on this CPU? Expects preemption disabled. */
static int svm_check_available(void)
{
	u64 vm_cr, efer;

	if (READ_ONCE(svm_closed))
		return -ESHUTDOWN;
	rdmsrl(MSR_EFER, efer);
	if ((efer & EFER_SVME) && !this_cpu_read(svm_cpu.enabled))
		return -EBUSY;
	rdmsrl(MSR_VM_CR, vm_cr);
	return vm_cr & VM_CR_SVMDIS ? -EOPNOTSUPP : 0;
}

/*
 * Other host state to change while SVM is enabled. TSC_RATIO keeps the value of its last
 * user, even across kexec; all guests use 1.0 (32.32 fixed point).
 */
static void svm_prepare_host(void)
{
	compat_svm_mitigate(true);
	if (boot_cpu_has(X86_FEATURE_TSCRATEMSR))
		wrmsr(MSR_AMD64_TSC_RATIO, 0, 1);
	machine_check_enable();
	compat_perf_svm(true);
}

static void svm_restore_host(void)
{
	compat_svm_mitigate(false);
	compat_perf_svm(false);
}

/**
 * svm_cpu_enable() - enable SVM on this CPU
 *
 * Context: preemption disabled.
 * Return: 0; -EAGAIN if this CPU is going offline, after which the caller should let
 * the scheduler move it; -EBUSY if another hypervisor uses SVM; -EOPNOTSUPP if the
 * firmware has disabled it; -ESHUTDOWN if the machine is going down.
 */
int svm_cpu_enable(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	unsigned long flags;
	u64 efer;
	int ret;

	local_irq_save(flags);
	ret = cpu_active(smp_processor_id()) ? svm_check_available() : -EAGAIN;
	if (ret || cpu->enabled)
		goto out;
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	svm_prepare_host();
	wrmsrl(MSR_VM_HSAVE_PA, svm_page_pa(cpu->hsave));
	/* The TLB may hold translations of a previous user of SVM. */
	svm_cpu_retire_asids();
	if (svm_has_tsc_aux())
		rdmsrl(MSR_TSC_AUX, cpu->host_tsc_aux);
	cpu->last_vcpu = 0;
	cpu->enabled = true;
out:
	local_irq_restore(flags);
	return ret;
}

/**
 * svm_cpu_retire_asids() - invalidate the ASIDs of all vCPUs on this CPU
 *
 * The next VMRUN on this CPU flushes the TLB.
 *
 * Context: interrupts off.
 */
void svm_cpu_retire_asids(void)
{
	asid_cpu_reset(this_cpu_ptr(&svm_cpu.asid), svm_caps.sev_asids, svm_caps.asids);
}

/**
 * svm_cpu_lost() - check after a fault of CLGI whether other code has disabled SVM
 *
 * Context: interrupts off.
 * Return: true if SVM was enabled by this module, but is disabled now.
 */
bool svm_cpu_lost(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!cpu->enabled || (efer & EFER_SVME))
		return false;
	cpu->enabled = false;
	svm_restore_host();
	return true;
}

static void svm_turn_off(void)
{
	u64 efer;

	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	svm_restore_host();
}

/*
 * Has other code disabled SVM and enabled it again with its own host save area? If the
 * host is itself a guest, its hypervisor may mask the encryption bit of the MSR.
 */
static bool svm_taken_over(const struct svm_cpu *cpu)
{
	u64 efer, hsave;

	rdmsrl(MSR_EFER, efer);
	rdmsrl(MSR_VM_HSAVE_PA, hsave);
	return (efer & EFER_SVME) && __sme_clr(hsave) != __sme_clr(svm_page_pa(cpu->hsave));
}

/* Disables SVM on this CPU. Runs in an IPI or with preemption disabled. */
static void svm_cpu_disable(void *unused)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	unsigned long flags;

	local_irq_save(flags);
	if (cpu->enabled) {
		cpu->enabled = false;
		if (!svm_taken_over(cpu))
			svm_turn_off();
	}
	local_irq_restore(flags);
}

/**
 * svm_cpu_get() - count a new VM
 *
 * Context: may sleep.
 * Return: 0; -EBUSY, -EOPNOTSUPP or -ESHUTDOWN as svm_cpu_enable().
 */
int svm_cpu_get(void)
{
	int ret;

	preempt_disable();
	ret = svm_check_available();
	preempt_enable();
	if (ret == -EBUSY)
		svm_cpu_explain_busy();
	if (ret == -EOPNOTSUPP)
		pr_err_ratelimited("SVM is disabled by the firmware (VM_CR.SVMDIS is set); enable it in its setup\n");
	if (ret)
		return ret;
	mutex_lock(&svm_lock);
	svm_users++;
	mutex_unlock(&svm_lock);
	return 0;
}

/* Undoes svm_cpu_get(). Sleeps. */
void svm_cpu_put(void)
{
	mutex_lock(&svm_lock);
	if (!--svm_users)
		mod_delayed_work(system_wq, &svm_idle, msecs_to_jiffies(SVM_IDLE_MS));
	mutex_unlock(&svm_lock);
}

static void svm_idle_work(struct work_struct *work)
{
	mutex_lock(&svm_lock);
	if (!svm_users)
		on_each_cpu(svm_cpu_disable, NULL, 1);
	mutex_unlock(&svm_lock);
}

static int svm_cpu_offline(unsigned int cpu)
{
	preempt_disable();
	svm_cpu_disable(NULL);
	preempt_enable();
	return 0;
}

/* Tasks are frozen, so no vCPU runs. The next RUN enables SVM again. */
static int svm_suspend(struct device *dev)
{
	svm_tsc_asleep = svm_tsc();
	on_each_cpu(svm_cpu_disable, NULL, 1);
	return 0;
}

/* Suspend may have reset the TSC, but the TSC of a guest must not go backwards. */
static int svm_resume(struct device *dev)
{
	if (svm_tsc() < svm_tsc_asleep)
		svm_tsc_lost += svm_tsc_asleep - svm_tsc();
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(svm_pm_ops, svm_suspend, svm_resume);

static int svm_probe(struct platform_device *dev)
{
	return 0;
}

/* Exists only for suspend and resume: newer kernels do not export syscore operations. */
static struct platform_driver svm_driver = {
	.driver = {
		.name = KBUILD_MODNAME,
		.pm = &svm_pm_ops,
	},
};

static int svm_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(svm_closed, true);
	on_each_cpu(svm_cpu_disable, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block svm_reboot_nb = {
	.notifier_call = svm_reboot,
};

static void svm_free_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpu, cpu);

		if (sc->hsave)
			__free_page(sc->hsave);
		if (sc->host_vmcb)
			__free_page(sc->host_vmcb);
		sc->hsave = NULL;
		sc->host_vmcb = NULL;
	}
}

static int svm_alloc_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpu, cpu);

		sc->hsave = hwpage_alloc(GFP_KERNEL);
		sc->host_vmcb = hwpage_alloc(GFP_KERNEL);
		if (!sc->hsave || !sc->host_vmcb) {
			svm_free_pages();
			return -ENOMEM;
		}
		sc->host_pa = svm_page_pa(sc->host_vmcb);
	}
	return 0;
}

/*
 * Detects the capabilities of the host and prepares its CPUs, but does not enable SVM.
 * Returns 0, -EOPNOTSUPP after logging the reason, or an error of a registration.
 */
int svm_cpu_init(void)
{
	int ret;

	ret = svm_detect();
	if (ret)
		return ret;
	ret = svm_alloc_pages();
	if (ret)
		return ret;
	svm_pdev = platform_create_bundle(&svm_driver, svm_probe, NULL, 0, NULL, 0);
	if (IS_ERR(svm_pdev)) {
		ret = PTR_ERR(svm_pdev);
		goto free_pages;
	}
	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "virt/svmvcpu:online",
					NULL, svm_cpu_offline);
	if (ret < 0)
		goto unregister_pm;
	svm_cpuhp = ret;
	ret = register_reboot_notifier(&svm_reboot_nb);
	if (ret)
		goto remove_cpuhp;
	return 0;

remove_cpuhp:
	cpuhp_remove_state_nocalls(svm_cpuhp);
unregister_pm:
	platform_device_unregister(svm_pdev);
	platform_driver_unregister(&svm_driver);
free_pages:
	svm_free_pages();
	return ret;
}

/* Undoes svm_cpu_init() after the last VM has been destroyed. */
void svm_cpu_exit(void)
{
	unregister_reboot_notifier(&svm_reboot_nb);
	cancel_delayed_work_sync(&svm_idle);
	/* Without VMs, nothing enables SVM again. */
	on_each_cpu(svm_cpu_disable, NULL, 1);
	cpuhp_remove_state_nocalls(svm_cpuhp);
	platform_device_unregister(svm_pdev);
	platform_driver_unregister(&svm_driver);
	svm_free_pages();
}
