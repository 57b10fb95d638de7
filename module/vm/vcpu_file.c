// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU file: creation, release, ioctls and the mapping of the run page. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "insn/gva.h"
#include "run/run.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/apic.h"
#include "vcpu/coalesced.h"
#include "vcpu/cpuid.h"
#include "vcpu/event.h"
#include "vcpu/guest.h"
#include "vcpu/state.h"
#include "vcpu/stats.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vcpu/xstate.h"
#include "vm/snapshot.h"

/* Size of struct svmvcpu_state in the first API version, and with spec_ctrl */
#define STATE_MIN_BYTES		offsetofend(struct svmvcpu_state, lapic)
#define STATE_SPEC_BYTES	offsetofend(struct svmvcpu_state, virt_spec_ctrl)

/* Members that were added together are present together: reject a size in between. */
static int vcpu_copy_state(struct svmvcpu_state *state, const void __user *arg)
{
	int ret;

	ret = svmvcpu_copy_arg(state, sizeof(*state), STATE_MIN_BYTES, arg);
	if (ret)
		return ret;
	if (state->size > STATE_MIN_BYTES && state->size < STATE_SPEC_BYTES)
		return -EINVAL;
	return state->components & ~STATE_ALL ? -EINVAL : 0;
}

/* A validated copy of user space's buffer. NULL if the component is not selected. */
static void *vcpu_copy_xstate(const struct svmvcpu_state *state)
{
	void *xstate;

	if (!(state->components & SVMVCPU_STATE_XSTATE))
		return NULL;
	if (state->xstate_size != xstate_caps.bytes || state->mbz ||
	    !xcr0_valid(state->xcr0, svm_limits.xcr0))
		return ERR_PTR(-EINVAL);
	xstate = memdup_user(u64_to_user_ptr(state->xstate), xstate_caps.bytes);
	if (!IS_ERR(xstate) && !xstate_valid(xstate)) {
		kfree(xstate);
		return ERR_PTR(-EINVAL);
	}
	return xstate;
}

static int vcpu_set_state(struct vcpu *vcpu, const struct svmvcpu_state *state)
{
	void *xstate;
	int ret;

	ret = state_valid(state, &svm_limits);
	if (!ret)
		ret = state_allowed(vcpu, state);
	if (ret)
		return ret;
	if ((state->components & SVMVCPU_STATE_EVENTS) && state->events.activity && !vcpu->apic)
		return -EINVAL;
	if ((state->components & SVMVCPU_STATE_LAPIC) && !apic_state_valid(vcpu, &state->lapic))
		return -EINVAL;
	xstate = vcpu_copy_xstate(state);
	if (IS_ERR(xstate))
		return PTR_ERR(xstate);
	state_put(vcpu, state);
	if (xstate)
		memcpy(vcpu->xstate, xstate, xstate_caps.bytes);
	kfree(xstate);
	return 0;
}

/* The FPU state is a separate buffer, so that the size of the structure does not vary. */
static int vcpu_get_state(struct vcpu *vcpu, struct svmvcpu_state *state, void __user *arg)
{
	if (state->components & SVMVCPU_STATE_XSTATE) {
		if (state->xstate_size != xstate_caps.bytes || state->mbz)
			return -EINVAL;
		if (copy_to_user(u64_to_user_ptr(state->xstate), vcpu->xstate, xstate_caps.bytes))
			return -EFAULT;
	}
	apic_sync(vcpu);
	state_get(vcpu, state);
	return copy_to_user(arg, state, min_t(size_t, state->size, sizeof(*state))) ? -EFAULT : 0;
}

static int vcpu_ioctl_state(struct vcpu *vcpu, void __user *arg, bool set)
{
	struct svmvcpu_state *state;
	int ret;

	state = kzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	ret = vcpu_copy_state(state, arg);
	if (!ret)
		ret = set ? vcpu_set_state(vcpu, state) : vcpu_get_state(vcpu, state, arg);
	kfree(state);
	return ret;
}

