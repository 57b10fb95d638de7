// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeout: 120
 * cost: 12
 * kernel: stock, debug
 *
 * CPU hotplug and suspend while guests run: the guest keeps counting, and SVM is on
 * only where it should be.
 */
#include "guest_thread.h"
#include "host_state.h"

#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"
/* of each test; a CPU may take a second to go offline and online */
#define ROUNDS		(slow_machine() ? 3 : 5)

FIXTURE(hotplug) {
	struct test_vm vm;
	struct guest_thread gt;
};

FIXTURE_SETUP(hotplug)
{
	ASSERT_TRUE(msr_readable());
	ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
	ASSERT_TRUE(svme_goes_off());
	vm_open(&self->vm);
}

FIXTURE_TEARDOWN(hotplug)
{
	write_file(CPU1_ONLINE, "1");
	vm_close(&self->vm);
	EXPECT_TRUE(svme_goes_off());
}

/* ROUNDS times offline and online; the guest must make progress in each phase. */
#define CYCLE(vm, gt)							\
do {									\
	int i_;								\
									\
	for (i_ = 0; i_ < ROUNDS; i_++) {				\
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));		\
		ASSERT_TRUE(guest_beats(vm));				\
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));		\
		ASSERT_TRUE(guest_beats(vm));				\
		ASSERT_FALSE((gt)->done);				\
	}								\
} while (0)

TEST_F_TIMEOUT(hotplug, free_vcpu, 240)
{
	START_GUEST(&self->gt, &self->vm, spin);
	ASSERT_TRUE(guest_beats(&self->vm));
	CYCLE(&self->vm, &self->gt);
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, self->vm.run->reason);
}

/* The thread is pinned to the CPU that goes offline each time: the scheduler moves it. */
TEST_F_TIMEOUT(hotplug, bound_vcpu, 240)
{
	struct test_vm *vm = &self->vm;
	int i;

	ASSERT_EQ(0, pin_to_cpu(0));
	START_GUEST(&self->gt, vm, spin);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, pin_thread(&self->gt, 1));
		ASSERT_TRUE(guest_beats(vm));
		ASSERT_TRUE(svme_on(1));
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
		ASSERT_TRUE(guest_beats(vm));
		ASSERT_TRUE(svme_on(0));
		/* Not back on CPU 1 before the test has looked */
		ASSERT_EQ(0, pin_thread(&self->gt, 0));
		ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
		/* The CPU comes up with SVM off. */
		ASSERT_FALSE(svme_on(1));
	}
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

TEST_F_TIMEOUT(hotplug, two_vcpus, 240)
{
	struct test_vm *vm = &self->vm, other;
	struct guest_thread gt2;

	vm_open(&other);
	START_GUEST(&self->gt, vm, spin);
	START_GUEST(&gt2, &other, spin);
	ASSERT_TRUE(guest_beats(vm) && guest_beats(&other));
	CYCLE(&other, &self->gt);
	ASSERT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
	guest_thread_stop(&gt2);
	vm_close(&other);
}

/* The VM is created before the CPU comes online. */
TEST_F_TIMEOUT(hotplug, cpu_comes_later, 120)
{
	struct test_vm *vm = &self->vm, late;

	ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
	vm_open(&late);
	START_GUEST(&self->gt, &late, spin);
	ASSERT_TRUE(guest_beats(&late));
	ASSERT_EQ(0, pin_thread(&self->gt, 0));
	ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
	EXPECT_FALSE(svme_on(1));
	ASSERT_EQ(0, pin_thread(&self->gt, 1));
	ASSERT_TRUE(guest_beats(&late));
	EXPECT_TRUE(svme_on(1));
	guest_thread_stop(&self->gt);
	vm_close(&late);
	EXPECT_EQ(0, vm->run->exits);
}

/* Stopped on the CPU that goes offline, continued on another one: nothing is lost. */
TEST_F_TIMEOUT(hotplug, stopped_vcpu, 120)
{
	struct test_vm *vm = &self->vm;
	__u32 beats;

	ASSERT_EQ(0, pin_to_cpu(1));
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(vm, 5));
	beats = *guest_word(vm, BEATS);
	ASSERT_LT(0U, beats);
	ASSERT_EQ(0, write_file(CPU1_ONLINE, "0"));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(vm, 5));
	EXPECT_LT(beats, *guest_word(vm, BEATS));
	ASSERT_EQ(0, write_file(CPU1_ONLINE, "1"));
	ASSERT_EQ(0, pin_to_cpu(1));
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(vm, 200));
}

