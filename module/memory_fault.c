// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page faults: bringing a page of the VMM's memory into the nested page
 * tables. memory.c says how it leaves them again.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "memory.h"
#include "memory_priv.h"

/*
 * hmm_range_fault() cannot wait for the monitor of a userfaultfd: such a page
 * is brought in beforehand, as a CPU would. Called with mmap_lock held. 0: not
 * such a page; 1: it was, and may be there now; -EAGAIN: the lock was dropped
 * while waiting, and the caller starts over.
 */
static int fault_monitored_page(struct mm_struct *mm, u64 hva, bool write)
{
	struct vm_area_struct *vma = vma_lookup(mm, hva);
	vm_fault_t fault;

	if (!vma || !userfaultfd_armed(vma) || !(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return 0;
	fault = handle_mm_fault(vma, hva, FAULT_FLAG_DEFAULT | FAULT_FLAG_REMOTE |
				(write ? FAULT_FLAG_WRITE : 0), NULL);
	if (fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
		return -EAGAIN;
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	return fault & VM_FAULT_ERROR ? -EFAULT : 1;
}

static bool pfn_usable(unsigned long hmm_pfn, bool write)
{
	if ((hmm_pfn & HMM_PFN_ERROR) || !(hmm_pfn & HMM_PFN_VALID))
		return false;
	return !write || (hmm_pfn & HMM_PFN_WRITE);
}

/* Asks for the page behind @hva; on success it stays valid until @seq moves. */
static int fault_user_page(struct guest_memory *mem, struct mmu_interval_notifier *mn,
			   u64 hva, bool write, unsigned long *pfn, unsigned long *seq)
{
	struct hmm_range range = {
		.notifier = mn,
		.start = hva,
		.end = hva + PAGE_SIZE,
		.hmm_pfns = pfn,
		.default_flags = HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0),
	};
	int ret;

	range.notifier_seq = mmu_interval_read_begin(mn);
	if (mmap_read_lock_killable(mem->mm))
		return -EINTR;
	ret = fault_monitored_page(mem->mm, hva, write);
	if (ret == -EAGAIN)
		return ret;
	if (ret > 0) {
		/*
		 * Only look: faulting again could go on for as long as the
		 * userfaultfd is being closed, which needs the lock we hold.
		 */
		range.default_flags = 0;
		ret = hmm_range_fault(&range);
		if (!ret && !pfn_usable(*pfn, write))
			ret = -EBUSY;
	} else if (!ret) {
		ret = hmm_range_fault(&range);
	}
	mmap_read_unlock(mem->mm);
	*seq = range.notifier_seq;
	return ret;
}

static unsigned int leaf_prot(u32 region_prot, unsigned long hmm_pfn)
{
	unsigned int prot = 0;

	if ((region_prot & SVMVCPU_MEM_WRITE) && (hmm_pfn & HMM_PFN_WRITE))
		prot |= NPT_W;
	if (region_prot & SVMVCPU_MEM_EXEC)
		prot |= NPT_X;
	return prot;
}

/* -EAGAIN when the world moved since the lookup and the caller must start over. */
static int fault_install(struct guest_memory *mem, struct npt_cache *cache, u64 gpa,
			 const struct guest_region *region, u64 table_gen,
			 unsigned long hmm_pfn, unsigned long seq)
{
	bool zapped = false;
	int ret = -EAGAIN;

	spin_lock(&mem->lock);
	if (mem->table_gen == table_gen &&
	    !mmu_interval_read_retry(&region->backing->mn, seq))
		ret = npt_map(&mem->npt, cache, gpa, hmm_pfn & ~HMM_PFN_FLAGS,
			      leaf_prot(region->prot, hmm_pfn), NPT_4K);
	if (ret == -EBUSY)
		zapped = npt_zap(&mem->npt, gpa, gpa + PAGE_SIZE, guest_leaf_gone, NULL);
	spin_unlock(&mem->lock);
	if (zapped)
		guest_memory_flush(mem);
	return ret == -EBUSY ? -EAGAIN : ret;
}

static int fault_once(struct guest_memory *mem, u64 gpa, u32 access,
		      struct npt_cache *cache, enum guest_fault *fault)
{
	/* Pairs with unmap_locked(): an old generation goes with any table. */
	u64 table_gen = smp_load_acquire(&mem->table_gen);
	struct guest_region region;
	unsigned long pfn = 0, seq;
	int ret;

	if (!guest_region_lookup(mem, gpa, true, &region)) {
		*fault = GUEST_FAULT_NO_REGION;
		return 0;
	}
	if ((region.prot & access) != access) {
		*fault = GUEST_FAULT_NO_REGION;
		ret = 0;
		goto put;
	}
	ret = fault_user_page(mem, &region.backing->mn, region.hva + (gpa - region.gpa),
			      access & SVMVCPU_MEM_WRITE, &pfn, &seq);
	if (ret == -EBUSY) {
		ret = -EAGAIN;
	} else if (ret == -EFAULT || ret == -EPERM) {
		/* EPERM: a write, and the VMM's own mapping is read-only */
		*fault = GUEST_FAULT_USER_MEM;
		ret = 0;
	} else if (!ret) {
		ret = fault_install(mem, cache, gpa, &region, table_gen, pfn, seq);
	}
put:
	guest_backing_put(region.backing);
	return ret;
}

/**
 * guest_memory_fault() - make a guest-physical page accessible, if it may be
 * @mem: a VM's memory
 * @gpa: any address in the page
 * @access: SVMVCPU_MEM_* the guest needs
 * @stop: not 0: give up between two tries, as for a signal
 * @fault: out: GUEST_FAULT_NONE when the guest can try again, or why not
 *
 * Context: may sleep, for as long as the VMM's memory takes; current->mm is
 * the VM's.
 * Return: 0 with @fault set; -EINTR when a signal came or @stop says so;
 * -ENOMEM.
 */
int guest_memory_fault(struct guest_memory *mem, u64 gpa, u32 access,
		       const unsigned long *stop, enum guest_fault *fault)
{
	struct npt_cache cache = { };
	int ret;

	*fault = GUEST_FAULT_NONE;
	gpa &= PAGE_MASK;
	if (gpa >> mem->gpa_bits) {
		*fault = GUEST_FAULT_NO_REGION;
		return 0;
	}
	do {
		ret = npt_cache_fill(&cache, NPT_MAP_MAX);
		if (ret)
			break;
		ret = fault_once(mem, gpa, access, &cache, fault);
		if (ret == -EAGAIN && (signal_pending(current) || READ_ONCE(*stop)))
			ret = -EINTR;
		cond_resched();
	} while (ret == -EAGAIN);
	npt_cache_drain(&cache);
	return ret;
}
