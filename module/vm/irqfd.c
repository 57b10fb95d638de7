// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfds: a signal of an eventfd sends a message to the local APICs of the VM, directly
 * from the wake-up callback of the eventfd.
 *
 * svm_vm.lock serializes the ioctls. svm_vm.irqfds_lock protects the lists, also against
 * the callback that reports that an eventfd has been closed. Whoever unlinks an irqfd
 * frees it. The callbacks of an irqfd run under the lock of its eventfd's wait queue,
 * so none runs once it has been removed from this queue.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/svmvcpu.h>

#include "vcpu/apic.h"
#include "vcpu/resample.h"
#include "vcpu/vm.h"
#include "vm/eventfd.h"

#define IRQFD_MAX	512

/* A message in one word: the callback reads it while an ioctl replaces it. */
union irqfd_message {
	struct {
		u32 dest;
		u8 vector;
		u8 mode;
		u16 flags;
	};
	u64 word;
};

struct irqfd {
	struct svm_vm *vm;
	struct list_head in_vm;		/* in svm_vm.irqfds */
	struct eventfd_ctx *eventfd;	/* one reference */
	wait_queue_head_t *queue;	/* of @eventfd */
	wait_queue_entry_t wait;	/* in @queue */
	poll_table poll;
	u64 message;			/* union irqfd_message */
	struct resampler resampler;	/* its eventfd is NULL, or one reference */
	struct rcu_head rcu;
};

static void irqfd_send(const struct irqfd *irqfd)
{
	const union irqfd_message m = { .word = READ_ONCE(irqfd->message) };
	const struct svmvcpu_message message = {
		.flags = m.flags, .dest = m.dest, .vector = m.vector, .mode = m.mode,
	};

	apic_message(irqfd->vm, &message);
}

static void irqfd_free_rcu(struct rcu_head *rcu)
{
	struct irqfd *irqfd = container_of(rcu, struct irqfd, rcu);

	if (irqfd->resampler.eventfd)
		eventfd_ctx_put(irqfd->resampler.eventfd);
	kfree(irqfd);
}

/* Expects it unlinked and removed from the wait queue. */
static void irqfd_free(struct irqfd *irqfd)
{
	eventfd_ctx_put(irqfd->eventfd);
	call_rcu(&irqfd->rcu, irqfd_free_rcu);
}

static void irqfd_link(struct irqfd *irqfd)
{
	struct svm_vm *vm = irqfd->vm;

	spin_lock_irq(&vm->irqfds_lock);
	list_add(&irqfd->in_vm, &vm->irqfds);
	if (irqfd->resampler.eventfd)
		list_add_rcu(&irqfd->resampler.node, &vm->resamplers);
	vm->nr_irqfds++;
	spin_unlock_irq(&vm->irqfds_lock);
}

/* Expects irqfds_lock held, and @irqfd linked. */
static void irqfd_unlink_locked(struct svm_vm *vm, struct irqfd *irqfd)
{
	list_del_init(&irqfd->in_vm);
	if (irqfd->resampler.eventfd)
		list_del_rcu(&irqfd->resampler.node);
	vm->nr_irqfds--;
}

/* Returns false if somebody else has unlinked it, and frees it. */
static bool irqfd_unlink(struct svm_vm *vm, struct irqfd *irqfd)
{
	unsigned long flags;
	bool linked;

	spin_lock_irqsave(&vm->irqfds_lock, flags);
	linked = !list_empty(&irqfd->in_vm);
	if (linked)
		irqfd_unlink_locked(vm, irqfd);
	spin_unlock_irqrestore(&vm->irqfds_lock, flags);
	return linked;
}

/*
 * Called with the lock of the wait queue held. The queue can be walked further after an
 * entry has removed itself. The eventfd is still referenced by the file that is closed.
 */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_send(irqfd);
	}
	/* Once unlinked, the VM can be freed. */
	if ((events & EPOLLHUP) && irqfd_unlink(irqfd->vm, irqfd)) {
		__remove_wait_queue(irqfd->queue, wait);
		irqfd_free(irqfd);
	}
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	irqfd->queue = queue;
	add_wait_queue(queue, &irqfd->wait);
}

/* The eventfd was signaled before it became an irqfd. */
static void irqfd_take_pending(struct irqfd *irqfd)
{
	u64 count;

	spin_lock_irq(&irqfd->queue->lock);
	eventfd_ctx_do_read(irqfd->eventfd, &count);
	if (count)
		irqfd_send(irqfd);
	spin_unlock_irq(&irqfd->queue->lock);
}

/* What an ioctl works on. The file is open, so no callback unlinks its irqfd. */
struct irqfd_args {
	struct file *file;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample;	/* or NULL */
	union irqfd_message message;
};

static struct irqfd *irqfd_find(struct svm_vm *vm, const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd, *found = NULL;

	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry(irqfd, &vm->irqfds, in_vm)
		if (irqfd->eventfd == eventfd)
			found = irqfd;
	spin_unlock_irq(&vm->irqfds_lock);
	return found;
}

