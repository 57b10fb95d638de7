// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 240
 * cost: 10
 * kernel: stock, debug
 *
 * One thread of the VMM is in a system call that invalidates much memory, which takes
 * tens of milliseconds. Meanwhile faults on other memory are handled. A fault on memory
 * that is being invalidated waits; a kick, a deadline or a signal ends the wait.
 *
 * The tests measure no time: they repeat an attempt until what must be possible within
 * one such call has been seen once.
 */
#include "guest_area.h"

#define COLD	(64UL << 20)	/* from AREA on */
#define HOT	(64 * PAGE)	/* above it in the same region: memory that the guest touches */

/* Reads all hot pages, then OUT, repeatedly */
GUEST32(reads_hot,
	"1: mov $0x44000000, %esi\n"
	"mov $64, %ecx\n"
	"2: mov (%esi), %eax\n"
	"add $0x1000, %esi\n"
	"loop 2b\n"
	"out %al, $0x10\n"
	"jmp 1b");

/**
 * struct stall - a guest, and threads beside it
 * @cold: COLD bytes, then the hot pages
 * @hot: HOT bytes
 * @dropped: bytes from @cold on that @dropper drops
 * @runner: the test's own thread, which calls RUN
 * @dropper: fills and drops memory, over and over
 * @watcher: calls @end_wait when @runner sleeps in the middle of a drop
 * @stop: both end
 * @drops: how many have begun
 * @slept: value of @drops when @runner was last seen asleep in the middle of one
 */
struct stall {
	struct test_vm vm;
	char *cold;
	char *hot;
	size_t dropped;
	pthread_t runner;
	pid_t runner_tid;
	pthread_t dropper;
	pthread_t watcher;
	void (*end_wait)(struct stall *stall);
	int pagemap;
	volatile bool stop;
	volatile unsigned int drops;
	volatile unsigned int slept;
};

static void ignore_signal(int sig)
{
	(void)sig;
}

