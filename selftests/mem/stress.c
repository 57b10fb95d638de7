// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 150
 * cost: 20
 * kernel: stock, debug
 *
 * Three vCPUs on two CPUs read and write pages that are being replaced. Once a change
 * has returned, no guest may read the old contents, nor write to the old page: the
 * guests check what they read, and the test watches a page's former frames through a
 * second mapping. STRESS_SECONDS= sets the duration; "make soak" runs it for longer.
 *
 * Every other second one vCPU runs alone. An emulator with one thread for all CPUs lets
 * a busy CPU wait for the others' turns. By then a timer interrupt is pending, which
 * ends the guest's turn before it can use anything stale. If all others sleep, the vCPU
 * continues where it was. (For munmap() and the like, the kernel itself interrupts all
 * CPUs that run a thread of the VMM. UNMAP has only the module's interrupts.)
 */
#include <sys/wait.h>

#include "guest_thread.h"

#define SECONDS		(debug_kernel() ? 10U : 20U)
#define VCPUS		3U
#define AREA		0x40000000UL	/* pages of a file, two frames each */
#define HUGE		(2UL << 20)
#define PRIVATE		(AREA + HUGE)	/* sometimes one huge page */
#define SHARED_PAGES	48U
#define PAGES		64U		/* the rest are private */

/* in the guests' data, one word per page */
#define FLOORS		(TEST_DATA + 0x1000)	/* the minimum that a guest may read */
#define ADDRESSES	(TEST_DATA + 0x2000)

/* Value of the guests' words while nobody may write there */
#define TOMB		0xdead0000U

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/*
 * EDI: number of the vCPU. Reads each page's stamp, page << 24 | generation, compares
 * it with the floor that it has read before, and writes its own word.
 */
GUEST32(worker,
	"sti\n"
	"again: inc %ebp\n"
	"xor %esi, %esi\n"
	"1: mov 0x9000(,%esi,4), %ebx\n"
	"mov 0xa000(,%esi,4), %edx\n"
	"mov (%edx), %eax\n"
	"cmp %ebx, %eax\n"
	"jb 2f\n"
	"mov %eax, %ecx\n"
	"shr $24, %ecx\n"
	"cmp %esi, %ecx\n"
	"jne 2f\n"
	"mov %ebp, 64(%edx,%edi,4)\n"
	"inc %esi\n"
	"cmp $64, %esi\n"
	"jb 1b\n"
	"incl 0x8000(,%edi,4)\n"
	"jmp again\n"
	"2: out %eax, $0x10\n"
	"jmp again");

struct worker {
	unsigned int id;
	struct svmvcpu_vcpu vcpu;
	pthread_t thread;
	unsigned long missed;	/* exits because memory was missing */
	bool ended;		/* by another exit */
};

FIXTURE(stress) {
	struct test_vm vm;
	struct worker worker[VCPUS];
	char *shared;		/* behind AREA */
	char *private;		/* behind PRIVATE */
	char *raw;
	char *aside;		/* where pages are prepared */
	char *frames;		/* all of the file */
	int fd;
	unsigned int second[SHARED_PAGES];	/* 1: the page uses its second frame */
	__u32 gen[PAGES];
	unsigned long changes;
};

#define LONER		1U	/* the vCPU that continues alone */

static volatile bool stop_all;
static volatile bool paused;

static char *frame_of(char *frames, unsigned int page, unsigned int second)
{
	return frames + (2 * page + second) * PAGE;
}

static volatile __u32 *guest_words(char *page)
{
	return (volatile __u32 *)(page + 64);
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;
	unsigned int reason;
	int err;

	while (!stop_all) {
		if (paused && w->id != LONER) {
			usleep(5000);
			continue;
		}
		err = ioctl(w->vcpu.fd, SVMVCPU_RUN, 0) ? errno : 0;
		reason = w->vcpu.run->reason;
		if (err || (reason != SVMVCPU_EXIT_INTERRUPTED &&
			    reason != SVMVCPU_EXIT_MEMORY_FAULT)) {
			w->ended = true;
			break;
		}
		if (reason == SVMVCPU_EXIT_MEMORY_FAULT) {
			w->missed++;
			sched_yield();
		}
	}
	return NULL;
}

static int map_pages(struct test_vm *vm, unsigned long gpa, void *mem, size_t bytes)
{
	struct svmvcpu_region region = {
		.gpa = gpa, .bytes = bytes, .hva = (uintptr_t)mem,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};

	return svmvcpu_vm_map(vm->vm, &region, 1);
}

/* Maps the file's frame as the memory of a page; 0 or errno. */
static int put_frame(char *shared, int fd, unsigned int page, unsigned int second)
{
	void *mem = mmap(shared + page * PAGE, PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, (2 * page + second) * PAGE);

	return mem == MAP_FAILED ? errno : 0;
}

FIXTURE_SETUP(stress)
{
	struct test_vm *vm = &self->vm;
	volatile __u32 *addresses, *floors;
	unsigned int i;

	vm_open(vm);
	addresses = guest_word(vm, ADDRESSES);
	floors = guest_word(vm, FLOORS);
	self->fd = memfd_create("guest", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(self->fd, 2 * SHARED_PAGES * PAGE));
	self->frames = mmap(NULL, 2 * SHARED_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->fd, 0);
	self->shared = mmap(NULL, SHARED_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	self->raw = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	self->private = (char *)(((uintptr_t)self->raw + HUGE - 1) & ~(HUGE - 1));
	self->aside = self->private + HUGE;
	ASSERT_TRUE(self->frames != MAP_FAILED && self->shared != MAP_FAILED &&
		    self->raw != MAP_FAILED);
	madvise(self->private, HUGE, MADV_HUGEPAGE);
	for (i = 0; i < SHARED_PAGES; i++) {
		addresses[i] = AREA + i * PAGE;
		floors[i] = i << 24;
		*(__u32 *)frame_of(self->frames, i, 0) = i << 24;
		ASSERT_EQ(0, put_frame(self->shared, self->fd, i, 0));
	}
	for (; i < PAGES; i++) {
		addresses[i] = PRIVATE + (i - SHARED_PAGES) * PAGE;
		floors[i] = i << 24;
		*(__u32 *)(self->private + (i - SHARED_PAGES) * PAGE) = i << 24;
	}
	ASSERT_EQ(0, map_pages(vm, AREA, self->shared, SHARED_PAGES * PAGE));
	ASSERT_EQ(0, map_pages(vm, PRIVATE, self->private, HUGE));
}

FIXTURE_TEARDOWN(stress)
{
	munmap(self->shared, SHARED_PAGES * PAGE);
	munmap(self->frames, 2 * SHARED_PAGES * PAGE);
	munmap(self->raw, 3 * HUGE);
	close(self->fd);
	vm_close(&self->vm);
}

static void bury(char *frame)
{
	unsigned int i;

	*(volatile __u32 *)frame = 0;	/* a stamp below all floors */
	for (i = 0; i < VCPUS; i++)
		guest_words(frame)[i] = TOMB;
}

static bool at_rest(char *frame)
{
	unsigned int i;

	for (i = 0; i < VCPUS; i++)
		if (guest_words(frame)[i] != TOMB)
			return false;
	return true;
}

/* No guest can write to this frame now: check that none does. */
static bool stays_quiet(char *frame)
{
	unsigned int i;

	for (i = 0; i < VCPUS; i++)
		guest_words(frame)[i] = TOMB;
	usleep(300);
	return at_rest(frame);
}

/* The check that failed in a change */
enum wrong { NONE, CALL, WRITE_TO_OLD, WRITE_TO_PROTECTED, WRITE_AFTER_UNMAP, CHILD };

/* The page gets its other frame, which must be unwritten since it was buried. */
static enum wrong replace(FIXTURE_DATA(stress) * self, unsigned int page, bool gap)
{
	unsigned int old = self->second[page];
	char *next = frame_of(self->frames, page, !old);
	char *mem = self->shared + page * PAGE;

	if (self->gen[page] > 1 && !at_rest(next))
		return WRITE_TO_OLD;
	*(volatile __u32 *)next = page << 24 | ++self->gen[page];
	if (gap && munmap(mem, PAGE))
		return CALL;
	if (gap && !stays_quiet(frame_of(self->frames, page, old)))
		return WRITE_AFTER_UNMAP;
	if (put_frame(self->shared, self->fd, page, !old))
		return CALL;
	bury(frame_of(self->frames, page, old));
	self->second[page] = !old;
	*guest_word(&self->vm, FLOORS + 4 * page) = page << 24 | self->gen[page];
	return NONE;
}

/* Read-only for a while */
static enum wrong protect(FIXTURE_DATA(stress) * self, unsigned int page)
{
	char *mem = self->shared + page * PAGE;

	if (mprotect(mem, PAGE, PROT_READ))
		return CALL;
	if (!stays_quiet(frame_of(self->frames, page, self->second[page])))
		return WRITE_TO_PROTECTED;
	return mprotect(mem, PAGE, PROT_READ | PROT_WRITE) ? CALL : NONE;
}

/* Unmapped from the guest for a while */
static enum wrong unmap(FIXTURE_DATA(stress) * self, unsigned int page)
{
	struct svmvcpu_range range = { AREA + page * PAGE, PAGE };

	if (svmvcpu_vm_unmap(self->vm.vm, &range, 1))
		return CALL;
	if (!stays_quiet(frame_of(self->frames, page, self->second[page])))
		return WRITE_AFTER_UNMAP;
	return map_pages(&self->vm, range.gpa, self->shared + page * PAGE, PAGE) ? CALL : NONE;
}

/* The child's memory must not change after the fork. */
static int watch_in_child(char *private)
{
	__u32 sum = 0, later = 0;
	unsigned int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < (PAGES - SHARED_PAGES) * VCPUS; i++)
			*(round ? &later : &sum) +=
				guest_words(private + i / VCPUS * PAGE)[i % VCPUS];
		usleep(2000);
	}
	return sum != later;
}