/* Takes over the references in @args if it succeeds. */
static int irqfd_add(struct svm_vm *vm, const struct irqfd_args *args)
{
	struct irqfd *irqfd;

	if (READ_ONCE(vm->nr_irqfds) >= IRQFD_MAX)
		return -ENOSPC;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	irqfd->eventfd = args->eventfd;
	irqfd->message = args->message.word;
	irqfd->resampler.eventfd = args->resample;
	irqfd->resampler.vector = args->message.vector;
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, irqfd_queue);
	irqfd_link(irqfd);
	if (vfs_poll(args->file, &irqfd->poll) & EPOLLIN)
		irqfd_take_pending(irqfd);
	return 0;
}

static int irqfd_replace(struct irqfd *irqfd, const struct irqfd_args *args)
{
	if (irqfd->resampler.eventfd != args->resample)
		return -EEXIST;
	WRITE_ONCE(irqfd->resampler.vector, args->message.vector);
	WRITE_ONCE(irqfd->message, args->message.word);
	return 0;
}

static void irqfd_remove(struct svm_vm *vm, struct irqfd *irqfd)
{
	u64 count;

	if (!irqfd_unlink(vm, irqfd))
		return;
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	irqfd_free(irqfd);
}

/* Returns 0 or an error; *@taken: the references in @args have been taken over. */
static int irqfd_set(struct svm_vm *vm, const struct irqfd_args *args, bool remove, bool *taken)
{
	struct irqfd *irqfd;
	int ret = 0;

	*taken = false;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	irqfd = irqfd_find(vm, args->eventfd);
	if (!remove && !irqfd) {
		ret = irqfd_add(vm, args);
		*taken = !ret;
	} else if (!remove) {
		ret = irqfd_replace(irqfd, args);
	} else if (irqfd) {
		irqfd_remove(vm, irqfd);
	} else {
		ret = -ENOENT;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static bool irqfd_valid(const struct svmvcpu_irqfd *arg)
{
	const struct svmvcpu_message message = {
		.flags = arg->msg_flags, .dest = arg->dest, .vector = arg->vector,
		.mode = arg->mode, .mbz = { arg->mbz[0], arg->mbz[1] },
	};

	if (arg->mbz32)
		return false;
	if (!(arg->flags & SVMVCPU_IRQFD_RESAMPLE) && arg->resample_fd)
		return false;
	if (arg->flags & SVMVCPU_IRQFD_REMOVE)
		return !(arg->flags & SVMVCPU_IRQFD_RESAMPLE) && !arg->dest && !arg->vector &&
		       !arg->mode && !arg->mbz[0] && !arg->mbz[1] && !arg->msg_flags;
	if ((arg->flags & SVMVCPU_IRQFD_RESAMPLE) && !(arg->msg_flags & SVMVCPU_MSG_LEVEL))
		return false;
	return !(arg->msg_flags & ~(SVMVCPU_MSG_LOGICAL | SVMVCPU_MSG_LEVEL)) &&
	       apic_message_valid(&message);
}

static int irqfd_get(struct irqfd_args *args, const struct svmvcpu_irqfd *arg)
{
	args->file = eventfd_fget(arg->fd);
	if (IS_ERR(args->file))
		return PTR_ERR(args->file);
	args->eventfd = eventfd_ctx_fileget(args->file);
	if (!(arg->flags & SVMVCPU_IRQFD_RESAMPLE))
		return 0;
	args->resample = eventfd_ctx_fdget(arg->resample_fd);
	if (!IS_ERR(args->resample))
		return 0;
	eventfd_ctx_put(args->eventfd);
	fput(args->file);
	return PTR_ERR(args->resample);
}

/**
 * vm_set_irqfd() - SVMVCPU_SET_IRQFD
 * @vm: the VM
 * @arg: copied from user space, with valid flags
 *
 * Return: 0, -EINVAL, -EBADF, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM or -EINTR.
 */
int vm_set_irqfd(struct svm_vm *vm, const struct svmvcpu_irqfd *arg)
{
	struct irqfd_args args = {
		.message = {
			.dest = arg->dest, .vector = arg->vector, .mode = arg->mode,
			.flags = arg->msg_flags,
		},
	};
	bool taken;
	int ret;

	if (!irqfd_valid(arg))
		return -EINVAL;
	ret = irqfd_get(&args, arg);
	if (ret)
		return ret;
	ret = irqfd_set(vm, &args, arg->flags & SVMVCPU_IRQFD_REMOVE, &taken);
	if (!taken) {
		eventfd_ctx_put(args.eventfd);
		if (args.resample)
			eventfd_ctx_put(args.resample);
	}
	fput(args.file);
	return ret;
}

static struct irqfd *irqfd_unlink_first(struct svm_vm *vm)
{
	struct irqfd *irqfd;

	spin_lock_irq(&vm->irqfds_lock);
	irqfd = list_first_entry_or_null(&vm->irqfds, struct irqfd, in_vm);
	if (irqfd)
		irqfd_unlink_locked(vm, irqfd);
	spin_unlock_irq(&vm->irqfds_lock);
	return irqfd;
}

/**
 * vm_remove_irqfds() - remove all irqfds
 * @vm: a VM without vCPUs
 *
 * On return, no callback uses the VM.
 */
void vm_remove_irqfds(struct svm_vm *vm)
{
	struct irqfd *irqfd;
	u64 count;

	while ((irqfd = irqfd_unlink_first(vm))) {
		eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
		irqfd_free(irqfd);
	}
	/* Neighbors in this list may be closed by other processes until the end. */
	WARN_ON_ONCE(!list_empty(&vm->resamplers));
}
