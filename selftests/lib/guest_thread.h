/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that runs in a thread of its own while a test changes its memory, files or
 * CPUs; for the lifecycle_* and mem_* programs.
 *
 * The guests here count their rounds in BEATS, which shows that they make progress, and
 * use the page at TEST_FREE.
 */
#ifndef GUEST_THREAD_H
#define GUEST_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "svmvcpu_test.h"

#define PAGE		4096UL

/* words in the guest's data page */
#define BEATS		(TEST_DATA + 0)
#define SEEN		(TEST_DATA + 4)	/* the value that reader read last */
#define TO_WRITE	(TEST_DATA + 8)	/* the value that writer writes */

/* Timeout of anything that a test waits for, long enough for slow kernels */
#define PATIENCE_MS	20000

/* Polls until @cond is true; false after a timeout. */
#define WAIT_UNTIL_MS(cond, ms)						\
({									\
	__u64 end_ = now_ns() + (ms) * 1000000ULL;			\
	bool ok_;							\
									\
	while (!(ok_ = (cond)) && now_ns() < end_)			\
		usleep(200);						\
	ok_;								\
})

#define WAIT_UNTIL(cond)	WAIT_UNTIL_MS(cond, PATIENCE_MS)

/*
 * Interrupts are on, although no event here needs them: Bochs takes host interrupts
 * only after the guest has enabled its own.
 */
GUEST32(spin,
	"sti\n"
	"1: incl 0x8000\n"
	"jmp 1b");

GUEST32(reader,
	"sti\n"
	"1: mov 0x200000, %eax\n"
	"mov %eax, 0x8004\n"
	"incl 0x8000\n"
	"jmp 1b");

GUEST32(writer,
	"sti\n"
	"1: mov 0x8008, %eax\n"
	"mov %eax, 0x200000\n"
	"incl 0x8000\n"
	"jmp 1b");

/**
 * struct guest_thread - a thread that calls RUN until something happens
 * @vcpu: .
 * @thread: .
 * @stop: the next INTERRUPTED ends it
 * @done: it has ended; @err and the run page tell how
 * @err: errno of the last RUN
 */
struct guest_thread {
	struct svmvcpu_vcpu *vcpu;
	pthread_t thread;
	volatile bool stop;
	volatile bool done;
	int err;
};

static inline void *guest_thread_main(void *arg)
{
	struct guest_thread *gt = arg;

	do {
		gt->err = ioctl(gt->vcpu->fd, SVMVCPU_RUN, 0) ? errno : 0;
	} while (!gt->err && gt->vcpu->run->reason == SVMVCPU_EXIT_INTERRUPTED && !gt->stop);
	gt->done = true;
	return NULL;
}

static inline void guest_thread_start(struct guest_thread *gt, struct svmvcpu_vcpu *vcpu)
{
	memset(gt, 0, sizeof(*gt));
	gt->vcpu = vcpu;
	if (pthread_create(&gt->thread, NULL, guest_thread_main, gt)) {
		perror("# pthread_create");
		exit(1);
	}
}

static inline void guest_thread_join(struct guest_thread *gt)
{
	pthread_join(gt->thread, NULL);
	gt->thread = 0;
}

static inline void guest_thread_stop(struct guest_thread *gt)
{
	gt->stop = true;
	svmvcpu_vcpu_kick(gt->vcpu);
	guest_thread_join(gt);
}

static inline int pin_thread(struct guest_thread *gt, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(gt->thread, sizeof(set), &set);
}

static inline volatile __u32 *guest_word(struct test_vm *vm, unsigned long gpa)
{
	return (volatile __u32 *)(vm->mem + gpa);
}

/*
 * Runs the spinning guest in the calling thread for @ms, then in short turns until it
 * has counted: on a busy machine a turn can end before the guest starts. Returns the
 * last exit reason, or a negative errno.
 */
static inline int run_for_ms(struct test_vm *vm, unsigned int ms)
{
	__u32 before = *guest_word(vm, BEATS);
	int turns, ret = -EAGAIN;

	for (turns = 0; turns < 1000; turns++, ms = 5) {
		vm->run->deadline_ns = now_ns() + ms * 1000000ULL;
		if (ioctl(vm->vcpu.fd, SVMVCPU_RUN, 0))
			return -errno;
		ret = vm->run->reason;
		if (ret != SVMVCPU_EXIT_INTERRUPTED || *guest_word(vm, BEATS) != before)
			break;
	}
	return ret;
}

/* As run_for_ms(), for a guest that is loaded and set up; 0 or the step that failed */
static inline int guest_counts(struct test_vm *vm, unsigned int ms)
{
	__u32 before = *guest_word(vm, BEATS);
	int reason = run_for_ms(vm, ms);

	if (reason < 0)
		return 1;
	if (reason != SVMVCPU_EXIT_INTERRUPTED)
		return 2;
	return *guest_word(vm, BEATS) == before ? 3 : 0;
}

/* Does the guest make progress? Waits for three more rounds, of which two are complete. */
static inline bool guest_beats(struct test_vm *vm)
{
	__u32 before = *guest_word(vm, BEATS);

	return WAIT_UNTIL(*guest_word(vm, BEATS) - before >= 3);
}

/* Did the guest exit with a MEMORY_FAULT with exactly these flags (GVA ignored)? */
#define EXPECT_FAULT(gt, want_gpa, want_flags)				\
do {									\
	char text_[256];						\
									\
	ASSERT_TRUE(WAIT_UNTIL((gt)->done));				\
	guest_thread_join(gt);						\
	ASSERT_EQ(0, (gt)->err);					\
	svmvcpu_describe_exit((gt)->vcpu->run, NULL, text_, sizeof(text_));	\
	ASSERT_EQ((unsigned int)SVMVCPU_EXIT_MEMORY_FAULT, (gt)->vcpu->run->reason) {	\
		TH_LOG("exit was: %s", text_);				\
	}								\
	EXPECT_EQ((want_gpa), (gt)->vcpu->run->memory.gpa);		\
	EXPECT_EQ((unsigned int)(want_flags),				\
		  (gt)->vcpu->run->memory.flags & ~SVMVCPU_FAULT_GVA) {	\
		TH_LOG("exit was: %s", text_);				\
	}								\
} while (0)

/* Loads a guest and runs it in a thread. */
#define START_GUEST(gt, vm, name)					\
do {									\
	load_guest(vm, name);						\
	vm_setup(vm, SVMVCPU_PRESET_PROT32);				\
	guest_thread_start(gt, &(vm)->vcpu);				\
} while (0)

#endif /* GUEST_THREAD_H */
