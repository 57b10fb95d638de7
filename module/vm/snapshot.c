// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots: SNAPSHOT, RESTORE, PRESERVE and DROP_SNAPSHOT.
 *
 * A snapshot consists of a struct vcpu_snapshot of each vCPU and of the copies of pages
 * that track.c keeps. RESTORE holds the mutex of every vCPU, so the guest neither runs
 * nor writes memory while pages are restored. Most of its time goes into the pages:
 * each takes a look at its leaf and a copy.
 *
 * Locking: svm_vm.snapshot_lock, then svm_vm.lock to collect the vCPUs, then
 * vcpu.mutex, which is only tried. guest_memory.mutex is never taken under svm_vm.lock,
 * but svm_vm.lock is taken under guest_memory.mutex to free the snapshots of vCPUs.
 * RESTORE may block on the VMM's memory for any length of time, so closing a file takes
 * none of the locks that are held meanwhile.
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mm/memory.h"
#include "mm/priv.h"
#include "svm/cpu.h"
#include "uaccess.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"
#include "vm/snapshot.h"

/* Pages restored before the lock is released for others */
#define RESTORE_BATCH	32

/* --- all vCPUs at once --------------------------------------------------- */

/* There may be more vCPUs than lockdep can track. */
static bool vcpu_try_lock(struct vcpu *vcpu)
{
	bool locked;

	lockdep_off();
	locked = mutex_trylock(&vcpu->mutex);
	lockdep_on();
	return locked;
}

static void vcpu_unlock(struct vcpu *vcpu)
{
	lockdep_off();
	mutex_unlock(&vcpu->mutex);
	lockdep_on();
}

static void vcpus_unlock(struct svm_vm *vm)
{
	struct vcpu *vcpu;

	while (vm->nr_stopped) {
		vcpu = vm->stopped[--vm->nr_stopped];
		vcpu_unlock(vcpu);
		vcpu_put(vcpu);
	}
}