static void vcpu_cpuid_policy(struct vcpu *vcpu)
{
	vcpu->policy.rdtscp = (svm_limits.has & ~vcpu->cpuid->limits.has) & CPU_HAS_RDTSCP;
	vmcb_recalc_intercepts(vcpu->vmcb, &svm_caps, &vcpu->policy);
}

/* Use @table instead of vcpu.cpuid. The state must not need a feature that @table hides. */
static int vcpu_use_cpuid(struct vcpu *vcpu, const struct cpuid_table *table)
{
	const struct cpuid_table *old = vcpu->cpuid;
	u64 components = STATE_ALL;
	int ret;

	/* If the local APIC appears or disappears, it is reset. */
	if ((old->limits.has ^ table->limits.has) & CPU_HAS_APIC)
		components &= ~SVMVCPU_STATE_LAPIC;
	vcpu->cpuid = table;
	ret = state_check(vcpu, components);
	if (ret) {
		vcpu->cpuid = old;
		return ret;
	}
	apic_cpuid_changed(vcpu);
	vcpu_cpuid_policy(vcpu);
	return 0;
}

/*
 * Refused once the guest has run, because it has seen its CPUID, and while there is a
 * snapshot, because its state belongs to the old table.
 */
static int vcpu_set_cpuid(struct vcpu *vcpu, const void __user *arg)
{
	struct cpuid_table *table;
	int ret;

	table = cpuid_table_create(arg);
	if (IS_ERR(table))
		return PTR_ERR(table);
	if (vcpu->exits || READ_ONCE(vcpu->snapshot)) {
		kvfree(table);
		return -EBUSY;
	}
	ret = vcpu_use_cpuid(vcpu, table);
	if (!ret)
		swap(vcpu->own_cpuid, table);
	kvfree(table);
	return ret;
}

#define EXITS_FLAGS	(SVMVCPU_EXITS_FAULTS | SVMVCPU_EXITS_INIT | SVMVCPU_EXITS_IPI |	\
			 SVMVCPU_EXITS_PORTS | SVMVCPU_EXITS_TPR)

static int vcpu_set_exits(struct vcpu *vcpu, const struct svmvcpu_exits *exits)
{
	if ((exits->decode & ~SVMVCPU_DECODE_MMIO) || (exits->exceptions & ~EXITABLE_EXCEPTIONS))
		return -EINVAL;
	vcpu->decode_mmio = exits->decode & SVMVCPU_DECODE_MMIO;
	vcpu->exceptions = exits->exceptions;
	vcpu->init_exits = exits->flags & SVMVCPU_EXITS_INIT;
	vcpu->ipi_exits = exits->flags & SVMVCPU_EXITS_IPI;
	vcpu->ports_exit = exits->flags & SVMVCPU_EXITS_PORTS;
	vcpu->tpr_exits = !vcpu->apic && (exits->flags & SVMVCPU_EXITS_TPR);
	vcpu->followed = exits->flags & SVMVCPU_EXITS_FAULTS ? FAULT_HISTORY_EXCEPTIONS : 0;
	return 0;
}

static bool translate_access_valid(u32 access)
{
	const u32 rights = SVMVCPU_ACCESS_USER | SVMVCPU_ACCESS_SUPERVISOR;
	const u32 kinds = SVMVCPU_ACCESS_WRITE | SVMVCPU_ACCESS_FETCH;

	return !(access & ~(rights | kinds | SVMVCPU_ACCESS_MARK)) &&
	       (access & rights) != rights && (access & kinds) != kinds;
}

