// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking mmap_lock in a nested page fault, such that a kick or a deadline ends the wait.
 *
 * A writer may hold mmap_lock for long, for example during mprotect() of all guest
 * memory, and only a fatal signal ends a wait in down_read(). Polling with
 * mmap_read_trylock() would starve, since queued tasks get the lock first. So a worker
 * queues for the lock and hands it to the fault. If the fault has given up meanwhile,
 * the worker releases the lock.
 */
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/rcuwait.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mm/priv.h"

enum waiter_state {
	WAITER_QUEUED,
	WAITER_GRANTED,		/* the fault owns the lock and frees the waiter */
	WAITER_GIVEN_UP,	/* the worker releases the lock and frees the waiter */
};

struct mmap_waiter {
	struct work_struct work;
	struct mm_struct *mm;		/* a reference */
	struct task_struct *task;	/* the faulting task; a reference */
	atomic_t state;			/* enum waiter_state; leaves WAITER_QUEUED once */
};

static struct workqueue_struct *mmap_wq;

static void waiter_work(struct work_struct *work)
{
	struct mmap_waiter *waiter = container_of(work, struct mmap_waiter, work);
	struct task_struct *task = waiter->task;
	struct mm_struct *mm = waiter->mm;

	down_read_non_owner(&mm->mmap_lock);
	/* Once granted, @waiter belongs to the fault. */
	if (atomic_cmpxchg(&waiter->state, WAITER_QUEUED, WAITER_GRANTED) == WAITER_QUEUED) {
		wake_up_process(task);
	} else {
		up_read_non_owner(&mm->mmap_lock);
		kfree(waiter);
	}
	put_task_struct(task);
	mmdrop(mm);
}

bool fault_stop_requested(const struct fault_stop *stop)
{
	return signal_pending(current) || READ_ONCE(*stop->requests);
}

/*
 * Takes mmap_lock for reading; the caller uses mmap_read_unlock(). Returns -EINTR on a
 * signal or @stop, or -ENOMEM.
 */
int fault_mmap_lock(struct guest_memory *mem, const struct fault_stop *stop)
{
	struct mmap_waiter *waiter;

	if (likely(mmap_read_trylock(mem->mm)))
		return 0;
	waiter = kmalloc(sizeof(*waiter), GFP_KERNEL_ACCOUNT);
	if (!waiter)
		return -ENOMEM;
	mmgrab(mem->mm);
	waiter->mm = mem->mm;
	waiter->task = get_task_struct(current);
	atomic_set(&waiter->state, WAITER_QUEUED);
	INIT_WORK(&waiter->work, waiter_work);
	queue_work(mmap_wq, &waiter->work);
	/* waiter_work() wakes this task directly. */
	rcuwait_wait_event(stop->wait, fault_stop_requested(stop) ||
			   atomic_read(&waiter->state) == WAITER_GRANTED, TASK_INTERRUPTIBLE);
	if (atomic_cmpxchg(&waiter->state, WAITER_QUEUED, WAITER_GIVEN_UP) != WAITER_GRANTED)
		return -EINTR;
	kfree(waiter);
	/* The worker took the lock: tell lockdep that this task owns it. */
	rwsem_acquire_read(&mem->mm->mmap_lock.dep_map, 0, 1, _THIS_IP_);
	return 0;
}

int fault_mmap_lock_init(void)
{
	mmap_wq = alloc_workqueue("svmvcpu_mmap", WQ_UNBOUND, 0);
	return mmap_wq ? 0 : -ENOMEM;
}

/* Waits for the workers of faults that have given up. */
void fault_mmap_lock_exit(void)
{
	destroy_workqueue(mmap_wq);
}
