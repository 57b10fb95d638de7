// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 180
 * cost: 16
 * kernel: stock, debug
 *
 * Two vCPUs write to random pages while the VMM's memory is paged out, protected,
 * collapsed, duplicated by fork(), merged, prefaulted and locked. A copy that is
 * updated from DIRTY_COLLECT must equal the memory, and RESTORE must restore all of it.
 * STRESS_SECONDS= sets the duration of each test.
 */
#include <sys/wait.h>

#include "guest_area.h"
#include "snap.h"

#define GPA	0x800000UL
#define BYTES	(8UL << 20)
#define PAGES	(BYTES / PAGE)
#define HUGE	(2UL << 20)
#define SECONDS	8U

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* EDI: seed. Writes a random word of a random page, repeatedly */
GUEST32(writes_anywhere,
	"mov $1, %ebx\n"
	"1: imul $1664525, %edi, %edi\n"
	"add $1013904223, %edi\n"
	"mov %edi, %eax\n"
	"shr $9, %eax\n"
	"and $0x7ff, %eax\n"
	"shl $12, %eax\n"
	"mov %edi, %ecx\n"
	"and $0xff8, %ecx\n"
	"add %ecx, %eax\n"
	"add $0x800000, %eax\n"
	"inc %ebx\n"
	"mov %edi, (%eax)\n"
	"testl $0xff, %ebx\n"
	"jnz 1b\n"
	"incl 0x8000\n"
	"jmp 1b");

/**
 * struct runner - a thread that runs a vCPU until it is stopped
 * @refused: faults on pages that were read-only at that moment
 */
struct runner {
	struct svmvcpu_vcpu *vcpu;
	pthread_t thread;
	volatile bool stop;
	unsigned long refused;
};

static void *runner_main(void *arg)
{
	struct runner *runner = arg;
	const struct svmvcpu_run *run = runner->vcpu->run;

	while (!runner->stop) {
		if (ioctl(runner->vcpu->fd, SVMVCPU_RUN, 0))
			vm_die("RUN");
		if (run->reason == SVMVCPU_EXIT_MEMORY_FAULT &&
		    (run->memory.flags & SVMVCPU_FAULT_USER_MEM))
			runner->refused++;
		else if (run->reason != SVMVCPU_EXIT_INTERRUPTED)
			vm_die("unexpected exit");
	}
	return NULL;
}

static void runner_start(struct runner *runner, struct svmvcpu_vcpu *vcpu)
{
	runner->vcpu = vcpu;
	runner->stop = false;
	if (pthread_create(&runner->thread, NULL, runner_main, runner))
		vm_die("threads");
}

static void runner_stop(struct runner *runner)
{
	runner->stop = true;
	svmvcpu_vcpu_kick(runner->vcpu);
	pthread_join(runner->thread, NULL);
}

struct chaos {
	struct test_vm vm;
	struct svmvcpu_vcpu second;
	char *area;
	char *copy;
	pthread_t movers[2];
	volatile bool stop;
	unsigned long moves;
	__u64 end;
};

FIXTURE(chaos) {
	struct chaos chaos;
};