/* -EAGAIN: the page tables kept changing. -ENOSPC: MARK, and the snapshot is full. */
static int vcpu_translate(struct vcpu *vcpu, struct svmvcpu_translation *t)
{
	const struct vmcb_save_area *save = &vcpu->vmcb->save;
	unsigned int access = 0;
	struct gva_fault fault;
	u8 cpl = save->cpl;
	int ret;

	if (t->mbz || !translate_access_valid(t->access))
		return -EINVAL;
	t->result = SVMVCPU_TRANSLATE_DONE;
	t->gpa = 0;
	t->error_code = 0;
	if ((save->efer & EFER_LMA) && !addr_canonical(t->linear, vcpu_la_bits(vcpu))) {
		t->result = SVMVCPU_TRANSLATE_NOT_CANONICAL;
		return 0;
	}
	if (t->access & SVMVCPU_ACCESS_WRITE)
		access |= GVA_WRITE;
	if (t->access & SVMVCPU_ACCESS_FETCH)
		access |= GVA_FETCH;
	if (t->access & SVMVCPU_ACCESS_USER)
		cpl = 3;
	if (t->access & SVMVCPU_ACCESS_SUPERVISOR)
		cpl = 0;
	ret = guest_walk(vcpu, t->linear, access, cpl, t->access & SVMVCPU_ACCESS_MARK, &t->gpa,
			 &fault);
	switch (ret) {
	case GVA_FAULT:
		t->result = SVMVCPU_TRANSLATE_PAGE_FAULT;
		t->error_code = fault.error_code;
		return 0;
	case -ENXIO:
	case -EFAULT:
		t->result = SVMVCPU_TRANSLATE_NO_TABLE;
		t->gpa = fault.table_gpa;
		return 0;
	case -EBUSY:
		return -EAGAIN;
	case -EDQUOT:
		return -ENOSPC;
	}
	return ret;
}

static long vcpu_ioctl_locked(struct vcpu *vcpu, unsigned int cmd, void __user *arg)
{
	union {
		struct svmvcpu_setup setup;
		struct svmvcpu_exits exits;
		struct svmvcpu_translation t;
	} a;

	switch (cmd) {
	case SVMVCPU_SETUP:
		return COPY_ARG(&a.setup, SVMVCPU_SETUP_WAIT_SIPI, arg) ?:
		       state_setup(vcpu, &a.setup);
	case SVMVCPU_GET_STATE:
	case SVMVCPU_SET_STATE:
		return vcpu_ioctl_state(vcpu, arg, cmd == SVMVCPU_SET_STATE);
	case SVMVCPU_SET_EXITS:
		return COPY_ARG(&a.exits, EXITS_FLAGS, arg) ?:
		       vcpu_set_exits(vcpu, &a.exits);
	case SVMVCPU_SET_DEBUG:
		return step_set_debug(vcpu, arg);
	case SVMVCPU_TRANSLATE:
		return COPY_ARG(&a.t, 0, arg) ?: vcpu_translate(vcpu, &a.t) ?:
		       copy_to_user(arg, &a.t, sizeof(a.t)) ? -EFAULT : 0;
	case SVMVCPU_APIC_ACCESS:
		return apic_access(vcpu, arg);
	case SVMVCPU_SET_VCPU_CPUID:
		return vcpu_set_cpuid(vcpu, arg);
	case SVMVCPU_GET_VCPU_CPUID:
		return cpuid_table_report(vcpu->cpuid, arg);
	default:
		return -ENOTTY;
	}
}

static int vcpu_ioctl_stats(const struct vcpu *vcpu, void __user *arg)
{
	struct svmvcpu_vcpu_stats stats;
	size_t size;
	int ret;

	/* The structure has not grown yet: its size is that of the first version. */
	static_assert(sizeof(stats) == _IOC_SIZE(SVMVCPU_GET_VCPU_STATS));
	ret = COPY_ARG(&stats, 0, arg);
	if (ret)
		return ret;
	size = min_t(size_t, stats.size, sizeof(stats));
	stats.size = sizeof(stats);
	vcpu_get_stats(vcpu, stats.values);
	return copy_to_user(arg, &stats, size) ? -EFAULT : 0;
}

