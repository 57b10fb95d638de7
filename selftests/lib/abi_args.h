/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the abi_*.c programs share: structures with a size and flags at their
 * head, and memory that ends where a test wants it to.
 */
#ifndef SVMVCPU_ABI_ARGS_H
#define SVMVCPU_ABI_ARGS_H

#include "svmvcpu_test.h"

#define PAGE		4096UL
/* Components that read as they were written, and need no buffer */
#define STATE_REGS	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG)

/* EXPECT_EQ as one statement, which also says in which step of a table. */
#define EXPECT_IN(want, seen, ...)					\
do {									\
	__typeof__(want) want_ = (want);				\
									\
	EXPECT_EQ(want_, seen)						\
		TH_LOG("in: " __VA_ARGS__);				\
} while (0)

/* Two pages of zeros, then one that cannot be touched. */
static inline unsigned char *fence_alloc(void)
{
	unsigned char *mem = svmvcpu_alloc(3 * PAGE);

	if (!mem || mprotect(mem + 2 * PAGE, PAGE, PROT_NONE))
		vm_die("fence");
	return mem;
}

/* Calls that return a descriptor must not pile them up. */
static inline int errno_of(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	if (ret < 0)
		return errno;
	if (ret > 0)
		close(ret);
	return 0;
}

/* xorshift64*: the same numbers in every run, so that a failure comes again */
static inline __u64 next_random(__u64 *state)
{
	__u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (ms % 1000) * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

#endif /* SVMVCPU_ABI_ARGS_H */