/* Memory changes during hotplug: a flush must not wait for offline CPUs. */
TEST_F_TIMEOUT(hotplug, memory_changes_meanwhile, 240)
{
	struct test_vm *vm = &self->vm;
	void *page = vm->mem + TEST_FREE;
	pid_t pid;
	int i;

	START_GUEST(&self->gt, vm, reader);
	ASSERT_TRUE(guest_beats(vm));
	pid = fork();
	if (!pid) {
		for (i = 0; i < ROUNDS; i++)
			if (write_file(CPU1_ONLINE, "0") || write_file(CPU1_ONLINE, "1"))
				_exit(1);
		_exit(0);
	}
	for (i = 0; waitpid(pid, NULL, WNOHANG) == 0; i++) {
		*guest_word(vm, TEST_FREE) = i;
		ASSERT_EQ(0, madvise(page, PAGE, MADV_DONTNEED));
		usleep(500);
	}
	EXPECT_LT(3, i);
	EXPECT_TRUE(WAIT_UNTIL(*guest_word(vm, SEEN) == 0));
	EXPECT_FALSE(self->gt.done);
	guest_thread_stop(&self->gt);
}

FIXTURE(suspend) {
	struct test_vm vm;
	struct guest_thread gt;
};

FIXTURE_VARIANT(suspend) {
	const char *level;	/* how far suspend goes before it returns */
	const char *state;
	bool svm_goes_off;
};

FIXTURE_VARIANT_ADD(suspend, freezer) {
	.level = "freezer", .state = "freeze",
};

FIXTURE_VARIANT_ADD(suspend, devices) {
	.level = "devices", .state = "freeze", .svm_goes_off = true,
};

FIXTURE_VARIANT_ADD(suspend, processors) {
	.level = "processors", .state = "mem", .svm_goes_off = true,
};

FIXTURE_VARIANT_ADD(suspend, core) {
	.level = "core", .state = "mem", .svm_goes_off = true,
};

FIXTURE_SETUP(suspend)
{
	ASSERT_TRUE(msr_readable());
	vm_open(&self->vm);
}

FIXTURE_TEARDOWN(suspend)
{
	write_file("/sys/power/pm_test", "none");
	vm_close(&self->vm);
	EXPECT_TRUE(svme_goes_off());
}

static bool mem_sleep_there(const char *state)
{
	char text[64] = "";
	FILE *f = fopen("/sys/power/state", "r");
	bool there = f && fgets(text, sizeof(text), f) && strstr(text, state);

	if (f)
		fclose(f);
	return there;
}

/* Suspend shall return at @level. NULL, or why it cannot be tested */
static const char *prepare_suspend(const char *level, const char *state)
{
	/* "deep" if there is such a state; otherwise "mem" acts like "freeze" */
	write_file("/sys/power/mem_sleep", "deep");
	if (write_file("/sys/power/pm_test", level))
		return "no pm_test in this kernel";
	if (!mem_sleep_there(state))
		return "the machine cannot suspend to this state";
	/* it returns at once, without a busy wait */
	write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	return NULL;
}

TEST_F_TIMEOUT(suspend, guest_goes_on, 120)
{
	const char *why_not = prepare_suspend(variant->level, variant->state);
	struct test_vm *vm = &self->vm;

	if (why_not)
		SKIP(return, "%s", why_not);
	START_GUEST(&self->gt, vm, spin);
	ASSERT_TRUE(guest_beats(vm));
	ASSERT_EQ(0, write_file("/sys/power/state", variant->state));
	EXPECT_TRUE(guest_beats(vm));
	EXPECT_FALSE(self->gt.done);
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

/* With a VM that does not run: SVM stays off until the next RUN. */
TEST_F_TIMEOUT(suspend, stopped_guest, 120)
{
	const char *why_not = prepare_suspend(variant->level, variant->state);
	struct test_vm *vm = &self->vm;

	if (why_not)
		SKIP(return, "%s", why_not);
	load_guest(vm, spin);
	vm_setup(vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(vm, 200));
	ASSERT_LT(0, svme_count());
	ASSERT_EQ(0, write_file("/sys/power/state", variant->state));
	EXPECT_EQ(!variant->svm_goes_off, !!svme_count());
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, run_for_ms(vm, 200));
	EXPECT_LT(0, svme_count());
}

TEST_HARNESS_MAIN
