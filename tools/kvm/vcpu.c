// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: creation of a vCPU, what the program maps, and the table of its ioctls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "calls.h"
#include "log.h"
#include "real.h"
#include "vcpu.h"
#include "vm.h"

#define APIC_BASE_RESET	0xfee00800ULL
#define APIC_BASE_BSP	(1ULL << 8)

static void vcpu_enter(void *self, const struct call *call)
{
	struct vcpu *vcpu = self;

	if (!(call->flags & CALL_ASYNC))
		pthread_mutex_lock(&vcpu->lock);
}

static void vcpu_leave(void *self, const struct call *call)
{
	struct vcpu *vcpu = self;

	if (!(call->flags & CALL_ASYNC))
		pthread_mutex_unlock(&vcpu->lock);
}

/* The VM frees its vCPUs. */
static void vcpu_release(void *self)
{
	struct vcpu *vcpu = self;

	object_put(vcpu->vm->object);
}

const struct object_type vcpu_type = {
	.name = "vCPU",
	.calls = vcpu_calls,
	.unknown = EINVAL,
	.enter = vcpu_enter,
	.leave = vcpu_leave,
	.release = vcpu_release,
};

bool vcpu_has_lapic(const struct vcpu *vcpu)
{
	return vcpu->vm->irqchip != IRQCHIP_NONE;
}

/* vCPUs with a local APIC, but the first, wait for a STARTUP. */
int vcpu_reset(struct vcpu *vcpu)
{
	const struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_RESET,
		.flags = vcpu_has_lapic(vcpu) && vcpu->id ? SVMVCPU_SETUP_WAIT_SIPI : 0,
	};

	vcpu->complete = NULL;
	vcpu->replay.nr = 0;
	vcpu->irq = 0;
	msr_reset(vcpu);
	return svmvcpu_vcpu_setup(&vcpu->dev, &setup);
}

static int vcpu_init_lock(struct vcpu *vcpu)
{
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	return -pthread_mutex_init(&vcpu->lock, &recursive);
}

static int vcpu_map_run(struct vcpu *vcpu)
{
	void *run = real()->mmap(NULL, VCPU_MMAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
				 vcpu->vm->pages, vcpu->id * VCPU_MMAP_BYTES);

	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	return 0;
}

static int vcpu_open(struct vcpu *vcpu)
{
	__u32 flags = vcpu_has_lapic(vcpu) ? SVMVCPU_VCPU_LAPIC : 0;
	struct svmvcpu_exits exits = {
		.flags = SVMVCPU_EXITS_PORTS | (flags ? 0 : SVMVCPU_EXITS_TPR),
		.decode = SVMVCPU_DECODE_MMIO,
	};
	int err;

	err = svmvcpu_vcpu_create_flags(vcpu->vm->fd, vcpu->id, flags, &vcpu->vm->info,
					&vcpu->dev);
	if (err)
		return err;
	vcpu->fd = vcpu->dev.fd;
	vcpu->dev.fd = fd_keep(vcpu->fd);
	err = vcpu->dev.fd < 0 ? svmvcpu_fail(-vcpu->dev.fd, "no descriptor is free") : 0;
	if (!err)
		err = svmvcpu_vcpu_choose_exits(&vcpu->dev, &exits);
	if (!err)
		err = vcpu_reset(vcpu);
	return err ? err : fpu_init(vcpu);
}

/* The program gets the descriptor that svmvcpu has returned, the library keeps a copy. */
long vcpu_create(struct vm *vm, unsigned int id, struct vcpu **out)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int err;

	if (!vcpu)
		return -ENOMEM;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = -1;
	vcpu->dev.fd = -1;
	vcpu->apic_base = APIC_BASE_RESET | (id ? 0 : APIC_BASE_BSP);
	err = vcpu_init_lock(vcpu);
	if (!err)
		err = vcpu_map_run(vcpu);
	if (!err)
		err = vcpu_open(vcpu);
	if (!err) {
		*out = vcpu;
		return 0;
	}
	if (vcpu->fd >= 0)
		real()->close(vcpu->fd);
	vcpu_free(vcpu);
	return refuse(-err, "CREATE_VCPU: %s", svmvcpu_last_error());
}

long vcpu_publish(struct vcpu *vcpu)
{
	object_get(vcpu->vm->object);
	return object_publish(&vcpu_type, vcpu, vcpu->fd, &vcpu->object);
}

void vcpu_free(struct vcpu *vcpu)
{
	if (!vcpu)
		return;
	if (vcpu->dev.run)
		munmap(vcpu->dev.run, vcpu->dev.mapped);
	fd_drop_kept(vcpu->dev.fd);
	if (vcpu->run)
		munmap(vcpu->run, VCPU_MMAP_BYTES);
	free(vcpu->xsave);
	free(vcpu);
}

/*
 * The program maps a file of memory, and can unmap it like any other. In KVM a private
 * mapping shows the same pages until it is written.
 */
