// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: the functions of the C library that programs call, and that lead to
 * /dev/kvm. For all other files they do what the C library does: the test is one look
 * into the table of descriptors, or at the type of an ioctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "device.h"
#include "object.h"
#include "real.h"
#include "vcpu.h"

/* a result, or -1 with errno from -errno */
static long result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* --- open ----------------------------------------------------------------- */

static bool is_device(const char *path)
{
	return path && !strcmp(path, "/dev/kvm");
}

static int open_any(int dir, const char *path, int flags, mode_t mode)
{
	if (is_device(path))
		return result(device_open(flags));
	return real()->openat(dir, path, flags, mode);
}

/* @mode is there only with these flags. */
#define WITH_MODE(last)							\
({									\
	mode_t mode_ = 0;						\
	va_list args_;							\
									\
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {	\
		va_start(args_, last);					\
		mode_ = va_arg(args_, mode_t);				\
		va_end(args_);						\
	}								\
	mode_;								\
})

int open(const char *path, int flags, ...)
{
	return open_any(AT_FDCWD, path, flags, WITH_MODE(flags));
}

int open64(const char *path, int flags, ...)
{
	return open_any(AT_FDCWD, path, flags, WITH_MODE(flags));
}

int openat(int dir, const char *path, int flags, ...)
{
	return open_any(dir, path, flags, WITH_MODE(flags));
}

int openat64(int dir, const char *path, int flags, ...)
{
	return open_any(dir, path, flags, WITH_MODE(flags));
}

int __open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

int __openat_2(int dir, const char *path, int flags)
{
	return open_any(dir, path, flags, 0);
}

int __openat64_2(int dir, const char *path, int flags)
{
	return open_any(dir, path, flags, 0);
}

/* --- ioctl and mmap ------------------------------------------------------- */

int ioctl(int fd, unsigned long request, ...)
{
	struct object *object;
	unsigned long arg;
	va_list args;
	long ret;

	va_start(args, request);
	arg = va_arg(args, unsigned long);
	va_end(args);
	object = _IOC_TYPE(request) == KVMIO ? object_of_fd(fd) : NULL;
	if (!object)
		return real()->ioctl(fd, request, arg);
	/* Programs pass the number as an int, which may be negative. */
	ret = call_object(object, request, arg);
	object_put(object);
	return result(ret);
}

static void *map_any(void *address, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct object *object = fd < 0 ? NULL : object_of_fd(fd);
	void *mapped = MAP_FAILED;
	long ret;

	if (!object)
		return real()->mmap(address, len, prot, flags, fd, offset);
	ret = object_is_foreign(object) ? -EIO :
	      object->type == &vcpu_type ?
	      vcpu_mmap(object->self, &mapped, address, len, prot, flags, offset) : -ENODEV;
	object_put(object);
	return result(ret) < 0 ? MAP_FAILED : mapped;
}

void *mmap(void *address, size_t len, int prot, int flags, int fd, off_t offset)
{
	return map_any(address, len, prot, flags, fd, offset);
}

void *mmap64(void *address, size_t len, int prot, int flags, int fd, off64_t offset)
{
	return map_any(address, len, prot, flags, fd, offset);
}

/* --- close ---------------------------------------------------------------- */

/* The descriptor is forgotten first: its number may be in use again right after close(). */
static int close_known(int fd)
{
	if (in_child_of_vfork())
		return real()->close(fd);
	if (fd_is_kept(fd)) {
		errno = EBADF;
		return -1;
	}
	fd_detach(fd);
	return real()->close(fd);
}

int close(int fd)
{
	return fd_is_known(fd) ? close_known(fd) : real()->close(fd);
}

/* Closes all but the descriptors that the library keeps. */
static int close_most(unsigned int first, unsigned int last, int flags)
{
	int end = last < INT_MAX ? last : INT_MAX, fd = first;

	while ((fd = fd_next_known(fd, end)) >= 0) {
		if (!fd_is_kept(fd)) {
			fd_detach(fd++);
			continue;
		}
		if ((unsigned int)fd > first &&
		    real()->close_range(first, fd - 1, flags))
			return -1;
		first = ++fd;
	}
	return first > last ? 0 : real()->close_range(first, last, flags);
}

int close_range(unsigned int first, unsigned int last, int flags)
{
	if (first > last || first > INT_MAX || (flags & ~(int)CLOSE_RANGE_UNSHARE) ||
	    in_child_of_vfork())
		return real()->close_range(first, last, flags);
	return close_most(first, last, flags);
}

void closefrom(int low)
{
	close_range(low < 0 ? 0 : low, ~0U, 0);
}

/* --- dup ------------------------------------------------------------------ */

/* @copy refers to the same object as @fd now. */
static int copied(int fd, int copy)
{
	struct object *object;
	int err;

	if (copy < 0 || copy == fd)
		return copy;
	object = object_of_fd(fd);
	if (!object) {
		if (fd_is_known(copy))
			fd_detach(copy);
		return copy;
	}
	err = fd_attach(copy, object);
	if (!err)
		return copy;
	real()->close(copy);
	errno = -err;
	return -1;
}

int dup(int fd)
{
	return copied(fd, real()->dup(fd));
}

/* A descriptor of the library is not replaced. */
static bool is_taken(int fd, int to)
{
	if (fd == to || !fd_is_kept(to))
		return false;
	errno = EBUSY;
	return true;
}

int dup2(int fd, int to)
{
	return is_taken(fd, to) ? -1 : copied(fd, real()->dup2(fd, to));
}

int dup3(int fd, int to, int flags)
{
	return is_taken(fd, to) ? -1 : copied(fd, real()->dup3(fd, to, flags));
}

static int fcntl_any(int fd, int command, unsigned long arg)
{
	int ret = real()->fcntl(fd, command, arg);

	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		return copied(fd, ret);
	return ret;
}

int fcntl(int fd, int command, ...)
{
	unsigned long arg;
	va_list args;

	va_start(args, command);
	arg = va_arg(args, unsigned long);
	va_end(args);
	return fcntl_any(fd, command, arg);
}

int fcntl64(int fd, int command, ...)
{
	unsigned long arg;
	va_list args;

	va_start(args, command);
	arg = va_arg(args, unsigned long);
	va_end(args);
	return fcntl_any(fd, command, arg);
}
