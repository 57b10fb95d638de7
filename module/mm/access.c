// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's own accesses to guest-physical memory, for instruction fetch, page
 * walks and string I/O. They access user memory at the address that the region gives,
 * not the nested page tables.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/asm.h>

#include "mm/memory.h"
#include "mm/priv.h"

/**
 * guest_memory_access_begin() - begin an access to guest memory that may sleep
 * @mem: a VM's memory
 *
 * UNMAP waits for accesses that began before it. An access never waits for UNMAP,
 * which may be waiting for an access to memory that user space provides (userfaultfd,
 * FUSE). Accesses with interrupts off need not call this, because UNMAP sends an IPI
 * to all CPUs that run the VM.
 *
 * Return: argument for guest_memory_access_end().
 */
unsigned int guest_memory_access_begin(struct guest_memory *mem)
{
	unsigned int phase = READ_ONCE(mem->access_phase);

	atomic_inc(&mem->accesses[phase]);
	/* Pairs with wait_access_phase(): count the access before looking up the region. */
	smp_mb__after_atomic();
	return phase;
}

void guest_memory_access_end(struct guest_memory *mem, unsigned int phase)
{
	if (atomic_dec_and_test(&mem->accesses[phase]) && wq_has_sleeper(&mem->accesses_done))
		wake_up_all(&mem->accesses_done);
}

/* Directs new accesses to the other counter, and waits until this one is 0. */
static int wait_access_phase(struct guest_memory *mem)
{
	unsigned int phase = mem->access_phase;

	WRITE_ONCE(mem->access_phase, !phase);
	/* Pairs with guest_memory_access_begin(): change regions before reading the counter. */
	smp_mb();
	return wait_event_killable(mem->accesses_done, !atomic_read(&mem->accesses[phase]));
}

/*
 * Waits until all vCPUs and all of the module's own accesses use the present regions and
 * nested tables. Sleeps; returns early if the caller is being killed. The caller holds
 * guest_memory.mutex.
 */
void guest_memory_flush_and_wait(struct guest_memory *mem)
{
	guest_memory_flush(mem);
	/* Wait for both: an access may increment a counter long after it read the phase. */
	if (!wait_access_phase(mem))
		wait_access_phase(mem);
}

/* The user address of @gpa, or NULL if no region allows @access */
static void __user *user_ptr(struct guest_memory *mem, u64 gpa, u32 access)
{
	struct mem_region region;

	if (!region_lookup(mem, gpa, &region) || (region.prot & access) != access)
		return NULL;
	return region_user_ptr(&region, gpa);
}

/* The answer may be outdated by the time of the access. */
bool guest_memory_allows(struct guest_memory *mem, u64 gpa, u32 access)
{
	struct mem_region region;

	return region_lookup(mem, gpa, &region) && (region.prot & access) == access;
}

/*
 * Size of the next load or store, when @len bytes remain to be copied at @at.
 *
 * 1, 2, 4 or 8 bytes are copied by one access, as by the guest's CPUs.
 * copy_from_user() does not guarantee that. For example, it may read a page table
 * entry in parts while another CPU writes it, and return a value that was never in
 * memory. Longer copies are split at natural boundaries, so that one access copies
 * each aligned element of a string.
 */
static unsigned int access_width(unsigned long at, unsigned int len)
{
	if (len <= sizeof(u64) && is_power_of_2(len))
		return len;
	return 1U << min_t(unsigned int, __ffs(at | sizeof(u64)), __fls(len));
}

/* From this length on, REP MOVSQ is faster. */
#define LONG_RUN	64

/* One load or store, depending on @write */
#define copy_one(type)								\
do {										\
	if (write)								\
		unsafe_put_user(*(type *)buf, (type __user *)ptr, fault);	\
	else									\
		unsafe_get_user(*(type *)buf, (type __user *)ptr, fault);	\
} while (0)