static enum wrong fork_child(FIXTURE_DATA(stress) * self)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(watch_in_child(self->private));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return CALL;
	return status ? CHILD : NONE;
}

/* New memory for all private pages at once, mostly a huge page */
static enum wrong move_in(FIXTURE_DATA(stress) * self)
{
	unsigned int i;

	if (mmap(self->aside, HUGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return CALL;
	madvise(self->aside, HUGE, MADV_HUGEPAGE);
	for (i = SHARED_PAGES; i < PAGES; i++)
		*(volatile __u32 *)(self->aside + (i - SHARED_PAGES) * PAGE) =
			i << 24 | ++self->gen[i];
	if (mremap(self->aside, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   self->private) == MAP_FAILED)
		return CALL;
	for (i = SHARED_PAGES; i < PAGES; i++)
		*guest_word(&self->vm, FLOORS + 4 * i) = i << 24 | self->gen[i];
	return NONE;
}

/* Freeing the last page splits the huge page; then it is collapsed again. */
static enum wrong split_and_join(FIXTURE_DATA(stress) * self)
{
	if (madvise(self->private + HUGE - PAGE, PAGE, MADV_DONTNEED))
		return CALL;
	/* fails if memory is short, or someone holds a page at the moment */
	madvise(self->private, HUGE, MADV_COLLAPSE);
	return NONE;
}

static enum wrong change(FIXTURE_DATA(stress) * self)
{
	unsigned long n = self->changes++;
	unsigned int page = n * 7 % SHARED_PAGES;

	if (n % 64 == 63)
		return fork_child(self);
	/* correct only with the module's own flush */
	if (paused && n % 2)
		return unmap(self, page);
	switch (n % 8) {
	case 0:
		return protect(self, page);
	case 1:
		return unmap(self, page);
	case 2:
		return replace(self, page, true);
	case 3:
		return n % 16 == 3 ? move_in(self) : split_and_join(self);
	default:
		return replace(self, page, false);
	}
}

/* Populates pages that other threads remove; failures are expected. */
static void *prefault_thread(void *arg)
{
	int vm = *(int *)arg;

	while (!stop_all) {
		svmvcpu_vm_prefault(vm, AREA, SHARED_PAGES * PAGE, SVMVCPU_PREFAULT_WRITE, NULL);
		svmvcpu_vm_prefault(vm, PRIVATE, HUGE, 0, NULL);
		usleep(5000);
	}
	return NULL;
}

static void start_worker(FIXTURE_DATA(stress) * self, unsigned int id)
{
	struct worker *w = &self->worker[id];
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .arg = id,
	};
	cpu_set_t set;

	w->id = id;
	if (id)
		svmvcpu_vcpu_create(self->vm.vm, id, &self->vm.info, &w->vcpu);
	else
		w->vcpu = self->vm.vcpu;
	if (!w->vcpu.run || svmvcpu_vcpu_setup(&w->vcpu, &setup) ||
	    pthread_create(&w->thread, NULL, worker_thread, w))
		vm_die("a worker");
	CPU_ZERO(&set);
	CPU_SET(id % 2, &set);
	/* the third runs on either CPU */
	if (id < 2)
		pthread_setaffinity_np(w->thread, sizeof(set), &set);
}

static void stop_workers(FIXTURE_DATA(stress) * self)
{
	unsigned int i;

	stop_all = true;
	for (i = 0; i < VCPUS; i++) {
		svmvcpu_vcpu_kick(&self->worker[i].vcpu);
		pthread_join(self->worker[i].thread, NULL);
	}
}

static bool anybody_ended(FIXTURE_DATA(stress) * self)
{
	unsigned int i;

	for (i = 0; i < VCPUS; i++)
		if (self->worker[i].ended)
			return true;
	return false;
}

/* In odd seconds only one of them runs. */
static void take_turns(FIXTURE_DATA(stress) * self, __u64 ns)
{
	bool pause = ns / 1000000000 % 2;
	unsigned int i;

	if (pause == paused)
		return;
	paused = pause;
	for (i = 0; pause && i < VCPUS; i++)
		if (i != LONER)
			svmvcpu_vcpu_kick(&self->worker[i].vcpu);
}

static unsigned int seconds(void)
{
	const char *text = getenv("STRESS_SECONDS");

	return text ? strtoul(text, NULL, 0) : SECONDS;
}

/* If it hangs, the runner's timeout ends it. */
TEST_F_TIMEOUT(stress, nothing_stale, 1000000)
{
	__u64 start = now_ns(), end = start + seconds() * 1000000000ULL;
	volatile __u32 *rounds = guest_word(&self->vm, BEATS);
	enum wrong wrong = NONE;
	struct svmvcpu_stats stats;
	pthread_t prefault;
	unsigned int i;

	load_guest(&self->vm, worker);
	for (i = 0; i < VCPUS; i++)
		start_worker(self, i);
	ASSERT_EQ(0, pthread_create(&prefault, NULL, prefault_thread, &self->vm.vm));
	ASSERT_EQ(0, pin_to_cpu(0));
	while (now_ns() < end && wrong == NONE && !anybody_ended(self)) {
		take_turns(self, now_ns() - start);
		wrong = change(self);
	}
	paused = false;
	EXPECT_EQ(NONE, wrong) {
		TH_LOG("change %lu of page %lu", self->changes - 1,
		       (self->changes - 1) * 7 % SHARED_PAGES);
	}
	/* With the memory at rest each vCPU completes a round. */
	for (i = 0; i < VCPUS; i++) {
		__u32 before = rounds[i];

		EXPECT_TRUE(wrong != NONE ||
			    WAIT_UNTIL(self->worker[i].ended || rounds[i] - before >= 2));
	}
	stop_workers(self);
	pthread_join(prefault, NULL);
	for (i = 0; i < VCPUS; i++) {
		struct svmvcpu_run *run = self->worker[i].vcpu.run;

		EXPECT_FALSE(self->worker[i].ended) {
			TH_LOG("vCPU %u: exit %u, page %llu has %#llx, floor %#llx", i, run->reason,
			       run->gprs.rsi, run->gprs.rax, run->gprs.rbx);
		}
		TH_LOG("vCPU %u: %u rounds, memory missing %lu times", i, rounds[i],
		       self->worker[i].missed);
	}
	ASSERT_EQ(0, svmvcpu_vm_get_stats(self->vm.vm, &stats));
	TH_LOG("%lu changes, %llu faults, %llu zaps, %llu flushes", self->changes, stats.faults,
	       stats.zapped, stats.flushes);
	TH_LOG("mapped %llu of 4 KiB, %llu of 2 MiB", stats.mapped_4k, stats.mapped_2m);
	EXPECT_LT(self->changes / 4, stats.flushes);
	EXPECT_LE(stats.flushes / 4, stats.zapped);
	for (i = 1; i < VCPUS; i++)
		svmvcpu_vcpu_close(&self->worker[i].vcpu);
}

TEST_HARNESS_MAIN
