// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the table of capabilities, with a row for every one of Linux 6.1 that x86
 * has. The others are 0.
 */
#include <stddef.h>

#include <linux/svmvcpu.h>

#include "calls.h"
#include "irq.h"
#include "slots.h"

/**
 * struct cap - a row of the table
 * @number: KVM_CAP_*
 * @name: its name
 * @value: what KVM_CHECK_EXTENSION returns, unless there is @ask
 * @ask: computes the value
 * @note: limits, or why the value is 0; for the documents
 */
struct cap {
	unsigned int number;
	const char *name;
	long value;
	long (*ask)(const struct svmvcpu_info *info);
	const char *note;
};

static long max_vcpus(const struct svmvcpu_info *info)
{
	return info->max_vcpus;
}

static long has_xsave(const struct svmvcpu_info *info)
{
	return info->xcr0_guest != 0;
}

static long knows_tsc(const struct svmvcpu_info *info)
{
	return info->tsc_khz != 0;
}

#define CAP_WITH(cap, value, function, text) { cap, #cap, value, function, text }
#define CAP(cap, value)		{ cap, #cap, value, NULL, NULL }
#define CAP_BY(cap, function)	{ cap, #cap, 0, function, NULL }
#define NO_CAP(cap, why)	{ cap, #cap, 0, NULL, why }

