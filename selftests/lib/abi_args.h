/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of the abi_*.c programs: tables of arguments whose structures begin with a
 * size and flags, and memory that ends at a chosen address.
 */
#ifndef SVMVCPU_ABI_ARGS_H
#define SVMVCPU_ABI_ARGS_H

#include "svmvcpu_test.h"

#define PAGE		4096UL
/* Components that read back as they were written and need no buffer */
#define STATE_REGS	(SVMVCPU_STATE_GPRS | SVMVCPU_STATE_SEGMENTS |	\
			 SVMVCPU_STATE_CONTROL | SVMVCPU_STATE_DEBUG)

/* EXPECT_EQ as one statement; a failure also names the row of the table. */
#define EXPECT_IN(want, seen, ...)					\
do {									\
	__typeof__(want) want_ = (want);				\
									\
	EXPECT_EQ(want_, seen)						\
		TH_LOG("in: " __VA_ARGS__);				\
} while (0)

/* Two pages of zeros in front of an inaccessible page */
static inline unsigned char *fence_alloc(void)
{
	unsigned char *mem = svmvcpu_alloc(3 * PAGE);

	if (!mem || mprotect(mem + 2 * PAGE, PAGE, PROT_NONE))
		vm_die("fence");
	return mem;
}

/* errno of a call, 0 if it succeeded. Closes the descriptor that some calls return. */
static inline int errno_of(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	if (ret < 0)
		return errno;
	if (ret > 0)
		close(ret);
	return 0;
}

/* xorshift64*: the same numbers in every run, so that failures are reproducible */
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
