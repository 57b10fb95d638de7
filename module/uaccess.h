/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How arguments of ioctls are read: every structure that can grow starts with
 * its size and flags.
 */
#ifndef SVMVCPU_UACCESS_H
#define SVMVCPU_UACCESS_H

#include <linux/types.h>
#include <linux/uaccess.h>

/**
 * svmvcpu_copy_arg_flags() - read an extensible structure, check its head
 * @dst: kernel structure; its first members are __u32 size, flags
 * @ksize: its size
 * @min: size of the structure's first version
 * @known: flags it can have
 * @arg: user pointer
 *
 * Return: 0; -EFAULT; -EINVAL when size is below @min or an unknown flag is
 * set; -E2BIG when the caller's is larger and has something in what this
 * kernel does not know.
 *
 * Inline, so that the size of the copy is a constant: else hardened usercopy looks
 * up whose memory @dst is.
 */
static __always_inline int svmvcpu_copy_arg_flags(void *dst, size_t ksize, size_t min, u32 known,
						  const void __user *arg)
{
	u32 *head = dst;
	u32 size;
	int ret;

	if (get_user(size, (const u32 __user *)arg))
		return -EFAULT;
	if (size < min || size > PAGE_SIZE)
		return -EINVAL;
	if (likely(size == ksize))
		ret = copy_from_user(dst, arg, ksize) ? -EFAULT : 0;
	else
		ret = copy_struct_from_user(dst, ksize, arg, size);
	if (ret)
		return ret;
	/* The caller may have changed it meanwhile; what was copied is @size. */
	head[0] = size;
	return head[1] & ~known ? -EINVAL : 0;
}

/* The same, for a structure without flags */
static __always_inline int svmvcpu_copy_arg(void *dst, size_t ksize, size_t min,
					    const void __user *arg)
{
	return svmvcpu_copy_arg_flags(dst, ksize, min, 0, arg);
}

#endif /* SVMVCPU_UACCESS_H */