static void stall_open(struct stall *s, size_t dropped)
{
	struct svmvcpu_region region = {
		.gpa = AREA, .bytes = COLD + HOT, .prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	s->cold = mmap(NULL, COLD + HOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	s->pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (s->cold == MAP_FAILED || s->pagemap < 0 ||
	    madvise(s->cold, COLD + HOT, MADV_NOHUGEPAGE))
		vm_die("memory");
	s->hot = s->cold + COLD;
	s->dropped = dropped;
	memset(s->cold, 1, COLD + HOT);
	vm_open(&s->vm);
	region.hva = (uintptr_t)s->cold;
	if (svmvcpu_vm_map(s->vm.vm, &region, 1))
		vm_die("MAP");
	load_guest(&s->vm, reads_hot);
	vm_setup(&s->vm, SVMVCPU_PRESET_PROT32);
	signal(SIGUSR1, ignore_signal);
	s->runner = pthread_self();
	s->runner_tid = syscall(__NR_gettid);
}

static bool is_present(struct stall *s, char *where)
{
	__u64 entry = 0;

	if (pread(s->pagemap, &entry, sizeof(entry), (uintptr_t)where / PAGE * 8) !=
	    sizeof(entry))
		vm_die("pagemap");
	return entry >> 63;
}

/* Pages are dropped from first to last, and filled in the same order. */
static bool in_drop(struct stall *s, unsigned int *drop)
{
	*drop = s->drops;
	return !is_present(s, s->cold) && is_present(s, s->cold + s->dropped - PAGE) &&
	       s->drops == *drop;
}

static bool still_in_drop(struct stall *s, unsigned int drop)
{
	unsigned int now;

	return in_drop(s, &now) && now == drop;
}

static void *dropper_main(void *arg)
{
	struct stall *s = arg;

	while (!s->stop) {
		memset(s->cold, 1, s->dropped);
		s->drops++;
		if (madvise(s->cold, s->dropped, MADV_DONTNEED))
			vm_die("MADV_DONTNEED");
	}
	return NULL;
}

static void *watcher_main(void *arg)
{
	struct stall *s = arg;
	unsigned int drop;

	while (!s->stop) {
		usleep(100);
		if (!in_drop(s, &drop) || !thread_sleeps(s->runner_tid) ||
		    !still_in_drop(s, drop))
			continue;
		s->slept = drop;
		if (s->end_wait)
			s->end_wait(s);
	}
	return NULL;
}

static void threads_start(struct stall *s, void (*end_wait)(struct stall *s))
{
	s->end_wait = end_wait;
	if (pthread_create(&s->dropper, NULL, dropper_main, s) ||
	    pthread_create(&s->watcher, NULL, watcher_main, s))
		vm_die("threads");
}

static void stall_close(struct stall *s)
{
	s->stop = true;
	pthread_join(s->dropper, NULL);
	pthread_join(s->watcher, NULL);
	vm_close(&s->vm);
}

/* --- faults elsewhere go on ------------------------------------------------- */

FIXTURE(stall) {
	struct stall stall;
};

FIXTURE_VARIANT(stall) {
	bool missing;
};

FIXTURE_VARIANT_ADD(stall, on_resident_pages) {
	.missing = false,
};

FIXTURE_VARIANT_ADD(stall, on_missing_pages) {
	.missing = true,
};

FIXTURE_SETUP(stall)
{
	stall_open(&self->stall, COLD);
	threads_start(&self->stall, NULL);
}

FIXTURE_TEARDOWN(stall)
{
	stall_close(&self->stall);
}

/* Zaps the leaves of the hot pages; frees the pages too if @missing. */
static void zap_hot(struct stall *s, bool missing)
{
	if (missing) {
		madvise(s->hot, HOT, MADV_DONTNEED);
		return;
	}
	mprotect(s->hot, HOT, PROT_NONE);
	mprotect(s->hot, HOT, PROT_READ | PROT_WRITE);
}

/* Did the guest complete a pass with faults during a single drop? */
static bool pass_in_drop(struct stall *s, bool missing)
{
	__u64 faults = vm_stats(&s->vm).faults;
	unsigned int drop;

	zap_hot(s, missing);
	if (!WAIT_UNTIL(in_drop(s, &drop)))
		return false;
	if (ioctl(s->vm.vcpu.fd, SVMVCPU_RUN, 0) || s->vm.run->reason != SVMVCPU_EXIT_IO)
		vm_die("a pass of the guest");
	return still_in_drop(s, drop) && vm_stats(&s->vm).faults > faults;
}

TEST_F_TIMEOUT(stall, faults_go_on, 200)
{
	EXPECT_TRUE(WAIT_UNTIL_MS(pass_in_drop(&self->stall, variant->missing), 3 * PATIENCE_MS));
}

/* --- what ends a wait ------------------------------------------------------- */

static void kick_runner(struct stall *s)
{
	svmvcpu_vcpu_kick(&s->vm.vcpu);
}

static void signal_runner(struct stall *s)
{
	pthread_kill(s->runner, SIGUSR1);
}

FIXTURE(wait_ends) {
	struct stall stall;
};

FIXTURE_VARIANT(wait_ends) {
	void (*end_wait)(struct stall *s);
	__u32 by;
};

FIXTURE_VARIANT_ADD(wait_ends, by_kick) {
	.end_wait = kick_runner,
	.by = SVMVCPU_BY_KICK,
};

FIXTURE_VARIANT_ADD(wait_ends, by_signal) {
	.end_wait = signal_runner,
	.by = SVMVCPU_BY_SIGNAL,
};

FIXTURE_VARIANT_ADD(wait_ends, by_deadline) {
	.end_wait = NULL,
	.by = SVMVCPU_BY_DEADLINE,
};

/* The hot pages are dropped last, but invalidated from the start. */
FIXTURE_SETUP(wait_ends)
{
	stall_open(&self->stall, COLD + HOT);
	threads_start(&self->stall, variant->end_wait);
}

FIXTURE_TEARDOWN(wait_ends)
{
	stall_close(&self->stall);
}

/* Did RUN sleep in a fault, and return for @by, before the drop ended? */
static bool interrupted_in_drop(struct stall *s, __u32 by)
{
	unsigned int drop;

	if (!WAIT_UNTIL(in_drop(s, &drop)))
		return false;
	s->vm.run->deadline_ns = by == SVMVCPU_BY_DEADLINE ? now_ns() + 3000000 : 0;
	if (ioctl(s->vm.vcpu.fd, SVMVCPU_RUN, 0))
		vm_die("RUN");
	return s->vm.run->reason == SVMVCPU_EXIT_INTERRUPTED &&
	       s->vm.run->interrupted.by == by && s->slept == drop && still_in_drop(s, drop);
}

TEST_F_TIMEOUT(wait_ends, before_the_drop, 200)
{
	EXPECT_TRUE(WAIT_UNTIL_MS(interrupted_in_drop(&self->stall, variant->by),
				  3 * PATIENCE_MS));
}

/* PREFAULT has no vCPU that could be kicked: a signal ends it. */
static bool prefault_interrupted(struct stall *s)
{
	unsigned int drop;
	__u64 done;

	return WAIT_UNTIL(in_drop(s, &drop)) &&
	       svmvcpu_vm_prefault(s->vm.vm, AREA + COLD, HOT, 0, &done) == -EINTR &&
	       s->slept == drop && still_in_drop(s, drop);
}

TEST(prefault_ends)
{
	struct stall s = { };

	stall_open(&s, COLD + HOT);
	threads_start(&s, signal_runner);
	EXPECT_TRUE(WAIT_UNTIL(prefault_interrupted(&s)));
	stall_close(&s);
}

/* --- a wait is over when the invalidation is ---------------------------------- */

#define RUNNERS		4
#define ROUND		50U	/* invalidations */
#define ROUNDS		(slow_machine() ? 4U : 20U)

/**
 * struct runner - a vCPU that goes over the hot pages
 * @passes: how many it has ended
 */
struct runner {
	struct test_vm vm;
	pthread_t thread;
	volatile bool stop;
	volatile unsigned int passes;
};

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	while (!r->stop) {
		if (ioctl(r->vm.vcpu.fd, SVMVCPU_RUN, 0))
			vm_die("RUN");
		r->passes++;
	}
	return NULL;
}

static void runner_start(struct runner *r, struct stall *s)
{
	struct svmvcpu_region region = {
		.gpa = AREA + COLD, .bytes = HOT, .prot = SVMVCPU_MEM_READ,
		.hva = (uintptr_t)s->hot,
	};

	vm_open(&r->vm);
	if (svmvcpu_vm_map(r->vm.vm, &region, 1))
		vm_die("MAP");
	load_guest(&r->vm, reads_hot);
	vm_setup(&r->vm, SVMVCPU_PRESET_PROT32);
	if (pthread_create(&r->thread, NULL, runner_main, r))
		vm_die("thread");
}

static void *round_main(void *arg)
{
	struct stall *s = arg;
	unsigned int i;

	for (i = 0; i < ROUND; i++) {
		mprotect(s->hot, HOT, PROT_READ);
		mprotect(s->hot, HOT, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static bool all_pass(struct runner *runner, unsigned int *before)
{
	unsigned int i;

	for (i = 0; i < RUNNERS; i++)
		if (runner[i].passes < before[i] + 2)
			return false;
	return true;
}

/*
 * Two threads invalidate pages that several vCPUs use. Once they have finished, each
 * vCPU must make progress: no fault waits forever.
 */
TEST(no_wait_stays)
{
	unsigned int i, round, before[RUNNERS];
	struct runner runner[RUNNERS] = { };
	pthread_t invalidator[2];
	struct stall s = { };

	stall_open(&s, COLD);
	for (i = 0; i < RUNNERS; i++)
		runner_start(&runner[i], &s);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_create(&invalidator[i], NULL, round_main, &s));
		for (i = 0; i < 2; i++)
			pthread_join(invalidator[i], NULL);
		for (i = 0; i < RUNNERS; i++)
			before[i] = runner[i].passes;
		ASSERT_TRUE(WAIT_UNTIL(all_pass(runner, before))) TH_LOG("round %u", round);
	}
	for (i = 0; i < RUNNERS; i++) {
		runner[i].stop = true;
		svmvcpu_vcpu_kick(&runner[i].vm.vcpu);
		pthread_join(runner[i].thread, NULL);
		vm_close(&runner[i].vm);
	}
	vm_close(&s.vm);
}

/* --- writers of mmap_lock ----------------------------------------------------- */

#define WRITERS	3
#define PASSES	(slow_machine() ? 10U : 50U)

/* Holds mmap_lock for writing, or waits for it, nearly all the time. */
static void *writer_main(void *arg)
{
	struct stall *s = arg;
	size_t bytes = COLD / WRITERS & ~(PAGE - 1);
	char *mine = s->cold + bytes * (__atomic_fetch_add(&s->drops, 1, __ATOMIC_RELAXED));

	while (!s->stop) {
		mprotect(mine, bytes, PROT_READ);
		mprotect(mine, bytes, PROT_READ | PROT_WRITE);
		munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
	}
	return NULL;
}

FIXTURE(writers) {
	struct stall stall;
	pthread_t writer[WRITERS];
};

FIXTURE_SETUP(writers)
{
	unsigned int i;

	stall_open(&self->stall, COLD);
	for (i = 0; i < WRITERS; i++)
		if (pthread_create(&self->writer[i], NULL, writer_main, &self->stall))
			vm_die("threads");
}

FIXTURE_TEARDOWN(writers)
{
	unsigned int i;

	self->stall.stop = true;
	for (i = 0; i < WRITERS; i++)
		pthread_join(self->writer[i], NULL);
	vm_close(&self->stall.vm);
}

/* A fault on a missing page waits for mmap_lock and gets it. */
TEST_F_TIMEOUT(writers, missing_pages_come, 200)
{
	struct stall *s = &self->stall;
	unsigned int i;

	for (i = 0; i < PASSES; i++) {
		ASSERT_EQ(0, madvise(s->hot, HOT, MADV_DONTNEED));
		ASSERT_EQ(0, ioctl(s->vm.vcpu.fd, SVMVCPU_RUN, 0));
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, s->vm.run->reason);
	}
}

static void *kicker_main(void *arg)
{
	struct stall *s = arg;

	while (!s->stop) {
		if (thread_sleeps(s->runner_tid))
			svmvcpu_vcpu_kick(&s->vm.vcpu);
		usleep(300);
	}
	return NULL;
}

/* A kick ends such a wait; the next RUN retries the fault. */
TEST_F_TIMEOUT(writers, turns_given_up, 200)
{
	struct stall *s = &self->stall;
	unsigned int passes = 0;
	pthread_t kicker;

	ASSERT_EQ(0, pthread_create(&kicker, NULL, kicker_main, s));
	while (passes < PASSES) {
		ASSERT_EQ(0, madvise(s->hot, HOT, MADV_DONTNEED));
		do {
			ASSERT_EQ(0, ioctl(s->vm.vcpu.fd, SVMVCPU_RUN, 0));
		} while (s->vm.run->reason == SVMVCPU_EXIT_INTERRUPTED);
		ASSERT_EQ((unsigned int)SVMVCPU_EXIT_IO, s->vm.run->reason);
		passes++;
	}
	s->stop = true;
	pthread_join(kicker, NULL);
}

TEST_HARNESS_MAIN
