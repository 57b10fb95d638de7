/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying of ioctl arguments. Every structure that can grow starts with its size and
 * flags.
 */
#ifndef SVMVCPU_UACCESS_H
#define SVMVCPU_UACCESS_H

#include <linux/overflow.h>
#include <linux/uaccess.h>

/**
 * svmvcpu_copy_arg_flags() - copy an extensible structure and check its head
 * @dst: kernel structure; its first members are __u32 size, flags
 * @ksize: its size
 * @min: size of the structure in the first API version
 * @known: valid flags
 * @arg: user pointer
 *
 * Inline, so that the compiler knows the size of the copy. Otherwise hardened usercopy
 * would have to look up the object that @dst belongs to.
 *
 * Return: 0. -EFAULT. -EINVAL if the size is below @min or an unknown flag is set.
 * -E2BIG if the caller's structure is larger and not zero beyond @ksize.
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
	/* The caller may have changed the size since; @size bytes have been copied. */
	head[0] = size;
	return head[1] & ~known ? -EINVAL : 0;
}

/* Like svmvcpu_copy_arg_flags(), for a structure without flags */
static __always_inline int svmvcpu_copy_arg(void *dst, size_t ksize, size_t min,
					    const void __user *arg)
{
	return svmvcpu_copy_arg_flags(dst, ksize, min, 0, arg);
}

/* Copies a structure that has not grown since the first API version to *@dst. */
#define COPY_ARG(dst, known, arg) ({							\
	typeof(dst) _dst = (dst);							\
	svmvcpu_copy_arg_flags(_dst, sizeof(*_dst), sizeof(*_dst), known, arg);		\
})

/*
 * Copies an array of 1 to @max elements of @size bytes. @mbz is the structure's member that
 * must be zero. Free the result with kvfree().
 */
static inline void *svmvcpu_copy_array(u64 user, u32 nr, u32 max, u32 mbz, size_t size)
{
	if (!nr || nr > max || mbz)
		return ERR_PTR(-EINVAL);
	return vmemdup_user(u64_to_user_ptr(user), array_size(nr, size));
}

#endif /* SVMVCPU_UACCESS_H */