static noinline long vcpu_ioctl_other(struct vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	long ret;

	/* These must not wait for the mutex, which RUN holds. */
	switch (cmd) {
	case SVMVCPU_KICK:
		if (arg)
			return -EINVAL;
		set_bit(VCPU_REQ_KICK, &vcpu->requests);
		vcpu_kick(vcpu);
		return 0;
	case SVMVCPU_LINT:
		if (!vcpu->apic || arg > 3)
			return -EINVAL;
		apic_lint(vcpu, arg);
		return 0;
	case SVMVCPU_GET_VCPU_STATS:
		return vcpu_ioctl_stats(vcpu, (void __user *)arg);
	}
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	ret = vcpu_ioctl_locked(vcpu, cmd, (void __user *)arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;

	if (!svm_vm_is_ours(vcpu->vm))
		return -EIO;
	if (cmd != SVMVCPU_RUN)
		return vcpu_ioctl_other(vcpu, cmd, arg);
	return arg ? vcpu_run_args(vcpu, (void __user *)arg) : vcpu_run(vcpu, false);
}

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vcpu *vcpu = file->private_data;
	int ret;

	if (!svm_vm_is_ours(vcpu->vm))
		return -EIO;
	if (vma->vm_pgoff || vma_pages(vma) != RUN_PAGES)
		return -EINVAL;
	/* A private copy would never show an exit. */
	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	ret = vm_insert_page(vma, vma->vm_start, virt_to_page(vcpu->run));
	if (!ret)
		ret = vm_insert_page(vma, vma->vm_start + PAGE_SIZE, virt_to_page(vcpu->io_data));
	return ret;
}

static void vcpu_free(struct vcpu *vcpu)
{
	apic_destroy(vcpu);
	hrtimer_cancel(&vcpu->deadline);
	irq_work_sync(&vcpu->step.irq);
	kfree(vcpu->xstate);
	vcpu_snapshot_free(vcpu->snapshot);
	kvfree(vcpu->own_cpuid);
	free_page((unsigned long)vcpu->io_data);
	free_page((unsigned long)vcpu->run);
	free_page((unsigned long)vcpu->vmcb);
	mutex_destroy(&vcpu->mutex);
	kfree(vcpu);
}

static void vcpu_release_ref(struct kref *ref)
{
	struct vcpu *vcpu = container_of(ref, struct vcpu, ref);
	struct svm_vm *vm = vcpu->vm;

	vcpu_free(vcpu);
	svm_vm_put(vm);
}

/**
 * vcpu_put() - drop a reference
 * @vcpu: may be freed on return, as may its VM
 *
 * Context: process context.
 */
void vcpu_put(struct vcpu *vcpu)
{
	kref_put(&vcpu->ref, vcpu_release_ref);
}

/* RESTORE may hold another reference for a long time. Do not wait for it. */
static void vcpu_destroy(struct vcpu *vcpu)
{
	struct svm_vm *vm = vcpu->vm;

	mutex_lock(&vm->lock);
	clear_bit(vcpu->id, vm->vcpu_ids);
	list_del(&vcpu->in_vm);
	mutex_unlock(&vm->lock);
	vcpu_put(vcpu);
}

/* Anybody who may read /proc/PID/fdinfo sees the counters, from any address space. */
static void vcpu_show_fdinfo(struct seq_file *m, struct file *file)
{
	static const char * const names[] = {
#define STAT_NAME(nr, name, str, text)					\
		[nr] = str,
		SVMVCPU_VCPU_STATS(STAT_NAME)
#undef STAT_NAME
	};
	const struct vcpu *vcpu = file->private_data;
	u64 values[SVMVCPU_STAT_NR];
	unsigned int i;

	vcpu_get_stats(vcpu, values);
	seq_printf(m, "vm:\t%llu\nvcpu:\t%u\n", vcpu->vm->serial, vcpu->id);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		seq_printf(m, "%s:\t%llu\n", names[i], values[i]);
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	vcpu_destroy(file->private_data);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.show_fdinfo = vcpu_show_fdinfo,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

static int vcpu_alloc_pages(struct vcpu *vcpu)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	struct page *vmcb = hwpage_alloc(gfp);

	if (!vmcb)
		return -ENOMEM;
	vcpu->vmcb = page_address(vmcb);
	vcpu->vmcb_pa = svm_page_pa(vmcb);
	vcpu->run = (void *)__get_free_page(gfp);
	vcpu->io_data = (void *)__get_free_page(gfp);
	vcpu->xstate = xstate_alloc();
	if (!vcpu->run || !vcpu->io_data || !vcpu->xstate)
		return -ENOMEM;
	return 0;
}