static void move_fork(char *at __attribute__((unused)), size_t bytes __attribute__((unused)))
{
	pid_t pid = fork();

	if (!pid) {
		usleep(2000);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void move_protect(char *at, size_t bytes)
{
	bytes = bytes < 20 * PAGE ? bytes : 20 * PAGE;
	mprotect(at, bytes, PROT_READ);
	mprotect(at, bytes, PROT_READ | PROT_WRITE);
}

static void move_merge(char *at, size_t bytes)
{
	madvise(at, bytes, MADV_MERGEABLE);
	madvise(at, bytes, MADV_UNMERGEABLE);
}

static void move_lock(char *at, size_t bytes)
{
	mlock(at, bytes);
	munlock(at, bytes);
}

static void move_out(char *at, size_t bytes)
{
	madvise(at, bytes, MADV_PAGEOUT);
}

static void move_huge(char *at, size_t bytes)
{
	madvise(at, bytes, MADV_HUGEPAGE);
	madvise((void *)((uintptr_t)at & ~(HUGE - 1)), HUGE, MADV_COLLAPSE);
}

static void (*const moves[])(char *at, size_t bytes) = {
	move_fork, move_protect, move_merge, move_lock, move_out, move_huge,
};

static void *mover(void *arg)
{
	struct chaos *chaos = arg;
	unsigned int seed = __atomic_add_fetch(&chaos->moves, 1, __ATOMIC_RELAXED);
	__u64 done;

	while (!chaos->stop) {
		unsigned int move = rand_r(&seed) % (ARRAY_SIZE(moves) + 1);
		unsigned long first = rand_r(&seed) % PAGES, nr = 1 + rand_r(&seed) % 300;

		nr = first + nr > PAGES ? PAGES - first : nr;
		if (move < ARRAY_SIZE(moves))
			moves[move](chaos->area + first * PAGE, nr * PAGE);
		else
			svmvcpu_vm_prefault(chaos->vm.vm, GPA + first * PAGE, nr * PAGE,
					    rand_r(&seed) & 1, &done);
		__atomic_add_fetch(&chaos->moves, 1, __ATOMIC_RELAXED);
		usleep(rand_r(&seed) % 500);
	}
	return NULL;
}

FIXTURE_SETUP(chaos)
{
	struct chaos *chaos = &self->chaos;
	struct svmvcpu_setup setup = {
		.preset = SVMVCPU_PRESET_PROT32, .entry = TEST_CODE, .stack = TEST_STACK,
		.arg = 12345,
	};
	struct svmvcpu_region region = {
		.gpa = GPA, .bytes = BYTES, .prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE,
	};
	const char *seconds = getenv("STRESS_SECONDS");
	char *mem = mmap(NULL, BYTES + HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	vm_open(&chaos->vm);
	ASSERT_NE(MAP_FAILED, (void *)mem);
	chaos->area = (void *)(((uintptr_t)mem + HUGE - 1) & ~(HUGE - 1));
	for (i = 0; i < BYTES / 4; i++)
		((__u32 *)chaos->area)[i] = i * 2654435761U;
	region.hva = (uintptr_t)chaos->area;
	ASSERT_EQ(0, svmvcpu_vm_map(chaos->vm.vm, &region, 1));
	load_guest(&chaos->vm, writes_anywhere);
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&chaos->vm.vcpu, &setup));
	ASSERT_EQ(0, svmvcpu_vcpu_create(chaos->vm.vm, 1, &chaos->vm.info, &chaos->second));
	setup.arg = 987654321;
	ASSERT_EQ(0, svmvcpu_vcpu_setup(&chaos->second, &setup));
	chaos->copy = malloc(BYTES);
	ASSERT_NE(NULL, chaos->copy);
	memcpy(chaos->copy, chaos->area, BYTES);
	chaos->end = now_ns() + 1000000000ULL * (seconds ? strtoul(seconds, NULL, 0) : SECONDS);
}

FIXTURE_TEARDOWN(chaos)
{
	struct chaos *chaos = &self->chaos;

	svmvcpu_vcpu_close(&chaos->second);
	vm_close(&chaos->vm);
	free(chaos->copy);
}

static void movers_start(struct chaos *chaos)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(chaos->movers); i++)
		if (pthread_create(&chaos->movers[i], NULL, mover, chaos))
			vm_die("threads");
}

static void movers_stop(struct chaos *chaos)
{
	unsigned int i;

	chaos->stop = true;
	for (i = 0; i < ARRAY_SIZE(chaos->movers); i++)
		pthread_join(chaos->movers[i], NULL);
}

static unsigned int pages_differing(struct chaos *chaos)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PAGES; i++)
		nr += memcmp(chaos->copy + i * PAGE, chaos->area + i * PAGE, PAGE) != 0;
	return nr;
}

