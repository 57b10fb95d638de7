// SPDX-License-Identifier: GPL-2.0-only
/* The VM file: creation, release, and the ioctls for memory, CPUID and vCPUs. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "mm/memory.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/apic.h"
#include "vcpu/coalesced.h"
#include "vcpu/doorbell.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vm/eventfd.h"
#include "vm/snapshot.h"

static void vm_release_ref(struct kref *ref)
{
	struct svm_vm *vm = container_of(ref, struct svm_vm, ref);

	vm_remove_irqfds(vm);
	doorbell_remove_all(vm);
	coalesced_remove_all(vm);
	guest_memory_destroy(&vm->mem);
	kvfree(vm->cpuid);
	mutex_destroy(&vm->lock);
	mutex_destroy(&vm->snapshot_lock);
	kfree(vm);
	svm_cpu_put();
	/* Pairs with vm_create(). No code of this module may run after it. */
	module_put(THIS_MODULE);
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

static int vm_map(struct svm_vm *vm, const struct svmvcpu_map *map)
{
	struct svmvcpu_region *regions;
	int ret;

	regions = svmvcpu_copy_array(map->regions, map->nr, GUEST_MAX_BATCH, map->mbz,
				     sizeof(*regions));
	if (IS_ERR(regions))
		return PTR_ERR(regions);
	ret = guest_memory_map(&vm->mem, regions, map->nr, map->flags & SVMVCPU_MAP_REPLACE);
	kvfree(regions);
	return ret;
}