static struct vcpu *vcpu_alloc(struct svm_vm *vm, u32 id, u32 flags)
{
	static const struct svmvcpu_setup reset = {
		.size = sizeof(reset),
		.preset = SVMVCPU_PRESET_RESET,
	};
	struct vcpu *vcpu;
	int ret;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	kref_init(&vcpu->ref);
	mutex_init(&vcpu->mutex);
	vcpu_deadline_init(vcpu);
	rcuwait_init(&vcpu->wait);
	init_irq_work(&vcpu->step.irq, step_interrupted);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->on_cpu = -1;
	vcpu->asid.cpu = -1;
	vcpu->serial = vcpu_new_serial();
	ret = vcpu_alloc_pages(vcpu);
	if (!ret && (flags & SVMVCPU_VCPU_LAPIC))
		ret = apic_create(vcpu);
	if (ret)
		goto free;
	vmcb_init_control(vcpu->vmcb, &svm_caps, vm->mem.npt.root_pa);
	vcpu->run->io_data_offset = PAGE_SIZE;
	vcpu->run->coalesced_offset = COALESCED_OFFSET;
	vcpu->cpuid = cpuid_table_or_default(vm->cpuid);
	ret = state_setup(vcpu, &reset);
	if (ret)
		goto free;
	vcpu_cpuid_policy(vcpu);
	return vcpu;
free:
	vcpu_free(vcpu);
	return ERR_PTR(ret);
}

/*
 * A vCPU that spins can only wait for another one. Ask all of them with the second one, and
 * the new one with each further: the policy belongs to the holder of vcpu.mutex.
 */
static void intercept_pause(struct svm_vm *vm, struct vcpu *vcpu)
{
	struct vcpu *other;

	if (!svm_has(SVMVCPU_FEAT_PAUSE_FILTER) || list_empty(&vm->vcpus))
		return;
	set_bit(VCPU_REQ_PAUSE, &vcpu->requests);
	if (!list_is_singular(&vm->vcpus))
		return;
	other = list_first_entry(&vm->vcpus, struct vcpu, in_vm);
	set_bit(VCPU_REQ_PAUSE, &other->requests);
	vcpu_kick(other);
}

/* Expects svm_vm.snapshot_lock held: RESTORE must not miss a new vCPU. */
static struct vcpu *vcpu_add(struct svm_vm *vm, u32 id, u32 flags)
{
	struct vcpu *vcpu;

	if (mutex_lock_killable(&vm->lock))
		return ERR_PTR(-EINTR);
	vcpu = test_bit(id, vm->vcpu_ids) ? ERR_PTR(-EEXIST) : vcpu_alloc(vm, id, flags);
	if (!IS_ERR(vcpu)) {
		intercept_pause(vm, vcpu);
		kref_get(&vm->ref);
		set_bit(id, vm->vcpu_ids);
		list_add_tail(&vcpu->in_vm, &vm->vcpus);
		vm->had_vcpu = true;
	}
	mutex_unlock(&vm->lock);
	return vcpu;
}

/**
 * vcpu_create() - SVMVCPU_CREATE_VCPU
 * @vm: a VM of the caller; the vCPU takes a reference
 * @create: copied from user space, with valid flags
 *
 * Return: a file descriptor, -EINVAL, -EEXIST if the ID is in use, -ENOMEM, -EMFILE,
 * -ENFILE or -EINTR.
 */
int vcpu_create(struct svm_vm *vm, const struct svmvcpu_create_vcpu *create)
{
	struct vcpu *vcpu;
	int ret;

	if (create->mbz || create->id >= VM_MAX_VCPUS)
		return -EINVAL;
	if (mutex_lock_killable(&vm->snapshot_lock))
		return -EINTR;
	vcpu = vcpu_add(vm, create->id, create->flags);
	mutex_unlock(&vm->snapshot_lock);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	/* User space can close the file from here on: do not touch @vcpu any more. */
	ret = anon_inode_getfd("[svmvcpu-vcpu]", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (ret < 0)
		vcpu_destroy(vcpu);
	return ret;
}
