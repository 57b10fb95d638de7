// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs and interrupts of the host while a guest runs: they reach the host, cause no
 * exit to the VMM, and the guest continues.
 */
#include "guest_thread.h"

#define NMIS	10

FIXTURE(exit_host) {
	struct test_vm vm;
	struct guest_thread gt;
	char level[16];		/* /proc/sys/kernel/printk */
};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		vm_die(path);
	close(fd);
}

/* The count of a line of /proc/interrupts, for CPU 1 */
static unsigned long irq_count(const char *name)
{
	unsigned long first, second, result = 0;
	char line[512], label[16];
	FILE *f = fopen("/proc/interrupts", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " %15[^:]: %lu %lu", label, &first, &second) == 3 &&
		    !strcmp(label, name))
			result = second;
	if (f)
		fclose(f);
	return result;
}

FIXTURE_SETUP(exit_host)
{
	FILE *f = fopen("/proc/sys/kernel/printk", "r");

	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%15s", self->level));
	fclose(f);
	vm_open(&self->vm);
	load_guest(&self->vm, spin);
	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
	ASSERT_EQ(0, pin_to_cpu(0));
	guest_thread_start(&self->gt, &self->vm.vcpu);
	ASSERT_EQ(0, pin_thread(&self->gt, 1));
}

FIXTURE_TEARDOWN(exit_host)
{
	write_file("/proc/sys/kernel/printk", self->level);
	vm_close(&self->vm);
}

/* Asks all CPUs for a backtrace, which takes an NMI; the output is not used. */
static void send_nmi(void)
{
	write_file("/proc/sys/kernel/printk", "1");
	write_file("/proc/sysrq-trigger", "l");
}

TEST_F_TIMEOUT(exit_host, nmi, 60)
{
	unsigned long before = irq_count("NMI");

	ASSERT_TRUE(guest_beats(&self->vm));
	for (unsigned long i = 1; i <= NMIS; i++) {
		send_nmi();
		ASSERT_TRUE(WAIT_UNTIL(irq_count("NMI") >= before + i));
		ASSERT_TRUE(guest_beats(&self->vm));
		ASSERT_FALSE(self->gt.done);
	}
	guest_thread_stop(&self->gt);
	EXPECT_EQ(0, self->gt.err);
	EXPECT_EQ((unsigned int)SVMVCPU_EXIT_INTERRUPTED, self->vm.run->reason);
}

/* A guest that only spins does not block the timer. */
TEST_F_TIMEOUT(exit_host, timer, 60)
{
	unsigned long before;

	ASSERT_TRUE(guest_beats(&self->vm));
	before = irq_count("LOC");
	EXPECT_TRUE(WAIT_UNTIL(irq_count("LOC") > before + 20));
	ASSERT_FALSE(self->gt.done);
	guest_thread_stop(&self->gt);
	EXPECT_EQ(0, self->gt.err);
}

TEST_HARNESS_MAIN