static int vm_unmap(struct svm_vm *vm, const struct svmvcpu_unmap *unmap)
{
	struct svmvcpu_range *ranges;
	int ret;

	ranges = svmvcpu_copy_array(unmap->ranges, unmap->nr, GUEST_MAX_BATCH, unmap->mbz,
				    sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	ret = guest_memory_unmap(&vm->mem, ranges, unmap->nr);
	kvfree(ranges);
	return ret;
}

/* Report a copy: SET_CPUID may free the table while user space delays copy_to_user(). */
static int vm_get_cpuid(struct svm_vm *vm, void __user *arg)
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

static int vm_set_cpuid(struct svm_vm *vm, const void __user *arg)
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

static int vm_prefault(struct svm_vm *vm, const struct svmvcpu_prefault *prefault,
		       struct svmvcpu_prefault __user *arg)
{
	u32 access = SVMVCPU_MEM_READ;
	u64 done;
	int ret;

	if (prefault->done)
		return -EINVAL;
	if (prefault->flags & SVMVCPU_PREFAULT_WRITE)
		access |= SVMVCPU_MEM_WRITE;
	ret = guest_memory_prefault(&vm->mem, prefault->gpa, prefault->bytes, access, &done);
	return put_user(done, &arg->done) ? -EFAULT : ret;
}

static int vm_get_stats(struct svm_vm *vm, struct svmvcpu_stats *stats, void __user *arg)
{
	const size_t size = min_t(size_t, stats->size, sizeof(*stats));

	stats->size = sizeof(*stats);
	guest_memory_stats(&vm->mem, stats);
	return copy_to_user(arg, stats, size) ? -EFAULT : 0;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct svm_vm *vm = file->private_data;
	void __user *user = (void __user *)arg;
	union {
		struct svmvcpu_map map;
		struct svmvcpu_unmap unmap;
		struct svmvcpu_create_vcpu vcpu;
		struct svmvcpu_message message;
		struct svmvcpu_prefault prefault;
		struct svmvcpu_stats stats;
		struct svmvcpu_snapshot snapshot;
		struct svmvcpu_restore restore;
		struct svmvcpu_preserve preserve;
		struct svmvcpu_ioeventfd ioeventfd;
		struct svmvcpu_irqfd irqfd;
		struct svmvcpu_coalesced range;
	} a;

	if (!svm_vm_is_ours(vm))
		return -EIO;
	switch (cmd) {
	case SVMVCPU_MAP:
		return COPY_ARG(&a.map, SVMVCPU_MAP_REPLACE, user) ?: vm_map(vm, &a.map);
	case SVMVCPU_UNMAP:
		return COPY_ARG(&a.unmap, 0, user) ?: vm_unmap(vm, &a.unmap);
	case SVMVCPU_GET_CPUID:
		return vm_get_cpuid(vm, user);
	case SVMVCPU_SET_CPUID:
		return vm_set_cpuid(vm, user);
	case SVMVCPU_CREATE_VCPU:
		return COPY_ARG(&a.vcpu, SVMVCPU_VCPU_LAPIC, user) ?: vcpu_create(vm, &a.vcpu);
	case SVMVCPU_MESSAGE:
		return COPY_ARG(&a.message, SVMVCPU_MSG_LOGICAL | SVMVCPU_MSG_LEVEL, user) ?:
		       apic_message(vm, &a.message);
	case SVMVCPU_PREFAULT:
		return COPY_ARG(&a.prefault, SVMVCPU_PREFAULT_WRITE, user) ?:
		       vm_prefault(vm, &a.prefault, user);
	case SVMVCPU_GET_STATS:
		return COPY_ARG(&a.stats, 0, user) ?: vm_get_stats(vm, &a.stats, user);
	case SVMVCPU_SNAPSHOT:
		return COPY_ARG(&a.snapshot, 0, user) ?: snapshot_take(vm, &a.snapshot);
	case SVMVCPU_RESTORE:
		return COPY_ARG(&a.restore, 0, user) ?: snapshot_restore(vm, user);
	case SVMVCPU_PRESERVE:
		return COPY_ARG(&a.preserve, 0, user) ?: snapshot_preserve(vm, &a.preserve);
	case SVMVCPU_DROP_SNAPSHOT:
		return arg ? -EINVAL : snapshot_drop(vm);
	case SVMVCPU_DIRTY_LOG:
		return dirty_log(&vm->mem, user);
	case SVMVCPU_DIRTY_COLLECT:
		return dirty_collect(&vm->mem, user);
	case SVMVCPU_SET_IOEVENTFD:
		return COPY_ARG(&a.ioeventfd, IOEVENTFD_FLAGS, user) ?:
		       vm_set_ioeventfd(vm, &a.ioeventfd);
	case SVMVCPU_SET_IRQFD:
		return COPY_ARG(&a.irqfd, IRQFD_FLAGS, user) ?: vm_set_irqfd(vm, &a.irqfd);
	case SVMVCPU_SET_COALESCED:
		return COPY_ARG(&a.range, COALESCED_FLAGS, user) ?: coalesced_set(vm, &a.range);
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

/* Anybody who may read /proc/PID/fdinfo sees the counters, from any address space. */
static void vm_show_fdinfo(struct seq_file *m, struct file *file)
{
	static const char * const names[] = {
#define STAT_NAME(member, text)						\
		[offsetof(struct svmvcpu_stats, member) / sizeof(u64)] = #member,
		SVMVCPU_VM_STATS(STAT_NAME)
#undef STAT_NAME
	};
	struct svm_vm *vm = file->private_data;
	union {
		struct svmvcpu_stats stats;
		u64 values[ARRAY_SIZE(names)];	/* the first is size and flags */
	} a;
	unsigned int i;

	static_assert(sizeof(a) == sizeof(a.stats));
	guest_memory_stats(&vm->mem, &a.stats);
	seq_printf(m, "vm:\t%llu\n", vm->serial);
	for (i = 1; i < ARRAY_SIZE(names); i++)
		seq_printf(m, "%s:\t%llu\n", names[i], a.values[i]);
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vm_map_list,
	.show_fdinfo = vm_show_fdinfo,
	.release = vm_release,
	.llseek = noop_llseek,
};

static struct svm_vm *vm_alloc(void)
{
	static atomic64_t serial;
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
	spin_lock_init(&vm->irqfds_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	INIT_LIST_HEAD(&vm->resamplers);
	vm->serial = atomic64_inc_return(&serial);
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
