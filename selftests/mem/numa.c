// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel: stock
 * emulator: qemu, one node only
 * mem: 5G
 * append: hugepagesz=1G hugepages=1 numa=fake=2
 *
 * Memory that migrates between nodes while a guest writes to it: by move_pages(), and
 * by NUMA balancing, which removes all rights for a while to see who accesses the page.
 * (The machine is mem_giga's.)
 */
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "guest_thread.h"
#include "host_state.h"

#define MOVED	32U

FIXTURE(numa) {
	struct test_vm vm;
	struct guest_thread gt;
	char *mem;	/* from TEST_FREE on */
};

FIXTURE_SETUP(numa)
{
	vm_open(&self->vm);
	self->mem = (char *)self->vm.mem + TEST_FREE;
	madvise(self->vm.mem, TEST_MEM, MADV_NOHUGEPAGE);
	memset(self->mem, 0, MOVED * PAGE);
}

VM_TEARDOWN(numa)

/* Adds 1 to each of 32 pages, and checks that they stay equal. */
GUEST32(even,
	"xor %eax, %eax\n"
	"1: mov $0x200000, %esi\n"
	"mov $32, %ecx\n"
	"2: cmp %eax, (%esi)\n"
	"jne 3f\n"
	"incl (%esi)\n"
	"add $0x1000, %esi\n"
	"loop 2b\n"
	"inc %eax\n"
	"incl 0x8000\n"
	"jmp 1b\n"
	"3: out %eax, $0x10\n");

/* Migrates all pages to a node; returns how many are there afterwards, or a negative errno */
static int move_to(char *mem, int node)
{
	void *pages[MOVED];
	int nodes[MOVED], status[MOVED], there = 0;
	unsigned int i;

	for (i = 0; i < MOVED; i++) {
		pages[i] = mem + i * PAGE;
		nodes[i] = node;
		status[i] = -1;
	}
	if (syscall(__NR_move_pages, 0, MOVED, pages, nodes, status, MPOL_MF_MOVE) < 0)
		return -errno;
	for (i = 0; i < MOVED; i++)
		there += status[i] == node;
	return there;
}

TEST_F_TIMEOUT(numa, move_pages, 120)
{
	struct test_vm *vm = &self->vm;
	int i, there, moved = 0;

	START_GUEST(&self->gt, vm, even);
	for (i = 0; i < 40 && !self->gt.done; i++) {
		there = move_to(self->mem, i % 2);
		ASSERT_LE(0, there);
		moved += there;
		usleep(1000);
	}
	TH_LOG("%d pages moved", moved);
	EXPECT_LT(20 * (int)MOVED, moved);
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

static unsigned long counter(const char *name)
{
	unsigned long value, found = 0;
	char line[128], key[64];
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu", key, &value) == 2 && !strcmp(key, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

#define SCAN	"/sys/kernel/debug/sched/numa_balancing/"

TEST_F_TIMEOUT(numa, balancing, 180)
{
	struct test_vm *vm = &self->vm;
	unsigned long updates, faults;

	ASSERT_EQ(0, write_file("/proc/sys/kernel/numa_balancing", "1"));
	ASSERT_EQ(0, write_file(SCAN "scan_delay_ms", "10"));
	ASSERT_EQ(0, write_file(SCAN "scan_period_min_ms", "20"));
	updates = counter("numa_pte_updates");
	faults = counter("numa_hint_faults");
	START_GUEST(&self->gt, vm, even);
	/* on one node, so that there is something to balance */
	pin_thread(&self->gt, 1);
	EXPECT_TRUE(WAIT_UNTIL(self->gt.done || (counter("numa_pte_updates") > updates + MOVED &&
						 counter("numa_hint_faults") > faults)));
	TH_LOG("%lu entries, %lu faults", counter("numa_pte_updates") - updates,
	       counter("numa_hint_faults") - faults);
	EXPECT_TRUE(guest_beats(vm));
	guest_thread_stop(&self->gt);
	EXPECT_EQ(SVMVCPU_EXIT_INTERRUPTED, vm->run->reason);
}

TEST_HARNESS_MAIN
