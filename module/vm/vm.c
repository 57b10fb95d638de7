// SPDX-License-Identifier: GPL-2.0-only
/* The VM file: creation, release, and the ioctls for memory, CPUID and vCPUs. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "mm/dirty.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/apic.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vm/snapshot.h"

static void vm_release_ref(struct kref *ref)
{
	struct svm_vm *vm = container_of(ref, struct svm_vm, ref);

	guest_memory_destroy(&vm->mem);
	kvfree(vm->cpuid);
	mutex_destroy(&vm->lock);
	mutex_destroy(&vm->snapshot_lock);
	kfree(vm);
	svm_cpu_put();
	/* Pairs with vm_create(). No code of this module may run after it. */
	module_put(THIS_MODULE);
}

void svm_vm_get(struct svm_vm *vm)
{
	kref_get(&vm->ref);
}

/**
 * svm_vm_put() - drop a reference
 * @vm: may be freed on return
 *
 * Context: process context. The caller must hold another module reference for its own
 * code, such as that of an open file.
 */
void svm_vm_put(struct svm_vm *vm)
{
	kref_put(&vm->ref, vm_release_ref);
}

static int vm_ioctl_map(struct svm_vm *vm, const void __user *arg)
{
	struct svmvcpu_region *regions;
	struct svmvcpu_map map;
	int ret;

	ret = svmvcpu_copy_arg(&map, sizeof(map), sizeof(map), arg);
	if (ret)
		return ret;
	if (map.mbz)
		return -EINVAL;
	regions = svmvcpu_copy_array(map.regions, map.nr, GUEST_MAX_BATCH, sizeof(*regions));
	if (IS_ERR(regions))
		return PTR_ERR(regions);
	ret = guest_memory_map(&vm->mem, regions, map.nr);
	kvfree(regions);
	return ret;
}