/* Copies pages written since the last time; false if there are more. */
static bool copy_dirty(struct chaos *chaos, const __u64 *list)
{
	struct svmvcpu_dirty_collect collect = { .gpa = GPA, .bytes = BYTES, .max = 700 };
	unsigned int i;

	if (svmvcpu_vm_dirty_collect(chaos->vm.vm, &collect))
		vm_die("DIRTY_COLLECT");
	for (i = 0; i < collect.nr; i++)
		memcpy(chaos->copy + (list[i] - GPA), chaos->area + (list[i] - GPA), PAGE);
	return !collect.more;
}

TEST_F_TIMEOUT(chaos, dirty_log, 100000)
{
	struct chaos *chaos = &self->chaos;
	struct runner first = { }, second = { };
	unsigned int rounds, i;
	const __u64 *list;

	ASSERT_EQ(0, svmvcpu_vm_dirty_log(chaos->vm.vm, SVMVCPU_LOG_START, GPA, BYTES));
	list = svmvcpu_vm_dirty_list(chaos->vm.vm);
	ASSERT_NE(NULL, list);
	memcpy(chaos->copy, chaos->area, BYTES);
	movers_start(chaos);
	for (rounds = 0; now_ns() < chaos->end; rounds++) {
		runner_start(&first, &chaos->vm.vcpu);
		runner_start(&second, &chaos->second);
		for (i = 0; i < 15; i++) {
			usleep(20000);
			copy_dirty(chaos, list);
		}
		runner_stop(&first);
		runner_stop(&second);
		while (!copy_dirty(chaos, list))
			;
		ASSERT_EQ(0, pages_differing(chaos)) TH_LOG("in round %u", rounds);
	}
	movers_stop(chaos);
	TH_LOG("%u rounds, %lu moves, %u times 256 writes, %lu refused", rounds, chaos->moves,
	       *guest_word(&chaos->vm, BEATS), first.refused + second.refused);
	EXPECT_NE(0, *guest_word(&chaos->vm, BEATS));
}

/* RESTORE fails on a page that is read-only at that moment: try again. */
static int restore_all(struct test_vm *vm, unsigned long *total)
{
	int ret, tries = 0;
	__u64 pages = 0;

	do {
		ret = svmvcpu_vm_restore(vm->vm, &pages);
	} while (ret == -EFAULT && tries++ < 10000);
	*total += pages;
	return ret;
}

TEST_F_TIMEOUT(chaos, snapshot, 100000)
{
	struct chaos *chaos = &self->chaos;
	struct test_vm *vm = &chaos->vm;
	struct runner first = { }, second = { };
	unsigned long restored = 0;
	unsigned int rounds;

	ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
	movers_start(chaos);
	for (rounds = 0; now_ns() < chaos->end; rounds++) {
		runner_start(&first, &vm->vcpu);
		runner_start(&second, &chaos->second);
		/* Sometimes with a log of a part of the memory */
		if (rounds % 3 == 1)
			svmvcpu_vm_dirty_log(vm->vm, SVMVCPU_LOG_START, GPA, BYTES / 2);
		usleep(rounds * 997 % 60000);
		if (rounds % 3 == 2)
			svmvcpu_vm_dirty_log(vm->vm, SVMVCPU_LOG_STOP, GPA,
					     BYTES / 4 * (1 + rounds % 2));
		runner_stop(&first);
		runner_stop(&second);
		ASSERT_EQ(0, restore_all(vm, &restored)) TH_LOG("%s", svmvcpu_last_error());
		ASSERT_EQ(0, pages_differing(chaos)) TH_LOG("in round %u", rounds);
		if (rounds % 50 == 49) {
			ASSERT_EQ(0, svmvcpu_vm_drop_snapshot(vm->vm));
			ASSERT_EQ(0, svmvcpu_vm_snapshot(vm->vm, 0));
		}
	}
	movers_stop(chaos);
	TH_LOG("%u rounds, %lu moves, %lu pages put back", rounds, chaos->moves, restored);
	EXPECT_LT(rounds, restored);
}

TEST_HARNESS_MAIN
