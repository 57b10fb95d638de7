// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a 32-bit program: the same structures through the 32-bit system call
 * entry, which this 64-bit program uses by int 0x80. Needs a kernel that runs 32-bit
 * programs.
 *
 * kernel: stock
 */
#include "abi_args.h"

#define NR_IOCTL_32	54

/* ioctl() by int 0x80; pointers must be below 4 GiB. */
static int ioctl_32(int fd, unsigned long cmd, const void *arg)
{
	int ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (NR_IOCTL_32), "b" (fd), "c" ((__u32)cmd),
		       "d" ((__u32)(uintptr_t)arg)
		     : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

GUEST16(out_halt, "in $0x60, %al\n hlt");

/* Structures for the calls, all below 4 GiB. */
struct low_memory {
	struct svmvcpu_info info;
	struct svmvcpu_create_vm create_vm;
	struct svmvcpu_map map;
	struct svmvcpu_region region;
	struct svmvcpu_create_vcpu create_vcpu;
	struct svmvcpu_setup setup;
	struct svmvcpu_state state;
};

#define LOW_PAGES	8	/* and as many pages for the guest */

FIXTURE(compat) {
	struct low_memory *low;
	unsigned char *mem;
	int dev, vm, vcpu;
	struct svmvcpu_run *run;
};

/* Creates and runs a VM through the 32-bit entry. */
FIXTURE_SETUP(compat)
{
	struct low_memory *low = mmap(NULL, 2 * LOW_PAGES * PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)low);
	self->low = low;
	self->mem = (unsigned char *)low + LOW_PAGES * PAGE;
	memcpy(self->mem + TEST_CODE, guest_out_halt, guest_out_halt_end - guest_out_halt);
	self->dev = svmvcpu_open(NULL);
	ASSERT_GT(self->dev, 0);
	low->create_vm.size = sizeof(low->create_vm);
	self->vm = ioctl_32(self->dev, SVMVCPU_CREATE_VM, &low->create_vm);
	ASSERT_GT(self->vm, 0);
	low->region = (struct svmvcpu_region) {
		.bytes = LOW_PAGES * PAGE, .hva = (uintptr_t)self->mem,
		.prot = SVMVCPU_MEM_READ | SVMVCPU_MEM_WRITE | SVMVCPU_MEM_EXEC,
	};
	low->map = (struct svmvcpu_map) {
		.size = sizeof(low->map), .nr = 1, .regions = (uintptr_t)&low->region,
	};
	ASSERT_EQ(0, ioctl_32(self->vm, SVMVCPU_MAP, &low->map));
	low->create_vcpu.size = sizeof(low->create_vcpu);
	self->vcpu = ioctl_32(self->vm, SVMVCPU_CREATE_VCPU, &low->create_vcpu);
	ASSERT_GT(self->vcpu, 0);
	low->setup = (struct svmvcpu_setup) { .size = sizeof(low->setup), .entry = TEST_CODE };
	ASSERT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_SETUP, &low->setup));
	self->run = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->vcpu, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->run);
}

FIXTURE_TEARDOWN(compat)
{
	munmap(self->run, 2 * PAGE);
	close(self->vcpu);
	close(self->vm);
	close(self->dev);
	munmap(self->low, 2 * LOW_PAGES * PAGE);
}

TEST_F(compat, run)
{
	struct svmvcpu_state *state = &self->low->state;

	ASSERT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_RUN, NULL));
	EXPECT_EQ((__u32)SVMVCPU_EXIT_IO, self->run->reason);
	self->run->answer = 0x31;
	ASSERT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_KICK, NULL));
	ASSERT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_RUN, NULL));
	EXPECT_EQ((__u32)SVMVCPU_EXIT_INTERRUPTED, self->run->reason);
	ASSERT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_RUN, NULL));
	EXPECT_EQ((__u32)SVMVCPU_EXIT_HALT, self->run->reason);
	state->size = sizeof(*state);
	state->components = STATE_REGS;
	ASSERT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_GET_STATE, state));
	EXPECT_EQ(0x31ULL, state->gprs.rax);
	EXPECT_EQ(0, ioctl_32(self->vcpu, SVMVCPU_SET_STATE, state));
}

TEST_F(compat, other_calls)
{
	struct svmvcpu_info *info = &self->low->info;

	info->size = sizeof(*info);
	ASSERT_EQ(0, ioctl_32(self->dev, SVMVCPU_GET_INFO, info));
	EXPECT_EQ((__u32)SVMVCPU_API_VERSION, info->api_version);
	EXPECT_EQ(-EEXIST, ioctl_32(self->vm, SVMVCPU_MAP, &self->low->map));
	EXPECT_EQ(-ENOTTY, ioctl_32(self->vcpu, SVMVCPU_GET_INFO, info));
	EXPECT_EQ(-EFAULT, ioctl_32(self->vcpu, SVMVCPU_SETUP, NULL));
}

/*
 * All members are naturally aligned. A compiler that aligns 64-bit integers to four
 * bytes, as for i386, lays the structures out in the same way.
 */
#define PACKED_SAME(type, members)	EXPECT_EQ(sizeof(struct type), (size_t)(members))

TEST(no_implicit_padding)
{
	PACKED_SAME(svmvcpu_gprs, 18 * 8);
	PACKED_SAME(svmvcpu_segment, 8 + 4 + 2 + 2);
	PACKED_SAME(svmvcpu_segments, 10 * 16);
	PACKED_SAME(svmvcpu_control, 6 * 8);
	PACKED_SAME(svmvcpu_debug, 6 * 8);
	PACKED_SAME(svmvcpu_info, 4 * 4 + 2 * 8 + 6 * 4 + 5 * 8 + 4 * 4);
	PACKED_SAME(svmvcpu_map, 4 * 4 + 8);
	PACKED_SAME(svmvcpu_setup, 4 * 4 + 4 * 8);
	PACKED_SAME(svmvcpu_state, 4 + 4 + 8 + 18 * 8 + 160 + 48 + 48 + 16 + 88 + 2 * 8 + 2 * 4 +
		    288 + 2 * 8);
	PACKED_SAME(svmvcpu_events, 3 * 4 + 4);
	PACKED_SAME(svmvcpu_msrs, 11 * 8);
	PACKED_SAME(svmvcpu_lapic, 3 * 8 + 66 * 4);
	PACKED_SAME(svmvcpu_message, 3 * 4 + 4);
	PACKED_SAME(svmvcpu_prefault, 2 * 4 + 3 * 8);
	PACKED_SAME(svmvcpu_stats, 2 * 4 + 7 * 8);
	PACKED_SAME(svmvcpu_cpuid_entry, 8 * 4);
	PACKED_SAME(svmvcpu_cpuid, 4 * 4 + 8);
	PACKED_SAME(svmvcpu_apic_access, 4 * 4 + 8 + 2 * 4);
	PACKED_SAME(svmvcpu_exit_io, 2 + 1 + 1 + 3 * 4);
	PACKED_SAME(svmvcpu_exit_memory, 8 + 8 + 4 + 4 + 1 + 15);
	PACKED_SAME(svmvcpu_exit_exception, 4 * 4 + 8);
	PACKED_SAME(svmvcpu_run, 64 + 24 + 168 + 18 * 8 + 5 * 8);
}

TEST_HARNESS_MAIN
