// SPDX-License-Identifier: GPL-2.0-only
/*
 * EFER.SVME that someone else changes while the module uses it: root through
 * /dev/cpu/N/msr, or a hypervisor that does not check. RUN fails with EBUSY once, no
 * registers of the guest remain in the CPU for the VMM, and SVM that someone else has
 * turned on stays on.
 */
#include <linux/perf_event.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "guest_thread.h"
#include "host_fpu.h"
#include "host_state.h"

#define TIMES	50

/* An otherwise unused page: no guest runs while it is VM_HSAVE_PA. */
#define OTHER_HSAVE	0x1000ULL

FIXTURE(taken) {
	struct test_vm vm;
};

FIXTURE_SETUP(taken)
{
	ASSERT_TRUE(msr_readable());
	ASSERT_LT(1, host_cpus());
	ASSERT_TRUE(svme_goes_off());
	vm_open(&self->vm);
	load_guest(&self->vm, spin);
	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
}

FIXTURE_TEARDOWN(taken)
{
	vm_close(&self->vm);
	EXPECT_TRUE(svme_goes_off());
}

/* Shared by the two threads on CPU 0, and what they have seen */
struct taken_threads {
	struct test_vm *vm;
	pthread_t runner, sleeper;
	struct perf_event_mmap_page *entries;
	int perf_fd, stop_fd;
	volatile bool stop;
	volatile unsigned long busy, other, run_fpu, sleep_fpu;
};

#define ENTRY_ID	"/sys/kernel/tracing/events/svmvcpu/svmvcpu_entry/id"
#define PERF_BYTES	(9 * PAGE)

/*
 * Makes the kernel wake the sleeper at each entry into the guest, by an interrupt to
 * this CPU just before CLGI and with interrupts off. Without tracepoints (Bochs)
 * another interrupt may come there by chance.
 */
static void watch_entries(struct taken_threads *t)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_period = 1, .wakeup_events = 1,
	};
	FILE *f = fopen(ENTRY_ID, "r");
	void *map;

	t->perf_fd = -1;
	if (!f)
		return;
	if (fscanf(f, "%llu", &attr.config) == 1)
		t->perf_fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
	fclose(f);
	if (t->perf_fd < 0)
		vm_die("perf_event_open");
	map = mmap(NULL, PERF_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, t->perf_fd, 0);
	if (map == MAP_FAILED)
		vm_die("mmap of the perf event");
	t->entries = map;
}

static void unwatch_entries(struct taken_threads *t)
{
	if (t->perf_fd < 0)
		return;
	munmap(t->entries, PERF_BYTES);
	close(t->perf_fd);
}

/* Calls RUN repeatedly, whatever it returns. */
static void *runner_main(void *arg)
{
	struct taken_threads *t = arg;
	struct fpu_image mine, after;

	pin_to_cpu(0);
	fpu_fill(&mine, 1, 0x5a);
	while (!t->stop) {
		long ret = fpu_ioctl(t->vm->vcpu.fd, SVMVCPU_RUN, &mine, &after);

		t->run_fpu += fpu_differs(&mine, &after) >= 0;
		t->other += ret && ret != -EBUSY;
		/* Set last: others wait for it. */
		t->busy += ret == -EBUSY;
	}
	return NULL;
}

/*
 * Has priority over the runner. If interrupts were on with the guest's registers
 * loaded, a preemptible kernel (the debug kernel) would switch to this thread and take
 * the guest's registers for those of a thread.
 */
static void *sleeper_main(void *arg)
{
	const struct sched_param param = { .sched_priority = 1 };
	struct taken_threads *t = arg;
	struct fpu_image mine, after;
	struct pollfd fds[] = {
		{ .fd = t->perf_fd, .events = POLLIN },
		{ .fd = t->stop_fd, .events = POLLIN },
	};

	pin_to_cpu(0);
	sched_setscheduler(0, SCHED_FIFO, &param);
	fpu_fill(&mine, 2, 0x33);
	while (!(fds[1].revents & POLLIN)) {
		fpu_syscall(SYS_ppoll, (unsigned long)fds, 2, &mine, &after);
		t->sleep_fpu += fpu_differs(&mine, &after) >= 0;
		if (t->entries)
			t->entries->data_tail = t->entries->data_head;
	}
	return NULL;
}

static void start_threads(struct taken_threads *t)
{
	watch_entries(t);
	t->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (t->stop_fd < 0 || pthread_create(&t->sleeper, NULL, sleeper_main, t) ||
	    pthread_create(&t->runner, NULL, runner_main, t))
		vm_die("threads");
}

static void stop_threads(struct taken_threads *t)
{
	t->stop = true;
	svmvcpu_vcpu_kick(&t->vm->vcpu);
	pthread_join(t->runner, NULL);
	eventfd_write(t->stop_fd, 1);
	pthread_join(t->sleeper, NULL);
	unwatch_entries(t);
	close(t->stop_fd);
}

static int take_svm_away(int cpu)
{
	return host_wrmsr(cpu, MSR_EFER, host_msr(cpu, MSR_EFER) & ~EFER_SVME);
}

TEST_F_TIMEOUT(taken, away, 120)
{
	struct taken_threads t = { .vm = &self->vm };
	unsigned long i;

	ASSERT_EQ(0, pin_to_cpu(1));
	start_threads(&t);
	for (i = 1; i <= TIMES; i++) {
		if (!WAIT_UNTIL(svme_on(0)))
			break;
		EXPECT_EQ(0, take_svm_away(0));
		if (!WAIT_UNTIL(t.busy >= i))
			break;
	}
	stop_threads(&t);

	EXPECT_EQ((unsigned long)TIMES, t.busy);
	EXPECT_EQ(0UL, t.other);
	EXPECT_EQ(0UL, t.run_fpu);
	EXPECT_EQ(0UL, t.sleep_fpu);
	/* The guest has lost nothing. */
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(&self->vm, 20));
}

/* The end of the last VM turns off SVM that the module turned on, not that of others. */
TEST_F_TIMEOUT(taken, over, 60)
{
	__u64 efer;

	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(&self->vm, 20));
	efer = host_msr(0, MSR_EFER);
	ASSERT_EQ(0, take_svm_away(0));
	ASSERT_EQ(0, host_wrmsr(0, MSR_VM_HSAVE_PA, OTHER_HSAVE));
	ASSERT_EQ(0, host_wrmsr(0, MSR_EFER, efer));
	vm_close(&self->vm);
	usleep(1200000);
	EXPECT_TRUE(svme_on(0));
	EXPECT_EQ(OTHER_HSAVE, host_msr(0, MSR_VM_HSAVE_PA));

	ASSERT_EQ(0, take_svm_away(0));
	ASSERT_EQ(0, host_wrmsr(0, MSR_VM_HSAVE_PA, 0));
	vm_open(&self->vm);
	load_guest(&self->vm, spin);
	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(&self->vm, 20));
}

TEST_HARNESS_MAIN
