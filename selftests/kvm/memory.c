// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu-kvm: memory slots and dirty logs.
 *
 * kernel: stock, debug
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "kvm_client.h"

#define PAGE		4096UL
#define MORE		0x40000000UL	/* a second slot */
#define MORE_PAGES	70

FIXTURE(memory) {
	struct client c;
	unsigned char *more;
};

FIXTURE_SETUP(memory)
{
	client_open(&self->c);
	self->more = svmvcpu_alloc(MORE_PAGES * PAGE);
}

FIXTURE_TEARDOWN(memory)
{
	client_close(&self->c);
	svmvcpu_free(self->more, MORE_PAGES * PAGE);
}

static struct kvm_userspace_memory_region more_slot(const unsigned char *more, __u32 flags)
{
	return (struct kvm_userspace_memory_region) {
		.slot = 1, .flags = flags, .guest_phys_addr = MORE,
		.memory_size = MORE_PAGES * PAGE, .userspace_addr = (uintptr_t)more,
	};
}

static int set_slot(struct client *c, const struct kvm_userspace_memory_region *slot)
{
	return ioctl_errno(c->vm, KVM_SET_USER_MEMORY_REGION, slot);
}

TEST_F(memory, refused)
{
	struct client *c = &self->c;
	struct kvm_userspace_memory_region good = more_slot(self->more, 0), slot;

#define REFUSED(error, member, value)					\
do {									\
	slot = good;							\
	slot.member = value;						\
	EXPECT_EQ(error, set_slot(c, &slot));				\
} while (0)
	REFUSED(EINVAL, flags, 1U << 20);
	REFUSED(EINVAL, slot, 0x7fffffff);
	REFUSED(EINVAL, guest_phys_addr, MORE + 1);
	REFUSED(EINVAL, memory_size, PAGE + 1);
	REFUSED(EINVAL, userspace_addr, good.userspace_addr + 1);
	REFUSED(EINVAL, guest_phys_addr, ~0ULL << 12);
	REFUSED(EINVAL, memory_size, 0);
	REFUSED(EEXIST, guest_phys_addr, TEST_MEM - PAGE);
	ASSERT_EQ(0, set_slot(c, &good));
	EXPECT_EQ(0, set_slot(c, &good));
	/* What a slot cannot change */
	REFUSED(EINVAL, memory_size, PAGE);
	REFUSED(EINVAL, userspace_addr, good.userspace_addr + PAGE);
	REFUSED(EINVAL, flags, KVM_MEM_READONLY);
	REFUSED(EEXIST, guest_phys_addr, TEST_MEM - PAGE);
	REFUSED(0, memory_size, 0);
	REFUSED(EINVAL, memory_size, 0);
#undef REFUSED
}

GUEST32(touch, "incl 0x40000000\n movl 0x40000000, %eax\n hlt");
GUEST32(write, "movl $5, 0x40001000\n movl 0x40001000, %eax\n hlt");

/* The instruction reads and writes the device, and then reads it. */
static void expect_device(struct __test_metadata *_metadata, struct client *c)
{
	client_start(c, 32);
	for (int i = 0; i < 3; i++) {
		CLIENT_EXPECT(c, MMIO);
		EXPECT_EQ(MORE, c->run->mmio.phys_addr);
		EXPECT_EQ(i == 1, c->run->mmio.is_write);
		memset(c->run->mmio.data, 0, 8);
	}
	CLIENT_EXPECT(c, HLT);
}

TEST_F(memory, slot)
{
	struct client *c = &self->c;
	struct kvm_userspace_memory_region slot = more_slot(self->more, 0);

	client_load(c, touch);
	expect_device(_metadata, c);
	ASSERT_EQ(0, set_slot(c, &slot));
	self->more[0] = 41;
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(42ULL, client_regs(c).rax);
	/* Move it away, and back */
	slot.guest_phys_addr = 2 * MORE;
	ASSERT_EQ(0, set_slot(c, &slot));
	expect_device(_metadata, c);
	slot.guest_phys_addr = MORE;
	ASSERT_EQ(0, set_slot(c, &slot));
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(43ULL, client_regs(c).rax);
	slot.memory_size = 0;
	ASSERT_EQ(0, set_slot(c, &slot));
	expect_device(_metadata, c);
}

/* until the program writes to 0x8000 */
GUEST32(uses, "1: incl 0x40010000\n cmpl $0, 0x8000\n je 1b\n hlt");

static atomic_bool has_exited;

static void *run_main(void *arg)
{
	int err = client_run(arg);

	has_exited = true;
	return (void *)(long)err;
}

/* until the vCPU has written, so that the next change finds it in the guest */
static void wait_for_write(const __u32 *counter)
{
	__u32 before = __atomic_load_n(counter, __ATOMIC_RELAXED);

	while (!has_exited && __atomic_load_n(counter, __ATOMIC_RELAXED) == before)
		sched_yield();
}