/* Copies from @buf to @ptr if @write, else from @ptr to @buf. */
static int copy_user(void *buf, void __user *ptr, unsigned int len, bool write)
{
	void *user = (__force void *)ptr;

	if (!user_access_begin(ptr, len))
		return -EFAULT;
	while (len) {
		unsigned int width = access_width((unsigned long)ptr, len);

		switch (width) {
		case 1:
			copy_one(u8);
			break;
		case 2:
			copy_one(u16);
			break;
		case 4:
			copy_one(u32);
			break;
		default:
			if (len < LONG_RUN) {
				copy_one(u64);
				break;
			}
			width = round_down(len, sizeof(u64));
			if (copy_quadwords(write ? user : buf, write ? buf : user, width))
				goto fault;
		}
		buf += width;
		ptr += width;
		user += width;
		len -= width;
	}
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

/* Copies within one page. */
static int copy_part(struct guest_memory *mem, u64 gpa, void __user *ptr, void *buf,
		     unsigned int len, bool atomic, bool write)
{
	int ret = write ? track_before_write(mem, gpa, ptr, atomic) : 0;

	if (ret)
		return ret;
	if (atomic) {
		pagefault_disable();
		ret = copy_user(buf, ptr, len, write) ? -EAGAIN : 0;
		pagefault_enable();
	} else {
		might_fault();
		ret = copy_user(buf, ptr, len, write);
	}
	/* Also after an error: some bytes may have been written. */
	if (write)
		track_after_write(mem, gpa);
	return ret;
}

static int copy_parts(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access)
{
	while (len) {
		unsigned int part = min_t(u64, len, PAGE_SIZE - offset_in_page(gpa));
		void __user *ptr = user_ptr(mem, gpa, access);
		int ret = -ENXIO;

		if (ptr)
			ret = copy_part(mem, gpa, ptr, buf, part, atomic,
					access & SVMVCPU_MEM_WRITE);
		if (ret)
			return ret;
		gpa += part;
		buf += part;
		len -= part;
	}
	return 0;
}

static int copy_guest(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return copy_parts(mem, gpa, buf, len, true, access);
	phase = guest_memory_access_begin(mem);
	ret = copy_parts(mem, gpa, buf, len, false, access);
	guest_memory_access_end(mem, phase);
	return ret;
}

/**
 * guest_memory_read() - read guest-physical memory
 * @mem: a VM's memory
 * @gpa: address
 * @buf: kernel memory
 * @len: length in bytes
 * @atomic: do not sleep; return -EAGAIN if a page is not resident
 * @access: SVMVCPU_MEM_* that the regions must allow, without SVMVCPU_MEM_WRITE
 *
 * The guest and the VMM may change the memory at any time: use only the copy. One,
 * two, four or eight bytes within a page are read by one access.
 *
 * Context: current->mm is guest_memory.mm. With @atomic, interrupts are off.
 * Return: 0; -EAGAIN; -ENXIO if no region allows the access; -EFAULT if the VMM's
 * memory behind the region cannot be read.
 */
int guest_memory_read(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access)
{
	return copy_guest(mem, gpa, buf, len, atomic, access);
}

/**
 * guest_memory_write() - write guest-physical memory
 * @mem: a VM's memory
 * @gpa: address
 * @buf: kernel memory
 * @len: length in bytes
 * @atomic: do not sleep; return -EAGAIN if a page is not resident
 *
 * One, two, four or eight bytes within a page are written by one access.
 *
 * Context: current->mm is guest_memory.mm. With @atomic, interrupts are off.
 * Return: as guest_memory_read(); also -ENOMEM, -EINTR, or -EDQUOT if the snapshot is
 * at its size limit. On errors, some bytes may have been written.
 */
int guest_memory_write(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic)
{
	return copy_guest(mem, gpa, (void *)buf, len, atomic, SVMVCPU_MEM_WRITE);
}

/* Returns -EBUSY if the value is not @old. */
static int user_cmpxchg(void __user *ptr, unsigned int size, u64 old, u64 new)
{
	bool done;

	if (!user_access_begin(ptr, size))
		return -EFAULT;
	if (size == 8) {
		done = unsafe_try_cmpxchg_user((u64 __user *)ptr, &old, new, fault);
	} else {
		u32 old32 = old;

		done = unsafe_try_cmpxchg_user((u32 __user *)ptr, &old32, (u32)new, fault);
	}
	user_access_end();
	return done ? 0 : -EBUSY;
fault:
	user_access_end();
	return -EFAULT;
}

static int cmpxchg_guest(struct guest_memory *mem, u64 gpa, unsigned int size, u64 old, u64 new,
			 bool atomic)
{
	void __user *ptr = user_ptr(mem, gpa, SVMVCPU_MEM_WRITE);
	int ret;

	if (!ptr)
		return -ENXIO;
	ret = track_before_write(mem, gpa, ptr, atomic);
	if (ret)
		return ret;
	if (atomic)
		pagefault_disable();
	ret = user_cmpxchg(ptr, size, old, new);
	if (atomic) {
		pagefault_enable();
		ret = ret == -EFAULT ? -EAGAIN : ret;
	}
	track_after_write(mem, gpa);
	return ret;
}

/**
 * guest_memory_cmpxchg() - compare and exchange a value in guest-physical memory
 * @mem: a VM's memory
 * @gpa: aligned to @size
 * @size: 4 or 8
 * @old: expected value
 * @new: value to store
 * @atomic: do not sleep; return -EAGAIN if a page is not resident
 *
 * Context: current->mm is guest_memory.mm. With @atomic, interrupts are off.
 * Return: 0; -EBUSY if the value is not @old; otherwise as guest_memory_write().
 */
int guest_memory_cmpxchg(struct guest_memory *mem, u64 gpa, unsigned int size,
			 u64 old, u64 new, bool atomic)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return cmpxchg_guest(mem, gpa, size, old, new, true);
	phase = guest_memory_access_begin(mem);
	ret = cmpxchg_guest(mem, gpa, size, old, new, false);
	guest_memory_access_end(mem, phase);
	return ret;
}
