// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's own reads and writes of guest-physical memory: instruction
 * fetch, page walks, string I/O. They go through the region table to the
 * VMM's address and take whatever page is there.
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
 * guest_memory_hold() - begin an access to memory of regions
 * @mem: a VM's memory
 *
 * UNMAP waits for accesses that began before it. No access waits for UNMAP: it may
 * itself be waiting for a copy from memory that user space provides (userfaultfd, FUSE).
 * An access with interrupts off needs no hold, because UNMAP interrupts all CPUs that
 * run the VM.
 *
 * Return: for guest_memory_release().
 */
unsigned int guest_memory_hold(struct guest_memory *mem)
{
	unsigned int phase = READ_ONCE(mem->copy_phase);

	atomic_inc(&mem->copies[phase]);
	/* Pairs with guest_memory_settle(): count the access, then look up the region. */
	smp_mb__after_atomic();
	return phase;
}

void guest_memory_release(struct guest_memory *mem, unsigned int phase)
{
	if (atomic_dec_and_test(&mem->copies[phase]) && wq_has_sleeper(&mem->copied))
		wake_up_all(&mem->copied);
}

/* Waits until the accesses of one phase are over; new ones are counted in the other. */
static int wait_phase(struct guest_memory *mem)
{
	unsigned int phase = mem->copy_phase;

	WRITE_ONCE(mem->copy_phase, !phase);
	smp_mb(); /* Pairs with guest_memory_hold(): change regions, then read the count. */
	return wait_event_killable(mem->copied, !atomic_read(&mem->copies[phase]));
}

/**
 * guest_memory_settle() - wait for the module's own accesses that are under way
 * @mem: a VM's memory, its mutex held
 *
 * Returns early if the caller is being killed.
 *
 * Context: may sleep.
 */
void guest_memory_settle(struct guest_memory *mem)
{
	guest_memory_flush(mem);
	/* Both phases: an access may read the phase long before it is counted. */
	if (!wait_phase(mem))
		wait_phase(mem);
}

/*
 * Finds the user address of @gpa, and how many of @len bytes lie there. NULL
 * when no region allows @access.
 */
static void __user *guest_user_ptr(struct guest_memory *mem, u64 gpa, unsigned int *len,
				   u32 access)
{
	struct guest_region region;

	if (!guest_region_lookup(mem, gpa, &region) || (region.prot & access) != access)
		return NULL;
	*len = min_t(u64, *len, region.end - gpa);
	return (void __user *)(unsigned long)(region.hva + (gpa - region.gpa));
}

/**
 * guest_memory_user_ptr() - where the VMM has it
 * @mem: a VM's memory
 * @gpa: address
 * @len: bytes
 * @access: SVMVCPU_MEM_* the region must allow
 *
 * Stays the guest's while interrupts are off, and as long as no region is
 * taken away: until guest_memory.table_gen moves.
 *
 * Return: the user address, NULL when not all of it is in one region.
 */
const void __user *guest_memory_user_ptr(struct guest_memory *mem, u64 gpa, unsigned int len,
					 u32 access)
{
	unsigned int there = len;
	void __user *ptr = guest_user_ptr(mem, gpa, &there, access);

	return there == len ? ptr : NULL;
}

/**
 * guest_memory_allows() - does a region allow this access?
 * @mem: a VM's memory
 * @gpa: address
 * @access: SVMVCPU_MEM_*
 *
 * It may be another one by the time the access is made.
 */
bool guest_memory_allows(struct guest_memory *mem, u64 gpa, u32 access)
{
	struct guest_region region;

	return guest_region_lookup(mem, gpa, &region) && (region.prot & access) == access;
}

/*
 * How many of @len bytes at @at the next load or store moves.
 *
 * An operand of 1, 2, 4 or 8 bytes is one access, as it is for the guest's CPUs.
 * copy_from_user() does not promise that: it moves four bytes one by one, and
 * another CPU that writes a page table entry meanwhile would have a value
 * translated that was never in the table. Longer runs are cut at natural
 * boundaries, so that each aligned element of a string is one access too.
 */
static unsigned int access_width(unsigned long at, unsigned int len)
{
	if (len <= sizeof(u64) && is_power_of_2(len))
		return len;
	return 1U << min_t(unsigned int, __ffs(at | sizeof(u64)), __fls(len));
}