/* A vCPU that uses the memory all the time finds it, wherever the slot is. */
TEST_F(memory, changes_under_a_vcpu)
{
	struct kvm_userspace_memory_region slot = more_slot(self->more, 0);
	struct client *c = &self->c;
	pthread_t thread;
	void *err;

	ASSERT_EQ(0, set_slot(c, &slot));
	client_load(c, uses);
	client_start(c, 32);
	has_exited = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_main, c));
	wait_for_write((__u32 *)(self->more + 0x10000));
	for (int i = 1; i <= 100; i++) {
		/* by a page there and back, with a log half of the time */
		slot.guest_phys_addr = MORE - (i & 1 ? PAGE : 0);
		slot.flags = i & 2 ? KVM_MEM_LOG_DIRTY_PAGES : 0;
		ASSERT_EQ(0, set_slot(c, &slot));
		wait_for_write((__u32 *)(self->more + 0x10000 + (i & 1 ? PAGE : 0)));
	}
	__atomic_store_n((__u32 *)(c->mem + TEST_DATA), 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, &err));
	EXPECT_EQ(NULL, err);
	EXPECT_EQ((unsigned int)KVM_EXIT_HLT, c->run->exit_reason);
}

TEST_F(memory, readonly)
{
	struct client *c = &self->c;
	struct kvm_userspace_memory_region slot = more_slot(self->more, KVM_MEM_READONLY);

	ASSERT_EQ(1, ioctl(c->dev, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM));
	ASSERT_EQ(0, set_slot(c, &slot));
	*(__u32 *)(self->more + PAGE) = 7;
	client_load(c, write);
	client_start(c, 32);
	CLIENT_EXPECT(c, MMIO);
	EXPECT_EQ(1, c->run->mmio.is_write);
	EXPECT_EQ(MORE + PAGE, c->run->mmio.phys_addr);
	EXPECT_EQ(5U, *(__u32 *)c->run->mmio.data);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(7ULL, client_regs(c).rax);
	/* an instruction that reads and writes: only the write is the device's */
	self->more[0] = 1;
	client_load(c, touch);
	client_start(c, 32);
	CLIENT_EXPECT(c, MMIO);
	EXPECT_EQ(1, c->run->mmio.is_write);
	EXPECT_EQ(2U, *(__u32 *)c->run->mmio.data);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(1ULL, client_regs(c).rax);
}

TEST_F(memory, nothing_behind_it)
{
	struct client *c = &self->c;
	struct kvm_userspace_memory_region slot = more_slot(self->more, 0);

	ASSERT_EQ(0, set_slot(c, &slot));
	ASSERT_EQ(0, munmap(self->more + PAGE, PAGE));
	client_load(c, write);
	client_start(c, 32);
	EXPECT_EQ(EFAULT, client_run(c));
	ASSERT_EQ(self->more + PAGE,
		  mmap(self->more + PAGE, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(5ULL, client_regs(c).rax);
}

/* --- dirty logs ----------------------------------------------------------- */

GUEST32(dirty, "movl $1, 0x40001000\n movl $1, 0x40045000\n hlt");

#define FIRST	(1ULL << 1)	/* page 1, in the first word */
#define SECOND	(1ULL << 5)	/* page 69, in the second */

static int get_log(struct client *c, __u64 *bits)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };

	memset(bits, 0xff, 2 * sizeof(*bits));
	return ioctl_errno(c->vm, KVM_GET_DIRTY_LOG, &log);
}

TEST_F(memory, dirty_log)
{
	struct client *c = &self->c;
	struct kvm_userspace_memory_region slot = more_slot(self->more, 0);
	__u64 bits[2];

	ASSERT_EQ(0, set_slot(c, &slot));
	EXPECT_EQ(ENOENT, get_log(c, bits));
	slot.flags = KVM_MEM_LOG_DIRTY_PAGES;
	ASSERT_EQ(0, set_slot(c, &slot));
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(0ULL, bits[0] | bits[1]);
	client_load(c, dirty);
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(FIRST, bits[0]);
	EXPECT_EQ(SECOND, bits[1]);
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(0ULL, bits[0] | bits[1]);
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(FIRST, bits[0]);
	slot.flags = 0;
	ASSERT_EQ(0, set_slot(c, &slot));
	EXPECT_EQ(ENOENT, get_log(c, bits));
}

