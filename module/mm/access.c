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

/*
 * The user address of @gpa, or NULL if no region allows @access. Reduces @len to the
 * bytes that lie in the region.
 */
static void __user *user_ptr(struct guest_memory *mem, u64 gpa, unsigned int *len,
			     u32 access)
{
	struct mem_region region;

	if (!region_lookup(mem, gpa, &region) || (region.prot & access) != access)
		return NULL;
	*len = min_t(u64, *len, region.end - gpa);
	return (void __user *)(unsigned long)(region.hva + (gpa - region.gpa));
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

/* Copies to or from user memory. Returns the number of quadwords not copied due to a fault. */
static __always_inline unsigned long move_quadwords(void *to, const void *from, unsigned long nr)
{
	asm volatile("1: rep movsq\n"
		     "2:\n"
		     _ASM_EXTABLE_UA(1b, 2b)
		     : "+c" (nr), "+D" (to), "+S" (from) : : "memory");
	return nr;
}

static int load_user(void *buf, const void __user *ptr, unsigned int len)
{
	if (!user_read_access_begin(ptr, len))
		return -EFAULT;
	while (len) {
		unsigned int width = access_width((unsigned long)ptr, len);

		switch (width) {
		case 1:
			unsafe_get_user(*(u8 *)buf, (const u8 __user *)ptr, fault);
			break;
		case 2:
			unsafe_get_user(*(u16 *)buf, (const u16 __user *)ptr, fault);
			break;
		case 4:
			unsafe_get_user(*(u32 *)buf, (const u32 __user *)ptr, fault);
			break;
		default:
			if (len < LONG_RUN) {
				unsafe_get_user(*(u64 *)buf, (const u64 __user *)ptr, fault);
				break;
			}
			width = round_down(len, sizeof(u64));
			if (move_quadwords(buf, (__force const void *)ptr, width / sizeof(u64)))
				goto fault;
		}
		buf += width;
		ptr += width;
		len -= width;
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int store_user(void __user *ptr, const void *buf, unsigned int len)
{
	if (!user_write_access_begin(ptr, len))
		return -EFAULT;
	while (len) {
		unsigned int width = access_width((unsigned long)ptr, len);

		switch (width) {
		case 1:
			unsafe_put_user(*(const u8 *)buf, (u8 __user *)ptr, fault);
			break;
		case 2:
			unsafe_put_user(*(const u16 *)buf, (u16 __user *)ptr, fault);
			break;
		case 4:
			unsafe_put_user(*(const u32 *)buf, (u32 __user *)ptr, fault);
			break;
		default:
			if (len < LONG_RUN) {
				unsafe_put_user(*(const u64 *)buf, (u64 __user *)ptr, fault);
				break;
			}
			width = round_down(len, sizeof(u64));
			if (move_quadwords((__force void *)ptr, buf, width / sizeof(u64)))
				goto fault;
		}
		buf += width;
		ptr += width;
		len -= width;
	}
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Faults in a page that is not resident, or returns -EAGAIN if @atomic. */
static int read_part(void *buf, const void __user *ptr, unsigned int len, bool atomic)
{
	int ret;

	if (!atomic) {
		might_fault();
		return load_user(buf, ptr, len);
	}
	pagefault_disable();
	ret = load_user(buf, ptr, len);
	pagefault_enable();
	return ret ? -EAGAIN : 0;
}

static int read_parts(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access)
{
	while (len) {
		unsigned int part = len;
		void __user *ptr = user_ptr(mem, gpa, &part, access);
		int ret = ptr ? read_part(buf, ptr, part, atomic) : -ENXIO;

		if (ret)
			return ret;
		gpa += part;
		buf += part;
		len -= part;
	}
	return 0;
}

/**
 * guest_memory_read() - read guest-physical memory
 * @mem: a VM's memory
 * @gpa: address
 * @buf: kernel memory
 * @len: length in bytes
 * @atomic: do not sleep; return -EAGAIN if a page is not resident
 * @access: SVMVCPU_MEM_* that the regions must allow
 *
 * The guest and the VMM may change the memory at any time: use only the copy. One,
 * two, four or eight bytes within a page are read by one access.
 *
 * Context: current->mm is the VM's. With @atomic, interrupts are off.
 * Return: 0; -EAGAIN; -ENXIO if no region allows the access; -EFAULT if the VMM's
 * memory behind the region cannot be read.
 */
int guest_memory_read(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return read_parts(mem, gpa, buf, len, true, access);
	phase = guest_memory_access_begin(mem);
	ret = read_parts(mem, gpa, buf, len, false, access);
	guest_memory_access_end(mem, phase);
	return ret;
}

/* Writes within one page. */
static int write_part(struct guest_memory *mem, u64 gpa, void __user *ptr, const void *buf,
		      unsigned int len, bool atomic)
{
	int ret = track_before_write(mem, gpa, ptr, atomic);

	if (ret)
		return ret;
	if (atomic) {
		pagefault_disable();
		ret = store_user(ptr, buf, len) ? -EAGAIN : 0;
		pagefault_enable();
	} else {
		might_fault();
		ret = store_user(ptr, buf, len);
	}
	/* Also after an error: some bytes may have been written. */
	track_after_write(mem, gpa);
	return ret;
}

static int write_parts(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic)
{
	while (len) {
		unsigned int part = min_t(u64, len, PAGE_SIZE - offset_in_page(gpa));
		void __user *ptr = user_ptr(mem, gpa, &part, SVMVCPU_MEM_WRITE);
		int ret = ptr ? write_part(mem, gpa, ptr, buf, part, atomic) : -ENXIO;

		if (ret)
			return ret;
		gpa += part;
		buf += part;
		len -= part;
	}
	return 0;
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
 * Context: current->mm is the VM's. With @atomic, interrupts are off.
 * Return: as guest_memory_read(); also -ENOMEM, -EINTR, or -EDQUOT if the snapshot is
 * at its size limit. On errors, some bytes may have been written.
 */
int guest_memory_write(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return write_parts(mem, gpa, buf, len, true);
	phase = guest_memory_access_begin(mem);
	ret = write_parts(mem, gpa, buf, len, false);
	guest_memory_access_end(mem, phase);
	return ret;
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

static int user_cmpxchg_nofault(void __user *ptr, unsigned int size, u64 old, u64 new)
{
	int ret;

	pagefault_disable();
	ret = user_cmpxchg(ptr, size, old, new);
	pagefault_enable();
	return ret == -EFAULT ? -EAGAIN : ret;
}

static int cmpxchg_region(struct guest_memory *mem, u64 gpa, unsigned int size, u64 old,
			  u64 new, bool atomic)
{
	unsigned int len = size;
	void __user *ptr = user_ptr(mem, gpa, &len, SVMVCPU_MEM_WRITE);
	int ret;

	if (!ptr || len != size)
		return -ENXIO;
	ret = track_before_write(mem, gpa, ptr, atomic);
	if (ret)
		return ret;
	ret = atomic ? user_cmpxchg_nofault(ptr, size, old, new) :
		       user_cmpxchg(ptr, size, old, new);
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
 * Context: current->mm is the VM's. With @atomic, interrupts are off.
 * Return: 0; -EBUSY if the value is not @old; otherwise as guest_memory_write().
 */
int guest_memory_cmpxchg(struct guest_memory *mem, u64 gpa, unsigned int size,
			 u64 old, u64 new, bool atomic)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return cmpxchg_region(mem, gpa, size, old, new, true);
	phase = guest_memory_access_begin(mem);
	ret = cmpxchg_region(mem, gpa, size, old, new, false);
	guest_memory_access_end(mem, phase);
	return ret;
}