/* From here on moving eight bytes at a time is worth a REP. */
#define LONG_RUN	64

/* Quadwords to or from user memory. How many were not moved, because of a fault. */
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

/* A page that is not resident is -EAGAIN with @atomic, else it is faulted in. */
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
		void __user *ptr = guest_user_ptr(mem, gpa, &part, access);
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
 * @len: bytes
 * @atomic: do not sleep; what is not resident is -EAGAIN
 * @access: SVMVCPU_MEM_* the regions must allow
 *
 * The guest and the VMM can change the bytes meanwhile: use the copy only. One,
 * two, four or eight bytes within a page are read by one access.
 *
 * Context: current->mm is the VM's.
 * Return: 0; -EAGAIN; -ENXIO when there is no such memory; -EFAULT when the
 * VMM's memory behind it cannot be read.
 */
int guest_memory_read(struct guest_memory *mem, u64 gpa, void *buf, unsigned int len,
		      bool atomic, u32 access)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return read_parts(mem, gpa, buf, len, true, access);
	phase = guest_memory_hold(mem);
	ret = read_parts(mem, gpa, buf, len, false, access);
	guest_memory_release(mem, phase);
	return ret;
}

/* In one page, which whoever tracks writes hears of before and after. */
static int write_part(struct guest_memory *mem, u64 gpa, void __user *ptr, const void *buf,
		      unsigned int len, bool atomic)
{
	int ret = guest_track_save(mem, gpa, ptr, atomic);

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
	/* Also when it failed: a part of it may be there. */
	guest_track_wrote(mem, gpa);
	return ret;
}

static int write_parts(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic)
{
	while (len) {
		unsigned int part = min_t(u64, len, PAGE_SIZE - offset_in_page(gpa));
		void __user *ptr = guest_user_ptr(mem, gpa, &part, SVMVCPU_MEM_WRITE);
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
 * @len: bytes
 * @atomic: do not sleep; what is not resident is -EAGAIN
 *
 * One, two, four or eight bytes within a page are written by one access.
 *
 * Context: current->mm is the VM's.
 * Return: as guest_memory_read(); -ENOMEM and -EDQUOT when there is a snapshot
 * and no room in it. A part may have been written on error.
 */
int guest_memory_write(struct guest_memory *mem, u64 gpa, const void *buf,
		       unsigned int len, bool atomic)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return write_parts(mem, gpa, buf, len, true);
	phase = guest_memory_hold(mem);
	ret = write_parts(mem, gpa, buf, len, false);
	guest_memory_release(mem, phase);
	return ret;
}

/* -EBUSY when the value was not @old. */
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

static int cmpxchg_held(struct guest_memory *mem, u64 gpa, unsigned int size, u64 old,
			u64 new, bool atomic)
{
	unsigned int len = size;
	void __user *ptr = guest_user_ptr(mem, gpa, &len, SVMVCPU_MEM_WRITE);
	int ret;

	if (!ptr || len != size)
		return -ENXIO;
	ret = guest_track_save(mem, gpa, ptr, atomic);
	if (ret)
		return ret;
	ret = atomic ? user_cmpxchg_nofault(ptr, size, old, new) :
		       user_cmpxchg(ptr, size, old, new);
	guest_track_wrote(mem, gpa);
	return ret;
}

/**
 * guest_memory_cmpxchg() - compare and exchange a guest page table entry
 * @mem: a VM's memory
 * @gpa: aligned to @size
 * @size: 4 or 8
 * @old: expected value
 * @new: value to store
 * @atomic: do not sleep; what is not resident is -EAGAIN
 *
 * Context: current->mm is the VM's.
 * Return: 0; -EBUSY when it held another value; otherwise as
 * guest_memory_read().
 */
int guest_memory_cmpxchg(struct guest_memory *mem, u64 gpa, unsigned int size,
			 u64 old, u64 new, bool atomic)
{
	unsigned int phase;
	int ret;

	if (atomic)
		return cmpxchg_held(mem, gpa, size, old, new, true);
	phase = guest_memory_hold(mem);
	ret = cmpxchg_held(mem, gpa, size, old, new, false);
	guest_memory_release(mem, phase);
	return ret;
}
