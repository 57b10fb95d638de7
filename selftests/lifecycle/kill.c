// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 180
 * cost: 22
 * kernel: stock, debug
 *
 * A process creates a VM, runs an endless guest and is killed, many times. Afterwards
 * SVM is off on all CPUs, nothing holds the module, as much memory is free as before,
 * and KVM can use SVM. (The debug kernel does fewer rounds: kmemleak looks for leaks at
 * the end.)
 */
#include "guest_thread.h"
#include "host_state.h"

#define WARM_UP		30		/* rounds before memory is compared */
#define PARTS		10
/* A quarter of the smallest leak that must be found, one page per round */
#define BYTES_A_ROUND	1024

static long meminfo_kb(const char *what)
{
	long value = -1;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)) &&
		    sscanf(line + strlen(what), ": %ld", &value) == 1)
			break;
	if (f)
		fclose(f);
	return value;
}

/*
 * Free pages on the per-CPU lists, in KiB. MemFree does not count them; the lists take
 * some sixty pages at a time, up to 27 MiB per CPU.
 */
static long per_cpu_kb(void)
{
	long count, pages = 0;
	char line[128];
	FILE *f = fopen("/proc/zoneinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	if (f)
		fclose(f);
	return pages * (PAGE / 1024);
}

/* Free memory after reclaiming caches, in KiB */
static long settled_memory(void)
{
	long best = 0, now;
	int i;

	for (i = 0; i < 5; i++) {
		sync();
		write_file("/proc/sys/vm/drop_caches", "3");
		usleep(100000);
		now = meminfo_kb("MemFree") + per_cpu_kb();
		if (now > best)
			best = now;
	}
	return best;
}

/* The child, which never returns. Its guest counts in memory shared with the parent. */
static void run_for_ever(void *shared)
{
	struct test_vm vm;

	vm_open(&vm);
	if (mmap(vm.mem + TEST_DATA, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 *(int *)shared, 0) == MAP_FAILED)
		_exit(1);
	load_guest(&vm, spin);
	vm_setup(&vm, SVMVCPU_PRESET_PROT32);
	vm_run(&vm);
	_exit(2);
}

/* 0 if the child was killed while its guest ran, otherwise a step */
static int one_round(int memfd, volatile __u32 *beats)
{
	pid_t pid;
	int status;

	*beats = 0;
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid)
		run_for_ever(&memfd);
	if (!WAIT_UNTIL(*beats))
		return 2;
	if (kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid)
		return 3;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 4;
}

TEST(nobody_uses_it_before)
{
	ASSERT_EQ(0, module_refs());
}

FIXTURE(kill) {
	int memfd;
	volatile __u32 *beats;
};

FIXTURE_SETUP(kill)
{
	self->memfd = memfd_create("beats", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(self->memfd, PAGE));
	self->beats = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->memfd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->beats);
	ASSERT_TRUE(msr_readable());
}

FIXTURE_TEARDOWN(kill)
{
}

TEST_F_TIMEOUT(kill, a_thousand_times, 900)
{
	int rounds = slow_machine() ? 5 : 100;
	long before = 0, after = 0;
	__u64 start = now_ns();
	int i, part;

	for (i = 0; i < WARM_UP && !slow_machine(); i++)
		ASSERT_EQ(0, one_round(self->memfd, self->beats));
	if (!slow_machine())
		before = settled_memory();
	for (part = 0; part < PARTS; part++) {
		for (i = 0; i < rounds; i++)
			ASSERT_EQ(0, one_round(self->memfd, self->beats)) {
				TH_LOG("round %d", part * rounds + i);
			}
		EXPECT_EQ(0, module_refs());
		EXPECT_TRUE(svme_goes_off());
		/*
		 * Too few rounds to compare; also, KASAN keeps freed memory in
		 * quarantine, and kmemleak allocates for each object.
		 */
		if (slow_machine())
			continue;
		after = settled_memory();
		TH_LOG("free memory: %ld KiB, %ld less than before", after, before - after);
	}
	if (!slow_machine())
		EXPECT_LT(before - after, PARTS * rounds * BYTES_A_ROUND / 1024);
	TH_LOG("%d rounds in %llu ms", PARTS * rounds,
	       (unsigned long long)(now_ns() - start) / 1000000);

	if (!kvm_there())
		return;
	ASSERT_TRUE(kvm_load());
	EXPECT_EQ(0, kvm_works());
	EXPECT_TRUE(kvm_unload());
}

TEST_HARNESS_MAIN