static const struct cap caps[] = {
	CAP_WITH(KVM_CAP_IRQCHIP, 1, NULL, "the split irqchip; KVM_CREATE_IRQCHIP is not there"),
	CAP(KVM_CAP_HLT, 1),
	CAP(KVM_CAP_USER_MEMORY, 1),
	CAP(KVM_CAP_SET_TSS_ADDR, 1),
	CAP(KVM_CAP_EXT_CPUID, 1),
	CAP_BY(KVM_CAP_NR_VCPUS, max_vcpus),
	CAP_BY(KVM_CAP_MAX_VCPUS, max_vcpus),
	CAP_BY(KVM_CAP_MAX_VCPU_ID, max_vcpus),
	CAP(KVM_CAP_NR_MEMSLOTS, NR_SLOTS),
	CAP(KVM_CAP_MP_STATE, 1),
	CAP(KVM_CAP_SYNC_MMU, 1),
	CAP(KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1),
	CAP(KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1),
	CAP(KVM_CAP_USER_NMI, 1),
	CAP(KVM_CAP_SET_GUEST_DEBUG, 1),
	CAP(KVM_CAP_SET_GUEST_DEBUG2, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
	    KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB |
	    KVM_GUESTDBG_INJECT_BP),
	CAP(KVM_CAP_SET_IDENTITY_MAP_ADDR, 1),
	CAP(KVM_CAP_VCPU_EVENTS, 1),
	CAP(KVM_CAP_INTERNAL_ERROR_DATA, 1),
	CAP(KVM_CAP_DEBUGREGS, 1),
	CAP(KVM_CAP_XSAVE, 1),
	CAP(KVM_CAP_XSAVE2, sizeof(struct kvm_xsave)),
	CAP_BY(KVM_CAP_XCRS, has_xsave),
	CAP_BY(KVM_CAP_GET_TSC_KHZ, knows_tsc),
	CAP(KVM_CAP_SIGNAL_MSI, 1),
	CAP(KVM_CAP_READONLY_MEM, 1),
	CAP(KVM_CAP_IOEVENTFD, 1),
	CAP(KVM_CAP_IOEVENTFD_ANY_LENGTH, 1),
	CAP(KVM_CAP_IOEVENTFD_NO_LENGTH, 1),
	CAP(KVM_CAP_IRQFD, 1),
	NO_CAP(KVM_CAP_IRQFD_RESAMPLE, "no irqchip with an I/O APIC"),
	CAP(KVM_CAP_IRQ_ROUTING, NR_GSIS),
	CAP(KVM_CAP_IRQ_INJECT_STATUS, 1),
	CAP(KVM_CAP_SPLIT_IRQCHIP, 1),
	CAP(KVM_CAP_TSC_DEADLINE_TIMER, 1),
	CAP_WITH(KVM_CAP_SET_BOOT_CPU_ID, 1, NULL, "vCPU 0 only"),
	CAP(KVM_CAP_GET_MSR_FEATURES, 1),
	CAP(KVM_CAP_CHECK_EXTENSION_VM, 1),
	CAP(KVM_CAP_ENABLE_CAP_VM, 1),
	CAP(KVM_CAP_IMMEDIATE_EXIT, 1),
	CAP(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE),
	CAP(KVM_CAP_SYNC_REGS, KVM_SYNC_X86_VALID_FIELDS),
	CAP(KVM_CAP_SREGS2, 1),
	CAP(KVM_CAP_X86_USER_SPACE_MSR, 1),
	CAP_WITH(KVM_CAP_X86_MSR_FILTER, 1, NULL, "for MSRs that the kernel does not have"),
	CAP_WITH(KVM_CAP_VAPIC, 1, NULL, "no access to TPR is ever reported"),
	CAP_WITH(KVM_CAP_MMU_SHADOW_CACHE_CONTROL, 1, NULL, "has no effect"),

	NO_CAP(KVM_CAP_EXT_EMUL_CPUID, "no instruction is emulated for the guest"),
	NO_CAP(KVM_CAP_CLOCKSOURCE, "no kvmclock"),
	NO_CAP(KVM_CAP_ADJUST_CLOCK, "no kvmclock"),
	NO_CAP(KVM_CAP_KVMCLOCK_CTRL, "no kvmclock"),
	NO_CAP(KVM_CAP_NOP_IO_DELAY, "not offered"),
	NO_CAP(KVM_CAP_PV_MMU, "obsolete"),
	NO_CAP(KVM_CAP_COALESCED_MMIO, "writes of several vCPUs would lose their order"),
	NO_CAP(KVM_CAP_COALESCED_PIO, "writes of several vCPUs would lose their order"),
	NO_CAP(KVM_CAP_PIT, "no irqchip with PIC, I/O APIC and PIT"),
	NO_CAP(KVM_CAP_PIT2, "no irqchip with PIC, I/O APIC and PIT"),
	NO_CAP(KVM_CAP_PIT_STATE2, "no irqchip with PIC, I/O APIC and PIT"),
	NO_CAP(KVM_CAP_REINJECT_CONTROL, "no irqchip with PIC, I/O APIC and PIT"),
	NO_CAP(KVM_CAP_IOAPIC_POLARITY_IGNORED, "no irqchip with PIC, I/O APIC and PIT"),
	NO_CAP(KVM_CAP_MCE, "no machine checks"),
	NO_CAP(KVM_CAP_X86_SMM, "no SMM"),
	NO_CAP(KVM_CAP_MULTI_ADDRESS_SPACE, "no SMM"),
	NO_CAP(KVM_CAP_XEN_HVM, "no Xen"),
	NO_CAP(KVM_CAP_HYPERV, "no Hyper-V"),
	NO_CAP(KVM_CAP_NESTED_STATE, "no nesting"),
	NO_CAP(KVM_CAP_PMU_CAPABILITY, "no PMU"),
	NO_CAP(KVM_CAP_PMU_EVENT_FILTER, "no PMU"),
	NO_CAP(KVM_CAP_ASYNC_PF, "no asynchronous page faults"),
	NO_CAP(KVM_CAP_ASYNC_PF_INT, "no asynchronous page faults"),
	NO_CAP(KVM_CAP_STEAL_TIME, "no steal time"),
	NO_CAP(KVM_CAP_TSC_CONTROL, "all guests have the host's frequency"),
	NO_CAP(KVM_CAP_VM_TSC_CONTROL, "all guests have the host's frequency"),
	NO_CAP(KVM_CAP_DIRTY_LOG_RING, "use the bitmap"),
	NO_CAP(KVM_CAP_DIRTY_LOG_RING_ACQ_REL, "use the bitmap"),
	NO_CAP(KVM_CAP_BINARY_STATS_FD, "counters are in /proc"),
	NO_CAP(KVM_CAP_X2APIC_API, "not yet"),
	NO_CAP(KVM_CAP_MSR_PLATFORM_INFO, "no MSR_PLATFORM_INFO"),
	NO_CAP(KVM_CAP_EXCEPTION_PAYLOAD, "not offered"),
	NO_CAP(KVM_CAP_X86_TRIPLE_FAULT_EVENT, "not offered"),
	NO_CAP(KVM_CAP_X86_ROBUST_SINGLESTEP, "not offered"),
	NO_CAP(KVM_CAP_X86_DISABLE_EXITS, "not offered"),
	NO_CAP(KVM_CAP_X86_BUS_LOCK_EXIT, "not offered"),
	NO_CAP(KVM_CAP_X86_NOTIFY_VMEXIT, "not offered"),
	NO_CAP(KVM_CAP_DISABLE_QUIRKS, "not offered"),
	NO_CAP(KVM_CAP_DISABLE_QUIRKS2, "not offered"),
	NO_CAP(KVM_CAP_EXIT_HYPERCALL, "not offered"),
	NO_CAP(KVM_CAP_EXIT_ON_EMULATION_FAILURE, "failures always exit"),
	NO_CAP(KVM_CAP_ENFORCE_PV_FEATURE_CPUID, "there are no such features"),
	NO_CAP(KVM_CAP_HALT_POLL, "not offered"),
	NO_CAP(KVM_CAP_VCPU_ATTRIBUTES, "not offered"),
	NO_CAP(KVM_CAP_SYS_ATTRIBUTES, "not offered"),
	NO_CAP(KVM_CAP_SMALLER_MAXPHYADDR, "not offered"),
	NO_CAP(KVM_CAP_ENABLE_CAP, "not offered"),
	NO_CAP(KVM_CAP_SYSTEM_EVENT_DATA, "no system events"),
	NO_CAP(KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, "not offered"),
	NO_CAP(KVM_CAP_SGX_ATTRIBUTE, "no SGX"),
	NO_CAP(KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, "no SEV"),
	NO_CAP(KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, "no SEV"),
};

long cap_value(const struct svmvcpu_info *info, unsigned long number)
{
	const struct cap *cap;

	for (cap = caps; cap < caps + sizeof(caps) / sizeof(*caps); cap++)
		if (cap->number == number)
			return cap->ask ? cap->ask(info) : cap->value;
	return 0;
}