/* Lock all vCPUs: -EBUSY if one is in RUN or in another ioctl. Undone by vcpus_unlock(). */
static int vcpus_lock(struct svm_vm *vm)
{
	struct vcpu *vcpu;
	int ret = mutex_lock_killable(&vm->lock);

	if (ret)
		return ret;
	list_for_each_entry(vcpu, &vm->vcpus, in_vm) {
		if (!vcpu_try_lock(vcpu)) {
			ret = -EBUSY;
			break;
		}
		kref_get(&vcpu->ref);
		vm->stopped[vm->nr_stopped++] = vcpu;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

/* Keep all vCPUs from running until vm_resume(). */
static int vm_stop(struct svm_vm *vm)
{
	int ret = mutex_lock_killable(&vm->snapshot_lock);

	if (ret)
		return ret;
	ret = vcpus_lock(vm);
	if (!ret)
		ret = mutex_lock_killable(&vm->mem.mutex);
	if (ret) {
		vcpus_unlock(vm);
		mutex_unlock(&vm->snapshot_lock);
	}
	return ret;
}

static void vm_resume(struct svm_vm *vm)
{
	/*
	 * Invalidate the guest's translations and the dirty bits that CPUs have cached.
	 * No vCPU is loaded, so there is no CPU to interrupt.
	 */
	atomic64_inc(&vm->mem.tlb_gen);
	mutex_unlock(&vm->mem.mutex);
	vcpus_unlock(vm);
	mutex_unlock(&vm->snapshot_lock);
}

static struct snapshot_time snapshot_now(void)
{
	return (struct snapshot_time) { .tsc = svm_tsc(), .ns = ktime_get_ns() };
}

/* --- SNAPSHOT ------------------------------------------------------------ */

static int vcpu_snapshots_alloc(struct svm_vm *vm)
{
	struct vcpu *vcpu;
	unsigned int i;

	for (i = 0; i < vm->nr_stopped; i++) {
		vcpu = vm->stopped[i];
		if (!vcpu->snapshot)
			vcpu->snapshot = vcpu_snapshot_alloc();
		if (!vcpu->snapshot)
			return -ENOMEM;
	}
	return 0;
}

/* @untaken: free only snapshots that have not been taken yet */
static void vcpu_snapshots_free(struct svm_vm *vm, bool untaken)
{
	struct vcpu *vcpu;

	mutex_lock(&vm->lock);
	list_for_each_entry(vcpu, &vm->vcpus, in_vm) {
		if (untaken && vcpu->snapshot && vcpu->snapshot->taken)
			continue;
		vcpu_snapshot_free(vcpu->snapshot);
		vcpu->snapshot = NULL;
	}
	mutex_unlock(&vm->lock);
}

/* Track all writes from here on. No vCPU runs. */
static void arm_memory(struct guest_memory *mem, u64 max_bytes)
{
	u64 end = npt_gpa_limit(&mem->npt);

	track_change_range(mem, 0, end >> PAGE_SHIFT, TRACK_FORGET_SAVED);
	spin_lock(&mem->lock);
	mem->track.snapshot = true;
	mem->track.max_saved = max_bytes ? max_bytes >> PAGE_SHIFT : U64_MAX;
	spin_unlock(&mem->lock);
	WRITE_ONCE(mem->map_epoch, mem->map_epoch + 1);
	track_protect(mem, 0, end);
}

static int take(struct svm_vm *vm, u64 max_bytes)
{
	unsigned int i;
	int ret;

	ret = regions_unaliased(&vm->mem);
	if (ret)
		return ret;
	ret = vcpu_snapshots_alloc(vm);
	if (ret) {
		/* Snapshots that have been taken before remain valid. */
		vcpu_snapshots_free(vm, true);
		return ret;
	}
	vm->snapshot_time = snapshot_now();
	vm->restore_tsc = vm->snapshot_time.tsc;
	for (i = 0; i < vm->nr_stopped; i++)
		vcpu_snapshot_take(vm->stopped[i], vm->stopped[i]->snapshot, &vm->snapshot_time);
	arm_memory(&vm->mem, max_bytes);
	return 0;
}

/**
 * snapshot_take() - SVMVCPU_SNAPSHOT
 * @vm: a VM of the caller
 * @arg: copied from user space
 *
 * Return: 0, -EINVAL, -EBUSY if a vCPU is in an ioctl, -ENOTUNIQ if a page is writable at
 * two addresses, -ENOMEM or -EINTR.
 */
int snapshot_take(struct svm_vm *vm, const struct svmvcpu_snapshot *arg)
{
	int ret;

	if (!PAGE_ALIGNED(arg->max_bytes))
		return -EINVAL;
	ret = vm_stop(vm);
	if (ret)
		return ret;
	ret = take(vm, arg->max_bytes);
	vm_resume(vm);
	return ret;
}

/* --- RESTORE ------------------------------------------------------------- */

/*
 * Restore a page through its leaf, which stays writable while guest_memory.lock is
 * held. Returns true if the page was restored.
 */
static bool restore_writable_page(struct dirty_track *track, struct track_entry *entry)
{
	u64 pte;

	switch (track_test_and_clear_dirty(entry, &pte)) {
	case TRACK_DIRTY:
		break;
	case TRACK_PROTECTED:
		leaf_mark_dirty(pte);
		fallthrough;
	case TRACK_CLEAN:
		if (likely(list_empty(&entry->undo)))
			return false;
	}
	if (unlikely(entry->keep || !(pte & NPT_WRITE) ||
		     copy_quadwords(pfn_to_kaddr(npt_pte_pfn(pte)), entry->saved, PAGE_SIZE))) {
		track_dirty_undo(track, entry);
		return false;
	}
	if (unlikely(!list_empty(&entry->undo)))
		list_del_init(&entry->undo);
	track_dirty_log(track, entry);
	return true;
}

static u64 restore_writable_pages(struct guest_memory *mem)
{
	struct dirty_track *track = &mem->track;
	unsigned int batch = RESTORE_BATCH;
	struct list_head *at, *next;
	u64 pages = 0;

	spin_lock(&mem->lock);
	for (at = track->writable.next; at != &track->writable; at = next) {
		next = at->next;
		pages += restore_writable_page(track, list_entry(at, struct track_entry, writable));
		if (unlikely(!--batch)) {
			batch = RESTORE_BATCH;
			next = track_cond_resched_lock(mem, next);
		}
	}
	spin_unlock(&mem->lock);
	return pages;
}

/* The page in the VMM's memory. guest_memory.mutex keeps it mapped in the guest. */
static void __user *user_page(struct guest_memory *mem, u64 gfn)
{
	u64 gpa = gfn << PAGE_SHIFT;
	struct mem_region region;

	return region_lookup(mem, gpa, &region) ? region_user_ptr(&region, gpa) : NULL;
}

/* Restore a page that has no writable leaf, through the VMM's address. */
static int restore_other_page(struct guest_memory *mem, const struct track_entry *entry)
{
	void __user *page = user_page(mem, entry->gfn);

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	/*
	 * There is no region if UNMAP was killed before it waited for a copy that then
	 * added the entry.
	 */
	return !page || !copy_to_user(page, entry->saved, PAGE_SIZE) ? 0 : -EFAULT;
}

/* Pages that cannot be written stay on the list for the next RESTORE. */
static int restore_other_pages(struct guest_memory *mem, u64 *pages)
{
	struct dirty_track *track = &mem->track;
	struct track_entry *entry;
	LIST_HEAD(todo);
	int ret = 0;

	if (list_empty(&track->undo))
		return 0;
	spin_lock(&mem->lock);
	list_splice_init(&track->undo, &todo);
	while (!list_empty(&todo)) {
		entry = list_first_entry(&todo, struct track_entry, undo);
		spin_unlock(&mem->lock);
		ret = restore_other_page(mem, entry);
		spin_lock(&mem->lock);
		if (ret)
			break;
		(*pages)++;
		list_del_init(&entry->undo);
		if (entry->keep)
			track_dirty_undo(track, entry);
		track_dirty_log(track, entry);
	}
	list_splice(&todo, &track->undo);
	spin_unlock(&mem->lock);
	return ret;
}

static void restore_vcpus(struct svm_vm *vm)
{
	const struct snapshot_time now = snapshot_now();
	unsigned int i;

	for (i = 0; i < vm->nr_stopped; i++)
		if (vm->stopped[i]->snapshot)
			vcpu_snapshot_restore(vm->stopped[i], &vm->snapshot_time, &now);
	vm->tsc_base += now.tsc - vm->restore_tsc;
	vm->restore_tsc = now.tsc;
}

static int restore(struct svm_vm *vm, u64 *pages)
{
	int ret;

	if (!vm->mem.track.snapshot)
		return -ENOENT;
	*pages = restore_writable_pages(&vm->mem);
	ret = restore_other_pages(&vm->mem, pages);
	if (!ret)
		restore_vcpus(vm);
	return ret;
}

/**
 * snapshot_restore() - SVMVCPU_RESTORE
 * @vm: a VM of the caller
 * @arg: argument of the ioctl; its head has been checked
 *
 * On error some pages may have been restored, but no vCPU. The next RESTORE continues.
 *
 * Return: 0, -EBUSY if a vCPU is in an ioctl, -ENOENT without a snapshot, -EFAULT if the
 * VMM's memory or @arg is not writable, or -EINTR.
 */
int snapshot_restore(struct svm_vm *vm, struct svmvcpu_restore __user *arg)
{
	u64 pages = 0;
	int ret;

	ret = vm_stop(vm);
	if (ret)
		return ret;
	ret = restore(vm, &pages);
	vm_resume(vm);
	return ret ? ret : put_user(pages, &arg->pages);
}

/* --- PRESERVE and DROP_SNAPSHOT ------------------------------------------ */

static int preserve_range(struct guest_memory *mem, const struct svmvcpu_range *range)
{
	u64 gfn = range->gpa >> PAGE_SHIFT, end = gfn + (range->bytes >> PAGE_SHIFT);
	int ret = 0;

	for (; !ret && gfn < end; gfn++) {
		const void __user *page = user_page(mem, gfn);

		ret = page ? track_save_page(mem, gfn, page) : -ENOENT;
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	return ret == -EDQUOT ? -ENOSPC : ret;
}

/*
 * preserve_range() has saved a copy of every page, and guest_memory.mutex keeps them. A
 * killed caller never sees whether the range is complete.
 */
static void keep_range(struct guest_memory *mem, const struct svmvcpu_range *range)
{
	u64 gfn = range->gpa >> PAGE_SHIFT, end = gfn + (range->bytes >> PAGE_SHIFT);
	struct track_entry *entry;

	for (; gfn < end && !fatal_signal_pending(current); gfn++) {
		spin_lock(&mem->lock);
		entry = track_find(&mem->track, gfn);
		entry->keep = true;
		track_dirty_undo(&mem->track, entry);
		spin_unlock(&mem->lock);
		cond_resched();
	}
}

static int preserve(struct guest_memory *mem, const struct svmvcpu_range *ranges, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	if (!mem->track.snapshot)
		return -ENOENT;
	for (i = 0; i < nr; i++)
		if (!gpa_range_valid(mem, ranges[i].gpa, ranges[i].bytes))
			return -EINVAL;
	for (i = 0; !ret && i < nr; i++)
		ret = preserve_range(mem, &ranges[i]);
	for (i = 0; !ret && i < nr; i++)
		keep_range(mem, &ranges[i]);
	return ret;
}

/**
 * snapshot_preserve() - SVMVCPU_PRESERVE
 * @vm: a VM of the caller
 * @arg: copied from user space
 *
 * Return: 0, -EINVAL, -EFAULT, -ENOENT without a snapshot or where no region is mapped,
 * -ENOSPC if the snapshot has reached its maximum size, -ENOMEM or -EINTR.
 */
int snapshot_preserve(struct svm_vm *vm, const struct svmvcpu_preserve *arg)
{
	struct svmvcpu_range *ranges;
	int ret;

	ranges = svmvcpu_copy_array(arg->ranges, arg->nr, GUEST_MAX_BATCH, arg->mbz,
				    sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	ret = mutex_lock_killable(&vm->mem.mutex);
	if (!ret) {
		ret = preserve(&vm->mem, ranges, arg->nr);
		mutex_unlock(&vm->mem.mutex);
	}
	kvfree(ranges);
	return ret;
}

/**
 * snapshot_drop() - SVMVCPU_DROP_SNAPSHOT
 * @vm: a VM of the caller
 *
 * Return: 0, -ENOENT without a snapshot, or -EINTR.
 */
int snapshot_drop(struct svm_vm *vm)
{
	struct guest_memory *mem = &vm->mem;
	int ret;

	ret = mutex_lock_killable(&vm->snapshot_lock);
	if (ret)
		return ret;
	ret = mutex_lock_killable(&mem->mutex);
	if (ret)
		goto unlock;
	if (mem->track.snapshot) {
		spin_lock(&mem->lock);
		mem->track.snapshot = false;
		spin_unlock(&mem->lock);
		track_change_range(mem, 0, npt_gpa_limit(&mem->npt) >> PAGE_SHIFT,
				   TRACK_FORGET_SAVED);
		vcpu_snapshots_free(vm, false);
	} else {
		ret = -ENOENT;
	}
	mutex_unlock(&mem->mutex);
unlock:
	mutex_unlock(&vm->snapshot_lock);
	return ret;
}
