// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: creation and settings of a VM, and the table of its ioctls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls.h"
#include "device.h"
#include "log.h"
#include "real.h"
#include "vcpu.h"
#include "vm.h"

/* Pins of an I/O APIC: KVM_MAX_IRQ_ROUTES of Linux */
#define MAX_PINS	4096

static void vm_release(void *self)
{
	struct vm *vm = self;
	unsigned int id;

	for (id = 0; id < MAX_VCPUS; id++)
		vcpu_free(vm->vcpus[id]);
	filter_free(&vm->filter);
	irqs_free(&vm->irqs);
	slots_free(&vm->slots);
	fd_drop_kept(vm->pages);
	fd_drop_kept(vm->fd);
	free(vm);
}

const struct object_type vm_type = {
	.name = "VM",
	.calls = vm_calls,
	.unknown = ENOTTY,
	.release = vm_release,
};

static int vm_make_pages(struct vm *vm)
{
	int fd = memfd_create("svmvcpu-kvm", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, MAX_VCPUS * VCPU_MMAP_BYTES)) {
		real()->close(fd);
		return -errno;
	}
	vm->pages = fd_keep(fd);
	real()->close(fd);
	return vm->pages < 0 ? vm->pages : 0;
}

long vm_create(const struct device *device)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int fd, err;

	if (!vm)
		return -ENOMEM;
	vm->info = device->info;
	vm->fd = -1;
	vm->pages = -1;
	pthread_mutex_init(&vm->lock, NULL);
	slots_init(&vm->slots);
	irqs_init(&vm->irqs);
	filter_init(&vm->filter);
	fd = svmvcpu_vm_create(device->fd);
	if (fd < 0) {
		vm_release(vm);
		return refuse(-fd, "%s", svmvcpu_last_error());
	}
	vm->fd = fd_keep(fd);
	err = vm->fd < 0 ? vm->fd : vm_make_pages(vm);
	if (err) {
		vm_release(vm);
		real()->close(fd);
		return err;
	}
	return object_publish(&vm_type, vm, fd, &vm->object);
}

static long check_extension(void *self, unsigned long arg)
{
	const struct vm *vm = self;

	return cap_value(&vm->info, arg);
}

static long create_vcpu(void *self, unsigned long id)
{
	struct vm *vm = self;
	struct vcpu *vcpu = NULL;
	long ret = 0;

	if (id >= vm->info.max_vcpus || id >= MAX_VCPUS)
		return refuse(EINVAL, "CREATE_VCPU: %lu is not below %u", id,
			      vm->info.max_vcpus);
	pthread_mutex_lock(&vm->lock);
	if (vm->vcpus[id])
		ret = -EEXIST;
	else
		ret = vcpu_create(vm, id, &vcpu);
	vm->nr_vcpus += !ret;
	if (!ret)
		vm->vcpus[id] = vcpu;
	pthread_mutex_unlock(&vm->lock);
	return ret ? ret : vcpu_publish(vcpu);
}

/* --- settings ------------------------------------------------------------- */

/* args[0] is the number of pins of the program's I/O APIC, which do not matter here. */
static long enable_split_irqchip(struct vm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] > MAX_PINS)
		return -EINVAL;
	if (vm->irqchip != IRQCHIP_NONE || vm->nr_vcpus)
		return -EEXIST;
	vm->irqchip = IRQCHIP_SPLIT;
	return 0;
}

static long enable_manual_protect(struct vm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~(__u64)KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		return -EINVAL;
	vm->manual_protect = cap->args[0];
	return 0;
}

static long enable_msr_exits(struct vm *vm, const struct kvm_enable_cap *cap)
{
	const __u64 known = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
			    KVM_MSR_EXIT_REASON_FILTER;

	if (cap->args[0] & ~known)
		return -EINVAL;
	vm->msr_exits = cap->args[0];
	return 0;
}

static long enable_cap_locked(struct vm *vm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		return enable_split_irqchip(vm, cap);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return enable_manual_protect(vm, cap);
	case KVM_CAP_X86_USER_SPACE_MSR:
		return enable_msr_exits(vm, cap);
	}
	return refuse(EINVAL, "ENABLE_CAP: capability %u cannot be enabled", cap->cap);
}

static long enable_cap(void *self, unsigned long arg)
{
	const struct kvm_enable_cap *cap = (const void *)arg;
	struct vm *vm = self;
	long ret;

	if (cap->flags)
		return -EINVAL;
	pthread_mutex_lock(&vm->lock);
	ret = enable_cap_locked(vm, cap);
	pthread_mutex_unlock(&vm->lock);
	return ret;
}

/* Pages of Intel's real mode: AMD's needs none. */
static long set_address(void *self, unsigned long arg)
{
	(void)self;
	(void)arg;
	return 0;
}

/* svmvcpu always starts vCPU 0. */
static long set_boot_cpu(void *self, unsigned long arg)
{
	struct vm *vm = self;

	if (vm->nr_vcpus)
		return -EBUSY;
	return arg ? refuse(EINVAL, "SET_BOOT_CPU_ID: %lu is not 0", arg) : 0;
}