static int vm_ioctl_unmap(struct svm_vm *vm, const void __user *arg)
{
	struct svmvcpu_range *ranges;
	struct svmvcpu_unmap unmap;
	int ret;

	ret = svmvcpu_copy_arg(&unmap, sizeof(unmap), sizeof(unmap), arg);
	if (ret)
		return ret;
	if (unmap.mbz)
		return -EINVAL;
	ranges = svmvcpu_copy_array(unmap.ranges, unmap.nr, GUEST_MAX_BATCH, sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	ret = guest_memory_unmap(&vm->mem, ranges, unmap.nr);
	kvfree(ranges);
	return ret;
}

/* Report a copy: SET_CPUID may free the table while user space delays copy_to_user(). */
static int vm_ioctl_get_cpuid(struct svm_vm *vm, void __user *arg)
{
	struct cpuid_table *copy;
	int ret;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	copy = cpuid_table_copy(cpuid_table_or_default(vm->cpuid));
	mutex_unlock(&vm->lock);
	if (!copy)
		return -ENOMEM;
	ret = cpuid_table_report(copy, arg);
	kvfree(copy);
	return ret;
}

static int vm_ioctl_set_cpuid(struct svm_vm *vm, const void __user *arg)
{
	struct cpuid_table *table = cpuid_table_create(arg);
	int ret;

	if (IS_ERR(table))
		return PTR_ERR(table);
	ret = mutex_lock_killable(&vm->lock);
	if (!ret) {
		/* vCPUs read the table without a lock: it must not change under them. */
		if (vm->had_vcpu)
			ret = -EBUSY;
		else
			swap(vm->cpuid, table);
		mutex_unlock(&vm->lock);
	}
	/* The old table, or the one that was not installed */
	kvfree(table);
	return ret;
}

static int vm_ioctl_create_vcpu(struct svm_vm *vm, const void __user *arg)
{
	struct svmvcpu_create_vcpu create;
	int ret;

	ret = svmvcpu_copy_arg_flags(&create, sizeof(create), sizeof(create),
				     SVMVCPU_VCPU_LAPIC, arg);
	if (ret)
		return ret;
	if (create.mbz || create.id >= VM_MAX_VCPUS)
		return -EINVAL;
	return vcpu_create(vm, create.id, create.flags);
}

static int vm_ioctl_message(struct svm_vm *vm, const void __user *arg)
{
	struct svmvcpu_message message;
	int ret;

	ret = svmvcpu_copy_arg_flags(&message, sizeof(message), sizeof(message),
				     SVMVCPU_MSG_LOGICAL | SVMVCPU_MSG_LEVEL, arg);
	if (ret)
		return ret;
	return apic_message_valid(&message) ? apic_message(vm, &message) : -EINVAL;
}

static int vm_ioctl_prefault(struct svm_vm *vm, struct svmvcpu_prefault __user *arg)
{
	struct svmvcpu_prefault prefault;
	u32 access = SVMVCPU_MEM_READ;
	u64 done;
	int ret;

	ret = svmvcpu_copy_arg_flags(&prefault, sizeof(prefault), sizeof(prefault),
				     SVMVCPU_PREFAULT_WRITE, arg);
	if (ret)
		return ret;
	if (prefault.done)
		return -EINVAL;
	if (prefault.flags & SVMVCPU_PREFAULT_WRITE)
		access |= SVMVCPU_MEM_WRITE;
	ret = guest_memory_prefault(&vm->mem, prefault.gpa, prefault.bytes, access, &done);
	return put_user(done, &arg->done) ? -EFAULT : ret;
}

static int vm_ioctl_get_stats(struct svm_vm *vm, void __user *arg)
{
	struct svmvcpu_stats stats, in;
	size_t size;
	int ret;

	ret = svmvcpu_copy_arg(&in, sizeof(in), sizeof(in), arg);
	if (ret)
		return ret;
	size = min_t(size_t, in.size, sizeof(stats));
	stats.size = sizeof(stats);
	stats.flags = 0;
	guest_memory_stats(&vm->mem, &stats);
	return copy_to_user(arg, &stats, size) ? -EFAULT : 0;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct svm_vm *vm = file->private_data;
	void __user *user = (void __user *)arg;

	if (!svm_vm_is_ours(vm))
		return -EIO;
	switch (cmd) {
	case SVMVCPU_MAP:
		return vm_ioctl_map(vm, user);
	case SVMVCPU_UNMAP:
		return vm_ioctl_unmap(vm, user);
	case SVMVCPU_GET_CPUID:
		return vm_ioctl_get_cpuid(vm, user);
	case SVMVCPU_SET_CPUID:
		return vm_ioctl_set_cpuid(vm, user);
	case SVMVCPU_CREATE_VCPU:
		return vm_ioctl_create_vcpu(vm, user);
	case SVMVCPU_MESSAGE:
		return vm_ioctl_message(vm, user);
	case SVMVCPU_PREFAULT:
		return vm_ioctl_prefault(vm, user);
	case SVMVCPU_GET_STATS:
		return vm_ioctl_get_stats(vm, user);
	case SVMVCPU_SNAPSHOT:
		return snapshot_take(vm, user);
	case SVMVCPU_RESTORE:
		return snapshot_restore(vm, user);
	case SVMVCPU_PRESERVE:
		return snapshot_preserve(vm, user);
	case SVMVCPU_DROP_SNAPSHOT:
		return arg ? -EINVAL : snapshot_drop(vm);
	case SVMVCPU_DIRTY_LOG:
		return dirty_log(&vm->mem, user);
	case SVMVCPU_DIRTY_COLLECT:
		return dirty_collect(&vm->mem, user);
	default:
		return -ENOTTY;
	}
}

/* Maps the list of dirty pages for DIRTY_COLLECT. */
static int vm_map_list(struct file *file, struct vm_area_struct *vma)
{
	struct svm_vm *vm = file->private_data;

	return svm_vm_is_ours(vm) ? dirty_mmap(&vm->mem, vma) : -EIO;
}

static int vm_release(struct inode *inode, struct file *file)
{
	svm_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vm_map_list,
	.release = vm_release,
	.llseek = noop_llseek,
};

static struct svm_vm *vm_alloc(void)
{
	struct svm_vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	kref_init(&vm->ref);
	mutex_init(&vm->snapshot_lock);
	mutex_init(&vm->lock);
	INIT_LIST_HEAD(&vm->vcpus);
	spin_lock_init(&vm->apics_lock);
	INIT_LIST_HEAD(&vm->apics);
	vm->tsc_base = svm_tsc();
	ret = guest_memory_init(&vm->mem, svm_caps.npt_levels, svm_limits.gpa_bits);
	if (ret) {
		kfree(vm);
		return ERR_PTR(ret);
	}
	return vm;
}

/**
 * vm_create() - create a VM for the calling process
 *
 * Return: a file descriptor, -EBUSY, -EOPNOTSUPP or -ESHUTDOWN if SVM is not available,
 * -ENOMEM, -EMFILE, -ENFILE, or -EINTR if a signal is pending.
 */
int vm_create(void)
{
	struct svm_vm *vm;
	int ret;

	ret = svm_cpu_get();
	if (ret)
		return ret;
	/* A vCPU can keep the VM after all its files have been closed. */
	__module_get(THIS_MODULE);
	vm = vm_alloc();
	if (IS_ERR(vm)) {
		svm_cpu_put();
		module_put(THIS_MODULE);
		return PTR_ERR(vm);
	}
	/* User space can close the file from here on: do not touch @vm any more. */
	ret = anon_inode_getfd("[svmvcpu-vm]", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (ret < 0)
		svm_vm_put(vm);
	return ret;
}