long vcpu_mmap(struct vcpu *vcpu, void **mapped, void *address, size_t len, int prot,
	       int flags, off_t offset)
{
	if (offset < 0 || offset >= VCPU_MMAP_BYTES || len > (size_t)(VCPU_MMAP_BYTES - offset))
		return -EINVAL;
	*mapped = real()->mmap(address, len, prot, flags, vcpu->vm->pages,
			       vcpu->id * VCPU_MMAP_BYTES + offset);
	return *mapped == MAP_FAILED ? -errno : 0;
}

static long get_tsc_khz(void *self, unsigned long arg)
{
	const struct vcpu *vcpu = self;

	(void)arg;
	return vcpu->vm->info.tsc_khz ? (long)vcpu->vm->info.tsc_khz : -EIO;
}

static long set_tsc_khz(void *self, unsigned long khz)
{
	const struct vcpu *vcpu = self;

	if (!khz || khz == vcpu->vm->info.tsc_khz)
		return 0;
	return refuse(EINVAL, "SET_TSC_KHZ: %lu is not the host's frequency", khz);
}

/*
 * Windows' accesses to TPR are not reported, so no guest is patched to use the page that
 * SET_VAPIC_ADDR names.
 */
static long set_vapic(void *self, unsigned long arg)
{
	(void)arg;
	return vcpu_has_lapic(self) ? 0 : -EINVAL;
}

const struct call vcpu_calls[] = {
	CALL_WITH(KVM_RUN, vcpu_run, CALL_OFTEN, NULL),
	CALL_WITH(KVM_SET_SIGNAL_MASK, vcpu_set_sigmask, CALL_NULL, NULL),
	CALL(KVM_GET_REGS, regs_get),
	CALL(KVM_SET_REGS, regs_set),
	CALL(KVM_GET_SREGS, sregs_get),
	CALL(KVM_SET_SREGS, sregs_set),
	CALL_WITH(KVM_GET_SREGS2, sregs2_get, 0, "without the PDPTRs, which are in memory"),
	CALL_WITH(KVM_SET_SREGS2, sregs2_set, 0, "without the PDPTRs, which are in memory"),
	CALL(KVM_GET_DEBUGREGS, debugregs_get),
	CALL(KVM_SET_DEBUGREGS, debugregs_set),
	CALL(KVM_GET_FPU, fpu_get),
	CALL(KVM_SET_FPU, fpu_set),
	CALL(KVM_GET_XSAVE, xsave_get),
	CALL(KVM_GET_XSAVE2, xsave_get),
	CALL(KVM_SET_XSAVE, xsave_set),
	CALL(KVM_GET_XCRS, xcrs_get),
	CALL(KVM_SET_XCRS, xcrs_set),
	CALL(KVM_GET_MSRS, msrs_get),
	CALL(KVM_SET_MSRS, msrs_set),
	CALL(KVM_GET_CPUID2, cpuid_get),
	CALL_WITH(KVM_SET_CPUID2, cpuid_set, 0, "before the vCPU first runs"),
	CALL(KVM_GET_LAPIC, lapic_get),
	CALL(KVM_SET_LAPIC, lapic_set),
	CALL(KVM_GET_VCPU_EVENTS, events_get),
	CALL(KVM_SET_VCPU_EVENTS, events_set),
	CALL_WITH(KVM_INTERRUPT, event_interrupt, CALL_OFTEN, NULL),
	CALL(KVM_NMI, event_nmi),
	CALL(KVM_GET_MP_STATE, mp_state_get),
	CALL(KVM_SET_MP_STATE, mp_state_set),
	CALL(KVM_SET_GUEST_DEBUG, debug_set),
	CALL(KVM_TRANSLATE, debug_translate),
	CALL(KVM_GET_TSC_KHZ, get_tsc_khz),
	CALL_WITH(KVM_SET_TSC_KHZ, set_tsc_khz, 0, "the host's frequency only"),
	CALL_WITH(KVM_SET_VAPIC_ADDR, set_vapic, 0, "has no effect"),
	CALL_WITH(KVM_TPR_ACCESS_REPORTING, set_vapic, 0, "no access is ever reported"),
	ABSENT(KVM_SET_CPUID, "obsolete"),
	ABSENT(KVM_ENABLE_CAP, "no capability of a vCPU"),
	ABSENT(KVM_KVMCLOCK_CTRL, "no kvmclock"),
	ABSENT(KVM_X86_SETUP_MCE, "no machine checks"),
	ABSENT(KVM_X86_SET_MCE, "no machine checks"),
	ABSENT(KVM_SMI, "no SMM"),
	ABSENT(KVM_GET_NESTED_STATE, "no nesting"),
	ABSENT(KVM_SET_NESTED_STATE, "no nesting"),
	ABSENT(KVM_GET_SUPPORTED_HV_CPUID, "no Hyper-V"),
	ABSENT(KVM_XEN_VCPU_GET_ATTR, "no Xen"),
	ABSENT(KVM_XEN_VCPU_SET_ATTR, "no Xen"),
	ABSENT(KVM_GET_DEVICE_ATTR, "a vCPU has no attributes"),
	ABSENT(KVM_SET_DEVICE_ATTR, "a vCPU has no attributes"),
	ABSENT(KVM_HAS_DEVICE_ATTR, "a vCPU has no attributes"),
	ABSENT(KVM_GET_STATS_FD, "counters are in /proc"),
	LAST_CALL
};