/* There are no shadow pages to limit. */
static long set_mmu_pages(void *self, unsigned long arg)
{
	(void)self;
	return arg < 64 ? -EINVAL : 0;
}

#define ENABLED		"SPLIT_IRQCHIP, MANUAL_DIRTY_LOG_PROTECT2, X86_USER_SPACE_MSR"
#define UNORDERED	"writes of several vCPUs would lose their order"
#define NO_FULL_IRQCHIP	"no irqchip with PIC, I/O APIC and PIT"

const struct call vm_calls[] = {
	CALL_WITH(KVM_IRQ_LINE, irq_set_line, CALL_OFTEN, NULL),
	CALL_WITH(KVM_IRQ_LINE_STATUS, irq_set_line_status, CALL_OFTEN, NULL),
	CALL_WITH(KVM_SIGNAL_MSI, irq_signal_msi, CALL_OFTEN, NULL),
	CALL(KVM_CHECK_EXTENSION, check_extension),
	CALL(KVM_CREATE_VCPU, create_vcpu),
	CALL(KVM_SET_USER_MEMORY_REGION, slot_set),
	CALL(KVM_GET_DIRTY_LOG, slot_get_dirty_log),
	CALL(KVM_CLEAR_DIRTY_LOG, slot_clear_dirty_log),
	CALL_WITH(KVM_SET_TSS_ADDR, set_address, 0, "has no effect"),
	CALL_WITH(KVM_SET_IDENTITY_MAP_ADDR, set_address, 0, "has no effect"),
	CALL_WITH(KVM_SET_NR_MMU_PAGES, set_mmu_pages, 0, "has no effect"),
	CALL_WITH(KVM_SET_BOOT_CPU_ID, set_boot_cpu, 0, "vCPU 0 only"),
	CALL_WITH(KVM_ENABLE_CAP, enable_cap, 0, ENABLED),
	CALL_WITH(KVM_SET_GSI_ROUTING, irq_set_routing, 0, "routes to MSIs"),
	CALL(KVM_IRQFD, irq_set_irqfd),
	CALL(KVM_IOEVENTFD, irq_set_ioeventfd),
	CALL_WITH(KVM_X86_SET_MSR_FILTER, filter_set, 0, "for MSRs that the kernel does not have"),
	ABSENT(KVM_CREATE_IRQCHIP, NO_FULL_IRQCHIP),
	ABSENT(KVM_GET_IRQCHIP, NO_FULL_IRQCHIP),
	ABSENT(KVM_SET_IRQCHIP, NO_FULL_IRQCHIP),
	ABSENT(KVM_CREATE_PIT, NO_FULL_IRQCHIP),
	ABSENT(KVM_CREATE_PIT2, NO_FULL_IRQCHIP),
	ABSENT(KVM_GET_PIT, NO_FULL_IRQCHIP),
	ABSENT(KVM_SET_PIT, NO_FULL_IRQCHIP),
	ABSENT(KVM_GET_PIT2, NO_FULL_IRQCHIP),
	ABSENT(KVM_SET_PIT2, NO_FULL_IRQCHIP),
	ABSENT(KVM_REINJECT_CONTROL, NO_FULL_IRQCHIP),
	ABSENT(KVM_REGISTER_COALESCED_MMIO, UNORDERED),
	ABSENT(KVM_UNREGISTER_COALESCED_MMIO, UNORDERED),
	ABSENT(KVM_GET_NR_MMU_PAGES, "not offered"),
	ABSENT(KVM_SET_MEMORY_ALIAS, "obsolete"),
	ABSENT(KVM_SET_MEMORY_REGION, "obsolete"),
	ABSENT(KVM_GET_CLOCK, "no kvmclock"),
	ABSENT(KVM_SET_CLOCK, "no kvmclock"),
	ABSENT(KVM_CREATE_DEVICE, "no devices"),
	ABSENT(KVM_MEMORY_ENCRYPT_OP, "no SEV"),
	ABSENT(KVM_MEMORY_ENCRYPT_REG_REGION, "no SEV"),
	ABSENT(KVM_MEMORY_ENCRYPT_UNREG_REGION, "no SEV"),
	ABSENT(KVM_HYPERV_EVENTFD, "no Hyper-V"),
	ABSENT(KVM_XEN_HVM_CONFIG, "no Xen"),
	ABSENT(KVM_XEN_HVM_GET_ATTR, "no Xen"),
	ABSENT(KVM_XEN_HVM_SET_ATTR, "no Xen"),
	ABSENT(KVM_XEN_HVM_EVTCHN_SEND, "no Xen"),
	ABSENT(KVM_SET_PMU_EVENT_FILTER, "no PMU"),
	ABSENT(KVM_RESET_DIRTY_RINGS, "use the bitmap"),
	ABSENT(KVM_GET_STATS_FD, "counters are in /proc"),
	ABSENT(KVM_SET_TSC_KHZ, "all guests have the host's frequency"),
	ABSENT(KVM_GET_TSC_KHZ, "ask a vCPU"),
	LAST_CALL
};
