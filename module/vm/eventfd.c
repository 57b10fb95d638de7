// SPDX-License-Identifier: GPL-2.0-only
/* SVMVCPU_SET_IOEVENTFD: writes of the guest signal an eventfd. */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/svmvcpu.h>

#include "svm/cpu.h"
#include "vcpu/doorbell.h"
#include "vcpu/state.h"
#include "vcpu/vm.h"
#include "vm/eventfd.h"

#define PORTS	0x10000

static bool ioeventfd_address_valid(const struct svmvcpu_ioeventfd *arg)
{
	const bool pio = arg->flags & SVMVCPU_IOEVENTFD_PIO;

	/* The widths are 0 and powers of two. */
	if (arg->width > (pio ? 4 : 8) || (arg->width & (arg->width - 1)))
		return false;
	if (pio)
		return arg->address < PORTS && arg->width <= PORTS - arg->address;
	/* An access that crosses a page is never an MMIO exit. */
	return arg->address < BIT_ULL(svm_limits.gpa_bits) &&
	       offset_in_page(arg->address) + arg->width <= PAGE_SIZE;
}

static bool ioeventfd_data_valid(const struct svmvcpu_ioeventfd *arg)
{
	if (!(arg->flags & SVMVCPU_IOEVENTFD_DATA))
		return !arg->data;
	return arg->width && (arg->width == 8 || !(arg->data >> (8 * arg->width)));
}

static int ioeventfd_add(struct svm_vm *vm, const struct doorbell *like)
{
	struct doorbell *bell;
	int ret = -EINTR;

	bell = kmemdup(like, sizeof(*like), GFP_KERNEL_ACCOUNT);
	if (!bell)
		return -ENOMEM;
	if (!mutex_lock_killable(&vm->lock)) {
		ret = doorbell_add(vm, bell);
		mutex_unlock(&vm->lock);
	}
	if (ret)
		kfree(bell);
	return ret;
}

static int ioeventfd_remove(struct svm_vm *vm, const struct doorbell *like)
{
	int ret;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = doorbell_remove(vm, like);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * vm_set_ioeventfd() - SVMVCPU_SET_IOEVENTFD
 * @vm: the VM
 * @arg: copied from user space, with valid flags
 *
 * Return: 0, -EINVAL, -EBADF, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM or -EINTR.
 */
int vm_set_ioeventfd(struct svm_vm *vm, const struct svmvcpu_ioeventfd *arg)
{
	const bool remove = arg->flags & SVMVCPU_IOEVENTFD_REMOVE;
	struct doorbell like = {
		.key = arg->address | (arg->flags & SVMVCPU_IOEVENTFD_PIO ? DOORBELL_PIO : 0),
		.data = arg->data,
		.width = arg->width,
		.match = arg->flags & SVMVCPU_IOEVENTFD_DATA,
	};
	int ret;

	if (!ioeventfd_address_valid(arg) || !ioeventfd_data_valid(arg))
		return -EINVAL;
	like.eventfd = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(like.eventfd))
		return PTR_ERR(like.eventfd);
	ret = remove ? ioeventfd_remove(vm, &like) : ioeventfd_add(vm, &like);
	/* A doorbell that has been added keeps the reference. */
	if (remove || ret)
		eventfd_ctx_put(like.eventfd);
	return ret;
}
