/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libsvmvcpu-kvm: the functions that the library stands in front of, as the next library
 * in the search order (usually the C library) has them.
 */
#ifndef KVM_REAL_H
#define KVM_REAL_H

#include <stddef.h>
#include <sys/types.h>

struct real {
	int (*open)(const char *path, int flags, ...);
	int (*openat)(int dir, const char *path, int flags, ...);
	int (*ioctl)(int fd, unsigned long request, ...);
	void *(*mmap)(void *address, size_t len, int prot, int flags, int fd, off_t offset);
	int (*close)(int fd);
	int (*close_range)(unsigned int first, unsigned int last, int flags);
	int (*dup)(int fd);
	int (*dup2)(int fd, int to);
	int (*dup3)(int fd, int to, int flags);
	int (*fcntl)(int fd, int command, ...);
};

extern struct real real_functions;
void real_find(void);

/* Other libraries' constructors may call before ours has run. */
static inline const struct real *real(void)
{
	if (__builtin_expect(!real_functions.ioctl, 0))
		real_find();
	return &real_functions;
}

/* What open() becomes in programs that were built with _FORTIFY_SOURCE; see interpose.c */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

#endif /* KVM_REAL_H */
