// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another thread changes the VMM's LDT while one thread is in the guest: modify_ldt()
 * waits for an interrupt on that CPU and frees the old table. Back in user mode that
 * thread must use the new table.
 */
#include <asm/ldt.h>
#include <sys/syscall.h>

#include "guest_thread.h"

#define WRITE_LDT	0x11
#define ENTRY		4
#define ROUNDS		20

/**
 * struct ldt_thread - a thread that is in RUN, and looks at its LDT behind each
 * @vcpu: .
 * @rounds: how often it has looked
 * @seen: what it saw: is there a segment at ENTRY?
 * @stop: once more, and it ends
 * @err: errno of the last RUN
 */
struct ldt_thread {
	struct svmvcpu_vcpu *vcpu;
	volatile unsigned int rounds;
	volatile bool seen;
	volatile bool stop;
	volatile int err;
};

FIXTURE(ldt) {
	struct test_vm vm;
	struct ldt_thread lt;
	pthread_t thread;
	int error;	/* errno of the first modify_ldt() */
};

static int ldt_write(unsigned int entry, bool there)
{
	struct user_desc desc = {
		.entry_number = entry, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1,
	};

	if (!there)
		desc = (struct user_desc) {
			.entry_number = entry, .read_exec_only = 1, .seg_not_present = 1,
		};
	return syscall(SYS_modify_ldt, WRITE_LDT, &desc, sizeof(desc)) ? errno : 0;
}

static bool segment_there(void)
{
	unsigned int rights = ENTRY << 3 | 7;
	bool there;

	asm volatile("lar %1, %1" : "=@ccz" (there), "+r" (rights));
	return there;
}

static void *ldt_thread_main(void *arg)
{
	struct ldt_thread *lt = arg;

	while (!lt->stop && !lt->err) {
		lt->err = ioctl(lt->vcpu->fd, SVMVCPU_RUN, 0) ? errno : 0;
		lt->seen = segment_there();
		__atomic_fetch_add(&lt->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

FIXTURE_SETUP(ldt)
{
	cpu_set_t set;

	/* Before the guest runs, the table exists and is too short for ENTRY. */
	self->error = ldt_write(0, true);
	vm_open(&self->vm);
	load_guest(&self->vm, spin);
	vm_setup(&self->vm, SVMVCPU_PRESET_PROT32);
	self->lt.vcpu = &self->vm.vcpu;
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, ldt_thread_main, &self->lt));
	CPU_ZERO(&set);
	CPU_SET(1, &set);
	ASSERT_EQ(0, pthread_setaffinity_np(self->thread, sizeof(set), &set));
}

FIXTURE_TEARDOWN(ldt)
{
	self->lt.stop = true;
	svmvcpu_vcpu_kick(&self->vm.vcpu);
	pthread_join(self->thread, NULL);
	vm_close(&self->vm);
}

TEST_F_TIMEOUT(ldt, changes_in_the_guest, 120)
{
	unsigned int round;

	if (host_is_bochs())
		SKIP(return, "its kernel has no modify_ldt()");
	ASSERT_EQ(0, self->error);
	for (round = 0; round < ROUNDS; round++) {
		unsigned int before = self->lt.rounds;
		bool there = !(round & 1);

		ASSERT_TRUE(guest_beats(&self->vm));
		ASSERT_EQ(0, ldt_write(ENTRY, there));
		ASSERT_TRUE(guest_beats(&self->vm));
		ASSERT_EQ(0, svmvcpu_vcpu_kick(&self->vm.vcpu));
		ASSERT_TRUE(WAIT_UNTIL(self->lt.rounds != before));
		ASSERT_EQ(0, self->lt.err);
		EXPECT_EQ(there, self->lt.seen)
			TH_LOG("round %u", round);
	}
}

TEST_HARNESS_MAIN