/* The log moves with its slot. */
TEST_F(memory, dirty_log_moves)
{
	struct kvm_userspace_memory_region slot = more_slot(self->more, KVM_MEM_LOG_DIRTY_PAGES);
	static const __u64 places[] = { 2 * MORE, MORE + PAGE, MORE - PAGE };
	struct client *c = &self->c;
	__u64 bits[2];

	client_load(c, dirty);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		slot.guest_phys_addr = MORE;
		ASSERT_EQ(0, set_slot(c, &slot));
		client_start(c, 32);
		CLIENT_EXPECT(c, HLT);
		slot.guest_phys_addr = places[i];
		ASSERT_EQ(0, set_slot(c, &slot));
		ASSERT_EQ(0, get_log(c, bits));
		EXPECT_EQ(FIRST, bits[0] & FIRST);
		EXPECT_EQ(SECOND, bits[1] & SECOND);
		EXPECT_EQ(0ULL, bits[1] >> (MORE_PAGES - 64));
		ASSERT_EQ(0, get_log(c, bits));
		EXPECT_EQ(0ULL, bits[0] | bits[1]);
	}
	slot.guest_phys_addr = MORE;
	ASSERT_EQ(0, set_slot(c, &slot));
	ASSERT_EQ(0, get_log(c, bits));
	/* It is logged where it is now. */
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(FIRST, bits[0]);
	EXPECT_EQ(SECOND, bits[1]);
}

/* A slot that cannot move to a place does not change the log of the slot there. */
TEST_F(memory, log_of_another_slot)
{
	struct kvm_userspace_memory_region slot = more_slot(self->more, KVM_MEM_LOG_DIRTY_PAGES);
	struct client *c = &self->c;
	__u64 bits[2];

	ASSERT_EQ(0, set_slot(c, &slot));
	slot.slot = 2;
	slot.guest_phys_addr = 2 * MORE;
	ASSERT_EQ(0, set_slot(c, &slot));
	slot.guest_phys_addr = MORE;
	EXPECT_EQ(EEXIST, set_slot(c, &slot));
	client_load(c, dirty);
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(FIRST, bits[0]);
	EXPECT_EQ(SECOND, bits[1]);
}

/* pop to memory from a device: the kernel does not decode it, so the library writes */
GUEST32(pops, "mov $0x10000000, %esp\n popl 0x40001000\n hlt");

TEST_F(memory, dirty_by_emulation)
{
	struct kvm_userspace_memory_region slot = more_slot(self->more, KVM_MEM_LOG_DIRTY_PAGES);
	struct client *c = &self->c;
	__u64 bits[2];

	ASSERT_EQ(0, set_slot(c, &slot));
	client_load(c, pops);
	client_start(c, 32);
	CLIENT_EXPECT(c, MMIO);
	EXPECT_EQ(0, c->run->mmio.is_write);
	memset(c->run->mmio.data, 0x5a, 8);
	CLIENT_EXPECT(c, HLT);
	EXPECT_EQ(0x5a, self->more[PAGE]);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, get_log(c, bits));
		EXPECT_EQ(i ? 0 : FIRST, bits[0]);
		EXPECT_EQ(0ULL, bits[1]);
	}
}

static int clear_log(struct client *c, __u64 first, __u32 pages, __u64 *bits)
{
	struct kvm_clear_dirty_log log = {
		.slot = 1, .first_page = first, .num_pages = pages, .dirty_bitmap = bits,
	};

	return ioctl_errno(c->vm, KVM_CLEAR_DIRTY_LOG, &log);
}

/* The log stays until the program clears it. */
TEST_F(memory, manual_protect)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE },
	};
	struct kvm_userspace_memory_region slot = more_slot(self->more, KVM_MEM_LOG_DIRTY_PAGES);
	struct client *c = &self->c;
	__u64 bits[2], clear[2] = { FIRST, 0 };

	ASSERT_LT(0, ioctl(c->vm, KVM_CHECK_EXTENSION, cap.cap));
	ASSERT_EQ(0, ioctl(c->vm, KVM_ENABLE_CAP, &cap));
	ASSERT_EQ(0, set_slot(c, &slot));
	client_load(c, dirty);
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, get_log(c, bits));
		EXPECT_EQ(FIRST, bits[0]);
		EXPECT_EQ(SECOND, bits[1]);
	}
	EXPECT_EQ(EINVAL, clear_log(c, 1, 63, clear));
	EXPECT_EQ(EINVAL, clear_log(c, 0, 63, clear));
	EXPECT_EQ(EINVAL, clear_log(c, 0, MORE_PAGES + 1, clear));
	ASSERT_EQ(0, clear_log(c, 0, 64, clear));
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(0ULL, bits[0]);
	EXPECT_EQ(SECOND, bits[1]);
	clear[0] = SECOND;
	ASSERT_EQ(0, clear_log(c, 64, MORE_PAGES - 64, clear));
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(0ULL, bits[0] | bits[1]);
	client_start(c, 32);
	CLIENT_EXPECT(c, HLT);
	ASSERT_EQ(0, get_log(c, bits));
	EXPECT_EQ(FIRST, bits[0]);
	cap.args[0] = 4;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_ENABLE_CAP, &cap));
	cap.cap = 9999;
	EXPECT_EQ(EINVAL, ioctl_errno(c->vm, KVM_ENABLE_CAP, &cap));
}

TEST_HARNESS_MAIN
