/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fails each allocation of a call in turn. Needs a kernel with fault injection, such as
 * the debug kernel.
 */
#ifndef FAULT_INJECTION_H
#define FAULT_INJECTION_H

#include "host_state.h"
#include "svmvcpu_test.h"

/* More than any of the calls allocates */
#define MOST	200

static const char * const knobs[] = {
	"/sys/kernel/debug/failslab",
	"/sys/kernel/debug/fail_page_alloc",
	"/sys/kernel/debug/fail_usercopy",
};

/* No stack trace per failure; also fail sleeping and user page allocations */
static inline void prepare_injection(void)
{
	char path[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), "%s/verbose", knobs[i]);
		write_file(path, "0");
		snprintf(path, sizeof(path), "%s/ignore-gfp-wait", knobs[i]);
		write_file(path, "N");
		snprintf(path, sizeof(path), "%s/ignore-gfp-highmem", knobs[i]);
		write_file(path, "N");
		snprintf(path, sizeof(path), "%s/min-order", knobs[i]);
		write_file(path, "0");
	}
}

/* Fail the @nth allocation or copy of this thread from now on; 0: none. */
static inline int fail_nth(int fd, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(fd, text, len, 0) == len ? 0 : errno;
}

/* Did it fail? If not, the file holds the remaining count. */
static inline bool injected(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
}

#define NO_INJECTION	"no fault injection in this kernel"

/* The fail-nth file of this thread; -1 if the kernel has none */
static inline int injection_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		prepare_injection();
	return fd;
}

/* Errors an ioctl may return when an allocation or a copy fails */
static inline bool sane_error(int err)
{
	return err == ENOMEM || err == EFAULT || err == ENFILE;
}

/*
 * Repeats a call, failing its first, second, ... allocation or copy, until one call
 * runs without a failure. @call: an expression that returns 0 or an errno; @undo:
 * reverts @call after it succeeded. At least @least calls must fail.
 */
#define WALK_FAILURES(fd, least, call, undo)				\
do {									\
	int n_, err_, failures_ = 0;					\
	bool hit_ = true;						\
									\
	for (n_ = 1; hit_ && n_ < MOST; n_++) {				\
		ASSERT_EQ(0, fail_nth(fd, n_));				\
		err_ = (call);						\
		hit_ = injected(fd);					\
		fail_nth(fd, 0);					\
		if (err_) {						\
			ASSERT_TRUE(hit_) {				\
				TH_LOG("error %d, but nothing failed", err_);	\
			}						\
			ASSERT_TRUE(sane_error(err_)) {			\
				TH_LOG("chance %d: error %d", n_, err_);	\
			}						\
			failures_++;					\
		} else {						\
			undo;						\
		}							\
	}								\
	TH_LOG("%d failures in %d chances", failures_, n_ - 2);		\
	EXPECT_FALSE(hit_);						\
	EXPECT_LE(least, failures_);					\
} while (0)

#endif /* FAULT_INJECTION_H */
