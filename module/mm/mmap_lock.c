// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap_lock for a nested fault on a missing page.
 *
 * A writer may hold it for as long as an mprotect() of the whole guest takes, and only
 * a fatal signal ends a wait in down_read(). A kick or a deadline must end it as well.
 * Polling is no alternative: whoever queues for the lock would be served first, without
 * a bound. So a worker queues in the name of the fault and hands the lock over. If the
 * fault has given up by then, the worker releases it.
 */
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mm/priv.h"

enum turn_state {
	TURN_QUEUED,
	TURN_GRANTED,	/* the fault has the lock, and frees the turn */
	TURN_GIVEN_UP,	/* the worker releases the lock, and frees the turn */
};

/**
 * struct mmap_turn - a place in the queue for mmap_lock
 * @work: takes the lock
 * @mm: whose lock; a reference
 * @task: the fault; a reference
 * @state: enum turn_state; only the first who leaves TURN_QUEUED changes it
 */
struct mmap_turn {
	struct work_struct work;
	struct mm_struct *mm;
	struct task_struct *task;
	atomic_t state;
};

static struct workqueue_struct *turns;

static void turn_work(struct work_struct *work)
{
	struct mmap_turn *turn = container_of(work, struct mmap_turn, work);
	struct task_struct *task = turn->task;
	struct mm_struct *mm = turn->mm;

	down_read_non_owner(&mm->mmap_lock);
	/* Once it is granted, the turn belongs to the fault. */
	if (atomic_cmpxchg(&turn->state, TURN_QUEUED, TURN_GRANTED) == TURN_QUEUED) {
		wake_up_process(task);
	} else {
		up_read_non_owner(&mm->mmap_lock);
		kfree(turn);
	}
	put_task_struct(task);
	mmdrop(mm);
}

static struct mmap_turn *turn_queue(struct mm_struct *mm)
{
	struct mmap_turn *turn = kmalloc(sizeof(*turn), GFP_KERNEL_ACCOUNT);

	if (!turn)
		return NULL;
	INIT_WORK(&turn->work, turn_work);
	mmgrab(mm);
	turn->mm = mm;
	turn->task = get_task_struct(current);
	atomic_set(&turn->state, TURN_QUEUED);
	queue_work(turns, &turn->work);
	return turn;
}

/* Does a signal or a request to the vCPU (@stop; may be NULL) end the wait of a fault? */
bool guest_stop_requested(const struct guest_stop *stop)
{
	return signal_pending(current) || (stop && READ_ONCE(*stop->requests));
}

/* True: the lock is ours. False: give up; the turn is the worker's. */
static bool turn_wait(struct mmap_turn *turn, const struct guest_stop *stop)
{
	DEFINE_WAIT(stopped);

	for (;;) {
		if (stop)
			prepare_to_wait(stop->wait, &stopped, TASK_INTERRUPTIBLE);
		else
			set_current_state(TASK_INTERRUPTIBLE);
		if (atomic_read(&turn->state) == TURN_GRANTED || guest_stop_requested(stop))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	if (stop)
		finish_wait(stop->wait, &stopped);
	return atomic_cmpxchg(&turn->state, TURN_QUEUED, TURN_GIVEN_UP) == TURN_GRANTED;
}

/**
 * guest_mmap_lock() - take mmap_lock for reading
 * @mem: a VM's memory
 * @stop: what ends the wait besides a signal, or NULL
 *
 * mmap_read_unlock() releases it.
 *
 * Context: may sleep; current->mm is the VM's.
 * Return: 0; -EINTR, also when @stop says so; -ENOMEM.
 */
int guest_mmap_lock(struct guest_memory *mem, const struct guest_stop *stop)
{
	struct mmap_turn *turn;

	if (likely(mmap_read_trylock(mem->mm)))
		return 0;
	turn = turn_queue(mem->mm);
	if (!turn)
		return -ENOMEM;
	if (!turn_wait(turn, stop))
		return -EINTR;
	kfree(turn);
	/* The worker took it; lockdep shall know that this task has it. */
	rwsem_acquire_read(&mem->mm->mmap_lock.dep_map, 0, 1, _THIS_IP_);
	return 0;
}

int guest_mmap_lock_init(void)
{
	turns = alloc_workqueue("svmvcpu_mmap", WQ_UNBOUND, 0);
	return turns ? 0 : -ENOMEM;
}

/* Waits for turns that were given up. */
void guest_mmap_lock_exit(void)
{
	destroy_workqueue(turns);
}
